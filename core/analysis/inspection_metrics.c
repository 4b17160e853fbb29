/* inspection_metrics.c: what was measured after every epoch: numbers for programs, curves for
 * people; and how far groups moved. */
#include <math.h>
#include <stdlib.h>

#include "analysis/inspection_parts.h"
#include "base/context.h"

enum { CURVE_WIDTH = 40 };

/* A column of the table of epochs. */
typedef struct measure {
  const char *name; /* for people */
  size_t offset;    /* in thaw_epoch_row */
  bool lower_is_better;
} measure;

static const measure measures[] = {
    {"training loss", offsetof(thaw_epoch_row, train_loss), true},
    {"validation loss", offsetof(thaw_epoch_row, valid_loss), true},
    {"perplexity", offsetof(thaw_epoch_row, perplexity), true},
    {"accuracy", offsetof(thaw_epoch_row, accuracy), false},
    {"macro F1", offsetof(thaw_epoch_row, macro_f1), false},
};

static double value_of(const thaw_epoch_row *row, const measure *m) {
  return *(const double *)(const void *)((const char *)row + m->offset);
}

bool thaw_draw_curve(thaw_buffer *out, const double *values, size_t count, size_t width) {
  static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(values[i])) continue;
    low = fmin(low, values[i]);
    high = fmax(high, values[i]);
  }
  const size_t points = count < width ? count : width;
  bool ok = thaw_buffer_text(out, "");
  for (size_t i = 0; i < points && ok; i++) {
    /* The first and the last are always among them. */
    const double value = values[points > 1 ? i * (count - 1) / (points - 1) : 0];
    const double part = high > low ? (value - low) / (high - low) : 0.5;
    const int level = isfinite(value) ? (int)(part * 8) : -1;
    ok = thaw_buffer_text(out, level < 0 ? " " : bars[level > 7 ? 7 : level]);
  }
  return ok;
}

/* One measure's row, unless it was never measured. */
static thaw_status add_curve(inspection_reader *r, thaw_table *table, const thaw_series *series,
                             const measure *m) {
  const size_t count = series->epoch_count;
  double *values = malloc((count + 1) * sizeof *values);
  if (!values) return thaw_fail_memory(r->ctx, count * sizeof *values);
  size_t best = count;
  for (size_t i = 0; i < count; i++) {
    values[i] = value_of(&series->epochs[i], m);
    const bool better =
        best == count || (m->lower_is_better ? values[i] < values[best] : values[i] > values[best]);
    if (isfinite(values[i]) && better) best = i;
  }
  thaw_buffer curve = {0};
  bool ok = true;
  if (best < count) {
    ok = thaw_draw_curve(&curve, values, count, CURVE_WIDTH);
    thaw_table_text(table, series->stage);
    thaw_table_text(table, m->name);
    thaw_table_number(table, values[0], 4);
    thaw_table_number(table, values[count - 1], 4);
    thaw_table_number(table, values[best], 4);
    thaw_table_number(table, (double)series->epochs[best].epoch, 0);
    thaw_table_text(table, ok ? curve.data : "");
  }
  thaw_buffer_free(&curve);
  free(values);
  return ok ? THAW_OK : thaw_fail_memory(r->ctx, CURVE_WIDTH);
}

static thaw_status add_curves(inspection_reader *r, thaw_series *const *series, size_t count) {
  static const char *const headings[] = {"stage", "measure", "first", "last",
                                         "best",  "epoch",   "curve", NULL};
  thaw_table *table = thaw_inspection_add(r, "curves", "by epoch", FOR_PEOPLE, headings);
  thaw_status status = table ? THAW_OK : THAW_FAILED;
  for (size_t s = 0; s < count; s++) {
    for (size_t m = 0; m < sizeof measures / sizeof *measures && status == THAW_OK; m++)
      status = add_curve(r, table, series[s], &measures[m]);
  }
  return status;
}

static thaw_status add_epochs(inspection_reader *r, thaw_series *const *series, size_t count) {
  static const char *const headings[] = {"stage",      "epoch",      "step",     "train_loss",
                                         "valid_loss", "perplexity", "accuracy", "macro_f1",
                                         "seconds",    NULL};
  thaw_table *table = thaw_inspection_add(r, "epochs", "epochs", FOR_PROGRAMS, headings);
  if (!table) return THAW_FAILED;
  for (size_t s = 0; s < count; s++) {
    for (size_t i = 0; i < series[s]->epoch_count; i++) {
      const thaw_epoch_row *row = &series[s]->epochs[i];
      thaw_table_text(table, series[s]->stage);
      thaw_table_number(table, (double)row->epoch, 0);
      thaw_table_number(table, (double)row->step, 0);
      for (size_t m = 0; m < sizeof measures / sizeof *measures; m++)
        thaw_table_number(table, value_of(row, &measures[m]), 4);
      thaw_table_number(table, row->seconds, 1);
    }
  }
  return THAW_OK;
}

/* After the last epoch; files of older versions do not say. */
static thaw_status add_moves(inspection_reader *r, thaw_series *const *series, size_t count) {
  static const char *const headings[] = {"stage", "group", "taken", "distance", NULL};
  thaw_table *table = thaw_inspection_add(
      r, "moved", "how far groups moved: ‖w − w₀‖ / ‖w₀‖ after the last epoch", FOR_BOTH, headings);
  if (!table) return THAW_FAILED;
  for (size_t s = 0; s < count; s++) {
    for (size_t g = 0; series[s]->epoch_count > 0 && g < series[s]->moved_count; g++) {
      thaw_table_text(table, series[s]->stage);
      thaw_table_text(table, series[s]->moved[g]);
      thaw_table_text(table, series[s]->taken[g] ? "yes" : "no");
      thaw_table_number(table, thaw_series_last_distances(series[s])[g], 4);
    }
  }
  return THAW_OK;
}

thaw_status thaw_inspect_metrics(inspection_reader *r) {
  thaw_series **series = NULL;
  size_t count = 0;
  thaw_status status = thaw_run_series(r->ctx, r->run, &series, &count);
  if (status == THAW_OK) status = add_curves(r, series, count);
  if (status == THAW_OK) status = add_epochs(r, series, count);
  if (status == THAW_OK) status = add_moves(r, series, count);
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
  return status;
}
