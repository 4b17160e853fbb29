/* sweep_exclude.c: the word `exclude`: rules that take runs out.
 *
 * A rule names keys with values; a run that has them all is taken out. Each key is looked up in the
 * axis that sweeps it, and for each value of the axis it is noted whether the rule holds; one step
 * through all runs then asks the axes only. A rule that can hold for no run is a mistake, unless
 * the user overrides one of its keys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/sweep.h"

/* A rule at work. */
typedef struct rule {
  const thaw_node *node;
  thaw_arena *arena; /* dies with the rule */
  bool **holds;      /* [axes][values]; NULL: any value of the axis will do */
  bool never;        /* a key that is not swept has another value */
  bool lenient;      /* the user overrides one of the keys */
} rule;

/* One of the values that a rule names for a key. */
typedef struct wanted {
  const thaw_node *node;
  const char *text;
  double number; /* NaN: it is none */
  bool found;
} wanted;

/* ---- Values --------------------------------------------------------------------------------- */

/* 1e-3 and 0.001 are the same. */
static bool is_wanted(wanted *values, size_t count, const char *text) {
  double number = NAN;
  bool found = false, parsed = false;
  for (size_t i = 0; i < count; i++) {
    wanted *w = &values[i];
    bool same = strcmp(w->text, text) == 0;
    if (!same && !isnan(w->number)) {
      if (!parsed) number = thaw_sweep_number(text);
      parsed = true;
      same = number >= w->number && number <= w->number;
    }
    w->found = w->found || same;
    found = found || same;
  }
  return found;
}

/* A list means any of its items. */
static thaw_status read_wanted(const thaw_sweeping *s, const rule *r, const thaw_node *key,
                               wanted **values, size_t *count) {
  const bool is_list = key->kind == THAW_NODE_LIST;
  *count = 0;
  for (const thaw_node *item = is_list ? key->first : key; item; item = item->next) {
    ++*count;
    if (!is_list) break;
  }
  if (*count == 0) {
    return thaw_fail_at(s->ctx, key->file, key->line, key->column,
                        "sweep: exclude: %s: expected a value or a list of values, found an empty "
                        "one",
                        key->key);
  }
  *values = thaw_arena_zalloc(r->arena, *count * sizeof **values);
  if (!*values) return thaw_fail_memory(s->ctx, *count * sizeof **values);
  const thaw_node *item = is_list ? key->first : key;
  for (size_t i = 0; i < *count; i++, item = item->next) {
    thaw_buffer text = {0};
    thaw_status status = thaw_sweep_write(s->ctx, "", item, &text);
    const char *kept = status == THAW_OK ? thaw_arena_strdup(r->arena, text.data + 1) : NULL;
    thaw_buffer_free(&text);
    if (status != THAW_OK) return status;
    if (!kept) return thaw_fail_memory(s->ctx, 1);
    (*values)[i] = (wanted){.node = item, .text = kept, .number = thaw_sweep_number(kept)};
  }
  return THAW_OK;
}

static thaw_status refuse_unfound(const thaw_sweeping *s, const thaw_node *key,
                                  const wanted *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const thaw_node *at = values[i].node;
    if (values[i].found) continue;
    return thaw_fail_at(s->ctx, at->file, at->line, at->column,
                        "sweep: exclude: %s: no run has the value %s%s", key->key, values[i].text,
                        key->kind == THAW_NODE_LIST
                            ? " (a list means any of its items; [[a, b]] is the list [a, b])"
                            : "");
  }
  return THAW_OK;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

/* The value of a key that is not swept, or not by every point; NULL: it is not written. */
static thaw_status find_written(const thaw_sweeping *s, const rule *r, const char *key,
                                const char **text) {
  const thaw_node *node = thaw_node_find(s->root, key);
  *text = NULL;
  if (!node) return THAW_OK;
  thaw_buffer written = {0};
  thaw_status status = thaw_sweep_write(s->ctx, "", node, &written);
  if (status == THAW_OK && !(*text = thaw_arena_strdup(r->arena, written.data + 1)))
    status = thaw_fail_memory(s->ctx, written.size);
  thaw_buffer_free(&written);
  return status;
}

/* What a value of an axis sets the key to; NULL: it does not. */
static const char *value_of(const thaw_sweep_point *value, const char *key, size_t length) {
  for (size_t i = 0; i < value->set_count; i++) {
    const char *set = value->sets[i];
    if (strncmp(set, key, length) == 0 && set[length] == '=') return set + length + 1;
  }
  return NULL;
}

static thaw_status read_swept(thaw_sweeping *s, rule *r, const thaw_node *key, size_t axis,
                              wanted *values, size_t count) {
  const thaw_axis *swept = &s->axes[axis];
  const char *written;
  thaw_status status = find_written(s, r, key->key, &written);
  if (status != THAW_OK) return status;
  if (!r->holds[axis]) {
    r->holds[axis] = thaw_arena_alloc(r->arena, swept->count * sizeof **r->holds);
    if (!r->holds[axis]) return thaw_fail_memory(s->ctx, swept->count);
    memset(r->holds[axis], true, swept->count * sizeof **r->holds);
  }
  const size_t length = strlen(key->key);
  for (size_t v = 0; v < swept->count; v++) {
    const char *text = value_of(&swept->values[v], key->key, length);
    if (!text) text = written;
    if (!text || !is_wanted(values, count, text)) r->holds[axis][v] = false;
  }
  return THAW_OK;
}

/* Is one key the other, or above it? */
static bool overlap(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (!*a && (!*b || *b == '.')) || (!*b && *a == '.');
}

static thaw_status fail_overlap(const thaw_sweeping *s, const thaw_node *key, const char *swept) {
  return thaw_fail_at(s->ctx, key->file, key->key_line, key->key_column,
                      "sweep: exclude: %s: the sweep sets %s: a rule names keys as the sweep does",
                      key->key, swept);
}

static thaw_status read_fixed(thaw_sweeping *s, rule *r, const thaw_node *key, wanted *values,
                              size_t count) {
  const thaw_swept_key *keys = (const thaw_swept_key *)(const void *)s->keys.data;
  for (size_t i = 0; i < s->keys.size / sizeof *keys; i++) {
    if (overlap(keys[i].node->key, key->key)) return fail_overlap(s, key, keys[i].node->key);
  }
  const char *written;
  thaw_status status = find_written(s, r, key->key, &written);
  if (status != THAW_OK) return status;
  if (!written && !r->lenient) {
    return thaw_fail_at(s->ctx, key->file, key->key_line, key->key_column,
                        "sweep: exclude: %s is neither swept nor written in the config: a rule "
                        "cannot compare it",
                        key->key);
  }
  if (!written || !is_wanted(values, count, written)) r->never = true;
  return THAW_OK;
}

static thaw_status read_key(thaw_sweeping *s, rule *r, const thaw_node *key) {
  wanted *values = NULL;
  size_t count = 0;
  const thaw_swept_key *swept = thaw_sweep_key(s, key->key);
  thaw_status status = thaw_sweep_check_key(s->ctx, key, false);
  if (status == THAW_OK) status = read_wanted(s, r, key, &values, &count);
  if (status == THAW_OK) {
    status = swept ? read_swept(s, r, key, swept->axis, values, count)
                   : read_fixed(s, r, key, values, count);
  }
  if (status != THAW_OK || r->lenient) return status;
  return refuse_unfound(s, key, values, count);
}

/* ---- Rules ---------------------------------------------------------------------------------- */

/* The user decides one of its keys, or what the sweep has for it. */
static bool is_lenient(const thaw_sweeping *s, const thaw_node *node) {
  for (const thaw_node *key = node->first; key; key = key->next) {
    const thaw_swept_key *swept = thaw_sweep_key(s, key->key);
    if (thaw_sweep_is_fixed(s, key->key) || (swept && swept->node->line == 0)) return true;
  }
  return false;
}

/* Is there a value of every axis for which the rule holds? */
static bool can_hold(const thaw_sweeping *s, const rule *r) {
  for (size_t a = 0; a < s->axis_count; a++) {
    bool any = !r->holds[a];
    for (size_t v = 0; !any && v < s->axes[a].count; v++) any = r->holds[a][v];
    if (!any) return false;
  }
  return !r->never;
}

static void mark(const thaw_sweeping *s, const rule *r, size_t count, size_t *digits,
                 bool *excluded) {
  for (size_t p = 0; p < count; p++, thaw_sweep_step(s, digits)) {
    bool all = true;
    for (size_t a = 0; a < s->axis_count && all; a++) all = !r->holds[a] || r->holds[a][digits[a]];
    excluded[p] = excluded[p] || all;
  }
}

static thaw_status apply(thaw_sweeping *s, rule *r, size_t count, size_t *digits, bool *excluded) {
  r->holds = thaw_arena_zalloc(r->arena, (s->axis_count + 1) * sizeof *r->holds);
  if (!r->holds) return thaw_fail_memory(s->ctx, s->axis_count * sizeof *r->holds);
  thaw_status status = THAW_OK;
  for (const thaw_node *key = r->node->first; key && status == THAW_OK; key = key->next)
    status = read_key(s, r, key);
  if (status != THAW_OK) return status;
  if (can_hold(s, r)) {
    mark(s, r, count, digits, excluded);
  } else if (!r->lenient) {
    return thaw_fail_at(s->ctx, r->node->file, r->node->line, r->node->column,
                        "sweep: exclude: no run has all the values of this rule");
  }
  return THAW_OK;
}

thaw_status thaw_sweep_exclude(thaw_sweeping *s, size_t count, bool *excluded) {
  thaw_arena *arena = thaw_arena_create();
  size_t *digits = calloc(s->axis_count + 1, sizeof *digits);
  thaw_status status = arena && digits ? THAW_OK : thaw_fail_memory(s->ctx, s->axis_count);
  for (const thaw_node *node = s->parts.exclude->first; node && status == THAW_OK;
       node = node->next) {
    rule r = {.node = node, .arena = arena, .lenient = is_lenient(s, node)};
    status = apply(s, &r, count, digits, excluded);
    thaw_arena_reset(arena);
  }
  free(digits);
  thaw_arena_free(arena);
  return status;
}
