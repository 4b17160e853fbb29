/* model.c: creating models from plugins. See model.h. */
#include "train/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static thaw_status start(thaw_context *ctx, const thaw_plugin_use *encoder, size_t vocabulary,
                         uint64_t seed, thaw_params *weights, thaw_model **result) {
  thaw_model *model = calloc(1, sizeof *model);
  if (!model) return thaw_fail_memory(ctx, sizeof *model);
  *result = model;
  model->encoder = encoder->plugin->descriptor->api.encoder;
  model->vocabulary = vocabulary;
  model->params = thaw_params_create(seed);
  size_t bytes = model->encoder->self_size ? model->encoder->self_size : 1;
  model->encoder_self = calloc(1, bytes);
  if (!model->params || !model->encoder_self) return thaw_fail_memory(ctx, bytes);
  thaw_params_take_from(model->params, weights);
  thaw_status status = model->encoder->create(model->encoder_self, encoder->settings, vocabulary,
                                              model->params, &model->info, ctx);
  if (status)
    return thaw_explain(ctx, status, "creating the encoder %s", encoder->plugin->descriptor->name);
  if (model->info.layers == 0 || model->info.layers > THAW_MAX_LAYERS)
    return thaw_fail(ctx, THAW_FAILED, "the encoder %s says that it has %zu layers",
                     encoder->plugin->descriptor->name, model->info.layers);
  return THAW_OK;
}

/* One decoder for both directions, where there are two. */
static thaw_status add_decoder(thaw_context *ctx, thaw_model *model) {
  const thaw_encoder_info *info = &model->info;
  const size_t last = info->layers - 1, width = info->width[last] - info->backward_width[last];
  model->tied = info->embedding && info->embedding->shape[1] == width;
  if (model->tied) {
    model->decoder_weight = info->embedding;
  } else {
    float bound = 1.0f / sqrtf((float)width);
    model->decoder_weight = thaw_params_add(model->params, ctx, "decoder", "weight", 2,
                                            (size_t[]){model->vocabulary, width},
                                            (thaw_init){THAW_INIT_UNIFORM, -bound, bound});
  }
  model->decoder_bias =
      thaw_params_add(model->params, ctx, "decoder", "bias", 1, (size_t[]){model->vocabulary},
                      (thaw_init){THAW_INIT_CONSTANT, 0, 0});
  return model->decoder_weight && model->decoder_bias ? THAW_OK : THAW_FAILED;
}

thaw_status thaw_model_add_tied_decoder(thaw_context *ctx, thaw_model *model) {
  const thaw_tensor *embedding = model->info.embedding;
  const size_t width = model->info.width[model->info.layers - 1];
  if (!embedding) {
    return thaw_fail(ctx, THAW_INVALID,
                     "a language model beside the classifier needs an encoder with an embedding, "
                     "which its decoder is tied to");
  }
  if (model->info.direction == THAW_BIDIRECTIONAL) {
    return thaw_fail(ctx, THAW_INVALID,
                     "a language model beside the classifier needs an encoder of one direction, "
                     "forward or backward: a bidirectional one has seen the next word already");
  }
  if (embedding->shape[1] != width) {
    return thaw_fail(ctx, THAW_INVALID,
                     "a language model beside the classifier needs a decoder that is tied to the "
                     "embedding: the last layer has %zu features and the embedding %zu; they must "
                     "be equal",
                     width, embedding->shape[1]);
  }
  return add_decoder(ctx, model);
}

static thaw_status add_head(thaw_context *ctx, thaw_model *model, const thaw_plugin_use *head,
                            size_t classes) {
  model->head = head->plugin->descriptor->api.head;
  model->classes = classes;
  size_t bytes = model->head->self_size ? model->head->self_size : 1;
  model->head_self = calloc(1, bytes);
  if (!model->head_self) return thaw_fail_memory(ctx, bytes);
  thaw_status status = model->head->create(model->head_self, head->settings, &model->info, classes,
                                           model->params, ctx);
  if (status)
    return thaw_explain(ctx, status, "creating the head %s", head->plugin->descriptor->name);
  return THAW_OK;
}

static thaw_status create_language_model(thaw_context *ctx, const thaw_plugin_use *encoder,
                                         size_t vocabulary, uint64_t seed, thaw_params *weights,
                                         thaw_model **result) {
  thaw_model *model = NULL;
  *result = NULL;
  thaw_status status = start(ctx, encoder, vocabulary, seed, weights, &model);
  if (status == THAW_OK) status = add_decoder(ctx, model);
  if (status) {
    thaw_model_free(model);
    return status;
  }
  thaw_params_take_from(model->params, NULL);
  *result = model;
  return THAW_OK;
}

thaw_status thaw_model_create_language_model(thaw_context *ctx, const thaw_plugin_use *encoder,
                                             size_t vocabulary, uint64_t seed, thaw_model **model) {
  return create_language_model(ctx, encoder, vocabulary, seed, NULL, model);
}

thaw_status thaw_model_restore_language_model(thaw_context *ctx, const thaw_plugin_use *encoder,
                                              size_t vocabulary, thaw_params *weights,
                                              thaw_model **model) {
  return create_language_model(ctx, encoder, vocabulary, 0, weights, model);
}

thaw_status thaw_model_create_classifier(thaw_context *ctx, const thaw_plugin_use *encoder,
                                         const thaw_plugin_use *head, size_t vocabulary,
                                         size_t classes, uint64_t seed, thaw_params *weights,
                                         thaw_model **result) {
  thaw_model *model = NULL;
  *result = NULL;
  thaw_status status = start(ctx, encoder, vocabulary, seed, weights, &model);
  if (status == THAW_OK) status = add_head(ctx, model, head, classes);
  if (status) {
    thaw_model_free(model);
    return status;
  }
  thaw_params_take_from(model->params, NULL);
  *result = model;
  return THAW_OK;
}

void thaw_model_free(thaw_model *model) {
  if (!model) return;
  if (model->head_self && model->head->destroy) model->head->destroy(model->head_self);
  if (model->encoder_self && model->encoder->destroy) model->encoder->destroy(model->encoder_self);
  free(model->head_self);
  free(model->encoder_self);
  thaw_params_free(model->params);
  free(model);
}

size_t thaw_model_rate_groups(const thaw_model *model, thaw_rate_group *rate_groups) {
  const thaw_params *params = model->params;
  const bool tied = model->decoder_bias && model->tied, embedding_last = tied && !model->head;
  const thaw_param_group *embedding = NULL, *beside = NULL;
  size_t count = 0;
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    if (embedding_last && group->params[0].tensor == model->info.embedding) {
      embedding = group;
      continue;
    }
    if (tied && model->head && group->params[0].tensor == model->decoder_bias) {
      beside = group;
      continue;
    }
    rate_groups[count++] =
        (thaw_rate_group){.name = group->name, .groups = {group}, .group_count = 1};
  }
  for (size_t s = 0; s < count && beside; s++) {
    thaw_rate_group *rate_group = &rate_groups[s];
    if (rate_group->groups[0]->params[0].tensor != model->info.embedding) continue;
    rate_group->groups[1] = beside;
    rate_group->group_count = 2;
  }
  if (embedding) {
    thaw_rate_group *last = &rate_groups[count - 1]; /* the decoder, which was added last */
    last->name = embedding->name;
    last->groups[1] = embedding;
    last->group_count = 2;
  }
  return count;
}

bool thaw_model_follows_words(const thaw_model *model, const thaw_tensor *tensor) {
  return tensor == model->info.embedding || tensor == model->decoder_weight ||
         tensor == model->decoder_bias;
}

void thaw_params_copy(thaw_params *to, const thaw_params *from) {
  for (size_t g = 0; g < to->count; g++)
    for (size_t p = 0; p < to->groups[g].count; p++)
      memcpy(to->groups[g].params[p].tensor->data, from->groups[g].params[p].tensor->data,
             thaw_size(to->groups[g].params[p].tensor) * sizeof(float));
}
