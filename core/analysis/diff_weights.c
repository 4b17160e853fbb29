/* diff_weights.c: how far the weights of two runs lie apart, group by group: ‖a − b‖ / ‖a‖, sums in
 * double. Tensors with a row for every word are compared word by word where the vocabularies
 * differ. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "base/context.h"
#include "tensor/tape.h"

/* Sums over one group. */
typedef struct distance {
  double a, b, between; /* squares */
  size_t compared;      /* numbers */
  size_t tensors;       /* that could be compared */
  size_t words;         /* that rows were compared of; 0: all */
  bool same_bits;
} distance;

static void add_row(const float *a, const float *b, size_t count, distance *d) {
  for (size_t i = 0; i < count; i++) {
    const double x = (double)a[i], y = (double)b[i];
    d->a += x * x;
    d->b += y * y;
    d->between += (x - y) * (x - y);
  }
  d->compared += count;
  if (memcmp(a, b, count * sizeof *a) != 0) d->same_bits = false;
}

/* Has each row of the tensor a word of the vocabulary? The groups whose rows follow words are the
 * embedding and a language model's decoder, in every encoder. */
static bool follows_words(const char *group, const thaw_tensor *tensor,
                          const thaw_vocabulary *vocabulary) {
  const bool is_table = strcmp(group, "embedding") == 0 || strcmp(group, "decoder") == 0;
  return is_table && vocabulary && tensor->rank > 0 &&
         tensor->shape[0] == thaw_vocabulary_size(vocabulary);
}

static bool same_shape(const thaw_tensor *a, const thaw_tensor *b, size_t first) {
  if (a->rank != b->rank) return false;
  for (size_t i = first; i < a->rank; i++) {
    if (a->shape[i] != b->shape[i]) return false;
  }
  return true;
}

/* Rows of the words that both runs have. */
static void compare_words(const diff_reader *r, const thaw_tensor *a, const thaw_tensor *b,
                          distance *d) {
  const size_t words = a->shape[0], width = words ? thaw_size(a) / words : 0;
  size_t shared = 0;
  for (size_t i = 0; i < words; i++) {
    if (r->places[i] < 0) continue;
    add_row(a->data + i * width, b->data + (size_t)r->places[i] * width, width, d);
    shared++;
  }
  d->words = shared;
}

/* False when the two cannot be compared. */
static bool compare_tensor(const diff_reader *r, const char *group, const thaw_tensor *a,
                           const thaw_tensor *b, distance *d) {
  const bool words = r->places && follows_words(group, a, r->vocabularies[0]) &&
                     follows_words(group, b, r->vocabularies[1]);
  if (!same_shape(a, b, words ? 1 : 0)) return false;
  d->tensors++;
  if (words) {
    compare_words(r, a, b, d);
  } else {
    add_row(a->data, b->data, thaw_size(a), d);
  }
  return true;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* A tensor that cannot be compared, with both shapes. */
static void tell_shapes(diff_reader *r, const char *group, const thaw_param *a,
                        const thaw_param *b) {
  char shapes[2][THAW_SHAPE_TEXT];
  const char *what = thaw_diff_format(r, "%s/%s", group, a ? a->name : b->name);
  if (!what) return;
  thaw_diff_texts(r, what, a ? thaw_shape_text(a->tensor, shapes[0]) : NULL,
                  b ? thaw_shape_text(b->tensor, shapes[1]) : NULL);
}

/* A group that one run alone has. */
static void tell_group(diff_reader *r, const thaw_param_group *group, bool first) {
  size_t numbers = 0;
  for (size_t i = 0; i < group->count; i++) numbers += thaw_size(group->params[i].tensor);
  const char *text = thaw_diff_format(r, "%zu tensor%s, %zu numbers", group->count,
                                      thaw_diff_plural(group->count), numbers);
  thaw_diff_texts(r, group->name, first ? text : NULL, first ? NULL : text);
}

static void compare_group(diff_reader *r, const thaw_param_group *a, const thaw_params *other,
                          size_t *same) {
  const thaw_param_group *b = thaw_params_group(other, a->name);
  distance d = {.same_bits = true};
  bool told = false;
  for (size_t i = 0; i < a->count; i++) {
    const thaw_param *own = &a->params[i], *its = thaw_params_find(other, a->name, own->name);
    if (its && compare_tensor(r, a->name, own->tensor, its->tensor, &d)) continue;
    tell_shapes(r, a->name, own, its);
    told = true;
  }
  const size_t tensors = d.tensors;
  for (size_t i = 0; i < b->count; i++) {
    const thaw_param *its = &b->params[i];
    bool known = false;
    for (size_t k = 0; k < a->count; k++) known |= strcmp(a->params[k].name, its->name) == 0;
    if (!known) tell_shapes(r, a->name, NULL, its);
    told |= !known;
  }
  if (d.same_bits && !told) {
    ++*same;
  } else if (tensors > 0) {
    const char *what = d.words ? thaw_diff_format(r, "‖%s‖ of %zu shared words", a->name, d.words)
                               : thaw_diff_format(r, "‖%s‖", a->name);
    const double apart = d.between > 0 ? sqrt(d.between / d.a) : d.between;
    if (what) thaw_diff_numbers(r, what, sqrt(d.a), sqrt(d.b), apart);
  }
}

static void compare_params(diff_reader *r, const thaw_params *a, const thaw_params *b) {
  size_t same = 0, groups = a->count;
  for (size_t g = 0; g < a->count; g++) {
    if (thaw_params_group(b, a->groups[g].name)) {
      compare_group(r, &a->groups[g], b, &same);
    } else {
      tell_group(r, &a->groups[g], true);
    }
  }
  for (size_t g = 0; g < b->count; g++) {
    if (thaw_params_group(a, b->groups[g].name)) continue;
    tell_group(r, &b->groups[g], false);
    groups++;
  }
  if (r->section->count == 0) {
    thaw_diff_summary(r, "the same bits in %zu group%s", same, thaw_diff_plural(same));
  } else {
    thaw_diff_summary(r, "%zu of %zu group%s differ%s; the difference of one is ‖A − B‖ / ‖A‖",
                      groups - same, groups, thaw_diff_plural(groups),
                      groups - same == 1 ? "s" : "");
  }
}

thaw_status thaw_diff_weights(diff_reader *r) {
  thaw_params *params[2] = {NULL, NULL};
  const bool there[2] = {thaw_run_has_stage(r->runs[0], NULL),
                         thaw_run_has_stage(r->runs[1], NULL)};
  thaw_status status = THAW_OK;
  if (!there[0] && !there[1]) thaw_diff_summary(r, "neither run has any");
  if (there[0] != there[1]) {
    thaw_diff_summary(r, "only %s has any", there[0] ? "A" : "B");
    thaw_diff_texts(r, "weights", there[0] ? "yes" : "no", there[1] ? "yes" : "no");
  }
  if (!there[0] || !there[1]) return THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++)
    status = thaw_run_weights(r->ctx, r->runs[i], NULL, &params[i]);
  if (status == THAW_OK) compare_params(r, params[0], params[1]);
  for (size_t i = 0; i < 2; i++) thaw_params_free(params[i]);
  return status;
}
