/* discriminative: discriminative fine-tuning: the nearer a group is to the input, the lower its
 * rate.
 *
 *     schedule: [{plugin: stlr}, {plugin: discriminative, factor: 2.6}]
 *
 * Howard and Ruder 2018 (arXiv 1801.06146), section 3.2: the last group learns at the base rate,
 * each group before it at the rate of the next one divided by `factor`. */
#include <math.h>
#include <thaw/plugin.h>

typedef struct settings {
  double factor;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "factor",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, factor),
     .default_value = "2.6",
     .minimum = 0.01,
     .maximum = 1000,
     .unit = "",
     .doc = "A group's rate divided by the rate of the group before it.",
     .per_stage = true},
    {.name = NULL}};

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  return pow(s->factor, -(double)(moment->groups - 1 - moment->group));
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "discriminative",
    .version = "1",
    .summary = "Discriminative fine-tuning: lower rates for groups nearer to the input",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
