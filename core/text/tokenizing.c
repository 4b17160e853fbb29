/* tokenizing.c: see tokenizing.h. */
#include "text/tokenizing.h"

#include <stdlib.h>

#include "base/context.h"

thaw_status thaw_tokenizing_create(thaw_context *ctx, const thaw_tokenizer *api,
                                   const void *settings, thaw_tokenizing **result) {
  *result = NULL;
  thaw_tokenizing *tokenizing = calloc(1, sizeof *tokenizing);
  void *self = calloc(1, api->self_size ? api->self_size : 1);
  if (!tokenizing || !self) {
    free(tokenizing);
    free(self);
    return thaw_fail_memory(ctx, api->self_size);
  }
  *tokenizing = (thaw_tokenizing){.api = api, .settings = settings, .self = self};
  *result = tokenizing;
  return THAW_OK;
}

void thaw_tokenizing_free(thaw_tokenizing *tokenizing) {
  if (!tokenizing) return;
  if (tokenizing->api->destroy) tokenizing->api->destroy(tokenizing->self);
  free(tokenizing->self);
  free(tokenizing);
}

bool thaw_tokenizing_learns(const thaw_tokenizing *tokenizing) {
  return tokenizing->api->fit != NULL;
}

/* What a tokenizer saves, and whether there was memory for it. */
typedef struct saving {
  thaw_buffer *state;
  bool ok;
} saving;

static void append(void *user, const char *bytes, size_t count) {
  saving *s = user;
  s->ok = s->ok && thaw_buffer_append(s->state, bytes, count);
}

thaw_status thaw_tokenizing_save(thaw_context *ctx, const thaw_tokenizing *tokenizing,
                                 thaw_buffer *state) {
  const thaw_tokenizer *api = tokenizing->api;
  if (!api->save) return THAW_OK;
  saving s = {.state = state, .ok = true};
  thaw_status status = api->save(tokenizing->self, tokenizing->settings, append, &s, ctx);
  return status || s.ok ? status : thaw_fail_memory(ctx, state->size);
}

thaw_status thaw_tokenizing_load(thaw_context *ctx, thaw_tokenizing *tokenizing, const char *state,
                                 size_t bytes) {
  const thaw_tokenizer *api = tokenizing->api;
  return api->load ? api->load(tokenizing->self, tokenizing->settings, state, bytes, ctx) : THAW_OK;
}
