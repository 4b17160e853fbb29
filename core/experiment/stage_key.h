/* stage_key.h: the name of a stage's result: the hash of everything that can change it.
 *
 * That is its resolved settings, the contents of its data files (not their names), the versions of
 * its plugins, and the key of what it takes over. Threads and processors are left out: they change
 * the last bits only. */
#ifndef THAW_STAGE_KEY_H
#define THAW_STAGE_KEY_H

#include "base/buffer.h"
#include "base/hash.h"
#include "config/experiment.h"

/* Appends to `text` a line for everything that the key rests on; `key` is its hash. `before` is the
 * key of the stage that this one takes over from; NULL: none, or a run file. What the lines mean to
 * a reader is known to stage_key_lines.h. THAW_INVALID when a data file cannot be read. */
thaw_status thaw_stage_key(thaw_context *ctx, const thaw_experiment *experiment,
                           const thaw_stage_config *stage, const char *before, thaw_buffer *text,
                           char key[THAW_HASH_TEXT]);

/* Appends a plugin's parameter as settings that are to be compared hold it: the value, of a file
 * that it names the hash of the content. */
thaw_status thaw_setting_content(thaw_context *ctx, const thaw_param_spec *spec,
                                 const void *settings, thaw_buffer *out);

/* Appends a line for each file of a data set: its role and the hash of its content, "train 5d1c…".
 */
thaw_status thaw_dataset_files(thaw_context *ctx, const thaw_dataset *dataset, thaw_buffer *text);
/* The hash of the contents of all files of a data set: that of these lines. */
thaw_status thaw_dataset_hash(thaw_context *ctx, const thaw_dataset *dataset,
                              char digits[THAW_HASH_TEXT]);

#endif
