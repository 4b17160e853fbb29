/* plot.h: line plots as SVG: panels under each other over one x axis, with ticks, grid and legend.
 *
 * Drawn with cairo. Text becomes outlines, so that a picture looks the same where other fonts are
 * installed; or it stays text, for a page whose reader may search it. Colours are those of
 * plot_colours.h; after seven series they come again with dashed lines. */
#ifndef THAW_PLOT_H
#define THAW_PLOT_H

#include "base/buffer.h"
#include "thaw/base.h"

typedef struct thaw_plot_axis {
  const char *label;
  bool logarithmic; /* values that are not positive have no place on it */
  bool from_zero;   /* begins at 0, or below */
  double low, high; /* equal: as far as the data go */
  bool whole;       /* ticks stand at whole numbers */
} thaw_plot_axis;

typedef enum thaw_plot_style {
  THAW_PLOT_COLOUR, /* the next one */
  THAW_PLOT_INK,    /* black */
  THAW_PLOT_FAINT,  /* thin and grey, behind the others */
} thaw_plot_style;

typedef struct thaw_plot_series {
  const char *name;    /* in the legend; NULL: not there */
  const double *x, *y; /* [count], x rising; a y that is not finite makes a gap */
  size_t count;
  thaw_plot_style style;
} thaw_plot_series;

/* A vertical line. */
typedef struct thaw_plot_mark {
  double x;
  const char *text;
} thaw_plot_mark;

/* The space between two lines, in the colour of a series, behind the lines. */
typedef struct thaw_plot_band {
  size_t series;
  const double *x, *low, *high; /* [count] */
  size_t count;
} thaw_plot_band;

typedef struct thaw_plot_panel {
  thaw_plot_axis y;
  const thaw_plot_series *series;
  size_t series_count;
  const thaw_plot_mark *marks;
  size_t mark_count;
  bool strips; /* instead of lines a strip for each series, the first one lowest, filled where y is
                  above 0; there is no y axis but the names */
  double height; /* in pixels, of lines; 0: 260 */
  const thaw_plot_band *bands;
  size_t band_count;
  bool dots; /* at every point of the lines */
} thaw_plot_panel;

typedef struct thaw_plot {
  const char *title;
  thaw_plot_axis x;
  const thaw_plot_panel *panels; /* the first one on top */
  size_t panel_count;
  double width; /* in pixels; 0: 720 */
  bool text;    /* stays text, in the reader's font */
} thaw_plot;

/* Appends the picture. */
thaw_status thaw_plot_write(thaw_context *ctx, const thaw_plot *plot, thaw_buffer *svg);
/* Writes it to a file, which appears whole or not at all. */
thaw_status thaw_plot_save(thaw_context *ctx, const thaw_plot *plot, const char *path);

#endif
