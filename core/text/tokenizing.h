/* tokenizing.h: a tokenizer plugin at work: made from its settings, learning, saved and restored.
 */
#ifndef THAW_TOKENIZING_H
#define THAW_TOKENIZING_H

#include "base/buffer.h"
#include "text/corpus.h"

/* A tokenizer that has learned nothing. `settings` belongs to the caller and outlives it. */
thaw_status thaw_tokenizing_create(thaw_context *ctx, const thaw_tokenizer *api,
                                   const void *settings, thaw_tokenizing **tokenizing);
void thaw_tokenizing_free(thaw_tokenizing *tokenizing);

/* Does it have to learn from text before it can be used? */
bool thaw_tokenizing_learns(const thaw_tokenizing *tokenizing);
/* Appends what was learned; nothing where it does not learn. */
thaw_status thaw_tokenizing_save(thaw_context *ctx, const thaw_tokenizing *tokenizing,
                                 thaw_buffer *state);
thaw_status thaw_tokenizing_load(thaw_context *ctx, thaw_tokenizing *tokenizing, const char *state,
                                 size_t bytes);

#endif
