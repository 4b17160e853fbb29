/* resampling.c: see resampling.h. Draws are made in blocks that fit into the cache, and each block
 * is multiplied with every comparison. */
#include "analysis/resampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "tensor/loops.h"

enum {
  BLOCK = 1 << 17, /* weights */
  SIGNS = 1,       /* streams of random numbers */
  REPLACEMENTS = 2,
};
static const uint64_t SEED = 1;
static const double TIE = 1e-6; /* relative: sums that differ by rounding alone */

typedef struct resampler {
  thaw_context *ctx;
  size_t count, documents;
  const float *differences;
  float *weights; /* [block][documents] */
  size_t block;
  thaw_resampled *results;
} resampler;

static double sum_of(const resampler *r, const float *weights, size_t comparison) {
  return thaw_loops_now()->dot(weights, r->differences + comparison * r->documents, r->documents);
}

/* Fills rows of weights; returns how many. */
typedef void draw(thaw_rng *rng, float *weights, size_t documents);

static void draw_signs(thaw_rng *rng, float *weights, size_t documents) {
  uint64_t bits = 0;
  for (size_t d = 0; d < documents; d++, bits >>= 1) {
    if (d % 64 == 0) bits = thaw_rng_next(rng);
    weights[d] = bits & 1 ? 1 : -1;
  }
}

static void draw_documents(thaw_rng *rng, float *weights, size_t documents) {
  memset(weights, 0, documents * sizeof *weights);
  for (size_t d = 0; d < documents; d++) weights[thaw_rng_below(rng, documents)]++;
}

static thaw_status fill_block(const resampler *r, thaw_rng *rng, draw *next, size_t rows) {
  if (thaw_interrupted(r->ctx)) {
    return thaw_fail(r->ctx, THAW_INTERRUPTED, "the tests over documents were not finished");
  }
  for (size_t row = 0; row < rows; row++) {
    next(rng, r->weights + row * r->documents, r->documents);
  }
  return THAW_OK;
}

static size_t rows_of(const resampler *r, size_t begin, size_t end) {
  return end - begin < r->block ? end - begin : r->block;
}

/* ---- Signs ----------------------------------------------------------------------------------- */

/* From how far from 0 on a sum counts: `least` [count]. */
static void find_least(const resampler *r, double *least) {
  for (size_t i = 0; i < r->count; i++) {
    const float *differences = r->differences + i * r->documents;
    double sum = 0, size = 0;
    for (size_t d = 0; d < r->documents; d++) {
      sum += (double)differences[d];
      size += fabs((double)differences[d]);
    }
    least[i] = fabs(sum) - TIE * size;
  }
}

static thaw_status flip_signs(const resampler *r, double *least) {
  thaw_rng rng = thaw_rng_make(SEED, SIGNS);
  find_least(r, least);
  for (size_t i = 0; i < r->count; i++) r->results[i].p = 1; /* the one that was found */
  for (size_t begin = 0; begin < THAW_SIGN_DRAWS; begin += r->block) {
    const size_t rows = rows_of(r, begin, THAW_SIGN_DRAWS);
    thaw_status status = fill_block(r, &rng, draw_signs, rows);
    if (status != THAW_OK) return status;
    for (size_t i = 0; i < r->count; i++) {
      for (size_t row = 0; row < rows; row++) {
        r->results[i].p += fabs(sum_of(r, r->weights + row * r->documents, i)) >= least[i];
      }
    }
  }
  for (size_t i = 0; i < r->count; i++) r->results[i].p /= THAW_SIGN_DRAWS + 1;
  return THAW_OK;
}

/* ---- Bootstrap ------------------------------------------------------------------------------- */

static int by_size(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The quantile of sorted values, linear between two of them. */
static double quantile(const double *sorted, size_t count, double part) {
  const double place = part * (double)(count - 1);
  const size_t below = (size_t)place;
  const double rest = place - (double)below;
  const size_t above = below + 1 < count ? below + 1 : below;
  return sorted[below] * (1 - rest) + sorted[above] * rest;
}

/* `means` [count][draws] is written over. */
static thaw_status replace_documents(const resampler *r, double *means) {
  thaw_rng rng = thaw_rng_make(SEED, REPLACEMENTS);
  for (size_t begin = 0; begin < THAW_BOOTSTRAP_DRAWS; begin += r->block) {
    const size_t rows = rows_of(r, begin, THAW_BOOTSTRAP_DRAWS);
    thaw_status status = fill_block(r, &rng, draw_documents, rows);
    if (status != THAW_OK) return status;
    for (size_t i = 0; i < r->count; i++) {
      double *own = means + i * THAW_BOOTSTRAP_DRAWS + begin;
      for (size_t row = 0; row < rows; row++) {
        const double sum = sum_of(r, r->weights + row * r->documents, i);
        own[row] = sum / (double)r->documents;
      }
    }
  }
  for (size_t i = 0; i < r->count; i++) {
    double *own = means + i * THAW_BOOTSTRAP_DRAWS;
    qsort(own, THAW_BOOTSTRAP_DRAWS, sizeof *own, by_size);
    r->results[i].low = quantile(own, THAW_BOOTSTRAP_DRAWS, 0.025);
    r->results[i].high = quantile(own, THAW_BOOTSTRAP_DRAWS, 0.975);
  }
  return THAW_OK;
}

thaw_status thaw_resample(thaw_context *ctx, size_t count, size_t documents,
                          const float *differences, thaw_resampled *results) {
  resampler r = {.ctx = ctx,
                 .count = count,
                 .documents = documents,
                 .differences = differences,
                 .block = documents < BLOCK ? BLOCK / (documents + 1) + 1 : 1,
                 .results = results};
  r.weights = malloc((r.block * documents + 1) * sizeof *r.weights);
  double *least = malloc((count + 1) * sizeof *least);
  double *means = malloc((count * THAW_BOOTSTRAP_DRAWS + 1) * sizeof *means);
  thaw_status status = THAW_OK;
  if (!r.weights || !least || !means) status = thaw_fail_memory(ctx, count * sizeof *means);
  if (status == THAW_OK) status = flip_signs(&r, least);
  if (status == THAW_OK) status = replace_documents(&r, means);
  free(r.weights);
  free(least);
  free(means);
  return status;
}
