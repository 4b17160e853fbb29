/* variant.c: all loops for one instruction set. Built once for each, with -march and the macros
 * THAW_VARIANT (a word) and THAW_VARIANT_NAME (a string). */
#include "tensor/kernel/activation.h"
#include "tensor/kernel/arithmetic.h"
#include "tensor/kernel/dropout.h"
#include "tensor/kernel/gru.h"
#include "tensor/kernel/lstm.h"
#include "tensor/kernel/optimizer.h"
#include "tensor/kernel/product.h"
#include "tensor/kernel/qrnn.h"
#include "tensor/kernel/softmax.h"
#include "tensor/kernel/variants.h"

#define JOINED(a, b) a##b
#define TABLE_OF(variant) JOINED(thaw_loops_, variant)

const thaw_loops TABLE_OF(THAW_VARIANT) = {
    .name = THAW_VARIANT_NAME,
    .fill = fill_loop,
    .scale = scale_loop,
    .axpy = axpy_loop,
    .approach = approach_loop,
    .scale_shift = scale_shift_loop,
    .add = add_loop,
    .subtract = subtract_loop,
    .multiply = multiply_loop,
    .multiply_add = multiply_add_loop,
    .exp = exp_loop,
    .tanh = tanh_loop,
    .sigmoid = sigmoid_loop,
    .relu = relu_loop,
    .gelu = gelu_loop,
    .tanh_backward = tanh_backward_loop,
    .sigmoid_backward = sigmoid_backward_loop,
    .relu_backward = relu_backward_loop,
    .gelu_backward = gelu_backward_loop,
    .sum = sum_loop,
    .dot = dot_loop,
    .max = max_loop,
    .accumulate = accumulate_loop,
    .keep_max = keep_max_loop,
    .exp_sum = exp_sum_loop,
    .softmax_backward = softmax_backward_loop,
    .panel_max = panel_max_loop,
    .panel_exp = panel_exp_loop,
    .lstm_cell = lstm_cell_loop,
    .lstm_cell_backward = lstm_cell_backward_loop,
    .gru_cell = gru_cell_loop,
    .gru_cell_backward = gru_cell_backward_loop,
    .qrnn_cell = qrnn_cell_loop,
    .qrnn_cell_backward = qrnn_cell_backward_loop,
    .adamw = adamw_loop,
    .sgd = sgd_loop,
    .dropout_mask = dropout_mask_loop,
    .panel_width = TILE_COLUMNS,
    .multiply_panel = multiply_panel_loop,
    .pack = pack_loop,
    .squared_distance = squared_distance_loop,
};
