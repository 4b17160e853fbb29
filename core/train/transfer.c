/* transfer.c: see transfer.h. First everything is checked, then values are copied. */
#include "train/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "plugin/settings.h"
#include "tensor/tape.h"
#include "thaw/recurrent.h"

static const char head_group[] = "head";

/* ---- Which groups ---------------------------------------------------------------------------- */

static bool is_listed(const thaw_transfer *transfer, const char *group) {
  for (size_t i = 0; i < transfer->group_count; i++) {
    if (strcmp(transfer->groups[i], group) == 0) return true;
  }
  return false;
}

static bool is_taken(const thaw_transfer *transfer, const thaw_transfer_source *source,
                     const char *group) {
  if (transfer->none || !source) return false;
  if (!transfer->all) return is_listed(transfer, group);
  return strcmp(group, head_group) != 0 && thaw_params_group(source->params, group);
}

static void list_groups(const thaw_params *params, thaw_buffer *text) {
  for (size_t g = 0; g < params->count; g++) {
    thaw_buffer_format(text, "%s%s", g ? ", " : "", params->groups[g].name);
  }
}

/* The error that `params`, which is `whose`, has no group of that name. */
static thaw_status fail_group(thaw_context *ctx, const thaw_params *params, const char *whose,
                              const char *group) {
  thaw_buffer known = {0};
  list_groups(params, &known);
  const char **names = calloc(params->count + 1, sizeof *names);
  for (size_t g = 0; names && g < params->count; g++) names[g] = params->groups[g].name;
  const char *nearest = names ? thaw_nearest(group, names, params->count) : NULL;
  thaw_status status =
      thaw_fail(ctx, THAW_INVALID, "there is no group '%s' in %s; its groups are %s%s%s%s", group,
                whose, known.data ? known.data : "", nearest ? "; did you mean '" : "",
                nearest ? nearest : "", nearest ? "'?" : "");
  free(names);
  thaw_buffer_free(&known);
  return status;
}

static thaw_status check_groups(thaw_context *ctx, const thaw_transfer *transfer,
                                const thaw_transfer_source *source, const thaw_params *params) {
  for (size_t i = 0; i < transfer->group_count; i++) {
    const char *group = transfer->groups[i];
    if (!thaw_params_group(params, group)) return fail_group(ctx, params, "this model", group);
    if (!thaw_params_group(source->params, group))
      return fail_group(ctx, source->params, source->name, group);
  }
  return THAW_OK;
}

/* ---- Direction ------------------------------------------------------------------------------- */

/* Does the group hold the word embeddings, which are the same in every direction? */
static bool has_embedding(const thaw_model *model, const thaw_param_group *group) {
  for (size_t p = 0; p < group->count; p++) {
    if (group->params[p].tensor == model->info.embedding) return true;
  }
  return false;
}

static thaw_status check_direction(thaw_context *ctx, const thaw_transfer *transfer,
                                   const thaw_transfer_source *source, const thaw_model *model) {
  const thaw_direction here = model->info.direction, there = source->direction;
  if (here == there) return THAW_OK;
  for (size_t g = 0; g < model->params->count; g++) {
    const thaw_param_group *group = &model->params->groups[g];
    if (!is_taken(transfer, source, group->name) || has_embedding(model, group)) continue;
    return thaw_fail(ctx, THAW_INVALID,
                     "%s reads %s, this model reads %s, and '%s' of the one is of no use to the "
                     "other: set encoder.direction to %s, or let transfer take over the embedding "
                     "alone",
                     source->name, thaw_directions[there], thaw_directions[here], group->name,
                     thaw_directions[there]);
  }
  return THAW_OK;
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* Of word vectors, the embedding; else every tensor of a group that is taken. */
static bool is_given(const thaw_transfer_source *source, const thaw_model *model,
                     const thaw_param *param) {
  return !source->found || param->tensor == model->info.embedding;
}

/* `rows`: the first dimension may differ. */
static bool same_shape(const thaw_tensor *a, const thaw_tensor *b, bool rows) {
  if (a->rank != b->rank) return false;
  for (size_t i = rows ? 1 : 0; i < a->rank; i++) {
    if (a->shape[i] != b->shape[i]) return false;
  }
  return true;
}

static thaw_status check_tensor(thaw_context *ctx, const thaw_transfer_source *source,
                                const thaw_model *model, const char *group,
                                const thaw_param *param) {
  const thaw_param *from = thaw_params_find(source->params, group, param->name);
  char here[THAW_SHAPE_TEXT], there[THAW_SHAPE_TEXT];
  const bool words = thaw_model_follows_words(model, param->tensor);
  if (!from) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s/%s is %s here, but %s has no such tensor: it was made by another encoder; "
                     "use the same plugin and layers, or leave '%s' out of transfer",
                     group, param->name, thaw_shape_text(param->tensor, here), source->name, group);
  }
  if (!same_shape(param->tensor, from->tensor, words)) {
    return thaw_fail(
        ctx, THAW_INVALID,
        "%s/%s is %s here and %s in %s%s: set the encoder's sizes as they are there, or "
        "leave '%s' out of transfer",
        group, param->name, thaw_shape_text(param->tensor, here),
        thaw_shape_text(from->tensor, there), source->name,
        words ? " (the first number is the vocabulary's size and may differ)" : "", group);
  }
  if (words && from->tensor->shape[0] != thaw_vocabulary_size(source->vocabulary)) {
    return thaw_fail(ctx, THAW_INVALID, "%s/%s in %s has %zu rows for a vocabulary of %zu", group,
                     param->name, source->name, from->tensor->shape[0],
                     thaw_vocabulary_size(source->vocabulary));
  }
  return THAW_OK;
}

thaw_status thaw_transfer_check(thaw_context *ctx, const thaw_transfer *transfer,
                                const thaw_transfer_source *source, const thaw_model *model) {
  const thaw_params *params = model->params;
  thaw_status status = source ? check_groups(ctx, transfer, source, params) : THAW_OK;
  if (source && status == THAW_OK) status = check_direction(ctx, transfer, source, model);
  for (size_t g = 0; g < params->count && status == THAW_OK; g++) {
    const thaw_param_group *group = &params->groups[g];
    if (!is_taken(transfer, source, group->name)) continue;
    for (size_t p = 0; p < group->count && status == THAW_OK; p++) {
      if (is_given(source, model, &group->params[p]))
        status = check_tensor(ctx, source, model, group->name, &group->params[p]);
    }
  }
  return status;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The mean of the rows [V][D] -> [D]; in double, for V may be large. False: no memory. */
static bool mean_row(const thaw_tensor *x, float *mean) {
  const size_t rows = x->shape[0], width = thaw_size(x) / rows;
  double *sums = calloc(width, sizeof *sums);
  if (!sums) return false;
  for (size_t v = 0; v < rows; v++) {
    for (size_t d = 0; d < width; d++) sums[d] += (double)x->data[v * width + d];
  }
  for (size_t d = 0; d < width; d++) mean[d] = (float)(sums[d] / (double)rows);
  free(sums);
  return true;
}

static thaw_status copy_words(thaw_context *ctx, const thaw_tensor *from, const int32_t *rows,
                              thaw_tensor *to) {
  const size_t width = thaw_size(to) / to->shape[0];
  float *mean = malloc(width * sizeof *mean);
  if (!mean || !mean_row(from, mean)) {
    free(mean);
    return thaw_fail_memory(ctx, width * sizeof(double));
  }
  for (size_t v = 0; v < to->shape[0]; v++) {
    const float *row = rows[v] < 0 ? mean : from->data + (size_t)rows[v] * width;
    memcpy(to->data + v * width, row, width * sizeof *row);
  }
  free(mean);
  return THAW_OK;
}

static thaw_status copy_group(thaw_context *ctx, const thaw_transfer_source *source,
                              const thaw_model *model, const int32_t *rows,
                              const thaw_param_group *group) {
  for (size_t p = 0; p < group->count; p++) {
    if (!is_given(source, model, &group->params[p])) continue;
    thaw_tensor *to = group->params[p].tensor;
    const thaw_tensor *from =
        thaw_params_find(source->params, group->name, group->params[p].name)->tensor;
    if (thaw_model_follows_words(model, to)) {
      thaw_status status = copy_words(ctx, from, rows, to);
      if (status) return status;
    } else {
      memcpy(to->data, from->data, thaw_size(to) * sizeof *to->data);
    }
  }
  return THAW_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Does the group hold a tensor with a row for every word? */
static bool has_words(const thaw_model *model, const thaw_param_group *group) {
  for (size_t p = 0; p < group->count; p++) {
    if (thaw_model_follows_words(model, group->params[p].tensor)) return true;
  }
  return false;
}

static void summarise(const thaw_transfer *transfer, const thaw_transfer_source *source,
                      const thaw_model *model, const int32_t *rows, thaw_buffer *summary) {
  const thaw_params *params = model->params;
  size_t new_words = 0, taken = 0, fresh = 0;
  for (size_t v = 0; rows && v < model->vocabulary; v++)
    new_words += rows[v] < 0 || (source->found && !source->found[v]);
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    if (!is_taken(transfer, source, group->name)) continue;
    thaw_buffer_format(summary, "%s%s", taken++ ? ", " : "takes over ", group->name);
    if (has_embedding(model, group)) {
      thaw_buffer_format(summary, " (%zu words; %zu new ones start at the mean)",
                         model->vocabulary - new_words, new_words);
    }
  }
  if (taken) thaw_buffer_format(summary, " from %s", source->name);
  if (!taken) thaw_buffer_text(summary, "takes over nothing");
  for (size_t g = 0; g < params->count; g++) {
    if (is_taken(transfer, source, params->groups[g].name)) continue;
    thaw_buffer_format(summary, "%s%s", fresh++ ? ", " : "; fresh: ", params->groups[g].name);
  }
}

thaw_status thaw_transfer_weights(thaw_context *ctx, const thaw_transfer *transfer,
                                  const thaw_transfer_source *source, thaw_model *model,
                                  const thaw_vocabulary *vocabulary, thaw_buffer *summary) {
  const thaw_params *params = model->params;
  thaw_status status = thaw_transfer_check(ctx, transfer, source, model);
  bool words = false;
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    if (is_taken(transfer, source, group->name)) words = words || has_words(model, group);
  }
  int32_t *rows = NULL;
  if (status == THAW_OK && words) {
    rows = malloc(model->vocabulary * sizeof *rows);
    if (!rows) return thaw_fail_memory(ctx, model->vocabulary * sizeof *rows);
    thaw_vocabulary_map(vocabulary, source->vocabulary, rows);
  }
  for (size_t g = 0; g < params->count && status == THAW_OK; g++) {
    if (!is_taken(transfer, source, params->groups[g].name)) continue;
    status = copy_group(ctx, source, model, rows, &params->groups[g]);
    params->groups[g].taken = true;
  }
  if (status == THAW_OK) summarise(transfer, source, model, rows, summary);
  free(rows);
  return status;
}
