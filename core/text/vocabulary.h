/* vocabulary.h: pieces and their numbers.
 *
 * Ids 0, 1 and 2 are xxunk (unknown), xxpad (padding) and xxbos (start of a document), then come
 * the tokenizer's markers, then pieces by falling count (ties by byte order). */
#ifndef THAW_VOCABULARY_H
#define THAW_VOCABULARY_H

#include "thaw/plugin.h"

enum { THAW_ID_UNKNOWN = 0, THAW_ID_PADDING = 1, THAW_ID_START = 2 };

typedef struct thaw_vocabulary thaw_vocabulary;

/* Counting: create, count pieces, then finish once. `markers` may be NULL, ends with NULL. */
thaw_vocabulary *thaw_vocabulary_create(const char *const *markers); /* NULL: no memory */
void thaw_vocabulary_free(thaw_vocabulary *vocabulary);
thaw_status thaw_vocabulary_count(thaw_context *ctx, thaw_vocabulary *vocabulary, const char *piece,
                                  size_t bytes);
/* Counts the piece `times` times, which may be 0, and gives it a number that it has until the
 * vocabulary is finished, from 0 in the order in which pieces come, the special ones first. So a
 * text can be turned into numbers while its pieces are being counted, and the numbers into ids
 * afterwards. */
thaw_status thaw_vocabulary_number(thaw_context *ctx, thaw_vocabulary *vocabulary,
                                   const char *piece, size_t bytes, uint64_t times,
                                   int32_t *number);
/* Keeps the pieces that occurred at least `min_count` times, at most `max_size` ids in all (0: no
 * limit), and gives them their ids. THAW_INVALID when no ordinary piece is left: says how many
 * there were and the two settings. */
thaw_status thaw_vocabulary_finish(thaw_context *ctx, thaw_vocabulary *vocabulary,
                                   uint64_t min_count, size_t max_size);
/* From a stored list, ids in order (the first three are the special ones); counts may be NULL. */
thaw_status thaw_vocabulary_from_list(thaw_context *ctx, const char *const *pieces,
                                      const uint64_t *counts, size_t count,
                                      thaw_vocabulary **vocabulary);
/* What a stage knows that takes words over, from two finished vocabularies: all of `own`, with its
 * ids, then the pieces of `source` that are not among them, in their order and with their counts,
 * until there are `max_size` ids (0: no limit). */
thaw_status thaw_vocabulary_join(thaw_context *ctx, const thaw_vocabulary *own,
                                 const thaw_vocabulary *source, size_t max_size,
                                 thaw_vocabulary **joined);
/* Where each piece of `to` stands in `from`: rows[id in to] is its id there, −1 when it is new.
 * `rows` has room for all of `to`. */
void thaw_vocabulary_map(const thaw_vocabulary *to, const thaw_vocabulary *from, int32_t *rows);

/* How many numbers thaw_vocabulary_number gave. */
size_t thaw_vocabulary_numbers(const thaw_vocabulary *vocabulary);
/* What became of them, when `counted` is finished: ids[number] is the piece's id in `known`,
 * THAW_ID_UNKNOWN when it is not there. `known` may be `counted` itself. */
void thaw_vocabulary_ids(const thaw_vocabulary *counted, const thaw_vocabulary *known,
                         int32_t *ids);

size_t thaw_vocabulary_size(const thaw_vocabulary *vocabulary);
/* THAW_ID_UNKNOWN when it is not there. */
int32_t thaw_vocabulary_id(const thaw_vocabulary *vocabulary, const char *piece, size_t bytes);
const char *thaw_vocabulary_piece(const thaw_vocabulary *vocabulary, int32_t id);
uint64_t thaw_vocabulary_frequency(const thaw_vocabulary *vocabulary, int32_t id);

#endif
