/* inspection_parts.h: what the files that make an inspection share. */
#ifndef THAW_INSPECTION_PARTS_H
#define THAW_INSPECTION_PARTS_H

#include "analysis/inspection.h"
#include "store/runfile.h"

typedef struct inspection_reader {
  thaw_context *ctx;
  const thaw_run_file *run;
  thaw_registry *registry;
  size_t documents; /* how many of the most wrong ones */
  thaw_inspection *inspection;
} inspection_reader;

/* For whom a part is. */
enum { FOR_PEOPLE = 1, FOR_PROGRAMS = 2, FOR_BOTH = 3 };

/* A part with an empty table; `headings` end with NULL. NULL after a failure, which is in ctx. */
thaw_table *thaw_inspection_add(inspection_reader *r, const char *name, const char *title,
                                int readers, const char *const *headings);

/* Epochs and curves of every stage; classes, confusions and the most wrong documents. */
thaw_status thaw_inspect_metrics(inspection_reader *r);
thaw_status thaw_inspect_predictions(inspection_reader *r);

#endif
