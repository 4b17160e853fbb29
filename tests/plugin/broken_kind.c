/* Of a kind that there is not. */
#include <thaw/plugin.h>

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI, .kind = (thaw_plugin_kind)9, .name = "broken_kind", .version = "1"};
