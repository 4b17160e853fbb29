/* bpt3c.c: see bpt3c.h.
 *
 * The states of all positions have memory on the tape before anything is read. What is read without
 * gradients is read in asides of the tape, whose end gives back all memory but the states that were
 * copied out. What is read with gradients is recorded as usual and then copied, too: one operation
 * without inputs of its own, `join`, says which part of the states its gradient belongs to. */
#include "train/bpt3c.h"

#include <string.h>

#include "plugin/carry.h"
#include "tensor/kernels.h"

enum { MOST_STATES = THAW_MAX_LAYERS + 2 }; /* layers, the embedded input, what a decoder sees */

/* Documents of a batch that are encoded together. */
typedef struct group {
  size_t first, count; /* which */
  size_t cut, end;     /* positions: gradients flow from cut on; the longest ends at `end` */
} group;

/* A batch being encoded. */
typedef struct reading {
  const thaw_model *model;
  const void *settings;
  thaw_tape *tape;
  const thaw_batch *batch;
  size_t chunk;
  bool language_model;
  thaw_carry *carry;
  thaw_states *joined; /* of all positions */
} reading;

/* ---- Groups --------------------------------------------------------------------------------- */

/* The documents from `first` on, as many as end within 2·length positions, or within `length` of
 * each other. */
static group next_group(const thaw_batch *batch, size_t first, size_t length) {
  size_t longest = 0, shortest = SIZE_MAX, end = first;
  for (; end < batch->batch; end++) {
    const size_t own = (size_t)batch->lengths[end];
    const size_t most = own > longest ? own : longest, least = own < shortest ? own : shortest;
    if (most > 2 * length && most - least > length) break;
    longest = most;
    shortest = least;
  }
  return (group){first, end - first, shortest > length ? shortest - length : 0, longest};
}

size_t thaw_bpt3c_positions(const thaw_batch *batch, thaw_bpt3c how) {
  size_t positions = 0;
  if (how.gradient_length == 0 || batch->time <= how.gradient_length)
    return batch->time * batch->batch;
  for (size_t first = 0; first < batch->batch;) {
    const group g = next_group(batch, first, how.gradient_length);
    positions += (g.end - g.cut) * g.count;
    first += g.count;
  }
  return positions;
}

/* ---- States of all positions ----------------------------------------------------------------- */

/* The layers, the embedded input, and what a decoder sees if it is wanted; NULL: there is none. */
static size_t list_states(const reading *r, const thaw_states *states,
                          thaw_tensor *list[MOST_STATES]) {
  const size_t layers = r->model->info.layers;
  for (size_t i = 0; i < layers; i++) list[i] = states->layer[i];
  list[layers] = states->embedded;
  list[layers + 1] = r->language_model ? states->output : NULL;
  return layers + 2;
}

/* Zeros [T][B][width], behind the end of a document and elsewhere; no memory: NULL. */
static thaw_tensor *make_states(const reading *r, size_t width) {
  thaw_tensor *x = thaw_tape_tensor(r->tape, 3, (size_t[]){r->batch->time, r->batch->batch, width});
  if (x) thaw_fill(x->data, 0, thaw_size(x));
  return x;
}

static thaw_status make_all_states(const reading *r) {
  const thaw_encoder_info *info = &r->model->info;
  *r->joined = (thaw_states){0};
  for (size_t i = 0; i < info->layers; i++) r->joined->layer[i] = make_states(r, info->width[i]);
  if (info->embedding_width) r->joined->embedded = make_states(r, info->embedding_width);
  const size_t last = info->layers - 1;
  r->joined->output = r->joined->layer[last];
  if (r->language_model)
    r->joined->output = make_states(r, info->width[last] - info->backward_width[last]);
  return thaw_tape_status(r->tape);
}

/* Rows of a group's part [time][count][width] and their places in all states [T][B][width]. */
typedef struct placing {
  float *all, *part;
  size_t begin, first, count, batch, width; /* begin: the position of the part's first row */
} placing;

static placing place_of(const reading *r, const group *g, size_t begin, size_t width) {
  return (placing){.begin = begin,
                   .first = g->first,
                   .count = g->count,
                   .batch = r->batch->batch,
                   .width = width};
}

static float *place_at(const placing *p, size_t t) {
  return p->all + ((p->begin + t) * p->batch + p->first) * p->width;
}

static void copy_rows(void *arguments, size_t begin, size_t end) {
  const placing *p = arguments;
  const size_t row = p->count * p->width;
  for (size_t t = begin; t < end; t++)
    memcpy(place_at(p, t), p->part + t * row, row * sizeof(float));
}

/* From all to the part: gradients. */
static void add_rows(void *arguments, size_t begin, size_t end) {
  const placing *p = arguments;
  const size_t row = p->count * p->width;
  for (size_t t = begin; t < end; t++) thaw_axpy(p->part + t * row, 1, place_at(p, t), row);
}

static bool is_shaped(const thaw_tensor *x, size_t time, size_t batch, size_t width) {
  return x->rank == 3 && x->shape[0] == time && x->shape[1] == batch && x->shape[2] == width;
}

/* Copies the states of the positions from begin to end to where they belong. */
static thaw_status put_states(const reading *r, const group *g, size_t begin, size_t end,
                              const thaw_states *states) {
  thaw_tensor *from[MOST_STATES], *to[MOST_STATES];
  const size_t count = list_states(r, states, from);
  list_states(r, r->joined, to);
  for (size_t i = 0; i < count; i++) {
    if (!from[i] && !to[i]) continue;
    if (!from[i] || !to[i] || !is_shaped(from[i], end - begin, g->count, to[i]->shape[2])) {
      thaw_tape_fail(r->tape, "encoder", "its states are not those that it said it would give");
      return thaw_tape_status(r->tape);
    }
    placing p = place_of(r, g, begin, to[i]->shape[2]);
    p.all = to[i]->data;
    p.part = from[i]->data;
    thaw_parallel_rows(from[i]->shape[0], p.count * p.width, copy_rows, &p);
  }
  return THAW_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The encoder over the group's positions from begin to end. Documents that have ended before count
 * for one position there, which nobody looks at. */
static thaw_status read_part(const reading *r, const group *g, size_t begin, size_t end,
                             thaw_states *states) {
  const thaw_batch *batch = r->batch;
  const size_t time = end - begin;
  int32_t *ids = thaw_tape_alloc(r->tape, time * g->count * sizeof *ids);
  int32_t *lengths = thaw_tape_alloc(r->tape, g->count * sizeof *lengths);
  if (!ids || !lengths) return thaw_tape_status(r->tape);
  for (size_t t = 0; t < time; t++) {
    memcpy(ids + t * g->count, batch->ids + (begin + t) * batch->batch + g->first,
           g->count * sizeof *ids);
  }
  for (size_t i = 0; i < g->count; i++) {
    const int32_t left = batch->lengths[g->first + i] - (int32_t)begin;
    lengths[i] = left < 1 ? 1 : left > (int32_t)time ? (int32_t)time : left;
  }
  const thaw_encoder_input input = {.ids = ids,
                                    .time = time,
                                    .batch = g->count,
                                    .lengths = lengths,
                                    .carry = r->carry,
                                    .language_model = r->language_model};
  *states = (thaw_states){0};
  const thaw_status status =
      r->model->encoder->forward(r->model->encoder_self, r->settings, r->tape, &input, states);
  return status ? status : thaw_tape_status(r->tape);
}

/* Positions from 0 to `end`, without gradients. */
static thaw_status read_aside(const reading *r, const group *g, size_t end) {
  thaw_status status = THAW_OK;
  for (size_t begin = 0; begin < end && status == THAW_OK; begin += r->chunk) {
    const size_t next = end - begin < r->chunk ? end : begin + r->chunk;
    const thaw_tape_aside aside = thaw_tape_aside_begin(r->tape);
    thaw_states states;
    status = read_part(r, g, begin, next, &states);
    if (status == THAW_OK) status = put_states(r, g, begin, next, &states);
    thaw_tape_aside_end(r->tape, aside);
  }
  return status;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* The gradient of all states goes to the parts that were recorded, one input for each group. */
static void join_backward(thaw_tape *tape, thaw_tensor *all, thaw_tensor *const *parts,
                          size_t count, void *context) {
  placing *p = context;
  for (size_t i = 0; i < count; i++) {
    p[i].part = thaw_grad(tape, parts[i]);
    p[i].all = all->grad;
    if (p[i].part) thaw_parallel_rows(parts[i]->shape[0], p[i].count * p[i].width, add_rows, &p[i]);
  }
}

/* What was recorded, group by group. */
typedef struct recorded {
  group *groups;
  thaw_states *states;
  size_t count;
} recorded;

static thaw_status join_all(const reading *r, const recorded *parts) {
  thaw_tensor *all[MOST_STATES], *own[MOST_STATES];
  const size_t count = list_states(r, r->joined, all);
  thaw_tensor **inputs = thaw_tape_alloc(r->tape, parts->count * sizeof *inputs);
  for (size_t i = 0; i < count && inputs; i++) {
    if (!all[i]) continue;
    placing *places = thaw_tape_alloc(r->tape, parts->count * sizeof *places);
    if (!places) break;
    for (size_t g = 0; g < parts->count; g++) {
      const group *at = &parts->groups[g];
      list_states(r, &parts->states[g], own);
      inputs[g] = own[i];
      places[g] = place_of(r, at, at->cut, all[i]->shape[2]);
    }
    thaw_tape_record(r->tape, "join", all[i], parts->count, inputs, join_backward, places);
  }
  return thaw_tape_status(r->tape);
}

/* The mean of the groups' penalties, by their positions. */
static thaw_tensor *join_penalties(const reading *r, const recorded *parts) {
  thaw_tensor *sum = NULL;
  size_t positions = 0;
  for (size_t g = 0; g < parts->count; g++)
    positions += (parts->groups[g].end - parts->groups[g].cut) * parts->groups[g].count;
  for (size_t g = 0; g < parts->count; g++) {
    const group *at = &parts->groups[g];
    if (!parts->states[g].penalty) continue;
    const float share = (float)((at->end - at->cut) * at->count) / (float)positions;
    thaw_tensor *own = thaw_affine(r->tape, parts->states[g].penalty, share, 0);
    sum = sum ? thaw_add(r->tape, sum, own) : own;
  }
  return sum;
}

static thaw_status read_group(const reading *r, const group *g, thaw_states *states) {
  thaw_carry_reset(r->carry);
  thaw_status status = read_aside(r, g, g->cut);
  if (status == THAW_OK) status = read_part(r, g, g->cut, g->end, states);
  return status == THAW_OK ? put_states(r, g, g->cut, g->end, states) : status;
}

static thaw_status read_training(const reading *r, size_t gradient_length) {
  const size_t most = r->batch->batch;
  recorded parts = {thaw_tape_alloc(r->tape, most * sizeof *parts.groups),
                    thaw_tape_alloc(r->tape, most * sizeof *parts.states), 0};
  if (!parts.groups || !parts.states) return thaw_tape_status(r->tape);
  thaw_status status = THAW_OK;
  for (size_t first = 0; first < most && status == THAW_OK;) {
    group *g = &parts.groups[parts.count];
    *g = next_group(r->batch, first, gradient_length);
    status = read_group(r, g, &parts.states[parts.count++]);
    first += g->count;
  }
  if (status == THAW_OK) status = join_all(r, &parts);
  if (status == THAW_OK) r->joined->penalty = join_penalties(r, &parts);
  return status == THAW_OK ? thaw_tape_status(r->tape) : status;
}

static thaw_status read_in_parts(reading *r, thaw_bpt3c how) {
  const group all = {0, r->batch->batch, r->batch->time, r->batch->time};
  r->carry = thaw_carry_create();
  if (!r->carry) {
    thaw_tape_fail(r->tape, "encoder", "no memory for the state that is carried");
    return thaw_tape_status(r->tape);
  }
  thaw_status status = make_all_states(r);
  if (status == THAW_OK) {
    status = thaw_tape_records(r->tape) ? read_training(r, how.gradient_length)
                                        : read_aside(r, &all, all.end);
  }
  thaw_carry_free(r->carry);
  return status;
}

thaw_status thaw_bpt3c_encode(const thaw_model *model, const void *encoder_settings,
                              thaw_tape *tape, const thaw_batch *batch, thaw_bpt3c how,
                              bool language_model, thaw_states *states) {
  const size_t at_once = thaw_tape_records(tape) ? how.gradient_length : how.chunk;
  reading r = {.model = model,
               .settings = encoder_settings,
               .tape = tape,
               .batch = batch,
               .chunk = how.chunk,
               .language_model = language_model,
               .joined = states};
  if (how.gradient_length > 0 && batch->time > at_once) return read_in_parts(&r, how);
  const thaw_encoder_input input = {.ids = batch->ids,
                                    .time = batch->time,
                                    .batch = batch->batch,
                                    .lengths = batch->lengths,
                                    .language_model = language_model};
  *states = (thaw_states){0};
  return model->encoder->forward(model->encoder_self, encoder_settings, tape, &input, states);
}
