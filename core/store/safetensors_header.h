/* safetensors_header.h: the JSON header of a safetensors file. */
#ifndef THAW_SAFETENSORS_HEADER_H
#define THAW_SAFETENSORS_HEADER_H

#include "base/arena.h"
#include "store/safetensors.h"

typedef struct thaw_safetensors_header {
  thaw_safetensors_entry *entries; /* in the order of the data */
  size_t count;
  thaw_metadata *metadata;
  size_t metadata_count;
} thaw_safetensors_header;

/* Reads `bytes` bytes of JSON that describe `data_bytes` bytes of data. `path` is for messages;
 * everything lives in the arena. THAW_INVALID: see thaw_safetensors_open. */
thaw_status thaw_safetensors_parse(thaw_context *ctx, thaw_arena *arena, const char *path,
                                   const char *json, size_t bytes, uint64_t data_bytes,
                                   thaw_safetensors_header *header);

#endif
