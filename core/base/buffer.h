/* buffer.h: a byte string that grows; also used as a growable array of plain structs.
 *
 * Zero-initialise a thaw_buffer to start; thaw_buffer_free ends it. Functions that grow return
 * false when there is no memory and leave the content as it was. */
#ifndef THAW_BUFFER_H
#define THAW_BUFFER_H

#include "thaw/base.h"

typedef struct thaw_buffer {
  char *data;   /* NUL-terminated after every text append */
  size_t size;  /* bytes in use, without the NUL */
  size_t space; /* bytes allocated */
} thaw_buffer;

void thaw_buffer_free(thaw_buffer *buffer);
void thaw_buffer_clear(thaw_buffer *buffer); /* keeps the memory */
bool thaw_buffer_reserve(thaw_buffer *buffer, size_t extra);
bool thaw_buffer_append(thaw_buffer *buffer, const void *bytes, size_t count);
bool thaw_buffer_text(thaw_buffer *buffer, const char *text);
bool thaw_buffer_format(thaw_buffer *buffer, const char *format, ...) THAW_PRINTF(2, 3);

#endif
