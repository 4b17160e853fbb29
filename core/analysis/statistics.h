/* statistics.h: what a measured number says about the true one.
 *
 * An interval is a 95 % confidence interval: of a hundred made in this way, about 95 hold the true
 * value. Quantiles come from the GNU Scientific Library. */
#ifndef THAW_STATISTICS_H
#define THAW_STATISTICS_H

#include "thaw/base.h"

/* NaN stands for "not known". */
typedef struct thaw_estimate {
  double value;
  double low, high; /* its interval */
} thaw_estimate;

/* A proportion, such as an accuracy, with its score interval (Wilson 1927, "Probable inference, the
 * law of succession, and statistical inference"): unlike p ± 1.96 √(p (1 − p) / n) it holds for few
 * documents and near 0 and 1, and never leaves [0, 1]. `count` 0: nothing is known. */
thaw_estimate thaw_estimate_proportion(size_t successes, size_t count);

/* The mean of independent values, such as one metric of several seeds, with Student's interval
 * (Student 1908, "The probable error of a mean"). One value has no interval; `count` 0: nothing is
 * known. */
thaw_estimate thaw_estimate_mean(const double *values, size_t count);

/* The standard deviation of a sample (divisor n − 1); NaN of fewer than two values. */
double thaw_deviation(const double *values, size_t count);

#endif
