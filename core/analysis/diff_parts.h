/* diff_parts.h: what the files that compare two runs share; each compares one thing. */
#ifndef THAW_DIFF_PARTS_H
#define THAW_DIFF_PARTS_H

#include "analysis/diff.h"
#include "store/runfile.h"

/* What the conclusion needs to know. Lists have commas between their items, "" for none. */
typedef struct diff_facts {
  bool same_keys;       /* both runs have a key, the same: whatever may change a result is the same
                           but the environment */
  bool other_keys;      /* both have one, and they differ */
  thaw_buffer settings; /* of the config, that may change a result */
  thaw_buffer data;     /* files whose contents differ */
  thaw_buffer versions; /* of thaw and its plugins */
  thaw_buffer machine;  /* what decides how sums are rounded: threads, processor … */
  /* Where the losses part first; `stage` NULL: they do not. */
  const char *stage;
  int64_t step, epoch;
  double gap; /* relative */
} diff_facts;

typedef struct diff_reader {
  thaw_context *ctx;
  const thaw_run_file *runs[2];
  thaw_diff *diff;
  thaw_diff_section *section;       /* that is being filled */
  thaw_vocabulary *vocabularies[2]; /* NULL: the run has none */
  int32_t *places; /* the id in B of every piece of A, −1: none; NULL: the same pieces in the same
                      order, or one run has none */
  diff_facts facts;
  bool failed; /* there was no memory for something */
} diff_reader;

/* Rows and the summary of the section. What they do not find memory for is noted in `failed`. A
 * NULL text is no value. */
void thaw_diff_texts(diff_reader *r, const char *what, const char *a, const char *b);
void thaw_diff_numbers(diff_reader *r, const char *what, double a, double b, double difference);
void thaw_diff_summary(diff_reader *r, const char *format, ...) THAW_PRINTF(2, 3);
/* In the diff's arena; NULL, noted, when there is no memory. */
const char *thaw_diff_format(diff_reader *r, const char *format, ...) THAW_PRINTF(2, 3);
/* Adds an item to a list of the facts. */
void thaw_diff_note(diff_reader *r, thaw_buffer *list, const char *item);
/* A text of both runs, malloc'ed; NULL where a run has none. */
thaw_status thaw_diff_read_texts(diff_reader *r, const char *part, char *texts[2]);
/* "s" unless there is one. */
const char *thaw_diff_plural(size_t count);

/* One section each. */
thaw_status thaw_diff_config(diff_reader *r);
thaw_status thaw_diff_data(diff_reader *r);
thaw_status thaw_diff_environment(diff_reader *r);
thaw_status thaw_diff_vocabulary(diff_reader *r);
thaw_status thaw_diff_weights(diff_reader *r);
thaw_status thaw_diff_metrics(diff_reader *r);
thaw_status thaw_diff_results(diff_reader *r);

/* After them. */
thaw_status thaw_diff_conclude(diff_reader *r);

#endif
