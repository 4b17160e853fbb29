/* reading.h: what the tests of readers share. */
#ifndef THAW_TESTS_TEXT_READING_H
#define THAW_TESTS_TEXT_READING_H

#include "base/context.h"
#include "text/reader.h"

extern thaw_context *reading_ctx;

/* A context, and an empty folder as the current one; and their end. */
void reading_set_up(void);
void reading_tear_down(void);

void write_bytes(const char *path, const void *bytes, size_t count);
void write_text(const char *path, const char *text);
void write_gzip(const char *path, const void *bytes, size_t count);

/* Ways to read: of each format the least that it needs; columns and members are text and label, in
 * tsv review without a label. */
extern const thaw_source lines, whole, csv, tsv, jsonl, labelled, trec, fasttext;

typedef struct expected {
  const char *text, *label;
  size_t line;
} expected;

/* Expects these documents, and then the end. */
void expect_documents(const thaw_source *source, size_t count, const expected *documents);
/* The same from a plain and from a compressed file with this content. */
void expect_from(thaw_source source, const char *content, size_t count, const expected *documents);

/* Reads until an error comes, which must begin with `message`, after the `good` documents before
 * it; and the same from a file of the name "file" with this content. */
void expect_error_at(const thaw_source *source, size_t good, const char *message);
void expect_error(thaw_source source, const char *content, size_t good, const char *message);

#endif
