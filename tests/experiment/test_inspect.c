/* test_inspect.c: `thaw inspect` on finished and unfinished runs; the texts of the most wrong
 * documents; curves. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/inspection.h"
#include "fixture.h"

static void set_up(void) {
  fixture_begin();
  /* Little is learned: there are wrong documents. */
  fixture_expect(0, "run experiment.yaml -o a.h5 --set stages.classify.epochs=1");
}

static fixture_result inspect(const char *arguments) {
  char command[200];
  snprintf(command, sizeof command, "inspect %s", arguments);
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 0, "thaw %s: %s", command, result.err.data);
  return result;
}

static void expect_printed(const char *arguments, const char *text) {
  fixture_result result = inspect(arguments);
  ck_assert_msg(strstr(result.out.data, text) != NULL, "thaw inspect %s: expected '%s', found:\n%s",
                arguments, text, result.out.data);
  fixture_free(&result);
}

START_TEST(everything_is_shown) {
  static const char *const expected[] = {
      "name        small\n",
      "state       complete\n",
      "stage       classify\n",
      "seed        2\n",
      "classes     2\n",
      "encoder          {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2,",
      "stages.classify  {data: target, epochs: 1,",
      "rnn.0      weight_hh            [48][12]      576  yes\n",
      "head       norm.0.running_mean  [24]           24  no\n",
      "pretrain  perplexity ",
      "classify  accuracy ",
      "classes of the test documents:\nclass  documents  predicted",
      "after the last epoch:\nstage     group      taken  distance\n",
      "pretrain  embedding  no ",
      "classify  embedding  yes ",
      "classify  head       no ",
      "the most confused classes:\nlabel ",
      "the most wrong documents:\ndocument ",
      "\ndata.target ",
  };
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    expect_printed("a.h5", expected[i]);
}
END_TEST

START_TEST(programs_read_json) {
  expect_printed("a.h5 --format json", "\"epochs\": [");
  fixture_result result = inspect("a.h5 -f json");
  fixture_write("a.json", result.out.data);
  fixture_free(&result);
  fixture_write("check.py",
                "import json\n"
                "d = json.load(open('a.json'))\n"
                "assert list(d) == ['run', 'config', 'epochs', 'moved', 'classes',\n"
                "                   'confusions', 'documents', 'weights', 'environment'], list(d)\n"
                "run = {r['what']: r['value'] for r in d['run']}\n"
                "assert run['state'] == 'complete' and run['classes'] == 2, run\n"
                "assert len(d['epochs']) == 4 and d['epochs'][0]['accuracy'] is None\n"
                "assert d['weights'][0]['shape'] == '[29][8]', d['weights'][0]\n"
                "losses = [x['loss'] for x in d['documents']]\n"
                "assert losses == sorted(losses, reverse=True) and len(losses) == 10, losses\n"
                "rows = [x.split(',') for x in open('test.csv').read().split()[1:]]\n"
                "lines = open('test.csv').read().splitlines()[1:]\n"
                "for x in d['documents']:\n"
                "    assert lines[int(x['document'])] == x['text'] + ',' + x['label'], x\n");
  ck_assert_int_eq(system("python3 check.py"), 0);
}
END_TEST

START_TEST(the_whole_config) {
  fixture_result result = inspect("a.h5 --config");
  ck_assert_msg(strncmp(result.out.data, "name: small\n", 12) == 0, "%s", result.out.data);
  ck_assert_ptr_nonnull(strstr(result.out.data, "max_length: 1440"));
  ck_assert_ptr_null(strstr(result.out.data, "macro F1"));
  fixture_free(&result);
}
END_TEST

START_TEST(documents_without_their_text) {
  fixture_result result = inspect("a.h5 --documents 3");
  const char *first = strstr(result.out.data, "the most wrong documents:");
  ck_assert_ptr_nonnull(first);
  fixture_free(&result);
  fixture_edit("train.csv", "food", "good");
  result = inspect("a.h5 --documents 3");
  ck_assert_ptr_nonnull(strstr(result.err.data,
                               "documents are shown without their text: the files "
                               "of data.target are not what they were"));
  ck_assert_ptr_nonnull(strstr(result.out.data, "the most wrong documents:"));
  fixture_free(&result);
  ck_assert_int_eq(unlink("test.csv"), 0);
  result = inspect("a.h5");
  ck_assert_ptr_nonnull(strstr(result.err.data, "documents are shown without their text: "));
  fixture_free(&result);
  result = inspect("a.h5 --documents 0");
  ck_assert_ptr_null(strstr(result.err.data, "without their text"));
  fixture_free(&result);
}
END_TEST

/* Held out of the training documents: which they were is found again. */
START_TEST(documents_that_were_held_out) {
  fixture_expect(0,
                 "run experiment.yaml -o v.h5 --set stages.classify.epochs=1 "
                 "--set data.target.test=null");
  fixture_result result = inspect("v.h5 -f json -d 100");
  fixture_write("v.json", result.out.data);
  ck_assert_ptr_null(strstr(result.err.data, "without"));
  fixture_free(&result);
  fixture_write("check.py",
                "import json\n"
                "d = json.load(open('v.json'))\n"
                "lines = open('train.csv').read().splitlines()[1:]\n"
                "assert d['documents']\n"
                "for x in d['documents']:\n"
                "    assert x['text'] + ',' + x['label'] in lines, x\n");
  ck_assert_int_eq(system("python3 check.py"), 0);
  expect_printed("v.h5", "classes of the validation documents:");
}
END_TEST

START_TEST(a_long_text_is_cut) {
  thaw_buffer text = {0};
  thaw_buffer_text(&text, "text,label\n");
  for (size_t i = 0; i < 4; i++) {
    for (size_t k = 0; k < 300; k++) thaw_buffer_text(&text, "é ");
    thaw_buffer_text(&text, i % 2 ? ",move\n" : ",food\n");
  }
  fixture_write("test.csv", text.data);
  thaw_buffer_free(&text);
  fixture_expect(0, "run experiment.yaml -o l.h5 --set stages.classify.epochs=1");
  fixture_result result = inspect("l.h5");
  ck_assert_ptr_nonnull(strstr(result.out.data, "é é …\n"));
  ck_assert_ptr_null(strstr(result.out.data, "\uFFFD"));
  fixture_free(&result);
}
END_TEST

START_TEST(a_checkpoint_is_unfinished) {
  fixture_result result = fixture_run_interrupted(
      "run experiment.yaml -o c.h5 --checkpoint 0 --set stages.classify.epochs=100000 --set seed=9",
      "classify: takes over");
  ck_assert_int_eq(result.status, 130);
  fixture_free(&result);
  expect_printed("c.h5", "state       unfinished\n");
  expect_printed("c.h5", "head       linear.1.bias");
}
END_TEST

START_TEST(a_language_model) {
  fixture_write("lm.yaml",
                "data: {general: {format: text, train: general.txt}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 1}\n"
                "stages: {pretrain: {data: general, epochs: 2, batch: 2, bptt: 5}}\n");
  fixture_expect(0, "run lm.yaml -o lm.h5");
  expect_printed("lm.h5", "stage       pretrain\n");
  fixture_result result = inspect("lm.h5");
  ck_assert_ptr_null(strstr(result.out.data, "classes"));
  fixture_free(&result);
}
END_TEST

START_TEST(files_that_are_none) {
  fixture_expect_error(2, "inspect test.csv", "test.csv is not an HDF5 file");
  fixture_expect_error(2, "inspect missing.h5", "missing.h5");
  fixture_expect_error(2, "inspect a.h5 --format csv", "--format: there is no 'csv'");
}
END_TEST

/* ---- Curves ---------------------------------------------------------------------------------- */

static void expect_curve(size_t count, const double *values, size_t width, const char *expected) {
  thaw_buffer text = {0};
  ck_assert(thaw_draw_curve(&text, values, count, width));
  ck_assert_str_eq(text.data, expected);
  thaw_buffer_free(&text);
}

START_TEST(curves) {
  expect_curve(3, (double[]){0, 0.5, 1}, 10, "▁▅█");
  expect_curve(4, (double[]){8, NAN, 1, INFINITY}, 10, "█ ▁ ");
  expect_curve(2, (double[]){3, 3}, 10, "▅▅");
  expect_curve(0, NULL, 10, "");
  expect_curve(1, (double[]){NAN}, 10, " ");
  expect_curve(5, (double[]){0, 9, 4, 9, 8}, 3, "▁▄█");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("inspect");
  TCase *tests = tcase_create("inspect");
  tcase_add_checked_fixture(tests, set_up, fixture_end);
  tcase_add_test(tests, everything_is_shown);
  tcase_add_test(tests, programs_read_json);
  tcase_add_test(tests, the_whole_config);
  tcase_add_test(tests, documents_without_their_text);
  tcase_add_test(tests, documents_that_were_held_out);
  tcase_add_test(tests, a_long_text_is_cut);
  tcase_add_test(tests, a_checkpoint_is_unfinished);
  tcase_add_test(tests, a_language_model);
  tcase_add_test(tests, files_that_are_none);
  suite_add_tcase(suite, tests);
  TCase *drawing = tcase_create("curves");
  tcase_add_test(drawing, curves);
  suite_add_tcase(suite, drawing);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
