/* comparison_rows.c: what stands in a row: one run, or all runs that differ in nothing but seeds.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/comparison.h"
#include "base/context.h"

const char *const thaw_comparison_orders[] = {"given", "accuracy", "macro_f1", "seconds", NULL};

/* ---- Groups ---------------------------------------------------------------------------------- */

/* Do two runs agree in their test and in all settings, with or without those that are seeds? */
static bool agree(const thaw_comparison *c, size_t a, size_t b, bool seeds_too) {
  const thaw_compared_run *one = &c->runs[a], *other = &c->runs[b];
  if (strcmp(one->split, other->split) != 0 || strcmp(one->gold, other->gold) != 0) return false;
  if (seeds_too && one->seed != other->seed) return false;
  for (size_t i = 0; i < c->difference_count; i++) {
    const thaw_difference *d = &c->differences[i];
    if (d->is_seed && !seeds_too) continue;
    const char *value = d->values[a], *other_value = d->values[b];
    if (!value || !other_value ? value != other_value : strcmp(value, other_value) != 0) {
      return false;
    }
  }
  return true;
}

/* Metrics of the runs in one group, while it is made. */
typedef struct members {
  size_t *runs;
  double *accuracy, *macro_f1, *seconds; /* [count] */
  size_t count;
} members;

static bool make_members(const thaw_comparison *c, members *m) {
  *m = (members){.runs = thaw_arena_alloc(c->arena, c->run_count * sizeof *m->runs),
                 .accuracy = thaw_arena_alloc(c->arena, c->run_count * sizeof(double)),
                 .macro_f1 = thaw_arena_alloc(c->arena, c->run_count * sizeof(double)),
                 .seconds = thaw_arena_alloc(c->arena, c->run_count * sizeof(double))};
  return m->runs && m->accuracy && m->macro_f1 && m->seconds;
}

static void add_member(thaw_context *ctx, const thaw_comparison *c, members *m, size_t run) {
  const thaw_compared_run *added = &c->runs[run];
  for (size_t i = 0; i < m->count; i++) {
    if (!agree(c, m->runs[i], run, true)) continue;
    thaw_log(ctx, THAW_LOG_WARNING,
             "%s is left out: it has the settings and the seed %" PRIu64 " of %s", added->path,
             added->seed, c->runs[m->runs[i]].path);
    return;
  }
  m->runs[m->count] = run;
  m->accuracy[m->count] = added->scores.accuracy;
  m->macro_f1[m->count] = added->scores.macro_f1;
  m->seconds[m->count++] = added->seconds;
}

/* The mean of metrics between 0 and 1. Student's interval knows nothing of these bounds; what lies
 * outside is no possible mean, so that cutting it off loses nothing. */
static thaw_estimate metric_mean(const double *values, size_t count) {
  thaw_estimate mean = thaw_estimate_mean(values, count);
  if (mean.low < 0) mean.low = 0;
  if (mean.high > 1) mean.high = 1;
  return mean;
}

static thaw_status group_rows(thaw_context *ctx, const thaw_comparison *c,
                              thaw_comparison_row *rows, size_t *count) {
  bool *used = thaw_arena_zalloc(c->arena, c->run_count * sizeof *used);
  members m;
  if (!used || !make_members(c, &m)) return thaw_fail_memory(ctx, c->run_count * sizeof(double));
  *count = 0;
  for (size_t first = 0; first < c->run_count; first++) {
    if (used[first]) continue;
    m.count = 0;
    for (size_t run = first; run < c->run_count; run++) {
      if (used[run] || !agree(c, first, run, false)) continue;
      used[run] = true;
      add_member(ctx, c, &m, run);
    }
    rows[(*count)++] =
        (thaw_comparison_row){.run = first,
                              .seeds = m.count,
                              .accuracy = metric_mean(m.accuracy, m.count),
                              .macro_f1 = metric_mean(m.macro_f1, m.count),
                              .seconds = thaw_estimate_mean(m.seconds, m.count).value};
  }
  return THAW_OK;
}

static void run_rows(const thaw_comparison *c, thaw_comparison_row *rows, size_t *count) {
  for (size_t i = 0; i < c->run_count; i++) {
    const thaw_compared_run *run = &c->runs[i];
    rows[i] = (thaw_comparison_row){
        .run = i,
        .seeds = 1,
        .accuracy = thaw_estimate_proportion(run->scores.correct, run->scores.count),
        .macro_f1 = {run->scores.macro_f1, NAN, NAN},
        .seconds = run->seconds};
  }
  *count = c->run_count;
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

thaw_status thaw_comparison_rows(thaw_context *ctx, const thaw_comparison *comparison, bool grouped,
                                 thaw_comparison_order order, const thaw_comparison_row **rows,
                                 size_t *count) {
  static int (*const orders[])(const void *, const void *) = {NULL, by_accuracy, by_macro_f1,
                                                              by_seconds};
  const size_t bytes = comparison->run_count * sizeof(thaw_comparison_row);
  thaw_comparison_row *made = thaw_arena_alloc(comparison->arena, bytes);
  if (!made) return thaw_fail_memory(ctx, bytes);
  if (grouped) {
    thaw_status status = group_rows(ctx, comparison, made, count);
    if (status != THAW_OK) return status;
  } else {
    run_rows(comparison, made, count);
  }
  if (orders[order]) qsort(made, *count, sizeof *made, orders[order]);
  *rows = made;
  return THAW_OK;
}
