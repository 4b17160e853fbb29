/* product.h: matrix products on the calling thread, for loops that are shared among threads
 * already.
 *
 * OpenBLAS packs both matrices anew in each call, shares each call among the threads, and cannot be
 * told otherwise. Where one matrix is used again and again (the recurrent weights of an LSTM),
 * where the result is needed while it is in the cache (a softmax over a vocabulary), or where the
 * product is too small to wait for other threads, these are faster; see the README for figures.
 *
 * The right matrix b [K][N] is packed into panels [K][W] of W = thaw_panel_width() columns, the
 * last of them filled up with zeros. */
#ifndef THAW_PRODUCT_H
#define THAW_PRODUCT_H

#include "tensor/loops.h"

size_t thaw_panel_width(void);
/* How many panels n columns make, and how many columns these have. */
size_t thaw_panel_count(size_t n);
size_t thaw_panels_width(size_t n);

/* b [K][N]: (k, j) stands at data[k·step + j·column]. */
typedef struct thaw_right {
  const float *data;
  size_t step, column;
} thaw_right;

/* panels [count][K][W], of which those from `begin` to `end` are filled in from b [K][n]. */
void thaw_pack_panels(float *panels, thaw_right b, size_t k, size_t n, size_t begin, size_t end);

/* A left matrix of M rows, `stride` floats apart. */
thaw_left thaw_left_rows(const float *data, size_t stride);

/* c [m][columns] = start + a [m][k] · panel [k][W], where start is c itself (add), or `row`
 * [columns], or 0 where that is NULL. columns <= W. */
typedef struct thaw_panel_product {
  size_t m, k;
  thaw_left a;
  const float *panel;
  size_t columns;
  bool add;
  const float *row;
  float *c;
  size_t c_stride;
} thaw_panel_product;
void thaw_multiply_panel(const thaw_panel_product *product);

/* c [m][n] = start + a [m][k] · b [k][n], as above, `row` being [n]; b is packed on the way. */
typedef struct thaw_product {
  size_t m, n, k;
  thaw_left a;
  thaw_right b;
  bool add;
  const float *row;
  float *c;
  size_t c_stride;
} thaw_product;
void thaw_multiply_tiles(const thaw_product *product);

#endif
