/* run_check.h: which run files are not what was written. */
#ifndef THAW_RUN_CHECK_H
#define THAW_RUN_CHECK_H

#include "analysis/run_list.h"
#include "analysis/table.h"

/* Reads all of every file and compares checksums. A row for each one that is damaged, truncated,
 * unreadable or none of thaw's: its path and what is wrong. The table is to be freed. */
thaw_status thaw_runs_check(thaw_context *ctx, thaw_arena *arena, const thaw_listed_run *files,
                            size_t count, thaw_table **faults);

#endif
