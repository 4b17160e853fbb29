/* classifier.c: see classifier.h. */
#include "train/classifier.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "tensor/kernels.h"
#include "train/metrics.h"

/* Logits [B][C]; `penalty` receives the encoder's, or NULL, and `output` what a language model's
 * decoder sees; where it is NULL there is none. */
static thaw_tensor *forward(const thaw_model *model, const void *encoder_settings,
                            const void *head_settings, thaw_tape *tape, const thaw_batch *batch,
                            thaw_tensor **penalty, thaw_tensor **output) {
  const thaw_encoder_input input = {.ids = batch->ids,
                                    .time = batch->time,
                                    .batch = batch->batch,
                                    .lengths = batch->lengths,
                                    .language_model = output != NULL};
  thaw_states states = {0};
  if (model->encoder->forward(model->encoder_self, encoder_settings, tape, &input, &states)) {
    return NULL;
  }
  *penalty = states.penalty;
  if (output) *output = states.output;
  const thaw_head_input head = {.states = &states,
                                .info = &model->info,
                                .time = batch->time,
                                .batch = batch->batch,
                                .lengths = batch->lengths};
  thaw_tensor *logits = NULL;
  if (model->head->forward(model->head_self, head_settings, tape, &head, &logits)) return NULL;
  if (logits && (logits->rank != 2 || logits->shape[0] != batch->batch ||
                 logits->shape[1] != model->classes)) {
    char shape[THAW_SHAPE_TEXT];
    return thaw_tape_fail(tape, "head", "its logits are %s, expected [%zu][%zu]",
                          thaw_shape_text(logits, shape), batch->batch, model->classes);
  }
  return logits;
}

/* [T][B]: each document's own next tokens, −1 at its last one and behind it. */
static int32_t *next_tokens(thaw_tape *tape, const thaw_batch *batch) {
  const size_t width = batch->batch;
  int32_t *targets = thaw_tape_alloc(tape, batch->time * width * sizeof *targets);
  if (!targets) return NULL;
  for (size_t t = 0; t < batch->time; t++) {
    for (size_t b = 0; b < width; b++) {
      const bool last = t + 1 >= (size_t)batch->lengths[b];
      targets[t * width + b] = last ? -1 : batch->ids[(t + 1) * width + b];
    }
  }
  return targets;
}

/* The loss with that of a language model of the batch's documents, the mean over their tokens
 * (Radford et al. 2018, section 3.2). */
static thaw_tensor *add_language_model(const thaw_training *training, const thaw_batch *batch,
                                       thaw_tensor *loss, thaw_tensor *output) {
  const thaw_model *model = training->model;
  const float factor = (float)training->stage->language_model_weight;
  const int32_t *targets = next_tokens(training->tape, batch);
  if (!targets) return NULL;
  thaw_tensor *mean = thaw_linear_cross_entropy(training->tape, output, model->decoder_weight,
                                                model->decoder_bias, targets, NULL);
  return thaw_add(training->tape, loss, thaw_affine(training->tape, mean, factor, 0));
}

static thaw_tensor *loss(thaw_training *training, const thaw_batch *batch, double *loss_sum,
                         double *weight) {
  const thaw_stage_config *stage = training->stage;
  const bool beside = stage->language_model_weight > 0 && thaw_tape_training(training->tape);
  thaw_tensor *penalty = NULL, *output = NULL;
  thaw_tensor *logits = forward(training->model, stage->encoder_settings, stage->head_settings,
                                training->tape, batch, &penalty, beside ? &output : NULL);
  thaw_tensor *sum =
      thaw_weighted_cross_entropy(training->tape, logits, batch->targets, training->class_weights,
                                  (float)stage->label_smoothing, weight);
  if (!sum) return NULL;
  *loss_sum = (double)sum->data[0] * *weight;
  if (beside) sum = add_language_model(training, batch, sum, output);
  return penalty ? thaw_add(training->tape, sum, penalty) : sum;
}

/* One document's row of logits [C] into its place; returns −log p[gold], 0 without a label. */
static double put_document(thaw_predictions *predictions, size_t document, int32_t gold,
                           const float *logits) {
  const size_t classes = predictions->classes;
  float *probabilities = predictions->probabilities + document * classes;
  const double total = thaw_softmax_row(probabilities, logits, classes);
  size_t best = 0;
  for (size_t c = 1; c < classes; c++) {
    if (probabilities[c] > probabilities[best]) best = c;
  }
  predictions->gold[document] = gold;
  predictions->predicted[document] = (int32_t)best;
  return gold < 0 ? 0 : total - (double)logits[gold];
}

static thaw_status make_batches(thaw_context *ctx, const thaw_classifier *classifier,
                                const thaw_corpus *corpus, thaw_batches **batches) {
  thaw_status status = thaw_batches_bucket(ctx, corpus, classifier->batch, classifier->max_length,
                                           false, 0, batches);
  if (status) return status;
  return thaw_batches_set_direction(ctx, *batches, classifier->model->info.direction);
}

thaw_status thaw_classify(thaw_context *ctx, const thaw_classifier *classifier, thaw_tape *tape,
                          const thaw_corpus *corpus, thaw_predictions *predictions,
                          double *loss_mean) {
  thaw_batches *batches = NULL;
  thaw_status status = make_batches(ctx, classifier, corpus, &batches);
  double sum = 0;
  size_t labelled = 0;
  for (size_t i = 0; status == THAW_OK && i < thaw_batches_count(batches); i++) {
    const thaw_batch *batch = thaw_batches_get(batches, i);
    if (thaw_interrupted(ctx)) {
      status = thaw_fail(ctx, THAW_INTERRUPTED, "stopped while classifying");
      break;
    }
    thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(0, 0));
    thaw_tensor *penalty;
    const thaw_tensor *logits = forward(classifier->model, classifier->encoder_settings,
                                        classifier->head_settings, tape, batch, &penalty, NULL);
    if (!logits) {
      status = thaw_fail(ctx, THAW_FAILED, "classifying: %s", thaw_tape_error(tape));
      break;
    }
    for (size_t b = 0; b < batch->batch; b++) {
      sum += put_document(predictions, batch->documents[b], batch->targets[b],
                          logits->data + b * predictions->classes);
      labelled += batch->targets[b] >= 0;
    }
  }
  thaw_batches_free(batches);
  if (loss_mean) *loss_mean = labelled ? sum / (double)labelled : NAN;
  return status;
}

static thaw_classifier classifier_of(const thaw_training *training) {
  const thaw_stage_config *stage = training->stage;
  return (thaw_classifier){.model = training->model,
                           .encoder_settings = stage->encoder_settings,
                           .head_settings = stage->head_settings,
                           .batch = (size_t)stage->batch,
                           .max_length = (size_t)stage->max_length};
}

static thaw_status batches(thaw_context *ctx, const thaw_training *training,
                           const thaw_corpus *corpus, thaw_batches **result) {
  const thaw_classifier classifier = classifier_of(training);
  return make_batches(ctx, &classifier, corpus, result);
}

static thaw_status validate(thaw_context *ctx, thaw_training *training, thaw_epoch_row *row) {
  const thaw_classifier classifier = classifier_of(training);
  thaw_predictions *predictions =
      thaw_predictions_create("valid", training->valid->count, training->model->classes);
  if (!predictions) return thaw_fail_memory(ctx, training->valid->count * sizeof(float));
  thaw_scores scores = {0};
  thaw_status status = thaw_classify(ctx, &classifier, training->tape, training->valid, predictions,
                                     &row->valid_loss);
  if (status == THAW_OK) {
    status = thaw_score(ctx, predictions->gold, predictions->predicted, predictions->count,
                        predictions->classes, &scores);
  }
  row->accuracy = scores.accuracy;
  row->macro_f1 = scores.macro_f1;
  thaw_predictions_free(predictions);
  return status;
}

static void describe(const thaw_epoch_row *row, char *text, size_t space) {
  snprintf(text, space, "accuracy %.4f", row->accuracy);
}

const thaw_task thaw_classifier_task = {
    .loss = loss, .validate = validate, .batches = batches, .describe = describe};
