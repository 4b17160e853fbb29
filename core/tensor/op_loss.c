/* op_loss.c: cross entropy, of given logits and of those of a linear layer.
 *
 * The gradient of a row's loss by its logits, softmax − one-hot, is found along with the loss and
 * takes the place of the logits. Behind a linear layer the logits of a large vocabulary would be
 * many times the size of everything else: they exist for a block of rows at a time, and what flows
 * back from the block is found while it is there. So the forward function computes the
 * gradients, which backward only has to scale and add. */
#include "tensor/blas.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

/* A block has so many rows that reading the weight and adding to its gradient once a block cost
 * little beside the products. */
enum {
  BLOCK_LOGITS = 1 << 23,      /* elements in a block, 32 MiB */
  FEWEST_ROWS = 128,           /* in a block, whatever the size of the vocabulary */
  PARALLEL_ELEMENTS = 1 << 13, /* from which rows are shared among threads */
};

/* ---- Rows of logits, shared among threads ---------------------------------------------------- */

typedef struct loss_rows {
  const float *logits; /* [rows][C] */
  float *slopes; /* [rows][C] receive softmax − one-hot, 0 for a row left out; may be logits */
  const float *bias; /* [C] added to the logits first, or NULL */
  const int32_t *targets;
  double *losses; /* [rows], 0 for a row left out */
  size_t classes;
} loss_rows;

static void loss_range(void *arguments, size_t begin, size_t end) {
  const loss_rows *s = arguments;
  for (size_t row = begin; row < end; row++) {
    const float *logits = s->logits + row * s->classes;
    float *slopes = s->slopes + row * s->classes;
    const int32_t target = s->targets[row];
    if (target < 0) {
      thaw_fill(slopes, 0, s->classes);
      s->losses[row] = 0;
      continue;
    }
    if (s->bias) {
      thaw_vector_add(slopes, logits, s->bias, s->classes);
      logits = slopes;
    }
    const double right = (double)logits[target];
    s->losses[row] = thaw_softmax_row(slopes, logits, s->classes) - right;
    slopes[target] -= 1;
  }
}

static void compute_losses(loss_rows rows, size_t count) {
  const size_t worthwhile = count * rows.classes < PARALLEL_ELEMENTS ? SIZE_MAX : 2;
  thaw_parallel_rows(count, worthwhile, loss_range, &rows);
}

/* Added in order: the same for any number of threads. */
static double sum_of_losses(const double *losses, size_t rows) {
  double sum = 0;
  for (size_t row = 0; row < rows; row++) sum += losses[row];
  return sum;
}

static bool count_targets(thaw_tape *tape, const char *operation, const int32_t *targets,
                          size_t rows, size_t classes, size_t *counted) {
  *counted = 0;
  for (size_t row = 0; row < rows; row++) {
    if (targets[row] < -1 || (targets[row] >= 0 && (size_t)targets[row] >= classes)) {
      thaw_tape_fail(tape, operation,
                     "target %d of row %zu is not a class: expected 0 to %zu, or "
                     "-1 to leave the row out",
                     targets[row], row, classes - 1);
      return false;
    }
    *counted += targets[row] >= 0;
  }
  return true;
}

static thaw_tensor *scalar(thaw_tape *tape, double value) {
  thaw_tensor *y = thaw_tape_tensor(tape, 0, NULL);
  if (y) y->data[0] = (float)value;
  return y;
}

/* ---- Of logits ------------------------------------------------------------------------------- */

typedef struct kept_slopes {
  const float *slopes; /* [rows][C] */
  size_t counted;
} kept_slopes;

static void cross_entropy_backward(thaw_tape *tape, thaw_tensor *loss, thaw_tensor *const *inputs,
                                   size_t count, void *context) {
  (void)count;
  const kept_slopes *kept = context;
  float *dlogits = thaw_grad(tape, inputs[0]);
  const float factor = loss->grad[0] / (float)kept->counted;
  if (dlogits) thaw_axpy(dlogits, factor, kept->slopes, thaw_size(inputs[0]));
}

thaw_tensor *thaw_cross_entropy(thaw_tape *tape, thaw_tensor *logits, const int32_t *targets) {
  if (!logits) return NULL;
  if (logits->rank == 0) {
    return thaw_tape_fail(tape, "cross_entropy", "logits are a scalar, expected [..][C]");
  }
  const size_t rows = thaw_rows(logits), classes = thaw_columns(logits);
  size_t counted;
  if (!count_targets(tape, "cross_entropy", targets, rows, classes, &counted)) return NULL;
  thaw_tensor *loss = scalar(tape, 0);
  if (counted == 0) return loss;
  const thaw_arena_mark here = thaw_tape_here(tape);
  kept_slopes *kept = thaw_tape_alloc(tape, sizeof *kept);
  float *slopes = thaw_tape_alloc(tape, rows * classes * sizeof *slopes);
  double *losses = thaw_tape_alloc(tape, rows * sizeof *losses);
  if (!loss || !kept || !slopes || !losses) return NULL;
  *kept = (kept_slopes){slopes, counted};
  compute_losses((loss_rows){logits->data, slopes, NULL, targets, losses, classes}, rows);
  loss->data[0] = (float)(sum_of_losses(losses, rows) / (double)counted);
  if (!thaw_tape_wants(tape, 1, &logits)) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "cross_entropy", loss, 1, &logits, cross_entropy_backward, kept);
}

/* ---- Of a linear layer ----------------------------------------------------------------------- */

/* Gradients of the mean loss, NULL where none is wanted. */
typedef struct linear_gradients {
  float *x, *weight, *bias;
} linear_gradients;

static void add_scaled(thaw_tape *tape, thaw_tensor *input, float factor, const float *gradient) {
  float *to = thaw_grad(tape, input);
  if (to && gradient) thaw_axpy(to, factor, gradient, thaw_size(input));
}

static void linear_cross_entropy_backward(thaw_tape *tape, thaw_tensor *loss,
                                          thaw_tensor *const *inputs, size_t count, void *context) {
  (void)count;
  const linear_gradients *kept = context;
  add_scaled(tape, inputs[0], loss->grad[0], kept->x);
  add_scaled(tape, inputs[1], loss->grad[0], kept->weight);
  add_scaled(tape, inputs[2], loss->grad[0], kept->bias);
}

typedef struct linear_loss {
  const thaw_tensor *x, *weight, *bias; /* [..][D], [V][D], [V] or NULL */
  const int32_t *targets;
  size_t rows, width, classes, counted;
  size_t block_rows;
  float *logits;  /* [block_rows][V] */
  double *losses; /* [rows] */
} linear_loss;

/* Losses and gradients of `rows` rows from `begin` on. */
static void run_block(const linear_loss *l, const linear_gradients *gradients, size_t begin,
                      size_t rows) {
  const size_t width = l->width, classes = l->classes;
  const float *x = l->x->data + begin * width, *weight = l->weight->data;
  const float share = 1.0f / (float)l->counted, before = begin > 0 ? 1 : 0;
  thaw_sgemm(false, true, rows, classes, width, 1, x, width, weight, width, 0, l->logits, classes);
  compute_losses((loss_rows){l->logits, l->logits, l->bias ? l->bias->data : NULL,
                             l->targets + begin, l->losses + begin, classes},
                 rows);
  if (gradients->x) {
    thaw_sgemm(false, false, rows, width, classes, share, l->logits, classes, weight, width, 0,
               gradients->x + begin * width, width);
  }
  if (gradients->weight) {
    thaw_sgemm(true, false, classes, width, rows, share, l->logits, classes, x, width, before,
               gradients->weight, width);
  }
  if (gradients->bias) thaw_column_sums(gradients->bias, l->logits, rows, classes);
}

static void run_blocks(const linear_loss *l, const linear_gradients *gradients) {
  if (gradients->bias) thaw_fill(gradients->bias, 0, l->classes);
  for (size_t begin = 0; begin < l->rows; begin += l->block_rows) {
    const size_t left = l->rows - begin;
    run_block(l, gradients, begin, left < l->block_rows ? left : l->block_rows);
  }
  if (gradients->bias) {
    thaw_scale(gradients->bias, 1.0f / (float)l->counted, gradients->bias, l->classes);
  }
}

/* Memory for the gradient of an input that wants one; NULL for another, or without memory. */
static float *make_gradient(thaw_tape *tape, thaw_tensor *input) {
  if (!thaw_tape_wants(tape, 1, &input)) return NULL;
  return thaw_tape_alloc(tape, thaw_size(input) * sizeof(float));
}

static bool linear_shapes_fit(thaw_tape *tape, const thaw_tensor *x, const thaw_tensor *weight,
                              const thaw_tensor *bias) {
  const char *name = "linear_cross_entropy";
  char shape_x[THAW_SHAPE_TEXT], shape_w[THAW_SHAPE_TEXT], shape_b[THAW_SHAPE_TEXT];
  if (x->rank == 0 || weight->rank != 2 || thaw_columns(x) != weight->shape[1]) {
    thaw_tape_fail(tape, name, "input %s and weight %s do not fit: expected [..][D] and [V][D]",
                   thaw_shape_text(x, shape_x), thaw_shape_text(weight, shape_w));
    return false;
  }
  if (bias && (bias->rank != 1 || bias->shape[0] != weight->shape[0])) {
    thaw_tape_fail(tape, name, "weight %s and bias %s do not fit: expected [V][D] and [V]",
                   thaw_shape_text(weight, shape_w), thaw_shape_text(bias, shape_b));
    return false;
  }
  if (!thaw_blas_fits(thaw_rows(x)) || !thaw_blas_fits(weight->shape[0]) ||
      !thaw_blas_fits(weight->shape[1])) {
    thaw_tape_fail(tape, name, "%s and %s are too large for the matrix library",
                   thaw_shape_text(x, shape_x), thaw_shape_text(weight, shape_w));
    return false;
  }
  return true;
}

thaw_tensor *thaw_linear_cross_entropy(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight,
                                       thaw_tensor *bias, const int32_t *targets,
                                       double *loss_sum) {
  if (!x || !weight || thaw_tape_status(tape) != THAW_OK) return NULL;
  if (!linear_shapes_fit(tape, x, weight, bias)) return NULL;
  linear_loss l = {.x = x,
                   .weight = weight,
                   .bias = bias,
                   .targets = targets,
                   .rows = thaw_rows(x),
                   .width = thaw_columns(x),
                   .classes = weight->shape[0]};
  if (!count_targets(tape, "linear_cross_entropy", targets, l.rows, l.classes, &l.counted)) {
    return NULL;
  }
  if (loss_sum) *loss_sum = 0;
  thaw_tensor *loss = scalar(tape, 0);
  if (l.counted == 0) return loss;
  linear_gradients *kept = thaw_tape_alloc(tape, sizeof *kept);
  if (!loss || !kept) return NULL;
  *kept = (linear_gradients){make_gradient(tape, x), make_gradient(tape, weight),
                             make_gradient(tape, bias)};
  const thaw_arena_mark here = thaw_tape_here(tape);
  l.block_rows = BLOCK_LOGITS / l.classes < FEWEST_ROWS ? FEWEST_ROWS : BLOCK_LOGITS / l.classes;
  if (l.block_rows > l.rows) l.block_rows = l.rows;
  l.logits = thaw_tape_alloc(tape, l.block_rows * l.classes * sizeof *l.logits);
  l.losses = thaw_tape_alloc(tape, l.rows * sizeof *l.losses);
  if (thaw_tape_status(tape) != THAW_OK) return NULL;
  run_blocks(&l, kept);
  const double sum = sum_of_losses(l.losses, l.rows);
  thaw_tape_back_to(tape, here);
  if (loss_sum) *loss_sum = sum;
  loss->data[0] = (float)(sum / (double)l.counted);
  return thaw_tape_record(tape, "linear_cross_entropy", loss, 3, (thaw_tensor *[]){x, weight, bias},
                          linear_cross_entropy_backward, kept);
}
