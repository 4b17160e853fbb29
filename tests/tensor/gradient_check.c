/* gradient_check.c: numerical derivatives against the tape's. */
#include "gradient_check.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_INPUTS = 32, MESSAGE_SPACE = 1024 };
static const float ALREADY_THERE = 0.25f; /* what parameters' gradients hold before backward */

typedef struct session {
  const gradient_check *check;
  thaw_tape_mode mode;
  thaw_tape *tape;
  float *weights; /* of the linear functional */
  size_t outputs; /* how many weights; 0 until the first run */
  double noise;   /* root of Σ (weight · output)²: what rounding of the outputs is measured by */
} session;

/* ---- The linear functional ----------------------------------------------------------------- */

static void functional_backward(thaw_tape *tape, thaw_tensor *output, thaw_tensor *const *inputs,
                                size_t count, void *context) {
  (void)count;
  const session *s = context;
  float *gradient = thaw_grad(tape, inputs[0]);
  for (size_t i = 0; gradient && i < s->outputs; i++) {
    gradient[i] += output->grad[0] * s->weights[i];
  }
}

static thaw_tensor *run_operation(session *s, thaw_tape_mode mode) {
  thaw_tape_begin(s->tape, mode, thaw_rng_make(7, 7));
  thaw_tensor *y = s->check->run(s->tape, s->check->inputs, s->check->user);
  ck_assert_msg(y != NULL && thaw_tape_status(s->tape) == THAW_OK, "%s failed: %s",
                s->check->operation, thaw_tape_error(s->tape));
  const size_t size = thaw_size(y);
  if (s->outputs == 0) {
    s->outputs = size;
    s->weights = malloc(size * sizeof(float));
    ck_assert_ptr_nonnull(s->weights);
    thaw_rng rng = thaw_rng_make(11, 13);
    for (size_t i = 0; i < size; i++) s->weights[i] = 2 * thaw_rng_uniform(&rng) - 1;
    double squares = 0;
    for (size_t i = 0; i < size; i++) squares += pow((double)s->weights[i] * (double)y->data[i], 2);
    s->noise = sqrt(squares);
  }
  ck_assert_uint_eq(size, s->outputs);
  return y;
}

static double loss_of(session *s) {
  const thaw_tensor *y = run_operation(s, s->mode);
  double loss = 0;
  for (size_t i = 0; i < s->outputs; i++) loss += (double)s->weights[i] * (double)y->data[i];
  return loss;
}

/* Leaves the tape's gradients, less ALREADY_THERE, in the inputs' grad. */
static void play_back(session *s) {
  const gradient_check *check = s->check;
  for (size_t i = 0; i < check->input_count; i++) {
    thaw_tensor *x = check->inputs[i];
    for (size_t j = 0; x && x->grad && j < thaw_size(x); j++) x->grad[j] = ALREADY_THERE;
  }
  thaw_tensor *y = run_operation(s, s->mode);
  thaw_tensor *loss = thaw_tape_tensor(s->tape, 0, NULL);
  ck_assert_ptr_nonnull(loss);
  loss->data[0] = 0;
  loss = thaw_tape_record(s->tape, "functional", loss, 1, &y, functional_backward, s);
  ck_assert_msg(thaw_tape_backward(s->tape, loss) == THAW_OK, "%s, backward failed: %s",
                check->operation, thaw_tape_error(s->tape));
  for (size_t i = 0; i < check->input_count; i++) {
    thaw_tensor *x = check->inputs[i];
    for (size_t j = 0; x && x->grad && j < thaw_size(x); j++) x->grad[j] -= ALREADY_THERE;
  }
}

/* ---- The numerical side -------------------------------------------------------------------- */

/* (f(x + h) − f(x − h)) / 2h with the h that survived rounding. */
static double difference(session *s, float *x, float h) {
  const float before = *x;
  const volatile float above = before + h, below = before - h;
  *x = above;
  const double high = loss_of(s);
  *x = below;
  const double low = loss_of(s);
  *x = before;
  return (high - low) / ((double)above - (double)below);
}

static void element_text(const thaw_tensor *x, size_t element, char *text, size_t space) {
  size_t index[THAW_MAX_RANK] = {0}, length = 0;
  for (size_t i = x->rank; i-- > 0;) {
    index[i] = element % x->shape[i];
    element /= x->shape[i];
  }
  text[0] = '\0';
  for (size_t i = 0; i < x->rank && length < space; i++) {
    length += (size_t)snprintf(text + length, space - length, "[%zu]", index[i]);
  }
}

static void check_input(session *s, size_t input) {
  thaw_tensor *x = s->check->inputs[input];
  const size_t size = thaw_size(x);
  const double tolerance = s->check->tolerance > 0 ? s->check->tolerance : 1e-3;
  const float h = s->check->step > 0 ? (float)s->check->step : 1.0f / 64;
  double *expected = malloc(size * sizeof(double)), squares = 0;
  ck_assert_ptr_nonnull(expected);
  for (size_t j = 0; j < size; j++) {
    const double near = difference(s, &x->data[j], h), far = difference(s, &x->data[j], 2 * h);
    expected[j] = (4 * near - far) / 3;
    squares += expected[j] * expected[j];
  }
  const double typical = sqrt(squares / (double)size);
  const double rounding = 1e-6 * s->noise / (double)h + 1e-6;
  for (size_t j = 0; j < size; j++) {
    const double found = (double)x->grad[j];
    const double allowed = tolerance * (fabs(expected[j]) + typical) + rounding;
    if (fabs(found - expected[j]) <= allowed) continue; /* false for NaN */
    char element[64], shape[THAW_SHAPE_TEXT];
    element_text(x, j, element, sizeof element);
    ck_abort_msg(
        "gradient of %s: input %zu %s, element %s: expected %.7g, found %.7g (allowed %.2g)",
        s->check->operation, input, thaw_shape_text(x, shape), element, expected[j], found,
        allowed);
  }
  free(expected);
}

/* ---- What else has to hold ----------------------------------------------------------------- */

/* With input `only` alone wanting a gradient, it gets the same one as before. */
static void check_alone(session *s, size_t only) {
  const gradient_check *check = s->check;
  thaw_tensor *x = check->inputs[only];
  const size_t size = thaw_size(x);
  float *before = malloc(size * sizeof(float));
  bool wanted[MOST_INPUTS] = {false};
  ck_assert_ptr_nonnull(before);
  memcpy(before, x->grad, size * sizeof(float));
  for (size_t i = 0; i < check->input_count; i++) {
    if (!check->inputs[i]) continue;
    wanted[i] = check->inputs[i]->wants_grad;
    check->inputs[i]->wants_grad = i == only;
  }
  play_back(s);
  double typical = 0;
  for (size_t j = 0; j < size; j++) typical += fabs((double)before[j]) / (double)size;
  for (size_t j = 0; j < size; j++) {
    const double allowed = 1e-5 * (fabs((double)before[j]) + typical) + 1e-6;
    ck_assert_msg(fabs((double)before[j] - (double)x->grad[j]) <= allowed,
                  "%s: with only input %zu wanting a gradient, element %zu is %.7g, else %.7g",
                  check->operation, only, j, (double)x->grad[j], (double)before[j]);
  }
  for (size_t i = 0; i < check->input_count; i++) {
    thaw_tensor *other = check->inputs[i];
    if (!other) continue;
    for (size_t j = 0; i != only && wanted[i] && other->grad && j < thaw_size(other); j++) {
      ck_assert_msg(other->grad[j] == 0, "%s: input %zu is frozen but got a gradient",
                    check->operation, i);
    }
    other->wants_grad = wanted[i];
  }
  free(before);
}

static void check_evaluation(session *s) {
  if (s->mode == THAW_TAPE_TRAIN) return;
  const thaw_tensor *y = run_operation(s, s->mode);
  float *recorded = malloc(s->outputs * sizeof(float));
  ck_assert_ptr_nonnull(recorded);
  memcpy(recorded, y->data, s->outputs * sizeof(float));
  y = run_operation(s, THAW_TAPE_EVALUATE);
  ck_assert_msg(!y->wants_grad, "%s: the output wants a gradient while evaluating",
                s->check->operation);
  for (size_t i = 0; i < s->outputs; i++) {
    ck_assert_msg(fabsf(recorded[i] - y->data[i]) <= 1e-6f * (1 + fabsf(recorded[i])),
                  "%s: output %zu is %.8g while evaluating, %.8g while recording",
                  s->check->operation, i, (double)y->data[i], (double)recorded[i]);
  }
  free(recorded);
}

void check_gradients(const gradient_check *check) {
  session s = {.check = check, .mode = check->mode ? check->mode : THAW_TAPE_RECORD};
  s.tape = thaw_tape_create();
  ck_assert_ptr_nonnull(s.tape);
  ck_assert_uint_le(check->input_count, MOST_INPUTS);
  play_back(&s);
  for (size_t i = 0; i < check->input_count; i++) {
    if (check->inputs[i] && check->inputs[i]->wants_grad) check_input(&s, i);
  }
  for (size_t i = 0; i < check->input_count; i++) {
    if (!check->inputs[i] || !check->inputs[i]->wants_grad) continue;
    play_back(&s);
    check_alone(&s, i);
  }
  check_evaluation(&s);
  thaw_tape_free(s.tape);
  free(s.weights);
}

void check_gradient(const char *operation, check_function run, void *user, size_t input_count,
                    thaw_tensor *const *inputs) {
  check_gradients(&(gradient_check){.operation = operation,
                                    .run = run,
                                    .user = user,
                                    .input_count = input_count,
                                    .inputs = inputs});
}

thaw_tensor *make_parameter(uint64_t seed, float low, float high, size_t rank,
                            const size_t *shape) {
  thaw_tensor *x = calloc(1, sizeof *x);
  ck_assert_ptr_nonnull(x);
  *x = (thaw_tensor){.rank = rank, .shape = {1, 1, 1, 1}, .wants_grad = true};
  for (size_t i = 0; i < rank; i++) x->shape[i] = shape[i];
  const size_t size = thaw_size(x);
  x->data = malloc(size * sizeof(float));
  x->grad = calloc(size, sizeof(float));
  ck_assert_ptr_nonnull(x->data);
  ck_assert_ptr_nonnull(x->grad);
  thaw_rng rng = thaw_rng_make(seed, 1);
  for (size_t i = 0; i < size; i++) x->data[i] = low + (high - low) * thaw_rng_uniform(&rng);
  return x;
}

void free_parameter(thaw_tensor *parameter) {
  if (!parameter) return;
  free(parameter->data);
  free(parameter->grad);
  free(parameter);
}
