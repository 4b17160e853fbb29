/* The encoder transformer against a decoder made of PyTorch's modules, with dropout off: a tied
 * language model, its gradients and its weights after 20 steps, and padded documents. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../plugins/plugin_bench.h"
#include "../tensor/gradient_check.h"
#include "golden.h"
#include "train/optimizer.h"

enum { LAYERS = 2, STEPS = 20, WORDS = 9 };

static const char *const norms[] = {"pre", "post"};

static void open_encoder(plugin_bench *bench, const char *norm) {
  static const char *const settings[][2] = {
      {"embedding", "6"}, {"hidden", "10"}, {"layers", "2"},      {"heads", "2"},
      {"positions", "7"}, {"embed_p", "0"}, {"attention_p", "0"}, {"residual_p", "0"}};
  bench_open(bench, THAW_ENCODER, "transformer");
  bench_set(bench, "norm", norm);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    bench_set(bench, settings[i][0], settings[i][1]);
  }
  bench_create_encoder(bench, WORDS);
}

typedef void (*visitor)(golden *file, thaw_tensor *tensor, const char *name);

static void fill(golden *file, thaw_tensor *tensor, const char *name) {
  golden_fill(file, tensor, "%s", name);
}

static void compare_values(golden *file, thaw_tensor *tensor, const char *name) {
  golden_compare(file, tensor->data, thaw_size(tensor), "%s", name);
}

static void compare_gradients(golden *file, thaw_tensor *tensor, const char *name) {
  golden_compare(file, tensor->grad, thaw_size(tensor), "%s", name);
}

/* Every tensor with its name in the file: PREFIXgroup.tensor. */
static void visit(golden *file, const thaw_params *params, const char *norm, const char *prefix,
                  visitor function) {
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      char name[128];
      snprintf(name, sizeof name, "%s.%s%s.%s", norm, prefix, group->name, group->params[i].name);
      function(file, group->params[i].tensor, name);
    }
  }
}

static thaw_states encode(plugin_bench *bench, void *self, const thaw_encoder_input *input) {
  thaw_states states = {0};
  thaw_tape_begin(bench->tape, THAW_TAPE_TRAIN, thaw_rng_make(1, 1));
  ck_assert_msg(bench->descriptor->api.encoder->forward(self, bench->settings, bench->tape, input,
                                                        &states) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
  return states;
}

static thaw_model *make_model(golden *file, plugin_bench *bench, const char *norm) {
  const thaw_plugin plugin = {.descriptor = bench->descriptor};
  const thaw_plugin_use use = {&plugin, bench->settings};
  thaw_model *model = NULL;
  ck_assert_int_eq(thaw_model_create_language_model(bench->ctx, &use, WORDS, 1, &model), THAW_OK);
  ck_assert(model->tied);
  visit(file, model->params, norm, "", fill);
  return model;
}

/* The language model's loss, whose gradients are in the model's tensors. */
static float find_gradients(plugin_bench *bench, const thaw_model *model,
                            const thaw_encoder_input *input, const int32_t *targets,
                            thaw_states *states) {
  *states = encode(bench, model->encoder_self, input);
  thaw_tensor *loss = thaw_linear_cross_entropy(bench->tape, states->output, model->decoder_weight,
                                                model->decoder_bias, targets, NULL);
  ck_assert_int_eq(thaw_tape_backward(bench->tape, loss), THAW_OK);
  return loss->data[0];
}

static void compare_first_step(golden *file, const thaw_model *model, const char *norm, float loss,
                               const thaw_states *states) {
  for (int i = 0; i < LAYERS; i++) {
    golden_compare(file, states->layer[i]->data, thaw_size(states->layer[i]), "%s.lm.out.%d", norm,
                   i);
  }
  golden_compare(file, &loss, 1, "%s.lm.loss", norm);
  visit(file, model->params, norm, "lm.grad.", compare_gradients);
}

static void train(golden *file, plugin_bench *bench, const char *norm,
                  const thaw_encoder_input *input, const int32_t *targets) {
  const thaw_optimizer_config config = {.kind = THAW_OPTIMIZER_ADAM,
                                        .beta1 = 0.9,
                                        .beta2 = 0.99,
                                        .epsilon = 1e-4,
                                        .weight_decay = 0.1};
  const double rates[LAYERS + 2] = {0.01, 0.01, 0.01, 0.01};
  thaw_model *model = make_model(file, bench, norm);
  thaw_rate_group groups[LAYERS + 2];
  const size_t count = thaw_model_rate_groups(model, groups);
  thaw_optimizer *optimizer;
  ck_assert_int_eq(thaw_optimizer_create(bench->ctx, &config, groups, count, &optimizer), THAW_OK);
  float loss = 0;
  for (int step = 0; step < STEPS; step++) {
    thaw_states states;
    thaw_optimizer_prepare(optimizer, rates);
    loss = find_gradients(bench, model, input, targets, &states);
    if (step == 0) compare_first_step(file, model, norm, loss, &states);
    thaw_optimizer_step(optimizer, rates, 1, thaw_optimizer_norm(optimizer));
  }
  golden_compare(file, &loss, 1, "%s.lm.last_loss", norm);
  visit(file, model->params, norm, "lm.after.", compare_values);
  thaw_optimizer_free(optimizer);
  thaw_model_free(model);
}

START_TEST(language_model) {
  golden *file = golden_open("transformer");
  plugin_bench bench;
  open_encoder(&bench, norms[_i]);
  int32_t *ids = golden_integers(file, "ids"), *targets = golden_integers(file, "targets");
  const thaw_tensor *shape = golden_get(file, "ids");
  const thaw_encoder_input input = {
      .ids = ids, .time = shape->shape[0], .batch = shape->shape[1], .language_model = true};
  train(file, &bench, norms[_i], &input, targets);
  free(ids);
  free(targets);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

START_TEST(padded_documents) {
  golden *file = golden_open("transformer");
  plugin_bench bench;
  open_encoder(&bench, norms[_i]);
  visit(file, bench.params, norms[_i], "", fill);
  int32_t *ids = golden_integers(file, "padded.ids");
  int32_t *lengths = golden_integers(file, "padded.lengths");
  const thaw_tensor *upstream = golden_get(file, "padded.upstream");
  const thaw_encoder_input input = {
      .ids = ids, .time = upstream->shape[0], .batch = upstream->shape[1], .lengths = lengths};
  thaw_tensor *out = encode(&bench, bench.self, &input).layer[LAYERS - 1];
  golden_compare(file, out->data, thaw_size(out), "%s.padded.out.1", norms[_i]);
  thaw_tensor *weights = thaw_tape_constant(bench.tape, 3, upstream->shape, upstream->data);
  thaw_tensor *loss = sum_of_all(bench.tape, thaw_multiply(bench.tape, out, weights));
  ck_assert_int_eq(thaw_tape_backward(bench.tape, loss), THAW_OK);
  visit(file, bench.params, norms[_i], "padded.grad.", compare_gradients);
  free(ids);
  free(lengths);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden transformer");
  TCase *tests = tcase_create("transformer");
  tcase_add_loop_test(tests, language_model, 0, 2);
  tcase_add_loop_test(tests, padded_documents, 0, 2);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
