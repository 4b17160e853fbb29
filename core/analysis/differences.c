/* differences.c: settings of several runs side by side.
 *
 * A row is a key with its value in every run. Configs of one experiment have nearly the same keys
 * in the same order, so looking a key up starts behind the one that was found last. Thousands of
 * runs have few different values: each is kept once, so that equal values are the same pointer. */
#include "analysis/differences.h"

#include <ctype.h>
#include <string.h>

#include "analysis/ends.h"
#include "base/hash.h"
#include "config/yaml.h"

typedef struct setting {
  const char *key;
  const char **values; /* [run_space]; NULL: the run has none */
} setting;

struct thaw_configs {
  thaw_arena *arena;
  setting *settings;
  size_t count, space;
  size_t run_count, run_space;
  size_t next;        /* where the key that comes next is expected */
  const char **texts; /* [text_space] the values, by their hash; NULL: free */
  size_t text_count, text_space;
  size_t failed; /* bytes for which there was no memory; 0: none */
};

thaw_configs *thaw_configs_create(thaw_arena *arena, size_t most) {
  thaw_configs *configs = thaw_arena_zalloc(arena, sizeof *configs);
  if (!configs) return NULL;
  configs->arena = arena;
  configs->run_space = most;
  return configs;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The place of a text in a table of `space` places, a power of 2, that is not full. */
static const char **place_of(const char **texts, size_t space, const char *text) {
  size_t place = (size_t)thaw_hash64(text, strlen(text)) & (space - 1);
  while (texts[place] && strcmp(texts[place], text) != 0) place = (place + 1) & (space - 1);
  return &texts[place];
}

static bool grow_texts(thaw_configs *c) {
  const size_t space = c->text_space ? 2 * c->text_space : 256;
  const char **grown = thaw_arena_zalloc(c->arena, space * sizeof *grown);
  if (!grown) return false;
  for (size_t i = 0; i < c->text_space; i++) {
    if (c->texts[i]) *place_of(grown, space, c->texts[i]) = c->texts[i];
  }
  c->texts = grown;
  c->text_space = space;
  return true;
}

/* The one copy of a value; NULL when there is no memory. */
static const char *keep_text(thaw_configs *c, const char *text) {
  if (2 * c->text_count >= c->text_space && !grow_texts(c)) return NULL;
  const char **place = place_of(c->texts, c->text_space, text);
  if (!*place && (*place = thaw_arena_strdup(c->arena, text))) c->text_count++;
  return *place;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Puts a new key where it was expected, so that keys keep the order of their config. */
static setting *insert(thaw_configs *c, const char *key) {
  if (c->count == c->space) {
    const size_t space = c->space ? 2 * c->space : 128;
    setting *grown = thaw_arena_alloc(c->arena, space * sizeof *grown);
    if (!grown) return NULL;
    if (c->count) memcpy(grown, c->settings, c->count * sizeof *grown);
    c->settings = grown;
    c->space = space;
  }
  const setting added = {thaw_arena_strdup(c->arena, key),
                         thaw_arena_zalloc(c->arena, c->run_space * sizeof *added.values)};
  if (!added.key || !added.values) return NULL;
  setting *place = c->settings + c->next;
  memmove(place + 1, place, (c->count - c->next) * sizeof *place);
  *place = added;
  c->count++;
  return place;
}

static setting *find_or_insert(thaw_configs *c, const char *key) {
  for (size_t i = 0; i < c->count; i++) {
    setting *candidate = &c->settings[(c->next + i) % c->count];
    if (strcmp(candidate->key, key) == 0) return candidate;
  }
  return insert(c, key);
}

static void add_setting(void *user, const char *key, const char *value) {
  thaw_configs *c = user;
  setting *found = find_or_insert(c, key);
  const char *copy = found ? keep_text(c, value) : NULL;
  if (!copy) {
    c->failed = strlen(key) + strlen(value) + c->run_space * sizeof(char *);
    return;
  }
  found->values[c->run_count] = copy;
  c->next = (size_t)(found - c->settings) + 1;
}

thaw_status thaw_configs_add(thaw_context *ctx, thaw_configs *configs, const char *name,
                             const char *text) {
  thaw_arena *scratch = thaw_arena_create();
  if (!scratch) return thaw_fail_memory(ctx, 0);
  thaw_node *root;
  configs->next = 0;
  thaw_status status = thaw_yaml_parse(ctx, scratch, name, text, strlen(text), &root);
  if (status == THAW_OK) {
    thaw_node_flatten(root, scratch, add_setting, configs);
    if (configs->failed) status = thaw_fail_memory(ctx, configs->failed);
    configs->run_count++;
  }
  thaw_arena_free(scratch);
  return status;
}

/* ---- Differences ----------------------------------------------------------------------------- */

static bool differs(const thaw_configs *c, const setting *s) {
  for (size_t r = 1; r < c->run_count; r++) {
    if (s->values[0] != s->values[r]) return true;
  }
  return false;
}

/* "stages.classify.seed" is a setting "seed" of a part. */
static bool is_part_of(const char *key, const char *whole) {
  const size_t length = strlen(key), end = strlen(whole);
  return length > end && key[length - end - 1] == '.' && strcmp(key + length - end, whole) == 0;
}

/* Does a stage's setting, wherever it stands, say what is said for the whole experiment already? */
static bool repeats(const thaw_configs *c, const setting *s) {
  for (size_t i = 0; i < c->count; i++) {
    const setting *other = &c->settings[i];
    if (!is_part_of(s->key, other->key)) continue;
    bool same = true;
    for (size_t r = 0; same && r < c->run_count; r++) {
      same = !s->values[r] || s->values[r] == other->values[r];
    }
    if (same) return true;
  }
  return false;
}

static bool is_wanted(const thaw_configs *c, const setting *s) {
  static const char *const left_out[] = {"name", "description", "seed"};
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
    if (strcmp(s->key, left_out[i]) == 0) return false;
  }
  return differs(c, s) && !repeats(c, s);
}

/* ---- Sections that some runs lack ------------------------------------------------------------ */

static bool stands_below(const char *key, const char *section, size_t length) {
  return strncmp(key, section, length) == 0 && (key[length] == '.' || key[length] == '\0');
}

/* Which runs have anything in the section, the first `length` bytes of `key`? */
static void find_section(const thaw_configs *c, const char *key, size_t length, bool *there) {
  memset(there, 0, c->run_count * sizeof *there);
  for (size_t i = 0; i < c->count; i++) {
    const setting *s = &c->settings[i];
    if (!stands_below(s->key, key, length)) continue;
    for (size_t r = 0; r < c->run_count; r++) there[r] = there[r] || s->values[r];
  }
}

/* Has the setting several values, which say more than that it is there? */
static bool has_values(const thaw_configs *c, const setting *s) {
  const char *value = NULL;
  for (size_t r = 0; r < c->run_count; r++) {
    if (!s->values[r]) continue;
    if (value && value != s->values[r]) return true;
    value = s->values[r];
  }
  return false;
}

/* The length of the outermost section that every run without the setting lacks as a whole; 0: there
 * is none. `there` [runs] is written over. */
static size_t missing_section(const thaw_configs *c, const setting *s, bool *there) {
  if (has_values(c, s)) return 0;
  for (const char *dot = strchr(s->key, '.'); dot; dot = strchr(dot + 1, '.')) {
    const size_t length = (size_t)(dot - s->key);
    find_section(c, s->key, length, there);
    bool missing = true;
    for (size_t r = 0; missing && r < c->run_count; r++) missing = s->values[r] || !there[r];
    if (missing) return length;
  }
  return 0;
}

/* A row for a whole section: the name of its plugin, or "yes", where it is there. False when there
 * is no memory. */
static bool make_section(thaw_configs *c, const char *key, size_t length, bool *there,
                         thaw_difference *section) {
  static const char plugin[] = ".plugin";
  const char **values = thaw_arena_zalloc(c->arena, c->run_count * sizeof *values);
  const char *yes = keep_text(c, "yes");
  *section = (thaw_difference){.key = thaw_arena_strndup(c->arena, key, length), .values = values};
  if (!section->key || !values || !yes) return false;
  find_section(c, key, length, there);
  for (size_t r = 0; r < c->run_count; r++) values[r] = there[r] ? yes : NULL;
  for (size_t i = 0; i < c->count; i++) {
    const setting *s = &c->settings[i];
    if (strncmp(s->key, key, length) != 0 || strcmp(s->key + length, plugin) != 0) continue;
    for (size_t r = 0; r < c->run_count; r++) {
      if (s->values[r]) values[r] = s->values[r];
    }
  }
  return true;
}

/* Is a setting of the section a column that has a value wherever the section is there? */
static bool is_told(const thaw_configs *c, const thaw_difference *section,
                    const thaw_difference *list, size_t count) {
  const size_t length = strlen(section->key);
  for (size_t i = 0; i < count; i++) {
    if (&list[i] == section || !stands_below(list[i].key, section->key, length)) continue;
    bool told = true;
    for (size_t r = 0; told && r < c->run_count; r++) {
      told = !section->values[r] == !list[i].values[r];
    }
    if (told) return true;
  }
  return false;
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Words, and numbers of list items, that mean nothing without the word before. */
static bool says_little(const char *end) {
  static const char *const words[] = {"plugin", "name"};
  if (isdigit((unsigned char)*end)) return true;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(end, words[i]) == 0) return true;
  }
  return false;
}

static bool add_headings(thaw_arena *arena, thaw_difference *differences, size_t count,
                         size_t taken_count, const char *const *taken) {
  const size_t all = count + taken_count;
  const char **keys = thaw_arena_alloc(arena, (all + 1) * sizeof *keys);
  const char **ends = thaw_arena_alloc(arena, (all + 1) * sizeof *ends);
  if (!keys || !ends) return false;
  for (size_t i = 0; i < count; i++) keys[i] = differences[i].key;
  for (size_t i = 0; i < taken_count; i++) keys[count + i] = taken[i];
  if (!thaw_shortest_ends(all, keys, '.', ends)) return false;
  for (size_t i = 0; i < count; i++) {
    while (ends[i] > keys[i] && says_little(ends[i])) {
      ends[i] = thaw_longer_end(keys[i], ends[i], '.');
    }
    differences[i].heading = ends[i];
  }
  return true;
}

/* The settings that differ, and of sections that are missing as a whole one row in their place.
 * False when there is no memory. */
static bool collect(thaw_configs *c, thaw_difference *list, size_t *count) {
  bool *there = thaw_arena_alloc(c->arena, c->run_space * sizeof *there);
  if (!there) return false;
  for (size_t i = 0; i < c->count; i++) {
    const setting *s = &c->settings[i];
    if (!is_wanted(c, s)) continue;
    const size_t length = missing_section(c, s, there);
    if (length == 0) {
      list[(*count)++] = (thaw_difference){
          .key = s->key, .values = s->values, .is_seed = is_part_of(s->key, "seed")};
      continue;
    }
    bool known = false;
    for (size_t k = 0; k < *count && !known; k++) {
      known = strlen(list[k].key) == length && strncmp(list[k].key, s->key, length) == 0;
    }
    if (!known && !make_section(c, s->key, length, there, &list[(*count)++])) return false;
  }
  return true;
}

static void drop_told(const thaw_configs *c, thaw_difference *list, size_t *count) {
  size_t kept = 0;
  for (size_t i = 0; i < *count; i++) {
    if (!is_told(c, &list[i], list, *count)) list[kept++] = list[i];
  }
  *count = kept;
}

thaw_status thaw_configs_differences(thaw_context *ctx, thaw_configs *configs, size_t taken_count,
                                     const char *const *taken, const thaw_difference **differences,
                                     size_t *count) {
  thaw_difference *list = thaw_arena_alloc(configs->arena, (configs->count + 1) * sizeof *list);
  *count = 0;
  if (!list || !collect(configs, list, count)) {
    return thaw_fail_memory(ctx, configs->count * sizeof *list);
  }
  drop_told(configs, list, count);
  if (!add_headings(configs->arena, list, *count, taken_count, taken)) {
    return thaw_fail_memory(ctx, *count * sizeof *list);
  }
  *differences = list;
  return THAW_OK;
}

/* ---- All settings -----------------------------------------------------------------------------
 */

const char *const *thaw_configs_keys(const thaw_configs *configs, size_t *count) {
  const char **keys = thaw_arena_alloc(configs->arena, (configs->count + 1) * sizeof *keys);
  for (size_t i = 0; keys && i < configs->count; i++) keys[i] = configs->settings[i].key;
  *count = keys ? configs->count : 0;
  return keys;
}

const char *const *thaw_configs_varied_keys(const thaw_configs *configs, size_t *count) {
  const char **keys = thaw_arena_alloc(configs->arena, (configs->count + 1) * sizeof *keys);
  *count = 0;
  for (size_t i = 0; keys && i < configs->count; i++) {
    if (has_values(configs, &configs->settings[i])) keys[(*count)++] = configs->settings[i].key;
  }
  return keys;
}

const char **thaw_configs_values(const thaw_configs *configs, const char *key) {
  for (size_t i = 0; i < configs->count; i++) {
    if (strcmp(configs->settings[i].key, key) == 0) return configs->settings[i].values;
  }
  return NULL;
}

void thaw_configs_keep(thaw_configs *configs, const bool *kept) {
  for (size_t i = 0; i < configs->count; i++) {
    const char **values = configs->settings[i].values;
    size_t next = 0;
    for (size_t r = 0; r < configs->run_count; r++) {
      if (kept[r]) values[next++] = values[r];
    }
  }
  size_t left = 0;
  for (size_t r = 0; r < configs->run_count; r++) left += kept[r];
  configs->run_count = left;
}
