/* sweep_slurm.c: a sweep submitted to Slurm. See sweep_slurm.h. */
#include "cli/sweep_slurm.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "cli/output.h"
#include "config/files.h"
#include "store/cache.h"

/* ---- What is printed ------------------------------------------------------------------------- */

static void add_row(const thaw_submission *s, const thaw_slurm_array *array, bool submitted,
                    thaw_table *table) {
  const thaw_slurm_job *job = &s->requests[array->request];
  const char *dependency = thaw_slurm_dependency(s, array);
  thaw_table_text(table, submitted ? array->job : NULL);
  thaw_table_text(table, array->name);
  thaw_table_number(table, (double)array->count, 0);
  thaw_table_text(table, dependency && *dependency ? dependency : NULL);
  thaw_table_text(table, job->partition);
  thaw_table_text(table, job->time);
  thaw_table_text(table, job->memory);
  thaw_table_number(table, (double)job->cores, 0);
}

static thaw_status print_arrays(const thaw_submission *s, bool submitted, int format) {
  static const char *const headings[] = {"job",       "array", "tasks",  "after",
                                         "partition", "time",  "memory", "cores"};
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(s->call->ctx, 0);
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(table, headings[i]);
  for (size_t i = 0; i < s->array_count; i++) add_row(s, &s->arrays[i], submitted, table);
  thaw_status status = thaw_print_table(s->call, table, format);
  thaw_table_free(table);
  return status;
}

static void print_numbers(const thaw_submission *s) {
  fprintf(s->call->out, "%zu run%s: %zu finished, ", s->runs, s->runs == 1 ? "" : "s", s->finished);
  if (s->queued) fprintf(s->call->out, "%zu queued before, ", s->queued);
  fprintf(s->call->out, "%zu to do\n", s->runs - s->finished - s->queued);
}

static void print_jobs(const thaw_submission *s, const char *between) {
  for (size_t i = 0; i < s->array_count; i++)
    fprintf(s->call->out, "%s%s", i ? between : "", s->arrays[i].job);
}

/* How things go on from here. */
static void print_advice(const thaw_submission *s) {
  FILE *out = s->call->out;
  fputs("\n", out);
  print_numbers(s);
  fprintf(out, "scripts, logs:  %s\nwatch:          squeue --jobs=", s->folder);
  print_jobs(s, ",");
  fputs("\ncancel:         scancel ", out);
  print_jobs(s, " ");
  fputs(
      "\ngo on:          the same command, which submits whatever has been cancelled or has "
      "failed\n",
      out);
}

/* Scripts, and of every list the first tasks. */
static thaw_status print_files(const thaw_submission *s) {
  enum { SHOWN = 3 };
  thaw_status status = THAW_OK;
  thaw_buffer text = {0};
  for (size_t i = 0; i < s->array_count && status == THAW_OK; i++) {
    thaw_slurm_array array = s->arrays[i];
    const size_t left = array.count > SHOWN ? array.count - SHOWN : 0;
    thaw_buffer_clear(&text);
    status = thaw_slurm_script(s, &array, &text);
    if (status) break;
    fprintf(s->call->out, "\n---- %s/%s.sh\n%s", s->folder, array.name, text.data);
    array.count -= left;
    thaw_buffer_clear(&text);
    status = thaw_slurm_task_list(s, &array, &text);
    if (status) break;
    fprintf(s->call->out, "\n---- %s/%s.tasks\n%s", s->folder, array.name, text.data);
    if (left) fprintf(s->call->out, "and %zu more\n", left);
  }
  thaw_buffer_free(&text);
  return status;
}

/* ---- Submitting ------------------------------------------------------------------------------ */

/* The array that comes after the first `count` was refused: these would wait for nothing. Says what
 * became of them. */
static thaw_status give_up(const thaw_submission *s, size_t count, thaw_status status) {
  const char *name = s->arrays[count].name;
  thaw_buffer jobs = {0}, why = {0};
  const char **list = thaw_arena_alloc(s->call->arena, (count + 1) * sizeof *list);
  bool ok = list && thaw_buffer_text(&why, thaw_error(s->call->ctx)) && thaw_buffer_text(&jobs, "");
  for (size_t i = 0; i < count && ok; i++) {
    list[i] = s->arrays[i].job;
    ok = thaw_buffer_format(&jobs, "%s%s", i ? " " : "", list[i]);
  }
  if (!ok)
    thaw_fail(s->call->ctx, status, "%s was not submitted, and what came before it was", name);
  else if (count == 0)
    thaw_fail(s->call->ctx, status, "nothing was submitted: %s (scripts: %s)", why.data, s->folder);
  else if (thaw_slurm_cancel(s->call, list, count))
    thaw_fail(s->call->ctx, status,
              "%s was not submitted: %s. What had been submitted before it is cancelled: %s "
              "(scripts: %s)",
              name, why.data, jobs.data, s->folder);
  else
    thaw_fail(s->call->ctx, status,
              "%s was not submitted: %s. What had been submitted before it could not be cancelled "
              "and is still queued: scancel %s (scripts: %s)",
              name, why.data, jobs.data, s->folder);
  thaw_buffer_free(&jobs);
  thaw_buffer_free(&why);
  return status;
}

static thaw_status submit(const thaw_submission *s, thaw_slurm_array *array) {
  const char *const *words = NULL;
  if (thaw_interrupted(s->call->ctx))
    return thaw_fail(s->call->ctx, THAW_INTERRUPTED, "interrupted");
  thaw_status status = thaw_slurm_write_files(s, array);
  if (status == THAW_OK) status = thaw_slurm_words(s, array, &words);
  return status ? status : thaw_slurm_submit(s->call, words, &array->job);
}

static thaw_status submit_all(thaw_submission *s) {
  thaw_status status = thaw_slurm_make_folder(s);
  if (status) return status;
  for (size_t i = 0; i < s->array_count; i++) {
    status = submit(s, &s->arrays[i]);
    if (status) return give_up(s, i, status);
  }
  return THAW_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* The stage cache by its absolute name. */
static thaw_status find_cache(thaw_submission *s, bool make) {
  char *cache = NULL;
  thaw_status status = thaw_cache_folder(s->call->ctx, s->work->settings->common.cache, &cache);
  if (status == THAW_OK && make) status = thaw_cache_create(s->call->ctx, cache);
  if (status == THAW_OK && !(s->cache = thaw_path_absolute(s->call->arena, NULL, cache)))
    status = thaw_fail_memory(s->call->ctx, strlen(cache));
  free(cache);
  return status;
}

/* RUNS/NAME/slurm-DATE, and where we are. */
static thaw_status name_folders(thaw_submission *s) {
  char date[32];
  const time_t now = time(NULL);
  struct tm parts;
  thaw_buffer path = {0};
  s->current = thaw_path_absolute(s->call->arena, NULL, ".");
  if (localtime_r(&now, &parts) && strftime(date, sizeof date, "%Y%m%d-%H%M%S", &parts) &&
      thaw_buffer_format(&path, "%s/%s/slurm-%s", s->work->settings->common.folder, s->name, date))
    s->folder = thaw_path_absolute(s->call->arena, NULL, path.data);
  thaw_buffer_free(&path);
  return s->current && s->folder ? THAW_OK : thaw_fail_memory(s->call->ctx, 0);
}

static thaw_status print(const thaw_submission *s) {
  const thaw_sweep_settings *settings = s->work->settings;
  const int format = settings->common.format;
  thaw_status status = THAW_OK;
  if (s->array_count || format != THAW_TABLE_TEXT)
    status = print_arrays(s, !settings->dry_run, format);
  if (status || format != THAW_TABLE_TEXT) return status;
  if (s->array_count && !settings->dry_run)
    print_advice(s);
  else
    print_numbers(s);
  return settings->dry_run ? print_files(s) : THAW_OK;
}

thaw_status thaw_sweep_run_slurm(const thaw_sweep_work *work) {
  const bool dry_run = work->settings->dry_run;
  thaw_submission s = {.work = work, .call = work->call};
  thaw_queue queue;
  thaw_status status = thaw_queue_read(work->call, !dry_run, &queue);
  if (status == THAW_OK) status = find_cache(&s, !dry_run);
  if (status == THAW_OK) status = thaw_slurm_tasks(&s, &queue);
  if (status == THAW_OK && s.task_count) status = name_folders(&s);
  if (status == THAW_OK) status = thaw_slurm_arrays(&s, queue.array_limit);
  if (status == THAW_OK && !dry_run && s.array_count) status = submit_all(&s);
  return status ? status : print(&s);
}
