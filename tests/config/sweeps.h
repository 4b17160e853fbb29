/* sweeps.h: what the tests of sweeps share: the sample with a sweep section, from its line 28 on.
 */
#ifndef THAW_TEST_SWEEPS_H
#define THAW_TEST_SWEEPS_H

#include "sample.h"

/* Writes exp.yaml. */
void write_sweep(const char *sweep);
/* Writes and loads it; `sets` end with NULL, or are NULL. */
thaw_sweep *load_sweep(const char *sweep, const char *const *sets);
/* `expected` has every point's overrides on a line. */
void expect_points(const char *sweep, const char *const *sets, const char *expected);
/* The sweep is refused; in the message @ stands for the folder. */
void refuse(const char *sweep, const char *message);

#endif
