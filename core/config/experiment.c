/* experiment.c: from a config's tree to an experiment, the top level and the whole. */
#include "config/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "config/files.h"
#include "config/merge.h"
#include "config/reading.h"
#include "config/resolve.h"
#include "config/sweep.h"

/* ---- The top level -------------------------------------------------------------------------- */

/* The name becomes part of file names. */
static thaw_status read_name(const thaw_reading *r, const thaw_section *top) {
  thaw_experiment *experiment = r->experiment;
  if (experiment->name) {
    if (!strchr(experiment->name, '/') && experiment->name[0] != '.') return THAW_OK;
    return thaw_reading_fail(r, thaw_section_key(top, "name"), "", "name",
                             "expected a name without a slash and without a dot in front, found "
                             "'%s'",
                             experiment->name);
  }
  char *stem = thaw_path_stem(experiment->path);
  experiment->name = stem ? thaw_arena_strdup(r->arena, stem) : NULL;
  free(stem);
  if (!experiment->name) return thaw_fail_memory(r->ctx, strlen(experiment->path));
  return thaw_resolve_text(r->ctx, r->arena, top->resolved, "name", experiment->name, NULL);
}

/* A plugin's section at the top, if it is there. */
static thaw_status read_plugin(const thaw_reading *r, const thaw_section *top, const char *name,
                               thaw_plugin_use *use) {
  const thaw_key *key = thaw_level_key(&thaw_schema, name);
  if (!thaw_section_key(top, name)) return THAW_OK;
  thaw_section section;
  const thaw_status status = thaw_section_open(r, top, name, &section);
  if (status != THAW_OK) return status;
  return thaw_section_plugin(r, &section, key, r->experiment, use);
}

static thaw_status check_average(const thaw_reading *r, const thaw_section *top) {
  const thaw_texts *runs = &r->experiment->average;
  const thaw_node *node = thaw_section_key(top, "average");
  if (runs->count < 2) {
    return thaw_reading_fail(r, node, "", "average", "expected two run files or more, found %s",
                             runs->count ? "one" : "none");
  }
  const thaw_node *item = node->first;
  for (size_t i = 0; i < runs->count && !r->restoring; i++, item = item->next) {
    for (size_t k = 0; k < i; k++) {
      if (strcmp(runs->values[i], runs->values[k]) == 0)
        return thaw_reading_fail(r, item, "", "average", "%s is named twice", runs->values[i]);
    }
    const thaw_status status = thaw_file_check(r->ctx, runs->values[i], false);
    if (status != THAW_OK) return thaw_reading_explain(r, status, item, "", "average");
  }
  return THAW_OK;
}

/* Data, plugins and stages. */
static thaw_status read_training(thaw_reading *r, const thaw_section *top) {
  thaw_experiment *experiment = r->experiment;
  thaw_status status = thaw_read_datasets(r, top);
  if (status == THAW_OK) status = read_plugin(r, top, "tokenizer", &experiment->tokenizer);
  if (status == THAW_OK) status = read_plugin(r, top, "encoder", &experiment->encoder);
  if (status == THAW_OK) status = read_plugin(r, top, "head", &experiment->head);
  return status == THAW_OK ? thaw_read_stages(r, top) : status;
}

static thaw_status read_all(thaw_reading *r, const thaw_node *root) {
  thaw_experiment *experiment = r->experiment;
  thaw_node *resolved = thaw_arena_zalloc(r->arena, sizeof *resolved);
  if (!resolved) return thaw_fail_memory(r->ctx, sizeof *resolved);
  *resolved = (thaw_node){.kind = THAW_NODE_MAP, .file = experiment->path};
  experiment->resolved = resolved;
  const thaw_section top = {root, "", resolved};
  const bool average = thaw_section_key(&top, "average") != NULL;
  thaw_status status = thaw_section_check(r, &top, &thaw_schema, average);
  if (status == THAW_OK) status = thaw_section_values(r, &top, &thaw_schema, average, experiment);
  if (status == THAW_OK) status = read_name(r, &top);
  if (status == THAW_OK) status = average ? check_average(r, &top) : read_training(r, &top);
  if (status == THAW_OK) status = thaw_read_slurm(r, &top);
  thaw_section_order(&top, &thaw_schema);
  return status;
}

/* ---- Load, restore, free -------------------------------------------------------------------- */

/* An empty experiment with an arena of its own. */
static thaw_status create(thaw_context *ctx, const char *path, thaw_experiment **experiment) {
  thaw_arena *arena = thaw_arena_create();
  thaw_experiment *made = arena ? thaw_arena_zalloc(arena, sizeof *made) : NULL;
  if (made) made->path = thaw_arena_strdup(arena, path);
  if (!made || !made->path) {
    thaw_arena_free(arena);
    return thaw_fail_memory(ctx, sizeof *made);
  }
  made->arena = arena;
  *experiment = made;
  return THAW_OK;
}

/* Hands over what is complete, and frees what is not. */
static thaw_status finish(thaw_status status, thaw_experiment *made, thaw_experiment **experiment) {
  if (status == THAW_OK) {
    *experiment = made;
  } else {
    thaw_experiment_free(made);
  }
  return status;
}

/* `restoring`: what the config names need not be there. */
static thaw_status load(thaw_context *ctx, const char *path, size_t set_count,
                        const char *const *sets, bool restoring, thaw_registry *registry,
                        thaw_experiment **experiment) {
  *experiment = NULL;
  thaw_experiment *made = NULL;
  thaw_status status = create(ctx, path, &made);
  if (status != THAW_OK) return status;
  thaw_reading r = {.ctx = ctx,
                    .arena = made->arena,
                    .registry = registry,
                    .experiment = made,
                    .restoring = restoring};
  thaw_node *root;
  status = thaw_config_load(ctx, made->arena, path, set_count, sets, &root, &made->written);
  if (status == THAW_OK) status = thaw_sweep_refuse_open(ctx, root, set_count, sets);
  if (status == THAW_OK) status = thaw_sweep_place(ctx, root, set_count, sets);
  if (status == THAW_OK) status = read_all(&r, root);
  return finish(status, made, experiment);
}

thaw_status thaw_experiment_load(thaw_context *ctx, const char *path, size_t set_count,
                                 const char *const *sets, thaw_registry *registry,
                                 thaw_experiment **experiment) {
  return load(ctx, path, set_count, sets, false, registry, experiment);
}

thaw_status thaw_experiment_load_untrained(thaw_context *ctx, const char *path, size_t set_count,
                                           const char *const *sets, thaw_registry *registry,
                                           thaw_experiment **experiment) {
  return load(ctx, path, set_count, sets, true, registry, experiment);
}

thaw_status thaw_experiment_restore(thaw_context *ctx, const char *path, const char *resolved,
                                    thaw_registry *registry, thaw_experiment **experiment) {
  *experiment = NULL;
  thaw_experiment *made = NULL;
  thaw_status status = create(ctx, path, &made);
  if (status != THAW_OK) return status;
  thaw_reading r = {.ctx = ctx,
                    .arena = made->arena,
                    .registry = registry,
                    .experiment = made,
                    .restoring = true};
  thaw_node *root;
  made->written = thaw_arena_strdup(made->arena, resolved);
  if (!made->written) status = thaw_fail_memory(ctx, strlen(resolved));
  if (status == THAW_OK) {
    status = thaw_yaml_parse(ctx, made->arena, made->path, resolved, strlen(resolved), &root);
  }
  if (status == THAW_OK && root->kind != THAW_NODE_MAP) {
    status = thaw_fail_at(ctx, path, 0, 0, "the config in it is no mapping");
  }
  if (status == THAW_OK) status = read_all(&r, root);
  return finish(status, made, experiment);
}

void thaw_experiment_free(thaw_experiment *experiment) {
  if (experiment) thaw_arena_free(experiment->arena);
}

/* ---- Afterwards ----------------------------------------------------------------------------- */

/* The node of `key`, or of the nearest section around it. */
static thaw_node position_of(const thaw_experiment *experiment, const char *key) {
  thaw_node at = thaw_resolved_position(experiment->resolved);
  const thaw_node *found = thaw_node_find(experiment->resolved, key);
  char *part = found ? NULL : strdup(key);
  if (found) at = *found;
  for (char *dot; part && (dot = strrchr(part, '.'));) {
    *dot = '\0';
    found = thaw_node_find(experiment->resolved, part);
    if (!found) continue;
    at = thaw_resolved_position(found);
    break;
  }
  free(part);
  return at;
}

thaw_status thaw_experiment_fail(thaw_context *ctx, const thaw_experiment *experiment,
                                 const char *key, const char *format, ...) {
  const thaw_node at = position_of(experiment, key);
  va_list arguments;
  va_start(arguments, format);
  thaw_fail_node(ctx, &at, key, "", format, arguments);
  va_end(arguments);
  return THAW_INVALID;
}

thaw_status thaw_experiment_explain(thaw_context *ctx, thaw_status status,
                                    const thaw_experiment *experiment, const char *key) {
  char *reason = strdup(thaw_error(ctx));
  if (reason) thaw_experiment_fail(ctx, experiment, key, "%s", reason);
  free(reason);
  return status;
}

thaw_status thaw_experiment_part(thaw_context *ctx, const thaw_experiment *experiment,
                                 const char *part, thaw_buffer *out) {
  const thaw_node *node = thaw_node_find(experiment->resolved, part);
  return node ? thaw_node_write(ctx, node, true, out) : THAW_OK;
}
