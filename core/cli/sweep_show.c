/* sweep_show.c: see sweep_show.h. */
#include "cli/sweep_show.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <unistr.h>
#include <uniwidth.h>

#include "base/clock.h"
#include "base/context.h"

enum { NAME_WIDTH = 8, GAP = 2, FEWEST_LINES = 4 };
static const double DRAW_SECONDS = 0.2;

/* ---- Lines, where there is no terminal ------------------------------------------------------- */

static const char *colon_before(const char *text) {
  return *text ? ": " : "";
}

void thaw_show_started(const thaw_sweep_show *show, const thaw_sweep_job *job) {
  thaw_context *ctx = show->jobs->work->call->ctx;
  if (show->live) return;
  if (thaw_job_is_run(job))
    thaw_log(ctx, THAW_LOG_INFO, "%s begins%s%s", job->name, colon_before(job->label), job->label);
  else
    thaw_log(ctx, THAW_LOG_INFO, "%s begins, for %zu runs%s%s", job->name, job->unlocks,
             colon_before(job->label), job->label);
}

static void tell_failure(const thaw_sweep_show *show, const thaw_sweep_job *job) {
  const char *open = *job->label ? " (" : "", *close = *job->label ? ")" : "";
  thaw_log(show->jobs->work->call->ctx, THAW_LOG_WARNING, "%s%s%s%s failed: %s (log: %s)",
           job->name, open, job->label, close, job->message, job->log);
}

void thaw_show_ended(const thaw_sweep_show *show, const thaw_sweep_job *job) {
  if (show->live) return;
  if (job->state == THAW_JOB_FAILED) tell_failure(show, job);
  if (job->state != THAW_JOB_DONE) return;
  thaw_log(show->jobs->work->call->ctx, THAW_LOG_INFO, "%s is finished, %.1f s", job->name,
           job->seconds);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* Appends what fits into so many columns, in one line; `pad`: and spaces up to them. Returns the
 * columns that were used. */
static size_t add_columns(thaw_buffer *line, const char *text, size_t columns, bool pad) {
  size_t used = 0;
  const uint8_t *next = (const uint8_t *)text;
  while (*next) {
    ucs4_t character;
    const int bytes = u8_strmbtouc(&character, next);
    if (bytes <= 0) break;
    const bool blank = character < 0x20 || character == 0x7f;
    const int width = blank ? 1 : uc_width(character, "UTF-8");
    if (width > 0 && used + (size_t)width > columns) break;
    if (blank)
      thaw_buffer_text(line, " ");
    else
      thaw_buffer_append(line, next, (size_t)bytes);
    used += width > 0 ? (size_t)width : 0;
    next += bytes;
  }
  for (; pad && used < columns; used++) thaw_buffer_text(line, " ");
  return used;
}

static size_t width_of(const char *text) {
  const int width = u8_strwidth((const uint8_t *)text, "UTF-8");
  return width > 0 ? (size_t)width : 0;
}

/* The last line of what a run printed says how good it is. */
static const char *last_line(const char *text) {
  size_t end = strlen(text);
  while (end > 0 && text[end - 1] == '\n') end--;
  while (end > 0 && text[end - 1] != '\n') end--;
  return text + end;
}

static void describe_done(const thaw_sweep_job *job, thaw_buffer *text) {
  const char *line = last_line(job->result);
  const bool path_only = line == job->result;
  thaw_buffer_format(text, "%.0f s  %.*s", job->seconds, (int)strcspn(line, "\n"),
                     path_only ? "finished" : line);
}

static void describe(const thaw_sweep_show *show, const thaw_sweep_job *job, thaw_buffer *text) {
  const thaw_sweep_job *jobs = show->jobs->jobs;
  const char *needed = NULL;
  for (size_t i = 0; i < job->need_count; i++) {
    if (jobs[job->needs[i]].state != THAW_JOB_DONE) needed = jobs[job->needs[i]].name;
  }
  switch (job->state) {
    case THAW_JOB_WAITS:
      thaw_buffer_format(text, "waits%s%s", needed ? " for " : "", needed ? needed : "");
      break;
    case THAW_JOB_RUNS:
      thaw_buffer_text(text, job->now && *job->now ? job->now : "starts");
      break;
    case THAW_JOB_DONE:
      describe_done(job, text);
      break;
    case THAW_JOB_FAILED:
      thaw_buffer_format(text, "failed: %s", job->message);
      break;
    case THAW_JOB_LEFT_OUT:
      thaw_buffer_format(text, "not run: %s failed", jobs[job->cause].name);
      break;
    case THAW_JOB_STOPPED:
      thaw_buffer_text(text, "stopped: goes on next time");
      break;
  }
}

/* Chooses up to `most` of the jobs in a state, from the front or from the back. */
static size_t choose(thaw_sweep_show *show, thaw_job_state state, bool from_back, size_t most) {
  const size_t count = show->jobs->count;
  size_t found = 0;
  for (size_t i = 0; i < count && found < most; i++) {
    const size_t k = from_back ? count - 1 - i : i;
    if (show->jobs->jobs[k].state != state || show->chosen[k]) continue;
    show->chosen[k] = true;
    found++;
  }
  return found;
}

/* Where not all jobs fit: those at work, what failed, what is next, and what was last. */
static void choose_rows(thaw_sweep_show *show, size_t rows) {
  const size_t count = show->jobs->count;
  memset(show->chosen, count <= rows, count * sizeof *show->chosen);
  if (count <= rows) return;
  rows -= choose(show, THAW_JOB_RUNS, false, rows);
  rows -= choose(show, THAW_JOB_STOPPED, false, rows);
  rows -= choose(show, THAW_JOB_FAILED, true, rows / 2);
  rows -= choose(show, THAW_JOB_WAITS, false, (rows + 1) / 2);
  rows -= choose(show, THAW_JOB_DONE, true, rows);
  rows -= choose(show, THAW_JOB_WAITS, false, rows);
  choose(show, THAW_JOB_LEFT_OUT, false, rows);
}

/* "40 runs: 12 finished, 2 at work, …" */
static void add_summary(const thaw_sweep_show *show, thaw_buffer *text) {
  const thaw_sweep_jobs *j = show->jobs;
  const struct {
    const char *what;
    size_t count;
  } parts[] = {{"finished", j->found + j->run_states[THAW_JOB_DONE]},
               {"training", j->run_states[THAW_JOB_RUNS]},
               {"failed", j->run_states[THAW_JOB_FAILED]},
               {"not run", j->run_states[THAW_JOB_LEFT_OUT]},
               {"waiting", j->run_states[THAW_JOB_WAITS] + j->run_states[THAW_JOB_STOPPED]}};
  thaw_buffer_format(text, "%zu runs", j->runs);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (parts[i].count) thaw_buffer_format(text, ", %zu %s", parts[i].count, parts[i].what);
  }
  const size_t stages = j->count - (j->runs - j->found);
  const size_t trained = j->states[THAW_JOB_DONE] - j->run_states[THAW_JOB_DONE];
  if (stages) thaw_buffer_format(text, "; %zu of %zu shared stages trained", trained, stages);
  if (show->stopping && j->states[THAW_JOB_RUNS])
    thaw_buffer_text(text, "; stops after the checkpoints (again: at once)");
}

/* The name, the settings, and how far it is. */
static void add_row(thaw_sweep_show *show, const thaw_sweep_job *job, size_t label_width,
                    size_t width) {
  thaw_buffer state = {0};
  char number[24];
  snprintf(number, sizeof number, "%*zu", NAME_WIDTH,
           show->jobs->work->tree->runs[job->run].point + 1);
  describe(show, job, &state);
  add_columns(&show->text, thaw_job_is_run(job) ? number : job->name, NAME_WIDTH, true);
  thaw_buffer_text(&show->text, "  ");
  if (label_width) {
    add_columns(&show->text, job->brief, label_width, true);
    thaw_buffer_text(&show->text, "  ");
  }
  const size_t used = NAME_WIDTH + GAP + (label_width ? label_width + GAP : 0);
  if (width > used) add_columns(&show->text, state.data ? state.data : "", width - used, false);
  thaw_buffer_free(&state);
}

/* A screen's rows and columns. */
static void measure(FILE *stream, size_t *rows, size_t *columns) {
  struct winsize size;
  const bool known = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0;
  *rows = known && size.ws_row >= FEWEST_LINES ? size.ws_row : 24;
  *columns = known && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw(thaw_sweep_show *show) {
  FILE *stream = show->jobs->work->call->progress;
  size_t rows, columns, label = 0, lines = 1;
  measure(stream, &rows, &columns);
  columns--; /* a character in the last column may break the line */
  choose_rows(show, rows - 2);
  for (size_t i = 0; i < show->jobs->count; i++) {
    if (show->chosen[i] && width_of(show->jobs->jobs[i].brief) > label)
      label = width_of(show->jobs->jobs[i].brief);
  }
  if (label > columns / 2) label = columns / 2;
  thaw_buffer_clear(&show->text);
  if (show->lines) thaw_buffer_format(&show->text, "\033[%zuA", show->lines);
  for (size_t i = 0; i < show->jobs->count; i++) {
    if (!show->chosen[i]) continue;
    thaw_buffer_text(&show->text, "\r\033[K");
    add_row(show, &show->jobs->jobs[i], label, columns);
    thaw_buffer_text(&show->text, "\n");
    lines++;
  }
  thaw_buffer summary = {0};
  add_summary(show, &summary);
  thaw_buffer_text(&show->text, "\r\033[K");
  add_columns(&show->text, summary.data ? summary.data : "", columns, false);
  thaw_buffer_text(&show->text, "\n\033[J");
  thaw_buffer_free(&summary);
  if (show->text.data) fwrite(show->text.data, 1, show->text.size, stream);
  fflush(stream);
  show->lines = lines;
}

void thaw_show_draw(thaw_sweep_show *show) {
  const double now = thaw_seconds_now();
  if (!show->live || now - show->drawn < DRAW_SECONDS) return;
  draw(show);
  show->drawn = now;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

thaw_status thaw_show_begin(thaw_sweep_show *show, const thaw_sweep_jobs *jobs) {
  const thaw_call *call = jobs->work->call;
  const char *type = getenv("TERM");
  *show = (thaw_sweep_show){.jobs = jobs};
  show->live =
      call->progress && isatty(fileno(call->progress)) == 1 && type && strcmp(type, "dumb") != 0;
  show->chosen = calloc(jobs->count + 1, sizeof *show->chosen);
  if (!show->chosen) return thaw_fail_memory(call->ctx, jobs->count);
  thaw_log(call->ctx, THAW_LOG_INFO,
           "%zu runs, %zu of them finished before; %zu shared stages and %zu runs to train",
           jobs->runs, jobs->found, jobs->count - (jobs->runs - jobs->found),
           jobs->runs - jobs->found);
  return THAW_OK;
}

void thaw_show_end(thaw_sweep_show *show) {
  if (show->live && show->jobs->count) draw(show);
  for (size_t i = 0; show->live && i < show->jobs->count; i++) {
    if (show->jobs->jobs[i].state == THAW_JOB_FAILED) tell_failure(show, &show->jobs->jobs[i]);
  }
  free(show->chosen);
  thaw_buffer_free(&show->text);
}
