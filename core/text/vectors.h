/* vectors.h: word vectors from a text file: GloVe's (a word and its numbers a line) or word2vec's
 * and fastText's (the same behind a first line COUNT WIDTH), plain or gzip-compressed.
 *
 * The file is read line by line, so memory depends on the vocabulary and not on the file. */
#ifndef THAW_VECTORS_H
#define THAW_VECTORS_H

#include "text/vocabulary.h"

/* Is the file taken for vectors: neither HDF5 by its first bytes nor .h5 or .hdf5 by its name? */
bool thaw_is_vectors(const char *path);

typedef struct thaw_vectors_count {
  size_t lines; /* vectors in the file */
  size_t found; /* words of the vocabulary that it has */
} thaw_vectors_count;

/* Reads the vectors of the vocabulary's words into `values`, [V][width]; found[id], [V], says which
 * words the file has. The others get the mean of those that were found. Words are compared as they
 * are written; of one that stands there twice the first counts. A word may contain spaces (some of
 * GloVe's do). THAW_INVALID, with file and line: vectors of another width (and which
 * encoder.embedding to set), a line that is too short or too long, a number that is none or is not
 * finite, fewer lines than the first one says, no word in common; numbers of words that are not in
 * the vocabulary are counted, not read. */
thaw_status thaw_vectors_read(thaw_context *ctx, const char *path,
                              const thaw_vocabulary *vocabulary, size_t width, float *values,
                              bool *found, thaw_vectors_count *count);

#endif
