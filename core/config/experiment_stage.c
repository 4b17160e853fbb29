/* experiment_stage.c: the section stages, stage by stage. */
#include <string.h>

#include "base/context.h"
#include "config/reading.h"
#include "config/resolve.h"

/* A stage being read. */
typedef struct reading_stage {
  thaw_section section;
  const thaw_level *level;
  thaw_stage_values values;
  thaw_stage_config *config;
} reading_stage;

/* Adds a value that depends on other keys, unless the user wrote it. */
static thaw_status resolve_derived(const thaw_reading *r, const reading_stage *s, const char *key,
                                   const void *values) {
  if (thaw_section_key(&s->section, key)) return THAW_OK;
  return thaw_resolve_setting(r->ctx, r->arena, s->section.resolved,
                              &thaw_level_key(s->level, key)->value, values, NULL);
}

/* ---- Data ----------------------------------------------------------------------------------- */

static thaw_status fail_no_dataset(const thaw_reading *r, const reading_stage *s) {
  const thaw_experiment *experiment = r->experiment;
  const size_t count = experiment->dataset_count;
  const char **names = thaw_arena_alloc(r->arena, count * sizeof *names);
  if (!names) return thaw_fail_memory(r->ctx, count * sizeof *names);
  thaw_buffer list = {0};
  for (size_t i = 0; i < count; i++) {
    names[i] = experiment->datasets[i].name;
    thaw_buffer_format(&list, "%s%s", i ? ", " : "", names[i]);
  }
  const char *near = thaw_nearest(s->values.data, names, count);
  thaw_reading_fail(r, thaw_section_key(&s->section, "data"), s->section.path, "data",
                    "there is no data set '%s'%s%s%s", s->values.data,
                    near ? " (did you mean '" : "; there are: ", near ? near : list.data,
                    near ? "'?)" : "");
  thaw_buffer_free(&list);
  return THAW_INVALID;
}

static bool has_labels(const thaw_dataset *set) {
  return set->common.label || set->common.format == THAW_FORMAT_FOLDER ||
         set->common.format == THAW_FORMAT_LABELLED;
}

static thaw_status find_data(const thaw_reading *r, reading_stage *s) {
  const thaw_experiment *experiment = r->experiment;
  for (size_t i = 0; i < experiment->dataset_count && !s->config->data; i++) {
    const thaw_dataset *set = &experiment->datasets[i];
    if (strcmp(set->name, s->values.data) == 0) s->config->data = set;
  }
  if (!s->config->data) return fail_no_dataset(r, s);
  if (s->config->kind != THAW_STAGE_CLASSIFY || has_labels(s->config->data)) return THAW_OK;
  return thaw_reading_fail(r, thaw_section_key(&s->section, "data"), s->section.path, "data",
                           "the data set '%s' has no labels: it needs the key 'label', or the "
                           "format folder or labelled",
                           s->values.data);
}

static bool has_validation(const reading_stage *s) {
  return s->config->data->valid || s->config->data->valid_fraction > 0;
}

/* Fails: what was written at the key of the section needs validation data. */
static thaw_status fail_unvalidated(const thaw_reading *r, const reading_stage *s,
                                    const thaw_section *section, const char *key,
                                    const char *what) {
  return thaw_reading_fail(r, thaw_section_key(section, key), section->path, key,
                           "%s needs validation data, and the data set '%s' has neither valid nor "
                           "valid_fraction",
                           what, s->values.data);
}

/* keep: which epoch's weights the stage ends with; patience: when it ends. */
static thaw_status read_keep(const thaw_reading *r, reading_stage *s) {
  const bool classifies = s->config->kind == THAW_STAGE_CLASSIFY;
  const bool prefers = s->config->patience > 0 || (classifies && has_validation(s));
  if (s->config->patience > 0 && !has_validation(s))
    return fail_unvalidated(r, s, &s->section, "patience", "it");
  if (!s->values.keep) s->values.keep = prefers ? "best" : "last";
  s->config->best_epoch = strcmp(s->values.keep, "best") == 0;
  if (s->config->best_epoch && !has_validation(s))
    return fail_unvalidated(r, s, &s->section, "keep", "'best'");
  return resolve_derived(r, s, "keep", &s->values);
}

/* ---- What a classifier's documents count for ------------------------------------------------- */

/* One of the words. */
static thaw_status read_weighting(const thaw_reading *r, reading_stage *s, const thaw_key *key,
                                  const thaw_node *node) {
  thaw_param_spec spec = key->value;
  spec.type = THAW_PARAM_CHOICE;
  const char *choice = NULL;
  thaw_value value = {.count = 1, .texts = &spec.default_value};
  thaw_status status =
      node ? thaw_read_texts(r, node, s->section.path, spec.name, &value) : THAW_OK;
  if (status == THAW_OK) {
    status = thaw_settings_set(r->ctx, r->arena, &spec, &choice, &value);
    if (status) return thaw_reading_explain(r, status, node, s->section.path, spec.name);
  }
  if (status != THAW_OK) return status;
  s->config->class_weights.kind =
      (thaw_class_weights_kind)thaw_choice_index(key->value.choices, choice);
  return thaw_resolve_setting(r->ctx, r->arena, s->section.resolved, &spec, &choice, node);
}

/* Weights by class. Which classes there are is known when the data are read. */
static thaw_status read_weights(const thaw_reading *r, reading_stage *s, const thaw_key *key,
                                const thaw_node *node) {
  size_t count = 0;
  for (const thaw_node *child = node->first; child; child = child->next) count++;
  const char **names = thaw_arena_alloc(r->arena, (count + 1) * sizeof *names);
  double *weights = thaw_arena_alloc(r->arena, (count + 1) * sizeof *weights);
  const char *path = thaw_reading_path(r, s->section.path, key->value.name);
  if (!names || !weights || !path) return thaw_fail_memory(r->ctx, count * sizeof *names);
  thaw_node *resolved;
  thaw_status status = thaw_resolve_node(r->ctx, r->arena, s->section.resolved, THAW_NODE_MAP,
                                         key->value.name, node, &resolved);
  size_t i = 0;
  for (const thaw_node *child = node->first; child && status == THAW_OK; child = child->next, i++) {
    const thaw_param_spec spec = {
        .name = child->key, .type = THAW_PARAM_REAL, .minimum = 1e-6, .maximum = 1e6};
    thaw_value value;
    names[i] = child->key;
    status = thaw_read_texts(r, child, path, child->key, &value);
    if (status != THAW_OK) return status;
    status = thaw_settings_set(r->ctx, r->arena, &spec, &weights[i], &value);
    if (status != THAW_OK) return thaw_reading_explain(r, status, child, path, child->key);
    status = thaw_resolve_setting(r->ctx, r->arena, resolved, &spec, &weights[i], child);
  }
  s->config->class_weights = (thaw_class_weights){THAW_CLASS_WEIGHTS_GIVEN, names, weights, count};
  return status;
}

static thaw_status read_class_weights(const thaw_reading *r, reading_stage *s) {
  const thaw_key *key = thaw_level_key(s->level, "class_weights");
  const thaw_node *node = thaw_section_key(&s->section, "class_weights");
  if (s->config->kind != THAW_STAGE_CLASSIFY) return THAW_OK;
  return node && node->kind == THAW_NODE_MAP ? read_weights(r, s, key, node)
                                             : read_weighting(r, s, key, node);
}

/* ---- Optimizer and schedule ----------------------------------------------------------------- */

/* What a range cannot express. */
static thaw_status check_optimizer(const thaw_reading *r, const reading_stage *s,
                                   const thaw_section *section) {
  const thaw_optimizer_config *config = &s->config->optimizer;
  if (config->nesterov && config->momentum <= 0) {
    return thaw_reading_fail(r, thaw_section_key(section, "nesterov"), section->path, "nesterov",
                             "needs a momentum above 0");
  }
  if (config->kind == THAW_OPTIMIZER_NT_ASGD && !has_validation(s))
    return fail_unvalidated(r, s, section, "name", "nt_asgd");
  return THAW_OK;
}

static thaw_status read_optimizer(const thaw_reading *r, reading_stage *s) {
  const thaw_level *level = thaw_level_key(s->level, "optimizer")->level;
  thaw_optimizer_values values = {0};
  thaw_section section;
  thaw_status status = thaw_section_open(r, &s->section, "optimizer", &section);
  if (status == THAW_OK) status = thaw_section_check(r, &section, level, 0);
  if (status == THAW_OK) status = thaw_section_values(r, &section, level, 0, &values);
  if (status != THAW_OK) return status;
  s->config->optimizer = values.config;
  thaw_optimizer_config *config = &s->config->optimizer;
  config->kind = (thaw_optimizer_kind)thaw_choice_index(level->variants, values.name);
  if (config->kind == THAW_OPTIMIZER_NT_ASGD) config->momentum = 0;
  return check_optimizer(r, s, &section);
}

static thaw_status read_schedule(const thaw_reading *r, reading_stage *s) {
  const thaw_key *key = thaw_level_key(s->level, "schedule");
  const thaw_node *node = thaw_section_key(&s->section, "schedule");
  if (node && node->kind != THAW_NODE_LIST) {
    return thaw_reading_fail(r, node, s->section.path, "schedule",
                             "expected a list of plugins: [{plugin: NAME}, …]");
  }
  thaw_node *list;
  thaw_status status = thaw_resolve_node(r->ctx, r->arena, s->section.resolved, THAW_NODE_LIST,
                                         "schedule", node, &list);
  if (status != THAW_OK) return status;
  size_t count = 0;
  for (const thaw_node *item = node ? node->first : NULL; item; item = item->next) count++;
  thaw_plugin_use *chain = thaw_arena_zalloc(r->arena, count * sizeof *chain);
  const char *path = thaw_reading_path(r, s->section.path, "schedule");
  if (!chain || !path) return thaw_fail_memory(r->ctx, count * sizeof *chain);
  s->config->schedule = chain;
  for (const thaw_node *item = node ? node->first : NULL; item; item = item->next) {
    const size_t number = s->config->schedule_count;
    thaw_section section;
    status = thaw_section_item(r, item, path, number, list, &section);
    if (status == THAW_OK) status = thaw_section_plugin(r, &section, key, NULL, &chain[number]);
    if (status != THAW_OK) return status;
    s->config->schedule_count++;
  }
  return THAW_OK;
}

/* ---- Transfer ------------------------------------------------------------------------------- */

static thaw_status read_vocabulary(const thaw_reading *r, reading_stage *s) {
  const thaw_key *key = thaw_level_key(s->level, "vocabulary");
  const bool none = s->config->transfer.none;
  if (!s->values.vocabulary) s->values.vocabulary = none ? "target" : "both";
  s->config->vocabulary =
      (thaw_vocabulary_kind)thaw_choice_index(key->value.choices, s->values.vocabulary);
  if (none && s->config->vocabulary != THAW_VOCABULARY_TARGET) {
    return thaw_reading_fail(r, thaw_section_key(&s->section, "vocabulary"), s->section.path,
                             "vocabulary",
                             "'%s' needs a transfer; where that is none, only 'target' is possible",
                             s->values.vocabulary);
  }
  return resolve_derived(r, s, "vocabulary", &s->values);
}

/* ---- What differs from the top -------------------------------------------------------------- */

/* A mapping in which nothing stands is the same as none. */
static void drop_if_empty(thaw_node *parent, const thaw_node *child) {
  for (thaw_node **place = &parent->first; *place; place = &(*place)->next) {
    if (*place != child) continue;
    if (!child->first) *place = child->next;
    return;
  }
}

static thaw_status read_overrides(const thaw_reading *r, reading_stage *s, const char *key,
                                  const thaw_plugin_use *use, void **settings) {
  *settings = use->settings;
  if (!thaw_section_key(&s->section, key)) return THAW_OK;
  thaw_section section;
  thaw_status status = thaw_section_open(r, &s->section, key, &section);
  if (status == THAW_OK) status = thaw_section_overrides(r, &section, use, settings);
  if (status == THAW_OK) drop_if_empty(s->section.resolved, section.resolved);
  return status;
}

static thaw_status read_head(const thaw_reading *r, reading_stage *s) {
  const thaw_experiment *experiment = r->experiment;
  if (s->config->kind != THAW_STAGE_CLASSIFY) return THAW_OK;
  if (!experiment->head.plugin) {
    const thaw_node at = thaw_resolved_position(s->section.resolved);
    return thaw_reading_fail(r, &at, s->section.path, "",
                             "a classifier needs a head: the key 'head' is missing at the top");
  }
  return read_overrides(r, s, "head", &experiment->head, &s->config->head_settings);
}

/* ---- All stages ----------------------------------------------------------------------------- */

static thaw_status read_stage(thaw_reading *r, const thaw_section *stages, thaw_stage_kind kind,
                              bool has_source) {
  thaw_experiment *experiment = r->experiment;
  reading_stage s = {.config = &experiment->stages[kind]};
  const char *name = thaw_stage_names[kind];
  const thaw_level *level = thaw_level_key(&thaw_schema, "stages")->level;
  s.level = thaw_level_key(level, name)->level;
  s.values.config =
      (thaw_stage_config){.present = true, .kind = kind, .name = name, .seed = experiment->seed};
  r->stage = kind;
  thaw_status status = thaw_section_open(r, stages, name, &s.section);
  if (status == THAW_OK) status = thaw_section_check(r, &s.section, s.level, kind);
  if (status == THAW_OK) status = thaw_section_values(r, &s.section, s.level, kind, &s.values);
  if (status != THAW_OK) return status;
  *s.config = s.values.config;
  status = resolve_derived(r, &s, "seed", &s.values);
  if (status == THAW_OK) status = find_data(r, &s);
  if (status == THAW_OK) status = read_keep(r, &s);
  if (status == THAW_OK) status = read_class_weights(r, &s);
  if (status == THAW_OK) status = read_optimizer(r, &s);
  if (status == THAW_OK) status = read_schedule(r, &s);
  if (status == THAW_OK) {
    status = thaw_read_transfer(r, &s.section, has_source, &s.config->transfer);
  }
  if (status == THAW_OK) status = read_vocabulary(r, &s);
  if (status == THAW_OK) {
    status = read_overrides(r, &s, "encoder", &experiment->encoder, &s.config->encoder_settings);
  }
  if (status == THAW_OK) status = read_head(r, &s);
  thaw_section_order(&s.section, s.level);
  return status;
}

thaw_status thaw_read_stages(thaw_reading *r, const thaw_section *top) {
  const thaw_key *key = thaw_level_key(&thaw_schema, "stages");
  thaw_section stages;
  thaw_status status = thaw_section_open(r, top, "stages", &stages);
  if (status == THAW_OK) status = thaw_section_check(r, &stages, key->level, 0);
  bool has_source = false;
  for (int kind = 0; kind < THAW_STAGE_KINDS && status == THAW_OK; kind++) {
    if (!thaw_section_key(&stages, thaw_stage_names[kind])) continue;
    status = read_stage(r, &stages, (thaw_stage_kind)kind, has_source);
    has_source = true;
  }
  if (status != THAW_OK || has_source) return status;
  const thaw_node at = thaw_resolved_position(stages.resolved);
  return thaw_reading_fail(r, &at, "stages", "",
                           "no stage is given; there are: pretrain, finetune, classify");
}
