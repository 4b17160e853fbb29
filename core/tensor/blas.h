/* blas.h: matrix products by OpenBLAS, and the threads that they and our own loops run on. */
#ifndef THAW_BLAS_H
#define THAW_BLAS_H

#include "thaw/base.h"

/* c[m][n] = alpha · op(a) · op(b) + beta · c, all row-major; op(a) is [m][k], op(b) is [k][n]. The
 * strides are the distances between the stored rows. With beta = 0, c need not be set.
 * Every number has to be one that thaw_blas_fits. */
void thaw_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                const float *a, size_t stride_a, const float *b, size_t stride_b, float beta,
                float *c, size_t stride_c);

/* OpenBLAS counts in int: whether a dimension or stride is small enough. */
bool thaw_blas_fits(size_t dimension);

/* How many threads to use where nothing else is said: what the environment's OMP_NUM_THREADS says,
 * else the processors that this process may run on. */
int thaw_numerics_cores(void);
/* Prepares the process, before the first product: `threads` threads (0: thaw_numerics_cores)
 * for OpenBLAS and OpenMP; numbers below 1e-38 count as 0 in the calling thread and its workers,
 * for they are slow and change nothing; and where OpenBLAS is older than the processor and would
 * not use its vector units, it is told to (unless OPENBLAS_CORETYPE is set). Returns the number of
 * threads. */
int thaw_numerics_prepare(int threads);
int thaw_numerics_threads(void);
/* The processor that OpenBLAS takes this machine for: "SkylakeX". Not to be freed. */
const char *thaw_blas_processor(void);

/* Floating-point operations per second of a large product on the threads in use, measured for about
 * a twentieth of a second; 0 when there is no memory. */
double thaw_sgemm_rate(void);

#endif
