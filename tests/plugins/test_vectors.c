/* The encoder vectors: one layer of states that is the embedded input, its dropout, its gradient.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/gradient_check.h"
#include "plugin_bench.h"

enum { VOCABULARY = 5, TIME = 4, BATCH = 2, WIDTH = 3 };

static const int32_t ids[TIME * BATCH] = {2, 2, 3, 4, 4, 1, 3, 1};
static const thaw_encoder_input input = {.ids = ids, .time = TIME, .batch = BATCH};

static void open_encoder(plugin_bench *bench, const char *dropout) {
  bench_open(bench, THAW_ENCODER, "vectors");
  bench_set(bench, "embedding", "3");
  bench_set(bench, "input_p", dropout);
  bench_set(bench, "embed_p", "0");
  ck_assert_msg(bench_validate(bench) == THAW_OK, "%s", thaw_error(bench->ctx));
  bench_create_encoder(bench, VOCABULARY);
}

static thaw_states encode(plugin_bench *bench, thaw_tape_mode mode) {
  thaw_states states = {0};
  thaw_tape_begin(bench->tape, mode, thaw_rng_make(5, 5));
  ck_assert_msg(bench->descriptor->api.encoder->forward(bench->self, bench->settings, bench->tape,
                                                        &input, &states) == THAW_OK,
                "%s", thaw_tape_error(bench->tape));
  return states;
}

START_TEST(states_are_the_words_vectors) {
  plugin_bench bench;
  open_encoder(&bench, "0.5");
  ck_assert_uint_eq(bench.params->count, 1);
  ck_assert_uint_eq(bench.info.layers, 1);
  ck_assert_uint_eq(bench.info.width[0], WIDTH);
  ck_assert_uint_eq(bench.info.embedding_width, WIDTH);
  const thaw_tensor *weight = bench_tensor(&bench, "embedding", "weight");
  ck_assert_ptr_eq(bench.info.embedding, weight);
  const thaw_states states = encode(&bench, THAW_TAPE_EVALUATE);
  for (size_t i = 0; i < TIME * BATCH; i++) {
    ck_assert_mem_eq(states.layer[0]->data + i * WIDTH, weight->data + (size_t)ids[i] * WIDTH,
                     WIDTH * sizeof(float));
  }
  ck_assert_mem_eq(states.embedded->data, states.layer[0]->data,
                   TIME * BATCH * WIDTH * sizeof(float));
  ck_assert_ptr_eq(states.output, states.layer[0]);
  ck_assert_ptr_null(states.penalty);
  bench_close(&bench);
}
END_TEST

START_TEST(dropout_is_locked_over_time) {
  plugin_bench bench;
  open_encoder(&bench, "0.5");
  const thaw_states states = encode(&bench, THAW_TAPE_TRAIN);
  size_t dropped = 0;
  for (size_t f = 0; f < BATCH * WIDTH; f++) {
    const bool zero = states.layer[0]->data[f] == 0;
    dropped += zero;
    for (size_t t = 0; t < TIME; t++)
      ck_assert((states.layer[0]->data[t * BATCH * WIDTH + f] == 0) == zero);
  }
  ck_assert(dropped > 0 && dropped < BATCH * WIDTH);
  bench_close(&bench);
}
END_TEST

START_TEST(gradients_reach_the_embedding) {
  plugin_bench bench;
  open_encoder(&bench, "0");
  bench_clear_gradients(&bench);
  const thaw_states states = encode(&bench, THAW_TAPE_TRAIN);
  thaw_tensor *loss = sum_of_all(bench.tape, states.output);
  ck_assert_int_eq(thaw_tape_backward(bench.tape, loss), THAW_OK);
  static const float counts[VOCABULARY] = {0, 2, 2, 2, 2};
  const thaw_tensor *weight = bench_tensor(&bench, "embedding", "weight");
  for (size_t v = 0; v < VOCABULARY; v++)
    for (size_t d = 0; d < WIDTH; d++)
      ck_assert_float_eq_tol(weight->grad[v * WIDTH + d], counts[v], 1e-6f);
  bench_close(&bench);
}
END_TEST

START_TEST(rates_that_reach_one_are_refused) {
  plugin_bench bench;
  bench_open(&bench, THAW_ENCODER, "vectors");
  bench_set(&bench, "input_p", "0.5");
  bench_set(&bench, "drop_mult", "2");
  ck_assert_int_eq(bench_validate(&bench), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(bench.ctx), "drop_mult 2 times"));
  bench_close(&bench);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("vectors");
  TCase *tests = tcase_create("vectors");
  tcase_add_test(tests, states_are_the_words_vectors);
  tcase_add_test(tests, dropout_is_locked_over_time);
  tcase_add_test(tests, gradients_reach_the_embedding);
  tcase_add_test(tests, rates_that_reach_one_are_refused);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
