/* Where cached stages lie, that only one process at a time trains one, that none is removed while
 * it is used, and that a reader never sees half of one. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "sample.h"
#include "store/cache.h"

static thaw_context *ctx;
static char *folder;
static size_t waits; /* log lines that say that we wait */
static atomic_bool interrupted;
static int refusal; /* errno of a file system that takes no locks; 0: it does */

/* In place of the C library's. */
int flock(int descriptor, int operation) {
  errno = refusal;
  return refusal ? -1 : (int)syscall(SYS_flock, descriptor, operation);
}

static void note_line(void *user, thaw_log_level level, const char *line) {
  ck_assert_int_eq(level, THAW_LOG_INFO);
  ck_assert_ptr_nonnull(strstr(line, "key1"));
  waits += strstr(line, "waiting") != NULL;
  if (user) atomic_store((atomic_bool *)user, true);
}

static void set_up(void) {
  ctx = thaw_context_create();
  folder = sample_folder();
  waits = 0;
  thaw_context_log_to(ctx, note_line, NULL);
}

static void tear_down(void) {
  sample_remove(folder);
  thaw_context_free(ctx);
}

/* ---- The folder ------------------------------------------------------------------------------ */

/* Asks for the cache folder and expects FOLDER/NAME, which is not there before it is made; removes
 * it. */
static void expect_folder(const char *given, const char *name) {
  char *expected = thaw_path_join(folder, name), *found = NULL;
  ck_assert_msg(thaw_cache_folder(ctx, given, &found) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_str_eq(found, expected);
  ck_assert(!thaw_path_exists(found));
  ck_assert_msg(thaw_cache_create(ctx, found) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert(thaw_path_is_folder(found));
  ck_assert_int_eq(rmdir(found), 0);
  free(expected);
  free(found);
}

START_TEST(the_folder_comes_from_the_first_that_names_one) {
  char *given = thaw_path_join(folder, "given"), *cache = thaw_path_join(folder, "cache");
  setenv("THAW_CACHE", cache, 1);
  setenv("XDG_CACHE_HOME", folder, 1);
  setenv("HOME", folder, 1);
  expect_folder(given, "given");
  expect_folder(NULL, "cache");
  expect_folder("", "cache");
  setenv("THAW_CACHE", "", 1); /* empty is as good as unset */
  expect_folder(NULL, "thaw");
  setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says the specification */
  expect_folder(NULL, ".cache/thaw");
  unsetenv("XDG_CACHE_HOME");
  expect_folder(NULL, ".cache/thaw");
  unsetenv("HOME");
  char *found;
  ck_assert_int_eq(thaw_cache_folder(ctx, NULL, &found), THAW_INVALID);
  ck_assert_ptr_null(found);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "THAW_CACHE"));
  char *left = thaw_path_join(folder, ".cache");
  ck_assert_int_eq(rmdir(left), 0);
  free(left);
  free(given);
  free(cache);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made) {
  char *file = thaw_path_join(folder, "file"), *inside = thaw_path_join(file, "inside");
  sample_spill(file, "", 0);
  ck_assert_int_ne(thaw_cache_create(ctx, inside), THAW_OK);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "stage cache"));
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), file));
  free(inside);
  free(file);
}
END_TEST

START_TEST(a_stage_is_named_after_its_key) {
  char *path = thaw_cache_path("some/folder", "0123abc");
  ck_assert_str_eq(path, "some/folder/0123abc.h5");
  free(path);
}
END_TEST

/* ---- The lock -------------------------------------------------------------------------------- */

/* A child that takes the lock, and after 0.3 s leaves a mark and dies: by itself or by SIGKILL.
 * Returns once it has the lock. */
static pid_t start_holder(const char *mark, bool killed) {
  int ready[2];
  ck_assert_int_eq(pipe(ready), 0);
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    thaw_lock *lock;
    if (thaw_cache_lock(ctx, folder, "key1", &lock) != THAW_OK) _exit(1);
    if (write(ready[1], "x", 1) != 1) _exit(2);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    sample_spill(mark, "", 0);
    if (killed) raise(SIGKILL);
    thaw_lock_release(lock);
    _exit(0);
  }
  char byte;
  ck_assert_int_eq(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  return child;
}

static void expect_wait(bool killed) {
  char *mark = thaw_path_join(folder, "mark");
  const pid_t child = start_holder(mark, killed);
  ck_assert(!thaw_path_exists(mark));
  thaw_lock *lock = NULL, *other = NULL;
  /* Another stage's lock is free. */
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key2", &other), THAW_OK);
  ck_assert_uint_eq(waits, 0);
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_OK);
  ck_assert(thaw_path_exists(mark)); /* we had it only after the child */
  ck_assert_uint_eq(waits, 1);
  thaw_lock_release(lock);
  thaw_lock_release(other);
  int result;
  ck_assert_int_eq(waitpid(child, &result, 0), child);
  ck_assert(killed ? WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL : result == 0);
  free(mark);
}

START_TEST(a_second_process_waits) {
  expect_wait(false);
}
END_TEST

START_TEST(a_killed_process_holds_no_lock) {
  expect_wait(true);
}
END_TEST

START_TEST(an_interrupt_ends_the_wait) {
  char *mark = thaw_path_join(folder, "mark");
  const pid_t child = start_holder(mark, false);
  thaw_lock *lock = NULL;
  thaw_context_watch(ctx, &interrupted);
  thaw_context_log_to(ctx, note_line, &interrupted); /* as soon as it waits */
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_INTERRUPTED);
  ck_assert_ptr_null(lock);
  ck_assert_uint_eq(waits, 1);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  free(mark);
}
END_TEST

START_TEST(a_lock_without_a_folder) {
  thaw_lock *lock = NULL;
  ck_assert_int_eq(thaw_cache_lock(ctx, "/nowhere/at/all", "key1", &lock), THAW_FAILED);
  ck_assert_ptr_null(lock);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "/nowhere/at/all/key1.lock"));
}
END_TEST

/* A child that uses or trains the stage until it is killed; returns once it does. */
static pid_t start_user(bool trains) {
  int ready[2];
  char byte;
  ck_assert_int_eq(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    thaw_lock *lock = NULL;
    const thaw_status status = trains ? thaw_cache_lock(ctx, folder, "key1", &lock)
                                      : thaw_cache_use(ctx, folder, "key1", &lock);
    if (status != THAW_OK || !lock || write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  ck_assert_int_eq(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return child;
}

static void end_user(pid_t child) {
  kill(child, SIGKILL);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

static char said[200]; /* the log line of the wait */

static void keep_line(void *user, thaw_log_level level, const char *line) {
  (void)level;
  snprintf(said, sizeof said, "%s", line);
  kill(*(pid_t *)user, SIGKILL);
}

/* The holder is killed by us, as an out-of-memory killer would: without a chance to do anything. */
START_TEST(who_waits_is_told_for_whom) {
  char expected[100];
  pid_t child = start_user(true);
  thaw_lock *lock = NULL;
  thaw_context_log_to(ctx, keep_line, &child);
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_OK);
  snprintf(expected, sizeof expected, "process %ld on ", (long)child);
  ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s", said);
  ck_assert_ptr_nonnull(strstr(said, " trains this stage (key1): waiting for it"));
  int result;
  ck_assert_int_eq(waitpid(child, &result, 0), child);
  ck_assert(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
  thaw_lock_release(lock);
}
END_TEST

START_TEST(a_file_system_without_locks) {
  static const int refusals[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
  thaw_lock *lock = NULL;
  char *stage = thaw_cache_path(folder, "key1"), *user = NULL;
  sample_spill(stage, "", 0);
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    refusal = refusals[i];
    ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_FAILED);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "key1.lock"));
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), strerror(refusal)));
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "does not take flock(2) locks"));
    ck_assert_int_eq(thaw_cache_use(ctx, folder, "key1", &lock), THAW_FAILED);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "does not take flock(2) locks"));
    ck_assert_int_eq(thaw_cache_remove(ctx, folder, "key1", false, &user), THAW_FAILED);
    ck_assert(thaw_path_exists(stage));
    ck_assert(!lock && !user);
  }
  refusal = EIO; /* another reason is said as it is */
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_FAILED);
  ck_assert_ptr_null(strstr(thaw_error(ctx), "flock"));
  refusal = 0;
  free(stage);
}
END_TEST

/* ---- Using and removing ---------------------------------------------------------------------- */

/* Expects that the stage stays because of what the child does, and goes after its end. */
static void expect_stays(bool trains, const char *reason) {
  char *stage = thaw_cache_path(folder, "key1"), *user = NULL;
  sample_spill(stage, "stage", 5);
  const pid_t child = start_user(trains);
  for (int dry = 0; dry < 2; dry++) {
    ck_assert_msg(thaw_cache_remove(ctx, folder, "key1", dry, &user) == THAW_OK, "%s",
                  thaw_error(ctx));
    ck_assert_ptr_nonnull(user);
    ck_assert_msg(strstr(user, reason) != NULL, "%s", user);
    ck_assert(thaw_path_exists(stage));
    free(user);
  }
  end_user(child);
  ck_assert_int_eq(thaw_cache_remove(ctx, folder, "key1", true, &user), THAW_OK);
  ck_assert_ptr_null(user);
  ck_assert(thaw_path_exists(stage));
  ck_assert_int_eq(thaw_cache_remove(ctx, folder, "key1", false, &user), THAW_OK);
  ck_assert_ptr_null(user);
  ck_assert_uint_eq(sample_file_count(folder), 0);
  free(stage);
}

START_TEST(a_stage_that_is_trained_stays) {
  expect_stays(true, " trains it");
}
END_TEST

START_TEST(a_stage_that_is_used_stays) {
  expect_stays(false, "a run uses it");
}
END_TEST

START_TEST(a_use_counts_and_hinders_nobody) {
  char *stage = thaw_cache_path(folder, "key1");
  thaw_lock *used = NULL, *other = NULL, *trained = NULL;
  struct stat info;
  ck_assert_int_eq(thaw_cache_use(ctx, folder, "key1", &used), THAW_OK);
  ck_assert_ptr_null(used); /* it is not there */
  sample_spill(stage, "stage", 5);
  const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  ck_assert_int_eq(utimensat(AT_FDCWD, stage, old, 0), 0);
  ck_assert_int_eq(thaw_cache_use(ctx, folder, "key1", &used), THAW_OK);
  ck_assert_int_eq(thaw_cache_use(ctx, folder, "key1", &other), THAW_OK);
  ck_assert(used && other);
  ck_assert_int_eq(stat(stage, &info), 0);
  ck_assert_int_gt(info.st_mtime, 1000000);
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &trained), THAW_OK);
  ck_assert_uint_eq(waits, 0);
  thaw_lock_release(used);
  thaw_lock_release(other);
  thaw_lock_release(trained);
  free(stage);
}
END_TEST

START_TEST(a_lock_without_a_stage_leaves_nothing) {
  thaw_lock *lock = NULL;
  char *stage = thaw_cache_path(folder, "key1");
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_OK);
  ck_assert_uint_eq(sample_file_count(folder), 1);
  thaw_cache_unlock(folder, "key1", lock);
  ck_assert_uint_eq(sample_file_count(folder), 0);
  ck_assert_int_eq(thaw_cache_lock(ctx, folder, "key1", &lock), THAW_OK);
  sample_spill(stage, "stage", 5);
  thaw_cache_unlock(folder, "key1", lock);
  ck_assert_uint_eq(sample_file_count(folder), 2);
  free(stage);
}
END_TEST

START_TEST(what_is_not_there_is_removed_already) {
  char *user = NULL;
  ck_assert_int_eq(thaw_cache_remove(ctx, folder, "key1", true, &user), THAW_OK);
  ck_assert_int_eq(thaw_cache_remove(ctx, folder, "key1", false, &user), THAW_OK);
  ck_assert_ptr_null(user);
  ck_assert_uint_eq(sample_file_count(folder), 0);
}
END_TEST

/* ---- Reading while another process writes ---------------------------------------------------- */

/* Writes the stage over and over: checkpoints and results in turn. */
static void write_many(const char *path) {
  sample *run = sample_create();
  for (size_t i = 0; i < 100; i++) {
    run->content.complete = i % 2;
    run->content.seconds = (double)i;
    if (thaw_run_write(NULL, path, &run->content) != THAW_OK) _exit(1);
  }
  sample_free(run);
  _exit(0);
}

START_TEST(a_reader_never_sees_half_a_stage) {
  char *path = thaw_cache_path(folder, "key1");
  sample *run = sample_create();
  ck_assert_int_eq(thaw_run_write(ctx, path, &run->content), THAW_OK);
  sample_free(run);
  const pid_t child = fork();
  if (child == 0) write_many(path);
  int result = 0;
  size_t reads = 0;
  while (waitpid(child, &result, WNOHANG) == 0) {
    ck_assert_msg(sample_read_all(ctx, path) == THAW_OK, "read %zu: %s", reads, thaw_error(ctx));
    reads++;
  }
  ck_assert_int_eq(result, 0);
  ck_assert_uint_gt(reads, 5);
  ck_assert_uint_eq(sample_file_count(folder), 1);
  free(path);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("stage cache");
  TCase *tests = tcase_create("stage cache");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, the_folder_comes_from_the_first_that_names_one);
  tcase_add_test(tests, a_folder_that_cannot_be_made);
  tcase_add_test(tests, a_stage_is_named_after_its_key);
  tcase_add_test(tests, a_second_process_waits);
  tcase_add_test(tests, a_killed_process_holds_no_lock);
  tcase_add_test(tests, an_interrupt_ends_the_wait);
  tcase_add_test(tests, a_lock_without_a_folder);
  tcase_add_test(tests, who_waits_is_told_for_whom);
  tcase_add_test(tests, a_file_system_without_locks);
  tcase_add_test(tests, a_stage_that_is_trained_stays);
  tcase_add_test(tests, a_stage_that_is_used_stays);
  tcase_add_test(tests, a_use_counts_and_hinders_nobody);
  tcase_add_test(tests, a_lock_without_a_stage_leaves_nothing);
  tcase_add_test(tests, what_is_not_there_is_removed_already);
  tcase_add_test(tests, a_reader_never_sees_half_a_stage);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
