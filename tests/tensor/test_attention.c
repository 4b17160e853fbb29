/* test_attention.c: attention of several heads against its definition in double, its gradients,
 * what a position may see, dropout. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tape_check.h"
#include "tensor/blas.h"

typedef struct sizes {
  size_t time, batch, heads, width; /* of a head */
  bool causal;
  float p;
} sizes;

static thaw_tensor *make_qkv(sizes s, float range) {
  return make_parameter(1, -range, range, SHAPE(s.time, s.batch, 3 * s.heads * s.width));
}

static thaw_tensor *run_attention(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const sizes *s = user;
  return thaw_attention(tape, inputs[0], s->heads, s->causal, s->p);
}

/* qkv[t][b][part][head][d] */
static double element(const float *qkv, sizes s, size_t t, size_t b, size_t part, size_t head,
                      size_t d) {
  return (double)qkv[(((t * s.batch + b) * 3 + part) * s.heads + head) * s.width + d];
}

/* The weights [T] of one query. */
static void weigh(const float *qkv, sizes s, size_t t, size_t b, size_t head, double *weights) {
  const size_t seen = s.causal ? t + 1 : s.time;
  double sum = 0;
  for (size_t i = 0; i < s.time; i++) {
    double score = 0;
    for (size_t d = 0; d < s.width; d++) {
      score += element(qkv, s, t, b, 0, head, d) * element(qkv, s, i, b, 1, head, d);
    }
    weights[i] = i < seen ? exp(score / sqrt((double)s.width)) : 0;
    sum += weights[i];
  }
  for (size_t i = 0; i < s.time; i++) weights[i] /= sum;
}

static void reference(const float *qkv, sizes s, float *out) {
  double *weights = malloc(s.time * sizeof *weights);
  ck_assert_ptr_nonnull(weights);
  for (size_t row = 0; row < s.time * s.batch; row++) {
    for (size_t head = 0; head < s.heads; head++) {
      weigh(qkv, s, row / s.batch, row % s.batch, head, weights);
      for (size_t d = 0; d < s.width; d++) {
        double sum = 0;
        for (size_t i = 0; i < s.time; i++) {
          sum += weights[i] * element(qkv, s, i, row % s.batch, 2, head, d);
        }
        *out++ = (float)sum;
      }
    }
  }
  free(weights);
}

static void check_values(sizes s, thaw_tape_mode mode) {
  thaw_tensor *qkv = make_qkv(s, 2);
  float *expected = malloc(thaw_size(qkv) / 3 * sizeof *expected);
  ck_assert_ptr_nonnull(expected);
  reference(qkv->data, s, expected);
  thaw_tape *tape = start_tape(mode);
  const thaw_tensor *y = run_attention(tape, &qkv, &s);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  ck_assert_uint_eq(y->rank, 3);
  ck_assert_uint_eq(y->shape[0], s.time);
  ck_assert_uint_eq(y->shape[1], s.batch);
  ck_assert_uint_eq(y->shape[2], s.heads * s.width);
  expect_close("attention", y->data, expected, thaw_size(y), 1e-5);
  thaw_tape_free(tape);
  free(expected);
  free_parameter(qkv);
}

/* Several blocks of queries, the last of them not full; heads wider and narrower than a panel. */
START_TEST(values_by_definition) {
  static const sizes CASES[] = {{1, 1, 1, 1, true, 0},    {3, 2, 2, 3, true, 0},
                                {3, 2, 2, 3, false, 0},   {64, 1, 1, 8, true, 0},
                                {65, 2, 3, 5, true, 0},   {150, 1, 2, 40, true, 0},
                                {150, 2, 1, 33, false, 0}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    check_values(CASES[i], THAW_TAPE_RECORD);
    check_values(CASES[i], THAW_TAPE_EVALUATE);
  }
}
END_TEST

START_TEST(gradients) {
  static const sizes CASES[] = {{1, 2, 1, 2, true, 0},
                                {4, 2, 2, 3, true, 0},
                                {4, 2, 2, 3, false, 0},
                                {5, 1, 1, 7, true, 0.3f},
                                {4, 2, 3, 2, false, 0.4f}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    sizes s = CASES[i];
    thaw_tensor *qkv = make_qkv(s, 1.5f);
    check_gradients(&(gradient_check){.operation = "attention",
                                      .run = run_attention,
                                      .user = &s,
                                      .input_count = 1,
                                      .inputs = &qkv,
                                      .mode = s.p > 0 ? THAW_TAPE_TRAIN : THAW_TAPE_RECORD});
    free_parameter(qkv);
  }
}
END_TEST

/* Across the border of two blocks. */
START_TEST(gradients_of_long_sequences) {
  sizes s = {70, 1, 1, 2, true, 0.2f};
  thaw_tensor *qkv = make_qkv(s, 1.5f);
  check_gradients(&(gradient_check){.operation = "attention",
                                    .run = run_attention,
                                    .user = &s,
                                    .input_count = 1,
                                    .inputs = &qkv,
                                    .mode = THAW_TAPE_TRAIN});
  free_parameter(qkv);
}
END_TEST

START_TEST(nothing_later_is_seen) {
  const sizes s = {90, 2, 2, 4, true, 0};
  const size_t row = s.heads * s.width, before = 70 * s.batch * row;
  thaw_tensor *qkv = make_qkv(s, 2);
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  float *expected = copy_of(thaw_attention(tape, qkv, s.heads, true, 0)->data, s.time * 2 * row);
  for (size_t i = 3 * before; i < thaw_size(qkv); i++) qkv->data[i] = i % 2 ? 9 : -9;
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  const float *y = thaw_attention(tape, qkv, s.heads, true, 0)->data;
  ck_assert_mem_eq(y, expected, before * sizeof(float));
  ck_assert_mem_ne(y + before, expected + before, row * sizeof(float));
  free(expected);
  free_parameter(qkv);
  thaw_tape_free(tape);
}
END_TEST

/* With equal scores and values of 1 an output is the sum of the weights that were kept: 1 on
 * average, and what one weight of n brings is 1/(n·(1−p)). */
START_TEST(dropout_drops_weights) {
  const sizes s = {100, 4, 2, 3, false, 0.25f};
  thaw_tensor *qkv = make_qkv(s, 1);
  for (size_t i = 0; i < thaw_size(qkv); i++) qkv->data[i] = i / (s.heads * s.width) % 3 == 2;
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  const thaw_tensor *y = thaw_attention(tape, qkv, s.heads, false, s.p);
  const size_t size = thaw_size(y);
  double sum = 0, largest = 0;
  for (size_t i = 0; i < size; i++) {
    const double weights = (double)y->data[i] * 75;
    ck_assert_double_eq_tol(weights, round(weights), 1e-3);
    ck_assert_float_eq(y->data[i], y->data[i / s.width * s.width]);
    sum += (double)y->data[i] / (double)size;
    largest = fmax(largest, fabs((double)y->data[i] - 1));
  }
  ck_assert_double_eq_tol(sum, 1, 0.01);
  ck_assert_double_ge(largest, 0.05);
  ck_assert_float_ne(y->data[0], y->data[s.width]); /* another head */
  thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(1, 1));
  y = thaw_attention(tape, qkv, s.heads, false, s.p);
  for (size_t i = 0; i < size; i++) ck_assert_float_eq_tol(y->data[i], 1, 1e-5f);
  free_parameter(qkv);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(large_scores_do_not_overflow) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *qkv = thaw_tape_constant(tape, SHAPE(2, 1, 3), (float[]){200, -200, 3, 200, 200, 7});
  const thaw_tensor *y = thaw_attention(tape, qkv, 1, true, 0);
  expect_values(y, SHAPE(2, 1, 1), (float[]){3, 7});
  qkv->data[0] = NAN;
  y = thaw_attention(tape, qkv, 1, true, 0);
  expect_values(y, SHAPE(2, 1, 1), (float[]){NAN, 7});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(threads_change_nothing) {
  sizes s = {130, 3, 2, 24, true, 0.1f};
  thaw_tensor *qkv = make_qkv(s, 1);
  expect_same_for_threads(run_attention, &s, 1, &qkv);
  expect_steady_memory(run_attention, &s, &qkv);
  free_parameter(qkv);
}
END_TEST

/* What is kept from forward to backward is linear in T. */
START_TEST(memory_grows_with_the_length) {
  size_t held[2];
  for (size_t i = 0; i < 2; i++) {
    sizes s = {i ? 2048 : 1024, 1, 8, 2, true, 0};
    thaw_tensor *qkv = make_qkv(s, 1);
    thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
    for (int layer = 0; layer < 40; layer++) ck_assert_ptr_nonnull(run_attention(tape, &qkv, &s));
    held[i] = thaw_tape_bytes(tape);
    thaw_tape_free(tape);
    free_parameter(qkv);
  }
  ck_assert_uint_lt(held[1], 3 * held[0]);
}
END_TEST

START_TEST(what_does_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 1, 12)),
              *flat = make_parameter(1, -1, 1, SHAPE(2, 12));
  thaw_attention(tape, x, 3, true, 0);
  expect_error(tape,
               "attention: input [2][1][12] does not fit: expected [T][B][3·E], with E "
               "divisible by 3 heads");
  thaw_attention(tape, x, 0, true, 0);
  expect_error(tape,
               "attention: input [2][1][12] does not fit: expected [T][B][3·E], with E "
               "divisible by 0 heads");
  thaw_attention(tape, flat, 2, true, 0);
  expect_error(tape,
               "attention: input [2][12] does not fit: expected [T][B][3·E], with E "
               "divisible by 2 heads");
  thaw_attention(tape, x, 2, true, 1);
  expect_error(tape, "attention: probability 1 is not at least 0 and below 1");
  ck_assert_ptr_null(thaw_attention(tape, NULL, 2, true, 0));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  free_parameter(flat);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("attention");
  TCase *tests = tcase_create("attention");
  tcase_add_test(tests, values_by_definition);
  tcase_add_test(tests, gradients);
  tcase_add_test(tests, gradients_of_long_sequences);
  tcase_add_test(tests, nothing_later_is_seen);
  tcase_add_test(tests, dropout_drops_weights);
  tcase_add_test(tests, large_scores_do_not_overflow);
  tcase_add_test(tests, threads_change_nothing);
  tcase_add_test(tests, memory_grows_with_the_length);
  tcase_add_test(tests, what_does_not_fit);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
