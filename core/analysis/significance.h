/* significance.h: tests of differences, of numbers alone.
 *
 * What they are for and how a comparison puts them together stands in paired.h. All p-values are
 * two-sided. Distributions come from the GNU Scientific Library. */
#ifndef THAW_SIGNIFICANCE_H
#define THAW_SIGNIFICANCE_H

#include "analysis/statistics.h"

/* ---- One source of variation ----------------------------------------------------------------- */

/* McNemar's exact test (McNemar 1947, "Note on the sampling error of the difference between
 * correlated proportions or percentages"): of the documents that one of two runs got right and the
 * other wrong, is either side too many for a fair coin? 1 when there are none. */
double thaw_mcnemar(size_t only_one, size_t only_other);

/* Paired differences of n seeds: how many of the 2^n ways to swap the two of each pair give a mean
 * at least as far from 0 (Fisher 1935, "The design of experiments")? Of more than 14, Student's t
 * test. NaN of none. */
double thaw_sign_flips(const double *differences, size_t count);

/* Two samples: how many of the ways to deal all values out to them anew give means at least as far
 * apart (Pitman 1937, "Significance tests which may be applied to samples from any populations")?
 * Where these are more than 20,000, Welch's t test (1947, "The generalization of 'Student's'
 * problem when several different population variances are involved"). NaN when one is empty. */
double thaw_exchanges(const double *a, size_t a_count, const double *b, size_t b_count);

/* ---- Seeds and documents --------------------------------------------------------------------- */

/* What the values of a runs on N documents, [a][N], and those of b others say about the difference
 * of their means. */
typedef struct thaw_crossed {
  double value;            /* mean b − mean a */
  double seeds;            /* the part of its variance that falls with the number of seeds, */
  double documents;        /* and with the number of documents */
  double freedom;          /* degrees of freedom of the sum */
  double a_seeds, b_seeds; /* of `seeds`, when these are not paired, that of each side */
} thaw_crossed;

typedef struct thaw_crossed_runs {
  const float *values; /* [count][documents] */
  const double *means; /* [count] of the metric itself, which may differ from that of the values */
  size_t count;
} thaw_crossed_runs;

/* `paired`: run s of a belongs to run s of b. Without documents, the variance is that of the means.
 * One run on a side: its spread is not known, and seeds and freedom are NaN. `scratch` [documents ·
 * 2] is written over. */
thaw_crossed thaw_crossed_difference(const thaw_crossed_runs *a, const thaw_crossed_runs *b,
                                     size_t documents, bool paired, double *scratch);

/* The same of one run against one, over documents alone. */
thaw_crossed thaw_documents_difference(const thaw_crossed_runs *a, const thaw_crossed_runs *b,
                                       size_t documents);

/* Its test against 0, its interval, and its two one-sided tests against ±margin. */
double thaw_crossed_p(const thaw_crossed *crossed);
thaw_estimate thaw_crossed_interval(const thaw_crossed *crossed);
double thaw_crossed_same(const thaw_crossed *crossed, double margin);

/* How many seeds a side would find a difference of `effect` in 80 of 100 studies at 5 %, where now
 * there are `a` and `b` (Student's t in place of the noncentral one: n is right to about one); 0:
 * no number of seeds would, on these documents, or more than 1000. */
size_t thaw_seeds_needed(const thaw_crossed *crossed, size_t a, size_t b, bool paired,
                         double effect);
/* How many documents would, where there are `documents`, with as many seeds as one likes. */
size_t thaw_documents_needed(const thaw_crossed *crossed, size_t documents, double effect);

/* ---- Several tests --------------------------------------------------------------------------- */

/* Holm's correction (1979, "A simple sequentially rejective multiple test procedure"): `corrected`
 * [count]. NaN, a test that was not made, stays so and counts for nothing. False when there is no
 * memory. */
bool thaw_holm(const double *p, size_t count, double *corrected);

#endif
