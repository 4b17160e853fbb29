/* test_directions.c: whole experiments with encoders that read backwards and both ways. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fixture.h"

/* Every recurrent encoder, and every direction but forward. */
static const char *const encoders[] = {
    "{plugin: lstm, direction: backward, embedding: 8, hidden: 12, layers: 2}",
    "{plugin: gru, direction: bidirectional, embedding: 8, hidden: 12, layers: 2}",
    "{plugin: qrnn, direction: bidirectional, embedding: 8, hidden: 12, layers: 2}",
    "{plugin: awd_lstm, direction: backward, embedding: 8, hidden: 12, layers: 2}",
};
enum { ENCODERS = sizeof encoders / sizeof *encoders };

static void use_encoder(int i) {
  fixture_edit("experiment.yaml", "{plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}",
               encoders[i]);
}

START_TEST(a_classifier_reads_in_its_direction) {
  use_encoder(_i);
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result result =
      fixture_run("predict a.h5", "the cat eats at home\nmy sister jumps again\n");
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  ck_assert_msg(strncmp(result.out.data, "food\t", 5) == 0, "%s", result.out.data);
  ck_assert_ptr_nonnull(strstr(result.out.data, "\nmove\t"));
  fixture_free(&result);
}
END_TEST

/* Killed again and again, at another time each, until it ends by itself: what is carried is in the
 * checkpoint, of both directions. */
START_TEST(killed_runs_end_in_the_same_bits) {
  const char *const command = "run experiment.yaml -o killed.h5 --cache two --checkpoint 0";
  use_encoder(_i);
  fixture_expect(0, "run experiment.yaml -o whole.h5 --cache one");
  int status = 137;
  size_t kills = 0;
  for (double seconds = 0.3; status == 137 && kills < 100; seconds *= 1.06, kills++) {
    fixture_result result = fixture_run_killed(command, seconds);
    status = result.status;
    fixture_free(&result);
  }
  ck_assert_int_eq(status, 0);
  ck_assert_uint_gt(kills, 1);
  fixture_expect_same_weights("whole.h5", "killed.h5");
}
END_TEST

/* A language model reads most of its epoch before it is stopped. */
START_TEST(an_interrupted_language_model_goes_on) {
  fixture_write("lm.yaml",
                "threads: 1\n"
                "data: {general: {format: text, train: general.txt, valid_fraction: 0.1}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: gru, direction: bidirectional, embedding: 8, hidden: 12}\n"
                "stages: {pretrain: {data: general, epochs: 3, batch: 2, bptt: 5}}\n");
  fixture_expect(0, "run lm.yaml -o whole.h5 --cache one");
  fixture_result result =
      fixture_run_interrupted("run lm.yaml -o stopped.h5 --cache two --checkpoint 0", "pretrain");
  fixture_free(&result);
  fixture_expect(0, "run lm.yaml -o stopped.h5 --cache two");
  fixture_expect_same_weights("whole.h5", "stopped.h5");
}
END_TEST

START_TEST(weights_of_another_direction_are_refused) {
  fixture_expect(0, "run experiment.yaml -o a.h5 --set stages.pretrain.keep_weights=true");
  fixture_write("from.yaml",
                "extends: experiment.yaml\n"
                "encoder: {direction: backward}\n"
                "stages: {classify: {transfer: {groups: all, from: a.h5, stage: pretrain}}}\n");
  fixture_expect_error(2, "run from.yaml -o b.h5",
                       "a.h5 (pretrain) reads forward, this model reads backward, and 'rnn.0' of "
                       "the one is of no use to the other: set encoder.direction to forward");
  fixture_expect_error(2, "run from.yaml -o b.h5 --set encoder.direction=bidirectional",
                       "this model reads bidirectional");
  fixture_expect(0, "run from.yaml -o b.h5 --set stages.classify.transfer.groups=[embedding]");
  fixture_expect(0, "run from.yaml -o c.h5 --set encoder.direction=forward");
  fixture_expect_error(2, "run experiment.yaml -o d.h5 --set encoder.direction=backwards",
                       "did you mean 'backward'?");
}
END_TEST

/* What reads forward was so before there were directions. */
START_TEST(forward_is_the_default) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_result again =
      fixture_run("run experiment.yaml -o a.h5 --set encoder.direction=forward", NULL);
  ck_assert_int_eq(again.status, 0);
  ck_assert_ptr_null(strstr(again.err.data, "takes over"));
  fixture_free(&again);
  fixture_expect_error(2, "run experiment.yaml -o a.h5 --set encoder.direction=backward",
                       "a.h5 holds another run");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("directions");
  TCase *tests = tcase_create("directions");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_loop_test(tests, a_classifier_reads_in_its_direction, 0, ENCODERS);
  tcase_add_loop_test(tests, killed_runs_end_in_the_same_bits, 0, 2);
  tcase_add_test(tests, an_interrupted_language_model_goes_on);
  tcase_add_test(tests, weights_of_another_direction_are_refused);
  tcase_add_test(tests, forward_is_the_default);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
