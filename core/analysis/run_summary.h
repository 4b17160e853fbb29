/* run_summary.h: what a list says of a run file: a few texts and numbers, and no weights. */
#ifndef THAW_RUN_SUMMARY_H
#define THAW_RUN_SUMMARY_H

#include "analysis/run_list.h"
#include "analysis/table.h"

/* One run file. NULL and NaN: it has none. */
typedef struct thaw_run_summary {
  const char *path;
  const char *label; /* the path's shortest unambiguous end, without .h5 */
  const char *fault; /* why it cannot be read, and then nothing below is there; NULL: it can */
  uint64_t bytes;    /* its size */
  bool complete;
  uint64_t seed;
  double seconds;
  const char *name, *stage;
  const char *state;   /* "finished", "classify, epoch 3 of 15", "unreadable" */
  const char *started; /* UTC: 2026-11-24T16:04:05Z */
  const char *tags;    /* in byte order with commas between them; "" */
  const char *config;  /* resolved */
  double accuracy;     /* on the test documents, or else on the validation documents */
  double perplexity;   /* of a language model: of the validation text after the last epoch */
} thaw_run_summary;

/* Reads all files; one that cannot be read is no failure. In the arena. */
thaw_status thaw_run_summaries(thaw_context *ctx, thaw_arena *arena, const thaw_listed_run *files,
                               size_t count, thaw_run_summary **summaries);

/* What is wrong with `path`, from the message of the context, which names it. In the arena; NULL:
 * no memory. */
const char *thaw_run_fault(const thaw_context *ctx, thaw_arena *arena, const char *path);

/* Keeps the runs for which all expressions hold (where.h) and that have all of the tags. Beside its
 * settings a run has the keys run, path, name, seed, state, stage, accuracy, perplexity, started,
 * seconds, size and tag, its tags with commas between them. */
thaw_status thaw_run_summaries_keep(thaw_context *ctx, thaw_arena *arena, size_t where_count,
                                    const char *const *where, size_t tag_count,
                                    const char *const *tags, thaw_run_summary *summaries,
                                    size_t *count);

typedef enum thaw_summary_order {
  THAW_SUMMARIES_GIVEN,
  THAW_SUMMARIES_NAME,
  THAW_SUMMARIES_SEED,
  THAW_SUMMARIES_ACCURACY,   /* the best first */
  THAW_SUMMARIES_PERPLEXITY, /* the best first */
  THAW_SUMMARIES_STARTED,    /* the newest first */
  THAW_SUMMARIES_SECONDS,    /* the fastest first */
  THAW_SUMMARIES_SIZE,       /* the largest first */
} thaw_summary_order;
/* "given", "name" …: in the order of the numbers above, ends with NULL. */
extern const char *const thaw_summary_orders[];

/* What is not known comes last; equal ones keep their order. */
thaw_status thaw_run_summaries_sort(thaw_context *ctx, thaw_run_summary *summaries, size_t count,
                                    thaw_summary_order order);

/* One row a run, to be freed. For people columns that would be empty are left out, times are short
 * and sizes in MiB; for programs there is the path too. */
thaw_status thaw_run_summaries_table(thaw_context *ctx, const thaw_run_summary *summaries,
                                     size_t count, bool people, thaw_table **table);

#endif
