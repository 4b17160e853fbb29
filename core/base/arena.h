/* arena.h: memory for things that die together.
 *
 * An arena hands out aligned pieces and takes them all back at once. When it had to grow since
 * the last reset, the reset replaces its blocks by one block of their total size, so that a
 * training step of the same shape allocates nothing from the system the second time. */
#ifndef THAW_ARENA_H
#define THAW_ARENA_H

#include "thaw/base.h"

#define THAW_ARENA_ALIGNMENT 64 /* bytes: a cache line, and an AVX-512 register */

typedef struct thaw_arena thaw_arena;

thaw_arena *thaw_arena_create(void); /* NULL when there is no memory */
void thaw_arena_free(thaw_arena *arena);

/* `bytes` bytes aligned to THAW_ARENA_ALIGNMENT, not cleared; NULL when there is no memory.
 * Freed by the arena only. */
void *thaw_arena_alloc(thaw_arena *arena, size_t bytes);
/* The same, cleared. */
void *thaw_arena_zalloc(thaw_arena *arena, size_t bytes);
/* A copy of a NUL-terminated text. */
char *thaw_arena_strdup(thaw_arena *arena, const char *text);
char *thaw_arena_strndup(thaw_arena *arena, const char *text, size_t length);

/* Takes everything back. */
void thaw_arena_reset(thaw_arena *arena);

/* A place to which the arena can be taken back: everything allocated after the mark dies. */
typedef struct thaw_arena_mark {
  size_t block, used;
} thaw_arena_mark;
thaw_arena_mark thaw_arena_here(const thaw_arena *arena);
void thaw_arena_back_to(thaw_arena *arena, thaw_arena_mark mark);

size_t thaw_arena_bytes(const thaw_arena *arena);       /* held from the system now */
size_t thaw_arena_allocations(const thaw_arena *arena); /* times the system was asked, ever */
size_t thaw_arena_peak(const thaw_arena *arena);        /* most bytes in use at once, ever */

#endif
