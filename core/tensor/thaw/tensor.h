/* thaw/tensor.h: tensors, the tape, and every operation that a model is made of.
 *
 * A tensor is a row-major block of float32. A tape records operations as they run and plays their
 * gradients back. Letters used for shapes: T time steps, B documents or streams in a batch, D or H
 * features, V vocabulary, C classes.
 *
 * Errors are sticky, as in stdio: an operation that fails (shapes that do not fit, no memory)
 * stores its message in the tape and returns NULL; every operation given a NULL tensor returns NULL
 * and does nothing. So a model composes operations without looking, and asks thaw_tape_status once.
 *
 * All tensors that a tape hands out, and all memory of thaw_tape_alloc, live until the tape is
 * reset and are never freed by the caller. */
#ifndef THAW_TENSOR_H
#define THAW_TENSOR_H

#include <thaw/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define THAW_MAX_RANK 4

struct thaw_touched; /* the library's own */

typedef struct thaw_tensor {
  float *data;
  float *grad;                  /* of the same shape; NULL until a gradient flows into it */
  size_t shape[THAW_MAX_RANK];  /* slowest first; entries from rank on are 1 */
  size_t rank;                  /* 0 is a scalar */
  bool wants_grad;              /* false: gradients stop here (a frozen parameter, a constant) */
  struct thaw_touched *touched; /* rows of grad that may be other than 0; NULL: all of them */
} thaw_tensor;

/* Number of elements. */
THAW_API size_t thaw_size(const thaw_tensor *x);
/* Product of all dimensions but the last: how many rows x is when read as a matrix; 1 for rank 0.
 */
THAW_API size_t thaw_rows(const thaw_tensor *x);
/* The last dimension; 1 for rank 0. */
THAW_API size_t thaw_columns(const thaw_tensor *x);

/* ---- The tape ------------------------------------------------------------------------------ */

typedef struct thaw_tape thaw_tape;

/* True while training: dropout drops, batch norm uses the batch's own statistics. */
THAW_API bool thaw_tape_training(const thaw_tape *tape);
/* The random numbers of this step. */
THAW_API thaw_rng *thaw_tape_rng(thaw_tape *tape);
/* THAW_OK, or the status of the first operation that failed since the last reset. */
THAW_API thaw_status thaw_tape_status(const thaw_tape *tape);
/* Stores a message (the first one stays) and returns NULL. `operation` names who failed. */
THAW_API thaw_tensor *thaw_tape_fail(thaw_tape *tape, const char *operation, const char *format,
                                     ...) THAW_PRINTF(3, 4);

/* Memory that lives until the reset, aligned to 64 bytes, not cleared; NULL (and a sticky error)
 * when there is none. */
THAW_API void *thaw_tape_alloc(thaw_tape *tape, size_t bytes);
/* A tensor whose values are not set and that wants no gradient yet. */
THAW_API thaw_tensor *thaw_tape_tensor(thaw_tape *tape, size_t rank, const size_t *shape);
/* A constant tensor with these values, which are copied. */
THAW_API thaw_tensor *thaw_tape_constant(thaw_tape *tape, size_t rank, const size_t *shape,
                                         const float *values);

/* An operation of your own: allocate the output with thaw_tape_tensor, fill in its values, then
 * record it. `backward` is called once, last recorded first, when a gradient has reached `output`
 * and some input wants one; it adds to thaw_grad(tape, inputs[i]) where that is not NULL. `context`
 * is what backward needs (from thaw_tape_alloc). `inputs` is copied. Returns `output`. */
typedef void (*thaw_backward)(thaw_tape *tape, thaw_tensor *output, thaw_tensor *const *inputs,
                              size_t input_count, void *context);
THAW_API thaw_tensor *thaw_tape_record(thaw_tape *tape, const char *operation, thaw_tensor *output,
                                       size_t input_count, thaw_tensor *const *inputs,
                                       thaw_backward backward, void *context);
/* Where to add x's gradient: cleared on first use; NULL when x wants none. */
THAW_API float *thaw_grad(thaw_tape *tape, thaw_tensor *x);

/* ---- Products ------------------------------------------------------------------------------ */

/* op(a) · op(b) for matrices, op(x) = x or its transpose. [M][K] · [K][N] -> [M][N]. */
THAW_API thaw_tensor *thaw_matmul(thaw_tape *tape, thaw_tensor *a, bool transpose_a, thaw_tensor *b,
                                  bool transpose_b);
/* x · weightᵀ + bias. x [..][I], weight [O][I], bias [O] or NULL -> [..][O]. */
THAW_API thaw_tensor *thaw_linear(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight,
                                  thaw_tensor *bias);

/* ---- Elementwise, with NumPy's broadcasting rule -------------------------------------------- */

THAW_API thaw_tensor *thaw_add(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b);
THAW_API thaw_tensor *thaw_subtract(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b);
THAW_API thaw_tensor *thaw_multiply(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b);
/* factor · x + offset. */
THAW_API thaw_tensor *thaw_affine(thaw_tape *tape, thaw_tensor *x, float factor, float offset);
THAW_API thaw_tensor *thaw_relu(thaw_tape *tape, thaw_tensor *x);
THAW_API thaw_tensor *thaw_tanh(thaw_tape *tape, thaw_tensor *x);
THAW_API thaw_tensor *thaw_sigmoid(thaw_tape *tape, thaw_tensor *x);
/* x · Φ(x), tanh approximation (Hendrycks and Gimpel 2016). */
THAW_API thaw_tensor *thaw_gelu(thaw_tape *tape, thaw_tensor *x);
THAW_API thaw_tensor *thaw_exp(thaw_tape *tape, thaw_tensor *x);
THAW_API thaw_tensor *thaw_square(thaw_tape *tape, thaw_tensor *x);

/* ---- Shape ---------------------------------------------------------------------------------- */

/* The same elements under another shape of the same size. */
THAW_API thaw_tensor *thaw_reshape(thaw_tape *tape, thaw_tensor *x, size_t rank,
                                   const size_t *shape);
/* Two dimensions exchanged (values are moved). */
THAW_API thaw_tensor *thaw_transpose(thaw_tape *tape, thaw_tensor *x, size_t axis_a, size_t axis_b);
/* Joined along `axis`; all other dimensions agree. */
THAW_API thaw_tensor *thaw_concat(thaw_tape *tape, size_t count, thaw_tensor *const *parts,
                                  size_t axis);
/* Elements begin <= i < end along `axis`. */
THAW_API thaw_tensor *thaw_slice(thaw_tape *tape, thaw_tensor *x, size_t axis, size_t begin,
                                 size_t end);
/* table [V][D], indices[count] -> [count][D]; an index outside the table is an error. */
THAW_API thaw_tensor *thaw_gather_rows(thaw_tape *tape, thaw_tensor *table, const int32_t *indices,
                                       size_t count);
/* x [T][B][D], steps[B] -> [B][D]: row b is x[steps[b]][b]. */
THAW_API thaw_tensor *thaw_gather_steps(thaw_tape *tape, thaw_tensor *x, const int32_t *steps);

/* ---- Reductions along one axis, which disappears --------------------------------------------- */

/* `mask` is NULL (everything counts) or a constant tensor of zeros and ones whose shape equals the
 * leading dimensions of x, the reduced axis among them. For a mean the divisor is the number of
 * ones; where no element counts, sum and mean are 0 and max is 0, all without gradient. */
THAW_API thaw_tensor *thaw_sum(thaw_tape *tape, thaw_tensor *x, size_t axis,
                               const thaw_tensor *mask);
THAW_API thaw_tensor *thaw_mean(thaw_tape *tape, thaw_tensor *x, size_t axis,
                                const thaw_tensor *mask);
/* The gradient goes to the first of equal maxima, as in PyTorch. */
THAW_API thaw_tensor *thaw_max(thaw_tape *tape, thaw_tensor *x, size_t axis,
                               const thaw_tensor *mask);
/* Σ over t of weights[t][b] · x[t][b]: x [T][B][D], weights [T][B] -> [B][D]. `mask` [T][B] as
 * above. */
THAW_API thaw_tensor *thaw_weighted_sum(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weights,
                                        const thaw_tensor *mask);
/* Σ over i of weights[i] · parts[i]: `count` parts of one shape, weights [count]. */
THAW_API thaw_tensor *thaw_mix(thaw_tape *tape, size_t count, thaw_tensor *const *parts,
                               thaw_tensor *weights);
/* Mask [T][B]: 1 where t < lengths[b]. NULL lengths: all ones. */
THAW_API thaw_tensor *thaw_length_mask(thaw_tape *tape, size_t time, size_t batch,
                                       const int32_t *lengths);

/* ---- Normalisation and softmax over the last dimension --------------------------------------- */

/* `mask` as above but of x's own shape, or NULL: elements with 0 get probability 0. */
THAW_API thaw_tensor *thaw_softmax(thaw_tape *tape, thaw_tensor *x, const thaw_tensor *mask);
THAW_API thaw_tensor *thaw_log_softmax(thaw_tape *tape, thaw_tensor *x);
/* (x − mean)/√(variance + epsilon) · gain + bias, gain and bias [D] (Ba et al. 2016). */
THAW_API thaw_tensor *thaw_layer_norm(thaw_tape *tape, thaw_tensor *x, thaw_tensor *gain,
                                      thaw_tensor *bias, float epsilon);
/* x [N][D]. Training: the batch's statistics, and running ← (1 − momentum)·running +
 * momentum·batch, with the unbiased variance in the running one, as in PyTorch; else, and for a
 * batch of one, which has no variance, the running statistics. running_mean and running_variance
 * are [D] and get no gradient (Ioffe and Szegedy 2015). */
THAW_API thaw_tensor *thaw_batch_norm(thaw_tape *tape, thaw_tensor *x, thaw_tensor *gain,
                                      thaw_tensor *bias, thaw_tensor *running_mean,
                                      thaw_tensor *running_variance, float momentum, float epsilon);

/* ---- Dropout: all are the identity unless the tape is training; kept values are scaled by 1/(1−p)
 */

/* Every element on its own (Srivastava et al. 2014). On a weight matrix: DropConnect. */
THAW_API thaw_tensor *thaw_dropout(thaw_tape *tape, thaw_tensor *x, float p);
/* x [T][B][D]: one mask [B][D] for all time steps (Gal and Ghahramani 2016). */
THAW_API thaw_tensor *thaw_locked_dropout(thaw_tape *tape, thaw_tensor *x, float p);
/* Rows of table [V][D] for ids[T·B] -> [T][B][D]; whole words of the vocabulary are dropped with
 * probability p, the same ones all over the batch (Merity et al. 2017, 4.3). */
THAW_API thaw_tensor *thaw_embedding(thaw_tape *tape, thaw_tensor *table, const int32_t *ids,
                                     size_t time, size_t batch, float p);

/* ---- Recurrent layers --------------------------------------------------------------------------
 */

/* A whole LSTM layer over a sequence (Hochreiter and Schmidhuber 1997, gates as in PyTorch):
 *   i, f, g, o = x·w_ihᵀ + h·w_hhᵀ + bias;  c = σ(f)·c + σ(i)·tanh(g);  h = σ(o)·tanh(c)
 * x [T][B][I], w_ih [4H][I], w_hh [4H][H], bias [4H] -> h [T][B][H].
 * h0, c0 [B][H] are the carried state, NULL for zeros; no gradient flows into them. h_last, c_last
 * receive the state after the last step, NULL where it is not wanted; they may be h0 and c0. */
THAW_API thaw_tensor *thaw_lstm(thaw_tape *tape, thaw_tensor *x, thaw_tensor *w_ih,
                                thaw_tensor *w_hh, thaw_tensor *bias, const float *h0,
                                const float *c0, float *h_last, float *c_last);
/* A whole GRU layer (Cho et al. 2014, gates and the place of the reset as in PyTorch):
 *   r, z = σ(x·w_ihᵀ + h·w_hhᵀ + bias);  n = tanh(x·w_ihᵀ + bias + r·(h·w_hhᵀ + bias_hn));
 *   h = (1 − z)·n + z·h
 * x [T][B][I], w_ih [3H][I], w_hh [3H][H], bias [3H], bias_hn [H] -> h [T][B][H]. PyTorch has two
 * biases for r and z as well, of which only the sum matters. h0 and h_last as above. */
THAW_API thaw_tensor *thaw_gru(thaw_tape *tape, thaw_tensor *x, thaw_tensor *w_ih,
                               thaw_tensor *w_hh, thaw_tensor *bias, thaw_tensor *bias_hn,
                               const float *h0, float *h_last);
/* A whole quasi-recurrent layer with fo-pooling (Bradbury et al. 2016, equations 1 to 4):
 *   z = tanh(a_z);  f, o = σ(a_f), σ(a_o);  c = f·c + (1 − f)·z;  h = o·c
 *   a_z, a_f, a_o = [x[t], x[t−1]]·weightᵀ + bias
 * x [T][B][I], weight [3H][2I] (a window of 2 steps) or [3H][I] (of 1: x[t] alone), bias [3H] ->
 * h [T][B][H]. In training, f is 1 with probability `zoneout` (section 2.1). x0 [B][I], used by a
 * window of 2, and c0 [B][H] are the carried input and state; x_last and c_last receive those after
 * the last step. NULL and gradients as above. */
THAW_API thaw_tensor *thaw_qrnn(thaw_tape *tape, thaw_tensor *x, thaw_tensor *weight,
                                thaw_tensor *bias, float zoneout, const float *x0, const float *c0,
                                float *x_last, float *c_last);
/* x [T][B][D] in reversed order: y[t][b] = x[lengths[b] − 1 − t][b]; what stands behind a
 * sequence's length stays there. NULL lengths: T everywhere. Applied twice it is the identity. */
THAW_API thaw_tensor *thaw_reverse_steps(thaw_tape *tape, thaw_tensor *x, const int32_t *lengths);

/* ---- Attention
 * ---------------------------------------------------------------------------------- */

/* Scaled dot-product attention of several heads (Vaswani et al. 2017, 3.2):
 *   out = dropout(softmax(q·kᵀ/√D))·v for each head, D = E / heads.
 * qkv [T][B][3E] holds queries, keys and values side by side, in each of which the heads lie side
 * by side -> [T][B][E], the heads side by side. `causal`: a position sees itself and those before
 * it, so that padding behind a text changes nothing in it; otherwise it sees all T. Memory grows
 * with T, not with T². */
THAW_API thaw_tensor *thaw_attention(thaw_tape *tape, thaw_tensor *qkv, size_t heads, bool causal,
                                     float p);

/* ---- Losses: scalars (rank 0)
 * --------------------------------------------------------------------- */

/* Mean over the rows of −log softmax(logits)[target]; logits [..][C], targets[rows]; a target of −1
 * is left out of the mean. */
THAW_API thaw_tensor *thaw_cross_entropy(thaw_tape *tape, thaw_tensor *logits,
                                         const int32_t *targets);
/* As torch.nn.CrossEntropyLoss(weight, label_smoothing) has it. A row whose target is y has the
 * loss (1 − smoothing)·w[y]·(−log p[y]) + smoothing/C · Σ_c w[c]·(−log p[c]),  p = softmax(logits),
 * and the sum of all is divided by the sum of w[y]. `weights` [C], or NULL: all 1. smoothing is 0
 * to 1 (Szegedy et al. 2016, section 7). `weight_sum`, if not NULL, receives the divisor; where
 * that is 0, because no row counts, the loss is 0. */
THAW_API thaw_tensor *thaw_weighted_cross_entropy(thaw_tape *tape, thaw_tensor *logits,
                                                  const int32_t *targets, const float *weights,
                                                  float smoothing, double *weight_sum);
/* thaw_cross_entropy(thaw_linear(x, weight, bias), targets) in blocks of rows: the logits never
 * exist as a whole. x [..][D], weight [V][D], bias [V] or NULL. `loss_sum`, if not NULL, receives
 * the sum of the losses over the counted rows in double. */
THAW_API thaw_tensor *thaw_linear_cross_entropy(thaw_tape *tape, thaw_tensor *x,
                                                thaw_tensor *weight, thaw_tensor *bias,
                                                const int32_t *targets, double *loss_sum);
/* The same over a part of the words, which saves most of the work of a large vocabulary: those that
 * are a target of any row, and `samples` others (1 to V; all where fewer are left), drawn from the
 * tape's random numbers with probabilities that fall with the id. Logits of the latter are
 * corrected so that the softmax's denominator has the exact one for its mean; the loss is on
 * average a little below the exact one. */
THAW_API thaw_tensor *thaw_sampled_cross_entropy(thaw_tape *tape, thaw_tensor *x,
                                                 thaw_tensor *weight, thaw_tensor *bias,
                                                 const int32_t *targets, size_t samples,
                                                 double *loss_sum);
/* Activation regularisation: the mean of x² over the elements that count. x [T][B][D], mask [T][B]
 * or NULL (Merity et al. 2017, 4.2). */
THAW_API thaw_tensor *thaw_mean_square(thaw_tape *tape, thaw_tensor *x, const thaw_tensor *mask);
/* Temporal activation regularisation: the mean of (x[t+1] − x[t])² where both steps count; 0 when
 * T = 1. */
THAW_API thaw_tensor *thaw_mean_square_step(thaw_tape *tape, thaw_tensor *x,
                                            const thaw_tensor *mask);

#ifdef __cplusplus
}
#endif
#endif
