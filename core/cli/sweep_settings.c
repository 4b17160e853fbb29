/* sweep_settings.c: which settings tell the runs of a sweep apart. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "cli/sweep.h"

static const thaw_sweep_point *point_of(const thaw_sweep_work *work, size_t run) {
  return &work->sweep->points[work->tree->runs[run].point];
}

static bool has_set(const thaw_sweep_point *point, const char *set) {
  for (size_t i = 0; i < point->set_count; i++) {
    if (strcmp(point->sets[i], set) == 0) return true;
  }
  return false;
}

/* Which of the first point's settings all points have. */
static void find_shared(const thaw_sweep *sweep, bool *shared) {
  const thaw_sweep_point *first = &sweep->points[0];
  for (size_t i = 0; i < first->set_count; i++) {
    shared[i] = true;
    for (size_t p = 1; p < sweep->count && shared[i]; p++)
      shared[i] = has_set(&sweep->points[p], first->sets[i]);
  }
}

static bool is_shared(const thaw_sweep *sweep, const bool *shared, const char *set) {
  const thaw_sweep_point *first = &sweep->points[0];
  for (size_t i = 0; i < first->set_count; i++) {
    if (shared[i] && strcmp(first->sets[i], set) == 0) return true;
  }
  return false;
}

thaw_status thaw_sweep_label_runs(thaw_sweep_work *work, thaw_arena *arena) {
  thaw_context *ctx = work->call->ctx;
  const size_t count = work->tree->run_count;
  bool *shared = thaw_arena_zalloc(arena, work->sweep->points[0].set_count + 1);
  work->labels = thaw_arena_alloc(arena, (count + 1) * sizeof *work->labels);
  if (!shared || !work->labels) return thaw_fail_memory(ctx, count * sizeof *work->labels);
  find_shared(work->sweep, shared);
  thaw_buffer text = {0};
  bool ok = true;
  for (size_t r = 0; r < count && ok; r++) {
    const thaw_sweep_point *point = point_of(work, r);
    thaw_buffer_clear(&text);
    ok = thaw_buffer_text(&text, "");
    for (size_t i = 0; i < point->set_count && ok; i++) {
      if (is_shared(work->sweep, shared, point->sets[i])) continue;
      ok = thaw_buffer_format(&text, "%s%s", text.size ? " " : "", point->sets[i]);
    }
    work->labels[r] = ok ? thaw_arena_strdup(arena, text.data) : NULL;
    ok = work->labels[r] != NULL;
  }
  thaw_buffer_free(&text);
  return ok ? THAW_OK : thaw_fail_memory(ctx, count);
}

static bool needs(const thaw_tree_run *run, size_t stage) {
  for (size_t i = 0; i < run->stage_count; i++) {
    if (run->stages[i] == stage) return true;
  }
  return false;
}

/* Does every run that needs the stage have the setting, and some other run not? */
static bool tells_stage(const thaw_sweep_work *work, size_t stage, const char *set) {
  bool others = false;
  for (size_t r = 0; r < work->tree->run_count; r++) {
    const bool has = has_set(point_of(work, r), set);
    if (needs(&work->tree->runs[r], stage) && !has) return false;
    if (!has) others = true;
  }
  return others;
}

thaw_status thaw_sweep_stage_label(const thaw_sweep_work *work, size_t stage, thaw_buffer *text) {
  const thaw_sweep_point *point = &work->sweep->points[work->tree->stages[stage].point];
  bool ok = thaw_buffer_text(text, "");
  for (size_t i = 0; i < point->set_count && ok; i++) {
    if (!tells_stage(work, stage, point->sets[i])) continue;
    ok = thaw_buffer_format(text, "%s%s", text->size ? " " : "", point->sets[i]);
  }
  return ok ? THAW_OK : thaw_fail_memory(work->call->ctx, text->size);
}
