/* cmd_plan.c: `thaw plan`: what a run would do, in a table and in the shape of its schedules. */
#include <inttypes.h>
#include <string.h>

#include "base/context.h"
#include "cli/experiment_options.h"
#include "cli/output.h"
#include "experiment/plan.h"

static const thaw_option options[] = {THAW_SET_OPTION,
                                      THAW_OUTPUT_OPTION,
                                      THAW_FOLDER_OPTION,
                                      THAW_CACHE_OPTION,
                                      THAW_FORMAT_OPTION(thaw_experiment_settings),
                                      {0}};

static const double mebibyte = 1048576;

static thaw_status print_stages(const thaw_call *call, const thaw_plan *plan, int format) {
  static const char *const headings[] = {"stage",  "state",      "data",        "documents",
                                         "tokens", "vocabulary", "classes",     "parameters",
                                         "epochs", "steps",      "memory (MiB)"};
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(table, headings[i]);
  for (size_t i = 0; i < plan->count; i++) {
    const thaw_stage_plan *p = &plan->stages[i];
    thaw_table_text(table, p->stage);
    thaw_table_text(table, p->state);
    thaw_table_text(table, p->data);
    thaw_table_number(table, (double)p->documents, 0);
    thaw_table_number(table, (double)p->tokens, 0);
    thaw_table_number(table, (double)p->vocabulary, 0);
    if (p->classes)
      thaw_table_number(table, (double)p->classes, 0);
    else
      thaw_table_nothing(table);
    thaw_table_number(table, (double)p->parameters, 0);
    thaw_table_number(table, (double)p->epochs, 0);
    thaw_table_number(table, (double)p->steps, 0);
    thaw_table_number(table, (double)p->bytes / mebibyte, 1);
  }
  thaw_status status = thaw_print_table(call, table, format);
  thaw_table_free(table);
  return status;
}

/* One character a point: the rate as a part of the stage's highest; a dot where the group is
 * frozen. */
static void draw(const thaw_call *call, const thaw_group_plan *group, double highest) {
  static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  for (size_t i = 0; i < THAW_PLAN_POINTS; i++) {
    const double part = highest > 0 ? group->rates[i] / highest : 0;
    const int level = (int)(part * 8);
    fputs(part <= 0 ? "·" : bars[level > 7 ? 7 : level], call->out);
  }
}

static void print_schedule(const thaw_call *call, const thaw_stage_plan *plan) {
  double highest = 0;
  size_t width = 0;
  for (size_t g = 0; g < plan->group_count; g++) {
    const thaw_group_plan *group = &plan->groups[g];
    if (group->highest > highest) highest = group->highest;
    if (strlen(group->name) > width) width = strlen(group->name);
  }
  fprintf(call->out, "\n%s: rate of every group over %" PRId64 " steps\n", plan->stage,
          plan->steps);
  for (size_t g = plan->group_count; g > 0; g--) {
    const thaw_group_plan *group = &plan->groups[g - 1];
    fprintf(call->out, "  %-*s ", (int)width, group->name);
    draw(call, group, highest);
    fprintf(call->out, " up to %.3g, %zu parameters\n", group->highest, group->parameters);
  }
}

static thaw_status run(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_experiment *experiment = NULL;
  thaw_plan plan = {0};
  thaw_status status =
      thaw_experiment_load(call->ctx, call->operands.words[0], settings->sets.count,
                           settings->sets.words, call->registry, &experiment);
  if (status == THAW_OK) status = thaw_plan_experiment(call->ctx, experiment, &run_options, &plan);
  if (status == THAW_OK) status = print_stages(call, &plan, settings->format);
  if (status == THAW_OK && settings->format == THAW_TABLE_TEXT) {
    for (size_t i = 0; i < plan.count; i++) print_schedule(call, &plan.stages[i]);
    fprintf(call->out, "\nrun file: %s\n", plan.output);
  }
  thaw_plan_free(&plan);
  thaw_experiment_free(experiment);
  return status;
}

const thaw_command thaw_command_plan = {
    .name = "plan",
    .operands = "FILE.yaml",
    .summary = "Show what a run would do: parameters, memory, steps, rates; trains nothing.",
    .description =
        "Reads the config and all data as the run would, and says for every stage what is in the "
        "stage cache already. Memory is measured by one step that changes nothing. The drawing "
        "shows the rate of every parameter group over the steps of the stage, from 0 to the "
        "stage's "
        "highest rate; a dot is a frozen group.",
    .options = options,
    .settings_size = sizeof(thaw_experiment_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
