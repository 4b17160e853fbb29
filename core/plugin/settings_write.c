/* settings_write.c: the members of a settings struct back to text, as they would stand in YAML. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "plugin/settings.h"

/* The shortest digits that read back as the same number. */
static bool write_real(thaw_buffer *out, double value) {
  if (value == floor(value) && fabs(value) < 1e15) return thaw_buffer_format(out, "%.0f", value);
  char text[40];
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  return thaw_buffer_text(out, text);
}

static bool is_plain(const char *text) {
  if (!isalnum((unsigned char)*text) && *text != '_' && *text != '/') return false;
  if (strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0) {
    return false;
  }
  for (; *text; text++) {
    if (!isalnum((unsigned char)*text) && !strchr("_-./+", *text)) return false;
  }
  return true;
}

/* A text as YAML reads it back: plain where that is safe, else in double quotes. */
static bool write_text(thaw_buffer *out, const char *text) {
  if (is_plain(text)) return thaw_buffer_text(out, text);
  bool ok = thaw_buffer_text(out, "\"");
  for (; *text && ok; text++) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      ok = thaw_buffer_format(out, "\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
      ok = thaw_buffer_format(out, "\\x%02x", c);
    } else {
      ok = thaw_buffer_append(out, text, 1);
    }
  }
  return ok && thaw_buffer_text(out, "\"");
}

static bool write_ints(thaw_buffer *out, const thaw_param_spec *spec, const thaw_ints *list) {
  const bool layers = spec->type == THAW_PARAM_LAYERS;
  if (layers && list->count == 0) return thaw_buffer_text(out, "all");
  bool ok = thaw_buffer_text(out, "[");
  for (size_t i = 0; i < list->count && ok; i++) {
    if (i > 0) ok = thaw_buffer_text(out, ", ");
    if (layers && list->values[i] == -1) {
      ok = ok && thaw_buffer_text(out, "last");
    } else {
      ok = ok && thaw_buffer_format(out, "%" PRId64, list->values[i]);
    }
  }
  return ok && thaw_buffer_text(out, "]");
}

static bool write_reals(thaw_buffer *out, const thaw_reals *list) {
  bool ok = thaw_buffer_text(out, "[");
  for (size_t i = 0; i < list->count && ok; i++) {
    ok = (i == 0 || thaw_buffer_text(out, ", ")) && write_real(out, list->values[i]);
  }
  return ok && thaw_buffer_text(out, "]");
}

static bool write_texts(thaw_buffer *out, const thaw_texts *list) {
  bool ok = thaw_buffer_text(out, "[");
  for (size_t i = 0; i < list->count && ok; i++) {
    ok = (i == 0 || thaw_buffer_text(out, ", ")) && write_text(out, list->values[i]);
  }
  return ok && thaw_buffer_text(out, "]");
}

thaw_status thaw_settings_write(thaw_context *ctx, const thaw_param_spec *spec,
                                const void *settings, thaw_buffer *out) {
  const void *place = (const char *)settings + spec->offset;
  bool ok = false;
  switch (spec->type) {
    case THAW_PARAM_BOOL:
      ok = thaw_buffer_text(out, *(const bool *)place ? "true" : "false");
      break;
    case THAW_PARAM_INT:
      ok = thaw_buffer_format(out, "%" PRId64, *(const int64_t *)place);
      break;
    case THAW_PARAM_REAL:
      ok = write_real(out, *(const double *)place);
      break;
    case THAW_PARAM_TEXT:
    case THAW_PARAM_PATH:
    case THAW_PARAM_CHOICE:
      ok = write_text(out, *(const char *const *)place);
      break;
    case THAW_PARAM_INTS:
    case THAW_PARAM_LAYERS:
      ok = write_ints(out, spec, place);
      break;
    case THAW_PARAM_REALS:
      ok = write_reals(out, place);
      break;
    case THAW_PARAM_CHOICES:
    case THAW_PARAM_TEXTS:
      ok = write_texts(out, place);
      break;
  }
  return ok ? THAW_OK : thaw_fail_memory(ctx, out->size + 64);
}
