/* encoding.c: two ways into UTF-8, a check and a conversion, and one account of the position. */
#include "text/encoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistr.h>

#include "base/context.h"

struct thaw_decoder {
  const char *file;
  char *encoding;      /* as the user wrote it */
  bool converts;       /* with iconv; otherwise the text is UTF-8 already */
  iconv_t iconv;       /* when it converts */
  bool begun;          /* a character has come out */
  bool nul;            /* a NUL comes next, which iconv has read already */
  uint64_t offset;     /* bytes read */
  size_t line, column; /* of the next character, from 1; the column counts characters */
};

static bool is_utf8(const char *encoding) {
  return !encoding || !*encoding || strcasecmp(encoding, "utf-8") == 0 ||
         strcasecmp(encoding, "utf8") == 0 || strcasecmp(encoding, "utf-8-sig") == 0;
}

/* What iconv calls an encoding; Python's name for Latin 1 is one that iconv lacks. */
static const char *iconv_name(const char *encoding) {
  return strcasecmp(encoding, "latin-1") == 0 ? "latin1" : encoding;
}

thaw_status thaw_decoder_create(thaw_context *ctx, const char *file, const char *encoding,
                                thaw_decoder **decoder) {
  *decoder = NULL;
  thaw_decoder *d = calloc(1, sizeof *d);
  if (!d) return thaw_fail_memory(ctx, sizeof *d);
  d->file = file;
  d->line = d->column = 1;
  d->encoding = strdup(is_utf8(encoding) ? "UTF-8" : encoding);
  if (!d->encoding) {
    free(d);
    return thaw_fail_memory(ctx, strlen(encoding) + 1);
  }
  if (!is_utf8(encoding)) {
    d->iconv = iconv_open("UTF-8", iconv_name(encoding));
    if (d->iconv == (iconv_t)-1) {
      thaw_decoder_free(d);
      return thaw_fail_at(ctx, file, 0, 0,
                          "the encoding '%s' is not known; 'iconv -l' lists those that are",
                          encoding);
    }
    d->converts = true;
  }
  *decoder = d;
  return THAW_OK;
}

void thaw_decoder_free(thaw_decoder *decoder) {
  if (!decoder) return;
  if (decoder->converts) iconv_close(decoder->iconv);
  free(decoder->encoding);
  free(decoder);
}

size_t thaw_decoder_line(const thaw_decoder *decoder) {
  return decoder->line;
}

/* Moves the position over `count` bytes of good text. */
static void move_over(thaw_decoder *d, const char *text, size_t count) {
  const char *end = text + count;
  for (const char *newline; (newline = memchr(text, '\n', (size_t)(end - text))) != NULL;) {
    d->line++;
    d->column = 1;
    text = newline + 1;
  }
  for (; text < end; text++) d->column += ((unsigned char)*text & 0xc0) != 0x80;
}

/* Takes the text from `begin` on as the decoder's next output: without a byte order mark at the
 * start of the file, and only up to a NUL; `*nul` says whether there was one. */
static void accept_text(thaw_decoder *d, thaw_buffer *text, size_t begin, bool *nul) {
  const char mark[] = "\xef\xbb\xbf";
  char *out = text->data + begin;
  size_t count = text->size - begin;
  if (!d->begun && count >= 3 && memcmp(out, mark, 3) == 0) {
    count -= 3;
    memmove(out, out + 3, count);
  }
  if (text->size > begin) d->begun = true;
  const char *zero = count ? memchr(out, '\0', count) : NULL;
  *nul = zero != NULL;
  if (zero) count = (size_t)(zero - out);
  move_over(d, out, count);
  text->size = begin + count;
  text->data[text->size] = '\0';
}

static thaw_status refuse_nul(thaw_context *ctx, const thaw_decoder *d) {
  if (d->converts) {
    return thaw_fail_at(ctx, d->file, d->line, d->column,
                        "NUL character: this is not text in the encoding '%s'", d->encoding);
  }
  return thaw_fail_at(ctx, d->file, d->line, d->column,
                      "NUL byte at offset %llu: this is not UTF-8 text; another encoding, such as "
                      "utf-16, must be named ('encoding')",
                      (unsigned long long)d->offset);
}

static thaw_status refuse_byte(thaw_context *ctx, const thaw_decoder *d, const char *bytes,
                               bool incomplete) {
  return thaw_fail_at(
      ctx, d->file, d->line, d->column, "byte 0x%02x at offset %llu %s %s%s",
      (unsigned char)bytes[0], (unsigned long long)d->offset,
      incomplete ? "begins a character that the end of the file cuts off, in" : "is not valid",
      d->encoding, d->converts ? "" : "; another encoding must be named ('encoding')");
}

/* How many bytes at the start are whole UTF-8 characters other than NUL. `*incomplete`: what
 * follows may still become one. */
static size_t good_utf8(const char *bytes, size_t count, bool *incomplete) {
  const uint8_t *start = (const uint8_t *)bytes;
  const uint8_t *bad = u8_check(start, count);
  *incomplete = false;
  if (!bad) return count;
  const size_t good = (size_t)(bad - start);
  ucs4_t character;
  *incomplete = u8_mbtoucr(&character, bad, count - good) == -2;
  return good;
}

static thaw_status check_utf8(thaw_context *ctx, thaw_decoder *d, const char *bytes, size_t count,
                              bool last, thaw_buffer *text, size_t *used) {
  bool incomplete, nul;
  const size_t begin = text->size;
  const size_t good = good_utf8(bytes, count, &incomplete);
  if (good == 0 && count > 0 && (last || !incomplete))
    return refuse_byte(ctx, d, bytes, incomplete);
  if (!thaw_buffer_append(text, bytes, good)) return thaw_fail_memory(ctx, good);
  const bool marked = !d->begun && good >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
  accept_text(d, text, begin, &nul);
  *used = nul ? text->size - begin + (marked ? 3 : 0) : good;
  d->offset += *used;
  return nul && *used == 0 ? refuse_nul(ctx, d) : THAW_OK;
}

/* One call of iconv with room for its output; returns errno, 0 when all was converted. */
static int convert_some(thaw_decoder *d, char **in, size_t *left, thaw_buffer *text) {
  for (;;) {
    const size_t room = *left + 64;
    if (!thaw_buffer_reserve(text, room)) return ENOMEM;
    char *out = text->data + text->size;
    size_t free_bytes = room;
    /* Without input iconv hands out what it still holds back. */
    const size_t result = iconv(d->iconv, *left ? in : NULL, left, &out, &free_bytes);
    text->size = (size_t)(out - text->data);
    text->data[text->size] = '\0';
    if (result != (size_t)-1) return 0;
    if (errno != E2BIG) return errno;
  }
}

static thaw_status convert(thaw_context *ctx, thaw_decoder *d, const char *bytes, size_t count,
                           bool last, thaw_buffer *text, size_t *used) {
  const size_t begin = text->size;
  char *in = (char *)(uintptr_t)bytes; /* iconv does not write to it */
  size_t left = count;
  int why = count ? convert_some(d, &in, &left, text) : 0;
  if (why == 0 && last) {
    size_t none = 0;
    why = convert_some(d, &in, &none, text);
  }
  if (why == ENOMEM) return thaw_fail_memory(ctx, count);
  *used = count - left;
  const bool bad = why == EILSEQ || (why == EINVAL && last);
  if (*used == 0 && bad) return refuse_byte(ctx, d, bytes, why == EINVAL);
  if (text->size > begin) accept_text(d, text, begin, &d->nul);
  d->offset += *used;
  return d->nul && text->size == begin ? refuse_nul(ctx, d) : THAW_OK;
}

thaw_status thaw_decode(thaw_context *ctx, thaw_decoder *decoder, const char *bytes, size_t count,
                        bool last, thaw_buffer *text, size_t *used) {
  *used = 0;
  if (decoder->nul) return refuse_nul(ctx, decoder);
  if (!thaw_buffer_reserve(text, count)) return thaw_fail_memory(ctx, count);
  return decoder->converts ? convert(ctx, decoder, bytes, count, last, text, used)
                           : check_utf8(ctx, decoder, bytes, count, last, text, used);
}
