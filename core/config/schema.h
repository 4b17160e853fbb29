/* schema.h: every key of a config, level by level, in one place.
 *
 * A level is a table of keys. What a key's value may be stands in a parameter table's row, as it
 * does for plugins: type, default, range, choices, one sentence of documentation, and the offset of
 * the value in the struct that is filled in. Reading, defaults, the resolved tree, paths and
 * "did you mean" all come from these tables. */
#ifndef THAW_SCHEMA_H
#define THAW_SCHEMA_H

#include "config/experiment.h"

typedef enum thaw_key_type {
  THAW_KEY_VALUE,     /* one value, of value.type */
  THAW_KEY_PATH,      /* the path of a file; const char * */
  THAW_KEY_PATHS,     /* a path or a list of them; thaw_texts */
  THAW_KEY_SECTION,   /* a mapping with the keys of `level` */
  THAW_KEY_NAMED,     /* a mapping from names of the user's choice to such mappings */
  THAW_KEY_PLUGIN,    /* a mapping: `plugin`, its parameters, and the keys of `level`, if any */
  THAW_KEY_CHAIN,     /* a list of those */
  THAW_KEY_OVERRIDES, /* a mapping with parameters of the plugin in the section of this name */
  THAW_KEY_TRANSFER,  /* none, all, a group, a list of groups, or a mapping with the keys of `level`
                       */
  THAW_KEY_GROUPS,    /* none, all, a group or a list of groups */
  THAW_KEY_EXTENDS,   /* the path of the config to inherit from */
  THAW_KEY_SWEEP,     /* a mapping from dotted keys to lists of values */
  THAW_KEY_WEIGHTS,   /* one of value.choices, or a mapping from names to numbers above 0 */
} thaw_key_type;

typedef struct thaw_key {
  thaw_key_type type;
  thaw_param_spec value; /* name and doc for all types; for VALUE the rest too. A default that is
                            NULL depends on other keys, or is to have no value */
  const char *const *stage_defaults; /* [THAW_STAGE_KINDS]; NULL: the default is the same in all */
  unsigned only;                     /* the variants that have this key, a bit each; 0: all */
  bool required;
  bool not_empty; /* a text with at least one character */
  const struct thaw_level *level;
  thaw_plugin_kind plugin;
  const char *const *variant_defaults; /* by variant; NULL, or an entry that is: as in the others */
} thaw_key;

typedef struct thaw_level {
  const thaw_key *keys;        /* ends with a NULL value.name */
  const char *selector;        /* the key whose choice is the variant; NULL: the caller knows */
  const char *const *variants; /* their names, by bit; ends with NULL; NULL: there are none */
  const char *variant_word;    /* what to write before a variant's name: "format: " */
} thaw_level;

/* What the tables' offsets refer to. The top level and the tokenizer's keys fill in a
 * thaw_experiment. */
typedef struct thaw_dataset_values {
  thaw_dataset set;
  const char *format;
  thaw_texts train, unlabelled;
} thaw_dataset_values;
typedef struct thaw_stage_values {
  thaw_stage_config config;
  const char *data, *keep, *vocabulary;
} thaw_stage_values;
typedef struct thaw_optimizer_values {
  thaw_optimizer_config config;
  const char *name;
} thaw_optimizer_values;
typedef struct thaw_transfer_values {
  const char *from, *stage;
} thaw_transfer_values;

extern const thaw_level thaw_schema; /* the top */

/* The names of the stages, by kind. */
extern const char *const thaw_stage_names[];

/* The level's key of that name, or NULL. */
const thaw_key *thaw_level_key(const thaw_level *level, const char *name);
/* The number of a choice in its table; it must be one of them. */
unsigned thaw_choice_index(const char *const *choices, const char *choice);

#endif
