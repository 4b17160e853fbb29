/* sweep.c: all runs of a sweep, as overrides.
 *
 * The axes are the digits of a number that counts the runs; the last one varies fastest. A key that
 * the user overrides has just the user's value: it is no digit. Rules then take runs out. */
#include "config/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/experiment.h"
#include "config/merge.h"

/* ---- Keys ----------------------------------------------------------------------------------- */

bool thaw_sweep_is_fixed(const thaw_sweeping *s, const char *key) {
  return thaw_sets_cover(s->set_count, s->sets, key);
}

thaw_status thaw_sweep_add_key(thaw_sweeping *s, const thaw_node *node) {
  const thaw_swept_key key = {node, s->axis_count};
  return thaw_buffer_append(&s->keys, &key, sizeof key) ? THAW_OK
                                                        : thaw_fail_memory(s->ctx, s->keys.size);
}

static int by_key(const void *a, const void *b) {
  const thaw_swept_key *x = a, *y = b;
  const int order = strcmp(x->node->key, y->node->key);
  return order ? order : x->axis < y->axis ? -1 : x->axis > y->axis;
}

/* Sorts the keys; each may stand in one axis only, where many points can have it. */
static thaw_status settle_keys(thaw_sweeping *s) {
  thaw_swept_key *keys = (thaw_swept_key *)(void *)s->keys.data;
  const size_t count = s->keys.size / sizeof *keys;
  size_t kept = 0;
  if (count) qsort(keys, count, sizeof *keys, by_key);
  for (size_t i = 0; i < count; i++) {
    const thaw_node *node = keys[i].node;
    if (kept == 0 || strcmp(keys[kept - 1].node->key, node->key) != 0) {
      keys[kept++] = keys[i];
    } else if (keys[kept - 1].axis != keys[i].axis) {
      return thaw_fail_at(s->ctx, node->file, node->key_line, node->key_column,
                          "sweep: %s is swept already, in line %zu", node->key,
                          keys[kept - 1].node->key_line);
    }
  }
  s->keys.size = kept * sizeof *keys;
  return THAW_OK;
}

static int by_name(const void *name, const void *key) {
  return strcmp(name, ((const thaw_swept_key *)key)->node->key);
}

const thaw_swept_key *thaw_sweep_key(const thaw_sweeping *s, const char *key) {
  if (!s->keys.size) return NULL;
  return bsearch(key, s->keys.data, s->keys.size / sizeof(thaw_swept_key), sizeof(thaw_swept_key),
                 by_name);
}

/* ---- A list of values ----------------------------------------------------------------------- */

thaw_status thaw_sweep_set(thaw_sweeping *s, const char *key, const thaw_node *value,
                           const char **set) {
  thaw_buffer text = {0};
  thaw_status status = thaw_sweep_write(s->ctx, key, value, &text);
  *set = status == THAW_OK ? thaw_arena_strdup(s->arena, text.data) : NULL;
  if (status == THAW_OK && !*set) status = thaw_fail_memory(s->ctx, text.size);
  thaw_buffer_free(&text);
  return status;
}

/* A value, and where it stands. */
typedef struct placed {
  const char *set;
  const thaw_node *node;
  size_t number;
} placed;

static int by_set(const void *a, const void *b) {
  const placed *x = a, *y = b;
  const int order = strcmp(x->set, y->set);
  return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

/* Two equal values would be the same run twice. */
static thaw_status refuse_twins(thaw_sweeping *s, const thaw_node *key, const char *const *sets,
                                size_t count) {
  placed *sorted = malloc(count * sizeof *sorted);
  if (!sorted) return thaw_fail_memory(s->ctx, count * sizeof *sorted);
  const thaw_node *value = key->first;
  for (size_t i = 0; i < count; i++, value = value->next) sorted[i] = (placed){sets[i], value, i};
  qsort(sorted, count, sizeof *sorted, by_set);
  thaw_status status = THAW_OK;
  for (size_t i = 1; i < count && status == THAW_OK; i++) {
    if (strcmp(sorted[i - 1].set, sorted[i].set) != 0) continue;
    const thaw_node *at = sorted[i].node;
    status = thaw_fail_at(s->ctx, at->file, at->line, at->column,
                          "sweep: %s: the value %s stands here twice", key->key,
                          strchr(sorted[i].set, '=') + 1);
  }
  free(sorted);
  return status;
}

thaw_status thaw_sweep_list(thaw_sweeping *s, const thaw_node *key, const char ***sets,
                            size_t *count) {
  if (key->kind != THAW_NODE_LIST || !key->first) {
    return thaw_fail_at(s->ctx, key->file, key->line, key->column,
                        "sweep: %s: expected a list of values, found %s", key->key,
                        key->kind == THAW_NODE_LIST     ? "an empty one"
                        : key->kind == THAW_NODE_SCALAR ? "one value"
                                                        : "a mapping");
  }
  *count = 0;
  for (const thaw_node *value = key->first; value; value = value->next) ++*count;
  *sets = thaw_arena_alloc(s->arena, *count * sizeof **sets);
  if (!*sets) return thaw_fail_memory(s->ctx, *count * sizeof **sets);
  const char **set = *sets;
  for (const thaw_node *value = key->first; value; value = value->next) {
    const thaw_status status = thaw_sweep_set(s, key->key, value, set++);
    if (status != THAW_OK) return status;
  }
  return refuse_twins(s, key, *sets, *count);
}

/* ---- Axes ----------------------------------------------------------------------------------- */

static size_t child_count(const thaw_node *node) {
  size_t count = 0;
  for (const thaw_node *child = node ? node->first : NULL; child; child = child->next) count++;
  return count;
}

/* A key of a grid. */
static thaw_status add_grid_key(thaw_sweeping *s, const thaw_node *key, bool beside) {
  if (thaw_sweep_is_fixed(s, key->key)) return THAW_OK;
  thaw_axis *axis = &s->axes[s->axis_count];
  const char **sets;
  thaw_status status = thaw_sweep_check_key(s->ctx, key, beside);
  if (status == THAW_OK) status = thaw_sweep_list(s, key, &sets, &axis->count);
  if (status == THAW_OK) status = thaw_sweep_add_key(s, key);
  if (status != THAW_OK) return status;
  axis->node = key;
  axis->values = thaw_arena_alloc(s->arena, axis->count * sizeof *axis->values);
  if (!axis->values) return thaw_fail_memory(s->ctx, axis->count * sizeof *axis->values);
  for (size_t v = 0; v < axis->count; v++) axis->values[v] = (thaw_sweep_point){&sets[v], 1};
  s->axis_count++;
  return THAW_OK;
}

static thaw_status add_grid(thaw_sweeping *s) {
  thaw_status status = THAW_OK;
  for (const thaw_node *key = s->parts.grid->first; key && status == THAW_OK; key = key->next)
    status = add_grid_key(s, key, false);
  return status;
}

static thaw_status add_axes(thaw_sweeping *s) {
  const thaw_sweep_parts *parts = &s->parts;
  if (!parts->section) return THAW_OK;
  const size_t most = child_count(parts->section) + child_count(parts->grid);
  s->axes = thaw_arena_zalloc(s->arena, most * sizeof *s->axes);
  if (!s->axes) return thaw_fail_memory(s->ctx, most * sizeof *s->axes);
  thaw_status status = THAW_OK;
  for (const thaw_node *key = parts->section->first; key && status == THAW_OK; key = key->next) {
    if (key == parts->grid) status = add_grid(s);
    if (key == parts->points) status = thaw_sweep_add_points(s);
    if (key == parts->random) status = thaw_sweep_add_random(s);
    if (!thaw_sweep_is_word(key->key)) status = add_grid_key(s, key, true);
  }
  return status == THAW_OK ? settle_keys(s) : status;
}

void thaw_sweep_step(const thaw_sweeping *s, size_t *digits) {
  for (size_t a = s->axis_count; a > 0; a--) {
    if (++digits[a - 1] < s->axes[a - 1].count) return;
    digits[a - 1] = 0;
  }
}

/* ---- All of them ---------------------------------------------------------------------------- */

static thaw_status count_all(const thaw_sweeping *s, size_t *count) {
  *count = 1;
  for (size_t a = 0; a < s->axis_count; a++) {
    *count *= s->axes[a].count;
    if (*count <= THAW_SWEEP_MOST) continue;
    const thaw_node *sweep = s->parts.section;
    return thaw_fail_at(s->ctx, sweep->file, sweep->key_line, sweep->key_column,
                        "sweep: more than 10,000,000 runs come of it");
  }
  return THAW_OK;
}

/* The overrides of the runs that are left, and how many there are. */
static size_t count_sets(const thaw_sweeping *s, const bool *excluded, size_t all, size_t *digits,
                         size_t *left) {
  size_t sets = 0;
  *left = 0;
  for (size_t p = 0; p < all; p++, thaw_sweep_step(s, digits)) {
    if (excluded[p]) continue;
    ++*left;
    sets += s->set_count;
    for (size_t a = 0; a < s->axis_count; a++) sets += s->axes[a].values[digits[a]].set_count;
  }
  return sets;
}

/* Appends pointers to what lives elsewhere. */
static const char **append(const char **place, const thaw_sweep_point *from) {
  if (from->set_count) memcpy(place, from->sets, from->set_count * sizeof *place);
  return place + from->set_count;
}

/* The user's overrides, copied. */
static thaw_status copy_own(const thaw_sweeping *s, thaw_sweep_point *own) {
  const char **sets = thaw_arena_alloc(s->arena, s->set_count * sizeof *sets);
  if (!sets) return thaw_fail_memory(s->ctx, s->set_count * sizeof *sets);
  for (size_t i = 0; i < s->set_count; i++) {
    sets[i] = thaw_arena_strdup(s->arena, s->sets[i]);
    if (!sets[i]) return thaw_fail_memory(s->ctx, strlen(s->sets[i]));
  }
  *own = (thaw_sweep_point){sets, s->set_count};
  return THAW_OK;
}

static thaw_status write_points(const thaw_sweeping *s, const bool *excluded, size_t all,
                                size_t *digits, thaw_sweep *sweep) {
  thaw_sweep_point own = {0};
  thaw_status status = copy_own(s, &own);
  if (status != THAW_OK) return status;
  const size_t sets = count_sets(s, excluded, all, digits, &sweep->count);
  thaw_sweep_point *point = thaw_arena_alloc(s->arena, sweep->count * sizeof *point);
  const char **place = thaw_arena_alloc(s->arena, sets * sizeof *place);
  if (!point || !place) return thaw_fail_memory(s->ctx, sets * sizeof *place);
  sweep->points = point;
  sweep->excluded = all - sweep->count;
  for (size_t p = 0; p < all; p++, thaw_sweep_step(s, digits)) {
    if (excluded[p]) continue;
    const char **first = place;
    for (size_t a = 0; a < s->axis_count; a++) place = append(place, &s->axes[a].values[digits[a]]);
    place = append(place, &own);
    *point++ = (thaw_sweep_point){first, (size_t)(place - first)};
  }
  return THAW_OK;
}

static thaw_status refuse_nothing(const thaw_sweeping *s, const thaw_sweep *sweep) {
  const thaw_node *exclude = s->parts.exclude;
  if (sweep->count) return THAW_OK;
  return thaw_fail_at(s->ctx, exclude->file, exclude->key_line, exclude->key_column,
                      "sweep: exclude leaves no run: all %zu are taken out", sweep->excluded);
}

/* The combinations, less those that are excluded. */
static thaw_status multiply(thaw_sweeping *s, thaw_sweep *sweep) {
  size_t all;
  thaw_status status = count_all(s, &all);
  if (status != THAW_OK) return status;
  bool *excluded = calloc(all, sizeof *excluded);
  size_t *digits = calloc(s->axis_count + 1, sizeof *digits);
  if (!excluded || !digits) status = thaw_fail_memory(s->ctx, all);
  if (status == THAW_OK && s->parts.exclude) status = thaw_sweep_exclude(s, all, excluded);
  if (status == THAW_OK) status = write_points(s, excluded, all, digits, sweep);
  if (status == THAW_OK) status = refuse_nothing(s, sweep);
  free(excluded);
  free(digits);
  return status;
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
  made->arena = arena;
  thaw_sweeping s = {.ctx = ctx, .arena = arena, .set_count = set_count, .sets = sets};
  thaw_node *root;
  char *written;
  thaw_status status = thaw_config_load(ctx, arena, path, set_count, sets, &root, &written);
  s.root = root;
  if (status == THAW_OK) status = thaw_sweep_find(ctx, root, &s.parts);
  if (status == THAW_OK) status = add_axes(&s);
  if (status == THAW_OK) status = multiply(&s, made);
  thaw_buffer_free(&s.keys);
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
