/* sweep.c: every combination of the values of a sweep, as overrides.
 *
 * The keys are the digits of a number that counts the points; the last one varies fastest. A key
 * that the user overrides has just the user's value: it is no digit. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/experiment.h"
#include "config/merge.h"

enum { MOST_POINTS = 100000 };

/* A key and its values as overrides: "seed=1", "seed=2". */
typedef struct axis {
  const char **sets;
  size_t count;
} axis;

typedef struct building {
  thaw_context *ctx;
  thaw_sweep *sweep;
  axis *axes;
  size_t axis_count;
} building;

thaw_status thaw_sweep_fail_kind(thaw_context *ctx, const thaw_node *sweep) {
  return thaw_fail_at(ctx, sweep->file, sweep->line, sweep->column,
                      "sweep: expected keys with lists of values, found %s",
                      sweep->kind == THAW_NODE_LIST ? "a list" : "one value");
}

/* ---- One key -------------------------------------------------------------------------------- */

static thaw_status write_set(building *b, const char *key, const thaw_node *value,
                             const char **set) {
  thaw_buffer text = {0};
  thaw_node plain = *value; /* 1 and '1' are the same value, null and 'null' are not */
  plain.quoted = false;
  plain.quoted = thaw_node_is_null(&plain) || thaw_node_is_empty(&plain) ? value->quoted : false;
  const bool ok = thaw_buffer_format(&text, "%s=", key) &&
                  thaw_node_write_line(b->ctx, &plain, false, &text) == THAW_OK;
  *set = ok ? thaw_arena_strdup(b->sweep->arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return *set ? THAW_OK : thaw_fail_memory(b->ctx, strlen(key));
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two equal values would be the same run twice. */
static thaw_status refuse_twins(building *b, const thaw_node *key, const axis *values) {
  const char **sorted = malloc(values->count * sizeof *sorted);
  if (!sorted) return thaw_fail_memory(b->ctx, values->count * sizeof *sorted);
  memcpy(sorted, values->sets, values->count * sizeof *sorted);
  qsort(sorted, values->count, sizeof *sorted, by_text);
  thaw_status status = THAW_OK;
  for (size_t i = 1; i < values->count && status == THAW_OK; i++) {
    if (strcmp(sorted[i - 1], sorted[i]) != 0) continue;
    status = thaw_fail_at(b->ctx, key->file, key->line, key->column,
                          "sweep: %s: the value %s stands here twice", key->key,
                          strchr(sorted[i], '=') + 1);
  }
  free(sorted);
  return status;
}

static thaw_status read_axis(building *b, const thaw_node *key, axis *values) {
  if (!thaw_is_dotted(key->key)) {
    return thaw_fail_at(b->ctx, key->file, key->key_line, key->key_column,
                        "sweep: expected a key such as stages.classify.epochs, found '%s'",
                        key->key);
  }
  if (key->kind != THAW_NODE_LIST || !key->first) {
    return thaw_fail_at(b->ctx, key->file, key->line, key->column,
                        "sweep: %s: expected a list of values, found %s", key->key,
                        key->kind == THAW_NODE_LIST     ? "an empty one"
                        : key->kind == THAW_NODE_SCALAR ? "one value"
                                                        : "a mapping");
  }
  size_t count = 0;
  for (const thaw_node *value = key->first; value; value = value->next) count++;
  values->sets = thaw_arena_alloc(b->sweep->arena, count * sizeof *values->sets);
  if (!values->sets) return thaw_fail_memory(b->ctx, count * sizeof *values->sets);
  for (const thaw_node *value = key->first; value; value = value->next) {
    const thaw_status status = write_set(b, key->key, value, &values->sets[values->count]);
    if (status != THAW_OK) return status;
    values->count++;
  }
  return refuse_twins(b, key, values);
}

/* ---- All of them ---------------------------------------------------------------------------- */

static thaw_status read_axes(building *b, const thaw_node *sweep, size_t set_count,
                             const char *const *sets) {
  if (!sweep) return THAW_OK;
  if (sweep->kind != THAW_NODE_MAP) return thaw_sweep_fail_kind(b->ctx, sweep);
  size_t count = 0;
  for (const thaw_node *key = sweep->first; key; key = key->next) count++;
  b->axes = thaw_arena_zalloc(b->sweep->arena, count * sizeof *b->axes);
  if (!b->axes) return thaw_fail_memory(b->ctx, count * sizeof *b->axes);
  size_t points = 1;
  for (const thaw_node *key = sweep->first; key; key = key->next) {
    if (thaw_sets_cover(set_count, sets, key->key)) continue;
    axis *values = &b->axes[b->axis_count++];
    const thaw_status status = read_axis(b, key, values);
    if (status != THAW_OK) return status;
    points *= values->count;
    if (points > MOST_POINTS) {
      return thaw_fail_at(b->ctx, sweep->file, sweep->key_line, sweep->key_column,
                          "sweep: more than 100,000 runs come of it");
    }
  }
  b->sweep->count = points;
  return THAW_OK;
}

static thaw_status write_points(building *b, size_t set_count, const char *const *sets) {
  thaw_arena *arena = b->sweep->arena;
  const size_t width = b->axis_count + set_count;
  b->sweep->points = thaw_arena_zalloc(arena, b->sweep->count * sizeof *b->sweep->points);
  const char **all = thaw_arena_alloc(arena, (b->sweep->count * width + 1) * sizeof *all);
  const char **own = thaw_arena_alloc(arena, (set_count + 1) * sizeof *own);
  if (!b->sweep->points || !all || !own) return thaw_fail_memory(b->ctx, b->sweep->count * width);
  for (size_t i = 0; i < set_count; i++) {
    own[i] = thaw_arena_strdup(arena, sets[i]);
    if (!own[i]) return thaw_fail_memory(b->ctx, strlen(sets[i]));
  }
  for (size_t p = 0; p < b->sweep->count; p++) {
    const char **point = all + p * width;
    size_t rest = p;
    for (size_t a = b->axis_count; a > 0; a--) {
      const axis *values = &b->axes[a - 1];
      point[a - 1] = values->sets[rest % values->count];
      rest /= values->count;
    }
    if (set_count) memcpy(point + b->axis_count, own, set_count * sizeof *own);
    b->sweep->points[p] = (thaw_sweep_point){point, width};
  }
  return THAW_OK;
}

thaw_status thaw_sweep_load(thaw_context *ctx, const char *path, size_t set_count,
                            const char *const *sets, thaw_sweep **sweep) {
  *sweep = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_sweep *made = arena ? thaw_arena_zalloc(arena, sizeof *made) : NULL;
  if (!made) {
    thaw_arena_free(arena);
    return thaw_fail_memory(ctx, sizeof *made);
  }
  *made = (thaw_sweep){.count = 1, .arena = arena};
  building b = {.ctx = ctx, .sweep = made};
  thaw_node *root;
  char *written;
  thaw_status status = thaw_config_load(ctx, arena, path, set_count, sets, &root, &written);
  if (status == THAW_OK) {
    status = read_axes(&b, thaw_node_child(root, "sweep"), set_count, sets);
  }
  if (status == THAW_OK) status = write_points(&b, set_count, sets);
  if (status != THAW_OK) {
    thaw_sweep_free(made);
    return status;
  }
  *sweep = made;
  return THAW_OK;
}

void thaw_sweep_free(thaw_sweep *sweep) {
  if (sweep) thaw_arena_free(sweep->arena);
}
