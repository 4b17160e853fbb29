/* diff_config.c: the resolved configs of two runs, key by key.
 *
 * A setting that differs need not change a result: names, how many threads were asked for, and
 * paths, whose contents are compared as data. Where both runs have the same key (stage_key.h), no
 * setting that differs does. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "analysis/differences.h"
#include "base/context.h"

static bool is_path(const char *value) {
  return value && (value[0] == '/' || strncmp(value, "[/", 2) == 0);
}

static bool ends_with(const char *key, const char *end) {
  const size_t length = strlen(key), end_length = strlen(end);
  return length >= end_length && strcmp(key + length - end_length, end) == 0;
}

/* Can a difference there change no result by itself? */
static bool is_harmless(const thaw_difference *d) {
  static const char *const words[] = {"name", "description", "threads"};
  const bool is_file = strncmp(d->key, "data.", 5) == 0 || strncmp(d->key, "average", 7) == 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(d->key, words[i]) == 0) return true;
  }
  if (ends_with(d->key, ".keep_weights")) return true;
  return is_file && is_path(d->values[0]) && is_path(d->values[1]);
}

static thaw_status read_keys(diff_reader *r) {
  char *keys[2], *stages[2] = {NULL, NULL};
  thaw_status status = thaw_diff_read_texts(r, "environment/key", keys);
  if (status == THAW_OK) status = thaw_diff_read_texts(r, "environment/stage", stages);
  if (keys[0] && keys[1]) {
    r->facts.same_keys = strcmp(keys[0], keys[1]) == 0;
    r->facts.other_keys = !r->facts.same_keys;
  }
  if (stages[0] && stages[1] && strcmp(stages[0], stages[1]) != 0) {
    thaw_diff_texts(r, "stage", stages[0], stages[1]);
    thaw_diff_note(r, &r->facts.settings, "the stage");
  }
  for (size_t i = 0; i < 2; i++) {
    free(keys[i]);
    free(stages[i]);
  }
  return status;
}

/* What thaw_configs_differences leaves out. */
static thaw_status compare_names(diff_reader *r) {
  char *names[2], seeds[2][24];
  thaw_status status = thaw_diff_read_texts(r, "name", names);
  if (names[0] && names[1] && strcmp(names[0], names[1]) != 0)
    thaw_diff_texts(r, "name", names[0], names[1]);
  for (size_t i = 0; i < 2; i++) {
    snprintf(seeds[i], sizeof seeds[i], "%" PRIu64, thaw_run_seed(r->runs[i]));
    free(names[i]);
  }
  if (strcmp(seeds[0], seeds[1]) != 0) {
    thaw_diff_texts(r, "seed", seeds[0], seeds[1]);
    if (!r->facts.same_keys) thaw_diff_note(r, &r->facts.settings, "seed");
  }
  return status;
}

static thaw_status compare_settings(diff_reader *r) {
  const thaw_difference *differences = NULL;
  size_t count = 0;
  thaw_status status = THAW_OK;
  thaw_configs *configs = thaw_configs_create(r->diff->arena, 2);
  if (!configs) return thaw_fail_memory(r->ctx, 0);
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    char *resolved = NULL;
    status = thaw_run_text(r->ctx, r->runs[i], "config/resolved", &resolved);
    if (status == THAW_OK) status = thaw_configs_add(r->ctx, configs, r->diff->paths[i], resolved);
    free(resolved);
  }
  if (status == THAW_OK)
    status = thaw_configs_differences(r->ctx, configs, 0, NULL, &differences, &count);
  for (size_t i = 0; i < count; i++) {
    const thaw_difference *d = &differences[i];
    thaw_diff_texts(r, d->key, d->values[0], d->values[1]);
    if (!r->facts.same_keys && !is_harmless(d)) thaw_diff_note(r, &r->facts.settings, d->key);
  }
  return status;
}

thaw_status thaw_diff_config(diff_reader *r) {
  thaw_status status = read_keys(r);
  if (status == THAW_OK) status = compare_names(r);
  if (status == THAW_OK) status = compare_settings(r);
  const size_t count = r->section->count;
  if (count == 0) return status;
  thaw_diff_summary(r, "%zu setting%s differ%s%s", count, thaw_diff_plural(count),
                    count == 1 ? "s" : "",
                    r->facts.settings.size ? "" : ", in nothing that changes a result");
  return status;
}
