/* op_product.c: products of matrices and the linear layer. */
#include "tensor/blas.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

typedef struct transposes {
  bool a, b;
} transposes;

/* The dimensions of op(x): the stored ones, exchanged if transposed. */
static size_t rows_of(const thaw_tensor *x, bool transposed) {
  return x->shape[transposed ? 1 : 0];
}

/* c [M][N] = op(a) [M][K] · op(b) [K][N]. A gradient has the layout of its own matrix, so a
 * transposed one is found as the product the other way round. */
static void matmul_backward(thaw_tape *tape, thaw_tensor *c, thaw_tensor *const *inputs,
                            size_t count, void *context) {
  (void)count;
  const transposes *t = context;
  thaw_tensor *a = inputs[0], *b = inputs[1];
  const size_t m = rows_of(a, t->a), k = rows_of(a, !t->a), n = rows_of(b, !t->b);
  const size_t stride_a = a->shape[1], stride_b = b->shape[1];
  float *da = thaw_grad(tape, a), *db = thaw_grad(tape, b);
  if (da && t->a) {
    thaw_sgemm(t->b, true, k, m, n, 1, b->data, stride_b, c->grad, n, 1, da, stride_a);
  } else if (da) {
    thaw_sgemm(false, !t->b, m, k, n, 1, c->grad, n, b->data, stride_b, 1, da, stride_a);
  }
  if (db && t->b) {
    thaw_sgemm(true, t->a, n, k, m, 1, c->grad, n, a->data, stride_a, 1, db, stride_b);
  } else if (db) {
    thaw_sgemm(!t->a, false, k, n, m, 1, a->data, stride_a, c->grad, n, 1, db, stride_b);
  }
}

thaw_tensor *thaw_matmul(thaw_tape *tape, thaw_tensor *a, bool transpose_a, thaw_tensor *b,
                         bool transpose_b) {
  if (!a || !b) return NULL;
  char shape_a[THAW_SHAPE_TEXT], shape_b[THAW_SHAPE_TEXT];
  if (a->rank != 2 || b->rank != 2 || rows_of(a, !transpose_a) != rows_of(b, transpose_b)) {
    return thaw_tape_fail(tape, "matmul", "%s%s and %s%s do not fit: expected [M][K] and [K][N]",
                          thaw_shape_text(a, shape_a), transpose_a ? " transposed" : "",
                          thaw_shape_text(b, shape_b), transpose_b ? " transposed" : "");
  }
  const size_t m = rows_of(a, transpose_a), k = rows_of(a, !transpose_a);
  const size_t n = rows_of(b, !transpose_b);
  if (!thaw_blas_fits(m) || !thaw_blas_fits(k) || !thaw_blas_fits(n)) {
    return thaw_tape_fail(tape, "matmul", "%s and %s are too large for the matrix library",
                          thaw_shape_text(a, shape_a), thaw_shape_text(b, shape_b));
  }
  thaw_tensor *c = thaw_tape_tensor(tape, 2, (size_t[]){m, n});
  transposes *context = thaw_tape_alloc(tape, sizeof *context);
  if (!c || !context) return NULL;
  *context = (transposes){transpose_a, transpose_b};
  thaw_sgemm(transpose_a, transpose_b, m, n, k, 1, a->data, a->shape[1], b->data, b->shape[1], 0,
             c->data, n);
  return thaw_tape_record(tape, "matmul", c, 2, (thaw_tensor *[]){a, b}, matmul_backward, context);
}

/* y [N][O] = x [N][I] · weight [O][I]ᵀ + bias [O] */
static void linear_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                            size_t count, void *context) {
  (void)count, (void)context;
  thaw_tensor *x = inputs[0], *weight = inputs[1];
  const size_t rows = thaw_rows(x), in = thaw_columns(x), out = thaw_columns(y);
  float *dx = thaw_grad(tape, x), *dw = thaw_grad(tape, weight), *db = thaw_grad(tape, inputs[2]);
  if (dx) thaw_sgemm(false, false, rows, in, out, 1, y->grad, out, weight->data, in, 1, dx, in);
  if (dw) thaw_sgemm(true, false, out, in, rows, 1, y->grad, out, x->data, in, 1, dw, in);
  if (db) thaw_column_sums(db, y->grad, rows, out);
}

thaw_tensor *thaw_linear(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight, thaw_tensor *bias) {
  if (!x || !weight || thaw_tape_status(tape) != THAW_OK) return NULL;
  char shape_x[THAW_SHAPE_TEXT], shape_w[THAW_SHAPE_TEXT], shape_b[THAW_SHAPE_TEXT];
  if (x->rank == 0 || weight->rank != 2 || thaw_columns(x) != weight->shape[1]) {
    return thaw_tape_fail(tape, "linear",
                          "input %s and weight %s do not fit: expected [..][I] and [O][I]",
                          thaw_shape_text(x, shape_x), thaw_shape_text(weight, shape_w));
  }
  const size_t rows = thaw_rows(x), in = thaw_columns(x), out = weight->shape[0];
  if (bias && (bias->rank != 1 || bias->shape[0] != out)) {
    return thaw_tape_fail(tape, "linear",
                          "weight %s and bias %s do not fit: expected [O][I] and [O]",
                          thaw_shape_text(weight, shape_w), thaw_shape_text(bias, shape_b));
  }
  if (!thaw_blas_fits(rows) || !thaw_blas_fits(in) || !thaw_blas_fits(out)) {
    return thaw_tape_fail(tape, "linear", "%s and %s are too large for the matrix library",
                          thaw_shape_text(x, shape_x), thaw_shape_text(weight, shape_w));
  }
  size_t shape[THAW_MAX_RANK];
  for (size_t i = 0; i < x->rank; i++) shape[i] = i + 1 < x->rank ? x->shape[i] : out;
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, shape);
  if (!y) return NULL;
  thaw_sgemm(false, true, rows, out, in, 1, x->data, in, weight->data, in, 0, y->data, out);
  if (bias) thaw_add_row(y->data, bias->data, rows, out);
  return thaw_tape_record(tape, "linear", y, 3, (thaw_tensor *[]){x, weight, bias}, linear_backward,
                          NULL);
}
