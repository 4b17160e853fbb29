/* A text of any size is read in little memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fixture.h"

enum { TEXT_MB = 64, MOST_MB = 40, SKIPPED = 77 };

/* Sentences of words that are drawn from some ten thousand. */
static void write_text(const char *name, size_t bytes) {
  FILE *file = fopen(name, "w");
  thaw_rng rng = thaw_rng_make(1, 1);
  ck_assert_ptr_nonnull(file);
  for (size_t written = 0; written < bytes;) {
    for (uint64_t words = 5 + thaw_rng_below(&rng, 200); words > 0; words--) {
      const unsigned word = (unsigned)thaw_rng_below(&rng, 1 + thaw_rng_below(&rng, 20 * 20 * 26));
      written += (size_t)fprintf(file, "%c%c%c ", 'a' + word % 26, 'b' + word / 26 % 20,
                                 'c' + word / 520 % 20);
    }
    fputs(".\n", file);
  }
  ck_assert_int_eq(fclose(file), 0);
}

/* MB at most of any command so far. */
static long peak(void) {
  struct rusage usage;
  ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
  return usage.ru_maxrss >> 10;
}

static void expect_bounded(const char *command) {
  write_text("general.txt", 1 << 20);
  fixture_expect(0, command);
  const long small = peak();
  write_text("general.txt", (size_t)TEXT_MB << 20);
  fixture_expect(0, command);
  const long large = peak();
  ck_assert_msg(large - small <= MOST_MB,
                "%s: a text of %d MB took %ld MB more than one of 1 MB, which took %ld", command,
                TEXT_MB, large - small, small);
}

START_TEST(a_language_model_reads_a_large_text) {
  expect_bounded("plan experiment.yaml");
}
END_TEST

/* When all is read, and before anything is trained. */
START_TEST(no_space_for_a_large_text) {
  write_text("general.txt", (size_t)TEXT_MB << 18);
  fixture_result result = fixture_run_limited("run experiment.yaml -o new.h5", 6 << 20);
  ck_assert_msg(result.status == 1, "%s", result.err.data);
  ck_assert_msg(strstr(result.err.data, "cannot write the text's ids to a temporary file in cache"),
                "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "File too large"));
  fixture_free(&result);
}
END_TEST

int main(void) {
  if (FIXTURE_SANITIZED) {
    puts("skipped: a sanitizer's own memory is not bounded");
    return SKIPPED;
  }
  Suite *suite = suite_create("memory");
  TCase *tests = tcase_create("memory");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_test(tests, a_language_model_reads_a_large_text);
  tcase_add_test(tests, no_space_for_a_large_text);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
