/* stage_file.c: writing a stage's file; reading a checkpoint back is in stage_resume.c. */
#include "experiment/stage_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"

/* ---- State ---------------------------------------------------------------------------------- */

/* A state that is being filled; the first failure stays. */
typedef struct filling {
  thaw_context *ctx;
  thaw_state state;
  thaw_status status;
} filling;

static void put(filling *f, const char *name, thaw_array_type type, size_t count,
                const void *data) {
  if (f->status == THAW_OK && count > 0)
    f->status = thaw_state_put(f->ctx, &f->state, name, type, count, data);
}

/* "PREFIX/NAME" */
static void put_under(filling *f, const char *prefix, const char *name, size_t count,
                      const float *data) {
  thaw_buffer full = {0};
  if (!data || f->status) return;
  if (thaw_buffer_format(&full, "%s/%s", prefix, name)) {
    put(f, full.data, THAW_ARRAY_FLOAT, count, data);
  } else {
    f->status = thaw_fail_memory(f->ctx, strlen(name));
  }
  thaw_buffer_free(&full);
}

static void put_params(filling *f, const char *prefix, const thaw_params *params) {
  for (size_t g = 0; params && g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    thaw_buffer under = {0};
    if (!thaw_buffer_format(&under, "%s/%s", prefix, group->name))
      f->status = thaw_fail_memory(f->ctx, strlen(group->name));
    for (size_t p = 0; p < group->count && f->status == THAW_OK; p++) {
      const thaw_param *param = &group->params[p];
      put_under(f, under.data, param->name, thaw_size(param->tensor), param->tensor->data);
    }
    thaw_buffer_free(&under);
  }
}

static void put_optimizer(filling *f, const thaw_optimizer *optimizer) {
  put(f, "steps", THAW_ARRAY_INT64, optimizer->rate_group_count, optimizer->steps);
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_optimized *entry = &optimizer->tensors[i];
    const size_t size = thaw_size(entry->tensor);
    put_under(f, "moment.0", entry->name, size, entry->moments[0]);
    put_under(f, "moment.1", entry->name, size, entry->moments[1]);
    put_under(f, "average", entry->name, size, entry->average);
  }
  if (optimizer->averaged > 0) put(f, "averaged", THAW_ARRAY_INT64, 1, &optimizer->averaged);
}

static void put_carry(filling *f, const thaw_carry *carry) {
  const thaw_carry_entry *entries = thaw_carry_entries(carry);
  for (size_t i = 0; i < thaw_carry_count(carry); i++) {
    char slot[32];
    snprintf(slot, sizeof slot, "%zu", entries[i].slot);
    put_under(f, "carry", slot, entries[i].count, entries[i].data);
  }
}

static void fill_state(filling *f, const thaw_training *training) {
  const int64_t position[] = {training->epoch, training->batch, training->best_epoch};
  const double sums[] = {training->loss_sum, training->loss_count, training->seconds};
  put(f, "position", THAW_ARRAY_INT64, 3, position);
  put(f, "sums", THAW_ARRAY_DOUBLE, 3, sums);
  put_optimizer(f, training->optimizer);
  put_carry(f, training->carry);
  put_params(f, "best", training->best);
}

/* ---- The file ------------------------------------------------------------------------------- */

static thaw_run_content describe(const thaw_stage_file *file, const thaw_training *training) {
  const thaw_experiment *experiment = file->experiment;
  const thaw_plugin_descriptor *tokenizer = experiment->tokenizer.plugin->descriptor;
  const thaw_stage_data *data = file->data;
  return (thaw_run_content){
      .name = experiment->name,
      .seed = (uint64_t)experiment->seed,
      .seconds = file->seconds_before + training->seconds,
      .config_written = experiment->written,
      .config_resolved = file->resolved,
      .environment = file->environment,
      .environment_count = file->environment_count,
      .tokenizer_plugin = tokenizer->name,
      .tokenizer_version = tokenizer->version,
      .tokenizer_settings = file->tokenizer_settings,
      .tokenizer_state = data->tokenizer_state.data ? data->tokenizer_state.data : "",
      .tokenizer_state_bytes = data->tokenizer_state.size,
      .vocabulary = data->vocabulary,
      .classes = file->stage->kind == THAW_STAGE_CLASSIFY ? &data->classes : NULL,
      .weights = training->model->params,
      .config_key = file->key_text,
  };
}

thaw_status thaw_stage_file_checkpoint(thaw_context *ctx, const thaw_stage_file *file,
                                       const thaw_training *training) {
  filling f = {.ctx = ctx};
  fill_state(&f, training);
  thaw_status status = f.status;
  if (status == THAW_OK) {
    const thaw_series *const series[] = {training->series};
    thaw_run_content content = describe(file, training);
    content.series = series;
    content.series_count = 1;
    content.state = &f.state;
    status = thaw_run_write(ctx, file->path, &content);
  }
  thaw_state_free(&f.state);
  return status;
}

thaw_status thaw_stage_file_finish(thaw_context *ctx, const thaw_stage_file *file,
                                   const thaw_training *training, const thaw_stage_extras *extras) {
  const size_t count = extras->earlier_count + 1;
  const thaw_series **series = calloc(count, sizeof *series);
  if (!series) return thaw_fail_memory(ctx, count * sizeof *series);
  for (size_t i = 0; i < extras->earlier_count; i++) series[i] = extras->earlier[i];
  series[count - 1] = training->series;
  thaw_run_content content = describe(file, training);
  content.complete = true;
  content.series = series;
  content.series_count = count;
  content.kept = extras->kept;
  content.kept_count = extras->kept_count;
  content.predictions = extras->predictions;
  content.predictions_count = extras->predictions_count;
  thaw_status status = thaw_run_write(ctx, file->path, &content);
  free(series);
  return status;
}

thaw_status thaw_stage_file_look(thaw_context *ctx, const char *path, const char *key,
                                 thaw_stage_progress *progress) {
  *progress = THAW_STAGE_NEW;
  if (!thaw_path_exists(path)) return THAW_OK;
  thaw_run_file *run = NULL;
  char *other = NULL;
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status == THAW_OK) status = thaw_run_text(ctx, run, "environment/key", &other);
  if (status == THAW_INVALID) {
    thaw_explain(ctx, status, "%s is in the way (remove it, or write somewhere else)", path);
  }
  if (status == THAW_OK && strcmp(key, other) != 0) {
    status = thaw_fail(ctx, THAW_INVALID,
                       "%s holds another run, whose config or data differ; write to another file "
                       "with --output, or remove it",
                       path);
  }
  if (status == THAW_OK)
    *progress = thaw_run_complete(run) ? THAW_STAGE_FINISHED : THAW_STAGE_BEGUN;
  free(other);
  thaw_run_close(run);
  return status;
}
