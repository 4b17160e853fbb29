/* test_evaluate.c: `thaw evaluate` on classifiers and language models, and on data that do not fit.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void set_up(void) {
  fixture_begin();
  fixture_expect(0, "run experiment.yaml -o a.h5");
}

static char *output(const char *command) {
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 0, "thaw %s: status %d: %s", command, result.status,
                result.err.data);
  char *text = strdup(result.out.data);
  fixture_free(&result);
  return text;
}

static void expect_output(const char *command, const char *expected) {
  char *text = output(command);
  ck_assert_msg(strstr(text, expected) != NULL, "thaw %s: expected '%s', found:\n%s", command,
                expected, text);
  free(text);
}

/* The number behind `name` in JSON. */
static double number(const char *json, const char *name) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *at = strstr(json, key);
  ck_assert_msg(at != NULL, "no %s in %s", name, json);
  return strtod(at + strlen(key), NULL);
}

/* On its own test documents a run has the scores that it printed when it was made. */
START_TEST(the_same_as_in_the_run) {
  char *made = output("run experiment.yaml -o a.h5");
  char *json = output("evaluate a.h5 test.csv --format json");
  const char *line = strstr(made, "test: accuracy ");
  ck_assert_ptr_nonnull(line);
  ck_assert_double_eq_tol(number(json, "accuracy"), strtod(line + 15, NULL), 1e-4);
  ck_assert_double_eq_tol(number(json, "macro_f1"), strtod(strstr(line, "macro F1 ") + 9, NULL),
                          1e-4);
  ck_assert_double_eq(number(json, "documents"), 60);
  ck_assert_double_gt(number(json, "loss"), 0);
  free(made);
  free(json);
}
END_TEST

/* Of a, food in truth, one is found; b is not. */
START_TEST(scores_of_classes) {
  fixture_write("new.csv",
                "text,label\nthe cat eats at home,food\nthe cat runs at home,food\n"
                "a dog jumps in the park,move\n");
  expect_output("evaluate a.h5 new.csv",
                "class  documents  predicted  precision  recall     F1\n"
                "food           2          1      1.000   0.500  0.667\n"
                "move           1          2      0.500   1.000  0.667\n");
  expect_output("evaluate a.h5 new.csv", "accuracy 0.6667 [");
  expect_output("evaluate a.h5 new.csv", ", macro F1 0.6667, loss ");
  expect_output("evaluate a.h5 new.csv --format csv",
                "class,documents,predicted,precision,recall,"
                "F1\nfood,2,1,1,0.5,0.6666666666666666\n");
  expect_output("evaluate a.h5 new.csv --format markdown", "| food | 2 | 1 | 1.000 |");
}
END_TEST

START_TEST(predictions_are_written) {
  free(output("evaluate a.h5 test.csv --predictions p.csv"));
  thaw_buffer text = {0};
  fixture_read("p.csv", &text);
  ck_assert_msg(strncmp(text.data, "document,label,predicted,food,move\n0,food,food,0.", 48) == 0,
                "%s", text.data);
  size_t lines = 0;
  for (const char *at = text.data; (at = strchr(at, '\n')); at++) lines++;
  ck_assert_uint_eq(lines, 61);
  thaw_buffer_free(&text);
  fixture_expect_error(1, "evaluate a.h5 test.csv -p missing/p.csv", "missing/p.csv");
}
END_TEST

START_TEST(data_of_another_format) {
  fixture_write("new.jsonl",
                "{\"words\": \"the cat eats\", \"kind\": \"food\"}\n"
                "{\"words\": \"a dog runs\", \"kind\": \"move\"}\n");
  expect_output("evaluate a.h5 new.jsonl --data-format jsonl --text words --label kind",
                "2 documents");
  fixture_write("new.txt", "food the cat eats\nmove a dog runs\nmove my sister jumps\n");
  expect_output("evaluate a.h5 new.txt -d labelled", "3 documents");
  fixture_write("new.tsv", "label\ttext\nfood\tcaf\xe9 eats\n");
  expect_output("evaluate a.h5 new.tsv -d tsv --encoding latin1", "1 documents");
}
END_TEST

START_TEST(data_that_do_not_fit) {
  fixture_write("new.csv", "text,label\na,food\nb,sleep\n");
  fixture_expect_error(2, "evaluate a.h5 new.csv",
                       "new.csv:3: the class 'sleep' does not occur in the training data, whose "
                       "classes are 'food', 'move'");
  fixture_expect_error(2, "evaluate a.h5 general.txt -d text",
                       "general.txt:1: the document has no label");
  fixture_expect_error(2, "evaluate a.h5 test.csv --label kind", "there is no column 'kind'");
  fixture_expect_error(2, "evaluate a.h5 missing.csv", "missing.csv");
  fixture_expect_error(2, "evaluate test.csv test.csv", "test.csv is not an HDF5 file");
  fixture_expect_error(2, "evaluate a.h5 test.csv -d xml", "--data-format: there is no 'xml'");
  fixture_write("empty.csv", "text,label\n");
  fixture_expect_error(2, "evaluate a.h5 empty.csv", "there is no document in it");
  fixture_expect_error(2, "evaluate a.h5", "something is missing");
}
END_TEST

static double perplexity(const char *command) {
  char *json = output(command);
  const double value = number(json, "perplexity");
  ck_assert_double_eq_tol(log(value), number(json, "loss"), 1e-9);
  free(json);
  return value;
}

START_TEST(language_models) {
  fixture_write("lm.yaml",
                "threads: 1\n"
                "data: {general: {format: text, train: general.txt, valid: valid.txt}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 1}\n"
                "stages: {pretrain: {data: general, epochs: 3, batch: 1, bptt: 10}}\n");
  fixture_write("valid.txt", "the cat eats at home\na dog runs again\nthe old man walks slowly\n");
  char *made = output("run lm.yaml -o lm.h5");
  const double then = strtod(strstr(made, "perplexity ") + 11, NULL);
  ck_assert_double_eq_tol(perplexity("evaluate lm.h5 valid.txt --format json"), then, 6e-3);
  free(made);
  fixture_write("odd.txt", "walks zebra the home\ncat cat zebra\n");
  ck_assert_double_gt(perplexity("evaluate lm.h5 odd.txt -f json"), then);
  expect_output("evaluate lm.h5 odd.txt -f csv",
                "documents,tokens,unknown,loss,perplexity\n2,9,2,");
  ck_assert_double_gt(perplexity("evaluate lm.h5 test.csv -d csv -f json"), 1);
  fixture_expect_error(2, "evaluate lm.h5 test.csv -d csv --label label",
                       "lm.h5 holds a language model: --label is for classifiers");
  fixture_expect_error(2, "evaluate lm.h5 test.csv -p p.csv", "--predictions is for classifiers");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("evaluate");
  TCase *tests = tcase_create("evaluate");
  tcase_add_checked_fixture(tests, set_up, fixture_end);
  tcase_add_test(tests, the_same_as_in_the_run);
  tcase_add_test(tests, scores_of_classes);
  tcase_add_test(tests, predictions_are_written);
  tcase_add_test(tests, data_of_another_format);
  tcase_add_test(tests, data_that_do_not_fit);
  tcase_add_test(tests, language_models);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
