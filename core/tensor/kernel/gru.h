/* gru.h: the pointwise part of a GRU's step: n of the units of one sequence.
 *
 * The three gates of a unit are `hidden` apart, whatever part of them is computed. */
#ifndef THAW_KERNEL_GRU_H
#define THAW_KERNEL_GRU_H

#include "tensor/kernel/one.h"
#include "tensor/loops.h"

static void gru_cell_loop(float *gates, float *product, const float *bias, const float *bias_hn,
                          const float *h_before, float *h, size_t hidden, size_t n) {
  float *reset = gates, *update = reset + hidden, *fresh = update + hidden;
  const float *b_reset = bias, *b_update = bias + hidden, *b_fresh = b_update + hidden;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    const float r = sigmoid_one(reset[j] + b_reset[j]), z = sigmoid_one(update[j] + b_update[j]);
    const float recurrent = product[j] + bias_hn[j];
    const float candidate = tanh_one(fresh[j] + b_fresh[j] + r * recurrent);
    reset[j] = r;
    update[j] = z;
    fresh[j] = candidate;
    product[j] = recurrent;
    h[j] = (1.0f - z) * candidate + z * h_before[j];
  }
}

static void gru_cell_backward_loop(float *gates, float *product, const float *h_before,
                                   const float *dh, float *dh_before, size_t hidden, size_t n) {
  float *reset = gates, *update = reset + hidden, *fresh = update + hidden;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    const float r = reset[j], z = update[j], candidate = fresh[j];
    const float d_fresh = dh[j] * (1.0f - z) * (1.0f - candidate * candidate);
    update[j] = dh[j] * (h_before[j] - candidate) * z * (1.0f - z);
    reset[j] = d_fresh * product[j] * r * (1.0f - r);
    fresh[j] = d_fresh;
    product[j] = d_fresh * r;
    dh_before[j] += dh[j] * z;
  }
}

#endif
