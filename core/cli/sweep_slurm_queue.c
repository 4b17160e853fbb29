/* sweep_slurm_queue.c: Slurm's own commands. See sweep_slurm.h.
 *
 * What an earlier submission left in the queue is known from the queue alone: the comment of each
 * of our jobs names the list of its tasks, which says by index what file a task makes. A task that
 * is no more in the queue has left its file, or has not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/program.h"
#include "cli/sweep_slurm.h"

enum { USUAL_ARRAY_LIMIT = 1001 }; /* Slurm's default for MaxArraySize */

/* The first line that says something, without blanks at its ends. */
static const char *first_line(char *text) {
  if (!text) return "";
  text += strspn(text, " \t\n");
  text[strcspn(text, "\n")] = '\0';
  return text;
}

/* Runs a command that must succeed; `result` is to be freed in any case. */
static thaw_status run(const thaw_call *call, const char *const *words,
                       thaw_program_result *result) {
  thaw_status status = thaw_program_run(call->ctx, words, result);
  if (status != THAW_OK || (!result->missing && result->status == 0)) return status;
  if (result->missing)
    return thaw_fail(call->ctx, THAW_FAILED,
                     "--launcher slurm needs Slurm's commands, and '%s' is not in PATH (Debian: "
                     "slurm-client)",
                     words[0]);
  const char *said = first_line(result->err.data);
  if (!*said) said = first_line(result->out.data);
  if (*said) return thaw_fail(call->ctx, THAW_FAILED, "%s", said);
  return thaw_fail(call->ctx, THAW_FAILED, "%s ended with status %d", words[0], result->status);
}

/* ---- The queue ------------------------------------------------------------------------------- */

/* A task in the queue. */
typedef struct entry {
  const char *list; /* the path of its task list */
  size_t index;
  const char *job;  /* "12_3" */
  const char *file; /* NULL: the list does not say */
} entry;

static int by_list(const void *a, const void *b) {
  const entry *x = a, *y = b;
  const int order = strcmp(x->list, y->list);
  return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_file(const void *a, const void *b) {
  return strcmp(((const thaw_queued_task *)a)->file, ((const thaw_queued_task *)b)->file);
}

/* Cuts off and returns what stands before the next `|`; NULL: there is none. */
static char *cut(char **line) {
  char *field = *line, *end = field ? strchr(field, '|') : NULL;
  if (!end) return NULL;
  *end = '\0';
  *line = end + 1;
  return field;
}

/* JOB|INDEX|STATE|COMMENT; 1: one of ours, which waits or runs; 0: another; −1: no memory. */
static int read_entry(const thaw_call *call, char *line, entry *e) {
  const size_t length = strlen(THAW_SLURM_COMMENT);
  const char *job = cut(&line), *index = cut(&line), *state = cut(&line);
  thaw_buffer text = {0};
  if (!state || !*index || index[strspn(index, "0123456789")] ||
      strncmp(line, THAW_SLURM_COMMENT, length) != 0)
    return 0;
  if (strcmp(state, "COMPLETING") == 0) return 0; /* its file is there already, or will not be */
  *e = (entry){.index = strtoul(index, NULL, 10)};
  e->list = thaw_arena_strdup(call->arena, line + length);
  if (thaw_buffer_format(&text, "%s_%s", job, index))
    e->job = thaw_arena_strdup(call->arena, text.data);
  thaw_buffer_free(&text);
  return e->list && e->job ? 1 : -1;
}

static thaw_status read_entries(const thaw_call *call, char *text, entry **entries, size_t *count) {
  size_t lines = 1;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  entry *list = thaw_arena_alloc(call->arena, lines * sizeof *list);
  if (!list) return thaw_fail_memory(call->ctx, lines * sizeof *list);
  *count = 0;
  for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
    *end = '\0';
    const int found = read_entry(call, line, &list[*count]);
    if (found < 0) return thaw_fail_memory(call->ctx, strlen(line));
    *count += (size_t)found;
  }
  qsort(list, *count, sizeof *list, by_list);
  *entries = list;
  return THAW_OK;
}

/* Reads the list of these tasks, which have the same: lines "INDEX FILE COMMAND" with tabs between
 * them. A list that is not there any more says nothing. */
static thaw_status read_list(const thaw_call *call, entry *entries, size_t count) {
  char *line = NULL, *rest;
  size_t space = 0;
  thaw_status status = THAW_OK;
  FILE *file = fopen(entries->list, "re");
  while (file && status == THAW_OK && getline(&line, &space, file) > 0) {
    const entry wanted = {.list = entries->list, .index = strtoul(line, &rest, 10)};
    entry *found = bsearch(&wanted, entries, count, sizeof *entries, by_list);
    if (!found || *rest != '\t') continue;
    rest++;
    rest[strcspn(rest, "\t\n")] = '\0';
    found->file = thaw_arena_strdup(call->arena, rest);
    if (!found->file) status = thaw_fail_memory(call->ctx, strlen(rest));
  }
  free(line);
  if (file) fclose(file);
  return status;
}

static thaw_status find_files(const thaw_call *call, entry *entries, size_t count) {
  thaw_status status = THAW_OK;
  for (size_t i = 0, end; i < count && status == THAW_OK; i = end) {
    end = i + 1;
    while (end < count && strcmp(entries[end].list, entries[i].list) == 0) end++;
    status = read_list(call, entries + i, end - i);
  }
  return status;
}

static thaw_status read_queue(const thaw_call *call, thaw_queue *queue) {
  static const char *const words[] = {"squeue",   "--me",        "--array", "--noheader",
                                      "--format", "%F|%K|%T|%k", NULL};
  thaw_program_result result;
  entry *entries = NULL;
  size_t count = 0;
  thaw_status status = run(call, words, &result);
  if (status == THAW_OK) status = read_entries(call, result.out.data, &entries, &count);
  thaw_program_free(&result);
  if (status == THAW_OK) status = find_files(call, entries, count);
  if (status) return status;
  queue->tasks = thaw_arena_alloc(call->arena, (count + 1) * sizeof *queue->tasks);
  if (!queue->tasks) return thaw_fail_memory(call->ctx, count * sizeof *queue->tasks);
  for (size_t i = 0; i < count; i++) {
    if (entries[i].file)
      queue->tasks[queue->count++] = (thaw_queued_task){entries[i].file, entries[i].job};
  }
  qsort(queue->tasks, queue->count, sizeof *queue->tasks, by_file);
  return THAW_OK;
}

/* MaxArraySize is one more than the largest index. */
static thaw_status read_limit(const thaw_call *call, thaw_queue *queue) {
  static const char *const words[] = {"scontrol", "show", "config", NULL};
  thaw_program_result result;
  thaw_status status = run(call, words, &result);
  const char *line = status == THAW_OK ? strstr(result.out.data, "\nMaxArraySize") : NULL;
  const char *value = line ? strchr(line, '=') : NULL;
  if (value) queue->array_limit = strtoul(value + 1, NULL, 10);
  if (status == THAW_OK && queue->array_limit == 0)
    status = thaw_fail(call->ctx, THAW_FAILED,
                       "this cluster has no job arrays (MaxArraySize is 0), which --launcher slurm "
                       "needs");
  thaw_program_free(&result);
  return status;
}

thaw_status thaw_queue_read(const thaw_call *call, bool needed, thaw_queue *queue) {
  *queue = (thaw_queue){.array_limit = USUAL_ARRAY_LIMIT};
  thaw_status status = read_queue(call, queue);
  if (status == THAW_OK) status = read_limit(call, queue);
  if (status != THAW_FAILED || needed) return status;
  thaw_log(call->ctx, THAW_LOG_WARNING, "what is queued already is not known: %s",
           thaw_error(call->ctx));
  thaw_error_clear(call->ctx);
  *queue = (thaw_queue){.array_limit = USUAL_ARRAY_LIMIT};
  return THAW_OK;
}

const char *thaw_queue_find(const thaw_queue *queue, const char *file) {
  if (queue->count == 0) return NULL;
  const thaw_queued_task wanted = {file, NULL};
  const thaw_queued_task *found =
      bsearch(&wanted, queue->tasks, queue->count, sizeof *queue->tasks, by_file);
  return found ? found->job : NULL;
}

/* ---- Submitting and cancelling --------------------------------------------------------------- */

thaw_status thaw_slurm_submit(const thaw_call *call, const char *const *words, const char **job) {
  thaw_program_result result;
  thaw_status status = run(call, words, &result);
  if (status == THAW_OK) { /* "12", or "12;CLUSTER" */
    const size_t digits = strspn(result.out.data, "0123456789");
    if (digits == 0)
      status = thaw_fail(call->ctx, THAW_FAILED, "sbatch printed no number of a job but '%s'",
                         first_line(result.out.data));
    else if (!(*job = thaw_arena_strndup(call->arena, result.out.data, digits)))
      status = thaw_fail_memory(call->ctx, digits);
  }
  thaw_program_free(&result);
  return status;
}

bool thaw_slurm_cancel(const thaw_call *call, const char *const *jobs, size_t count) {
  thaw_program_result result;
  const char **words = thaw_arena_alloc(call->arena, (count + 2) * sizeof *words);
  if (!words) return false;
  words[0] = "scancel";
  memcpy(words + 1, jobs, count * sizeof *words);
  words[count + 1] = NULL;
  const bool ok = thaw_program_run(call->ctx, words, &result) == THAW_OK && !result.missing &&
                  result.status == 0;
  thaw_program_free(&result);
  return ok;
}
