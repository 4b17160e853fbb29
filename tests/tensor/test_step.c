/* test_step.c: whole training steps of a small AWD-LSTM language model. They learn, and after the
 * first one they ask the system for no memory. */
#include <check.h>
#include <math.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"
#include "tensor/kernels.h"

enum { TIME = 12, BATCH = 4, WORDS = 30, WIDTH = 10, HIDDEN = 14, STEPS = 60 };

/* Embedding and decoder are tied; the second layer goes back to the width of the embedding. */
enum { TABLE, IH_0, HH_0, BIAS_0, IH_1, HH_1, BIAS_1, PROJECT, DECODER_BIAS, PARAMETERS };

/* At least as large as every parameter. */
enum { LARGEST = 4 * HIDDEN * HIDDEN };

typedef struct model {
  thaw_tensor *p[PARAMETERS];
  float first[PARAMETERS][LARGEST], second[PARAMETERS][LARGEST]; /* Adam's moments */
  float h[2][BATCH * HIDDEN], c[2][BATCH * HIDDEN];              /* carried from step to step */
} model;

static void make_model(model *m) {
  const float range = 0.25f;
  *m = (model){.p = {
                   [TABLE] = make_parameter(1, -range, range, SHAPE(WORDS, WIDTH)),
                   [IH_0] = make_parameter(2, -range, range, SHAPE(4 * HIDDEN, WIDTH)),
                   [HH_0] = make_parameter(3, -range, range, SHAPE(4 * HIDDEN, HIDDEN)),
                   [BIAS_0] = make_parameter(4, -range, range, SHAPE(4 * HIDDEN)),
                   [IH_1] = make_parameter(5, -range, range, SHAPE(4 * WIDTH, HIDDEN)),
                   [HH_1] = make_parameter(6, -range, range, SHAPE(4 * WIDTH, WIDTH)),
                   [BIAS_1] = make_parameter(7, -range, range, SHAPE(4 * WIDTH)),
                   [PROJECT] = make_parameter(8, -range, range, SHAPE(WIDTH, WIDTH)),
                   [DECODER_BIAS] = make_parameter(9, 0, 0, SHAPE(WORDS)),
               }};
}

/* loss + AR/5 + TAR/10 */
static void total_backward(thaw_tape *tape, thaw_tensor *total, thaw_tensor *const *inputs,
                           size_t count, void *context) {
  const float *factors = context;
  for (size_t i = 0; i < count; i++) {
    float *gradient = thaw_grad(tape, inputs[i]);
    if (gradient) gradient[0] += factors[i] * total->grad[0];
  }
}

static thaw_tensor *total_of(thaw_tape *tape, thaw_tensor *const *parts) {
  static float factors[] = {1, 0.2f, 0.1f};
  thaw_tensor *total = thaw_tape_tensor(tape, 0, NULL);
  if (!total || !parts[0] || !parts[1] || !parts[2]) return NULL;
  total->data[0] = 0;
  for (size_t i = 0; i < 3; i++) total->data[0] += factors[i] * parts[i]->data[0];
  return thaw_tape_record(tape, "total", total, 3, parts, total_backward, factors);
}

static thaw_tensor *run_model(thaw_tape *tape, model *m, const int32_t *ids, const int32_t *targets,
                              double *loss_sum) {
  thaw_tensor *const *p = m->p;
  thaw_tensor *x = thaw_embedding(tape, p[TABLE], ids, TIME, BATCH, 0.02f);
  x = thaw_locked_dropout(tape, x, 0.05f);
  x = thaw_lstm(tape, x, p[IH_0], thaw_dropout(tape, p[HH_0], 0.05f), p[BIAS_0], m->h[0], m->c[0],
                m->h[0], m->c[0]);
  x = thaw_locked_dropout(tape, x, 0.05f);
  thaw_tensor *raw = thaw_lstm(tape, x, p[IH_1], thaw_dropout(tape, p[HH_1], 0.05f), p[BIAS_1],
                               m->h[1], m->c[1], m->h[1], m->c[1]);
  thaw_tensor *dropped = thaw_locked_dropout(tape, raw, 0.05f);
  thaw_tensor *out = thaw_linear(tape, dropped, p[PROJECT], NULL);
  thaw_tensor *parts[] = {
      thaw_linear_cross_entropy(tape, out, p[TABLE], p[DECODER_BIAS], targets, loss_sum),
      thaw_mean_square(tape, dropped, NULL), thaw_mean_square_step(tape, raw, NULL)};
  return total_of(tape, parts);
}

/* Every parameter gets a gradient, is moved by it, and has it cleared. */
static void update(model *m, size_t steps_done) {
  const float t = (float)steps_done + 1;
  const thaw_adamw_step step = {.rate = 0.02f,
                                .beta1 = 0.7f,
                                .beta2 = 0.99f,
                                .correction1 = 1 - powf(0.7f, t),
                                .correction2 = 1 - powf(0.99f, t),
                                .gradient_scale = 1,
                                .epsilon = 1e-8f};
  for (size_t i = 0; i < PARAMETERS; i++) {
    const size_t size = thaw_size(m->p[i]);
    const double squares = thaw_sum_of_squares(m->p[i]->grad, size);
    ck_assert_msg(squares > 0 && isfinite(squares), "parameter %zu: Σ gradient² = %g", i, squares);
    thaw_adamw(m->p[i]->data, m->p[i]->grad, m->first[i], m->second[i], size, &step);
    thaw_fill(m->p[i]->grad, 0, size);
  }
}

START_TEST(steps_learn_without_new_memory) {
  thaw_numerics_prepare(2);
  model m;
  make_model(&m);
  thaw_tape *tape = thaw_tape_create();
  int32_t ids[TIME * BATCH], targets[TIME * BATCH];
  double first = 0, last = 0;
  size_t allocations = 0;
  for (size_t step = 0; step < STEPS; step++) {
    for (size_t i = 0; i < TIME * BATCH; i++) { /* counting, each stream from elsewhere */
      ids[i] = (int32_t)((step * TIME + i / BATCH + 7 * (i % BATCH)) % WORDS);
      targets[i] = (ids[i] + 1) % WORDS;
    }
    thaw_tape_begin(tape, THAW_TAPE_TRAIN, thaw_rng_make(1, step));
    if (step == 1) allocations = thaw_tape_allocations(tape);
    thaw_tensor *loss = run_model(tape, &m, ids, targets, &last);
    ck_assert_msg(thaw_tape_backward(tape, loss) == THAW_OK, "%s", thaw_tape_error(tape));
    update(&m, step);
    if (step == 0) first = last;
    if (step > 0) ck_assert_uint_eq(thaw_tape_allocations(tape), allocations);
  }
  ck_assert_msg(last < first / 2, "the loss was %g a batch, now it is %g", first, last);
  for (size_t i = 0; i < PARAMETERS; i++) free_parameter(m.p[i]);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("step");
  TCase *tests = tcase_create("step");
  tcase_add_test(tests, steps_learn_without_new_memory);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
