/* op_lstm.c: a whole LSTM layer over a sequence as one operation.
 *
 * What does not depend on the step before is done for many steps in one large product: x·w_ihᵀ
 * forwards, and the gradients of x and of both weights backwards. Only h·w_hhᵀ, its counterpart
 * backwards, and the cells go step by step.
 *
 * The gates of all steps are kept for the backward function, which replaces them by their
 * gradients in place. Evaluation keeps the gates of a few steps at a time, and one c. */
#include <string.h>

#include "tensor/blas.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

enum {
  EVALUATED_ROWS = 512,     /* of x·w_ihᵀ at a time while nothing is kept */
  PARALLEL_CELLS = 1 << 12, /* from which the rows of a step are shared among threads */
};

typedef struct lstm {
  size_t time, batch, in, hidden;
  size_t chunk;    /* steps whose gates are in memory: T if they are kept */
  size_t c_stride; /* from the c of one step to the next: B·H, or 0 if they are not kept */
  float *gates;    /* [chunk][B][4H] */
  float *c;        /* [T+1][B][H] or [B][H]; the first is c0 */
  float *h0;       /* [B][H], or NULL for zeros */
} lstm;

/* ---- The cells of one step: rows, shared among threads -------------------------------------- */

typedef struct cells {
  size_t hidden;
  float *gates;          /* [B][4H] */
  const float *bias;     /* [4H] */
  const float *c_before; /* [B][H], as all below */
  float *c, *h;
  const float *dh;
  float *dc;
} cells;

static void forward_range(void *arguments, size_t begin, size_t end) {
  const cells *s = arguments;
  for (size_t b = begin; b < end; b++) {
    const size_t at = b * s->hidden;
    thaw_lstm_cell(s->gates + 4 * at, s->bias, s->c_before + at, s->c + at, s->h + at, s->hidden);
  }
}

static void backward_range(void *arguments, size_t begin, size_t end) {
  const cells *s = arguments;
  for (size_t b = begin; b < end; b++) {
    const size_t at = b * s->hidden;
    thaw_lstm_cell_backward(s->gates + 4 * at, s->c_before + at, s->c + at, s->dh + at, s->dc + at,
                            s->hidden);
  }
}

static size_t worthwhile_rows(const lstm *l) {
  return l->batch * l->hidden < PARALLEL_CELLS ? SIZE_MAX : 2;
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* Turns gates [T][B][4H] into their gradients. dh [T][B][H] is the gradient of the output; each
 * step adds to the one before what flows back through h·w_hhᵀ. dc [B][H] is scratch. */
static void backward_steps(const lstm *l, const float *w_hh, float *dh, float *dc) {
  const size_t hidden = l->hidden, state = l->batch * hidden;
  memset(dc, 0, state * sizeof *dc);
  for (size_t t = l->time; t-- > 0;) {
    cells s = {.hidden = hidden,
               .gates = l->gates + t * 4 * state,
               .c_before = l->c + t * state,
               .c = l->c + (t + 1) * state,
               .dh = dh + t * state,
               .dc = dc};
    thaw_parallel_rows(l->batch, worthwhile_rows(l), backward_range, &s);
    if (t == 0) break;
    thaw_sgemm(false, false, l->batch, hidden, 4 * hidden, 1, s.gates, 4 * hidden, w_hh, hidden, 1,
               dh + (t - 1) * state, hidden);
  }
}

/* dw_hh [4H][H] += Σ_t dgates[t]ᵀ · h[t−1] */
static void add_recurrent_gradient(const lstm *l, const float *h, float *dw_hh) {
  const size_t hidden = l->hidden, gates = 4 * hidden, rows = (l->time - 1) * l->batch;
  if (rows > 0) {
    thaw_sgemm(true, false, gates, hidden, rows, 1, l->gates + l->batch * gates, gates, h, hidden,
               1, dw_hh, hidden);
  }
  if (l->h0) {
    thaw_sgemm(true, false, gates, hidden, l->batch, 1, l->gates, gates, l->h0, hidden, 1, dw_hh,
               hidden);
  }
}

static void lstm_backward(thaw_tape *tape, thaw_tensor *h, thaw_tensor *const *inputs, size_t count,
                          void *context) {
  (void)count;
  const lstm *l = context;
  const thaw_tensor *x = inputs[0], *w_ih = inputs[1], *w_hh = inputs[2];
  const size_t rows = l->time * l->batch, gates = 4 * l->hidden, in = l->in;
  float *dx = thaw_grad(tape, inputs[0]), *dw_ih = thaw_grad(tape, inputs[1]);
  float *dw_hh = thaw_grad(tape, inputs[2]), *dbias = thaw_grad(tape, inputs[3]);
  const thaw_arena_mark here = thaw_tape_here(tape);
  float *dc = thaw_tape_alloc(tape, l->batch * l->hidden * sizeof *dc);
  if (!dc) return;
  backward_steps(l, w_hh->data, h->grad, dc);
  thaw_tape_back_to(tape, here);
  if (dx) thaw_sgemm(false, false, rows, in, gates, 1, l->gates, gates, w_ih->data, in, 1, dx, in);
  if (dw_ih) {
    thaw_sgemm(true, false, gates, in, rows, 1, l->gates, gates, x->data, in, 1, dw_ih, in);
  }
  if (dw_hh) add_recurrent_gradient(l, h->data, dw_hh);
  if (dbias) thaw_column_sums(dbias, l->gates, rows, gates);
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* gates = x·w_ihᵀ for the steps from t on that fit in a chunk. */
static void start_chunk(const lstm *l, const thaw_tensor *x, const thaw_tensor *w_ih, size_t t) {
  const size_t steps = l->time - t < l->chunk ? l->time - t : l->chunk, gates = 4 * l->hidden;
  thaw_sgemm(false, true, steps * l->batch, gates, l->in, 1, x->data + t * l->batch * l->in, l->in,
             w_ih->data, l->in, 0, l->gates, gates);
}

static void forward_steps(const lstm *l, thaw_tensor *const *inputs, float *h) {
  const size_t hidden = l->hidden, state = l->batch * hidden;
  for (size_t t = 0; t < l->time; t++) {
    if (t % l->chunk == 0) start_chunk(l, inputs[0], inputs[1], t);
    cells s = {.hidden = hidden,
               .gates = l->gates + t % l->chunk * 4 * state,
               .bias = inputs[3]->data,
               .c_before = l->c + t * l->c_stride,
               .c = l->c + (t + 1) * l->c_stride,
               .h = h + t * state};
    const float *h_before = t > 0 ? h + (t - 1) * state : l->h0;
    if (h_before) {
      thaw_sgemm(false, true, l->batch, 4 * hidden, hidden, 1, h_before, hidden, inputs[2]->data,
                 hidden, 1, s.gates, 4 * hidden);
    }
    thaw_parallel_rows(l->batch, worthwhile_rows(l), forward_range, &s);
  }
}

/* Memory for the gates and states; NULL when there is none. `keep` is for backward. */
static lstm *prepare(thaw_tape *tape, const thaw_tensor *x, size_t hidden, const float *h0,
                     const float *c0, bool keep) {
  const size_t time = x->shape[0], batch = x->shape[1], state = batch * hidden;
  const size_t fitting = (EVALUATED_ROWS + batch - 1) / batch;
  lstm *l = thaw_tape_alloc(tape, sizeof *l);
  if (!l) return NULL;
  *l = (lstm){time, batch, x->shape[2], hidden, .chunk = keep || fitting > time ? time : fitting};
  l->c_stride = keep ? state : 0;
  l->gates = thaw_tape_alloc(tape, l->chunk * 4 * state * sizeof(float));
  l->c = thaw_tape_alloc(tape, (keep ? time + 1 : 1) * state * sizeof(float));
  l->h0 = h0 ? thaw_tape_alloc(tape, state * sizeof(float)) : NULL;
  if (!l->gates || !l->c || (h0 && !l->h0)) return NULL;
  if (h0) memcpy(l->h0, h0, state * sizeof(float));
  if (c0) {
    memcpy(l->c, c0, state * sizeof(float));
  } else {
    memset(l->c, 0, state * sizeof(float));
  }
  return l;
}

static bool shapes_fit(thaw_tape *tape, thaw_tensor *const *inputs) {
  const thaw_tensor *x = inputs[0], *w_ih = inputs[1], *w_hh = inputs[2], *bias = inputs[3];
  char text[4][THAW_SHAPE_TEXT];
  const char *shapes[4];
  for (size_t i = 0; i < 4; i++) shapes[i] = thaw_shape_text(inputs[i], text[i]);
  if (x->rank != 3 || w_ih->rank != 2 || w_hh->rank != 2 || bias->rank != 1 ||
      x->shape[2] != w_ih->shape[1] || w_ih->shape[0] != 4 * w_hh->shape[1] ||
      w_hh->shape[0] != 4 * w_hh->shape[1] || bias->shape[0] != 4 * w_hh->shape[1]) {
    thaw_tape_fail(tape, "lstm",
                   "input %s, w_ih %s, w_hh %s and bias %s do not fit: expected [T][B][I], "
                   "[4H][I], [4H][H] and [4H]",
                   shapes[0], shapes[1], shapes[2], shapes[3]);
    return false;
  }
  if (!thaw_blas_fits(thaw_rows(x)) || !thaw_blas_fits(x->shape[2]) ||
      !thaw_blas_fits(bias->shape[0])) {
    thaw_tape_fail(tape, "lstm", "%s and %s are too large for the matrix library", shapes[0],
                   shapes[1]);
    return false;
  }
  return true;
}

thaw_tensor *thaw_lstm(thaw_tape *tape, thaw_tensor *x, thaw_tensor *w_ih, thaw_tensor *w_hh,
                       thaw_tensor *bias, const float *h0, const float *c0, float *h_last,
                       float *c_last) {
  if (!x || !w_ih || !w_hh || !bias || thaw_tape_status(tape) != THAW_OK) return NULL;
  thaw_tensor *inputs[] = {x, w_ih, w_hh, bias};
  if (!shapes_fit(tape, inputs)) return NULL;
  const size_t time = x->shape[0], batch = x->shape[1], hidden = w_hh->shape[1];
  const size_t state = batch * hidden;
  const bool keep = thaw_tape_wants(tape, 4, inputs);
  thaw_tensor *h = thaw_tape_tensor(tape, 3, (size_t[]){time, batch, hidden});
  const thaw_arena_mark here = thaw_tape_here(tape);
  lstm *l = h ? prepare(tape, x, hidden, h0, c0, keep) : NULL;
  if (!l) return NULL;
  forward_steps(l, inputs, h->data);
  if (h_last) memcpy(h_last, h->data + (time - 1) * state, state * sizeof(float));
  if (c_last) memcpy(c_last, l->c + time * l->c_stride, state * sizeof(float));
  if (!keep) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "lstm", h, 4, inputs, lstm_backward, l);
}
