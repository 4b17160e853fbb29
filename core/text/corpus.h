/* corpus.h: documents as ids, ready to be batched: 4 bytes a token, in memory while they are few,
 * else in a file without a name that is mapped; and 12 bytes a document, always in memory. */
#ifndef THAW_CORPUS_H
#define THAW_CORPUS_H

#include "text/id_file.h"
#include "text/vocabulary.h"

typedef struct thaw_corpus {
  int32_t *ids;    /* all documents one after the other, each begins with THAW_ID_START */
  size_t *offsets; /* [count + 1]: document d is ids[offsets[d]] … ids[offsets[d + 1] − 1] */
  int32_t *labels; /* [count]; NULL when there are none */
  size_t count;    /* documents */
  size_t unknown;  /* tokens that were not in the vocabulary */
  size_t empty;    /* documents without a piece: they are kept, as THAW_ID_START alone */

  const char
      *folder; /* for a file, when ids become more than THAW_CORPUS_MEMORY; NULL: they stay in
                  memory. It belongs to the caller and is needed until thaw_corpus_finish */
  thaw_id_file *file; /* then; `ids` are the last ones only, until thaw_corpus_finish */
} thaw_corpus;

enum { THAW_CORPUS_MEMORY = 1 << 20 };

/* Starts empty when zero-initialised, but for `folder` perhaps. */
void thaw_corpus_free(thaw_corpus *corpus);

/* A tokenizer plugin at work: its descriptor's functions, its settings and its state. */
typedef struct thaw_tokenizing {
  const thaw_tokenizer *api;
  const void *settings;
  void *self;
} thaw_tokenizing;

/* Cuts the text, turns pieces into ids and appends them as one document. `label` is −1 for none
 * (then the corpus must have none at all). */
thaw_status thaw_corpus_add(thaw_context *ctx, thaw_corpus *corpus,
                            const thaw_tokenizing *tokenizing, const thaw_vocabulary *vocabulary,
                            const char *text, size_t bytes, int32_t label);
/* The same with numbers that `counting` gives (thaw_vocabulary_number) in the place of ids; the
 * pieces count `times` times. */
thaw_status thaw_corpus_add_numbers(thaw_context *ctx, thaw_corpus *corpus,
                                    const thaw_tokenizing *tokenizing, thaw_vocabulary *counting,
                                    uint64_t times, const char *text, size_t bytes, int32_t label);
/* After the last document of a corpus that has a folder, or numbers: these become ids[number]
 * (NULL: they are ids), and all can be read. */
thaw_status thaw_corpus_finish(thaw_context *ctx, thaw_corpus *corpus, const int32_t *ids);
/* A corpus of some of the documents, copied. */
thaw_status thaw_corpus_pick(thaw_context *ctx, const thaw_corpus *corpus, const size_t *documents,
                             size_t count, thaw_corpus *picked);

/* Names of classes and their numbers: in sorted order, so that they do not depend on the order of
 * files. */
typedef struct thaw_classes {
  char **names;
  size_t count;
} thaw_classes;
void thaw_classes_free(thaw_classes *classes);
/* Adds when it is new; numbers are final only after thaw_classes_sort. */
thaw_status thaw_classes_add(thaw_context *ctx, thaw_classes *classes, const char *name);
void thaw_classes_sort(thaw_classes *classes);
int32_t thaw_classes_find(const thaw_classes *classes, const char *name); /* −1: not there */

/* Which documents are held out: a fraction of every class (stratified; without labels, of all), at
 * least one of every class that has two. `held` [count] receives true for them. The same seed, the
 * same choice. */
void thaw_split(const int32_t *labels, size_t count, size_t classes, double fraction, uint64_t seed,
                bool *held);
/* Which `wanted` of the documents not `held` stay (kept = true), stratified so that class shares
 * are kept as nearly as possible, at least one of every class. wanted >= count keeps all. The same
 * seed, the same choice; a smaller sample is within a larger one. Fails for want of memory only. */
thaw_status thaw_sample(thaw_context *ctx, const int32_t *labels, const bool *held, size_t count,
                        size_t classes, size_t wanted, uint64_t seed, bool *kept);

#endif
