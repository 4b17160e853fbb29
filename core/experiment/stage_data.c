/* stage_data.c: see stage_data.h. Text is read first; then it is decided which documents count,
 * which words are known, and text becomes ids. */
#include "experiment/stage_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/documents.h"

/* A stage's text, while its data are being made. */
typedef struct reading {
  thaw_context *ctx;
  const thaw_experiment *experiment;
  const thaw_stage_config *stage;
  const thaw_dataset *dataset;
  thaw_documents train, valid, test;
  int32_t *labels; /* [train.count] */
  bool *held;      /* [train.count]: held out for validation */
  bool *used;      /* [train.count]: learned from */
  thaw_tokenizing *tokenizing;
} reading;

static bool is_classifier(const reading *r) {
  return r->stage->kind == THAW_STAGE_CLASSIFY;
}

thaw_source thaw_dataset_source(const thaw_dataset *dataset, const char *path, bool labelled) {
  thaw_source source = dataset->common;
  source.path = path;
  source.unlabelled = !labelled;
  if (!labelled) source.label = NULL;
  return source;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static thaw_status read_file(reading *r, thaw_documents *documents, const char *path,
                             bool labelled) {
  const thaw_source source = thaw_dataset_source(r->dataset, path, labelled);
  return thaw_documents_read(r->ctx, documents, &source);
}

static thaw_status read_text(reading *r) {
  const thaw_dataset *dataset = r->dataset;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < dataset->train_count && status == THAW_OK; i++)
    status = read_file(r, &r->train, dataset->train[i], true);
  if (status == THAW_OK && dataset->valid) status = read_file(r, &r->valid, dataset->valid, true);
  if (status == THAW_OK && dataset->test && is_classifier(r))
    status = read_file(r, &r->test, dataset->test, true);
  return status;
}

/* After the labelled documents have been divided, for these are never held out. */
static thaw_status read_unlabelled(reading *r) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < r->dataset->unlabelled_count && status == THAW_OK; i++)
    status = read_file(r, &r->train, r->dataset->unlabelled[i], false);
  return status;
}

/* ---- Which documents ------------------------------------------------------------------------ */

static thaw_status reserve(reading *r, size_t count) {
  r->labels = malloc((count + 1) * sizeof *r->labels);
  r->held = calloc(count + 1, sizeof *r->held);
  r->used = calloc(count + 1, sizeof *r->used);
  return r->labels && r->held && r->used ? THAW_OK
                                         : thaw_fail_memory(r->ctx, count * sizeof *r->labels);
}

static thaw_status check_classes(const reading *r, const thaw_classes *classes) {
  char key[160];
  snprintf(key, sizeof key, "data.%s.label", r->dataset->name);
  if (classes->count == 1) {
    return thaw_experiment_fail(r->ctx, r->experiment, key,
                                "all training documents have the class '%s'; a classifier needs at "
                                "least two classes",
                                classes->names[0]);
  }
  if (classes->count == 0) {
    return thaw_experiment_fail(r->ctx, r->experiment, key,
                                "no training document has a class; a classifier needs labels");
  }
  return THAW_OK;
}

/* One line, whatever their number. */
static void warn_of_rare_classes(const reading *r, const thaw_classes *classes) {
  enum { SHOWN = 8 };
  thaw_buffer names = {0};
  size_t rare = 0;
  for (size_t c = 0; c < classes->count; c++) {
    size_t count = 0;
    for (size_t d = 0; d < r->train.count; d++) count += r->labels[d] == (int32_t)c;
    if (count == 1 && rare++ < SHOWN)
      thaw_buffer_format(&names, "%s'%s'", rare > 1 ? ", " : "", classes->names[c]);
  }
  if (rare) {
    thaw_log(
        r->ctx, THAW_LOG_WARNING,
        "%zu of %zu classes have one training document each: %s%s; they cannot be held out for "
        "validation, and little can be learned of them",
        rare, classes->count, names.data ? names.data : "", rare > SHOWN ? ", …" : "");
  }
  thaw_buffer_free(&names);
}

/* Classes, which documents are held out, and which of the others a classifier learns from. */
static thaw_status divide(reading *r, thaw_classes *classes) {
  const thaw_dataset *dataset = r->dataset;
  const size_t count = r->train.count;
  thaw_status status = reserve(r, count);
  if (status == THAW_OK) status = thaw_documents_classes(r->ctx, &r->train, classes);
  if (status == THAW_OK && is_classifier(r)) status = check_classes(r, classes);
  if (status == THAW_OK) status = thaw_documents_labels(r->ctx, &r->train, classes, r->labels);
  if (status) return status;
  const uint64_t seed = (uint64_t)dataset->split_seed;
  if (!dataset->valid && dataset->valid_fraction > 0)
    thaw_split(r->labels, count, classes->count, dataset->valid_fraction, seed, r->held);
  if (is_classifier(r)) {
    warn_of_rare_classes(r, classes);
    const size_t wanted = dataset->labels ? (size_t)dataset->labels : count;
    thaw_sample(r->labels, r->held, count, classes->count, wanted, seed, r->used);
  } else {
    for (size_t d = 0; d < count; d++) r->used[d] = !r->held[d];
  }
  return THAW_OK;
}

/* A language model also learns from the unlabelled documents, which follow the others. */
static thaw_status add_unlabelled(reading *r) {
  const size_t labelled = r->train.count;
  if (is_classifier(r)) return THAW_OK;
  thaw_status status = read_unlabelled(r);
  if (status || r->train.count == labelled) return status;
  bool *used = realloc(r->used, r->train.count * sizeof *used);
  if (used) r->used = used;
  bool *held = realloc(r->held, r->train.count * sizeof *held);
  if (held) r->held = held;
  if (!used || !held) return thaw_fail_memory(r->ctx, r->train.count);
  for (size_t d = labelled; d < r->train.count; d++) {
    used[d] = true;
    held[d] = false;
  }
  return THAW_OK;
}

/* ---- Tokens and words ----------------------------------------------------------------------- */

/* The next document that is learned from. */
typedef struct cursor {
  const reading *reading;
  size_t next;
} cursor;

static const char *next_text(void *user, size_t *bytes) {
  cursor *c = user;
  const reading *r = c->reading;
  while (c->next < r->train.count && !r->used[c->next]) c->next++;
  if (c->next == r->train.count) return NULL;
  const thaw_document_place *place = thaw_documents_at(&r->train, c->next++);
  *bytes = place->bytes;
  return thaw_documents_text(&r->train, place->text);
}

static thaw_status make_tokenizer(reading *r, const thaw_stage_origin *origin,
                                  thaw_stage_data *data) {
  const thaw_plugin_use *use = &r->experiment->tokenizer;
  const thaw_tokenizer *api = use->plugin->descriptor->api.tokenizer;
  thaw_status status = thaw_tokenizing_create(r->ctx, api, use->settings, &r->tokenizing);
  if (status == THAW_OK && origin) {
    status = thaw_tokenizing_load(r->ctx, r->tokenizing, origin->tokenizer_state,
                                  origin->tokenizer_bytes);
  } else if (status == THAW_OK && thaw_tokenizing_learns(r->tokenizing)) {
    cursor c = {.reading = r};
    status = api->fit(r->tokenizing->self, use->settings, next_text, &c, r->ctx);
  }
  if (status == THAW_OK)
    status = thaw_tokenizing_save(r->ctx, r->tokenizing, &data->tokenizer_state);
  if (status) return thaw_explain(r->ctx, status, "tokenizer %s", use->plugin->descriptor->name);
  return THAW_OK;
}

/* A vocabulary that counts, and what went wrong. */
typedef struct counting {
  thaw_context *ctx;
  thaw_vocabulary *vocabulary;
  thaw_status status;
} counting;

static void count_piece(void *user, const char *piece, size_t bytes) {
  counting *c = user;
  if (c->status == THAW_OK) c->status = thaw_vocabulary_count(c->ctx, c->vocabulary, piece, bytes);
}

/* The words of the documents that are learned from. */
static thaw_status count_words(const reading *r, thaw_vocabulary **result) {
  const thaw_tokenizing *t = r->tokenizing;
  counting c = {.ctx = r->ctx, .vocabulary = thaw_vocabulary_create(t->api->markers)};
  if (!c.vocabulary) return thaw_fail_memory(r->ctx, 0);
  cursor texts = {.reading = r};
  size_t bytes = 0;
  for (const char *text; c.status == THAW_OK && (text = next_text(&texts, &bytes));) {
    thaw_status status = t->api->pieces(t->self, t->settings, text, bytes, count_piece, &c, r->ctx);
    if (status) c.status = status;
  }
  bool nothing_left = false;
  if (c.status == THAW_OK) {
    c.status = thaw_vocabulary_finish(r->ctx, c.vocabulary, (uint64_t)r->experiment->min_count,
                                      (size_t)r->experiment->max_vocab);
    nothing_left = c.status == THAW_INVALID;
  }
  if (c.status) {
    thaw_vocabulary_free(c.vocabulary);
    thaw_explain(r->ctx, c.status, "stage %s, data %s", r->stage->name, r->dataset->name);
    return nothing_left
               ? thaw_experiment_explain(r->ctx, c.status, r->experiment, "tokenizer.min_count")
               : c.status;
  }
  *result = c.vocabulary;
  return THAW_OK;
}

static thaw_status copy_words(thaw_context *ctx, const thaw_vocabulary *from,
                              thaw_vocabulary **to) {
  const size_t size = thaw_vocabulary_size(from);
  const char **pieces = malloc(size * sizeof *pieces);
  uint64_t *counts = malloc(size * sizeof *counts);
  thaw_status status = pieces && counts ? THAW_OK : thaw_fail_memory(ctx, size * sizeof *counts);
  for (size_t i = 0; status == THAW_OK && i < size; i++) {
    pieces[i] = thaw_vocabulary_piece(from, (int32_t)i);
    counts[i] = thaw_vocabulary_frequency(from, (int32_t)i);
  }
  if (status == THAW_OK) status = thaw_vocabulary_from_list(ctx, pieces, counts, size, to);
  free(pieces);
  free(counts);
  return status;
}

static thaw_status choose_words(const reading *r, const thaw_stage_origin *origin,
                                thaw_vocabulary **vocabulary) {
  const thaw_vocabulary_kind kind = origin ? r->stage->vocabulary : THAW_VOCABULARY_TARGET;
  if (kind == THAW_VOCABULARY_SOURCE) return copy_words(r->ctx, origin->vocabulary, vocabulary);
  thaw_vocabulary *own = NULL;
  thaw_status status = count_words(r, &own);
  if (status || kind == THAW_VOCABULARY_TARGET) {
    *vocabulary = own;
    return status;
  }
  status = thaw_vocabulary_join(r->ctx, own, origin->vocabulary, (size_t)r->experiment->max_vocab,
                                vocabulary);
  thaw_vocabulary_free(own);
  return status;
}

/* ---- Corpora -------------------------------------------------------------------------------- */

/* The documents d with chosen[d] (NULL: all), with `labels` in a classifier. */
static thaw_status make_corpus(const reading *r, const thaw_documents *documents,
                               const bool *chosen, const int32_t *labels,
                               const thaw_vocabulary *vocabulary, thaw_corpus *corpus) {
  thaw_status status = THAW_OK;
  for (size_t d = 0; d < documents->count && status == THAW_OK; d++) {
    if (chosen && !chosen[d]) continue;
    const thaw_document_place *place = thaw_documents_at(documents, d);
    status = thaw_corpus_add(r->ctx, corpus, r->tokenizing, vocabulary,
                             thaw_documents_text(documents, place->text), place->bytes,
                             is_classifier(r) ? labels[d] : -1);
  }
  return status;
}

/* A file of its own for validation or test. */
static thaw_status make_other_corpus(const reading *r, const thaw_documents *documents,
                                     const thaw_stage_data *data, thaw_corpus *corpus) {
  if (documents->count == 0) return THAW_OK;
  int32_t *labels = malloc(documents->count * sizeof *labels);
  if (!labels) return thaw_fail_memory(r->ctx, documents->count * sizeof *labels);
  thaw_status status = THAW_OK;
  if (is_classifier(r)) status = thaw_documents_labels(r->ctx, documents, &data->classes, labels);
  if (status == THAW_OK) status = make_corpus(r, documents, NULL, labels, data->vocabulary, corpus);
  free(labels);
  return status;
}

static thaw_status make_corpora(const reading *r, thaw_stage_data *data) {
  thaw_status status =
      make_corpus(r, &r->train, r->used, r->labels, data->vocabulary, &data->train);
  if (status) return status;
  if (r->dataset->valid) {
    status = make_other_corpus(r, &r->valid, data, &data->valid);
  } else {
    status = make_corpus(r, &r->train, r->held, r->labels, data->vocabulary, &data->valid);
  }
  return status ? status : make_other_corpus(r, &r->test, data, &data->test);
}

static size_t tokens_of(const thaw_corpus *corpus) {
  return corpus->count ? corpus->offsets[corpus->count] : 0;
}

/* What is too little to train on, or to validate with. */
static thaw_status check_amounts(const reading *r, const thaw_stage_data *data) {
  char key[64];
  snprintf(key, sizeof key, "stages.%s.batch", r->stage->name);
  const size_t batch = (size_t)r->stage->batch, documents = data->train.count;
  if (is_classifier(r) && documents < batch) {
    return thaw_experiment_fail(
        r->ctx, r->experiment, key,
        "a batch of %zu documents is more than the %zu that there are to train on: set batch to at "
        "most %zu",
        batch, documents, documents);
  }
  const size_t tokens = tokens_of(&data->train);
  if (!is_classifier(r) && tokens / 2 < batch) {
    return thaw_experiment_fail(
        r->ctx, r->experiment, key,
        "a batch of %zu streams needs at least %zu tokens, there are %zu to train on: set batch to "
        "at most %zu",
        batch, 2 * batch, tokens, tokens / 2);
  }
  if (!is_classifier(r) && data->valid.count && tokens_of(&data->valid) < 2) {
    snprintf(key, sizeof key, "data.%s", r->dataset->name);
    return thaw_experiment_fail(r->ctx, r->experiment, key,
                                "the validation text has no word, so there is no perplexity");
  }
  return THAW_OK;
}

/* A sample of the words is smaller than all of them. */
static thaw_status check_sample(const reading *r, const thaw_stage_data *data) {
  const size_t words = thaw_vocabulary_size(data->vocabulary);
  const size_t samples = (size_t)r->stage->sampled_softmax;
  if (samples < words) return THAW_OK;
  char key[64];
  snprintf(key, sizeof key, "stages.%s.sampled_softmax", r->stage->name);
  return thaw_experiment_fail(
      r->ctx, r->experiment, key,
      "%zu words are not fewer than the %zu of the vocabulary: leave it out, "
      "or set it to less than %zu",
      samples, words, words);
}

static void describe(const reading *r, const thaw_stage_data *data) {
  const thaw_corpus *train = &data->train;
  char others[128] = "";
  if (data->valid.count) snprintf(others, sizeof others, ", %zu for validation", data->valid.count);
  if (data->test.count) {
    const size_t length = strlen(others);
    snprintf(others + length, sizeof others - length, ", %zu for test", data->test.count);
  }
  const size_t tokens = tokens_of(train);
  thaw_log(
      r->ctx, THAW_LOG_INFO,
      "%s: %zu documents of %s to train on (%zu tokens, %.1f %% of them unknown)%s; vocabulary "
      "%zu",
      r->stage->name, train->count, r->dataset->name, tokens,
      100.0 * (double)train->unknown / (double)tokens, others,
      thaw_vocabulary_size(data->vocabulary));
  const size_t empty = train->empty + data->valid.empty + data->test.empty;
  if (empty) {
    thaw_log(r->ctx, THAW_LOG_INFO,
             "%s: documents without a word: %zu; each counts as its start marker alone",
             r->stage->name, empty);
  }
}

static thaw_status read_all(reading *r, const thaw_stage_origin *origin, thaw_stage_data *data) {
  thaw_status status = read_text(r);
  if (status == THAW_OK) status = divide(r, &data->classes);
  if (status == THAW_OK) status = add_unlabelled(r);
  if (status == THAW_OK) status = make_tokenizer(r, origin, data);
  if (status == THAW_OK) status = choose_words(r, origin, &data->vocabulary);
  if (status == THAW_OK) status = check_sample(r, data);
  if (status == THAW_OK) status = make_corpora(r, data);
  if (status == THAW_OK) status = check_amounts(r, data);
  if (status == THAW_OK) describe(r, data);
  return status;
}

thaw_status thaw_stage_data_read(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_stage_config *stage, const thaw_stage_origin *origin,
                                 thaw_stage_data *data) {
  reading r = {.ctx = ctx, .experiment = experiment, .stage = stage, .dataset = stage->data};
  *data = (thaw_stage_data){0};
  thaw_status status = read_all(&r, origin, data);
  if (status) thaw_stage_data_free(data);
  thaw_documents_free(&r.train);
  thaw_documents_free(&r.valid);
  thaw_documents_free(&r.test);
  free(r.labels);
  free(r.held);
  free(r.used);
  thaw_tokenizing_free(r.tokenizing);
  return status;
}

void thaw_stage_data_free(thaw_stage_data *data) {
  thaw_vocabulary_free(data->vocabulary);
  thaw_buffer_free(&data->tokenizer_state);
  thaw_classes_free(&data->classes);
  thaw_corpus_free(&data->train);
  thaw_corpus_free(&data->valid);
  thaw_corpus_free(&data->test);
  *data = (thaw_stage_data){0};
}
