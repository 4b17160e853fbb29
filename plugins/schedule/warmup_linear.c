/* warmup_linear: the rate rises in a straight line from 0 to the base rate, then falls in a
 * straight line to `end`.
 *
 *     schedule: [{plugin: warmup_linear}]
 *     schedule: [{plugin: warmup_linear, warmup_steps: 2000, end: 0.1}]
 *
 * Radford et al. 2018 (GPT), section 4.1: fine-tuning with a warmup over 0.2 % of the steps. With T
 * steps, W = floor(T · warmup) of them for the rise, and t the step,
 *
 *     multiplier = t/W if t < W, else end + (1 − end) · (T − t)/(T − W)
 *
 * which for end = 0 is get_linear_schedule_with_warmup of Hugging Face's transformers: with a
 * warmup, the first step has the rate 0 and trains nothing. */
#include <inttypes.h>
#include <math.h>
#include <thaw/plugin.h>

typedef struct settings {
  double warmup, end;
  int64_t warmup_steps;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "warmup",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, warmup),
     .default_value = "0.002",
     .minimum = 0,
     .maximum = 1,
     .unit = "",
     .doc = "Fraction of all steps during which the rate rises.",
     .per_stage = true},
    {.name = "warmup_steps",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, warmup_steps),
     .default_value = "0",
     .minimum = 0,
     .maximum = 1e12,
     .unit = "steps",
     .doc = "Steps of the rise; 0: as many as the fraction says.",
     .per_stage = true},
    {.name = "end",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, end),
     .default_value = "0",
     .minimum = 0,
     .maximum = 1,
     .unit = "",
     .doc = "What the rate falls to, as a part of the base rate.",
     .per_stage = true},
    {.name = NULL}};

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  const double t = (double)moment->step, steps = (double)moment->steps;
  const double rise = s->warmup_steps > 0 ? (double)s->warmup_steps : floor(steps * s->warmup);
  if (t < rise) return t / rise;
  return steps > rise ? s->end + (1 - s->end) * (steps - t) / (steps - rise) : 1;
}

static thaw_status check(const void *self, const thaw_schedule_scope *scope, thaw_context *ctx) {
  const settings *s = self;
  if (s->warmup_steps < scope->steps) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "warmup_linear: a rise over %" PRId64
                   " steps (warmup_steps) never ends: the stage has "
                   "%" PRId64,
                   s->warmup_steps, scope->steps);
}

static const thaw_schedule schedule = {.multiplier = multiplier, .check = check};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "warmup_linear",
    .version = "1",
    .summary = "A linear rise from 0, then a linear fall (GPT)",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
