/* diff_environment.c: what two runs were trained on and with: hashes of the data, versions, the
 * machine. All of it stands in /environment, which is read once for the two sections. */
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "base/context.h"

#define DATA "data."

/* One key of /environment. */
typedef struct pair {
  const char *key;
  char *values[2]; /* NULL: the run has none */
} pair;

typedef struct environment {
  char **keys[2];
  size_t counts[2];
  pair *pairs; /* all keys of the first run, then those that the second alone has */
  size_t count;
} environment;

static void free_environment(environment *e) {
  for (size_t i = 0; i < e->count; i++) {
    free(e->pairs[i].values[0]);
    free(e->pairs[i].values[1]);
  }
  for (size_t i = 0; i < 2; i++) {
    for (size_t k = 0; k < e->counts[i]; k++) free(e->keys[i][k]);
    free(e->keys[i]);
  }
  free(e->pairs);
}

static bool has_key(const environment *e, const char *key) {
  for (size_t i = 0; i < e->count; i++) {
    if (strcmp(e->pairs[i].key, key) == 0) return true;
  }
  return false;
}

static thaw_status read_environment(diff_reader *r, environment *e) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    if (thaw_run_has(r->runs[i], "environment"))
      status = thaw_run_environment(r->ctx, r->runs[i], &e->keys[i], &e->counts[i]);
  }
  e->pairs = calloc(e->counts[0] + e->counts[1] + 1, sizeof *e->pairs);
  if (status == THAW_OK && !e->pairs) status = thaw_fail_memory(r->ctx, e->counts[0]);
  for (size_t i = 0; i < 2; i++) {
    for (size_t k = 0; k < e->counts[i] && status == THAW_OK; k++) {
      const char *key = e->keys[i][k];
      if (has_key(e, key)) continue;
      const char *part = thaw_diff_format(r, "environment/%s", key);
      if (!part) return thaw_fail_memory(r->ctx, strlen(key));
      pair *added = &e->pairs[e->count++];
      added->key = key;
      status = thaw_diff_read_texts(r, part, added->values);
    }
  }
  return status;
}

static bool begins_with(const char *key, const char *beginning) {
  return strncmp(key, beginning, strlen(beginning)) == 0;
}

static bool differs(const pair *p) {
  const char *a = p->values[0], *b = p->values[1];
  return a && b ? strcmp(a, b) != 0 : a != b;
}

/* ---- Data ------------------------------------------------------------------------------------ */

/* Have both runs a hash of a file of the data set, the first `length` bytes of `key`? Runs of older
 * versions have one of the whole alone. */
static bool has_files(const environment *e, const char *key, size_t length) {
  for (size_t i = 0; i < e->count; i++) {
    const pair *p = &e->pairs[i];
    if (strncmp(p->key, key, length) == 0 && p->key[length] == '.' && p->values[0] &&
        p->values[1]) {
      return true;
    }
  }
  return false;
}

/* "data.target" is told only where "data.target.train" … are not. */
static void compare_file(diff_reader *r, const environment *e, const pair *p) {
  const char *name = p->key;
  if (!differs(p)) return;
  if (begins_with(p->key, DATA)) {
    name += strlen(DATA);
    const size_t length = strlen(DATA) + strcspn(name, ".");
    const bool is_file = p->key[length] == '.';
    if (is_file != has_files(e, p->key, length)) return;
    /* A data set that one run does not have is a matter of the config. */
    if (!is_file && (!p->values[0] || !p->values[1])) return;
  }
  thaw_diff_texts(r, name, p->values[0], p->values[1]);
  thaw_diff_note(r, &r->facts.data, name);
}

thaw_status thaw_diff_data(diff_reader *r) {
  environment e = {0};
  size_t known = 0;
  thaw_status status = read_environment(r, &e);
  for (size_t i = 0; i < e.count && status == THAW_OK; i++) {
    const pair *p = &e.pairs[i];
    if (!begins_with(p->key, DATA) && !begins_with(p->key, "run.")) continue;
    known += p->values[0] && p->values[1];
    compare_file(r, &e, p);
  }
  const size_t count = r->section->count;
  if (count > 0) {
    thaw_diff_summary(r, "the contents of %zu file%s differ%s (hashes)", count,
                      thaw_diff_plural(count), count == 1 ? "s" : "");
  } else if (known == 0) {
    thaw_diff_summary(r, "not known: the runs have no hashes in common");
  }
  free_environment(&e);
  return status;
}

/* ---- Environment ----------------------------------------------------------------------------- */

static bool is_one_of(const char *key, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(key, words[i]) == 0) return true;
  }
  return false;
}

static void compare_pair(diff_reader *r, const pair *p) {
  /* Of every run its own, compared elsewhere, or what follows from the config. */
  static const char *const left_out[] = {"started", "key", "stage", "transfer"};
  static const char *const rounding[] = {"threads", "loops", "openblas", "processor", "compiler"};
  const bool is_plugin = begins_with(p->key, "plugin.");
  if (!differs(p) || begins_with(p->key, DATA) || begins_with(p->key, "run.")) return;
  if (is_one_of(p->key, left_out, sizeof left_out / sizeof *left_out)) return;
  /* Another plugin is a matter of the config. */
  if (is_plugin && (!p->values[0] || !p->values[1])) return;
  thaw_diff_texts(r, p->key, p->values[0], p->values[1]);
  if (is_plugin || strcmp(p->key, "thaw_version") == 0)
    thaw_diff_note(r, &r->facts.versions, p->key);
  if (is_one_of(p->key, rounding, sizeof rounding / sizeof *rounding))
    thaw_diff_note(r, &r->facts.machine, p->key);
}

/* Runs of a time when /environment had no plugins know their tokenizer's version. */
static thaw_status compare_tokenizers(diff_reader *r) {
  char *plugins[2], *versions[2] = {NULL, NULL};
  thaw_status status = thaw_diff_read_texts(r, "tokenizer/plugin", plugins);
  if (status == THAW_OK) status = thaw_diff_read_texts(r, "tokenizer/version", versions);
  const bool comparable = plugins[0] && plugins[1] && versions[0] && versions[1];
  if (comparable && strcmp(plugins[0], plugins[1]) == 0 && strcmp(versions[0], versions[1]) != 0) {
    const char *key = thaw_diff_format(r, "plugin.tokenizer.%s", plugins[0]);
    bool told = false;
    for (size_t i = 0; i < r->section->count; i++)
      told |= key && strcmp(r->section->rows[i].what, key) == 0;
    if (key && !told) {
      thaw_diff_texts(r, key, versions[0], versions[1]);
      thaw_diff_note(r, &r->facts.versions, key);
    }
  }
  for (size_t i = 0; i < 2; i++) {
    free(plugins[i]);
    free(versions[i]);
  }
  return status;
}

thaw_status thaw_diff_environment(diff_reader *r) {
  environment e = {0};
  thaw_status status = read_environment(r, &e);
  for (size_t i = 0; i < e.count && status == THAW_OK; i++) compare_pair(r, &e.pairs[i]);
  if (status == THAW_OK) status = compare_tokenizers(r);
  const size_t count = r->section->count;
  if (count > 0)
    thaw_diff_summary(r, "%zu thing%s differ%s", count, thaw_diff_plural(count),
                      count == 1 ? "s" : "");
  free_environment(&e);
  return status;
}
