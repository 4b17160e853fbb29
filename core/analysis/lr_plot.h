/* lr_plot.h: the curve of a learning rate range test, as SVG and in characters. */
#ifndef THAW_LR_PLOT_H
#define THAW_LR_PLOT_H

#include "base/buffer.h"
#include "experiment/rate_search.h"

/* Writes the picture: losses, smoothed losses and the suggested rates. Both show the fall; of a
 * steep rise after it only the beginning. */
thaw_status thaw_lr_plot(thaw_context *ctx, const thaw_rate_search *search, const char *path);
/* Appends the smoothed losses as about 60 × 12 characters with their axes; columns of suggested
 * rates have a bar. False when there is no memory. */
bool thaw_lr_text(const thaw_rate_search *search, thaw_buffer *out);

#endif
