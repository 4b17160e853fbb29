/* experiment_data.c: the section data: named data sets, and whether their files are there. */
#include <string.h>

#include "base/context.h"
#include "config/files.h"
#include "config/reading.h"
#include "config/resolve.h"
#include "text/encoding.h"

/* One path or each of a list. */
static thaw_status check_files(const thaw_reading *r, const thaw_section *section, const char *key,
                               bool folders) {
  const thaw_node *node = thaw_section_key(section, key);
  const thaw_node *path = node && node->kind == THAW_NODE_LIST ? node->first : node;
  while (path) {
    const thaw_status status = thaw_file_check(r->ctx, path->text, folders);
    if (status != THAW_OK) return thaw_reading_explain(r, status, path, section->path, key);
    path = node->kind == THAW_NODE_LIST ? path->next : NULL;
  }
  return THAW_OK;
}

static thaw_status check_all_files(const thaw_reading *r, const thaw_section *section,
                                   bool folders) {
  static const char *const keys[] = {"train", "valid", "test", "unlabelled"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys && !r->restoring; i++) {
    const thaw_status status = check_files(r, section, keys[i], folders);
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

static thaw_status check_encoding(const thaw_reading *r, const thaw_section *section,
                                  const char *encoding) {
  thaw_decoder *decoder = NULL;
  const thaw_status status = thaw_decoder_create(r->ctx, section->path, encoding, &decoder);
  thaw_decoder_free(decoder);
  if (status == THAW_OK) return status;
  return thaw_reading_explain(r, status, thaw_section_key(section, "encoding"), "", "");
}

static thaw_status read_dataset(const thaw_reading *r, const thaw_section *data,
                                const thaw_node *node, const thaw_level *level, thaw_dataset *set) {
  thaw_section section;
  thaw_status status = thaw_section_open(r, data, node->key, &section);
  if (status != THAW_OK) return status;
  if (!*node->key || strpbrk(node->key, "./")) {
    return thaw_reading_fail(r, node, section.path, "",
                             "the name of a data set is not empty and has no dot or slash");
  }
  thaw_dataset_values values = {0};
  status = thaw_section_check(r, &section, level, 0);
  if (status == THAW_OK) status = thaw_section_values(r, &section, level, 0, &values);
  if (status != THAW_OK) return status;
  *set = values.set;
  set->name = node->key;
  set->common.format = (thaw_format)thaw_choice_index(level->variants, values.format);
  set->train = values.train.values;
  set->train_count = values.train.count;
  set->unlabelled = values.unlabelled.values;
  set->unlabelled_count = values.unlabelled.count;
  status = check_encoding(r, &section, set->common.encoding);
  if (status != THAW_OK) return status;
  return check_all_files(r, &section, set->common.format == THAW_FORMAT_FOLDER);
}

thaw_status thaw_read_datasets(thaw_reading *r, const thaw_section *top) {
  const thaw_key *key = thaw_level_key(&thaw_schema, "data");
  thaw_experiment *experiment = r->experiment;
  thaw_section data;
  thaw_status status = thaw_section_open(r, top, "data", &data);
  if (status != THAW_OK) return status;
  size_t count = 0;
  for (const thaw_node *node = data.node->first; node; node = node->next) count++;
  if (count == 0) return thaw_reading_fail(r, data.node, "data", "", "there is no data set");
  experiment->datasets = thaw_arena_zalloc(r->arena, count * sizeof *experiment->datasets);
  if (!experiment->datasets) return thaw_fail_memory(r->ctx, count * sizeof(thaw_dataset));
  for (const thaw_node *node = data.node->first; node; node = node->next) {
    status =
        read_dataset(r, &data, node, key->level, &experiment->datasets[experiment->dataset_count]);
    if (status != THAW_OK) return status;
    experiment->dataset_count++;
  }
  return THAW_OK;
}
