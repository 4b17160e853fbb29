/* yaml_node.c: finding one's way in a tree. */
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"

bool thaw_node_is_null(const thaw_node *node) {
  return node->kind == THAW_NODE_SCALAR && !node->quoted &&
         (strcmp(node->text, "null") == 0 || strcmp(node->text, "Null") == 0 ||
          strcmp(node->text, "NULL") == 0 || strcmp(node->text, "~") == 0);
}

bool thaw_node_is_empty(const thaw_node *node) {
  return node->kind == THAW_NODE_SCALAR && !node->quoted && !*node->text;
}

static thaw_node *child_named(const thaw_node *map, const char *key, size_t length) {
  if (!map || map->kind != THAW_NODE_MAP) return NULL;
  for (thaw_node *child = map->first; child; child = child->next) {
    if (strncmp(child->key, key, length) == 0 && !child->key[length]) return child;
  }
  return NULL;
}

thaw_node *thaw_node_child(const thaw_node *map, const char *key) {
  return child_named(map, key, strlen(key));
}

static thaw_node *item_numbered(const thaw_node *list, const char *number, size_t length) {
  if (length == 0 || strspn(number, "0123456789") < length) return NULL;
  thaw_node *item = list->first;
  for (unsigned long i = strtoul(number, NULL, 10); i > 0 && item; i--) item = item->next;
  return item;
}

thaw_node *thaw_node_find(const thaw_node *root, const char *path) {
  const thaw_node *node = root;
  thaw_node *found = NULL;
  for (;;) {
    const size_t length = strcspn(path, ".");
    found = node->kind == THAW_NODE_LIST ? item_numbered(node, path, length)
                                         : child_named(node, path, length);
    if (!found || !path[length]) return found;
    node = found;
    path += length + 1;
  }
}

/* ---- Flattening ----------------------------------------------------------------------------- */

typedef struct flattening {
  thaw_arena *arena;
  void (*visit)(void *user, const char *path, const char *value);
  void *user;
  thaw_buffer path;
} flattening;

static bool is_leaf(const thaw_node *node) {
  if (node->kind != THAW_NODE_LIST) return node->kind == THAW_NODE_SCALAR;
  for (const thaw_node *item = node->first; item; item = item->next) {
    if (item->kind != THAW_NODE_SCALAR) return false;
  }
  return true;
}

static void visit_leaf(flattening *f, const thaw_node *node) {
  const char *path = thaw_arena_strdup(f->arena, f->path.data ? f->path.data : "");
  const char *value = node->text;
  if (node->kind == THAW_NODE_LIST) {
    thaw_buffer line = {0};
    const bool ok = thaw_node_write_line(NULL, node, false, &line) == THAW_OK;
    value = ok ? thaw_arena_strdup(f->arena, line.data) : NULL;
    thaw_buffer_free(&line);
  }
  if (path && value) f->visit(f->user, path, value);
}

static void flatten(flattening *f, const thaw_node *node) {
  if (is_leaf(node)) {
    visit_leaf(f, node);
    return;
  }
  const size_t length = f->path.size;
  size_t number = 0;
  for (const thaw_node *child = node->first; child; child = child->next, number++) {
    const char *dot = length ? "." : "";
    const bool ok = child->key ? thaw_buffer_format(&f->path, "%s%s", dot, child->key)
                               : thaw_buffer_format(&f->path, "%s%zu", dot, number);
    if (ok) flatten(f, child);
    if (f->path.data) f->path.data[length] = '\0';
    f->path.size = length;
  }
}

void thaw_node_flatten(const thaw_node *node, thaw_arena *arena,
                       void (*visit)(void *user, const char *path, const char *value), void *user) {
  flattening f = {.arena = arena, .visit = visit, .user = user};
  flatten(&f, node);
  thaw_buffer_free(&f.path);
}
