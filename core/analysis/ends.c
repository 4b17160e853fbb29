/* ends.c: short names for things with long ones.
 *
 * Texts that share an end stand together when they are sorted from their ends on, so that each has
 * to be compared with its neighbours only. */
#include "analysis/ends.h"

#include <stdlib.h>
#include <string.h>

const char *thaw_longer_end(const char *text, const char *end, char separator) {
  if (end > text) end--;
  while (end > text && end[-1] != separator) end--;
  return end;
}

bool thaw_is_end(const char *text, const char *end, char separator) {
  const size_t length = strlen(text), end_length = strlen(end);
  if (end_length > length || strcmp(text + length - end_length, end) != 0) return false;
  return end_length == length || text[length - end_length - 1] == separator;
}

typedef struct sorted_text {
  const char *text;
  size_t length, number;
  char separator;
} sorted_text;

/* From the ends on; the separator comes before all other characters, so that the texts with a
 * common end that is cut at a separator stand without others between them. */
static int from_the_end(const void *left, const void *right) {
  const sorted_text *a = left, *b = right;
  const size_t shorter = a->length < b->length ? a->length : b->length;
  for (size_t i = 1; i <= shorter; i++) {
    const unsigned char one = (unsigned char)a->text[a->length - i];
    const unsigned char other = (unsigned char)b->text[b->length - i];
    if (one == other) continue;
    if (one == (unsigned char)a->separator) return -1;
    if (other == (unsigned char)a->separator) return 1;
    return one < other ? -1 : 1;
  }
  return (a->length > b->length) - (a->length < b->length);
}

bool thaw_shortest_ends(size_t count, const char *const *texts, char separator, const char **ends) {
  sorted_text *sorted = malloc((count + 1) * sizeof *sorted);
  if (!sorted) return false;
  for (size_t i = 0; i < count; i++) {
    sorted[i] = (sorted_text){texts[i], strlen(texts[i]), i, separator};
  }
  qsort(sorted, count, sizeof *sorted, from_the_end);
  for (size_t i = 0; i < count; i++) {
    const char *text = sorted[i].text, *end = text + sorted[i].length;
    bool shared = true;
    while (shared && end > text) {
      end = thaw_longer_end(text, end, separator);
      shared = (i > 0 && thaw_is_end(sorted[i - 1].text, end, separator)) ||
               (i + 1 < count && thaw_is_end(sorted[i + 1].text, end, separator));
    }
    ends[sorted[i].number] = end;
  }
  free(sorted);
  return true;
}
