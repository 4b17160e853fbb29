/* reader_labelled.c: "LABEL text" on every line, as in TREC and in fastText's files. */
#include <string.h>

#include "base/context.h"
#include "text/reader_format.h"

/* How many bytes of `word` a message shows: whole characters, at most 40 bytes. */
static int shown(const char *word) {
  size_t count = strnlen(word, 41);
  if (count <= 40) return (int)count;
  while (((unsigned char)word[--count] & 0xc0) == 0x80) continue;
  return (int)count;
}

/* The label at the start of `word` without its prefix, cut where label_cut says. */
static thaw_status find_label(thaw_context *ctx, const thaw_reader *reader, char *word,
                              const char **label) {
  const thaw_source *source = &reader->source;
  const thaw_document *document = &reader->document;
  if (source->label_prefix && *source->label_prefix) {
    const size_t length = strlen(source->label_prefix);
    if (strncmp(word, source->label_prefix, length) != 0) {
      return thaw_fail_at(ctx, document->file, document->line, 1,
                          "the line begins with '%.*s', a label with the prefix '%s' was expected",
                          shown(word), word, source->label_prefix);
    }
    word += length;
  }
  if (source->label_cut && *source->label_cut) {
    char *cut = strstr(word, source->label_cut);
    if (!cut) {
      return thaw_fail_at(ctx, document->file, document->line, 1,
                          "the label '%.*s' does not contain '%s', at which it is to be cut",
                          shown(word), word, source->label_cut);
    }
    *cut = '\0';
  }
  if (!*word) return thaw_fail_at(ctx, document->file, document->line, 1, "the label is empty");
  *label = word;
  return THAW_OK;
}

static thaw_status next_labelled(thaw_context *ctx, thaw_reader *reader, bool *found) {
  char *line;
  size_t bytes;
  thaw_status status = thaw_reader_line(ctx, reader, &line, &bytes);
  if (status != THAW_OK || !line) return status;
  const size_t length = strcspn(line, " \t");
  if (length == bytes) {
    return thaw_fail_at(ctx, reader->document.file, reader->document.line, 0,
                        "there is no text after the label '%.*s'", shown(line), line);
  }
  line[length] = '\0';
  reader->document.text = line + length + 1;
  reader->document.bytes = bytes - length - 1;
  status = find_label(ctx, reader, line, &reader->document.label);
  *found = status == THAW_OK;
  return status;
}

const thaw_reader_format thaw_reader_labelled = {.next = next_labelled};
