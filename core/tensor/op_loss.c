/* op_loss.c: cross entropy of given logits.
 *
 * A row's loss is Σ_c q[c]·(−log softmax(logits)[c]), where q is its target as a distribution, in
 * the plain case one-hot. With Q = Σ q its gradient by the logits is Q·softmax − q; it is found
 * along with the loss, so that backward only has to scale and add. */
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
  float *slopes;       /* [rows][C] receive the gradient by the logits, 0 for a row left out */
  const int32_t *targets;
  double *losses; /* [rows], 0 for a row left out */
  size_t classes;
  const float *weights; /* [C], or NULL: all 1 */
  double smoothing;
  double weight_total; /* of all classes */
} loss_rows;

static double weight_of(const loss_rows *s, size_t class) {
  return s->weights ? (double)s->weights[class] : 1;
}

/* The loss of a row whose target is not one-hot; `total` is its log Σ exp(logits), `slopes` hold
 * its softmax and receive the gradient. */
static double soften(const loss_rows *s, const float *logits, size_t target, double total,
                     float *slopes) {
  const double right = (1 - s->smoothing) * weight_of(s, target);
  const double share = s->smoothing / (double)s->classes;
  const double mass = right + share * s->weight_total;
  double loss = mass * total - (right > 0 ? right * (double)logits[target] : 0);
  for (size_t c = 0; c < s->classes; c++) {
    const double part = share * weight_of(s, c);
    if (part > 0) loss -= part * (double)logits[c];
    slopes[c] = (float)(mass * (double)slopes[c] - part);
  }
  slopes[target] -= (float)right;
  return loss;
}

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
    const double total = thaw_softmax_row(slopes, logits, s->classes);
    if (s->weights || s->smoothing > 0) {
      s->losses[row] = soften(s, logits, (size_t)target, total, slopes);
    } else {
      s->losses[row] = total - right;
      slopes[target] -= 1;
    }
  }
}

/* ---- Of logits ------------------------------------------------------------------------------- */

typedef struct kept_slopes {
  const float *slopes; /* [rows][C] */
  double divisor;
} kept_slopes;

static void cross_entropy_backward(thaw_tape *tape, thaw_tensor *loss, thaw_tensor *const *inputs,
                                   size_t count, void *context) {
  (void)count;
  const kept_slopes *kept = context;
  float *dlogits = thaw_grad(tape, inputs[0]);
  const float factor = loss->grad[0] / (float)kept->divisor;
  if (dlogits) thaw_axpy(dlogits, factor, kept->slopes, thaw_size(inputs[0]));
}

/* The sum of the counted rows' weights. */
static double divisor_of(const loss_rows *s, size_t rows) {
  double sum = 0;
  for (size_t row = 0; row < rows; row++)
    sum += s->targets[row] >= 0 ? weight_of(s, (size_t)s->targets[row]) : 0;
  return sum;
}

thaw_tensor *thaw_cross_entropy(thaw_tape *tape, thaw_tensor *logits, const int32_t *targets) {
  return thaw_weighted_cross_entropy(tape, logits, targets, NULL, 0, NULL);
}

thaw_tensor *thaw_weighted_cross_entropy(thaw_tape *tape, thaw_tensor *logits,
                                         const int32_t *targets, const float *weights,
                                         float smoothing, double *weight_sum) {
  if (weight_sum) *weight_sum = 0;
  if (!logits) return NULL;
  if (logits->rank == 0) {
    return thaw_tape_fail(tape, "cross_entropy", "logits are a scalar, expected [..][C]");
  }
  const size_t rows = thaw_rows(logits), classes = thaw_columns(logits);
  size_t counted;
  if (!thaw_count_targets(tape, "cross_entropy", targets, rows, classes, &counted)) return NULL;
  loss_rows s = {.logits = logits->data,
                 .targets = targets,
                 .classes = classes,
                 .weights = weights,
                 .smoothing = (double)smoothing,
                 .weight_total = weights ? thaw_vector_sum(weights, classes) : (double)classes};
  const double divisor = divisor_of(&s, rows);
  if (weight_sum) *weight_sum = divisor;
  thaw_tensor *loss = thaw_scalar(tape, 0);
  if (divisor <= 0) return loss;
  const thaw_arena_mark here = thaw_tape_here(tape);
  kept_slopes *kept = thaw_tape_alloc(tape, sizeof *kept);
  s.slopes = thaw_tape_alloc(tape, rows * classes * sizeof *s.slopes);
  s.losses = thaw_tape_alloc(tape, rows * sizeof *s.losses);
  if (!loss || !kept || !s.slopes || !s.losses) return NULL;
  *kept = (kept_slopes){s.slopes, divisor};
  thaw_parallel_rows(rows, THAW_COSTLY * classes, loss_range, &s);
  loss->data[0] = (float)(thaw_sum_of_losses(s.losses, rows) / divisor);
  if (!thaw_tape_wants(tape, 1, &logits)) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "cross_entropy", loss, 1, &logits, cross_entropy_backward, kept);
}
