/* series.c: the tables "steps" and "epochs" of a stage. A row of a file's table is a row in memory
 * as it stands, for steps followed by the rates, one column per group: rate_GROUP. */
#include "store/series.h"

#include <stdlib.h>
#include <string.h>

#define RATE "rate_"

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

/* The columns of the table of steps: ours, then one per group; their names stand in `names`. NULL:
 * no memory. */
static thaw_h5_column *all_columns(const thaw_series *series, thaw_buffer *names) {
  for (size_t g = 0; g < series->group_count; g++) {
    if (!thaw_buffer_format(names, RATE "%s", series->groups[g]) ||
        !thaw_buffer_append(names, "", 1)) {
      return NULL;
    }
  }
  thaw_h5_column *columns = calloc(STEP_COLUMNS + series->group_count, sizeof *columns);
  if (!columns) return NULL;
  memcpy(columns, step_columns, sizeof step_columns);
  const char *name = names->data;
  for (size_t g = 0; g < series->group_count; g++, name += strlen(name) + 1) {
    columns[STEP_COLUMNS + g] = (thaw_h5_column){name, THAW_H5_DOUBLE};
  }
  return columns;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void write_steps(thaw_h5 *h5, hid_t stage, const thaw_series *series) {
  const size_t groups = series->group_count, rates_bytes = groups * sizeof(double);
  const size_t row_bytes = sizeof(thaw_step_row) + rates_bytes;
  thaw_buffer names = {0};
  thaw_h5_column *columns = all_columns(series, &names);
  char *rows = calloc(series->step_count + 1, row_bytes);
  if (columns && rows) {
    for (size_t i = 0; i < series->step_count; i++) {
      char *row = rows + i * row_bytes;
      memcpy(row, &series->steps[i], sizeof(thaw_step_row));
      if (groups) memcpy(row + sizeof(thaw_step_row), series->rates + i * groups, rates_bytes);
    }
    thaw_h5_put_table(h5, stage, "steps", STEP_COLUMNS + groups, columns, series->step_count, rows);
  } else {
    thaw_h5_fail_memory(h5, series->step_count * row_bytes);
  }
  thaw_buffer_free(&names);
  free(columns);
  free(rows);
}

void thaw_series_write(thaw_h5 *h5, hid_t metrics, const thaw_series *series) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t stage = thaw_h5_create_group(h5, metrics, series->stage);
  write_steps(h5, stage, series);
  thaw_h5_put_table(h5, stage, "epochs", EPOCH_COLUMNS, epoch_columns, series->epoch_count,
                    series->epochs);
  thaw_h5_close_to(h5, mark);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* A series with the groups that the columns of the table name; NULL after a failure. */
static thaw_series *create_series(thaw_h5 *h5, hid_t place, const char *stage) {
  char **names = NULL;
  size_t count = 0, rows = 0, groups = 0;
  thaw_h5_table_shape(h5, place, "steps", &rows, &names, &count);
  if (h5->status != THAW_OK) return NULL;
  const char **rates = calloc(count + 1, sizeof *rates);
  thaw_series *series = NULL;
  if (rates) {
    for (size_t i = 0; i < count; i++) {
      if (strncmp(names[i], RATE, strlen(RATE)) == 0) rates[groups++] = names[i] + strlen(RATE);
    }
    series = thaw_series_create(stage, groups, rates);
  }
  if (!series) thaw_h5_fail_memory(h5, count * sizeof *rates);
  free(rates);
  thaw_h5_free_texts(names, count);
  return series;
}

/* Parts the rows into steps and rates. */
static bool take_steps(thaw_series *series, const char *rows, size_t count) {
  const size_t groups = series->group_count, rates_bytes = groups * sizeof(double);
  const size_t row_bytes = sizeof(thaw_step_row) + rates_bytes;
  series->steps = calloc(count + 1, sizeof *series->steps);
  series->rates = calloc(count * groups + 1, sizeof *series->rates);
  if (!series->steps || !series->rates) return false;
  for (size_t i = 0; i < count; i++) {
    const char *row = rows + i * row_bytes;
    memcpy(&series->steps[i], row, sizeof(thaw_step_row));
    if (groups) memcpy(series->rates + i * groups, row + sizeof(thaw_step_row), rates_bytes);
  }
  series->step_count = series->step_space = count;
  return true;
}

static void read_steps(thaw_h5 *h5, hid_t place, thaw_series *series) {
  thaw_buffer names = {0};
  char *rows = NULL;
  size_t count = 0;
  thaw_h5_column *columns = all_columns(series, &names);
  if (!columns) thaw_h5_fail_memory(h5, series->group_count * sizeof *columns);
  thaw_h5_get_table(h5, place, "steps", STEP_COLUMNS + series->group_count, columns, &count, &rows);
  if (h5->status == THAW_OK && !take_steps(series, rows, count)) {
    thaw_h5_fail_memory(h5, count * sizeof(thaw_step_row));
  }
  thaw_buffer_free(&names);
  free(columns);
  free(rows);
}

thaw_series *thaw_series_read(thaw_h5 *h5, hid_t metrics, const char *stage) {
  if (h5->status != THAW_OK) return NULL;
  const size_t mark = thaw_h5_mark(h5);
  const hid_t place = thaw_h5_open_group(h5, metrics, stage);
  thaw_series *series = create_series(h5, place, stage);
  if (series) {
    char *epochs = NULL;
    read_steps(h5, place, series);
    thaw_h5_get_table(h5, place, "epochs", EPOCH_COLUMNS, epoch_columns, &series->epoch_count,
                      &epochs);
    series->epochs = (thaw_epoch_row *)(void *)epochs;
    series->epoch_space = series->epoch_count;
  }
  thaw_h5_close_to(h5, mark);
  if (h5->status == THAW_OK) return series;
  thaw_series_free(series);
  return NULL;
}
