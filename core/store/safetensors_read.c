/* safetensors_read.c: opening a file, and its values. Values are converted in chunks, so that a
 * tensor needs no memory but its own. See safetensors.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/context.h"
#include "store/safetensors_header.h"

enum { PREFIX = 8, CHUNK = 1 << 16 };

/* As in the reference implementation: a larger one is an attack on memory. */
static const uint64_t most_header = 100000000;

struct thaw_safetensors {
  thaw_arena *arena;
  const char *path;
  FILE *stream;
  uint64_t data; /* where the data begin */
  thaw_safetensors_header header;
};

static uint64_t read_little(const unsigned char *bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i > 0; i--) value = value << 8 | bytes[i - 1];
  return value;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static thaw_status open_stream(thaw_context *ctx, thaw_safetensors *file, uint64_t *bytes) {
  struct stat info;
  file->stream = fopen(file->path, "rbe");
  if (!file->stream || fstat(fileno(file->stream), &info) != 0)
    return thaw_fail(ctx, THAW_INVALID, "%s: cannot be opened: %s", file->path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return thaw_fail(ctx, THAW_INVALID, "%s: is no regular file", file->path);
  *bytes = (uint64_t)info.st_size;
  return THAW_OK;
}

/* The length of the header, checked against that of the file. */
static thaw_status read_length(thaw_context *ctx, const thaw_safetensors *file, uint64_t bytes,
                               uint64_t *length) {
  unsigned char prefix[PREFIX];
  if (bytes < PREFIX || fread(prefix, 1, PREFIX, file->stream) != PREFIX) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s: is no safetensors file, or is truncated: it has %" PRIu64 " bytes",
                     file->path, bytes);
  }
  *length = read_little(prefix, PREFIX);
  if (*length > most_header || *length > bytes - PREFIX) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s: is no safetensors file, or is truncated: its header should have %" PRIu64
                     " bytes, the file has %" PRIu64,
                     file->path, *length, bytes);
  }
  return THAW_OK;
}

static thaw_status read_header(thaw_context *ctx, thaw_safetensors *file) {
  uint64_t bytes = 0, length = 0;
  thaw_status status = open_stream(ctx, file, &bytes);
  if (status == THAW_OK) status = read_length(ctx, file, bytes, &length);
  if (status) return status;
  char *json = malloc((size_t)length + 1);
  if (!json) return thaw_fail_memory(ctx, (size_t)length);
  file->data = PREFIX + length;
  if (fread(json, 1, (size_t)length, file->stream) != length) {
    status = thaw_fail(ctx, THAW_FAILED, "%s: cannot be read: %s", file->path, strerror(errno));
  } else {
    status = thaw_safetensors_parse(ctx, file->arena, file->path, json, (size_t)length,
                                    bytes - file->data, &file->header);
  }
  free(json);
  return status;
}

thaw_status thaw_safetensors_open(thaw_context *ctx, const char *path, thaw_safetensors **file) {
  *file = NULL;
  thaw_safetensors *opened = calloc(1, sizeof *opened);
  if (opened) opened->arena = thaw_arena_create();
  if (opened && opened->arena) opened->path = thaw_arena_strdup(opened->arena, path);
  thaw_status status =
      opened && opened->path ? read_header(ctx, opened) : thaw_fail_memory(ctx, strlen(path));
  if (status) {
    thaw_safetensors_close(opened);
    return status;
  }
  *file = opened;
  return THAW_OK;
}

void thaw_safetensors_close(thaw_safetensors *file) {
  if (!file) return;
  if (file->stream) fclose(file->stream);
  thaw_arena_free(file->arena);
  free(file);
}

size_t thaw_safetensors_count(const thaw_safetensors *file) {
  return file->header.count;
}

const thaw_safetensors_entry *thaw_safetensors_at(const thaw_safetensors *file, size_t index) {
  return &file->header.entries[index];
}

const thaw_safetensors_entry *thaw_safetensors_find(const thaw_safetensors *file,
                                                    const char *name) {
  for (size_t i = 0; i < file->header.count; i++) {
    if (strcmp(file->header.entries[i].name, name) == 0) return &file->header.entries[i];
  }
  return NULL;
}

size_t thaw_safetensors_metadata_count(const thaw_safetensors *file) {
  return file->header.metadata_count;
}

const thaw_metadata *thaw_safetensors_metadata(const thaw_safetensors *file) {
  return file->header.metadata;
}

/* ---- Values --------------------------------------------------------------------------------- */

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
static float half_of(uint32_t bits) {
  const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return float_of((bits & 0x8000) << 16 | 0x7f800000 | fraction << 13);
  if (exponent == 0) return sign * ldexpf((float)fraction, -24);
  return sign * ldexpf((float)(fraction | 1024), (int)exponent - 25);
}

static float convert(thaw_dtype dtype, const unsigned char *bytes) {
  switch (dtype) {
    case THAW_F32:
      return float_of((uint32_t)read_little(bytes, 4));
    case THAW_F16:
      return half_of((uint32_t)read_little(bytes, 2));
    case THAW_BF16:
      return float_of((uint32_t)read_little(bytes, 2) << 16);
    case THAW_F64:
      return (float)double_of(read_little(bytes, 8));
    case THAW_OTHER_DTYPE:
      break;
  }
  return 0;
}

thaw_status thaw_safetensors_values(thaw_context *ctx, const thaw_safetensors *file,
                                    const thaw_safetensors_entry *entry, float *values) {
  unsigned char chunk[CHUNK];
  if (entry->dtype == THAW_OTHER_DTYPE) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s: tensor '%s' has dtype %s; weights are F32, F16, BF16 or F64", file->path,
                     entry->name, entry->dtype_name);
  }
  if (entry->count == 0) return THAW_OK;
  const size_t width = (size_t)(entry->end - entry->begin) / entry->count;
  size_t done = 0;
  bool ok = fseeko(file->stream, (off_t)(file->data + entry->begin), SEEK_SET) == 0;
  while (ok && done < entry->count) {
    const size_t most = CHUNK / width, left = entry->count - done;
    const size_t now = left < most ? left : most;
    ok = fread(chunk, width, now, file->stream) == now;
    for (size_t i = 0; ok && i < now; i++)
      values[done + i] = convert(entry->dtype, chunk + i * width);
    done += now;
  }
  if (ok) return THAW_OK;
  if (feof(file->stream))
    return thaw_fail(ctx, THAW_INVALID, "%s: has become shorter while it was read", file->path);
  return thaw_fail(ctx, THAW_FAILED, "%s: cannot be read: %s", file->path, strerror(errno));
}
