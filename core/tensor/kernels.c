/* kernels.c: loops over float arrays, built for vector units.
 *
 * exp and tanh are polynomials written so that the compiler turns the loops around them into vector
 * code on any processor; within 3 units in the last place of the exact value (see the tests).
 * The compiler may vectorise (-O3) and forget errno and traps, but not assume that numbers are
 * finite; sums are re-ordered only where a loop says so.
 *
 * A function marked THAW_CLONES is built several times. Parallel regions are not cloned along with
 * the function around them, therefore the sharing (thaw_parallel) stands outside of the loops. */
#include "tensor/kernels.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "config.h"

#ifdef HAVE_TARGET_CLONES
#define THAW_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define THAW_CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

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

<<<<<<< HEAD
void thaw_parallel(size_t count, size_t worthwhile, thaw_range_function function, void *arguments) {
  share(count, BORDER, worthwhile, function, arguments);
}

void thaw_parallel_rows(size_t rows, size_t worthwhile, thaw_range_function function,
                        void *arguments) {
  share(rows, 1, worthwhile, function, arguments);
=======
void thaw_parallel_rows(size_t rows, size_t columns, thaw_range_function function,
                        void *arguments) {
  const size_t worthwhile = rows * columns < PARALLEL_CHEAP ? SIZE_MAX : 2 * BORDER;
  thaw_parallel(rows, worthwhile, function, arguments);
>>>>>>> ops-a
}

/* ---- exp and tanh of one number, without branches ------------------------------------------ */

INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE float power_of_two(uint32_t n) {
  const uint32_t bits = (n + 127) << 23;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* 2^n · e^r with x = n·ln 2 + r, |r| <= ln 2 / 2; the polynomial is Cephes' expf (Moshier). Beyond
 * the bounds the result overflows to infinity or underflows to 0 by itself; a NaN passes. */
INLINE float exp_one(float x) {
  const float highest = 89.0f, lowest = -104.0f;
  float bounded = x < lowest ? lowest : x;
  bounded = bounded > highest ? highest : bounded;
  /* Added to 1.5·2^23, a number is rounded to a whole one, which stands in the lowest bits. */
  const float rounder = 12582912.0f;
  const float shifted = bounded * 1.44269504088896341f + rounder;
  const int32_t n = (int32_t)(bits_of(shifted) - 0x4b400000u);
  const float whole = shifted - rounder;
  const float r = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  /* 2^128 is no float: the factor is applied in two halves. */
  const int32_t half = n >> 1;
  return p * power_of_two((uint32_t)half) * power_of_two((uint32_t)n - (uint32_t)half);
}

/* Near 0 Cephes' odd polynomial, elsewhere 1 − 2/(e^2|x| + 1). */
INLINE float tanh_one(float x) {
  const float size = fabsf(x), s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s + -5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s + -3.33332819422e-1f;
  const float near = p * s * x + x;
  const float far = copysignf(1.0f - 2.0f / (exp_one(2.0f * size) + 1.0f), x);
  return size < 0.625f ? near : far;
}

INLINE float sigmoid_one(float x) {
  return 1.0f / (1.0f + exp_one(-x));
}

/* ---- Loops of one pass, shared among threads ------------------------------------------------ */

/* Arguments of every loop below; a loop uses what it needs. */
typedef struct arrays {
  float *y;
  const float *a, *b;
  float factor;
} arrays;

/* Defines NAME_range, the loop over one range with `float *y, const float *a, *b, factor` at hand.
 */
#define LOOP(NAME, STATEMENT)                                                                    \
  THAW_CLONES static void NAME##_loop(float *y, const float *a, const float *b, float factor,    \
                                      size_t n) {                                                \
    (void)a, (void)b, (void)factor;                                                              \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++) {                                         \
      STATEMENT;                                                                                 \
    }                                                                                            \
  }                                                                                              \
  static void NAME##_range(void *arguments, size_t begin, size_t end) {                          \
    const arrays *s = arguments;                                                                 \
    NAME##_loop(s->y + begin, s->a ? s->a + begin : NULL, s->b ? s->b + begin : NULL, s->factor, \
                end - begin);                                                                    \
  }

LOOP(fill, y[i] = factor)
LOOP(scale, y[i] = factor * a[i])
LOOP(axpy, y[i] += factor * a[i])
LOOP(add, y[i] = a[i] + b[i])
LOOP(subtract, y[i] = a[i] - b[i])
LOOP(multiply, y[i] = a[i] * b[i])
LOOP(multiply_add, y[i] += a[i] * b[i])

void thaw_fill(float *y, float value, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, fill_range, &(arrays){y, NULL, NULL, value});
}

void thaw_scale(float *y, float a, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, scale_range, &(arrays){y, x, NULL, a});
}

void thaw_axpy(float *y, float a, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, axpy_range, &(arrays){y, x, NULL, a});
}

typedef struct scale_shift_arguments {
  float *y;
  const float *x;
  float factor, offset;
} scale_shift_arguments;

THAW_CLONES static void scale_shift_loop(float *y, float factor, const float *x, float offset,
                                         size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) y[i] = factor * x[i] + offset;
}

static void scale_shift_range(void *arguments, size_t begin, size_t end) {
  const scale_shift_arguments *s = arguments;
  scale_shift_loop(s->y + begin, s->factor, s->x + begin, s->offset, end - begin);
}

void thaw_scale_shift(float *y, float a, const float *x, float offset, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, scale_shift_range, &(scale_shift_arguments){y, x, a, offset});
}

void thaw_vector_add(float *y, const float *a, const float *b, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, add_range, &(arrays){y, a, b, 0});
}

void thaw_vector_subtract(float *y, const float *a, const float *b, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, subtract_range, &(arrays){y, a, b, 0});
}

void thaw_vector_multiply(float *y, const float *a, const float *b, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, multiply_range, &(arrays){y, a, b, 0});
}

void thaw_multiply_add(float *y, const float *a, const float *b, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, multiply_add_range, &(arrays){y, a, b, 0});
}

/* ---- Activations --------------------------------------------------------------------------- */

/* gelu(x) = x · σ(2u), u = √(2/π)·(x + 0.044715·x³), since (1 + tanh u)/2 = σ(2u). */
#define GELU_SCALE 1.5957691216f /* 2·√(2/π) */
#define GELU_CUBE 0.044715f

INLINE float gelu_one(float x) {
  return x * sigmoid_one(GELU_SCALE * (x + GELU_CUBE * x * x * x));
}

INLINE float gelu_slope(float x) {
  const float s = sigmoid_one(GELU_SCALE * (x + GELU_CUBE * x * x * x));
  return s + x * s * (1.0f - s) * GELU_SCALE * (1.0f + 3.0f * GELU_CUBE * x * x);
}

LOOP(exp, y[i] = exp_one(a[i]))
LOOP(tanh, y[i] = tanh_one(a[i]))
LOOP(sigmoid, y[i] = sigmoid_one(a[i]))
/* `<` so that a NaN stays. */
LOOP(relu, y[i] = a[i] < 0.0f ? 0.0f : a[i])
LOOP(gelu, y[i] = gelu_one(a[i]))
LOOP(tanh_backward, y[i] += a[i] * (1.0f - b[i] * b[i]))
LOOP(sigmoid_backward, y[i] += a[i] * (b[i] * (1.0f - b[i])))
LOOP(relu_backward, y[i] += a[i] * (b[i] > 0.0f ? 1.0f : 0.0f))
LOOP(gelu_backward, y[i] += a[i] * gelu_slope(b[i]))

void thaw_vector_exp(float *y, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_COSTLY, exp_range, &(arrays){y, x, NULL, 0});
}

void thaw_vector_tanh(float *y, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_COSTLY, tanh_range, &(arrays){y, x, NULL, 0});
}

void thaw_vector_sigmoid(float *y, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_COSTLY, sigmoid_range, &(arrays){y, x, NULL, 0});
}

void thaw_vector_relu(float *y, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, relu_range, &(arrays){y, x, NULL, 0});
}

void thaw_vector_gelu(float *y, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_COSTLY, gelu_range, &(arrays){y, x, NULL, 0});
}

void thaw_tanh_backward(float *dx, const float *dy, const float *y, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, tanh_backward_range, &(arrays){dx, dy, y, 0});
}

void thaw_sigmoid_backward(float *dx, const float *dy, const float *y, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, sigmoid_backward_range, &(arrays){dx, dy, y, 0});
}

void thaw_relu_backward(float *dx, const float *dy, const float *y, size_t n) {
  thaw_parallel(n, PARALLEL_CHEAP, relu_backward_range, &(arrays){dx, dy, y, 0});
}

void thaw_gelu_backward(float *dx, const float *dy, const float *x, size_t n) {
  thaw_parallel(n, PARALLEL_COSTLY, gelu_backward_range, &(arrays){dx, dy, x, 0});
}

/* ---- Sums in double: a fixed number of parts, added in order -------------------------------- */

typedef struct sum_arguments {
  const float *a, *b; /* b is NULL for a plain sum */
  size_t n;
  double parts[PARTS];
} sum_arguments;

THAW_CLONES static double dot_loop(const float *a, const float *b, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

THAW_CLONES static double sum_loop(const float *a, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += (double)a[i];
  return sum;
}

static void sum_parts(sum_arguments *s, size_t begin, size_t end) {
  for (size_t part = begin; part < end; part++) {
    const size_t from = s->n / PARTS * part;
    const size_t count = part + 1 < PARTS ? s->n / PARTS : s->n - from;
    s->parts[part] =
        s->b ? dot_loop(s->a + from, s->b + from, count) : sum_loop(s->a + from, count);
  }
}

static double sum_of(const float *a, const float *b, size_t n) {
  if (n < PARALLEL_CHEAP) return b ? dot_loop(a, b, n) : sum_loop(a, n);
  sum_arguments s = {.a = a, .b = b, .n = n};
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < PARTS; part++) sum_parts(&s, part, part + 1);
  double sum = 0;
  for (size_t part = 0; part < PARTS; part++) sum += s.parts[part];
  return sum;
}

double thaw_vector_sum(const float *x, size_t n) {
  return sum_of(x, NULL, n);
}

double thaw_sum_of_squares(const float *x, size_t n) {
  return sum_of(x, x, n);
}

double thaw_dot(const float *a, const float *b, size_t n) {
  return sum_of(a, b, n);
}

THAW_CLONES float thaw_vector_max(const float *x, size_t n) {
  float max = x[0];
#pragma omp simd reduction(max : max)
  for (size_t i = 1; i < n; i++) max = x[i] > max ? x[i] : max;
  return max;
}

/* ---- Rows and columns ---------------------------------------------------------------------- */

typedef struct column_arguments {
  float *sums;
  const float *x;
  size_t rows, columns;
} column_arguments;

/* `width` columns (at most STRIP) from x on. */
enum { STRIP = 128 };
THAW_CLONES static void column_strip(float *sums, const float *x, size_t rows, size_t stride,
                                     size_t width) {
  double strip[STRIP] = {0};
  for (size_t i = 0; i < rows; i++) {
#pragma omp simd
    for (size_t j = 0; j < width; j++) strip[j] += (double)x[i * stride + j];
  }
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
    axpy_loop(s->y + i * s->columns, s->row, NULL, 1, s->columns);
  }
}

void thaw_add_row(float *y, const float *row, size_t rows, size_t columns) {
  thaw_parallel_rows(rows, columns, add_row_range, &(row_arguments){y, row, columns});
}

THAW_CLONES void thaw_accumulate(double *sums, const float *x, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) sums[i] += (double)x[i];
}

THAW_CLONES void thaw_keep_max(float *max, int32_t *index, const float *x, int32_t step, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const bool larger = !(x[i] <= max[i]) & (max[i] == max[i]);
    const bool kept = larger | (index[i] < 0);
    max[i] = kept ? x[i] : max[i];
    index[i] = kept ? step : index[i];
  }
}

/* ---- Softmax ------------------------------------------------------------------------------- */

THAW_CLONES static double exp_sum(float *y, const float *x, float max, size_t n) {
  double sum = 0;
  /* Floats are summed in short stretches: a double for each element would halve the speed. */
  for (size_t begin = 0; begin < n; begin += 256) {
    const size_t end = n - begin < 256 ? n : begin + 256;
    float stretch = 0;
#pragma omp simd reduction(+ : stretch)
    for (size_t i = begin; i < end; i++) {
      y[i] = exp_one(x[i] - max);
      stretch += y[i];
    }
    sum += (double)stretch;
  }
  return sum;
}

double thaw_softmax_row(float *y, const float *x, size_t n) {
  const float max = thaw_vector_max(x, n);
  const double sum = exp_sum(y, x, max, n);
  scale_loop(y, y, NULL, (float)(1.0 / sum), n);
  return (double)max + log(sum);
}

THAW_CLONES static void softmax_back(float *dx, const float *dy, const float *y, float dot,
                                     size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) dx[i] += y[i] * (dy[i] - dot);
}

void thaw_softmax_row_backward(float *dx, const float *dy, const float *y, size_t n) {
  softmax_back(dx, dy, y, (float)dot_loop(dy, y, n), n);
}

/* ---- LSTM ---------------------------------------------------------------------------------- */

THAW_CLONES void thaw_lstm_cell(float *gates, const float *bias, const float *c_before, float *c,
                                float *h, size_t hidden) {
  float *in = gates, *forget = in + hidden, *cell = forget + hidden, *out = cell + hidden;
  const float *b_in = bias, *b_forget = bias + hidden, *b_cell = b_forget + hidden,
              *b_out = b_cell + hidden;
#pragma omp simd
  for (size_t j = 0; j < hidden; j++) {
    const float i = sigmoid_one(in[j] + b_in[j]), f = sigmoid_one(forget[j] + b_forget[j]);
    const float g = tanh_one(cell[j] + b_cell[j]), o = sigmoid_one(out[j] + b_out[j]);
    const float state = f * c_before[j] + i * g;
    in[j] = i;
    forget[j] = f;
    cell[j] = g;
    out[j] = o;
    c[j] = state;
    h[j] = o * tanh_one(state);
  }
}

THAW_CLONES void thaw_lstm_cell_backward(float *gates, const float *c_before, const float *c,
                                         const float *dh, float *dc, size_t hidden) {
  float *in = gates, *forget = in + hidden, *cell = forget + hidden, *out = cell + hidden;
#pragma omp simd
  for (size_t j = 0; j < hidden; j++) {
    const float i = in[j], f = forget[j], g = cell[j], o = out[j];
    const float squashed = tanh_one(c[j]);
    const float d_state = dc[j] + dh[j] * o * (1.0f - squashed * squashed);
    out[j] = dh[j] * squashed * o * (1.0f - o);
    in[j] = d_state * g * i * (1.0f - i);
    cell[j] = d_state * i * (1.0f - g * g);
    forget[j] = d_state * c_before[j] * f * (1.0f - f);
    dc[j] = d_state * f;
  }
}

/* ---- Optimizers ---------------------------------------------------------------------------- */

typedef struct optimizer_arguments {
  float *weights;
  const float *gradient;
  float *first, *second;
  const void *step;
} optimizer_arguments;

THAW_CLONES static void adamw_loop(float *w, const float *gradient, float *m, float *v, size_t n,
                                   const thaw_adamw_step *step) {
  const float keep = 1.0f - step->rate * step->weight_decay, epsilon = step->epsilon;
  const float b1 = step->beta1, b2 = step->beta2, scale = step->gradient_scale;
  const float size = step->rate / step->correction1;
  const float inverse_root = (float)(1.0 / sqrt((double)step->correction2));
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const float g = scale * gradient[i];
    const float first = b1 * m[i] + (1.0f - b1) * g;
    const float second = b2 * v[i] + (1.0f - b2) * g * g;
    m[i] = first;
    v[i] = second;
    w[i] = keep * w[i] - size * first / (sqrtf(second) * inverse_root + epsilon);
  }
}

static void adamw_range(void *arguments, size_t begin, size_t end) {
  const optimizer_arguments *s = arguments;
  adamw_loop(s->weights + begin, s->gradient + begin, s->first + begin, s->second + begin,
             end - begin, s->step);
}

void thaw_adamw(float *weights, const float *gradient, float *first, float *second, size_t n,
                const thaw_adamw_step *step) {
  thaw_parallel(n, PARALLEL_CHEAP, adamw_range,
                &(optimizer_arguments){weights, gradient, first, second, step});
}

THAW_CLONES static void sgd_loop(float *w, const float *gradient, float *velocity, size_t n,
                                 const thaw_sgd_step *step) {
  const float rate = step->rate, decay = step->weight_decay, scale = step->gradient_scale;
  const float momentum = step->momentum;
  if (!velocity) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) w[i] -= rate * (scale * gradient[i] + decay * w[i]);
    return;
  }
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    velocity[i] = momentum * velocity[i] + (scale * gradient[i] + decay * w[i]);
    w[i] -= rate * velocity[i];
  }
}

static void sgd_range(void *arguments, size_t begin, size_t end) {
  const optimizer_arguments *s = arguments;
  sgd_loop(s->weights + begin, s->gradient + begin, s->first ? s->first + begin : NULL, end - begin,
           s->step);
}

void thaw_sgd(float *weights, const float *gradient, float *velocity, size_t n,
              const thaw_sgd_step *step) {
  thaw_parallel(n, PARALLEL_CHEAP, sgd_range,
                &(optimizer_arguments){weights, gradient, velocity, NULL, step});
}

/* ---- Dropout ------------------------------------------------------------------------------- */

/* Eight generators side by side (xoshiro256+, Blackman and Vigna 2018, whose upper bits are as good
 * as those of thaw_rng_next), each giving two numbers of 32 bits at a time. The lowest bits of
 * xoshiro256+ are weak linearly; here they decide nothing but ties with the threshold. */
enum { LANES = 8 };

THAW_CLONES static void mask_loop(float *mask, size_t n, uint32_t threshold, float kept,
                                  uint64_t state[4][LANES]) {
  uint64_t s[4][LANES];
  memcpy(s, state, sizeof s);
  for (size_t begin = 0; begin < n; begin += 2 * LANES) {
    float drawn[2 * LANES];
#pragma omp simd
    for (size_t l = 0; l < LANES; l++) {
      const uint64_t bits = s[0][l] + s[3][l], t = s[1][l] << 17;
      s[2][l] ^= s[0][l];
      s[3][l] ^= s[1][l];
      s[1][l] ^= s[2][l];
      s[0][l] ^= s[3][l];
      s[2][l] ^= t;
      s[3][l] = (s[3][l] << 45) | (s[3][l] >> 19);
      drawn[l] = (uint32_t)bits < threshold ? 0.0f : kept;
      drawn[LANES + l] = (uint32_t)(bits >> 32) < threshold ? 0.0f : kept;
    }
    const size_t count = n - begin < 2 * LANES ? n - begin : 2 * LANES;
    memcpy(mask + begin, drawn, count * sizeof(float));
  }
}

void thaw_dropout_mask(float *mask, size_t n, float p, thaw_rng *rng) {
  uint64_t state[4][LANES];
  for (size_t lane = 0; lane < LANES; lane++) {
    const thaw_rng one = thaw_rng_make(thaw_rng_next(rng), lane);
    for (size_t i = 0; i < 4; i++) state[i][lane] = one.state[i];
  }
  mask_loop(mask, n, (uint32_t)((double)p * 0x1p32), 1.0f / (1.0f - p), state);
}
