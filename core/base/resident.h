/* resident.h: how much memory this process holds, as Linux counts it: pages in use, those of its
 * libraries included. Elsewhere the peak is that of getrusage and the rest is 0. */
#ifndef THAW_RESIDENT_H
#define THAW_RESIDENT_H

#include "thaw/base.h"

size_t thaw_resident_bytes(void); /* now; 0 where it is not known */
/* The largest since the process began, or since thaw_resident_forget where the system can forget
 * it. */
size_t thaw_resident_peak(void);
void thaw_resident_forget(void);

#endif
