/* escape.h: any text inside HTML and SVG. */
#ifndef THAW_ESCAPE_H
#define THAW_ESCAPE_H

#include "base/buffer.h"

/* Appends the text so that it is nothing but text, in an element as in a quoted attribute: & < > "
 * ' are written as entities; bytes that are not UTF-8 and control characters, which XML does not
 * know, as U+FFFD, but for tab and newline. False when there is no memory. */
bool thaw_escape(thaw_buffer *out, const char *text);

#endif
