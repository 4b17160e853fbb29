/* The recurrent encoders in every direction: groups, padding, carried state, gradients, what is
 * dropped, settings. Numbers are compared with PyTorch's in tests/golden/test_encoders.c. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/gradient_check.h"
#include "plugin/carry.h"
#include "plugin_bench.h"
#include "thaw/head.h"
#include "thaw/recurrent.h"

enum { VOCABULARY = 7, TIME = 6, BATCH = 3, LAYERS = 2, MOST_TENSORS = 32 };

static const int32_t ids[TIME * BATCH] = {2, 2, 2, 3, 5, 4, 6, 1, 3, 4, 1, 5, 3, 1, 6, 5, 1, 2};
static const int32_t others[TIME * BATCH] = {1, 4, 5, 2, 2, 6, 3, 3, 1, 0, 5, 4, 6, 2, 1, 5, 3, 4};
static const int32_t lengths[BATCH] = {6, 2, 4};

/* An encoder of every kind in every direction: a loop test's index counts them. */
static const char *const kinds[] = {"awd_lstm", "lstm", "gru", "qrnn"};
enum { KINDS = sizeof kinds / sizeof *kinds, CASES = 3 * KINDS };

static const char *kind_of(int i) {
  return kinds[i / 3];
}

static thaw_direction direction_of(int i) {
  return (thaw_direction)(i % 3);
}

static void open_encoder(plugin_bench *bench, int i, const char *dropout) {
  static const char *const rates[] = {"output_p", "hidden_p", "input_p",
                                      "embed_p",  "weight_p", "zoneout"};
  const char *kind = kind_of(i);
  const bool plain = strcmp(kind, "lstm") == 0 || strcmp(kind, "gru") == 0;
  bench_open(bench, THAW_ENCODER, kind);
  bench_set(bench, "embedding", "3");
  bench_set(bench, "hidden", "4");
  bench_set(bench, "layers", "2");
  bench_set(bench, "direction", thaw_directions[direction_of(i)]);
  if (plain) bench_set(bench, "dropout", dropout);
  for (size_t r = 0; !plain && r < 5; r++) bench_set(bench, rates[r], dropout);
  if (strcmp(kind, "qrnn") == 0) bench_set(bench, rates[5], dropout);
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

static float *copy_of(const thaw_tensor *x) {
  float *copy = malloc(thaw_size(x) * sizeof *copy);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, x->data, thaw_size(x) * sizeof *copy);
  return copy;
}

/* ---- Groups and shapes ----------------------------------------------------------------------- */

START_TEST(groups_and_names) {
  static const char *const names[KINDS][4] = {{"weight_ih", "weight_hh", "bias"},
                                              {"weight_ih", "weight_hh", "bias"},
                                              {"weight_ih", "weight_hh", "bias", "bias_hn"},
                                              {"weight", "bias"}};
  plugin_bench bench;
  open_encoder(&bench, _i, "0");
  const bool both = direction_of(_i) == THAW_BIDIRECTIONAL;
  ck_assert_uint_eq(bench.params->count, 3);
  ck_assert_str_eq(bench.params->groups[0].name, "embedding");
  for (size_t g = 1; g < 3; g++) {
    const thaw_param_group *group = &bench.params->groups[g];
    size_t count = 0;
    for (const char *const *name = names[_i / 3]; count < 4 && name[count]; count++) {
      char backward[32];
      ck_assert_str_eq(group->params[count].name, name[count]);
      snprintf(backward, sizeof backward, "%s_backward", name[count]);
      ck_assert((thaw_params_find(bench.params, group->name, backward) != NULL) == both);
    }
    ck_assert_uint_eq(group->count, both ? 2 * count : count);
    ck_assert_str_eq(group->name, g == 1 ? "rnn.0" : "rnn.1");
  }
  ck_assert_int_eq(bench.info.direction, direction_of(_i));
  ck_assert_uint_eq(bench.info.layers, LAYERS);
  ck_assert_uint_eq(bench.info.width[0], both ? 8 : 4);
  ck_assert_uint_eq(bench.info.width[1], both ? 6 : 3);
  ck_assert_uint_eq(bench.info.backward_width[0], both ? 4 : 0);
  ck_assert_uint_eq(bench.info.backward_width[1], both ? 3 : 0);
  ck_assert_ptr_eq(bench.info.embedding, bench_tensor(&bench, "embedding", "weight"));
  bench_close(&bench);
}
END_TEST

START_TEST(a_window_is_the_first_layers) {
  plugin_bench bench;
  open_encoder(&bench, 9, "0"); /* qrnn, forward */
  ck_assert_uint_eq(bench_tensor(&bench, "rnn.0", "weight")->shape[1], 6);
  ck_assert_uint_eq(bench_tensor(&bench, "rnn.1", "weight")->shape[1], 4);
  bench_close(&bench);
  bench_open(&bench, THAW_ENCODER, "qrnn");
  bench_set(&bench, "embedding", "3");
  bench_set(&bench, "hidden", "4");
  bench_set(&bench, "window", "1");
  bench_create_encoder(&bench, VOCABULARY);
  ck_assert_uint_eq(bench_tensor(&bench, "rnn.0", "weight")->shape[1], 3);
  ck_assert_int_eq(bench_try_set(&bench, "window", "3"), THAW_INVALID);
  bench_close(&bench);
}
END_TEST

/* ---- Padding and direction ------------------------------------------------------------------- */

START_TEST(padding_changes_nothing) {
  enum { LONGER = TIME + 3 };
  plugin_bench bench;
  int32_t padded[LONGER * BATCH];
  open_encoder(&bench, _i, "0");
  for (size_t i = 0; i < LONGER * BATCH; i++)
    padded[i] = i / BATCH < (size_t)lengths[i % BATCH] ? ids[i] : 6;
  const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
  const thaw_encoder_input longer = {
      .ids = padded, .time = LONGER, .batch = BATCH, .lengths = lengths};
  for (size_t l = 0; l < LAYERS; l++) {
    thaw_states states = encode(&bench, &input, THAW_TAPE_TRAIN);
    const float penalty = states.penalty ? states.penalty->data[0] : 0;
    const size_t width = states.layer[l]->shape[2];
    ck_assert_uint_eq(width, bench.info.width[l]);
    float *expected = copy_of(states.layer[l]);
    states = encode(&bench, &longer, THAW_TAPE_TRAIN);
    if (states.penalty) ck_assert_float_eq_tol(states.penalty->data[0], penalty, 1e-6f);
    for (size_t k = 0; k < TIME * BATCH * width; k++) {
      if (k / width / BATCH >= (size_t)lengths[k / width % BATCH]) continue;
      ck_assert_float_eq_tol(states.layer[l]->data[k], expected[k], 1e-6f);
    }
    free(expected);
  }
  bench_close(&bench);
}
END_TEST

/* Layer 0 of a bidirectional encoder: its backward half is what its weights make, as a forward
 * half's, of the document in reversed order, put back in order. */
START_TEST(a_backward_half_reads_from_the_end) {
  plugin_bench both, forward;
  open_encoder(&both, 3 * _i + THAW_BIDIRECTIONAL, "0");
  open_encoder(&forward, 3 * _i, "0");
  const thaw_param_group *group = thaw_params_group(forward.params, "rnn.0");
  thaw_tensor *words = bench_tensor(&both, "embedding", "weight");
  memcpy(bench_tensor(&forward, "embedding", "weight")->data, words->data,
         thaw_size(words) * sizeof(float));
  for (size_t i = 0; i < group->count; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s_backward", group->params[i].name);
    const thaw_tensor *from = bench_tensor(&both, "rnn.0", name);
    memcpy(group->params[i].tensor->data, from->data, thaw_size(from) * sizeof(float));
  }
  int32_t reversed[TIME * BATCH];
  for (size_t i = 0; i < TIME * BATCH; i++) {
    const size_t b = i % BATCH, t = i / BATCH, length = (size_t)lengths[b];
    reversed[i] = t < length ? ids[(length - 1 - t) * BATCH + b] : 0;
  }
  thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
  const thaw_tensor *x = encode(&both, &input, THAW_TAPE_EVALUATE).layer[0];
  input.ids = reversed;
  const thaw_tensor *y = encode(&forward, &input, THAW_TAPE_EVALUATE).layer[0];
  for (size_t i = 0; i < TIME * BATCH; i++) {
    const size_t b = i % BATCH, t = i / BATCH, length = (size_t)lengths[b];
    if (t >= length) continue;
    for (size_t j = 0; j < 4; j++) {
      ck_assert_float_eq_tol(x->data[i * 8 + 4 + j],
                             y->data[((length - 1 - t) * BATCH + b) * 4 + j], 1e-6f);
    }
  }
  bench_close(&both);
  bench_close(&forward);
}
END_TEST

/* What `last` and `concat` ask for: of every layer the state behind the last token, and in the
 * backward half the one at the first. */
START_TEST(final_states) {
  plugin_bench bench;
  open_encoder(&bench, _i, "0");
  const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
  const thaw_states states = encode(&bench, &input, THAW_TAPE_RECORD);
  const thaw_head_input head = {
      .states = &states, .info = &bench.info, .time = TIME, .batch = BATCH, .lengths = lengths};
  const thaw_tensor *x = thaw_head_final(bench.tape, &(thaw_ints){0, NULL}, &head);
  ck_assert_ptr_nonnull(x);
  const size_t width = bench.info.width[0] + bench.info.width[1];
  ck_assert_uint_eq(x->shape[1], width);
  for (size_t b = 0, at = 0; b < BATCH; b++) {
    for (size_t l = 0; l < LAYERS; l++) {
      const size_t own = bench.info.width[l], middle = own - bench.info.backward_width[l];
      for (size_t j = 0; j < own; j++, at++) {
        const size_t t = j < middle ? (size_t)lengths[b] - 1 : 0;
        ck_assert(x->data[at] == states.layer[l]->data[(t * BATCH + b) * own + j]);
      }
    }
  }
  ck_assert_ptr_null(thaw_pool_final(bench.tape, states.layer[1], 50, lengths));
  bench_close(&bench);
}
END_TEST

/* ---- Carried state --------------------------------------------------------------------------- */

/* Both streams, from step `begin` on. */
static thaw_encoder_input streams(int i, size_t begin, size_t time, thaw_carry *carry) {
  const bool both = direction_of(i) == THAW_BIDIRECTIONAL;
  return (thaw_encoder_input){.ids = ids + begin * BATCH,
                              .time = time,
                              .batch = BATCH,
                              .carry = carry,
                              .language_model = true,
                              .backward_ids = both ? others + begin * BATCH : NULL};
}

/* `half` of the streams, 0 or 1, compared with its place in the outputs of the whole. */
static bool is_half(plugin_bench *bench, int i, thaw_carry *carry, size_t half,
                    float *const *whole) {
  const thaw_encoder_input input = streams(i, half * (TIME / 2), TIME / 2, carry);
  const thaw_states states = encode(bench, &input, THAW_TAPE_EVALUATE);
  const thaw_tensor *outputs[] = {states.output, states.backward_output};
  for (size_t way = 0; way < 2 && outputs[way]; way++) {
    const size_t size = thaw_size(outputs[way]);
    for (size_t k = 0; k < size; k++) {
      if (fabsf(outputs[way]->data[k] - whole[way][half * size + k]) > 1e-6f) return false;
    }
  }
  return true;
}

START_TEST(states_are_carried_from_batch_to_batch) {
  static const size_t slots[KINDS] = {4, 4, 2, 3};
  plugin_bench bench;
  open_encoder(&bench, _i, "0");
  const bool both = direction_of(_i) == THAW_BIDIRECTIONAL;
  const thaw_encoder_input input = streams(_i, 0, TIME, NULL);
  const thaw_states states = encode(&bench, &input, THAW_TAPE_EVALUATE);
  ck_assert((states.backward_output != NULL) == both);
  float *whole[] = {copy_of(states.output), both ? copy_of(states.backward_output) : NULL};
  thaw_carry *carry = thaw_carry_create();
  ck_assert(is_half(&bench, _i, carry, 0, whole));
  ck_assert(is_half(&bench, _i, carry, 1, whole));
  ck_assert_uint_eq(thaw_carry_count(carry), (both ? 2 : 1) * slots[_i / 3]);
  ck_assert(!is_half(&bench, _i, carry, 0, whole)); /* goes on from the end */
  thaw_carry_reset(carry);
  ck_assert(is_half(&bench, _i, carry, 0, whole));
  ck_assert(!is_half(&bench, _i, NULL, 1, whole));
  thaw_carry_free(carry);
  free(whole[0]);
  free(whole[1]);
  bench_close(&bench);
}
END_TEST

/* ---- Gradients ------------------------------------------------------------------------------- */

static void check_encoder(int i, const thaw_encoder_input *input) {
  plugin_bench bench;
  thaw_tensor *inputs[MOST_TENSORS];
  open_encoder(&bench, i, "0.3");
  bench_encoding encoding = {&bench, *input, 0};
  const size_t count = bench_trained(&bench, inputs, MOST_TENSORS);
  for (size_t k = 0; k < count; k++) { /* larger than they begin, so that the gates bend */
    for (size_t j = 0; j < thaw_size(inputs[k]); j++) inputs[k]->data[j] *= k == 0 ? 8 : 1.5f;
  }
  check_gradients(&(gradient_check){.operation = kind_of(i),
                                    .run = bench_encode,
                                    .user = &encoding,
                                    .input_count = count,
                                    .inputs = inputs,
                                    .mode = THAW_TAPE_TRAIN});
  bench_close(&bench);
}

START_TEST(gradients_of_a_language_model) {
  const thaw_encoder_input input = streams(_i, 0, TIME, NULL);
  check_encoder(_i, &input);
}
END_TEST

START_TEST(gradients_of_a_classifier) {
  check_encoder(
      _i, &(thaw_encoder_input){.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths});
}
END_TEST

/* ---- Dropout and settings -------------------------------------------------------------------- */

/* Whether a step of training gives another output than evaluation. */
static bool drops(plugin_bench *bench, const thaw_encoder_input *input) {
  const thaw_tensor *x = encode(bench, input, THAW_TAPE_EVALUATE).output;
  float *whole = copy_of(x);
  x = encode(bench, input, THAW_TAPE_TRAIN).output;
  const bool differs = memcmp(x->data, whole, thaw_size(x) * sizeof(float)) != 0;
  free(whole);
  return differs;
}

START_TEST(every_dropout_drops) {
  static const char *const rates[KINDS][7] = {
      {"output_p", "hidden_p", "input_p", "embed_p", "weight_p"},
      {"dropout"},
      {"dropout"},
      {"output_p", "hidden_p", "input_p", "embed_p", "weight_p", "zoneout"}};
  plugin_bench bench;
  open_encoder(&bench, 3 * _i, "0");
  const thaw_encoder_input input = streams(3 * _i, 0, TIME, NULL);
  ck_assert(!drops(&bench, &input));
  for (const char *const *rate = rates[_i]; *rate; rate++) {
    bench_set(&bench, *rate, "0.5");
    ck_assert_msg(drops(&bench, &input), "%s drops nothing", *rate);
    bench_set(&bench, *rate, "0");
    ck_assert_int_eq(bench_try_set(&bench, *rate, "1"), THAW_INVALID);
  }
  bench_close(&bench);
}
END_TEST

START_TEST(settings_are_checked) {
  plugin_bench bench;
  bench_open(&bench, THAW_ENCODER, kinds[_i]);
  ck_assert_int_eq(bench_try_set(&bench, "direction", "backwards"), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(bench.ctx), "did you mean 'backward'?"));
  ck_assert_int_eq(bench_try_set(&bench, "layers", "0"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "embedding", "0"), THAW_INVALID);
  if (bench.descriptor->validate) {
    bench_set(&bench, "drop_mult", "4");
    ck_assert_int_eq(bench_validate(&bench), THAW_INVALID);
    ck_assert_str_eq(thaw_error(bench.ctx),
                     "drop_mult 4 times the largest dropout rate 0.25 is 1; it must stay below 1");
  }
  bench_close(&bench);
}
END_TEST

START_TEST(words_outside_the_vocabulary_are_errors) {
  plugin_bench bench;
  thaw_states states = {0};
  const int32_t wrong[] = {0, VOCABULARY}, right[] = {0, 1};
  const bool both = direction_of(_i) == THAW_BIDIRECTIONAL;
  const thaw_encoder_input input = {.ids = both ? right : wrong,
                                    .time = 2,
                                    .batch = 1,
                                    .language_model = true,
                                    .backward_ids = both ? wrong : NULL};
  open_encoder(&bench, _i, "0");
  thaw_tape_begin(bench.tape, THAW_TAPE_EVALUATE, thaw_rng_make(5, 5));
  ck_assert_int_eq(bench.descriptor->api.encoder->forward(bench.self, bench.settings, bench.tape,
                                                          &input, &states),
                   THAW_INVALID);
  bench_close(&bench);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("recurrent encoders");
  TCase *tests = tcase_create("recurrent");
  tcase_add_loop_test(tests, groups_and_names, 0, CASES);
  tcase_add_test(tests, a_window_is_the_first_layers);
  tcase_add_loop_test(tests, padding_changes_nothing, 0, CASES);
  tcase_add_loop_test(tests, a_backward_half_reads_from_the_end, 0, KINDS);
  tcase_add_loop_test(tests, final_states, 0, CASES);
  tcase_add_loop_test(tests, states_are_carried_from_batch_to_batch, 0, CASES);
  tcase_add_loop_test(tests, gradients_of_a_language_model, 0, CASES);
  tcase_add_loop_test(tests, gradients_of_a_classifier, 0, CASES);
  tcase_add_loop_test(tests, every_dropout_drops, 0, KINDS);
  tcase_add_loop_test(tests, settings_are_checked, 0, KINDS);
  tcase_add_loop_test(tests, words_outside_the_vocabulary_are_errors, 0, CASES);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
