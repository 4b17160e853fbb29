/* inspection.c: a run file's parts, one after the other: what it is, its config, environment and
 * weights. What was measured stands in inspection_metrics.c, predictions in
 * inspection_predictions.c. */
#include "analysis/inspection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/inspection_parts.h"
#include "base/context.h"
#include "config/yaml.h"

thaw_table *thaw_inspection_add(inspection_reader *r, const char *name, const char *title,
                                int readers, const char *const *headings) {
  thaw_table *table = thaw_table_create();
  if (!table || r->inspection->count == THAW_INSPECTION_MOST) {
    thaw_table_free(table);
    thaw_fail_memory(r->ctx, sizeof *r->inspection);
    return NULL;
  }
  for (; *headings; headings++) thaw_table_column(table, *headings);
  r->inspection->parts[r->inspection->count++] =
      (thaw_inspection_part){.name = name,
                             .title = title,
                             .table = table,
                             .for_people = readers & FOR_PEOPLE,
                             .for_programs = readers & FOR_PROGRAMS};
  return table;
}

/* ---- What it is ------------------------------------------------------------------------------ */

static void add_pair(thaw_table *table, const char *key, const char *value) {
  thaw_table_text(table, key);
  thaw_table_text(table, value);
}

static void add_number(thaw_table *table, const char *key, double value, int decimals) {
  thaw_table_text(table, key);
  thaw_table_number(table, value, decimals);
}

static thaw_status add_counts(inspection_reader *r, thaw_table *table, const char *stage) {
  thaw_vocabulary *vocabulary = NULL;
  thaw_classes classes = {0};
  thaw_status status = THAW_OK;
  if (strcmp(stage, "average") != 0) {
    status = thaw_run_vocabulary(r->ctx, r->run, NULL, &vocabulary);
    if (status == THAW_OK)
      add_number(table, "vocabulary", (double)thaw_vocabulary_size(vocabulary), 0);
  }
  const bool classifier = strcmp(stage, "classify") == 0 || strcmp(stage, "average") == 0;
  if (status == THAW_OK && classifier) {
    status = thaw_run_classes(r->ctx, r->run, &classes);
    if (status == THAW_OK) add_number(table, "classes", (double)classes.count, 0);
  }
  thaw_vocabulary_free(vocabulary);
  thaw_classes_free(&classes);
  return status;
}

static thaw_status inspect_run(inspection_reader *r) {
  static const char *const headings[] = {"what", "value", NULL};
  char *name = NULL, *stage = NULL;
  thaw_table *table = thaw_inspection_add(r, "run", "", FOR_BOTH, headings);
  if (!table) return THAW_FAILED;
  thaw_status status = thaw_run_text(r->ctx, r->run, "name", &name);
  if (status == THAW_OK) status = thaw_run_text(r->ctx, r->run, "environment/stage", &stage);
  if (status == THAW_OK) {
    add_pair(table, "file", thaw_run_path(r->run));
    add_pair(table, "name", name);
    add_pair(table, "state", thaw_run_complete(r->run) ? "complete" : "unfinished");
    add_pair(table, "stage", stage);
    add_number(table, "seed", (double)thaw_run_seed(r->run), 0);
    add_number(table, "seconds", thaw_run_seconds(r->run), 1);
    char *kept = thaw_run_stages(r->run);
    if (kept && *kept) add_pair(table, "weights kept of", kept);
    free(kept);
    status = add_counts(r, table, stage);
  }
  free(name);
  free(stage);
  return status;
}

/* ---- Config and environment ------------------------------------------------------------------ */

/* Sections that decide most, each on a line; a stage is a line of its own. */
static thaw_status add_sections(inspection_reader *r, thaw_table *table, const thaw_node *parent,
                                const char *prefix) {
  static const char *const wanted[] = {"tokenizer", "encoder", "head", "average"};
  thaw_status status = THAW_OK;
  for (const thaw_node *node = parent ? parent->first : NULL; node && status == THAW_OK;
       node = node->next) {
    bool is_wanted = *prefix;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
      is_wanted |= strcmp(node->key, wanted[i]) == 0;
    if (!is_wanted) continue;
    thaw_buffer line = {0}, key = {0};
    status = thaw_node_write_line(r->ctx, node, false, &line);
    if (status == THAW_OK && !thaw_buffer_format(&key, "%s%s", prefix, node->key))
      status = thaw_fail_memory(r->ctx, 1);
    if (status == THAW_OK) add_pair(table, key.data, line.data);
    thaw_buffer_free(&line);
    thaw_buffer_free(&key);
  }
  return status;
}

static thaw_status inspect_config(inspection_reader *r) {
  static const char *const headings[] = {"section", "settings", NULL};
  thaw_inspection *inspection = r->inspection;
  thaw_node *root = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_table *table = thaw_inspection_add(r, "config", "config", FOR_BOTH, headings);
  thaw_status status = arena && table ? THAW_OK : thaw_fail_memory(r->ctx, 0);
  if (status == THAW_OK)
    status = thaw_run_text(r->ctx, r->run, "config/resolved", &inspection->resolved);
  if (status == THAW_OK)
    status = thaw_yaml_parse(r->ctx, arena, thaw_run_path(r->run), inspection->resolved,
                             strlen(inspection->resolved), &root);
  if (status == THAW_OK) status = add_sections(r, table, root, "");
  if (status == THAW_OK)
    status = add_sections(r, table, thaw_node_child(root, "stages"), "stages.");
  thaw_arena_free(arena);
  return status;
}

static thaw_status inspect_environment(inspection_reader *r) {
  static const char *const headings[] = {"environment", "value", NULL};
  char **keys = NULL;
  size_t count = 0;
  thaw_table *table = thaw_inspection_add(r, "environment", "environment", FOR_BOTH, headings);
  if (!table) return THAW_FAILED;
  thaw_status status = thaw_run_environment(r->ctx, r->run, &keys, &count);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    thaw_buffer part = {0};
    char *value = NULL;
    if (!thaw_buffer_format(&part, "environment/%s", keys[i]))
      status = thaw_fail_memory(r->ctx, strlen(keys[i]));
    if (status == THAW_OK) status = thaw_run_text(r->ctx, r->run, part.data, &value);
    if (status == THAW_OK) add_pair(table, keys[i], value);
    free(value);
    thaw_buffer_free(&part);
  }
  for (size_t i = 0; i < count; i++) free(keys[i]);
  free(keys);
  return status;
}

/* ---- Weights --------------------------------------------------------------------------------- */

/* "[1024][400]" */
static void write_shape(const thaw_tensor *tensor, char *text, size_t space) {
  size_t length = 0;
  text[0] = '\0';
  for (size_t i = 0; i < tensor->rank && length < space; i++)
    length += (size_t)snprintf(text + length, space - length, "[%zu]", tensor->shape[i]);
}

static thaw_status inspect_weights(inspection_reader *r) {
  static const char *const headings[] = {"group", "tensor", "shape", "numbers", "trained", NULL};
  thaw_params *params = NULL;
  if (!thaw_run_has_stage(r->run, NULL)) return THAW_OK;
  thaw_table *table = thaw_inspection_add(r, "weights", "weights", FOR_BOTH, headings);
  if (!table) return THAW_FAILED;
  thaw_status status = thaw_run_weights(r->ctx, r->run, NULL, &params);
  for (size_t g = 0; status == THAW_OK && g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      char shape[128];
      write_shape(group->params[i].tensor, shape, sizeof shape);
      thaw_table_text(table, group->name);
      thaw_table_text(table, group->params[i].name);
      thaw_table_text(table, shape);
      thaw_table_number(table, (double)thaw_size(group->params[i].tensor), 0);
      thaw_table_text(table, group->params[i].trained ? "yes" : "no");
    }
  }
  thaw_params_free(params);
  return status;
}

/* ---- All ------------------------------------------------------------------------------------- */

thaw_status thaw_inspection_read(thaw_context *ctx, const char *path, thaw_registry *registry,
                                 size_t documents, thaw_inspection *inspection) {
  thaw_run_file *run = NULL;
  *inspection = (thaw_inspection){0};
  thaw_status status = thaw_run_open(ctx, path, &run);
  inspection_reader r = {.ctx = ctx,
                         .run = run,
                         .registry = registry,
                         .documents = documents,
                         .inspection = inspection};
  if (status == THAW_OK) status = inspect_run(&r);
  if (status == THAW_OK) status = inspect_config(&r);
  if (status == THAW_OK) status = thaw_inspect_metrics(&r);
  if (status == THAW_OK) status = thaw_inspect_predictions(&r);
  if (status == THAW_OK) status = inspect_weights(&r);
  if (status == THAW_OK) status = inspect_environment(&r);
  thaw_run_close(run);
  if (status) thaw_inspection_free(inspection);
  return status;
}

void thaw_inspection_free(thaw_inspection *inspection) {
  for (size_t i = 0; i < inspection->count; i++) thaw_table_free(inspection->parts[i].table);
  free(inspection->resolved);
  *inspection = (thaw_inspection){0};
}
