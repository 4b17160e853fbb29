/* bound.c: how fast one training step of a language model could be, if nothing but its matrix
 * products took time.
 *
 *     bench-bound EMBEDDING HIDDEN LAYERS VOCABULARY BATCH BPTT
 *     bench-bound --kernel      the processor that OpenBLAS takes this machine for
 *
 * Runs every shape that the step of an AWD-LSTM with a tied decoder needs, alone, on the kernels
 * and threads that thaw uses, several times, and prints the best time of each: tab-separated lines
 * of name, products in a step, m, n, k, GFLOP/s, seconds in a step; last the sum, and the tokens
 * per second that follow from it. T products of a recurrence count T times: none of them can start
 * before the one before it is done. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/blas.h"

enum { LEAST_REPEATS = 3, MOST_REPEATS = 1000, SIZES = 6 };
static const double enough_seconds = 0.2;
/* A block of logits, as large as is still worth its memory. */
static const size_t most_logits = (size_t)64 << 20;

typedef struct sizes {
  size_t embedding, hidden, layers, vocabulary, batch, bptt;
} sizes;

/* op(a) [m][k] · op(b) [k][n], `count` times a step. */
typedef struct product {
  const char *name;
  size_t layer;
  bool transpose_a, transpose_b;
  size_t m, n, k;
  size_t count;
} product;

typedef struct totals {
  double seconds, operations, best_rate;
} totals;

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static float *made_matrix(size_t count) {
  float *values = malloc(count * sizeof *values);
  if (!values) return NULL;
  for (size_t i = 0; i < count; i++) values[i] = 1e-3f * (float)(i % 23) - 1e-2f;
  return values;
}

/* The shortest time of one call among those that fit in `enough_seconds`. */
static double best_seconds(const product *p, const float *a, const float *b, float *c) {
  const size_t stride_a = p->transpose_a ? p->m : p->k, stride_b = p->transpose_b ? p->k : p->n;
  double best = 0, all = 0;
  for (int r = 0; r < MOST_REPEATS && (r < LEAST_REPEATS || all < enough_seconds); r++) {
    const double begin = seconds_now();
    thaw_sgemm(p->transpose_a, p->transpose_b, p->m, p->n, p->k, 1, a, stride_a, b, stride_b, 0, c,
               p->n);
    const double taken = seconds_now() - begin;
    all += taken;
    if (r == 0 || taken < best) best = taken;
  }
  return best;
}

static bool measure(const product *p, totals *sum) {
  float *a = made_matrix(p->m * p->k), *b = made_matrix(p->k * p->n), *c = made_matrix(p->m * p->n);
  const bool ok = a && b && c;
  if (ok) {
    const double operations = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    const double seconds = best_seconds(p, a, b, c), rate = operations / seconds;
    char name[64];
    snprintf(name, sizeof name, p->layer == SIZE_MAX ? "%s" : "%s, layer %zu", p->name, p->layer);
    printf("%s\t%zu\t%zu\t%zu\t%zu\t%.1f\t%.6f\n", name, p->count, p->m, p->n, p->k, rate * 1e-9,
           seconds * (double)p->count);
    fflush(stdout);
    sum->seconds += seconds * (double)p->count;
    sum->operations += operations * (double)p->count;
    if (rate > sum->best_rate) sum->best_rate = rate;
  } else {
    fprintf(stderr, "bench-bound: no memory for %s\n", p->name);
  }
  free(a);
  free(b);
  free(c);
  return ok;
}

static bool measure_all(const product *products, size_t count, totals *sum) {
  for (size_t i = 0; i < count; i++) {
    if (!measure(&products[i], sum)) return false;
  }
  return true;
}

/* x [T·B][I] → gates [T·B][4N], and N states that go back into the gates. */
static bool measure_layer(const sizes *s, size_t layer, totals *sum) {
  const size_t in = layer == 0 ? s->embedding : s->hidden, rows = s->batch * s->bptt;
  const size_t states = layer + 1 == s->layers ? s->embedding : s->hidden, gates = 4 * states;
  const product products[] = {
      {"gates = x·w_ihᵀ", layer, false, true, rows, gates, in, 1},
      {"gates += h·w_hhᵀ", layer, false, true, s->batch, gates, states, s->bptt},
      {"dh = dgates·w_hh", layer, false, false, s->batch, states, gates, s->bptt},
      {"dw_hh = dgatesᵀ·h", layer, true, false, gates, states, rows, 1},
      {"dx = dgates·w_ih", layer, false, false, rows, in, gates, 1},
      {"dw_ih = dgatesᵀ·x", layer, true, false, gates, in, rows, 1},
  };
  return measure_all(products, sizeof products / sizeof *products, sum);
}

/* h [T·B][E] → logits [T·B][V], in the fewest equal blocks of rows that fit in memory. */
static bool measure_decoder(const sizes *s, totals *sum) {
  const size_t all = s->batch * s->bptt, words = s->vocabulary, width = s->embedding;
  const size_t blocks = (all * words + most_logits - 1) / most_logits;
  const size_t rows = (all + blocks - 1) / blocks;
  const product products[] = {
      {"logits = h·wᵀ", SIZE_MAX, false, true, rows, words, width, blocks},
      {"dh = dlogits·w", SIZE_MAX, false, false, rows, width, words, blocks},
      {"dw = dlogitsᵀ·h", SIZE_MAX, true, false, words, width, rows, blocks},
  };
  return measure_all(products, sizeof products / sizeof *products, sum);
}

static bool parse(char **arguments, sizes *s) {
  size_t *const values[SIZES] = {&s->embedding,  &s->hidden, &s->layers,
                                 &s->vocabulary, &s->batch,  &s->bptt};
  for (size_t i = 0; i < SIZES; i++) {
    char *end;
    const uintmax_t value = strtoumax(arguments[i], &end, 10);
    if (end == arguments[i] || *end || value < 1 || value > 10000000) {
      fprintf(stderr, "bench-bound: '%s' is not a number from 1 to 10000000\n", arguments[i]);
      return false;
    }
    *values[i] = (size_t)value;
  }
  return true;
}

int main(int argc, char **argv) {
  sizes s;
  totals sum = {0};
  thaw_numerics_prepare(0);
  if (argc == 2 && strcmp(argv[1], "--kernel") == 0) {
    puts(thaw_blas_processor());
    return 0;
  }
  if (argc != 1 + SIZES) {
    fputs(
        "Usage: bench-bound EMBEDDING HIDDEN LAYERS VOCABULARY BATCH BPTT\n"
        "       bench-bound --kernel\n",
        stderr);
    return 2;
  }
  if (!parse(argv + 1, &s)) return 2;
  for (size_t layer = 0; layer < s.layers; layer++) {
    if (!measure_layer(&s, layer, &sum)) return 1;
  }
  if (!measure_decoder(&s, &sum)) return 1;
  printf("step\t\t\t\t\t%.1f\t%.6f\n", sum.operations / sum.seconds * 1e-9, sum.seconds);
  printf("best rate\t\t\t\t\t%.1f\t\n", sum.best_rate * 1e-9);
  printf("tokens per second\t\t\t\t\t%.1f\t\n", (double)(s.batch * s.bptt) / sum.seconds);
  return 0;
}
