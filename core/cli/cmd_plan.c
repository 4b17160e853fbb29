/* cmd_plan.c: `thaw plan`: what a run would do, in a table and in the shape of its schedules. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plan_plot.h"
#include "base/context.h"
#include "base/file.h"
#include "cli/experiment_options.h"
#include "cli/output.h"
#include "experiment/plan.h"

typedef struct settings {
  thaw_experiment_settings common; /* comes first: the options that commands share are in it */
  const char *svg;
} settings;

static const thaw_option options[] = {
    THAW_SET_OPTION,
    THAW_OUTPUT_OPTION,
    THAW_FOLDER_OPTION,
    THAW_CACHE_OPTION,
    THAW_CHECKPOINT_OPTION,
    THAW_FORMAT_OPTION(thaw_experiment_settings),
    {.name = "svg",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, svg),
     .value_name = "PATH",
     .doc = "draw every stage's schedule: into the folder PATH as "
            "STAGE.svg, or, if PATH ends in .svg, into PATH, with "
            "-STAGE before its ending where there are several"},
    {0}};

static const double mebibyte = 1048576;

/* "0.4 s", "42 s", "6 min 50 s", "3 h 20 min", "2 d 4 h" */
static void write_time(double seconds, char text[32]) {
  static const struct {
    const char *large, *small;
    int64_t parts, seconds; /* the large one has so many small ones, a small one so many seconds */
  } units[] = {{"min", "s", 60, 1}, {"h", "min", 60, 60}, {"d", "h", 24, 3600}};
  const int64_t whole = (int64_t)(seconds + 0.5);
  if (whole < 60) {
    snprintf(text, 32, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
    return;
  }
  size_t u = 0;
  while (u < 2 && whole >= units[u + 1].parts * units[u + 1].seconds) u++;
  const int64_t small = (int64_t)(seconds / (double)units[u].seconds + 0.5);
  snprintf(text, 32, "%" PRId64 " %s %" PRId64 " %s", small / units[u].parts, units[u].large,
           small % units[u].parts, units[u].small);
}

/* For people in their units, for programs in bytes and seconds. */
static void add_cost(thaw_table *table, const thaw_stage_plan *plan, bool programs) {
  char time[32];
  write_time(plan->seconds, time);
  thaw_table_number(table, (double)plan->bytes / (programs ? 1 : mebibyte), 0);
  if (programs)
    thaw_table_number(table, plan->seconds, 1);
  else
    thaw_table_text(table, time);
}

static thaw_status print_stages(const thaw_call *call, const thaw_plan *plan, int format) {
  static const char *const headings[] = {"stage",  "state",      "data",    "documents",
                                         "tokens", "vocabulary", "classes", "parameters",
                                         "epochs", "steps"};
  const bool programs = format == THAW_TABLE_CSV || format == THAW_TABLE_JSON;
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(table, headings[i]);
  thaw_table_column(table, programs ? "bytes" : "memory (MiB)");
  thaw_table_column(table, programs ? "seconds" : "time");
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
    add_cost(table, p, programs);
  }
  thaw_status status = thaw_print_table(call, table, format);
  thaw_table_free(table);
  return status;
}

static void print_total(const thaw_call *call, const thaw_plan *plan) {
  double seconds = 0;
  size_t bytes = 0;
  char time[32];
  for (size_t i = 0; i < plan->count; i++) {
    seconds += plan->stages[i].seconds;
    if (plan->stages[i].bytes > bytes) bytes = plan->stages[i].bytes;
  }
  write_time(seconds, time);
  if (bytes == 0)
    fputs("\nnothing is left to be trained\n", call->out);
  else
    fprintf(call->out, "\nin all about %s, at most %.0f MiB\n", time, (double)bytes / mebibyte);
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

/* ---- Pictures -------------------------------------------------------------------------------- */

/* Where a stage's picture goes; malloc'ed. */
static char *picture_path(const char *given, const char *stage, bool several) {
  const char *ending = strrchr(given, '.');
  const bool is_file = ending && strcmp(ending, ".svg") == 0 && !thaw_path_is_folder(given);
  thaw_buffer path = {0};
  bool ok;
  if (!is_file)
    ok = thaw_buffer_format(&path, "%s/%s.svg", given, stage);
  else if (several)
    ok = thaw_buffer_format(&path, "%.*s-%s.svg", (int)(ending - given), given, stage);
  else
    ok = thaw_buffer_text(&path, given);
  if (!ok) thaw_buffer_free(&path);
  return path.data;
}

static thaw_status draw_pictures(const thaw_call *call, const thaw_plan *plan, const char *given) {
  const size_t length = strlen(given);
  const bool is_file = length >= 4 && strcmp(given + length - 4, ".svg") == 0;
  thaw_status status = is_file ? THAW_OK : thaw_make_folders(call->ctx, given);
  for (size_t i = 0; i < plan->count && status == THAW_OK; i++) {
    char *path = picture_path(given, plan->stages[i].stage, plan->count > 1);
    if (!path) return thaw_fail_memory(call->ctx, length);
    status = thaw_plan_plot(call->ctx, &plan->stages[i], path);
    if (status == THAW_OK)
      thaw_log(call->ctx, THAW_LOG_INFO, "%s: its schedule is drawn in %s", plan->stages[i].stage,
               path);
    free(path);
  }
  return status;
}

static thaw_status run(const thaw_call *call) {
  const settings *own = call->settings;
  const thaw_experiment_settings *shared = &own->common;
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_experiment *experiment = NULL;
  thaw_plan plan = {0};
  thaw_status status = thaw_experiment_load(call->ctx, call->operands.words[0], shared->sets.count,
                                            shared->sets.words, call->registry, &experiment);
  if (status == THAW_OK) status = thaw_plan_experiment(call->ctx, experiment, &run_options, &plan);
  if (status == THAW_OK) status = print_stages(call, &plan, shared->format);
  if (status == THAW_OK && shared->format == THAW_TABLE_TEXT) {
    print_total(call, &plan);
    for (size_t i = 0; i < plan.count; i++) print_schedule(call, &plan.stages[i]);
    fprintf(call->out, "\nrun file: %s\n", plan.output);
  }
  if (status == THAW_OK && own->svg) status = draw_pictures(call, &plan, own->svg);
  thaw_plan_free(&plan);
  thaw_experiment_free(experiment);
  return status;
}

const thaw_command thaw_command_plan = {
    .name = "plan",
    .operands = "FILE.yaml",
    .summary = "Show what a run would do: parameters, memory, time, rates; trains nothing.",
    .description =
        "Reads the config and all data as the run would, and says for every stage what is in the "
        "stage cache already. Memory and time are those of this machine: a few steps of every "
        "stage that is still to train are tried on models that are then thrown away. Memory is the "
        "largest that the whole process holds in the stage, time that of what is left of it; both "
        "are 0 where nothing is left. Nothing is written but the pictures that --svg "
        "asks for.\n"
        "The drawing shows the rate of every parameter group over the steps of the stage, from 0 "
        "to the stage's highest rate; a dot is a frozen group.",
    .options = options,
    .settings_size = sizeof(settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
