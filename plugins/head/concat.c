/* concat: concat pooling: several poolings of a document side by side, with ULMFiT's linear blocks
 * on them.
 *
 *     head: {plugin: concat, parts: [last, max, mean], hidden: [50], dropout: [0.4, 0.1]}
 *     head: {plugin: concat, parts: [last, input], layers: all}
 *
 * Howard and Ruder 2018 (arXiv 1801.06146), section 3.3: what matters may stand anywhere in a
 * document, so h_c = [h_T, maxpool(H), meanpool(H)]. `input` is the last token's embedding, as the
 * encoder was given it: with it the head sees what the encoder has passed over. */
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head;
  thaw_texts parts;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "parts",
     .type = THAW_PARAM_CHOICES,
     .offset = offsetof(settings, parts),
     .default_value = "[last, max, mean]",
     .unit = "",
     .doc =
         "What stands side by side: the state at the last position, the largest values, the mean "
         "of the states, the last token's embedding (input).",
     .choices = thaw_part_names},
    THAW_HEAD_PARAMETERS(settings, head),
    {.name = NULL}};

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  const thaw_status status = thaw_parts_check(&s->parts, "parts", ctx);
  return status == THAW_OK ? thaw_head_check(&s->head, ctx) : status;
}

static thaw_status create(void *self, const void *settings_, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  size_t width, inputs;
  thaw_status status = thaw_head_width(&s->head.layers, info, &width, ctx);
  if (status == THAW_OK) status = thaw_parts_width(&s->parts, "parts", width, info, &inputs, ctx);
  if (status != THAW_OK) return status;
  return thaw_blocks_create(self, &s->head, inputs, classes, params, ctx);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  const settings *s = settings_;
  thaw_tensor *states = thaw_head_states(tape, &s->head.layers, input);
  thaw_tensor *last = thaw_head_final(tape, &s->head.layers, input);
  thaw_tensor *pooled = thaw_pool_parts(tape, &s->parts, states, last, input);
  *logits = thaw_blocks_forward(self, &s->head, tape, pooled);
  return thaw_tape_status(tape);
}

static const thaw_head head = {
    .self_size = sizeof(thaw_blocks), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = "concat",
    .version = "1",
    .summary =
        "Concat pooling: last state, maximum and mean side by side, then ULMFiT's linear blocks",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &head,
    .validate = validate,
};
