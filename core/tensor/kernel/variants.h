/* variants.h: the tables that variant.c makes. */
#ifndef THAW_KERNEL_VARIANTS_H
#define THAW_KERNEL_VARIANTS_H

#include "tensor/loops.h"

extern const thaw_loops thaw_loops_base; /* what every processor of the architecture has */
extern const thaw_loops thaw_loops_v3;   /* x86-64-v3: AVX2 and FMA */
extern const thaw_loops thaw_loops_v4;   /* x86-64-v4: AVX-512 */

#endif
