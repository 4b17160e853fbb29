/* cmd_cache_explain.c: `thaw cache explain`: what the stage cache has of a run, and why not more.
 */
#include "cli/cache_output.h"
#include "experiment/cache_explanation.h"

static const thaw_option options[] = {THAW_SET_OPTION,
                                      THAW_FOLDER_OPTION,
                                      THAW_CACHE_OPTION,
                                      THAW_FORMAT_OPTION(thaw_experiment_settings),
                                      {0}};

static void add_columns(thaw_table *table) {
  static const char *const headings[] = {"stage",      "key",  "state", "nearest",
                                         "differs in", "here", "there"};
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(table, headings[i]);
}

/* A row for every difference; for people a stage's own words stand in the first of them alone. */
static void add_row(thaw_table *table, const thaw_stage_explanation *stage, size_t row,
                    int format) {
  const bool again = row > 0 && !thaw_for_programs(format);
  const bool any = row < stage->difference_count;
  thaw_table_text(table, again ? "" : stage->stage);
  if (again) {
    thaw_table_text(table, "");
  } else {
    thaw_table_key(table, stage->key, format);
  }
  thaw_table_text(table, again ? "" : stage->state);
  if (again || !stage->nearest_key) {
    thaw_table_text(table, again ? "" : NULL);
  } else {
    thaw_table_key(table, stage->nearest_key, format);
  }
  thaw_table_text(table, any ? stage->differences[row].setting : NULL);
  thaw_table_text(table, any ? stage->differences[row].here : NULL);
  thaw_table_text(table, any ? stage->differences[row].there : NULL);
}

/* For people: which file the nearest is, or why there is none. */
static void print_notes(const thaw_call *call, const thaw_cache_explanation *explanation) {
  const char *before = "\n";
  for (size_t i = 0; i < explanation->count; i++) {
    const thaw_stage_explanation *stage = &explanation->stages[i];
    if (stage->found) continue;
    if (stage->nearest) {
      fprintf(call->out, "%s%s: the nearest is %s, of the experiment %s\n", before, stage->stage,
              stage->nearest, stage->nearest_name);
    } else {
      fprintf(call->out, "%s%s: there is no other %s to compare with where %s would be\n", before,
              stage->stage, stage->is_run_file ? "finished run" : "finished stage of the kind",
              stage->path);
    }
    before = "";
    if (stage->silent)
      fprintf(call->out, "%s: %zu file%s of an older thaw could not be compared\n", stage->stage,
              stage->silent, thaw_plural(stage->silent));
  }
}

static thaw_status print(const thaw_call *call, const thaw_cache_explanation *explanation,
                         int format) {
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  add_columns(table);
  for (size_t i = 0; i < explanation->count; i++) {
    const thaw_stage_explanation *stage = &explanation->stages[i];
    add_row(table, stage, 0, format);
    for (size_t row = 1; row < stage->difference_count; row++) add_row(table, stage, row, format);
  }
  thaw_status status = thaw_print_table(call, table, format);
  if (status == THAW_OK && format == THAW_TABLE_TEXT) print_notes(call, explanation);
  thaw_table_free(table);
  return status;
}

static thaw_status run(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_experiment *experiment = NULL;
  thaw_cache_explanation explanation;
  thaw_status status =
      thaw_experiment_load(call->ctx, call->operands.words[0], settings->sets.count,
                           settings->sets.words, call->registry, &experiment);
  if (status == THAW_OK) {
    status = thaw_cache_explain(call->ctx, call->arena, experiment, &run_options, &explanation);
    if (status == THAW_OK) status = print(call, &explanation, settings->format);
  }
  thaw_experiment_free(experiment);
  return status;
}

const thaw_command thaw_command_cache_explain = {
    .name = "cache explain",
    .operands = "FILE.yaml",
    .summary = "Say which stages of a run are in the stage cache, and why the others are not.",
    .description =
        "A stage that is not there is compared with the one of its kind that differs in the fewest "
        "settings: here is the value of this run, there that of the other. A classifier, whose "
        "result is a run file, is compared with the run files in the folder that its own would be "
        "in. 'content' and digits stand for what is in a file, whatever its name. – is a setting "
        "that is not given or has its default. Data are read, as a run would, but nothing is "
        "trained.",
    .options = options,
    .settings_size = sizeof(thaw_experiment_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
