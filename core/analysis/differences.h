/* differences.h: in which settings runs differ.
 *
 * The resolved configs of all runs are laid side by side, key by key. What is left when the equal
 * rows are taken away is what an experiment was about. */
#ifndef THAW_DIFFERENCES_H
#define THAW_DIFFERENCES_H

#include "base/arena.h"
#include "thaw/base.h"

/* A setting that is not the same in all runs. */
typedef struct thaw_difference {
  const char *key;     /* "stages.classify.transfer"; of a section "stages.pretrain" */
  const char *heading; /* "transfer": its shortest unambiguous end that says something */
  const char **values; /* [runs]; NULL: the run has nothing there */
  bool is_seed;        /* the seed of one stage */
} thaw_difference;

typedef struct thaw_configs thaw_configs; /* the configs of several runs */

/* For at most `most` runs; lives in the arena. NULL when there is no memory. */
thaw_configs *thaw_configs_create(thaw_arena *arena, size_t most);

/* Adds the next run's resolved config, YAML text; `name` stands in messages. THAW_INVALID: it does
 * not parse. */
thaw_status thaw_configs_add(thaw_context *ctx, thaw_configs *configs, const char *name,
                             const char *text);

/* The settings in which the runs differ, in the order of the configs; in the arena. Left out are
 * the experiment's name and description, which change no result; its seed, which every run has; and
 * what repeats another setting, as stages.classify.seed repeats seed. A section that some runs lack
 * as a whole, such as stages.pretrain, is one row: the name of its plugin, or "yes"; its settings
 * have rows of their own only where their values differ. `taken` are headings that are used
 * otherwise. */
thaw_status thaw_configs_differences(thaw_context *ctx, thaw_configs *configs, size_t taken_count,
                                     const char *const *taken, const thaw_difference **differences,
                                     size_t *count);

/* ---- All settings -----------------------------------------------------------------------------
 */

/* The keys that any run has, in the order of the configs; in the arena. NULL when there is no
 * memory. */
const char *const *thaw_configs_keys(const thaw_configs *configs, size_t *count);

/* Those of them that have several values; that some runs have none does not count. */
const char *const *thaw_configs_varied_keys(const thaw_configs *configs, size_t *count);

/* The values of a key in all runs, NULL where a run has none; equal values are the same pointer.
 * NULL: no run has the key. */
const char **thaw_configs_values(const thaw_configs *configs, const char *key);

/* From here on there are only those runs for which `kept` [runs] holds. */
void thaw_configs_keep(thaw_configs *configs, const bool *kept);

#endif
