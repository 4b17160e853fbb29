/* Messages, positions, log lines and interrupts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

static thaw_context *ctx;

static void set_up(void) {
  ctx = thaw_context_create();
  ck_assert_ptr_nonnull(ctx);
}

static void tear_down(void) {
  thaw_context_free(ctx);
}

START_TEST(a_new_context_has_no_error) {
  ck_assert_str_eq(thaw_error(ctx), "");
}
END_TEST

START_TEST(a_failure_keeps_its_status_and_message) {
  ck_assert_int_eq(thaw_fail(ctx, THAW_INVALID, "width %d is odd", 3), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "width 3 is odd");
  thaw_error_clear(ctx);
  ck_assert_str_eq(thaw_error(ctx), "");
}
END_TEST

START_TEST(the_old_message_may_be_part_of_the_new_one) {
  thaw_fail(ctx, THAW_FAILED, "inner");
  thaw_fail(ctx, THAW_FAILED, "outer (%s)", thaw_error(ctx));
  ck_assert_str_eq(thaw_error(ctx), "outer (inner)");
  ck_assert_int_eq(thaw_explain(ctx, THAW_INVALID, "after %s", thaw_error(ctx)), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "after outer (inner): outer (inner)");
}
END_TEST

START_TEST(explanations_stand_before_the_message) {
  thaw_fail(ctx, THAW_FAILED, "no such file");
  thaw_explain(ctx, THAW_FAILED, "opening %s", "a.csv");
  thaw_explain(ctx, THAW_FAILED, "reading data.target");
  ck_assert_str_eq(thaw_error(ctx), "reading data.target: opening a.csv: no such file");
}
END_TEST

START_TEST(positions_are_written_as_compilers_do) {
  ck_assert_int_eq(thaw_fail_at(ctx, "a.yaml", 3, 7, "unknown key '%s'", "sede"), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "a.yaml:3:7: unknown key 'sede'");
  thaw_fail_at(ctx, "a.csv", 12, 0, "a cell is missing");
  ck_assert_str_eq(thaw_error(ctx), "a.csv:12: a cell is missing");
  thaw_fail_at(ctx, "a.csv", 0, 0, "empty");
  ck_assert_str_eq(thaw_error(ctx), "a.csv: empty");
}
END_TEST

START_TEST(long_messages_are_kept_whole) {
  char *text = malloc(100001);
  memset(text, 'x', 100000);
  text[100000] = '\0';
  thaw_fail(ctx, THAW_FAILED, "%s", text);
  ck_assert_str_eq(thaw_error(ctx), text);
  thaw_explain(ctx, THAW_FAILED, "%s", text);
  ck_assert_uint_eq(strlen(thaw_error(ctx)), 200002);
  free(text);
}
END_TEST

START_TEST(missing_memory_is_named_without_memory) {
  thaw_fail(ctx, THAW_INVALID, "before");
  ck_assert_int_eq(thaw_fail_memory(ctx, 123), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx), "out of memory: 123 bytes could not be allocated");
  thaw_explain(ctx, THAW_FAILED, "reading");
  ck_assert_str_eq(thaw_error(ctx), "reading: out of memory: 123 bytes could not be allocated");
}
END_TEST

typedef struct heard {
  thaw_log_level level;
  char line[100];
  int count;
} heard;

static void hear(void *user, thaw_log_level level, const char *line) {
  heard *h = user;
  h->level = level;
  h->count++;
  snprintf(h->line, sizeof h->line, "%s", line);
}

START_TEST(log_lines_reach_the_sink) {
  heard h = {0};
  thaw_log(ctx, THAW_LOG_WARNING, "nobody listens");
  thaw_context_log_to(ctx, hear, &h);
  thaw_log(ctx, THAW_LOG_WARNING, "%d words", 7);
  ck_assert_int_eq(h.count, 1);
  ck_assert_int_eq(h.level, THAW_LOG_WARNING);
  ck_assert_str_eq(h.line, "7 words");
}
END_TEST

START_TEST(the_flag_interrupts) {
  atomic_bool flag = false;
  ck_assert(!thaw_interrupted(ctx));
  thaw_context_watch(ctx, &flag);
  ck_assert(!thaw_interrupted(ctx));
  atomic_store(&flag, true);
  ck_assert(thaw_interrupted(ctx));
  thaw_context_watch(ctx, NULL);
  ck_assert(!thaw_interrupted(ctx));
}
END_TEST

START_TEST(no_context_is_accepted) {
  ck_assert_int_eq(thaw_fail(NULL, THAW_INVALID, "x"), THAW_INVALID);
  ck_assert_int_eq(thaw_explain(NULL, THAW_FAILED, "x"), THAW_FAILED);
  ck_assert_int_eq(thaw_fail_at(NULL, "f", 1, 1, "x"), THAW_INVALID);
  ck_assert_int_eq(thaw_fail_memory(NULL, 1), THAW_FAILED);
  ck_assert_str_eq(thaw_error(NULL), "");
  thaw_log(NULL, THAW_LOG_INFO, "x");
  ck_assert(!thaw_interrupted(NULL));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("context");
  TCase *tests = tcase_create("context");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_new_context_has_no_error);
  tcase_add_test(tests, a_failure_keeps_its_status_and_message);
  tcase_add_test(tests, the_old_message_may_be_part_of_the_new_one);
  tcase_add_test(tests, explanations_stand_before_the_message);
  tcase_add_test(tests, positions_are_written_as_compilers_do);
  tcase_add_test(tests, long_messages_are_kept_whole);
  tcase_add_test(tests, missing_memory_is_named_without_memory);
  tcase_add_test(tests, log_lines_reach_the_sink);
  tcase_add_test(tests, the_flag_interrupts);
  tcase_add_test(tests, no_context_is_accepted);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
