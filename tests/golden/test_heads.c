/* Every head against PyTorch: with running statistics, one training step without dropout, and 20
 * more of them with SGD. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "../tensor/gradient_check.h"
#include "golden.h"
#include "train/optimizer.h"

enum { LAYERS = 3, CLASSES = 3 };

typedef struct setting {
  const char *name, *value;
} setting;

typedef struct head_case {
  const char *name, *plugin, *layers, *hidden, *dropout;
  setting own[2]; /* of this head alone */
} head_case;

static const head_case cases[] = {
    {"last", "last", "[last]", "[5]", "[0, 0]", {{0}}},
    {"last_all", "last", "all", "[5]", "[0, 0]", {{0}}},
    {"last_single", "last", "[2]", "[]", "[0]", {{0}}},
    {"mean", "mean", "last", "[5]", "[0, 0]", {{0}}},
    {"mean_all", "mean", "[0, 1, 2]", "[5]", "[0, 0]", {{0}}},
    {"max", "max", "[last]", "[5]", "[0, 0]", {{0}}},
    {"max_all", "max", "all", "[6, 4]", "[0, 0, 0]", {{0}}},
    {"concat", "concat", "[last]", "[5]", "[0, 0]", {{"parts", "[last, max, mean]"}}},
    {"concat_all", "concat", "all", "[5]", "[0, 0]", {{"parts", "[last, max, mean]"}}},
    {"concat_input", "concat", "[2, 0]", "[5]", "[0, 0]", {{"parts", "[input, last]"}}},
    {"attention", "attention", "[last]", "[5]", "[0, 0]", {{"width", "4"}}},
    {"attention_all", "attention", "all", "[5]", "[0, 0]", {{"width", "6"}}},
    {"attention_query", "attention", "[1]", "[]", "[0]", {{"width", "0"}}},
    {"scalar_mix", "scalar_mix", "[0, 2]", "[5]", "[0, 0]", {{"pool", "[last, max, mean]"}}},
    {"scalar_mix_input", "scalar_mix", "[0, 2]", "[5]", "[0, 0]", {{"pool", "[mean, input]"}}},
    {"scalar_mix_layers",
     "scalar_mix",
     "[2, 0]",
     "[]",
     "[0]",
     {{"pool", "mean"}, {"input", "false"}}},
};

typedef struct documents {
  thaw_tensor *layers[LAYERS], *embedded;
  int32_t *lengths, *targets;
  thaw_states states;
  thaw_head_input input;
} documents;

static void read_documents(golden *file, documents *d) {
  *d = (documents){.embedded = golden_parameter(file, "embedded"),
                   .lengths = golden_integers(file, "lengths"),
                   .targets = golden_integers(file, "targets")};
  for (int i = 0; i < LAYERS; i++) {
    d->layers[i] = golden_parameter(file, "layer%d", i);
    d->states.layer[i] = d->layers[i];
  }
  d->states.embedded = d->embedded;
  d->input = (thaw_head_input){.states = &d->states,
                               .time = d->embedded->shape[0],
                               .batch = d->embedded->shape[1],
                               .lengths = d->lengths};
}

static void free_documents(documents *d) {
  for (int i = 0; i < LAYERS; i++) free_parameter(d->layers[i]);
  free_parameter(d->embedded);
  free(d->lengths);
  free(d->targets);
}

static void clear(thaw_tensor *x) {
  memset(x->grad, 0, thaw_size(x) * sizeof(float));
}

static void fill_head(golden *file, plugin_bench *bench, const char *name) {
  const thaw_param_group *group = thaw_params_group(bench->params, "head");
  for (size_t i = 0; i < group->count; i++) {
    golden_fill(file, group->params[i].tensor, "%s.%s", name, group->params[i].name);
  }
}

static void compare_state_gradient(golden *file, const thaw_tensor *x, const char *head,
                                   const char *mode, const char *state) {
  char name[100];
  snprintf(name, sizeof name, "%s.%s.grad.%s", head, mode, state);
  for (size_t i = 0; !golden_has(file, name) && i < thaw_size(x); i++) {
    ck_assert_msg(x->grad[i] == 0, "%s: %s was not chosen but got a gradient", head, state);
  }
  if (golden_has(file, name)) golden_compare(file, x->grad, thaw_size(x), "%s", name);
}

static void compare_gradients(golden *file, plugin_bench *bench, documents *d, const char *head,
                              const char *mode) {
  const thaw_param_group *group = thaw_params_group(bench->params, "head");
  for (size_t i = 0; i < group->count; i++) {
    const thaw_param *p = &group->params[i];
    if (!p->trained) continue;
    /* Batch norm takes a scale out again: all but rounding. */
    if (strcmp(p->name, "mix.scale") == 0 && strcmp(mode, "train") == 0) {
      const float expected = golden_get(file, "%s.train.grad.mix.scale", head)->data[0];
      ck_assert_float_eq_tol(p->tensor->grad[0], expected, 1e-6f);
      continue;
    }
    golden_compare(file, p->tensor->grad, thaw_size(p->tensor), "%s.%s.grad.%s", head, mode,
                   p->name);
  }
  static const char *const states[LAYERS] = {"layer0", "layer1", "layer2"};
  for (int i = 0; i < LAYERS; i++) {
    compare_state_gradient(file, d->layers[i], head, mode, states[i]);
  }
  compare_state_gradient(file, d->embedded, head, mode, "embedded");
}

static void run_mode(golden *file, plugin_bench *bench, documents *d, const char *head,
                     thaw_tape_mode mode) {
  const char *mode_name = mode == THAW_TAPE_TRAIN ? "train" : "eval";
  thaw_tensor *logits = NULL;
  for (int i = 0; i < LAYERS; i++) clear(d->layers[i]);
  clear(d->embedded);
  bench_clear_gradients(bench);
  d->input.info = &bench->info;
  thaw_tape_begin(bench->tape, mode, thaw_rng_make(1, 1));
  ck_assert_msg(bench->descriptor->api.head->forward(bench->self, bench->settings, bench->tape,
                                                     &d->input, &logits) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
  thaw_tensor *loss = thaw_cross_entropy(bench->tape, logits, d->targets);
  ck_assert_int_eq(thaw_tape_backward(bench->tape, loss), THAW_OK);
  golden_compare(file, logits->data, thaw_size(logits), "%s.%s.logits", head, mode_name);
  golden_compare(file, loss->data, 1, "%s.%s.loss", head, mode_name);
  compare_gradients(file, bench, d, head, mode_name);
}

/* The running statistics move in training, and in training only. */
static void compare_statistics(golden *file, plugin_bench *bench, const char *prefix) {
  const thaw_param_group *group = thaw_params_group(bench->params, "head");
  for (size_t i = 0; i < group->count; i++) {
    const thaw_param *p = &group->params[i];
    if (p->trained) continue;
    golden_compare(file, p->tensor->data, thaw_size(p->tensor), "%s.%s", prefix, p->name);
  }
}

/* ---- Twenty steps ---------------------------------------------------------------------------- */

static void take_step(plugin_bench *bench, documents *d, thaw_optimizer *optimizer) {
  static const double rate = 0.05;
  thaw_tensor *logits = NULL;
  thaw_optimizer_prepare(optimizer, &rate);
  thaw_tape_begin(bench->tape, THAW_TAPE_TRAIN, thaw_rng_make(1, 1));
  bench->descriptor->api.head->forward(bench->self, bench->settings, bench->tape, &d->input,
                                       &logits);
  thaw_tensor *loss = thaw_cross_entropy(bench->tape, logits, d->targets);
  ck_assert_int_eq(thaw_tape_backward(bench->tape, loss), THAW_OK);
  thaw_optimizer_step(optimizer, &rate, 1, thaw_optimizer_norm(optimizer));
}

/* On states that stay as they are. */
static void train(golden *file, plugin_bench *bench, documents *d, const char *head) {
  static const thaw_optimizer_config config = {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9};
  const thaw_param_group *group = thaw_params_group(bench->params, "head");
  const thaw_rate_group rates = {.name = "head", .groups = {group}, .group_count = 1};
  thaw_optimizer *optimizer;
  /* Those that the bench gave. */
  for (size_t i = 0; i < group->count; i++) {
    free(group->params[i].tensor->grad);
    group->params[i].tensor->grad = NULL;
  }
  for (int i = 0; i < LAYERS; i++) d->layers[i]->wants_grad = false;
  d->embedded->wants_grad = false;
  ck_assert_int_eq(thaw_optimizer_create(bench->ctx, &config, &rates, 1, &optimizer), THAW_OK);
  for (int step = 0; step < 20; step++) take_step(bench, d, optimizer);
  for (size_t i = 0; i < group->count; i++) {
    const thaw_tensor *x = group->params[i].tensor;
    golden_compare(file, x->data, thaw_size(x), "%s.steps.%s", head, group->params[i].name);
  }
  thaw_optimizer_free(optimizer);
}

START_TEST(head) {
  const head_case *c = &cases[_i];
  golden *file = golden_open("heads");
  documents d;
  plugin_bench bench;
  char trained[64];
  size_t widths[LAYERS];
  read_documents(file, &d);
  for (int i = 0; i < LAYERS; i++) widths[i] = d.layers[i]->shape[2];
  const thaw_encoder_info info = make_info(LAYERS, widths, d.embedded->shape[2]);
  bench_open(&bench, THAW_HEAD, c->plugin);
  for (size_t i = 0; i < 2 && c->own[i].name; i++)
    bench_set(&bench, c->own[i].name, c->own[i].value);
  bench_set(&bench, "layers", c->layers);
  bench_set(&bench, "hidden", c->hidden);
  bench_set(&bench, "dropout", c->dropout);
  bench_create_head(&bench, &info, CLASSES);
  fill_head(file, &bench, c->name);
  run_mode(file, &bench, &d, c->name, THAW_TAPE_RECORD);
  compare_statistics(file, &bench, c->name);
  run_mode(file, &bench, &d, c->name, THAW_TAPE_TRAIN);
  snprintf(trained, sizeof trained, "%s.train", c->name);
  compare_statistics(file, &bench, trained);
  train(file, &bench, &d, c->name);
  bench_close(&bench);
  free_documents(&d);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden heads");
  TCase *tests = tcase_create("heads");
  tcase_add_loop_test(tests, head, 0, sizeof cases / sizeof *cases);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
