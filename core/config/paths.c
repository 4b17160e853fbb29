/* paths.c: relative paths become absolute, each seen from the file that names it.
 *
 * A walk over the tree and the schema at once: the schema says which scalars are paths. It runs
 * before trees are merged, and on lists of values in a sweep too, so that whatever comes of a tree
 * later (an override, a run file) means the same file from everywhere. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "config/files.h"
#include "config/merge.h"
#include "config/schema.h"

/* ---- One path ------------------------------------------------------------------------------- */

/* Where the path's last name begins; 0 when it has no folder. `*length` leaves out slashes at the
 * end. */
static size_t last_name(const char *path, size_t *length) {
  *length = strlen(path);
  while (*length > 1 && path[*length - 1] == '/') --*length;
  size_t begin = *length;
  while (begin > 0 && path[begin - 1] != '/') begin--;
  return begin;
}

/* A malloc'ed text, or NULL, moved into the arena. */
static char *keep(thaw_arena *arena, char *text) {
  char *kept = text ? thaw_arena_strdup(arena, text) : NULL;
  free(text);
  return kept;
}

/* The real path of the folder, and the name in it. */
static char *through_folder(thaw_arena *arena, const char *path) {
  size_t length;
  const size_t begin = last_name(path, &length);
  char *folder = begin ? strndup(path, begin) : strdup(".");
  char *name = strndup(path + begin, length - begin);
  char *real = folder && name ? realpath(folder, NULL) : NULL;
  char *joined = real ? thaw_path_join(real, name) : NULL;
  free(folder);
  free(name);
  free(real);
  return keep(arena, joined);
}

/* Nothing is known of the folder: the path stays, behind the current folder. */
static char *behind_current(thaw_arena *arena, const char *path) {
  char *current = path[0] == '/' ? NULL : realpath(".", NULL);
  char *joined = current ? thaw_path_join(current, path) : strdup(path);
  free(current);
  return keep(arena, joined);
}

char *thaw_path_absolute(thaw_arena *arena, const char *from, const char *path) {
  char *seen = from ? thaw_path_beside(from, path) : strdup(path);
  if (!seen) return NULL;
  size_t length;
  const char *name = seen + last_name(seen, &length);
  const bool is_dots = strncmp(name, ".", 1) == 0 && strspn(name, "./") == strlen(name);
  char *absolute = is_dots ? keep(arena, realpath(seen, NULL)) : through_folder(arena, seen);
  if (!absolute) absolute = behind_current(arena, seen);
  free(seen);
  return absolute;
}

/* ---- The walk ------------------------------------------------------------------------------- */

typedef struct walk {
  thaw_context *ctx;
  thaw_arena *arena;
} walk;

static thaw_status change(const walk *w, thaw_node *node) {
  if (node->kind != THAW_NODE_SCALAR || !*node->text || thaw_node_is_null(node)) return THAW_OK;
  const char *from = thaw_is_override(node) ? NULL : node->file;
  const char *path = thaw_path_absolute(w->arena, from, node->text);
  if (!path) return thaw_fail_memory(w->ctx, strlen(node->text));
  node->text = path;
  return THAW_OK;
}

/* A plugin is named by a path, or by its name, which stays. */
static thaw_status change_plugin(const walk *w, thaw_node *section) {
  thaw_node *node = thaw_node_child(section, "plugin");
  if (!node || node->kind != THAW_NODE_SCALAR) return THAW_OK;
  const size_t length = strlen(node->text);
  const bool is_file = length > 3 && strcmp(node->text + length - 3, ".so") == 0;
  return is_file || strchr(node->text, '/') ? change(w, node) : THAW_OK;
}

static thaw_status change_value(const walk *w, const thaw_key *key, thaw_node *node);

static thaw_status change_section(const walk *w, const thaw_level *level, thaw_node *map) {
  for (thaw_node *child = map->first; child && map->kind == THAW_NODE_MAP; child = child->next) {
    const thaw_key *key = thaw_level_key(level, child->key);
    const thaw_status status = key ? change_value(w, key, child) : THAW_OK;
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

/* The same for the sections, or values, in a mapping of free names or in a list. */
static thaw_status change_each(const walk *w, const thaw_key *key, thaw_node *node) {
  for (thaw_node *child = node->first; child; child = child->next) {
    const thaw_status status = key->type == THAW_KEY_CHAIN   ? change_plugin(w, child)
                               : key->type == THAW_KEY_NAMED ? change_section(w, key->level, child)
                                                             : change(w, child);
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

/* A value of a swept key: it is wrapped into the sections that the key names, as an override would
 * be, and that is walked over. */
static thaw_status change_swept(const walk *w, const char *key, thaw_node *value) {
  thaw_node copy = *value, *root;
  if (!thaw_is_dotted(key)) return THAW_OK;
  thaw_status status = thaw_node_wrap(w->ctx, w->arena, key, &copy, &root);
  if (status == THAW_OK) status = thaw_paths_absolute(w->ctx, w->arena, root);
  value->text = copy.text;
  return status;
}

/* Each item of a list of values. */
static thaw_status change_list(const walk *w, thaw_node *list) {
  if (list->kind != THAW_NODE_LIST) return THAW_OK;
  thaw_status status = THAW_OK;
  for (thaw_node *value = list->first; value && status == THAW_OK; value = value->next)
    status = change_swept(w, list->key, value);
  return status;
}

/* Keys with lists of values. */
static thaw_status change_grid(const walk *w, thaw_node *grid) {
  thaw_status status = THAW_OK;
  if (!grid || grid->kind != THAW_NODE_MAP) return THAW_OK;
  for (thaw_node *key = grid->first; key && status == THAW_OK; key = key->next)
    status = change_list(w, key);
  return status;
}

/* A list of points, each with keys and values, or of rules, in which a list is several values. */
static thaw_status change_points(const walk *w, thaw_node *points, bool rules) {
  thaw_status status = THAW_OK;
  for (thaw_node *point = points ? points->first : NULL; point; point = point->next) {
    thaw_node *key = point->kind == THAW_NODE_MAP ? point->first : NULL;
    for (; key && status == THAW_OK; key = key->next) {
      status = rules && key->kind == THAW_NODE_LIST ? change_list(w, key)
                                                    : change_swept(w, key->key, key);
    }
  }
  return status;
}

static thaw_status change_sweep(const walk *w, thaw_node *sweep) {
  thaw_node *random = thaw_node_child(sweep, "random"), *points = thaw_node_child(sweep, "points");
  thaw_node *rules = thaw_node_child(sweep, "exclude");
  if (sweep->kind != THAW_NODE_MAP) return THAW_OK;
  thaw_status status = THAW_OK;
  for (thaw_node *key = sweep->first; key && status == THAW_OK; key = key->next) {
    if (key != points && key != rules) status = change_list(w, key);
  }
  if (status == THAW_OK) status = change_grid(w, thaw_node_child(sweep, "grid"));
  if (status == THAW_OK) status = change_grid(w, thaw_node_child(random, "values"));
  if (status == THAW_OK) status = change_points(w, points, false);
  return status == THAW_OK ? change_points(w, rules, true) : status;
}

static thaw_status change_value(const walk *w, const thaw_key *key, thaw_node *node) {
  switch (key->type) {
    case THAW_KEY_PATH:
      return change(w, node);
    case THAW_KEY_PATHS:
      return node->kind == THAW_NODE_SCALAR ? change(w, node) : change_each(w, key, node);
    case THAW_KEY_PLUGIN:
      return change_plugin(w, node);
    case THAW_KEY_SECTION:
    case THAW_KEY_TRANSFER:
      return change_section(w, key->level, node);
    case THAW_KEY_NAMED:
    case THAW_KEY_CHAIN:
      return change_each(w, key, node);
    case THAW_KEY_SWEEP:
      return change_sweep(w, node);
    case THAW_KEY_VALUE:
    case THAW_KEY_OVERRIDES:
    case THAW_KEY_GROUPS:
    case THAW_KEY_EXTENDS:
    case THAW_KEY_WEIGHTS:
      return THAW_OK;
  }
  return THAW_OK;
}

thaw_status thaw_paths_absolute(thaw_context *ctx, thaw_arena *arena, thaw_node *root) {
  const walk w = {ctx, arena};
  return change_section(&w, &thaw_schema, root);
}
