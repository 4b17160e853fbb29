/* corpus.c: documents as ids in growing arrays.
 *
 * The struct has no room for a capacity: an array of n elements always has space for the next power
 * of two, and grows when it is reached. Ids that go to a file go there between two documents, all
 * that are in memory. */
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

/* Ids that are in the file, and not in memory. */
static size_t in_file(const thaw_corpus *corpus) {
  return corpus->file ? thaw_id_file_count(corpus->file) : 0;
}

void thaw_corpus_free(thaw_corpus *corpus) {
  if (!corpus->file || corpus->ids != thaw_id_file_ids(corpus->file)) free(corpus->ids);
  thaw_id_file_free(corpus->file);
  free(corpus->offsets);
  free(corpus->labels);
  *corpus = (thaw_corpus){0};
}

/* The document that is being added. */
typedef struct adding {
  thaw_context *ctx;
  thaw_corpus *corpus;
  const thaw_vocabulary *known; /* gives ids; NULL: */
  thaw_vocabulary *counting;    /* gives numbers */
  uint64_t times;
  size_t end;   /* ids in memory */
  size_t space; /* for ids */
  size_t unknown;
  thaw_status status;
} adding;

static void add_id(adding *a, int32_t id) {
  if (a->end == a->space) {
    int32_t *ids = realloc(a->corpus->ids, 2 * a->space * sizeof *ids);
    if (!ids) {
      a->status = thaw_fail_memory(a->ctx, 2 * a->space * sizeof *ids);
      return;
    }
    a->corpus->ids = ids;
    a->space *= 2;
  }
  a->corpus->ids[a->end++] = id;
}

static void add_piece(void *user, const char *piece, size_t bytes) {
  adding *a = user;
  int32_t id;
  if (a->status) return;
  if (a->known) {
    id = thaw_vocabulary_id(a->known, piece, bytes);
  } else {
    a->status = thaw_vocabulary_number(a->ctx, a->counting, piece, bytes, a->times, &id);
    if (a->status) return;
  }
  /* A word that is spelt like a special piece is not one: padding must not come from text. */
  if (id <= THAW_ID_START) id = THAW_ID_UNKNOWN;
  a->unknown += id == THAW_ID_UNKNOWN;
  add_id(a, id);
}

/* Makes the memory free for more documents. */
static thaw_status write_ids(thaw_context *ctx, thaw_corpus *corpus) {
  const size_t count = corpus->offsets[corpus->count] - in_file(corpus);
  thaw_status status = THAW_OK;
  if (!corpus->file) status = thaw_id_file_create(ctx, corpus->folder, &corpus->file);
  if (status == THAW_OK) status = thaw_id_file_write(ctx, corpus->file, corpus->ids, count);
  if (status) return status;
  free(corpus->ids);
  corpus->ids = NULL;
  return THAW_OK;
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

/* Room for one more document. */
static thaw_status begin_document(thaw_context *ctx, thaw_corpus *corpus, bool labelled) {
  if (corpus->count > 0 && labelled != (corpus->labels != NULL)) {
    return thaw_fail(ctx, THAW_INVALID, "document %zu %s a label, those before it %s",
                     corpus->count, labelled ? "has" : "lacks",
                     labelled ? "have none" : "have one");
  }
  if (corpus->folder && corpus->count > 0 &&
      corpus->offsets[corpus->count] - in_file(corpus) >= THAW_CORPUS_MEMORY) {
    thaw_status status = write_ids(ctx, corpus);
    if (status) return status;
  }
  return grow_documents(corpus, labelled) ? THAW_OK : thaw_fail_memory(ctx, corpus->count);
}

/* `a` says where ids come from. */
static thaw_status add_document(adding *a, const thaw_tokenizing *tokenizing, const char *text,
                                size_t bytes, int32_t label) {
  thaw_corpus *corpus = a->corpus;
  thaw_status status = begin_document(a->ctx, corpus, label >= 0);
  if (status) return status;
  const size_t written = in_file(corpus), begin = corpus->offsets[corpus->count] - written;
  a->end = begin;
  a->space = space_for(begin);
  add_id(a, THAW_ID_START);
  status = tokenizing->api->pieces(tokenizing->self, tokenizing->settings, text, bytes, add_piece,
                                   a, a->ctx);
  if (status == THAW_OK) status = a->status;
  if (status) {
    if (corpus->count == 0) thaw_corpus_free(corpus);
    return status;
  }
  corpus->empty += a->end == begin + 1;
  corpus->unknown += a->unknown;
  if (label >= 0) corpus->labels[corpus->count] = label;
  corpus->offsets[++corpus->count] = written + a->end;
  return THAW_OK;
}

thaw_status thaw_corpus_add(thaw_context *ctx, thaw_corpus *corpus,
                            const thaw_tokenizing *tokenizing, const thaw_vocabulary *vocabulary,
                            const char *text, size_t bytes, int32_t label) {
  adding a = {.ctx = ctx, .corpus = corpus, .known = vocabulary};
  return add_document(&a, tokenizing, text, bytes, label);
}

thaw_status thaw_corpus_add_numbers(thaw_context *ctx, thaw_corpus *corpus,
                                    const thaw_tokenizing *tokenizing, thaw_vocabulary *counting,
                                    uint64_t times, const char *text, size_t bytes, int32_t label) {
  adding a = {.ctx = ctx, .corpus = corpus, .counting = counting, .times = times};
  return add_document(&a, tokenizing, text, bytes, label);
}

thaw_status thaw_corpus_finish(thaw_context *ctx, thaw_corpus *corpus, const int32_t *ids) {
  if (corpus->count == 0) return THAW_OK;
  if (corpus->file) {
    thaw_status status = write_ids(ctx, corpus);
    if (status == THAW_OK && ids)
      status = thaw_id_file_renumber(ctx, corpus->file, ids, &corpus->unknown);
    if (status == THAW_OK) status = thaw_id_file_map(ctx, corpus->file);
    corpus->ids = thaw_id_file_ids(corpus->file);
    return status;
  }
  if (!ids) return THAW_OK;
  corpus->unknown = 0;
  for (size_t i = 0; i < corpus->offsets[corpus->count]; i++) {
    corpus->ids[i] = ids[corpus->ids[i]];
    corpus->unknown += corpus->ids[i] == THAW_ID_UNKNOWN;
  }
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
