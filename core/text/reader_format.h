/* reader_format.h: what the readers of the formats share; seen by the reader_*.c files only. */
#ifndef THAW_READER_FORMAT_H
#define THAW_READER_FORMAT_H

#include "text/input.h"
#include "text/reader.h"

/* One format. `open` finds out early what can be wrong (a header that lacks a column); `next` fills
 * in reader->document and says whether there was one; `close` frees reader->state. open and close
 * may be NULL. */
typedef struct thaw_reader_format {
  thaw_status (*open)(thaw_context *ctx, thaw_reader *reader);
  thaw_status (*next)(thaw_context *ctx, thaw_reader *reader, bool *found);
  void (*close)(thaw_reader *reader);
} thaw_reader_format;

struct thaw_reader {
  thaw_source source;
  const thaw_reader_format *format;
  thaw_input *input; /* NULL in a folder */
  thaw_document document;
  size_t count; /* documents so far */
  void *state;  /* the format's own */
};

extern const thaw_reader_format thaw_reader_text, thaw_reader_csv, thaw_reader_jsonl,
    thaw_reader_folder, thaw_reader_labelled;

/* The next line that is not blank; `*line` is NULL at the end. document.file and line are filled
 * in. */
thaw_status thaw_reader_line(thaw_context *ctx, thaw_reader *reader, char **line, size_t *bytes);

/* "the columns are 'a', 'b' …; did you mean 'b'?" : the error that `what` ("column") `name` is not
 * among the `count` known ones. */
thaw_status thaw_reader_missing(thaw_context *ctx, const char *file, size_t line, const char *what,
                                const char *name, const char *const *known, size_t count);

/* The path of every document of a folder, by class and then by name, both in byte order. */
typedef struct thaw_folder_files {
  char **paths; /* malloc'ed, as is the array */
  size_t count;
} thaw_folder_files;
thaw_status thaw_folder_list(thaw_context *ctx, const thaw_source *source,
                             thaw_folder_files *files);
void thaw_folder_files_free(thaw_folder_files *files);

#endif
