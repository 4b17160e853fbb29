/* language_model.c: see language_model.h. */
#include "train/language_model.h"

#include <math.h>

#include "base/context.h"

/* How a language model is asked: its loss is exact, or over a sample of so many words beside the
 * batch's targets. */
typedef struct asking {
  const thaw_model *model;
  const void *encoder_settings;
  thaw_carry *carry;
  size_t samples; /* 0: exact */
} asking;

/* The mean loss of the targets [T][B], to whose sum `loss_sum` grows. */
static thaw_tensor *decode(const asking *a, thaw_tape *tape, thaw_tensor *output,
                           const int32_t *targets, double *loss_sum) {
  double sum = 0;
  thaw_tensor *weight = a->model->decoder_weight, *bias = a->model->decoder_bias;
  thaw_tensor *mean =
      a->samples > 0
          ? thaw_sampled_cross_entropy(tape, output, weight, bias, targets, a->samples, &sum)
          : thaw_linear_cross_entropy(tape, output, weight, bias, targets, &sum);
  *loss_sum += sum;
  return mean;
}

/* The mean loss of the batch's targets, of both directions where there are two; `loss_sum` receives
 * their sum, `penalty` the encoder's, or NULL. */
static thaw_tensor *forward(const asking *a, thaw_tape *tape, const thaw_batch *batch,
                            double *loss_sum, thaw_tensor **penalty) {
  const thaw_encoder_input input = {.ids = batch->ids,
                                    .time = batch->time,
                                    .batch = batch->batch,
                                    .carry = a->carry,
                                    .language_model = true,
                                    .backward_ids = batch->backward_ids};
  const thaw_model *model = a->model;
  thaw_states states = {0};
  if (model->encoder->forward(model->encoder_self, a->encoder_settings, tape, &input, &states)) {
    return NULL;
  }
  *penalty = states.penalty;
  *loss_sum = 0;
  thaw_tensor *mean = decode(a, tape, states.output, batch->targets, loss_sum);
  if (!batch->backward_ids) return mean;
  thaw_tensor *other = decode(a, tape, states.backward_output, batch->backward_targets, loss_sum);
  return thaw_affine(tape, thaw_add(tape, mean, other), 0.5f, 0);
}

static size_t count_targets(const thaw_batch *batch) {
  const int32_t *others = batch->backward_ids ? batch->backward_targets : NULL;
  size_t count = 0;
  for (size_t i = 0; i < batch->time * batch->batch; i++) {
    count += batch->targets[i] >= 0;
    count += others && others[i] >= 0;
  }
  return count;
}

static thaw_tensor *loss(thaw_training *training, const thaw_batch *batch, double *loss_sum,
                         double *weight) {
  thaw_tensor *penalty = NULL;
  const thaw_stage_config *stage = training->stage;
  const asking a = {training->model, stage->encoder_settings, training->carry,
                    (size_t)stage->sampled_softmax};
  thaw_tensor *mean = forward(&a, training->tape, batch, loss_sum, &penalty);
  *weight = (double)count_targets(batch);
  return penalty ? thaw_add(training->tape, mean, penalty) : mean;
}

/* For evaluation: of a short text as many streams as it has tokens for. */
static thaw_status make_batches(thaw_context *ctx, const thaw_model *model,
                                const thaw_corpus *corpus, size_t batch, size_t bptt,
                                thaw_batches **batches) {
  const size_t most = corpus->offsets[corpus->count] / 2;
  if (batch > most && most > 0) batch = most;
  thaw_status status = thaw_batches_stream(ctx, corpus, batch, bptt, 0, false, 0, batches);
  return status ? status : thaw_batches_set_direction(ctx, *batches, model->info.direction);
}

thaw_status thaw_language_model_loss(thaw_context *ctx, const thaw_model *model,
                                     const void *encoder_settings, thaw_tape *tape,
                                     const thaw_corpus *corpus, size_t batch, size_t bptt,
                                     double *result) {
  thaw_batches *batches = NULL;
  thaw_carry *carry = thaw_carry_create();
  thaw_status status = carry ? THAW_OK : thaw_fail_memory(ctx, 0);
  if (status == THAW_OK) status = make_batches(ctx, model, corpus, batch, bptt, &batches);
  double sum = 0;
  size_t count = 0;
  const asking a = {model, encoder_settings, carry, 0};
  for (size_t i = 0; status == THAW_OK && i < thaw_batches_count(batches); i++) {
    const thaw_batch *b = thaw_batches_get(batches, i);
    double loss_sum = 0;
    thaw_tensor *penalty;
    if (thaw_interrupted(ctx)) status = thaw_fail(ctx, THAW_INTERRUPTED, "stopped while measuring");
    thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(0, 0));
    if (!forward(&a, tape, b, &loss_sum, &penalty)) {
      status = thaw_fail(ctx, THAW_FAILED, "measuring a language model: %s", thaw_tape_error(tape));
    }
    sum += loss_sum;
    count += count_targets(b);
  }
  thaw_batches_free(batches);
  thaw_carry_free(carry);
  *result = count ? sum / (double)count : NAN;
  return status;
}

static thaw_status batches(thaw_context *ctx, const thaw_training *training,
                           const thaw_corpus *corpus, thaw_batches **result) {
  const thaw_stage_config *stage = training->stage;
  return make_batches(ctx, training->model, corpus, (size_t)stage->batch, (size_t)stage->bptt,
                      result);
}

static thaw_status validate(thaw_context *ctx, thaw_training *training, thaw_epoch_row *row) {
  const thaw_stage_config *stage = training->stage;
  thaw_status status = thaw_language_model_loss(
      ctx, training->model, stage->encoder_settings, training->tape, training->valid,
      (size_t)stage->batch, (size_t)stage->bptt, &row->valid_loss);
  row->perplexity = exp(row->valid_loss);
  return status;
}

static void describe(const thaw_epoch_row *row, char *text, size_t space) {
  snprintf(text, space, "perplexity %.1f", row->perplexity);
}

const thaw_task thaw_language_model_task = {
    .loss = loss, .validate = validate, .batches = batches, .describe = describe};
