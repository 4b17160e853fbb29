/* inspection.h: what is in one run file, as tables for people and for programs. */
#ifndef THAW_INSPECTION_H
#define THAW_INSPECTION_H

#include "analysis/table.h"
#include "plugin/registry.h"

enum { THAW_INSPECTION_MOST = 12 };

typedef struct thaw_inspection_part {
  const char *name;  /* a key for programs: "weights" */
  const char *title; /* for people */
  thaw_table *table;
  bool for_people, for_programs;
} thaw_inspection_part;

typedef struct thaw_inspection {
  char *resolved; /* the config, whole */
  thaw_inspection_part parts[THAW_INSPECTION_MOST];
  size_t count;
} thaw_inspection;

/* Reads a run file, finished or not. `documents`: how many of those with the highest loss are
 * listed; the first 400 bytes of their texts are there if the run's plugins and data still are,
 * else a log line says why not. THAW_INVALID: no run file, or a damaged one. */
thaw_status thaw_inspection_read(thaw_context *ctx, const char *path, thaw_registry *registry,
                                 size_t documents, thaw_inspection *inspection);
void thaw_inspection_free(thaw_inspection *inspection); /* frees the content */

/* Appends a drawing of the values, one character each, at most `width`: from ▁, the lowest, to █,
 * the highest; a blank is no value. False: no memory. */
bool thaw_draw_curve(thaw_buffer *out, const double *values, size_t count, size_t width);

#endif
