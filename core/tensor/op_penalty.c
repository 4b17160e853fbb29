/* op_penalty.c: what hidden states cost by their size (activation regularisation) and by their
 * change from step to step (temporal activation regularisation). */
#include "tensor/kernels.h"
#include "tensor/tape.h"

/* Pairs of rows of x [T][B][D] that count: for the change, row i + B and row i. */
typedef struct penalty {
  const float *mask; /* [T][B], or NULL: all count */
  size_t elements;   /* that count */
  float *change;     /* [D], scratch */
} penalty;

static bool row_counts(const penalty *p, size_t row) {
  return !p->mask || p->mask[row] != 0;
}

static bool shapes_fit(thaw_tape *tape, const char *operation, const thaw_tensor *x,
                       const thaw_tensor *mask) {
  char shape[THAW_SHAPE_TEXT], shape_mask[THAW_SHAPE_TEXT];
  if (x->rank != 3) {
    thaw_tape_fail(tape, operation, "input %s, expected [T][B][D]", thaw_shape_text(x, shape));
    return false;
  }
  if (mask && (mask->rank != 2 || mask->shape[0] != x->shape[0] || mask->shape[1] != x->shape[1])) {
    thaw_tape_fail(tape, operation,
                   "input %s and mask %s do not fit: expected [T][B][D] and [T][B]",
                   thaw_shape_text(x, shape), thaw_shape_text(mask, shape_mask));
    return false;
  }
  return true;
}

/* The result, sum / elements, and 0 without gradient where nothing counts. */
static thaw_tensor *record_mean(thaw_tape *tape, const char *operation, thaw_tensor *x, double sum,
                                penalty *p, thaw_backward backward) {
  thaw_tensor *y = thaw_tape_tensor(tape, 0, NULL);
  if (!y) return NULL;
  y->data[0] = p->elements ? (float)(sum / (double)p->elements) : 0;
  if (p->elements == 0) return y;
  return thaw_tape_record(tape, operation, y, 1, &x, backward, p);
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* dx += 2·dy/elements · x, in rows that count */
static void mean_square_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                 size_t count, void *context) {
  (void)count;
  const penalty *p = context;
  thaw_tensor *x = inputs[0];
  float *dx = thaw_grad(tape, x);
  if (!dx) return;
  const float factor = 2 * y->grad[0] / (float)p->elements;
  const size_t rows = thaw_rows(x), width = x->shape[2];
  if (!p->mask) {
    thaw_axpy(dx, factor, x->data, rows * width);
    return;
  }
  for (size_t row = 0; row < rows; row++) {
    if (row_counts(p, row)) thaw_axpy(dx + row * width, factor, x->data + row * width, width);
  }
}

thaw_tensor *thaw_mean_square(thaw_tape *tape, thaw_tensor *x, const thaw_tensor *mask) {
  if (!x || !shapes_fit(tape, "mean_square", x, mask)) return NULL;
  penalty *p = thaw_tape_alloc(tape, sizeof *p);
  if (!p) return NULL;
  const size_t rows = thaw_rows(x), width = x->shape[2];
  *p = (penalty){.mask = mask ? mask->data : NULL};
  double sum = mask ? 0 : thaw_sum_of_squares(x->data, rows * width);
  for (size_t row = 0; row < rows; row++) {
    if (!row_counts(p, row)) continue;
    p->elements += width;
    if (mask) sum += thaw_sum_of_squares(x->data + row * width, width);
  }
  return record_mean(tape, "mean_square", x, sum, p, mean_square_backward);
}

/* ---- Change from step to step ---------------------------------------------------------------- */

/* Row i of x, [T-1][B][D], counts if the one after it does, too; its change is x[t+1] − x[t]. */
static bool step_counts(const penalty *p, size_t row, size_t batch) {
  return row_counts(p, row) && row_counts(p, row + batch);
}

/* With s = 2·dy/elements · (x[t+1] − x[t]): dx[t+1] += s, dx[t] −= s */
static void mean_square_step_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                      size_t count, void *context) {
  (void)count;
  const penalty *p = context;
  thaw_tensor *x = inputs[0];
  float *dx = thaw_grad(tape, x);
  if (!dx) return;
  const float factor = 2 * y->grad[0] / (float)p->elements;
  const size_t batch = x->shape[1], width = x->shape[2], rows = (x->shape[0] - 1) * batch;
  for (size_t row = 0; row < rows; row++) {
    if (!step_counts(p, row, batch)) continue;
    const size_t at = row * width, next = (row + batch) * width;
    thaw_vector_subtract(p->change, x->data + next, x->data + at, width);
    thaw_axpy(dx + next, factor, p->change, width);
    thaw_axpy(dx + at, -factor, p->change, width);
  }
}

thaw_tensor *thaw_mean_square_step(thaw_tape *tape, thaw_tensor *x, const thaw_tensor *mask) {
  if (!x || !shapes_fit(tape, "mean_square_step", x, mask)) return NULL;
  const size_t batch = x->shape[1], width = x->shape[2], rows = (x->shape[0] - 1) * batch;
  penalty *p = thaw_tape_alloc(tape, sizeof *p);
  float *change = thaw_tape_alloc(tape, width * sizeof *change);
  if (!p || !change) return NULL;
  *p = (penalty){.mask = mask ? mask->data : NULL, .change = change};
  double sum = 0;
  for (size_t row = 0; row < rows; row++) {
    if (!step_counts(p, row, batch)) continue;
    p->elements += width;
    thaw_vector_subtract(change, x->data + (row + batch) * width, x->data + row * width, width);
    sum += thaw_sum_of_squares(change, width);
  }
  return record_mean(tape, "mean_square_step", x, sum, p, mean_square_step_backward);
}
