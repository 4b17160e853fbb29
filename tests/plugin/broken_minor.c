/* Built for a later minor number of this ABI; what follows the number must not be looked at. */
#include <thaw/plugin.h>

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI | 0xffffu << 16, .kind = THAW_HEAD, .name = (const char *)8};
