/* loader.h: one file into one checked plugin. The registry (registry.h) decides which file. */
#ifndef THAW_LOADER_H
#define THAW_LOADER_H

#include "thaw/plugin.h"

#define THAW_PROBE_SECONDS 10

/* A plugin that is open in this process. */
typedef struct thaw_module {
  void *handle;
  const thaw_plugin_descriptor *descriptor;
  bool foreign; /* not open: a sound library that is no plugin */
} thaw_module;

/* May a plugin of the ABI `built` be loaded by a thaw whose ABI is `here`? THAW_INVALID: it has
 * another major number, or a newer minor one. */
thaw_status thaw_abi_check(thaw_context *ctx, uint32_t built, uint32_t here);
/* Everything that can be told of a descriptor by reading it: ABI, kind, names, functions, parameter
 * table and its defaults. The message does not name the file. */
thaw_status thaw_descriptor_check(thaw_context *ctx, const thaw_plugin_descriptor *descriptor);

/* Opens the files in a child process, one after the other, and checks what they export. The error
 * says which signal or exit ended the child, or that it took longer than `seconds`. Files that
 * cannot be opened or are no good plugins are no error here: opening them in this process is safe
 * and gives the message. */
thaw_status thaw_module_probe(thaw_context *ctx, const char *const *paths, size_t count,
                              double seconds);

/* Is this file loaded in this process? Then there is no need to probe it. */
bool thaw_module_is_loaded(const char *path);

/* Opens and checks, without a probe. */
thaw_status thaw_module_open(thaw_context *ctx, const char *path, thaw_module *module);
void thaw_module_close(thaw_module *module);

/* Might the file be a plugin, seen without running any of it: does it contain the symbol's name? */
bool thaw_module_is_candidate(const char *path);

#endif
