/* sweep_pick.c: one run of a sweep: whether overrides pick one, and where in the section they
 * stand. */
#include <string.h>

#include "base/context.h"
#include "config/merge.h"
#include "config/sweep.h"

/* ---- Is it one? ----------------------------------------------------------------------------- */

/* Overrides. */
typedef struct picking {
  thaw_context *ctx;
  thaw_node *root;
  size_t set_count;
  const char *const *sets;
} picking;

/* Lists the keys of a grid that the overrides leave open. */
static bool list_open(const picking *p, const thaw_node *grid, bool is_section, thaw_buffer *open) {
  bool ok = true;
  for (const thaw_node *key = grid ? grid->first : NULL; key && ok; key = key->next) {
    if (is_section && thaw_sweep_is_word(key->key)) continue;
    if (thaw_sets_cover(p->set_count, p->sets, key->key)) continue;
    ok = thaw_buffer_format(open, "%s%s", open->size ? ", " : "", key->key);
  }
  return ok;
}

/* Do the overrides set all keys of one of the points? */
static bool is_point_picked(const picking *p, const thaw_node *points) {
  for (const thaw_node *point = points->first; point; point = point->next) {
    const thaw_node *key = point->first;
    while (key && thaw_sets_cover(p->set_count, p->sets, key->key)) key = key->next;
    if (!key) return true;
  }
  return false;
}

thaw_status thaw_sweep_refuse_open(thaw_context *ctx, const thaw_node *root, size_t set_count,
                                   const char *const *sets) {
  const picking p = {.ctx = ctx, .set_count = set_count, .sets = sets};
  thaw_sweep_parts parts;
  thaw_status status = thaw_sweep_find(ctx, root, &parts);
  if (status != THAW_OK || !parts.section) return status;
  thaw_buffer open = {0};
  bool ok = list_open(&p, parts.section, true, &open) && list_open(&p, parts.grid, false, &open) &&
            list_open(&p, parts.drawn, false, &open);
  if (parts.points && !is_point_picked(&p, parts.points))
    ok = ok && thaw_buffer_format(&open, "%sthe keys of a point", open.size ? ", " : "");
  if (!ok) status = thaw_fail_memory(ctx, open.size);
  if (open.size) {
    status =
        thaw_fail_at(ctx, parts.section->file, parts.section->key_line, parts.section->key_column,
                     "this is a sweep, for 'thaw sweep'; one run needs a --set KEY=VALUE for "
                     "each of: %s",
                     open.data);
  }
  thaw_buffer_free(&open);
  return status;
}

/* ---- Where it stands ------------------------------------------------------------------------ */

/* What came from the override stands where the sweep has the value. */
static void move(thaw_node *node, const thaw_node *value) {
  if (thaw_is_override(node)) {
    node->file = value->file;
    node->line = value->line;
    node->column = value->column;
    node->key_line = value->key_line;
    node->key_column = value->key_column;
  }
  thaw_node *item = node->first;
  for (const thaw_node *child = value->first; child; child = child->next) {
    thaw_node *own = node->kind == THAW_NODE_MAP ? thaw_node_child(node, child->key) : item;
    if (own) move(own, child);
    if (item) item = item->next;
  }
}

/* The value and the mappings around it that the override made. */
static thaw_status move_path(const picking *p, const thaw_node *key, const thaw_node *value) {
  for (size_t length = strcspn(key->key, ".");; length += 1 + strcspn(key->key + length + 1, ".")) {
    thaw_buffer path = {0};
    if (!thaw_buffer_append(&path, key->key, length) || !thaw_buffer_append(&path, "", 1))
      return thaw_fail_memory(p->ctx, length);
    thaw_node *node = thaw_node_find(p->root, path.data);
    thaw_buffer_free(&path);
    if (!node) return THAW_OK; /* null takes a key away */
    const thaw_node around = {.file = key->file,
                              .line = key->key_line,
                              .column = key->key_column,
                              .key_line = key->key_line,
                              .key_column = key->key_column};
    const bool last = !key->key[length];
    thaw_node at = last ? *value : around;
    at.key_line = key->key_line;
    at.key_column = key->key_column;
    move(node, &at);
    if (last) return THAW_OK;
  }
}

/* Is the override "KEY=VALUE" this value of the key? A range has any number between its ends. */
static thaw_status is_value(const picking *p, const char *set, const thaw_node *key,
                            const thaw_node *value, bool range, bool *same) {
  if (range) {
    const thaw_node *from = thaw_node_child(value, "from"), *to = thaw_node_child(value, "to");
    const double number = thaw_sweep_number(strchr(set, '=') + 1);
    *same = from && to && from->kind == THAW_NODE_SCALAR && to->kind == THAW_NODE_SCALAR &&
            number >= thaw_sweep_number(from->text) && number <= thaw_sweep_number(to->text);
    return THAW_OK;
  }
  thaw_buffer text = {0};
  const thaw_status status = thaw_sweep_write(p->ctx, key->key, value, &text);
  *same = status == THAW_OK && strcmp(text.data, set) == 0;
  thaw_buffer_free(&text);
  return status;
}

/* The overrides of the key that are this value. */
static thaw_status place_value(const picking *p, const thaw_node *key, const thaw_node *value,
                               bool range) {
  const size_t length = strlen(key->key);
  for (size_t i = 0; i < p->set_count; i++) {
    bool same = false;
    if (strncmp(p->sets[i], key->key, length) != 0 || p->sets[i][length] != '=') continue;
    thaw_status status = is_value(p, p->sets[i], key, value, range, &same);
    if (status == THAW_OK && same) {
      const thaw_node end = {.file = value->file, .line = value->line, .column = value->column};
      status = move_path(p, key, range ? &end : value);
    }
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

/* The keys of a grid, or of random.values. */
static thaw_status place_grid(const picking *p, const thaw_node *grid, bool is_section) {
  thaw_status status = THAW_OK;
  for (const thaw_node *key = grid ? grid->first : NULL; key && status == THAW_OK;
       key = key->next) {
    if (is_section && thaw_sweep_is_word(key->key)) continue;
    if (key->kind == THAW_NODE_MAP) status = place_value(p, key, key, true);
    if (key->kind != THAW_NODE_LIST) continue;
    for (const thaw_node *value = key->first; value && status == THAW_OK; value = value->next)
      status = place_value(p, key, value, false);
  }
  return status;
}

thaw_status thaw_sweep_place(thaw_context *ctx, thaw_node *root, size_t set_count,
                             const char *const *sets) {
  const picking p = {ctx, root, set_count, sets};
  thaw_sweep_parts parts;
  thaw_status status = thaw_sweep_find(ctx, root, &parts);
  if (status != THAW_OK || !parts.section) return status;
  status = place_grid(&p, parts.section, true);
  if (status == THAW_OK) status = place_grid(&p, parts.grid, false);
  if (status == THAW_OK) status = place_grid(&p, parts.drawn, false);
  const thaw_node *point = parts.points ? parts.points->first : NULL;
  for (; point && status == THAW_OK; point = point->next) {
    for (const thaw_node *key = point->first; key && status == THAW_OK; key = key->next)
      status = place_value(&p, key, key, false);
  }
  return status;
}
