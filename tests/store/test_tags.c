/* Tags come and go without a byte of the run being touched, whatever interrupts them. */
#include <check.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "sample.h"
#include "store/tags.h"

enum { NOBODY = 65534 };

static thaw_context *ctx;
static sample *wrote;
static char *folder, *path;
static unsigned char *bytes; /* of the file without tags */
static size_t size;

static void write_sample(bool complete) {
  wrote->content.complete = complete;
  ck_assert_msg(thaw_run_write(ctx, path, &wrote->content) == THAW_OK, "%s", thaw_error(ctx));
}

static void set_up(void) {
  ctx = thaw_context_create();
  wrote = sample_create();
  folder = sample_folder();
  path = thaw_path_join(folder, "sample.h5");
  write_sample(true);
  bytes = sample_slurp(path, &size);
}

static void tear_down(void) {
  ck_assert_int_eq(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(bytes);
  free(path);
  sample_remove(folder);
  sample_free(wrote);
  thaw_context_free(ctx);
}

/* Adds one tag and removes another; NULL: none. */
static thaw_status change(const char *add, const char *removed) {
  const thaw_tag_change one = {&add, &removed, add != NULL, removed != NULL};
  thaw_run_file *run = NULL;
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status == THAW_OK) status = thaw_run_tag(ctx, run, &one);
  thaw_run_close(run);
  return status;
}

static void expect_change(const char *add, const char *removed) {
  ck_assert_msg(change(add, removed) == THAW_OK, "%s", thaw_error(ctx));
}

static void expect_tags(const char *expected) {
  thaw_run_file *run = NULL;
  char *tags = NULL;
  ck_assert_msg(thaw_run_open(ctx, path, &run) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_msg(thaw_run_tags(ctx, run, &tags) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_str_eq(tags, expected);
  free(tags);
  thaw_run_close(run);
}

static void expect_refusal(const char *tag, const char *reason) {
  ck_assert_int_eq(change(tag, NULL), THAW_INVALID);
  ck_assert_msg(strstr(thaw_error(ctx), reason) != NULL, "%s", thaw_error(ctx));
}

static size_t file_size(void) {
  struct stat info;
  ck_assert_int_eq(stat(path, &info), 0);
  return (size_t)info.st_size;
}

START_TEST(tags_are_a_sorted_set) {
  expect_tags("");
  expect_change("paper", NULL);
  expect_tags("paper");
  expect_change("baseline", NULL);
  expect_change("paper", NULL);
  expect_tags("baseline,paper");
  expect_change("größe:1.0/a@b+c_d-e", "paper");
  expect_tags("baseline,größe:1.0/a@b+c_d-e");
  expect_change(NULL, "never-there");
  expect_change(NULL, "größe:1.0/a@b+c_d-e");
  expect_change(NULL, "baseline");
  expect_tags("");
  ck_assert(thaw_tags_have("a,bc", "a") && thaw_tags_have("a,bc", "bc"));
  ck_assert(!thaw_tags_have("a,bc", "b") && !thaw_tags_have("a,bc", "c"));
  ck_assert(!thaw_tags_have("", "a") && !thaw_tags_have("ab", "a"));
}
END_TEST

/* What changes nothing adds nothing. */
START_TEST(the_same_tags_again) {
  expect_change("a", NULL);
  const size_t once = file_size();
  expect_change("a", NULL);
  expect_change(NULL, "b");
  ck_assert_uint_eq(file_size(), once);
}
END_TEST

START_TEST(no_byte_of_the_run_changes) {
  char before[THAW_HASH_TEXT], plain[THAW_HASH_TEXT], after[THAW_HASH_TEXT];
  ck_assert_int_eq(thaw_run_hash(ctx, path, before), THAW_OK);
  ck_assert_int_eq(thaw_hash_file(ctx, path, plain), THAW_OK);
  ck_assert_str_eq(before, plain);
  expect_change("a", NULL);
  expect_change("b", "a");
  size_t now = 0;
  unsigned char *tagged = sample_slurp(path, &now);
  ck_assert_uint_gt(now, size);
  ck_assert_int_eq(memcmp(tagged, bytes, size), 0);
  free(tagged);
  ck_assert_int_eq(thaw_run_hash(ctx, path, after), THAW_OK);
  ck_assert_str_eq(after, before);
  ck_assert_int_eq(thaw_hash_file(ctx, path, plain), THAW_OK);
  ck_assert_str_ne(plain, before);
  ck_assert_int_eq(thaw_run_verify(ctx, path), THAW_OK);
  ck_assert_int_eq(sample_read_all(ctx, path), THAW_OK);
}
END_TEST

/* Other files are hashed whole. */
START_TEST(the_hash_of_other_files) {
  char run[THAW_HASH_TEXT], plain[THAW_HASH_TEXT];
  sample_spill(path, "the cat\n", 8);
  ck_assert_int_eq(thaw_run_hash(ctx, path, run), THAW_OK);
  ck_assert_int_eq(thaw_hash_file(ctx, path, plain), THAW_OK);
  ck_assert_str_eq(run, plain);
  ck_assert_int_eq(remove(path), 0);
  ck_assert_int_ne(thaw_run_hash(ctx, path, run), THAW_OK);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
}
END_TEST

/* ---- Crashes --------------------------------------------------------------------------------- */

/* Whatever part of a line a crash leaves, in whatever state: the tags are those of before, the run
 * can be read, and the next change goes well. */
START_TEST(a_line_cut_short) {
  expect_change("before", NULL);
  const size_t first = file_size();
  expect_change("after", NULL);
  size_t second = 0;
  unsigned char *both = sample_slurp(path, &second);
  for (size_t length = first; length < second; length++) {
    sample_spill(path, both, length);
    expect_tags("before");
    expect_change("after", NULL);
    expect_tags("after,before");
    ck_assert_uint_eq(file_size(), second);
  }
  /* The size may reach the disk before the bytes. */
  memset(both + first, 0, second - first);
  sample_spill(path, both, second);
  expect_tags("before");
  ck_assert_int_eq(sample_read_all(ctx, path), THAW_OK);
  expect_change("after", NULL);
  expect_tags("after,before");
  free(both);
}
END_TEST

START_TEST(a_first_line_cut_short) {
  expect_change("only", NULL);
  size_t whole = 0;
  unsigned char *tagged = sample_slurp(path, &whole);
  for (size_t length = size; length < whole; length++) {
    sample_spill(path, tagged, length);
    expect_tags("");
  }
  free(tagged);
}
END_TEST

/* A flipped bit in the last line costs that line. */
START_TEST(a_damaged_line) {
  expect_change("before", NULL);
  const size_t first = file_size();
  expect_change("after", NULL);
  size_t second = 0;
  unsigned char *both = sample_slurp(path, &second);
  for (size_t at = first; at < second; at++) {
    both[at] ^= 1;
    sample_spill(path, both, second);
    both[at] ^= 1;
    expect_tags("before");
  }
  free(both);
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------- */

START_TEST(words_that_are_no_tags) {
  static const char *const words[] = {"",    "-a",  "a b", "a,b",  "a=b",
                                      "a\n", "a'b", "a*",  "\xff", "a\x7f"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) expect_refusal(words[i], "is no tag");
  char word[66];
  memset(word, 'a', 65);
  word[65] = '\0';
  expect_refusal(word, "1 to 64 bytes");
  word[64] = '\0';
  expect_change(word, NULL);
  expect_tags(word);
}
END_TEST

START_TEST(too_many_tags) {
  char word[65];
  thaw_status status = THAW_OK;
  int count = 0;
  for (; status == THAW_OK && count < 1000; count++) {
    snprintf(word, sizeof word, "%064d", count);
    status = change(word, NULL);
  }
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_int_gt(count, 50);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "too many tags"));
  ck_assert_int_eq(sample_read_all(ctx, path), THAW_OK);
  expect_change(NULL, "0000000000000000000000000000000000000000000000000000000000000000");
}
END_TEST

START_TEST(a_run_in_training) {
  write_sample(false);
  expect_refusal("a", "is not finished");
  ck_assert_uint_eq(file_size(), size);
}
END_TEST

START_TEST(a_file_that_may_not_be_written) {
  const bool root = geteuid() == 0;
  ck_assert_int_eq(chmod(folder, 0755), 0);
  ck_assert_int_eq(chmod(path, 0444), 0);
  if (root) ck_assert_int_eq(seteuid(NOBODY), 0);
  const thaw_status status = change("a", NULL);
  expect_tags("");
  if (root) ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(status, THAW_FAILED);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "Permission denied"));
}
END_TEST

/* ---- Several at once ------------------------------------------------------------------------- */

START_TEST(taggers_wait_for_each_other) {
  enum { TAGGERS = 4, TAGS = 8 };
  pid_t children[TAGGERS];
  for (int i = 0; i < TAGGERS; i++) {
    children[i] = fork();
    ck_assert_int_ge(children[i], 0);
    if (children[i] > 0) continue;
    thaw_status status = THAW_OK;
    for (int k = 0; k < TAGS && status == THAW_OK; k++) {
      char word[32];
      snprintf(word, sizeof word, "t%d.%d", i, k);
      status = change(word, NULL);
    }
    _exit((int)status);
  }
  for (int i = 0; i < TAGGERS; i++) {
    int how = 0;
    ck_assert_int_eq(waitpid(children[i], &how, 0), children[i]);
    ck_assert_int_eq(how, 0);
  }
  thaw_buffer all = {0};
  for (int i = 0; i < TAGGERS; i++) {
    for (int k = 0; k < TAGS; k++) thaw_buffer_format(&all, "%st%d.%d", i + k ? "," : "", i, k);
  }
  expect_tags(all.data);
  thaw_buffer_free(&all);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tags");
  TCase *tests = tcase_create("tags");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, tags_are_a_sorted_set);
  tcase_add_test(tests, the_same_tags_again);
  tcase_add_test(tests, no_byte_of_the_run_changes);
  tcase_add_test(tests, the_hash_of_other_files);
  tcase_add_test(tests, a_line_cut_short);
  tcase_add_test(tests, a_first_line_cut_short);
  tcase_add_test(tests, a_damaged_line);
  tcase_add_test(tests, words_that_are_no_tags);
  tcase_add_test(tests, too_many_tags);
  tcase_add_test(tests, a_run_in_training);
  tcase_add_test(tests, a_file_that_may_not_be_written);
  tcase_add_test(tests, taggers_wait_for_each_other);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
