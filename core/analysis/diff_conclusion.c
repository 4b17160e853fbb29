/* diff_conclusion.c: from what differs to why: what went in comes before what it was computed with,
 * and a difference of the size of rounding is told from one that threads and processors cannot
 * explain. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/diff_parts.h"
#include "base/context.h"

enum { SHOWN = 6 }; /* items of a list */
/* Sums of floats in another order differ in their last bits, some 1e-7 of their size; the loss of a
 * step comes of a thousand such sums, and of steps before that were rounded otherwise. */
static const double LARGEST_ROUNDING = 1e-4;

/* The length of the list's first items; `*more`: there are others. */
static size_t shown_length(const thaw_buffer *list, bool *more) {
  size_t items = 0;
  *more = false;
  for (size_t i = 0; i < list->size; i++) {
    if (list->data[i] != ',' || ++items < SHOWN) continue;
    *more = true;
    return i;
  }
  return list->size;
}

typedef struct writer {
  thaw_buffer text;
  size_t causes;
  bool ok;
} writer;

static void add_cause(writer *w, const char *name, const thaw_buffer *list) {
  bool more;
  if (list->size == 0) return;
  const size_t length = shown_length(list, &more);
  w->ok &= thaw_buffer_format(&w->text, "%s%s (%.*s%s)", w->causes++ ? "; " : "", name, (int)length,
                              list->data, more ? ", …" : "");
}

/* Where the losses part, if they do. */
static void add_parting(writer *w, const diff_facts *facts, const char *end) {
  if (!facts->stage) return;
  w->ok &= thaw_buffer_format(&w->text,
                              " The losses part at step %" PRId64 " (epoch %" PRId64
                              ") of %s, by %.2g of their size%s",
                              facts->step, facts->epoch, facts->stage, facts->gap, end);
}

static bool is_rounding(const diff_facts *facts) {
  return facts->stage && facts->gap <= LARGEST_ROUNDING;
}

/* Something went in that was not the same. */
static void tell_causes(writer *w, const diff_facts *f) {
  const size_t count =
      (f->settings.size > 0) + (f->data.size > 0) + (f->versions.size > 0) + (f->machine.size > 0);
  w->ok &= thaw_buffer_text(
      &w->text, count == 1 ? "The likely cause is " : "The likely causes, the likeliest first: ");
  add_cause(w, "the config", &f->settings);
  add_cause(w, "the data", &f->data);
  add_cause(w, "another version", &f->versions);
  add_cause(w, "the environment, by rounding", &f->machine);
  w->ok &= thaw_buffer_text(&w->text, ".");
  add_parting(w, f, ".");
}

/* The same went in, but it was computed with something else. */
static void tell_machine(writer *w, const diff_facts *f) {
  w->ok &= thaw_buffer_text(&w->text, "Only ");
  add_cause(w, "the environment", &f->machine);
  w->ok &= thaw_buffer_text(&w->text, " differs: sums are rounded otherwise.");
  add_parting(w, f,
              is_rounding(f) ? ", as rounding makes them, and further from there."
                             : ", which is more than rounding makes of them: is it the same build "
                               "of thaw and of the plugins?");
}

static void tell_nothing(writer *w, const diff_facts *f) {
  w->ok &= thaw_buffer_text(
      &w->text,
      f->other_keys
          ? "Nothing that is recorded differs, but the runs were made of other contents: look at "
            "what they take over from (a file of other contents under the same name), and at the "
            "plugins' files."
          : "The same went in, but not the same came out: another build of thaw or of a plugin "
            "under the same version, or a machine that errs.");
  add_parting(w, f, ".");
}

/* What came out is the same. */
static void tell_same(writer *w, const thaw_diff *diff) {
  size_t count = 0;
  w->ok &= thaw_buffer_text(&w->text, "What came out is the same, bit for bit, though ");
  for (size_t i = 0; i < THAW_DIFF_VOCABULARY; i++) {
    if (!diff->sections[i].differs) continue;
    w->ok &= thaw_buffer_format(&w->text, "%s%s", count++ ? " and " : "", diff->sections[i].name);
  }
  w->ok &= thaw_buffer_text(&w->text, count == 1 ? " differs." : " differ.");
}

static bool same_file(const thaw_diff *diff) {
  struct stat a, b;
  return stat(diff->paths[0], &a) == 0 && stat(diff->paths[1], &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

static void tell_unfinished(writer *w, const diff_reader *r) {
  const bool a = thaw_run_complete(r->runs[0]), b = thaw_run_complete(r->runs[1]);
  if (a && b) return;
  w->ok &= thaw_buffer_format(&w->text, "%s%s not finished: weights and metrics are those of %s.",
                              w->text.size ? " " : "",
                              !a && !b ? "A and B are"
                              : !a     ? "A is"
                                       : "B is",
                              !a && !b ? "checkpoints" : "a checkpoint");
}

thaw_status thaw_diff_conclude(diff_reader *r) {
  const thaw_diff *diff = r->diff;
  const diff_facts *f = &r->facts;
  const bool unfinished = !thaw_run_complete(r->runs[0]) || !thaw_run_complete(r->runs[1]);
  writer w = {.ok = true};
  bool outcome = false;
  for (size_t i = THAW_DIFF_VOCABULARY; i < THAW_DIFF_SECTIONS; i++)
    outcome |= diff->sections[i].differs;
  if (same_file(diff)) {
    w.ok = thaw_buffer_text(&w.text, "A and B are one file.");
  } else if (!diff->differs) {
    w.ok = thaw_buffer_text(&w.text,
                            "Nothing differs: config, data and environment are the same, and "
                            "so is every bit that came of them.");
  } else if (!outcome) {
    tell_same(&w, diff);
  } else if (f->settings.size || f->data.size || f->versions.size) {
    tell_causes(&w, f);
  } else if (f->machine.size) {
    tell_machine(&w, f);
  } else if (!unfinished || f->stage) {
    tell_nothing(&w, f);
  }
  tell_unfinished(&w, r);
  const char *text = w.ok ? thaw_arena_strdup(diff->arena, w.text.size ? w.text.data : "") : NULL;
  r->diff->conclusion = text;
  thaw_buffer_free(&w.text);
  return text ? THAW_OK : thaw_fail_memory(r->ctx, w.text.size);
}
