/* reading.c: writing data files in a folder of its own, and expecting documents or errors. */
#include "reading.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

thaw_context *reading_ctx;
static char folder[] = "/tmp/thaw-test-XXXXXX";

void reading_set_up(void) {
  reading_ctx = thaw_context_create();
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
}

void reading_tear_down(void) {
  thaw_context_free(reading_ctx);
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  ck_assert_int_eq(system(command), 0);
}

void write_bytes(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
  ck_assert_int_eq(fclose(file), 0);
}

void write_text(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

void write_gzip(const char *path, const void *bytes, size_t count) {
  gzFile file = gzopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(gzwrite(file, bytes, (unsigned)count), (int)count);
  ck_assert_int_eq(gzclose(file), Z_OK);
}

void expect_documents(const thaw_source *source, size_t count, const expected *documents) {
  thaw_reader *reader;
  const thaw_document *document;
  ck_assert_msg(thaw_reader_open(reading_ctx, source, &reader) == THAW_OK, "%s",
                thaw_error(reading_ctx));
  for (size_t i = 0; i < count; i++) {
    const thaw_status status = thaw_reader_next(reading_ctx, reader, &document);
    ck_assert_msg(status == THAW_OK, "document %zu: %s", i, thaw_error(reading_ctx));
    ck_assert_msg(document != NULL, "document %zu is missing", i);
    ck_assert_str_eq(document->text, documents[i].text);
    ck_assert_uint_eq(document->bytes, strlen(documents[i].text));
    ck_assert_pstr_eq(document->label, documents[i].label);
    ck_assert_uint_eq(document->line, documents[i].line);
    if (source->format != THAW_FORMAT_FOLDER) ck_assert_str_eq(document->file, source->path);
  }
  for (int i = 0; i < 2; i++) { /* the end stays the end */
    ck_assert_msg(thaw_reader_next(reading_ctx, reader, &document) == THAW_OK, "%s",
                  thaw_error(reading_ctx));
    ck_assert_ptr_null(document);
  }
  thaw_reader_close(reader);
}

void expect_from(thaw_source source, const char *content, size_t count, const expected *documents) {
  source.path = "plain";
  write_text("plain", content);
  expect_documents(&source, count, documents);
  source.path = "packed.gz";
  write_gzip("packed.gz", content, strlen(content));
  expect_documents(&source, count, documents);
}

void expect_error_at(const thaw_source *source, size_t good, const char *message) {
  thaw_reader *reader;
  const thaw_document *document = NULL;
  size_t count = 0;
  thaw_status status = thaw_reader_open(reading_ctx, source, &reader);
  if (status == THAW_OK) {
    while ((status = thaw_reader_next(reading_ctx, reader, &document)) == THAW_OK && document)
      count++;
    thaw_reader_close(reader);
  } else {
    ck_assert_ptr_null(reader);
  }
  ck_assert_msg(status == THAW_INVALID, "no error; expected: %s", message);
  ck_assert_msg(strncmp(thaw_error(reading_ctx), message, strlen(message)) == 0,
                "expected the message '%s', found '%s'", message, thaw_error(reading_ctx));
  ck_assert_msg(count == good, "%zu documents came before '%s'", count, message);
}

void expect_error(thaw_source source, const char *content, size_t good, const char *message) {
  source.path = "file";
  write_text("file", content);
  expect_error_at(&source, good, message);
}

const thaw_source lines = {.format = THAW_FORMAT_TEXT},
                  whole = {.format = THAW_FORMAT_TEXT, .whole = true},
                  csv = {.format = THAW_FORMAT_CSV, .label = "label"},
                  tsv = {.format = THAW_FORMAT_TSV, .text = "review"},
                  jsonl = {.format = THAW_FORMAT_JSONL, .label = "label"},
                  labelled = {.format = THAW_FORMAT_LABELLED},
                  trec = {.format = THAW_FORMAT_LABELLED, .label_cut = ":"},
                  fasttext = {.format = THAW_FORMAT_LABELLED, .label_prefix = "__label__"};
