/* test_key_lines.c: what the text of a stage's key says, and in what two of them differ. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "experiment/stage_key_lines.h"

#define HASH_A "0123456789abcdef0123456789abcdef"
#define HASH_B "fedcba9876543210fedcba9876543210"

static const char text[] =
    "thaw stage 1\n"
    "classify\n"
    "seed 3\n"
    "min_count 2 max_vocab 30000\n"
    "class_weights:\n"
    "ham: 1\n"
    "\"s: p\": 3\n"
    "epochs:\n"
    "4\n"
    "encoder:\n"
    "dropout: 0.1\n"
    "optimizer:\n"
    "lr: 0.01\n"
    "name: adam\n"
    "seed:\n"
    "3\n"
    "tokenizer word 1\n"
    " lower true\n"
    "encoder lstm 2\n"
    " hidden 12\n"
    " dropout 0.1\n"
    "head concat 1\n"
    " parts [last, max]\n"
    "schedule stlr 1\n"
    " cut_frac 0.1\n"
    "schedule vectors 2\n"
    " file " HASH_A
    "\n"
    "data 1 text 'the text' label 'it's' encoding 'utf-8' cut '' prefix '' whole 0 fraction "
    "0.20000000000000001 "
    "split 7 labels 100\n"
    "train " HASH_A
    "\n"
    "train " HASH_B
    "\n"
    "test " HASH_B
    "\n"
    "transfer " HASH_A "  embedding rnn.0\n";

static thaw_context *ctx;
static thaw_arena *arena;

static void set_up(void) {
  ctx = thaw_context_create();
  arena = thaw_arena_create();
}

static void tear_down(void) {
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}

static thaw_key_lines read_text(const char *content) {
  thaw_key_lines lines;
  ck_assert_int_eq(thaw_key_lines_read(ctx, arena, content, "target", &lines), THAW_OK);
  return lines;
}

START_TEST(everything_has_its_key_in_the_config) {
  static const char *const expected[][2] = {
      {"version of the key", "thaw stage 1"},
      {"seed", "3"},
      {"tokenizer.min_count", "2"},
      {"tokenizer.max_vocab", "30000"},
      {"stages.classify.class_weights.ham", "1"},
      {"stages.classify.class_weights", "\"s: p\": 3"},
      {"stages.classify.epochs", "4"},
      {"stages.classify.encoder.dropout", "0.1"},
      {"stages.classify.optimizer.lr", "0.01"},
      {"stages.classify.optimizer.name", "adam"},
      {"stages.classify.seed", "3"},
      {"tokenizer.plugin", "word"},
      {"tokenizer.plugin (its version)", "1"},
      {"tokenizer.lower", "true"},
      {"encoder.plugin", "lstm"},
      {"encoder.plugin (its version)", "2"},
      {"encoder.hidden", "12"},
      {"encoder.dropout", "0.1"},
      {"head.plugin", "concat"},
      {"head.plugin (its version)", "1"},
      {"head.parts", "[last, max]"},
      {"stages.classify.schedule.0.plugin", "stlr"},
      {"stages.classify.schedule.0.plugin (its version)", "1"},
      {"stages.classify.schedule.0.cut_frac", "0.1"},
      {"stages.classify.schedule.1.plugin", "vectors"},
      {"stages.classify.schedule.1.plugin (its version)", "2"},
      {"stages.classify.schedule.1.file", "content 01234567"},
      {"data.target.format", "csv"},
      {"data.target.text", "the text"},
      {"data.target.label", "it's"},
      {"data.target.encoding", "utf-8"},
      {"data.target.label_cut", ""},
      {"data.target.label_prefix", ""},
      {"data.target.whole", "false"},
      {"data.target.valid_fraction", "0.2"},
      {"data.target.split_seed", "7"},
      {"data.target.labels", "100"},
      {"data.target.train", "content 01234567"},
      {"data.target.train.1", "content fedcba98"},
      {"data.target.test", "content fedcba98"},
      {"what is taken over", "01234567"},
      {"stages.classify.transfer", "embedding rnn.0"},
  };
  const thaw_key_lines lines = read_text(text);
  const size_t count = sizeof expected / sizeof *expected;
  for (size_t i = 0; i < lines.count && i < count; i++) {
    ck_assert_str_eq(lines.lines[i].setting, expected[i][0]);
    ck_assert_str_eq(lines.lines[i].value, expected[i][1]);
  }
  ck_assert_uint_eq(lines.count, count);
  ck_assert_str_eq(thaw_key_lines_find(&lines, "encoder.hidden"), "12");
  ck_assert_ptr_null(thaw_key_lines_find(&lines, "encoder.layers"));
}
END_TEST

/* The text with `new` in place of `old`. */
static const char *edit(const char *old, const char *new) {
  const char *place = strstr(text, old);
  thaw_buffer edited = {0};
  ck_assert_ptr_nonnull(place);
  ck_assert(thaw_buffer_append(&edited, text, (size_t)(place - text)) &&
            thaw_buffer_text(&edited, new) && thaw_buffer_text(&edited, place + strlen(old)));
  const char *copy = thaw_arena_strdup(arena, edited.data);
  thaw_buffer_free(&edited);
  return copy;
}

static thaw_key_difference *compare(const char *other, size_t expected) {
  const thaw_key_lines here = read_text(text), there = read_text(other);
  thaw_key_difference *differences;
  size_t count;
  ck_assert_int_eq(thaw_key_lines_compare(ctx, arena, &here, &there, &differences, &count),
                   THAW_OK);
  ck_assert_uint_eq(count, expected);
  return differences;
}

/* Expects one difference alone between the text and the same with `new` in place of `old`. */
static void expect_one(const char *old, const char *new, const char *setting, const char *here,
                       const char *there) {
  const thaw_key_difference *difference = compare(edit(old, new), 1);
  ck_assert_str_eq(difference->setting, setting);
  if (here) ck_assert_str_eq(difference->here, here);
  if (there) ck_assert_str_eq(difference->there, there);
  ck_assert_int_eq(!difference->here, !here);
  ck_assert_int_eq(!difference->there, !there);
}

START_TEST(differences_are_named) {
  compare(text, 0);
  expect_one("lr: 0.01", "lr: 0.02", "stages.classify.optimizer.lr", "0.01", "0.02");
  expect_one("max_vocab 30000", "max_vocab 60000", "tokenizer.max_vocab", "30000", "60000");
  expect_one("test " HASH_B, "test " HASH_A, "data.target.test", "content fedcba98",
             "content 01234567");
  expect_one("train " HASH_B "\n", "", "data.target.train.1", "content fedcba98", NULL);
  expect_one("epochs:\n", "label_smoothing:\n0.1\nepochs:\n", "stages.classify.label_smoothing",
             NULL, "0.1");
  expect_one("lstm 2", "lstm 3", "encoder.plugin (its version)", "2", "3");
  expect_one("fraction 0.20000000000000001", "fraction 0.1", "data.target.valid_fraction", "0.2",
             "0.1");
  expect_one("transfer " HASH_A, "transfer " HASH_B, "what is taken over", "01234567", "fedcba98");
}
END_TEST

START_TEST(what_another_difference_says_is_left_out) {
  /* Of another plugin the parameters are others anyway. */
  expect_one("encoder lstm 2\n hidden 12\n", "encoder qrnn 1\n window 2\n", "encoder.plugin",
             "lstm", "qrnn");
  expect_one("schedule stlr 1\n cut_frac 0.1\n", "schedule cosine 1\n cycle 3\n",
             "stages.classify.schedule.0.plugin", "stlr", "cosine");
  /* A stage's seed is the run's unless it has its own; an override is in the plugin's settings. */
  expect_one("seed 3\n", "seed 4\n", "seed", "3", "4");
  const thaw_key_lines here = read_text(
      "thaw stage 1\nx\nseed 1\n\nseed:\n1\nencoder:\np: 2\n"
      "tokenizer word 1\nencoder lstm 1\n p 2\n");
  const thaw_key_lines there = read_text(
      "thaw stage 1\nx\nseed 5\n\nseed:\n5\nencoder:\np: 6\n"
      "tokenizer word 1\nencoder lstm 1\n p 6\n");
  thaw_key_difference *differences;
  size_t count;
  ck_assert_int_eq(thaw_key_lines_compare(ctx, arena, &here, &there, &differences, &count),
                   THAW_OK);
  ck_assert_uint_eq(count, 2);
  ck_assert_str_eq(differences[0].setting, "seed");
  ck_assert_str_eq(differences[1].setting, "encoder.p");
  expect_one("dropout: 0.1\n", "dropout: 0.10\n", "stages.classify.encoder.dropout", "0.1", "0.10");
}
END_TEST

START_TEST(texts_that_are_none_do_no_harm) {
  static const char *const texts[] = {"",
                                      "\n",
                                      "\n\n\n\n\n",
                                      "thaw stage 1",
                                      "a\nb\nc\nd\ne",
                                      ":\n:\n:\n",
                                      "x y z\n",
                                      " a b\n",
                                      "data \n",
                                      "data 1 text '\n",
                                      "transfer \n",
                                      "train\n",
                                      "tokenizer \n",
                                      "data 77 text\nseed\nencoder a\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const thaw_key_lines lines = read_text(texts[i]);
    for (size_t k = 0; k < lines.count; k++) {
      ck_assert_ptr_nonnull(lines.lines[k].setting);
      ck_assert_ptr_nonnull(lines.lines[k].value);
    }
  }
  /* A line that is not known is there as it stands. */
  expect_one("labels 100\n", "labels 100\nnested sample\n",
             "data.target.labels (samples are nested)", NULL, "true");
  expect_one("test " HASH_B "\n", "test " HASH_B "\nfuture stays\n", "future", NULL, "stays");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lines of a key");
  TCase *tests = tcase_create("lines of a key");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, everything_has_its_key_in_the_config);
  tcase_add_test(tests, differences_are_named);
  tcase_add_test(tests, what_another_difference_says_is_left_out);
  tcase_add_test(tests, texts_that_are_none_do_no_harm);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
