/* carry.c: numbered slots of floats in a short list. A slot that is asked for with another count,
 * as when a batch is narrower than the one before, starts again from zeros. */
#include "plugin/carry.h"

#include <stdlib.h>
#include <string.h>

struct thaw_carry {
  thaw_carry_entry *entries;
  size_t count, space;
};

thaw_carry *thaw_carry_create(void) {
  return calloc(1, sizeof(thaw_carry));
}

void thaw_carry_free(thaw_carry *carry) {
  if (!carry) return;
  for (size_t i = 0; i < carry->count; i++) free(carry->entries[i].data);
  free(carry->entries);
  free(carry);
}

void thaw_carry_reset(thaw_carry *carry) {
  for (size_t i = 0; i < carry->count; i++) {
    const thaw_carry_entry *entry = &carry->entries[i];
    if (entry->count) memset(entry->data, 0, entry->count * sizeof *entry->data);
  }
}

/* The entry of `slot`, new and empty when there is none; NULL: no memory. */
static thaw_carry_entry *find_entry(thaw_carry *carry, size_t slot) {
  for (size_t i = 0; i < carry->count; i++) {
    if (carry->entries[i].slot == slot) return &carry->entries[i];
  }
  if (carry->count == carry->space) {
    const size_t space = carry->space ? 2 * carry->space : 8;
    thaw_carry_entry *entries = realloc(carry->entries, space * sizeof *entries);
    if (!entries) return NULL;
    carry->entries = entries;
    carry->space = space;
  }
  thaw_carry_entry *entry = &carry->entries[carry->count++];
  *entry = (thaw_carry_entry){.slot = slot};
  return entry;
}

float *thaw_carry_slot(thaw_carry *carry, size_t slot, size_t count) {
  thaw_carry_entry *entry = find_entry(carry, slot);
  if (!entry) return NULL;
  if (!entry->data || entry->count != count) {
    float *data = calloc(count ? count : 1, sizeof *data);
    if (!data) return NULL;
    free(entry->data);
    entry->data = data;
    entry->count = count;
  }
  return entry->data;
}

size_t thaw_carry_count(const thaw_carry *carry) {
  return carry->count;
}

const thaw_carry_entry *thaw_carry_entries(const thaw_carry *carry) {
  return carry->entries;
}
