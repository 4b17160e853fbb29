/* An encoder for the tests of configs: a table of parameters and functions that do nothing. */
#include <thaw/plugin.h>

typedef struct settings {
  int64_t embedding, hidden;
  double hidden_p;
} settings;

static const thaw_param_spec parameters[] = {{.name = "embedding",
                                              .type = THAW_PARAM_INT,
                                              .offset = offsetof(settings, embedding),
                                              .default_value = "400",
                                              .minimum = 1,
                                              .maximum = 100000,
                                              .unit = "features",
                                              .doc = "Width of the embedding."},
                                             {.name = "hidden",
                                              .type = THAW_PARAM_INT,
                                              .offset = offsetof(settings, hidden),
                                              .default_value = "1152",
                                              .minimum = 1,
                                              .maximum = 100000,
                                              .unit = "features",
                                              .doc = "Width of the layers."},
                                             {.name = "hidden_p",
                                              .type = THAW_PARAM_REAL,
                                              .offset = offsetof(settings, hidden_p),
                                              .default_value = "0.15",
                                              .minimum = 0,
                                              .maximum = 0.95,
                                              .unit = "",
                                              .doc = "Dropout between layers.",
                                              .per_stage = true},
                                             {.name = NULL}};

static thaw_status create(void *self, const void *own, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  (void)self, (void)own, (void)vocabulary, (void)params, (void)info, (void)ctx;
  return THAW_OK;
}

static thaw_status forward(void *self, const void *own, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  (void)self, (void)own, (void)tape, (void)input, (void)states;
  return THAW_OK;
}

static thaw_status validate(const void *own, thaw_context *ctx) {
  const settings *s = own;
  if (s->hidden >= s->embedding && s->hidden_p != 0.5) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID, "hidden %d, embedding %d and hidden_p %g do not go together",
                   (int)s->hidden, (int)s->embedding, s->hidden_p);
}

static const thaw_encoder encoder = {.create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "test_rnn",
    .version = "1",
    .summary = "Nothing",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.encoder = &encoder,
    .validate = validate,
};
