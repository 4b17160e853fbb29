/* my_plugin: the base rate until epoch `from`, then a straight line to zero at the end.
 *
 *     schedule: [{plugin: my_plugin, from: 2}]
 *
 * A schedule is a pure function of the moment, so that `thaw plan` can draw it before anything is
 * trained. The multipliers of a chain are multiplied; 0 freezes a group of parameters. Which group
 * it is says moment->group, from the input (0) to the head. */
#include <thaw/plugin.h>

typedef struct settings {
  double from;
} settings;

static const thaw_param_spec parameters[] = {{.name = "from",
                                              .type = THAW_PARAM_REAL,
                                              .offset = offsetof(settings, from),
                                              .default_value = "0",
                                              .minimum = 0,
                                              .maximum = 1e6,
                                              .unit = "epochs",
                                              .doc = "When the rate begins to fall.",
                                              .per_stage = true},
                                             {.name = NULL}};

/* Finite and not negative, whatever the moment; no memory of earlier calls. */
static double multiplier(const void *settings_, const thaw_moment *moment) {
  const settings *s = settings_;
  const double now = thaw_moment_epochs(moment), end = (double)moment->epochs;
  if (now <= s->from) return 1;
  return now < end ? (end - now) / (end - s->from) : 0;
}

/* Asked before anything is trained; the message comes with its place in the YAML. */
static thaw_status check(const void *settings_, const thaw_schedule_scope *scope,
                         thaw_context *ctx) {
  const settings *s = settings_;
  if (s->from < (double)scope->epochs) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "my_plugin: the rate never falls: from is %g, and the stage has %g epochs",
                   s->from, (double)scope->epochs);
}

static const thaw_schedule api = {.multiplier = multiplier, .check = check};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "my_plugin",
    .version = "1", /* change it when results change: what is cached is then trained anew */
    .summary = "The base rate up to an epoch, then a straight line to zero",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &api};
