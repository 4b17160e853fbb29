/* scalar_mix: a learned mix of an encoder's layers, pooled, with ULMFiT's linear blocks on it.
 *
 *     head: {plugin: scalar_mix, layers: all, pool: [last, max, mean], hidden: [50], dropout: [0.4,
 * 0.1]} head: {plugin: scalar_mix, layers: [0, 1], input: false, pool: [mean]}
 *
 * mix[t] = γ · Σ s[j] · h[j][t], where s = softmax(w) has a number for each layer and γ is one for
 * all: ELMo's representation for a task (Peters et al. 2018, Deep contextualized word
 * representations, arXiv 1802.05365, equation 1). It begins as the plain mean of the layers. As in
 * the paper the embedded input is the lowest layer; it is left out where its width is another one.
 * The layers that are mixed need one width. */
#include <stdio.h>
#include <string.h>
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head;
  bool input;
  thaw_texts pool;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "pool",
     .type = THAW_PARAM_CHOICES,
     .offset = offsetof(settings, pool),
     .default_value = "[last, max, mean]",
     .unit = "",
     .doc = "How the mix is pooled, side by side: its last position, its largest values, its mean; "
            "input: the last token's embedding.",
     .choices = thaw_part_names},
    {.name = "input",
     .type = THAW_PARAM_BOOL,
     .offset = offsetof(settings, input),
     .default_value = "true",
     .unit = "",
     .doc = "Mix the embedded input as well, where it is as wide as the layers."},
    THAW_HEAD_LAYERS(settings, head, "all",
                     "Layers that are mixed: numbers from 0, [last], or all; of one width."),
    THAW_HEAD_BLOCKS(settings, head),
    {.name = NULL}};

enum { MOST = THAW_MAX_LAYERS + 1 }; /* layers and the embedded input */

typedef struct scalar_mix {
  thaw_tensor *weights; /* [L] before the softmax; the embedded input's comes first */
  thaw_tensor *scale;   /* [1], γ */
  thaw_blocks blocks;
} scalar_mix;

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  const thaw_status status = thaw_parts_check(&s->pool, "pool", ctx);
  return status == THAW_OK ? thaw_head_check(&s->head, ctx) : status;
}

/* ---- Which layers --------------------------------------------------------------------------- */

static size_t count_wide(const thaw_encoder_info *info, const size_t *chosen, size_t count,
                         size_t width) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) found += info->width[chosen[i]] == width;
  return found;
}

/* Layers `a` and `b` differ: proposes those of the width that most of the chosen ones have. */
static thaw_status fail_widths(const thaw_encoder_info *info, const size_t *chosen, size_t count,
                               size_t a, size_t b, thaw_context *ctx) {
  char list[16 * THAW_MAX_LAYERS] = "";
  size_t width = info->width[chosen[0]];
  for (size_t i = 1; i < count; i++) {
    const size_t other = info->width[chosen[i]];
    if (count_wide(info, chosen, count, other) > count_wide(info, chosen, count, width))
      width = other;
  }
  for (size_t i = 0; i < count; i++) {
    const size_t used = strlen(list);
    if (info->width[chosen[i]] == width)
      snprintf(list + used, sizeof list - used, "%s%zu", used ? ", " : "", chosen[i]);
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "layers: only layers of one width can be mixed, but layer %zu is %zu wide and "
                   "layer %zu %zu; choose some of one width, such as layers: [%s]",
                   a, info->width[a], b, info->width[b], list);
}

/* The one width of the chosen layers. */
static thaw_status find_width(const settings *s, const thaw_encoder_info *info, size_t *width,
                              size_t *count, thaw_context *ctx) {
  size_t chosen[THAW_MAX_LAYERS], side_by_side;
  const thaw_status status = thaw_head_width(&s->head.layers, info, &side_by_side, ctx);
  if (status != THAW_OK) return status;
  *count = thaw_head_layers(&s->head.layers, info, chosen);
  *width = info->width[chosen[0]];
  for (size_t i = 1; i < *count; i++) {
    if (info->width[chosen[i]] != *width)
      return fail_widths(info, chosen, *count, chosen[0], chosen[i], ctx);
  }
  return THAW_OK;
}

static bool mixes_input(const settings *s, const thaw_encoder_info *info, size_t width) {
  return s->input && info->embedding_width == width;
}

static thaw_status create(void *self, const void *settings_, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  scalar_mix *m = self;
  size_t width, inputs, count;
  thaw_status status = find_width(s, info, &width, &count, ctx);
  if (status == THAW_OK) status = thaw_parts_width(&s->pool, "pool", width, info, &inputs, ctx);
  if (status != THAW_OK) return status;
  if (mixes_input(s, info, width)) count++;
  m->weights = thaw_params_add(params, ctx, "head", "mix.weights", 1, &count,
                               (thaw_init){THAW_INIT_CONSTANT, 0, 0});
  m->scale = thaw_params_add(params, ctx, "head", "mix.scale", 1, (size_t[]){1},
                             (thaw_init){THAW_INIT_CONSTANT, 1, 0});
  if (!m->weights || !m->scale) return THAW_FAILED;
  return thaw_blocks_create(&m->blocks, &s->head, inputs, classes, params, ctx);
}

/* ---- Mixing --------------------------------------------------------------------------------- */

/* The embedded input, if it has a weight, then the chosen layers: [T][B][W]. */
static thaw_tensor *mix(const scalar_mix *m, const settings *s, thaw_tape *tape,
                        const thaw_head_input *input) {
  const size_t count = m->weights->shape[0];
  size_t chosen[THAW_MAX_LAYERS], used = 0;
  thaw_tensor *parts[MOST];
  const size_t layers = thaw_head_layers(&s->head.layers, input->info, chosen);
  if (count > layers) parts[used++] = input->states->embedded;
  for (size_t i = 0; i < layers; i++) parts[used++] = input->states->layer[chosen[i]];
  thaw_tensor *weights = thaw_multiply(tape, thaw_softmax(tape, m->weights, NULL), m->scale);
  return thaw_mix(tape, used, parts, weights);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  const settings *s = settings_;
  const scalar_mix *m = self;
  size_t chosen[THAW_MAX_LAYERS];
  thaw_head_layers(&s->head.layers, input->info, chosen);
  thaw_tensor *mixed = mix(m, s, tape, input);
  thaw_tensor *last =
      thaw_pool_final(tape, mixed, input->info->backward_width[chosen[0]], input->lengths);
  thaw_tensor *pooled = thaw_pool_parts(tape, &s->pool, mixed, last, input);
  *logits = thaw_blocks_forward(&m->blocks, &s->head, tape, pooled);
  return thaw_tape_status(tape);
}

static const thaw_head head = {
    .self_size = sizeof(scalar_mix), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = "scalar_mix",
    .version = "1",
    .summary = "ELMo's learned mix of all layers, pooled, then ULMFiT's linear blocks",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &head,
    .validate = validate,
};
