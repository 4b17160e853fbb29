/* cache_explanation.c: the text of a stage's key is compared with those of all finished files of
 * the same kind; the one that differs in the fewest settings is the nearest, of equal ones the one
 * that was used last. */
#include "experiment/cache_explanation.h"

#include <config.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "experiment/stages.h"
#include "store/cache.h"

/* A stage being explained. */
typedef struct search {
  thaw_context *ctx;
  thaw_context *own; /* what is wrong with another file is no failure of ours */
  thaw_arena *arena;
  const thaw_stage_work *work;
  thaw_key_lines lines;
  int64_t nearest_used;
  thaw_stage_explanation *result;
} search;

/* ---- Other files ----------------------------------------------------------------------------- */

/* What is compared of another file; malloc'ed texts. */
typedef struct candidate {
  char *key, *key_text, *name;
} candidate;

static void free_candidate(candidate *c) {
  free(c->key);
  free(c->key_text);
  free(c->name);
}

/* Is the file a finished stage of this kind, which says what its key rests on? */
static bool read_candidate(search *s, const char *path, candidate *c) {
  thaw_run_file *run = NULL;
  char *stage = NULL;
  if (thaw_run_open(s->own, path, &run) != THAW_OK) return false;
  bool ok = thaw_run_complete(run) &&
            thaw_run_text(s->own, run, "environment/stage", &stage) == THAW_OK &&
            strcmp(stage, s->work->stage->name) == 0 &&
            thaw_run_text(s->own, run, "environment/key", &c->key) == THAW_OK &&
            thaw_run_text(s->own, run, "name", &c->name) == THAW_OK;
  if (ok && thaw_run_text(s->own, run, "config/key", &c->key_text) != THAW_OK) {
    s->result->silent++;
    ok = false;
  }
  free(stage);
  thaw_run_close(run);
  return ok;
}

static thaw_status keep(search *s, const char *path, const candidate *c,
                        thaw_key_difference *differences, size_t count, int64_t used) {
  thaw_stage_explanation *result = s->result;
  result->nearest = thaw_arena_strdup(s->arena, path);
  result->nearest_key = thaw_arena_strdup(s->arena, c->key);
  result->nearest_name = thaw_arena_strdup(s->arena, c->name);
  result->differences = differences;
  result->difference_count = count;
  s->nearest_used = used;
  const bool ok = result->nearest && result->nearest_key && result->nearest_name;
  return ok ? THAW_OK : thaw_fail_memory(s->ctx, strlen(path));
}

static thaw_status look_at(search *s, const char *path) {
  candidate c = {0};
  struct stat info;
  thaw_status status = THAW_OK;
  if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && read_candidate(s, path, &c)) {
    thaw_key_lines lines;
    thaw_key_difference *differences = NULL;
    size_t count = 0;
    const int64_t used = (int64_t)info.st_mtime;
    s->result->compared++;
    status = thaw_key_lines_read(s->ctx, s->arena, c.key_text, s->work->stage->data->name, &lines);
    if (status == THAW_OK)
      status = thaw_key_lines_compare(s->ctx, s->arena, &s->lines, &lines, &differences, &count);
    const size_t best = s->result->difference_count;
    const bool nearer =
        !s->result->nearest || count < best || (count == best && used > s->nearest_used);
    if (status == THAW_OK && nearer) status = keep(s, path, &c, differences, count, used);
  }
  free_candidate(&c);
  return status;
}

static bool is_run_file(const char *name) {
  const size_t length = strlen(name);
  return name[0] != '.' && length > 3 && strcmp(name + length - 3, ".h5") == 0;
}

/* Looks at every other run file of the folder that the stage's file is in, or would be. */
static thaw_status look_around(search *s) {
  char *folder = thaw_path_beside(s->work->path, ".");
  DIR *open = folder ? opendir(folder) : NULL;
  const char *slash = strrchr(s->work->path, '/');
  const char *own = slash ? slash + 1 : s->work->path;
  thaw_status status = folder ? THAW_OK : thaw_fail_memory(s->ctx, strlen(s->work->path));
  for (const struct dirent *entry; open && status == THAW_OK && (entry = readdir(open));) {
    if (!is_run_file(entry->d_name) || strcmp(entry->d_name, own) == 0) continue;
    char *path = thaw_path_beside(s->work->path, entry->d_name);
    status = path ? look_at(s, path) : thaw_fail_memory(s->ctx, strlen(entry->d_name));
    free(path);
    if (status == THAW_OK && thaw_interrupted(s->ctx))
      status = thaw_fail(s->ctx, THAW_INTERRUPTED, "while reading %s", folder);
  }
  if (open) closedir(open);
  free(folder);
  return status;
}

/* ---- The stage itself ------------------------------------------------------------------------ */

static thaw_status describe_state(search *s, const char *cache) {
  static const char *const words[] = {[THAW_STAGE_NEW] = "not there",
                                      [THAW_STAGE_BEGUN] = "begun",
                                      [THAW_STAGE_FINISHED] = "finished"};
  const thaw_stage_work *work = s->work;
  thaw_buffer text = {0};
  char *path = thaw_cache_lock_path(cache, work->key);
  char *holder = path && thaw_lock_is_taken(path) ? thaw_lock_holder(path) : NULL;
  bool ok = path && thaw_buffer_text(&text, words[work->progress]);
  if (holder) ok = ok && thaw_buffer_format(&text, ", being trained by %s", holder);
  s->result->state = ok ? thaw_arena_strdup(s->arena, text.data) : NULL;
  free(holder);
  free(path);
  thaw_buffer_free(&text);
  return s->result->state ? THAW_OK : thaw_fail_memory(s->ctx, text.size);
}

static thaw_status explain_stage(search *s, const char *cache) {
  const thaw_stage_work *work = s->work;
  thaw_stage_explanation *result = s->result;
  *result = (thaw_stage_explanation){.stage = work->stage->name,
                                     .key = thaw_arena_strdup(s->arena, work->key),
                                     .path = thaw_arena_strdup(s->arena, work->path),
                                     .is_run_file = work->stage->kind == THAW_STAGE_CLASSIFY,
                                     .found = work->progress != THAW_STAGE_NEW};
  if (!result->key || !result->path) return thaw_fail_memory(s->ctx, strlen(work->path));
  thaw_status status = describe_state(s, cache);
  if (status || result->found) return status;
  status =
      thaw_key_lines_read(s->ctx, s->arena, work->key_text, work->stage->data->name, &s->lines);
  return status ? status : look_around(s);
}

thaw_status thaw_cache_explain(thaw_context *ctx, thaw_arena *arena,
                               const thaw_experiment *experiment, const thaw_run_options *options,
                               thaw_cache_explanation *explanation) {
  thaw_stages stages;
  *explanation = (thaw_cache_explanation){0};
  thaw_context *own = thaw_context_create();
  if (!own) return thaw_fail_memory(ctx, 1);
  thaw_status status = thaw_stages_plan(ctx, experiment, options, &stages);
  if (status == THAW_OK) {
    explanation->folder = thaw_arena_strdup(arena, stages.cache);
    if (!explanation->folder) status = thaw_fail_memory(ctx, strlen(stages.cache));
    for (size_t i = 0; i < stages.count && status == THAW_OK; i++) {
      search s = {.ctx = ctx,
                  .own = own,
                  .arena = arena,
                  .work = &stages.works[i],
                  .result = &explanation->stages[explanation->count++]};
      status = explain_stage(&s, stages.cache);
    }
    thaw_stages_free(&stages);
  }
  thaw_context_free(own);
  return status;
}
