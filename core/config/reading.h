/* reading.h: a section of the tree read by its level's table, into a struct and into the resolved
 * tree at once. Every function that fails leaves a message with a position. */
#ifndef THAW_READING_H
#define THAW_READING_H

#include <stdarg.h>

#include "config/schema.h"

typedef struct thaw_reading {
  thaw_context *ctx;
  thaw_arena *arena; /* the experiment's */
  thaw_registry *registry;
  thaw_experiment *experiment;
  bool restoring;        /* from a run file: data files need not be there */
  thaw_stage_kind stage; /* being read: some defaults depend on it */
} thaw_reading;

/* A mapping as it was written, and what becomes of it. */
typedef struct thaw_section {
  const thaw_node *node; /* NULL: not written, everything is a default */
  const char *path;      /* "stages.classify"; "" at the top */
  thaw_node *resolved;   /* a mapping */
} thaw_section;

/* ---- Messages ------------------------------------------------------------------------------- */

/* Fails with THAW_INVALID: the position of `node`, "PATH.KEY: " (one of them may be "") and the
 * message. */
thaw_status thaw_reading_fail(const thaw_reading *r, const thaw_node *node, const char *path,
                              const char *key, const char *format, ...) THAW_PRINTF(5, 6);
/* The same for a message that is there already; returns `status`. */
thaw_status thaw_reading_explain(const thaw_reading *r, thaw_status status, const thaw_node *node,
                                 const char *path, const char *key);
/* Fails at the key of `node`: there is no such key in the section; `where` says more about the
 * section ("", or ", whose plugin is max"). `known` are those that there are. */
thaw_status thaw_reading_unknown(const thaw_reading *r, const thaw_section *section,
                                 const thaw_node *node, const char *where, const char *const *known,
                                 size_t count);
/* What thaw_reading_fail does, for callers that have no reading. */
thaw_status thaw_fail_node(thaw_context *ctx, const thaw_node *node, const char *path,
                           const char *key, const char *format, va_list arguments);

/* ---- Sections ------------------------------------------------------------------------------- */

/* "PATH.KEY" in the arena; NULL: no memory. */
const char *thaw_reading_path(const thaw_reading *r, const char *path, const char *key);
/* The section `key` of `parent`, written or not. Its resolved mapping is added to the parent's. */
thaw_status thaw_section_open(const thaw_reading *r, const thaw_section *parent, const char *key,
                              thaw_section *section);
/* The item `number` of the list at `path` as a section; `resolved` is the list's. */
thaw_status thaw_section_item(const thaw_reading *r, const thaw_node *item, const char *path,
                              size_t number, thaw_node *resolved, thaw_section *section);
/* The key as it was written in the section, or NULL. */
const thaw_node *thaw_section_key(const thaw_section *section, const char *key);

/* Reads those keys of the level that are values or paths into the struct `values`, with defaults.
 * `variant` is not used where the level has a selector. Other keys are the caller's to read; but
 * that those are there which must be is checked here. */
thaw_status thaw_section_values(const thaw_reading *r, const thaw_section *section,
                                const thaw_level *level, unsigned variant, void *values);
/* Puts the section's resolved keys into the order of the level's table, when all are there. */
void thaw_section_order(const thaw_section *section, const thaw_level *level);
/* Refuses keys that the level does not have, or not in this variant. */
thaw_status thaw_section_check(const thaw_reading *r, const thaw_section *section,
                               const thaw_level *level, unsigned variant);

/* A section of the type THAW_KEY_PLUGIN: the plugin, its settings, and the keys of key->level into
 * `values`. */
thaw_status thaw_section_plugin(const thaw_reading *r, const thaw_section *section,
                                const thaw_key *key, void *values, thaw_plugin_use *use);
/* A section of the type THAW_KEY_OVERRIDES: a copy of the plugin's settings, changed. */
thaw_status thaw_section_overrides(const thaw_reading *r, const thaw_section *section,
                                   const thaw_plugin_use *use, void **settings);

/* A scalar or a list of scalars, as texts. */
thaw_status thaw_read_texts(const thaw_reading *r, const thaw_node *node, const char *path,
                            const char *key, thaw_value *value);

/* ---- Parts of an experiment ----------------------------------------------------------------- */

thaw_status thaw_read_datasets(thaw_reading *r, const thaw_section *top);
thaw_status thaw_read_stages(thaw_reading *r, const thaw_section *top);
thaw_status thaw_read_slurm(const thaw_reading *r, const thaw_section *top);
thaw_status thaw_read_transfer(const thaw_reading *r, const thaw_section *stage, bool has_source,
                               thaw_transfer *transfer);

#endif
