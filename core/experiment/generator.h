/* generator.h: a language model that writes: one token after the other, drawn from its
 * probabilities. */
#ifndef THAW_GENERATOR_H
#define THAW_GENERATOR_H

#include "base/buffer.h"
#include "plugin/registry.h"

typedef struct thaw_generator thaw_generator;

/* How tokens are drawn. */
typedef struct thaw_drawing {
  double temperature; /* logits are divided by it; 0: always the most probable token */
  size_t top_k;       /* only from the k most probable ones (Fan et al. 2018); 0: from all */
  double top_p;       /* only from the most probable ones whose probabilities reach p together
                         (Holtzman et al. 2020); 1: from all */
} thaw_drawing;

/* Loads the language model of a run file (see thaw_run_model_language_model). */
thaw_status thaw_generator_open(thaw_context *ctx, const char *path, thaw_registry *registry,
                                thaw_generator **generator);
void thaw_generator_free(thaw_generator *generator);

/* Does it write from a document's end to its beginning? */
bool thaw_generator_is_backward(const thaw_generator *generator);

/* Begins a text: its document's start, then the prompt, which may be empty and is cut as any text;
 * of a backward model its end and the words before it. The same seed draws the same tokens. Logs
 * how much of the prompt is unknown. */
thaw_status thaw_generator_begin(thaw_context *ctx, thaw_generator *generator, const char *prompt,
                                 size_t bytes, uint64_t seed);
/* Draws the next token. `*ended`: it is the start of another document; the text until then has to
 * be asked for before the next call. xxunk and xxpad are never drawn. */
thaw_status thaw_generator_next(thaw_context *ctx, thaw_generator *generator,
                                const thaw_drawing *drawing, bool *ended);
/* Appends the document as text so far, from its prompt on. */
thaw_status thaw_generator_text(thaw_context *ctx, const thaw_generator *generator,
                                thaw_buffer *text);

typedef struct thaw_ranked {
  float logit;
  size_t id;
} thaw_ranked;
/* Which of `count` logits is drawn with the uniform number u in [0, 1). Those of −infinity are
 * never drawn; one at least must be finite. `room` [count] is for the work. */
size_t thaw_draw(const float *logits, size_t count, const thaw_drawing *drawing, double u,
                 thaw_ranked *room);

#endif
