/* stage_key.c: see stage_key.h. The key is the hash of a text that lists everything; what is read
 * first in it is its own version, which changes whenever the meaning of a line or the way of
 * training does. */
#include "experiment/stage_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/hash_memo.h"
#include "experiment/stage_data.h"
#include "store/runfile.h"

static const char version[] = "thaw stage 1\n";

/* Settings of a stage that do not change its result, or stand in the key in another form. */
static const char *const left_out[] = {"data", "keep_weights", "transfer", "schedule"};

static bool is_left_out(const char *key) {
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
    if (strcmp(key, left_out[i]) == 0) return true;
  }
  return false;
}

/* A setting that came after version 1 counts where it is not its default, which is to do as before:
 * older results keep their keys. */
static bool is_as_before(const thaw_stage_config *stage, const char *key) {
  const struct {
    const char *key;
    bool as_before;
  } later[] = {
      {"sampled_softmax", stage->sampled_softmax == 0},
      {"accumulate", stage->accumulate == 1},
      {"patience", stage->patience == 0},
      {"label_smoothing", stage->label_smoothing <= 0},
      {"class_weights", stage->class_weights.kind == THAW_CLASS_WEIGHTS_NONE},
      {"language_model_weight", stage->language_model_weight <= 0},
      {"keep", stage->kind != THAW_STAGE_CLASSIFY && !stage->best_epoch},
      {"nesterov", !stage->optimizer.nesterov},
      {"batch_tokens", stage->batch_tokens == 0},
      {"gradient_length", stage->gradient_length == 0},
      {"chunk", stage->gradient_length == 0},
  };
  for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
    if (strcmp(key, later[i].key) == 0) return later[i].as_before;
  }
  return false;
}

/* The mapping's text without such settings. */
static thaw_status add_mapping(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_node *map, thaw_buffer *text) {
  enum { MOST = 32 };
  thaw_node children[MOST], copy = *map;
  thaw_node **end = &copy.first;
  size_t count = 0;
  for (const thaw_node *child = map->first; child && count < MOST; child = child->next) {
    if (is_as_before(stage, child->key)) continue;
    children[count] = *child;
    *end = &children[count];
    end = &children[count++].next;
  }
  *end = NULL;
  return thaw_node_write(ctx, &copy, true, text);
}

/* "stages.pretrain" without what is left out. */
static thaw_status add_settings(thaw_context *ctx, const thaw_experiment *experiment,
                                const thaw_stage_config *stage, thaw_buffer *text) {
  char part[128];
  snprintf(part, sizeof part, "stages.%s", stage->name);
  const thaw_node *node = thaw_node_find(experiment->resolved, part);
  for (const thaw_node *child = node ? node->first : NULL; child; child = child->next) {
    if (is_left_out(child->key) || is_as_before(stage, child->key)) continue;
    snprintf(part, sizeof part, "stages.%s.%s", stage->name, child->key);
    if (!thaw_buffer_format(text, "%s:\n", child->key)) return thaw_fail_memory(ctx, text->size);
    thaw_status status = strcmp(child->key, "optimizer") == 0
                             ? add_mapping(ctx, stage, child, text)
                             : thaw_experiment_part(ctx, experiment, part, text);
    if (status) return status;
  }
  return THAW_OK;
}

thaw_status thaw_setting_content(thaw_context *ctx, const thaw_param_spec *spec,
                                 const void *settings, thaw_buffer *out) {
  const char *const *path = (const void *)((const char *)settings + spec->offset);
  char digits[THAW_HASH_TEXT];
  if (spec->type != THAW_PARAM_PATH || !**path)
    return thaw_settings_write(ctx, spec, settings, out);
  thaw_status status = thaw_hash_file_once(ctx, *path, digits);
  if (status) return status;
  return thaw_buffer_text(out, digits) ? THAW_OK : thaw_fail_memory(ctx, out->size);
}

/* Likewise a plugin's setting. */
static bool is_plugin_as_before(const char *key, const char *value) {
  return strcmp(key, "direction") == 0 && strcmp(value, "forward") == 0;
}

/* A plugin by name, version and settings, wherever its file lies. */
static thaw_status add_plugin(thaw_context *ctx, const thaw_plugin_use *use, thaw_buffer *text) {
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  bool ok = thaw_buffer_format(text, "%s %s %s\n", thaw_kind_name(plugin->kind), plugin->name,
                               plugin->version);
  for (const thaw_param_spec *spec = plugin->params; spec && spec->name && ok; spec++) {
    thaw_buffer value = {0};
    thaw_status status = thaw_setting_content(ctx, spec, use->settings, &value);
    if (status == THAW_OK && !is_plugin_as_before(spec->name, value.data))
      ok = thaw_buffer_format(text, " %s %s\n", spec->name, value.data);
    thaw_buffer_free(&value);
    if (status) return status;
  }
  return ok ? THAW_OK : thaw_fail_memory(ctx, text->size);
}

static thaw_status add_plugins(thaw_context *ctx, const thaw_experiment *experiment,
                               const thaw_stage_config *stage, thaw_buffer *text) {
  const thaw_plugin_use encoder = {experiment->encoder.plugin, stage->encoder_settings};
  const thaw_plugin_use head = {experiment->head.plugin, stage->head_settings};
  thaw_status status = add_plugin(ctx, &experiment->tokenizer, text);
  if (status == THAW_OK) status = add_plugin(ctx, &encoder, text);
  if (status == THAW_OK && stage->kind == THAW_STAGE_CLASSIFY)
    status = add_plugin(ctx, &head, text);
  for (size_t i = 0; i < stage->schedule_count && status == THAW_OK; i++)
    status = add_plugin(ctx, &stage->schedule[i], text);
  return status;
}

/* ---- Data ------------------------------------------------------------------------------------ */

static thaw_status add_file(thaw_context *ctx, const thaw_dataset *dataset, const char *what,
                            const char *path, bool labelled, thaw_buffer *text) {
  const thaw_source source = thaw_dataset_source(dataset, path, labelled);
  char digits[THAW_HASH_TEXT];
  thaw_status status = thaw_source_hash(ctx, &source, digits);
  if (status) return status;
  if (!thaw_buffer_format(text, "%s %s\n", what, digits)) return thaw_fail_memory(ctx, text->size);
  return THAW_OK;
}

/* The files that a stage of this kind reads. */
static thaw_status add_files(thaw_context *ctx, const thaw_dataset *d, bool test, bool unlabelled,
                             thaw_buffer *text) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < d->train_count && status == THAW_OK; i++)
    status = add_file(ctx, d, "train", d->train[i], true, text);
  if (status == THAW_OK && d->valid) status = add_file(ctx, d, "valid", d->valid, true, text);
  if (status == THAW_OK && d->test && test) status = add_file(ctx, d, "test", d->test, true, text);
  for (size_t i = 0; i < d->unlabelled_count && status == THAW_OK && unlabelled; i++)
    status = add_file(ctx, d, "unlabelled", d->unlabelled[i], false, text);
  return status;
}

static thaw_status add_data(thaw_context *ctx, const thaw_stage_config *stage, thaw_buffer *text) {
  const thaw_dataset *d = stage->data;
  const thaw_source *s = &d->common;
  const bool classify = stage->kind == THAW_STAGE_CLASSIFY;
  const char *label = s->label ? s->label : "";
  if (!thaw_buffer_format(
          text,
          "data %d text '%s' label '%s' encoding '%s' cut '%s' prefix '%s' whole %d "
          "fraction %.17g split %" PRId64 " labels %" PRId64 "\n",
          (int)s->format, s->text ? s->text : "", label, s->encoding ? s->encoding : "",
          s->label_cut ? s->label_cut : "", s->label_prefix ? s->label_prefix : "", s->whole,
          d->valid_fraction, d->split_seed, classify ? d->labels : 0)) {
    return thaw_fail_memory(ctx, text->size);
  }
  /* Samples that are not within larger ones were drawn under version 1. */
  if (classify && d->labels && !thaw_buffer_text(text, "nested sample\n"))
    return thaw_fail_memory(ctx, text->size);
  return add_files(ctx, d, classify, !classify, text);
}

thaw_status thaw_dataset_files(thaw_context *ctx, const thaw_dataset *dataset, thaw_buffer *text) {
  return add_files(ctx, dataset, true, true, text);
}

thaw_status thaw_dataset_hash(thaw_context *ctx, const thaw_dataset *dataset,
                              char digits[THAW_HASH_TEXT]) {
  thaw_buffer text = {0};
  thaw_status status = thaw_dataset_files(ctx, dataset, &text);
  if (status == THAW_OK) thaw_hash_bytes(text.data, text.size, digits);
  thaw_buffer_free(&text);
  return status;
}

/* ---- What is taken over -----------------------------------------------------------------------
 */

static thaw_status add_transfer(thaw_context *ctx, const thaw_stage_config *stage,
                                const char *before, thaw_buffer *text) {
  const thaw_transfer *transfer = &stage->transfer;
  char digits[THAW_HASH_TEXT] = "";
  if (transfer->none) return THAW_OK;
  if (transfer->from) {
    thaw_status status = thaw_run_hash(ctx, transfer->from, digits);
    if (status) return status;
    before = digits;
  }
  bool ok = thaw_buffer_format(text, "transfer %s %s%s", before ? before : "",
                               transfer->stage ? transfer->stage : "", transfer->all ? " all" : "");
  for (size_t i = 0; i < transfer->group_count; i++)
    ok = ok && thaw_buffer_format(text, " %s", transfer->groups[i]);
  return ok && thaw_buffer_text(text, "\n") ? THAW_OK : thaw_fail_memory(ctx, text->size);
}

thaw_status thaw_stage_key(thaw_context *ctx, const thaw_experiment *experiment,
                           const thaw_stage_config *stage, const char *before, thaw_buffer *text,
                           char key[THAW_HASH_TEXT]) {
  const size_t start = text->size;
  thaw_status status = THAW_OK;
  if (!thaw_buffer_format(
          text, "%s%s\nseed %" PRId64 "\nmin_count %" PRId64 " max_vocab %" PRId64 "\n", version,
          stage->name, stage->seed, experiment->min_count, experiment->max_vocab)) {
    status = thaw_fail_memory(ctx, text->size);
  }
  if (status == THAW_OK) status = add_settings(ctx, experiment, stage, text);
  if (status == THAW_OK) status = add_plugins(ctx, experiment, stage, text);
  if (status == THAW_OK) status = add_data(ctx, stage, text);
  if (status == THAW_OK) status = add_transfer(ctx, stage, before, text);
  if (status == THAW_OK) thaw_hash_bytes(text->data + start, text->size - start, key);
  return status;
}
