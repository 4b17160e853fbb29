/* cached_stage.h: what the stages in the cache are, read from their files. */
#ifndef THAW_CACHED_STAGE_H
#define THAW_CACHED_STAGE_H

#include "store/cache_folder.h"

typedef enum thaw_cached_state {
  THAW_CACHED_FINISHED,
  THAW_CACHED_BEGUN,   /* a checkpoint */
  THAW_CACHED_DAMAGED, /* or not a run file at all */
  THAW_CACHED_UNREAD,  /* it cannot be read: permission, or the disk */
} thaw_cached_state;

/* Texts are NULL where the file does not say. */
typedef struct thaw_cached_stage {
  const thaw_cache_entry *entry;
  thaw_cached_state state;
  const char *problem;      /* DAMAGED, UNREAD: why */
  const char *trainer;      /* who trains it now: "process 4711 on NAME" */
  const char *stage, *name; /* "pretrain"; the experiment's name */
  const char *encoder;      /* "awd_lstm 400/1152/3": embedding, hidden, layers where it has them */
  const char
      *source; /* what it takes over from: a short key, a file; NULL: nothing; "?": not known */
  const char *groups;          /* what it takes over: "all", "embedding rnn.0" */
  const char *key_text;        /* older files lack it */
  int64_t epochs, done_epochs; /* 0: not known */
  double perplexity;           /* of what is kept, on validation text; NaN: not measured */
} thaw_cached_stage;

/* Reads the small parts of a stage's file. It lives in the arena, as the entry does. Fails for want
 * of memory only. `*there` is false where the file has been removed by now. */
thaw_status thaw_cached_stage_read(thaw_context *ctx, thaw_arena *arena, const char *folder,
                                   const thaw_cache_entry *entry, thaw_cached_stage *stage,
                                   bool *there);
/* "finished", "begun, 2 of 10 epochs", "being trained", "damaged", "cannot be read"; NULL: no
 * memory. */
const char *thaw_cached_stage_state(thaw_arena *arena, const thaw_cached_stage *stage);

typedef struct thaw_cached_stages {
  thaw_cache_folder_content content;
  thaw_cached_stage *stages; /* in the order of content.stages, without those that are gone */
  size_t count;
} thaw_cached_stages;

/* All stages of the folder. THAW_INVALID: it cannot be read. */
thaw_status thaw_cached_stages_read(thaw_context *ctx, thaw_arena *arena, const char *folder,
                                    thaw_cached_stages *stages);

#endif
