/* op_elementwise.c: arithmetic and activations, element by element.
 *
 * Sums and products broadcast: a dimension of 1, or a missing one in front, is repeated.
 * Neighbouring dimensions that a and b both have, or that the same one of them repeats, are merged
 * first, so that what is left is a few long runs in which each operand is either an array or one
 * number. The gradient of a repeated operand is summed over the dimensions along which it was
 * repeated. */
#include "tensor/axis.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

/* ---- Broadcasting -------------------------------------------------------------------------- */

/* Two operands over the output's dimensions, merged, slowest first. */
typedef struct spread {
  size_t rank; /* at least 1 */
  size_t size[THAW_MAX_RANK];
  size_t step[2][THAW_MAX_RANK]; /* operand's elements between neighbours; 0: repeated */
} spread;

/* x's size in dimension i of `rank`, counted from the front of the output. */
static size_t size_in(const thaw_tensor *x, size_t i, size_t rank) {
  const size_t missing = rank - x->rank;
  return i < missing ? 1 : x->shape[i - missing];
}

static bool fit_shape(const thaw_tensor *a, const thaw_tensor *b, size_t shape[THAW_MAX_RANK]) {
  const size_t rank = a->rank > b->rank ? a->rank : b->rank;
  for (size_t i = 0; i < rank; i++) {
    const size_t in_a = size_in(a, i, rank), in_b = size_in(b, i, rank);
    if (in_a != in_b && in_a != 1 && in_b != 1) return false;
    shape[i] = in_a == 1 ? in_b : in_a;
  }
  return true;
}

static spread merge_dimensions(const thaw_tensor *y, const thaw_tensor *a, const thaw_tensor *b) {
  const thaw_tensor *operands[2] = {a, b};
  spread s = {.rank = 0};
  bool has_before[2] = {false, false};
  for (size_t i = 0; i < y->rank; i++) {
    if (y->shape[i] == 1) continue;
    const bool has[2] = {size_in(a, i, y->rank) != 1, size_in(b, i, y->rank) != 1};
    if (s.rank > 0 && has[0] == has_before[0] && has[1] == has_before[1]) {
      s.size[s.rank - 1] *= y->shape[i];
    } else {
      s.size[s.rank] = y->shape[i];
      for (size_t k = 0; k < 2; k++) s.step[k][s.rank] = has_before[k] = has[k];
      s.rank++;
    }
  }
  if (s.rank == 0) s = (spread){.rank = 1, .size = {1}, .step = {{1}, {1}}};
  for (size_t k = 0; k < 2; k++) {
    size_t step = thaw_size(operands[k]);
    for (size_t i = 0; i < s.rank; i++) {
      if (s.step[k][i] == 0) continue;
      step /= s.size[i];
      s.step[k][i] = step;
    }
  }
  return s;
}

static bool is_repeated(const spread *s, size_t operand) {
  for (size_t i = 0; i < s->rank; i++) {
    if (s->step[operand][i] == 0) return true;
  }
  return false;
}

/* ---- Sums and products --------------------------------------------------------------------- */

typedef enum arithmetic { ADD, SUBTRACT, MULTIPLY, MULTIPLY_ADD } arithmetic;

typedef struct runs {
  arithmetic kind;
  float *y;
  const float *operands[2];
  spread over;
} runs;

/* y = a ∘ b, or y += a · b, where not more than one of the operands is a single number. */
static void one_run(arithmetic kind, float *y, const float *a, bool a_is_array, const float *b,
                    bool b_is_array, size_t n) {
  const bool both = a_is_array && b_is_array;
  const float *array = a_is_array ? a : b, number = a_is_array ? *b : *a;
  switch (kind) {
    case ADD:
      if (both) {
        thaw_vector_add(y, a, b, n);
      } else {
        thaw_scale_shift(y, 1, array, number, n);
      }
      break;
    case SUBTRACT:
      if (both) {
        thaw_vector_subtract(y, a, b, n);
      } else {
        thaw_scale_shift(y, a_is_array ? 1 : -1, array, a_is_array ? -number : number, n);
      }
      break;
    case MULTIPLY:
      if (both) {
        thaw_vector_multiply(y, a, b, n);
      } else {
        thaw_scale(y, number, array, n);
      }
      break;
    case MULTIPLY_ADD:
      if (both) {
        thaw_multiply_add(y, a, b, n);
      } else {
        thaw_axpy(y, number, array, n);
      }
      break;
  }
}

static void run_range(void *arguments, size_t begin, size_t end) {
  const runs *r = arguments;
  const spread *over = &r->over;
  const size_t last = over->rank - 1, n = over->size[last];
  for (size_t run = begin; run < end; run++) {
    const float *x[2] = {r->operands[0], r->operands[1]};
    for (size_t i = last, left = run; i-- > 0; left /= over->size[i]) {
      for (size_t k = 0; k < 2; k++) x[k] += left % over->size[i] * over->step[k][i];
    }
    one_run(r->kind, r->y + run * n, x[0], over->step[0][last] != 0, x[1], over->step[1][last] != 0,
            n);
  }
}

static void calculate(arithmetic kind, float *y, const float *a, const float *b,
                      const spread *over) {
  size_t count = 1;
  for (size_t i = 0; i + 1 < over->rank; i++) count *= over->size[i];
  thaw_parallel_rows(count, over->size[over->rank - 1], run_range, &(runs){kind, y, {a, b}, *over});
}

/* dx += sign · the sum of g over the dimensions along which the operand was repeated: one after the
 * other, the slowest first, each sum smaller than the one before. */
static void add_summed(thaw_tape *tape, float *dx, float sign, const float *g, const spread *over,
                       size_t operand) {
  size_t outer = 1, inner = 1;
  for (size_t i = 0; i < over->rank; i++) inner *= over->size[i];
  for (size_t i = 0; i < over->rank; i++) {
    inner /= over->size[i];
    if (over->step[operand][i] != 0) {
      outer *= over->size[i];
      continue;
    }
    float *sums = thaw_tape_alloc(tape, outer * inner * sizeof(float));
    if (!sums) return;
    thaw_fill(sums, 0, outer * inner);
    thaw_axis_sums(sums, g, (thaw_axis){outer, over->size[i], inner}, (thaw_axis_mask){0, inner});
    g = sums;
  }
  thaw_axpy(dx, sign, g, outer);
}

typedef struct recipe {
  arithmetic kind;
  spread over;
} recipe;

/* d(a + b) = dy for both, d(a − b) = dy and −dy. */
static void add_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                         void *context) {
  const recipe *r = context;
  for (size_t k = 0; k < count; k++) {
    float *dx = thaw_grad(tape, inputs[k]);
    const float sign = r->kind == SUBTRACT && k == 1 ? -1 : 1;
    const thaw_arena_mark here = thaw_tape_here(tape);
    if (dx && is_repeated(&r->over, k)) {
      add_summed(tape, dx, sign, y->grad, &r->over, k);
    } else if (dx) {
      thaw_axpy(dx, sign, y->grad, thaw_size(y));
    }
    thaw_tape_back_to(tape, here);
  }
}

/* d(a · b) = dy · b and dy · a: the product of the output's gradient and the other operand. */
static void multiply_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                              size_t count, void *context) {
  const recipe *r = context;
  for (size_t k = 0; k < count; k++) {
    float *dx = thaw_grad(tape, inputs[k]);
    if (!dx) continue;
    const float *other = inputs[1 - k]->data;
    const spread whole = merge_dimensions(y, y, inputs[1 - k]);
    const thaw_arena_mark here = thaw_tape_here(tape);
    if (is_repeated(&r->over, k)) {
      float *product = thaw_tape_alloc(tape, thaw_size(y) * sizeof(float));
      if (!product) return;
      calculate(MULTIPLY, product, y->grad, other, &whole);
      add_summed(tape, dx, 1, product, &r->over, k);
    } else {
      calculate(MULTIPLY_ADD, dx, y->grad, other, &whole);
    }
    thaw_tape_back_to(tape, here);
  }
}

static thaw_tensor *combine(thaw_tape *tape, const char *name, arithmetic kind, thaw_tensor *a,
                            thaw_tensor *b, thaw_backward backward) {
  if (!a || !b) return NULL;
  char shape_a[THAW_SHAPE_TEXT], shape_b[THAW_SHAPE_TEXT];
  size_t shape[THAW_MAX_RANK];
  if (!fit_shape(a, b, shape)) {
    return thaw_tape_fail(tape, name,
                          "%s and %s do not fit: expected equal dimensions or 1, counted from the "
                          "last",
                          thaw_shape_text(a, shape_a), thaw_shape_text(b, shape_b));
  }
  thaw_tensor *y = thaw_tape_tensor(tape, a->rank > b->rank ? a->rank : b->rank, shape);
  recipe *context = thaw_tape_alloc(tape, sizeof *context);
  if (!y || !context) return NULL;
  *context = (recipe){kind, merge_dimensions(y, a, b)};
  calculate(kind, y->data, a->data, b->data, &context->over);
  return thaw_tape_record(tape, name, y, 2, (thaw_tensor *[]){a, b}, backward, context);
}

thaw_tensor *thaw_add(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b) {
  return combine(tape, "add", ADD, a, b, add_backward);
}

thaw_tensor *thaw_subtract(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b) {
  return combine(tape, "subtract", SUBTRACT, a, b, add_backward);
}

thaw_tensor *thaw_multiply(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b) {
  return combine(tape, "multiply", MULTIPLY, a, b, multiply_backward);
}

/* ---- Of one operand ------------------------------------------------------------------------ */

static void affine_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                            size_t count, void *context) {
  (void)count;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_axpy(dx, *(const float *)context, y->grad, thaw_size(y));
}

thaw_tensor *thaw_affine(thaw_tape *tape, thaw_tensor *x, float factor, float offset) {
  if (!x) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  float *context = thaw_tape_alloc(tape, sizeof *context);
  if (!y || !context) return NULL;
  *context = factor;
  thaw_scale_shift(y->data, factor, x->data, offset, thaw_size(x));
  return thaw_tape_record(tape, "affine", y, 1, &x, affine_backward, context);
}

typedef void (*activation)(float *y, const float *x, size_t n);

static thaw_tensor *activate(thaw_tape *tape, const char *name, thaw_tensor *x, activation function,
                             thaw_backward backward) {
  if (!x) return NULL;
  thaw_tensor *y = thaw_tape_tensor(tape, x->rank, x->shape);
  if (!y) return NULL;
  function(y->data, x->data, thaw_size(x));
  return thaw_tape_record(tape, name, y, 1, &x, backward, NULL);
}

static void relu_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                          void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_relu_backward(dx, y->grad, y->data, thaw_size(y));
}

thaw_tensor *thaw_relu(thaw_tape *tape, thaw_tensor *x) {
  return activate(tape, "relu", x, thaw_vector_relu, relu_backward);
}

static void tanh_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                          void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_tanh_backward(dx, y->grad, y->data, thaw_size(y));
}

thaw_tensor *thaw_tanh(thaw_tape *tape, thaw_tensor *x) {
  return activate(tape, "tanh", x, thaw_vector_tanh, tanh_backward);
}

static void sigmoid_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                             size_t count, void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_sigmoid_backward(dx, y->grad, y->data, thaw_size(y));
}

thaw_tensor *thaw_sigmoid(thaw_tape *tape, thaw_tensor *x) {
  return activate(tape, "sigmoid", x, thaw_vector_sigmoid, sigmoid_backward);
}

static void gelu_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                          void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_gelu_backward(dx, y->grad, inputs[0]->data, thaw_size(y));
}

thaw_tensor *thaw_gelu(thaw_tape *tape, thaw_tensor *x) {
  return activate(tape, "gelu", x, thaw_vector_gelu, gelu_backward);
}

static void exp_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs, size_t count,
                         void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  if (dx) thaw_multiply_add(dx, y->grad, y->data, thaw_size(y));
}

thaw_tensor *thaw_exp(thaw_tape *tape, thaw_tensor *x) {
  return activate(tape, "exp", x, thaw_vector_exp, exp_backward);
}

/* d(x²) = 2·x·dy, added in two halves. */
static void square_backward(thaw_tape *tape, thaw_tensor *y, thaw_tensor *const *inputs,
                            size_t count, void *context) {
  (void)count, (void)context;
  float *dx = thaw_grad(tape, inputs[0]);
  for (int half = 0; dx && half < 2; half++) {
    thaw_multiply_add(dx, y->grad, inputs[0]->data, thaw_size(y));
  }
}

static void square(float *y, const float *x, size_t n) {
  thaw_vector_multiply(y, x, x, n);
}

thaw_tensor *thaw_square(thaw_tape *tape, thaw_tensor *x) {
  return activate(tape, "square", x, square, square_backward);
}
