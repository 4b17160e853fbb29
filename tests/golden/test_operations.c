/* The LSTM layer and the losses against PyTorch. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "../tensor/gradient_check.h"
#include "golden.h"

enum { LAYERS = 2, BATCHES = 2 };

typedef struct lstm_layer {
  thaw_tensor *w_ih, *w_hh, *bias;
  float *h, *c;
} lstm_layer;

/* One batch through the layers; the state goes on in place. Returns the last layer's output. */
static thaw_tensor *run_layers(golden *file, thaw_tape *tape, lstm_layer *layers, int batch,
                               thaw_tensor *x) {
  for (int i = 0; i < LAYERS; i++) {
    lstm_layer *l = &layers[i];
    const size_t state = x->shape[1] * l->w_hh->shape[1];
    x = thaw_lstm(tape, x, l->w_ih, l->w_hh, l->bias, l->h, l->c, l->h, l->c);
    ck_assert_msg(x != NULL, "%s", thaw_tape_error(tape));
    golden_compare(file, x->data, thaw_size(x), "batch%d.out.%d", batch, i);
    golden_compare(file, l->h, state, "batch%d.h.%d", batch, i);
    golden_compare(file, l->c, state, "batch%d.c.%d", batch, i);
  }
  return x;
}

START_TEST(lstm) {
  golden *file = golden_open("lstm");
  thaw_tape *tape = thaw_tape_create();
  lstm_layer layers[LAYERS];
  for (int i = 0; i < LAYERS; i++) {
    const size_t states = thaw_size(golden_get(file, "batch1.h.%d", i));
    layers[i] = (lstm_layer){.w_ih = golden_parameter(file, "layer%d.w_ih", i),
                             .w_hh = golden_parameter(file, "layer%d.w_hh", i),
                             .bias = golden_parameter(file, "layer%d.bias", i),
                             .h = calloc(states, sizeof(float)),
                             .c = calloc(states, sizeof(float))};
  }
  for (int batch = 1; batch <= BATCHES; batch++) {
    thaw_tensor *x = golden_parameter(file, "batch%d.x", batch);
    thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
    thaw_tensor *out = run_layers(file, tape, layers, batch, x);
    if (batch == BATCHES) {
      const thaw_tensor *upstream = golden_get(file, "upstream");
      thaw_tensor *weights = thaw_tape_constant(tape, 3, upstream->shape, upstream->data);
      thaw_tensor *loss = sum_of_all(tape, thaw_multiply(tape, out, weights));
      ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
      golden_compare(file, x->grad, thaw_size(x), "grad.x");
    }
    free_parameter(x);
  }
  for (int i = 0; i < LAYERS; i++) {
    lstm_layer *l = &layers[i];
    golden_compare(file, l->w_ih->grad, thaw_size(l->w_ih), "grad.layer%d.w_ih", i);
    golden_compare(file, l->w_hh->grad, thaw_size(l->w_hh), "grad.layer%d.w_hh", i);
    golden_compare(file, l->bias->grad, thaw_size(l->bias), "grad.layer%d.bias", i);
    free_parameter(l->w_ih);
    free_parameter(l->w_hh);
    free_parameter(l->bias);
    free(l->h);
    free(l->c);
  }
  thaw_tape_free(tape);
  golden_close(file);
}
END_TEST

START_TEST(cross_entropy) {
  golden *file = golden_open("cross_entropy");
  thaw_tape *tape = thaw_tape_create();
  int32_t *targets = golden_integers(file, "targets");
  thaw_tensor *logits = golden_parameter(file, "logits");
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  thaw_tensor *loss = thaw_cross_entropy(tape, logits, targets);
  ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
  golden_compare(file, loss->data, 1, "loss");
  golden_compare(file, logits->grad, thaw_size(logits), "grad.logits");
  free_parameter(logits);
  free(targets);
  thaw_tape_free(tape);
  golden_close(file);
}
END_TEST

START_TEST(weighted_cross_entropy) {
  static const char *const names[] = {"smooth", "weighted", "both", "uniform"};
  const char *name = names[_i];
  const bool weighted = strcmp(name, "weighted") == 0 || strcmp(name, "both") == 0;
  golden *file = golden_open("cross_entropy");
  thaw_tape *tape = thaw_tape_create();
  int32_t *targets = golden_integers(file, "targets");
  thaw_tensor *logits = golden_parameter(file, "%s.logits", name);
  const float *weights = weighted ? golden_get(file, "weights")->data : NULL;
  const float smoothing = golden_get(file, "%s.smoothing", name)->data[0];
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  double sum;
  thaw_tensor *loss = thaw_weighted_cross_entropy(tape, logits, targets, weights, smoothing, &sum);
  ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
  golden_compare(file, loss->data, 1, "%s.loss", name);
  golden_compare(file, logits->grad, thaw_size(logits), "%s.grad.logits", name);
  if (!weighted) ck_assert_double_eq(sum, 5); /* of seven rows two do not count */
  free(targets);
  free_parameter(logits);
  thaw_tape_free(tape);
  golden_close(file);
}
END_TEST

START_TEST(linear_cross_entropy) {
  golden *file = golden_open("cross_entropy");
  thaw_tape *tape = thaw_tape_create();
  int32_t *targets = golden_integers(file, "targets");
  thaw_tensor *x = golden_parameter(file, "linear.x");
  thaw_tensor *weight = golden_parameter(file, "linear.weight");
  thaw_tensor *bias = golden_parameter(file, "linear.bias");
  double sum = 0;
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  thaw_tensor *loss = thaw_linear_cross_entropy(tape, x, weight, bias, targets, &sum);
  ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
  const float loss_sum = (float)sum;
  golden_compare(file, loss->data, 1, "linear.loss");
  golden_compare(file, &loss_sum, 1, "linear.loss_sum");
  golden_compare(file, x->grad, thaw_size(x), "linear.grad.x");
  golden_compare(file, weight->grad, thaw_size(weight), "linear.grad.weight");
  golden_compare(file, bias->grad, thaw_size(bias), "linear.grad.bias");
  free_parameter(x);
  free_parameter(weight);
  free_parameter(bias);
  free(targets);
  thaw_tape_free(tape);
  golden_close(file);
}
END_TEST

START_TEST(sampled_cross_entropy) {
  golden *file = golden_open("sampled");
  thaw_tape *tape = thaw_tape_create();
  int32_t *targets = golden_integers(file, "targets");
  const size_t samples = (size_t)golden_get(file, "samples")->data[0];
  thaw_tensor *x = golden_parameter(file, "x");
  thaw_tensor *weight = golden_parameter(file, "weight");
  thaw_tensor *bias = golden_parameter(file, "bias");
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(3, 9));
  thaw_tensor *loss = thaw_sampled_cross_entropy(tape, x, weight, bias, targets, samples, NULL);
  ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
  golden_compare(file, loss->data, 1, "loss");
  golden_compare(file, x->grad, thaw_size(x), "grad.x");
  golden_compare(file, weight->grad, thaw_size(weight), "grad.weight");
  golden_compare(file, bias->grad, thaw_size(bias), "grad.bias");
  free_parameter(x);
  free_parameter(weight);
  free_parameter(bias);
  free(targets);
  thaw_tape_free(tape);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden operations");
  TCase *tests = tcase_create("operations");
  tcase_add_test(tests, lstm);
  tcase_add_test(tests, cross_entropy);
  tcase_add_loop_test(tests, weighted_cross_entropy, 0, 4);
  tcase_add_test(tests, linear_cross_entropy);
  tcase_add_test(tests, sampled_cross_entropy);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
