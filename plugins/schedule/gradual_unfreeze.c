/* gradual_unfreeze: gradual unfreezing: training begins with the last group, and every epoch thaws
 * one more.
 *
 *     schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}, {plugin: discriminative}]
 *     schedule: [{plugin: gradual_unfreeze, first: 2, epochs_per_group: 3}]
 *
 * Howard and Ruder 2018 (arXiv 1801.06146), section 3.3. With the defaults the first epoch trains
 * the head, the second the last two groups, and so on until all groups train. */
#include <thaw/plugin.h>

typedef struct settings {
  int64_t first, epochs_per_group;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "first",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, first),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000,
     .unit = "groups",
     .doc = "How many groups, counted from the output, train in the first epoch.",
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
    {.name = NULL}};

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  const int64_t thawed = s->first + moment->epoch / s->epochs_per_group;
  return moment->groups - moment->group <= thawed ? 1 : 0;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "gradual_unfreeze",
    .version = "1",
    .summary = "Gradual unfreezing: one more group from the output every epoch",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
