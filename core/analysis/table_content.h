/* table_content.h: the inside of a thaw_table, for the file that fills it and the one that prints
 * it. */
#ifndef THAW_TABLE_CONTENT_H
#define THAW_TABLE_CONTENT_H

#include "analysis/table.h"

typedef enum table_cell_kind { CELL_NOTHING, CELL_TEXT, CELL_NUMBER } table_cell_kind;

typedef struct table_cell {
  table_cell_kind kind;
  char *text; /* valid UTF-8 */
  double number;
  int decimals;
} table_cell;

typedef struct table_column {
  char *heading;
  bool has_texts, has_numbers;
} table_column;

struct thaw_table {
  table_column *columns;
  size_t column_count;
  table_cell *cells; /* row by row */
  size_t cell_count, cell_space;
  bool failed; /* there was no memory for something */
};

#endif
