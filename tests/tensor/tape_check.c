/* tape_check.c: tapes, errors and comparisons for the tests of operations. */
#include "tape_check.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

thaw_tape *start_tape(thaw_tape_mode mode) {
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

void expect_values(const thaw_tensor *y, size_t rank, const size_t *shape, const float *values) {
  thaw_tensor expected = {.rank = rank};
  for (size_t i = 0; i < rank; i++) expected.shape[i] = shape[i];
  char wanted[THAW_SHAPE_TEXT], found[THAW_SHAPE_TEXT];
  ck_assert_ptr_nonnull(y);
  ck_assert_str_eq(thaw_shape_text(y, found), thaw_shape_text(&expected, wanted));
  for (size_t i = 0; i < thaw_size(y); i++) {
    const float value = y->data[i];
    const float allowed = 1e-6f * fmaxf(1, fabsf(values[i]));
    const bool close =
        isnan(values[i]) ? isnan(value) : value == values[i] || fabsf(value - values[i]) <= allowed;
    ck_assert_msg(close, "element %zu of %s: expected %.8g, found %.8g", i, found,
                  (double)values[i], (double)value);
  }
}

/* ---- Playing back -------------------------------------------------------------------------- */

static void count_up_backward(thaw_tape *tape, thaw_tensor *output, thaw_tensor *const *inputs,
                              size_t count, void *context) {
  (void)count, (void)context;
  float *gradient = thaw_grad(tape, inputs[0]);
  for (size_t i = 0; gradient && i < thaw_size(inputs[0]); i++) {
    gradient[i] += output->grad[0] * (float)(i + 1);
  }
}

static void play_back(thaw_tape *tape, thaw_tensor *y) {
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  thaw_tensor *loss = thaw_tape_tensor(tape, 0, NULL);
  loss->data[0] = 0;
  loss = thaw_tape_record(tape, "count up", loss, 1, &y, count_up_backward, NULL);
  ck_assert_msg(thaw_tape_backward(tape, loss) == THAW_OK, "%s", thaw_tape_error(tape));
}

const float *gradient_of(thaw_tape *tape, thaw_tensor *y, thaw_tensor *x) {
  memset(x->grad, 0, thaw_size(x) * sizeof(float));
  play_back(tape, y);
  return x->grad;
}

void expect_steady_memory(check_function run, void *user, thaw_tensor *const *inputs) {
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  size_t allocations = 0;
  for (int step = 0; step < 5; step++) {
    thaw_tape_begin(tape, THAW_TAPE_TRAIN, thaw_rng_make(1, 1));
    if (step == 1) allocations = thaw_tape_allocations(tape);
    play_back(tape, run(tape, inputs, user));
  }
  ck_assert_uint_eq(thaw_tape_allocations(tape), allocations);
  thaw_tape_free(tape);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const float *values, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3u;
  }
  return hash;
}

void expect_same_for_threads(check_function run, void *user, size_t input_count,
                             thaw_tensor *const *inputs) {
  static const int THREADS[] = {1, 2, 3};
  uint64_t first = 0;
  for (size_t i = 0; i < 3; i++) {
    omp_set_num_threads(THREADS[i]);
    thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
    for (size_t k = 0; k < input_count; k++) {
      memset(inputs[k]->grad, 0, thaw_size(inputs[k]) * sizeof(float));
    }
    thaw_tensor *y = run(tape, inputs, user);
    play_back(tape, y);
    uint64_t hash = mix(1, y->data, thaw_size(y));
    for (size_t k = 0; k < input_count; k++)
      hash = mix(hash, inputs[k]->grad, thaw_size(inputs[k]));
    if (i == 0) first = hash;
    ck_assert_msg(hash == first, "%d threads give other bits than one", THREADS[i]);
    thaw_tape_free(tape);
  }
}

/* The output and all gradients one behind the other, which the caller frees. */
static float *run_with_threads(int threads, check_function run, void *user, size_t input_count,
                               thaw_tensor *const *inputs, size_t *size) {
  omp_set_num_threads(threads);
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  for (size_t k = 0; k < input_count; k++) {
    memset(inputs[k]->grad, 0, thaw_size(inputs[k]) * sizeof(float));
  }
  thaw_tensor *y = run(tape, inputs, user);
  play_back(tape, y);
  *size = thaw_size(y);
  for (size_t k = 0; k < input_count; k++) *size += thaw_size(inputs[k]);
  float *all = malloc(*size * sizeof *all), *at = all;
  ck_assert_ptr_nonnull(all);
  memcpy(at, y->data, thaw_size(y) * sizeof *at);
  at += thaw_size(y);
  for (size_t k = 0; k < input_count; at += thaw_size(inputs[k]), k++) {
    memcpy(at, inputs[k]->grad, thaw_size(inputs[k]) * sizeof *at);
  }
  thaw_tape_free(tape);
  return all;
}

void expect_alike_for_threads(check_function run, void *user, size_t input_count,
                              thaw_tensor *const *inputs) {
  size_t size;
  float *one = run_with_threads(1, run, user, input_count, inputs, &size);
  for (int threads = 2; threads <= 3; threads++) {
    float *found = run_with_threads(threads, run, user, input_count, inputs, &size);
    float *again = run_with_threads(threads, run, user, input_count, inputs, &size);
    expect_close("with more threads", found, one, size, 1e-6);
    ck_assert_mem_eq(again, found, size * sizeof *found);
    free(found);
    free(again);
  }
  free(one);
}
