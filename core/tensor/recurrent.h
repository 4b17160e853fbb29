/* recurrent.h: what the layers over a sequence share (op_lstm.c, op_gru.c, op_qrnn.c).
 *
 * What does not depend on the step before is done for many steps in one large product: x·w_ihᵀ
 * forwards, and the gradients of x and of the weights backwards. The products with the state go
 * step by step: their matrix is packed once for all steps, and every thread keeps to its own
 * sequences of the batch. */
#ifndef THAW_TENSOR_RECURRENT_H
#define THAW_TENSOR_RECURRENT_H

#include "tensor/product.h"
#include "tensor/tape.h"

/* The gates of a layer: G·H numbers for each step of each sequence. Backward functions replace them
 * by their gradients. */
typedef struct thaw_sequence {
  size_t time, batch, in, hidden;
  size_t width; /* G·H */
  size_t chunk; /* steps whose gates are in memory: T if they are kept */
  float *gates; /* [chunk][B][G·H] */
} thaw_sequence;

/* Can the matrix library multiply x [T][B][I] with the weights [G·H][I…] of all gates? If not, the
 * tape's error says so. */
bool thaw_sequence_fits(thaw_tape *tape, const char *operation, const thaw_tensor *x,
                        const thaw_tensor *w_ih);

/* Memory for the gates of x [T][B][I]: of all steps if they are kept for backward, else of a few at
 * a time. False: there is none. */
bool thaw_sequence_prepare(thaw_tape *tape, thaw_sequence *q, const thaw_tensor *x, size_t hidden,
                           size_t gates, bool keep);

/* gates = x·w_ihᵀ for the steps from t on that fit in a chunk. Of each row of w_ih, which may have
 * more, the first I numbers count, here and below. Returns the step behind them. */
size_t thaw_sequence_start_chunk(const thaw_sequence *q, const thaw_tensor *x,
                                 const thaw_tensor *w_ih, size_t t);

/* Backward, from the gradients of all gates: those of x, w_ih [G·H][I…] and bias [G·H] are added
 * where they are wanted. */
void thaw_sequence_input_gradients(thaw_tape *tape, const thaw_sequence *q, thaw_tensor *x,
                                   thaw_tensor *w_ih, thaw_tensor *bias);
/* dw [columns][H] += Σ_t d[t]ᵀ · h[t−1]; d [T][B][columns], its rows `stride` apart; h[−1] is h0,
 * or zeros where that is NULL. */
void thaw_sequence_recurrent_gradient(const thaw_sequence *q, const float *d, size_t columns,
                                      size_t stride, const float *h, const float *h0, float *dw);

/* ---- Steps, shared among threads ------------------------------------------------------------- */

/* A thread has rows of the batch, and all of their units: it meets nobody until the last step. In a
 * small batch it has units of all rows (whole panels of them), and the threads meet once a step. */
typedef struct thaw_share {
  size_t first_row, last_row;
  size_t first_panel, last_panel, begin, end; /* its units, by panels and by numbers */
  bool meets;
} thaw_share;

bool thaw_worth_sharing(const thaw_sequence *q);
/* The calling thread's, in a parallel region or outside of one. */
thaw_share thaw_own_share(const thaw_sequence *q);
/* Waits for the other threads if the share says that they meet. */
void thaw_meet(const thaw_share *share);

/* Panels of b [k][H], of which each thread packs some, whatever its share will be. */
void thaw_pack_together(float *panels, thaw_right b, size_t k, size_t hidden);
/* The same of w_hhᵀ [H][G·H], gate by gate. */
void thaw_pack_gates(float *panels, const float *w_hh, size_t gates, size_t hidden);
/* c [rows][units of the share] += a [rows][k] · panels of [k][H] */
void thaw_multiply_share(const thaw_share *share, size_t hidden, thaw_left a, size_t k,
                         const float *panels, float *c, size_t c_stride);

#endif
