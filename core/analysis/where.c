/* where.c: see where.h. */
#include "analysis/where.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/ends.h"
#include "base/context.h"
#include "plugin/settings.h"

typedef enum comparison {
  EQUAL,
  NOT_EQUAL,
  CONTAINS,
  LESS,
  AT_MOST,
  MORE,
  AT_LEAST,
} comparison;

typedef struct condition {
  const char *key;
  comparison comparison;
  const char **values; /* of sizes one */
  size_t count;
  double number; /* what sizes are compared with */
} condition;

struct thaw_where {
  size_t count;
  condition *conditions;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static const struct {
  const char *sign;
  comparison comparison;
} signs[] = {{"!=", NOT_EQUAL}, {"<=", AT_MOST}, {">=", AT_LEAST}, {"==", EQUAL},
             {"=", EQUAL},      {"<", LESS},     {">", MORE},      {"~", CONTAINS}};

/* A text without the blanks around it. */
static char *trimmed(thaw_arena *arena, const char *text, size_t length) {
  while (length > 0 && *text == ' ') text++, length--;
  while (length > 0 && text[length - 1] == ' ') length--;
  return thaw_arena_strndup(arena, text, length);
}

/* The length of the value that `text` begins with: up to a comma that stands in no brackets. */
static size_t value_length(const char *text) {
  size_t depth = 0, length = 0;
  for (; text[length] && (text[length] != ',' || depth > 0); length++) {
    if (strchr("[{", text[length])) depth++;
    if (strchr("]}", text[length]) && depth > 0) depth--;
  }
  return length;
}

static bool is_number(const char *text, double *number) {
  char *end;
  *number = strtod(text, &end);
  return end > text && *end == '\0';
}

static bool compares_size(comparison c) {
  return c == LESS || c == AT_MOST || c == MORE || c == AT_LEAST;
}

static thaw_status read_values(thaw_context *ctx, thaw_arena *arena, const char *text,
                               condition *into) {
  size_t count = 1;
  for (const char *c = text; *c; c++) count += *c == ',';
  into->values = thaw_arena_alloc(arena, count * sizeof *into->values);
  if (!into->values) return thaw_fail_memory(ctx, count * sizeof *into->values);
  for (;;) {
    const size_t length = value_length(text);
    const char *value = trimmed(arena, text, length);
    if (!value) return thaw_fail_memory(ctx, length);
    into->values[into->count++] = value;
    if (!text[length]) return THAW_OK;
    text += length + 1;
  }
}

static thaw_status read_condition(thaw_context *ctx, thaw_arena *arena, const char *text,
                                  condition *into) {
  const size_t length = strcspn(text, "=!<>~"), count = sizeof signs / sizeof *signs;
  size_t found = 0;
  while (found < count && strncmp(text + length, signs[found].sign, strlen(signs[found].sign))) {
    found++;
  }
  if (found == count) {
    return thaw_fail(
        ctx, THAW_INVALID,
        "'%s' is no condition: expected KEY=VALUE, or !=, <, <=, >, >= or ~ (contains)", text);
  }
  *into = (condition){.key = trimmed(arena, text, length), .comparison = signs[found].comparison};
  if (!into->key) return thaw_fail_memory(ctx, length);
  if (!*into->key) return thaw_fail(ctx, THAW_INVALID, "'%s' has no key", text);
  const char *value = text + length + strlen(signs[found].sign);
  thaw_status status = read_values(ctx, arena, value, into);
  if (status == THAW_OK && compares_size(into->comparison) &&
      (into->count != 1 || !is_number(into->values[0], &into->number))) {
    status = thaw_fail(ctx, THAW_INVALID, "'%s' needs a number behind %s, found '%s'", text,
                       signs[found].sign, value);
  }
  return status;
}

thaw_status thaw_where_parse(thaw_context *ctx, thaw_arena *arena, size_t count,
                             const char *const *expressions, thaw_where **where) {
  *where = NULL;
  thaw_where *made = thaw_arena_zalloc(arena, sizeof *made);
  condition *conditions = thaw_arena_zalloc(arena, (count + 1) * sizeof *conditions);
  if (!made || !conditions) return thaw_fail_memory(ctx, count * sizeof *conditions);
  *made = (thaw_where){count, conditions};
  for (size_t i = 0; i < count; i++) {
    thaw_status status = read_condition(ctx, arena, expressions[i], &conditions[i]);
    if (status != THAW_OK) return status;
  }
  *where = made;
  return THAW_OK;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static thaw_status fail_unknown(thaw_context *ctx, const char *key, size_t count,
                                const char *const *known) {
  /* A shortened key may be misspelt as well: the last parts of the known ones are near it too. */
  const char **words = malloc((2 * count + 1) * sizeof *words);
  if (!words) return thaw_fail_memory(ctx, count * sizeof *words);
  for (size_t i = 0; i < count; i++) {
    const char *dot = strrchr(known[i], '.');
    words[i] = known[i];
    words[count + i] = dot ? dot + 1 : known[i];
  }
  const char *nearest = thaw_nearest(key, words, 2 * count);
  free(words);
  if (!nearest) return thaw_fail(ctx, THAW_INVALID, "no run has a key '%s'", key);
  return thaw_fail(ctx, THAW_INVALID, "no run has a key '%s'; did you mean '%s'?", key, nearest);
}

/* The shortest key that ends so; NULL: there is none. `*other`: one that may be meant as well. */
static const char *find_key(const char *key, size_t count, const char *const *known,
                            const char **other) {
  const char *shortest = NULL;
  *other = NULL;
  for (size_t i = 0; i < count; i++) {
    if (!thaw_is_end(known[i], key, '.')) continue;
    if (!shortest || strlen(known[i]) < strlen(shortest)) shortest = known[i];
  }
  for (size_t i = 0; shortest && !*other && i < count; i++) {
    if (thaw_is_end(known[i], key, '.') && !thaw_is_end(known[i], shortest, '.')) *other = known[i];
  }
  return shortest;
}

thaw_status thaw_key_find(thaw_context *ctx, const char *key, size_t count,
                          const char *const *known, const char **found) {
  const char *other;
  *found = find_key(key, count, known, &other);
  if (!*found) return fail_unknown(ctx, key, count, known);
  if (!other) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID, "the key '%s' may be %s or %s: write more of it", key, *found,
                   other);
}

void thaw_where_prefer(thaw_where *where, size_t count, const char *const *preferred) {
  for (size_t i = 0; i < where->count; i++) {
    const char *other;
    const char *found = find_key(where->conditions[i].key, count, preferred, &other);
    if (found && !other) where->conditions[i].key = found;
  }
}

thaw_status thaw_where_resolve(thaw_context *ctx, thaw_where *where, size_t count,
                               const char *const *known) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; status == THAW_OK && i < where->count; i++) {
    condition *c = &where->conditions[i];
    status = thaw_key_find(ctx, c->key, count, known, &c->key);
  }
  return status;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Equal but for blanks, which do not matter in lists. */
static bool same_text(const char *a, const char *b) {
  for (;;) {
    while (*a == ' ') a++;
    while (*b == ' ') b++;
    if (*a != *b) return false;
    if (!*a) return true;
    a++;
    b++;
  }
}

static bool is(const char *value, const char *wanted) {
  double one, other;
  if (is_number(value, &one) && is_number(wanted, &other)) return one == other;
  return same_text(value, wanted);
}

/* `value` NULL, none, is what an empty text asks for. */
static bool is_one_of(const condition *c, const char *value) {
  for (size_t i = 0; i < c->count; i++) {
    if (c->comparison == CONTAINS ? value && strstr(value, c->values[i])
                                  : is(value ? value : "", c->values[i])) {
      return true;
    }
  }
  return false;
}

static bool fits(const condition *c, const char *value) {
  double number;
  if (!compares_size(c->comparison)) return is_one_of(c, value) != (c->comparison == NOT_EQUAL);
  if (!value || !is_number(value, &number)) return false;
  if (c->comparison == LESS) return number < c->number;
  if (c->comparison == AT_MOST) return number <= c->number;
  return c->comparison == MORE ? number > c->number : number >= c->number;
}

bool thaw_where_holds(const thaw_where *where, thaw_where_lookup lookup, void *user) {
  for (size_t i = 0; i < where->count; i++) {
    const condition *c = &where->conditions[i];
    if (!fits(c, lookup(user, c->key))) return false;
  }
  return true;
}
