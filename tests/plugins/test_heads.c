/* The heads, one by one: padding, gradients, batch norm's special cases, settings
 * that are wrong. Numbers are compared with PyTorch's in tests/golden/test_heads.c. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/gradient_check.h"
#include "plugin_bench.h"
#include "thaw/head.h"

enum { LAYERS = 2, EMBEDDING = 3, CLASSES = 3, MOST_TENSORS = 16 };
static const size_t widths[LAYERS] = {2, 3};

typedef struct head_case {
  const char *plugin, *parts, *layers, *hidden, *dropout; /* parts: whatever is the head's own */
} head_case;

/* What `thaw plugin new` begins with; tests run in the folder of the build. */
#define TEMPLATE "plugins/template/.libs/head.so"

static const head_case cases[] = {
    {"last", NULL, "last", "[4]", "[0.2, 0.1]"},
    {"last", NULL, "all", "[]", "[0.2]"},
    {"mean", NULL, "last", "[4]", "[0.2, 0.1]"},
    {"mean", NULL, "[1, 0]", "[]", "[0]"},
    {"max", NULL, "last", "[4]", "[0.2, 0.1]"},
    {"max", NULL, "all", "[]", "[0]"},
    {"concat", "[last, max, mean]", "last", "[4]", "[0.2, 0.1]"},
    {"concat", "[mean, input]", "all", "[4]", "[0.2, 0.1]"},
    {"attention", "4", "last", "[4]", "[0.2, 0.1]"},
    {"attention", "5", "all", "[]", "[0]"},
    {"attention", "0", "last", "[]", "[0]"},
    {"scalar_mix", "[last, max, mean]", "last", "[]", "[0.2]"},
    {"scalar_mix", "[mean, input]", "last", "[]", "[0]"},
    {TEMPLATE, "2", "last", "[4]", "[0.2, 0.1]"},
    {TEMPLATE, "100", "all", "[]", "[0]"},
};
enum { CASES = sizeof cases / sizeof *cases, OWN_CASES = CASES - 2 /* the plugins' */ };

/* The parameter that `parts` is the value of. */
static const char *own_parameter(const head_case *c) {
  if (strcmp(c->plugin, "attention") == 0) return "width";
  if (strcmp(c->plugin, TEMPLATE) == 0) return "positions";
  return strcmp(c->plugin, "scalar_mix") == 0 ? "pool" : "parts";
}

static void open_head(plugin_bench *bench, const head_case *c) {
  const thaw_encoder_info info = make_info(LAYERS, widths, EMBEDDING);
  bench_open(bench, THAW_HEAD, c->plugin);
  if (c->parts) bench_set(bench, own_parameter(c), c->parts);
  bench_set(bench, "layers", c->layers);
  bench_set(bench, "hidden", c->hidden);
  bench_set(bench, "dropout", c->dropout);
  ck_assert_msg(bench_validate(bench) == THAW_OK, "%s", thaw_error(bench->ctx));
  bench_create_head(bench, &info, CLASSES);
}

/* The states of documents; each value differs from the next one by a tenth, in no order, so that
 * maxima are clear. */
typedef struct documents {
  thaw_tensor *tensors[LAYERS + 1]; /* the embedded input last */
  thaw_states states;
  thaw_head_input input;
} documents;

static thaw_tensor *make_states(size_t time, size_t batch, size_t width, size_t stride) {
  thaw_tensor *x = make_parameter(1, 0, 1, SHAPE(time, batch, width));
  for (size_t i = 0; i < thaw_size(x); i++) x->data[i] = 0.1f * (float)(i * stride % 41) - 2;
  return x;
}

static void make_documents(documents *d, size_t time, size_t batch, const int32_t *lengths) {
  *d = (documents){.input = {.time = time, .batch = batch, .lengths = lengths}};
  for (size_t i = 0; i <= LAYERS; i++) {
    const size_t width = i < LAYERS ? widths[i] : EMBEDDING;
    d->tensors[i] = make_states(time, batch, width, 7 + 4 * i);
    if (i < LAYERS) d->states.layer[i] = d->tensors[i];
  }
  d->states.embedded = d->tensors[LAYERS];
}

static void free_documents(documents *d) {
  for (size_t i = 0; i <= LAYERS; i++) free_parameter(d->tensors[i]);
}

static thaw_tensor *run(plugin_bench *bench, documents *d) {
  thaw_tensor *logits = NULL;
  d->input.states = &d->states;
  d->input.info = &bench->info;
  if (bench->descriptor->api.head->forward(bench->self, bench->settings, bench->tape, &d->input,
                                           &logits) != THAW_OK) {
    return NULL;
  }
  return logits;
}

/* Logits that the caller frees. */
static float *logits_of(plugin_bench *bench, documents *d, thaw_tape_mode mode) {
  thaw_tape_begin(bench->tape, mode, thaw_rng_make(3, 3));
  const thaw_tensor *logits = run(bench, d);
  ck_assert_msg(logits != NULL, "%s", thaw_tape_error(bench->tape));
  ck_assert_uint_eq(logits->rank, 2);
  ck_assert_uint_eq(logits->shape[0], d->input.batch);
  ck_assert_uint_eq(logits->shape[1], CLASSES);
  float *copy = malloc(thaw_size(logits) * sizeof *copy);
  memcpy(copy, logits->data, thaw_size(logits) * sizeof *copy);
  return copy;
}

/* ---- Padding -------------------------------------------------------------------------------- */

enum { SHORT = 4, LONG = 9, BATCH = 5 };
static const int32_t lengths[BATCH] = {4, 1, 3, 4, 2};

/* The same documents with more padding, and other values in it. */
static void pad_more(documents *longer, const documents *d) {
  make_documents(longer, LONG, BATCH, lengths);
  for (size_t i = 0; i <= LAYERS; i++) {
    const size_t width = d->tensors[i]->shape[2];
    for (size_t row = 0; row < LONG * BATCH; row++) {
      const bool counts = row / BATCH < (size_t)lengths[row % BATCH];
      for (size_t k = 0; k < width; k++) {
        const size_t at = row * width + k;
        longer->tensors[i]->data[at] = counts ? d->tensors[i]->data[at] : 1e6f;
      }
    }
  }
}

START_TEST(padding_changes_nothing) {
  static const thaw_tape_mode modes[] = {THAW_TAPE_EVALUATE, THAW_TAPE_RECORD, THAW_TAPE_TRAIN};
  plugin_bench bench;
  documents d, longer;
  open_head(&bench, &cases[_i]);
  make_documents(&d, SHORT, BATCH, lengths);
  pad_more(&longer, &d);
  for (size_t m = 0; m < 3; m++) {
    float *expected = logits_of(&bench, &d, modes[m]);
    float *found = logits_of(&bench, &longer, modes[m]);
    if (m == 0) { /* the running statistics have moved since */
      ck_assert_msg(memcmp(expected, found, BATCH * CLASSES * sizeof *found) == 0,
                    "%s: padding changes a logit", cases[_i].plugin);
    }
    for (size_t i = 0; i < BATCH * CLASSES; i++) {
      ck_assert_float_eq_tol(expected[i], found[i], 1e-5f);
    }
    free(expected);
    free(found);
  }
  free_documents(&d);
  free_documents(&longer);
  bench_close(&bench);
}
END_TEST

START_TEST(padding_gets_no_gradient) {
  plugin_bench bench;
  documents d;
  open_head(&bench, &cases[_i]);
  make_documents(&d, SHORT, BATCH, lengths);
  thaw_tape_begin(bench.tape, THAW_TAPE_TRAIN, thaw_rng_make(3, 3));
  const int32_t targets[BATCH] = {0, 1, 2, 0, 1};
  thaw_tensor *loss = thaw_cross_entropy(bench.tape, run(&bench, &d), targets);
  ck_assert_int_eq(thaw_tape_backward(bench.tape, loss), THAW_OK);
  for (size_t i = 0; i <= LAYERS; i++) {
    const thaw_tensor *x = d.tensors[i];
    for (size_t j = 0; j < thaw_size(x); j++) {
      const size_t row = j / x->shape[2];
      if (row / BATCH < (size_t)lengths[row % BATCH]) continue;
      if (x->grad[j] != 0)
        ck_abort_msg("padding at %zu has the gradient %g", j, (double)x->grad[j]);
    }
  }
  free_documents(&d);
  bench_close(&bench);
}
END_TEST

START_TEST(a_document_alone_has_the_same_logits) {
  plugin_bench bench;
  documents d, one;
  open_head(&bench, &cases[_i]);
  make_documents(&d, SHORT, BATCH, lengths);
  float *together = logits_of(&bench, &d, THAW_TAPE_EVALUATE);
  for (size_t b = 0; b < BATCH; b++) {
    make_documents(&one, SHORT, 1, &lengths[b]);
    for (size_t i = 0; i <= LAYERS; i++) {
      const size_t width = one.tensors[i]->shape[2];
      for (size_t t = 0; t < SHORT; t++) {
        memcpy(one.tensors[i]->data + t * width, d.tensors[i]->data + (t * BATCH + b) * width,
               width * sizeof(float));
      }
    }
    float *alone = logits_of(&bench, &one, THAW_TAPE_EVALUATE);
    for (size_t c = 0; c < CLASSES; c++) {
      ck_assert_float_eq_tol(alone[c], together[b * CLASSES + c], 1e-6f);
    }
    free(alone);
    free_documents(&one);
  }
  free(together);
  free_documents(&d);
  bench_close(&bench);
}
END_TEST

/* ---- Gradients ------------------------------------------------------------------------------ */

typedef struct head_run {
  plugin_bench *bench;
  documents *documents;
} head_run;

static thaw_tensor *run_head(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  (void)inputs;
  const head_run *r = user;
  thaw_tensor *logits = NULL;
  documents *d = r->documents;
  d->input.states = &d->states;
  d->input.info = &r->bench->info;
  r->bench->descriptor->api.head->forward(r->bench->self, r->bench->settings, tape, &d->input,
                                          &logits);
  return logits;
}

/* With respect to all states and all parameters; `mode` TRAIN with dropout. */
static void check_head(const head_case *c, thaw_tape_mode mode) {
  plugin_bench bench;
  documents d;
  thaw_tensor *inputs[MOST_TENSORS];
  open_head(&bench, c);
  make_documents(&d, SHORT, BATCH, lengths);
  size_t count = bench_trained(&bench, inputs, MOST_TENSORS);
  const bool all = strcmp(c->layers, "last") != 0;
  /* With the width of the last layer, it is mixed too. */
  const bool embedded =
      strcmp(c->plugin, "scalar_mix") == 0 || (c->parts && strstr(c->parts, "input"));
  if (all) inputs[count++] = d.tensors[0];
  inputs[count++] = d.tensors[1];
  if (embedded) inputs[count++] = d.tensors[LAYERS];
  head_run r = {&bench, &d};
  check_gradients(&(gradient_check){.operation = c->plugin,
                                    .run = run_head,
                                    .user = &r,
                                    .input_count = count,
                                    .inputs = inputs,
                                    .mode = mode,
                                    .step = 1.0 / 256,
                                    .tolerance = 5e-3});
  free_documents(&d);
  bench_close(&bench);
}

START_TEST(gradients_of_a_whole_head) {
  check_head(&cases[_i], THAW_TAPE_RECORD);
  check_head(&cases[_i], THAW_TAPE_TRAIN);
}
END_TEST

/* ---- Blocks --------------------------------------------------------------------------------- */

static void expect_constant(plugin_bench *bench, const char *name, size_t size, float value) {
  const thaw_tensor *x = bench_tensor(bench, "head", name);
  ck_assert_uint_eq(thaw_size(x), size);
  for (size_t i = 0; i < size; i++) ck_assert_float_eq(x->data[i], value);
}

static void expect_uniform(plugin_bench *bench, const char *name, size_t size, size_t inputs) {
  const thaw_tensor *x = bench_tensor(bench, "head", name);
  const float bound = 1 / sqrtf((float)inputs);
  float largest = 0;
  ck_assert_uint_eq(thaw_size(x), size);
  for (size_t i = 0; i < size; i++) largest = fmaxf(largest, fabsf(x->data[i]));
  ck_assert_msg(largest <= bound && largest > bound / 3, "%s: %g of %g", name, (double)largest,
                (double)bound);
}

START_TEST(blocks_begin_as_documented) {
  plugin_bench bench;
  open_head(&bench, &(head_case){"concat", "[last, max, mean]", "all", "[7, 6]", "[0, 0, 0]"});
  ck_assert_uint_eq(bench.params->count, 1);
  ck_assert_uint_eq(bench.params->groups[0].count, 18);
  expect_constant(&bench, "norm.0.weight", 15, 1);
  expect_constant(&bench, "norm.0.bias", 15, 0);
  expect_constant(&bench, "norm.0.running_mean", 15, 0);
  expect_constant(&bench, "norm.0.running_var", 15, 1);
  expect_uniform(&bench, "linear.0.weight", 15 * 7, 15);
  expect_uniform(&bench, "linear.0.bias", 7, 15);
  expect_uniform(&bench, "linear.1.weight", 7 * 6, 7);
  expect_uniform(&bench, "linear.2.weight", 6 * CLASSES, 6);
  ck_assert_uint_eq(bench_tensor(&bench, "head", "linear.2.weight")->shape[0], CLASSES);
  bench_close(&bench);
}
END_TEST

START_TEST(dropout_drops_while_training_only) {
  plugin_bench bench;
  documents d;
  open_head(&bench, &(head_case){"last", NULL, "last", "[4]", "[0.5, 0.5]"});
  make_documents(&d, SHORT, BATCH, lengths);
  const size_t bytes = BATCH * CLASSES * sizeof(float);
  float *evaluated = logits_of(&bench, &d, THAW_TAPE_EVALUATE);
  float *recorded = logits_of(&bench, &d, THAW_TAPE_RECORD);
  ck_assert_mem_eq(evaluated, recorded, bytes);
  float *dropped = logits_of(&bench, &d, THAW_TAPE_TRAIN);
  bench_set(&bench, "dropout", "[0, 0]");
  float *kept = logits_of(&bench, &d, THAW_TAPE_TRAIN);
  ck_assert_mem_ne(dropped, kept, bytes);
  free(evaluated);
  free(recorded);
  free(dropped);
  free(kept);
  free_documents(&d);
  bench_close(&bench);
}
END_TEST

START_TEST(training_on_one_document_is_an_error) {
  plugin_bench bench;
  documents d;
  const int32_t length = 2;
  open_head(&bench, &cases[0]);
  make_documents(&d, SHORT, 1, &length);
  thaw_tape_begin(bench.tape, THAW_TAPE_TRAIN, thaw_rng_make(3, 3));
  ck_assert_ptr_null(run(&bench, &d));
  ck_assert_int_eq(thaw_tape_status(bench.tape), THAW_INVALID);
  ck_assert_str_eq(thaw_tape_error(bench.tape),
                   "head: batch norm cannot train on a batch of one document, which has no "
                   "variance: the stage's batch must be at least 2");
  expect_constant(&bench, "norm.0.running_var", 3, 1);
  free(logits_of(&bench, &d, THAW_TAPE_EVALUATE));
  free_documents(&d);
  bench_close(&bench);
}
END_TEST

START_TEST(lengths_outside_the_batch_are_errors) {
  static const int32_t wrong[] = {0, -1, SHORT + 1};
  for (size_t i = 0; i < 3; i++) {
    plugin_bench bench;
    documents d;
    int32_t some[BATCH] = {1, 2, 3, 4, wrong[i]};
    char expected[100];
    open_head(&bench, &cases[_i]);
    make_documents(&d, SHORT, BATCH, some);
    thaw_tape_begin(bench.tape, THAW_TAPE_RECORD, thaw_rng_make(3, 3));
    ck_assert_ptr_null(run(&bench, &d));
    snprintf(expected, sizeof expected, "document 4 has the length %d, expected 1 to 4", wrong[i]);
    ck_assert_msg(strstr(thaw_tape_error(bench.tape), expected) != NULL, "%s",
                  thaw_tape_error(bench.tape));
    free_documents(&d);
    bench_close(&bench);
  }
}
END_TEST

/* ---- Settings that are wrong ---------------------------------------------------------------- */

static void expect_invalid(plugin_bench *bench, const char *text) {
  ck_assert_int_eq(bench_validate(bench), THAW_INVALID);
  ck_assert_str_eq(thaw_error(bench->ctx), text);
}

START_TEST(counts_and_widths_are_checked) {
  plugin_bench bench;
  bench_open(&bench, THAW_HEAD, "concat");
  ck_assert_int_eq(bench_validate(&bench), THAW_OK);
  ck_assert_int_eq(bench_try_set(&bench, "hidden", "[0]"), THAW_INVALID);
  ck_assert_int_eq(bench_try_set(&bench, "dropout", "[1.5]"), THAW_INVALID);
  bench_set(&bench, "dropout", "[0.4]");
  expect_invalid(&bench,
                 "dropout has 1 rate, expected 2: one for each of hidden's 1 width and one for the "
                 "last block");
  bench_set(&bench, "hidden", "[]");
  ck_assert_int_eq(bench_validate(&bench), THAW_OK);
  bench_set(&bench, "hidden", "[20, 10]");
  bench_set(&bench, "dropout", "[0.4, 0.1, 0.1, 0.1]");
  expect_invalid(&bench,
                 "dropout has 4 rates, expected 3: one for each of hidden's 2 widths and one for "
                 "the last block");
  bench_set(&bench, "hidden", "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]");
  expect_invalid(&bench, "hidden has 16 widths, at most 15 are possible");
  bench_set(&bench, "parts", "[max, last, max]");
  expect_invalid(&bench, "parts names max twice");
  bench_set(&bench, "parts", "[]");
  expect_invalid(&bench, "parts is empty");
  ck_assert_int_eq(bench_try_set(&bench, "parts", "[maximum]"), THAW_INVALID);
  bench_close(&bench);
  bench_open(&bench, THAW_HEAD, "scalar_mix");
  bench_set(&bench, "pool", "[mean, mean]");
  expect_invalid(&bench, "pool names mean twice");
  bench_close(&bench);
  bench_open(&bench, THAW_HEAD, "attention");
  ck_assert_int_eq(bench_try_set(&bench, "width", "-1"), THAW_INVALID);
  bench_set(&bench, "dropout", "[0.4]");
  ck_assert_int_eq(bench_validate(&bench), THAW_INVALID);
  bench_close(&bench);
}
END_TEST

/* Settings that no table has checked. */
START_TEST(a_head_of_one_s_own_is_checked_too) {
  thaw_context *ctx = thaw_context_create();
  const int64_t hidden[] = {50, 0};
  const double dropout[] = {0.1, 1, 0};
  thaw_head_settings s = {.hidden = {2, hidden}, .dropout = {3, dropout}};
  ck_assert_int_eq(thaw_head_check(&s, ctx), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "hidden has the width 0, expected at least 1");
  s.hidden.count = 1;
  s.dropout.count = 2;
  ck_assert_int_eq(thaw_head_check(&s, ctx), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "dropout has the rate 1, expected at least 0, below 1");
  thaw_context_free(ctx);
}
END_TEST

static void expect_no_head(const head_case *c, size_t embedding, const char *text) {
  plugin_bench bench;
  const thaw_encoder_info info = make_info(LAYERS, widths, embedding);
  bench_open(&bench, THAW_HEAD, c->plugin);
  if (c->parts) bench_set(&bench, own_parameter(c), c->parts);
  bench_set(&bench, "layers", c->layers);
  ck_assert_int_eq(bench_try_head(&bench, &info, CLASSES), THAW_INVALID);
  ck_assert_str_eq(thaw_error(bench.ctx), text);
  bench_close(&bench);
}

START_TEST(layers_and_parts_must_be_there) {
  static const char *const plugins[] = {"last", "mean", "max", "concat", "attention", "scalar_mix"};
  for (size_t i = 0; i < 6; i++) {
    expect_no_head(&(head_case){plugins[i], NULL, "[0, 2]", NULL, NULL}, EMBEDDING,
                   "layers: there is no layer 2, the encoder has 2, numbered from 0");
    expect_no_head(&(head_case){plugins[i], NULL, "[last, 1]", NULL, NULL}, EMBEDDING,
                   "layers: layer 1 is chosen twice");
  }
  expect_no_head(&(head_case){"concat", "[last, input]", "last", NULL, NULL}, 0,
                 "parts: the encoder has no embedded input, so there is no part 'input'");
  expect_no_head(&(head_case){"scalar_mix", "[last, input]", "last", NULL, NULL}, 0,
                 "pool: the encoder has no embedded input, so there is no part 'input'");
}
END_TEST

START_TEST(layers_that_are_mixed_need_one_width) {
  static const size_t four[] = {6, 4, 6, 4};
  plugin_bench bench;
  const thaw_encoder_info info = make_info(4, four, 4);
  expect_no_head(&(head_case){"scalar_mix", NULL, "all", NULL, NULL}, EMBEDDING,
                 "layers: only layers of one width can be mixed, but layer 0 is 2 wide and layer 1 "
                 "3; choose some of one width, such as layers: [0]");
  bench_open(&bench, THAW_HEAD, "scalar_mix");
  bench_set(&bench, "layers", "[1, 0, 2]");
  ck_assert_int_eq(bench_try_head(&bench, &info, CLASSES), THAW_INVALID);
  ck_assert_str_eq(thaw_error(bench.ctx),
                   "layers: only layers of one width can be mixed, but layer 1 is 4 wide and layer "
                   "0 6; choose some of one width, such as layers: [0, 2]");
  bench_close(&bench);
}
END_TEST

/* As wide as the embedded input or not, with it or without. */
START_TEST(the_input_is_mixed_where_it_fits) {
  static const struct {
    const char *input;
    size_t embedding, weights;
  } mixes[] = {{"true", 3, 2}, {"true", 5, 1}, {"true", 0, 1}, {"false", 3, 1}};
  for (size_t i = 0; i < 4; i++) {
    plugin_bench bench;
    const thaw_encoder_info info = make_info(LAYERS, widths, mixes[i].embedding);
    bench_open(&bench, THAW_HEAD, "scalar_mix");
    bench_set(&bench, "layers", "last");
    bench_set(&bench, "input", mixes[i].input);
    bench_create_head(&bench, &info, CLASSES);
    expect_constant(&bench, "mix.weights", mixes[i].weights, 0);
    expect_constant(&bench, "mix.scale", 1, 1);
    bench_close(&bench);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("heads");
  TCase *tests = tcase_create("heads");
  tcase_add_loop_test(tests, padding_changes_nothing, 0, CASES);
  tcase_add_loop_test(tests, padding_gets_no_gradient, 0, CASES);
  tcase_add_loop_test(tests, a_document_alone_has_the_same_logits, 0, CASES);
  tcase_add_loop_test(tests, gradients_of_a_whole_head, 0, CASES);
  tcase_add_test(tests, blocks_begin_as_documented);
  tcase_add_test(tests, dropout_drops_while_training_only);
  tcase_add_test(tests, training_on_one_document_is_an_error);
  tcase_add_loop_test(tests, lengths_outside_the_batch_are_errors, 0, OWN_CASES);
  tcase_add_test(tests, counts_and_widths_are_checked);
  tcase_add_test(tests, a_head_of_one_s_own_is_checked_too);
  tcase_add_test(tests, layers_and_parts_must_be_there);
  tcase_add_test(tests, layers_that_are_mixed_need_one_width);
  tcase_add_test(tests, the_input_is_mixed_where_it_fits);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
