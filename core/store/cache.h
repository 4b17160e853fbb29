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
/* Waits until no other process trains this stage (logs for whom it waits). What is assumed of the
 * file system stands in base/file.h. */
thaw_status thaw_cache_lock(thaw_context *ctx, const char *folder, const char *key,
                            thaw_lock **lock);
/* Ends it. The lock's file stays beside its stage, but goes where there is none, as after the
 * training of a classifier. */
void thaw_cache_unlock(const char *folder, const char *key, thaw_lock *lock);
/* That file, FOLDER/KEY.lock; malloc'ed; NULL: no memory. */
char *thaw_cache_lock_path(const char *folder, const char *key);

/* Keeps a stage that is used from being removed until thaw_lock_release, and notes that it was used
 * now: that is the file's time of modification, which no reading changes by itself. `*lock` is NULL
 * where the stage is not there. */
thaw_status thaw_cache_use(thaw_context *ctx, const char *folder, const char *key,
                           thaw_lock **lock);
/* Removes a stage and its lock file, unless a process trains or uses it: then `*user` says so in
 * malloc'ed words ("process 4711 on NAME trains it"), otherwise it is NULL. `dry`: removes nothing,
 * but looks as if it would. */
thaw_status thaw_cache_remove(thaw_context *ctx, const char *folder, const char *key, bool dry,
                              char **user);

#endif
