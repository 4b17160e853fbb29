/* table.c: what a table holds. How it is printed stands in table_write.c. */
#include "analysis/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "analysis/table_content.h"

const char *const thaw_table_formats[] = {"table", "csv", "json", "markdown", "latex", NULL};

bool thaw_table_for_people(thaw_table_format format) {
  return format != THAW_TABLE_CSV && format != THAW_TABLE_JSON;
}

thaw_table *thaw_table_create(void) {
  return calloc(1, sizeof(thaw_table));
}

void thaw_table_free(thaw_table *table) {
  if (!table) return;
  for (size_t i = 0; i < table->column_count; i++) free(table->columns[i].heading);
  for (size_t i = 0; i < table->cell_count; i++) free(table->cells[i].text);
  free(table->columns);
  free(table->cells);
  free(table);
}

/* A copy in which every byte that is not part of valid UTF-8 is U+FFFD; NULL when there is no
 * memory. */
static char *valid_copy(const char *text) {
  const uint8_t *next = (const uint8_t *)text;
  size_t left = strlen(text);
  thaw_buffer copy = {0};
  bool ok = thaw_buffer_text(&copy, "");
  while (ok && left > 0) {
    ucs4_t character;
    const int length = u8_mbtoucr(&character, next, left);
    const size_t bytes = length > 0 ? (size_t)length : 1;
    ok = length > 0 ? thaw_buffer_append(&copy, next, bytes) : thaw_buffer_text(&copy, "\uFFFD");
    next += bytes;
    left -= bytes;
  }
  ok = ok && thaw_buffer_append(&copy, "", 1);
  if (!ok) thaw_buffer_free(&copy);
  return copy.data;
}

void thaw_table_column(thaw_table *table, const char *heading) {
  if (table->failed) return;
  table_column *columns =
      realloc(table->columns, (table->column_count + 1) * sizeof *table->columns);
  char *copy = valid_copy(heading);
  if (columns) table->columns = columns;
  if (!columns || !copy) {
    free(copy);
    table->failed = true;
    return;
  }
  table->columns[table->column_count++] = (table_column){copy, false, false};
}

static void add_cell(thaw_table *table, table_cell cell) {
  if (!table->failed && table->cell_count == table->cell_space) {
    const size_t space = table->cell_space ? 2 * table->cell_space : 64;
    table_cell *cells = realloc(table->cells, space * sizeof *cells);
    if (cells) {
      table->cells = cells;
      table->cell_space = space;
    } else {
      table->failed = true;
    }
  }
  if (table->failed || table->column_count == 0) {
    free(cell.text);
    return;
  }
  table_column *column = &table->columns[table->cell_count % table->column_count];
  if (cell.kind == CELL_TEXT) column->has_texts = true;
  if (cell.kind == CELL_NUMBER) column->has_numbers = true;
  table->cells[table->cell_count++] = cell;
}

void thaw_table_text(thaw_table *table, const char *text) {
  if (!text) {
    thaw_table_nothing(table);
    return;
  }
  char *copy = valid_copy(text);
  if (!copy) table->failed = true;
  add_cell(table, (table_cell){.kind = CELL_TEXT, .text = copy});
}

void thaw_table_number(thaw_table *table, double value, int decimals) {
  if (isfinite(value)) {
    add_cell(table, (table_cell){.kind = CELL_NUMBER, .number = value, .decimals = decimals});
  } else {
    thaw_table_nothing(table);
  }
}

void thaw_table_nothing(thaw_table *table) {
  add_cell(table, (table_cell){.kind = CELL_NOTHING});
}

size_t thaw_table_rows(const thaw_table *table) {
  return table->column_count ? table->cell_count / table->column_count : 0;
}
