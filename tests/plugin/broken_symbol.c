/* Exports something else than a plugin does. Its text says "thaw_plugin", so that it is looked at.
 */
#include <thaw/plugin.h>

THAW_API const char *not_a_plugin(void);
const char *not_a_plugin(void) {
  return "thaw_plugin";
}
