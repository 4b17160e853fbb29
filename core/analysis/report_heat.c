/* report_heat.c: what two settings do to the accuracy together: numbers with shades behind them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_parts.h"
#include "base/context.h"

enum { MOST_VALUES = 24 /* of a setting */ };

/* A setting with the values that it takes, in order of appearance. */
typedef struct swept {
  const thaw_difference *difference;
  const char *values[MOST_VALUES];
  size_t count;
  bool too_many;
} swept;

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static size_t find_value(const swept *s, const char *value) {
  size_t i = 0;
  while (i < s->count && !same_text(s->values[i], value)) i++;
  return i;
}

/* In the order of the runs, which is that of the sweep more often than that of the accuracies. */
static swept find_values(const report_data *data, const thaw_difference *difference) {
  swept s = {.difference = difference};
  for (size_t run = 0; run < data->comparison->run_count; run++) {
    for (size_t i = 0; i < data->count; i++) {
      if (data->rows[i].run != run || !data->strategies[i].on_reference) continue;
      const char *value = difference->values[run];
      if (find_value(&s, value) < s.count) continue;
      s.too_many |= s.count == MOST_VALUES;
      if (!s.too_many) s.values[s.count++] = value;
    }
  }
  return s;
}

/* What is transferred and what pools it are the questions that this program is for. */
static size_t interest(const swept *s) {
  const char *key = s->difference->key;
  const size_t length = strlen(key), end = strlen(".transfer");
  const bool asked = strncmp(key, "head", 4) == 0 ||
                     (length > end && strcmp(key + length - end, ".transfer") == 0);
  return 2 * s->count + asked;
}

/* The two settings with most values. False: fewer than two have several. */
static bool choose_settings(const report_data *data, swept *rows, swept *columns) {
  const thaw_comparison *c = data->comparison;
  size_t best = 0, second = 0;
  for (size_t i = 0; i < c->difference_count; i++) {
    if (c->differences[i].is_seed) continue;
    const swept s = find_values(data, &c->differences[i]);
    if (s.count < 2 || s.too_many) continue;
    if (interest(&s) > best) {
      *columns = *rows;
      second = best;
      *rows = s;
      best = interest(&s);
    } else if (interest(&s) > second) {
      *columns = s;
      second = interest(&s);
    }
  }
  return second > 0;
}

/* The mean of the strategies' accuracies. */
typedef struct heat_cell {
  double sum;
  size_t strategies, seeds;
} heat_cell;

static void fill_cells(const report_data *data, const swept *rows, const swept *columns,
                       heat_cell *cells) {
  for (size_t i = 0; i < data->count; i++) {
    const thaw_comparison_row *row = &data->rows[i];
    if (!data->strategies[i].on_reference || !isfinite(row->accuracy.value)) continue;
    const size_t r = find_value(rows, rows->difference->values[row->run]);
    const size_t k = find_value(columns, columns->difference->values[row->run]);
    if (r == rows->count || k == columns->count) continue;
    heat_cell *cell = &cells[r * columns->count + k];
    cell->sum += row->accuracy.value;
    cell->strategies++;
    cell->seeds += row->seeds;
  }
}

static void write_value(report_page *page, const char *value) {
  thaw_page_text(page, value ? value : "–");
}

static void write_heat_cell(report_page *page, const heat_cell *cell, double low, double high) {
  if (cell->strategies == 0) {
    thaw_page_html(page, "<td>–</td>");
    return;
  }
  const double mean = cell->sum / (double)cell->strategies;
  thaw_page_format(page, "<td class=\"%s\" title=\"%zu runs\">%.3f</td>",
                   thaw_page_shade(high > low ? (mean - low) / (high - low) : 0.5), cell->seeds,
                   mean);
}

static void find_range(const heat_cell *cells, size_t count, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; i < count; i++) {
    if (cells[i].strategies == 0) continue;
    const double mean = cells[i].sum / (double)cells[i].strategies;
    *low = fmin(*low, mean);
    *high = fmax(*high, mean);
  }
}

static void write_heat(report_page *page, const swept *rows, const swept *columns,
                       const heat_cell *cells) {
  double low, high;
  find_range(cells, rows->count * columns->count, &low, &high);
  thaw_page_html(page, "<p>Rows: ");
  thaw_page_text(page, rows->difference->key);
  thaw_page_html(page, "; columns: ");
  thaw_page_text(page, columns->difference->key);
  thaw_page_html(page,
                 "; means over everything else that differs. The stronger the shade, the "
                 "better.</p>\n<div class=\"wide\" tabindex=\"0\">\n<table class=\"heat\">\n"
                 "<caption>Mean accuracy</caption>\n<thead><tr><td></td>");
  for (size_t k = 0; k < columns->count; k++) {
    thaw_page_html(page, "<th scope=\"col\" class=\"n\">");
    write_value(page, columns->values[k]);
    thaw_page_html(page, "</th>");
  }
  thaw_page_html(page, "</tr></thead>\n<tbody>\n");
  for (size_t r = 0; r < rows->count; r++) {
    thaw_page_html(page, "<tr><th scope=\"row\">");
    write_value(page, rows->values[r]);
    thaw_page_html(page, "</th>");
    for (size_t k = 0; k < columns->count; k++)
      write_heat_cell(page, &cells[r * columns->count + k], low, high);
    thaw_page_html(page, "</tr>\n");
  }
  thaw_page_html(page, "</tbody>\n</table>\n</div>\n");
}

/* Of a setting that follows from the other there is nothing to see. */
static bool are_crossed(const swept *rows, const swept *columns, const heat_cell *cells) {
  size_t filled = 0;
  for (size_t i = 0; i < rows->count * columns->count; i++) filled += cells[i].strategies > 0;
  return filled > rows->count && filled > columns->count;
}

thaw_status thaw_report_heat(report_page *page, const report_data *data) {
  swept rows = {0}, columns = {0};
  if (!choose_settings(data, &rows, &columns)) return THAW_OK;
  heat_cell *cells = calloc(rows.count * columns.count, sizeof *cells);
  if (!cells) return thaw_fail_memory(data->ctx, rows.count * columns.count * sizeof *cells);
  fill_cells(data, &rows, &columns, cells);
  if (are_crossed(&rows, &columns, cells)) {
    thaw_page_section(page, "heat", "Two settings together");
    write_heat(page, &rows, &columns, cells);
    thaw_page_section_end(page);
  }
  free(cells);
  return THAW_OK;
}
