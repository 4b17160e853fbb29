/* schema.c: the tables. A key that is to be added needs a row here and a member in a struct. */
#include "config/schema.h"

#include <string.h>

#define ONLY(variant) (1u << (variant))
#define TEXT(struct_type, member) .type = THAW_PARAM_TEXT, .offset = offsetof(struct_type, member)
#define INT(struct_type, member) .type = THAW_PARAM_INT, .offset = offsetof(struct_type, member)
#define REAL(struct_type, member) .type = THAW_PARAM_REAL, .offset = offsetof(struct_type, member)
#define BOOL(struct_type, member) .type = THAW_PARAM_BOOL, .offset = offsetof(struct_type, member)
#define CHOICE(struct_type, member, texts) \
  .type = THAW_PARAM_CHOICE, .offset = offsetof(struct_type, member), .choices = texts
#define RANGE(low, high) .minimum = low, .maximum = high
#define NO_LIMIT 9.3e18 /* above every int64_t */

const char *const thaw_stage_names[] = {"pretrain", "finetune", "classify", NULL};
static const char *const formats[] = {"text", "csv", "tsv", "jsonl", "folder", "labelled", NULL};
static const char *const optimizers[] = {"sgd", "adam", "nt_asgd", NULL};
static const char *const class_weights[] = {"none", "balanced", NULL};
static const char *const keeps[] = {"best", "last", NULL};
static const char *const vocabularies[] = {"both", "source", "target", NULL};

/* ---- data.NAME ------------------------------------------------------------------------------ */

#define COLUMNS (ONLY(THAW_FORMAT_CSV) | ONLY(THAW_FORMAT_TSV) | ONLY(THAW_FORMAT_JSONL))

static const thaw_key data_keys[] = {
    {.value = {.name = "format",
               CHOICE(thaw_dataset_values, format, formats),
               .doc = "how the files are written"},
     .required = true},
    {.type = THAW_KEY_PATHS,
     .value = {.name = "train",
               .offset = offsetof(thaw_dataset_values, train),
               .doc = "the file, or files, of training documents"},
     .required = true},
    {.type = THAW_KEY_PATH,
     .value = {.name = "valid",
               .offset = offsetof(thaw_dataset_values, set.valid),
               .doc = "the file of validation documents"}},
    {.type = THAW_KEY_PATH,
     .value = {.name = "test",
               .offset = offsetof(thaw_dataset_values, set.test),
               .doc = "the file of test documents"}},
    {.type = THAW_KEY_PATHS,
     .value = {.name = "unlabelled",
               .offset = offsetof(thaw_dataset_values, unlabelled),
               .doc = "more documents for language models"}},
    {.value = {.name = "text",
               TEXT(thaw_dataset_values, set.common.text),
               .default_value = "text",
               .doc = "the column (csv, tsv) or member (jsonl) with the text"},
     .only = COLUMNS,
     .not_empty = true},
    {.value = {.name = "label",
               TEXT(thaw_dataset_values, set.common.label),
               .doc = "the column (csv, tsv) or member (jsonl) with the label"},
     .only = COLUMNS,
     .not_empty = true},
    {.value = {.name = "encoding",
               TEXT(thaw_dataset_values, set.common.encoding),
               .default_value = "utf-8",
               .doc = "the files' encoding, by a name that iconv knows"},
     .not_empty = true},
    {.value = {.name = "label_cut",
               TEXT(thaw_dataset_values, set.common.label_cut),
               .default_value = "",
               .doc = "where the label ends, if not at the first space"},
     .only = ONLY(THAW_FORMAT_LABELLED)},
    {.value = {.name = "label_prefix",
               TEXT(thaw_dataset_values, set.common.label_prefix),
               .default_value = "",
               .doc = "what is taken off the front of a label"},
     .only = ONLY(THAW_FORMAT_LABELLED)},
    {.value = {.name = "whole",
               BOOL(thaw_dataset_values, set.common.whole),
               .default_value = "false",
               .doc = "the whole file is one document, instead of every line"},
     .only = ONLY(THAW_FORMAT_TEXT)},
    {.value = {.name = "valid_fraction",
               REAL(thaw_dataset_values, set.valid_fraction),
               .default_value = "0",
               RANGE(0, 0.9),
               .doc = "the part of train that is held out where there is no valid"}},
    {.value = {.name = "split_seed",
               INT(thaw_dataset_values, set.split_seed),
               .default_value = "1",
               RANGE(0, NO_LIMIT),
               .doc = "which documents are held out or sampled"}},
    {.value = {.name = "labels",
               INT(thaw_dataset_values, set.labels),
               .default_value = "0",
               RANGE(0, NO_LIMIT),
               .unit = "documents",
               .doc = "how many labelled training documents the classifier gets; 0: all"}},
    {0}};

static const thaw_level data_level = {data_keys, "format", formats, "format: "};

/* ---- stages.STAGE --------------------------------------------------------------------------- */

static const char *const rates[] = {"1e-3", "4e-3", "1e-2"};

#define SGD ONLY(THAW_OPTIMIZER_SGD)
#define ADAM ONLY(THAW_OPTIMIZER_ADAM)
#define NT_ASGD ONLY(THAW_OPTIMIZER_NT_ASGD)

/* What Merity et al. 2017 use. */
static const char *const nt_asgd_lr[] = {NULL, NULL, "30"};
static const char *const nt_asgd_decay[] = {NULL, NULL, "1.2e-6"};
static const char *const nt_asgd_clip[] = {NULL, NULL, "0.25"};

static const thaw_key optimizer_keys[] = {
    {.value =
         {.name = "name",
          CHOICE(thaw_optimizer_values, name, optimizers),
          .default_value = "adam",
          .doc = "the rule of the update: adam decouples weight decay (AdamW), nt_asgd is SGD and "
                 "the mean of its weights"}},
    {.value = {.name = "lr",
               REAL(thaw_optimizer_values, config.lr),
               RANGE(1e-12, 1e6),
               .doc = "the base rate, which the schedule multiplies"},
     .stage_defaults = rates,
     .variant_defaults = nt_asgd_lr},
    {.value = {.name = "momentum",
               REAL(thaw_optimizer_values, config.momentum),
               .default_value = "0.9",
               RANGE(0, 0.999999),
               .doc = "what stays of the last update"},
     .only = SGD},
    {.value = {.name = "nesterov",
               BOOL(thaw_optimizer_values, config.nesterov),
               .default_value = "false",
               .doc = "whether the gradient counts as if the momentum had been followed already"},
     .only = SGD},
    {.value = {.name = "n",
               INT(thaw_optimizer_values, config.n),
               .default_value = "5",
               RANGE(1, 1e6),
               .unit = "epochs",
               .doc = "averaging begins when an epoch's validation loss is above the best of those "
                      "more than n epochs before it"},
     .only = NT_ASGD},
    {.value = {.name = "beta1",
               REAL(thaw_optimizer_values, config.beta1),
               .default_value = "0.7",
               RANGE(0, 0.999999),
               .doc = "decay of the mean gradient"},
     .only = ADAM},
    {.value = {.name = "beta2",
               REAL(thaw_optimizer_values, config.beta2),
               .default_value = "0.99",
               RANGE(0, 0.999999),
               .doc = "decay of the mean squared gradient"},
     .only = ADAM},
    {.value = {.name = "epsilon",
               REAL(thaw_optimizer_values, config.epsilon),
               .default_value = "1e-8",
               RANGE(1e-30, 1),
               .doc = "what keeps the division from 0"},
     .only = ADAM},
    {.value = {.name = "weight_decay",
               REAL(thaw_optimizer_values, config.weight_decay),
               .default_value = "0.01",
               RANGE(0, 1000),
               .doc = "how strongly weights are drawn to 0"},
     .variant_defaults = nt_asgd_decay},
    {.value = {.name = "clip",
               REAL(thaw_optimizer_values, config.clip),
               .default_value = "0",
               RANGE(0, 1e9),
               .doc = "the largest norm of the gradient; 0: no limit"},
     .variant_defaults = nt_asgd_clip},
    {0}};

static const thaw_level optimizer_level = {optimizer_keys, "name", optimizers, "name: "};

static const thaw_key transfer_keys[] = {
    {.type = THAW_KEY_GROUPS,
     .value = {.name = "groups", .doc = "none, all, one parameter group or a list of them"}},
    {.type = THAW_KEY_PATH,
     .value = {.name = "from",
               .offset = offsetof(thaw_transfer_values, from),
               .doc = "a run file to take them from, instead of the stage before; or word vectors "
                      "(GloVe, word2vec, fastText as text, plain or .gz)"}},
    {.value = {.name = "stage",
               CHOICE(thaw_transfer_values, stage, thaw_stage_names),
               .doc = "the stage of that run whose weights are taken; its last if not given"}},
    {0}};

static const thaw_level transfer_level = {transfer_keys, NULL, NULL, NULL};

#define LANGUAGE_MODELS (ONLY(THAW_STAGE_PRETRAIN) | ONLY(THAW_STAGE_FINETUNE))
#define CLASSIFY ONLY(THAW_STAGE_CLASSIFY)

static const thaw_key stage_keys[] = {
    {.value = {.name = "data", TEXT(thaw_stage_values, data), .doc = "the name of a data set"},
     .required = true},
    {.value = {.name = "epochs",
               INT(thaw_stage_values, config.epochs),
               .default_value = "1",
               RANGE(1, 1e6),
               .unit = "epochs",
               .doc = "how often the training documents are seen"}},
    {.value = {.name = "batch",
               INT(thaw_stage_values, config.batch),
               .default_value = "64",
               RANGE(1, 1e6),
               .doc = "streams of text, or documents, in a batch"}},
    {.value = {.name = "accumulate",
               INT(thaw_stage_values, config.accumulate),
               .default_value = "1",
               RANGE(1, 1e6),
               .unit = "batches",
               .doc = "batches of a step, whose gradients count as those of one large batch; "
                      "schedules count steps"}},
    {.value = {.name = "bptt",
               INT(thaw_stage_values, config.bptt),
               .default_value = "70",
               RANGE(1, 1e6),
               .unit = "tokens",
               .doc = "tokens of each stream in a step"},
     .only = LANGUAGE_MODELS},
    {.value = {.name = "vary_bptt",
               REAL(thaw_stage_values, config.vary_bptt),
               .default_value = "0",
               RANGE(0, 1e6),
               .unit = "tokens",
               .doc = "standard deviation of bptt from step to step; 0: constant"},
     .only = LANGUAGE_MODELS},
    {.value = {.name = "sampled_softmax",
               INT(thaw_stage_values, config.sampled_softmax),
               .default_value = "0",
               RANGE(0, 2e9),
               .unit = "words",
               .doc = "train on the words of each step's batch and so many others, drawn anew in "
                      "each; 0: on the whole vocabulary, as validation always is"},
     .only = LANGUAGE_MODELS},
    {.value = {.name = "max_length",
               INT(thaw_stage_values, config.max_length),
               .default_value = "1440",
               RANGE(1, 1e9),
               .unit = "tokens",
               .doc = "longer documents keep the max_length tokens that are read last"},
     .only = CLASSIFY},
    {.value = {.name = "gradient_length",
               INT(thaw_stage_values, config.gradient_length),
               .default_value = "0",
               RANGE(0, 1e9),
               .unit = "tokens",
               .doc = "gradients flow through the encoder's last so many tokens of a document, and "
                      "at most twice as many; the head sees all of them (BPT3C); 0: through all"},
     .only = CLASSIFY},
    {.value = {.name = "chunk",
               INT(thaw_stage_values, config.chunk),
               .default_value = "70",
               RANGE(1, 1e9),
               .unit = "tokens",
               .doc = "with gradient_length: tokens that are read at once where no gradient flows, "
                      "in validation and prediction too; the encoder's state is carried on; one "
                      "that carries none, or a backward half, reads each chunk for itself"},
     .only = CLASSIFY},
    {.value = {.name = "batch_tokens",
               INT(thaw_stage_values, config.batch_tokens),
               .default_value = "0",
               RANGE(0, 1e12),
               .unit = "tokens",
               .doc = "batches of long documents hold fewer of them, at least 2: so many tokens "
                      "with padding; 0: no bound"},
     .only = CLASSIFY},
    {.value = {.name = "keep",
               CHOICE(thaw_stage_values, keep, keeps),
               .doc = "whose epoch's weights are kept: the one with the best validation accuracy "
                      "(classify; else validation loss), or the last; best in classify where there "
                      "is validation data, and where there is patience"}},
    {.value = {.name = "patience",
               INT(thaw_stage_values, config.patience),
               .default_value = "0",
               RANGE(0, 1e6),
               .unit = "epochs",
               .doc = "training stops after so many epochs none of which was better than the best "
                      "before, as keep judges; 0: never"}},
    {.value = {.name = "label_smoothing",
               REAL(thaw_stage_values, config.label_smoothing),
               .default_value = "0",
               RANGE(0, 1),
               .doc = "the part of every target that all classes share equally; validation loss is "
                      "without it"},
     .only = CLASSIFY},
    {.type = THAW_KEY_WEIGHTS,
     .value = {.name = "class_weights",
               .choices = class_weights,
               .default_value = "none",
               .doc = "what documents of a class count for in training: none (the same), balanced "
                      "(the rarer, the more), or {CLASS: WEIGHT}, 1 where none is given"},
     .only = CLASSIFY},
    {.value = {.name = "language_model_weight",
               REAL(thaw_stage_values, config.language_model_weight),
               .default_value = "0",
               RANGE(0, 1000),
               .doc = "how much the loss of a language model of the same documents, whose decoder "
                      "is the embedding, adds to the loss in training"},
     .only = CLASSIFY},
    {.value = {.name = "seed",
               INT(thaw_stage_values, config.seed),
               RANGE(0, NO_LIMIT),
               .doc = "of this stage's random numbers; the run's if not given"}},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "optimizer", .doc = "how weights are updated"},
     .level = &optimizer_level},
    {.type = THAW_KEY_CHAIN,
     .value = {.name = "schedule", .doc = "plugins whose product multiplies the rate"},
     .plugin = THAW_SCHEDULE},
    {.type = THAW_KEY_TRANSFER,
     .value = {.name = "transfer",
               .doc = "the parameter groups taken over; all where there is a stage before"},
     .level = &transfer_level},
    {.value = {.name = "vocabulary",
               CHOICE(thaw_stage_values, vocabulary, vocabularies),
               .doc = "the words known: of the source of the transfer, of the target, or of both"}},
    {.type = THAW_KEY_OVERRIDES,
     .value = {.name = "encoder", .doc = "parameters of the encoder that differ in this stage"},
     .plugin = THAW_ENCODER},
    {.type = THAW_KEY_OVERRIDES,
     .value = {.name = "head", .doc = "parameters of the head that differ in this stage"},
     .only = CLASSIFY,
     .plugin = THAW_HEAD},
    {.value = {.name = "keep_weights",
               BOOL(thaw_stage_values, config.keep_weights),
               .default_value = "false",
               .doc = "store this stage's weights in the run file too"}},
    {0}};

static const thaw_level stage_level = {stage_keys, NULL, thaw_stage_names, "stages."};

static const thaw_key stages_keys[] = {
    {.type = THAW_KEY_SECTION,
     .value = {.name = "pretrain", .doc = "a language model of general text"},
     .level = &stage_level},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "finetune", .doc = "a language model of the target text"},
     .level = &stage_level},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "classify", .doc = "the classifier"},
     .level = &stage_level},
    {0}};

static const thaw_level stages_level = {stages_keys, NULL, NULL, NULL};

/* ---- slurm ---------------------------------------------------------------------------------- */

#define SLURM_JOB_KEYS                                                                           \
  {.value = {.name = "partition",                                                                \
             TEXT(thaw_slurm_job, partition),                                                    \
             .doc = "the partition, or several with commas"},                                    \
   .not_empty = true},                                                                           \
      {.value = {.name = "time",                                                                 \
                 TEXT(thaw_slurm_job, time),                                                     \
                 .doc = "the longest that a job may take: minutes, H:M:S or D-H:M:S; one that "  \
                        "needs longer goes on in another"}},                                     \
      {.value = {.name = "memory",                                                               \
                 TEXT(thaw_slurm_job, memory),                                                   \
                 .doc = "of a job: 16G, 500M; a number alone is mebibytes"}},                    \
      {.value = {.name = "cores",                                                                \
                 INT(thaw_slurm_job, cores),                                                     \
                 RANGE(1, 4096),                                                                 \
                 .doc = "of a job, and its threads; as many as `threads` if not given, or 1"}},  \
      {.value = {.name = "at_once",                                                              \
                 INT(thaw_slurm_job, at_once),                                                   \
                 RANGE(1, 1e6),                                                                  \
                 .unit = "jobs",                                                                 \
                 .doc = "the most jobs of an array that run at the same time"}},                 \
      {.value = {.name = "restarts",                                                             \
                 INT(thaw_slurm_job, restarts),                                                  \
                 RANGE(0, 1e6),                                                                  \
                 .doc = "how often a job that runs out of time may go on in another; 10 if not " \
                        "given"}},                                                               \
      {.value = {.name = "account",                                                              \
                 TEXT(thaw_slurm_job, account),                                                  \
                 .doc = "whom the time is charged to"},                                          \
       .not_empty = true},                                                                       \
      {.value = {.name = "qos", TEXT(thaw_slurm_job, qos), .doc = "the quality of service"},     \
       .not_empty = true},                                                                       \
  {                                                                                              \
    .value = {                                                                                   \
      .name = "options",                                                                         \
      .type = THAW_PARAM_TEXTS,                                                                  \
      .offset = offsetof(thaw_slurm_job, options),                                               \
      .doc = "more options of sbatch, such as --constraint=avx512"                               \
    }                                                                                            \
  }

static const thaw_key slurm_stage_keys[] = {SLURM_JOB_KEYS, {0}};

static const thaw_level slurm_stage_level = {slurm_stage_keys, NULL, NULL, NULL};

static const thaw_key slurm_keys[] = {
    SLURM_JOB_KEYS,
    {.type = THAW_KEY_SECTION,
     .value = {.name = "pretrain", .doc = "what differs for jobs of this stage"},
     .level = &slurm_stage_level},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "finetune", .doc = "what differs for jobs of this stage"},
     .level = &slurm_stage_level},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "classify", .doc = "what differs for jobs of this stage"},
     .level = &slurm_stage_level},
    {0}};

static const thaw_level slurm_level = {slurm_keys, NULL, NULL, NULL};

/* ---- The top -------------------------------------------------------------------------------- */

static const thaw_key tokenizer_keys[] = {
    {.value = {.name = "min_count",
               INT(thaw_experiment, min_count),
               .default_value = "2",
               RANGE(1, 1e9),
               .doc = "how often a piece must occur to be in the vocabulary"}},
    {.value = {.name = "max_vocab",
               INT(thaw_experiment, max_vocab),
               .default_value = "30000",
               RANGE(0, 2e9),
               .unit = "pieces",
               .doc = "the largest size of the vocabulary; 0: no limit"}},
    {0}};

static const thaw_level tokenizer_level = {tokenizer_keys, NULL, NULL, NULL};

/* An experiment trains stages, or averages what others have left. */
static const char *const kinds[] = {"stages", "average", NULL};
#define STAGES ONLY(0)

static const thaw_key top_keys[] = {
    {.value = {.name = "name",
               TEXT(thaw_experiment, name),
               .doc = "of the experiment; the file's name without its extension if not given"},
     .not_empty = true},
    {.value = {.name = "description",
               TEXT(thaw_experiment, description),
               .default_value = "",
               .doc = "what it is to find out"}},
    {.type = THAW_KEY_EXTENDS,
     .value = {.name = "extends", .doc = "the config that this one inherits from"}},
    {.value = {.name = "seed",
               INT(thaw_experiment, seed),
               .default_value = "1",
               RANGE(0, NO_LIMIT),
               .doc = "of all random numbers"}},
    {.value = {.name = "threads",
               INT(thaw_experiment, threads),
               .default_value = "0",
               RANGE(0, 4096),
               .doc = "0: as many as OMP_NUM_THREADS says, else the machine has. Threads wait for "
                      "each other: beside other "
                      "busy processes fewer are faster, and for several runs at once 1 each"},
     .only = STAGES},
    {.type = THAW_KEY_NAMED,
     .value = {.name = "data", .doc = "data sets by name"},
     .only = STAGES,
     .required = true,
     .level = &data_level},
    {.type = THAW_KEY_PLUGIN,
     .value = {.name = "tokenizer", .doc = "the plugin that cuts text into pieces"},
     .only = STAGES,
     .required = true,
     .level = &tokenizer_level,
     .plugin = THAW_TOKENIZER},
    {.type = THAW_KEY_PLUGIN,
     .value = {.name = "encoder", .doc = "the plugin that turns pieces into hidden states"},
     .only = STAGES,
     .required = true,
     .plugin = THAW_ENCODER},
    {.type = THAW_KEY_PLUGIN,
     .value = {.name = "head", .doc = "the plugin that turns hidden states into classes"},
     .only = STAGES,
     .plugin = THAW_HEAD},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "stages", .doc = "what is trained: pretrain, finetune, classify"},
     .only = STAGES,
     .required = true,
     .level = &stages_level},
    {.type = THAW_KEY_PATHS,
     .value = {.name = "average",
               .offset = offsetof(thaw_experiment, average),
               .doc = "run files whose class probabilities are averaged, instead of stages"},
     .only = ONLY(1)},
    {.type = THAW_KEY_SWEEP,
     .value = {.name = "sweep",
               .doc =
                   "dotted keys with lists of values to combine; grid, points, random, exclude"}},
    {.type = THAW_KEY_SECTION,
     .value = {.name = "slurm", .doc = "what the jobs of 'thaw sweep --launcher slurm' ask for"},
     .level = &slurm_level},
    {0}};

const thaw_level thaw_schema = {top_keys, NULL, kinds, "a config with "};

/* ---- Looking up ----------------------------------------------------------------------------- */

const thaw_key *thaw_level_key(const thaw_level *level, const char *name) {
  for (const thaw_key *key = level ? level->keys : NULL; key && key->value.name; key++) {
    if (strcmp(key->value.name, name) == 0) return key;
  }
  return NULL;
}

unsigned thaw_choice_index(const char *const *choices, const char *choice) {
  unsigned index = 0;
  while (strcmp(choices[index], choice) != 0) index++;
  return index;
}
