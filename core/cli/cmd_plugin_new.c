/* cmd_plugin_new.c: `thaw plugin new`: a folder with a plugin to begin with.
 *
 * The folder is made first, which fails if there is one; whatever goes wrong later removes it and
 * what has been written into it. So nothing is overwritten, and no half of it stays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/plugin_templates.h"

typedef struct new_settings {
  const char *folder;
} new_settings;

static const thaw_option options[] = {{.name = "folder",
                                       .letter = 'd',
                                       .type = THAW_OPTION_TEXT,
                                       .offset = offsetof(new_settings, folder),
                                       .value_name = "FOLDER",
                                       .default_value = ".",
                                       .doc = "make the plugin's folder there"},
                                      {0}};

/* What the new folder has: the template, and the file's name, in which as in all texts my_kind and
 * my_plugin are replaced. */
static const struct part {
  const char *template, *file, *doc;
} parts[] = {
    {"my_kind.c", "my_plugin.c", "the plugin: a small one that works, to be changed"},
    {"my_kind.yaml", "test.yaml", "an experiment of a second with it"},
    {"test.csv", "test.csv", "its data"},
    {"plugin.mk", "Makefile", "make, make check, make install"},
    {"README.md", "README.md", "what to edit and to try; Autotools, CMake and Meson"},
    {"gitignore", ".gitignore", NULL},
};
enum { PARTS = sizeof parts / sizeof *parts };

/* What is made, and where. */
typedef struct scaffold {
  thaw_context *ctx;
  const char *kind, *name;
  char *folder;
} scaffold;

/* ---- What is asked for ----------------------------------------------------------------------- */

static thaw_status find_kind(thaw_context *ctx, const char *word, thaw_plugin_kind *kind) {
  const char *known[THAW_SCHEDULE];
  for (int k = THAW_TOKENIZER; k <= THAW_SCHEDULE; k++) {
    *kind = (thaw_plugin_kind)k;
    known[k - THAW_TOKENIZER] = thaw_kind_name(*kind);
    if (strcmp(word, thaw_kind_name(*kind)) == 0) return THAW_OK;
  }
  const char *nearest = thaw_nearest(word, known, THAW_SCHEDULE);
  if (nearest) {
    return thaw_fail(ctx, THAW_INVALID, "there is no kind '%s' of plugins; did you mean '%s'?",
                     word, nearest);
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "there is no kind '%s' of plugins; expected tokenizer, encoder, head or "
                   "schedule, and then the new plugin's name",
                   word);
}

static thaw_status check_name(thaw_context *ctx, const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz", digits[] = "0123456789";
  const char *text = name;
  if (*text && strchr(letters, *text)) {
    while (*text && (*text == '_' || strchr(letters, *text) || strchr(digits, *text))) text++;
    if (!*text) return THAW_OK;
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "'%s' is no name for a plugin: lower case letters, digits and _, the first one "
                   "a letter",
                   name);
}

/* A plugin of the same name would be hidden by the new one, or hide it. */
static thaw_status check_free(const thaw_call *call, thaw_plugin_kind kind, const char *name) {
  const thaw_plugin *known;
  const thaw_status status = thaw_registry_find(call->registry, call->ctx, kind, name, &known);
  if (status == THAW_OK) {
    return thaw_fail(call->ctx, THAW_INVALID,
                     "there is a %s plugin called '%s' already (%s): one of the two would hide the "
                     "other; choose another name",
                     thaw_kind_name(kind), name, known->path);
  }
  return status == THAW_INTERRUPTED ? status : THAW_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Appends the text with the placeholders replaced. */
static bool fill_in(thaw_buffer *out, const char *text, const scaffold *s) {
  static const char plugin[] = "my_plugin", kind[] = "my_kind";
  bool ok = true;
  while (ok && *text) {
    if (strncmp(text, plugin, strlen(plugin)) == 0) {
      ok = thaw_buffer_text(out, s->name);
      text += strlen(plugin);
    } else if (strncmp(text, kind, strlen(kind)) == 0) {
      ok = thaw_buffer_text(out, s->kind);
      text += strlen(kind);
    } else {
      const size_t count = 1 + strcspn(text + 1, "m");
      ok = thaw_buffer_append(out, text, count);
      text += count;
    }
  }
  return ok && thaw_buffer_text(out, "");
}

static const char *template_text(const char *name) {
  const thaw_plugin_template *t = thaw_plugin_templates;
  while (t->name && strcmp(t->name, name) != 0) t++;
  return t->text;
}

/* The path of a part in the new folder; malloc'ed; NULL: no memory. */
static char *path_of(const scaffold *s, const struct part *part) {
  thaw_buffer file = {0};
  char *path = fill_in(&file, part->file, s) ? thaw_path_join(s->folder, file.data) : NULL;
  thaw_buffer_free(&file);
  return path;
}

static thaw_status write_part(const scaffold *s, const struct part *part) {
  thaw_buffer name = {0}, text = {0};
  char *path = path_of(s, part);
  thaw_status status;
  if (path && fill_in(&name, part->template, s) && fill_in(&text, template_text(name.data), s)) {
    status = thaw_write_file(s->ctx, path, text.data, text.size);
  } else {
    status = thaw_fail_memory(s->ctx, text.size);
  }
  free(path);
  thaw_buffer_free(&name);
  thaw_buffer_free(&text);
  return status;
}

/* Takes back what was made by this program; parts that are not there yet do not matter. */
static void remove_all(const scaffold *s) {
  for (size_t i = 0; i < PARTS; i++) {
    char *path = path_of(s, &parts[i]);
    if (path) unlink(path);
    free(path);
  }
  rmdir(s->folder);
}

static thaw_status write_all(const scaffold *s) {
  if (mkdir(s->folder, 0777) != 0) {
    const int why = errno;
    if (why == EEXIST)
      return thaw_fail(s->ctx, THAW_INVALID, "%s is there already; nothing was written", s->folder);
    return thaw_fail(s->ctx, THAW_FAILED, "cannot make the folder %s: %s", s->folder,
                     strerror(why));
  }
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < PARTS && status == THAW_OK; i++) status = write_part(s, &parts[i]);
  if (status != THAW_OK) remove_all(s);
  return status;
}

/* ---- The command ----------------------------------------------------------------------------- */

/* What was made and what to type next. */
static void print_result(const thaw_call *call, const scaffold *s) {
  const size_t longest = strlen("test.yaml"), own = strlen(s->name) + strlen(".c");
  const int width = (int)(own > longest ? own : longest);
  fprintf(call->out, "%s/ has a plugin of the kind %s that works:\n\n", s->folder, s->kind);
  for (size_t i = 0; i < PARTS; i++) {
    thaw_buffer file = {0};
    if (parts[i].doc && fill_in(&file, parts[i].file, s))
      fprintf(call->out, "  %-*s  %s\n", width, file.data, parts[i].doc);
    thaw_buffer_free(&file);
  }
  fprintf(call->out,
          "\nNext:\n\n  cd %s\n  make check      # builds it, checks it, trains with it\n"
          "  make install    # into your own plugin folder\n",
          s->folder);
}

static thaw_status run(const thaw_call *call) {
  const new_settings *settings = call->settings;
  const char *const *words = call->operands.words;
  thaw_plugin_kind kind;
  thaw_status status = find_kind(call->ctx, words[0], &kind);
  if (status == THAW_OK) status = check_name(call->ctx, words[1]);
  if (status == THAW_OK) status = check_free(call, kind, words[1]);
  if (status != THAW_OK) return status;
  const bool here = strcmp(settings->folder, ".") == 0;
  scaffold s = {.ctx = call->ctx, .kind = words[0], .name = words[1]};
  s.folder = here ? strdup(s.name) : thaw_path_join(settings->folder, s.name);
  if (!s.folder) return thaw_fail_memory(call->ctx, strlen(s.name));
  thaw_error_clear(call->ctx);
  status = write_all(&s);
  if (status == THAW_OK) print_result(call, &s);
  free(s.folder);
  return status;
}

const thaw_command thaw_command_plugin_new = {
    .name = "plugin new",
    .operands = "KIND NAME",
    .summary = "Write a folder with a new plugin to begin with.",
    .description =
        "KIND is tokenizer, encoder, head or schedule; NAME has lower case letters, digits and _, "
        "and is not that of a plugin of this kind which can be found. The folder NAME has an "
        "example of the kind in at most 60 lines of C, a Makefile (make, make check, make install) "
        "that finds the installed thaw by pkg-config, an experiment of a second with its data, and "
        "a README with what to edit and with lines for Autotools, CMake and Meson. Nothing that "
        "exists is overwritten.",
    .options = options,
    .settings_size = sizeof(new_settings),
    .fewest = 2,
    .most = 2,
    .run = run,
};
