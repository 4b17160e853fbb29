/* settings.h: a plugin's settings struct, filled in from its parameter table.
 *
 * The table says name, type, default and range; this file turns texts into values and back. It
 * knows nothing of YAML: the caller hands over scalars as text and lists as arrays of texts. */
#ifndef THAW_SETTINGS_H
#define THAW_SETTINGS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "thaw/plugin.h"

/* A value as the user wrote it. */
typedef struct thaw_value {
  bool is_list;
  size_t count; /* 1 for a scalar */
  const char *const *texts;
} thaw_value;

/* The row called `name`, or NULL. */
const thaw_param_spec *thaw_param_find(const thaw_param_spec *table, const char *name);

/* A settings struct with every default, from the arena. A default that does not parse or lies
 * outside its own range is the plugin's mistake and an error that says so. */
thaw_status thaw_settings_create(thaw_context *ctx, thaw_arena *arena,
                                 const thaw_plugin_descriptor *plugin, void **settings);
/* A copy that can be changed without changing the first. */
void *thaw_settings_copy(thaw_arena *arena, const thaw_plugin_descriptor *plugin,
                         const void *settings);
/* Sets one parameter. Errors: wrong type ("expected a whole number, found 'abc'"), out of range
 * (value, range, unit), no such choice (with the nearest). The message does not name the file; the
 * caller puts the position before it. Values live in the arena. */
thaw_status thaw_settings_set(thaw_context *ctx, thaw_arena *arena, const thaw_param_spec *spec,
                              void *settings, const thaw_value *value);
/* The value as it would stand in YAML, on one line: "0.5", "[50, 20]", "last". */
thaw_status thaw_settings_write(thaw_context *ctx, const thaw_param_spec *spec,
                                const void *settings, thaw_buffer *out);
#endif
