/* transformer: the encoder of GPT, a decoder-only transformer.
 *
 *     encoder: {plugin: transformer, embedding: 256, layers: 4, heads: 8, positions: 512}
 *
 * ids → embedding + a learned vector for each position (dropout: embed_p) → blocks of causal
 * attention (dropout of its weights: attention_p) and a feed-forward layer of width `hidden` with
 * GELU, each added to what went in (dropout before: residual_p). `norm: pre` normalises what goes
 * into each of the two and the last block's output (GPT-2); `norm: post` what comes out of each
 * (GPT). Every state is as wide as the embedding, so that a language model's decoder can be tied.
 *
 * A context begins with each batch: in a language model one of `bptt` tokens, in a classifier a
 * document. It may have `positions` tokens at most.
 *
 * Groups: embedding, block.0 … block.(layers − 1); the last one has the final norm. Tensors are
 * named as in GPT-2, each layer's weight stored [out][in]; attn.qkv is GPT-2's attn.c_attn.
 *
 * Radford, Narasimhan, Salimans, Sutskever 2018, Improving Language Understanding by Generative
 * Pre-Training; Radford et al. 2019, Language Models are Unsupervised Multitask Learners, whose
 * initial values `norm: pre` has. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <thaw/plugin.h>

#define EPSILON 1e-5f
#define DEVIATION 0.02f /* of initial weights */

typedef struct settings {
  int64_t embedding, hidden, layers, heads, positions;
  const char *norm;
  double embed_p, attention_p, residual_p;
} settings;

#define SIZE(member, fallback, least, most, units, text)                                     \
  {                                                                                          \
    .name = #member, .type = THAW_PARAM_INT, .offset = offsetof(settings, member),           \
    .default_value = fallback, .minimum = least, .maximum = most, .unit = units, .doc = text \
  }
#define RATE(member, text)                                                          \
  {                                                                                 \
    .name = #member, .type = THAW_PARAM_REAL, .offset = offsetof(settings, member), \
    .default_value = "0.1", .minimum = 0, .maximum = 0.99, .unit = "", .doc = text, \
    .per_stage = true                                                               \
  }

static const char *const norms[] = {"pre", "post", NULL};
static const thaw_param_spec table[] = {
    SIZE(embedding, "256", 1, 65536, "",
         "Width of the word embeddings and of every layer's states; divisible by heads."),
    SIZE(hidden, "0", 0, 262144, "", "Width of the feed-forward layers; 0: 4 times the embedding."),
    SIZE(layers, "4", 1, THAW_MAX_LAYERS, "", "Number of blocks."),
    SIZE(heads, "4", 1, 1024, "", "Heads of each block's attention."),
    SIZE(positions, "1440", 1, 1048576, "tokens",
         "The longest context; the default is also that of a classifier's max_length."),
    {.name = "norm",
     .type = THAW_PARAM_CHOICE,
     .offset = offsetof(settings, norm),
     .default_value = "pre",
     .unit = "",
     .doc = "Where states are normalised: before attention and feed-forward layer (GPT-2), or "
            "after (GPT).",
     .choices = norms},
    RATE(embed_p, "Dropout on the sum of word and position."),
    RATE(attention_p, "Dropout of attention's weights."),
    RATE(residual_p, "Dropout on what attention and feed-forward layer add to the states."),
    {.name = NULL},
};

typedef struct linear {
  thaw_tensor *weight, *bias; /* [O][I], [O]; of a norm both [E] */
} linear;

typedef struct layer {
  linear ln_1, qkv, proj, ln_2, fc, mlp_proj;
} layer;

typedef struct transformer {
  thaw_tensor *embedding, *positions; /* [V][E], [P][E] */
  layer layers[THAW_MAX_LAYERS];
  linear ln_f; /* NULL in `norm: post` */
} transformer;

static bool is_pre(const settings *s) {
  return strcmp(s->norm, "pre") == 0;
}

/* ---- Tensors --------------------------------------------------------------------------------- */

/* Where a block's tensors go; false once one has failed. */
typedef struct adding {
  thaw_params *params;
  thaw_context *ctx;
  char group[32];
  bool fine;
} adding;

static linear add_pair(adding *to, const char *name, size_t rank, const size_t *shape,
                       thaw_init weight) {
  char weight_name[32], bias_name[32];
  linear pair = {NULL, NULL};
  if (!to->fine) return pair;
  snprintf(weight_name, sizeof weight_name, "%s.weight", name);
  snprintf(bias_name, sizeof bias_name, "%s.bias", name);
  pair.weight = thaw_params_add(to->params, to->ctx, to->group, weight_name, rank, shape, weight);
  if (pair.weight) {
    pair.bias = thaw_params_add(to->params, to->ctx, to->group, bias_name, 1, shape,
                                (thaw_init){THAW_INIT_CONSTANT, 0, 0});
  }
  to->fine = pair.bias != NULL;
  return pair;
}

static linear add_linear(adding *to, const char *name, size_t out, size_t in, float deviation) {
  return add_pair(to, name, 2, (size_t[]){out, in}, (thaw_init){THAW_INIT_NORMAL, 0, deviation});
}

static linear add_norm(adding *to, const char *name, size_t width) {
  return add_pair(to, name, 1, &width, (thaw_init){THAW_INIT_CONSTANT, 1, 0});
}

/* What is added to the states begins smaller where the sum of all is not normalised on the way. */
static float residual_deviation(const settings *s) {
  return is_pre(s) ? DEVIATION / sqrtf(2 * (float)s->layers) : DEVIATION;
}

static layer add_layer(adding *to, const settings *s) {
  const size_t width = (size_t)s->embedding;
  const size_t hidden = s->hidden ? (size_t)s->hidden : 4 * width;
  layer l;
  l.ln_1 = add_norm(to, "ln_1", width);
  l.qkv = add_linear(to, "attn.qkv", 3 * width, width, DEVIATION);
  l.proj = add_linear(to, "attn.proj", width, width, residual_deviation(s));
  l.ln_2 = add_norm(to, "ln_2", width);
  l.fc = add_linear(to, "mlp.fc", hidden, width, DEVIATION);
  l.mlp_proj = add_linear(to, "mlp.proj", width, hidden, residual_deviation(s));
  return l;
}

static thaw_status create(void *self, const void *settings_, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  transformer *model = self;
  const settings *s = settings_;
  const size_t width = (size_t)s->embedding;
  const thaw_init normal = {THAW_INIT_NORMAL, 0, DEVIATION};
  model->embedding =
      thaw_params_add(params, ctx, "embedding", "weight", 2, (size_t[]){vocabulary, width}, normal);
  if (!model->embedding) return THAW_FAILED;
  model->positions = thaw_params_add(params, ctx, "embedding", "positions", 2,
                                     (size_t[]){(size_t)s->positions, width}, normal);
  if (!model->positions) return THAW_FAILED;
  info->embedding = model->embedding;
  info->embedding_width = width;
  info->layers = (size_t)s->layers;
  adding to = {.params = params, .ctx = ctx, .fine = true};
  for (size_t i = 0; i < info->layers; i++) {
    snprintf(to.group, sizeof to.group, "block.%zu", i);
    model->layers[i] = add_layer(&to, s);
    info->width[i] = width;
  }
  if (is_pre(s)) model->ln_f = add_norm(&to, "ln_f", width);
  return to.fine ? THAW_OK : THAW_FAILED;
}

/* ---- Forward --------------------------------------------------------------------------------- */

static thaw_tensor *normalise(thaw_tape *tape, thaw_tensor *x, linear norm) {
  return thaw_layer_norm(tape, x, norm.weight, norm.bias, EPSILON);
}

static thaw_tensor *apply(thaw_tape *tape, thaw_tensor *x, linear l) {
  return thaw_linear(tape, x, l.weight, l.bias);
}

static thaw_tensor *attend(const settings *s, thaw_tape *tape, const layer *l, thaw_tensor *x) {
  thaw_tensor *seen =
      thaw_attention(tape, apply(tape, x, l->qkv), (size_t)s->heads, true, (float)s->attention_p);
  return thaw_dropout(tape, apply(tape, seen, l->proj), (float)s->residual_p);
}

static thaw_tensor *feed_forward(const settings *s, thaw_tape *tape, const layer *l,
                                 thaw_tensor *x) {
  thaw_tensor *hidden = thaw_gelu(tape, apply(tape, x, l->fc));
  return thaw_dropout(tape, apply(tape, hidden, l->mlp_proj), (float)s->residual_p);
}

/* x [T][B][E] -> [T][B][E] */
static thaw_tensor *run_layer(const settings *s, thaw_tape *tape, const layer *l, thaw_tensor *x) {
  if (is_pre(s)) {
    x = thaw_add(tape, x, attend(s, tape, l, normalise(tape, x, l->ln_1)));
    return thaw_add(tape, x, feed_forward(s, tape, l, normalise(tape, x, l->ln_2)));
  }
  x = normalise(tape, thaw_add(tape, x, attend(s, tape, l, x)), l->ln_1);
  return normalise(tape, thaw_add(tape, x, feed_forward(s, tape, l, x)), l->ln_2);
}

static bool fits(const settings *s, thaw_tape *tape, const thaw_encoder_input *input) {
  if (input->time <= (size_t)s->positions) return true;
  const char *what = input->lengths ? "document" : "context";
  const char *key = input->lengths ? "max_length" : "bptt";
  const long long most = (long long)s->positions;
  thaw_tape_fail(tape, "transformer",
                 "a %s of %zu tokens is longer than the encoder's positions, %lld: lower the "
                 "stage's %s to at most %lld, or raise positions",
                 what, input->time, most, key, most);
  return false;
}

/* [T][B][E] + the first T rows of positions [P][E] */
static thaw_tensor *add_positions(thaw_tape *tape, thaw_tensor *x, thaw_tensor *positions) {
  if (!x) return NULL;
  const size_t time = x->shape[0], width = x->shape[2];
  thaw_tensor *used = thaw_slice(tape, positions, 0, 0, time);
  return thaw_add(tape, x, thaw_reshape(tape, used, 3, (size_t[]){time, 1, width}));
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  transformer *model = self;
  const settings *s = settings_;
  if (!fits(s, tape, input)) return thaw_tape_status(tape);
  states->embedded =
      thaw_embedding(tape, model->embedding, input->ids, input->time, input->batch, 0);
  thaw_tensor *x = thaw_dropout(tape, add_positions(tape, states->embedded, model->positions),
                                (float)s->embed_p);
  for (int64_t i = 0; i < s->layers; i++) {
    x = run_layer(s, tape, &model->layers[i], x);
    if (i == s->layers - 1 && is_pre(s)) x = normalise(tape, x, model->ln_f);
    states->layer[i] = x;
  }
  states->output = x;
  return thaw_tape_status(tape);
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  if (s->embedding % s->heads == 0) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "embedding %lld is not divisible by heads %lld; the next that is: %lld",
                   (long long)s->embedding, (long long)s->heads,
                   (long long)((s->embedding / s->heads + 1) * s->heads));
}

/* ---- GPT-2's names: of the state dict of Hugging Face's GPT2Model and GPT2LMHeadModel -----------
 */

#define H "[transformer.]h.{n}."
#define PAIR(tensor, foreign, flags)                           \
  {"block.{n}", tensor ".weight", foreign ".weight", flags}, { \
    "block.{n}", tensor ".bias", foreign ".bias", 0            \
  }

static const thaw_weight_name weight_names[] = {
    {"embedding", "weight", "[transformer.]wte.weight", 0},
    {"embedding", "weight", "lm_head.weight", THAW_WEIGHT_TIED},
    {"embedding", "positions", "[transformer.]wpe.weight", 0},
    PAIR("ln_1", H "ln_1", 0),
    PAIR("attn.qkv", H "attn.c_attn", THAW_WEIGHT_TRANSPOSED),
    PAIR("attn.proj", H "attn.c_proj", THAW_WEIGHT_TRANSPOSED),
    PAIR("ln_2", H "ln_2", 0),
    PAIR("mlp.fc", H "mlp.c_fc", THAW_WEIGHT_TRANSPOSED),
    PAIR("mlp.proj", H "mlp.c_proj", THAW_WEIGHT_TRANSPOSED),
    PAIR("ln_f", "[transformer.]ln_f", 0),
    {NULL, NULL, H "attn.bias", THAW_WEIGHT_IGNORED}, /* the causal mask */
    {NULL, NULL, H "attn.masked_bias", THAW_WEIGHT_IGNORED},
    {"decoder", "bias", "lm_head.bias", THAW_WEIGHT_OPTIONAL},
    {NULL, NULL, NULL, 0},
};

static const thaw_encoder api = {.self_size = sizeof(transformer),
                                 .create = create,
                                 .forward = forward,
                                 .weight_names = weight_names};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "transformer",
    .version = "1",
    .summary =
        "Decoder-only transformer as GPT: causal attention, learned positions, pre- or "
        "post-norm",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
    .validate = validate,
};
