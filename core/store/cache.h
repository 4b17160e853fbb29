/* cache.h: finished stages, kept under the hash of everything that can change them.
 *
 * A cached stage is a run file KEY.h5 in the cache folder; while it is being trained it carries
 * /state and `complete` is 0. A lock file beside it lets only one process train it. */
#ifndef THAW_CACHE_H
#define THAW_CACHE_H

#include "base/file.h"

/* The folder: `given`, else $THAW_CACHE, else $XDG_CACHE_HOME/thaw, else ~/.cache/thaw. malloc'ed;
 * it need not be there. */
thaw_status thaw_cache_folder(thaw_context *ctx, const char *given, char **folder);
/* Makes it, for whoever will write into it. */
thaw_status thaw_cache_create(thaw_context *ctx, const char *folder);
/* FOLDER/KEY.h5, malloc'ed; NULL: no memory. */
char *thaw_cache_path(const char *folder, const char *key);
/* Waits until no other process trains this stage (logs that it waits). Release with
 * thaw_lock_release. */
thaw_status thaw_cache_lock(thaw_context *ctx, const char *folder, const char *key,
                            thaw_lock **lock);

#endif
