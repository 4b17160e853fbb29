/* gru: a plain GRU, as PyTorch has it.
 *
 *     encoder: {plugin: gru, embedding: 400, hidden: 1152, layers: 3, direction: forward}
 *
 * ids → embedding → GRU layers, with ordinary dropout between them if `dropout` is set. The first
 * layer maps embedding → hidden, the last one back to the embedding's width, so that a language
 * model's decoder can be tied to the embedding. A layer has weight_ih, weight_hh and bias for the
 * gates r, z, n, and bias_hn, which the reset gate r multiplies together with n's part of h·w_hhᵀ.
 *
 * Groups: embedding, rnn.0 … rnn.(layers − 1). Directions: see thaw/recurrent.h.
 *
 * Cho et al. 2014, Learning Phrase Representations using RNN Encoder–Decoder (arXiv 1406.1078),
 * with the reset after the product, as in cuDNN and PyTorch. */
#include <math.h>
#include <thaw/recurrent.h>

typedef struct settings {
  thaw_recurrent_settings sizes;
  thaw_regularisation regularisation; /* dropout alone */
} settings;

static const thaw_param_spec table[] = {
    THAW_RECURRENT_PARAMETERS(settings, sizes, "400", "1152", "3"),
    THAW_DROPOUT_PARAMETER(settings, regularisation),
    {.name = NULL},
};

static thaw_status create_layer(thaw_recurrent_layer *layer, const void *settings_,
                                thaw_params *params, thaw_context *ctx) {
  (void)settings_;
  const float bound = 1.0f / sqrtf((float)layer->width);
  const thaw_init uniform = {THAW_INIT_UNIFORM, -bound, bound};
  layer->states[0] = layer->width;
  thaw_status status = thaw_layer_add_gates(layer, 3, params, ctx);
  if (status) return status;
  layer->tensors[3] = thaw_layer_add(layer, params, ctx, "bias_hn", 1, &layer->width, uniform);
  return layer->tensors[3] ? THAW_OK : THAW_FAILED;
}

static thaw_tensor *run_layer(const thaw_recurrent_layer *layer, const void *settings_,
                              thaw_tape *tape, thaw_tensor *x, float *const *states) {
  (void)settings_;
  thaw_tensor *const *w = layer->tensors;
  return thaw_gru(tape, x, w[0], w[1], w[2], w[3], states[0], states[0]);
}

static const thaw_cell cell = {.create = create_layer, .forward = run_layer};

static thaw_status create(void *self, const void *settings_, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  const settings *s = settings_;
  return thaw_recurrent_create(self, &cell, &s->sizes, s, vocabulary, params, info, ctx);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  const settings *s = settings_;
  return thaw_recurrent_forward(self, &cell, s, &s->regularisation, tape, input, states);
}

static const thaw_encoder api = {
    .self_size = sizeof(thaw_recurrent), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "gru",
    .version = "1",
    .summary = "A plain GRU",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
};
