/* operation_test.h: what the tests of the tape's operations share beside the gradient check. */
#ifndef OPERATION_TEST_H
#define OPERATION_TEST_H

#include <check.h>

#include "gradient_check.h"

/* A tape on which a step of this mode has begun. */
thaw_tape *start_tape(thaw_tape_mode mode);

/* The tape has failed with exactly this message; begins a new step. */
void expect_error(thaw_tape *tape, const char *text);

/* Shape and values, the latter to within 1e-6 of their size; a NaN expects a NaN. Takes a shape as
 * SHAPE makes it: expect_values(y, SHAPE(2, 2), (float[]){1, 2, 3, 4}). */
void expect_values(const thaw_tensor *y, size_t rank, const size_t *shape, const float *values);

/* Sets every element of x's gradient to 0 and plays back from Σ y·weight, weight being 1, 2, 3, ….
 * Returns x's gradient. */
const float *gradient_of(thaw_tape *tape, thaw_tensor *y, thaw_tensor *x);

/* Steps of forward and backward: after the first, the system is not asked for memory again. */
void expect_steady_memory(check_function run, void *user, thaw_tensor *const *inputs);

/* Output and gradients have the same bits with one, two and three threads. */
void expect_same_for_threads(check_function run, void *user, size_t input_count,
                             thaw_tensor *const *inputs);

#endif
