/* A run file gives back what was put into it. Called with a path, writes the sample run there (for
 * test_h5py.py). */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "sample.h"

static thaw_context *ctx;
static sample *wrote;
static char *folder, *path;
static thaw_run_file *run;

static void set_up(void) {
  ctx = thaw_context_create();
  wrote = sample_create();
  folder = sample_folder();
  path = thaw_path_join(folder, "sample.h5");
  ck_assert_msg(thaw_run_write(ctx, path, &wrote->content) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_msg(thaw_run_open(ctx, path, &run) == THAW_OK, "%s", thaw_error(ctx));
}

static void tear_down(void) {
  thaw_run_close(run);
  /* Every handle is closed. */
  ck_assert_int_eq(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(path);
  sample_remove(folder);
  sample_free(wrote);
  thaw_context_free(ctx);
}

static void expect_text(const char *part, const char *expected) {
  char *text = NULL;
  ck_assert_msg(thaw_run_text(ctx, run, part, &text) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_str_eq(text, expected);
  free(text);
}

START_TEST(numbers_and_texts_come_back) {
  ck_assert(!thaw_run_complete(run));
  ck_assert(thaw_run_seed(run) == 0xfedcba9876543210);
  ck_assert_double_eq(thaw_run_seconds(run), 12.75);
  ck_assert_str_eq(thaw_run_path(run), path);
  expect_text("name", "trec6 größer");
  expect_text("config/written", "name: trec6 größer\n");
  expect_text("config/resolved", "name: trec6 größer\nseed: 1\n");
  expect_text("tokenizer/plugin", "word");
  expect_text("tokenizer/version", "1");
  expect_text("tokenizer/settings", "");
  expect_text("environment/processor", "Prozessor µ");
  expect_text("environment/hash/train.csv", "abc");
  expect_text("environment/empty", "");
}
END_TEST

START_TEST(a_part_that_is_missing_is_named) {
  static const char *const parts[] = {"nothing", "config/nothing", "environment/nothing",
                                      "nothing/at/all", ""};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    char *text = NULL;
    ck_assert_int_eq(thaw_run_text(ctx, run, parts[i], &text), THAW_INVALID);
    ck_assert_ptr_null(text);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), parts[i]));
  }
  /* A number is not a text. */
  char *text = NULL;
  ck_assert_int_eq(thaw_run_text(ctx, run, "seed", &text), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "not a text"));
}
END_TEST

START_TEST(the_tokenizer_state_comes_back) {
  char *state = NULL;
  size_t bytes = 0;
  ck_assert_int_eq(thaw_run_tokenizer_state(ctx, run, &state, &bytes), THAW_OK);
  ck_assert_uint_eq(bytes, wrote->content.tokenizer_state_bytes);
  ck_assert_mem_eq(state, wrote->content.tokenizer_state, bytes);
  free(state);
}
END_TEST

static void expect_vocabulary(const char *stage, const thaw_vocabulary *expected) {
  thaw_vocabulary *vocabulary = NULL;
  ck_assert_msg(thaw_run_vocabulary(ctx, run, stage, &vocabulary) == THAW_OK, "%s",
                thaw_error(ctx));
  ck_assert_uint_eq(thaw_vocabulary_size(vocabulary), thaw_vocabulary_size(expected));
  for (size_t i = 0; i < thaw_vocabulary_size(expected); i++) {
    const int32_t id = (int32_t)i;
    ck_assert_str_eq(thaw_vocabulary_piece(vocabulary, id), thaw_vocabulary_piece(expected, id));
    ck_assert_uint_eq(thaw_vocabulary_frequency(vocabulary, id),
                      thaw_vocabulary_frequency(expected, id));
  }
  thaw_vocabulary_free(vocabulary);
}

START_TEST(vocabularies_come_back) {
  expect_vocabulary(NULL, wrote->vocabulary);
  expect_vocabulary("pretrain", wrote->kept_vocabulary);
  expect_vocabulary("finetune", wrote->vocabulary); /* it has none of its own */
  thaw_vocabulary *vocabulary = NULL;
  ck_assert_int_eq(thaw_run_vocabulary(ctx, run, "classify", &vocabulary), THAW_INVALID);
  ck_assert_ptr_null(vocabulary);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "classify"));
  thaw_classes classes;
  ck_assert_int_eq(thaw_run_classes(ctx, run, &classes), THAW_OK);
  ck_assert_uint_eq(classes.count, 3);
  ck_assert_str_eq(classes.names[1], "no");
  ck_assert_str_eq(classes.names[2], "été");
  thaw_classes_free(&classes);
}
END_TEST

static void expect_weights(const char *stage, const thaw_params *expected) {
  thaw_params *params = NULL;
  ck_assert_msg(thaw_run_weights(ctx, run, stage, &params) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_uint_eq(params->count, expected->count);
  for (size_t g = 0; g < expected->count; g++) {
    const thaw_param_group *group = &params->groups[g], *other = &expected->groups[g];
    ck_assert_str_eq(group->name, other->name); /* in the same order */
    ck_assert_uint_eq(group->count, other->count);
    for (size_t i = 0; i < other->count; i++) {
      const thaw_tensor *tensor = group->params[i].tensor, *known = other->params[i].tensor;
      ck_assert_str_eq(group->params[i].name, other->params[i].name);
      ck_assert(group->params[i].trained == other->params[i].trained);
      ck_assert_uint_eq(tensor->rank, known->rank);
      ck_assert_mem_eq(tensor->shape, known->shape, sizeof known->shape);
      size_t count = 1;
      for (size_t d = 0; d < known->rank; d++) count *= known->shape[d];
      ck_assert_mem_eq(tensor->data, known->data, count * sizeof(float));
    }
  }
  thaw_params_free(params);
}

START_TEST(weights_come_back) {
  expect_weights(NULL, wrote->weights);
  expect_weights("pretrain", wrote->kept_weights);
  expect_weights("finetune", wrote->kept_weights);
  ck_assert(thaw_run_has_stage(run, NULL));
  ck_assert(thaw_run_has_stage(run, "pretrain"));
  ck_assert(!thaw_run_has_stage(run, "classify"));
  char *stages = thaw_run_stages(run);
  ck_assert_str_eq(stages, "pretrain, finetune");
  free(stages);
  thaw_params *params = NULL;
  ck_assert_int_eq(thaw_run_weights(ctx, run, "classify", &params), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "classify"));
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "pretrain, finetune"));
}
END_TEST

START_TEST(metrics_come_back) {
  thaw_series **series = NULL;
  size_t count = 0;
  ck_assert_msg(thaw_run_series(ctx, run, &series, &count) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_uint_eq(count, 2);
  for (size_t s = 0; s < count; s++) {
    const thaw_series *known = wrote->series[s];
    ck_assert_str_eq(series[s]->stage, known->stage);
    ck_assert_uint_eq(series[s]->group_count, known->group_count);
    for (size_t g = 0; g < known->group_count; g++) {
      ck_assert_str_eq(series[s]->groups[g], known->groups[g]);
    }
    ck_assert_uint_eq(series[s]->moved_count, known->moved_count);
    for (size_t g = 0; g < known->moved_count; g++) {
      ck_assert_str_eq(series[s]->moved[g], known->moved[g]);
      ck_assert_int_eq(series[s]->taken[g], known->taken[g]);
    }
    const size_t steps = known->step_count, epochs = known->epoch_count;
    ck_assert_uint_eq(series[s]->step_count, steps);
    ck_assert_uint_eq(series[s]->epoch_count, epochs);
    if (steps == 0) continue;
    ck_assert_mem_eq(series[s]->steps, known->steps, steps * sizeof *known->steps);
    ck_assert_mem_eq(series[s]->rates, known->rates, steps * known->group_count * sizeof(double));
    ck_assert_mem_eq(series[s]->epochs, known->epochs, epochs * sizeof *known->epochs);
    for (size_t i = 0; i < epochs * known->moved_count; i++) {
      const double found = series[s]->distances[i], expected = known->distances[i];
      ck_assert_msg(found == expected || (isnan(found) && isnan(expected)),
                    "distance %zu: expected %g, found %g", i, expected, found);
    }
  }
  /* A series that was read can go on. */
  const thaw_step_row row = {.step = 99};
  const double rates[] = {1, 2, 3};
  ck_assert(thaw_series_add_step(series[1], &row, rates));
  ck_assert(thaw_series_add_epoch(series[1], &(thaw_epoch_row){.epoch = 98}));
  ck_assert_double_eq(series[1]->rates[12 * 3 + 1], 2);
  for (size_t s = 0; s < count; s++) thaw_series_free(series[s]);
  free(series);
}
END_TEST

START_TEST(predictions_come_back) {
  for (size_t i = 0; i < 2; i++) {
    const thaw_predictions *known = wrote->predictions[i];
    thaw_predictions *read = NULL;
    ck_assert(thaw_run_has_predictions(run, known->split));
    ck_assert_msg(thaw_run_predictions(ctx, run, known->split, &read) == THAW_OK, "%s",
                  thaw_error(ctx));
    ck_assert_str_eq(read->split, known->split);
    ck_assert_uint_eq(read->count, known->count);
    ck_assert_uint_eq(read->classes, known->classes);
    ck_assert_mem_eq(read->gold, known->gold, known->count * sizeof *known->gold);
    ck_assert_mem_eq(read->predicted, known->predicted, known->count * sizeof *known->gold);
    ck_assert_mem_eq(read->probabilities, known->probabilities,
                     known->count * known->classes * sizeof(float));
    thaw_predictions_free(read);
  }
  thaw_predictions *read = NULL;
  ck_assert(!thaw_run_has_predictions(run, "train"));
  ck_assert_int_eq(thaw_run_predictions(ctx, run, "train", &read), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "train"));
}
END_TEST

START_TEST(the_state_comes_back) {
  thaw_state state;
  ck_assert_msg(thaw_run_state(ctx, run, &state) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_uint_eq(state.count, wrote->state.count);
  for (size_t i = 0; i < state.count; i++) {
    const thaw_array *known = &wrote->state.arrays[i];
    const thaw_array *read = thaw_state_get(&state, known->name);
    ck_assert_ptr_nonnull(read);
    ck_assert_int_eq(read->type, known->type);
    ck_assert_uint_eq(read->count, known->count);
    const size_t each = known->type == THAW_ARRAY_FLOAT ? 4 : 8;
    ck_assert_mem_eq(read->data, known->data, known->count * each);
  }
  ck_assert_ptr_null(thaw_state_get(&state, "sum"));
  thaw_state_free(&state);
}
END_TEST

START_TEST(a_state_keeps_copies) {
  thaw_state state = {0};
  double values[] = {1, 2};
  ck_assert_int_eq(thaw_state_put(ctx, &state, "a", THAW_ARRAY_DOUBLE, 2, values), THAW_OK);
  values[0] = 5;
  ck_assert_double_eq(((double *)thaw_state_get(&state, "a")->data)[0], 1);
  /* A name's second value replaces the first. */
  ck_assert_int_eq(thaw_state_put(ctx, &state, "a", THAW_ARRAY_DOUBLE, 1, values), THAW_OK);
  ck_assert_uint_eq(state.count, 1);
  ck_assert_uint_eq(thaw_state_get(&state, "a")->count, 1);
  ck_assert_double_eq(((double *)thaw_state_get(&state, "a")->data)[0], 5);
  ck_assert_int_eq(thaw_state_put(ctx, &state, "b", THAW_ARRAY_DOUBLE, SIZE_MAX / 4, values),
                   THAW_FAILED);
  thaw_state_free(&state);
}
END_TEST

START_TEST(equal_runs_give_equal_bytes) {
  char *other = thaw_path_join(folder, "other.h5");
  size_t size, other_size;
  ck_assert_int_eq(thaw_run_write(ctx, other, &wrote->content), THAW_OK);
  unsigned char *bytes = sample_slurp(path, &size), *others = sample_slurp(other, &other_size);
  ck_assert_uint_eq(size, other_size);
  ck_assert_mem_eq(bytes, others, size);
  free(bytes);
  free(others);
  free(other);
}
END_TEST

START_TEST(almost_nothing_is_a_file_too) {
  char *other = thaw_path_join(folder, "other.h5");
  thaw_run_file *bare;
  ck_assert_int_eq(thaw_run_write(ctx, other, &(thaw_run_content){.complete = true}), THAW_OK);
  ck_assert_msg(thaw_run_open(ctx, other, &bare) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert(thaw_run_complete(bare));
  ck_assert(!thaw_run_has_stage(bare, NULL));
  ck_assert(!thaw_run_has_stage(bare, "pretrain"));
  ck_assert(!thaw_run_has_predictions(bare, "test"));
  thaw_state state;
  ck_assert_int_eq(thaw_run_state(ctx, bare, &state), THAW_OK);
  ck_assert_uint_eq(state.count, 0);
  thaw_series **series;
  size_t count;
  ck_assert_int_eq(thaw_run_series(ctx, bare, &series, &count), THAW_OK);
  ck_assert_uint_eq(count, 0);
  free(series);
  char *text;
  ck_assert_int_eq(thaw_run_text(ctx, bare, "config/resolved", &text), THAW_INVALID);
  ck_assert_int_eq(thaw_run_tokenizer_state(ctx, bare, &text, &count), THAW_INVALID);
  thaw_vocabulary *vocabulary;
  ck_assert_int_eq(thaw_run_vocabulary(ctx, bare, NULL, &vocabulary), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "vocabulary"));
  thaw_classes classes;
  ck_assert_int_eq(thaw_run_classes(ctx, bare, &classes), THAW_INVALID);
  thaw_params *params;
  ck_assert_int_eq(thaw_run_weights(ctx, bare, NULL, &params), THAW_INVALID);
  thaw_run_close(bare);
  free(other);
}
END_TEST

/* Names that are awkward as links of HDF5. */
START_TEST(awkward_names_come_back) {
  static const char *const names[] = {".", "..", "a/b", "100%", "%2F", "", "a b\tc", "größe", "%"};
  enum { NAMES = sizeof names / sizeof *names };
  char *other = thaw_path_join(folder, "other.h5");
  thaw_predictions *predictions[NAMES];
  thaw_series *series[NAMES];
  thaw_state state = {0};
  for (size_t i = 0; i < NAMES; i++) {
    predictions[i] = thaw_predictions_create(names[i], i, 2);
    series[i] = thaw_series_create(names[i], NAMES, names);
    const int64_t value = (int64_t)i;
    ck_assert_int_eq(thaw_state_put(ctx, &state, names[i], THAW_ARRAY_INT64, 1, &value), THAW_OK);
  }
  const thaw_run_content content = {.predictions = (const thaw_predictions *const *)predictions,
                                    .predictions_count = NAMES,
                                    .series = (const thaw_series *const *)series,
                                    .series_count = NAMES,
                                    .state = &state};
  ck_assert_msg(thaw_run_write(ctx, other, &content) == THAW_OK, "%s", thaw_error(ctx));
  thaw_state_free(&state);
  thaw_run_file *awkward;
  ck_assert_msg(thaw_run_open(ctx, other, &awkward) == THAW_OK, "%s", thaw_error(ctx));
  thaw_series **read = NULL;
  size_t count = 0;
  ck_assert_msg(thaw_run_series(ctx, awkward, &read, &count) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_int_eq(thaw_run_state(ctx, awkward, &state), THAW_OK);
  ck_assert_uint_eq(count, NAMES);
  for (size_t i = 0; i < NAMES; i++) {
    ck_assert_str_eq(read[i]->stage, names[i]);
    ck_assert_str_eq(read[0]->groups[i], names[i]);
    ck_assert_int_eq(*(int64_t *)thaw_state_get(&state, names[i])->data, (int64_t)i);
    thaw_predictions *back = NULL;
    ck_assert_int_eq(thaw_run_predictions(ctx, awkward, names[i], &back), THAW_OK);
    ck_assert_uint_eq(back->count, i);
    thaw_predictions_free(back);
    thaw_predictions_free(predictions[i]);
    thaw_series_free(series[i]);
  }
  for (size_t i = 0; i < NAMES; i++) thaw_series_free(read[i]);
  free(read);
  thaw_state_free(&state);
  thaw_run_close(awkward);
  free(other);
}
END_TEST

/* A weight that is not a number is stored as it is: finding it is training's business. */
START_TEST(any_bits_are_kept) {
  char *other = thaw_path_join(folder, "other.h5");
  float *values = wrote->weights->groups[0].params[0].tensor->data;
  values[0] = NAN;
  values[1] = -INFINITY;
  values[2] = 1e-42F;
  values[3] = -0.0F;
  ck_assert_int_eq(thaw_run_write(ctx, other, &wrote->content), THAW_OK);
  thaw_run_close(run);
  ck_assert_int_eq(thaw_run_open(ctx, other, &run), THAW_OK);
  expect_weights(NULL, wrote->weights);
  free(other);
}
END_TEST

/* More blocks than the smallest user block has room for, more links than fit into an object header.
 */
START_TEST(many_tensors_and_large_lists) {
  enum { TENSORS = 300, PIECES = 20000 };
  static const char *const special[] = {"xxunk", "xxpad", "xxbos"};
  char *other = thaw_path_join(folder, "other.h5"), name[32];
  thaw_params *params = thaw_params_create(3);
  const size_t shape = 3;
  for (int i = 0; i < TENSORS; i++) {
    snprintf(name, sizeof name, "tensor.%d", i);
    ck_assert_ptr_nonnull(thaw_params_add(params, ctx, i % 2 ? "odd" : "even", name, 1, &shape,
                                          (thaw_init){THAW_INIT_NORMAL, 0, 1}));
  }
  char **pieces = calloc(PIECES, sizeof *pieces);
  for (int i = 0; i < PIECES; i++) {
    snprintf(name, sizeof name, "piece-%d", i);
    pieces[i] = strdup(i < 3 ? special[i] : name);
  }
  thaw_vocabulary *vocabulary = NULL;
  ck_assert_int_eq(
      thaw_vocabulary_from_list(ctx, (const char *const *)pieces, NULL, PIECES, &vocabulary),
      THAW_OK);
  const thaw_run_content content = {.weights = params, .vocabulary = vocabulary};
  ck_assert_int_eq(thaw_run_write(ctx, other, &content), THAW_OK);
  thaw_run_close(run);
  ck_assert_msg(thaw_run_open(ctx, other, &run) == THAW_OK, "%s", thaw_error(ctx));
  expect_weights(NULL, params);
  expect_vocabulary(NULL, vocabulary);
  for (int i = 0; i < PIECES; i++) free(pieces[i]);
  free(pieces);
  thaw_vocabulary_free(vocabulary);
  thaw_params_free(params);
  free(other);
}
END_TEST

/* HDF5's own error printing is as it was, before and after a failure. */
static herr_t print_nothing(hid_t stack, void *user) {
  (void)stack;
  (void)user;
  return 0;
}

START_TEST(error_printing_is_left_as_it_was) {
  H5E_auto2_t print = NULL;
  void *data = NULL;
  int mine = 0;
  H5Eset_auto2(H5E_DEFAULT, print_nothing, &mine);
  thaw_params *params = NULL;
  ck_assert_int_eq(thaw_run_weights(ctx, run, "classify", &params), THAW_INVALID);
  ck_assert_int_eq(thaw_run_write(ctx, path, &wrote->content), THAW_OK);
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  ck_assert(print == print_nothing);
  ck_assert_ptr_eq(data, &mine);
}
END_TEST

/* A reader keeps the file that it opened when another takes its place. */
START_TEST(an_open_file_survives_its_replacement) {
  ck_assert_int_eq(thaw_run_write(ctx, path, &(thaw_run_content){.seed = 4}), THAW_OK);
  expect_weights(NULL, wrote->weights);
  thaw_run_file *second;
  ck_assert_msg(thaw_run_open(ctx, path, &second) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert(thaw_run_seed(second) == 4);
  expect_text("name", "trec6 größer");
  thaw_run_close(second);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_can_be_read) {
  ck_assert_int_eq(chmod(path, 0444), 0);
  ck_assert_int_eq(chmod(folder, 0555), 0);
  const thaw_status status = sample_read_all(ctx, path);
  ck_assert_int_eq(chmod(folder, 0755), 0);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
}
END_TEST

static int write_sample(const char *to) {
  thaw_context *context = thaw_context_create();
  sample *written = sample_create();
  const thaw_status status = thaw_run_write(context, to, &written->content);
  if (status != THAW_OK) fprintf(stderr, "%s\n", thaw_error(context));
  sample_free(written);
  thaw_context_free(context);
  return status;
}

int main(int argc, char **argv) {
  if (argc == 2) return write_sample(argv[1]);
  Suite *suite = suite_create("run file");
  TCase *tests = tcase_create("run file");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, numbers_and_texts_come_back);
  tcase_add_test(tests, a_part_that_is_missing_is_named);
  tcase_add_test(tests, the_tokenizer_state_comes_back);
  tcase_add_test(tests, vocabularies_come_back);
  tcase_add_test(tests, weights_come_back);
  tcase_add_test(tests, metrics_come_back);
  tcase_add_test(tests, predictions_come_back);
  tcase_add_test(tests, the_state_comes_back);
  tcase_add_test(tests, a_state_keeps_copies);
  tcase_add_test(tests, equal_runs_give_equal_bytes);
  tcase_add_test(tests, almost_nothing_is_a_file_too);
  tcase_add_test(tests, awkward_names_come_back);
  tcase_add_test(tests, any_bits_are_kept);
  tcase_add_test(tests, many_tensors_and_large_lists);
  tcase_add_test(tests, error_printing_is_left_as_it_was);
  tcase_add_test(tests, an_open_file_survives_its_replacement);
  tcase_add_test(tests, a_folder_that_cannot_be_written_can_be_read);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
