/* weight_names.h: an encoder's table of PyTorch's names (thaw_weight_name in thaw/plugin.h). */
#ifndef THAW_WEIGHT_NAMES_H
#define THAW_WEIGHT_NAMES_H

#include "base/buffer.h"
#include "thaw/plugin.h"

/* Is the table sensible? THAW_INVALID names the row: a bracket that is not closed, a copy before
 * the tensor's own name, a group or tensor that is missing. NULL is. */
thaw_status thaw_weight_names_check(thaw_context *ctx, const thaw_weight_name *names);

/* The first row from `row` on that speaks of this tensor, or NULL; `*layer` receives what {n} is in
 * the group's name, 0 where there is none. `row` may be NULL. */
const thaw_weight_name *thaw_weight_name_find(const thaw_weight_name *row, const char *group,
                                              const char *tensor, size_t *layer);

/* Puts the row's foreign name into `text`, instead of what is there; `whole`: with what stands in
 * brackets. False: no memory. */
bool thaw_weight_name_write(const thaw_weight_name *row, size_t layer, bool whole,
                            thaw_buffer *text);

/* Does the row, of some layer, have that foreign name, with or without what stands in brackets? */
bool thaw_weight_name_is(const thaw_weight_name *row, const char *foreign);

#endif
