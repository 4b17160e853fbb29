/* input.c: zlib's gzread, which reads plain files too (or read(2) for what is open already, since
 * gzread waits until its buffer is full), then the decoder, then lines.
 *
 * Bytes wait in `raw` until the decoder takes them; text waits in `text` from `begin` on until a
 * line of it is whole. */
#include "text/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/context.h"
#include "text/encoding.h"

enum { CHUNK = 1 << 16, LARGE_FILE = 1 << 17 };

struct thaw_input {
  const char *path;
  gzFile file;    /* NULL: read from the descriptor as it is */
  int descriptor; /* the caller's */
  thaw_decoder *decoder;
  char *raw;
  size_t raw_count; /* bytes of raw in use */
  bool regular;     /* neither a pipe nor a terminal */
  bool ended;       /* the file has no more bytes than those in raw */
  int failure;      /* zlib's error, told when all bytes before it are used up */
  int failure_errno;
  thaw_buffer text;
  size_t begin;   /* text before this was handed out */
  size_t scanned; /* text from begin to here has no newline */
  size_t line;
};

static bool is_regular(int descriptor) {
  struct stat info;
  return fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

static thaw_status open_file(thaw_context *ctx, const char *path, gzFile *file, bool *regular) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return thaw_fail_at(ctx, path, 0, 0, "cannot be opened: %s", strerror(errno));
  }
  *regular = is_regular(descriptor);
  struct stat info;
  if (fstat(descriptor, &info) != 0 || S_ISDIR(info.st_mode)) {
    close(descriptor);
    return thaw_fail_at(ctx, path, 0, 0, "is a folder, a file was expected");
  }
  *file = gzdopen(descriptor, "rb");
  if (!*file) {
    close(descriptor);
    return thaw_fail_memory(ctx, CHUNK);
  }
  /* A folder of small documents should not pay for large buffers. */
  gzbuffer(*file, *regular && info.st_size < LARGE_FILE ? 1 << 13 : LARGE_FILE);
  return THAW_OK;
}

/* Takes `file`. */
static thaw_status create(thaw_context *ctx, const char *path, gzFile file, int descriptor,
                          const char *encoding, thaw_input **input) {
  thaw_input *in = calloc(1, sizeof *in);
  if (!in) {
    if (file) gzclose_r(file);
    return thaw_fail_memory(ctx, sizeof *in);
  }
  in->path = path;
  in->file = file;
  in->descriptor = descriptor;
  thaw_status status = thaw_decoder_create(ctx, path, encoding, &in->decoder);
  if (status == THAW_OK && !(in->raw = malloc(CHUNK))) status = thaw_fail_memory(ctx, CHUNK);
  if (status != THAW_OK) {
    thaw_input_close(in);
    return status;
  }
  *input = in;
  return THAW_OK;
}

thaw_status thaw_input_open(thaw_context *ctx, const char *path, const char *encoding,
                            thaw_input **input) {
  gzFile file = NULL;
  *input = NULL;
  bool regular;
  thaw_status status = open_file(ctx, path, &file, &regular);
  if (status == THAW_OK) status = create(ctx, path, file, -1, encoding, input);
  if (status == THAW_OK) (*input)->regular = regular;
  return status;
}

thaw_status thaw_input_attach(thaw_context *ctx, int descriptor, const char *name,
                              const char *encoding, thaw_input **input) {
  *input = NULL;
  thaw_status status = create(ctx, name, NULL, descriptor, encoding, input);
  if (status == THAW_OK) (*input)->regular = is_regular(descriptor);
  return status;
}

void thaw_input_close(thaw_input *input) {
  if (!input) return;
  if (input->file) gzclose_r(input->file);
  thaw_decoder_free(input->decoder);
  thaw_buffer_free(&input->text);
  free(input->raw);
  free(input);
}

/* One read from a descriptor: what is there now. */
static void read_arrived(thaw_context *ctx, thaw_input *in, size_t room) {
  ssize_t got;
  do {
    got = read(in->descriptor, in->raw + in->raw_count, room);
  } while (got < 0 && errno == EINTR && !thaw_interrupted(ctx));
  if (got > 0) in->raw_count += (size_t)got;
  if (got > 0) return;
  in->ended = true;
  if (got < 0) in->failure = Z_ERRNO;
  in->failure_errno = errno;
}

/* Adds to `raw`. A failure is only noted: the bytes before it are good. */
static void read_bytes(thaw_context *ctx, thaw_input *in) {
  const unsigned room = (unsigned)(CHUNK - in->raw_count);
  if (in->ended || room == 0) return;
  if (!in->file) {
    read_arrived(ctx, in, room);
    return;
  }
  errno = 0;
  const int got = gzread(in->file, in->raw + in->raw_count, room);
  in->failure_errno = errno;
  if (got > 0) in->raw_count += (size_t)got;
  if (got == (int)room) return;
  in->ended = true;
  gzerror(in->file, &in->failure);
}

static thaw_status tell_failure(thaw_context *ctx, const thaw_input *in) {
  const size_t line = thaw_decoder_line(in->decoder);
  if (thaw_interrupted(ctx)) return thaw_fail(ctx, THAW_INTERRUPTED, "stopped while reading");
  if (in->failure == Z_BUF_ERROR) {
    return thaw_fail_at(ctx, in->path, line, 0,
                        "the gzip data stops in the middle: the file is truncated");
  }
  if (in->failure == Z_ERRNO) {
    return thaw_fail_at(ctx, in->path, line, 0, "cannot be read: %s", strerror(in->failure_errno));
  }
  int code;
  const char *why = gzerror(in->file, &code);
  /* zlib begins with its name for the file, "<fd:4>: ". */
  const char *reason = strstr(why, ": ");
  return thaw_fail_at(ctx, in->path, line, 0, "the gzip data is damaged: %s",
                      reason ? reason + 2 : why);
}

/* Decodes more text; `*more` is false at the end of the file. */
static thaw_status read_text(thaw_context *ctx, thaw_input *in, bool *more) {
  const size_t before = in->text.size;
  *more = true;
  for (;;) {
    read_bytes(ctx, in);
    const bool last = in->ended && in->failure == Z_OK;
    size_t used;
    thaw_status status =
        thaw_decode(ctx, in->decoder, in->raw, in->raw_count, last, &in->text, &used);
    if (status != THAW_OK) return status;
    in->raw_count -= used;
    memmove(in->raw, in->raw + used, in->raw_count);
    if (in->text.size > before) return THAW_OK;
    if (!in->ended || (last && used > 0)) continue;
    if (in->failure != Z_OK) return tell_failure(ctx, in);
    *more = false;
    return THAW_OK;
  }
}

/* Makes text that was handed out give its place to text to come. */
static void drop_used_text(thaw_input *in) {
  thaw_buffer *text = &in->text;
  if (in->begin == 0) return;
  text->size -= in->begin;
  memmove(text->data, text->data + in->begin, text->size);
  in->scanned -= in->begin;
  in->begin = 0;
}

/* Hands out the text from `begin` to `end`, of which the part behind the line's end is skipped. */
static void take_line(thaw_input *in, size_t end, size_t skip, char **line, size_t *bytes) {
  char *start = in->text.data + in->begin;
  size_t count = end - in->begin;
  if (skip && count > 0 && start[count - 1] == '\r') count--;
  start[count] = '\0';
  *line = start;
  *bytes = count;
  in->begin = in->scanned = end + skip;
  in->line++;
}

thaw_status thaw_input_line(thaw_context *ctx, thaw_input *input, char **line, size_t *bytes) {
  thaw_buffer *text = &input->text;
  *line = NULL;
  *bytes = 0;
  for (;;) {
    const size_t left = text->size - input->scanned;
    const char *newline = left ? memchr(text->data + input->scanned, '\n', left) : NULL;
    if (newline) {
      take_line(input, (size_t)(newline - text->data), 1, line, bytes);
      return THAW_OK;
    }
    input->scanned = text->size;
    drop_used_text(input);
    bool more;
    thaw_status status = read_text(ctx, input, &more);
    if (status != THAW_OK) return status;
    if (more) continue;
    if (text->size > input->begin) take_line(input, text->size, 0, line, bytes);
    return THAW_OK;
  }
}

bool thaw_input_is_ready(const thaw_input *input) {
  const thaw_buffer *text = &input->text;
  if (input->regular) return true;
  const size_t left = text->size - input->scanned;
  return left > 0 && memchr(text->data + input->scanned, '\n', left);
}

size_t thaw_input_line_number(const thaw_input *input) {
  return input->line;
}

/* Turns every \r\n from `begin` on into \n. */
static void unify_newlines(thaw_buffer *text, size_t begin) {
  size_t size = begin;
  for (size_t i = begin; i < text->size; i++) {
    /* A buffer ends with a NUL: looking one byte ahead is safe. */
    if (text->data[i] == '\r' && text->data[i + 1] == '\n') continue;
    text->data[size++] = text->data[i];
  }
  text->size = size;
  text->data[size] = '\0';
}

thaw_status thaw_input_rest(thaw_context *ctx, thaw_input *input, thaw_buffer *text) {
  const size_t begin = text->size;
  if (!thaw_buffer_text(text, "")) return thaw_fail_memory(ctx, 1);
  for (bool more = true; more;) {
    const size_t count = input->text.size - input->begin;
    if (!thaw_buffer_append(text, input->text.data + input->begin, count)) {
      return thaw_fail_memory(ctx, count);
    }
    input->begin = input->scanned = input->text.size;
    drop_used_text(input);
    thaw_status status = read_text(ctx, input, &more);
    if (status != THAW_OK) return status;
  }
  unify_newlines(text, begin);
  return THAW_OK;
}

thaw_status thaw_input_is_empty(thaw_context *ctx, thaw_input *input, bool *empty) {
  *empty = false;
  if (input->text.size > input->begin) return THAW_OK;
  bool more;
  thaw_status status = read_text(ctx, input, &more);
  *empty = status == THAW_OK && !more;
  return status;
}
