/* report_page.c: HTML, piece by piece. That memory ran out is noted and told at the end, so that
 * the code which writes a page reads well. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/escape.h"
#include "analysis/report_parts.h"
#include "analysis/table_content.h"

/* ---- Text ------------------------------------------------------------------------------------ */

void thaw_page_html(report_page *page, const char *html) {
  if (!thaw_buffer_text(&page->html, html)) page->failed = true;
}

void thaw_page_format(report_page *page, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= sizeof text) page->failed = true;
  thaw_page_html(page, text);
}

void thaw_page_text(report_page *page, const char *text) {
  if (!thaw_escape(&page->html, text)) page->failed = true;
}

void thaw_page_section(report_page *page, const char *id, const char *title) {
  if (!thaw_buffer_format(&page->contents, "<li><a href=\"#%s\">%s</a></li>\n", id, title))
    page->failed = true;
  thaw_page_format(page, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n", id, id);
  thaw_page_format(page, "<h2 id=\"%s-title\">%s</h2>\n", id, title);
}

void thaw_page_section_end(report_page *page) {
  thaw_page_html(page, "</section>\n");
}

/* ---- Figures --------------------------------------------------------------------------------- */

/* The picture's first tag, and its text in words. */
static void begin_picture(report_page *page, const double size[2], const char *title,
                          const char *description) {
  const size_t number = page->figures;
  thaw_page_format(page, "<svg class=\"plot\" role=\"img\" aria-labelledby=\"f%zu-t\" ", number);
  if (description) thaw_page_format(page, "aria-describedby=\"f%zu-d\" ", number);
  thaw_page_format(page, "viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\">\n", size[0], size[1],
                   size[0], size[1]);
  thaw_page_format(page, "<title id=\"f%zu-t\">", number);
  thaw_page_text(page, title ? title : "");
  thaw_page_html(page, "</title>\n");
  if (!description) return;
  thaw_page_format(page, "<desc id=\"f%zu-d\">", number);
  thaw_page_text(page, description);
  thaw_page_html(page, "</desc>\n");
}

void thaw_page_figure(report_page *page, const thaw_plot *plot, const char *title,
                      const char *description, const char *caption) {
  thaw_buffer drawn = {0}, picture = {0};
  char prefix[32];
  double size[2];
  snprintf(prefix, sizeof prefix, "f%zu-", ++page->figures);
  if (thaw_plot_write(page->ctx, plot, &drawn) != THAW_OK ||
      !thaw_report_svg(&drawn, prefix, size, &picture)) {
    page->failed = true;
  } else {
    thaw_page_html(page, "<figure>\n");
    begin_picture(page, size, title, description);
    thaw_page_html(page, picture.data);
    if (caption) {
      thaw_page_html(page, "<figcaption>");
      thaw_page_html(page, caption);
      thaw_page_html(page, "</figcaption>\n");
    }
    thaw_page_html(page, "</figure>\n");
  }
  thaw_buffer_free(&drawn);
  thaw_buffer_free(&picture);
}

void thaw_page_swatch(report_page *page, size_t line) {
  thaw_page_format(page, "<span class=\"swatch\" style=\"background:var(--c%zu)\"></span>", line);
}

const char *thaw_page_shade(double share) {
  static const char *const shades[] = {"h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9"};
  const double place = fmin(fmax(share, 0), 0.999) * 10;
  return shades[isfinite(share) ? (size_t)place : 0];
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void write_heading(report_page *page, const char *text, bool number) {
  thaw_page_html(page, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
  thaw_page_text(page, text);
  thaw_page_html(page, "</th>");
}

static bool is_number(const table_column *column) {
  return column->has_numbers && !column->has_texts;
}

static void write_cell(report_page *page, const table_column *column, const table_cell *cell) {
  thaw_page_html(page, is_number(column) ? "<td class=\"n\">" : "<td>");
  switch (cell->kind) {
    case CELL_TEXT:
      thaw_page_text(page, cell->text);
      break;
    case CELL_NUMBER:
      thaw_page_format(page, "%.*f", cell->decimals, cell->number);
      break;
    case CELL_NOTHING:
      thaw_page_html(page, "–");
      break;
  }
  thaw_page_html(page, "</td>");
}

static bool stands_after(const report_more_cells *more, const table_column *column) {
  return more && strcmp(column->heading, more->after) == 0;
}

static void write_row(report_page *page, const thaw_table *table, size_t row,
                      const report_more_cells *more) {
  const table_cell *cells = table->cells + row * table->column_count;
  thaw_page_html(page, "<tr>");
  if (more && more->numbered)
    thaw_page_format(page, "<th scope=\"row\" class=\"n\">%zu</th>", row + 1);
  for (size_t c = 0; c < table->column_count; c++) {
    write_cell(page, &table->columns[c], &cells[c]);
    if (stands_after(more, &table->columns[c])) more->write(page, row, more->user);
  }
  thaw_page_html(page, "</tr>\n");
}

void thaw_page_table(report_page *page, const thaw_table *table, const char *caption,
                     const report_more_cells *more) {
  if (table->failed) page->failed = true;
  thaw_page_html(page, "<div class=\"wide\" tabindex=\"0\">\n<table>\n<caption>");
  thaw_page_html(page, caption);
  thaw_page_html(page, "</caption>\n<thead><tr>");
  if (more && more->numbered) write_heading(page, "row", true);
  for (size_t c = 0; c < table->column_count; c++) {
    write_heading(page, table->columns[c].heading, is_number(&table->columns[c]));
    if (stands_after(more, &table->columns[c])) write_heading(page, more->heading, false);
  }
  thaw_page_html(page, "</tr></thead>\n<tbody>\n");
  for (size_t row = 0; row < thaw_table_rows(table); row++) write_row(page, table, row, more);
  thaw_page_html(page, "</tbody>\n</table>\n</div>\n");
}

/* ---- Strategies ------------------------------------------------------------------------------ */

void thaw_page_strategies(report_page *page, const report_data *data, const size_t *first,
                          size_t kind) {
  enum { MOST = 6 };
  size_t count = 0, shown = 0, all = 0;
  for (size_t i = 0; i < data->count; i++) {
    count += first[i] == kind;
    all += first[i] != SIZE_MAX;
  }
  if (count == 1) {
    if (data->count > 1) thaw_page_format(page, "%zu ", kind + 1);
    thaw_page_text(page, data->strategies[kind].label);
    return;
  }
  if (count == all) {
    thaw_page_format(page, all == data->count ? "all %zu strategies" : "all %zu that have it",
                     count);
    return;
  }
  thaw_page_html(page, "strategies ");
  for (size_t i = 0; i < data->count && shown < MOST; i++) {
    if (first[i] != kind) continue;
    thaw_page_format(page, "%s%zu", shown++ ? ", " : "", i + 1);
  }
  if (count > shown) thaw_page_format(page, " and %zu more", count - shown);
}

thaw_status thaw_page_kinds(report_page *page, const report_data *data, const char *stage,
                            const size_t *first, report_write_kind *write) {
  enum { SHOWN = 4 };
  size_t kinds = 0, shown = 0;
  for (size_t i = 0; i < data->count; i++) kinds += first[i] == i;
  thaw_page_html(page, "<div class=\"figures\">\n");
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < data->count && status == THAW_OK; i++) {
    if (first[i] != i) continue;
    if (shown++ == SHOWN)
      thaw_page_format(page,
                       "</div>\n<details><summary>The other %zu</summary>\n<div "
                       "class=\"figures\">\n",
                       kinds - SHOWN);
    status = write(page, data, stage, first, i);
  }
  thaw_page_html(page, kinds > SHOWN ? "</div>\n</details>\n" : "</div>\n");
  return status;
}
