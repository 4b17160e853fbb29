/* cached_stage.c: see cached_stage.h. What a file lacks is left out, never an error: the cache may
 * hold files of older versions, and damaged ones. */
#include "experiment/cached_stage.h"

#include <config.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "config/yaml.h"
#include "experiment/stage_key_lines.h"
#include "store/cache.h"
#include "store/runfile.h"

/* A stage being read. */
typedef struct reading {
  thaw_context *ctx; /* one of its own: what is wrong with a file is no failure of ours */
  thaw_arena *arena;
  const thaw_run_file *run;
  thaw_cached_stage *stage;
  thaw_node *config; /* NULL: not known */
} reading;

/* A text of the file in the arena; NULL: there is none. */
static const char *text_of(const reading *r, const char *part) {
  char *text = NULL;
  const char *copy = NULL;
  if (thaw_run_text(r->ctx, r->run, part, &text) == THAW_OK)
    copy = thaw_arena_strdup(r->arena, text);
  free(text);
  return copy;
}

static const char *keep_text(thaw_arena *arena, thaw_buffer *text) {
  const char *copy = text->data ? thaw_arena_strdup(arena, text->data) : NULL;
  thaw_buffer_free(text);
  return copy;
}

static void read_config(reading *r) {
  const char *text = text_of(r, "config/resolved");
  if (!text || thaw_yaml_parse(r->ctx, r->arena, thaw_run_path(r->run), text, strlen(text),
                               &r->config) != THAW_OK) {
    r->config = NULL;
  }
}

/* The text of a value of the config; NULL: there is none. */
static const char *value_of(const reading *r, const char *key) {
  const thaw_node *node = r->config ? thaw_node_find(r->config, key) : NULL;
  return node ? node->text : NULL;
}

/* The text of a value of the stage's own section. */
static const char *stage_value(const reading *r, const char *key) {
  thaw_buffer path = {0};
  const char *value = NULL;
  if (r->stage->stage && thaw_buffer_format(&path, "stages.%s.%s", r->stage->stage, key))
    value = value_of(r, path.data);
  thaw_buffer_free(&path);
  return value;
}

static void describe_encoder(reading *r) {
  static const char *const sizes[] = {"encoder.embedding", "encoder.hidden", "encoder.layers"};
  const char *plugin = value_of(r, "encoder.plugin");
  thaw_buffer text = {0};
  if (!plugin || !thaw_buffer_text(&text, plugin)) return;
  const char *before = " ";
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const char *size = value_of(r, sizes[i]);
    if (!size) continue;
    thaw_buffer_format(&text, "%s%s", before, size);
    before = "/";
  }
  r->stage->encoder = keep_text(r->arena, &text);
}

/* A file that lacks the text of its key says only whether there was something. */
static const char *guess_source(const reading *r) {
  static const char nothing[] = "takes over nothing";
  const char *taken = text_of(r, "environment/transfer");
  return taken && strncmp(taken, nothing, sizeof nothing - 1) != 0 ? "?" : NULL;
}

static void describe_source(reading *r) {
  thaw_key_lines lines;
  thaw_buffer setting = {0};
  thaw_cached_stage *stage = r->stage;
  if (!stage->key_text) stage->source = guess_source(r);
  if (!stage->key_text || !stage->stage) return;
  if (thaw_key_lines_read(r->ctx, r->arena, stage->key_text, "", &lines) != THAW_OK) return;
  const char *file = stage_value(r, "transfer.from");
  const char *slash = file ? strrchr(file, '/') : NULL;
  stage->source =
      file ? slash ? slash + 1 : file : thaw_key_lines_find(&lines, "what is taken over");
  if (stage->source && thaw_buffer_format(&setting, "stages.%s.transfer", stage->stage))
    stage->groups = thaw_key_lines_find(&lines, setting.data);
  thaw_buffer_free(&setting);
}

/* The perplexity of the epoch whose weights are kept. */
static double perplexity_of(const thaw_series *series, bool best) {
  const thaw_epoch_row *kept = NULL;
  for (size_t i = 0; i < series->epoch_count; i++) {
    const thaw_epoch_row *row = &series->epochs[i];
    if (!kept || !best || row->valid_loss < kept->valid_loss) kept = row;
  }
  return kept ? kept->perplexity : NAN;
}

static void describe_progress(reading *r) {
  thaw_series **series = NULL;
  size_t count = 0;
  const char *epochs = stage_value(r, "epochs"), *keep = stage_value(r, "keep");
  r->stage->epochs = epochs ? strtoll(epochs, NULL, 10) : 0;
  r->stage->perplexity = NAN;
  if (thaw_run_series(r->ctx, r->run, &series, &count) != THAW_OK) return;
  for (size_t i = 0; i < count; i++) {
    if (r->stage->stage && strcmp(series[i]->stage, r->stage->stage) == 0) {
      r->stage->done_epochs = (int64_t)series[i]->epoch_count;
      r->stage->perplexity = perplexity_of(series[i], keep && strcmp(keep, "best") == 0);
    }
    thaw_series_free(series[i]);
  }
  free(series);
}

static void describe(reading *r) {
  r->stage->state = thaw_run_complete(r->run) ? THAW_CACHED_FINISHED : THAW_CACHED_BEGUN;
  r->stage->name = text_of(r, "name");
  r->stage->stage = text_of(r, "environment/stage");
  r->stage->key_text = text_of(r, "config/key");
  read_config(r);
  describe_encoder(r);
  describe_source(r);
  describe_progress(r);
}

/* Who trains it; NULL: nobody. */
static const char *trainer_of(thaw_arena *arena, const char *folder, const char *key) {
  char *path = thaw_cache_lock_path(folder, key);
  const char *trainer = NULL;
  if (path && thaw_lock_is_taken(path)) {
    char *holder = thaw_lock_holder(path);
    trainer = thaw_arena_strdup(arena, holder ? holder : "a process");
    free(holder);
  }
  free(path);
  return trainer;
}

thaw_status thaw_cached_stage_read(thaw_context *ctx, thaw_arena *arena, const char *folder,
                                   const thaw_cache_entry *entry, thaw_cached_stage *stage,
                                   bool *there) {
  thaw_run_file *run = NULL;
  reading r = {.ctx = thaw_context_create(), .arena = arena, .stage = stage};
  *stage = (thaw_cached_stage){.entry = entry, .perplexity = NAN};
  *there = true;
  if (!r.ctx) return thaw_fail_memory(ctx, 1);
  if (thaw_run_open(r.ctx, entry->path, &run) == THAW_OK) {
    r.run = run;
    describe(&r);
  } else {
    *there = thaw_path_exists(entry->path);
    stage->state = access(entry->path, R_OK) == 0 ? THAW_CACHED_DAMAGED : THAW_CACHED_UNREAD;
    stage->problem = thaw_arena_strdup(arena, thaw_error(r.ctx));
  }
  stage->trainer = trainer_of(arena, folder, entry->key);
  thaw_run_close(run);
  thaw_context_free(r.ctx);
  return THAW_OK;
}

const char *thaw_cached_stage_state(thaw_arena *arena, const thaw_cached_stage *stage) {
  thaw_buffer text = {0};
  if (stage->state == THAW_CACHED_DAMAGED) return "damaged";
  if (stage->state == THAW_CACHED_UNREAD) return "cannot be read";
  if (stage->state == THAW_CACHED_FINISHED) return "finished";
  const char *word = stage->trainer ? "being trained" : "begun";
  if (stage->epochs == 0) return word;
  thaw_buffer_format(&text, "%s, %" PRId64 " of %" PRId64 " epochs", word, stage->done_epochs,
                     stage->epochs);
  return keep_text(arena, &text);
}

thaw_status thaw_cached_stages_read(thaw_context *ctx, thaw_arena *arena, const char *folder,
                                    thaw_cached_stages *stages) {
  *stages = (thaw_cached_stages){0};
  thaw_status status = thaw_cache_folder_read(ctx, arena, folder, &stages->content);
  if (status) return status;
  const size_t count = stages->content.stage_count;
  stages->stages = thaw_arena_alloc(arena, (count + 1) * sizeof *stages->stages);
  if (!stages->stages) return thaw_fail_memory(ctx, count * sizeof *stages->stages);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    bool there = false;
    if (thaw_interrupted(ctx)) return thaw_fail(ctx, THAW_INTERRUPTED, "while reading %s", folder);
    status = thaw_cached_stage_read(ctx, arena, folder, &stages->content.stages[i],
                                    &stages->stages[stages->count], &there);
    if (status == THAW_OK && there) stages->count++;
  }
  return status;
}
