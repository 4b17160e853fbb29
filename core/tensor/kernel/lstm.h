/* lstm.h: the pointwise part of an LSTM's step: n of the units of one sequence.
 *
 * The four gates of a unit are `hidden` apart, whatever part of them is computed. */
#ifndef THAW_KERNEL_LSTM_H
#define THAW_KERNEL_LSTM_H

#include "tensor/kernel/one.h"
#include "tensor/loops.h"

static void lstm_cell_loop(float *gates, const float *bias, const float *c_before, float *c,
                           float *h, size_t hidden, size_t n) {
  float *in = gates, *forget = in + hidden, *cell = forget + hidden, *out = cell + hidden;
  const float *b_in = bias, *b_forget = bias + hidden, *b_cell = b_forget + hidden,
              *b_out = b_cell + hidden;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    const float i = sigmoid_one(in[j] + b_in[j]), f = sigmoid_one(forget[j] + b_forget[j]);
    const float g = tanh_one(cell[j] + b_cell[j]), o = sigmoid_one(out[j] + b_out[j]);
    const float state = f * c_before[j] + i * g;
    in[j] = i;
    forget[j] = f;
    cell[j] = g;
    out[j] = o;
    c[j] = state;
    h[j] = o * tanh_one(state);
  }
}

static void lstm_cell_backward_loop(float *gates, const float *c_before, const float *c,
                                    const float *dh, float *dc, size_t hidden, size_t n) {
  float *in = gates, *forget = in + hidden, *cell = forget + hidden, *out = cell + hidden;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    const float i = in[j], f = forget[j], g = cell[j], o = out[j];
    const float squashed = tanh_one(c[j]);
    const float d_state = dc[j] + dh[j] * o * (1.0f - squashed * squashed);
    out[j] = dh[j] * squashed * o * (1.0f - o);
    in[j] = d_state * g * i * (1.0f - i);
    cell[j] = d_state * i * (1.0f - g * g);
    forget[j] = d_state * c_before[j] * f * (1.0f - f);
    dc[j] = d_state * f;
  }
}

#endif
