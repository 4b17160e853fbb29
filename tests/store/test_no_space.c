/* A run file that cannot be written leaves the old one as it was, and nothing beside it. */
#include <check.h>
#include <hdf5.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sample.h"

enum { NOBODY = 65534 };

static thaw_context *ctx;
static sample *wrote;
static char *folder, *path;
static unsigned char *bytes; /* of the old file */
static size_t size;

static void set_up(void) {
  ctx = thaw_context_create();
  wrote = sample_create();
  folder = sample_folder();
  path = thaw_path_join(folder, "sample.h5");
  ck_assert_msg(thaw_run_write(ctx, path, &wrote->content) == THAW_OK, "%s", thaw_error(ctx));
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

static void expect_old_file(size_t files) {
  size_t now;
  unsigned char *found = sample_slurp(path, &now);
  ck_assert_uint_eq(now, size);
  ck_assert_mem_eq(found, bytes, size);
  free(found);
  ck_assert_uint_eq(sample_file_count(folder), files);
}

/* Writes while files may grow to `limit` bytes only. Check writes files too, so the limit is lifted
 * before anything is asserted. */
static thaw_status write_limited(const char *to, rlim_t limit) {
  struct rlimit usual, small;
  getrlimit(RLIMIT_FSIZE, &usual);
  small = usual;
  small.rlim_cur = limit;
  setrlimit(RLIMIT_FSIZE, &small);
  const thaw_status status = thaw_run_write(ctx, to, &wrote->content);
  setrlimit(RLIMIT_FSIZE, &usual);
  return status;
}

START_TEST(no_space_at_any_place) {
  char *other = thaw_path_join(folder, "other.h5");
  signal(SIGXFSZ, SIG_IGN);
  wrote->content.seed = 2; /* a new file would differ from the old one */
  for (size_t limit = 0; limit < size; limit += limit < 1024 ? 128 : 911) {
    ck_assert_msg(write_limited(path, limit) == THAW_FAILED, "with %zu of %zu bytes", limit, size);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
    ck_assert_msg(strstr(thaw_error(ctx), "File too large") != NULL, "%s", thaw_error(ctx));
    expect_old_file(1);
    ck_assert_int_eq(write_limited(other, limit), THAW_FAILED);
    ck_assert(!thaw_path_exists(other));
  }
  ck_assert_int_eq(write_limited(path, size - 1), THAW_FAILED);
  expect_old_file(1);
  /* HDF5 has come through it: the next attempt succeeds. */
  ck_assert_msg(thaw_run_write(ctx, path, &wrote->content) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_int_eq(sample_read_all(ctx, path), THAW_OK);
  ck_assert_uint_eq(sample_file_count(folder), 1);
  free(other);
}
END_TEST

START_TEST(a_place_that_takes_no_file) {
  static const char *const places[] = {"/dev/full", "/nowhere/at/all/run.h5"};
  for (size_t i = 0; i < 2; i++) {
    ck_assert_int_ne(thaw_run_write(ctx, places[i], &wrote->content), THAW_OK);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), places[i]));
  }
  ck_assert_int_eq(thaw_run_write(ctx, folder, &wrote->content), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "a folder"));
  expect_old_file(1);
}
END_TEST

START_TEST(a_folder_that_may_not_be_written) {
  const bool root = geteuid() == 0;
  ck_assert_int_eq(chmod(folder, 0555), 0);
  if (root) ck_assert_int_eq(seteuid(NOBODY), 0);
  const thaw_status status = thaw_run_write(ctx, path, &wrote->content);
  if (root) ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(chmod(folder, 0755), 0);
  ck_assert_int_eq(status, THAW_FAILED);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "Permission denied"));
  expect_old_file(1);
}
END_TEST

/* What HDF5 refuses is a failure too: two columns of one name. */
START_TEST(content_that_cannot_be_stored) {
  static const char *const groups[] = {"head", "head"};
  thaw_series *series = thaw_series_create("classify", 2, groups);
  const thaw_series *const all[] = {series};
  const thaw_run_content content = {.series = all, .series_count = 1};
  ck_assert_int_eq(thaw_run_write(ctx, path, &content), THAW_FAILED);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "rate_head"));
  thaw_series_free(series);
  expect_old_file(1);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("no space");
  TCase *tests = tcase_create("no space");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, no_space_at_any_place);
  tcase_add_test(tests, a_place_that_takes_no_file);
  tcase_add_test(tests, a_folder_that_may_not_be_written);
  tcase_add_test(tests, content_that_cannot_be_stored);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
