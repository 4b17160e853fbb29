/* A head for the tests of configs, built twice: with -DLESS it has another name and lacks the
 * parameters `parts` and `layers`. */
#include <thaw/plugin.h>

typedef struct settings {
  thaw_texts parts;
  thaw_ints layers;
  thaw_ints hidden;
  thaw_reals dropout;
} settings;

#ifdef LESS
#define NAME "test_max"
#else
#define NAME "test_concat"
static const char *const parts[] = {"last", "max", "mean", NULL};
#endif

static const thaw_param_spec parameters[] = {
#ifndef LESS
    {.name = "parts",
     .type = THAW_PARAM_CHOICES,
     .offset = offsetof(settings, parts),
     .default_value = "[last, max, mean]",
     .unit = "",
     .doc = "What is concatenated.",
     .choices = parts,
     .per_stage = true},
    {.name = "layers",
     .type = THAW_PARAM_LAYERS,
     .offset = offsetof(settings, layers),
     .default_value = "[last]",
     .unit = "",
     .doc = "Whose states."},
#endif
    {.name = "hidden",
     .type = THAW_PARAM_INTS,
     .offset = offsetof(settings, hidden),
     .default_value = "[50]",
     .minimum = 1,
     .maximum = 10000,
     .unit = "features",
     .doc = "Widths of hidden layers."},
    {.name = "dropout",
     .type = THAW_PARAM_REALS,
     .offset = offsetof(settings, dropout),
     .default_value = "[0.4, 0.1]",
     .minimum = 0,
     .maximum = 0.95,
     .unit = "",
     .doc = "Before each layer.",
     .per_stage = true},
    {.name = NULL}};

static thaw_status create(void *self, const void *own, const thaw_encoder_info *info,
                          size_t classes, thaw_params *params, thaw_context *ctx) {
  (void)self, (void)own, (void)info, (void)classes, (void)params, (void)ctx;
  return THAW_OK;
}

static thaw_status forward(void *self, const void *own, thaw_tape *tape,
                           const thaw_head_input *input, thaw_tensor **logits) {
  (void)self, (void)own, (void)tape, (void)input, (void)logits;
  return THAW_OK;
}

static const thaw_head head = {.create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_HEAD,
    .name = NAME,
    .version = "1",
    .summary = "Nothing",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.head = &head,
};
