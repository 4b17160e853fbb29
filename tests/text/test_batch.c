/* Streams for language models and buckets for classifiers. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/batch.h"

enum { FIRST = 1000 }; /* the first token's id; every token has one of its own, rising */

static thaw_context *ctx;
static thaw_corpus corpus;
static thaw_batches *batches;

static void set_up(void) {
  ctx = thaw_context_create();
  corpus = (thaw_corpus){0};
  batches = NULL;
}

static void tear_down(void) {
  thaw_batches_free(batches);
  thaw_corpus_free(&corpus);
  thaw_context_free(ctx);
}

/* `count` documents with lengths drawn from 1 … `longest`, or all of that length. */
static void make_corpus(size_t count, size_t longest, bool all) {
  thaw_rng rng = thaw_rng_make(5, 5);
  corpus.offsets = calloc(count + 1, sizeof *corpus.offsets);
  corpus.labels = calloc(count, sizeof *corpus.labels);
  corpus.ids = calloc(count * longest, sizeof *corpus.ids);
  corpus.count = count;
  for (size_t d = 0; d < count; d++) {
    const size_t length = all ? longest : 1 + (size_t)thaw_rng_below(&rng, longest);
    corpus.offsets[d + 1] = corpus.offsets[d] + length;
    corpus.labels[d] = (int32_t)(d % 3);
  }
  for (size_t i = 0; i < corpus.offsets[count]; i++) corpus.ids[i] = FIRST + (int32_t)i;
}

static void begin(size_t epoch) {
  ck_assert_int_eq(thaw_batches_begin(ctx, batches, epoch), THAW_OK);
}

/* A number that is the same for equal epochs only; batches are read forwards or backwards. */
static uint64_t print_of(bool backwards) {
  const size_t count = thaw_batches_count(batches);
  uint64_t sum = count;
  for (size_t i = 0; i < count; i++) {
    const size_t index = backwards ? count - 1 - i : i;
    const thaw_batch *batch = thaw_batches_get(batches, index);
    for (size_t k = 0; k < batch->time * batch->batch; k++) {
      sum += (index * 7919 + k + 1) * 0x9e3779b97f4a7c15 * (uint64_t)batch->ids[k];
    }
  }
  return sum;
}

/* The same epoch gives the same batches, whatever was read before; others differ. */
static void expect_deterministic(bool shuffled) {
  begin(3);
  const uint64_t third = print_of(false);
  ck_assert_uint_eq(print_of(true), third);
  begin(0);
  ck_assert((print_of(false) != third) == shuffled);
  begin(3);
  ck_assert_uint_eq(print_of(false), third);
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void open_stream(size_t batch, size_t bptt, double vary, bool shuffle, uint64_t seed) {
  thaw_batches_free(batches);
  const thaw_status status =
      thaw_batches_stream(ctx, &corpus, batch, bptt, vary, shuffle, seed, &batches);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
}

START_TEST(streams_lie_side_by_side) {
  make_corpus(5, 5, true); /* 25 tokens: 3 streams of 8, and the last is a target only */
  open_stream(3, 3, 0, false, 1);
  ck_assert_uint_eq(thaw_batches_count(batches), 3);
  for (size_t i = 0; i < 3; i++) {
    const thaw_batch *batch = thaw_batches_get(batches, i);
    ck_assert_uint_eq(batch->batch, 3);
    ck_assert_uint_eq(batch->time, i < 2 ? 3 : 2);
    ck_assert_uint_eq(batch->tokens, batch->time * 3);
    ck_assert_ptr_null(batch->lengths);
    ck_assert_ptr_null(batch->documents);
    for (size_t t = 0; t < batch->time; t++) {
      for (size_t s = 0; s < 3; s++) {
        const int32_t token = FIRST + (int32_t)(8 * s + 3 * i + t);
        ck_assert_int_eq(batch->ids[t * 3 + s], token);
        ck_assert_int_eq(batch->targets[t * 3 + s], token + 1);
      }
    }
  }
  ck_assert_ptr_null(thaw_batches_get(batches, 3));
}
END_TEST

/* Reads the epoch into `stream` [B·L + 1]: its B streams one behind the other, and the last target.
 * Every target must be the token that comes next there. Returns L. */
static size_t read_streams(size_t width, int32_t *stream) {
  size_t length = 0, done = 0;
  const size_t count = thaw_batches_count(batches);
  for (size_t i = 0; i < count; i++) length += thaw_batches_get(batches, i)->time;
  for (size_t i = 0; i < count; i++) {
    const thaw_batch *batch = thaw_batches_get(batches, i);
    const size_t cells = batch->time * width;
    for (size_t k = 0; k < cells; k++) {
      stream[k % width * length + done + k / width] = batch->ids[k];
    }
    stream[width * length] = batch->targets[cells - 1];
    done += batch->time;
  }
  done = 0;
  for (size_t i = 0; i < count; i++) {
    const thaw_batch *batch = thaw_batches_get(batches, i);
    for (size_t k = 0; k < batch->time * width; k++) {
      ck_assert_int_eq(batch->targets[k], stream[k % width * length + done + k / width + 1]);
    }
    done += batch->time;
  }
  return length;
}

/* Whole documents in some order; the last may be cut off. */
static void expect_whole_documents(const int32_t *stream, size_t count, bool *in_order) {
  bool *seen = calloc(corpus.count, sizeof *seen);
  size_t last = 0;
  *in_order = true;
  for (size_t at = 0; at < count;) {
    size_t d = 0;
    while (d < corpus.count && corpus.ids[corpus.offsets[d]] != stream[at]) d++;
    ck_assert_msg(d < corpus.count, "no document begins at token %zu of the epoch", at);
    ck_assert(!seen[d]);
    seen[d] = true;
    if (d < last) *in_order = false;
    last = d;
    const int32_t *ids = corpus.ids + corpus.offsets[d], *end = corpus.ids + corpus.offsets[d + 1];
    for (; ids < end && at < count; ids++) ck_assert_int_eq(stream[at++], *ids);
  }
  free(seen);
}

/* Every token is a target once, but for the very first and fewer than B at the end. */
static void expect_stream(size_t width, size_t bptt, double vary, bool shuffle) {
  const size_t tokens = corpus.offsets[corpus.count];
  int32_t *stream = calloc(tokens + 1, sizeof *stream);
  bool in_order;
  open_stream(width, bptt, vary, shuffle, 11);
  for (size_t epoch = 0; epoch < 3; epoch++) {
    begin(epoch);
    const size_t length = read_streams(width, stream);
    ck_assert_uint_eq(length, (tokens - 1) / width);
    expect_whole_documents(stream, width * length + 1, &in_order);
    ck_assert(in_order == !shuffle);
  }
  free(stream);
}

START_TEST(every_token_is_a_target_once) {
  make_corpus(200, 40, false);
  static const size_t widths[] = {1, 2, 7, 64};
  for (size_t i = 0; i < 4; i++) {
    expect_stream(widths[i], 10, 0, false);
    expect_stream(widths[i], 10, 0, true);
    expect_stream(widths[i], 12, 3, true);
    expect_stream(widths[i], 1, 0, true);
    expect_stream(widths[i], 100000, 0, true);
  }
}
END_TEST

START_TEST(lengths_vary) {
  make_corpus(1, 100000, true);
  open_stream(1, 70, 5, true, 1);
  const size_t count = thaw_batches_count(batches);
  size_t half = 0, sum = 0;
  for (size_t i = 0; i + 1 < count; i++) {
    const size_t time = thaw_batches_get(batches, i)->time;
    ck_assert(time >= 5 && time <= 90);
    half += time < 52;
    sum += time;
  }
  const double mean = (double)sum / (double)(count - 1), share = (double)half / (double)count;
  ck_assert_msg(mean > 66.5 && mean < 69.5, "the mean length is %g", mean);
  ck_assert_msg(share > 0.03 && share < 0.07, "%g of the batches are half as long", share);
  /* A length below 5 is 5. */
  open_stream(1, 6, 4, true, 1);
  for (size_t i = 0; i + 1 < thaw_batches_count(batches); i++) {
    const size_t time = thaw_batches_get(batches, i)->time;
    ck_assert(time >= 5 && time <= 22);
  }
}
END_TEST

START_TEST(streams_are_deterministic) {
  make_corpus(100, 30, false);
  open_stream(4, 10, 2, true, 1);
  expect_deterministic(true);
  begin(0);
  const uint64_t first = print_of(false);
  open_stream(4, 10, 2, true, 1); /* begins with epoch 0 */
  ck_assert_uint_eq(print_of(false), first);
  open_stream(4, 10, 2, true, 2);
  ck_assert_uint_ne(print_of(false), first);
  open_stream(4, 10, 0, false, 1);
  expect_deterministic(false);
}
END_TEST

START_TEST(too_few_tokens_for_streams) {
  make_corpus(9, 10, true);
  ck_assert_int_eq(thaw_batches_stream(ctx, &corpus, 64, 70, 0, true, 1, &batches), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "batch 64 needs at least 128 tokens, the data has 90: lower batch");
  ck_assert_ptr_null(batches);
  ck_assert_int_eq(thaw_batches_stream(ctx, &corpus, 2, 0, 0, true, 1, &batches), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "bptt is 0"));
  ck_assert_int_eq(thaw_batches_stream(ctx, &corpus, 0, 1, 0, true, 1, &batches), THAW_INVALID);
  const thaw_corpus none = {0};
  ck_assert_int_eq(thaw_batches_stream(ctx, &none, 1, 1, 0, true, 1, &batches), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "the data has 0"));
  open_stream(45, 70, 0, true, 1); /* two tokens each are enough */
  ck_assert_uint_eq(thaw_batches_count(batches), 1);
  ck_assert_uint_eq(thaw_batches_get(batches, 0)->time, 1);
}
END_TEST

/* ---- Buckets --------------------------------------------------------------------------------- */

static void open_bounded(size_t batch, size_t max_length, size_t batch_tokens, bool shuffle,
                         uint64_t seed) {
  thaw_batches_free(batches);
  const thaw_status status =
      thaw_batches_bucket(ctx, &corpus, batch, max_length, batch_tokens, shuffle, seed, &batches);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
}

static void open_buckets(size_t batch, size_t max_length, bool shuffle, uint64_t seed) {
  open_bounded(batch, max_length, 0, shuffle, seed);
}

/* Checks document `i` of the batch: its last tokens, then padding. */
static void expect_document(const thaw_batch *batch, size_t i, size_t max_length) {
  const size_t d = batch->documents[i];
  size_t length = corpus.offsets[d + 1] - corpus.offsets[d];
  if (max_length && length > max_length) length = max_length;
  ck_assert_int_eq(batch->lengths[i], (int32_t)length);
  ck_assert_int_eq(batch->targets[i], corpus.labels ? corpus.labels[d] : -1);
  const int32_t *ids = corpus.ids + corpus.offsets[d + 1] - length;
  for (size_t t = 0; t < batch->time; t++) {
    ck_assert_int_eq(batch->ids[t * batch->batch + i], t < length ? ids[t] : THAW_ID_PADDING);
  }
}

/* Every document stands in the epoch once; returns the share of padding. */
static double expect_buckets(size_t max_length) {
  size_t *times = calloc(corpus.count, sizeof *times), tokens = 0, cells = 0;
  for (size_t b = 0; b < thaw_batches_count(batches); b++) {
    const thaw_batch *batch = thaw_batches_get(batches, b);
    size_t longest = 0, sum = 0;
    for (size_t i = 0; i < batch->batch; i++) {
      expect_document(batch, i, max_length);
      times[batch->documents[i]]++;
      const size_t length = (size_t)batch->lengths[i];
      if (length > longest) longest = length;
      sum += length;
    }
    ck_assert_uint_eq(batch->time, longest);
    ck_assert_uint_eq(batch->tokens, sum);
    tokens += sum;
    cells += batch->time * batch->batch;
  }
  for (size_t d = 0; d < corpus.count; d++) ck_assert_uint_eq(times[d], 1);
  free(times);
  return 1 - (double)tokens / (double)cells;
}

START_TEST(every_document_stands_in_a_bucket_once) {
  make_corpus(2003, 100, false);
  static const size_t widths[] = {1, 2, 7, 64, 5000};
  for (size_t i = 0; i < 5; i++) {
    for (int shuffle = 0; shuffle < 2; shuffle++) {
      open_buckets(widths[i], 0, shuffle, 3);
      expect_buckets(0);
      begin(1);
      expect_buckets(0);
    }
  }
  open_buckets(10, 0, true, 3);
  const double padding = expect_buckets(0);
  ck_assert_msg(padding < 0.05, "%g of the batches is padding", padding);
}
END_TEST

START_TEST(long_documents_keep_their_end) {
  make_corpus(300, 100, false);
  for (int shuffle = 0; shuffle < 2; shuffle++) {
    open_buckets(8, 30, shuffle, 3);
    expect_buckets(30);
    ck_assert_uint_eq(thaw_batches_get(batches, 0)->time, 30);
    open_buckets(8, 1, shuffle, 3);
    expect_buckets(1);
  }
}
END_TEST

START_TEST(the_longest_comes_first_in_training) {
  make_corpus(3000, 200, false);
  open_buckets(10, 0, true, 3);
  size_t longest = 0;
  for (size_t d = 0; d < corpus.count; d++) {
    const size_t length = corpus.offsets[d + 1] - corpus.offsets[d];
    if (length > longest) longest = length;
  }
  for (size_t epoch = 0; epoch < 5; epoch++) {
    begin(epoch);
    ck_assert_uint_eq(thaw_batches_get(batches, 0)->time, longest);
    /* The others are mixed: neither falling nor rising. */
    size_t falls = 0;
    const size_t count = thaw_batches_count(batches);
    for (size_t b = 1; b + 1 < count; b++) {
      const size_t time = thaw_batches_get(batches, b)->time;
      falls += thaw_batches_get(batches, b + 1)->time < time;
    }
    ck_assert(falls > count / 3 && falls < 2 * count / 3);
  }
}
END_TEST

START_TEST(a_last_document_alone_is_joined) {
  make_corpus(9, 10, false);
  open_buckets(4, 0, true, 3);
  ck_assert_uint_eq(thaw_batches_count(batches), 2);
  const size_t first = thaw_batches_get(batches, 0)->batch;
  ck_assert_uint_eq(first + thaw_batches_get(batches, 1)->batch, 9);
  expect_buckets(0);
  open_buckets(4, 0, false, 3); /* evaluation has no need of it */
  ck_assert_uint_eq(thaw_batches_count(batches), 3);
  ck_assert_uint_eq(thaw_batches_get(batches, 2)->batch, 1);
  open_buckets(1, 0, true, 3); /* as was asked for */
  ck_assert_uint_eq(thaw_batches_count(batches), 9);
  open_buckets(3, 0, true, 3);
  ck_assert_uint_eq(thaw_batches_count(batches), 3);
}
END_TEST

/* The lonely document comes from another pool than those that it joins, and may be longer. */
START_TEST(a_document_is_joined_to_another_pool) {
  make_corpus(2 * 50 + 1, 1000, false);
  for (uint64_t seed = 0; seed < 20; seed++) {
    open_buckets(2, 0, true, seed);
    ck_assert_uint_eq(thaw_batches_count(batches), 50);
    expect_buckets(0);
  }
}
END_TEST

/* Full, or so that one more document would be too many tokens. */
START_TEST(tokens_of_a_batch_are_bounded) {
  static const size_t bounds[] = {1, 100, 700, 100000};
  make_corpus(2003, 100, false);
  for (size_t i = 0; i < 4; i++) {
    for (int shuffle = 0; shuffle < 2; shuffle++) {
      open_bounded(16, 0, bounds[i], shuffle, 3);
      expect_buckets(0);
      const size_t count = thaw_batches_count(batches), fewest = shuffle ? 2 : 1;
      size_t small = 0;
      for (size_t b = 0; b < count; b++) {
        const thaw_batch *batch = thaw_batches_get(batches, b);
        /* The last of all may have been joined by one more. */
        ck_assert(batch->batch <= 16 + (size_t)shuffle && batch->batch >= fewest);
        const bool bounded = batch->time * batch->batch <= bounds[i];
        ck_assert(bounded || batch->batch <= fewest + (size_t)shuffle);
        small += batch->time * (batch->batch + 1) <= bounds[i] && batch->batch < 16;
      }
      ck_assert_msg(small <= 1 + count / 20, "%zu of %zu batches have room", small, count);
      if (i == 3) ck_assert_uint_eq(count, 126);
    }
  }
}
END_TEST

START_TEST(one_document) {
  make_corpus(1, 1, true);
  for (int shuffle = 0; shuffle < 2; shuffle++) {
    open_buckets(8, 0, shuffle, 3);
    ck_assert_uint_eq(thaw_batches_count(batches), 1);
    expect_buckets(0);
  }
}
END_TEST

START_TEST(evaluation_goes_by_length) {
  make_corpus(500, 20, false);
  open_buckets(7, 0, false, 3);
  size_t before = SIZE_MAX, document = 0;
  for (size_t b = 0; b < thaw_batches_count(batches); b++) {
    const thaw_batch *batch = thaw_batches_get(batches, b);
    for (size_t i = 0; i < batch->batch; i++) {
      const size_t length = (size_t)batch->lengths[i];
      ck_assert_uint_le(length, before);
      /* Equal ones stand in the order of the corpus. */
      if (length == before) ck_assert_uint_gt(batch->documents[i], document);
      before = length;
      document = batch->documents[i];
    }
  }
}
END_TEST

START_TEST(buckets_are_deterministic) {
  make_corpus(700, 30, false);
  open_buckets(4, 20, true, 1);
  expect_deterministic(true);
  begin(0);
  const uint64_t first = print_of(false);
  open_buckets(4, 20, true, 1); /* begins with epoch 0 */
  ck_assert_uint_eq(print_of(false), first);
  open_buckets(4, 20, true, 2);
  ck_assert_uint_ne(print_of(false), first);
  open_buckets(4, 20, false, 1);
  expect_deterministic(false);
}
END_TEST

START_TEST(nothing_to_put_into_buckets) {
  ck_assert_int_eq(thaw_batches_bucket(ctx, &corpus, 4, 0, 0, true, 1, &batches), THAW_INVALID);
  ck_assert_ptr_null(batches);
  make_corpus(3, 3, true);
  ck_assert_int_eq(thaw_batches_bucket(ctx, &corpus, 0, 0, 0, true, 1, &batches), THAW_INVALID);
  ck_assert_ptr_null(batches);
  free(corpus.labels);
  corpus.labels = NULL;
  open_buckets(2, 0, false, 1);
  expect_buckets(0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("batches");
  TCase *tests = tcase_create("batches");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, streams_lie_side_by_side);
  tcase_add_test(tests, every_token_is_a_target_once);
  tcase_add_test(tests, lengths_vary);
  tcase_add_test(tests, streams_are_deterministic);
  tcase_add_test(tests, too_few_tokens_for_streams);
  tcase_add_test(tests, every_document_stands_in_a_bucket_once);
  tcase_add_test(tests, long_documents_keep_their_end);
  tcase_add_test(tests, the_longest_comes_first_in_training);
  tcase_add_test(tests, a_last_document_alone_is_joined);
  tcase_add_test(tests, a_document_is_joined_to_another_pool);
  tcase_add_test(tests, tokens_of_a_batch_are_bounded);
  tcase_add_test(tests, one_document);
  tcase_add_test(tests, evaluation_goes_by_length);
  tcase_add_test(tests, buckets_are_deterministic);
  tcase_add_test(tests, nothing_to_put_into_buckets);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
