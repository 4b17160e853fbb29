/* activation.h: y = f(x), and backwards dx (y) += dy (a) · f′ from x or f(x) (b). */
#ifndef THAW_KERNEL_ACTIVATION_H
#define THAW_KERNEL_ACTIVATION_H

#include "tensor/kernel/arithmetic.h"
#include "tensor/kernel/one.h"

LOOP(exp_loop, y[i] = exp_one(a[i]))
LOOP(tanh_loop, y[i] = tanh_one(a[i]))
LOOP(sigmoid_loop, y[i] = sigmoid_one(a[i]))
/* `<` so that a NaN stays. */
LOOP(relu_loop, y[i] = a[i] < 0.0f ? 0.0f : a[i])
LOOP(gelu_loop, y[i] = gelu_one(a[i]))
LOOP(tanh_backward_loop, y[i] += a[i] * (1.0f - b[i] * b[i]))
LOOP(sigmoid_backward_loop, y[i] += a[i] * (b[i] * (1.0f - b[i])))
LOOP(relu_backward_loop, y[i] += a[i] * (b[i] > 0.0f ? 1.0f : 0.0f))
LOOP(gelu_backward_loop, y[i] += a[i] * gelu_slope(b[i]))

#endif
