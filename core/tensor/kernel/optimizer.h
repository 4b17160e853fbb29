/* optimizer.h: one step of an optimizer on n weights. */
#ifndef THAW_KERNEL_OPTIMIZER_H
#define THAW_KERNEL_OPTIMIZER_H

#include <math.h>

#include "tensor/loops.h"

static void adamw_loop(float *w, const float *gradient, float *m, float *v, size_t n,
                       const thaw_adamw_step *step) {
  const float keep = 1.0f - step->rate * step->weight_decay, epsilon = step->epsilon;
  const float b1 = step->beta1, b2 = step->beta2, scale = step->gradient_scale;
  const float size = step->rate / step->correction1;
  const float inverse_root = (float)(1.0 / sqrt((double)step->correction2));
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const float g = scale * gradient[i];
    const float first = b1 * m[i] + (1.0f - b1) * g;
    const float second = b2 * v[i] + (1.0f - b2) * g * g;
    m[i] = first;
    v[i] = second;
    w[i] = keep * w[i] - size * first / (sqrtf(second) * inverse_root + epsilon);
  }
}

static void sgd_loop(float *w, const float *gradient, float *velocity, size_t n,
                     const thaw_sgd_step *step) {
  const float rate = step->rate, decay = step->weight_decay, scale = step->gradient_scale;
  const float momentum = step->momentum;
  if (!velocity) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) w[i] -= rate * (scale * gradient[i] + decay * w[i]);
    return;
  }
  if (step->nesterov) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
      const float direction = scale * gradient[i] + decay * w[i];
      velocity[i] = momentum * velocity[i] + direction;
      w[i] -= rate * (direction + momentum * velocity[i]);
    }
    return;
  }
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    velocity[i] = momentum * velocity[i] + (scale * gradient[i] + decay * w[i]);
    w[i] -= rate * velocity[i];
  }
}

#endif
