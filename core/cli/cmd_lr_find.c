/* cmd_lr_find.c: `thaw lr-find`: a learning rate for a stage, from the losses at rising rates. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/lr_plot.h"
#include "base/context.h"
#include "cli/experiment_options.h"
#include "cli/output.h"
#include "experiment/rate_search.h"

typedef struct settings {
  thaw_experiment_settings common; /* comes first: the options that commands share are in it */
  const char *stage, *from, *to, *svg;
  int64_t steps;
} settings;

static const thaw_option options[] = {
    {.name = "stage",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, stage),
     .value_name = "NAME",
     .doc = "the stage to find a rate for (when not given, the first that is still to be trained)"},
    {.name = "from",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, from),
     .value_name = "RATE",
     .default_value = "1e-7",
     .doc = "the rate of the first step"},
    {.name = "to",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, to),
     .value_name = "RATE",
     .default_value = "10",
     .doc = "the rate of the last step"},
    {.name = "steps",
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(settings, steps),
     .value_name = "NUMBER",
     .default_value = "100",
     .doc = "how many steps to take at most",
     .minimum = 10,
     .maximum = 10000},
    {.name = "svg",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, svg),
     .value_name = "FILE.svg",
     .doc = "draw the curve into this file"},
    THAW_SET_OPTION,
    THAW_CACHE_OPTION,
    THAW_CHECKPOINT_OPTION,
    THAW_FORMAT_OPTION(thaw_experiment_settings),
    {0}};

static thaw_status read_rate(thaw_context *ctx, const char *option, const char *text,
                             double *rate) {
  char *end;
  errno = 0;
  *rate = strtod(text, &end);
  if (end != text && !*end && errno == 0 && *rate > 0 && *rate <= 1e6) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID, "--%s: expected a rate above 0 and at most 1e6, found '%s'",
                   option, text);
}

static thaw_status read_options(const thaw_call *call, thaw_lr_options *lr) {
  const settings *s = call->settings;
  *lr = (thaw_lr_options){.steps = s->steps, .progress = call->progress};
  thaw_status status = read_rate(call->ctx, "from", s->from, &lr->from);
  if (status == THAW_OK) status = read_rate(call->ctx, "to", s->to, &lr->to);
  if (status || lr->from < lr->to) return status;
  return thaw_fail(call->ctx, THAW_INVALID, "--from %s is not less than --to %s", s->from, s->to);
}

/* ---- Results --------------------------------------------------------------------------------- */

static void print_suggestion(const thaw_call *call, const char *method, double rate,
                             const char *what) {
  if (isfinite(rate))
    fprintf(call->out, "  %-9s %-8.2g %s\n", method, rate, what);
  else
    fprintf(call->out, "  %-9s none: the loss does not fall\n", method);
}

static thaw_status print_curve(const thaw_call *call, const thaw_rate_search *search) {
  const thaw_lr_curve *curve = &search->curve;
  thaw_buffer text = {0};
  if (!thaw_lr_text(search, &text)) {
    thaw_buffer_free(&text);
    return thaw_fail_memory(call->ctx, text.size);
  }
  fprintf(call->out, "%s: smoothed loss at rising base rates, %zu steps%s\n\n%s", search->stage,
          curve->count, curve->diverged ? ", ended where the loss exploded" : "", text.data);
  fprintf(call->out, "\nsuggestions for stages.%s.optimizer.lr (┊)\n", search->stage);
  print_suggestion(call, "valley", curve->suggestion.valley,
                   "half way down the longest fall (fastai's choice)");
  print_suggestion(call, "steepest", curve->suggestion.steepest,
                   "where the loss falls fastest (fastai's steep)");
  thaw_buffer_free(&text);
  return THAW_OK;
}

/* For programs: all points. */
static thaw_status print_points(const thaw_call *call, const thaw_lr_curve *curve, int format) {
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  thaw_table_column(table, "step");
  thaw_table_column(table, "rate");
  thaw_table_column(table, "loss");
  thaw_table_column(table, "smoothed loss");
  for (size_t i = 0; i < curve->count; i++) {
    thaw_table_number(table, (double)i, 0);
    thaw_table_number(table, curve->points[i].rate, 9);
    thaw_table_number(table, curve->points[i].loss, 4);
    thaw_table_number(table, curve->points[i].smooth, 4);
  }
  const thaw_status status = thaw_print_table(call, table, format);
  thaw_table_free(table);
  return status;
}

static thaw_status run(const thaw_call *call) {
  const settings *own = call->settings;
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_experiment *experiment = NULL;
  thaw_rate_search search = {0};
  thaw_lr_options lr;
  thaw_status status = read_options(call, &lr);
  if (status == THAW_OK)
    status = thaw_experiment_load(call->ctx, call->operands.words[0], own->common.sets.count,
                                  own->common.sets.words, call->registry, &experiment);
  if (status == THAW_OK)
    status = thaw_search_rate(call->ctx, experiment, &run_options, own->stage, &lr, &search);
  if (status == THAW_OK)
    status = own->common.format == THAW_TABLE_TEXT
                 ? print_curve(call, &search)
                 : print_points(call, &search.curve, own->common.format);
  if (status == THAW_OK && own->svg) status = thaw_lr_plot(call->ctx, &search, own->svg);
  thaw_rate_search_free(&search);
  thaw_experiment_free(experiment);
  return status;
}

const thaw_command thaw_command_lr_find = {
    .name = "lr-find",
    .operands = "FILE.yaml",
    .summary = "Suggest a learning rate for a stage: its loss at rising rates.",
    .description =
        "Takes some steps of a stage from what it takes over, each at a higher rate than the one "
        "before, until the smoothed loss is 4 times the best (Smith 2017; fastai's lr_find). The "
        "weights are then thrown away: nothing is kept of the stage. What it takes over from is "
        "trained first, as a run would, where the stage cache does not hold it; that stays in the "
        "cache.\n"
        "The rates are base rates, for optimizer.lr: every group has its share of them, the "
        "highest "
        "multiplier that the stage's schedule ever gives it, so that a group that is frozen for "
        "good "
        "stays frozen. The valley is the safer suggestion, the steepest point the higher one.",
    .options = options,
    .settings_size = sizeof(settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
