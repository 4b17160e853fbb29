/* attention: the mean of a document's states, weighted by what the head has learned to look for,
 * with ULMFiT's linear blocks on it.
 *
 *     head: {plugin: attention, width: 100, hidden: [50], dropout: [0.4, 0.1], layers: [last]}
 *     head: {plugin: attention, width: 0}       # the score is the product with a single query
 *
 * score[t] = v · tanh(W · h[t] + b) with W [width][I]; the weights of the positions are
 * softmax(score) over the document. With width 0 the score is q · h[t].
 *
 * Yang et al. 2016, Hierarchical Attention Networks for Document Classification, section 2.2
 * (their word attention); Lin et al. 2017, A Structured Self-attentive Sentence Embedding
 * (arXiv 1703.03130), with one row of their matrix. */
#include <math.h>
#include <thaw/head.h>

typedef struct settings {
  thaw_head_settings head;
  int64_t width;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "width",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, width),
     .default_value = "100",
     .minimum = 0,
     .maximum = 65536,
     .unit = "",
     .doc = "Width of the layer under the score; 0: the score is the product of a state and one "
            "learned query."},
    THAW_HEAD_PARAMETERS(settings, head),
    {.name = NULL}};

typedef struct attention {
  thaw_tensor *weight, *bias; /* [A][W] and [A]; NULL with width 0 */
  thaw_tensor *query;         /* [1][A], or [1][W] with width 0 */
  thaw_blocks blocks;
} attention;

/* Like every linear layer here, uniform in ±1/√inputs. */
static thaw_init uniform(size_t inputs) {
  const float bound = 1.0f / sqrtf((float)inputs);
  return (thaw_init){THAW_INIT_UNIFORM, -bound, bound};
}

static thaw_status create(void *self, const void *settings_, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  const settings *s = settings_;
  attention *a = self;
  const size_t width = (size_t)s->width;
  size_t inputs;
  const thaw_status status = thaw_head_width(&s->head.layers, info, &inputs, ctx);
  if (status != THAW_OK) return status;
  const size_t scored = width ? width : inputs;
  if (width) {
    a->weight = thaw_params_add(params, ctx, "head", "attention.weight", 2,
                                (size_t[]){width, inputs}, uniform(inputs));
    a->bias = thaw_params_add(params, ctx, "head", "attention.bias", 1, &width, uniform(inputs));
    if (!a->weight || !a->bias) return THAW_FAILED;
  }
  a->query = thaw_params_add(params, ctx, "head", "attention.query", 2, (size_t[]){1, scored},
                             uniform(scored));
  if (!a->query) return THAW_FAILED;
  return thaw_blocks_create(&a->blocks, &s->head, inputs, classes, params, ctx);
}

static thaw_status forward(void *self, const void *settings_, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  const settings *s = settings_;
  const attention *a = self;
  thaw_tensor *states = thaw_head_states(tape, &s->head.layers, input);
  thaw_tensor *scored =
      a->weight ? thaw_tanh(tape, thaw_linear(tape, states, a->weight, a->bias)) : states;
  thaw_tensor *scores = thaw_reshape(tape, thaw_linear(tape, scored, a->query, NULL), 2,
                                     (size_t[]){input->time, input->batch});
  thaw_tensor *pooled = thaw_pool_softmax(tape, states, scores, input->lengths);
  *logits = thaw_blocks_forward(&a->blocks, &s->head, tape, pooled);
  return thaw_tape_status(tape);
}

static thaw_status validate(const void *settings_, thaw_context *ctx) {
  return thaw_head_check(&((const settings *)settings_)->head, ctx);
}

static const thaw_head head = {
    .self_size = sizeof(attention), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = "attention",
    .version = "1",
    .summary =
        "The mean of a document's states with learned weights over its positions, then "
        "ULMFiT's linear blocks",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &head,
    .validate = validate,
};
