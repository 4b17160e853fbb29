/* measure.c: see measure.h. */
#include "train/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/resident.h"
#include "train/bpt3c.h"

enum { SIZES = 5, MOST_SETS = 8, MOST_TIMES = 31 };

/* Seconds. What a stage takes to measure is about their sum, unless single steps take longer. */
static const double for_sizes = 1, for_sets = 0.6, for_evaluation = 0.2;
/* The first round is slower than training is; a second one is made unless the first took longer. */
static const double longest_round = 4;
/* A step that would take longer is not tried. */
static const double longest = 2;
static const double longest_extreme = 20;

/* ---- Trying one batch ----------------------------------------------------------------------- */

/* A batch that is tried again and again. */
typedef struct trial {
  size_t index, size; /* of the batch */
  double times[MOST_TIMES];
  size_t count;
  double seconds;  /* the median of the times, without the first where there are others */
  size_t resident; /* bytes after the first time */
} trial;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(const double *values, size_t count) {
  double sorted[MOST_TIMES];
  memcpy(sorted, values, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, by_value);
  return 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2]);
}

/* A step with these rates, or an evaluation of the batch where there are none. */
static thaw_status try_once(thaw_context *ctx, thaw_training *training, thaw_batches *batches,
                            const double *rates, trial *t) {
  if (thaw_interrupted(ctx)) return thaw_fail(ctx, THAW_INTERRUPTED, "stopped while measuring");
  const double begin = thaw_seconds_now();
  const thaw_batch *batch = thaw_batches_get(batches, t->index);
  thaw_status status = thaw_training_try(ctx, training, batch, rates);
  t->times[t->count++] = thaw_seconds_now() - begin;
  const size_t cold = t->count > 1;
  t->seconds = median(t->times + cold, t->count - cold);
  return status;
}

/* ---- Batches of several sizes ---------------------------------------------------------------- */

/* An epoch's batches, and those of them that are tried, the smallest first. */
typedef struct profile {
  thaw_batches *batches;
  thaw_bpt3c reading;    /* in training; zeros in evaluation */
  size_t most_positions; /* the batch with the largest time × batch, */
  size_t most_gradients; /* and the one with the most positions with gradients */
  size_t *sizes;         /* [count] */
  size_t count;
  trial trials[SIZES];
  size_t trial_count;
  size_t tried; /* of the trials: those above are read off */
} profile;

typedef struct sized {
  size_t size, index;
} sized;

static int by_size(const void *a, const void *b) {
  const sized *x = a, *y = b;
  if (x->size != y->size) return x->size < y->size ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

/* Chooses batches of different sizes at equal distances among all. */
static void choose_trials(profile *p, const sized *sorted) {
  for (size_t i = 0; i < SIZES; i++) {
    const sized *chosen = &sorted[i * (p->count - 1) / (SIZES - 1)];
    if (p->trial_count > 0 && p->trials[p->trial_count - 1].size == chosen->size) continue;
    p->trials[p->trial_count++] = (trial){.index = chosen->index, .size = chosen->size};
  }
}

/* Positions without gradients are taken to cost a third, time and memory, of those with them. */
static void measure_sizes(profile *p) {
  size_t positions = 0, gradients = 0;
  for (size_t i = 0; i < p->count; i++) {
    const thaw_batch *batch = thaw_batches_get(p->batches, i);
    const size_t all = batch->time * batch->batch;
    const size_t own = batch->lengths ? thaw_bpt3c_positions(batch, p->reading) : all;
    p->sizes[i] = own + (all - own) / 3;
    if (all > positions) p->most_positions = i;
    if (own > gradients) p->most_gradients = i;
    if (all > positions) positions = all;
    if (own > gradients) gradients = own;
  }
}

static thaw_status lay_out(thaw_context *ctx, thaw_batches *batches, int64_t epoch,
                           thaw_bpt3c reading, profile *p) {
  *p = (profile){.batches = batches, .reading = reading};
  thaw_status status = thaw_batches_begin(ctx, batches, (size_t)epoch);
  if (status) return status;
  p->count = thaw_batches_count(batches);
  p->sizes = malloc((p->count + 1) * sizeof *p->sizes);
  sized *sorted = malloc((p->count + 1) * sizeof *sorted);
  if (!p->sizes || !sorted) {
    free(sorted);
    return thaw_fail_memory(ctx, p->count * sizeof *sorted);
  }
  measure_sizes(p);
  for (size_t i = 0; i < p->count; i++) sorted[i] = (sized){p->sizes[i], i};
  qsort(sorted, p->count, sizeof *sorted, by_size);
  if (p->count > 0) choose_trials(p, sorted);
  free(sorted);
  return THAW_OK;
}

/* The value at `size` of the line through two points; a line that falls is noise. */
static double along(size_t size, size_t from, double at_from, size_t to, double at_to) {
  const double slope = fmax(0, (at_to - at_from) / ((double)to - (double)from));
  return fmax(0, at_from + slope * ((double)size - (double)from));
}

/* The two trials between which, or behind which, `size` lies; at least two were tried. */
static const trial *segment_of(const profile *p, size_t size) {
  size_t i = 0;
  while (i + 2 < p->tried && p->trials[i + 1].size < size) i++;
  return &p->trials[i];
}

static double seconds_for(const profile *p, size_t size) {
  const trial *t = p->trials;
  if (p->tried == 1) return t->seconds * (double)size / (double)t->size;
  t = segment_of(p, size);
  return along(size, t[0].size, t[0].seconds, t[1].size, t[1].seconds);
}

static double seconds_of_all(const profile *p) {
  double seconds = 0;
  for (size_t i = 0; i < p->count; i++) seconds += seconds_for(p, p->sizes[i]);
  return seconds;
}

/* After the largest batch. */
static size_t resident_of(const profile *p) {
  const trial *last = &p->trials[p->tried - 1];
  if (p->tried == p->trial_count) return last->resident;
  const trial *before = last - 1;
  return (size_t)along(p->trials[p->trial_count - 1].size, before->size, (double)before->resident,
                       last->size, (double)last->resident);
}

/* Upwards, so that the time of each is known before it is tried and memory is looked at when it has
 * grown as far as this size needs. The first two are tried in any case: they make the line. */
static thaw_status try_first(thaw_context *ctx, thaw_training *training, const double *rates,
                             profile *p) {
  thaw_status status = THAW_OK;
  for (; p->tried < p->trial_count && status == THAW_OK; p->tried++) {
    trial *t = &p->trials[p->tried];
    if (p->tried >= 2 && seconds_for(p, t->size) > longest) break;
    status = try_once(ctx, training, p->batches, rates, t);
    t->resident = thaw_resident_bytes();
  }
  return status;
}

/* Which batch needs the most memory is certain only where all positions cost the same. Elsewhere
 * the two that may need it are tried as well, if need be for longer than others, and what is then
 * in use replaces what the sizes say. */
static thaw_status try_extremes(thaw_context *ctx, thaw_training *training, const double *rates,
                                profile *p, size_t *resident) {
  const size_t indices[] = {p->most_positions, p->most_gradients};
  thaw_status status = THAW_OK;
  if (p->reading.gradient_length == 0) return THAW_OK;
  for (size_t i = 0; i < 2; i++) {
    if (seconds_for(p, p->sizes[indices[i]]) > longest_extreme) return THAW_OK;
  }
  for (size_t i = 0; i < 2 && status == THAW_OK; i++) {
    trial t = {.index = indices[i], .size = p->sizes[indices[i]]};
    status = try_once(ctx, training, p->batches, rates, &t);
  }
  *resident = thaw_resident_bytes();
  return status;
}

/* The first round touches new memory and wakes threads, which can take as long as the step itself.
 */
static thaw_status try_sizes(thaw_context *ctx, thaw_training *training, const double *rates,
                             double enough, profile *p) {
  const double begin = thaw_seconds_now();
  thaw_status status = try_first(ctx, training, rates, p);
  for (size_t round = 1; round < MOST_TIMES && status == THAW_OK; round++) {
    if (thaw_seconds_now() - begin >= (round == 1 ? longest_round : enough)) break;
    for (size_t i = 0; i < p->tried && status == THAW_OK; i++)
      status = try_once(ctx, training, p->batches, rates, &p->trials[i]);
  }
  return status;
}

/* ---- Sets of trained groups ------------------------------------------------------------------ */

/* Steps that train the same groups. */
typedef struct trained_set {
  double *rates;  /* of one of the steps */
  size_t numbers; /* that are trained */
  int64_t steps;
} trained_set;

typedef struct trained_sets {
  trained_set sets[MOST_SETS]; /* the one that trains most comes first */
  size_t count;
  double *rates; /* of all sets */
} trained_sets;

static bool same_groups(const double *a, const double *b, size_t count) {
  for (size_t g = 0; g < count; g++) {
    if ((a[g] > 0) != (b[g] > 0)) return false;
  }
  return true;
}

static size_t count_trained(const thaw_training *training, const double *rates) {
  size_t numbers = 0;
  for (size_t g = 0; g < training->rate_group_count; g++) {
    const thaw_rate_group *group = &training->rate_groups[g];
    for (size_t i = 0; i < group->group_count && rates[g] > 0; i++)
      numbers += thaw_group_size(group->groups[i]);
  }
  return numbers;
}

/* Counts a step with training->rates. Sets beyond the last that there is room for count as the
 * first. */
static void count_step(const thaw_training *training, trained_sets *all) {
  const size_t groups = training->rate_group_count;
  size_t s = 0;
  while (s < all->count && !same_groups(all->sets[s].rates, training->rates, groups)) s++;
  if (s == MOST_SETS) s = 0;
  if (s == all->count) {
    double *rates = all->rates + s * groups;
    memcpy(rates, training->rates, groups * sizeof *rates);
    all->sets[all->count++] = (trained_set){rates, count_trained(training, rates), 0};
  }
  all->sets[s].steps++;
}

static void put_largest_first(trained_sets *all) {
  size_t largest = 0;
  for (size_t s = 1; s < all->count; s++) {
    if (all->sets[s].numbers > all->sets[largest].numbers) largest = s;
  }
  const trained_set first = all->sets[0];
  all->sets[0] = all->sets[largest];
  all->sets[largest] = first;
}

/* The sets of all steps that are left. */
static thaw_status find_sets(thaw_context *ctx, thaw_training *training, trained_sets *all) {
  const int64_t end = training->steps_from[training->stage->epochs];
  const size_t bytes = MOST_SETS * training->rate_group_count * sizeof *all->rates;
  *all = (trained_sets){.rates = malloc(bytes + 1)};
  if (!all->rates) return thaw_fail_memory(ctx, bytes);
  for (int64_t step = thaw_training_step(training); step < end; step++) {
    thaw_status status = thaw_training_rates(ctx, training, step, training->rates);
    if (status) return status;
    count_step(training, all);
  }
  put_largest_first(all);
  return THAW_OK;
}

/* ---- Training -------------------------------------------------------------------------------- */

/* The trial whose size is nearest to the mean. */
static const trial *middle_of(const profile *p) {
  double mean = 0;
  for (size_t i = 0; i < p->count; i++) mean += (double)p->sizes[i] / (double)p->count;
  const trial *best = p->trials;
  for (const trial *t = p->trials; t < p->trials + p->tried; t++) {
    if (fabs((double)t->size - mean) < fabs((double)best->size - mean)) best = t;
  }
  /* Several sets are tried on it. */
  return best->seconds > longest / 2 ? p->trials : best;
}

/* How long a step with this set takes, as a share of one with the first set. */
static thaw_status find_share(thaw_context *ctx, thaw_training *training, const profile *p,
                              const trained_set *set, double enough, double *share) {
  const trial *middle = middle_of(p);
  trial t = {.index = middle->index, .size = middle->size};
  const double begin = thaw_seconds_now();
  thaw_status status = THAW_OK;
  do {
    status = try_once(ctx, training, p->batches, set->rates, &t);
  } while (status == THAW_OK && t.count < MOST_TIMES && thaw_seconds_now() - begin < enough);
  *share = middle->seconds > 0 ? t.seconds / middle->seconds : 1;
  return status;
}

static thaw_status measure_sets(thaw_context *ctx, thaw_training *training, const trained_sets *all,
                                profile *p, thaw_cost *cost) {
  const int64_t epochs = training->stage->epochs;
  const int64_t epoch = training->epoch < epochs ? training->epoch : epochs - 1;
  const thaw_bpt3c reading = {(size_t)training->stage->gradient_length,
                              (size_t)training->stage->chunk};
  thaw_status status = lay_out(ctx, training->batches, epoch, reading, p);
  if (status == THAW_OK) status = try_sizes(ctx, training, all->sets[0].rates, for_sizes, p);
  if (status) return status;
  const int64_t steps = training->steps_from[epoch + 1] - training->steps_from[epoch];
  const double mean = seconds_of_all(p) / (double)steps;
  cost->bytes = resident_of(p);
  status = try_extremes(ctx, training, all->sets[0].rates, p, &cost->bytes);
  for (size_t s = 0; s < all->count && status == THAW_OK; s++) {
    double share = 1;
    if (s > 0) {
      const double enough = for_sets / (double)(all->count - 1);
      status = find_share(ctx, training, p, &all->sets[s], enough, &share);
    }
    cost->seconds += (double)all->sets[s].steps * mean * share;
  }
  return status;
}

static thaw_status measure_steps(thaw_context *ctx, thaw_training *training, thaw_cost *cost) {
  trained_sets all;
  profile p = {0};
  thaw_status status = find_sets(ctx, training, &all);
  if (status == THAW_OK && all.count > 0) status = measure_sets(ctx, training, &all, &p, cost);
  free(all.rates);
  free(p.sizes);
  return status;
}

/* ---- Evaluation ------------------------------------------------------------------------------ */

/* On a tape of its own: the tape of the steps holds what they needed. */
static thaw_status measure_evaluation(thaw_context *ctx, thaw_training *training,
                                      const thaw_evaluation *evaluation, thaw_cost *cost) {
  thaw_batches *batches = NULL;
  profile p = {0};
  thaw_tape_free(training->tape);
  training->tape = thaw_tape_create();
  thaw_status status = training->tape ? THAW_OK : thaw_fail_memory(ctx, 0);
  if (status == THAW_OK)
    status = training->task->batches(ctx, training, evaluation->corpus, &batches);
  if (status == THAW_OK) status = lay_out(ctx, batches, 0, (thaw_bpt3c){0}, &p);
  if (status == THAW_OK) status = try_sizes(ctx, training, NULL, for_evaluation, &p);
  if (status == THAW_OK) {
    const size_t bytes = resident_of(&p);
    cost->seconds += (double)evaluation->times * seconds_of_all(&p);
    if (bytes > cost->bytes) cost->bytes = bytes;
  }
  thaw_batches_free(batches);
  free(p.sizes);
  return status;
}

thaw_status thaw_training_measure(thaw_context *ctx, thaw_training *training,
                                  const thaw_evaluation *evaluations, size_t evaluation_count,
                                  thaw_cost *cost) {
  *cost = (thaw_cost){0};
  thaw_status status = THAW_OK;
  if (training->stage->optimizer.kind == THAW_OPTIMIZER_NT_ASGD)
    status = thaw_optimizer_average_begin(ctx, training->optimizer);
  if (status == THAW_OK) status = measure_steps(ctx, training, cost);
  for (size_t i = 0; i < evaluation_count && status == THAW_OK; i++) {
    if (evaluations[i].times > 0 && evaluations[i].corpus->count > 0)
      status = measure_evaluation(ctx, training, &evaluations[i], cost);
  }
  return status;
}
