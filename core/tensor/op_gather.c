/* op_gather.c: rows and steps picked by index. The indices are copied: the caller's may change
 * before the gradients flow. */
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/tape.h"
#include "tensor/touched.h"

static int32_t *keep_indices(thaw_tape *tape, const int32_t *indices, size_t count) {
  int32_t *kept = thaw_tape_alloc(tape, count * sizeof *kept);
  if (kept) memcpy(kept, indices, count * sizeof *kept);
  return kept;
}

/* ---- Rows of a table ----------------------------------------------------------------------- */

typedef struct rows_back {
  float *table;
  const float *rows;
  const int32_t *indices;
  size_t count, columns;
} rows_back;

/* table[indices[i]] += rows[i]. The threads share the columns, for two rows may go to one place. */
static void add_rows(void *arguments, size_t begin, size_t end) {
  const rows_back *r = arguments;
  for (size_t i = 0; i < r->count; i++) {
    thaw_axpy(r->table + (size_t)r->indices[i] * r->columns + begin, 1,
              r->rows + i * r->columns + begin, end - begin);
  }
}

static void gather_rows_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                 size_t count, void *context) {
  (void)count;
  const size_t rows = y->shape[0], columns = y->shape[1];
  float *dx = thaw_grad_rows(tape, inputs[0], context, rows);
  if (!dx) return;
  thaw_parallel_rows(columns, rows, add_rows, &(rows_back){dx, y->grad, context, rows, columns});
}

thaw_tensor *thaw_gather_rows(thaw_tape *tape, thaw_tensor *table, const int32_t *indices,
                              size_t count) {
  if (!table) return NULL;
  char shape[THAW_SHAPE_TEXT];
  if (table->rank != 2) {
    return thaw_tape_fail(tape, "gather_rows", "the table is %s: expected [V][D]",
                          thaw_shape_text(table, shape));
  }
  if (count == 0) return thaw_tape_fail(tape, "gather_rows", "there are no indices");
  const size_t columns = table->shape[1];
  for (size_t i = 0; i < count; i++) {
    if (indices[i] >= 0 && (size_t)indices[i] < table->shape[0]) continue;
    return thaw_tape_fail(tape, "gather_rows",
                          "index %d at position %zu is outside of the table %s", (int)indices[i], i,
                          thaw_shape_text(table, shape));
  }
  thaw_tensor *y = thaw_tape_tensor(tape, 2, (size_t[]){count, columns});
  int32_t *context = keep_indices(tape, indices, count);
  if (!y || !context) return NULL;
  for (size_t i = 0; i < count; i++) {
    memcpy(y->data + i * columns, table->data + (size_t)indices[i] * columns,
           columns * sizeof(float));
  }
  return thaw_tape_record(tape, "gather_rows", y, 1, &table, gather_rows_backward, context);
}

/* ---- One step of every sequence ------------------------------------------------------------ */

/* Where sequence b's step stands in x [T][B][D]. */
static size_t step_at(const thaw_tensor *x, const int32_t *steps, size_t b) {
  return ((size_t)steps[b] * x->shape[1] + b) * x->shape[2];
}

static void gather_steps_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                                  size_t count, void *context) {
  (void)count;
  const thaw_tensor *x = inputs[0];
  const size_t batch = x->shape[1], columns = x->shape[2];
  float *dx = thaw_grad(tape, inputs[0]);
  for (size_t b = 0; dx && b < batch; b++) {
    thaw_axpy(dx + step_at(x, context, b), 1, y->grad + b * columns, columns);
  }
}

thaw_tensor *thaw_gather_steps(thaw_tape *tape, thaw_tensor *x, const int32_t *steps) {
  if (!x) return NULL;
  char shape[THAW_SHAPE_TEXT];
  if (x->rank != 3) {
    return thaw_tape_fail(tape, "gather_steps", "the input is %s: expected [T][B][D]",
                          thaw_shape_text(x, shape));
  }
  const size_t batch = x->shape[1], columns = x->shape[2];
  for (size_t b = 0; b < batch; b++) {
    if (steps[b] >= 0 && (size_t)steps[b] < x->shape[0]) continue;
    return thaw_tape_fail(tape, "gather_steps", "step %d of sequence %zu is outside of %s",
                          (int)steps[b], b, thaw_shape_text(x, shape));
  }
  thaw_tensor *y = thaw_tape_tensor(tape, 2, (size_t[]){batch, columns});
  int32_t *context = keep_indices(tape, steps, batch);
  if (!y || !context) return NULL;
  for (size_t b = 0; b < batch; b++) {
    memcpy(y->data + b * columns, x->data + step_at(x, steps, b), columns * sizeof(float));
  }
  return thaw_tape_record(tape, "gather_steps", y, 1, &x, gather_steps_backward, context);
}
