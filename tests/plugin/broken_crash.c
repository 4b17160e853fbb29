/* Crashes while it is loaded. */
#include <signal.h>
#include <thaw/plugin.h>

__attribute__((constructor)) static void crash(void) {
  raise(SIGSEGV);
}

THAW_API const thaw_plugin_descriptor thaw_plugin = {.abi = THAW_PLUGIN_ABI};
