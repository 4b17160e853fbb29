/* comparison_notes.c: the words above a table of comparisons. */
#include <math.h>

#include "analysis/comparison_view.h"
#include "base/context.h"

typedef struct notes {
  const thaw_comparison *comparison;
  const thaw_comparison_view *view;
  const thaw_metric_facts *about;
  const char *before;
  thaw_buffer *out;
} notes;

/* What rows average over: the settings that vary inside of one. */
static bool note_rest(const notes *n) {
  const thaw_comparison *c = n->comparison;
  bool ok = thaw_buffer_format(n->out, "%srows are means over seeds", n->before);
  for (size_t i = 0; ok && i < c->difference_count; i++) {
    const thaw_difference *d = &c->differences[i];
    bool varies = false;
    for (size_t r = 0; !varies && !d->is_seed && r < n->view->count; r++) {
      const thaw_comparison_row *row = &n->view->rows[r];
      for (size_t m = 1; !varies && m < row->seeds; m++) {
        varies = d->values[row->members[m]] != d->values[row->members[0]];
      }
    }
    if (varies) ok = thaw_buffer_format(n->out, " and %s", d->heading);
  }
  return ok && thaw_buffer_text(n->out, "; their runs count as independent\n");
}

static bool note_metric(const notes *n) {
  const thaw_comparison *c = n->comparison;
  const thaw_compared_run *first = &c->runs[n->view->rows[0].run];
  bool ok = thaw_buffer_format(n->out, "%s%s", n->before, n->about->heading);
  if (n->about->of_documents && !c->tests_differ) {
    ok = ok && thaw_buffer_format(n->out, " on %zu %s documents", first->scores.count,
                                  c->splits_named ? first->split : "test");
  }
  if (n->view->grouping->runs) return ok && thaw_buffer_text(n->out, "\n");
  return ok && thaw_buffer_format(
                   n->out, ": mean over %s [Student's 95 %% interval]; sd: standard deviation\n",
                   n->view->grouping->averaged ? "runs" : "seeds");
}

static bool note_difference(const notes *n) {
  const bool alone = n->view->pairing->runs_alone;
  bool ok = thaw_buffer_format(n->out, "%sdifference: ", n->before);
  if (*n->about->unit) ok = ok && thaw_buffer_format(n->out, "%s, ", n->about->unit);
  ok = ok &&
       thaw_buffer_format(n->out, "against row %zu%s", n->view->pairing->baseline + 1,
                          n->view->baseline_named ? "" : ", the best (--baseline names another)");
  return ok && thaw_buffer_format(n->out, " [95 %% interval over %s]\n",
                                  alone                    ? "documents"
                                  : n->about->of_documents ? "seeds and documents"
                                                           : "seeds");
}

static const char *test_name(const notes *n) {
  if (n->view->pairing->runs_alone) {
    return n->comparison->metric == THAW_METRIC_ACCURACY
               ? "McNemar's exact test over documents (1947)"
               : "sign flips over documents (Fisher 1935; Phipson and Smyth 2010)";
  }
  return n->about->of_documents ? "seeds crossed with documents (Dorfman et al. 1992; Hillis 2007)"
                                : "t test over seeds (Student 1908; Welch 1947)";
}

/* " point", " points", or nothing. */
static const char *unit_of(const notes *n, double number) {
  if (!*n->about->unit) return "";
  return number == 1 ? " point" : " points";
}

static bool note_test(const notes *n) {
  size_t tests = 0;
  for (size_t i = 0; i < n->view->count; i++) tests += !isnan(n->view->pairs[i].p);
  return thaw_buffer_format(n->out, "%sp: %s, corrected for %zu test%s (Holm 1979)\n", n->before,
                            test_name(n), tests, tests == 1 ? "" : "s");
}

/* What the verdicts in the table mean. */
static bool note_verdicts(const notes *n) {
  bool few = false, same = false;
  for (size_t i = 0; i < n->view->count; i++) {
    const thaw_paired *pair = &n->view->pairs[i];
    few = few || pair->seeds_needed || pair->documents_needed;
    same = same || pair->verdict == THAW_VERDICT_SAME;
  }
  const double margin = n->view->pairing->margin * n->about->scale;
  bool ok = true;
  if (same && margin > 0) {
    ok = thaw_buffer_format(n->out, "%sdoes not differ: by less than %g%s (Schuirmann 1987)\n",
                            n->before, margin, unit_of(n, margin));
  }
  if (ok && few) {
    ok = thaw_buffer_format(n->out,
                            "%swould be needed: for 80 %% power at 5 %%, to see the "
                            "difference that was found",
                            n->before);
    if (ok && margin > 0) {
      ok = thaw_buffer_format(n->out, ", or %g%s where that is more", margin, unit_of(n, margin));
    }
    ok = ok && thaw_buffer_text(n->out, "\n");
  }
  return ok;
}

thaw_status thaw_comparison_view_notes(thaw_context *ctx, const thaw_comparison *comparison,
                                       const thaw_comparison_view *view, const char *before,
                                       thaw_buffer *out) {
  const notes n = {comparison, view, thaw_metric_about(comparison->metric), before, out};
  bool ok = true;
  if (view->grouping->averaged) ok = note_rest(&n);
  if (view->pairs)
    ok = ok && note_metric(&n) && note_difference(&n) && note_test(&n) && note_verdicts(&n);
  return ok ? THAW_OK : thaw_fail_memory(ctx, out->size);
}
