/* stage_source.c: see stage_source.h. */
#include "experiment/stage_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/yaml.h"
#include "thaw/recurrent.h"

thaw_status thaw_settings_lines(thaw_context *ctx, const thaw_plugin_use *use, char **lines) {
  thaw_buffer text = {0};
  thaw_status status = THAW_OK;
  const thaw_param_spec *spec = use->plugin->descriptor->params;
  bool ok = thaw_buffer_text(&text, "");
  for (; spec && spec->name && ok && status == THAW_OK; spec++) {
    ok = thaw_buffer_format(&text, "%s: ", spec->name);
    status = thaw_settings_write(ctx, spec, use->settings, &text);
    ok = ok && thaw_buffer_text(&text, "\n");
  }
  if (status == THAW_OK && !ok) status = thaw_fail_memory(ctx, text.size);
  if (status) {
    thaw_buffer_free(&text);
    return status;
  }
  *lines = text.data;
  return THAW_OK;
}

/* Compares one text of the file with ours. */
static thaw_status compare(thaw_context *ctx, const thaw_run_file *run, const char *part,
                           const char *ours) {
  char *theirs = NULL;
  thaw_status status = thaw_run_text(ctx, run, part, &theirs);
  if (status == THAW_OK && strcmp(theirs, ours) != 0) {
    status = thaw_fail(ctx, THAW_INVALID,
                       "%s: its words were made by another tokenizer: %s is\n%s\nthere, and\n%s\n"
                       "here; use the same tokenizer with the same settings",
                       thaw_run_path(run), part, theirs, ours);
  }
  free(theirs);
  return status;
}

static thaw_status check_tokenizer(thaw_context *ctx, const thaw_experiment *experiment,
                                   const thaw_run_file *run) {
  const thaw_plugin_descriptor *ours = experiment->tokenizer.plugin->descriptor;
  char *lines = NULL;
  thaw_status status = compare(ctx, run, "tokenizer/plugin", ours->name);
  if (status == THAW_OK) status = compare(ctx, run, "tokenizer/version", ours->version);
  if (status == THAW_OK) status = thaw_settings_lines(ctx, &experiment->tokenizer, &lines);
  if (status == THAW_OK) status = compare(ctx, run, "tokenizer/settings", lines);
  free(lines);
  return status;
}

static thaw_status check_stage(thaw_context *ctx, const thaw_run_file *run, const char *stage) {
  thaw_status status = thaw_run_need_complete(ctx, run);
  if (status) return status;
  if (!stage || thaw_run_has_stage(run, stage)) return THAW_OK;
  char *known = thaw_run_stages(run);
  status = thaw_fail(
      ctx, THAW_INVALID,
      "%s has no weights of a stage '%s', only its last one's%s%s; a stage with keep_weights: true "
      "has its weights kept",
      thaw_run_path(run), stage, known && *known ? " and those of " : "", known ? known : "");
  free(known);
  return status;
}

/* A file's last stage goes by no name in it. */
static thaw_status forget_last_stage(thaw_context *ctx, const thaw_run_file *run,
                                     thaw_stage_source *source) {
  char *last = NULL;
  thaw_status status = thaw_run_text(ctx, run, "environment/stage", &last);
  if (status == THAW_OK && source->stage && strcmp(source->stage, last) == 0) {
    free(source->stage);
    source->stage = NULL;
  }
  free(last);
  return status;
}

/* From the config; an encoder that has no such setting reads forwards. */
static thaw_status read_direction(thaw_context *ctx, const thaw_run_file *run,
                                  thaw_direction *direction) {
  char *resolved = NULL;
  thaw_node *root = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_status status = arena ? THAW_OK : thaw_fail_memory(ctx, 1);
  if (status == THAW_OK) status = thaw_run_text(ctx, run, "config/resolved", &resolved);
  if (status == THAW_OK)
    status = thaw_yaml_parse(ctx, arena, thaw_run_path(run), resolved, strlen(resolved), &root);
  const thaw_node *node = status == THAW_OK ? thaw_node_find(root, "encoder.direction") : NULL;
  *direction = THAW_FORWARD;
  for (int i = 0; node && node->text && thaw_directions[i]; i++) {
    if (strcmp(node->text, thaw_directions[i]) == 0) *direction = (thaw_direction)i;
  }
  free(resolved);
  thaw_arena_free(arena);
  return status;
}

static thaw_status read_source(thaw_context *ctx, const thaw_experiment *experiment,
                               const thaw_run_file *run, thaw_stage_source *source) {
  thaw_status status = forget_last_stage(ctx, run, source);
  if (status == THAW_OK) status = check_stage(ctx, run, source->stage);
  if (status == THAW_OK) status = check_tokenizer(ctx, experiment, run);
  if (status == THAW_OK) status = read_direction(ctx, run, &source->direction);
  if (status == THAW_OK) status = thaw_run_vocabulary(ctx, run, source->stage, &source->vocabulary);
  if (status == THAW_OK) {
    status = thaw_run_tokenizer_state(ctx, run, &source->tokenizer_state, &source->tokenizer_bytes);
  }
  return status;
}

static char *make_name(const char *path, const char *stage) {
  thaw_buffer name = {0};
  if (!thaw_buffer_format(&name, stage ? "%s (%s)" : "%s", path, stage)) thaw_buffer_free(&name);
  return name.data;
}

thaw_status thaw_stage_source_open(thaw_context *ctx, const thaw_experiment *experiment,
                                   const char *path, const char *stage, const char *name,
                                   thaw_stage_source *source) {
  *source = (thaw_stage_source){.name = name ? strdup(name) : make_name(path, stage),
                                .path = strdup(path),
                                .stage = stage ? strdup(stage) : NULL};
  if (!source->name || !source->path || (stage && !source->stage)) {
    thaw_stage_source_free(source);
    return thaw_fail_memory(ctx, strlen(path));
  }
  thaw_run_file *run = NULL;
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status == THAW_OK) status = read_source(ctx, experiment, run, source);
  thaw_run_close(run);
  if (status) thaw_stage_source_free(source);
  return status;
}

thaw_status thaw_stage_source_weights(thaw_context *ctx, thaw_stage_source *source) {
  thaw_run_file *run = NULL;
  thaw_status status = thaw_run_open(ctx, source->path, &run);
  if (status == THAW_OK) status = thaw_run_weights(ctx, run, source->stage, &source->params);
  thaw_run_close(run);
  return status;
}

void thaw_stage_source_free(thaw_stage_source *source) {
  free(source->name);
  free(source->path);
  free(source->stage);
  free(source->tokenizer_state);
  thaw_vocabulary_free(source->vocabulary);
  thaw_params_free(source->params);
  *source = (thaw_stage_source){0};
}

thaw_stage_origin thaw_stage_source_origin(const thaw_stage_source *source) {
  return (thaw_stage_origin){source->vocabulary, source->tokenizer_state, source->tokenizer_bytes};
}
