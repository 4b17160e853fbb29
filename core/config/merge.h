/* merge.h: a config, the configs that it extends and the overrides become one tree.
 *
 * Mappings merge key by key; scalars and lists replace. Where an overlay names another plugin (or
 * format, or optimizer) than the tree below it, what stood beside the old name is marked as left
 * over: the reader drops what the new one does not know. A value of null takes its key away. */
#ifndef THAW_MERGE_H
#define THAW_MERGE_H

#include "config/yaml.h"

/* The tree of the file at `path` with everything merged, paths absolute, `extends` followed and
 * gone; a `sweep` section is still there. `written`: the file's text with the overrides as comments
 * at its end. Both live in the arena. */
thaw_status thaw_config_load(thaw_context *ctx, thaw_arena *arena, const char *path,
                             size_t set_count, const char *const *sets, thaw_node **root,
                             char **written);

/* Does one of the overrides "key.path=value" decide all of `key`, by itself or from above? */
bool thaw_sets_cover(size_t count, const char *const *sets, const char *key);
/* Did the node come from an override? */
bool thaw_is_override(const thaw_node *node);

/* Texts with dots between them: "stages.classify.epochs". */
bool thaw_is_dotted(const char *key);
/* The mappings around `value` that a dotted key names. What follows "sweep." is one key, but for
 * the words of the section: "sweep.grid.KEY", "sweep.random.count", "sweep.random.values.KEY". */
thaw_status thaw_node_wrap(thaw_context *ctx, thaw_arena *arena, const char *key, thaw_node *value,
                           thaw_node **root);

#endif
