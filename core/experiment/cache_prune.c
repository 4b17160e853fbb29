/* cache_prune.c: one pass from the stage that was used longest ago to the latest. */
#include "experiment/cache_prune.h"

#include <stdlib.h>
#include <time.h>

#include "base/context.h"
#include "store/cache.h"

/* A cache being pruned. */
typedef struct pruning {
  thaw_context *ctx;
  thaw_arena *arena;
  const char *folder;
  const thaw_prune_rules *rules;
  thaw_prune_result *result;
  uint64_t bytes; /* of the stages that are still there */
  int64_t now;
} pruning;

/* Why the stage is to go; NULL: it is not. */
static const char *reason(const pruning *p, const thaw_cached_stage *stage) {
  const thaw_prune_rules *rules = p->rules;
  if (rules->unfinished && stage->state != THAW_CACHED_BEGUN) return NULL;
  if (rules->by_age && (double)(p->now - stage->entry->used) > rules->oldest) return "age";
  if (rules->by_size && p->bytes > rules->keep_bytes) return "size";
  return rules->unfinished && !rules->by_age && !rules->by_size ? "not finished" : NULL;
}

/* Notes why something stays: `words`, or else the error in ctx, which is thereby dealt with. */
static thaw_status note_kept(pruning *p, thaw_pruned *item, const char *words) {
  item->kept = thaw_arena_strdup(p->arena, words ? words : thaw_error(p->ctx));
  if (!item->kept) return thaw_fail_memory(p->ctx, 1);
  if (!words) {
    p->result->failed++;
    thaw_error_clear(p->ctx);
  }
  return THAW_OK;
}

static thaw_status remove_stage(pruning *p, const thaw_cached_stage *stage, const char *why) {
  thaw_prune_result *result = p->result;
  thaw_pruned *item = &result->items[result->count++];
  char *user = NULL;
  *item = (thaw_pruned){.stage = stage, .why = why};
  thaw_status status =
      thaw_cache_remove(p->ctx, p->folder, stage->entry->key, p->rules->dry, &user);
  if (status == THAW_OK && !user) {
    result->gone++;
    result->freed += stage->entry->bytes;
    p->bytes -= stage->entry->bytes;
  } else {
    status = note_kept(p, item, user);
  }
  free(user);
  return status;
}

static thaw_status remove_leftover(pruning *p, const thaw_cache_leftover *leftover) {
  thaw_prune_result *result = p->result;
  thaw_pruned *item = &result->items[result->count++];
  *item = (thaw_pruned){.leftover = leftover, .why = "left over"};
  if (!p->rules->dry && thaw_cache_leftover_remove(p->ctx, leftover) != THAW_OK)
    return note_kept(p, item, NULL);
  result->freed += leftover->bytes;
  return THAW_OK;
}

thaw_status thaw_cache_prune(thaw_context *ctx, thaw_arena *arena, const char *folder,
                             const thaw_prune_rules *rules, thaw_prune_result *result) {
  thaw_cached_stages *all = thaw_arena_zalloc(arena, sizeof *all);
  *result = (thaw_prune_result){0};
  if (!all) return thaw_fail_memory(ctx, sizeof *all);
  thaw_status status = thaw_cached_stages_read(ctx, arena, folder, all);
  if (status) return status;
  pruning p = {ctx, arena, folder, rules, result, 0, (int64_t)time(NULL)};
  const size_t most = all->count + all->content.leftover_count;
  result->items = thaw_arena_alloc(arena, (most + 1) * sizeof *result->items);
  if (!result->items) return thaw_fail_memory(ctx, most * sizeof *result->items);
  for (size_t i = 0; i < all->count; i++) p.bytes += all->stages[i].entry->bytes;
  for (size_t i = all->count; i > 0 && status == THAW_OK; i--) {
    const char *why = reason(&p, &all->stages[i - 1]);
    if (why) status = remove_stage(&p, &all->stages[i - 1], why);
  }
  for (size_t i = 0; i < all->content.leftover_count && status == THAW_OK; i++)
    status = remove_leftover(&p, &all->content.leftovers[i]);
  result->left = all->count - result->gone;
  result->left_bytes = p.bytes;
  return status;
}
