/* product.c: products of tiles. See product.h. */
#include "tensor/product.h"

enum {
  DEPTH = 192, /* of k at a time: a panel of so many rows stays in the first-level cache; a multiple
                  of every panel width */
  WIDEST = 32, /* panel, in columns */
  SOME_ROWS = 24, /* at a time where columns are left over */
};

size_t thaw_panel_width(void) {
  return thaw_loops_now()->panel_width;
}

size_t thaw_panel_count(size_t n) {
  const size_t width = thaw_panel_width();
  return (n + width - 1) / width;
}

size_t thaw_panels_width(size_t n) {
  return thaw_panel_count(n) * thaw_panel_width();
}

void thaw_pack_panels(float *panels, thaw_right b, size_t k, size_t n, size_t begin, size_t end) {
  const thaw_loops *loops = thaw_loops_now();
  const size_t width = loops->panel_width;
  for (size_t p = begin; p < end; p++) {
    const size_t first = p * width, columns = n - first < width ? n - first : width;
    loops->pack(panels + p * k * width, b.data + first * b.column, b.step, b.column, k, columns);
  }
}

thaw_left thaw_left_rows(const float *data, size_t stride) {
  return (thaw_left){.data = data, .row = stride, .step = 1, .run = SIZE_MAX};
}

/* The left matrix from k on, which is a multiple of a run. */
static thaw_left left_from(thaw_left a, size_t k) {
  a.data += k * a.step + (a.run == SIZE_MAX ? 0 : k / a.run * a.jump);
  return a;
}

/* c [m][columns], of which there are fewer than the panel has. */
static void multiply_narrow(const thaw_panel_product *p, size_t k, const thaw_left *a,
                            const float *panel, bool add) {
  float whole[SOME_ROWS * WIDEST];
  const thaw_loops *loops = thaw_loops_now();
  for (size_t begin = 0; begin < p->m; begin += SOME_ROWS) {
    const size_t rows = p->m - begin < SOME_ROWS ? p->m - begin : SOME_ROWS;
    thaw_left some = *a;
    some.data += begin * a->row;
    loops->multiply_panel(rows, k, &some, panel, false, NULL, whole, WIDEST);
    for (size_t i = 0; i < rows; i++) {
      float *c = p->c + (begin + i) * p->c_stride;
      for (size_t j = 0; j < p->columns; j++) {
        c[j] = whole[i * WIDEST + j] + (add ? c[j] : p->row ? p->row[j] : 0);
      }
    }
  }
}

/* k rows of the panel, from `from` on. */
static void multiply_depth(const thaw_panel_product *p, size_t from, size_t k, const float *panel) {
  const thaw_loops *loops = thaw_loops_now();
  const bool add = p->add || from > 0;
  const thaw_left a = left_from(p->a, from);
  if (p->columns == loops->panel_width) {
    loops->multiply_panel(p->m, k, &a, panel, add, p->row, p->c, p->c_stride);
  } else {
    multiply_narrow(p, k, &a, panel, add);
  }
}

void thaw_multiply_panel(const thaw_panel_product *product) {
  const size_t width = thaw_panel_width();
  for (size_t from = 0; from < product->k; from += DEPTH) {
    const size_t k = product->k - from < DEPTH ? product->k - from : DEPTH;
    multiply_depth(product, from, k, product->panel + from * width);
  }
}

/* Part after part of k: that of a stays in the second-level cache while the panels go by. */
void thaw_multiply_tiles(const thaw_product *p) {
  _Alignas(64) float panel[DEPTH * WIDEST];
  const thaw_loops *loops = thaw_loops_now();
  for (size_t from = 0; from < p->k; from += DEPTH) {
    const size_t k = p->k - from < DEPTH ? p->k - from : DEPTH;
    for (size_t j = 0; j < p->n; j += loops->panel_width) {
      const size_t columns = p->n - j < loops->panel_width ? p->n - j : loops->panel_width;
      const float *b = p->b.data + from * p->b.step + j * p->b.column;
      loops->pack(panel, b, p->b.step, p->b.column, k, columns);
      const thaw_panel_product one = {.m = p->m,
                                      .a = p->a,
                                      .columns = columns,
                                      .add = p->add,
                                      .row = p->row ? p->row + j : NULL,
                                      .c = p->c + j,
                                      .c_stride = p->c_stride};
      multiply_depth(&one, from, k, panel);
    }
  }
}
