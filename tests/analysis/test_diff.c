/* What `thaw diff` finds in pairs of run files that are written here, each with one thing changed.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/diff.h"
#include "base/context.h"
#include "base/file.h"
#include "store/runfile.h"

enum { DOCUMENTS = 10, STEPS = 8, MOST_WORDS = 8, WIDTH = 3 };

/* A run; zeros leave it as the others are. */
typedef struct recipe {
  const char *config; /* resolved */
  uint64_t seed;
  const char *key, *threads, *train_hash, *plugin_version, *extra_key, *extra_value;
  const char *old_hash;     /* a run of the time when files had no hashes of their own */
  const char *const *words; /* behind the special pieces, ends with NULL */
  const char *const *classes;
  float shift; /* of the weights in rnn.0 */
  double loss; /* added to the training loss from `from` on */
  int64_t from;
  size_t flipped;    /* documents with the other label */
  float probability; /* added to every probability */
  size_t documents;
  size_t hidden; /* rows of rnn.0/weight */
  bool unfinished, no_classifier, no_weights, more_groups;
} recipe;

static thaw_context *ctx;
static char *folder;
static thaw_diff *diff;
static const char *const plain_words[] = {"cat", "dog", "eats", NULL};
static const char *const plain_classes[] = {"food", "move", NULL};

static void set_up(void) {
  const char *base = getenv("TMPDIR");
  ctx = thaw_context_create();
  folder = thaw_path_join(base && *base ? base : "/tmp", "thaw-diff-XXXXXX");
  ck_assert(ctx && folder && mkdtemp(folder));
}

static char *path_of(const char *name) {
  return thaw_path_join(folder, name);
}

static void tear_down(void) {
  static const char *const names[] = {"a.h5", "b.h5"};
  for (size_t i = 0; i < 2; i++) {
    char *path = path_of(names[i]);
    remove(path);
    free(path);
  }
  thaw_diff_free(diff);
  diff = NULL;
  rmdir(folder);
  free(folder);
  thaw_context_free(ctx);
}

/* ---- Making runs ----------------------------------------------------------------------------- */

static thaw_vocabulary *make_vocabulary(const recipe *r) {
  const char *pieces[MOST_WORDS] = {"xxunk", "xxpad", "xxbos"};
  uint64_t counts[MOST_WORDS] = {0, 0, 10};
  size_t count = 3;
  for (const char *const *word = r->words ? r->words : plain_words; *word; word++) {
    pieces[count] = *word;
    counts[count++] = 5;
  }
  thaw_vocabulary *vocabulary = NULL;
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, pieces, counts, count, &vocabulary), THAW_OK);
  return vocabulary;
}

/* A word's row in the embedding depends on the word alone. */
static float word_value(const char *word, size_t column) {
  return (float)(word[0] + word[strlen(word) - 1]) / 64 + (float)column;
}

static thaw_params *make_weights(const recipe *r, const thaw_vocabulary *vocabulary) {
  thaw_params *params = thaw_params_create(1);
  const size_t words = thaw_vocabulary_size(vocabulary), table[] = {words, WIDTH};
  const size_t matrix[] = {r->hidden ? r->hidden : 4, WIDTH}, one = 1;
  const thaw_init init = {THAW_INIT_CONSTANT, 0.5F, 0};
  thaw_tensor *embedding = thaw_params_add(params, ctx, "embedding", "weight", 2, table, init);
  thaw_tensor *rnn = thaw_params_add(params, ctx, "rnn.0", "weight", 2, matrix, init);
  ck_assert(embedding && rnn && thaw_params_add(params, ctx, "head", "bias", 1, &one, init));
  if (r->more_groups) ck_assert(thaw_params_add(params, ctx, "rnn.1", "weight", 1, &one, init));
  for (size_t i = 0; i < words * WIDTH; i++)
    embedding->data[i] =
        word_value(thaw_vocabulary_piece(vocabulary, (int32_t)(i / WIDTH)), i % WIDTH);
  for (size_t i = 0; i < matrix[0] * WIDTH; i++) rnn->data[i] = 0.5F + r->shift;
  return params;
}

static thaw_series *make_series(const recipe *r) {
  const char *const groups[] = {"head"};
  thaw_series *series = thaw_series_create(r->no_classifier ? "pretrain" : "classify", 1, groups);
  for (int64_t i = 0; i < STEPS; i++) {
    const double added = i >= r->from ? r->loss : 0, rate = 0.1;
    const thaw_step_row row = {i, i / 4, 1 / (double)(i + 1) + added, 1, 1000 + (double)i};
    ck_assert(thaw_series_add_step(series, &row, &rate));
    if (i % 4 < 3 || r->unfinished) continue;
    const thaw_epoch_row epoch = {i / 4, i + 1, 1, 2 + added, NAN, 0.5, 0.5, 3};
    ck_assert(thaw_series_add_epoch(series, &epoch));
  }
  return series;
}

static thaw_predictions *make_predictions(const recipe *r) {
  const size_t count = r->documents ? r->documents : DOCUMENTS;
  thaw_predictions *p = thaw_predictions_create("test", count, 2);
  for (size_t d = 0; d < count; d++) {
    const int32_t gold = (int32_t)(d % 2);
    p->gold[d] = gold;
    p->predicted[d] = d < r->flipped ? 1 - gold : gold;
    p->probabilities[2 * d] = 0.25F + r->probability;
    p->probabilities[2 * d + 1] = 0.75F - r->probability;
  }
  return p;
}

static const char *choose(const char *value, const char *otherwise) {
  return value ? value : otherwise;
}

static void make_run(const char *name, recipe r) {
  const thaw_text_pair environment[] = {
      {"key", choose(r.key, "k1")},
      {"stage", r.no_classifier ? "pretrain" : "classify"},
      {"started", name},
      {"threads", choose(r.threads, "2")},
      {"thaw_version", "1"},
      {"plugin.encoder.lstm", choose(r.plugin_version, "1")},
      {"data.target", choose(r.old_hash, choose(r.train_hash, "h1"))},
      {choose(r.extra_key, "cores"), choose(r.extra_value, "2")},
      {"data.target.train", choose(r.train_hash, "h1")},
      {"data.target.test", "h2"}};
  thaw_classes classes = {0};
  for (const char *const *c = r.classes ? r.classes : plain_classes; *c; c++)
    ck_assert_int_eq(thaw_classes_add(ctx, &classes, *c), THAW_OK);
  thaw_vocabulary *vocabulary = make_vocabulary(&r);
  thaw_params *weights = make_weights(&r, vocabulary);
  thaw_series *const series = make_series(&r);
  const thaw_series *const series_list[] = {series};
  thaw_predictions *predictions = make_predictions(&r);
  const thaw_predictions *const predictions_list[] = {predictions};
  const bool classifies = !r.no_classifier && !r.unfinished;
  const thaw_run_content content = {
      .name = "test",
      .seed = r.seed ? r.seed : 1,
      .seconds = 1.5,
      .complete = !r.unfinished,
      .config_resolved = choose(r.config, "seed: 1\nencoder: {plugin: lstm, hidden: 4}\n"),
      .environment = environment,
      .environment_count = r.old_hash ? 8 : 10,
      .vocabulary = r.no_weights ? NULL : vocabulary,
      .weights = r.no_weights ? NULL : weights,
      .classes = r.no_classifier ? NULL : &classes,
      .series = series_list,
      .series_count = 1,
      .predictions = predictions_list,
      .predictions_count = classifies ? 1 : 0};
  char *path = path_of(name);
  ck_assert_msg(thaw_run_write(ctx, path, &content) == THAW_OK, "%s", thaw_error(ctx));
  free(path);
  thaw_classes_free(&classes);
  thaw_vocabulary_free(vocabulary);
  thaw_params_free(weights);
  thaw_series_free(series);
  thaw_predictions_free(predictions);
}

static void compare_files(const char *a, const char *b) {
  char *paths[2] = {path_of(a), path_of(b)};
  ck_assert_msg(thaw_diff_read(ctx, paths[0], paths[1], &diff) == THAW_OK, "%s", thaw_error(ctx));
  free(paths[0]);
  free(paths[1]);
}

/* A plain run and one made by the recipe. */
static void compare_with(recipe r) {
  make_run("a.h5", (recipe){0});
  make_run("b.h5", r);
  compare_files("a.h5", "b.h5");
}

/* ---- Expecting ------------------------------------------------------------------------------- */

/* The sections that differ, a bit for each. */
static void expect_sections(unsigned expected) {
  for (unsigned i = 0; i < THAW_DIFF_SECTIONS; i++) {
    const thaw_diff_section *s = &diff->sections[i];
    ck_assert_msg(s->differs == ((expected >> i & 1) != 0), "%s: %s", s->name, s->summary);
    ck_assert_msg(s->differs == (s->count > 0), "%s", s->name);
  }
  ck_assert(diff->differs == (expected != 0));
}

static const thaw_diff_row *row_of(unsigned section, const char *what) {
  const thaw_diff_section *s = &diff->sections[section];
  for (size_t i = 0; i < s->count; i++) {
    if (strcmp(s->rows[i].what, what) == 0) return &s->rows[i];
  }
  ck_abort_msg("there is no row '%s' in %s", what, s->name);
  return NULL;
}

static void expect_text(const char *found, const char *expected) {
  ck_assert_msg(!found == !expected && (!found || strcmp(found, expected) == 0),
                "expected '%s', found '%s'", expected ? expected : "nothing",
                found ? found : "nothing");
}

static void expect_texts(unsigned section, const char *what, const char *a, const char *b) {
  const thaw_diff_row *row = row_of(section, what);
  expect_text(row->a.text, a);
  expect_text(row->b.text, b);
}

static void expect_numbers(unsigned section, const char *what, double a, double b,
                           double difference) {
  const thaw_diff_row *row = row_of(section, what);
  const double expected[] = {a, b, difference};
  const double found[] = {row->a.number, row->b.number, row->difference};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_msg(isnan(expected[i]) ? isnan(found[i])
                                     : fabs(found[i] - expected[i]) <= 1e-6 * fabs(expected[i]),
                  "%s: expected %g, found %g", what, expected[i], found[i]);
  }
}

static void expect_conclusion(const char *part) {
  ck_assert_msg(strstr(diff->conclusion, part) != NULL, "'%s' is not in: %s", part,
                diff->conclusion);
}

static void expect_summary(unsigned section, const char *expected) {
  ck_assert_str_eq(diff->sections[section].summary, expected);
}

#define BIT(section) (1U << THAW_DIFF_##section)

/* ---- Nothing and one thing ------------------------------------------------------------------- */

START_TEST(nothing_differs) {
  compare_with((recipe){0});
  expect_sections(0);
  expect_summary(THAW_DIFF_CONFIG, "the same");
  expect_summary(THAW_DIFF_VOCABULARY, "the same 6 words");
  expect_summary(THAW_DIFF_WEIGHTS, "the same bits in 3 groups");
  expect_summary(THAW_DIFF_METRICS, "every loss is the same");
  expect_summary(THAW_DIFF_RESULTS, "the same");
  expect_conclusion("Nothing differs");
}
END_TEST

START_TEST(one_file_twice) {
  make_run("a.h5", (recipe){0});
  compare_files("a.h5", "a.h5");
  expect_sections(0);
  expect_conclusion("A and B are one file.");
}
END_TEST

START_TEST(the_config_differs) {
  compare_with((recipe){.config = "seed: 2\nname: b\nencoder: {plugin: lstm, hidden: 8}\n",
                        .seed = 2,
                        .key = "k2",
                        .loss = 0.5,
                        .hidden = 8});
  expect_sections(BIT(CONFIG) | BIT(WEIGHTS) | BIT(METRICS));
  expect_texts(THAW_DIFF_CONFIG, "seed", "1", "2");
  expect_texts(THAW_DIFF_CONFIG, "encoder.hidden", "4", "8");
  expect_texts(THAW_DIFF_WEIGHTS, "rnn.0/weight", "[4][3]", "[8][3]");
  expect_conclusion("The likely cause is the config (seed, encoder.hidden).");
  expect_conclusion(" The losses part at step 0 (epoch 0) of classify, by 0.33 of their size.");
}
END_TEST

/* Names, paths whose contents are the same, and the number of threads that was asked for. */
START_TEST(settings_that_change_no_result) {
  make_run("a.h5", (recipe){.config = "threads: 1\ndata: {target: {train: /a/train.csv}}\n"});
  make_run("b.h5", (recipe){.config = "threads: 2\ndata: {target: {train: /b/train.csv}}\n"});
  compare_files("a.h5", "b.h5");
  expect_sections(BIT(CONFIG));
  expect_texts(THAW_DIFF_CONFIG, "data.target.train", "/a/train.csv", "/b/train.csv");
  expect_summary(THAW_DIFF_CONFIG, "2 settings differ, in nothing that changes a result");
  expect_conclusion("What came out is the same, bit for bit, though config differs.");
}
END_TEST

/* A setting that a later version knows, with the value that it had without being named. */
START_TEST(settings_of_another_version) {
  compare_with((recipe){.config = "seed: 1\nencoder: {plugin: lstm, hidden: 4, new: 0}\n",
                        .threads = "1",
                        .loss = 1e-9});
  expect_texts(THAW_DIFF_CONFIG, "encoder.new", NULL, "0");
  expect_conclusion("Only the environment (threads) differs: sums are rounded otherwise.");
}
END_TEST

START_TEST(the_data_differ) {
  compare_with((recipe){.train_hash = "h3", .key = "k2", .loss = 0.5, .from = 2});
  expect_sections(BIT(DATA) | BIT(METRICS));
  expect_summary(THAW_DIFF_DATA, "the contents of 1 file differs (hashes)");
  expect_texts(THAW_DIFF_DATA, "target.train", "h1", "h3");
  expect_conclusion("The likely cause is the data (target.train).");
  expect_conclusion("at step 2 (epoch 0)");
}
END_TEST

START_TEST(data_of_older_runs) {
  compare_with((recipe){.old_hash = "h1"});
  expect_sections(0);
  thaw_diff_free(diff);
  compare_with((recipe){.old_hash = "h9", .key = "k2", .loss = 1});
  expect_texts(THAW_DIFF_DATA, "target", "h1", "h9");
  expect_conclusion("the data (target)");
}
END_TEST

START_TEST(only_the_environment_differs) {
  compare_with((recipe){.threads = "8", .loss = 1e-8, .from = 5, .shift = 1e-6F});
  expect_sections(BIT(ENVIRONMENT) | BIT(WEIGHTS) | BIT(METRICS));
  expect_texts(THAW_DIFF_ENVIRONMENT, "threads", "2", "8");
  expect_conclusion("Only the environment (threads) differs");
  expect_conclusion("at step 5 (epoch 1) of classify");
  expect_conclusion("as rounding makes them");
}
END_TEST

START_TEST(more_than_rounding) {
  compare_with((recipe){.threads = "8", .loss = 0.3});
  expect_conclusion("more than rounding");
}
END_TEST

START_TEST(another_plugin_version_and_threads) {
  compare_with((recipe){.plugin_version = "2", .threads = "1", .key = "k2", .loss = 0.1});
  expect_conclusion(
      "The likely causes, the likeliest first: another version "
      "(plugin.encoder.lstm); the environment, by rounding (threads).");
}
END_TEST

/* A plugin that one run alone has is a matter of the config. */
START_TEST(another_plugin) {
  compare_with((recipe){.extra_key = "plugin.head.max", .extra_value = "1"});
  expect_texts(THAW_DIFF_ENVIRONMENT, "cores", "2", NULL);
  ck_assert_uint_eq(diff->sections[THAW_DIFF_ENVIRONMENT].count, 1);
  expect_conclusion("What came out is the same, bit for bit, though environment differs.");
}
END_TEST

START_TEST(nothing_explains_it) {
  compare_with((recipe){.loss = 0.1});
  expect_conclusion("The same went in, but not the same came out");
  thaw_diff_free(diff);
  compare_with((recipe){.loss = 0.1, .key = "k2"});
  expect_conclusion("Nothing that is recorded differs");
}
END_TEST

/* ---- Vocabulary and weights ------------------------------------------------------------------ */

START_TEST(other_words) {
  static const char *const words[] = {"dog", "bird", "fish", NULL};
  compare_with((recipe){.words = words});
  expect_sections(BIT(VOCABULARY));
  expect_numbers(THAW_DIFF_VOCABULARY, "only here", 2, 2, NAN);
  expect_texts(THAW_DIFF_VOCABULARY, "the most frequent of these", "cat (5), eats (5)",
               "bird (5), fish (5)");
  expect_numbers(THAW_DIFF_VOCABULARY, "moved to another number", NAN, 1, NAN);
  expect_summary(THAW_DIFF_VOCABULARY, "4 words stand in one run only");
}
END_TEST

/* Every word has its own vector, wherever it stands: only the order differs. */
START_TEST(embeddings_are_compared_by_word) {
  static const char *const words[] = {"eats", "cat", "dog", "bird", NULL};
  compare_with((recipe){.words = words});
  expect_numbers(THAW_DIFF_VOCABULARY, "words", 6, 7, 1);
  expect_numbers(THAW_DIFF_VOCABULARY, "moved to another number", NAN, 3, NAN);
  /* Its shared rows are the same bits, so that the group does not count as differing. */
  expect_summary(THAW_DIFF_WEIGHTS, "the same bits in 3 groups");
}
END_TEST

START_TEST(the_same_words_in_another_order) {
  static const char *const words[] = {"eats", "cat", "dog", NULL};
  compare_with((recipe){.words = words});
  expect_sections(BIT(VOCABULARY));
  expect_summary(THAW_DIFF_VOCABULARY, "the same words in another order");
}
END_TEST

START_TEST(weights_by_group) {
  compare_with((recipe){.shift = 0.5F});
  expect_sections(BIT(WEIGHTS));
  const double a = 0.5 * sqrt(12), b = sqrt(12);
  expect_numbers(THAW_DIFF_WEIGHTS, "‖rnn.0‖", a, b, 1);
  ck_assert_uint_eq(diff->sections[THAW_DIFF_WEIGHTS].count, 1);
  expect_summary(THAW_DIFF_WEIGHTS,
                 "1 of 3 groups differs; the difference of one is ‖A − B‖ / ‖A‖");
}
END_TEST

START_TEST(groups_of_one_run) {
  compare_with((recipe){.more_groups = true});
  expect_texts(THAW_DIFF_WEIGHTS, "rnn.1", NULL, "1 tensor, 1 numbers");
  expect_summary(THAW_DIFF_WEIGHTS,
                 "1 of 4 groups differs; the difference of one is ‖A − B‖ / ‖A‖");
}
END_TEST

START_TEST(weights_that_are_no_numbers) {
  compare_with((recipe){.shift = NAN});
  expect_sections(BIT(WEIGHTS));
  thaw_table *table = NULL;
  thaw_buffer text = {0};
  ck_assert_int_eq(thaw_diff_table(ctx, diff, false, &table), THAW_OK);
  ck_assert_int_eq(thaw_table_write(ctx, table, THAW_TABLE_JSON, 0, &text), THAW_OK);
  ck_assert_ptr_nonnull(strstr(text.data, "\"B\":null"));
  thaw_table_free(table);
  thaw_buffer_free(&text);
}
END_TEST

/* An average of runs has neither. */
START_TEST(runs_without_weights) {
  make_run("a.h5", (recipe){.no_weights = true});
  make_run("b.h5", (recipe){.no_weights = true});
  compare_files("a.h5", "b.h5");
  expect_sections(0);
  expect_summary(THAW_DIFF_VOCABULARY, "neither run has one");
  expect_summary(THAW_DIFF_WEIGHTS, "neither run has any");
  thaw_diff_free(diff);
  compare_with((recipe){.no_weights = true});
  expect_sections(BIT(VOCABULARY) | BIT(WEIGHTS));
  expect_summary(THAW_DIFF_VOCABULARY, "only A has one");
  expect_texts(THAW_DIFF_WEIGHTS, "weights", "yes", "no");
}
END_TEST

/* ---- Metrics and results --------------------------------------------------------------------- */

START_TEST(curves_that_part) {
  compare_with((recipe){.loss = 0.5, .from = 5});
  expect_numbers(THAW_DIFF_METRICS, "classify: training loss at step 5, epoch 1", 1.0 / 6,
                 1.0 / 6 + 0.5, 0.5);
  expect_numbers(THAW_DIFF_METRICS, "classify: validation loss after epoch 1", 2, 2.5, 0.5);
  ck_assert_uint_eq(diff->sections[THAW_DIFF_METRICS].count, 2);
  expect_summary(THAW_DIFF_METRICS, "the losses part at step 5 of classify, by 0.75 of their size");
}
END_TEST

START_TEST(other_stages) {
  compare_with((recipe){.no_classifier = true});
  expect_texts(THAW_DIFF_CONFIG, "stage", "classify", "pretrain");
  expect_texts(THAW_DIFF_METRICS, "classify", "8 steps", NULL);
  expect_texts(THAW_DIFF_METRICS, "pretrain", NULL, "8 steps");
  expect_texts(THAW_DIFF_RESULTS, "test: predictions", "yes", "no");
  expect_conclusion("the config (the stage)");
}
END_TEST

START_TEST(language_models) {
  make_run("a.h5", (recipe){.no_classifier = true});
  make_run("b.h5", (recipe){.no_classifier = true, .loss = 1e-3, .key = "k2", .seed = 7});
  compare_files("a.h5", "b.h5");
  expect_sections(BIT(CONFIG) | BIT(METRICS));
  expect_summary(THAW_DIFF_RESULTS, "neither run has predictions");
  expect_conclusion("of pretrain");
}
END_TEST

START_TEST(documents_labelled_otherwise) {
  compare_with((recipe){.flipped = 3, .probability = 0.125F});
  expect_sections(BIT(RESULTS));
  expect_numbers(THAW_DIFF_RESULTS, "test: accuracy", 1, 0.7, -0.3);
  expect_numbers(THAW_DIFF_RESULTS, "test: documents that are labelled otherwise", NAN, 3, NAN);
  expect_numbers(THAW_DIFF_RESULTS, "test: right here alone", 3, 0, NAN);
  expect_numbers(THAW_DIFF_RESULTS, "test: largest difference of a probability", NAN, NAN, 0.125);
  expect_summary(THAW_DIFF_RESULTS, "3 of 10 test documents are labelled otherwise");
}
END_TEST

START_TEST(only_probabilities_differ) {
  compare_with((recipe){.probability = 0.125F});
  expect_summary(THAW_DIFF_RESULTS,
                 "every test document has the same label, with other probabilities");
}
END_TEST

/* The numbers of the classes move, their names and the documents' do not. */
START_TEST(classes_go_by_name) {
  static const char *const classes[] = {"drink", "food", "move", NULL};
  static const char *const renamed[] = {"food", "walk", NULL};
  compare_with((recipe){.classes = renamed});
  expect_texts(THAW_DIFF_RESULTS, "classes only here", "move", "walk");
  expect_summary(THAW_DIFF_RESULTS, "not tested on the same documents");
  expect_numbers(THAW_DIFF_RESULTS, "test: documents", 10, 10, NAN);
  thaw_diff_free(diff);
  diff = NULL;
  /* Three classes, predictions for two: the file makes no sense. */
  make_run("b.h5", (recipe){.classes = classes});
  char *a = path_of("a.h5"), *b = path_of("b.h5");
  ck_assert_int_eq(thaw_diff_read(ctx, a, b, &diff), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "3 classes, but predictions for 2"));
  free(a);
  free(b);
}
END_TEST

START_TEST(other_documents) {
  compare_with((recipe){.documents = 12, .flipped = 3});
  expect_numbers(THAW_DIFF_RESULTS, "test: documents", 10, 12, NAN);
  expect_numbers(THAW_DIFF_RESULTS, "test: accuracy", 1, 0.75, -0.25);
  expect_summary(THAW_DIFF_RESULTS, "not tested on the same documents");
}
END_TEST

START_TEST(an_unfinished_run) {
  compare_with((recipe){.unfinished = true});
  ck_assert_ptr_nonnull(strstr(diff->states[1], "not finished"));
  expect_conclusion("B is not finished: weights and metrics are those of a checkpoint.");
  thaw_diff_free(diff);
  make_run("a.h5", (recipe){.unfinished = true});
  compare_files("a.h5", "b.h5");
  expect_conclusion("A and B are not finished: weights and metrics are those of checkpoints.");
}
END_TEST

/* ---- Bad input ------------------------------------------------------------------------------- */

static void expect_refusal(const char *a, const char *b, const char *reason) {
  char *paths[2] = {path_of(a), path_of(b)};
  ck_assert_int_eq(thaw_diff_read(ctx, paths[0], paths[1], &diff), THAW_INVALID);
  ck_assert_ptr_null(diff);
  ck_assert_msg(strstr(thaw_error(ctx), reason) != NULL, "%s", thaw_error(ctx));
  free(paths[0]);
  free(paths[1]);
}

START_TEST(files_that_are_no_runs) {
  make_run("a.h5", (recipe){0});
  expect_refusal("a.h5", "missing.h5", "No such file");
  expect_refusal("missing.h5", "a.h5", "No such file");
  expect_refusal("a.h5", "", "a folder");
  char *b = path_of("b.h5");
  FILE *file = fopen(b, "w");
  ck_assert(file && fputs("no run\n", file) >= 0 && fclose(file) == 0);
  expect_refusal("a.h5", "b.h5", "is not an HDF5 file");
  make_run("b.h5", (recipe){0});
  ck_assert_int_eq(truncate(b, 3000), 0);
  expect_refusal("a.h5", "b.h5", "is truncated");
  free(b);
}
END_TEST

int main(void) {
  const TTest *const all[] = {nothing_differs,
                              one_file_twice,
                              the_config_differs,
                              settings_that_change_no_result,
                              settings_of_another_version,
                              the_data_differ,
                              data_of_older_runs,
                              only_the_environment_differs,
                              more_than_rounding,
                              another_plugin_version_and_threads,
                              another_plugin,
                              nothing_explains_it,
                              other_words,
                              embeddings_are_compared_by_word,
                              the_same_words_in_another_order,
                              weights_by_group,
                              groups_of_one_run,
                              weights_that_are_no_numbers,
                              runs_without_weights,
                              curves_that_part,
                              other_stages,
                              language_models,
                              documents_labelled_otherwise,
                              only_probabilities_differ,
                              classes_go_by_name,
                              other_documents,
                              an_unfinished_run,
                              files_that_are_no_runs};
  Suite *suite = suite_create("diff");
  TCase *tests = tcase_create("diff");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tcase_add_test(tests, all[i]);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
