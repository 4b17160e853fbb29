/* op_softmax.c: softmax and its logarithm over the last dimension, one row at a time.
 *
 * The row kernel takes the maximum off first, so that exp neither overflows nor loses everything.
 * What a mask leaves out becomes −infinity before and so 0 after it; a row of which nothing is left
 * is all zeros, without gradient. */
#include <math.h>

#include "tensor/kernels.h"
#include "tensor/tape.h"

typedef struct rows {
  float *y; /* forwards the output, backwards the input's gradient */
  const float *x, *mask;
  const float *output, *gradient; /* backwards: the output and its gradient */
  size_t columns;
} rows;

/* ---- Softmax ------------------------------------------------------------------------------- */

/* y = x where the mask is not 0, else −infinity; false when it is 0 everywhere. */
static bool mask_row(float *y, const float *x, const float *mask, size_t n) {
  bool any = false;
  for (size_t i = 0; i < n; i++) {
    const bool counts = mask[i] != 0;
    y[i] = counts ? x[i] : -INFINITY;
    any = any || counts;
  }
  return any;
}

static void softmax_rows(void *arguments, size_t begin, size_t end) {
  const rows *r = arguments;
  for (size_t i = begin * r->columns; i < end * r->columns; i += r->columns) {
    if (!r->mask) {
      thaw_softmax_row(r->y + i, r->x + i, r->columns);
    } else if (mask_row(r->y + i, r->x + i, r->mask + i, r->columns)) {
      thaw_softmax_row(r->y + i, r->y + i, r->columns);
    } else {
      thaw_fill(r->y + i, 0, r->columns);
    }
  }
}

static void softmax_back_rows(void *arguments, size_t begin, size_t end) {
  const rows *r = arguments;
  for (size_t i = begin * r->columns; i < end * r->columns; i += r->columns) {
    thaw_softmax_row_backward(r->y + i, r->gradient + i, r->output + i, r->columns);
  }
}

static void softmax_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                             size_t count, void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (!dx) return;
  rows r = {.y = dx, .output = y->data, .gradient = y->grad, .columns = thaw_columns(y)};
  thaw_parallel_rows(thaw_rows(y), r.columns, softmax_back_rows, &r);
}

static bool same_shape(const thaw_tensor *a, const thaw_tensor *b) {
  bool same = a->rank == b->rank;
  for (size_t i = 0; i < THAW_MAX_RANK; i++) same = same && a->shape[i] == b->shape[i];
  return same;
}

thaw_tensor *thaw_softmax(thaw_tape *tape, thaw_tensor *x, const thaw_tensor *mask) {
  if (!x || thaw_tape_status(tape) != THAW_OK) return NULL;
  if (mask && !same_shape(x, mask)) {
    char shape_x[THAW_SHAPE_TEXT], shape_mask[THAW_SHAPE_TEXT];
    return thaw_tape_fail(tape, "softmax", "mask %s does not fit %s: expected the same shape",
                          thaw_shape_text(mask, shape_mask), thaw_shape_text(x, shape_x));
  }
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  if (!y) return NULL;
  rows r = {.y = y->data, .x = x->data, .columns = thaw_columns(x)};
  if (mask) r.mask = mask->data;
  thaw_parallel_rows(thaw_rows(x), r.columns, softmax_rows, &r);
  return thaw_tape_record(tape, "softmax", y, 1, &x, softmax_backward, NULL);
}

/* ---- Log softmax --------------------------------------------------------------------------- */

/* y = (x − max) − (log Σ exp(x) − max): the largest, the likely ones, keep all their digits. */
static void log_softmax_rows(void *arguments, size_t begin, size_t end) {
  const rows *r = arguments;
  for (size_t i = begin * r->columns; i < end * r->columns; i += r->columns) {
    const double log_sum = thaw_softmax_row(r->y + i, r->x + i, r->columns);
    const float max = thaw_vector_max(r->x + i, r->columns);
    thaw_scale_shift(r->y + i, 1, r->x + i, -max, r->columns);
    thaw_scale_shift(r->y + i, 1, r->y + i, (float)((double)max - log_sum), r->columns);
  }
}

/* dx += dy − softmax(x) · Σ dy; `output` is the softmax. */
static void log_softmax_back_rows(void *arguments, size_t begin, size_t end) {
  const rows *r = arguments;
  for (size_t i = begin * r->columns; i < end * r->columns; i += r->columns) {
    const float sum = (float)thaw_vector_sum(r->gradient + i, r->columns);
    thaw_axpy(r->y + i, 1, r->gradient + i, r->columns);
    thaw_axpy(r->y + i, -sum, r->output + i, r->columns);
  }
}

static void log_softmax_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                 size_t count, void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (!dx) return;
  const thaw_arena_mark here = thaw_tape_here(tape);
  float *probabilities = thaw_tape_alloc(tape, thaw_size(y) * sizeof(float));
  if (!probabilities) return;
  thaw_vector_exp(probabilities, y->data, thaw_size(y));
  rows r = {.y = dx, .output = probabilities, .gradient = y->grad, .columns = thaw_columns(y)};
  thaw_parallel_rows(thaw_rows(y), r.columns, log_softmax_back_rows, &r);
  thaw_tape_back_to(tape, here);
}

thaw_tensor *thaw_log_softmax(thaw_tape *tape, thaw_tensor *x) {
  if (!x) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  if (!y) return NULL;
  rows r = {.y = y->data, .x = x->data, .columns = thaw_columns(x)};
  thaw_parallel_rows(thaw_rows(x), r.columns, log_softmax_rows, &r);
  return thaw_tape_record(tape, "log_softmax", y, 1, &x, log_softmax_backward, NULL);
}
