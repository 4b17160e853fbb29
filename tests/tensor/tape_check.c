/* tape_check.c: tapes, errors and comparisons for the tests of operations. */
#include "tape_check.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

thaw_tape *begun_tape(thaw_tape_mode mode) {
  thaw_tape *tape = thaw_tape_create();
  ck_assert_ptr_nonnull(tape);
  thaw_tape_begin(tape, mode, thaw_rng_make(1, 1));
  return tape;
}

void expect_error(thaw_tape *tape, const char *text) {
  ck_assert_str_eq(thaw_tape_error(tape), text);
  ck_assert_int_eq(thaw_tape_status(tape), THAW_INVALID);
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
}

void expect_close(const char *what, const float *found, const float *expected, size_t size,
                  double tolerance) {
  double largest = 0;
  for (size_t i = 0; i < size; i++) largest = fmax(largest, fabs((double)expected[i]));
  for (size_t i = 0; i < size; i++) {
    const double difference = fabs((double)found[i] - (double)expected[i]);
    ck_assert_msg(difference <= tolerance * largest, /* false for NaN */
                  "%s, element %zu: expected %.8g, found %.8g", what, i, (double)expected[i],
                  (double)found[i]);
  }
}

static float weight_of(size_t element) {
  return (float)(element % 7) - 2;
}

static void weigh_backward(thaw_tape *tape, thaw_tensor *output, thaw_tensor *const *inputs,
                           size_t count, void *context) {
  (void)count, (void)context;
  float *gradient = thaw_grad(tape, inputs[0]);
  for (size_t i = 0; gradient && i < thaw_size(inputs[0]); i++) {
    gradient[i] += output->grad[0] * weight_of(i);
  }
}

void play_back_from(thaw_tape *tape, thaw_tensor *x) {
  ck_assert_msg(x != NULL, "%s", thaw_tape_error(tape));
  thaw_tensor *loss = thaw_tape_tensor(tape, 0, NULL);
  ck_assert_ptr_nonnull(loss);
  loss->data[0] = 0;
  for (size_t i = 0; i < thaw_size(x); i++) loss->data[0] += weight_of(i) * x->data[i];
  loss = thaw_tape_record(tape, "weigh", loss, 1, &x, weigh_backward, NULL);
  ck_assert_msg(thaw_tape_backward(tape, loss) == THAW_OK, "%s", thaw_tape_error(tape));
}

float *copy_of(const float *values, size_t size) {
  float *copy = malloc(size * sizeof *copy);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, values, size * sizeof *copy);
  return copy;
}
