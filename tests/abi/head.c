/* Poolings side by side with linear blocks: the structs of thaw/head.h in settings and state. */
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head;
  thaw_texts parts;
} settings;

static const thaw_param_spec parameters[] = {
    THAW_HEAD_PARAMETERS(settings, head),
    {.name = "parts",
     .type = THAW_PARAM_CHOICES,
     .offset = offsetof(settings, parts),
     .default_value = "[last, max, mean, input]",
     .unit = "",
     .doc = "Poolings side by side.",
     .choices = thaw_part_names},
    {.name = NULL},
};

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

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  const thaw_status status = thaw_parts_check(&s->parts, "parts", ctx);
  return status ? status : thaw_head_check(&s->head, ctx);
}

static const thaw_head head = {
    .self_size = sizeof(thaw_blocks), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = "abi_head",
    .version = "1",
    .summary = "A head of a plugin built for thaw 0.1.0",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &head,
    .validate = validate,
};
