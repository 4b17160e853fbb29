/* cache_check.h: is a stage in the cache what it was when it was written? */
#ifndef THAW_CACHE_CHECK_H
#define THAW_CACHE_CHECK_H

#include "store/cache_folder.h"

typedef enum thaw_cache_verdict {
  THAW_CACHE_WHOLE,
  THAW_CACHE_DAMAGED,
  THAW_CACHE_UNREAD, /* it cannot be read, so that nothing is known */
  THAW_CACHE_GONE,   /* it has been removed meanwhile */
} thaw_cache_verdict;

/* Reads all of the file: its seal, the checksums of weights and checkpoints, every table; compares
 * the key with the file's name, and with the hash of its text where the file has that. `*problem`
 * says what is wrong, in the arena; NULL: nothing. Fails for want of memory only. */
thaw_status thaw_cache_check(thaw_context *ctx, thaw_arena *arena, const thaw_cache_entry *entry,
                             thaw_cache_verdict *verdict, const char **problem);

#endif
