/* Paths, hashes, atomic files and locks, in a folder of their own. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/unnamed_file.h"

static thaw_context *ctx;
static char folder[] = "/tmp/thaw-test-XXXXXX";

static void set_up(void) {
  ctx = thaw_context_create();
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
}

static void tear_down(void) {
  thaw_context_free(ctx);
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  fclose(file);
}

static void expect_file(const char *path, const char *text) {
  char content[100] = "";
  FILE *file = fopen(path, "r");
  ck_assert_msg(file != NULL, "%s is missing", path);
  const size_t count = fread(content, 1, sizeof content - 1, file);
  fclose(file);
  content[count] = '\0';
  ck_assert_str_eq(content, text);
}

/* Number of entries of the current folder. */
static int file_count(void) {
  int count = -2; /* . and .. */
  DIR *listing = opendir(".");
  while (readdir(listing)) count++;
  closedir(listing);
  return count;
}

static void expect_text(char *found, const char *expected) {
  ck_assert_str_eq(found, expected);
  free(found);
}

START_TEST(paths_are_joined_and_taken_apart) {
  expect_text(thaw_path_beside("a/b.yaml", "c.csv"), "a/c.csv");
  expect_text(thaw_path_beside("a/b.yaml", "../c.csv"), "a/../c.csv");
  expect_text(thaw_path_beside("b.yaml", "c.csv"), "c.csv");
  expect_text(thaw_path_beside("a/b.yaml", "/c.csv"), "/c.csv");
  expect_text(thaw_path_beside("/b.yaml", "c.csv"), "/c.csv");
  expect_text(thaw_path_join("a", "b"), "a/b");
  expect_text(thaw_path_join("a/", "b"), "a/b");
  expect_text(thaw_path_join("", "b"), "b");
  expect_text(thaw_path_stem("runs/a.h5"), "a");
  expect_text(thaw_path_stem("a.b.h5"), "a.b");
  expect_text(thaw_path_stem("runs.d/a"), "a");
  expect_text(thaw_path_stem("runs/.hidden"), ".hidden");
  expect_text(thaw_path_stem("runs/a.d/"), "a");
  expect_text(thaw_path_stem(""), "");
}
END_TEST

START_TEST(folders_are_made_with_their_parents) {
  ck_assert_int_eq(thaw_make_folders(ctx, "x/y//z/"), THAW_OK);
  ck_assert(thaw_path_is_folder("x/y/z"));
  ck_assert_int_eq(thaw_make_folders(ctx, "x/y/z"), THAW_OK);
  ck_assert_int_eq(thaw_make_folders(ctx, "/"), THAW_OK);
  write_file("file", "");
  ck_assert(thaw_path_exists("file") && !thaw_path_is_folder("file"));
  ck_assert(!thaw_path_exists("nothing"));
  ck_assert_int_eq(thaw_make_folders(ctx, "file/z"), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot make the folder file: a file of that name exists");
}
END_TEST

START_TEST(hashes_are_those_of_xxh3) {
  /* The digest of no bytes, seed 0, in the canonical order of digits. */
  char digits[THAW_HASH_TEXT];
  thaw_hash_bytes("", 0, digits);
  ck_assert_str_eq(digits, "99aa06d3014798d86001c324468d497f");
  thaw_hash *hash = thaw_hash_create();
  thaw_hash_text(hash, digits);
  ck_assert_str_eq(digits, "99aa06d3014798d86001c324468d497f");
  thaw_hash_free(hash);
}
END_TEST

START_TEST(pieces_and_the_whole_have_one_hash) {
  char whole[THAW_HASH_TEXT], pieces[THAW_HASH_TEXT], file[THAW_HASH_TEXT];
  static char bytes[200000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 31 % 251);
  thaw_hash_bytes(bytes, sizeof bytes, whole);
  thaw_hash *hash = thaw_hash_create();
  for (size_t i = 0; i < sizeof bytes; i += 1000) thaw_hash_add(hash, bytes + i, 1000);
  thaw_hash_text(hash, pieces);
  ck_assert_str_eq(pieces, whole);
  thaw_hash_free(hash);
  FILE *out = fopen("bytes", "w");
  fwrite(bytes, 1, sizeof bytes, out);
  fclose(out);
  ck_assert_int_eq(thaw_hash_file(ctx, "bytes", file), THAW_OK);
  ck_assert_str_eq(file, whole);
}
END_TEST

START_TEST(texts_are_told_apart_by_their_ends) {
  char first[THAW_HASH_TEXT], second[THAW_HASH_TEXT];
  thaw_hash *hash = thaw_hash_create();
  thaw_hash_add_text(hash, "ab");
  thaw_hash_add_text(hash, "c");
  thaw_hash_text(hash, first);
  thaw_hash_free(hash);
  hash = thaw_hash_create();
  thaw_hash_add_text(hash, "a");
  thaw_hash_add_text(hash, "bc");
  thaw_hash_text(hash, second);
  thaw_hash_free(hash);
  ck_assert_str_ne(first, second);
  ck_assert_uint_ne(thaw_hash64("ab", 2), thaw_hash64("ba", 2));
}
END_TEST

START_TEST(a_file_that_cannot_be_hashed_is_named) {
  char digits[THAW_HASH_TEXT];
  ck_assert_int_eq(thaw_hash_file(ctx, "nothing", digits), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot open nothing: No such file or directory");
  ck_assert_int_eq(thaw_hash_file(ctx, ".", digits), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot read .: Is a directory");
}
END_TEST

START_TEST(a_committed_file_appears_whole) {
  thaw_atomic_file *file;
  write_file("out", "old");
  ck_assert_int_eq(thaw_atomic_begin(ctx, "out", &file), THAW_OK);
  write_file(thaw_atomic_path(file), "new");
  expect_file("out", "old");
  ck_assert_int_eq(thaw_atomic_commit(ctx, file), THAW_OK);
  expect_file("out", "new");
  ck_assert_int_eq(file_count(), 1);
}
END_TEST

START_TEST(an_abandoned_file_leaves_nothing) {
  thaw_atomic_file *file, *second;
  ck_assert_int_eq(thaw_atomic_begin(ctx, "out", &file), THAW_OK);
  ck_assert_int_eq(thaw_atomic_begin(ctx, "out", &second), THAW_OK);
  ck_assert_str_ne(thaw_atomic_path(file), thaw_atomic_path(second));
  thaw_atomic_abandon(file);
  thaw_atomic_abandon(second);
  thaw_atomic_abandon(NULL);
  ck_assert_int_eq(file_count(), 0);
}
END_TEST

START_TEST(what_a_killed_writer_left_is_removed_by_the_next) {
  write_file("out", "old");
  const pid_t child = fork();
  if (child == 0) {
    thaw_atomic_file *file;
    if (thaw_atomic_begin(ctx, "out", &file) == THAW_OK) raise(SIGKILL);
    _exit(1);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFSIGNALED(status));
  ck_assert_int_eq(file_count(), 2);
  write_file("out.x-y.part", "another's");
  thaw_atomic_file *file;
  ck_assert_int_eq(thaw_atomic_begin(ctx, "out", &file), THAW_OK);
  ck_assert_int_eq(file_count(), 3);
  thaw_atomic_abandon(file);
  expect_file("out", "old");
}
END_TEST

START_TEST(what_cannot_be_written_is_refused_at_the_beginning) {
  thaw_atomic_file *file;
  mkdir("d", 0777);
  ck_assert_int_eq(thaw_atomic_begin(ctx, "d", &file), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "cannot write d: it is a folder");
  ck_assert_int_eq(thaw_atomic_begin(ctx, "/dev/null", &file), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "cannot write /dev/null: it is not a regular file");
  ck_assert_int_eq(thaw_atomic_begin(ctx, "no/where", &file), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot write no/where: No such file or directory");
  ck_assert_ptr_null(file);
}
END_TEST

START_TEST(a_link_stays_a_link) {
  thaw_atomic_file *file;
  mkdir("d", 0777);
  write_file("d/real", "old");
  ck_assert_int_eq(symlink("d/real", "out"), 0);
  ck_assert_int_eq(thaw_atomic_begin(ctx, "out", &file), THAW_OK);
  write_file(thaw_atomic_path(file), "new");
  ck_assert_int_eq(thaw_atomic_commit(ctx, file), THAW_OK);
  expect_file("d/real", "new");
  struct stat info;
  ck_assert_int_eq(lstat("out", &info), 0);
  ck_assert(S_ISLNK(info.st_mode));
}
END_TEST

START_TEST(a_commit_that_fails_leaves_the_old_file) {
  thaw_atomic_file *file;
  write_file("out", "old");
  ck_assert_int_eq(thaw_atomic_begin(ctx, "out", &file), THAW_OK);
  unlink(thaw_atomic_path(file));
  ck_assert_int_eq(thaw_atomic_commit(ctx, file), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot finish out: No such file or directory");
  expect_file("out", "old");
}
END_TEST

/* A child that holds the lock until it is killed. */
static pid_t hold_lock(const char *path) {
  int ready[2];
  char byte;
  ck_assert_int_eq(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    thaw_lock *lock;
    if (thaw_lock_take(ctx, path, NULL, NULL, &lock) != THAW_OK) _exit(1);
    if (write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  ck_assert_int_eq(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  return child;
}

static void kill_holder(void *user) {
  const pid_t *child = user;
  kill(*child, SIGKILL);
  waitpid(*child, NULL, 0);
}

START_TEST(a_lock_dies_with_its_holder) {
  pid_t child = hold_lock("lock");
  thaw_lock *lock;
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", kill_holder, &child, &lock), THAW_OK);
  thaw_lock_release(lock);
}
END_TEST

static void set_flag(void *user) {
  atomic_store((atomic_bool *)user, true);
}

START_TEST(an_interrupt_ends_the_wait) {
  pid_t child = hold_lock("lock");
  atomic_bool flag = false;
  thaw_context_watch(ctx, &flag);
  thaw_lock *lock;
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", set_flag, &flag, &lock), THAW_INTERRUPTED);
  ck_assert_str_eq(thaw_error(ctx), "interrupted while waiting for the lock lock");
  ck_assert_ptr_null(lock);
  kill_holder(&child);
}
END_TEST

START_TEST(two_in_one_process_exclude_each_other) {
  thaw_lock *first, *second;
  atomic_bool flag = false;
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", NULL, NULL, &first), THAW_OK);
  thaw_context_watch(ctx, &flag);
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", set_flag, &flag, &second), THAW_INTERRUPTED);
  thaw_lock_release(first);
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", set_flag, &flag, &second), THAW_OK);
  thaw_lock_release(second);
  thaw_lock_release(NULL);
}
END_TEST

/* The lock file is removed and made anew while somebody waits for it. */
static void replace_file(void *user) {
  unlink("lock");
  kill_holder(user);
}

START_TEST(a_removed_lock_file_is_no_lock) {
  pid_t child = hold_lock("lock");
  thaw_lock *lock, *other;
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", replace_file, &child, &lock), THAW_OK);
  ck_assert(thaw_path_exists("lock"));
  atomic_bool flag = false;
  thaw_context_watch(ctx, &flag);
  ck_assert_int_eq(thaw_lock_take(ctx, "lock", set_flag, &flag, &other), THAW_INTERRUPTED);
  thaw_lock_release(lock);
}
END_TEST

START_TEST(a_lock_that_cannot_be_made_is_an_error) {
  thaw_lock *lock;
  ck_assert_int_eq(thaw_lock_take(ctx, "no/where", NULL, NULL, &lock), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot lock no/where: No such file or directory");
  ck_assert_int_eq(thaw_lock_try(ctx, "no/where", &lock), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "cannot lock no/where: No such file or directory");
  ck_assert(!thaw_lock_is_taken("no/where"));
  ck_assert_ptr_null(thaw_lock_holder("no/where"));
}
END_TEST

START_TEST(a_lock_says_who_has_it) {
  thaw_lock *lock = NULL;
  char expected[100], host[THAW_HOST_TEXT];
  pid_t child = hold_lock("lock");
  thaw_host_name(host);
  snprintf(expected, sizeof expected, "process %ld on %s", (long)child, host);
  ck_assert(thaw_lock_is_taken("lock"));
  expect_text(thaw_lock_holder("lock"), expected);
  ck_assert_int_eq(thaw_lock_try(ctx, "lock", &lock), THAW_OK);
  ck_assert_ptr_null(lock);
  kill_holder(&child);
  ck_assert(!thaw_lock_is_taken("lock"));
  ck_assert_int_eq(thaw_lock_try(ctx, "lock", &lock), THAW_OK);
  ck_assert_ptr_nonnull(lock);
  snprintf(expected, sizeof expected, "process %ld on %s", (long)getpid(), host);
  expect_text(thaw_lock_holder("lock"), expected);
  thaw_lock_release(lock);
  write_file("lock", "process of something else");
  ck_assert_ptr_null(thaw_lock_holder("lock"));
  write_file("lock", "");
  ck_assert_ptr_null(thaw_lock_holder("lock"));
}
END_TEST

START_TEST(a_file_that_is_held_is_not_seized) {
  thaw_lock *first, *second, *seized;
  ck_assert_int_eq(thaw_file_hold(ctx, "file", &first), THAW_OK);
  ck_assert_ptr_null(first);
  ck_assert_int_eq(thaw_file_seize(ctx, "file", &seized), THAW_OK);
  ck_assert_ptr_null(seized);
  ck_assert_int_eq(file_count(), 0);
  write_file("file", "text");
  ck_assert_int_eq(thaw_file_hold(ctx, "file", &first), THAW_OK);
  ck_assert_int_eq(thaw_file_hold(ctx, "file", &second), THAW_OK);
  ck_assert(first && second);
  thaw_lock_release(first);
  ck_assert_int_eq(thaw_file_seize(ctx, "file", &seized), THAW_OK);
  ck_assert_ptr_null(seized);
  thaw_lock_release(second);
  ck_assert_int_eq(thaw_file_seize(ctx, "file", &seized), THAW_OK);
  ck_assert_ptr_nonnull(seized);
  atomic_bool flag = true;
  thaw_context_watch(ctx, &flag);
  ck_assert_int_eq(thaw_file_hold(ctx, "file", &first), THAW_INTERRUPTED);
  thaw_lock_release(seized);
  expect_file("file", "text");
}
END_TEST

START_TEST(what_writers_left_is_told_from_what_they_write) {
  char name[200], host[THAW_HOST_TEXT];
  const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
  thaw_host_name(host);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  snprintf(name, sizeof name, "a.h5.%s-%ld-0.part", host, (long)child);
  ck_assert(thaw_atomic_is_leftover(".", name));
  snprintf(name, sizeof name, "a.h5.%s-%ld-0.part", host, (long)getpid());
  ck_assert(!thaw_atomic_is_leftover(".", name));
  write_file("a.h5.elsewhere-12-3.part", "");
  ck_assert(!thaw_atomic_is_leftover(".", "a.h5.elsewhere-12-3.part"));
  ck_assert_int_eq(utimensat(AT_FDCWD, "a.h5.elsewhere-12-3.part", old, 0), 0);
  ck_assert(thaw_atomic_is_leftover(".", "a.h5.elsewhere-12-3.part"));
  static const char *const others[] = {"a.part",
                                       ".part",
                                       "",
                                       "elsewhere-12-3.part",
                                       "a.elsewhere-x-3.part",
                                       "a.elsewhere-12-3.part.h5"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (*others[i]) write_file(others[i], "");
    if (*others[i]) ck_assert_int_eq(utimensat(AT_FDCWD, others[i], old, 0), 0);
    ck_assert_msg(!thaw_atomic_is_leftover(".", others[i]), "%s", others[i]);
  }
}
END_TEST

static size_t names_in(const char *path) {
  DIR *open = opendir(path);
  ck_assert_ptr_nonnull(open);
  size_t count = 0;
  for (const struct dirent *entry; (entry = readdir(open));) count += entry->d_name[0] != '.';
  closedir(open);
  return count;
}

START_TEST(an_unnamed_file_keeps_bytes_and_no_name) {
  thaw_unnamed_file *file;
  ck_assert_int_eq(thaw_unnamed_create(ctx, folder, "the numbers", &file), THAW_OK);
  ck_assert_uint_eq(names_in(folder), 0);
  char bytes[8] = "";
  ck_assert_int_eq(thaw_unnamed_write(ctx, file, "5678", 4, 4), THAW_OK);
  ck_assert_int_eq(thaw_unnamed_write(ctx, file, "1234", 4, 0), THAW_OK);
  ck_assert_int_eq(thaw_unnamed_read(ctx, file, bytes, 3, 3), THAW_OK);
  ck_assert_str_eq(bytes, "456");
  ck_assert_int_eq(thaw_unnamed_read(ctx, file, bytes, 2, 7), THAW_FAILED);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "cannot read the numbers from a temporary file"));
  void *mapped = NULL;
  ck_assert_int_eq(thaw_unnamed_map(ctx, file, 8, &mapped), THAW_OK);
  ck_assert_mem_eq(mapped, "12345678", 8);
  thaw_unnamed_forget(file);
  ck_assert_mem_eq(mapped, "12345678", 8);
  thaw_unnamed_free(file);
  thaw_unnamed_free(NULL);
}
END_TEST

START_TEST(an_unnamed_file_needs_one_folder_that_can_be_written) {
  thaw_unnamed_file *file;
  ck_assert_int_eq(thaw_unnamed_create(ctx, "no/such/folder", "the numbers", &file), THAW_OK);
  thaw_unnamed_free(file);
  ck_assert_int_eq(setenv("TMPDIR", "nor/this/one", 1), 0);
  ck_assert_int_eq(thaw_unnamed_create(ctx, "no/such/folder", "the numbers", &file), THAW_FAILED);
  ck_assert_ptr_null(file);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "in nor/this/one for the numbers"));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("file");
  TCase *tests = tcase_create("file");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, paths_are_joined_and_taken_apart);
  tcase_add_test(tests, folders_are_made_with_their_parents);
  tcase_add_test(tests, hashes_are_those_of_xxh3);
  tcase_add_test(tests, pieces_and_the_whole_have_one_hash);
  tcase_add_test(tests, texts_are_told_apart_by_their_ends);
  tcase_add_test(tests, a_file_that_cannot_be_hashed_is_named);
  tcase_add_test(tests, a_committed_file_appears_whole);
  tcase_add_test(tests, an_abandoned_file_leaves_nothing);
  tcase_add_test(tests, what_a_killed_writer_left_is_removed_by_the_next);
  tcase_add_test(tests, what_cannot_be_written_is_refused_at_the_beginning);
  tcase_add_test(tests, a_link_stays_a_link);
  tcase_add_test(tests, a_commit_that_fails_leaves_the_old_file);
  tcase_add_test(tests, a_lock_dies_with_its_holder);
  tcase_add_test(tests, an_interrupt_ends_the_wait);
  tcase_add_test(tests, two_in_one_process_exclude_each_other);
  tcase_add_test(tests, a_removed_lock_file_is_no_lock);
  tcase_add_test(tests, a_lock_that_cannot_be_made_is_an_error);
  tcase_add_test(tests, a_lock_says_who_has_it);
  tcase_add_test(tests, a_file_that_is_held_is_not_seized);
  tcase_add_test(tests, what_writers_left_is_told_from_what_they_write);
  tcase_add_test(tests, an_unnamed_file_keeps_bytes_and_no_name);
  tcase_add_test(tests, an_unnamed_file_needs_one_folder_that_can_be_written);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
