/* The section slurm: what the jobs of every stage ask for, what is refused, and that nothing else
 * sees it. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "sample.h"

/* The sample with this section at its end, line 28. */
static void write_slurm(const char *section) {
  char text[4000];
  snprintf(text, sizeof text, "%s%s", sample, section);
  write_file("exp.yaml", text);
}

static thaw_experiment *load_slurm(const char *section) {
  write_slurm(section);
  return load(NULL);
}

static void refuse(const char *section, const char *message) {
  write_slurm(section);
  expect_load_error(NULL, message);
}

START_TEST(without_a_section_a_job_asks_for_nothing) {
  thaw_experiment *experiment = load(NULL);
  for (int i = 0; i < THAW_STAGE_KINDS; i++) {
    const thaw_slurm_job *job = &experiment->slurm[i];
    ck_assert_ptr_null(job->partition);
    ck_assert_ptr_null(job->account);
    ck_assert_ptr_null(job->qos);
    ck_assert_ptr_null(job->time);
    ck_assert_ptr_null(job->memory);
    ck_assert_int_eq(job->cores, 0);
    ck_assert_int_eq(job->at_once, 0);
    ck_assert_int_eq(job->restarts, 10);
    ck_assert_uint_eq(job->options.count, 0);
  }
  thaw_experiment_free(experiment);
}
END_TEST

START_TEST(a_stage_changes_what_is_said_for_all) {
  thaw_experiment *experiment = load_slurm(
      "slurm:\n"
      "  partition: long,short\n"
      "  time: 12:00:00\n"
      "  memory: 16G\n"
      "  options: [--constraint=avx512, --exclusive]\n"
      "  account: lab\n"
      "  pretrain: {time: 2-00, cores: 8, memory: 500, options: []}\n"
      "  classify: {time: 90, at_once: 4, restarts: 0, qos: low, options: '--mail-user=a b'}\n");
  const thaw_slurm_job *pretrain = &experiment->slurm[THAW_STAGE_PRETRAIN];
  const thaw_slurm_job *finetune = &experiment->slurm[THAW_STAGE_FINETUNE];
  const thaw_slurm_job *classify = &experiment->slurm[THAW_STAGE_CLASSIFY];
  ck_assert_str_eq(pretrain->time, "2-00");
  ck_assert_str_eq(pretrain->memory, "500");
  ck_assert_int_eq(pretrain->cores, 8);
  ck_assert_uint_eq(pretrain->options.count, 0);
  ck_assert_str_eq(finetune->time, "12:00:00");
  ck_assert_str_eq(finetune->memory, "16G");
  ck_assert_int_eq(finetune->restarts, 10);
  ck_assert_uint_eq(finetune->options.count, 2);
  ck_assert_str_eq(finetune->options.values[1], "--exclusive");
  ck_assert_str_eq(classify->partition, "long,short");
  ck_assert_str_eq(classify->account, "lab");
  ck_assert_str_eq(classify->qos, "low");
  ck_assert_int_eq(classify->at_once, 4);
  ck_assert_int_eq(classify->restarts, 0);
  ck_assert_str_eq(classify->options.values[0], "--mail-user=a b");
  thaw_experiment_free(experiment);
}
END_TEST

START_TEST(it_is_no_part_of_the_resolved_config) {
  thaw_experiment *experiment = load_slurm("slurm: {partition: long, classify: {time: 5}}\n");
  ck_assert_str_eq(resolved(experiment, "slurm"), "(not there)");
  ck_assert_str_eq(resolved(experiment, "seed"), "7");
  thaw_experiment_free(experiment);
}
END_TEST

START_TEST(every_way_to_write_a_time_is_taken) {
  static const char *const times[] = {"30",   "30:00",  "12:00:00",  "1-0",
                                      "1-12", "1-6:30", "1-00:00:30"};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    char section[80];
    snprintf(section, sizeof section, "slurm: {time: '%s'}\n", times[i]);
    thaw_experiment *experiment = load_slurm(section);
    ck_assert_str_eq(experiment->slurm[0].time, times[i]);
    thaw_experiment_free(experiment);
  }
}
END_TEST

START_TEST(what_cannot_be_is_refused) {
  static const char expected[] =
      "exp.yaml:28:15: slurm.time: expected minutes, H:M:S or D-H:M:S, found '";
  static const char *const times[] = {"3h", "-5", "1:2:3:4", "1-2-3", "12:", "1-", ""};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    char section[80], message[160];
    snprintf(section, sizeof section, "slurm: {time: '%s'}\n", times[i]);
    snprintf(message, sizeof message, "%s%s'", expected, times[i]);
    refuse(section, message);
  }
  refuse("slurm: {classify: {memory: 16GB}}\n",
         "exp.yaml:28:28: slurm.classify.memory: expected a whole number and K, M, G or T "
         "(mebibytes without one), found '16GB'");
  refuse("slurm: {partition: a b}\n",
         "exp.yaml:28:20: slurm.partition: expected one word, found 'a b'");
  refuse("slurm: {cores: 0}\n",
         "exp.yaml:28:16: slurm.cores: 0 is out of range: expected 1 to 4096");
  refuse("slurm: {options: [-C avx]}\n",
         "exp.yaml:28:19: slurm.options: expected --NAME or --NAME=VALUE, found '-C avx'");
  refuse("slurm: {pretrain: {options: --array=1-9}}\n",
         "exp.yaml:28:29: slurm.pretrain.options: --array is set by thaw and cannot be given");
  refuse("slurm: {partitions: long}\n",
         "exp.yaml:28:9: unknown key 'partitions' in slurm (did you mean 'partition'?)");
  refuse("slurm: {pretrain: {tiem: 5}}\n",
         "exp.yaml:28:20: unknown key 'tiem' in slurm.pretrain (did you mean 'time'?)");
  refuse("slurm: {pretrain: {classify: {time: 5}}}\n",
         "exp.yaml:28:20: unknown key 'classify' in slurm.pretrain; there are: partition, time, "
         "memory, cores, at_once, restarts, account, qos, options");
  refuse("slurm: long\n", "exp.yaml:28:8: slurm: expected keys with values, found 'long'");
  expect_set_error("slurm.time=soon",
                   "--set: slurm.time: expected minutes, H:M:S or D-H:M:S, found 'soon'");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("slurm");
  TCase *tests = tcase_create("slurm");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, without_a_section_a_job_asks_for_nothing);
  tcase_add_test(tests, a_stage_changes_what_is_said_for_all);
  tcase_add_test(tests, it_is_no_part_of_the_resolved_config);
  tcase_add_test(tests, every_way_to_write_a_time_is_taken);
  tcase_add_test(tests, what_cannot_be_is_refused);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
