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
 * is called once when it has to wait. An interrupt ends the wait with THAW_INTERRUPTED.
 *
 * Assumed is a file system that takes flock(2): local ones; NFS on Linux (2.6.12 and later), which
 * asks its server for a lock on the bytes of the file; Lustre mounted with -o flock. One that
 * refuses is an error that says so. Not had is a lock that outlives a broken connection: a server
 * that hears nothing of a machine for longer than its lease gives the machine's locks to others.
 * Where that happens work is done twice, but no file is ever a mixture: files appear whole. */
typedef struct thaw_lock thaw_lock;
thaw_status thaw_lock_take(thaw_context *ctx, const char *path, void (*waiting)(void *user),
                           void *user, thaw_lock **lock);
void thaw_lock_release(thaw_lock *lock);

/* The same without waiting: `*lock` stays NULL while another has it. Who has it may remove the
 * file: those who wait for it notice. */
thaw_status thaw_lock_try(thaw_context *ctx, const char *path, thaw_lock **lock);
/* Has somebody such a lock now? Makes no file. */
bool thaw_lock_is_taken(const char *path);
/* "process 4711 on NAME": who took the lock last, for messages; malloc'ed; NULL: not known. */
char *thaw_lock_holder(const char *path);

/* A file that is to stay until one is done with it can be held, by any number of processes at once,
 * but by none while another has seized it in order to remove it. Holding lasts until
 * thaw_lock_release or the process's end; it waits for who has seized the file. In both `*lock`
 * stays NULL where the file is not there, in seizing also while somebody holds it. */
thaw_status thaw_file_hold(thaw_context *ctx, const char *path, thaw_lock **lock);
thaw_status thaw_file_seize(thaw_context *ctx, const char *path, thaw_lock **lock);

/* Is `name` in `folder` what is left of an atomic file whose writer has ended? That of another
 * machine's writer is taken to be when nothing was written to it for a day. */
bool thaw_atomic_is_leftover(const char *folder, const char *name);

#endif
