/* Finding and loading plugins, and every way in which that goes wrong. The broken ones are built
 * beside this test; each test collects what it needs in a folder of its own. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "plugin/loader.h"
#include "plugin/registry.h"

static thaw_context *ctx;
static thaw_registry *registry;
static char folder[] = "/tmp/thaw-test-XXXXXX";
static thaw_buffer warnings; /* every logged line, with its newline */

static void keep_line(void *user, thaw_log_level level, const char *line) {
  (void)user;
  ck_assert_int_eq(level, THAW_LOG_WARNING);
  thaw_buffer_format(&warnings, "%s\n", line);
}

static void set_up(void) {
  ctx = thaw_context_create();
  thaw_context_log_to(ctx, keep_line, NULL);
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
}

static void tear_down(void) {
  thaw_registry_free(registry);
  registry = NULL;
  thaw_context_free(ctx);
  thaw_buffer_free(&warnings);
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  ck_assert_int_eq(system(command), 0);
}

/* Puts a built plugin into a folder of this test, under its own or another name. */
static void put(const char *built, const char *into, const char *name) {
  char from[4096], command[9000];
  snprintf(from, sizeof from, "%s/%s.libs/%s.so", getenv("THAW_BUILD"),
           strncmp(built, "broken", 6) == 0 ? "tests/plugin/" : "", built);
  snprintf(command, sizeof command, "mkdir -p %s && cp '%s' %s/%s", into, from, into, name);
  ck_assert_msg(system(command) == 0, "%s", command);
}

static void open_registry(const char *given, const char *environment) {
  ck_assert_int_eq(setenv("THAW_PLUGIN_PATH", environment, 1), 0);
  registry = thaw_registry_create(given);
  ck_assert_ptr_nonnull(registry);
}

static const thaw_plugin *find(thaw_plugin_kind kind, const char *name) {
  const thaw_plugin *plugin;
  ck_assert_msg(thaw_registry_find(registry, ctx, kind, name, &plugin) == THAW_OK, "%s",
                thaw_error(ctx));
  ck_assert_ptr_nonnull(plugin);
  return plugin;
}

static void expect_failure(const char *name, const char *message) {
  const thaw_plugin *plugin;
  ck_assert_int_eq(thaw_registry_find(registry, ctx, THAW_SCHEDULE, name, &plugin), THAW_INVALID);
  ck_assert_ptr_null(plugin);
  ck_assert_msg(strncmp(thaw_error(ctx), message, strlen(message)) == 0,
                "expected: %s\nfound:    %s", message, thaw_error(ctx));
}

START_TEST(a_plugin_is_found_by_name_and_by_path) {
  put("constant", "a", "constant.so");
  open_registry("a", "");
  const thaw_plugin *plugin = find(THAW_SCHEDULE, "constant");
  ck_assert_str_eq(plugin->path, "a/constant.so");
  ck_assert_str_eq(plugin->descriptor->name, "constant");
  ck_assert_ptr_eq(find(THAW_SCHEDULE, "constant"), plugin);
  const thaw_plugin *by_path = find(THAW_SCHEDULE, "a/constant.so");
  ck_assert_ptr_eq(by_path->descriptor, plugin->descriptor);
  ck_assert_int_eq(chdir("a"), 0);
  ck_assert_ptr_eq(find(THAW_SCHEDULE, "constant.so"), by_path);
  ck_assert_ptr_eq(find(THAW_SCHEDULE, "./constant.so"), by_path);
}
END_TEST

START_TEST(folders_are_searched_in_order) {
  put("broken_twin", "a", "mine.so");
  put("constant", "b", "constant.so");
  put("stlr", "b", "stlr.so");
  open_registry("nowhere::a", "b:a");
  ck_assert_str_eq(find(THAW_SCHEDULE, "constant")->path, "a/mine.so");
  ck_assert_str_eq(find(THAW_SCHEDULE, "stlr")->path, "b/stlr.so");
  const thaw_plugin *const *all;
  size_t count;
  ck_assert_int_eq(thaw_registry_all(registry, ctx, &all, &count), THAW_OK);
  ck_assert_uint_ge(count, 2); /* the installed folder may have more */
  ck_assert_str_eq(warnings.data, "plugin folder nowhere is not there\n");
}
END_TEST

START_TEST(all_are_listed_by_kind_and_name_and_the_bad_are_logged) {
  put("stlr", "a", "stlr.so");
  put("constant", "a", "constant.so");
  put("broken_abi", "a", "broken_abi.so");
  put("broken_crash", "a", "broken_crash.so");
  put("broken_symbol", "a", "broken_symbol.so");
  put("constant", "a", "ignored.so.1");
  ck_assert_int_eq(system("echo text > a/text.so; mkdir a/d.so; ln -s gone a/link.so"), 0);
  open_registry("a", "");
  for (int round = 0; round < 2; round++) {
    const thaw_plugin *const *all;
    size_t count, found = 0;
    thaw_buffer_clear(&warnings);
    ck_assert_int_eq(thaw_registry_all(registry, ctx, &all, &count), THAW_OK);
    for (size_t i = 0; i < count; i++) {
      if (i > 0) {
        const thaw_plugin_descriptor *x = all[i - 1]->descriptor, *y = all[i]->descriptor;
        ck_assert(x->kind < y->kind || (x->kind == y->kind && strcmp(x->name, y->name) < 0));
      }
      found += strncmp(all[i]->path, "a/", 2) == 0;
    }
    ck_assert_uint_eq(found, 2);
    ck_assert_str_eq(warnings.data,
                     "plugin a/broken_abi.so is not usable: it was built for plugin ABI 4711, this "
                     "thaw has ABI 2: build it again with the headers of this thaw\n"
                     "plugin a/broken_crash.so crashes while it is loaded (SIGSEGV, Segmentation "
                     "fault)\n");
  }
  ck_assert_str_eq(find(THAW_SCHEDULE, "constant")->path, "a/constant.so");
}
END_TEST

START_TEST(an_unknown_name_gets_the_nearest_and_the_folders) {
  put("constant", "a", "constant.so");
  open_registry("a:nowhere", "");
  expect_failure("contsant",
                 "there is no schedule plugin called 'contsant' (did you mean 'constant'?); "
                 "searched: a, nowhere (not there), ");
  expect_failure("", "there is no schedule plugin called ''; searched: a, ");
}
END_TEST

START_TEST(another_kind_is_named) {
  put("constant", "a", "constant.so");
  open_registry("a", "");
  const thaw_plugin *plugin;
  ck_assert_int_eq(thaw_registry_find(registry, ctx, THAW_HEAD, "constant", &plugin), THAW_INVALID);
  const char *message = "plugin constant (a/constant.so) is of the kind schedule, expected: head";
  ck_assert_str_eq(thaw_error(ctx), message);
  ck_assert_int_eq(thaw_registry_find(registry, ctx, THAW_HEAD, "a/constant.so", &plugin),
                   THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), message);
}
END_TEST

START_TEST(two_of_one_name_in_a_folder_are_refused) {
  put("broken_twin", "a", "also.so");
  put("broken_twin", "a", "mine.so");
  open_registry("a", "");
  expect_failure("constant",
                 "there are two schedule plugins called 'constant': a/also.so and a/mine.so");
  const thaw_plugin *const *all;
  size_t count;
  ck_assert_int_eq(thaw_registry_all(registry, ctx, &all, &count), THAW_OK);
  for (size_t i = 0; i < count; i++) ck_assert(strncmp(all[i]->path, "a/", 2) != 0);
  ck_assert_str_eq(warnings.data,
                   "there are two schedule plugins called 'constant': a/also.so and a/mine.so\n");
}
END_TEST

START_TEST(the_file_of_the_name_comes_before_others) {
  put("broken_twin", "a", "also.so");
  put("constant", "a", "constant.so");
  put("broken_crash", "a", "broken_crash.so");
  open_registry("a", "");
  const thaw_plugin *found = find(THAW_SCHEDULE, "constant");
  ck_assert_str_eq(found->path, "a/constant.so");
  /* No other file was looked at; once all have been, it is the same. */
  const thaw_plugin *const *all;
  size_t count, places = 0;
  ck_assert_ptr_null(warnings.data);
  ck_assert_int_eq(thaw_registry_all(registry, ctx, &all, &count), THAW_OK);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(all[i]->descriptor->name, "constant") == 0) places++;
    if (strncmp(all[i]->path, "a/", 2) == 0) ck_assert_ptr_eq(all[i], found);
  }
  ck_assert_uint_eq(places, 1);
  ck_assert_ptr_nonnull(
      strstr(warnings.data, "two schedule plugins called 'constant': a/also.so and a/constant.so"));
}
END_TEST

START_TEST(two_links_to_one_file_are_one_plugin) {
  put("constant", "a", "constant.so");
  ck_assert_int_eq(symlink("constant.so", "a/again.so"), 0);
  open_registry("a", "");
  ck_assert_str_eq(find(THAW_SCHEDULE, "constant")->descriptor->name, "constant");
  const thaw_plugin *const *all;
  size_t count;
  ck_assert_int_eq(thaw_registry_all(registry, ctx, &all, &count), THAW_OK);
  ck_assert_uint_eq(warnings.size, 0);
}
END_TEST

/* The broken plugins and what is said of them when they are asked for by name or by path. */
static const struct {
  const char *file, *message;
} broken[] = {
    {"broken_abi",
     "plugin a/broken_abi.so is not usable: it was built for plugin ABI 4711, this thaw has ABI 2: "
     "build it again with the headers of this thaw"},
    {"broken_minor",
     "plugin a/broken_minor.so is not usable: it was built for plugin ABI 2.65535, this thaw is "
     "older and has ABI 2."},
    {"broken_kind", "plugin a/broken_kind.so is not usable: there is no plugin kind 9"},
    {"broken_symbol",
     "a/broken_symbol.so is no thaw plugin: it does not export the symbol 'thaw_plugin'"},
    {"broken_crash",
     "plugin a/broken_crash.so crashes while it is loaded (SIGSEGV, Segmentation fault)"},
    {"broken_exit", "plugin a/broken_exit.so ends the process with status 5 while it is loaded"},
    {"broken_undefined", "plugin a/broken_undefined.so cannot be loaded: "},
    {"broken_table",
     "plugin a/broken_table.so is not usable: plugin broken_table, parameter 'width', its default "
     "'0': 0 is out of range: expected 1 to 10"},
};

START_TEST(a_broken_plugin_is_an_error_that_names_the_file) {
  char file[100], path[110];
  snprintf(file, sizeof file, "%s.so", broken[_i].file);
  snprintf(path, sizeof path, "a/%s", file);
  put(broken[_i].file, "a", file);
  put("constant", "a", "constant.so");
  open_registry("a", "");
  expect_failure(path, broken[_i].message);
  expect_failure(path, broken[_i].message); /* the second time from memory */
  if (strcmp(broken[_i].file, "broken_symbol") != 0)
    expect_failure(broken[_i].file, broken[_i].message);
  /* Its neighbour is none the worse for it. */
  ck_assert_str_eq(find(THAW_SCHEDULE, "constant")->path, "a/constant.so");
}
END_TEST

START_TEST(the_message_of_a_missing_function_names_it) {
  put("broken_undefined", "a", "broken_undefined.so");
  open_registry("a", "");
  expect_failure("broken_undefined", "plugin a/broken_undefined.so cannot be loaded: ");
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "nobody_has_this"));
}
END_TEST

static uint32_t abi(uint32_t major, uint32_t minor) {
  return minor << 16 | major;
}

START_TEST(an_older_minor_abi_is_loaded_and_a_newer_one_refused) {
  ck_assert_int_eq(thaw_abi_check(ctx, 2, abi(2, 0)), THAW_OK);
  ck_assert_int_eq(thaw_abi_check(ctx, 2, abi(2, 7)), THAW_OK);
  ck_assert_int_eq(thaw_abi_check(ctx, abi(2, 7), abi(2, 7)), THAW_OK);
  ck_assert_int_eq(thaw_abi_check(ctx, abi(2, 8), abi(2, 7)), THAW_INVALID);
  ck_assert_str_eq(
      thaw_error(ctx),
      "it was built for plugin ABI 2.8, this thaw is older and has ABI 2.7: use a newer "
      "thaw, or build it again with the headers of this one");
  ck_assert_int_eq(thaw_abi_check(ctx, abi(1, 7), abi(2, 7)), THAW_INVALID);
  ck_assert_int_eq(thaw_abi_check(ctx, abi(3, 0), abi(2, 7)), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "it was built for plugin ABI 3, this thaw has ABI 2: build it again with the "
                   "headers of this thaw");
}
END_TEST

START_TEST(files_that_are_no_libraries_are_refused) {
  put("constant", "a", "cut.so");
  ck_assert_int_eq(truncate("a/cut.so", 3000), 0);
  ck_assert_int_eq(system("echo text > a/text.so; : > a/empty.so; mkdir a/d.so"), 0);
  open_registry("a", "");
  /* Loading half a library may well crash the loader. */
  expect_failure("a/cut.so", "plugin a/cut.so c");
  expect_failure("a/text.so", "plugin a/text.so cannot be loaded: ");
  expect_failure("a/empty.so", "plugin a/empty.so cannot be loaded: ");
  expect_failure("a/d.so", "plugin a/d.so cannot be loaded: ");
  expect_failure("a/none.so", "plugin a/none.so cannot be opened: No such file or directory");
  expect_failure("text", "a/text.so is no thaw plugin: it does not export the symbol");
}
END_TEST

START_TEST(a_hanging_plugin_is_given_up) {
  put("broken_hang", "a", "broken_hang.so");
  const char *path = "a/broken_hang.so";
  ck_assert_int_eq(thaw_module_probe(ctx, &path, 1, 0.2), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "plugin a/broken_hang.so hangs: it was not loaded within 0.2 seconds");
}
END_TEST

START_TEST(an_interrupt_ends_the_probe) {
  put("broken_hang", "a", "broken_hang.so");
  atomic_bool flag = true;
  thaw_context_watch(ctx, &flag);
  open_registry("a", "");
  const thaw_plugin *plugin;
  ck_assert_int_eq(thaw_registry_find(registry, ctx, THAW_SCHEDULE, "broken_hang", &plugin),
                   THAW_INTERRUPTED);
}
END_TEST

START_TEST(a_program_that_ignores_its_children_can_load) {
  put("constant", "a", "constant.so");
  signal(SIGCHLD, SIG_IGN);
  open_registry("a", "");
  find(THAW_SCHEDULE, "constant");
  signal(SIGCHLD, SIG_DFL);
}
END_TEST

START_TEST(two_registries_live_side_by_side) {
  put("constant", "a", "constant.so");
  open_registry("a", "");
  thaw_registry *second = thaw_registry_create("a");
  const thaw_plugin *mine = find(THAW_SCHEDULE, "constant"), *theirs;
  ck_assert(thaw_module_is_loaded("a/constant.so"));
  ck_assert_int_eq(thaw_registry_find(second, ctx, THAW_SCHEDULE, "constant", &theirs), THAW_OK);
  thaw_registry_free(second);
  const thaw_moment moment = {.steps = 1, .epochs = 1, .groups = 1};
  const double factor = 3;
  ck_assert_double_eq(mine->descriptor->api.schedule->multiplier(&factor, &moment), 3);
}
END_TEST

START_TEST(a_users_own_folder_comes_after_the_named_and_before_the_installed) {
  char own[200];
  snprintf(own, sizeof own, "%s/data/thaw/plugins/constant.so", folder);
  put("constant", "data/thaw/plugins", "constant.so");
  put("stlr", "data/thaw/plugins", "stlr.so");
  put("stlr", "named", "stlr.so");
  ck_assert_int_eq(setenv("XDG_DATA_HOME", "data", 1), 0); /* not absolute: as if it were not set */
  ck_assert_int_eq(setenv("HOME", "/nowhere", 1), 0);
  open_registry(NULL, "named");
  expect_failure("other",
                 "there is no schedule plugin called 'other'; searched: named, "
                 "/nowhere/.local/share/thaw/plugins (not there), ");
  thaw_registry_free(registry);
  snprintf(own, sizeof own, "%s/data", folder);
  ck_assert_int_eq(setenv("XDG_DATA_HOME", own, 1), 0);
  open_registry(NULL, "named");
  snprintf(own, sizeof own, "%s/data/thaw/plugins/constant.so", folder);
  ck_assert_str_eq(find(THAW_SCHEDULE, "constant")->path, own);
  ck_assert_str_eq(find(THAW_SCHEDULE, "stlr")->path, "named/stlr.so");
}
END_TEST

static void expect_installed(const char *library, const char *expected) {
  char *found = thaw_plugin_folder_of(library);
  ck_assert_ptr_nonnull(found);
  ck_assert_str_eq(found, expected);
  free(found);
}

START_TEST(the_installed_folder_lies_beside_the_library) {
  char *configured = thaw_plugin_folder_of(NULL);
  ck_assert_int_eq(configured[0], '/');
  ck_assert_int_eq(system("mkdir -p tree/lib/thaw links other && touch tree/lib/libthaw.so.0.0.0 "
                          "other/libthaw.so && ln -s ../tree/lib/libthaw.so.0.0.0 links/so.0"),
                   0);
  char beside[200];
  snprintf(beside, sizeof beside, "%s/tree/lib/thaw", folder);
  expect_installed("tree/lib/libthaw.so.0.0.0", beside);
  expect_installed("links/so.0", beside);
  expect_installed("other/libthaw.so", configured);
  ck_assert_int_eq(system("touch other/thaw"), 0); /* a build tree has the program there */
  expect_installed("other/libthaw.so", configured);
  expect_installed("gone/libthaw.so", configured);
  free(configured);
}
END_TEST

START_TEST(nothing_is_written_and_no_environment_is_needed) {
  unsetenv("THAW_PLUGIN_PATH");
  unsetenv("XDG_DATA_HOME");
  unsetenv("HOME");
  registry = thaw_registry_create(NULL);
  expect_failure("no_such_plugin", "there is no schedule plugin called 'no_such_plugin'");
  thaw_registry_free(NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("registry");
  TCase *tests = tcase_create("registry");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, a_plugin_is_found_by_name_and_by_path);
  tcase_add_test(tests, folders_are_searched_in_order);
  tcase_add_test(tests, all_are_listed_by_kind_and_name_and_the_bad_are_logged);
  tcase_add_test(tests, an_unknown_name_gets_the_nearest_and_the_folders);
  tcase_add_test(tests, another_kind_is_named);
  tcase_add_test(tests, two_of_one_name_in_a_folder_are_refused);
  tcase_add_test(tests, the_file_of_the_name_comes_before_others);
  tcase_add_test(tests, two_links_to_one_file_are_one_plugin);
  tcase_add_loop_test(tests, a_broken_plugin_is_an_error_that_names_the_file, 0,
                      sizeof broken / sizeof *broken);
  tcase_add_test(tests, the_message_of_a_missing_function_names_it);
  tcase_add_test(tests, an_older_minor_abi_is_loaded_and_a_newer_one_refused);
  tcase_add_test(tests, files_that_are_no_libraries_are_refused);
  tcase_add_test(tests, a_hanging_plugin_is_given_up);
  tcase_add_test(tests, an_interrupt_ends_the_probe);
  tcase_add_test(tests, a_program_that_ignores_its_children_can_load);
  tcase_add_test(tests, two_registries_live_side_by_side);
  tcase_add_test(tests, a_users_own_folder_comes_after_the_named_and_before_the_installed);
  tcase_add_test(tests, the_installed_folder_lies_beside_the_library);
  tcase_add_test(tests, nothing_is_written_and_no_environment_is_needed);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
