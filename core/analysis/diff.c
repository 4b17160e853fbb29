/* diff.c: opens two runs, has every section compared, and makes tables of what was found. */
#include "analysis/diff.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "base/context.h"

/* ---- Filling sections ------------------------------------------------------------------------ */

const char *thaw_diff_plural(size_t count) {
  return count == 1 ? "" : "s";
}

static const char *format_in_arena(diff_reader *r, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *text = length < 0 ? NULL : thaw_arena_alloc(r->diff->arena, (size_t)length + 1);
  if (text) vsnprintf(text, (size_t)length + 1, format, arguments);
  if (!text) r->failed = true;
  return text;
}

const char *thaw_diff_format(diff_reader *r, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *text = format_in_arena(r, format, arguments);
  va_end(arguments);
  return text;
}

void thaw_diff_summary(diff_reader *r, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  r->section->summary = format_in_arena(r, format, arguments);
  va_end(arguments);
}

static void add_row(diff_reader *r, thaw_diff_row row) {
  thaw_diff_section *s = r->section;
  if (s->count == s->space) {
    const size_t space = s->space ? 2 * s->space : 16;
    thaw_diff_row *rows = thaw_arena_alloc(r->diff->arena, space * sizeof *rows);
    if (!rows) {
      r->failed = true;
      return;
    }
    if (s->count) memcpy(rows, s->rows, s->count * sizeof *rows);
    s->rows = rows;
    s->space = space;
  }
  row.what = thaw_arena_strdup(r->diff->arena, row.what);
  if (!row.what) r->failed = true;
  s->rows[s->count++] = row;
  s->differs = true;
}

static thaw_diff_value text_value(diff_reader *r, const char *text) {
  const thaw_diff_value value = {text ? thaw_arena_strdup(r->diff->arena, text) : NULL, NAN};
  if (text && !value.text) r->failed = true;
  return value;
}

void thaw_diff_texts(diff_reader *r, const char *what, const char *a, const char *b) {
  add_row(r, (thaw_diff_row){what, text_value(r, a), text_value(r, b), NAN});
}

void thaw_diff_numbers(diff_reader *r, const char *what, double a, double b, double difference) {
  add_row(r, (thaw_diff_row){what, {NULL, a}, {NULL, b}, difference});
}

void thaw_diff_note(diff_reader *r, thaw_buffer *list, const char *item) {
  if (!thaw_buffer_format(list, "%s%s", list->size ? ", " : "", item)) r->failed = true;
}

thaw_status thaw_diff_read_texts(diff_reader *r, const char *part, char *texts[2]) {
  thaw_status status = THAW_OK;
  texts[0] = texts[1] = NULL;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    status = thaw_run_text(r->ctx, r->runs[i], part, &texts[i]);
    if (status == THAW_INVALID) status = THAW_OK;
  }
  return status;
}

/* ---- Both runs ------------------------------------------------------------------------------- */

static thaw_status describe(diff_reader *r) {
  char *started[2];
  thaw_status status = thaw_diff_read_texts(r, "environment/started", started);
  for (size_t i = 0; i < 2; i++) {
    const thaw_run_file *run = r->runs[i];
    r->diff->states[i] = thaw_diff_format(
        r, "%s%s%s, %.1f s", thaw_run_complete(run) ? "finished" : "not finished",
        started[i] ? ", started " : "", started[i] ? started[i] : "", thaw_run_seconds(run));
    free(started[i]);
  }
  return status;
}

static thaw_status compare(diff_reader *r) {
  static const struct {
    const char *name;
    thaw_status (*compare)(diff_reader *r);
  } parts[THAW_DIFF_SECTIONS] = {
      [THAW_DIFF_CONFIG] = {"config", thaw_diff_config},
      [THAW_DIFF_DATA] = {"data", thaw_diff_data},
      [THAW_DIFF_ENVIRONMENT] = {"environment", thaw_diff_environment},
      [THAW_DIFF_VOCABULARY] = {"vocabulary", thaw_diff_vocabulary},
      [THAW_DIFF_WEIGHTS] = {"weights", thaw_diff_weights},
      [THAW_DIFF_METRICS] = {"metrics", thaw_diff_metrics},
      [THAW_DIFF_RESULTS] = {"results", thaw_diff_results},
  };
  thaw_status status = describe(r);
  for (size_t i = 0; i < THAW_DIFF_SECTIONS && status == THAW_OK; i++) {
    r->section = &r->diff->sections[i];
    *r->section = (thaw_diff_section){.name = parts[i].name, .summary = "the same"};
    status = parts[i].compare(r);
    r->diff->differs |= r->section->differs;
  }
  if (status == THAW_OK) status = thaw_diff_conclude(r);
  if (status == THAW_OK && r->failed) status = thaw_fail_memory(r->ctx, 0);
  return status;
}

static void free_reader(diff_reader *r) {
  for (size_t i = 0; i < 2; i++) thaw_vocabulary_free(r->vocabularies[i]);
  thaw_buffer_free(&r->facts.settings);
  thaw_buffer_free(&r->facts.data);
  thaw_buffer_free(&r->facts.versions);
  thaw_buffer_free(&r->facts.machine);
  free(r->places);
}

thaw_status thaw_diff_read(thaw_context *ctx, const char *a, const char *b, thaw_diff **diff) {
  thaw_run_file *runs[2] = {NULL, NULL};
  *diff = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_diff *read = arena ? thaw_arena_zalloc(arena, sizeof *read) : NULL;
  if (!read) {
    thaw_arena_free(arena);
    return thaw_fail_memory(ctx, sizeof *read);
  }
  read->arena = arena;
  read->paths[0] = thaw_arena_strdup(arena, a);
  read->paths[1] = thaw_arena_strdup(arena, b);
  thaw_status status = thaw_run_open(ctx, a, &runs[0]);
  if (status == THAW_OK) status = thaw_run_open(ctx, b, &runs[1]);
  if (status == THAW_OK) {
    diff_reader r = {.ctx = ctx, .runs = {runs[0], runs[1]}, .diff = read};
    status = compare(&r);
    free_reader(&r);
  }
  for (size_t i = 0; i < 2; i++) thaw_run_close(runs[i]);
  if (status == THAW_OK) {
    *diff = read;
  } else {
    thaw_diff_free(read);
  }
  return status;
}

void thaw_diff_free(thaw_diff *diff) {
  if (diff) thaw_arena_free(diff->arena);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* For people a number has six digits, whatever its size. */
static void number_cell(thaw_table *table, double number, bool people) {
  char text[32];
  if (people && isfinite(number)) {
    snprintf(text, sizeof text, "%.6g", number);
    thaw_table_text(table, text);
  } else {
    thaw_table_number(table, number, 0);
  }
}

static void value_cell(thaw_table *table, const thaw_diff_value *value, bool people) {
  if (value->text) {
    thaw_table_text(table, value->text);
  } else {
    number_cell(table, value->number, people);
  }
}

thaw_status thaw_diff_section_table(thaw_context *ctx, const thaw_diff_section *section,
                                    thaw_table **table) {
  *table = thaw_table_create();
  if (!*table) return thaw_fail_memory(ctx, 0);
  bool any = false;
  for (size_t i = 0; i < section->count; i++) any |= !isnan(section->rows[i].difference);
  thaw_table_column(*table, "what");
  thaw_table_column(*table, "A");
  thaw_table_column(*table, "B");
  if (any) thaw_table_column(*table, "difference");
  for (size_t i = 0; i < section->count; i++) {
    const thaw_diff_row *row = &section->rows[i];
    thaw_table_text(*table, row->what);
    value_cell(*table, &row->a, true);
    value_cell(*table, &row->b, true);
    if (any) number_cell(*table, row->difference, true);
  }
  return THAW_OK;
}

thaw_status thaw_diff_table(thaw_context *ctx, const thaw_diff *diff, bool people,
                            thaw_table **table) {
  static const char *const headings[] = {"section", "what", "A", "B", "difference"};
  *table = thaw_table_create();
  if (!*table) return thaw_fail_memory(ctx, 0);
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(*table, headings[i]);
  for (size_t s = 0; s < THAW_DIFF_SECTIONS; s++) {
    const thaw_diff_section *section = &diff->sections[s];
    for (size_t i = 0; i < section->count; i++) {
      const thaw_diff_row *row = &section->rows[i];
      thaw_table_text(*table, section->name);
      thaw_table_text(*table, row->what);
      value_cell(*table, &row->a, people);
      value_cell(*table, &row->b, people);
      number_cell(*table, row->difference, people);
    }
  }
  return THAW_OK;
}
