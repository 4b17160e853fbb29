/* A tokenizer for the tests of configs: a table of parameters and functions that do nothing. */
#include <thaw/plugin.h>

typedef struct settings {
  bool lower;
  const char *extra, *model;
} settings;

static const thaw_param_spec parameters[] = {{.name = "lower",
                                              .type = THAW_PARAM_BOOL,
                                              .offset = offsetof(settings, lower),
                                              .default_value = "true",
                                              .unit = "",
                                              .doc = "Fold letter case."},
                                             {.name = "extra",
                                              .type = THAW_PARAM_TEXT,
                                              .offset = offsetof(settings, extra),
                                              .default_value = "",
                                              .unit = "",
                                              .doc = "Any text."},
                                             {.name = "model",
                                              .type = THAW_PARAM_PATH,
                                              .offset = offsetof(settings, model),
                                              .default_value = "",
                                              .unit = "",
                                              .doc = "Any file."},
                                             {.name = NULL}};

static thaw_status pieces(void *self, const void *own, const char *text, size_t bytes,
                          thaw_piece_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)own, (void)ctx;
  sink(user, text, bytes);
  return THAW_OK;
}

static thaw_status join(void *self, const void *own, const char *const *texts, size_t count,
                        thaw_byte_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)own, (void)texts, (void)count, (void)sink, (void)user, (void)ctx;
  return THAW_OK;
}

static const thaw_tokenizer tokenizer = {.pieces = pieces, .join = join};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "test_words",
    .version = "1",
    .summary = "One piece",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.tokenizer = &tokenizer,
};
