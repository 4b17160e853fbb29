/* seal.h: the first bytes of a run file, by which damage is found before HDF5 reads a byte of it.
 *
 * HDF5 leaves a user block at the start of a file to whoever wrote it. Ours is plain text (head -c
 * 512 RUN.h5):
 *
 *   thaw run file
 *   format 1
 *   content 5d1c…         hash of the whole file without these digits and without the blocks
 *   room 512              size of the user block
 *   length 81920          size of the file
 *   blocks 2              pieces that have checksums of their own: weights, checkpoint arrays
 *   2048 16384            offset and bytes of each, by rising offset
 *   …
 *
 * A truncated or changed file is refused whole, so that HDF5, which does not check the lengths of
 * texts that it reads, only ever sees what thaw wrote. Blocks are left out because most readers
 * want the small parts only.
 *
 * Behind the bytes that the seal vouches for, and nowhere else, a file may have tags: tags.h. */
#ifndef THAW_SEAL_H
#define THAW_SEAL_H

#include "base/hash.h"

typedef struct thaw_seal_block {
  uint64_t offset, bytes;
} thaw_seal_block;

/* The room that the seal of a file with so many blocks needs: a power of two, at least 512 (HDF5's
 * rule). */
size_t thaw_seal_room(size_t block_count);
/* Seals the finished file `part`, which has `room` free bytes at its start; `path` is its name in
 * messages. Sorts the blocks. */
thaw_status thaw_seal_write(thaw_context *ctx, const char *path, const char *part, size_t room,
                            unsigned format, thaw_seal_block *blocks, size_t block_count);
/* THAW_INVALID, naming the file: not there, empty, not HDF5, not written by thaw, another format
 * (both numbers), truncated, damaged. */
thaw_status thaw_seal_check(thaw_context *ctx, const char *path, unsigned format);

/* How many bytes of an open run file the seal vouches for: its size without the tags. Looks at its
 * first lines alone. THAW_INVALID as above, but for damage further on. */
thaw_status thaw_seal_length(thaw_context *ctx, const char *path, int descriptor, unsigned format,
                             uint64_t *length);
/* The hash of a run file without its tags, which is thaw_hash_file's before it has any; of any
 * other file thaw_hash_file's. */
thaw_status thaw_sealed_hash(thaw_context *ctx, const char *path, unsigned format,
                             char digits[THAW_HASH_TEXT]);

/* Reads or writes exactly `count` bytes; false with errno, which is 0 at a premature end. */
bool thaw_read_at(int descriptor, void *buffer, size_t count, uint64_t offset);
bool thaw_write_at(int descriptor, const void *buffer, size_t count, uint64_t offset);

#endif
