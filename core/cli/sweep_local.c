/* sweep_local.c: a sweep on this machine: up to --jobs processes of this very program at once.
 *
 * A job's messages go to its log, what it prints to a temporary file, and how far it is to another
 * (THAW_PROGRESS_FILE), so that nothing that it says mixes with what others say. The processors are
 * divided among the jobs by OMP_NUM_THREADS, which an experiment's own `threads` overrules. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/file.h"
#include "base/progress.h"
#include "cli/sweep_show.h"
#include "tensor/blas.h"

enum { TAIL = 8192, INTERRUPTED = 130 };
static const struct timespec NAP = {.tv_nsec = 50000000};

/* A place for a process. */
typedef struct slot {
  thaw_sweep_job *job; /* NULL: free */
  thaw_process process;
  FILE *out, *progress;
  off_t log_from; /* where the job's part of its log begins */
  char now[THAW_PROGRESS_RECORD];
} slot;

typedef struct local {
  const thaw_sweep_work *work;
  thaw_context *ctx;
  thaw_arena *arena;
  thaw_sweep_jobs jobs;
  thaw_sweep_show show;
  slot *slots;
  size_t slot_count;
  char threads[48]; /* "OMP_NUM_THREADS=2" */
} local;

/* ---- What a job left ------------------------------------------------------------------------- */

/* Appends a file's bytes from `from` on, the last TAIL of them. */
static void read_tail(int file, off_t from, thaw_buffer *text) {
  char bytes[TAIL];
  const off_t end = lseek(file, 0, SEEK_END);
  if (end - from > TAIL) from = end - TAIL;
  const ssize_t count = pread(file, bytes, sizeof bytes, from);
  thaw_buffer_text(text, "");
  if (count > 0) thaw_buffer_append(text, bytes, (size_t)count);
  thaw_buffer_text(text, "");
}

static void read_log(const slot *s, thaw_buffer *text) {
  const int log = open(s->job->log, O_RDONLY | O_CLOEXEC);
  if (log < 0) return;
  read_tail(log, s->log_from, text);
  close(log);
}

static void trim(char *text) {
  size_t length = strlen(text);
  while (length > 0 && strchr(" \n", text[length - 1])) text[--length] = '\0';
}

/* The last place where `text` stands in the log; NULL: nowhere. */
static char *find_last(char *log, const char *text) {
  char *found = NULL;
  for (char *next = log; (next = strstr(next, text)); next++) found = next;
  return found;
}

/* How far the job is: its progress, or before there is some the last line of its log. */
static void look(slot *s) {
  const ssize_t count = pread(fileno(s->progress), s->now, sizeof s->now, 0);
  s->now[count > 0 ? (size_t)count - 1 : 0] = '\0';
  trim(s->now);
  s->job->now = s->now;
  if (*s->now) return;
  thaw_buffer log = {0};
  read_log(s, &log);
  if (log.data) {
    trim(log.data);
    const char *line = find_last(log.data, "\nthaw: ");
    snprintf(s->now, sizeof s->now, "%s", line ? line + strlen("\nthaw: ") : "");
  }
  thaw_buffer_free(&log);
}

/* Why it failed: what it said last, or how it ended; in the arena. */
static const char *explain(const local *l, const slot *s) {
  const int status = s->process.status;
  thaw_buffer log = {0}, text = {0};
  read_log(s, &log);
  char *said = log.data ? find_last(log.data, "thaw: error: ") : NULL;
  if (said) said += strlen("thaw: error: ");
  if (said) trim(said);
  if (status < 0)
    thaw_buffer_format(&text, "killed by signal %d (%s)%s", -status, strsignal(-status),
                       status == -SIGKILL ? ": by somebody, or for want of memory" : "");
  else if (status == INTERRUPTED)
    thaw_buffer_text(&text, "interrupted, but not with the sweep; it can go on from there");
  else if (said)
    thaw_buffer_text(&text, said);
  else
    thaw_buffer_format(&text, "ended with status %d and without an error message", status);
  const char *message = text.data ? thaw_arena_strdup(l->arena, text.data) : NULL;
  thaw_buffer_free(&log);
  thaw_buffer_free(&text);
  return message ? message : "out of memory";
}

static const char *read_output(const local *l, const slot *s) {
  thaw_buffer text = {0};
  read_tail(fileno(s->out), 0, &text);
  const char *copy = text.data ? thaw_arena_strdup(l->arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return copy ? copy : "";
}

/* ---- Starting and ending --------------------------------------------------------------------- */

/* A temporary file that other jobs do not inherit. */
static FILE *open_temporary(thaw_context *ctx) {
  FILE *file = tmpfile();
  if (file && fcntl(fileno(file), F_SETFD, FD_CLOEXEC) == 0) return file;
  thaw_fail(ctx, THAW_FAILED, "cannot make a temporary file: %s", strerror(errno));
  if (file) fclose(file);
  return NULL;
}

/* Opens the job's log for more, with a line that says what follows. */
static thaw_status open_log(const local *l, slot *s, int *log) {
  const thaw_sweep_job *job = s->job;
  char *folder = strndup(job->log, (size_t)(strrchr(job->log, '/') - job->log));
  if (!folder) return thaw_fail_memory(l->ctx, strlen(job->log));
  const thaw_status status = thaw_make_folders(l->ctx, folder);
  free(folder);
  if (status) return status;
  *log = open(job->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (*log < 0 || dprintf(*log, "\n%s %s\n", job->name, job->label) < 0)
    return thaw_fail(l->ctx, THAW_FAILED, "cannot write %s: %s", job->log, strerror(errno));
  s->log_from = lseek(*log, 0, SEEK_END) - 1;
  return THAW_OK;
}

static thaw_status start_process(local *l, slot *s, int log) {
  const char *const *arguments = NULL;
  char progress[64];
  thaw_status status = thaw_sweep_job_arguments(&l->jobs, s->job, &arguments);
  if (status) return status;
  s->out = open_temporary(l->ctx);
  s->progress = s->out ? open_temporary(l->ctx) : NULL;
  if (!s->progress) return THAW_FAILED;
  snprintf(progress, sizeof progress, "THAW_PROGRESS_FILE=/dev/fd/%d", fileno(s->progress));
  const char *const environment[] = {l->threads, progress, NULL};
  const thaw_process_plan plan = {.program = "/proc/self/exe",
                                  .arguments = arguments,
                                  .environment = environment,
                                  .out = fileno(s->out),
                                  .err = log,
                                  .kept = fileno(s->progress)};
  return thaw_process_start(l->ctx, &plan, &s->process);
}

static void free_slot(slot *s) {
  if (s->out) fclose(s->out);
  if (s->progress) fclose(s->progress);
  if (s->job) s->job->now = NULL;
  *s = (slot){0};
}

/* A job that cannot even be started has failed. */
static void start(local *l, slot *s, thaw_sweep_job *job) {
  int log = -1;
  s->job = job;
  job->began = thaw_seconds_now();
  thaw_status status = open_log(l, s, &log);
  if (status == THAW_OK) status = start_process(l, s, log);
  if (log >= 0) close(log);
  if (status == THAW_OK) {
    thaw_sweep_jobs_set(&l->jobs, job, THAW_JOB_RUNS);
    thaw_show_started(&l->show, job);
    return;
  }
  const char *message = thaw_arena_strdup(l->arena, thaw_error(l->ctx));
  thaw_sweep_jobs_fail(&l->jobs, job, message ? message : "out of memory");
  thaw_show_ended(&l->show, job);
  free_slot(s);
}

/* What a run reached goes to standard output, unless that is the screen that the table is on. */
static void print_result(const local *l, const thaw_sweep_job *job) {
  const thaw_call *call = l->work->call;
  if (!thaw_job_is_run(job) || (l->show.live && isatty(fileno(call->out)) == 1)) return;
  fputs(job->result, call->out);
  fflush(call->out);
}

static void end(local *l, slot *s) {
  thaw_sweep_job *job = s->job;
  job->seconds = thaw_seconds_now() - job->began;
  if (s->process.status == 0) {
    job->result = read_output(l, s);
    thaw_sweep_jobs_set(&l->jobs, job, THAW_JOB_DONE);
    print_result(l, job);
  } else if (l->show.stopping) {
    thaw_sweep_jobs_set(&l->jobs, job, THAW_JOB_STOPPED);
  } else {
    thaw_sweep_jobs_fail(&l->jobs, job, explain(l, s));
  }
  thaw_show_ended(&l->show, job);
  free_slot(s);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void collect(local *l) {
  for (size_t i = 0; i < l->slot_count; i++) {
    slot *s = &l->slots[i];
    if (s->job && thaw_process_over(&s->process)) end(l, s);
  }
}

static void fill(local *l) {
  for (size_t i = 0; i < l->slot_count && !l->show.stopping; i++) {
    thaw_sweep_job *job = NULL;
    while (!l->slots[i].job && (job = thaw_sweep_jobs_next(&l->jobs))) start(l, &l->slots[i], job);
  }
}

/* Once: a second signal would end them without a checkpoint. */
static void stop(local *l) {
  l->show.stopping = true;
  for (size_t i = 0; i < l->slot_count; i++) {
    if (l->slots[i].job) thaw_process_signal(&l->slots[i].process, SIGINT);
  }
  if (!l->show.live && l->jobs.states[THAW_JOB_RUNS])
    thaw_log(l->ctx, THAW_LOG_INFO, "waits for the checkpoints of %zu jobs",
             l->jobs.states[THAW_JOB_RUNS]);
}

static void run_jobs(local *l) {
  for (;;) {
    collect(l);
    if (!l->show.stopping && thaw_interrupted(l->ctx)) stop(l);
    fill(l);
    if (l->jobs.states[THAW_JOB_RUNS] == 0) return;
    for (size_t i = 0; i < l->slot_count && l->show.live; i++) {
      if (l->slots[i].job) look(&l->slots[i]);
    }
    thaw_show_draw(&l->show);
    nanosleep(&NAP, NULL);
  }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static thaw_status report(const local *l) {
  const thaw_sweep_jobs *j = &l->jobs;
  const size_t done = j->found + j->run_states[THAW_JOB_DONE];
  const size_t failed = j->run_states[THAW_JOB_FAILED];
  const size_t left_out = j->run_states[THAW_JOB_LEFT_OUT];
  if (l->show.stopping)
    return thaw_fail(l->ctx, THAW_INTERRUPTED,
                     "%zu of %zu runs are finished; the same command goes on where it stopped",
                     done, j->runs);
  if (j->states[THAW_JOB_FAILED])
    return thaw_fail(l->ctx, THAW_FAILED,
                     "%zu of %zu runs failed and %zu were not run, because a stage that they need "
                     "failed; %zu are finished",
                     failed, j->runs, left_out, done);
  thaw_log(l->ctx, THAW_LOG_INFO, "all %zu runs are finished, %zu of them now", j->runs,
           j->run_states[THAW_JOB_DONE]);
  return THAW_OK;
}

thaw_status thaw_sweep_run_local(const thaw_sweep_work *work) {
  const thaw_call *call = work->call;
  local l = {.work = work,
             .ctx = call->ctx,
             .arena = call->arena,
             .slot_count = (size_t)work->settings->jobs};
  const int cores = thaw_numerics_cores(), jobs = (int)work->settings->jobs;
  snprintf(l.threads, sizeof l.threads, "OMP_NUM_THREADS=%d", cores > jobs ? cores / jobs : 1);
  l.slots = calloc(l.slot_count, sizeof *l.slots);
  if (!l.slots) return thaw_fail_memory(call->ctx, l.slot_count * sizeof *l.slots);
  thaw_status status = thaw_sweep_jobs_create(work, call->arena, &l.jobs);
  if (status == THAW_OK) status = thaw_show_begin(&l.show, &l.jobs);
  if (status == THAW_OK) {
    run_jobs(&l);
    thaw_show_end(&l.show);
    status = report(&l);
  }
  free(l.slots);
  return status;
}
