/* whitespace: what stands between white space is a piece, whatever it is.
 *
 *     tokenizer: {plugin: whitespace}
 *     tokenizer: {plugin: whitespace, lower: true}
 *
 *     Don't panic, it is 3\n o'clock  →  Don't | panic, | it | is | 3 | o'clock
 *
 * For text that has been cut already, such as WikiText or the Penn Treebank, and as a baseline.
 * White space is what Unicode calls so (White_Space: blanks of every width, tabs, line ends), and
 * the NUL character. `lower` is Unicode's lower case, of the whole text at once: a sigma at the end
 * of a word becomes ς.
 *
 * `join` puts one blank between pieces, so that the text comes back with its white space evened
 * out. A word that is a piece with a meaning of its own (xxunk, xxpad, xxbos) is cut in two, xx and
 * pad, which `join` puts together again. */
#include <stdlib.h>
#include <string.h>
#include <thaw/plugin.h>
#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

typedef struct settings {
  bool lower;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "lower",
     .type = THAW_PARAM_BOOL,
     .offset = offsetof(settings, lower),
     .default_value = "false",
     .unit = "",
     .doc = "Lower case."},
    {.name = NULL},
};

/* Pieces of every vocabulary that a text must not be able to write. */
static const char *const reserved[] = {"xxunk", "xxpad", "xxbos"};
enum { PREFIX = 2 /* bytes of "xx" */ };

static bool is_reserved(const char *text, size_t bytes) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    if (strlen(reserved[i]) == bytes && memcmp(reserved[i], text, bytes) == 0) return true;
  }
  return false;
}

/* Is it white space? `*bytes` receives how long the character is. */
static bool is_space(const uint8_t *p, const uint8_t *end, size_t *bytes) {
  ucs4_t c = *p;
  *bytes = c < 0x80 ? 1 : (size_t)u8_mbtouc(&c, p, (size_t)(end - p));
  return c == 0 || uc_is_property_white_space(c);
}

static void put_word(const uint8_t *begin, const uint8_t *end, thaw_piece_sink sink, void *user) {
  const char *word = (const char *)begin;
  size_t bytes = (size_t)(end - begin);
  if (bytes == 0) return;
  if (is_reserved(word, bytes)) {
    sink(user, word, PREFIX);
    word += PREFIX;
    bytes -= PREFIX;
  }
  sink(user, word, bytes);
}

static thaw_status pieces(void *self, const void *settings_, const char *text, size_t bytes,
                          thaw_piece_sink sink, void *user, thaw_context *ctx) {
  (void)self;
  const settings *s = settings_;
  uint8_t *lower = NULL;
  if (s->lower && bytes > 0) {
    lower = u8_tolower((const uint8_t *)text, bytes, NULL, NULL, NULL, &bytes);
    if (!lower) return thaw_fail_memory(ctx, bytes);
  }
  const uint8_t *word = lower ? lower : (const uint8_t *)text, *end = word + bytes;
  size_t length;
  for (const uint8_t *p = word; p < end; p += length) {
    if (!is_space(p, end, &length)) continue;
    put_word(word, p, sink, user);
    word = p + length;
  }
  put_word(word, end, sink, user);
  free(lower);
  return THAW_OK;
}

/* Are "xx" and this piece the two halves of one word? */
static bool completes(const char *piece) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    if (strcmp(piece, reserved[i] + PREFIX) == 0) return true;
  }
  return false;
}

static thaw_status join(void *self, const void *settings_, const char *const *list, size_t count,
                        thaw_byte_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)settings_, (void)ctx;
  for (size_t i = 0; i < count; i++) {
    const bool half = i > 0 && strcmp(list[i - 1], "xx") == 0 && completes(list[i]);
    const char *word = strcmp(list[i], "xxunk") == 0 ? "<unk>" : list[i];
    if (i > 0 && !half) sink(user, " ", 1);
    sink(user, word, strlen(word));
  }
  return THAW_OK;
}

static const thaw_tokenizer tokenizer = {.pieces = pieces, .join = join};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "whitespace",
    .version = "1",
    .summary = "What stands between white space",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.tokenizer = &tokenizer,
};
