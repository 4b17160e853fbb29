/* sweep_slurm_tasks.c: what of a sweep's jobs is to be submitted. See sweep_slurm.h.
 *
 * A job that an earlier submission has queued still is no task, but something to wait for; and what
 * only such jobs need is not submitted either. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/sweep_jobs.h"
#include "cli/sweep_slurm.h"
#include "config/files.h"
#include "config/schema.h"

/* All lists by job. */
typedef struct building {
  thaw_submission *s;
  const thaw_sweep_tree *tree;
  thaw_arena *arena;
  thaw_context *ctx;
  thaw_sweep_jobs jobs;
  const char *program;
  const char **files;  /* that they make */
  const char **queued; /* by which job of an earlier submission: "12_3"; NULL: by none */
  bool *wanted;        /* a run that is not queued needs it */
  size_t *tasks;       /* THAW_NO_TASK: it is none */
} building;

/* ---- What a task asks for -------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_request(const thaw_slurm_job *a, const thaw_slurm_job *b) {
  bool same = same_text(a->partition, b->partition) && same_text(a->account, b->account) &&
              same_text(a->qos, b->qos) && same_text(a->time, b->time) &&
              same_text(a->memory, b->memory) && a->cores == b->cores && a->at_once == b->at_once &&
              a->restarts == b->restarts && a->options.count == b->options.count;
  for (size_t i = 0; same && i < a->options.count; i++)
    same = strcmp(a->options.values[i], b->options.values[i]) == 0;
  return same;
}

/* The experiment that the texts belong to dies before the submission does. */
static bool copy_texts(thaw_arena *arena, thaw_slurm_job *job) {
  const char **texts[] = {&job->partition, &job->account, &job->qos, &job->time, &job->memory};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (*texts[i] && !(*texts[i] = thaw_arena_strdup(arena, *texts[i]))) return false;
  }
  const char **options = thaw_arena_alloc(arena, (job->options.count + 1) * sizeof *options);
  if (!options) return false;
  for (size_t i = 0; i < job->options.count; i++) {
    if (!(options[i] = thaw_arena_strdup(arena, job->options.values[i]))) return false;
  }
  job->options.values = options;
  return true;
}

/* The number of the request in the list, to which it is added when it is new. */
static thaw_status find_request(building *b, thaw_slurm_job request, size_t *number) {
  thaw_submission *s = b->s;
  for (*number = 0; *number < s->request_count; ++*number) {
    if (same_request(&s->requests[*number], &request)) return THAW_OK;
  }
  if (!copy_texts(b->arena, &request)) return thaw_fail_memory(b->ctx, sizeof request);
  s->requests[s->request_count++] = request;
  return THAW_OK;
}

/* Sections slurm may differ between the points of a sweep; the name is that of the first one. */
static thaw_status read_point(building *b, size_t number, const char *stage, size_t *request) {
  const thaw_sweep_point *point = &b->s->work->sweep->points[number];
  thaw_experiment *experiment = NULL;
  thaw_status status = thaw_experiment_load(b->ctx, b->s->work->path, point->set_count, point->sets,
                                            b->s->call->registry, &experiment);
  if (status) return status;
  thaw_slurm_job asked = experiment->slurm[thaw_choice_index(thaw_stage_names, stage)];
  if (asked.cores == 0) asked.cores = experiment->threads > 0 ? experiment->threads : 1;
  status = find_request(b, asked, request);
  if (status == THAW_OK && !b->s->name &&
      !(b->s->name = thaw_arena_strdup(b->arena, experiment->name)))
    status = thaw_fail_memory(b->ctx, strlen(experiment->name));
  thaw_experiment_free(experiment);
  return status;
}

/* ---- Jobs and tasks -------------------------------------------------------------------------- */

static const char *path_of(const building *b, const thaw_sweep_job *job) {
  return thaw_job_is_run(job) ? b->tree->runs[job->run].output : b->tree->stages[job->stage].path;
}

static const char *stage_of(const building *b, const thaw_sweep_job *job) {
  const size_t stage = thaw_job_is_run(job) ? b->tree->runs[job->run].last : job->stage;
  return stage == SIZE_MAX ? thaw_stage_names[THAW_STAGE_CLASSIFY] : b->tree->stages[stage].name;
}

/* The file by its absolute name. Its folder is made before: a folder that is there has the same
 * name the next time, whatever links lead to it. */
static thaw_status name_file(building *b, size_t i) {
  const char *path = path_of(b, &b->jobs.jobs[i]), *slash = strrchr(path, '/');
  char *folder = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;
  thaw_status status = THAW_OK;
  if (folder && !b->s->work->settings->dry_run) status = thaw_make_folders(b->ctx, folder);
  free(folder);
  if (status == THAW_OK && !(b->files[i] = thaw_path_absolute(b->arena, NULL, path)))
    status = thaw_fail_memory(b->ctx, strlen(path));
  return status;
}

/* A language model that is the last stage of just one run is trained by the run itself. */
static bool trains_itself(const building *b, const thaw_sweep_job *job, size_t need) {
  const size_t stage = b->jobs.jobs[need].stage;
  return thaw_job_is_run(job) && b->tree->runs[job->run].last == stage &&
         b->tree->stages[stage].unfinished == 1;
}

/* From the last job back: what a job needs stands before it. */
static thaw_status look_at_jobs(building *b, const thaw_queue *queue) {
  for (size_t j = b->jobs.count; j > 0; j--) {
    const size_t i = j - 1;
    const thaw_sweep_job *job = &b->jobs.jobs[i];
    thaw_status status = name_file(b, i);
    if (status) return status;
    b->queued[i] = thaw_queue_find(queue, b->files[i]);
    if (thaw_job_is_run(job)) {
      b->wanted[i] = !b->queued[i];
      if (b->queued[i]) b->s->queued++;
    }
    for (size_t k = 0; b->wanted[i] && !b->queued[i] && k < job->need_count; k++) {
      if (!trains_itself(b, job, job->needs[k])) b->wanted[job->needs[k]] = true;
    }
  }
  return THAW_OK;
}

/* This very program: a job may find another one in its PATH. */
static const char *find_program(const building *b) {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || (size_t)length == sizeof path) return b->s->call->program;
  return thaw_arena_strndup(b->arena, path, (size_t)length);
}

static thaw_status write_command(building *b, const thaw_sweep_job *job, const char **command) {
  const char *const *words = NULL;
  thaw_status status = thaw_sweep_job_arguments(&b->jobs, job, &words);
  if (status) return status;
  thaw_buffer text = {0};
  bool ok = thaw_slurm_quote(&text, b->program);
  for (size_t i = 1; words[i] && ok; i++)
    ok = thaw_buffer_text(&text, " ") && thaw_slurm_quote(&text, words[i]);
  *command = ok ? thaw_arena_strdup(b->arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return *command ? THAW_OK : thaw_fail_memory(b->ctx, strlen(b->program));
}

/* It waits for the last of those that it needs: each needs the one before it. */
static void find_before(const building *b, const thaw_sweep_job *job, thaw_slurm_task *task) {
  for (size_t k = job->need_count; k > 0; k--) {
    task->before = b->tasks[job->needs[k - 1]];
    task->queued_before = b->queued[job->needs[k - 1]];
    if (task->before != THAW_NO_TASK || task->queued_before) return;
  }
}

static thaw_status add_task(building *b, size_t i) {
  const thaw_sweep_job *job = &b->jobs.jobs[i];
  thaw_slurm_task *task = &b->s->tasks[b->s->task_count];
  const size_t point =
      thaw_job_is_run(job) ? b->tree->runs[job->run].point : b->tree->stages[job->stage].point;
  if (strpbrk(b->files[i], "\t\n"))
    return thaw_fail(b->ctx, THAW_INVALID,
                     "--launcher slurm takes no path with a tab or an end of a line: '%s'",
                     b->files[i]);
  *task = (thaw_slurm_task){.stage = stage_of(b, job),
                            .file = b->files[i],
                            .before = THAW_NO_TASK,
                            .array = THAW_NO_TASK};
  find_before(b, job, task);
  b->tasks[i] = b->s->task_count++;
  thaw_status status = write_command(b, job, &task->command);
  return status ? status : read_point(b, point, task->stage, &task->request);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool make_room(building *b) {
  const size_t most = b->jobs.count + 1;
  b->s->tasks = thaw_arena_alloc(b->arena, most * sizeof *b->s->tasks);
  b->s->requests = thaw_arena_alloc(b->arena, most * sizeof *b->s->requests);
  b->files = thaw_arena_alloc(b->arena, most * sizeof *b->files);
  b->queued = thaw_arena_alloc(b->arena, most * sizeof *b->queued);
  b->wanted = thaw_arena_zalloc(b->arena, most * sizeof *b->wanted);
  b->tasks = thaw_arena_alloc(b->arena, most * sizeof *b->tasks);
  b->program = find_program(b);
  if (!b->s->tasks || !b->s->requests || !b->files || !b->queued || !b->wanted || !b->tasks)
    return false;
  for (size_t i = 0; i < most; i++) b->tasks[i] = THAW_NO_TASK;
  return b->program != NULL;
}

thaw_status thaw_slurm_tasks(thaw_submission *s, const thaw_queue *queue) {
  building b = {.s = s, .tree = s->work->tree, .arena = s->call->arena, .ctx = s->call->ctx};
  thaw_status status = thaw_sweep_jobs_create(s->work, b.arena, &b.jobs);
  if (status == THAW_OK && !make_room(&b)) status = thaw_fail_memory(b.ctx, b.jobs.count);
  if (status == THAW_OK) status = look_at_jobs(&b, queue);
  for (size_t i = 0; i < b.jobs.count && status == THAW_OK; i++) {
    if (b.wanted[i] && !b.queued[i]) status = add_task(&b, i);
  }
  s->runs = b.jobs.runs;
  s->finished = b.jobs.found;
  return status;
}
