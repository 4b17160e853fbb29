/* chain_thaw: chain-thaw: the new groups alone, then each of the others alone, from the first to
 * the last, then all of them together.
 *
 *     schedule: [{plugin: chain_thaw}]                           # epochs: one a group, and more
 *     schedule: [{plugin: one_cycle}, {plugin: chain_thaw, epochs_each: 2, restart: true}]
 *
 * Felbo et al. 2017 (DeepMoji, arXiv 1708.00524), section 3.3. New is what the stage has not taken
 * over: the head of a classifier. It is trained first, and, as in the authors' program, not once
 * more when the others' turns are over. With `restart`, the other schedules of the chain start
 * anew in each of these phases. */
#include <inttypes.h>
#include <thaw/plugin.h>

typedef struct settings {
  int64_t new_groups, epochs_new, epochs_each;
  bool restart;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "new_groups",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, new_groups),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000,
     .unit = "groups",
     .doc = "How many groups, counted from the output, are new.",
     .per_stage = true},
    {.name = "epochs_new",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, epochs_new),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000000,
     .unit = "epochs",
     .doc = "Epochs of the new groups alone.",
     .per_stage = true},
    {.name = "epochs_each",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, epochs_each),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000000,
     .unit = "epochs",
     .doc = "Epochs of each other group alone; what is left of the stage is for all together.",
     .per_stage = true},
    {.name = "restart",
     .type = THAW_PARAM_BOOL,
     .offset = offsetof(settings, restart),
     .default_value = "false",
     .unit = "",
     .doc = "Do the other schedules of the chain start anew in each phase?",
     .per_stage = true},
    {.name = NULL}};

/* Phase 0 trains the new groups, phase i the group i − 1, the phase after the last old group all.
 */
static int64_t old_groups(const settings *s, int64_t groups) {
  return groups > s->new_groups ? groups - s->new_groups : 0;
}

static int64_t phase_at(const settings *s, const thaw_moment *moment) {
  if (moment->epoch < s->epochs_new) return 0;
  const int64_t phase = 1 + (moment->epoch - s->epochs_new) / s->epochs_each;
  const int64_t last = old_groups(s, moment->groups) + 1;
  return phase < last ? phase : last;
}

/* The epoch at which a phase begins. */
static int64_t begin_of(const settings *s, int64_t phase) {
  return phase > 0 ? s->epochs_new + (phase - 1) * s->epochs_each : 0;
}

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  const int64_t phase = phase_at(s, moment), old = old_groups(s, moment->groups);
  if (phase > old) return 1;
  return (phase == 0 ? moment->group >= old : moment->group == phase - 1) ? 1 : 0;
}

static void view(const void *self, const thaw_moment *moment, thaw_moment *seen) {
  const settings *s = self;
  if (!s->restart) return;
  const int64_t phase = phase_at(s, moment), begin = begin_of(s, phase);
  int64_t end = begin_of(s, phase + 1);
  if (phase > old_groups(s, moment->groups) || end > moment->epochs) end = moment->epochs;
  *seen = thaw_moment_within(moment, moment->epoch_steps[begin] - moment->first_step,
                             moment->epoch_steps[end] - moment->first_step);
}

static thaw_status check(const void *self, const thaw_schedule_scope *scope, thaw_context *ctx) {
  const settings *s = self;
  const int64_t old = old_groups(s, scope->groups), alone = begin_of(s, old + 1);
  if (old == 0)
    return thaw_fail(ctx, THAW_INVALID,
                     "chain_thaw: new_groups is %" PRId64 ", but of the %" PRId64
                     " groups there must be one "
                     "that is not new",
                     s->new_groups, scope->groups);
  if (alone < scope->epochs) return THAW_OK;
  return thaw_fail(
      ctx, THAW_INVALID,
      "chain_thaw: %" PRId64 " epochs for the new groups and %" PRId64 " for each of %" PRId64
      " others "
      "are %" PRId64 ", and then all train together, but the stage has only %" PRId64 " epochs",
      s->epochs_new, s->epochs_each, old, alone, scope->epochs);
}

static const thaw_schedule schedule = {.multiplier = multiplier,
                                       .view = view,
                                       .check = check,
                                       .decides = "which groups are thawed when"};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "chain_thaw",
    .version = "1",
    .summary = "Chain-thaw: the new groups, then each other one alone, then all",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
