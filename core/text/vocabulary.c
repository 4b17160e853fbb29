/* vocabulary.c: a hash table with open addressing and linear probing over a list of pieces.
 *
 * A slot holds the upper half of a piece's hash and its place in the list, so that a look-up seldom
 * touches a piece that is not the one. The list holds the pieces' keys: most pieces are so short
 * that they are their own key, and are found without a look at their texts, which stand one behind
 * the other in large chunks. After `finish` a piece's place in the list is its id. */
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/context.h"
#include "base/hash.h"

enum { SPECIALS = 3, FIRST_SLOTS = 1024, CHUNK = 1 << 16, SHORT = 16 };

static const char *const special_pieces[SPECIALS] = {"xxunk", "xxpad", "xxbos"};

/* Of a short piece, all its bytes: its first and its last ones, which may overlap. Of a longer one,
 * a hash and the last. */
typedef struct key {
  uint64_t first, last;
  size_t bytes;
} key;

typedef struct entry {
  key key;
  const char *text;
  uint64_t count;
} entry;

typedef struct slot {
  uint32_t tag;
  uint32_t place; /* in the list, plus 1; 0: the slot is free */
} slot;

struct thaw_vocabulary {
  entry *entries;
  size_t count, space;
  size_t fixed; /* special pieces and markers, at the front of the list */
  slot *slots;
  size_t slot_count; /* a power of two, more than 4/3 of the pieces */
  thaw_arena *arena;
  char *chunk; /* where the next text goes */
  size_t chunk_left;
  bool finished;
};

/* Inlined, this is one instruction. */
static uint64_t load(const char *bytes, size_t count) {
  uint64_t value = 0;
  memcpy(&value, bytes, count);
  return value;
}

static key key_of(const char *piece, size_t bytes) {
  const char *end = piece + bytes;
  if (bytes > SHORT) return (key){thaw_hash64(piece, bytes), load(end - 8, 8), bytes};
  if (bytes >= 8) return (key){load(piece, 8), load(end - 8, 8), bytes};
  if (bytes >= 4) return (key){load(piece, 4), load(end - 4, 4), bytes};
  if (bytes >= 2) return (key){load(piece, 2), load(end - 2, 2), bytes};
  return (key){bytes ? load(piece, 1) : 0, 0, bytes};
}

/* Multiplying spreads a bit upwards, shifting down again. */
static uint64_t hash_of(const key *k) {
  uint64_t hash = (k->first + k->bytes) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ hash >> 29 ^ k->last) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ hash >> 32) * 0x94d049bb133111ebu;
  return hash ^ hash >> 31;
}

static uint32_t tag_of(uint64_t hash) {
  return (uint32_t)(hash >> 32);
}

/* The slot of the piece, or the free slot where it belongs. */
static slot *find_slot(const thaw_vocabulary *v, const char *piece, const key *k, uint64_t hash) {
  const size_t mask = v->slot_count - 1;
  const uint32_t tag = tag_of(hash);
  for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
    slot *s = &v->slots[i];
    if (s->place == 0) return s;
    if (s->tag != tag) continue;
    const entry *e = &v->entries[s->place - 1];
    if (e->key.first == k->first && e->key.last == k->last && e->key.bytes == k->bytes &&
        (k->bytes <= SHORT || memcmp(e->text, piece, k->bytes) == 0)) {
      return s;
    }
  }
}

/* A table of `slot_count` free slots into which the whole list is put. */
static bool build_slots(thaw_vocabulary *v, size_t slot_count) {
  slot *slots = calloc(slot_count, sizeof *slots);
  if (!slots) return false;
  free(v->slots);
  v->slots = slots;
  v->slot_count = slot_count;
  for (size_t i = 0; i < v->count; i++) {
    const entry *e = &v->entries[i];
    const uint64_t hash = hash_of(&e->key);
    *find_slot(v, e->text, &e->key, hash) = (slot){tag_of(hash), (uint32_t)i + 1};
  }
  return true;
}

/* A NUL-terminated copy that lives as long as the vocabulary. */
static const char *keep_text(thaw_vocabulary *v, const char *piece, size_t bytes) {
  if (bytes + 1 > v->chunk_left) {
    const size_t size = bytes + 1 > CHUNK ? bytes + 1 : CHUNK;
    char *chunk = thaw_arena_alloc(v->arena, size);
    if (!chunk) return NULL;
    v->chunk = chunk;
    v->chunk_left = size;
  }
  char *text = v->chunk;
  memcpy(text, piece, bytes);
  text[bytes] = '\0';
  v->chunk += bytes + 1;
  v->chunk_left -= bytes + 1;
  return text;
}

/* The piece's entry, added with a count of 0 when it is new; NULL when there is no memory. */
static entry *find_or_add(thaw_vocabulary *v, const char *piece, size_t bytes) {
  const key k = key_of(piece, bytes);
  const uint64_t hash = hash_of(&k);
  slot *s = find_slot(v, piece, &k, hash);
  if (s->place) return &v->entries[s->place - 1];
  if (v->count >= INT32_MAX) return NULL;
  if (v->count == v->space) {
    const size_t space = v->space ? 2 * v->space : 256;
    entry *entries = realloc(v->entries, space * sizeof *entries);
    if (!entries) return NULL;
    v->entries = entries;
    v->space = space;
  }
  if (4 * (v->count + 1) > 3 * v->slot_count) {
    if (!build_slots(v, 2 * v->slot_count)) return NULL;
    s = find_slot(v, piece, &k, hash);
  }
  const char *text = keep_text(v, piece, bytes);
  if (!text) return NULL;
  v->entries[v->count] = (entry){.key = k, .text = text};
  *s = (slot){tag_of(hash), (uint32_t)++v->count};
  return &v->entries[v->count - 1];
}

/* Without special pieces. */
static thaw_vocabulary *create_empty(void) {
  thaw_vocabulary *v = calloc(1, sizeof *v);
  if (!v) return NULL;
  v->arena = thaw_arena_create();
  if (!v->arena || !build_slots(v, FIRST_SLOTS)) {
    thaw_vocabulary_free(v);
    return NULL;
  }
  return v;
}

thaw_vocabulary *thaw_vocabulary_create(const char *const *markers) {
  thaw_vocabulary *v = create_empty();
  if (!v) return NULL;
  bool added = true;
  for (size_t i = 0; i < SPECIALS; i++) {
    added = added && find_or_add(v, special_pieces[i], strlen(special_pieces[i]));
  }
  for (; markers && *markers; markers++)
    added = added && find_or_add(v, *markers, strlen(*markers));
  if (!added) {
    thaw_vocabulary_free(v);
    return NULL;
  }
  v->fixed = v->count;
  return v;
}

void thaw_vocabulary_free(thaw_vocabulary *vocabulary) {
  if (!vocabulary) return;
  thaw_arena_free(vocabulary->arena);
  free(vocabulary->entries);
  free(vocabulary->slots);
  free(vocabulary);
}

thaw_status thaw_vocabulary_count(thaw_context *ctx, thaw_vocabulary *vocabulary, const char *piece,
                                  size_t bytes) {
  if (vocabulary->finished) {
    return thaw_fail(ctx, THAW_INVALID, "a vocabulary that is finished counts no more pieces");
  }
  entry *e = find_or_add(vocabulary, piece, bytes);
  if (!e) return thaw_fail_memory(ctx, bytes);
  e->count++;
  return THAW_OK;
}

static int by_falling_count(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return strcmp(x->text, y->text);
}

thaw_status thaw_vocabulary_finish(thaw_context *ctx, thaw_vocabulary *vocabulary,
                                   uint64_t min_count, size_t max_size) {
  thaw_vocabulary *v = vocabulary;
  entry *ordinary = v->entries + v->fixed;
  const size_t found = v->count - v->fixed;
  qsort(ordinary, found, sizeof *ordinary, by_falling_count);
  size_t kept = 0;
  while (kept < found && ordinary[kept].count >= min_count &&
         (max_size == 0 || v->fixed + kept < max_size)) {
    kept++;
  }
  if (kept == 0) {
    return thaw_fail(
        ctx, THAW_INVALID,
        "no piece is left for the vocabulary: %zu different pieces occurred, the most "
        "frequent one %llu times; min_count is %llu, and max_vocab is %zu, of which %zu "
        "are special",
        found, (unsigned long long)(found ? ordinary[0].count : 0), (unsigned long long)min_count,
        max_size, v->fixed);
  }
  v->count = v->fixed + kept;
  v->finished = true;
  return build_slots(v, v->slot_count) ? THAW_OK : thaw_fail_memory(ctx, v->slot_count);
}

/* The first three pieces of a stored list must be the special ones. */
static thaw_status check_specials(thaw_context *ctx, const char *const *pieces, size_t count) {
  for (size_t i = 0; i < SPECIALS; i++) {
    if (i < count && strcmp(pieces[i], special_pieces[i]) == 0) continue;
    return thaw_fail(ctx, THAW_INVALID, "piece %zu of the vocabulary is %s%s%s, it must be '%s'", i,
                     i < count ? "'" : "", i < count ? pieces[i] : "missing", i < count ? "'" : "",
                     special_pieces[i]);
  }
  return THAW_OK;
}

thaw_status thaw_vocabulary_from_list(thaw_context *ctx, const char *const *pieces,
                                      const uint64_t *counts, size_t count,
                                      thaw_vocabulary **vocabulary) {
  *vocabulary = NULL;
  thaw_status status = check_specials(ctx, pieces, count);
  if (status != THAW_OK) return status;
  thaw_vocabulary *v = create_empty();
  if (!v) return thaw_fail_memory(ctx, count);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    entry *e = find_or_add(v, pieces[i], strlen(pieces[i]));
    if (!e) {
      status = thaw_fail_memory(ctx, strlen(pieces[i]));
    } else if (v->count != i + 1) {
      status = thaw_fail(ctx, THAW_INVALID,
                         "the piece '%s' stands in the vocabulary twice, as %zu and %zu", pieces[i],
                         (size_t)(e - v->entries), i);
    } else {
      e->count = counts ? counts[i] : 0;
    }
  }
  if (status != THAW_OK) {
    thaw_vocabulary_free(v);
    return status;
  }
  v->fixed = SPECIALS;
  v->finished = true;
  *vocabulary = v;
  return THAW_OK;
}

/* Adds the pieces of `from` that are new, with their counts, while there are fewer than `max_size`;
 * false: no memory. */
static bool add_new(thaw_vocabulary *v, const thaw_vocabulary *from, size_t max_size) {
  for (size_t i = 0; i < from->count && v->count < max_size; i++) {
    const entry *known = &from->entries[i];
    const size_t before = v->count;
    entry *added = find_or_add(v, known->text, known->key.bytes);
    if (!added) return false;
    if (v->count > before) added->count = known->count;
  }
  return true;
}

thaw_status thaw_vocabulary_join(thaw_context *ctx, const thaw_vocabulary *own,
                                 const thaw_vocabulary *source, size_t max_size,
                                 thaw_vocabulary **joined) {
  *joined = NULL;
  if (!own->finished || !source->finished) {
    return thaw_fail(ctx, THAW_INVALID, "only finished vocabularies can be joined");
  }
  thaw_vocabulary *v = create_empty();
  if (!v || !add_new(v, own, SIZE_MAX) || !add_new(v, source, max_size ? max_size : SIZE_MAX)) {
    thaw_vocabulary_free(v);
    return thaw_fail_memory(ctx, (own->count + source->count) * sizeof(entry));
  }
  v->fixed = own->fixed;
  v->finished = true;
  *joined = v;
  return THAW_OK;
}

void thaw_vocabulary_map(const thaw_vocabulary *to, const thaw_vocabulary *from, int32_t *rows) {
  for (size_t i = 0; i < to->count; i++) {
    const entry *e = &to->entries[i];
    /* A free slot's place is 0, one less than that of the first piece. */
    rows[i] = (int32_t)find_slot(from, e->text, &e->key, hash_of(&e->key))->place - 1;
  }
}

size_t thaw_vocabulary_size(const thaw_vocabulary *vocabulary) {
  return vocabulary->count;
}

int32_t thaw_vocabulary_id(const thaw_vocabulary *vocabulary, const char *piece, size_t bytes) {
  const key k = key_of(piece, bytes);
  const slot *s = find_slot(vocabulary, piece, &k, hash_of(&k));
  return s->place ? (int32_t)(s->place - 1) : THAW_ID_UNKNOWN;
}

/* The entry of an id; that of the unknown piece when there is no such id. */
static const entry *entry_of(const thaw_vocabulary *v, int32_t id) {
  return &v->entries[id >= 0 && (size_t)id < v->count ? id : THAW_ID_UNKNOWN];
}

const char *thaw_vocabulary_piece(const thaw_vocabulary *vocabulary, int32_t id) {
  return entry_of(vocabulary, id)->text;
}

uint64_t thaw_vocabulary_frequency(const thaw_vocabulary *vocabulary, int32_t id) {
  return entry_of(vocabulary, id)->count;
}
