/* test_distances.c: how far groups moved, as whole runs say it, against the weights themselves:
 * also of averages and of the best epoch. That killed runs say the same stands in test_run.c. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static thaw_context *ctx;

static void set_up(void) {
  fixture_begin();
  ctx = thaw_context_create();
}

static void tear_down(void) {
  thaw_context_free(ctx);
  fixture_end();
}

/* The series of a run's last stage. */
static thaw_series *read_last(const char *path) {
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_series **series = NULL;
  size_t count = 0;
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, &count), THAW_OK);
  ck_assert_uint_gt(count, 0);
  for (size_t i = 0; i + 1 < count; i++) thaw_series_free(series[i]);
  thaw_series *last = series[count - 1];
  free(series);
  thaw_run_close(run);
  return last;
}

static thaw_params *read_weights(const char *path, const char *stage, thaw_vocabulary **words) {
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_params *params = NULL;
  ck_assert_int_eq(thaw_run_weights(ctx, run, stage, &params), THAW_OK);
  if (words) ck_assert_int_eq(thaw_run_vocabulary(ctx, run, stage, words), THAW_OK);
  thaw_run_close(run);
  return params;
}

/* The relative distance of a group, all of whose tensors are there in both. */
static double distance_of(const thaw_params *from, const thaw_params *to, const char *group) {
  const thaw_param_group *now = thaw_params_group(to, group);
  double moved = 0, all = 0;
  ck_assert_ptr_nonnull(now);
  for (size_t p = 0; p < now->count; p++) {
    const thaw_param *first = thaw_params_find(from, group, now->params[p].name);
    ck_assert_ptr_nonnull(first);
    for (size_t i = 0; i < thaw_size(first->tensor); i++) {
      const double w0 = (double)first->tensor->data[i];
      const double w = (double)now->params[p].tensor->data[i];
      moved += (w - w0) * (w - w0);
      all += w0 * w0;
    }
  }
  return sqrt(moved / all);
}

static size_t number_of(const thaw_series *series, const char *group) {
  size_t g = 0;
  while (g < series->moved_count && strcmp(series->moved[g], group) != 0) g++;
  ck_assert_uint_lt(g, series->moved_count);
  return g;
}

static double last_distance(const thaw_series *series, const char *group) {
  return thaw_series_last_distances(series)[number_of(series, group)];
}

START_TEST(it_is_the_distance_of_the_weights) {
  fixture_expect(0,
                 "run experiment.yaml -o a.h5 --set stages.classify.keep=last --set "
                 "stages.classify.epochs=3 --set stages.finetune.keep_weights=true");
  thaw_series *series = read_last("a.h5");
  thaw_vocabulary *before = NULL, *after = NULL;
  thaw_params *from = read_weights("a.h5", "finetune", &before);
  thaw_params *to = read_weights("a.h5", NULL, &after);
  ck_assert_uint_eq(series->moved_count, 4);
  static const char *const groups[] = {"rnn.0", "rnn.1"};
  for (size_t i = 0; i < 2; i++) {
    const double expected = distance_of(from, to, groups[i]);
    ck_assert_double_gt(expected, 0);
    ck_assert_double_eq_tol(last_distance(series, groups[i]), expected, 1e-9);
  }
  /* The words are the same, in the same order: the classifier's text is the language model's. */
  ck_assert_uint_eq(thaw_vocabulary_size(before), thaw_vocabulary_size(after));
  ck_assert_double_eq_tol(last_distance(series, "embedding"), distance_of(from, to, "embedding"),
                          1e-9);
  ck_assert(series->taken[number_of(series, "embedding")]);
  ck_assert(series->taken[number_of(series, "rnn.1")]);
  ck_assert(!series->taken[number_of(series, "head")]);
  /* Gradual unfreezing: the head moves at once, the embedding not before it is thawed. */
  ck_assert_double_gt(series->distances[number_of(series, "head")], 0);
  ck_assert_double_eq(series->distances[number_of(series, "embedding")], 0);
  thaw_series_free(series);
  thaw_params_free(from);
  thaw_params_free(to);
  thaw_vocabulary_free(before);
  thaw_vocabulary_free(after);
}
END_TEST

START_TEST(nothing_is_taken) {
  fixture_expect(0,
                 "run experiment.yaml -o a.h5 --set stages.classify.transfer=none --set "
                 "stages.classify.epochs=2");
  thaw_series *series = read_last("a.h5");
  for (size_t g = 0; g < series->moved_count; g++) ck_assert(!series->taken[g]);
  ck_assert_double_gt(last_distance(series, "head"), 0);
  thaw_series_free(series);
  fixture_expect(0,
                 "run experiment.yaml -o b.h5 --set stages.classify.transfer=embedding --set "
                 "stages.classify.epochs=2");
  series = read_last("b.h5");
  for (size_t g = 0; g < series->moved_count; g++)
    ck_assert_int_eq(series->taken[g], g == number_of(series, "embedding"));
  thaw_series_free(series);
}
END_TEST

/* The averages are what is validated, kept and measured. */
START_TEST(averages_are_measured) {
  fixture_write("averaged.yaml",
                "extends: experiment.yaml\n"
                "stages:\n"
                "  finetune: {keep_weights: true}\n"
                "  classify: {keep: last, optimizer: {name: nt_asgd, n: 1, lr: 20}}\n");
  fixture_expect_error(0, "run averaged.yaml -o a.h5", "classify: validation no longer improves");
  thaw_series *series = read_last("a.h5");
  thaw_params *from = read_weights("a.h5", "finetune", NULL),
              *to = read_weights("a.h5", NULL, NULL);
  ck_assert_double_eq_tol(last_distance(series, "rnn.1"), distance_of(from, to, "rnn.1"), 1e-9);
  thaw_series_free(series);
  thaw_params_free(from);
  thaw_params_free(to);
}
END_TEST

/* The weights in the file are those of the best epoch, and so is that epoch's distance. */
START_TEST(the_best_epoch_has_its_row) {
  fixture_expect(0,
                 "run experiment.yaml -o a.h5 --set stages.classify.keep=best --set "
                 "stages.finetune.keep_weights=true");
  thaw_series *series = read_last("a.h5");
  thaw_params *from = read_weights("a.h5", "finetune", NULL),
              *to = read_weights("a.h5", NULL, NULL);
  const double expected = distance_of(from, to, "rnn.1");
  size_t best = 0;
  for (size_t e = 1; e < series->epoch_count; e++) {
    const thaw_epoch_row *row = &series->epochs[e], *other = &series->epochs[best];
    const bool better = row->accuracy > other->accuracy ||
                        (row->accuracy == other->accuracy && row->valid_loss < other->valid_loss);
    if (better) best = e;
  }
  const double found = series->distances[best * series->moved_count + number_of(series, "rnn.1")];
  ck_assert_double_eq_tol(found, expected, 1e-9);
  thaw_series_free(series);
  thaw_params_free(from);
  thaw_params_free(to);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("distances");
  TCase *tests = tcase_create("distances");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, it_is_the_distance_of_the_weights);
  tcase_add_test(tests, nothing_is_taken);
  tcase_add_test(tests, averages_are_measured);
  tcase_add_test(tests, the_best_epoch_has_its_row);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
