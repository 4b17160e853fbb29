/* The encoder awd_lstm against PyTorch, with dropout off: a language model over two batches with
 * AR and TAR, and padded documents. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "../tensor/gradient_check.h"
#include "golden.h"
#include "plugin/carry.h"

enum { LAYERS = 3 };

static void open_encoder(golden *file, plugin_bench *bench) {
  static const char *const off[] = {"output_p", "hidden_p", "input_p", "embed_p", "weight_p"};
  const thaw_tensor *embedding = golden_get(file, "embedding.weight");
  bench_open(bench, THAW_ENCODER, "awd_lstm");
  bench_set(bench, "embedding", "4");
  bench_set(bench, "hidden", "6");
  bench_set(bench, "layers", "3");
  for (size_t i = 0; i < sizeof off / sizeof *off; i++) bench_set(bench, off[i], "0");
  bench_create_encoder(bench, embedding->shape[0]);
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      golden_fill(file, group->params[i].tensor, "%s.%s", group->name, group->params[i].name);
    }
  }
}

static void compare_gradients(golden *file, plugin_bench *bench, const char *prefix) {
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      const thaw_tensor *x = group->params[i].tensor;
      golden_compare(file, x->grad, thaw_size(x), "%s.grad.%s.%s", prefix, group->name,
                     group->params[i].name);
    }
  }
}

static void encode(plugin_bench *bench, const thaw_encoder_input *input, thaw_states *states) {
  thaw_tape_begin(bench->tape, THAW_TAPE_TRAIN, thaw_rng_make(1, 1));
  *states = (thaw_states){0};
  ck_assert_msg(bench->descriptor->api.encoder->forward(bench->self, bench->settings, bench->tape,
                                                        input, states) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
}

static void compare_states(golden *file, const thaw_states *states, thaw_carry *carry, int batch) {
  for (int i = 0; i < LAYERS; i++) {
    const thaw_tensor *out = states->layer[i];
    const size_t state = out->shape[1] * out->shape[2];
    golden_compare(file, out->data, thaw_size(out), "lm%d.out.%d", batch, i);
    golden_compare(file, thaw_carry_slot(carry, (size_t)(2 * i), state), state, "lm%d.h.%d", batch,
                   i);
    golden_compare(file, thaw_carry_slot(carry, (size_t)(2 * i + 1), state), state, "lm%d.c.%d",
                   batch, i);
  }
}

START_TEST(language_model) {
  golden *file = golden_open("awd_lstm");
  plugin_bench bench;
  open_encoder(file, &bench);
  thaw_tensor *bias = golden_parameter(file, "decoder.bias");
  thaw_tensor *embedding = bench_tensor(&bench, "embedding", "weight");
  thaw_carry *carry = thaw_carry_create();
  for (int batch = 1; batch <= 2; batch++) {
    const bool second = batch == 2;
    int32_t *ids = golden_integers(file, second ? "lm2.ids" : "lm1.ids");
    int32_t *targets = golden_integers(file, second ? "lm2.targets" : "lm1.targets");
    const thaw_tensor *shape = golden_get(file, "lm1.ids");
    const thaw_encoder_input input = {.ids = ids,
                                      .time = shape->shape[0],
                                      .batch = shape->shape[1],
                                      .carry = carry,
                                      .language_model = true};
    thaw_states states;
    encode(&bench, &input, &states);
    thaw_tensor *loss =
        thaw_linear_cross_entropy(bench.tape, states.output, embedding, bias, targets, NULL);
    compare_states(file, &states, carry, batch);
    golden_compare(file, loss->data, 1, "lm%d.loss", batch);
    if (second) {
      golden_compare(file, states.penalty->data, 1, "lm2.penalty");
      ck_assert_int_eq(thaw_tape_backward(bench.tape, thaw_add(bench.tape, loss, states.penalty)),
                       THAW_OK);
      compare_gradients(file, &bench, "lm2");
      golden_compare(file, bias->grad, thaw_size(bias), "lm2.grad.decoder.bias");
    }
    free(ids);
    free(targets);
  }
  thaw_carry_free(carry);
  free_parameter(bias);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

START_TEST(padded_documents) {
  golden *file = golden_open("awd_lstm");
  plugin_bench bench;
  open_encoder(file, &bench);
  int32_t *ids = golden_integers(file, "padded.ids");
  int32_t *lengths = golden_integers(file, "padded.lengths");
  const thaw_tensor *upstream = golden_get(file, "padded.upstream");
  const thaw_encoder_input input = {
      .ids = ids, .time = upstream->shape[0], .batch = upstream->shape[1], .lengths = lengths};
  thaw_states states;
  encode(&bench, &input, &states);
  thaw_tensor *out = states.layer[LAYERS - 1];
  golden_compare(file, out->data, thaw_size(out), "padded.out.2");
  golden_compare(file, states.penalty->data, 1, "padded.penalty");
  thaw_tensor *weights = thaw_tape_constant(bench.tape, 3, upstream->shape, upstream->data);
  thaw_tensor *loss = sum_of_all(bench.tape, thaw_multiply(bench.tape, out, weights));
  ck_assert_int_eq(thaw_tape_backward(bench.tape, thaw_add(bench.tape, loss, states.penalty)),
                   THAW_OK);
  compare_gradients(file, &bench, "padded");
  free(ids);
  free(lengths);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden awd_lstm");
  TCase *tests = tcase_create("awd_lstm");
  tcase_add_test(tests, language_model);
  tcase_add_test(tests, padded_documents);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
