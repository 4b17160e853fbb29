/* test_generate.c: drawing from logits, and `thaw generate` on runs of every kind. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "experiment/generator.h"
#include "fixture.h"

/* ---- Drawing --------------------------------------------------------------------------------- */

enum { COUNT = 5, DRAWS = 20000 };
/* Probabilities 0, 0.1, 0.4, 0.3, 0.2 in this order. */
static float logits[COUNT];

static void set_logits(void) {
  static const double p[COUNT] = {0, 0.1, 0.4, 0.3, 0.2};
  for (size_t i = 0; i < COUNT; i++) logits[i] = p[i] > 0 ? (float)log(p[i]) + 7 : -INFINITY;
}

/* How often each is drawn when u goes evenly from 0 to 1. */
static void expect_shares(thaw_drawing drawing, const double *expected) {
  thaw_ranked room[COUNT];
  size_t counts[COUNT] = {0};
  for (size_t i = 0; i < DRAWS; i++)
    counts[thaw_draw(logits, COUNT, &drawing, ((double)i + 0.5) / DRAWS, room)]++;
  for (size_t c = 0; c < COUNT; c++)
    ck_assert_double_eq_tol((double)counts[c] / DRAWS, expected[c], 1e-3);
}

START_TEST(everything_can_be_drawn) {
  set_logits();
  expect_shares((thaw_drawing){1, 0, 1}, (double[]){0, 0.1, 0.4, 0.3, 0.2});
  expect_shares((thaw_drawing){1, 100, 1}, (double[]){0, 0.1, 0.4, 0.3, 0.2});
}
END_TEST

START_TEST(temperature_sharpens) {
  set_logits();
  /* At 0.5 probabilities are squared: 1, 16, 9, 4 of 30. */
  expect_shares((thaw_drawing){0.5, 0, 1}, (double[]){0, 1 / 30., 16 / 30., 9 / 30., 4 / 30.});
  expect_shares((thaw_drawing){0, 0, 1}, (double[]){0, 0, 1, 0, 0});
  expect_shares((thaw_drawing){1e-300, 0, 1}, (double[]){0, 0, 1, 0, 0});
}
END_TEST

START_TEST(only_from_the_most_probable_ones) {
  set_logits();
  expect_shares((thaw_drawing){1, 2, 1}, (double[]){0, 0, 4 / 7., 3 / 7., 0});
  expect_shares((thaw_drawing){1, 1, 1}, (double[]){0, 0, 1, 0, 0});
  expect_shares((thaw_drawing){1, 0, 0.65}, (double[]){0, 0, 4 / 7., 3 / 7., 0});
  expect_shares((thaw_drawing){1, 0, 0.75}, (double[]){0, 0, 4 / 9., 3 / 9., 2 / 9.});
  expect_shares((thaw_drawing){1, 0, 0}, (double[]){0, 0, 1, 0, 0});
  /* Of the first three, those that have 0.65 of their weight together. */
  expect_shares((thaw_drawing){1, 3, 0.65}, (double[]){0, 0, 4 / 7., 3 / 7., 0});
}
END_TEST

START_TEST(equal_logits) {
  for (size_t i = 0; i < COUNT; i++) logits[i] = 3;
  expect_shares((thaw_drawing){0, 0, 1}, (double[]){1, 0, 0, 0, 0});
  expect_shares((thaw_drawing){1, 2, 1}, (double[]){0.5, 0.5, 0, 0, 0});
}
END_TEST

/* ---- The command ----------------------------------------------------------------------------- */

static void train(void) {
  fixture_write("lm.yaml",
                "threads: 1\n"
                "data: {general: {format: text, train: general.txt, valid_fraction: 0.1}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 24, layers: 2, drop_mult: 0}\n"
                "stages: {pretrain: {data: general, epochs: 20, batch: 4, bptt: 8,\n"
                "                    optimizer: {lr: 2e-2}}}\n");
  fixture_expect(0, "run lm.yaml -o lm.h5");
}

/* Its output; fails the test unless it ends well. */
static char *generate(const char *arguments) {
  char command[200];
  snprintf(command, sizeof command, "generate %s", arguments);
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 0, "thaw %s: %s", command, result.err.data);
  char *text = strdup(result.out.data);
  fixture_free(&result);
  return text;
}

static void expect_same(bool same, const char *a, const char *b) {
  char *x = generate(a), *y = generate(b);
  ck_assert_msg((strcmp(x, y) == 0) == same, "thaw generate %s: '%s'\nthaw generate %s: '%s'", a, x,
                b, y);
  free(x);
  free(y);
}

static size_t count_lines(const char *text) {
  size_t lines = 0;
  for (; (text = strchr(text, '\n')); text++) lines++;
  return lines;
}

START_TEST(text_is_written) {
  train();
  char *text = generate("lm.h5 --tokens 200");
  ck_assert_ptr_null(strstr(text, "xx"));
  ck_assert_ptr_null(strstr(text, "<unk>"));
  ck_assert_uint_gt(count_lines(text), 20); /* of some six tokens */
  ck_assert_ptr_nonnull(strstr(text, "\nthe cat "));
  free(text);
  expect_same(true, "lm.h5", "lm.h5 --seed 1 --temperature 1 --top-p 1 --top-k 0 --tokens 100");
  expect_same(false, "lm.h5", "lm.h5 --seed 2");
  expect_same(true, "lm.h5 --seed 1 -t 0", "lm.h5 --seed 2 --top-k 1");
  text = generate("lm.h5 -n 4 -p mine,");
  ck_assert_msg(strncmp(text, "<unk> <unk> ", 12) == 0, "%s", text);
  free(text);
}
END_TEST

/* The second of two texts is the first one of the next seed. */
START_TEST(several_texts) {
  train();
  char *both = generate("lm.h5 --count 2 --tokens 9"), *first = generate("lm.h5 --tokens 9"),
       *second = generate("lm.h5 --tokens 9 --seed 2");
  char expected[1000];
  snprintf(expected, sizeof expected, "%s\n%s", first, second);
  ck_assert_str_eq(both, expected);
  free(both);
  free(first);
  free(second);
}
END_TEST

/* A state that is carried from token to token gives what the whole text read at once gives. */
START_TEST(the_state_is_carried) {
  train();
  char *text = generate("lm.h5 --tokens 5 --top-k 1");
  char *space = strchr(text, ' ');
  ck_assert_ptr_nonnull(space);
  char command[200];
  snprintf(command, sizeof command, "lm.h5 --tokens 4 --top-k 1 --prompt %.*s", (int)(space - text),
           text);
  char *rest = generate(command);
  ck_assert_str_eq(rest, text);
  free(rest);
  free(text);
}
END_TEST

START_TEST(language_models_that_are_kept) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_expect_error(2, "generate a.h5", "a.h5 holds a classifier and no language model");
  fixture_expect(0, "run experiment.yaml -o b.h5 --set stages.pretrain.keep_weights=true");
  fixture_expect(0, "generate b.h5 --tokens 3");
  fixture_expect(0,
                 "run experiment.yaml -o c.h5 --set stages.finetune.keep_weights=true "
                 "--set stages.pretrain.keep_weights=true");
  /* The last stage's; b's is another one. */
  expect_same(false, "b.h5", "c.h5");
  fixture_result list = fixture_run("inspect c.h5", NULL);
  ck_assert_ptr_nonnull(strstr(list.out.data, "pretrain, finetune"));
  fixture_free(&list);
}
END_TEST

START_TEST(files_of_the_stage_cache) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  char name[64] = "";
  FILE *files = popen("ls cache/*.h5", "r");
  ck_assert_ptr_nonnull(files);
  size_t count = 0;
  while (fscanf(files, "%63s", name) == 1) {
    char command[100];
    snprintf(command, sizeof command, "generate %s --tokens 5", name);
    fixture_expect(0, command);
    count++;
  }
  pclose(files);
  ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(other_tokenizers) {
  train();
  fixture_expect(0,
                 "run lm.yaml -o c.h5 --set tokenizer.plugin=char --set stages.pretrain.bptt=30");
  char *text = generate("c.h5 --tokens 60 --prompt the");
  ck_assert_msg(strncmp(text, "the", 3) == 0, "%s", text);
  ck_assert_uint_ge(strlen(text), 63);
  free(text);
  fixture_expect(0, "run lm.yaml -o w.h5 --set tokenizer.plugin=whitespace");
  text = generate("w.h5 --tokens 20 --prompt a");
  ck_assert_msg(strncmp(text, "a ", 2) == 0, "%s", text);
  free(text);
}
END_TEST

static size_t count(const char *text, const char *part) {
  size_t times = 0;
  for (; (text = strstr(text, part)); text++) times++;
  return times;
}

/* Only who reads the window again knows that "in the" is followed by "park", but a line's "the" by
 * "cat" or "old"; only who reads no more than the window is not refused. */
START_TEST(an_encoder_that_carries_nothing) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/experiment/.libs/plugin_window.so", getenv("THAW_BUILD"));
  ck_assert_int_eq(symlink(path, "window.so"), 0);
  fixture_write("window.yaml",
                "threads: 1\n"
                "data: {general: {format: text, train: general.txt}}\n"
                "tokenizer: {plugin: whitespace, min_count: 1}\n"
                "encoder: {plugin: ./window.so}\n"
                "stages: {pretrain: {data: general, epochs: 30, batch: 4, bptt: 8,\n"
                "                    optimizer: {lr: 2e-2}}}\n");
  fixture_expect(0, "run window.yaml -o w.h5");
  char *text = generate("w.h5 --tokens 300 --temperature 0.5");
  ck_assert_uint_gt(count(text, "in the park"), 0);
  ck_assert_uint_gt(count(text, "\nthe cat") + count(text, "\nthe old"), 4);
  ck_assert_uint_eq(count(text, "in the cat") + count(text, "in the old"), 0);
  free(text);
}
END_TEST

START_TEST(from_the_end_to_the_beginning) {
  train();
  fixture_expect(0, "run lm.yaml -o b.h5 --set encoder.direction=backward");
  char *text = generate("b.h5 --tokens 120 --temperature 0.5");
  ck_assert_uint_gt(count(text, "\nthe cat ") + count(text, "\nthe old man "), 3);
  ck_assert_uint_gt(count(text, " again\n") + count(text, " slowly\n"), 1);
  free(text);
  text = generate("b.h5 --tokens 12 --temperature 0.5 --prompt park");
  ck_assert_uint_ge(strcspn(text, "\n"), 4);
  ck_assert_int_eq(strncmp(text + strcspn(text, "\n") - 4, "park\n", 5), 0);
  free(text);
  fixture_expect(0, "run lm.yaml -o d.h5 --set encoder.direction=bidirectional");
  text = generate("d.h5 --tokens 120 --temperature 0.5");
  ck_assert_uint_gt(count(text, "\nthe cat ") + count(text, "\nthe old man "), 3);
  free(text);
}
END_TEST

START_TEST(wrong_usage) {
  train();
  fixture_expect_error(2, "generate train.csv", "train.csv is not an HDF5 file");
  fixture_expect_error(2, "generate lm.h5 --temperature -1", "--temperature: -1 is not between 0");
  fixture_expect_error(2, "generate lm.h5 --temperature nan", "expected a number, found 'nan'");
  fixture_expect_error(2, "generate lm.h5 --top-p 1.01", "--top-p: 1.01 is not between 0 and 1");
  fixture_expect_error(2, "generate lm.h5 --top-p 0x1", "expected a number, found '0x1'");
  fixture_expect_error(2, "generate lm.h5 --tokens 0", "--tokens: 0 is not between 1");
  fixture_expect_error(2, "generate lm.h5 --prompt a\xff", "--prompt: byte 2 is no UTF-8");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("generate");
  TCase *drawing = tcase_create("drawing");
  tcase_add_test(drawing, everything_can_be_drawn);
  tcase_add_test(drawing, temperature_sharpens);
  tcase_add_test(drawing, only_from_the_most_probable_ones);
  tcase_add_test(drawing, equal_logits);
  suite_add_tcase(suite, drawing);
  TCase *tests = tcase_create("generate");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_test(tests, text_is_written);
  tcase_add_test(tests, several_texts);
  tcase_add_test(tests, the_state_is_carried);
  tcase_add_test(tests, language_models_that_are_kept);
  tcase_add_test(tests, files_of_the_stage_cache);
  tcase_add_test(tests, other_tokenizers);
  tcase_add_test(tests, an_encoder_that_carries_nothing);
  tcase_add_test(tests, from_the_end_to_the_beginning);
  tcase_add_test(tests, wrong_usage);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
