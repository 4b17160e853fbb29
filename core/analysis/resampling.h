/* resampling.h: tests over documents for many comparisons at once.
 *
 * All comparisons see the same draws: a draw is a row of weights for the documents, and what it
 * makes of one comparison is a dot product. That is what makes thousands of comparisons cheap, and
 * it makes them comparable. The draws have a fixed seed: the same differences give the same
 * numbers. */
#ifndef THAW_RESAMPLING_H
#define THAW_RESAMPLING_H

#include "thaw/base.h"

enum { THAW_SIGN_DRAWS = 9999, THAW_BOOTSTRAP_DRAWS = 2000 };

typedef struct thaw_resampled {
  double p;         /* of the mean difference: how many of 9999 draws in which each document's
                       difference has a random sign (and of the one that was found) are at least as
                       far from 0 (Phipson and Smyth 2010, "Permutation p-values should never be
                       zero") */
  double low, high; /* the mean's 95 % bootstrap interval (Efron 1979, "Bootstrap methods: another
                       look at the jackknife"): percentiles of 2000 draws of as many documents,
                       with replacement */
} thaw_resampled;

/* `differences` [count][documents], of which whole numbers below 2^24 in sum are added up exactly;
 * `results` [count]. THAW_INTERRUPTED; THAW_FAILED without memory. */
thaw_status thaw_resample(thaw_context *ctx, size_t count, size_t documents,
                          const float *differences, thaw_resampled *results);

#endif
