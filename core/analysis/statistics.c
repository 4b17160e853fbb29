/* statistics.c: intervals, from their textbook formulas. */
#include "analysis/statistics.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

/* Half of what lies outside of a 95 % interval lies above it. */
static const double UPPER = 0.975;

thaw_estimate thaw_estimate_proportion(size_t successes, size_t count) {
  if (count == 0) return (thaw_estimate){NAN, NAN, NAN};
  const double n = (double)count, p = (double)successes / n;
  const double z = gsl_cdf_ugaussian_Pinv(UPPER);
  const double shrink = 1 / (1 + z * z / n);
  const double middle = shrink * (p + z * z / (2 * n));
  const double half = shrink * z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  /* At the ends the formula gives 0 and 1 but for its rounding. */
  return (thaw_estimate){p, successes == 0 ? 0 : middle - half,
                         successes == count ? 1 : middle + half};
}

static double mean_of(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i];
  return sum / (double)count;
}

double thaw_deviation(const double *values, size_t count) {
  if (count < 2) return NAN;
  const double mean = mean_of(values, count);
  double squares = 0;
  for (size_t i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
  return sqrt(squares / (double)(count - 1));
}

thaw_estimate thaw_estimate_mean(const double *values, size_t count) {
  if (count == 0) return (thaw_estimate){NAN, NAN, NAN};
  const double n = (double)count, mean = mean_of(values, count);
  if (count == 1) return (thaw_estimate){mean, NAN, NAN};
  const double error = thaw_deviation(values, count) / sqrt(n);
  const double half = gsl_cdf_tdist_Pinv(UPPER, n - 1) * error;
  return (thaw_estimate){mean, mean - half, mean + half};
}
