/* resolve.c: nodes made from values. */
#include "config/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"

thaw_node thaw_resolved_position(const thaw_node *section) {
  thaw_node at = {.file = section->file, .line = section->line, .column = section->column};
  if (section->key_line) {
    at.line = section->key_line;
    at.column = section->key_column;
  }
  return at;
}

static void place(thaw_node *node, const thaw_node *parent, const thaw_node *written) {
  const thaw_node at = written ? *written : thaw_resolved_position(parent);
  node->file = at.file;
  node->line = at.line;
  node->column = at.column;
  node->key_line = at.key_line;
  node->key_column = at.key_column;
}

static void append(thaw_node *parent, thaw_node *node) {
  thaw_node **end = &parent->first;
  while (*end) end = &(*end)->next;
  *end = node;
}

thaw_status thaw_resolve_node(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                              thaw_node_kind kind, const char *key, const thaw_node *written,
                              thaw_node **node) {
  thaw_node *made = thaw_arena_zalloc(arena, sizeof *made);
  if (!made) return thaw_fail_memory(ctx, sizeof *made);
  made->kind = kind;
  if (key && !(made->key = thaw_arena_strdup(arena, key))) return thaw_fail_memory(ctx, 1);
  place(made, parent, written);
  append(parent, made);
  *node = made;
  return THAW_OK;
}

thaw_status thaw_resolve_text(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                              const char *key, const char *text, const thaw_node *written) {
  thaw_node *node;
  thaw_status status = thaw_resolve_node(ctx, arena, parent, THAW_NODE_SCALAR, key, written, &node);
  if (status != THAW_OK) return status;
  node->text = thaw_arena_strdup(arena, text);
  if (!node->text) return thaw_fail_memory(ctx, strlen(text));
  node->quoted = thaw_node_is_null(node) || thaw_node_is_empty(node);
  return THAW_OK;
}

thaw_status thaw_resolve_texts(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                               const char *key, const thaw_value *value, const thaw_node *written) {
  if (!value->is_list) {
    return thaw_resolve_text(ctx, arena, parent, key, value->texts[0], written);
  }
  thaw_node *list;
  thaw_status status = thaw_resolve_node(ctx, arena, parent, THAW_NODE_LIST, key, written, &list);
  const thaw_node *item = written ? written->first : NULL;
  for (size_t i = 0; i < value->count && status == THAW_OK; i++) {
    status = thaw_resolve_text(ctx, arena, list, NULL, value->texts[i], item ? item : written);
    if (item) item = item->next;
  }
  return status;
}

static void place_items(thaw_node *list, const thaw_node *written) {
  const thaw_node *from = written ? written->first : NULL;
  for (thaw_node *item = list->first; item; item = item->next) {
    place(item, list, from ? from : written);
    if (from) from = from->next;
  }
}

thaw_status thaw_resolve_setting(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                                 const thaw_param_spec *spec, const void *settings,
                                 const thaw_node *written) {
  if (spec->type == THAW_PARAM_TEXT || spec->type == THAW_PARAM_PATH) {
    const char *text = *(const char *const *)(const void *)((const char *)settings + spec->offset);
    return thaw_resolve_text(ctx, arena, parent, spec->name, text, written);
  }
  thaw_buffer text = {0};
  thaw_node *node = NULL;
  thaw_status status = thaw_settings_write(ctx, spec, settings, &text);
  if (status == THAW_OK) {
    status = thaw_yaml_parse(ctx, arena, spec->name, text.data, text.size, &node);
  }
  thaw_buffer_free(&text);
  if (status != THAW_OK) return status;
  node->key = spec->name;
  place(node, parent, written);
  place_items(node, written);
  append(parent, node);
  return THAW_OK;
}
