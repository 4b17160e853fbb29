/* significance.c: see significance.h. */
#include "analysis/significance.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

enum {
  MOST_FLIPPED = 14,
  MOST_EXCHANGES = 20000,
  MOST_SEEDS = 1000,
};
static const double LARGEST_FREEDOM = 1e5; /* from here on Student's t is normal */
static const double TIE = 1e-9;            /* relative: sums that differ by rounding alone */

/* ---- Student's t ----------------------------------------------------------------------------- */

static double upper_tail(double t, double freedom) {
  return freedom < LARGEST_FREEDOM ? gsl_cdf_tdist_Q(t, freedom) : gsl_cdf_ugaussian_Q(t);
}

static double quantile(double part, double freedom) {
  return freedom < LARGEST_FREEDOM ? gsl_cdf_tdist_Pinv(part, freedom)
                                   : gsl_cdf_ugaussian_Pinv(part);
}

/* A value whose error is 0 is what it is. */
static double two_sided(double value, double variance, double freedom) {
  if (isnan(value) || isnan(variance)) return NAN;
  if (!(variance > 0)) return value == 0 ? 1 : 0;
  return 2 * upper_tail(fabs(value) / sqrt(variance), freedom);
}

static double mean_of(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i];
  return sum / (double)count;
}

/* The variance of a mean. */
static double mean_variance(const double *values, size_t count) {
  const double deviation = thaw_deviation(values, count);
  return deviation * deviation / (double)count;
}

/* ---- One source of variation ----------------------------------------------------------------- */

double thaw_mcnemar(size_t only_one, size_t only_other) {
  const size_t fewer = only_one < only_other ? only_one : only_other;
  const double p = 2 * gsl_cdf_binomial_P((unsigned)fewer, 0.5, (unsigned)(only_one + only_other));
  return p < 1 ? p : 1;
}

double thaw_sign_flips(const double *differences, size_t count) {
  if (count == 0) return NAN;
  if (count > MOST_FLIPPED) {
    return two_sided(mean_of(differences, count), mean_variance(differences, count),
                     (double)(count - 1));
  }
  double found = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    found += differences[i];
    size += fabs(differences[i]);
  }
  const double least = fabs(found) - TIE * size;
  size_t as_far = 0;
  for (unsigned flips = 0; flips < 1u << count; flips++) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += flips >> i & 1 ? -differences[i] : differences[i];
    as_far += fabs(sum) >= least;
  }
  return (double)as_far / (double)(1u << count);
}

/* a + b over a, or more than `most`. */
static size_t combinations(size_t a, size_t b, size_t most) {
  double ways = 1;
  for (size_t i = 1; i <= a && ways <= (double)most; i++) ways *= (double)(b + i) / (double)i;
  return ways <= (double)most ? (size_t)(ways + 0.5) : most + 1;
}

static double welch(const double *a, size_t a_count, const double *b, size_t b_count) {
  if (a_count < 2 || b_count < 2) return NAN;
  const double va = mean_variance(a, a_count), vb = mean_variance(b, b_count), v = va + vb;
  const double freedom =
      v * v / (va * va / (double)(a_count - 1) + vb * vb / (double)(b_count - 1));
  return two_sided(mean_of(b, b_count) - mean_of(a, a_count), v, freedom);
}

double thaw_exchanges(const double *a, size_t a_count, const double *b, size_t b_count) {
  if (a_count == 0 || b_count == 0) return NAN;
  const size_t ways = combinations(a_count, b_count, MOST_EXCHANGES), all = a_count + b_count;
  if (ways > MOST_EXCHANGES || all > 63) return welch(a, a_count, b, b_count);
  double total = 0, size = 0;
  for (size_t i = 0; i < all; i++) {
    const double value = i < a_count ? a[i] : b[i - a_count];
    total += value;
    size += fabs(value);
  }
  const double found = fabs(mean_of(b, b_count) - mean_of(a, a_count));
  const double least = found - TIE * size / (double)all;
  size_t as_far = 0;
  /* Every set of a_count bits, from the lowest on: the next one moves the lowest run of ones. */
  uint64_t set = ((uint64_t)1 << a_count) - 1;
  for (size_t way = 0; way < ways; way++) {
    double sum = 0;
    for (size_t i = 0; i < all; i++) {
      if (set >> i & 1) sum += i < a_count ? a[i] : b[i - a_count];
    }
    as_far += fabs((total - sum) / (double)b_count - sum / (double)a_count) >= least;
    const uint64_t low = set & -set, carried = set + low;
    set = carried | ((set ^ carried) / low >> 2);
  }
  return (double)as_far / (double)ways;
}

/* ---- Seeds and documents --------------------------------------------------------------------- */

/* The mean square of what neither a row's nor a column's mean explains, of values [n][N] less
 * `other` [n][N], where that is there. `columns` [N] receives the columns' means. */
static double interaction(const float *values, const float *other, size_t n, size_t documents,
                          double *columns) {
  double squares = 0;
  for (size_t d = 0; d < documents; d++) columns[d] = 0;
  for (size_t s = 0; s < n; s++) {
    for (size_t d = 0; d < documents; d++) {
      const size_t i = s * documents + d;
      columns[d] += (double)values[i] - (other ? (double)other[i] : 0);
    }
  }
  for (size_t d = 0; d < documents; d++) columns[d] /= (double)n;
  for (size_t s = 0; s < n; s++) {
    double row = 0, inner = 0;
    for (size_t d = 0; d < documents; d++) {
      const size_t i = s * documents + d;
      const double left = (double)values[i] - (other ? (double)other[i] : 0) - columns[d];
      row += left;
      inner += left * left;
    }
    /* The row's mean, less the whole, is the mean of what is left. */
    squares += inner - row * row / (double)documents;
  }
  return n > 1 && documents > 1 ? squares / (double)(n - 1) / (double)(documents - 1) : 0;
}

static double degrees(const thaw_crossed *c, double a_freedom, double b_freedom) {
  const double v = c->seeds + c->documents;
  const double below = c->a_seeds * c->a_seeds / a_freedom + c->b_seeds * c->b_seeds / b_freedom;
  return below > 0 ? v * v / below : LARGEST_FREEDOM;
}

/* One sample of differences. */
static void cross_paired(const thaw_crossed_runs *a, const thaw_crossed_runs *b, size_t documents,
                         double *scratch, thaw_crossed *c) {
  const size_t n = a->count;
  double squares = 0;
  for (size_t s = 0; s < n; s++) {
    const double off = b->means[s] - a->means[s] - c->value;
    squares += off * off;
  }
  c->seeds = c->a_seeds = n > 1 ? squares / (double)(n - 1) / (double)n : NAN;
  if (documents > 1) {
    const double both = interaction(b->values, a->values, n, documents, scratch);
    c->documents = mean_variance(scratch, documents) - both / (double)n / (double)documents;
  }
  c->documents = fmax(c->documents, 0);
  c->freedom = degrees(c, (double)n - 1, 1);
}

/* Two samples, each with seeds of its own. */
static void cross_unpaired(const thaw_crossed_runs *a, const thaw_crossed_runs *b, size_t documents,
                           double *scratch, thaw_crossed *c) {
  c->a_seeds = mean_variance(a->means, a->count);
  c->b_seeds = mean_variance(b->means, b->count);
  c->seeds = c->a_seeds + c->b_seeds;
  if (documents > 1) {
    double *a_columns = scratch, *b_columns = scratch + documents;
    const double n = (double)documents;
    const double a_both = interaction(a->values, NULL, a->count, documents, a_columns);
    const double b_both = interaction(b->values, NULL, b->count, documents, b_columns);
    for (size_t d = 0; d < documents; d++) b_columns[d] -= a_columns[d];
    c->documents = mean_variance(b_columns, documents) - a_both / (double)a->count / n -
                   b_both / (double)b->count / n;
  }
  c->documents = fmax(c->documents, 0);
  c->freedom = degrees(c, (double)a->count - 1, (double)b->count - 1);
}

thaw_crossed thaw_crossed_difference(const thaw_crossed_runs *a, const thaw_crossed_runs *b,
                                     size_t documents, bool paired, double *scratch) {
  thaw_crossed c = {.value = mean_of(b->means, b->count) - mean_of(a->means, a->count)};
  if (paired) {
    cross_paired(a, b, documents, scratch, &c);
  } else {
    cross_unpaired(a, b, documents, scratch, &c);
  }
  if (a->count < 2 || b->count < 2) c.seeds = c.freedom = NAN;
  return c;
}

thaw_crossed thaw_documents_difference(const thaw_crossed_runs *a, const thaw_crossed_runs *b,
                                       size_t documents) {
  const double n = (double)documents;
  double sum = 0, squares = 0;
  for (size_t d = 0; d < documents; d++) sum += (double)b->values[d] - (double)a->values[d];
  for (size_t d = 0; d < documents; d++) {
    const double off = (double)b->values[d] - (double)a->values[d] - sum / n;
    squares += off * off;
  }
  return (thaw_crossed){.value = b->means[0] - a->means[0],
                        .documents = documents > 1 ? squares / (n - 1) / n : NAN,
                        .freedom = n - 1};
}

double thaw_crossed_p(const thaw_crossed *crossed) {
  return two_sided(crossed->value, crossed->seeds + crossed->documents, crossed->freedom);
}

thaw_estimate thaw_crossed_interval(const thaw_crossed *crossed) {
  const double variance = crossed->seeds + crossed->documents;
  if (isnan(variance)) return (thaw_estimate){crossed->value, NAN, NAN};
  const double half = quantile(0.975, crossed->freedom) * sqrt(variance);
  return (thaw_estimate){crossed->value, crossed->value - half, crossed->value + half};
}

double thaw_crossed_same(const thaw_crossed *crossed, double margin) {
  const double variance = crossed->seeds + crossed->documents, size = fabs(crossed->value);
  if (isnan(variance)) return NAN;
  if (!(variance > 0)) return size < margin || size == 0 ? 0 : 1;
  if (!(margin > 0)) return NAN;
  /* The one against the nearer end has the larger p. */
  return upper_tail((margin - size) / sqrt(variance), crossed->freedom);
}

/* ---- How many would be needed ---------------------------------------------------------------- */

size_t thaw_seeds_needed(const thaw_crossed *crossed, size_t a, size_t b, bool paired,
                         double effect) {
  const double one = crossed->a_seeds * (double)a, other = crossed->b_seeds * (double)b;
  if (isnan(one + other) || !(effect > 0)) return 0;
  for (size_t n = 2; n <= MOST_SEEDS; n++) {
    const double k = (double)n;
    const thaw_crossed then = {.seeds = (one + other) / k,
                               .documents = crossed->documents,
                               .a_seeds = one / k,
                               .b_seeds = paired ? 0 : other / k};
    const double freedom = degrees(&then, k - 1, k - 1);
    const double steps = quantile(0.975, freedom) + quantile(0.8, freedom);
    if (effect >= steps * sqrt(then.seeds + then.documents)) return n;
  }
  return 0;
}

size_t thaw_documents_needed(const thaw_crossed *crossed, size_t documents, double effect) {
  const double steps = gsl_cdf_ugaussian_Pinv(0.975) + gsl_cdf_ugaussian_Pinv(0.8);
  if (!(effect > 0) || isnan(crossed->documents)) return 0;
  const double needed = crossed->documents * (double)documents * steps * steps / effect / effect;
  return needed < 1e15 ? (size_t)ceil(needed) : 0;
}

/* ---- Several tests --------------------------------------------------------------------------- */

typedef struct numbered {
  double p;
  size_t number;
} numbered;

static int smaller_first(const void *left, const void *right) {
  const numbered *a = left, *b = right;
  return (a->p > b->p) - (a->p < b->p);
}

bool thaw_holm(const double *p, size_t count, double *corrected) {
  numbered *sorted = malloc((count + 1) * sizeof *sorted);
  if (!sorted) return false;
  size_t tests = 0;
  for (size_t i = 0; i < count; i++) {
    corrected[i] = NAN;
    if (!isnan(p[i])) sorted[tests++] = (numbered){p[i], i};
  }
  qsort(sorted, tests, sizeof *sorted, smaller_first);
  double before = 0;
  for (size_t i = 0; i < tests; i++) {
    before = fmax(before, fmin(1, (double)(tests - i) * sorted[i].p));
    corrected[sorted[i].number] = before;
  }
  free(sorted);
  return true;
}
