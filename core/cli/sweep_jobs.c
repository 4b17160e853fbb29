/* sweep_jobs.c: see sweep_jobs.h. */
#include "cli/sweep_jobs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"

static const size_t none = SIZE_MAX;

bool thaw_job_is_run(const thaw_sweep_job *job) {
  return job->stage == none;
}

/* ---- Creation -------------------------------------------------------------------------------- */

/* A text in the arena; NULL: no memory. */
static const char *write_text(thaw_arena *arena, const char *format, ...) THAW_PRINTF(2, 3);
static const char *write_text(thaw_arena *arena, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  const int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *text = length < 0 ? NULL : thaw_arena_alloc(arena, (size_t)length + 1);
  if (text) vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}

/* FOLDER/logs/STEM.log, beside the run file. */
static const char *log_path(thaw_arena *arena, const char *output, const char *stem) {
  const char *slash = strrchr(output, '/');
  const int folder = slash ? (int)(slash - output) : 1;
  return write_text(arena, "%.*s/logs/%s.log", folder, slash ? output : ".", stem);
}

static bool name_stage(thaw_sweep_jobs *j, thaw_sweep_job *job) {
  const thaw_tree_stage *stage = &j->work->tree->stages[job->stage];
  const char *stem = write_text(j->arena, "%s-%.8s", stage->name, stage->key);
  thaw_buffer label = {0}, brief = {0};
  bool ok = stem && thaw_sweep_stage_label(j->work, job->stage, false, &label) == THAW_OK &&
            thaw_sweep_stage_label(j->work, job->stage, true, &brief) == THAW_OK;
  job->name = stage->name;
  job->label = ok ? thaw_arena_strdup(j->arena, label.data) : NULL;
  job->brief = ok ? thaw_arena_strdup(j->arena, brief.data) : NULL;
  job->log = ok ? log_path(j->arena, j->work->tree->runs[job->run].output, stem) : NULL;
  thaw_buffer_free(&label);
  thaw_buffer_free(&brief);
  return job->label && job->brief && job->log;
}

static bool name_run(thaw_sweep_jobs *j, thaw_sweep_job *job) {
  const thaw_tree_run *run = &j->work->tree->runs[job->run];
  char *stem = thaw_path_stem(run->output);
  job->name = write_text(j->arena, "run %zu of %zu", run->point + 1, j->work->sweep->count);
  job->label = j->work->labels[job->run];
  job->brief = j->work->briefs[job->run];
  job->log = stem ? log_path(j->arena, run->output, stem) : NULL;
  free(stem);
  return job->name && job->log;
}

/* The jobs of due language models, in the order of the tree; stage_jobs[s] is that of stage s. */
static bool add_stages(thaw_sweep_jobs *j, size_t *stage_jobs) {
  const thaw_sweep_tree *tree = j->work->tree;
  for (size_t s = 0; s < tree->stage_count; s++) stage_jobs[s] = none;
  /* The first run that needs a stage is found from the last one on. */
  size_t *first = thaw_arena_alloc(j->arena, (tree->stage_count + 1) * sizeof *first);
  if (!first) return false;
  for (size_t r = tree->run_count; r > 0; r--) {
    const thaw_tree_run *run = &tree->runs[r - 1];
    for (size_t i = 0; i < run->stage_count && !run->twin; i++) first[run->stages[i]] = r - 1;
  }
  for (size_t s = 0; s < tree->stage_count; s++) {
    const thaw_tree_stage *stage = &tree->stages[s];
    if (!stage->due || strcmp(stage->path, tree->runs[first[s]].output) == 0) continue;
    thaw_sweep_job *job = &j->jobs[j->count];
    *job = (thaw_sweep_job){.stage = s, .run = first[s], .unlocks = stage->unfinished};
    if (stage->before != none && stage_jobs[stage->before] != none)
      job->needs[job->need_count++] = stage_jobs[stage->before];
    stage_jobs[s] = j->count++;
    if (!name_stage(j, job)) return false;
  }
  return true;
}

static bool add_runs(thaw_sweep_jobs *j, const size_t *stage_jobs) {
  const thaw_sweep_tree *tree = j->work->tree;
  for (size_t r = 0; r < tree->run_count; r++) {
    const thaw_tree_run *run = &tree->runs[r];
    if (run->twin) continue;
    j->runs++;
    if (run->finished) {
      j->found++;
      continue;
    }
    thaw_sweep_job *job = &j->jobs[j->count++];
    *job = (thaw_sweep_job){.stage = none, .run = r, .unlocks = 1};
    for (size_t i = 0; i < run->stage_count; i++) {
      if (stage_jobs[run->stages[i]] != none)
        job->needs[job->need_count++] = stage_jobs[run->stages[i]];
    }
    if (!name_run(j, job)) return false;
  }
  return true;
}

thaw_status thaw_sweep_jobs_create(const thaw_sweep_work *work, thaw_arena *arena,
                                   thaw_sweep_jobs *jobs) {
  const thaw_sweep_tree *tree = work->tree;
  const size_t most = tree->stage_count + tree->run_count + 1;
  size_t *stage_jobs = thaw_arena_alloc(arena, most * sizeof *stage_jobs);
  *jobs = (thaw_sweep_jobs){.work = work, .arena = arena};
  jobs->jobs = thaw_arena_alloc(arena, most * sizeof *jobs->jobs);
  if (!stage_jobs || !jobs->jobs || !add_stages(jobs, stage_jobs) || !add_runs(jobs, stage_jobs))
    return thaw_fail_memory(work->call->ctx, most * sizeof *jobs->jobs);
  for (size_t i = 0; i < jobs->count; i++) {
    jobs->states[THAW_JOB_WAITS]++;
    if (thaw_job_is_run(&jobs->jobs[i])) jobs->run_states[THAW_JOB_WAITS]++;
  }
  return THAW_OK;
}

/* ---- States ---------------------------------------------------------------------------------- */

static bool is_ready(const thaw_sweep_jobs *jobs, const thaw_sweep_job *job) {
  if (job->state != THAW_JOB_WAITS) return false;
  for (size_t i = 0; i < job->need_count; i++) {
    if (jobs->jobs[job->needs[i]].state != THAW_JOB_DONE) return false;
  }
  return true;
}

thaw_sweep_job *thaw_sweep_jobs_next(thaw_sweep_jobs *jobs) {
  thaw_sweep_job *best = NULL;
  for (size_t i = 0; i < jobs->count; i++) {
    thaw_sweep_job *job = &jobs->jobs[i];
    if ((!best || job->unlocks > best->unlocks) && is_ready(jobs, job)) best = job;
  }
  return best;
}

void thaw_sweep_jobs_set(thaw_sweep_jobs *jobs, thaw_sweep_job *job, thaw_job_state state) {
  jobs->states[job->state]--;
  jobs->states[state]++;
  if (thaw_job_is_run(job)) {
    jobs->run_states[job->state]--;
    jobs->run_states[state]++;
  }
  job->state = state;
}

void thaw_sweep_jobs_fail(thaw_sweep_jobs *jobs, thaw_sweep_job *job, const char *message) {
  job->message = message;
  thaw_sweep_jobs_set(jobs, job, THAW_JOB_FAILED);
  for (thaw_sweep_job *j = job + 1; j < jobs->jobs + jobs->count; j++) {
    for (size_t i = 0; i < j->need_count && j->state == THAW_JOB_WAITS; i++) {
      const thaw_sweep_job *need = &jobs->jobs[j->needs[i]];
      if (need->state != THAW_JOB_FAILED && need->state != THAW_JOB_LEFT_OUT) continue;
      j->cause = need->state == THAW_JOB_FAILED ? j->needs[i] : need->cause;
      thaw_sweep_jobs_set(jobs, j, THAW_JOB_LEFT_OUT);
    }
  }
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* In room for all of them. */
typedef struct argument_list {
  const char **texts;
  size_t count;
} argument_list;

static void add(argument_list *list, const char *option, const char *value) {
  if (!value) return;
  if (option) list->texts[list->count++] = option;
  list->texts[list->count++] = value;
}

thaw_status thaw_sweep_job_arguments(const thaw_sweep_jobs *jobs, const thaw_sweep_job *job,
                                     const char *const **arguments) {
  enum { OTHERS = 20 };
  const thaw_sweep_work *work = jobs->work;
  const thaw_experiment_settings *common = &work->settings->common;
  const thaw_sweep_tree *tree = work->tree;
  const bool is_run = thaw_job_is_run(job);
  const size_t number = is_run ? tree->runs[job->run].point : tree->stages[job->stage].point;
  const thaw_sweep_point *point = &work->sweep->points[number];
  const size_t most = 2 * point->set_count + OTHERS;
  argument_list list = {.texts = thaw_arena_alloc(jobs->arena, most * sizeof *list.texts)};
  const char *checkpoint = write_text(jobs->arena, "%" PRId64, common->checkpoint);
  if (!list.texts || !checkpoint) return thaw_fail_memory(work->call->ctx, most);
  add(&list, NULL, work->call->program);
  add(&list, NULL, "run");
  add(&list, "--plugin-path", work->call->plugin_path);
  add(&list, "--cache", common->cache);
  add(&list, "--runs", common->folder);
  add(&list, "--checkpoint", checkpoint);
  for (size_t i = 0; i < point->set_count; i++) add(&list, "--set", point->sets[i]);
  if (!is_run) add(&list, "--until", job->name);
  add(&list, "--", work->path);
  list.texts[list.count] = NULL;
  *arguments = list.texts;
  return THAW_OK;
}
