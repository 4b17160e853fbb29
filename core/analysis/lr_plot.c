/* lr_plot.c: see lr_plot.h. */
#include "analysis/lr_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/plot.h"
#include "analysis/plot_scale.h"

/* From the lowest loss to somewhat above the first, unless they never rise so far. */
static void find_range(const thaw_lr_curve *curve, double *low, double *high) {
  *low = *high = curve->points[0].smooth;
  for (size_t i = 1; i < curve->count; i++) {
    *low = fmin(*low, curve->points[i].smooth);
    *high = fmax(*high, curve->points[i].smooth);
  }
  const double first = curve->points[0].smooth, fall = first - *low;
  *high = fmin(*high, first + fmax(0.5 * fall, 0.1 * first));
  if (!(*low < *high)) *high = *low + 1;
}

/* ---- SVG ------------------------------------------------------------------------------------- */

static thaw_status write(thaw_context *ctx, const thaw_rate_search *search, const char *path,
                         double *numbers) {
  const thaw_lr_curve *curve = &search->curve;
  const size_t count = curve->count;
  char title[120], valley[60], steepest[60];
  for (size_t i = 0; i < count; i++) {
    numbers[i] = curve->points[i].rate;
    numbers[count + i] = curve->points[i].loss;
    numbers[2 * count + i] = curve->points[i].smooth;
  }
  snprintf(title, sizeof title, "%s: loss at rising rates", search->stage);
  snprintf(valley, sizeof valley, "valley %.2g", curve->suggestion.valley);
  snprintf(steepest, sizeof steepest, "steepest %.2g", curve->suggestion.steepest);
  const thaw_plot_series series[] = {
      {"loss", numbers, numbers + count, count, THAW_PLOT_FAINT},
      {"smoothed", numbers, numbers + 2 * count, count, THAW_PLOT_COLOUR}};
  const thaw_plot_mark marks[] = {{curve->suggestion.valley, valley},
                                  {curve->suggestion.steepest, steepest}};
  thaw_plot_panel panel = {
      .y = {.label = "loss"}, .series = series, .series_count = 2, .marks = marks, .mark_count = 2};
  find_range(curve, &panel.y.low, &panel.y.high);
  for (size_t i = 0; i < count; i++) panel.y.low = fmin(panel.y.low, curve->points[i].loss);
  const thaw_plot plot = {.title = title,
                          .x = {.label = "base rate", .logarithmic = true},
                          .panels = &panel,
                          .panel_count = 1};
  return thaw_plot_save(ctx, &plot, path);
}

thaw_status thaw_lr_plot(thaw_context *ctx, const thaw_rate_search *search, const char *path) {
  double *numbers = calloc(3 * search->curve.count + 1, sizeof *numbers);
  if (!numbers) return thaw_fail_memory(ctx, 3 * search->curve.count * sizeof *numbers);
  const thaw_status status = write(ctx, search, path, numbers);
  free(numbers);
  return status;
}

/* ---- Characters ------------------------------------------------------------------------------ */

enum { COLUMNS = 60, ROWS = 12 };

typedef struct canvas {
  const thaw_lr_curve *curve;
  double low, high;  /* loss of the lowest row and of the highest */
  int rows[COLUMNS]; /* of the curve, 0 the lowest; −1: none; there may be some above */
  bool bars[COLUMNS];
} canvas;

static int column_of(const thaw_lr_curve *curve, double rate) {
  const double first = curve->points[0].rate, last = curve->points[curve->count - 1].rate;
  if (!(rate >= first && rate <= last) || first == last) return -1;
  return (int)lround(log(rate / first) / log(last / first) * (COLUMNS - 1));
}

static canvas make_canvas(const thaw_lr_curve *curve) {
  canvas c = {.curve = curve};
  find_range(curve, &c.low, &c.high);
  for (int i = 0; i < COLUMNS; i++) c.rows[i] = -1;
  for (size_t i = 0; i < curve->count; i++) {
    const int column = column_of(curve, curve->points[i].rate);
    const double height = (curve->points[i].smooth - c.low) / (c.high - c.low);
    if (column >= 0) c.rows[column] = (int)lround(height * (ROWS - 1));
  }
  const double suggested[] = {curve->suggestion.valley, curve->suggestion.steepest};
  for (size_t i = 0; i < 2; i++) {
    const int column = column_of(curve, suggested[i]);
    if (column >= 0) c.bars[column] = true;
  }
  return c;
}

static bool write_row(const canvas *c, int row, thaw_buffer *out) {
  const double loss = c->low + (c->high - c->low) * row / (ROWS - 1);
  const bool labelled = row % 4 == 3 || row == 0;
  bool ok =
      labelled ? thaw_buffer_format(out, "%9.3g ┤", loss) : thaw_buffer_format(out, "%9s │", "");
  int last = -1;
  for (int i = 0; i < COLUMNS; i++)
    if (c->rows[i] == row || c->bars[i]) last = i;
  for (int i = 0; i <= last && ok; i++)
    ok = thaw_buffer_text(out, c->rows[i] == row ? "•" : c->bars[i] ? "┊" : " ");
  return ok && thaw_buffer_text(out, "\n");
}

/* A tick at every power of 10, its text under it. */
static bool write_axis(const canvas *c, thaw_buffer *out) {
  const thaw_lr_curve *curve = c->curve;
  const double first = curve->points[0].rate, last = curve->points[curve->count - 1].rate;
  char labels[COLUMNS + 16] = "";
  int end = 0;
  bool ticks[COLUMNS] = {false}, ok = thaw_buffer_format(out, "%9s └", "");
  for (double e = ceil(log10(first) - 1e-9); pow(10, e) <= last * (1 + 1e-9); e++) {
    const int column = column_of(curve, fmin(fmax(pow(10, e), first), last));
    if (column < 0) continue;
    ticks[column] = true;
    if (column < end) continue;
    end +=
        snprintf(labels + end, sizeof labels - (size_t)end, "%*s%g ", column - end, "", pow(10, e));
  }
  for (int i = 0; i < COLUMNS && ok; i++) ok = thaw_buffer_text(out, ticks[i] ? "┴" : "─");
  return ok && thaw_buffer_format(out, "\n%11s%s\n", "", labels);
}

bool thaw_lr_text(const thaw_rate_search *search, thaw_buffer *out) {
  const canvas c = make_canvas(&search->curve);
  bool ok = true;
  for (int row = ROWS - 1; row >= 0 && ok; row--) ok = write_row(&c, row, out);
  return ok && write_axis(&c, out);
}
