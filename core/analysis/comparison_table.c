/* comparison_table.c: the rows of a comparison as a table. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/comparison.h"

enum {
  SHORT_HASH = 8,  /* digits that are shown of a hash */
  CELL_TEXT = 128, /* bytes */
  METRIC_DECIMALS = 3,
};
static const uint64_t LARGEST_EXACT = UINT64_C(1) << 53; /* in a double */

typedef struct writer {
  const thaw_comparison *comparison;
  bool grouped, together;
  thaw_table *table;
} writer;

/* ---- Headings -------------------------------------------------------------------------------- */

static void metric_columns(const writer *w, const char *people, const char *value, const char *low,
                           const char *high, bool interval) {
  thaw_table_column(w->table, w->together ? people : value);
  if (w->together || !interval) return;
  thaw_table_column(w->table, low);
  thaw_table_column(w->table, high);
}

/* Of a group, the seeds of its stages are no property. */
static bool is_shown(const writer *w, const thaw_difference *difference) {
  return !(w->grouped && difference->is_seed);
}

static void add_columns(const writer *w) {
  const thaw_comparison *c = w->comparison;
  if (!w->grouped) thaw_table_column(w->table, "run");
  for (size_t i = 0; i < c->difference_count; i++) {
    if (is_shown(w, &c->differences[i])) thaw_table_column(w->table, c->differences[i].heading);
  }
  thaw_table_column(w->table, w->grouped ? "seeds" : "seed");
  if (c->splits_named) thaw_table_column(w->table, "split");
  if (c->tests_differ) thaw_table_column(w->table, "test");
  thaw_table_column(w->table, "documents");
  metric_columns(w, "accuracy", "accuracy", "accuracy_low", "accuracy_high", true);
  metric_columns(w, "macro F1", "macro_f1", "macro_f1_low", "macro_f1_high", w->grouped);
  thaw_table_column(w->table, "seconds");
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static void metric_cells(const writer *w, thaw_estimate estimate, bool interval) {
  if (w->together && isfinite(estimate.low)) {
    char text[CELL_TEXT];
    snprintf(text, sizeof text, "%.*f [%.*f, %.*f]", METRIC_DECIMALS, estimate.value,
             METRIC_DECIMALS, estimate.low, METRIC_DECIMALS, estimate.high);
    thaw_table_text(w->table, text);
    return;
  }
  thaw_table_number(w->table, estimate.value, METRIC_DECIMALS);
  if (w->together || !interval) return;
  thaw_table_number(w->table, estimate.low, METRIC_DECIMALS);
  thaw_table_number(w->table, estimate.high, METRIC_DECIMALS);
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

static void add_row(const writer *w, const thaw_comparison_row *row) {
  const thaw_comparison *c = w->comparison;
  const thaw_compared_run *run = &c->runs[row->run];
  if (!w->grouped) thaw_table_text(w->table, run->name);
  for (size_t i = 0; i < c->difference_count; i++) {
    if (!is_shown(w, &c->differences[i])) continue;
    thaw_table_text(w->table, c->differences[i].values[row->run]);
  }
  if (w->grouped) {
    thaw_table_number(w->table, (double)row->seeds, 0);
  } else {
    seed_cell(w, run->seed);
  }
  if (c->splits_named) thaw_table_text(w->table, run->split);
  if (c->tests_differ) test_cell(w, run);
  thaw_table_number(w->table, (double)run->scores.count, 0);
  metric_cells(w, row->accuracy, true);
  metric_cells(w, row->macro_f1, w->grouped);
  thaw_table_number(w->table, row->seconds, 1);
}

thaw_status thaw_comparison_table(thaw_context *ctx, const thaw_comparison *comparison,
                                  const thaw_comparison_row *rows, size_t count, bool grouped,
                                  bool together, thaw_table **table) {
  *table = thaw_table_create();
  if (!*table) return thaw_fail_memory(ctx, 0);
  const writer w = {comparison, grouped, together, *table};
  add_columns(&w);
  for (size_t i = 0; i < count; i++) add_row(&w, &rows[i]);
  return THAW_OK;
}
