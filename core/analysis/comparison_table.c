/* comparison_table.c: the rows of a comparison as a table. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/comparison_view.h"

enum {
  SHORT_HASH = 8,  /* digits that are shown of a hash */
  CELL_TEXT = 128, /* bytes */
  P_DECIMALS = 3,
};
static const uint64_t LARGEST_EXACT = UINT64_C(1) << 53; /* in a double */

typedef struct writer {
  const thaw_comparison *comparison;
  const thaw_comparison_view *view;
  const thaw_metric_facts *about;
  thaw_table *table;
} writer;

/* What is said about a metric that is not the comparison's. */
static const thaw_metric others[] = {THAW_METRIC_ACCURACY, THAW_METRIC_MACRO_F1,
                                     THAW_METRIC_SECONDS};
enum { OTHERS = sizeof others / sizeof *others };

static bool is_shown(const writer *w, thaw_metric metric) {
  const bool of_classes = thaw_metric_about(metric)->of_documents;
  return metric != w->comparison->metric && !(w->about->of_models && of_classes);
}

/* Where the notes say how many documents there were, each row need not. */
static bool shows_documents(const writer *w) {
  const bool noted = w->view->pairs && w->view->together && !w->comparison->tests_differ;
  return !w->about->of_models && !noted;
}

static bool is_interval(const writer *w, thaw_metric metric) {
  return metric == THAW_METRIC_ACCURACY ||
         (metric == THAW_METRIC_MACRO_F1 && !w->view->grouping->runs);
}

/* ---- Headings -------------------------------------------------------------------------------- */

static void interval_columns(const writer *w, const char *name) {
  char heading[CELL_TEXT];
  snprintf(heading, sizeof heading, "%s_low", name);
  thaw_table_column(w->table, heading);
  snprintf(heading, sizeof heading, "%s_high", name);
  thaw_table_column(w->table, heading);
}

static void metric_columns(const writer *w, thaw_metric metric, bool interval) {
  const thaw_metric_facts *about = thaw_metric_about(metric);
  thaw_table_column(w->table, w->view->together ? about->heading : about->name);
  if (!w->view->together && interval) interval_columns(w, about->name);
}

static void pair_columns(const writer *w) {
  static const char *const numbers[] = {
      "p",       "p_holm",        "p_same",         "p_same_holm",  "p_documents",
      "p_seeds", "bootstrap_low", "bootstrap_high", "seeds_needed", "documents_needed"};
  thaw_table_column(w->table, "difference");
  if (w->view->together) {
    thaw_table_column(w->table, "p");
  } else {
    interval_columns(w, "difference");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      thaw_table_column(w->table, numbers[i]);
    }
  }
  thaw_table_column(w->table, "verdict");
}

static void add_columns(const writer *w) {
  const thaw_comparison *c = w->comparison;
  const thaw_grouping *grouping = w->view->grouping;
  if (w->view->pairs) thaw_table_column(w->table, "row");
  if (grouping->runs) thaw_table_column(w->table, "run");
  for (size_t i = 0; i < grouping->key_count; i++) {
    thaw_table_column(w->table, grouping->keys[i].heading);
  }
  thaw_table_column(w->table, grouping->runs ? "seed" : grouping->averaged ? "runs" : "seeds");
  if (c->splits_named) thaw_table_column(w->table, "split");
  if (c->tests_differ) thaw_table_column(w->table, "test");
  if (shows_documents(w)) thaw_table_column(w->table, "documents");
  metric_columns(w, c->metric, true);
  if (!grouping->runs) thaw_table_column(w->table, "sd");
  for (size_t i = 0; i < OTHERS; i++) {
    if (is_shown(w, others[i])) metric_columns(w, others[i], is_interval(w, others[i]));
  }
  if (w->view->pairs) pair_columns(w);
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static void metric_cells(const writer *w, thaw_metric metric, thaw_estimate estimate,
                         bool interval) {
  const int decimals = thaw_metric_about(metric)->decimals;
  if (w->view->together && interval && isfinite(estimate.low)) {
    char text[CELL_TEXT];
    snprintf(text, sizeof text, "%.*f [%.*f, %.*f]", decimals, estimate.value, decimals,
             estimate.low, decimals, estimate.high);
    thaw_table_text(w->table, text);
    return;
  }
  thaw_table_number(w->table, estimate.value, decimals);
  if (w->view->together || !interval) return;
  thaw_table_number(w->table, estimate.low, decimals);
  thaw_table_number(w->table, estimate.high, decimals);
}

/* A number where a program reads it back as the same, otherwise its digits. */
static void seed_cell(const writer *w, uint64_t seed) {
  if (seed <= LARGEST_EXACT) {
    thaw_table_number(w->table, (double)seed, 0);
  } else {
    char text[CELL_TEXT];
    snprintf(text, sizeof text, "%" PRIu64, seed);
    thaw_table_text(w->table, text);
  }
}

/* "5000 1f3a5b7c": how many documents, and the first digits of the hash of their classes. */
static void test_cell(const writer *w, const thaw_compared_run *run) {
  char text[CELL_TEXT];
  snprintf(text, sizeof text, "%zu %.*s", run->scores.count, SHORT_HASH, run->gold);
  thaw_table_text(w->table, text);
}

/* "-4.6 [-6.2, -3.0]", in the metric's unit. */
static void difference_cell(const writer *w, thaw_estimate difference) {
  const double scale = w->about->scale;
  const int decimals = scale > 1 ? w->about->decimals - 2 : w->about->decimals;
  char text[CELL_TEXT];
  if (isnan(difference.value)) {
    thaw_table_nothing(w->table);
    return;
  }
  const int length = snprintf(text, sizeof text, "%+.*f", decimals, difference.value * scale);
  if (isfinite(difference.low)) {
    snprintf(text + length, sizeof text - (size_t)length, " [%+.*f, %+.*f]", decimals,
             difference.low * scale, decimals, difference.high * scale);
  }
  thaw_table_text(w->table, text);
}

static void p_cell(const writer *w, double p) {
  if (p < 0.001) {
    thaw_table_text(w->table, "<0.001");
  } else {
    char text[CELL_TEXT];
    snprintf(text, sizeof text, "%.*f", P_DECIMALS, p);
    thaw_table_text(w->table, isnan(p) ? NULL : text);
  }
}

static void count_cell(const writer *w, size_t count) {
  thaw_table_number(w->table, count ? (double)count : NAN, 0);
}

static void pair_cells(const writer *w, const thaw_paired *pair) {
  char words[CELL_TEXT];
  thaw_verdict_words(pair, sizeof words, words);
  if (w->view->together) {
    difference_cell(w, pair->difference);
    p_cell(w, pair->p_holm);
  } else {
    const double numbers[] = {
        pair->difference.value, pair->difference.low, pair->difference.high, pair->p,
        pair->p_holm,           pair->p_same,         pair->p_same_holm,     pair->p_documents,
        pair->p_seeds,          pair->boot_low,       pair->boot_high};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      thaw_table_number(w->table, numbers[i], P_DECIMALS);
    }
    count_cell(w, pair->seeds_needed);
    count_cell(w, pair->documents_needed);
  }
  thaw_table_text(w->table, words);
}

static thaw_estimate other_metric(const thaw_comparison_row *row, thaw_metric metric) {
  if (metric == THAW_METRIC_ACCURACY) return row->accuracy;
  if (metric == THAW_METRIC_MACRO_F1) return row->macro_f1;
  return (thaw_estimate){row->seconds, NAN, NAN};
}

static void add_row(const writer *w, size_t number) {
  const thaw_comparison *c = w->comparison;
  const thaw_grouping *grouping = w->view->grouping;
  const thaw_comparison_row *row = &w->view->rows[number];
  const thaw_compared_run *run = &c->runs[row->run];
  if (w->view->pairs) thaw_table_number(w->table, (double)(number + 1), 0);
  if (grouping->runs) thaw_table_text(w->table, run->name);
  for (size_t i = 0; i < grouping->key_count; i++) {
    thaw_table_text(w->table, grouping->keys[i].values[row->run]);
  }
  if (grouping->runs) {
    seed_cell(w, run->seed);
  } else {
    thaw_table_number(w->table, (double)row->seeds, 0);
  }
  if (c->splits_named) thaw_table_text(w->table, run->split);
  if (c->tests_differ) test_cell(w, run);
  if (shows_documents(w)) thaw_table_number(w->table, (double)run->scores.count, 0);
  metric_cells(w, c->metric, row->metric, true);
  if (!grouping->runs) thaw_table_number(w->table, row->deviation, w->about->decimals);
  for (size_t i = 0; i < OTHERS; i++) {
    const bool interval = is_interval(w, others[i]) && !w->view->together;
    if (is_shown(w, others[i])) metric_cells(w, others[i], other_metric(row, others[i]), interval);
  }
  if (w->view->pairs) pair_cells(w, &w->view->pairs[number]);
}

thaw_status thaw_comparison_view_table(thaw_context *ctx, const thaw_comparison *comparison,
                                       const thaw_comparison_view *view, thaw_table **table) {
  *table = thaw_table_create();
  if (!*table) return thaw_fail_memory(ctx, 0);
  const writer w = {comparison, view, thaw_metric_about(comparison->metric), *table};
  add_columns(&w);
  for (size_t i = 0; i < view->count; i++) add_row(&w, i);
  return THAW_OK;
}

thaw_status thaw_comparison_table(thaw_context *ctx, const thaw_comparison *comparison,
                                  const thaw_comparison_row *rows, size_t count, bool grouped,
                                  bool together, thaw_table **table) {
  thaw_grouping grouping;
  *table = NULL;
  thaw_status status = thaw_grouping_default(ctx, comparison, grouped, &grouping);
  const thaw_comparison_view view = {
      .grouping = &grouping, .rows = rows, .count = count, .together = together};
  return status ? status : thaw_comparison_view_table(ctx, comparison, &view, table);
}
