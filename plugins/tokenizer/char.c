/* char: every character is a piece, blanks included.
 *
 *     tokenizer: {plugin: char}
 *     tokenizer: {plugin: char, unit: code_point}
 *
 * A character is what a reader takes for one, a grapheme cluster of Unicode (UAX #29): a letter
 * with its accents, an emoji with all that modifies it, a Korean syllable, a line end of two
 * control characters. With code points instead the vocabulary is smaller and a character of several
 * of them is learned piece by piece. Texts are not otherwise changed: `join` gives them back, but
 * for NUL characters, which are left out.
 *
 * A line of text is some five times as many pieces as with words: larger bptt, and max_length. */
#include <stdlib.h>
#include <string.h>
#include <thaw/plugin.h>
#include <unigbrk.h>

typedef struct settings {
  const char *unit;
} settings;

static const char *const units[] = {"grapheme", "code_point", NULL};

static const thaw_param_spec parameters[] = {
    {.name = "unit",
     .type = THAW_PARAM_CHOICE,
     .offset = offsetof(settings, unit),
     .default_value = "grapheme",
     .unit = "",
     .doc = "What a character is: a grapheme cluster, or a code point.",
     .choices = units},
    {.name = NULL},
};

/* One flag a byte, set where a grapheme begins; NULL: no memory. */
static char *find_graphemes(const char *text, size_t bytes) {
  char *begins = malloc(bytes + 1);
  if (begins) u8_grapheme_breaks((const uint8_t *)text, bytes, begins);
  return begins;
}

static bool begins_code_point(char byte) {
  return (byte & 0xc0) != 0x80;
}

static thaw_status pieces(void *self, const void *settings_, const char *text, size_t bytes,
                          thaw_piece_sink sink, void *user, thaw_context *ctx) {
  (void)self;
  const settings *s = settings_;
  char *begins = NULL;
  if (strcmp(s->unit, "grapheme") == 0) {
    begins = find_graphemes(text, bytes);
    if (!begins) return thaw_fail_memory(ctx, bytes);
  }
  for (size_t i = 0, next; i < bytes; i = next) {
    for (next = i + 1; next < bytes; next++) {
      if (begins ? begins[next] : begins_code_point(text[next])) break;
    }
    if (text[i]) sink(user, text + i, next - i);
  }
  free(begins);
  return THAW_OK;
}

static thaw_status join(void *self, const void *settings_, const char *const *list, size_t count,
                        thaw_byte_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)settings_, (void)ctx;
  for (size_t i = 0; i < count; i++) {
    const char *piece = strcmp(list[i], "xxunk") == 0 ? "\uFFFD" : list[i];
    sink(user, piece, strlen(piece));
  }
  return THAW_OK;
}

static const thaw_tokenizer tokenizer = {.pieces = pieces, .join = join};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "char",
    .version = "1",
    .summary = "Characters, blanks included",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.tokenizer = &tokenizer,
};
