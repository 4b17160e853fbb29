/* dropout.h: a mask of zeros and 1/(1 − p). */
#ifndef THAW_KERNEL_DROPOUT_H
#define THAW_KERNEL_DROPOUT_H

#include <string.h>

#include "tensor/loops.h"

/* Eight generators side by side (xoshiro256+, Blackman and Vigna 2018, whose upper bits are as good
 * as those of thaw_rng_next), each giving two numbers of 32 bits at a time. The lowest bits of
 * xoshiro256+ are weak linearly; here they decide nothing but ties with the threshold. */
enum { LANES = THAW_XOSHIRO_LANES };

static void dropout_mask_loop(float *mask, size_t n, uint32_t threshold, float kept,
                              uint64_t state[4][LANES]) {
  uint64_t s[4][LANES];
  memcpy(s, state, sizeof s);
  for (size_t begin = 0; begin < n; begin += 2 * LANES) {
    float drawn[2 * LANES];
#pragma omp simd
    for (size_t l = 0; l < LANES; l++) {
      const uint64_t bits = s[0][l] + s[3][l], t = s[1][l] << 17;
      s[2][l] ^= s[0][l];
      s[3][l] ^= s[1][l];
      s[1][l] ^= s[2][l];
      s[0][l] ^= s[3][l];
      s[2][l] ^= t;
      s[3][l] = (s[3][l] << 45) | (s[3][l] >> 19);
      drawn[l] = (uint32_t)bits < threshold ? 0.0f : kept;
      drawn[LANES + l] = (uint32_t)(bits >> 32) < threshold ? 0.0f : kept;
    }
    const size_t count = n - begin < 2 * LANES ? n - begin : 2 * LANES;
    memcpy(mask + begin, drawn, count * sizeof(float));
  }
}

#endif
