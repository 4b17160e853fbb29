/* import.c: words first, then a fresh language model for them, then its tensors (see
 * import_tensors.h), then the run file. */
#include "experiment/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "base/hash.h"
#include "experiment/export.h"
#include "experiment/import_tensors.h"
#include "experiment/stage_source.h"
#include "store/environment.h"
#include "tensor/blas.h"
#include "text/tokenizing.h"
#include "text/word_list.h"

/* An import at work. */
typedef struct import {
  thaw_context *ctx;
  const thaw_experiment *experiment;
  const thaw_import *what;
  thaw_arena *arena;
  thaw_safetensors *file;
  thaw_vocabulary *vocabulary;
  thaw_import_words words;
  int32_t *rows;
  size_t added; /* special pieces that the file's vocabulary lacks */
  thaw_buffer tokenizer_state;
  thaw_model *model;
  thaw_buffer initial; /* tensors that keep their initial values */
} import;

/* ---- Settings ------------------------------------------------------------------------------- */

static thaw_status check_setting(const import *im, const thaw_param_spec *spec,
                                 const thaw_metadata *metadata) {
  thaw_buffer ours = {0}, key = {0};
  thaw_status status = thaw_settings_write(im->ctx, spec, im->experiment->encoder.settings, &ours);
  if (status == THAW_OK && !thaw_buffer_format(&key, "encoder.%s", spec->name))
    status = thaw_fail_memory(im->ctx, 1);
  if (status == THAW_OK && strcmp(ours.data, metadata->text) != 0) {
    status = thaw_experiment_fail(im->ctx, im->experiment, key.data,
                                  "the weights in %s were made with %s: set %s: %s (it is %s)",
                                  im->what->weights, metadata->text, key.data, metadata->text,
                                  ours.data);
  }
  thaw_buffer_free(&ours);
  thaw_buffer_free(&key);
  return status;
}

/* What the file says of the encoder must hold of the config's, which may have more settings. */
static thaw_status check_settings(const import *im) {
  static const char prefix[] = "thaw.encoder.";
  const thaw_param_spec *table = im->experiment->encoder.plugin->descriptor->params;
  const thaw_metadata *metadata = thaw_safetensors_metadata(im->file);
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < thaw_safetensors_metadata_count(im->file) && status == THAW_OK; i++) {
    if (strncmp(metadata[i].key, prefix, sizeof prefix - 1) != 0) continue;
    const char *name = metadata[i].key + sizeof prefix - 1;
    const thaw_param_spec *spec = thaw_param_find(table, name);
    if (spec && !spec->per_stage) status = check_setting(im, spec, &metadata[i]);
    /* An encoder without the setting reads forward. */
    if (!spec && strcmp(name, "direction") == 0 && strcmp(metadata[i].text, "forward") != 0) {
      status = thaw_experiment_fail(im->ctx, im->experiment, "encoder.plugin",
                                    "the weights in %s read text %s, which this encoder cannot",
                                    im->what->weights, metadata[i].text);
    }
  }
  return status;
}

/* ---- Words ---------------------------------------------------------------------------------- */

/* Puts the special pieces first; `rows` says where each word stood in the list. */
static thaw_status order_words(import *im, const char *const *pieces, size_t count,
                               const thaw_vocabulary *specials) {
  const size_t fixed = thaw_vocabulary_size(specials), most = count + fixed;
  const char **ordered = thaw_arena_alloc(im->arena, most * sizeof *ordered);
  im->rows = malloc(most * sizeof *im->rows);
  if (!ordered || !im->rows) return thaw_fail_memory(im->ctx, most * sizeof *ordered);
  size_t size = fixed;
  for (size_t s = 0; s < fixed; s++) {
    ordered[s] = thaw_vocabulary_piece(specials, (int32_t)s);
    im->rows[s] = -1;
  }
  for (size_t i = 0; i < count; i++) {
    size_t s = 0;
    while (s < fixed && (im->rows[s] >= 0 || strcmp(ordered[s], pieces[i]) != 0)) s++;
    const size_t id = s < fixed ? s : size++;
    ordered[id] = pieces[i];
    im->rows[id] = (int32_t)i;
  }
  for (size_t s = 0; s < fixed; s++) im->added += im->rows[s] < 0;
  return thaw_vocabulary_from_list(im->ctx, ordered, NULL, size, &im->vocabulary);
}

static thaw_status read_words(import *im) {
  const char *const *pieces = NULL;
  size_t count = 0;
  char *beside = thaw_export_beside(im->what->weights, ".vocab.txt");
  const char *path = im->what->vocabulary ? im->what->vocabulary : beside;
  thaw_vocabulary *specials = thaw_vocabulary_create(NULL);
  im->words.name = path ? thaw_arena_strdup(im->arena, path) : NULL;
  thaw_status status = specials && im->words.name ? THAW_OK : thaw_fail_memory(im->ctx, 1);
  if (status == THAW_OK)
    status = thaw_word_list_read(im->ctx, im->arena, im->words.name, &pieces, &count);
  if (status == THAW_OK && count >= INT32_MAX / 2)
    status = thaw_fail_at(im->ctx, im->words.name, 0, 0, "has too many pieces: %zu", count);
  if (status == THAW_OK) {
    status = order_words(im, pieces, count, specials);
    if (status) thaw_explain(im->ctx, status, "%s", im->words.name);
  }
  im->words.count = count;
  im->words.rows = im->rows;
  thaw_vocabulary_free(specials);
  free(beside);
  return status;
}

/* ---- Tokenizer ------------------------------------------------------------------------------ */

static thaw_status read_bytes(const import *im, const char *path, thaw_buffer *bytes) {
  char chunk[4096];
  FILE *stream = fopen(path, "rbe");
  if (!stream) return thaw_fail_at(im->ctx, path, 0, 0, "cannot be opened");
  bool ok = true;
  for (size_t got; ok && (got = fread(chunk, 1, sizeof chunk, stream)) > 0;)
    ok = thaw_buffer_append(bytes, chunk, got);
  const bool failed = ferror(stream);
  fclose(stream);
  if (failed) return thaw_fail_at(im->ctx, path, 0, 0, "cannot be read");
  return ok ? THAW_OK : thaw_fail_memory(im->ctx, bytes->size);
}

/* Loads what the tokenizer has learned, as a run would, so that damage is found now. */
static thaw_status load_tokenizer(import *im) {
  const thaw_plugin_use *use = &im->experiment->tokenizer;
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  thaw_tokenizing *tokenizing = NULL;
  char *beside = thaw_export_beside(im->what->weights, ".tokenizer");
  const char *path = im->what->tokenizer;
  if (!path && beside && thaw_path_exists(beside)) path = beside;
  thaw_status status = beside ? THAW_OK : thaw_fail_memory(im->ctx, 1);
  if (status == THAW_OK)
    status = thaw_tokenizing_create(im->ctx, plugin->api.tokenizer, use->settings, &tokenizing);
  const bool learns = status == THAW_OK && thaw_tokenizing_learns(tokenizing);
  if (learns && !path) {
    status = thaw_experiment_fail(im->ctx, im->experiment, "tokenizer",
                                  "the tokenizer %s learns from text; what it learned before these "
                                  "weights were trained is needed: --tokenizer FILE (thaw export "
                                  "writes it beside the weights)",
                                  plugin->name);
  }
  if (status == THAW_OK && path) status = read_bytes(im, path, &im->tokenizer_state);
  if (status == THAW_OK && path) {
    status = thaw_tokenizing_load(im->ctx, tokenizing, im->tokenizer_state.data,
                                  im->tokenizer_state.size);
    if (status) thaw_explain(im->ctx, status, "%s, tokenizer %s", path, plugin->name);
  }
  thaw_tokenizing_free(tokenizing);
  free(beside);
  return status;
}

/* ---- Model ---------------------------------------------------------------------------------- */

static thaw_status load_model(import *im) {
  const thaw_experiment *experiment = im->experiment;
  thaw_status status = thaw_model_create_language_model(im->ctx, &experiment->encoder,
                                                        thaw_vocabulary_size(im->vocabulary),
                                                        (uint64_t)experiment->seed, &im->model);
  if (status) return status;
  return thaw_import_tensors(im->ctx, im->file, im->what->weights, &im->words, im->model,
                             &im->initial);
}

static void tell(const import *im) {
  thaw_log(im->ctx, THAW_LOG_INFO, "%s: %zu words, %zu parameters", im->what->weights,
           thaw_vocabulary_size(im->vocabulary), thaw_params_size(im->model->params));
  if (im->added) {
    thaw_log(im->ctx, THAW_LOG_WARNING,
             "%s lacks %zu of xxunk, xxpad and xxbos, which start at the mean of the words; if it "
             "has them under other names, rename them there",
             im->words.name, im->added);
  }
  if (im->initial.size > 0) {
    thaw_log(im->ctx, THAW_LOG_INFO, "%s has no values for %s, which keep their initial ones",
             im->what->weights, im->initial.data);
  }
}

/* ---- The run file ---------------------------------------------------------------------------- */

enum { OWN_PAIRS = 3 }; /* key, stage, transfer */

/* The first stage that trains a language model; pretrain where the config has none. */
static const char *stage_of(const thaw_experiment *experiment) {
  for (size_t k = 0; k < THAW_STAGE_KINDS; k++) {
    const thaw_stage_config *stage = &experiment->stages[k];
    if (stage->present && k != THAW_STAGE_CLASSIFY) return stage->name;
  }
  return "pretrain";
}

static thaw_status describe(import *im, const thaw_text_pair **pairs, size_t *count) {
  const thaw_text_pair *machine = NULL;
  thaw_buffer taken = {0};
  char *key = thaw_arena_zalloc(im->arena, THAW_HASH_TEXT);
  if (!key) return thaw_fail_memory(im->ctx, THAW_HASH_TEXT);
  const int threads = thaw_numerics_prepare((int)im->experiment->threads);
  thaw_status status = thaw_environment(im->ctx, im->arena, threads, &machine, count);
  if (status == THAW_OK) status = thaw_hash_file(im->ctx, im->what->weights, key);
  if (status) return status;
  thaw_text_pair *all = thaw_arena_alloc(im->arena, (*count + OWN_PAIRS) * sizeof *all);
  const bool ok = thaw_buffer_format(&taken, "imported from %s", im->what->weights);
  const char *text = ok ? thaw_arena_strdup(im->arena, taken.data) : NULL;
  thaw_buffer_free(&taken);
  if (!all || !text) return thaw_fail_memory(im->ctx, *count * sizeof *all);
  memcpy(all, machine, *count * sizeof *all);
  all[(*count)++] = (thaw_text_pair){"key", key};
  all[(*count)++] = (thaw_text_pair){"stage", stage_of(im->experiment)};
  all[(*count)++] = (thaw_text_pair){"transfer", text};
  *pairs = all;
  return THAW_OK;
}

static thaw_status write_run(import *im) {
  const thaw_experiment *experiment = im->experiment;
  const thaw_plugin_descriptor *tokenizer = experiment->tokenizer.plugin->descriptor;
  const thaw_text_pair *pairs = NULL;
  size_t count = 0;
  thaw_buffer resolved = {0};
  char *settings = NULL;
  thaw_status status = describe(im, &pairs, &count);
  if (status == THAW_OK) status = thaw_node_write(im->ctx, experiment->resolved, false, &resolved);
  if (status == THAW_OK) status = thaw_settings_lines(im->ctx, &experiment->tokenizer, &settings);
  if (status == THAW_OK) {
    const thaw_run_content content = {.name = experiment->name,
                                      .seed = (uint64_t)experiment->seed,
                                      .complete = true,
                                      .config_written = experiment->written,
                                      .config_resolved = resolved.data,
                                      .environment = pairs,
                                      .environment_count = count,
                                      .tokenizer_plugin = tokenizer->name,
                                      .tokenizer_version = tokenizer->version,
                                      .tokenizer_settings = settings,
                                      .tokenizer_state = im->tokenizer_state.data,
                                      .tokenizer_state_bytes = im->tokenizer_state.size,
                                      .vocabulary = im->vocabulary,
                                      .weights = im->model->params};
    status = thaw_run_write(im->ctx, im->what->output, &content);
  }
  thaw_buffer_free(&resolved);
  free(settings);
  return status;
}

thaw_status thaw_import_weights(thaw_context *ctx, const thaw_experiment *experiment,
                                const thaw_import *what) {
import im = {.ctx = ctx, .experiment = experiment, .what = what };
  im.arena = thaw_arena_create();
  if (!im.arena) return thaw_fail_memory(ctx, 1);
  thaw_status status = thaw_safetensors_open(ctx, what->weights, &im.file);
  if (status == THAW_OK) status = check_settings(&im);
  if (status == THAW_OK) status = read_words(&im);
  if (status == THAW_OK) status = load_tokenizer(&im);
  if (status == THAW_OK) status = load_model(&im);
  if (status == THAW_OK) status = write_run(&im);
  if (status == THAW_OK) tell(&im);
  thaw_safetensors_close(im.file);
  thaw_vocabulary_free(im.vocabulary);
  thaw_model_free(im.model);
  thaw_buffer_free(&im.tokenizer_state);
  thaw_buffer_free(&im.initial);
  free(im.rows);
  thaw_arena_free(im.arena);
  return status;
}
