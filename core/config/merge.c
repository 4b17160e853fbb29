/* merge.c: trees laid over one another, from the config at the bottom of a chain of `extends` to
 * the last override. The lower tree is changed in place. */
#include "config/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "config/files.h"

enum { LONGEST_CHAIN = 64, MOST_PARTS = 32 };

static const char override[] = "--set";

bool thaw_is_override(const thaw_node *node) {
  return node->line == 0 && strcmp(node->file, override) == 0;
}

/* ---- Laying one tree over another ----------------------------------------------------------- */

/* Keys whose value decides what the keys beside them mean. */
static const char *const selectors[] = {"plugin", "name", "format"};

static bool differs(const thaw_node *base, const thaw_node *overlay, const char *key) {
  const thaw_node *before = thaw_node_child(base, key), *now = thaw_node_child(overlay, key);
  return before && now && before->kind == THAW_NODE_SCALAR && now->kind == THAW_NODE_SCALAR &&
         strcmp(before->text, now->text) != 0;
}

static void leave_over(thaw_node *map) {
  for (thaw_node *child = map->first; child; child = child->next) child->left_over = true;
}

static void mark_left_over(thaw_node *base, const thaw_node *overlay) {
  for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
    if (differs(base, overlay, selectors[i])) leave_over(base);
  }
}

/* Stages change parameters of plugins that are named at the top. */
static void mark_stages(thaw_node *base, const thaw_node *overlay) {
  static const char *const sections[] = {"encoder", "head"};
  const thaw_node *stages = thaw_node_child(base, "stages");
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    const thaw_node *before = thaw_node_child(base, sections[i]);
    const thaw_node *now = thaw_node_child(overlay, sections[i]);
    if (!stages || stages->kind != THAW_NODE_MAP || !differs(before, now, "plugin")) continue;
    for (const thaw_node *stage = stages->first; stage; stage = stage->next) {
      thaw_node *section = thaw_node_child(stage, sections[i]);
      if (section && section->kind == THAW_NODE_MAP) leave_over(section);
    }
  }
}

static thaw_status lay(thaw_context *ctx, thaw_node **place, thaw_node *overlay);

/* Lays over the child at `*place`; its place among its siblings stays. */
static thaw_status lay_child(thaw_context *ctx, thaw_node **place, thaw_node *overlay) {
  thaw_node *next = (*place)->next;
  const thaw_status status = lay(ctx, place, overlay);
  (*place)->next = next;
  return status;
}

static thaw_status lay_map(thaw_context *ctx, thaw_node *base, thaw_node *overlay) {
  for (thaw_node *child = overlay->first, *next; child; child = next) {
    next = child->next;
    thaw_node **place = &base->first;
    while (*place && strcmp((*place)->key, child->key) != 0) place = &(*place)->next;
    if (*place) {
      const thaw_status status = lay_child(ctx, place, child);
      if (status != THAW_OK) return status;
    } else {
      child->next = NULL;
      *place = child;
    }
  }
  return THAW_OK;
}

static bool is_number(const char *key) {
  return *key && strspn(key, "0123456789") == strlen(key);
}

static size_t child_count(const thaw_node *node) {
  size_t count = 0;
  for (const thaw_node *child = node->first; child; child = child->next) count++;
  return count;
}

/* Where the item with the number `key` is; NULL: not there. */
static thaw_node **item_place(thaw_node *list, const char *key) {
  if (!is_number(key)) return NULL;
  thaw_node **place = &list->first;
  for (unsigned long i = strtoul(key, NULL, 10); i > 0 && *place; i--) place = &(*place)->next;
  return *place ? place : NULL;
}

static thaw_status lay_items(thaw_context *ctx, thaw_node *list, thaw_node *overlay) {
  for (thaw_node *child = overlay->first, *next; child; child = next) {
    next = child->next;
    thaw_node **place = item_place(list, child->key);
    if (!place) {
      return thaw_fail_at(ctx, child->file, 0, 0,
                          "%s.%s: %s is a list of %zu, whose items are numbered from 0",
                          overlay->key, child->key, overlay->key, child_count(list));
    }
    const thaw_status status = lay_child(ctx, place, child);
    if (status != THAW_OK) return status;
    (*place)->key = NULL;
  }
  return THAW_OK;
}

/* An override may name items of a list: schedule.0.cut_frac. */
static bool names_items(const thaw_node *overlay) {
  return overlay->kind == THAW_NODE_MAP && thaw_is_override(overlay) && overlay->first &&
         is_number(overlay->first->key);
}

/* `*place` becomes what the overlay makes of it. */
static thaw_status lay(thaw_context *ctx, thaw_node **place, thaw_node *overlay) {
  thaw_node *base = *place;
  if (base->kind == THAW_NODE_MAP && overlay->kind == THAW_NODE_MAP) {
    mark_left_over(base, overlay);
    return lay_map(ctx, base, overlay);
  }
  if (base->kind == THAW_NODE_LIST && names_items(overlay)) return lay_items(ctx, base, overlay);
  *place = overlay;
  return THAW_OK;
}

/* The same for whole configs. */
static thaw_status lay_root(thaw_context *ctx, thaw_node *base, thaw_node *overlay) {
  mark_stages(base, overlay);
  return lay_map(ctx, base, overlay);
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* A file that is being loaded, and the one that extends it. */
typedef struct chain {
  const char *path;
  char *real;
  size_t length;
  const struct chain *above;
} chain;

typedef struct loading {
  thaw_context *ctx;
  thaw_arena *arena;
} loading;

/* Takes the key out of the mapping; NULL when it is not there. */
static thaw_node *take_out(thaw_node *map, const char *key) {
  for (thaw_node **place = &map->first; *place; place = &(*place)->next) {
    if (strcmp((*place)->key, key) != 0) continue;
    thaw_node *taken = *place;
    *place = taken->next;
    taken->next = NULL;
    return taken;
  }
  return NULL;
}

static void write_chain(thaw_buffer *out, const chain *from) {
  if (from->above) write_chain(out, from->above);
  thaw_buffer_format(out, "%s%s", from->above ? " -> " : "", from->path);
}

/* Fails when `link` closes a circle. */
static thaw_status check_chain(loading *l, const chain *link, const thaw_node *named_by) {
  bool circle = false;
  for (const chain *above = link->above; above && !circle; above = above->above) {
    circle = link->real && above->real && strcmp(above->real, link->real) == 0;
  }
  if (!circle && link->length <= LONGEST_CHAIN) return THAW_OK;
  thaw_buffer names = {0};
  write_chain(&names, link);
  thaw_fail_at(l->ctx, named_by->file, named_by->line, named_by->column, "extends: %s: %s",
               circle ? "these files extend one another in a circle"
                      : "more than 64 files extend one another",
               names.data ? names.data : link->path);
  thaw_buffer_free(&names);
  return THAW_INVALID;
}

static thaw_status parse_file(loading *l, const char *path, const thaw_node *named_by,
                              thaw_buffer *text, thaw_node **root) {
  thaw_status status = thaw_yaml_text(l->ctx, path, text);
  if (status != THAW_OK) {
    if (named_by) {
      thaw_fail_at(l->ctx, named_by->file, named_by->line, named_by->column, "extends: %s",
                   thaw_error(l->ctx));
    }
    return status;
  }
  status = thaw_yaml_parse(l->ctx, l->arena, path, text->data, text->size, root);
  if (status != THAW_OK) return status;
  if ((*root)->kind != THAW_NODE_MAP) {
    return thaw_fail_at(l->ctx, path, (*root)->line, (*root)->column,
                        "expected keys with values (name: …), found a %s",
                        (*root)->kind == THAW_NODE_LIST ? "list" : "single text");
  }
  return THAW_OK;
}

static thaw_status load_file(loading *l, const char *path, const thaw_node *named_by,
                             const chain *above, thaw_buffer *text, thaw_node **root);

/* Loads what the node names and lays `root` over it. */
static thaw_status extend(loading *l, const thaw_node *extends, const chain *here,
                          thaw_node **root) {
  if (extends->kind != THAW_NODE_SCALAR || !*extends->text) {
    return thaw_fail_at(l->ctx, extends->file, extends->line, extends->column,
                        "extends: expected the path of one config");
  }
  char *beside = thaw_path_beside(here->path, extends->text);
  const char *path = beside ? thaw_arena_strdup(l->arena, beside) : NULL;
  free(beside);
  if (!path) return thaw_fail_memory(l->ctx, strlen(extends->text));
  thaw_buffer text = {0};
  thaw_node *base = NULL;
  thaw_status status = load_file(l, path, extends, here, &text, &base);
  thaw_buffer_free(&text);
  if (status == THAW_OK) status = lay_root(l->ctx, base, *root);
  *root = base;
  return status;
}

/* `path` lives in the arena; `text` receives what stands in the file. */
static thaw_status load_file(loading *l, const char *path, const thaw_node *named_by,
                             const chain *above, thaw_buffer *text, thaw_node **root) {
  const chain link = {path, realpath(path, NULL), above ? above->length + 1 : 1, above};
  thaw_status status = check_chain(l, &link, named_by);
  if (status == THAW_OK) status = parse_file(l, path, named_by, text, root);
  if (status == THAW_OK) status = thaw_paths_absolute(l->ctx, l->arena, *root);
  if (status == THAW_OK) {
    const thaw_node *extends = take_out(*root, "extends");
    if (extends && !thaw_node_is_null(extends)) status = extend(l, extends, &link, root);
  }
  free(link.real);
  return status;
}

/* ---- Overrides ------------------------------------------------------------------------------ */

bool thaw_sets_cover(size_t count, const char *const *sets, const char *key) {
  for (size_t i = 0; i < count; i++) {
    const size_t length = strcspn(sets[i], "=");
    if (strncmp(sets[i], key, length) == 0 && (key[length] == '\0' || key[length] == '.')) {
      return true;
    }
  }
  return false;
}

bool thaw_is_dotted(const char *key) {
  size_t parts = 1;
  for (const char *c = key; *c; c++) parts += *c == '.';
  return *key && key[0] != '.' && key[strlen(key) - 1] != '.' && !strstr(key, "..") &&
         parts <= MOST_PARTS;
}

/* How much of the key stands before the dotted key that it has in a sweep; 0: it has none. */
static size_t sweep_length(const char *key) {
  static const char *const places[] = {"sweep.random.values.", "sweep.random.", "sweep.grid.",
                                       "sweep."};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (strncmp(key, places[i], strlen(places[i])) == 0) return strlen(places[i]);
  }
  return 0;
}

/* The parts of a key from the last to the first, each around what is inside. */
thaw_status thaw_node_wrap(thaw_context *ctx, thaw_arena *arena, const char *key, thaw_node *value,
                           thaw_node **root) {
  const size_t sweep = sweep_length(key);
  thaw_node *inside = value;
  for (size_t end = strlen(key);;) {
    size_t begin = end;
    while (begin > 0 && (key[begin - 1] != '.' || (sweep && begin > sweep))) begin--;
    thaw_node *map = thaw_arena_zalloc(arena, sizeof *map);
    inside->key = thaw_arena_strndup(arena, key + begin, end - begin);
    if (!map || !inside->key) return thaw_fail_memory(ctx, sizeof *map);
    inside->next = NULL;
    map->kind = THAW_NODE_MAP;
    map->file = value->file;
    map->line = value->line;
    map->column = value->column;
    map->first = inside;
    inside = map;
    if (begin == 0) break;
    end = begin - 1;
  }
  *root = inside;
  return THAW_OK;
}

/* A position in a command line says nothing. */
static void forget_position(thaw_node *node) {
  node->file = override;
  node->line = node->column = node->key_line = node->key_column = 0;
  for (thaw_node *child = node->first; child; child = child->next) forget_position(child);
}

static thaw_status parse_value(loading *l, const char *key, const char *text, thaw_node **value) {
  if (!*text) { /* as in a shell: the empty text */
    *value = thaw_arena_zalloc(l->arena, sizeof **value);
    if (!*value) return thaw_fail_memory(l->ctx, sizeof **value);
    (*value)->text = "";
    (*value)->quoted = true;
    return THAW_OK;
  }
  thaw_buffer name = {0};
  thaw_status status = thaw_buffer_format(&name, "%s %s", override, key)
                           ? thaw_yaml_parse(l->ctx, l->arena, name.data, text, strlen(text), value)
                           : thaw_fail_memory(l->ctx, strlen(key));
  thaw_buffer_free(&name);
  return status;
}

/* "key.path=value" as a tree of its own. */
static thaw_status parse_set(loading *l, const char *set, thaw_node **root) {
  const size_t length = strcspn(set, "=");
  const char *key = thaw_arena_strndup(l->arena, set, length);
  if (!key) return thaw_fail_memory(l->ctx, length);
  if (!set[length] || !thaw_is_dotted(key)) {
    return thaw_fail_at(l->ctx, override, 0, 0, "expected KEY.PATH=VALUE, found '%s'", set);
  }
  if (strcmp(key, "extends") == 0) {
    return thaw_fail_at(l->ctx, override, 0, 0, "extends: only a file can extend another");
  }
  thaw_node *value;
  thaw_status status = parse_value(l, key, set + length + 1, &value);
  if (status != THAW_OK) return status;
  forget_position(value);
  status = thaw_node_wrap(l->ctx, l->arena, key, value, root);
  if (status == THAW_OK) status = thaw_paths_absolute(l->ctx, l->arena, *root);
  return status;
}

/* All overrides are one overlay: a parameter beside a plugin's name was meant for that plugin. */
static thaw_status override_all(loading *l, size_t count, const char *const *sets,
                                thaw_node *root) {
  thaw_node *overlay = NULL;
  for (size_t i = 0; i < count; i++) {
    thaw_node *tree;
    thaw_status status = parse_set(l, sets[i], &tree);
    if (status != THAW_OK) return status;
    status = overlay ? lay_root(l->ctx, overlay, tree) : THAW_OK;
    if (status != THAW_OK) return status;
    if (!overlay) overlay = tree;
  }
  return overlay ? lay_root(l->ctx, root, overlay) : THAW_OK;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* A key without a value is more likely forgotten than meant. */
static thaw_status refuse_empty(loading *l, const thaw_node *node) {
  if (thaw_node_is_empty(node)) {
    return thaw_fail_at(l->ctx, node->file, node->line, node->column,
                        "%s%shas no value (null takes the default)", node->key ? node->key : "item",
                        node->key ? ": " : " ");
  }
  for (const thaw_node *child = node->first; child; child = child->next) {
    const thaw_status status = refuse_empty(l, child);
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

static void drop_null_children(thaw_node *node) {
  for (thaw_node **place = &node->first; node->kind == THAW_NODE_MAP && *place;) {
    if (thaw_node_is_null(*place)) {
      *place = (*place)->next;
    } else {
      place = &(*place)->next;
    }
  }
}

static void drop_nulls(thaw_node *node) {
  drop_null_children(node);
  for (thaw_node *child = node->first; child; child = child->next) drop_nulls(child);
}

/* In the lists and points of a sweep, null is a value as any other. */
static void drop_sweep_nulls(thaw_node *sweep) {
  thaw_node *grid = thaw_node_child(sweep, "grid"), *random = thaw_node_child(sweep, "random");
  thaw_node *drawn = thaw_node_child(random, "values");
  drop_null_children(sweep);
  if (grid) drop_null_children(grid);
  if (random) drop_null_children(random);
  if (drawn) drop_null_children(drawn);
  for (thaw_node *range = drawn ? drawn->first : NULL; range; range = range->next)
    drop_null_children(range);
}

static void drop_root_nulls(thaw_node *root) {
  drop_null_children(root);
  for (thaw_node *child = root->first; child; child = child->next) {
    if (strcmp(child->key, "sweep") == 0) {
      drop_sweep_nulls(child);
    } else {
      drop_nulls(child);
    }
  }
}

/* The file as it stands, and the overrides as comments. */
static thaw_status write_down(loading *l, thaw_buffer *text, size_t count, const char *const *sets,
                              char **written) {
  bool ok = true;
  if (count && text->size && text->data[text->size - 1] != '\n') ok = thaw_buffer_text(text, "\n");
  for (size_t i = 0; i < count && ok; i++) {
    ok = thaw_buffer_text(text, "# --set ");
    for (const char *c = sets[i]; *c && ok; c++) {
      ok = thaw_buffer_append(text, c, 1) && (*c != '\n' || thaw_buffer_text(text, "# "));
    }
    ok = ok && thaw_buffer_text(text, "\n");
  }
  *written = ok ? thaw_arena_strndup(l->arena, text->data, text->size) : NULL;
  return *written ? THAW_OK : thaw_fail_memory(l->ctx, text->size);
}

thaw_status thaw_config_load(thaw_context *ctx, thaw_arena *arena, const char *path,
                             size_t set_count, const char *const *sets, thaw_node **root,
                             char **written) {
  loading l = {ctx, arena};
  thaw_buffer text = {0};
  *root = NULL;
  *written = NULL;
  const char *kept = thaw_arena_strdup(arena, path);
  if (!kept) return thaw_fail_memory(ctx, strlen(path));
  thaw_status status = load_file(&l, kept, NULL, NULL, &text, root);
  if (status == THAW_OK) status = override_all(&l, set_count, sets, *root);
  if (status == THAW_OK) status = refuse_empty(&l, *root);
  if (status == THAW_OK) drop_root_nulls(*root);
  if (status == THAW_OK) status = write_down(&l, &text, set_count, sets, written);
  thaw_buffer_free(&text);
  return status;
}
