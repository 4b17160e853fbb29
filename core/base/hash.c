/* hash.c: XXH3 of libxxhash, written as hexadecimal digits in the order that xxhsum prints. */
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/context.h"

struct thaw_hash {
  XXH3_state_t *state;
};

thaw_hash *thaw_hash_create(void) {
  thaw_hash *hash = malloc(sizeof *hash);
  if (!hash) return NULL;
  hash->state = XXH3_createState(); /* the state must be aligned to 64 bytes */
  if (!hash->state) {
    free(hash);
    return NULL;
  }
  XXH3_128bits_reset(hash->state);
  return hash;
}

void thaw_hash_free(thaw_hash *hash) {
  if (!hash) return;
  XXH3_freeState(hash->state);
  free(hash);
}

void thaw_hash_add(thaw_hash *hash, const void *bytes, size_t count) {
  if (count) XXH3_128bits_update(hash->state, bytes, count);
}

void thaw_hash_add_text(thaw_hash *hash, const char *text) {
  thaw_hash_add(hash, text, strlen(text) + 1);
}

static void write_digits(XXH128_hash_t value, char digits[THAW_HASH_TEXT]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, value);
  for (size_t i = 0; i < sizeof canonical.digest; i++) {
    snprintf(digits + 2 * i, 3, "%02x", canonical.digest[i]);
  }
}

void thaw_hash_text(const thaw_hash *hash, char digits[THAW_HASH_TEXT]) {
  write_digits(XXH3_128bits_digest(hash->state), digits);
}

void thaw_hash_bytes(const void *bytes, size_t count, char digits[THAW_HASH_TEXT]) {
  write_digits(XXH3_128bits(bytes, count), digits);
}

thaw_status thaw_hash_file(thaw_context *ctx, const char *path, char digits[THAW_HASH_TEXT]) {
  enum { CHUNK = 1 << 16 };
  thaw_status status = THAW_OK;
  thaw_hash *hash = thaw_hash_create();
  char *chunk = malloc(CHUNK);
  FILE *file = NULL;
  if (!hash || !chunk) {
    status = thaw_fail_memory(ctx, CHUNK);
    goto done;
  }
  file = fopen(path, "rbe");
  if (!file) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot open %s: %s", path, strerror(errno));
    goto done;
  }
  size_t count;
  while ((count = fread(chunk, 1, CHUNK, file)) > 0) thaw_hash_add(hash, chunk, count);
  if (ferror(file)) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot read %s: %s", path, strerror(errno));
    goto done;
  }
  thaw_hash_text(hash, digits);
done:
  if (file) fclose(file);
  free(chunk);
  thaw_hash_free(hash);
  return status;
}

uint64_t thaw_hash64(const void *bytes, size_t count) {
  return XXH3_64bits(bytes, count);
}
