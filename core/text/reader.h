/* reader.h: documents from files, one at a time, so that a corpus of any size needs little memory.
 *
 *   text      every line that is not blank is a document, or the whole file with `whole`; there
 *             are no labels
 *
 *   csv, tsv  a header row names the columns; RFC 4180 quotes (libcsv)
 *
 *   jsonl     one JSON object a line (json-c); `text` and `label` name members
 *
 *   folder    one folder per class below the path, one document per file in it (as IMDb is
 *             published); a folder "unsup" and files directly below the path are left out
 *
 *   labelled  "LABEL text" on every line: the label ends at the first space; with `label_cut` it
 *             ends there instead ("NUM:dist How far…" with ":" is NUM, and the text starts after
 *             the space); `label_prefix` ("__label__") is taken off
 *
 * Any file may be gzip-compressed (zlib reads both). Text is UTF-8; another encoding is named and
 * converted (iconv), or refused with the offset of the first bad byte. A UTF-8 byte order mark is
 * skipped; \r\n ends lines like \n; NUL bytes in text are an error. */
#ifndef THAW_READER_H
#define THAW_READER_H

#include "thaw/base.h"

typedef enum thaw_format {
  THAW_FORMAT_TEXT,
  THAW_FORMAT_CSV,
  THAW_FORMAT_TSV,
  THAW_FORMAT_JSONL,
  THAW_FORMAT_FOLDER,
  THAW_FORMAT_LABELLED,
} thaw_format;

/* What to read; all texts belong to the caller and outlive the reader. */
typedef struct thaw_source {
  thaw_format format;
  const char *path;
  const char *text;         /* column or member; default "text" */
  const char *label;        /* column or member; NULL: documents have no labels */
  const char *encoding;     /* "utf-8", or a name that iconv knows */
  const char *label_cut;    /* labelled: see above; "" when not used */
  const char *label_prefix; /* labelled: see above; "" when not used */
  bool whole;               /* text: the file is one document */
  bool unlabelled;          /* folder: the documents stand directly in the path, without classes */
} thaw_source;

/* Valid until the next call. A document may be empty: its text is "" and `bytes` 0. */
typedef struct thaw_document {
  const char *text; /* UTF-8, NUL-terminated */
  size_t bytes;
  const char *label; /* NULL when the source has none */
  const char *file;  /* where it stood, for messages */
  size_t line;       /* from 1; 0 in a folder */
} thaw_document;

typedef struct thaw_reader thaw_reader;

/* Errors are THAW_INVALID and name file and line (column where known): missing, empty or unreadable
 * file, a missing column (with the columns that there are and the nearest), a row with a missing
 * cell, bad JSON, bad encoding (byte offset in the file), a folder without classes. */
thaw_status thaw_reader_open(thaw_context *ctx, const thaw_source *source, thaw_reader **reader);
/* `*document` is set to NULL at the end. */
thaw_status thaw_reader_next(thaw_context *ctx, thaw_reader *reader,
                             const thaw_document **document);
void thaw_reader_close(thaw_reader *reader);

/* Hash of the bytes that a source would read (for cache keys): file contents, or every file of a
 * folder with its relative name, in sorted order. */
thaw_status thaw_source_hash(thaw_context *ctx, const thaw_source *source, char digits[33]);

#endif
