/* report_moves.c: what is really taken over: how far training moved each group from the weights
 * that it began with, as a table of the last epoch and as curves. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_parts.h"
#include "base/context.h"

enum { MOST_GROUPS = 24 };

static bool same_moves(const report_strategy *a, const report_strategy *b, const void *user) {
  const report_stage *one = thaw_report_stage(a, user), *other = thaw_report_stage(b, user);
  if (!one || !other || one->moved_count == 0 || one->epoch_count == 0) return false;
  if (one->moved_count != other->moved_count || one->epoch_count != other->epoch_count)
    return false;
  for (size_t g = 0; g < one->moved_count; g++) {
    if (strcmp(one->moved[g], other->moved[g]) != 0 || one->taken[g] != other->taken[g])
      return false;
  }
  for (size_t i = 0; i < one->epoch_count * one->moved_count; i++) {
    const report_spread *x = &one->distances[i], *y = &other->distances[i];
    if (x->low != y->low || x->high != y->high || (x->count == 0) != (y->count == 0)) return false;
  }
  return true;
}

/* ---- The table of the last epoch ------------------------------------------------------------- */

typedef struct group_names {
  const char *names[MOST_GROUPS];
  size_t count;
} group_names;

static void add_names(const report_stage *stage, group_names *all) {
  for (size_t g = 0; g < stage->moved_count; g++) {
    size_t known = 0;
    while (known < all->count && strcmp(all->names[known], stage->moved[g]) != 0) known++;
    if (known == all->count && all->count < MOST_GROUPS) all->names[all->count++] = stage->moved[g];
  }
}

static void write_distance(report_page *page, const report_stage *stage, const char *name) {
  size_t g = 0;
  while (g < stage->moved_count && strcmp(stage->moved[g], name) != 0) g++;
  const report_spread *last =
      g < stage->moved_count ? &stage->distances[(stage->epoch_count - 1) * stage->moved_count + g]
                             : NULL;
  if (!last || last->count == 0) {
    thaw_page_html(page, "<td class=\"n\">–</td>");
    return;
  }
  const double mean = thaw_report_spread_mean(last);
  thaw_page_html(page, stage->taken[g] ? "<td class=\"n taken\">" : "<td class=\"n\">");
  thaw_page_format(page, "%.3g", mean);
  thaw_page_html(page, stage->taken[g] ? " <small>taken</small></td>" : "</td>");
}

static void write_table(report_page *page, const report_data *data, const char *name,
                        const size_t *first) {
  group_names all = {0};
  for (size_t i = 0; i < data->count; i++)
    if (first[i] == i) add_names(thaw_report_stage(&data->strategies[i], name), &all);
  thaw_page_html(
      page,
      "<div class=\"wide\" tabindex=\"0\">\n<table>\n<caption>Distance after the last epoch, "
      "mean over seeds</caption>\n<thead><tr><th scope=\"col\">strategy</th>");
  for (size_t g = 0; g < all.count; g++) {
    thaw_page_html(page, "<th scope=\"col\" class=\"n\">");
    thaw_page_text(page, all.names[g]);
    thaw_page_html(page, "</th>");
  }
  thaw_page_html(page, "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < data->count; i++) {
    if (first[i] != i) continue;
    thaw_page_html(page, "<tr><th scope=\"row\">");
    thaw_page_strategies(page, data, first, i);
    thaw_page_html(page, "</th>");
    for (size_t g = 0; g < all.count; g++)
      write_distance(page, thaw_report_stage(&data->strategies[i], name), all.names[g]);
    thaw_page_html(page, "</tr>\n");
  }
  thaw_page_html(page, "</tbody>\n</table>\n</div>\n");
}

/* ---- Curves ---------------------------------------------------------------------------------- */

/* Of each group x, mean, low, high, beginning with epoch 0, where the distance is 0. */
static void take_numbers(const report_stage *stage, double *all, thaw_plot_series *lines,
                         thaw_plot_band *bands) {
  const size_t points = stage->epoch_count + 1;
  for (size_t g = 0; g < stage->moved_count; g++) {
    double *x = all + 4 * g * points, *mean = x + points, *low = mean + points,
           *high = low + points;
    x[0] = mean[0] = low[0] = high[0] = 0;
    for (size_t e = 0; e < stage->epoch_count; e++) {
      const report_spread *spread = &stage->distances[e * stage->moved_count + g];
      x[e + 1] = (double)e + 1;
      mean[e + 1] = thaw_report_spread_mean(spread);
      low[e + 1] = spread->count > 1 ? spread->low : NAN;
      high[e + 1] = spread->count > 1 ? spread->high : NAN;
    }
    lines[g] = (thaw_plot_series){stage->moved[g], x, mean, points, THAW_PLOT_COLOUR};
    bands[g] = (thaw_plot_band){g, x, low, high, points};
  }
}

/* Groups of which one moved a hundred times as far as another need a logarithmic axis, on which a
 * group that has not moved has no place. */
static bool is_wide(const report_stage *stage) {
  double least = INFINITY, most = 0;
  for (size_t g = 0; g < stage->moved_count; g++) {
    const report_spread *last =
        &stage->distances[(stage->epoch_count - 1) * stage->moved_count + g];
    const double mean = thaw_report_spread_mean(last);
    if (!(mean > 0)) continue;
    least = fmin(least, mean);
    most = fmax(most, mean);
  }
  return most > 20 * least;
}

static void describe(const report_stage *stage, thaw_buffer *text) {
  for (size_t g = 0; g < stage->moved_count; g++) {
    const report_spread *last =
        &stage->distances[(stage->epoch_count - 1) * stage->moved_count + g];
    thaw_buffer_format(text, "%s%s (%s) %.3g", g ? "; " : "After the last epoch: ", stage->moved[g],
                       stage->taken[g] ? "taken over" : "not taken over",
                       thaw_report_spread_mean(last));
  }
}

static thaw_status draw(report_page *page, const report_stage *stage, const char *caption) {
  const size_t points = stage->epoch_count + 1, groups = stage->moved_count;
  thaw_buffer title = {0}, description = {0};
  double *all = malloc((4 * groups * points + 1) * sizeof *all);
  thaw_plot_series *lines = calloc(groups + 1, sizeof *lines);
  thaw_plot_band *bands = calloc(groups + 1, sizeof *bands);
  const bool ok = all && lines && bands, wide = is_wide(stage);
  if (ok) {
    take_numbers(stage, all, lines, bands);
    const double room = 0.02 * (double)stage->epoch_count;
    const thaw_plot_panel panel = {
        .y = {.label = "distance", .logarithmic = wide, .from_zero = !wide},
        .series = lines,
        .series_count = groups,
        .bands = bands,
        .band_count = groups,
        .dots = points <= 30,
        .height = 170};
    const thaw_plot plot = {.x = {.label = "epoch",
                                  .low = (wide ? 1 : 0) - room,
                                  .high = (double)stage->epoch_count + room,
                                  .whole = true},
                            .panels = &panel,
                            .panel_count = 1,
                            .width = 480,
                            .text = true};
    thaw_buffer_format(&title, "%s: relative distance of every group by epoch", stage->name);
    describe(stage, &description);
    thaw_page_figure(page, &plot, title.data, description.data, caption);
  }
  thaw_buffer_free(&title);
  thaw_buffer_free(&description);
  free(all);
  free(lines);
  free(bands);
  return ok ? THAW_OK : thaw_fail_memory(page->ctx, groups * points * sizeof *all);
}

static thaw_status write_kind(report_page *page, const report_data *data, const char *name,
                              const size_t *first, size_t kind) {
  report_page caption = {.ctx = page->ctx};
  thaw_page_strategies(&caption, data, first, kind);
  thaw_status status =
      draw(page, thaw_report_stage(&data->strategies[kind], name), caption.html.data);
  if (caption.failed) page->failed = true;
  thaw_buffer_free(&caption.html);
  return status;
}

static thaw_status write_stage(report_page *page, const report_data *data, const char *stage,
                               size_t *first, bool *any) {
  if (thaw_report_kinds(data, same_moves, stage, first) == 0) return THAW_OK;
  *any = true;
  thaw_page_format(page, "<h3>%s</h3>\n", stage);
  write_table(page, data, stage, first);
  return thaw_page_kinds(page, data, stage, first, write_kind);
}

thaw_status thaw_report_moves(report_page *page, const report_data *data) {
  static const char *const stages[] = {"classify", "finetune", "pretrain"};
  size_t *first = malloc((data->count + 1) * sizeof *first);
  thaw_status status = first ? THAW_OK : thaw_fail_memory(data->ctx, data->count);
  bool any = false;
  thaw_page_section(page, "moves", "How far each group moved");
  thaw_page_html(
      page,
      "<p>‖w − w₀‖ / ‖w₀‖: how far training moved a group’s weights from those that "
      "the stage began with, as a share of their size. Groups marked "
      "<small>taken</small> began with weights that were taken over, the others with their "
      "own first values; what was taken over and hardly moved is what was really "
      "transferred.</p>\n");
  for (size_t i = 0; i < sizeof stages / sizeof *stages && status == THAW_OK; i++)
    status = write_stage(page, data, stages[i], first, &any);
  if (!any)
    thaw_page_html(page,
                   "<p>These run files were written by a version that did not "
                   "measure it.</p>\n");
  thaw_page_section_end(page);
  free(first);
  return status;
}
