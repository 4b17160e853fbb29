/* report_parts.h: what the files that make a report share: what was read (report_read.c), the page
 * that is written (report_page.c), and its sections. */
#ifndef THAW_REPORT_PARTS_H
#define THAW_REPORT_PARTS_H

#include "analysis/comparison_view.h"
#include "analysis/plot.h"
#include "analysis/report.h"
#include "config/experiment.h"
#include "train/record.h"

/* ---- What was read --------------------------------------------------------------------------- */

/* A number of several seeds. */
typedef struct report_spread {
  size_t count; /* of values that are known */
  double sum, low, high;
} report_spread;

void thaw_report_spread_add(report_spread *spread, double value);
double thaw_report_spread_mean(const report_spread *spread); /* NaN: not known */

typedef enum report_measure {
  REPORT_ACCURACY,
  REPORT_PERPLEXITY,
  REPORT_VALID_LOSS,
  REPORT_TRAIN_LOSS,
  REPORT_MEASURES,
} report_measure;

/* A rate group: what the schedule did with it, in the strategy's first run. */
typedef struct report_group {
  const char *name;
  double *rates;                /* [point_count] */
  int64_t thawed, thawed_epoch; /* the first step and epoch, from 0, with a rate; −1: none */
} report_group;

/* A stage of a strategy. */
typedef struct report_stage {
  const char *name;
  size_t epoch_count;                         /* of the longest run */
  report_spread (*measures)[REPORT_MEASURES]; /* [epoch_count] */
  size_t moved_count;                         /* parameter groups; 0: not known */
  const char **moved;                         /* their names */
  bool *taken;
  report_spread *distances; /* [epoch_count][moved_count] */
  report_group *groups;
  size_t group_count;
  double *steps; /* [point_count] */
  size_t point_count;
  int64_t step_count;
} report_stage;

/* The runs of one row of the comparison. */
typedef struct report_strategy {
  const thaw_comparison_row *row;
  const char *label; /* "concat · all" */
  report_stage stages[THAW_STAGE_KINDS];
  size_t stage_count;
  const char **classes;
  size_t class_count;
  size_t *confusion; /* [class_count][class_count], gold in rows, of all seeds; NULL: too many */
  bool on_reference; /* tested on the documents on which most runs were tested */
  uint32_t *right;   /* [document_count] runs that were right; NULL: others were tested */
  size_t seeds;
} report_strategy;

typedef struct report_question {
  const char *name, *description; /* description may be NULL */
} report_question;

typedef struct report_data {
  thaw_context *ctx;
  const thaw_report_options *options;
  const thaw_comparison *comparison;
  thaw_arena *arena;
  const thaw_comparison_view *view; /* the best row first */
  report_strategy *strategies;      /* [count] in the order of the rows */
  const thaw_comparison_row *rows;
  size_t count;
  const char *label_keys; /* "head.plugin · transfer"; "" where there is one strategy */
  report_question *questions;
  size_t question_count;
  /* The documents on which most runs were tested: */
  const char *reference; /* a run that was */
  const char *split;
  const char **gold; /* [document_count] names of classes; NULL: unknown */
  size_t document_count;
} report_data;

/* Fills in everything but ctx, options, comparison, view and arena, in which it lives. */
thaw_status thaw_report_read(report_data *data);

/* The strategy's stage of that name; NULL: it has none. */
const report_stage *thaw_report_stage(const report_strategy *strategy, const char *name);

/* Which strategies look the same in something: `first` [count] receives the number of the first one
 * that looks like it, its own for the first of its kind, SIZE_MAX where `same` says that one has
 * nothing to show. `same` is asked with a and b, and with a and a. Returns how many kinds there
 * are. */
typedef bool report_same(const report_strategy *a, const report_strategy *b, const void *user);
size_t thaw_report_kinds(const report_data *data, report_same *same, const void *user,
                         size_t *first);

/* ---- The page -------------------------------------------------------------------------------- */

typedef struct report_page {
  thaw_context *ctx;
  thaw_buffer html, contents;
  size_t figures; /* so far */
  bool failed;    /* there was no memory for something; told at the end */
} report_page;

void thaw_page_html(report_page *page, const char *html);
/* Numbers and words of ours; never a text of somebody else's, which needs thaw_page_text. */
void thaw_page_format(report_page *page, const char *format, ...) THAW_PRINTF(2, 3);
void thaw_page_text(report_page *page, const char *text);
/* Begins a section, which is listed in the contents. */
void thaw_page_section(report_page *page, const char *id, const char *title);
void thaw_page_section_end(report_page *page);
/* A figure: the picture with a text in its place for those who cannot see it, and a caption, which
 * is HTML; both texts may be NULL. Its lines' colours follow the page's. */
void thaw_page_figure(report_page *page, const thaw_plot *plot, const char *title,
                      const char *description, const char *caption);
/* A row of a legend: a line's colour and its name follow. */
void thaw_page_swatch(report_page *page, size_t line);
/* A table; `caption` is HTML. `more`, which may be NULL, is a column beside the table's own. */
typedef struct report_more_cells {
  const char *heading, *after; /* after: the heading of the column that it stands behind */
  bool numbered;               /* rows have numbers from 1 before them */
  void (*write)(report_page *page, size_t row, const void *user);
  const void *user;
} report_more_cells;
void thaw_page_table(report_page *page, const thaw_table *table, const char *caption,
                     const report_more_cells *more);
/* "3 concat · all", or "3, 5, 9 and 4 more" for several that look the same: those whose `first` is
 * `kind`. */
void thaw_page_strategies(report_page *page, const report_data *data, const size_t *first,
                          size_t kind);
/* The figures of a stage, one for each kind of strategies (thaw_report_kinds); those after the
 * fourth are folded. */
typedef thaw_status report_write_kind(report_page *page, const report_data *data, const char *stage,
                                      const size_t *first, size_t kind);
thaw_status thaw_page_kinds(report_page *page, const report_data *data, const char *stage,
                            const size_t *first, report_write_kind *write);
/* A class name for a share from 0 to 1: "h0" to "h9". */
const char *thaw_page_shade(double share);

/* Rewrites a picture for the page: names of ids begin with `prefix`, colours are the page's
 * variables, what says nothing is left out. `size` receives its width and height. False when there
 * is no memory. */
bool thaw_report_svg(const thaw_buffer *svg, const char *prefix, double size[2], thaw_buffer *out);

extern const char thaw_report_style[]; /* the page's CSS */

/* ---- Sections: each writes what there is to say, if there is anything ------------------------ */

thaw_status thaw_report_question(report_page *page, const report_data *data);
thaw_status thaw_report_comparison(report_page *page, const report_data *data);
thaw_status thaw_report_curves(report_page *page, const report_data *data);
thaw_status thaw_report_rates(report_page *page, const report_data *data);
thaw_status thaw_report_moves(report_page *page, const report_data *data);
thaw_status thaw_report_heat(report_page *page, const report_data *data);
thaw_status thaw_report_confusions(report_page *page, const report_data *data);
thaw_status thaw_report_documents(report_page *page, const report_data *data);

#endif
