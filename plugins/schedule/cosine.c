/* cosine: the rate falls by a cosine, and starts again at the base rate (warm restarts).
 *
 *     schedule: [{plugin: cosine}]                                  # one fall over all epochs
 *     schedule: [{plugin: cosine, cycle: 1, cycle_mult: 2}]         # cycles of 1, 2, 4 … epochs
 *
 * Loshchilov and Hutter 2017 (SGDR, arXiv 1608.03983), equation 5: t epochs, parts included, after
 * the beginning of a cycle that lasts T epochs,
 *
 *     multiplier = minimum + (1 − minimum) · (1 + cos(πt/T))/2
 *
 * each cycle being cycle_mult times as long as the one before. A last cycle that the epochs leave
 * no time for is cut off. */
#include <math.h>
#include <thaw/plugin.h>

typedef struct settings {
  double cycle, cycle_mult, minimum;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "cycle",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, cycle),
     .default_value = "0",
     .minimum = 0,
     .maximum = 1e6,
     .unit = "epochs",
     .doc = "Length of the first cycle; 0: one cycle over all epochs.",
     .per_stage = true},
    {.name = "cycle_mult",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, cycle_mult),
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000,
     .unit = "",
     .doc = "Length of a cycle divided by that of the cycle before it.",
     .per_stage = true},
    {.name = "minimum",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, minimum),
     .default_value = "0",
     .minimum = 0,
     .maximum = 1,
     .unit = "",
     .doc = "What the rate falls to, as a part of the base rate.",
     .per_stage = true},
    {.name = NULL}};

/* Which part of its cycle has passed. */
static double passed(const settings *s, const thaw_moment *moment) {
  if (s->cycle <= 0) return (double)moment->step / (double)moment->steps;
  double epochs = thaw_moment_epochs(moment), length = s->cycle;
  if (s->cycle_mult == 1) return fmod(epochs, length) / length;
  while (epochs >= length) {
    epochs -= length;
    length *= s->cycle_mult;
  }
  return epochs / length;
}

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  const double part = passed(s, moment);
  return s->minimum + (1 - s->minimum) * (1 + cos(acos(-1) * part)) / 2;
}

static thaw_status validate(const void *self, thaw_context *ctx) {
  const settings *s = self;
  if (s->cycle == 0 && s->cycle_mult != 1)
    return thaw_fail(ctx, THAW_INVALID,
                     "cycle_mult is %g, but cycle is 0: one cycle over all epochs has no next one",
                     s->cycle_mult);
  if (s->cycle > 0 && s->cycle < 0.001)
    return thaw_fail(ctx, THAW_INVALID, "cycle: expected 0 or at least 0.001 epochs, found %g",
                     s->cycle);
  return THAW_OK;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "cosine",
    .version = "1",
    .summary = "Cosine annealing, with warm restarts (SGDR)",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
    .validate = validate,
};
