/* export.c: tensor by tensor, the rows of the encoder's table say the names under which its values
 * are written. See export.h. */
#include "experiment/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "experiment/stage_source.h"
#include "plugin/weight_names.h"
#include "store/safetensors.h"
#include "text/word_list.h"

/* A run being exported. */
typedef struct exporting {
  thaw_context *ctx;
  const thaw_export *what;
  thaw_arena *arena;
  thaw_experiment *experiment;
  thaw_params *params;
  thaw_vocabulary *vocabulary;
  char *tokenizer_state;
  size_t tokenizer_bytes;
  bool tied;            /* a language model whose decoder is its embedding */
  thaw_buffer tensors;  /* of thaw_safetensors_tensor */
  thaw_buffer metadata; /* of thaw_metadata */
} exporting;

char *thaw_export_beside(const char *path, const char *extension) {
  static const char own[] = ".safetensors";
  const size_t length = strlen(path), ending = sizeof own - 1;
  const bool has = length > ending && strcmp(path + length - ending, own) == 0;
  char *copy = strndup(path, has ? length - ending : length);
  thaw_buffer name = {0};
  if (!copy || !thaw_buffer_format(&name, "%s%s", copy, extension)) thaw_buffer_free(&name);
  free(copy);
  return name.data;
}

/* ---- The run -------------------------------------------------------------------------------- */

static thaw_status read_run(exporting *e, const thaw_run_file *run, char **stage,
                            thaw_registry *registry) {
  char *resolved = NULL;
  thaw_status status = thaw_stage_find(e->ctx, run, stage);
  if (status == THAW_OK) status = thaw_run_text(e->ctx, run, "config/resolved", &resolved);
  if (status == THAW_OK)
    status = thaw_experiment_restore(e->ctx, e->what->run, resolved, registry, &e->experiment);
  if (status == THAW_OK) status = thaw_run_weights(e->ctx, run, *stage, &e->params);
  if (status == THAW_OK) status = thaw_run_vocabulary(e->ctx, run, *stage, &e->vocabulary);
  if (status == THAW_OK)
    status = thaw_run_tokenizer_state(e->ctx, run, &e->tokenizer_state, &e->tokenizer_bytes);
  free(resolved);
  return status;
}

static thaw_status load(exporting *e, thaw_registry *registry) {
  thaw_run_file *run = NULL;
  char *stage = e->what->stage ? strdup(e->what->stage) : NULL;
  e->arena = thaw_arena_create();
  if (!e->arena || (e->what->stage && !stage)) {
    free(stage);
    return thaw_fail_memory(e->ctx, 1);
  }
  thaw_status status = thaw_run_open(e->ctx, e->what->run, &run);
  if (status == THAW_OK) status = read_run(e, run, &stage, registry);
  if (status == THAW_OK) {
    e->tied = thaw_params_find(e->params, "decoder", "bias") &&
              !thaw_params_find(e->params, "decoder", "weight");
  }
  thaw_run_close(run);
  free(stage);
  return status;
}

/* ---- Tensors -------------------------------------------------------------------------------- */

static float *transpose(exporting *e, const thaw_tensor *x) {
  const size_t rows = x->shape[0], columns = x->shape[1];
  float *values = thaw_arena_alloc(e->arena, rows * columns * sizeof *values);
  for (size_t r = 0; values && r < rows; r++)
    for (size_t c = 0; c < columns; c++) values[c * rows + r] = x->data[r * columns + c];
  return values;
}

/* `flags` of the row, 0 where there is none. */
static thaw_status add_tensor(exporting *e, const char *name, const thaw_tensor *x,
                              unsigned flags) {
  thaw_safetensors_tensor tensor = {
      .name = thaw_arena_strdup(e->arena, name), .rank = x->rank, .values = x->data};
  memcpy(tensor.shape, x->shape, sizeof tensor.shape);
  if (flags & THAW_WEIGHT_TRANSPOSED) {
    if (x->rank != 2)
      return thaw_fail(e->ctx, THAW_FAILED, "'%s' cannot be transposed: it is no matrix", name);
    tensor.shape[0] = x->shape[1];
    tensor.shape[1] = x->shape[0];
    tensor.values = transpose(e, x);
  }
  const bool ok = tensor.name && tensor.values;
  if (flags & THAW_WEIGHT_ADDED) tensor.values = NULL;
  if (!ok || !thaw_buffer_append(&e->tensors, &tensor, sizeof tensor))
    return thaw_fail_memory(e->ctx, thaw_size(x) * sizeof(float));
  return THAW_OK;
}

static bool is_written(const exporting *e, const thaw_weight_name *row) {
  if (row->flags & THAW_WEIGHT_ALIAS) return false;
  return !(row->flags & THAW_WEIGHT_TIED) || (e->tied && !e->what->encoder_only);
}

static thaw_status add_param(exporting *e, const char *group, const thaw_param *param) {
  const thaw_weight_name *names =
      e->experiment->encoder.plugin->descriptor->api.encoder->weight_names;
  thaw_buffer name = {0};
  size_t layer = 0;
  thaw_status status = THAW_OK;
  const thaw_weight_name *row = thaw_weight_name_find(names, group, param->name, &layer);
  if (!row) {
    status = thaw_buffer_format(&name, "%s.%s", group, param->name)
                 ? add_tensor(e, name.data, param->tensor, 0)
                 : thaw_fail_memory(e->ctx, strlen(group));
  }
  while (row && status == THAW_OK) {
    if (is_written(e, row)) {
      status = thaw_weight_name_write(row, layer, true, &name)
                   ? add_tensor(e, name.data, param->tensor, row->flags)
                   : thaw_fail_memory(e->ctx, strlen(row->foreign));
    }
    row = thaw_weight_name_find(row + 1, group, param->name, &layer);
  }
  thaw_buffer_free(&name);
  return status;
}

static thaw_status add_tensors(exporting *e) {
  thaw_status status = THAW_OK;
  for (size_t g = 0; g < e->params->count && status == THAW_OK; g++) {
    const thaw_param_group *group = &e->params->groups[g];
    const bool encoder = strcmp(group->name, "decoder") != 0 && strcmp(group->name, "head") != 0;
    if (e->what->encoder_only && !encoder) continue;
    for (size_t p = 0; p < group->count && status == THAW_OK; p++)
      status = add_param(e, group->name, &group->params[p]);
  }
  return status;
}

/* ---- Metadata ------------------------------------------------------------------------------- */

static thaw_status describe(exporting *e, const char *key, const char *text) {
  const thaw_metadata one = {thaw_arena_strdup(e->arena, key), thaw_arena_strdup(e->arena, text)};
  if (one.key && one.text && thaw_buffer_append(&e->metadata, &one, sizeof one)) return THAW_OK;
  return thaw_fail_memory(e->ctx, strlen(text));
}

/* What no stage may change decides shapes, or what the weights mean. */
static thaw_status describe_encoder(exporting *e) {
  const thaw_plugin_use *encoder = &e->experiment->encoder;
  const thaw_plugin_descriptor *plugin = encoder->plugin->descriptor;
  thaw_status status = describe(e, "thaw.encoder", plugin->name);
  for (const thaw_param_spec *spec = plugin->params; spec && spec->name && status == THAW_OK;
       spec++) {
    if (spec->per_stage) continue;
    thaw_buffer key = {0}, value = {0};
    if (!thaw_buffer_format(&key, "thaw.encoder.%s", spec->name))
      status = thaw_fail_memory(e->ctx, 1);
    if (status == THAW_OK) status = thaw_settings_write(e->ctx, spec, encoder->settings, &value);
    if (status == THAW_OK) status = describe(e, key.data, value.data);
    thaw_buffer_free(&key);
    thaw_buffer_free(&value);
  }
  return status;
}

static thaw_status describe_all(exporting *e) {
  static const char *const specials[] = {"thaw.unknown", "thaw.padding", "thaw.start"};
  thaw_status status = describe(e, "format", "pt");
  if (status == THAW_OK) status = describe_encoder(e);
  for (size_t i = 0; i < 3 && status == THAW_OK; i++)
    status = describe(e, specials[i], thaw_vocabulary_piece(e->vocabulary, (int32_t)i));
  if (status == THAW_OK) {
    status = describe(e, "thaw.tokenizer", e->experiment->tokenizer.plugin->descriptor->name);
  }
  return status;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static thaw_status write_bytes(thaw_context *ctx, const char *path, const char *bytes,
                               size_t count) {
  thaw_atomic_file *file = NULL;
  thaw_status status = thaw_atomic_begin(ctx, path, &file);
  if (status) return status;
  FILE *stream = fopen(thaw_atomic_path(file), "wbe");
  bool ok = stream && fwrite(bytes, 1, count, stream) == count;
  if (stream && fclose(stream) != 0) ok = false;
  if (ok) return thaw_atomic_commit(ctx, file);
  status = thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(errno));
  thaw_atomic_abandon(file);
  return status;
}

static thaw_status write_beside(exporting *e) {
  char *words = thaw_export_beside(e->what->output, ".vocab.txt");
  char *tokenizer = thaw_export_beside(e->what->output, ".tokenizer");
  thaw_status status = words && tokenizer ? THAW_OK : thaw_fail_memory(e->ctx, 1);
  if (status == THAW_OK) status = thaw_word_list_write(e->ctx, words, e->vocabulary);
  if (status == THAW_OK && e->tokenizer_bytes > 0)
    status = write_bytes(e->ctx, tokenizer, e->tokenizer_state, e->tokenizer_bytes);
  free(words);
  free(tokenizer);
  return status;
}

thaw_status thaw_export_weights(thaw_context *ctx, const thaw_export *what,
                                thaw_registry *registry) {
  exporting e = {.ctx = ctx, .what = what};
  thaw_status status = load(&e, registry);
  if (status == THAW_OK) status = describe_all(&e);
  if (status == THAW_OK) status = add_tensors(&e);
  if (status == THAW_OK) status = write_beside(&e);
  if (status == THAW_OK) {
    status = thaw_safetensors_write(
        ctx, what->output, (const void *)e.metadata.data, e.metadata.size / sizeof(thaw_metadata),
        (const void *)e.tensors.data, e.tensors.size / sizeof(thaw_safetensors_tensor));
  }
  thaw_buffer_free(&e.tensors);
  thaw_buffer_free(&e.metadata);
  free(e.tokenizer_state);
  thaw_vocabulary_free(e.vocabulary);
  thaw_params_free(e.params);
  thaw_experiment_free(e.experiment);
  thaw_arena_free(e.arena);
  return status;
}
