/* loops.c: chooses among the builds of the loops, once, when the library is loaded. */
#include "tensor/loops.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tensor/kernel/variants.h"

static const thaw_loops *now = &thaw_loops_base;

const thaw_loops *thaw_loops_now(void) {
  return now;
}

#ifdef HAVE_X86_64_VARIANTS
/* The best comes last. */
static const thaw_loops *const variants[] = {&thaw_loops_base, &thaw_loops_v3, &thaw_loops_v4};

static bool processor_has(const thaw_loops *variant) {
  if (variant == &thaw_loops_v4) return __builtin_cpu_supports("x86-64-v4");
  if (variant == &thaw_loops_v3) return __builtin_cpu_supports("x86-64-v3");
  return true;
}

__attribute__((constructor)) static void choose(void) {
  const char *wanted = getenv("THAW_PROCESSOR");
  __builtin_cpu_init();
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    if (wanted && strcmp(wanted, variants[i]->name) != 0) continue;
    if (processor_has(variants[i])) now = variants[i];
  }
}
#endif
