/* softmax.h: the exponentials of a row and their sum; the gradient. */
#ifndef THAW_KERNEL_SOFTMAX_H
#define THAW_KERNEL_SOFTMAX_H

#include "tensor/kernel/one.h"
#include "tensor/loops.h"

/* y [n] = exp(x − max); returns its sum. */
static double exp_sum_loop(float *y, const float *x, float max, size_t n) {
  double sum = 0;
  /* Floats are summed in short stretches: a double for each element would halve the speed. */
  for (size_t begin = 0; begin < n; begin += 256) {
    const size_t end = n - begin < 256 ? n : begin + 256;
    float stretch = 0;
#pragma omp simd reduction(+ : stretch)
    for (size_t i = begin; i < end; i++) {
      y[i] = exp_one(x[i] - max);
      stretch += y[i];
    }
    sum += (double)stretch;
  }
  return sum;
}

/* dx [n] += y · (dy − dot) */
static void softmax_backward_loop(float *dx, const float *dy, const float *y, float dot, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) dx[i] += y[i] * (dy[i] - dot);
}

#endif
