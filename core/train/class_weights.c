/* class_weights.c: see class_weights.h. */
#include "train/class_weights.h"

#include <stdlib.h>

#include "base/context.h"

const char *thaw_class_weights_unknown(const thaw_class_weights *given,
                                       const thaw_classes *classes) {
  for (size_t i = 0; i < given->count; i++) {
    if (thaw_classes_find(classes, given->names[i]) < 0) return given->names[i];
  }
  return NULL;
}

/* From how many documents each of them has to its weight. */
static void balance(float *weights, size_t classes) {
  double documents = 0, present = 0;
  for (size_t c = 0; c < classes; c++) {
    documents += (double)weights[c];
    present += weights[c] > 0;
  }
  for (size_t c = 0; c < classes; c++)
    weights[c] = weights[c] > 0 ? (float)(documents / (present * (double)weights[c])) : 1;
}

thaw_status thaw_class_weights_find(thaw_context *ctx, const thaw_class_weights *given,
                                    const thaw_classes *classes, const int32_t *labels,
                                    size_t count, float **result) {
  *result = NULL;
  if (given->kind == THAW_CLASS_WEIGHTS_NONE) return THAW_OK;
  const bool balanced = given->kind == THAW_CLASS_WEIGHTS_BALANCED;
  float *weights = malloc((classes->count + 1) * sizeof *weights);
  if (!weights) return thaw_fail_memory(ctx, classes->count * sizeof *weights);
  for (size_t c = 0; c < classes->count; c++) weights[c] = balanced ? 0 : 1;
  for (size_t i = 0; i < given->count; i++) {
    const int32_t class = thaw_classes_find(classes, given->names[i]);
    if (class >= 0) weights[class] = (float)given->weights[i];
  }
  for (size_t d = 0; balanced && labels && d < count; d++) {
    if (labels[d] >= 0) weights[labels[d]] += 1;
  }
  if (balanced) balance(weights, classes->count);
  *result = weights;
  return THAW_OK;
}
