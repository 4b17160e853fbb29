/* stages.c: see stages.h. */
#include "experiment/stages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "experiment/stage_key.h"
#include "store/cache.h"
#include "train/class_weights.h"
#include "train/classifier.h"
#include "train/language_model.h"
#include "train/schedule.h"

bool thaw_stage_is_due(const thaw_stage_work *work) {
  return work->needed && work->progress != THAW_STAGE_FINISHED;
}

/* ---- The run file ---------------------------------------------------------------------------- */

char *thaw_output_path(const thaw_experiment *experiment, const thaw_run_options *options,
                       const char *key) {
  thaw_buffer path = {0};
  if (options->output) return strdup(options->output);
  const bool ok = thaw_buffer_format(&path, "%s/%s/s%" PRId64 "-%.8s.h5",
                                     options->folder ? options->folder : "runs", experiment->name,
                                     experiment->seed, key);
  if (!ok) thaw_buffer_free(&path);
  return path.data;
}

/* The folder that the run file will stand in. */
static thaw_status make_folder_of(thaw_context *ctx, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash || slash == path) return THAW_OK;
  char *folder = strndup(path, (size_t)(slash - path));
  if (!folder) return thaw_fail_memory(ctx, strlen(path));
  thaw_status status = thaw_make_folders(ctx, folder);
  free(folder);
  return status;
}

thaw_status thaw_output_prepare(thaw_context *ctx, const char *path) {
  thaw_atomic_file *file = NULL;
  thaw_status status = make_folder_of(ctx, path);
  if (status == THAW_OK) status = thaw_atomic_begin(ctx, path, &file);
  thaw_atomic_abandon(file);
  return status;
}

/* ---- Planning ------------------------------------------------------------------------------- */

static thaw_status add_stage(thaw_context *ctx, thaw_stages *stages,
                             const thaw_stage_config *stage) {
  thaw_stage_work *work = &stages->works[stages->count];
  const bool chained = !stage->transfer.none && !stage->transfer.from;
  *work = (thaw_stage_work){.stage = stage};
  if (chained && stages->count > 0) work->before = work - 1;
  stages->last = work;
  stages->count++;
  thaw_buffer text = {0};
  const thaw_status status = thaw_stage_key(
      ctx, stages->experiment, stage, work->before ? work->before->key : NULL, &text, work->key);
  work->key_text = text.data;
  return status;
}

thaw_status thaw_stages_fail_missing(thaw_context *ctx, const thaw_stages *stages,
                                     const char *name) {
  const char *known[THAW_STAGE_KINDS];
  thaw_buffer list = {0};
  for (size_t i = 0; i < stages->count; i++) {
    known[i] = stages->works[i].stage->name;
    thaw_buffer_format(&list, "%s%s", i ? ", " : "", known[i]);
  }
  const char *near = thaw_nearest(name, known, stages->count);
  thaw_fail(ctx, THAW_INVALID, "%s has no stage '%s'%s%s%s; its stages: %s",
            stages->experiment->path, name, near ? " (did you mean '" : "", near ? near : "",
            near ? "'?)" : "", list.data ? list.data : "");
  thaw_buffer_free(&list);
  return THAW_INVALID;
}

/* The stages in order, up to the last one that is wanted. */
static thaw_status add_stages(thaw_context *ctx, const thaw_run_options *options,
                              thaw_stages *stages) {
  thaw_status status = THAW_OK;
  for (size_t k = 0; k < THAW_STAGE_KINDS && status == THAW_OK; k++) {
    const thaw_stage_config *stage = &stages->experiment->stages[k];
    if (!stage->present) continue;
    status = add_stage(ctx, stages, stage);
    if (options->until && strcmp(options->until, stage->name) == 0) return status;
  }
  if (status || !options->until) return status;
  return thaw_stages_fail_missing(ctx, stages, options->until);
}

/* A classifier trains into the run file itself; a language model into the cache, for others to use.
 */
static thaw_status find_files(thaw_context *ctx, const thaw_run_options *options,
                              thaw_stages *stages) {
  const bool classify = stages->last->stage->kind == THAW_STAGE_CLASSIFY;
  stages->output = options->until && !classify
                       ? thaw_cache_path(stages->cache, stages->last->key)
                       : thaw_output_path(stages->experiment, options, stages->last->key);
  if (!stages->output) return thaw_fail_memory(ctx, 1);
  for (size_t i = 0; i < stages->count; i++) {
    thaw_stage_work *work = &stages->works[i];
    work->path = work->stage->kind == THAW_STAGE_CLASSIFY
                     ? strdup(stages->output)
                     : thaw_cache_path(stages->cache, work->key);
    if (!work->path) return thaw_fail_memory(ctx, strlen(stages->cache));
  }
  return THAW_OK;
}

static thaw_status look_at_files(thaw_context *ctx, thaw_stages *stages) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    thaw_stage_work *work = &stages->works[i];
    status = thaw_stage_file_look(ctx, work->path, work->key, &work->progress);
  }
  if (status) return status;
  return thaw_stage_file_look(ctx, stages->output, stages->last->key, &stages->progress);
}

/* Does the run file hold this stage's weights too? */
static bool is_kept(const thaw_stages *stages, const thaw_stage_work *work) {
  return work != stages->last && work->stage->keep_weights;
}

/* From the last stage back: what an unfinished stage takes over is needed. */
static void mark_needed(thaw_stages *stages) {
  const bool finished = stages->progress == THAW_STAGE_FINISHED;
  stages->last->needed = !finished;
  for (size_t i = stages->count; i > 0; i--) {
    thaw_stage_work *work = &stages->works[i - 1];
    if (is_kept(stages, work) && !finished) work->needed = true;
    if (thaw_stage_is_due(work) && work->before) work->before->needed = true;
  }
}

thaw_status thaw_stages_find(thaw_context *ctx, const thaw_experiment *experiment,
                             const thaw_run_options *options, thaw_stages *stages) {
  *stages = (thaw_stages){.experiment = experiment};
  if (experiment->average.count > 0) {
    return thaw_experiment_fail(ctx, experiment, "average",
                                "this config averages finished runs: there are no stages");
  }
  thaw_status status = thaw_cache_folder(ctx, options->cache, &stages->cache);
  if (status == THAW_OK) status = add_stages(ctx, options, stages);
  if (status == THAW_OK) status = find_files(ctx, options, stages);
  if (status) thaw_stages_free(stages);
  return status;
}

thaw_status thaw_stages_plan(thaw_context *ctx, const thaw_experiment *experiment,
                             const thaw_run_options *options, thaw_stages *stages) {
  thaw_status status = thaw_stages_find(ctx, experiment, options, stages);
  if (status) return status;
  status = look_at_files(ctx, stages);
  if (status) {
    thaw_stages_free(stages);
    return status;
  }
  mark_needed(stages);
  return THAW_OK;
}

void thaw_stages_free(thaw_stages *stages) {
  for (size_t i = 0; i < stages->count; i++) {
    free(stages->works[i].path);
    free(stages->works[i].key_text);
    thaw_lock_release(stages->works[i].used);
    thaw_stage_data_free(&stages->works[i].data);
  }
  free(stages->cache);
  free(stages->output);
  *stages = (thaw_stages){0};
}

thaw_status thaw_stage_use(thaw_context *ctx, const thaw_stages *stages, thaw_stage_work *work) {
  const bool cached = work->stage->kind != THAW_STAGE_CLASSIFY;
  if (!cached || work->used || work->progress != THAW_STAGE_FINISHED) return THAW_OK;
  const thaw_status status = thaw_cache_use(ctx, stages->cache, work->key, &work->used);
  if (status || work->used || !work->needed) return status;
  return thaw_fail(ctx, THAW_FAILED,
                   "%s was removed just when it was to be used; the same command once more trains "
                   "it again",
                   work->path);
}

thaw_status thaw_stages_use(thaw_context *ctx, thaw_stages *stages) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++)
    status = thaw_stage_use(ctx, stages, &stages->works[i]);
  return status;
}

/* ---- Sources and data ----------------------------------------------------------------------- */

thaw_status thaw_stage_open_source(thaw_context *ctx, const thaw_experiment *experiment,
                                   const thaw_stage_work *work, thaw_stage_source *source,
                                   bool *taken) {
  const thaw_transfer *transfer = &work->stage->transfer;
  *source = (thaw_stage_source){0};
  *taken = !transfer->none;
  if (transfer->none) return THAW_OK;
  if (transfer->from) {
    char key[64];
    snprintf(key, sizeof key, "stages.%s.transfer.from", work->stage->name);
    thaw_status status =
        thaw_stage_source_open(ctx, experiment, transfer->from, transfer->stage, NULL, source);
    return status ? thaw_experiment_explain(ctx, status, experiment, key) : THAW_OK;
  }
  return thaw_stage_source_open(ctx, experiment, work->before->path, NULL,
                                work->before->stage->name, source);
}

/* A file of word vectors may have millions of words: a stage knows those of its own text. */
static thaw_status check_own_words(thaw_context *ctx, const thaw_experiment *experiment,
                                   const thaw_stage_config *stage, const char *name) {
  char key[64];
  if (stage->vocabulary != THAW_VOCABULARY_SOURCE) return THAW_OK;
  snprintf(key, sizeof key, "stages.%s.vocabulary", stage->name);
  return thaw_experiment_fail(ctx, experiment, key,
                              "the words of a stage that takes word vectors over (%s) are those of "
                              "its own text: set vocabulary: target, or leave it out",
                              name);
}

/* The words come from the stage before: from its data if they have been read, else from its file.
 */
thaw_status thaw_stage_read(thaw_context *ctx, const thaw_stages *stages, thaw_stage_work *work) {
  const thaw_experiment *experiment = stages->experiment;
  if (work->before && work->before->data.vocabulary) {
    const thaw_stage_data *before = &work->before->data;
    const thaw_stage_origin origin = {before->vocabulary, before->tokenizer_state.data,
                                      before->tokenizer_state.size};
    return thaw_stage_data_read(ctx, experiment, work->stage, &origin, stages->cache, &work->data);
  }
  thaw_stage_source source;
  bool taken = false;
  thaw_status status = thaw_stage_open_source(ctx, experiment, work, &source, &taken);
  if (status) return status;
  const thaw_stage_origin origin = thaw_stage_source_origin(&source);
  if (source.vectors) status = check_own_words(ctx, experiment, work->stage, source.name);
  if (status == THAW_OK) {
    status =
        thaw_stage_data_read(ctx, experiment, work->stage,
                             taken && !source.vectors ? &origin : NULL, stages->cache, &work->data);
  }
  thaw_stage_source_free(&source);
  return status;
}

thaw_status thaw_stages_read(thaw_context *ctx, thaw_stages *stages) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    if (thaw_stage_is_due(&stages->works[i]))
      status = thaw_stage_read(ctx, stages, &stages->works[i]);
  }
  return status;
}

/* ---- Models and trainings -------------------------------------------------------------------- */

static bool is_classifier(const thaw_stage_work *work) {
  return work->stage->kind == THAW_STAGE_CLASSIFY;
}

thaw_status thaw_stage_create_model(thaw_context *ctx, const thaw_experiment *experiment,
                                    const thaw_stage_work *work, thaw_model **model) {
  const thaw_plugin_use encoder = {experiment->encoder.plugin, work->stage->encoder_settings};
  const thaw_plugin_use head = {experiment->head.plugin, work->stage->head_settings};
  const size_t words = thaw_vocabulary_size(work->data.vocabulary);
  const uint64_t seed = (uint64_t)work->stage->seed;
  if (!is_classifier(work))
    return thaw_model_create_language_model(ctx, &encoder, words, seed, model);
  thaw_status status = thaw_model_create_classifier(ctx, &encoder, &head, words,
                                                    work->data.classes.count, seed, NULL, model);
  if (status || work->stage->language_model_weight <= 0) return status;
  status = thaw_model_add_tied_decoder(ctx, *model);
  if (status == THAW_OK) return THAW_OK;
  thaw_model_free(*model);
  *model = NULL;
  return thaw_experiment_explain(ctx, status, experiment, "stages.classify.language_model_weight");
}

static thaw_status make_batches(thaw_context *ctx, const thaw_stage_work *work,
                                thaw_batches **batches) {
  const thaw_stage_config *s = work->stage;
  const uint64_t seed = (uint64_t)s->seed;
  if (is_classifier(work))
    return thaw_batches_bucket(ctx, &work->data.train, (size_t)s->batch, (size_t)s->max_length,
                               (size_t)s->batch_tokens, true, seed, batches);
  return thaw_batches_stream(ctx, &work->data.train, (size_t)s->batch, (size_t)s->bptt,
                             s->vary_bptt, true, seed, batches);
}

thaw_status thaw_stage_create_training(thaw_context *ctx, const thaw_stage_work *work,
                                       thaw_model *model, const thaw_training_hooks *hooks,
                                       thaw_training **training) {
  thaw_batches *batches = NULL;
  thaw_status status = make_batches(ctx, work, &batches);
  if (status == THAW_OK) status = thaw_batches_set_direction(ctx, batches, model->info.direction);
  if (status) {
    thaw_batches_free(batches);
    return status;
  }
  const thaw_task *task = is_classifier(work) ? &thaw_classifier_task : &thaw_language_model_task;
  const thaw_corpus *valid = work->data.valid.count ? &work->data.valid : NULL;
  status = thaw_training_create(ctx, work->stage, task, hooks, model, batches, valid, training);
  if (status || !is_classifier(work)) return status;
  const thaw_corpus *train = &work->data.train;
  status = thaw_class_weights_find(ctx, &work->stage->class_weights, &work->data.classes,
                                   train->labels, train->count, &(*training)->class_weights);
  if (status) {
    thaw_training_free(*training);
    *training = NULL;
  }
  return status;
}

/* The names of the model's rate groups; `names` has room for all its groups. */
static thaw_status name_groups(thaw_context *ctx, const thaw_model *model, const char **names,
                               int64_t *count) {
  thaw_rate_group *groups = calloc(model->params->count + 1, sizeof *groups);
  if (!groups) return thaw_fail_memory(ctx, model->params->count * sizeof *groups);
  *count = (int64_t)thaw_model_rate_groups(model, groups);
  for (int64_t g = 0; g < *count; g++) names[g] = groups[g].name;
  free(groups);
  return THAW_OK;
}

thaw_status thaw_stage_check_schedule(thaw_context *ctx, const thaw_experiment *experiment,
                                      const thaw_stage_work *work, const thaw_model *model) {
  char place[80];
  thaw_batches *batches = NULL;
  int64_t *steps_from = NULL;
  const char **names = calloc(model->params->count + 1, sizeof *names);
  thaw_timetable table = {.epochs = work->stage->epochs, .group_names = names};
  thaw_status status = names ? THAW_OK : thaw_fail_memory(ctx, 0);
  if (status == THAW_OK) status = name_groups(ctx, model, names, &table.groups);
  if (status == THAW_OK) status = make_batches(ctx, work, &batches);
  if (status == THAW_OK) status = thaw_training_count_steps(ctx, work->stage, batches, &steps_from);
  if (status == THAW_OK) {
    table.epoch_steps = steps_from;
    status = thaw_schedule_check(ctx, work->stage, &table, place, sizeof place);
    if (status) status = thaw_experiment_explain(ctx, status, experiment, place);
  }
  thaw_batches_free(batches);
  free(steps_from);
  free(names);
  return status;
}
