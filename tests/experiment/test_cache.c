/* test_cache.c: the commands that look after the stage cache, on the stages of a small experiment.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "fixture.h"

#define NO_KEY "0123456789abcdef0123456789abcdef"

static char pretrain[THAW_HASH_TEXT], finetune[THAW_HASH_TEXT];

static fixture_result run(int status, const char *arguments) {
  fixture_result result = fixture_run(arguments, NULL);
  ck_assert_msg(result.status == status, "thaw %s: status %d\n%s%s", arguments, result.status,
                result.out.data, result.err.data);
  return result;
}

/* Runs it and expects the texts, which end with NULL, in what it prints. */
static void expect_output(int status, const char *arguments, const char *const *texts) {
  fixture_result result = run(status, arguments);
  for (; *texts; texts++) {
    ck_assert_msg(strstr(result.out.data, *texts) != NULL, "thaw %s: '%s' is not in\n%s", arguments,
                  *texts, result.out.data);
  }
  fixture_free(&result);
}
#define EXPECT(status, arguments, ...) \
  expect_output(status, arguments, (const char *const[]){__VA_ARGS__, NULL})

/* Trains the experiment and notes the keys of its two cached stages. */
static void train(void) {
  fixture_expect(0, "run experiment.yaml -o a.h5 --set stages.classify.epochs=1");
  fixture_result list = run(0, "cache list --format csv");
  const char *first = strstr(list.out.data, ",pretrain,"),
             *second = strstr(list.out.data, ",finetune,");
  ck_assert(first && second);
  memcpy(pretrain, first - 32, 32);
  memcpy(finetune, second - 32, 32);
  fixture_free(&list);
}

static char *stage_path(const char *key) {
  static char path[64];
  snprintf(path, sizeof path, "cache/%s.h5", key);
  return path;
}

static void set_age(const char *key, time_t seconds) {
  const struct timespec used = {.tv_sec = time(NULL) - seconds};
  ck_assert_int_eq(utimensat(AT_FDCWD, stage_path(key), (struct timespec[2]){used, used}, 0), 0);
}

static bool is_there(const char *key) {
  return thaw_path_exists(stage_path(key));
}

/* ---- list ------------------------------------------------------------------------------------ */

START_TEST(a_list_says_what_the_stages_are) {
  train();
  char takes_over[40];
  snprintf(takes_over, sizeof takes_over, "  %.8s  ", pretrain);
  EXPECT(0, "cache list", "key       stage     experiment  encoder", "awd_lstm 8/12/2", "finished",
         takes_over, "2 stages, ", "in cache\n");
  EXPECT(0, "cache list --format csv",
         "key,stage,experiment,encoder,state,takes_over,perplexity,bytes,last_used,file\n",
         ",pretrain,small,awd_lstm 8/12/2,finished,,", stage_path(finetune));
  fixture_result json = run(0, "cache list --format json");
  ck_assert_ptr_nonnull(strstr(json.out.data, "\"stage\":\"pretrain\""));
  fixture_free(&json);
}
END_TEST

/* Files of a thaw that did not store what a key rests on. */
static void write_old(const char *path, const char *key, const char *stage) {
  const thaw_text_pair environment[] = {{"key", key}, {"stage", stage}};
  const thaw_run_content content = {.name = "old",
                                    .complete = true,
                                    .config_written = "name: old\n",
                                    .config_resolved = "name: old\nencoder: {plugin: lstm}\n",
                                    .environment = environment,
                                    .environment_count = 2};
  ck_assert_int_eq(thaw_run_write(NULL, path, &content), THAW_OK);
}

START_TEST(a_list_takes_whatever_lies_there) {
  EXPECT(0, "cache list", "0 stages, 0 B, in cache\n");
  ck_assert_int_eq(thaw_make_folders(NULL, "cache"), THAW_OK);
  EXPECT(0, "cache list", "0 stages, 0 B, in cache\n");
  EXPECT(0, "cache list --format csv", "key,stage,");
  EXPECT(0, "cache list --format json", "[");
  fixture_write("cache/" NO_KEY ".h5", "no run file");
  fixture_write("cache/notes.txt", "");
  fixture_write("cache/" NO_KEY ".lock", "");
  write_old(stage_path("00000000000000000000000000000001"), "00000000000000000000000000000001",
            "pretrain");
  EXPECT(0, "cache list", "01234567  –", "damaged", "2 stages, ",
         "1 other file of the folder is not thaw's and stays alone",
         "00000000  pretrain  old         lstm");
  fixture_expect_error(0, "cache list", "is not an HDF5 file");
  fixture_expect_error(2, "cache list --cache nowhere", "there is no folder nowhere");
  fixture_expect_error(2, "cache list --cache train.csv", "train.csv: Not a directory");
  fixture_expect_error(2, "cache list something", "too many arguments");
}
END_TEST

START_TEST(a_use_counts_and_a_look_does_not) {
  train();
  set_age(pretrain, 90000);
  set_age(finetune, 90000);
  fixture_expect(0, "plan experiment.yaml -o b.h5 --set head.plugin=mean");
  fixture_expect(0, "cache verify");
  EXPECT(0, "cache list", "1 d ago");
  fixture_expect(0, "run experiment.yaml -o b.h5 --set head.plugin=mean");
  fixture_result list = run(0, "cache list");
  ck_assert_ptr_null(strstr(list.out.data, "1 d ago"));
  fixture_free(&list);
}
END_TEST

/* ---- explain --------------------------------------------------------------------------------- */

START_TEST(a_difference_is_explained) {
  EXPECT(0, "cache explain experiment.yaml", "pretrain", "not there",
         "pretrain: there is no other finished stage of the kind to compare with where cache/");
  train();
  EXPECT(0, "cache explain experiment.yaml --set stages.finetune.epochs=2", "finished",
         "stages.finetune.epochs", "  2     1", ", of the experiment small\n");
  EXPECT(0, "cache explain experiment.yaml --set encoder.hidden=16 --format csv",
         "encoder.hidden,16,12\n", ",not there,");
  EXPECT(0, "cache explain experiment.yaml --set seed=9 --format csv", ",seed,9,2\n");
  EXPECT(0, "cache explain experiment.yaml --set encoder.plugin=lstm --format csv",
         ",encoder.plugin,lstm,awd_lstm\n");
  /* What follows from a difference of the stage before is named by that stage's key. */
  char before[64];
  fixture_result result =
      run(0, "cache explain experiment.yaml --set stages.pretrain.batch=7 --format csv");
  snprintf(before, sizeof before, ",%.8s\n", pretrain);
  ck_assert_ptr_nonnull(strstr(result.out.data, ",stages.pretrain.batch,7,8\n"));
  ck_assert_ptr_nonnull(strstr(result.out.data, ",what is taken over,"));
  ck_assert_ptr_nonnull(strstr(result.out.data, before));
  fixture_free(&result);
  fixture_edit("general.txt", "the cat", "a cat");
  EXPECT(0, "cache explain experiment.yaml", "data.general.train", "content ");
}
END_TEST

START_TEST(a_run_file_is_explained_too) {
  fixture_expect(0, "run experiment.yaml --set stages.classify.epochs=1");
  EXPECT(0, "cache explain experiment.yaml --set stages.classify.epochs=1 --format csv",
         "classify,", ",finished,,,,\n");
  EXPECT(0, "cache explain experiment.yaml --set stages.classify.epochs=2 --format csv",
         ",stages.classify.epochs,2,1\n");
  EXPECT(0, "cache explain experiment.yaml --set head.plugin=mean --set stages.classify.epochs=1",
         "head.plugin", "classify: the nearest is runs/small/s2-");
  EXPECT(0, "cache explain experiment.yaml --runs other",
         "classify: there is no other finished run to compare with where other/small/s2-");
}
END_TEST

START_TEST(what_cannot_be_compared_is_counted) {
  ck_assert_int_eq(thaw_make_folders(NULL, "cache"), THAW_OK);
  write_old(stage_path(NO_KEY), NO_KEY, "pretrain");
  fixture_write("cache/other.h5", "no run file");
  EXPECT(0, "cache explain experiment.yaml",
         "pretrain: 1 file of an older thaw could not be compared");
  fixture_expect_error(2, "cache explain", "something is missing: thaw cache explain FILE.yaml");
  fixture_expect_error(2, "cache explain missing.yaml", "missing.yaml");
  fixture_expect_error(2, "cache explain experiment.yaml --set seed=x", "seed");
}
END_TEST

/* ---- prune ----------------------------------------------------------------------------------- */

START_TEST(stages_go_by_age) {
  train();
  set_age(pretrain, 40 * 86400);
  EXPECT(0, "cache prune --older-than 41d", "freed: ", "left: 2 stages");
  EXPECT(0, "cache prune --older-than 30d --dry-run", "would be removed",
         "would be freed: ", "left: 1 stage,");
  ck_assert(is_there(pretrain));
  EXPECT(0, "cache prune --older-than 30d", "age", "removed", "of 1 stage;", "left: 1 stage,");
  ck_assert(!is_there(pretrain) && is_there(finetune));
  /* What was made of it stays of use: another head needs the last language model alone. */
  fixture_result again = run(0, "run experiment.yaml -o b.h5 --set head.plugin=mean");
  ck_assert_ptr_nonnull(strstr(again.err.data, "pretrain: the run file has no metrics of it"));
  ck_assert_ptr_nonnull(strstr(again.err.data, "finetune: found in the stage cache"));
  fixture_free(&again);
  ck_assert(!is_there(pretrain));
  /* And what needs it trains it again, under the same key. */
  fixture_expect(0, "run experiment.yaml -o c.h5 --set stages.finetune.epochs=2");
  ck_assert(is_there(pretrain));
}
END_TEST

START_TEST(stages_go_by_size) {
  train();
  set_age(finetune, 100);
  EXPECT(0, "cache prune --keep-size 1G", "left: 2 stages");
  EXPECT(0, "cache prune --keep-size 0 --dry-run", "of 2 stages; left: 0 stages, 0 B");
  /* One byte too many: the one that was used longest ago goes. */
  struct stat info[2];
  ck_assert_int_eq(stat(stage_path(pretrain), &info[0]), 0);
  ck_assert_int_eq(stat(stage_path(finetune), &info[1]), 0);
  char command[100];
  snprintf(command, sizeof command, "cache prune --keep-size %lldB",
           (long long)(info[0].st_size + info[1].st_size));
  EXPECT(0, command, "left: 2 stages");
  snprintf(command, sizeof command, "cache prune --keep-size %lldB",
           (long long)(info[0].st_size + info[1].st_size - 1));
  EXPECT(0, command, "size", "left: 1 stage,");
  ck_assert(is_there(pretrain) && !is_there(finetune));
}
END_TEST

START_TEST(checkpoints_go_and_leftovers) {
  train();
  fixture_result stopped = fixture_run_interrupted(
      "run experiment.yaml -o b.h5 --checkpoint 0 --set stages.pretrain.epochs=900",
      "pretrain: takes over nothing");
  ck_assert_int_eq(stopped.status, 130);
  fixture_free(&stopped);
  fixture_write("cache/" NO_KEY ".lock", "");
  EXPECT(0, "cache list", "begun, ", " of 900 epochs",
         "1 lock or temporary file of processes that have ended");
  EXPECT(0, "cache prune --unfinished --older-than 1h", "left: 3 stages");
  ck_assert(!thaw_path_exists("cache/" NO_KEY ".lock"));
  EXPECT(0, "cache prune --unfinished", "not finished", "of 1 stage; left: 2 stages");
  ck_assert(is_there(pretrain) && is_there(finetune));
}
END_TEST

START_TEST(a_prune_without_sense_is_refused) {
  fixture_expect_error(2, "cache prune", "what is to be removed? --older-than TIME");
  fixture_expect_error(2, "cache prune --dry-run", "what is to be removed?");
  fixture_expect_error(2, "cache prune --older-than 30", "--older-than: expected a time with a");
  fixture_expect_error(2, "cache prune --keep-size 10GB", "--keep-size: expected a size with a");
  fixture_expect_error(2, "cache prune --older-than", "--older-than needs a value");
  fixture_expect_error(2, "cache prune --unfinished --cache nowhere", "there is no folder nowhere");
  fixture_expect_error(0, "cache prune --unfinished", "there is no stage cache yet");
}
END_TEST

/* ---- verify ---------------------------------------------------------------------------------- */

/* Changes one byte of the file. */
static void damage(const char *path, long place) {
  FILE *file = fopen(path, "r+b");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fseek(file, place, place < 0 ? SEEK_END : SEEK_SET), 0);
  const int byte = fgetc(file);
  ck_assert_int_eq(fseek(file, -1, SEEK_CUR), 0);
  fputc(byte ^ 1, file);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(damage_is_found_and_removed) {
  train();
  EXPECT(0, "cache verify", "whole", "2 stages, ", "nothing is wrong\n");
  damage(stage_path(finetune), -5000); /* somewhere in weights or tables */
  EXPECT(1, "cache verify", "damaged", "1 damaged, 0 of them removed, 0 unreadable\n");
  fixture_expect_error(1, "cache verify", "1 of 2 stages in cache is damaged or unreadable");
  EXPECT(0, "cache verify --remove", "damaged, removed", "1 of them removed");
  ck_assert(is_there(pretrain) && !is_there(finetune));
  EXPECT(0, "cache verify", "1 stage, ", "nothing is wrong\n");
}
END_TEST

START_TEST(weights_are_verified) {
  train();
  /* Far from the ends lie the weights, of which the seal knows nothing. */
  struct stat info;
  ck_assert_int_eq(stat(stage_path(pretrain), &info), 0);
  size_t found = 0;
  for (long place = 1000; place < info.st_size && !found; place += info.st_size / 20) {
    damage(stage_path(pretrain), place);
    fixture_result result = fixture_run("cache verify", NULL);
    ck_assert_msg(result.status == 1, "byte %ld: %s", place, result.out.data);
    found = strstr(result.out.data, "its checksum does not fit its values") != NULL;
    fixture_free(&result);
    damage(stage_path(pretrain), place); /* as it was */
  }
  ck_assert_uint_gt(found, 0);
  fixture_expect(0, "cache verify");
}
END_TEST

START_TEST(a_stage_under_another_name_is_found) {
  train();
  ck_assert_int_eq(rename(stage_path(finetune), "cache/" NO_KEY ".h5"), 0);
  EXPECT(1, "cache verify", "under another one's name");
  /* The name alone does not make it another stage: the text of its key does not fit. */
  const thaw_text_pair environment[] = {{"key", NO_KEY}, {"stage", "pretrain"}};
  const thaw_run_content content = {.name = "forged",
                                    .complete = true,
                                    .config_key = "thaw stage 1\npretrain\n",
                                    .environment = environment,
                                    .environment_count = 2};
  ck_assert_int_eq(thaw_run_write(NULL, "cache/" NO_KEY ".h5", &content), THAW_OK);
  EXPECT(1, "cache verify", "the text of its key hashes to ");
}
END_TEST

START_TEST(what_cannot_be_read_is_not_removed) {
  train();
  ck_assert_int_eq(chmod(stage_path(finetune), 0), 0);
  fixture_result result = fixture_run_without_rights("cache verify --remove");
  ck_assert_msg(result.status == 1, "%s%s", result.out.data, result.err.data);
  ck_assert_ptr_nonnull(strstr(result.out.data, "cannot be read"));
  ck_assert_ptr_nonnull(strstr(result.out.data, "Permission denied"));
  fixture_free(&result);
  result = fixture_run_without_rights("cache list");
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.out.data, "cannot be read"));
  fixture_free(&result);
  ck_assert(is_there(finetune));
  ck_assert_int_eq(chmod("cache", 0), 0);
  result = fixture_run_without_rights("cache list");
  ck_assert_int_eq(result.status, 2);
  ck_assert_ptr_nonnull(strstr(result.err.data, "cannot read the stage cache cache: Permission"));
  fixture_free(&result);
  ck_assert_int_eq(chmod("cache", 0555), 0);
  result = fixture_run_without_rights("cache prune --keep-size 0");
  ck_assert_msg(result.status == 1, "%s%s", result.out.data, result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "2 files could not be removed from cache"));
  ck_assert_ptr_nonnull(strstr(result.out.data, "Permission denied"));
  fixture_free(&result);
  ck_assert_int_eq(chmod("cache", 0777), 0);
  ck_assert(is_there(pretrain) && is_there(finetune));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("cache");
  TCase *tests = tcase_create("cache");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_test(tests, a_list_says_what_the_stages_are);
  tcase_add_test(tests, a_list_takes_whatever_lies_there);
  tcase_add_test(tests, a_use_counts_and_a_look_does_not);
  tcase_add_test(tests, a_difference_is_explained);
  tcase_add_test(tests, a_run_file_is_explained_too);
  tcase_add_test(tests, what_cannot_be_compared_is_counted);
  tcase_add_test(tests, stages_go_by_age);
  tcase_add_test(tests, stages_go_by_size);
  tcase_add_test(tests, checkpoints_go_and_leftovers);
  tcase_add_test(tests, a_prune_without_sense_is_refused);
  tcase_add_test(tests, damage_is_found_and_removed);
  tcase_add_test(tests, weights_are_verified);
  tcase_add_test(tests, a_stage_under_another_name_is_found);
  tcase_add_test(tests, what_cannot_be_read_is_not_removed);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
