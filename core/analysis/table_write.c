/* table_write.c: printing a table in each of its formats. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unilbrk.h>
#include <unistr.h>
#include <uniwidth.h>

#include "analysis/table_content.h"
#include "base/arena.h"
#include "base/context.h"

enum { NARROWEST_WRAP = 20, NUMBER_TEXT = 64 };
static const char NO_VALUE[] = "–"; /* for people */

static const table_cell *cell_at(const thaw_table *table, size_t row, size_t column) {
  return &table->cells[row * table->column_count + column];
}

/* The shortest text that reads back as the same number. */
static void number_in_full(double value, char text[NUMBER_TEXT]) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, NUMBER_TEXT, "%.*g", digits, value);
    if (strtod(text, NULL) == value) return;
  }
}

static void rounded_number(const table_cell *cell, char text[NUMBER_TEXT]) {
  /* Numbers that have hundreds of digits before the point are shown with an exponent. */
  const bool huge = cell->number > 1e15 || cell->number < -1e15;
  snprintf(text, NUMBER_TEXT, huge ? "%.*e" : "%.*f", cell->decimals, cell->number);
}

/* ---- For programs ------------------------------------------------------------------------------
 */

static bool csv_field(thaw_buffer *out, const char *text, bool alone) {
  const bool quoted = strpbrk(text, ",\"\r\n") || (alone && *text == '\0');
  if (!quoted) return thaw_buffer_text(out, text);
  bool ok = thaw_buffer_text(out, "\"");
  for (const char *c = text; ok && *c; c++) {
    ok = *c == '"' ? thaw_buffer_text(out, "\"\"") : thaw_buffer_append(out, c, 1);
  }
  return ok && thaw_buffer_text(out, "\"");
}

/* RFC 4180, but lines end in \n alone, as the tools that text is piped to expect. */
static bool write_csv(const thaw_table *table, thaw_buffer *out) {
  const bool alone = table->column_count == 1;
  bool ok = true;
  for (size_t c = 0; ok && c < table->column_count; c++) {
    ok = thaw_buffer_text(out, c ? "," : "") && csv_field(out, table->columns[c].heading, alone);
  }
  ok = ok && thaw_buffer_text(out, "\n");
  for (size_t r = 0; ok && r < thaw_table_rows(table); r++) {
    for (size_t c = 0; ok && c < table->column_count; c++) {
      const table_cell *cell = cell_at(table, r, c);
      char number[NUMBER_TEXT] = "";
      if (cell->kind == CELL_NUMBER) number_in_full(cell->number, number);
      ok = thaw_buffer_text(out, c ? "," : "") &&
           csv_field(out, cell->kind == CELL_TEXT ? cell->text : number, alone);
    }
    ok = ok && thaw_buffer_text(out, "\n");
  }
  return ok;
}

/* `*value` may be NULL without an error: JSON's null. */
static bool json_value(const table_cell *cell, json_object **value) {
  char number[NUMBER_TEXT];
  *value = NULL;
  switch (cell->kind) {
    case CELL_NOTHING:
      return true;
    case CELL_TEXT:
      *value = json_object_new_string(cell->text);
      break;
    case CELL_NUMBER:
      number_in_full(cell->number, number);
      *value = json_object_new_double_s(cell->number, number);
      break;
  }
  return *value != NULL;
}

static bool json_row(const thaw_table *table, size_t row, json_object *object) {
  bool ok = true;
  for (size_t c = 0; ok && c < table->column_count; c++) {
    json_object *value;
    ok = json_value(cell_at(table, row, c), &value);
    if (ok && json_object_object_add(object, table->columns[c].heading, value) != 0) {
      json_object_put(value);
      ok = false;
    }
  }
  return ok;
}

static bool write_json(const thaw_table *table, thaw_buffer *out) {
  json_object *rows = json_object_new_array();
  bool ok = rows != NULL;
  for (size_t r = 0; ok && r < thaw_table_rows(table); r++) {
    json_object *object = json_object_new_object();
    ok = object && json_row(table, r, object) && json_object_array_add(rows, object) == 0;
    if (!ok) json_object_put(object);
  }
  const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;
  const char *text = ok ? json_object_to_json_string_ext(rows, flags) : NULL;
  ok = text && thaw_buffer_text(out, text) && thaw_buffer_text(out, "\n");
  json_object_put(rows);
  return ok;
}

/* ---- For people --------------------------------------------------------------------------------
 */

/* What is shown of a text: control characters could rearrange a terminal, so blanks and U+FFFD
 * stand for them; in markdown | is escaped. NULL when there is no memory. */
static const char *shown_text(thaw_arena *arena, const char *text, bool markdown) {
  thaw_buffer shown = {0};
  const uint8_t *next = (const uint8_t *)text;
  bool ok = thaw_buffer_text(&shown, "");
  while (ok && *next) {
    ucs4_t character;
    const int length = u8_strmbtouc(&character, next);
    if (length <= 0) break;
    if (character == '\n' || character == '\t' || character == '\r') {
      ok = thaw_buffer_text(&shown, " ");
    } else if (character < 0x20 || (character >= 0x7f && character < 0xa0)) {
      ok = thaw_buffer_text(&shown, "\uFFFD");
    } else if (character == '|' && markdown) {
      ok = thaw_buffer_text(&shown, "\\|");
    } else {
      ok = thaw_buffer_append(&shown, next, (size_t)length);
    }
    next += length;
  }
  const char *copy = ok ? thaw_arena_strdup(arena, shown.size ? shown.data : "") : NULL;
  thaw_buffer_free(&shown);
  return copy;
}

static const char *shown_cell(thaw_arena *arena, const table_cell *cell, bool markdown) {
  char number[NUMBER_TEXT];
  if (cell->kind == CELL_TEXT) return shown_text(arena, cell->text, markdown);
  if (cell->kind == CELL_NOTHING) return NO_VALUE;
  rounded_number(cell, number);
  return thaw_arena_strdup(arena, number);
}

/* A table as people see it: texts and widths. */
typedef struct shown_table {
  size_t rows, columns; /* rows with the headings */
  const char **texts;   /* [rows][columns] */
  size_t *widths;       /* [columns] */
  const table_column *about;
} shown_table;

static size_t width_of(const char *text) {
  const int width = u8_strwidth((const uint8_t *)text, "UTF-8");
  return width > 0 ? (size_t)width : 0;
}

static bool right_aligned(const table_column *column) {
  return column->has_numbers && !column->has_texts;
}

static bool show(const thaw_table *table, thaw_arena *arena, bool markdown, shown_table *shown) {
  shown->rows = thaw_table_rows(table) + 1;
  shown->columns = table->column_count;
  shown->about = table->columns;
  shown->texts = thaw_arena_alloc(arena, (shown->rows * shown->columns + 1) * sizeof(char *));
  shown->widths = thaw_arena_zalloc(arena, (shown->columns + 1) * sizeof(size_t));
  if (!shown->texts || !shown->widths) return false;
  for (size_t r = 0; r < shown->rows; r++) {
    for (size_t c = 0; c < shown->columns; c++) {
      const char *text = r == 0 ? shown_text(arena, table->columns[c].heading, markdown)
                                : shown_cell(arena, cell_at(table, r - 1, c), markdown);
      if (!text) return false;
      shown->texts[r * shown->columns + c] = text;
      const size_t width = width_of(text);
      if (width > shown->widths[c]) shown->widths[c] = width;
    }
  }
  return true;
}

static bool spaces(thaw_buffer *out, size_t count) {
  bool ok = true;
  for (; ok && count > 0; count--) ok = thaw_buffer_text(out, " ");
  return ok;
}

static bool aligned(thaw_buffer *out, const shown_table *shown, const char *text, size_t column) {
  const size_t padding = shown->widths[column] - width_of(text);
  if (right_aligned(&shown->about[column])) {
    return spaces(out, padding) && thaw_buffer_text(out, text);
  }
  return thaw_buffer_text(out, text) && spaces(out, padding);
}

/* Breaks a text into lines of at most `width` columns; lines after the first start behind `indent`
 * blanks. */
static bool wrapped(thaw_buffer *out, thaw_arena *arena, const char *text, size_t indent,
                    size_t width) {
  const size_t bytes = strlen(text);
  char *breaks = thaw_arena_alloc(arena, bytes + 1);
  if (!breaks) return false;
  u8_width_linebreaks((const uint8_t *)text, bytes, (int)width, 0, 0, NULL, "UTF-8", breaks);
  bool ok = true;
  for (size_t i = 0; ok && i < bytes; i++) {
    if (breaks[i] == UC_BREAK_POSSIBLE) {
      while (out->size > 0 && out->data[out->size - 1] == ' ') out->size--;
      ok = thaw_buffer_text(out, "\n") && spaces(out, indent);
    }
    ok = ok && thaw_buffer_append(out, text + i, 1);
  }
  return ok;
}

static bool write_text(const thaw_table *table, thaw_arena *arena, size_t width, thaw_buffer *out) {
  shown_table shown;
  if (!show(table, arena, false, &shown)) return false;
  if (shown.columns == 0) return true;
  const size_t last = shown.columns - 1;
  size_t indent = 0;
  for (size_t c = 0; c < last; c++) indent += shown.widths[c] + 2;
  const bool wrap = width >= indent + NARROWEST_WRAP && width < indent + shown.widths[last] &&
                    !right_aligned(&shown.about[last]);
  bool ok = true;
  for (size_t r = 0; ok && r < shown.rows; r++) {
    const char **row = shown.texts + r * shown.columns;
    for (size_t c = 0; ok && c < last; c++) {
      ok = aligned(out, &shown, row[c], c) && thaw_buffer_text(out, "  ");
    }
    if (wrap) {
      ok = ok && wrapped(out, arena, row[last], indent, width - indent);
    } else if (right_aligned(&shown.about[last])) {
      ok = ok && aligned(out, &shown, row[last], last);
    } else {
      ok = ok && thaw_buffer_text(out, row[last]);
    }
    while (out->size > 0 && out->data[out->size - 1] == ' ') out->size--;
    ok = ok && thaw_buffer_text(out, "\n");
  }
  return ok;
}

static bool markdown_rule(thaw_buffer *out, const shown_table *shown) {
  bool ok = true;
  for (size_t c = 0; ok && c < shown->columns; c++) {
    ok = thaw_buffer_text(out, right_aligned(&shown->about[c]) ? "| ---: " : "| --- ");
  }
  return ok && thaw_buffer_text(out, "|\n");
}

static bool write_markdown(const thaw_table *table, thaw_arena *arena, thaw_buffer *out) {
  shown_table shown;
  if (!show(table, arena, true, &shown)) return false;
  if (shown.columns == 0) return true;
  bool ok = true;
  for (size_t r = 0; ok && r < shown.rows; r++) {
    for (size_t c = 0; ok && c < shown.columns; c++) {
      ok = thaw_buffer_format(out, "| %s ", shown.texts[r * shown.columns + c]);
    }
    ok = ok && thaw_buffer_text(out, "|\n");
    if (r == 0) ok = ok && markdown_rule(out, &shown);
  }
  return ok;
}

/* ---- LaTeX -------------------------------------------------------------------------------------
 */

/* How LaTeX writes a character that means something to it; NULL: as it is. A hyphen before a digit
 * is a minus, unless it stands in a word; `before` is the character before. */
static const char *latex_of(const char *text, char before) {
  static const struct {
    char character;
    const char *written;
  } special[] = {{'&', "\\&"},
                 {'%', "\\%"},
                 {'$', "\\$"},
                 {'#', "\\#"},
                 {'_', "\\_"},
                 {'{', "\\{"},
                 {'}', "\\}"},
                 {'~', "\\textasciitilde{}"},
                 {'^', "\\textasciicircum{}"},
                 {'\\', "\\textbackslash{}"},
                 {'<', "\\textless{}"},
                 {'>', "\\textgreater{}"},
                 {'|', "\\textbar{}"}};
  if (*text == '-' && strchr(" [", before) && text[1] >= '0' && text[1] <= '9') return "$-$";
  for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
    if (special[i].character == *text) return special[i].written;
  }
  return NULL;
}

static bool latex_text(thaw_buffer *out, const char *text) {
  /* Behind a line's end a bracket would be an option of it. */
  bool ok = *text != '[' || thaw_buffer_text(out, "{}");
  for (const char *c = text; ok && *c; c++) {
    const char *written = latex_of(c, c > text ? c[-1] : ' ');
    ok = written ? thaw_buffer_text(out, written) : thaw_buffer_append(out, c, 1);
  }
  return ok;
}

static bool write_latex(const thaw_table *table, thaw_arena *arena, thaw_buffer *out) {
  shown_table shown;
  if (!show(table, arena, false, &shown)) return false;
  if (shown.columns == 0) return true;
  bool ok = thaw_buffer_text(out, "\\begin{tabular}{");
  for (size_t c = 0; ok && c < shown.columns; c++) {
    ok = thaw_buffer_text(out, right_aligned(&shown.about[c]) ? "r" : "l");
  }
  ok = ok && thaw_buffer_text(out, "}\n\\toprule\n");
  for (size_t r = 0; ok && r < shown.rows; r++) {
    for (size_t c = 0; ok && c < shown.columns; c++) {
      ok = thaw_buffer_text(out, c ? " & " : "") &&
           latex_text(out, shown.texts[r * shown.columns + c]);
    }
    ok = ok && thaw_buffer_text(out, r == 0 ? " \\\\\n\\midrule\n" : " \\\\\n");
  }
  return ok && thaw_buffer_text(out, "\\bottomrule\n\\end{tabular}\n");
}

thaw_status thaw_table_write(thaw_context *ctx, const thaw_table *table, thaw_table_format format,
                             size_t width, thaw_buffer *out) {
  thaw_arena *arena = thaw_arena_create();
  bool ok = arena && !table->failed;
  if (ok) {
    switch (format) {
      case THAW_TABLE_TEXT:
        ok = write_text(table, arena, width, out);
        break;
      case THAW_TABLE_CSV:
        ok = write_csv(table, out);
        break;
      case THAW_TABLE_JSON:
        ok = write_json(table, out);
        break;
      case THAW_TABLE_MARKDOWN:
        ok = write_markdown(table, arena, out);
        break;
      case THAW_TABLE_LATEX:
        ok = write_latex(table, arena, out);
        break;
    }
  }
  thaw_arena_free(arena);
  return ok ? THAW_OK : thaw_fail_memory(ctx, table->cell_count * sizeof *table->cells);
}
