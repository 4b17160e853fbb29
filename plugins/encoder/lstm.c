/* lstm: a plain LSTM, the "vanilla LM" that ULMFiT's authors compare AWD-LSTM with.
 *
 *     encoder: {plugin: lstm, embedding: 400, hidden: 1152, layers: 3, direction: forward}
 *
 * ids → embedding → LSTM layers, with ordinary dropout between them if `dropout` is set. The first
 * layer maps embedding → hidden, the last one back to the embedding's width, so that a language
 * model's decoder can be tied to the embedding.
 *
 * Groups: embedding, rnn.0 … rnn.(layers − 1). Directions: see thaw/recurrent.h.
 *
 * Hochreiter and Schmidhuber 1997, with a forget gate and the gates in PyTorch's order; the
 * comparison: Howard and Ruder 2018 (arXiv 1801.06146), table 5. */
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
  layer->states[0] = layer->states[1] = layer->width;
  return thaw_layer_add_gates(layer, 4, params, ctx);
}

static thaw_tensor *run_layer(const thaw_recurrent_layer *layer, const void *settings_,
                              thaw_tape *tape, thaw_tensor *x, float *const *states) {
  (void)settings_;
  thaw_tensor *const *w = layer->tensors;
  return thaw_lstm(tape, x, w[0], w[1], w[2], states[0], states[1], states[0], states[1]);
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
    .name = "lstm",
    .version = "1",
    .summary = "A plain LSTM (the vanilla language model of ULMFiT's comparison)",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
};
