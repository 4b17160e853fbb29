/* Calls a function that nobody has. */
#include <thaw/plugin.h>

double nobody_has_this(void);

static double multiplier(const void *settings, const thaw_moment *moment) {
  (void)settings, (void)moment;
  return nobody_has_this();
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "broken_undefined",
    .version = "1",
    .summary = "Calls a function that nobody has",
    .api.schedule = &schedule,
};
