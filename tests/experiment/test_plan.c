/* test_plan.c: what `thaw plan` says is what `thaw run` then needs, and plan leaves no trace.
 *
 * Times are compared with a large allowance, for a machine that tests is seldom quiet;
 * tools/check-plan.py compares them closely. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

enum { MOST_STAGES = 3 };

/* What plan said of every stage. */
typedef struct planned {
  size_t count;
  char name[MOST_STAGES][32], state[MOST_STAGES][32];
  double bytes[MOST_STAGES], seconds[MOST_STAGES];
  double most_bytes, all_seconds;
} planned;

/* The last two columns are bytes and seconds. */
static void read_row(char *row, planned *p) {
  char *last = strrchr(row, ',');
  *last = '\0';
  char *before = strrchr(row, ',');
  const size_t i = p->count++;
  p->bytes[i] = strtod(before + 1, NULL);
  p->seconds[i] = strtod(last + 1, NULL);
  ck_assert_int_eq(sscanf(row, "%31[^,],%31[^,]", p->name[i], p->state[i]), 2);
  p->most_bytes = fmax(p->most_bytes, p->bytes[i]);
  p->all_seconds += p->seconds[i];
}

static planned plan(const char *options) {
  planned p = {0};
  char command[256];
  snprintf(command, sizeof command, "plan experiment.yaml --format csv%s", options);
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 0, "thaw %s: %s", command, result.err.data);
  char *rest = strchr(result.out.data, '\n');
  ck_assert_msg(rest && strncmp(rest - 14, ",bytes,seconds", 14) == 0, "found:\n%s",
                result.out.data);
  for (char *row = strtok(rest, "\n"); row && p.count < MOST_STAGES; row = strtok(NULL, "\n"))
    read_row(row, &p);
  fixture_free(&result);
  return p;
}

/* Documents of very different lengths, and a model for which that matters. */
static void write_long_documents(const char *name, size_t longest) {
  thaw_buffer text = {0};
  thaw_buffer_text(&text, "text,label\n");
  for (size_t d = 0; d < 60; d++) {
    const size_t words = 10 + d * d * d * (longest - 10) / (59 * 59 * 59);
    for (size_t w = 0; w < words; w++) thaw_buffer_format(&text, "word%zu ", (d * w) % 97);
    thaw_buffer_format(&text, ",%s\n", d % 2 ? "move" : "food");
  }
  fixture_write(name, text.data);
  thaw_buffer_free(&text);
}

static void use_long_documents(const char *stages, size_t longest) {
  thaw_buffer text = {0};
  write_long_documents("train.csv", longest);
  write_long_documents("test.csv", longest);
  thaw_buffer_format(&text,
                     "name: long\n"
                     "threads: 1\n"
                     "data:\n"
                     "  target: {format: csv, train: train.csv, test: test.csv, label: label}\n"
                     "tokenizer: {plugin: word, min_count: 1}\n"
                     "encoder: {plugin: awd_lstm, embedding: 64, hidden: 128, layers: 2}\n"
                     "head: {plugin: mean}\n"
                     "stages:\n%s",
                     stages);
  fixture_write("experiment.yaml", text.data);
  thaw_buffer_free(&text);
}

static void compare_with_run(void) {
  const planned p = plan("");
  fixture_result run = fixture_run("run experiment.yaml", NULL);
  ck_assert_int_eq(run.status, 0);
  const double peak = (double)run.peak, seconds = run.seconds;
  fixture_free(&run);
  if (FIXTURE_SANITIZED) return; /* memory and time are then mostly the sanitizer's */
  /* Libraries, threads and large pages make the peak of a small process vary by some megabytes. */
  ck_assert_msg(fabs(p.most_bytes - peak) <= 0.15 * peak + 8e6,
                "memory: planned %.1f MB, found %.1f MB", p.most_bytes / 1e6, peak / 1e6);
  /* Half a second for starting and stopping, which is not planned. */
  ck_assert_msg(p.all_seconds < 3 * seconds && p.all_seconds > (seconds - 0.5) / 3,
                "time: planned %.2f s, found %.2f s", p.all_seconds, seconds);
}

START_TEST(a_chain_of_stages) {
  compare_with_run();
}
END_TEST

START_TEST(the_longest_documents) {
  use_long_documents(
      "  classify: {data: target, epochs: 2, batch: 8, transfer: none,\n"
      "             schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}]}\n",
      400);
  compare_with_run();
}
END_TEST

/* Some hundred megabytes less than with gradients everywhere. */
START_TEST(a_document_of_20000_tokens) {
  if (FIXTURE_SANITIZED) return; /* too slow there, and its memory is another */
  use_long_documents(
      "  classify: {data: target, epochs: 1, batch: 8, transfer: none, max_length: 20000,\n"
      "             gradient_length: 200, chunk: 100, batch_tokens: 40000}\n",
      20000);
  write_long_documents("test.csv", 60);
  compare_with_run();
  const planned bounded = plan(" -o other.h5"),
                whole = plan(" -o other.h5 --set stages.classify.gradient_length=0");
  ck_assert_msg(bounded.most_bytes < 0.5 * whole.most_bytes, "%.1f MB, without a bound %.1f MB",
                bounded.most_bytes / 1e6, whole.most_bytes / 1e6);
}
END_TEST

/* Several documents of 20000 tokens need no more memory than one. */
START_TEST(predictions_of_long_documents) {
  if (FIXTURE_SANITIZED) return;
  use_long_documents(
      "  classify: {data: target, epochs: 1, batch: 8, transfer: none, max_length: 20000,\n"
      "             gradient_length: 50, chunk: 100}\n",
      60);
  fixture_expect(0, "run experiment.yaml -o run.h5");
  thaw_buffer text = {0};
  size_t peaks[2];
  for (size_t i = 0; i < 2; i++) {
    for (size_t document = 0; document < (i ? 5 : 1); document++) {
      for (size_t w = 0; w < 20000; w++) thaw_buffer_format(&text, "word%zu ", w * 7 % 97);
      thaw_buffer_text(&text, "\n");
    }
    fixture_result result = fixture_run("predict run.h5", text.data);
    ck_assert_int_eq(result.status, 0);
    peaks[i] = result.peak;
    fixture_free(&result);
  }
  thaw_buffer_free(&text);
  ck_assert_msg((double)peaks[1] < (double)peaks[0] + 10e6, "%.1f MB for one, %.1f MB for five",
                (double)peaks[0] / 1e6, (double)peaks[1] / 1e6);
}
END_TEST

/* 60 documents are 15 batches, which are 3 steps. */
START_TEST(steps_of_several_batches) {
  use_long_documents(
      "  classify: {data: target, epochs: 4, batch: 4, accumulate: 5, transfer: none,\n"
      "             language_model_weight: 0.5}\n",
      200);
  fixture_result result = fixture_run("plan experiment.yaml --format csv", NULL);
  ck_assert_msg(strstr(result.out.data, ",4,12,") != NULL, "%s", result.out.data);
  fixture_free(&result);
  compare_with_run();
}
END_TEST

START_TEST(a_large_model_and_checkpoints) {
  if (FIXTURE_SANITIZED) return; /* too slow there, and its memory is another */
  use_long_documents("  pretrain: {data: target, epochs: 2, batch: 4, bptt: 20}\n", 400);
  fixture_edit("experiment.yaml", "embedding: 64, hidden: 128", "embedding: 400, hidden: 600");
  compare_with_run();
}
END_TEST

START_TEST(documents_that_are_only_evaluated_need_memory_too) {
  use_long_documents("  classify: {data: target, epochs: 1, batch: 8, transfer: none}\n", 60);
  const planned same = plan("");
  write_long_documents("test.csv", 1400);
  const planned longer = plan("");
  ck_assert_msg(FIXTURE_SANITIZED || longer.most_bytes > same.most_bytes + 4e6,
                "%.1f MB with documents of 60 tokens, %.1f MB with 1400", same.most_bytes / 1e6,
                longer.most_bytes / 1e6);
  compare_with_run();
}
END_TEST

START_TEST(it_leaves_no_trace) {
  plan(""); /* the fixture itself has files for what is printed */
  const size_t files = fixture_count("");
  plan("");
  ck_assert_uint_eq(fixture_count(""), files);
  ck_assert_int_ne(access("cache", F_OK), 0);
  ck_assert_int_ne(access("runs", F_OK), 0);
}
END_TEST

START_TEST(what_is_finished_costs_nothing) {
  fixture_expect(0, "run experiment.yaml");
  const planned p = plan(" --set stages.classify.epochs=3");
  ck_assert_uint_eq(p.count, 3);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_str_eq(p.state[i], "finished");
    ck_assert_double_eq(p.bytes[i], 0);
    ck_assert_double_eq(p.seconds[i], 0);
  }
  ck_assert_str_eq(p.state[2], "to train");
  ck_assert_double_gt(p.seconds[2], 0);
  fixture_result all = fixture_run("plan experiment.yaml", NULL);
  ck_assert_ptr_nonnull(strstr(all.out.data, "nothing is left to be trained"));
  fixture_free(&all);
}
END_TEST

START_TEST(what_is_begun_goes_on) {
  use_long_documents("  pretrain: {data: target, epochs: 20, batch: 4, bptt: 20}\n", 400);
  fixture_result run = fixture_run_interrupted("run experiment.yaml", "pretrain: takes over");
  ck_assert_int_eq(run.status, 130);
  fixture_free(&run);
  const planned p = plan("");
  ck_assert_str_eq(p.state[0], "begun");
  compare_with_run();
}
END_TEST

START_TEST(people_read_units) {
  fixture_result all = fixture_run("plan experiment.yaml", NULL);
  ck_assert_int_eq(all.status, 0);
  ck_assert_ptr_nonnull(strstr(all.out.data, "memory (MiB)  time"));
  ck_assert_ptr_nonnull(strstr(all.out.data, "\nin all about "));
  ck_assert_ptr_nonnull(strstr(all.out.data, " s, at most "));
  ck_assert_ptr_nonnull(strstr(all.out.data, " MiB\n"));
  fixture_free(&all);
  use_long_documents("  pretrain: {data: target, epochs: 9999, batch: 4, bptt: 20}\n", 400);
  all = fixture_run("plan experiment.yaml", NULL);
  ck_assert_int_eq(all.status, 0);
  ck_assert_msg(strstr(all.out.data, " min ") || strstr(all.out.data, " h "), "found:\n%s",
                all.out.data);
  fixture_free(&all);
}
END_TEST

/* The first bytes of the picture; false where there is none. */
static bool is_picture(const char *path) {
  if (access(path, F_OK) != 0) return false;
  thaw_buffer text = {0};
  fixture_read(path, &text);
  const bool is = strncmp(text.data, "<?xml", 5) == 0 && strstr(text.data, "</svg>");
  thaw_buffer_free(&text);
  return is;
}

START_TEST(schedules_are_drawn) {
  fixture_expect(0, "plan experiment.yaml --svg drawn/here");
  ck_assert(is_picture("drawn/here/pretrain.svg"));
  ck_assert(is_picture("drawn/here/classify.svg"));
  fixture_expect(0, "plan experiment.yaml --svg drawn/a.svg --format json");
  ck_assert(is_picture("drawn/a-pretrain.svg"));
  ck_assert(is_picture("drawn/a-finetune.svg"));
  ck_assert(!is_picture("drawn/a.svg"));
  fixture_expect_error(1, "plan experiment.yaml --svg missing/b.svg", "missing/b-pretrain.svg");
  fixture_expect_error(1, "plan experiment.yaml --svg experiment.yaml", "experiment.yaml");
}
END_TEST

START_TEST(a_single_stage_is_drawn_into_the_file) {
  use_long_documents(
      "  classify: {data: target, epochs: 2, batch: 8,\n"
      "             schedule: [{plugin: one_cycle}, {plugin: freeze, groups: [0]}]}\n",
      20);
  fixture_expect(0, "plan experiment.yaml --svg a.svg");
  ck_assert(is_picture("a.svg"));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("plan");
  TCase *tests = tcase_create("plan");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_test(tests, a_chain_of_stages);
  tcase_add_test(tests, the_longest_documents);
  tcase_add_test(tests, a_document_of_20000_tokens);
  tcase_add_test(tests, predictions_of_long_documents);
  tcase_add_test(tests, steps_of_several_batches);
  tcase_add_test(tests, a_large_model_and_checkpoints);
  tcase_add_test(tests, documents_that_are_only_evaluated_need_memory_too);
  tcase_add_test(tests, it_leaves_no_trace);
  tcase_add_test(tests, what_is_finished_costs_nothing);
  tcase_add_test(tests, what_is_begun_goes_on);
  tcase_add_test(tests, people_read_units);
  tcase_add_test(tests, schedules_are_drawn);
  tcase_add_test(tests, a_single_stage_is_drawn_into_the_file);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
