/* A good schedule that has another's name; its file is what is wrong with it. */
#include <thaw/plugin.h>

static double multiplier(const void *self, const thaw_moment *moment) {
  (void)self, (void)moment;
  return 2;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "constant",
    .version = "2",
    .summary = "A second constant",
    .api.schedule = &schedule,
};
