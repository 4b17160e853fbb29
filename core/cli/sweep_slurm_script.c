/* sweep_slurm_script.c: the files of a submission. See sweep_slurm.h.
 *
 * Every array has a job script and a list of its tasks; a job runs the line of the list that has
 * its index. All paths in them are absolute, and the script goes to the folder in which the sweep
 * was submitted, so that it does not matter where Slurm starts it. */
#include <config.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/sweep_slurm.h"

enum { SECONDS_BEFORE = 60 }; /* that a job is told before its time limit */

/* ---- Words of a shell ------------------------------------------------------------------------ */

static bool is_plain(const char *word) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:,@%+-";
  return *word && !word[strspn(word, plain)];
}

bool thaw_slurm_quote(thaw_buffer *out, const char *word) {
  if (is_plain(word)) return thaw_buffer_text(out, word);
  bool ok = thaw_buffer_text(out, "'");
  for (const char *c = word; *c && ok; c++) {
    if (*c == '\'')
      ok = thaw_buffer_text(out, "'\\''");
    else if (*c == '\n')
      ok = thaw_buffer_text(out, "'\"$newline\"'");
    else
      ok = thaw_buffer_append(out, c, 1) && thaw_buffer_text(out, "");
  }
  return ok && thaw_buffer_text(out, "'");
}

/* ---- The sbatch command ---------------------------------------------------------------------- */

const char *thaw_slurm_dependency(const thaw_submission *s, const thaw_slurm_array *array) {
  thaw_buffer text = {0};
  bool ok = thaw_buffer_text(&text, "");
  const char *job = array->before == THAW_NO_TASK ? NULL : s->arrays[array->before].job;
  if (array->queued_before)
    ok = thaw_buffer_format(&text, "afterok:%s", array->queued_before);
  else if (job && array->before_index == THAW_NO_TASK)
    ok = thaw_buffer_format(&text, "aftercorr:%s", job);
  else if (job)
    ok = thaw_buffer_format(&text, "afterok:%s_%zu", job, array->before_index);
  const char *dependency = ok ? thaw_arena_strdup(s->call->arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return dependency;
}

/* The words of a command while they are put together. */
typedef struct command {
  const thaw_submission *s;
  const char **words;
  size_t count;
  bool ok;
} command;

static void add(command *c, const char *format, ...) THAW_PRINTF(2, 3);

static void add(command *c, const char *format, ...) {
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  const char *word = NULL;
  if (vasprintf(&text, format, arguments) >= 0) word = thaw_arena_strdup(c->s->call->arena, text);
  va_end(arguments);
  free(text);
  c->ok = c->ok && word;
  c->words[c->count++] = word;
}

/* In the name of an output file % begins something of Slurm's, unless there are two. */
static bool write_log(const thaw_submission *s, const thaw_slurm_array *array, thaw_buffer *text) {
  bool ok = true;
  for (const char *c = s->folder; *c && ok; c++) {
    ok = thaw_buffer_append(text, c, 1);
    if (*c == '%') ok = ok && thaw_buffer_append(text, c, 1);
  }
  return ok && thaw_buffer_format(text, "/logs/%s-%%a.log", array->name);
}

/* "0-3,7,9-12%4": the indices, and how many at once. */
static bool write_indices(const thaw_submission *s, const thaw_slurm_array *array,
                          thaw_buffer *text) {
  const int64_t at_once = s->requests[array->request].at_once;
  bool ok = true;
  for (size_t i = 0, end; i < array->count && ok; i = end) {
    const size_t first = s->tasks[array->tasks[i]].index;
    for (end = i + 1; end < array->count; end++) {
      if (s->tasks[array->tasks[end]].index != first + (end - i)) break;
    }
    ok = thaw_buffer_format(text, "%s%zu", i ? "," : "", first);
    if (end > i + 1) ok = ok && thaw_buffer_format(text, "-%zu", first + (end - 1 - i));
  }
  return ok && (at_once == 0 || thaw_buffer_format(text, "%%%" PRId64, at_once));
}

static void add_request(command *c, const thaw_slurm_job *job) {
  add(c, "--nodes=1");
  add(c, "--ntasks=1");
  add(c, "--cpus-per-task=%" PRId64, job->cores);
  if (job->memory) add(c, "--mem=%s", job->memory);
  if (job->time) add(c, "--time=%s", job->time);
  if (job->partition) add(c, "--partition=%s", job->partition);
  if (job->account) add(c, "--account=%s", job->account);
  if (job->qos) add(c, "--qos=%s", job->qos);
  for (size_t i = 0; i < job->options.count; i++) add(c, "%s", job->options.values[i]);
}

/* Later options win: what may be changed by the user's own comes before them. */
thaw_status thaw_slurm_words(const thaw_submission *s, const thaw_slurm_array *array,
                             const char *const **words) {
  enum { MOST = 24 };
  const thaw_slurm_job *job = &s->requests[array->request];
  const size_t space = MOST + job->options.count;
  thaw_buffer log = {0}, indices = {0};
  command c = {.s = s, .words = thaw_arena_alloc(s->call->arena, space * sizeof *c.words)};
  const char *dependency = thaw_slurm_dependency(s, array);
  c.ok = c.words && dependency && write_log(s, array, &log) && write_indices(s, array, &indices);
  if (c.ok) {
    add(&c, "sbatch");
    add(&c, "--job-name=%s-%s", array->stage, s->name);
    add(&c, "--output=%s", log.data);
    add(&c, "--open-mode=append");
    add_request(&c, job);
    add(&c, "--parsable");
    add(&c, "--array=%s", indices.data);
    add(&c, "--comment=" THAW_SLURM_COMMENT "%s/%s.tasks", s->folder, array->name);
    add(&c, "--requeue");
    add(&c, "--signal=B:USR1@%d", SECONDS_BEFORE);
    add(&c, "--kill-on-invalid-dep=yes");
    if (*dependency) add(&c, "--dependency=%s", dependency);
    add(&c, "%s/%s.sh", s->folder, array->name);
    c.words[c.count] = NULL;
  }
  thaw_buffer_free(&log);
  thaw_buffer_free(&indices);
  *words = c.words;
  return c.ok ? THAW_OK : thaw_fail_memory(s->call->ctx, space * sizeof *c.words);
}

/* ---- The job script -------------------------------------------------------------------------- */

/* What of the environment changes a run, whether or not Slurm takes the environment along. */
static bool write_environment(const thaw_submission *s, const thaw_slurm_array *array,
                              thaw_buffer *out) {
  static const char *const names[] = {"THAW_PLUGIN_PATH", "THAW_PROCESSOR", "OPENBLAS_CORETYPE",
                                      "LD_LIBRARY_PATH", "XDG_DATA_HOME"};
  bool ok = thaw_buffer_format(out, "export OMP_NUM_THREADS=%" PRId64 "\nexport THAW_CACHE=",
                               s->requests[array->request].cores) &&
            thaw_slurm_quote(out, s->cache) && thaw_buffer_text(out, "\n");
  for (size_t i = 0; i < sizeof names / sizeof *names && ok; i++) {
    const char *value = getenv(names[i]);
    if (!value) continue;
    ok = thaw_buffer_format(out, "export %s=", names[i]) && thaw_slurm_quote(out, value) &&
         thaw_buffer_text(out, "\n");
  }
  return ok;
}

static bool write_head(const thaw_submission *s, const thaw_slurm_array *array,
                       const char *const *words, thaw_buffer *out) {
  bool ok = thaw_buffer_format(out,
                               "#!/bin/sh\n"
                               "# %s of %s: %zu tasks. A line of %s.tasks has the index of a task, "
                               "the file that it makes\n# and its command. Submitted by:\n# ",
                               array->name, s->name, array->count, array->name);
  for (size_t i = 0; words[i] && ok; i++)
    ok = (i == 0 || thaw_buffer_text(out, " ")) && thaw_slurm_quote(out, words[i]);
  ok = ok && thaw_buffer_text(out, "\n\ncd ") && thaw_slurm_quote(out, s->current) &&
       thaw_buffer_text(out, " || exit 1\n") && write_environment(s, array, out) &&
       thaw_buffer_text(out, "tasks=");
  thaw_buffer path = {0};
  ok = ok && thaw_buffer_format(&path, "%s/%s.tasks", s->folder, array->name) &&
       thaw_slurm_quote(out, path.data);
  thaw_buffer_free(&path);
  return ok;
}

/* Slurm's SIGTERM (scancel, a requeue, the time limit) reaches this shell, and thaw itself or not;
 * its SIGUSR1 before the time limit reaches the shell alone. Forwarded is SIGINT: thaw takes that
 * and SIGTERM once each as the request to write a checkpoint and to end. */
static const char body[] =
    "\n"
    "newline='\n"
    "'\n"
    "tab='\t'\n"
    "line=$(sed -n \"s/^$SLURM_ARRAY_TASK_ID$tab//p\" \"$tasks\")\n"
    "[ -n \"$line\" ] || { echo \"no task $SLURM_ARRAY_TASK_ID in $tasks\" >&2; exit 1; }\n"
    "file=${line%%%%\"$tab\"*}\n"
    "eval \"set -- ${line#*\"$tab\"}\"\n"
    "\n"
    "# An interrupted thaw writes a checkpoint and ends with status 130.\n"
    "interrupt() { [ -n \"$interrupted\" ] || kill -INT $thaw 2>/dev/null; interrupted=yes; }\n"
    "interrupted= late=\n"
    "\"$@\" &\n"
    "thaw=$!\n"
    "trap interrupt TERM\n"
    "trap 'late=yes; interrupt' USR1  # %d seconds before the time limit\n"
    "wait $thaw\n"
    "status=$?\n"
    "while kill -0 $thaw 2>/dev/null; do wait $thaw; status=$?; done\n"
    "\n"
    "# Out of time: the job goes back into the queue, and on from the checkpoint.\n"
    "if [ -n \"$late\" ] && [ $status = 130 ]; then\n"
    "  if [ \"${SLURM_RESTART_COUNT:-0}\" -ge %d ]; then\n"
    "    echo \"out of time for the last time: slurm.restarts is %d\" >&2\n"
    "  else\n"
    "    echo \"out of time: goes on in another job\" >&2\n"
    "    scontrol requeue \"$SLURM_JOB_ID\" && sleep 60  # until Slurm ends this one\n"
    "  fi\n"
    "fi\n"
    "if [ $status = 0 ] && [ ! -e \"$file\" ]; then\n"
    "  echo \"something else was made than $file:\" \\\n"
    "    \"the experiment or its data have changed since they were submitted\" >&2\n"
    "  status=1\n"
    "fi\n"
    "exit $status\n";

thaw_status thaw_slurm_script(const thaw_submission *s, const thaw_slurm_array *array,
                              thaw_buffer *out) {
  const char *const *words = NULL;
  const int restarts = (int)s->requests[array->request].restarts;
  thaw_status status = thaw_slurm_words(s, array, &words);
  if (status) return status;
  if (write_head(s, array, words, out) &&
      thaw_buffer_format(out, body, SECONDS_BEFORE, restarts, restarts))
    return THAW_OK;
  return thaw_fail_memory(s->call->ctx, out->size);
}

thaw_status thaw_slurm_task_list(const thaw_submission *s, const thaw_slurm_array *array,
                                 thaw_buffer *out) {
  for (size_t i = 0; i < array->count; i++) {
    const thaw_slurm_task *task = &s->tasks[array->tasks[i]];
    if (!thaw_buffer_format(out, "%zu\t%s\t%s\n", task->index, task->file, task->command))
      return thaw_fail_memory(s->call->ctx, out->size);
  }
  return THAW_OK;
}

/* ---- The folder ------------------------------------------------------------------------------ */

static thaw_status make_new(const thaw_submission *s, const char *path, bool *made) {
  *made = mkdir(path, 0777) == 0;
  if (*made || errno == EEXIST) return THAW_OK;
  return thaw_fail(s->call->ctx, THAW_FAILED, "cannot make the folder %s: %s", path,
                   strerror(errno));
}

/* The first of slurm-DATE, slurm-DATE-2, … that nobody has. */
thaw_status thaw_slurm_make_folder(thaw_submission *s) {
  char *above = strndup(s->folder, (size_t)(strrchr(s->folder, '/') - s->folder));
  thaw_buffer path = {0};
  bool made = false;
  thaw_status status = above ? thaw_make_folders(s->call->ctx, above)
                             : thaw_fail_memory(s->call->ctx, strlen(s->folder));
  for (int i = 1; !made && status == THAW_OK; i++) {
    thaw_buffer_clear(&path);
    if (!thaw_buffer_text(&path, s->folder) || (i > 1 && !thaw_buffer_format(&path, "-%d", i)))
      status = thaw_fail_memory(s->call->ctx, path.size);
    else
      status = make_new(s, path.data, &made);
  }
  if (status == THAW_OK && !(s->folder = thaw_arena_strdup(s->call->arena, path.data)))
    status = thaw_fail_memory(s->call->ctx, path.size);
  if (status == THAW_OK)
    status = thaw_buffer_text(&path, "/logs") ? thaw_make_folders(s->call->ctx, path.data)
                                              : thaw_fail_memory(s->call->ctx, path.size);
  thaw_buffer_free(&path);
  free(above);
  return status;
}

static thaw_status write_file(const thaw_submission *s, const thaw_slurm_array *array,
                              const char *ending,
                              thaw_status (*write)(const thaw_submission *,
                                                   const thaw_slurm_array *, thaw_buffer *)) {
  thaw_buffer path = {0}, text = {0};
  thaw_status status = write(s, array, &text);
  if (status == THAW_OK && !thaw_buffer_format(&path, "%s/%s%s", s->folder, array->name, ending))
    status = thaw_fail_memory(s->call->ctx, path.size);
  if (status == THAW_OK) status = thaw_write_file(s->call->ctx, path.data, text.data, text.size);
  thaw_buffer_free(&path);
  thaw_buffer_free(&text);
  return status;
}

thaw_status thaw_slurm_write_files(const thaw_submission *s, const thaw_slurm_array *array) {
  thaw_status status = write_file(s, array, ".tasks", thaw_slurm_task_list);
  return status ? status : write_file(s, array, ".sh", thaw_slurm_script);
}
