/* Tables in every format. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/table.h"
#include "base/context.h"

static thaw_context *ctx;
static thaw_table *table;
static thaw_buffer written;

static void set_up(void) {
  ctx = thaw_context_create();
  table = thaw_table_create();
  ck_assert(ctx && table);
}

static void tear_down(void) {
  thaw_buffer_free(&written);
  thaw_table_free(table);
  thaw_context_free(ctx);
}

static void columns(size_t count, const char *const *headings) {
  for (size_t i = 0; i < count; i++) thaw_table_column(table, headings[i]);
}

/* One text, one number and one value that is missing. */
static void fill_sample(void) {
  columns(3, (const char *[]){"run", "accuracy", "note"});
  thaw_table_text(table, "a");
  thaw_table_number(table, 0.48250000000000004, 3);
  thaw_table_nothing(table);
  thaw_table_text(table, "longer");
  thaw_table_number(table, 12, 3);
  thaw_table_text(table, "x, \"y\"");
}

static void expect_within(thaw_table_format format, size_t width, const char *text) {
  thaw_buffer_clear(&written);
  ck_assert_int_eq(thaw_table_write(ctx, table, format, width, &written), THAW_OK);
  ck_assert_str_eq(written.data, text);
}

static void expect(thaw_table_format format, const char *text) {
  expect_within(format, 0, text);
}

START_TEST(formats_have_names) {
  ck_assert_str_eq(thaw_table_formats[THAW_TABLE_TEXT], "table");
  ck_assert_str_eq(thaw_table_formats[THAW_TABLE_CSV], "csv");
  ck_assert_str_eq(thaw_table_formats[THAW_TABLE_JSON], "json");
  ck_assert_str_eq(thaw_table_formats[THAW_TABLE_MARKDOWN], "markdown");
  ck_assert_str_eq(thaw_table_formats[THAW_TABLE_LATEX], "latex");
  ck_assert_ptr_null(thaw_table_formats[THAW_TABLE_LATEX + 1]);
  ck_assert(thaw_table_for_people(THAW_TABLE_LATEX) && !thaw_table_for_people(THAW_TABLE_JSON));
}
END_TEST

START_TEST(text_is_aligned) {
  fill_sample();
  expect(THAW_TABLE_TEXT,
         "run     accuracy  note\n"
         "a          0.483  –\n"
         "longer    12.000  x, \"y\"\n");
}
END_TEST

START_TEST(csv_is_quoted_and_exact) {
  fill_sample();
  expect(THAW_TABLE_CSV,
         "run,accuracy,note\n"
         "a,0.48250000000000004,\n"
         "longer,12,\"x, \"\"y\"\"\"\n");
}
END_TEST

START_TEST(json_has_an_object_a_row) {
  fill_sample();
  expect(THAW_TABLE_JSON,
         "[\n"
         "  {\n"
         "    \"run\":\"a\",\n"
         "    \"accuracy\":0.48250000000000004,\n"
         "    \"note\":null\n"
         "  },\n"
         "  {\n"
         "    \"run\":\"longer\",\n"
         "    \"accuracy\":12,\n"
         "    \"note\":\"x, \\\"y\\\"\"\n"
         "  }\n"
         "]\n");
}
END_TEST

START_TEST(markdown_is_a_pipe_table) {
  fill_sample();
  thaw_table_text(table, "a|b\nc");
  thaw_table_number(table, -1, 0);
  thaw_table_text(table, "");
  expect(THAW_TABLE_MARKDOWN,
         "| run | accuracy | note |\n"
         "| --- | ---: | --- |\n"
         "| a | 0.483 | – |\n"
         "| longer | 12.000 | x, \"y\" |\n"
         "| a\\|b c | -1 |  |\n");
}
END_TEST

START_TEST(latex_is_a_tabular) {
  fill_sample();
  thaw_table_text(table, "[mean, max]");
  thaw_table_number(table, -1, 0);
  thaw_table_text(table, "50 % of a_b & {c}~^\\|<$#, -2 [-3, x-4]");
  expect(THAW_TABLE_LATEX,
         "\\begin{tabular}{lrl}\n"
         "\\toprule\n"
         "run & accuracy & note \\\\\n"
         "\\midrule\n"
         "a & 0.483 & – \\\\\n"
         "longer & 12.000 & x, \"y\" \\\\\n"
         "{}[mean, max] & $-$1 & 50 \\% of a\\_b \\& \\{c\\}\\textasciitilde{}"
         "\\textasciicircum{}\\textbackslash{}\\textbar{}\\textless{}\\$\\#, $-$2 [$-$3, x-4] "
         "\\\\\n"
         "\\bottomrule\n"
         "\\end{tabular}\n");
}
END_TEST

START_TEST(widths_are_those_on_a_terminal) {
  columns(2, (const char *[]){"größe", "n"});
  thaw_table_text(table, "字字"); /* two columns a character */
  thaw_table_number(table, 1, 0);
  thaw_table_text(table, "e\u0301"); /* a letter and a combining accent */
  thaw_table_number(table, 10, 0);
  expect(THAW_TABLE_TEXT,
         "größe   n\n"
         "字字    1\n"
         "e\u0301      10\n");
}
END_TEST

START_TEST(csv_quotes_what_would_break_it) {
  columns(2, (const char *[]){"a,b", "line"});
  thaw_table_text(table, "say \"no\"");
  thaw_table_text(table, "one\ntwo\r\n");
  expect(THAW_TABLE_CSV,
         "\"a,b\",line\n"
         "\"say \"\"no\"\"\",\"one\ntwo\r\n\"\n");
}
END_TEST

/* A line of one empty field would be an empty line, which readers skip. */
START_TEST(csv_with_one_column_has_no_empty_lines) {
  columns(1, (const char *[]){"only"});
  thaw_table_text(table, "");
  thaw_table_nothing(table);
  expect(THAW_TABLE_CSV, "only\n\"\"\n\"\"\n");
}
END_TEST

START_TEST(numbers_that_are_none_are_missing) {
  columns(4, (const char *[]){"a", "b", "c", "d"});
  thaw_table_number(table, NAN, 2);
  thaw_table_number(table, INFINITY, 2);
  thaw_table_number(table, -INFINITY, 2);
  thaw_table_text(table, NULL);
  expect(THAW_TABLE_CSV, "a,b,c,d\n,,,\n");
  expect(THAW_TABLE_TEXT, "a  b  c  d\n–  –  –  –\n");
}
END_TEST

START_TEST(numbers_come_back_from_programs) {
  columns(1, (const char *[]){"n"});
  const double values[] = {0.1, 1.0 / 3, 1e300, -2.5e-300, 9007199254740993, 0, 123456789};
  const size_t count = sizeof values / sizeof *values;
  for (size_t i = 0; i < count; i++) thaw_table_number(table, values[i], 1);
  ck_assert_int_eq(thaw_table_write(ctx, table, THAW_TABLE_CSV, 0, &written), THAW_OK);
  const char *line = strchr(written.data, '\n') + 1;
  for (size_t i = 0; i < count; i++) {
    ck_assert_double_eq(strtod(line, NULL), values[i]);
    line = strchr(line, '\n') + 1;
  }
  ck_assert_str_eq(line, "");
}
END_TEST

/* Hundreds of digits would help nobody. */
START_TEST(huge_numbers_have_exponents_for_people) {
  columns(1, (const char *[]){"n"});
  thaw_table_number(table, 1e300, 2);
  thaw_table_number(table, -1e300, 2);
  expect(THAW_TABLE_TEXT, "         n\n 1.00e+300\n-1.00e+300\n");
}
END_TEST

START_TEST(columns_with_texts_are_left_aligned) {
  columns(2, (const char *[]){"value", "last"});
  thaw_table_number(table, 1, 0);
  thaw_table_text(table, "x");
  thaw_table_text(table, "two");
  thaw_table_text(table, "y");
  expect(THAW_TABLE_TEXT,
         "value  last\n"
         "1      x\n"
         "two    y\n");
}
END_TEST

START_TEST(what_is_no_utf8_is_replaced) {
  columns(1, (const char *[]){"caf\xe9"});
  thaw_table_text(table, "\xff\xc3");
  thaw_table_text(table, "ok \xe2\x82");
  expect(THAW_TABLE_CSV, "caf\uFFFD\n\uFFFD\uFFFD\nok \uFFFD\uFFFD\n");
}
END_TEST

START_TEST(control_characters_do_not_reach_a_terminal) {
  columns(1, (const char *[]){"text"});
  thaw_table_text(table, "a\tb\033[31mc");
  expect(THAW_TABLE_TEXT, "text\na b\uFFFD[31mc\n");
  expect(THAW_TABLE_JSON, "[\n  {\n    \"text\":\"a\\tb\\u001b[31mc\"\n  }\n]\n");
}
END_TEST

START_TEST(the_last_column_is_broken_into_lines) {
  columns(2, (const char *[]){"name", "text"});
  thaw_table_text(table, "a");
  thaw_table_text(table, "words that are too many for one line of it");
  thaw_table_text(table, "b");
  thaw_table_text(table, "few");
  expect_within(THAW_TABLE_TEXT, 28,
                "name  text\n"
                "a     words that are too\n"
                "      many for one line of\n"
                "      it\n"
                "b     few\n");
  /* Where hardly anything would be left, lines stay whole. */
  expect_within(THAW_TABLE_TEXT, 12,
                "name  text\n"
                "a     words that are too many for one line of it\n"
                "b     few\n");
}
END_TEST

START_TEST(rows_are_complete_ones) {
  ck_assert_uint_eq(thaw_table_rows(table), 0);
  thaw_table_text(table, "a cell before any column");
  columns(2, (const char *[]){"a", "b"});
  ck_assert_uint_eq(thaw_table_rows(table), 0);
  for (size_t i = 0; i < 1001; i++) thaw_table_text(table, "x");
  ck_assert_uint_eq(thaw_table_rows(table), 500);
}
END_TEST

START_TEST(tables_without_rows) {
  columns(2, (const char *[]){"a", "b"});
  expect(THAW_TABLE_TEXT, "a  b\n");
  expect(THAW_TABLE_CSV, "a,b\n");
  expect(THAW_TABLE_JSON, "[\n]\n");
  expect(THAW_TABLE_MARKDOWN, "| a | b |\n| --- | --- |\n");
}
END_TEST

START_TEST(tables_without_columns) {
  ck_assert_int_eq(thaw_table_write(ctx, table, THAW_TABLE_TEXT, 0, &written), THAW_OK);
  ck_assert_uint_eq(written.size, 0);
  expect(THAW_TABLE_JSON, "[\n]\n");
  thaw_table_free(NULL);
}
END_TEST

START_TEST(writing_appends) {
  fill_sample();
  ck_assert(thaw_buffer_text(&written, "before\n"));
  ck_assert_int_eq(thaw_table_write(ctx, table, THAW_TABLE_CSV, 0, &written), THAW_OK);
  ck_assert_int_eq(strncmp(written.data, "before\nrun,accuracy,note\n", 25), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("table");
  TCase *tests = tcase_create("table");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, formats_have_names);
  tcase_add_test(tests, text_is_aligned);
  tcase_add_test(tests, csv_is_quoted_and_exact);
  tcase_add_test(tests, json_has_an_object_a_row);
  tcase_add_test(tests, markdown_is_a_pipe_table);
  tcase_add_test(tests, latex_is_a_tabular);
  tcase_add_test(tests, widths_are_those_on_a_terminal);
  tcase_add_test(tests, csv_quotes_what_would_break_it);
  tcase_add_test(tests, csv_with_one_column_has_no_empty_lines);
  tcase_add_test(tests, numbers_that_are_none_are_missing);
  tcase_add_test(tests, numbers_come_back_from_programs);
  tcase_add_test(tests, huge_numbers_have_exponents_for_people);
  tcase_add_test(tests, columns_with_texts_are_left_aligned);
  tcase_add_test(tests, what_is_no_utf8_is_replaced);
  tcase_add_test(tests, control_characters_do_not_reach_a_terminal);
  tcase_add_test(tests, the_last_column_is_broken_into_lines);
  tcase_add_test(tests, rows_are_complete_ones);
  tcase_add_test(tests, tables_without_rows);
  tcase_add_test(tests, tables_without_columns);
  tcase_add_test(tests, writing_appends);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
