/* constant: the base rate, times a fixed factor.
 *
 *     schedule: [{plugin: constant}]
 *     schedule: [{plugin: constant, factor: 0.1}]
 *
 * A chain needs no `constant`: it is what remains when nothing else is wanted. */
#include <thaw/plugin.h>

typedef struct settings {
  double factor;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "factor",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, factor),
     .default_value = "1",
     .minimum = 0,
     .maximum = 1e6,
     .unit = "",
     .doc = "Factor on the base rate, the same at every step and for every group.",
     .per_stage = true},
    {.name = NULL}};

static double multiplier(const void *self, const thaw_moment *moment) {
  (void)moment;
  return ((const settings *)self)->factor;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "constant",
    .version = "1",
    .summary = "The base rate times a fixed factor",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
