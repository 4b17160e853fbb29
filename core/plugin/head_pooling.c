/* head_pooling.c: layers side by side, and one vector a document from its states. See thaw/head.h.
 *
 * Every pooling asks for the lengths, and looks at positions before them only: a mask for maximum
 * and mean, the index of the last position for `last`, which a backward half has at the front. */
#include <string.h>

#include "tensor/tape.h"
#include "thaw/head.h"

enum { LAST_LAYER = -1 };

static size_t layer_count(const thaw_ints *layers, const thaw_encoder_info *info) {
  return layers->count ? layers->count : info->layers;
}

/* The layer at place `i` of the list; `info->layers` when the encoder does not have it. */
static size_t layer_at(const thaw_ints *layers, const thaw_encoder_info *info, size_t i) {
  if (layers->count == 0) return i;
  const int64_t layer = layers->values[i];
  if (layer == LAST_LAYER) return info->layers - 1;
  return layer >= 0 && (uint64_t)layer < info->layers ? (size_t)layer : info->layers;
}

thaw_status thaw_head_width(const thaw_ints *layers, const thaw_encoder_info *info, size_t *width,
                            thaw_context *ctx) {
  bool chosen[THAW_MAX_LAYERS] = {false};
  *width = 0;
  for (size_t i = 0; i < layer_count(layers, info); i++) {
    const size_t layer = layer_at(layers, info, i);
    if (layer == info->layers) {
      return thaw_fail(ctx, THAW_INVALID,
                       "layers: there is no layer %lld, the encoder has %zu, numbered from 0",
                       (long long)layers->values[i], info->layers);
    }
    if (chosen[layer]) {
      return thaw_fail(ctx, THAW_INVALID, "layers: layer %zu is chosen twice", layer);
    }
    chosen[layer] = true;
    *width += info->width[layer];
  }
  return THAW_OK;
}

static thaw_tensor *fail_layer(thaw_tape *tape) {
  return thaw_tape_fail(tape, "layers", "the encoder lacks a layer that was chosen");
}

thaw_tensor *thaw_head_states(thaw_tape *tape, const thaw_ints *layers,
                              const thaw_head_input *input) {
  thaw_tensor *parts[THAW_MAX_LAYERS];
  const size_t count = layer_count(layers, input->info);
  for (size_t i = 0; i < count; i++) {
    const size_t layer = layer_at(layers, input->info, i);
    if (i == THAW_MAX_LAYERS || layer == input->info->layers) return fail_layer(tape);
    parts[i] = input->states->layer[layer];
    if (!parts[i]) return NULL;
  }
  return count == 1 ? parts[0] : thaw_concat(tape, count, parts, 2);
}

/* Are these states of documents with these lengths? */
static bool check(thaw_tape *tape, const char *pooling, const thaw_tensor *x,
                  const int32_t *lengths) {
  char shape[THAW_SHAPE_TEXT];
  if (x->rank != 3) {
    thaw_tape_fail(tape, pooling, "the states are %s, expected [T][B][D]",
                   thaw_shape_text(x, shape));
    return false;
  }
  for (size_t b = 0; b < x->shape[1]; b++) {
    if (lengths[b] >= 1 && (size_t)lengths[b] <= x->shape[0]) continue;
    thaw_tape_fail(tape, pooling, "document %zu has the length %d, expected 1 to %zu", b,
                   (int)lengths[b], x->shape[0]);
    return false;
  }
  return true;
}

thaw_tensor *thaw_pool_last(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths) {
  if (!x || !check(tape, "pool_last", x, lengths)) return NULL;
  const size_t batch = x->shape[1];
  int32_t *steps = thaw_tape_alloc(tape, batch * sizeof *steps);
  if (!steps) return NULL;
  for (size_t b = 0; b < batch; b++) steps[b] = lengths[b] - 1;
  return thaw_gather_steps(tape, x, steps);
}

thaw_tensor *thaw_pool_final(thaw_tape *tape, thaw_tensor *x, size_t backward_width,
                             const int32_t *lengths) {
  if (backward_width == 0) return thaw_pool_last(tape, x, lengths);
  if (!x || !check(tape, "pool_final", x, lengths)) return NULL;
  const size_t width = x->shape[2];
  if (backward_width >= width) {
    return thaw_tape_fail(tape, "pool_final", "%zu of %zu features are the backward half's",
                          backward_width, width);
  }
  const size_t middle = width - backward_width;
  int32_t *first = thaw_tape_alloc(tape, x->shape[1] * sizeof *first);
  if (!first) return NULL;
  memset(first, 0, x->shape[1] * sizeof *first);
  thaw_tensor *forward = thaw_pool_last(tape, x, lengths);
  thaw_tensor *backward = thaw_gather_steps(tape, x, first);
  thaw_tensor *halves[] = {thaw_slice(tape, forward, 1, 0, middle),
                           thaw_slice(tape, backward, 1, middle, width)};
  return thaw_concat(tape, 2, halves, 1);
}

thaw_tensor *thaw_head_final(thaw_tape *tape, const thaw_ints *layers,
                             const thaw_head_input *input) {
  thaw_tensor *parts[THAW_MAX_LAYERS];
  const size_t count = layer_count(layers, input->info);
  for (size_t i = 0; i < count; i++) {
    const size_t layer = layer_at(layers, input->info, i);
    if (i == THAW_MAX_LAYERS || layer == input->info->layers) return fail_layer(tape);
    parts[i] = thaw_pool_final(tape, input->states->layer[layer],
                               input->info->backward_width[layer], input->lengths);
    if (!parts[i]) return NULL;
  }
  return count == 1 ? parts[0] : thaw_concat(tape, count, parts, 1);
}

thaw_tensor *thaw_pool_max(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths) {
  if (!x || !check(tape, "pool_max", x, lengths)) return NULL;
  const thaw_tensor *mask = thaw_length_mask(tape, x->shape[0], x->shape[1], lengths);
  return mask ? thaw_max(tape, x, 0, mask) : NULL;
}

thaw_tensor *thaw_pool_mean(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths) {
  if (!x || !check(tape, "pool_mean", x, lengths)) return NULL;
  const thaw_tensor *mask = thaw_length_mask(tape, x->shape[0], x->shape[1], lengths);
  return mask ? thaw_mean(tape, x, 0, mask) : NULL;
}
