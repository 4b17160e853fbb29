/* What a run remembers of its surroundings. */
#include <check.h>
#include <config.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "sample.h"
#include "store/environment.h"

static const char *find(const thaw_text_pair *pairs, size_t count, const char *key) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(pairs[i].key, key) == 0) return pairs[i].value;
  }
  ck_abort_msg("the environment has no '%s'", key);
  return NULL;
}

START_TEST(versions_machine_and_threads) {
  static const char *const keys[] = {"compiler", "openblas",     "loops", "processor",
                                     "system",   "hdf5_version", "cores"};
  thaw_context *ctx = thaw_context_create();
  thaw_arena *arena = thaw_arena_create();
  const thaw_text_pair *pairs = NULL;
  size_t count = 0;
  ck_assert_int_eq(thaw_environment(ctx, arena, 3, &pairs, &count), THAW_OK);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    ck_assert_msg(*find(pairs, count, keys[i]) != '\0', "%s is empty", keys[i]);
  }
  ck_assert_str_eq(find(pairs, count, "thaw_version"), PACKAGE_VERSION);
  ck_assert_str_eq(find(pairs, count, "threads"), "3");
  ck_assert_int_ge(atoi(find(pairs, count, "cores")), 1);
  const char *started = find(pairs, count, "started"), pattern[] = "dddd-dd-ddTdd:dd:ddZ";
  ck_assert_uint_eq(strlen(started), strlen(pattern));
  for (size_t i = 0; pattern[i]; i++) {
    const bool digit = started[i] >= '0' && started[i] <= '9';
    ck_assert_msg(pattern[i] == 'd' ? digit : started[i] == pattern[i], "%s", started);
  }
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}
END_TEST

START_TEST(all_of_it_comes_back_from_a_run_file) {
  thaw_context *ctx = thaw_context_create();
  thaw_arena *arena = thaw_arena_create();
  char *folder = sample_folder(), *path = thaw_path_join(folder, "run.h5");
  thaw_run_content content = {.complete = true};
  ck_assert_int_eq(
      thaw_environment(ctx, arena, 1, &content.environment, &content.environment_count), THAW_OK);
  ck_assert_msg(thaw_run_write(ctx, path, &content) == THAW_OK, "%s", thaw_error(ctx));
  thaw_run_file *run;
  ck_assert_msg(thaw_run_open(ctx, path, &run) == THAW_OK, "%s", thaw_error(ctx));
  for (size_t i = 0; i < content.environment_count; i++) {
    char *part = thaw_path_join("environment", content.environment[i].key), *text = NULL;
    ck_assert_msg(thaw_run_text(ctx, run, part, &text) == THAW_OK, "%s", thaw_error(ctx));
    ck_assert_str_eq(text, content.environment[i].value);
    free(text);
    free(part);
  }
  thaw_run_close(run);
  free(path);
  sample_remove(folder);
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("environment");
  TCase *tests = tcase_create("environment");
  tcase_add_test(tests, versions_machine_and_threads);
  tcase_add_test(tests, all_of_it_comes_back_from_a_run_file);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
