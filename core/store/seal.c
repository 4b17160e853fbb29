/* seal.c: writing and checking the text at the start of a run file. */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/hash.h"
#include "store/tags.h"

#define MAGIC "thaw run file\n"
#define HDF5_SIGNATURE "\211HDF\r\n\032\n"

enum {
  SMALLEST_ROOM = 512,
  HEAD_BYTES = 160, /* more than the lines before the blocks */
  BLOCK_BYTES = 42, /* more than the line of a block */
  DIGITS = THAW_HASH_TEXT - 1,
  CHUNK = 1 << 16,
};

size_t thaw_seal_room(size_t block_count) {
  size_t room = SMALLEST_ROOM;
  while (room < HEAD_BYTES + BLOCK_BYTES * block_count) room *= 2;
  return room;
}

/* ---- Hashing -------------------------------------------------------------------------------- */

bool thaw_read_at(int descriptor, void *buffer, size_t count, uint64_t offset) {
  char *bytes = buffer;
  while (count > 0) {
    const ssize_t got = pread(descriptor, bytes, count, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0) errno = 0;
      return false;
    }
    bytes += got;
    count -= (size_t)got;
    offset += (uint64_t)got;
  }
  return true;
}

/* Adds bytes begin … end − 1 of the file. */
static bool hash_range(int descriptor, uint64_t begin, uint64_t end, char *chunk, thaw_hash *hash) {
  while (begin < end) {
    const size_t count = end - begin < CHUNK ? (size_t)(end - begin) : CHUNK;
    if (!thaw_read_at(descriptor, chunk, count, begin)) return false;
    thaw_hash_add(hash, chunk, count);
    begin += count;
  }
  return true;
}

/* The hash of the user block `room` with its digits as zeros, and of what follows without the
 * blocks. */
static thaw_status hash_content(thaw_context *ctx, const char *path, int descriptor,
                                const thaw_buffer *room, uint64_t length,
                                const thaw_seal_block *blocks, size_t block_count,
                                char digits[THAW_HASH_TEXT]) {
  thaw_status status = THAW_OK;
  thaw_hash *hash = thaw_hash_create();
  char *chunk = malloc(CHUNK);
  if (!hash || !chunk) {
    status = thaw_fail_memory(ctx, CHUNK);
    goto done;
  }
  thaw_hash_add(hash, room->data, room->size);
  uint64_t place = room->size;
  bool read = true;
  for (size_t b = 0; read && b < block_count; b++) {
    read = hash_range(descriptor, place, blocks[b].offset, chunk, hash);
    place = blocks[b].offset + blocks[b].bytes;
  }
  if (!read || !hash_range(descriptor, place, length, chunk, hash)) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot read %s: %s", path,
                       errno ? strerror(errno) : "it ends too early");
    goto done;
  }
  thaw_hash_text(hash, digits);
done:
  free(chunk);
  thaw_hash_free(hash);
  return status;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static int by_offset(const void *left, const void *right) {
  const thaw_seal_block *a = left, *b = right;
  return (a->offset > b->offset) - (a->offset < b->offset);
}

/* The user block with zeros for the digits of the hash, which stand at `*digits`. */
static bool compose(thaw_buffer *room, size_t size, unsigned format, uint64_t length,
                    const thaw_seal_block *blocks, size_t block_count, size_t *digits) {
  if (!thaw_buffer_format(room, MAGIC "format %u\ncontent ", format)) return false;
  *digits = room->size;
  if (!thaw_buffer_format(room, "%0*d\nroom %zu\nlength %" PRIu64 "\nblocks %zu\n", (int)DIGITS, 0,
                          size, length, block_count)) {
    return false;
  }
  for (size_t b = 0; b < block_count; b++) {
    if (!thaw_buffer_format(room, "%" PRIu64 " %" PRIu64 "\n", blocks[b].offset, blocks[b].bytes)) {
      return false;
    }
  }
  const size_t rest = size - room->size;
  if (!thaw_buffer_reserve(room, rest)) return false;
  memset(room->data + room->size, 0, rest);
  room->size = size;
  return true;
}

bool thaw_write_at(int descriptor, const void *buffer, size_t count, uint64_t offset) {
  const char *bytes = buffer;
  while (count > 0) {
    const ssize_t put = pwrite(descriptor, bytes, count, (off_t)offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes += put;
    count -= (size_t)put;
    offset += (uint64_t)put;
  }
  return true;
}

thaw_status thaw_seal_write(thaw_context *ctx, const char *path, const char *part, size_t room_size,
                            unsigned format, thaw_seal_block *blocks, size_t block_count) {
  thaw_buffer room = {0};
  thaw_status status = THAW_OK;
  struct stat info;
  const int descriptor = open(part, O_RDWR | O_CLOEXEC);
  if (descriptor < 0 || fstat(descriptor, &info) != 0) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(errno));
    goto done;
  }
  if (block_count) qsort(blocks, block_count, sizeof *blocks, by_offset);
  size_t place;
  if (!compose(&room, room_size, format, (uint64_t)info.st_size, blocks, block_count, &place)) {
    status = thaw_fail_memory(ctx, room_size);
    goto done;
  }
  char digits[THAW_HASH_TEXT];
  status = hash_content(ctx, path, descriptor, &room, (uint64_t)info.st_size, blocks, block_count,
                        digits);
  if (status != THAW_OK) goto done;
  memcpy(room.data + place, digits, DIGITS);
  if (!thaw_write_at(descriptor, room.data, room.size, 0)) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(errno));
  }
done:
  if (descriptor >= 0 && close(descriptor) != 0 && status == THAW_OK) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(errno));
  }
  thaw_buffer_free(&room);
  return status;
}

/* ---- Checking ------------------------------------------------------------------------------- */

/* A seal as read; `room` holds the whole user block. */
typedef struct seal {
  thaw_buffer room;
  char digits[THAW_HASH_TEXT];
  uint64_t room_size, length, block_count;
  thaw_seal_block *blocks;
} seal;

/* Steps over `word`; false when it does not stand there. */
static bool take_word(const char **at, const char *word) {
  const size_t length = strlen(word);
  if (strncmp(*at, word, length) != 0) return false;
  *at += length;
  return true;
}

/* Reads a decimal number that is followed by `after`. */
static bool take_number(const char **at, char after, uint64_t *value) {
  if (**at < '0' || **at > '9') return false;
  char *end;
  errno = 0;
  *value = strtoull(*at, &end, 10);
  if (errno || *end != after) return false;
  *at = end + 1;
  return true;
}

/* Parses the lines before the blocks and puts zeros in place of the digits; `*at` is behind the
 * magic. */
static bool parse_head(seal *found, const char **at, uint64_t *format) {
  if (!take_word(at, "format ") || !take_number(at, '\n', format) || !take_word(at, "content ")) {
    return false;
  }
  if (strlen(*at) < DIGITS) return false;
  memcpy(found->digits, *at, DIGITS);
  found->digits[DIGITS] = '\0';
  memset(found->room.data + (*at - found->room.data), '0', DIGITS);
  *at += DIGITS;
  return take_word(at, "\nroom ") && take_number(at, '\n', &found->room_size) &&
         take_word(at, "length ") && take_number(at, '\n', &found->length) &&
         take_word(at, "blocks ") && take_number(at, '\n', &found->block_count);
}

/* Parses the blocks, which lie in order behind the user block and inside the file. */
static bool parse_blocks(seal *found, const char *at) {
  uint64_t place = found->room_size;
  for (uint64_t b = 0; b < found->block_count; b++) {
    thaw_seal_block *block = &found->blocks[b];
    if (!take_number(&at, ' ', &block->offset) || !take_number(&at, '\n', &block->bytes)) {
      return false;
    }
    if (block->offset < place || block->offset > found->length) return false;
    if (block->bytes > found->length - block->offset) return false;
    place = block->offset + block->bytes;
  }
  return true;
}

/* The rest of the user block and its blocks; `at` is the place of the first block in the head. */
static thaw_status read_blocks(thaw_context *ctx, const char *path, int descriptor, seal *found,
                               size_t at) {
  const uint64_t count = found->block_count;
  const bool sane = count <= found->length / BLOCK_BYTES && found->room_size <= found->length &&
                    found->room_size >= thaw_seal_room((size_t)count);
  if (sane && !thaw_buffer_reserve(&found->room, (size_t)found->room_size)) {
    return thaw_fail_memory(ctx, (size_t)found->room_size);
  }
  if (sane) {
    found->blocks = calloc((size_t)count + 1, sizeof *found->blocks);
    if (!found->blocks) return thaw_fail_memory(ctx, (size_t)count * sizeof *found->blocks);
    const size_t rest = (size_t)found->room_size - found->room.size;
    if (!thaw_read_at(descriptor, found->room.data + found->room.size, rest, found->room.size)) {
      return thaw_fail(ctx, THAW_INVALID, "%s cannot be read to its end", path);
    }
    found->room.size += rest;
    found->room.data[found->room.size] = '\0';
  }
  if (!sane || !parse_blocks(found, found->room.data + at)) {
    return thaw_fail(ctx, THAW_INVALID, "%s is damaged: its first lines make no sense", path);
  }
  return THAW_OK;
}

/* Looks at the head alone, which is already in found->room: is it ours, and is nothing missing? */
static thaw_status judge_head(thaw_context *ctx, const char *path, unsigned format, uint64_t length,
                              seal *found, size_t *blocks_at) {
  const char *at = found->room.data;
  const size_t signature = strlen(HDF5_SIGNATURE);
  if (length == 0) return thaw_fail(ctx, THAW_INVALID, "%s is empty: not a run file", path);
  if (found->room.size >= signature && memcmp(at, HDF5_SIGNATURE, signature) == 0) {
    return thaw_fail(ctx, THAW_INVALID, "%s is an HDF5 file, but not a run file of thaw", path);
  }
  if (!take_word(&at, MAGIC)) {
    return thaw_fail(ctx, THAW_INVALID, "%s is not an HDF5 file, let alone a run file of thaw",
                     path);
  }
  if (found->room.size < SMALLEST_ROOM) {
    return thaw_fail(ctx, THAW_INVALID, "%s is truncated: it has only %" PRIu64 " bytes", path,
                     length);
  }
  uint64_t other = 0;
  const bool parsed = parse_head(found, &at, &other);
  if (other && other != format) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s is a run file of format %" PRIu64 ", this thaw reads format %u", path,
                     other, format);
  }
  if (!parsed) {
    return thaw_fail(ctx, THAW_INVALID, "%s is damaged: its first lines make no sense", path);
  }
  if (length < found->length) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s is truncated: it has %" PRIu64 " bytes and was written with %" PRIu64,
                     path, length, found->length);
  }
  *blocks_at = (size_t)(at - found->room.data);
  return THAW_OK;
}

/* What stands behind the sealed bytes can only be tags. */
static thaw_status check_tail(thaw_context *ctx, const char *path, int descriptor, uint64_t length,
                              const seal *found) {
  const uint64_t rest = length - found->length;
  if (rest == 0) return THAW_OK;
  bool ours = false;
  if (rest <= THAW_TAGS_MOST_BYTES) {
    char *tail = malloc((size_t)rest);
    if (!tail) return thaw_fail_memory(ctx, (size_t)rest);
    ours = thaw_read_at(descriptor, tail, (size_t)rest, found->length) &&
           thaw_tags_accept(tail, (size_t)rest);
    free(tail);
  }
  if (ours) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "%s is not as thaw wrote it: it has %" PRIu64
                   " bytes and was written with %" PRIu64,
                   path, length, found->length);
}

/* Reads and judges the first lines. */
static thaw_status read_head(thaw_context *ctx, const char *path, int descriptor, uint64_t length,
                             unsigned format, seal *found, size_t *blocks_at) {
  const size_t head = length < SMALLEST_ROOM ? (size_t)length : SMALLEST_ROOM;
  if (!thaw_buffer_reserve(&found->room, SMALLEST_ROOM)) {
    return thaw_fail_memory(ctx, SMALLEST_ROOM);
  }
  if (!thaw_read_at(descriptor, found->room.data, head, 0)) {
    return thaw_fail(ctx, THAW_INVALID, "cannot read %s: %s", path, strerror(errno));
  }
  found->room.size = head;
  found->room.data[head] = '\0';
  return judge_head(ctx, path, format, length, found, blocks_at);
}

static thaw_status check_open(thaw_context *ctx, const char *path, int descriptor, uint64_t length,
                              unsigned format, seal *found) {
  size_t blocks_at = 0;
  char digits[THAW_HASH_TEXT];
  thaw_status status = read_head(ctx, path, descriptor, length, format, found, &blocks_at);
  if (status == THAW_OK) status = check_tail(ctx, path, descriptor, length, found);
  if (status == THAW_OK) status = read_blocks(ctx, path, descriptor, found, blocks_at);
  if (status == THAW_OK) {
    status = hash_content(ctx, path, descriptor, &found->room, found->length, found->blocks,
                          (size_t)found->block_count, digits);
  }
  if (status == THAW_OK && strcmp(digits, found->digits) != 0) {
    status =
        thaw_fail(ctx, THAW_INVALID,
                  "%s is damaged, or was changed after thaw wrote it: its content hashes to %s "
                  "instead of %s",
                  path, digits, found->digits);
  }
  return status;
}

/* Opens a regular file; `*descriptor` is −1 on failure. */
static thaw_status open_regular(thaw_context *ctx, const char *path, int *descriptor,
                                uint64_t *length) {
  struct stat info;
  thaw_status status = THAW_OK;
  *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (*descriptor < 0 || fstat(*descriptor, &info) != 0) {
    status = thaw_fail(ctx, THAW_INVALID, "cannot open %s: %s", path, strerror(errno));
  } else if (!S_ISREG(info.st_mode)) {
    status = thaw_fail(ctx, THAW_INVALID, "cannot read %s: it is %s", path,
                       S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
  } else {
    *length = (uint64_t)info.st_size;
    return THAW_OK;
  }
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
  return status;
}

thaw_status thaw_seal_check(thaw_context *ctx, const char *path, unsigned format) {
  seal found = {.length = 0};
  int descriptor;
  uint64_t length = 0;
  thaw_status status = open_regular(ctx, path, &descriptor, &length);
  if (status == THAW_OK) status = check_open(ctx, path, descriptor, length, format, &found);
  if (descriptor >= 0) close(descriptor);
  thaw_buffer_free(&found.room);
  free(found.blocks);
  return status;
}

/* ---- Without the tags ------------------------------------------------------------------------ */

thaw_status thaw_seal_length(thaw_context *ctx, const char *path, int descriptor, unsigned format,
                             uint64_t *length) {
  seal found = {.length = 0};
  struct stat info;
  size_t blocks_at;
  if (fstat(descriptor, &info) != 0)
    return thaw_fail(ctx, THAW_INVALID, "cannot read %s: %s", path, strerror(errno));
  const thaw_status status =
      read_head(ctx, path, descriptor, (uint64_t)info.st_size, format, &found, &blocks_at);
  *length = found.length;
  thaw_buffer_free(&found.room);
  return status;
}

/* The hash of the first `length` bytes. */
static thaw_status hash_begin(thaw_context *ctx, const char *path, int descriptor, uint64_t length,
                              char digits[THAW_HASH_TEXT]) {
  thaw_hash *hash = thaw_hash_create();
  char *chunk = malloc(CHUNK);
  thaw_status status = hash && chunk ? THAW_OK : thaw_fail_memory(ctx, CHUNK);
  if (status == THAW_OK && !hash_range(descriptor, 0, length, chunk, hash)) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot read %s: %s", path,
                       errno ? strerror(errno) : "it ends too early");
  }
  if (status == THAW_OK) thaw_hash_text(hash, digits);
  free(chunk);
  thaw_hash_free(hash);
  return status;
}

thaw_status thaw_sealed_hash(thaw_context *ctx, const char *path, unsigned format,
                             char digits[THAW_HASH_TEXT]) {
  uint64_t length = 0;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  thaw_status status = THAW_INVALID;
  if (descriptor >= 0) status = thaw_seal_length(ctx, path, descriptor, format, &length);
  /* What is no run file, or a damaged one, is hashed as it is; whoever reads it says more. */
  status = status == THAW_OK ? hash_begin(ctx, path, descriptor, length, digits)
                             : thaw_hash_file(ctx, path, digits);
  if (descriptor >= 0) close(descriptor);
  return status;
}
