/* input.h: one file as UTF-8 text, plain or gzip-compressed, by lines or as a whole.
 *
 * Errors are THAW_INVALID with file, line and column where they are known: a file that is missing,
 * unreadable or a folder, damaged or truncated gzip data, text that is not in the encoding. All
 * good lines before an error are handed out first. */
#ifndef THAW_INPUT_H
#define THAW_INPUT_H

#include "base/buffer.h"

typedef struct thaw_input thaw_input;

/* `encoding` as in thaw_source; `path` outlives the input. */
thaw_status thaw_input_open(thaw_context *ctx, const char *path, const char *encoding,
                            thaw_input **input);
/* The same for an open descriptor, a pipe say, which stays the caller's: text is handed out as it
 * arrives, and is not decompressed. An interrupt (thaw_interrupted) ends it with THAW_INTERRUPTED.
 * `name` is for messages. */
thaw_status thaw_input_attach(thaw_context *ctx, int descriptor, const char *name,
                              const char *encoding, thaw_input **input);
void thaw_input_close(thaw_input *input);

/* The next line without its \n or \r\n, NUL-terminated and valid until the next call; NULL at the
 * end. The caller may write to it. */
thaw_status thaw_input_line(thaw_context *ctx, thaw_input *input, char **line, size_t *bytes);
/* Does the next line, or the end, come without waiting? It does where a whole line has been read,
 * and in a file; of a pipe or a terminal nobody knows when more arrives. */
bool thaw_input_is_ready(const thaw_input *input);
/* The number, from 1, of the line that was read last. */
size_t thaw_input_line_number(const thaw_input *input);

/* Appends everything that is left to `text`, with \n for every \r\n. */
thaw_status thaw_input_rest(thaw_context *ctx, thaw_input *input, thaw_buffer *text);

/* Whether the file holds no text at all. */
thaw_status thaw_input_is_empty(thaw_context *ctx, thaw_input *input, bool *empty);

#endif
