/* What `thaw plugin new` begins with: the encoder, the schedule and the tokenizer of
 * plugins/template/ do what their comments say (the head is tested in test_heads.c). Tests run in
 * the folder of the build. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/gradient_check.h"
#include "plugin_bench.h"
#include "tokenizer_bench.h"

#define TEMPLATE(kind) "plugins/template/.libs/" kind ".so"

/* ---- The encoder ----------------------------------------------------------------------------- */

enum { VOCABULARY = 5, TIME = 4, LONGER = 6, BATCH = 2, WIDTH = 3 };

/* [LONGER][BATCH]; the first TIME rows are the documents, the second one of which is shorter. */
static const int32_t ids[LONGER * BATCH] = {2, 2, 3, 4, 4, 3, 0, 1, 1, 1, 1, 1};
static const int32_t lengths[BATCH] = {4, 3};

static void open_encoder(plugin_bench *bench) {
  bench_open(bench, THAW_ENCODER, TEMPLATE("encoder"));
  bench_set(bench, "embedding", "3");
  bench_create_encoder(bench, VOCABULARY);
}

static thaw_states encode(plugin_bench *bench, size_t time) {
  const thaw_encoder_input input = {.ids = ids, .time = time, .batch = BATCH, .lengths = lengths};
  thaw_states states = {0};
  thaw_tape_begin(bench->tape, THAW_TAPE_EVALUATE, thaw_rng_make(5, 5));
  ck_assert_msg(bench->descriptor->api.encoder->forward(bench->self, bench->settings, bench->tape,
                                                        &input, &states) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
  return states;
}

START_TEST(a_state_is_made_of_two_words) {
  plugin_bench bench;
  open_encoder(&bench);
  ck_assert_uint_eq(bench.info.width[0], WIDTH);
  const float *words = bench_tensor(&bench, "embedding", "weight")->data; /* [V][E] */
  const float *weight = bench_tensor(&bench, "layer.0", "weight")->data;  /* [E][2E] */
  const thaw_states states = encode(&bench, TIME);
  for (size_t i = 0; i < TIME * BATCH * WIDTH; i++) {
    const size_t row = i / WIDTH, feature = i % WIDTH;
    double sum = 0;
    for (size_t k = 0; k < WIDTH; k++) {
      const float *factors = weight + feature * 2 * WIDTH;
      sum += (double)factors[k] * (double)words[(size_t)ids[row] * WIDTH + k];
      if (row < BATCH) continue;
      sum += (double)factors[WIDTH + k] * (double)words[(size_t)ids[row - BATCH] * WIDTH + k];
    }
    ck_assert_float_eq_tol(states.layer[0]->data[i], (float)tanh(sum), 1e-6f);
  }
  bench_close(&bench);
}
END_TEST

START_TEST(padding_changes_nothing) {
  plugin_bench bench;
  float expected[TIME * BATCH * WIDTH];
  open_encoder(&bench);
  memcpy(expected, encode(&bench, TIME).layer[0]->data, sizeof expected);
  const thaw_states states = encode(&bench, LONGER);
  ck_assert_mem_eq(states.layer[0]->data, expected, sizeof expected);
  ck_assert_uint_eq(encode(&bench, 1).layer[0]->shape[0], 1);
  bench_close(&bench);
}
END_TEST

START_TEST(gradients) {
  plugin_bench bench;
  thaw_tensor *tensors[4];
  open_encoder(&bench);
  bench_encoding encoding = {
      .bench = &bench, .input = {.ids = ids, .time = TIME, .batch = BATCH, .lengths = lengths}};
  const size_t count = bench_trained(&bench, tensors, 4);
  ck_assert_uint_eq(count, 2);
  check_gradient("the template's encoder", bench_encode, &encoding, count, tensors);
  bench_close(&bench);
}
END_TEST

/* ---- The schedule ---------------------------------------------------------------------------- */

static double multiplier_at(plugin_bench *bench, int64_t step) {
  static const int64_t epoch_steps[] = {0, 10, 20, 30, 40};
  const thaw_moment moment = {.step = step,
                              .steps = 40,
                              .steps_per_epoch = 10,
                              .epoch = step / 10,
                              .epochs = 4,
                              .groups = 1,
                              .group_name = "head",
                              .epoch_steps = epoch_steps};
  return bench->descriptor->api.schedule->multiplier(bench->settings, &moment);
}

START_TEST(the_rate_falls_from_an_epoch_on) {
  plugin_bench bench;
  bench_open(&bench, THAW_SCHEDULE, TEMPLATE("schedule"));
  ck_assert_double_eq_tol(multiplier_at(&bench, 0), 1, 1e-12);
  ck_assert_double_eq_tol(multiplier_at(&bench, 20), 0.5, 1e-12);
  bench_set(&bench, "from", "2");
  ck_assert_double_eq_tol(multiplier_at(&bench, 20), 1, 1e-12);
  ck_assert_double_eq_tol(multiplier_at(&bench, 30), 0.5, 1e-12);
  ck_assert_double_eq_tol(multiplier_at(&bench, 39), 0.05, 1e-12);
  const thaw_schedule *schedule = bench.descriptor->api.schedule;
  thaw_schedule_scope scope = {.groups = 1, .epochs = 3, .steps = 30};
  ck_assert_int_eq(schedule->check(bench.settings, &scope, bench.ctx), THAW_OK);
  scope.epochs = 2;
  ck_assert_int_eq(schedule->check(bench.settings, &scope, bench.ctx), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(bench.ctx), "from is 2, and the stage has 2 epochs"));
  bench_close(&bench);
}
END_TEST

/* ---- The tokenizer --------------------------------------------------------------------------- */

static void begin_tokenizer(void) {
  bench_begin(TEMPLATE("tokenizer"));
  between = "|";
}

START_TEST(words_end_at_separators) {
  ck_assert_str_eq(cut("Well, it is.\n"), "Well|,| |it| |is|.|\n");
  ck_assert_str_eq(cut("a-b École 𝄞"), "a-b| |École| |𝄞");
  ck_assert_str_eq(cut_bytes("a\0b", 3), "a|b");
  ck_assert_str_eq(cut(""), "");
  set("separators", "-");
  ck_assert_str_eq(cut("a-b, c"), "a|-|b,| |c");
}
END_TEST

START_TEST(a_text_cannot_write_the_vocabulary_s_own_pieces) {
  ck_assert_str_eq(cut("xxbos xxxxpad xx xxunk"), "xx|bos| |xx|xx|pad| |xx| |xx|unk");
}
END_TEST

START_TEST(pieces_put_together_are_the_text) {
  uint8_t text[400];
  for (uint64_t seed = 1; seed <= 200; seed++) {
    size_t bytes = random_text(seed, text, sizeof text - 1), kept = 0;
    for (size_t i = 0; i < bytes; i++) /* `between` must not stand in the text */
      if (text[i] && text[i] != '|') text[kept++] = text[i];
    text[kept] = '\0';
    ck_assert_str_eq(join(cut((const char *)text)), (const char *)text);
  }
}
END_TEST

static thaw_status validate_separators(const char *separators) {
  set("separators", separators);
  return plugin->validate(settings, ctx);
}

START_TEST(separators_are_ascii) {
  ck_assert_int_eq(validate_separators(".,"), THAW_OK);
  ck_assert_int_eq(validate_separators(""), THAW_OK);
  ck_assert_int_eq(validate_separators(".…"), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "separators: '…' is not all ASCII"));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("template");
  TCase *tests = tcase_create("encoder and schedule");
  tcase_add_test(tests, a_state_is_made_of_two_words);
  tcase_add_test(tests, padding_changes_nothing);
  tcase_add_test(tests, gradients);
  tcase_add_test(tests, the_rate_falls_from_an_epoch_on);
  suite_add_tcase(suite, tests);
  TCase *texts = tcase_create("tokenizer");
  tcase_add_checked_fixture(texts, begin_tokenizer, bench_end);
  tcase_add_test(texts, words_end_at_separators);
  tcase_add_test(texts, a_text_cannot_write_the_vocabulary_s_own_pieces);
  tcase_add_test(texts, pieces_put_together_are_the_text);
  tcase_add_test(texts, separators_are_ascii);
  suite_add_tcase(suite, texts);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
