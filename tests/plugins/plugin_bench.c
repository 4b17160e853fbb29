/* plugin_bench.c: see plugin_bench.h. */
#include "plugin_bench.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void bench_open(plugin_bench *bench, thaw_plugin_kind kind, const char *name) {
  const thaw_plugin *plugin;
  *bench = (plugin_bench){.ctx = thaw_context_create(),
                          .arena = thaw_arena_create(),
                          .registry = thaw_registry_create(NULL),
                          .tape = thaw_tape_create()};
  ck_assert_msg(thaw_registry_find(bench->registry, bench->ctx, kind, name, &plugin) == THAW_OK,
                "%s", thaw_error(bench->ctx));
  bench->descriptor = plugin->descriptor;
  ck_assert_msg(thaw_settings_create(bench->ctx, bench->arena, bench->descriptor,
                                     &bench->settings) == THAW_OK,
                "%s", thaw_error(bench->ctx));
}

void bench_close(plugin_bench *bench) {
  for (size_t g = 0; bench->params && g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) free(group->params[i].tensor->grad);
  }
  thaw_params_free(bench->params);
  free(bench->self);
  thaw_tape_free(bench->tape);
  thaw_arena_free(bench->arena);
  thaw_registry_free(bench->registry);
  thaw_context_free(bench->ctx);
}

thaw_status bench_try_set(plugin_bench *bench, const char *name, const char *text) {
  const thaw_param_spec *spec = thaw_param_find(bench->descriptor->params, name);
  ck_assert_msg(spec != NULL, "%s has no parameter %s", bench->descriptor->name, name);
  const char *items[16];
  size_t count = 0;
  char *copy = strdup(text), *rest = NULL;
  for (char *item = strtok_r(copy, "[], ", &rest); item; item = strtok_r(NULL, "[], ", &rest)) {
    items[count++] = item;
  }
  const thaw_value value = {.is_list = text[0] == '[', .count = count, .texts = items};
  const thaw_status status =
      thaw_settings_set(bench->ctx, bench->arena, spec, bench->settings, &value);
  free(copy);
  return status;
}

void bench_set(plugin_bench *bench, const char *name, const char *text) {
  ck_assert_msg(bench_try_set(bench, name, text) == THAW_OK, "%s: %s", name,
                thaw_error(bench->ctx));
}

thaw_status bench_validate(plugin_bench *bench) {
  return bench->descriptor->validate(bench->settings, bench->ctx);
}

/* ---- Models --------------------------------------------------------------------------------- */

static void begin_model(plugin_bench *bench, size_t self_size) {
  bench->params = thaw_params_create(1);
  bench->self = calloc(1, self_size ? self_size : 1);
  ck_assert_ptr_nonnull(bench->params);
  ck_assert_ptr_nonnull(bench->self);
}

static void add_gradients(plugin_bench *bench) {
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      thaw_tensor *tensor = group->params[i].tensor;
      if (group->params[i].trained) tensor->grad = calloc(thaw_size(tensor), sizeof(float));
    }
  }
}

void bench_create_encoder(plugin_bench *bench, size_t vocabulary) {
  const thaw_encoder *encoder = bench->descriptor->api.encoder;
  begin_model(bench, encoder->self_size);
  ck_assert_msg(encoder->create(bench->self, bench->settings, vocabulary, bench->params,
                                &bench->info, bench->ctx) == THAW_OK,
                "%s", thaw_error(bench->ctx));
  add_gradients(bench);
}

thaw_status bench_try_head(plugin_bench *bench, const thaw_encoder_info *info, size_t classes) {
  const thaw_head *head = bench->descriptor->api.head;
  begin_model(bench, head->self_size);
  bench->info = *info;
  return head->create(bench->self, bench->settings, &bench->info, classes, bench->params,
                      bench->ctx);
}

void bench_create_head(plugin_bench *bench, const thaw_encoder_info *info, size_t classes) {
  ck_assert_msg(bench_try_head(bench, info, classes) == THAW_OK, "%s", thaw_error(bench->ctx));
  add_gradients(bench);
}

thaw_encoder_info make_info(size_t layers, const size_t *widths, size_t embedding_width) {
  thaw_encoder_info info = {.layers = layers, .embedding_width = embedding_width};
  for (size_t i = 0; i < layers; i++) info.width[i] = widths[i];
  return info;
}

thaw_tensor *bench_tensor(plugin_bench *bench, const char *group, const char *name) {
  const thaw_param *param = thaw_params_find(bench->params, group, name);
  ck_assert_msg(param != NULL, "%s has no tensor %s/%s", bench->descriptor->name, group, name);
  return param->tensor;
}

size_t bench_trained(plugin_bench *bench, thaw_tensor **tensors, size_t space) {
  size_t count = 0;
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      if (!group->params[i].trained) continue;
      ck_assert_uint_lt(count, space);
      tensors[count++] = group->params[i].tensor;
    }
  }
  return count;
}

void bench_clear_gradients(plugin_bench *bench) {
  for (size_t g = 0; g < bench->params->count; g++) {
    const thaw_param_group *group = &bench->params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      thaw_tensor *tensor = group->params[i].tensor;
      if (tensor->grad) memset(tensor->grad, 0, thaw_size(tensor) * sizeof(float));
    }
  }
}

thaw_tensor *sum_of_all(thaw_tape *tape, thaw_tensor *x) {
  if (!x) return NULL;
  return thaw_sum(tape, thaw_reshape(tape, x, 1, (size_t[]){thaw_size(x)}), 0, NULL);
}

thaw_tensor *bench_encode(thaw_tape *tape, thaw_tensor *const *inputs, void *encoding) {
  (void)inputs;
  const bench_encoding *e = encoding;
  const plugin_bench *bench = e->bench;
  thaw_tensor *parts[THAW_MAX_LAYERS + 4];
  thaw_states states = {0};
  size_t count = 0;
  bench->descriptor->api.encoder->forward(bench->self, bench->settings, tape, &e->input, &states);
  if (!states.output || !states.embedded) return NULL;
  for (size_t i = 0; i < bench->info.layers; i++) parts[count++] = states.layer[i];
  parts[count++] = states.output;
  parts[count++] = states.embedded;
  if (states.backward_output) parts[count++] = states.backward_output;
  if (states.penalty) parts[count++] = thaw_affine(tape, states.penalty, 10, 0);
  if (e->parts > 0) ck_assert_uint_eq(count, e->parts);
  for (size_t i = 0; i < count; i++) {
    if (!parts[i]) return NULL;
    parts[i] = thaw_reshape(tape, parts[i], 1, (size_t[]){thaw_size(parts[i])});
  }
  return thaw_concat(tape, count, parts, 0);
}
