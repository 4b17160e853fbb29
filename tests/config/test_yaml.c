/* YAML into trees and back: positions, what is refused, and that nothing crashes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sample.h"

static thaw_arena *arena;

static void set_up_arena(void) {
  set_up();
  arena = thaw_arena_create();
}

static void tear_down_arena(void) {
  thaw_arena_free(arena);
  tear_down();
}

static thaw_node *parse(const char *text) {
  thaw_node *root;
  const thaw_status status = thaw_yaml_parse(ctx, arena, "x.yaml", text, strlen(text), &root);
  ck_assert_msg(status == THAW_OK, "%s: %s", text, thaw_error(ctx));
  return root;
}

static void refuse_bytes(const char *text, size_t bytes, const char *message) {
  thaw_node *root;
  const thaw_status status = thaw_yaml_parse(ctx, arena, "x.yaml", text, bytes, &root);
  ck_assert_msg(status == THAW_INVALID, "status %d, expected the error: %s", (int)status, message);
  ck_assert_ptr_null(root);
  expect_message(message);
}

static void refuse(const char *text, const char *message) {
  refuse_bytes(text, strlen(text), message);
}

/* ---- Reading -------------------------------------------------------------------------------- */

START_TEST(a_tree_keeps_texts_and_positions) {
  const thaw_node *root = parse("a: no\nb:\n  - 1e3\n  - \"no\"\nc: {d: [x, y]}\n");
  ck_assert_int_eq(root->kind, THAW_NODE_MAP);
  const thaw_node *a = thaw_node_child(root, "a");
  ck_assert_str_eq(a->text, "no");
  ck_assert(!a->quoted);
  ck_assert_str_eq(a->file, "x.yaml");
  ck_assert_uint_eq(a->key_line, 1);
  ck_assert_uint_eq(a->key_column, 1);
  ck_assert_uint_eq(a->line, 1);
  ck_assert_uint_eq(a->column, 4);
  const thaw_node *item = thaw_node_find(root, "b.1");
  ck_assert_str_eq(item->text, "no");
  ck_assert(item->quoted);
  ck_assert_ptr_null(item->key);
  ck_assert_uint_eq(item->line, 4);
  ck_assert_uint_eq(item->column, 5);
  ck_assert_str_eq(thaw_node_find(root, "b.0")->text, "1e3");
  ck_assert_str_eq(thaw_node_find(root, "c.d.1")->text, "y");
  ck_assert_int_eq(thaw_node_find(root, "c.d")->kind, THAW_NODE_LIST);
}
END_TEST

START_TEST(what_is_not_there_is_not_found) {
  const thaw_node *root = parse("a: {b: [x]}\n");
  ck_assert_ptr_null(thaw_node_child(root, "b"));
  ck_assert_ptr_null(thaw_node_child(thaw_node_child(root, "a"), "c"));
  ck_assert_ptr_null(thaw_node_child(NULL, "a"));
  const char *const paths[] = {"", ".", "a.", "a.b.1", "a.b.x", "a.b.", "a.b.0.c", "b.0", "a..b"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    ck_assert_msg(!thaw_node_find(root, paths[i]), "found '%s'", paths[i]);
  }
}
END_TEST

START_TEST(null_and_nothing_differ_from_texts) {
  const thaw_node *root = parse("a: null\nb: ~\nc: 'null'\nd:\ne: \"\"\nf: NULL\n");
  ck_assert(thaw_node_is_null(thaw_node_child(root, "a")));
  ck_assert(thaw_node_is_null(thaw_node_child(root, "b")));
  ck_assert(thaw_node_is_null(thaw_node_child(root, "f")));
  ck_assert(!thaw_node_is_null(thaw_node_child(root, "c")));
  ck_assert(!thaw_node_is_null(thaw_node_child(root, "d")));
  ck_assert(thaw_node_is_empty(thaw_node_child(root, "d")));
  ck_assert(!thaw_node_is_empty(thaw_node_child(root, "e")));
}
END_TEST

START_TEST(an_alias_is_a_copy) {
  const thaw_node *root = parse("a: &x {b: 1, c: [2]}\nd: *x\ne: *x\n");
  ck_assert_str_eq(thaw_node_find(root, "d.c.0")->text, "2");
  ck_assert_str_eq(thaw_node_child(root, "d")->key, "d");
  ck_assert_str_eq(thaw_node_child(root, "e")->key, "e");
  ck_assert_ptr_ne(thaw_node_find(root, "d.b"), thaw_node_find(root, "e.b"));
}
END_TEST

START_TEST(a_byte_order_mark_is_skipped) {
  const thaw_node *root = parse(
      "\xef\xbb\xbf"
      "ä: ö\n");
  ck_assert_str_eq(root->first->key, "ä");
  ck_assert_uint_eq(root->first->key_column, 1);
  ck_assert_uint_eq(root->first->column, 4);
}
END_TEST

/* ---- Refusing ------------------------------------------------------------------------------- */

START_TEST(what_does_not_parse_is_refused) {
  refuse("a: [1, 2\nb: 3\n",
         "x.yaml:2:2: cannot be parsed as YAML: did not find expected ',' or ']', while parsing a "
         "flow sequence that begins in line 1");
  refuse("a: 1\n\tb: 2\n",
         "x.yaml:2:1: cannot be parsed as YAML: found a tab character that violates indentation, "
         "while scanning a plain scalar that begins in line 1");
  refuse("a: \"x\n",
         "x.yaml:2:1: cannot be parsed as YAML: found unexpected end of stream, while scanning a "
         "quoted scalar that begins in line 1");
  refuse("a: b: c\n",
         "x.yaml:1:5: cannot be parsed as YAML: mapping values are not allowed in this context");
  refuse("a: \a\n", "x.yaml:1:4: control characters are not allowed (U+0007)");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused) {
  refuse("ä: 1\nö: \xff\n", "x.yaml:2:4: is not UTF-8 (byte 0xff)");
  refuse("a: \xc3", "x.yaml:1:4: is not UTF-8 (byte 0xc3)");
  refuse(
      "\xff\xfe"
      "a\0:\0",
      "x.yaml:1:1: is not UTF-8 (byte 0xff)");
  refuse_bytes("a: b\0c\n", 7, "x.yaml:1:5: control characters are not allowed (U+0000)");
  refuse("a: \"b\\0c\"\n", "x.yaml:1:4: a text cannot contain the NUL character");
  refuse("\"a\\0\": b\n", "x.yaml:1:1: a text cannot contain the NUL character");
}
END_TEST

START_TEST(a_key_stands_once) {
  refuse("a: 1\nb: {c: 1, d: 2, c: 3}\n",
         "x.yaml:2:17: the key 'c' stands here twice, first in line 2, column 5");
  refuse("b: 1\na: 2\nb: 3\na: 4\n",
         "x.yaml:4:1: the key 'a' stands here twice, first in line 2, column 1");
}
END_TEST

START_TEST(keys_are_texts) {
  refuse("[a, b]: 1\n", "x.yaml:1:1: a key must be a text");
  refuse("? {a: 1}\n: 1\n", "x.yaml:1:3: a key must be a text");
  refuse("a: &x b\n*x : 1\n", "x.yaml:2:1: a key must be a text");
  thaw_buffer text = {0};
  for (int i = 0; i < 129; i++) thaw_buffer_text(&text, "k");
  thaw_buffer_text(&text, ": 1\n");
  refuse(text.data, "x.yaml:1:1: a key of more than 128 bytes");
  thaw_buffer_free(&text);
}
END_TEST

START_TEST(one_document_is_expected) {
  refuse("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document begins here, expected one");
  refuse("", "x.yaml: there is nothing in it");
  refuse("# only a comment\n", "x.yaml: there is nothing in it");
}
END_TEST

START_TEST(merge_keys_and_tags_are_refused) {
  refuse("a: &x {b: 1}\nc:\n  <<: *x\n",
         "x.yaml:3:3: merge keys (<<) are not supported; 'extends' inherits from a file");
  ck_assert_str_eq(parse("'<<': 1\n")->first->key, "<<");
  refuse("a: !!int 1\n", "x.yaml:1:4: tags have no meaning here, found 'tag:yaml.org,2002:int'");
  refuse("a: !x [1]\n", "x.yaml:1:4: tags have no meaning here, found '!x'");
  refuse("a: !x {b: 1}\n", "x.yaml:1:4: tags have no meaning here, found '!x'");
  refuse("!x a: b\n", "x.yaml:1:1: tags have no meaning here, found '!x'");
}
END_TEST

START_TEST(aliases_need_a_finished_anchor) {
  refuse("a: *x\n", "x.yaml:1:4: there is no finished anchor '&x' before this alias");
  refuse("a: &x [*x]\n", "x.yaml:1:8: there is no finished anchor '&x' before this alias");
}
END_TEST

START_TEST(bombs_are_refused) {
  refuse(
      "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
      "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
      "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
      "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
      "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n",
      "x.yaml:5:36: more than 100,000 values (what an alias repeats counts each time)");
  thaw_buffer text = {0};
  thaw_buffer_text(&text, "a: &a ");
  for (int i = 0; i < 20000; i++) thaw_buffer_text(&text, "long text ");
  thaw_buffer_text(&text, "\nb: [*a, *a, *a, *a, *a, *a]\n");
  refuse(text.data,
         "x.yaml:2:21: more than 1 MiB of text (what an alias repeats counts each time)");
  thaw_buffer_clear(&text);
  for (int i = 0; i < 65; i++) thaw_buffer_text(&text, "[");
  refuse(text.data, "x.yaml:1:65: more than 64 levels, one in the other");
  thaw_buffer_clear(&text);
  for (int i = 0; i < 1001; i++) thaw_buffer_format(&text, "- &a%d x\n", i);
  refuse(text.data, "x.yaml:1001:3: more than 1,000 anchors");
  thaw_buffer_clear(&text);
  thaw_buffer_text(&text, "a: ");
  for (int i = 0; i < 110000; i++) thaw_buffer_text(&text, "long text ");
  refuse(text.data, "x.yaml: is larger than 1 MiB");
  thaw_buffer_free(&text);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_refused) {
  thaw_node *root;
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "exp.yaml", &root), THAW_OK);
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "epx.yaml", &root), THAW_INVALID);
  expect_message("epx.yaml: there is no such file (did you mean 'exp.yaml'?)");
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "nowhere/exp.yaml", &root), THAW_INVALID);
  expect_message("nowhere/exp.yaml: there is no such file, nor a folder nowhere");
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "/tmp", &root), THAW_INVALID);
  expect_message("/tmp: is a folder, expected a file");
  ck_assert_int_eq(symlink("loop.yaml", "loop.yaml"), 0);
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "loop.yaml", &root), THAW_INVALID);
  expect_message("loop.yaml: cannot be read: Too many levels of symbolic links");
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "/dev/zero", &root), THAW_INVALID);
  expect_message("/dev/zero: is larger than 1 MiB");
  write_file("empty.yaml", "");
  ck_assert_int_eq(thaw_yaml_read(ctx, arena, "empty.yaml", &root), THAW_INVALID);
  expect_message("empty.yaml: there is nothing in it");
}
END_TEST

/* ---- Writing -------------------------------------------------------------------------------- */

static void write_to(thaw_buffer *out, const thaw_node *node, bool sorted) {
  thaw_buffer_clear(out);
  ck_assert_int_eq(thaw_node_write(ctx, node, sorted, out), THAW_OK);
}

/* Equal but for quotes, which a text may gain. */
static bool same(const thaw_node *a, const thaw_node *b) {
  if (a->kind != b->kind || !a->key != !b->key) return false;
  if (a->key && strcmp(a->key, b->key) != 0) return false;
  if (a->kind == THAW_NODE_SCALAR) {
    return strcmp(a->text, b->text) == 0 && thaw_node_is_null(a) == thaw_node_is_null(b) &&
           thaw_node_is_empty(a) == thaw_node_is_empty(b) && (!a->quoted || b->quoted);
  }
  const thaw_node *x = a->first, *y = b->first;
  for (; x && y; x = x->next, y = y->next) {
    if (!same(x, y)) return false;
  }
  return !x && !y;
}

/* What is written of `root` parses back to it. */
static void check_round_trip(const thaw_node *root) {
  thaw_buffer text = {0};
  thaw_node *again;
  write_to(&text, root, false);
  const thaw_status status = thaw_yaml_parse(ctx, arena, "x.yaml", text.data, text.size, &again);
  ck_assert_msg(status == THAW_OK, "%s\n%s", thaw_error(ctx), text.data);
  ck_assert_msg(same(root, again), "not the same:\n%s", text.data);
  thaw_buffer_free(&text);
}

START_TEST(trees_are_written_as_people_write_them) {
  const char *text =
      "name: trec6\n"
      "data:\n"
      "  target:\n"
      "    train: [a.csv, b.csv]\n"
      "    none: {}\n"
      "schedule:\n"
      "  - plugin: stlr\n"
      "    cut_frac: 0.1\n"
      "  - {}\n"
      "  - - - a: b\n"
      "    - []\n"
      "lr: -1e-3\n"
      "rnn.0: \"a: b\"\n"
      "\"a b\": null\n"
      "nothing:\n"
      "quoted: \"null\"\n";
  thaw_buffer out = {0};
  const thaw_node *root = parse(text);
  write_to(&out, root, false);
  ck_assert_str_eq(out.data, text);
  check_round_trip(root);
  thaw_buffer_clear(&out);
  ck_assert_int_eq(thaw_node_write_line(ctx, thaw_node_child(root, "schedule"), false, &out),
                   THAW_OK);
  ck_assert_str_eq(out.data, "[{plugin: stlr, cut_frac: 0.1}, {}, [[{a: b}], []]]");
  write_to(&out, parse("{b: {z: 1, a: 2}, a: [y, x]}"), true);
  ck_assert_str_eq(out.data, "a: [y, x]\nb:\n  a: 2\n  z: 1\n");
  thaw_buffer_free(&out);
}
END_TEST

START_TEST(hard_texts_come_back) {
  const char *const texts[] = {"",
                               " ",
                               "a b",
                               "- a",
                               "-",
                               "---",
                               "...",
                               "a: b",
                               "a #b",
                               "#",
                               "a\nb\n\n",
                               "\ttab",
                               "'\"\\",
                               "{a",
                               "[",
                               "*x",
                               "&x",
                               "!x",
                               "%x",
                               "@x",
                               "`x",
                               "|",
                               ">",
                               "?",
                               ":",
                               ",",
                               "~x",
                               "~",
                               "null",
                               "\x01\x7f",
                               "\xc2\x85",
                               "\xc2\xa0",
                               "ä€😀",
                               "\r\n",
                               "\xe2\x80\xa8",
                               "=",
                               "<<",
                               "\xef\xbb\xbf",
                               "\xef\xbf\xbe",
                               "\xef\xbf\xbf",
                               "\xef\xbf\xbd",
                               "a\\u0041"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    thaw_node item = {.kind = THAW_NODE_SCALAR, .text = texts[i], .quoted = true};
    thaw_node list = {.kind = THAW_NODE_LIST, .key = *texts[i] ? texts[i] : "k", .first = &item};
    thaw_node value = {
        .kind = THAW_NODE_SCALAR, .key = "z", .text = texts[i], .quoted = true, .next = &list};
    const thaw_node root = {.kind = THAW_NODE_MAP, .first = &value};
    check_round_trip(&root);
  }
}
END_TEST

static void collect(void *user, const char *path, const char *value) {
  thaw_buffer_format(user, "%s = %s\n", path, value);
}

START_TEST(a_tree_can_be_flat) {
  thaw_buffer out = {0};
  thaw_node_flatten(parse("a: x y\nb: {c: [1, 2], d: []}\ne: [{f: 1}, {f: [g]}]\n"), arena, collect,
                    &out);
  ck_assert_str_eq(out.data, "a = x y\nb.c = [1, 2]\nb.d = []\ne.0.f = 1\ne.1.f = [g]\n");
  thaw_buffer_free(&out);
}
END_TEST

/* ---- Anything else -------------------------------------------------------------------------- */

/* Must not crash; what parses must come back from what is written of it. */
static void try_text(const char *text, size_t bytes) {
  thaw_node *root;
  if (thaw_yaml_parse(ctx, arena, "x.yaml", text, bytes, &root) == THAW_OK) {
    if (!thaw_node_is_empty(root)) check_round_trip(root);
  } else {
    ck_assert_msg(strncmp(thaw_error(ctx), "x.yaml:", 7) == 0, "%s", thaw_error(ctx));
  }
  thaw_arena_reset(arena);
}

static const char fuzzed[] =
    "%YAML 1.1\n--- # c\na: &x {b: \"q\\x41\", 'c': [1, ~]}\nd: *x\n? e\n: |\n  t\n  u\nf:\n- - "
    ">-\n"
    "   g\n- !!str h\n- \xc3\xa4\n";

/* The text in memory of just its size, so that AddressSanitizer sees a byte read too many. */
START_TEST(every_prefix_and_every_changed_byte_is_survived) {
  static const unsigned char changes[] = "\n\t -:,[]{}#&*!|>'\"%@`?\\0a~\x7f\x80\xc3\xff";
  const size_t bytes = sizeof fuzzed - 1;
  for (size_t length = 0; length <= bytes; length++) {
    char *copy = malloc(length ? length : 1);
    memcpy(copy, fuzzed, length);
    try_text(copy, length);
    for (size_t i = 0; i < sizeof changes && length > 0; i++) { /* with the NUL at the end */
      memcpy(copy, fuzzed, length);
      copy[length - 1] = (char)changes[i];
      try_text(copy, length);
    }
    free(copy);
  }
  char *whole = malloc(bytes);
  for (size_t at = 0; at < bytes; at++) {
    for (size_t i = 0; i < sizeof changes; i++) {
      memcpy(whole, fuzzed, bytes);
      whole[at] = (char)changes[i];
      try_text(whole, bytes);
    }
  }
  free(whole);
}
END_TEST

START_TEST(every_prefix_and_changed_byte_of_a_config_is_survived) {
  static const char changes[] = "\n :[{&*'x";
  const size_t bytes = strlen(sample);
  char *copy = malloc(bytes + 1);
  for (size_t at = 0; at < bytes; at++) {
    for (size_t i = 0; i < sizeof changes; i++) {
      memcpy(copy, sample, bytes + 1);
      copy[at] = changes[i]; /* the last one ends the text */
      try_text(copy, strlen(copy));
      thaw_experiment *experiment;
      if (i % 3 == at % 3 &&
          thaw_experiment_restore(ctx, "x.h5", copy, registry, &experiment) == THAW_OK) {
        thaw_experiment_free(experiment);
      }
    }
  }
  free(copy);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("yaml");
  TCase *cases = tcase_create("yaml");
  tcase_add_checked_fixture(cases, set_up_arena, tear_down_arena);
  tcase_add_test(cases, a_tree_keeps_texts_and_positions);
  tcase_add_test(cases, what_is_not_there_is_not_found);
  tcase_add_test(cases, null_and_nothing_differ_from_texts);
  tcase_add_test(cases, an_alias_is_a_copy);
  tcase_add_test(cases, a_byte_order_mark_is_skipped);
  tcase_add_test(cases, what_does_not_parse_is_refused);
  tcase_add_test(cases, bytes_that_are_no_text_are_refused);
  tcase_add_test(cases, a_key_stands_once);
  tcase_add_test(cases, keys_are_texts);
  tcase_add_test(cases, one_document_is_expected);
  tcase_add_test(cases, merge_keys_and_tags_are_refused);
  tcase_add_test(cases, aliases_need_a_finished_anchor);
  tcase_add_test(cases, bombs_are_refused);
  tcase_add_test(cases, files_that_cannot_be_read_are_refused);
  tcase_add_test(cases, trees_are_written_as_people_write_them);
  tcase_add_test(cases, hard_texts_come_back);
  tcase_add_test(cases, a_tree_can_be_flat);
  tcase_add_test(cases, every_prefix_and_every_changed_byte_is_survived);
  tcase_add_test(cases, every_prefix_and_changed_byte_of_a_config_is_survived);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
