/* plot_scale.c: see plot_scale.h. */
#include "analysis/plot_scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void thaw_plot_power(int exponent, char text[THAW_TICK_TEXT]) {
  static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  char digits[16];
  snprintf(digits, sizeof digits, "%d", exponent);
  strcpy(text, "10");
  for (const char *d = digits; *d; d++) strcat(text, *d == '-' ? "⁻" : raised[*d - '0']);
}

bool thaw_plot_has_place(const thaw_plot_axis *axis, double value) {
  return isfinite(value) && (!axis->logarithmic || value > 0);
}

double thaw_plot_place(const thaw_plot_scale *scale, double value) {
  if (!scale->logarithmic) return (value - scale->low) / (scale->high - scale->low);
  return value > 0 ? log(value / scale->low) / log(scale->high / scale->low) : NAN;
}

static void add_tick(thaw_plot_scale *scale, double value, const char *text) {
  const double slack = 1e-9;
  const double place = thaw_plot_place(scale, value);
  if (scale->tick_count == THAW_PLOT_TICKS || !(place >= -slack && place <= 1 + slack)) return;
  thaw_plot_tick *tick = &scale->ticks[scale->tick_count++];
  tick->value = value;
  snprintf(tick->text, sizeof tick->text, "%s", text);
}

/* ---- Linear ---------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of 10, so that it goes about 5 times into the span. */
static double step_for(double span) {
  const double power = pow(10, floor(log10(span / 5)));
  const double times = span / 5 / power;
  return power * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

/* Very small and very large numbers are said in a power of 10. */
static int exponent_for(double largest) {
  if (largest == 0 || (largest >= 0.01 && largest < 1e6)) return 0;
  return (int)floor(log10(largest));
}

static void add_linear(thaw_plot_scale *scale, bool whole) {
  const double found = step_for(scale->high - scale->low), step = whole ? fmax(1, found) : found;
  scale->exponent = exponent_for(fmax(fabs(scale->low), fabs(scale->high)));
  const double unit = pow(10, scale->exponent);
  const int decimals = (int)fmax(0, ceil(-log10(step / unit) - 1e-9));
  for (double n = ceil(scale->low / step - 1e-9) + 0.0; n * step <= scale->high * (1 + 1e-9); n++) {
    char text[THAW_TICK_TEXT];
    snprintf(text, sizeof text, "%.*f", decimals, n * step / unit);
    add_tick(scale, n * step, text);
    if (scale->tick_count == THAW_PLOT_TICKS) break;
  }
}

/* Up to the next ticks, so that no line ends at the frame. */
static void widen(thaw_plot_scale *scale) {
  const double step = step_for(scale->high - scale->low) / 2;
  scale->low = floor(scale->low / step + 1e-9) * step;
  scale->high = ceil(scale->high / step - 1e-9) * step;
}

/* ---- Logarithmic ----------------------------------------------------------------------------- */

/* Labels at powers of 10, at most about 10 of them; at 2 and 5 too where there are few. */
static void add_logarithmic(thaw_plot_scale *scale) {
  const int first = (int)floor(log10(scale->low) + 1e-9), last = (int)ceil(log10(scale->high));
  const int every = 1 + (last - first) / 10;
  const bool few = scale->high / scale->low < 300;
  for (int e = first; e <= last; e++) {
    for (int n = 1; n < 10; n++) {
      char text[THAW_TICK_TEXT] = "";
      const bool labelled = n == 1 ? (e - first) % every == 0 : few && (n == 2 || n == 5);
      if (labelled && few) snprintf(text, sizeof text, "%g", n * pow(10, e));
      if (labelled && !few) thaw_plot_power(e, text);
      if (n == 1 || every == 1) add_tick(scale, n * pow(10, e), text);
    }
  }
}

/* ---- Both ------------------------------------------------------------------------------------ */

thaw_plot_scale thaw_plot_scale_of(const thaw_plot_axis *axis, double least, double most) {
  thaw_plot_scale scale = {.logarithmic = axis->logarithmic};
  const bool given = axis->low < axis->high;
  scale.low = given ? axis->low : least <= most ? least : axis->logarithmic ? 0.1 : 0;
  scale.high = given ? axis->high : least <= most ? most : 1;
  if (axis->from_zero && scale.low > 0 && !axis->logarithmic) scale.low = 0;
  if (!(scale.low < scale.high)) { /* a single value gets some room */
    const double room = scale.low == 0 ? 1 : fabs(scale.low) / 2;
    scale.high += room;
    if (!axis->from_zero) scale.low -= room;
  }
  if (axis->logarithmic) {
    add_logarithmic(&scale);
  } else {
    if (!given) widen(&scale);
    add_linear(&scale, axis->whole);
  }
  return scale;
}
