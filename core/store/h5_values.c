/* h5_values.c: texts, numbers and arrays in HDF5 files. */
#include <stdlib.h>
#include <string.h>

#include "store/h5.h"

/* ---- Types ---------------------------------------------------------------------------------- */

size_t thaw_h5_size(thaw_h5_type type) {
  switch (type) {
    case THAW_H5_FLOAT:
    case THAW_H5_INT32:
      return 4;
    case THAW_H5_BYTE:
      return 1;
    default:
      return 8;
  }
}

hid_t thaw_h5_file_type(thaw_h5_type type) {
  switch (type) {
    case THAW_H5_FLOAT:
      return H5T_IEEE_F32LE;
    case THAW_H5_DOUBLE:
      return H5T_IEEE_F64LE;
    case THAW_H5_INT32:
      return H5T_STD_I32LE;
    case THAW_H5_INT64:
      return H5T_STD_I64LE;
    case THAW_H5_UINT64:
      return H5T_STD_U64LE;
    case THAW_H5_BYTE:
      return H5T_STD_U8LE;
  }
  return -1;
}

hid_t thaw_h5_memory_type(thaw_h5_type type) {
  switch (type) {
    case THAW_H5_FLOAT:
      return H5T_NATIVE_FLOAT;
    case THAW_H5_DOUBLE:
      return H5T_NATIVE_DOUBLE;
    case THAW_H5_INT32:
      return H5T_NATIVE_INT32;
    case THAW_H5_INT64:
      return H5T_NATIVE_INT64;
    case THAW_H5_UINT64:
      return H5T_NATIVE_UINT64;
    case THAW_H5_BYTE:
      return H5T_NATIVE_UINT8;
  }
  return -1;
}

hid_t thaw_h5_text_type(thaw_h5 *h5) {
  const hid_t type = thaw_h5_keep(h5, H5Tcopy(H5T_C_S1), "cannot make a type", -1, NULL);
  if (type >= 0 && (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
    thaw_h5_fail(h5, "cannot make a type", -1, NULL);
  }
  return type;
}

/* Fails unless the file's type is as expected. */
static bool check_type(thaw_h5 *h5, hid_t found, hid_t expected, hid_t parent, const char *name,
                       const char *reason) {
  if (h5->status != THAW_OK) return false;
  const htri_t equal = H5Tequal(found, expected);
  if (equal < 0) thaw_h5_fail(h5, "cannot read", parent, name);
  if (equal == 0) thaw_h5_fail_because(h5, parent, name, reason);
  return equal > 0;
}

/* ---- Attributes ----------------------------------------------------------------------------- */

static void put_attribute(thaw_h5 *h5, hid_t object, const char *name, hid_t file_type,
                          hid_t memory_type, const void *value) {
  const size_t mark = thaw_h5_mark(h5);
  const hid_t space = thaw_h5_keep(h5, H5Screate(H5S_SCALAR), "cannot write", object, name);
  if (h5->status == THAW_OK) {
    const hid_t attribute =
        thaw_h5_keep(h5, H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT),
                     "cannot create", object, name);
    if (attribute >= 0 && H5Awrite(attribute, memory_type, value) < 0) {
      thaw_h5_fail(h5, "cannot write", object, name);
    }
  }
  thaw_h5_close_to(h5, mark);
}

/* Reads one value of exactly the type `file_type`. */
static void get_attribute(thaw_h5 *h5, hid_t object, const char *name, hid_t file_type,
                          hid_t memory_type, const char *reason, void *value) {
  const size_t mark = thaw_h5_mark(h5);
  const hid_t attribute =
      thaw_h5_keep(h5, H5Aopen(object, name, H5P_DEFAULT), "cannot find", object, name);
  const hid_t space =
      attribute < 0 ? -1 : thaw_h5_keep(h5, H5Aget_space(attribute), "cannot read", object, name);
  const hid_t type =
      space < 0 ? -1 : thaw_h5_keep(h5, H5Aget_type(attribute), "cannot read", object, name);
  if (h5->status == THAW_OK && H5Sget_simple_extent_npoints(space) != 1) {
    thaw_h5_fail_because(h5, object, name, reason);
  }
  if (check_type(h5, type, file_type, object, name, reason) &&
      H5Aread(attribute, memory_type, value) < 0) {
    thaw_h5_fail(h5, "cannot read", object, name);
  }
  thaw_h5_close_to(h5, mark);
}

void thaw_h5_put_text_attribute(thaw_h5 *h5, hid_t object, const char *name, const char *text) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t type = thaw_h5_text_type(h5);
  if (h5->status == THAW_OK) put_attribute(h5, object, name, type, type, &text);
  thaw_h5_close_to(h5, mark);
}

void thaw_h5_put_number_attribute(thaw_h5 *h5, hid_t object, const char *name, thaw_h5_type type,
                                  const void *value) {
  if (h5->status != THAW_OK) return;
  put_attribute(h5, object, name, thaw_h5_file_type(type), thaw_h5_memory_type(type), value);
}

/* A malloc'ed copy of what HDF5 read, which may be NULL for an empty text; frees that. */
static char *own_text(thaw_h5 *h5, char *read) {
  char *text = strdup(read ? read : "");
  if (!text) thaw_h5_fail_memory(h5, read ? strlen(read) + 1 : 1);
  H5free_memory(read);
  return text;
}

void thaw_h5_get_text_attribute(thaw_h5 *h5, hid_t object, const char *name, char **text) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t type = thaw_h5_text_type(h5);
  char *read = NULL;
  if (h5->status == THAW_OK) {
    get_attribute(h5, object, name, type, type, "is not a text", &read);
  }
  if (h5->status == THAW_OK) *text = own_text(h5, read);
  thaw_h5_close_to(h5, mark);
}

void thaw_h5_get_number_attribute(thaw_h5 *h5, hid_t object, const char *name, thaw_h5_type type,
                                  void *value) {
  if (h5->status != THAW_OK) return;
  get_attribute(h5, object, name, thaw_h5_file_type(type), thaw_h5_memory_type(type),
                "is not a number of the expected type", value);
}

/* ---- Datasets ------------------------------------------------------------------------------- */

/* Creates a dataset and writes it; −1 after a failure. */
static hid_t put_dataset(thaw_h5 *h5, hid_t parent, const char *name, hid_t file_type,
                         hid_t memory_type, size_t rank, const hsize_t *shape, const void *data) {
  char *link = h5->status == THAW_OK ? thaw_h5_link(h5, name) : NULL;
  if (!link) return -1;
  hid_t dataset = -1;
  const hid_t space =
      thaw_h5_keep(h5, rank ? H5Screate_simple((int)rank, shape, NULL) : H5Screate(H5S_SCALAR),
                   "cannot create", parent, name);
  if (space >= 0) {
    dataset = thaw_h5_keep(
        h5, H5Dcreate2(parent, link, file_type, space, h5->link_list, h5->data_list, H5P_DEFAULT),
        "cannot create", parent, name);
  }
  if (dataset >= 0 &&
      H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data ? data : "") < 0) {
    thaw_h5_fail(h5, "cannot write", parent, name);
  }
  free(link);
  return h5->status == THAW_OK ? dataset : -1;
}

hid_t thaw_h5_open_array(thaw_h5 *h5, hid_t parent, const char *name) {
  char *link = h5->status == THAW_OK ? thaw_h5_link(h5, name) : NULL;
  if (!link) return -1;
  const hid_t dataset =
      thaw_h5_keep(h5, H5Dopen2(parent, link, H5P_DEFAULT), "cannot open", parent, name);
  free(link);
  return dataset;
}

hid_t thaw_h5_put_array(thaw_h5 *h5, hid_t parent, const char *name, thaw_h5_type type, size_t rank,
                        const size_t *shape, const void *data) {
  if (h5->status != THAW_OK) return -1;
  hsize_t sizes[THAW_H5_MAX_RANK];
  if (rank > THAW_H5_MAX_RANK) {
    thaw_h5_fail_because(h5, parent, name, "has too many dimensions");
    return -1;
  }
  for (size_t i = 0; i < rank; i++) sizes[i] = shape[i];
  return put_dataset(h5, parent, name, thaw_h5_file_type(type), thaw_h5_memory_type(type), rank,
                     sizes, data);
}

/* Which of our types the dataset has; false, with the error noted, for any other. */
static bool find_type(thaw_h5 *h5, hid_t array, thaw_h5_type *type) {
  const hid_t found = thaw_h5_keep(h5, H5Dget_type(array), "cannot read", array, NULL);
  if (found < 0) return false;
  for (int t = THAW_H5_FLOAT; t <= THAW_H5_BYTE; t++) {
    if (H5Tequal(found, thaw_h5_file_type((thaw_h5_type)t)) > 0) {
      *type = (thaw_h5_type)t;
      return true;
    }
  }
  thaw_h5_fail_because(h5, array, NULL, "is not an array of numbers of a known type");
  return false;
}

void thaw_h5_array_shape(thaw_h5 *h5, hid_t array, thaw_h5_type *type, size_t *rank,
                         size_t shape[THAW_H5_MAX_RANK]) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  hsize_t sizes[H5S_MAX_RANK];
  const hid_t space = thaw_h5_keep(h5, H5Dget_space(array), "cannot read", array, NULL);
  if (space >= 0 && find_type(h5, array, type)) {
    const int dimensions = H5Sget_simple_extent_dims(space, sizes, NULL);
    size_t bytes = thaw_h5_size(*type);
    bool sane = dimensions >= 0 && dimensions <= THAW_H5_MAX_RANK;
    for (int i = 0; sane && i < dimensions; i++) {
      sane = sizes[i] == 0 || bytes <= SIZE_MAX / 2 / sizes[i];
      shape[i] = (size_t)sizes[i];
      if (sane) bytes *= shape[i];
    }
    /* What is stored bounds what is allocated for it: no array is larger than its file. */
    if (!sane || H5Dget_storage_size(array) != bytes) {
      thaw_h5_fail_because(h5, array, NULL, "is not stored as a whole");
    }
    *rank = sane ? (size_t)dimensions : 0;
  }
  thaw_h5_close_to(h5, mark);
}

void thaw_h5_read_array(thaw_h5 *h5, hid_t array, thaw_h5_type type, void *data) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  thaw_h5_type found;
  if (find_type(h5, array, &found)) {
    if (found != type) {
      thaw_h5_fail_because(h5, array, NULL, "holds numbers of another type than expected");
    } else if (H5Dread(array, thaw_h5_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
      thaw_h5_fail(h5, "cannot read", array, NULL);
    }
  }
  thaw_h5_close_to(h5, mark);
}

/* ---- Texts ---------------------------------------------------------------------------------- */

static void put_texts(thaw_h5 *h5, hid_t parent, const char *name, size_t rank, hsize_t count,
                      const char *const *texts) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t type = thaw_h5_text_type(h5);
  if (h5->status == THAW_OK) put_dataset(h5, parent, name, type, type, rank, &count, texts);
  thaw_h5_close_to(h5, mark);
}

void thaw_h5_put_text(thaw_h5 *h5, hid_t parent, const char *name, const char *text) {
  put_texts(h5, parent, name, 0, 1, &text);
}

void thaw_h5_put_texts(thaw_h5 *h5, hid_t parent, const char *name, size_t count,
                       const char *const *texts) {
  put_texts(h5, parent, name, 1, count, texts);
}

/* Copies of what HDF5 read into `read`. */
static void take_texts(thaw_h5 *h5, char *const *read, size_t count, char ***texts) {
  char **copies = calloc(count ? count : 1, sizeof *copies);
  bool ok = copies != NULL;
  size_t done = 0;
  for (; ok && done < count; done++) {
    copies[done] = strdup(read[done] ? read[done] : "");
    ok = copies[done] != NULL;
  }
  if (!ok) {
    thaw_h5_free_texts(copies, done);
    thaw_h5_fail_memory(h5, count * sizeof *copies);
    return;
  }
  *texts = copies;
}

/* Reads the dataset's texts, `*count` in number. */
static void read_texts(thaw_h5 *h5, hid_t dataset, hid_t space, hid_t type, char ***texts,
                       size_t *count) {
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  /* 16 bytes is what HDF5 stores of each text in place. */
  if (points < 0 || H5Dget_storage_size(dataset) != (hsize_t)points * 16) {
    thaw_h5_fail_because(h5, dataset, NULL, "is not stored as a whole");
    return;
  }
  char **read = calloc(points ? (size_t)points : 1, sizeof *read);
  if (!read) {
    thaw_h5_fail_memory(h5, (size_t)points * sizeof *read);
    return;
  }
  if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read) < 0) {
    thaw_h5_fail(h5, "cannot read", dataset, NULL);
  } else {
    take_texts(h5, read, (size_t)points, texts);
    if (h5->status == THAW_OK) *count = (size_t)points;
  }
  for (size_t i = 0; i < (size_t)points; i++) H5free_memory(read[i]);
  free(read);
}

void thaw_h5_get_texts(thaw_h5 *h5, hid_t parent, const char *name, char ***texts, size_t *count) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t expected = thaw_h5_text_type(h5);
  const hid_t dataset = thaw_h5_open_array(h5, parent, name);
  if (dataset >= 0) {
    const hid_t space = thaw_h5_keep(h5, H5Dget_space(dataset), "cannot read", parent, name);
    const hid_t type = thaw_h5_keep(h5, H5Dget_type(dataset), "cannot read", parent, name);
    if (check_type(h5, type, expected, parent, name, "does not hold texts")) {
      read_texts(h5, dataset, space, expected, texts, count);
    }
  }
  thaw_h5_close_to(h5, mark);
}

void thaw_h5_get_text(thaw_h5 *h5, hid_t parent, const char *name, char **text) {
  char **texts = NULL;
  size_t count = 0;
  thaw_h5_get_texts(h5, parent, name, &texts, &count);
  if (h5->status != THAW_OK) return;
  if (count == 1) {
    *text = texts[0];
    texts[0] = NULL;
  } else {
    thaw_h5_fail_because(h5, parent, name, "is not one text");
  }
  thaw_h5_free_texts(texts, count);
}
