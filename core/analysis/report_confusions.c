/* report_confusions.c: which classes are taken for which, a matrix for each strategy. */
#include "analysis/report_parts.h"

enum { FIRST = 3 /* strategies before the others are folded */, MOST_CELLS = 30000 };

static size_t row_sum(const report_strategy *s, size_t gold) {
  size_t sum = 0;
  for (size_t c = 0; c < s->class_count; c++) sum += s->confusion[gold * s->class_count + c];
  return sum;
}

/* The mean of the seeds' counts; its shade is the share of the class. */
static void write_count(report_page *page, const report_strategy *s, size_t gold, size_t predicted,
                        size_t documents) {
  const size_t count = s->confusion[gold * s->class_count + predicted];
  const char *own = gold == predicted ? " own" : "";
  if (count == 0) {
    thaw_page_html(page, gold == predicted ? "<td class=\"own\"></td>" : "<td></td>");
    return;
  }
  const double mean = (double)count / (double)s->seeds;
  thaw_page_format(page, "<td class=\"n %s%s\">%.*f</td>",
                   thaw_page_shade((double)count / (double)documents), own,
                   mean < 9.95 && count % s->seeds ? 1 : 0, mean);
}

static void write_matrix(report_page *page, const report_strategy *s) {
  thaw_page_html(page,
                 "<div class=\"wide\" tabindex=\"0\">\n<table class=\"confusion\">\n"
                 "<caption>Documents</caption>\n<thead><tr><td></td>");
  for (size_t c = 0; c < s->class_count; c++) {
    thaw_page_html(page, "<th scope=\"col\">");
    thaw_page_text(page, s->classes[c]);
    thaw_page_html(page, "</th>");
  }
  thaw_page_html(page, "</tr></thead>\n<tbody>\n");
  for (size_t gold = 0; gold < s->class_count; gold++) {
    const size_t documents = row_sum(s, gold);
    thaw_page_html(page, "<tr><th scope=\"row\">");
    thaw_page_text(page, s->classes[gold]);
    thaw_page_html(page, "</th>");
    for (size_t c = 0; c < s->class_count; c++) write_count(page, s, gold, c, documents);
    thaw_page_html(page, "</tr>\n");
  }
  thaw_page_html(page, "</tbody>\n</table>\n</div>\n");
}

static void write_strategy(report_page *page, const report_data *data, size_t i, bool open) {
  const report_strategy *s = &data->strategies[i];
  thaw_page_html(page, open ? "<details open><summary>" : "<details><summary>");
  if (data->count > 1) thaw_page_format(page, "%zu ", i + 1);
  thaw_page_text(page, s->label);
  thaw_page_format(page, ", accuracy %.3f</summary>\n", s->row->accuracy.value);
  write_matrix(page, s);
  thaw_page_html(page, "</details>\n");
}

/* Returns how many there are. */
static size_t write_strategies(report_page *page, const report_data *data) {
  size_t cells = 0, shown = 0;
  for (size_t i = 0; i < data->count; i++) {
    const report_strategy *s = &data->strategies[i];
    cells += s->confusion ? s->class_count * s->class_count : 0;
    if (!s->confusion || cells > MOST_CELLS) continue;
    if (shown == FIRST) thaw_page_html(page, "<details><summary>Other strategies</summary>\n");
    write_strategy(page, data, i, shown == 0);
    shown++;
  }
  if (shown > FIRST) thaw_page_html(page, "</details>\n");
  return shown;
}

thaw_status thaw_report_confusions(report_page *page, const report_data *data) {
  thaw_page_section(page, "confusions", "Confusions");
  thaw_page_html(page,
                 "<p>Rows: the class of a document; columns: what it was taken for. Numbers of "
                 "documents, means over seeds, shaded by their share of the class.</p>\n");
  const size_t shown = write_strategies(page, data);
  if (shown < data->count) {
    thaw_page_format(
        page,
        "<p>%zu of %zu strategies are left out: there are too many classes or matrices "
        "for a page. <code>thaw inspect</code> lists the most confused classes of a "
        "run.</p>\n",
        data->count - shown, data->count);
  }
  thaw_page_section_end(page);
  return THAW_OK;
}
