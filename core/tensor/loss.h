/* loss.h: what losses over rows share. */
#ifndef THAW_LOSS_H
#define THAW_LOSS_H

#include "tensor/tape.h"

/* How many of the rows' targets are classes; a target of −1 leaves its row out, any other number is
 * an error of the tape. */
bool thaw_count_targets(thaw_tape *tape, const char *operation, const int32_t *targets, size_t rows,
                        size_t classes, size_t *counted);
/* Whether x [..][D], weight [V][D] and bias [V] or NULL fit; if not, it is an error of the tape. */
bool thaw_linear_loss_fits(thaw_tape *tape, const char *operation, const thaw_tensor *x,
                           const thaw_tensor *weight, const thaw_tensor *bias);
/* A scalar on the tape; NULL when there is no memory. */
thaw_tensor *thaw_scalar(thaw_tape *tape, float value);
/* Added in order: the same for any number of threads. */
double thaw_sum_of_losses(const double *losses, size_t rows);

#endif
