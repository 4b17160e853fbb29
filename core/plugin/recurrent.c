/* recurrent.c: the layers of recurrent encoders, in one direction or two. See thaw/recurrent.h.
 *
 * A half is a stack of layers with its dropouts and its penalty. In a language model the two halves
 * of a bidirectional encoder have texts of their own; in a classifier the backward half is given
 * the embedded words of the same documents in reversed order, and its states are put back. */
#include "thaw/recurrent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const thaw_directions[] = {"forward", "backward", "bidirectional", NULL};

/* ---- Settings -------------------------------------------------------------------------------- */

static thaw_direction direction_of(const thaw_recurrent_settings *sizes) {
  int direction = THAW_FORWARD;
  for (int i = 0; thaw_directions[i]; i++) {
    if (strcmp(sizes->direction, thaw_directions[i]) == 0) direction = i;
  }
  return (thaw_direction)direction;
}

thaw_status thaw_regularisation_check(const thaw_regularisation *r, thaw_context *ctx) {
  const double largest =
      fmax(fmax(fmax(r->output_p, r->hidden_p), fmax(r->input_p, r->embed_p)), r->weight_p);
  if (largest * r->drop_mult >= 1)
    return thaw_fail(ctx, THAW_INVALID,
                     "drop_mult %g times the largest dropout rate %g is %g; it must stay below 1",
                     r->drop_mult, largest, largest * r->drop_mult);
  return THAW_OK;
}

/* ---- Creation -------------------------------------------------------------------------------- */

thaw_tensor *thaw_layer_add(const thaw_recurrent_layer *layer, thaw_params *params,
                            thaw_context *ctx, const char *name, size_t rank, const size_t *shape,
                            thaw_init init) {
  char group[32], full[64];
  snprintf(group, sizeof group, "rnn.%zu", layer->index);
  snprintf(full, sizeof full, "%s%s", name, layer->backward ? "_backward" : "");
  return thaw_params_add(params, ctx, group, full, rank, shape, init);
}

thaw_status thaw_layer_add_gates(thaw_recurrent_layer *layer, size_t gates, thaw_params *params,
                                 thaw_context *ctx) {
  const float bound = 1.0f / sqrtf((float)layer->width);
  const thaw_init uniform = {THAW_INIT_UNIFORM, -bound, bound};
  const size_t rows = gates * layer->width;
  thaw_tensor **tensors = layer->tensors;
  tensors[0] =
      thaw_layer_add(layer, params, ctx, "weight_ih", 2, (size_t[]){rows, layer->inputs}, uniform);
  tensors[1] =
      thaw_layer_add(layer, params, ctx, "weight_hh", 2, (size_t[]){rows, layer->width}, uniform);
  tensors[2] = thaw_layer_add(layer, params, ctx, "bias", 1, (size_t[]){rows}, uniform);
  return tensors[0] && tensors[1] && tensors[2] ? THAW_OK : THAW_FAILED;
}

/* Layer `index` of a half; its width is known. */
static thaw_status create_layer(const thaw_cell *cell, const thaw_recurrent_settings *sizes,
                                const void *settings, size_t width, bool backward,
                                thaw_params *params, thaw_recurrent_layer *half, size_t index,
                                thaw_context *ctx) {
  half[index] =
      (thaw_recurrent_layer){.index = index,
                             .inputs = index > 0 ? half[index - 1].width : (size_t)sizes->embedding,
                             .width = width,
                             .backward = backward};
  return cell->create(&half[index], settings, params, ctx);
}

thaw_status thaw_recurrent_create(thaw_recurrent *self, const thaw_cell *cell,
                                  const thaw_recurrent_settings *sizes, const void *settings,
                                  size_t vocabulary, thaw_params *params, thaw_encoder_info *info,
                                  thaw_context *ctx) {
  const size_t embedding = (size_t)sizes->embedding;
  self->direction = info->direction = direction_of(sizes);
  self->layers = info->layers = (size_t)sizes->layers;
  self->embedding = info->embedding =
      thaw_params_add(params, ctx, "embedding", "weight", 2, (size_t[]){vocabulary, embedding},
                      (thaw_init){THAW_INIT_UNIFORM, -0.1f, 0.1f});
  info->embedding_width = embedding;
  thaw_status status = self->embedding ? THAW_OK : THAW_FAILED;
  const bool both = self->direction == THAW_BIDIRECTIONAL;
  for (size_t i = 0; i < self->layers && status == THAW_OK; i++) {
    const size_t width = i + 1 < self->layers ? (size_t)sizes->hidden : embedding;
    info->width[i] = both ? 2 * width : width;
    info->backward_width[i] = both ? width : 0;
    status = create_layer(cell, sizes, settings, width, false, params, self->forward, i, ctx);
    if (both && status == THAW_OK)
      status = create_layer(cell, sizes, settings, width, true, params, self->backward, i, ctx);
  }
  return status;
}

/* ---- Forward --------------------------------------------------------------------------------- */

typedef struct pass {
  const thaw_recurrent *self;
  const thaw_cell *cell;
  const void *settings;
  const thaw_regularisation *r;
  thaw_tape *tape;
  const thaw_encoder_input *input;
} pass;

static float rate(const pass *p, double own) {
  return (float)p->r->drop_mult * (float)own;
}

/* The words of `ids`, as the first layer gets them; `embedded` receives them before dropout. */
static thaw_tensor *embed(const pass *p, const int32_t *ids, thaw_tensor **embedded) {
  *embedded = thaw_embedding(p->tape, p->self->embedding, ids, p->input->time, p->input->batch,
                             rate(p, p->r->embed_p));
  return thaw_locked_dropout(p->tape, *embedded, rate(p, p->r->input_p));
}

/* The carried states of a layer [B][..], NULL without a carry. Those of the backward half have
 * their slots behind all of the forward half's. */
static bool find_states(const pass *p, const thaw_recurrent_layer *layer, thaw_carry *carry,
                        float **states) {
  const size_t place = layer->backward ? p->self->layers + layer->index : layer->index;
  for (size_t i = 0; i < THAW_LAYER_STATES; i++) {
    states[i] = NULL;
    if (!carry || layer->states[i] == 0) continue;
    states[i] =
        thaw_carry_slot(carry, place * THAW_LAYER_STATES + i, p->input->batch * layer->states[i]);
    if (!states[i]) {
      thaw_tape_fail(p->tape, "recurrent layer", "no memory for the state that is carried");
      return false;
    }
  }
  return true;
}

static thaw_tensor *drop_between(const pass *p, thaw_tensor *x) {
  x = thaw_locked_dropout(p->tape, x, rate(p, p->r->hidden_p));
  return thaw_dropout(p->tape, x, (float)p->r->dropout);
}

/* A half on x; its layers' states go to `states`. Returns the last one's. */
static thaw_tensor *run_half(const pass *p, const thaw_recurrent_layer *half, thaw_carry *carry,
                             thaw_tensor *x, thaw_tensor **states) {
  for (size_t i = 0; i < p->self->layers; i++) {
    float *carried[THAW_LAYER_STATES];
    if (i > 0) x = drop_between(p, x);
    if (!find_states(p, &half[i], carry, carried)) return NULL;
    states[i] = x = p->cell->forward(&half[i], p->settings, p->tape, x, carried);
  }
  return x;
}

/* AR and TAR of the last layer, before and after its dropout; NULL when there is none. */
static thaw_tensor *half_penalty(const pass *p, thaw_tensor *last, thaw_tensor *dropped) {
  thaw_tape *tape = p->tape;
  const thaw_encoder_input *input = p->input;
  if (!thaw_tape_training(tape) || (p->r->alpha == 0 && p->r->beta == 0)) return NULL;
  thaw_tensor *mask =
      input->lengths ? thaw_length_mask(tape, input->time, input->batch, input->lengths) : NULL;
  thaw_tensor *ar = thaw_affine(tape, thaw_mean_square(tape, dropped, mask), (float)p->r->alpha, 0);
  thaw_tensor *tar =
      thaw_affine(tape, thaw_mean_square_step(tape, last, mask), (float)p->r->beta, 0);
  return thaw_add(tape, ar, tar);
}

/* What a decoder sees of the last layer, and the half's penalty. */
static thaw_tensor *finish_half(const pass *p, thaw_tensor *last, thaw_tensor **penalty) {
  thaw_tensor *output =
      p->input->language_model ? thaw_locked_dropout(p->tape, last, rate(p, p->r->output_p)) : last;
  *penalty = half_penalty(p, last, output);
  return output;
}

/* The backward half reads the documents `x` from their ends, and its states are put beside those of
 * the forward half. */
static void read_back(const pass *p, thaw_tensor *x, thaw_states *states, thaw_tensor **penalty) {
  thaw_tensor *own[THAW_MAX_LAYERS] = {NULL};
  const int32_t *lengths = p->input->lengths;
  thaw_tensor *last =
      run_half(p, p->self->backward, NULL, thaw_reverse_steps(p->tape, x, lengths), own);
  *penalty = half_penalty(p, last, last);
  for (size_t i = 0; i < p->self->layers; i++) {
    thaw_tensor *halves[] = {states->layer[i], thaw_reverse_steps(p->tape, own[i], lengths)};
    states->layer[i] = thaw_concat(p->tape, 2, halves, 2);
  }
}

/* The backward half of a language model. */
static void read_stream(const pass *p, thaw_states *states, thaw_tensor **penalty) {
  thaw_tensor *own[THAW_MAX_LAYERS], *embedded;
  thaw_tensor *x = embed(p, p->input->backward_ids, &embedded);
  thaw_tensor *last = run_half(p, p->self->backward, p->input->carry, x, own);
  states->backward_output = finish_half(p, last, penalty);
}

thaw_status thaw_recurrent_forward(const thaw_recurrent *self, const thaw_cell *cell,
                                   const void *settings, const thaw_regularisation *regularisation,
                                   thaw_tape *tape, const thaw_encoder_input *input,
                                   thaw_states *states) {
  const pass p = {self, cell, settings, regularisation, tape, input};
  thaw_tensor *x = embed(&p, input->ids, &states->embedded);
  thaw_tensor *last = run_half(&p, self->forward, input->carry, x, states->layer);
  states->output = finish_half(&p, last, &states->penalty);
  if (self->direction == THAW_BIDIRECTIONAL) {
    thaw_tensor *other = NULL;
    if (input->backward_ids) {
      read_stream(&p, states, &other);
    } else {
      read_back(&p, x, states, &other);
    }
    if (states->penalty)
      states->penalty = thaw_affine(tape, thaw_add(tape, states->penalty, other), 0.5f, 0);
  }
  return thaw_tape_status(tape);
}
