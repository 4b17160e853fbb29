/* loops.c: chooses among the builds of the loops, once, when the library is loaded. */
#include "tensor/loops.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "config.h"
#include "tensor/kernel/variants.h"

/* The best comes last. */
static const thaw_loops *const variants[] = {&thaw_loops_base,
#ifdef HAVE_X86_64_VARIANTS
                                             &thaw_loops_v3, &thaw_loops_v4
#endif
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static const thaw_loops *now = &thaw_loops_base;
static const char *refused; /* what THAW_PROCESSOR asked for in vain */

const thaw_loops *thaw_loops_now(void) {
  return now;
}

static bool processor_has(const thaw_loops *variant) {
#ifdef HAVE_X86_64_VARIANTS
  if (variant == &thaw_loops_v4) return __builtin_cpu_supports("x86-64-v4");
  if (variant == &thaw_loops_v3) return __builtin_cpu_supports("x86-64-v3");
#endif
  return variant == &thaw_loops_base;
}

__attribute__((constructor)) static void choose(void) {
  const char *wanted = getenv("THAW_PROCESSOR");
  refused = wanted;
#ifdef HAVE_X86_64_VARIANTS
  __builtin_cpu_init();
#endif
  for (size_t i = 0; i < VARIANTS; i++) {
    if (!processor_has(variants[i]) || (wanted && strcmp(wanted, variants[i]->name) != 0)) continue;
    now = variants[i];
    refused = NULL;
  }
}

thaw_status thaw_loops_check(thaw_context *ctx) {
  if (!refused) return THAW_OK;
  thaw_buffer names = {0};
  for (size_t i = 0; i < VARIANTS; i++) {
    if (processor_has(variants[i]))
      thaw_buffer_format(&names, "%s%s", i ? ", " : "", variants[i]->name);
  }
  thaw_fail(ctx, THAW_INVALID,
            "the environment's THAW_PROCESSOR is '%s'; this processor can be: %s", refused,
            names.data ? names.data : "");
  thaw_buffer_free(&names);
  return THAW_INVALID;
}
