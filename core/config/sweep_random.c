/* sweep_random.c: the word `random`: samples drawn from lists and ranges.
 *
 * Each key has random numbers of its own, by the seed and its name, so that a larger count keeps
 * the samples that were there. A number of a range is found by halving the range again and again,
 * on the side that the next random bit says: that takes additions and square roots only, which
 * IEEE 754 rounds in the same way on every machine, as it does not powers and logarithms. A sample
 * that was drawn before is drawn again. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/hash.h"
#include "config/reading.h"
#include "config/sweep.h"

enum { HALVINGS = 32, PATIENCE = 64, LONGEST_NUMBER = 32, PIECE = 1 << 16 };

/* ---- Keys ----------------------------------------------------------------------------------- */

typedef struct random_values {
  int64_t count, seed;
} random_values;

static const thaw_key random_keys[] = {
    {.value = {.name = "count",
               .type = THAW_PARAM_INT,
               .offset = offsetof(random_values, count),
               .minimum = 1,
               .maximum = THAW_SWEEP_MOST,
               .doc = "how many samples"},
     .required = true},
    {.value = {.name = "seed",
               .type = THAW_PARAM_INT,
               .offset = offsetof(random_values, seed),
               .default_value = "1",
               .minimum = 0,
               .maximum = 9.3e18,
               .doc = "of the samples"}},
    {.type = THAW_KEY_SWEEP,
     .value = {.name = "values", .doc = "keys with lists of values or with ranges"},
     .required = true},
    {0}};

static const thaw_level random_level = {random_keys, NULL, NULL, NULL};

static const char *const scales[] = {"linear", "log", NULL};

static const thaw_key range_keys[] = {
    {.value = {.name = "from",
               .type = THAW_PARAM_REAL,
               .offset = offsetof(thaw_range, from),
               .doc = "the lowest number"},
     .required = true},
    {.value = {.name = "to",
               .type = THAW_PARAM_REAL,
               .offset = offsetof(thaw_range, to),
               .doc = "the highest number"},
     .required = true},
    {.value = {.name = "scale",
               .type = THAW_PARAM_CHOICE,
               .offset = offsetof(thaw_range, scale),
               .choices = scales,
               .default_value = "linear",
               .doc = "log: every ratio is as likely, as for rates"}},
    {.value = {.name = "integer",
               .type = THAW_PARAM_BOOL,
               .offset = offsetof(thaw_range, integer),
               .default_value = "false",
               .doc = "whole numbers only"}},
    {0}};

static const thaw_level range_level = {range_keys, NULL, NULL, NULL};

/* ---- Reading -------------------------------------------------------------------------------- */

/* What a key's values are drawn from. */
typedef struct source {
  const thaw_node *key;
  const char **sets; /* [count] of a list; NULL: a range */
  size_t count;
  thaw_range range;
  bool is_log;
  bool fixed; /* the user overrides the key: drawn all the same, so that the others stay */
  thaw_rng rng;
} source;

static bool is_whole(double number) {
  return floor(number) == number && fabs(number) <= 1e15;
}

static thaw_status check_range(const thaw_reading *r, const thaw_section *section,
                               const source *from) {
  const thaw_range *range = &from->range;
  const char *const ends[] = {"from", "to"};
  if (!(range->from < range->to)) {
    return thaw_reading_fail(r, thaw_section_key(section, "to"), section->path, "to",
                             "expected more than from, which is %s, found %s",
                             thaw_section_key(section, "from")->text,
                             thaw_section_key(section, "to")->text);
  }
  if (from->is_log && !(range->from > 0)) {
    return thaw_reading_fail(r, thaw_section_key(section, "from"), section->path, "from",
                             "a log scale begins above 0, found %s",
                             thaw_section_key(section, "from")->text);
  }
  for (size_t i = 0; i < 2 && range->integer; i++) {
    const thaw_node *end = thaw_section_key(section, ends[i]);
    if (is_whole(i ? range->to : range->from)) continue;
    return thaw_reading_fail(r, end, section->path, ends[i],
                             "expected a whole number, as integer is true, found %s", end->text);
  }
  return THAW_OK;
}

static thaw_status read_range(const thaw_reading *r, const thaw_section *values, source *from) {
  thaw_section section;
  thaw_status status = thaw_section_open(r, values, from->key->key, &section);
  if (status == THAW_OK) status = thaw_section_check(r, &section, &range_level, 0);
  if (status == THAW_OK) status = thaw_section_values(r, &section, &range_level, 0, &from->range);
  if (status != THAW_OK) return status;
  from->is_log = strcmp(from->range.scale, "log") == 0;
  return check_range(r, &section, from);
}

static thaw_status read_source(thaw_sweeping *s, const thaw_reading *r, const thaw_section *values,
                               uint64_t seed, source *from) {
  const char *name = from->key->key;
  from->fixed = thaw_sweep_is_fixed(s, name);
  from->rng = thaw_rng_make(seed, thaw_hash64(name, strlen(name)));
  thaw_status status = thaw_sweep_check_key(s->ctx, from->key, false);
  if (status == THAW_OK && !from->fixed) status = thaw_sweep_add_key(s, from->key);
  if (status != THAW_OK) return status;
  if (from->key->kind == THAW_NODE_MAP) return read_range(r, values, from);
  return thaw_sweep_list(s, from->key, &from->sets, &from->count);
}

/* ---- Drawing -------------------------------------------------------------------------------- */

static double draw_real(source *from, double low, double high) {
  const uint64_t bits = thaw_rng_next(&from->rng);
  for (int i = 0; i < HALVINGS; i++) {
    const double middle = from->is_log ? sqrt(low) * sqrt(high) : 0.5 * low + 0.5 * high;
    if (bits >> (63 - i) & 1) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

static int64_t draw_whole(source *from) {
  const int64_t low = (int64_t)from->range.from, high = (int64_t)from->range.to;
  if (!from->is_log) return low + (int64_t)thaw_rng_below(&from->rng, (uint64_t)(high - low) + 1);
  const int64_t number = (int64_t)draw_real(from, from->range.from, from->range.to + 1);
  return number < low ? low : number > high ? high : number;
}

/* Six digits are what a table can show; the range is not left for them. */
static void write_real(const thaw_range *range, double number, char text[LONGEST_NUMBER]) {
  const double margin = 1e-5 * fabs(number); /* more than what rounding adds or takes away */
  snprintf(text, LONGEST_NUMBER, "%.6g", number);
  if (number - margin >= range->from && number + margin <= range->to) return;
  const double written = strtod(text, NULL);
  if (written < range->from || written > range->to) snprintf(text, LONGEST_NUMBER, "%.17g", number);
}

/* Appends "KEY=VALUE" and a NUL; of a list `*set` is what it chose, else NULL. */
static thaw_status draw(thaw_sweeping *s, source *from, thaw_buffer *line, const char **set) {
  char number[LONGEST_NUMBER];
  *set = NULL;
  if (from->sets) {
    *set = from->sets[thaw_rng_below(&from->rng, from->count)];
    return thaw_buffer_append(line, *set, strlen(*set) + 1) ? THAW_OK
                                                            : thaw_fail_memory(s->ctx, line->size);
  }
  if (from->range.integer) {
    snprintf(number, sizeof number, "%" PRId64, draw_whole(from));
  } else {
    write_real(&from->range, draw_real(from, from->range.from, from->range.to), number);
  }
  const bool ok = thaw_buffer_append(line, from->key->key, strlen(from->key->key)) &&
                  thaw_buffer_append(line, "=", 1) &&
                  thaw_buffer_append(line, number, strlen(number) + 1);
  return ok ? THAW_OK : thaw_fail_memory(s->ctx, line->size);
}

/* ---- Samples -------------------------------------------------------------------------------- */

/* The samples while they are drawn. */
typedef struct drawing {
  thaw_sweeping *s;
  source *sources; /* [count] */
  size_t count;
  thaw_axis *axis;
  const char **sets; /* the next sample's */
  uint64_t *seen;    /* hashes of the samples; an open hash table, 0: free */
  size_t seen_size;  /* a power of two */
  thaw_buffer line;  /* the sample's texts, one behind the other */
  const char **chosen;
  char *piece; /* where texts are kept, and what is left there */
  size_t piece_left;
} drawing;

/* Two samples with one hash would be two of 2^64: the second is drawn again as if it were a twin.
 */
static bool is_new(drawing *d) {
  uint64_t hash = thaw_hash64(d->line.data, d->line.size);
  if (hash == 0) hash = 1;
  size_t place = hash & (d->seen_size - 1);
  for (; d->seen[place]; place = (place + 1) & (d->seen_size - 1)) {
    if (d->seen[place] == hash) return false;
  }
  d->seen[place] = hash;
  return true;
}

/* A copy of the text; many share a piece of the arena, whose pieces are not small. */
static const char *keep(drawing *d, const char *text) {
  const size_t bytes = strlen(text) + 1;
  if (bytes > d->piece_left) {
    d->piece_left = bytes > PIECE ? bytes : PIECE;
    d->piece = thaw_arena_alloc(d->s->arena, d->piece_left);
    if (!d->piece) return NULL;
  }
  char *copy = memcpy(d->piece, text, bytes);
  d->piece += bytes;
  d->piece_left -= bytes;
  return copy;
}

/* The sample in the line becomes a value of the axis. */
static thaw_status keep_sample(drawing *d) {
  thaw_sweep_point *value = &d->axis->values[d->axis->count++];
  const char *text = d->line.data;
  *value = (thaw_sweep_point){.sets = d->sets};
  for (size_t i = 0; i < d->count; i++, text += strlen(text) + 1) {
    if (d->sources[i].fixed) continue;
    const char *set = d->chosen[i] ? d->chosen[i] : keep(d, text);
    if (!set) return thaw_fail_memory(d->s->ctx, PIECE);
    *d->sets++ = set;
    value->set_count++;
  }
  return THAW_OK;
}

static thaw_status fail_few(const drawing *d, const random_values *random, size_t found) {
  const thaw_node *at = thaw_node_child(d->s->parts.random, "count");
  return thaw_fail_at(d->s->ctx, at->file, at->line, at->column,
                      "sweep: random: %" PRId64
                      " different samples are asked for, the values give "
                      "%zu",
                      random->count, found);
}

/* How many different samples there are, or `most`, if there are more. */
static size_t count_samples(const drawing *d, size_t most) {
  size_t all = 1;
  for (size_t i = 0; i < d->count; i++) {
    const source *from = &d->sources[i];
    const double numbers = from->range.to - from->range.from + 1;
    const double choices = from->sets            ? (double)from->count
                           : from->range.integer ? numbers
                                                 : (double)most;
    all = choices * (double)all < (double)most ? (size_t)choices * all : most;
  }
  return all;
}

/* All of n samples are found after some n log n draws: 64 n is ample. Fewer than there should be
 * are found where numbers of a range are too near to each other to be told apart. */
static thaw_status draw_all(drawing *d, const random_values *random) {
  const size_t wanted = (size_t)random->count, there = count_samples(d, wanted);
  if (there < wanted) return fail_few(d, random, there);
  for (size_t draws = 0; d->axis->count < wanted; draws++) {
    if (draws > PATIENCE * wanted) return fail_few(d, random, d->axis->count);
    thaw_status status = THAW_OK;
    thaw_buffer_clear(&d->line);
    for (size_t i = 0; i < d->count && status == THAW_OK; i++)
      status = draw(d->s, &d->sources[i], &d->line, &d->chosen[i]);
    if (status == THAW_OK && is_new(d)) status = keep_sample(d);
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

static thaw_status prepare(drawing *d, size_t samples) {
  d->seen_size = 64;
  while (d->seen_size < samples + samples / 2) d->seen_size *= 2;
  d->seen = calloc(d->seen_size, sizeof *d->seen);
  d->chosen = calloc(d->count, sizeof *d->chosen);
  d->axis->values = thaw_arena_alloc(d->s->arena, samples * sizeof *d->axis->values);
  d->sets = thaw_arena_alloc(d->s->arena, samples * d->count * sizeof *d->sets);
  if (d->seen && d->chosen && d->axis->values && d->sets) return THAW_OK;
  return thaw_fail_memory(d->s->ctx, samples * d->count * sizeof *d->sets);
}

static thaw_status sample(thaw_sweeping *s, source *sources, size_t count,
                          const random_values *random) {
  drawing d = {.s = s, .sources = sources, .count = count, .axis = &s->axes[s->axis_count]};
  d.axis->node = s->parts.random;
  thaw_status status = prepare(&d, (size_t)random->count);
  if (status == THAW_OK) status = draw_all(&d, random);
  bool lost = false;
  for (size_t i = 0; i < count; i++) lost = lost || sources[i].fixed;
  if (status == THAW_OK && lost) status = thaw_axis_merge(s, d.axis, NULL, NULL);
  thaw_buffer_free(&d.line);
  free(d.chosen);
  free(d.seen);
  s->axis_count++;
  return status;
}

thaw_status thaw_sweep_add_random(thaw_sweeping *s) {
  const thaw_reading r = {.ctx = s->ctx, .arena = s->arena};
  thaw_node made = {.kind = THAW_NODE_MAP}; /* nothing comes of the resolved tree here */
  const thaw_section sweep = {s->parts.section, "sweep", &made};
  thaw_section section, drawn;
  random_values random = {0};
  thaw_status status = thaw_section_open(&r, &sweep, "random", &section);
  if (status == THAW_OK) status = thaw_section_check(&r, &section, &random_level, 0);
  if (status == THAW_OK) status = thaw_section_values(&r, &section, &random_level, 0, &random);
  if (status == THAW_OK) status = thaw_section_open(&r, &section, "values", &drawn);
  if (status != THAW_OK) return status;
  size_t count = 0;
  for (const thaw_node *key = drawn.node->first; key; key = key->next) count++;
  source *sources = calloc(count, sizeof *sources);
  if (!sources) return thaw_fail_memory(s->ctx, count * sizeof *sources);
  source *from = sources;
  for (const thaw_node *key = drawn.node->first; key && status == THAW_OK; key = key->next) {
    from->key = key;
    status = read_source(s, &r, &drawn, (uint64_t)random.seed, from++);
  }
  if (status == THAW_OK) status = sample(s, sources, count, &random);
  free(sources);
  return status;
}
