/* series.c: the tables "steps" and "epochs" of a stage. A row of a file's table is a row in memory
 * as it stands, followed by a number for each of some groups: rate_GROUP in steps, distance_GROUP
 * in epochs. The list "taken" names those groups whose values were taken over. */
#include "store/series.h"

#include <stdlib.h>
#include <string.h>

static const thaw_h5_column step_columns[] = {{"step", THAW_H5_INT64},
                                              {"epoch", THAW_H5_INT64},
                                              {"loss", THAW_H5_DOUBLE},
                                              {"gradient_norm", THAW_H5_DOUBLE},
                                              {"tokens_per_second", THAW_H5_DOUBLE}};
static const thaw_h5_column epoch_columns[] = {
    {"epoch", THAW_H5_INT64},       {"step", THAW_H5_INT64},        {"train_loss", THAW_H5_DOUBLE},
    {"valid_loss", THAW_H5_DOUBLE}, {"perplexity", THAW_H5_DOUBLE}, {"accuracy", THAW_H5_DOUBLE},
    {"macro_f1", THAW_H5_DOUBLE},   {"seconds", THAW_H5_DOUBLE}};
enum {
  STEP_COLUMNS = sizeof step_columns / sizeof *step_columns,
  EPOCH_COLUMNS = sizeof epoch_columns / sizeof *epoch_columns,
};
_Static_assert(sizeof(thaw_step_row) == 8 * STEP_COLUMNS, "a row in memory has no gaps");
_Static_assert(sizeof(thaw_epoch_row) == 8 * EPOCH_COLUMNS, "a row in memory has no gaps");

/* What a table looks like. */
typedef struct layout {
  const char *name;
  const thaw_h5_column *columns; /* of the rows in memory */
  size_t column_count;
  const char *prefix;  /* of the groups' columns */
  char *const *groups; /* [group_count] */
  size_t group_count;
} layout;

static layout steps_of(const thaw_series *series) {
  return (layout){.name = "steps",
                  .columns = step_columns,
                  .column_count = STEP_COLUMNS,
                  .prefix = "rate_",
                  .groups = series ? series->groups : NULL,
                  .group_count = series ? series->group_count : 0};
}

static layout epochs_of(const thaw_series *series) {
  return (layout){.name = "epochs",
                  .columns = epoch_columns,
                  .column_count = EPOCH_COLUMNS,
                  .prefix = "distance_",
                  .groups = series ? series->moved : NULL,
                  .group_count = series ? series->moved_count : 0};
}

/* Bytes of a row in memory, and of the groups' numbers behind it. */
static size_t fixed_bytes(const layout *l) {
  return 8 * l->column_count;
}
static size_t groups_bytes(const layout *l) {
  return l->group_count * sizeof(double);
}

/* The rows' columns, then one for each group; their names stand in `names`. NULL: no memory. */
static thaw_h5_column *all_columns(const layout *l, thaw_buffer *names) {
  for (size_t g = 0; g < l->group_count; g++) {
    if (!thaw_buffer_format(names, "%s%s", l->prefix, l->groups[g]) ||
        !thaw_buffer_append(names, "", 1)) {
      return NULL;
    }
  }
  thaw_h5_column *columns = calloc(l->column_count + l->group_count, sizeof *columns);
  if (!columns) return NULL;
  memcpy(columns, l->columns, l->column_count * sizeof *columns);
  const char *name = names->data;
  for (size_t g = 0; g < l->group_count; g++, name += strlen(name) + 1) {
    columns[l->column_count + g] = (thaw_h5_column){name, THAW_H5_DOUBLE};
  }
  return columns;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* `rows` [count] as they stand in memory; `numbers` [count][group_count]. */
static void write_table(thaw_h5 *h5, hid_t stage, layout l, const void *rows, const double *numbers,
                        size_t count) {
  const size_t fixed = fixed_bytes(&l), behind = groups_bytes(&l), row_bytes = fixed + behind;
  thaw_buffer names = {0};
  thaw_h5_column *columns = all_columns(&l, &names);
  char *joined = calloc(count + 1, row_bytes);
  if (columns && joined) {
    for (size_t i = 0; i < count; i++) {
      char *row = joined + i * row_bytes;
      memcpy(row, (const char *)rows + i * fixed, fixed);
      if (behind) memcpy(row + fixed, numbers + i * l.group_count, behind);
    }
    thaw_h5_put_table(h5, stage, l.name, l.column_count + l.group_count, columns, count, joined);
  } else {
    thaw_h5_fail_memory(h5, count * row_bytes);
  }
  thaw_buffer_free(&names);
  free(columns);
  free(joined);
}

static void write_taken(thaw_h5 *h5, hid_t stage, const thaw_series *series) {
  if (series->moved_count == 0 || h5->status != THAW_OK) return;
  const char **names = calloc(series->moved_count, sizeof *names);
  size_t count = 0;
  if (!names) {
    thaw_h5_fail_memory(h5, series->moved_count * sizeof *names);
    return;
  }
  for (size_t g = 0; g < series->moved_count; g++) {
    if (series->taken[g]) names[count++] = series->moved[g];
  }
  thaw_h5_put_texts(h5, stage, "taken", count, names);
  free(names);
}

void thaw_series_write(thaw_h5 *h5, hid_t metrics, const thaw_series *series) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t stage = thaw_h5_create_group(h5, metrics, series->stage);
  write_table(h5, stage, steps_of(series), series->steps, series->rates, series->step_count);
  write_table(h5, stage, epochs_of(series), series->epochs, series->distances, series->epoch_count);
  write_taken(h5, stage, series);
  thaw_h5_close_to(h5, mark);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* The groups that have columns in the table, malloc'ed like their names (`columns`, in which they
 * stand); NULL after a failure. */
static const char **read_groups(thaw_h5 *h5, hid_t place, layout l, char ***columns,
                                size_t *column_count, size_t *group_count) {
  size_t rows = 0;
  *column_count = *group_count = 0;
  thaw_h5_table_shape(h5, place, l.name, &rows, columns, column_count);
  if (h5->status != THAW_OK) return NULL;
  const char **groups = calloc(*column_count + 1, sizeof *groups);
  if (!groups) thaw_h5_fail_memory(h5, *column_count * sizeof *groups);
  for (size_t i = 0; groups && i < *column_count; i++) {
    const size_t length = strlen(l.prefix);
    if (strncmp((*columns)[i], l.prefix, length) == 0)
      groups[(*group_count)++] = (*columns)[i] + length;
  }
  return groups;
}

/* A series with the groups that the columns of the table of steps name; NULL after a failure. */
static thaw_series *create_series(thaw_h5 *h5, hid_t place, const char *stage) {
  char **columns = NULL;
  size_t column_count = 0, group_count = 0;
  const char **groups =
      read_groups(h5, place, steps_of(NULL), &columns, &column_count, &group_count);
  thaw_series *series = groups ? thaw_series_create(stage, group_count, groups) : NULL;
  if (groups && !series) thaw_h5_fail_memory(h5, group_count * sizeof *groups);
  free(groups);
  thaw_h5_free_texts(columns, column_count);
  return series;
}

/* Which of the groups were taken over. */
static bool *read_taken(thaw_h5 *h5, hid_t place, size_t count, const char *const *groups) {
  char **names = NULL;
  size_t name_count = 0;
  bool *taken = calloc(count + 1, sizeof *taken);
  if (!taken) thaw_h5_fail_memory(h5, count);
  if (thaw_h5_has(h5, place, "taken")) thaw_h5_get_texts(h5, place, "taken", &names, &name_count);
  for (size_t g = 0; taken && g < count; g++) {
    for (size_t i = 0; i < name_count; i++) taken[g] |= strcmp(groups[g], names[i]) == 0;
  }
  thaw_h5_free_texts(names, name_count);
  return taken;
}

/* The groups that the columns of the table of epochs name; older files have none. */
static void read_moved(thaw_h5 *h5, hid_t place, thaw_series *series) {
  char **columns = NULL;
  size_t column_count = 0, count = 0;
  const char **groups = read_groups(h5, place, epochs_of(NULL), &columns, &column_count, &count);
  if (groups && count > 0) {
    bool *taken = read_taken(h5, place, count, groups);
    if (taken && !thaw_series_follow(series, count, groups, taken))
      thaw_h5_fail_memory(h5, count * sizeof *groups);
    free(taken);
  }
  free(groups);
  thaw_h5_free_texts(columns, column_count);
}

/* Parts the table's rows: `*rows` and `*numbers` are malloc'ed. */
static void read_table(thaw_h5 *h5, hid_t place, layout l, void **rows, double **numbers,
                       size_t *row_count) {
  const size_t fixed = fixed_bytes(&l), behind = groups_bytes(&l), row_bytes = fixed + behind;
  thaw_buffer names = {0};
  char *joined = NULL;
  size_t count = 0;
  thaw_h5_column *columns = all_columns(&l, &names);
  if (!columns) thaw_h5_fail_memory(h5, l.group_count * sizeof *columns);
  thaw_h5_get_table(h5, place, l.name, l.column_count + l.group_count, columns, &count, &joined);
  char *parted = calloc(count + 1, fixed);
  double *tail = calloc(count * l.group_count + 1, sizeof *tail);
  if (!parted || !tail) thaw_h5_fail_memory(h5, count * row_bytes);
  for (size_t i = 0; h5->status == THAW_OK && i < count; i++) {
    memcpy(parted + i * fixed, joined + i * row_bytes, fixed);
    if (behind) memcpy(tail + i * l.group_count, joined + i * row_bytes + fixed, behind);
  }
  *rows = parted;
  *numbers = tail;
  *row_count = h5->status == THAW_OK ? count : 0;
  thaw_buffer_free(&names);
  free(columns);
  free(joined);
}

static void read_tables(thaw_h5 *h5, hid_t place, thaw_series *series) {
  void *steps = NULL, *epochs = NULL;
  read_table(h5, place, steps_of(series), &steps, &series->rates, &series->step_count);
  series->steps = steps;
  series->step_space = series->step_count;
  read_moved(h5, place, series);
  if (h5->status != THAW_OK) return;
  free(series->distances);
  read_table(h5, place, epochs_of(series), &epochs, &series->distances, &series->epoch_count);
  series->epochs = epochs;
  series->epoch_space = series->epoch_count;
}

thaw_series *thaw_series_read(thaw_h5 *h5, hid_t metrics, const char *stage) {
  if (h5->status != THAW_OK) return NULL;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t place = thaw_h5_open_group(h5, metrics, stage);
  thaw_series *series = create_series(h5, place, stage);
  if (series) read_tables(h5, place, series);
  thaw_h5_close_to(h5, mark);
  if (h5->status == THAW_OK) return series;
  thaw_series_free(series);
  return NULL;
}
