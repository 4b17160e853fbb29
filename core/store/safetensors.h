/* safetensors.h: named tensors in a file that PyTorch, JAX and others read and write: safetensors
 * (Hugging Face; the format is described at https://github.com/huggingface/safetensors).
 *
 *   8 bytes   length of the header, little-endian
 *
 *   header    JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
 *             "__metadata__": {"KEY": "TEXT", …}}
 *
 *   data      little-endian, every byte of it one tensor's */
#ifndef THAW_SAFETENSORS_H
#define THAW_SAFETENSORS_H

#include "thaw/tensor.h"

typedef struct thaw_metadata {
  const char *key, *text;
} thaw_metadata;

/* ---- Reading -------------------------------------------------------------------------------- */

typedef enum thaw_dtype { THAW_F32, THAW_F16, THAW_BF16, THAW_F64, THAW_OTHER_DTYPE } thaw_dtype;

typedef struct thaw_safetensors_entry {
  const char *name;
  thaw_dtype dtype;
  const char *dtype_name; /* as in the file */
  size_t rank, shape[THAW_MAX_RANK];
  size_t count;        /* elements */
  uint64_t begin, end; /* bytes of the data */
} thaw_safetensors_entry;

typedef struct thaw_safetensors thaw_safetensors;

/* Reads and checks the header; values are read one tensor at a time. THAW_INVALID, naming the file
 * and the tensor: not there, truncated, a header that is too long or no JSON of this form, a name
 * that stands there twice, an unknown dtype, more than THAW_MAX_RANK dimensions, offsets that do
 * not fit dtype and shape, that overlap, leave holes or lie outside the data. */
thaw_status thaw_safetensors_open(thaw_context *ctx, const char *path, thaw_safetensors **file);
void thaw_safetensors_close(thaw_safetensors *file);

/* In the order of the data; they live as long as the file is open. */
size_t thaw_safetensors_count(const thaw_safetensors *file);
const thaw_safetensors_entry *thaw_safetensors_at(const thaw_safetensors *file, size_t index);
/* NULL: there is none. */
const thaw_safetensors_entry *thaw_safetensors_find(const thaw_safetensors *file, const char *name);
size_t thaw_safetensors_metadata_count(const thaw_safetensors *file);
const thaw_metadata *thaw_safetensors_metadata(const thaw_safetensors *file);

/* A tensor's values, `values` [count], rounded to float32 where they are F64. THAW_INVALID: a dtype
 * of integers, a file that has changed; THAW_FAILED: cannot be read. */
thaw_status thaw_safetensors_values(thaw_context *ctx, const thaw_safetensors *file,
                                    const thaw_safetensors_entry *entry, float *values);

/* ---- Writing -------------------------------------------------------------------------------- */

typedef struct thaw_safetensors_tensor {
  const char *name;
  size_t rank, shape[THAW_MAX_RANK];
  const float *values; /* NULL: zeros */
} thaw_safetensors_tensor;

/* Writes F32 in the given order, beside the name, then renames: on failure an old file stays. The
 * same content gives the same bytes. Names are valid UTF-8 and differ. */
thaw_status thaw_safetensors_write(thaw_context *ctx, const char *path,
                                   const thaw_metadata *metadata, size_t metadata_count,
                                   const thaw_safetensors_tensor *tensors, size_t count);

#endif
