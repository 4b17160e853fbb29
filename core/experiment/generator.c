/* generator.c: see generator.h.
 *
 * An encoder that carries its state reads every token once: each step is one token long. One that
 * has taken no carry slot while it read the beginning carries nothing, and at every step reads the
 * window of the last tokens again, as many as a step of its training had (bptt).
 *
 * A backward model writes from the end of a document to its beginning: after the start of the
 * document behind it comes the prompt's last token. Ids are in the order of reading, texts are
 * turned around. A bidirectional one writes with its forward half. */
#include "experiment/generator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "experiment/run_model.h"
#include "plugin/carry.h"

struct thaw_generator {
  thaw_experiment *experiment;
  thaw_run_model m;
  thaw_carry *carry;
  thaw_corpus text; /* one document: what has been read and drawn since the text began */
  size_t space;     /* ids that there is room for */
  size_t begin;     /* where the document that is being written begins in it */
  thaw_rng rng;
  float *logits;     /* [V] of the next token */
  thaw_ranked *room; /* [V] */
};

/* ---- Life ------------------------------------------------------------------------------------ */

static thaw_status load(thaw_context *ctx, const char *path, thaw_registry *registry,
                        thaw_generator *g) {
  thaw_run_file *run = NULL;
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status == THAW_OK) status = thaw_run_model_experiment(ctx, run, registry, &g->experiment);
  if (status == THAW_OK) status = thaw_run_model_language_model(ctx, run, g->experiment, &g->m);
  thaw_run_close(run);
  if (status) return status;
  const size_t words = thaw_vocabulary_size(g->m.vocabulary);
  g->carry = thaw_carry_create();
  g->logits = malloc(words * sizeof *g->logits);
  g->room = malloc(words * sizeof *g->room);
  return g->carry && g->logits && g->room ? THAW_OK
                                          : thaw_fail_memory(ctx, words * sizeof *g->room);
}

thaw_status thaw_generator_open(thaw_context *ctx, const char *path, thaw_registry *registry,
                                thaw_generator **generator) {
  *generator = NULL;
  thaw_generator *g = calloc(1, sizeof *g);
  if (!g) return thaw_fail_memory(ctx, sizeof *g);
  thaw_status status = load(ctx, path, registry, g);
  if (status) {
    thaw_generator_free(g);
    return status;
  }
  *generator = g;
  return THAW_OK;
}

void thaw_generator_free(thaw_generator *generator) {
  if (!generator) return;
  thaw_corpus_free(&generator->text);
  thaw_carry_free(generator->carry);
  thaw_run_model_free(&generator->m);
  thaw_experiment_free(generator->experiment);
  free(generator->logits);
  free(generator->room);
  free(generator);
}

bool thaw_generator_is_backward(const thaw_generator *generator) {
  return generator->m.model->info.direction == THAW_BACKWARD;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void turn_around(int32_t *ids, size_t count) {
  for (size_t i = 0; i < count / 2; i++) {
    const int32_t id = ids[i];
    ids[i] = ids[count - 1 - i];
    ids[count - 1 - i] = id;
  }
}

static size_t length_of(const thaw_generator *g) {
  return g->text.offsets[1];
}

/* Reads `count` tokens in one step; the logits become those of the token that follows. */
static thaw_status forward(thaw_context *ctx, thaw_generator *g, const int32_t *ids, size_t count) {
  const thaw_model *model = g->m.model;
  const thaw_encoder_input input = {
      .ids = ids, .time = count, .batch = 1, .carry = g->carry, .language_model = true};
  thaw_states states = {0};
  thaw_tape *tape = g->m.tape;
  thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(0, 0));
  thaw_tensor *logits = NULL;
  if (model->encoder->forward(model->encoder_self, g->m.stage->encoder_settings, tape, &input,
                              &states) == THAW_OK) {
    logits = thaw_linear(tape, thaw_slice(tape, states.output, 0, count - 1, count),
                         model->decoder_weight, model->decoder_bias);
  }
  if (!logits) return thaw_fail(ctx, THAW_FAILED, "generating: %s", thaw_tape_error(tape));
  memcpy(g->logits, logits->data, model->vocabulary * sizeof *g->logits);
  g->logits[THAW_ID_UNKNOWN] = g->logits[THAW_ID_PADDING] = -INFINITY;
  return THAW_OK;
}

/* The window of the last tokens, for encoders that carry nothing. */
static thaw_status read_window(thaw_context *ctx, thaw_generator *g) {
  const size_t most = (size_t)g->m.stage->bptt, length = length_of(g);
  const size_t count = length < most ? length : most;
  return forward(ctx, g, g->text.ids + length - count, count);
}

/* The beginning, in steps as long as in training. */
static thaw_status read_beginning(thaw_context *ctx, thaw_generator *g) {
  const size_t most = (size_t)g->m.stage->bptt, length = length_of(g);
  thaw_status status = THAW_OK;
  thaw_carry_reset(g->carry);
  for (size_t i = 0; i < length && status == THAW_OK; i += most)
    status = forward(ctx, g, g->text.ids + i, length - i < most ? length - i : most);
  if (status == THAW_OK && length > most && thaw_carry_count(g->carry) == 0)
    status = read_window(ctx, g);
  return status;
}

thaw_status thaw_generator_begin(thaw_context *ctx, thaw_generator *g, const char *prompt,
                                 size_t bytes, uint64_t seed) {
  thaw_corpus_free(&g->text);
  thaw_status status =
      thaw_corpus_add(ctx, &g->text, g->m.tokenizing, g->m.vocabulary, prompt, bytes, -1);
  if (status) return status;
  g->space = length_of(g);
  g->begin = 1; /* behind xxbos */
  if (thaw_generator_is_backward(g)) turn_around(g->text.ids + 1, length_of(g) - 1);
  g->rng = thaw_rng_make(seed, 0);
  if (g->text.unknown > 0)
    thaw_log(ctx, THAW_LOG_WARNING, "%zu of the prompt's %zu tokens are not in the vocabulary",
             g->text.unknown, length_of(g) - 1);
  return read_beginning(ctx, g);
}

/* ---- Drawing --------------------------------------------------------------------------------- */

static int by_falling_logit(const void *a, const void *b) {
  const thaw_ranked *x = a, *y = b;
  if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static double weight_of(const thaw_ranked *one, float highest, double temperature) {
  return exp(((double)one->logit - (double)highest) / temperature);
}

/* How many of the first `count` reach the share `p` of their weight together; at least 1. */
static size_t count_nucleus(const thaw_ranked *ranked, size_t count, float highest,
                            const thaw_drawing *drawing, double *total) {
  const double wanted = drawing->top_p * *total;
  size_t kept = 0;
  *total = 0;
  while (kept < count && (kept == 0 || *total < wanted))
    *total += weight_of(&ranked[kept++], highest, drawing->temperature);
  return kept;
}

size_t thaw_draw(const float *logits, size_t count, const thaw_drawing *drawing, double u,
                 thaw_ranked *room) {
  size_t kept = 0, best = 0;
  for (size_t i = 0; i < count; i++) {
    if (isinf(logits[i])) continue;
    room[kept] = (thaw_ranked){logits[i], i};
    if (room[kept].logit > room[best].logit) best = kept;
    kept++;
  }
  const thaw_ranked highest = room[best];
  if (drawing->temperature <= 0) return highest.id;
  if (drawing->top_k > 0 || drawing->top_p < 1) qsort(room, kept, sizeof *room, by_falling_logit);
  if (drawing->top_k > 0 && drawing->top_k < kept) kept = drawing->top_k;
  double total = 0;
  for (size_t i = 0; i < kept; i++)
    total += weight_of(&room[i], highest.logit, drawing->temperature);
  if (drawing->top_p < 1) kept = count_nucleus(room, kept, highest.logit, drawing, &total);
  double left = u * total;
  size_t drawn = 0;
  for (; drawn + 1 < kept; drawn++) {
    left -= weight_of(&room[drawn], highest.logit, drawing->temperature);
    if (left < 0) break;
  }
  return room[drawn].id;
}

static thaw_status append(thaw_context *ctx, thaw_generator *g, int32_t id) {
  if (length_of(g) == g->space) {
    const size_t space = 2 * g->space;
    int32_t *ids = realloc(g->text.ids, space * sizeof *ids);
    if (!ids) return thaw_fail_memory(ctx, space * sizeof *ids);
    g->text.ids = ids;
    g->space = space;
  }
  g->text.ids[g->text.offsets[1]++] = id;
  return THAW_OK;
}

thaw_status thaw_generator_next(thaw_context *ctx, thaw_generator *g, const thaw_drawing *drawing,
                                bool *ended) {
  if (thaw_interrupted(ctx)) return thaw_fail(ctx, THAW_INTERRUPTED, "stopped while generating");
  if (*ended) g->begin = length_of(g);
  const double u = (double)(thaw_rng_next(&g->rng) >> 11) * 0x1p-53;
  const size_t words = thaw_vocabulary_size(g->m.vocabulary);
  const int32_t id = (int32_t)thaw_draw(g->logits, words, drawing, u, g->room);
  *ended = id == THAW_ID_START;
  thaw_status status = append(ctx, g, id);
  if (status) return status;
  return thaw_carry_count(g->carry) > 0 ? forward(ctx, g, &id, 1) : read_window(ctx, g);
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* What a tokenizer joins, and whether there was memory for it. */
typedef struct joining {
  thaw_buffer *text;
  bool ok;
} joining;

static void put(void *user, const char *bytes, size_t count) {
  joining *j = user;
  j->ok = j->ok && thaw_buffer_append(j->text, bytes, count);
}

thaw_status thaw_generator_text(thaw_context *ctx, const thaw_generator *g, thaw_buffer *text) {
  const thaw_tokenizing *t = g->m.tokenizing;
  const size_t length = length_of(g);
  const char **pieces = malloc((length + 1) * sizeof *pieces);
  if (!pieces) return thaw_fail_memory(ctx, length * sizeof *pieces);
  const bool backward = thaw_generator_is_backward(g);
  size_t count = 0;
  for (size_t i = g->begin; i < length; i++) {
    const int32_t id = g->text.ids[backward ? length - 1 - (i - g->begin) : i];
    if (id != THAW_ID_START) pieces[count++] = thaw_vocabulary_piece(g->m.vocabulary, id);
  }
  joining j = {.text = text, .ok = thaw_buffer_text(text, "")};
  thaw_status status = t->api->join(t->self, t->settings, pieces, count, put, &j, ctx);
  free(pieces);
  return status || j.ok ? status : thaw_fail_memory(ctx, text->size);
}
