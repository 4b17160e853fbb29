/* op_linear_loss.c: cross entropy behind a linear layer, without its logits ever being there.
 *
 * The logits of a large vocabulary would be many times the size of everything else. They exist for
 * a block of rows at a time, and what flows back from a block is found while it is there; so the
 * forward function computes the gradients, which backward only has to scale and add.
 *
 * A block's logits stand in panels [V/W][rows][W], W words wide, in which the products that make
 * and use them run without any copying. Each thread has its own words: it makes their logits, the
 * exponentials of these, and the gradient of their weights, and meets the others where a row's
 * maximum, its sum, or all of its exponentials are needed. With e = exp(logit − max), s = Σ e, t
 * the target, N the rows that count, and w the words' weights:
 *
 *   dlogit = (e/s − [t])/N = (e − s·[t]) · scale,  scale = 1/(s·N)
 *   dx = scale · Σ (e − s·[t])·w        dw = Σ_rows (e − s·[t]) · (scale·x)
 *
 * so that no pass over the logits is spent on dividing by s. The bias's gradient is that of one
 * more column of x, which is 1. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "tensor/blas.h"
#include "tensor/kernels.h"
#include "tensor/loss.h"
#include "tensor/product.h"

enum {
  BLOCK_LOGITS = 1 << 23, /* elements in a block at most, 32 MiB, unless that is too few rows */
  BLOCK_X = 3 << 15,      /* elements of x in a block, so that it stays in the cache */
  FEWEST_ROWS = 128,      /* in a block, whatever the sizes */
  MOST_ROWS = 512,
  PANELS_AT_ONCE = 4, /* are made before their maxima are taken, while they are in the cache */
  SHARED_PRODUCT = 1 << 16, /* multiplications from which threads share the work */
};

/* Of the mean loss; NULL where none is wanted. */
typedef struct linear_gradients {
  float *x;     /* [rows][D] */
  float *words; /* [panels][D+1][W]: of weight, and in the last row of the bias */
} linear_gradients;

typedef struct linear_loss {
  const float *x, *weight, *bias; /* [rows][D], [V][D], [V] or NULL */
  const int32_t *targets;         /* [rows] */
  size_t rows, width, classes, counted;
  linear_gradients gradients;
  double *losses; /* [rows], 0 for a row left out */
  /* Memory for a block of up to block_rows rows: */
  size_t block_rows;
  float *logits;        /* [panels][rows][W] */
  float *max;           /* [threads][rows], then [rows] of all threads */
  double *sums;         /* the same */
  float *target_logits; /* [rows] */
  float *scaled;        /* [rows][D+1]: scale·x and scale */
} linear_loss;

/* ---- One block, by one of several threads ---------------------------------------------------- */

typedef struct part {
  const linear_loss *l;
  size_t begin, rows;             /* the block */
  size_t thread, threads;         /* this one, and how many there are */
  size_t first_panel, last_panel; /* its words */
  size_t first_row, last_row;     /* its rows, where work is divided by rows */
} part;

static part make_part(const linear_loss *l, size_t begin) {
  const size_t threads = (size_t)omp_get_num_threads(), id = (size_t)omp_get_thread_num();
  const size_t left = l->rows - begin, rows = left < l->block_rows ? left : l->block_rows;
  const size_t panels = thaw_panel_count(l->classes);
  return (part){.l = l,
                .begin = begin,
                .rows = rows,
                .thread = id,
                .threads = threads,
                .first_panel = panels * id / threads,
                .last_panel = panels * (id + 1) / threads,
                .first_row = rows * id / threads,
                .last_row = rows * (id + 1) / threads};
}

/* The place of a row's target if it is one of this thread's words, else NULL. */
static float *own_target(const part *p, size_t row) {
  const int32_t target = p->l->targets[p->begin + row];
  const size_t width = thaw_panel_width(), panel = target < 0 ? 0 : (size_t)target / width;
  if (target < 0 || panel < p->first_panel || panel >= p->last_panel) return NULL;
  return p->l->logits + (panel * p->rows + row) * width + (size_t)target % width;
}

/* What is no word has the exponential 0. */
static void fill_up(float *panel, size_t rows, size_t words) {
  const size_t width = thaw_panel_width();
  for (size_t row = 0; row < rows; row++) {
    for (size_t j = words; j < width; j++) panel[row * width + j] = -INFINITY;
  }
}

/* The logits of one panel's words. */
static void make_panel(const part *p, size_t panel) {
  const linear_loss *l = p->l;
  const size_t width = thaw_panel_width(), word = panel * width;
  const size_t words = l->classes - word < width ? l->classes - word : width;
  float *logits = l->logits + word * p->rows;
  thaw_multiply_tiles(&(thaw_product){.m = p->rows,
                                      .n = words,
                                      .k = l->width,
                                      .a = thaw_left_rows(l->x + p->begin * l->width, l->width),
                                      .b = {l->weight + word * l->width, 1, l->width},
                                      .row = l->bias ? l->bias + word : NULL,
                                      .c = logits,
                                      .c_stride = width});
  if (words < width) fill_up(logits, p->rows, words);
}

static void make_logits(const part *p) {
  const linear_loss *l = p->l;
  float *max = l->max + p->thread * l->block_rows;
  for (size_t row = 0; row < p->rows; row++) max[row] = -INFINITY;
  for (size_t panel = p->first_panel; panel < p->last_panel; panel += PANELS_AT_ONCE) {
    const size_t left = p->last_panel - panel,
                 count = left < PANELS_AT_ONCE ? left : PANELS_AT_ONCE;
    for (size_t i = 0; i < count; i++) make_panel(p, panel + i);
    thaw_loops_now()->panel_max(max, l->logits + panel * thaw_panel_width() * p->rows, count,
                                p->rows);
  }
  for (size_t row = 0; row < p->rows; row++) {
    const float *target = own_target(p, row);
    if (target) l->target_logits[row] = *target;
  }
}

/* The largest logit of each of the thread's rows, over all words. */
static void join_max(const part *p) {
  float *max = p->l->max;
  for (size_t row = p->first_row; row < p->last_row; row++) {
    for (size_t t = 1; t < p->threads; t++) {
      const float other = max[t * p->l->block_rows + row];
      if (other > max[row]) max[row] = other;
    }
  }
}

static void make_exponentials(const part *p) {
  const linear_loss *l = p->l;
  double *sums = l->sums + p->thread * l->block_rows;
  memset(sums, 0, p->rows * sizeof *sums);
  thaw_loops_now()->panel_exp(l->logits + p->first_panel * thaw_panel_width() * p->rows,
                              p->last_panel - p->first_panel, p->rows, l->max, sums);
}

/* Sums, losses and scaled x of the thread's rows. */
static void finish_rows(const part *p) {
  const linear_loss *l = p->l;
  for (size_t row = p->first_row; row < p->last_row; row++) {
    for (size_t t = 1; t < p->threads; t++) l->sums[row] += l->sums[t * l->block_rows + row];
    const bool counts = l->targets[p->begin + row] >= 0;
    const double loss = log(l->sums[row]) + (double)l->max[row] - (double)l->target_logits[row];
    l->losses[p->begin + row] = counts ? loss : 0;
    if (!l->scaled) continue;
    float *scaled = l->scaled + row * (l->width + 1);
    const float scale = counts ? (float)(1 / (l->sums[row] * (double)l->counted)) : 0;
    const float *x = l->x + (p->begin + row) * l->width;
    thaw_loops_now()->scale(scaled, x, NULL, scale, 0, l->width);
    scaled[l->width] = scale;
  }
}

static void subtract_targets(const part *p) {
  for (size_t row = 0; row < p->rows; row++) {
    float *target = own_target(p, row);
    if (target) *target -= (float)p->l->sums[row];
  }
}

/* [D+1][W] of each panel += scaledᵀ · (e − s·[t]) */
static void add_word_gradients(const part *p) {
  const linear_loss *l = p->l;
  const size_t width = thaw_panel_width(), columns = l->width + 1;
  const thaw_left transposed = {.data = l->scaled, .row = 1, .step = columns, .run = SIZE_MAX};
  for (size_t panel = p->first_panel; panel < p->last_panel; panel++) {
    thaw_multiply_panel(&(thaw_panel_product){.m = columns,
                                              .k = p->rows,
                                              .a = transposed,
                                              .panel = l->logits + panel * p->rows * width,
                                              .columns = width,
                                              .add = p->begin > 0,
                                              .c = l->gradients.words + panel * columns * width,
                                              .c_stride = width});
  }
}

/* dx [rows][D] = scale · (e − s·[t]) · weight, of the thread's rows. */
static void find_row_gradients(const part *p) {
  const linear_loss *l = p->l;
  const size_t width = thaw_panel_width();
  float *dx = l->gradients.x + p->begin * l->width;
  thaw_multiply_tiles(&(thaw_product){.m = p->last_row - p->first_row,
                                      .n = l->width,
                                      .k = l->classes,
                                      .a = {.data = l->logits + p->first_row * width,
                                            .row = width,
                                            .step = 1,
                                            .run = width,
                                            .jump = (p->rows - 1) * width},
                                      .b = {l->weight, l->width, 1},
                                      .c = dx + p->first_row * l->width,
                                      .c_stride = l->width});
  for (size_t row = p->first_row; row < p->last_row; row++) {
    const float scale = l->scaled[row * (l->width + 1) + l->width];
    thaw_loops_now()->scale(dx + row * l->width, dx + row * l->width, NULL, scale, 0, l->width);
  }
}

static void run_part(const part *p) {
  const linear_gradients *wanted = &p->l->gradients;
  make_logits(p);
#pragma omp barrier
  join_max(p);
#pragma omp barrier
  make_exponentials(p);
#pragma omp barrier
  finish_rows(p);
#pragma omp barrier
  if (wanted->x || wanted->words) subtract_targets(p);
  if (wanted->words) add_word_gradients(p);
#pragma omp barrier
  if (wanted->x) find_row_gradients(p);
#pragma omp barrier
}

static void run_blocks(const linear_loss *l) {
  const bool worthwhile = l->rows * l->classes * l->width >= SHARED_PRODUCT && !omp_in_parallel();
#pragma omp parallel if (worthwhile)
  for (size_t begin = 0; begin < l->rows; begin += l->block_rows) {
    const part p = make_part(l, begin);
    run_part(&p);
  }
}

/* ---- Backward -------------------------------------------------------------------------------- */

typedef struct kept_gradients {
  linear_gradients gradients;
  size_t classes, width;
  float *dweight, *dbias; /* where to add; NULL where none is wanted */
  float factor;
} kept_gradients;

/* The gradients of the words of some panels, which stand [D+1][W]. */
static void add_panels(void *arguments, size_t begin, size_t end) {
  const kept_gradients *s = arguments;
  const size_t width = thaw_panel_width(), columns = s->width + 1;
  for (size_t word = begin * width; word < end * width && word < s->classes; word++) {
    const float *from = s->gradients.words + word / width * columns * width + word % width;
    if (s->dbias) s->dbias[word] += s->factor * from[s->width * width];
    if (!s->dweight) continue;
    float *to = s->dweight + word * s->width;
    for (size_t d = 0; d < s->width; d++) to[d] += s->factor * from[d * width];
  }
}

static void linear_cross_entropy_backward(thaw_tape *tape, thaw_tensor *loss,
                                          thaw_tensor *const *inputs, size_t count, void *context) {
  (void)count;
  kept_gradients *kept = context;
  kept->factor = loss->grad[0];
  float *dx = thaw_grad(tape, inputs[0]);
  kept->dweight = thaw_grad(tape, inputs[1]);
  kept->dbias = thaw_grad(tape, inputs[2]);
  if (dx) thaw_axpy(dx, kept->factor, kept->gradients.x, thaw_size(inputs[0]));
  if (!kept->gradients.words) return;
  const size_t panels = thaw_panel_count(kept->classes);
  thaw_parallel_rows(panels, thaw_panel_width() * (kept->width + 1), add_panels, kept);
}

/* ---- Forward --------------------------------------------------------------------------------- */

bool thaw_linear_loss_fits(thaw_tape *tape, const char *operation, const thaw_tensor *x,
                           const thaw_tensor *weight, const thaw_tensor *bias) {
  char shape_x[THAW_SHAPE_TEXT], shape_w[THAW_SHAPE_TEXT], shape_b[THAW_SHAPE_TEXT];
  if (x->rank == 0 || weight->rank != 2 || thaw_columns(x) != weight->shape[1]) {
    thaw_tape_fail(tape, operation,
                   "input %s and weight %s do not fit: expected [..][D] and [V][D]",
                   thaw_shape_text(x, shape_x), thaw_shape_text(weight, shape_w));
    return false;
  }
  if (bias && (bias->rank != 1 || bias->shape[0] != weight->shape[0])) {
    thaw_tape_fail(tape, operation, "weight %s and bias %s do not fit: expected [V][D] and [V]",
                   thaw_shape_text(weight, shape_w), thaw_shape_text(bias, shape_b));
    return false;
  }
  return true;
}

static void *floats(thaw_tape *tape, bool wanted, size_t count) {
  return wanted ? thaw_tape_alloc(tape, count * sizeof(float)) : NULL;
}

/* Memory that is needed until the loss is known. */
static bool prepare_blocks(thaw_tape *tape, linear_loss *l) {
  const size_t words = thaw_panels_width(l->classes);
  const size_t threads = (size_t)thaw_numerics_threads();
  size_t rows = BLOCK_LOGITS / words;
  if (rows > BLOCK_X / l->width) rows = BLOCK_X / l->width;
  if (rows < FEWEST_ROWS) rows = FEWEST_ROWS;
  if (rows > MOST_ROWS) rows = MOST_ROWS;
  /* Blocks of the same size, so that none is left with a few rows. */
  const size_t blocks = (l->rows + rows - 1) / rows;
  rows = (l->rows + blocks - 1) / blocks;
  l->block_rows = rows;
  l->logits = floats(tape, true, rows * words);
  l->max = floats(tape, true, threads * rows);
  l->sums = thaw_tape_alloc(tape, threads * rows * sizeof *l->sums);
  l->target_logits = floats(tape, true, rows);
  l->scaled = floats(tape, l->gradients.x || l->gradients.words, rows * (l->width + 1));
  l->losses = thaw_tape_alloc(tape, l->rows * sizeof *l->losses);
  if (thaw_tape_status(tape) != THAW_OK) return false;
  memset(l->target_logits, 0, rows * sizeof(float));
  return true;
}

thaw_tensor *thaw_linear_cross_entropy(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight,
                                       thaw_tensor *bias, const int32_t *targets,
                                       double *loss_sum) {
  if (!x || !weight || thaw_tape_status(tape) != THAW_OK) return NULL;
  if (!thaw_linear_loss_fits(tape, "linear_cross_entropy", x, weight, bias)) return NULL;
  linear_loss l = {.x = x->data,
                   .weight = weight->data,
                   .bias = bias ? bias->data : NULL,
                   .targets = targets,
                   .rows = thaw_rows(x),
                   .width = thaw_columns(x),
                   .classes = weight->shape[0]};
  if (!thaw_count_targets(tape, "linear_cross_entropy", targets, l.rows, l.classes, &l.counted)) {
    return NULL;
  }
  if (loss_sum) *loss_sum = 0;
  thaw_tensor *loss = thaw_scalar(tape, 0);
  if (l.counted == 0) return loss;
  thaw_tensor *inputs[] = {x, weight, bias};
  const size_t words = thaw_panels_width(l.classes) * (l.width + 1);
  kept_gradients *kept = thaw_tape_alloc(tape, sizeof *kept);
  l.gradients.x = floats(tape, thaw_tape_wants(tape, 1, inputs), l.rows * l.width);
  l.gradients.words = floats(tape, thaw_tape_wants(tape, 2, inputs + 1), words);
  const thaw_arena_mark here = thaw_tape_here(tape);
  if (!loss || !kept || !prepare_blocks(tape, &l)) return NULL;
  *kept = (kept_gradients){.gradients = l.gradients, .classes = l.classes, .width = l.width};
  run_blocks(&l);
  const double sum = thaw_sum_of_losses(l.losses, l.rows);
  thaw_tape_back_to(tape, here);
  if (loss_sum) *loss_sum = sum;
  loss->data[0] = (float)(sum / (double)l.counted);
  return thaw_tape_record(tape, "linear_cross_entropy", loss, 3, inputs,
                          linear_cross_entropy_backward, kept);
}
