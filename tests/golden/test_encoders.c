/* Recurrent encoders against PyTorch, with dropout off: states, gradients, and the weights after 20
 * steps of training as a language model; both directions at once. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "../tensor/gradient_check.h"
#include "golden.h"
#include "plugin/carry.h"
#include "tensor/kernels.h"

enum { LAYERS = 2, MOST = 16 };

static const char *const kinds[] = {"awd_lstm", "lstm", "gru", "qrnn"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool is_regularised(const char *kind) {
  return strcmp(kind, "awd_lstm") == 0 || strcmp(kind, "qrnn") == 0;
}

/* An encoder of embedding 4 and hidden 6 with the file's numbers "PREFIX.GROUP.TENSOR". */
static void open_encoder(golden *file, plugin_bench *bench, const char *kind, const char *layers,
                         const char *direction, const char *prefix) {
  static const char *const rates[] = {"output_p", "hidden_p", "input_p", "embed_p", "weight_p"};
  bench_open(bench, THAW_ENCODER, kind);
  bench_set(bench, "embedding", "4");
  bench_set(bench, "hidden", "6");
  bench_set(bench, "layers", layers);
  bench_set(bench, "direction", direction);
  for (size_t i = 0; is_regularised(kind) && i < 5; i++) bench_set(bench, rates[i], "0");
  bench_create_encoder(bench, golden_get(file, "%s.embedding.weight", prefix)->shape[0]);
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      golden_fill(file, group->params[i].tensor, "%s.%s.%s", prefix, group->name,
                  group->params[i].name);
    }
  }
}

static void compare_params(golden *file, const plugin_bench *bench, bool gradients,
                           const char *prefix) {
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      const thaw_tensor *x = group->params[i].tensor;
      golden_compare(file, gradients ? x->grad : x->data, thaw_size(x), "%s.%s.%s", prefix,
                     group->name, group->params[i].name);
    }
  }
}

static thaw_states encode(plugin_bench *bench, const thaw_encoder_input *input) {
  thaw_states states = {0};
  thaw_tape_begin(bench->tape, THAW_TAPE_TRAIN, thaw_rng_make(1, 1));
  ck_assert_msg(bench->descriptor->api.encoder->forward(bench->self, bench->settings, bench->tape,
                                                        input, &states) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
  return states;
}

/* ---- Training -------------------------------------------------------------------------------- */

typedef struct trained {
  thaw_tensor *tensor;
  float *first, *second;
} trained;

/* The encoder's tensors and the decoder's bias. */
static size_t collect(plugin_bench *bench, thaw_tensor *bias, trained *all) {
  thaw_tensor *tensors[MOST];
  size_t count = bench_trained(bench, tensors, MOST - 1);
  tensors[count++] = bias;
  for (size_t i = 0; i < count; i++) {
    const size_t size = thaw_size(tensors[i]);
    all[i] = (trained){tensors[i], calloc(size, sizeof(float)), calloc(size, sizeof(float))};
    ck_assert(all[i].first && all[i].second);
  }
  return count;
}

/* The file's AdamW; gradients become 0. */
static void take_step(trained *all, size_t count, int step) {
  thaw_adamw_step adamw = {.rate = 0.01f,
                           .beta1 = 0.7f,
                           .beta2 = 0.99f,
                           .epsilon = 1e-8f,
                           .weight_decay = 0.01f,
                           .correction1 = 1,
                           .correction2 = 1,
                           .gradient_scale = 1};
  double power1 = 1, power2 = 1;
  for (int i = 0; i <= step; i++, power1 *= 0.7, power2 *= 0.99) continue;
  adamw.correction1 = (float)(1 - power1);
  adamw.correction2 = (float)(1 - power2);
  for (size_t i = 0; i < count; i++) {
    thaw_tensor *x = all[i].tensor;
    thaw_adamw(x->data, x->grad, all[i].first, all[i].second, thaw_size(x), &adamw);
    memset(x->grad, 0, thaw_size(x) * sizeof(float));
  }
}

/* One step of 20: forward and backward. Returns the loss without penalties. */
static float find_gradients(golden *file, plugin_bench *bench, thaw_tensor *bias,
                            const thaw_encoder_input *input, const int32_t *targets, int step) {
  const char *kind = bench->descriptor->name;
  char prefix[64];
  const thaw_states states = encode(bench, input);
  thaw_tensor *loss = thaw_linear_cross_entropy(bench->tape, states.output, bench->info.embedding,
                                                bias, targets, NULL);
  ck_assert((states.penalty != NULL) == is_regularised(kind));
  thaw_tensor *whole = states.penalty ? thaw_add(bench->tape, loss, states.penalty) : loss;
  ck_assert_int_eq(thaw_tape_backward(bench->tape, whole), THAW_OK);
  if (step == 1) {
    for (int i = 0; i < LAYERS; i++) {
      golden_compare(file, states.layer[i]->data, thaw_size(states.layer[i]), "%s.second.out.%d",
                     kind, i);
    }
    snprintf(prefix, sizeof prefix, "%s.second.grad", kind);
    compare_params(file, bench, true, prefix);
    golden_compare(file, bias->grad, thaw_size(bias), "%s.decoder.bias", prefix);
  }
  return loss->data[0];
}

START_TEST(twenty_steps_of_training) {
  golden *file = golden_open("encoders");
  const char *kind = kinds[_i];
  const thaw_tensor *shape = golden_get(file, "ids");
  const size_t time = shape->shape[1], batch = shape->shape[2];
  int32_t *ids = golden_integers(file, "ids"), *targets = golden_integers(file, "targets");
  char prefix[64];
  float losses[20];
  plugin_bench bench;
  trained all[MOST];
  snprintf(prefix, sizeof prefix, "%s.start", kind);
  open_encoder(file, &bench, kind, "2", "forward", prefix);
  thaw_tensor *bias = golden_parameter(file, "%s.decoder.bias", prefix);
  const size_t count = collect(&bench, bias, all);
  thaw_carry *carry = thaw_carry_create();
  for (int step = 0; step < 20; step++) {
    const size_t from = (size_t)step * time * batch;
    const thaw_encoder_input input = {
        .ids = ids + from, .time = time, .batch = batch, .carry = carry, .language_model = true};
    losses[step] = find_gradients(file, &bench, bias, &input, targets + from, step);
    take_step(all, count, step);
  }
  golden_compare(file, losses, 20, "%s.losses", kind);
  snprintf(prefix, sizeof prefix, "%s.end", kind);
  compare_params(file, &bench, false, prefix);
  golden_compare(file, bias->data, thaw_size(bias), "%s.decoder.bias", prefix);
  for (size_t i = 0; i < count; i++) {
    free(all[i].first);
    free(all[i].second);
  }
  thaw_carry_free(carry);
  free_parameter(bias);
  bench_close(&bench);
  free(ids);
  free(targets);
  golden_close(file);
}
END_TEST

/* ---- Both directions ------------------------------------------------------------------------- */

static const char *const torch_has[] = {"lstm", "gru"};

static int32_t *integers(golden *file, const char *prefix, const char *name) {
  char full[128];
  snprintf(full, sizeof full, "%s.%s", prefix, name);
  return golden_integers(file, full);
}

START_TEST(padded_documents_both_ways) {
  golden *file = golden_open("bidirectional");
  char prefix[64], gradients[72];
  plugin_bench bench;
  snprintf(prefix, sizeof prefix, "documents.%s", torch_has[_i]);
  snprintf(gradients, sizeof gradients, "%s.grad", prefix);
  open_encoder(file, &bench, torch_has[_i], "1", "bidirectional", prefix);
  int32_t *ids = integers(file, prefix, "ids"), *lengths = integers(file, prefix, "lengths");
  const thaw_tensor *upstream = golden_get(file, "%s.upstream", prefix);
  const size_t time = upstream->shape[0], batch = upstream->shape[1], width = upstream->shape[2];
  const thaw_states states = encode(
      &bench, &(thaw_encoder_input){.ids = ids, .time = time, .batch = batch, .lengths = lengths});
  thaw_tensor *out = states.layer[0];
  thaw_tensor *weights = thaw_tape_constant(bench.tape, 3, upstream->shape, upstream->data);
  thaw_tensor *loss = sum_of_all(bench.tape, thaw_multiply(bench.tape, out, weights));
  ck_assert_int_eq(thaw_tape_backward(bench.tape, loss), THAW_OK);
  compare_params(file, &bench, true, gradients);
  for (size_t row = 0; row < time * batch; row++) { /* torch pads with zeros */
    if (row / batch >= (size_t)lengths[row % batch])
      memset(out->data + row * width, 0, width * sizeof(float));
  }
  golden_compare(file, out->data, thaw_size(out), "%s.out", prefix);
  free(ids);
  free(lengths);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

/* One batch of both streams: [0] forward, [1] backward. */
typedef struct streams {
  int32_t *ids[2], *targets[2];
} streams;

static streams read_streams(golden *file, const char *prefix, int number) {
  static const char *const ways[] = {"forward", "backward"};
  streams s;
  for (int way = 0; way < 2; way++) {
    char own[96];
    snprintf(own, sizeof own, "%s.%d.%s", prefix, number, ways[way]);
    s.ids[way] = integers(file, own, "ids");
    s.targets[way] = integers(file, own, "targets");
  }
  return s;
}

static void free_streams(streams *s) {
  for (int way = 0; way < 2; way++) {
    free(s->ids[way]);
    free(s->targets[way]);
  }
}

START_TEST(two_language_models) {
  golden *file = golden_open("bidirectional");
  const char *kind = kinds[_i + 1];
  char prefix[64], gradients[72];
  plugin_bench bench;
  snprintf(prefix, sizeof prefix, "lm.%s", kind);
  snprintf(gradients, sizeof gradients, "%s.grad", prefix);
  open_encoder(file, &bench, kind, "2", "bidirectional", prefix);
  if (is_regularised(kind)) {
    bench_set(&bench, "alpha", "0");
    bench_set(&bench, "beta", "0");
  }
  thaw_tensor *bias = golden_parameter(file, "%s.decoder.bias", prefix);
  thaw_carry *carry = thaw_carry_create();
  const thaw_tensor *shape = golden_get(file, "%s.1.forward.ids", prefix);
  for (int number = 1; number <= 2; number++) {
    streams s = read_streams(file, prefix, number);
    const thaw_states states = encode(&bench, &(thaw_encoder_input){.ids = s.ids[0],
                                                                    .time = shape->shape[0],
                                                                    .batch = shape->shape[1],
                                                                    .carry = carry,
                                                                    .language_model = true,
                                                                    .backward_ids = s.ids[1]});
    thaw_tensor *outputs[] = {states.output, states.backward_output}, *losses[2];
    for (int way = 0; way < 2; way++) {
      golden_compare(file, outputs[way]->data, thaw_size(outputs[way]), "%s.%d.%s.out", prefix,
                     number, way ? "backward" : "forward");
      losses[way] = thaw_linear_cross_entropy(bench.tape, outputs[way], bench.info.embedding, bias,
                                              s.targets[way], NULL);
    }
    if (number == 2) {
      thaw_tensor *mean =
          thaw_affine(bench.tape, thaw_add(bench.tape, losses[0], losses[1]), 0.5f, 0);
      golden_compare(file, mean->data, 1, "%s.loss", prefix);
      ck_assert_int_eq(thaw_tape_backward(bench.tape, mean), THAW_OK);
      compare_params(file, &bench, true, gradients);
      golden_compare(file, bias->grad, thaw_size(bias), "%s.decoder.bias", gradients);
    }
    free_streams(&s);
  }
  thaw_carry_free(carry);
  free_parameter(bias);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden encoders");
  TCase *tests = tcase_create("encoders");
  tcase_add_loop_test(tests, twenty_steps_of_training, 0, KINDS);
  tcase_add_loop_test(tests, padded_documents_both_ways, 0, 2);
  tcase_add_loop_test(tests, two_language_models, 0, KINDS - 1);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
