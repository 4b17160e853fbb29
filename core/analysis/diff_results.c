/* diff_results.c: what two runs predicted. Classes go by their names, since their numbers may
 * differ. Documents can be told apart only by their classes: where the two runs have other numbers
 * of them, or other classes in their order, they were not tested on the same documents, and only
 * the accuracies are laid side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "base/context.h"
#include "train/metrics.h"

/* One split of both runs. */
typedef struct split {
  const char *name;
  thaw_predictions *predictions[2];
  const thaw_classes *classes; /* [2] */
  thaw_scores scores[2];
} split;

static const char *class_name(const split *s, size_t run, int32_t class) {
  return class < 0 ? "" : s->classes[run].names[class];
}

static bool same_class(const split *s, int32_t a, int32_t b) {
  return strcmp(class_name(s, 0, a), class_name(s, 1, b)) == 0;
}

static bool same_documents(const split *s) {
  const thaw_predictions *a = s->predictions[0], *b = s->predictions[1];
  if (a->count != b->count) return false;
  for (size_t d = 0; d < a->count; d++) {
    if (!same_class(s, a->gold[d], b->gold[d])) return false;
  }
  return true;
}

/* Documents by who was right: the counts of McNemar's test (1947). */
typedef struct agreement {
  size_t otherwise; /* predicted otherwise */
  size_t only[2];   /* that one run alone has right */
  double furthest;  /* the largest distance between two probabilities of a class */
  bool same_bits;
} agreement;

static void compare_probabilities(const split *s, size_t d, agreement *found) {
  const thaw_predictions *a = s->predictions[0], *b = s->predictions[1];
  const float *x = a->probabilities + d * a->classes;
  for (size_t c = 0; c < a->classes; c++) {
    const int32_t other = thaw_classes_find(&s->classes[1], s->classes[0].names[c]);
    const float y = other < 0 ? 0 : b->probabilities[d * b->classes + (size_t)other];
    if (memcmp(&x[c], &y, sizeof y) != 0) found->same_bits = false;
    found->furthest = fmax(found->furthest, fabs((double)x[c] - (double)y));
  }
}

static agreement compare_documents(const split *s) {
  const thaw_predictions *a = s->predictions[0], *b = s->predictions[1];
  agreement found = {.same_bits = true};
  for (size_t d = 0; d < a->count; d++) {
    const bool a_right = a->gold[d] >= 0 && a->predicted[d] == a->gold[d];
    const bool b_right = b->gold[d] >= 0 && b->predicted[d] == b->gold[d];
    found.otherwise += !same_class(s, a->predicted[d], b->predicted[d]);
    found.only[0] += a_right && !b_right;
    found.only[1] += b_right && !a_right;
    compare_probabilities(s, d, &found);
  }
  return found;
}

static void tell_number(diff_reader *r, const split *s, const char *what, double a, double b,
                        double difference) {
  const char *text = thaw_diff_format(r, "%s: %s", s->name, what);
  if (text) thaw_diff_numbers(r, text, a, b, difference);
}

static void tell_score(diff_reader *r, const split *s, const char *what, double a, double b) {
  if (a != b && !(isnan(a) && isnan(b))) tell_number(r, s, what, a, b, b - a);
}

static void compare_split(diff_reader *r, const split *s) {
  const size_t before = r->section->count;
  const bool same = same_documents(s);
  agreement found = {.same_bits = true};
  if (!same)
    tell_number(r, s, "documents", (double)s->predictions[0]->count,
                (double)s->predictions[1]->count, NAN);
  tell_score(r, s, "accuracy", s->scores[0].accuracy, s->scores[1].accuracy);
  tell_score(r, s, "macro F1", s->scores[0].macro_f1, s->scores[1].macro_f1);
  if (same) found = compare_documents(s);
  if (found.otherwise) {
    tell_number(r, s, "documents that are labelled otherwise", NAN, (double)found.otherwise, NAN);
    tell_number(r, s, "right here alone", (double)found.only[0], (double)found.only[1], NAN);
  }
  if (!found.same_bits)
    tell_number(r, s, "largest difference of a probability", NAN, NAN, found.furthest);
  if (!same) {
    thaw_diff_summary(r, "not tested on the same documents");
  } else if (found.otherwise) {
    thaw_diff_summary(r, "%zu of %zu %s documents are labelled otherwise", found.otherwise,
                      s->predictions[0]->count, s->name);
  } else if (r->section->count > before) {
    thaw_diff_summary(r, "every %s document has the same label, with other probabilities", s->name);
  }
}

/* ---- Both splits ----------------------------------------------------------------------------- */

static thaw_status read_split(diff_reader *r, split *s, size_t run) {
  thaw_status status = thaw_run_predictions(r->ctx, r->runs[run], s->name, &s->predictions[run]);
  if (status != THAW_OK) return status;
  const thaw_predictions *p = s->predictions[run];
  if (p->classes != s->classes[run].count)
    return thaw_fail(r->ctx, THAW_INVALID, "%s has %zu classes, but predictions for %zu",
                     r->diff->paths[run], s->classes[run].count, p->classes);
  status = thaw_score(r->ctx, p->gold, p->predicted, p->count, p->classes, &s->scores[run]);
  return status ? thaw_explain(r->ctx, status, "%s", r->diff->paths[run]) : THAW_OK;
}

static thaw_status diff_split(diff_reader *r, const char *name, const thaw_classes classes[2],
                              size_t *compared) {
  split s = {.name = name, .classes = classes};
  bool there[2];
  for (size_t i = 0; i < 2; i++) there[i] = thaw_run_has_predictions(r->runs[i], name);
  thaw_status status = THAW_OK;
  if (there[0] != there[1]) {
    const char *what = thaw_diff_format(r, "%s: predictions", name);
    if (what) thaw_diff_texts(r, what, there[0] ? "yes" : "no", there[1] ? "yes" : "no");
  }
  if (!there[0] || !there[1]) return THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) status = read_split(r, &s, i);
  if (status == THAW_OK) {
    compare_split(r, &s);
    ++*compared;
  }
  for (size_t i = 0; i < 2; i++) thaw_predictions_free(s.predictions[i]);
  return status;
}

/* The classes that one run alone has. */
static const char *list_classes(diff_reader *r, const thaw_classes *own,
                                const thaw_classes *other) {
  thaw_buffer list = {0};
  for (size_t c = 0; c < own->count; c++) {
    if (thaw_classes_find(other, own->names[c]) < 0) thaw_diff_note(r, &list, own->names[c]);
  }
  const char *text = list.size ? thaw_arena_strdup(r->diff->arena, list.data) : NULL;
  thaw_buffer_free(&list);
  return text;
}

thaw_status thaw_diff_results(diff_reader *r) {
  thaw_classes classes[2] = {{0}, {0}};
  thaw_status status = THAW_OK;
  size_t compared = 0;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    if (thaw_run_has(r->runs[i], "classes"))
      status = thaw_run_classes(r->ctx, r->runs[i], &classes[i]);
  }
  if (status == THAW_OK && classes[0].count && classes[1].count) {
    const char *only[2] = {list_classes(r, &classes[0], &classes[1]),
                           list_classes(r, &classes[1], &classes[0])};
    if (only[0] || only[1]) thaw_diff_texts(r, "classes only here", only[0], only[1]);
  }
  /* The test documents come last: the summary speaks of them where there are any. */
  if (status == THAW_OK) status = diff_split(r, "valid", classes, &compared);
  if (status == THAW_OK) status = diff_split(r, "test", classes, &compared);
  if (status == THAW_OK && compared == 0)
    thaw_diff_summary(
        r, r->section->count ? "only one run has predictions" : "neither run has predictions");
  for (size_t i = 0; i < 2; i++) thaw_classes_free(&classes[i]);
  return status;
}
