/* diff_vocabulary.c: the words of two runs. Where they are not the same in the same order, it also
 * finds the place of every word of A in B, by which embeddings are compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_parts.h"
#include "base/context.h"

enum { SHOWN = 8 }; /* words */

static thaw_status read_vocabularies(diff_reader *r) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    if (thaw_run_has(r->runs[i], "vocabulary"))
      status = thaw_run_vocabulary(r->ctx, r->runs[i], NULL, &r->vocabularies[i]);
  }
  return status;
}

/* What differs between A and B, in words. */
typedef struct counted {
  size_t only[2]; /* in one of them */
  size_t moved;   /* have another id */
  size_t counts;  /* occurred more or less often */
} counted;

static void count_words(const diff_reader *r, const int32_t *places, const int32_t *back,
                        counted *c) {
  const thaw_vocabulary *a = r->vocabularies[0], *b = r->vocabularies[1];
  for (size_t i = 0; i < thaw_vocabulary_size(a); i++) {
    if (places[i] < 0) {
      c->only[0]++;
      continue;
    }
    c->moved += (size_t)places[i] != i;
    c->counts +=
        thaw_vocabulary_frequency(a, (int32_t)i) != thaw_vocabulary_frequency(b, places[i]);
  }
  for (size_t i = 0; i < thaw_vocabulary_size(b); i++) c->only[1] += back[i] < 0;
}

/* The first words without a place in the other vocabulary, which are the most frequent ones: "cat
 * (12), dog (9) …"; NULL: there are none, or there is no memory. */
static const char *list_only(diff_reader *r, const thaw_vocabulary *vocabulary,
                             const int32_t *places) {
  thaw_buffer list = {0};
  size_t shown = 0;
  bool ok = true;
  for (size_t i = 0; i < thaw_vocabulary_size(vocabulary) && ok && shown <= SHOWN; i++) {
    const int32_t id = (int32_t)i;
    if (places[i] >= 0) continue;
    if (shown++ == SHOWN) {
      ok = thaw_buffer_text(&list, " …");
    } else {
      ok = thaw_buffer_format(&list, "%s%s (%llu)", list.size ? ", " : "",
                              thaw_vocabulary_piece(vocabulary, id),
                              (unsigned long long)thaw_vocabulary_frequency(vocabulary, id));
    }
  }
  const char *text = list.size && ok ? thaw_arena_strdup(r->diff->arena, list.data) : NULL;
  if (!text && shown) r->failed = true;
  thaw_buffer_free(&list);
  return text;
}

static void report(diff_reader *r, const int32_t *places, const int32_t *back, const counted *c) {
  const thaw_vocabulary *a = r->vocabularies[0], *b = r->vocabularies[1];
  const double sizes[2] = {(double)thaw_vocabulary_size(a), (double)thaw_vocabulary_size(b)};
  thaw_buffer summary = {0};
  if (thaw_vocabulary_size(a) != thaw_vocabulary_size(b))
    thaw_diff_numbers(r, "words", sizes[0], sizes[1], sizes[1] - sizes[0]);
  if (c->only[0] || c->only[1]) {
    thaw_diff_numbers(r, "only here", (double)c->only[0], (double)c->only[1], NAN);
    thaw_diff_texts(r, "the most frequent of these", list_only(r, a, places),
                    list_only(r, b, back));
    thaw_buffer_format(&summary, "%zu word%s stand%s in one run only", c->only[0] + c->only[1],
                       thaw_diff_plural(c->only[0] + c->only[1]),
                       c->only[0] + c->only[1] == 1 ? "s" : "");
  } else if (c->moved) {
    thaw_buffer_format(&summary, "the same words in another order");
  } else {
    thaw_buffer_format(&summary, "the same words, counted otherwise");
  }
  if (c->moved) thaw_diff_numbers(r, "moved to another number", NAN, (double)c->moved, NAN);
  if (c->counts) thaw_diff_numbers(r, "counted otherwise", NAN, (double)c->counts, NAN);
  if (!summary.data) r->failed = true;
  if (summary.data) thaw_diff_summary(r, "%s", summary.data);
  thaw_buffer_free(&summary);
}

static thaw_status compare_words(diff_reader *r) {
  const thaw_vocabulary *a = r->vocabularies[0], *b = r->vocabularies[1];
  const size_t a_size = thaw_vocabulary_size(a), b_size = thaw_vocabulary_size(b);
  counted c = {0};
  int32_t *places = malloc((a_size + 1) * sizeof *places);
  int32_t *back = malloc((b_size + 1) * sizeof *back);
  if (!places || !back) {
    free(places);
    free(back);
    return thaw_fail_memory(r->ctx, (a_size + b_size) * sizeof *places);
  }
  thaw_vocabulary_map(a, b, places);
  thaw_vocabulary_map(b, a, back);
  count_words(r, places, back, &c);
  const bool other_ids = c.only[0] || c.only[1] || c.moved;
  if (other_ids || c.counts) {
    report(r, places, back, &c);
  } else {
    thaw_diff_summary(r, "the same %zu words", a_size);
  }
  if (other_ids) {
    r->places = places;
  } else {
    free(places);
  }
  free(back);
  return THAW_OK;
}

/* What a tokenizer has learned. */
static thaw_status compare_tokenizers(diff_reader *r) {
  char *states[2] = {NULL, NULL};
  size_t bytes[2] = {0, 0};
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    if (thaw_run_has(r->runs[i], "tokenizer"))
      status = thaw_run_tokenizer_state(r->ctx, r->runs[i], &states[i], &bytes[i]);
  }
  if (states[0] && states[1] &&
      (bytes[0] != bytes[1] || memcmp(states[0], states[1], bytes[0]) != 0)) {
    char digits[2][THAW_HASH_TEXT];
    for (size_t i = 0; i < 2; i++) thaw_hash_bytes(states[i], bytes[i], digits[i]);
    thaw_diff_texts(r, "what the tokenizer learned (hash)", digits[0], digits[1]);
  }
  free(states[0]);
  free(states[1]);
  return status;
}

thaw_status thaw_diff_vocabulary(diff_reader *r) {
  thaw_status status = read_vocabularies(r);
  if (status != THAW_OK) return status;
  const bool a = r->vocabularies[0] != NULL, b = r->vocabularies[1] != NULL;
  if (a && b) {
    status = compare_words(r);
  } else if (!a && !b) {
    thaw_diff_summary(r, "neither run has one");
  } else {
    thaw_diff_summary(r, "only %s has one", a ? "A" : "B");
    thaw_diff_numbers(r, "words", a ? (double)thaw_vocabulary_size(r->vocabularies[0]) : NAN,
                      b ? (double)thaw_vocabulary_size(r->vocabularies[1]) : NAN, NAN);
  }
  return status == THAW_OK ? compare_tokenizers(r) : status;
}
