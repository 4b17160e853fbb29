/* documents.h: the documents of a data set in memory, as text, with where each of them stood.
 *
 * A stage reads its documents once, then decides which of them it learns from, which words it knows
 * and what the classes are, and only then turns text into ids. */
#ifndef THAW_DOCUMENTS_H
#define THAW_DOCUMENTS_H

#include "base/buffer.h"
#include "text/corpus.h"
#include "text/reader.h"

/* Offsets into `pool`, whose texts end with NUL; THAW_NO_TEXT stands for none. */
#define THAW_NO_TEXT SIZE_MAX
typedef struct thaw_document_place {
  size_t text, bytes, label, file, line;
} thaw_document_place;

/* Starts empty when zero-initialised. */
typedef struct thaw_documents {
  thaw_buffer pool, places;
  size_t count;
} thaw_documents;

void thaw_documents_free(thaw_documents *documents);
/* Appends every document of the source; labels are kept where it has them. */
thaw_status thaw_documents_read(thaw_context *ctx, thaw_documents *documents,
                                const thaw_source *source);
const thaw_document_place *thaw_documents_at(const thaw_documents *documents, size_t index);
/* A text of the pool. */
const char *thaw_documents_text(const thaw_documents *documents, size_t offset);

/* The names of all labels. */
thaw_status thaw_documents_classes(thaw_context *ctx, const thaw_documents *documents,
                                   thaw_classes *classes);
/* The number of each document's class, `labels` [count]. THAW_INVALID, with file and line, for a
 * label that is not among the classes; −1 for a document without one. */
thaw_status thaw_documents_labels(thaw_context *ctx, const thaw_documents *documents,
                                  const thaw_classes *classes, int32_t *labels);

#endif
