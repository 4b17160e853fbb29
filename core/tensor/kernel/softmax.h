/* softmax.h: the exponentials of a row and their sum; the gradient. */
#ifndef THAW_KERNEL_SOFTMAX_H
#define THAW_KERNEL_SOFTMAX_H

#include "tensor/kernel/one.h"
#include "tensor/kernel/product.h"
#include "tensor/loops.h"

/* y [n] = exp(x − max); returns its sum. */
static double exp_sum_loop(float *y, const float *x, float max, size_t n) {
  double sum = 0;
  /* Floats are summed in short stretches: a double for each element would halve the speed. */
  for (size_t begin = 0; begin < n; begin += 256) {
    const size_t end = n - begin < 256 ? n : begin + 256;
    float stretch = 0;
#pragma omp simd reduction(+ : stretch)
    for (size_t i = begin; i < end; i++) {
      y[i] = exp_one(x[i] - max);
      stretch += y[i];
    }
    sum += (double)stretch;
  }
  return sum;
}

/* dx [n] += y · (dy − dot) */
static void softmax_backward_loop(float *dx, const float *dy, const float *y, float dot, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) dx[i] += y[i] * (dy[i] - dot);
}

/* ---- Logits in panels [panels][rows][TILE_COLUMNS], as products leave them --------------------
 */

/* The panels of one row are so far apart that many of them would push each other out of the cache:
 * a few are taken together, in lanes that are joined once. */
enum { PANELS_TOGETHER = 4 };

/* max [rows] = the larger of itself and the row's largest logit in at most PANELS_TOGETHER panels.
 */
INLINE void few_panels_max(float *max, const float *panels, const size_t count, size_t rows) {
  for (size_t r = 0; r < rows; r++) {
    const float *x = panels + r * TILE_COLUMNS;
    float most[TILE_COLUMNS];
#pragma omp simd
    for (size_t j = 0; j < TILE_COLUMNS; j++) {
      float lane = x[j];
#pragma GCC unroll 4
      for (size_t p = 1; p < count; p++) {
        const float other = x[p * rows * TILE_COLUMNS + j];
        lane = other > lane ? other : lane;
      }
      most[j] = lane;
    }
    float all = max[r];
#pragma omp simd reduction(max : all)
    for (size_t j = 0; j < TILE_COLUMNS; j++) all = most[j] > all ? most[j] : all;
    max[r] = all;
  }
}

static void panel_max_loop(float *max, const float *panels, size_t count, size_t rows) {
  for (; count >= PANELS_TOGETHER; count -= PANELS_TOGETHER) {
    few_panels_max(max, panels, PANELS_TOGETHER, rows);
    panels += PANELS_TOGETHER * rows * TILE_COLUMNS;
  }
  for (; count > 0; count--, panels += rows * TILE_COLUMNS) few_panels_max(max, panels, 1, rows);
}

/* exp(x) for x <= 0, where nothing overflows: 1e-38 takes the place of what is smaller. */
INLINE float exp_negative(float x) {
  const float bounded = x < -87.0f ? -87.0f : x;
  const float shifted = bounded * 1.44269504088896341f + ROUNDER;
  const float p = exp_of_rest(bounded, shifted - ROUNDER);
  return float_of(bits_of(p) + (bits_of(shifted) << 23));
}

INLINE void few_panels_exp(float *panels, const size_t count, size_t rows, const float *max,
                           double *sums) {
  for (size_t r = 0; r < rows; r++) {
    float *x = panels + r * TILE_COLUMNS;
    const float highest = max[r];
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (size_t j = 0; j < TILE_COLUMNS; j++) {
#pragma GCC unroll 4
      for (size_t p = 0; p < count; p++) {
        float *y = x + p * rows * TILE_COLUMNS + j;
        *y = exp_negative(*y - highest);
        total += *y;
      }
    }
    sums[r] += (double)total;
  }
}

/* Logits become exp(logit − max); sums [rows] grow by those of each row. */
static void panel_exp_loop(float *panels, size_t count, size_t rows, const float *max,
                           double *sums) {
  for (; count >= PANELS_TOGETHER; count -= PANELS_TOGETHER) {
    few_panels_exp(panels, PANELS_TOGETHER, rows, max, sums);
    panels += PANELS_TOGETHER * rows * TILE_COLUMNS;
  }
  for (; count > 0; count--, panels += rows * TILE_COLUMNS)
    few_panels_exp(panels, 1, rows, max, sums);
}

#endif
