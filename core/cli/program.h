/* program.h: another program, run to its end. */
#ifndef THAW_PROGRAM_H
#define THAW_PROGRAM_H

#include "base/buffer.h"
#include "thaw/base.h"

typedef struct thaw_program_result {
  bool missing; /* there is no such program; nothing else is set */
  int status;   /* exit status; 128 + the signal that ended it */
  thaw_buffer out, err;
} thaw_program_result;

/* Runs the program that `words` name, looked up in PATH; they end with NULL. Its standard input is
 * empty. An interrupt from the terminal does not reach it: what it has begun it ends, and the
 * caller knows how. Free the result in any case. */
thaw_status thaw_program_run(thaw_context *ctx, const char *const *words,
                             thaw_program_result *result);
void thaw_program_free(thaw_program_result *result);

#endif
