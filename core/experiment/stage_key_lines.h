/* stage_key_lines.h: what the text of a stage's key says, in the words of a config, and in what two
 * such texts differ. */
#ifndef THAW_STAGE_KEY_LINES_H
#define THAW_STAGE_KEY_LINES_H

#include "base/arena.h"
#include "thaw/base.h"

/* What a key rests on. */
typedef struct thaw_key_line {
  const char *setting; /* "stages.pretrain.optimizer.lr", "data.general.train", "encoder.plugin" */
  const char *value;   /* as in YAML; of a file "content 0123abcd" */
} thaw_key_line;

typedef struct thaw_key_lines {
  const thaw_key_line *lines;
  size_t count;
} thaw_key_lines;

/* Takes a text of thaw_stage_key apart. `data` is the name that the config gives to the stage's
 * data set, which no key rests on. A line that this version does not know is there as it stands.
 * Everything lives in the arena. */
thaw_status thaw_key_lines_read(thaw_context *ctx, thaw_arena *arena, const char *text,
                                const char *data, thaw_key_lines *lines);
/* The value of a setting; NULL: the text says nothing of it. */
const char *thaw_key_lines_find(const thaw_key_lines *lines, const char *setting);

typedef struct thaw_key_difference {
  const char *setting;
  const char *here, *there; /* NULL: there is none, or it is the default */
} thaw_key_difference;

/* In what two texts differ, in the order of the first. Where another plugin stands in a section,
 * that is the only difference in the section. The list lives in the arena. */
thaw_status thaw_key_lines_compare(thaw_context *ctx, thaw_arena *arena, const thaw_key_lines *here,
                                   const thaw_key_lines *there, thaw_key_difference **differences,
                                   size_t *count);

#endif
