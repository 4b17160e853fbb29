/* op_weighted_sum.c: weighted sums: over time, as attention makes them, and of several tensors.
 *
 * Their parts are never copied: a product with the weights would be as large as they are. Time is
 * walked through as in the other reductions (axis.h), with sums in double. */
#include "tensor/axis.h"
#include "tensor/kernels.h"

typedef struct weighted_sum {
  float *y;           /* [B][D] */
  const float *x, *w; /* [T][B][D], [T][B] */
  const float *mask;  /* [T][B] or NULL */
  const float *dy;    /* backwards: [B][D] */
  float *dx, *dw;     /* backwards: as x and w, or NULL */
  size_t time, batch, width;
} weighted_sum;

/* ---- Over time, forward -------------------------------------------------------------------- */

/* A strip of results: those from number `first` on. */
typedef struct strip {
  const weighted_sum *s;
  size_t first;
  double sums[THAW_AXIS_STRIP];
  float scaled[THAW_AXIS_STRIP];
} strip;

/* n numbers of one document at time `step`. */
static void add_run(void *user, size_t at, const float *x, size_t step, size_t n) {
  strip *r = user;
  const size_t document = (r->first + at) / r->s->width;
  thaw_scale(r->scaled, r->s->w[step * r->s->batch + document], x, n);
  thaw_accumulate(r->sums + at, r->scaled, n);
}

/* Results [B][D] */
static void sum_range(void *arguments, size_t begin, size_t end) {
  const weighted_sum *s = arguments;
  const thaw_axis seen = {1, s->time, s->batch * s->width};
  for (size_t first = begin, count; first < end; first += count) {
    strip r = {.s = s, .first = first};
    count = thaw_axis_strip(seen, first, end);
    thaw_axis_walk(s->x, seen, (thaw_axis_mask){s->mask, s->width}, first, count, add_run, &r);
    for (size_t i = 0; i < count; i++) s->y[first + i] = (float)r.sums[i];
  }
}

/* ---- Over time, backward ------------------------------------------------------------------- */

/* Lines [T][B]: dx += w · dy, dw += x · dy */
static void back_range(void *arguments, size_t begin, size_t end) {
  const weighted_sum *s = arguments;
  for (size_t line = begin; line < end; line++) {
    const float *dy = s->dy + line % s->batch * s->width;
    if (s->mask && s->mask[line] == 0) continue;
    if (s->dx) thaw_axpy(s->dx + line * s->width, s->w[line], dy, s->width);
    if (s->dw) s->dw[line] += (float)thaw_dot(s->x + line * s->width, dy, s->width);
  }
}

static void weighted_sum_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                  size_t count, void *context) {
  (void)count;
  weighted_sum *s = context;
  s->dx = thaw_grad(tape, inputs[0]);
  s->dw = thaw_grad(tape, inputs[1]);
  s->dy = y->grad;
  thaw_parallel_rows(s->time * s->batch, s->width, back_range, s);
}

static bool is_time_by_batch(const thaw_tensor *w, const thaw_tensor *x) {
  return w->rank == 2 && w->shape[0] == x->shape[0] && w->shape[1] == x->shape[1];
}

static bool shapes_fit(thaw_tape *tape, const thaw_tensor *x, const thaw_tensor *weights,
                       const thaw_tensor *mask) {
  char shapes[3][THAW_SHAPE_TEXT];
  if (x->rank == 3 && is_time_by_batch(weights, x) && (!mask || is_time_by_batch(mask, x))) {
    return true;
  }
  thaw_tape_fail(tape, "weighted_sum",
                 "input %s, weights %s%s%s do not fit: expected [T][B][D] and [T][B]",
                 thaw_shape_text(x, shapes[0]), thaw_shape_text(weights, shapes[1]),
                 mask ? " and mask " : "", mask ? thaw_shape_text(mask, shapes[2]) : "");
  return false;
}

thaw_tensor *thaw_weighted_sum(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weights,
                               const thaw_tensor *mask) {
  if (!x || !weights || thaw_tape_status(tape) != THAW_OK) return NULL;
  if (!shapes_fit(tape, x, weights, mask)) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, 2, x->shape + 1);
  weighted_sum *s = thaw_tape_alloc(tape, sizeof *s);
  if (!y || !s) return NULL;
  *s = (weighted_sum){.y = y->data,
                      .x = x->data,
                      .w = weights->data,
                      .mask = mask ? mask->data : NULL,
                      .time = x->shape[0],
                      .batch = x->shape[1],
                      .width = x->shape[2]};
  thaw_parallel_rows(thaw_size(y), s->time, sum_range, s);
  thaw_tensor *inputs[] = {x, weights};
  return thaw_tape_record(tape, "weighted_sum", y, 2, inputs, weighted_sum_backward, s);
}

/* ---- Of several tensors -------------------------------------------------------------------- */

/* dparts[i] += w[i] · dy, dw[i] += parts[i] · dy; the weights are the last input. */
static void mix_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                         void *context) {
  (void)context;
  const thaw_tensor *weights = inputs[count - 1];
  float *dw = thaw_grad(tape, inputs[count - 1]);
  for (size_t i = 0; i + 1 < count; i++) {
    float *dx = thaw_grad(tape, inputs[i]);
    if (dx) thaw_axpy(dx, weights->data[i], y->grad, thaw_size(y));
    if (dw) dw[i] += (float)thaw_dot(inputs[i]->data, y->grad, thaw_size(y));
  }
}

static bool same_shape(const thaw_tensor *a, const thaw_tensor *b) {
  bool same = a->rank == b->rank;
  for (size_t i = 0; i < THAW_MAX_RANK; i++) same = same && a->shape[i] == b->shape[i];
  return same;
}

/* Are there weights [count], and parts of one shape? */
static bool parts_fit(thaw_tape *tape, size_t count, thaw_tensor *const *parts,
                      const thaw_tensor *weights) {
  char shapes[2][THAW_SHAPE_TEXT];
  if (count == 0 || weights->rank != 1 || weights->shape[0] != count) {
    thaw_tape_fail(tape, "mix", "weights %s for %zu tensors: expected one for each",
                   thaw_shape_text(weights, shapes[0]), count);
    return false;
  }
  for (size_t i = 1; i < count; i++) {
    if (same_shape(parts[0], parts[i])) continue;
    thaw_tape_fail(tape, "mix", "tensor 0 is %s and tensor %zu %s: expected one shape",
                   thaw_shape_text(parts[0], shapes[0]), i, thaw_shape_text(parts[i], shapes[1]));
    return false;
  }
  return true;
}

thaw_tensor *thaw_mix(thaw_tape *tape, size_t count, thaw_tensor *const *parts,
                      thaw_tensor *weights) {
  if (!weights || thaw_tape_status(tape) != THAW_OK) return NULL;
  for (size_t i = 0; i < count; i++) {
    if (!parts[i]) return NULL;
  }
  if (!parts_fit(tape, count, parts, weights)) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, parts[0]->rank, parts[0]->shape);
  thaw_tensor **inputs = thaw_tape_alloc(tape, (count + 1) * sizeof *inputs);
  if (!y || !inputs) return NULL;
  const size_t size = thaw_size(y);
  for (size_t i = 0; i < count; i++) {
    inputs[i] = parts[i];
    if (i == 0) {
      thaw_scale(y->data, weights->data[i], parts[i]->data, size);
    } else {
      thaw_axpy(y->data, weights->data[i], parts[i]->data, size);
    }
  }
  inputs[count] = weights;
  return thaw_tape_record(tape, "mix", y, count + 1, inputs, mix_backward, NULL);
}
