/* tape_check.h: what the tests of operations share besides the gradient check. */
#ifndef TAPE_CHECK_H
#define TAPE_CHECK_H

#include <check.h>

#include "gradient_check.h"

/* A tape that has begun a step in this mode. */
thaw_tape *start_tape(thaw_tape_mode mode);

/* The step has failed with exactly this text; a new one is begun, recording. */
void expect_error(thaw_tape *tape, const char *text);

/* Every element of `found` is within `tolerance` of `expected`, relative to the largest of those.
 */
void expect_close(const char *what, const float *found, const float *expected, size_t size,
                  double tolerance);

/* Makes x the scalar Σ x[i] · (i mod 7 − 2) with its gradient and plays the tape back. */
void play_back_from(thaw_tape *tape, thaw_tensor *x);

/* Memory from malloc with a copy of the values. */
float *copy_of(const float *values, size_t size);

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

/* The same for an operation with products of the matrix library, whose last bits depend on the
 * number of threads: close to each other, and the same bits whenever that number is the same. */
void expect_alike_for_threads(check_function run, void *user, size_t input_count,
                              thaw_tensor *const *inputs);

#endif
