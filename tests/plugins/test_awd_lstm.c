/* The encoder awd_lstm: groups, padding, carried state, gradients with dropout and penalty,
 * settings. Numbers are compared with PyTorch's in tests/golden/test_awd_lstm.c. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/gradient_check.h"
#include "plugin/carry.h"
#include "plugin_bench.h"

enum { VOCABULARY = 7, TIME = 6, BATCH = 3, MOST_TENSORS = 16 };

static const int32_t ids[TIME * BATCH] = {2, 2, 2, 3, 5, 4, 6, 1, 3, 4, 1, 5, 3, 1, 6, 5, 1, 2};
static const int32_t lengths[BATCH] = {6, 2, 4};

static void open_encoder(plugin_bench *bench, const char *layers, const char *dropout) {
  static const char *const rates[] = {"output_p", "hidden_p", "input_p", "embed_p", "weight_p"};
  bench_open(bench, THAW_ENCODER, "awd_lstm");
  bench_set(bench, "embedding", "3");
  bench_set(bench, "hidden", "4");
  bench_set(bench, "layers", layers);
  for (size_t i = 0; i < 5; i++) bench_set(bench, rates[i], dropout);
  ck_assert_msg(bench_validate(bench) == THAW_OK, "%s", thaw_error(bench->ctx));
  bench_create_encoder(bench, VOCABULARY);
}

static thaw_states encode(plugin_bench *bench, const thaw_encoder_input *input,
                          thaw_tape_mode mode) {
  thaw_states states = {0};
  thaw_tape_begin(bench->tape, mode, thaw_rng_make(5, 5));
  ck_assert_msg(bench->descriptor->api.encoder->forward(bench->self, bench->settings, bench->tape,
                                                        input, &states) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
  return states;
}

static void expect_shape(const thaw_tensor *x, size_t a, size_t b, size_t c) {
  ck_assert_ptr_nonnull(x);
  ck_assert_uint_eq(x->rank, 3);
  ck_assert_uint_eq(x->shape[0], a);
  ck_assert_uint_eq(x->shape[1], b);
  ck_assert_uint_eq(x->shape[2], c);
}

/* ---- Groups and shapes ---------------------------------------------------------------------- */

static void expect_uniform(plugin_bench *bench, const char *group, const char *name, size_t rows,
                           size_t columns, float bound) {
  const thaw_tensor *x = bench_tensor(bench, group, name);
  float largest = 0;
  ck_assert_uint_eq(x->shape[0], rows);
  ck_assert_uint_eq(x->shape[1], columns);
  for (size_t i = 0; i < thaw_size(x); i++) largest = fmaxf(largest, fabsf(x->data[i]));
  ck_assert_msg(largest <= bound && largest > bound / 2, "%s/%s: %g of %g", group, name,
                (double)largest, (double)bound);
}

START_TEST(groups_stand_from_input_to_output) {
  static const char *const groups[] = {"embedding", "rnn.0", "rnn.1", "rnn.2"};
  plugin_bench bench;
  open_encoder(&bench, "3", "0");
  ck_assert_uint_eq(bench.params->count, 4);
  for (size_t g = 0; g < 4; g++) ck_assert_str_eq(bench.params->groups[g].name, groups[g]);
  expect_uniform(&bench, "embedding", "weight", VOCABULARY, 3, 0.1f);
  expect_uniform(&bench, "rnn.0", "weight_ih", 16, 3, 0.5f);
  expect_uniform(&bench, "rnn.0", "weight_hh", 16, 4, 0.5f);
  expect_uniform(&bench, "rnn.0", "bias", 16, 1, 0.5f);
  expect_uniform(&bench, "rnn.1", "weight_ih", 16, 4, 0.5f);
  expect_uniform(&bench, "rnn.2", "weight_ih", 12, 4, 1 / sqrtf(3));
  expect_uniform(&bench, "rnn.2", "weight_hh", 12, 3, 1 / sqrtf(3));
  ck_assert_uint_eq(bench.info.layers, 3);
  ck_assert_uint_eq(bench.info.width[0], 4);
  ck_assert_uint_eq(bench.info.width[1], 4);
  ck_assert_uint_eq(bench.info.width[2], 3);
  ck_assert_uint_eq(bench.info.embedding_width, 3);
  ck_assert_ptr_eq(bench.info.embedding, bench_tensor(&bench, "embedding", "weight"));
  bench_close(&bench);
}
END_TEST

START_TEST(states_of_every_layer) {
  plugin_bench bench;
  open_encoder(&bench, "3", "0.3");
  thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
  thaw_states states = encode(&bench, &input, THAW_TAPE_TRAIN);
  expect_shape(states.embedded, TIME, BATCH, 3);
  expect_shape(states.layer[0], TIME, BATCH, 4);
  expect_shape(states.layer[1], TIME, BATCH, 4);
  expect_shape(states.layer[2], TIME, BATCH, 3);
  ck_assert_ptr_eq(states.output, states.layer[2]); /* no decoder, no dropout before it */
  ck_assert_ptr_nonnull(states.penalty);
  ck_assert_uint_eq(states.penalty->rank, 0);
  input.language_model = true;
  input.lengths = NULL;
  states = encode(&bench, &input, THAW_TAPE_TRAIN);
  ck_assert_mem_ne(states.output->data, states.layer[2]->data,
                   thaw_size(states.output) * sizeof(float));
  states = encode(&bench, &input, THAW_TAPE_EVALUATE);
  ck_assert_mem_eq(states.output->data, states.layer[2]->data,
                   thaw_size(states.output) * sizeof(float));
  ck_assert_ptr_null(states.penalty);
  bench_set(&bench, "alpha", "0");
  bench_set(&bench, "beta", "0");
  ck_assert_ptr_null(encode(&bench, &input, THAW_TAPE_TRAIN).penalty);
  bench_close(&bench);
}
END_TEST

START_TEST(one_layer_is_as_wide_as_the_embedding) {
  plugin_bench bench;
  open_encoder(&bench, "1", "0");
  const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH};
  expect_shape(encode(&bench, &input, THAW_TAPE_EVALUATE).layer[0], TIME, BATCH, 3);
  ck_assert_uint_eq(bench.info.width[0], 3);
  bench_close(&bench);
}
END_TEST

/* ---- Padding and carried state -------------------------------------------------------------- */

/* The values of a layer's states, which the caller frees. */
static float *keep(const thaw_tensor *x) {
  float *copy = malloc(thaw_size(x) * sizeof *copy);
  memcpy(copy, x->data, thaw_size(x) * sizeof *copy);
  return copy;
}

START_TEST(padding_changes_no_state_before_it) {
  enum { LONGER = TIME + 3 };
  plugin_bench bench;
  int32_t other[LONGER * BATCH];
  open_encoder(&bench, "3", "0");
  for (size_t i = 0; i < LONGER * BATCH; i++) {
    other[i] = i / BATCH < (size_t)lengths[i % BATCH] ? ids[i] : 6;
  }
  for (size_t l = 0; l < 3; l++) {
    const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
    const thaw_encoder_input longer = {
        .ids = other, .time = LONGER, .batch = BATCH, .lengths = lengths};
    thaw_states states = encode(&bench, &input, THAW_TAPE_TRAIN);
    const float penalty = states.penalty->data[0];
    const size_t width = states.layer[l]->shape[2];
    float *expected = keep(states.layer[l]);
    states = encode(&bench, &longer, THAW_TAPE_TRAIN);
    ck_assert_float_eq_tol(states.penalty->data[0], penalty, 1e-6f);
    for (size_t row = 0; row < TIME * BATCH; row++) {
      if (row / BATCH >= (size_t)lengths[row % BATCH]) continue;
      for (size_t k = row * width; k < (row + 1) * width; k++) {
        ck_assert_float_eq_tol(states.layer[l]->data[k], expected[k], 1e-6f);
      }
    }
    free(expected);
  }
  bench_close(&bench);
}
END_TEST

/* `half` of the text, 0 or 1, compared with its place in the states of the whole text. */
static bool is_half(plugin_bench *bench, thaw_carry *carry, size_t half, const float *whole) {
  const size_t rows = TIME / 2 * BATCH;
  const thaw_encoder_input input = {.ids = ids + half * rows,
                                    .time = TIME / 2,
                                    .batch = BATCH,
                                    .carry = carry,
                                    .language_model = true};
  const thaw_tensor *x = encode(bench, &input, THAW_TAPE_EVALUATE).layer[2];
  for (size_t i = 0; i < thaw_size(x); i++) {
    if (fabsf(x->data[i] - whole[half * thaw_size(x) + i]) > 1e-6f) return false;
  }
  return true;
}

START_TEST(the_state_is_carried_from_batch_to_batch) {
  plugin_bench bench;
  open_encoder(&bench, "3", "0");
  const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH};
  float *whole = keep(encode(&bench, &input, THAW_TAPE_EVALUATE).layer[2]);
  thaw_carry *carry = thaw_carry_create();
  ck_assert(is_half(&bench, carry, 0, whole));
  ck_assert(is_half(&bench, carry, 1, whole));
  ck_assert_uint_eq(thaw_carry_count(carry), 6);
  ck_assert(!is_half(&bench, carry, 0, whole)); /* goes on from the end */
  thaw_carry_reset(carry);
  ck_assert(is_half(&bench, carry, 0, whole));
  ck_assert(is_half(&bench, NULL, 0, whole));
  ck_assert(!is_half(&bench, NULL, 1, whole));
  thaw_carry_free(carry);
  free(whole);
  bench_close(&bench);
}
END_TEST

/* ---- Gradients ------------------------------------------------------------------------------ */

static void check_encoder(const thaw_encoder_input *input) {
  plugin_bench bench;
  thaw_tensor *inputs[MOST_TENSORS];
  open_encoder(&bench, "2", "0.3");
  bench_encoding encoding = {&bench, *input, 5};
  const size_t count = bench_trained(&bench, inputs, MOST_TENSORS);
  ck_assert_uint_eq(count, 7);
  /* Larger than they begin, so that the gates bend. */
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < thaw_size(inputs[i]); j++) inputs[i]->data[j] *= i == 0 ? 8 : 1.5f;
  }
  check_gradients(&(gradient_check){.operation = "awd_lstm",
                                    .run = bench_encode,
                                    .user = &encoding,
                                    .input_count = count,
                                    .inputs = inputs,
                                    .mode = THAW_TAPE_TRAIN});
  bench_close(&bench);
}

START_TEST(gradients_of_a_language_model) {
  check_encoder(
      &(thaw_encoder_input){.ids = ids, .time = TIME, .batch = BATCH, .language_model = true});
}
END_TEST

START_TEST(gradients_of_a_classifier) {
  check_encoder(
      &(thaw_encoder_input){.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths});
}
END_TEST

/* AR looks at what the decoder sees, TAR at the last layer before dropout. */
START_TEST(penalties_look_at_the_right_states) {
  plugin_bench bench;
  open_encoder(&bench, "2", "0.5");
  const thaw_encoder_input input = {
      .ids = ids, .time = TIME, .batch = BATCH, .language_model = true};
  bench_set(&bench, "beta", "0");
  thaw_states states = encode(&bench, &input, THAW_TAPE_TRAIN);
  const size_t size = thaw_size(states.output), row = size / TIME;
  double sum = 0;
  for (size_t i = 0; i < size; i++) sum += pow((double)states.output->data[i], 2);
  ck_assert_double_eq_tol((double)states.penalty->data[0], 2 * sum / (double)size, 1e-6);
  bench_set(&bench, "alpha", "0");
  bench_set(&bench, "beta", "3");
  states = encode(&bench, &input, THAW_TAPE_TRAIN);
  const float *h = states.layer[1]->data;
  sum = 0;
  for (size_t i = row; i < size; i++) sum += pow((double)h[i] - (double)h[i - row], 2);
  ck_assert_double_eq_tol((double)states.penalty->data[0], 3 * sum / (double)(size - row), 1e-6);
  bench_close(&bench);
}
END_TEST

/* ---- Dropout and settings ------------------------------------------------------------------- */

START_TEST(every_dropout_drops) {
  static const char *const rates[] = {"output_p", "hidden_p", "input_p", "embed_p", "weight_p"};
  plugin_bench bench;
  open_encoder(&bench, "3", "0");
  const thaw_encoder_input input = {
      .ids = ids, .time = TIME, .batch = BATCH, .language_model = true};
  thaw_states states = encode(&bench, &input, THAW_TAPE_TRAIN);
  const size_t bytes = thaw_size(states.output) * sizeof(float);
  float *whole = keep(states.output);
  for (size_t i = 0; i < 5; i++) {
    bench_set(&bench, rates[i], "0.5");
    ck_assert_msg(memcmp(encode(&bench, &input, THAW_TAPE_TRAIN).output->data, whole, bytes) != 0,
                  "%s drops nothing", rates[i]);
    ck_assert_mem_eq(encode(&bench, &input, THAW_TAPE_RECORD).output->data, whole, bytes);
    bench_set(&bench, "drop_mult", "0");
    ck_assert_mem_eq(encode(&bench, &input, THAW_TAPE_TRAIN).output->data, whole, bytes);
    bench_set(&bench, "drop_mult", "1");
    bench_set(&bench, rates[i], "0");
  }
  free(whole);
  bench_close(&bench);
}
END_TEST

START_TEST(settings_are_checked) {
  plugin_bench bench;
  bench_open(&bench, THAW_ENCODER, "awd_lstm");
  ck_assert_int_eq(bench_validate(&bench), THAW_OK);
  ck_assert_int_eq(bench_try_set(&bench, "layers", "0"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "layers", "65"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "embedding", "0"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "weight_p", "1"), THAW_INVALID);
  bench_set(&bench, "drop_mult", "4");
  ck_assert_int_eq(bench_validate(&bench), THAW_INVALID);
  ck_assert_str_eq(thaw_error(bench.ctx),
                   "drop_mult 4 times the largest dropout rate 0.25 is 1; it must stay below 1");
  bench_set(&bench, "drop_mult", "3.9");
  ck_assert_int_eq(bench_validate(&bench), THAW_OK);
  bench_close(&bench);
}
END_TEST

START_TEST(words_outside_the_vocabulary_are_errors) {
  plugin_bench bench;
  thaw_states states = {0};
  const int32_t wrong[] = {0, VOCABULARY};
  const thaw_encoder_input input = {.ids = wrong, .time = 2, .batch = 1};
  open_encoder(&bench, "2", "0");
  thaw_tape_begin(bench.tape, THAW_TAPE_EVALUATE, thaw_rng_make(5, 5));
  ck_assert_int_eq(bench.descriptor->api.encoder->forward(bench.self, bench.settings, bench.tape,
                                                          &input, &states),
                   THAW_INVALID);
  bench_close(&bench);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("awd_lstm");
  TCase *tests = tcase_create("awd_lstm");
  tcase_add_test(tests, groups_stand_from_input_to_output);
  tcase_add_test(tests, states_of_every_layer);
  tcase_add_test(tests, one_layer_is_as_wide_as_the_embedding);
  tcase_add_test(tests, padding_changes_no_state_before_it);
  tcase_add_test(tests, the_state_is_carried_from_batch_to_batch);
  tcase_add_test(tests, gradients_of_a_language_model);
  tcase_add_test(tests, gradients_of_a_classifier);
  tcase_add_test(tests, penalties_look_at_the_right_states);
  tcase_add_test(tests, every_dropout_drops);
  tcase_add_test(tests, settings_are_checked);
  tcase_add_test(tests, words_outside_the_vocabulary_are_errors);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
