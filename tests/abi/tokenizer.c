/* Keeps the longest word that it has seen as its state: the fit, save and load of a tokenizer. */
#include <stdint.h>
#include <string.h>
#include <thaw/plugin.h>

typedef struct settings {
  bool lower;
  int64_t most;
  const char *between;
  thaw_texts marks;
} settings;

typedef struct state {
  uint64_t longest;
} state;

static const char *const marks[] = {"dot", "comma", NULL};
static const char *const between[] = {"blank", "bar", NULL};
static const char *const markers[] = {"xxabi", NULL};

static const thaw_param_spec parameters[] = {
    {.name = "lower",
     .type = THAW_PARAM_BOOL,
     .offset = offsetof(settings, lower),
     .default_value = "false",
     .unit = "",
     .doc = "Lower case of ASCII letters."},
    {.name = "most",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, most),
     .default_value = "20",
     .minimum = 1,
     .maximum = 100,
     .unit = "bytes",
     .doc = "Longest piece."},
    {.name = "between",
     .type = THAW_PARAM_CHOICE,
     .offset = offsetof(settings, between),
     .default_value = "blank",
     .unit = "",
     .doc = "What join puts between pieces.",
     .choices = between},
    {.name = "marks",
     .type = THAW_PARAM_CHOICES,
     .offset = offsetof(settings, marks),
     .default_value = "[dot]",
     .unit = "",
     .doc = "Marks that are pieces.",
     .choices = marks},
    {.name = NULL},
};

static thaw_status fit(void *self, const void *settings_, thaw_document_source next, void *user,
                       thaw_context *ctx) {
  (void)settings_;
  state *s = self;
  size_t bytes;
  while (next(user, &bytes)) {
    if (bytes > s->longest) s->longest = bytes;
  }
  return s->longest ? THAW_OK : thaw_fail(ctx, THAW_INVALID, "there is no text");
}

static thaw_status save(const void *self, const void *settings_, thaw_byte_sink sink, void *user,
                        thaw_context *ctx) {
  (void)settings_, (void)ctx;
  sink(user, self, sizeof(state));
  return THAW_OK;
}

static thaw_status load(void *self, const void *settings_, const char *bytes, size_t count,
                        thaw_context *ctx) {
  (void)settings_;
  if (count != sizeof(state)) return thaw_fail(ctx, THAW_INVALID, "%zu bytes", count);
  memcpy(self, bytes, count);
  return THAW_OK;
}

static thaw_status pieces(void *self, const void *settings_, const char *text, size_t bytes,
                          thaw_piece_sink sink, void *user, thaw_context *ctx) {
  const settings *s = settings_;
  (void)ctx;
  if (((const state *)self)->longest == 0) return thaw_fail(ctx, THAW_INVALID, "no state");
  for (size_t i = 0; i < bytes;) {
    size_t end = i;
    while (end < bytes && text[end] != ' ' && end - i < (size_t)s->most) end++;
    if (end > i) sink(user, text + i, end - i);
    i = end < bytes && text[end] == ' ' ? end + 1 : end;
  }
  return THAW_OK;
}

static thaw_status join(void *self, const void *settings_, const char *const *list, size_t count,
                        thaw_byte_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)ctx;
  const settings *s = settings_;
  for (size_t i = 0; i < count; i++) {
    if (i > 0) sink(user, strcmp(s->between, "bar") == 0 ? "|" : " ", 1);
    sink(user, list[i], strlen(list[i]));
  }
  return THAW_OK;
}

static void destroy(void *self) {
  (void)self;
}

static const thaw_tokenizer tokenizer = {.self_size = sizeof(state),
                                         .markers = markers,
                                         .fit = fit,
                                         .save = save,
                                         .load = load,
                                         .pieces = pieces,
                                         .join = join,
                                         .destroy = destroy};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "abi_tokenizer",
    .version = "1",
    .summary = "Words between blanks, of a plugin built for thaw 0.1.0",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.tokenizer = &tokenizer,
};
