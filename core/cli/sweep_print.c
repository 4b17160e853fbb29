/* sweep_print.c: `thaw sweep --dry-run`: the tree of stages, each under the one that it takes over
 * from, and what is left to do. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "cli/output.h"
#include "cli/sweep.h"

static const size_t none = SIZE_MAX;

/* The tree from its roots: what stands under a stage begins with `child` and goes on with `next`.
 */
typedef struct printing {
  const thaw_sweep_work *work;
  thaw_table *table;
  bool programs; /* read it: csv and json */
  size_t first;  /* stage without one before; none: there is none */
  size_t *child, *next;
  size_t *first_run, *next_run; /* by the runs' last stages; [stage_count] is for runs without */
} printing;

/* From the last to the first, so that every list is in rising order. */
static thaw_status link_tree(printing *p, thaw_arena *arena) {
  const thaw_sweep_tree *tree = p->work->tree;
  const size_t stages = tree->stage_count + 1, bytes = stages * sizeof *p->child;
  p->child = thaw_arena_alloc(arena, bytes);
  p->next = thaw_arena_alloc(arena, bytes);
  p->first_run = thaw_arena_alloc(arena, bytes);
  p->next_run = thaw_arena_alloc(arena, (tree->run_count + 1) * sizeof *p->next_run);
  if (!p->child || !p->next || !p->first_run || !p->next_run)
    return thaw_fail_memory(p->work->call->ctx, bytes);
  p->first = none;
  for (size_t s = 0; s < stages; s++) p->child[s] = p->first_run[s] = none;
  for (size_t s = tree->stage_count; s > 0; s--) {
    const size_t before = tree->stages[s - 1].before;
    size_t *list = before == none ? &p->first : &p->child[before];
    p->next[s - 1] = *list;
    *list = s - 1;
  }
  for (size_t r = tree->run_count; r > 0; r--) {
    const thaw_tree_run *run = &tree->runs[r - 1];
    if (run->twin) continue;
    size_t *list = &p->first_run[run->last == none ? tree->stage_count : run->last];
    p->next_run[r - 1] = *list;
    *list = r - 1;
  }
  return THAW_OK;
}

static void add_row(printing *p, int depth, const char *name, const char *settings,
                    const char *state, size_t runs, const thaw_tree_stage *stage) {
  char indented[64];
  snprintf(indented, sizeof indented, "%*s%s", p->programs ? 0 : 2 * depth, "", name);
  thaw_table_text(p->table, indented);
  thaw_table_text(p->table, state);
  thaw_table_number(p->table, (double)runs, 0);
  thaw_table_text(p->table, settings);
  if (!p->programs) return;
  if (stage)
    thaw_table_text(p->table, stage->key);
  else
    thaw_table_nothing(p->table);
  if (stage && stage->before != none)
    thaw_table_text(p->table, p->work->tree->stages[stage->before].key);
  else
    thaw_table_nothing(p->table);
}

static const char *state_of(const thaw_tree_stage *stage, bool cached) {
  if (stage->progress == THAW_STAGE_FINISHED) return cached ? "cached" : "finished";
  if (!stage->due) return "not needed";
  return stage->progress == THAW_STAGE_BEGUN ? "begun" : "to train";
}

static bool is_run(const printing *p, size_t stage) {
  const size_t run = p->first_run[stage];
  return run != none &&
         strcmp(p->work->tree->stages[stage].path, p->work->tree->runs[run].output) == 0;
}

/* Runs whose files are copies of a language model, or averages. */
static void add_runs(printing *p, int depth, const char *name, size_t stage) {
  for (size_t r = p->first_run[stage]; r != none; r = p->next_run[r])
    add_row(p, depth, name, p->work->labels[r],
            p->work->tree->runs[r].finished ? "finished" : "to write", 1, NULL);
}

static thaw_status add_stage(printing *p, int depth, size_t index) {
  const thaw_tree_stage *stage = &p->work->tree->stages[index];
  if (stage->runs == 0) return THAW_OK;
  if (is_run(p, index)) {
    add_row(p, depth, stage->name, p->work->labels[p->first_run[index]], state_of(stage, false),
            stage->runs, stage);
    return THAW_OK;
  }
  thaw_buffer label = {0};
  thaw_status status = thaw_sweep_stage_label(p->work, index, false, &label);
  if (status == THAW_OK)
    add_row(p, depth, stage->name, label.data, state_of(stage, true), stage->runs, stage);
  thaw_buffer_free(&label);
  add_runs(p, depth + 1, "run file", index);
  for (size_t s = p->child[index]; s != none && status == THAW_OK; s = p->next[s])
    status = add_stage(p, depth + 1, s);
  return status;
}

/* "3 of 12 stages are to train, and 2 run files to write; …" */
static void print_total(const printing *p) {
  const thaw_sweep_tree *tree = p->work->tree;
  size_t stages = 0, due = 0, unshared = 0, runs = 0, finished = 0, twins = 0;
  for (size_t s = 0; s < tree->stage_count; s++) {
    if (tree->stages[s].runs == 0) continue;
    stages++;
    if (tree->stages[s].due) due++;
  }
  for (size_t r = 0; r < tree->run_count; r++) {
    const thaw_tree_run *run = &tree->runs[r];
    if (run->twin) {
      twins++;
      continue;
    }
    runs++;
    unshared += run->stage_count;
    if (run->finished) finished++;
  }
  fprintf(p->work->call->out,
          "\n%zu runs, %zu of them finished; %zu of %zu stages to train (without sharing: %zu)\n",
          runs, finished, due, stages, unshared);
  if (twins)
    fprintf(p->work->call->out, "points that are the same runs as earlier ones: %zu\n", twins);
}

thaw_status thaw_sweep_print_tree(const thaw_sweep_work *work) {
  const int format = work->settings->common.format;
  printing p = {.work = work, .programs = format == THAW_TABLE_CSV || format == THAW_TABLE_JSON};
  p.table = thaw_table_create();
  if (!p.table) return thaw_fail_memory(work->call->ctx, 0);
  static const char *const headings[] = {"stage",    "state", "runs",
                                         "settings", "key",   "takes over from"};
  for (size_t i = 0; i < (p.programs ? 6 : 4); i++) thaw_table_column(p.table, headings[i]);
  thaw_status status = link_tree(&p, work->call->arena);
  for (size_t s = p.first; s != none && status == THAW_OK; s = p.next[s])
    status = add_stage(&p, 0, s);
  if (status == THAW_OK) {
    add_runs(&p, 0, "average", work->tree->stage_count);
    status = thaw_print_table(work->call, p.table, format);
  }
  if (status == THAW_OK && format == THAW_TABLE_TEXT) print_total(&p);
  thaw_table_free(p.table);
  return status;
}
