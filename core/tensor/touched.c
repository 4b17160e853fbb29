/* touched.c: see touched.h. */
#include "tensor/touched.h"

#include <stdlib.h>

thaw_touched *thaw_touched_create(size_t row_count) {
  thaw_touched *touched = calloc(1, sizeof *touched);
  if (!touched) return NULL;
  touched->row_count = row_count;
  touched->is = calloc(row_count, sizeof *touched->is);
  touched->row = calloc(row_count, sizeof *touched->row);
  if (touched->is && touched->row) return touched;
  thaw_touched_free(touched);
  return NULL;
}

void thaw_touched_free(thaw_touched *touched) {
  if (!touched) return;
  free(touched->is);
  free(touched->row);
  free(touched);
}

void thaw_touched_clear(thaw_touched *touched) {
  for (size_t i = 0; i < touched->count; i++) touched->is[touched->row[i]] = false;
  touched->count = 0;
  touched->all = false;
}

float *thaw_grad_rows(thaw_tape *tape, thaw_tensor *x, const int32_t *rows, size_t count) {
  thaw_touched *touched = x ? x->touched : NULL;
  const bool all = !touched || touched->all;
  float *gradient = thaw_grad(tape, x);
  if (all || !gradient) return gradient;
  touched->all = false;
  for (size_t i = 0; i < count; i++) {
    const size_t row = (size_t)rows[i];
    if (touched->is[row]) continue;
    touched->is[row] = true;
    touched->row[touched->count++] = row;
  }
  return gradient;
}
