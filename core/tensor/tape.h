/* tape.h: the life of a tape, for whoever drives a training or evaluation step.
 *
 * thaw_tape_begin → operations → thaw_tape_backward → use the parameters' gradients → begin again.
 * The tape's memory is one arena, reused every step. */
#ifndef THAW_TAPE_H
#define THAW_TAPE_H

#include "thaw/tensor.h"

thaw_tape *thaw_tape_create(void); /* NULL when there is no memory */
void thaw_tape_free(thaw_tape *tape);

typedef enum thaw_tape_mode {
  THAW_TAPE_EVALUATE, /* nothing is recorded, no dropout */
  THAW_TAPE_TRAIN,    /* recorded, dropout drops */
  THAW_TAPE_RECORD,   /* recorded, no dropout: gradient checks and golden numbers */
} thaw_tape_mode;

/* Forgets the last step. `rng` seeds this step's dropout. */
void thaw_tape_begin(thaw_tape *tape, thaw_tape_mode mode, thaw_rng rng);

/* Runs every recorded backward function, with d loss / d loss = 1. `loss` is a scalar.
 * Gradients of parameters (tensors that are not the tape's) are added to what is there. */
thaw_status thaw_tape_backward(thaw_tape *tape, thaw_tensor *loss);

/* The message of the first failure since thaw_tape_begin, "" when there is none. */
const char *thaw_tape_error(const thaw_tape *tape);

size_t thaw_tape_allocations(const thaw_tape *tape); /* times the system was asked for memory */
size_t thaw_tape_bytes(const thaw_tape *tape);       /* held from the system */

#endif
