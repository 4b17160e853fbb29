/* table.h: results in rows and columns, printed for people or for programs.
 *
 *   table     columns aligned by what a terminal shows of them (wide and combining characters
 *             count as they look)
 *
 *   csv       RFC 4180; numbers in full
 *
 *   json      an array of objects, one a row, with the headings as keys; numbers in full, null for
 *             no value
 *
 *   markdown  a pipe table
 *
 *   latex     a tabular with the rules of the package booktabs
 *
 * Fill a table cell by cell, row by row. Adding does not report that memory ran out: writing does,
 * so that the code which fills a table reads well. */
#ifndef THAW_TABLE_H
#define THAW_TABLE_H

#include "base/buffer.h"
#include "thaw/base.h"

typedef enum thaw_table_format {
  THAW_TABLE_TEXT,
  THAW_TABLE_CSV,
  THAW_TABLE_JSON,
  THAW_TABLE_MARKDOWN,
  THAW_TABLE_LATEX,
} thaw_table_format;
/* "table", "csv", "json", "markdown", "latex": in the order of the numbers above, ends with NULL.
 */
extern const char *const thaw_table_formats[];
/* Is it one that people read, with rounded numbers? */
bool thaw_table_for_people(thaw_table_format format);

typedef struct thaw_table thaw_table;

/* Starts without columns. NULL when there is no memory. */
thaw_table *thaw_table_create(void);
void thaw_table_free(thaw_table *table);

/* Columns come before the first cell. */
void thaw_table_column(thaw_table *table, const char *heading);
/* The next cell; after the last column follows the next row. A NULL text is no value. Bytes that
 * are not UTF-8 are replaced. */
void thaw_table_text(thaw_table *table, const char *text);
/* For people with `decimals` decimals, for programs in full. NaN and infinities are no value. */
void thaw_table_number(thaw_table *table, double value, int decimals);
void thaw_table_nothing(thaw_table *table);

size_t thaw_table_rows(const thaw_table *table); /* complete ones */

/* Appends the table to `out`. In the text format, when `width` > 0, the last column is broken into
 * lines so that the table is no wider, where that is possible. */
thaw_status thaw_table_write(thaw_context *ctx, const thaw_table *table, thaw_table_format format,
                             size_t width, thaw_buffer *out);

#endif
