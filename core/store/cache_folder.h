/* cache_folder.h: what lies in the folder of the stage cache: stages, and what is left of processes
 * that have ended. */
#ifndef THAW_CACHE_FOLDER_H
#define THAW_CACHE_FOLDER_H

#include "base/arena.h"
#include "base/hash.h"

typedef struct thaw_cache_entry {
  char key[THAW_HASH_TEXT];
  const char *path; /* of KEY.h5 */
  uint64_t bytes;
  int64_t used;    /* when a run last used or wrote it: seconds since 1970, */
  int64_t used_ns; /* and nanoseconds beyond them */
} thaw_cache_entry;

typedef struct thaw_cache_leftover {
  const char *path;
  bool lock; /* a lock file that nobody holds and that has no stage; else a file that was begun */
  uint64_t bytes;
  int64_t used;
} thaw_cache_leftover;

typedef struct thaw_cache_folder_content {
  const char *folder;
  bool there;               /* the folder */
  thaw_cache_entry *stages; /* the one that was used last comes first */
  size_t stage_count;
  thaw_cache_leftover *leftovers; /* by name */
  size_t leftover_count;
  size_t held_count;  /* locks of stages that are being trained and have no file yet */
  size_t other_count; /* files and folders that are none of thaw's */
} thaw_cache_folder_content;

/* Reads names, sizes and times alone. Everything lives in the arena. A folder that is not there is
 * an empty one; THAW_INVALID: it cannot be read. */
thaw_status thaw_cache_folder_read(thaw_context *ctx, thaw_arena *arena, const char *folder,
                                   thaw_cache_folder_content *content);

/* Removes a leftover; a lock file only if still nobody holds it. */
thaw_status thaw_cache_leftover_remove(thaw_context *ctx, const thaw_cache_leftover *leftover);

#endif
