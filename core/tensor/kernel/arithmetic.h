/* arithmetic.h: sums, products, and what is counted over arrays. */
#ifndef THAW_KERNEL_ARITHMETIC_H
#define THAW_KERNEL_ARITHMETIC_H

#include "tensor/loops.h"

/* A thaw_loop of one pass. */
#define LOOP(NAME, STATEMENT)                                                            \
  static void NAME(float *y, const float *a, const float *b, float factor, float offset, \
                   size_t n) {                                                           \
    (void)a, (void)b, (void)factor, (void)offset;                                        \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++) {                                 \
      STATEMENT;                                                                         \
    }                                                                                    \
  }

LOOP(fill_loop, y[i] = factor)
LOOP(scale_loop, y[i] = factor * a[i])
LOOP(axpy_loop, y[i] += factor * a[i])
LOOP(approach_loop, y[i] += factor * (a[i] - y[i]))
LOOP(scale_shift_loop, y[i] = factor * a[i] + offset)
LOOP(add_loop, y[i] = a[i] + b[i])
LOOP(subtract_loop, y[i] = a[i] - b[i])
LOOP(multiply_loop, y[i] = a[i] * b[i])
LOOP(multiply_add_loop, y[i] += a[i] * b[i])

static double dot_loop(const float *a, const float *b, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

static double squared_distance_loop(const float *a, const float *b, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) {
    const double difference = (double)a[i] - (double)b[i];
    sum += difference * difference;
  }
  return sum;
}

static double sum_loop(const float *a, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += (double)a[i];
  return sum;
}

static float max_loop(const float *x, size_t n) {
  float max = x[0];
#pragma omp simd reduction(max : max)
  for (size_t i = 1; i < n; i++) max = x[i] > max ? x[i] : max;
  return max;
}

static void accumulate_loop(double *sums, const float *x, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) sums[i] += (double)x[i];
}

static void keep_max_loop(float *max, int32_t *index, const float *x, int32_t step, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const bool larger = !(x[i] <= max[i]) & (max[i] == max[i]);
    const bool kept = larger | (index[i] < 0);
    max[i] = kept ? x[i] : max[i];
    index[i] = kept ? step : index[i];
  }
}

#endif
