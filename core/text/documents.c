/* documents.c: see documents.h. */
#include "text/documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/hash.h"
#include "plugin/settings.h"

thaw_status thaw_documents_add(thaw_context *ctx, thaw_documents *documents,
                               const thaw_source *source) {
  const size_t count = documents->file_count + 1;
  thaw_documents_file *files = realloc(documents->files, count * sizeof *files);
  if (!files) return thaw_fail_memory(ctx, count * sizeof *files);
  files[documents->file_count] = (thaw_documents_file){.source = *source};
  documents->files = files;
  documents->file_count = count;
  return THAW_OK;
}

void thaw_documents_free(thaw_documents *documents) {
  free(documents->files);
  *documents = (thaw_documents){0};
}

/* ---- Reading --------------------------------------------------------------------------------- */

static thaw_documents_file *current(const thaw_documents_walk *walk) {
  return &walk->documents->files[walk->file];
}

static thaw_status fail_changed(thaw_context *ctx, const thaw_documents_walk *walk) {
  return thaw_fail_at(ctx, current(walk)->source.path, 0, 0,
                      "changed while it was in use: a stage reads its data more than once, and "
                      "found other documents than before");
}

static thaw_status begin_file(thaw_context *ctx, thaw_documents_walk *walk) {
  walk->count = 0;
  walk->hash = thaw_hash_create();
  if (!walk->hash) return thaw_fail_memory(ctx, 1);
  return thaw_reader_open(ctx, &current(walk)->source, &walk->reader);
}

/* What is found first is what every later reading has to find. */
static thaw_status end_file(thaw_context *ctx, thaw_documents_walk *walk) {
  thaw_documents_file *file = current(walk);
  char hash[THAW_HASH_TEXT];
  thaw_hash_text(walk->hash, hash);
  if (file->known && strcmp(hash, file->hash) != 0) return fail_changed(ctx, walk);
  memcpy(file->hash, hash, sizeof hash);
  file->count = walk->count;
  file->known = true;
  thaw_documents_end(walk);
  walk->file++;
  return THAW_OK;
}

/* The next document of the file; NULL at its end. */
static thaw_status next_in_file(thaw_context *ctx, thaw_documents_walk *walk,
                                const thaw_document **document) {
  thaw_status status = thaw_reader_next(ctx, walk->reader, document);
  if (status || !*document) return status;
  /* Who has counted documents has room for no more. */
  if (current(walk)->known && walk->count == current(walk)->count) return fail_changed(ctx, walk);
  thaw_hash_add(walk->hash, (*document)->text, (*document)->bytes + 1);
  thaw_hash_add_text(walk->hash, (*document)->label ? (*document)->label : "");
  walk->count++;
  walk->number++;
  return THAW_OK;
}

thaw_status thaw_documents_next(thaw_context *ctx, thaw_documents_walk *walk,
                                const thaw_document **document) {
  *document = NULL;
  if (thaw_interrupted(ctx)) return thaw_fail(ctx, THAW_INTERRUPTED, "stopped while reading");
  while (!*document && walk->file < walk->documents->file_count) {
    thaw_status status = walk->reader ? THAW_OK : begin_file(ctx, walk);
    if (status == THAW_OK) status = next_in_file(ctx, walk, document);
    if (status == THAW_OK && !*document) status = end_file(ctx, walk);
    if (status) return status;
  }
  return THAW_OK;
}

void thaw_documents_end(thaw_documents_walk *walk) {
  thaw_reader_close(walk->reader);
  thaw_hash_free(walk->hash);
  walk->reader = NULL;
  walk->hash = NULL;
}

/* ---- Labels ---------------------------------------------------------------------------------- */

static thaw_status fail_class(thaw_context *ctx, const thaw_document *document,
                              const thaw_classes *classes) {
  enum { SHOWN = 12 };
  thaw_buffer known = {0};
  for (size_t c = 0; c < classes->count && c < SHOWN; c++)
    thaw_buffer_format(&known, "%s'%s'", c ? ", " : "", classes->names[c]);
  const char *nearest =
      thaw_nearest(document->label, (const char *const *)classes->names, classes->count);
  thaw_status status = thaw_fail_at(
      ctx, document->file, document->line, 0,
      "the class '%s' does not occur in the training data, whose classes are %s%s%s%s%s",
      document->label, known.data ? known.data : "none", classes->count > SHOWN ? " …" : "",
      nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
  thaw_buffer_free(&known);
  return status;
}

thaw_status thaw_document_label(thaw_context *ctx, const thaw_document *document,
                                const thaw_classes *classes, int32_t *label) {
  *label = -1;
  if (!document->label) return THAW_OK;
  *label = thaw_classes_find(classes, document->label);
  return *label < 0 ? fail_class(ctx, document, classes) : THAW_OK;
}
