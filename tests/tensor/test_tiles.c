/* test_tiles.c: products by tiles against sums in double, for every border that a size can meet. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tape_check.h"
#include "tensor/product.h"

typedef struct matrices {
  size_t m, n, k;
  float *a, *b, *row, *c; /* [m][k], [k][n], [n], [m][n] with three floats between rows */
} matrices;

enum { GAP = 3 };

static float *random_floats(size_t count, uint64_t seed) {
  thaw_rng rng = thaw_rng_make(seed, 0);
  float *values = malloc(count * sizeof *values);
  ck_assert_ptr_nonnull(values);
  for (size_t i = 0; i < count; i++) values[i] = 2 * thaw_rng_uniform(&rng) - 1;
  return values;
}

static matrices make(size_t m, size_t n, size_t k) {
  return (matrices){m,
                    n,
                    k,
                    random_floats(m * k, 1),
                    random_floats(k * n, 2),
                    random_floats(n, 3),
                    random_floats(m * (n + GAP), 4)};
}

static void release(matrices *x) {
  free(x->a);
  free(x->b);
  free(x->row);
  free(x->c);
}

/* What c has to be; floats between the rows stay. */
static float *expected_of(const matrices *x, bool add, bool row) {
  float *c = random_floats(x->m * (x->n + GAP), 4);
  for (size_t i = 0; i < x->m; i++) {
    for (size_t j = 0; j < x->n; j++) {
      double sum = 0;
      if (row) sum = (double)x->row[j];
      if (add) sum = (double)c[i * (x->n + GAP) + j];
      for (size_t q = 0; q < x->k; q++)
        sum += (double)x->a[i * x->k + q] * (double)x->b[q * x->n + j];
      c[i * (x->n + GAP) + j] = (float)sum;
    }
  }
  return c;
}

static void expect_product(const char *what, const matrices *x, bool add, bool row) {
  float *expected = expected_of(x, add, row);
  expect_close(what, x->c, expected, x->m * (x->n + GAP), 1e-4);
  free(expected);
}

static thaw_product product_of(const matrices *x, bool add, bool row) {
  return (thaw_product){.m = x->m,
                        .n = x->n,
                        .k = x->k,
                        .a = thaw_left_rows(x->a, x->k),
                        .b = {x->b, x->n, 1},
                        .add = add,
                        .row = row ? x->row : NULL,
                        .c = x->c,
                        .c_stride = x->n + GAP};
}

static const size_t SIZES[] = {1, 2, 5, 6, 7, 13, 24, 25, 33, 64, 193, 400};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

/* Each size in each place, with every kind of start. */
START_TEST(products_of_all_sizes) {
  for (size_t i = 0; i < 3 * SIZE_COUNT; i++) {
    const size_t size = SIZES[i / 3];
    for (size_t start = 0; start < 3; start++) {
      matrices x = i % 3 == 0   ? make(size, 19, 11)
                   : i % 3 == 1 ? make(7, size, 11)
                                : make(7, 19, size);
      const thaw_product product = product_of(&x, start == 1, start == 2);
      thaw_multiply_tiles(&product);
      expect_product("c", &x, start == 1, start == 2);
      release(&x);
    }
  }
}
END_TEST

START_TEST(transposed_matrices) {
  matrices x = make(29, 50, 201);
  float *a = malloc(29 * 201 * sizeof *a), *b = malloc(50 * 201 * sizeof *b);
  ck_assert(a && b);
  for (size_t i = 0; i < 29 * 201; i++) a[i % 201 * 29 + i / 201] = x.a[i];
  for (size_t i = 0; i < 50 * 201; i++) b[i % 50 * 201 + i / 50] = x.b[i];
  thaw_product product = product_of(&x, false, false);
  product.a = (thaw_left){.data = a, .row = 1, .step = 29, .run = SIZE_MAX};
  product.b = (thaw_right){b, 1, 201};
  thaw_multiply_tiles(&product);
  expect_product("c", &x, false, false);
  free(a);
  free(b);
  release(&x);
}
END_TEST

/* A left matrix that a product has left in panels. */
START_TEST(left_matrix_in_panels) {
  const size_t width = thaw_panel_width();
  matrices x = make(10, 21, 14 * width + 3);
  const size_t panels = thaw_panel_count(x.k);
  float *a = calloc(panels * x.m * width, sizeof *a);
  ck_assert_ptr_nonnull(a);
  for (size_t i = 0; i < x.m; i++) {
    for (size_t q = 0; q < x.k; q++)
      a[(q / width * x.m + i) * width + q % width] = x.a[i * x.k + q];
  }
  thaw_product product = product_of(&x, true, false);
  product.a =
      (thaw_left){.data = a, .row = width, .step = 1, .run = width, .jump = (x.m - 1) * width};
  thaw_multiply_tiles(&product);
  expect_product("c", &x, true, false);
  free(a);
  release(&x);
}
END_TEST

/* Packed once, panel by panel; the last panel is narrow. */
START_TEST(packed_panels) {
  matrices x = make(64, 4 * thaw_panel_width() + 5, 300);
  const size_t panels = thaw_panel_count(x.n), width = thaw_panel_width();
  ck_assert_uint_eq(panels, 5);
  ck_assert_uint_eq(thaw_panels_width(x.n), 5 * width);
  float *packed = malloc(x.k * thaw_panels_width(x.n) * sizeof *packed);
  ck_assert_ptr_nonnull(packed);
  thaw_pack_panels(packed, (thaw_right){x.b, x.n, 1}, x.k, x.n, 0, 2);
  thaw_pack_panels(packed, (thaw_right){x.b, x.n, 1}, x.k, x.n, 2, panels);
  for (size_t p = 0; p < panels; p++) {
    thaw_multiply_panel(&(thaw_panel_product){.m = x.m,
                                              .k = x.k,
                                              .a = thaw_left_rows(x.a, x.k),
                                              .panel = packed + p * x.k * width,
                                              .columns = p + 1 < panels ? width : 5,
                                              .row = x.row + p * width,
                                              .c = x.c + p * width,
                                              .c_stride = x.n + GAP});
  }
  expect_product("c", &x, false, true);
  free(packed);
  release(&x);
}
END_TEST

START_TEST(nan_and_infinity_pass) {
  matrices x = make(8, 8, 8);
  x.a[3 * 8 + 2] = NAN;
  x.b[5 * 8 + 6] = INFINITY;
  const thaw_product product = product_of(&x, false, false);
  thaw_multiply_tiles(&product);
  for (size_t j = 0; j < 8; j++) ck_assert(isnan(x.c[3 * (8 + GAP) + j]));
  for (size_t i = 0; i < 8; i++) ck_assert(!isfinite(x.c[i * (8 + GAP) + 6]));
  ck_assert(isfinite(x.c[0]));
  release(&x);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tiles");
  TCase *cases = tcase_create("products");
  tcase_add_test(cases, products_of_all_sizes);
  tcase_add_test(cases, transposed_matrices);
  tcase_add_test(cases, left_matrix_in_panels);
  tcase_add_test(cases, packed_panels);
  tcase_add_test(cases, nan_and_infinity_pass);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
