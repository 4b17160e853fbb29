/* A schedule with every function that there is, which asks the library for moments by value. */
#include <thaw/plugin.h>

typedef struct settings {
  double high;
  thaw_ints groups;
  thaw_reals factors;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "high",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, high),
     .default_value = "0.9",
     .minimum = 0,
     .maximum = 0.99,
     .unit = "",
     .doc = "The momentum.",
     .per_stage = true},
    {.name = "groups",
     .type = THAW_PARAM_INTS,
     .offset = offsetof(settings, groups),
     .default_value = "[0, 1]",
     .maximum = 9,
     .unit = "",
     .doc = "Groups with a factor."},
    {.name = "factors",
     .type = THAW_PARAM_REALS,
     .offset = offsetof(settings, factors),
     .default_value = "[0.5, 0.75]",
     .maximum = 1,
     .unit = "",
     .doc = "Their factors."},
    {.name = NULL},
};

static double multiplier(const void *settings_, const thaw_moment *moment) {
  const settings *s = settings_;
  const double share = 1 - thaw_moment_epochs(moment) / (double)(moment->epochs + 1);
  for (size_t i = 0; i < s->groups.count; i++) {
    if (s->groups.values[i] == moment->group) return share * s->factors.values[i];
  }
  return share;
}

static double momentum(const void *settings_, const thaw_moment *moment) {
  (void)moment;
  return ((const settings *)settings_)->high;
}

static void view(const void *settings_, const thaw_moment *moment, thaw_moment *seen) {
  (void)settings_;
  *seen = thaw_moment_within(moment, 0, moment->steps);
}

static thaw_status check(const void *settings_, const thaw_schedule_scope *scope,
                         thaw_context *ctx) {
  const settings *s = settings_;
  if (s->groups.count != s->factors.count || scope->groups < 1)
    return thaw_fail(ctx, THAW_INVALID, "%zu groups and %zu factors", s->groups.count,
                     s->factors.count);
  return THAW_OK;
}

static const thaw_schedule schedule = {.multiplier = multiplier,
                                       .momentum = momentum,
                                       .view = view,
                                       .check = check,
                                       .decides = "what 0.1.0 decided"};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "abi_schedule",
    .version = "1",
    .summary = "A schedule of a plugin built for thaw 0.1.0",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
