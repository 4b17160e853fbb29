/* context.c: the error message, the log, the interrupt flag and known hashes that travel with a
 * computation.
 *
 * A message is first written in full and only then replaces the one before, so that an argument may
 * be part of the old message. When there is no memory for it, a short text in the context itself
 * takes its place: a failure is never silent. Every function accepts a NULL context. */
#include "base/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thaw_context {
  char *message; /* malloc'ed, or NULL: then `brief` holds the message */
  char brief[256];
  thaw_log_sink sink;
  void *sink_user;
  const atomic_bool *interrupted;
  struct thaw_hash_memo *memo;
};

thaw_context *thaw_context_create(void) {
  return calloc(1, sizeof(thaw_context));
}

void thaw_context_free(thaw_context *ctx) {
  if (!ctx) return;
  free(ctx->message);
  free(ctx);
}

const char *thaw_error(const thaw_context *ctx) {
  if (!ctx) return "";
  return ctx->message ? ctx->message : ctx->brief;
}

void thaw_error_clear(thaw_context *ctx) {
  if (!ctx) return;
  free(ctx->message);
  ctx->message = NULL;
  ctx->brief[0] = '\0';
}

/* The formatted text, malloc'ed; NULL when there is no memory. */
static char *format_text(const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (length < 0) return NULL;
  char *text = malloc((size_t)length + 1);
  if (text) vsnprintf(text, (size_t)length + 1, format, arguments);
  return text;
}

/* "first + middle + last", malloc'ed; NULL when there is no memory. */
static char *join_texts(const char *first, const char *middle, const char *last) {
  size_t size = strlen(first) + strlen(middle) + strlen(last) + 1;
  char *text = malloc(size);
  if (text) snprintf(text, size, "%s%s%s", first, middle, last);
  return text;
}

/* Takes `message` over; NULL: the memory for it is missing. */
static void take_message(thaw_context *ctx, char *message) {
  free(ctx->message);
  ctx->message = message;
  if (!message) {
    snprintf(ctx->brief, sizeof ctx->brief, "out of memory while writing an error message");
  }
}

thaw_status thaw_fail(thaw_context *ctx, thaw_status status, const char *format, ...) {
  if (!ctx) return status;
  va_list arguments;
  va_start(arguments, format);
  take_message(ctx, format_text(format, arguments));
  va_end(arguments);
  return status;
}

thaw_status thaw_explain(thaw_context *ctx, thaw_status status, const char *format, ...) {
  if (!ctx) return status;
  va_list arguments;
  va_start(arguments, format);
  char *prefix = format_text(format, arguments);
  va_end(arguments);
  /* Without memory for the longer message the shorter one stays. */
  char *message = prefix ? join_texts(prefix, ": ", thaw_error(ctx)) : NULL;
  if (message) take_message(ctx, message);
  free(prefix);
  return status;
}

thaw_status thaw_fail_at(thaw_context *ctx, const char *file, size_t line, size_t column,
                         const char *format, ...) {
  if (!ctx) return THAW_INVALID;
  char place[64] = ": ";
  if (line && column) {
    snprintf(place, sizeof place, ":%zu:%zu: ", line, column);
  } else if (line) {
    snprintf(place, sizeof place, ":%zu: ", line);
  }
  va_list arguments;
  va_start(arguments, format);
  char *text = format_text(format, arguments);
  va_end(arguments);
  take_message(ctx, text ? join_texts(file, place, text) : NULL);
  free(text);
  return THAW_INVALID;
}

thaw_status thaw_fail_memory(thaw_context *ctx, size_t bytes) {
  if (!ctx) return THAW_FAILED;
  free(ctx->message);
  ctx->message = NULL;
  snprintf(ctx->brief, sizeof ctx->brief, "out of memory: %zu bytes could not be allocated", bytes);
  return THAW_FAILED;
}

void thaw_context_log_to(thaw_context *ctx, thaw_log_sink sink, void *user) {
  if (!ctx) return;
  ctx->sink = sink;
  ctx->sink_user = user;
}

void thaw_log(thaw_context *ctx, thaw_log_level level, const char *format, ...) {
  if (!ctx || !ctx->sink) return;
  va_list arguments;
  va_start(arguments, format);
  char *line = format_text(format, arguments);
  va_end(arguments);
  ctx->sink(ctx->sink_user, level, line ? line : "out of memory while writing a log line");
  free(line);
}

void thaw_context_watch(thaw_context *ctx, const atomic_bool *flag) {
  if (ctx) ctx->interrupted = flag;
}

bool thaw_interrupted(const thaw_context *ctx) {
  return ctx && ctx->interrupted && atomic_load_explicit(ctx->interrupted, memory_order_relaxed);
}

void thaw_context_remember(thaw_context *ctx, struct thaw_hash_memo *memo) {
  if (ctx) ctx->memo = memo;
}

struct thaw_hash_memo *thaw_context_memo(const thaw_context *ctx) {
  return ctx ? ctx->memo : NULL;
}
