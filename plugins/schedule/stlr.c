/* stlr: slanted triangular learning rates: a short steep rise to the base rate, then a long slow
 * fall.
 *
 *     schedule: [{plugin: stlr, cut_frac: 0.1, ratio: 32}]
 *
 * Howard and Ruder 2018 (arXiv 1801.06146), section 3.2. With T steps and t the step,
 *
 *     cut = floor(T · cut_frac)
 *     p = t/cut if t < cut, else 1 − (t − cut)/(cut · (1/cut_frac − 1))
 *     multiplier = (1 + p · (ratio − 1))/ratio
 *
 * Two cases that the paper leaves open: where flooring makes cut too small, p would fall below 0
 * before the last step, and stays at 0 here; where T · cut_frac is less than one step (cut = 0),
 * there is no rise, and the fall starts at the base rate and lasts T · (1 − cut_frac) steps. */
#include <math.h>
#include <thaw/plugin.h>

typedef struct settings {
  double cut_frac, ratio;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "cut_frac",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, cut_frac),
     .default_value = "0.1",
     .minimum = 0,
     .maximum = 1,
     .unit = "",
     .doc = "Fraction of all steps during which the rate rises.",
     .per_stage = true},
    {.name = "ratio",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, ratio),
     .default_value = "32",
     .minimum = 1,
     .maximum = 1e9,
     .unit = "",
     .doc = "How much smaller the lowest rate is than the base rate.",
     .per_stage = true},
    {.name = NULL}};

/* How far up the triangle step t of `steps` is: 0 at the foot, 1 at the top. */
static double height(double t, double steps, double cut_frac) {
  const double cut = floor(steps * cut_frac);
  if (t < cut) return t / cut;
  const double fall = cut > 0 ? cut * (1 / cut_frac - 1) : steps * (1 - cut_frac);
  const double p = t > cut ? 1 - (t - cut) / fall : 1;
  return p > 0 ? p : 0;
}

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  const double p = height((double)moment->step, (double)moment->steps, s->cut_frac);
  return (1 + p * (s->ratio - 1)) / s->ratio;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "stlr",
    .version = "1",
    .summary = "Slanted triangular learning rates: a short rise, then a long fall",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
