/* diff.h: in what two runs differ, from what went in to what came out, and which of it is the
 * likely cause: for "why is this number not last week's?".
 *
 * Either run may be unfinished, a language model alone, an average, or of other classes: what
 * cannot be laid side by side is said. */
#ifndef THAW_DIFF_H
#define THAW_DIFF_H

#include "analysis/table.h"
#include "base/arena.h"

/* A text, or where it is NULL a number; NaN: nothing. */
typedef struct thaw_diff_value {
  const char *text;
  double number;
} thaw_diff_value;

typedef struct thaw_diff_row {
  const char *what;
  thaw_diff_value a, b;
  double difference; /* b − a; of weights ‖a − b‖ / ‖a‖; NaN: none */
} thaw_diff_row;

typedef struct thaw_diff_section {
  const char *name;    /* "config" */
  const char *summary; /* one line: "the same", "2 settings differ" */
  bool differs;
  thaw_diff_row *rows; /* what differs */
  size_t count, space;
} thaw_diff_section;

/* In the order of cause and effect. */
enum {
  THAW_DIFF_CONFIG,
  THAW_DIFF_DATA,
  THAW_DIFF_ENVIRONMENT,
  THAW_DIFF_VOCABULARY,
  THAW_DIFF_WEIGHTS,
  THAW_DIFF_METRICS,
  THAW_DIFF_RESULTS,
  THAW_DIFF_SECTIONS
};

typedef struct thaw_diff {
  const char *paths[2];
  const char *states[2]; /* "finished, started 2026-11-24T16:04:05Z, 226.3 s" */
  thaw_diff_section sections[THAW_DIFF_SECTIONS];
  bool differs;           /* any of them */
  const char *conclusion; /* a sentence or two */
  thaw_arena *arena;      /* owns all of the above */
} thaw_diff;

/* THAW_INVALID: one of the files is not there, damaged or none of thaw's. */
thaw_status thaw_diff_read(thaw_context *ctx, const char *a, const char *b, thaw_diff **diff);
void thaw_diff_free(thaw_diff *diff);

/* One section for people: what, A, B and, where there are any, the differences. To be freed. */
thaw_status thaw_diff_section_table(thaw_context *ctx, const thaw_diff_section *section,
                                    thaw_table **table);
/* All sections in one table: section, what, A, B, difference; for programs with numbers in full. To
 * be freed. */
thaw_status thaw_diff_table(thaw_context *ctx, const thaw_diff *diff, bool people,
                            thaw_table **table);

#endif
