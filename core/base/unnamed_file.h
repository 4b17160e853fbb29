/* unnamed_file.h: bytes that need not stay in memory, in a file without a name.
 *
 * The file goes when it is freed, or with the process. It is written with write(2), not through a
 * mapping: a full disk is an error then, where a mapping would be a signal, and pages that were
 * written do not count as the process's memory. */
#ifndef THAW_UNNAMED_FILE_H
#define THAW_UNNAMED_FILE_H

#include "thaw/base.h"

typedef struct thaw_unnamed_file thaw_unnamed_file;

/* In `folder`, or where that is NULL or no file can be made there, in $TMPDIR or /tmp. `content`
 * says for messages what is kept in it ("the text's ids"); it outlives the file. */
thaw_status thaw_unnamed_create(thaw_context *ctx, const char *folder, const char *content,
                                thaw_unnamed_file **file);
void thaw_unnamed_free(thaw_unnamed_file *file); /* unmaps too */

/* At any place. A disk that is full is an error that says so. */
thaw_status thaw_unnamed_write(thaw_context *ctx, const thaw_unnamed_file *file, const void *bytes,
                               size_t count, size_t place);
/* A file that ends before is an error. */
thaw_status thaw_unnamed_read(thaw_context *ctx, const thaw_unnamed_file *file, void *bytes,
                              size_t count, size_t place);

/* Makes the first `count` bytes readable at `*mapped`, until the file is freed. */
thaw_status thaw_unnamed_map(thaw_context *ctx, thaw_unnamed_file *file, size_t count,
                             void **mapped);
/* What was looked at in the mapping need not count as this process's memory any longer; it can be
 * read on. */
void thaw_unnamed_forget(const thaw_unnamed_file *file);

#endif
