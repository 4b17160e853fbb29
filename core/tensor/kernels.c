/* kernels.c: the loops over float arrays, shared among threads. See loops.h for the loops. */
#include "tensor/kernels.h"

#include <math.h>
#include <omp.h>

#include "tensor/loops.h"

enum {
  PARALLEL_CHEAP = 1 << 16,  /* elements from which a loop of loads and stores is shared */
  PARALLEL_COSTLY = 1 << 13, /* the same with an exp or tanh in it */
  BORDER = 16,
  PARTS = 64, /* partial sums */
};

/* ---- Sharing work -------------------------------------------------------------------------- */

static void share(size_t count, size_t border, size_t worthwhile, thaw_range_function function,
                  void *arguments) {
  if (count < worthwhile || omp_get_max_threads() == 1 || omp_in_parallel()) {
    if (count) function(arguments, 0, count);
    return;
  }
#pragma omp parallel
  {
    const size_t threads = (size_t)omp_get_num_threads(), id = (size_t)omp_get_thread_num();
    const size_t blocks = (count + border - 1) / border;
    const size_t begin = blocks * id / threads * border;
    size_t end = blocks * (id + 1) / threads * border;
    if (end > count) end = count;
    if (begin < end) function(arguments, begin, end);
  }
}

void thaw_parallel(size_t count, size_t worthwhile, thaw_range_function function, void *arguments) {
  share(count, BORDER, worthwhile, function, arguments);
}

void thaw_parallel_rows(size_t rows, size_t elements, thaw_range_function function,
                        void *arguments) {
  share(rows, 1, rows * elements < PARALLEL_CHEAP ? SIZE_MAX : 2, function, arguments);
}

/* ---- Loops of one pass ---------------------------------------------------------------------- */

typedef struct pass {
  thaw_loop *loop;
  float *y;
  const float *a, *b;
  float factor, offset;
} pass;

static void pass_range(void *arguments, size_t begin, size_t end) {
  const pass *s = arguments;
  s->loop(s->y + begin, s->a ? s->a + begin : NULL, s->b ? s->b + begin : NULL, s->factor,
          s->offset, end - begin);
}

static void cheap(pass s, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, pass_range, &s);
}

static void costly(pass s, size_t n) {
  thaw_parallel(n, PARALLEL_COSTLY, pass_range, &s);
}

void thaw_fill(float *y, float value, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->fill, .y = y, .factor = value}, n);
}

void thaw_scale(float *y, float a, const float *x, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->scale, .y = y, .a = x, .factor = a}, n);
}

void thaw_axpy(float *y, float a, const float *x, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->axpy, .y = y, .a = x, .factor = a}, n);
}

void thaw_approach(float *y, float a, const float *x, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->approach, .y = y, .a = x, .factor = a}, n);
}

void thaw_scale_shift(float *y, float a, const float *x, float offset, size_t n) {
  cheap(
      (pass){.loop = thaw_loops_now()->scale_shift, .y = y, .a = x, .factor = a, .offset = offset},
      n);
}

void thaw_vector_add(float *y, const float *a, const float *b, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->add, .y = y, .a = a, .b = b}, n);
}

void thaw_vector_subtract(float *y, const float *a, const float *b, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->subtract, .y = y, .a = a, .b = b}, n);
}

void thaw_vector_multiply(float *y, const float *a, const float *b, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->multiply, .y = y, .a = a, .b = b}, n);
}

void thaw_multiply_add(float *y, const float *a, const float *b, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->multiply_add, .y = y, .a = a, .b = b}, n);
}

void thaw_vector_exp(float *y, const float *x, size_t n) {
  costly((pass){.loop = thaw_loops_now()->exp, .y = y, .a = x}, n);
}

void thaw_vector_tanh(float *y, const float *x, size_t n) {
  costly((pass){.loop = thaw_loops_now()->tanh, .y = y, .a = x}, n);
}

void thaw_vector_sigmoid(float *y, const float *x, size_t n) {
  costly((pass){.loop = thaw_loops_now()->sigmoid, .y = y, .a = x}, n);
}

void thaw_vector_relu(float *y, const float *x, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->relu, .y = y, .a = x}, n);
}

void thaw_vector_gelu(float *y, const float *x, size_t n) {
  costly((pass){.loop = thaw_loops_now()->gelu, .y = y, .a = x}, n);
}

void thaw_tanh_backward(float *dx, const float *dy, const float *y, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->tanh_backward, .y = dx, .a = dy, .b = y}, n);
}

void thaw_sigmoid_backward(float *dx, const float *dy, const float *y, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->sigmoid_backward, .y = dx, .a = dy, .b = y}, n);
}

void thaw_relu_backward(float *dx, const float *dy, const float *y, size_t n) {
  cheap((pass){.loop = thaw_loops_now()->relu_backward, .y = dx, .a = dy, .b = y}, n);
}

void thaw_gelu_backward(float *dx, const float *dy, const float *x, size_t n) {
  costly((pass){.loop = thaw_loops_now()->gelu_backward, .y = dx, .a = dy, .b = x}, n);
}

/* ---- Sums in double: a fixed number of parts, added in order -------------------------------- */

typedef struct sum_arguments {
  const float *a, *b; /* b is NULL for a plain sum */
  double (*loop)(const float *a, const float *b, size_t n);
  size_t n;
  double parts[PARTS];
} sum_arguments;

static double sum_range(const sum_arguments *s, size_t from, size_t count) {
  return s->b ? s->loop(s->a + from, s->b + from, count)
              : thaw_loops_now()->sum(s->a + from, count);
}

static void sum_parts(sum_arguments *s, size_t begin, size_t end) {
  for (size_t part = begin; part < end; part++) {
    const size_t from = s->n / PARTS * part;
    const size_t count = part + 1 < PARTS ? s->n / PARTS : s->n - from;
    s->parts[part] = sum_range(s, from, count);
  }
}

static double sum_of(sum_arguments s) {
  if (s.n < PARALLEL_CHEAP) return sum_range(&s, 0, s.n);
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < PARTS; part++) sum_parts(&s, part, part + 1);
  double sum = 0;
  for (size_t part = 0; part < PARTS; part++) sum += s.parts[part];
  return sum;
}

double thaw_vector_sum(const float *x, size_t n) {
  return sum_of((sum_arguments){.a = x, .n = n});
}

double thaw_sum_of_squares(const float *x, size_t n) {
  return thaw_dot(x, x, n);
}

double thaw_dot(const float *a, const float *b, size_t n) {
  return sum_of((sum_arguments){.a = a, .b = b, .loop = thaw_loops_now()->dot, .n = n});
}

double thaw_squared_distance(const float *a, const float *b, size_t n) {
  return sum_of(
      (sum_arguments){.a = a, .b = b, .loop = thaw_loops_now()->squared_distance, .n = n});
}

float thaw_vector_max(const float *x, size_t n) {
  return thaw_loops_now()->max(x, n);
}

/* ---- Rows and columns ---------------------------------------------------------------------- */

typedef struct column_arguments {
  float *sums;
  const float *x;
  size_t rows, columns;
} column_arguments;

enum { STRIP = 128 };

/* `width` columns (at most STRIP) from x on. */
static void column_strip(float *sums, const float *x, size_t rows, size_t stride, size_t width) {
  double strip[STRIP] = {0};
  for (size_t i = 0; i < rows; i++) thaw_loops_now()->accumulate(strip, x + i * stride, width);
  for (size_t j = 0; j < width; j++) sums[j] = (float)((double)sums[j] + strip[j]);
}

static void column_range(void *arguments, size_t begin, size_t end) {
  const column_arguments *s = arguments;
  for (size_t j = begin; j < end; j += STRIP) {
    const size_t width = end - j < STRIP ? end - j : STRIP;
    column_strip(s->sums + j, s->x + j, s->rows, s->columns, width);
  }
}

void thaw_column_sums(float *sums, const float *x, size_t rows, size_t columns) {
  thaw_parallel_rows(columns, rows, column_range, &(column_arguments){sums, x, rows, columns});
}

typedef struct row_arguments {
  float *y;
  const float *row;
  size_t columns;
} row_arguments;

static void add_row_range(void *arguments, size_t begin, size_t end) {
  const row_arguments *s = arguments;
  for (size_t i = begin; i < end; i++) {
    thaw_loops_now()->axpy(s->y + i * s->columns, s->row, NULL, 1, 0, s->columns);
  }
}

void thaw_add_row(float *y, const float *row, size_t rows, size_t columns) {
  thaw_parallel_rows(rows, columns, add_row_range, &(row_arguments){y, row, columns});
}

void thaw_accumulate(double *sums, const float *x, size_t n) {
  thaw_loops_now()->accumulate(sums, x, n);
}

void thaw_keep_max(float *max, int32_t *index, const float *x, int32_t step, size_t n) {
  thaw_loops_now()->keep_max(max, index, x, step, n);
}

/* ---- Softmax -------------------------------------------------------------------------------- */

double thaw_softmax_row(float *y, const float *x, size_t n) {
  const thaw_loops *loops = thaw_loops_now();
  const float max = loops->max(x, n);
  const double sum = loops->exp_sum(y, x, max, n);
  loops->scale(y, y, NULL, (float)(1.0 / sum), 0, n);
  return (double)max + log(sum);
}

void thaw_softmax_row_backward(float *dx, const float *dy, const float *y, size_t n) {
  const thaw_loops *loops = thaw_loops_now();
  loops->softmax_backward(dx, dy, y, (float)loops->dot(dy, y, n), n);
}

/* ---- Recurrent cells ------------------------------------------------------------------------ */

void thaw_lstm_cell(float *gates, const float *bias, const float *c_before, float *c, float *h,
                    size_t hidden, size_t n) {
  thaw_loops_now()->lstm_cell(gates, bias, c_before, c, h, hidden, n);
}

void thaw_lstm_cell_backward(float *gates, const float *c_before, const float *c, const float *dh,
                             float *dc, size_t hidden, size_t n) {
  thaw_loops_now()->lstm_cell_backward(gates, c_before, c, dh, dc, hidden, n);
}

void thaw_gru_cell(float *gates, float *product, const float *bias, const float *bias_hn,
                   const float *h_before, float *h, size_t hidden, size_t n) {
  thaw_loops_now()->gru_cell(gates, product, bias, bias_hn, h_before, h, hidden, n);
}

void thaw_gru_cell_backward(float *gates, float *product, const float *h_before, const float *dh,
                            float *dh_before, size_t hidden, size_t n) {
  thaw_loops_now()->gru_cell_backward(gates, product, h_before, dh, dh_before, hidden, n);
}

void thaw_qrnn_cell(float *gates, const float *bias, const float *c_before, float *c, float *h,
                    size_t hidden, size_t n) {
  thaw_loops_now()->qrnn_cell(gates, bias, c_before, c, h, hidden, n);
}

void thaw_qrnn_cell_backward(float *gates, const float *c_before, const float *c, const float *dh,
                             float *dc, size_t hidden, size_t n) {
  thaw_loops_now()->qrnn_cell_backward(gates, c_before, c, dh, dc, hidden, n);
}

/* ---- Optimizers ---------------------------------------------------------------------------- */

typedef struct optimizer_arguments {
  float *weights;
  const float *gradient;
  float *first, *second;
  const void *step;
} optimizer_arguments;

static void adamw_range(void *arguments, size_t begin, size_t end) {
  const optimizer_arguments *s = arguments;
  thaw_loops_now()->adamw(s->weights + begin, s->gradient + begin, s->first + begin,
                          s->second + begin, end - begin, s->step);
}

void thaw_adamw(float *weights, const float *gradient, float *first, float *second, size_t n,
                const thaw_adamw_step *step) {
  thaw_parallel(n, PARALLEL_CHEAP, adamw_range,
                &(optimizer_arguments){weights, gradient, first, second, step});
}

static void sgd_range(void *arguments, size_t begin, size_t end) {
  const optimizer_arguments *s = arguments;
  thaw_loops_now()->sgd(s->weights + begin, s->gradient + begin, s->first ? s->first + begin : NULL,
                        end - begin, s->step);
}

void thaw_sgd(float *weights, const float *gradient, float *velocity, size_t n,
              const thaw_sgd_step *step) {
  thaw_parallel(n, PARALLEL_CHEAP, sgd_range,
                &(optimizer_arguments){weights, gradient, velocity, NULL, step});
}

/* ---- Dropout -------------------------------------------------------------------------------- */

void thaw_dropout_mask(float *mask, size_t n, float p, thaw_rng *rng) {
  uint64_t state[4][THAW_XOSHIRO_LANES];
  for (size_t lane = 0; lane < THAW_XOSHIRO_LANES; lane++) {
    const thaw_rng one = thaw_rng_make(thaw_rng_next(rng), lane);
    for (size_t i = 0; i < 4; i++) state[i][lane] = one.state[i];
  }
  thaw_loops_now()->dropout_mask(mask, n, (uint32_t)((double)p * 0x1p32), 1.0f / (1.0f - p), state);
}
