/* recurrent.c: see recurrent.h. */
#include "tensor/recurrent.h"

#include <omp.h>

#include "tensor/blas.h"
#include "tensor/kernels.h"

enum {
  EVALUATED_ROWS = 512,     /* of x·w_ihᵀ at a time while nothing is kept */
  SHARED_PRODUCT = 1 << 15, /* multiplications in a step from which threads share it */
  FEWEST_ROWS = 8,          /* for each thread, if rows are shared: fewer are slow to multiply */
};

/* ---- All steps at once ----------------------------------------------------------------------- */

bool thaw_sequence_fits(thaw_tape *tape, const char *operation, const thaw_tensor *x,
                        const thaw_tensor *w_ih) {
  char text[2][THAW_SHAPE_TEXT];
  if (thaw_blas_fits(thaw_rows(x)) && thaw_blas_fits(w_ih->shape[0]) &&
      thaw_blas_fits(w_ih->shape[1]))
    return true;
  thaw_tape_fail(tape, operation, "%s and %s are too large for the matrix library",
                 thaw_shape_text(x, text[0]), thaw_shape_text(w_ih, text[1]));
  return false;
}

bool thaw_sequence_prepare(thaw_tape *tape, thaw_sequence *q, const thaw_tensor *x, size_t hidden,
                           size_t gates, bool keep) {
  const size_t time = x->shape[0], batch = x->shape[1];
  const size_t fitting = (EVALUATED_ROWS + batch - 1) / batch;
  *q = (thaw_sequence){.time = time,
                       .batch = batch,
                       .in = x->shape[2],
                       .hidden = hidden,
                       .width = gates * hidden,
                       .chunk = keep || fitting > time ? time : fitting};
  q->gates = thaw_tape_alloc(tape, q->chunk * batch * q->width * sizeof(float));
  return q->gates != NULL;
}

size_t thaw_sequence_start_chunk(const thaw_sequence *q, const thaw_tensor *x,
                                 const thaw_tensor *w_ih, size_t t) {
  const size_t steps = q->time - t < q->chunk ? q->time - t : q->chunk;
  thaw_sgemm(false, true, steps * q->batch, q->width, q->in, 1, x->data + t * q->batch * q->in,
             q->in, w_ih->data, w_ih->shape[1], 0, q->gates, q->width);
  return t + steps;
}

void thaw_sequence_input_gradients(thaw_tape *tape, const thaw_sequence *q, thaw_tensor *x,
                                   thaw_tensor *w_ih, thaw_tensor *bias) {
  const size_t rows = q->time * q->batch, width = q->width, in = q->in, row = w_ih->shape[1];
  float *dx = thaw_grad(tape, x), *dw_ih = thaw_grad(tape, w_ih), *dbias = thaw_grad(tape, bias);
  if (dx) thaw_sgemm(false, false, rows, in, width, 1, q->gates, width, w_ih->data, row, 1, dx, in);
  if (dw_ih)
    thaw_sgemm(true, false, width, in, rows, 1, q->gates, width, x->data, in, 1, dw_ih, row);
  if (dbias) thaw_column_sums(dbias, q->gates, rows, width);
}

void thaw_sequence_recurrent_gradient(const thaw_sequence *q, const float *d, size_t columns,
                                      size_t stride, const float *h, const float *h0, float *dw) {
  const size_t hidden = q->hidden, rows = (q->time - 1) * q->batch;
  if (rows > 0) {
    thaw_sgemm(true, false, columns, hidden, rows, 1, d + q->batch * stride, stride, h, hidden, 1,
               dw, hidden);
  }
  if (h0) {
    thaw_sgemm(true, false, columns, hidden, q->batch, 1, d, stride, h0, hidden, 1, dw, hidden);
  }
}

/* ---- Steps, shared among threads ------------------------------------------------------------- */

static void take_panels(thaw_share *s, size_t hidden, size_t id, size_t threads) {
  const size_t panels = thaw_panel_count(hidden), width = thaw_panel_width();
  s->first_panel = panels * id / threads;
  s->last_panel = panels * (id + 1) / threads;
  s->begin = s->first_panel * width;
  s->end = s->last_panel * width < hidden ? s->last_panel * width : hidden;
}

bool thaw_worth_sharing(const thaw_sequence *q) {
  return q->batch * q->hidden * q->hidden >= SHARED_PRODUCT && !omp_in_parallel();
}

thaw_share thaw_own_share(const thaw_sequence *q) {
  const size_t threads = (size_t)omp_get_num_threads(), id = (size_t)omp_get_thread_num();
  thaw_share s = {.last_row = q->batch, .meets = q->batch < FEWEST_ROWS * threads};
  take_panels(&s, q->hidden, s.meets ? id : 0, s.meets ? threads : 1);
  if (!s.meets) {
    s.first_row = q->batch * id / threads;
    s.last_row = q->batch * (id + 1) / threads;
  }
  return s;
}

void thaw_meet(const thaw_share *share) {
  if (share->meets) {
#pragma omp barrier
  }
}

void thaw_pack_together(float *panels, thaw_right b, size_t k, size_t hidden) {
  thaw_share s;
  take_panels(&s, hidden, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
  thaw_pack_panels(panels, b, k, hidden, s.first_panel, s.last_panel);
}

void thaw_pack_gates(float *panels, const float *w_hh, size_t gates, size_t hidden) {
  const size_t packed = hidden * thaw_panels_width(hidden);
  for (size_t gate = 0; gate < gates; gate++) {
    const thaw_right transposed = {w_hh + gate * hidden * hidden, 1, hidden};
    thaw_pack_together(panels + gate * packed, transposed, hidden, hidden);
  }
}

void thaw_multiply_share(const thaw_share *share, size_t hidden, thaw_left a, size_t k,
                         const float *panels, float *c, size_t c_stride) {
  const size_t width = thaw_panel_width();
  a.data += share->first_row * a.row;
  for (size_t p = share->first_panel; p < share->last_panel; p++) {
    const size_t at = p * width, left = hidden - at;
    thaw_multiply_panel(&(thaw_panel_product){.m = share->last_row - share->first_row,
                                              .k = k,
                                              .a = a,
                                              .panel = panels + at * k,
                                              .columns = left < width ? left : width,
                                              .add = true,
                                              .c = c + share->first_row * c_stride + at,
                                              .c_stride = c_stride});
  }
}
