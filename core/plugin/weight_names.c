/* weight_names.c: a pattern is compared from left to right: {n} takes digits, a bracket is tried
 * with and without what stands in it. See weight_names.h. */
#include "plugin/weight_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"

enum { MOST_ROWS = 1024 };

static const char number_sign[] = "{n}";

static bool is_number(const char *pattern) {
  return strncmp(pattern, number_sign, sizeof number_sign - 1) == 0;
}

/* Reads a layer's number without leading zeros; returns what follows, NULL when there is none. */
static const char *read_layer(const char *text, size_t *layer) {
  const size_t digits = strspn(text, "0123456789");
  if (digits == 0 || digits > 4 || (text[0] == '0' && digits > 1)) return NULL;
  *layer = (size_t)strtoul(text, NULL, 10);
  return text + digits;
}

/* Compares text with a pattern; `whole`: what stands in brackets is expected. */
static bool fits(const char *pattern, const char *text, bool whole, size_t *layer) {
  *layer = 0;
  while (*pattern) {
    if (*pattern == '[' && !whole) pattern = strchr(pattern, ']');
    if (*pattern == '[' || *pattern == ']') {
      pattern++;
    } else if (is_number(pattern)) {
      text = read_layer(text, layer);
      if (!text) return false;
      pattern += sizeof number_sign - 1;
    } else {
      if (*pattern++ != *text++) return false;
    }
  }
  return *text == '\0';
}

/* ---- Checking ------------------------------------------------------------------------------- */

static bool has_good_brackets(const char *pattern) {
  bool open = false;
  for (; *pattern; pattern++) {
    if (*pattern == (open ? '[' : ']')) return false;
    if (*pattern == '[' || *pattern == ']') open = !open;
  }
  return !open;
}

static bool is_own_name(const thaw_weight_name *row) {
  return !(row->flags & ~(unsigned)(THAW_WEIGHT_TRANSPOSED | THAW_WEIGHT_OPTIONAL));
}

static bool same_tensor(const thaw_weight_name *a, const thaw_weight_name *b) {
  return a->group && b->group && strcmp(a->group, b->group) == 0 &&
         strcmp(a->tensor, b->tensor) == 0;
}

static const char *complain(const thaw_weight_name *names, const thaw_weight_name *row) {
  if (!has_good_brackets(row->foreign)) return "its brackets do not match";
  if (row->flags & THAW_WEIGHT_IGNORED) return NULL;
  if (!row->group || !row->tensor) return "its group or tensor is missing";
  const thaw_weight_name *first = names;
  while (!same_tensor(first, row)) first++;
  if (first == row && !is_own_name(row))
    return "a row with the tensor's own name has to come first";
  if (first != row && is_own_name(row)) return "its tensor has a name already";
  return NULL;
}

thaw_status thaw_weight_names_check(thaw_context *ctx, const thaw_weight_name *names) {
  for (size_t i = 0; names && names[i].foreign; i++) {
    const char *what = i == MOST_ROWS ? "the table does not end" : complain(names, &names[i]);
    if (what) {
      return thaw_fail(ctx, THAW_INVALID, "row %zu of the table of weight names, '%s': %s", i + 1,
                       names[i].foreign, what);
    }
  }
  return THAW_OK;
}

/* ---- Using ---------------------------------------------------------------------------------- */

const thaw_weight_name *thaw_weight_name_find(const thaw_weight_name *row, const char *group,
                                              const char *tensor, size_t *layer) {
  for (; row && row->foreign; row++) {
    if (!row->group || strcmp(row->tensor, tensor) != 0) continue;
    if (fits(row->group, group, true, layer)) return row;
  }
  return NULL;
}

bool thaw_weight_name_write(const thaw_weight_name *row, size_t layer, bool whole,
                            thaw_buffer *text) {
  thaw_buffer_clear(text);
  bool ok = thaw_buffer_text(text, "");
  for (const char *at = row->foreign; ok && *at;) {
    if (*at == '[' && !whole) at = strchr(at, ']');
    if (is_number(at)) {
      ok = thaw_buffer_format(text, "%zu", layer);
      at += sizeof number_sign - 1;
    } else if (*at == '[' || *at == ']') {
      at++;
    } else {
      const char byte[] = {*at++, '\0'};
      ok = thaw_buffer_text(text, byte);
    }
  }
  return ok;
}

bool thaw_weight_name_is(const thaw_weight_name *row, const char *foreign) {
  size_t layer;
  return fits(row->foreign, foreign, true, &layer) || fits(row->foreign, foreign, false, &layer);
}
