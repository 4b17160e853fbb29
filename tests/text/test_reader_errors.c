/* What is wrong with data is named with its place, after all that is good. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reading.h"

enum { NOBODY = 65534 };

/* ---- Encodings ----------------------------------------------------------------------------- */

START_TEST(bytes_that_are_not_in_the_encoding) {
  expect_error(
      lines, "good\nbad \xff here\n", 1,
      "file:2:5: byte 0xff at offset 9 is not valid UTF-8; another encoding must be named");
  expect_error(lines, "Caf\xe9 ?\n", 0, "file:1:4: byte 0xe9 at offset 3 is not valid UTF-8");
  /* The column counts characters, the offset counts bytes, those of the mark included. */
  expect_error(lines,
               "\xef\xbb\xbf"
               "größe \xc0\x80",
               0, "file:1:7: byte 0xc0 at offset 11 is not valid UTF-8");
  expect_error(lines, "a\nb\xe2\x82", 1,
               "file:2:2: byte 0xe2 at offset 3 begins a character that the end of the file cuts "
               "off, in UTF-8");
  expect_error(csv, "text,label\na,b\nc\x80,d\n", 1, "file:3:2: byte 0x80 at offset 16");
  thaw_source source = lines;
  source.encoding = "ascii";
  expect_error(source, "good\nnot gr\xc3\xb6\n", 1,
               "file:2:7: byte 0xc3 at offset 11 is not valid ascii");
  source.encoding = "UTF-16LE";
  source.path = "cut";
  write_bytes("cut", "a\0\n\0b", 5);
  expect_error_at(&source, 1,
                  "cut:2:1: byte 0x62 at offset 4 begins a character that the end of the file cuts "
                  "off, in UTF-16LE");
}
END_TEST

START_TEST(nul_is_no_text) {
  thaw_source source = lines;
  source.path = "nul";
  write_bytes("nul", "good\nb\0d\n", 9);
  expect_error_at(&source, 1,
                  "nul:2:2: NUL byte at offset 6: this is not UTF-8 text; another encoding, such "
                  "as utf-16, must be named");
  source.encoding = "latin1";
  expect_error_at(&source, 1, "nul:2:2: NUL character: this is not text in the encoding 'latin1'");
  write_bytes("nul", "\0", 1);
  expect_error_at(&source, 0, "nul:1:1: NUL character");
  source.encoding = NULL;
  expect_error_at(&source, 0, "nul:1:1: NUL byte at offset 0");
}
END_TEST

START_TEST(an_encoding_that_nobody_knows) {
  thaw_source source = lines;
  source.encoding = "utf-9";
  expect_error(source, "a\n", 0, "file: the encoding 'utf-9' is not known");
  source.format = THAW_FORMAT_FOLDER;
  source.path = ".";
  ck_assert_int_eq(mkdir("pos", 0700), 0);
  write_text("pos/1.txt", "a");
  expect_error_at(&source, 0, "./pos/1.txt: the encoding 'utf-9' is not known");
}
END_TEST

/* ---- Files that are not right ---------------------------------------------------------------- */

START_TEST(no_file) {
  static const thaw_format formats[] = {THAW_FORMAT_TEXT,     THAW_FORMAT_CSV,
                                        THAW_FORMAT_TSV,      THAW_FORMAT_JSONL,
                                        THAW_FORMAT_LABELLED, THAW_FORMAT_FOLDER};
  for (size_t i = 0; i < 6; i++) {
    const thaw_source source = {.format = formats[i], .path = "nowhere/train"};
    expect_error_at(&source, 0, "nowhere/train: cannot be opened: No such file or directory");
    char digits[33];
    ck_assert_int_eq(thaw_source_hash(reading_ctx, &source, digits), THAW_INVALID);
    ck_assert_ptr_nonnull(strstr(thaw_error(reading_ctx), "nowhere/train"));
  }
  const thaw_source source = {.format = (thaw_format)99, .path = "x"};
  expect_error_at(&source, 0, "there is no format 99");
}
END_TEST

START_TEST(an_empty_file) {
  thaw_source source = lines;
  expect_error(lines, "", 0, "file: the file is empty");
  expect_error(csv, "", 0, "file: the file is empty");
  expect_error(jsonl, "\xef\xbb\xbf", 0, "file: the file is empty");
  expect_error(whole, "", 0, "file: the file is empty");
  source.path = "empty.gz";
  write_gzip("empty.gz", "", 0);
  expect_error_at(&source, 0, "empty.gz: the file is empty");
  expect_error(lines, "\n  \n", 0, "file: there is no document in it");
  expect_error(jsonl, "\n\n", 0, "file: there is no document in it");
  expect_error(csv, "text,label\n", 0, "file: there is no document in it");
  expect_error(csv, "\n\n", 0, "file: there is no header row");
}
END_TEST

START_TEST(a_file_that_may_not_be_read) {
  const bool root = geteuid() == 0;
  thaw_reader *reader;
  thaw_source source = lines;
  source.path = "secret";
  write_text("secret", "a\n");
  ck_assert_int_eq(chmod("secret", 0), 0);
  ck_assert_int_eq(chmod(".", 0755), 0);
  if (root) ck_assert_int_eq(seteuid(NOBODY), 0);
  const thaw_status status = thaw_reader_open(reading_ctx, &source, &reader);
  if (root) ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_str_eq(thaw_error(reading_ctx), "secret: cannot be opened: Permission denied");
}
END_TEST

START_TEST(folders_and_files_mixed_up) {
  thaw_source source = csv;
  ck_assert_int_eq(mkdir("dir", 0700), 0);
  source.path = "dir";
  expect_error_at(&source, 0, "dir: is a folder, a file was expected");
  source = (thaw_source){.format = THAW_FORMAT_FOLDER, .path = "dir"};
  expect_error_at(&source, 0, "dir: there is no folder in it; one for each class was expected");
  ck_assert_int_eq(mkdir("dir/unsup", 0700), 0);
  expect_error_at(&source, 0, "dir: there is no folder in it");
  ck_assert_int_eq(mkdir("dir/pos", 0700), 0);
  expect_error_at(&source, 0, "dir: there is no file in the folders of its classes");
  source.path = "file";
  write_text("file", "a");
  expect_error_at(&source, 0, "file: is a file, 'format: folder' expects a folder");
  ck_assert_int_eq(mkdir("dir/\xff", 0700), 0);
  source.path = "dir";
  expect_error_at(&source, 0, "dir/\xff: the folder's name, which names a class, is not UTF-8");
}
END_TEST

START_TEST(a_bad_document_in_a_folder_is_named) {
  const thaw_source source = {.format = THAW_FORMAT_FOLDER, .path = "."};
  ck_assert_int_eq(mkdir("pos", 0700), 0);
  write_text("pos/1.txt", "good");
  write_text("pos/2.txt", "line\nbad \x80");
  expect_error_at(&source, 1, "./pos/2.txt:2:5: byte 0x80 at offset 9 is not valid UTF-8");
}
END_TEST

START_TEST(a_truncated_gzip_file) {
  enum { LINES = 20000 };
  thaw_source source = lines;
  char *text = malloc(LINES * 8), bytes[LINES * 8];
  for (size_t i = 0; i < LINES; i++) snprintf(text + 7 * i, 8, "%06zu\n", i * 37 % 1000000);
  source.path = "packed.gz";
  write_gzip("packed.gz", text, LINES * 7);
  FILE *file = fopen("packed.gz", "rb");
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  write_bytes("packed.gz", bytes, size / 2);
  thaw_reader *reader;
  const thaw_document *document;
  size_t count = 0;
  ck_assert_int_eq(thaw_reader_open(reading_ctx, &source, &reader), THAW_OK);
  thaw_status status;
  while ((status = thaw_reader_next(reading_ctx, reader, &document)) == THAW_OK && document) {
    ck_assert_mem_eq(document->text, text + 7 * count++, 6);
  }
  thaw_reader_close(reader);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert(count > 1000 && count < LINES); /* what is there was handed out */
  char message[100];
  snprintf(message, sizeof message, "packed.gz:%zu: the gzip data stops in the middle", count + 1);
  ck_assert_msg(strncmp(thaw_error(reading_ctx), message, strlen(message)) == 0, "%s",
                thaw_error(reading_ctx));
  /* One bit of the checksum at the end. */
  bytes[size - 6] ^= 1;
  write_bytes("packed.gz", bytes, size);
  ck_assert_int_eq(thaw_reader_open(reading_ctx, &source, &reader), THAW_OK);
  while ((status = thaw_reader_next(reading_ctx, reader, &document)) == THAW_OK && document)
    continue;
  thaw_reader_close(reader);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_ptr_nonnull(
      strstr(thaw_error(reading_ctx), ": the gzip data is damaged: incorrect data check"));
  free(text);
}
END_TEST

/* ---- Rows and lines that are not right ------------------------------------------------------- */

START_TEST(columns_that_are_missing) {
  expect_error(csv, "id,texts,label\n1,a,b\n", 0,
               "file:1: there is no column 'text'; there are 'id', 'texts', 'label'; did you mean "
               "'texts'?");
  expect_error(csv, "\n\ntext,Label\na,b\n", 0,
               "file:3: there is no column 'label'; there are 'text', 'Label'");
  expect_error(csv, "qqqqqqqq\n1\n", 0, "file:1: there is no column 'text'; there is 'qqqqqqqq'");
  ck_assert_ptr_null(strstr(thaw_error(reading_ctx), "did you mean"));
  expect_error(csv, "text,label,text\na,b,c\n", 0, "file:1: there are two columns 'text'");
  /* A table that is not of this format: everything is one column. */
  expect_error(tsv, "review,label\na,b\n", 0,
               "file:1: there is no column 'review'; there is 'review,label'");
}
END_TEST

START_TEST(rows_of_another_length) {
  expect_error(csv, "id,text,label\n1,a,x\n2,b\n", 1,
               "file:3: the row has 2 cells, the header has 3: the cell of column 'label' is "
               "missing");
  expect_error(csv, "text,label,id\n\"a\nb\",x,1\nc\n", 1,
               "file:4: the row has 1 cell, the header has 3: the cell of column 'label' is "
               "missing");
  expect_error(csv, "text,label\na, b,x\n", 0,
               "file:2: the row has 3 cells, the header has 2; a cell that contains a comma is "
               "written in quotes");
  expect_error(tsv, "review\na\tb\n", 0,
               "file:2: the row has 2 cells, the header has 1; a cell "
               "that contains a tab is written in quotes");
  expect_error(csv, "text,label\na,x\nb,\n", 1, "file:3: the label, column 'label', is empty");
}
END_TEST

START_TEST(quotes_that_are_broken) {
  expect_error(csv, "text,label\na,x\ngröße 7\" long,y\n", 1,
               "file:3:8: a quote within a cell that does not begin with one");
  expect_error(csv, "text,label\n\"a\" b,x\n", 0,
               "file:2:4: text after the quote that ends a cell; a quote within a cell must be "
               "doubled");
  expect_error(csv, "text,label\na,x\n\"b\nc,y\nd,z\n", 1,
               "file:3: the quote that opens cell 1 is never closed");
  expect_error(csv, "text,label\na,x\nb,\"y\n", 1,
               "file:3: the quote that opens cell 2 is never closed");
}
END_TEST

START_TEST(json_that_is_broken) {
  expect_error(jsonl, "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"é\", \"label\": x}\n", 1,
               "file:2:24: bad JSON: ");
  expect_error(jsonl, "{\"text\": \"a\"", 0,
               "file:1:13: the line ends in the middle of a JSON value");
  expect_error(jsonl, "{\"text\": \"a\nb\", \"label\": 1}\n", 0,
               "file:1:12: the line ends in the middle of a JSON value");
  expect_error(jsonl, "{\"text\": \"a\", \"label\": 1} more\n", 0, "file:1:27: bad JSON: ");
  expect_error(jsonl, "[1, 2]\n", 0, "file:1:1: a JSON object was expected, this is of type array");
  expect_error(jsonl, "12\n", 0, "file:1:1: a JSON object was expected, this is of type int");
  expect_error(jsonl, "null\n", 0, "file:1:1: a JSON object was expected, this is of type null");
  expect_error(jsonl, "text,label\n", 0, "file:1:");
}
END_TEST

START_TEST(members_that_are_wrong) {
  expect_error(jsonl, "{\"txt\": \"a\", \"label\": 1}\n", 0,
               "file:1: there is no member 'text'; there are 'txt', 'label'; did you mean 'txt'?");
  expect_error(jsonl, "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\"}\n", 1,
               "file:2: there is no member 'label'; there is 'text'");
  expect_error(jsonl, "{}\n", 0, "file:1: there is no member 'text'; there are none");
  expect_error(jsonl, "{\"text\": 5, \"label\": 1}\n", 0,
               "file:1: the member 'text' is of type int, a string was expected");
  expect_error(jsonl, "{\"text\": null, \"label\": 1}\n", 0,
               "file:1: the member 'text' is of type null, a string was expected");
  expect_error(jsonl, "{\"text\": \"a\", \"label\": [1]}\n", 0,
               "file:1: the member 'label' is of type array, a string was expected");
  expect_error(jsonl, "{\"text\": \"a\", \"label\": \"\"}\n", 0,
               "file:1: the label, member 'label', is empty");
  expect_error(jsonl, "{\"text\": \"a\\u0000b\", \"label\": 1}\n", 0,
               "file:1: the member 'text' contains a NUL character");
}
END_TEST

START_TEST(labels_that_are_wrong) {
  expect_error(labelled, "pos good\nneg\n", 1, "file:2: there is no text after the label 'neg'");
  expect_error(labelled, " pos good\n", 0, "file:1:1: the label is empty");
  expect_error(trec, "NUM:dist a\nDESC b\n", 1,
               "file:2:1: the label 'DESC' does not contain ':', at which it is to be cut");
  expect_error(trec, ":dist a\n", 0, "file:1:1: the label is empty");
  expect_error(fasttext, "__label__1 a\n2 b\n", 1,
               "file:2:1: the line begins with '2', a label with the prefix '__label__' was "
               "expected");
  /* A line that is no labelled text may be long; the message is not. */
  expect_error(labelled, "ooooooooooooooooooooooooooooooooooooooo\xc3\xb6ooooooooooooooooo\n", 0,
               "file:1: there is no text after the label "
               "'ooooooooooooooooooooooooooooooooooooooo'");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("errors of readers");
  TCase *tests = tcase_create("errors of readers");
  tcase_add_checked_fixture(tests, reading_set_up, reading_tear_down);
  tcase_add_test(tests, bytes_that_are_not_in_the_encoding);
  tcase_add_test(tests, nul_is_no_text);
  tcase_add_test(tests, an_encoding_that_nobody_knows);
  tcase_add_test(tests, no_file);
  tcase_add_test(tests, an_empty_file);
  tcase_add_test(tests, a_file_that_may_not_be_read);
  tcase_add_test(tests, folders_and_files_mixed_up);
  tcase_add_test(tests, a_bad_document_in_a_folder_is_named);
  tcase_add_test(tests, a_truncated_gzip_file);
  tcase_add_test(tests, columns_that_are_missing);
  tcase_add_test(tests, rows_of_another_length);
  tcase_add_test(tests, quotes_that_are_broken);
  tcase_add_test(tests, json_that_is_broken);
  tcase_add_test(tests, members_that_are_wrong);
  tcase_add_test(tests, labels_that_are_wrong);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
