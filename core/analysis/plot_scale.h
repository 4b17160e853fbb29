/* plot_scale.h: the numbers of an axis: how far it goes, and where its ticks stand. */
#ifndef THAW_PLOT_SCALE_H
#define THAW_PLOT_SCALE_H

#include "analysis/plot.h"

enum { THAW_PLOT_TICKS = 128, THAW_TICK_TEXT = 32 };

typedef struct thaw_plot_tick {
  double value;
  char text[THAW_TICK_TEXT]; /* "" for a small one */
} thaw_plot_tick;

typedef struct thaw_plot_scale {
  bool logarithmic;
  double low, high; /* low < high */
  int exponent;     /* the ticks' texts are in units of 10 to this power */
  thaw_plot_tick ticks[THAW_PLOT_TICKS];
  size_t tick_count;
} thaw_plot_scale;

/* The scale of an axis whose data lie between `least` and `most` (least > most: there are none). */
thaw_plot_scale thaw_plot_scale_of(const thaw_plot_axis *axis, double least, double most);
/* Where a value stands: 0 at the low end, 1 at the high one; NaN where it has no place. */
double thaw_plot_place(const thaw_plot_scale *scale, double value);
/* Has a value a place on such an axis? */
bool thaw_plot_has_place(const thaw_plot_axis *axis, double value);
/* "10⁻³" */
void thaw_plot_power(int exponent, char text[THAW_TICK_TEXT]);

#endif
