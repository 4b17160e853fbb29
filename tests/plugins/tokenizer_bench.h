/* tokenizer_bench.h: what the tests of tokenizers share: one plugin at work, and odd texts. */
#ifndef TOKENIZER_BENCH_H
#define TOKENIZER_BENCH_H

#include "base/context.h"
#include "thaw/plugin.h"

extern thaw_context *ctx;
extern const thaw_plugin_descriptor *plugin;
extern void *self, *settings;
extern const char *between; /* stands between pieces in the texts below: " " */

/* Finds the tokenizer and makes its settings, with their defaults; ends. */
void bench_begin(const char *name);
void bench_end(void);
/* The plugin's state as it was before it learned anything. */
void bench_forget(void);

/* Sets one parameter. */
void set(const char *name, const char *text);

/* The text's pieces with `between` between them, in memory that lasts until the next call. */
const char *cut_bytes(const char *text, size_t bytes);
const char *cut(const char *text);
/* The text of such pieces, the same. */
const char *join(const char *pieces);

/* Valid UTF-8 of at most `space` bytes that no author would write, NUL among its characters;
 * returns how many bytes. The same seed, the same text. */
size_t random_text(uint64_t seed, uint8_t *text, size_t space);

#endif
