/* A recurrent encoder whose cell is its own, so that every struct of thaw/recurrent.h is used, and
 * in which an operation of its own, doubling, is recorded on the tape. */
#include <thaw/recurrent.h>

typedef struct settings {
  thaw_recurrent_settings sizes;
  thaw_regularisation regularisation;
} settings;

static const thaw_param_spec table[] = {
    THAW_RECURRENT_PARAMETERS(settings, sizes, "6", "8", "2"),
    THAW_DROPOUT_PARAMETER(settings, regularisation),
    THAW_REGULARISATION_PARAMETERS(settings, regularisation, "Nothing."),
    {.name = NULL},
};

static void double_backward(thaw_tape *tape, thaw_tensor *output, thaw_tensor *const *inputs,
                            size_t input_count, void *context) {
  (void)input_count, (void)context;
  float *gradient = thaw_grad(tape, inputs[0]);
  for (size_t i = 0; gradient && i < thaw_size(output); i++) gradient[i] += 2 * output->grad[i];
}

static thaw_tensor *doubled(thaw_tape *tape, thaw_tensor *x) {
  if (!x) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  if (!y) return NULL;
  for (size_t i = 0; i < thaw_size(x); i++) y->data[i] = 2 * x->data[i];
  return thaw_tape_record(tape, "doubled", y, 1, &x, double_backward, NULL);
}

static thaw_status create_layer(thaw_recurrent_layer *layer, const void *settings_,
                                thaw_params *params, thaw_context *ctx) {
  (void)settings_;
  layer->states[0] = layer->width;
  const thaw_status status = thaw_layer_add_gates(layer, 3, params, ctx);
  if (status != THAW_OK) return status;
  layer->tensors[3] = thaw_layer_add(layer, params, ctx, "bias_hn", 1, &layer->width,
                                     (thaw_init){THAW_INIT_NORMAL, 0, 0.1f});
  return layer->tensors[3] ? THAW_OK : THAW_FAILED;
}

static thaw_tensor *run_layer(const thaw_recurrent_layer *layer, const void *settings_,
                              thaw_tape *tape, thaw_tensor *x, float *const *states) {
  (void)settings_;
  thaw_tensor *const *w = layer->tensors;
  return doubled(tape, thaw_gru(tape, x, w[0], w[1], w[2], w[3], states[0], states[0]));
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

static const thaw_weight_name names[] = {
    {"embedding", "weight", "words.weight", THAW_WEIGHT_OPTIONAL},
    {"rnn.{n}", "weight_ih", "layers.{n}.weight_ih", 0},
    {NULL, NULL, NULL, 0},
};

static const thaw_encoder api = {.self_size = sizeof(thaw_recurrent),
                                 .create = create,
                                 .forward = forward,
                                 .weight_names = names};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "abi_encoder",
    .version = "1",
    .summary = "A recurrent encoder of a plugin built for thaw 0.1.0",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
    .validate = validate,
};
