/* sample.h: a small run that fills every part of a run file, for several tests. Values follow
 * simple rules, which test_h5py.py repeats. */
#ifndef THAW_TESTS_STORE_SAMPLE_H
#define THAW_TESTS_STORE_SAMPLE_H

#include "base/context.h"
#include "store/runfile.h"

/* Owns everything that `content` points to. */
typedef struct sample {
  thaw_run_content content;
  thaw_vocabulary *vocabulary, *kept_vocabulary;
  thaw_classes classes;
  thaw_params *weights, *kept_weights;
  thaw_kept_weights kept[2];
  thaw_series *series[2];
  thaw_predictions *predictions[2];
  thaw_state state;
} sample;

/* Aborts when there is no memory. */
sample *sample_create(void);
void sample_free(sample *run);

/* Element k of the tensor: a rule that tells tensors apart. */
float sample_weight(size_t group, size_t tensor, size_t k);

/* Reads every part of the file and throws it away: the first failure's status. */
thaw_status sample_read_all(thaw_context *ctx, const char *path);

/* A folder of its own for a test, malloc'ed, and its removal with the files in it. */
char *sample_folder(void);
void sample_remove(char *folder);
/* How many files lie in the folder. */
size_t sample_file_count(const char *folder);
/* A file's bytes, malloc'ed; aborts on failure. */
unsigned char *sample_slurp(const char *path, size_t *size);
void sample_spill(const char *path, const void *bytes, size_t size);

#endif
