/* gradient_check.h: compares an operation's backward function with numerical derivatives.
 *
 * The loss is a random linear functional of the operation's output, summed in double. Its
 * derivative by each input element is taken from differences over h and 2h (Richardson), and
 * compared with what the tape finds. The check also sees to it that gradients are added to what is
 * there, that freezing some inputs changes nothing for the others, and that evaluation gives the
 * same output as recording. */
#ifndef GRADIENT_CHECK_H
#define GRADIENT_CHECK_H

#include "tensor/tape.h"

/* Composes the operation under test from `inputs`; called again and again, must always do the same.
 */
typedef thaw_tensor *(*check_function)(thaw_tape *tape, thaw_tensor *const *inputs, void *user);

typedef struct gradient_check {
  const char *operation;
  check_function run;
  void *user;
  size_t input_count;
  thaw_tensor *const *inputs; /* inputs that want a gradient are checked; entries may be NULL */
  thaw_tape_mode mode;        /* RECORD if left 0; TRAIN gives every call the same dropout */
  double step;                /* h; 1/64 if left 0 */
  double tolerance; /* relative to the typical size of an input's gradient; 1e-3 if left 0 */
} gradient_check;

/* Fails the running test with operation, input, element, expected and found. */
void check_gradients(const gradient_check *check);

/* The same in short. */
void check_gradient(const char *operation, check_function run, void *user, size_t input_count,
                    thaw_tensor *const *inputs);

/* A tensor of the test's own with memory for a gradient: values uniform in [low, high) that depend
 * on `seed` alone, wants_grad true. */
thaw_tensor *make_parameter(uint64_t seed, float low, float high, size_t rank, const size_t *shape);
void free_parameter(thaw_tensor *parameter);

/* Shorthand for a shape: SHAPE(2, 3) gives the arguments "2, (size_t[]){2, 3}". */
#define SHAPE(...)                                                 \
  (sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), (size_t[]) { \
    __VA_ARGS__                                                    \
  }

#endif
