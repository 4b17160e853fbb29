/* reader.c: opens the reader of a format and holds what all of them do alike. */
#include "text/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "base/hash_memo.h"
#include "plugin/settings.h"
#include "text/reader_format.h"

static const thaw_reader_format *format_of(thaw_format format) {
  switch (format) {
    case THAW_FORMAT_TEXT:
      return &thaw_reader_text;
    case THAW_FORMAT_CSV:
    case THAW_FORMAT_TSV:
      return &thaw_reader_csv;
    case THAW_FORMAT_JSONL:
      return &thaw_reader_jsonl;
    case THAW_FORMAT_FOLDER:
      return &thaw_reader_folder;
    case THAW_FORMAT_LABELLED:
      return &thaw_reader_labelled;
  }
  return NULL;
}

/* Opens the file behind a format that reads one; it must not be empty. */
static thaw_status open_input(thaw_context *ctx, thaw_reader *reader) {
  const thaw_source *source = &reader->source;
  if (thaw_path_is_folder(source->path)) {
    return thaw_fail_at(ctx, source->path, 0, 0,
                        "is a folder, a file was expected; a folder for each class is read with "
                        "'format: folder'");
  }
  thaw_status status = thaw_input_open(ctx, source->path, source->encoding, &reader->input);
  bool empty = false;
  if (status == THAW_OK) status = thaw_input_is_empty(ctx, reader->input, &empty);
  if (status == THAW_OK && empty)
    status = thaw_fail_at(ctx, source->path, 0, 0, "the file is empty");
  return status;
}

thaw_status thaw_reader_open(thaw_context *ctx, const thaw_source *source, thaw_reader **reader) {
  *reader = NULL;
  thaw_reader *r = calloc(1, sizeof *r);
  if (!r) return thaw_fail_memory(ctx, sizeof *r);
  r->source = *source;
  if (!r->source.text) r->source.text = "text";
  r->format = format_of(source->format);
  thaw_status status = THAW_OK;
  if (!r->format) status = thaw_fail(ctx, THAW_INVALID, "there is no format %d", source->format);
  if (status == THAW_OK && source->format != THAW_FORMAT_FOLDER) status = open_input(ctx, r);
  if (status == THAW_OK && r->format->open) status = r->format->open(ctx, r);
  if (status != THAW_OK) {
    thaw_reader_close(r);
    return status;
  }
  *reader = r;
  return THAW_OK;
}

thaw_status thaw_reader_next(thaw_context *ctx, thaw_reader *reader,
                             const thaw_document **document) {
  *document = NULL;
  bool found = false;
  thaw_status status = reader->format->next(ctx, reader, &found);
  if (status != THAW_OK) return status;
  if (found) {
    reader->count++;
    *document = &reader->document;
  } else if (reader->count == 0) {
    return thaw_fail_at(ctx, reader->source.path, 0, 0, "there is no document in it");
  }
  return THAW_OK;
}

void thaw_reader_close(thaw_reader *reader) {
  if (!reader) return;
  if (reader->format && reader->format->close) reader->format->close(reader);
  thaw_input_close(reader->input);
  free(reader);
}

static bool is_blank(const char *line, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    if (!strchr(" \t\r\f\v", line[i])) return false;
  }
  return true;
}

thaw_status thaw_reader_line(thaw_context *ctx, thaw_reader *reader, char **line, size_t *bytes) {
  do {
    thaw_status status = thaw_input_line(ctx, reader->input, line, bytes);
    if (status != THAW_OK) return status;
  } while (*line && is_blank(*line, *bytes));
  reader->document.file = reader->source.path;
  reader->document.line = thaw_input_line_number(reader->input);
  return THAW_OK;
}

thaw_status thaw_reader_missing(thaw_context *ctx, const char *file, size_t line, const char *what,
                                const char *name, const char *const *known, size_t count) {
  enum { SHOWN = 20 };
  thaw_buffer list = {0};
  bool written = true;
  for (size_t i = 0; i < count && i < SHOWN; i++) {
    written = written && thaw_buffer_format(&list, "%s'%s'", i ? ", " : "", known[i]);
  }
  if (count > SHOWN) written = written && thaw_buffer_text(&list, ", …");
  const char *nearest = thaw_nearest(name, known, count);
  if (nearest) written = written && thaw_buffer_format(&list, "; did you mean '%s'?", nearest);
  thaw_status status =
      written ? thaw_fail_at(ctx, file, line, 0, "there is no %s '%s'; there %s %s", what, name,
                             count == 1 ? "is" : "are", count ? list.data : "none")
              : thaw_fail_memory(ctx, list.size);
  thaw_buffer_free(&list);
  return status;
}

static thaw_status hash_folder(thaw_context *ctx, const thaw_source *source, char digits[33]) {
  thaw_folder_files files = {0};
  thaw_hash *hash = NULL;
  thaw_status status = thaw_folder_list(ctx, source, &files);
  if (status != THAW_OK) goto done;
  hash = thaw_hash_create();
  if (!hash) {
    status = thaw_fail_memory(ctx, 1);
    goto done;
  }
  for (size_t i = 0; i < files.count; i++) {
    char contents[THAW_HASH_TEXT];
    status = thaw_hash_file(ctx, files.paths[i], contents);
    if (status != THAW_OK) goto done;
    const char *name = files.paths[i] + strlen(source->path);
    thaw_hash_add_text(hash, name + strspn(name, "/"));
    thaw_hash_add_text(hash, contents);
  }
  thaw_hash_text(hash, digits);
done:
  thaw_hash_free(hash);
  thaw_folder_files_free(&files);
  return status;
}

thaw_status thaw_source_hash(thaw_context *ctx, const thaw_source *source, char digits[33]) {
  /* A data file that is missing is the user's to mend. */
  if (source->format != THAW_FORMAT_FOLDER)
    return thaw_hash_file_once(ctx, source->path, digits) == THAW_OK ? THAW_OK : THAW_INVALID;
  const char *what = source->unlabelled ? "unlabelled folder" : "folder";
  thaw_hash_memo *memo = thaw_context_memo(ctx);
  if (thaw_hash_memo_find(memo, what, source->path, digits)) return THAW_OK;
  const thaw_status status = hash_folder(ctx, source, digits);
  if (status == THAW_OK) thaw_hash_memo_keep(memo, what, source->path, digits);
  return status;
}
