/* run_list.c: walks the folders of a command line with fts(3), which sorts, follows links and
 * notices when they lead in circles. */
#include "analysis/run_list.h"

#include <config.h>
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/context.h"

/* A run and what tells its file from all others. */
typedef struct entry {
  thaw_listed_run run;
  dev_t device;
  ino_t number;
} entry;

typedef struct lister {
  thaw_context *ctx;
  thaw_arena *arena;
  thaw_buffer entries; /* of entry */
} lister;

static int by_name(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_run_name(const char *name) {
  const size_t length = strlen(name);
  return name[0] != '.' && length > 3 && strcmp(name + length - 3, ".h5") == 0;
}

static thaw_status add_file(lister *l, const FTSENT *file) {
  const entry *entries = (const entry *)l->entries.data;
  const size_t count = l->entries.size / sizeof *entries;
  const struct stat *info = file->fts_statp;
  for (size_t i = 0; i < count; i++) {
    if (entries[i].device == info->st_dev && entries[i].number == info->st_ino) return THAW_OK;
  }
  const char *path = thaw_arena_strdup(l->arena, file->fts_path);
  const entry added = {{path, file->fts_level > 0}, info->st_dev, info->st_ino};
  if (!path || !thaw_buffer_append(&l->entries, &added, sizeof added)) {
    return thaw_fail_memory(l->ctx, sizeof added);
  }
  return THAW_OK;
}

static thaw_status visit(lister *l, FTS *walk, FTSENT *here) {
  switch (here->fts_info) {
    case FTS_D:
      if (here->fts_level > 0 && here->fts_name[0] == '.') fts_set(walk, here, FTS_SKIP);
      return THAW_OK;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
      return thaw_fail_at(l->ctx, here->fts_path, 0, 0, "cannot be read: %s",
                          strerror(here->fts_errno));
    case FTS_F:
      return here->fts_level == 0 || is_run_name(here->fts_name) ? add_file(l, here) : THAW_OK;
    case FTS_SLNONE:
    case FTS_DEFAULT: /* a link to nothing, or a device or pipe, on which reading could hang */
      if (here->fts_level > 0) return THAW_OK;
      return thaw_fail_at(l->ctx, here->fts_path, 0, 0, "is neither a file nor a folder");
    default:
      return THAW_OK;
  }
}

static thaw_status list_operand(lister *l, const char *operand) {
  char *path = thaw_arena_strdup(l->arena, operand);
  if (!path) return thaw_fail_memory(l->ctx, strlen(operand));
  char *const paths[] = {path, NULL};
  FTS *walk = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
  if (!walk) return thaw_fail_at(l->ctx, operand, 0, 0, "cannot be read: %s", strerror(errno));
  thaw_status status = THAW_OK;
  for (errno = 0; status == THAW_OK; errno = 0) {
    FTSENT *here = fts_read(walk);
    if (!here) break;
    status = visit(l, walk, here);
  }
  if (status == THAW_OK && errno) {
    status = thaw_fail_at(l->ctx, operand, 0, 0, "cannot be read: %s", strerror(errno));
  }
  fts_close(walk);
  return status;
}

thaw_status thaw_runs_list(thaw_context *ctx, thaw_arena *arena, size_t operand_count,
                           const char *const *operands, const thaw_listed_run **runs,
                           size_t *count) {
  lister l = {.ctx = ctx, .arena = arena};
  thaw_status status = THAW_OK;
  for (size_t i = 0; status == THAW_OK && i < operand_count; i++) {
    status = list_operand(&l, operands[i]);
  }
  const entry *entries = (const entry *)l.entries.data;
  *count = l.entries.size / sizeof *entries;
  if (status == THAW_OK && *count == 0) {
    status = thaw_fail(ctx, THAW_INVALID, "no run file (*.h5) was found in %s%s",
                       operand_count ? operands[0] : "no folder",
                       operand_count > 1 ? " or the others" : "");
  }
  thaw_listed_run *list = status == THAW_OK ? thaw_arena_alloc(arena, *count * sizeof *list) : NULL;
  if (status == THAW_OK && !list) status = thaw_fail_memory(ctx, *count * sizeof *list);
  for (size_t i = 0; list && i < *count; i++) list[i] = entries[i].run;
  thaw_buffer_free(&l.entries);
  *runs = list;
  return status;
}
