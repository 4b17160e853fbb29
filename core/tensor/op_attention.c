/* op_attention.c: scaled dot-product attention of several heads, as one operation.
 *
 * Queries, keys and values of one head and one sequence of the batch lie far apart in memory; a
 * thread copies them together, queries already divided by √D, and goes through the queries a block
 * at a time: scores with every key that one of the block may see, softmax, product with the values.
 * The weights [T][T] never exist as a whole. What is kept of them is the logarithm of each
 * softmax's denominator, from which the backward function finds the weights again (Dao et al. 2022,
 * FlashAttention). Dropout's masks are drawn again as well, from the same random numbers.
 *
 * With w the weights, m dropout's mask and do the output's gradient, dv = (w·m)ᵀ · do, and with
 * dw = m · (do · vᵀ) the scores' gradient is w · (dw − Σ w·dw), where Σ w·dw = Σ do·out. */
#include <math.h>
#include <omp.h>

#include "tensor/kernels.h"
#include "tensor/product.h"
#include "tensor/tape.h"

enum {
  BLOCK = 64,               /* queries at a time */
  APART = 16,               /* floats between rows of scores: not a page, where T is a power of 2 */
  SHARED_PRODUCT = 1 << 15, /* multiplications from which threads share the heads */
};

typedef struct attention {
  size_t time, batch, heads, width; /* width: D, of one head */
  bool causal;
  float p;          /* dropout; 0 unless training */
  uint64_t seed;    /* of its masks */
  float *log_sums;  /* [B][H][T]; NULL when nothing is kept */
  const float *qkv; /* [T][B][3][H][D] */
} attention;

/* What one thread needs for one head of one sequence. Gradients are NULL going forward. */
typedef struct workspace {
  float *q, *k, *v;                    /* [T][D] */
  float *scores, *mask;                /* [BLOCK][stride] */
  float *dq, *dk, *dv, *dout, *slopes; /* as those; slopes are the gradients of the weights */
} workspace;

/* A block of queries of one head and one sequence, which are numbered together: b·H + h. */
typedef struct block {
  const attention *a;
  const workspace *w;
  size_t pair, begin, rows, keys;
} block;

static size_t score_stride(const attention *a) {
  return a->time + APART;
}

/* How many keys the block's query sees. */
static size_t keys_of(const block *b, size_t row) {
  return b->a->causal ? b->begin + row + 1 : b->a->time;
}

/* Where the head's part of x [T][B][parts][H][D] begins; `row_stride` from one step to the next. */
static size_t part_of(const attention *a, size_t pair, size_t part, size_t parts) {
  return ((pair / a->heads * parts + part) * a->heads + pair % a->heads) * a->width;
}

static size_t row_stride(const attention *a, size_t parts) {
  return a->batch * parts * a->heads * a->width;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static bool worth_sharing(const attention *a) {
  return a->batch * a->heads * a->time * a->time * a->width >= SHARED_PRODUCT && !omp_in_parallel();
}

static float *floats(thaw_tape *tape, bool wanted, size_t count) {
  return wanted ? thaw_tape_alloc(tape, count * sizeof(float)) : NULL;
}

/* One for each thread that there will be; NULL when there is no memory. */
static workspace *make_workspaces(thaw_tape *tape, const attention *a, bool backward) {
  const size_t threads = worth_sharing(a) ? (size_t)omp_get_max_threads() : 1;
  const size_t whole = a->time * a->width, some = BLOCK * score_stride(a);
  workspace *spaces = thaw_tape_alloc(tape, threads * sizeof *spaces);
  for (size_t i = 0; spaces && i < threads; i++) {
    spaces[i] = (workspace){.q = floats(tape, true, whole),
                            .k = floats(tape, true, whole),
                            .v = floats(tape, true, whole),
                            .scores = floats(tape, true, some),
                            .mask = floats(tape, a->p > 0, some),
                            .dq = floats(tape, backward, whole),
                            .dk = floats(tape, backward, whole),
                            .dv = floats(tape, backward, whole),
                            .dout = floats(tape, backward, whole),
                            .slopes = floats(tape, backward, some)};
  }
  return thaw_tape_status(tape) == THAW_OK ? spaces : NULL;
}

/* ---- Rows and products ----------------------------------------------------------------------- */

/* to [T][D] = factor · the rows from `from` on, `stride` apart */
static void gather(const attention *a, float *to, float factor, const float *from, size_t stride) {
  for (size_t t = 0; t < a->time; t++) {
    thaw_scale(to + t * a->width, factor, from + t * stride, a->width);
  }
}

/* the rows from `to` on, `stride` apart, += factor · from [T][D] */
static void add_to(const attention *a, float *to, size_t stride, float factor, const float *from) {
  for (size_t t = 0; t < a->time; t++) {
    thaw_axpy(to + t * stride, factor, from + t * a->width, a->width);
  }
}

static float query_scale(const attention *a) {
  return 1 / sqrtf((float)a->width);
}

static void gather_head(const attention *a, const workspace *w, size_t pair) {
  const size_t stride = row_stride(a, 3);
  gather(a, w->q, query_scale(a), a->qkv + part_of(a, pair, 0, 3), stride);
  gather(a, w->k, 1, a->qkv + part_of(a, pair, 1, 3), stride);
  gather(a, w->v, 1, a->qkv + part_of(a, pair, 2, 3), stride);
}

/* c [rows][keys] = x [rows][D] · y [keys][D]ᵀ, for the block's rows of x [T][D] */
static void multiply_with_keys(const block *b, float *c, const float *x, const float *y) {
  const size_t width = b->a->width;
  thaw_multiply_tiles(&(thaw_product){.m = b->rows,
                                      .n = b->keys,
                                      .k = width,
                                      .a = thaw_left_rows(x + b->begin * width, width),
                                      .b = {y, 1, width},
                                      .c = c,
                                      .c_stride = score_stride(b->a)});
}

/* c [rows][D] = scores [rows][keys] · y [keys][D] */
static void weigh_keys(const block *b, float *c, size_t c_stride, const float *scores,
                       const float *y) {
  thaw_multiply_tiles(&(thaw_product){.m = b->rows,
                                      .n = b->a->width,
                                      .k = b->keys,
                                      .a = thaw_left_rows(scores, score_stride(b->a)),
                                      .b = {y, b->a->width, 1},
                                      .c = c,
                                      .c_stride = c_stride});
}

/* c [keys][D] += scores [rows][keys]ᵀ · x [rows][D], for the block's rows of x [T][D] */
static void add_to_keys(const block *b, float *c, const float *scores, const float *x) {
  const size_t width = b->a->width;
  const thaw_left transposed = {
      .data = scores, .row = 1, .step = score_stride(b->a), .run = SIZE_MAX};
  thaw_multiply_tiles(&(thaw_product){.m = b->keys,
                                      .n = width,
                                      .k = b->rows,
                                      .a = transposed,
                                      .b = {x + b->begin * width, width, 1},
                                      .add = true,
                                      .c = c,
                                      .c_stride = width});
}

/* The same mask whenever it is asked for. */
static void draw_mask(const block *b) {
  const attention *a = b->a;
  const size_t blocks = (a->time + BLOCK - 1) / BLOCK;
  thaw_rng rng = thaw_rng_make(a->seed, b->pair * blocks + b->begin / BLOCK);
  thaw_dropout_mask(b->w->mask, b->rows * score_stride(a), a->p, &rng);
}

/* Scores beyond what a query sees are 0, and those before are multiplied by the mask. */
static void finish_row(const block *b, float *scores, size_t row) {
  const size_t seen = keys_of(b, row);
  if (b->a->p > 0) {
    thaw_vector_multiply(scores, scores, b->w->mask + row * score_stride(b->a), seen);
  }
  thaw_fill(scores + seen, 0, b->keys - seen);
}

typedef void (*pair_function)(const attention *a, const workspace *w, size_t pair, void *user);

/* Calls function for each head of each sequence. None depends on another. */
static void for_each_pair(const attention *a, const workspace *spaces, pair_function function,
                          void *user) {
  const size_t pairs = a->batch * a->heads;
#pragma omp parallel for schedule(static) if (worth_sharing(a))
  for (size_t pair = 0; pair < pairs; pair++) {
    function(a, spaces + omp_get_thread_num(), pair, user);
  }
}

static block make_block(const attention *a, const workspace *w, size_t pair, size_t begin) {
  const size_t rows = a->time - begin < BLOCK ? a->time - begin : BLOCK;
  return (block){a, w, pair, begin, rows, .keys = a->causal ? begin + rows : a->time};
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* scores and slopes [rows][keys] = the weights w·m, and the scores' gradients. */
static void find_slopes(const block *b, const float *out, size_t out_stride) {
  const attention *a = b->a;
  const workspace *w = b->w;
  const thaw_loops *loops = thaw_loops_now();
  multiply_with_keys(b, w->scores, w->q, w->k);
  multiply_with_keys(b, w->slopes, w->dout, w->v);
  if (a->p > 0) draw_mask(b);
  for (size_t row = 0; row < b->rows; row++) {
    const size_t seen = keys_of(b, row), t = b->begin + row;
    float *weights = w->scores + row * score_stride(a), *slopes = w->slopes + row * score_stride(a);
    const double dot = loops->dot(w->dout + t * a->width, out + t * out_stride, a->width);
    loops->exp_sum(weights, weights, a->log_sums[b->pair * a->time + t], seen);
    finish_row(b, slopes, row);
    loops->scale_shift(slopes, slopes, NULL, 1, (float)-dot, seen);
    loops->multiply(slopes, slopes, weights, 0, 0, seen);
    finish_row(b, weights, row);
  }
}

typedef struct backward_pass {
  const thaw_tensor *out;
  float *dqkv;
} backward_pass;

static void backward_pair(const attention *a, const workspace *w, size_t pair, void *user) {
  const backward_pass *pass = user;
  const size_t out_stride = row_stride(a, 1), stride = row_stride(a, 3);
  const size_t out_begin = part_of(a, pair, 0, 1), size = a->time * a->width;
  gather_head(a, w, pair);
  gather(a, w->dout, 1, pass->out->grad + out_begin, out_stride);
  thaw_fill(w->dk, 0, size);
  thaw_fill(w->dv, 0, size);
  for (size_t begin = 0; begin < a->time; begin += BLOCK) {
    const block b = make_block(a, w, pair, begin);
    find_slopes(&b, pass->out->data + out_begin, out_stride);
    add_to_keys(&b, w->dv, w->scores, w->dout);
    weigh_keys(&b, w->dq + begin * a->width, a->width, w->slopes, w->k);
    add_to_keys(&b, w->dk, w->slopes, w->q);
  }
  add_to(a, pass->dqkv + part_of(a, pair, 0, 3), stride, query_scale(a), w->dq);
  add_to(a, pass->dqkv + part_of(a, pair, 1, 3), stride, 1, w->dk);
  add_to(a, pass->dqkv + part_of(a, pair, 2, 3), stride, 1, w->dv);
}

static void attention_backward(thaw_tape *tape, thaw_tensor *out, thaw_tensor *const *inputs,
                               size_t count, void *context) {
  (void)count;
  const attention *a = context;
  backward_pass pass = {out, thaw_grad(tape, inputs[0])};
  if (!pass.dqkv) return;
  const thaw_arena_mark here = thaw_tape_here(tape);
  const workspace *spaces = make_workspaces(tape, a, true);
  if (spaces) for_each_pair(a, spaces, backward_pair, &pass);
  thaw_tape_back_to(tape, here);
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* scores [rows][keys] = the weights w·m */
static void find_weights(const block *b) {
  const attention *a = b->a;
  multiply_with_keys(b, b->w->scores, b->w->q, b->w->k);
  if (a->p > 0) draw_mask(b);
  for (size_t row = 0; row < b->rows; row++) {
    float *scores = b->w->scores + row * score_stride(a);
    const double log_sum = thaw_softmax_row(scores, scores, keys_of(b, row));
    if (a->log_sums) a->log_sums[b->pair * a->time + b->begin + row] = (float)log_sum;
    finish_row(b, scores, row);
  }
}

static void forward_pair(const attention *a, const workspace *w, size_t pair, void *user) {
  const size_t stride = row_stride(a, 1);
  float *out = (float *)user + part_of(a, pair, 0, 1);
  gather_head(a, w, pair);
  for (size_t begin = 0; begin < a->time; begin += BLOCK) {
    const block b = make_block(a, w, pair, begin);
    find_weights(&b);
    weigh_keys(&b, out + begin * stride, stride, w->scores, w->v);
  }
}

static bool is_valid(thaw_tape *tape, const thaw_tensor *qkv, size_t heads, float p) {
  char shape[THAW_SHAPE_TEXT];
  if (qkv->rank != 3 || heads == 0 || qkv->shape[2] % (3 * heads) != 0) {
    thaw_tape_fail(tape, "attention",
                   "input %s does not fit: expected [T][B][3·E], with E divisible by %zu heads",
                   thaw_shape_text(qkv, shape), heads);
    return false;
  }
  if (p >= 0 && p < 1) return true;
  thaw_tape_fail(tape, "attention", "probability %g is not at least 0 and below 1", (double)p);
  return false;
}

thaw_tensor *thaw_attention(thaw_tape *tape, thaw_tensor *qkv, size_t heads, bool causal, float p) {
  if (!qkv || thaw_tape_status(tape) != THAW_OK) return NULL;
  if (!is_valid(tape, qkv, heads, p)) return NULL;
  const size_t time = qkv->shape[0], batch = qkv->shape[1], width = qkv->shape[2] / 3;
  thaw_tensor *out = thaw_tape_tensor(tape, 3, (size_t[]){time, batch, width});
  attention *a = thaw_tape_alloc(tape, sizeof *a);
  if (!out || !a) return NULL;
  *a = (attention){time, batch, heads, .width = width / heads, .causal = causal, .qkv = qkv->data};
  if (thaw_tape_training(tape) && p > 0) {
    a->p = p;
    a->seed = thaw_rng_next(thaw_tape_rng(tape));
  }
  if (thaw_tape_wants(tape, 1, &qkv)) a->log_sums = floats(tape, true, batch * heads * time);
  const thaw_arena_mark here = thaw_tape_here(tape);
  const workspace *spaces = make_workspaces(tape, a, false);
  if (!spaces) return NULL;
  for_each_pair(a, spaces, forward_pair, out->data);
  thaw_tape_back_to(tape, here);
  return thaw_tape_record(tape, "attention", out, 1, &qkv, attention_backward, a);
}
