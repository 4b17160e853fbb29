/* test_transformer.c: whole runs with the encoder transformer: it learns, its groups are
 * transferred, thawed and planned, and a run that was killed ends in the same bits. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void begin(void) {
  fixture_begin();
  fixture_edit("experiment.yaml",
               "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}",
               "encoder: {plugin: transformer, embedding: 16, layers: 2, heads: 2, positions: 20}");
  fixture_edit("experiment.yaml", "head: {plugin: concat", "head: {plugin: last");
  fixture_edit("experiment.yaml", "classify: {data: target",
               "classify: {max_length: 20, data: target");
}

/* The series of a finished run; the caller frees them. */
static thaw_series **read_series(const char *path, size_t *count) {
  thaw_context *ctx = thaw_context_create();
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_series **series = NULL;
  ck_assert(thaw_run_complete(run));
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, count), THAW_OK);
  thaw_run_close(run);
  thaw_context_free(ctx);
  return series;
}

static void free_series(thaw_series **series, size_t count) {
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
}

START_TEST(three_stages) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  size_t count = 0;
  thaw_series **series = read_series("a.h5", &count);
  ck_assert_uint_eq(count, 3);
  const thaw_series *classify = series[2];
  ck_assert_uint_eq(classify->group_count, 4); /* embedding, block.0, block.1, head */
  ck_assert_double_eq(classify->rates[0], 0);
  ck_assert_double_gt(classify->rates[3], 0);
  ck_assert_double_gt(classify->epochs[classify->epoch_count - 1].accuracy, 0.8);
  free_series(series, count);
  fixture_result said = fixture_run("predict a.h5", "a dog runs again\n");
  ck_assert_msg(said.status == 0, "%s", said.err.data);
  ck_assert_ptr_nonnull(strstr(said.out.data, "move"));
  fixture_free(&said);
  /* As GPT does it. */
  fixture_expect(0, "run experiment.yaml -o b.h5 --set stages.classify.language_model_weight=0.5");
}
END_TEST

/* A fixed cycle of twelve words, some of which stand in it twice: what follows can be known from
 * the two words before alone. */
START_TEST(a_cycle_of_words_is_learned) {
  static const char cycle[] = "one two three one four five six four two seven eight seven ";
  thaw_buffer text = {0};
  for (size_t i = 0; i < 200; i++) ck_assert(thaw_buffer_text(&text, cycle));
  fixture_write("cycle.txt", text.data);
  thaw_buffer_free(&text);
  fixture_write(
      "lm.yaml",
      "threads: 1\n"
      "data: {general: {format: text, train: cycle.txt, valid: cycle.txt}}\n"
      "tokenizer: {plugin: word, min_count: 1}\n"
      "encoder: {plugin: transformer, embedding: 32, layers: 2, heads: 4, positions: 24}\n"
      "stages: {pretrain: {data: general, epochs: 12, batch: 4, bptt: 24,\n"
      "         optimizer: {lr: 5e-3}}}\n");
  static const char *const norms[] = {"pre", "post"};
  for (size_t i = 0; i < 2; i++) {
    char command[100];
    snprintf(command, sizeof command, "run lm.yaml -o %s.h5 --set encoder.norm=%s", norms[i],
             norms[i]);
    fixture_expect(0, command);
    snprintf(command, sizeof command, "%s.h5", norms[i]);
    size_t count = 0;
    thaw_series **series = read_series(command, &count);
    const double perplexity = series[0]->epochs[series[0]->epoch_count - 1].perplexity;
    ck_assert_msg(perplexity < 1.3, "%s: perplexity %g", norms[i], perplexity);
    free_series(series, count);
  }
}
END_TEST

START_TEST(killed_runs_end_in_the_same_bits) {
  const char *const command = "run experiment.yaml -o killed.h5 --cache two --checkpoint 0";
  fixture_expect(0, "run experiment.yaml -o whole.h5 --cache one");
  int status = 137;
  size_t kills = 0;
  for (double seconds = 0.3; status == 137 && kills < 100; seconds *= 1.1, kills++) {
    fixture_result result = fixture_run_killed(command, seconds);
    status = result.status;
    fixture_free(&result);
  }
  ck_assert_int_eq(status, 0);
  ck_assert_uint_gt(kills, 2);
  fixture_expect_same_weights("whole.h5", "killed.h5");
}
END_TEST

START_TEST(groups_are_planned_and_transferred) {
  fixture_result plan =
      fixture_run("plan experiment.yaml --set stages.classify.transfer=[embedding,block.0]", NULL);
  ck_assert_msg(plan.status == 0, "%s", plan.err.data);
  ck_assert_ptr_nonnull(strstr(plan.out.data, "block.1"));
  fixture_free(&plan);
  fixture_expect(0,
                 "run experiment.yaml -o a.h5 --set stages.classify.transfer=[embedding,block.0]");
  fixture_expect_error(2, "run experiment.yaml -o b.h5 --set stages.classify.transfer=[block.2]",
                       "its groups are embedding, block.0, block.1, head");
}
END_TEST

START_TEST(what_is_too_long_or_does_not_fit) {
  fixture_expect_error(2, "run experiment.yaml -o a.h5 --set encoder.heads=3",
                       "embedding 16 is not divisible by heads 3; the next that is: 18");
  fixture_expect_error(2, "run experiment.yaml -o a.h5 --set stages.pretrain.bptt=21",
                       "lower the stage's bptt to at most 20, or raise positions");
  thaw_buffer text = {0};
  fixture_read("train.csv", &text);
  for (size_t i = 0; i < 30; i++) ck_assert(thaw_buffer_text(&text, "the cat "));
  ck_assert(thaw_buffer_text(&text, ",food\n"));
  fixture_write("train.csv", text.data);
  thaw_buffer_free(&text);
  fixture_expect_error(2,
                       "run experiment.yaml -o a.h5 --set stages.classify.max_length=100 "
                       "--set data.target.valid=test.csv",
                       "lower the stage's max_length to at most 20, or raise positions");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("runs of the transformer");
  TCase *tests = tcase_create("transformer");
  tcase_add_checked_fixture(tests, begin, fixture_end);
  tcase_add_test(tests, three_stages);
  tcase_add_test(tests, a_cycle_of_words_is_learned);
  tcase_add_test(tests, killed_runs_end_in_the_same_bits);
  tcase_add_test(tests, groups_are_planned_and_transferred);
  tcase_add_test(tests, what_is_too_long_or_does_not_fit);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
