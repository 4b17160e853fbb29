/* outcome.c: what a run reached, in a few lines, read from its run file. */
#include <math.h>
#include <stdlib.h>

#include "analysis/statistics.h"
#include "base/context.h"
#include "cli/experiment_options.h"
#include "store/runfile.h"
#include "train/metrics.h"

static thaw_status print_split(const thaw_call *call, const thaw_run_file *run, const char *split) {
  thaw_predictions *predictions = NULL;
  thaw_scores scores;
  if (!thaw_run_has_predictions(run, split)) return THAW_OK;
  thaw_status status = thaw_run_predictions(call->ctx, run, split, &predictions);
  if (status) return status;
  status = thaw_score(call->ctx, predictions->gold, predictions->predicted, predictions->count,
                      predictions->classes, &scores);
  thaw_predictions_free(predictions);
  if (status) return status;
  const thaw_estimate accuracy = thaw_estimate_proportion(scores.correct, scores.count);
  fprintf(call->out, "%s: accuracy %.4f [%.4f, %.4f], macro F1 %.4f, %zu documents\n", split,
          accuracy.value, accuracy.low, accuracy.high, scores.macro_f1, scores.count);
  return THAW_OK;
}

/* The perplexity after the last epoch of every language model, where it was measured. */
static thaw_status print_perplexities(const thaw_call *call, const thaw_run_file *run) {
  thaw_series **series = NULL;
  size_t count = 0;
  thaw_status status = thaw_run_series(call->ctx, run, &series, &count);
  for (size_t i = 0; i < count; i++) {
    const thaw_series *s = series[i];
    const double perplexity = s->epoch_count ? s->epochs[s->epoch_count - 1].perplexity : NAN;
    if (isfinite(perplexity))
      fprintf(call->out, "%s: perplexity %.2f on validation text\n", s->stage, perplexity);
    thaw_series_free(series[i]);
  }
  free(series);
  return status;
}

thaw_status thaw_print_outcome(const thaw_call *call, const thaw_run_outcome *outcome) {
  thaw_run_file *run = NULL;
  thaw_status status = thaw_run_open(call->ctx, outcome->path, &run);
  if (status) return status;
  fprintf(call->out, "%s%s\n", outcome->path, outcome->found ? " (finished before)" : "");
  status = print_perplexities(call, run);
  if (status == THAW_OK) status = print_split(call, run, "valid");
  if (status == THAW_OK) status = print_split(call, run, "test");
  fflush(call->out);
  thaw_run_close(run);
  return status;
}
