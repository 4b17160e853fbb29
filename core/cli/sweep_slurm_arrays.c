/* sweep_slurm_arrays.c: which tasks share a job array. See sweep_slurm.h.
 *
 * An array has tasks of one stage that ask for the same and wait for the same. Slurm knows two ways
 * for an array to wait: all its tasks for one task of another array (afterok:12_0), or each for the
 * task with its own index (aftercorr:12). Below an array the first way takes an array for every
 * task that others wait for, the second one for every such other of a task: forty runs on one
 * language model are one array in the first way, forty models with a run each in the second. The
 * one with fewer arrays is taken. */
#include <stdlib.h>
#include <string.h>

#include "cli/sweep_slurm.h"

typedef struct building {
  thaw_submission *s;
  size_t limit;
  size_t *found; /* [found_count] tasks that wait for the same array, or for nothing */
  size_t found_count;
  size_t *group; /* [group_count] of them, those that may share an array */
  size_t group_count;
  size_t *chosen; /* [group_count]: of the group */
} building;

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- One array ------------------------------------------------------------------------------- */

/* An array of these tasks, which have their indices already. */
static thaw_status add_array(building *b, const size_t *tasks, size_t count, size_t before,
                             size_t before_index) {
  thaw_submission *s = b->s;
  thaw_arena *arena = s->call->arena;
  const thaw_slurm_task *first = &s->tasks[tasks[0]];
  thaw_slurm_array *array = &s->arrays[s->array_count];
  size_t *copy = thaw_arena_alloc(arena, count * sizeof *copy);
  thaw_buffer name = {0}, job = {0};
  if (thaw_buffer_format(&name, "%zu-%s", s->array_count + 1, first->stage) &&
      thaw_buffer_format(&job, "${job%zu}", s->array_count + 1)) {
    *array = (thaw_slurm_array){.name = thaw_arena_strdup(arena, name.data),
                                .job = thaw_arena_strdup(arena, job.data),
                                .stage = first->stage,
                                .request = first->request,
                                .queued_before = first->queued_before,
                                .before = before,
                                .before_index = before_index,
                                .tasks = copy,
                                .count = count};
  }
  thaw_buffer_free(&name);
  thaw_buffer_free(&job);
  if (!copy || !array->name || !array->job) return thaw_fail_memory(s->call->ctx, sizeof *array);
  memcpy(copy, tasks, count * sizeof *copy);
  for (size_t i = 0; i < count; i++) s->tasks[tasks[i]].array = s->array_count;
  s->array_count++;
  return THAW_OK;
}

/* The chosen tasks, numbered from 0, in as many arrays as they need. */
static thaw_status add_numbered(building *b, size_t count, size_t before, size_t before_index) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < count && status == THAW_OK; i += b->limit) {
    const size_t part = count - i < b->limit ? count - i : b->limit;
    for (size_t k = 0; k < part; k++) b->s->tasks[b->chosen[i + k]].index = k;
    status = add_array(b, b->chosen + i, part, before, before_index);
  }
  return status;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* Takes from the tasks that were found the first one and those that may share an array with it. */
static void take_group(building *b) {
  const thaw_slurm_task *tasks = b->s->tasks, *first = &tasks[b->found[0]];
  size_t kept = 0;
  b->group_count = 0;
  for (size_t i = 0; i < b->found_count; i++) {
    const thaw_slurm_task *task = &tasks[b->found[i]];
    const bool fits = strcmp(task->stage, first->stage) == 0 && task->request == first->request &&
                      same_text(task->queued_before, first->queued_before);
    if (fits)
      b->group[b->group_count++] = b->found[i];
    else
      b->found[kept++] = b->found[i];
  }
  b->found_count = kept;
}

/* Tasks of the group that wait for this one. */
static size_t choose_after(building *b, size_t before) {
  size_t count = 0;
  for (size_t i = 0; i < b->group_count; i++) {
    if (b->s->tasks[b->group[i]].before == before) b->chosen[count++] = b->group[i];
  }
  return count;
}

/* An array for every task that some of the group wait for. */
static thaw_status add_by_task(building *b, size_t array) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < b->s->arrays[array].count && status == THAW_OK; i++) {
    const size_t before = b->s->arrays[array].tasks[i];
    const size_t count = choose_after(b, before);
    if (count) status = add_numbered(b, count, array, b->s->tasks[before].index);
  }
  return status;
}

/* An array of the first tasks that wait, one of the second ones, and so on: with the index of what
 * they wait for. */
static thaw_status add_by_turn(building *b, size_t array, size_t turns) {
  thaw_status status = THAW_OK;
  for (size_t turn = 0; turn < turns && status == THAW_OK; turn++) {
    size_t count = 0;
    for (size_t i = 0; i < b->s->arrays[array].count; i++) {
      const size_t before = b->s->arrays[array].tasks[i];
      size_t seen = 0;
      for (size_t k = 0; k < b->group_count; k++) {
        thaw_slurm_task *task = &b->s->tasks[b->group[k]];
        if (task->before != before || seen++ != turn) continue;
        task->index = b->s->tasks[before].index;
        b->chosen[count++] = b->group[k];
        break;
      }
    }
    status = add_array(b, b->chosen, count, array, THAW_NO_TASK);
  }
  return status;
}

static thaw_status add_after(building *b, size_t array) {
  size_t waited_for = 0, most = 0;
  for (size_t i = 0; i < b->s->arrays[array].count; i++) {
    const size_t count = choose_after(b, b->s->arrays[array].tasks[i]);
    waited_for += count > 0;
    if (count > most) most = count;
  }
  return most < waited_for ? add_by_turn(b, array, most) : add_by_task(b, array);
}

static thaw_status add_roots(building *b) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < b->s->task_count; i++) {
    if (b->s->tasks[i].before == THAW_NO_TASK) b->found[b->found_count++] = i;
  }
  while (b->found_count && status == THAW_OK) {
    take_group(b);
    memcpy(b->chosen, b->group, b->group_count * sizeof *b->group);
    status = add_numbered(b, b->group_count, THAW_NO_TASK, THAW_NO_TASK);
  }
  return status;
}

thaw_status thaw_slurm_arrays(thaw_submission *s, size_t limit) {
  const size_t most = s->task_count + 1;
  thaw_arena *arena = s->call->arena;
  building b = {.s = s, .limit = limit};
  s->arrays = thaw_arena_zalloc(arena, most * sizeof *s->arrays);
  b.found = thaw_arena_alloc(arena, most * sizeof *b.found);
  b.group = thaw_arena_alloc(arena, most * sizeof *b.group);
  b.chosen = thaw_arena_alloc(arena, most * sizeof *b.chosen);
  if (!s->arrays || !b.found || !b.group || !b.chosen)
    return thaw_fail_memory(s->call->ctx, most * sizeof *s->arrays);
  thaw_status status = add_roots(&b);
  for (size_t a = 0; a < s->array_count && status == THAW_OK; a++) {
    for (size_t i = 0; i < s->task_count; i++) {
      const size_t before = s->tasks[i].before;
      if (before != THAW_NO_TASK && s->tasks[before].array == a) b.found[b.found_count++] = i;
    }
    while (b.found_count && status == THAW_OK) {
      take_group(&b);
      status = add_after(&b, a);
    }
  }
  return status;
}
