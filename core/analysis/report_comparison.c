/* report_comparison.c: the question, and the table that answers it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_parts.h"

/* ---- The question ---------------------------------------------------------------------------- */

static bool is_new_value(const report_data *data, const thaw_difference *d, size_t row) {
  const char *value = d->values[data->rows[row].run];
  for (size_t i = 0; i < row; i++) {
    const char *other = d->values[data->rows[i].run];
    if (value && other ? strcmp(value, other) == 0 : value == other) return false;
  }
  return true;
}

/* "head.plugin: concat, last, max" */
static void write_difference(report_page *page, const report_data *data, const thaw_difference *d) {
  enum { MOST = 12 };
  size_t count = 0;
  thaw_page_html(page, "<dt>");
  thaw_page_text(page, d->key);
  thaw_page_html(page, "</dt><dd>");
  for (size_t i = 0; i < data->count; i++) {
    if (!is_new_value(data, d, i)) continue;
    const char *value = d->values[data->rows[i].run];
    if (count < MOST) thaw_page_html(page, count ? ", " : "");
    if (count < MOST) thaw_page_text(page, value ? value : "–");
    count++;
  }
  if (count > MOST) thaw_page_format(page, " and %zu more", count - MOST);
  thaw_page_html(page, "</dd>\n");
}

static void write_sizes(report_page *page, const report_data *data) {
  size_t fewest = SIZE_MAX, most = 0, runs = 0;
  for (size_t i = 0; i < data->count; i++) {
    const size_t seeds = data->rows[i].seeds;
    runs += seeds;
    if (seeds < fewest) fewest = seeds;
    if (seeds > most) most = seeds;
  }
  thaw_page_format(page, "<dt>runs</dt><dd>%zu: %zu strateg%s with ", runs, data->count,
                   data->count == 1 ? "y" : "ies");
  if (fewest == most) thaw_page_format(page, "%zu seed%s", most, most == 1 ? "" : "s");
  if (fewest != most) thaw_page_format(page, "%zu to %zu seeds", fewest, most);
  thaw_page_format(page, "%s</dd>\n", data->count == 1 ? "" : " each");
  thaw_page_format(page, "<dt>tested on</dt><dd>%zu %s documents</dd>\n", data->document_count,
                   strcmp(data->split, "test") == 0 ? "test" : "validation");
}

thaw_status thaw_report_question(report_page *page, const report_data *data) {
  const thaw_comparison *c = data->comparison;
  for (size_t i = 0; i < data->question_count; i++) {
    const report_question *question = &data->questions[i];
    thaw_page_html(page, i == 0 ? "<h1>" : "<p><strong>");
    thaw_page_text(page, question->name);
    thaw_page_html(page, i == 0 ? "</h1>\n" : "</strong></p>\n");
    if (!question->description) continue;
    thaw_page_html(page, "<p class=\"lead\">");
    thaw_page_text(page, question->description);
    thaw_page_html(page, "</p>\n");
  }
  thaw_page_html(page, "<dl>\n");
  write_sizes(page, data);
  for (size_t i = 0; i < c->difference_count; i++)
    if (!c->differences[i].is_seed) write_difference(page, data, &c->differences[i]);
  thaw_page_html(page, "</dl>\n");
  if (c->tests_differ) {
    thaw_page_html(page,
                   "<p class=\"note\">These runs were not all tested on the same documents. "
                   "Compare only rows that agree in the column <em>test</em>; the heat map and the "
                   "documents below are those of the test that most runs share.</p>\n");
  }
  return THAW_OK;
}

/* ---- The table ------------------------------------------------------------------------------- */

/* How far the pictures of the intervals reach. */
typedef struct interval_axis {
  const thaw_comparison_row *rows;
  double low, high;
} interval_axis;

static void widen(interval_axis *axis, double value) {
  if (!isfinite(value)) return;
  axis->low = fmin(axis->low, value);
  axis->high = fmax(axis->high, value);
}

static interval_axis find_axis(const thaw_comparison_row *rows, size_t count) {
  interval_axis axis = {.rows = rows, .low = INFINITY, .high = -INFINITY};
  for (size_t i = 0; i < count; i++) {
    widen(&axis, rows[i].accuracy.value);
    widen(&axis, rows[i].accuracy.low);
    widen(&axis, rows[i].accuracy.high);
  }
  if (!(axis.low < axis.high)) {
    axis.low -= 0.05;
    axis.high += 0.05;
  }
  return axis;
}

/* Between 6 and 154 of 160. */
static double place_on(const interval_axis *axis, double value) {
  return 6 + 148 * (value - axis->low) / (axis->high - axis->low);
}

/* A dot with its interval: what the numbers beside it say, for the eye. */
static void write_interval(report_page *page, size_t row, const void *user) {
  const interval_axis *axis = user;
  const thaw_estimate *accuracy = &axis->rows[row].accuracy;
  thaw_page_html(page,
                 "<td><svg class=\"ci\" viewBox=\"0 0 160 20\" aria-hidden=\"true\">"
                 "<path class=\"axis\" d=\"M6 10H154\"/>");
  if (isfinite(accuracy->low))
    thaw_page_format(page, "<path d=\"M%.1f 10H%.1f\"/>", place_on(axis, accuracy->low),
                     place_on(axis, accuracy->high));
  if (isfinite(accuracy->value))
    thaw_page_format(page, "<circle cx=\"%.1f\" cy=\"10\" r=\"3.5\"/>",
                     place_on(axis, accuracy->value));
  thaw_page_html(page, "</svg></td>");
}

static thaw_status write_view(report_page *page, const report_data *data,
                              const thaw_comparison_view *view, const char *caption) {
  thaw_table *table = NULL;
  const interval_axis axis = find_axis(view->rows, view->count);
  /* Rows that were tested have their numbers in the table. */
  const report_more_cells more = {.heading = "interval",
                                  .after = "accuracy",
                                  .numbered = !view->pairs,
                                  .write = write_interval,
                                  .user = &axis};
  thaw_status status = thaw_comparison_view_table(data->ctx, data->comparison, view, &table);
  if (status == THAW_OK) thaw_page_table(page, table, caption, view->grouping->runs ? NULL : &more);
  thaw_table_free(table);
  return status;
}

/* What the numbers are and by which tests, a line each. */
static thaw_status write_notes(report_page *page, const report_data *data) {
  thaw_buffer notes = {0};
  thaw_status status =
      thaw_comparison_view_notes(data->ctx, data->comparison, data->view, "", &notes);
  if (status == THAW_OK && notes.size > 0) {
    thaw_page_html(page, "<ul class=\"notes\">\n");
    for (char *line = strtok(notes.data, "\n"); line; line = strtok(NULL, "\n")) {
      thaw_page_html(page, "<li>");
      thaw_page_text(page, line);
      thaw_page_html(page, "</li>\n");
    }
    thaw_page_html(page, "</ul>\n");
  }
  thaw_buffer_free(&notes);
  return status;
}

static thaw_status write_runs(report_page *page, const report_data *data) {
  thaw_grouping grouping;
  thaw_comparison_row *rows = NULL;
  thaw_comparison_view view = {.grouping = &grouping, .together = true};
  thaw_status status = thaw_grouping_default(data->ctx, data->comparison, false, &grouping);
  if (status == THAW_OK)
    status = thaw_grouping_rows(data->ctx, data->comparison, &grouping, &rows, &view.count);
  if (status || view.count == data->count) return status;
  view.rows = rows;
  thaw_page_format(page, "<details><summary>Every run (%zu)</summary>\n", view.count);
  status = write_view(page, data, &view,
                      "Runs; the interval of an accuracy is Wilson’s, which speaks "
                      "of other test documents");
  thaw_page_html(page, "</details>\n");
  return status;
}

thaw_status thaw_report_comparison(report_page *page, const report_data *data) {
  thaw_page_section(page, "comparison", "Comparison");
  thaw_page_html(page,
                 "<p>A strategy is what runs have in common that differ in nothing but seeds. "
                 "Figures below name strategies by the numbers in the first column.</p>\n");
  thaw_status status = write_view(page, data, data->view, "Strategies, the best accuracy first");
  if (status == THAW_OK) status = write_notes(page, data);
  if (status == THAW_OK) status = write_runs(page, data);
  thaw_page_section_end(page);
  return status;
}
