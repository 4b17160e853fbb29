/* test_embedding.c: rows of a table for ids, whole words dropped. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"

typedef struct batch {
  const int32_t *ids;
  size_t time, batch;
  float p;
} batch;

static thaw_tensor *run_embedding(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const batch *b = user;
  return thaw_embedding(tape, inputs[0], b->ids, b->time, b->batch, b->p);
}

START_TEST(rows_of_the_table) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *table = thaw_tape_constant(tape, SHAPE(3, 2), (float[]){1, 2, 3, 4, 5, 6});
  const thaw_tensor *y = thaw_embedding(tape, table, (int32_t[]){2, 0, 2, 1}, 2, 2, 0.5f);
  const float expected[] = {5, 6, 1, 2, 5, 6, 3, 4};
  ck_assert_uint_eq(y->rank, 3);
  ck_assert_mem_eq(y->shape, ((size_t[]){2, 2, 2, 1}), sizeof y->shape);
  ck_assert_mem_eq(y->data, expected, sizeof expected);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(numeric_gradients) {
  const size_t shapes[][4] = {{1, 1, 1, 1}, {4, 3, 1, 5}, {7, 2, 6, 1}, {5, 19, 3, 4}};
  for (size_t s = 0; s < 4; s++) {
    const size_t words = shapes[s][0], width = shapes[s][1];
    int32_t ids[12]; /* words repeat, and some do not occur */
    for (size_t i = 0; i < 12; i++) ids[i] = (int32_t)(i * i % words);
    batch b = {ids, shapes[s][2], shapes[s][3], 0.4f};
    thaw_tensor *table = make_parameter(s, -1, 1, SHAPE(words, width));
    check_gradient("embedding", run_embedding, &b, 1, &table);
    check_gradients(&(gradient_check){.operation = "embedding with dropout",
                                      run_embedding,
                                      &b,
                                      1,
                                      &table,
                                      .mode = THAW_TAPE_TRAIN});
    free_parameter(table);
  }
}
END_TEST

/* A table of ones: every word of the vocabulary is dropped or scaled, wherever it stands. */
START_TEST(whole_words_are_dropped) {
  const size_t words = 20000, width = 3, time = 2 * words;
  const float p = 0.1f;
  thaw_tensor *table = make_parameter(1, 1, 1, SHAPE(words, width));
  int32_t *ids = malloc(time * sizeof *ids);
  ck_assert_ptr_nonnull(ids);
  for (size_t i = 0; i < time; i++) ids[i] = (int32_t)(i % words);
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  const thaw_tensor *y = thaw_embedding(tape, table, ids, time, 1, p);
  size_t dropped = 0;
  for (size_t word = 0; word < words; word++) {
    const float *row = y->data + word * width;
    ck_assert_float_eq_tol(row[0], row[0] == 0 ? 0 : 1 / (1 - p), 1e-6f);
    for (size_t j = 1; j < width; j++) ck_assert_float_eq(row[j], row[0]);
    dropped += row[0] == 0;
  }
  ck_assert_mem_eq(y->data, y->data + words * width, words * width * sizeof(float));
  ck_assert_double_eq_tol((double)dropped, 2000, 5 * sqrt(2000 * 0.9));
  thaw_tape_free(tape);
  free(ids);
  free_parameter(table);
}
END_TEST

START_TEST(gradient_is_the_same_for_any_number_of_threads) {
  const size_t words = 50, width = 301, time = 40, streams = 9, size = words * width;
  thaw_tensor *table = make_parameter(1, -1, 1, SHAPE(words, width));
  int32_t ids[360];
  float *values = NULL, *gradient = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    thaw_numerics_prepare(threads);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    for (size_t i = 0; i < 360; i++) ids[i] = (int32_t)(i * i % words);
    thaw_tensor *y = thaw_embedding(tape, table, ids, time, streams, 0.2f);
    for (size_t i = 0; i < 360; i++) ids[i] = -1; /* the caller's array may change */
    memset(table->grad, 0, size * sizeof(float));
    play_back_from(tape, y);
    if (threads == 1) {
      values = copy_of(y->data, thaw_size(y));
      gradient = copy_of(table->grad, size);
    }
    ck_assert_mem_eq(y->data, values, thaw_size(y) * sizeof(float));
    ck_assert_mem_eq(table->grad, gradient, size * sizeof(float));
    thaw_tape_free(tape);
  }
  free(values);
  free(gradient);
  free_parameter(table);
}
END_TEST

START_TEST(wrong_arguments) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *table = make_parameter(1, -1, 1, SHAPE(5, 3)),
              *row = make_parameter(1, -1, 1, SHAPE(5));
  const int32_t high[] = {0, 1, 4, 5}, low[] = {0, -1};
  ck_assert_ptr_null(thaw_embedding(tape, table, high, 2, 2, 0));
  expect_error(tape, "embedding: id 5 at [1][1] of [2][2] is outside the table [5][3]");
  ck_assert_ptr_null(thaw_embedding(tape, table, low, 1, 2, 0));
  expect_error(tape, "embedding: id -1 at [0][1] of [1][2] is outside the table [5][3]");
  ck_assert_ptr_null(thaw_embedding(tape, row, high, 1, 1, 0));
  expect_error(tape, "embedding: table [5], expected [V][D]");
  ck_assert_ptr_null(thaw_embedding(tape, table, high, 1, 1, 1));
  expect_error(tape, "embedding: probability 1 is not at least 0 and below 1");
  ck_assert_ptr_null(thaw_embedding(tape, table, high, 0, 2, 0));
  expect_error(tape, "tensor: dimension 0 of 3 is 0");
  ck_assert_ptr_null(thaw_embedding(tape, NULL, high, 1, 1, 0));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(table);
  free_parameter(row);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("embedding");
  TCase *tests = tcase_create("embedding");
  tcase_add_test(tests, rows_of_the_table);
  tcase_add_test(tests, numeric_gradients);
  tcase_add_test(tests, whole_words_are_dropped);
  tcase_add_test(tests, gradient_is_the_same_for_any_number_of_threads);
  tcase_add_test(tests, wrong_arguments);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
