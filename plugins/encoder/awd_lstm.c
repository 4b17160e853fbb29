/* awd_lstm: the encoder of ULMFiT, an LSTM regularised by dropout of every kind.
 *
 *     encoder: {plugin: awd_lstm, embedding: 400, hidden: 1152, layers: 3}
 *
 * ids → embedding (whole words dropped: embed_p) → locked dropout (input_p) → LSTM layers with
 * dropped recurrent weights (weight_p) and locked dropout between them (hidden_p) → locked dropout
 * before the decoder (output_p). The first layer maps embedding → hidden, the last one back to the
 * embedding's width, so that a language model's decoder can be tied to the embedding. AR and TAR
 * add alpha · mean(h²) and beta · mean((h[t+1] − h[t])²) of the last layer to the loss.
 *
 * Groups: embedding, rnn.0 … rnn.(layers − 1).
 *
 * Merity, Keskar, Socher 2017, Regularizing and Optimizing LSTM Language Models (arXiv 1708.02182);
 * defaults as in fastai's language model. */
#include <math.h>
#include <stdio.h>
#include <thaw/plugin.h>

typedef struct settings {
  int64_t embedding, hidden, layers;
  double output_p, hidden_p, input_p, embed_p, weight_p, drop_mult;
  double alpha, beta;
} settings;

#define SIZE(member, fallback, most, text)                                            \
  {                                                                                   \
    .name = #member, .type = THAW_PARAM_INT, .offset = offsetof(settings, member),    \
    .default_value = fallback, .minimum = 1, .maximum = most, .unit = "", .doc = text \
  }
#define RATE(member, fallback, most, text)                                             \
  {                                                                                    \
    .name = #member, .type = THAW_PARAM_REAL, .offset = offsetof(settings, member),    \
    .default_value = fallback, .minimum = 0, .maximum = most, .unit = "", .doc = text, \
    .per_stage = true                                                                  \
  }

static const thaw_param_spec table[] = {
    SIZE(embedding, "400", 65536, "Width of the word embeddings, and of the last layer's states."),
    SIZE(hidden, "1152", 65536, "Width of the states of every layer but the last."),
    SIZE(layers, "3", THAW_MAX_LAYERS, "Number of LSTM layers."),
    RATE(output_p, "0.1", 0.99,
         "Locked dropout between the last layer and a language model's decoder."),
    RATE(hidden_p, "0.15", 0.99, "Locked dropout between layers."),
    RATE(input_p, "0.25", 0.99, "Locked dropout on the embedded words."),
    RATE(embed_p, "0.02", 0.99, "Dropout of whole words of the vocabulary."),
    RATE(weight_p, "0.2", 0.99,
         "Dropout of recurrent weights (DropConnect), one mask for a sequence."),
    RATE(drop_mult, "1", 4, "Factor on all five dropout rates."),
    RATE(alpha, "2", 1e6, "Weight of the activation regularisation (AR)."),
    RATE(beta, "1", 1e6, "Weight of the temporal activation regularisation (TAR)."),
    {.name = NULL},
};

typedef struct layer {
  thaw_tensor *w_ih, *w_hh, *bias; /* [4H][I], [4H][H], [4H] */
} layer;

typedef struct awd_lstm {
  thaw_tensor *embedding; /* [V][E] */
  layer layers[THAW_MAX_LAYERS];
} awd_lstm;

static size_t layer_width(const settings *s, int64_t index) {
  return (size_t)(index == s->layers - 1 ? s->embedding : s->hidden);
}

static thaw_status add_layer(layer *l, size_t index, size_t inputs, size_t hidden,
                             thaw_params *params, thaw_context *ctx) {
  char group[32];
  snprintf(group, sizeof group, "rnn.%zu", index);
  float bound = 1.0f / sqrtf((float)hidden);
  thaw_init uniform = {THAW_INIT_UNIFORM, -bound, bound};
  l->w_ih =
      thaw_params_add(params, ctx, group, "weight_ih", 2, (size_t[]){4 * hidden, inputs}, uniform);
  l->w_hh =
      thaw_params_add(params, ctx, group, "weight_hh", 2, (size_t[]){4 * hidden, hidden}, uniform);
  l->bias = thaw_params_add(params, ctx, group, "bias", 1, (size_t[]){4 * hidden}, uniform);
  return l->w_ih && l->w_hh && l->bias ? THAW_OK : THAW_FAILED;
}

static thaw_status create(void *self, const void *settings_, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  awd_lstm *model = self;
  const settings *s = settings_;
  size_t width = (size_t)s->embedding;
  model->embedding =
      thaw_params_add(params, ctx, "embedding", "weight", 2, (size_t[]){vocabulary, width},
                      (thaw_init){THAW_INIT_UNIFORM, -0.1f, 0.1f});
  if (!model->embedding) return THAW_FAILED;
  info->embedding = model->embedding;
  info->embedding_width = width;
  info->layers = (size_t)s->layers;
  for (int64_t i = 0; i < s->layers; i++) {
    info->width[i] = layer_width(s, i);
    thaw_status status =
        add_layer(&model->layers[i], (size_t)i, width, info->width[i], params, ctx);
    if (status) return status;
    width = info->width[i];
  }
  return THAW_OK;
}

/* The carried h or c of a layer, in the slots 2·index and 2·index + 1: [B][H]; NULL without a
 * carry.
 */
static float *carried(thaw_tape *tape, const thaw_encoder_input *input, size_t slot, size_t width) {
  if (!input->carry) return NULL;
  float *state = thaw_carry_slot(input->carry, slot, input->batch * width);
  if (!state) thaw_tape_fail(tape, "awd_lstm", "no memory for the state that is carried");
  return state;
}

static thaw_tensor *penalty(const settings *s, thaw_tape *tape, const thaw_encoder_input *input,
                            thaw_tensor *last, thaw_tensor *dropped) {
  if (!thaw_tape_training(tape) || (s->alpha == 0 && s->beta == 0)) return NULL;
  thaw_tensor *mask =
      input->lengths ? thaw_length_mask(tape, input->time, input->batch, input->lengths) : NULL;
  thaw_tensor *ar = thaw_affine(tape, thaw_mean_square(tape, dropped, mask), (float)s->alpha, 0);
  thaw_tensor *tar = thaw_affine(tape, thaw_mean_square_step(tape, last, mask), (float)s->beta, 0);
  return thaw_add(tape, ar, tar);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  awd_lstm *model = self;
  const settings *s = settings_;
  float mult = (float)s->drop_mult;
  states->embedded = thaw_embedding(tape, model->embedding, input->ids, input->time, input->batch,
                                    mult * (float)s->embed_p);
  thaw_tensor *x = thaw_locked_dropout(tape, states->embedded, mult * (float)s->input_p);
  for (int64_t i = 0; i < s->layers; i++) {
    layer *l = &model->layers[i];
    size_t width = layer_width(s, i);
    float *h = carried(tape, input, (size_t)(2 * i), width),
          *c = carried(tape, input, (size_t)(2 * i + 1), width);
    thaw_tensor *w_hh = thaw_dropout(tape, l->w_hh, mult * (float)s->weight_p);
    states->layer[i] = thaw_lstm(tape, x, l->w_ih, w_hh, l->bias, h, c, h, c);
    x = i < s->layers - 1 ? thaw_locked_dropout(tape, states->layer[i], mult * (float)s->hidden_p)
                          : states->layer[i];
  }
  states->output =
      input->language_model ? thaw_locked_dropout(tape, x, mult * (float)s->output_p) : x;
  states->penalty = penalty(s, tape, input, x, states->output);
  return thaw_tape_status(tape);
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  double largest =
      fmax(fmax(fmax(s->output_p, s->hidden_p), fmax(s->input_p, s->embed_p)), s->weight_p);
  if (largest * s->drop_mult >= 1)
    return thaw_fail(ctx, THAW_INVALID,
                     "drop_mult %g times the largest dropout rate %g is %g; it must stay below 1",
                     s->drop_mult, largest, largest * s->drop_mult);
  return THAW_OK;
}

/* As in fastai, whose dropout of recurrent weights calls those that it keeps "raw"; in older
 * versions they went by the LSTM's name. */
#define LSTM "[0.]rnns.{n}."
static const thaw_weight_name weight_names[] = {
    {"embedding", "weight", "[0.]encoder.weight", 0},
    {"embedding", "weight", "[0.]encoder_dp.emb.weight", THAW_WEIGHT_COPY},
    {"rnn.{n}", "weight_hh", LSTM "weight_hh_l0_raw", 0},
    {"rnn.{n}", "weight_hh", LSTM "module.weight_hh_l0", THAW_WEIGHT_ALIAS},
    {"rnn.{n}", "weight_ih", LSTM "module.weight_ih_l0", 0},
    {"rnn.{n}", "bias", LSTM "module.bias_ih_l0", 0},
    {"rnn.{n}", "bias", LSTM "module.bias_hh_l0", THAW_WEIGHT_ADDED},
    {"embedding", "weight", "1.decoder.weight", THAW_WEIGHT_TIED},
    {"decoder", "bias", "1.decoder.bias", THAW_WEIGHT_OPTIONAL},
    {NULL, NULL, NULL, 0},
};

static const thaw_encoder api = {.self_size = sizeof(awd_lstm),
                                 .create = create,
                                 .forward = forward,
                                 .weight_names = weight_names};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "awd_lstm",
    .version = "1",
    .summary =
        "AWD-LSTM: an LSTM with weight drop, locked and embedding dropout, AR and TAR (ULMFiT's "
        "encoder)",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
    .validate = validate,
};
