/* arena.c: a list of blocks, filled one after the other.
 *
 * All pieces have sizes rounded up to the alignment, so that what was spread over several blocks
 * fits into one block of their total size. Under AddressSanitizer memory that is not handed out is
 * poisoned: a pointer kept across a reset is found at its first use. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(start, bytes) ASAN_POISON_MEMORY_REGION(start, bytes)
#define UNPOISON(start, bytes) ASAN_UNPOISON_MEMORY_REGION(start, bytes)
#else
#define POISON(start, bytes) ((void)0)
#define UNPOISON(start, bytes) ((void)0)
#endif

enum { SMALLEST_BLOCK = 1 << 16, LARGEST_STEP = 1 << 26, LARGE_PAGE = 1 << 21 };

typedef struct block {
  char *data;
  size_t size, used;
} block;

struct thaw_arena {
  block *blocks;
  size_t count, space;
  size_t current; /* the block being filled; those behind it are empty */
  size_t held, in_use, peak, allocations;
};

thaw_arena *thaw_arena_create(void) {
  return calloc(1, sizeof(thaw_arena));
}

static void release_block(block *b) {
  UNPOISON(b->data, b->size);
  free(b->data);
}

void thaw_arena_free(thaw_arena *arena) {
  if (!arena) return;
  for (size_t i = 0; i < arena->count; i++) release_block(&arena->blocks[i]);
  free(arena->blocks);
  free(arena);
}

/* Memory for a block. Large ones ask for large pages, of which one is had for the price of one
 * fault where small ones take 512, and which are found faster afterwards. */
static char *allocate(size_t size) {
  const size_t page = LARGE_PAGE, whole = size & ~(page - 1);
  if (size < 16 * page) return aligned_alloc(THAW_ARENA_ALIGNMENT, size);
  char *data = aligned_alloc(page, whole == size ? size : whole + page);
  if (data) madvise(data, whole, MADV_HUGEPAGE);
  return data;
}

/* Adds a block of `size` bytes, a multiple of the alignment, behind the others. */
static bool add_block(thaw_arena *arena, size_t size) {
  if (arena->count == arena->space) {
    const size_t space = arena->space ? 2 * arena->space : 8;
    block *blocks = realloc(arena->blocks, space * sizeof *blocks);
    if (!blocks) return false;
    arena->blocks = blocks;
    arena->space = space;
  }
  char *data = allocate(size);
  if (!data) return false;
  POISON(data, size);
  arena->blocks[arena->count++] = (block){data, size, 0};
  arena->held += size;
  arena->allocations++;
  return true;
}

/* Makes `current` a block with room for `bytes`. */
static bool find_room(thaw_arena *arena, size_t bytes) {
  for (size_t i = arena->current; i < arena->count; i++) {
    if (bytes <= arena->blocks[i].size - arena->blocks[i].used) {
      arena->current = i;
      return true;
    }
  }
  /* Doubling keeps blocks few; the step is bounded so that a large arena wastes little. */
  size_t size = arena->held < LARGEST_STEP ? arena->held : LARGEST_STEP;
  if (size < SMALLEST_BLOCK) size = SMALLEST_BLOCK;
  if (size < bytes) size = bytes;
  if (!add_block(arena, size)) return false;
  arena->current = arena->count - 1;
  return true;
}

void *thaw_arena_alloc(thaw_arena *arena, size_t bytes) {
  if (bytes > PTRDIFF_MAX - THAW_ARENA_ALIGNMENT) return NULL;
  size_t rounded = (bytes + THAW_ARENA_ALIGNMENT - 1) & ~(size_t)(THAW_ARENA_ALIGNMENT - 1);
  if (rounded == 0) rounded = THAW_ARENA_ALIGNMENT; /* pieces of no bytes differ all the same */
  if (!find_room(arena, rounded)) return NULL;
  block *b = &arena->blocks[arena->current];
  void *piece = b->data + b->used;
  b->used += rounded;
  arena->in_use += rounded;
  if (arena->in_use > arena->peak) arena->peak = arena->in_use;
  UNPOISON(piece, bytes);
  return piece;
}

void *thaw_arena_zalloc(thaw_arena *arena, size_t bytes) {
  void *piece = thaw_arena_alloc(arena, bytes);
  if (piece) memset(piece, 0, bytes);
  return piece;
}

char *thaw_arena_strndup(thaw_arena *arena, const char *text, size_t length) {
  length = strnlen(text, length);
  char *copy = thaw_arena_alloc(arena, length + 1);
  if (!copy) return NULL;
  memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

char *thaw_arena_strdup(thaw_arena *arena, const char *text) {
  return thaw_arena_strndup(arena, text, strlen(text));
}

void thaw_arena_reset(thaw_arena *arena) {
  thaw_arena_back_to(arena, (thaw_arena_mark){0, 0});
  if (arena->count < 2) return;
  const size_t total = arena->held;
  for (size_t i = 0; i < arena->count; i++) release_block(&arena->blocks[i]);
  arena->count = 0;
  arena->held = 0;
  /* When the one block cannot be had, the next allocation starts again with small ones. */
  (void)add_block(arena, total);
}

thaw_arena_mark thaw_arena_here(const thaw_arena *arena) {
  if (arena->count == 0) return (thaw_arena_mark){0, 0};
  return (thaw_arena_mark){arena->current, arena->blocks[arena->current].used};
}

void thaw_arena_back_to(thaw_arena *arena, thaw_arena_mark mark) {
  for (size_t i = mark.block; i < arena->count; i++) {
    block *b = &arena->blocks[i];
    const size_t kept = i == mark.block ? mark.used : 0;
    if (b->used <= kept) continue;
    POISON(b->data + kept, b->used - kept);
    arena->in_use -= b->used - kept;
    b->used = kept;
  }
  arena->current = mark.block;
}

size_t thaw_arena_bytes(const thaw_arena *arena) {
  return arena->held;
}

size_t thaw_arena_allocations(const thaw_arena *arena) {
  return arena->allocations;
}

size_t thaw_arena_peak(const thaw_arena *arena) {
  return arena->peak;
}
