/* last: the state at a document's last position, with ULMFiT's linear blocks on it.
 *
 *     head: {plugin: last, hidden: [50], dropout: [0.4, 0.1], layers: [last]}
 *
 * What a recurrent network remembers at the end of a document (a backward half: at its beginning,
 * where it ends): the simplest head, and the baseline of the others. Howard and Ruder 2018 (arXiv
 * 1801.06146), section 3.3. */
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head;
} settings;

static const thaw_param_spec parameters[] = {THAW_HEAD_PARAMETERS(settings, head), {.name = NULL}};

static thaw_status create(void *self, const void *settings_, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  size_t width;
  const thaw_status status = thaw_head_width(&s->head.layers, info, &width, ctx);
  if (status != THAW_OK) return status;
  return thaw_blocks_create(self, &s->head, width, classes, params, ctx);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  const settings *s = settings_;
  thaw_tensor *pooled = thaw_head_final(tape, &s->head.layers, input);
  *logits = thaw_blocks_forward(self, &s->head, tape, pooled);
  return thaw_tape_status(tape);
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  return thaw_head_check(&((const settings *)settings_)->head, ctx);
}

static const thaw_head head = {
    .self_size = sizeof(thaw_blocks), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = "last",
    .version = "1",
    .summary = "The state at the last position of a document, then ULMFiT's linear blocks",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &head,
    .validate = validate,
};
