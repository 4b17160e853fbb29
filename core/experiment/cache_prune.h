/* cache_prune.h: making the stage cache smaller. */
#ifndef THAW_CACHE_PRUNE_H
#define THAW_CACHE_PRUNE_H

#include "experiment/cached_stage.h"

typedef struct thaw_prune_rules {
  bool by_age, by_size;
  double oldest;       /* by age: stages that were not used for so many seconds go */
  uint64_t keep_bytes; /* by size: then those that were used longest ago, until the others are no
                          larger together */
  bool unfinished;     /* only checkpoints go; without another rule, all of them */
  bool dry;            /* only says what would go */
} thaw_prune_rules;

/* What goes, or would have gone. */
typedef struct thaw_pruned {
  const thaw_cached_stage *stage;      /* NULL: */
  const thaw_cache_leftover *leftover; /* a lock or temporary file of a process that has ended */
  const char *why;                     /* "age", "size", "not finished", "left over" */
  const char *kept;                    /* why it stays nevertheless; NULL: it goes */
} thaw_pruned;

typedef struct thaw_prune_result {
  thaw_pruned *items; /* what was used longest ago comes first, leftovers last */
  size_t count;
  size_t failed;  /* of those that stay: because removing failed, not because they are in use */
  uint64_t freed; /* bytes */
  size_t gone;    /* stages that went */
  size_t left;    /* stages that stay */
  uint64_t left_bytes;
} thaw_prune_result;

/* Never removes a stage that a living process trains or uses. At least one rule must be given.
 * Leftovers always go. Everything lives in the arena. THAW_INVALID: the folder cannot be read. */
thaw_status thaw_cache_prune(thaw_context *ctx, thaw_arena *arena, const char *folder,
                             const thaw_prune_rules *rules, thaw_prune_result *result);

#endif
