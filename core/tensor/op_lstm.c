/* op_lstm.c: a whole LSTM layer over a sequence as one operation.
 *
 * What does not depend on the step before is done for many steps in one large product; only
 * h·w_hhᵀ, its counterpart backwards, and the cells go step by step, shared among threads. See
 * recurrent.h.
 *
 * The gates of all steps are kept for the backward function, which replaces them by their
 * gradients in place. Evaluation keeps the gates of a few steps at a time, and one c. */
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/recurrent.h"

typedef struct lstm {
  thaw_sequence sequence;
  size_t c_stride; /* from the c of one step to the next: B·H, or 0 if they are not kept */
  float *c;        /* [T+1][B][H] or [B][H]; the first is c0 */
  float *h0;       /* [B][H], or NULL for zeros */
} lstm;

/* ---- Backward -------------------------------------------------------------------------------- */

typedef struct backward_pass {
  const lstm *l;
  const float *w_hh;
  float *dh;     /* [T][B][H], the gradient of the output */
  float *dc;     /* [B][H], scratch */
  float *panels; /* w_hh, packed */
} backward_pass;

/* Each thread turns the gates [B][4H] of its share into their gradients, and when those of the
 * whole rows are there, adds to dh of the step before what flows back through h·w_hhᵀ. */
static void backward_steps(const backward_pass *b) {
  const thaw_sequence *q = &b->l->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden;
  const thaw_share s = thaw_own_share(q);
  thaw_pack_together(b->panels, (thaw_right){b->w_hh, hidden, 1}, 4 * hidden, hidden);
#pragma omp barrier
  for (size_t t = q->time; t-- > 0;) {
    float *gates = q->gates + t * 4 * state;
    for (size_t row = s.first_row; row < s.last_row; row++) {
      const size_t at = row * hidden + s.begin;
      thaw_lstm_cell_backward(gates + row * 4 * hidden + s.begin, b->l->c + t * state + at,
                              b->l->c + (t + 1) * state + at, b->dh + t * state + at, b->dc + at,
                              hidden, s.end - s.begin);
    }
    if (t == 0) break;
    thaw_meet(&s);
    thaw_multiply_share(&s, hidden, thaw_left_rows(gates, 4 * hidden), 4 * hidden, b->panels,
                        b->dh + (t - 1) * state, hidden);
  }
}

static void lstm_backward(thaw_tape *tape, thaw_tensor *h, thaw_tensor *const *inputs, size_t count,
                          void *context) {
  (void)count;
  const lstm *l = context;
  const thaw_sequence *q = &l->sequence;
  const thaw_tensor *w_hh = inputs[2];
  const size_t gates = 4 * q->hidden;
  const thaw_arena_mark here = thaw_tape_here(tape);
  const size_t state = q->batch * q->hidden, packed = gates * thaw_panels_width(q->hidden);
  backward_pass b = {l, w_hh->data, h->grad, thaw_tape_alloc(tape, state * sizeof(float)),
                     thaw_tape_alloc(tape, packed * sizeof(float))};
  if (!b.dc || !b.panels) return;
  memset(b.dc, 0, state * sizeof(float));
#pragma omp parallel if (thaw_worth_sharing(q))
  backward_steps(&b);
  thaw_tape_back_to(tape, here);
  thaw_sequence_input_gradients(tape, q, inputs[0], inputs[1], inputs[3]);
  float *dw_hh = thaw_grad(tape, inputs[2]);
  if (dw_hh) thaw_sequence_recurrent_gradient(q, q->gates, gates, gates, h->data, l->h0, dw_hh);
}

/* ---- Forward --------------------------------------------------------------------------------- */

typedef struct forward_pass {
  const lstm *l;
  const float *bias;
  float *h;      /* [T][B][H] */
  float *panels; /* w_hhᵀ of the four gates, packed */
} forward_pass;

/* The steps from begin to end, whose gates hold x·w_ihᵀ. */
static void forward_steps(const forward_pass *f, size_t begin, size_t end) {
  const lstm *l = f->l;
  const thaw_sequence *q = &l->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden;
  const size_t packed = hidden * thaw_panels_width(hidden);
  const thaw_share s = thaw_own_share(q);
  for (size_t t = begin; t < end; t++) {
    float *gates = q->gates + t % q->chunk * 4 * state;
    const float *h_before = t > 0 ? f->h + (t - 1) * state : l->h0;
    for (size_t gate = 0; h_before && gate < 4; gate++) {
      thaw_multiply_share(&s, hidden, thaw_left_rows(h_before, hidden), hidden,
                          f->panels + gate * packed, gates + gate * hidden, 4 * hidden);
    }
    const float *c_before = l->c + t * l->c_stride;
    float *c = l->c + (t + 1) * l->c_stride;
    for (size_t row = s.first_row; row < s.last_row; row++) {
      const size_t at = row * hidden + s.begin;
      thaw_lstm_cell(gates + row * 4 * hidden + s.begin, f->bias + s.begin, c_before + at, c + at,
                     f->h + t * state + at, hidden, s.end - s.begin);
    }
    thaw_meet(&s);
  }
}

static void run_forward(const forward_pass *f, thaw_tensor *const *inputs) {
  const thaw_sequence *q = &f->l->sequence;
#pragma omp parallel if (thaw_worth_sharing(q))
  thaw_pack_gates(f->panels, inputs[2]->data, 4, q->hidden);
  for (size_t t = 0; t < q->time; t += q->chunk) {
    const size_t end = thaw_sequence_start_chunk(q, inputs[0], inputs[1], t);
#pragma omp parallel if (thaw_worth_sharing(q))
    forward_steps(f, t, end);
  }
}

/* Memory for the gates and states; NULL when there is none. `keep` is for backward. */
static lstm *prepare(thaw_tape *tape, const thaw_tensor *x, size_t hidden, const float *h0,
                     const float *c0, bool keep) {
  const size_t time = x->shape[0], state = x->shape[1] * hidden;
  lstm *l = thaw_tape_alloc(tape, sizeof *l);
  if (!l) return NULL;
  *l = (lstm){.c_stride = keep ? state : 0};
  const bool made = thaw_sequence_prepare(tape, &l->sequence, x, hidden, 4, keep);
  l->c = thaw_tape_alloc(tape, (keep ? time + 1 : 1) * state * sizeof(float));
  l->h0 = h0 ? thaw_tape_alloc(tape, state * sizeof(float)) : NULL;
  if (!made || !l->c || (h0 && !l->h0)) return NULL;
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
  return thaw_sequence_fits(tape, "lstm", x, w_ih);
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
  const thaw_arena_mark kept = thaw_tape_here(tape);
  const size_t packed = 4 * hidden * thaw_panels_width(hidden);
  const forward_pass f = {l, bias->data, h->data, thaw_tape_alloc(tape, packed * sizeof(float))};
  if (!f.panels) return NULL;
  run_forward(&f, inputs);
  thaw_tape_back_to(tape, kept);
  if (h_last) memcpy(h_last, h->data + (time - 1) * state, state * sizeof(float));
  if (c_last) memcpy(c_last, l->c + time * l->c_stride, state * sizeof(float));
  if (!keep) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "lstm", h, 4, inputs, lstm_backward, l);
}
