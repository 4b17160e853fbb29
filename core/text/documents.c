/* documents.c: see documents.h. */
#include "text/documents.h"

#include <string.h>

#include "base/context.h"
#include "plugin/settings.h"

void thaw_documents_free(thaw_documents *documents) {
  thaw_buffer_free(&documents->pool);
  thaw_buffer_free(&documents->places);
  *documents = (thaw_documents){0};
}

const thaw_document_place *thaw_documents_at(const thaw_documents *documents, size_t index) {
  return (const thaw_document_place *)(const void *)documents->places.data + index;
}

const char *thaw_documents_text(const thaw_documents *documents, size_t offset) {
  return documents->pool.data + offset;
}

static bool put(thaw_documents *documents, const char *text, size_t bytes, size_t *offset) {
  *offset = documents->pool.size;
  return thaw_buffer_append(&documents->pool, text, bytes) &&
         thaw_buffer_append(&documents->pool, "", 1);
}

/* The text's offset: that of the last document where it is the same, as it is for most files. */
static bool put_file(thaw_documents *documents, const char *file, size_t *offset) {
  if (documents->count > 0) {
    *offset = thaw_documents_at(documents, documents->count - 1)->file;
    if (strcmp(thaw_documents_text(documents, *offset), file) == 0) return true;
  }
  return put(documents, file, strlen(file), offset);
}

static bool add(thaw_documents *documents, const thaw_document *document) {
  thaw_document_place place = {.bytes = document->bytes, .label = THAW_NO_TEXT};
  place.line = document->line;
  if (!put(documents, document->text, document->bytes, &place.text)) return false;
  if (document->label && !put(documents, document->label, strlen(document->label), &place.label)) {
    return false;
  }
  if (!put_file(documents, document->file, &place.file)) return false;
  if (!thaw_buffer_append(&documents->places, &place, sizeof place)) return false;
  documents->count++;
  return true;
}

thaw_status thaw_documents_read(thaw_context *ctx, thaw_documents *documents,
                                const thaw_source *source) {
  thaw_reader *reader = NULL;
  const thaw_document *document = NULL;
  thaw_status status = thaw_reader_open(ctx, source, &reader);
  while (status == THAW_OK) {
    status = thaw_reader_next(ctx, reader, &document);
    if (status || !document) break;
    if (!add(documents, document)) status = thaw_fail_memory(ctx, document->bytes);
  }
  thaw_reader_close(reader);
  return status;
}

thaw_status thaw_documents_classes(thaw_context *ctx, const thaw_documents *documents,
                                   thaw_classes *classes) {
  for (size_t d = 0; d < documents->count; d++) {
    const size_t label = thaw_documents_at(documents, d)->label;
    if (label == THAW_NO_TEXT) continue;
    thaw_status status = thaw_classes_add(ctx, classes, thaw_documents_text(documents, label));
    if (status) return status;
  }
  thaw_classes_sort(classes);
  return THAW_OK;
}

static thaw_status fail_class(thaw_context *ctx, const thaw_documents *documents, size_t document,
                              const thaw_classes *classes, const char *label) {
  enum { SHOWN = 12 };
  const thaw_document_place *place = thaw_documents_at(documents, document);
  thaw_buffer known = {0};
  for (size_t c = 0; c < classes->count && c < SHOWN; c++)
    thaw_buffer_format(&known, "%s'%s'", c ? ", " : "", classes->names[c]);
  const char *nearest = thaw_nearest(label, (const char *const *)classes->names, classes->count);
  thaw_status status = thaw_fail_at(
      ctx, thaw_documents_text(documents, place->file), place->line, 0,
      "the class '%s' does not occur in the training data, whose classes are %s%s%s%s%s", label,
      known.data ? known.data : "none", classes->count > SHOWN ? " …" : "",
      nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
  thaw_buffer_free(&known);
  return status;
}

thaw_status thaw_documents_labels(thaw_context *ctx, const thaw_documents *documents,
                                  const thaw_classes *classes, int32_t *labels) {
  for (size_t d = 0; d < documents->count; d++) {
    labels[d] = -1;
    const size_t offset = thaw_documents_at(documents, d)->label;
    if (offset == THAW_NO_TEXT) continue;
    const char *label = thaw_documents_text(documents, offset);
    labels[d] = thaw_classes_find(classes, label);
    if (labels[d] < 0) return fail_class(ctx, documents, d, classes, label);
  }
  return THAW_OK;
}
