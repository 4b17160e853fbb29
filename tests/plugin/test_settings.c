/* Texts into settings and back, and everything that can be wrong with a descriptor. */
#include <check.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "plugin/loader.h"
#include "plugin/settings.h"

typedef struct settings {
  bool tie;
  int64_t hidden;
  double p;
  const char *path;
  const char *mode;
  thaw_ints widths;
  thaw_reals dropout;
  thaw_texts parts;
  thaw_ints layers;
} settings;

static const char *const modes[] = {"last", "first", NULL};
static const char *const parts[] = {"last", "max", "mean", NULL};

#define ROW(member, kind, standard, least, most, what)                          \
  {                                                                             \
    .name = #member, .type = kind, .offset = offsetof(settings, member),        \
    .default_value = standard, .minimum = least, .maximum = most, .unit = what, \
    .doc = "What it is."                                                        \
  }

static const thaw_param_spec table[] = {ROW(tie, THAW_PARAM_BOOL, "true", 0, 0, ""),
                                        ROW(hidden, THAW_PARAM_INT, "1152", 1, 100000, "units"),
                                        ROW(p, THAW_PARAM_REAL, "1e-3", 0, 1, ""),
                                        ROW(path, THAW_PARAM_TEXT, "", 0, 0, ""),
                                        {.name = "mode",
                                         .type = THAW_PARAM_CHOICE,
                                         .offset = offsetof(settings, mode),
                                         .default_value = "last",
                                         .unit = "",
                                         .doc = "Which.",
                                         .choices = modes},
                                        ROW(widths, THAW_PARAM_INTS, "[50, 20]", 1, 1e300, ""),
                                        ROW(dropout, THAW_PARAM_REALS, "[ 0.4,0.1 ]", 0, 1, ""),
                                        {.name = "parts",
                                         .type = THAW_PARAM_CHOICES,
                                         .offset = offsetof(settings, parts),
                                         .default_value = "[last, max, mean]",
                                         .unit = "",
                                         .doc = "Which.",
                                         .choices = parts},
                                        ROW(layers, THAW_PARAM_LAYERS, "[last]", 0, 0, ""),
                                        {.name = NULL}};

static double one(const void *self, const thaw_moment *moment) {
  (void)self, (void)moment;
  return 1;
}
static const thaw_schedule api = {.multiplier = one};

static thaw_context *ctx;
static thaw_arena *arena;
static thaw_plugin_descriptor plugin;
static settings *s;

static void set_up(void) {
  ctx = thaw_context_create();
  arena = thaw_arena_create();
  plugin = (thaw_plugin_descriptor){.abi = THAW_PLUGIN_ABI,
                                    .kind = THAW_SCHEDULE,
                                    .name = "test",
                                    .version = "1",
                                    .summary = "A test",
                                    .settings_size = sizeof(settings),
                                    .params = table,
                                    .api.schedule = &api};
  void *created;
  ck_assert_msg(thaw_settings_create(ctx, arena, &plugin, &created) == THAW_OK, "%s",
                thaw_error(ctx));
  s = created;
}

static void tear_down(void) {
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}

/* Sets a scalar. */
static thaw_status set(const char *name, const char *text) {
  const thaw_value value = {.count = 1, .texts = &text};
  return thaw_settings_set(ctx, arena, thaw_param_find(table, name), s, &value);
}

/* Sets a list of at most two texts; NULL ends it. */
static thaw_status set_list(const char *name, const char *first, const char *second) {
  const char *const texts[] = {first, second};
  const thaw_value value = {
      .is_list = true, .count = (size_t)(first != NULL) + (second != NULL), .texts = texts};
  return thaw_settings_set(ctx, arena, thaw_param_find(table, name), s, &value);
}

static void expect_written(const char *name, const char *text) {
  thaw_buffer out = {0};
  ck_assert_int_eq(thaw_settings_write(ctx, thaw_param_find(table, name), s, &out), THAW_OK);
  ck_assert_str_eq(out.data, text);
  thaw_buffer_free(&out);
}

static void expect_refused(thaw_status status, const char *message) {
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), message);
}

START_TEST(defaults_are_filled_in) {
  ck_assert(s->tie);
  ck_assert_int_eq(s->hidden, 1152);
  ck_assert_double_eq(s->p, 0.001);
  ck_assert_str_eq(s->path, "");
  ck_assert_ptr_eq(s->mode, modes[0]);
  ck_assert(s->widths.count == 2 && s->widths.values[0] == 50 && s->widths.values[1] == 20);
  ck_assert(s->dropout.count == 2 && s->dropout.values[1] == 0.1);
  ck_assert(s->parts.count == 3);
  ck_assert_ptr_eq(s->parts.values[2], parts[2]);
  ck_assert(s->layers.count == 1 && s->layers.values[0] == -1);
}
END_TEST

START_TEST(values_are_written_as_in_yaml) {
  expect_written("tie", "true");
  expect_written("hidden", "1152");
  expect_written("p", "0.001");
  expect_written("path", "\"\"");
  expect_written("mode", "last");
  expect_written("widths", "[50, 20]");
  expect_written("dropout", "[0.4, 0.1]");
  expect_written("parts", "[last, max, mean]");
  expect_written("layers", "[last]");
  ck_assert_int_eq(set_list("widths", NULL, NULL), THAW_OK);
  expect_written("widths", "[]");
  ck_assert_int_eq(set_list("layers", "0", "last"), THAW_OK);
  expect_written("layers", "[0, last]");
  ck_assert_int_eq(set("layers", "all"), THAW_OK);
  ck_assert_uint_eq(s->layers.count, 0);
  expect_written("layers", "all");
  ck_assert_int_eq(set("layers", "last"), THAW_OK);
  expect_written("layers", "[last]");
  ck_assert_int_eq(set("p", "0.1"), THAW_OK);
  expect_written("p", "0.1");
  ck_assert_int_eq(set("p", "0.30000000000000004"), THAW_OK);
  expect_written("p", "0.30000000000000004");
  ck_assert_int_eq(set("p", "1"), THAW_OK);
  expect_written("p", "1");
  ck_assert_int_eq(set("path", "a: \"b\"\n"), THAW_OK);
  expect_written("path", "\"a: \\\"b\\\"\\x0a\"");
  ck_assert_int_eq(set("path", "../data/x-1.txt"), THAW_OK);
  expect_written("path", "\"../data/x-1.txt\"");
}
END_TEST

START_TEST(a_scalar_is_a_list_of_one) {
  ck_assert_int_eq(set("parts", "max"), THAW_OK);
  expect_written("parts", "[max]");
  ck_assert_int_eq(set("widths", "7"), THAW_OK);
  expect_written("widths", "[7]");
}
END_TEST

START_TEST(copies_are_apart) {
  settings *copy = thaw_settings_copy(arena, &plugin, s);
  ck_assert_int_eq(set("hidden", "5"), THAW_OK);
  ck_assert_int_eq(set("widths", "7"), THAW_OK);
  ck_assert_int_eq(copy->hidden, 1152);
  ck_assert_uint_eq(copy->widths.count, 2);
  ck_assert_int_eq(s->hidden, 5);
}
END_TEST

START_TEST(wrong_types_are_refused) {
  expect_refused(set("hidden", "abc"), "expected a whole number, found 'abc'");
  expect_refused(set("hidden", "1.5"), "expected a whole number, found '1.5'");
  expect_refused(set("hidden", ""), "expected a whole number, found ''");
  expect_refused(set("hidden", "-"), "expected a whole number, found '-'");
  expect_refused(set("hidden", "12 "), "expected a whole number, found '12 '");
  expect_refused(set("hidden", "99999999999999999999"),
                 "expected a whole number, found '99999999999999999999'");
  expect_refused(set("p", "half"), "expected a number, found 'half'");
  expect_refused(set("p", ""), "expected a number, found ''");
  expect_refused(set("p", "nan"), "expected a number, found 'nan'");
  expect_refused(set("p", "0x1"), "expected a number, found '0x1'");
  expect_refused(set("p", "1e999"), "expected a number, found '1e999'");
  expect_refused(set("p", "1e"), "expected a number, found '1e'");
  expect_refused(set("tie", "yes"), "expected true or false, found 'yes'");
  expect_refused(set_list("hidden", "1", "2"), "expected one value, found a list of 2");
  expect_refused(set_list("hidden", "1", NULL), "expected one value, found a list of 1");
  expect_refused(set_list("widths", "1", "x"), "expected a whole number, found 'x'");
  expect_refused(set_list("layers", NULL, NULL),
                 "expected layer numbers from 0, 'last' or 'all', found an empty list");
  expect_refused(set_list("layers", "-2", NULL),
                 "expected layer numbers from 0, 'last' or 'all', found '-2'");
  expect_refused(set_list("layers", "all", "0"),
                 "expected layer numbers from 0, 'last' or 'all', found 'all'");
  /* What was refused changed nothing. */
  ck_assert_int_eq(s->hidden, 1152);
  ck_assert_double_eq(s->p, 0.001);
  ck_assert(s->tie && s->widths.count == 2 && s->layers.count == 1);
}
END_TEST

START_TEST(values_out_of_range_are_refused) {
  expect_refused(set("hidden", "0"), "0 is out of range: expected 1 to 100000 units");
  expect_refused(set("p", "-0.1"), "-0.1 is out of range: expected 0 to 1");
  expect_refused(set_list("dropout", "0.5", "1.5"), "1.5 is out of range: expected 0 to 1");
  expect_refused(set("widths", "0"), "0 is out of range: expected at least 1");
  ck_assert_int_eq(set("p", "0"), THAW_OK);
  ck_assert_int_eq(set("p", "1"), THAW_OK);
}
END_TEST

START_TEST(unknown_choices_get_the_nearest) {
  expect_refused(set("mode", "lsat"),
                 "expected last or first, found 'lsat' (did you mean 'last'?)");
  expect_refused(set("mode", "middle"), "expected last or first, found 'middle'");
  expect_refused(set_list("parts", "max", "Mean"),
                 "expected last, max or mean, found 'Mean' (did you mean 'mean'?)");
}
END_TEST

START_TEST(the_nearest_word_is_near) {
  const char *const known[] = {"stlr", "constant", "discriminative", "gradual_unfreeze"};
  ck_assert_str_eq(thaw_nearest("stl", known, 4), "stlr");
  ck_assert_str_eq(thaw_nearest("constnat", known, 4), "constant");
  ck_assert_str_eq(thaw_nearest("discrimnatve", known, 4), "discriminative");
  ck_assert_str_eq(thaw_nearest("STLR", known, 4), "stlr");
  ck_assert_ptr_null(thaw_nearest("one_cycle", known, 4));
  ck_assert_ptr_null(thaw_nearest("", known, 4));
  ck_assert_ptr_null(thaw_nearest("x", NULL, 0));
  char long_text[1000];
  memset(long_text, 'a', sizeof long_text);
  long_text[999] = '\0';
  ck_assert_ptr_null(thaw_nearest(long_text, known, 4));
}
END_TEST

/* ---- Descriptors ---------------------------------------------------------------------------- */

/* The first lines of the table, to be spoilt. */
static thaw_param_spec rows[10];

static void expect_bad(const char *message) {
  expect_refused(thaw_descriptor_check(ctx, &plugin), message);
}

START_TEST(a_good_descriptor_passes) {
  ck_assert_msg(thaw_descriptor_check(ctx, &plugin) == THAW_OK, "%s", thaw_error(ctx));
  plugin.params = NULL;
  plugin.settings_size = 0;
  ck_assert_int_eq(thaw_descriptor_check(ctx, &plugin), THAW_OK);
}
END_TEST

START_TEST(every_missing_word_is_named) {
  const thaw_plugin_descriptor good = plugin;
  plugin.abi = 1;
  expect_bad(
      "it was built for plugin ABI 1, this thaw has ABI 2: build it again with the headers "
      "of this thaw");
  plugin = good;
  plugin.kind = 0;
  expect_bad("there is no plugin kind 0");
  plugin = good;
  plugin.name = NULL;
  expect_bad("its name is missing");
  plugin.name = "Big-Name";
  expect_bad("its name 'Big-Name' has characters other than lower case letters, digits and _");
  plugin.name = "";
  expect_bad("its name '' has characters other than lower case letters, digits and _");
  plugin = good;
  plugin.version = NULL;
  expect_bad("plugin test: its version is missing");
  plugin = good;
  plugin.summary = "two\nlines";
  expect_bad("plugin test: its summary of one line is missing");
  plugin = good;
  plugin.params = NULL;
  expect_bad("plugin test: it has settings but no parameter table");
}
END_TEST

START_TEST(every_missing_function_is_named) {
  plugin.api.schedule = NULL;
  expect_bad("plugin test: its table of functions (.api.schedule) is missing");
  const thaw_schedule empty_schedule = {0};
  plugin.api.schedule = &empty_schedule;
  expect_bad("plugin test: its function multiplier is missing");
  const thaw_head empty_head = {0};
  plugin.kind = THAW_HEAD;
  plugin.api.head = &empty_head;
  expect_bad("plugin test: its function create is missing");
  const thaw_encoder empty_encoder = {0};
  plugin.kind = THAW_ENCODER;
  plugin.api.encoder = &empty_encoder;
  expect_bad("plugin test: its function create is missing");
  const thaw_tokenizer empty_tokenizer = {0};
  plugin.kind = THAW_TOKENIZER;
  plugin.api.tokenizer = &empty_tokenizer;
  expect_bad("plugin test: its function pieces is missing");
}
END_TEST

START_TEST(every_bad_row_is_named) {
#define SPOILT(change, message)      \
  memcpy(rows, table, sizeof table); \
  change;                            \
  expect_bad("plugin test, parameter '" message)
  _Static_assert(sizeof rows == sizeof table, "rows holds the table");
  plugin.params = rows;
  SPOILT(rows[1].name = "Hidden",
         "Hidden': a name consists of lower case letters, digits and _, and is not 'plugin'");
  SPOILT(rows[1].name = "plugin",
         "plugin': a name consists of lower case letters, digits and _, and is not 'plugin'");
  SPOILT(rows[1].name = "tie", "tie': the table has two rows of this name");
  SPOILT(rows[1].type = 0, "hidden': there is no parameter type 0");
  SPOILT(rows[1].type = 12, "hidden': there is no parameter type 12");
  SPOILT(rows[1].default_value = NULL, "hidden': its default is missing");
  SPOILT(rows[1].doc = NULL, "hidden': its doc is missing");
  SPOILT(rows[1].unit = NULL, "hidden': its unit is missing (\"\" for none)");
  SPOILT(rows[1].minimum = 1e9, "hidden': its range from 1e+09 to 100000 is empty");
  SPOILT(rows[1].offset = 9, "hidden': its offset 9 is not aligned to 8 bytes");
  SPOILT(rows[1].default_value = "0",
         "hidden', its default '0': 0 is out of range: expected 1 to 100000 units");
  SPOILT(rows[4].choices = NULL, "mode': its choices are missing");
  SPOILT(rows[7].choices = modes + 2, "parts': its choices are missing");
  SPOILT(rows[7].default_value = "[last, mix]",
         "parts', its default '[last, mix]': expected last, max or mean, found 'mix' (did you mean "
         "'max'?)");
  plugin.settings_size = 16;
  SPOILT(, "p': its offset 16 and 8 bytes do not fit into settings of 16 bytes");
}
END_TEST

START_TEST(a_table_without_an_end_is_noticed) {
  static thaw_param_spec endless[300];
  static char names[300][8];
  for (size_t i = 0; i < 300; i++) {
    endless[i] = table[0];
    snprintf(names[i], sizeof names[i], "p%zu", i);
    endless[i].name = names[i];
  }
  plugin.params = endless;
  expect_bad("plugin test: its parameter table does not end after 256 rows");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("settings");
  TCase *tests = tcase_create("settings");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, defaults_are_filled_in);
  tcase_add_test(tests, values_are_written_as_in_yaml);
  tcase_add_test(tests, a_scalar_is_a_list_of_one);
  tcase_add_test(tests, copies_are_apart);
  tcase_add_test(tests, wrong_types_are_refused);
  tcase_add_test(tests, values_out_of_range_are_refused);
  tcase_add_test(tests, unknown_choices_get_the_nearest);
  tcase_add_test(tests, the_nearest_word_is_near);
  tcase_add_test(tests, a_good_descriptor_passes);
  tcase_add_test(tests, every_missing_word_is_named);
  tcase_add_test(tests, every_missing_function_is_named);
  tcase_add_test(tests, every_bad_row_is_named);
  tcase_add_test(tests, a_table_without_an_end_is_noticed);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
