/* Documents as ids; classes; which documents are held out and which are sampled. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/context.h"
#include "text/corpus.h"

static thaw_context *ctx;
static thaw_vocabulary *vocabulary; /* the = 3, cat = 4, sat = 5 */

/* ---- A tokenizer that cuts at spaces and refuses '!' ----------------------------------------- */

static thaw_status cut_at_spaces(void *self, const void *settings, const char *text, size_t bytes,
                                 thaw_piece_sink sink, void *user, thaw_context *context) {
  (void)self;
  (void)settings;
  for (size_t i = 0; i < bytes;) {
    size_t end = i;
    while (end < bytes && text[end] != ' ') end++;
    if (text[i] == '!') return thaw_fail(context, THAW_INVALID, "no shouting");
    if (end > i) sink(user, text + i, end - i);
    i = end + 1;
  }
  return THAW_OK;
}

static const thaw_tokenizer words = {.pieces = cut_at_spaces};
static const thaw_tokenizing tokenizing = {.api = &words};

static void set_up(void) {
  const char *const pieces[] = {"xxunk", "xxpad", "xxbos", "the", "cat", "sat"};
  ctx = thaw_context_create();
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, pieces, NULL, 6, &vocabulary), THAW_OK);
}

static void tear_down(void) {
  thaw_vocabulary_free(vocabulary);
  thaw_context_free(ctx);
}

static thaw_status add(thaw_corpus *corpus, const char *text, int32_t label) {
  return thaw_corpus_add(ctx, corpus, &tokenizing, vocabulary, text, strlen(text), label);
}

static void expect_document(const thaw_corpus *corpus, size_t document, size_t count,
                            const int32_t *ids) {
  ck_assert_uint_eq(corpus->offsets[document + 1] - corpus->offsets[document], count);
  ck_assert_mem_eq(corpus->ids + corpus->offsets[document], ids, count * sizeof *ids);
}

/* ---- Corpora --------------------------------------------------------------------------------- */

START_TEST(documents_become_ids) {
  thaw_corpus corpus = {0};
  ck_assert_int_eq(add(&corpus, "the cat sat", 1), THAW_OK);
  ck_assert_int_eq(add(&corpus, "the dog sat", 0), THAW_OK);
  ck_assert_int_eq(add(&corpus, "", 2), THAW_OK);
  ck_assert_int_eq(add(&corpus, "xxpad xxbos xxunk", 1), THAW_OK); /* spelt like special ones */
  ck_assert_uint_eq(corpus.count, 4);
  expect_document(&corpus, 0, 4, (int32_t[]){2, 3, 4, 5});
  expect_document(&corpus, 1, 4, (int32_t[]){2, 3, 0, 5});
  expect_document(&corpus, 2, 1, (int32_t[]){2});
  expect_document(&corpus, 3, 4, (int32_t[]){2, 0, 0, 0});
  ck_assert_mem_eq(corpus.labels, ((int32_t[]){1, 0, 2, 1}), 4 * sizeof(int32_t));
  ck_assert_uint_eq(corpus.unknown, 4);
  ck_assert_uint_eq(corpus.empty, 1);
  thaw_corpus_free(&corpus);
  ck_assert_ptr_null(corpus.ids);
}
END_TEST

START_TEST(a_very_long_document) {
  enum { WORDS = 200000 };
  char *text = malloc(WORDS * 4 + 1);
  for (size_t i = 0; i < WORDS; i++) memcpy(text + 4 * i, i % 2 ? "cat " : "the ", 4);
  text[WORDS * 4] = '\0';
  thaw_corpus corpus = {0};
  ck_assert_int_eq(add(&corpus, "sat", -1), THAW_OK);
  ck_assert_int_eq(add(&corpus, text, -1), THAW_OK);
  ck_assert_int_eq(add(&corpus, "sat", -1), THAW_OK);
  ck_assert_uint_eq(corpus.offsets[2] - corpus.offsets[1], WORDS + 1);
  for (size_t i = 0; i < WORDS; i++) ck_assert_int_eq(corpus.ids[3 + i], i % 2 ? 4 : 3);
  expect_document(&corpus, 2, 2, (int32_t[]){2, 5});
  ck_assert_ptr_null(corpus.labels);
  thaw_corpus_free(&corpus);
  free(text);
}
END_TEST

START_TEST(many_documents) {
  thaw_corpus corpus = {0};
  for (int32_t i = 0; i < 5000; i++) {
    ck_assert_int_eq(add(&corpus, i % 3 ? "cat sat" : "", i % 7), THAW_OK);
  }
  for (int32_t i = 0; i < 5000; i++) {
    expect_document(&corpus, (size_t)i, i % 3 ? 3 : 1, (int32_t[]){2, 4, 5});
    ck_assert_int_eq(corpus.labels[i], i % 7);
  }
  ck_assert_uint_eq(corpus.empty, 1667);
  thaw_corpus_free(&corpus);
}
END_TEST

START_TEST(labels_for_all_or_for_none) {
  thaw_corpus corpus = {0};
  ck_assert_int_eq(add(&corpus, "the", 0), THAW_OK);
  ck_assert_int_eq(add(&corpus, "the", -1), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "document 1 lacks a label, those before it have one");
  thaw_corpus_free(&corpus);
  ck_assert_int_eq(add(&corpus, "the", -1), THAW_OK);
  ck_assert_int_eq(add(&corpus, "the", 0), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "document 1 has a label, those before it have none");
  ck_assert_uint_eq(corpus.count, 1);
  thaw_corpus_free(&corpus);
}
END_TEST

START_TEST(a_document_that_the_tokenizer_refuses_is_not_there) {
  thaw_corpus corpus = {0};
  ck_assert_int_eq(add(&corpus, "the dog ! cat", 0), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "no shouting");
  ck_assert_uint_eq(corpus.count, 0);
  ck_assert_int_eq(add(&corpus, "cat", -1), THAW_OK); /* nothing is decided yet */
  ck_assert_int_eq(add(&corpus, "the dog ! cat", -1), THAW_INVALID);
  ck_assert_int_eq(add(&corpus, "sat", -1), THAW_OK);
  ck_assert_uint_eq(corpus.count, 2);
  ck_assert_uint_eq(corpus.unknown, 0);
  expect_document(&corpus, 1, 2, (int32_t[]){2, 5});
  thaw_corpus_free(&corpus);
}
END_TEST

START_TEST(some_documents_are_picked) {
  thaw_corpus corpus = {0}, picked;
  ck_assert_int_eq(add(&corpus, "the dog", 3), THAW_OK);
  ck_assert_int_eq(add(&corpus, "cat", 4), THAW_OK);
  ck_assert_int_eq(add(&corpus, "", 5), THAW_OK);
  ck_assert_int_eq(thaw_corpus_pick(ctx, &corpus, (size_t[]){2, 0}, 2, &picked), THAW_OK);
  ck_assert_uint_eq(picked.count, 2);
  expect_document(&picked, 0, 1, (int32_t[]){2});
  expect_document(&picked, 1, 3, (int32_t[]){2, 3, 0});
  ck_assert_mem_eq(picked.labels, ((int32_t[]){5, 3}), 2 * sizeof(int32_t));
  ck_assert_uint_eq(picked.unknown, 1);
  ck_assert_uint_eq(picked.empty, 1);
  /* It can grow like any other. */
  for (int i = 0; i < 200; i++) ck_assert_int_eq(add(&picked, "cat sat", 1), THAW_OK);
  expect_document(&picked, 201, 3, (int32_t[]){2, 4, 5});
  thaw_corpus_free(&picked);
  ck_assert_int_eq(thaw_corpus_pick(ctx, &corpus, NULL, 0, &picked), THAW_OK);
  ck_assert_uint_eq(picked.count, 0);
  thaw_corpus_free(&picked);
  thaw_corpus_free(&corpus);
}
END_TEST

/* ---- Numbers, and corpora that are larger than memory ---------------------------------------- */

START_TEST(numbers_become_ids) {
  thaw_corpus corpus = {0};
  thaw_vocabulary *counting = thaw_vocabulary_create(NULL);
  static const char *const texts[] = {"sat cat cat", "dog", "xxbos dog cat"};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_int_eq(thaw_corpus_add_numbers(ctx, &corpus, &tokenizing, counting, i != 1, texts[i],
                                             strlen(texts[i]), -1),
                     THAW_OK);
  }
  expect_document(&corpus, 0, 4, (int32_t[]){2, 3, 4, 4});
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, counting, 1, 0), THAW_OK);
  ck_assert_uint_eq(thaw_vocabulary_frequency(counting, 3), 3); /* cat */
  ck_assert_uint_eq(thaw_vocabulary_frequency(counting, 4), 1); /* dog, of the last text alone */
  int32_t ids[6];
  ck_assert_uint_eq(thaw_vocabulary_numbers(counting), 6);
  thaw_vocabulary_ids(counting, vocabulary, ids);
  ck_assert_int_eq(thaw_corpus_finish(ctx, &corpus, ids), THAW_OK);
  expect_document(&corpus, 0, 4, (int32_t[]){2, 5, 4, 4});
  expect_document(&corpus, 1, 2, (int32_t[]){2, 0});
  expect_document(&corpus, 2, 4, (int32_t[]){2, 0, 0, 4});
  ck_assert_uint_eq(corpus.unknown, 3);
  thaw_corpus_free(&corpus);
  thaw_vocabulary_free(counting);
}
END_TEST

/* Documents of different lengths, in all more than two times what stays in memory. */
static thaw_status fill(thaw_corpus *corpus) {
  static const char words_of[] = "the cat sat the dog sat cat sat ";
  char text[64 * 32 + 1] = "";
  for (size_t i = 0; i < 64; i++) memcpy(text + 32 * i, words_of, 32);
  for (size_t i = 0; corpus->count == 0 || corpus->offsets[corpus->count] < 2500000; i++) {
    thaw_status status = thaw_corpus_add(ctx, corpus, &tokenizing, vocabulary, text,
                                         i * 37 % sizeof text, (int32_t)(i % 3));
    if (status) return status;
  }
  return THAW_OK;
}

START_TEST(ids_that_are_too_many_go_to_a_file) {
  static const int32_t same[] = {0, 1, 2, 3, 4, 5}, other[] = {0, 1, 2, 5, 0, 3};
  thaw_corpus kept = {0};
  ck_assert_int_eq(fill(&kept), THAW_OK);
  ck_assert_ptr_null(kept.file);
  for (size_t pass = 0; pass < 3; pass++) {
    const int32_t *ids = pass == 0 ? NULL : pass == 1 ? same : other;
    thaw_corpus large = {.folder = "/tmp"};
    ck_assert_int_eq(fill(&large), THAW_OK);
    ck_assert_ptr_nonnull(large.file);
    ck_assert_int_eq(thaw_corpus_finish(ctx, &large, ids), THAW_OK);
    ck_assert_int_eq(thaw_corpus_finish(ctx, &kept, ids), THAW_OK);
    ck_assert_uint_eq(large.count, kept.count);
    ck_assert_mem_eq(large.offsets, kept.offsets, (kept.count + 1) * sizeof *kept.offsets);
    ck_assert_mem_eq(large.labels, kept.labels, kept.count * sizeof *kept.labels);
    ck_assert(memcmp(large.ids, kept.ids, kept.offsets[kept.count] * sizeof *kept.ids) == 0);
    ck_assert_uint_eq(large.unknown, kept.unknown);
    ck_assert_uint_eq(large.empty, kept.empty);
    thaw_corpus_free(&large);
  }
  thaw_corpus_free(&kept);
}
END_TEST

START_TEST(a_file_leaves_nothing_behind) {
  char folder[] = "/tmp/thaw-corpus-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(folder));
  thaw_corpus finished = {.folder = folder}, begun = {.folder = folder};
  ck_assert_int_eq(fill(&finished), THAW_OK);
  ck_assert_int_eq(fill(&begun), THAW_OK);
  ck_assert_int_eq(thaw_corpus_finish(ctx, &finished, NULL), THAW_OK);
  ck_assert_int_eq(rmdir(folder), 0); /* it is empty even now */
  thaw_corpus_free(&finished);
  thaw_corpus_free(&begun);
}
END_TEST

START_TEST(no_place_for_a_file) {
  thaw_corpus corpus = {.folder = "/nowhere"};
  ck_assert_int_eq(setenv("TMPDIR", "/tmp", 1), 0);
  ck_assert_int_eq(fill(&corpus), THAW_OK);
  ck_assert_ptr_nonnull(corpus.file);
  thaw_corpus_free(&corpus);
  corpus.folder = "/nowhere";
  ck_assert_int_eq(setenv("TMPDIR", "/nowhere/else", 1), 0);
  ck_assert_int_eq(fill(&corpus), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx),
                   "cannot make a temporary file in /nowhere/else for the text's ids: "
                   "No such file or directory");
  thaw_corpus_free(&corpus);
}
END_TEST

/* A limit on the size of files, which fails as a full disk does. */
START_TEST(a_full_disk) {
  const struct rlimit limit = {6 << 20, 6 << 20};
  ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  thaw_corpus corpus = {.folder = "/tmp"};
  ck_assert_int_eq(fill(&corpus), THAW_FAILED);
  ck_assert_str_eq(thaw_error(ctx),
                   "cannot write the text's ids to a temporary file in /tmp, after 6 MB: "
                   "File too large");
  thaw_corpus_free(&corpus);
}
END_TEST

/* ---- Classes --------------------------------------------------------------------------------- */

START_TEST(classes_are_in_the_order_of_bytes) {
  static const char *const names[] = {"pos", "neg", "été", "NUM", "neg", "10", "9", "pos"};
  static const char *const sorted[] = {"10", "9", "NUM", "neg", "pos", "été"};
  thaw_classes classes = {0};
  for (size_t i = 0; i < 8; i++) {
    ck_assert_int_eq(thaw_classes_add(ctx, &classes, names[i]), THAW_OK);
  }
  thaw_classes_sort(&classes);
  ck_assert_uint_eq(classes.count, 6);
  for (int32_t i = 0; i < 6; i++) {
    ck_assert_str_eq(classes.names[i], sorted[i]);
    ck_assert_int_eq(thaw_classes_find(&classes, sorted[i]), i);
  }
  ck_assert_int_eq(thaw_classes_find(&classes, "ne"), -1);
  ck_assert_int_eq(thaw_classes_find(&classes, "z"), -1);
  thaw_classes_free(&classes);
  ck_assert_int_eq(thaw_classes_find(&classes, "pos"), -1);
  thaw_classes_free(&classes);
}
END_TEST

/* ---- Held-out documents and samples ---------------------------------------------------------- */

/* 100 of class 0, 60 of class 1, 9 of class 2, two of class 3, one of class 4, mixed. */
enum { DOCUMENTS = 172, CLASSES = 5 };
static const size_t sizes[CLASSES] = {100, 60, 9, 2, 1};

static void make_labels(int32_t *labels) {
  size_t place[DOCUMENTS], at = 0;
  thaw_rng rng = thaw_rng_make(1, 1);
  for (size_t i = 0; i < DOCUMENTS; i++) place[i] = i;
  thaw_rng_shuffle(&rng, place, DOCUMENTS);
  for (int32_t c = 0; c < CLASSES; c++) {
    for (size_t i = 0; i < sizes[c]; i++) labels[place[at++]] = c;
  }
}

static void expect_shares(const int32_t *labels, const bool *chosen, const size_t *expected) {
  size_t shares[CLASSES] = {0};
  for (size_t i = 0; i < DOCUMENTS; i++) shares[labels[i]] += chosen[i];
  for (size_t c = 0; c < CLASSES; c++) {
    ck_assert_msg(shares[c] == expected[c], "class %zu: %zu chosen, expected %zu", c, shares[c],
                  expected[c]);
  }
}

START_TEST(a_split_keeps_the_shares_of_classes) {
  int32_t labels[DOCUMENTS];
  bool held[DOCUMENTS], again[DOCUMENTS];
  make_labels(labels);
  thaw_split(labels, DOCUMENTS, CLASSES, 0.1, 7, held);
  expect_shares(labels, held, (size_t[]){10, 6, 1, 1, 0}); /* the only one stays in training */
  thaw_split(labels, DOCUMENTS, CLASSES, 0.1, 7, again);
  ck_assert_mem_eq(held, again, sizeof held);
  thaw_split(labels, DOCUMENTS, CLASSES, 0.1, 8, again);
  ck_assert_mem_ne(held, again, sizeof held);
  expect_shares(labels, again, (size_t[]){10, 6, 1, 1, 0});
  thaw_split(labels, DOCUMENTS, CLASSES, 1, 7, held);
  expect_shares(labels, held, (size_t[]){99, 59, 8, 1, 0}); /* something is left to train on */
  thaw_split(labels, DOCUMENTS, CLASSES, 0, 7, held);
  expect_shares(labels, held, (size_t[]){0, 0, 0, 0, 0});
}
END_TEST

START_TEST(a_split_without_labels) {
  bool held[50];
  size_t count = 0;
  thaw_split(NULL, 50, 0, 0.2, 1, held);
  for (size_t i = 0; i < 50; i++) count += held[i];
  ck_assert_uint_eq(count, 10);
  thaw_split(NULL, 1, 0, 0.5, 1, held);
  ck_assert(!held[0]);
}
END_TEST

/* Every document is as likely as any other to be held out. */
START_TEST(a_split_is_fair) {
  size_t times[20] = {0};
  for (uint64_t seed = 0; seed < 2000; seed++) {
    bool held[20];
    thaw_split(NULL, 20, 0, 0.25, seed, held);
    for (size_t i = 0; i < 20; i++) times[i] += held[i];
  }
  for (size_t i = 0; i < 20; i++) {
    ck_assert_msg(times[i] > 400 && times[i] < 600, "document %zu: %zu of 2000", i, times[i]);
  }
}
END_TEST

static void sample(const int32_t *labels, const bool *held, size_t count, size_t classes,
                   size_t wanted, uint64_t seed, bool *kept) {
  const thaw_status status = thaw_sample(ctx, labels, held, count, classes, wanted, seed, kept);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
}

START_TEST(a_sample_keeps_the_shares_of_classes) {
  int32_t labels[DOCUMENTS];
  bool kept[DOCUMENTS], again[DOCUMENTS];
  make_labels(labels);
  sample(labels, NULL, DOCUMENTS, CLASSES, 86, 7, kept);
  expect_shares(labels, kept, (size_t[]){50, 30, 4, 1, 1});
  sample(labels, NULL, DOCUMENTS, CLASSES, 86, 7, again);
  ck_assert_mem_eq(kept, again, sizeof kept);
  sample(labels, NULL, DOCUMENTS, CLASSES, 86, 8, again);
  ck_assert_mem_ne(kept, again, sizeof kept);
  sample(labels, NULL, DOCUMENTS, CLASSES, 7, 7, kept);
  expect_shares(labels, kept, (size_t[]){3, 1, 1, 1, 1});
  sample(labels, NULL, DOCUMENTS, CLASSES, 2, 7, kept); /* fewer than there are classes */
  expect_shares(labels, kept, (size_t[]){1, 1, 1, 1, 1});
  sample(labels, NULL, DOCUMENTS, CLASSES, DOCUMENTS, 7, kept);
  expect_shares(labels, kept, sizes);
  sample(labels, NULL, DOCUMENTS, CLASSES, 0, 7, kept);
  expect_shares(labels, kept, (size_t[]){0, 0, 0, 0, 0});
}
END_TEST

/* Whatever is wanted, exactly that many documents are kept, and at least one of every class. */
START_TEST(a_sample_of_any_size) {
  int32_t labels[DOCUMENTS];
  bool kept[DOCUMENTS], held[DOCUMENTS];
  make_labels(labels);
  thaw_split(labels, DOCUMENTS, CLASSES, 0.1, 3, held);
  for (size_t wanted = CLASSES; wanted <= DOCUMENTS + 1; wanted++) {
    size_t count = 0, of_class[CLASSES] = {0};
    sample(labels, held, DOCUMENTS, CLASSES, wanted, wanted, kept);
    for (size_t i = 0; i < DOCUMENTS; i++) {
      ck_assert(!(kept[i] && held[i]));
      count += kept[i];
      of_class[labels[i]] += kept[i];
    }
    ck_assert_uint_eq(count, wanted < 154 ? wanted : 154);
    for (size_t c = 0; c < CLASSES; c++) ck_assert_uint_ge(of_class[c], 1);
  }
}
END_TEST

/* A document that is in a sample is in every larger one. */
START_TEST(samples_are_nested) {
  int32_t labels[DOCUMENTS];
  bool held[DOCUMENTS], smaller[DOCUMENTS], kept[DOCUMENTS];
  make_labels(labels);
  for (uint64_t seed = 0; seed < 20; seed++) {
    thaw_split(labels, DOCUMENTS, CLASSES, 0.1, seed, held);
    sample(labels, held, DOCUMENTS, CLASSES, 0, seed, smaller);
    for (size_t wanted = 1; wanted <= 154; wanted++) {
      sample(labels, held, DOCUMENTS, CLASSES, wanted, seed, kept);
      for (size_t i = 0; i < DOCUMENTS; i++) {
        if (smaller[i] && !kept[i])
          ck_abort_msg("seed %zu: document %zu is not among %zu", (size_t)seed, i, wanted);
      }
      memcpy(smaller, kept, sizeof kept);
    }
  }
}
END_TEST

/* No class is further than one document from its share, once every class has one by its share. */
START_TEST(a_sample_is_stratified) {
  enum { COUNT = 2000, KINDS = 6 };
  static const size_t of_kind[KINDS] = {460, 30, 450, 440, 310, 310}; /* nearly TREC-6's shares */
  static int32_t labels[COUNT];
  static bool kept[COUNT];
  for (size_t c = 0, i = 0; c < KINDS; c++) {
    for (size_t k = 0; k < of_kind[c]; k++) labels[i++] = (int32_t)c;
  }
  for (size_t wanted = 67; wanted <= COUNT; wanted += 13) {
    size_t shares[KINDS] = {0};
    sample(labels, NULL, COUNT, KINDS, wanted, wanted, kept);
    for (size_t i = 0; i < COUNT; i++) shares[labels[i]] += kept[i];
    for (size_t c = 0; c < KINDS; c++) {
      const double share = (double)wanted * (double)of_kind[c] / COUNT;
      ck_assert_msg(fabs((double)shares[c] - share) < 1, "%zu of class %zu among %zu, not %g",
                    shares[c], c, wanted, share);
    }
  }
}
END_TEST

/* Every document of a class is as likely as any other of it to be sampled. */
START_TEST(a_sample_is_fair) {
  int32_t labels[20];
  size_t times[20] = {0};
  for (int32_t i = 0; i < 20; i++) labels[i] = i % 2;
  for (uint64_t seed = 0; seed < 2000; seed++) {
    bool kept[20];
    sample(labels, NULL, 20, 2, 6, seed, kept);
    for (size_t i = 0; i < 20; i++) times[i] += kept[i];
  }
  for (size_t i = 0; i < 20; i++) {
    ck_assert_msg(times[i] > 500 && times[i] < 700, "document %zu: %zu of 2000", i, times[i]);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("corpus");
  TCase *tests = tcase_create("corpus");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, documents_become_ids);
  tcase_add_test(tests, a_very_long_document);
  tcase_add_test(tests, many_documents);
  tcase_add_test(tests, labels_for_all_or_for_none);
  tcase_add_test(tests, a_document_that_the_tokenizer_refuses_is_not_there);
  tcase_add_test(tests, some_documents_are_picked);
  tcase_add_test(tests, numbers_become_ids);
  tcase_add_test(tests, ids_that_are_too_many_go_to_a_file);
  tcase_add_test(tests, a_file_leaves_nothing_behind);
  tcase_add_test(tests, no_place_for_a_file);
  tcase_add_test(tests, a_full_disk);
  tcase_add_test(tests, classes_are_in_the_order_of_bytes);
  tcase_add_test(tests, a_split_keeps_the_shares_of_classes);
  tcase_add_test(tests, a_split_without_labels);
  tcase_add_test(tests, a_split_is_fair);
  tcase_add_test(tests, a_sample_keeps_the_shares_of_classes);
  tcase_add_test(tests, a_sample_of_any_size);
  tcase_add_test(tests, samples_are_nested);
  tcase_add_test(tests, a_sample_is_stratified);
  tcase_add_test(tests, a_sample_is_fair);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
