/* qrnn: the encoder of MultiFiT, a quasi-recurrent network with AWD-LSTM's regularisation.
 *
 *     encoder: {plugin: qrnn, embedding: 400, hidden: 1550, layers: 4, window: 2}
 *
 * ids → embedding (whole words dropped: embed_p) → locked dropout (input_p) → quasi-recurrent
 * layers with dropped weights (weight_p) and locked dropout between them (hidden_p) → locked
 * dropout before the decoder (output_p); AR and TAR by alpha and beta. The first layer maps
 * embedding → hidden, the last one back to the embedding's width, so that a language model's
 * decoder can be tied to the embedding.
 *
 * A layer's gates come from its input alone, at a step and the one before (window 2), so that all
 * steps are one product; its states are pooled from them: c = f·c + (1 − f)·z, h = o·c. The first
 * layer has the window `window`, the others 1. With `zoneout`, a unit keeps its c in a step with
 * that probability while training.
 *
 * Groups: embedding, rnn.0 … rnn.(layers − 1). Directions: see thaw/recurrent.h.
 *
 * Bradbury et al. 2016, Quasi-Recurrent Neural Networks (arXiv 1611.01576); Eisenschlos et al.
 * 2019, MultiFiT (arXiv 1909.04761). */
#include <math.h>
#include <thaw/recurrent.h>

typedef struct settings {
  thaw_recurrent_settings sizes;
  int64_t window;
  thaw_regularisation regularisation;
  double zoneout;
} settings;

static const thaw_param_spec table[] = {
    THAW_RECURRENT_PARAMETERS(settings, sizes, "400", "1550", "4"),
    {.name = "window",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, window),
     .default_value = "2",
     .minimum = 1,
     .maximum = 2,
     .unit = "tokens",
     .doc = "How many steps of its input the first layer's gates see; the other layers' see 1."},
    THAW_REGULARISATION_PARAMETERS(settings, regularisation,
                                   "Dropout of weights (DropConnect), one mask for a sequence."),
    {.name = "zoneout",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, zoneout),
     .default_value = "0",
     .minimum = 0,
     .maximum = 0.99,
     .unit = "",
     .doc = "Probability that a unit keeps its state in a step.",
     .per_stage = true},
    {.name = NULL},
};

static thaw_status create_layer(thaw_recurrent_layer *layer, const void *settings_,
                                thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  const size_t window = layer->index == 0 ? (size_t)s->window : 1;
  const size_t rows = 3 * layer->width, columns = window * layer->inputs;
  const float bound = 1.0f / sqrtf((float)columns);
  const thaw_init uniform = {THAW_INIT_UNIFORM, -bound, bound};
  layer->states[0] = layer->width;
  layer->states[1] = window == 2 ? layer->inputs : 0;
  layer->tensors[0] =
      thaw_layer_add(layer, params, ctx, "weight", 2, (size_t[]){rows, columns}, uniform);
  layer->tensors[1] = thaw_layer_add(layer, params, ctx, "bias", 1, &rows, uniform);
  return layer->tensors[0] && layer->tensors[1] ? THAW_OK : THAW_FAILED;
}

static thaw_tensor *run_layer(const thaw_recurrent_layer *layer, const void *settings_,
                              thaw_tape *tape, thaw_tensor *x, float *const *states) {
  const settings *s = settings_;
  const thaw_regularisation *r = &s->regularisation;
  thaw_tensor *weight =
      thaw_dropout(tape, layer->tensors[0], (float)r->drop_mult * (float)r->weight_p);
  return thaw_qrnn(tape, x, weight, layer->tensors[1], (float)s->zoneout, states[1], states[0],
                   states[1], states[0]);
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
    .name = "qrnn",
    .version = "1",
    .summary = "A quasi-recurrent network with AWD-LSTM's regularisation (MultiFiT's encoder)",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
    .validate = validate,
};
