/* documents.h: the documents of one or more files, read as often as they are needed.
 *
 * A corpus may be larger than memory, so its text is never held: who needs a document twice reads
 * its file twice. All readings must give the same, which a hash of the documents makes sure: a file
 * that changes in between is an error, and so is one that can be read only once. */
#ifndef THAW_DOCUMENTS_H
#define THAW_DOCUMENTS_H

#include "text/corpus.h"
#include "text/reader.h"

/* A file, and what its first reading found. */
typedef struct thaw_documents_file {
  thaw_source source;
  bool known;
  size_t count;
  char hash[33];
} thaw_documents_file;

/* Starts empty when zero-initialised. */
typedef struct thaw_documents {
  thaw_documents_file *files;
  size_t file_count;
} thaw_documents;

/* A file more, behind the others. */
thaw_status thaw_documents_add(thaw_context *ctx, thaw_documents *documents,
                               const thaw_source *source);
void thaw_documents_free(thaw_documents *documents);

/* A reading of all documents, one after the other. Starts when `documents` is set and the rest is
 * zero; may end at any time. */
typedef struct thaw_documents_walk {
  thaw_documents *documents;
  thaw_reader *reader;
  struct thaw_hash *hash;
  size_t file;   /* which one is being read */
  size_t count;  /* documents of it so far */
  size_t number; /* of the next document, over all files */
} thaw_documents_walk;

/* `*document` is set to NULL at the end, else valid until the next call. An interrupt ends a walk
 * with THAW_INTERRUPTED. */
thaw_status thaw_documents_next(thaw_context *ctx, thaw_documents_walk *walk,
                                const thaw_document **document);
void thaw_documents_end(thaw_documents_walk *walk);

/* The number of the document's class; −1 where it has none. THAW_INVALID, with file and line, for a
 * label that is not among the classes. */
thaw_status thaw_document_label(thaw_context *ctx, const thaw_document *document,
                                const thaw_classes *classes, int32_t *label);

#endif
