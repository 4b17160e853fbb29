/* loops.h: the loops under kernels.h and product.h, built once for each instruction set.
 *
 * A loop runs on the calling thread alone. Which build of them a process uses is decided when it
 * starts (thaw_loops_now); all have the same table. */
#ifndef THAW_LOOPS_H
#define THAW_LOOPS_H

#include "base/context.h"
#include "tensor/kernels.h"

/* y, a, b [n]; what a loop does not need is NULL or 0. */
typedef void thaw_loop(float *y, const float *a, const float *b, float factor, float offset,
                       size_t n);

/* The left matrix a [M][K] of a product: (i, k) stands at data[i·row + k·step], and each time k has
 * gone on by `run`, `jump` further. */
typedef struct thaw_left {
  const float *data;
  size_t row, step, run, jump;
} thaw_left;

enum { THAW_XOSHIRO_LANES = 8 };

typedef struct thaw_loops {
  const char *name; /* of the instruction set: "x86-64-v3" */

  thaw_loop *fill, *scale, *axpy, *approach, *scale_shift, *add, *subtract, *multiply,
      *multiply_add;
  thaw_loop *exp, *tanh, *sigmoid, *relu, *gelu;
  thaw_loop *tanh_backward, *sigmoid_backward, *relu_backward, *gelu_backward;

  double (*sum)(const float *x, size_t n);
  double (*dot)(const float *a, const float *b, size_t n);
  float (*max)(const float *x, size_t n);
  void (*accumulate)(double *sums, const float *x, size_t n);
  void (*keep_max)(float *max, int32_t *index, const float *x, int32_t step, size_t n);

  double (*exp_sum)(float *y, const float *x, float max, size_t n);
  void (*softmax_backward)(float *dx, const float *dy, const float *y, float dot, size_t n);

  /* Logits in panels [count][rows][panel_width]: max [rows] = the larger of itself and the row's
   * largest logit; logits become exp(logit − max), and sums [rows] grow by them. */
  void (*panel_max)(float *max, const float *panels, size_t count, size_t rows);
  void (*panel_exp)(float *panels, size_t count, size_t rows, const float *max, double *sums);

  void (*lstm_cell)(float *gates, const float *bias, const float *c_before, float *c, float *h,
                    size_t hidden, size_t n);
  void (*lstm_cell_backward)(float *gates, const float *c_before, const float *c, const float *dh,
                             float *dc, size_t hidden, size_t n);
  void (*gru_cell)(float *gates, float *product, const float *bias, const float *bias_hn,
                   const float *h_before, float *h, size_t hidden, size_t n);
  void (*gru_cell_backward)(float *gates, float *product, const float *h_before, const float *dh,
                            float *dh_before, size_t hidden, size_t n);
  void (*qrnn_cell)(float *gates, const float *bias, const float *c_before, float *c, float *h,
                    size_t hidden, size_t n);
  void (*qrnn_cell_backward)(float *gates, const float *c_before, const float *c, const float *dh,
                             float *dc, size_t hidden, size_t n);

  void (*adamw)(float *weights, const float *gradient, float *first, float *second, size_t n,
                const thaw_adamw_step *step);
  void (*sgd)(float *weights, const float *gradient, float *velocity, size_t n,
              const thaw_sgd_step *step);
  void (*dropout_mask)(float *mask, size_t n, uint32_t threshold, float kept,
                       uint64_t state[4][THAW_XOSHIRO_LANES]);

  /* A panel of a right matrix is so many columns wide. */
  size_t panel_width;
  /* c [m][panel_width] = start + a [m][k] · panel [k][panel_width], start being c itself, or `row`
   * [panel_width] in every row, or 0 where that is NULL. */
  void (*multiply_panel)(size_t m, size_t k, const thaw_left *a, const float *panel, bool add,
                         const float *row, float *c, size_t c_stride);
  /* panel [k][panel_width] = b [k][columns] of the given strides, filled up with zeros. */
  void (*pack)(float *panel, const float *b, size_t step, size_t column, size_t k, size_t columns);

  double (*squared_distance)(const float *a, const float *b, size_t n);
} thaw_loops;

/* Those of this process: the best that the processor has, or, if the environment has
 * THAW_PROCESSOR, those of the instruction set that it names. */
const thaw_loops *thaw_loops_now(void);
/* THAW_INVALID where THAW_PROCESSOR names none, or one that this processor lacks. */
thaw_status thaw_loops_check(thaw_context *ctx);

#endif
