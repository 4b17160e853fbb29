/* ends.h: short names for things with long ones. */
#ifndef THAW_ENDS_H
#define THAW_ENDS_H

#include "thaw/base.h"

/* For each text its shortest end, cut at a `separator`, that is no such end of another text:
 * "stages.classify.transfer" is "transfer", unless "stages.finetune.transfer" is there too. A text
 * that is an end of another stays as it is. The ends point into the texts. False when there is no
 * memory. */
bool thaw_shortest_ends(size_t count, const char *const *texts, char separator, const char **ends);

/* The end of `text` that has one part more than `end`. */
const char *thaw_longer_end(const char *text, const char *end, char separator);

/* Is `end` all of `text` or what stands behind one of its separators? */
bool thaw_is_end(const char *text, const char *end, char separator);

#endif
