/* cache_output.c: see cache_output.h. */
#include "cli/cache_output.h"

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "store/cache.h"

enum { SHORT_KEY = 8 };

thaw_status thaw_cache_of(const thaw_call *call, const char *given, const char **folder) {
  char *found = NULL;
  thaw_status status = thaw_cache_folder(call->ctx, given, &found);
  if (status) return status;
  *folder = thaw_arena_strdup(call->arena, found);
  free(found);
  if (!*folder) return thaw_fail_memory(call->ctx, 1);
  if (thaw_path_exists(*folder)) return THAW_OK;
  if (given && *given) return thaw_fail(call->ctx, THAW_INVALID, "there is no folder %s", *folder);
  thaw_log(call->ctx, THAW_LOG_INFO, "there is no stage cache yet: no run has made %s", *folder);
  return THAW_OK;
}

bool thaw_for_programs(int format) {
  return format == THAW_TABLE_CSV || format == THAW_TABLE_JSON;
}

void thaw_table_key(thaw_table *table, const char *key, int format) {
  char text[THAW_HASH_TEXT];
  const int digits = thaw_for_programs(format) ? THAW_HASH_TEXT - 1 : SHORT_KEY;
  snprintf(text, sizeof text, "%.*s", digits, key);
  thaw_table_text(table, text);
}

const char *thaw_size_heading(int format) {
  return thaw_for_programs(format) ? "bytes" : "size";
}

void thaw_table_size(thaw_table *table, uint64_t bytes, int format) {
  char text[THAW_UNITS_TEXT];
  if (thaw_for_programs(format)) {
    thaw_table_number(table, (double)bytes, 0);
  } else {
    thaw_write_size(bytes, text);
    thaw_table_text(table, text);
  }
}

const char *thaw_used_heading(int format) {
  return thaw_for_programs(format) ? "last_used" : "last used";
}

void thaw_table_used(thaw_table *table, int64_t used, int format) {
  char text[THAW_UNITS_TEXT + 8] = "";
  if (thaw_for_programs(format)) {
    struct tm parts;
    const time_t time = (time_t)used;
    if (gmtime_r(&time, &parts)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  } else {
    char age[THAW_UNITS_TEXT];
    thaw_write_duration(difftime(time(NULL), (time_t)used), age);
    snprintf(text, sizeof text, "%s ago", age);
  }
  thaw_table_text(table, text);
}

const char *thaw_plural(size_t count) {
  return count == 1 ? "" : "s";
}
