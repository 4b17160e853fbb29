/* yaml.c: libyaml's events into a tree.
 *
 * The tree is built by recursive descent, at most MOST_LEVELS deep. Everything that enters it, by
 * an alias too, is counted before it is copied: what an alias bomb would become is never built. */
#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unistr.h>
#include <yaml.h>

#include "base/context.h"
#include "base/file.h"
#include "config/files.h"

enum {
  LARGEST = 1 << 20,
  MOST_NODES = 100000,
  MOST_LEVELS = 64,
  MOST_ANCHORS = 1000,
  LONGEST_KEY = 128
};

typedef struct anchor {
  const char *name;
  const thaw_node *node;
  struct anchor *next; /* the one before it in the document */
} anchor;

typedef struct parsing {
  thaw_context *ctx;
  thaw_arena *arena;
  const char *name;
  const char *text; /* without a byte order mark */
  size_t text_bytes;
  yaml_parser_t yaml;
  anchor *anchors;
  size_t anchor_count, nodes, bytes;
} parsing;

/* ---- Messages ------------------------------------------------------------------------------- */

static thaw_status fail_at(parsing *p, yaml_mark_t mark, const char *message) {
  return thaw_fail_at(p->ctx, p->name, mark.line + 1, mark.column + 1, "%s", message);
}

/* Fails with the position of the byte at `offset`. */
static thaw_status fail_byte(parsing *p, size_t offset, const char *what) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < offset && i < p->text_bytes; i++) {
    const unsigned char c = (unsigned char)p->text[i];
    if (c == '\n') {
      line++;
      column = 1;
    } else if ((c & 0xc0) != 0x80) {
      column++;
    }
  }
  return thaw_fail_at(p->ctx, p->name, line, column, "%s", what);
}

/* Why libyaml stopped. */
static thaw_status fail_parse(parsing *p) {
  const yaml_parser_t *yaml = &p->yaml;
  const char *problem = yaml->problem ? yaml->problem : "it breaks off";
  if (yaml->error == YAML_MEMORY_ERROR) return thaw_fail_memory(p->ctx, p->text_bytes);
  if (yaml->error == YAML_READER_ERROR) {
    fail_byte(p, yaml->problem_offset, problem);
    return thaw_fail(p->ctx, THAW_INVALID, "%s (U+%04X)", thaw_error(p->ctx),
                     (unsigned)yaml->problem_value);
  }
  const yaml_mark_t mark = yaml->problem_mark;
  if (!yaml->context) {
    return thaw_fail_at(p->ctx, p->name, mark.line + 1, mark.column + 1,
                        "cannot be parsed as YAML: %s", problem);
  }
  return thaw_fail_at(p->ctx, p->name, mark.line + 1, mark.column + 1,
                      "cannot be parsed as YAML: %s, %s that begins in line %zu", problem,
                      yaml->context, yaml->context_mark.line + 1);
}

static thaw_status fail_memory(parsing *p) {
  return thaw_fail_memory(p->ctx, sizeof(thaw_node));
}

/* ---- Nodes ---------------------------------------------------------------------------------- */

static thaw_status next_event(parsing *p, yaml_event_t *event) {
  return yaml_parser_parse(&p->yaml, event) ? THAW_OK : fail_parse(p);
}

/* Counts one more node with `bytes` bytes of text, at `mark` and so many levels deep. */
static thaw_status count_node(parsing *p, yaml_mark_t mark, size_t level, size_t bytes) {
  if (level > MOST_LEVELS) return fail_at(p, mark, "more than 64 levels, one in the other");
  p->bytes += bytes;
  if (++p->nodes > MOST_NODES) {
    return fail_at(p, mark, "more than 100,000 values (what an alias repeats counts each time)");
  }
  if (p->bytes > LARGEST) {
    return fail_at(p, mark, "more than 1 MiB of text (what an alias repeats counts each time)");
  }
  return THAW_OK;
}

static thaw_status new_node(parsing *p, thaw_node_kind kind, yaml_mark_t mark, thaw_node **node) {
  *node = thaw_arena_zalloc(p->arena, sizeof **node);
  if (!*node) return fail_memory(p);
  (*node)->kind = kind;
  (*node)->file = p->name;
  (*node)->line = mark.line + 1;
  (*node)->column = mark.column + 1;
  return THAW_OK;
}

/* A text of the document; `*copy` lives in the arena. */
static thaw_status copy_text(parsing *p, yaml_mark_t mark, const yaml_char_t *text, size_t bytes,
                             const char **copy) {
  if (memchr(text, 0, bytes)) return fail_at(p, mark, "a text cannot contain the NUL character");
  *copy = thaw_arena_strndup(p->arena, (const char *)text, bytes);
  return *copy ? THAW_OK : fail_memory(p);
}

static thaw_status refuse_tag(parsing *p, yaml_mark_t mark, const yaml_char_t *tag) {
  if (!tag || strcmp((const char *)tag, "!") == 0) return THAW_OK;
  return thaw_fail_at(p->ctx, p->name, mark.line + 1, mark.column + 1,
                      "tags have no meaning here, found '%s'", (const char *)tag);
}

/* ---- Anchors and aliases -------------------------------------------------------------------- */

/* An anchor can be used once its node is complete, so no tree contains itself. */
static thaw_status add_anchor(parsing *p, yaml_mark_t mark, const yaml_char_t *name,
                              const thaw_node *node) {
  if (!name) return THAW_OK;
  if (++p->anchor_count > MOST_ANCHORS) return fail_at(p, mark, "more than 1,000 anchors");
  anchor *added = thaw_arena_alloc(p->arena, sizeof *added);
  char *copy = thaw_arena_strdup(p->arena, (const char *)name);
  if (!added || !copy) return fail_memory(p);
  *added = (anchor){copy, node, p->anchors};
  p->anchors = added;
  return THAW_OK;
}

static thaw_status copy_node(parsing *p, yaml_mark_t mark, const thaw_node *node, size_t level,
                             thaw_node **copy) {
  const size_t bytes = (node->key ? strlen(node->key) : 0) + (node->text ? strlen(node->text) : 0);
  thaw_status status = count_node(p, mark, level, bytes);
  if (status != THAW_OK) return status;
  thaw_node *made = thaw_arena_alloc(p->arena, sizeof *made);
  if (!made) return fail_memory(p);
  *made = *node;
  made->next = NULL;
  thaw_node **place = &made->first;
  for (const thaw_node *child = node->first; child; child = child->next) {
    status = copy_node(p, mark, child, level + 1, place);
    if (status != THAW_OK) return status;
    place = &(*place)->next;
  }
  *copy = made;
  return THAW_OK;
}

static thaw_status follow_alias(parsing *p, const yaml_event_t *event, size_t level,
                                thaw_node **node) {
  const char *name = (const char *)event->data.alias.anchor;
  for (const anchor *known = p->anchors; known; known = known->next) {
    if (strcmp(known->name, name) == 0) {
      return copy_node(p, event->start_mark, known->node, level, node);
    }
  }
  return thaw_fail_at(p->ctx, p->name, event->start_mark.line + 1, event->start_mark.column + 1,
                      "there is no finished anchor '&%s' before this alias", name);
}

/* ---- The document --------------------------------------------------------------------------- */

static thaw_status parse_value(parsing *p, const yaml_event_t *event, size_t level,
                               thaw_node **node);

static thaw_status parse_scalar(parsing *p, const yaml_event_t *event, size_t level,
                                thaw_node **node) {
  const yaml_mark_t mark = event->start_mark;
  const size_t bytes = event->data.scalar.length;
  thaw_status status = count_node(p, mark, level, bytes);
  if (status == THAW_OK) status = refuse_tag(p, mark, event->data.scalar.tag);
  if (status == THAW_OK) status = new_node(p, THAW_NODE_SCALAR, mark, node);
  if (status != THAW_OK) return status;
  (*node)->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  status = copy_text(p, mark, event->data.scalar.value, bytes, &(*node)->text);
  if (status != THAW_OK) return status;
  return add_anchor(p, mark, event->data.scalar.anchor, *node);
}

static thaw_status parse_items(parsing *p, size_t level, thaw_node *list) {
  thaw_node **place = &list->first;
  for (;;) {
    yaml_event_t event;
    thaw_status status = next_event(p, &event);
    if (status != THAW_OK) return status;
    const bool end = event.type == YAML_SEQUENCE_END_EVENT;
    if (!end) status = parse_value(p, &event, level + 1, place);
    yaml_event_delete(&event);
    if (end || status != THAW_OK) return status;
    place = &(*place)->next;
  }
}

/* The key, whose event is given, and its value. */
static thaw_status parse_entry(parsing *p, const yaml_event_t *event, size_t level,
                               thaw_node **node) {
  const yaml_mark_t mark = event->start_mark;
  if (event->type != YAML_SCALAR_EVENT) return fail_at(p, mark, "a key must be a text");
  const size_t bytes = event->data.scalar.length;
  const char *key;
  thaw_status status = refuse_tag(p, mark, event->data.scalar.tag);
  if (status == THAW_OK) status = copy_text(p, mark, event->data.scalar.value, bytes, &key);
  if (status != THAW_OK) return status;
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0) {
    return fail_at(p, mark, "merge keys (<<) are not supported; 'extends' inherits from a file");
  }
  /* libyaml reads no key back that takes more than 1024 characters with its escapes. */
  if (bytes > LONGEST_KEY) return fail_at(p, mark, "a key of more than 128 bytes");
  p->bytes += bytes;
  yaml_event_t value;
  status = next_event(p, &value);
  if (status != THAW_OK) return status;
  status = parse_value(p, &value, level + 1, node);
  yaml_event_delete(&value);
  if (status != THAW_OK) return status;
  (*node)->key = key;
  (*node)->key_line = mark.line + 1;
  (*node)->key_column = mark.column + 1;
  return THAW_OK;
}

static int by_key(const void *a, const void *b) {
  const thaw_node *x = *(const thaw_node *const *)a, *y = *(const thaw_node *const *)b;
  const int order = strcmp(x->key, y->key);
  if (order) return order;
  if (x->key_line != y->key_line) return x->key_line < y->key_line ? -1 : 1;
  return x->key_column < y->key_column ? -1 : x->key_column > y->key_column;
}

/* Sorting keeps a mapping of very many keys quick to check. */
static thaw_status check_keys(parsing *p, const thaw_node *map, size_t count) {
  if (count < 2) return THAW_OK;
  const thaw_node **sorted = malloc(count * sizeof *sorted);
  if (!sorted) return thaw_fail_memory(p->ctx, count * sizeof *sorted);
  size_t filled = 0;
  for (const thaw_node *child = map->first; child; child = child->next) sorted[filled++] = child;
  qsort(sorted, count, sizeof *sorted, by_key);
  thaw_status status = THAW_OK;
  for (size_t i = 1; i < count && status == THAW_OK; i++) {
    const thaw_node *before = sorted[i - 1], *node = sorted[i];
    if (strcmp(before->key, node->key) != 0) continue;
    status = thaw_fail_at(p->ctx, p->name, node->key_line, node->key_column,
                          "the key '%s' stands here twice, first in line %zu, column %zu",
                          node->key, before->key_line, before->key_column);
  }
  free(sorted);
  return status;
}

static thaw_status parse_entries(parsing *p, size_t level, thaw_node *map) {
  thaw_node **place = &map->first;
  for (size_t count = 0;; count++) {
    yaml_event_t event;
    thaw_status status = next_event(p, &event);
    if (status != THAW_OK) return status;
    const bool end = event.type == YAML_MAPPING_END_EVENT;
    status = end ? check_keys(p, map, count) : parse_entry(p, &event, level, place);
    yaml_event_delete(&event);
    if (end || status != THAW_OK) return status;
    place = &(*place)->next;
  }
}

static thaw_status parse_list(parsing *p, const yaml_event_t *event, size_t level,
                              thaw_node **node) {
  const yaml_mark_t mark = event->start_mark;
  thaw_status status = count_node(p, mark, level, 0);
  if (status == THAW_OK) status = refuse_tag(p, mark, event->data.sequence_start.tag);
  if (status == THAW_OK) status = new_node(p, THAW_NODE_LIST, mark, node);
  if (status == THAW_OK) status = parse_items(p, level, *node);
  if (status != THAW_OK) return status;
  return add_anchor(p, mark, event->data.sequence_start.anchor, *node);
}

static thaw_status parse_map(parsing *p, const yaml_event_t *event, size_t level,
                             thaw_node **node) {
  const yaml_mark_t mark = event->start_mark;
  thaw_status status = count_node(p, mark, level, 0);
  if (status == THAW_OK) status = refuse_tag(p, mark, event->data.mapping_start.tag);
  if (status == THAW_OK) status = new_node(p, THAW_NODE_MAP, mark, node);
  if (status == THAW_OK) status = parse_entries(p, level, *node);
  if (status != THAW_OK) return status;
  return add_anchor(p, mark, event->data.mapping_start.anchor, *node);
}

/* The value that begins with `event`, which stays the caller's. */
static thaw_status parse_value(parsing *p, const yaml_event_t *event, size_t level,
                               thaw_node **node) {
  switch (event->type) {
    case YAML_SCALAR_EVENT:
      return parse_scalar(p, event, level, node);
    case YAML_SEQUENCE_START_EVENT:
      return parse_list(p, event, level, node);
    case YAML_MAPPING_START_EVENT:
      return parse_map(p, event, level, node);
    case YAML_ALIAS_EVENT:
      return follow_alias(p, event, level, node);
    default:
      return fail_at(p, event->start_mark, "expected a value");
  }
}

/* The stream's events around its one document. */
static thaw_status parse_stream(parsing *p, thaw_node **root) {
  thaw_node *tree = NULL;
  for (;;) {
    yaml_event_t event;
    thaw_status status = next_event(p, &event);
    if (status != THAW_OK) return status;
    const yaml_event_type_t type = event.type;
    if (type == YAML_DOCUMENT_START_EVENT && tree) {
      status = fail_at(p, event.start_mark, "a second document begins here, expected one");
    } else if (type == YAML_STREAM_END_EVENT && !tree) {
      status = thaw_fail_at(p->ctx, p->name, 0, 0, "there is nothing in it");
    } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
               type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
      status = parse_value(p, &event, 1, &tree);
    }
    yaml_event_delete(&event);
    if (status != THAW_OK) return status;
    if (type == YAML_STREAM_END_EVENT) break;
  }
  *root = tree;
  return THAW_OK;
}

static thaw_status check_text(parsing *p) {
  if (p->text_bytes > LARGEST) {
    return thaw_fail_at(p->ctx, p->name, 0, 0, "is larger than 1 MiB");
  }
  const uint8_t *bad = u8_check((const uint8_t *)p->text, p->text_bytes);
  if (!bad) return THAW_OK;
  fail_byte(p, (size_t)((const char *)bad - p->text), "is not UTF-8");
  return thaw_fail(p->ctx, THAW_INVALID, "%s (byte 0x%02x)", thaw_error(p->ctx), *bad);
}

thaw_status thaw_yaml_parse(thaw_context *ctx, thaw_arena *arena, const char *name,
                            const char *text, size_t bytes, thaw_node **root) {
  *root = NULL;
  const bool marked = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
  parsing p = {.ctx = ctx,
               .arena = arena,
               .name = name,
               .text = text + (marked ? 3 : 0),
               .text_bytes = bytes - (marked ? 3 : 0)};
  thaw_status status = check_text(&p);
  if (status != THAW_OK) return status;
  if (!yaml_parser_initialize(&p.yaml)) return thaw_fail_memory(ctx, sizeof p.yaml);
  yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&p.yaml, (const yaml_char_t *)p.text, p.text_bytes);
  status = parse_stream(&p, root);
  yaml_parser_delete(&p.yaml);
  return status;
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* One byte more than is allowed, so that a file that is too large, or endless, is seen to be so. */
static thaw_status read_all(thaw_context *ctx, int file, const char *path, thaw_buffer *text) {
  if (!thaw_buffer_reserve(text, LARGEST + 1)) return thaw_fail_memory(ctx, LARGEST + 1);
  while (text->size <= LARGEST) {
    const ssize_t count = read(file, text->data + text->size, LARGEST + 1 - text->size);
    if (count < 0 && errno == EINTR && !thaw_interrupted(ctx)) continue;
    if (count < 0) {
      return thaw_fail_at(ctx, path, 0, 0, "cannot be read: %s", strerror(errno));
    }
    if (count == 0) return THAW_OK;
    text->size += (size_t)count;
  }
  return thaw_fail_at(ctx, path, 0, 0, "is larger than 1 MiB");
}

thaw_status thaw_yaml_text(thaw_context *ctx, const char *path, thaw_buffer *text) {
  if (thaw_path_is_folder(path)) {
    return thaw_fail_at(ctx, path, 0, 0, "is a folder, expected a file");
  }
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return thaw_file_fail(ctx, path, errno);
  const thaw_status status = read_all(ctx, file, path, text);
  close(file);
  return status;
}

thaw_status thaw_yaml_read(thaw_context *ctx, thaw_arena *arena, const char *path,
                           thaw_node **root) {
  *root = NULL;
  thaw_buffer text = {0};
  thaw_status status = thaw_yaml_text(ctx, path, &text);
  const char *name = status == THAW_OK ? thaw_arena_strdup(arena, path) : NULL;
  if (status == THAW_OK && !name) status = thaw_fail_memory(ctx, strlen(path) + 1);
  if (status == THAW_OK) status = thaw_yaml_parse(ctx, arena, name, text.data, text.size, root);
  thaw_buffer_free(&text);
  return status;
}
