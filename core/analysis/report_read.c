/* report_read.c: run files into strategies: sums over seeds, and of the first seed the schedule. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_parts.h"
#include "base/context.h"
#include "config/yaml.h"
#include "store/runfile.h"

enum {
  MOST_POINTS = 240,  /* of a curve of rates */
  MOST_CLASSES = 40,  /* of a confusion matrix */
  LONGEST_VALUE = 48, /* bytes of a setting in a label */
};

/* ---- Spreads --------------------------------------------------------------------------------- */

void thaw_report_spread_add(report_spread *spread, double value) {
  if (!isfinite(value)) return;
  const bool first = spread->count++ == 0;
  spread->sum += value;
  if (first || value < spread->low) spread->low = value;
  if (first || value > spread->high) spread->high = value;
}

double thaw_report_spread_mean(const report_spread *spread) {
  return spread->count ? spread->sum / (double)spread->count : NAN;
}

/* ---- Strategies ------------------------------------------------------------------------------ */

static thaw_status no_memory(const report_data *data) {
  return thaw_fail_memory(data->ctx, 0);
}

/* "concat · all": the settings that tell the strategies apart, or their names where `run` is
 * SIZE_MAX. */
static char *join_values(const report_data *data, size_t run) {
  const thaw_comparison *c = data->comparison;
  thaw_buffer text = {0};
  bool ok = thaw_buffer_text(&text, ""), first = true;
  for (size_t i = 0; ok && i < c->difference_count; i++) {
    const thaw_difference *d = &c->differences[i];
    if (d->is_seed) continue;
    const char *value = run == SIZE_MAX ? d->heading : d->values[run];
    if (!value) value = "–";
    const bool longer = strlen(value) > LONGEST_VALUE;
    size_t bytes = longer ? LONGEST_VALUE : strlen(value);
    while (longer && bytes > 0 && ((unsigned char)value[bytes] & 0xc0) == 0x80) bytes--;
    ok = thaw_buffer_text(&text, first ? "" : " · ") && thaw_buffer_append(&text, value, bytes) &&
         thaw_buffer_text(&text, longer ? "…" : "");
    first = false;
  }
  char *joined = ok ? thaw_arena_strdup(data->arena, text.data) : NULL;
  thaw_buffer_free(&text);
  return joined;
}

static thaw_status make_strategies(report_data *data) {
  data->strategies = thaw_arena_zalloc(data->arena, (data->count + 1) * sizeof *data->strategies);
  data->label_keys = join_values(data, SIZE_MAX);
  if (!data->strategies || !data->label_keys) return no_memory(data);
  for (size_t i = 0; i < data->count; i++) {
    data->strategies[i].row = &data->rows[i];
    data->strategies[i].label = join_values(data, data->rows[i].run);
    if (!data->strategies[i].label) return no_memory(data);
    if (!*data->strategies[i].label) data->strategies[i].label = "all runs";
  }
  return THAW_OK;
}

/* stage_count: it has none of that name. */
static size_t find_stage(const report_strategy *strategy, const char *name) {
  size_t i = 0;
  while (i < strategy->stage_count && strcmp(strategy->stages[i].name, name) != 0) i++;
  return i;
}

const report_stage *thaw_report_stage(const report_strategy *strategy, const char *name) {
  const size_t i = find_stage(strategy, name);
  return i < strategy->stage_count ? &strategy->stages[i] : NULL;
}

size_t thaw_report_kinds(const report_data *data, report_same *same, const void *user,
                         size_t *first) {
  size_t kinds = 0;
  for (size_t i = 0; i < data->count; i++) {
    const report_strategy *strategy = &data->strategies[i];
    first[i] = same(strategy, strategy, user) ? i : SIZE_MAX;
    for (size_t k = 0; first[i] == i && k < i; k++) {
      if (first[k] == k && same(&data->strategies[k], strategy, user)) first[i] = k;
    }
    kinds += first[i] == i;
  }
  return kinds;
}

/* The documents on which most runs were tested. */
static void choose_reference(report_data *data) {
  const thaw_compared_run *runs = data->comparison->runs;
  size_t most = 0;
  for (size_t i = 0; i < data->count; i++) {
    const char *gold = runs[data->rows[i].run].gold;
    size_t tested = 0;
    for (size_t k = 0; k < data->count; k++)
      if (strcmp(runs[data->rows[k].run].gold, gold) == 0) tested += data->rows[k].seeds;
    if (tested <= most) continue;
    most = tested;
    data->reference = runs[data->rows[i].run].path;
    data->split = runs[data->rows[i].run].split;
    for (size_t k = 0; k < data->count; k++)
      data->strategies[k].on_reference = strcmp(runs[data->rows[k].run].gold, gold) == 0;
  }
}

/* ---- Metrics --------------------------------------------------------------------------------- */

/* The rates at evenly spaced steps; the last ones stand once more for the stage's end. */
static bool take_rates(report_data *data, const thaw_series *series, report_stage *stage) {
  const size_t steps = series->step_count;
  const size_t evenly = steps < MOST_POINTS ? steps : MOST_POINTS;
  stage->step_count = (int64_t)steps;
  stage->point_count = steps ? evenly + 1 : 0;
  stage->steps = thaw_arena_alloc(data->arena, (stage->point_count + 1) * sizeof *stage->steps);
  if (!stage->steps) return false;
  for (size_t g = 0; g < stage->group_count; g++) {
    stage->groups[g].rates = thaw_arena_alloc(data->arena, (evenly + 2) * sizeof(double));
    if (!stage->groups[g].rates) return false;
  }
  for (size_t i = 0; i < stage->point_count; i++) {
    const bool end = i == evenly;
    const size_t step = evenly < 2 || end ? steps - 1 : i * (steps - 1) / (evenly - 1);
    stage->steps[i] = (double)(step + end);
    for (size_t g = 0; g < stage->group_count; g++)
      stage->groups[g].rates[i] = series->rates[step * stage->group_count + g];
  }
  return true;
}

static bool take_groups(report_data *data, const thaw_series *series, report_stage *stage) {
  stage->group_count = series->group_count;
  stage->groups = thaw_arena_zalloc(data->arena, (series->group_count + 1) * sizeof *stage->groups);
  if (!stage->groups) return false;
  for (size_t g = 0; g < series->group_count; g++) {
    report_group *group = &stage->groups[g];
    group->name = thaw_arena_strdup(data->arena, series->groups[g]);
    if (!group->name) return false;
    size_t step = 0;
    while (step < series->step_count && !(series->rates[step * series->group_count + g] > 0))
      step++;
    const bool found = step < series->step_count;
    group->thawed = found ? (int64_t)step : -1;
    group->thawed_epoch = found ? series->steps[step].epoch : -1;
  }
  return take_rates(data, series, stage);
}

static bool take_moved(report_data *data, const thaw_series *series, report_stage *stage) {
  const size_t count = series->moved_count;
  stage->moved_count = count;
  stage->moved = thaw_arena_zalloc(data->arena, (count + 1) * sizeof *stage->moved);
  stage->taken = thaw_arena_zalloc(data->arena, count + 1);
  if (!stage->moved || !stage->taken) return false;
  for (size_t g = 0; g < count; g++) {
    stage->taken[g] = series->taken[g];
    stage->moved[g] = thaw_arena_strdup(data->arena, series->moved[g]);
    if (!stage->moved[g]) return false;
  }
  return true;
}

/* Room for so many epochs; what is there stays. */
static bool grow_epochs(report_data *data, report_stage *stage, size_t count) {
  const size_t moved = stage->moved_count;
  if (count <= stage->epoch_count && stage->measures) return true;
  report_spread(*measures)[REPORT_MEASURES] =
      thaw_arena_zalloc(data->arena, (count + 1) * sizeof *measures);
  report_spread *distances =
      thaw_arena_zalloc(data->arena, (count * moved + 1) * sizeof *distances);
  if (!measures || !distances) return false;
  if (stage->epoch_count) {
    memcpy(measures, stage->measures, stage->epoch_count * sizeof *measures);
    memcpy(distances, stage->distances, stage->epoch_count * moved * sizeof *distances);
  }
  stage->measures = measures;
  stage->distances = distances;
  stage->epoch_count = count;
  return true;
}

static bool add_series(report_data *data, report_strategy *strategy, const thaw_series *series) {
  const size_t place = find_stage(strategy, series->stage);
  if (place == THAW_STAGE_KINDS) return true;
  report_stage *stage = &strategy->stages[place];
  if (place == strategy->stage_count) {
    strategy->stage_count++;
    stage->name = thaw_arena_strdup(data->arena, series->stage);
    if (!stage->name || !take_groups(data, series, stage) || !take_moved(data, series, stage))
      return false;
  }
  if (!grow_epochs(data, stage, series->epoch_count)) return false;
  for (size_t e = 0; e < series->epoch_count; e++) {
    const thaw_epoch_row *row = &series->epochs[e];
    const double values[REPORT_MEASURES] = {[REPORT_ACCURACY] = row->accuracy,
                                            [REPORT_PERPLEXITY] = row->perplexity,
                                            [REPORT_VALID_LOSS] = row->valid_loss,
                                            [REPORT_TRAIN_LOSS] = row->train_loss};
    for (size_t m = 0; m < REPORT_MEASURES; m++)
      thaw_report_spread_add(&stage->measures[e][m], values[m]);
    for (size_t g = 0; g < stage->moved_count && series->moved_count == stage->moved_count; g++)
      thaw_report_spread_add(&stage->distances[e * stage->moved_count + g],
                             series->distances[e * stage->moved_count + g]);
  }
  return true;
}

static thaw_status read_series(report_data *data, const thaw_run_file *file,
                               report_strategy *strategy) {
  thaw_series **series = NULL;
  size_t count = 0;
  thaw_status status = thaw_run_series(data->ctx, file, &series, &count);
  for (size_t i = 0; i < count; i++) {
    if (status == THAW_OK && !add_series(data, strategy, series[i])) status = no_memory(data);
    thaw_series_free(series[i]);
  }
  free(series);
  return status;
}

/* ---- Predictions ----------------------------------------------------------------------------- */

static const char **copy_classes(report_data *data, const thaw_classes *classes) {
  const char **names = thaw_arena_alloc(data->arena, (classes->count + 1) * sizeof *names);
  for (size_t c = 0; names && c < classes->count; c++) {
    names[c] = thaw_arena_strdup(data->arena, classes->names[c]);
    if (!names[c]) return NULL;
  }
  return names;
}

/* The strategy's number of a run's class; class_count: it has no such class. */
static size_t find_class(const report_strategy *strategy, const char *name, size_t hint) {
  if (hint < strategy->class_count && strcmp(strategy->classes[hint], name) == 0) return hint;
  size_t c = 0;
  while (c < strategy->class_count && strcmp(strategy->classes[c], name) != 0) c++;
  return c;
}

static thaw_status begin_predictions(report_data *data, report_strategy *strategy,
                                     const thaw_classes *classes, const thaw_predictions *p) {
  const size_t count = classes->count;
  strategy->classes = copy_classes(data, classes);
  strategy->class_count = count;
  if (count <= MOST_CLASSES)
    strategy->confusion = thaw_arena_zalloc(data->arena, (count * count + 1) * sizeof(size_t));
  if (!strategy->classes || (count <= MOST_CLASSES && !strategy->confusion)) return no_memory(data);
  if (!strategy->on_reference) return THAW_OK;
  if (!data->gold) {
    data->document_count = p->count;
    data->gold = thaw_arena_zalloc(data->arena, (p->count + 1) * sizeof *data->gold);
    if (!data->gold) return no_memory(data);
    for (size_t d = 0; d < p->count; d++)
      if (p->gold[d] >= 0) data->gold[d] = strategy->classes[p->gold[d]];
  }
  strategy->right = thaw_arena_zalloc(data->arena, (p->count + 1) * sizeof *strategy->right);
  return strategy->right ? THAW_OK : no_memory(data);
}

/* `numbers` [classes]: the strategy's numbers of the run's classes. */
static void count_predictions(const report_data *data, report_strategy *strategy,
                              const thaw_predictions *p, const size_t *numbers) {
  const size_t classes = strategy->class_count;
  for (size_t d = 0; d < p->count; d++) {
    if (p->gold[d] < 0) continue;
    const size_t gold = numbers[p->gold[d]], predicted = numbers[p->predicted[d]];
    if (strategy->confusion && gold < classes && predicted < classes)
      strategy->confusion[gold * classes + predicted]++;
    if (strategy->right && d < data->document_count)
      strategy->right[d] += p->gold[d] == p->predicted[d];
  }
}

static thaw_status read_predictions(report_data *data, const thaw_run_file *file, const char *split,
                                    report_strategy *strategy) {
  thaw_predictions *p = NULL;
  thaw_classes classes = {0};
  thaw_status status = thaw_run_classes(data->ctx, file, &classes);
  if (status == THAW_OK) status = thaw_run_predictions(data->ctx, file, split, &p);
  if (status == THAW_OK && !strategy->classes)
    status = begin_predictions(data, strategy, &classes, p);
  size_t *numbers = calloc(classes.count + 1, sizeof *numbers);
  if (status == THAW_OK && !numbers) status = no_memory(data);
  if (status == THAW_OK) {
    for (size_t c = 0; c < classes.count; c++)
      numbers[c] = find_class(strategy, classes.names[c], c);
    count_predictions(data, strategy, p, numbers);
  }
  free(numbers);
  thaw_predictions_free(p);
  thaw_classes_free(&classes);
  return status;
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* The name and the description of the run's experiment, once. */
static thaw_status read_question(report_data *data, const thaw_run_file *file) {
  thaw_arena *scratch = thaw_arena_create();
  thaw_node *root = NULL;
  char *name = NULL, *resolved = NULL;
  thaw_status status = scratch ? THAW_OK : no_memory(data);
  if (status == THAW_OK) status = thaw_run_text(data->ctx, file, "name", &name);
  bool known = false;
  for (size_t i = 0; status == THAW_OK && i < data->question_count; i++)
    known |= strcmp(data->questions[i].name, name) == 0;
  if (status == THAW_OK && !known) {
    status = thaw_run_text(data->ctx, file, "config/resolved", &resolved);
    if (status == THAW_OK)
      status = thaw_yaml_parse(data->ctx, scratch, thaw_run_path(file), resolved, strlen(resolved),
                               &root);
    const thaw_node *node = root ? thaw_node_child(root, "description") : NULL;
    const bool described =
        node && node->kind == THAW_NODE_SCALAR && !thaw_node_is_null(node) && *node->text;
    report_question *question = &data->questions[data->question_count++];
    question->name = name ? thaw_arena_strdup(data->arena, name) : NULL;
    if (described) question->description = thaw_arena_strdup(data->arena, node->text);
    if (status == THAW_OK && (!question->name || (described && !question->description)))
      status = no_memory(data);
  }
  free(name);
  free(resolved);
  thaw_arena_free(scratch);
  return status;
}

/* ---- All ------------------------------------------------------------------------------------- */

static thaw_status read_run(report_data *data, size_t run, report_strategy *strategy) {
  const thaw_compared_run *compared = &data->comparison->runs[run];
  thaw_run_file *file = NULL;
  thaw_status status = thaw_run_open(data->ctx, compared->path, &file);
  if (status == THAW_OK) status = read_question(data, file);
  if (status == THAW_OK) status = read_series(data, file, strategy);
  if (status == THAW_OK) status = read_predictions(data, file, compared->split, strategy);
  strategy->seeds++;
  thaw_run_close(file);
  return status;
}

static thaw_status read_strategy(report_data *data, report_strategy *strategy) {
  const thaw_comparison_row *row = strategy->row;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < row->seeds && status == THAW_OK; i++) {
    if (thaw_interrupted(data->ctx))
      return thaw_fail(data->ctx, THAW_INTERRUPTED, "stopped while reading the run files");
    status = read_run(data, row->members[i], strategy);
  }
  return status;
}

thaw_status thaw_report_read(report_data *data) {
  data->rows = data->view->rows;
  data->count = data->view->count;
  thaw_status status = make_strategies(data);
  if (status) return status;
  choose_reference(data);
  const size_t runs = data->comparison->run_count;
  data->questions = thaw_arena_zalloc(data->arena, (runs + 1) * sizeof *data->questions);
  if (!data->questions) return no_memory(data);
  for (size_t i = 0; i < data->count && status == THAW_OK; i++)
    status = read_strategy(data, &data->strategies[i]);
  return status;
}
