/* touched.h: which rows of a parameter's gradient a step has added to.
 *
 * A batch of short documents has a few hundred words of a vocabulary of many thousands: only their
 * rows of the embedding's gradient need to be cleared, counted and applied. Who asks for the
 * gradient with thaw_grad may add to all of it; an operation that knows its rows asks with
 * thaw_grad_rows. */
#ifndef THAW_TOUCHED_H
#define THAW_TOUCHED_H

#include <thaw/tensor.h>

typedef struct thaw_touched {
  bool all;    /* any row may have been added to, and the list says nothing */
  bool *is;    /* [row_count] */
  size_t *row; /* the list, in the order of their first touch */
  size_t count, row_count;
} thaw_touched;

thaw_touched *thaw_touched_create(size_t row_count); /* no row is touched; NULL: no memory */
void thaw_touched_free(thaw_touched *touched);
void thaw_touched_clear(thaw_touched *touched);

/* As thaw_grad, for an operation that adds to these rows only. Those of a tensor that keeps no
 * account of its rows count for nothing. */
float *thaw_grad_rows(thaw_tape *tape, thaw_tensor *x, const int32_t *rows, size_t count);

#endif
