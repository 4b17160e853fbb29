/* experiment_slurm.c: the section slurm: what the jobs of a sweep ask of a cluster's queue.
 *
 * The section's own values are those of all stages; a stage's section in it changes some. How jobs
 * were queued changes no result: nothing of the section goes into the resolved tree, and so neither
 * into keys nor into comparisons. */
#include <string.h>

#include "base/context.h"
#include "config/reading.h"

enum { RESTARTS = 10 };

/* ---- What a table cannot express ------------------------------------------------------------ */

/* Numbers with colons between them: how many; 0: something else stands there. */
static size_t count_numbers(const char *text) {
  size_t count = 0;
  for (;;) {
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0) return 0;
    count++;
    text += digits;
    if (!*text) return count;
    if (*text++ != ':') return 0;
  }
}

/* minutes, M:S, H:M:S, D-H, D-H:M, D-H:M:S */
static bool is_time(const char *text) {
  const size_t days = strspn(text, "0123456789");
  const size_t count = count_numbers(days && text[days] == '-' ? text + days + 1 : text);
  return count >= 1 && count <= 3;
}

static bool is_memory(const char *text) {
  const size_t digits = strspn(text, "0123456789");
  const char *unit = text + digits;
  return digits && (!*unit || (strchr("KMGT", *unit) && !unit[1]));
}

static bool is_word(const char *text) {
  for (const char *c = text; *c; c++) {
    if ((unsigned char)*c <= ' ' || *c == 127) return false;
  }
  return true;
}

/* "--NAME" or "--NAME=VALUE"; in the value anything may stand but an end of a line. */
static bool is_option(const char *text) {
  const size_t name =
      strncmp(text, "--", 2) == 0 ? strspn(text + 2, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;
  return name && (!text[2 + name] || text[2 + name] == '=') && !strchr(text, '\n');
}

static thaw_status check_value(const thaw_reading *r, const thaw_section *section, const char *key,
                               bool (*is_good)(const char *), const char *expected) {
  const thaw_node *node = thaw_section_key(section, key);
  if (!node || is_good(node->text)) return THAW_OK;
  return thaw_reading_fail(r, node, section->path, key, "expected %s, found '%s'", expected,
                           node->text);
}

/* Options that would make something else of the submission than an array whose tasks are known. */
static thaw_status check_option(const thaw_reading *r, const thaw_section *section,
                                const thaw_node *node) {
  static const char *const own[] = {"array",   "dependency", "parsable", "comment", "signal",
                                    "requeue", "no-requeue", "wait",     "wrap",    "test-only",
                                    "help",    "usage",      "version"};
  if (!is_option(node->text)) {
    return thaw_reading_fail(r, node, section->path, "options",
                             "expected --NAME or --NAME=VALUE, found '%s'", node->text);
  }
  const char *name = node->text + 2;
  const size_t length = strcspn(name, "=");
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    if (strlen(own[i]) != length || strncmp(own[i], name, length) != 0) continue;
    return thaw_reading_fail(r, node, section->path, "options",
                             "--%s is set by thaw and cannot be given", own[i]);
  }
  return THAW_OK;
}

static thaw_status check_options(const thaw_reading *r, const thaw_section *section) {
  const thaw_node *node = thaw_section_key(section, "options");
  if (!node) return THAW_OK;
  if (node->kind == THAW_NODE_SCALAR) return check_option(r, section, node);
  for (const thaw_node *item = node->first; item; item = item->next) {
    const thaw_status status = check_option(r, section, item);
    if (status != THAW_OK) return status;
  }
  return THAW_OK;
}

static thaw_status check_job(const thaw_reading *r, const thaw_section *section) {
  static const char *const words[] = {"partition", "account", "qos"};
  thaw_status status = check_value(r, section, "time", is_time, "minutes, H:M:S or D-H:M:S");
  if (status == THAW_OK) {
    status = check_value(r, section, "memory", is_memory,
                         "a whole number and K, M, G or T (mebibytes without one)");
  }
  for (size_t i = 0; i < sizeof words / sizeof *words && status == THAW_OK; i++)
    status = check_value(r, section, words[i], is_word, "one word");
  return status == THAW_OK ? check_options(r, section) : status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Changes those values of the job that the section has. */
static thaw_status read_job(const thaw_reading *r, const thaw_section *parent, const char *key,
                            const thaw_level *level, thaw_section *section, thaw_slurm_job *job) {
  thaw_status status = thaw_section_open(r, parent, key, section);
  if (status == THAW_OK) status = thaw_section_check(r, section, level, 0);
  if (status == THAW_OK) status = thaw_section_values(r, section, level, 0, job);
  return status == THAW_OK ? check_job(r, section) : status;
}

thaw_status thaw_read_slurm(const thaw_reading *r, const thaw_section *top) {
  const thaw_level *level = thaw_level_key(&thaw_schema, "slurm")->level;
  thaw_slurm_job all = {.restarts = RESTARTS};
  thaw_node resolved = {.kind = THAW_NODE_MAP, .file = r->experiment->path}; /* is thrown away */
  const thaw_section aside = {top->node, top->path, &resolved};
  thaw_section slurm, stage;
  thaw_status status = read_job(r, &aside, "slurm", level, &slurm, &all);
  for (size_t kind = 0; kind < THAW_STAGE_KINDS && status == THAW_OK; kind++) {
    const char *name = thaw_stage_names[kind];
    thaw_slurm_job *job = &r->experiment->slurm[kind];
    *job = all;
    status = read_job(r, &slurm, name, thaw_level_key(level, name)->level, &stage, job);
  }
  return status;
}
