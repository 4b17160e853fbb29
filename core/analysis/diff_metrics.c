/* diff_metrics.c: where the curves of two runs part: of every stage the first step whose training
 * loss differs, the first epoch whose validation loss does, and how far they are apart at the end.
 * Steps and epochs are counted from 0, as in the run file. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "base/context.h"

/* Of two numbers, one of which may not have been measured. */
static bool differ(double a, double b) {
  return isnan(a) || isnan(b) ? isnan(a) != isnan(b) : a != b;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* "classify: training loss at step 17, epoch 2" */
static void compare_steps(diff_reader *r, const thaw_series *a, const thaw_series *b) {
  const size_t count = smaller(a->step_count, b->step_count);
  size_t first = 0;
  if (a->step_count != b->step_count) {
    const char *what = thaw_diff_format(r, "%s: steps", a->stage);
    const double x = (double)a->step_count, y = (double)b->step_count;
    if (what) thaw_diff_numbers(r, what, x, y, y - x);
  }
  while (first < count && !differ(a->steps[first].loss, b->steps[first].loss)) first++;
  if (first == count) return;
  const thaw_step_row *x = &a->steps[first], *y = &b->steps[first];
  const char *what = thaw_diff_format(r, "%s: training loss at step %" PRId64 ", epoch %" PRId64,
                                      a->stage, x->step, x->epoch);
  if (what) thaw_diff_numbers(r, what, x->loss, y->loss, y->loss - x->loss);
  if (r->facts.stage) return;
  r->facts.stage = thaw_arena_strdup(r->diff->arena, a->stage);
  r->facts.step = x->step;
  r->facts.epoch = x->epoch;
  r->facts.gap = fabs(y->loss - x->loss) / fmax(fabs(x->loss), fabs(y->loss));
}

/* A measure of the epochs. */
typedef struct measure {
  const char *name;
  size_t offset; /* in thaw_epoch_row */
} measure;

static double value_of(const thaw_epoch_row *row, const measure *m) {
  return *(const double *)(const void *)((const char *)row + m->offset);
}

static void tell_epoch(diff_reader *r, const thaw_series *a, const thaw_series *b, size_t epoch,
                       const measure *m) {
  const double x = value_of(&a->epochs[epoch], m), y = value_of(&b->epochs[epoch], m);
  const char *what =
      thaw_diff_format(r, "%s: %s after epoch %" PRId64, a->stage, m->name, a->epochs[epoch].epoch);
  if (what) thaw_diff_numbers(r, what, x, y, y - x);
}

/* The first epoch in which it differs, and the last one that both runs have. */
static void compare_epochs(diff_reader *r, const thaw_series *a, const thaw_series *b,
                           const measure *m) {
  const size_t count = smaller(a->epoch_count, b->epoch_count);
  size_t first = 0;
  while (first < count && !differ(value_of(&a->epochs[first], m), value_of(&b->epochs[first], m)))
    first++;
  if (first == count) return;
  tell_epoch(r, a, b, first, m);
  if (first + 1 < count &&
      differ(value_of(&a->epochs[count - 1], m), value_of(&b->epochs[count - 1], m))) {
    tell_epoch(r, a, b, count - 1, m);
  }
}

static void compare_stage(diff_reader *r, const thaw_series *a, const thaw_series *b) {
  static const measure measures[] = {
      {"validation loss", offsetof(thaw_epoch_row, valid_loss)},
      {"perplexity", offsetof(thaw_epoch_row, perplexity)},
      {"accuracy", offsetof(thaw_epoch_row, accuracy)},
  };
  compare_steps(r, a, b);
  if (a->epoch_count != b->epoch_count) {
    const char *what = thaw_diff_format(r, "%s: epochs", a->stage);
    const double x = (double)a->epoch_count, y = (double)b->epoch_count;
    if (what) thaw_diff_numbers(r, what, x, y, y - x);
  }
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
    compare_epochs(r, a, b, &measures[i]);
}

/* ---- Stages ---------------------------------------------------------------------------------- */

/* The tables of both runs. */
typedef struct tables {
  thaw_series **series[2];
  size_t counts[2];
} tables;

static const thaw_series *find(const tables *t, size_t run, const char *stage) {
  for (size_t i = 0; i < t->counts[run]; i++) {
    if (strcmp(t->series[run][i]->stage, stage) == 0) return t->series[run][i];
  }
  return NULL;
}

static void tell_stage(diff_reader *r, const thaw_series *series, bool first) {
  const char *text =
      thaw_diff_format(r, "%zu step%s", series->step_count, thaw_diff_plural(series->step_count));
  thaw_diff_texts(r, series->stage, first ? text : NULL, first ? NULL : text);
}

static void compare_tables(diff_reader *r, const tables *t) {
  for (size_t i = 0; i < t->counts[0]; i++) {
    const thaw_series *own = t->series[0][i], *other = find(t, 1, own->stage);
    if (other) {
      compare_stage(r, own, other);
    } else {
      tell_stage(r, own, true);
    }
  }
  for (size_t i = 0; i < t->counts[1]; i++) {
    if (!find(t, 0, t->series[1][i]->stage)) tell_stage(r, t->series[1][i], false);
  }
}

static void summarise(diff_reader *r, const tables *t) {
  if (r->facts.stage) {
    thaw_diff_summary(r, "the losses part at step %" PRId64 " of %s, by %.2g of their size",
                      r->facts.step, r->facts.stage, r->facts.gap);
  } else if (r->section->count > 0) {
    thaw_diff_summary(r, "no loss differs as far as both runs have trained");
  } else if (t->counts[0] == 0) {
    thaw_diff_summary(r, "neither run has any");
  } else {
    thaw_diff_summary(r, "every loss is the same");
  }
}

thaw_status thaw_diff_metrics(diff_reader *r) {
  tables t = {.counts = {0, 0}};
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++)
    status = thaw_run_series(r->ctx, r->runs[i], &t.series[i], &t.counts[i]);
  if (status == THAW_OK) {
    compare_tables(r, &t);
    summarise(r, &t);
  }
  for (size_t i = 0; i < 2; i++) {
    for (size_t k = 0; k < t.counts[i]; k++) thaw_series_free(t.series[i][k]);
    free(t.series[i]);
  }
  return status;
}
