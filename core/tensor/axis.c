/* axis.c: sums along an axis, and the walk that all reductions share.
 *
 * A walk goes through x in the order of memory as far as the cache allows: step by step along the
 * axis, and in every step through a strip of neighbouring results. */
#include "tensor/axis.h"

#include "tensor/kernels.h"

bool thaw_axis_of(thaw_tape *tape, const char *operation, const thaw_tensor *x, size_t axis,
                  thaw_axis *seen) {
  char shape[THAW_SHAPE_TEXT];
  if (axis >= x->rank) {
    thaw_tape_fail(tape, operation, "there is no axis %zu in %s", axis, thaw_shape_text(x, shape));
    return false;
  }
  *seen = (thaw_axis){1, x->shape[axis], 1};
  for (size_t i = 0; i < axis; i++) seen->outer *= x->shape[i];
  for (size_t i = axis + 1; i < x->rank; i++) seen->inner *= x->shape[i];
  return true;
}

size_t thaw_axis_strip(thaw_axis seen, size_t first, size_t end) {
  const size_t same_outer = seen.inner - first % seen.inner;
  size_t count = end - first < same_outer ? end - first : same_outer;
  return count < THAW_AXIS_STRIP ? count : THAW_AXIS_STRIP;
}

void thaw_axis_walk(const float *x, thaw_axis seen, thaw_axis_mask mask, size_t first, size_t count,
                    thaw_axis_visit visit, void *user) {
  const size_t begin = first % seen.inner, end = begin + count, row = first / seen.inner;
  const size_t groups = seen.inner / mask.rest;
  for (size_t step = 0; step < seen.length; step++) {
    const size_t line = row * seen.length + step;
    for (size_t i = begin; i < end;) {
      const size_t group = i / mask.rest, border = (group + 1) * mask.rest;
      const size_t next = border < end ? border : end;
      if (!mask.values || mask.values[line * groups + group] != 0) {
        visit(user, i - begin, x + line * seen.inner + i, step, next - i);
      }
      i = next;
    }
  }
}

/* ---- Sums ---------------------------------------------------------------------------------- */

typedef struct sum_arguments {
  float *sums;
  const float *x;
  thaw_axis seen;
  thaw_axis_mask mask;
} sum_arguments;

static void add_run(void *user, size_t at, const float *x, size_t step, size_t n) {
  (void)step;
  thaw_accumulate((double *)user + at, x, n);
}

static void sum_range(void *arguments, size_t begin, size_t end) {
  const sum_arguments *s = arguments;
  for (size_t first = begin, count; first < end; first += count) {
    double strip[THAW_AXIS_STRIP];
    count = thaw_axis_strip(s->seen, first, end);
    for (size_t i = 0; i < count; i++) strip[i] = (double)s->sums[first + i];
    thaw_axis_walk(s->x, s->seen, s->mask, first, count, add_run, strip);
    for (size_t i = 0; i < count; i++) s->sums[first + i] = (float)strip[i];
  }
}

/* Each sum is over neighbours: inner is 1. */
static void sum_rows(void *arguments, size_t begin, size_t end) {
  const sum_arguments *s = arguments;
  const size_t length = s->seen.length;
  for (size_t i = begin; i < end; i++) {
    s->sums[i] = (float)((double)s->sums[i] + thaw_vector_sum(s->x + i * length, length));
  }
}

void thaw_axis_sums(float *sums, const float *x, thaw_axis seen, thaw_axis_mask mask) {
  const bool rows = seen.inner == 1 && !mask.values;
  thaw_parallel_rows(seen.outer * seen.inner, seen.length, rows ? sum_rows : sum_range,
                     &(sum_arguments){sums, x, seen, mask});
}
