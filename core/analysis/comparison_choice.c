/* comparison_choice.c: what a command line names: the settings that make rows, their order, the
 * baseline. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/comparison_view.h"
#include "analysis/ends.h"
#include "analysis/where.h"
#include "base/context.h"
#include "plugin/settings.h"

/* Cuts `text` at commas that stand in no brackets: the pieces, in the arena, blanks around them
 * left out; NULL when there is no memory. */
static const char **cut(thaw_arena *arena, const char *text, size_t *count) {
  size_t most = 1, depth = 0;
  for (const char *c = text; *c; c++) most += *c == ',';
  const char **pieces = thaw_arena_alloc(arena, most * sizeof *pieces);
  *count = 0;
  for (const char *c = text, *begin = text; pieces; c++) {
    if (*c == '[' || *c == '{') depth++;
    if ((*c == ']' || *c == '}') && depth > 0) depth--;
    if (*c && (*c != ',' || depth > 0)) continue;
    const char *end = c;
    while (begin < end && *begin == ' ') begin++;
    while (end > begin && end[-1] == ' ') end--;
    pieces[*count] = thaw_arena_strndup(arena, begin, (size_t)(end - begin));
    if (!pieces[(*count)++]) return NULL;
    if (!*c) break;
    begin = c + 1;
  }
  return pieces;
}

/* ---- Settings that make rows ----------------------------------------------------------------- */

static const thaw_difference *with_heading(const thaw_difference *list, size_t count,
                                           const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(list[i].heading, name) == 0) return &list[i];
  }
  return NULL;
}

/* The one whose key ends so; NULL: there is none, or several. */
static const thaw_difference *with_end(const thaw_difference *list, size_t count,
                                       const char *name) {
  const thaw_difference *found = NULL;
  for (size_t i = 0; i < count; i++) {
    if (!thaw_is_end(list[i].key, name, '.')) continue;
    if (found) return NULL;
    found = &list[i];
  }
  return found;
}

/* A heading, a whole key, the end of a key that differs, the end of any. */
static thaw_status find_setting(thaw_context *ctx, const thaw_comparison *c, const char *name,
                                thaw_difference *setting) {
  const thaw_difference *found = with_heading(c->differences, c->difference_count, name);
  const char **values = thaw_configs_values(c->configs, name);
  if (!found && !values) found = with_end(c->differences, c->difference_count, name);
  if (found) {
    *setting = *found;
    return THAW_OK;
  }
  size_t count;
  const char *const *keys = thaw_configs_keys(c->configs, &count);
  if (!keys) return thaw_fail_memory(ctx, count * sizeof *keys);
  const char *key = name;
  thaw_status status = values ? THAW_OK : thaw_key_find(ctx, name, count, keys, &key);
  if (status != THAW_OK) return status;
  *setting = (thaw_difference){key, name, thaw_configs_values(c->configs, key), false};
  return THAW_OK;
}

thaw_status thaw_grouping_choose(thaw_context *ctx, const thaw_comparison *comparison,
                                 const char *keys, thaw_grouping *grouping) {
  const bool runs = keys && strcmp(keys, "run") == 0;
  if (!keys || runs) return thaw_grouping_default(ctx, comparison, !runs, grouping);
  size_t count;
  const char **names = cut(comparison->arena, keys, &count);
  thaw_difference *settings =
      names ? thaw_arena_alloc(comparison->arena, count * sizeof *settings) : NULL;
  if (!settings) return thaw_fail_memory(ctx, strlen(keys));
  thaw_status status = THAW_OK;
  for (size_t i = 0; status == THAW_OK && i < count; i++) {
    status = *names[i] ? find_setting(ctx, comparison, names[i], &settings[i])
                       : thaw_fail(ctx, THAW_INVALID, "'%s' names no setting", keys);
  }
  if (status != THAW_OK) return thaw_explain(ctx, status, "--group-by");
  *grouping = (thaw_grouping){.keys = settings, .key_count = count, .averaged = true};
  return THAW_OK;
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* A row with what it is sorted by. */
typedef struct sorted_row {
  const char *text; /* NULL: has none */
  double number;    /* NaN: is none */
  size_t place;
} sorted_row;

/* Numbers, then texts, then nothing; equal rows keep their order. */
static int by_value(const void *left, const void *right) {
  const sorted_row *a = left, *b = right;
  if (!a->text != !b->text) return a->text ? -1 : 1;
  if (isnan(a->number) != isnan(b->number)) return isnan(a->number) ? 1 : -1;
  if (a->number < b->number) return -1;
  if (a->number > b->number) return 1;
  const int texts = a->text && isnan(a->number) ? strcmp(a->text, b->text) : 0;
  if (texts) return texts;
  return a->place < b->place ? -1 : a->place > b->place;
}

static thaw_status sort_by_setting(thaw_context *ctx, const thaw_difference *setting,
                                   thaw_comparison_row *rows, size_t count) {
  sorted_row *sorted = malloc((count + 1) * sizeof *sorted);
  thaw_comparison_row *copy = malloc((count + 1) * sizeof *copy);
  const bool ok = sorted && copy;
  for (size_t i = 0; ok && i < count; i++) {
    const char *text = setting->values[rows[i].run];
    char *end = NULL;
    const double number = text ? strtod(text, &end) : NAN;
    sorted[i] = (sorted_row){text, text && end > text && !*end ? number : NAN, i};
    copy[i] = rows[i];
  }
  if (ok) qsort(sorted, count, sizeof *sorted, by_value);
  for (size_t i = 0; ok && i < count; i++) rows[i] = copy[sorted[i].place];
  free(sorted);
  free(copy);
  return ok ? THAW_OK : thaw_fail_memory(ctx, count * sizeof *copy);
}

static thaw_status fail_order(thaw_context *ctx, const thaw_grouping *grouping, const char *order,
                              const char *const *words, size_t word_count) {
  const size_t all = word_count + grouping->key_count;
  const char **known = malloc((all + 1) * sizeof *known);
  if (!known) return thaw_fail_memory(ctx, all * sizeof *known);
  memcpy(known, words, word_count * sizeof *known);
  for (size_t i = 0; i < grouping->key_count; i++) {
    known[word_count + i] = grouping->keys[i].heading;
  }
  const char *nearest = thaw_nearest(order, known, all);
  free(known);
  if (nearest) {
    return thaw_fail(ctx, THAW_INVALID, "--sort: there is no column '%s'; did you mean '%s'?",
                     order, nearest);
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "--sort: there is no column '%s'; expected best, given, a metric that is shown, "
                   "or a setting that is",
                   order);
}

thaw_status thaw_rows_order(thaw_context *ctx, const thaw_comparison *comparison,
                            const thaw_grouping *grouping, const char *order,
                            thaw_comparison_row *rows, size_t count) {
  const char *const words[] = {"given",   "accuracy", "macro_f1",
                               "seconds", "best",     thaw_metric_about(comparison->metric)->name};
  static const thaw_comparison_order orders[] = {THAW_ORDER_GIVEN,    THAW_ORDER_ACCURACY,
                                                 THAW_ORDER_MACRO_F1, THAW_ORDER_SECONDS,
                                                 THAW_ORDER_METRIC,   THAW_ORDER_METRIC};
  const size_t word_count = sizeof words / sizeof *words;
  for (size_t i = 0; i < word_count; i++) {
    if (strcmp(order, words[i]) != 0) continue;
    thaw_rows_sort(comparison, orders[i], rows, count);
    return THAW_OK;
  }
  const thaw_difference *setting = with_heading(grouping->keys, grouping->key_count, order);
  if (!setting) setting = with_end(grouping->keys, grouping->key_count, order);
  return setting ? sort_by_setting(ctx, setting, rows, count)
                 : fail_order(ctx, grouping, order, words, word_count);
}

/* ---- Baseline -------------------------------------------------------------------------------- */

static size_t best_row(const thaw_comparison *c, const thaw_comparison_row *rows, size_t count) {
  const double sign = thaw_metric_about(c->metric)->higher_is_better ? 1 : -1;
  size_t best = 0;
  for (size_t i = 1; i < count; i++) {
    const double lead = sign * (rows[i].metric.value - rows[best].metric.value);
    if (lead > 0 || (isnan(rows[best].metric.value) && !isnan(rows[i].metric.value))) best = i;
  }
  return best;
}

/* The row of the run at `path`; `count`: there is none. */
static size_t row_of_path(const thaw_comparison *c, const thaw_comparison_row *rows, size_t count,
                          const char *path) {
  for (size_t r = 0; r < count; r++) {
    for (size_t i = 0; i < rows[r].seeds; i++) {
      const thaw_compared_run *run = &c->runs[rows[r].members[i]];
      if (strcmp(run->path, path) == 0 || strcmp(run->name, path) == 0) return r;
    }
  }
  return count;
}

static thaw_status row_of_number(thaw_context *ctx, size_t count, const char *text, size_t *row) {
  errno = 0;
  const unsigned long long number = strtoull(text, NULL, 10);
  if (errno || number < 1 || number > count) {
    return thaw_fail(ctx, THAW_INVALID, "--baseline: there is no row %s, only 1 to %zu", text,
                     count);
  }
  *row = (size_t)number - 1;
  return THAW_OK;
}

static bool all_hold(const bool *holds, const thaw_comparison_row *row) {
  for (size_t i = 0; i < row->seeds; i++) {
    if (!holds[row->members[i]]) return false;
  }
  return true;
}

static thaw_status row_of_conditions(thaw_context *ctx, const thaw_comparison *c,
                                     const thaw_comparison_row *rows, size_t count,
                                     const char *text, size_t *row) {
  size_t condition_count, found = 0;
  const char **conditions = cut(c->arena, text, &condition_count);
  bool *holds = thaw_arena_alloc(c->arena, (c->run_count + 1) * sizeof *holds);
  if (!conditions || !holds) return thaw_fail_memory(ctx, c->run_count * sizeof *holds);
  thaw_status status = thaw_comparison_where(ctx, c, condition_count, conditions, holds);
  if (status != THAW_OK) return thaw_explain(ctx, status, "--baseline");
  for (size_t r = 0; r < count; r++) {
    if (!all_hold(holds, &rows[r])) continue;
    if (found++ == 0) *row = r;
  }
  if (found == 1) return THAW_OK;
  if (found == 0) {
    return thaw_fail(ctx, THAW_INVALID, "--baseline: '%s' holds for no row", text);
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "--baseline: '%s' holds for %zu rows: say more, or name one by its number", text,
                   found);
}

thaw_status thaw_baseline_choose(thaw_context *ctx, const thaw_comparison *comparison,
                                 const thaw_comparison_row *rows, size_t count,
                                 const char *baseline, size_t *row) {
  *row = best_row(comparison, rows, count);
  if (!baseline) return THAW_OK;
  if (*baseline && strspn(baseline, "0123456789") == strlen(baseline)) {
    return row_of_number(ctx, count, baseline, row);
  }
  *row = row_of_path(comparison, rows, count, baseline);
  if (*row < count) return THAW_OK;
  if (strpbrk(baseline, "=<>~")) {
    return row_of_conditions(ctx, comparison, rows, count, baseline, row);
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "--baseline: '%s' is none of the runs; expected one of them, the number of a "
                   "row, or KEY=VALUE",
                   baseline);
}
