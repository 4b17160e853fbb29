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

/* ---- Brief ones ------------------------------------------------------------------------------ */

/* The part of a dotted key that says most: the last one, and of head.plugin "head". */
static const char *brief_key(const char *set, size_t *length) {
  static const char plugin[] = ".plugin";
  size_t end = strcspn(set, "=");
  const size_t tail = sizeof plugin - 1;
  if (end > tail && strncmp(set + end - tail, plugin, tail) == 0) end -= tail;
  size_t begin = end;
  while (begin > 0 && set[begin - 1] != '.') begin--;
  *length = end - begin;
  return set + begin;
}

/* Do two settings of the point have this brief key? */
static bool is_ambiguous(const thaw_sweep_point *point, const char *key, size_t length) {
  size_t found = 0;
  for (size_t i = 0; i < point->set_count; i++) {
    size_t other;
    const char *text = brief_key(point->sets[i], &other);
    if (other == length && strncmp(text, key, length) == 0) found++;
  }
  return found > 1;
}

/* A plugin's mapping by its name: [{plugin: stlr}, {plugin: freeze, groups: [0]}] is [stlr, freeze
 * {groups: [0]}]. */
static bool add_brief_value(thaw_buffer *text, const char *value) {
  static const char plugin[] = "{plugin: ";
  bool ok = true;
  while (*value && ok) {
    if (strncmp(value, plugin, sizeof plugin - 1) != 0) {
      ok = thaw_buffer_append(text, value++, 1);
      continue;
    }
    value += sizeof plugin - 1;
    const size_t length = strcspn(value, ",}");
    ok = thaw_buffer_append(text, value, length);
    value += length;
    if (*value == '}') {
      value++;
    } else if (*value == ',') {
      ok = ok && thaw_buffer_text(text, " {");
      value += value[1] == ' ' ? 2 : 1;
    }
  }
  return ok && thaw_buffer_text(text, "");
}

static bool add_brief(thaw_buffer *text, const thaw_sweep_point *point, const char *set) {
  size_t length;
  const char *key = brief_key(set, &length), *equals = strchr(set, '=');
  if (is_ambiguous(point, key, length)) {
    key = set;
    length = (size_t)(equals - set);
  }
  return thaw_buffer_format(text, "%.*s=", (int)length, key) && add_brief_value(text, equals + 1);
}

/* ---- Labels ---------------------------------------------------------------------------------- */

static bool add_set(thaw_buffer *text, const thaw_sweep_point *point, const char *set, bool brief) {
  if (text->size && !thaw_buffer_text(text, " ")) return false;
  return brief ? add_brief(text, point, set) : thaw_buffer_text(text, set);
}

/* A run's settings but the shared ones, in the arena; NULL: no memory. */
static const char *label_run(const thaw_sweep_work *work, size_t run, const bool *shared,
                             bool brief, thaw_arena *arena) {
  const thaw_sweep_point *point = point_of(work, run);
  thaw_buffer text = {0};
  bool ok = thaw_buffer_text(&text, "");
  for (size_t i = 0; i < point->set_count && ok; i++) {
    if (!is_shared(work->sweep, shared, point->sets[i]))
      ok = add_set(&text, point, point->sets[i], brief);
  }
  const char *label = ok ? thaw_arena_strdup(arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return label;
}

thaw_status thaw_sweep_label_runs(thaw_sweep_work *work, thaw_arena *arena) {
  thaw_context *ctx = work->call->ctx;
  const size_t count = work->tree->run_count;
  bool *shared = thaw_arena_zalloc(arena, work->sweep->points[0].set_count + 1);
  work->labels = thaw_arena_alloc(arena, (count + 1) * sizeof *work->labels);
  work->briefs = thaw_arena_alloc(arena, (count + 1) * sizeof *work->briefs);
  if (!shared || !work->labels || !work->briefs)
    return thaw_fail_memory(ctx, count * sizeof *work->labels);
  find_shared(work->sweep, shared);
  for (size_t r = 0; r < count; r++) {
    work->labels[r] = label_run(work, r, shared, false, arena);
    work->briefs[r] = label_run(work, r, shared, true, arena);
    if (!work->labels[r] || !work->briefs[r]) return thaw_fail_memory(ctx, count);
  }
  return THAW_OK;
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

thaw_status thaw_sweep_stage_label(const thaw_sweep_work *work, size_t stage, bool brief,
                                   thaw_buffer *text) {
  const thaw_sweep_point *point = &work->sweep->points[work->tree->stages[stage].point];
  bool ok = thaw_buffer_text(text, "");
  for (size_t i = 0; i < point->set_count && ok; i++) {
    if (tells_stage(work, stage, point->sets[i])) ok = add_set(text, point, point->sets[i], brief);
  }
  return ok ? THAW_OK : thaw_fail_memory(work->call->ctx, text->size);
}
