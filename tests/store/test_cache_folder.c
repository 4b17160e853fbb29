/* What is found in the folder of the stage cache, whatever lies in it. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/host.h"
#include "sample.h"
#include "store/cache.h"
#include "store/cache_folder.h"

#define KEY_A "0123456789abcdef0123456789abcdea"
#define KEY_B "0123456789abcdef0123456789abcdeb"

static thaw_context *ctx;
static thaw_arena *arena;
static char *folder;

static void set_up(void) {
  ctx = thaw_context_create();
  arena = thaw_arena_create();
  folder = sample_folder();
}

static void tear_down(void) {
  sample_remove(folder);
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}

static void spill(const char *name, const char *text, int64_t used) {
  char *path = thaw_path_join(folder, name);
  const struct timespec time = {.tv_sec = (time_t)used};
  sample_spill(path, text, strlen(text));
  ck_assert_int_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){time, time}, 0), 0);
  free(path);
}

static thaw_cache_folder_content read_folder(void) {
  thaw_cache_folder_content content;
  const thaw_status status = thaw_cache_folder_read(ctx, arena, folder, &content);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  return content;
}

START_TEST(a_folder_that_is_not_there_is_empty) {
  thaw_cache_folder_content content;
  ck_assert_int_eq(thaw_cache_folder_read(ctx, arena, "/nowhere/at/all", &content), THAW_OK);
  ck_assert(!content.there);
  ck_assert_uint_eq(content.stage_count + content.leftover_count, 0);
  content = read_folder();
  ck_assert(content.there);
  ck_assert_uint_eq(content.stage_count + content.leftover_count + content.other_count, 0);
}
END_TEST

START_TEST(a_file_is_no_folder) {
  thaw_cache_folder_content content;
  char *path = thaw_path_join(folder, "file");
  sample_spill(path, "", 0);
  ck_assert_int_eq(thaw_cache_folder_read(ctx, arena, path, &content), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "Not a directory"));
  free(path);
}
END_TEST

START_TEST(stages_come_by_their_last_use) {
  spill(KEY_A ".h5", "abc", 5000);
  spill(KEY_B ".h5", "abcdef", 9000);
  spill(KEY_A ".lock", "", 9000);
  const thaw_cache_folder_content content = read_folder();
  ck_assert_uint_eq(content.stage_count, 2);
  ck_assert_str_eq(content.stages[0].key, KEY_B);
  ck_assert_str_eq(content.stages[1].key, KEY_A);
  ck_assert_uint_eq(content.stages[1].bytes, 3);
  ck_assert_int_eq(content.stages[1].used, 5000);
  ck_assert_uint_eq(content.leftover_count + content.other_count + content.held_count, 0);
}
END_TEST

START_TEST(other_files_are_counted_and_left_alone) {
  spill("notes.txt", "", 1);
  spill("run.h5", "", 1);
  spill("0123.h5", "", 1);
  spill(KEY_A "0.h5", "", 1);
  spill("0123456789ABCDEF0123456789ABCDEF.h5", "", 1);
  spill(KEY_A ".txt", "", 1);
  spill(".hidden", "", 1);
  char *inner = thaw_path_join(folder, KEY_B ".h5");
  ck_assert_int_eq(mkdir(inner, 0777), 0); /* a folder of a stage's name */
  const thaw_cache_folder_content content = read_folder();
  ck_assert_uint_eq(content.stage_count + content.leftover_count, 0);
  ck_assert_uint_eq(content.other_count, 7);
  free(inner);
}
END_TEST

START_TEST(leftovers_are_found_and_removed) {
  char host[THAW_HOST_TEXT], name[200];
  thaw_lock *lock = NULL;
  thaw_host_name(host);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  snprintf(name, sizeof name, KEY_A ".h5.%s-%ld-0.part", host, (long)child);
  spill(name, "half", 1);
  snprintf(name, sizeof name, KEY_A ".h5.%s-%ld-0.part", host, (long)getpid());
  spill(name, "being written", 1);
  spill(KEY_A ".lock", "", 1);
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, KEY_B, &lock), THAW_OK);
  thaw_cache_folder_content content = read_folder();
  ck_assert_uint_eq(content.leftover_count, 2);
  ck_assert(!content.leftovers[0].lock); /* .h5… comes before .lock */
  ck_assert(content.leftovers[1].lock);
  ck_assert_uint_eq(content.held_count, 1);
  for (size_t i = 0; i < 2; i++)
    ck_assert_int_eq(thaw_cache_leftover_remove(ctx, &content.leftovers[i]), THAW_OK);
  ck_assert_uint_eq(sample_file_count(folder), 2); /* what is being written, and the lock */
  /* What somebody has locked meanwhile stays; what is gone already is no error. */
  char *path = thaw_cache_lock_path(folder, KEY_B);
  ck_assert_int_eq(
      thaw_cache_leftover_remove(ctx, &(thaw_cache_leftover){.path = path, .lock = true}), THAW_OK);
  ck_assert(thaw_path_exists(path));
  thaw_lock_release(lock);
  ck_assert_int_eq(thaw_cache_leftover_remove(ctx, &content.leftovers[0]), THAW_OK);
  free(path);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("cache folder");
  TCase *tests = tcase_create("cache folder");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_folder_that_is_not_there_is_empty);
  tcase_add_test(tests, a_file_is_no_folder);
  tcase_add_test(tests, stages_come_by_their_last_use);
  tcase_add_test(tests, other_files_are_counted_and_left_alone);
  tcase_add_test(tests, leftovers_are_found_and_removed);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
