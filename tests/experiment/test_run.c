/* test_run.c: whole runs through the command: what a run file holds, the stage cache, and that a
 * run which was killed ends in the same bits as one that was not. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fixture.h"
#include "store/runfile.h"

static void expect_text(thaw_context *ctx, const thaw_run_file *run, const char *part,
                        const char *expected) {
  char *text = NULL;
  ck_assert_int_eq(thaw_run_text(ctx, run, part, &text), THAW_OK);
  ck_assert_str_eq(text, expected);
  free(text);
}

START_TEST(a_run_file_holds_everything) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  thaw_context *ctx = thaw_context_create();
  thaw_run_file *run = fixture_open_run(ctx, "a.h5");
  ck_assert(thaw_run_complete(run));
  expect_text(ctx, run, "name", "small");
  expect_text(ctx, run, "environment/stage", "classify");
  thaw_series **series = NULL;
  size_t count = 0;
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, &count), THAW_OK);
  ck_assert_uint_eq(count, 3);
  ck_assert_str_eq(series[0]->stage, "pretrain");
  ck_assert_uint_eq(series[0]->epoch_count, 2);
  ck_assert(series[0]->epochs[1].perplexity > 1 && series[0]->epochs[1].perplexity < 40);
  ck_assert_str_eq(series[2]->stage, "classify");
  ck_assert_uint_eq(series[2]->epoch_count, 12);
  ck_assert_uint_eq(series[2]->group_count, 4);
  ck_assert_double_eq(series[2]->rates[0], 0); /* the embedding, frozen in the first epoch */
  ck_assert_double_gt(series[2]->rates[3], 0); /* the head */
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
  thaw_predictions *predictions = NULL;
  ck_assert_int_eq(thaw_run_predictions(ctx, run, "test", &predictions), THAW_OK);
  ck_assert_uint_eq(predictions->count, 60);
  ck_assert_uint_eq(predictions->classes, 2);
  size_t correct = 0;
  for (size_t d = 0; d < 60; d++) {
    ck_assert_int_eq(predictions->gold[d], d % 2 == 1); /* the data's order: food, move, food, … */
    correct += predictions->gold[d] == predictions->predicted[d];
    const float *p = predictions->probabilities + 2 * d;
    ck_assert_float_eq_tol(p[0] + p[1], 1, 1e-5F);
  }
  ck_assert_uint_gt(correct, 45); /* these sentences are easy */
  thaw_predictions_free(predictions);
  thaw_run_close(run);
  thaw_context_free(ctx);
}
END_TEST

START_TEST(a_finished_run_is_not_repeated) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result again = fixture_run("run experiment.yaml -o a.h5", NULL);
  ck_assert_int_eq(again.status, 0);
  ck_assert_ptr_null(strstr(again.err.data, "takes over"));
  fixture_free(&again);
  /* Another head: both language models come from the cache. */
  fixture_result other = fixture_run("run experiment.yaml -o b.h5 --set head.plugin=mean", NULL);
  ck_assert_int_eq(other.status, 0);
  ck_assert_ptr_nonnull(strstr(other.err.data, "finetune: found in the stage cache"));
  ck_assert_ptr_null(strstr(other.err.data, "pretrain: takes over"));
  fixture_free(&other);
  fixture_expect_error(2, "run experiment.yaml -o a.h5 --set head.plugin=mean",
                       "a.h5 holds another run, whose config or data differ");
}
END_TEST

START_TEST(the_same_seed_the_same_bits) {
  fixture_expect(0, "run experiment.yaml -o a.h5 --cache one");
  fixture_expect(0, "run experiment.yaml -o b.h5 --cache two");
  fixture_expect_same_weights("a.h5", "b.h5");
}
END_TEST

/* Killed again and again, at another time each, until it ends by itself. */
START_TEST(killed_runs_end_in_the_same_bits) {
  const char *const command = "run experiment.yaml -o killed.h5 --cache two --checkpoint 0";
  fixture_expect(0, "run experiment.yaml -o whole.h5 --cache one");
  int status = 137;
  size_t kills = 0;
  for (double seconds = 0.3; status == 137 && kills < 100; seconds *= 1.03, kills++) {
    fixture_result result = fixture_run_killed(command, seconds);
    status = result.status;
    fixture_free(&result);
  }
  ck_assert_int_eq(status, 0);
  ck_assert_uint_gt(kills, 2);
  fixture_expect_same_weights("whole.h5", "killed.h5");
  fixture_expect_same_distances("whole.h5", "killed.h5");
}
END_TEST

/* Everything that a training may have beside its weights: averages, sums over several batches, the
 * best epoch, a language model beside the classifier. */
START_TEST(more_state_ends_in_the_same_bits) {
  fixture_write("more.yaml",
                "extends: experiment.yaml\n"
                "stages:\n"
                "  pretrain: {epochs: 9, accumulate: 3, patience: 8, keep: last,\n"
                "             optimizer: {name: nt_asgd, n: 1, lr: 60}}\n"
                "  finetune: {epochs: 2, keep: best, optimizer: {name: sgd, nesterov: true}}\n"
                "  classify: {accumulate: 2, patience: 5, label_smoothing: 0.1,\n"
                "             class_weights: balanced, language_model_weight: 0.5}\n");
  fixture_result whole = fixture_run(
      "run more.yaml -o whole.h5 --cache one --set stages.pretrain.keep_weights=true", NULL);
  ck_assert_msg(whole.status == 0, "%s", whole.err.data);
  ck_assert_ptr_nonnull(strstr(whole.err.data, "pretrain: validation no longer improves"));
  fixture_free(&whole);
  int status = 137;
  size_t kills = 0;
  for (double seconds = 0.3; status == 137 && kills < 100; seconds *= 1.03, kills++) {
    fixture_result result = fixture_run_killed(
        "run more.yaml -o killed.h5 --cache two --checkpoint 0 --set "
        "stages.pretrain.keep_weights=true",
        seconds);
    status = result.status;
    fixture_free(&result);
  }
  ck_assert_int_eq(status, 0);
  ck_assert_uint_gt(kills, 2);
  fixture_expect_same_weights("whole.h5", "killed.h5");
  fixture_expect_same_distances("whole.h5", "killed.h5");
}
END_TEST

START_TEST(settings_that_are_off_keep_the_key) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_expect(0,
                 "run experiment.yaml -o a.h5 --set stages.classify.patience=0 "
                 "--set stages.classify.accumulate=1 --set stages.classify.label_smoothing=0 "
                 "--set stages.classify.class_weights=none --set stages.finetune.keep=last "
                 "--set stages.classify.language_model_weight=0");
  static const char *const others[] = {"patience=9", "accumulate=2", "label_smoothing=0.1",
                                       "class_weights=balanced", "language_model_weight=0.1"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    char command[200];
    snprintf(command, sizeof command, "run experiment.yaml -o a.h5 --set stages.classify.%s",
             others[i]);
    fixture_expect_error(2, command, "a.h5 holds another run, whose config or data differ");
  }
}
END_TEST

START_TEST(a_classifier_with_a_language_model_beside_it) {
  fixture_result result = fixture_run(
      "run experiment.yaml -o a.h5 --set stages.classify.language_model_weight=0.5", NULL);
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "decoder from finetune; fresh: head"));
  fixture_free(&result);
  result = fixture_run("predict a.h5", "the cat eats at home\n");
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  fixture_free(&result);
}
END_TEST

START_TEST(an_experiment_of_language_models_alone) {
  fixture_edit("experiment.yaml", "  classify: {", "  finetune: {data: target}\nunused: {");
  fixture_expect_error(2, "run experiment.yaml -o a.h5", "finetune");
  fixture_write("lm.yaml",
                "data: {general: {format: text, train: general.txt}}\n"
                "tokenizer: {plugin: word}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}\n"
                "stages: {pretrain: {data: general, batch: 8, bptt: 10}}\n");
  fixture_expect(0, "run lm.yaml -o lm.h5");
  fixture_expect_error(2, "predict lm.h5", "lm.h5 holds a language model");
}
END_TEST

static thaw_epoch_row last_epoch(const char *path) {
  thaw_context *ctx = thaw_context_create();
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_series **series = NULL;
  size_t count = 0;
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, &count), THAW_OK);
  ck_assert_uint_eq(count, 1);
  const thaw_epoch_row row = series[0]->epochs[series[0]->epoch_count - 1];
  thaw_series_free(series[0]);
  free(series);
  thaw_run_close(run);
  thaw_context_free(ctx);
  return row;
}

/* Runs the language model lm.yaml with two more settings. */
static thaw_epoch_row run_language_model(const char *path, const char *samples, const char *lr) {
  char command[200];
  snprintf(command, sizeof command,
           "run lm.yaml -o %s --set stages.pretrain.sampled_softmax=%s "
           "--set stages.pretrain.optimizer.lr=%s",
           path, samples, lr);
  fixture_expect(0, command);
  return last_epoch(path);
}

START_TEST(a_sampled_softmax_is_for_training_alone) {
  fixture_write("lm.yaml",
                "data: {general: {format: text, train: general.txt, valid_fraction: 0.1}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 1}\n"
                "stages: {pretrain: {data: general, epochs: 3, batch: 2, bptt: 5}}\n");
  /* Nothing is learned: the validation is the same. */
  const thaw_epoch_row still = run_language_model("a.h5", "0", "1e-12");
  const thaw_epoch_row sampled = run_language_model("b.h5", "1", "1e-12");
  ck_assert_double_eq_tol(sampled.valid_loss, still.valid_loss, 1e-6);
  ck_assert_double_gt(fabs(sampled.train_loss - still.train_loss), 1e-2);
  /* What is learned from a few words at a time is what is learned from all. */
  const thaw_epoch_row exact = run_language_model("c.h5", "0", "1e-2");
  const thaw_epoch_row few = run_language_model("d.h5", "4", "1e-2");
  ck_assert_double_lt(exact.perplexity, still.perplexity / 1.5);
  ck_assert_double_eq_tol(few.perplexity, exact.perplexity, 0.1 * exact.perplexity);
}
END_TEST

START_TEST(a_softmax_that_is_not_sampled_keeps_its_key) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result again =
      fixture_run("run experiment.yaml -o a.h5 --set stages.finetune.sampled_softmax=0", NULL);
  ck_assert_msg(again.status == 0, "%s", again.err.data);
  fixture_free(&again);
  again = fixture_run("run experiment.yaml -o b.h5 --set stages.finetune.sampled_softmax=3", NULL);
  ck_assert_msg(again.status == 0, "%s", again.err.data);
  ck_assert_ptr_nonnull(strstr(again.err.data, "pretrain: found in the stage cache"));
  ck_assert_ptr_nonnull(strstr(again.err.data, "finetune: takes over"));
  fixture_free(&again);
  fixture_expect_error(2, "run experiment.yaml -o a.h5 --set stages.finetune.sampled_softmax=3",
                       "a.h5 holds another run, whose config or data differ");
}
END_TEST

START_TEST(transfer_from_another_run) {
  fixture_expect(0, "run experiment.yaml -o a.h5 --set stages.pretrain.keep_weights=true");
  fixture_write(
      "from.yaml",
      "extends: experiment.yaml\n"
      "stages:\n"
      "  classify: {transfer: {groups: [embedding, rnn.0], from: a.h5, stage: pretrain}}\n");
  fixture_result result = fixture_run("run from.yaml -o b.h5", NULL);
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "a.h5 (pretrain); fresh: rnn.1, head"));
  fixture_free(&result);
  fixture_expect_error(2, "run from.yaml -o c.h5 --set stages.classify.transfer.stage=finetune",
                       "no weights of a stage 'finetune'");
  fixture_expect_error(2, "run from.yaml -o c.h5 --set encoder.hidden=16",
                       "rnn.0/weight_ih is [64][8] here and [48][8] in");
  fixture_expect_error(2, "run from.yaml -o c.h5 --set tokenizer.lower=false",
                       "made by another tokenizer");
}
END_TEST

START_TEST(predictions_of_lines) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result result =
      fixture_run("predict a.h5", "the cat eats at home\nmy sister jumps again\n\nlast line");
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  size_t lines = 0;
  for (const char *at = result.out.data; (at = strchr(at, '\n')); at++) lines++;
  ck_assert_uint_eq(lines, 4);
  ck_assert_msg(strncmp(result.out.data, "food\t", 5) == 0, "%s", result.out.data);
  ck_assert_ptr_nonnull(strstr(result.out.data, "\nmove\t"));
  fixture_free(&result);
  result = fixture_run("predict a.h5 --format json --all", "a dog walks\n");
  ck_assert_ptr_nonnull(strstr(result.out.data, "\"probabilities\":{\"food\":"));
  fixture_free(&result);
  result = fixture_run("predict a.h5", "good line\nbad \xff line\n");
  ck_assert_int_eq(result.status, 2);
  ck_assert_ptr_nonnull(strstr(result.err.data, "standard input:2:5"));
  ck_assert_ptr_nonnull(strchr(result.out.data, '\n')); /* the good line has its label */
  fixture_free(&result);
}
END_TEST

/* Somebody who types a line gets its label before the next one. */
START_TEST(predictions_as_lines_arrive) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result result = fixture_run_waiting("predict a.h5", "the cat eats\na dog walks\n", 5);
  size_t lines = 0;
  for (const char *at = result.out.data; (at = strchr(at, '\n')); at++) lines++;
  ck_assert_uint_eq(lines, 2);
  fixture_free(&result);
}
END_TEST

/* Lines are taken by the thousand and sorted by their length: each keeps its label. */
START_TEST(predictions_of_many_lines) {
  static const char *const lines[] = {"the cat eats at home\n", "my sister jumps again and again\n",
                                      "eats\n"};
  enum { LINES = 2500 };
  thaw_buffer input = {0};
  for (int i = 0; i < LINES; i++) ck_assert(thaw_buffer_text(&input, lines[i % 3]));
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result result = fixture_run("predict a.h5", input.data);
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  const char *at = result.out.data;
  for (int i = 0; i < LINES; i++, at = strchr(at, '\n') + 1) {
    const char *expected = i % 3 == 1 ? "move\t" : "food\t";
    ck_assert_msg(strncmp(at, expected, 5) == 0, "line %d: %.20s", i + 1, at);
  }
  ck_assert_int_eq(*at, '\0');
  fixture_free(&result);
  thaw_buffer_free(&input);
}
END_TEST

START_TEST(a_loss_that_is_not_a_number) {
  fixture_expect_error(1, "run experiment.yaml -o a.h5 --set stages.pretrain.optimizer.lr=1e6",
                       "stage pretrain: the");
  ck_assert(!thaw_path_exists("a.h5"));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("run");
  TCase *tests = tcase_create("run");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_test(tests, a_run_file_holds_everything);
  tcase_add_test(tests, a_finished_run_is_not_repeated);
  tcase_add_test(tests, the_same_seed_the_same_bits);
  tcase_add_test(tests, killed_runs_end_in_the_same_bits);
  tcase_add_test(tests, more_state_ends_in_the_same_bits);
  tcase_add_test(tests, settings_that_are_off_keep_the_key);
  tcase_add_test(tests, a_classifier_with_a_language_model_beside_it);
  tcase_add_test(tests, an_experiment_of_language_models_alone);
  tcase_add_test(tests, a_sampled_softmax_is_for_training_alone);
  tcase_add_test(tests, a_softmax_that_is_not_sampled_keeps_its_key);
  tcase_add_test(tests, transfer_from_another_run);
  tcase_add_test(tests, predictions_of_lines);
  tcase_add_test(tests, predictions_as_lines_arrive);
  tcase_add_test(tests, predictions_of_many_lines);
  tcase_add_test(tests, a_loss_that_is_not_a_number);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
