/* files.h: the files that a config names: where they are, and whether they can be read. */
#ifndef THAW_CONFIG_FILES_H
#define THAW_CONFIG_FILES_H

#include "base/arena.h"
#include "config/yaml.h"

/* `path` without dependence on the current folder: seen from the folder of the file `from` (NULL:
 * the current one), links in its folders followed. The name itself stays, as does a path into a
 * folder that is not there. NULL: no memory. */
char *thaw_path_absolute(thaw_arena *arena, const char *from, const char *path);

/* Makes the relative paths of a whole config absolute, each seen from the file that names it;
 * those of overrides ("--set") from the current folder. What the schema does not know, or what is
 * of another kind than it expects, stays as it is. */
thaw_status thaw_paths_absolute(thaw_context *ctx, thaw_arena *arena, thaw_node *root);

/* Why `path` cannot be opened, for the errno `why`; for one that is not there with the nearest name
 * in its folder. THAW_INVALID; the message begins with the path. */
thaw_status thaw_file_fail(thaw_context *ctx, const char *path, int why);

/* Is it a file (or folder, if `folder`) that can be read and has something in it? */
thaw_status thaw_file_check(thaw_context *ctx, const char *path, bool folder);

#endif
