/* product.h: matrix products by tiles that are held in the processor's vector registers.
 *
 * A tile is two vectors wide and as many rows high as there are registers for (BLIS, Van Zee and
 * van de Geijn 2015). Each step of k takes one row of the panel and one number of every row of a.
 */
#ifndef THAW_KERNEL_PRODUCT_H
#define THAW_KERNEL_PRODUCT_H

#include "tensor/kernel/one.h"
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

/* c [rows][TILE_COLUMNS] = start + a [rows][k] · panel [k][TILE_COLUMNS] */
INLINE void tile(const size_t rows, size_t k, const thaw_left *left, const float *a,
                 const float *panel, bool add, const float *row, float *c, size_t c_stride) {
  vector sum[TILE_ROWS][2];
#pragma GCC unroll 12
  for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (vector){0};
  const size_t a_row = left->row, a_step = left->step;
  while (k > 0) {
    const size_t run = k < left->run ? k : left->run;
    for (const float *end = panel + run * TILE_COLUMNS; panel < end; panel += TILE_COLUMNS) {
      const vector first = load(panel), second = load(panel + VECTOR);
#pragma GCC unroll 12
      for (size_t i = 0; i < rows; i++) {
        const vector value = a[i * a_row] - (vector){0}; /* in every lane */
        sum[i][0] += value * first;
        sum[i][1] += value * second;
      }
      a += a_step;
    }
    a += left->jump;
    k -= run;
  }
  const float *start = add ? c : row;
  const size_t start_stride = add ? c_stride : 0;
#pragma GCC unroll 12
  for (size_t i = 0; i < rows; i++) {
    if (start) {
      sum[i][0] += load(start + i * start_stride);
      sum[i][1] += load(start + i * start_stride + VECTOR);
    }
    store(c + i * c_stride, sum[i][0]);
    store(c + i * c_stride + VECTOR, sum[i][1]);
  }
}

/* The number of rows has to be a constant for the sums to stay in registers. */
#define TILE_OF_HEIGHT(ROWS)                                                         \
  static __attribute__((noinline)) void tile_of_##ROWS(                              \
      size_t k, const thaw_left *left, const float *a, const float *panel, bool add, \
      const float *row, float *c, size_t c_stride) {                                 \
    tile(ROWS, k, left, a, panel, add, row, c, c_stride);                            \
  }
FOR_EACH_HEIGHT(TILE_OF_HEIGHT)

typedef void tile_function(size_t k, const thaw_left *left, const float *a, const float *panel,
                           bool add, const float *row, float *c, size_t c_stride);
#define NAME_OF_HEIGHT(ROWS) tile_of_##ROWS,
static tile_function *const tiles[] = {NULL, FOR_EACH_HEIGHT(NAME_OF_HEIGHT)};

/* c [m][TILE_COLUMNS] = start + a [m][k] · panel [k][TILE_COLUMNS]. Rows are divided evenly, for a
 * tile of few rows is slow. */
static void multiply_panel_loop(size_t m, size_t k, const thaw_left *left, const float *panel,
                                bool add, const float *row, float *c, size_t c_stride) {
  const size_t count = (m + TILE_ROWS - 1) / TILE_ROWS;
  const size_t rows = m / count, higher = m % count; /* so many tiles have one row more */
  const float *a = left->data;
  for (size_t t = 0; t < count; t++) {
    const size_t height = rows + (t < higher);
    tiles[height](k, left, a, panel, add, row, c, c_stride);
    a += height * left->row;
    c += height * c_stride;
  }
}

/* Four rows of four, one column after the other. */
INLINE void transpose_four(float *to, size_t to_stride, const float *from, size_t from_stride) {
  typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
  typedef int32_t places __attribute__((vector_size(16)));
  const places low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, front = {0, 1, 4, 5}, back = {2, 3, 6, 7};
  const four a = *(const four *)from, b = *(const four *)(from + from_stride);
  const four c = *(const four *)(from + 2 * from_stride);
  const four d = *(const four *)(from + 3 * from_stride);
  const four ab_low = __builtin_shuffle(a, b, low), ab_high = __builtin_shuffle(a, b, high);
  const four cd_low = __builtin_shuffle(c, d, low), cd_high = __builtin_shuffle(c, d, high);
  *(four *)to = __builtin_shuffle(ab_low, cd_low, front);
  *(four *)(to + to_stride) = __builtin_shuffle(ab_low, cd_low, back);
  *(four *)(to + 2 * to_stride) = __builtin_shuffle(ab_high, cd_high, front);
  *(four *)(to + 3 * to_stride) = __builtin_shuffle(ab_high, cd_high, back);
}

/* panel [k][TILE_COLUMNS] = b [k][columns], filled up with zeros. */
static void pack_loop(float *panel, const float *b, size_t step, size_t column, size_t k,
                      size_t columns) {
  size_t q = 0;
  if (columns == TILE_COLUMNS && column == 1) {
    for (; q < k; q++) {
      store(panel + q * TILE_COLUMNS, load(b + q * step));
      store(panel + q * TILE_COLUMNS + VECTOR, load(b + q * step + VECTOR));
    }
  } else if (columns == TILE_COLUMNS && step == 1) {
    for (; q + 4 <= k; q += 4) {
      for (size_t j = 0; j < TILE_COLUMNS; j += 4) {
        transpose_four(panel + q * TILE_COLUMNS + j, TILE_COLUMNS, b + j * column + q, column);
      }
    }
  }
  for (; q < k; q++) {
    float *to = panel + q * TILE_COLUMNS;
    for (size_t j = 0; j < columns; j++) to[j] = b[q * step + j * column];
    for (size_t j = columns; j < TILE_COLUMNS; j++) to[j] = 0;
  }
}

#endif
