/* one.h: exp, tanh and what is made of them, of one number, without branches.
 *
 * Polynomials written so that the compiler turns the loops around them into vector code on any
 * processor; within 3 units in the last place of the exact value (see the tests). NaN and infinity
 * pass through. */
#ifndef THAW_KERNEL_ONE_H
#define THAW_KERNEL_ONE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

INLINE float power_of_two(uint32_t n) {
  return float_of((n + 127) << 23);
}

/* Added to 1.5·2^23, a number is rounded to a whole one, which stands in the lowest bits. */
#define ROUNDER 12582912.0f

/* e^r with x = whole·ln 2 + r, |r| <= ln 2 / 2; the polynomial is Cephes' expf (Moshier). */
INLINE float exp_of_rest(float x, float whole) {
  const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * r * r + r + 1.0f;
}

/* Beyond the bounds the result overflows to infinity or underflows to 0 by itself; a NaN passes. */
INLINE float exp_one(float x) {
  const float highest = 89.0f, lowest = -104.0f;
  float bounded = x < lowest ? lowest : x;
  bounded = bounded > highest ? highest : bounded;
  const float shifted = bounded * 1.44269504088896341f + ROUNDER;
  const int32_t n = (int32_t)(bits_of(shifted) - bits_of(ROUNDER));
  const float p = exp_of_rest(bounded, shifted - ROUNDER);
  /* 2^128 is no float: the factor is applied in two halves. */
  const int32_t half = n >> 1;
  return p * power_of_two((uint32_t)half) * power_of_two((uint32_t)n - (uint32_t)half);
}

/* Near 0 Cephes' odd polynomial, elsewhere 1 − 2/(e^2|x| + 1). */
INLINE float tanh_one(float x) {
  const float size = fabsf(x), s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s + -5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s + -3.33332819422e-1f;
  const float near = p * s * x + x;
  const float far = copysignf(1.0f - 2.0f / (exp_one(2.0f * size) + 1.0f), x);
  return size < 0.625f ? near : far;
}

INLINE float sigmoid_one(float x) {
  return 1.0f / (1.0f + exp_one(-x));
}

/* gelu(x) = x · σ(2u), u = √(2/π)·(x + 0.044715·x³), since (1 + tanh u)/2 = σ(2u). */
#define GELU_SCALE 1.5957691216f /* 2·√(2/π) */
#define GELU_CUBE 0.044715f

INLINE float gelu_one(float x) {
  return x * sigmoid_one(GELU_SCALE * (x + GELU_CUBE * x * x * x));
}

INLINE float gelu_slope(float x) {
  const float s = sigmoid_one(GELU_SCALE * (x + GELU_CUBE * x * x * x));
  return s + x * s * (1.0f - s) * GELU_SCALE * (1.0f + 3.0f * GELU_CUBE * x * x);
}

#endif
