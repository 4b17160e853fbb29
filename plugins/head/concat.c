/* concat: concat pooling: several poolings of a document side by side, with ULMFiT's linear blocks
 * on them.
 *
 *     head: {plugin: concat, parts: [last, max, mean], hidden: [50], dropout: [0.4, 0.1]}
 *     head: {plugin: concat, parts: [last, input], layers: all}
 *
 * Howard and Ruder 2018 (arXiv 1801.06146), section 3.3: what matters may stand anywhere in a
 * document, so h_c = [h_T, maxpool(H), meanpool(H)]. `input` is the last token's embedding, as the
 * encoder was given it: with it the head sees what the encoder has passed over. */
#include <string.h>
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head;
  thaw_texts parts;
} settings;

static const char *const part_names[] = {"last", "max", "mean", "input", NULL};
enum { PART_COUNT = 4 };

static const thaw_param_spec parameters[] = {
    {.name = "parts",
     .type = THAW_PARAM_CHOICES,
     .offset = offsetof(settings, parts),
     .default_value = "[last, max, mean]",
     .unit = "",
     .doc =
         "What stands side by side: the state at the last position, the largest values, the mean "
         "of the states, the last token's embedding (input).",
     .choices = part_names},
    THAW_HEAD_PARAMETERS(settings, head),
    {.name = NULL}};

static bool is_part(const char *part, const char *name) {
  return strcmp(part, name) == 0;
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  if (s->parts.count == 0) return thaw_fail(ctx, THAW_INVALID, "parts is empty");
  for (size_t i = 0; i < s->parts.count; i++) {
    for (size_t j = 0; j < i; j++) {
      if (!is_part(s->parts.values[i], s->parts.values[j])) continue;
      return thaw_fail(ctx, THAW_INVALID, "parts names %s twice", s->parts.values[i]);
    }
  }
  return thaw_head_check(&s->head, ctx);
}

static thaw_status create(void *self, const void *settings_, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  size_t width, inputs = 0;
  thaw_status status = validate(s, ctx);
  if (status == THAW_OK) status = thaw_head_width(&s->head.layers, info, &width, ctx);
  if (status != THAW_OK) return status;
  for (size_t i = 0; i < s->parts.count; i++) {
    const bool input = is_part(s->parts.values[i], "input");
    if (input && info->embedding_width == 0) {
      return thaw_fail(ctx, THAW_INVALID,
                       "parts: the encoder has no embedded input, so there is no part 'input'");
    }
    inputs += input ? info->embedding_width : width;
  }
  return thaw_blocks_create(self, &s->head, inputs, classes, params, ctx);
}

static thaw_tensor *pool(thaw_tape *tape, const settings *s, const char *part, thaw_tensor *states,
                         const thaw_head_input *input) {
  if (is_part(part, "last")) return thaw_head_final(tape, &s->head.layers, input);
  if (is_part(part, "max")) return thaw_pool_max(tape, states, input->lengths);
  if (is_part(part, "mean")) return thaw_pool_mean(tape, states, input->lengths);
  return thaw_pool_last(tape, input->states->embedded, input->lengths);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  const settings *s = settings_;
  thaw_tensor *states = thaw_head_states(tape, &s->head.layers, input);
  thaw_tensor *pooled[PART_COUNT];
  for (size_t i = 0; i < s->parts.count; i++) {
    pooled[i] = pool(tape, s, s->parts.values[i], states, input);
  }
  thaw_tensor *side_by_side = thaw_concat(tape, s->parts.count, pooled, 1);
  *logits = thaw_blocks_forward(self, &s->head, tape, side_by_side);
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
