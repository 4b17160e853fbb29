/* test_labels.c: data.NAME.labels: which documents a classifier learns from. They are the same for
 * every run with that number, within those of a larger one, and all text stays for language
 * models. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/stage_data.h"
#include "fixture.h"

enum { DOCUMENTS = 100, CLASSES = 3, OF_CLASS_0 = 60, OF_CLASS_1 = 30 };

static thaw_context *ctx;
static thaw_registry *registry;

/* Document d is the words "x" and "doc<d>": it can be told from all others. */
static void write_documents(void) {
  static const char *const names[CLASSES] = {"a", "b", "c"};
  thaw_buffer text = {0};
  thaw_buffer_text(&text, "text,label\n");
  for (size_t d = 0; d < DOCUMENTS; d++) {
    const size_t place = d * 37 % DOCUMENTS; /* classes are mixed */
    const size_t class = place < OF_CLASS_0 ? 0 : place < OF_CLASS_0 + OF_CLASS_1 ? 1 : 2;
    thaw_buffer_format(&text, "x doc%zu,%s\n", d, names[class]);
  }
  fixture_write("train.csv", text.data);
  fixture_write("test.csv", "text,label\nx,a\nx,b\n");
  thaw_buffer_free(&text);
}

static void set_up(void) {
  fixture_begin();
  write_documents();
  ctx = thaw_context_create();
  registry = thaw_registry_create(NULL);
}

static void tear_down(void) {
  thaw_registry_free(registry);
  thaw_context_free(ctx);
  fixture_end();
}

/* What a stage reads. */
typedef struct documents {
  bool train[DOCUMENTS];
  size_t train_count, valid_count, test_count;
  size_t of_class[CLASSES]; /* train */
} documents;

/* Which documents the corpus has. */
static void note(const thaw_stage_data *data, const thaw_corpus *corpus, bool *there) {
  for (size_t d = 0; d < corpus->count; d++) {
    for (size_t i = corpus->offsets[d]; i < corpus->offsets[d + 1]; i++) {
      const char *piece = thaw_vocabulary_piece(data->vocabulary, corpus->ids[i]);
      if (strncmp(piece, "doc", 3) == 0) there[strtoul(piece + 3, NULL, 10)] = true;
    }
  }
}

static thaw_status read_data(thaw_stage_kind stage, const char *const *sets,
                             thaw_experiment **experiment, thaw_stage_data *data) {
  size_t count = 0;
  while (sets[count]) count++;
  const thaw_status status =
      thaw_experiment_load(ctx, "experiment.yaml", count, sets, registry, experiment);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  return thaw_stage_data_read(ctx, *experiment, &(*experiment)->stages[stage], NULL, NULL, data);
}

static documents read_stage(thaw_stage_kind stage, const char *const *sets) {
  thaw_experiment *experiment;
  thaw_stage_data data;
  documents found = {0};
  const thaw_status status = read_data(stage, sets, &experiment, &data);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  note(&data, &data.train, found.train);
  found.train_count = data.train.count;
  found.test_count = data.test.count;
  found.valid_count = data.valid.count;
  for (size_t d = 0; d < data.train.count && data.train.labels; d++)
    found.of_class[data.train.labels[d]]++;
  thaw_stage_data_free(&data);
  thaw_experiment_free(experiment);
  return found;
}

#define CLASSIFY(...) read_stage(THAW_STAGE_CLASSIFY, (const char *const[]){__VA_ARGS__, NULL})
#define FINETUNE(...) read_stage(THAW_STAGE_FINETUNE, (const char *const[]){__VA_ARGS__, NULL})

static void expect_classes(const documents *d, size_t a, size_t b, size_t c) {
  ck_assert_uint_eq(d->of_class[0], a);
  ck_assert_uint_eq(d->of_class[1], b);
  ck_assert_uint_eq(d->of_class[2], c);
}

START_TEST(labels_depend_on_the_data_only) {
  const documents one = CLASSIFY("data.target.labels=20", "seed=1", "head.plugin=concat",
                                 "stages.classify.transfer=none");
  const documents other =
      CLASSIFY("data.target.labels=20", "seed=7", "head={plugin: max}",
               "stages.classify.transfer=[embedding, rnn.0]", "stages.classify.epochs=3",
               "stages.classify.schedule=[{plugin: constant}]", "encoder.hidden=20",
               "stages.classify.seed=9", "tokenizer.min_count=1", "stages.classify.batch=4");
  ck_assert_uint_eq(one.train_count, 20);
  ck_assert_mem_eq(one.train, other.train, sizeof one.train);
  const documents split = CLASSIFY("data.target.labels=20", "data.target.split_seed=2");
  ck_assert_mem_ne(one.train, split.train, sizeof one.train);
}
END_TEST

START_TEST(fewer_labels_are_among_more) {
  documents smaller = CLASSIFY("data.target.labels=10");
  for (int labels = 11; labels <= 80; labels += 3) {
    char set[40];
    snprintf(set, sizeof set, "data.target.labels=%d", labels);
    const documents larger = CLASSIFY(set, "stages.classify.transfer=none", "seed=5");
    ck_assert_uint_eq(larger.train_count, (size_t)labels);
    for (size_t d = 0; d < DOCUMENTS; d++) ck_assert(larger.train[d] || !smaller.train[d]);
    smaller = larger;
  }
}
END_TEST

/* 80 are left to train on: 48, 24 and 8. */
START_TEST(labels_have_the_shares_of_classes) {
  const documents ten = CLASSIFY("data.target.labels=10");
  expect_classes(&ten, 6, 3, 1);
  const documents twenty = CLASSIFY("data.target.labels=20");
  expect_classes(&twenty, 12, 6, 2);
  const documents three = CLASSIFY("data.target.labels=3", "stages.classify.batch=2");
  expect_classes(&three, 1, 1, 1);
  const documents all = CLASSIFY("data.target.labels=0");
  expect_classes(&all, 48, 24, 8);
  const documents as_many = CLASSIFY("data.target.labels=80");
  ck_assert_mem_eq(as_many.train, all.train, sizeof all.train);
}
END_TEST

START_TEST(labels_leave_validation_test_and_language_models_alone) {
  const documents text = FINETUNE("data.target.labels=10"), all = FINETUNE("data.target.labels=0");
  ck_assert_uint_eq(text.train_count, 80);
  ck_assert_mem_eq(text.train, all.train, sizeof all.train);
  const documents few = CLASSIFY("data.target.labels=10"), most = CLASSIFY("seed=1");
  ck_assert_uint_eq(few.valid_count, 20);
  ck_assert_uint_eq(most.valid_count, 20);
  ck_assert_uint_eq(few.test_count, 2);
  ck_assert_uint_eq(most.test_count, 2);
  for (size_t d = 0; d < DOCUMENTS; d++) {
    ck_assert(all.train[d] || !few.train[d]); /* nothing that is held out is learned from */
    ck_assert(all.train[d] == most.train[d]);
  }
}
END_TEST

/* Validation documents do not change: predictions of a run can be compared with another's. */
START_TEST(validation_documents_stay) {
  fixture_expect(0, "run experiment.yaml -o a.h5 --set data.target.labels=20");
  fixture_expect(0,
                 "run experiment.yaml -o b.h5 --set data.target.labels=40 --set "
                 "head.plugin=mean");
  thaw_predictions *predictions[2];
  for (size_t i = 0; i < 2; i++) {
    thaw_run_file *run = fixture_open_run(ctx, i ? "b.h5" : "a.h5");
    ck_assert_int_eq(thaw_run_predictions(ctx, run, "valid", &predictions[i]), THAW_OK);
    thaw_run_close(run);
  }
  ck_assert_uint_eq(predictions[0]->count, 20);
  ck_assert_uint_eq(predictions[1]->count, 20);
  ck_assert_mem_eq(predictions[0]->gold, predictions[1]->gold, 20 * sizeof *predictions[0]->gold);
  for (size_t i = 0; i < 2; i++) thaw_predictions_free(predictions[i]);
  /* Both language models were there already: two stages in the cache, trained once. */
  fixture_result again =
      fixture_run("run experiment.yaml -o c.h5 --set data.target.labels=30", NULL);
  ck_assert_int_eq(again.status, 0);
  ck_assert_ptr_nonnull(strstr(again.err.data, "finetune: found in the stage cache"));
  fixture_free(&again);
}
END_TEST

static void refuse(const char *const *sets, const char *message) {
  thaw_experiment *experiment;
  thaw_stage_data data;
  ck_assert_int_eq(read_data(THAW_STAGE_CLASSIFY, sets, &experiment, &data), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), message);
  thaw_experiment_free(experiment);
}

START_TEST(labels_that_cannot_be_had_are_refused) {
  refuse((const char *const[]){"data.target.labels=81", NULL},
         "--set: data.target.labels: 81 labelled documents are asked for, there are 80 to train "
         "on, and 20 that are held out for validation");
  refuse((const char *const[]){"data.target.labels=101", "data.target.valid_fraction=0", NULL},
         "--set: data.target.labels: 101 labelled documents are asked for, there are 100 to train "
         "on");
  refuse((const char *const[]){"data.target.labels=2", NULL},
         "--set: data.target.labels: 2 labelled documents are fewer than the 3 classes, each of "
         "which needs one");
  /* Before anything is trained. */
  fixture_expect_error(2, "run experiment.yaml --set data.target.labels=81",
                       "there are 80 to train on");
  ck_assert_uint_eq(fixture_count(".h5"), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("labels");
  TCase *tests = tcase_create("labels");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, labels_depend_on_the_data_only);
  tcase_add_test(tests, fewer_labels_are_among_more);
  tcase_add_test(tests, labels_have_the_shares_of_classes);
  tcase_add_test(tests, labels_leave_validation_test_and_language_models_alone);
  tcase_add_test(tests, validation_documents_stay);
  tcase_add_test(tests, labels_that_cannot_be_had_are_refused);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
