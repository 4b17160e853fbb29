/* report_rates.c: what the schedules did: the rate of every group over the steps, and the moments
 * of thawing. Rates are those of a strategy's first run; equal ones are drawn once. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/escape.h"
#include "analysis/report_parts.h"
#include "base/context.h"

static bool same_rates(const report_strategy *a, const report_strategy *b, const void *user) {
  const report_stage *one = thaw_report_stage(a, user), *other = thaw_report_stage(b, user);
  if (!one || !other || one->point_count == 0 || one->point_count != other->point_count)
    return false;
  if (one->step_count != other->step_count || one->group_count != other->group_count) return false;
  for (size_t g = 0; g < one->group_count; g++) {
    const report_group *x = &one->groups[g], *y = &other->groups[g];
    if (strcmp(x->name, y->name) != 0 || x->thawed != y->thawed) return false;
    if (memcmp(x->rates, y->rates, one->point_count * sizeof *x->rates) != 0) return false;
  }
  return true;
}

/* ---- One picture ----------------------------------------------------------------------------- */

/* "rnn.1 from step 48 (epoch 3)", of groups that are not trained from the start; HTML. */
static bool tell_thaws(const report_stage *stage, thaw_buffer *text) {
  bool ok = true, any = false;
  for (size_t g = stage->group_count; ok && g > 0; g--) {
    const report_group *group = &stage->groups[g - 1];
    if (group->thawed == 0) continue;
    ok = thaw_buffer_text(text, any ? ", " : "") && thaw_escape(text, group->name);
    if (group->thawed < 0)
      ok = ok && thaw_buffer_text(text, " never");
    else
      ok = ok && thaw_buffer_format(text, " from step %" PRId64 " (epoch %" PRId64 ")",
                                    group->thawed + 1, group->thawed_epoch + 1);
    any = true;
  }
  return ok && (any || thaw_buffer_text(text, "every group from the first step"));
}

/* The same for those who cannot see the picture, with the highest rates. */
static void describe(const report_stage *stage, thaw_buffer *text) {
  for (size_t g = stage->group_count; g > 0; g--) {
    const report_group *group = &stage->groups[g - 1];
    double highest = 0;
    for (size_t i = 0; i < stage->point_count; i++) highest = fmax(highest, group->rates[i]);
    thaw_buffer_format(text, "%s: rate up to %.3g", group->name, highest);
    if (group->thawed > 0)
      thaw_buffer_format(text, ", trained from step %" PRId64 " on", group->thawed + 1);
    thaw_buffer_text(text, g > 1 ? "; " : ".");
  }
}

/* Room for a picture: lines with gaps where a group is frozen, strips, and marks. */
typedef struct room {
  double *gapped; /* [group_count][point_count] */
  thaw_plot_series *lines, *strips;
  thaw_plot_mark *marks;
} room;

static bool make_room(const report_stage *stage, room *r) {
  const size_t groups = stage->group_count + 1;
  *r = (room){.gapped = malloc(groups * stage->point_count * sizeof *r->gapped),
              .lines = calloc(groups, sizeof *r->lines),
              .strips = calloc(groups, sizeof *r->strips),
              .marks = calloc(groups, sizeof *r->marks)};
  return r->gapped && r->lines && r->strips && r->marks;
}

static void free_room(room *r) {
  free(r->gapped);
  free(r->lines);
  free(r->strips);
  free(r->marks);
}

/* Returns how many marks there are. */
static size_t fill_room(const report_stage *stage, room *r) {
  const size_t points = stage->point_count;
  size_t marks = 0;
  for (size_t g = 0; g < stage->group_count; g++) {
    const report_group *group = &stage->groups[g];
    double *gapped = r->gapped + g * points;
    for (size_t i = 0; i < points; i++) gapped[i] = group->rates[i] > 0 ? group->rates[i] : NAN;
    r->lines[g] = (thaw_plot_series){NULL, stage->steps, gapped, points, THAW_PLOT_COLOUR};
    r->strips[g] =
        (thaw_plot_series){group->name, stage->steps, group->rates, points, THAW_PLOT_COLOUR};
    if (group->thawed > 0) r->marks[marks++] = (thaw_plot_mark){(double)group->thawed, group->name};
  }
  return marks;
}

static thaw_status draw(report_page *page, const report_stage *stage, const char *caption) {
  room r;
  thaw_buffer title = {0}, description = {0};
  thaw_status status =
      make_room(stage, &r) ? THAW_OK : thaw_fail_memory(page->ctx, stage->point_count);
  if (status == THAW_OK) {
    const size_t marks = fill_room(stage, &r);
    const thaw_plot_panel panels[] = {{.y = {.label = "rate", .from_zero = true},
                                       .series = r.lines,
                                       .series_count = stage->group_count,
                                       .marks = r.marks,
                                       .mark_count = marks,
                                       .height = 150},
                                      {.y = {.label = "trained (grey: frozen)"},
                                       .series = r.strips,
                                       .series_count = stage->group_count,
                                       .strips = true}};
    const thaw_plot plot = {
        .x = {.label = "step", .high = (double)stage->step_count, .whole = true},
        .panels = panels,
        .panel_count = 2,
        .width = 480,
        .text = true};
    thaw_buffer_format(&title, "%s: rate of every group by step", stage->name);
    describe(stage, &description);
    thaw_page_figure(page, &plot, title.data, description.data, caption);
  }
  thaw_buffer_free(&title);
  thaw_buffer_free(&description);
  free_room(&r);
  return status;
}

/* ---- One stage ------------------------------------------------------------------------------- */

/* The caption is made as a page is. */
static thaw_status write_kind(report_page *page, const report_data *data, const char *name,
                              const size_t *first, size_t kind) {
  const report_stage *stage = thaw_report_stage(&data->strategies[kind], name);
  report_page caption = {.ctx = page->ctx};
  thaw_page_strategies(&caption, data, first, kind);
  thaw_page_html(&caption, "; trained: ");
  if (!tell_thaws(stage, &caption.html)) caption.failed = true;
  thaw_status status = draw(page, stage, caption.html.data);
  if (caption.failed) page->failed = true;
  thaw_buffer_free(&caption.html);
  return status;
}

static thaw_status write_stage(report_page *page, const report_data *data, const char *stage,
                               size_t *first) {
  if (thaw_report_kinds(data, same_rates, stage, first) == 0) return THAW_OK;
  thaw_page_format(page, "<h3>%s</h3>\n", stage);
  return thaw_page_kinds(page, data, stage, first, write_kind);
}

thaw_status thaw_report_rates(report_page *page, const report_data *data) {
  static const char *const stages[] = {"classify", "finetune", "pretrain"};
  size_t *first = malloc((data->count + 1) * sizeof *first);
  thaw_status status = first ? THAW_OK : thaw_fail_memory(data->ctx, data->count);
  thaw_page_section(page, "rates", "Rates and thawing");
  thaw_page_html(page,
                 "<p>The learning rate of every group; where it is frozen its line has a gap "
                 "and its strip is grey. A dashed line is the moment at which the group beside "
                 "it is first trained.</p>\n");
  for (size_t i = 0; i < sizeof stages / sizeof *stages && status == THAW_OK; i++)
    status = write_stage(page, data, stages[i], first);
  thaw_page_section_end(page);
  free(first);
  return status;
}
