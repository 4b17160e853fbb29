/* tags.h: words that a person hangs on a finished run: "baseline", "paper".
 *
 * They stand behind the sealed bytes of the run file (tail -n 1 RUN.h5), so that they go wherever
 * the file goes and tagging touches no byte of the run: weights, seal and hash (thaw_sealed_hash)
 * stay what they were, HDF5 never looks there, and a file of any size is tagged at once. Every
 * change adds one line, and the last one counts:
 *
 *   tags 99aa06d3014798d86001c324468d497f baseline,paper
 *
 * The digits are the hash of the tags. What a crash left of a line that was being added is no such
 * line, and counts as nothing. */
#ifndef THAW_TAGS_H
#define THAW_TAGS_H

#include "base/buffer.h"
#include "store/runfile.h"

enum { THAW_TAGS_MOST_BYTES = 1 << 20 }; /* that all lines together may have */

/* THAW_INVALID unless the tag is one word: 1 to 64 bytes, letters, digits and -_.:+@/ */
thaw_status thaw_tag_check(thaw_context *ctx, const char *tag);

/* The tags of a run, in byte order with commas between them, "" for none; malloc'ed. */
thaw_status thaw_run_tags(thaw_context *ctx, const thaw_run_file *run, char **tags);
bool thaw_tags_have(const char *tags, const char *tag);

typedef struct thaw_tag_change {
  const char *const *add, *const *remove;
  size_t add_count, remove_count;
} thaw_tag_change;

/* Adds and removes tags; one that is there already, or not there, is no error. Taggers of one file
 * wait for each other. THAW_INVALID: a run that is not finished (a run in training writes its file
 * anew), too many tags; THAW_FAILED: the file cannot be written. */
thaw_status thaw_run_tag(thaw_context *ctx, const thaw_run_file *run,
                         const thaw_tag_change *change);

/* For the seal: can these bytes behind a run file be its tags? */
bool thaw_tags_accept(const char *bytes, size_t count);

#endif
