/* reader_text.c: a document on every line that is not blank, or the whole file as one. */
#include <stdlib.h>

#include "base/context.h"
#include "text/reader_format.h"

static thaw_status open_text(thaw_context *ctx, thaw_reader *reader) {
  if (!reader->source.whole) return THAW_OK;
  reader->state = calloc(1, sizeof(thaw_buffer));
  return reader->state ? THAW_OK : thaw_fail_memory(ctx, sizeof(thaw_buffer));
}

static thaw_status next_whole(thaw_context *ctx, thaw_reader *reader, bool *found) {
  if (reader->count > 0) return THAW_OK;
  thaw_buffer *text = reader->state;
  thaw_status status = thaw_input_rest(ctx, reader->input, text);
  if (status != THAW_OK) return status;
  reader->document = (thaw_document){
      .text = text->data, .bytes = text->size, .file = reader->source.path, .line = 1};
  *found = true;
  return THAW_OK;
}

static thaw_status next_text(thaw_context *ctx, thaw_reader *reader, bool *found) {
  if (reader->source.whole) return next_whole(ctx, reader, found);
  char *line;
  size_t bytes;
  thaw_status status = thaw_reader_line(ctx, reader, &line, &bytes);
  if (status != THAW_OK || !line) return status;
  reader->document.text = line;
  reader->document.bytes = bytes;
  *found = true;
  return THAW_OK;
}

static void close_text(thaw_reader *reader) {
  thaw_buffer_free(reader->state);
  free(reader->state);
}

const thaw_reader_format thaw_reader_text = {
    .open = open_text, .next = next_text, .close = close_text};
