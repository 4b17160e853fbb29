/* stage_data.c: see stage_data.h. The documents are gone through first for their labels, which
 * decide who is held out and who is learned from (and once more where a tokenizer learns). Then
 * each is cut, once: its pieces are counted and numbered as they come. When all are counted it is
 * known which of them are words, and numbers become ids. */
#include "experiment/stage_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/documents.h"
#include "train/class_weights.h"

/* A stage's documents, while its data are being made. */
typedef struct reading {
  thaw_context *ctx;
  const thaw_experiment *experiment;
  const thaw_stage_config *stage;
  const thaw_dataset *dataset;
  thaw_documents train; /* of all files that are learned from */
  size_t count;         /* those that may be held out; unlabelled ones stand behind them */
  int32_t *labels;      /* [count] */
  bool *held;           /* [count]: held out for validation */
  bool *used;           /* [count]: learned from */
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

/* ---- Which documents ------------------------------------------------------------------------ */

static thaw_status add_file(reading *r, thaw_documents *documents, const char *path,
                            bool labelled) {
  const thaw_source source = thaw_dataset_source(r->dataset, path, labelled);
  return thaw_documents_add(r->ctx, documents, &source);
}

/* Goes through the files that have labels. The labels get numbers in the order in which they come:
 * `numbers` receives those of all documents, −1 where there is none. */
static thaw_status look_at_labels(reading *r, thaw_vocabulary *names, thaw_buffer *numbers) {
  thaw_documents_walk walk = {.documents = &r->train};
  const thaw_document *document;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < r->dataset->train_count && status == THAW_OK; i++)
    status = add_file(r, &r->train, r->dataset->train[i], true);
  while (status == THAW_OK) {
    status = thaw_documents_next(r->ctx, &walk, &document);
    if (status || !document) break;
    int32_t number = -1;
    if (document->label) {
      status = thaw_vocabulary_number(r->ctx, names, document->label, strlen(document->label), 1,
                                      &number);
    }
    if (status == THAW_OK && !thaw_buffer_append(numbers, &number, sizeof number))
      status = thaw_fail_memory(r->ctx, numbers->size);
  }
  thaw_documents_end(&walk);
  r->count = walk.number;
  return status;
}

/* The classes, and instead of each label's number that of its class. */
static thaw_status number_classes(const reading *r, const thaw_vocabulary *names, int32_t *labels,
                                  thaw_classes *classes) {
  const size_t count = thaw_vocabulary_numbers(names);
  int32_t *found = malloc(count * sizeof *found);
  thaw_status status = found ? THAW_OK : thaw_fail_memory(r->ctx, count * sizeof *found);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    /* A vocabulary's special pieces are not among the labels, unless they were counted. */
    if (thaw_vocabulary_frequency(names, (int32_t)i) > 0)
      status = thaw_classes_add(r->ctx, classes, thaw_vocabulary_piece(names, (int32_t)i));
  }
  if (status == THAW_OK) {
    thaw_classes_sort(classes);
    for (size_t i = 0; i < count; i++)
      found[i] = thaw_classes_find(classes, thaw_vocabulary_piece(names, (int32_t)i));
    for (size_t d = 0; d < r->count; d++) labels[d] = labels[d] < 0 ? -1 : found[labels[d]];
  }
  free(found);
  return status;
}

static thaw_status read_labels(reading *r, thaw_classes *classes) {
  thaw_buffer numbers = {0};
  thaw_vocabulary *names = thaw_vocabulary_create(NULL);
  thaw_status status = names ? THAW_OK : thaw_fail_memory(r->ctx, 1);
  if (status == THAW_OK) status = look_at_labels(r, names, &numbers);
  r->labels = (int32_t *)(void *)numbers.data;
  if (status == THAW_OK) status = number_classes(r, names, r->labels, classes);
  thaw_vocabulary_free(names);
  return status;
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

static thaw_status check_class_weights(const reading *r, const thaw_classes *classes) {
  const char *unknown = thaw_class_weights_unknown(&r->stage->class_weights, classes);
  if (!unknown) return THAW_OK;
  const char *near = thaw_nearest(unknown, (const char *const *)classes->names, classes->count);
  thaw_buffer key = {0};
  if (!thaw_buffer_format(&key, "stages.classify.class_weights.%s", unknown))
    return thaw_fail_memory(r->ctx, strlen(unknown));
  thaw_experiment_fail(r->ctx, r->experiment, key.data,
                       "no training document has the class '%s'%s%s%s", unknown,
                       near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
  thaw_buffer_free(&key);
  return THAW_INVALID;
}

/* One line, whatever their number. */
static void warn_of_rare_classes(const reading *r, const thaw_classes *classes) {
  enum { SHOWN = 8 };
  thaw_buffer names = {0};
  size_t rare = 0;
  for (size_t c = 0; c < classes->count; c++) {
    size_t count = 0;
    for (size_t d = 0; d < r->count; d++) count += r->labels[d] == (int32_t)c;
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

/* Can the data set's `labels` be had? */
static thaw_status check_labels(const reading *r, const thaw_classes *classes) {
  const thaw_dataset *dataset = r->dataset;
  const uint64_t wanted = (uint64_t)dataset->labels;
  char key[160];
  snprintf(key, sizeof key, "data.%s.labels", dataset->name);
  size_t held = 0;
  for (size_t d = 0; d < r->count; d++) held += r->held[d];
  if (wanted > r->count - held) {
    char others[80] = "";
    if (held) snprintf(others, sizeof others, ", and %zu that are held out for validation", held);
    return thaw_experiment_fail(r->ctx, r->experiment, key,
                                "%" PRId64
                                " labelled documents are asked for, there are %zu to "
                                "train on%s",
                                dataset->labels, r->count - held, others);
  }
  if (wanted && wanted < classes->count) {
    return thaw_experiment_fail(r->ctx, r->experiment, key,
                                "%" PRId64
                                " labelled documents are fewer than the %zu classes, "
                                "each of which needs one",
                                dataset->labels, classes->count);
  }
  return THAW_OK;
}

/* Which documents are held out, and which of the others a classifier learns from. */
static thaw_status divide(reading *r, const thaw_classes *classes) {
  const thaw_dataset *dataset = r->dataset;
  const uint64_t seed = (uint64_t)dataset->split_seed;
  r->held = calloc(r->count + 1, sizeof *r->held);
  r->used = calloc(r->count + 1, sizeof *r->used);
  if (!r->held || !r->used) return thaw_fail_memory(r->ctx, r->count);
  if (!dataset->valid && dataset->valid_fraction > 0)
    thaw_split(r->labels, r->count, classes->count, dataset->valid_fraction, seed, r->held);
  if (is_classifier(r)) {
    warn_of_rare_classes(r, classes);
    thaw_status status = check_labels(r, classes);
    if (status) return status;
  }
  if (is_classifier(r) && dataset->labels) {
    return thaw_sample(r->ctx, r->labels, r->held, r->count, classes->count,
                       (size_t)dataset->labels, seed, r->used);
  }
  for (size_t d = 0; d < r->count; d++) r->used[d] = !r->held[d];
  return THAW_OK;
}

static thaw_status choose_documents(reading *r, thaw_classes *classes) {
  thaw_status status = read_labels(r, classes);
  if (status == THAW_OK && is_classifier(r)) status = check_classes(r, classes);
  if (status == THAW_OK && is_classifier(r)) status = check_class_weights(r, classes);
  if (status == THAW_OK) status = divide(r, classes);
  if (is_classifier(r)) return status;
  /* A language model also learns from the unlabelled documents, of which none is held out. */
  for (size_t i = 0; i < r->dataset->unlabelled_count && status == THAW_OK; i++)
    status = add_file(r, &r->train, r->dataset->unlabelled[i], false);
  return status;
}

static bool is_used(const reading *r, size_t document) {
  return document >= r->count || r->used[document];
}

static bool is_held(const reading *r, size_t document) {
  return document < r->count && r->held[document];
}

/* ---- Tokens and words ----------------------------------------------------------------------- */

/* The documents that are learned from, for a tokenizer. */
typedef struct lesson {
  const reading *reading;
  thaw_documents_walk walk;
  thaw_status status;
} lesson;

static const char *next_text(void *user, size_t *bytes) {
  lesson *l = user;
  const thaw_document *document;
  do {
    if (l->status) return NULL;
    l->status = thaw_documents_next(l->reading->ctx, &l->walk, &document);
    if (l->status || !document) return NULL;
  } while (!is_used(l->reading, l->walk.number - 1));
  *bytes = document->bytes;
  return document->text;
}

static thaw_status explain_tokenizer(const reading *r, thaw_status status) {
  return status ? thaw_explain(r->ctx, status, "tokenizer %s",
                               r->experiment->tokenizer.plugin->descriptor->name)
                : THAW_OK;
}

static thaw_status teach(reading *r) {
  const thaw_tokenizing *t = r->tokenizing;
  lesson l = {.reading = r, .walk.documents = &r->train};
  const thaw_status status = t->api->fit(t->self, t->settings, next_text, &l, r->ctx);
  thaw_documents_end(&l.walk);
  /* Where reading failed, the tokenizer only saw the documents end. */
  return l.status ? l.status : explain_tokenizer(r, status);
}

static thaw_status make_tokenizer(reading *r, const thaw_stage_origin *origin,
                                  thaw_stage_data *data) {
  const thaw_plugin_use *use = &r->experiment->tokenizer;
  thaw_status status = thaw_tokenizing_create(r->ctx, use->plugin->descriptor->api.tokenizer,
                                              use->settings, &r->tokenizing);
  if (status == THAW_OK && origin) {
    status = thaw_tokenizing_load(r->ctx, r->tokenizing, origin->tokenizer_state,
                                  origin->tokenizer_bytes);
  }
  if (status) return explain_tokenizer(r, status);
  if (!origin && thaw_tokenizing_learns(r->tokenizing)) status = teach(r);
  if (status) return status;
  status = thaw_tokenizing_save(r->ctx, r->tokenizing, &data->tokenizer_state);
  return explain_tokenizer(r, status);
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

/* The words among the pieces that were counted. */
static thaw_status finish_words(const reading *r, thaw_vocabulary *counted) {
  thaw_status status = thaw_vocabulary_finish(r->ctx, counted, (uint64_t)r->experiment->min_count,
                                              (size_t)r->experiment->max_vocab);
  if (status == THAW_OK) return THAW_OK;
  thaw_explain(r->ctx, status, "stage %s, data %s", r->stage->name, r->dataset->name);
  return status == THAW_INVALID
             ? thaw_experiment_explain(r->ctx, status, r->experiment, "tokenizer.min_count")
             : status;
}

/* A copy leaves behind all pieces that are no words. */
static thaw_status choose_words(const reading *r, const thaw_stage_origin *origin,
                                thaw_vocabulary *counted, thaw_vocabulary **vocabulary) {
  thaw_status status = finish_words(r, counted);
  if (status) return status;
  return origin && r->stage->vocabulary == THAW_VOCABULARY_BOTH
             ? thaw_vocabulary_join(r->ctx, counted, origin->vocabulary,
                                    (size_t)r->experiment->max_vocab, vocabulary)
             : copy_words(r->ctx, counted, vocabulary);
}

/* ---- Corpora -------------------------------------------------------------------------------- */

/* Cuts the documents that are learned from, and those that are held out: into ids where the words
 * are known (data->vocabulary), else into the numbers of `counting`, which counts the former. */
static thaw_status cut_documents(reading *r, thaw_vocabulary *counting, thaw_stage_data *data) {
  thaw_documents_walk walk = {.documents = &r->train};
  const thaw_document *document;
  thaw_status status;
  while ((status = thaw_documents_next(r->ctx, &walk, &document)) == THAW_OK && document) {
    const size_t d = walk.number - 1;
    const bool used = is_used(r, d);
    if (!used && !is_held(r, d)) continue;
    thaw_corpus *corpus = used ? &data->train : &data->valid;
    const int32_t label = is_classifier(r) ? r->labels[d] : -1;
    status = data->vocabulary
                 ? thaw_corpus_add(r->ctx, corpus, r->tokenizing, data->vocabulary, document->text,
                                   document->bytes, label)
                 : thaw_corpus_add_numbers(r->ctx, corpus, r->tokenizing, counting, used,
                                           document->text, document->bytes, label);
    if (status) break;
  }
  thaw_documents_end(&walk);
  return status;
}

/* Numbers that `counted` gave (NULL: none) become ids. */
static thaw_status finish_corpora(const reading *r, const thaw_vocabulary *counted,
                                  thaw_stage_data *data) {
  int32_t *ids = NULL;
  if (counted) {
    const size_t count = thaw_vocabulary_numbers(counted);
    ids = malloc(count * sizeof *ids);
    if (!ids) return thaw_fail_memory(r->ctx, count * sizeof *ids);
    thaw_vocabulary_ids(counted, data->vocabulary, ids);
  }
  thaw_status status = thaw_corpus_finish(r->ctx, &data->train, ids);
  if (status == THAW_OK) status = thaw_corpus_finish(r->ctx, &data->valid, ids);
  free(ids);
  return status;
}

static thaw_status make_corpora(reading *r, const thaw_stage_origin *origin,
                                thaw_stage_data *data) {
  thaw_vocabulary *counting = NULL;
  thaw_status status = THAW_OK;
  if (origin && r->stage->vocabulary == THAW_VOCABULARY_SOURCE) {
    status = copy_words(r->ctx, origin->vocabulary, &data->vocabulary);
  } else {
    counting = thaw_vocabulary_create(r->tokenizing->api->markers);
    if (!counting) status = thaw_fail_memory(r->ctx, 1);
  }
  if (status == THAW_OK) status = cut_documents(r, counting, data);
  if (status == THAW_OK && counting) status = choose_words(r, origin, counting, &data->vocabulary);
  if (status == THAW_OK) status = finish_corpora(r, counting, data);
  thaw_vocabulary_free(counting);
  return status;
}

/* A file of its own for validation or test. */
static thaw_status read_other(reading *r, const char *path, const thaw_stage_data *data,
                              thaw_corpus *corpus) {
  thaw_documents documents = {0};
  thaw_documents_walk walk = {.documents = &documents};
  const thaw_document *document;
  thaw_status status = add_file(r, &documents, path, true);
  while (status == THAW_OK) {
    int32_t label = -1;
    status = thaw_documents_next(r->ctx, &walk, &document);
    if (status || !document) break;
    if (is_classifier(r)) status = thaw_document_label(r->ctx, document, &data->classes, &label);
    if (status == THAW_OK) {
      status = thaw_corpus_add(r->ctx, corpus, r->tokenizing, data->vocabulary, document->text,
                               document->bytes, label);
    }
  }
  if (status == THAW_OK) status = thaw_corpus_finish(r->ctx, corpus, NULL);
  thaw_documents_end(&walk);
  thaw_documents_free(&documents);
  return status;
}

static thaw_status read_others(reading *r, thaw_stage_data *data) {
  const thaw_dataset *dataset = r->dataset;
  thaw_status status = THAW_OK;
  if (dataset->valid) status = read_other(r, dataset->valid, data, &data->valid);
  if (status == THAW_OK && dataset->test && is_classifier(r))
    status = read_other(r, dataset->test, data, &data->test);
  return status;
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
  thaw_status status = choose_documents(r, &data->classes);
  if (status == THAW_OK) status = make_tokenizer(r, origin, data);
  if (status == THAW_OK) status = make_corpora(r, origin, data);
  if (status == THAW_OK) status = check_sample(r, data);
  if (status == THAW_OK) status = read_others(r, data);
  if (status == THAW_OK) status = check_amounts(r, data);
  if (status == THAW_OK) describe(r, data);
  return status;
}

thaw_status thaw_stage_data_read(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_stage_config *stage, const thaw_stage_origin *origin,
                                 const char *folder, thaw_stage_data *data) {
  reading r = {.ctx = ctx, .experiment = experiment, .stage = stage, .dataset = stage->data};
  *data = (thaw_stage_data){.train.folder = folder, .valid.folder = folder, .test.folder = folder};
  thaw_status status = read_all(&r, origin, data);
  if (status) thaw_stage_data_free(data);
  thaw_documents_free(&r.train);
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
