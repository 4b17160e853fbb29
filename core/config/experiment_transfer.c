/* experiment_transfer.c: what a stage takes over. The short spellings (all, embedding, a list) and
 * the mapping come to the same, and the resolved tree has the shortest. */
#include <string.h>

#include "base/context.h"
#include "config/files.h"
#include "config/reading.h"
#include "config/resolve.h"

/* A transfer being read. */
typedef struct taking {
  const char *path;          /* stages.STAGE.transfer */
  const thaw_node *groups;   /* NULL: not written */
  thaw_transfer_values from; /* of the mapping */
} taking;

static bool is_word(const char *text) {
  return strcmp(text, "none") == 0 || strcmp(text, "all") == 0;
}

/* Names of groups depend on the encoder, so only their form is checked. */
static thaw_status check_groups(const thaw_reading *r, const taking *t, const thaw_value *value) {
  if (value->count == 0) {
    return thaw_reading_fail(r, t->groups, t->path, "",
                             "expected at least one group in the list, or none");
  }
  const thaw_node *node = value->is_list ? t->groups->first : t->groups;
  for (size_t i = 0; i < value->count; i++, node = node->next) {
    const char *text = value->texts[i];
    if (!*text) return thaw_reading_fail(r, node, t->path, "", "a group's name cannot be empty");
    if (value->is_list && is_word(text)) {
      return thaw_reading_fail(r, node, t->path, "", "'%s' cannot stand in a list of groups", text);
    }
    for (size_t j = 0; j < i; j++) {
      if (strcmp(value->texts[j], text) != 0) continue;
      return thaw_reading_fail(r, node, t->path, "", "the group '%s' stands here twice", text);
    }
  }
  return THAW_OK;
}

/* Fills in which groups; `value` receives the texts as they are to be resolved. */
static thaw_status read_groups(const thaw_reading *r, const taking *t, bool has_source,
                               thaw_transfer *transfer, thaw_value *value) {
  static const char *const words[] = {"none", "all"};
  *value = (thaw_value){.count = 1, .texts = &words[has_source]};
  if (t->groups) {
    thaw_status status = thaw_read_texts(r, t->groups, t->path, "", value);
    if (status == THAW_OK) status = check_groups(r, t, value);
    if (status != THAW_OK) return status;
  }
  const char *first = value->texts[0];
  transfer->none = !value->is_list && strcmp(first, "none") == 0;
  transfer->all = !value->is_list && strcmp(first, "all") == 0;
  if (!transfer->none && !transfer->all) {
    transfer->groups = value->texts;
    transfer->group_count = value->count;
  }
  if (value->count == 1) value->is_list = false;
  return THAW_OK;
}

/* The mapping's keys. What is resolved of them here is left out of the tree. */
static thaw_status read_map(const thaw_reading *r, const thaw_section *stage, taking *t) {
  const thaw_level *level = thaw_level_key(&thaw_schema, "stages")->level;
  level = thaw_level_key(level, stage->resolved->key)->level;
  level = thaw_level_key(level, "transfer")->level;
  thaw_node aside = {.kind = THAW_NODE_MAP, .file = stage->resolved->file};
  const thaw_section around = {stage->node, stage->path, &aside};
  thaw_section section;
  thaw_status status = thaw_section_open(r, &around, "transfer", &section);
  if (status == THAW_OK) status = thaw_section_check(r, &section, level, 0);
  if (status == THAW_OK) status = thaw_section_values(r, &section, level, 0, &t->from);
  if (status != THAW_OK) return status;
  t->groups = thaw_section_key(&section, "groups");
  if (t->from.stage && !t->from.from) {
    return thaw_reading_fail(r, thaw_section_key(&section, "stage"), t->path, "stage",
                             "is a stage of another run, which 'from' must name");
  }
  if (!t->from.from || r->restoring) return THAW_OK;
  status = thaw_file_check(r->ctx, t->from.from, false);
  if (status == THAW_OK) return status;
  return thaw_reading_explain(r, status, thaw_section_key(&section, "from"), t->path, "from");
}

static thaw_status resolve(const thaw_reading *r, const thaw_section *stage, const taking *t,
                           const thaw_transfer *transfer, const thaw_value *groups,
                           const thaw_node *node) {
  const thaw_node *at = t->groups ? t->groups : node;
  if (!transfer->from) {
    return thaw_resolve_texts(r->ctx, r->arena, stage->resolved, "transfer", groups, at);
  }
  thaw_node *map;
  thaw_status status =
      thaw_resolve_node(r->ctx, r->arena, stage->resolved, THAW_NODE_MAP, "transfer", node, &map);
  if (status == THAW_OK) {
    status = thaw_resolve_texts(r->ctx, r->arena, map, "groups", groups, t->groups);
  }
  if (status == THAW_OK) {
    status = thaw_resolve_text(r->ctx, r->arena, map, "from", transfer->from,
                               thaw_node_child(node, "from"));
  }
  if (status != THAW_OK || !transfer->stage) return status;
  return thaw_resolve_text(r->ctx, r->arena, map, "stage", transfer->stage,
                           thaw_node_child(node, "stage"));
}

thaw_status thaw_read_transfer(const thaw_reading *r, const thaw_section *stage, bool has_source,
                               thaw_transfer *transfer) {
  const thaw_node *node = thaw_section_key(stage, "transfer");
  const bool map = node && node->kind == THAW_NODE_MAP;
  taking t = {.groups = map ? NULL : node};
  t.path = thaw_reading_path(r, stage->path, "transfer");
  if (!t.path) return thaw_fail_memory(r->ctx, strlen(stage->path));
  thaw_status status = map ? read_map(r, stage, &t) : THAW_OK;
  thaw_value groups;
  has_source = has_source || t.from.from;
  if (status == THAW_OK) status = read_groups(r, &t, has_source, transfer, &groups);
  if (status != THAW_OK) return status;
  if (!transfer->none && !has_source) {
    return thaw_reading_fail(r, t.groups, t.path, "",
                             "there is nothing to take from: no stage comes before this one, and "
                             "'from' names no run");
  }
  if (!transfer->none) {
    transfer->from = t.from.from;
    transfer->stage = t.from.stage;
  }
  return resolve(r, stage, &t, transfer, &groups, node);
}
