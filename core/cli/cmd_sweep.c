/* cmd_sweep.c: `thaw sweep`: every run of an experiment's sweep, one after the other. */
#include <string.h>

#include "base/context.h"
#include "cli/experiment_options.h"

static const thaw_option options[] = {
    THAW_SET_OPTION, THAW_FOLDER_OPTION, THAW_CACHE_OPTION, THAW_CHECKPOINT_OPTION, {0}};

static void announce(const thaw_call *call, const thaw_sweep *sweep, size_t index) {
  thaw_buffer line = {0};
  const thaw_sweep_point *point = &sweep->points[index];
  thaw_buffer_format(&line, "run %zu of %zu:", index + 1, sweep->count);
  for (size_t i = 0; i < point->set_count; i++) thaw_buffer_format(&line, " %s", point->sets[i]);
  thaw_log(call->ctx, THAW_LOG_INFO, "%s", line.data ? line.data : "");
  thaw_buffer_free(&line);
}

/* Before anything is trained: every point must be a valid experiment. */
static thaw_status check_points(const thaw_call *call, const thaw_sweep *sweep) {
  for (size_t i = 0; i < sweep->count; i++) {
    const thaw_sweep_point *point = &sweep->points[i];
    thaw_experiment *experiment = NULL;
    thaw_status status = thaw_experiment_load(call->ctx, call->operands.words[0], point->set_count,
                                              point->sets, call->registry, &experiment);
    thaw_experiment_free(experiment);
    if (status) return status;
  }
  return THAW_OK;
}

/* A run that fails does not keep the others from running; an interruption does. */
static thaw_status run_points(const thaw_call *call, const thaw_sweep *sweep) {
  size_t failed = 0;
  for (size_t i = 0; i < sweep->count; i++) {
    announce(call, sweep, i);
    const thaw_sweep_point *point = &sweep->points[i];
    thaw_status status = thaw_run_with_sets(call, point->set_count, point->sets);
    if (status == THAW_INTERRUPTED) return status;
    if (status == THAW_OK) continue;
    failed++;
    thaw_log(call->ctx, THAW_LOG_WARNING, "run %zu failed: %s", i + 1, thaw_error(call->ctx));
  }
  if (failed == 0) return THAW_OK;
  return thaw_fail(call->ctx, THAW_FAILED, "%zu of %zu runs failed; the others are finished",
                   failed, sweep->count);
}

static thaw_status run(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  thaw_sweep *sweep = NULL;
  thaw_status status = thaw_sweep_load(call->ctx, call->operands.words[0], settings->sets.count,
                                       settings->sets.words, &sweep);
  if (status == THAW_OK) status = check_points(call, sweep);
  if (status == THAW_OK) status = run_points(call, sweep);
  thaw_sweep_free(sweep);
  return status;
}

const thaw_command thaw_command_sweep = {
    .name = "sweep",
    .operands = "FILE.yaml",
    .summary = "Train every run of an experiment's sweep that is not finished yet.",
    .description =
        "The sweep section lists values of keys; every combination is a run. Runs share the "
        "stages that they have in common: forty runs that differ in their heads pretrain once. A "
        "run that fails is reported and the others go on. After an interruption the same command "
        "goes on where it stopped. 'thaw compare' makes a table of the run files.",
    .options = options,
    .settings_size = sizeof(thaw_experiment_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
