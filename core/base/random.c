/* random.c: xoshiro256** (Blackman and Vigna 2018) and what is drawn from it. */
#include <math.h>

#include "thaw/base.h"

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

thaw_rng thaw_rng_make(uint64_t seed, uint64_t stream) {
  /* The seed is mixed before the stream comes in: (1, 2) and (2, 1) are strangers. */
  uint64_t mixed = seed;
  mixed = splitmix64(&mixed) ^ stream;
  thaw_rng rng;
  for (int i = 0; i < 4; i++) rng.state[i] = splitmix64(&mixed);
  return rng;
}

uint64_t thaw_rng_next(thaw_rng *rng) {
  uint64_t *s = rng->state;
  const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  const uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

float thaw_rng_uniform(thaw_rng *rng) {
  return (float)(thaw_rng_next(rng) >> 40) * 0x1p-24f;
}

float thaw_rng_normal(thaw_rng *rng) {
  /* The first is in (0, 1], so that its logarithm is finite. */
  const double u = (double)((thaw_rng_next(rng) >> 11) + 1) * 0x1p-53;
  const double v = (double)(thaw_rng_next(rng) >> 11) * 0x1p-53;
  return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586477 * v));
}

uint64_t thaw_rng_below(thaw_rng *rng, uint64_t bound) {
  __extension__ typedef unsigned __int128 product;
  product m = (product)thaw_rng_next(rng) * bound;
  if ((uint64_t)m < bound) {
    const uint64_t threshold = -bound % bound;
    while ((uint64_t)m < threshold) m = (product)thaw_rng_next(rng) * bound;
  }
  return (uint64_t)(m >> 64);
}

void thaw_rng_shuffle(thaw_rng *rng, size_t *indices, size_t count) {
  for (size_t i = count; i > 1; i--) {
    const size_t j = (size_t)thaw_rng_below(rng, i);
    const size_t kept = indices[i - 1];
    indices[i - 1] = indices[j];
    indices[j] = kept;
  }
}
