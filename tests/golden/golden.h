/* golden.h: numbers from PyTorch (written by tools/golden.py, which says what the files look like)
 * and the comparison with ours.
 *
 * Comparisons print every tensor that differs and go on, so that one run shows all of them;
 * golden_close then fails the test. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "thaw/tensor.h"

typedef struct golden golden;

/* Reads tests/golden/NAME.txt; fails the test when it is missing or damaged. */
golden *golden_open(const char *name);
/* Fails the running test if a comparison found a difference. */
void golden_close(golden *file);

/* The tensor called by the format; fails the test when there is none. It belongs to the file and
 * wants no gradient. */
const thaw_tensor *golden_get(golden *file, const char *name, ...) THAW_PRINTF(2, 3);
bool golden_has(golden *file, const char *name);
/* The same as integers, which the caller frees. */
int32_t *golden_integers(golden *file, const char *name);
/* A copy with memory for its gradient, for free_parameter (tests/tensor/gradient_check.h). */
thaw_tensor *golden_parameter(golden *file, const char *name, ...) THAW_PRINTF(2, 3);
/* Fills in the values of a tensor of the same size. */
void golden_fill(golden *file, thaw_tensor *tensor, const char *name, ...) THAW_PRINTF(3, 4);

/* Compares `count` numbers with the file's tensor: each may differ by 2e-5 of its own size and the
 * tensor's typical size. NULL data, where a gradient never flowed, stands for zeros. */
void golden_compare(golden *file, const float *data, size_t count, const char *name, ...)
    THAW_PRINTF(4, 5);

#endif
