/* split.c: which documents are held out, and which of a larger number stay.
 *
 * Both choose class by class, with random numbers of each class's own. Documents without a label
 * are one class more, −1.
 *
 * What is held out is found by selection sampling (Knuth, The Art of Computer Programming 3.4.2,
 * algorithm S): going through the documents in order, each is taken with the probability (still
 * wanted)/(still left), which needs no memory.
 *
 * For samples all documents are put into one order, and a sample is its beginning: the smaller is
 * within the larger. First comes one document of every class; then those of a class of n stand at
 * (i + ½)/n, so that every beginning has the classes' shares: they are Webster's (Sainte-Laguë's),
 * Balinski and Young, Fair Representation, 1982. Largest remainders can take a document away from a
 * class when the sample grows (the Alabama paradox, ibid.): then samples would not be nested. */
#include <math.h>
#include <stdlib.h>

#include "text/corpus.h"

static const uint64_t HOLD_STREAM = 0x73706c74, KEEP_STREAM = 0x6e657374;

static int64_t label_of(const int32_t *labels, size_t document) {
  return labels ? labels[document] : -1;
}

/* ---- Held-out documents --------------------------------------------------------------------- */

static size_t class_size(const int32_t *labels, size_t count, int64_t label) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += label_of(labels, i) == label;
  return size;
}

/* Chooses `wanted` of the `size` documents of the class. */
static void choose(const int32_t *labels, size_t count, int64_t label, size_t size, size_t wanted,
                   uint64_t seed, bool *chosen) {
  thaw_rng rng = thaw_rng_make(seed, (HOLD_STREAM << 32) + (uint64_t)(label + 1));
  for (size_t i = 0; i < count && wanted > 0; i++) {
    if (label_of(labels, i) != label) continue;
    if (thaw_rng_below(&rng, size--) < wanted) {
      chosen[i] = true;
      wanted--;
    }
  }
}

void thaw_split(const int32_t *labels, size_t count, size_t classes, double fraction, uint64_t seed,
                bool *held) {
  for (size_t i = 0; i < count; i++) held[i] = false;
  if (!(fraction > 0)) return;
  for (int64_t label = -1; label < (int64_t)classes; label++) {
    const size_t size = class_size(labels, count, label);
    if (size < 2) continue;
    double wanted = floor(fraction * (double)size + 0.5);
    /* One stays on each side. */
    if (wanted > (double)(size - 1)) wanted = (double)(size - 1);
    if (wanted < 1) wanted = 1;
    choose(labels, count, label, size, (size_t)wanted, seed, held);
  }
}

/* ---- Samples -------------------------------------------------------------------------------- */

/* A document in the order in which samples take them. */
typedef struct turn {
  double place; /* below 0: the first of its class */
  int64_t label;
  size_t document;
} turn;

static int by_place(const void *a, const void *b) {
  const turn *x = a, *y = b;
  if (x->place < y->place || x->place > y->place) return x->place < y->place ? -1 : 1;
  return x->label < y->label ? -1 : x->label > y->label;
}

/* The documents of the class that `held` (NULL: none) leaves, in the class's random order. */
static size_t shuffle_class(const int32_t *labels, const bool *held, size_t count, int64_t label,
                            uint64_t seed, size_t *documents) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) {
    if (label_of(labels, i) == label && !(held && held[i])) documents[size++] = i;
  }
  thaw_rng rng = thaw_rng_make(seed, (KEEP_STREAM << 32) + (uint64_t)(label + 1));
  thaw_rng_shuffle(&rng, documents, size);
  return size;
}

/* All documents that `held` leaves, in their order; returns how many there are. */
static size_t line_up(const int32_t *labels, const bool *held, size_t count, size_t classes,
                      uint64_t seed, size_t *documents, turn *turns) {
  size_t all = 0;
  for (int64_t label = -1; label < (int64_t)classes; label++) {
    const size_t size = shuffle_class(labels, held, count, label, seed, documents);
    for (size_t i = 0; i < size; i++) {
      const double place = i == 0 ? -1 : ((double)i + 0.5) / (double)size;
      turns[all++] = (turn){place, label, documents[i]};
    }
  }
  qsort(turns, all, sizeof *turns, by_place);
  return all;
}

thaw_status thaw_sample(thaw_context *ctx, const int32_t *labels, const bool *held, size_t count,
                        size_t classes, size_t wanted, uint64_t seed, bool *kept) {
  size_t *documents = malloc((count + 1) * sizeof *documents);
  turn *turns = malloc((count + 1) * sizeof *turns);
  const bool ok = documents && turns;
  for (size_t i = 0; i < count; i++) kept[i] = false;
  const size_t all = ok ? line_up(labels, held, count, classes, seed, documents, turns) : 0;
  for (size_t i = 0; i < all && wanted > 0; i++) {
    if (i < wanted || turns[i].place < 0) kept[turns[i].document] = true;
  }
  free(documents);
  free(turns);
  return ok ? THAW_OK : thaw_fail_memory(ctx, count * sizeof *turns);
}
