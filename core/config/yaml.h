/* yaml.h: a YAML document as a tree that remembers where everything stood.
 *
 * Built on libyaml's parser. Scalars stay text: what a value means is decided by the schema, never
 * by YAML's guesses ("no" is a class name, "1e3" may be one). Refused, with line and column: what
 * does not parse, two equal keys in one mapping, more than one document, documents that grow beyond
 * 1 MiB or 100,000 nodes or 64 levels by aliases or otherwise (alias bombs), keys that are not
 * scalars. */
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
  struct thaw_node *first; /* list, map: children in order */
  struct thaw_node *next;  /* the next sibling */
  const char *file;        /* where it stands; "--set" for overrides */
  size_t line, column;     /* from 1: of the value */
  size_t key_line, key_column;
} thaw_node;

/* Reads and parses a file; the tree lives in the arena. */
thaw_status thaw_yaml_read(thaw_context *ctx, thaw_arena *arena, const char *path,
                           thaw_node **root);
/* The same from memory; `name` stands in messages. */
thaw_status thaw_yaml_parse(thaw_context *ctx, thaw_arena *arena, const char *name,
                            const char *text, size_t bytes, thaw_node **root);
/* A child by its key, NULL when there is none. */
thaw_node *thaw_node_child(const thaw_node *map, const char *key);
/* By a dotted path "stages.classify.epochs"; list items by number. NULL when there is none. */
thaw_node *thaw_node_find(const thaw_node *root, const char *path);
/* YAML text that parses back to the same tree; `sorted`: keys in byte order. */
thaw_status thaw_node_write(thaw_context *ctx, const thaw_node *node, bool sorted,
                            thaw_buffer *out);
/* Every scalar and list of scalars with its dotted path: `visit(user, "encoder.hidden", "1152")`.
 */
void thaw_node_flatten(const thaw_node *node, thaw_arena *arena,
                       void (*visit)(void *user, const char *path, const char *value), void *user);

#endif
