/* Child processes: how they end, what they are given, and that they do not outlive their parent. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "base/process.h"

static thaw_context *ctx;
static FILE *out, *err, *kept;

static void set_up(void) {
  ctx = thaw_context_create();
  out = tmpfile();
  err = tmpfile();
  kept = tmpfile();
  fcntl(fileno(kept), F_SETFD, FD_CLOEXEC);
}

static void tear_down(void) {
  thaw_context_free(ctx);
  fclose(out);
  fclose(err);
  fclose(kept);
}

static void nap(void) {
  nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static thaw_process start(const char *program, const char *command,
                          const char *const *environment) {
  const char *const arguments[] = {"sh", "-c", command, NULL};
  const thaw_process_plan plan = {.program = program,
                                  .arguments = arguments,
                                  .environment = environment,
                                  .out = fileno(out),
                                  .err = fileno(err),
                                  .kept = fileno(kept)};
  thaw_process process;
  ck_assert_msg(thaw_process_start(ctx, &plan, &process) == THAW_OK, "%s", thaw_error(ctx));
  return process;
}

static int finish(thaw_process *process) {
  while (!thaw_process_over(process)) nap();
  ck_assert(thaw_process_over(process));
  return process->status;
}

static void expect_text(FILE *file, const char *expected) {
  char text[400] = "";
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  ck_assert_str_eq(text, expected);
}

START_TEST(a_child_says_how_it_ended) {
  thaw_process process = start("/bin/sh", "exit 7", NULL);
  ck_assert_int_eq(finish(&process), 7);
  process = start("/bin/sh", "kill -9 $$", NULL);
  ck_assert_int_eq(finish(&process), -SIGKILL);
  process = start("/bin/sh", "sleep 100", NULL);
  nap();
  ck_assert(!thaw_process_over(&process));
  thaw_process_signal(&process, SIGINT);
  ck_assert_int_eq(finish(&process), -SIGINT);
  thaw_process_signal(&process, SIGINT); /* it has ended: nothing is signalled */
  process = start("/nowhere/sh", "exit 0", NULL);
  ck_assert_int_eq(finish(&process), 127);
  expect_text(err, "thaw: error: the program could not be started\n");
}
END_TEST

START_TEST(a_child_has_what_it_is_given) {
  char command[200];
  setenv("GIVEN", "before", 1);
  setenv("GIVEN_TOO", "kept", 1);
  snprintf(command, sizeof command,
           "echo $GIVEN $GIVEN_TOO $NEW; echo message >&2; echo more >&%d; cat", fileno(kept));
  const char *const environment[] = {"GIVEN=after", "NEW=x", NULL};
  thaw_process process = start("/bin/sh", command, environment);
  ck_assert_int_eq(finish(&process), 0);
  expect_text(out, "after kept x\n");
  expect_text(err, "message\n");
  expect_text(kept, "more\n");
  ck_assert_str_eq(getenv("GIVEN"), "before");
}
END_TEST

START_TEST(a_child_is_in_a_group_of_its_own) {
  thaw_process process = start("/bin/sh", "sleep 100", NULL);
  while (getpgid(process.id) == getpgrp()) nap();
  ck_assert_int_eq(getpgid(process.id), process.id);
  thaw_process_signal(&process, SIGTERM);
  ck_assert_int_eq(finish(&process), -SIGTERM);
}
END_TEST

START_TEST(a_child_is_told_when_its_parent_is_killed) {
  const pid_t parent = fork();
  if (parent == 0) {
    start("/bin/sh", "trap 'echo told; exit' TERM; echo ready; while :; do sleep 0.05; done", NULL);
    for (;;) nap();
  }
  struct timespec napping = {.tv_nsec = 20000000};
  char text[100] = "";
  for (int i = 0; i < 500 && !strstr(text, "ready"); i++) {
    nanosleep(&napping, NULL);
    if (pread(fileno(out), text, sizeof text - 1, 0) < 0) break;
  }
  ck_assert_int_eq(kill(parent, SIGKILL), 0);
  ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
  for (int i = 0; i < 500 && !strstr(text, "told"); i++) {
    nanosleep(&napping, NULL);
    if (pread(fileno(out), text, sizeof text - 1, 0) < 0) break;
  }
  ck_assert_str_eq(text, "ready\ntold\n");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("process");
  TCase *tests = tcase_create("process");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_child_says_how_it_ended);
  tcase_add_test(tests, a_child_has_what_it_is_given);
  tcase_add_test(tests, a_child_is_in_a_group_of_its_own);
  tcase_add_test(tests, a_child_is_told_when_its_parent_is_killed);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
