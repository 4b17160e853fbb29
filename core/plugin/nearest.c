/* nearest.c: "did you mean …": the known word at the smallest edit distance. */
#include <ctype.h>
#include <string.h>

#include "plugin/settings.h"

enum { LONGEST = 63 };

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Damerau-Levenshtein distance (insert, delete, replace, swap neighbours), letter case ignored;
 * both texts have at most LONGEST bytes. Three rows of the usual table are enough. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t rows[3][LONGEST + 1];
  size_t *before = rows[0], *above = rows[1], *row = rows[2];
  for (size_t j = 0; j <= b_length; j++) above[j] = j;
  for (size_t i = 1; i <= a_length; i++) {
    row[0] = i;
    const int here = tolower((unsigned char)a[i - 1]);
    for (size_t j = 1; j <= b_length; j++) {
      const int there = tolower((unsigned char)b[j - 1]);
      const size_t edited = smaller(above[j], row[j - 1]) + 1;
      row[j] = smaller(edited, above[j - 1] + (here != there));
      if (i > 1 && j > 1 && here == tolower((unsigned char)b[j - 2]) &&
          there == tolower((unsigned char)a[i - 2])) {
        row[j] = smaller(row[j], before[j - 2] + 1);
      }
    }
    size_t *free_row = before;
    before = above;
    above = row;
    row = free_row;
  }
  return above[b_length];
}

const char *thaw_nearest(const char *text, const char *const *known, size_t count) {
  const size_t length = strlen(text);
  if (length == 0 || length > LONGEST) return NULL;
  size_t limit = length / 3 > 1 ? length / 3 : 1;
  const char *best = NULL;
  for (size_t i = 0; i < count; i++) {
    const size_t known_length = strlen(known[i]);
    if (known_length > LONGEST) continue;
    const size_t found = distance(text, length, known[i], known_length);
    if (found > limit || (best && found == limit)) continue;
    best = known[i];
    limit = found;
  }
  return best;
}
