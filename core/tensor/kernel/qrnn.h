/* qrnn.h: fo-pooling, one step: n of the units of one sequence.
 *
 * The three gates of a unit are `hidden` apart, whatever part of them is computed. */
#ifndef THAW_KERNEL_QRNN_H
#define THAW_KERNEL_QRNN_H

#include "tensor/kernel/one.h"
#include "tensor/loops.h"

static void qrnn_cell_loop(float *gates, const float *bias, const float *c_before, float *c,
                           float *h, size_t hidden, size_t n) {
  float *fresh = gates, *forget = fresh + hidden, *out = forget + hidden;
  const float *b_fresh = bias, *b_forget = bias + hidden, *b_out = b_forget + hidden;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    const float z = tanh_one(fresh[j] + b_fresh[j]), f = sigmoid_one(forget[j] + b_forget[j]);
    const float o = sigmoid_one(out[j] + b_out[j]);
    const float state = f * c_before[j] + (1.0f - f) * z;
    fresh[j] = z;
    forget[j] = f;
    out[j] = o;
    c[j] = state;
    h[j] = o * state;
  }
}

static void qrnn_cell_backward_loop(float *gates, const float *c_before, const float *c,
                                    const float *dh, float *dc, size_t hidden, size_t n) {
  float *fresh = gates, *forget = fresh + hidden, *out = forget + hidden;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    const float z = fresh[j], f = forget[j], o = out[j];
    const float d_state = dc[j] + dh[j] * o;
    out[j] = dh[j] * c[j] * o * (1.0f - o);
    fresh[j] = d_state * (1.0f - f) * (1.0f - z * z);
    forget[j] = d_state * (c_before[j] - z) * f * (1.0f - f);
    dc[j] = d_state * f;
  }
}

#endif
