/* Asks for every public symbol of the library: it loads only where all of them are there, in the
 * version that they had. PUBLIC_SYMBOLS is made from core/libthaw.map, by tests/abi/record.sh. */
#include <thaw/head.h>
#include <thaw/recurrent.h>

#define SYMBOL(name) (const void *)&name,
static const void *const volatile symbols[] = {PUBLIC_SYMBOLS};

static double multiplier(const void *settings, const thaw_moment *moment) {
  (void)settings, (void)moment;
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    if (!symbols[i]) return 0;
  }
  return 1;
}

static const thaw_schedule schedule = {.multiplier = multiplier};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "abi_symbols",
    .version = "1",
    .summary = "Every symbol that plugins could use in thaw 0.1.0",
    .api.schedule = &schedule,
};
