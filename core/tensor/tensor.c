/* tensor.c: what can be said of a tensor without a tape. */
#include <stdio.h>

#include "tensor/tape.h"

size_t thaw_size(const thaw_tensor *x) {
  size_t size = 1;
  for (size_t i = 0; i < x->rank; i++) size *= x->shape[i];
  return size;
}

size_t thaw_columns(const thaw_tensor *x) {
  return x->rank ? x->shape[x->rank - 1] : 1;
}

size_t thaw_rows(const thaw_tensor *x) {
  size_t rows = 1;
  for (size_t i = 0; i + 1 < x->rank; i++) rows *= x->shape[i];
  return rows;
}

const char *thaw_shape_text(const thaw_tensor *x, char text[THAW_SHAPE_TEXT]) {
  if (!x) return "nothing";
  if (x->rank == 0) return "scalar";
  size_t length = 0;
  for (size_t i = 0; i < x->rank && length < THAW_SHAPE_TEXT; i++) {
    const int printed = snprintf(text + length, THAW_SHAPE_TEXT - length, "[%zu]", x->shape[i]);
    if (printed < 0) break;
    length += (size_t)printed;
  }
  return text;
}
