/* report.h: finished runs as one HTML page: the question, the table, curves, and where strategies
 * disagree.
 *
 * The page needs nothing but itself: no script, no font, no picture is fetched, and its
 * Content-Security-Policy forbids it. A strategy is a row of the comparison: the runs that differ
 * in nothing but seeds. What is drawn is a strategy's mean over seeds with the band between the
 * lowest and the highest; what several strategies have in common (a language model, a schedule) is
 * drawn once. A run file is open only while it is read, and is kept as sums: size and memory grow
 * with strategies, not with runs. */
#ifndef THAW_REPORT_H
#define THAW_REPORT_H

#include "analysis/run_list.h"
#include "plugin/registry.h"

typedef struct thaw_report_options {
  size_t documents;        /* at most so many on which strategies disagree */
  thaw_registry *registry; /* of the plugins that read their texts */
  size_t where_count;      /* only runs for which these conditions hold (where.h) */
  const char *const *where;
  const char *baseline; /* what strategies are tested against, as thaw_baseline_choose has it; NULL:
                           the best */
} thaw_report_options;

typedef struct thaw_report_summary {
  size_t runs, strategies, bytes;
} thaw_report_summary;

/* Reads the run files and writes the page to `path`, where it appears whole or not at all.
 * THAW_INVALID: see thaw_comparison_read_some and thaw_baseline_choose; also a file in the way that
 * is no report. */
thaw_status thaw_report_write(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                              const thaw_report_options *options, const char *path,
                              thaw_report_summary *summary);

#endif
