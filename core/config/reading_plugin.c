/* reading_plugin.c: sections whose keys are a plugin's parameters. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/files.h"
#include "config/merge.h"
#include "config/reading.h"
#include "config/resolve.h"

/* ---- Unknown parameters --------------------------------------------------------------------- */

/* Is it one of those that may differ between stages, if only those count? */
static bool counts(const thaw_param_spec *spec, bool per_stage) {
  return !per_stage || spec->per_stage;
}

/* Fails at a key that is neither the plugin's nor the level's (which may be NULL). */
static thaw_status fail_unknown(const thaw_reading *r, const thaw_section *section,
                                const thaw_plugin_descriptor *plugin, const thaw_level *level,
                                bool per_stage, const thaw_node *node) {
  thaw_buffer known = {0}, where = {0};
  static const char *const plugin_key = "plugin";
  bool ok = per_stage || thaw_buffer_append(&known, &plugin_key, sizeof plugin_key);
  for (const thaw_key *key = level ? level->keys : NULL; ok && key && key->value.name; key++) {
    ok = thaw_buffer_append(&known, &key->value.name, sizeof key->value.name);
  }
  for (const thaw_param_spec *spec = plugin->params; ok && spec && spec->name; spec++) {
    if (counts(spec, per_stage)) ok = thaw_buffer_append(&known, &spec->name, sizeof spec->name);
  }
  thaw_buffer_format(&where, ", whose plugin is %s", plugin->name);
  thaw_reading_unknown(r, section, node, where.data ? where.data : "",
                       (const char *const *)(const void *)known.data,
                       known.size / sizeof(const char *));
  thaw_buffer_free(&known);
  thaw_buffer_free(&where);
  return THAW_INVALID;
}

static thaw_status check_keys(const thaw_reading *r, const thaw_section *section,
                              const thaw_plugin_descriptor *plugin, const thaw_level *level) {
  for (const thaw_node *node = section->node->first; node; node = node->next) {
    if (strcmp(node->key, "plugin") == 0 || thaw_level_key(level, node->key) || node->left_over ||
        thaw_param_find(plugin->params, node->key)) {
      continue;
    }
    return fail_unknown(r, section, plugin, level, false, node);
  }
  return THAW_OK;
}

/* ---- Parameters ----------------------------------------------------------------------------- */

/* The path becomes absolute. A run file's own is not looked at: it may be of another machine. */
static thaw_status find_file(const thaw_reading *r, const thaw_node *node, thaw_value *value) {
  if (value->is_list || !*value->texts[0] || r->restoring) return THAW_OK;
  const char **texts = thaw_arena_alloc(r->arena, sizeof *texts);
  const char *from = thaw_is_override(node) ? NULL : node->file;
  const char *path = thaw_path_absolute(r->arena, from, value->texts[0]);
  if (!texts || !path) return thaw_fail_memory(r->ctx, strlen(value->texts[0]));
  texts[0] = path;
  value->texts = texts;
  return thaw_file_check(r->ctx, path, false);
}

static thaw_status read_parameter(const thaw_reading *r, const thaw_section *section,
                                  const thaw_param_spec *spec, void *settings,
                                  const thaw_node *node) {
  thaw_value value;
  thaw_status status = thaw_read_texts(r, node, section->path, spec->name, &value);
  if (status != THAW_OK) return status;
  if (spec->type == THAW_PARAM_PATH) status = find_file(r, node, &value);
  if (status == THAW_OK) status = thaw_settings_set(r->ctx, r->arena, spec, settings, &value);
  return status == THAW_OK ? status
                           : thaw_reading_explain(r, status, node, section->path, spec->name);
}

/* What a range cannot express, the plugin checks itself. */
static thaw_status validate(const thaw_reading *r, const thaw_section *section,
                            const thaw_plugin_descriptor *plugin, const void *settings) {
  if (!plugin->validate) return THAW_OK;
  const thaw_status status = plugin->validate(settings, r->ctx);
  if (status == THAW_OK) return status;
  const thaw_node at = thaw_resolved_position(section->resolved);
  return thaw_reading_explain(r, status, &at, section->path, "");
}

static thaw_status read_parameters(const thaw_reading *r, const thaw_section *section,
                                   const thaw_plugin_descriptor *plugin, void *settings) {
  for (const thaw_param_spec *spec = plugin->params; spec && spec->name; spec++) {
    const thaw_node *node = thaw_section_key(section, spec->name);
    thaw_status status = node ? read_parameter(r, section, spec, settings, node) : THAW_OK;
    if (status == THAW_OK) {
      status = thaw_resolve_setting(r->ctx, r->arena, section->resolved, spec, settings, node);
    }
    if (status != THAW_OK) return status;
  }
  return validate(r, section, plugin, settings);
}

/* ---- Sections ------------------------------------------------------------------------------- */

static thaw_status find_plugin(const thaw_reading *r, const thaw_section *section,
                               const thaw_key *key, const thaw_plugin **plugin) {
  const thaw_node *node = thaw_section_key(section, "plugin");
  if (!node) {
    const thaw_node at = thaw_resolved_position(section->resolved);
    return thaw_reading_fail(r, &at, section->path, "",
                             "the key 'plugin' is missing (the name of a %s plugin)",
                             thaw_kind_name(key->plugin));
  }
  if (node->kind != THAW_NODE_SCALAR || !*node->text) {
    return thaw_reading_fail(r, node, section->path, "plugin",
                             "expected the name of one %s plugin, or the path of its file",
                             thaw_kind_name(key->plugin));
  }
  const thaw_status status =
      thaw_registry_find(r->registry, r->ctx, key->plugin, node->text, plugin);
  if (status != THAW_OK) return thaw_reading_explain(r, status, node, section->path, "plugin");
  return thaw_resolve_text(r->ctx, r->arena, section->resolved, "plugin", node->text, node);
}

thaw_status thaw_section_plugin(const thaw_reading *r, const thaw_section *section,
                                const thaw_key *key, void *values, thaw_plugin_use *use) {
  thaw_status status = find_plugin(r, section, key, &use->plugin);
  if (status != THAW_OK) return status;
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  status = check_keys(r, section, plugin, key->level);
  if (status == THAW_OK && key->level) {
    status = thaw_section_values(r, section, key->level, 0, values);
  }
  if (status == THAW_OK) {
    status = thaw_settings_create(r->ctx, r->arena, plugin, &use->settings);
  }
  if (status != THAW_OK) return status;
  return read_parameters(r, section, plugin, use->settings);
}

/* One override; what is left over from another plugin is dropped. */
static thaw_status override(const thaw_reading *r, const thaw_section *section,
                            const thaw_plugin_descriptor *plugin, const thaw_node *node,
                            void *settings) {
  const thaw_param_spec *spec = thaw_param_find(plugin->params, node->key);
  if (spec && spec->per_stage) {
    thaw_status status = read_parameter(r, section, spec, settings, node);
    if (status != THAW_OK) return status;
    return thaw_resolve_setting(r->ctx, r->arena, section->resolved, spec, settings, node);
  }
  if (node->left_over) return THAW_OK;
  if (!spec) return fail_unknown(r, section, plugin, NULL, true, node);
  return thaw_fail_at(r->ctx, node->file, node->key_line, node->key_column,
                      "'%s' in %s cannot differ between stages; it belongs to the section %s",
                      node->key, section->path, thaw_kind_name(plugin->kind));
}

thaw_status thaw_section_overrides(const thaw_reading *r, const thaw_section *section,
                                   const thaw_plugin_use *use, void **settings) {
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  *settings = thaw_settings_copy(r->arena, plugin, use->settings);
  if (!*settings) return thaw_fail_memory(r->ctx, plugin->settings_size);
  for (const thaw_node *node = section->node->first; node; node = node->next) {
    const thaw_status status = override(r, section, plugin, node, *settings);
    if (status != THAW_OK) return status;
  }
  return validate(r, section, plugin, *settings);
}
