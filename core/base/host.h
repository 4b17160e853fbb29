/* host.h: this machine, for files that several machines share. */
#ifndef THAW_HOST_H
#define THAW_HOST_H

#include "thaw/base.h"

enum { THAW_HOST_TEXT = 64 };

/* Its name, fit for a file's: anything but letters and digits is _. */
void thaw_host_name(char name[THAW_HOST_TEXT]);

#endif
