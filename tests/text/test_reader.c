/* Documents come out of every format as they stand in it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reading.h"

/* ---- Formats --------------------------------------------------------------------------------- */

START_TEST(lines_of_text) {
  const expected documents[] = {
      {"first line", NULL, 1}, {" second ", NULL, 4}, {"größe", NULL, 5}, {"last", NULL, 7}};
  expect_from(lines, "first line\n\n \t\n second \ngröße\n\nlast\n", 4, documents);
  expect_from(lines, "first line\r\n\r\n \t\r\n second \r\ngröße\r\n\r\nlast", 4, documents);
  expect_from(lines,
              "\xef\xbb\xbf"
              "first line\n\n\n second \ngröße\n\nlast",
              4, documents);
}
END_TEST

START_TEST(a_whole_file) {
  expect_from(whole, "one\n\ntwo ", 1, (expected[]){{"one\n\ntwo ", NULL, 1}});
  expect_from(whole,
              "\xef\xbb\xbf"
              "one\r\n\r\ntwo\r",
              1, (expected[]){{"one\n\ntwo\r", NULL, 1}});
}
END_TEST

START_TEST(comma_separated) {
  const expected documents[] = {{"plain", "pos", 2},
                                {"with, comma and \"quote\"", "neg", 3},
                                {"two\nlines,\n\nand more", "pos", 4},
                                {"", "neg", 8},
                                {" spaces stay ", "pos", 9}};
  const char content[] =
      "id,label,text\n1,pos,plain\n2,neg,\"with, comma and \"\"quote\"\"\"\n"
      "3,pos,\"two\nlines,\n\nand more\"\n4,neg,\n5,\"pos\", spaces stay \n";
  expect_from(csv, content, 5, documents);
  /* The same with \r\n, a byte order mark, a blank line at the end and no last newline. */
  char other[sizeof content * 2] = "\xef\xbb\xbf";
  size_t size = 3;
  for (const char *c = content; *c; c++) {
    if (*c == '\n') other[size++] = '\r';
    other[size++] = *c;
  }
  other[size] = '\0';
  expect_from(csv, other, 5, documents);
  other[size - 2] = '\0';
  expect_from(csv, other, 5, documents);
}
END_TEST

START_TEST(a_table_whose_labels_nobody_wants) {
  thaw_source source = csv;
  source.label = NULL;
  expect_from(source, "label,text\n,a\npos,b\n", 2, (expected[]){{"a", NULL, 2}, {"b", NULL, 3}});
  source.text = source.label = "label"; /* text and label may be the same */
  expect_from(source, "label,text\nx,a\n", 1, (expected[]){{"x", "x", 2}});
}
END_TEST

START_TEST(tab_separated) {
  expect_from(tsv, "label\treview\npos\tgood, indeed\nneg\t\"a\ttab\"\n", 2,
              (expected[]){{"good, indeed", NULL, 2}, {"a\ttab", NULL, 3}});
}
END_TEST

START_TEST(json_lines) {
  expect_from(
      jsonl,
      "{\"text\": \"a \\u00e9 \\n b\", \"label\": \"pos\", \"more\": {\"x\": [1]}}\r\n\n"
      "  {\"label\": 3, \"text\": \"\"}  \n{\"text\": \"größe\", \"label\": true}\n"
      "{\"text\":\"\\ud83d\\ude00\",\"label\":2.5}",
      4, (expected[]){{"a é \n b", "pos", 1}, {"", "3", 3}, {"größe", "true", 4}, {"😀", "2.5", 5}});
  thaw_source source = jsonl;
  source.text = "review";
  source.label = NULL;
  expect_from(source, "{\"review\": \"x\"}\n", 1, (expected[]){{"x", NULL, 1}});
}
END_TEST

START_TEST(labelled_lines) {
  expect_from(
      labelled, "pos a good film\nneg\tbad\n\npos  two spaces\n", 3,
      (expected[]){{"a good film", "pos", 1}, {"bad", "neg", 2}, {" two spaces", "pos", 4}});
  expect_from(
      trec, "NUM:dist How far is it : tell me ?\r\nDESC:def What is an atom ?\r\n", 2,
      (expected[]){{"How far is it : tell me ?", "NUM", 1}, {"What is an atom ?", "DESC", 2}});
  expect_from(fasttext, "__label__1 yes\n__label__2 no\n", 2,
              (expected[]){{"yes", "1", 1}, {"no", "2", 2}});
}
END_TEST

/* As IMDb is published, with things that do not belong to it. */
START_TEST(a_folder_for_each_class) {
  static const char *const folders[] = {"imdb",       "imdb/pos",      "imdb/neg",
                                        "imdb/unsup", "imdb/pos/deep", "imdb/.hidden"};
  for (size_t i = 0; i < 6; i++) ck_assert_int_eq(mkdir(folders[i], 0700), 0);
  write_text("imdb/urls_pos.txt", "http://");
  write_text("imdb/labeledBow.feat", "9 0:9");
  write_text("imdb/unsup/0_0.txt", "no label");
  write_text("imdb/.hidden/0_0.txt", "hidden");
  write_text("imdb/pos/0_9.txt", "very\r\ngood");
  write_text("imdb/pos/10_8.txt", "\xef\xbb\xbfgood");
  write_gzip("imdb/pos/1_7.txt.gz", "quite good", 10);
  write_text("imdb/pos/.swp", "hidden");
  write_text("imdb/pos/deep/1.txt", "too deep");
  write_text("imdb/neg/0_1.txt", "");
  write_text("imdb/neg/1_2.txt", "bad\n");
  const expected documents[] = {{"", "neg", 0},
                                {"bad\n", "neg", 0},
                                {"very\ngood", "pos", 0},
                                {"good", "pos", 0},
                                {"quite good", "pos", 0}};
  thaw_source source = {.format = THAW_FORMAT_FOLDER, .path = "imdb"};
  expect_documents(&source, 5, documents);
  source.path = "imdb/";
  expect_documents(&source, 5, documents);
  thaw_reader *reader;
  const thaw_document *document;
  ck_assert_int_eq(thaw_reader_open(reading_ctx, &source, &reader), THAW_OK);
  ck_assert_int_eq(thaw_reader_next(reading_ctx, reader, &document), THAW_OK);
  ck_assert_str_eq(document->file, "imdb/neg/0_1.txt");
  thaw_reader_close(reader);
}
END_TEST

/* ---- Encodings ------------------------------------------------------------------------------- */

START_TEST(another_encoding_by_name) {
  thaw_source source = trec;
  source.encoding = "latin-1";
  expect_from(source,
              "DESC:def Caf\xe9 ?\nNUM:date \xa3"
              "5 ?\n",
              2, (expected[]){{"Café ?", "DESC", 1}, {"£5 ?", "NUM", 2}});
  source = csv;
  source.encoding = "windows-1252";
  expect_from(source, "text,label\n\"\x80 5\n\",\xfc\n", 1, (expected[]){{"€ 5\n", "ü", 2}});
  const char utf16[] =
      "\xff\xfe"
      "a\0\n\0\x3d\xd8\x00\xde\n\0";
  source = (thaw_source){.format = THAW_FORMAT_TEXT, .path = "utf16", .encoding = "UTF-16"};
  write_bytes("utf16", utf16, sizeof utf16 - 1);
  expect_documents(&source, 2, (expected[]){{"a", NULL, 1}, {"😀", NULL, 2}});
}
END_TEST

START_TEST(utf_8_by_any_of_its_names) {
  static const char *const names[] = {"utf-8", "UTF-8", "utf8", "utf-8-sig", ""};
  for (size_t i = 0; i < 5; i++) {
    thaw_source source = lines;
    source.encoding = names[i];
    expect_from(source, "größe\n", 1, (expected[]){{"größe", NULL, 1}});
  }
}
END_TEST

/* Lines that are longer than what is read at once, with characters across every border. */
START_TEST(very_long_lines) {
  enum { CHARACTERS = 200001 };
  static const char *const encodings[] = {NULL, "UTF-8//", "UTF-16LE"};
  char *text = malloc(3 * CHARACTERS + 2), *utf16 = malloc(2 * CHARACTERS + 2);
  for (size_t i = 0; i < CHARACTERS; i++) {
    memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    memcpy(utf16 + 2 * i, "\xac\x20", 2);
  }
  memcpy(text + 3 * CHARACTERS, "\n", 2);
  memcpy(utf16 + 2 * CHARACTERS, "\n\0", 2);
  for (size_t i = 0; i < 3; i++) {
    thaw_source source = lines;
    source.path = "long";
    source.encoding = encodings[i];
    if (i < 2) write_bytes("long", text, 3 * CHARACTERS + 1);
    if (i == 2) write_bytes("long", utf16, 2 * CHARACTERS + 2);
    text[3 * CHARACTERS] = '\0';
    expect_documents(&source, 1, (expected[]){{text, NULL, 1}});
    text[3 * CHARACTERS] = '\n';
  }
  free(text);
  free(utf16);
}
END_TEST

/* ---- Hashes ---------------------------------------------------------------------------------- */

static void hash_of(const thaw_source *source, char digits[33]) {
  ck_assert_msg(thaw_source_hash(reading_ctx, source, digits) == THAW_OK, "%s",
                thaw_error(reading_ctx));
  ck_assert_uint_eq(strlen(digits), 32);
}

START_TEST(a_hash_follows_the_content_of_files) {
  char first[33], second[33];
  thaw_source source = lines;
  write_text("a", "text\n");
  write_text("b", "text\n");
  source.path = "a";
  hash_of(&source, first);
  source.path = "b";
  hash_of(&source, second);
  ck_assert_str_eq(first, second);
  write_text("b", "other\n");
  hash_of(&source, second);
  ck_assert_str_ne(first, second);
}
END_TEST

START_TEST(a_hash_follows_the_files_of_a_folder) {
  char first[33], second[33];
  thaw_source source = {.format = THAW_FORMAT_FOLDER, .path = "data"};
  ck_assert_int_eq(mkdir("data", 0700), 0);
  ck_assert_int_eq(mkdir("data/pos", 0700), 0);
  ck_assert_int_eq(mkdir("data/unsup", 0700), 0);
  write_text("data/pos/1.txt", "a");
  hash_of(&source, first);
  write_text("data/unsup/1.txt", "not read");
  write_text("data/README", "not read");
  hash_of(&source, second);
  ck_assert_str_eq(first, second);
  source.path = "data/"; /* the same folder */
  hash_of(&source, second);
  ck_assert_str_eq(first, second);
  ck_assert_int_eq(rename("data", "moved"), 0);
  source.path = "moved";
  hash_of(&source, second);
  ck_assert_str_eq(first, second);
  ck_assert_int_eq(rename("moved/pos/1.txt", "moved/pos/2.txt"), 0);
  hash_of(&source, second);
  ck_assert_str_ne(first, second);
  ck_assert_int_eq(rename("moved/pos/2.txt", "moved/pos/1.txt"), 0);
  write_text("moved/pos/1.txt", "b");
  hash_of(&source, second);
  ck_assert_str_ne(first, second);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("readers");
  TCase *tests = tcase_create("readers");
  tcase_add_checked_fixture(tests, reading_set_up, reading_tear_down);
  tcase_add_test(tests, lines_of_text);
  tcase_add_test(tests, a_whole_file);
  tcase_add_test(tests, comma_separated);
  tcase_add_test(tests, a_table_whose_labels_nobody_wants);
  tcase_add_test(tests, tab_separated);
  tcase_add_test(tests, json_lines);
  tcase_add_test(tests, labelled_lines);
  tcase_add_test(tests, a_folder_for_each_class);
  tcase_add_test(tests, another_encoding_by_name);
  tcase_add_test(tests, utf_8_by_any_of_its_names);
  tcase_add_test(tests, very_long_lines);
  tcase_add_test(tests, a_hash_follows_the_content_of_files);
  tcase_add_test(tests, a_hash_follows_the_files_of_a_folder);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
