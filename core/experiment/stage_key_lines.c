/* stage_key_lines.c: reads what stage_key.c writes, part by part in its order: the head, the
 * stage's settings, plugins, data, what is taken over. */
#include "experiment/stage_key_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/hash.h"
#include "config/schema.h"
#include "plugin/registry.h"

enum { SHORT_HASH = 8 };

/* A text being taken apart. */
typedef struct reading {
  thaw_arena *arena;
  const char *stage, *data;
  char *key;         /* the setting of a stage whose value follows */
  char *section;     /* the plugin whose parameters follow: "encoder" */
  size_t schedules;  /* seen so far */
  const char *file;  /* the last of the files of the data set: "train" */
  size_t files;      /* of this kind so far */
  thaw_buffer lines; /* of thaw_key_line */
  bool ok;           /* false: no memory */
} reading;

/* ---- Adding ---------------------------------------------------------------------------------- */

static bool is_hash(const char *value) {
  return strlen(value) == THAW_HASH_TEXT - 1 &&
         strspn(value, "0123456789abcdef") == THAW_HASH_TEXT - 1;
}

/* Adds "PREFIX.NAME" (a prefix that is empty counts as none) with its value. */
static void add(reading *r, const char *prefix, const char *name, const char *value) {
  thaw_buffer setting = {0}, text = {0};
  r->ok = r->ok && thaw_buffer_format(&setting, "%s%s%s", prefix, *prefix ? "." : "", name) &&
          (is_hash(value) ? thaw_buffer_format(&text, "content %.*s", SHORT_HASH, value)
                          : thaw_buffer_text(&text, value));
  if (r->ok) {
    const thaw_key_line line = {thaw_arena_strdup(r->arena, setting.data),
                                thaw_arena_strdup(r->arena, text.data)};
    r->ok = line.setting && line.value && thaw_buffer_append(&r->lines, &line, sizeof line);
  }
  thaw_buffer_free(&setting);
  thaw_buffer_free(&text);
}

/* "stages.pretrain", "data.general", "stages.pretrain.schedule.0"; in the arena. */
static char *name_of(reading *r, const char *first, const char *second) {
  thaw_buffer name = {0};
  char *copy = NULL;
  if (thaw_buffer_format(&name, "%s.%s", first, second))
    copy = thaw_arena_strdup(r->arena, name.data);
  thaw_buffer_free(&name);
  if (!copy) r->ok = false;
  return copy;
}

/* Cuts the text at its first `mark` and returns what follows; NULL: there is none. */
static char *cut(char *text, const char *mark) {
  char *place = strstr(text, mark);
  if (!place) return NULL;
  *place = '\0';
  return place + strlen(mark);
}

static bool starts_with(const char *line, const char *start) {
  return strncmp(line, start, strlen(start)) == 0;
}

/* ---- The head and the stage's settings ------------------------------------------------------- */

/* True when the line belongs to the head, which ends with the sizes of the vocabulary. */
static bool read_head(reading *r, size_t number, char *line) {
  char *rest;
  if (number == 0) {
    add(r, "", "version of the key", line);
  } else if (number == 2 && starts_with(line, "seed ")) {
    add(r, "", "seed", line + 5);
  } else if (number == 3 && starts_with(line, "min_count ") && (rest = cut(line, " max_vocab "))) {
    add(r, "tokenizer", "min_count", line + 10);
    add(r, "tokenizer", "max_vocab", rest);
  } else {
    return number == 1;
  }
  return true;
}

/* "epochs:" begins a setting; its value follows on a line, or on several as "lr: 0.01". */
static bool read_setting(reading *r, char *line) {
  const size_t length = strlen(line);
  if (r->section || starts_with(line, "tokenizer ")) return false;
  if (length > 1 && line[length - 1] == ':' && strcspn(line, " \"") == length) {
    line[length - 1] = '\0';
    r->key = name_of(r, r->stage, line);
    return true;
  }
  if (!r->key) return false;
  char *value = *line != '"' ? cut(line, ": ") : NULL;
  if (value) {
    add(r, r->key, line, value);
  } else {
    add(r, "", r->key, line);
  }
  return true;
}

/* ---- Plugins --------------------------------------------------------------------------------- */

static bool is_kind(const char *word) {
  for (int kind = THAW_TOKENIZER; kind <= THAW_SCHEDULE; kind++) {
    if (strcmp(thaw_kind_name((thaw_plugin_kind)kind), word) == 0) return true;
  }
  return false;
}

/* The section of the config that a plugin of this kind stands in. */
static char *section_of(reading *r, const char *kind) {
  if (strcmp(kind, thaw_kind_name(THAW_SCHEDULE)) != 0) {
    char *section = thaw_arena_strdup(r->arena, kind);
    if (!section) r->ok = false;
    return section;
  }
  thaw_buffer place = {0};
  char *section = NULL;
  if (thaw_buffer_format(&place, "%s.%zu", kind, r->schedules++))
    section = name_of(r, r->stage, place.data);
  thaw_buffer_free(&place);
  if (!section) r->ok = false;
  return section;
}

/* "encoder awd_lstm 1", and " hidden 1152" for each parameter below. */
static bool read_plugin(reading *r, char *line) {
  if (*line == ' ' && r->section) {
    char *value = cut(line + 1, " ");
    add(r, r->section, line + 1, value ? value : "");
    return true;
  }
  char *name = cut(line, " ");
  char *version = name ? cut(name, " ") : NULL;
  if (!version || !is_kind(line)) {
    if (name) name[-1] = ' ';
    if (version) version[-1] = ' ';
    return false;
  }
  r->section = section_of(r, line);
  if (!r->ok) return true;
  add(r, r->section, "plugin", name);
  add(r, r->section, "plugin (its version)", version);
  return true;
}

/* ---- Data ------------------------------------------------------------------------------------ */

/* The words of the line of the data, and their keys in a config. */
static const char *const data_words[][2] = {{"cut", "label_cut"},
                                            {"prefix", "label_prefix"},
                                            {"fraction", "valid_fraction"},
                                            {"split", "split_seed"},
                                            {NULL, NULL}};

static const char *data_key(const char *word) {
  for (size_t i = 0; data_words[i][0]; i++) {
    if (strcmp(data_words[i][0], word) == 0) return data_words[i][1];
  }
  return word;
}

/* Ends the value at `at` with a NUL and returns what follows it. A text stands between quotes, and
 * may have quotes and blanks in it. */
static char *end_value(char **at) {
  char *value = *at, *rest;
  if (*value == '\'') {
    *at = value + 1;
    rest = cut(value + 1, "' ");
    if (!rest) {
      rest = value + strlen(value);
      if (rest[-1] == '\'') rest[-1] = '\0';
    }
    return rest;
  }
  rest = cut(value, " ");
  return rest ? rest : value + strlen(value);
}

/* The value as a config has it; `text` is room for it. */
static const char *data_value(const char *word, const char *value, char text[32]) {
  if (strcmp(word, "whole") == 0) return strcmp(value, "0") == 0 ? "false" : "true";
  if (strcmp(word, "fraction") != 0) return value;
  snprintf(text, 32, "%.10g", strtod(value, NULL));
  return text;
}

static const char *format_name(const char *number) {
  const thaw_key *data = thaw_level_key(&thaw_schema, "data");
  const char *const *names = data ? data->level->variants : NULL;
  const long wanted = strtol(number, NULL, 10);
  for (long i = 0; names && names[i]; i++) {
    if (i == wanted) return names[i];
  }
  return number;
}

/* "data 1 text 'text' label 'label' … fraction 0.1 split 1 labels 0"; below it "nested sample"
 * where that many labels are drawn within larger samples. */
static bool read_data(reading *r, char *line) {
  if (strcmp(line, "nested sample") == 0) {
    add(r, r->data, "labels (samples are nested)", "true");
    return true;
  }
  if (!starts_with(line, "data ")) return false;
  char *at = line + 5;
  char *rest = end_value(&at);
  add(r, r->data, "format", format_name(at));
  while (r->ok && *rest) {
    char *word = rest, *value = cut(rest, " ");
    if (!value) {
      add(r, r->data, word, "");
      break;
    }
    char text[32];
    rest = end_value(&value);
    add(r, r->data, data_key(word), data_value(word, value, text));
  }
  return true;
}

/* "train 0123…", once for every file. The first is the whole key while it is alone. */
static bool read_file(reading *r, char *line) {
  static const char *const names[] = {"train", "valid", "test", "unlabelled"};
  char *digits = cut(line, " ");
  for (size_t i = 0; digits && i < sizeof names / sizeof *names; i++) {
    if (strcmp(line, names[i]) != 0) continue;
    r->files = r->file == names[i] ? r->files + 1 : 0;
    r->file = names[i];
    thaw_buffer name = {0};
    r->ok = r->ok && (r->files > 0 ? thaw_buffer_format(&name, "%s.%zu", names[i], r->files)
                                   : thaw_buffer_text(&name, names[i]));
    if (r->ok) add(r, r->data, name.data, digits);
    thaw_buffer_free(&name);
    return true;
  }
  if (digits) digits[-1] = ' ';
  return false;
}

/* ---- What is taken over ---------------------------------------------------------------------- */

/* "transfer KEY STAGE all": KEY is that of the stage before, or the hash of a file; STAGE may be
 * empty; instead of all there may be several groups. */
static bool read_transfer(reading *r, char *line) {
  if (!starts_with(line, "transfer ")) return false;
  char *source = line + 9;
  char *stage = cut(source, " ");
  char *groups = stage ? cut(stage, " ") : NULL;
  thaw_buffer text = {0};
  char *name = name_of(r, r->stage, "transfer");
  r->ok = r->ok && thaw_buffer_format(&text, "%.*s", SHORT_HASH, source);
  if (r->ok) add(r, "", "what is taken over", text.data);
  if (r->ok && stage && *stage) add(r, name, "stage", stage);
  if (r->ok) add(r, "", name, groups ? groups : "");
  thaw_buffer_free(&text);
  return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void read_line(reading *r, size_t number, char *line) {
  if (number < 4 && read_head(r, number, line)) return;
  if (read_setting(r, line) || read_data(r, line) || read_file(r, line) || read_transfer(r, line) ||
      read_plugin(r, line)) {
    return;
  }
  char *value = cut(line, " ");
  add(r, "", line, value ? value : "");
}

/* Gives the names of the stage and of the data set to the reading; false: no memory. */
static bool name_parts(reading *r, const char *text, const char *data) {
  const char *name = strchr(text, '\n');
  char *stage = name ? thaw_arena_strndup(r->arena, name + 1, strcspn(name + 1, "\n")) : NULL;
  r->stage = name_of(r, "stages", stage ? stage : "?");
  r->data = name_of(r, "data", data);
  return r->ok;
}

thaw_status thaw_key_lines_read(thaw_context *ctx, thaw_arena *arena, const char *text,
                                const char *data, thaw_key_lines *lines) {
  reading r = {.arena = arena, .ok = true};
  *lines = (thaw_key_lines){0};
  char *copy = name_parts(&r, text, data) ? thaw_arena_strdup(arena, text) : NULL;
  size_t number = 0;
  for (char *line = copy, *next; r.ok && line; line = next) {
    next = cut(line, "\n");
    if (next || *line) read_line(&r, number++, line);
  }
  thaw_key_line *list = thaw_arena_alloc(arena, r.lines.size + 1);
  if (!copy || !list || !r.ok) {
    thaw_buffer_free(&r.lines);
    return thaw_fail_memory(ctx, strlen(text));
  }
  if (r.lines.size > 0) memcpy(list, r.lines.data, r.lines.size);
  *lines = (thaw_key_lines){list, r.lines.size / sizeof *list};
  thaw_buffer_free(&r.lines);
  return THAW_OK;
}

const char *thaw_key_lines_find(const thaw_key_lines *lines, const char *setting) {
  for (size_t i = 0; i < lines->count; i++) {
    if (strcmp(lines->lines[i].setting, setting) == 0) return lines->lines[i].value;
  }
  return NULL;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

/* Does `setting` belong to a section whose plugin is another one, as `whole` says? */
static bool is_of_other_plugin(const char *setting, const char *whole) {
  static const char ending[] = ".plugin";
  const size_t length = strlen(whole), end = sizeof ending - 1;
  return length > end && strcmp(whole + length - end, ending) == 0 &&
         strncmp(setting, whole, length - end + 1) == 0;
}

/* Is `setting` what the stage has in place of the setting `whole` of all stages? The latter has the
 * stage's value already: stages.finetune.seed and seed, stages.finetune.encoder.dropout and
 * encoder.dropout. */
static bool is_override(const char *setting, const char *whole) {
  static const char start[] = "stages.";
  if (!starts_with(setting, start)) return false;
  const char *inner = strchr(setting + sizeof start - 1, '.');
  return inner && strcmp(inner + 1, whole) == 0;
}

static size_t drop_told(thaw_key_difference *list, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    bool told = false;
    for (size_t k = 0; k < count && !told; k++) {
      const char *setting = list[i].setting, *whole = list[k].setting;
      told = k != i && (is_of_other_plugin(setting, whole) || is_override(setting, whole));
    }
    if (!told) list[kept++] = list[i];
  }
  return kept;
}

thaw_status thaw_key_lines_compare(thaw_context *ctx, thaw_arena *arena, const thaw_key_lines *here,
                                   const thaw_key_lines *there, thaw_key_difference **differences,
                                   size_t *count) {
  const size_t most = here->count + there->count + 1;
  thaw_key_difference *list = thaw_arena_alloc(arena, most * sizeof *list);
  *count = 0;
  if (!list) return thaw_fail_memory(ctx, most * sizeof *list);
  for (size_t i = 0; i < here->count; i++) {
    const thaw_key_line *line = &here->lines[i];
    const char *other = thaw_key_lines_find(there, line->setting);
    if (!other || strcmp(other, line->value) != 0)
      list[(*count)++] = (thaw_key_difference){line->setting, line->value, other};
  }
  for (size_t i = 0; i < there->count; i++) {
    const thaw_key_line *line = &there->lines[i];
    if (!thaw_key_lines_find(here, line->setting))
      list[(*count)++] = (thaw_key_difference){line->setting, NULL, line->value};
  }
  *count = drop_told(list, *count);
  *differences = list;
  return THAW_OK;
}
