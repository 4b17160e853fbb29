/* sample.h: what the tests of configs share: a folder with data files and a good config. */
#ifndef THAW_CONFIG_SAMPLE_H
#define THAW_CONFIG_SAMPLE_H

#include "base/context.h"
#include "config/experiment.h"

extern thaw_context *ctx;
extern thaw_registry *registry;
extern const char *folder;       /* the current one */
extern const char *const sample; /* the config */

void set_up(void);
void tear_down(void);

/* Writes a file of the folder, or one below it. */
void write_file(const char *path, const char *text);
/* Writes the sample to exp.yaml with the first `from` replaced by `to`, which may be NULL. */
void write_sample(const char *from, const char *to);

/* exp.yaml with overrides, which end with NULL. */
thaw_experiment *load(const char *const *sets);
/* The same must fail with the message, in which @ stands for the folder. */
void expect_load_error(const char *const *sets, const char *message);
/* A changed sample must fail with the message. */
void expect_error(const char *from, const char *to, const char *message);
/* The sample with one override must fail with the message. */
void expect_set_error(const char *set, const char *message);
/* The last message of the context. */
void expect_message(const char *message);

/* The value at a key of the resolved tree, as on a line of YAML, in a static buffer. */
const char *resolved(const thaw_experiment *experiment, const char *key);
#define expect_resolved(experiment, key, value) ck_assert_str_eq(resolved(experiment, key), value)

#endif
