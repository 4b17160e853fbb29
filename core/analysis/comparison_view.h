/* comparison_view.h: the table that a command line asks for: which runs share a row, in which
 * order, tested against what, and the words above it. */
#ifndef THAW_COMPARISON_VIEW_H
#define THAW_COMPARISON_VIEW_H

#include "analysis/paired.h"

/* ---- What is asked for ----------------------------------------------------------------------- */

/* `keys`: NULL, everything but seeds; "run"; or settings by their headings or keys, whole or
 * shortened, with commas between them. THAW_INVALID: a key that no run has. */
thaw_status thaw_grouping_choose(thaw_context *ctx, const thaw_comparison *comparison,
                                 const char *keys, thaw_grouping *grouping);

/* `order`: "given", "best" (by the comparison's metric), "accuracy", "macro_f1", "seconds", the
 * metric's name, or one of the grouping's settings, small numbers first. THAW_INVALID: another. */
thaw_status thaw_rows_order(thaw_context *ctx, const thaw_comparison *comparison,
                            const thaw_grouping *grouping, const char *order,
                            thaw_comparison_row *rows, size_t count);

/* `baseline`: NULL, the best by the comparison's metric; the number of a row, from 1; the path of a
 * run in it; or conditions with commas between them ("head.plugin=last,transfer=none") that hold
 * for all runs of one row. THAW_INVALID: no row, or several. */
thaw_status thaw_baseline_choose(thaw_context *ctx, const thaw_comparison *comparison,
                                 const thaw_comparison_row *rows, size_t count,
                                 const char *baseline, size_t *row);

/* ---- What is shown --------------------------------------------------------------------------- */

typedef struct thaw_comparison_view {
  const thaw_grouping *grouping;
  const thaw_comparison_row *rows;
  size_t count;
  const thaw_pairing *pairing; /* and pairs: NULL when no rows were tested */
  const thaw_paired *pairs;    /* [count] */
  bool baseline_named;         /* by the user */
  bool together; /* for people: an interval stands in one cell with its number, differences are in
                    the metric's unit, and of the p-values the one that counts is shown */
} thaw_comparison_view;

/* A table of the rows, to be freed. */
thaw_status thaw_comparison_view_table(thaw_context *ctx, const thaw_comparison *comparison,
                                       const thaw_comparison_view *view, thaw_table **table);

/* Appends what a reader of the table must know: what the numbers are, by which tests, with their
 * sources; some lines, each behind `before`, or nothing. */
thaw_status thaw_comparison_view_notes(thaw_context *ctx, const thaw_comparison *comparison,
                                       const thaw_comparison_view *view, const char *before,
                                       thaw_buffer *out);

#endif
