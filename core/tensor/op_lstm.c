/* op_lstm.c: a whole LSTM layer over a sequence as one operation.
 *
 * What does not depend on the step before is done for many steps in one large product: x·w_ihᵀ
 * forwards, and the gradients of x and of both weights backwards. Only h·w_hhᵀ, its counterpart
 * backwards, and the cells go step by step: w_hh is packed once for all steps, and every thread
 * keeps to its own sequences of the batch.
 *
 * The gates of all steps are kept for the backward function, which replaces them by their
 * gradients in place. Evaluation keeps the gates of a few steps at a time, and one c. */
#include <omp.h>
#include <string.h>

#include "tensor/blas.h"
#include "tensor/kernels.h"
#include "tensor/product.h"
#include "tensor/tape.h"

enum {
  EVALUATED_ROWS = 512,     /* of x·w_ihᵀ at a time while nothing is kept */
  SHARED_PRODUCT = 1 << 15, /* multiplications in a step from which threads share it */
  FEWEST_ROWS = 8,          /* for each thread, if rows are shared: fewer are slow to multiply */
};

typedef struct lstm {
  size_t time, batch, in, hidden;
  size_t chunk;    /* steps whose gates are in memory: T if they are kept */
  size_t c_stride; /* from the c of one step to the next: B·H, or 0 if they are not kept */
  float *gates;    /* [chunk][B][4H] */
  float *c;        /* [T+1][B][H] or [B][H]; the first is c0 */
  float *h0;       /* [B][H], or NULL for zeros */
} lstm;

/* ---- Steps, shared among threads ------------------------------------------------------------- */

/* A thread has rows of the batch, and all of their units: it meets nobody until the last step. In a
 * small batch it has units of all rows (whole panels of them), and the threads meet once a step. */
typedef struct share {
  size_t first_row, last_row;
  size_t first_panel, last_panel, begin, end; /* its units, by panels and by numbers */
  bool meets;
} share;

static void take_panels(share *s, size_t hidden, size_t id, size_t threads) {
  const size_t panels = thaw_panel_count(hidden), width = thaw_panel_width();
  s->first_panel = panels * id / threads;
  s->last_panel = panels * (id + 1) / threads;
  s->begin = s->first_panel * width;
  s->end = s->last_panel * width < hidden ? s->last_panel * width : hidden;
}

static share own_share(const lstm *l) {
  const size_t threads = (size_t)omp_get_num_threads(), id = (size_t)omp_get_thread_num();
  share s = {.last_row = l->batch, .meets = l->batch < FEWEST_ROWS * threads};
  take_panels(&s, l->hidden, s.meets ? id : 0, s.meets ? threads : 1);
  if (!s.meets) {
    s.first_row = l->batch * id / threads;
    s.last_row = l->batch * (id + 1) / threads;
  }
  return s;
}

static void meet(const share *s) {
  if (s->meets) {
#pragma omp barrier
  }
}

static bool worth_sharing(const lstm *l) {
  return l->batch * l->hidden * l->hidden >= SHARED_PRODUCT && !omp_in_parallel();
}

/* Panels of b [k][H], of which each thread packs some, whatever its share will be. */
static void pack_together(float *panels, thaw_right b, size_t k, size_t hidden) {
  share s;
  take_panels(&s, hidden, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
  thaw_pack_panels(panels, b, k, hidden, s.first_panel, s.last_panel);
}

/* c [rows][units of the share] += a [rows][k] · panels */
static void multiply_share(const lstm *l, const share *s, const float *a, size_t k,
                           const float *panels, float *c, size_t c_stride) {
  const size_t width = thaw_panel_width();
  for (size_t p = s->first_panel; p < s->last_panel; p++) {
    const size_t at = p * width, left = l->hidden - at;
    thaw_multiply_panel(&(thaw_panel_product){.m = s->last_row - s->first_row,
                                              .k = k,
                                              .a = thaw_left_rows(a + s->first_row * k, k),
                                              .panel = panels + at * k,
                                              .columns = left < width ? left : width,
                                              .add = true,
                                              .c = c + s->first_row * c_stride + at,
                                              .c_stride = c_stride});
  }
}

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
  const lstm *l = b->l;
  const size_t hidden = l->hidden, state = l->batch * hidden;
  const share s = own_share(l);
  pack_together(b->panels, (thaw_right){b->w_hh, hidden, 1}, 4 * hidden, hidden);
#pragma omp barrier
  for (size_t t = l->time; t-- > 0;) {
    float *gates = l->gates + t * 4 * state;
    for (size_t row = s.first_row; row < s.last_row; row++) {
      const size_t at = row * hidden + s.begin;
      thaw_lstm_cell_backward(gates + row * 4 * hidden + s.begin, l->c + t * state + at,
                              l->c + (t + 1) * state + at, b->dh + t * state + at, b->dc + at,
                              hidden, s.end - s.begin);
    }
    if (t == 0) break;
    meet(&s);
    multiply_share(l, &s, gates, 4 * hidden, b->panels, b->dh + (t - 1) * state, hidden);
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
  const size_t state = l->batch * l->hidden, packed = gates * thaw_panels_width(l->hidden);
  backward_pass b = {l, w_hh->data, h->grad, thaw_tape_alloc(tape, state * sizeof(float)),
                     thaw_tape_alloc(tape, packed * sizeof(float))};
  if (!b.dc || !b.panels) return;
  memset(b.dc, 0, state * sizeof(float));
#pragma omp parallel if (worth_sharing(l))
  backward_steps(&b);
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

typedef struct forward_pass {
  const lstm *l;
  const float *bias;
  float *h;      /* [T][B][H] */
  float *panels; /* w_hhᵀ of the four gates, packed */
} forward_pass;

/* Gate by gate. */
static void pack_recurrent(const forward_pass *f, const float *w_hh) {
  const size_t hidden = f->l->hidden, packed = hidden * thaw_panels_width(hidden);
  for (size_t gate = 0; gate < 4; gate++) {
    const thaw_right transposed = {w_hh + gate * hidden * hidden, 1, hidden};
    pack_together(f->panels + gate * packed, transposed, hidden, hidden);
  }
}

/* The steps from begin to end, whose gates hold x·w_ihᵀ. */
static void forward_steps(const forward_pass *f, size_t begin, size_t end) {
  const lstm *l = f->l;
  const size_t hidden = l->hidden, state = l->batch * hidden;
  const size_t packed = hidden * thaw_panels_width(hidden);
  const share s = own_share(l);
  for (size_t t = begin; t < end; t++) {
    float *gates = l->gates + t % l->chunk * 4 * state;
    const float *h_before = t > 0 ? f->h + (t - 1) * state : l->h0;
    for (size_t gate = 0; h_before && gate < 4; gate++) {
      multiply_share(l, &s, h_before, hidden, f->panels + gate * packed, gates + gate * hidden,
                     4 * hidden);
    }
    const float *c_before = l->c + t * l->c_stride;
    float *c = l->c + (t + 1) * l->c_stride;
    for (size_t row = s.first_row; row < s.last_row; row++) {
      const size_t at = row * hidden + s.begin;
      thaw_lstm_cell(gates + row * 4 * hidden + s.begin, f->bias + s.begin, c_before + at, c + at,
                     f->h + t * state + at, hidden, s.end - s.begin);
    }
    meet(&s);
  }
}

static void run_forward(const forward_pass *f, thaw_tensor *const *inputs) {
  const lstm *l = f->l;
#pragma omp parallel if (worth_sharing(l))
  pack_recurrent(f, inputs[2]->data);
  for (size_t t = 0; t < l->time; t += l->chunk) {
    start_chunk(l, inputs[0], inputs[1], t);
    const size_t end = l->time - t < l->chunk ? l->time : t + l->chunk;
#pragma omp parallel if (worth_sharing(l))
    forward_steps(f, t, end);
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
