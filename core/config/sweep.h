/* sweep.h: what the files that read a sweep share.
 *
 * A section is a few axes: each key of a grid is one, `points` is one, `random` is one. An axis has
 * values, and a value sets one or more keys. The runs are the product of the axes, in the order in
 * which they stand in the file, less what `exclude` takes out. */
#ifndef THAW_SWEEP_H
#define THAW_SWEEP_H

#include "base/buffer.h"
#include "config/experiment.h"

enum { THAW_SWEEP_MOST = 10000000 }; /* runs, and samples */

/* ---- The section ---------------------------------------------------------------------------- */

/* The section and its words; NULL: not there. Whatever else stands in it is a key of a grid. */
typedef struct thaw_sweep_parts {
  const thaw_node *section;
  const thaw_node *grid;    /* a mapping */
  const thaw_node *points;  /* a list of mappings, not empty */
  const thaw_node *random;  /* a mapping */
  const thaw_node *drawn;   /* random.values: a mapping */
  const thaw_node *exclude; /* a list of mappings, not empty */
} thaw_sweep_parts;

/* Finds them in a config, and fails where one is of another kind. */
thaw_status thaw_sweep_find(thaw_context *ctx, const thaw_node *root, thaw_sweep_parts *parts);
/* Is it one of those words? */
bool thaw_sweep_is_word(const char *key);
/* Checks a swept key: parts with dots between them, the first of which a config can have. `beside`:
 * it stands where the words do, and may be a misspelt one. */
thaw_status thaw_sweep_check_key(thaw_context *ctx, const thaw_node *node, bool beside);
/* The number that the text is; NaN: none. */
double thaw_sweep_number(const char *text);
/* Appends the override "KEY=VALUE", in one spelling of the value. */
thaw_status thaw_sweep_write(thaw_context *ctx, const char *key, const thaw_node *value,
                             thaw_buffer *out);

/* ---- Loading -------------------------------------------------------------------------------- */

typedef struct thaw_axis {
  thaw_sweep_point *values; /* [count] */
  size_t count;
  const thaw_node *node; /* its place, for messages */
} thaw_axis;

/* A key that an axis sets. */
typedef struct thaw_swept_key {
  const thaw_node *node; /* node->key is its name */
  size_t axis;
} thaw_swept_key;

typedef struct thaw_sweeping {
  thaw_context *ctx;
  thaw_arena *arena; /* the sweep's */
  const thaw_node *root;
  thaw_sweep_parts parts;
  size_t set_count; /* the user's overrides */
  const char *const *sets;
  thaw_axis *axes;
  size_t axis_count;
  thaw_buffer keys; /* of thaw_swept_key; when all axes are there: sorted, each once */
} thaw_sweeping;

/* Does the user override the key? */
bool thaw_sweep_is_fixed(const thaw_sweeping *s, const char *key);
/* Notes that the axis which is being read sets the key. */
thaw_status thaw_sweep_add_key(thaw_sweeping *s, const thaw_node *node);
/* The key among those; NULL: it is not swept. */
const thaw_swept_key *thaw_sweep_key(const thaw_sweeping *s, const char *key);
/* The override of one value, in the arena. */
thaw_status thaw_sweep_set(thaw_sweeping *s, const char *key, const thaw_node *value,
                           const char **set);
/* The overrides of a key's list of values, in the arena; the list must not be empty, nor have a
 * value twice. */
thaw_status thaw_sweep_list(thaw_sweeping *s, const thaw_node *key, const char ***sets,
                            size_t *count);
/* Takes out the axis's values that set the same as one before them. `items` (NULL: there are none)
 * are their places, one after the other: where neither of two has `lost` a key to the user's
 * overrides, they stand there twice, which is an error. */
thaw_status thaw_axis_merge(thaw_sweeping *s, thaw_axis *axis, const thaw_node *items,
                            const bool *lost);

/* Read the section's words as an axis more. */
thaw_status thaw_sweep_add_points(thaw_sweeping *s);
thaw_status thaw_sweep_add_random(thaw_sweeping *s);

/* Marks which of all `count` combinations the rules take out. */
thaw_status thaw_sweep_exclude(thaw_sweeping *s, size_t count, bool *excluded);

/* The next combination: `digits` [axis_count], the last of which varies fastest. */
void thaw_sweep_step(const thaw_sweeping *s, size_t *digits);

/* ---- One run of a sweep --------------------------------------------------------------------- */

/* Fails unless the overrides pick one run. */
thaw_status thaw_sweep_refuse_open(thaw_context *ctx, const thaw_node *root, size_t set_count,
                                   const char *const *sets);
/* Overrides that are values of the sweep get their places in its section, so that a message about
 * one leads there. */
thaw_status thaw_sweep_place(thaw_context *ctx, thaw_node *root, size_t set_count,
                             const char *const *sets);

/* A range of numbers: {from: 1e-4, to: 1e-2, scale: log}. */
typedef struct thaw_range {
  double from, to;
  const char *scale;
  bool integer;
} thaw_range;

#endif
