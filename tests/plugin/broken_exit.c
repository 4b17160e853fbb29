/* Ends the process while it is loaded. */
#include <thaw/plugin.h>
#include <unistd.h>

__attribute__((constructor)) static void leave(void) {
  _exit(5);
}

THAW_API const thaw_plugin_descriptor thaw_plugin = {.abi = THAW_PLUGIN_ABI};
