/* cache_output.h: what the commands share that look after the stage cache. */
#ifndef THAW_CACHE_OUTPUT_H
#define THAW_CACHE_OUTPUT_H

#include "base/units.h"
#include "cli/experiment_options.h"
#include "cli/output.h"
#include "experiment/cached_stage.h"

/* The folder of the stage cache, in the call's arena. One that --cache names must be there; without
 * it a log line says so where there is none. */
thaw_status thaw_cache_of(const thaw_call *call, const char *given, const char **folder);

/* Is the format one for programs, which get numbers in full? */
bool thaw_for_programs(int format);

/* Adds the first 8 digits of a key for people, all of them for programs. */
void thaw_table_key(thaw_table *table, const char *key, int format);
/* As "1.4 GiB", or in bytes; when a file was used last, as "3 d ago" or as 2026-01-31T12:00:00Z. */
void thaw_table_size(thaw_table *table, uint64_t bytes, int format);
void thaw_table_used(thaw_table *table, int64_t used, int format);
/* The headings of these two. */
const char *thaw_size_heading(int format);
const char *thaw_used_heading(int format);

/* "s" where there is not one. */
const char *thaw_plural(size_t count);

#endif
