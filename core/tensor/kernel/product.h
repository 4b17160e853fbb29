/* product.h: a tile of a matrix product, held in the processor's vector registers.
 *
 * A tile is two vectors wide and as many rows high as there are registers for (BLIS, Van Zee and
 * van de Geijn 2015). Each step of k takes one row of the panel and one number of every row of a.
 */
#ifndef THAW_KERNEL_PRODUCT_H
#define THAW_KERNEL_PRODUCT_H

#include <assert.h>

#include "tensor/loops.h"

#if defined(__AVX512F__)
enum { VECTOR = 16, TILE_ROWS = 12 };
#define FOR_EACH_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#if defined(__AVX__)
enum { VECTOR = 8, TILE_ROWS = 6 };
#else
enum { VECTOR = 4, TILE_ROWS = 6 };
#endif
#define FOR_EACH_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif
enum { TILE_COLUMNS = 2 * VECTOR };

/* Anywhere in memory, and also where other code sees floats. */
typedef float vector __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4), may_alias));

INLINE vector load(const float *from) {
  return *(const vector *)from;
}

INLINE void store(float *to, vector value) {
  *(vector *)to = value;
}

/* c [ROWS][TILE_COLUMNS] = start + a [ROWS][k] · panel [k][TILE_COLUMNS] */
INLINE void tile_of(const size_t rows, size_t k, thaw_left a, const float *panel, bool add,
                    const float *row, float *c, size_t c_stride) {
  vector sum[TILE_ROWS][2];
  for (size_t i = 0; i < rows; i++) {
    for (size_t half = 0; half < 2; half++) {
      sum[i][half] = (vector){0};
      if (row) sum[i][half] = load(row + half * VECTOR);
      if (add) sum[i][half] = load(c + i * c_stride + half * VECTOR);
    }
  }
  for (size_t left = k; left > 0;) {
    const size_t run = left < a.run ? left : a.run;
    for (size_t step = 0; step < run; step++) {
      const vector first = load(panel), second = load(panel + VECTOR);
#pragma GCC unroll 12
      for (size_t i = 0; i < rows; i++) {
        const vector value = a.data[i * a.row] - (vector){0}; /* in every lane */
        sum[i][0] += value * first;
        sum[i][1] += value * second;
      }
      a.data += a.step;
      panel += TILE_COLUMNS;
    }
    a.data += a.jump;
    left -= run;
  }
  for (size_t i = 0; i < rows; i++) {
    store(c + i * c_stride, sum[i][0]);
    store(c + i * c_stride + VECTOR, sum[i][1]);
  }
}

/* The number of rows has to be a constant for the sums to stay in registers. */
#define TILE_OF_HEIGHT(ROWS)                                                      \
  static void tile_of_##ROWS(size_t k, thaw_left a, const float *panel, bool add, \
                             const float *row, float *c, size_t c_stride) {       \
    tile_of(ROWS, k, a, panel, add, row, c, c_stride);                            \
  }
FOR_EACH_HEIGHT(TILE_OF_HEIGHT)

static void tile_loop(size_t rows, size_t k, thaw_left a, const float *panel, bool add,
                      const float *row, float *c, size_t c_stride) {
  assert(rows > 0 && rows <= TILE_ROWS);
  switch (rows) {
#define CASE_OF_HEIGHT(ROWS)                            \
  case ROWS:                                            \
    tile_of_##ROWS(k, a, panel, add, row, c, c_stride); \
    break;
    FOR_EACH_HEIGHT(CASE_OF_HEIGHT)
  }
}

/* panel [k][TILE_COLUMNS] = b [k][columns], filled up with zeros. */
static void pack_loop(float *panel, const float *b, size_t step, size_t column, size_t k,
                      size_t columns) {
  for (size_t q = 0; q < k; q++, panel += TILE_COLUMNS, b += step) {
    for (size_t j = 0; j < columns; j++) panel[j] = b[j * column];
    for (size_t j = columns; j < TILE_COLUMNS; j++) panel[j] = 0;
  }
}

#endif
