/* ends.c: short names for things with long ones. */
#include "analysis/ends.h"

#include <string.h>

const char *thaw_longer_end(const char *text, const char *end, char separator) {
  if (end > text) end--;
  while (end > text && end[-1] != separator) end--;
  return end;
}

static bool ends_with(const char *text, const char *end, char separator) {
  const size_t length = strlen(text), end_length = strlen(end);
  if (end_length > length || strcmp(text + length - end_length, end) != 0) return false;
  return end_length == length || text[length - end_length - 1] == separator;
}

void thaw_shortest_ends(size_t count, const char *const *texts, char separator, const char **ends) {
  for (size_t i = 0; i < count; i++) {
    ends[i] = texts[i] + strlen(texts[i]);
    bool shared = true;
    while (shared && ends[i] > texts[i]) {
      ends[i] = thaw_longer_end(texts[i], ends[i], separator);
      shared = false;
      for (size_t j = 0; j < count && !shared; j++) {
        shared = j != i && ends_with(texts[j], ends[i], separator);
      }
    }
  }
}
