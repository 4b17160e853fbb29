/* run_summary_choice.c: which runs a list shows, and in which order. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/differences.h"
#include "analysis/run_summary.h"
#include "analysis/where.h"
#include "base/context.h"
#include "store/tags.h"

/* ---- Conditions ------------------------------------------------------------------------------ */

/* What a run has beside its settings. */
static const char *const own_keys[] = {"run",     "path",    "name",     "seed",
                                       "state",   "stage",   "accuracy", "perplexity",
                                       "started", "seconds", "size",     "tag"};
enum { OWN_KEYS = sizeof own_keys / sizeof *own_keys };

/* One run that is asked. */
typedef struct asked {
  const thaw_run_summary *summary;
  thaw_configs *configs;
  size_t number; /* its place among the configs */
  char text[64]; /* of a number */
} asked;

static const char *number_text(asked *a, double value) {
  if (!isfinite(value)) return NULL;
  snprintf(a->text, sizeof a->text, "%.17g", value);
  return a->text;
}

static const char *own_value(asked *a, const char *key) {
  const thaw_run_summary *s = a->summary;
  if (strcmp(key, "run") == 0) return s->label;
  if (strcmp(key, "path") == 0) return s->path;
  if (strcmp(key, "state") == 0) return s->state;
  if (strcmp(key, "size") == 0) return number_text(a, (double)s->bytes);
  if (s->fault) return NULL;
  if (strcmp(key, "name") == 0) return s->name;
  if (strcmp(key, "stage") == 0) return s->stage;
  if (strcmp(key, "started") == 0) return s->started;
  if (strcmp(key, "accuracy") == 0) return number_text(a, s->accuracy);
  if (strcmp(key, "perplexity") == 0) return number_text(a, s->perplexity);
  if (strcmp(key, "seconds") == 0) return number_text(a, s->seconds);
  if (strcmp(key, "tag") == 0) return *s->tags ? s->tags : NULL;
  snprintf(a->text, sizeof a->text, "%" PRIu64, s->seed);
  return a->text;
}

static bool is_own(const char *key) {
  for (size_t i = 0; i < OWN_KEYS; i++) {
    if (strcmp(key, own_keys[i]) == 0) return true;
  }
  return false;
}

static const char *look_up(void *user, const char *key) {
  asked *a = user;
  if (is_own(key)) return own_value(a, key);
  const char **values = thaw_configs_values(a->configs, key);
  return values ? values[a->number] : NULL;
}

static thaw_status read_configs(thaw_context *ctx, thaw_arena *arena,
                                const thaw_run_summary *summaries, size_t count,
                                thaw_configs **configs) {
  thaw_status status = THAW_OK;
  *configs = thaw_configs_create(arena, count + 1);
  if (!*configs) return thaw_fail_memory(ctx, count);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    const char *config = summaries[i].config;
    status = thaw_configs_add(ctx, *configs, summaries[i].path, config ? config : "{}\n");
  }
  return status;
}

/* The conditions, with keys as they are written in full. */
static thaw_status read_where(thaw_context *ctx, thaw_arena *arena, size_t count,
                              const char *const *expressions, const thaw_configs *configs,
                              thaw_where **where) {
  size_t setting_count = 0;
  thaw_status status = thaw_where_parse(ctx, arena, count, expressions, where);
  if (status != THAW_OK) return status;
  const char *const *settings = thaw_configs_keys(configs, &setting_count);
  const char **known = thaw_arena_alloc(arena, (OWN_KEYS + setting_count) * sizeof *known);
  if (!settings || !known) return thaw_fail_memory(ctx, setting_count * sizeof *known);
  memcpy(known, own_keys, sizeof own_keys);
  if (setting_count) memcpy(known + OWN_KEYS, settings, setting_count * sizeof *known);
  return thaw_where_resolve(ctx, *where, OWN_KEYS + setting_count, known);
}

static bool has_tags(const thaw_run_summary *summary, size_t count, const char *const *tags) {
  for (size_t i = 0; i < count; i++) {
    if (summary->fault || !thaw_tags_have(summary->tags, tags[i])) return false;
  }
  return true;
}

thaw_status thaw_run_summaries_keep(thaw_context *ctx, thaw_arena *arena, size_t where_count,
                                    const char *const *where, size_t tag_count,
                                    const char *const *tags, thaw_run_summary *summaries,
                                    size_t *count) {
  thaw_configs *configs = NULL;
  thaw_where *conditions = NULL;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < tag_count && status == THAW_OK; i++) status = thaw_tag_check(ctx, tags[i]);
  if (status == THAW_OK && where_count)
    status = read_configs(ctx, arena, summaries, *count, &configs);
  if (status == THAW_OK && where_count)
    status = read_where(ctx, arena, where_count, where, configs, &conditions);
  if (status != THAW_OK) return status;
  size_t kept = 0;
  for (size_t i = 0; i < *count; i++) {
    asked a = {.summary = &summaries[i], .configs = configs, .number = i};
    if (!has_tags(&summaries[i], tag_count, tags)) continue;
    if (where_count && !thaw_where_holds(conditions, look_up, &a)) continue;
    summaries[kept++] = summaries[i];
  }
  *count = kept;
  return THAW_OK;
}

/* ---- Order ----------------------------------------------------------------------------------- */

const char *const thaw_summary_orders[] = {"given",   "name",    "seed", "accuracy", "perplexity",
                                           "started", "seconds", "size", NULL};

/* Texts in byte order, what is not there last. */
static int compare_texts(const char *a, const char *b) {
  if (!a || !b) return !a - !b;
  return strcmp(a, b);
}

/* Small numbers first, what is not known last. */
static int compare_numbers(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
  return (a > b) - (a < b);
}

static int compare(const thaw_run_summary *a, const thaw_run_summary *b, thaw_summary_order order) {
  switch (order) {
    case THAW_SUMMARIES_GIVEN:
      return 0;
    case THAW_SUMMARIES_NAME:
      return compare_texts(a->name, b->name);
    case THAW_SUMMARIES_SEED:
      if (a->fault || b->fault) return !!a->fault - !!b->fault;
      return (a->seed > b->seed) - (a->seed < b->seed);
    case THAW_SUMMARIES_ACCURACY:
      return compare_numbers(-a->accuracy, -b->accuracy);
    case THAW_SUMMARIES_PERPLEXITY:
      return compare_numbers(a->perplexity, b->perplexity);
    case THAW_SUMMARIES_STARTED:
      return a->started && b->started ? strcmp(b->started, a->started)
                                      : compare_texts(a->started, b->started);
    case THAW_SUMMARIES_SECONDS:
      return compare_numbers(a->seconds, b->seconds);
    case THAW_SUMMARIES_SIZE:
      return (a->bytes < b->bytes) - (a->bytes > b->bytes);
  }
  return 0;
}

/* Merges the sorted halves by way of `room`: a stable sort, which qsort is not. */
static void sort(thaw_run_summary *list, size_t count, thaw_run_summary *room,
                 thaw_summary_order order) {
  if (count < 2) return;
  const size_t half = count / 2;
  sort(list, half, room, order);
  sort(list + half, count - half, room, order);
  memcpy(room, list, half * sizeof *list);
  size_t left = 0, right = half, next = 0;
  while (left < half) {
    const bool take_left = right == count || compare(&room[left], &list[right], order) <= 0;
    list[next++] = take_left ? room[left++] : list[right++];
  }
}

thaw_status thaw_run_summaries_sort(thaw_context *ctx, thaw_run_summary *summaries, size_t count,
                                    thaw_summary_order order) {
  thaw_run_summary *room = malloc((count + 1) * sizeof *room);
  if (!room) return thaw_fail_memory(ctx, count * sizeof *room);
  sort(summaries, count, room, order);
  free(room);
  return THAW_OK;
}
