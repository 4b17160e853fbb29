/* cache_check.c: see cache_check.h. */
#include "experiment/cache_check.h"

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"
#include "config/schema.h"
#include "store/runfile.h"

static thaw_status check_weights(thaw_context *ctx, const thaw_run_file *run, const char *stage) {
  thaw_params *params = NULL;
  thaw_vocabulary *vocabulary = NULL;
  thaw_status status = thaw_run_weights(ctx, run, stage, &params);
  thaw_params_free(params);
  if (status == THAW_OK) status = thaw_run_vocabulary(ctx, run, stage, &vocabulary);
  thaw_vocabulary_free(vocabulary);
  return status;
}

static thaw_status check_records(thaw_context *ctx, const thaw_run_file *run) {
  thaw_series **series = NULL;
  thaw_state state = {0};
  char *tokenizer = NULL;
  size_t count = 0;
  thaw_status status = thaw_run_series(ctx, run, &series, &count);
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
  if (status == THAW_OK) status = thaw_run_tokenizer_state(ctx, run, &tokenizer, &count);
  free(tokenizer);
  if (status == THAW_OK) status = thaw_run_state(ctx, run, &state);
  if (status == THAW_OK && !thaw_run_complete(run) && state.count == 0) {
    status = thaw_fail(ctx, THAW_INVALID, "%s is not finished and has no checkpoint",
                       thaw_run_path(run));
  }
  thaw_state_free(&state);
  return status;
}

static thaw_status check_key(thaw_context *ctx, const thaw_run_file *run, const char *key) {
  char *found = NULL, *text = NULL, digits[THAW_HASH_TEXT];
  thaw_status status = thaw_run_text(ctx, run, "environment/key", &found);
  if (status == THAW_OK && strcmp(found, key) != 0) {
    status = thaw_fail(ctx, THAW_INVALID, "%s is the stage %s under another one's name",
                       thaw_run_path(run), found);
  }
  free(found);
  if (status || thaw_run_text(ctx, run, "config/key", &text) != THAW_OK) return status;
  thaw_hash_bytes(text, strlen(text), digits);
  if (strcmp(digits, key) != 0) {
    status = thaw_fail(ctx, THAW_INVALID,
                       "%s: the text of its key hashes to %s, so that it is another stage's",
                       thaw_run_path(run), digits);
  }
  free(text);
  return status;
}

static thaw_status check_all(thaw_context *ctx, const thaw_run_file *run, const char *key) {
  thaw_status status = check_key(ctx, run, key);
  if (status == THAW_OK) status = check_weights(ctx, run, NULL);
  for (size_t k = 0; status == THAW_OK && thaw_stage_names[k]; k++) {
    if (thaw_run_has_stage(run, thaw_stage_names[k]))
      status = check_weights(ctx, run, thaw_stage_names[k]);
  }
  return status ? status : check_records(ctx, run);
}

thaw_status thaw_cache_check(thaw_context *ctx, thaw_arena *arena, const thaw_cache_entry *entry,
                             thaw_cache_verdict *verdict, const char **problem) {
  thaw_run_file *run = NULL;
  thaw_context *own = thaw_context_create(); /* what is wrong with a file is no failure of ours */
  *problem = NULL;
  *verdict = THAW_CACHE_WHOLE;
  if (!own) return thaw_fail_memory(ctx, 1);
  thaw_status status = thaw_run_open(own, entry->path, &run);
  if (status == THAW_OK) status = check_all(own, run, entry->key);
  if (status != THAW_OK) {
    const bool gone = !thaw_path_exists(entry->path);
    const bool unread = access(entry->path, R_OK) != 0;
    *verdict = gone ? THAW_CACHE_GONE : unread ? THAW_CACHE_UNREAD : THAW_CACHE_DAMAGED;
    *problem = thaw_arena_strdup(arena, thaw_error(own));
  }
  thaw_run_close(run);
  thaw_context_free(own);
  return status == THAW_OK || *problem ? THAW_OK : thaw_fail_memory(ctx, 1);
}
