/* escape.c: see escape.h. */
#include "analysis/escape.h"

#include <string.h>
#include <unistr.h>

/* The entity for a character; NULL: it stands for itself. */
static const char *entity_of(ucs4_t character) {
  switch (character) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      break;
  }
  const bool blank = character == '\t' || character == '\n';
  const bool control = character < 0x20 || (character >= 0x7f && character < 0xa0);
  const bool forbidden = (control && !blank) || (character & 0xfffe) == 0xfffe;
  return forbidden ? "\uFFFD" : NULL;
}

bool thaw_escape(thaw_buffer *out, const char *text) {
  const uint8_t *next = (const uint8_t *)text;
  size_t left = strlen(text);
  bool ok = thaw_buffer_text(out, "");
  while (ok && left > 0) {
    ucs4_t character;
    const int length = u8_mbtoucr(&character, next, left);
    const size_t bytes = length > 0 ? (size_t)length : 1;
    const char *entity = length > 0 ? entity_of(character) : "\uFFFD";
    ok = entity ? thaw_buffer_text(out, entity) : thaw_buffer_append(out, next, bytes);
    next += bytes;
    left -= bytes;
  }
  return ok && thaw_buffer_text(out, "");
}
