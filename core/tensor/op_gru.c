/* op_gru.c: a whole GRU layer over a sequence as one operation; see recurrent.h for what goes step
 * by step and what does not.
 *
 * The reset gate stands between h·w_hhᵀ of the candidate n and its sum with x·w_ihᵀ, so that n's
 * product with the state is kept apart from its gate. The gates and these products of all steps are
 * kept for the backward function, which replaces them by their gradients in place. Evaluation keeps
 * the gates of a few steps at a time, and the products of one. */
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/recurrent.h"

typedef struct gru {
  thaw_sequence sequence;
  size_t product_stride; /* from the products of one step to the next: B·H, or 0 */
  float *products;       /* [T][B][H] or [B][H]: n's h·w_hhᵀ + bias_hn */
  float *h0;             /* [B][H] */
} gru;

/* ---- Backward -------------------------------------------------------------------------------- */

typedef struct backward_pass {
  const gru *g;
  const float *w_hh;
  float *dh;      /* [T][B][H], the gradient of the output */
  const float *h; /* [T][B][H] */
  float *unused;  /* [B][H]: what flows into h0 */
  float *panels;  /* w_hh of r and z, then of n, packed */
} backward_pass;

/* Each thread turns the gates [B][3H] and products [B][H] of its share into their gradients, and
 * when those of the whole rows are there, adds to dh of the step before what flows back through
 * h·w_hhᵀ. */
static void backward_steps(const backward_pass *b) {
  const thaw_sequence *q = &b->g->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden, width = q->width;
  const thaw_share s = thaw_own_share(q);
  float *panels_n = b->panels + 2 * hidden * thaw_panels_width(hidden);
  thaw_pack_together(b->panels, (thaw_right){b->w_hh, hidden, 1}, 2 * hidden, hidden);
  thaw_pack_together(panels_n, (thaw_right){b->w_hh + 2 * hidden * hidden, hidden, 1}, hidden,
                     hidden);
#pragma omp barrier
  for (size_t t = q->time; t-- > 0;) {
    float *gates = q->gates + t * q->batch * width, *products = b->g->products + t * state;
    float *dh_before = t > 0 ? b->dh + (t - 1) * state : b->unused;
    const float *h_before = t > 0 ? b->h + (t - 1) * state : b->g->h0;
    for (size_t row = s.first_row; row < s.last_row; row++) {
      const size_t at = row * hidden + s.begin;
      thaw_gru_cell_backward(gates + row * width + s.begin, products + at, h_before + at,
                             b->dh + t * state + at, dh_before + at, hidden, s.end - s.begin);
    }
    if (t == 0) break;
    thaw_meet(&s);
    thaw_multiply_share(&s, hidden, thaw_left_rows(gates, width), 2 * hidden, b->panels, dh_before,
                        hidden);
    thaw_multiply_share(&s, hidden, thaw_left_rows(products, hidden), hidden, panels_n, dh_before,
                        hidden);
  }
}

static void gru_backward(thaw_tape *tape, thaw_tensor *h, thaw_tensor *const *inputs, size_t count,
                         void *context) {
  (void)count;
  const gru *g = context;
  const thaw_sequence *q = &g->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden;
  float *dw_hh = thaw_grad(tape, inputs[2]), *dbias_hn = thaw_grad(tape, inputs[4]);
  const thaw_arena_mark here = thaw_tape_here(tape);
  const size_t packed = q->width * thaw_panels_width(hidden);
  const backward_pass b = {g,
                           inputs[2]->data,
                           h->grad,
                           h->data,
                           thaw_tape_alloc(tape, state * sizeof(float)),
                           thaw_tape_alloc(tape, packed * sizeof(float))};
  if (!b.unused || !b.panels) return;
  memset(b.unused, 0, state * sizeof(float));
#pragma omp parallel if (thaw_worth_sharing(q))
  backward_steps(&b);
  thaw_tape_back_to(tape, here);
  thaw_sequence_input_gradients(tape, q, inputs[0], inputs[1], inputs[3]);
  if (dw_hh) {
    thaw_sequence_recurrent_gradient(q, q->gates, 2 * hidden, q->width, h->data, g->h0, dw_hh);
    thaw_sequence_recurrent_gradient(q, g->products, hidden, hidden, h->data, g->h0,
                                     dw_hh + 2 * hidden * hidden);
  }
  if (dbias_hn) thaw_column_sums(dbias_hn, g->products, q->time * q->batch, hidden);
}

/* ---- Forward --------------------------------------------------------------------------------- */

typedef struct forward_pass {
  const gru *g;
  const float *bias, *bias_hn;
  float *h;      /* [T][B][H] */
  float *panels; /* w_hhᵀ of the three gates, packed */
} forward_pass;

/* Adds h·w_hhᵀ to the gates r and z [B][3H], and makes the products of n. */
static void multiply_state(const forward_pass *f, const thaw_share *s, const float *h_before,
                           float *gates, float *products) {
  const thaw_sequence *q = &f->g->sequence;
  const size_t hidden = q->hidden, packed = hidden * thaw_panels_width(hidden);
  const thaw_left left = thaw_left_rows(h_before, hidden);
  thaw_multiply_share(s, hidden, left, hidden, f->panels, gates, q->width);
  thaw_multiply_share(s, hidden, left, hidden, f->panels + packed, gates + hidden, q->width);
  for (size_t row = s->first_row; row < s->last_row; row++) {
    memset(products + row * hidden + s->begin, 0, (s->end - s->begin) * sizeof *products);
  }
  thaw_multiply_share(s, hidden, left, hidden, f->panels + 2 * packed, products, hidden);
}

/* The steps from begin to end, whose gates hold x·w_ihᵀ. */
static void forward_steps(const forward_pass *f, size_t begin, size_t end) {
  const gru *g = f->g;
  const thaw_sequence *q = &g->sequence;
  const size_t hidden = q->hidden, state = q->batch * hidden;
  const thaw_share s = thaw_own_share(q);
  for (size_t t = begin; t < end; t++) {
    float *gates = q->gates + t % q->chunk * q->batch * q->width;
    float *products = g->products + t * g->product_stride;
    const float *h_before = t > 0 ? f->h + (t - 1) * state : g->h0;
    multiply_state(f, &s, h_before, gates, products);
    for (size_t row = s.first_row; row < s.last_row; row++) {
      const size_t at = row * hidden + s.begin;
      thaw_gru_cell(gates + row * q->width + s.begin, products + at, f->bias + s.begin,
                    f->bias_hn + s.begin, h_before + at, f->h + t * state + at, hidden,
                    s.end - s.begin);
    }
    thaw_meet(&s);
  }
}

static void run_forward(const forward_pass *f, thaw_tensor *const *inputs) {
  const thaw_sequence *q = &f->g->sequence;
#pragma omp parallel if (thaw_worth_sharing(q))
  thaw_pack_gates(f->panels, inputs[2]->data, 3, q->hidden);
  for (size_t t = 0; t < q->time; t += q->chunk) {
    const size_t end = thaw_sequence_start_chunk(q, inputs[0], inputs[1], t);
#pragma omp parallel if (thaw_worth_sharing(q))
    forward_steps(f, t, end);
  }
}

/* Memory for the gates, products and h0; NULL when there is none. `keep` is for backward. */
static gru *prepare(thaw_tape *tape, const thaw_tensor *x, size_t hidden, const float *h0,
                    bool keep) {
  const size_t state = x->shape[1] * hidden;
  gru *g = thaw_tape_alloc(tape, sizeof *g);
  if (!g) return NULL;
  *g = (gru){.product_stride = keep ? state : 0};
  const bool made = thaw_sequence_prepare(tape, &g->sequence, x, hidden, 3, keep);
  g->products = thaw_tape_alloc(tape, (keep ? x->shape[0] : 1) * state * sizeof(float));
  g->h0 = thaw_tape_alloc(tape, state * sizeof(float));
  if (!made || !g->products || !g->h0) return NULL;
  if (h0) {
    memcpy(g->h0, h0, state * sizeof(float));
  } else {
    memset(g->h0, 0, state * sizeof(float));
  }
  return g;
}

static bool shapes_fit(thaw_tape *tape, thaw_tensor *const *inputs) {
  const thaw_tensor *x = inputs[0], *w_ih = inputs[1], *w_hh = inputs[2], *bias = inputs[3],
                    *bias_hn = inputs[4];
  char text[5][THAW_SHAPE_TEXT];
  const char *shapes[5];
  for (size_t i = 0; i < 5; i++) shapes[i] = thaw_shape_text(inputs[i], text[i]);
  const size_t hidden = w_hh->shape[1];
  if (x->rank != 3 || w_ih->rank != 2 || w_hh->rank != 2 || bias->rank != 1 || bias_hn->rank != 1 ||
      x->shape[2] != w_ih->shape[1] || w_ih->shape[0] != 3 * hidden ||
      w_hh->shape[0] != 3 * hidden || bias->shape[0] != 3 * hidden || bias_hn->shape[0] != hidden) {
    thaw_tape_fail(tape, "gru",
                   "input %s, w_ih %s, w_hh %s, bias %s and bias_hn %s do not fit: expected "
                   "[T][B][I], [3H][I], [3H][H], [3H] and [H]",
                   shapes[0], shapes[1], shapes[2], shapes[3], shapes[4]);
    return false;
  }
  return thaw_sequence_fits(tape, "gru", x, w_ih);
}

thaw_tensor *thaw_gru(thaw_tape *tape, thaw_tensor *x, thaw_tensor *w_ih, thaw_tensor *w_hh,
                      thaw_tensor *bias, thaw_tensor *bias_hn, const float *h0, float *h_last) {
  if (!x || !w_ih || !w_hh || !bias || !bias_hn || thaw_tape_status(tape) != THAW_OK) return NULL;
  thaw_tensor *inputs[] = {x, w_ih, w_hh, bias, bias_hn};
  if (!shapes_fit(tape, inputs)) return NULL;
  const size_t time = x->shape[0], batch = x->shape[1], hidden = w_hh->shape[1];
  const size_t state = batch * hidden;
  const bool keep = thaw_tape_wants(tape, 5, inputs);
  thaw_tensor *h = thaw_tape_tensor(tape, 3, (size_t[]){time, batch, hidden});
  const thaw_arena_mark here = thaw_tape_here(tape);
  gru *g = h ? prepare(tape, x, hidden, h0, keep) : NULL;
  if (!g) return NULL;
  const thaw_arena_mark kept = thaw_tape_here(tape);
  const size_t packed = 3 * hidden * thaw_panels_width(hidden);
  const forward_pass f = {g, bias->data, bias_hn->data, h->data,
                          thaw_tape_alloc(tape, packed * sizeof(float))};
  if (!f.panels) return NULL;
  run_forward(&f, inputs);
  thaw_tape_back_to(tape, kept);
  if (h_last) memcpy(h_last, h->data + (time - 1) * state, state * sizeof(float));
  if (!keep) thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "gru", h, 5, inputs, gru_backward, g);
}
