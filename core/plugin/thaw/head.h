/* thaw/head.h: what classifier heads are made of; a head includes this instead of thaw/plugin.h.
 *
 * A head of ULMFiT's kind chooses layers, pools their states over the positions of each document,
 * and puts linear blocks on the result (Howard and Ruder 2018, section 3.3):
 *
 *     layer states [T][B][..] → chosen layers [T][B][W] → pooled [B][I] → blocks → logits [B][C]
 *
 * Its settings begin with those that all such heads share, its state with the blocks; what is left
 * to write is the pooling. plugins/head/mean.c is an example of about 40 lines. A head of another
 * kind uses what suits it, or nothing.
 *
 * Ownership: parameter tensors belong to the core, tensors that a function here returns to the
 * tape. Errors: functions with a context leave their message there; those with a tape are tape
 * operations: they return NULL after a failure, and NULL for a NULL tensor (see thaw/tensor.h). */
#ifndef THAW_HEAD_H
#define THAW_HEAD_H

#include <thaw/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Settings -------------------------------------------------------------------------------- */

typedef struct thaw_head_settings {
  thaw_ints layers;   /* which layers' states: −1 is the last one, an empty list all of them */
  thaw_ints hidden;   /* widths of the blocks but the last, whose width is the number of classes */
  thaw_reals dropout; /* of each block: one more than hidden */
} thaw_head_settings;

/* The rows of a head's parameter table for the thaw_head_settings `member` of its struct
 * `settings`. */
#define THAW_HEAD_PARAMETERS(settings, member)                                                 \
  {.name = "layers",                                                                           \
   .type = THAW_PARAM_LAYERS,                                                                  \
   .offset = offsetof(settings, member.layers),                                                \
   .default_value = "[last]",                                                                  \
   .unit = "",                                                                                 \
   .doc = "Layers whose states are pooled, side by side: [last], numbers from 0, or all."},    \
      {.name = "hidden",                                                                       \
       .type = THAW_PARAM_INTS,                                                                \
       .offset = offsetof(settings, member.hidden),                                            \
       .default_value = "[50]",                                                                \
       .minimum = 1,                                                                           \
       .maximum = 65536,                                                                       \
       .unit = "",                                                                             \
       .doc = "Widths of the linear blocks before the last one; [] leaves only that."},        \
  {                                                                                            \
    .name = "dropout", .type = THAW_PARAM_REALS, .offset = offsetof(settings, member.dropout), \
    .default_value = "[0.4, 0.1]", .minimum = 0, .maximum = 0.99, .unit = "",                  \
    .doc = "Dropout rate of each linear block: one more than hidden has widths.",              \
    .per_stage = true                                                                          \
  }

/* What the table cannot say: THAW_INVALID unless dropout has one rate more than hidden has widths,
 * every width is at least 1, every rate at least 0 and below 1, and there are at most
 * THAW_MAX_BLOCKS blocks. For a head's `validate`. */
THAW_API thaw_status thaw_head_check(const thaw_head_settings *settings, thaw_context *ctx);

/* ---- Layers and poolings --------------------------------------------------------------------- */

/* The width W of the chosen layers side by side. THAW_INVALID when the encoder lacks one of them,
 * or one is chosen twice. */
THAW_API thaw_status thaw_head_width(const thaw_ints *layers, const thaw_encoder_info *info,
                                     size_t *width, thaw_context *ctx);
/* The states of the chosen layers side by side, in the order of `layers`: [T][B][W]. */
THAW_API thaw_tensor *thaw_head_states(thaw_tape *tape, const thaw_ints *layers,
                                       const thaw_head_input *input);

/* x [T][B][D] → [B][D], over the positions t < lengths[b] of each document: what stands behind them
 * has no influence and gets no gradient. It is an error when a length is not within 1 … T.
 * The state at the last position, the largest value of each feature, and the mean. */
THAW_API thaw_tensor *thaw_pool_last(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths);
THAW_API thaw_tensor *thaw_pool_max(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths);
THAW_API thaw_tensor *thaw_pool_mean(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths);

/* What was read last: the last position, but the first one in the last `backward_width` of the D
 * features (thaw_encoder_info); x is a layer, or a mix of layers of one width. */
THAW_API thaw_tensor *thaw_pool_final(thaw_tape *tape, thaw_tensor *x, size_t backward_width,
                                      const int32_t *lengths);
/* That of the chosen layers side by side: [B][W]. */
THAW_API thaw_tensor *thaw_head_final(thaw_tape *tape, const thaw_ints *layers,
                                      const thaw_head_input *input);

/* ---- Linear blocks --------------------------------------------------------------------------- */

#define THAW_MAX_BLOCKS 16

/* batch norm → dropout → linear; between two blocks stands a ReLU. */
typedef struct thaw_block {
  thaw_tensor *gain, *bias;                     /* of batch norm, [I] */
  thaw_tensor *running_mean, *running_variance; /* [I], not trained */
  thaw_tensor *weight, *weight_bias;            /* of the linear layer, [O][I] and [O] */
} thaw_block;

/* Part of a head's state. Nothing in it has to be freed. */
typedef struct thaw_blocks {
  size_t count;
  thaw_block block[THAW_MAX_BLOCKS];
} thaw_blocks;

/* Adds the blocks' tensors to the group "head": norm.N.weight, .bias, .running_mean, .running_var,
 * linear.N.weight, .bias for block N. `inputs` is the width I of what is pooled.
 *
 * Batch norm begins with gain 1, bias 0, mean 0 and variance 1. Linear layers begin as PyTorch's
 * nn.Linear does, weights and bias uniform in ±1/√inputs, in every block: the batch norm of the
 * next block takes the scale out again, so that Kaiming's start, which is √6 times wider, would
 * change little but the last block's first logits, where small is better. */
THAW_API thaw_status thaw_blocks_create(thaw_blocks *blocks, const thaw_head_settings *settings,
                                        size_t inputs, size_t classes, thaw_params *params,
                                        thaw_context *ctx);
/* x [B][I] → logits [B][C]. Batch norm has momentum 0.1 and epsilon 1e-5. A batch of one document
 * has no variance. thaw_batch_norm would take the running statistics instead, which such a training
 * never moves: in training it is an error that says so, as in PyTorch. The core's batches avoid it:
 * they have at least two documents unless the stage's `batch` is 1 or there is only one. */
THAW_API thaw_tensor *thaw_blocks_forward(const thaw_blocks *blocks,
                                          const thaw_head_settings *settings, thaw_tape *tape,
                                          thaw_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
