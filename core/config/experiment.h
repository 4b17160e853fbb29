/* experiment.h: a YAML experiment, checked and filled in: what a run will do.
 *
 * Loading reads the file, follows `extends`, applies overrides, checks every key and value against
 * the schema and the plugins' parameter tables, and fills in defaults. What comes out is this typed
 * struct and the resolved tree from which it was read (for the run file and for cache keys).
 * Nothing is opened but configs and plugins; data files are only checked to be there and readable.
 */
#ifndef THAW_EXPERIMENT_H
#define THAW_EXPERIMENT_H

#include "base/arena.h"
#include "config/yaml.h"
#include "plugin/registry.h"
#include "plugin/settings.h"
#include "text/reader.h"

/* A plugin with its settings filled in. */
typedef struct thaw_plugin_use {
  const thaw_plugin *plugin;
  void *settings;
} thaw_plugin_use;

/* A named data set: data.NAME */
typedef struct thaw_dataset {
  const char *name;
  thaw_source common;       /* format, text, label, encoding …; its path is NULL */
  const char *const *train; /* paths, relative ones already seen from the file that names them */
  size_t train_count;
  const char *valid;             /* NULL: not given */
  const char *test;              /* NULL: not given */
  const char *const *unlabelled; /* more documents for language models */
  size_t unlabelled_count;
  double valid_fraction; /* of train, held out when `valid` is not given; 0: none */
  int64_t split_seed;    /* which documents are held out or sampled */
  int64_t labels;        /* use that many labelled training documents in classify; 0: all */
} thaw_dataset;

typedef enum thaw_optimizer_kind {
  THAW_OPTIMIZER_SGD,
  THAW_OPTIMIZER_ADAM,
  THAW_OPTIMIZER_NT_ASGD
} thaw_optimizer_kind;

typedef struct thaw_optimizer_config {
  thaw_optimizer_kind kind;     /* name: sgd, adam (AdamW: decoupled weight decay) or nt_asgd */
  double lr;                    /* base rate */
  double momentum;              /* sgd; 0 in nt_asgd */
  double beta1, beta2, epsilon; /* adam */
  double weight_decay;
  double clip;   /* largest gradient norm; 0: no clipping */
  bool nesterov; /* sgd */
  int64_t n;     /* nt_asgd: validations without improvement before weights are averaged */
} thaw_optimizer_config;

/* What a stage takes over. `none` needs no source. */
typedef struct thaw_transfer {
  bool none, all; /* or the list: */
  const char *const *groups;
  size_t group_count;
  const char *from;  /* another run file, or NULL for the stage before */
  const char *stage; /* which stage's weights of that file; NULL: its last */
} thaw_transfer;

/* Which words a stage knows. */
typedef enum thaw_vocabulary_kind {
  THAW_VOCABULARY_BOTH,   /* those of its own text, and those of the stage that it takes over */
  THAW_VOCABULARY_SOURCE, /* those of the stage that it takes over */
  THAW_VOCABULARY_TARGET, /* those of its own text */
} thaw_vocabulary_kind;

typedef enum thaw_stage_kind {
  THAW_STAGE_PRETRAIN,
  THAW_STAGE_FINETUNE,
  THAW_STAGE_CLASSIFY
} thaw_stage_kind;
#define THAW_STAGE_KINDS 3

/* What the documents of a class count for in a classifier's loss. */
typedef enum thaw_class_weights_kind {
  THAW_CLASS_WEIGHTS_NONE,
  THAW_CLASS_WEIGHTS_BALANCED, /* n/(k·n_c), as in scikit-learn */
  THAW_CLASS_WEIGHTS_GIVEN,    /* by name; classes without a weight have 1 */
} thaw_class_weights_kind;

typedef struct thaw_class_weights {
  thaw_class_weights_kind kind;
  const char *const *names; /* [count], all different */
  const double *weights;    /* [count], above 0 */
  size_t count;
} thaw_class_weights;

typedef struct thaw_stage_config {
  bool present;
  thaw_stage_kind kind;
  const char *name; /* "pretrain", … */
  const thaw_dataset *data;
  int64_t epochs, batch, seed; /* seed: the run's, unless the stage has one of its own */
  int64_t bptt;                /* language models */
  double vary_bptt;            /* standard deviation of its length in steps; 0: constant */
  int64_t sampled_softmax; /* words drawn in a step beside the batch's own; 0: all words count */
  int64_t max_length;      /* classify: longer documents keep their last max_length tokens */
  bool best_epoch;         /* keep: best (see thaw_training) or last */
  thaw_optimizer_config optimizer;
  const thaw_plugin_use *schedule; /* the chain */
  size_t schedule_count;
  thaw_transfer transfer;          /* default: all where there is a stage before, else none */
  thaw_vocabulary_kind vocabulary; /* default: both; where transfer is none, always target */
  void *encoder_settings;          /* the encoder's, with the stage's overrides */
  void *head_settings;             /* the same for the head; NULL where there is none */
  bool keep_weights;               /* store this stage's weights in the run file too */
  int64_t patience;                /* epochs without improvement before training stops; 0: never */
  int64_t accumulate;              /* batches a step */
  double label_smoothing;          /* classify: the part of a target that all classes share */
  double language_model_weight;    /* classify: of the language model's loss in the loss; 0: none */
  thaw_class_weights class_weights; /* classify */
  int64_t gradient_length;          /* classify: tokens through which gradients flow; 0: all */
  int64_t chunk;        /* classify: tokens that are read at once where no gradient flows */
  int64_t batch_tokens; /* classify: the most in a batch, padding included; 0: no bound */
} thaw_stage_config;

/* What a stage's jobs ask of a cluster's queue; NULL or 0: what the cluster gives of itself. */
typedef struct thaw_slurm_job {
  const char *partition, *account, *qos;
  const char *time;   /* as sbatch reads it: minutes, H:M:S, D-H:M:S … */
  const char *memory; /* of the whole job: "16G"; without a unit mebibytes */
  int64_t cores;      /* 0: as many as `threads`, or 1 */
  int64_t at_once;    /* tasks of an array that run at the same time; 0: no limit */
  int64_t restarts;   /* how often a job that ran out of time may go on in another */
  thaw_texts options; /* more options of sbatch, each "--NAME" or "--NAME=VALUE" */
} thaw_slurm_job;

typedef struct thaw_experiment {
  const char *path; /* of the YAML file */
  const char *name, *description;
  int64_t seed;
  int64_t threads; /* 0: as many as the machine has */
  thaw_dataset *datasets;
  size_t dataset_count;
  thaw_plugin_use tokenizer, encoder,
      head; /* head.plugin is NULL without a classify stage and head section */
  int64_t min_count, max_vocab;
  thaw_stage_config stages[THAW_STAGE_KINDS];
  const thaw_node *resolved; /* the whole tree, defaults filled in */
  char *written;             /* the file as it stands, with the overrides as comments at its end */
  thaw_arena *arena;         /* owns all of the above */
  thaw_texts average; /* run files whose class probabilities are averaged; then there are no data,
                         plugins and stages; count 0: there are */
  thaw_slurm_job slurm[THAW_STAGE_KINDS]; /* by stage; no part of the resolved tree */
} thaw_experiment;

/* `sets` are "key.path=value" overrides, applied last. A config with a `sweep` section is refused
 * here unless the sweep's keys are all overridden by `sets` (the sweep command does that). */
thaw_status thaw_experiment_load(thaw_context *ctx, const char *path, size_t set_count,
                                 const char *const *sets, thaw_registry *registry,
                                 thaw_experiment **experiment);
/* The same where nothing is to be trained: files of data, and run files to take over from, need not
 * be there. */
thaw_status thaw_experiment_load_untrained(thaw_context *ctx, const char *path, size_t set_count,
                                           const char *const *sets, thaw_registry *registry,
                                           thaw_experiment **experiment);
/* The experiment of a run file: from its resolved text. Data files need not be there any more.
 * `path` is the run file's, for messages. */
thaw_status thaw_experiment_restore(thaw_context *ctx, const char *path, const char *resolved,
                                    thaw_registry *registry, thaw_experiment **experiment);
void thaw_experiment_free(thaw_experiment *experiment);

/* Fails with THAW_INVALID and the place where the user wrote the value of `key`
 * ("stages.pretrain.batch"); where it is a default, the nearest key above it that was written. */
thaw_status thaw_experiment_fail(thaw_context *ctx, const thaw_experiment *experiment,
                                 const char *key, const char *format, ...) THAW_PRINTF(4, 5);
/* Puts that place before the message that is already there and returns `status`. */
thaw_status thaw_experiment_explain(thaw_context *ctx, thaw_status status,
                                    const thaw_experiment *experiment, const char *key);

/* The canonical text of a part of the resolved tree ("encoder", "stages.pretrain"), appended to
 * `out`: keys sorted, so that equal settings give equal text. Nothing is appended when the part is
 * not there. */
thaw_status thaw_experiment_part(thaw_context *ctx, const thaw_experiment *experiment,
                                 const char *part, thaw_buffer *out);

/* ---- Sweeps: the runs of the `sweep` section ------------------------------------------------ */

typedef struct thaw_sweep_point {
  const char *const *sets; /* "key.path=value" */
  size_t set_count;
} thaw_sweep_point;
typedef struct thaw_sweep {
  thaw_sweep_point *points; /* one point without sets when the file has no sweep section */
  size_t count;
  thaw_arena *arena;
  size_t excluded; /* combinations that the section's rules have taken out; not among the points */
} thaw_sweep;
/* The points are the combinations of the values of the section's keys (by themselves or in `grid`),
 * of its `points` and of its `random` samples, at most 10 million, less those that a rule of
 * `exclude` takes out; what stands last in the section varies fastest. The user's own overrides
 * `sets` are part of every point, after the sweep's: a swept key that they override is not swept,
 * it has just that value. An unknown key below the top level, or a wrong value, is found when its
 * point is loaded; the message leads to its place in the section. */
thaw_status thaw_sweep_load(thaw_context *ctx, const char *path, size_t set_count,
                            const char *const *sets, thaw_sweep **sweep);
void thaw_sweep_free(thaw_sweep *sweep);

#endif
