/* Documents are read as often as one likes, and every time must be the same. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "reading.h"
#include "text/documents.h"

static thaw_documents documents;

static void set_up(void) {
  reading_set_up();
  documents = (thaw_documents){0};
}

static void tear_down(void) {
  thaw_documents_free(&documents);
  reading_tear_down();
}

static void add(const thaw_source *format, const char *path) {
  thaw_source source = *format;
  source.path = path;
  ck_assert_int_eq(thaw_documents_add(reading_ctx, &documents, &source), THAW_OK);
}

/* Reads all; `texts` are what is expected, in order, with a | behind each. */
static thaw_status walk_through(const char *texts) {
  thaw_documents_walk walk = {.documents = &documents};
  const thaw_document *document;
  thaw_buffer found = {0};
  size_t count = 0;
  thaw_status status;
  thaw_buffer_text(&found, "");
  while ((status = thaw_documents_next(reading_ctx, &walk, &document)) == THAW_OK && document) {
    thaw_buffer_format(&found, "%s|", document->text);
    ck_assert_uint_eq(walk.number, ++count);
  }
  thaw_documents_end(&walk);
  if (status == THAW_OK) ck_assert_str_eq(found.data, texts);
  thaw_buffer_free(&found);
  return status;
}

START_TEST(files_follow_each_other) {
  write_text("a", "one\ntwo\n");
  write_text("b", "text,label\nthree,x\n");
  add(&lines, "a");
  add(&csv, "b");
  for (size_t pass = 0; pass < 3; pass++) ck_assert_int_eq(walk_through("one|two|three|"), THAW_OK);
}
END_TEST

START_TEST(no_files) {
  ck_assert_int_eq(walk_through(""), THAW_OK);
}
END_TEST

/* Where an earlier reading stopped, nothing is known of the rest. */
START_TEST(a_walk_may_end_early) {
  write_text("a", "one\ntwo\n");
  add(&lines, "a");
  thaw_documents_walk walk = {.documents = &documents};
  const thaw_document *document;
  ck_assert_int_eq(thaw_documents_next(reading_ctx, &walk, &document), THAW_OK);
  thaw_documents_end(&walk);
  write_text("a", "three\n");
  ck_assert_int_eq(walk_through("three|"), THAW_OK);
}
END_TEST

START_TEST(a_file_that_changes) {
  static const char *const others[] = {"one,x\ntwo,x\n", "one,x\n", "one,x\ntwo,y\nthree,z\n",
                                       "One,x\ntwo,y\n", "one,x\ntwo,y\n"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    thaw_documents_free(&documents);
    write_text("first", "text,label\nsame,x\n");
    write_text("file", "text,label\none,x\ntwo,y\n");
    add(&csv, "first");
    add(&csv, "file");
    ck_assert_int_eq(walk_through("same|one|two|"), THAW_OK);
    thaw_buffer text = {0};
    thaw_buffer_format(&text, "text,label\n%s", others[i]);
    write_text("file", text.data);
    thaw_buffer_free(&text);
    if (i + 1 == sizeof others / sizeof *others) {
      ck_assert_int_eq(walk_through("same|one|two|"), THAW_OK); /* written anew, the same */
      continue;
    }
    ck_assert_int_eq(walk_through(""), THAW_INVALID);
    ck_assert_msg(strncmp(thaw_error(reading_ctx), "file: changed while it was in use: ", 35) == 0,
                  "%s", thaw_error(reading_ctx));
  }
}
END_TEST

START_TEST(an_interrupt) {
  atomic_bool flag = true;
  write_text("a", "one\n");
  add(&lines, "a");
  thaw_context_watch(reading_ctx, &flag);
  ck_assert_int_eq(walk_through(""), THAW_INTERRUPTED);
  thaw_context_watch(reading_ctx, NULL);
}
END_TEST

START_TEST(a_label_that_is_no_class) {
  thaw_classes classes = {0};
  int32_t label;
  ck_assert_int_eq(thaw_classes_add(reading_ctx, &classes, "food"), THAW_OK);
  ck_assert_int_eq(thaw_classes_add(reading_ctx, &classes, "move"), THAW_OK);
  thaw_document document = {.text = "", .label = "move", .file = "file", .line = 3};
  ck_assert_int_eq(thaw_document_label(reading_ctx, &document, &classes, &label), THAW_OK);
  ck_assert_int_eq(label, 1);
  document.label = NULL;
  ck_assert_int_eq(thaw_document_label(reading_ctx, &document, &classes, &label), THAW_OK);
  ck_assert_int_eq(label, -1);
  document.label = "foot";
  ck_assert_int_eq(thaw_document_label(reading_ctx, &document, &classes, &label), THAW_INVALID);
  ck_assert_str_eq(thaw_error(reading_ctx),
                   "file:3: the class 'foot' does not occur in the training data, whose classes "
                   "are 'food', 'move'; did you mean 'food'?");
  thaw_classes_free(&classes);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("documents");
  TCase *tests = tcase_create("documents");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, files_follow_each_other);
  tcase_add_test(tests, no_files);
  tcase_add_test(tests, a_walk_may_end_early);
  tcase_add_test(tests, a_file_that_changes);
  tcase_add_test(tests, an_interrupt);
  tcase_add_test(tests, a_label_that_is_no_class);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
