/* moment.c: moments of training as schedules see them; declared in thaw/plugin.h. */
#include "thaw/plugin.h"

/* The step at which an epoch begins; before 0 where the training that is seen begins within it. */
static int64_t start_of(const thaw_moment *moment, int64_t epoch) {
  return moment->epoch_steps[epoch] - moment->first_step;
}

/* The last epoch that begins at `step` or before it. */
static int64_t epoch_at(const thaw_moment *moment, int64_t step) {
  int64_t low = 0, high = moment->epochs;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    if (start_of(moment, middle) <= step)
      low = middle;
    else
      high = middle;
  }
  return low;
}

thaw_moment thaw_moment_within(const thaw_moment *moment, int64_t begin, int64_t end) {
  const int64_t first = epoch_at(moment, begin), last = epoch_at(moment, end - 1);
  thaw_moment seen = *moment;
  seen.step -= begin;
  seen.steps = end - begin;
  seen.epoch -= first;
  seen.epochs = last - first + 1;
  seen.epoch_steps += first;
  seen.first_step += begin;
  return seen;
}

static double epochs_at(const thaw_moment *moment, int64_t epoch, int64_t step) {
  const int64_t start = start_of(moment, epoch);
  return (double)epoch + (double)(step - start) / (double)(start_of(moment, epoch + 1) - start);
}

double thaw_moment_epochs(const thaw_moment *moment) {
  return epochs_at(moment, moment->epoch, moment->step) - epochs_at(moment, 0, 0);
}
