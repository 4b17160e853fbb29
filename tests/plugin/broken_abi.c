/* Built for an ABI that never was; what follows the number must not be looked at. */
#include <thaw/plugin.h>

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = 4711, .kind = THAW_HEAD, .name = (const char *)8};
