/* tape.h: the life of a tape, for whoever drives a training or evaluation step.
 *
 * thaw_tape_begin → operations → thaw_tape_backward → use the parameters' gradients → begin again.
 * The tape's memory is one arena, reused every step. */
#ifndef THAW_TAPE_H
#define THAW_TAPE_H

#include "base/arena.h"
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

/* Whether operations are recorded in this step. */
bool thaw_tape_records(const thaw_tape *tape);

/* An aside: what is done in it is not recorded, though dropout drops where the tape trains, and all
 * that the tape hands out in it dies at its end. Values are copied out before, to memory that is
 * older. Asides do not nest. */
typedef struct thaw_tape_aside {
  thaw_arena_mark here;
  void *chunk;
  size_t used;
} thaw_tape_aside;
thaw_tape_aside thaw_tape_aside_begin(thaw_tape *tape);
void thaw_tape_aside_end(thaw_tape *tape, thaw_tape_aside aside);

/* Runs every recorded backward function, with d loss / d loss = 1. `loss` is a scalar.
 * Gradients of parameters (tensors that are not the tape's) are added to what is there. */
thaw_status thaw_tape_backward(thaw_tape *tape, thaw_tensor *loss);

/* The message of the first failure since thaw_tape_begin, "" when there is none. */
const char *thaw_tape_error(const thaw_tape *tape);

size_t thaw_tape_allocations(const thaw_tape *tape); /* times the system was asked for memory */
size_t thaw_tape_bytes(const thaw_tape *tape);       /* held from the system */

/* ---- For operations inside the library ------------------------------------------------------ */

/* Whether thaw_tape_record would record an operation with these inputs: what only the backward
 * function needs has to be kept only then. Inputs may be NULL. */
bool thaw_tape_wants(const thaw_tape *tape, size_t input_count, thaw_tensor *const *inputs);

/* Scratch memory: everything that the tape handed out after `here` dies at `back_to`. */
thaw_arena_mark thaw_tape_here(const thaw_tape *tape);
void thaw_tape_back_to(thaw_tape *tape, thaw_arena_mark here);

/* "[64][70][400]", for messages; "scalar" for rank 0. Returns `text` or a constant. */
#define THAW_SHAPE_TEXT 96
const char *thaw_shape_text(const thaw_tensor *x, char text[THAW_SHAPE_TEXT]);

#endif
