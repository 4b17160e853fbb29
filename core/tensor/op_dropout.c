/* op_dropout.c: single elements, or features of whole sequences, are set to 0 while training.
 *
 * The mask holds 0 and 1/(1−p), so that forward and backward are products with it. */
#include "tensor/kernels.h"
#include "tensor/tape.h"

enum { PARALLEL_ELEMENTS = 1 << 16 }; /* from which rows are shared among threads */

/* A probability of 1 would leave nothing to scale; NaN is refused as well. */
static bool probability_is_valid(thaw_tape *tape, const char *operation, float p) {
  if (p >= 0 && p < 1) return true;
  thaw_tape_fail(tape, operation, "probability %g is not at least 0 and below 1", (double)p);
  return false;
}

/* ---- Every element on its own -------------------------------------------------------------- */

/* dx += dy · mask */
static void dropout_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                             size_t count, void *context) {
  (void)count;
  const float *mask = context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_multiply_add(dx, y->grad, mask, thaw_size(y));
}

thaw_tensor *thaw_dropout(thaw_tape *tape, thaw_tensor *x, float p) {
  if (!x || !probability_is_valid(tape, "dropout", p)) return NULL;
  if (!thaw_tape_training(tape) || p == 0) return x;
  const size_t size = thaw_size(x);
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  const thaw_arena_mark here = thaw_tape_here(tape);
  float *mask = thaw_tape_alloc(tape, size * sizeof *mask);
  if (!y || !mask) return NULL;
  thaw_dropout_mask(mask, size, p, thaw_tape_rng(tape));
  thaw_vector_multiply(y->data, x->data, mask, size);
  if (!thaw_tape_wants(tape, 1, &x)) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "dropout", y, 1, &x, dropout_backward, mask);
}

/* ---- One mask for all time steps ----------------------------------------------------------- */

/* Rows of [T][B][D] with the mask's row of the same b. */
typedef struct locked_rows {
  float *out;
  const float *in, *mask;
  size_t batch, width;
  bool add; /* to what is there */
} locked_rows;

static void locked_range(void *arguments, size_t begin, size_t end) {
  const locked_rows *s = arguments;
  for (size_t row = begin; row < end; row++) {
    const size_t at = row * s->width;
    const float *mask = s->mask + row % s->batch * s->width;
    if (s->add) {
      thaw_multiply_add(s->out + at, s->in + at, mask, s->width);
    } else {
      thaw_vector_multiply(s->out + at, s->in + at, mask, s->width);
    }
  }
}

static void apply_locked(locked_rows rows, size_t time) {
  const size_t count = time * rows.batch;
  const size_t worthwhile = count * rows.width < PARALLEL_ELEMENTS ? SIZE_MAX : 2;
  thaw_parallel_rows(count, worthwhile, locked_range, &rows);
}

/* dx [T][B][D] += dy [T][B][D] · mask [B][D] */
static void locked_dropout_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                    size_t count, void *context) {
  (void)count;
  const float *mask = context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx)
    apply_locked((locked_rows){dx, y->grad, mask, y->shape[1], y->shape[2], true}, y->shape[0]);
}

thaw_tensor *thaw_locked_dropout(thaw_tape *tape, thaw_tensor *x, float p) {
  if (!x || !probability_is_valid(tape, "locked_dropout", p)) return NULL;
  char shape[THAW_SHAPE_TEXT];
  if (x->rank != 3) {
    return thaw_tape_fail(tape, "locked_dropout", "input %s, expected [T][B][D]",
                          thaw_shape_text(x, shape));
  }
  if (!thaw_tape_training(tape) || p == 0) return x;
  const size_t batch = x->shape[1], width = x->shape[2];
  thaw_tensor *y = thaw_tape_tensor(tape, 3, x->shape);
  const thaw_arena_mark here = thaw_tape_here(tape);
  float *mask = thaw_tape_alloc(tape, batch * width * sizeof *mask);
  if (!y || !mask) return NULL;
  thaw_dropout_mask(mask, batch * width, p, thaw_tape_rng(tape));
  apply_locked((locked_rows){y->data, x->data, mask, batch, width, false}, x->shape[0]);
  if (!thaw_tape_wants(tape, 1, &x)) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "locked_dropout", y, 1, &x, locked_dropout_backward, mask);
}
