/* sweep_tree.c: see sweep_tree.h. Every point is loaded, its stages are named by their keys, and
 * what has been seen before is found by a table of names. */
#include "experiment/sweep_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/hash_memo.h"
#include "experiment/average.h"
#include "experiment/stages.h"

static const size_t none = SIZE_MAX;

/* Texts that have been seen, by number: open addressing. */
typedef struct names {
  const char **texts;
  size_t count;
  size_t *slots; /* number + 1; 0: free */
  size_t mask;   /* slots − 1, a power of two of them */
} names;

typedef struct planning {
  thaw_context *ctx;
  const char *path;
  const thaw_sweep *sweep;
  thaw_registry *registry;
  thaw_run_options options;
  thaw_sweep_tree *tree;
  names stages, runs;
  size_t *run_points; /* of the runs by their numbers in `runs` */
} planning;

/* ---- Names ----------------------------------------------------------------------------------- */

static bool create_names(names *n, thaw_arena *arena, size_t most) {
  size_t slots = 16;
  while (slots < 2 * most) slots *= 2;
  n->texts = thaw_arena_alloc(arena, most * sizeof *n->texts);
  n->slots = thaw_arena_zalloc(arena, slots * sizeof *n->slots);
  n->mask = slots - 1;
  return n->texts && n->slots;
}

/* The number of the text "KEY PATH"; `*added`: it is new. */
static thaw_status number_of(planning *p, names *n, const char *key, const char *path,
                             size_t *number, bool *added) {
  thaw_buffer text = {0};
  if (!thaw_buffer_format(&text, "%s %s", key, path)) return thaw_fail_memory(p->ctx, strlen(path));
  size_t slot = (size_t)thaw_hash64(text.data, text.size) & n->mask;
  while (n->slots[slot] && strcmp(n->texts[n->slots[slot] - 1], text.data) != 0)
    slot = (slot + 1) & n->mask;
  *added = n->slots[slot] == 0;
  thaw_status status = THAW_OK;
  if (*added) {
    const char *copy = thaw_arena_strdup(p->tree->arena, text.data);
    if (copy) {
      n->texts[n->count++] = copy;
      n->slots[slot] = n->count;
    } else {
      status = thaw_fail_memory(p->ctx, text.size);
    }
  }
  *number = n->slots[slot] - 1;
  thaw_buffer_free(&text);
  return status;
}

/* ---- A point --------------------------------------------------------------------------------- */

/* What cannot be read is not finished. */
static thaw_status look(planning *p, const char *path, const char *key,
                        thaw_stage_progress *progress) {
  const thaw_status status = thaw_stage_file_look(p->ctx, path, key, progress);
  if (status != THAW_INVALID) return status;
  thaw_log(p->ctx, THAW_LOG_WARNING, "%s", thaw_error(p->ctx));
  thaw_error_clear(p->ctx);
  *progress = THAW_STAGE_NEW;
  return THAW_OK;
}

/* The run of this point; a twin where its file is that of an earlier one. */
static thaw_status add_run(planning *p, size_t point, const char *key, const char *output,
                           thaw_tree_run **run) {
  size_t number;
  bool added;
  thaw_status status = number_of(p, &p->runs, key, output, &number, &added);
  if (status) return status;
  thaw_tree_run *made = &p->tree->runs[p->tree->run_count++];
  *made = (thaw_tree_run){.point = point, .last = none, .twin_point = none};
  made->output = thaw_arena_strdup(p->tree->arena, output);
  if (!made->output) return thaw_fail_memory(p->ctx, strlen(output));
  if (added)
    p->run_points[number] = point;
  else
    made->twin_point = p->run_points[number];
  made->twin = !added;
  *run = made;
  return THAW_OK;
}

static thaw_status add_stage(planning *p, size_t point, const thaw_stage_work *work, size_t before,
                             size_t *index) {
  bool added;
  thaw_status status = number_of(p, &p->stages, work->key, work->path, index, &added);
  if (status || !added) return status;
  thaw_tree_stage *stage = &p->tree->stages[p->tree->stage_count++];
  *stage = (thaw_tree_stage){.before = before, .point = point};
  memcpy(stage->key, work->key, sizeof stage->key);
  stage->name = thaw_arena_strdup(p->tree->arena, work->stage->name);
  stage->path = thaw_arena_strdup(p->tree->arena, work->path);
  if (!stage->name || !stage->path) return thaw_fail_memory(p->ctx, strlen(work->path));
  return look(p, stage->path, stage->key, &stage->progress);
}

/* Which stages the run needs were nothing finished: the last one, those whose weights it keeps, and
 * what these take over. */
static void find_members(const thaw_stages *stages, bool member[THAW_STAGE_KINDS]) {
  for (size_t i = stages->count; i > 0; i--) {
    const thaw_stage_work *work = &stages->works[i - 1];
    if (work == stages->last || work->stage->keep_weights) member[i - 1] = true;
    if (member[i - 1] && work->before) member[work->before - stages->works] = true;
  }
}

static thaw_status add_members(planning *p, size_t point, const thaw_stages *stages,
                               thaw_tree_run *run) {
  bool member[THAW_STAGE_KINDS] = {false};
  size_t indices[THAW_STAGE_KINDS];
  find_members(stages, member);
  for (size_t i = 0; i < stages->count; i++) {
    const thaw_stage_work *work = &stages->works[i];
    if (!member[i]) continue;
    const size_t before = work->before ? indices[work->before - stages->works] : none;
    thaw_status status = add_stage(p, point, work, before, &indices[i]);
    if (status) return status;
    if (work != stages->last && work->stage->keep_weights) run->kept |= 1u << run->stage_count;
    run->stages[run->stage_count++] = indices[i];
    run->last = indices[i];
  }
  return THAW_OK;
}

static thaw_status add_stages(planning *p, size_t point, const thaw_experiment *experiment) {
  thaw_stages stages;
  thaw_tree_run *run = NULL;
  thaw_status status = thaw_stages_find(p->ctx, experiment, &p->options, &stages);
  if (status) return status;
  status = add_run(p, point, stages.last->key, stages.output, &run);
  if (status == THAW_OK) status = add_members(p, point, &stages, run);
  if (status == THAW_OK) {
    const thaw_tree_stage *last = &p->tree->stages[run->last];
    thaw_stage_progress progress = last->progress;
    /* A language model's run file is a copy of what lies in the cache. */
    if (strcmp(last->path, run->output) != 0) status = look(p, run->output, last->key, &progress);
    run->finished = progress == THAW_STAGE_FINISHED;
  }
  thaw_stages_free(&stages);
  return status;
}

static thaw_status add_average(planning *p, size_t point, const thaw_experiment *experiment) {
  thaw_run_outcome outcome = {0};
  thaw_tree_run *run = NULL;
  thaw_status status = thaw_average_look(p->ctx, experiment, &p->options, &outcome);
  if (status == THAW_OK) status = add_run(p, point, "average", outcome.path, &run);
  if (status == THAW_OK) run->finished = outcome.found;
  thaw_run_outcome_free(&outcome);
  return status;
}

/* Says which point is at fault, where there are several. */
static thaw_status explain_point(planning *p, size_t number, thaw_status status) {
  const thaw_sweep_point *point = &p->sweep->points[number];
  thaw_buffer text = {0};
  for (size_t i = 0; i < point->set_count; i++)
    thaw_buffer_format(&text, "%s%s", i ? " " : "", point->sets[i]);
  if (p->sweep->count > 1)
    thaw_explain(p->ctx, status, "run %zu of %zu (%s)", number + 1, p->sweep->count,
                 text.data ? text.data : "");
  thaw_buffer_free(&text);
  return status;
}

static thaw_status plan_point(planning *p, size_t number) {
  const thaw_sweep_point *point = &p->sweep->points[number];
  thaw_experiment *experiment = NULL;
  if (thaw_interrupted(p->ctx))
    return thaw_fail(p->ctx, THAW_INTERRUPTED, "nothing was begun: the sweep was being planned");
  thaw_status status = thaw_experiment_load(p->ctx, p->path, point->set_count, point->sets,
                                            p->registry, &experiment);
  if (status == THAW_OK)
    status = experiment->average.count > 0 ? add_average(p, number, experiment)
                                           : add_stages(p, number, experiment);
  thaw_experiment_free(experiment);
  return status ? explain_point(p, number, status) : THAW_OK;
}

/* ---- What is due ----------------------------------------------------------------------------- */

/* From the last stage back: what an unfinished stage takes over is needed. */
static void mark_due(thaw_sweep_tree *tree, const thaw_tree_run *run) {
  bool needed[THAW_STAGE_KINDS] = {false};
  for (size_t i = run->stage_count; i > 0; i--) {
    thaw_tree_stage *stage = &tree->stages[run->stages[i - 1]];
    if (i == run->stage_count || run->kept & 1u << (i - 1)) needed[i - 1] = true;
    if (!needed[i - 1] || stage->progress == THAW_STAGE_FINISHED) continue;
    stage->due = true;
    for (size_t k = 0; k + 1 < i; k++) {
      if (run->stages[k] == stage->before) needed[k] = true;
    }
  }
}

static void count_runs(thaw_sweep_tree *tree) {
  for (size_t s = 0; s < tree->stage_count; s++) {
    tree->stages[s].runs = tree->stages[s].unfinished = 0;
    tree->stages[s].due = false;
  }
  for (size_t r = 0; r < tree->run_count; r++) {
    const thaw_tree_run *run = &tree->runs[r];
    if (run->twin) continue;
    for (size_t i = 0; i < run->stage_count; i++) {
      tree->stages[run->stages[i]].runs++;
      if (!run->finished) tree->stages[run->stages[i]].unfinished++;
    }
    if (!run->finished) mark_due(tree, run);
  }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool create(planning *p, size_t count) {
  thaw_arena *arena = thaw_arena_create();
  thaw_sweep_tree *tree = arena ? thaw_arena_zalloc(arena, sizeof *tree) : NULL;
  if (!tree) {
    thaw_arena_free(arena);
    return false;
  }
  const size_t most = count * THAW_STAGE_KINDS;
  p->tree = tree;
  tree->arena = arena;
  tree->stages = thaw_arena_alloc(arena, most * sizeof *tree->stages);
  tree->runs = thaw_arena_alloc(arena, count * sizeof *tree->runs);
  p->run_points = thaw_arena_alloc(arena, count * sizeof *p->run_points);
  return tree->stages && tree->runs && p->run_points && create_names(&p->stages, arena, most) &&
         create_names(&p->runs, arena, count);
}

thaw_status thaw_sweep_tree_plan(thaw_context *ctx, const char *path, const thaw_sweep *sweep,
                                 thaw_registry *registry, const thaw_run_options *options,
                                 thaw_sweep_tree **tree) {
  planning p = {
      .ctx = ctx, .path = path, .sweep = sweep, .registry = registry, .options = *options};
  struct thaw_hash_memo *before = thaw_context_memo(ctx);
  thaw_hash_memo *memo = thaw_hash_memo_create();
  *tree = NULL;
  p.options.output = p.options.until = NULL;
  thaw_status status =
      memo && create(&p, sweep->count) ? THAW_OK : thaw_fail_memory(ctx, sweep->count);
  thaw_context_remember(ctx, memo);
  for (size_t i = 0; i < sweep->count && status == THAW_OK; i++) status = plan_point(&p, i);
  thaw_context_remember(ctx, before);
  thaw_hash_memo_free(memo);
  if (status) {
    thaw_sweep_tree_free(p.tree);
    return status;
  }
  count_runs(p.tree);
  *tree = p.tree;
  return THAW_OK;
}

void thaw_sweep_tree_free(thaw_sweep_tree *tree) {
  if (tree) thaw_arena_free(tree->arena);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* Runs with the same stages stand together, the first stage counting first. */
static int by_stages(const void *a, const void *b) {
  const thaw_tree_run *x = *(const thaw_tree_run *const *)a, *y = *(const thaw_tree_run *const *)b;
  for (size_t i = 0; i < x->stage_count && i < y->stage_count; i++) {
    if (x->stages[i] != y->stages[i]) return x->stages[i] < y->stages[i] ? -1 : 1;
  }
  return x->point < y->point ? -1 : x->point > y->point;
}

thaw_status thaw_sweep_tree_shard(thaw_context *ctx, thaw_sweep_tree *tree, size_t part,
                                  size_t parts) {
  const thaw_tree_run **order = calloc(tree->run_count + 1, sizeof *order);
  bool *chosen = calloc(tree->run_count + 1, sizeof *chosen);
  size_t count = 0, left = 0;
  const bool ok = order && chosen;
  for (size_t r = 0; ok && r < tree->run_count; r++) {
    if (!tree->runs[r].twin) order[count++] = &tree->runs[r];
  }
  if (ok) qsort(order, count, sizeof *order, by_stages);
  /* Part i has the places from count·(i − 1)/parts to count·i/parts of this order. */
  for (size_t k = count * (part - 1) / parts; ok && k < count * part / parts; k++)
    chosen[order[k] - tree->runs] = true;
  for (size_t r = 0; ok && r < tree->run_count; r++) {
    /* Before anything is left out, run number i is that of point i. */
    const thaw_tree_run run = tree->runs[r];
    if (chosen[run.twin ? run.twin_point : r]) tree->runs[left++] = run;
  }
  free(order);
  free(chosen);
  if (!ok) return thaw_fail_memory(ctx, tree->run_count * sizeof *order);
  tree->run_count = left;
  count_runs(tree);
  return THAW_OK;
}
