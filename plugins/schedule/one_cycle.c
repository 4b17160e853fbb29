/* one_cycle: the rate rises to the base rate and falls to almost nothing, both by a cosine, while
 * the momentum falls and rises.
 *
 *     schedule: [{plugin: one_cycle}]
 *     schedule: [{plugin: one_cycle, pct_start: 0.3, momentum: [0.95, 0.85, 0.95]}]
 *     schedule: [{plugin: one_cycle, momentum: []}]        # the momentum stays the optimizer's
 *
 * Smith 2018 (arXiv 1803.09820) as fastai 2's fit_one_cycle has it, with the momentum that fastai
 * takes for text (its default for everything else is [0.95, 0.85, 0.95]). With p = step/steps, and
 * cosine(a, b, q) = a + (b − a) · (1 − cos(πq))/2,
 *
 *     rate = max · cosine(1/div, 1, p/pct_start)                          where p < pct_start
 *     rate = max · cosine(1, 1/div_final, (p − pct_start)/(1 − pct_start))         from there on
 *
 * and the momentum goes in the same way through its three values. It is SGD's momentum, or Adam's
 * beta1. */
#include <math.h>
#include <thaw/plugin.h>

typedef struct settings {
  double pct_start, div, div_final;
  thaw_reals momentum;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "pct_start",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, pct_start),
     .default_value = "0.25",
     .minimum = 0,
     .maximum = 1,
     .unit = "",
     .doc = "Fraction of all steps during which the rate rises.",
     .per_stage = true},
    {.name = "div",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, div),
     .default_value = "25",
     .minimum = 1,
     .maximum = 1e9,
     .unit = "",
     .doc = "How much smaller the first rate is than the base rate.",
     .per_stage = true},
    {.name = "div_final",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, div_final),
     .default_value = "1e5",
     .minimum = 1,
     .maximum = 1e9,
     .unit = "",
     .doc = "How much smaller the last rate is than the base rate.",
     .per_stage = true},
    {.name = "momentum",
     .type = THAW_PARAM_REALS,
     .offset = offsetof(settings, momentum),
     .default_value = "[0.8, 0.7, 0.8]",
     .minimum = 0,
     .maximum = 0.999999,
     .unit = "",
     .doc = "Momentum at the first step, where the rate is highest, and at the end; [] leaves it "
            "to the optimizer.",
     .per_stage = true},
    {.name = NULL}};

static double cosine(double from, double to, double part) {
  return from + (to - from) * (1 - cos(acos(-1) * part)) / 2;
}

/* From `first` over `middle` to `last`. */
static double go(const settings *s, const thaw_moment *moment, double first, double middle,
                 double last) {
  const double p = (double)moment->step / (double)moment->steps;
  if (p < s->pct_start) return cosine(first, middle, p / s->pct_start);
  return s->pct_start < 1 ? cosine(middle, last, (p - s->pct_start) / (1 - s->pct_start)) : middle;
}

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  return go(s, moment, 1 / s->div, 1, 1 / s->div_final);
}

static double momentum(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  const double *values = s->momentum.values;
  return s->momentum.count > 0 ? go(s, moment, values[0], values[1], values[2]) : -1;
}

static thaw_status validate(const void *self, thaw_context *ctx) {
  const settings *s = self;
  if (s->momentum.count == 0 || s->momentum.count == 3) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "momentum: expected three numbers, the first, the middle and the last one, or "
                   "[], found %zu",
                   s->momentum.count);
}

static const thaw_schedule schedule = {.multiplier = multiplier, .momentum = momentum};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "one_cycle",
    .version = "1",
    .summary = "One cycle: the rate up and down by cosines, the momentum down and up",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
    .validate = validate,
};
