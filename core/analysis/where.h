/* where.h: which runs are meant: conditions on their settings and results, as on a command line.
 *
 *   head.plugin=max          is; numbers are equal as numbers: 0.10 is 0.1
 *   head.plugin=max,mean     is one of these; commas in brackets do not separate: parts=[mean, max]
 *   seed!=3                  is none of these; holds also where there is no value
 *   encoder.hidden>=400      and <=, <, >: of numbers
 *   name~trec                contains
 *   stages.pretrain.epochs=  has no such value; != and nothing behind it: has one
 *
 * A key may be shortened to an end of it that no other key has: "hidden". Where the shortest key
 * with that end is an end of all others, as encoder.hidden is of stages.pretrain.encoder.hidden, it
 * is meant. All conditions must hold. */
#ifndef THAW_WHERE_H
#define THAW_WHERE_H

#include "base/arena.h"
#include "thaw/base.h"

typedef struct thaw_where thaw_where;

/* Lives in the arena; `expressions` may die. No expression: holds always. THAW_INVALID: one without
 * key or operator, or a comparison of size with something that is no number. */
thaw_status thaw_where_parse(thaw_context *ctx, thaw_arena *arena, size_t count,
                             const char *const *expressions, thaw_where **where);

/* Of shortened keys that may mean several, those become whole that mean just one of `preferred`
 * [count], which must live as long as `where`; before thaw_where_resolve. */
void thaw_where_prefer(thaw_where *where, size_t count, const char *const *preferred);

/* From here on lookups are asked for whole keys: each shortened one becomes the one of `known`
 * [count] that it means; these must live as long as `where`. THAW_INVALID: a key that is none of
 * them, with the nearest one, or that may mean several, with two of them. */
thaw_status thaw_where_resolve(thaw_context *ctx, thaw_where *where, size_t count,
                               const char *const *known);

/* The value of a key as text; NULL: has none. Without thaw_where_resolve it is given the keys as
 * they were written. */
typedef const char *(*thaw_where_lookup)(void *user, const char *key);
bool thaw_where_holds(const thaw_where *where, thaw_where_lookup lookup, void *user);

/* The key of `known` [count] that `key` means, by itself or shortened; errors as above. */
thaw_status thaw_key_find(thaw_context *ctx, const char *key, size_t count,
                          const char *const *known, const char **found);

#endif
