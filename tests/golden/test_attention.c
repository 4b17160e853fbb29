/* What a transformer is made of, against PyTorch: attention, layer norm and GELU. */
#include <check.h>

#include "../plugins/plugin_bench.h"
#include "../tensor/gradient_check.h"
#include "golden.h"

typedef thaw_tensor *(*operation)(thaw_tape *tape, thaw_tensor *const *inputs);

typedef struct operation_case {
  const char *name;
  operation run;
  size_t count;
  const char *inputs[3];
} operation_case;

static thaw_tensor *run_causal(thaw_tape *tape, thaw_tensor *const *inputs) {
  return thaw_attention(tape, inputs[0], 2, true, 0);
}

static thaw_tensor *run_full(thaw_tape *tape, thaw_tensor *const *inputs) {
  return thaw_attention(tape, inputs[0], 2, false, 0);
}

static thaw_tensor *run_layer_norm(thaw_tape *tape, thaw_tensor *const *inputs) {
  return thaw_layer_norm(tape, inputs[0], inputs[1], inputs[2], 1e-5f);
}

static thaw_tensor *run_gelu(thaw_tape *tape, thaw_tensor *const *inputs) {
  return thaw_gelu(tape, inputs[0]);
}

static const operation_case cases[] = {
    {"causal", run_causal, 1, {"qkv"}},
    {"full", run_full, 1, {"qkv"}},
    {"layer_norm", run_layer_norm, 3, {"x", "gain", "bias"}},
    {"gelu", run_gelu, 1, {"x"}},
};

START_TEST(operations) {
  const operation_case *c = &cases[_i];
  golden *file = golden_open("attention");
  thaw_tape *tape = thaw_tape_create();
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  thaw_tensor *inputs[3];
  for (size_t i = 0; i < c->count; i++) {
    inputs[i] = golden_parameter(file, "%s.%s", c->name, c->inputs[i]);
  }
  thaw_tensor *out = c->run(tape, inputs);
  ck_assert_msg(out != NULL, "%s", thaw_tape_error(tape));
  golden_compare(file, out->data, thaw_size(out), "%s.out", c->name);
  const thaw_tensor *upstream = golden_get(file, "%s.upstream", c->name);
  thaw_tensor *weights = thaw_tape_constant(tape, 3, upstream->shape, upstream->data);
  thaw_tensor *loss = sum_of_all(tape, thaw_multiply(tape, out, weights));
  ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
  for (size_t i = 0; i < c->count; i++) {
    golden_compare(file, inputs[i]->grad, thaw_size(inputs[i]), "%s.grad.%s", c->name,
                   c->inputs[i]);
    free_parameter(inputs[i]);
  }
  thaw_tape_free(tape);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden attention");
  TCase *tests = tcase_create("attention");
  tcase_add_loop_test(tests, operations, 0, sizeof cases / sizeof *cases);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
