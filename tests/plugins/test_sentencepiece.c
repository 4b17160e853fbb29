/* The tokenizer `sentencepiece`: learning, keeping and loading models, any text, bad models. */
#define _GNU_SOURCE /* memmem */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unistr.h>

#include "base/buffer.h"
#include "experiment/fixture.h"
#include "tokenizer_bench.h"

static thaw_buffer state;

static void set_up(void) {
  fixture_begin();
  bench_begin("sentencepiece");
  between = "|";
  set("size", "28");
}

static void tear_down(void) {
  thaw_buffer_free(&state);
  bench_end();
  fixture_end();
}

/* ---- Learning -------------------------------------------------------------------------------- */

/* A corpus of sentences of a few words; some with rare characters. */
typedef struct corpus {
  size_t next, count;
  const char *all; /* every document is this one, if it is set */
  char text[256];
} corpus;

static const char *next_document(void *user, size_t *bytes) {
  static const char *const words[] = {"international", "nation",  "national", "relation",
                                      "station",       "related", "unrelated"};
  corpus *c = user;
  if (c->next == c->count) return NULL;
  const size_t i = c->next++;
  snprintf(c->text, sizeof c->text, "The %s of %s is %s%s", words[i % 7], words[i / 7 % 7],
           words[(i / 3 + 2) % 7], i % 50 ? "." : " é!");
  if (c->all) {
    *bytes = strlen(c->all);
    return c->all;
  }
  *bytes = strlen(c->text);
  return c->text;
}

static thaw_status fit(size_t documents) {
  corpus c = {.count = documents};
  return plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx);
}

static void learn(void) {
  ck_assert_msg(fit(300) == THAW_OK, "%s", thaw_error(ctx));
}

static void append(void *user, const char *bytes, size_t count) {
  if (!thaw_buffer_append(user, bytes, count)) ck_abort_msg("no memory");
}

/* What was learned, in `state`. */
static void save(void) {
  thaw_buffer_clear(&state);
  ck_assert_int_eq(plugin->api.tokenizer->save(self, settings, append, &state, ctx), THAW_OK);
}

static thaw_status load(const char *bytes, size_t count) {
  return plugin->api.tokenizer->load(self, settings, bytes, count, ctx);
}

static void expect_message(thaw_status status, const char *text) {
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_msg(strstr(thaw_error(ctx), text) != NULL, "expected '%s', found '%s'", text,
                thaw_error(ctx));
}

static void expect_comes_back(const char *text) {
  char *copy = strdup(cut(text));
  const char *found = join(copy);
  ck_assert_msg(strcmp(found, text) == 0, "'%s' became '%s', then '%s'", text, copy, found);
  free(copy);
}

static void check_kind(const char *kind) {
  set("kind", kind);
  learn();
  ck_assert_ptr_nonnull(strstr(cut("the nation"), "nation"));
  ck_assert_ptr_null(strstr(cut("the international station"), "xxunk"));
  ck_assert_ptr_nonnull(strchr(cut("unstated"), '|'));
  expect_comes_back("the international relation");
  expect_comes_back("unstated lines. Then");
  ck_assert_str_eq(cut(""), "");
  ck_assert_str_eq(join(""), "");
}

START_TEST(a_unigram_model_is_learned) {
  check_kind("unigram");
}
END_TEST

START_TEST(byte_pairs_are_learned) {
  check_kind("bpe");
}
END_TEST

START_TEST(unknown_characters) {
  set("character_coverage", "0.99");
  learn();
  ck_assert_str_eq(cut("nation 日本"), "▁nation|▁|xxunk");
  ck_assert_str_eq(join("▁nation|▁|xxunk|a"), "nation  \u2047 a");
  set("byte_fallback", "true");
  set("size", "280");
  learn();
  ck_assert_str_eq(cut("日"), "▁|<0xE6>|<0x97>|<0xA5>");
  expect_comes_back("nation 日本 é");
}
END_TEST

START_TEST(a_text_cannot_write_the_vocabulary_s_own_pieces) {
  corpus c = {.count = 50, .all = "xxpad axxpad bxxpad cxxpad xxpadxxpad nation"};
  set("size", "20");
  set("kind", "bpe");
  ck_assert_int_eq(plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx), THAW_OK);
  save();
  ck_assert_ptr_nonnull(memmem(state.data, state.size, "xxpad", 5)); /* it is a piece */
  const char *found = cut("axxpad");
  ck_assert_ptr_null(strstr(found, "xxpad"));
  ck_assert_ptr_nonnull(strstr(found, "xx|pad"));
  expect_comes_back("axxpad");
}
END_TEST

/* No text crashes it; with nothing evened out and nothing unknown every text comes back. */
START_TEST(any_text) {
  uint8_t text[600];
  between = "\x01";
  set("byte_fallback", "true");
  set("size", "280");
  for (size_t round = 0; round < 2; round++) {
    set("normalization", round ? "identity" : "nmt_nfkc");
    learn();
    for (uint64_t seed = 0; seed < 500; seed++) {
      size_t bytes = random_text(seed, text, sizeof text - 1), kept = 0;
      for (size_t i = 0; i < bytes; i++) { /* readers let no NUL through; 1 is taken */
        if (text[i] > 1) text[kept++] = text[i];
      }
      text[kept] = '\0';
      if (strstr((char *)text, "\u2581")) continue;
      const char *pieces = cut_bytes((char *)text, kept);
      ck_assert(u8_check((const uint8_t *)pieces, strlen(pieces)) == NULL);
      if (round == 1) expect_comes_back((char *)text);
    }
  }
}
END_TEST

START_TEST(the_same_text_the_same_bits) {
  thaw_buffer first = {0};
  for (size_t round = 0; round < 2; round++) {
    set("kind", round ? "bpe" : "unigram");
    learn();
    save();
    thaw_buffer_clear(&first);
    append(&first, state.data, state.size);
    bench_forget();
    learn();
    save();
    ck_assert_uint_eq(first.size, state.size);
    ck_assert_mem_eq(first.data, state.data, state.size);
  }
  thaw_buffer_free(&first);
}
END_TEST

/* 4 MiB in one document, of which one is kept; and one word of two bytes a letter, in which no
 * eight different pieces can be found. */
START_TEST(long_texts_are_cut_into_parts) {
  enum { COPIES = 150000 };
  thaw_buffer text = {0};
  for (size_t i = 0; i < COPIES; i++)
    thaw_buffer_format(&text, "nation %zu état stations%s", i * i % 977, i % 9 ? " " : "");
  corpus c = {.count = 1, .all = text.data};
  set("sample", "1");
  ck_assert_msg(plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx) == THAW_OK, "%s",
                thaw_error(ctx));
  ck_assert_str_eq(cut("nation"), "▁nation");
  memset(text.data, 'a', text.size);
  for (size_t i = 0; i + 1 < text.size; i += 2) memcpy(text.data + i, "é", 2);
  c.next = 0;
  set("size", "8");
  ck_assert_int_eq(plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx),
                   THAW_INVALID);
  thaw_buffer_free(&text);
}
END_TEST

START_TEST(what_cannot_be_learned) {
  expect_message(fit(0), "there is no text to learn from");
  set("size", "5000");
  expect_message(fit(300), "a model of 5000 pieces cannot be trained on this text: ");
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "Vocabulary size")); /* says what is possible */
  set("kind", "bpe");
  expect_message(fit(300), "a model of 5000 pieces cannot be trained on this text: ");
  set("size", "8");
  expect_message(fit(300), "a model of 8 pieces cannot be trained on this text: ");
  corpus c = {.count = 3, .all = " \n "};
  expect_message(plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx),
                 "cannot be trained");
}
END_TEST

/* ---- Keeping and loading --------------------------------------------------------------------- */

START_TEST(a_model_is_kept) {
  learn();
  save();
  char *before = strdup(cut("the international relation"));
  bench_forget();
  expect_message(plugin->api.tokenizer->save(self, settings, append, &state, ctx),
                 "nothing has been learned yet");
  expect_message(plugin->api.tokenizer->pieces(self, settings, "a", 1, NULL, NULL, ctx),
                 "nothing has been learned yet");
  ck_assert_int_eq(load(state.data, state.size), THAW_OK);
  ck_assert_str_eq(cut("the international relation"), before);
  free(before);
}
END_TEST

static void write_state(const char *name) {
  FILE *file = fopen(name, "wb");
  fwrite(state.data, 1, state.size, file);
  fclose(file);
}

START_TEST(a_model_can_be_given) {
  learn();
  save();
  write_state("m.model");
  bench_forget();
  set("model", "m.model");
  set("size", "5000");
  corpus c = {.count = 0};
  ck_assert_int_eq(plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx), THAW_OK);
  ck_assert_str_eq(cut("nation"), "▁nation");
  set("model", "missing.model");
  expect_message(plugin->api.tokenizer->fit(self, settings, next_document, &c, ctx),
                 "missing.model: cannot be read");
}
END_TEST

/* Its pieces stand one after the other in a model: what is cut off at its end may be a smaller one,
 * of which no more is asked than that nothing crashes. */
START_TEST(bad_models_are_refused) {
  learn();
  save();
  size_t refused = 0;
  for (size_t bytes = 0; bytes < state.size; bytes += 1 + state.size / 5000) {
    char *exact = malloc(bytes + 1); /* the sanitizer sees a step beyond its end */
    memcpy(exact, state.data, bytes);
    exact = realloc(exact, bytes ? bytes : 1);
    if (load(exact, bytes) == THAW_OK)
      cut("the international relation é");
    else
      refused++;
    free(exact);
  }
  ck_assert_uint_gt(refused, 100);
  expect_message(load("", 0), "what was kept of the tokenizer is no sentencepiece model");
  expect_message(load("text,label\n", 11), "is no sentencepiece model");
  set("model", "train.csv");
  expect_message(fit(0), "train.csv is no sentencepiece model");
}
END_TEST

/* ---- In a run -------------------------------------------------------------------------------- */

static void expect_own_lines(const char *text) {
  for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
    ck_assert_msg(strncmp(line, "thaw: ", 6) == 0 || strchr("pfc", *line), "a line of others: %s",
                  line);
  }
}

START_TEST(a_run_with_it) {
  fixture_edit("experiment.yaml", "{plugin: word, min_count: 1}",
               "{plugin: sentencepiece, size: 30, min_count: 1, max_vocab: 0}");
  fixture_result result = fixture_run("run experiment.yaml -o a.h5", NULL);
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  expect_own_lines(result.err.data);
  fixture_free(&result);
  thaw_run_file *run = fixture_open_run(ctx, "a.h5");
  thaw_vocabulary *vocabulary = NULL;
  ck_assert_int_eq(thaw_run_vocabulary(ctx, run, NULL, &vocabulary), THAW_OK);
  ck_assert_uint_ge(thaw_vocabulary_size(vocabulary), 25);
  ck_assert_uint_le(thaw_vocabulary_size(vocabulary), 32); /* 30, and xxpad and xxbos */
  thaw_vocabulary_free(vocabulary);
  char *bytes;
  size_t count;
  ck_assert_int_eq(thaw_run_tokenizer_state(ctx, run, &bytes, &count), THAW_OK);
  thaw_run_close(run);
  append(&state, bytes, count);
  free(bytes);
  write_state("m.model");
  result = fixture_run("predict a.h5", "the cat eats at home\n");
  ck_assert_int_eq(result.status, 0);
  ck_assert_ptr_nonnull(strchr(result.out.data, '\t'));
  fixture_free(&result);
}
END_TEST

START_TEST(a_given_model_is_part_of_the_key) {
  learn();
  save();
  write_state("m.model");
  fixture_edit("experiment.yaml", "{plugin: word, min_count: 1}",
               "{plugin: sentencepiece, model: m.model, min_count: 1, max_vocab: 0}");
  fixture_expect(0, "run experiment.yaml -o a.h5");
  /* Under another name it is the same run. */
  fixture_expect(0, "run experiment.yaml -o a.h5");
  ck_assert_int_eq(rename("m.model", "n.model"), 0);
  fixture_result result = fixture_run("predict a.h5", "the cat eats\n");
  ck_assert_int_eq(result.status, 0);
  fixture_free(&result);
  fixture_expect(0, "run experiment.yaml -o a.h5 --set tokenizer.model=n.model");
  set("size", "27");
  learn();
  save();
  write_state("n.model");
  fixture_expect_error(2, "run experiment.yaml -o a.h5 --set tokenizer.model=n.model",
                       "a.h5 holds another run");
  fixture_expect_error(2, "run experiment.yaml -o b.h5 --set tokenizer.model=train.csv",
                       "train.csv is no sentencepiece model");
  fixture_expect_error(2, "run experiment.yaml -o b.h5 --set tokenizer.model=o.model",
                       "there is no such file (did you mean 'n.model'?)");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("sentencepiece");
  TCase *tests = tcase_create("sentencepiece");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_unigram_model_is_learned);
  tcase_add_test(tests, byte_pairs_are_learned);
  tcase_add_test(tests, unknown_characters);
  tcase_add_test(tests, a_text_cannot_write_the_vocabulary_s_own_pieces);
  tcase_add_test(tests, any_text);
  tcase_add_test(tests, the_same_text_the_same_bits);
  tcase_add_test(tests, long_texts_are_cut_into_parts);
  tcase_add_test(tests, what_cannot_be_learned);
  tcase_add_test(tests, a_model_is_kept);
  tcase_add_test(tests, a_model_can_be_given);
  tcase_add_test(tests, bad_models_are_refused);
  tcase_add_test(tests, a_run_with_it);
  tcase_add_test(tests, a_given_model_is_part_of_the_key);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
