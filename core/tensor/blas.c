/* blas.c: the one place that calls OpenBLAS. */
#include "tensor/blas.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <pmmintrin.h>
#include <xmmintrin.h>
#endif

#include "base/clock.h"

bool thaw_blas_fits(size_t dimension) {
  return dimension <= INT_MAX;
}

void thaw_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                const float *a, size_t stride_a, const float *b, size_t stride_b, float beta,
                float *c, size_t stride_c) {
  assert(thaw_blas_fits(m) && thaw_blas_fits(n) && thaw_blas_fits(k));
  assert(thaw_blas_fits(stride_a) && thaw_blas_fits(stride_b) && thaw_blas_fits(stride_c));
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a,
              (int)stride_a, b, (int)stride_b, beta, c, (int)stride_c);
}

#if defined(__x86_64__)
/* OpenBLAS chooses its kernels from the processor's model when it is loaded, and falls back to
 * those of 2004 for a model that it does not know, at a fifth of the speed. It has no documented
 * way to choose again, but these two functions, which are there where it was built for several
 * processors. */
extern void gotoblas_dynamic_quit(void) __attribute__((weak));
extern void gotoblas_dynamic_init(void) __attribute__((weak));

static void choose_kernels(void) {
  const char *variable = "OPENBLAS_CORETYPE", *better = NULL;
  if (!gotoblas_dynamic_quit || !gotoblas_dynamic_init || getenv(variable)) return;
  if (strcmp(openblas_get_corename(), "Prescott") != 0) return;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) better = "Haswell";
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    better = "SkylakeX";
  }
  if (!better || setenv(variable, better, 0) != 0) return;
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv(variable);
}
#else
static void choose_kernels(void) {
}
#endif

const char *thaw_blas_processor(void) {
  return openblas_get_corename();
}

/* The mode of one thread; workers inherit nothing. */
static void flush_denormals(void) {
#if defined(__SSE2__)
  _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
  _MM_SET_DENORMALS_ZERO_MODE(_MM_DENORMALS_ZERO_ON);
#endif
}

int thaw_numerics_cores(void) {
  const char *given = getenv("OMP_NUM_THREADS");
  const long wanted = given ? strtol(given, NULL, 10) : 0; /* the first level's, of "4,2" */
  return wanted > 0 && wanted < INT_MAX ? (int)wanted : omp_get_num_procs();
}

int thaw_numerics_prepare(int threads) {
  if (threads <= 0) threads = thaw_numerics_cores();
  choose_kernels();
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  openblas_set_num_threads(threads);
#pragma omp parallel
  flush_denormals();
  return threads;
}

int thaw_numerics_threads(void) {
  return omp_get_max_threads();
}

double thaw_sgemm_rate(void) {
  enum { N = 768, LONGEST = 200 };
  const double enough = 0.05;
  float *matrices = malloc(3 * sizeof(float[N][N]));
  if (!matrices) return 0;
  for (size_t i = 0; i < 3 * (size_t)N * N; i++) matrices[i] = 1e-3f * (float)(i % 17);
  float *a = matrices, *b = a + (size_t)N * N, *c = b + (size_t)N * N;
  thaw_sgemm(false, true, N, N, N, 1, a, N, b, N, 0, c, N); /* wakes threads and caches */
  const double begin = thaw_seconds_now();
  double taken = 0;
  int products = 0;
  while (taken < enough && products < LONGEST) {
    thaw_sgemm(false, true, N, N, N, 1, a, N, b, N, 0, c, N);
    products++;
    taken = thaw_seconds_now() - begin;
  }
  free(matrices);
  return taken > 0 ? 2.0 * N * N * N * products / taken : 0;
}
