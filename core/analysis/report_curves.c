/* report_curves.c: what was measured after every epoch, strategy by strategy: the mean over seeds,
 * with the band between the lowest and the highest seed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_parts.h"
#include "base/context.h"

enum { LINES = 6 /* in a picture */, PICTURES = 2 /* side by side */ };

static const char *const measures[REPORT_MEASURES] = {
    [REPORT_ACCURACY] = "validation accuracy",
    [REPORT_PERPLEXITY] = "validation perplexity",
    [REPORT_VALID_LOSS] = "validation loss",
    [REPORT_TRAIN_LOSS] = "training loss",
};

/* A stage's curves at work. */
typedef struct curves {
  report_page *page;
  const report_data *data;
  const char *stage;
  size_t *first;                                        /* which strategies look the same */
  double least[REPORT_MEASURES], most[REPORT_MEASURES]; /* of all curves; least > most: none */
  size_t epochs;                                        /* of the longest */
} curves;

/* Sums of equal numbers over other numbers of seeds differ in the last bits. */
static bool same_spread(const report_spread *a, const report_spread *b) {
  if (a->count == 0 || b->count == 0) return a->count == b->count;
  const double x = thaw_report_spread_mean(a), y = thaw_report_spread_mean(b);
  return a->low == b->low && a->high == b->high && fabs(x - y) <= 1e-9 * fabs(x);
}

static bool same_curves(const report_strategy *a, const report_strategy *b, const void *user) {
  const report_stage *one = thaw_report_stage(a, user), *other = thaw_report_stage(b, user);
  if (!one || !other || one->epoch_count == 0 || one->epoch_count != other->epoch_count)
    return false;
  for (size_t e = 0; e < one->epoch_count; e++) {
    for (size_t m = 0; m < REPORT_MEASURES; m++) {
      if (!same_spread(&one->measures[e][m], &other->measures[e][m])) return false;
    }
  }
  return true;
}

static void find_ranges(curves *c) {
  for (size_t m = 0; m < REPORT_MEASURES; m++) {
    c->least[m] = INFINITY;
    c->most[m] = -INFINITY;
  }
  for (size_t i = 0; i < c->data->count; i++) {
    if (c->first[i] != i) continue;
    const report_stage *stage = thaw_report_stage(&c->data->strategies[i], c->stage);
    if (stage->epoch_count > c->epochs) c->epochs = stage->epoch_count;
    for (size_t e = 0; e < stage->epoch_count; e++) {
      for (size_t m = 0; m < REPORT_MEASURES; m++) {
        const report_spread *spread = &stage->measures[e][m];
        if (spread->count == 0) continue;
        c->least[m] = fmin(c->least[m], spread->low);
        c->most[m] = fmax(c->most[m], spread->high);
      }
    }
  }
}

/* ---- One picture ----------------------------------------------------------------------------- */

/* The numbers of a picture: for each line x, mean, low, high [epochs]. */
typedef struct numbers {
  double *all;
  thaw_plot_series lines[LINES];
  thaw_plot_band bands[LINES];
} numbers;

static void take_numbers(const curves *c, const size_t *kinds, size_t count, report_measure m,
                         numbers *n) {
  for (size_t line = 0; line < count; line++) {
    const report_stage *stage = thaw_report_stage(&c->data->strategies[kinds[line]], c->stage);
    double *x = n->all + 4 * line * c->epochs, *mean = x + c->epochs, *low = mean + c->epochs,
           *high = low + c->epochs;
    for (size_t e = 0; e < stage->epoch_count; e++) {
      const report_spread *spread = &stage->measures[e][m];
      x[e] = (double)e + 1;
      mean[e] = thaw_report_spread_mean(spread);
      low[e] = spread->count > 1 ? spread->low : NAN;
      high[e] = spread->count > 1 ? spread->high : NAN;
    }
    n->lines[line] = (thaw_plot_series){NULL, x, mean, stage->epoch_count, THAW_PLOT_COLOUR};
    n->bands[line] = (thaw_plot_band){line, x, low, high, stage->epoch_count};
  }
}

/* "concat · all: 0.91 at the end; …" */
static void describe(const curves *c, const size_t *kinds, size_t count, report_measure m,
                     thaw_buffer *text) {
  thaw_buffer_format(text, "Mean over seeds after each epoch. At the end: ");
  for (size_t line = 0; line < count; line++) {
    const report_strategy *strategy = &c->data->strategies[kinds[line]];
    const report_stage *stage = thaw_report_stage(strategy, c->stage);
    const report_spread *spread = &stage->measures[stage->epoch_count - 1][m];
    thaw_buffer_format(text, "%s%s %.3g", line ? "; " : "", strategy->label,
                       thaw_report_spread_mean(spread));
  }
}

static thaw_plot_axis epochs_axis(size_t epochs) {
  const double room = epochs > 1 ? 0.02 * (double)(epochs - 1) : 0.5;
  return (thaw_plot_axis){
      .label = "epoch", .low = 1 - room, .high = (double)epochs + room, .whole = true};
}

static thaw_status draw(const curves *c, const size_t *kinds, size_t count, report_measure m) {
  const size_t bytes = (4 * LINES * c->epochs + 1) * sizeof(double);
  thaw_buffer title = {0}, description = {0};
  numbers n = {.all = malloc(bytes)};
  if (!n.all) return thaw_fail_memory(c->page->ctx, bytes);
  take_numbers(c, kinds, count, m, &n);
  describe(c, kinds, count, m, &description);
  thaw_buffer_format(&title, "%s: %s by epoch", c->stage, measures[m]);
  /* The same axis in all pictures of a measure. */
  const double room = fmax(0.04 * (c->most[m] - c->least[m]), 1e-6);
  const thaw_plot_panel panel = {
      .y = {.label = measures[m], .low = c->least[m] - room, .high = c->most[m] + room},
      .series = n.lines,
      .series_count = count,
      .bands = n.bands,
      .band_count = count,
      .dots = c->epochs <= 30,
      .height = 200};
  const thaw_plot plot = {
      .x = epochs_axis(c->epochs), .panels = &panel, .panel_count = 1, .width = 480, .text = true};
  thaw_page_figure(c->page, &plot, title.data, description.data, NULL);
  thaw_buffer_free(&title);
  thaw_buffer_free(&description);
  free(n.all);
  return THAW_OK;
}

/* ---- One stage ------------------------------------------------------------------------------- */

/* At most so many measures, what matters most first; a perplexity says what the loss would. */
static size_t choose_measures(const curves *c, report_measure chosen[PICTURES]) {
  size_t count = 0;
  for (size_t m = 0; m < REPORT_MEASURES && count < PICTURES; m++) {
    const bool repeats = m == REPORT_VALID_LOSS && c->least[REPORT_PERPLEXITY] < INFINITY;
    if (c->least[m] <= c->most[m] && !repeats) chosen[count++] = (report_measure)m;
  }
  return count;
}

static thaw_status write_lines(const curves *c, const size_t *kinds, size_t count) {
  report_measure chosen[PICTURES];
  const size_t pictures = choose_measures(c, chosen);
  thaw_page_html(c->page, "<ul class=\"legend\">\n");
  for (size_t line = 0; line < count; line++) {
    thaw_page_html(c->page, "<li>");
    thaw_page_swatch(c->page, line);
    thaw_page_strategies(c->page, c->data, c->first, kinds[line]);
    thaw_page_html(c->page, "</li>\n");
  }
  thaw_page_html(c->page, "</ul>\n<div class=\"figures\">\n");
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < pictures && status == THAW_OK; i++)
    status = draw(c, kinds, count, chosen[i]);
  thaw_page_html(c->page, "</div>\n");
  return status;
}

static thaw_status write_stage(report_page *page, const report_data *data, const char *stage,
                               size_t *first, size_t *kinds) {
  curves c = {.page = page, .data = data, .stage = stage, .first = first};
  size_t count = 0;
  thaw_report_kinds(data, same_curves, stage, first);
  for (size_t i = 0; i < data->count; i++)
    if (first[i] == i) kinds[count++] = i;
  if (count == 0) return THAW_OK;
  find_ranges(&c);
  thaw_page_format(page, "<h3>%s</h3>\n", stage);
  thaw_status status = THAW_OK;
  for (size_t begin = 0; begin < count && status == THAW_OK; begin += LINES) {
    const size_t lines = count - begin < LINES ? count - begin : LINES;
    if (begin == LINES)
      thaw_page_format(page, "<details><summary>The other %zu</summary>\n", count - LINES);
    status = write_lines(&c, kinds + begin, lines);
  }
  if (count > LINES) thaw_page_html(page, "</details>\n");
  return status;
}

thaw_status thaw_report_curves(report_page *page, const report_data *data) {
  static const char *const stages[] = {"classify", "finetune", "pretrain"};
  size_t *first = malloc((data->count + 1) * sizeof *first);
  size_t *kinds = malloc((data->count + 1) * sizeof *kinds);
  thaw_status status = first && kinds ? THAW_OK : thaw_fail_memory(data->ctx, data->count);
  thaw_page_section(page, "curves", "Learning curves");
  thaw_page_html(page,
                 "<p>Means over seeds; bands reach from the lowest to the highest seed. "
                 "What several strategies have in common is drawn once.</p>\n");
  if (*data->label_keys) {
    thaw_page_html(page, "<p>Names of strategies: ");
    thaw_page_text(page, data->label_keys);
    thaw_page_html(page, ".</p>\n");
  }
  for (size_t i = 0; i < sizeof stages / sizeof *stages && status == THAW_OK; i++)
    status = write_stage(page, data, stages[i], first, kinds);
  thaw_page_section_end(page);
  free(first);
  free(kinds);
  return status;
}
