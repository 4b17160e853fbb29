/* cmd_cache_verify.c: `thaw cache verify`: reads every stage in the stage cache to its end. */
#include <stdlib.h>

#include "base/progress.h"
#include "cli/cache_output.h"
#include "experiment/cache_check.h"
#include "store/cache.h"

typedef struct settings {
  thaw_experiment_settings common; /* comes first: the options that commands share are in it */
  bool remove;
} settings;

static const thaw_option options[] = {
    {.name = "remove",
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(settings, remove),
     .doc = "remove damaged stages, which are then trained again when a run needs them"},
    THAW_CACHE_OPTION,
    THAW_FORMAT_OPTION(thaw_experiment_settings),
    {0}};

/* What was found so far. */
typedef struct findings {
  const char *folder;
  thaw_table *table;
  size_t stages, damaged, removed, unread;
  uint64_t bytes;
} findings;

/* "damaged", or what became of it. */
static thaw_status deal_with(const thaw_call *call, findings *f, const thaw_cache_entry *entry,
                             const char **verdict) {
  const settings *own = call->settings;
  char *user = NULL;
  *verdict = "damaged";
  f->damaged++;
  if (!own->remove) return THAW_OK;
  thaw_status status = thaw_cache_remove(call->ctx, f->folder, entry->key, false, &user);
  if (status == THAW_OK && !user) {
    *verdict = "damaged, removed";
    f->removed++;
  } else if (status == THAW_OK) {
    thaw_log(call->ctx, THAW_LOG_WARNING, "%s stays: %s", entry->path, user);
  } else {
    thaw_log(call->ctx, THAW_LOG_WARNING, "%s stays: %s", entry->path, thaw_error(call->ctx));
  }
  free(user);
  return THAW_OK;
}

static void add_finding(findings *f, const thaw_cached_stage *stage, const char *verdict,
                        const char *problem, int format) {
  thaw_table_key(f->table, stage->entry->key, format);
  thaw_table_text(f->table, stage->stage);
  thaw_table_text(f->table, stage->name);
  thaw_table_size(f->table, stage->entry->bytes, format);
  thaw_table_text(f->table, verdict);
  thaw_table_text(f->table, problem);
}

static thaw_status check(const thaw_call *call, findings *f, const thaw_cache_entry *entry) {
  const settings *own = call->settings;
  thaw_cached_stage stage;
  thaw_cache_verdict found;
  const char *problem = NULL, *verdict = "whole";
  bool there = false;
  thaw_status status =
      thaw_cached_stage_read(call->ctx, call->arena, f->folder, entry, &stage, &there);
  if (status == THAW_OK) status = thaw_cache_check(call->ctx, call->arena, entry, &found, &problem);
  if (status || !there || found == THAW_CACHE_GONE) return status;
  if (found == THAW_CACHE_DAMAGED) status = deal_with(call, f, entry, &verdict);
  if (found == THAW_CACHE_UNREAD) {
    verdict = "cannot be read";
    f->unread++;
  }
  f->stages++;
  f->bytes += entry->bytes;
  add_finding(f, &stage, verdict, problem, own->common.format);
  return status;
}

static thaw_status check_all(const thaw_call *call, findings *f) {
  thaw_cache_folder_content content;
  thaw_status status = thaw_cache_folder_read(call->ctx, call->arena, f->folder, &content);
  if (status) return status;
  thaw_progress *progress = thaw_progress_start(content.stage_count ? call->progress : NULL,
                                                "verify", content.stage_count, "bytes");
  for (size_t i = 0; i < content.stage_count && status == THAW_OK; i++) {
    if (thaw_interrupted(call->ctx))
      status = thaw_fail(call->ctx, THAW_INTERRUPTED, "while verifying %s", f->folder);
    if (status == THAW_OK) status = check(call, f, &content.stages[i]);
    thaw_progress_update(progress, i + 1, (double)f->bytes, "");
  }
  thaw_progress_end(progress, status == THAW_OK ? "done" : "stopped");
  return status;
}

static thaw_status print(const thaw_call *call, const findings *f, int format) {
  char size[THAW_UNITS_TEXT];
  thaw_status status = THAW_OK;
  if (f->stages > 0 || format != THAW_TABLE_TEXT) status = thaw_print_table(call, f->table, format);
  if (status || format != THAW_TABLE_TEXT) return status;
  thaw_write_size(f->bytes, size);
  fprintf(call->out, "%s%zu stage%s, %s: ", f->stages ? "\n" : "", f->stages,
          thaw_plural(f->stages), size);
  if (f->damaged + f->unread == 0)
    fputs("nothing is wrong\n", call->out);
  else
    fprintf(call->out, "%zu damaged, %zu of them removed, %zu unreadable\n", f->damaged, f->removed,
            f->unread);
  return THAW_OK;
}

/* What is wrong and still there fails the command. */
static thaw_status judge(const thaw_call *call, const findings *f) {
  const size_t wrong = f->damaged - f->removed + f->unread;
  if (wrong == 0) return THAW_OK;
  return thaw_fail(call->ctx, THAW_FAILED, "%zu of %zu stage%s in %s %s damaged or unreadable",
                   wrong, f->stages, thaw_plural(f->stages), f->folder, wrong == 1 ? "is" : "are");
}

static thaw_status run(const thaw_call *call) {
  const settings *own = call->settings;
  const int format = own->common.format;
  const char *const headings[] = {"key",   "stage",  "experiment", thaw_size_heading(format),
                                  "state", "problem"};
  findings f = {.table = thaw_table_create()};
  if (!f.table) return thaw_fail_memory(call->ctx, 0);
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(f.table, headings[i]);
  thaw_status status = thaw_cache_of(call, own->common.cache, &f.folder);
  if (status == THAW_OK) status = check_all(call, &f);
  if (status == THAW_OK) status = print(call, &f, format);
  if (status == THAW_OK) status = judge(call, &f);
  thaw_table_free(f.table);
  return status;
}

const thaw_command thaw_command_cache_verify = {
    .name = "cache verify",
    .operands = "",
    .summary = "Read every stage in the stage cache and name those that are damaged.",
    .description =
        "Compares every byte with the checksums that were written with it, and every key with what "
        "it is the hash of. The exit status is 1 where something is damaged, or cannot be read, "
        "and still there afterwards. What a process trains or uses is not removed.",
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
