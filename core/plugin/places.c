/* places.c: the user's own plugin folder and the installed one.
 *
 * The dynamic linker knows from which file this code was loaded, however that was found: by a run
 * path, LD_LIBRARY_PATH or the system's folders. Links are followed, so that a link to the library
 * finds the plugins of the tree that it points to. */
#include <config.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "plugin/registry.h"

char *thaw_users_plugin_folder(void) {
  const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  /* The XDG specification has relative paths ignored. */
  if (data && *data == '/') return thaw_path_join(data, "thaw/plugins");
  if (home && *home) return thaw_path_join(home, ".local/share/thaw/plugins");
  return NULL;
}

char *thaw_plugin_folder_of(const char *library) {
  char *real = library ? realpath(library, NULL) : NULL;
  char *folder = real ? thaw_path_beside(real, "thaw") : NULL;
  free(real);
  if (folder && thaw_path_is_folder(folder)) return folder;
  free(folder);
  return strdup(THAW_PLUGIN_FOLDER);
}

char *thaw_installed_plugin_folder(void) {
  static const char inside = 0; /* any address in this library */
  Dl_info library;
  return thaw_plugin_folder_of(dladdr(&inside, &library) ? library.dli_fname : NULL);
}
