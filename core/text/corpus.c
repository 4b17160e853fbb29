/* corpus.c: documents as ids in growing arrays.
 *
 * The struct has no room for a capacity: an array of n elements always has space for the next power
 * of two, and grows when it is reached. */
#include "text/corpus.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"

/* Elements for which an array with `count` in use has space. */
static size_t space_for(size_t count) {
  size_t space = 64;
  while (space < count) space *= 2;
  return space;
}

/* Makes space for `count` elements where `used` are in use. */
static bool grow(void **array, size_t used, size_t count, size_t element) {
  if (*array && space_for(count) == space_for(used)) return true;
  void *grown = realloc(*array, space_for(count) * element);
  if (!grown) return false;
  *array = grown;
  return true;
}

void thaw_corpus_free(thaw_corpus *corpus) {
  free(corpus->ids);
  free(corpus->offsets);
  free(corpus->labels);
  *corpus = (thaw_corpus){0};
}

/* The document that is being added. */
typedef struct adding {
  thaw_corpus *corpus;
  const thaw_vocabulary *vocabulary;
  size_t end;   /* ids in use */
  size_t space; /* for ids */
  size_t unknown;
  bool no_memory;
} adding;

static void add_id(adding *a, int32_t id) {
  if (a->no_memory) return;
  if (a->end == a->space) {
    int32_t *ids = realloc(a->corpus->ids, 2 * a->space * sizeof *ids);
    a->no_memory = !ids;
    if (!ids) return;
    a->corpus->ids = ids;
    a->space *= 2;
  }
  a->corpus->ids[a->end++] = id;
}

static void add_piece(void *user, const char *piece, size_t bytes) {
  adding *a = user;
  int32_t id = thaw_vocabulary_id(a->vocabulary, piece, bytes);
  /* A word that is spelt like a special piece is not one: padding must not come from text. */
  if (id <= THAW_ID_START) id = THAW_ID_UNKNOWN;
  a->unknown += id == THAW_ID_UNKNOWN;
  add_id(a, id);
}

/* Space for one more document, and the first offset. */
static bool grow_documents(thaw_corpus *corpus, bool labelled) {
  if (!corpus->ids) corpus->ids = malloc(space_for(0) * sizeof *corpus->ids);
  if (!corpus->ids) return false;
  void *offsets = corpus->offsets;
  const bool first = !offsets;
  if (!grow(&offsets, corpus->count + 1, corpus->count + 2, sizeof *corpus->offsets)) return false;
  corpus->offsets = offsets;
  if (first) corpus->offsets[0] = 0;
  if (!labelled) return true;
  void *labels = corpus->labels;
  if (!grow(&labels, corpus->count, corpus->count + 1, sizeof *corpus->labels)) return false;
  corpus->labels = labels;
  return true;
}

thaw_status thaw_corpus_add(thaw_context *ctx, thaw_corpus *corpus,
                            const thaw_tokenizing *tokenizing, const thaw_vocabulary *vocabulary,
                            const char *text, size_t bytes, int32_t label) {
  const bool labelled = label >= 0;
  if (corpus->count > 0 && labelled != (corpus->labels != NULL)) {
    return thaw_fail(ctx, THAW_INVALID, "document %zu %s a label, those before it %s",
                     corpus->count, labelled ? "has" : "lacks",
                     labelled ? "have none" : "have one");
  }
  if (!grow_documents(corpus, labelled)) return thaw_fail_memory(ctx, corpus->count);
  const size_t begin = corpus->offsets[corpus->count];
  adding a = {.corpus = corpus, .vocabulary = vocabulary, .end = begin, .space = space_for(begin)};
  add_id(&a, THAW_ID_START);
  thaw_status status = tokenizing->api->pieces(tokenizing->self, tokenizing->settings, text, bytes,
                                               add_piece, &a, ctx);
  if (status == THAW_OK && a.no_memory) status = thaw_fail_memory(ctx, a.end * sizeof(int32_t));
  if (status != THAW_OK) {
    if (corpus->count == 0) thaw_corpus_free(corpus);
    return status;
  }
  corpus->empty += a.end == begin + 1;
  corpus->unknown += a.unknown;
  if (labelled) corpus->labels[corpus->count] = label;
  corpus->offsets[++corpus->count] = a.end;
  return THAW_OK;
}

/* Counts what a picked document adds to the sums of a corpus. */
static void count_document(thaw_corpus *corpus, const int32_t *ids, size_t count) {
  corpus->empty += count == 1;
  for (size_t i = 0; i < count; i++) corpus->unknown += ids[i] == THAW_ID_UNKNOWN;
}

thaw_status thaw_corpus_pick(thaw_context *ctx, const thaw_corpus *corpus, const size_t *documents,
                             size_t count, thaw_corpus *picked) {
  *picked = (thaw_corpus){0};
  size_t tokens = 0;
  for (size_t i = 0; i < count; i++) {
    tokens += corpus->offsets[documents[i] + 1] - corpus->offsets[documents[i]];
  }
  picked->ids = malloc(space_for(tokens) * sizeof *picked->ids);
  picked->offsets = malloc(space_for(count + 1) * sizeof *picked->offsets);
  if (corpus->labels) picked->labels = malloc(space_for(count) * sizeof *picked->labels);
  if (!picked->ids || !picked->offsets || (corpus->labels && !picked->labels)) {
    thaw_corpus_free(picked);
    return thaw_fail_memory(ctx, tokens * sizeof *picked->ids);
  }
  picked->offsets[0] = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t begin = corpus->offsets[documents[i]];
    const size_t length = corpus->offsets[documents[i] + 1] - begin;
    memcpy(picked->ids + picked->offsets[i], corpus->ids + begin, length * sizeof *picked->ids);
    picked->offsets[i + 1] = picked->offsets[i] + length;
    if (corpus->labels) picked->labels[i] = corpus->labels[documents[i]];
    count_document(picked, corpus->ids + begin, length);
  }
  picked->count = count;
  return THAW_OK;
}
