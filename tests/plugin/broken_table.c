/* A parameter whose default lies outside its range. */
#include <thaw/plugin.h>

typedef struct settings {
  int64_t width;
} settings;

static const thaw_param_spec parameters[] = {{.name = "width",
                                              .type = THAW_PARAM_INT,
                                              .offset = offsetof(settings, width),
                                              .default_value = "0",
                                              .minimum = 1,
                                              .maximum = 10,
                                              .unit = "",
                                              .doc = "How wide."},
                                             {.name = NULL}};

static double multiplier(const void *self, const thaw_moment *moment) {
  (void)self, (void)moment;
  return 1;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "broken_table",
    .version = "1",
    .summary = "A default outside its range",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
