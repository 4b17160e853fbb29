/* Sizes and times as people write them. */
#include <check.h>
#include <string.h>

#include "base/context.h"
#include "base/units.h"

static thaw_context *ctx;

static void set_up(void) {
  ctx = thaw_context_create();
}

static void tear_down(void) {
  thaw_context_free(ctx);
}

static void expect_size(const char *text, uint64_t expected) {
  uint64_t bytes = 7;
  ck_assert_msg(thaw_parse_size(ctx, text, &bytes) == THAW_OK, "%s: %s", text, thaw_error(ctx));
  ck_assert_msg(bytes == expected, "%s is %llu", text, (unsigned long long)bytes);
}

static void expect_duration(const char *text, double expected) {
  double seconds = -1;
  ck_assert_msg(thaw_parse_duration(ctx, text, &seconds) == THAW_OK, "%s: %s", text,
                thaw_error(ctx));
  ck_assert_double_eq_tol(seconds, expected, 1e-6);
}

START_TEST(sizes_are_read) {
  expect_size("0", 0);
  expect_size("0.0", 0);
  expect_size("12B", 12);
  expect_size("1K", 1024);
  expect_size("500M", 500 * UINT64_C(1048576));
  expect_size("1.5G", 1610612736);
  expect_size("10 GiB", 10 * UINT64_C(1073741824));
  expect_size("2T", 2199023255552);
  expect_size("3KiB", 3072);
}
END_TEST

START_TEST(times_are_read) {
  expect_duration("0", 0);
  expect_duration("90s", 90);
  expect_duration("15m", 900);
  expect_duration("1.5h", 5400);
  expect_duration("30d", 2592000);
  expect_duration("2w", 1209600);
}
END_TEST

START_TEST(others_are_refused) {
  static const char *const sizes[] = {"",    "10",  "G",    "-1G", "+1G", "1GB",
                                      "1kB", "1g",  "1e3K", "0x",  "1.G", "1G G",
                                      " 1G", "1G ", "inf",  "nan", ".5G", "99999999999T"};
  static const char *const times[] = {"", "30", "d", "-1d", "1 day", "1y", "1M", "1e2d", "d30"};
  uint64_t bytes = 7;
  double seconds = 7;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    ck_assert_msg(thaw_parse_size(ctx, sizes[i], &bytes) == THAW_INVALID, "'%s'", sizes[i]);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "expected a size with a unit, such as 500M"));
  }
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    ck_assert_msg(thaw_parse_duration(ctx, times[i], &seconds) == THAW_INVALID, "'%s'", times[i]);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "expected a time with a unit, such as 30d"));
  }
  ck_assert_uint_eq(bytes, 7);
  ck_assert_double_eq(seconds, 7);
  ck_assert_int_eq(thaw_parse_size(ctx, "12X", &bytes), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "found '12X'"));
}
END_TEST

static void expect_written(uint64_t bytes, const char *expected) {
  char text[THAW_UNITS_TEXT];
  thaw_write_size(bytes, text);
  ck_assert_str_eq(text, expected);
}

static void expect_age(double seconds, const char *expected) {
  char text[THAW_UNITS_TEXT];
  thaw_write_duration(seconds, text);
  ck_assert_str_eq(text, expected);
}

START_TEST(both_are_written) {
  expect_written(0, "0 B");
  expect_written(1023, "1023 B");
  expect_written(1024, "1.0 KiB");
  expect_written(1610612736, "1.5 GiB");
  expect_written(UINT64_C(5) << 40, "5.0 TiB");
  expect_written(UINT64_C(5000) << 40, "5000.0 TiB");
  expect_age(-3, "0 s"); /* another machine's clock is ahead */
  expect_age(59.9, "59 s");
  expect_age(60, "1 min");
  expect_age(7199, "1 h");
  expect_age(86400 * 400.0, "400 d");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("units");
  TCase *tests = tcase_create("units");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, sizes_are_read);
  tcase_add_test(tests, times_are_read);
  tcase_add_test(tests, others_are_refused);
  tcase_add_test(tests, both_are_written);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
