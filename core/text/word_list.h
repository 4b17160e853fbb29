/* word_list.h: a vocabulary as a text file: one piece a line, in the order of the ids.
 *
 * In a piece, a newline is written \n, a carriage return \r and a backslash before one of n, r and
 * a backslash twice; any other backslash is itself. */
#ifndef THAW_WORD_LIST_H
#define THAW_WORD_LIST_H

#include "base/arena.h"
#include "text/vocabulary.h"

/* Appears whole or not at all. */
thaw_status thaw_word_list_write(thaw_context *ctx, const char *path,
                                 const thaw_vocabulary *vocabulary);

/* The pieces live in the arena. THAW_INVALID, with file and line: the file cannot be read or is no
 * UTF-8, a line is empty, there is no line. Pieces may stand there twice. */
thaw_status thaw_word_list_read(thaw_context *ctx, thaw_arena *arena, const char *path,
                                const char *const **pieces, size_t *count);

#endif
