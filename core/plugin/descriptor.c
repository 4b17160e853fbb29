/* descriptor.c: is a plugin's descriptor complete and sensible? Whatever is wrong with it is found
 * when the plugin is loaded, with a message for its author, and not in the middle of a training. */
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/context.h"
#include "plugin/loader.h"
#include "plugin/registry.h"
#include "plugin/settings.h"
#include "plugin/weight_names.h"

enum { MOST_PARAMETERS = 256, MOST_CHOICES = 256 };

const char *thaw_kind_name(thaw_plugin_kind kind) {
  switch (kind) {
    case THAW_TOKENIZER:
      return "tokenizer";
    case THAW_ENCODER:
      return "encoder";
    case THAW_HEAD:
      return "head";
    case THAW_SCHEDULE:
      return "schedule";
  }
  return "plugin of an unknown kind";
}

static bool is_name(const char *text) {
  return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static bool is_line(const char *text) {
  return text && *text && !strchr(text, '\n');
}

static thaw_status check_words(thaw_context *ctx, const thaw_plugin_descriptor *plugin) {
  if (!plugin->name) return thaw_fail(ctx, THAW_INVALID, "its name is missing");
  if (!is_name(plugin->name)) {
    return thaw_fail(ctx, THAW_INVALID,
                     "its name '%s' has characters other than lower case letters, digits and _",
                     plugin->name);
  }
  if (!is_line(plugin->version)) {
    return thaw_fail(ctx, THAW_INVALID, "plugin %s: its version is missing", plugin->name);
  }
  if (!is_line(plugin->summary)) {
    return thaw_fail(ctx, THAW_INVALID, "plugin %s: its summary of one line is missing",
                     plugin->name);
  }
  return THAW_OK;
}

/* ---- Functions of each kind ----------------------------------------------------------------- */

/* The name of the first required function that is missing, or NULL. */
static const char *missing_function(const thaw_plugin_descriptor *plugin) {
  switch (plugin->kind) {
    case THAW_TOKENIZER: {
      const thaw_tokenizer *api = plugin->api.tokenizer;
      if (!api->pieces) return "pieces";
      if (!api->join) return "join";
      if (api->save && !api->load) return "load (there is a save)";
      if (api->load && !api->save) return "save (there is a load)";
      return NULL;
    }
    case THAW_ENCODER: {
      const thaw_encoder *api = plugin->api.encoder;
      return !api->create ? "create" : !api->forward ? "forward" : NULL;
    }
    case THAW_HEAD: {
      const thaw_head *api = plugin->api.head;
      return !api->create ? "create" : !api->forward ? "forward" : NULL;
    }
    case THAW_SCHEDULE:
      return plugin->api.schedule->multiplier ? NULL : "multiplier";
  }
  return NULL;
}

static thaw_status check_functions(thaw_context *ctx, const thaw_plugin_descriptor *plugin) {
  if (!plugin->api.schedule) {
    return thaw_fail(ctx, THAW_INVALID, "plugin %s: its table of functions (.api.%s) is missing",
                     plugin->name, thaw_kind_name(plugin->kind));
  }
  const char *missing = missing_function(plugin);
  if (missing) {
    return thaw_fail(ctx, THAW_INVALID, "plugin %s: its function %s is missing", plugin->name,
                     missing);
  }
  if (plugin->kind != THAW_ENCODER) return THAW_OK;
  const thaw_status status = thaw_weight_names_check(ctx, plugin->api.encoder->weight_names);
  return status ? thaw_explain(ctx, status, "plugin %s", plugin->name) : THAW_OK;
}

/* ---- The parameter table -------------------------------------------------------------------- */

typedef struct layout {
  size_t size, alignment;
} layout;

#define LAYOUT_OF(type) ((layout){sizeof(type), alignof(type)})

/* What a parameter of this type takes in the settings struct; size 0: there is no such type. */
static layout layout_of(thaw_param_type type) {
  switch (type) {
    case THAW_PARAM_BOOL:
      return LAYOUT_OF(bool);
    case THAW_PARAM_INT:
      return LAYOUT_OF(int64_t);
    case THAW_PARAM_REAL:
      return LAYOUT_OF(double);
    case THAW_PARAM_TEXT:
    case THAW_PARAM_CHOICE:
    case THAW_PARAM_PATH:
      return LAYOUT_OF(const char *);
    case THAW_PARAM_INTS:
    case THAW_PARAM_LAYERS:
      return LAYOUT_OF(thaw_ints);
    case THAW_PARAM_REALS:
      return LAYOUT_OF(thaw_reals);
    case THAW_PARAM_CHOICES:
    case THAW_PARAM_TEXTS:
      return LAYOUT_OF(thaw_texts);
  }
  return (layout){0, 1};
}

static thaw_status check_place(thaw_context *ctx, const thaw_param_spec *row,
                               size_t settings_size) {
  const layout need = layout_of(row->type);
  if (need.size == 0) {
    return thaw_fail(ctx, THAW_INVALID, "there is no parameter type %d", (int)row->type);
  }
  if (row->offset > settings_size || need.size > settings_size - row->offset) {
    return thaw_fail(ctx, THAW_INVALID,
                     "its offset %zu and %zu bytes do not fit into settings of %zu bytes",
                     row->offset, need.size, settings_size);
  }
  if (row->offset % need.alignment) {
    return thaw_fail(ctx, THAW_INVALID, "its offset %zu is not aligned to %zu bytes", row->offset,
                     need.alignment);
  }
  return THAW_OK;
}

static thaw_status check_choices(thaw_context *ctx, const thaw_param_spec *row) {
  if (row->type != THAW_PARAM_CHOICE && row->type != THAW_PARAM_CHOICES) return THAW_OK;
  if (!row->choices || !row->choices[0]) {
    return thaw_fail(ctx, THAW_INVALID, "its choices are missing");
  }
  for (size_t i = 0; row->choices[i]; i++) {
    if (i == MOST_CHOICES) {
      return thaw_fail(ctx, THAW_INVALID, "its choices do not end with NULL after %d of them",
                       MOST_CHOICES);
    }
  }
  return THAW_OK;
}

static thaw_status check_row(thaw_context *ctx, const thaw_param_spec *row, size_t settings_size) {
  if (!is_name(row->name) || strcmp(row->name, "plugin") == 0) {
    return thaw_fail(ctx, THAW_INVALID,
                     "a name consists of lower case letters, digits and _, and is not 'plugin'");
  }
  thaw_status status = check_place(ctx, row, settings_size);
  if (status == THAW_OK) status = check_choices(ctx, row);
  if (status != THAW_OK) return status;
  if (!row->default_value) return thaw_fail(ctx, THAW_INVALID, "its default is missing");
  if (!row->doc || !*row->doc) return thaw_fail(ctx, THAW_INVALID, "its doc is missing");
  if (!row->unit) return thaw_fail(ctx, THAW_INVALID, "its unit is missing (\"\" for none)");
  if (!(row->minimum <= row->maximum)) {
    return thaw_fail(ctx, THAW_INVALID, "its range from %g to %g is empty", row->minimum,
                     row->maximum);
  }
  return THAW_OK;
}

static thaw_status check_table(thaw_context *ctx, const thaw_plugin_descriptor *plugin) {
  const thaw_param_spec *table = plugin->params;
  if (!table && plugin->settings_size) {
    return thaw_fail(ctx, THAW_INVALID, "plugin %s: it has settings but no parameter table",
                     plugin->name);
  }
  for (size_t i = 0; table && table[i].name; i++) {
    if (i == MOST_PARAMETERS) {
      return thaw_fail(ctx, THAW_INVALID,
                       "plugin %s: its parameter table does not end after %d rows", plugin->name,
                       MOST_PARAMETERS);
    }
    thaw_status status = check_row(ctx, &table[i], plugin->settings_size);
    if (status == THAW_OK && thaw_param_find(table, table[i].name) != &table[i]) {
      status = thaw_fail(ctx, THAW_INVALID, "the table has two rows of this name");
    }
    if (status != THAW_OK) {
      return thaw_explain(ctx, status, "plugin %s, parameter '%s'", plugin->name, table[i].name);
    }
  }
  return THAW_OK;
}

static thaw_status check_defaults(thaw_context *ctx, const thaw_plugin_descriptor *plugin) {
  thaw_arena *arena = thaw_arena_create();
  if (!arena) return thaw_fail_memory(ctx, plugin->settings_size);
  void *settings;
  const thaw_status status = thaw_settings_create(ctx, arena, plugin, &settings);
  thaw_arena_free(arena);
  return status;
}

/* ---- The ABI: what it promises stands in thaw/plugin.h ----------------------------------------
 */

thaw_status thaw_abi_check(thaw_context *ctx, uint32_t built, uint32_t here) {
  if (THAW_ABI_MAJOR(built) != THAW_ABI_MAJOR(here)) {
    return thaw_fail(ctx, THAW_INVALID,
                     "it was built for plugin ABI %u, this thaw has ABI %u: build it again with "
                     "the headers of this thaw",
                     THAW_ABI_MAJOR(built), THAW_ABI_MAJOR(here));
  }
  if (THAW_ABI_MINOR(built) > THAW_ABI_MINOR(here)) {
    return thaw_fail(ctx, THAW_INVALID,
                     "it was built for plugin ABI %u.%u, this thaw is older and has ABI %u.%u: use "
                     "a newer thaw, or build it again with the headers of this one",
                     THAW_ABI_MAJOR(built), THAW_ABI_MINOR(built), THAW_ABI_MAJOR(here),
                     THAW_ABI_MINOR(here));
  }
  return THAW_OK;
}

thaw_status thaw_descriptor_check(thaw_context *ctx, const thaw_plugin_descriptor *descriptor) {
  thaw_status status = thaw_abi_check(ctx, descriptor->abi, THAW_PLUGIN_ABI);
  if (status != THAW_OK) return status; /* nothing after it can be trusted */
  if (descriptor->kind < THAW_TOKENIZER || descriptor->kind > THAW_SCHEDULE) {
    return thaw_fail(ctx, THAW_INVALID, "there is no plugin kind %d", (int)descriptor->kind);
  }
  status = check_words(ctx, descriptor);
  if (status == THAW_OK) status = check_functions(ctx, descriptor);
  if (status == THAW_OK) status = check_table(ctx, descriptor);
  if (status == THAW_OK) status = check_defaults(ctx, descriptor);
  return status;
}
