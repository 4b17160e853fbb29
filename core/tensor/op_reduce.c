/* op_reduce.c: sum, mean and maximum along one axis, and the mask that keeps padding out of them.
 *
 * x is seen as [outer][length][inner] and the mask as [outer][length][groups], where the `rest`
 * numbers of a group stand or fall together: with x [T][B][D], axis 0 and mask [T][B], outer is 1,
 * length T, groups B and rest D. What the mask leaves out is never looked at, so that a NaN in the
 * padding does no harm. */
#include "tensor/axis.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

/* ---- What all of them need ----------------------------------------------------------------- */

typedef struct reduction {
  thaw_axis seen;
  thaw_axis_mask mask;
  size_t rank; /* of the result */
  size_t shape[THAW_MAX_RANK];
} reduction;

static bool is_leading(const thaw_tensor *mask, const thaw_tensor *x) {
  bool leading = mask->rank <= x->rank;
  for (size_t i = 0; i < mask->rank; i++) leading = leading && mask->shape[i] == x->shape[i];
  return leading;
}

/* False, with the tape's error set, when axis or mask do not fit. */
static bool prepare(thaw_tape *tape, const char *operation, const thaw_tensor *x, size_t axis,
                    const thaw_tensor *mask, reduction *r) {
  if (!thaw_axis_of(tape, operation, x, axis, &r->seen)) return false;
  if (mask && (mask->rank <= axis || !is_leading(mask, x))) {
    char shape_x[THAW_SHAPE_TEXT], shape_mask[THAW_SHAPE_TEXT];
    thaw_tape_fail(tape, operation,
                   "mask %s does not fit %s: expected its leading dimensions, axis %zu among them",
                   thaw_shape_text(mask, shape_mask), thaw_shape_text(x, shape_x), axis);
    return false;
  }
  r->rank = x->rank - 1;
  for (size_t i = 0; i < r->rank; i++) r->shape[i] = x->shape[i < axis ? i : i + 1];
  r->mask = (thaw_axis_mask){mask ? mask->data : NULL, r->seen.inner};
  for (size_t i = axis + 1; mask && i < mask->rank; i++) r->mask.rest /= x->shape[i];
  return true;
}

/* Whether each result is that of a row of neighbours, all of which count. */
static bool is_rows(const reduction *r) {
  return r->seen.inner == 1 && !r->mask.values;
}

/* ---- Sum and mean -------------------------------------------------------------------------- */

/* y [outer][groups][rest] = factor [outer][groups] · Σ x, the factor being 1 or 1 / number of
 * elements that count. */
typedef struct weighted_sum {
  reduction reduction;
  size_t groups;
  float *factors;
} weighted_sum;

/* One over the number of elements that count, 0 where there are none. */
static void invert_counts(weighted_sum *w) {
  const thaw_axis *seen = &w->reduction.seen;
  const float *mask = w->reduction.mask.values;
  for (size_t outer = 0; outer < seen->outer; outer++) {
    float *factors = w->factors + outer * w->groups;
    thaw_fill(factors, mask ? 0 : (float)seen->length, w->groups);
    for (size_t step = 0; mask && step < seen->length; step++) {
      const float *line = mask + (outer * seen->length + step) * w->groups;
      for (size_t g = 0; g < w->groups; g++) factors[g] += line[g] != 0 ? 1.0f : 0.0f;
    }
    for (size_t g = 0; g < w->groups; g++) factors[g] = factors[g] > 0 ? 1 / factors[g] : 0;
  }
}

typedef struct spreading {
  float *dx;
  const float *dy;
  const weighted_sum *w;
} spreading;

/* Lines [outer][length] of dx: every element that counts gets the gradient of its sum. */
static void spread_lines(void *arguments, size_t begin, size_t end) {
  const spreading *s = arguments;
  const weighted_sum *w = s->w;
  const size_t rest = w->reduction.mask.rest, inner = w->groups * rest;
  const float *mask = w->reduction.mask.values;
  for (size_t line = begin; line < end; line++) {
    const size_t outer = line / w->reduction.seen.length;
    for (size_t g = 0; g < w->groups; g++) {
      if (mask && mask[line * w->groups + g] == 0) continue;
      const float factor = w->factors[outer * w->groups + g];
      float *dx = s->dx + line * inner + g * rest;
      const float *dy = s->dy + outer * inner + g * rest;
      if (rest == 1) {
        *dx += factor * *dy;
      } else {
        thaw_axpy(dx, factor, dy, rest);
      }
    }
  }
}

/* The same where each sum is over a row of neighbours, all of which count. */
static void spread_rows(void *arguments, size_t begin, size_t end) {
  const spreading *s = arguments;
  const size_t length = s->w->reduction.seen.length;
  for (size_t i = begin; i < end; i++) {
    float *dx = s->dx + i * length;
    thaw_scale_shift(dx, 1, dx, s->w->factors[i] * s->dy[i], length);
  }
}

static void sum_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                         void *context) {
  (void)count;
  const weighted_sum *w = context;
  const thaw_axis *seen = &w->reduction.seen;
  float *dx = thaw_grad(tape, inputs[0]);
  if (!dx) return;
  spreading s = {dx, y->grad, w};
  if (is_rows(&w->reduction)) {
    thaw_parallel_rows(seen->outer, seen->length, spread_rows, &s);
  } else {
    thaw_parallel_rows(seen->outer * seen->length, seen->inner, spread_lines, &s);
  }
}

static thaw_tensor *weighted(thaw_tape *tape, const char *name, thaw_tensor *x, size_t axis,
                             const thaw_tensor *mask, bool mean) {
  if (!x || thaw_tape_status(tape) != THAW_OK) return NULL;
  reduction r;
  if (!prepare(tape, name, x, axis, mask, &r)) return NULL;
  const size_t groups = r.seen.inner / r.mask.rest;
  thaw_tensor *y = thaw_tape_tensor(tape, r.rank, r.shape);
  weighted_sum *context = thaw_tape_alloc(tape, sizeof *context);
  float *factors = thaw_tape_alloc(tape, r.seen.outer * groups * sizeof(float));
  if (!y || !context || !factors) return NULL;
  *context = (weighted_sum){r, groups, factors};
  thaw_fill(y->data, 0, thaw_size(y));
  thaw_axis_sums(y->data, x->data, r.seen, r.mask);
  thaw_fill(factors, 1, r.seen.outer * groups);
  if (mean) invert_counts(context);
  for (size_t i = 0; mean && i < r.seen.outer * groups; i++) {
    float *group = y->data + i * r.mask.rest;
    thaw_scale(group, factors[i], group, r.mask.rest);
  }
  return thaw_tape_record(tape, name, y, 1, &x, sum_backward, context);
}

thaw_tensor *thaw_sum(thaw_tape *tape, thaw_tensor *x, size_t axis, const thaw_tensor *mask) {
  return weighted(tape, "sum", x, axis, mask, false);
}

thaw_tensor *thaw_mean(thaw_tape *tape, thaw_tensor *x, size_t axis, const thaw_tensor *mask) {
  return weighted(tape, "mean", x, axis, mask, true);
}

/* ---- Maximum ------------------------------------------------------------------------------- */

typedef struct maximum {
  reduction reduction;
  float *y; /* the values [outer][inner], and then their gradient */
  const float *x;
  float *dx;
  int32_t *steps; /* [outer][inner]: where along the axis the maximum stands, −1: nowhere */
} maximum;

typedef struct maximum_strip {
  float *y;
  int32_t *steps;
} maximum_strip;

static void keep_run(void *user, size_t at, const float *x, size_t step, size_t n) {
  const maximum_strip *strip = user;
  thaw_keep_max(strip->y + at, strip->steps + at, x, (int32_t)step, n);
}

/* Results [outer][inner] */
static void max_range(void *arguments, size_t begin, size_t end) {
  const maximum *m = arguments;
  const reduction *r = &m->reduction;
  for (size_t first = begin, count; first < end; first += count) {
    count = thaw_axis_strip(r->seen, first, end);
    maximum_strip strip = {m->y + first, m->steps + first};
    for (size_t i = 0; i < count; i++) {
      strip.y[i] = 0;
      strip.steps[i] = -1;
    }
    thaw_axis_walk(m->x, r->seen, r->mask, first, count, keep_run, &strip);
  }
}

/* The same where each result is that of a row of neighbours, all of which count. As in
 * thaw_keep_max, the first NaN is the largest of all. */
static void max_rows(void *arguments, size_t begin, size_t end) {
  const maximum *m = arguments;
  const size_t length = m->reduction.seen.length;
  for (size_t i = begin; i < end; i++) {
    const float *x = m->x + i * length;
    size_t at = 0;
    for (size_t step = 1; step < length; step++) {
      if (!(x[step] <= x[at]) && x[at] == x[at]) at = step;
    }
    m->y[i] = x[at];
    m->steps[i] = (int32_t)at;
  }
}

static void max_back_range(void *arguments, size_t begin, size_t end) {
  const maximum *m = arguments;
  const thaw_axis *seen = &m->reduction.seen;
  for (size_t i = begin; i < end; i++) {
    const size_t outer = i / seen->inner, column = i % seen->inner;
    if (m->steps[i] < 0) continue;
    m->dx[(outer * seen->length + (size_t)m->steps[i]) * seen->inner + column] += m->y[i];
  }
}

static void max_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                         void *context) {
  (void)count;
  maximum *m = context;
  m->dx = thaw_grad(tape, inputs[0]);
  m->y = y->grad;
  if (m->dx) thaw_parallel_rows(thaw_size(y), 1, max_back_range, m);
}

thaw_tensor *thaw_max(thaw_tape *tape, thaw_tensor *x, size_t axis, const thaw_tensor *mask) {
  if (!x || thaw_tape_status(tape) != THAW_OK) return NULL;
  reduction r;
  if (!prepare(tape, "max", x, axis, mask, &r)) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, r.rank, r.shape);
  if (!y) return NULL;
  maximum *context = thaw_tape_alloc(tape, sizeof *context);
  int32_t *steps = thaw_tape_alloc(tape, thaw_size(y) * sizeof *steps);
  if (!context || !steps) return NULL;
  *context = (maximum){r, y->data, x->data, NULL, steps};
  thaw_parallel_rows(thaw_size(y), r.seen.length, is_rows(&r) ? max_rows : max_range, context);
  return thaw_tape_record(tape, "max", y, 1, &x, max_backward, context);
}

/* ---- Masks --------------------------------------------------------------------------------- */

thaw_tensor *thaw_length_mask(thaw_tape *tape, size_t time, size_t batch, const int32_t *lengths) {
  if (time == 0 || batch == 0) {
    return thaw_tape_fail(tape, "length_mask", "there is no mask of %zu steps for %zu sequences",
                          time, batch);
  }
  thaw_tensor *mask = thaw_tape_tensor(tape, 2, (size_t[]){time, batch});
  if (!mask) return NULL;
  for (size_t t = 0; t < time; t++) {
    for (size_t b = 0; b < batch; b++) {
      const bool counts = !lengths || (lengths[b] > 0 && t < (size_t)lengths[b]);
      mask->data[t * batch + b] = counts ? 1 : 0;
    }
  }
  return mask;
}
