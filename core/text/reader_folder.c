/* reader_folder.c: a folder for each class, a file for each document, as IMDb is published; or one
 * folder of documents without classes. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistr.h>

#include "base/context.h"
#include "base/file.h"
#include "text/reader_format.h"

typedef struct folder {
  thaw_folder_files files;
  size_t next;
  char *label; /* of the document that was read last */
  thaw_buffer text;
} folder;

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void thaw_folder_files_free(thaw_folder_files *files) {
  for (size_t i = 0; i < files->count; i++) free(files->paths[i]);
  free(files->paths);
  *files = (thaw_folder_files){0};
}

/* Takes `path` over. */
static bool add_path(thaw_folder_files *list, char *path) {
  /* Space doubles whenever the count is a power of two. */
  if ((list->count & (list->count - 1)) == 0) {
    const size_t space = list->count ? 2 * list->count : 1;
    char **paths = path ? realloc(list->paths, space * sizeof *paths) : NULL;
    if (!paths) {
      free(path);
      return false;
    }
    list->paths = paths;
  }
  if (!path) return false;
  list->paths[list->count++] = path;
  return true;
}

/* A folder, or else a regular file; what cannot be looked at counts as a file, so that opening it
 * tells why. */
static bool is_wanted(const char *path, bool folders) {
  struct stat info;
  if (stat(path, &info) != 0) return !folders;
  return folders ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode);
}

/* The folders, or else the regular files, directly in `path`, sorted; hidden ones are left out, and
 * so are pipes and devices, on which reading could hang. */
static thaw_status list_entries(thaw_context *ctx, const char *path, bool folders,
                                thaw_folder_files *list) {
  DIR *stream = opendir(path);
  if (!stream) return thaw_fail_at(ctx, path, 0, 0, "cannot be opened: %s", strerror(errno));
  thaw_status status = THAW_OK;
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(stream);
    if (!entry) break;
    if (entry->d_name[0] == '.') continue;
    char *full = thaw_path_join(path, entry->d_name);
    if (full && !is_wanted(full, folders)) {
      free(full);
    } else if (!add_path(list, full)) {
      status = thaw_fail_memory(ctx, strlen(path));
      break;
    }
  }
  if (status == THAW_OK && errno) {
    status = thaw_fail_at(ctx, path, 0, 0, "cannot be read: %s", strerror(errno));
  }
  closedir(stream);
  if (list->count > 1) qsort(list->paths, list->count, sizeof *list->paths, by_bytes);
  return status;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Moves the files of one class to the end of `files`. */
static thaw_status add_class(thaw_context *ctx, const char *path, thaw_folder_files *files) {
  const char *name = last_part(path);
  if (u8_check((const uint8_t *)name, strlen(name))) {
    return thaw_fail_at(ctx, path, 0, 0, "the folder's name, which names a class, is not UTF-8");
  }
  thaw_folder_files own = {0};
  thaw_status status = list_entries(ctx, path, false, &own);
  for (size_t i = 0; i < own.count && status == THAW_OK; i++) {
    char *file = own.paths[i];
    own.paths[i] = NULL;
    if (!add_path(files, file)) status = thaw_fail_memory(ctx, sizeof file);
  }
  thaw_folder_files_free(&own);
  return status;
}

static thaw_status list_classes(thaw_context *ctx, const char *path, thaw_folder_files *files) {
  thaw_folder_files classes = {0};
  size_t used = 0;
  thaw_status status = list_entries(ctx, path, true, &classes);
  for (size_t i = 0; i < classes.count && status == THAW_OK; i++) {
    if (strcmp(last_part(classes.paths[i]), "unsup") == 0) continue;
    used++;
    status = add_class(ctx, classes.paths[i], files);
  }
  if (status == THAW_OK && used == 0) {
    status =
        thaw_fail_at(ctx, path, 0, 0, "there is no folder in it; one for each class was expected");
  }
  thaw_folder_files_free(&classes);
  return status;
}

thaw_status thaw_folder_list(thaw_context *ctx, const thaw_source *source,
                             thaw_folder_files *files) {
  const char *path = source->path;
  *files = (thaw_folder_files){0};
  if (thaw_path_exists(path) && !thaw_path_is_folder(path)) {
    return thaw_fail_at(ctx, path, 0, 0, "is a file, 'format: folder' expects a folder");
  }
  thaw_status status =
      source->unlabelled ? list_entries(ctx, path, false, files) : list_classes(ctx, path, files);
  if (status != THAW_OK) thaw_folder_files_free(files);
  return status;
}

static thaw_status open_folder(thaw_context *ctx, thaw_reader *reader) {
  folder *state = calloc(1, sizeof *state);
  reader->state = state;
  if (!state) return thaw_fail_memory(ctx, sizeof *state);
  thaw_status status = thaw_folder_list(ctx, &reader->source, &state->files);
  if (status == THAW_OK && state->files.count == 0) {
    status =
        thaw_fail_at(ctx, reader->source.path, 0, 0,
                     reader->source.unlabelled ? "there is no file in it"
                                               : "there is no file in the folders of its classes");
  }
  return status;
}

/* The name of the folder in which `path` stands. */
static char *class_of(const char *path) {
  const char *end = strrchr(path, '/');
  const char *begin = end;
  while (begin > path && begin[-1] != '/') begin--;
  return strndup(begin, (size_t)(end - begin));
}

static thaw_status next_folder(thaw_context *ctx, thaw_reader *reader, bool *found) {
  folder *state = reader->state;
  if (state->next == state->files.count) return THAW_OK;
  const char *path = state->files.paths[state->next++];
  free(state->label);
  state->label = reader->source.unlabelled ? NULL : class_of(path);
  if (!state->label && !reader->source.unlabelled) return thaw_fail_memory(ctx, strlen(path));
  thaw_input *input;
  thaw_status status = thaw_input_open(ctx, path, reader->source.encoding, &input);
  if (status != THAW_OK) return status;
  thaw_buffer_clear(&state->text);
  status = thaw_input_rest(ctx, input, &state->text);
  thaw_input_close(input);
  if (status != THAW_OK) return status;
  reader->document = (thaw_document){.text = state->text.data ? state->text.data : "",
                                     .bytes = state->text.size,
                                     .label = state->label,
                                     .file = path,
                                     .line = 0};
  *found = true;
  return THAW_OK;
}

static void close_folder(thaw_reader *reader) {
  folder *state = reader->state;
  if (!state) return;
  thaw_folder_files_free(&state->files);
  thaw_buffer_free(&state->text);
  free(state->label);
  free(state);
}

const thaw_reader_format thaw_reader_folder = {
    .open = open_folder, .next = next_folder, .close = close_folder};
