/* series.h: one stage's tables in a run file. */
#ifndef THAW_SERIES_H
#define THAW_SERIES_H

#include "store/h5.h"
#include "train/record.h"

/* Writes the group of the stage into the group `metrics`. */
void thaw_series_write(thaw_h5 *h5, hid_t metrics, const thaw_series *series);
/* Reads it back; NULL after a failure, which `h5` holds. */
thaw_series *thaw_series_read(thaw_h5 *h5, hid_t metrics, const char *stage);

#endif
