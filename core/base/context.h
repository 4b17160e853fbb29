/* context.h: what a caller passes down so that errors and log lines find their way up.
 *
 * A context holds one error message, the sink for log lines and the flag that asks a
 * long computation to stop. It is owned by the caller of the library (the command). */
#ifndef THAW_CONTEXT_H
#define THAW_CONTEXT_H

#include <stdarg.h>
#include <stdatomic.h>

#include "thaw/base.h"

typedef enum thaw_log_level { THAW_LOG_DEBUG, THAW_LOG_INFO, THAW_LOG_WARNING } thaw_log_level;

/* Receives one finished line without its newline. */
typedef void (*thaw_log_sink)(void *user, thaw_log_level level, const char *line);

/* Returns NULL when there is no memory. A new context logs nowhere. */
thaw_context *thaw_context_create(void);
void thaw_context_free(thaw_context *ctx);

/* The last error message, "" when there is none. Valid until the next failure. */
const char *thaw_error(const thaw_context *ctx);
void thaw_error_clear(thaw_context *ctx);

/* Like thaw_fail with "FILE:LINE:COLUMN: " before the message; line and column count from 1,
 * 0 leaves them out. */
thaw_status thaw_fail_at(thaw_context *ctx, const char *file, size_t line, size_t column,
                         const char *format, ...) THAW_PRINTF(5, 6);

void thaw_context_log_to(thaw_context *ctx, thaw_log_sink sink, void *user);
void thaw_log(thaw_context *ctx, thaw_log_level level, const char *format, ...) THAW_PRINTF(3, 4);

/* Long computations ask thaw_interrupted between steps; `flag` may be set by a signal handler.
 * The flag belongs to the caller and may be NULL (never interrupted). */
void thaw_context_watch(thaw_context *ctx, const atomic_bool *flag);
bool thaw_interrupted(const thaw_context *ctx);

/* Hashes of files that need not be computed again (base/hash_memo.h). The memo belongs to the
 * caller and may be NULL: none. */
struct thaw_hash_memo;
void thaw_context_remember(thaw_context *ctx, struct thaw_hash_memo *memo);
struct thaw_hash_memo *thaw_context_memo(const thaw_context *ctx);

#endif
