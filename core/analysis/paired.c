/* paired.c: see paired.h.
 *
 * First each row is laid beside the baseline: seeds are matched, the test over seeds and documents
 * and the one over seeds alone are made, and what remains of each document is its difference,
 * averaged over seeds. Then all rows' documents are resampled together. Last come what needs all
 * p-values, Holm's correction, and the verdicts. */
#include "analysis/paired.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/resampling.h"
#include "analysis/significance.h"
#include "base/context.h"

enum { FEWEST_PAIRS = 5 }; /* see paired.h */
static const double LEVEL = 0.05;

/* A run with what it shares with its partner in the other row. */
typedef struct partner {
  uint64_t key;
  size_t run;
} partner;

/* One row's runs in the order of their keys. */
typedef struct side {
  partner *partners;
  float *values; /* [count][documents] */
  double *means; /* [count] */
  size_t count;
} side;

typedef struct tester {
  thaw_context *ctx;
  const thaw_comparison *comparison;
  const thaw_comparison_row *rows;
  size_t count;
  const thaw_pairing *pairing;
  const thaw_metric_facts *about;
  const thaw_difference **rest; /* settings that vary inside of rows */
  size_t rest_count;
  size_t documents; /* of the baseline's test; 0: the metric has none */
  side baseline, other;
  double *columns;          /* [2][documents] */
  double *seed_differences; /* [most seeds of a row] */
  thaw_crossed *crossed;    /* [count] */
  float *differences;       /* [tested][documents] */
  double *scales; /* [tested] of a row's differences; what its documents' are divided by */
  size_t *tested; /* [tested] the rows */
  size_t tested_count;
  thaw_paired *pairs; /* [count] */
} tester;

/* ---- Partners -------------------------------------------------------------------------------- */

static bool varies_in(const thaw_difference *d, const thaw_comparison_row *row) {
  for (size_t i = 1; i < row->seeds; i++) {
    if (d->values[row->members[i]] != d->values[row->members[0]]) return true;
  }
  return false;
}

/* Where rows average over settings, runs are partners that agree in these too. */
static thaw_status find_rest(tester *t) {
  const thaw_comparison *c = t->comparison;
  t->rest = thaw_arena_alloc(c->arena, (c->difference_count + 1) * sizeof *t->rest);
  if (!t->rest) return thaw_fail_memory(t->ctx, c->difference_count * sizeof *t->rest);
  for (size_t i = 0; i < c->difference_count; i++) {
    bool varies = false;
    for (size_t r = 0; !varies && !c->differences[i].is_seed && r < t->count; r++) {
      varies = varies_in(&c->differences[i], &t->rows[r]);
    }
    if (varies) t->rest[t->rest_count++] = &c->differences[i];
  }
  return THAW_OK;
}

static uint64_t partner_key(const tester *t, size_t run) {
  uint64_t key = t->comparison->runs[run].seed;
  for (size_t i = 0; i < t->rest_count; i++) {
    const char *value = t->rest[i]->values[run];
    const uint64_t parts[2] = {key, value ? thaw_hash64(value, strlen(value)) : 0};
    key = thaw_hash64(parts, sizeof parts);
  }
  return key;
}

static int by_key(const void *left, const void *right) {
  const partner *a = left, *b = right;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return (a->run > b->run) - (a->run < b->run);
}

/* Has each side every key of the other, once, and are they enough? */
static bool are_paired(const side *a, const side *b) {
  if (a->count != b->count || a->count < FEWEST_PAIRS) return false;
  for (size_t i = 0; i < a->count; i++) {
    if (a->partners[i].key != b->partners[i].key) return false;
    if (i > 0 && a->partners[i].key == a->partners[i - 1].key) return false;
  }
  return true;
}

static void copy_values(const thaw_compared_run *run, size_t documents, float *values) {
  if (run->shares) {
    memcpy(values, run->shares, documents * sizeof *values);
  } else {
    for (size_t d = 0; d < documents; d++) values[d] = run->right[d];
  }
}

static void fill_side(const tester *t, const thaw_comparison_row *row, side *s) {
  s->count = row->seeds;
  for (size_t i = 0; i < s->count; i++) {
    s->partners[i] = (partner){partner_key(t, row->members[i]), row->members[i]};
  }
  qsort(s->partners, s->count, sizeof *s->partners, by_key);
  for (size_t i = 0; i < s->count; i++) {
    const thaw_compared_run *run = &t->comparison->runs[s->partners[i].run];
    s->means[i] = run->metric;
    if (t->documents) copy_values(run, t->documents, s->values + i * t->documents);
  }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static bool make_side(side *s, size_t most, size_t documents) {
  *s = (side){.partners = malloc((most + 1) * sizeof *s->partners),
              .values = malloc((most * documents + 1) * sizeof *s->values),
              .means = malloc((most + 1) * sizeof *s->means)};
  return s->partners && s->values && s->means;
}

static void free_side(side *s) {
  free(s->partners);
  free(s->values);
  free(s->means);
}

static thaw_status make_tester(tester *t) {
  size_t most = 0;
  for (size_t i = 0; i < t->count; i++) {
    if (t->rows[i].seeds > most) most = t->rows[i].seeds;
  }
  const size_t n = t->count + 1;
  t->columns = malloc((2 * t->documents + 1) * sizeof *t->columns);
  t->seed_differences = malloc((most + 1) * sizeof *t->seed_differences);
  t->crossed = calloc(n, sizeof *t->crossed);
  t->differences = malloc((t->count * t->documents + 1) * sizeof *t->differences);
  t->scales = malloc(n * sizeof *t->scales);
  t->tested = malloc(n * sizeof *t->tested);
  t->pairs = thaw_arena_alloc(t->comparison->arena, n * sizeof *t->pairs);
  const bool sides =
      make_side(&t->baseline, most, t->documents) && make_side(&t->other, most, t->documents);
  if (sides && t->columns && t->seed_differences && t->crossed && t->differences && t->scales &&
      t->tested && t->pairs) {
    return THAW_OK;
  }
  return thaw_fail_memory(t->ctx, t->count * t->documents * sizeof *t->differences);
}

static void free_tester(tester *t) {
  free_side(&t->baseline);
  free_side(&t->other);
  free(t->columns);
  free(t->seed_differences);
  free(t->crossed);
  free(t->differences);
  free(t->scales);
  free(t->tested);
}

/* ---- One row --------------------------------------------------------------------------------- */

/* The verdict where there is nothing to test; THAW_VERDICT_DIFFERS where there is. */
static thaw_verdict testable(const tester *t, size_t row) {
  const thaw_compared_run *own = &t->comparison->runs[t->rows[row].run];
  const thaw_compared_run *other = &t->comparison->runs[t->rows[t->pairing->baseline].run];
  if (row == t->pairing->baseline) return THAW_VERDICT_BASELINE;
  const bool same_test =
      strcmp(own->split, other->split) == 0 && strcmp(own->gold, other->gold) == 0;
  if (t->about->of_documents && !same_test) return THAW_VERDICT_OTHER_TEST;
  const double difference = t->rows[row].metric.value - t->rows[t->pairing->baseline].metric.value;
  if (isnan(difference)) return THAW_VERDICT_UNKNOWN;
  if (t->pairing->runs_alone && !t->about->of_documents) return THAW_VERDICT_UNKNOWN;
  return THAW_VERDICT_DIFFERS;
}

/* Each document's difference, summed so that those of right and wrong are whole numbers. */
static void find_differences(const tester *t, float *differences, double *scale) {
  const side *a = &t->baseline, *b = &t->other;
  *scale = (double)a->count * (double)b->count;
  for (size_t d = 0; d < t->documents; d++) {
    double before = 0, after = 0;
    for (size_t s = 0; s < a->count; s++) before += (double)a->values[s * t->documents + d];
    for (size_t s = 0; s < b->count; s++) after += (double)b->values[s * t->documents + d];
    differences[d] = (float)(after * (double)a->count - before * (double)b->count);
  }
}

static double test_seeds(const tester *t, bool paired) {
  const side *a = &t->baseline, *b = &t->other;
  if (a->count < 2 || b->count < 2) return NAN;
  if (!paired) return thaw_exchanges(a->means, a->count, b->means, b->count);
  for (size_t s = 0; s < a->count; s++) t->seed_differences[s] = b->means[s] - a->means[s];
  return thaw_sign_flips(t->seed_differences, a->count);
}

static void test_row(tester *t, size_t row) {
  thaw_paired *pair = &t->pairs[row];
  fill_side(t, &t->rows[row], &t->other);
  const thaw_crossed_runs a = {t->baseline.values, t->baseline.means, t->baseline.count};
  const thaw_crossed_runs b = {t->other.values, t->other.means, t->other.count};
  pair->same_seeds = !t->pairing->runs_alone && are_paired(&t->baseline, &t->other);
  const thaw_crossed crossed =
      t->pairing->runs_alone
          ? thaw_documents_difference(&a, &b, t->documents)
          : thaw_crossed_difference(&a, &b, t->documents, pair->same_seeds, t->columns);
  t->crossed[row] = crossed;
  pair->difference = thaw_crossed_interval(&crossed);
  pair->error = sqrt(crossed.seeds + crossed.documents);
  pair->freedom = crossed.freedom;
  pair->p = thaw_crossed_p(&crossed);
  pair->p_same = thaw_crossed_same(&crossed, t->pairing->margin);
  pair->p_seeds = t->pairing->runs_alone ? NAN : test_seeds(t, pair->same_seeds);
  if (!t->documents) return;
  find_differences(t, t->differences + t->tested_count * t->documents, &t->scales[t->tested_count]);
  t->tested[t->tested_count++] = row;
}

static thaw_status test_rows(tester *t) {
  fill_side(t, &t->rows[t->pairing->baseline], &t->baseline);
  for (size_t row = 0; row < t->count; row++) {
    t->pairs[row] = (thaw_paired){.verdict = testable(t, row),
                                  .averaged = t->pairing->averaged,
                                  .difference = {NAN, NAN, NAN},
                                  .error = NAN,
                                  .freedom = NAN,
                                  .p = NAN,
                                  .p_holm = NAN,
                                  .p_same = NAN,
                                  .p_same_holm = NAN,
                                  .p_documents = NAN,
                                  .p_seeds = NAN,
                                  .boot_low = NAN,
                                  .boot_high = NAN};
    if (t->pairs[row].verdict == THAW_VERDICT_DIFFERS) test_row(t, row);
    if (thaw_interrupted(t->ctx)) {
      return thaw_fail(t->ctx, THAW_INTERRUPTED, "%zu of %zu rows were tested", row, t->count);
    }
  }
  return THAW_OK;
}

/* ---- Documents ------------------------------------------------------------------------------- */

/* Of one run against one: the documents that just one of them got right. */
static double mcnemar_of(const float *differences, size_t documents) {
  size_t only_baseline = 0, only_other = 0;
  for (size_t d = 0; d < documents; d++) {
    only_baseline += differences[d] < 0;
    only_other += differences[d] > 0;
  }
  return thaw_mcnemar(only_baseline, only_other);
}

static void note_documents(const tester *t, size_t i, const thaw_resampled *resampled) {
  thaw_paired *pair = &t->pairs[t->tested[i]];
  const float *differences = t->differences + i * t->documents;
  const bool one_each = t->baseline.count == 1 && t->rows[t->tested[i]].seeds == 1;
  pair->p_documents = one_each && t->comparison->metric == THAW_METRIC_ACCURACY
                          ? mcnemar_of(differences, t->documents)
                          : resampled->p;
  /* The pseudo-values of macro F1 have a mean that is only nearly the difference. */
  double mean = 0;
  for (size_t d = 0; d < t->documents; d++) mean += (double)differences[d];
  mean /= t->scales[i] * (double)t->documents;
  const double off = pair->difference.value - mean;
  pair->boot_low = resampled->low / t->scales[i] + off;
  pair->boot_high = resampled->high / t->scales[i] + off;
  if (t->pairing->runs_alone) pair->p = pair->p_documents;
}

static thaw_status test_documents(const tester *t) {
  if (t->tested_count == 0) return THAW_OK;
  thaw_resampled *resampled = calloc(t->tested_count, sizeof *resampled);
  if (!resampled) return thaw_fail_memory(t->ctx, t->tested_count * sizeof *resampled);
  thaw_status status =
      thaw_resample(t->ctx, t->tested_count, t->documents, t->differences, resampled);
  for (size_t i = 0; status == THAW_OK && i < t->tested_count; i++) {
    note_documents(t, i, &resampled[i]);
  }
  free(resampled);
  return status;
}

/* ---- All rows -------------------------------------------------------------------------------- */

/* Corrects one of the two p-values of every row; they stand `from` and `to` bytes into a pair. */
static thaw_status correct(const tester *t, size_t from, size_t to) {
  double *p = malloc(2 * t->count * sizeof *p);
  bool ok = p != NULL;
  for (size_t i = 0; ok && i < t->count; i++) {
    p[i] = *(const double *)(const void *)((const char *)&t->pairs[i] + from);
  }
  ok = ok && thaw_holm(p, t->count, p + t->count);
  for (size_t i = 0; ok && i < t->count; i++) {
    *(double *)(void *)((char *)&t->pairs[i] + to) = p[t->count + i];
  }
  free(p);
  return ok ? THAW_OK : thaw_fail_memory(t->ctx, 2 * t->count * sizeof *p);
}

static size_t at_least(size_t needed, size_t now) {
  return needed > now ? needed : now + 1;
}

/* What would be needed to see the difference that was found, or one as large as the margin. */
static void judge(const tester *t, size_t row) {
  thaw_paired *pair = &t->pairs[row];
  const thaw_crossed *crossed = &t->crossed[row];
  const size_t a = t->baseline.count, b = t->rows[row].seeds;
  const double effect = fmax(fabs(pair->difference.value), t->pairing->margin);
  if (pair->p_holm <= LEVEL) return;
  if (pair->p_same_holm <= LEVEL) {
    pair->verdict = THAW_VERDICT_SAME;
    return;
  }
  const size_t seeds =
      t->pairing->runs_alone ? 0 : thaw_seeds_needed(crossed, a, b, pair->same_seeds, effect);
  const size_t documents = thaw_documents_needed(crossed, t->documents, effect);
  const bool more_documents =
      t->pairing->runs_alone || (!isnan(crossed->seeds) && seeds == 0 && documents > t->documents);
  if (more_documents) {
    pair->verdict = THAW_VERDICT_FEW_DOCUMENTS;
    pair->documents_needed = documents ? at_least(documents, t->documents) : 0;
  } else {
    pair->verdict = THAW_VERDICT_FEW_SEEDS;
    pair->seeds_needed = seeds ? at_least(seeds, a < b ? a : b) : 0;
  }
}

static thaw_status test_all(tester *t) {
  thaw_status status = make_tester(t);
  if (status == THAW_OK) status = find_rest(t);
  if (status == THAW_OK) status = test_rows(t);
  if (status == THAW_OK) status = test_documents(t);
  if (status == THAW_OK)
    status = correct(t, offsetof(thaw_paired, p), offsetof(thaw_paired, p_holm));
  if (status == THAW_OK) {
    status = correct(t, offsetof(thaw_paired, p_same), offsetof(thaw_paired, p_same_holm));
  }
  for (size_t i = 0; status == THAW_OK && i < t->count; i++) {
    if (t->pairs[i].verdict == THAW_VERDICT_DIFFERS) judge(t, i);
  }
  return status;
}

thaw_status thaw_paired_test(thaw_context *ctx, const thaw_comparison *comparison,
                             const thaw_comparison_row *rows, size_t count,
                             const thaw_pairing *pairing, const thaw_paired **pairs) {
  const thaw_metric_facts *about = thaw_metric_about(comparison->metric);
  tester t = {.ctx = ctx,
              .comparison = comparison,
              .rows = rows,
              .count = count,
              .pairing = pairing,
              .about = about};
  if (about->of_documents) {
    t.documents = comparison->runs[rows[pairing->baseline].run].scores.count;
  }
  const thaw_status status = test_all(&t);
  *pairs = status == THAW_OK ? t.pairs : NULL;
  free_tester(&t);
  return status;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static void few_seeds_words(const thaw_paired *pair, size_t space, char *text) {
  const char *what = pair->averaged ? "runs" : "seeds";
  if (pair->seeds_needed) {
    snprintf(text, space, "not enough %s to tell: about %zu would be needed", what,
             pair->seeds_needed);
  } else if (isnan(pair->error)) {
    snprintf(text, space, "not enough %s to tell: one shows no spread", what);
  } else {
    snprintf(text, space, "not enough %s to tell: a thousand would not do", what);
  }
}

void thaw_verdict_words(const thaw_paired *pair, size_t space, char *text) {
  static const char *const words[] = {
      [THAW_VERDICT_BASELINE] = "baseline",
      [THAW_VERDICT_OTHER_TEST] = "not tested: other documents",
      [THAW_VERDICT_UNKNOWN] = "not tested",
      [THAW_VERDICT_DIFFERS] = "differs",
      [THAW_VERDICT_SAME] = "does not differ",
      [THAW_VERDICT_FEW_DOCUMENTS] = "not enough documents to tell"};
  if (pair->verdict == THAW_VERDICT_FEW_SEEDS) {
    few_seeds_words(pair, space, text);
  } else if (pair->documents_needed) {
    snprintf(text, space, "%s: about %zu would be needed", words[pair->verdict],
             pair->documents_needed);
  } else {
    snprintf(text, space, "%s", words[pair->verdict]);
  }
}
