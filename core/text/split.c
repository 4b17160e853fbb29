/* split.c: which documents are held out, and which of a larger number stay.
 *
 * Both choose class by class, with random numbers of each class's own, by selection sampling
 * (Knuth, The Art of Computer Programming 3.4.2, algorithm S): going through the documents in
 * order, each is taken with the probability (still wanted)/(still left), which needs no memory.
 * Documents without a label are one class more, −1. Where fewer documents are wanted than there are
 * classes, every class still keeps one. */
#include <math.h>

#include "text/corpus.h"

enum { HOLD_STREAM = 0x73706c74, KEEP_STREAM = 0x736d706c };

static int64_t label_of(const int32_t *labels, size_t document) {
  return labels ? labels[document] : -1;
}

/* Documents of the class that `held` (NULL: none) leaves. */
static size_t class_size(const int32_t *labels, const bool *held, size_t count, int64_t label) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += label_of(labels, i) == label && !(held && held[i]);
  return size;
}

/* Chooses `wanted` of the `size` documents of the class that `held` (NULL: none) leaves. */
static void choose(const int32_t *labels, const bool *held, size_t count, int64_t label,
                   size_t size, size_t wanted, uint64_t seed, uint64_t purpose, bool *chosen) {
  thaw_rng rng = thaw_rng_make(seed, (purpose << 32) + (uint64_t)(label + 1));
  for (size_t i = 0; i < count && wanted > 0; i++) {
    if (label_of(labels, i) != label || (held && held[i])) continue;
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
    const size_t size = class_size(labels, NULL, count, label);
    if (size < 2) continue;
    double wanted = floor(fraction * (double)size + 0.5);
    /* One stays on each side. */
    if (wanted > (double)(size - 1)) wanted = (double)(size - 1);
    if (wanted < 1) wanted = 1;
    choose(labels, NULL, count, label, size, (size_t)wanted, seed, HOLD_STREAM, held);
  }
}

/* How a sample is shared out: a class whose share would be less than one document gets one; the
 * others share what remains in proportion to their sizes. */
typedef struct shares {
  size_t wanted, available; /* of the classes that are not small */
} shares;

static bool is_small(const shares *s, size_t size) {
  return s->wanted == 0 || (double)size * (double)s->wanted < (double)s->available;
}

/* Taking the small classes out changes the others' shares, which can make one of them small in
 * turn. */
static shares share_out(const int32_t *labels, const bool *held, size_t count, size_t classes,
                        size_t wanted, size_t available) {
  shares now = {wanted, available};
  for (;;) {
    size_t small = 0, small_size = 0;
    for (int64_t label = -1; label < (int64_t)classes; label++) {
      const size_t size = class_size(labels, held, count, label);
      if (size == 0 || !is_small(&now, size)) continue;
      small++;
      small_size += size;
    }
    const shares next = {small < wanted ? wanted - small : 0, available - small_size};
    if (next.wanted == now.wanted && next.available == now.available) return now;
    now = next;
  }
}

void thaw_sample(const int32_t *labels, const bool *held, size_t count, size_t classes,
                 size_t wanted, uint64_t seed, bool *kept) {
  size_t available = 0;
  for (size_t i = 0; i < count; i++) available += !(held && held[i]);
  const bool all = wanted >= available;
  for (size_t i = 0; i < count; i++) kept[i] = all && !(held && held[i]);
  if (all || wanted == 0) return;
  const shares s = share_out(labels, held, count, classes, wanted, available);
  /* Rounding the running sum instead of each share makes the shares add up. */
  size_t passed = 0, given = 0;
  for (int64_t label = -1; label < (int64_t)classes; label++) {
    const size_t size = class_size(labels, held, count, label);
    if (size == 0) continue;
    size_t share = 1;
    if (!is_small(&s, size)) {
      passed += size;
      const double sum = floor((double)s.wanted * (double)passed / (double)s.available + 0.5);
      share = (size_t)sum - given;
      given = (size_t)sum;
    }
    choose(labels, held, count, label, size, share, seed, KEEP_STREAM, kept);
  }
}
