/* tokenizer_bench.c: see tokenizer_bench.h. */
#include "tokenizer_bench.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "plugin/registry.h"
#include "plugin/settings.h"

thaw_context *ctx;
const thaw_plugin_descriptor *plugin;
void *self, *settings;
const char *between = " ";

static thaw_registry *registry;
static thaw_arena *arena;
static thaw_buffer text_buffer, pieces_buffer;

void bench_begin(const char *name) {
  const thaw_plugin *found;
  ctx = thaw_context_create();
  registry = thaw_registry_create(NULL);
  arena = thaw_arena_create();
  ck_assert_msg(thaw_registry_find(registry, ctx, THAW_TOKENIZER, name, &found) == THAW_OK, "%s",
                thaw_error(ctx));
  plugin = found->descriptor;
  self = calloc(1, plugin->api.tokenizer->self_size + 1);
  ck_assert_int_eq(thaw_settings_create(ctx, arena, plugin, &settings), THAW_OK);
}

void bench_forget(void) {
  if (plugin->api.tokenizer->destroy) plugin->api.tokenizer->destroy(self);
  memset(self, 0, plugin->api.tokenizer->self_size);
}

void bench_end(void) {
  bench_forget();
  free(self);
  thaw_buffer_free(&text_buffer);
  thaw_buffer_free(&pieces_buffer);
  thaw_arena_free(arena);
  thaw_registry_free(registry);
  thaw_context_free(ctx);
}

void set(const char *name, const char *text) {
  const thaw_param_spec *spec = thaw_param_find(plugin->params, name);
  if (!spec) ck_abort_msg("no parameter %s", name);
  const thaw_value value = {.count = 1, .texts = &text};
  ck_assert_msg(thaw_settings_set(ctx, arena, spec, settings, &value) == THAW_OK, "%s",
                thaw_error(ctx));
}

static void collect(void *user, const char *piece, size_t bytes) {
  thaw_buffer *out = user;
  if (out->size) thaw_buffer_text(out, between);
  if (!thaw_buffer_append(out, piece, bytes)) ck_abort_msg("no memory");
}

const char *cut_bytes(const char *text, size_t bytes) {
  thaw_buffer_clear(&pieces_buffer);
  ck_assert_msg(plugin->api.tokenizer->pieces(self, settings, text, bytes, collect, &pieces_buffer,
                                              ctx) == THAW_OK,
                "%s", thaw_error(ctx));
  return pieces_buffer.size ? pieces_buffer.data : "";
}

const char *cut(const char *text) {
  return cut_bytes(text, strlen(text));
}

static void append(void *user, const char *bytes, size_t count) {
  if (!thaw_buffer_append(user, bytes, count)) ck_abort_msg("no memory");
}

const char *join(const char *pieces) {
  char *copy = strdup(pieces), *rest = NULL;
  const char **list = calloc(strlen(pieces) + 1, sizeof *list);
  size_t count = 0;
  for (char *p = strtok_r(copy, between, &rest); p; p = strtok_r(NULL, between, &rest))
    list[count++] = p;
  thaw_buffer_clear(&text_buffer);
  ck_assert_int_eq(
      plugin->api.tokenizer->join(self, settings, list, count, append, &text_buffer, ctx), THAW_OK);
  free(list);
  free(copy);
  return text_buffer.size ? text_buffer.data : "";
}

/* A character of a kind that the seed chooses; NUL among them. */
static ucs4_t random_character(thaw_rng *rng) {
  static const ucs4_t odd[] = {'\'',   '.',    ',',    '&',     '#',     ';',     '<',
                               '>',    '\\',   '@',    '-',     0x1a,    0,       0x2019,
                               0x301,  0x200d, 0xfe0f, 0x1f468, 0x1f1e9, 0x1f3fd, 0x202f,
                               0x200b, 0xfeff, 0x130,  0x1e9e,  0x3a3,   0xad};
  const uint64_t kind = thaw_rng_below(rng, 8);
  if (kind < 3) return (ucs4_t)(' ' + thaw_rng_below(rng, 95));
  if (kind == 3) return (ucs4_t)thaw_rng_below(rng, 0x20);
  if (kind < 6) return odd[thaw_rng_below(rng, sizeof odd / sizeof *odd)];
  ucs4_t c;
  do c = (ucs4_t)thaw_rng_below(rng, kind == 6 ? 0x3100 : 0x110000);
  while (c >= 0xd800 && c < 0xe000);
  return c;
}

size_t random_text(uint64_t seed, uint8_t *text, size_t space) {
  static const char *const bits[] = {"xxmaj",    "<unk>", "n't",    "'s",    "&#39;", "amp;",
                                     "ah ah ah", "oooo",  "<br />", " @-@ ", "..."};
  thaw_rng rng = thaw_rng_make(seed, 5);
  size_t bytes = 0;
  const size_t wanted = thaw_rng_below(&rng, space - 32);
  while (bytes < wanted) {
    if (thaw_rng_below(&rng, 8) == 0) {
      const char *bit = bits[thaw_rng_below(&rng, sizeof bits / sizeof *bits)];
      memcpy(text + bytes, bit, strlen(bit));
      bytes += strlen(bit);
      continue;
    }
    const ucs4_t c = random_character(&rng);
    for (uint64_t i = thaw_rng_below(&rng, 12) ? 1 : thaw_rng_below(&rng, 4); i > 0; i--) {
      bytes += (size_t)u8_uctomb(text + bytes, c, 4);
    }
  }
  return bytes;
}
