/* my_plugin: the mean of a document's last states, with ULMFiT's linear blocks on it.
 *
 *     head: {plugin: my_plugin, positions: 8, hidden: [50], dropout: [0.4, 0.1]}
 *
 * Shapes: T positions, B documents, W features, C classes. There is no gradient code: the tape
 * remembers the operations (thaw/tensor.h) and plays them back. thaw/head.h is this kind's manual.
 */
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head; /* layers, hidden and dropout, as every head of this kind has them */
  int64_t positions;
} settings;
static const thaw_param_spec parameters[] = {
    THAW_HEAD_PARAMETERS(settings, head),
    {.name = "positions",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, positions),
     .default_value = "8",
     .minimum = 1,
     .maximum = 1e6,
     .unit = "tokens",
     .doc = "How many positions at the end of a document count."},
    {.name = NULL}};

/* Adds the tensors that are trained. Who fails has left a message in ctx: pass the status on. */
static thaw_status create(void *self, const void *settings_, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  size_t width;
  const thaw_status status = thaw_head_width(&s->head.layers, info, &width, ctx);
  return status ? status : thaw_blocks_create(self, &s->head, width, classes, params, ctx);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  const settings *s = settings_;
  const size_t most = (size_t)s->positions, count = most < input->time ? most : input->time;
  thaw_tensor *x = thaw_head_states(tape, &s->head.layers, input);                /* [T][B][W] */
  x = thaw_slice(tape, thaw_reverse_steps(tape, x, input->lengths), 0, 0, count); /* last first */
  x = thaw_mean(tape, x, 0, thaw_length_mask(tape, count, input->batch, input->lengths));
  *logits = thaw_blocks_forward(self, &s->head, tape, x); /* [B][W] → [B][C] */
  return thaw_tape_status(tape); /* of the first operation that failed: none needs a look before */
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  return thaw_head_check(&((const settings *)settings_)->head, ctx);
}
static const thaw_head api = {
    .self_size = sizeof(thaw_blocks), .create = create, .forward = forward};
THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = "my_plugin",
    .version = "1", /* change it when results change: what is cached is then trained anew */
    .summary = "The mean of the last states, then ULMFiT's linear blocks",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &api,
    .validate = validate};
