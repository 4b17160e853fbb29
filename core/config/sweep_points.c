/* sweep_points.c: the word `points`: runs written out, each with several keys at once. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/sweep.h"

/* ---- Values that set the same --------------------------------------------------------------- */

/* A value's overrides, sorted and joined: equal for values that set the same. */
typedef struct spelled {
  const char *text;
  size_t number;
} spelled;

static int by_pointed(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_text(const void *a, const void *b) {
  const spelled *x = a, *y = b;
  const int order = strcmp(x->text, y->text);
  return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

static thaw_status spell(const thaw_sweeping *s, thaw_arena *arena, const thaw_sweep_point *value,
                         const char **text) {
  const size_t count = value->set_count;
  const char **sorted = malloc((count + 1) * sizeof *sorted);
  thaw_buffer joined = {0};
  bool ok = sorted && thaw_buffer_text(&joined, "");
  if (ok && count) memcpy(sorted, value->sets, count * sizeof *sorted);
  if (ok && count) qsort(sorted, count, sizeof *sorted, by_pointed);
  for (size_t i = 0; i < count && ok; i++) ok = thaw_buffer_format(&joined, "%s\n", sorted[i]);
  *text = ok ? thaw_arena_strdup(arena, joined.data) : NULL;
  thaw_buffer_free(&joined);
  free(sorted);
  return *text ? THAW_OK : thaw_fail_memory(s->ctx, count);
}

static const thaw_node *item_number(const thaw_node *items, size_t number) {
  while (number-- > 0) items = items->next;
  return items;
}

static thaw_status fail_twice(const thaw_sweeping *s, const thaw_node *items, size_t first,
                              size_t second) {
  const thaw_node *a = item_number(items, first), *b = item_number(items, second);
  return thaw_fail_at(s->ctx, b->file, b->line, b->column,
                      "sweep: this point repeats the one in line %zu, column %zu", a->line,
                      a->column);
}

/* Marks all but the first of those that are equal. */
static thaw_status mark_twins(const thaw_sweeping *s, const spelled *sorted, size_t count,
                              const thaw_node *items, const bool *lost, bool *twin) {
  size_t first = 0; /* of those that are equal */
  for (size_t i = 1; i < count; i++) {
    const size_t a = sorted[first].number, b = sorted[i].number;
    if (strcmp(sorted[first].text, sorted[i].text) != 0) {
      first = i;
    } else if (items && !lost[a] && !lost[b]) {
      return fail_twice(s, items, a, b);
    } else {
      twin[b] = true;
    }
  }
  return THAW_OK;
}

static thaw_status find_twins(const thaw_sweeping *s, const thaw_axis *axis, thaw_arena *arena,
                              const thaw_node *items, const bool *lost, bool *twin) {
  spelled *sorted = malloc((axis->count + 1) * sizeof *sorted);
  thaw_status status = sorted ? THAW_OK : thaw_fail_memory(s->ctx, axis->count * sizeof *sorted);
  for (size_t v = 0; v < axis->count && status == THAW_OK; v++) {
    sorted[v].number = v;
    status = spell(s, arena, &axis->values[v], &sorted[v].text);
  }
  if (status == THAW_OK) {
    qsort(sorted, axis->count, sizeof *sorted, by_text);
    status = mark_twins(s, sorted, axis->count, items, lost, twin);
  }
  free(sorted);
  return status;
}

thaw_status thaw_axis_merge(thaw_sweeping *s, thaw_axis *axis, const thaw_node *items,
                            const bool *lost) {
  thaw_arena *arena = thaw_arena_create();
  bool *twin = calloc(axis->count + 1, sizeof *twin);
  thaw_status status = arena && twin ? find_twins(s, axis, arena, items, lost, twin)
                                     : thaw_fail_memory(s->ctx, axis->count);
  size_t kept = 0;
  for (size_t v = 0; v < axis->count && status == THAW_OK; v++) {
    if (!twin[v]) axis->values[kept++] = axis->values[v];
  }
  if (status == THAW_OK) axis->count = kept;
  free(twin);
  thaw_arena_free(arena);
  return status;
}

/* ---- Points --------------------------------------------------------------------------------- */

static thaw_status read_point(thaw_sweeping *s, const thaw_node *point, thaw_sweep_point *value,
                              bool *lost) {
  size_t count = 0;
  for (const thaw_node *key = point->first; key; key = key->next) count++;
  const char **sets = thaw_arena_alloc(s->arena, count * sizeof *sets);
  if (!sets) return thaw_fail_memory(s->ctx, count * sizeof *sets);
  value->sets = sets;
  for (const thaw_node *key = point->first; key; key = key->next) {
    const bool fixed = thaw_sweep_is_fixed(s, key->key);
    *lost = *lost || fixed;
    if (fixed) continue;
    thaw_status status = thaw_sweep_check_key(s->ctx, key, false);
    if (status == THAW_OK) status = thaw_sweep_add_key(s, key);
    if (status == THAW_OK) status = thaw_sweep_set(s, key->key, key, &sets[value->set_count]);
    if (status != THAW_OK) return status;
    value->set_count++;
  }
  return THAW_OK;
}

thaw_status thaw_sweep_add_points(thaw_sweeping *s) {
  const thaw_node *points = s->parts.points;
  thaw_axis *axis = &s->axes[s->axis_count];
  size_t count = 0;
  for (const thaw_node *point = points->first; point; point = point->next) count++;
  axis->node = points;
  axis->values = thaw_arena_zalloc(s->arena, count * sizeof *axis->values);
  bool *lost = calloc(count, sizeof *lost);
  thaw_status status = axis->values && lost ? THAW_OK : thaw_fail_memory(s->ctx, count);
  for (const thaw_node *point = points->first; point && status == THAW_OK; point = point->next) {
    status = read_point(s, point, &axis->values[axis->count], &lost[axis->count]);
    axis->count++;
  }
  if (status == THAW_OK) status = thaw_axis_merge(s, axis, points->first, lost);
  free(lost);
  s->axis_count++;
  return status;
}
