/* op_reverse.c: the steps of every sequence in reversed order, padding left where it is: what a
 * layer that reads backwards is given, and what brings its states back into the order of the text.
 */
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/tape.h"

/* The lengths that were given, [B]; NULL: T everywhere. */
typedef struct reversal {
  const int32_t *lengths;
} reversal;

/* Which step of sequence b stands at step t, before and after. */
static size_t partner(const reversal *r, const thaw_tensor *x, size_t t, size_t b) {
  const size_t length = r->lengths ? (size_t)r->lengths[b] : x->shape[0];
  return t < length ? length - 1 - t : t;
}

static void reverse_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                             size_t count, void *context) {
  (void)count;
  const size_t time = y->shape[0], batch = y->shape[1], columns = y->shape[2];
  float *dx = thaw_grad(tape, inputs[0]);
  for (size_t row = 0; dx && row < time * batch; row++) {
    const size_t t = row / batch, b = row % batch;
    thaw_axpy(dx + (partner(context, y, t, b) * batch + b) * columns, 1, y->grad + row * columns,
              columns);
  }
}

/* A copy of the lengths, after a look at them; NULL, with the tape's error set, if they are wrong.
 */
static reversal *keep_lengths(thaw_tape *tape, const thaw_tensor *x, const int32_t *lengths) {
  const size_t batch = x->shape[1];
  char shape[THAW_SHAPE_TEXT];
  for (size_t b = 0; lengths && b < batch; b++) {
    if (lengths[b] >= 0 && (size_t)lengths[b] <= x->shape[0]) continue;
    thaw_tape_fail(tape, "reverse_steps", "sequence %zu has the length %d, but the input is %s", b,
                   (int)lengths[b], thaw_shape_text(x, shape));
    return NULL;
  }
  reversal *r = thaw_tape_alloc(tape, sizeof *r);
  int32_t *copy = lengths ? thaw_tape_alloc(tape, batch * sizeof *copy) : NULL;
  if (!r || (lengths && !copy)) return NULL;
  if (copy) memcpy(copy, lengths, batch * sizeof *copy);
  r->lengths = copy;
  return r;
}

thaw_tensor *thaw_reverse_steps(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths) {
  if (!x || thaw_tape_status(tape) != THAW_OK) return NULL;
  char shape[THAW_SHAPE_TEXT];
  if (x->rank != 3) {
    return thaw_tape_fail(tape, "reverse_steps", "the input is %s: expected [T][B][D]",
                          thaw_shape_text(x, shape));
  }
  reversal *r = keep_lengths(tape, x, lengths);
  thaw_tensor *y = r ? thaw_tape_tensor(tape, 3, x->shape) : NULL;
  if (!y) return NULL;
  const size_t time = x->shape[0], batch = x->shape[1], columns = x->shape[2];
  for (size_t row = 0; row < time * batch; row++) {
    const size_t t = row / batch, b = row % batch;
    memcpy(y->data + row * columns, x->data + (partner(r, x, t, b) * batch + b) * columns,
           columns * sizeof *y->data);
  }
  return thaw_tape_record(tape, "reverse_steps", y, 1, &x, reverse_backward, r);
}
