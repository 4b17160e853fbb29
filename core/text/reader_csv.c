/* reader_csv.c: comma- or tab-separated tables with a header row, parsed by libcsv, strictly.
 *
 * The parser is fed one physical line at a time, so that every row and every broken quote has its
 * line. Only \n ends a row (\r\n has become \n by then) and spaces belong to their cell, as RFC
 * 4180 says. Only the wanted cells are kept. */
#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/context.h"
#include "text/reader_format.h"

#define NO_COLUMN SIZE_MAX

typedef struct table {
  struct csv_parser parser;
  char delimiter;
  thaw_buffer header; /* the names, each with its NUL */
  size_t columns;
  size_t text_column, label_column; /* NO_COLUMN: not wanted */
  thaw_buffer text, label;          /* the wanted cells of the row */
  size_t cells;                     /* of the row so far */
  bool row_ended, no_memory;
  size_t row_line;  /* where the row began */
  size_t cell_line; /* where the cell began that is being read */
  size_t line;      /* being fed */
} table;

static int is_row_end(unsigned char c) {
  return c == '\n';
}

static int is_space(unsigned char c) {
  (void)c;
  return 0;
}

static void end_cell(void *cell, size_t bytes, void *user) {
  table *t = user;
  thaw_buffer *kept = NULL;
  if (t->columns == 0) {
    kept = &t->header;
  } else if (t->cells == t->text_column) {
    kept = &t->text;
  } else if (t->cells == t->label_column) {
    kept = &t->label;
  }
  if (kept && !thaw_buffer_append(kept, cell, bytes)) t->no_memory = true;
  if (kept == &t->header && !thaw_buffer_append(kept, "", 1)) t->no_memory = true;
  /* Text and label may be the same column. */
  if (kept == &t->text && t->cells == t->label_column &&
      !thaw_buffer_append(&t->label, cell, bytes)) {
    t->no_memory = true;
  }
  t->cells++;
  t->cell_line = t->line;
}

static void end_row(int last, void *user) {
  (void)last;
  table *t = user;
  t->row_ended = true;
}

/* The parser stopped within `line`, before byte `position`. */
static thaw_status refuse_quote(thaw_context *ctx, const thaw_reader *reader, const char *line,
                                size_t bytes, size_t position) {
  const table *t = reader->state;
  const size_t column = u8_mbsnlen((const uint8_t *)line, position) + 1;
  if (position < bytes && line[position] == '"') {
    return thaw_fail_at(
        ctx, reader->source.path, t->line, column,
        "a quote within a cell that does not begin with one; such a cell is written "
        "in quotes, with its own quotes doubled");
  }
  return thaw_fail_at(
      ctx, reader->source.path, t->line, column,
      "text after the quote that ends a cell; a quote within a cell must be doubled");
}

/* Gives one line to the parser; t->row_ended says whether a row ended with it. */
static thaw_status feed_line(thaw_context *ctx, thaw_reader *reader, const char *line,
                             size_t bytes) {
  table *t = reader->state;
  size_t used = csv_parse(&t->parser, line, bytes, end_cell, end_row, t);
  if (used == bytes && csv_error(&t->parser) == CSV_SUCCESS) {
    used += csv_parse(&t->parser, "\n", 1, end_cell, end_row, t);
  }
  const int error = csv_error(&t->parser);
  if (error == CSV_EPARSE) return refuse_quote(ctx, reader, line, bytes, used);
  if (error != CSV_SUCCESS || t->no_memory) return thaw_fail_memory(ctx, bytes);
  return THAW_OK;
}

/* Reads until a row ends; `*found` is false at the end of the file. */
static thaw_status read_row(thaw_context *ctx, thaw_reader *reader, bool *found) {
  table *t = reader->state;
  bool begun = false;
  thaw_buffer_clear(&t->text);
  thaw_buffer_clear(&t->label);
  t->cells = 0;
  t->row_ended = false;
  while (!t->row_ended) {
    char *line;
    size_t bytes;
    thaw_status status = thaw_input_line(ctx, reader->input, &line, &bytes);
    if (status != THAW_OK) return status;
    if (!line) break;
    if (!begun && bytes == 0) continue;
    t->line = thaw_input_line_number(reader->input);
    if (!begun) t->row_line = t->cell_line = t->line;
    begun = true;
    status = feed_line(ctx, reader, line, bytes);
    if (status != THAW_OK) return status;
  }
  if (begun && !t->row_ended) {
    return thaw_fail_at(ctx, reader->source.path, t->cell_line, 0,
                        "the quote that opens cell %zu is never closed", t->cells + 1);
  }
  *found = begun;
  return THAW_OK;
}

/* The number of the column `name`, which must be there once. */
static thaw_status find_column(thaw_context *ctx, const thaw_reader *reader, const char *name,
                               const char *const *names, size_t *column) {
  const table *t = reader->state;
  *column = NO_COLUMN;
  for (size_t i = 0; i < t->columns; i++) {
    if (strcmp(names[i], name) != 0) continue;
    if (*column != NO_COLUMN) {
      return thaw_fail_at(ctx, reader->source.path, t->row_line, 0, "there are two columns '%s'",
                          name);
    }
    *column = i;
  }
  if (*column != NO_COLUMN) return THAW_OK;
  return thaw_reader_missing(ctx, reader->source.path, t->row_line, "column", name, names,
                             t->columns);
}

static thaw_status read_header(thaw_context *ctx, thaw_reader *reader) {
  table *t = reader->state;
  bool found = false;
  thaw_status status = read_row(ctx, reader, &found);
  if (status != THAW_OK) return status;
  if (!found) {
    return thaw_fail_at(ctx, reader->source.path, 0, 0,
                        "there is no header row that names the columns");
  }
  t->columns = t->cells;
  const char **names = malloc(t->columns * sizeof *names);
  if (!names) return thaw_fail_memory(ctx, t->columns * sizeof *names);
  const char *name = t->header.data;
  for (size_t i = 0; i < t->columns; i++, name += strlen(name) + 1) names[i] = name;
  status = find_column(ctx, reader, reader->source.text, names, &t->text_column);
  if (status == THAW_OK && reader->source.label) {
    status = find_column(ctx, reader, reader->source.label, names, &t->label_column);
  }
  free(names);
  return status;
}

static thaw_status open_csv(thaw_context *ctx, thaw_reader *reader) {
  table *t = calloc(1, sizeof *t);
  reader->state = t;
  if (!t || csv_init(&t->parser, CSV_STRICT | CSV_REPALL_NL) != 0) {
    return thaw_fail_memory(ctx, sizeof *t);
  }
  t->delimiter = reader->source.format == THAW_FORMAT_TSV ? CSV_TAB : CSV_COMMA;
  t->text_column = t->label_column = NO_COLUMN;
  csv_set_delim(&t->parser, (unsigned char)t->delimiter);
  csv_set_space_func(&t->parser, is_space);
  csv_set_term_func(&t->parser, is_row_end);
  csv_set_blk_size(&t->parser, 1 << 16); /* it grows by this much at a time */
  return read_header(ctx, reader);
}

/* The name of column `column`. */
static const char *column_name(const table *t, size_t column) {
  const char *name = t->header.data;
  while (column-- > 0) name += strlen(name) + 1;
  return name;
}

static thaw_status check_row(thaw_context *ctx, const thaw_reader *reader) {
  const table *t = reader->state;
  const char *path = reader->source.path;
  if (t->cells < t->columns) {
    return thaw_fail_at(
        ctx, path, t->row_line, 0,
        "the row has %zu cell%s, the header has %zu: the cell of column '%s' is missing", t->cells,
        t->cells == 1 ? "" : "s", t->columns, column_name(t, t->cells));
  }
  if (t->cells > t->columns) {
    return thaw_fail_at(ctx, path, t->row_line, 0,
                        "the row has %zu cells, the header has %zu; a cell that contains a %s is "
                        "written in quotes",
                        t->cells, t->columns, t->delimiter == CSV_TAB ? "tab" : "comma");
  }
  if (t->label_column != NO_COLUMN && t->label.size == 0) {
    return thaw_fail_at(ctx, path, t->row_line, 0, "the label, column '%s', is empty",
                        reader->source.label);
  }
  return THAW_OK;
}

static thaw_status next_csv(thaw_context *ctx, thaw_reader *reader, bool *found) {
  table *t = reader->state;
  thaw_status status = read_row(ctx, reader, found);
  if (status != THAW_OK || !*found) return status;
  status = check_row(ctx, reader);
  if (status != THAW_OK) return status;
  reader->document = (thaw_document){
      .text = t->text.data ? t->text.data : "",
      .bytes = t->text.size,
      .label = t->label_column != NO_COLUMN ? t->label.data : NULL,
      .file = reader->source.path,
      .line = t->row_line,
  };
  return THAW_OK;
}

static void close_csv(thaw_reader *reader) {
  table *t = reader->state;
  if (!t) return;
  csv_free(&t->parser);
  thaw_buffer_free(&t->header);
  thaw_buffer_free(&t->text);
  thaw_buffer_free(&t->label);
  free(t);
}

const thaw_reader_format thaw_reader_csv = {.open = open_csv, .next = next_csv, .close = close_csv};
