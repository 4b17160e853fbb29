/* path.c: names of files and folders. */
#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/context.h"
#include "base/file.h"

char *thaw_path_join(const char *folder, const char *name) {
  const size_t length = strlen(folder);
  const char *between = length == 0 || folder[length - 1] == '/' ? "" : "/";
  const size_t size = length + strlen(between) + strlen(name) + 1;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s%s%s", folder, between, name);
  return path;
}

char *thaw_path_beside(const char *from, const char *path) {
  const char *slash = strrchr(from, '/');
  if (path[0] == '/' || !slash) return strdup(path);
  char *folder = strndup(from, (size_t)(slash - from) + 1);
  if (!folder) return NULL;
  char *joined = thaw_path_join(folder, path);
  free(folder);
  return joined;
}

char *thaw_path_stem(const char *path) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/') begin--;
  /* A dot in front hides a file; it starts no extension. */
  for (size_t i = end; i > begin + 1; i--) {
    if (path[i - 1] == '.') {
      end = i - 1;
      break;
    }
  }
  return strndup(path + begin, end - begin);
}

bool thaw_path_exists(const char *path) {
  struct stat info;
  return stat(path, &info) == 0;
}

bool thaw_path_is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

thaw_status thaw_make_folders(thaw_context *ctx, const char *path) {
  char *prefix = strdup(path);
  if (!prefix) return thaw_fail_memory(ctx, strlen(path) + 1);
  thaw_status status = THAW_OK;
  for (char *end = prefix; *end && status == THAW_OK;) {
    end += strspn(end, "/");
    end += strcspn(end, "/");
    const char kept = *end;
    *end = '\0';
    if (*prefix && mkdir(prefix, 0777) != 0) {
      /* What mkdir says of a folder that exists varies (EEXIST, EROFS, EACCES). */
      const int why = errno;
      if (!thaw_path_is_folder(prefix)) {
        status = thaw_fail(ctx, THAW_FAILED, "cannot make the folder %s: %s", prefix,
                           why == EEXIST ? "a file of that name exists" : strerror(why));
      }
    }
    *end = kept;
  }
  free(prefix);
  return status;
}
