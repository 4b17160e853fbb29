/* gradual_unfreeze: gradual unfreezing: training begins with the last group, and every epoch thaws
 * one more.
 *
 *     schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}, {plugin: discriminative}]
 *     schedule: [{plugin: gradual_unfreeze, first: 2, epochs_per_group: 3}]
 *     schedule: [{plugin: gradual_unfreeze, steps_per_group: 100}]
 *     schedule: [{plugin: one_cycle}, {plugin: gradual_unfreeze, restart: true}]
 *
 * Howard and Ruder 2018 (arXiv 1801.06146), section 3.3. With the defaults the first epoch trains
 * the head, the second the last two groups, and so on until all groups train. With `restart`, the
 * other schedules of the chain start anew at every thaw and end at the next one (the last time, at
 * the end of the stage), as fastai calls fit_one_cycle once for each. */
#include <inttypes.h>
#include <thaw/plugin.h>

typedef struct settings {
  int64_t first, epochs_per_group, steps_per_group;
  bool restart;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "first",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, first),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000,
     .unit = "groups",
     .doc = "How many groups, counted from the output, train before the first thaw.",
     .per_stage = true},
    {.name = "epochs_per_group",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, epochs_per_group),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000000,
     .unit = "epochs",
     .doc = "Epochs until the next group is thawed.",
     .per_stage = true},
    {.name = "steps_per_group",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, steps_per_group),
     .default_value = "0",
     .minimum = 0,
     .maximum = 1e12,
     .unit = "steps",
     .doc = "Steps until the next group is thawed; 0: epochs count.",
     .per_stage = true},
    {.name = "restart",
     .type = THAW_PARAM_BOOL,
     .offset = offsetof(settings, restart),
     .default_value = "false",
     .unit = "",
     .doc = "Do the other schedules of the chain start anew at every thaw?",
     .per_stage = true},
    {.name = NULL}};

/* How often a group has been thawed, and how often one will have been in the end. */
static int64_t thaws_at(const settings *s, const thaw_moment *moment, int64_t *most) {
  const int64_t thaws = s->steps_per_group > 0 ? moment->step / s->steps_per_group
                                               : moment->epoch / s->epochs_per_group;
  *most = moment->groups > s->first ? moment->groups - s->first : 0;
  return thaws < *most ? thaws : *most;
}

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  int64_t most;
  const int64_t thawed = s->first + thaws_at(s, moment, &most);
  return moment->groups - moment->group <= thawed ? 1 : 0;
}

/* The step of the thaw with this number; 0: the first step. The end comes first where there is too
 * little time. */
static int64_t step_of_thaw(const settings *s, const thaw_moment *moment, int64_t thaw) {
  if (s->steps_per_group > 0) {
    const int64_t step = thaw * s->steps_per_group;
    return step < moment->steps ? step : moment->steps;
  }
  const int64_t epoch = thaw * s->epochs_per_group;
  if (epoch >= moment->epochs) return moment->steps;
  return moment->epoch_steps[epoch] - moment->first_step;
}

static void view(const void *self, const thaw_moment *moment, thaw_moment *seen) {
  const settings *s = self;
  if (!s->restart) return;
  int64_t most;
  const int64_t thaws = thaws_at(s, moment, &most);
  const int64_t end = thaws < most ? step_of_thaw(s, moment, thaws + 1) : moment->steps;
  *seen = thaw_moment_within(moment, step_of_thaw(s, moment, thaws), end);
}

static thaw_status validate(const void *self, thaw_context *ctx) {
  const settings *s = self;
  if (s->steps_per_group == 0 || s->epochs_per_group == 1) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "epochs_per_group (%" PRId64 ") and steps_per_group (%" PRId64
                   ") exclude each other",
                   s->epochs_per_group, s->steps_per_group);
}

static thaw_status check(const void *self, const thaw_schedule_scope *scope, thaw_context *ctx) {
  const settings *s = self;
  if (s->first <= scope->groups) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "gradual_unfreeze: the last %" PRId64
                   " groups shall train first, but there are only "
                   "%" PRId64,
                   s->first, scope->groups);
}

static const thaw_schedule schedule = {.multiplier = multiplier,
                                       .view = view,
                                       .check = check,
                                       .decides = "which groups are thawed when"};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "gradual_unfreeze",
    .version = "1",
    .summary = "Gradual unfreezing: one more group from the output every epoch",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
    .validate = validate,
};
