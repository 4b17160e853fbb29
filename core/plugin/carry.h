/* carry.h: state that an encoder carries from batch to batch (thaw_carry_slot in thaw/plugin.h),
 * seen by its owner: the trainer, which creates, resets, stores and restores it. */
#ifndef THAW_CARRY_H
#define THAW_CARRY_H

#include "thaw/plugin.h"

thaw_carry *thaw_carry_create(void); /* NULL when there is no memory */
void thaw_carry_free(thaw_carry *carry);

/* All slots become zero; their memory and addresses stay. */
void thaw_carry_reset(thaw_carry *carry);

/* The slots in the order in which they were first asked for. To restore a stored carry, ask for
 * each slot again with thaw_carry_slot and fill it in. */
typedef struct thaw_carry_entry {
  size_t slot;  /* the number that the encoder gave it */
  size_t count; /* floats */
  float *data;
} thaw_carry_entry;
size_t thaw_carry_count(const thaw_carry *carry);
const thaw_carry_entry *thaw_carry_entries(const thaw_carry *carry);

#endif
