/* runs.h: small finished runs for tests: what a comparison looks at, and nothing else. */
#ifndef THAW_TESTS_ANALYSIS_RUNS_H
#define THAW_TESTS_ANALYSIS_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "thaw/base.h"

/* One run; zeros are sensible but for `config`. */
typedef struct run_sketch {
  const char *config; /* resolved, YAML; NULL: the file has none */
  uint64_t seed;
  double seconds;
  const char *split; /* NULL: "test" */
  size_t documents;  /* of the classes a, b, a, b, …; 0: no predictions */
  size_t correct;    /* the first ones; the others were taken for the other class */
  bool unused_class; /* a third class, number 0, moves the numbers of the others */
  bool unfinished;
  const char *marks; /* NULL, or a character a document: '1' for right; instead of `correct` */
  double perplexity; /* other than 0: of the second of three epochs of a language model, the best;
                        the others' are 1 and 2 more */
} run_sketch;

/* Writes FOLDER/NAME, with the folders that it needs, and returns its path, malloc'ed; aborts on
 * failure. */
char *write_run(const char *folder, const char *name, run_sketch sketch);

/* Marks of a run on `count` documents that are easier or harder, the same ones for all runs: right
 * are about `level` of them, by chance of `seed`. Static memory, until the next call. */
const char *chance_marks(size_t count, double level, uint64_t seed);

/* Writes the runs of a small sweep, on which both the tests of comparisons and those of the command
 * line look: two heads × three seeds, in FOLDER/sweep. */
void write_sweep(const char *folder);

#endif
