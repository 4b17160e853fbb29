/* op_sampled_loss.c: cross entropy behind a linear layer, over a sample of a large vocabulary.
 *
 * Of all V words a step looks at C candidates, which all rows share: T, the words that are a target
 * anywhere in the batch, and S, some of the others, drawn anew (Jean et al. 2015 take the batch's
 * targets in, too). A word j that is not in T is drawn with the probability q_j, and −log q_j is
 * added to its logit f_j. What a row takes for its softmax's denominator Z is then
 *
 *   Z' = Σ_{j in T} exp(f_j) + Σ_{j in S} exp(f_j − log q_j),   E Z' = Σ_j exp(f_j) = Z
 *
 * in the mean over the draws (Horvitz and Thompson 1952). So the mean of exp(loss) is exp(exact
 * loss), the loss itself is a little below the exact one in the mean, and its gradient is the exact
 * one by importance sampling (Bengio and Senécal 2008). With all words as candidates both are
 * exact. TensorFlow's sampled_softmax_loss adds −log of the expected count to the target's logit as
 * well, and has to take out a drawn word that happens to be the target; here a target is certain to
 * be there, log 1 = 0, and no word is there twice.
 *
 * q_j is proportional to 1/(j+1), as words are by Zipf's law if their ids go by falling frequency,
 * but at most 1. For other orders the mean is the same, with more noise. */
#include <math.h>
#include <string.h>

#include "tensor/loss.h"

/* ---- Drawing words --------------------------------------------------------------------------- */

typedef enum role { LEFT_OUT, CERTAIN, DRAWN } role;

typedef struct lot {
  unsigned char *roles; /* [V], of the type role */
  size_t words;         /* V */
  double factor;        /* q_j = factor · share(j), of words that are not certain */
} lot;

static double share(size_t word) {
  return 1.0 / (double)(word + 1);
}

static double uniform(thaw_rng *rng) {
  return (double)(thaw_rng_next(rng) >> 11) * 0x1p-53;
}

/* Draws exactly `count` of the words from `first` on that are left out so far, each with its q,
 * which add up to `count` (Deville and Tillé 1998, the pivotal method): of two words with chances a
 * and b one takes all of a + b; or where that is more than 1, one is drawn, and the other keeps
 * what is over. It stays as it is until the next word comes. */
static void draw(lot *l, size_t first, thaw_rng *rng) {
  size_t waiting = first;
  double chance = 0; /* of the waiting word */
  for (size_t word = first; word < l->words; word++) {
    if (l->roles[word] != LEFT_OUT) continue;
    const double own = l->factor * share(word), both = chance + own, u = uniform(rng);
    if (both < 1) {
      if (u * both < own) waiting = word;
      chance = both;
    } else {
      const bool waiting_wins = u * (2 - both) < 1 - own;
      l->roles[waiting_wins ? waiting : word] = DRAWN;
      if (waiting_wins) waiting = word;
      chance = both - 1;
    }
  }
  if (chance > 0.5) l->roles[waiting] = DRAWN; /* it is 0 or 1, but for rounding */
}

/* Makes `count` of the words candidates that are left out so far. Those whose q would be 1 or more
 * come first. */
static void choose(lot *l, size_t count, thaw_rng *rng) {
  double shares = 0; /* of the words that are left */
  size_t word = 0;
  for (size_t w = 0; w < l->words; w++) shares += l->roles[w] == LEFT_OUT ? share(w) : 0;
  for (; count > 0 && word < l->words; word++) {
    if (l->roles[word] != LEFT_OUT) continue;
    if ((double)count * share(word) < shares) break;
    l->roles[word] = CERTAIN;
    shares -= share(word);
    count--;
  }
  if (count == 0) return;
  l->factor = (double)count / shares;
  draw(l, word, rng);
}

/* ---- Candidates ------------------------------------------------------------------------------ */

typedef struct candidates {
  int32_t *words; /* [C], ascending */
  float *shifts;  /* [C], −log q of a drawn word, else 0 */
  size_t count;
} candidates;

static void list_candidates(const lot *l, candidates *c) {
  c->count = 0;
  for (size_t word = 0; word < l->words; word++) {
    if (l->roles[word] == LEFT_OUT) continue;
    c->words[c->count] = (int32_t)word;
    c->shifts[c->count++] = l->roles[word] == DRAWN ? (float)-log(l->factor * share(word)) : 0;
  }
}

/* False when there is no memory. */
static bool find_candidates(thaw_tape *tape, const int32_t *targets, size_t rows, size_t words,
                            size_t samples, candidates *c) {
  const size_t most = rows < words - samples ? rows + samples : words;
  c->words = thaw_tape_alloc(tape, most * sizeof *c->words);
  c->shifts = thaw_tape_alloc(tape, most * sizeof *c->shifts);
  const thaw_arena_mark here = thaw_tape_here(tape);
  lot l = {.roles = thaw_tape_alloc(tape, words), .words = words};
  if (!c->words || !c->shifts || !l.roles) return false;
  memset(l.roles, LEFT_OUT, words);
  size_t others = words;
  for (size_t row = 0; row < rows; row++) {
    if (targets[row] < 0 || l.roles[targets[row]] == CERTAIN) continue;
    l.roles[targets[row]] = CERTAIN;
    others--;
  }
  choose(&l, samples < others ? samples : others, thaw_tape_rng(tape));
  list_candidates(&l, c);
  thaw_tape_back_to(tape, here);
  return true;
}

/* Where the word stands among them; it must be there. */
static int32_t place_of(const candidates *c, int32_t word) {
  size_t low = 0, high = c->count;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (c->words[middle] <= word) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return (int32_t)low;
}

/* ---- The loss -------------------------------------------------------------------------------- */

/* bias [V], or NULL for zeros -> [C], with −log q. */
static thaw_tensor *candidates_bias(thaw_tape *tape, thaw_tensor *bias, const candidates *c) {
  thaw_tensor *shifts = thaw_tape_constant(tape, 1, (size_t[]){c->count}, c->shifts);
  if (!bias) return shifts;
  thaw_tensor *column = thaw_reshape(tape, bias, 2, (size_t[]){bias->shape[0], 1});
  column = thaw_gather_rows(tape, column, c->words, c->count);
  return thaw_add(tape, thaw_reshape(tape, column, 1, (size_t[]){c->count}), shifts);
}

thaw_tensor *thaw_sampled_cross_entropy(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight,
                                        thaw_tensor *bias, const int32_t *targets, size_t samples,
                                        double *loss_sum) {
  const char *name = "sampled_cross_entropy";
  if (!x || !weight || thaw_tape_status(tape) != THAW_OK) return NULL;
  if (!thaw_linear_loss_fits(tape, name, x, weight, bias)) return NULL;
  const size_t rows = thaw_rows(x), words = weight->shape[0];
  if (samples == 0 || samples > words) {
    return thaw_tape_fail(tape, name, "%zu samples of %zu words: expected 1 to %zu", samples, words,
                          words);
  }
  size_t counted;
  if (!thaw_count_targets(tape, name, targets, rows, words, &counted)) return NULL;
  candidates c;
  int32_t *places = thaw_tape_alloc(tape, rows * sizeof *places);
  if (!places || !find_candidates(tape, targets, rows, words, samples, &c)) return NULL;
  for (size_t row = 0; row < rows; row++) {
    places[row] = targets[row] < 0 ? -1 : place_of(&c, targets[row]);
  }
  thaw_tensor *candidate_weight = thaw_gather_rows(tape, weight, c.words, c.count);
  return thaw_linear_cross_entropy(tape, x, candidate_weight, candidates_bias(tape, bias, &c),
                                   places, loss_sum);
}
