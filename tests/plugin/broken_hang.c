/* Never finishes loading. */
#include <thaw/plugin.h>
#include <unistd.h>

__attribute__((constructor)) static void hang(void) {
  for (;;) pause();
}

THAW_API const thaw_plugin_descriptor thaw_plugin = {.abi = THAW_PLUGIN_ABI};
