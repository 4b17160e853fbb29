/* cache.c: where cached stages are, and the lock beside each. */
#include "store/cache.h"

#include <stdlib.h>
#include <string.h>

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

typedef struct wait_note {
  thaw_context *ctx;
  const char *key;
} wait_note;

static void say_waiting(void *user) {
  const wait_note *note = user;
  thaw_log(note->ctx, THAW_LOG_INFO, "another process trains this stage (%s): waiting for it",
           note->key);
}

thaw_status thaw_cache_lock(thaw_context *ctx, const char *folder, const char *key,
                            thaw_lock **lock) {
  char *path = cache_file(folder, key, ".lock");
  if (!path) return thaw_fail_memory(ctx, strlen(folder) + strlen(key));
  wait_note note = {ctx, key};
  const thaw_status status = thaw_lock_take(ctx, path, say_waiting, &note, lock);
  free(path);
  return status;
}
