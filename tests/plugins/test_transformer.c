/* The encoder transformer: groups, initial values, padding, contexts, gradients with dropout,
 * settings. Numbers are compared with PyTorch's in tests/golden/test_transformer.c. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/gradient_check.h"
#include "plugin_bench.h"

enum { VOCABULARY = 7, TIME = 6, BATCH = 3, POSITIONS = 9, MOST_TENSORS = 40 };

static const int32_t ids[TIME * BATCH] = {2, 2, 2, 3, 5, 4, 6, 1, 3, 4, 1, 5, 3, 1, 6, 5, 1, 2};
static const int32_t lengths[BATCH] = {6, 2, 4};
static const char *const rates[] = {"embed_p", "attention_p", "residual_p"};

static void open_encoder(plugin_bench *bench, const char *norm, const char *dropout) {
  bench_open(bench, THAW_ENCODER, "transformer");
  bench_set(bench, "embedding", "4");
  bench_set(bench, "hidden", "5");
  bench_set(bench, "layers", "2");
  bench_set(bench, "heads", "2");
  bench_set(bench, "positions", "9");
  bench_set(bench, "norm", norm);
  for (size_t i = 0; i < 3; i++) bench_set(bench, rates[i], dropout);
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

/* ---- Groups and initial values --------------------------------------------------------------- */

START_TEST(groups_stand_from_input_to_output) {
  static const char *const groups[] = {"embedding", "block.0", "block.1"};
  static const char *const block[] = {
      "ln_1.weight",     "ln_1.bias",     "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight",
      "attn.proj.bias",  "ln_2.weight",   "ln_2.bias",       "mlp.fc.weight", "mlp.fc.bias",
      "mlp.proj.weight", "mlp.proj.bias", "ln_f.weight",     "ln_f.bias"};
  for (size_t pre = 0; pre < 2; pre++) {
    plugin_bench bench;
    open_encoder(&bench, pre ? "pre" : "post", "0");
    ck_assert_uint_eq(bench.params->count, 3);
    for (size_t g = 0; g < 3; g++) {
      const thaw_param_group *group = &bench.params->groups[g];
      ck_assert_str_eq(group->name, groups[g]);
      if (g == 0) continue;
      ck_assert_uint_eq(group->count, g == 2 && pre ? 14 : 12);
      for (size_t i = 0; i < group->count; i++) ck_assert_str_eq(group->params[i].name, block[i]);
    }
    ck_assert_uint_eq(bench_tensor(&bench, "embedding", "positions")->shape[0], POSITIONS);
    ck_assert_uint_eq(bench_tensor(&bench, "block.0", "attn.qkv.weight")->shape[0], 12);
    ck_assert_uint_eq(bench_tensor(&bench, "block.0", "mlp.fc.weight")->shape[0], 5);
    ck_assert_uint_eq(bench_tensor(&bench, "block.0", "mlp.proj.weight")->shape[1], 5);
    ck_assert_uint_eq(bench.info.layers, 2);
    ck_assert_uint_eq(bench.info.width[0], 4);
    ck_assert_uint_eq(bench.info.width[1], 4);
    ck_assert_uint_eq(bench.info.embedding_width, 4);
    ck_assert_ptr_eq(bench.info.embedding, bench_tensor(&bench, "embedding", "weight"));
    bench_close(&bench);
  }
}
END_TEST

static void expect_deviation(plugin_bench *bench, const char *name, double deviation) {
  const thaw_tensor *x = bench_tensor(bench, "block.0", name);
  double sum = 0;
  for (size_t i = 0; i < thaw_size(x); i++) sum += pow((double)x->data[i], 2);
  ck_assert_double_eq_tol(sqrt(sum / (double)thaw_size(x)), deviation, 0.05 * deviation + 1e-9);
}

START_TEST(initial_values) {
  for (size_t pre = 0; pre < 2; pre++) {
    plugin_bench bench;
    bench_open(&bench, THAW_ENCODER, "transformer");
    bench_set(&bench, "embedding", "64");
    bench_set(&bench, "layers", "8");
    bench_set(&bench, "norm", pre ? "pre" : "post");
    bench_create_encoder(&bench, VOCABULARY);
    expect_deviation(&bench, "attn.qkv.weight", 0.02);
    expect_deviation(&bench, "mlp.fc.weight", 0.02);
    expect_deviation(&bench, "attn.proj.weight", pre ? 0.005 : 0.02);
    expect_deviation(&bench, "mlp.proj.weight", pre ? 0.005 : 0.02);
    expect_deviation(&bench, "ln_1.weight", 1);
    expect_deviation(&bench, "attn.qkv.bias", 0);
    ck_assert_uint_eq(bench_tensor(&bench, "block.0", "mlp.fc.weight")->shape[0], 256);
    bench_close(&bench);
  }
}
END_TEST

START_TEST(states_of_every_layer) {
  plugin_bench bench;
  open_encoder(&bench, "pre", "0.3");
  const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
  const thaw_states states = encode(&bench, &input, THAW_TAPE_TRAIN);
  const thaw_tensor *all[] = {states.embedded, states.layer[0], states.layer[1]};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_eq(all[i]->rank, 3);
    ck_assert_uint_eq(all[i]->shape[0], TIME);
    ck_assert_uint_eq(all[i]->shape[1], BATCH);
    ck_assert_uint_eq(all[i]->shape[2], 4);
  }
  ck_assert_ptr_eq(states.output, states.layer[1]);
  ck_assert_ptr_null(states.penalty);
  const float *word = bench_tensor(&bench, "embedding", "weight")->data;
  ck_assert_mem_eq(states.embedded->data, word + 2 * 4, 4 * sizeof(float));
  bench_close(&bench);
}
END_TEST

/* ---- Contexts -------------------------------------------------------------------------------- */

static void check_padding(const char *norm) {
  plugin_bench bench;
  int32_t other[POSITIONS * BATCH];
  open_encoder(&bench, norm, "0");
  for (size_t i = 0; i < POSITIONS * BATCH; i++) {
    other[i] = i / BATCH < (size_t)lengths[i % BATCH] ? ids[i] : 6;
  }
  for (size_t l = 0; l < 2; l++) {
    const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
    const thaw_encoder_input longer = {
        .ids = other, .time = POSITIONS, .batch = BATCH, .lengths = lengths};
    const thaw_tensor *x = encode(&bench, &input, THAW_TAPE_TRAIN).layer[l];
    float *expected = malloc(thaw_size(x) * sizeof *expected);
    ck_assert_ptr_nonnull(expected);
    memcpy(expected, x->data, thaw_size(x) * sizeof *expected);
    x = encode(&bench, &longer, THAW_TAPE_TRAIN).layer[l];
    for (size_t i = 0; i < (size_t)TIME * BATCH * 4; i++) {
      const size_t row = i / 4;
      if (row / BATCH >= (size_t)lengths[row % BATCH]) continue;
      ck_assert_float_eq_tol(x->data[i], expected[i], 1e-6f);
    }
    free(expected);
  }
  bench_close(&bench);
}

START_TEST(padding_changes_no_state_before_it) {
  check_padding("pre");
  check_padding("post");
}
END_TEST

/* The same word at another position has another state. */
START_TEST(positions_count) {
  plugin_bench bench;
  open_encoder(&bench, "pre", "0");
  const int32_t same[2] = {3, 3};
  const thaw_encoder_input input = {.ids = same, .time = 2, .batch = 1};
  const float *x = encode(&bench, &input, THAW_TAPE_EVALUATE).layer[0]->data;
  ck_assert_mem_ne(x, x + 4, 4 * sizeof(float));
  thaw_tensor *positions = bench_tensor(&bench, "embedding", "positions");
  memset(positions->data, 0, thaw_size(positions) * sizeof(float));
  x = encode(&bench, &input, THAW_TAPE_EVALUATE).layer[0]->data;
  for (size_t i = 0; i < 4; i++) ck_assert_float_eq_tol(x[i], x[i + 4], 1e-6f);
  bench_close(&bench);
}
END_TEST

static void expect_refused(plugin_bench *bench, const thaw_encoder_input *input,
                           const char *message) {
  thaw_states states = {0};
  thaw_tape_begin(bench->tape, THAW_TAPE_EVALUATE, thaw_rng_make(5, 5));
  ck_assert_int_eq(bench->descriptor->api.encoder->forward(bench->self, bench->settings,
                                                           bench->tape, input, &states),
                   THAW_INVALID);
  ck_assert_str_eq(thaw_tape_error(bench->tape), message);
}

START_TEST(longer_than_the_positions) {
  plugin_bench bench;
  int32_t many[POSITIONS + 1] = {0};
  const int32_t length = POSITIONS + 1;
  open_encoder(&bench, "pre", "0");
  thaw_encoder_input input = {.ids = many, .time = POSITIONS, .batch = 1, .language_model = true};
  encode(&bench, &input, THAW_TAPE_EVALUATE);
  input.time = POSITIONS + 1;
  expect_refused(&bench, &input,
                 "transformer: a context of 10 tokens is longer than the encoder's positions, 9: "
                 "lower the stage's bptt to at most 9, or raise positions");
  input.lengths = &length; /* with a language model's loss beside the classifier's */
  expect_refused(&bench, &input,
                 "transformer: a document of 10 tokens is longer than the encoder's positions, 9: "
                 "lower the stage's max_length to at most 9, or raise positions");
  bench_close(&bench);
}
END_TEST

START_TEST(words_outside_the_vocabulary_are_errors) {
  plugin_bench bench;
  const int32_t wrong[] = {0, VOCABULARY};
  open_encoder(&bench, "pre", "0");
  expect_refused(&bench, &(thaw_encoder_input){.ids = wrong, .time = 2, .batch = 1},
                 "embedding: id 7 at [1][0] of [2][1] is outside the table [7][4]");
  bench_close(&bench);
}
END_TEST

/* ---- Gradients and dropout ------------------------------------------------------------------- */

typedef struct encoder_run {
  plugin_bench *bench;
  thaw_encoder_input input;
} encoder_run;

static thaw_tensor *run_encoder(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  (void)inputs;
  const encoder_run *r = user;
  thaw_states states = {0};
  r->bench->descriptor->api.encoder->forward(r->bench->self, r->bench->settings, tape, &r->input,
                                             &states);
  thaw_tensor *parts[] = {states.layer[0], states.output, states.embedded};
  return thaw_concat(tape, 3, parts, 2);
}

static void check_encoder(const char *norm, const thaw_encoder_input *input) {
  plugin_bench bench;
  thaw_tensor *inputs[MOST_TENSORS];
  open_encoder(&bench, norm, "0.3");
  encoder_run r = {&bench, *input};
  const size_t count = bench_trained(&bench, inputs, MOST_TENSORS);
  /* Larger than they begin, so that softmax and GELU bend; words and positions so large that no
   * norm sees a vector near zero, where it bends more than differences can follow. */
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < thaw_size(inputs[i]); j++) {
      if (inputs[i]->rank == 2) inputs[i]->data[j] *= i < 2 ? 80 : 20;
      if (inputs[i]->rank == 1) inputs[i]->data[j] += 0.1f * (float)(j % 5);
    }
  }
  for (size_t half = 0; half < 2; half++) { /* embedding and block.0, then block.1 */
    check_gradients(&(gradient_check){.operation = "transformer",
                                      .run = run_encoder,
                                      .user = &r,
                                      .input_count = half ? count - 14 : 14,
                                      .inputs = inputs + 14 * half,
                                      .mode = THAW_TAPE_TRAIN});
  }
  bench_close(&bench);
}

START_TEST(gradients_of_a_language_model) {
  const thaw_encoder_input input = {
      .ids = ids, .time = TIME, .batch = BATCH, .language_model = true};
  check_encoder("pre", &input);
  check_encoder("post", &input);
}
END_TEST

START_TEST(gradients_of_a_classifier) {
  const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths};
  check_encoder("pre", &input);
  check_encoder("post", &input);
}
END_TEST

START_TEST(every_dropout_drops) {
  plugin_bench bench;
  open_encoder(&bench, "pre", "0");
  const thaw_encoder_input input = {
      .ids = ids, .time = TIME, .batch = BATCH, .language_model = true};
  const thaw_tensor *output = encode(&bench, &input, THAW_TAPE_TRAIN).output;
  const size_t bytes = thaw_size(output) * sizeof(float);
  float *whole = malloc(bytes);
  ck_assert_ptr_nonnull(whole);
  memcpy(whole, output->data, bytes);
  for (size_t i = 0; i < 3; i++) {
    bench_set(&bench, rates[i], "0.5");
    ck_assert_msg(memcmp(encode(&bench, &input, THAW_TAPE_TRAIN).output->data, whole, bytes) != 0,
                  "%s drops nothing", rates[i]);
    ck_assert_mem_eq(encode(&bench, &input, THAW_TAPE_RECORD).output->data, whole, bytes);
    bench_set(&bench, rates[i], "0");
  }
  free(whole);
  bench_close(&bench);
}
END_TEST

/* ---- Settings -------------------------------------------------------------------------------- */

START_TEST(settings_are_checked) {
  plugin_bench bench;
  bench_open(&bench, THAW_ENCODER, "transformer");
  ck_assert_int_eq(bench_validate(&bench), THAW_OK);
  ck_assert_int_eq(bench_try_set(&bench, "layers", "0"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "layers", "65"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "heads", "0"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "hidden", "-1"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "positions", "0"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "norm", "none"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "attention_p", "1"), THAW_INVALID);
  bench_set(&bench, "embedding", "250");
  bench_set(&bench, "heads", "8");
  ck_assert_int_eq(bench_validate(&bench), THAW_INVALID);
  ck_assert_str_eq(thaw_error(bench.ctx),
                   "embedding 250 is not divisible by heads 8; the next that is: 256");
  bench_set(&bench, "heads", "10");
  ck_assert_int_eq(bench_validate(&bench), THAW_OK);
  bench_create_encoder(&bench, VOCABULARY);
  bench_close(&bench);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("transformer");
  TCase *tests = tcase_create("transformer");
  tcase_add_test(tests, groups_stand_from_input_to_output);
  tcase_add_test(tests, initial_values);
  tcase_add_test(tests, states_of_every_layer);
  tcase_add_test(tests, padding_changes_no_state_before_it);
  tcase_add_test(tests, positions_count);
  tcase_add_test(tests, longer_than_the_positions);
  tcase_add_test(tests, words_outside_the_vocabulary_are_errors);
  tcase_add_test(tests, gradients_of_a_language_model);
  tcase_add_test(tests, gradients_of_a_classifier);
  tcase_add_test(tests, every_dropout_drops);
  tcase_add_test(tests, settings_are_checked);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
