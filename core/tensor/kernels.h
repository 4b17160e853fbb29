/* kernels.h: loops over float arrays, built for vector units.
 *
 * Each function is built for several processors and picks its variant when the program starts. Long
 * arrays are shared among the threads in ranges that depend on nothing but the length and the
 * number of threads. NaN and infinity pass through every one of them: what goes in broken comes out
 * broken.
 *
 * An output may be the input itself; other overlaps are not allowed. */
#ifndef THAW_KERNELS_H
#define THAW_KERNELS_H

#include "thaw/base.h"

/* ---- Sharing work --------------------------------------------------------------------------- */

typedef void (*thaw_range_function)(void *arguments, size_t begin, size_t end);

/* Calls function(arguments, begin, end) for ranges that make up 0 … count, one a thread, in
 * parallel if count is at least `worthwhile`, else once. Inner borders are multiples of 16. */
void thaw_parallel(size_t count, size_t worthwhile, thaw_range_function function, void *arguments);
/* The same for rows of so many elements each: borders are anywhere, and the number of all elements
 * decides. An element with an exp or tanh in it counts for THAW_COSTLY. */
void thaw_parallel_rows(size_t rows, size_t elements, thaw_range_function function,
                        void *arguments);
enum { THAW_COSTLY = 8 };

/* ---- Arithmetic ------------------------------------------------------------------------------ */

void thaw_fill(float *y, float value, size_t n);
/* y = a · x */
void thaw_scale(float *y, float a, const float *x, size_t n);
/* y += a · x */
void thaw_axpy(float *y, float a, const float *x, size_t n);
/* y += a · (x − y): a step from y towards x; none where they are equal. */
void thaw_approach(float *y, float a, const float *x, size_t n);
/* y = a · x + offset */
void thaw_scale_shift(float *y, float a, const float *x, float offset, size_t n);
/* y = a + b, a − b, a · b */
void thaw_vector_add(float *y, const float *a, const float *b, size_t n);
void thaw_vector_subtract(float *y, const float *a, const float *b, size_t n);
void thaw_vector_multiply(float *y, const float *a, const float *b, size_t n);
/* y += a · b */
void thaw_multiply_add(float *y, const float *a, const float *b, size_t n);

/* Sums in double. The same bits for any number of threads. */
double thaw_vector_sum(const float *x, size_t n);
double thaw_sum_of_squares(const float *x, size_t n);
double thaw_dot(const float *a, const float *b, size_t n);
/* Σ (a − b)² */
double thaw_squared_distance(const float *a, const float *b, size_t n);
/* The largest element, n > 0. A NaN may be passed over. */
float thaw_vector_max(const float *x, size_t n);
/* sums[j] += Σ_i x[i][j], x [rows][columns]; in double inside. */
void thaw_column_sums(float *sums, const float *x, size_t rows, size_t columns);
/* y[i] += row for each of the rows, y [rows][columns]. */
void thaw_add_row(float *y, const float *row, size_t rows, size_t columns);
/* sums += x, by the calling thread alone. */
void thaw_accumulate(double *sums, const float *x, size_t n);
/* Where x is larger than max, or a NaN and max is not, or no index has been set (it is negative):
 * max = x and index = step. By the calling thread alone. */
void thaw_keep_max(float *max, int32_t *index, const float *x, int32_t step, size_t n);

/* ---- Activations: y = f(x), and backwards dx += dy · f′ ------------------------------------- */

void thaw_vector_exp(float *y, const float *x, size_t n);
void thaw_vector_tanh(float *y, const float *x, size_t n);
void thaw_vector_sigmoid(float *y, const float *x, size_t n);
void thaw_vector_relu(float *y, const float *x, size_t n);
void thaw_vector_gelu(float *y, const float *x, size_t n); /* tanh approximation */

/* f′ from y = f(x), where y is enough. */
void thaw_tanh_backward(float *dx, const float *dy, const float *y, size_t n);
void thaw_sigmoid_backward(float *dx, const float *dy, const float *y, size_t n);
void thaw_relu_backward(float *dx, const float *dy, const float *y, size_t n);
void thaw_gelu_backward(float *dx, const float *dy, const float *x, size_t n);

/* ---- Softmax of one row ---------------------------------------------------------------------- */

/* y = softmax(x); returns log Σ exp(x), which is NaN when an element is NaN or +infinity, or when
 * all are −infinity. n > 0. */
double thaw_softmax_row(float *y, const float *x, size_t n);
/* dx += y · (dy − Σ y·dy) */
void thaw_softmax_row_backward(float *dx, const float *dy, const float *y, size_t n);

/* ---- LSTM: the pointwise part of one step of one sequence ------------------------------------ */

/* gates [4][H] hold x·w_ihᵀ + h·w_hhᵀ for i, f, g, o and receive σ(i), σ(f), tanh(g), σ(o) of that
 * plus bias [4][H]; c_before [H] -> c, h [H]. c may be c_before. All are for the first n of the H
 * units, or for any n units where every pointer has been moved to the first of them. */
void thaw_lstm_cell(float *gates, const float *bias, const float *c_before, float *c, float *h,
                    size_t hidden, size_t n);
/* gates as thaw_lstm_cell left them receive the gradients before the activations. dh [H] is the
 * whole gradient of h; dc [H] is that of c from the next step and receives that of c_before. */
void thaw_lstm_cell_backward(float *gates, const float *c_before, const float *c, const float *dh,
                             float *dc, size_t hidden, size_t n);

/* ---- GRU and QRNN: likewise ------------------------------------------------------------------ */

/* gates [3][H] hold x·w_ihᵀ for r, z, n, and for r and z h·w_hhᵀ as well; product [H] is n's row of
 * that. Gates receive σ(r), σ(z), tanh(n) with bias [3][H] added, product its sum with bias_hn. */
void thaw_gru_cell(float *gates, float *product, const float *bias, const float *bias_hn,
                   const float *h_before, float *h, size_t hidden, size_t n);
/* gates and product as thaw_gru_cell left them receive the gradients before the activations, and
 * dh_before grows by what flows back past the products. */
void thaw_gru_cell_backward(float *gates, float *product, const float *h_before, const float *dh,
                            float *dh_before, size_t hidden, size_t n);
/* gates [3][H] hold those of z, f, o before bias [3][H] is added, and receive tanh(z), σ(f), σ(o).
 * c may be c_before. */
void thaw_qrnn_cell(float *gates, const float *bias, const float *c_before, float *c, float *h,
                    size_t hidden, size_t n);
/* As thaw_lstm_cell_backward. */
void thaw_qrnn_cell_backward(float *gates, const float *c_before, const float *c, const float *dh,
                             float *dc, size_t hidden, size_t n);

/* ---- Optimizers: one step on n weights ------------------------------------------------------- */

typedef struct thaw_adamw_step {
  float rate, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2; /* 1 − beta1^t, 1 − beta2^t for step t = 1, 2, … */
  float gradient_scale;           /* the gradient is multiplied by this first: clipping */
} thaw_adamw_step;

/* w ← w·(1 − rate·decay) − rate·(m/correction1)/(√(v/correction2) + epsilon), with decoupled weight
 * decay as in PyTorch (Loshchilov and Hutter 2019). `first` and `second` are the moments m, v. */
void thaw_adamw(float *weights, const float *gradient, float *first, float *second, size_t n,
                const thaw_adamw_step *step);

typedef struct thaw_sgd_step {
  float rate, momentum, weight_decay, gradient_scale;
  bool nesterov;
} thaw_sgd_step;

/* d = g + decay·w; velocity ← momentum·velocity + d; w ← w − rate·velocity, as in PyTorch. With
 * nesterov (Sutskever et al. 2013, as PyTorch has it) w ← w − rate·(d + momentum·velocity). Without
 * momentum velocity may be NULL. */
void thaw_sgd(float *weights, const float *gradient, float *velocity, size_t n,
              const thaw_sgd_step *step);

/* ---- Dropout --------------------------------------------------------------------------------- */

/* n values, 0 with probability p (0 <= p < 1), else 1/(1−p). The same for a generator's state on
 * every machine and for every number of threads. */
void thaw_dropout_mask(float *mask, size_t n, float p, thaw_rng *rng);

#endif
