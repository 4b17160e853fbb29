/* id_file.h: ids in a file without a name, for corpora that are larger than memory.
 *
 * They are written one after the other and then mapped (base/unnamed_file.h): of what is mapped the
 * kernel keeps what there is room for. */
#ifndef THAW_ID_FILE_H
#define THAW_ID_FILE_H

#include "thaw/base.h"

typedef struct thaw_id_file thaw_id_file;

/* In `folder`, or where no file can be made there, in $TMPDIR or /tmp. */
thaw_status thaw_id_file_create(thaw_context *ctx, const char *folder, thaw_id_file **file);
void thaw_id_file_free(thaw_id_file *file); /* unmaps too */

/* Appends. A disk that is full is an error that says so. */
thaw_status thaw_id_file_write(thaw_context *ctx, thaw_id_file *file, const int32_t *ids,
                               size_t count);
size_t thaw_id_file_count(const thaw_id_file *file);
/* Puts ids[id] in the place of every id; `*unknown` receives how many are then 0. */
thaw_status thaw_id_file_renumber(thaw_context *ctx, thaw_id_file *file, const int32_t *ids,
                                  size_t *unknown);
/* Makes all ids readable until the file is freed; nothing is written from then on. */
thaw_status thaw_id_file_map(thaw_context *ctx, thaw_id_file *file);
/* Ids that were looked at need not count as this process's memory any longer; they can be read on.
 */
void thaw_id_file_forget(thaw_id_file *file);
/* NULL before. */
int32_t *thaw_id_file_ids(const thaw_id_file *file);

#endif
