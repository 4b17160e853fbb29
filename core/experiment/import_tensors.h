/* import_tensors.h: the tensors of a safetensors file into a model, by the encoder's table of
 * names. */
#ifndef THAW_IMPORT_TENSORS_H
#define THAW_IMPORT_TENSORS_H

#include "base/buffer.h"
#include "store/safetensors.h"
#include "train/model.h"

/* What the file's rows are in the model. */
typedef struct thaw_import_words {
  const char *name;    /* of the vocabulary, for messages */
  size_t count;        /* pieces in it: rows of the file's tensors that have one for every word */
  const int32_t *rows; /* [model->vocabulary]: a word's row in the file; −1: it starts at their
                          mean */
} thaw_import_words;

/* Fills every tensor of the model, a language model. `summary` receives a line for people: which
 * tensors the file lacks that may be lacking, or nothing. THAW_INVALID, naming file, tensor, both
 * shapes and what to change: a tensor that is missing, left over or of another shape, rows that are
 * not as many as the words, a copy that differs, a value that is not finite. */
thaw_status thaw_import_tensors(thaw_context *ctx, const thaw_safetensors *file, const char *path,
                                const thaw_import_words *words, thaw_model *model,
                                thaw_buffer *summary);

#endif
