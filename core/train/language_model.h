/* language_model.h: predicting the next token, at every step. */
#ifndef THAW_LANGUAGE_MODEL_H
#define THAW_LANGUAGE_MODEL_H

#include "train/training.h"

extern const thaw_task thaw_language_model_task;

/* The mean exact loss per token over a corpus, which is read in order in `batch` streams (fewer
 * where it is too short for them) and in steps of `bptt`. Its exponential is the perplexity. */
thaw_status thaw_language_model_loss(thaw_context *ctx, const thaw_model *model,
                                     const void *encoder_settings, thaw_tape *tape,
                                     const thaw_corpus *corpus, size_t batch, size_t bptt,
                                     double *loss);

#endif
