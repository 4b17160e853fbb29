/* environment.h: what the numbers of a run may depend on besides its config: versions, machine,
 * threads. */
#ifndef THAW_ENVIRONMENT_H
#define THAW_ENVIRONMENT_H

#include "base/arena.h"
#include "store/runfile.h"

/* Pairs such as thaw_version, compiler, openblas (its configuration string and core), loops (their
 * instruction set), hdf5_version, processor, cores, threads, system, started (UTC, ISO 8601); texts
 * live in the arena. */
thaw_status thaw_environment(thaw_context *ctx, thaw_arena *arena, int threads,
                             const thaw_text_pair **pairs, size_t *count);

#endif
