/* yaml.h: a YAML document as a tree that remembers where everything stood.
 *
 * Built on libyaml's parser. Scalars stay text: what a value means is decided by the schema, never
 * by YAML's guesses ("no" is a class name, "1e3" may be one). Anchors and aliases work; an alias is
 * a copy. Refused, with line and column: what does not parse, two equal keys in one mapping, more
 * than one document, documents that grow beyond 1 MiB or 100,000 nodes or 64 levels by aliases or
 * otherwise (alias bombs), keys that are not scalars, merge keys (<<; `extends` inherits), tags
 * (!!int), NUL characters, and bytes that are not UTF-8. */
#ifndef THAW_YAML_H
#define THAW_YAML_H

#include "base/arena.h"
#include "base/buffer.h"
#include "thaw/base.h"

typedef enum thaw_node_kind { THAW_NODE_SCALAR, THAW_NODE_LIST, THAW_NODE_MAP } thaw_node_kind;

typedef struct thaw_node {
  thaw_node_kind kind;
  const char *key;         /* in a mapping; NULL elsewhere */
  const char *text;        /* scalar */
  bool quoted;             /* scalar: was in quotes (so "" and null differ) */
  bool left_over;          /* belongs to a plugin (or format …) that an overlay replaced: dropped
                              where the new one does not know it */
  struct thaw_node *first; /* list, map: children in order */
  struct thaw_node *next;  /* the next sibling */
  const char *file;        /* where it stands; "--set" for overrides */
  size_t line, column;     /* from 1: of the value; 0 for overrides */
  size_t key_line, key_column;
} thaw_node;

/* The text of a file, at most 1 MiB. */
thaw_status thaw_yaml_text(thaw_context *ctx, const char *path, thaw_buffer *text);
/* Parses; the tree lives in the arena and keeps `name`, which stands in messages. */
thaw_status thaw_yaml_parse(thaw_context *ctx, thaw_arena *arena, const char *name,
                            const char *text, size_t bytes, thaw_node **root);
/* The text of a file, parsed. */
thaw_status thaw_yaml_read(thaw_context *ctx, thaw_arena *arena, const char *path,
                           thaw_node **root);
/* null, Null, NULL or ~ without quotes. */
bool thaw_node_is_null(const thaw_node *node);
/* No text at all where a value should stand, and no quotes. */
bool thaw_node_is_empty(const thaw_node *node);
/* A child by its key, NULL when there is none. */
thaw_node *thaw_node_child(const thaw_node *map, const char *key);
/* By a dotted path "stages.classify.epochs"; list items by number. NULL when there is none. */
thaw_node *thaw_node_find(const thaw_node *root, const char *path);
/* YAML text that parses back to the same tree (a text that needs quotes gets them); `sorted`: keys
 * in byte order. */
thaw_status thaw_node_write(thaw_context *ctx, const thaw_node *node, bool sorted,
                            thaw_buffer *out);
/* The same on one line and without a newline at its end: "{plugin: max, hidden: [50, 20]}". */
thaw_status thaw_node_write_line(thaw_context *ctx, const thaw_node *node, bool sorted,
                                 thaw_buffer *out);
/* Every scalar and list of scalars with its dotted path: `visit(user, "encoder.hidden", "1152")`.
 */
void thaw_node_flatten(const thaw_node *node, thaw_arena *arena,
                       void (*visit)(void *user, const char *path, const char *value), void *user);

#endif
