/* Documents come out of every format as they stand in it, and what is wrong is named with its
 * place.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/context.h"
#include "text/reader.h"

enum { NOBODY = 65534 };

static thaw_context *ctx;
static char folder[] = "/tmp/thaw-test-XXXXXX";

static void set_up(void) {
  ctx = thaw_context_create();
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
}

static void tear_down(void) {
  thaw_context_free(ctx);
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  ck_assert_int_eq(system(command), 0);
}

static void write_bytes(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
  ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

static void write_gzip(const char *path, const void *bytes, size_t count) {
  gzFile file = gzopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(gzwrite(file, bytes, (unsigned)count), (int)count);
  ck_assert_int_eq(gzclose(file), Z_OK);
}

typedef struct expected {
  const char *text, *label;
  size_t line;
} expected;

/* Expects these documents, and then the end. */
static void expect_documents(const thaw_source *source, size_t count, const expected *documents) {
  thaw_reader *reader;
  const thaw_document *document;
  ck_assert_msg(thaw_reader_open(ctx, source, &reader) == THAW_OK, "%s", thaw_error(ctx));
  for (size_t i = 0; i < count; i++) {
    const thaw_status status = thaw_reader_next(ctx, reader, &document);
    ck_assert_msg(status == THAW_OK, "document %zu: %s", i, thaw_error(ctx));
    ck_assert_msg(document != NULL, "document %zu is missing", i);
    ck_assert_str_eq(document->text, documents[i].text);
    ck_assert_uint_eq(document->bytes, strlen(documents[i].text));
    ck_assert_pstr_eq(document->label, documents[i].label);
    ck_assert_uint_eq(document->line, documents[i].line);
    if (source->format != THAW_FORMAT_FOLDER) ck_assert_str_eq(document->file, source->path);
  }
  for (int i = 0; i < 2; i++) { /* the end stays the end */
    ck_assert_msg(thaw_reader_next(ctx, reader, &document) == THAW_OK, "%s", thaw_error(ctx));
    ck_assert_ptr_null(document);
  }
  thaw_reader_close(reader);
}

/* The same from a plain and from a compressed file with this content. */
static void expect_from(thaw_source source, const char *content, size_t count,
                        const expected *documents) {
  source.path = "plain";
  write_text("plain", content);
  expect_documents(&source, count, documents);
  source.path = "packed.gz";
  write_gzip("packed.gz", content, strlen(content));
  expect_documents(&source, count, documents);
}

/* Reads until an error comes, which must be `message` after the `good` documents before it. */
static void expect_error_at(const thaw_source *source, size_t good, const char *message) {
  thaw_reader *reader;
  const thaw_document *document = NULL;
  size_t count = 0;
  thaw_status status = thaw_reader_open(ctx, source, &reader);
  if (status == THAW_OK) {
    while ((status = thaw_reader_next(ctx, reader, &document)) == THAW_OK && document) count++;
    thaw_reader_close(reader);
  } else {
    ck_assert_ptr_null(reader);
  }
  ck_assert_msg(status == THAW_INVALID, "no error; expected: %s", message);
  ck_assert_msg(strncmp(thaw_error(ctx), message, strlen(message)) == 0,
                "expected the message '%s', found '%s'", message, thaw_error(ctx));
  ck_assert_msg(count == good, "%zu documents came before '%s'", count, message);
}

static void expect_error(thaw_source source, const char *content, size_t good,
                         const char *message) {
  source.path = "file";
  write_text("file", content);
  expect_error_at(&source, good, message);
}

static const thaw_source lines = {.format = THAW_FORMAT_TEXT},
                         whole = {.format = THAW_FORMAT_TEXT, .whole = true},
                         csv = {.format = THAW_FORMAT_CSV, .label = "label"},
                         tsv = {.format = THAW_FORMAT_TSV, .text = "review"},
                         jsonl = {.format = THAW_FORMAT_JSONL, .label = "label"},
                         labelled = {.format = THAW_FORMAT_LABELLED},
                         trec = {.format = THAW_FORMAT_LABELLED, .label_cut = ":"},
                         fasttext = {.format = THAW_FORMAT_LABELLED, .label_prefix = "__label__"};

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
  ck_assert_int_eq(thaw_reader_open(ctx, &source, &reader), THAW_OK);
  ck_assert_int_eq(thaw_reader_next(ctx, reader, &document), THAW_OK);
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
    ck_assert_int_eq(thaw_source_hash(ctx, &source, digits), THAW_INVALID);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "nowhere/train"));
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
  const thaw_status status = thaw_reader_open(ctx, &source, &reader);
  if (root) ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "secret: cannot be opened: Permission denied");
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
  ck_assert_int_eq(thaw_reader_open(ctx, &source, &reader), THAW_OK);
  thaw_status status;
  while ((status = thaw_reader_next(ctx, reader, &document)) == THAW_OK && document) {
    ck_assert_mem_eq(document->text, text + 7 * count++, 6);
  }
  thaw_reader_close(reader);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert(count > 1000 && count < LINES); /* what is there was handed out */
  char message[100];
  snprintf(message, sizeof message, "packed.gz:%zu: the gzip data stops in the middle", count + 1);
  ck_assert_msg(strncmp(thaw_error(ctx), message, strlen(message)) == 0, "%s", thaw_error(ctx));
  /* One bit of the checksum at the end. */
  bytes[size - 6] ^= 1;
  write_bytes("packed.gz", bytes, size);
  ck_assert_int_eq(thaw_reader_open(ctx, &source, &reader), THAW_OK);
  while ((status = thaw_reader_next(ctx, reader, &document)) == THAW_OK && document) continue;
  thaw_reader_close(reader);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_ptr_nonnull(
      strstr(thaw_error(ctx), ": the gzip data is damaged: incorrect data check"));
  free(text);
}
END_TEST

/* ---- Rows and lines that are not right ---------------------------------------------------------
 */

START_TEST(columns_that_are_missing) {
  expect_error(csv, "id,texts,label\n1,a,b\n", 0,
               "file:1: there is no column 'text'; there are 'id', 'texts', 'label'; did you mean "
               "'texts'?");
  expect_error(csv, "\n\ntext,Label\na,b\n", 0,
               "file:3: there is no column 'label'; there are 'text', 'Label'");
  expect_error(csv, "qqqqqqqq\n1\n", 0, "file:1: there is no column 'text'; there is 'qqqqqqqq'");
  ck_assert_ptr_null(strstr(thaw_error(ctx), "did you mean"));
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

/* ---- Hashes ---------------------------------------------------------------------------------- */

static void hash_of(const thaw_source *source, char digits[33]) {
  ck_assert_msg(thaw_source_hash(ctx, source, digits) == THAW_OK, "%s", thaw_error(ctx));
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
  tcase_add_checked_fixture(tests, set_up, tear_down);
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
  tcase_add_test(tests, a_hash_follows_the_content_of_files);
  tcase_add_test(tests, a_hash_follows_the_files_of_a_folder);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
