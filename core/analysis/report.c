/* report.c: reads the runs, puts the page together and writes it. */
#include "analysis/report.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_parts.h"
#include "base/context.h"
#include "base/file.h"

/* By which a report knows another one. */
static const char generator[] = "<meta name=\"generator\" content=\"thaw report ";

/* ---- A file in the way ----------------------------------------------------------------------- */

/* A report is replaced by the next one; anything else stays. */
static thaw_status check_path(thaw_context *ctx, const char *path) {
  char begin[512] = "";
  if (thaw_path_is_folder(path))
    return thaw_fail(ctx, THAW_INVALID, "%s is a folder; name the file to write with --output",
                     path);
  if (!thaw_path_exists(path)) return THAW_OK;
  FILE *file = fopen(path, "rbe");
  const size_t bytes = file ? fread(begin, 1, sizeof begin - 1, file) : 0;
  if (file) fclose(file);
  begin[bytes] = '\0';
  if (strstr(begin, generator)) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "%s is in the way, and is no report of thaw's; write to another file with "
                   "--output, or remove it",
                   path);
}

/* ---- The page -------------------------------------------------------------------------------- */

/* Nothing is fetched, whatever a text in the page says: the reader's browser sees to it. */
static void write_head(report_page *page, const report_data *data) {
  thaw_page_html(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  thaw_page_html(page, generator);
  thaw_page_html(page, PACKAGE_VERSION
                 "\">\n<meta http-equiv=\"Content-Security-Policy\" "
                 "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<title>");
  for (size_t i = 0; i < data->question_count; i++) {
    thaw_page_html(page, i ? ", " : "");
    thaw_page_text(page, data->questions[i].name);
  }
  thaw_page_html(page, "</title>\n<style>\n");
  thaw_page_html(page, thaw_report_style);
  thaw_page_html(page, "</style>\n</head>\n<body>\n<header>\n");
}

static thaw_status write_sections(report_page *page, const report_data *data) {
  static thaw_status (*const sections[])(report_page *, const report_data *) = {
      thaw_report_comparison, thaw_report_heat,       thaw_report_curves,    thaw_report_rates,
      thaw_report_moves,      thaw_report_confusions, thaw_report_documents,
  };
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < sizeof sections / sizeof *sections && status == THAW_OK; i++)
    status = sections[i](page, data);
  return status;
}

/* The contents are known when the sections are there. */
static thaw_status write_page(thaw_context *ctx, const report_data *data, report_page *page) {
  report_page sections = {.ctx = ctx};
  write_head(page, data);
  thaw_status status = thaw_report_question(page, data);
  if (status == THAW_OK) status = write_sections(&sections, data);
  if (status == THAW_OK) {
    thaw_page_html(page, "<nav aria-label=\"Contents\"><ul>\n");
    thaw_page_html(page, sections.contents.data);
    thaw_page_html(page, "</ul></nav>\n</header>\n<main>\n");
    thaw_page_html(page, sections.html.data);
    thaw_page_html(page, "</main>\n<footer>\n<p>Written by thaw " PACKAGE_VERSION
                         " from its run files.</p>\n</footer>\n</body>\n</html>\n");
    if (page->failed || sections.failed) status = thaw_fail_memory(ctx, page->html.size);
  }
  thaw_buffer_free(&sections.html);
  thaw_buffer_free(&sections.contents);
  return status;
}

static thaw_status write_report(report_data *data, const char *path, thaw_report_summary *summary) {
  report_page page = {.ctx = data->ctx};
  thaw_status status = thaw_report_read(data);
  if (status == THAW_OK) status = write_page(data->ctx, data, &page);
  if (status == THAW_OK) status = thaw_write_file(data->ctx, path, page.html.data, page.html.size);
  *summary = (thaw_report_summary){.strategies = data->count, .bytes = page.html.size};
  for (size_t i = 0; i < data->count; i++) summary->runs += data->rows[i].seeds;
  thaw_buffer_free(&page.html);
  return status;
}

/* ---- The rows -------------------------------------------------------------------------------- */

/* Tested against the baseline where there is another row. */
static thaw_status test_rows(const report_data *data, thaw_comparison_view *view,
                             thaw_pairing *pairing) {
  const char *baseline = data->options->baseline;
  if (view->count < 2 && !baseline) return THAW_OK;
  *pairing = (thaw_pairing){.margin = thaw_metric_about(data->comparison->metric)->margin};
  thaw_status status = thaw_baseline_choose(data->ctx, data->comparison, view->rows, view->count,
                                            baseline, &pairing->baseline);
  if (status) return status;
  view->pairing = pairing;
  view->baseline_named = baseline != NULL;
  return thaw_paired_test(data->ctx, data->comparison, view->rows, view->count, pairing,
                          &view->pairs);
}

static thaw_status report(report_data *data, const char *path, thaw_report_summary *summary) {
  thaw_grouping grouping;
  thaw_pairing pairing;
  thaw_comparison_row *rows = NULL;
  thaw_comparison_view view = {.grouping = &grouping, .together = true};
  thaw_status status = thaw_grouping_default(data->ctx, data->comparison, true, &grouping);
  if (status == THAW_OK)
    status = thaw_grouping_rows(data->ctx, data->comparison, &grouping, &rows, &view.count);
  if (status) return status;
  thaw_rows_sort(data->comparison, THAW_ORDER_METRIC, rows, view.count);
  view.rows = rows;
  data->view = &view;
  status = test_rows(data, &view, &pairing);
  return status ? status : write_report(data, path, summary);
}

thaw_status thaw_report_write(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                              const thaw_report_options *options, const char *path,
                              thaw_report_summary *summary) {
  const thaw_comparison_options chosen = {
      .metric = THAW_METRIC_ACCURACY, .where_count = options->where_count, .where = options->where};
  thaw_comparison *comparison = NULL;
  *summary = (thaw_report_summary){0};
  thaw_status status = check_path(ctx, path);
  if (status == THAW_OK)
    status = thaw_comparison_read_some(ctx, files, count, &chosen, &comparison);
  if (status) return status;
  report_data data = {
      .ctx = ctx, .options = options, .comparison = comparison, .arena = thaw_arena_create()};
  status = data.arena ? report(&data, path, summary) : thaw_fail_memory(ctx, 0);
  thaw_arena_free(data.arena);
  thaw_comparison_free(comparison);
  return status;
}
