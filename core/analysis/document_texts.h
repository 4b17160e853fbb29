/* document_texts.h: what the documents of a run's predictions say. */
#ifndef THAW_DOCUMENT_TEXTS_H
#define THAW_DOCUMENT_TEXTS_H

#include "plugin/registry.h"
#include "store/runfile.h"

/* Texts of `count` documents of a split, by number; of an average those of its first run. `texts`
 * [count] receives copies of their first 400 bytes, three dots at the end of what was longer. All
 * are NULL, and a log line says why, where they are not to be had: files that are no longer what
 * they were, a plugin that is missing. */
thaw_status thaw_document_texts(thaw_context *ctx, const thaw_run_file *run,
                                thaw_registry *registry, const char *split, const size_t *documents,
                                size_t count, char **texts);

#endif
