/* Conditions on runs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/where.h"
#include "base/context.h"

static thaw_context *ctx;
static thaw_arena *arena;

static void set_up(void) {
  ctx = thaw_context_create();
  arena = thaw_arena_create();
  ck_assert(ctx && arena);
}

static void tear_down(void) {
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}

/* One run. */
static const char *const settings[][2] = {
    {"name", "trec6-ablation"},       {"seed", "3"},
    {"encoder.hidden", "400"},        {"head.plugin", "concat"},
    {"head.parts", "[mean, max]"},    {"head.dropout", "0.10"},
    {"stages.pretrain.epochs", "2"},  {"stages.pretrain.encoder.hidden", "400"},
    {"stages.classify.epochs", "15"}, {"tokenizer.plugin", "word"}};
enum { SETTINGS = sizeof settings / sizeof *settings };

static const char *look_up(void *user, const char *key) {
  (void)user;
  for (size_t i = 0; i < SETTINGS; i++) {
    if (strcmp(settings[i][0], key) == 0) return settings[i][1];
  }
  return NULL;
}

/* "stages.finetune.epochs" is known of other runs. */
static const char *known[SETTINGS + 1];
static void fill_known(void) {
  for (size_t i = 0; i < SETTINGS; i++) known[i] = settings[i][0];
  known[SETTINGS] = "stages.finetune.patience";
}

static thaw_status parse(size_t count, const char *const *expressions, thaw_where **where) {
  fill_known();
  thaw_status status = thaw_where_parse(ctx, arena, count, expressions, where);
  return status ? status : thaw_where_resolve(ctx, *where, SETTINGS + 1, known);
}

static void expect(const char *expression, bool holds) {
  thaw_where *where;
  ck_assert_msg(parse(1, &expression, &where) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_msg(thaw_where_holds(where, look_up, NULL) == holds, "'%s' should %shold", expression,
                holds ? "" : "not ");
}

static void refuses(const char *expression, const char *message) {
  thaw_where *where;
  ck_assert_int_eq(parse(1, &expression, &where), THAW_INVALID);
  ck_assert_msg(strstr(thaw_error(ctx), message), "'%s' is not in: %s", message, thaw_error(ctx));
}

START_TEST(values) {
  expect("head.plugin=concat", true);
  expect("head.plugin=max", false);
  expect("head.plugin=max,concat", true);
  expect("head.plugin!=concat", false);
  expect("head.plugin!=max, mean", true);
  expect("head.plugin!=max, concat", false);
  expect(" head.plugin = concat ", true);
  expect("head.plugin==concat", true);
  expect("name~trec6", true);
  expect("name~imdb", false);
  expect("name~imdb,trec", true);
}
END_TEST

START_TEST(numbers) {
  expect("dropout=0.1", true);
  expect("dropout=1e-1", true);
  expect("dropout=0.11", false);
  expect("encoder.hidden>=400", true);
  expect("encoder.hidden>400", false);
  expect("encoder.hidden<=400", true);
  expect("encoder.hidden<400", false);
  expect("encoder.hidden<1e3", true);
  expect("head.plugin>3", false); /* is no number */
}
END_TEST

START_TEST(lists) {
  expect("parts=[mean, max]", true);
  expect("parts=[mean,max]", true);
  expect("parts=[max,mean]", false);
  expect("parts=[last],[mean,max]", true);
  expect("parts=[mean", false);
}
END_TEST

START_TEST(values_that_are_not_there) {
  expect("patience=3", false);
  expect("patience!=3", true);
  expect("patience=", true);
  expect("patience!=", false);
  expect("patience>0", false);
  expect("patience~3", false);
  expect("seed=", false);
  expect("seed!=", true);
}
END_TEST

START_TEST(shortened_keys) {
  expect("hidden=400", true); /* the stage's repeats the experiment's */
  expect("classify.epochs=15", true);
  refuses("epochs=2",
          "'epochs' may be stages.pretrain.epochs or stages.classify.epochs: write more");
  refuses("plugin=max", "may be head.plugin or tokenizer.plugin");
}
END_TEST

START_TEST(preferred_keys) {
  thaw_where *where;
  static const char *const expressions[] = {"epochs=15", "plugin=word", "seed=3"};
  static const char *const preferred[] = {"stages.classify.epochs", "tokenizer.plugin"};
  fill_known();
  ck_assert_int_eq(thaw_where_parse(ctx, arena, 3, expressions, &where), THAW_OK);
  thaw_where_prefer(where, 2, preferred);
  ck_assert_int_eq(thaw_where_resolve(ctx, where, SETTINGS + 1, known), THAW_OK);
  ck_assert(thaw_where_holds(where, look_up, NULL));
}
END_TEST

START_TEST(all_must_hold) {
  thaw_where *where;
  const char *const both[] = {"seed=3", "name~trec"}, *const one[] = {"seed=3", "name~imdb"};
  ck_assert_int_eq(parse(2, both, &where), THAW_OK);
  ck_assert(thaw_where_holds(where, look_up, NULL));
  ck_assert_int_eq(parse(2, one, &where), THAW_OK);
  ck_assert(!thaw_where_holds(where, look_up, NULL));
  ck_assert_int_eq(parse(0, NULL, &where), THAW_OK);
  ck_assert(thaw_where_holds(where, look_up, NULL));
}
END_TEST

START_TEST(what_is_no_condition) {
  refuses("head.plugin", "'head.plugin' is no condition: expected KEY=VALUE");
  refuses("", "'' is no condition");
  refuses("head.plugin!max", "is no condition");
  refuses("=max", "'=max' has no key");
  refuses("seed>", "'seed>' needs a number behind >, found ''");
  refuses("seed<=1,2", "needs a number behind <=, found '1,2'");
  refuses("hiden=400", "no run has a key 'hiden'; did you mean 'hidden'?");
  refuses("head.plugins=max", "no run has a key 'head.plugins'; did you mean 'head.plugin'?");
  refuses("xyzzy=1", "no run has a key 'xyzzy'");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("where");
  TCase *tests = tcase_create("where");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, values);
  tcase_add_test(tests, numbers);
  tcase_add_test(tests, lists);
  tcase_add_test(tests, values_that_are_not_there);
  tcase_add_test(tests, shortened_keys);
  tcase_add_test(tests, preferred_keys);
  tcase_add_test(tests, all_must_hold);
  tcase_add_test(tests, what_is_no_condition);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
