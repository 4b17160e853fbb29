/* plot_colours.h: the colours of plots, and what a page calls them.
 *
 * Lines have those of Okabe and Ito (2008), which people with any kind of colour vision tell apart;
 * a page gives the same names other values where it is dark. */
#ifndef THAW_PLOT_COLOURS_H
#define THAW_PLOT_COLOURS_H

typedef struct thaw_plot_colour {
  double red, green, blue; /* 0 … 1, on white paper */
  const char *name;        /* of the CSS variable */
} thaw_plot_colour;

enum {
  THAW_PLOT_LINES = 7, /* the first ones are those of lines */
  THAW_PLOT_INK_COLOUR = THAW_PLOT_LINES,
  THAW_PLOT_GRID_COLOUR,
  THAW_PLOT_FAINT_COLOUR,
  THAW_PLOT_EMPTY_COLOUR,
  THAW_PLOT_PAPER_COLOUR,
  THAW_PLOT_COLOURS,
};
extern const thaw_plot_colour thaw_plot_colours[THAW_PLOT_COLOURS];

#endif
