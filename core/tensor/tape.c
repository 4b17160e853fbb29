/* tape.c: records operations as they run and plays their gradients back.
 *
 * Tensors, nodes and everything that operations keep for their backward functions lie in one arena,
 * which thaw_tape_begin takes back at once. Nodes form a list with the last recorded first, the
 * order in which they are played.
 *
 * The tape knows its own tensors by the chunks that it hands them out from; all others are
 * parameters, whose gradient memory belongs to their owner. */
#include "tensor/tape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/touched.h"

typedef struct node {
  struct node *previous;
  thaw_backward backward;
  void *context;
  thaw_tensor *output;
  size_t input_count;
  thaw_tensor *inputs[];
} node;

enum { CHUNK_TENSORS = 62, MESSAGE_SPACE = 512 };

typedef struct chunk {
  struct chunk *previous;
  size_t used;
  thaw_tensor tensors[CHUNK_TENSORS];
} chunk;

struct thaw_tape {
  thaw_arena *arena;
  thaw_tape_mode mode;
  thaw_rng rng;
  node *last;    /* the newest node */
  chunk *chunks; /* the newest chunk */
  bool played;   /* backward has run in this step */
  bool aside;    /* nothing is recorded for the time being */
  thaw_status status;
  char message[MESSAGE_SPACE];
};

/* ---- Life ---------------------------------------------------------------------------------- */

thaw_tape *thaw_tape_create(void) {
  thaw_tape *tape = calloc(1, sizeof *tape);
  if (!tape) return NULL;
  tape->arena = thaw_arena_create();
  if (!tape->arena) {
    free(tape);
    return NULL;
  }
  tape->rng = thaw_rng_make(0, 0);
  return tape;
}

void thaw_tape_free(thaw_tape *tape) {
  if (!tape) return;
  thaw_arena_free(tape->arena);
  free(tape);
}

void thaw_tape_begin(thaw_tape *tape, thaw_tape_mode mode, thaw_rng rng) {
  thaw_arena_reset(tape->arena);
  tape->mode = mode;
  tape->rng = rng;
  tape->last = NULL;
  tape->chunks = NULL;
  tape->played = false;
  tape->aside = false;
  tape->status = THAW_OK;
  tape->message[0] = '\0';
}

bool thaw_tape_training(const thaw_tape *tape) {
  return tape->mode == THAW_TAPE_TRAIN;
}

bool thaw_tape_records(const thaw_tape *tape) {
  return tape->mode != THAW_TAPE_EVALUATE && !tape->aside;
}

thaw_rng *thaw_tape_rng(thaw_tape *tape) {
  return &tape->rng;
}

size_t thaw_tape_allocations(const thaw_tape *tape) {
  return thaw_arena_allocations(tape->arena);
}

size_t thaw_tape_bytes(const thaw_tape *tape) {
  return thaw_arena_bytes(tape->arena);
}

thaw_arena_mark thaw_tape_here(const thaw_tape *tape) {
  return thaw_arena_here(tape->arena);
}

void thaw_tape_back_to(thaw_tape *tape, thaw_arena_mark here) {
  thaw_arena_back_to(tape->arena, here);
}

/* The newest chunk may have been begun before the aside: its tensors are counted. */
thaw_tape_aside thaw_tape_aside_begin(thaw_tape *tape) {
  tape->aside = true;
  return (thaw_tape_aside){thaw_arena_here(tape->arena), tape->chunks,
                           tape->chunks ? tape->chunks->used : 0};
}

void thaw_tape_aside_end(thaw_tape *tape, thaw_tape_aside aside) {
  thaw_arena_back_to(tape->arena, aside.here);
  tape->chunks = aside.chunk;
  if (tape->chunks) tape->chunks->used = aside.used;
  tape->aside = false;
}

/* ---- Failure: the first message stays ------------------------------------------------------ */

thaw_status thaw_tape_status(const thaw_tape *tape) {
  return tape->status;
}

const char *thaw_tape_error(const thaw_tape *tape) {
  return tape->message;
}

thaw_tensor *thaw_tape_fail(thaw_tape *tape, const char *operation, const char *format, ...) {
  if (tape->status != THAW_OK) return NULL;
  tape->status = THAW_INVALID;
  int length = snprintf(tape->message, MESSAGE_SPACE, "%s: ", operation);
  if (length < 0 || length >= MESSAGE_SPACE) return NULL;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(tape->message + length, (size_t)(MESSAGE_SPACE - length), format, arguments);
  va_end(arguments);
  return NULL;
}

static void *fail_memory(thaw_tape *tape, size_t bytes) {
  if (tape->status != THAW_OK) return NULL;
  tape->status = THAW_FAILED;
  snprintf(tape->message, MESSAGE_SPACE,
           "out of memory: a step needed %zu bytes more than the %zu it holds", bytes,
           thaw_arena_bytes(tape->arena));
  return NULL;
}

/* ---- Memory and tensors -------------------------------------------------------------------- */

void *thaw_tape_alloc(thaw_tape *tape, size_t bytes) {
  void *piece = thaw_arena_alloc(tape->arena, bytes);
  return piece ? piece : fail_memory(tape, bytes);
}

/* The next free tensor of the newest chunk. */
static thaw_tensor *next_tensor(thaw_tape *tape) {
  if (!tape->chunks || tape->chunks->used == CHUNK_TENSORS) {
    chunk *fresh = thaw_tape_alloc(tape, sizeof *fresh);
    if (!fresh) return NULL;
    fresh->previous = tape->chunks;
    fresh->used = 0;
    tape->chunks = fresh;
  }
  return &tape->chunks->tensors[tape->chunks->used++];
}

static bool is_own(const thaw_tape *tape, const thaw_tensor *x) {
  for (const chunk *c = tape->chunks; c; c = c->previous) {
    if ((uintptr_t)x >= (uintptr_t)c->tensors && (uintptr_t)x < (uintptr_t)(c->tensors + c->used)) {
      return true;
    }
  }
  return false;
}

thaw_tensor *thaw_tape_tensor(thaw_tape *tape, size_t rank, const size_t *shape) {
  if (rank > THAW_MAX_RANK) {
    return thaw_tape_fail(tape, "tensor", "rank %zu is more than %d", rank, THAW_MAX_RANK);
  }
  thaw_tensor header = {.rank = rank, .shape = {1, 1, 1, 1}};
  size_t size = 1;
  for (size_t i = 0; i < rank; i++) {
    header.shape[i] = shape[i];
    if (shape[i] == 0) return thaw_tape_fail(tape, "tensor", "dimension %zu of %zu is 0", i, rank);
    if (size > PTRDIFF_MAX / sizeof(float) / shape[i]) {
      return thaw_tape_fail(tape, "tensor", "dimension %zu, %zu, is too large", i, shape[i]);
    }
    size *= shape[i];
  }
  thaw_tensor *tensor = next_tensor(tape);
  if (!tensor) return NULL;
  header.data = thaw_tape_alloc(tape, size * sizeof(float));
  *tensor = header;
  return header.data ? tensor : NULL;
}

thaw_tensor *thaw_tape_constant(thaw_tape *tape, size_t rank, const size_t *shape,
                                const float *values) {
  thaw_tensor *tensor = thaw_tape_tensor(tape, rank, shape);
  if (tensor) memcpy(tensor->data, values, thaw_size(tensor) * sizeof(float));
  return tensor;
}

/* ---- Recording and playing back ------------------------------------------------------------ */

bool thaw_tape_wants(const thaw_tape *tape, size_t input_count, thaw_tensor *const *inputs) {
  if (!thaw_tape_records(tape)) return false;
  for (size_t i = 0; i < input_count; i++) {
    if (inputs[i] && inputs[i]->wants_grad) return true;
  }
  return false;
}

thaw_tensor *thaw_tape_record(thaw_tape *tape, const char *operation, thaw_tensor *output,
                              size_t input_count, thaw_tensor *const *inputs,
                              thaw_backward backward, void *context) {
  if (!output || !thaw_tape_wants(tape, input_count, inputs)) return output;
  for (size_t i = 0; i < input_count; i++) {
    const thaw_tensor *x = inputs[i];
    char shape[THAW_SHAPE_TEXT];
    if (x && x->wants_grad && !x->grad && !is_own(tape, x)) {
      return thaw_tape_fail(tape, operation,
                            "input %zu, a parameter %s, wants a gradient but has no memory for it",
                            i, thaw_shape_text(x, shape));
    }
  }
  node *fresh = thaw_tape_alloc(tape, sizeof *fresh + input_count * sizeof fresh->inputs[0]);
  if (!fresh) return NULL;
  *fresh = (node){tape->last, backward, context, output, input_count};
  for (size_t i = 0; i < input_count; i++) fresh->inputs[i] = inputs[i];
  tape->last = fresh;
  output->wants_grad = true;
  return output;
}

float *thaw_grad(thaw_tape *tape, thaw_tensor *x) {
  if (!x || !x->wants_grad) return NULL;
  if (x->touched) x->touched->all = true;
  if (x->grad) return x->grad;
  if (!is_own(tape, x)) {
    char shape[THAW_SHAPE_TEXT];
    thaw_tape_fail(tape, "gradient", "a parameter %s has no memory for its gradient",
                   thaw_shape_text(x, shape));
    return NULL;
  }
  const size_t bytes = thaw_size(x) * sizeof(float);
  x->grad = thaw_tape_alloc(tape, bytes);
  if (x->grad) memset(x->grad, 0, bytes);
  return x->grad;
}

thaw_status thaw_tape_backward(thaw_tape *tape, thaw_tensor *loss) {
  char shape[THAW_SHAPE_TEXT];
  if (tape->status == THAW_OK && tape->mode == THAW_TAPE_EVALUATE) {
    thaw_tape_fail(tape, "backward", "nothing is recorded while evaluating");
  } else if (tape->status == THAW_OK && tape->played) {
    thaw_tape_fail(tape, "backward", "this step's gradients have been computed already");
  } else if (tape->status == THAW_OK && (!loss || loss->rank != 0)) {
    thaw_tape_fail(tape, "backward", "the loss is %s, expected a scalar",
                   thaw_shape_text(loss, shape));
  }
  if (tape->status != THAW_OK) return tape->status;
  tape->played = true;
  float *seed = thaw_grad(tape, loss);
  if (!seed) return tape->status; /* every parameter is frozen: nothing to do */
  *seed += 1;
  for (const node *n = tape->last; n && tape->status == THAW_OK; n = n->previous) {
    if (n->output->grad) n->backward(tape, n->output, n->inputs, n->input_count, n->context);
  }
  return tape->status;
}
