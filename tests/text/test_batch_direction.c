/* Streams and buckets for encoders that read backwards, or both ways. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/batch.h"

enum { DOCUMENTS = 60, FIRST = 1000 }; /* every token has an id of its own, rising from FIRST */

static thaw_context *ctx;
static thaw_corpus corpus;
static thaw_batches *batches;
static size_t tokens;

/* Documents of 0 to 9 tokens. */
static void set_up(void) {
  thaw_rng rng = thaw_rng_make(5, 5);
  ctx = thaw_context_create();
  batches = NULL;
  corpus = (thaw_corpus){.count = DOCUMENTS};
  corpus.offsets = calloc(DOCUMENTS + 1, sizeof *corpus.offsets);
  for (size_t d = 0; d < DOCUMENTS; d++)
    corpus.offsets[d + 1] = corpus.offsets[d] + (size_t)thaw_rng_below(&rng, 10);
  tokens = corpus.offsets[DOCUMENTS];
  corpus.ids = calloc(tokens, sizeof *corpus.ids);
  for (size_t i = 0; i < tokens; i++) corpus.ids[i] = FIRST + (int32_t)i;
}

static void tear_down(void) {
  thaw_batches_free(batches);
  thaw_corpus_free(&corpus);
  thaw_context_free(ctx);
}

static void open_stream(size_t width, size_t bptt, bool shuffle, thaw_direction direction) {
  thaw_batches_free(batches);
  ck_assert_int_eq(thaw_batches_stream(ctx, &corpus, width, bptt, 0, shuffle, 7, &batches),
                   THAW_OK);
  ck_assert_int_eq(thaw_batches_set_direction(ctx, batches, direction), THAW_OK);
}

/* Of documents in their order: stream b goes on where b − 1 would, from the last token down. */
static void expect_from_end(size_t width, const thaw_batch *batch, size_t start, const int32_t *ids,
                            const int32_t *targets) {
  const size_t length = (tokens - 1) / width;
  for (size_t k = 0; k < batch->time * width; k++) {
    const size_t at = k % width * length + start + k / width;
    ck_assert_int_eq(ids[k], FIRST + (int32_t)(tokens - 1 - at));
    ck_assert_int_eq(targets[k], ids[k] - 1);
  }
}

static const size_t widths[] = {1, 2, 7, 30};
enum { WIDTHS = 4 };

START_TEST(streams_from_the_end) {
  for (size_t i = 0; i < WIDTHS; i++) {
    open_stream(widths[i], 5, false, THAW_BACKWARD);
    size_t start = 0;
    for (size_t b = 0; b < thaw_batches_count(batches); b++) {
      const thaw_batch *batch = thaw_batches_get(batches, b);
      ck_assert_ptr_null(batch->backward_ids);
      expect_from_end(widths[i], batch, start, batch->ids, batch->targets);
      start += batch->time;
    }
    ck_assert_uint_eq(start, (tokens - 1) / widths[i]);
  }
}
END_TEST

/* The document of a token. */
static size_t document_of(int32_t id) {
  size_t d = 0;
  while (corpus.offsets[d + 1] <= (size_t)(id - FIRST)) d++;
  return d;
}

/* A target is the token before; before a document's first token stands another one's last. */
static void expect_before(int32_t id, int32_t target) {
  const size_t from = document_of(id), to = document_of(target);
  if (from == to) {
    ck_assert_int_eq(target, id - 1);
  } else {
    ck_assert_uint_eq(corpus.offsets[from], (size_t)(id - FIRST));
    ck_assert_uint_eq(corpus.offsets[to + 1], (size_t)(target - FIRST) + 1);
  }
}

START_TEST(shuffled_documents_from_the_end) {
  for (size_t i = 0; i < WIDTHS; i++) {
    open_stream(widths[i], 5, true, THAW_BACKWARD);
    size_t *seen = calloc(tokens, sizeof *seen), count = 0;
    for (size_t b = 0; b < thaw_batches_count(batches); b++) {
      const thaw_batch *batch = thaw_batches_get(batches, b);
      for (size_t k = 0; k < batch->time * batch->batch; k++) {
        expect_before(batch->ids[k], batch->targets[k]);
        count += seen[batch->ids[k] - FIRST]++ == 0;
      }
    }
    ck_assert_uint_eq(count, (tokens - 1) / widths[i] * widths[i]);
    free(seen);
  }
}
END_TEST

START_TEST(streams_both_ways) {
  for (size_t i = 0; i < WIDTHS; i++) {
    open_stream(widths[i], 5, false, THAW_BIDIRECTIONAL);
    const size_t length = (tokens - 1) / widths[i];
    size_t start = 0;
    for (size_t b = 0; b < thaw_batches_count(batches); b++) {
      const thaw_batch *batch = thaw_batches_get(batches, b);
      expect_from_end(widths[i], batch, start, batch->backward_ids, batch->backward_targets);
      for (size_t k = 0; k < batch->time * batch->batch; k++) {
        const size_t at = k % widths[i] * length + start + k / widths[i];
        ck_assert_int_eq(batch->ids[k], FIRST + (int32_t)at);
        ck_assert_int_eq(batch->targets[k], batch->ids[k] + 1);
      }
      start += batch->time;
    }
  }
}
END_TEST

/* Of a long document the tokens that are read last: its first ones. */
START_TEST(documents_from_the_end) {
  enum { MOST = 6 };
  size_t cut = 0;
  ck_assert_int_eq(thaw_batches_bucket(ctx, &corpus, 8, MOST, true, 7, &batches), THAW_OK);
  ck_assert_int_eq(thaw_batches_set_direction(ctx, batches, THAW_BACKWARD), THAW_OK);
  for (size_t b = 0; b < thaw_batches_count(batches); b++) {
    const thaw_batch *batch = thaw_batches_get(batches, b);
    for (size_t i = 0; i < batch->batch; i++) {
      const size_t d = batch->documents[i], whole = corpus.offsets[d + 1] - corpus.offsets[d];
      const size_t length = whole < MOST ? whole : MOST;
      ck_assert_int_eq(batch->lengths[i], (int32_t)length);
      cut += whole > MOST;
      for (size_t t = 0; t < batch->time; t++) {
        const int32_t id = batch->ids[t * batch->batch + i];
        ck_assert_int_eq(id, t < length ? FIRST + (int32_t)(corpus.offsets[d] + length - 1 - t)
                                        : THAW_ID_PADDING);
      }
    }
  }
  ck_assert_uint_gt(cut, 0);
}
END_TEST

START_TEST(documents_both_ways_are_read_once) {
  thaw_batches *forward = NULL;
  ck_assert_int_eq(thaw_batches_bucket(ctx, &corpus, 8, 6, true, 7, &forward), THAW_OK);
  ck_assert_int_eq(thaw_batches_bucket(ctx, &corpus, 8, 6, true, 7, &batches), THAW_OK);
  ck_assert_int_eq(thaw_batches_set_direction(ctx, batches, THAW_BIDIRECTIONAL), THAW_OK);
  for (size_t b = 0; b < thaw_batches_count(batches); b++) {
    const thaw_batch *x = thaw_batches_get(batches, b), *y = thaw_batches_get(forward, b);
    ck_assert_ptr_null(x->backward_ids);
    ck_assert_mem_eq(x->ids, y->ids, x->time * x->batch * sizeof *x->ids);
  }
  thaw_batches_free(forward);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("batches in every direction");
  TCase *tests = tcase_create("directions");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, streams_from_the_end);
  tcase_add_test(tests, shuffled_documents_from_the_end);
  tcase_add_test(tests, streams_both_ways);
  tcase_add_test(tests, documents_from_the_end);
  tcase_add_test(tests, documents_both_ways_are_read_once);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
