/* word_list.c: see word_list.h. */
#include "text/word_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "text/input.h"

static const char plain[] = "\n\r\\", letters[] = "nr\\";

/* ---- Writing -------------------------------------------------------------------------------- */

/* Does the backslash at `text` have to be doubled to stay one? Before what is escaped itself too.
 */
static bool is_ambiguous(const char *text) {
  return text[1] && (strchr(letters, text[1]) || strchr(plain, text[1]));
}

static void write_piece(FILE *stream, const char *piece) {
  for (; *piece; piece++) {
    const char *found = strchr(plain, *piece);
    if (found && (*piece != '\\' || is_ambiguous(piece))) {
      fputc('\\', stream);
      fputc(letters[found - plain], stream);
    } else {
      fputc(*piece, stream);
    }
  }
  fputc('\n', stream);
}

thaw_status thaw_word_list_write(thaw_context *ctx, const char *path,
                                 const thaw_vocabulary *vocabulary) {
  thaw_atomic_file *file = NULL;
  thaw_status status = thaw_atomic_begin(ctx, path, &file);
  if (status) return status;
  FILE *stream = fopen(thaw_atomic_path(file), "we");
  for (size_t i = 0; stream && i < thaw_vocabulary_size(vocabulary); i++)
    write_piece(stream, thaw_vocabulary_piece(vocabulary, (int32_t)i));
  bool ok = stream && !ferror(stream);
  if (stream && fclose(stream) != 0) ok = false;
  if (ok) return thaw_atomic_commit(ctx, file);
  status = thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(errno));
  thaw_atomic_abandon(file);
  return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* In place: a piece is never longer than its line. */
static void unescape(char *line) {
  char *to = line;
  for (const char *from = line; *from; from++) {
    const char *found = *from == '\\' && from[1] ? strchr(letters, from[1]) : NULL;
    if (found) from++;
    *to++ = found ? plain[found - letters] : *from;
  }
  *to = '\0';
}

static thaw_status add_line(thaw_context *ctx, thaw_arena *arena, const char *path, size_t number,
                            char *line, size_t bytes, thaw_buffer *list) {
  if (bytes == 0)
    return thaw_fail_at(ctx, path, number, 0, "the line is empty, a piece was expected");
  unescape(line);
  const char *piece = thaw_arena_strdup(arena, line);
  if (!piece || !thaw_buffer_append(list, &piece, sizeof piece))
    return thaw_fail_memory(ctx, bytes);
  return THAW_OK;
}

thaw_status thaw_word_list_read(thaw_context *ctx, thaw_arena *arena, const char *path,
                                const char *const **pieces, size_t *count) {
  thaw_input *input = NULL;
  thaw_buffer list = {0};
  *pieces = NULL;
  *count = 0;
  thaw_status status = thaw_input_open(ctx, path, "utf-8", &input);
  while (status == THAW_OK) {
    char *line;
    size_t bytes;
    status = thaw_input_line(ctx, input, &line, &bytes);
    if (status || !line) break;
    status = add_line(ctx, arena, path, thaw_input_line_number(input), line, bytes, &list);
  }
  thaw_input_close(input);
  if (status == THAW_OK && list.size == 0)
    status = thaw_fail_at(ctx, path, 0, 0, "is empty, a piece a line was expected");
  if (status == THAW_OK) {
    const char **copy = thaw_arena_alloc(arena, list.size);
    if (!copy) {
      status = thaw_fail_memory(ctx, list.size);
    } else {
      memcpy(copy, list.data, list.size);
      *pieces = copy;
      *count = list.size / sizeof *copy;
    }
  }
  thaw_buffer_free(&list);
  return status;
}
