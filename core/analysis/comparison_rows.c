/* comparison_rows.c: what stands in a row: one run, or all runs that differ in nothing but seeds,
 * or in nothing but what was asked for.
 *
 * Rows are found by hashing, and equal values of a setting are the same pointer (differences.h), so
 * that ten thousand runs take no longer to group than to look at. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/comparison.h"
#include "base/context.h"

const char *const thaw_comparison_orders[] = {"given", "accuracy", "macro_f1", "seconds", NULL};

/* ---- Tables of runs by what they agree in ---------------------------------------------------- */

typedef struct agreement {
  const thaw_comparison *comparison;
  const thaw_difference *keys; /* what they must agree in beside their tests */
  size_t key_count;
  bool seeds; /* and in the run's seed */
} agreement;

static bool agree(const agreement *a, size_t one, size_t other) {
  const thaw_compared_run *x = &a->comparison->runs[one], *y = &a->comparison->runs[other];
  if (strcmp(x->split, y->split) != 0 || strcmp(x->gold, y->gold) != 0) return false;
  if (a->seeds && x->seed != y->seed) return false;
  for (size_t i = 0; i < a->key_count; i++) {
    if (a->keys[i].values[one] != a->keys[i].values[other]) return false;
  }
  return true;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
  const uint64_t parts[2] = {hash, thaw_hash64(bytes, count)};
  return thaw_hash64(parts, sizeof parts);
}

static uint64_t hash_run(const agreement *a, size_t run) {
  const thaw_compared_run *r = &a->comparison->runs[run];
  uint64_t hash = mix(0, r->gold, strlen(r->gold));
  if (a->seeds) hash = mix(hash, &r->seed, sizeof r->seed);
  for (size_t i = 0; i < a->key_count; i++) {
    hash = mix(hash, &a->keys[i].values[run], sizeof a->keys[i].values[run]);
  }
  return hash;
}

/* For every run the first one that agrees with it: `first` [run_count]. */
static bool find_first(const agreement *a, size_t *first) {
  const thaw_comparison *c = a->comparison;
  size_t space = 16;
  while (space < 2 * c->run_count) space *= 2;
  size_t *table = calloc(space, sizeof *table); /* run + 1; 0: free */
  if (!table) return false;
  for (size_t run = 0; run < c->run_count; run++) {
    size_t place = (size_t)hash_run(a, run) & (space - 1);
    while (table[place] && !agree(a, table[place] - 1, run)) place = (place + 1) & (space - 1);
    if (!table[place]) table[place] = run + 1;
    first[run] = table[place] - 1;
  }
  free(table);
  return true;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The mean of metrics between 0 and 1. Student's interval knows nothing of these bounds; what lies
 * outside is no possible mean, so that cutting it off loses nothing. */
static thaw_estimate within(thaw_estimate mean, double low, double high) {
  if (mean.low < low) mean.low = low;
  if (mean.high > high) mean.high = high;
  return mean;
}

/* Fills in the row of `members` [seeds]; `values` [4][seeds] is written over. */
static void fill_row(const thaw_comparison *c, double *values, thaw_comparison_row *row) {
  double *accuracy = values, *macro_f1 = accuracy + row->seeds;
  double *seconds = macro_f1 + row->seeds, *metric = seconds + row->seeds;
  for (size_t i = 0; i < row->seeds; i++) {
    const thaw_compared_run *run = &c->runs[row->members[i]];
    accuracy[i] = run->scores.accuracy;
    macro_f1[i] = run->scores.macro_f1;
    seconds[i] = run->seconds;
    metric[i] = run->metric;
  }
  const bool bounded = thaw_metric_about(c->metric)->higher_is_better;
  row->run = row->members[0];
  row->accuracy = within(thaw_estimate_mean(accuracy, row->seeds), 0, 1);
  row->macro_f1 = within(thaw_estimate_mean(macro_f1, row->seeds), 0, 1);
  row->seconds = thaw_estimate_mean(seconds, row->seeds).value;
  row->metric = within(thaw_estimate_mean(metric, row->seeds), 0, bounded ? 1 : INFINITY);
  row->deviation = thaw_deviation(metric, row->seeds);
}

/* One run's: what is an accuracy has an interval over documents. */
static void fill_alone(const thaw_comparison *c, thaw_comparison_row *row) {
  const thaw_compared_run *run = &c->runs[row->members[0]];
  row->run = row->members[0];
  row->accuracy = thaw_estimate_proportion(run->scores.correct, run->scores.count);
  row->macro_f1 = (thaw_estimate){run->scores.macro_f1, NAN, NAN};
  row->seconds = run->seconds;
  row->metric =
      c->metric == THAW_METRIC_ACCURACY ? row->accuracy : (thaw_estimate){run->metric, NAN, NAN};
  row->deviation = NAN;
}

/* Which runs stand in which row, while rows are made; each [run_count]. */
typedef struct members {
  size_t *twin;    /* the first run with the same settings and seeds */
  size_t *first;   /* the first run of its row */
  size_t *row;     /* of a first run: which one */
  size_t *members; /* the runs, row by row */
  double *values;  /* [4][run_count] */
} members;

static bool make_members(const thaw_comparison *c, members *m) {
  const size_t bytes = (c->run_count + 1) * sizeof(size_t);
  *m = (members){.twin = thaw_arena_alloc(c->arena, bytes),
                 .first = thaw_arena_alloc(c->arena, bytes),
                 .row = thaw_arena_alloc(c->arena, bytes),
                 .members = thaw_arena_alloc(c->arena, bytes),
                 .values = thaw_arena_alloc(c->arena, 4 * (c->run_count + 1) * sizeof(double))};
  return m->twin && m->first && m->row && m->members && m->values;
}

static void warn_of_twin(thaw_context *ctx, const thaw_comparison *c, size_t run, size_t twin) {
  thaw_log(ctx, THAW_LOG_WARNING,
           "%s is left out: it has the settings and the seed %" PRIu64 " of %s", c->runs[run].path,
           c->runs[run].seed, c->runs[twin].path);
}

/* Rows in the order of their first runs, each with as many members as it has runs. */
static thaw_status count_members(thaw_context *ctx, const thaw_comparison *c,
                                 const thaw_grouping *grouping, const members *m,
                                 thaw_comparison_row *rows, size_t *count) {
  const agreement in_all = {c, c->differences, c->difference_count, true};
  const agreement in_keys = {c, grouping->keys, grouping->key_count, false};
  if (!find_first(&in_all, m->twin) || !find_first(&in_keys, m->first)) {
    return thaw_fail_memory(ctx, c->run_count * sizeof(size_t));
  }
  *count = 0;
  for (size_t run = 0; run < c->run_count; run++) {
    if (m->first[run] == run) {
      m->row[run] = *count;
      rows[(*count)++] = (thaw_comparison_row){0};
    }
    if (m->twin[run] == run) {
      rows[m->row[m->first[run]]].seeds++;
    } else {
      warn_of_twin(ctx, c, run, m->twin[run]);
    }
  }
  return THAW_OK;
}

static void collect_members(const thaw_comparison *c, const members *m, thaw_comparison_row *rows,
                            size_t count) {
  size_t *next = m->members;
  for (size_t r = 0; r < count; r++) {
    rows[r].members = next;
    next += rows[r].seeds;
    rows[r].seeds = 0;
  }
  for (size_t run = 0; run < c->run_count; run++) {
    if (m->twin[run] != run) continue;
    thaw_comparison_row *row = &rows[m->row[m->first[run]]];
    m->members[(size_t)(row->members - m->members) + row->seeds++] = run;
  }
}

static thaw_status group_rows(thaw_context *ctx, const thaw_comparison *c,
                              const thaw_grouping *grouping, thaw_comparison_row *rows,
                              size_t *count) {
  members m;
  if (!make_members(c, &m)) return thaw_fail_memory(ctx, c->run_count * sizeof(double));
  thaw_status status = count_members(ctx, c, grouping, &m, rows, count);
  if (status != THAW_OK) return status;
  collect_members(c, &m, rows, *count);
  for (size_t r = 0; r < *count; r++) fill_row(c, m.values, &rows[r]);
  return THAW_OK;
}

static thaw_status run_rows(thaw_context *ctx, const thaw_comparison *c, thaw_comparison_row *rows,
                            size_t *count) {
  size_t *all = thaw_arena_alloc(c->arena, (c->run_count + 1) * sizeof *all);
  if (!all) return thaw_fail_memory(ctx, c->run_count * sizeof *all);
  for (size_t i = 0; i < c->run_count; i++) {
    all[i] = i;
    rows[i] = (thaw_comparison_row){.seeds = 1, .members = &all[i]};
    fill_alone(c, &rows[i]);
  }
  *count = c->run_count;
  return THAW_OK;
}

thaw_status thaw_grouping_default(thaw_context *ctx, const thaw_comparison *comparison,
                                  bool grouped, thaw_grouping *grouping) {
  const size_t bytes = (comparison->difference_count + 1) * sizeof(thaw_difference);
  thaw_difference *keys = thaw_arena_alloc(comparison->arena, bytes);
  if (!keys) return thaw_fail_memory(ctx, bytes);
  size_t count = 0;
  for (size_t i = 0; i < comparison->difference_count; i++) {
    const thaw_difference *d = &comparison->differences[i];
    if (!grouped || !d->is_seed) keys[count++] = *d;
  }
  *grouping = (thaw_grouping){.runs = !grouped, .keys = keys, .key_count = count};
  return THAW_OK;
}

thaw_status thaw_grouping_rows(thaw_context *ctx, const thaw_comparison *comparison,
                               const thaw_grouping *grouping, thaw_comparison_row **rows,
                               size_t *count) {
  const size_t bytes = (comparison->run_count + 1) * sizeof(thaw_comparison_row);
  *rows = thaw_arena_alloc(comparison->arena, bytes);
  if (!*rows) return thaw_fail_memory(ctx, bytes);
  return grouping->runs ? run_rows(ctx, comparison, *rows, count)
                        : group_rows(ctx, comparison, grouping, *rows, count);
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* Small numbers first; what is not known comes last, and equal rows keep their order. */
static int in_order(double a, double b, const thaw_comparison_row *one,
                    const thaw_comparison_row *other) {
  if (isnan(a) != isnan(b)) return isnan(a) ? 1 : -1;
  if (a < b) return -1;
  if (a > b) return 1;
  return one->run < other->run ? -1 : one->run > other->run;
}

static int by_accuracy(const void *a, const void *b) {
  const thaw_comparison_row *one = a, *other = b;
  return in_order(-one->accuracy.value, -other->accuracy.value, one, other);
}

static int by_macro_f1(const void *a, const void *b) {
  const thaw_comparison_row *one = a, *other = b;
  return in_order(-one->macro_f1.value, -other->macro_f1.value, one, other);
}

static int by_seconds(const void *a, const void *b) {
  const thaw_comparison_row *one = a, *other = b;
  return in_order(one->seconds, other->seconds, one, other);
}

static int by_high_metric(const void *a, const void *b) {
  const thaw_comparison_row *one = a, *other = b;
  return in_order(-one->metric.value, -other->metric.value, one, other);
}

static int by_low_metric(const void *a, const void *b) {
  const thaw_comparison_row *one = a, *other = b;
  return in_order(one->metric.value, other->metric.value, one, other);
}

void thaw_rows_sort(const thaw_comparison *comparison, thaw_comparison_order order,
                    thaw_comparison_row *rows, size_t count) {
  static int (*const orders[])(const void *, const void *) = {NULL, by_accuracy, by_macro_f1,
                                                              by_seconds, by_high_metric};
  int (*compare)(const void *, const void *) = orders[order];
  if (order == THAW_ORDER_METRIC && !thaw_metric_about(comparison->metric)->higher_is_better) {
    compare = by_low_metric;
  }
  if (compare) qsort(rows, count, sizeof *rows, compare);
}

thaw_status thaw_comparison_rows(thaw_context *ctx, const thaw_comparison *comparison, bool grouped,
                                 thaw_comparison_order order, const thaw_comparison_row **rows,
                                 size_t *count) {
  thaw_grouping grouping;
  thaw_comparison_row *made;
  thaw_status status = thaw_grouping_default(ctx, comparison, grouped, &grouping);
  if (status == THAW_OK) status = thaw_grouping_rows(ctx, comparison, &grouping, &made, count);
  if (status != THAW_OK) return status;
  thaw_rows_sort(comparison, order, made, *count);
  *rows = made;
  return THAW_OK;
}
