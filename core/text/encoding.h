/* encoding.h: bytes in some encoding into UTF-8, with the exact place of what does not belong.
 *
 * A decoder follows one file from its first byte to its last. It checks UTF-8 (libunistring) or
 * converts from an encoding that iconv knows, drops a byte order mark at the start, and refuses
 * NUL. It counts bytes, lines and columns, so that a message can say where the bad byte stands. */
#ifndef THAW_ENCODING_H
#define THAW_ENCODING_H

#include "base/buffer.h"

typedef struct thaw_decoder thaw_decoder;

/* `encoding` NULL, "" or "utf-8": UTF-8. `file` is for messages and outlives the decoder. */
thaw_status thaw_decoder_create(thaw_context *ctx, const char *file, const char *encoding,
                                thaw_decoder **decoder);
void thaw_decoder_free(thaw_decoder *decoder);

/* Appends the longest good start of `bytes` to `text`; `*used` receives its length. What is left is
 * the start of a character that is not complete yet (give it again, with more behind it), or bad:
 * it is an error only when it is the very first, so that all good text before it is handed out
 * first. `last`: no more bytes will come. */
thaw_status thaw_decode(thaw_context *ctx, thaw_decoder *decoder, const char *bytes, size_t count,
                        bool last, thaw_buffer *text, size_t *used);

/* The line, from 1, of the next character. */
size_t thaw_decoder_line(const thaw_decoder *decoder);

#endif
