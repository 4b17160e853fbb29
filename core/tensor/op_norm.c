/* op_norm.c: layer and batch normalisation.
 *
 * Both make y = n · gain + bias from n = (x − mean) · r, r = 1/√(variance + epsilon), and keep n
 * and r for the way back. With g = dy · gain, and averages taken over what mean and variance were
 * taken over, dx = r · (g − average(g) − n · average(g · n)), dgain = Σ dy · n, dbias = Σ dy. */
#include <math.h>
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/tape.h"

typedef struct normalised {
  float *n;        /* as x */
  float *r;        /* layer norm: [rows], batch norm: [D] */
  bool from_batch; /* batch norm: mean and variance depend on x */
} normalised;

/* False, with the tape's error set, unless x is [..][D] and `row` [D]. */
static bool row_fits(thaw_tape *tape, const char *operation, const thaw_tensor *x, const char *name,
                     const thaw_tensor *row) {
  if (x->rank > 0 && row->rank == 1 && row->shape[0] == thaw_columns(x)) return true;
  char shape_x[THAW_SHAPE_TEXT], shape_row[THAW_SHAPE_TEXT];
  thaw_tape_fail(tape, operation, "input %s and %s %s do not fit: expected [..][D] and [D]",
                 thaw_shape_text(x, shape_x), name, thaw_shape_text(row, shape_row));
  return false;
}

/* y [rows][D] = n · gain + bias */
typedef struct gain_arguments {
  float *y;
  const float *n, *gain, *bias;
  size_t columns;
} gain_arguments;

static void gain_range(void *arguments, size_t begin, size_t end) {
  const gain_arguments *s = arguments;
  for (size_t i = begin * s->columns; i < end * s->columns; i += s->columns) {
    thaw_vector_multiply(s->y + i, s->n + i, s->gain, s->columns);
    thaw_axpy(s->y + i, 1, s->bias, s->columns);
  }
}

static void apply_gain(thaw_tensor *y, const float *n, const thaw_tensor *gain,
                       const thaw_tensor *bias) {
  const size_t columns = thaw_columns(y);
  thaw_parallel_rows(thaw_rows(y), columns, gain_range,
                     &(gain_arguments){y->data, n, gain->data, bias->data, columns});
}

/* ---- Layer norm ---------------------------------------------------------------------------- */

typedef struct layer_arguments {
  float *n, *r;
  const float *x;
  size_t columns;
  float epsilon;
} layer_arguments;

static void layer_range(void *arguments, size_t begin, size_t end) {
  const layer_arguments *s = arguments;
  const size_t columns = s->columns;
  for (size_t row = begin; row < end; row++) {
    const float *x = s->x + row * columns;
    float *n = s->n + row * columns;
    const double mean = thaw_vector_sum(x, columns) / (double)columns;
    thaw_scale_shift(n, 1, x, (float)-mean, columns);
    const double variance = thaw_sum_of_squares(n, columns) / (double)columns;
    s->r[row] = (float)(1 / sqrt(variance + (double)s->epsilon));
    thaw_scale(n, s->r[row], n, columns);
  }
}

typedef struct layer_back_arguments {
  float *dx, *scratch; /* [rows][D] */
  const float *dy, *gain;
  const normalised *kept;
  size_t columns;
} layer_back_arguments;

static void layer_back_range(void *arguments, size_t begin, size_t end) {
  const layer_back_arguments *s = arguments;
  const size_t columns = s->columns;
  for (size_t row = begin; row < end; row++) {
    const size_t at = row * columns;
    float *g = s->scratch + at;
    const float *n = s->kept->n + at;
    thaw_vector_multiply(g, s->dy + at, s->gain, columns);
    const double average = thaw_vector_sum(g, columns) / (double)columns;
    const double along = thaw_dot(g, n, columns) / (double)columns;
    thaw_scale_shift(g, 1, g, (float)-average, columns);
    thaw_axpy(g, (float)-along, n, columns);
    thaw_axpy(s->dx + at, s->kept->r[row], g, columns);
  }
}

static void layer_norm_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                size_t count, void *context) {
  (void)count;
  const normalised *kept = context;
  const size_t rows = thaw_rows(y), columns = thaw_columns(y), size = thaw_size(y);
  float *dx = thaw_grad(tape, inputs[0]), *dgain = thaw_grad(tape, inputs[1]);
  float *dbias = thaw_grad(tape, inputs[2]);
  const thaw_arena_mark here = thaw_tape_here(tape);
  float *scratch = thaw_tape_alloc(tape, size * sizeof(float));
  if (!scratch) return;
  if (dgain) {
    thaw_vector_multiply(scratch, y->grad, kept->n, size);
    thaw_column_sums(dgain, scratch, rows, columns);
  }
  if (dbias) thaw_column_sums(dbias, y->grad, rows, columns);
  if (dx) {
    thaw_parallel_rows(
        rows, columns, layer_back_range,
        &(layer_back_arguments){dx, scratch, y->grad, inputs[1]->data, kept, columns});
  }
  thaw_tape_back_to(tape, here);
}

thaw_tensor *thaw_layer_norm(thaw_tape *tape, thaw_tensor *x, thaw_tensor *gain, thaw_tensor *bias,
                             float epsilon) {
  if (!x || !gain || !bias) return NULL;
  if (!row_fits(tape, "layer_norm", x, "gain", gain) ||
      !row_fits(tape, "layer_norm", x, "bias", bias)) {
    return NULL;
  }
  const size_t rows = thaw_rows(x), columns = thaw_columns(x);
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  normalised *context = thaw_tape_alloc(tape, sizeof *context);
  if (!y || !context) return NULL;
  thaw_tensor *inputs[] = {x, gain, bias};
  *context = (normalised){.n = y->data, .r = thaw_tape_alloc(tape, rows * sizeof(float))};
  if (thaw_tape_wants(tape, 3, inputs)) {
    context->n = thaw_tape_alloc(tape, thaw_size(x) * sizeof(float));
  }
  if (!context->n || !context->r) return NULL;
  thaw_parallel_rows(rows, columns, layer_range,
                     &(layer_arguments){context->n, context->r, x->data, columns, epsilon});
  apply_gain(y, context->n, gain, bias);
  return thaw_tape_record(tape, "layer_norm", y, 3, inputs, layer_norm_backward, context);
}

/* ---- Batch norm ---------------------------------------------------------------------------- */

/* Averages over the rows of x [N][D]. */
static void column_means(float *means, const float *x, size_t rows, size_t columns) {
  thaw_fill(means, 0, columns);
  thaw_column_sums(means, x, rows, columns);
  thaw_scale(means, 1.0f / (float)rows, means, columns);
}

/* running ← (1 − momentum)·running + momentum·factor·batch */
static void update_running(float *running, const float *batch, size_t n, float momentum,
                           float factor) {
  thaw_scale(running, 1 - momentum, running, n);
  thaw_axpy(running, momentum * factor, batch, n);
}

/* n [N][D] = x − mean */
static void centre(float *n, const float *x, const float *mean, size_t rows, size_t columns,
                   float *scratch) {
  memcpy(n, x, rows * columns * sizeof(float));
  thaw_scale(scratch, -1, mean, columns);
  thaw_add_row(n, scratch, rows, columns);
}

typedef struct batch_back_arguments {
  float *dx, *scratch; /* [N][D] */
  const float *dy, *n;
  const float *factor, *average, *along; /* [D]: gain · r, average(dy), average(dy · n) */
  bool from_batch;
  size_t columns;
} batch_back_arguments;

static void batch_back_range(void *arguments, size_t begin, size_t end) {
  const batch_back_arguments *s = arguments;
  const size_t columns = s->columns;
  for (size_t at = begin * columns; at < end * columns; at += columns) {
    const float *g = s->dy + at;
    if (s->from_batch) {
      float *rest = s->scratch + at;
      thaw_vector_multiply(rest, s->n + at, s->along, columns);
      thaw_vector_subtract(rest, g, rest, columns);
      thaw_vector_subtract(rest, rest, s->average, columns);
      g = rest;
    }
    thaw_multiply_add(s->dx + at, s->factor, g, columns);
  }
}

static void batch_norm_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                size_t count, void *context) {
  (void)count;
  const normalised *kept = context;
  const size_t rows = y->shape[0], columns = y->shape[1], size = rows * columns;
  float *dx = thaw_grad(tape, inputs[0]), *dgain = thaw_grad(tape, inputs[1]);
  float *dbias = thaw_grad(tape, inputs[2]);
  const thaw_arena_mark here = thaw_tape_here(tape);
  float *scratch = thaw_tape_alloc(tape, size * sizeof(float));
  float *along = thaw_tape_alloc(tape, columns * sizeof(float));
  float *average = thaw_tape_alloc(tape, columns * sizeof(float));
  float *factor = thaw_tape_alloc(tape, columns * sizeof(float));
  if (!scratch || !along || !average || !factor) return;
  thaw_vector_multiply(scratch, y->grad, kept->n, size);
  column_means(along, scratch, rows, columns);
  column_means(average, y->grad, rows, columns);
  if (dgain) thaw_axpy(dgain, (float)rows, along, columns);
  if (dbias) thaw_axpy(dbias, (float)rows, average, columns);
  thaw_vector_multiply(factor, inputs[1]->data, kept->r, columns);
  if (dx) {
    thaw_parallel_rows(rows, columns, batch_back_range,
                       &(batch_back_arguments){dx, scratch, y->grad, kept->n, factor, average,
                                               along, kept->from_batch, columns});
  }
  thaw_tape_back_to(tape, here);
}

/* Fills in n and r. mean and variance [D] are the running ones, or receive those of the batch; y is
 * scratch. */
static void normalise(normalised *kept, thaw_tensor *y, const thaw_tensor *x, float *mean,
                      float *variance, float epsilon) {
  const size_t rows = x->shape[0], columns = x->shape[1], size = rows * columns;
  if (kept->from_batch) column_means(mean, x->data, rows, columns);
  centre(kept->n, x->data, mean, rows, columns, kept->r);
  if (kept->from_batch) {
    thaw_vector_multiply(y->data, kept->n, kept->n, size);
    column_means(variance, y->data, rows, columns);
  }
  for (size_t j = 0; j < columns; j++) {
    kept->r[j] = (float)(1 / sqrt((double)variance[j] + (double)epsilon));
  }
  for (size_t i = 0; i < size; i += columns) {
    thaw_vector_multiply(kept->n + i, kept->n + i, kept->r, columns);
  }
}

/* A batch of one has no variance of its own: it is treated as in evaluation. */
thaw_tensor *thaw_batch_norm(thaw_tape *tape, thaw_tensor *x, thaw_tensor *gain, thaw_tensor *bias,
                             thaw_tensor *running_mean, thaw_tensor *running_variance,
                             float momentum, float epsilon) {
  if (!x || !gain || !bias || !running_mean || !running_variance) return NULL;
  char shape[THAW_SHAPE_TEXT];
  if (x->rank != 2) {
    return thaw_tape_fail(tape, "batch_norm", "the input is %s: expected [N][D]",
                          thaw_shape_text(x, shape));
  }
  if (!row_fits(tape, "batch_norm", x, "gain", gain) ||
      !row_fits(tape, "batch_norm", x, "bias", bias) ||
      !row_fits(tape, "batch_norm", x, "running mean", running_mean) ||
      !row_fits(tape, "batch_norm", x, "running variance", running_variance)) {
    return NULL;
  }
  const size_t rows = x->shape[0], columns = x->shape[1], row_bytes = columns * sizeof(float);
  thaw_tensor *y = thaw_tape_tensor(tape, 2, x->shape);
  normalised *context = thaw_tape_alloc(tape, sizeof *context);
  float *n = thaw_tape_alloc(tape, rows * row_bytes), *r = thaw_tape_alloc(tape, row_bytes);
  float *mean = thaw_tape_alloc(tape, row_bytes), *variance = thaw_tape_alloc(tape, row_bytes);
  if (!y || !context || !n || !r || !mean || !variance) return NULL;
  *context = (normalised){n, r, .from_batch = thaw_tape_training(tape) && rows > 1};
  memcpy(mean, running_mean->data, row_bytes);
  memcpy(variance, running_variance->data, row_bytes);
  normalise(context, y, x, mean, variance, epsilon);
  apply_gain(y, n, gain, bias);
  if (context->from_batch) {
    const float unbiased = (float)rows / (float)(rows - 1);
    update_running(running_mean->data, mean, columns, momentum, 1);
    update_running(running_variance->data, variance, columns, momentum, unbiased);
  }
  return thaw_tape_record(tape, "batch_norm", y, 3, (thaw_tensor *[]){x, gain, bias},
                          batch_norm_backward, context);
}
