/* class_weights.h: what a document counts for in a classifier's loss, by its class. */
#ifndef THAW_CLASS_WEIGHTS_H
#define THAW_CLASS_WEIGHTS_H

#include "config/experiment.h"
#include "text/corpus.h"

/* The first name in `given` that is no class, or NULL: there is none. */
const char *thaw_class_weights_unknown(const thaw_class_weights *given,
                                       const thaw_classes *classes);

/* `weights` receives one of every class, malloc'ed, or NULL where all are 1. Balanced: of n
 * documents in k classes, those of a class with m documents have n/(k·m), so that the mean over all
 * documents is 1 (scikit-learn's compute_class_weight). `labels` [count] are those of the training
 * documents; −1 stands for none, and classes without documents have the weight 1. */
thaw_status thaw_class_weights_find(thaw_context *ctx, const thaw_class_weights *given,
                                    const thaw_classes *classes, const int32_t *labels,
                                    size_t count, float **weights);

#endif
