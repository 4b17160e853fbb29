/* op_loss.c: cross entropy of given logits.
 *
 * The gradient of a row's loss by its logits, softmax − one-hot, is found along with the loss;
 * backward only has to scale and add. */
#include "tensor/kernels.h"
#include "tensor/loss.h"

/* ---- What losses share -------------------------------------------------------------------- */

double thaw_sum_of_losses(const double *losses, size_t rows) {
  double sum = 0;
  for (size_t row = 0; row < rows; row++) sum += losses[row];
  return sum;
}

bool thaw_count_targets(thaw_tape *tape, const char *operation, const int32_t *targets, size_t rows,
                        size_t classes, size_t *counted) {
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

thaw_tensor *thaw_scalar(thaw_tape *tape, float value) {
  thaw_tensor *y = thaw_tape_tensor(tape, 0, NULL);
  if (y) y->data[0] = value;
  return y;
}

/* ---- Rows of logits, shared among threads ---------------------------------------------------- */

typedef struct loss_rows {
  const float *logits; /* [rows][C] */
  float *slopes;       /* [rows][C] receive softmax − one-hot, 0 for a row left out */
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
    const double right = (double)logits[target];
    s->losses[row] = thaw_softmax_row(slopes, logits, s->classes) - right;
    slopes[target] -= 1;
  }
}

static void compute_losses(loss_rows rows, size_t count) {
  thaw_parallel_rows(count, THAW_COSTLY * rows.classes, loss_range, &rows);
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
  if (!thaw_count_targets(tape, "cross_entropy", targets, rows, classes, &counted)) return NULL;
  thaw_tensor *loss = thaw_scalar(tape, 0);
  if (counted == 0) return loss;
  const thaw_arena_mark here = thaw_tape_here(tape);
  kept_slopes *kept = thaw_tape_alloc(tape, sizeof *kept);
  float *slopes = thaw_tape_alloc(tape, rows * classes * sizeof *slopes);
  double *losses = thaw_tape_alloc(tape, rows * sizeof *losses);
  if (!loss || !kept || !slopes || !losses) return NULL;
  *kept = (kept_slopes){slopes, counted};
  compute_losses((loss_rows){logits->data, slopes, targets, losses, classes}, rows);
  loss->data[0] = (float)(thaw_sum_of_losses(losses, rows) / (double)counted);
  if (!thaw_tape_wants(tape, 1, &logits)) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "cross_entropy", loss, 1, &logits, cross_entropy_backward, kept);
}
