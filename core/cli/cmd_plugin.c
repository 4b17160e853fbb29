/* cmd_plugin.c: `thaw plugin list` and `thaw plugin show`: what plugins there are, and what one of
 * them takes.
 *
 * Everything printed here is read from the plugins' descriptors; nothing here knows a particular
 * plugin. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "plugin/settings.h"

enum { FIRST_KIND = THAW_TOKENIZER, LAST_KIND = THAW_SCHEDULE };

/* ---- thaw plugin list
 * ----------------------------------------------------------------------------- */

/* "any", then the kinds in the order of their numbers. */
static const char *const kind_choices[] = {"any", "tokenizer", "encoder", "head", "schedule", NULL};

typedef struct list_settings {
  int kind, format;
} list_settings;

static const thaw_option list_options[] = {{.name = "kind",
                                            .letter = 'k',
                                            .type = THAW_OPTION_CHOICE,
                                            .offset = offsetof(list_settings, kind),
                                            .value_name = "KIND",
                                            .default_value = "any",
                                            .doc = "only plugins of this kind",
                                            .choices = kind_choices},
                                           THAW_FORMAT_OPTION(list_settings),
                                           {0}};

static thaw_status run_list(const thaw_call *call) {
  const list_settings *settings = call->settings;
  const thaw_plugin *const *plugins;
  size_t count;
  thaw_status status = thaw_registry_all(call->registry, call->ctx, &plugins, &count);
  if (status) return status;
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  const char *const headings[] = {"kind", "name", "version", "summary", "file"};
  /* On a terminal the path of every file would leave no room for the summary. */
  const size_t columns = settings->format == THAW_TABLE_TEXT ? 4 : 5;
  for (size_t c = 0; c < columns; c++) thaw_table_column(table, headings[c]);
  for (size_t i = 0; i < count; i++) {
    const thaw_plugin_descriptor *d = plugins[i]->descriptor;
    if (settings->kind && (int)d->kind != settings->kind) continue;
    thaw_table_text(table, thaw_kind_name(d->kind));
    thaw_table_text(table, d->name);
    thaw_table_text(table, d->version);
    thaw_table_text(table, d->summary);
    if (columns == 5) thaw_table_text(table, plugins[i]->path);
  }
  if (thaw_table_rows(table) == 0) {
    thaw_log(call->ctx, THAW_LOG_WARNING,
             "no plugin was found: name their folder with --plugin-path or THAW_PLUGIN_PATH");
  }
  status = thaw_print_table(call, table, settings->format);
  thaw_table_free(table);
  return status;
}

const thaw_command thaw_command_plugin_list = {
    .name = "plugin list",
    .operands = "",
    .summary = "List the plugins that can be found.",
    .description =
        "Plugins are searched in the folders of --plugin-path, in those of the environment "
        "variable THAW_PLUGIN_PATH, in your own ($XDG_DATA_HOME/thaw/plugins, else "
        "~/.local/share/thaw/plugins), and in the installed folder; the first of a name wins. "
        "Files that are no good plugins are named in a warning.",
    .options = list_options,
    .settings_size = sizeof(list_settings),
    .run = run_list,
};

/* ---- thaw plugin show
 * ----------------------------------------------------------------------------- */

typedef list_settings show_settings;

static const thaw_option show_options[] = {
    {.name = "kind",
     .letter = 'k',
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(show_settings, kind),
     .value_name = "KIND",
     .default_value = "any",
     .doc = "the plugin of this kind, where several have the name",
     .choices = kind_choices},
    THAW_FORMAT_OPTION(show_settings),
    {0}};

/* The plugin in a file; its kind is what it says itself. */
static thaw_status find_file(const thaw_call *call, const char *path, const thaw_plugin **plugin) {
  thaw_status status = THAW_INVALID;
  for (int kind = FIRST_KIND; status == THAW_INVALID && kind <= LAST_KIND; kind++) {
    status = thaw_registry_find(call->registry, call->ctx, (thaw_plugin_kind)kind, path, plugin);
  }
  return status;
}

static thaw_status no_such_plugin(const thaw_call *call, const char *name,
                                  const thaw_plugin *const *plugins, size_t count) {
  const char **known = thaw_arena_alloc(call->arena, (count + 1) * sizeof *known);
  if (!known) return thaw_fail_memory(call->ctx, count * sizeof *known);
  for (size_t i = 0; i < count; i++) known[i] = plugins[i]->descriptor->name;
  const char *nearest = thaw_nearest(name, known, count);
  if (nearest) {
    return thaw_fail(call->ctx, THAW_INVALID, "there is no plugin '%s'; did you mean '%s'?", name,
                     nearest);
  }
  return thaw_fail(call->ctx, THAW_INVALID,
                   "there is no plugin '%s'; 'thaw plugin list' prints those that there are", name);
}

/* The only plugin of the name, whatever its kind. */
static thaw_status find_name(const thaw_call *call, const char *name, const thaw_plugin **plugin) {
  const thaw_plugin *const *plugins;
  size_t count;
  thaw_status status = thaw_registry_all(call->registry, call->ctx, &plugins, &count);
  if (status) return status;
  *plugin = NULL;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(plugins[i]->descriptor->name, name) != 0) continue;
    if (*plugin) {
      return thaw_fail(call->ctx, THAW_INVALID,
                       "'%s' is the name of a plugin of the kind %s and of one of the kind %s: add "
                       "--kind %s or --kind %s",
                       name, thaw_kind_name((*plugin)->descriptor->kind),
                       thaw_kind_name(plugins[i]->descriptor->kind),
                       thaw_kind_name((*plugin)->descriptor->kind),
                       thaw_kind_name(plugins[i]->descriptor->kind));
    }
    *plugin = plugins[i];
  }
  return *plugin ? THAW_OK : no_such_plugin(call, name, plugins, count);
}

static const char *type_name(thaw_param_type type) {
  switch (type) {
    case THAW_PARAM_BOOL:
      return "true or false";
    case THAW_PARAM_INT:
      return "whole number";
    case THAW_PARAM_REAL:
      return "number";
    case THAW_PARAM_TEXT:
      return "text";
    case THAW_PARAM_CHOICE:
      return "choice";
    case THAW_PARAM_INTS:
      return "list of whole numbers";
    case THAW_PARAM_REALS:
      return "list of numbers";
    case THAW_PARAM_CHOICES:
      return "list of choices";
    case THAW_PARAM_LAYERS:
      return "layers";
    case THAW_PARAM_PATH:
      return "path of a file";
    case THAW_PARAM_TEXTS:
      return "list of texts";
  }
  return "?";
}

/* What values are allowed: "0 to 1", "last, max, mean"; empty without a bound. */
static bool write_range(const thaw_param_spec *spec, thaw_buffer *out) {
  bool ok = thaw_buffer_text(out, "");
  if (spec->type == THAW_PARAM_LAYERS) {
    return ok && thaw_buffer_text(out, "all, last, or numbers from 0");
  }
  for (size_t i = 0; ok && spec->choices && spec->choices[i]; i++) {
    ok = thaw_buffer_format(out, "%s%s", i ? ", " : "", spec->choices[i]);
  }
  if (spec->choices || (spec->minimum == 0 && spec->maximum == 0)) return ok;
  const bool low = spec->minimum > -INFINITY, high = spec->maximum < INFINITY;
  if (low && high) {
    return ok && thaw_buffer_format(out, "%.10g to %.10g", spec->minimum, spec->maximum);
  }
  if (low) return ok && thaw_buffer_format(out, "at least %.10g", spec->minimum);
  return ok && (!high || thaw_buffer_format(out, "at most %.10g", spec->maximum));
}

static thaw_status parameter_table(const thaw_call *call, const thaw_plugin_descriptor *plugin,
                                   thaw_table *table) {
  const char *const headings[] = {"parameter", "type",      "default", "range",
                                  "unit",      "per stage", "doc"};
  for (size_t c = 0; c < sizeof headings / sizeof *headings; c++) {
    thaw_table_column(table, headings[c]);
  }
  for (const thaw_param_spec *spec = plugin->params; spec && spec->name; spec++) {
    thaw_buffer range = {0};
    if (!write_range(spec, &range)) {
      thaw_buffer_free(&range);
      return thaw_fail_memory(call->ctx, range.size);
    }
    thaw_table_text(table, spec->name);
    thaw_table_text(table, type_name(spec->type));
    thaw_table_text(table, spec->default_value ? spec->default_value : "");
    thaw_table_text(table, range.data);
    thaw_table_text(table, spec->unit ? spec->unit : "");
    thaw_table_text(table, spec->per_stage ? "yes" : "no");
    thaw_table_text(table, spec->doc ? spec->doc : "");
    thaw_buffer_free(&range);
  }
  return THAW_OK;
}

/* For people: who the plugin is, before the table of what it takes. */
static void print_heading(const thaw_call *call, const thaw_plugin *plugin, int format) {
  const thaw_plugin_descriptor *d = plugin->descriptor;
  if (format == THAW_TABLE_MARKDOWN) {
    fprintf(call->out, "## %s `%s`\n\n%s\n\nVersion %s.\n\n", thaw_kind_name(d->kind), d->name,
            d->summary, d->version);
  } else if (format == THAW_TABLE_TEXT) {
    fprintf(call->out, "%s %s, version %s: %s\n%s\n\n", thaw_kind_name(d->kind), d->name,
            d->version, d->summary, plugin->path);
  }
}

static thaw_status run_show(const thaw_call *call) {
  const show_settings *settings = call->settings;
  const char *name = call->operands.words[0];
  const size_t length = strlen(name);
  const bool is_file = strchr(name, '/') || (length > 3 && strcmp(name + length - 3, ".so") == 0);
  const thaw_plugin *plugin;
  thaw_status status;
  if (settings->kind) {
    status = thaw_registry_find(call->registry, call->ctx, (thaw_plugin_kind)settings->kind, name,
                                &plugin);
  } else {
    status = is_file ? find_file(call, name, &plugin) : find_name(call, name, &plugin);
  }
  if (status) return status;
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  status = parameter_table(call, plugin->descriptor, table);
  if (status == THAW_OK) {
    print_heading(call, plugin, settings->format);
    const bool people =
        settings->format == THAW_TABLE_TEXT || settings->format == THAW_TABLE_MARKDOWN;
    if (people && thaw_table_rows(table) == 0) {
      fputs("It takes no parameters.\n", call->out);
    } else {
      status = thaw_print_table(call, table, settings->format);
    }
  }
  thaw_table_free(table);
  return status;
}

const thaw_command thaw_command_plugin_show = {
    .name = "plugin show",
    .operands = "NAME",
    .summary = "Print one plugin's parameters and what they mean.",
    .description =
        "NAME is a plugin's name, or the path of its file. A parameter that may differ "
        "'per stage' can stand in a stage of an experiment too, where it overrides the "
        "plugin's section.",
    .options = show_options,
    .settings_size = sizeof(show_settings),
    .fewest = 1,
    .most = 1,
    .run = run_show,
};
