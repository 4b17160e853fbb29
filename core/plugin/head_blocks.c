/* head_blocks.c: the linear blocks of ULMFiT's heads, and their settings. See thaw/head.h. */
#include <math.h>
#include <stdio.h>

#include "tensor/tape.h"
#include "thaw/head.h"

static const float MOMENTUM = 0.1f, EPSILON = 1e-5f;

thaw_status thaw_head_check(const thaw_head_settings *settings, thaw_context *ctx) {
  const thaw_ints *hidden = &settings->hidden;
  const thaw_reals *dropout = &settings->dropout;
  if (hidden->count >= THAW_MAX_BLOCKS) {
    return thaw_fail(ctx, THAW_INVALID, "hidden has %zu widths, at most %d are possible",
                     hidden->count, THAW_MAX_BLOCKS - 1);
  }
  if (dropout->count != hidden->count + 1) {
    return thaw_fail(ctx, THAW_INVALID,
                     "dropout has %zu rate%s, expected %zu: one for each of hidden's %zu width%s "
                     "and one for the last block",
                     dropout->count, dropout->count == 1 ? "" : "s", hidden->count + 1,
                     hidden->count, hidden->count == 1 ? "" : "s");
  }
  for (size_t i = 0; i < hidden->count; i++) {
    if (hidden->values[i] < 1) {
      return thaw_fail(ctx, THAW_INVALID, "hidden has the width %lld, expected at least 1",
                       (long long)hidden->values[i]);
    }
  }
  for (size_t i = 0; i < dropout->count; i++) {
    if (!(dropout->values[i] >= 0 && dropout->values[i] < 1)) {
      return thaw_fail(ctx, THAW_INVALID, "dropout has the rate %g, expected at least 0, below 1",
                       dropout->values[i]);
    }
  }
  return THAW_OK;
}

/* The new tensor `kind.number.name`. */
static thaw_tensor *add(thaw_params *params, thaw_context *ctx, bool trained, const char *kind,
                        size_t number, const char *name, size_t rank, const size_t *shape,
                        thaw_init init) {
  char full[64];
  snprintf(full, sizeof full, "%s.%zu.%s", kind, number, name);
  return trained ? thaw_params_add(params, ctx, "head", full, rank, shape, init)
                 : thaw_params_add_buffer(params, ctx, "head", full, rank, shape, init);
}

static bool add_block(thaw_block *block, size_t number, size_t inputs, size_t outputs,
                      thaw_params *params, thaw_context *ctx) {
  const thaw_init zero = {THAW_INIT_CONSTANT, 0, 0}, one = {THAW_INIT_CONSTANT, 1, 0};
  const float bound = 1.0f / sqrtf((float)inputs);
  const thaw_init uniform = {THAW_INIT_UNIFORM, -bound, bound};
  const size_t shape[] = {outputs, inputs};
  *block = (thaw_block){
      .gain = add(params, ctx, true, "norm", number, "weight", 1, &inputs, one),
      .bias = add(params, ctx, true, "norm", number, "bias", 1, &inputs, zero),
      .running_mean = add(params, ctx, false, "norm", number, "running_mean", 1, &inputs, zero),
      .running_variance = add(params, ctx, false, "norm", number, "running_var", 1, &inputs, one),
      .weight = add(params, ctx, true, "linear", number, "weight", 2, shape, uniform),
      .weight_bias = add(params, ctx, true, "linear", number, "bias", 1, &outputs, uniform),
  };
  return block->gain && block->bias && block->running_mean && block->running_variance &&
         block->weight && block->weight_bias;
}

thaw_status thaw_blocks_create(thaw_blocks *blocks, const thaw_head_settings *settings,
                               size_t inputs, size_t classes, thaw_params *params,
                               thaw_context *ctx) {
  const thaw_status status = thaw_head_check(settings, ctx);
  if (status != THAW_OK) return status;
  blocks->count = settings->hidden.count + 1;
  for (size_t i = 0; i < blocks->count; i++) {
    const size_t outputs =
        i < settings->hidden.count ? (size_t)settings->hidden.values[i] : classes;
    if (!add_block(&blocks->block[i], i, inputs, outputs, params, ctx)) return THAW_FAILED;
    inputs = outputs;
  }
  return THAW_OK;
}

thaw_tensor *thaw_blocks_forward(const thaw_blocks *blocks, const thaw_head_settings *settings,
                                 thaw_tape *tape, thaw_tensor *x) {
  if (!x) return NULL;
  if (settings->dropout.count != blocks->count) {
    return thaw_tape_fail(tape, "head", "there are %zu dropout rates for %zu blocks",
                          settings->dropout.count, blocks->count);
  }
  if (thaw_tape_training(tape) && thaw_rows(x) == 1) {
    return thaw_tape_fail(tape, "head",
                          "batch norm cannot train on a batch of one document, which has no "
                          "variance: the stage's batch must be at least 2");
  }
  for (size_t i = 0; i < blocks->count; i++) {
    const thaw_block *b = &blocks->block[i];
    if (i > 0) x = thaw_relu(tape, x);
    x = thaw_batch_norm(tape, x, b->gain, b->bias, b->running_mean, b->running_variance, MOMENTUM,
                        EPSILON);
    x = thaw_dropout(tape, x, (float)settings->dropout.values[i]);
    x = thaw_linear(tape, x, b->weight, b->weight_bias);
  }
  return x;
}
