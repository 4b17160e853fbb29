/* runfile.h: one HDF5 file a run (also a cached stage, also a checkpoint): writing it whole,
 * reading parts of it.
 *
 *   /                      attributes: thaw_format (1), complete (0 or 1), name, seed, seconds
 *
 *   /config                written, resolved: texts (scalar UTF-8 datasets); key: the text whose
 *                          hash is the stage's key (older files lack it)
 *
 *   /environment           attributes: texts by key
 *
 *   /tokenizer             attributes plugin, version, settings; dataset state (bytes)
 *
 *   /vocabulary            pieces (variable-length UTF-8), counts
 *
 *   /classes               variable-length UTF-8
 *
 *   /weights/GROUP/TENSOR  float32, attributes checksum and trained; each group has its place
 *                          among the groups as the attribute order
 *
 *   /stages/STAGE          of an earlier stage that was kept: weights as above, and vocabulary
 *                          where it differs from the file's
 *
 *   /metrics/STAGE         steps, epochs: compound tables; steps has a column rate_GROUP for each
 *                          group of parameters that the schedule knows, epochs a column
 *                          distance_GROUP for each of the model's (train/distance.h); taken: the
 *                          names of those whose values were taken over
 *
 *   /predictions/SPLIT     gold, predicted [N], probabilities [N][C]
 *
 *   /state                 only while unfinished: named arrays, attribute checksum
 *
 *   before and behind it   the seal (seal.h) and tags (tags.h): text, of which HDF5 knows nothing
 */
#ifndef THAW_RUNFILE_H
#define THAW_RUNFILE_H

#include "base/hash.h"
#include "plugin/parameters.h"
#include "text/corpus.h"
#include "train/record.h"

#define THAW_RUNFILE_FORMAT 1

/* A named array of a checkpoint. */
typedef enum thaw_array_type {
  THAW_ARRAY_FLOAT,
  THAW_ARRAY_INT64,
  THAW_ARRAY_DOUBLE
} thaw_array_type;
typedef struct thaw_array {
  char *name;
  thaw_array_type type;
  size_t count;
  void *data;
} thaw_array;
typedef struct thaw_state {
  thaw_array *arrays;
  size_t count;
} thaw_state;
void thaw_state_free(thaw_state *state); /* frees content, not the struct */
/* Copies the data. */
thaw_status thaw_state_put(thaw_context *ctx, thaw_state *state, const char *name,
                           thaw_array_type type, size_t count, const void *data);
const thaw_array *thaw_state_get(const thaw_state *state, const char *name); /* NULL: not there */

typedef struct thaw_text_pair {
  const char *key, *value;
} thaw_text_pair;

typedef struct thaw_kept_weights {
  const char *stage;
  const thaw_params *params;
  const thaw_vocabulary *vocabulary;
} thaw_kept_weights;

/* Everything that a file may hold. Pointers belong to the caller; NULL or 0 leaves a part out. */
typedef struct thaw_run_content {
  const char *name;
  uint64_t seed;
  double seconds;
  bool complete;
  const char *config_written, *config_resolved;
  const thaw_text_pair *environment;
  size_t environment_count;
  const char *tokenizer_plugin, *tokenizer_version, *tokenizer_settings;
  const char *tokenizer_state;
  size_t tokenizer_state_bytes;
  const thaw_vocabulary *vocabulary;
  const thaw_classes *classes;
  const thaw_params *weights;
  const thaw_kept_weights *kept;
  size_t kept_count;
  const thaw_series *const *series;
  size_t series_count;
  const thaw_predictions *const *predictions;
  size_t predictions_count;
  const thaw_state *state;
  const char *config_key; /* the text whose hash is the key */
} thaw_run_content;

/* Writes beside the name, syncs, renames. On failure (no space, no permission) the old file stays.
 */
thaw_status thaw_run_write(thaw_context *ctx, const char *path, const thaw_run_content *content);

typedef struct thaw_run_file thaw_run_file;

/* Opens for reading. THAW_INVALID, naming the file: not there, not HDF5, truncated, another format
 * version (both numbers), not written by thaw. */
thaw_status thaw_run_open(thaw_context *ctx, const char *path, thaw_run_file **run);
void thaw_run_close(thaw_run_file *run);

bool thaw_run_complete(const thaw_run_file *run);
/* THAW_INVALID, saying how to go on, for a checkpoint. */
thaw_status thaw_run_need_complete(thaw_context *ctx, const thaw_run_file *run);
uint64_t thaw_run_seed(const thaw_run_file *run);
double thaw_run_seconds(const thaw_run_file *run);
const char *thaw_run_path(const thaw_run_file *run);
/* Texts are malloc'ed; free them. A part that the file lacks is an error that names it. `part`:
 * "name", "config/written", "config/resolved", "config/key", "tokenizer/plugin",
 * "tokenizer/version", "tokenizer/settings", "environment/KEY". */
thaw_status thaw_run_text(thaw_context *ctx, const thaw_run_file *run, const char *part,
                          char **text);
/* The keys that the environment has, sorted; each is malloc'ed, and so is the list. */
thaw_status thaw_run_environment(thaw_context *ctx, const thaw_run_file *run, char ***keys,
                                 size_t *count);
thaw_status thaw_run_tokenizer_state(thaw_context *ctx, const thaw_run_file *run, char **state,
                                     size_t *bytes);
/* `stage` NULL: the file's own vocabulary; else the one of a kept stage (its own, else the file's).
 */
thaw_status thaw_run_vocabulary(thaw_context *ctx, const thaw_run_file *run, const char *stage,
                                thaw_vocabulary **vocabulary);
thaw_status thaw_run_classes(thaw_context *ctx, const thaw_run_file *run, thaw_classes *classes);
/* Is there a set of weights of that stage (NULL: the file's own /weights)? */
bool thaw_run_has_stage(const thaw_run_file *run, const char *stage);
/* The stages whose weights were kept, comma-separated, for messages; malloc'ed. */
char *thaw_run_stages(const thaw_run_file *run);
/* All groups and tensors with values, checksums verified (a mismatch names the tensor). */
thaw_status thaw_run_weights(thaw_context *ctx, const thaw_run_file *run, const char *stage,
                             thaw_params **params);
/* All series in the file, in the order of the stages. Free each, then the array. */
thaw_status thaw_run_series(thaw_context *ctx, const thaw_run_file *run, thaw_series ***series,
                            size_t *count);
/* THAW_INVALID when the split is not there. */
thaw_status thaw_run_predictions(thaw_context *ctx, const thaw_run_file *run, const char *split,
                                 thaw_predictions **predictions);
bool thaw_run_has_predictions(const thaw_run_file *run, const char *split);
/* `state` receives the arrays of a checkpoint; count 0 when the file is complete. */
thaw_status thaw_run_state(thaw_context *ctx, const thaw_run_file *run, thaw_state *state);

/* Has the file a group of that name: "vocabulary", "tokenizer", "state"? */
bool thaw_run_has(const thaw_run_file *run, const char *group);
/* The hash of a run file's bytes, whatever its tags are (store/tags.h); of any other file
 * thaw_hash_file's. */
thaw_status thaw_run_hash(thaw_context *ctx, const char *path, char digits[THAW_HASH_TEXT]);
/* Reads all of a run file and compares every checksum. THAW_INVALID says what is wrong. */
thaw_status thaw_run_verify(thaw_context *ctx, const char *path);

#endif
