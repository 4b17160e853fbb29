/* An encoder that carries nothing, for the tests of generation: the state of a token is its
 * embedding and half of that of the token before. It refuses more than 8 tokens at once. */
#include <thaw/plugin.h>

enum { WIDTH = 16, MOST = 8 };

typedef struct window {
  thaw_tensor *embedding;
} window;

static thaw_status create(void *self, const void *settings, size_t vocabulary, thaw_params *params,
                          thaw_encoder_info *info, thaw_context *ctx) {
  (void)settings;
  window *w = self;
  w->embedding =
      thaw_params_add(params, ctx, "embedding", "weight", 2, (size_t[]){vocabulary, WIDTH},
                      (thaw_init){THAW_INIT_UNIFORM, -0.5f, 0.5f});
  if (!w->embedding) return THAW_FAILED;
  info->layers = 1;
  info->width[0] = WIDTH;
  return THAW_OK;
}

static thaw_status forward(void *self, const void *settings, thaw_tape *tape,
                           const thaw_encoder_input *input, thaw_states *states) {
  (void)settings;
  const window *w = self;
  const float zeros[64 * WIDTH] = {0};
  const size_t time = input->time, shape[] = {1, input->batch, WIDTH};
  if (time > MOST || input->batch > 64)
    thaw_tape_fail(tape, "window", "%zu tokens of %zu texts", time, input->batch);
  thaw_tensor *words = thaw_embedding(tape, w->embedding, input->ids, time, input->batch, 0);
  thaw_tensor *before = thaw_tape_constant(tape, 3, shape, zeros);
  if (time > 1) {
    thaw_tensor *parts[] = {before, thaw_slice(tape, words, 0, 0, time - 1)};
    before = thaw_concat(tape, 2, parts, 0);
  }
  states->layer[0] = states->output =
      thaw_tanh(tape, thaw_add(tape, words, thaw_affine(tape, before, 0.5f, 0)));
  return thaw_tape_status(tape);
}

static const thaw_encoder encoder = {
    .self_size = sizeof(window), .create = create, .forward = forward};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_ENCODER,
    .name = "test_window",
    .version = "1",
    .summary = "A token and the one before",
    .api.encoder = &encoder,
};
