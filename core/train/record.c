/* record.c: tables of numbers that grow row by row, and predictions of a fixed size.
 *
 * A table doubles its space when it is full; a failed growth leaves it as it was. Rates and
 * distances stand in arrays of their own beside the rows, because their number is known only when a
 * series is created. */
#include "train/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool copy_names(char **copies, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    copies[i] = strdup(names[i]);
    if (!copies[i]) return false;
  }
  return true;
}

thaw_series *thaw_series_create(const char *stage, size_t group_count, const char *const *groups) {
  thaw_series *series = calloc(1, sizeof *series);
  if (!series) return NULL;
  series->stage = strdup(stage);
  series->groups = calloc(group_count ? group_count : 1, sizeof *series->groups);
  if (series->groups) series->group_count = group_count;
  if (!series->stage || !series->groups || !copy_names(series->groups, groups, group_count)) {
    thaw_series_free(series);
    return NULL;
  }
  return series;
}

void thaw_series_free(thaw_series *series) {
  if (!series) return;
  for (size_t g = 0; g < series->group_count; g++) free(series->groups[g]);
  for (size_t g = 0; g < series->moved_count; g++) free(series->moved[g]);
  free(series->groups);
  free(series->moved);
  free(series->taken);
  free(series->distances);
  free(series->stage);
  free(series->steps);
  free(series->rates);
  free(series->epochs);
  free(series);
}

/* `count` doubled, at least 64; 0 when rows of `row_bytes` bytes would not fit into memory. */
static size_t next_space(size_t count, size_t row_bytes) {
  const size_t space = count < 32 ? 64 : 2 * count;
  return space / 2 < count || space > SIZE_MAX / row_bytes ? 0 : space;
}

/* Makes room for one more step. Either array may be larger than step_space says after a failure. */
static bool grow_steps(thaw_series *series) {
  const size_t rates_bytes = series->group_count * sizeof(double);
  const size_t widest = rates_bytes > sizeof(thaw_step_row) ? rates_bytes : sizeof(thaw_step_row);
  const size_t space = next_space(series->step_count, widest);
  if (!space) return false;
  thaw_step_row *steps = realloc(series->steps, space * sizeof *steps);
  if (!steps) return false;
  series->steps = steps;
  if (rates_bytes) {
    double *rates = realloc(series->rates, space * rates_bytes);
    if (!rates) return false;
    series->rates = rates;
  }
  series->step_space = space;
  return true;
}

bool thaw_series_add_step(thaw_series *series, const thaw_step_row *row, const double *rates) {
  if (series->step_count == series->step_space && !grow_steps(series)) return false;
  series->steps[series->step_count] = *row;
  if (series->group_count) {
    memcpy(series->rates + series->step_count * series->group_count, rates,
           series->group_count * sizeof *rates);
  }
  series->step_count++;
  return true;
}

/* Distances of epochs from number `from` on, for which there is space. */
static void forget_distances(thaw_series *series, size_t from) {
  for (size_t i = from * series->moved_count; i < series->epoch_space * series->moved_count; i++)
    series->distances[i] = NAN;
}

static bool grow_epochs(thaw_series *series) {
  const size_t distances_bytes = series->moved_count * sizeof(double);
  const size_t widest =
      distances_bytes > sizeof(thaw_epoch_row) ? distances_bytes : sizeof(thaw_epoch_row);
  const size_t space = next_space(series->epoch_count, widest);
  if (!space) return false;
  thaw_epoch_row *epochs = realloc(series->epochs, space * sizeof *epochs);
  if (!epochs) return false;
  series->epochs = epochs;
  if (distances_bytes) {
    double *distances = realloc(series->distances, space * distances_bytes);
    if (!distances) return false;
    series->distances = distances;
  }
  series->epoch_space = space;
  forget_distances(series, series->epoch_count);
  return true;
}

bool thaw_series_add_epoch(thaw_series *series, const thaw_epoch_row *row) {
  if (series->epoch_count == series->epoch_space && !grow_epochs(series)) return false;
  series->epochs[series->epoch_count++] = *row;
  return true;
}

bool thaw_series_follow(thaw_series *series, size_t count, const char *const *names,
                        const bool *taken) {
  const size_t cells = (series->epoch_space + 1) * count;
  series->moved = calloc(count + 1, sizeof *series->moved);
  series->taken = calloc(count + 1, sizeof *series->taken);
  series->distances = malloc((cells + 1) * sizeof *series->distances);
  if (!series->moved || !series->taken || !series->distances) return false;
  series->moved_count = count;
  if (!copy_names(series->moved, names, count)) return false;
  if (count) memcpy(series->taken, taken, count * sizeof *taken);
  forget_distances(series, 0);
  return true;
}

double *thaw_series_last_distances(const thaw_series *series) {
  return series->distances + (series->epoch_count - 1) * series->moved_count;
}

thaw_predictions *thaw_predictions_create(const char *split, size_t count, size_t classes) {
  if (classes && count > SIZE_MAX / sizeof(float) / classes) return NULL;
  thaw_predictions *predictions = calloc(1, sizeof *predictions);
  if (!predictions) return NULL;
  const size_t cells = count * classes;
  predictions->split = strdup(split);
  predictions->count = count;
  predictions->classes = classes;
  predictions->gold = calloc(count ? count : 1, sizeof *predictions->gold);
  predictions->predicted = calloc(count ? count : 1, sizeof *predictions->predicted);
  predictions->probabilities = calloc(cells ? cells : 1, sizeof *predictions->probabilities);
  if (!predictions->split || !predictions->gold || !predictions->predicted ||
      !predictions->probabilities) {
    thaw_predictions_free(predictions);
    return NULL;
  }
  for (size_t d = 0; d < count; d++) predictions->gold[d] = predictions->predicted[d] = -1;
  return predictions;
}

void thaw_predictions_free(thaw_predictions *predictions) {
  if (!predictions) return;
  free(predictions->split);
  free(predictions->gold);
  free(predictions->predicted);
  free(predictions->probabilities);
  free(predictions);
}
