/* yaml_write.c: a tree as YAML text.
 *
 * Mappings and lists of mappings are written as blocks, lists of scalars on one line. A text is
 * written plain where that is safe in every place, else in double quotes with escapes for whatever
 * libyaml would not give back unchanged. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/context.h"
#include "config/yaml.h"

enum { INDENT = 2 };

typedef struct writing {
  thaw_buffer *out;
  bool sorted;
} writing;

/* ---- Texts ---------------------------------------------------------------------------------- */

/* Is the text the same without quotes, in a block, in brackets and as a key? */
static bool is_plain(const char *text) {
  if (!*text) return false;
  const bool number = strchr("-+.", *text) && isdigit((unsigned char)text[1]);
  if (!isalnum((unsigned char)*text) && !strchr("_/~", *text) && !number) return false;
  if (*text == '~' && text[1]) return false;
  for (; *text; text++) {
    if (!isalnum((unsigned char)*text) && !strchr("_-./+~", *text)) return false;
  }
  return true;
}

static bool write_escaped(thaw_buffer *out, ucs4_t c) {
  if (c <= 0xff) return thaw_buffer_format(out, "\\x%02x", (unsigned)c);
  return thaw_buffer_format(out, "\\u%04x", (unsigned)c);
}

/* Controls, line breaks (U+0085, U+2028, U+2029), the byte order mark and what is no character are
 * refused or folded by libyaml when they stand in the text as they are. */
static bool needs_escape(ucs4_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
         c == 0xfffe || c == 0xffff;
}

static bool write_quoted(thaw_buffer *out, const char *text) {
  bool ok = thaw_buffer_text(out, "\"");
  size_t left = strlen(text);
  while (left > 0 && ok) {
    ucs4_t c;
    const int bytes = u8_mbtouc(&c, (const uint8_t *)text, left);
    if (c == '"' || c == '\\') {
      ok = thaw_buffer_format(out, "\\%c", (char)c);
    } else if (c == '\n') {
      ok = thaw_buffer_text(out, "\\n");
    } else if (needs_escape(c)) {
      ok = write_escaped(out, c);
    } else if (c == 0xfffd) { /* also what is no UTF-8 */
      ok = thaw_buffer_text(out, "\xef\xbf\xbd");
    } else {
      ok = thaw_buffer_append(out, text, (size_t)bytes);
    }
    text += bytes;
    left -= (size_t)bytes;
  }
  return ok && thaw_buffer_text(out, "\"");
}

static bool write_key(thaw_buffer *out, const char *key) {
  return is_plain(key) ? thaw_buffer_text(out, key) : write_quoted(out, key);
}

static bool write_scalar(thaw_buffer *out, const thaw_node *node) {
  if (thaw_node_is_empty(node)) return true;
  return !node->quoted && is_plain(node->text) ? thaw_buffer_text(out, node->text)
                                               : write_quoted(out, node->text);
}

/* ---- Order ---------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
  return strcmp((*(const thaw_node *const *)a)->key, (*(const thaw_node *const *)b)->key);
}

/* The children in the order in which they are to be written; freed by the caller. */
static const thaw_node **children_of(const writing *w, const thaw_node *node, size_t *count) {
  *count = 0;
  for (const thaw_node *child = node->first; child; child = child->next) ++*count;
  const thaw_node **children = malloc((*count + 1) * sizeof *children);
  if (!children) return NULL;
  size_t filled = 0;
  for (const thaw_node *child = node->first; child; child = child->next) children[filled++] = child;
  if (w->sorted && node->kind == THAW_NODE_MAP && *count) {
    qsort(children, *count, sizeof *children, by_key);
  }
  return children;
}

/* ---- On one line ---------------------------------------------------------------------------- */

static bool write_line(const writing *w, const thaw_node *node) {
  if (node->kind == THAW_NODE_SCALAR) {
    /* Nothing between two commas is no YAML. */
    return thaw_node_is_empty(node) ? thaw_buffer_text(w->out, "~") : write_scalar(w->out, node);
  }
  const bool map = node->kind == THAW_NODE_MAP;
  size_t count;
  const thaw_node **children = children_of(w, node, &count);
  bool ok = children && thaw_buffer_text(w->out, map ? "{" : "[");
  for (size_t i = 0; i < count && ok; i++) {
    if (i > 0) ok = thaw_buffer_text(w->out, ", ");
    if (map) ok = ok && write_key(w->out, children[i]->key) && thaw_buffer_text(w->out, ": ");
    ok = ok && write_line(w, children[i]);
  }
  free(children);
  return ok && thaw_buffer_text(w->out, map ? "}" : "]");
}

/* ---- As a block ----------------------------------------------------------------------------- */

static bool fits_on_line(const thaw_node *node) {
  if (node->kind == THAW_NODE_SCALAR || !node->first) return true;
  if (node->kind == THAW_NODE_MAP) return false;
  for (const thaw_node *item = node->first; item; item = item->next) {
    if (item->kind != THAW_NODE_SCALAR || thaw_node_is_empty(item)) return false;
  }
  return true;
}

static bool write_spaces(thaw_buffer *out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!thaw_buffer_text(out, " ")) return false;
  }
  return true;
}

/* Writes the node from where the line stands; further lines are indented by `indent`. */
static bool write_block(const writing *w, const thaw_node *node, size_t indent);

/* What follows "key:": on the same line, or below and further in. */
static bool write_value(const writing *w, const thaw_node *node, size_t indent) {
  if (thaw_node_is_empty(node)) return thaw_buffer_text(w->out, "\n");
  if (fits_on_line(node)) return thaw_buffer_text(w->out, " ") && write_block(w, node, indent);
  indent += INDENT;
  return thaw_buffer_text(w->out, "\n") && write_spaces(w->out, indent) &&
         write_block(w, node, indent);
}

static bool write_child(const writing *w, const thaw_node *child, size_t indent) {
  if (child->key) {
    return write_key(w->out, child->key) && thaw_buffer_text(w->out, ":") &&
           write_value(w, child, indent);
  }
  return thaw_buffer_text(w->out, "- ") && write_block(w, child, indent + INDENT);
}

static bool write_block(const writing *w, const thaw_node *node, size_t indent) {
  if (node->kind == THAW_NODE_SCALAR) {
    return write_scalar(w->out, node) && thaw_buffer_text(w->out, "\n");
  }
  if (fits_on_line(node)) return write_line(w, node) && thaw_buffer_text(w->out, "\n");
  size_t count;
  const thaw_node **children = children_of(w, node, &count);
  bool ok = children != NULL;
  for (size_t i = 0; i < count && ok; i++) {
    ok = (i == 0 || write_spaces(w->out, indent)) && write_child(w, children[i], indent);
  }
  free(children);
  return ok;
}

thaw_status thaw_node_write(thaw_context *ctx, const thaw_node *node, bool sorted,
                            thaw_buffer *out) {
  const writing w = {out, sorted};
  return write_block(&w, node, 0) ? THAW_OK : thaw_fail_memory(ctx, out->size + 64);
}

thaw_status thaw_node_write_line(thaw_context *ctx, const thaw_node *node, bool sorted,
                                 thaw_buffer *out) {
  const writing w = {out, sorted};
  return write_line(&w, node) ? THAW_OK : thaw_fail_memory(ctx, out->size + 64);
}
