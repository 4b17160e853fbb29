/* thaw/base.h: status codes, error messages and random numbers.
 *
 * The lowest public header. Every function that can fail returns a thaw_status
 * and leaves its message in the thaw_context that the caller passed in; nothing
 * in the library prints an error or exits. */
#ifndef THAW_BASE_H
#define THAW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define THAW_PRINTF(format_index, first_argument) \
  __attribute__((format(printf, format_index, first_argument)))
#define THAW_API __attribute__((visibility("default")))
#else
#define THAW_PRINTF(format_index, first_argument)
#define THAW_API
#endif

/* The values are also the exit status of the thaw command. */
typedef enum thaw_status {
  THAW_OK = 0,
  THAW_FAILED = 1,      /* the machine or the file system said no, or training went wrong */
  THAW_INVALID = 2,     /* what the caller gave is wrong: configuration, data, arguments */
  THAW_INTERRUPTED = 3, /* asked to stop; a checkpoint says how to go on */
} thaw_status;

/* Where messages go: one per thread of control. Opaque to plugins. */
typedef struct thaw_context thaw_context;

/* Sets the context's error message and returns `status`, so that a function can end with
 * `return thaw_fail(ctx, THAW_INVALID, "width %d is odd", width);`. A previous message is replaced.
 */
THAW_API thaw_status thaw_fail(thaw_context *ctx, thaw_status status, const char *format, ...)
    THAW_PRINTF(3, 4);

/* Puts "what was being done: " before the message that is already there and returns `status`. */
THAW_API thaw_status thaw_explain(thaw_context *ctx, thaw_status status, const char *format, ...)
    THAW_PRINTF(3, 4);

/* The failure of an allocation of `bytes` bytes; returns THAW_FAILED. */
THAW_API thaw_status thaw_fail_memory(thaw_context *ctx, size_t bytes);

/* Random numbers: xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64.
 * The same seed and stream give the same numbers on every machine. */
typedef struct thaw_rng {
  uint64_t state[4];
} thaw_rng;

/* A generator for one purpose: `stream` tells generators of the same seed apart. */
THAW_API thaw_rng thaw_rng_make(uint64_t seed, uint64_t stream);
THAW_API uint64_t thaw_rng_next(thaw_rng *rng);
/* Uniform in [0, 1), 24 bits. */
THAW_API float thaw_rng_uniform(thaw_rng *rng);
/* Standard normal (Box and Muller 1958). */
THAW_API float thaw_rng_normal(thaw_rng *rng);
/* Uniform in [0, bound), without bias; bound > 0 (Lemire 2019). */
THAW_API uint64_t thaw_rng_below(thaw_rng *rng, uint64_t bound);
/* Shuffles `count` indices in place (Fisher and Yates). */
THAW_API void thaw_rng_shuffle(thaw_rng *rng, size_t *indices, size_t count);

#ifdef __cplusplus
}
#endif
#endif
