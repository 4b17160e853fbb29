/* test_bpt3c.c: long documents read in parts: the states are those of a reading at once, gradients
 * flow through the last positions alone, and memory is bounded. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "plugin/carry.h"
#include "train/bpt3c.h"

enum { WORDS = 50, WIDTH = 4, LAYERS = 2 };

static plugin_bench bench;
static thaw_model model;
static thaw_batch batch;

static void open_encoder(const char *drop_mult) {
  bench_open(&bench, THAW_ENCODER, "awd_lstm");
  bench_set(&bench, "embedding", "4");
  bench_set(&bench, "hidden", "6");
  bench_set(&bench, "layers", "2");
  bench_set(&bench, "drop_mult", drop_mult);
  bench_create_encoder(&bench, WORDS);
  model = (thaw_model){.params = bench.params,
                       .encoder = bench.descriptor->api.encoder,
                       .encoder_self = bench.self,
                       .info = bench.info};
}

static void set_up(void) {
  open_encoder("0");
  batch = (thaw_batch){0};
}

static void free_batch(void) {
  free(batch.ids);
  free(batch.lengths);
}

static void tear_down(void) {
  free_batch();
  bench_close(&bench);
}

/* Documents of these lengths; the first word of each stands nowhere else. */
static void make_batch(size_t count, const int32_t *lengths) {
  free_batch();
  batch = (thaw_batch){.batch = count};
  for (size_t b = 0; b < count; b++)
    if ((size_t)lengths[b] > batch.time) batch.time = (size_t)lengths[b];
  batch.lengths = malloc(count * sizeof *lengths);
  memcpy(batch.lengths, lengths, count * sizeof *lengths);
  batch.ids = calloc(batch.time * count, sizeof *batch.ids);
  for (size_t i = 0; i < batch.time * count; i++) {
    const size_t t = i / count, b = i % count;
    if (t < (size_t)lengths[b])
      batch.ids[i] = t == 0 ? (int32_t)(1 + b) : 10 + (int32_t)(t * 7 + b * 5) % (WORDS - 10);
  }
}

static void read_batch(thaw_tape_mode mode, thaw_bpt3c how, thaw_states *states) {
  thaw_tape_begin(bench.tape, mode, thaw_rng_make(1, 1));
  ck_assert_msg(
      thaw_bpt3c_encode(&model, bench.settings, bench.tape, &batch, how, false, states) == THAW_OK,
      "%s", thaw_tape_error(bench.tape));
}

/* A copy of all states that count, the others 0: layers, then the embedded input; the caller's. */
static float *copy_states(const thaw_states *states, size_t *size) {
  const thaw_tensor *all[] = {states->layer[0], states->layer[1], states->embedded};
  size_t done = 0;
  *size = 0;
  for (size_t i = 0; i < 3; i++) *size += thaw_size(all[i]);
  float *copy = calloc(*size, sizeof *copy);
  for (size_t i = 0; i < 3; i++) {
    const size_t width = all[i]->shape[2];
    ck_assert_uint_eq(all[i]->shape[0], batch.time);
    ck_assert_uint_eq(all[i]->shape[1], batch.batch);
    for (size_t row = 0; row < batch.time * batch.batch; row++, done += width) {
      if (row / batch.batch < (size_t)batch.lengths[row % batch.batch])
        memcpy(copy + done, all[i]->data + row * width, width * sizeof *copy);
    }
  }
  return copy;
}

static void expect_same_states(thaw_tape_mode mode, thaw_bpt3c how) {
  thaw_states states;
  size_t size;
  read_batch(mode, (thaw_bpt3c){0}, &states);
  float *expected = copy_states(&states, &size);
  read_batch(mode, how, &states);
  ck_assert_ptr_eq(states.output, states.layer[LAYERS - 1]);
  float *found = copy_states(&states, &size);
  for (size_t i = 0; i < size; i++) {
    ck_assert_msg(fabsf(expected[i] - found[i]) <= 1e-6f,
                  "gradient_length %zu, chunk %zu, number %zu: expected %.8g, found %.8g",
                  how.gradient_length, how.chunk, i, (double)expected[i], (double)found[i]);
  }
  free(expected);
  free(found);
}

/* ---- States ---------------------------------------------------------------------------------- */

static const int32_t alike[] = {23, 23, 21, 20}, mixed[] = {40, 39, 17, 9, 8, 2, 30};

START_TEST(states_are_those_of_a_reading_at_once) {
  static const size_t lengths[] = {1, 3, 4, 8, 20, 1000}, chunks[] = {1, 5, 8, 1000};
  for (int b = 0; b < 2; b++) {
    make_batch(b ? 7 : 4, b ? mixed : alike);
    for (size_t i = 0; i < 6; i++) {
      for (size_t k = 0; k < 4; k++) {
        expect_same_states(THAW_TAPE_EVALUATE, (thaw_bpt3c){lengths[i], chunks[k]});
        expect_same_states(THAW_TAPE_RECORD, (thaw_bpt3c){lengths[i], chunks[k]});
      }
    }
  }
}
END_TEST

/* What a language model beside the classifier sees: the last layer, where nothing is dropped. */
START_TEST(a_decoder_sees_all_positions) {
  thaw_states states;
  make_batch(7, mixed);
  thaw_tape_begin(bench.tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  ck_assert_int_eq(thaw_bpt3c_encode(&model, bench.settings, bench.tape, &batch, (thaw_bpt3c){4, 6},
                                     true, &states),
                   THAW_OK);
  ck_assert_ptr_ne(states.output, states.layer[LAYERS - 1]);
  ck_assert(states.output->wants_grad);
  ck_assert_mem_eq(states.output->data, states.layer[LAYERS - 1]->data,
                   thaw_size(states.output) * sizeof(float));
}
END_TEST

/* A document's states do not depend on its neighbours, even where the encoder carries nothing. */
START_TEST(evaluation_reads_from_the_first_position) {
  thaw_states states;
  make_batch(7, mixed);
  read_batch(THAW_TAPE_EVALUATE, (thaw_bpt3c){5, 6}, &states);
  float together[9 * WIDTH];
  for (size_t t = 0; t < 9; t++)
    memcpy(together + t * WIDTH, states.layer[1]->data + (t * 7 + 3) * WIDTH,
           WIDTH * sizeof(float));
  int32_t ids[9], length = 9;
  for (size_t t = 0; t < 9; t++) ids[t] = batch.ids[t * 7 + 3];
  make_batch(1, &length);
  memcpy(batch.ids, ids, sizeof ids);
  read_batch(THAW_TAPE_EVALUATE, (thaw_bpt3c){5, 6}, &states);
  for (size_t i = 0; i < 9 * WIDTH; i++)
    ck_assert_float_eq_tol(states.layer[1]->data[i], together[i], 1e-6f);
}
END_TEST

START_TEST(dropout_drops_everywhere) {
  thaw_states states;
  int32_t length = 30;
  tear_down();
  open_encoder("2");
  batch = (thaw_batch){0};
  make_batch(1, &length);
  read_batch(THAW_TAPE_EVALUATE, (thaw_bpt3c){5, 10}, &states);
  size_t size;
  float *evaluated = copy_states(&states, &size);
  read_batch(THAW_TAPE_TRAIN, (thaw_bpt3c){5, 10}, &states);
  float *trained = copy_states(&states, &size);
  /* In the second layer, in every chunk. */
  for (size_t t = 0; t < 30; t++) {
    const size_t at = 30 * 6 + t * WIDTH;
    ck_assert(memcmp(evaluated + at, trained + at, WIDTH * sizeof(float)) != 0);
  }
  read_batch(THAW_TAPE_TRAIN, (thaw_bpt3c){5, 10}, &states);
  float *again = copy_states(&states, &size);
  ck_assert_mem_eq(trained, again, size * sizeof(float));
  free(evaluated);
  free(trained);
  free(again);
}
END_TEST

/* ---- Gradients ------------------------------------------------------------------------------- */

/* Something that depends on every state in another way: Σ over layers of Σ states². */
static thaw_tensor *loss_of(const thaw_states *states) {
  thaw_tape *tape = bench.tape;
  thaw_tensor *sum = NULL;
  thaw_tensor *const all[] = {states->layer[0], states->layer[1], states->embedded};
  for (size_t i = 0; i < 3; i++) {
    const thaw_tensor *mask = thaw_length_mask(tape, batch.time, batch.batch, batch.lengths);
    thaw_tensor *own = thaw_sum(tape, thaw_square(tape, all[i]), 0, mask);
    sum = i ? thaw_add(tape, sum, sum_of_all(tape, own)) : sum_of_all(tape, own);
  }
  return sum;
}

static float *copy_gradients(size_t *size) {
  thaw_tensor *tensors[16];
  const size_t count = bench_trained(&bench, tensors, 16);
  size_t done = 0;
  *size = 0;
  for (size_t i = 0; i < count; i++) *size += thaw_size(tensors[i]);
  float *copy = malloc(*size * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    memcpy(copy + done, tensors[i]->grad, thaw_size(tensors[i]) * sizeof *copy);
    done += thaw_size(tensors[i]);
  }
  return copy;
}

static float *gradients_of(thaw_bpt3c how, size_t *size) {
  thaw_states states;
  bench_clear_gradients(&bench);
  read_batch(THAW_TAPE_RECORD, how, &states);
  ck_assert_msg(thaw_tape_backward(bench.tape, loss_of(&states)) == THAW_OK, "%s",
                thaw_tape_error(bench.tape));
  return copy_gradients(size);
}

START_TEST(long_enough_for_the_whole_document) {
  size_t size;
  make_batch(7, mixed);
  float *expected = gradients_of((thaw_bpt3c){0, 1}, &size);
  float *found = gradients_of((thaw_bpt3c){40, 3}, &size);
  ck_assert_mem_eq(expected, found, size * sizeof *found);
  free(expected);
  free(found);
}
END_TEST

/* The same by hand: a forward pass without gradients up to the cut, one with them from there. */
static float *gradients_from(size_t cut, size_t *size) {
  thaw_carry *carry = thaw_carry_create();
  thaw_encoder_input input = {
      .ids = batch.ids, .time = cut, .batch = batch.batch, .lengths = NULL, .carry = carry};
  thaw_states states = {0};
  bench_clear_gradients(&bench);
  thaw_tape_begin(bench.tape, THAW_TAPE_EVALUATE, thaw_rng_make(1, 1));
  ck_assert_int_eq(model.encoder->forward(bench.self, bench.settings, bench.tape, &input, &states),
                   THAW_OK);
  thaw_tape_begin(bench.tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  int32_t *lengths = malloc(batch.batch * sizeof *lengths);
  for (size_t b = 0; b < batch.batch; b++) lengths[b] = batch.lengths[b] - (int32_t)cut;
  input.ids += cut * batch.batch;
  input.time = batch.time - cut;
  input.lengths = lengths;
  ck_assert_int_eq(model.encoder->forward(bench.self, bench.settings, bench.tape, &input, &states),
                   THAW_OK);
  const thaw_batch whole = batch;
  batch.time = input.time;
  batch.lengths = lengths;
  ck_assert_int_eq(thaw_tape_backward(bench.tape, loss_of(&states)), THAW_OK);
  batch = whole;
  free(lengths);
  thaw_carry_free(carry);
  return copy_gradients(size);
}

START_TEST(gradients_flow_through_the_last_positions) {
  size_t size;
  make_batch(4, alike);
  for (size_t length = 3; length < 20; length += 5) {
    float *expected = gradients_from(20 - length, &size);
    float *found = gradients_of((thaw_bpt3c){length, 6}, &size);
    for (size_t i = 0; i < size; i++)
      ck_assert_msg(fabsf(expected[i] - found[i]) <= 1e-5f, "%zu: expected %.8g, found %.8g", i,
                    (double)expected[i], (double)found[i]);
    free(expected);
    free(found);
  }
}
END_TEST

/* Documents that are encoded apart: every one gets the gradients of its own last positions. */
START_TEST(short_documents_beside_long_ones) {
  size_t size;
  make_batch(7, mixed);
  free(gradients_of((thaw_bpt3c){4, 6}, &size));
  const thaw_tensor *table = bench_tensor(&bench, "embedding", "weight");
  for (size_t b = 0; b < 7; b++) {
    float sum = 0;
    for (size_t k = 0; k < WIDTH; k++) sum += fabsf(table->grad[(1 + b) * WIDTH + k]);
    /* Its first word is one of the last 4 positions, or of a few more, in document 5 alone. */
    ck_assert_msg((sum > 0) == (b == 5), "document %zu of %d tokens: %g", b, (int)mixed[b],
                  (double)sum);
  }
}
END_TEST

START_TEST(positions_with_gradients) {
  make_batch(7, mixed); /* 40, 39 | 17 | 9, 8 | 2, … */
  ck_assert_uint_eq(thaw_bpt3c_positions(&batch, (thaw_bpt3c){0, 1}), 7 * 40);
  ck_assert_uint_eq(thaw_bpt3c_positions(&batch, (thaw_bpt3c){40, 1}), 7 * 40);
  ck_assert_uint_eq(thaw_bpt3c_positions(&batch, (thaw_bpt3c){4, 1}),
                    2 * 5 + 1 * 4 + 2 * 5 + 1 * 2 + 1 * 4);
  ck_assert_uint_eq(thaw_bpt3c_positions(&batch, (thaw_bpt3c){15, 1}), 2 * 16 + 5 * 30);
  ck_assert_uint_eq(thaw_bpt3c_positions(&batch, (thaw_bpt3c){20, 1}), 7 * 40);
}
END_TEST

START_TEST(a_frozen_encoder_records_nothing) {
  thaw_tensor *tensors[16];
  thaw_states states;
  const size_t count = bench_trained(&bench, tensors, 16);
  for (size_t i = 0; i < count; i++) tensors[i]->wants_grad = false;
  make_batch(4, alike);
  read_batch(THAW_TAPE_RECORD, (thaw_bpt3c){4, 6}, &states);
  ck_assert(!states.layer[1]->wants_grad);
}
END_TEST

/* ---- Penalty --------------------------------------------------------------------------------- */

START_TEST(the_penalty_is_a_mean_over_groups) {
  static const int32_t lengths[] = {30, 30, 5};
  thaw_states states;
  make_batch(3, lengths);
  bench_set(&bench, "beta", "0"); /* alpha · mean(h²) over positions 26 … 29 and 1 … 4 */
  read_batch(THAW_TAPE_TRAIN, (thaw_bpt3c){4, 6}, &states);
  double sum = 0;
  for (size_t row = 0; row < 30 * 3; row++) {
    const size_t t = row / 3, b = row % 3;
    const size_t from = b < 2 ? 26 : 1, to = (size_t)lengths[b];
    for (size_t k = 0; k < WIDTH && t >= from && t < to; k++)
      sum += pow((double)states.layer[1]->data[row * WIDTH + k], 2);
  }
  ck_assert_double_eq_tol((double)states.penalty->data[0], 2 * sum / ((8 + 4) * WIDTH), 1e-6);
}
END_TEST

/* ---- Memory ---------------------------------------------------------------------------------- */

static size_t bytes_for(size_t time, thaw_bpt3c how, thaw_tape_mode mode) {
  const int32_t lengths[] = {(int32_t)time, (int32_t)time - 3};
  thaw_tape_free(bench.tape);
  bench.tape = thaw_tape_create();
  make_batch(2, lengths);
  size_t allocations = 0;
  for (int step = 0; step < 4; step++) {
    thaw_states states;
    read_batch(mode, how, &states);
    if (mode == THAW_TAPE_RECORD)
      ck_assert_int_eq(thaw_tape_backward(bench.tape, loss_of(&states)), THAW_OK);
    if (step == 1) allocations = thaw_tape_allocations(bench.tape);
    if (step > 1) ck_assert_uint_eq(thaw_tape_allocations(bench.tape), allocations);
  }
  return thaw_tape_bytes(bench.tape);
}

START_TEST(memory_is_that_of_the_states) {
  const thaw_bpt3c how = {100, 50};
  const size_t states = (2 * WIDTH + 6) * sizeof(float); /* of a position */
  const double positions = 2 * (20000 - 2000);
  const double evaluated = (double)(bytes_for(20000, how, THAW_TAPE_EVALUATE) -
                                    bytes_for(2000, how, THAW_TAPE_EVALUATE)) /
                           positions;
  /* A tape's memory grows by blocks, up to twice of what is needed. */
  ck_assert_msg(evaluated < 2 * states, "%g bytes a position, the states have %zu", evaluated,
                states);
  /* States, their gradients, and the same for what the loss makes of them: 4, or up to 8. */
  const double trained =
      (double)(bytes_for(20000, how, THAW_TAPE_RECORD) - bytes_for(2000, how, THAW_TAPE_RECORD)) /
      positions;
  ck_assert_msg(trained < 8 * states, "%g bytes a position, the states have %zu", trained, states);
  const double whole = (double)(bytes_for(20000, (thaw_bpt3c){0}, THAW_TAPE_RECORD) -
                                bytes_for(2000, (thaw_bpt3c){0}, THAW_TAPE_RECORD)) /
                       positions;
  ck_assert_msg(whole > 1.5 * trained, "%g bytes a position, %g without a bound", trained, whole);
}
END_TEST

/* ---- Encoders that break their word -----------------------------------------------------------
 */

static thaw_status too_wide(void *self, const void *settings, thaw_tape *tape,
                            const thaw_encoder_input *input, thaw_states *states) {
  (void)self, (void)settings;
  for (size_t i = 0; i < LAYERS; i++)
    states->layer[i] = thaw_tape_tensor(tape, 3, (size_t[]){input->time, input->batch, 9});
  return THAW_OK;
}

static thaw_status fails(void *self, const void *settings, thaw_tape *tape,
                         const thaw_encoder_input *input, thaw_states *states) {
  (void)self, (void)settings, (void)input, (void)states;
  thaw_tape_fail(tape, "odd", "does not want to");
  return THAW_FAILED;
}

START_TEST(broken_encoders_are_errors) {
  static const thaw_encoder wide = {.forward = too_wide}, failing = {.forward = fails};
  static const thaw_tape_mode modes[] = {THAW_TAPE_EVALUATE, THAW_TAPE_TRAIN};
  make_batch(4, alike);
  for (size_t m = 0; m < 2; m++) {
    thaw_states states;
    model.encoder = &wide;
    thaw_tape_begin(bench.tape, modes[m], thaw_rng_make(1, 1));
    ck_assert_int_ne(
        thaw_bpt3c_encode(&model, NULL, bench.tape, &batch, (thaw_bpt3c){4, 6}, false, &states),
        THAW_OK);
    ck_assert_str_eq(thaw_tape_error(bench.tape),
                     "encoder: its states are not those that it said it would give");
    model.encoder = &failing;
    thaw_tape_begin(bench.tape, modes[m], thaw_rng_make(1, 1));
    ck_assert_int_ne(
        thaw_bpt3c_encode(&model, NULL, bench.tape, &batch, (thaw_bpt3c){4, 6}, false, &states),
        THAW_OK);
    ck_assert_str_eq(thaw_tape_error(bench.tape), "odd: does not want to");
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("bpt3c");
  TCase *tests = tcase_create("bpt3c");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, states_are_those_of_a_reading_at_once);
  tcase_add_test(tests, a_decoder_sees_all_positions);
  tcase_add_test(tests, evaluation_reads_from_the_first_position);
  tcase_add_test(tests, dropout_drops_everywhere);
  tcase_add_test(tests, long_enough_for_the_whole_document);
  tcase_add_test(tests, gradients_flow_through_the_last_positions);
  tcase_add_test(tests, short_documents_beside_long_ones);
  tcase_add_test(tests, positions_with_gradients);
  tcase_add_test(tests, a_frozen_encoder_records_nothing);
  tcase_add_test(tests, the_penalty_is_a_mean_over_groups);
  tcase_add_test(tests, memory_is_that_of_the_states);
  tcase_add_test(tests, broken_encoders_are_errors);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
