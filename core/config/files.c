/* files.c: is there something to read where a config says so? */
#include "config/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "plugin/settings.h"

/* The folder that `path` is in, malloc'ed; "." for a bare name. */
static char *folder_of(const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (!slash) return strdup(".");
  return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Appends the name in the folder that is nearest to `name`: " (did you mean 'train.csv'?)". */
static void add_nearest(thaw_buffer *out, const char *folder, const char *name) {
  DIR *listing = opendir(folder);
  thaw_buffer names = {0};
  const struct dirent *item;
  while (listing && (item = readdir(listing))) {
    char *copy = item->d_name[0] == '.' ? NULL : strdup(item->d_name);
    if (copy && !thaw_buffer_append(&names, &copy, sizeof copy)) free(copy);
  }
  if (listing) closedir(listing);
  char **known = (char **)(void *)names.data;
  const size_t count = names.size / sizeof *known;
  const char *near =
      count ? thaw_nearest(name, (const char *const *)(const void *)known, count) : NULL;
  if (near) thaw_buffer_format(out, " (did you mean '%s'?)", near);
  for (size_t i = 0; i < count; i++) free(known[i]);
  thaw_buffer_free(&names);
}

static thaw_status fail_missing(thaw_context *ctx, const char *path) {
  const char *name;
  char *folder = folder_of(path, &name);
  if (!folder) return thaw_fail_memory(ctx, strlen(path));
  thaw_buffer hint = {0};
  if (!thaw_path_is_folder(folder)) {
    thaw_buffer_format(&hint, ", nor a folder %s", folder);
  } else {
    add_nearest(&hint, folder, name);
  }
  thaw_fail_at(ctx, path, 0, 0, "there is no such file%s", hint.data ? hint.data : "");
  thaw_buffer_free(&hint);
  free(folder);
  return THAW_INVALID;
}

thaw_status thaw_file_fail(thaw_context *ctx, const char *path, int why) {
  if (why == ENOENT || why == ENOTDIR) return fail_missing(ctx, path);
  return thaw_fail_at(ctx, path, 0, 0, "cannot be read: %s", strerror(why));
}

static thaw_status check_folder(thaw_context *ctx, const char *path) {
  DIR *listing = opendir(path);
  if (!listing) return thaw_file_fail(ctx, path, errno);
  bool empty = true;
  const struct dirent *item;
  while (empty && (item = readdir(listing))) {
    empty = strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
  }
  closedir(listing);
  return empty ? thaw_fail_at(ctx, path, 0, 0, "the folder is empty") : THAW_OK;
}

thaw_status thaw_file_check(thaw_context *ctx, const char *path, bool folder) {
  struct stat info;
  if (stat(path, &info) != 0) return thaw_file_fail(ctx, path, errno);
  if (S_ISDIR(info.st_mode)) {
    if (folder) return check_folder(ctx, path);
    return thaw_fail_at(ctx, path, 0, 0, "is a folder, expected a file");
  }
  if (folder) return thaw_fail_at(ctx, path, 0, 0, "is a file, expected a folder");
  /* A pipe can be read only once. */
  if (!S_ISREG(info.st_mode)) return thaw_fail_at(ctx, path, 0, 0, "is no regular file");
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return thaw_file_fail(ctx, path, errno);
  close(file);
  return info.st_size > 0 ? THAW_OK : thaw_fail_at(ctx, path, 0, 0, "the file is empty");
}
