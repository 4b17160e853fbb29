/* Progress lines, on a file and on a pseudo-terminal. */
#define _GNU_SOURCE /* posix_openpt */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"

static void sleep_ms(long milliseconds) {
  nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

START_TEST(a_file_gets_one_plain_line_at_the_end) {
  size_t size;
  FILE *file = tmpfile();
  thaw_progress *progress = thaw_progress_start(file, "pretrain", 4, "tokens");
  ck_assert_ptr_nonnull(progress);
  for (size_t i = 1; i <= 4; i++) {
    thaw_progress_update(progress, i, 100.0 * (double)i, "loss 3.2");
    sleep_ms(150);
  }
  thaw_progress_hide(progress);
  thaw_progress_end(progress, "loss 3.1");
  char line[200] = "";
  rewind(file);
  size = fread(line, 1, sizeof line - 1, file);
  line[size] = '\0';
  fclose(file);
  ck_assert_ptr_eq(strstr(line, "pretrain 100%"), line);
  ck_assert_ptr_nonnull(strstr(line, " tokens/s  "));
  ck_assert_ptr_nonnull(strstr(line, "s  loss 3.1\n"));
  ck_assert_ptr_eq(strchr(line, '\n'), line + size - 1);
  ck_assert_ptr_null(strchr(line, '\033'));
}
END_TEST

START_TEST(a_record_holds_the_present_line) {
  char name[] = "/tmp/thaw-progress-XXXXXX", record[2 * THAW_PROGRESS_RECORD] = "";
  const int reader = mkstemp(name);
  ck_assert_int_ge(reader, 0);
  setenv("THAW_PROGRESS_FILE", name, 1);
  FILE *file = tmpfile();
  thaw_progress *progress = thaw_progress_start(file, "pretrain", 4, "tokens");
  thaw_progress_update(progress, 1, 100, "a note, and a long one");
  ck_assert_int_eq(pread(reader, record, sizeof record, 0), THAW_PROGRESS_RECORD);
  ck_assert_ptr_eq(strstr(record, "pretrain  25%  a note, and a long one   "), record);
  ck_assert_int_eq(record[THAW_PROGRESS_RECORD - 1], '\n');
  thaw_progress_update(progress, 2, 200, "soon");
  ck_assert_int_eq(pread(reader, record, sizeof record, 0), THAW_PROGRESS_RECORD);
  ck_assert_ptr_nonnull(strstr(record, " 25%")); /* twice a second */
  sleep_ms(600);
  thaw_progress_update(progress, 3, 300, "b");
  ck_assert_int_eq(pread(reader, record, sizeof record, 0), THAW_PROGRESS_RECORD);
  ck_assert_ptr_nonnull(strstr(record, "pretrain  75%"));
  ck_assert_ptr_null(strstr(record, "note"));
  thaw_progress_end(progress, NULL);
  fclose(file);
  /* One that cannot be written is no reason to stop. */
  setenv("THAW_PROGRESS_FILE", "/nowhere/record", 1);
  progress = thaw_progress_start(stderr, "pretrain", 4, "tokens");
  thaw_progress_update(progress, 1, 100, NULL);
  thaw_progress_end(progress, NULL);
  unsetenv("THAW_PROGRESS_FILE");
  close(reader);
  unlink(name);
}
END_TEST

START_TEST(nothing_to_do_is_no_division_by_zero) {
  FILE *file = tmpfile();
  thaw_progress *progress = thaw_progress_start(file, "empty", 0, "tokens");
  thaw_progress_end(progress, NULL);
  char line[200] = "";
  rewind(file);
  ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
  fclose(file);
  ck_assert_ptr_eq(strstr(line, "empty 100%"), line);
}
END_TEST

START_TEST(no_progress_is_accepted) {
  thaw_progress_update(NULL, 1, 1, "x");
  thaw_progress_hide(NULL);
  thaw_progress_end(NULL, "x");
}
END_TEST

/* A terminal of `columns`; what is written to the returned stream can be read from *reader. */
static FILE *open_terminal(int *reader, unsigned short columns) {
  setenv("TERM", "xterm", 1);
  *reader = posix_openpt(O_RDWR | O_NOCTTY);
  ck_assert_int_ge(*reader, 0);
  ck_assert_int_eq(grantpt(*reader), 0);
  ck_assert_int_eq(unlockpt(*reader), 0);
  const int writer = open(ptsname(*reader), O_RDWR | O_NOCTTY);
  ck_assert_int_ge(writer, 0);
  struct winsize size = {.ws_row = 24, .ws_col = columns};
  ck_assert_int_eq(ioctl(writer, TIOCSWINSZ, &size), 0);
  return fdopen(writer, "w");
}

/* What was written since the last call. */
static size_t read_terminal(int reader, char *text, size_t size) {
  fcntl(reader, F_SETFL, O_NONBLOCK);
  ssize_t count = read(reader, text, size - 1);
  if (count < 0) count = 0;
  text[count] = '\0';
  return (size_t)count;
}

START_TEST(a_terminal_gets_a_bar_that_fits) {
  int reader;
  char text[1000];
  FILE *stream = open_terminal(&reader, 70);
  thaw_progress *progress = thaw_progress_start(stream, "classify", 10, "tokens");
  thaw_progress_update(progress, 5, 500,
                       "loss 1.234567890123 accuracy 0.123456789 rate 0.00123456789");
  const size_t size = read_terminal(reader, text, sizeof text);
  ck_assert_ptr_eq(strstr(text, "\r\033[Kclassify [==========>         ]  50%"), text);
  ck_assert_uint_eq(size, 4 + 69); /* one column stays free: a full line would wrap */
  /* Hidden for a log line, the bar is back at once. */
  thaw_progress_hide(progress);
  read_terminal(reader, text, sizeof text);
  ck_assert_str_eq(text, "\r\033[K");
  sleep_ms(600);
  thaw_progress_update(progress, 7, 700, "n");
  read_terminal(reader, text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, " 70%"));
  ck_assert_ptr_nonnull(strstr(text, " left  n"));
  thaw_progress_end(progress, "done");
  read_terminal(reader, text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "done\r\n"));
  fclose(stream);
  close(reader);
}
END_TEST

START_TEST(a_terminal_is_not_flooded) {
  int reader;
  static char text[100000];
  FILE *stream = open_terminal(&reader, 80);
  thaw_progress *progress = thaw_progress_start(stream, "finetune", 1000, "tokens");
  for (size_t i = 1; i <= 300; i++) {
    thaw_progress_update(progress, i, (double)i, "x");
    sleep_ms(1);
  }
  read_terminal(reader, text, sizeof text);
  int lines = 0;
  for (const char *c = text; (c = strchr(c, '\r')); c++) lines++;
  ck_assert_int_ge(lines, 2);
  ck_assert_int_le(lines, 40); /* ten a second, and the machine may be slow */
  thaw_progress_end(progress, NULL);
  fclose(stream);
  close(reader);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("progress");
  TCase *tests = tcase_create("progress");
  tcase_add_test(tests, a_file_gets_one_plain_line_at_the_end);
  tcase_add_test(tests, a_record_holds_the_present_line);
  tcase_add_test(tests, nothing_to_do_is_no_division_by_zero);
  tcase_add_test(tests, no_progress_is_accepted);
  tcase_add_test(tests, a_terminal_gets_a_bar_that_fits);
  tcase_add_test(tests, a_terminal_is_not_flooded);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
