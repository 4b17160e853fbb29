/* hash_memo.c: a list, for a config names few files. */
#include "base/hash_memo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/context.h"

typedef struct entry {
  char *path;
  const char *what;
  struct stat info;
  char digits[THAW_HASH_TEXT];
} entry;

struct thaw_hash_memo {
  thaw_buffer entries;
};

thaw_hash_memo *thaw_hash_memo_create(void) {
  return calloc(1, sizeof(thaw_hash_memo));
}

static entry *entries_of(const thaw_hash_memo *memo, size_t *count) {
  *count = memo->entries.size / sizeof(entry);
  return (entry *)(void *)memo->entries.data;
}

void thaw_hash_memo_free(thaw_hash_memo *memo) {
  if (!memo) return;
  size_t count;
  entry *entries = entries_of(memo, &count);
  for (size_t i = 0; i < count; i++) free(entries[i].path);
  thaw_buffer_free(&memo->entries);
  free(memo);
}

static bool unchanged(const struct stat *then, const struct stat *now) {
  return then->st_dev == now->st_dev && then->st_ino == now->st_ino &&
         then->st_size == now->st_size && then->st_mtim.tv_sec == now->st_mtim.tv_sec &&
         then->st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

bool thaw_hash_memo_find(const thaw_hash_memo *memo, const char *what, const char *path,
                         char digits[THAW_HASH_TEXT]) {
  struct stat now;
  if (!memo || stat(path, &now) != 0) return false;
  size_t count;
  const entry *entries = entries_of(memo, &count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(entries[i].path, path) != 0 || strcmp(entries[i].what, what) != 0) continue;
    if (!unchanged(&entries[i].info, &now)) continue;
    memcpy(digits, entries[i].digits, THAW_HASH_TEXT);
    return true;
  }
  return false;
}

void thaw_hash_memo_keep(thaw_hash_memo *memo, const char *what, const char *path,
                         const char digits[THAW_HASH_TEXT]) {
  entry kept = {.what = what};
  if (!memo || stat(path, &kept.info) != 0) return;
  memcpy(kept.digits, digits, THAW_HASH_TEXT);
  kept.path = strdup(path);
  if (kept.path && !thaw_buffer_append(&memo->entries, &kept, sizeof kept)) free(kept.path);
}

thaw_status thaw_hash_file_once(thaw_context *ctx, const char *path, char digits[THAW_HASH_TEXT]) {
  thaw_hash_memo *memo = thaw_context_memo(ctx);
  if (thaw_hash_memo_find(memo, "file", path, digits)) return THAW_OK;
  const thaw_status status = thaw_hash_file(ctx, path, digits);
  if (status == THAW_OK) thaw_hash_memo_keep(memo, "file", path, digits);
  return status;
}
