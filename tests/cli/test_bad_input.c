/* test_bad_input.c: what is wrong ends the command with a status and a message that helps, before
 * anything is trained, and with every file as it was; what is odd but allowed is said. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "experiment/fixture.h"

static thaw_buffer finished; /* the bytes of finished.h5 */

/* A finished run, which no failure of another may touch. It leaves nothing in the cache. */
static void set_up(void) {
  fixture_begin();
  fixture_expect(0,
                 "run experiment.yaml -o finished.h5 --set stages.classify.transfer=none "
                 "--set stages.classify.epochs=1 --set stages.classify.max_length=50");
  finished = (thaw_buffer){0};
  fixture_read("finished.h5", &finished);
}

static void tear_down(void) {
  thaw_buffer_free(&finished);
  fixture_end();
}

static void expect_same_bytes(const char *path, const thaw_buffer *bytes) {
  thaw_buffer now = {0};
  fixture_read(path, &now);
  ck_assert_msg(now.size == bytes->size && memcmp(now.data, bytes->data, now.size) == 0,
                "%s has changed", path);
  thaw_buffer_free(&now);
}

/* No run file but the `runs` that were there, in the folder or the cache, and no half of one. */
static void expect_nothing_left(size_t runs) {
  ck_assert_uint_eq(fixture_count(".h5"), runs);
  ck_assert_uint_eq(fixture_count(".part"), 0);
  expect_same_bytes("finished.h5", &finished);
}

/* Runs bad.yaml, which is wrong: as a new run, and in place of a finished one. */
static void expect_refused(const char *message) {
  const size_t runs = fixture_count(".h5");
  fixture_expect_error(2, "run bad.yaml -o new.h5", message);
  expect_nothing_left(runs);
  fixture_expect(2, "run bad.yaml -o finished.h5");
  expect_nothing_left(runs);
}

/* bad.yaml: experiment.yaml with `text` in place of `old`. */
static void make_bad(const char *old, const char *text) {
  thaw_buffer good = {0};
  fixture_read("experiment.yaml", &good);
  fixture_write("bad.yaml", good.data);
  fixture_edit("bad.yaml", old, text);
  thaw_buffer_free(&good);
}

typedef struct fault {
  const char *old, *text, *message;
} fault;

static void expect_all_refused(const fault *faults, size_t count) {
  for (size_t i = 0; i < count; i++) {
    make_bad(faults[i].old, faults[i].text);
    expect_refused(faults[i].message);
  }
}

/* The file NAME: that of the fixture with a line added. */
static void write_with(const char *name, const char *from, const char *line) {
  thaw_buffer text = {0};
  fixture_read(from, &text);
  ck_assert(thaw_buffer_text(&text, line));
  fixture_write(name, text.data);
  thaw_buffer_free(&text);
}

/* ---- The experiment ------------------------------------------------------------------------- */

START_TEST(an_unknown_key) {
  static const fault faults[] = {
      {"threads: 1", "thread: 1", "bad.yaml:2:1: unknown key 'thread' (did you mean 'threads'?)"},
      {"test: test.csv", "tset: test.csv",
       "bad.yaml:5:43: unknown key 'tset' in data.target (did you mean 'test'?)"},
      {"min_count: 1", "mincount: 1",
       "bad.yaml:6:27: unknown key 'mincount' in tokenizer, whose plugin is word (did you mean "
       "'min_count'?)"},
      {"layers: 2", "layer: 2", "bad.yaml:7:55: unknown key 'layer' in encoder, whose plugin is"},
      {"hidden: [10]", "hiden: [10]",
       "bad.yaml:8:24: unknown key 'hiden' in head, whose plugin is"},
      {"pretrain: {", "pretrian: {",
       "bad.yaml:10:3: unknown key 'pretrian' in stages (did you mean 'pretrain'?)"},
      {"bptt: 10, opt", "btt: 10, opt",
       "bad.yaml:10:50: unknown key 'btt' in stages.pretrain (did you mean 'bptt'?)"},
      {"lr: 1e-2", "lrr: 1e-2",
       "bad.yaml:10:72: unknown key 'lrr' in stages.pretrain.optimizer (did you mean 'lr'?)"},
      {"{plugin: stlr}", "{plugin: stlr, ration: 3}",
       "bad.yaml:13:40: unknown key 'ration' in stages.classify.schedule.0, whose plugin is stlr "
       "(did you mean 'ratio'?)"}};
  expect_all_refused(faults, sizeof faults / sizeof *faults);
}
END_TEST

START_TEST(a_wrong_value) {
  static const fault faults[] = {
      {"epochs: 2", "epochs: two",
       "bad.yaml:10:37: stages.pretrain.epochs: expected a whole number, found 'two'"},
      {"batch: 8, bptt", "batch: 0, bptt",
       "bad.yaml:10:47: stages.pretrain.batch: 0 is out of range: expected 1 to "},
      {"hidden: [10]", "hidden: [0]",
       "bad.yaml:8:32: head.hidden: 0 is out of range: expected 1 to"},
      {"hidden: [10]", "hidden: [10], dropout: [0.1, 0.2, 0.3]",
       "bad.yaml:8:1: head: dropout has 3 rates, expected 2"},
      {"min_count: 1", "min_count: 1000",
       "bad.yaml:6:38: tokenizer.min_count: stage pretrain, data general: no piece is left for the "
       "vocabulary: 22 different pieces occurred"},
      {"batch: 8, bptt", "batch: 8000, bptt",
       "bad.yaml:10:47: stages.pretrain.batch: a batch of 8000 streams needs at least 16000 "
       "tokens"},
      {"batch: 8, bptt", "sampled_softmax: 29, batch: 8, bptt",
       "bad.yaml:10:57: stages.pretrain.sampled_softmax: 29 words are not fewer than the 29 of the "
       "vocabulary: leave it out, or set it to less than 29"},
      {"batch: 8, transfer", "class_weights: {foood: 2}, batch: 8, transfer",
       "bad.yaml:12:63: stages.classify.class_weights.foood: no training document has the class "
       "'foood' (did you mean 'food'?)"},
      {"batch: 8, transfer", "batch: 800, transfer",
       "bad.yaml:12:47: stages.classify.batch: a batch of 800 documents is more than the 48 that "
       "there are to train on"}};
  expect_all_refused(faults, sizeof faults / sizeof *faults);
}
END_TEST

START_TEST(a_wrong_file) {
  static const fault faults[] = {
      {"threads: 1", "threads: 1\nthreads: 2",
       "bad.yaml:3:1: the key 'threads' stands here twice, first in line 2, column 1"},
      {"threads: 1", "threads: [1", "bad.yaml:3:5: cannot be parsed as YAML: "},
      {"threads: 1",
       "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
       "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
       "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
       "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
       "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
       "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
       "threads: 1",
       "more than 100,000 values (what an alias repeats counts each time)"}};
  expect_all_refused(faults, sizeof faults / sizeof *faults);
  fixture_expect_error(2, "run nowhere.yaml -o new.h5", "nowhere.yaml");
  expect_nothing_left(1);
}
END_TEST

/* ---- Plugins -------------------------------------------------------------------------------- */

START_TEST(an_unknown_plugin) {
  static const fault faults[] = {
      {"plugin: concat", "plugin: concta",
       "bad.yaml:8:16: head.plugin: there is no head plugin called 'concta' (did you mean "
       "'concat'?)"},
      {"plugin: concat", "plugin: stlr", "bad.yaml:8:16: head.plugin: plugin stlr ("},
      {"plugin: concat", "plugin: stlr", "is of the kind schedule, expected: head"},
      {"plugin: concat", "plugin: ./nowhere.so",
       "/nowhere.so cannot be opened: No such file or directory"}};
  expect_all_refused(faults, sizeof faults / sizeof *faults);
}
END_TEST

START_TEST(a_broken_plugin) {
  static const struct {
    const char *file, *message;
  } broken[] = {{"broken_abi", "it was built for plugin ABI 4711, this thaw has ABI"},
                {"broken_crash", "crashes while it is loaded (SIGSEGV"},
                {"broken_symbol", "does not export the symbol 'thaw_plugin'"}};
  const char *build = getenv("THAW_BUILD");
  ck_assert_ptr_nonnull(build);
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    char plugin[PATH_MAX];
    snprintf(plugin, sizeof plugin, "plugin: %s/tests/plugin/.libs/%s.so", build, broken[i].file);
    make_bad("plugin: concat", plugin);
    expect_refused(broken[i].message);
    expect_refused("bad.yaml:8:16: head.plugin: ");
    expect_refused(plugin + strlen("plugin: ")); /* the file is named */
  }
}
END_TEST

/* ---- Data ----------------------------------------------------------------------------------- */

START_TEST(bad_data_files) {
  static const fault faults[] = {
      {"train.csv", "trian.csv", "/trian.csv: there is no such file (did you mean 'train.csv'?)"},
      {"train.csv", "trian.csv", "bad.yaml:5:32: data.target.train: "},
      {"train.csv", "empty", "/empty: the file is empty"},
      {"test: test.csv", "test: empty", "bad.yaml:5:49: data.target.test: "},
      {"general.txt", "empty", "bad.yaml:4:34: data.general.train: "},
      {"train.csv", "header.csv", "/header.csv: there is no document in it"},
      {"train.csv", "subfolder", "/subfolder: is a folder, expected a file"},
      {"label: label", "label: lable",
       "/train.csv:1: there is no column 'lable'; there are 'text', 'label'; did you mean "
       "'label'?"},
      {"train.csv", "short.csv",
       "/short.csv:62: the row has 1 cell, the header has 2: the cell of column 'label' is "
       "missing"},
      {"train.csv", "latin.csv", "/latin.csv:62:9: byte 0xff at offset "},
      {"general.txt", "latin.txt", "/latin.txt:201:9: byte 0xff at offset "},
      {"test.csv", "other.csv",
       "/other.csv:62: the class 'moev' does not occur in the training data, whose classes are "
       "'food', 'move'; did you mean 'move'?"},
      {"train.csv", "one.csv",
       "bad.yaml:5:64: data.target.label: all training documents have the class 'food'; a "
       "classifier needs at least two classes"}};
  fixture_write("empty", "");
  fixture_write("header.csv", "text,label\n");
  fixture_write("one.csv",
                "text,label\nthe cat eats,food\na dog drinks,food\nmy dog eats,food\n"
                "a cat tastes,food\n");
  write_with("short.csv", "train.csv", "the cat\n");
  write_with("latin.csv", "train.csv", "the cat \xff eats,food\n");
  write_with("latin.txt", "general.txt", "the cat \xff eats\n");
  write_with("other.csv", "test.csv", "the cat runs,moev\n");
  ck_assert_int_eq(mkdir("subfolder", 0755), 0);
  expect_all_refused(faults, sizeof faults / sizeof *faults);
}
END_TEST

/* The offset is that of the byte in the file. */
START_TEST(where_a_byte_stands) {
  thaw_buffer text = {0};
  char message[64];
  fixture_read("train.csv", &text);
  snprintf(message, sizeof message, "byte 0xff at offset %zu is not", text.size + 8);
  thaw_buffer_free(&text);
  write_with("latin.csv", "train.csv", "the cat \xff eats,food\n");
  make_bad("train.csv", "latin.csv");
  expect_refused(message);
}
END_TEST

START_TEST(a_data_file_that_may_not_be_read) {
  ck_assert_int_eq(chmod("train.csv", 0), 0);
  fixture_result result = fixture_run_without_rights("run experiment.yaml -o new.h5");
  ck_assert_msg(result.status == 2, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "experiment.yaml:5:32: data.target.train: "));
  ck_assert_ptr_nonnull(strstr(result.err.data, "/train.csv: cannot be read: Permission denied"));
  fixture_free(&result);
  expect_nothing_left(1);
}
END_TEST

START_TEST(a_class_that_appears_once) {
  write_with("once.csv", "train.csv", "neither here nor there,other\n");
  make_bad("train.csv", "once.csv");
  fixture_expect_error(0, "run bad.yaml -o new.h5", "thaw: warning: ");
  ck_assert_int_eq(remove("new.h5"), 0);
  fixture_expect_error(0, "run bad.yaml -o new.h5", "'other'");
  expect_same_bytes("finished.h5", &finished);
}
END_TEST

START_TEST(an_empty_document) {
  write_with("blank.csv", "train.csv", ",food\n");
  make_bad("train.csv", "blank.csv");
  fixture_expect_error(
      0, "run bad.yaml -o new.h5",
      "classify: documents without a word: 1; each counts as its start marker alone");
}
END_TEST

/* WORDS words, each a token. */
static void append_words(thaw_buffer *text, size_t words) {
  static const char *const some[] = {"the ", "cat ", "runs ", "a ", "dog ", "eats ", "again "};
  for (size_t i = 0; i < words; i++)
    ck_assert(thaw_buffer_text(text, some[(words - i) % (sizeof some / sizeof *some)]));
}

enum { LONG = 200000 };

START_TEST(a_document_of_many_tokens) {
  thaw_buffer row = {0};
  append_words(&row, LONG);
  fixture_write("long.txt", row.data);
  ck_assert(thaw_buffer_text(&row, ",food\n"));
  write_with("long.csv", "train.csv", row.data);
  thaw_buffer_free(&row);
  make_bad("train.csv", "long.csv");
  fixture_expect_error(0, "run bad.yaml -o new.h5 --set stages.classify.transfer=none",
                       "classify: 49 documents of target to train on (2002");
  fixture_write("lm.yaml",
                "data: {general: {format: text, train: long.txt}}\n"
                "tokenizer: {plugin: word}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}\n"
                "stages: {pretrain: {data: general, epochs: 1, batch: 64, bptt: 50}}\n");
  fixture_expect_error(0, "run lm.yaml -o lm.h5", "1 documents of general to train on (2000");
}
END_TEST

/* A classifier sees the last max_length tokens of a document, whatever stands before. */
START_TEST(the_end_of_a_long_document_counts) {
  thaw_buffer text = {0};
  for (size_t i = 0; i < LONG / 2; i++) ck_assert(thaw_buffer_text(&text, "my sister "));
  append_words(&text, 50);
  ck_assert(thaw_buffer_text(&text, "\n"));
  append_words(&text, 50);
  ck_assert(thaw_buffer_text(&text, "\n"));
  fixture_result result = fixture_run("predict finished.h5 --format json", text.data);
  thaw_buffer_free(&text);
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  const size_t length = strcspn(result.out.data, "\n") + 1;
  ck_assert_uint_eq(strlen(result.out.data), 2 * length);
  ck_assert_msg(memcmp(result.out.data, result.out.data + length, length) == 0, "%s",
                result.out.data);
  fixture_free(&result);
}
END_TEST

/* ---- Transfer ------------------------------------------------------------------------------- */

START_TEST(a_group_that_there_is_not) {
  static const fault faults[] = {
      {"transfer: all", "transfer: [embedding, rnn.7]",
       "bad.yaml:12:60: stages.classify.transfer: there is no group 'rnn.7' in this model; its "
       "groups are embedding, rnn.0, rnn.1, head; did you mean 'rnn.0'?"},
      {"transfer: all", "transfer: [head]",
       "bad.yaml:12:60: stages.classify.transfer: there is no group 'head' in finetune; its groups "
       "are embedding, rnn.0, rnn.1, decoder"}};
  expect_all_refused(faults, sizeof faults / sizeof *faults);
  fixture_expect_error(2, "plan experiment.yaml --set stages.classify.transfer=[embeding]",
                       "did you mean 'embedding'?");
  expect_nothing_left(1);
}
END_TEST

START_TEST(a_source_that_does_not_fit) {
  static const fault faults[] = {
      {"transfer: all", "transfer: {groups: all, from: nowhere.h5}",
       "/nowhere.h5: there is no such file"},
      {"transfer: all", "transfer: {groups: [decoder], from: finished.h5}",
       "bad.yaml:12:60: stages.classify.transfer: there is no group 'decoder'"},
      {"transfer: all", "transfer: {groups: all, from: finished.h5, stage: finetune}",
       "finished.h5 has no weights of a stage 'finetune'"}};
  expect_all_refused(faults, sizeof faults / sizeof *faults);
  make_bad("transfer: all", "transfer: {groups: all, from: finished.h5}");
  fixture_edit("bad.yaml", "hidden: 12", "hidden: 16");
  expect_refused(
      "bad.yaml:12:60: stages.classify.transfer: rnn.0/weight_ih is [64][8] here and "
      "[48][8] in ");
  make_bad("transfer: all", "transfer: {groups: all, from: finished.h5}");
  fixture_edit("bad.yaml", "min_count: 1", "min_count: 1, lower: false");
  expect_refused("its words were made by another tokenizer");
  expect_refused("bad.yaml:12:80: stages.classify.transfer.from: ");
}
END_TEST

/* ---- Run files that are none ---------------------------------------------------------------- */

static void write_bytes(const char *path, const char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

/* Refused as a source, for predictions, in a comparison and where a run file is to stand. */
static void expect_damage(const char *message) {
  thaw_buffer before = {0};
  fixture_read("damaged.h5", &before);
  make_bad("transfer: all", "transfer: {groups: all, from: damaged.h5}");
  expect_refused(message);
  expect_refused("bad.yaml:12:80: stages.classify.transfer.from: ");
  fixture_expect_error(2, "predict damaged.h5", message);
  fixture_expect_error(2, "compare finished.h5 damaged.h5", message);
  fixture_expect_error(2, "run experiment.yaml -o damaged.h5", message);
  fixture_expect_error(2, "run experiment.yaml -o damaged.h5",
                       "damaged.h5 is in the way (remove it, or write somewhere else)");
  expect_nothing_left(2);
  expect_same_bytes("damaged.h5", &before);
  thaw_buffer_free(&before);
}

START_TEST(a_run_file_that_is_none) {
  write_bytes("damaged.h5", finished.data, finished.size / 2);
  expect_damage("damaged.h5 is truncated");
  fixture_write("damaged.h5", "text,label\n");
  expect_damage("damaged.h5 is not an HDF5 file");
  thaw_buffer other = {0};
  ck_assert(thaw_buffer_append(&other, finished.data, finished.size));
  char *format = strstr(other.data, "format 1\n");
  ck_assert_ptr_nonnull(format);
  format[7] = '2';
  write_bytes("damaged.h5", other.data, other.size);
  thaw_buffer_free(&other);
  expect_damage("format 2");
}
END_TEST

/* ---- Where nothing can be written ----------------------------------------------------------- */

START_TEST(a_folder_that_may_not_be_written) {
  ck_assert_int_eq(mkdir("closed", 0555), 0);
  static const char *const paths[] = {"run experiment.yaml -o closed/new.h5",
                                      "run experiment.yaml -o closed/deeper/new.h5"};
  for (size_t i = 0; i < 2; i++) {
    fixture_result result = fixture_run_without_rights(paths[i]);
    ck_assert_msg(result.status == 1, "%s", result.err.data);
    ck_assert_ptr_nonnull(strstr(result.err.data, "closed/"));
    ck_assert_ptr_nonnull(strstr(result.err.data, "Permission denied"));
    fixture_free(&result);
    expect_nothing_left(1);
  }
}
END_TEST

START_TEST(a_folder_that_is_a_file) {
  fixture_expect_error(1, "run experiment.yaml -o train.csv/new.h5",
                       "cannot make the folder train.csv: a file of that name exists");
  ck_assert_int_eq(mkdir("runs.h5", 0755), 0);
  fixture_expect_error(2, "run experiment.yaml -o runs.h5", "runs.h5: it is a folder");
  expect_nothing_left(1);
}
END_TEST

START_TEST(no_space_left) {
  fixture_result result = fixture_run_limited("run experiment.yaml -o new.h5", 8000);
  ck_assert_msg(result.status == 1, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "cannot write cache/"));
  ck_assert_ptr_nonnull(strstr(result.err.data, "File too large"));
  fixture_free(&result);
  expect_nothing_left(1);
}
END_TEST

/* ---- Trainings that end early --------------------------------------------------------------- */

static const char long_run[] =
    "run experiment.yaml -o new.h5 --set stages.pretrain.epochs=200 "
    "--set stages.classify.epochs=200";

static void interrupt(const char *said, const char *stage) {
  fixture_result result = fixture_run_interrupted(long_run, said);
  ck_assert_msg(result.status == 130, "after '%s': %d, %s", said, result.status, result.err.data);
  ck_assert_msg(strstr(result.err.data, stage) != NULL, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "the same command goes on from there"));
  fixture_free(&result);
  expect_same_bytes("finished.h5", &finished);
  ck_assert_uint_eq(fixture_count(".part"), 0);
}

START_TEST(an_interruption) {
  interrupt("pretrain: takes over", "thaw: interrupted: stage pretrain stopped after ");
  ck_assert(!thaw_path_exists("new.h5"));
  interrupt("classify: takes over", "thaw: interrupted: stage classify stopped after ");
  fixture_expect_error(2, "predict new.h5", "new.h5 is not finished");
  fixture_expect_error(0, long_run, "classify: goes on from the checkpoint in new.h5");
  fixture_expect(0,
                 "run experiment.yaml -o whole.h5 --cache other --set stages.pretrain.epochs=200 "
                 "--set stages.classify.epochs=200");
  fixture_expect_same_weights("whole.h5", "new.h5");
}
END_TEST

/* A disk that is full spoils nothing that was there. */
START_TEST(a_checkpoint_survives_a_full_disk) {
  thaw_buffer checkpoint = {0};
  interrupt("classify: takes over", "stage classify stopped after ");
  fixture_read("new.h5", &checkpoint);
  fixture_result result = fixture_run_limited(long_run, checkpoint.size / 2);
  ck_assert_msg(result.status == 1, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "cannot write new.h5: File too large"));
  fixture_free(&result);
  expect_same_bytes("new.h5", &checkpoint);
  ck_assert_uint_eq(fixture_count(".part"), 0);
  fixture_expect(0, long_run);
  thaw_buffer_free(&checkpoint);
}
END_TEST

START_TEST(a_loss_that_is_not_a_number) {
  static const char command[] =
      "run experiment.yaml -o new.h5 --set stages.pretrain.optimizer.lr=1e6";
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 1, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "thaw: error: stage pretrain: the "));
  ck_assert_ptr_nonnull(strstr(result.err.data, " at step "));
  ck_assert_ptr_nonnull(strstr(result.err.data, "lower stages.pretrain.optimizer.lr (now 1e+06)"));
  fixture_free(&result);
  expect_nothing_left(1);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("bad input");
  TCase *tests = tcase_create("bad input");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, an_unknown_key);
  tcase_add_test(tests, a_wrong_value);
  tcase_add_test(tests, a_wrong_file);
  tcase_add_test(tests, an_unknown_plugin);
  tcase_add_test(tests, a_broken_plugin);
  tcase_add_test(tests, bad_data_files);
  tcase_add_test(tests, where_a_byte_stands);
  tcase_add_test(tests, a_data_file_that_may_not_be_read);
  tcase_add_test(tests, a_class_that_appears_once);
  tcase_add_test(tests, an_empty_document);
  tcase_add_test(tests, a_document_of_many_tokens);
  tcase_add_test(tests, the_end_of_a_long_document_counts);
  tcase_add_test(tests, a_group_that_there_is_not);
  tcase_add_test(tests, a_source_that_does_not_fit);
  tcase_add_test(tests, a_run_file_that_is_none);
  tcase_add_test(tests, a_folder_that_may_not_be_written);
  tcase_add_test(tests, a_folder_that_is_a_file);
  tcase_add_test(tests, no_space_left);
  tcase_add_test(tests, an_interruption);
  tcase_add_test(tests, a_checkpoint_survives_a_full_disk);
  tcase_add_test(tests, a_loss_that_is_not_a_number);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
