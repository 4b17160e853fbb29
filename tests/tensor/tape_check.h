/* tape_check.h: what the tests of operations share besides the gradient check. */
#ifndef TAPE_CHECK_H
#define TAPE_CHECK_H

#include "tensor/tape.h"

/* A tape that has begun a step in this mode. */
thaw_tape *begun_tape(thaw_tape_mode mode);

/* The step has failed with exactly this text; a new one is begun, recording. */
void expect_error(thaw_tape *tape, const char *text);

/* Every element of `found` is within `tolerance` of `expected`, relative to the largest of those.
 */
void expect_close(const char *what, const float *found, const float *expected, size_t size,
                  double tolerance);

/* Makes x the scalar Σ x[i] · (i mod 7 − 2) with its gradient and plays the tape back. */
void play_back_from(thaw_tape *tape, thaw_tensor *x);

/* Memory from malloc with a copy of the values. */
float *copy_of(const float *values, size_t size);

#endif
