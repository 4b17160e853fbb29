/* report_documents.c: the documents on which strategies disagree most: those for which the share of
 * seeds that were right varies most between strategies. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/document_texts.h"
#include "analysis/report_parts.h"
#include "base/context.h"

enum { MOST_COLUMNS = 24 };

typedef struct disputed {
  size_t document;
  double variance;
} disputed;

static double share_of(const report_strategy *s, size_t document) {
  return (double)s->right[document] / (double)s->seeds;
}

static double variance_of(const report_data *data, size_t document) {
  double sum = 0, squares = 0;
  size_t count = 0;
  for (size_t i = 0; i < data->count; i++) {
    if (!data->strategies[i].right) continue;
    const double share = share_of(&data->strategies[i], document);
    sum += share;
    squares += share * share;
    count++;
  }
  const double mean = sum / (double)count;
  return squares / (double)count - mean * mean;
}

static int by_falling_variance(const void *a, const void *b) {
  const disputed *x = a, *y = b;
  if (x->variance != y->variance) return x->variance > y->variance ? -1 : 1;
  return (x->document > y->document) - (x->document < y->document);
}

/* Returns how many documents there are on which not all agree; `all` has room for all. */
static size_t find_disputed(const report_data *data, disputed *all) {
  const double agreement = 1e-9;
  size_t count = 0;
  for (size_t d = 0; d < data->document_count; d++) {
    if (!data->gold[d]) continue;
    const double variance = variance_of(data, d);
    /* Rounded, so that what is equal but for the order of a sum is equal. */
    if (variance > agreement) all[count++] = (disputed){d, round(variance * 1e9)};
  }
  qsort(all, count, sizeof *all, by_falling_variance);
  return count;
}

/* ---- The table ------------------------------------------------------------------------------- */

static void write_head(report_page *page, const report_data *data, bool texts) {
  size_t columns = 0;
  thaw_page_html(page,
                 "<thead><tr><th scope=\"col\" class=\"n\">document</th>"
                 "<th scope=\"col\">class</th>");
  if (texts) thaw_page_html(page, "<th scope=\"col\">text</th>");
  for (size_t i = 0; i < data->count && columns < MOST_COLUMNS; i++) {
    if (!data->strategies[i].right) continue;
    thaw_page_html(page, "<th scope=\"col\" class=\"n\" title=\"");
    thaw_page_text(page, data->strategies[i].label);
    thaw_page_format(page, "\">%zu</th>", i + 1);
    columns++;
  }
  thaw_page_html(page, "</tr></thead>\n");
}

static void write_row(report_page *page, const report_data *data, size_t document, const char *text,
                      bool texts) {
  size_t columns = 0;
  thaw_page_format(page, "<tr><th scope=\"row\" class=\"n\">%zu</th><td class=\"class\">",
                   document);
  thaw_page_text(page, data->gold[document]);
  thaw_page_html(page, "</td>");
  if (texts) {
    thaw_page_html(page, "<td class=\"text\">");
    thaw_page_text(page, text ? text : "");
    thaw_page_html(page, "</td>");
  }
  for (size_t i = 0; i < data->count && columns < MOST_COLUMNS; i++) {
    if (!data->strategies[i].right) continue;
    const double share = share_of(&data->strategies[i], document);
    thaw_page_format(page, "<td class=\"n %s\">%.0f&#8239;%%</td>", thaw_page_shade(share),
                     100 * share);
    columns++;
  }
  thaw_page_html(page, "</tr>\n");
}

static void write_table(report_page *page, const report_data *data, const disputed *all,
                        size_t count, char *const *texts) {
  bool any = false;
  for (size_t i = 0; i < count; i++) any |= texts[i] != NULL;
  thaw_page_html(page,
                 "<p>A cell is the share of a strategy's seeds that were right; strategies have "
                 "their numbers of the comparison, and documents are counted from 0.</p>\n"
                 "<div class=\"wide\" tabindex=\"0\">\n<table class=\"heat\">\n"
                 "<caption>Right answers</caption>\n");
  write_head(page, data, any);
  thaw_page_html(page, "<tbody>\n");
  for (size_t i = 0; i < count; i++) write_row(page, data, all[i].document, texts[i], any);
  thaw_page_html(page, "</tbody>\n</table>\n</div>\n");
}

/* ---- All ------------------------------------------------------------------------------------- */

static thaw_status find_texts(const report_data *data, const disputed *all, size_t count,
                              char **texts) {
  thaw_run_file *file = NULL;
  size_t *documents = malloc((count + 1) * sizeof *documents);
  if (!documents) return thaw_fail_memory(data->ctx, count * sizeof *documents);
  for (size_t i = 0; i < count; i++) documents[i] = all[i].document;
  thaw_status status = thaw_run_open(data->ctx, data->reference, &file);
  if (status == THAW_OK) {
    status = thaw_document_texts(data->ctx, file, data->options->registry, data->split, documents,
                                 count, texts);
  }
  thaw_run_close(file);
  free(documents);
  return status;
}

static thaw_status write_documents(report_page *page, const report_data *data, const disputed *all,
                                   size_t found) {
  const size_t count = found < data->options->documents ? found : data->options->documents;
  char **texts = calloc(count + 1, sizeof *texts);
  if (!texts) return thaw_fail_memory(data->ctx, count * sizeof *texts);
  thaw_page_section(page, "documents", "Where strategies disagree");
  thaw_page_format(page,
                   "<p>Not every strategy with every seed is equally right about %zu of %zu "
                   "documents%s</p>\n",
                   found, data->document_count,
                   count == 0      ? "."
                   : count < found ? "; those on which they differ most:"
                                   : ":");
  const thaw_status status = count > 0 ? find_texts(data, all, count, texts) : THAW_OK;
  if (status == THAW_OK && count > 0) write_table(page, data, all, count, texts);
  thaw_page_section_end(page);
  for (size_t i = 0; i < count; i++) free(texts[i]);
  free(texts);
  return status;
}

thaw_status thaw_report_documents(report_page *page, const report_data *data) {
  size_t tested = 0;
  for (size_t i = 0; i < data->count; i++) tested += data->strategies[i].right != NULL;
  if (tested < 2) return THAW_OK;
  disputed *all = malloc((data->document_count + 1) * sizeof *all);
  if (!all) return thaw_fail_memory(data->ctx, data->document_count * sizeof *all);
  const thaw_status status = write_documents(page, data, all, find_disputed(data, all));
  free(all);
  return status;
}
