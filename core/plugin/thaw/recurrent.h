/* thaw/recurrent.h: what recurrent encoders are made of; such a plugin includes this instead of
 * thaw/plugin.h.
 *
 * ids → embedding → dropout → layers of a cell, with dropout between them → dropout before a
 * decoder. The first layer maps embedding → hidden, those between hidden → hidden, the last one
 * back to the embedding's width, so that a language model's decoder can be tied to the embedding
 * (Merity et al. 2017). All of it is here; a plugin gives the cell, which turns a sequence into
 * another one, and what it wants to be dropped. plugins/encoder/lstm.c is an example.
 *
 * Groups: embedding, rnn.0 … rnn.(layers − 1).
 *
 * Directions. `backward` reads a text from its end; the core hands it over in that order, so that
 * nothing is different here. `bidirectional` is a forward and a backward language model that share
 * the embedding and the decoder (Peters et al. 2018, section 3.1): two stacks of layers that see
 * nothing of each other. The tensors of the backward one lie in the same groups under names that
 * end in _backward. In a classifier both read the same documents, and their states stand side by
 * side, the backward half of each layer last and in the order of the text.
 *
 * Ownership: parameter tensors belong to the core, other tensors to the tape. Errors: as in
 * thaw/plugin.h and thaw/tensor.h. */
#ifndef THAW_RECURRENT_H
#define THAW_RECURRENT_H

#include <thaw/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Settings -------------------------------------------------------------------------------- */

/* "forward", "backward", "bidirectional", in the order of thaw_direction; ends with NULL. */
THAW_API extern const char *const thaw_directions[];

typedef struct thaw_recurrent_settings {
  int64_t embedding, hidden, layers;
  const char *direction;
} thaw_recurrent_settings;

/* The rows of a parameter table for the thaw_recurrent_settings `member` of the plugin's struct
 * `settings`. Defaults are written as in YAML: "400". */
#define THAW_RECURRENT_PARAMETERS(settings, member, embedding_default, hidden_default,          \
                                  layers_default)                                               \
  {.name = "embedding",                                                                         \
   .type = THAW_PARAM_INT,                                                                      \
   .offset = offsetof(settings, member.embedding),                                              \
   .default_value = embedding_default,                                                          \
   .minimum = 1,                                                                                \
   .maximum = 65536,                                                                            \
   .unit = "",                                                                                  \
   .doc = "Width of the word embeddings, and of the last layer's states in each direction."},   \
      {.name = "hidden",                                                                        \
       .type = THAW_PARAM_INT,                                                                  \
       .offset = offsetof(settings, member.hidden),                                             \
       .default_value = hidden_default,                                                         \
       .minimum = 1,                                                                            \
       .maximum = 65536,                                                                        \
       .unit = "",                                                                              \
       .doc = "Width of the states of every layer but the last, in each direction."},           \
      {.name = "layers",                                                                        \
       .type = THAW_PARAM_INT,                                                                  \
       .offset = offsetof(settings, member.layers),                                             \
       .default_value = layers_default,                                                         \
       .minimum = 1,                                                                            \
       .maximum = THAW_MAX_LAYERS,                                                              \
       .unit = "",                                                                              \
       .doc = "Number of layers."},                                                             \
  {                                                                                             \
    .name = "direction", .type = THAW_PARAM_CHOICE,                                             \
    .offset = offsetof(settings, member.direction), .default_value = "forward", .unit = "",     \
    .doc =                                                                                      \
        "How a text is read: from its beginning, from its end (backward), or by a forward and " \
        "a backward language model with one embedding, states side by side (bidirectional).",   \
    .choices = thaw_directions                                                                  \
  }
/* What is dropped in training, and added to the loss; 0: nothing (Merity et al. 2017). */
typedef struct thaw_regularisation {
  double output_p;    /* locked dropout between the last layer and a language model's decoder */
  double hidden_p;    /* locked dropout between layers */
  double input_p;     /* locked dropout on the embedded words */
  double embed_p;     /* dropout of whole words */
  double weight_p;    /* for the cell: dropout of its weights */
  double drop_mult;   /* factor on these five */
  double alpha, beta; /* times mean(h²) and mean((h[t+1] − h[t])²), the last layer's */
  double dropout;     /* between layers, every number on its own: what a plain network has */
} thaw_regularisation;

#define THAW_REGULARISATION_ROW(settings, member, key, value, most, text)            \
  {                                                                                  \
    .name = #key, .type = THAW_PARAM_REAL, .offset = offsetof(settings, member.key), \
    .default_value = value, .minimum = 0, .maximum = most, .unit = "", .doc = text,  \
    .per_stage = true                                                                \
  }
/* The row of a plain network. */
#define THAW_DROPOUT_PARAMETER(settings, member)                \
  THAW_REGULARISATION_ROW(settings, member, dropout, "0", 0.99, \
                          "Dropout of single numbers between layers, as in torch.nn.LSTM.")
/* The rows of an AWD-LSTM, with the defaults of fastai's language model. `weights` says what
 * weight_p drops. */
#define THAW_REGULARISATION_PARAMETERS(settings, member, weights)                         \
  THAW_REGULARISATION_ROW(settings, member, output_p, "0.1", 0.99,                        \
                          "Locked dropout between the last layer and a language model's " \
                          "decoder."),                                                    \
      THAW_REGULARISATION_ROW(settings, member, hidden_p, "0.15", 0.99,                   \
                              "Locked dropout between layers."),                          \
      THAW_REGULARISATION_ROW(settings, member, input_p, "0.25", 0.99,                    \
                              "Locked dropout on the embedded words."),                   \
      THAW_REGULARISATION_ROW(settings, member, embed_p, "0.02", 0.99,                    \
                              "Dropout of whole words of the vocabulary."),               \
      THAW_REGULARISATION_ROW(settings, member, weight_p, "0.2", 0.99, weights),          \
      THAW_REGULARISATION_ROW(settings, member, drop_mult, "1", 4,                        \
                              "Factor on all five dropout rates."),                       \
      THAW_REGULARISATION_ROW(settings, member, alpha, "2", 1e6,                          \
                              "Weight of the activation regularisation (AR)."),           \
      THAW_REGULARISATION_ROW(settings, member, beta, "1", 1e6,                           \
                              "Weight of the temporal activation regularisation (TAR).")

/* THAW_INVALID if drop_mult makes a rate of 1 or more. For a plugin's `validate`. */
THAW_API thaw_status thaw_regularisation_check(const thaw_regularisation *regularisation,
                                               thaw_context *ctx);

/* ---- Cells ----------------------------------------------------------------------------------- */

#define THAW_LAYER_TENSORS 4
#define THAW_LAYER_STATES 2

/* One layer in one direction: [T][B][inputs] → [T][B][width]. */
typedef struct thaw_recurrent_layer {
  size_t index; /* from 0 */
  size_t inputs, width;
  bool backward;                            /* of the backward half of a bidirectional encoder */
  thaw_tensor *tensors[THAW_LAYER_TENSORS]; /* the cell's, in an order of its own */
  size_t states[THAW_LAYER_STATES]; /* how many features of it go from batch to batch; 0: none */
} thaw_recurrent_layer;

typedef struct thaw_cell {
  /* Adds the layer's tensors (thaw_layer_add) and fills in `tensors` and `states`. */
  thaw_status (*create)(thaw_recurrent_layer *layer, const void *settings, thaw_params *params,
                        thaw_context *ctx);
  /* x [T][B][inputs] → [T][B][width]. states[i] [B][layer->states[i]] is carried: read at the
   * beginning, written at the end; NULL: zeros, and not wanted. */
  thaw_tensor *(*forward)(const thaw_recurrent_layer *layer, const void *settings, thaw_tape *tape,
                          thaw_tensor *x, float *const *states);
} thaw_cell;

/* A tensor of the layer: in its group, and with the ending that its name must have. */
THAW_API thaw_tensor *thaw_layer_add(const thaw_recurrent_layer *layer, thaw_params *params,
                                     thaw_context *ctx, const char *name, size_t rank,
                                     const size_t *shape, thaw_init init);
/* Adds weight_ih [G·H][I], weight_hh [G·H][H] and bias [G·H] as the first three tensors, all
 * uniform in ±1/√H, as PyTorch has them. */
THAW_API thaw_status thaw_layer_add_gates(thaw_recurrent_layer *layer, size_t gates,
                                          thaw_params *params, thaw_context *ctx);

/* ---- Encoders -------------------------------------------------------------------------------- */

/* A recurrent encoder's `self`. Nothing in it has to be freed. */
typedef struct thaw_recurrent {
  thaw_direction direction;
  size_t layers;
  thaw_tensor *embedding; /* [V][E] */
  thaw_recurrent_layer forward[THAW_MAX_LAYERS], backward[THAW_MAX_LAYERS];
} thaw_recurrent;

/* Adds the embedding, uniform in ±0.1, and all layers, and fills in `self`, which is cleared, and
 * `info`. `settings` is what the cell is given. */
THAW_API thaw_status thaw_recurrent_create(thaw_recurrent *self, const thaw_cell *cell,
                                           const thaw_recurrent_settings *sizes,
                                           const void *settings, size_t vocabulary,
                                           thaw_params *params, thaw_encoder_info *info,
                                           thaw_context *ctx);
/* Where a carry is given to a bidirectional encoder without backward_ids, to read documents in
 * parts, the backward half starts anew at the end of every part. */
THAW_API thaw_status thaw_recurrent_forward(const thaw_recurrent *self, const thaw_cell *cell,
                                            const void *settings,
                                            const thaw_regularisation *regularisation,
                                            thaw_tape *tape, const thaw_encoder_input *input,
                                            thaw_states *states);

#ifdef __cplusplus
}
#endif
#endif
