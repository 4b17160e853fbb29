/* sweep_section.c: the section's words and keys, before anything is made of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/merge.h"
#include "config/schema.h"
#include "config/sweep.h"

/* ---- The words ------------------------------------------------------------------------------ */

static const char *const words[] = {"grid", "points", "random", "exclude"};
enum { WORDS = sizeof words / sizeof *words };

bool thaw_sweep_is_word(const char *key) {
  for (size_t i = 0; i < WORDS; i++) {
    if (strcmp(key, words[i]) == 0) return true;
  }
  return false;
}

static const char *kind_of(const thaw_node *node) {
  switch (node->kind) {
    case THAW_NODE_LIST:
      return node->first ? "a list" : "an empty list";
    case THAW_NODE_MAP:
      return node->first ? "a mapping" : "an empty mapping";
    case THAW_NODE_SCALAR:
      break;
  }
  return "one value";
}

static thaw_status fail_kind(thaw_context *ctx, const thaw_node *node, const char *word,
                             const char *expected) {
  return thaw_fail_at(ctx, node->file, node->line, node->column, "sweep: %s%sexpected %s, found %s",
                      word, *word ? ": " : "", expected, kind_of(node));
}

static thaw_status check_map(thaw_context *ctx, const thaw_node *node, const char *word,
                             const char *expected) {
  if (!node || (node->kind == THAW_NODE_MAP && node->first)) return THAW_OK;
  return fail_kind(ctx, node, word, expected);
}

/* A list of mappings; `item` is what each should be. */
static thaw_status check_maps(thaw_context *ctx, const thaw_node *node, const char *word,
                              const char *expected, const char *item, bool empty_too) {
  if (!node) return THAW_OK;
  if (node->kind != THAW_NODE_LIST || !node->first) return fail_kind(ctx, node, word, expected);
  for (const thaw_node *map = node->first; map; map = map->next) {
    if (map->kind != THAW_NODE_MAP || !(map->first || empty_too))
      return fail_kind(ctx, map, word, item);
  }
  return THAW_OK;
}

thaw_status thaw_sweep_find(thaw_context *ctx, const thaw_node *root, thaw_sweep_parts *parts) {
  const thaw_node *section = thaw_node_child(root, "sweep");
  *parts = (thaw_sweep_parts){.section = section};
  if (!section) return THAW_OK;
  if (section->kind != THAW_NODE_MAP)
    return fail_kind(ctx, section, "", "keys with lists of values");
  parts->grid = thaw_node_child(section, "grid");
  parts->points = thaw_node_child(section, "points");
  parts->random = thaw_node_child(section, "random");
  parts->drawn = thaw_node_child(parts->random, "values");
  parts->exclude = thaw_node_child(section, "exclude");
  thaw_status status = check_map(ctx, parts->grid, "grid", "keys with lists of values");
  if (status == THAW_OK) {
    status = check_maps(ctx, parts->points, "points", "a list of points: [{KEY: VALUE, …}, …]",
                        "a point: {KEY: VALUE, …}", true);
  }
  if (status == THAW_OK)
    status = check_map(ctx, parts->random, "random", "the keys count, seed and values");
  if (status == THAW_OK) {
    status = check_map(ctx, parts->drawn, "random.values",
                       "keys with lists of values or with ranges {from: …, to: …}");
  }
  if (status == THAW_OK) {
    status = check_maps(ctx, parts->exclude, "exclude", "a list of rules: [{KEY: VALUE, …}, …]",
                        "a rule: {KEY: VALUE, …}", false);
  }
  return status;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

/* What may stand at the top of a config, and can differ between runs. */
static bool can_be_swept(const thaw_key *key) {
  return key->type != THAW_KEY_EXTENDS && key->type != THAW_KEY_SWEEP;
}

static thaw_status fail_unknown(thaw_context *ctx, const thaw_node *node, const char *first,
                                bool beside) {
  enum { MOST = 32 };
  const char *known[MOST];
  size_t count = 0;
  for (size_t i = 0; i < WORDS && beside; i++) known[count++] = words[i];
  for (const thaw_key *key = thaw_schema.keys; key->value.name && count < MOST; key++) {
    if (can_be_swept(key)) known[count++] = key->value.name;
  }
  thaw_buffer hint = {0};
  const char *near = thaw_nearest(first, known, count);
  if (near) {
    thaw_buffer_format(&hint, " (did you mean '%s'?)", near);
  } else {
    for (size_t i = 0; i < count; i++)
      thaw_buffer_format(&hint, "%s%s", i ? ", " : "; there are: ", known[i]);
  }
  const bool dotted = strcmp(first, node->key) != 0;
  thaw_fail_at(ctx, node->file, node->key_line, node->key_column,
               "sweep: %s%sthere is no key '%s'%s", dotted ? node->key : "", dotted ? ": " : "",
               first, hint.data ? hint.data : "");
  thaw_buffer_free(&hint);
  return THAW_INVALID;
}

thaw_status thaw_sweep_check_key(thaw_context *ctx, const thaw_node *node, bool beside) {
  if (!thaw_is_dotted(node->key)) {
    return thaw_fail_at(ctx, node->file, node->key_line, node->key_column,
                        "sweep: expected a key such as stages.classify.epochs, found '%s'",
                        node->key);
  }
  thaw_buffer first = {0};
  if (!thaw_buffer_format(&first, "%.*s", (int)strcspn(node->key, "."), node->key))
    return thaw_fail_memory(ctx, strlen(node->key));
  const thaw_key *key = thaw_level_key(&thaw_schema, first.data);
  const thaw_status status =
      key && can_be_swept(key) ? THAW_OK : fail_unknown(ctx, node, first.data, beside);
  thaw_buffer_free(&first);
  return status;
}

double thaw_sweep_number(const char *text) {
  char *end = NULL;
  /* As in settings: strtod would also take white space, hexadecimal digits, infinity and nan. */
  const bool plain = *text && !text[strspn(text, "0123456789+-.eE")];
  const double number = plain ? strtod(text, &end) : NAN;
  return plain && !*end ? number : NAN;
}

thaw_status thaw_sweep_write(thaw_context *ctx, const char *key, const thaw_node *value,
                             thaw_buffer *out) {
  thaw_node plain = *value; /* 1 and '1' are the same value, null and 'null' are not */
  plain.quoted = false;
  plain.quoted = thaw_node_is_null(&plain) || thaw_node_is_empty(&plain) ? value->quoted : false;
  if (!thaw_buffer_format(out, "%s=", key)) return thaw_fail_memory(ctx, strlen(key));
  return thaw_node_write_line(ctx, &plain, false, out);
}
