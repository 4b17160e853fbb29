/* awd_lstm: the encoder of ULMFiT, an LSTM regularised by dropout of every kind.
 *
 *     encoder: {plugin: awd_lstm, embedding: 400, hidden: 1152, layers: 3, direction: forward}
 *
 * ids → embedding (whole words dropped: embed_p) → locked dropout (input_p) → LSTM layers with
 * dropped recurrent weights (weight_p) and locked dropout between them (hidden_p) → locked dropout
 * before the decoder (output_p). The first layer maps embedding → hidden, the last one back to the
 * embedding's width, so that a language model's decoder can be tied to the embedding. AR and TAR
 * add alpha · mean(h²) and beta · mean((h[t+1] − h[t])²) of the last layer to the loss.
 *
 * Groups: embedding, rnn.0 … rnn.(layers − 1). Directions: see thaw/recurrent.h.
 *
 * Merity, Keskar, Socher 2017, Regularizing and Optimizing LSTM Language Models (arXiv 1708.02182);
 * defaults as in fastai's language model. */
#include <thaw/recurrent.h>

typedef struct settings {
  thaw_recurrent_settings sizes;
  thaw_regularisation regularisation;
} settings;

static const thaw_param_spec table[] = {
    THAW_RECURRENT_PARAMETERS(settings, sizes, "400", "1152", "3"),
    THAW_REGULARISATION_PARAMETERS(
        settings, regularisation,
        "Dropout of recurrent weights (DropConnect), one mask for a sequence."),
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
  const thaw_regularisation *r = &((const settings *)settings_)->regularisation;
  thaw_tensor *const *w = layer->tensors;
  thaw_tensor *w_hh = thaw_dropout(tape, w[1], (float)r->drop_mult * (float)r->weight_p);
  return thaw_lstm(tape, x, w[0], w_hh, w[2], states[0], states[1], states[0], states[1]);
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

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  return thaw_regularisation_check(&((const settings *)settings_)->regularisation, ctx);
}

static const thaw_encoder api = {
    .self_size = sizeof(thaw_recurrent), .create = create, .forward = forward};

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
