/* op_qrnn.c: a whole quasi-recurrent layer over a sequence as one operation.
 *
 * No product depends on the step before: the gates of many steps are one product with x, and one
 * more with x a step earlier where the window is 2. What is left for each step is the pooling, for
 * which every thread has sequences of its own.
 *
 * The gates of all steps are kept for the backward function, which replaces them by their
 * gradients in place. Evaluation keeps the gates of a few steps at a time, and one c. */
#include <string.h>

#include "tensor/blas.h"
#include "tensor/kernels.h"
#include "tensor/recurrent.h"

typedef struct qrnn {
  thaw_sequence sequence;
  bool window;     /* of 2 steps */
  size_t c_stride; /* from the c of one step to the next: B·H, or 0 if they are not kept */
  float *c;        /* [T+1][B][H] or [B][H]; the first is c0 */
  float *x0;       /* [B][I], or NULL for zeros */
} qrnn;

/* ---- Backward -------------------------------------------------------------------------------- */

typedef struct backward_pass {
  const qrnn *l;
  const float *dh; /* [T][B][H] */
  float *dc;       /* [B][H], scratch */
} backward_pass;

/* The sequences from begin to end: gates become their gradients. */
static void backward_rows(void *arguments, size_t begin, size_t end) {
  const backward_pass *b = arguments;
  const qrnn *l = b->l;
  const thaw_sequence *q = &l->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden;
  for (size_t t = q->time; t-- > 0;) {
    for (size_t row = begin; row < end; row++) {
      const size_t at = row * hidden;
      thaw_qrnn_cell_backward(q->gates + (t * q->batch + row) * q->width, l->c + t * state + at,
                              l->c + (t + 1) * state + at, b->dh + t * state + at, b->dc + at,
                              hidden, hidden);
    }
  }
}

/* What the gates owe to the step before: x and the second half of weight's rows [3H][2I]. */
static void window_gradients(const qrnn *l, const thaw_tensor *x, const thaw_tensor *weight,
                             float *dx, float *dweight) {
  const thaw_sequence *q = &l->sequence;
  const size_t rows = (q->time - 1) * q->batch, width = q->width, in = q->in;
  const float *later = q->gates + q->batch * width;
  if (dx && rows > 0) {
    thaw_sgemm(false, false, rows, in, width, 1, later, width, weight->data + in, 2 * in, 1, dx,
               in);
  }
  if (dweight && rows > 0) {
    thaw_sgemm(true, false, width, in, rows, 1, later, width, x->data, in, 1, dweight + in, 2 * in);
  }
  if (dweight && l->x0) {
    thaw_sgemm(true, false, width, in, q->batch, 1, q->gates, width, l->x0, in, 1, dweight + in,
               2 * in);
  }
}

static void qrnn_backward(thaw_tape *tape, thaw_tensor *h, thaw_tensor *const *inputs, size_t count,
                          void *context) {
  (void)count;
  const qrnn *l = context;
  const thaw_sequence *q = &l->sequence;
  const size_t state = q->batch * q->hidden;
  float *dx = thaw_grad(tape, inputs[0]), *dweight = thaw_grad(tape, inputs[1]);
  const thaw_arena_mark here = thaw_tape_here(tape);
  backward_pass b = {l, h->grad, thaw_tape_alloc(tape, state * sizeof(float))};
  if (!b.dc) return;
  memset(b.dc, 0, state * sizeof(float));
  thaw_parallel_rows(q->batch, q->time * q->hidden, backward_rows, &b);
  thaw_tape_back_to(tape, here);
  thaw_sequence_input_gradients(tape, q, inputs[0], inputs[1], inputs[2]);
  if (l->window) window_gradients(l, inputs[0], inputs[1], dx, dweight);
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* gates += x[t−1]·(second half of weight's rows)ᵀ for the steps from begin to end. */
static void add_step_before(const qrnn *l, const thaw_tensor *x, const thaw_tensor *weight,
                            size_t begin, size_t end) {
  const thaw_sequence *q = &l->sequence;
  const size_t in = q->in, width = q->width;
  const float *before = weight->data + in;
  const size_t first = begin > 0 ? begin : 1, rows = (end - first) * q->batch;
  if (begin == 0 && l->x0) {
    thaw_sgemm(false, true, q->batch, width, in, 1, l->x0, in, before, 2 * in, 1, q->gates, width);
  }
  if (rows > 0) {
    thaw_sgemm(false, true, rows, width, in, 1, x->data + (first - 1) * q->batch * in, in, before,
               2 * in, 1, q->gates + (first - begin) * q->batch * width, width);
  }
}

/* Beyond any bias: its σ is 1, and no gradient comes through it. */
static const float wide_open = 1e30f;

/* Zoneout: with probability p a unit keeps its state in a step, since its f is 1. */
static void open_gates(thaw_tape *tape, const thaw_sequence *q, float p, float *mask,
                       size_t steps) {
  for (size_t row = 0; row < steps * q->batch; row++) {
    float *forget = q->gates + row * q->width + q->hidden;
    thaw_dropout_mask(mask, q->hidden, p, thaw_tape_rng(tape));
    for (size_t j = 0; j < q->hidden; j++) {
      if (mask[j] == 0) forget[j] = wide_open;
    }
  }
}

typedef struct forward_pass {
  const qrnn *l;
  const float *bias;
  float *h; /* [T][B][H] */
  size_t begin, end;
} forward_pass;

/* The sequences from first to last, whose gates are there from step begin to end. */
static void forward_rows(void *arguments, size_t first, size_t last) {
  const forward_pass *f = arguments;
  const qrnn *l = f->l;
  const thaw_sequence *q = &l->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden;
  for (size_t t = f->begin; t < f->end; t++) {
    for (size_t row = first; row < last; row++) {
      const size_t at = row * hidden;
      thaw_qrnn_cell(q->gates + ((t - f->begin) * q->batch + row) * q->width, f->bias,
                     l->c + t * l->c_stride + at, l->c + (t + 1) * l->c_stride + at,
                     f->h + t * state + at, hidden, hidden);
    }
  }
}

static void run_forward(thaw_tape *tape, const qrnn *l, thaw_tensor *const *inputs, float zoneout,
                        float *mask, float *h) {
  const thaw_sequence *q = &l->sequence;
  for (size_t t = 0; t < q->time; t += q->chunk) {
    const size_t end = thaw_sequence_start_chunk(q, inputs[0], inputs[1], t);
    if (l->window) add_step_before(l, inputs[0], inputs[1], t, end);
    if (mask) open_gates(tape, q, zoneout, mask, end - t);
    forward_pass f = {l, inputs[2]->data, h, t, end};
    thaw_parallel_rows(q->batch, (end - t) * q->hidden, forward_rows, &f);
  }
}

/* Memory for the gates and states; NULL when there is none. `keep` is for backward. */
static qrnn *prepare(thaw_tape *tape, thaw_tensor *const *inputs, const float *x0, const float *c0,
                     bool keep) {
  const thaw_tensor *x = inputs[0], *weight = inputs[1];
  const size_t hidden = inputs[2]->shape[0] / 3, time = x->shape[0], batch = x->shape[1];
  const size_t state = batch * hidden, in = x->shape[2];
  qrnn *l = thaw_tape_alloc(tape, sizeof *l);
  if (!l) return NULL;
  *l = (qrnn){.window = weight->shape[1] != in, .c_stride = keep ? state : 0};
  const bool made = thaw_sequence_prepare(tape, &l->sequence, x, hidden, 3, keep);
  l->c = thaw_tape_alloc(tape, (keep ? time + 1 : 1) * state * sizeof(float));
  l->x0 = l->window && x0 ? thaw_tape_alloc(tape, batch * in * sizeof(float)) : NULL;
  if (!made || !l->c || (l->window && x0 && !l->x0)) return NULL;
  if (l->x0) memcpy(l->x0, x0, batch * in * sizeof(float));
  if (c0) {
    memcpy(l->c, c0, state * sizeof(float));
  } else {
    memset(l->c, 0, state * sizeof(float));
  }
  return l;
}

static bool shapes_fit(thaw_tape *tape, thaw_tensor *const *inputs, float zoneout) {
  const thaw_tensor *x = inputs[0], *weight = inputs[1], *bias = inputs[2];
  char text[3][THAW_SHAPE_TEXT];
  const char *shapes[3];
  for (size_t i = 0; i < 3; i++) shapes[i] = thaw_shape_text(inputs[i], text[i]);
  if (x->rank != 3 || weight->rank != 2 || bias->rank != 1 || bias->shape[0] % 3 != 0 ||
      weight->shape[0] != bias->shape[0] ||
      (weight->shape[1] != x->shape[2] && weight->shape[1] != 2 * x->shape[2])) {
    thaw_tape_fail(tape, "qrnn",
                   "input %s, weight %s and bias %s do not fit: expected [T][B][I], [3H][I] or "
                   "[3H][2I], and [3H]",
                   shapes[0], shapes[1], shapes[2]);
    return false;
  }
  if (!(zoneout >= 0 && zoneout < 1)) {
    thaw_tape_fail(tape, "qrnn", "zoneout is %g, expected at least 0, below 1", (double)zoneout);
    return false;
  }
  return thaw_sequence_fits(tape, "qrnn", x, weight);
}

thaw_tensor *thaw_qrnn(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight, thaw_tensor *bias,
                       float zoneout, const float *x0, const float *c0, float *x_last,
                       float *c_last) {
  if (!x || !weight || !bias || thaw_tape_status(tape) != THAW_OK) return NULL;
  thaw_tensor *inputs[] = {x, weight, bias};
  if (!shapes_fit(tape, inputs, zoneout)) return NULL;
  const size_t time = x->shape[0], batch = x->shape[1], hidden = bias->shape[0] / 3;
  const size_t state = batch * hidden, step = batch * x->shape[2];
  const bool keep = thaw_tape_wants(tape, 3, inputs),
             zone = zoneout > 0 && thaw_tape_training(tape);
  thaw_tensor *h = thaw_tape_tensor(tape, 3, (size_t[]){time, batch, hidden});
  const thaw_arena_mark here = thaw_tape_here(tape);
  qrnn *l = h ? prepare(tape, inputs, x0, c0, keep) : NULL;
  if (!l) return NULL;
  const thaw_arena_mark kept = thaw_tape_here(tape);
  float *mask = zone ? thaw_tape_alloc(tape, hidden * sizeof(float)) : NULL;
  if (zone && !mask) return NULL;
  run_forward(tape, l, inputs, zoneout, mask, h->data);
  thaw_tape_back_to(tape, kept);
  if (x_last) memcpy(x_last, x->data + (time - 1) * step, step * sizeof(float));
  if (c_last) memcpy(c_last, l->c + time * l->c_stride, state * sizeof(float));
  if (!keep) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "qrnn", h, 3, inputs, qrnn_backward, l);
}
