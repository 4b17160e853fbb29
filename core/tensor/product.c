/* product.c: products of tiles. See product.h. */
#include "tensor/product.h"

enum {
  DEPTH = 256, /* of k at a time: a panel of so many rows stays in the first-level cache */
  WIDEST = 32, /* panel, in columns */
  HIGHEST = 12 /* tile, in rows */
};

size_t thaw_panel_width(void) {
  return thaw_loops_now()->tile_columns;
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
  const size_t width = loops->tile_columns;
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

/* A tile whose last columns do not exist in c. */
static void narrow_tile(const thaw_panel_product *p, size_t rows, size_t k, thaw_left a,
                        const float *panel, bool add, float *c) {
  float whole[HIGHEST * WIDEST];
  thaw_loops_now()->tile(rows, k, a, panel, false, NULL, whole, WIDEST);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < p->columns; j++) {
      float *to = c + i * p->c_stride + j;
      *to = whole[i * WIDEST + j] + (add ? *to : p->row ? p->row[j] : 0);
    }
  }
}

/* k rows of the panel, from `from` on. Rows are divided evenly: a tile of few rows is slow. */
static void multiply_depth(const thaw_panel_product *p, size_t from, size_t k, const float *panel) {
  const thaw_loops *loops = thaw_loops_now();
  const bool add = p->add || from > 0;
  thaw_left a = left_from(p->a, from);
  float *c = p->c;
  size_t tiles = (p->m + loops->tile_rows - 1) / loops->tile_rows;
  for (size_t left = p->m; left > 0; tiles--) {
    const size_t rows = (left + tiles - 1) / tiles;
    if (p->columns == loops->tile_columns) {
      loops->tile(rows, k, a, panel, add, p->row, c, p->c_stride);
    } else {
      narrow_tile(p, rows, k, a, panel, add, c);
    }
    a.data += rows * a.row;
    c += rows * p->c_stride;
    left -= rows;
  }
}

void thaw_multiply_panel(const thaw_panel_product *product) {
  const size_t width = thaw_panel_width();
  for (size_t from = 0; from < product->k; from += DEPTH) {
    const size_t k = product->k - from < DEPTH ? product->k - from : DEPTH;
    multiply_depth(product, from, k, product->panel + from * width);
  }
}

void thaw_multiply_unpacked(const thaw_panel_product *product, thaw_right b) {
  _Alignas(64) float panel[DEPTH * WIDEST];
  for (size_t from = 0; from < product->k; from += DEPTH) {
    const size_t k = product->k - from < DEPTH ? product->k - from : DEPTH;
    thaw_loops_now()->pack(panel, b.data + from * b.step, b.step, b.column, k, product->columns);
    multiply_depth(product, from, k, panel);
  }
}
