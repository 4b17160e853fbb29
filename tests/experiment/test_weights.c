/* Weights in and out through the command: thaw export, thaw import, and word vectors. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/golden.h"
#include "base/file.h"
#include "config/experiment.h"
#include "fixture.h"
#include "store/safetensors.h"
#include "tensor/tape.h"
#include "text/word_list.h"
#include "train/model.h"

static thaw_context *ctx;

static void set_up(void) {
  ctx = thaw_context_create();
  fixture_begin();
}

static void tear_down(void) {
  fixture_end();
  thaw_context_free(ctx);
}

static void expect_same_bytes(const char *a, const char *b) {
  thaw_buffer x = {0}, y = {0};
  fixture_read(a, &x);
  fixture_read(b, &y);
  ck_assert_msg(x.size == y.size && memcmp(x.data, y.data, x.size) == 0, "%s and %s differ", a, b);
  thaw_buffer_free(&x);
  thaw_buffer_free(&y);
}

/* ---- There and back -------------------------------------------------------------------------- */

static const char only_finetune[] =
    "name: other\n"
    "threads: 1\n"
    "data: {target: {format: csv, train: train.csv, test: test.csv, label: label}}\n"
    "tokenizer: {plugin: word, min_count: 1}\n"
    "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}\n"
    "head: {plugin: concat, hidden: [10]}\n"
    "stages:\n"
    "  classify: {data: target, epochs: 1, batch: 8, transfer: {groups: all, from: b.h5}}\n";

START_TEST(weights_go_there_and_back) {
  fixture_edit("experiment.yaml", "epochs: 2,", "epochs: 2, keep_weights: true,");
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_expect(0, "export a.h5 --stage pretrain -o a.safetensors");
  /* The config's data need not be there. */
  ck_assert_int_eq(rename("general.txt", "elsewhere"), 0);
  fixture_expect(0, "import a.safetensors --config experiment.yaml -o b.h5");
  fixture_expect(0, "export b.h5 -o b.safetensors");
  expect_same_bytes("a.safetensors", "b.safetensors");
  expect_same_bytes("a.vocab.txt", "b.vocab.txt");
  fixture_expect(0, "export b.h5 --stage pretrain -o c.safetensors");
  expect_same_bytes("a.safetensors", "c.safetensors");
  /* Another run takes over from it, and shares no word or group that is new. */
  fixture_write("other.yaml", only_finetune);
  fixture_result result = fixture_run("run other.yaml -o other.h5", NULL);
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  ck_assert_ptr_nonnull(strstr(result.err.data, "rnn.0, rnn.1 from "));
  fixture_free(&result);
  fixture_expect_error(2, "export a.h5 --stage finetune -o x.safetensors",
                       "a.h5 has no weights of a stage 'finetune', only its last one's and those "
                       "of pretrain");
}
END_TEST

START_TEST(a_classifier_exports_its_encoder) {
  fixture_expect(0, "run experiment.yaml -o a.h5");
  fixture_expect(0, "export a.h5 -o all.safetensors");
  fixture_expect(0, "export a.h5 --encoder -o encoder.safetensors");
  thaw_safetensors *file = NULL;
  ck_assert_int_eq(thaw_safetensors_open(ctx, "encoder.safetensors", &file), THAW_OK);
  ck_assert_uint_eq(thaw_safetensors_count(file), 10);
  ck_assert_ptr_nonnull(thaw_safetensors_find(file, "0.rnns.1.module.bias_hh_l0"));
  ck_assert_ptr_null(thaw_safetensors_find(file, "1.decoder.weight"));
  thaw_safetensors_close(file);
  fixture_expect(0, "import encoder.safetensors --config experiment.yaml -o b.h5");
  fixture_expect_error(2, "import all.safetensors --config experiment.yaml -o c.h5",
                       "the config's encoder has no place for the tensor 'head.");
  ck_assert(!thaw_path_exists("c.h5"));
}
END_TEST

/* The tensors of a file, to be written again. */
enum { MOST = 16 };
typedef struct copied {
  thaw_safetensors *file;
  thaw_safetensors_tensor tensors[MOST + 1];
  float *values[MOST];
  size_t count;
} copied;

static size_t find(const copied *c, const char *name) {
  for (size_t i = 0; i < c->count; i++) {
    if (strcmp(c->tensors[i].name, name) == 0) return i;
  }
  ck_abort_msg("there is no %s", name);
}

static copied copy_tensors(const char *path) {
  copied c = {0};
  ck_assert_int_eq(thaw_safetensors_open(ctx, path, &c.file), THAW_OK);
  c.count = thaw_safetensors_count(c.file);
  ck_assert_uint_le(c.count, MOST);
  for (size_t i = 0; i < c.count; i++) {
    const thaw_safetensors_entry *entry = thaw_safetensors_at(c.file, i);
    c.values[i] = calloc(entry->count, sizeof *c.values[i]);
    ck_assert_int_eq(thaw_safetensors_values(ctx, c.file, entry, c.values[i]), THAW_OK);
    c.tensors[i] =
        (thaw_safetensors_tensor){.name = entry->name, .rank = entry->rank, .values = c.values[i]};
    memcpy(c.tensors[i].shape, entry->shape, sizeof entry->shape);
  }
  return c;
}

static void write_tensors(const copied *c, const char *path, size_t count) {
  ck_assert_int_eq(thaw_safetensors_write(ctx, path, NULL, 0, c->tensors, count), THAW_OK);
}

/* lm.safetensors without its metadata, and then with one thing wrong each. */
static void write_spoiled(void) {
  copied c = copy_tensors("lm.safetensors");
  float *decoder = c.values[find(&c, "1.decoder.weight")];
  float *bias = c.values[find(&c, "1.decoder.bias")];
  thaw_safetensors_tensor *last = &c.tensors[c.count - 1];
  const float kept[] = {decoder[5], bias[0]};
  write_tensors(&c, "bare.safetensors", c.count);
  c.tensors[c.count] = (thaw_safetensors_tensor){.name = "more", .rank = 1, .shape = {1}};
  write_tensors(&c, "more.safetensors", c.count + 1);
  decoder[5] += 1;
  write_tensors(&c, "untied.safetensors", c.count);
  decoder[5] = kept[0];
  bias[0] = (float)strtod("nan", NULL);
  write_tensors(&c, "nan.safetensors", c.count);
  bias[0] = kept[1];
  c.tensors[find(&c, "0.rnns.1.module.bias_ih_l0")] = *last;
  write_tensors(&c, "less.safetensors", c.count - 1);
  for (size_t i = 0; i < c.count; i++) free(c.values[i]);
  thaw_safetensors_close(c.file);
}

START_TEST(what_does_not_fit_is_refused) {
  static const struct {
    const char *arguments, *message;
  } cases[] = {
      {"lm.safetensors -c lm.yaml -o x.h5 -s encoder.hidden=13",
       "encoder.hidden: the weights in lm.safetensors were made with 12: set encoder.hidden: 12"},
      {"lm.safetensors -c lm.yaml -o x.h5 -s encoder.direction=backward",
       "the weights in lm.safetensors were made with forward: set encoder.direction: forward"},
      {"bare.safetensors -c lm.yaml -o x.h5 -s encoder.hidden=13 --vocabulary lm.vocab.txt",
       "bare.safetensors: '0.rnns.0.module.weight_ih_l0' is [48][8], but the config's encoder "
       "expects [52][8] there (its rnn.0/weight_ih): set the encoder's sizes"},
      {"bare.safetensors -c lm.yaml -o x.h5 -s encoder.layers=3 --vocabulary lm.vocab.txt",
       "bare.safetensors: '0.rnns.1.module.weight_ih_l0' is [32][12], but"},
      {"bare.safetensors -c lm.yaml -o x.h5 -s encoder.embedding=9 --vocabulary lm.vocab.txt",
       "'0.encoder.weight' is ["},
      {"lm.safetensors -c lm.yaml -o x.h5 --vocabulary short.txt",
       "rows, one for every word, but the vocabulary short.txt has 3 pieces: take the vocabulary"},
      {"lm.safetensors -c lm.yaml -o x.h5 --vocabulary twice.txt",
       "twice.txt: the piece 'a' stands in the vocabulary twice"},
      {"bare.safetensors -c lm.yaml -o x.h5", "bare.vocab.txt: cannot be opened"},
      {"lm.h5 -c lm.yaml -o x.h5", "lm.h5: is no safetensors file, or is truncated"},
      {"lm.safetensors -c lm.yaml -o nowhere/x.h5", "nowhere/x.h5"},
      {"lm.safetensors -c lm.yaml", "thaw import needs --output RUN.h5"},
      {"lm.safetensors -o x.h5", "thaw import needs --config FILE.yaml"},
      {"more.safetensors -c lm.yaml -o x.h5 --vocabulary lm.vocab.txt",
       "has no place for the tensor 'more' [1]"},
      {"less.safetensors -c lm.yaml -o x.h5 --vocabulary lm.vocab.txt",
       "there is no tensor '0.rnns.1.module.bias_ih_l0' (rnn.1/bias of the config's encoder); the "
       "nearest is '0.rnns.0.module.bias_ih_l0'"},
      {"untied.safetensors -c lm.yaml -o x.h5 --vocabulary lm.vocab.txt",
       "'0.encoder.weight' and '1.decoder.weight' differ, but are one tensor here"},
      {"nan.safetensors -c lm.yaml -o x.h5 --vocabulary lm.vocab.txt",
       "nan.safetensors: '1.decoder.bias': its value 0 is nan, which is not finite"},
  };
  fixture_write("lm.yaml",
                "name: lm\n"
                "data: {general: {format: text, train: general.txt}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}\n"
                "stages: {pretrain: {data: general, epochs: 1, batch: 8, bptt: 10}}\n");
  fixture_write("short.txt", "xxunk\nxxpad\nxxbos\n");
  fixture_write("twice.txt", "xxunk\nxxpad\nxxbos\na\na\n");
  fixture_expect(0, "run lm.yaml -o lm.h5");
  fixture_expect(0, "export lm.h5 -o lm.safetensors");
  fixture_expect_error(2, "export lm.h5", "thaw export needs --output FILE.safetensors");
  fixture_expect_error(1, "export lm.h5 -o nowhere/x.safetensors", "cannot write nowhere/");
  write_spoiled();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char arguments[256];
    snprintf(arguments, sizeof arguments, "import %s", cases[i].arguments);
    fixture_expect_error(strstr(cases[i].arguments, "nowhere") ? 1 : 2, arguments,
                         cases[i].message);
    ck_assert(!thaw_path_exists("x.h5"));
  }
}
END_TEST

/* ---- GPT-2's names: another layout, prefixes, buffers that are passed over ----------------------
 */

static const char *import_gpt(const char *name, const char *output) {
  static char arguments[128];
  snprintf(arguments, sizeof arguments, "import %s -c gpt.yaml -o %s", name, output);
  return arguments;
}

enum { V = 5, E = 4 };

/* A GPT-2 of one block as PyTorch has it, with the tied decoder that comes last. */
static const struct {
  const char *name;
  size_t rank, rows, columns;
} gpt[] = {{"wte.weight", 2, V, E},
           {"wpe.weight", 2, 8, E},
           {"h.0.ln_1.weight", 1, E, 1},
           {"h.0.ln_1.bias", 1, E, 1},
           {"h.0.attn.bias", 2, 8, 8},
           {"h.0.attn.c_attn.weight", 2, E, 3 * E},
           {"h.0.attn.c_attn.bias", 1, 3 * E, 1},
           {"h.0.attn.c_proj.weight", 2, E, E},
           {"h.0.attn.c_proj.bias", 1, E, 1},
           {"h.0.ln_2.weight", 1, E, 1},
           {"h.0.ln_2.bias", 1, E, 1},
           {"h.0.mlp.c_fc.weight", 2, E, 4 * E},
           {"h.0.mlp.c_fc.bias", 1, 4 * E, 1},
           {"h.0.mlp.c_proj.weight", 2, 4 * E, E},
           {"h.0.mlp.c_proj.bias", 1, E, 1},
           {"ln_f.weight", 1, E, 1},
           {"ln_f.bias", 1, E, 1},
           {"lm_head.weight", 2, V, E}};
enum { GPT_TENSORS = sizeof gpt / sizeof *gpt };

static void write_gpt(const char *path, const char *prefix, size_t count, const float *values) {
  thaw_safetensors_tensor tensors[GPT_TENSORS] = {{0}};
  char texts[GPT_TENSORS][64];
  for (size_t i = 0; i < count; i++) {
    const bool decoder = i == GPT_TENSORS - 1;
    snprintf(texts[i], sizeof texts[i], "%s%s", decoder ? "" : prefix, gpt[i].name);
    tensors[i] = (thaw_safetensors_tensor){.name = texts[i],
                                           .rank = gpt[i].rank,
                                           .shape = {gpt[i].rows, gpt[i].columns},
                                           .values = values};
  }
  ck_assert_int_eq(thaw_safetensors_write(ctx, path, NULL, 0, tensors, count), THAW_OK);
}

START_TEST(another_encoder_says_its_names) {
  float values[8 * 8];
  for (size_t i = 0; i < 64; i++) values[i] = (float)i;
  fixture_write("gpt.yaml",
                "name: gpt\n"
                "data: {general: {format: text, train: general.txt}}\n"
                "tokenizer: {plugin: word}\n"
                "encoder: {plugin: transformer, embedding: 4, layers: 1, heads: 2, positions: 8}\n"
                "stages: {finetune: {data: general, epochs: 1, batch: 8, bptt: 8}}\n");
  fixture_write("plain.vocab.txt", "the\nxxbos\nxxunk\ncat\ndog\n");
  fixture_write("prefixed.vocab.txt", "the\nxxbos\nxxunk\ncat\ndog\n");
  write_gpt("plain.safetensors", "", GPT_TENSORS - 1, values);
  write_gpt("prefixed.safetensors", "transformer.", GPT_TENSORS, values);
  const thaw_metadata backward = {"thaw.encoder.direction", "backward"};
  ck_assert_int_eq(thaw_safetensors_write(ctx, "back.safetensors", &backward, 1, NULL, 0), THAW_OK);
  fixture_expect_error(2, import_gpt("back.safetensors", "c.h5"),
                       "the weights in back.safetensors read text backward, which this encoder "
                       "cannot");
  fixture_expect(0, import_gpt("plain.safetensors", "a.h5"));
  fixture_expect(0, import_gpt("prefixed.safetensors", "b.h5"));
  fixture_expect_same_weights("a.h5", "b.h5");
  thaw_run_file *run = fixture_open_run(ctx, "a.h5");
  thaw_params *params = NULL;
  thaw_vocabulary *words = NULL;
  ck_assert_int_eq(thaw_run_weights(ctx, run, NULL, &params), THAW_OK);
  ck_assert_int_eq(thaw_run_vocabulary(ctx, run, NULL, &words), THAW_OK);
  const float *qkv = thaw_params_find(params, "block.0", "attn.qkv.weight")->tensor->data;
  for (size_t out = 0; out < 3 * E; out++)
    for (size_t in = 0; in < E; in++) ck_assert(qkv[out * E + in] == values[in * 3 * E + out]);
  /* The special words have moved to the front; xxpad, which is new, has the mean of the rows. */
  static const char *const order[] = {"xxunk", "xxpad", "xxbos", "the", "cat", "dog"};
  static const float firsts[] = {8, 8, 4, 0, 12, 16};
  const thaw_tensor *rows = thaw_params_find(params, "embedding", "weight")->tensor;
  ck_assert_uint_eq(rows->shape[0], 6);
  for (size_t v = 0; v < 6; v++) {
    ck_assert_str_eq(thaw_vocabulary_piece(words, (int32_t)v), order[v]);
    ck_assert(rows->data[v * E] == firsts[v]);
  }
  thaw_vocabulary_free(words);
  thaw_params_free(params);
  thaw_run_close(run);
}
END_TEST

/* ---- A model of fastai -------------------------------------------------------------------------
 */

/* A run file's language model. */
typedef struct loaded {
  thaw_registry *registry;
  thaw_experiment *experiment;
  thaw_vocabulary *vocabulary;
  thaw_model *model;
} loaded;

static loaded load_model(const char *path) {
  loaded l = {.registry = thaw_registry_create(NULL)};
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_params *params = NULL;
  char *resolved = NULL;
  ck_assert_int_eq(thaw_run_text(ctx, run, "config/resolved", &resolved), THAW_OK);
  ck_assert_msg(thaw_experiment_restore(ctx, path, resolved, l.registry, &l.experiment) == THAW_OK,
                "%s", thaw_error(ctx));
  ck_assert_int_eq(thaw_run_vocabulary(ctx, run, NULL, &l.vocabulary), THAW_OK);
  ck_assert_int_eq(thaw_run_weights(ctx, run, NULL, &params), THAW_OK);
  ck_assert_int_eq(
      thaw_model_create_language_model(ctx, &l.experiment->encoder,
                                       thaw_vocabulary_size(l.vocabulary), 1, &l.model),
      THAW_OK);
  thaw_params_copy(l.model->params, params);
  thaw_params_free(params);
  thaw_run_close(run);
  free(resolved);
  return l;
}

static void free_model(loaded *l) {
  thaw_model_free(l->model);
  thaw_vocabulary_free(l->vocabulary);
  thaw_experiment_free(l->experiment);
  thaw_registry_free(l->registry);
}

/* Logits [V] of one state: what the decoder makes of it, by the definition. */
static void decode(const thaw_model *model, const float *state, float *logits) {
  const size_t width = model->decoder_weight->shape[1];
  for (size_t v = 0; v < model->vocabulary; v++) {
    double sum = (double)model->decoder_bias->data[v];
    for (size_t d = 0; d < width; d++)
      sum += (double)state[d] * (double)model->decoder_weight->data[v * width + d];
    logits[v] = (float)sum;
  }
}

/* The pieces of fastai_lm.vocab.txt as ids of ours, [V]; malloc'ed. */
static int32_t *map_words(const loaded *l) {
  char path[4096];
  size_t count = 0;
  const char *const *pieces = NULL;
  thaw_arena *arena = thaw_arena_create();
  snprintf(path, sizeof path, "%s/tests/golden/fastai_lm.vocab.txt", getenv("THAW_SOURCE"));
  ck_assert_int_eq(thaw_word_list_read(ctx, arena, path, &pieces, &count), THAW_OK);
  ck_assert_uint_eq(count, l->model->vocabulary);
  int32_t *ours = calloc(count, sizeof *ours);
  for (size_t v = 0; v < count; v++)
    ours[v] = thaw_vocabulary_id(l->vocabulary, pieces[v], strlen(pieces[v]));
  thaw_arena_free(arena);
  return ours;
}

/* Logits [T][V], columns as theirs, and the perplexity of states [T][D]. */
static void compare_with_fastai(golden *file, const loaded *l, const thaw_tensor *states,
                                const int32_t *ours, const int32_t *ids) {
  const size_t time = states->shape[0], count = l->model->vocabulary;
  float *logits = calloc(time * count, sizeof *logits), *row = calloc(count, sizeof *row);
  double loss = 0;
  for (size_t t = 0; t < time; t++) {
    double sum = 0;
    decode(l->model, states->data + t * states->shape[2], row);
    for (size_t v = 0; v < count; v++) logits[t * count + v] = row[ours[v]];
    for (size_t v = 0; v < count; v++) sum += exp((double)row[v]);
    if (t + 1 < time) loss += log(sum) - (double)row[ids[t + 1]];
  }
  const float perplexity = (float)exp(loss / (double)(time - 1));
  golden_compare(file, logits, time * count, "logits");
  golden_compare(file, &perplexity, 1, "perplexity");
  free(logits);
  free(row);
}

START_TEST(a_fastai_model_finds_the_same) {
  char arguments[4200];
  golden *file = golden_open("fastai_lm");
  snprintf(arguments, sizeof arguments,
           "import %s/tests/golden/fastai_lm.safetensors -c experiment.yaml -s encoder.embedding=4 "
           "-s encoder.hidden=6 -o fastai.h5",
           getenv("THAW_SOURCE"));
  fixture_expect(0, arguments);
  loaded l = load_model("fastai.h5");
  const size_t time = golden_get(file, "ids")->shape[0];
  int32_t *ours = map_words(&l), *ids = golden_integers(file, "ids");
  for (size_t t = 0; t < time; t++) ids[t] = ours[ids[t]];
  ck_assert_int_eq(ids[0], THAW_ID_START);
  thaw_tape *tape = thaw_tape_create();
  const thaw_encoder_input input = {.ids = ids, .time = time, .batch = 1, .language_model = true};
  thaw_states states = {0};
  thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(1, 1));
  ck_assert_int_eq(l.model->encoder->forward(l.model->encoder_self, l.experiment->encoder.settings,
                                             tape, &input, &states),
                   THAW_OK);
  compare_with_fastai(file, &l, states.output, ours, ids);
  thaw_tape_free(tape);
  free(ours);
  free(ids);
  free_model(&l);
  golden_close(file);
}
END_TEST

/* ---- Word vectors -------------------------------------------------------------------------------
 */

/* The experiment with a classifier alone, which takes vectors over. */
static void write_vectors_experiment(const char *encoder, const char *transfer) {
  thaw_buffer text = {0};
  thaw_buffer_format(
      &text,
      "name: vectors\n"
      "threads: 1\n"
      "data: {target: {format: csv, train: train.csv, test: test.csv, label: label}}\n"
      "tokenizer: {plugin: word, min_count: 1}\n"
      "encoder: %s\n"
      "head: {plugin: mean}\n"
      "stages:\n"
      "  classify: {data: target, epochs: 1, batch: 8, keep: last, transfer: %s,\n"
      "             optimizer: {lr: 1e-12, weight_decay: 0}}\n",
      encoder, transfer);
  fixture_write("vectors.yaml", text.data);
  thaw_buffer_free(&text);
}

static const char vectors[] = "3 4\ncat 1 2 3 4\nzebra 5 5 5 5\neats -1 0 1 2\n";
static const char from_vectors[] = "{groups: [embedding], from: vectors.txt}";

static void expect_vector(const char *path, const char *word, float first) {
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_params *params = NULL;
  thaw_vocabulary *words = NULL;
  ck_assert_int_eq(thaw_run_weights(ctx, run, NULL, &params), THAW_OK);
  ck_assert_int_eq(thaw_run_vocabulary(ctx, run, NULL, &words), THAW_OK);
  const int32_t id = thaw_vocabulary_id(words, word, strlen(word));
  const thaw_tensor *rows = thaw_params_find(params, "embedding", "weight")->tensor;
  ck_assert_float_eq_tol(rows->data[(size_t)id * rows->shape[1]], first, 1e-6f);
  thaw_vocabulary_free(words);
  thaw_params_free(params);
  thaw_run_close(run);
}

START_TEST(any_encoder_takes_word_vectors) {
  static const char *const encoders[] = {
      "{plugin: vectors, embedding: 4}",
      "{plugin: awd_lstm, embedding: 4, hidden: 6, layers: 2}",
  };
  fixture_write("vectors.txt", vectors);
  for (size_t i = 0; i < 2; i++) {
    char arguments[64];
    write_vectors_experiment(encoders[i], from_vectors);
    fixture_result planned = fixture_run("plan vectors.yaml", NULL);
    ck_assert_int_eq(planned.status, 0);
    ck_assert_msg(strstr(planned.err.data, " has 2 of the ") &&
                      strstr(planned.err.data, " words, among 3 vectors"),
                  "%s", planned.err.data);
    fixture_free(&planned);
    snprintf(arguments, sizeof arguments, "run vectors.yaml -o v%zu.h5", i);
    fixture_result run = fixture_run(arguments, NULL);
    ck_assert_msg(run.status == 0 && strstr(run.err.data, "takes over embedding (2 words; "), "%s",
                  run.err.data);
    fixture_free(&run);
    snprintf(arguments, sizeof arguments, "v%zu.h5", i);
    expect_vector(arguments, "cat", 1);
    expect_vector(arguments, "eats", -1);
    expect_vector(arguments, "dog", 0);
  }
  /* Another content is another run. */
  fixture_write("vectors.txt", "cat 9 9 9 9\n");
  fixture_expect_error(2, "run vectors.yaml -o v1.h5", "v1.h5 holds another run");
}
END_TEST

START_TEST(the_embedding_alone_is_taken_of_its_group) {
  fixture_write("vectors.txt", vectors);
  write_vectors_experiment("{plugin: transformer, embedding: 4, layers: 1, heads: 2}",
                           "{from: vectors.txt}");
  fixture_result run = fixture_run("run vectors.yaml -o v.h5", NULL);
  ck_assert_msg(run.status == 0, "%s", run.err.data);
  ck_assert_msg(strstr(run.err.data, "fresh: block.0, head") != NULL, "%s", run.err.data);
  fixture_free(&run);
  expect_vector("v.h5", "cat", 1);
}
END_TEST

START_TEST(vectors_that_do_not_fit_are_refused) {
  static const struct {
    const char *transfer, *set, *message;
  } cases[] = {
      {from_vectors, "encoder.embedding=5",
       "vectors.txt:1: vectors of 4 numbers, the embedding has 5: set encoder.embedding: 4"},
      {"{groups: [embedding, head], from: vectors.txt}", "seed=1", "there is no group 'head' in "},
      {"{groups: [embedding], from: vectors.txt, stage: pretrain}", "seed=1",
       "is no run file but one of word vectors, which has no stages"},
      {from_vectors, "stages.classify.vocabulary=source", "stages.classify.vocabulary: the words"},
      {"{groups: [embedding], from: none.txt}", "seed=1", "none.txt: none of its 1 words"},
      {"{groups: [embedding], from: missing.txt}", "seed=1", "missing.txt: there is no such file"},
      {"{groups: [embedding], from: fake.h5}", "seed=1", "fake.h5"},
  };
  fixture_write("vectors.txt", vectors);
  fixture_write("fake.h5", vectors);
  fixture_write("none.txt", "zebra 1 2 3 4\n");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char arguments[128];
    write_vectors_experiment("{plugin: vectors, embedding: 4}", cases[i].transfer);
    snprintf(arguments, sizeof arguments, "run vectors.yaml -o x.h5 --set %s", cases[i].set);
    fixture_expect_error(2, arguments, cases[i].message);
    fixture_expect_error(2, arguments, "stages.classify.");
  }
}
END_TEST

START_TEST(a_language_model_of_vectors_alone_is_a_bigram_model) {
  fixture_write("bigram.yaml",
                "name: bigram\n"
                "threads: 1\n"
                "data: {general: {format: text, train: general.txt, valid_fraction: 0.1}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: vectors, embedding: 16}\n"
                "stages: {pretrain: {data: general, epochs: 6, batch: 8, bptt: 10, optimizer: {lr: "
                "5e-2}}}\n");
  fixture_expect(0, "run bigram.yaml -o bigram.h5");
  fixture_expect(0, "export bigram.h5 -o bigram.safetensors");
  fixture_expect(0, "import bigram.safetensors -c bigram.yaml -o again.h5");
  fixture_expect_same_weights("bigram.h5", "again.h5");
  thaw_run_file *run = fixture_open_run(ctx, "bigram.h5");
  thaw_series **series = NULL;
  size_t count = 0;
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, &count), THAW_OK);
  const double first = series[0]->epochs[0].perplexity;
  const double last = series[0]->epochs[series[0]->epoch_count - 1].perplexity;
  ck_assert_msg(last < 0.95 * first, "perplexity %g, then %g", first, last);
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
  thaw_run_close(run);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("weights");
  TCase *tests = tcase_create("weights");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, weights_go_there_and_back);
  tcase_add_test(tests, a_classifier_exports_its_encoder);
  tcase_add_test(tests, what_does_not_fit_is_refused);
  tcase_add_test(tests, another_encoder_says_its_names);
  tcase_add_test(tests, a_fastai_model_finds_the_same);
  tcase_add_test(tests, any_encoder_takes_word_vectors);
  tcase_add_test(tests, the_embedding_alone_is_taken_of_its_group);
  tcase_add_test(tests, vectors_that_do_not_fit_are_refused);
  tcase_add_test(tests, a_language_model_of_vectors_alone_is_a_bigram_model);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
