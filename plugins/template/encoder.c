/* my_plugin: each word with the one before it: h[t] = tanh(W · [x[t], x[t−1]]).
 *
 *     encoder: {plugin: my_plugin, embedding: 100}
 *
 * Shapes: T positions, B documents, E features, V words. The tape (thaw/tensor.h) plays gradients
 * back. Padding stands behind a text: who only looks back never sees it. See thaw/recurrent.h. */
#include <thaw/plugin.h>

typedef struct settings {
  int64_t embedding;
} settings;
static const thaw_param_spec parameters[] = {{.name = "embedding",
                                              .type = THAW_PARAM_INT,
                                              .offset = offsetof(settings, embedding),
                                              .default_value = "100",
                                              .minimum = 1,
                                              .maximum = 65536,
                                              .unit = "",
                                              .doc = "Width of the word vectors and states."},
                                             {.name = NULL}};
typedef struct model {
  thaw_tensor *embedding, *weight; /* [V][E], [E][2E] */
} model;
/* Adds the tensors that are trained, group by group. Who fails has left a message in ctx. */
static thaw_status create(void *self, const void *settings_, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  model *m = self;
  const size_t width = (size_t)((const settings *)settings_)->embedding;
  const size_t table[] = {vocabulary, width}, mix[] = {width, 2 * width};
  const thaw_init init = {THAW_INIT_UNIFORM, -0.1f, 0.1f};
  m->embedding = thaw_params_add(params, ctx, "embedding", "weight", 2, table, init);
  m->weight = thaw_params_add(params, ctx, "layer.0", "weight", 2, mix, init);
  info->layers = 1;
  info->width[0] = info->embedding_width = width;
  info->embedding = m->embedding; /* a language model's decoder is tied to it */
  return m->embedding && m->weight ? THAW_OK : THAW_FAILED;
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  (void)settings_;
  const model *m = self;
  thaw_tensor *x = thaw_embedding(tape, m->embedding, input->ids, input->time, input->batch, 0);
  thaw_tensor *later[] = {thaw_affine(tape, thaw_slice(tape, x, 0, 0, 1), 0, 0), x}; /* 0, x */
  thaw_tensor *pair[] = {x, thaw_slice(tape, thaw_concat(tape, 2, later, 0), 0, 0, input->time)};
  states->embedded = x; /* [T][B][E], as are both of the pair and the layer */
  x = thaw_linear(tape, thaw_concat(tape, 2, pair, 2), m->weight, NULL);
  states->layer[0] = states->output = thaw_tanh(tape, x);
  return thaw_tape_status(tape); /* of the first operation that failed */
}
static const thaw_encoder api = {.self_size = sizeof(model), .create = create, .forward = forward};
THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "my_plugin",
    .version = "1", /* change it when results change: what is cached is then trained anew */
    .summary = "Each word with the one before it",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.encoder = &api};
