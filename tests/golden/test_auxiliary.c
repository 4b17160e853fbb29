/* A classifier's loss with class weights, label smoothing and a language model's loss beside it,
 * and every gradient, against PyTorch; and what the model of such a classifier is made of. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "golden.h"
#include "train/classifier.h"

/* A classifier on two benches, with the file's values. */
typedef struct fixture {
  plugin_bench encoder, head;
  thaw_plugin encoder_plugin, head_plugin;
  thaw_model *model;
  thaw_rate_group groups[8];
  thaw_optimizer *optimizer; /* gives the tensors their gradients */
  thaw_stage_config stage;
} fixture;

static void open_plugins(fixture *f) {
  static const char *const off[] = {"output_p", "hidden_p", "input_p", "embed_p", "weight_p"};
  bench_open(&f->encoder, THAW_ENCODER, "awd_lstm");
  bench_set(&f->encoder, "embedding", "4");
  bench_set(&f->encoder, "layers", "1");
  bench_set(&f->encoder, "alpha", "0");
  bench_set(&f->encoder, "beta", "0");
  for (size_t i = 0; i < sizeof off / sizeof *off; i++) bench_set(&f->encoder, off[i], "0");
  bench_open(&f->head, THAW_HEAD, "mean");
  bench_set(&f->head, "hidden", "[]");
  bench_set(&f->head, "dropout", "[0]");
  f->encoder_plugin.descriptor = f->encoder.descriptor;
  f->head_plugin.descriptor = f->head.descriptor;
}

static void fill_in(golden *file, const thaw_params *params) {
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      if (!group->params[i].trained) continue;
      golden_fill(file, group->params[i].tensor, "%s.%s", group->name, group->params[i].name);
    }
  }
}

static size_t start(golden *file, fixture *f) {
  *f = (fixture){.stage.label_smoothing = 0.1, .stage.language_model_weight = 0.5};
  open_plugins(f);
  f->stage.encoder_settings = f->encoder.settings;
  f->stage.head_settings = f->head.settings;
  f->stage.optimizer = (thaw_optimizer_config){.kind = THAW_OPTIMIZER_SGD};
  thaw_context *ctx = f->encoder.ctx;
  const thaw_plugin_use encoder = {&f->encoder_plugin, f->encoder.settings};
  const thaw_plugin_use head = {&f->head_plugin, f->head.settings};
  const size_t words = golden_get(file, "embedding.weight")->shape[0];
  ck_assert_int_eq(thaw_model_create_classifier(ctx, &encoder, &head, words, 3, 1, NULL, &f->model),
                   THAW_OK);
  ck_assert_int_eq(thaw_model_add_tied_decoder(ctx, f->model), THAW_OK);
  fill_in(file, f->model->params);
  const size_t count = thaw_model_rate_groups(f->model, f->groups);
  ck_assert_int_eq(thaw_optimizer_create(ctx, &f->stage.optimizer, f->groups, count, &f->optimizer),
                   THAW_OK);
  return count;
}

static void end(fixture *f) {
  thaw_optimizer_free(f->optimizer);
  thaw_model_free(f->model);
  bench_close(&f->encoder);
  bench_close(&f->head);
}

static void compare_gradients(golden *file, const thaw_params *params) {
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      const thaw_tensor *x = group->params[i].tensor;
      if (!group->params[i].trained) continue;
      golden_compare(file, x->grad, thaw_size(x), "grad.%s.%s", group->name, group->params[i].name);
    }
  }
}

static void find_loss(golden *file, fixture *f, thaw_training *training, const thaw_batch *batch) {
  const double rates[] = {1, 1, 1};
  double sum, weight;
  thaw_optimizer_prepare(f->optimizer, rates);
  thaw_tape_begin(training->tape, THAW_TAPE_TRAIN, thaw_rng_make(1, 1));
  thaw_tensor *loss = thaw_classifier_task.loss(training, batch, &sum, &weight);
  ck_assert_msg(loss != NULL, "%s", thaw_tape_error(training->tape));
  golden_compare(file, loss->data, 1, "loss");
  const float own = (float)(sum / weight);
  golden_compare(file, &own, 1, "class_loss");
  ck_assert_int_eq(thaw_tape_backward(training->tape, loss), THAW_OK);
  compare_gradients(file, f->model->params);
}

START_TEST(loss_and_gradients) {
  golden *file = golden_open("auxiliary");
  fixture f;
  const size_t groups = start(file, &f);
  ck_assert_uint_eq(groups, 3);
  thaw_batch batch = {.ids = golden_integers(file, "ids"),
                      .targets = golden_integers(file, "targets"),
                      .lengths = golden_integers(file, "lengths"),
                      .time = golden_get(file, "ids")->shape[0],
                      .batch = golden_get(file, "ids")->shape[1]};
  thaw_training training = {.stage = &f.stage,
                            .model = f.model,
                            .tape = f.encoder.tape,
                            .class_weights = golden_get(file, "weights")->data};
  find_loss(file, &f, &training, &batch);
  /* An evaluation has no language model beside it. */
  double sum, weight;
  thaw_tape_begin(training.tape, THAW_TAPE_EVALUATE, thaw_rng_make(1, 1));
  const thaw_tensor *loss = thaw_classifier_task.loss(&training, &batch, &sum, &weight);
  ck_assert_double_eq_tol((double)loss->data[0], sum / weight, 1e-6);
  free(batch.ids);
  free(batch.targets);
  free(batch.lengths);
  end(&f);
  golden_close(file);
}
END_TEST

START_TEST(the_bias_goes_with_the_embedding) {
  golden *file = golden_open("auxiliary");
  fixture f;
  start(file, &f);
  static const char *const names[] = {"embedding", "rnn.0", "head"};
  for (size_t g = 0; g < 3; g++) ck_assert_str_eq(f.groups[g].name, names[g]);
  ck_assert_uint_eq(f.groups[0].group_count, 2);
  ck_assert_str_eq(f.groups[0].groups[1]->name, "decoder");
  ck_assert_uint_eq(f.groups[1].group_count, 1);
  ck_assert_uint_eq(f.groups[2].group_count, 1);
  ck_assert_ptr_null(thaw_params_find(f.model->params, "decoder", "weight"));
  end(&f);
  golden_close(file);
}
END_TEST

START_TEST(a_decoder_that_cannot_be_tied) {
  thaw_tensor embedding = {.shape = {11, 5}, .rank = 2};
  thaw_model model = {.info = {.layers = 2, .width = {8, 6}, .embedding = &embedding}};
  thaw_context *ctx = thaw_context_create();
  ck_assert_int_eq(thaw_model_add_tied_decoder(ctx, &model), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "a language model beside the classifier needs a decoder that is tied to the "
                   "embedding: the last layer has 6 features and the embedding 5; they must be "
                   "equal");
  model.info.direction = THAW_BIDIRECTIONAL;
  ck_assert_int_eq(thaw_model_add_tied_decoder(ctx, &model), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "an encoder of one direction"));
  model.info.embedding = NULL;
  ck_assert_int_eq(thaw_model_add_tied_decoder(ctx, &model), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "an encoder with an embedding"));
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden auxiliary");
  TCase *tests = tcase_create("auxiliary");
  tcase_add_test(tests, loss_and_gradients);
  tcase_add_test(tests, the_bias_goes_with_the_embedding);
  tcase_add_test(tests, a_decoder_that_cannot_be_tied);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
