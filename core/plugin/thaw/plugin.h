/* thaw/plugin.h: everything a plugin needs, and nothing else (thaw/head.h has more for heads).
 *
 * A plugin is a shared object that exports one symbol, `thaw_plugin`, a constant descriptor:
 *
 *     THAW_API const thaw_plugin_descriptor thaw_plugin = {
 *         .abi = THAW_PLUGIN_ABI, .kind = THAW_SCHEDULE, .name = "constant", ...};
 *
 * The descriptor names the plugin, lists its parameters in a table, and points to the functions of
 * its kind. From the table the core checks a user's YAML, prints documentation, fills in defaults
 * and records what was used; the plugin finds its settings struct filled in and parses nothing.
 *
 * Build one with:  cc -shared -fPIC -o my_head.so my_head.c $(pkg-config --cflags thaw)
 *
 * A plugin keeps no state of its own outside `self`: one process may hold several models. */
#ifndef THAW_PLUGIN_H
#define THAW_PLUGIN_H

#include <thaw/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI that a plugin is built for: a major number in the low 16 bits, a minor one above them.
 *
 * A thaw loads the plugins of its own major number and of its own or an older minor one, without
 * building them again: a plugin built for 2.0 loads in every thaw of 2.x. One of another major
 * number, or of a newer minor one, is refused with a message that has both numbers.
 *
 * The minor number is raised when something is added: a function (under a new version of the
 * library's symbols), a value of an enumeration, a member at the end of a struct that the core
 * makes and plugins only see through a pointer (thaw_encoder_info, thaw_encoder_input, thaw_states,
 * thaw_head_input, thaw_schedule_scope, thaw_tensor), or one at the end of thaw_tokenizer,
 * thaw_encoder, thaw_head or thaw_schedule, which the core then reads only from plugins whose minor
 * number says that they have it. All else is never changed under a major number: the descriptor,
 * rows of tables, what stands in a plugin's settings or state or is passed by value, the meaning of
 * whatever is there. `abi` is the descriptor's first member in every ABI. */
#define THAW_PLUGIN_ABI 2u
/* The two numbers of an ABI. */
#define THAW_ABI_MAJOR(abi) ((unsigned)(abi)&0xffffu)
#define THAW_ABI_MINOR(abi) ((unsigned)(abi) >> 16)

typedef enum thaw_plugin_kind {
  THAW_TOKENIZER = 1,
  THAW_ENCODER = 2,
  THAW_HEAD = 3,
  THAW_SCHEDULE = 4,
} thaw_plugin_kind;

/* ---- Parameters -------------------------------------------------------------------------------
 */

typedef enum thaw_param_type {
  THAW_PARAM_BOOL = 1,    /* bool                    default "true" or "false" */
  THAW_PARAM_INT = 2,     /* int64_t */
  THAW_PARAM_REAL = 3,    /* double */
  THAW_PARAM_TEXT = 4,    /* const char * */
  THAW_PARAM_CHOICE = 5,  /* const char *, one of choices */
  THAW_PARAM_INTS = 6,    /* thaw_ints               default like "[50, 20]" */
  THAW_PARAM_REALS = 7,   /* thaw_reals */
  THAW_PARAM_CHOICES = 8, /* thaw_texts, each one of choices */
  THAW_PARAM_LAYERS = 9,  /* thaw_ints: layer numbers from 0; [last] is -1, all is an empty list */
  THAW_PARAM_PATH = 10,   /* const char *: the path of a file that can be read, absolute whatever
                             the user wrote; default "" (no file). A relative one is seen from the
                             YAML file that names it, from the current folder in --set and in a sweep.
                             The file's content, not its name, is part of the cache key. It need not
                             be there any more when a run file is opened: keep what you need */
  THAW_PARAM_TEXTS = 11,  /* thaw_texts, any */
} thaw_param_type;

typedef struct thaw_ints {
  size_t count;
  const int64_t *values;
} thaw_ints;
typedef struct thaw_reals {
  size_t count;
  const double *values;
} thaw_reals;
typedef struct thaw_texts {
  size_t count;
  const char *const *values;
} thaw_texts;

/* One row of a parameter table. The table ends with a row whose name is NULL. */
typedef struct thaw_param_spec {
  const char *name; /* the key in YAML */
  thaw_param_type type;
  size_t offset;              /* of the value in the settings struct: offsetof(struct, member) */
  const char *default_value;  /* as it would stand in YAML */
  double minimum, maximum;    /* inclusive range of a number or of every number in a list;
                                 equal (0, 0): no bound */
  const char *unit;           /* "tokens", "epochs"; "" when there is none */
  const char *doc;            /* one sentence */
  const char *const *choices; /* for CHOICE and CHOICES, ends with NULL */
  bool per_stage;             /* may a stage override it? false for what decides shapes */
} thaw_param_spec;

/* The known text nearest to `text` among `count`, or NULL when none is near (Damerau-Levenshtein
 * distance of at most a third of its length, at least 1); for messages: "did you mean …?". */
THAW_API const char *thaw_nearest(const char *text, const char *const *known, size_t count);

/* ---- Parameter tensors
 * --------------------------------------------------------------------------- */

/* How a tensor starts out. Random values depend on the run's seed and the tensor's name only. */
typedef enum thaw_init_kind {
  THAW_INIT_CONSTANT = 1, /* all = a */
  THAW_INIT_UNIFORM = 2,  /* uniform in [a, b) */
  THAW_INIT_NORMAL = 3,   /* mean a, standard deviation b */
} thaw_init_kind;
typedef struct thaw_init {
  thaw_init_kind kind;
  float a, b;
} thaw_init;

/* The tensors of a model, in ordered groups; owned by the core. */
typedef struct thaw_params thaw_params;

/* A new trainable tensor `name` in `group` (created after the groups that exist). The tensor lives
 * as long as the model; NULL, with the error in ctx, on a duplicate name, an empty shape or no
 * memory. */
THAW_API thaw_tensor *thaw_params_add(thaw_params *params, thaw_context *ctx, const char *group,
                                      const char *name, size_t rank, const size_t *shape,
                                      thaw_init init);
/* The same for a tensor that is stored and transferred but not trained (running statistics). */
THAW_API thaw_tensor *thaw_params_add_buffer(thaw_params *params, thaw_context *ctx,
                                             const char *group, const char *name, size_t rank,
                                             const size_t *shape, thaw_init init);

/* ---- Tokenizer
 * ------------------------------------------------------------------------------------- */

/* Receives one piece: `bytes` bytes of UTF-8, valid during the call only. */
typedef void (*thaw_piece_sink)(void *user, const char *piece, size_t bytes);
/* Gives the next document of a corpus (UTF-8), or NULL at its end; valid until the next call. */
typedef const char *(*thaw_document_source)(void *user, size_t *bytes);
/* Receives bytes of a result. */
typedef void (*thaw_byte_sink)(void *user, const char *bytes, size_t count);

typedef struct thaw_tokenizer {
  size_t self_size; /* bytes of state that the core allocates, cleared */
  /* Pieces with a meaning of their own that are always in the vocabulary; ends with NULL; may be
   * NULL. */
  const char *const *markers;
  /* Learns from a corpus; NULL when there is nothing to learn. */
  thaw_status (*fit)(void *self, const void *settings, thaw_document_source next, void *user,
                     thaw_context *ctx);
  /* What fit learned, as bytes, and back. Both NULL when there is nothing to keep. */
  thaw_status (*save)(const void *self, const void *settings, thaw_byte_sink sink, void *user,
                      thaw_context *ctx);
  thaw_status (*load)(void *self, const void *settings, const char *state, size_t bytes,
                      thaw_context *ctx);
  /* Cuts valid UTF-8 into pieces, in order. Called from one thread at a time per self. */
  thaw_status (*pieces)(void *self, const void *settings, const char *text, size_t bytes,
                        thaw_piece_sink sink, void *user, thaw_context *ctx);
  /* Pieces back to text, as near as the tokenizer promises. */
  thaw_status (*join)(void *self, const void *settings, const char *const *pieces, size_t count,
                      thaw_byte_sink sink, void *user, thaw_context *ctx);
  void (*destroy)(void *self); /* may be NULL */
} thaw_tokenizer;

/* ---- Encoder
 * ----------------------------------------------------------------------------------------- */

#define THAW_MAX_LAYERS 64

/* In which order an encoder reads its text. */
typedef enum thaw_direction {
  THAW_FORWARD = 0,
  THAW_BACKWARD = 1,      /* from its end to its beginning */
  THAW_BIDIRECTIONAL = 2, /* two halves that share the embedding, one for each */
} thaw_direction;

/* What an encoder tells about itself when it is created. */
typedef struct thaw_encoder_info {
  size_t layers;                 /* how many layers of states forward gives */
  size_t width[THAW_MAX_LAYERS]; /* features of each */
  size_t embedding_width;        /* features of the embedded input; 0 when there is none */
  thaw_tensor *embedding;        /* [V][E], for tying the language model's decoder to it and for
                                    carrying words from one vocabulary to another; may be NULL */
  thaw_direction direction;
  /* How many of the last features of a layer's states belong to the backward half: half of them
   * if bidirectional, else 0. */
  size_t backward_width[THAW_MAX_LAYERS];
} thaw_encoder_info;

/* What is encoded. */
typedef struct thaw_encoder_input {
  const int32_t *ids;       /* [T][B], padding included; in the order of reading: for the direction
                               backward a text's last token comes first. Padding stands behind */
  size_t time, batch;       /* T, B */
  const int32_t *lengths;   /* [B]; NULL in a language model, where every position counts */
  struct thaw_carry *carry; /* state from batch to batch; NULL: start from zeros */
  bool language_model;      /* is `output` wanted? */
  const int32_t *backward_ids; /* [T][B], for the backward half of a bidirectional language model:
                                  a stream of its own, from its end; NULL when not asked for */
} thaw_encoder_input;

/* Position t holds what was read up to token t; in a backward half, from the text's last token down
 * to t. With backward_ids, the layers hold the forward half alone. */
typedef struct thaw_states {
  thaw_tensor *layer[THAW_MAX_LAYERS]; /* [T][B][width of the layer], lowest first */
  thaw_tensor *embedded;               /* [T][B][E], NULL when there is none */
  thaw_tensor *output;          /* what the decoder sees: the last layer, after its dropout */
  thaw_tensor *penalty;         /* scalar added to the loss, or NULL */
  thaw_tensor *backward_output; /* the same as `output` for backward_ids, or NULL */
} thaw_states;

/* State that goes from one batch of a stream to the next: `count` floats under the number `slot`,
 * zero after a reset. The core keeps, resets and checkpoints them. NULL when there is no memory. */
typedef struct thaw_carry thaw_carry;
THAW_API float *thaw_carry_slot(thaw_carry *carry, size_t slot, size_t count);

/* How a tensor is called, and laid out, in PyTorch's files (safetensors). */
enum {
  THAW_WEIGHT_TRANSPOSED = 1, /* there [columns][rows] of what is [rows][columns] here */
  THAW_WEIGHT_ADDED = 2,      /* another summand: read, it is added; written, it is zero */
  THAW_WEIGHT_COPY = 4,       /* the same values once more: written too; read where the tensor's own
                                 name is missing, else it must be equal */
  THAW_WEIGHT_TIED = 8,   /* a copy too, of a language model that is tied; in others not written */
  THAW_WEIGHT_ALIAS = 16, /* another name: read where the tensor's own is missing, else passed
                             over; not written */
  THAW_WEIGHT_OPTIONAL = 32, /* a file may lack it: the tensor keeps its initial values */
  THAW_WEIGHT_IGNORED = 64, /* belongs to no tensor here (group and tensor are NULL): passed over */
};

/* One row. A tensor's first row is its own name, with no flags but TRANSPOSED and OPTIONAL; copies,
 * summands and other names have rows behind it. {n} stands for a layer's number, from 0, in group
 * and foreign name; what stands in [brackets] is written, and need not be there to be read. Group
 * "decoder" with tensors "weight" and "bias" is what the core puts on a language model. */
typedef struct thaw_weight_name {
  const char *group;   /* "rnn.{n}" */
  const char *tensor;  /* "weight_ih" */
  const char *foreign; /* "[0.]rnns.{n}.module.weight_ih_l0"; NULL ends the table */
  unsigned flags;
} thaw_weight_name;

typedef struct thaw_encoder {
  size_t self_size; /* bytes of `self`, which the core allocates, cleared */
  /* Adds the parameter tensors, by group from the input to the output ("embedding", "rnn.0", …),
   * and fills in info. */
  thaw_status (*create)(void *self, const void *settings, size_t vocabulary, thaw_params *params,
                        thaw_encoder_info *info, thaw_context *ctx);
  /* Padding (t >= lengths[b]) must not change any state before it. */
  thaw_status (*forward)(void *self, const void *settings, thaw_tape *tape,
                         const thaw_encoder_input *input, thaw_states *states);
  void (*destroy)(void *self); /* may be NULL */
  /* For thaw export and import. A tensor without a row goes by its own name, GROUP.TENSOR; NULL:
   * all of them do. */
  const thaw_weight_name *weight_names;
} thaw_encoder;

/* ---- Head
 * -----------------------------------------------------------------------------------------------
 */

typedef struct thaw_head_input {
  const thaw_states *states;
  const thaw_encoder_info *info;
  size_t time, batch;     /* T, B */
  const int32_t *lengths; /* [B], each at least 1 */
} thaw_head_input;

typedef struct thaw_head {
  size_t self_size;
  /* Adds the parameter tensors, all in the group "head". */
  thaw_status (*create)(void *self, const void *settings, const thaw_encoder_info *info,
                        size_t classes, thaw_params *params, thaw_context *ctx);
  /* Logits [B][classes]. Padding must not change them. */
  thaw_status (*forward)(void *self, const void *settings, thaw_tape *tape,
                         const thaw_head_input *input, thaw_tensor **logits);
  void (*destroy)(void *self); /* may be NULL */
} thaw_head;

/* ---- Schedule
 * --------------------------------------------------------------------------------------------- */

/* Where training stands. Groups count from the input (0) to the output (groups − 1). A tied
 * language model's embedding stands last, together with the decoder. */
typedef struct thaw_moment {
  int64_t step, steps; /* 0 … steps − 1 */
  int64_t steps_per_epoch;
  int64_t epoch, epochs; /* 0 … epochs − 1 */
  int64_t group, groups;
  const char *group_name;     /* "embedding", "rnn.0", "head" */
  const int64_t *epoch_steps; /* [epochs + 1]: epoch e lasts from step epoch_steps[e] − first_step
                                 until step epoch_steps[e + 1] − first_step */
  int64_t first_step;         /* 0 but in what thaw_moment_within gives */
} thaw_moment;

/* The moment as it is for one to whom training lasts from step `begin` until step `end`, between
 * which it lies: its step and epoch count from there. */
THAW_API thaw_moment thaw_moment_within(const thaw_moment *moment, int64_t begin, int64_t end);
/* How many epochs have passed since step 0, parts of them included. */
THAW_API double thaw_moment_epochs(const thaw_moment *moment);

/* What a schedule will be asked about. */
typedef struct thaw_schedule_scope {
  const char *const *group_names; /* [groups] */
  int64_t groups, epochs, steps;
} thaw_schedule_scope;

/* A chain of schedules: multipliers are multiplied. All functions are pure: the same value for the
 * same settings and moment, in any order, so that a schedule can be drawn before it is used. */
typedef struct thaw_schedule {
  /* The factor on the base rate; finite, not negative; 0 freezes the group. */
  double (*multiplier)(const void *settings, const thaw_moment *moment);
  /* SGD's momentum (where it has one), Adam's beta1, for all groups: at least 0, less than 1;
   * negative: says nothing. NULL: never says anything. One schedule of a chain may say something;
   * where none does it is the optimizer's own. */
  double (*momentum)(const void *settings, const thaw_moment *moment);
  /* Changes in `seen`, a copy of *moment, what the other schedules of the chain see: a schedule
   * that lets the others start anew gives thaw_moment_within. NULL: they see what there is. */
  void (*view)(const void *settings, const thaw_moment *moment, thaw_moment *seen);
  /* Do the settings fit these groups, epochs and steps? Called before anything is trained; the core
   * puts the place in the YAML before the message. NULL: they fit all. */
  thaw_status (*check)(const void *settings, const thaw_schedule_scope *scope, thaw_context *ctx);
  /* What only one schedule of a chain may decide ("which groups are thawed when"): two with the
   * same text contradict each other. NULL: nothing of that kind. */
  const char *decides;
} thaw_schedule;

/* ---- The descriptor
 * ---------------------------------------------------------------------------------------- */

typedef struct thaw_plugin_descriptor {
  uint32_t abi; /* THAW_PLUGIN_ABI */
  thaw_plugin_kind kind;
  const char *name;    /* as in YAML: lower case letters, digits and _ */
  const char *version; /* part of the cache key: change it when results change */
  const char *summary; /* one line */
  size_t settings_size;
  const thaw_param_spec *params; /* ends with a NULL name; may be NULL when settings_size is 0 */
  union {                        /* the one that kind says */
    const thaw_tokenizer *tokenizer;
    const thaw_encoder *encoder;
    const thaw_head *head;
    const thaw_schedule *schedule;
  } api;
  /* Checks settings that a range cannot express; may be NULL. */
  thaw_status (*validate)(const void *settings, thaw_context *ctx);
} thaw_plugin_descriptor;

#define THAW_PLUGIN_SYMBOL "thaw_plugin"

#ifdef __cplusplus
}
#endif
#endif
