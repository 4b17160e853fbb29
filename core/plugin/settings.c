/* settings.c: texts into the members of a plugin's settings struct.
 *
 * Whatever a parameter's type, its value is first seen as a list of texts, checked one by one; a
 * scalar type takes a list of one. Lists live in the arena and never change: copies share them. */
#include "plugin/settings.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

enum { LAST_LAYER = -1 };

const thaw_param_spec *thaw_param_find(const thaw_param_spec *table, const char *name) {
  for (; table && table->name; table++) {
    if (strcmp(table->name, name) == 0) return table;
  }
  return NULL;
}

static bool is_list_type(thaw_param_type type) {
  return type == THAW_PARAM_INTS || type == THAW_PARAM_REALS || type == THAW_PARAM_CHOICES ||
         type == THAW_PARAM_LAYERS || type == THAW_PARAM_TEXTS;
}

static void *member(void *settings, const thaw_param_spec *spec) {
  return (char *)settings + spec->offset;
}

/* ---- One text ------------------------------------------------------------------------------- */

static bool has_range(const thaw_param_spec *spec) {
  return spec->minimum != spec->maximum;
}

static thaw_status fail_range(thaw_context *ctx, const thaw_param_spec *spec, const char *text) {
  const char *space = spec->unit && *spec->unit ? " " : "";
  const char *unit = spec->unit ? spec->unit : "";
  if (spec->maximum > 1e15) {
    return thaw_fail(ctx, THAW_INVALID, "%s is out of range: expected at least %.10g%s%s", text,
                     spec->minimum, space, unit);
  }
  if (spec->minimum < -1e15) {
    return thaw_fail(ctx, THAW_INVALID, "%s is out of range: expected at most %.10g%s%s", text,
                     spec->maximum, space, unit);
  }
  return thaw_fail(ctx, THAW_INVALID, "%s is out of range: expected %.10g to %.10g%s%s", text,
                   spec->minimum, spec->maximum, space, unit);
}

static bool in_range(const thaw_param_spec *spec, double value) {
  return !has_range(spec) || (value >= spec->minimum && value <= spec->maximum);
}

static bool scan_int(const char *text, int64_t *value) {
  const char *digits = text + (*text == '-' || *text == '+');
  if (!*digits || digits[strspn(digits, "0123456789")]) return false;
  errno = 0;
  const long long number = strtoll(text, NULL, 10);
  *value = number;
  return errno == 0;
}

static thaw_status parse_int(thaw_context *ctx, const thaw_param_spec *spec, const char *text,
                             int64_t *value) {
  int64_t number;
  if (!scan_int(text, &number)) {
    return thaw_fail(ctx, THAW_INVALID, "expected a whole number, found '%s'", text);
  }
  if (!in_range(spec, (double)number)) return fail_range(ctx, spec, text);
  *value = number;
  return THAW_OK;
}

static thaw_status parse_real(thaw_context *ctx, const thaw_param_spec *spec, const char *text,
                              double *value) {
  char *end = NULL;
  /* strtod would also take white space, hexadecimal digits, infinity and nan. */
  const bool plain = *text && !text[strspn(text, "0123456789+-.eE")];
  const double number = plain ? strtod(text, &end) : 0;
  if (!plain || end == text || *end || !isfinite(number)) {
    return thaw_fail(ctx, THAW_INVALID, "expected a number, found '%s'", text);
  }
  if (!in_range(spec, number)) return fail_range(ctx, spec, text);
  *value = number;
  return THAW_OK;
}

static thaw_status parse_bool(thaw_context *ctx, const char *text, bool *value) {
  const bool is_true = strcmp(text, "true") == 0;
  if (!is_true && strcmp(text, "false") != 0) {
    return thaw_fail(ctx, THAW_INVALID, "expected true or false, found '%s'", text);
  }
  *value = is_true;
  return THAW_OK;
}

/* `*value` becomes the table's own text. */
static thaw_status parse_choice(thaw_context *ctx, const thaw_param_spec *spec, const char *text,
                                const char **value) {
  size_t count = 0;
  for (; spec->choices[count]; count++) {
    if (strcmp(spec->choices[count], text) == 0) {
      *value = spec->choices[count];
      return THAW_OK;
    }
  }
  thaw_buffer known = {0};
  for (size_t i = 0; i < count; i++) {
    thaw_buffer_format(&known, "%s%s",
                       i == 0          ? ""
                       : i + 1 < count ? ", "
                                       : " or ",
                       spec->choices[i]);
  }
  const char *near = thaw_nearest(text, spec->choices, count);
  const thaw_status status =
      thaw_fail(ctx, THAW_INVALID, "expected %s, found '%s'%s%s%s", known.data ? known.data : "",
                text, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
  thaw_buffer_free(&known);
  return status;
}

static thaw_status parse_layer(thaw_context *ctx, const char *text, int64_t *value) {
  if (strcmp(text, "last") == 0) {
    *value = LAST_LAYER;
    return THAW_OK;
  }
  if (scan_int(text, value) && *value >= 0) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID, "expected layer numbers from 0, 'last' or 'all', found '%s'",
                   text);
}

/* ---- Lists of texts ------------------------------------------------------------------------- */

static thaw_status set_ints(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                            const thaw_value *value, thaw_ints *list) {
  int64_t *values = thaw_arena_alloc(arena, value->count * sizeof *values);
  if (!values) return thaw_fail_memory(ctx, value->count * sizeof *values);
  for (size_t i = 0; i < value->count; i++) {
    const thaw_status status = spec->type == THAW_PARAM_LAYERS
                                   ? parse_layer(ctx, value->texts[i], &values[i])
                                   : parse_int(ctx, spec, value->texts[i], &values[i]);
    if (status != THAW_OK) return status;
  }
  *list = (thaw_ints){value->count, values};
  return THAW_OK;
}

static thaw_status set_layers(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                              const thaw_value *value, thaw_ints *list) {
  if (value->count == 1 && strcmp(value->texts[0], "all") == 0) {
    *list = (thaw_ints){0, NULL};
    return THAW_OK;
  }
  if (value->count == 0) {
    return thaw_fail(ctx, THAW_INVALID,
                     "expected layer numbers from 0, 'last' or 'all', found an empty list");
  }
  return set_ints(ctx, arena, spec, value, list);
}

static thaw_status set_reals(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                             const thaw_value *value, thaw_reals *list) {
  double *values = thaw_arena_alloc(arena, value->count * sizeof *values);
  if (!values) return thaw_fail_memory(ctx, value->count * sizeof *values);
  for (size_t i = 0; i < value->count; i++) {
    const thaw_status status = parse_real(ctx, spec, value->texts[i], &values[i]);
    if (status != THAW_OK) return status;
  }
  *list = (thaw_reals){value->count, values};
  return THAW_OK;
}

static thaw_status set_choices(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                               const thaw_value *value, thaw_texts *list) {
  const char **values = thaw_arena_alloc(arena, value->count * sizeof *values);
  if (!values) return thaw_fail_memory(ctx, value->count * sizeof *values);
  for (size_t i = 0; i < value->count; i++) {
    const thaw_status status = parse_choice(ctx, spec, value->texts[i], &values[i]);
    if (status != THAW_OK) return status;
  }
  *list = (thaw_texts){value->count, values};
  return THAW_OK;
}

static thaw_status set_text(thaw_context *ctx, thaw_arena *arena, const char *text,
                            const char **value) {
  char *copy = thaw_arena_strdup(arena, text);
  if (!copy) return thaw_fail_memory(ctx, strlen(text) + 1);
  *value = copy;
  return THAW_OK;
}

static thaw_status set_texts(thaw_context *ctx, thaw_arena *arena, const thaw_value *value,
                             thaw_texts *list) {
  const char **values = thaw_arena_alloc(arena, value->count * sizeof *values);
  if (!values) return thaw_fail_memory(ctx, value->count * sizeof *values);
  for (size_t i = 0; i < value->count; i++) {
    const thaw_status status = set_text(ctx, arena, value->texts[i], &values[i]);
    if (status != THAW_OK) return status;
  }
  *list = (thaw_texts){value->count, values};
  return THAW_OK;
}

thaw_status thaw_settings_set(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                              void *settings, const thaw_value *value) {
  void *place = member(settings, spec);
  if (!is_list_type(spec->type) && (value->is_list || value->count != 1)) {
    return thaw_fail(ctx, THAW_INVALID, "expected one value, found a list of %zu", value->count);
  }
  switch (spec->type) {
    case THAW_PARAM_BOOL:
      return parse_bool(ctx, value->texts[0], place);
    case THAW_PARAM_INT:
      return parse_int(ctx, spec, value->texts[0], place);
    case THAW_PARAM_REAL:
      return parse_real(ctx, spec, value->texts[0], place);
    case THAW_PARAM_TEXT:
    case THAW_PARAM_PATH:
      return set_text(ctx, arena, value->texts[0], place);
    case THAW_PARAM_CHOICE:
      return parse_choice(ctx, spec, value->texts[0], place);
    case THAW_PARAM_INTS:
      return set_ints(ctx, arena, spec, value, place);
    case THAW_PARAM_REALS:
      return set_reals(ctx, arena, spec, value, place);
    case THAW_PARAM_CHOICES:
      return set_choices(ctx, arena, spec, value, place);
    case THAW_PARAM_LAYERS:
      return set_layers(ctx, arena, spec, value, place);
    case THAW_PARAM_TEXTS:
      return set_texts(ctx, arena, value, place);
  }
  return thaw_fail(ctx, THAW_INVALID, "parameter '%s' has the unknown type %d", spec->name,
                   (int)spec->type);
}

/* ---- Defaults ------------------------------------------------------------------------------- */

static char *trim(char *text) {
  while (isspace((unsigned char)*text)) text++;
  size_t length = strlen(text);
  while (length > 0 && isspace((unsigned char)text[length - 1])) text[--length] = '\0';
  return text;
}

/* Reads "0.5" or "[50, 20]" as a table's default stands; the texts live in the arena. */
static thaw_status read_default(thaw_context *ctx, thaw_arena *arena, const char *written,
                                thaw_value *value) {
  char *text = thaw_arena_strdup(arena, written);
  const char **texts = thaw_arena_alloc(arena, (strlen(written) + 1) * sizeof *texts);
  if (!text || !texts) return thaw_fail_memory(ctx, strlen(written) * sizeof *texts);
  text = trim(text);
  const size_t length = strlen(text);
  *value = (thaw_value){.is_list = false, .count = 1, .texts = texts};
  texts[0] = text;
  if (length < 2 || text[0] != '[' || text[length - 1] != ']') return THAW_OK;
  text[length - 1] = '\0';
  text = trim(text + 1);
  value->is_list = true;
  value->count = 0;
  for (char *item = text; *text && item;) {
    char *comma = strchr(item, ',');
    if (comma) *comma = '\0';
    texts[value->count++] = trim(item);
    item = comma ? comma + 1 : NULL;
  }
  return THAW_OK;
}

static thaw_status set_default(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                               void *settings) {
  thaw_value value;
  const thaw_status status = read_default(ctx, arena, spec->default_value, &value);
  if (status != THAW_OK) return status;
  return thaw_settings_set(ctx, arena, spec, settings, &value);
}

thaw_status thaw_settings_create(thaw_context *ctx, thaw_arena *arena,
                                 const thaw_plugin_descriptor *plugin, void **settings) {
  *settings = NULL;
  void *created = thaw_arena_zalloc(arena, plugin->settings_size);
  if (!created) return thaw_fail_memory(ctx, plugin->settings_size);
  for (const thaw_param_spec *spec = plugin->params; spec && spec->name; spec++) {
    const thaw_status status = set_default(ctx, arena, spec, created);
    if (status != THAW_OK) {
      return thaw_explain(ctx, status, "plugin %s, parameter '%s', its default '%s'", plugin->name,
                          spec->name, spec->default_value);
    }
  }
  *settings = created;
  return THAW_OK;
}

void *thaw_settings_copy(thaw_arena *arena, const thaw_plugin_descriptor *plugin,
                         const void *settings) {
  void *copy = thaw_arena_alloc(arena, plugin->settings_size);
  if (copy && plugin->settings_size) memcpy(copy, settings, plugin->settings_size);
  return copy;
}
