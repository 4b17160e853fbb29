/* cache_folder.c: see cache_folder.h. Files are told apart by their names alone, so that a folder
 * that holds other things too loses none of them. */
#include "store/cache_folder.h"

#include <config.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"

/* A folder being read. */
typedef struct reading {
  thaw_context *ctx;
  thaw_arena *arena;
  const char *folder;
  thaw_buffer stages, leftovers;
  size_t held_count, other_count;
} reading;

/* Is the name 32 hexadecimal digits and this ending? */
static bool is_key(const char *name, const char *ending) {
  const size_t digits = THAW_HASH_TEXT - 1;
  return strspn(name, "0123456789abcdef") == digits && strcmp(name + digits, ending) == 0;
}

/* FOLDER/NAME in the arena; NULL: no memory. */
static const char *path_of(const reading *r, const char *name) {
  char *path = thaw_path_join(r->folder, name);
  const char *copy = path ? thaw_arena_strdup(r->arena, path) : NULL;
  free(path);
  return copy;
}

static bool add_stage(reading *r, const char *name, const char *path, const struct stat *info) {
  thaw_cache_entry entry = {.path = path,
                            .bytes = (uint64_t)info->st_size,
                            .used = (int64_t)info->st_mtim.tv_sec,
                            .used_ns = (int64_t)info->st_mtim.tv_nsec};
  memcpy(entry.key, name, sizeof entry.key - 1);
  return thaw_buffer_append(&r->stages, &entry, sizeof entry);
}

static bool add_leftover(reading *r, const char *path, bool lock, const struct stat *info) {
  const thaw_cache_leftover leftover = {path, lock, (uint64_t)info->st_size,
                                        (int64_t)info->st_mtime};
  return thaw_buffer_append(&r->leftovers, &leftover, sizeof leftover);
}

/* Is there no stage for the lock file KEY.lock? */
static bool has_no_stage(const reading *r, const char *name) {
  thaw_buffer stage = {0};
  bool none = false;
  if (thaw_buffer_format(&stage, "%.*s.h5", THAW_HASH_TEXT - 1, name)) {
    char *path = thaw_path_join(r->folder, stage.data);
    none = path && !thaw_path_exists(path);
    free(path);
  }
  thaw_buffer_free(&stage);
  return none;
}

/* A lock file without a stage. */
static bool add_lock(reading *r, const char *path, const struct stat *info) {
  if (!thaw_lock_is_taken(path)) return add_leftover(r, path, true, info);
  r->held_count++;
  return true;
}

static thaw_status add_file(reading *r, const char *name) {
  struct stat info;
  const char *path = path_of(r, name);
  if (!path) return thaw_fail_memory(r->ctx, strlen(name));
  bool ok = true;
  if (stat(path, &info) != 0) {
    /* It has been removed or renamed since the folder was opened, or is a link to nothing. */
    if (errno != ENOENT) r->other_count++;
  } else if (!S_ISREG(info.st_mode)) {
    r->other_count++;
  } else if (is_key(name, ".h5")) {
    ok = add_stage(r, name, path, &info);
  } else if (is_key(name, ".lock")) {
    if (has_no_stage(r, name)) ok = add_lock(r, path, &info);
  } else if (thaw_atomic_is_leftover(r->folder, name)) {
    ok = add_leftover(r, path, false, &info);
  } else if (name[0] != '.' && !strstr(name, ".part")) {
    r->other_count++;
  }
  return ok ? THAW_OK : thaw_fail_memory(r->ctx, r->stages.size);
}

static int latest_first(const void *left, const void *right) {
  const thaw_cache_entry *a = left, *b = right;
  if (a->used != b->used) return a->used < b->used ? 1 : -1;
  if (a->used_ns != b->used_ns) return a->used_ns < b->used_ns ? 1 : -1;
  return strcmp(a->key, b->key);
}

static int by_path(const void *left, const void *right) {
  return strcmp(((const thaw_cache_leftover *)left)->path,
                ((const thaw_cache_leftover *)right)->path);
}

/* A copy of the list in the arena. */
static thaw_status hand_over(reading *r, const thaw_buffer *list, size_t size,
                             int (*order)(const void *, const void *), void **copy, size_t *count) {
  *count = list->size / size;
  *copy = thaw_arena_alloc(r->arena, list->size + 1);
  if (!*copy) return thaw_fail_memory(r->ctx, list->size);
  if (*count == 0) return THAW_OK;
  memcpy(*copy, list->data, list->size);
  qsort(*copy, *count, size, order);
  return THAW_OK;
}

static thaw_status read_all(reading *r, DIR *open) {
  thaw_status status = THAW_OK;
  errno = 0;
  for (const struct dirent *entry; status == THAW_OK && (entry = readdir(open)); errno = 0) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      status = add_file(r, entry->d_name);
  }
  if (status == THAW_OK && errno) {
    status = thaw_fail(r->ctx, THAW_INVALID, "cannot read the stage cache %s: %s", r->folder,
                       strerror(errno));
  }
  return status;
}

thaw_status thaw_cache_folder_read(thaw_context *ctx, thaw_arena *arena, const char *folder,
                                   thaw_cache_folder_content *content) {
  *content = (thaw_cache_folder_content){.folder = folder};
  DIR *open = opendir(folder);
  if (!open && errno == ENOENT) return THAW_OK;
  if (!open) {
    return thaw_fail(ctx, THAW_INVALID, "cannot read the stage cache %s: %s", folder,
                     strerror(errno));
  }
  reading r = {.ctx = ctx, .arena = arena, .folder = folder};
  void *stages = NULL, *leftovers = NULL;
  thaw_status status = read_all(&r, open);
  if (status == THAW_OK) {
    status = hand_over(&r, &r.stages, sizeof(thaw_cache_entry), latest_first, &stages,
                       &content->stage_count);
  }
  if (status == THAW_OK) {
    status = hand_over(&r, &r.leftovers, sizeof(thaw_cache_leftover), by_path, &leftovers,
                       &content->leftover_count);
  }
  content->there = true;
  content->stages = stages;
  content->leftovers = leftovers;
  content->held_count = r.held_count;
  content->other_count = r.other_count;
  closedir(open);
  thaw_buffer_free(&r.stages);
  thaw_buffer_free(&r.leftovers);
  return status;
}

thaw_status thaw_cache_leftover_remove(thaw_context *ctx, const thaw_cache_leftover *leftover) {
  thaw_lock *lock = NULL;
  if (leftover->lock) {
    const thaw_status status = thaw_lock_try(ctx, leftover->path, &lock);
    if (status || !lock) return status;
  }
  thaw_status status = THAW_OK;
  if (unlink(leftover->path) != 0 && errno != ENOENT) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot remove %s: %s", leftover->path, strerror(errno));
  }
  thaw_lock_release(lock);
  return status;
}
