/* cache.c: where cached stages are, the lock beside each, and how one is used and removed.
 *
 * Two kinds of locks never meet: KEY.lock is held by the one process that trains a stage, KEY.h5 by
 * all that use what was trained, so that who waits in order to train does not wait for users. Who
 * removes a stage needs both for itself alone. */
#include "store/cache.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"

/* An environment variable's value; NULL when it is unset or empty. */
static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* The folder's name; NULL, with the error in ctx, when there is none. */
static char *folder_name(thaw_context *ctx, const char *given) {
  const char *xdg = setting("XDG_CACHE_HOME"), *home = setting("HOME");
  if (!given || !*given) given = setting("THAW_CACHE");
  /* The XDG specification has relative paths ignored. */
  if (xdg && *xdg != '/') xdg = NULL;
  char *name = NULL;
  if (given) {
    name = strdup(given);
  } else if (xdg) {
    name = thaw_path_join(xdg, "thaw");
  } else if (home) {
    name = thaw_path_join(home, ".cache/thaw");
  } else {
    thaw_fail(ctx, THAW_INVALID,
              "there is no place for the stage cache: neither THAW_CACHE nor HOME is set");
    return NULL;
  }
  if (!name) thaw_fail_memory(ctx, 1);
  return name;
}

thaw_status thaw_cache_folder(thaw_context *ctx, const char *given, char **folder) {
  *folder = folder_name(ctx, given);
  return *folder ? THAW_OK : THAW_INVALID;
}

thaw_status thaw_cache_create(thaw_context *ctx, const char *folder) {
  const thaw_status status = thaw_make_folders(ctx, folder);
  return status ? thaw_explain(ctx, status, "stage cache") : THAW_OK;
}

/* FOLDER/KEY + ending, malloc'ed. */
static char *cache_file(const char *folder, const char *key, const char *ending) {
  thaw_buffer name = {0};
  char *path = NULL;
  if (thaw_buffer_format(&name, "%s%s", key, ending)) path = thaw_path_join(folder, name.data);
  thaw_buffer_free(&name);
  return path;
}

char *thaw_cache_path(const char *folder, const char *key) {
  return cache_file(folder, key, ".h5");
}

char *thaw_cache_lock_path(const char *folder, const char *key) {
  return cache_file(folder, key, ".lock");
}

/* ---- Training -------------------------------------------------------------------------------- */

typedef struct wait_note {
  thaw_context *ctx;
  const char *key, *path;
} wait_note;

static void say_waiting(void *user) {
  const wait_note *note = user;
  char *holder = thaw_lock_holder(note->path);
  thaw_log(note->ctx, THAW_LOG_INFO, "%s trains this stage (%s): waiting for it",
           holder ? holder : "another process", note->key);
  free(holder);
}

thaw_status thaw_cache_lock(thaw_context *ctx, const char *folder, const char *key,
                            thaw_lock **lock) {
  char *path = thaw_cache_lock_path(folder, key);
  if (!path) return thaw_fail_memory(ctx, strlen(folder) + strlen(key));
  wait_note note = {ctx, key, path};
  const thaw_status status = thaw_lock_take(ctx, path, say_waiting, &note, lock);
  free(path);
  return status;
}

void thaw_cache_unlock(const char *folder, const char *key, thaw_lock *lock) {
  char *stage = thaw_cache_path(folder, key), *path = thaw_cache_lock_path(folder, key);
  if (stage && path && !thaw_path_exists(stage)) unlink(path);
  thaw_lock_release(lock);
  free(stage);
  free(path);
}

/* ---- Using and removing ---------------------------------------------------------------------- */

thaw_status thaw_cache_use(thaw_context *ctx, const char *folder, const char *key,
                           thaw_lock **lock) {
  char *path = thaw_cache_path(folder, key);
  *lock = NULL;
  if (!path) return thaw_fail_memory(ctx, strlen(folder) + strlen(key));
  const thaw_status status = thaw_file_hold(ctx, path, lock);
  /* In a cache of several people the file may be somebody else's, whose uses alone then count. */
  if (*lock) utimensat(AT_FDCWD, path, NULL, 0);
  free(path);
  return status;
}

/* "WHO trains it"; false: no memory. */
static bool say_trained(const char *lock_path, char **user) {
  char *holder = thaw_lock_holder(lock_path);
  thaw_buffer text = {0};
  const bool ok = thaw_buffer_format(&text, "%s trains it", holder ? holder : "a process");
  free(holder);
  *user = text.data;
  return ok;
}

/* Once nobody trains the stage. */
static thaw_status remove_unused(thaw_context *ctx, const char *path, bool dry, char **user) {
  thaw_lock *seized = NULL;
  thaw_status status = thaw_file_seize(ctx, path, &seized);
  if (status) return status;
  if (seized) {
    if (!dry && unlink(path) != 0 && errno != ENOENT)
      status = thaw_fail(ctx, THAW_FAILED, "cannot remove %s: %s", path, strerror(errno));
  } else if (thaw_path_exists(path)) {
    *user = strdup("a run uses it");
    if (!*user) status = thaw_fail_memory(ctx, 1);
  }
  thaw_lock_release(seized);
  return status;
}

/* Nothing is made where nothing is to be removed: then the lock is only looked at. */
static thaw_status lock_for_removal(thaw_context *ctx, const char *path, bool dry, thaw_lock **lock,
                                    bool *free_to_go) {
  thaw_status status = dry ? THAW_OK : thaw_lock_try(ctx, path, lock);
  *free_to_go = dry ? !thaw_lock_is_taken(path) : *lock != NULL;
  return status;
}

thaw_status thaw_cache_remove(thaw_context *ctx, const char *folder, const char *key, bool dry,
                              char **user) {
  char *path = thaw_cache_path(folder, key), *lock_path = thaw_cache_lock_path(folder, key);
  thaw_lock *lock = NULL;
  bool free_to_go = false;
  *user = NULL;
  thaw_status status =
      path && lock_path ? THAW_OK : thaw_fail_memory(ctx, strlen(folder) + strlen(key));
  if (status == THAW_OK) status = lock_for_removal(ctx, lock_path, dry, &lock, &free_to_go);
  if (status == THAW_OK && free_to_go) {
    status = remove_unused(ctx, path, dry, user);
    if (status == THAW_OK && !*user && !dry) unlink(lock_path);
  } else if (status == THAW_OK && !say_trained(lock_path, user)) {
    status = thaw_fail_memory(ctx, 1);
  }
  thaw_lock_release(lock);
  free(path);
  free(lock_path);
  return status;
}
