/* vectors: word vectors alone, without a look at the words around.
 *
 *     encoder: {plugin: vectors, embedding: 300}
 *     stages:
 *       classify: {transfer: {groups: [embedding], from: glove.6B.300d.txt.gz}, …}
 *
 * ids → embedding (whole words dropped: embed_p) → locked dropout (input_p). Its only layer of
 * states is the embedded input, so that a head which pools it is the bag-of-vectors baseline: what
 * the low level of a language model is worth by itself. A language model of it knows no context but
 * the word before the one that it predicts; as its decoder is tied to the embedding, it scores two
 * words alike in either order, but for the second one's bias: a weak bigram model.
 *
 * Group: embedding. Initial values may come from a text file of vectors (GloVe, word2vec,
 * fastText), as with every encoder.
 *
 * Names and defaults as in awd_lstm. Baseline: Joulin et al. 2017, Bag of Tricks for Efficient Text
 * Classification (arXiv 1607.01759). */
#include <thaw/plugin.h>

typedef struct settings {
  int64_t embedding;
  double input_p, embed_p, drop_mult;
} settings;

#define RATE(member, fallback, most, text)                                             \
  {                                                                                    \
    .name = #member, .type = THAW_PARAM_REAL, .offset = offsetof(settings, member),    \
    .default_value = fallback, .minimum = 0, .maximum = most, .unit = "", .doc = text, \
    .per_stage = true                                                                  \
  }

static const thaw_param_spec table[] = {
    {.name = "embedding",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, embedding),
     .default_value = "300",
     .minimum = 1,
     .maximum = 65536,
     .unit = "",
     .doc = "Width of the word vectors."},
    RATE(input_p, "0.25", 0.99, "Locked dropout on the embedded words."),
    RATE(embed_p, "0.02", 0.99, "Dropout of whole words of the vocabulary."),
    RATE(drop_mult, "1", 4, "Factor on both dropout rates."),
    {.name = NULL},
};

typedef struct vectors {
  thaw_tensor *embedding; /* [V][E] */
} vectors;

static thaw_status create(void *self, const void *settings_, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  vectors *model = self;
  const settings *s = settings_;
  const size_t width = (size_t)s->embedding;
  model->embedding =
      thaw_params_add(params, ctx, "embedding", "weight", 2, (size_t[]){vocabulary, width},
                      (thaw_init){THAW_INIT_UNIFORM, -0.1f, 0.1f});
  if (!model->embedding) return THAW_FAILED;
  info->embedding = model->embedding;
  info->embedding_width = width;
  info->layers = 1;
  info->width[0] = width;
  return THAW_OK;
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  const vectors *model = self;
  const settings *s = settings_;
  const float mult = (float)s->drop_mult;
  states->embedded = thaw_embedding(tape, model->embedding, input->ids, input->time, input->batch,
                                    mult * (float)s->embed_p);
  states->layer[0] = thaw_locked_dropout(tape, states->embedded, mult * (float)s->input_p);
  states->output = states->layer[0];
  return thaw_tape_status(tape);
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  const settings *s = settings_;
  const double largest = s->input_p > s->embed_p ? s->input_p : s->embed_p;
  if (largest * s->drop_mult < 1) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "drop_mult %g times the largest dropout rate %g is %g; it must stay below 1",
                   s->drop_mult, largest, largest * s->drop_mult);
}

/* As the encoder of a fastai language model, which is its first part. */
static const thaw_weight_name weight_names[] = {
    {"embedding", "weight", "[0.]encoder.weight", 0},
    {"embedding", "weight", "1.decoder.weight", THAW_WEIGHT_TIED},
    {"decoder", "bias", "1.decoder.bias", THAW_WEIGHT_OPTIONAL},
    {NULL, NULL, NULL, 0},
};

static const thaw_encoder api = {.self_size = sizeof(vectors),
                                 .create = create,
                                 .forward = forward,
                                 .weight_names = weight_names};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "vectors",
    .version = "1",
    .summary = "Word vectors alone: the embedded words, without context",
    .settings_size = sizeof(settings),
    .params = table,
    .api.encoder = &api,
    .validate = validate,
};
