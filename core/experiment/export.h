/* export.h: a run's weights as a safetensors file with PyTorch's names, and its words beside. */
#ifndef THAW_EXPORT_H
#define THAW_EXPORT_H

#include "plugin/registry.h"

typedef struct thaw_export {
  const char *run;    /* path of the run file */
  const char *stage;  /* whose weights; NULL: the last one's */
  bool encoder_only;  /* without a language model's decoder or a classifier's head */
  const char *output; /* "lm.safetensors" */
} thaw_export;

/* Writes OUTPUT; beside it, where .safetensors stands in its name, .vocab.txt (see
 * text/word_list.h) and, for a tokenizer that has learned, .tokenizer. The file's metadata say the
 * encoder, those of its settings that decide shapes, and the special pieces. THAW_INVALID: the run
 * file is none, is not finished or has no such stage. */
thaw_status thaw_export_weights(thaw_context *ctx, const thaw_export *what,
                                thaw_registry *registry);

/* "lm.safetensors", ".vocab.txt" -> "lm.vocab.txt"; malloc'ed, NULL: no memory. */
char *thaw_export_beside(const char *path, const char *extension);

#endif
