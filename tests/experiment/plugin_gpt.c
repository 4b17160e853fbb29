/* A stand-in for a transformer: tensors and names as a small GPT-2 has them. It computes nothing
 * but the sum of a word's and its position's embedding. */
#include <stdio.h>
#include <thaw/plugin.h>

typedef struct settings {
  int64_t embedding, layers;
} settings;

#define SIZE(member, fallback)                                                           \
  {                                                                                      \
    .name = #member, .type = THAW_PARAM_INT, .offset = offsetof(settings, member),       \
    .default_value = fallback, .minimum = 1, .maximum = 64, .unit = "", .doc = "A size." \
  }

static const thaw_param_spec table[] = {SIZE(embedding, "4"), SIZE(layers, "2"), {.name = NULL}};

typedef struct gpt {
  thaw_tensor *embedding;
} gpt;

static thaw_status create(void *self, const void *settings_, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  gpt *model = self;
  const settings *s = settings_;
  const size_t width = (size_t)s->embedding;
  const thaw_init init = {THAW_INIT_NORMAL, 0, 0.02f};
  model->embedding =
      thaw_params_add(params, ctx, "embedding", "weight", 2, (size_t[]){vocabulary, width}, init);
  bool ok = model->embedding &&
            thaw_params_add(params, ctx, "embedding", "positions", 2, (size_t[]){8, width}, init);
  for (int64_t i = 0; ok && i < s->layers; i++) {
    char group[32];
    snprintf(group, sizeof group, "block.%d", (int)i);
    ok = thaw_params_add(params, ctx, group, "ln_1.weight", 1, &width, init) &&
         thaw_params_add(params, ctx, group, "qkv.weight", 2, (size_t[]){3 * width, width}, init) &&
         thaw_params_add(params, ctx, group, "qkv.bias", 1, (size_t[]){3 * width}, init);
  }
  *info = (thaw_encoder_info){
      .layers = 1, .width = {width}, .embedding_width = width, .embedding = model->embedding};
  return ok ? THAW_OK : THAW_FAILED;
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  (void)settings_;
  const gpt *model = self;
  states->embedded =
      thaw_embedding(tape, model->embedding, input->ids, input->time, input->batch, 0);
  states->layer[0] = states->output = states->embedded;
  return thaw_tape_status(tape);
}

#define H "[transformer.]h.{n}."
static const thaw_weight_name weight_names[] = {
    {"embedding", "weight", "[transformer.]wte.weight", 0},
    {"embedding", "weight", "lm_head.weight", THAW_WEIGHT_TIED},
    {"embedding", "positions", "[transformer.]wpe.weight", 0},
    {"block.{n}", "ln_1.weight", H "ln_1.weight", 0},
    {"block.{n}", "qkv.weight", H "attn.c_attn.weight", THAW_WEIGHT_TRANSPOSED},
    {"block.{n}", "qkv.bias", H "attn.c_attn.bias", 0},
    {NULL, NULL, H "attn.bias", THAW_WEIGHT_IGNORED},
    {"decoder", "bias", "lm_head.bias", THAW_WEIGHT_OPTIONAL},
    {NULL, NULL, NULL, 0},
};

static const thaw_encoder api = {
    .self_size = sizeof(gpt), .create = create, .forward = forward, .weight_names = weight_names};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "plugin_gpt",
    .version = "1",
    .summary = "Names and shapes of a small GPT-2",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
};
