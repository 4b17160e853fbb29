/* test_training.c: the loop around the steps, with a task whose validation is a script: gradients
 * of several batches, early ends, which weights are kept, and averages. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "train/training.h"

enum { WORDS = 6, CLASSES = 3, DOCUMENTS = 7, EPOCHS = 8, SIZE = WORDS * CLASSES };

/* Documents of one to four words. */
static int32_t ids[] = {0, 1, 2, 3, 4, 5, 5, 0, 2, 4, 1, 3, 3, 0, 1, 5, 2};
static size_t offsets[DOCUMENTS + 1] = {0, 1, 4, 6, 8, 12, 14, 17};
static int32_t labels[DOCUMENTS] = {0, 1, 2, 0, 1, 1, 2};
static const thaw_corpus corpus = {
    .ids = ids, .offsets = offsets, .labels = labels, .count = DOCUMENTS};

/* What happens in a training, and what is to happen. */
typedef struct script {
  double losses[EPOCHS], accuracies[EPOCHS];
  size_t batches, broken_batch; /* loss calls so far; the one that gives NaN, from 1; 0: none */
  float before[64][SIZE];       /* weights before every batch */
  float validated[EPOCHS][SIZE];
  int64_t averaged[EPOCHS]; /* by the time of the validation */
} script;
static script now;

static thaw_tensor *table_of(const thaw_training *training) {
  return thaw_params_find(training->model->params, "table", "weight")->tensor;
}

/* The cross entropy of the mean of the rows of a document's words. */
static thaw_tensor *loss(thaw_training *training, const thaw_batch *batch, double *loss_sum,
                         double *weight) {
  thaw_tape *tape = training->tape;
  memcpy(now.before[now.batches++], table_of(training)->data, sizeof now.before[0]);
  thaw_tensor *x =
      thaw_embedding(tape, table_of(training), batch->ids, batch->time, batch->batch, 0);
  x = thaw_mean(tape, x, 0, thaw_length_mask(tape, batch->time, batch->batch, batch->lengths));
  x = thaw_cross_entropy(tape, x, batch->targets);
  *weight = (double)batch->batch;
  *loss_sum = (double)x->data[0] * *weight;
  return now.batches == now.broken_batch ? thaw_affine(tape, x, NAN, 0) : x;
}

static thaw_status validate(thaw_context *ctx, thaw_training *training, thaw_epoch_row *row) {
  (void)ctx;
  const int64_t epoch = training->epoch;
  memcpy(now.validated[epoch], table_of(training)->data, sizeof now.validated[0]);
  now.averaged[epoch] = training->optimizer->averaged;
  row->valid_loss = now.losses[epoch];
  row->accuracy = now.accuracies[epoch];
  return THAW_OK;
}

static void describe(const thaw_epoch_row *row, char *text, size_t space) {
  snprintf(text, space, "loss %g", row->valid_loss);
}

static const thaw_task task = {.loss = loss, .validate = validate, .describe = describe};
static const thaw_training_hooks hooks;

/* A training from the same values each time. */
typedef struct trial {
  thaw_context *ctx;
  thaw_stage_config stage;
  thaw_model model;
  thaw_training *training;
} trial;

static void begin(trial *t, thaw_stage_config stage) {
  thaw_batches *batches;
  *t = (trial){.ctx = thaw_context_create(), .stage = stage};
  t->stage.name = "classify";
  t->stage.kind = THAW_STAGE_CLASSIFY;
  if (t->stage.epochs == 0) t->stage.epochs = EPOCHS;
  if (t->stage.batch == 0) t->stage.batch = 3;
  if (t->stage.accumulate == 0) t->stage.accumulate = 1;
  t->stage.optimizer.lr = 0.5;
  t->model.params = thaw_params_create(1);
  thaw_params_add(t->model.params, t->ctx, "table", "weight", 2, (size_t[]){WORDS, CLASSES},
                  (thaw_init){THAW_INIT_UNIFORM, -1, 1});
  ck_assert_int_eq(
      thaw_batches_bucket(t->ctx, &corpus, (size_t)t->stage.batch, 0, true, 1, &batches), THAW_OK);
  ck_assert_int_eq(thaw_training_create(t->ctx, &t->stage, &task, &hooks, &t->model, batches,
                                        &corpus, &t->training),
                   THAW_OK);
}

static void run(trial *t, thaw_stage_config stage) {
  begin(t, stage);
  ck_assert_msg(thaw_training_run(t->ctx, t->training) == THAW_OK, "%s", thaw_error(t->ctx));
}

static void end(trial *t) {
  thaw_training_free(t->training);
  thaw_params_free(t->model.params);
  thaw_context_free(t->ctx);
}

/* `losses` of the first epochs; no accuracy. */
static void set_script(size_t count, const double *losses) {
  now = (script){0};
  for (size_t e = 0; e < EPOCHS; e++) now.accuracies[e] = NAN;
  for (size_t e = 0; e < count; e++) now.losses[e] = losses[e];
}
#define SCRIPT(...) \
  set_script(sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static void expect_weights(const trial *t, const float *expected) {
  ck_assert_mem_eq(table_of(t->training)->data, expected, SIZE * sizeof(float));
}

/* ---- Several batches a step ------------------------------------------------------------------ */

START_TEST(batches_add_up_to_a_large_one) {
  const thaw_optimizer_config optimizer = {
      .kind = THAW_OPTIMIZER_SGD, .momentum = 0.9, .clip = _i ? 0.1 : 0};
  trial large, small;
  SCRIPT(1);
  run(&large, (thaw_stage_config){.batch = DOCUMENTS, .optimizer = optimizer});
  ck_assert_uint_eq(now.batches, EPOCHS);
  SCRIPT(1);
  run(&small, (thaw_stage_config){.batch = 2, .accumulate = 10, .optimizer = optimizer});
  ck_assert_uint_eq(now.batches, 3 * EPOCHS);
  const thaw_series *a = large.training->series, *b = small.training->series;
  ck_assert_uint_eq(a->step_count, EPOCHS);
  ck_assert_uint_eq(b->step_count, EPOCHS);
  for (size_t s = 0; s < EPOCHS; s++) {
    ck_assert_double_eq_tol(a->steps[s].loss, b->steps[s].loss, 1e-5);
    ck_assert_double_eq_tol(a->steps[s].gradient_norm, b->steps[s].gradient_norm, 1e-5);
    ck_assert_double_eq_tol(a->epochs[s].train_loss, b->epochs[s].train_loss, 1e-5);
  }
  for (size_t i = 0; i < SIZE; i++) {
    ck_assert_float_eq_tol(table_of(large.training)->data[i], table_of(small.training)->data[i],
                           1e-5f);
  }
  end(&large);
  end(&small);
}
END_TEST

START_TEST(steps_are_counted_not_batches) {
  trial t;
  SCRIPT(1);
  run(&t, (thaw_stage_config){.batch = 2, .accumulate = 2, .epochs = 3});
  /* Seven documents make batches of 2, 2 and 3; the third is a step of its own. */
  const thaw_series *series = t.training->series;
  ck_assert_uint_eq(series->step_count, 6);
  for (size_t s = 0; s < 6; s++) ck_assert_int_eq(series->steps[s].step, (int64_t)s);
  ck_assert_int_eq(t.training->steps_from[3], 6);
  ck_assert_int_eq(series->epochs[1].step, 4);
  end(&t);
}
END_TEST

START_TEST(nan_is_caught_in_every_batch) {
  trial t;
  SCRIPT(1);
  now.broken_batch = 6; /* the last of the second step */
  begin(&t, (thaw_stage_config){.batch = 2, .accumulate = 3});
  ck_assert_int_eq(thaw_training_run(t.ctx, t.training), THAW_FAILED);
  ck_assert_msg(strncmp(thaw_error(t.ctx),
                        "stage classify: the loss became NaN at step 2 (epoch 2); nothing of that "
                        "step was kept",
                        80) == 0,
                "%s", thaw_error(t.ctx));
  expect_weights(&t, now.before[3]);
  end(&t);
}
END_TEST

/* ---- The best epoch and the last ------------------------------------------------------------- */

START_TEST(patience_ends_a_training) {
  trial t;
  SCRIPT(3, 2, 2.5, 2.4, 1, 1);
  run(&t, (thaw_stage_config){.patience = 2, .best_epoch = _i});
  ck_assert_uint_eq(t.training->series->epoch_count, 4);
  ck_assert_int_eq(t.training->best_epoch, 1);
  expect_weights(&t, now.validated[_i ? 1 : 3]);
  end(&t);
}
END_TEST

START_TEST(improvement_renews_patience) {
  trial t;
  SCRIPT(3, 3.1, 2, 2.5, 1, 1, 1, 0);
  run(&t, (thaw_stage_config){.patience = 2, .best_epoch = true});
  /* Equal is no improvement. */
  ck_assert_uint_eq(t.training->series->epoch_count, 7);
  ck_assert_int_eq(t.training->best_epoch, 4);
  end(&t);
}
END_TEST

START_TEST(accuracy_comes_before_loss) {
  trial t;
  SCRIPT(3, 4, 2, 1, 3, 9, 9, 9);
  const double accuracies[EPOCHS] = {0.5, 0.6, 0.6, 0.4, 0.6, 0.1, 0.1, 0.1};
  memcpy(now.accuracies, accuracies, sizeof accuracies);
  run(&t, (thaw_stage_config){.patience = 3, .best_epoch = true});
  ck_assert_int_eq(t.training->best_epoch, 2);
  ck_assert_uint_eq(t.training->series->epoch_count, 6);
  end(&t);
}
END_TEST

START_TEST(without_patience_all_epochs_are_run) {
  trial t;
  SCRIPT(1, 2, 3, 4, 5, 6, 7, 8);
  run(&t, (thaw_stage_config){.best_epoch = true});
  ck_assert_uint_eq(t.training->series->epoch_count, EPOCHS);
  expect_weights(&t, now.validated[0]);
  end(&t);
}
END_TEST

/* ---- Averages -------------------------------------------------------------------------------- */

/* The mean of the weights before steps begin … end − 1 and of `last`. */
static void average_of(size_t from, size_t to, const float *last, float *mean) {
  for (size_t i = 0; i < SIZE; i++) {
    double sum = (double)last[i];
    for (size_t s = from; s < to; s++) sum += (double)now.before[s][i];
    mean[i] = (float)(sum / (double)(to - from + 1));
  }
}

static void expect_near(const float *found, const float *expected) {
  for (size_t i = 0; i < SIZE; i++) ck_assert_float_eq_tol(found[i], expected[i], 1e-6f);
}

/* Merity et al. 2017, algorithm 1, with n = 1: the fourth loss is above none of those more than one
 * before it, the fifth is above the third. */
START_TEST(averaging_begins_when_validation_is_stuck) {
  static const thaw_optimizer_config optimizer = {.kind = THAW_OPTIMIZER_NT_ASGD, .n = 1};
  enum { STEPS = 2, BEGUN = 5 * STEPS }; /* batches of 3 and 4 */
  trial t;
  float mean[SIZE];
  SCRIPT(3, 2, 1, 1.5, 2.5, 0.5, 0.4, 0.3);
  run(&t, (thaw_stage_config){.optimizer = optimizer});
  for (size_t e = 0; e < EPOCHS; e++)
    ck_assert_int_eq(now.averaged[e], e < 5 ? 0 : 1 + STEPS * ((int64_t)e - 4));
  /* What is validated are averages, and training goes on from the weights. */
  average_of(BEGUN, BEGUN + STEPS, now.before[BEGUN + STEPS], mean);
  expect_near(now.validated[5], mean);
  ck_assert_mem_eq(now.validated[3], now.before[4 * STEPS], sizeof now.validated[3]);
  /* They are what the training ends with. */
  average_of(BEGUN, EPOCHS * STEPS, t.training->optimizer->tensors[0].average, mean);
  expect_near(table_of(t.training)->data, mean);
  expect_weights(&t, now.validated[EPOCHS - 1]);
  end(&t);
}
END_TEST

START_TEST(the_best_epoch_may_be_an_average) {
  trial t;
  SCRIPT(3, 2, 1, 1.5, 2.5, 0.5, 0.6, 0.7);
  run(&t, (thaw_stage_config){.optimizer = {.kind = THAW_OPTIMIZER_NT_ASGD, .n = 1},
                              .best_epoch = true,
                              .patience = 3});
  ck_assert_uint_eq(t.training->series->epoch_count, EPOCHS);
  ck_assert_int_eq(t.training->best_epoch, 5);
  expect_weights(&t, now.validated[5]);
  end(&t);
}
END_TEST

START_TEST(improving_sgd_is_never_averaged) {
  trial t;
  SCRIPT(8, 7, 6, 5, 4, 3, 2, 1);
  run(&t, (thaw_stage_config){.optimizer = {.kind = THAW_OPTIMIZER_NT_ASGD, .n = 1}});
  ck_assert_int_eq(t.training->optimizer->averaged, 0);
  ck_assert_ptr_null(t.training->optimizer->tensors[0].average);
  end(&t);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("training");
  TCase *cases = tcase_create("training");
  tcase_add_loop_test(cases, batches_add_up_to_a_large_one, 0, 2);
  tcase_add_test(cases, steps_are_counted_not_batches);
  tcase_add_test(cases, nan_is_caught_in_every_batch);
  tcase_add_loop_test(cases, patience_ends_a_training, 0, 2);
  tcase_add_test(cases, improvement_renews_patience);
  tcase_add_test(cases, accuracy_comes_before_loss);
  tcase_add_test(cases, without_patience_all_epochs_are_run);
  tcase_add_test(cases, averaging_begins_when_validation_is_stuck);
  tcase_add_test(cases, the_best_epoch_may_be_an_average);
  tcase_add_test(cases, improving_sgd_is_never_averaged);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
