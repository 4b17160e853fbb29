/* plugin_bench.h: a built plugin on a test bench: found by the registry, with its settings, and for
 * an encoder or a head with a model of its own whose tensors have memory for gradients. */
#ifndef PLUGIN_BENCH_H
#define PLUGIN_BENCH_H

#include "base/arena.h"
#include "base/context.h"
#include "plugin/parameters.h"
#include "plugin/registry.h"
#include "plugin/settings.h"
#include "tensor/tape.h"

typedef struct plugin_bench {
  thaw_context *ctx;
  thaw_arena *arena;
  thaw_registry *registry;
  const thaw_plugin_descriptor *descriptor;
  void *settings;
  void *self;
  thaw_params *params;
  thaw_encoder_info info; /* an encoder's own; given to a head */
  thaw_tape *tape;
} plugin_bench;

/* Fails the test when there is no such plugin. The settings are the defaults. */
void bench_open(plugin_bench *bench, thaw_plugin_kind kind, const char *name);
void bench_close(plugin_bench *bench);

/* Sets a parameter, written "0.5" or "[50, 20]". */
thaw_status bench_try_set(plugin_bench *bench, const char *name, const char *text);
void bench_set(plugin_bench *bench, const char *name, const char *text); /* must not fail */
thaw_status bench_validate(plugin_bench *bench);

/* Creates the model; it must not fail. `info` of a head comes from make_info. */
void bench_create_encoder(plugin_bench *bench, size_t vocabulary);
void bench_create_head(plugin_bench *bench, const thaw_encoder_info *info, size_t classes);
thaw_status bench_try_head(plugin_bench *bench, const thaw_encoder_info *info, size_t classes);
/* An encoder's description with layers of these widths. */
thaw_encoder_info make_info(size_t layers, const size_t *widths, size_t embedding_width);

/* The model's tensor "group", "name"; fails the test when there is none. */
thaw_tensor *bench_tensor(plugin_bench *bench, const char *group, const char *name);
/* All trained tensors, at most `space`; returns how many. */
size_t bench_trained(plugin_bench *bench, thaw_tensor **tensors, size_t space);
void bench_clear_gradients(plugin_bench *bench);

/* An encoder on what it is to read, as a gradient_check's user. */
typedef struct bench_encoding {
  plugin_bench *bench;
  thaw_encoder_input input;
  size_t parts; /* of its states that there must be; 0: any number */
} bench_encoding;
/* All that a loss can reach, in one vector: the layers, the outputs, the embedded words and the
 * penalty, which is enlarged so that its gradient counts. For a gradient check. */
thaw_tensor *bench_encode(thaw_tape *tape, thaw_tensor *const *inputs, void *encoding);

/* A sum of all elements, for a loss that reaches everything. */
thaw_tensor *sum_of_all(thaw_tape *tape, thaw_tensor *x);

#endif
