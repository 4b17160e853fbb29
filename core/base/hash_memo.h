/* hash_memo.h: hashes of files that were computed before, for work that asks for the same ones
 * again and again, such as the keys of a sweep's thousand runs.
 *
 * A memo travels with a context (thaw_context_remember) and lives as long as its owner wants. It
 * knows a file by path, size and time of change; of a folder that is those of the folder alone, so
 * that a memo should not outlive a piece of work of a few seconds. */
#ifndef THAW_HASH_MEMO_H
#define THAW_HASH_MEMO_H

#include "base/hash.h"

typedef struct thaw_hash_memo thaw_hash_memo;

thaw_hash_memo *thaw_hash_memo_create(void); /* NULL when there is no memory */
void thaw_hash_memo_free(thaw_hash_memo *memo);

/* Is a hash kept for what is at `path` now? `what` tells different hashes of one path apart. A NULL
 * memo keeps nothing. */
bool thaw_hash_memo_find(const thaw_hash_memo *memo, const char *what, const char *path,
                         char digits[THAW_HASH_TEXT]);
/* Keeps it; without memory it does not, which costs time alone. */
void thaw_hash_memo_keep(thaw_hash_memo *memo, const char *what, const char *path,
                         const char digits[THAW_HASH_TEXT]);

/* thaw_hash_file, with the memo of the context. */
thaw_status thaw_hash_file_once(thaw_context *ctx, const char *path, char digits[THAW_HASH_TEXT]);

#endif
