/* my_plugin: cuts at blanks and at the characters that are given; each of these is a piece too.
 *
 *     tokenizer: {plugin: my_plugin, separators: ".,;:!?"}
 *
 * Pieces put together are the text again, but for NUL characters, which are left out. xxunk, xxpad
 * and xxbos mean something to thaw, so a text must not be able to write them: xx is cut off. A
 * tokenizer that learns from the corpus has the functions fit, save and load as well. */
#include <string.h>
#include <thaw/plugin.h>

typedef struct settings {
  const char *separators;
} settings;
static const thaw_param_spec parameters[] = {{.name = "separators",
                                              .type = THAW_PARAM_TEXT,
                                              .offset = offsetof(settings, separators),
                                              .default_value = ".,;:!?",
                                              .unit = "",
                                              .doc = "Characters (ASCII) at which words end."},
                                             {.name = NULL}};

static bool separates(const settings *s, char c) {
  return (unsigned char)c <= ' ' || strchr(s->separators, c);
}
/* Gives the pieces of `bytes` bytes of UTF-8 to the sink, in order. */
static thaw_status pieces(void *self, const void *settings_, const char *text, size_t bytes,
                          thaw_piece_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)ctx; /* nothing is learned, and nothing can fail */
  for (size_t begin = 0, end; begin < bytes; begin = end) {
    end = begin + 1;
    while (end < bytes && !separates(settings_, text[begin]) && !separates(settings_, text[end]))
      end++;
    if (end - begin > 2 && memcmp(text + begin, "xx", 2) == 0) end = begin + 2;
    if (text[begin]) sink(user, text + begin, end - begin);
  }
  return THAW_OK;
}
static thaw_status join(void *self, const void *settings_, const char *const *list, size_t count,
                        thaw_byte_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)settings_, (void)ctx;
  for (size_t i = 0; i < count; i++) sink(user, list[i], strlen(list[i]));
  return THAW_OK;
}
static thaw_status validate(const void *settings_, thaw_context *ctx) {
  for (const char *c = ((const settings *)settings_)->separators; *c; c++) {
    if (*c & 0x80) return thaw_fail(ctx, THAW_INVALID, "separators: '%s' is not all ASCII", c);
  }
  return THAW_OK;
}
static const thaw_tokenizer api = {.pieces = pieces, .join = join};
THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "my_plugin",
    .version = "1", /* change it when results change: what is cached is then trained anew */
    .summary = "Words between blanks and given characters, and these",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.tokenizer = &api,
    .validate = validate};
