/* registry.h: finding and loading plugins.
 *
 * A registry searches, in this order: the folders given by the user (--plugin-path), those of the
 * environment variable THAW_PLUGIN_PATH (colon-separated), the user's own folder, and the installed
 * one (for these two see below). A name that contains a slash or ends in ".so" is the
 * path of one plugin. In a folder NAME.so comes before files of other names. Loaded plugins stay
 * loaded until the registry is freed. */
#ifndef THAW_REGISTRY_H
#define THAW_REGISTRY_H

#include "thaw/plugin.h"

typedef struct thaw_plugin {
  const thaw_plugin_descriptor *descriptor;
  char *path; /* of the shared object */
} thaw_plugin;

typedef struct thaw_registry thaw_registry;

/* `folders` is a colon-separated list or NULL. */
thaw_registry *thaw_registry_create(const char *folders);
void thaw_registry_free(thaw_registry *registry);

/* The plugin of this kind and name. Errors name the file and what to do: not found (with the
 * nearest known name and the folders searched), another kind, wrong ABI (both numbers), no
 * descriptor, dlopen's own message, a descriptor that is incomplete, the same name twice in one
 * folder and in no file NAME.so. A plugin that kills the process while it is loaded (a crashing
 * constructor) is found by loading it in a child process first. */
thaw_status thaw_registry_find(thaw_registry *registry, thaw_context *ctx, thaw_plugin_kind kind,
                               const char *name, const thaw_plugin **plugin);
/* Every plugin that can be found, sorted by kind and name; files that are no good plugins are
 * logged as warnings and left out. The array belongs to the registry. */
thaw_status thaw_registry_all(thaw_registry *registry, thaw_context *ctx,
                              const thaw_plugin *const **plugins, size_t *count);
const char *thaw_kind_name(thaw_plugin_kind kind); /* "tokenizer", … */

/* ---- The folders that nobody has to name (places.c) ----------------------------------------- */

/* $XDG_DATA_HOME/thaw/plugins, else ~/.local/share/thaw/plugins, into which a plugin is installed
 * without root. malloc'ed; NULL: neither variable says where, or no memory. */
char *thaw_users_plugin_folder(void);

/* The folder `thaw` beside libthaw.so, so that an installed tree may be moved; where there is none,
 * as in a build tree, the folder that configure was told. malloc'ed; NULL: no memory. */
char *thaw_installed_plugin_folder(void);

/* The same for a library at `library`, which may be a link or NULL. */
char *thaw_plugin_folder_of(const char *library);

#endif
