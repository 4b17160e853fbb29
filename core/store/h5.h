/* h5.h: a small, safe layer over the HDF5 C API.
 *
 * A thaw_h5 is one piece of work on one file. It remembers every handle that was opened through it
 * and closes them, newest first; while it lasts, HDF5 prints nothing; HDF5's innermost words on
 * what went wrong end up in our message. Errors are sticky: after the first one every function does
 * nothing, handles are −1 and results keep their values, so that a caller looks at the status once,
 * at the end.
 *
 * Names of links may be any text: '/', '%' and the names "." and ".." are written as %2F, %25, %2E,
 * %2E%2E. */
#ifndef THAW_H5_H
#define THAW_H5_H

#include <hdf5.h>

#include "base/buffer.h"
#include "thaw/base.h"

typedef struct thaw_h5 {
  thaw_context *ctx;
  const char *path;    /* the file's name in messages */
  thaw_status status;  /* THAW_OK until something fails */
  thaw_status failure; /* what a failure of HDF5 means: writing THAW_FAILED, reading THAW_INVALID */
  hid_t *handles;
  size_t count, space;
  hid_t link_list, group_list, data_list; /* property lists for creating; 0 when reading */
  H5E_auto2_t print;                      /* the error printing to go back to */
  void *print_data;
} thaw_h5;

/* `path` belongs to the caller. */
void thaw_h5_begin(thaw_h5 *h5, thaw_context *ctx, const char *path, thaw_status failure);
/* Closes all handles and returns the status. */
thaw_status thaw_h5_end(thaw_h5 *h5);
/* Closes the handles that were opened since thaw_h5_mark. */
size_t thaw_h5_mark(const thaw_h5 *h5);
void thaw_h5_close_to(thaw_h5 *h5, size_t mark);
/* Notes that `action` on `name` in the group or file `parent` failed, with HDF5's innermost reason.
 */
void thaw_h5_fail(thaw_h5 *h5, const char *action, hid_t parent, const char *name);
void thaw_h5_fail_memory(thaw_h5 *h5, size_t bytes);
/* Notes that `name` in `parent` is not what it should be. */
void thaw_h5_fail_because(thaw_h5 *h5, hid_t parent, const char *name, const char *reason);

/* ---- Files and groups ---------------------------------------------------------------------- */

/* Creates the file `part` behind a user block of `room` bytes. A failing disk is not an error here:
 * see disk.h. */
hid_t thaw_h5_create(thaw_h5 *h5, const char *part, size_t room, int *disk_failure);
hid_t thaw_h5_open(thaw_h5 *h5);
hid_t thaw_h5_create_group(thaw_h5 *h5, hid_t parent, const char *name);
hid_t thaw_h5_open_group(thaw_h5 *h5, hid_t parent, const char *name);
/* False also after an error. */
bool thaw_h5_has(thaw_h5 *h5, hid_t parent, const char *name);
bool thaw_h5_has_attribute(thaw_h5 *h5, hid_t object, const char *name);
/* The names in a group in the order in which they were created; free with thaw_h5_free_texts. */
void thaw_h5_names(thaw_h5 *h5, hid_t group, char ***names, size_t *count);
/* The names of an object's attributes, sorted; the same. */
void thaw_h5_attribute_names(thaw_h5 *h5, hid_t object, char ***names, size_t *count);
void thaw_h5_free_texts(char **texts, size_t count);

/* ---- Values: texts are variable-length UTF-8, numbers little-endian ------------------------- */

typedef enum thaw_h5_type {
  THAW_H5_FLOAT,
  THAW_H5_DOUBLE,
  THAW_H5_INT32,
  THAW_H5_INT64,
  THAW_H5_UINT64,
  THAW_H5_BYTE,
} thaw_h5_type;
size_t thaw_h5_size(thaw_h5_type type);

/* Attributes of a file, group or dataset. `type` is one of INT64, UINT64, DOUBLE. Texts that are
 * read are malloc'ed. */
void thaw_h5_put_text_attribute(thaw_h5 *h5, hid_t object, const char *name, const char *text);
void thaw_h5_put_number_attribute(thaw_h5 *h5, hid_t object, const char *name, thaw_h5_type type,
                                  const void *value);
void thaw_h5_get_text_attribute(thaw_h5 *h5, hid_t object, const char *name, char **text);
void thaw_h5_get_number_attribute(thaw_h5 *h5, hid_t object, const char *name, thaw_h5_type type,
                                  void *value);

/* One text; a list of texts (free with thaw_h5_free_texts). */
void thaw_h5_put_text(thaw_h5 *h5, hid_t parent, const char *name, const char *text);
void thaw_h5_put_texts(thaw_h5 *h5, hid_t parent, const char *name, size_t count,
                       const char *const *texts);
void thaw_h5_get_text(thaw_h5 *h5, hid_t parent, const char *name, char **text);
void thaw_h5_get_texts(thaw_h5 *h5, hid_t parent, const char *name, char ***texts, size_t *count);

/* Arrays, contiguous, written from and read into the caller's memory without a copy of their own.
 * The dataset that was created or opened is returned and stays open until thaw_h5_close_to. */
enum { THAW_H5_MAX_RANK = 8 };
hid_t thaw_h5_put_array(thaw_h5 *h5, hid_t parent, const char *name, thaw_h5_type type, size_t rank,
                        const size_t *shape, const void *data);
hid_t thaw_h5_open_array(thaw_h5 *h5, hid_t parent, const char *name);
/* Fails unless the array is stored as a whole with the size that its shape says. */
void thaw_h5_array_shape(thaw_h5 *h5, hid_t array, thaw_h5_type *type, size_t *rank,
                         size_t shape[THAW_H5_MAX_RANK]);
/* `data` has room for the whole array, whose type must be `type`. */
void thaw_h5_read_array(thaw_h5 *h5, hid_t array, thaw_h5_type type, void *data);

/* Tables: one-dimensional datasets of a compound type, which h5py gives as structured arrays. A row
 * in memory holds its columns one after the other without gaps. */
typedef struct thaw_h5_column {
  const char *name;
  thaw_h5_type type;
} thaw_h5_column;
void thaw_h5_put_table(thaw_h5 *h5, hid_t parent, const char *name, size_t column_count,
                       const thaw_h5_column *columns, size_t row_count, const void *rows);
/* Number of rows, and the names of all columns in order (free with thaw_h5_free_texts). */
void thaw_h5_table_shape(thaw_h5 *h5, hid_t parent, const char *name, size_t *row_count,
                         char ***columns, size_t *column_count);
/* Reads the named columns of every row; a column that is missing is an error. `rows` is malloc'ed.
 */
void thaw_h5_get_table(thaw_h5 *h5, hid_t parent, const char *name, size_t column_count,
                       const thaw_h5_column *columns, size_t *row_count, char **rows);

/* For the files of this layer only: keeps a handle for closing and returns it, or notes the failure
 * and returns −1; the malloc'ed name of a link; the file's and the memory's type of a number, and
 * of a text. */
hid_t thaw_h5_keep(thaw_h5 *h5, hid_t handle, const char *action, hid_t parent, const char *name);
char *thaw_h5_link(thaw_h5 *h5, const char *name);
hid_t thaw_h5_file_type(thaw_h5_type type);
hid_t thaw_h5_memory_type(thaw_h5_type type);
hid_t thaw_h5_text_type(thaw_h5 *h5);

#endif
