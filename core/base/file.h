/* file.h: paths, files that appear whole or not at all, and locks. */
#ifndef THAW_FILE_H
#define THAW_FILE_H

#include "thaw/base.h"

/* All returned paths are malloc'ed and freed by the caller; NULL when there is no memory. */

/* `path` seen from the folder of the file `from`; an absolute path stays as it is. */
char *thaw_path_beside(const char *from, const char *path);
char *thaw_path_join(const char *folder, const char *name);
/* "runs/a.h5" -> "a" : the last part without its extension. */
char *thaw_path_stem(const char *path);
bool thaw_path_exists(const char *path);
bool thaw_path_is_folder(const char *path);
/* Like mkdir -p. */
thaw_status thaw_make_folders(thaw_context *ctx, const char *path);

/* A file written beside its final name: write to thaw_atomic_path, then commit (which syncs the
 * file, renames it and syncs the folder) or abandon (which removes it). Both free. */
typedef struct thaw_atomic_file thaw_atomic_file;
thaw_status thaw_atomic_begin(thaw_context *ctx, const char *path, thaw_atomic_file **file);
const char *thaw_atomic_path(const thaw_atomic_file *file);
thaw_status thaw_atomic_commit(thaw_context *ctx, thaw_atomic_file *file);
void thaw_atomic_abandon(thaw_atomic_file *file);

/* A copy, which appears whole or not at all. */
thaw_status thaw_copy_file(thaw_context *ctx, const char *from, const char *to);

/* A file of these bytes, which appears whole or not at all. */
thaw_status thaw_write_file(thaw_context *ctx, const char *path, const char *bytes, size_t count);

/* An exclusive lock on `path` (created when missing), held by this process until it is released or
 * the process dies, kill -9 included (flock(2)). Waits for another holder; `waiting`, if not NULL,
 * is called once when it has to wait. An interrupt ends the wait with THAW_INTERRUPTED. */
typedef struct thaw_lock thaw_lock;
thaw_status thaw_lock_take(thaw_context *ctx, const char *path, void (*waiting)(void *user),
                           void *user, thaw_lock **lock);
void thaw_lock_release(thaw_lock *lock);

#endif
