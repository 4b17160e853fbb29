/* safetensors_write.c: the header as text, then the values. See safetensors.h. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "store/safetensors.h"

enum { CHUNK = 1 << 14, ALIGNMENT = 8 };

static size_t count_of(const thaw_safetensors_tensor *tensor) {
  size_t count = 1;
  for (size_t i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
  return count;
}

/* ---- Header --------------------------------------------------------------------------------- */

static bool add_quoted(thaw_buffer *out, const char *text) {
  json_object *string = json_object_new_string(text);
  const char *json =
      string ? json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
  const bool ok = json && thaw_buffer_text(out, json);
  json_object_put(string);
  return ok;
}

static bool add_metadata(thaw_buffer *out, const thaw_metadata *metadata, size_t count) {
  bool ok = thaw_buffer_text(out, "\"__metadata__\":{");
  for (size_t i = 0; ok && i < count; i++) {
    ok = thaw_buffer_text(out, i ? "," : "") && add_quoted(out, metadata[i].key) &&
         thaw_buffer_text(out, ":") && add_quoted(out, metadata[i].text);
  }
  return ok && thaw_buffer_text(out, "}");
}

static bool add_tensor(thaw_buffer *out, const thaw_safetensors_tensor *tensor, uint64_t begin) {
  bool ok =
      add_quoted(out, tensor->name) && thaw_buffer_text(out, ":{\"dtype\":\"F32\",\"shape\":[");
  for (size_t i = 0; ok && i < tensor->rank; i++)
    ok = thaw_buffer_format(out, "%s%zu", i ? "," : "", tensor->shape[i]);
  return ok && thaw_buffer_format(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin,
                                  begin + 4 * (uint64_t)count_of(tensor));
}

/* Padded with spaces, so that the values are aligned in memory when the file is mapped. */
static bool make_header(const thaw_metadata *metadata, size_t metadata_count,
                        const thaw_safetensors_tensor *tensors, size_t count, thaw_buffer *out) {
  uint64_t begin = 0;
  bool ok = thaw_buffer_text(out, "{");
  if (metadata_count > 0) ok = ok && add_metadata(out, metadata, metadata_count);
  for (size_t i = 0; ok && i < count; i++) {
    ok = thaw_buffer_text(out, i || metadata_count ? "," : "") &&
         add_tensor(out, &tensors[i], begin);
    begin += 4 * (uint64_t)count_of(&tensors[i]);
  }
  ok = ok && thaw_buffer_text(out, "}");
  while (ok && out->size % ALIGNMENT) ok = thaw_buffer_text(out, " ");
  return ok;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void put_little(unsigned char *bytes, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; i++) bytes[i] = (unsigned char)(value >> 8 * i);
}

static bool write_values(FILE *stream, const thaw_safetensors_tensor *tensor) {
  unsigned char chunk[4 * CHUNK];
  const size_t count = count_of(tensor);
  bool ok = true;
  for (size_t done = 0; ok && done < count;) {
    const size_t left = count - done, now = left < CHUNK ? left : CHUNK;
    for (size_t i = 0; i < now; i++) {
      uint32_t bits = 0;
      if (tensor->values) memcpy(&bits, &tensor->values[done + i], sizeof bits);
      put_little(chunk + 4 * i, bits, 4);
    }
    ok = fwrite(chunk, 4, now, stream) == now;
    done += now;
  }
  return ok;
}

static bool write_all(FILE *stream, const thaw_buffer *header,
                      const thaw_safetensors_tensor *tensors, size_t count) {
  unsigned char prefix[8];
  put_little(prefix, header->size, sizeof prefix);
  bool ok = fwrite(prefix, 1, sizeof prefix, stream) == sizeof prefix &&
            fwrite(header->data, 1, header->size, stream) == header->size;
  for (size_t i = 0; ok && i < count; i++) ok = write_values(stream, &tensors[i]);
  return ok;
}

thaw_status thaw_safetensors_write(thaw_context *ctx, const char *path,
                                   const thaw_metadata *metadata, size_t metadata_count,
                                   const thaw_safetensors_tensor *tensors, size_t count) {
  thaw_buffer header = {0};
  thaw_atomic_file *file = NULL;
  thaw_status status = THAW_OK;
  if (!make_header(metadata, metadata_count, tensors, count, &header))
    status = thaw_fail_memory(ctx, header.size);
  if (status == THAW_OK) status = thaw_atomic_begin(ctx, path, &file);
  if (status == THAW_OK) {
    FILE *stream = fopen(thaw_atomic_path(file), "wbe");
    bool ok = stream && write_all(stream, &header, tensors, count);
    const int why = errno;
    if (stream && fclose(stream) != 0) ok = false;
    if (ok) {
      status = thaw_atomic_commit(ctx, file);
    } else {
      thaw_atomic_abandon(file);
      status =
          thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(why ? why : errno));
    }
  }
  thaw_buffer_free(&header);
  return status;
}
