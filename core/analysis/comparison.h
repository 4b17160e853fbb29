/* comparison.h: finished runs side by side: in what they differ, and how well they did.
 *
 * Read the runs, make rows of them (one a run, or one for runs that differ in nothing but seeds),
 * and print the rows as a table. */
#ifndef THAW_COMPARISON_H
#define THAW_COMPARISON_H

#include "analysis/differences.h"
#include "analysis/metric.h"
#include "analysis/run_list.h"
#include "analysis/statistics.h"
#include "analysis/table.h"
#include "base/hash.h"
#include "train/metrics.h"

/* One finished run. */
typedef struct thaw_compared_run {
  const char *path;
  const char *name; /* the path's shortest unambiguous end, without .h5 */
  uint64_t seed;
  double seconds;
  const char *split;         /* that was predicted: "test", or else "valid" */
  char gold[THAW_HASH_TEXT]; /* the hash of its documents' classes: tells test sets apart */
  thaw_scores scores;
  double metric;        /* the value of the comparison's metric; NaN: has none */
  const uint8_t *right; /* accuracy: [scores.count] 0 or 1, of documents whose class is known */
  const float *shares;  /* loss and macro F1: [scores.count] a document's share in the mean */
} thaw_compared_run;

typedef struct thaw_comparison {
  thaw_compared_run *runs;
  size_t run_count;
  const thaw_difference *differences; /* values in the order of the runs */
  size_t difference_count;
  bool splits_named; /* not every run was tested on "test" */
  bool tests_differ; /* not all on the same documents */
  thaw_arena *arena; /* owns all of the above */
  thaw_metric metric;
  const thaw_configs *configs; /* all settings of the runs, in their order */
} thaw_comparison;

/* Reads the run files. Of those that were found in a folder, unfinished ones and ones without
 * predictions are left out with a log line. A warning is logged when the runs were not tested on
 * the same documents. THAW_INVALID: a file that is no run file, or is named and cannot be compared;
 * no run is left. */
thaw_status thaw_comparison_read(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                                 thaw_comparison **comparison);
/* The same of the runs for which all expressions hold (where.h), by another metric than accuracy.
 * Of perplexity, runs are compared that are language models and nothing else. Beside its settings a
 * run has the keys path, split, documents, accuracy, macro_f1, seconds and the metric. THAW_INVALID
 * as well: an expression that is wrong or that no run fulfils. */
typedef struct thaw_comparison_options {
  thaw_metric metric;
  size_t where_count;
  const char *const *where;
} thaw_comparison_options;
thaw_status thaw_comparison_read_some(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                                      const thaw_comparison_options *options,
                                      thaw_comparison **comparison);
void thaw_comparison_free(thaw_comparison *comparison);

/* For which runs the expressions hold: `holds` [run_count]; errors as above. */
thaw_status thaw_comparison_where(thaw_context *ctx, const thaw_comparison *comparison,
                                  size_t count, const char *const *expressions, bool *holds);

/* ---- Rows ------------------------------------------------------------------------------------ */

typedef struct thaw_comparison_row {
  size_t run;             /* which one; of a group its first */
  size_t seeds;           /* runs in the group; 1 */
  thaw_estimate accuracy; /* of one run with Wilson's interval, of a group with Student's */
  thaw_estimate macro_f1; /* of one run without an interval */
  double seconds;         /* mean */
  thaw_estimate metric;   /* the comparison's */
  double deviation;       /* its standard deviation over the runs; NaN of one */
  const size_t *members;  /* [seeds] the runs */
} thaw_comparison_row;

typedef enum thaw_comparison_order {
  THAW_ORDER_GIVEN,
  THAW_ORDER_ACCURACY, /* the best first */
  THAW_ORDER_MACRO_F1,
  THAW_ORDER_SECONDS, /* the fastest first */
  THAW_ORDER_METRIC,  /* the best first by the comparison's metric */
} thaw_comparison_order;
/* "given", "accuracy", "macro_f1", "seconds": in the order of the numbers above, ends with NULL. */
extern const char *const thaw_comparison_orders[];

/* `grouped`: a row for all runs that differ in nothing but seeds, in the order of first appearance;
 * a run that repeats another's settings and seeds is left out with a warning, because it says
 * nothing new. The rows live in the comparison. */
thaw_status thaw_comparison_rows(thaw_context *ctx, const thaw_comparison *comparison, bool grouped,
                                 thaw_comparison_order order, const thaw_comparison_row **rows,
                                 size_t *count);

/* A table of the rows, to be freed. `together`: an interval stands in one cell with its number,
 * "0.482 [0.468, 0.496]", for people; otherwise in columns of its own. */
thaw_status thaw_comparison_table(thaw_context *ctx, const thaw_comparison *comparison,
                                  const thaw_comparison_row *rows, size_t count, bool grouped,
                                  bool together, thaw_table **table);

/* ---- Other rows ------------------------------------------------------------------------------ */

/* What tells rows apart. */
typedef struct thaw_grouping {
  bool runs;                   /* a row a run */
  const thaw_difference *keys; /* [key_count] settings that are the same in all runs of a row */
  size_t key_count;
  bool averaged; /* the keys were chosen: rows are averages over what else differs */
} thaw_grouping;

/* That of thaw_comparison_rows. */
thaw_status thaw_grouping_default(thaw_context *ctx, const thaw_comparison *comparison,
                                  bool grouped, thaw_grouping *grouping);

/* Rows in the order of their first runs; they live in the comparison. */
thaw_status thaw_grouping_rows(thaw_context *ctx, const thaw_comparison *comparison,
                               const thaw_grouping *grouping, thaw_comparison_row **rows,
                               size_t *count);
void thaw_rows_sort(const thaw_comparison *comparison, thaw_comparison_order order,
                    thaw_comparison_row *rows, size_t count);

#endif
