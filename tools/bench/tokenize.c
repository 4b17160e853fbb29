/* tokenize.c: how fast a tokenizer plugin cuts text, and how fast a vocabulary counts the pieces.
 *
 *     bench-tokenize PLUGIN FILE
 *
 * Every line of the file is a document. It is read into memory first; then one pass cuts it into
 * pieces alone, and a second one also counts them and makes the vocabulary (30,000 pieces, those
 * that occur twice or more). Prints tab-separated: what, MB (10⁶ bytes) per second, pieces. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/context.h"
#include "plugin/registry.h"
#include "plugin/settings.h"
#include "text/reader.h"
#include "text/tokenizing.h"

enum { MIN_COUNT = 2, MAX_VOCABULARY = 30000 };

typedef struct counting {
  thaw_context *ctx;
  thaw_vocabulary *vocabulary; /* NULL: pieces are only counted */
  thaw_status status;
  size_t pieces;
} counting;

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void take_piece(void *user, const char *piece, size_t bytes) {
  counting *c = user;
  c->pieces++;
  if (c->vocabulary && c->status == THAW_OK)
    c->status = thaw_vocabulary_count(c->ctx, c->vocabulary, piece, bytes);
}

/* All documents' texts, each with a NUL behind it. */
static thaw_status read_texts(thaw_context *ctx, const char *path, thaw_buffer *texts) {
  const thaw_source source = {.format = THAW_FORMAT_TEXT, .path = path, .encoding = "utf-8"};
  thaw_reader *reader = NULL;
  const thaw_document *document;
  thaw_status status = thaw_reader_open(ctx, &source, &reader);
  while (status == THAW_OK) {
    status = thaw_reader_next(ctx, reader, &document);
    if (status || !document) break;
    if (!thaw_buffer_append(texts, document->text, document->bytes + 1))
      status = thaw_fail_memory(ctx, document->bytes);
  }
  thaw_reader_close(reader);
  return status;
}

/* One pass over all documents; with a vocabulary, up to its ids. */
static thaw_status pass(const thaw_tokenizing *t, const thaw_buffer *texts, counting *c,
                        const char *what) {
  size_t bytes = 0;
  thaw_status status = THAW_OK;
  const double begin = seconds_now();
  for (const char *text = texts->data; text < texts->data + texts->size && status == THAW_OK;) {
    const size_t length = strlen(text);
    bytes += length;
    status = t->api->pieces(t->self, t->settings, text, length, take_piece, c, c->ctx);
    text += length + 1;
  }
  if (status == THAW_OK) status = c->status;
  if (status == THAW_OK && c->vocabulary)
    status = thaw_vocabulary_finish(c->ctx, c->vocabulary, MIN_COUNT, MAX_VOCABULARY);
  const double taken = seconds_now() - begin;
  if (status == THAW_OK) printf("%s\t%.3f\t%zu\n", what, 1e-6 * (double)bytes / taken, c->pieces);
  return status;
}

static thaw_status measure(thaw_context *ctx, const thaw_tokenizing *t, const char *path) {
  thaw_buffer texts = {0};
  counting alone = {.ctx = ctx}, counted = {.ctx = ctx};
  thaw_status status = read_texts(ctx, path, &texts);
  if (status == THAW_OK) status = pass(t, &texts, &alone, "pieces");
  if (status == THAW_OK) {
    counted.vocabulary = thaw_vocabulary_create(t->api->markers);
    status = counted.vocabulary ? pass(t, &texts, &counted, "pieces and vocabulary")
                                : thaw_fail_memory(ctx, 0);
  }
  thaw_vocabulary_free(counted.vocabulary);
  thaw_buffer_free(&texts);
  return status;
}

static thaw_status run(thaw_context *ctx, const char *name, const char *path) {
  thaw_arena *arena = thaw_arena_create();
  thaw_registry *registry = thaw_registry_create(NULL);
  const thaw_plugin *plugin;
  thaw_tokenizing *tokenizing = NULL;
  void *settings;
  thaw_status status = arena && registry ? THAW_OK : thaw_fail_memory(ctx, 0);
  if (status == THAW_OK) status = thaw_registry_find(registry, ctx, THAW_TOKENIZER, name, &plugin);
  if (status == THAW_OK) status = thaw_settings_create(ctx, arena, plugin->descriptor, &settings);
  if (status == THAW_OK)
    status = thaw_tokenizing_create(ctx, plugin->descriptor->api.tokenizer, settings, &tokenizing);
  if (status == THAW_OK && thaw_tokenizing_learns(tokenizing))
    status = thaw_fail(ctx, THAW_INVALID, "the tokenizer %s has to learn first", name);
  if (status == THAW_OK) status = measure(ctx, tokenizing, path);
  thaw_tokenizing_free(tokenizing);
  thaw_registry_free(registry);
  thaw_arena_free(arena);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("Usage: bench-tokenize PLUGIN FILE\n", stderr);
    return 2;
  }
  thaw_context *ctx = thaw_context_create();
  if (!ctx) return 1;
  const thaw_status status = run(ctx, argv[1], argv[2]);
  if (status) fprintf(stderr, "bench-tokenize: %s\n", thaw_error(ctx));
  thaw_context_free(ctx);
  return (int)status;
}
