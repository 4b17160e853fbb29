/* run.c: trains the stages that are due, one after the other, and writes the run file. */
#include "experiment/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "experiment/average.h"
#include "experiment/stage_key.h"
#include "experiment/stage_transfer.h"
#include "experiment/stages.h"
#include "store/cache.h"
#include "store/environment.h"
#include "tensor/blas.h"
#include "train/classifier.h"

/* A run at work. */
typedef struct run {
  thaw_context *ctx;
  const thaw_experiment *experiment;
  const thaw_run_options *options;
  thaw_stages stages;
  thaw_arena *arena; /* texts of the environment */
  thaw_buffer resolved;
  char *tokenizer_settings;
  const thaw_text_pair *machine; /* the part of the environment that all stages share */
  size_t machine_count;
} run;

/* ---- What stands in every file -------------------------------------------------------------- */

enum { STAGE_PAIRS = 3 }; /* key, stage, transfer */

/* The machine's pairs with those of the experiment behind them. */
typedef struct pair_list {
  thaw_text_pair *pairs;
  size_t count;
  bool ok; /* false: no memory */
} pair_list;

static void add_pair(run *r, pair_list *list, const char *value, const char *format, ...)
    THAW_PRINTF(4, 5);
static void add_pair(run *r, pair_list *list, const char *value, const char *format, ...) {
  char key[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(key, sizeof key, format, arguments);
  va_end(arguments);
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(list->pairs[i].key, key) == 0) return; /* as a plugin that several stages use */
  }
  const thaw_text_pair added = {thaw_arena_strdup(r->arena, key),
                                thaw_arena_strdup(r->arena, value)};
  list->ok = list->ok && added.key && added.value;
  if (list->ok) list->pairs[list->count++] = added;
}

/* "data.target": of all files of a data set; "data.target.train", "data.target.train.1": of each.
 */
static thaw_status add_dataset(run *r, const thaw_dataset *dataset, pair_list *list) {
  char digits[THAW_HASH_TEXT];
  thaw_buffer lines = {0};
  thaw_status status = thaw_dataset_files(r->ctx, dataset, &lines);
  if (status == THAW_OK) {
    thaw_hash_bytes(lines.data, lines.size, digits);
    add_pair(r, list, digits, "data.%s", dataset->name);
    size_t number = 0;
    const char *before = "";
    char *rest = lines.data;
    for (const char *role; rest && (role = strsep(&rest, " ")) && rest; before = role) {
      const char *hash = strsep(&rest, "\n");
      number = strcmp(role, before) == 0 ? number + 1 : 0;
      if (number > 0) {
        add_pair(r, list, hash, "data.%s.%s.%zu", dataset->name, role, number);
      } else {
        add_pair(r, list, hash, "data.%s.%s", dataset->name, role);
      }
    }
  }
  thaw_buffer_free(&lines);
  return status;
}

static size_t count_files(const thaw_experiment *experiment) {
  size_t count = 0;
  for (size_t i = 0; i < experiment->dataset_count; i++) {
    const thaw_dataset *dataset = &experiment->datasets[i];
    count += 3 + dataset->train_count + dataset->unlabelled_count;
  }
  return count;
}

/* "plugin.encoder.gru": its version. */
static void add_plugin(run *r, const thaw_plugin_use *use, pair_list *list) {
  if (!use->plugin) return;
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  add_pair(r, list, plugin->version, "plugin.%s.%s", thaw_kind_name(plugin->kind), plugin->name);
}

static size_t count_plugins(const thaw_experiment *experiment) {
  size_t count = 3;
  for (size_t k = 0; k < THAW_STAGE_KINDS; k++) count += experiment->stages[k].schedule_count;
  return count;
}

static void add_plugins(run *r, pair_list *list) {
  const thaw_experiment *experiment = r->experiment;
  add_plugin(r, &experiment->tokenizer, list);
  add_plugin(r, &experiment->encoder, list);
  add_plugin(r, &experiment->head, list);
  for (size_t k = 0; k < THAW_STAGE_KINDS; k++) {
    const thaw_stage_config *stage = &experiment->stages[k];
    for (size_t i = 0; stage->present && i < stage->schedule_count; i++)
      add_plugin(r, &stage->schedule[i], list);
  }
}

static thaw_status describe_machine(run *r, int threads) {
  const thaw_text_pair *given = NULL;
  size_t given_count = 0;
  thaw_status status = thaw_environment(r->ctx, r->arena, threads, &given, &given_count);
  if (status) return status;
  const size_t most = given_count + count_files(r->experiment) + count_plugins(r->experiment);
  pair_list list = {thaw_arena_zalloc(r->arena, most * sizeof *list.pairs), given_count, true};
  if (!list.pairs) return thaw_fail_memory(r->ctx, most * sizeof *list.pairs);
  memcpy(list.pairs, given, given_count * sizeof *list.pairs);
  for (size_t i = 0; i < r->experiment->dataset_count && status == THAW_OK; i++)
    status = add_dataset(r, &r->experiment->datasets[i], &list);
  add_plugins(r, &list);
  if (status == THAW_OK && !list.ok) status = thaw_fail_memory(r->ctx, most);
  r->machine = list.pairs;
  r->machine_count = list.count;
  return status;
}

static thaw_status prepare_texts(run *r, int threads) {
  r->arena = thaw_arena_create();
  if (!r->arena) return thaw_fail_memory(r->ctx, 0);
  thaw_status status = thaw_node_write(r->ctx, r->experiment->resolved, false, &r->resolved);
  if (status == THAW_OK)
    status = thaw_settings_lines(r->ctx, &r->experiment->tokenizer, &r->tokenizer_settings);
  return status ? status : describe_machine(r, threads);
}

/* The stage's own pairs follow those of the machine. */
static thaw_status describe_stage(run *r, const thaw_stage_work *work, const char *taken,
                                  thaw_stage_file *file) {
  const size_t count = r->machine_count + STAGE_PAIRS;
  thaw_text_pair *pairs = thaw_arena_alloc(r->arena, count * sizeof *pairs);
  char *copy = thaw_arena_strdup(r->arena, taken);
  if (!pairs || !copy) return thaw_fail_memory(r->ctx, count * sizeof *pairs);
  memcpy(pairs, r->machine, r->machine_count * sizeof *pairs);
  pairs[count - 3] = (thaw_text_pair){"key", work->key};
  pairs[count - 2] = (thaw_text_pair){"stage", work->stage->name};
  pairs[count - 1] = (thaw_text_pair){"transfer", copy};
  *file = (thaw_stage_file){.path = work->path,
                            .key = work->key,
                            .experiment = r->experiment,
                            .stage = work->stage,
                            .data = &work->data,
                            .resolved = r->resolved.data,
                            .tokenizer_settings = r->tokenizer_settings,
                            .environment = pairs,
                            .environment_count = count,
                            .key_text = work->key_text};
  return THAW_OK;
}

/* ---- Training a stage ----------------------------------------------------------------------- */

static thaw_status keep_checkpoint(thaw_context *ctx, void *user, const thaw_training *training) {
  return thaw_stage_file_checkpoint(ctx, user, training);
}

/* ---- The end of a classifier ---------------------------------------------------------------- */

static thaw_status predict(run *r, const thaw_stage_work *work, const thaw_training *training,
                           const char *split, const thaw_corpus *corpus,
                           thaw_predictions **result) {
  const thaw_classifier classifier = thaw_classifier_of(training->model, work->stage);
  *result = thaw_predictions_create(split, corpus->count, work->data.classes.count);
  if (!*result) return thaw_fail_memory(r->ctx, corpus->count * sizeof(float));
  return thaw_classify(r->ctx, &classifier, training->tape, corpus, *result, NULL);
}

/* Predictions, and what the stages before left. */
typedef struct ending {
  thaw_predictions *predictions[2];
  size_t predictions_count;
  thaw_series *series[THAW_STAGE_KINDS];
  size_t series_count;
  thaw_stage_source kept_sources[THAW_STAGE_KINDS];
  thaw_kept_weights kept[THAW_STAGE_KINDS];
  size_t kept_count;
} ending;

static void free_ending(ending *e) {
  for (size_t i = 0; i < 2; i++) thaw_predictions_free(e->predictions[i]);
  for (size_t i = 0; i < e->series_count; i++) thaw_series_free(e->series[i]);
  for (size_t i = 0; i < e->kept_count; i++) thaw_stage_source_free(&e->kept_sources[i]);
}

static thaw_status predict_all(run *r, const thaw_stage_work *work, const thaw_training *training,
                               ending *e) {
  const thaw_corpus *corpora[] = {&work->data.valid, &work->data.test};
  static const char *const splits[] = {"valid", "test"};
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    if (corpora[i]->count == 0) continue;
    status =
        predict(r, work, training, splits[i], corpora[i], &e->predictions[e->predictions_count++]);
  }
  return status;
}

/* The metrics in a finished stage's file. One that this run does not need may not be there: the
 * stage cache has been pruned of a language model, but not of what was made of it. */
static thaw_status read_series(run *r, const thaw_stage_work *work, ending *e) {
  thaw_run_file *file = NULL;
  thaw_series **series = NULL;
  size_t count = 0;
  if (!work->used) {
    thaw_log(r->ctx, THAW_LOG_INFO,
             "%s: the run file has no metrics of it, as it is no longer in the stage cache",
             work->stage->name);
    return THAW_OK;
  }
  thaw_status status = thaw_run_open(r->ctx, work->path, &file);
  if (status == THAW_OK) status = thaw_run_series(r->ctx, file, &series, &count);
  for (size_t i = 0; i < count; i++) {
    /* Those of earlier stages stand in their own files. */
    if (i + 1 == count && e->series_count < THAW_STAGE_KINDS) {
      e->series[e->series_count++] = series[i];
    } else {
      thaw_series_free(series[i]);
    }
  }
  free(series);
  thaw_run_close(file);
  return status;
}

static thaw_status keep_weights(run *r, const thaw_stage_work *work, ending *e) {
  thaw_stage_source *source = &e->kept_sources[e->kept_count];
  thaw_status status =
      thaw_stage_source_open(r->ctx, r->experiment, work->path, NULL, work->stage->name, source);
  if (status) return status;
  e->kept_count++;
  status = thaw_stage_source_weights(r->ctx, source);
  e->kept[e->kept_count - 1] =
      (thaw_kept_weights){work->stage->name, source->params, source->vocabulary};
  return status;
}

/* Is `work` one of the stages that `last` builds on? */
static bool builds_on(const thaw_stage_work *last, const thaw_stage_work *work) {
  for (const thaw_stage_work *w = last->before; w; w = w->before) {
    if (w == work) return true;
  }
  return false;
}

static thaw_status collect_ending(run *r, const thaw_stage_work *work,
                                  const thaw_training *training, ending *e) {
  thaw_status status = THAW_OK;
  if (work->stage->kind == THAW_STAGE_CLASSIFY) status = predict_all(r, work, training, e);
  for (size_t i = 0; i < r->stages.count && status == THAW_OK; i++) {
    const thaw_stage_work *other = &r->stages.works[i];
    if (other == work || work != r->stages.last) continue;
    if (builds_on(work, other)) status = read_series(r, other, e);
    if (status == THAW_OK && other->stage->keep_weights) status = keep_weights(r, other, e);
  }
  return status;
}

static thaw_status finish(run *r, const thaw_stage_work *work, const thaw_stage_file *file,
                          const thaw_training *training) {
  ending e = {0};
  thaw_status status = collect_ending(r, work, training, &e);
  if (status == THAW_OK) {
    const thaw_stage_extras extras = {.kept = e.kept,
                                      .kept_count = e.kept_count,
                                      .earlier = e.series,
                                      .earlier_count = e.series_count,
                                      .predictions = (const thaw_predictions *const *)e.predictions,
                                      .predictions_count = e.predictions_count};
    status = thaw_stage_file_finish(r->ctx, file, training, &extras);
  }
  free_ending(&e);
  return status;
}

/* Seconds that the stage before, and what it builds on, took. */
static thaw_status find_seconds(run *r, const thaw_stage_work *work, double *seconds) {
  thaw_run_file *file = NULL;
  *seconds = 0;
  if (!work->before) return THAW_OK;
  thaw_status status = thaw_run_open(r->ctx, work->before->path, &file);
  if (status == THAW_OK) *seconds = thaw_run_seconds(file);
  thaw_run_close(file);
  return status;
}

static thaw_status train_stage(run *r, const thaw_stage_work *work) {
  thaw_model *model = NULL;
  thaw_training *training = NULL;
  thaw_buffer taken = {0};
  thaw_stage_file file;
  thaw_training_hooks hooks = {.checkpoint = keep_checkpoint,
                               .user = &file,
                               .checkpoint_seconds = r->options->checkpoint_seconds,
                               .checkpoint_path = work->path,
                               .progress = r->options->progress};
  thaw_status status = thaw_stage_create_model(r->ctx, r->experiment, work, &model);
  if (status == THAW_OK) status = thaw_stage_take_over(r->ctx, r->experiment, work, model, &taken);
  if (status == THAW_OK) status = describe_stage(r, work, taken.data, &file);
  if (status == THAW_OK) status = find_seconds(r, work, &file.seconds_before);
  if (status == THAW_OK)
    status = thaw_stage_create_training(r->ctx, work, model, &hooks, &training);
  if (status == THAW_OK && work->progress == THAW_STAGE_BEGUN) {
    status = thaw_stage_file_resume(r->ctx, work->path, training);
    if (status == THAW_OK)
      thaw_log(r->ctx, THAW_LOG_INFO, "%s: goes on from the checkpoint in %s", work->stage->name,
               work->path);
  }
  if (status == THAW_OK) status = thaw_training_run(r->ctx, training);
  if (status == THAW_OK) status = finish(r, work, &file, training);
  thaw_training_free(training);
  thaw_model_free(model);
  thaw_buffer_free(&taken);
  return status;
}

/* Under a lock: another process may have trained it in the meantime. */
static thaw_status run_stage(run *r, thaw_stage_work *work) {
  thaw_lock *lock = NULL;
  thaw_status status = thaw_cache_lock(r->ctx, r->stages.cache, work->key, &lock);
  if (status) return status;
  status = thaw_stage_file_look(r->ctx, work->path, work->key, &work->progress);
  if (status == THAW_OK && work->progress == THAW_STAGE_FINISHED) {
    thaw_log(r->ctx, THAW_LOG_INFO, "%s: another process has finished it", work->stage->name);
  } else if (status == THAW_OK) {
    status = train_stage(r, work);
  }
  if (status == THAW_OK) {
    work->progress = THAW_STAGE_FINISHED;
    status = thaw_stage_use(r->ctx, &r->stages, work);
  }
  thaw_cache_unlock(r->stages.cache, work->key, lock);
  return status;
}

static thaw_status run_stages(run *r) {
  thaw_status status = thaw_output_prepare(r->ctx, r->stages.output);
  for (size_t i = 0; i < r->stages.count && status == THAW_OK; i++) {
    thaw_stage_work *work = &r->stages.works[i];
    if (thaw_stage_is_due(work)) {
      status = run_stage(r, work);
    } else if (work != r->stages.last) {
      thaw_log(r->ctx, THAW_LOG_INFO, "%s: %s", work->stage->name,
               work->needed ? "found in the stage cache" : "not needed by this run");
    }
  }
  /* A language model lies in the cache; its run file is the same file once more. */
  if (status == THAW_OK && strcmp(r->stages.last->path, r->stages.output) != 0)
    status = thaw_copy_file(r->ctx, r->stages.last->path, r->stages.output);
  return status;
}

thaw_status thaw_run_stages_before(thaw_context *ctx, const thaw_experiment *experiment,
                                   const thaw_run_options *options, thaw_stages *stages,
                                   const thaw_stage_work *work) {
  run r = {.ctx = ctx, .experiment = experiment, .options = options, .stages = *stages};
  thaw_stage_work *w = stages->works;
  while (w < work && !thaw_stage_is_due(w)) w++;
  if (w == work) return THAW_OK;
  thaw_status status = thaw_cache_create(ctx, stages->cache);
  if (status == THAW_OK)
    status = prepare_texts(&r, thaw_numerics_prepare((int)experiment->threads));
  for (; w < work && status == THAW_OK; w++) {
    if (!thaw_stage_is_due(w)) continue;
    thaw_log(ctx, THAW_LOG_INFO, "%s: is trained first, and stays in the stage cache",
             w->stage->name);
    status = run_stage(&r, w);
  }
  thaw_buffer_free(&r.resolved);
  free(r.tokenizer_settings);
  thaw_arena_free(r.arena);
  return status;
}

thaw_status thaw_run_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                const thaw_run_options *options, thaw_run_outcome *outcome) {
  run r = {.ctx = ctx, .experiment = experiment, .options = options};
  *outcome = (thaw_run_outcome){0};
  if (experiment->average.count > 0 && !options->until)
    return thaw_average_experiment(ctx, experiment, options, outcome);
  const int threads = thaw_numerics_prepare((int)experiment->threads);
  thaw_status status = thaw_stages_plan(ctx, experiment, options, &r.stages);
  if (status) return status;
  outcome->found = r.stages.progress == THAW_STAGE_FINISHED;
  if (!outcome->found) {
    status = thaw_cache_create(ctx, r.stages.cache);
    if (status == THAW_OK) status = thaw_stages_use(ctx, &r.stages);
    if (status == THAW_OK) status = thaw_stages_read(ctx, &r.stages);
    if (status == THAW_OK) status = thaw_stages_check_transfers(ctx, &r.stages);
    if (status == THAW_OK) status = prepare_texts(&r, threads);
    if (status == THAW_OK) status = run_stages(&r);
  }
  if (status == THAW_OK) {
    outcome->path = strdup(r.stages.output);
    if (!outcome->path) status = thaw_fail_memory(ctx, strlen(r.stages.output));
  }
  thaw_stages_free(&r.stages);
  thaw_buffer_free(&r.resolved);
  free(r.tokenizer_settings);
  thaw_arena_free(r.arena);
  return status;
}

void thaw_run_outcome_free(thaw_run_outcome *outcome) {
  free(outcome->path);
  *outcome = (thaw_run_outcome){0};
}
