/* hash.h: 128-bit content hashes (XXH3, from libxxhash), for cache keys and checksums. */
#ifndef THAW_HASH_H
#define THAW_HASH_H

#include "thaw/base.h"

#define THAW_HASH_TEXT 33 /* 32 hexadecimal digits and the NUL */

typedef struct thaw_hash thaw_hash; /* a hash being computed */

thaw_hash *thaw_hash_create(void); /* NULL when there is no memory */
void thaw_hash_free(thaw_hash *hash);
void thaw_hash_add(thaw_hash *hash, const void *bytes, size_t count);
/* Adds the text and a terminator, so that ("ab","c") and ("a","bc") differ. */
void thaw_hash_add_text(thaw_hash *hash, const char *text);
void thaw_hash_text(const thaw_hash *hash, char digits[THAW_HASH_TEXT]);

/* The hash of one piece of memory. */
void thaw_hash_bytes(const void *bytes, size_t count, char digits[THAW_HASH_TEXT]);
/* The hash of a file's bytes; fails when it cannot be read. */
thaw_status thaw_hash_file(thaw_context *ctx, const char *path, char digits[THAW_HASH_TEXT]);
/* 64-bit hash for tables in memory. */
uint64_t thaw_hash64(const void *bytes, size_t count);

#endif
