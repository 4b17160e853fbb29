/* loader.c: dlopen and what can be seen of a file before and after it.
 *
 * Bindings are resolved at once: a plugin that needs a function which nobody has fails here and
 * not when it is first called. Its symbols stay its own, so that two plugins may use the same
 * names. */
#include "plugin/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"

/* dlopen searches the system's folders for a name without a slash. */
static void *open_library(const char *path, int flags) {
  thaw_buffer name = {0};
  void *handle = NULL;
  if (thaw_buffer_format(&name, "%s%s", strchr(path, '/') ? "" : "./", path)) {
    handle = dlopen(name.data, RTLD_NOW | RTLD_LOCAL | flags);
  }
  thaw_buffer_free(&name);
  return handle;
}

bool thaw_module_is_loaded(const char *path) {
  void *handle = open_library(path, RTLD_NOLOAD);
  if (handle) dlclose(handle);
  return handle != NULL;
}

thaw_status thaw_module_open(thaw_context *ctx, const char *path, thaw_module *module) {
  *module = (thaw_module){0};
  void *handle = open_library(path, 0);
  if (!handle) {
    const char *why = dlerror();
    return thaw_fail(ctx, THAW_INVALID, "plugin %s cannot be loaded: %s", path,
                     why ? why : "out of memory");
  }
  const thaw_plugin_descriptor *descriptor = dlsym(handle, THAW_PLUGIN_SYMBOL);
  thaw_status status = THAW_OK;
  if (!descriptor) {
    status =
        thaw_fail(ctx, THAW_INVALID, "%s is no thaw plugin: it does not export the symbol '%s'",
                  path, THAW_PLUGIN_SYMBOL);
    module->foreign = true;
  } else {
    status = thaw_descriptor_check(ctx, descriptor);
    if (status != THAW_OK) thaw_explain(ctx, status, "plugin %s is not usable", path);
  }
  if (status != THAW_OK) {
    dlclose(handle);
    return status;
  }
  *module = (thaw_module){.handle = handle, .descriptor = descriptor};
  return THAW_OK;
}

void thaw_module_close(thaw_module *module) {
  if (module->handle) dlclose(module->handle);
  *module = (thaw_module){0};
}

bool thaw_module_is_candidate(const char *path) {
  enum { CHUNK = 1 << 16 };
  const size_t length = sizeof THAW_PLUGIN_SYMBOL; /* with its NUL, as in a table of names */
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  char *bytes = malloc(CHUNK);
  bool found = false;
  size_t kept = 0;
  while (file >= 0 && bytes && !found) {
    const ssize_t got = read(file, bytes + kept, CHUNK - kept);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const size_t count = kept + (size_t)got;
    for (const char *at = bytes; !found;) {
      at = memchr(at, THAW_PLUGIN_SYMBOL[0], count - (size_t)(at - bytes));
      if (!at || count - (size_t)(at - bytes) < length) break;
      found = memcmp(at++, THAW_PLUGIN_SYMBOL, length) == 0;
    }
    kept = count < length - 1 ? count : length - 1;
    memmove(bytes, bytes + count - kept, kept);
  }
  free(bytes);
  if (file >= 0) close(file);
  return found;
}
