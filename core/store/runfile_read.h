/* runfile_read.h: what the files that read run files share. */
#ifndef THAW_RUNFILE_READ_H
#define THAW_RUNFILE_READ_H

#include "store/h5.h"
#include "store/runfile.h"

struct thaw_run_file {
  hid_t file;
  char *path;
  bool complete;
  uint64_t seed;
  double seconds;
};

/* Starts a piece of work on the open file; ends with thaw_h5_end. */
void thaw_run_begin(thaw_h5 *h5, thaw_context *ctx, const thaw_run_file *run);

#endif
