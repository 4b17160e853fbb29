/* optimizer.h: SGD, Adam with decoupled weight decay, and averaged SGD, on the rate groups of a
 * model.
 *
 * The optimizer owns the gradients of the tensors that it trains. Each rate group counts its own
 * steps: one that was thawed late begins as Adam begins (as PyTorch does for parameters without a
 * gradient).
 *
 * Rows of a matrix that no gradient has reached, words that have not been read, cost nothing: there
 * is nothing to clear, and with moments of 0 only the weight decay changes them. The result is that
 * of an optimizer which knows nothing of rows.
 *
 * NT-ASGD (Merity et al. 2017, algorithm 1) takes the steps of SGD. From a step that its caller
 * chooses, which is when validation no longer improves, it also keeps the mean of the weights as
 * they were then and after every step since. Training goes on from the weights; the mean is what is
 * evaluated. It is of the trained tensors: running statistics stay those of the last step. */
#ifndef THAW_OPTIMIZER_H
#define THAW_OPTIMIZER_H

#include "train/model.h"

typedef struct thaw_optimized {
  thaw_tensor *tensor;
  size_t rate_group;
  float *moments[2]; /* Adam: mean and mean of squares; SGD: velocity and NULL */
  bool *live;        /* [rows]: of a matrix, those whose moments are not all 0; NULL: all are */
  char *name;        /* "group/tensor", for checkpoints */
  float *average;    /* NULL until thaw_optimizer_average_begin */
} thaw_optimized;

typedef struct thaw_optimizer {
  const thaw_optimizer_config *config;
  thaw_optimized *tensors;
  size_t count;
  int64_t *steps; /* [rate_groups]: steps taken */
  size_t rate_group_count;
  int64_t averaged; /* weights of so many moments are in the averages; 0: there are none */
} thaw_optimizer;

/* `config` and the model outlive the optimizer. */
thaw_status thaw_optimizer_create(thaw_context *ctx, const thaw_optimizer_config *config,
                                  const thaw_rate_group *rate_groups, size_t rate_group_count,
                                  thaw_optimizer **optimizer);
void thaw_optimizer_free(thaw_optimizer *optimizer);

/* After the moments have been filled in from elsewhere. */
void thaw_optimizer_moments_changed(thaw_optimizer *optimizer);

/* Before a step: clears the gradients of rate groups whose rate is above 0; the tensors of the
 * others want none. `rates` [rate_group_count]. */
void thaw_optimizer_prepare(thaw_optimizer *optimizer, const double *rates);
/* The norm of all gradients that are wanted, in double. */
double thaw_optimizer_norm(const thaw_optimizer *optimizer);
/* One step with each rate group's rate. Gradients are first multiplied by `scale` (1 unless they
 * are a sum over batches), then so that their norm, which is `norm` after the former, is at most
 * config->clip (0: no clipping), as torch.nn.utils.clip_grad_norm_ does. */
void thaw_optimizer_step(thaw_optimizer *optimizer, const double *rates, double scale, double norm);

/* ---- Averages (optimizer_average.c) ---------------------------------------------------------- */

/* From now on averages are kept; they begin as the weights. Nothing where they are kept already. */
thaw_status thaw_optimizer_average_begin(thaw_context *ctx, thaw_optimizer *optimizer);
/* After a step: adds its weights. */
void thaw_optimizer_average_add(thaw_optimizer *optimizer);
/* Exchanges the weights with their averages, if there are any; once more, and they are back. */
void thaw_optimizer_average_swap(thaw_optimizer *optimizer);

#endif
