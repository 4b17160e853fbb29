/* axis.h: a tensor seen from one of its axes, as [outer][length][inner]: for operations that join,
 * cut or reduce along an axis. */
#ifndef THAW_AXIS_H
#define THAW_AXIS_H

#include "tensor/tape.h"

typedef struct thaw_axis {
  size_t outer, length, inner; /* the dimensions before it multiplied, its own, those behind it */
} thaw_axis;

/* False, with the tape's error set, when x has no such axis. */
bool thaw_axis_of(thaw_tape *tape, const char *operation, const thaw_tensor *x, size_t axis,
                  thaw_axis *seen);

/* Which elements of [outer][length][inner] count: those with a value other than 0 in
 * [outer][length][inner / rest]. One value speaks for `rest` neighbours. */
typedef struct thaw_axis_mask {
  const float *values; /* NULL: everything counts, and rest is inner */
  size_t rest;
} thaw_axis_mask;

/* sums[outer][inner] += Σ over the axis of what counts in x [outer][length][inner]; in double
 * inside. The same bits for any number of threads. */
void thaw_axis_sums(float *sums, const float *x, thaw_axis seen, thaw_axis_mask mask);

/* For other reductions. Results [outer][inner] are worked on in strips that stay in the cache and
 * within one outer index: the length of the strip that starts at `first` and ends by `end`. */
enum { THAW_AXIS_STRIP = 2048 };
size_t thaw_axis_strip(thaw_axis seen, size_t first, size_t end);

/* Calls visit(user, at, x, step, n) for every run of n elements that count towards the strip of
 * `count` results from `first` on: those of `step` along the axis that belong to the strip's
 * results from number `at` on. Steps come in ascending order. */
typedef void (*thaw_axis_visit)(void *user, size_t at, const float *x, size_t step, size_t n);
void thaw_axis_walk(const float *x, thaw_axis seen, thaw_axis_mask mask, size_t first, size_t count,
                    thaw_axis_visit visit, void *user);

#endif
