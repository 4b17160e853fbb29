/* reading.c: what all sections have in common: values by their tables, unknown keys, positions. */
#include "config/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/resolve.h"

/* ---- Messages ------------------------------------------------------------------------------- */

static thaw_status explain(thaw_context *ctx, const thaw_node *node, const char *path,
                           const char *key, const char *message) {
  return thaw_fail_at(ctx, node->file, node->line, node->column, "%s%s%s%s%s", path,
                      *path && *key ? "." : "", key, *path || *key ? ": " : "", message);
}

thaw_status thaw_reading_explain(const thaw_reading *r, thaw_status status, const thaw_node *node,
                                 const char *path, const char *key) {
  explain(r->ctx, node, path, key, thaw_error(r->ctx));
  return status;
}

thaw_status thaw_fail_node(thaw_context *ctx, const thaw_node *node, const char *path,
                           const char *key, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *message = length < 0 ? NULL : malloc((size_t)length + 1);
  if (!message) return thaw_fail_memory(ctx, (size_t)length + 1);
  vsnprintf(message, (size_t)length + 1, format, arguments);
  const thaw_status status = explain(ctx, node, path, key, message);
  free(message);
  return status;
}

thaw_status thaw_reading_fail(const thaw_reading *r, const thaw_node *node, const char *path,
                              const char *key, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const thaw_status status = thaw_fail_node(r->ctx, node, path, key, format, arguments);
  va_end(arguments);
  return status;
}

/* Fails: a key that must be there is not. */
static thaw_status fail_missing(const thaw_reading *r, const thaw_section *section,
                                const thaw_key *key) {
  const thaw_node at = thaw_resolved_position(section->resolved);
  return thaw_reading_fail(r, &at, section->path, "", "the key '%s' is missing (%s)",
                           key->value.name, key->value.doc);
}

thaw_status thaw_reading_unknown(const thaw_reading *r, const thaw_section *section,
                                 const thaw_node *node, const char *where, const char *const *known,
                                 size_t count) {
  thaw_buffer hint = {0};
  const char *near = thaw_nearest(node->key, known, count);
  if (near) {
    thaw_buffer_format(&hint, " (did you mean '%s'?)", near);
  } else {
    for (size_t i = 0; i < count; i++) {
      thaw_buffer_format(&hint, "%s%s", i ? ", " : "; there are: ", known[i]);
    }
  }
  thaw_fail_at(r->ctx, node->file, node->key_line, node->key_column, "unknown key '%s'%s%s%s%s",
               node->key, *section->path ? " in " : "", section->path, where,
               hint.data ? hint.data : "");
  thaw_buffer_free(&hint);
  return THAW_INVALID;
}

/* ---- Sections ------------------------------------------------------------------------------- */

const char *thaw_reading_path(const thaw_reading *r, const char *path, const char *key) {
  thaw_buffer text = {0};
  const bool ok = thaw_buffer_format(&text, "%s%s%s", path, *path ? "." : "", key);
  const char *kept = ok ? thaw_arena_strdup(r->arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return kept;
}

/* `node` may be NULL: the section was not written. */
static thaw_status begin(const thaw_reading *r, const thaw_node *node, const char *path,
                         const char *key, thaw_node *resolved_parent, const char *resolved_key,
                         thaw_section *section) {
  *section = (thaw_section){.node = node, .path = thaw_reading_path(r, path, key)};
  if (!section->path) return thaw_fail_memory(r->ctx, strlen(path) + strlen(key));
  if (node && node->kind != THAW_NODE_MAP) {
    if (node->kind == THAW_NODE_LIST) {
      return thaw_reading_fail(r, node, section->path, "",
                               "expected keys with values, found a list");
    }
    return thaw_reading_fail(r, node, section->path, "", "expected keys with values, found '%s'",
                             node->text);
  }
  return thaw_resolve_node(r->ctx, r->arena, resolved_parent, THAW_NODE_MAP, resolved_key, node,
                           &section->resolved);
}

const thaw_node *thaw_section_key(const thaw_section *section, const char *key) {
  return thaw_node_child(section->node, key);
}

thaw_status thaw_section_open(const thaw_reading *r, const thaw_section *parent, const char *key,
                              thaw_section *section) {
  return begin(r, thaw_section_key(parent, key), parent->path, key, parent->resolved, key, section);
}

thaw_status thaw_section_item(const thaw_reading *r, const thaw_node *item, const char *path,
                              size_t number, thaw_node *resolved, thaw_section *section) {
  char key[24];
  snprintf(key, sizeof key, "%zu", number);
  return begin(r, item, path, key, resolved, NULL, section);
}

/* ---- Values --------------------------------------------------------------------------------- */

/* Refuses what no value can be: a mapping, or null in a list. */
static thaw_status check_scalar(const thaw_reading *r, const thaw_node *node, const char *path,
                                const char *key) {
  if (node->kind == THAW_NODE_SCALAR && !thaw_node_is_null(node)) return THAW_OK;
  return thaw_reading_fail(r, node, path, key, "expected one value, found %s",
                           node->kind == THAW_NODE_MAP    ? "a mapping"
                           : node->kind == THAW_NODE_LIST ? "a list in a list"
                                                          : "null");
}

thaw_status thaw_read_texts(const thaw_reading *r, const thaw_node *node, const char *path,
                            const char *key, thaw_value *value) {
  *value = (thaw_value){.is_list = node->kind == THAW_NODE_LIST};
  size_t count = 1;
  const thaw_node *first = node;
  if (value->is_list) {
    first = node->first;
    for (count = 0; first; first = first->next) count++;
    first = node->first;
  }
  const char **texts = thaw_arena_alloc(r->arena, (count + 1) * sizeof *texts);
  if (!texts) return thaw_fail_memory(r->ctx, count * sizeof *texts);
  for (const thaw_node *item = first; value->count < count; item = item->next) {
    const thaw_status status = check_scalar(r, item, path, key);
    if (status != THAW_OK) return status;
    texts[value->count++] = item->text;
  }
  value->texts = texts;
  return THAW_OK;
}

/* Fails: a list where one value should be. Whoever writes it means a sweep. */
static thaw_status refuse_list(const thaw_reading *r, const thaw_section *section, const char *key,
                               const thaw_node *node, size_t count) {
  enum { LONGEST = 60 };
  const char *path = thaw_reading_path(r, section->path, key);
  thaw_buffer list = {0};
  thaw_status status = path ? thaw_node_write_line(r->ctx, node, false, &list)
                            : thaw_fail_memory(r->ctx, strlen(section->path));
  if (status == THAW_OK) {
    status = thaw_reading_fail(r, node, section->path, key,
                               "expected one value, found a list of %zu; for a run with each of "
                               "them write sweep: {%s: %s}",
                               count, path, list.size <= LONGEST ? list.data : "[…]");
  }
  thaw_buffer_free(&list);
  return status;
}

/* Sets one parameter from its node and puts it into the resolved tree. */
static thaw_status read_setting(const thaw_reading *r, const thaw_section *section,
                                const thaw_param_spec *spec, void *settings,
                                const thaw_node *node) {
  thaw_value value;
  thaw_status status = thaw_read_texts(r, node, section->path, spec->name, &value);
  if (status != THAW_OK) return status;
  if (value.is_list && spec->type != THAW_PARAM_TEXTS && r->experiment)
    return refuse_list(r, section, spec->name, node, value.count);
  status = thaw_settings_set(r->ctx, r->arena, spec, settings, &value);
  if (status != THAW_OK) return thaw_reading_explain(r, status, node, section->path, spec->name);
  return thaw_resolve_setting(r->ctx, r->arena, section->resolved, spec, settings, node);
}

static thaw_status read_value(const thaw_reading *r, const thaw_section *section,
                              const thaw_key *key, void *values, const thaw_node *node) {
  if (key->not_empty && node->kind == THAW_NODE_SCALAR && !*node->text) {
    return thaw_reading_fail(r, node, section->path, key->value.name,
                             "expected a text that is not empty");
  }
  return read_setting(r, section, &key->value, values, node);
}

static thaw_status read_paths(const thaw_reading *r, const thaw_section *section,
                              const thaw_key *key, void *values, const thaw_node *node) {
  const char *name = key->value.name;
  thaw_value value;
  thaw_status status = thaw_read_texts(r, node, section->path, name, &value);
  if (status != THAW_OK) return status;
  const bool one = key->type == THAW_KEY_PATH;
  if (value.count == 0 || (one && value.is_list)) {
    return thaw_reading_fail(r, node, section->path, name, "expected %s, found %s list",
                             one ? "one path" : "a path or a list of them",
                             value.count ? "a" : "an empty");
  }
  for (size_t i = 0; i < value.count; i++) {
    if (!*value.texts[i]) {
      return thaw_reading_fail(r, node, section->path, name, "a path cannot be empty");
    }
  }
  /* One file is the same as a list of one. */
  value.is_list = value.count > 1;
  void *place = (char *)values + key->value.offset;
  if (one) {
    *(const char **)place = value.texts[0];
  } else {
    *(thaw_texts *)place = (thaw_texts){value.count, value.texts};
  }
  return thaw_resolve_texts(r->ctx, r->arena, section->resolved, name, &value, node);
}

static const char *default_of(const thaw_reading *r, const thaw_key *key, unsigned variant) {
  const char *own = key->variant_defaults ? key->variant_defaults[variant] : NULL;
  if (own) return own;
  return key->stage_defaults ? key->stage_defaults[r->stage] : key->value.default_value;
}

static bool is_of_variant(const thaw_key *key, unsigned variant) {
  return !key->only || (key->only & (1u << variant));
}

/* A key that is not of this variant is only filled in, not resolved. */
static thaw_status set_default(const thaw_reading *r, const thaw_section *section,
                               const thaw_key *key, unsigned variant, void *values) {
  const bool resolve = is_of_variant(key, variant);
  const char *text = default_of(r, key, variant);
  if (!text) return THAW_OK;
  const thaw_value value = {.count = 1, .texts = &text};
  const thaw_status status = thaw_settings_set(r->ctx, r->arena, &key->value, values, &value);
  if (status != THAW_OK || !resolve) return status;
  return thaw_resolve_setting(r->ctx, r->arena, section->resolved, &key->value, values, NULL);
}

/* Finds the variant by the level's selector, which must be good. */
static thaw_status find_variant(const thaw_reading *r, const thaw_section *section,
                                const thaw_level *level, unsigned *variant) {
  if (!level->selector) return THAW_OK;
  const thaw_key *key = thaw_level_key(level, level->selector);
  const thaw_node *node = thaw_section_key(section, level->selector);
  if (!node && key->required) return fail_missing(r, section, key);
  const char *choice = node ? NULL : key->value.default_value;
  if (node) {
    thaw_param_spec spec = key->value;
    spec.offset = 0;
    thaw_value value;
    thaw_status status = thaw_read_texts(r, node, section->path, level->selector, &value);
    if (status != THAW_OK) return status;
    status = thaw_settings_set(r->ctx, r->arena, &spec, &choice, &value);
    if (status != THAW_OK) {
      return thaw_reading_explain(r, status, node, section->path, level->selector);
    }
  }
  *variant = thaw_choice_index(level->variants, choice);
  return THAW_OK;
}

static thaw_status read_key(const thaw_reading *r, const thaw_section *section, const thaw_key *key,
                            unsigned variant, void *values) {
  const bool applies = is_of_variant(key, variant);
  const thaw_node *node = applies ? thaw_section_key(section, key->value.name) : NULL;
  if (!node && applies && key->required) return fail_missing(r, section, key);
  if (key->type == THAW_KEY_VALUE) {
    return node ? read_value(r, section, key, values, node)
                : set_default(r, section, key, variant, values);
  }
  const bool is_path = key->type == THAW_KEY_PATH || key->type == THAW_KEY_PATHS;
  return is_path && node ? read_paths(r, section, key, values, node) : THAW_OK;
}

thaw_status thaw_section_values(const thaw_reading *r, const thaw_section *section,
                                const thaw_level *level, unsigned variant, void *values) {
  thaw_status status = find_variant(r, section, level, &variant);
  for (const thaw_key *key = level->keys; key->value.name && status == THAW_OK; key++) {
    status = read_key(r, section, key, variant, values);
  }
  return status;
}

void thaw_section_order(const thaw_section *section, const thaw_level *level) {
  thaw_node *rest = section->resolved->first;
  thaw_node **end = &section->resolved->first;
  for (const thaw_key *key = level->keys; key->value.name; key++) {
    thaw_node **place = &rest;
    while (*place && strcmp((*place)->key, key->value.name) != 0) place = &(*place)->next;
    thaw_node *found = *place;
    if (!found) continue;
    *place = found->next;
    *end = found;
    end = &found->next;
  }
  *end = rest;
}

/* ---- Unknown keys --------------------------------------------------------------------------- */

static thaw_status fail_variant(const thaw_reading *r, const thaw_section *section,
                                const thaw_level *level, const thaw_key *key, unsigned variant,
                                const thaw_node *node) {
  thaw_buffer places = {0};
  for (unsigned i = 0; level->variants[i]; i++) {
    if (!(key->only & (1u << i))) continue;
    thaw_buffer_format(&places, "%s%s%s", places.size ? " or " : "", level->variant_word,
                       level->variants[i]);
  }
  const bool top = !*section->path, named = level->selector || top;
  thaw_fail_at(r->ctx, node->file, node->key_line, node->key_column,
               "'%s' has no meaning in %s%s%s%s; it belongs to %s", node->key, section->path,
               named && !top ? " with " : "", named ? level->variant_word : "",
               named ? level->variants[variant] : "", places.data ? places.data : "");
  thaw_buffer_free(&places);
  return THAW_INVALID;
}

static thaw_status fail_unknown(const thaw_reading *r, const thaw_section *section,
                                const thaw_level *level, unsigned variant, const thaw_node *node) {
  enum { MOST = 64 };
  const char *known[MOST];
  size_t count = 0;
  for (const thaw_key *key = level->keys; key->value.name && count < MOST; key++) {
    if (is_of_variant(key, variant)) known[count++] = key->value.name;
  }
  return thaw_reading_unknown(r, section, node, "", known, count);
}

thaw_status thaw_section_check(const thaw_reading *r, const thaw_section *section,
                               const thaw_level *level, unsigned variant) {
  const thaw_status status = find_variant(r, section, level, &variant);
  if (status != THAW_OK) return status;
  for (const thaw_node *node = section->node ? section->node->first : NULL; node;
       node = node->next) {
    const thaw_key *key = thaw_level_key(level, node->key);
    if ((key && is_of_variant(key, variant)) || node->left_over) continue;
    return key ? fail_variant(r, section, level, key, variant, node)
               : fail_unknown(r, section, level, variant, node);
  }
  return THAW_OK;
}
