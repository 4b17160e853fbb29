/* op_shape.c: the same numbers in another arrangement.
 *
 * What keeps the order of the elements (reshape, a slice of the slowest dimension) shares the
 * input's memory, everything else copies. Gradients are always added, so that an input may be used
 * elsewhere, too. */
#include <string.h>

#include "tensor/axis.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

/* A tensor over numbers that are there already. */
static thaw_tensor *view(thaw_tape *tape, float *data, size_t rank, const size_t *shape) {
  thaw_tensor *y = thaw_tape_tensor(tape, 0, NULL);
  if (!y) return NULL;
  y->data = data;
  y->rank = rank;
  for (size_t i = 0; i < rank; i++) y->shape[i] = shape[i];
  return y;
}

/* Blocks of `length` numbers at regular distances, copied or added. */
typedef struct blocks {
  float *to;
  const float *from;
  size_t to_stride, from_stride, length;
  bool add;
} blocks;

static void move_range(void *arguments, size_t begin, size_t end) {
  const blocks *b = arguments;
  for (size_t i = begin; i < end; i++) {
    float *to = b->to + i * b->to_stride;
    const float *from = b->from + i * b->from_stride;
    if (b->length == 1) {
      *to = b->add ? *to + *from : *from;
    } else if (b->add) {
      thaw_axpy(to, 1, from, b->length);
    } else {
      memcpy(to, from, b->length * sizeof(float));
    }
  }
}

static void move(blocks b, size_t count) {
  thaw_parallel_rows(count, b.length, move_range, &b);
}

/* ---- Reshape ------------------------------------------------------------------------------- */

static void reshape_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                             size_t count, void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_axpy(dx, 1, y->grad, thaw_size(y));
}

thaw_tensor *thaw_reshape(thaw_tape *tape, thaw_tensor *x, size_t rank, const size_t *shape) {
  if (!x) return NULL;
  if (rank > THAW_MAX_RANK) {
    return thaw_tape_fail(tape, "reshape", "rank %zu is more than %d", rank, THAW_MAX_RANK);
  }
  thaw_tensor wanted = {.rank = rank};
  size_t left = thaw_size(x);
  bool fits = true;
  for (size_t i = 0; i < rank; i++) {
    wanted.shape[i] = shape[i];
    fits = fits && shape[i] > 0 && left % shape[i] == 0;
    if (fits) left /= shape[i];
  }
  if (!fits || left != 1) {
    char shape_x[THAW_SHAPE_TEXT], shape_y[THAW_SHAPE_TEXT];
    return thaw_tape_fail(tape, "reshape", "%s and %s differ in size", thaw_shape_text(x, shape_x),
                          thaw_shape_text(&wanted, shape_y));
  }
  thaw_tensor *y = view(tape, x->data, rank, shape);
  return thaw_tape_record(tape, "reshape", y, 1, &x, reshape_backward, NULL);
}

/* ---- Transpose ----------------------------------------------------------------------------- */

/* from [outer][a][middle][b][inner] -> to [outer][b][middle][a][inner] */
typedef struct exchange {
  float *to;
  const float *from;
  size_t outer, a, middle, b, inner;
  bool add;
} exchange;

/* Output rows [outer][b]. Of a row that is read across the input's lines, only a stretch is done
 * before the next row, which finds the same lines in the cache. */
enum { STRETCH = 64 };
static void exchange_range(void *arguments, size_t begin, size_t end) {
  const exchange *e = arguments;
  const size_t across = e->middle * e->b * e->inner;
  for (size_t first = 0; first < e->a; first += STRETCH) {
    const size_t count = e->a - first < STRETCH ? e->a - first : STRETCH;
    for (size_t row = begin; row < end; row++) {
      const size_t outer = row / e->b, column = row % e->b;
      for (size_t m = 0; m < e->middle; m++) {
        const float *from =
            e->from + (outer * e->a + first) * across + (m * e->b + column) * e->inner;
        float *to = e->to + ((row * e->middle + m) * e->a + first) * e->inner;
        move_range(&(blocks){to, from, e->inner, across, e->inner, e->add}, 0, count);
      }
    }
  }
}

static void exchange_all(exchange *e) {
  thaw_parallel_rows(e->outer * e->b, e->middle * e->a * e->inner, exchange_range, e);
}

/* The way back is an exchange, too, with a and b in each other's place. */
static void transpose_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                               size_t count, void *context) {
  (void)count;
  exchange *e = context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (!dx) return;
  exchange_all(&(exchange){dx, y->grad, e->outer, e->b, e->middle, e->a, e->inner, .add = true});
}

thaw_tensor *thaw_transpose(thaw_tape *tape, thaw_tensor *x, size_t axis_a, size_t axis_b) {
  thaw_axis slow, fast;
  if (!x || !thaw_axis_of(tape, "transpose", x, axis_a < axis_b ? axis_a : axis_b, &slow) ||
      !thaw_axis_of(tape, "transpose", x, axis_a < axis_b ? axis_b : axis_a, &fast)) {
    return NULL;
  }
  if (axis_a == axis_b) return thaw_reshape(tape, x, x->rank, x->shape);
  size_t shape[THAW_MAX_RANK];
  memcpy(shape, x->shape, sizeof shape);
  shape[axis_a] = x->shape[axis_b];
  shape[axis_b] = x->shape[axis_a];
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, shape);
  exchange *context = thaw_tape_alloc(tape, sizeof *context);
  if (!y || !context) return NULL;
  const size_t middle = fast.outer / slow.outer / slow.length;
  *context = (exchange){y->data, x->data,     slow.outer, slow.length,
                        middle,  fast.length, fast.inner, .add = false};
  exchange_all(context);
  return thaw_tape_record(tape, "transpose", y, 1, &x, transpose_backward, context);
}

/* ---- Concat -------------------------------------------------------------------------------- */

/* y [outer][sum of the parts' blocks] */
static void concat_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *parts,
                            size_t count, void *context) {
  const size_t outer = *(const size_t *)context, stride = thaw_size(y) / outer;
  const float *from = y->grad;
  for (size_t i = 0; i < count; i++) {
    const size_t block = thaw_size(parts[i]) / outer;
    float *dx = thaw_grad(tape, parts[i]);
    if (dx) move((blocks){dx, from, block, stride, block, .add = true}, outer);
    from += block;
  }
}

/* The joined shape; false, with the tape's error set, when a part does not fit the first. */
static bool join_shapes(thaw_tape *tape, size_t count, thaw_tensor *const *parts, size_t axis,
                        size_t shape[THAW_MAX_RANK]) {
  memcpy(shape, parts[0]->shape, sizeof parts[0]->shape);
  for (size_t i = 1; i < count; i++) {
    bool fits = parts[i]->rank == parts[0]->rank;
    for (size_t k = 0; k < THAW_MAX_RANK; k++) {
      fits = fits && (k == axis || parts[i]->shape[k] == parts[0]->shape[k]);
    }
    if (!fits) {
      char first[THAW_SHAPE_TEXT], other[THAW_SHAPE_TEXT];
      thaw_tape_fail(tape, "concat", "%s and %s do not fit: only dimension %zu may differ",
                     thaw_shape_text(parts[0], first), thaw_shape_text(parts[i], other), axis);
      return false;
    }
    shape[axis] += parts[i]->shape[axis];
  }
  return true;
}

thaw_tensor *thaw_concat(thaw_tape *tape, size_t count, thaw_tensor *const *parts, size_t axis) {
  if (count == 0) return thaw_tape_fail(tape, "concat", "there is nothing to join");
  for (size_t i = 0; i < count; i++) {
    if (!parts[i]) return NULL;
  }
  thaw_axis seen;
  size_t shape[THAW_MAX_RANK];
  if (!thaw_axis_of(tape, "concat", parts[0], axis, &seen) ||
      !join_shapes(tape, count, parts, axis, shape)) {
    return NULL;
  }
  thaw_tensor *y = thaw_tape_tensor(tape, parts[0]->rank, shape);
  size_t *context = thaw_tape_alloc(tape, sizeof *context);
  if (!y || !context) return NULL;
  *context = seen.outer;
  const size_t stride = thaw_size(y) / seen.outer;
  float *to = y->data;
  for (size_t i = 0; i < count; i++) {
    const size_t block = thaw_size(parts[i]) / seen.outer;
    move((blocks){to, parts[i]->data, stride, block, block, .add = false}, seen.outer);
    to += block;
  }
  return thaw_tape_record(tape, "concat", y, count, parts, concat_backward, context);
}

/* ---- Slice --------------------------------------------------------------------------------- */

typedef struct cut {
  size_t outer, offset; /* y [outer][block] stands at `offset` in each of x's rows [outer][..] */
} cut;

static void slice_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                           size_t count, void *context) {
  (void)count;
  const cut *c = context;
  const size_t block = thaw_size(y) / c->outer, stride = thaw_size(inputs[0]) / c->outer;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) move((blocks){dx + c->offset, y->grad, stride, block, block, .add = true}, c->outer);
}

thaw_tensor *thaw_slice(thaw_tape *tape, thaw_tensor *x, size_t axis, size_t begin, size_t end) {
  thaw_axis seen;
  if (!x || !thaw_axis_of(tape, "slice", x, axis, &seen)) return NULL;
  if (begin >= end || end > seen.length) {
    char shape_x[THAW_SHAPE_TEXT];
    return thaw_tape_fail(tape, "slice",
                          "there are no elements %zu <= i < %zu along axis %zu of %s", begin, end,
                          axis, thaw_shape_text(x, shape_x));
  }
  size_t shape[THAW_MAX_RANK];
  memcpy(shape, x->shape, sizeof shape);
  shape[axis] = end - begin;
  cut *context = thaw_tape_alloc(tape, sizeof *context);
  if (!context) return NULL;
  *context = (cut){seen.outer, begin * seen.inner};
  float *from = x->data + context->offset;
  thaw_tensor *y =
      seen.outer == 1 ? view(tape, from, x->rank, shape) : thaw_tape_tensor(tape, x->rank, shape);
  if (!y) return NULL;
  const size_t block = (end - begin) * seen.inner, stride = seen.length * seen.inner;
  if (seen.outer > 1) move((blocks){y->data, from, block, stride, block, .add = false}, seen.outer);
  return thaw_tape_record(tape, "slice", y, 1, &x, slice_backward, context);
}
