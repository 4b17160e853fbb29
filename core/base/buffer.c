/* buffer.c: a byte string that doubles its space when it is full. One byte beyond the content is
 * always kept for a NUL, so that any content can be read as text. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void thaw_buffer_free(thaw_buffer *buffer) {
  if (!buffer) return;
  free(buffer->data);
  *buffer = (thaw_buffer){0};
}

void thaw_buffer_clear(thaw_buffer *buffer) {
  buffer->size = 0;
  if (buffer->data) buffer->data[0] = '\0';
}

bool thaw_buffer_reserve(thaw_buffer *buffer, size_t extra) {
  if (extra >= SIZE_MAX - buffer->size) return false;
  const size_t needed = buffer->size + extra + 1;
  if (needed <= buffer->space) return true;
  size_t space = buffer->space < SIZE_MAX / 2 ? 2 * buffer->space : needed;
  if (space < 64) space = 64;
  if (space < needed) space = needed;
  char *data = realloc(buffer->data, space);
  if (!data) return false;
  data[buffer->size] = '\0';
  buffer->data = data;
  buffer->space = space;
  return true;
}

bool thaw_buffer_append(thaw_buffer *buffer, const void *bytes, size_t count) {
  if (!thaw_buffer_reserve(buffer, count)) return false;
  if (count) memcpy(buffer->data + buffer->size, bytes, count);
  buffer->size += count;
  buffer->data[buffer->size] = '\0';
  return true;
}

bool thaw_buffer_text(thaw_buffer *buffer, const char *text) {
  return thaw_buffer_append(buffer, text, strlen(text));
}

bool thaw_buffer_format(thaw_buffer *buffer, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0 || !thaw_buffer_reserve(buffer, (size_t)length)) return false;
  va_start(arguments, format);
  vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, arguments);
  va_end(arguments);
  buffer->size += (size_t)length;
  return true;
}
