/* run_summary_table.c: a list of runs as a table. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run_summary.h"

enum { METRIC_DECIMALS = 3, PERPLEXITY_DECIMALS = 2 };
static const double MEBIBYTE = 1 << 20;
static const uint64_t LARGEST_EXACT = UINT64_C(1) << 53; /* in a double */

/* Columns that may be left out. */
typedef struct columns {
  bool people, accuracy, perplexity, started, tags;
} columns;

static columns choose(const thaw_run_summary *summaries, size_t count, bool people) {
  columns c = {people, !people, !people, !people, !people};
  for (size_t i = 0; i < count; i++) {
    const thaw_run_summary *s = &summaries[i];
    c.accuracy |= isfinite(s->accuracy);
    c.perplexity |= isfinite(s->perplexity);
    c.started |= s->started != NULL;
    c.tags |= s->tags && *s->tags;
  }
  return c;
}

static void add_headings(thaw_table *table, const columns *c) {
  thaw_table_column(table, "run");
  thaw_table_column(table, "name");
  thaw_table_column(table, "seed");
  thaw_table_column(table, "state");
  if (c->accuracy) thaw_table_column(table, "accuracy");
  if (c->perplexity) thaw_table_column(table, "perplexity");
  if (c->started) thaw_table_column(table, c->people ? "started (UTC)" : "started");
  thaw_table_column(table, "seconds");
  thaw_table_column(table, c->people ? "MiB" : "bytes");
  if (c->tags) thaw_table_column(table, "tags");
  if (!c->people) thaw_table_column(table, "path");
}

/* "2026-11-24 16:04" of "2026-11-24T16:04:05Z". */
static void started_cell(thaw_table *table, const char *started, bool people) {
  char text[32];
  const char *t = started ? strchr(started, 'T') : NULL;
  if (!people || !t || strlen(t) < strlen("T16:04")) {
    thaw_table_text(table, started);
    return;
  }
  snprintf(text, sizeof text, "%.*s %.5s", (int)(t - started), started, t + 1);
  thaw_table_text(table, text);
}

/* A number where a program reads it back as the same, otherwise its digits. */
static void seed_cell(thaw_table *table, const thaw_run_summary *summary) {
  char text[32];
  if (summary->fault) {
    thaw_table_nothing(table);
  } else if (summary->seed <= LARGEST_EXACT) {
    thaw_table_number(table, (double)summary->seed, 0);
  } else {
    snprintf(text, sizeof text, "%" PRIu64, summary->seed);
    thaw_table_text(table, text);
  }
}

static void add_row(thaw_table *table, const columns *c, const thaw_run_summary *s) {
  thaw_table_text(table, s->label);
  thaw_table_text(table, s->name);
  seed_cell(table, s);
  thaw_table_text(table, s->state);
  if (c->accuracy) thaw_table_number(table, s->accuracy, METRIC_DECIMALS);
  if (c->perplexity) thaw_table_number(table, s->perplexity, PERPLEXITY_DECIMALS);
  if (c->started) started_cell(table, s->started, c->people);
  thaw_table_number(table, s->seconds, 1);
  thaw_table_number(table, c->people ? (double)s->bytes / MEBIBYTE : (double)s->bytes,
                    c->people ? 2 : 0);
  if (c->tags) thaw_table_text(table, s->tags && *s->tags ? s->tags : NULL);
  if (!c->people) thaw_table_text(table, s->path);
}

thaw_status thaw_run_summaries_table(thaw_context *ctx, const thaw_run_summary *summaries,
                                     size_t count, bool people, thaw_table **table) {
  *table = thaw_table_create();
  if (!*table) return thaw_fail_memory(ctx, 0);
  const columns c = choose(summaries, count, people);
  add_headings(*table, &c);
  for (size_t i = 0; i < count; i++) add_row(*table, &c, &summaries[i]);
  return THAW_OK;
}
