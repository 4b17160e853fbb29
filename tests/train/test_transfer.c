/* test_transfer.c: what a model takes over from another one: values, words, shapes and messages. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "train/transfer.h"

/* An encoder of one embedding and one matrix, and a head of one vector. */
typedef struct sizes {
  size_t width, hidden;
} sizes;

static thaw_status create_encoder(void *self, const void *settings, size_t vocabulary,
                                  thaw_params *params, thaw_encoder_info *info, thaw_context *ctx) {
  (void)self;
  const sizes *s = settings;
  const thaw_init init = {THAW_INIT_UNIFORM, -1, 1};
  info->embedding = thaw_params_add(params, ctx, "embedding", "weight", 2,
                                    (size_t[]){vocabulary, s->width}, init);
  info->embedding_width = info->width[0] = s->width;
  info->layers = 1;
  return thaw_params_add(params, ctx, "rnn.0", "matrix", 2, (size_t[]){s->width, s->hidden}, init)
             ? THAW_OK
             : THAW_FAILED;
}

static thaw_status create_head(void *self, const void *settings, const thaw_encoder_info *info,
                               size_t classes, thaw_params *params, thaw_context *ctx) {
  (void)self, (void)settings, (void)info;
  const thaw_init init = {THAW_INIT_UNIFORM, -1, 1};
  return thaw_params_add(params, ctx, "head", "weight", 1, (size_t[]){classes}, init) ? THAW_OK
                                                                                      : THAW_FAILED;
}

static const thaw_encoder encoder_api = {.create = create_encoder};
static const thaw_head head_api = {.create = create_head};
static const thaw_plugin_descriptor encoder_descriptor = {
    .kind = THAW_ENCODER, .name = "small", .api.encoder = &encoder_api};
static const thaw_plugin_descriptor head_descriptor = {
    .kind = THAW_HEAD, .name = "thin", .api.head = &head_api};
static const thaw_plugin encoder_plugin = {&encoder_descriptor, NULL};
static const thaw_plugin head_plugin = {&head_descriptor, NULL};

static thaw_context *ctx;
static thaw_vocabulary *old_words, *new_words;
static thaw_model *source, *target;
static thaw_buffer summary;

static thaw_vocabulary *words(size_t count, const char *const *pieces) {
  thaw_vocabulary *vocabulary = NULL;
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, pieces, NULL, count, &vocabulary), THAW_OK);
  return vocabulary;
}

static thaw_model *language_model(size_t width, size_t hidden, uint64_t seed) {
  thaw_model *model = NULL;
  sizes s = {width, hidden};
  const thaw_plugin_use encoder = {&encoder_plugin, &s};
  ck_assert_int_eq(thaw_model_create_language_model(ctx, &encoder, 6, seed, &model), THAW_OK);
  return model;
}

static thaw_model *classifier(size_t width, size_t hidden, uint64_t seed) {
  thaw_model *model = NULL;
  sizes s = {width, hidden};
  const thaw_plugin_use encoder = {&encoder_plugin, &s}, head = {&head_plugin, NULL};
  ck_assert_int_eq(thaw_model_create_classifier(ctx, &encoder, &head, 5, 3, seed, NULL, &model),
                   THAW_OK);
  return model;
}

static void set_up(void) {
  ctx = thaw_context_create();
  old_words = words(6, (const char *const[]){"xxunk", "xxpad", "xxbos", "the", "cat", "sat"});
  new_words = words(5, (const char *const[]){"xxunk", "xxpad", "xxbos", "dog", "cat"});
  source = language_model(4, 3, 1);
  target = classifier(4, 3, 2);
  summary = (thaw_buffer){0};
}

static void tear_down(void) {
  thaw_model_free(source);
  thaw_model_free(target);
  thaw_vocabulary_free(old_words);
  thaw_vocabulary_free(new_words);
  thaw_buffer_free(&summary);
  thaw_context_free(ctx);
}

static thaw_status transfer(const thaw_transfer *what) {
  const thaw_transfer_source from = {"pretrain", source->params, old_words, source->info.direction};
  return thaw_transfer_weights(ctx, what, &from, target, new_words, &summary);
}

static const thaw_tensor *tensor(const thaw_model *model, const char *group, const char *name) {
  return thaw_params_find(model->params, group, name)->tensor;
}

static bool same_row(const thaw_tensor *a, size_t i, const thaw_tensor *b, size_t k) {
  const size_t width = a->shape[1];
  return memcmp(a->data + i * width, b->data + k * width, width * sizeof(float)) == 0;
}

START_TEST(all_follows_words) {
  ck_assert_int_eq(transfer(&(thaw_transfer){.all = true}), THAW_OK);
  const thaw_tensor *from = tensor(source, "embedding", "weight");
  const thaw_tensor *to = tensor(target, "embedding", "weight");
  for (size_t i = 0; i < 3; i++) ck_assert(same_row(to, i, from, i));
  ck_assert(same_row(to, 4, from, 4)); /* cat */
  for (size_t d = 0; d < 4; d++) {     /* dog is new: the mean of all old rows */
    double mean = 0;
    for (size_t v = 0; v < 6; v++) mean += (double)from->data[v * 4 + d] / 6;
    ck_assert_float_eq_tol(to->data[3 * 4 + d], (float)mean, 1e-6F);
  }
  ck_assert_mem_eq(tensor(target, "rnn.0", "matrix")->data, tensor(source, "rnn.0", "matrix")->data,
                   12 * sizeof(float));
  ck_assert_str_eq(summary.data,
                   "takes over embedding (4 words; 1 new ones start at the mean), rnn.0 from "
                   "pretrain; fresh: head");
}
END_TEST

START_TEST(a_list_takes_no_more) {
  const char *const groups[] = {"rnn.0"};
  thaw_params *before = NULL;
  ck_assert_int_eq(thaw_params_clone(ctx, target->params, &before), THAW_OK);
  ck_assert_int_eq(transfer(&(thaw_transfer){.groups = groups, .group_count = 1}), THAW_OK);
  ck_assert_mem_eq(tensor(target, "embedding", "weight")->data,
                   thaw_params_find(before, "embedding", "weight")->tensor->data,
                   20 * sizeof(float));
  ck_assert_mem_eq(tensor(target, "rnn.0", "matrix")->data, tensor(source, "rnn.0", "matrix")->data,
                   12 * sizeof(float));
  ck_assert_str_eq(summary.data, "takes over rnn.0 from pretrain; fresh: embedding, head");
  thaw_params_free(before);
}
END_TEST

START_TEST(none_takes_nothing) {
  thaw_params *before = NULL;
  ck_assert_int_eq(thaw_params_clone(ctx, target->params, &before), THAW_OK);
  ck_assert_int_eq(
      thaw_transfer_weights(ctx, &(thaw_transfer){.none = true}, NULL, target, new_words, &summary),
      THAW_OK);
  for (size_t g = 0; g < before->count; g++) {
    const thaw_tensor *a = before->groups[g].params[0].tensor;
    ck_assert_mem_eq(a->data, target->params->groups[g].params[0].tensor->data,
                     thaw_size(a) * sizeof(float));
  }
  ck_assert_str_eq(summary.data, "takes over nothing; fresh: embedding, rnn.0, head");
  thaw_params_free(before);
}
END_TEST

START_TEST(language_model_to_language_model) {
  thaw_model_free(target);
  sizes s = {4, 3};
  const thaw_plugin_use encoder = {&encoder_plugin, &s};
  ck_assert_int_eq(thaw_model_create_language_model(ctx, &encoder, 5, 9, &target), THAW_OK);
  float *bias = tensor(source, "decoder", "bias")->data;
  for (size_t v = 0; v < 6; v++) bias[v] = (float)v;
  ck_assert_int_eq(transfer(&(thaw_transfer){.all = true}), THAW_OK);
  const float expected[] = {0, 1, 2, 2.5F, 4};
  const float *found = tensor(target, "decoder", "bias")->data;
  for (size_t v = 0; v < 5; v++) ck_assert_float_eq_tol(found[v], expected[v], 1e-6F);
}
END_TEST

START_TEST(unknown_groups) {
  const char *const missing[] = {"rnn.1"}, *const head[] = {"head"};
  ck_assert_int_eq(transfer(&(thaw_transfer){.groups = missing, .group_count = 1}), THAW_INVALID);
  ck_assert_str_eq(
      thaw_error(ctx),
      "there is no group 'rnn.1' in this model; its groups are embedding, rnn.0, head; "
      "did you mean 'rnn.0'?");
  ck_assert_int_eq(transfer(&(thaw_transfer){.groups = head, .group_count = 1}), THAW_INVALID);
  ck_assert_str_eq(
      thaw_error(ctx),
      "there is no group 'head' in pretrain; its groups are embedding, rnn.0, decoder");
}
END_TEST

START_TEST(directions_that_differ) {
  const char *const embedding[] = {"embedding"};
  source->info.direction = THAW_BACKWARD;
  ck_assert_int_eq(transfer(&(thaw_transfer){.all = true}), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "pretrain reads backward, this model reads forward, and 'rnn.0' of the one is "
                   "of no use to the other: set encoder.direction to backward, or let transfer "
                   "take over the embedding alone");
  ck_assert_int_eq(transfer(&(thaw_transfer){.groups = embedding, .group_count = 1}), THAW_OK);
  target->info.direction = THAW_BACKWARD;
  ck_assert_int_eq(transfer(&(thaw_transfer){.all = true}), THAW_OK);
}
END_TEST

START_TEST(shapes_that_differ) {
  thaw_model_free(source);
  source = language_model(4, 7, 1);
  thaw_params *before = NULL;
  ck_assert_int_eq(thaw_params_clone(ctx, target->params, &before), THAW_OK);
  ck_assert_int_eq(transfer(&(thaw_transfer){.all = true}), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "rnn.0/matrix is [4][3] here and [4][7] in pretrain: set the encoder's sizes as "
                   "they are there, or leave 'rnn.0' out of transfer");
  ck_assert_mem_eq(tensor(target, "embedding", "weight")->data,
                   thaw_params_find(before, "embedding", "weight")->tensor->data,
                   20 * sizeof(float));
  thaw_params_free(before);
  thaw_model_free(source);
  source = language_model(5, 3, 1);
  ck_assert_int_eq(transfer(&(thaw_transfer){.all = true}), THAW_INVALID);
  ck_assert_str_eq(
      thaw_error(ctx),
      "embedding/weight is [5][4] here and [6][5] in pretrain (the first number is the "
      "vocabulary's size and may differ): set the encoder's sizes as they are there, or "
      "leave 'embedding' out of transfer");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("transfer");
  TCase *tests = tcase_create("transfer");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, all_follows_words);
  tcase_add_test(tests, a_list_takes_no_more);
  tcase_add_test(tests, none_takes_nothing);
  tcase_add_test(tests, language_model_to_language_model);
  tcase_add_test(tests, unknown_groups);
  tcase_add_test(tests, directions_that_differ);
  tcase_add_test(tests, shapes_that_differ);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
