/* h5_table.c: tables with named columns, as compound datasets. */
#include <stdlib.h>
#include <string.h>

#include "store/h5.h"

/* A compound type of these columns without gaps, for the file or for memory. */
static hid_t row_type(thaw_h5 *h5, size_t count, const thaw_h5_column *columns, bool in_file) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += thaw_h5_size(columns[i].type);
  const hid_t row =
      thaw_h5_keep(h5, H5Tcreate(H5T_COMPOUND, bytes), "cannot make a type", -1, NULL);
  size_t offset = 0;
  for (size_t i = 0; h5->status == THAW_OK && i < count; i++) {
    const thaw_h5_type type = columns[i].type;
    const hid_t cell = in_file ? thaw_h5_file_type(type) : thaw_h5_memory_type(type);
    if (H5Tinsert(row, columns[i].name, offset, cell) < 0) {
      thaw_h5_fail(h5, "cannot make a column", -1, columns[i].name);
    }
    offset += thaw_h5_size(type);
  }
  return row;
}

void thaw_h5_put_table(thaw_h5 *h5, hid_t parent, const char *name, size_t column_count,
                       const thaw_h5_column *columns, size_t row_count, const void *rows) {
  char *link = h5->status == THAW_OK ? thaw_h5_link(h5, name) : NULL;
  if (!link) return;
  const size_t mark = thaw_h5_mark(h5);
  const hsize_t shape = row_count;
  const hid_t in_file = row_type(h5, column_count, columns, true);
  const hid_t in_memory = row_type(h5, column_count, columns, false);
  const hid_t space =
      thaw_h5_keep(h5, H5Screate_simple(1, &shape, NULL), "cannot create", parent, name);
  if (h5->status == THAW_OK) {
    const hid_t table = thaw_h5_keep(
        h5, H5Dcreate2(parent, link, in_file, space, h5->link_list, h5->data_list, H5P_DEFAULT),
        "cannot create", parent, name);
    if (table >= 0 && row_count > 0 &&
        H5Dwrite(table, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows) < 0) {
      thaw_h5_fail(h5, "cannot write", parent, name);
    }
  }
  free(link);
  thaw_h5_close_to(h5, mark);
}

/* Opens a table: its handle, its type and its number of rows. */
static hid_t open_table(thaw_h5 *h5, hid_t parent, const char *name, hid_t *row, size_t *count) {
  const hid_t table = thaw_h5_open_array(h5, parent, name);
  if (table < 0) return -1;
  const hid_t space = thaw_h5_keep(h5, H5Dget_space(table), "cannot read", parent, name);
  *row = thaw_h5_keep(h5, H5Dget_type(table), "cannot read", parent, name);
  if (h5->status != THAW_OK) return -1;
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  if (H5Tget_class(*row) != H5T_COMPOUND || H5Sget_simple_extent_ndims(space) != 1 || points < 0 ||
      H5Dget_storage_size(table) != (hsize_t)points * H5Tget_size(*row)) {
    thaw_h5_fail_because(h5, parent, name, "is not a table");
    return -1;
  }
  *count = (size_t)points;
  return table;
}

void thaw_h5_table_shape(thaw_h5 *h5, hid_t parent, const char *name, size_t *row_count,
                         char ***columns, size_t *column_count) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  hid_t row = -1;
  if (open_table(h5, parent, name, &row, row_count) >= 0) {
    const int members = H5Tget_nmembers(row);
    char **names = calloc(members > 0 ? (size_t)members : 1, sizeof *names);
    if (!names) thaw_h5_fail_memory(h5, sizeof *names);
    for (int i = 0; h5->status == THAW_OK && i < members; i++) {
      char *found = H5Tget_member_name(row, (unsigned)i);
      if (!found) thaw_h5_fail(h5, "cannot read", parent, name);
      names[i] = found ? strdup(found) : NULL;
      if (!names[i]) thaw_h5_fail_memory(h5, 1);
      H5free_memory(found);
    }
    if (h5->status == THAW_OK) {
      *columns = names;
      *column_count = members > 0 ? (size_t)members : 0;
    } else {
      thaw_h5_free_texts(names, names && members > 0 ? (size_t)members : 0);
    }
  }
  thaw_h5_close_to(h5, mark);
}

/* Fails unless every column is there as a number. */
static void check_columns(thaw_h5 *h5, hid_t parent, const char *name, hid_t row, size_t count,
                          const thaw_h5_column *columns) {
  for (size_t i = 0; h5->status == THAW_OK && i < count; i++) {
    const int index = H5Tget_member_index(row, columns[i].name);
    const H5T_class_t kind = index < 0 ? H5T_NO_CLASS : H5Tget_member_class(row, (unsigned)index);
    if (kind != H5T_INTEGER && kind != H5T_FLOAT) {
      thaw_buffer reason = {0};
      thaw_buffer_format(&reason, "has no column '%s' of numbers", columns[i].name);
      thaw_h5_fail_because(h5, parent, name, reason.data ? reason.data : "lacks a column");
      thaw_buffer_free(&reason);
    }
  }
}

void thaw_h5_get_table(thaw_h5 *h5, hid_t parent, const char *name, size_t column_count,
                       const thaw_h5_column *columns, size_t *row_count, char **rows) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  hid_t stored = -1;
  size_t count = 0;
  const hid_t table = open_table(h5, parent, name, &stored, &count);
  check_columns(h5, parent, name, stored, column_count, columns);
  const hid_t row = h5->status == THAW_OK ? row_type(h5, column_count, columns, false) : -1;
  if (h5->status == THAW_OK) {
    const size_t bytes = H5Tget_size(row);
    char *read = count <= SIZE_MAX / bytes ? calloc(count ? count : 1, bytes) : NULL;
    if (!read) {
      thaw_h5_fail_memory(h5, bytes);
    } else if (count > 0 && H5Dread(table, row, H5S_ALL, H5S_ALL, H5P_DEFAULT, read) < 0) {
      thaw_h5_fail(h5, "cannot read", parent, name);
      free(read);
    } else {
      *rows = read;
      *row_count = count;
    }
  }
  thaw_h5_close_to(h5, mark);
}
