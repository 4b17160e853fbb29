/* options.h: command line options from a table.
 *
 * A command lists its options in a table, as a plugin lists its parameters: name, type, default,
 * doc, and the offset in the command's own settings struct. Parsing fills the struct in; --help is
 * printed from the same table, so the two cannot differ. Accepted: --name VALUE, --name=VALUE, -n
 * VALUE, -nVALUE, options and operands in any order, and "--", after which everything is an
 * operand. */
#ifndef THAW_OPTIONS_H
#define THAW_OPTIONS_H

#include "base/arena.h"
#include "thaw/base.h"

typedef enum thaw_option_type {
  THAW_OPTION_FLAG = 1, /* bool */
  THAW_OPTION_TEXT,     /* const char *; NULL when it is not given and has no default */
  THAW_OPTION_TEXTS,    /* thaw_words: the option may be repeated */
  THAW_OPTION_COUNT,    /* int64_t, from minimum to maximum */
  THAW_OPTION_CHOICE,   /* int: which of choices */
  THAW_OPTION_CHOICES,  /* unsigned: a bit for each of choices; the option may be repeated */
  THAW_OPTION_NUMBER,   /* double, from minimum to maximum */
} thaw_option_type;

typedef struct thaw_words {
  size_t count;
  const char *const *words;
} thaw_words;

/* One row; the table ends with a row whose name is NULL. */
typedef struct thaw_option {
  const char *name; /* without the dashes */
  char letter;      /* its short form, 0: none */
  thaw_option_type type;
  size_t offset;              /* of the value in the settings struct */
  const char *value_name;     /* in --help: "FILE" */
  const char *default_value;  /* as it would be written; NULL: zero (repeatable ones: always) */
  const char *doc;            /* one sentence without its full stop */
  const char *const *choices; /* CHOICE and CHOICES: ends with NULL */
  int64_t minimum, maximum;   /* COUNT and NUMBER */
} thaw_option;

/* A table with the struct that it fills in. */
typedef struct thaw_option_set {
  const thaw_option *options; /* NULL: none */
  void *settings;
} thaw_option_set;

/* Sets the defaults of one table. */
thaw_status thaw_options_default(thaw_context *ctx, thaw_arena *arena, thaw_option_set set);

/* Reads the arguments, looking options up in all `sets`. With `first_only` it stops before the
 * first operand. `used` receives how many arguments were read, `operands` those that are no
 * options. Everything lives in the arena or in `arguments`. THAW_INVALID: an unknown option (with
 * the nearest known one), a missing or wrong value. */
thaw_status thaw_options_parse(thaw_context *ctx, thaw_arena *arena, const thaw_option_set *sets,
                               size_t set_count, size_t argument_count,
                               const char *const *arguments, bool first_only, size_t *used,
                               thaw_words *operands);

#endif
