/* op_embedding.c: the rows of a table for a batch of ids, with whole words dropped while training.
 *
 * Going back, a row of the table receives the gradients of all places where its word stands. Every
 * thread adds for its own columns, place after place, so that the sums are the same for any number
 * of threads. */
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/tape.h"
#include "tensor/touched.h"

enum { PARALLEL_ELEMENTS = 1 << 16 }; /* from which the work is shared among threads */

typedef struct places {
  const int32_t *ids;  /* [T·B] */
  const float *scales; /* [V], what a word's row is multiplied with, or NULL */
  size_t count, width;
} places;

static float scale_of(const places *p, size_t place) {
  return p->scales ? p->scales[p->ids[place]] : 1;
}

typedef struct rows_job {
  const places *places;
  float *out;
  const float *in;
} rows_job;

static void gather_range(void *arguments, size_t begin, size_t end) {
  const rows_job *job = arguments;
  const places *p = job->places;
  for (size_t i = begin; i < end; i++) {
    const float *row = job->in + (size_t)p->ids[i] * p->width;
    thaw_scale(job->out + i * p->width, scale_of(p, i), row, p->width);
  }
}

/* dtable [V][D], columns begin to end. */
static void scatter_range(void *arguments, size_t begin, size_t end) {
  const rows_job *job = arguments;
  const places *p = job->places;
  for (size_t i = 0; i < p->count; i++) {
    float *row = job->out + (size_t)p->ids[i] * p->width;
    thaw_axpy(row + begin, scale_of(p, i), job->in + i * p->width + begin, end - begin);
  }
}

static void embedding_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                               size_t count, void *context) {
  (void)count;
  const places *p = context;
  float *dtable = thaw_grad_rows(tape, inputs[0], p->ids, p->count);
  if (!dtable) return;
  const size_t worthwhile = p->count * p->width < PARALLEL_ELEMENTS ? SIZE_MAX : 2;
  thaw_parallel(p->width, worthwhile, scatter_range, &(rows_job){p, dtable, y->grad});
}

static bool ids_are_valid(thaw_tape *tape, const thaw_tensor *table, const int32_t *ids,
                          size_t time, size_t batch) {
  for (size_t i = 0; i < time * batch; i++) {
    if (ids[i] >= 0 && (size_t)ids[i] < table->shape[0]) continue;
    char shape[THAW_SHAPE_TEXT];
    thaw_tape_fail(tape, "embedding", "id %d at [%zu][%zu] of [%zu][%zu] is outside the table %s",
                   ids[i], i / batch, i % batch, time, batch, thaw_shape_text(table, shape));
    return false;
  }
  return true;
}

/* The ids and the words' scales live as long as the tape; NULL when there is no memory. */
static places *keep_places(thaw_tape *tape, const int32_t *ids, size_t count, size_t width,
                           size_t words, float p) {
  places *kept = thaw_tape_alloc(tape, sizeof *kept);
  int32_t *copy = thaw_tape_alloc(tape, count * sizeof *copy);
  const bool drops = thaw_tape_training(tape) && p > 0;
  float *scales = drops ? thaw_tape_alloc(tape, words * sizeof *scales) : NULL;
  if (!kept || !copy || (drops && !scales)) return NULL;
  memcpy(copy, ids, count * sizeof *copy);
  if (drops) thaw_dropout_mask(scales, words, p, thaw_tape_rng(tape));
  *kept = (places){copy, scales, count, width};
  return kept;
}

thaw_tensor *thaw_embedding(thaw_tape *tape, thaw_tensor *table, const int32_t *ids, size_t time,
                            size_t batch, float p) {
  if (!table) return NULL;
  char shape[THAW_SHAPE_TEXT];
  if (table->rank != 2) {
    return thaw_tape_fail(tape, "embedding", "table %s, expected [V][D]",
                          thaw_shape_text(table, shape));
  }
  if (!(p >= 0 && p < 1)) {
    return thaw_tape_fail(tape, "embedding", "probability %g is not at least 0 and below 1",
                          (double)p);
  }
  if (!ids_are_valid(tape, table, ids, time, batch)) return NULL;
  const size_t width = table->shape[1], count = time * batch;
  thaw_tensor *y = thaw_tape_tensor(tape, 3, (size_t[]){time, batch, width});
  const thaw_arena_mark here = thaw_tape_here(tape);
  places *kept = keep_places(tape, ids, count, width, table->shape[0], p);
  if (!y || !kept) return NULL;
  thaw_parallel_rows(count, width, gather_range, &(rows_job){kept, y->data, table->data});
  if (!thaw_tape_wants(tape, 1, &table)) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "embedding", y, 1, &table, embedding_backward, kept);
}
