/* resolve.h: the resolved tree: everything that an experiment decided, in the order of the schema
 * and in one spelling (1e-3 and 0.001 become the same text).
 *
 * Each node stands where the user wrote its value; what is a default stands where the nearest
 * section around it was written. Nodes live in the arena; every function fails for want of memory
 * only. */
#ifndef THAW_RESOLVE_H
#define THAW_RESOLVE_H

#include "config/yaml.h"
#include "plugin/settings.h"

/* In all of these: the new node is added to the end of `parent`, under `key` in a mapping and
 * without one (NULL) in a list. `written` is where its value stands; NULL: it is a default. */
thaw_status thaw_resolve_node(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                              thaw_node_kind kind, const char *key, const thaw_node *written,
                              thaw_node **node);
thaw_status thaw_resolve_text(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                              const char *key, const char *text, const thaw_node *written);
/* A list of texts, or one text where there is just one and it is not to be a list. */
thaw_status thaw_resolve_texts(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                               const char *key, const thaw_value *value, const thaw_node *written);
/* A parameter's value in a settings struct, under its name. */
thaw_status thaw_resolve_setting(thaw_context *ctx, thaw_arena *arena, thaw_node *parent,
                                 const thaw_param_spec *spec, const void *settings,
                                 const thaw_node *written);

/* Where the section was written, as a message about it should say: its key's position. */
thaw_node thaw_resolved_position(const thaw_node *section);

#endif
