/* plot.c: see plot.h. The picture is laid out from the top: title, panels, x axis; on the left is
 * room for the longest text of any y axis, on the right for the legend. */
#include "analysis/plot.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>

#include "analysis/escape.h"
#include "analysis/plot_colours.h"
#include "analysis/plot_scale.h"
#include "base/context.h"
#include "base/file.h"

/* In pixels. */
static const double usual_width = 720, edge = 12, gap = 8, tick_length = 4, strip_height = 12,
                    strip_pitch = 18, panel_gap = 22, usual_height = 260, key_length = 22,
                    dot_radius = 2.2;
static const double text_size = 12, title_size = 14;

const thaw_plot_colour thaw_plot_colours[THAW_PLOT_COLOURS] = {
    {0.000, 0.447, 0.698, "c0"}, /* blue */
    {0.835, 0.369, 0.000, "c1"}, /* vermillion */
    {0.000, 0.620, 0.451, "c2"}, /* bluish green */
    {0.800, 0.475, 0.655, "c3"}, /* reddish purple */
    {0.902, 0.624, 0.000, "c4"}, /* orange */
    {0.337, 0.706, 0.914, "c5"}, /* sky blue */
    {0.400, 0.400, 0.400, "c6"}, /* grey, in place of their black, which is the ink */
    [THAW_PLOT_INK_COLOUR] = {0.13, 0.13, 0.13, "ink"},
    [THAW_PLOT_GRID_COLOUR] = {0.88, 0.88, 0.88, "grid"},
    [THAW_PLOT_FAINT_COLOUR] = {0.62, 0.62, 0.62, "faint"},
    [THAW_PLOT_EMPTY_COLOUR] = {0.93, 0.93, 0.93, "empty"},
    [THAW_PLOT_PAPER_COLOUR] = {1, 1, 1, "paper"},
};

/* Where a panel stands. */
typedef struct frame {
  const thaw_plot_panel *panel;
  thaw_plot_scale y;
  double top, height;
} frame;

enum { MOST_PANELS = 8 };

/* Texts that stay texts, as elements. */
typedef struct text_list {
  thaw_buffer elements;
  bool failed; /* there was no memory for one */
} text_list;

typedef struct drawing {
  cairo_t *cr;
  const thaw_plot *plot;
  thaw_plot_scale x;
  double left, right; /* of all panels */
  frame frames[MOST_PANELS];
  double bottom, height; /* of the last panel; of the picture */
  double width;          /* of the picture */
  text_list *texts;      /* NULL: outlines are drawn */
  double text_size;      /* of the font that is set */
} drawing;

/* ---- Pens and text --------------------------------------------------------------------------- */

static void use(cairo_t *cr, size_t number) {
  const thaw_plot_colour *c = &thaw_plot_colours[number];
  cairo_set_source_rgb(cr, c->red, c->green, c->blue);
}

/* How many series have had a colour of their own before number `i`. */
static size_t coloured_before(const thaw_plot_panel *panel, size_t i) {
  size_t count = 0;
  for (size_t before = 0; before < i; before++)
    count += panel->series[before].style == THAW_PLOT_COLOUR;
  return count;
}

/* The pen of a panel's series number `i`. */
static void use_series(cairo_t *cr, const thaw_plot_panel *panel, size_t i) {
  static const double dashes[][2] = {{6, 3}, {2, 2}, {10, 3}};
  const thaw_plot_style style = panel->series[i].style;
  const size_t number = coloured_before(panel, i);
  const size_t round = style == THAW_PLOT_COLOUR ? number / THAW_PLOT_LINES : 0;
  use(cr, style == THAW_PLOT_INK     ? THAW_PLOT_INK_COLOUR
          : style == THAW_PLOT_FAINT ? THAW_PLOT_FAINT_COLOUR
                                     : number % THAW_PLOT_LINES);
  cairo_set_line_width(cr, style == THAW_PLOT_FAINT ? 0.8 : 1.8);
  cairo_set_dash(cr, dashes[(round + 2) % 3], round > 0 ? 2 : 0, 0);
}

static double width_of(cairo_t *cr, const char *text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cr, text, &extents);
  return extents.x_advance;
}

/* The text as an element, where the pen and its rotation would draw it. */
static bool add_text(const drawing *d, const char *text, double x, double y, double part) {
  static const char *const anchors[] = {"start", "middle", "end"};
  cairo_matrix_t matrix;
  cairo_get_matrix(d->cr, &matrix);
  cairo_user_to_device(d->cr, &x, &y);
  thaw_buffer *out = &d->texts->elements;
  bool ok = thaw_buffer_format(out, "<text x=\"%.1f\" y=\"%.1f\"", x, y);
  if (part > 0)
    ok = ok && thaw_buffer_format(out, " text-anchor=\"%s\"", anchors[part < 1 ? 1 : 2]);
  if (d->text_size != text_size)
    ok = ok && thaw_buffer_format(out, " font-size=\"%g\"", d->text_size);
  if (matrix.xy != 0)
    ok = ok && thaw_buffer_format(out, " transform=\"rotate(-90 %.1f %.1f)\"", x, y);
  return ok && thaw_buffer_text(out, ">") && thaw_escape(out, text) &&
         thaw_buffer_text(out, "</text>\n");
}

/* `part` of the text's width is left of x: 0 begins there, 1 ends there. */
static void write_text(const drawing *d, const char *text, double x, double y, double part) {
  if (d->texts) {
    if (*text && !add_text(d, text, x, y, part)) d->texts->failed = true;
    return;
  }
  use(d->cr, THAW_PLOT_INK_COLOUR);
  cairo_move_to(d->cr, x - part * width_of(d->cr, text), y);
  cairo_show_text(d->cr, text);
}

static void line(cairo_t *cr, double x1, double y1, double x2, double y2) {
  cairo_move_to(cr, x1, y1);
  cairo_line_to(cr, x2, y2);
  cairo_stroke(cr);
}

/* The middle of a pixel, so that thin lines are sharp. */
static double sharp(double position) {
  return floor(position) + 0.5;
}

/* "rate (10⁻³)" */
static void axis_text(const thaw_plot_axis *axis, const thaw_plot_scale *scale, char text[200]) {
  char power[THAW_TICK_TEXT];
  thaw_plot_power(scale->exponent, power);
  if (scale->exponent == 0 || scale->logarithmic)
    snprintf(text, 200, "%s", axis->label ? axis->label : "");
  else
    snprintf(text, 200, "%s (%s)", axis->label ? axis->label : "", power);
}

/* ---- Layout ---------------------------------------------------------------------------------- */

static void widen(double *least, double *most, double value) {
  *least = fmin(*least, value);
  *most = fmax(*most, value);
}

static void widen_by(const drawing *d, const thaw_plot_panel *panel, double x, double y, bool of_x,
                     double *least, double *most) {
  if (thaw_plot_has_place(&d->plot->x, x) && thaw_plot_has_place(&panel->y, y))
    widen(least, most, of_x ? x : y);
}

/* How far the points go that have a place on both axes. */
static void find_range(const drawing *d, const thaw_plot_panel *panel, bool of_x, double *least,
                       double *most) {
  for (size_t s = 0; s < panel->series_count; s++) {
    const thaw_plot_series *series = &panel->series[s];
    for (size_t i = 0; i < series->count; i++)
      widen_by(d, panel, series->x[i], series->y[i], of_x, least, most);
  }
  for (size_t b = 0; b < panel->band_count; b++) {
    const thaw_plot_band *band = &panel->bands[b];
    for (size_t i = 0; i < band->count; i++) {
      widen_by(d, panel, band->x[i], band->low[i], of_x, least, most);
      widen_by(d, panel, band->x[i], band->high[i], of_x, least, most);
    }
  }
}

static bool has_legend(const thaw_plot_panel *panel) {
  size_t named = 0;
  for (size_t s = 0; s < panel->series_count; s++) named += panel->series[s].name != NULL;
  return named > 1 && !panel->strips;
}

static double legend_width(cairo_t *cr, const thaw_plot_panel *panel) {
  double width = 0;
  for (size_t s = 0; s < panel->series_count && has_legend(panel); s++) {
    const char *name = panel->series[s].name;
    if (name) width = fmax(width, width_of(cr, name) + key_length + 3 * gap);
  }
  return width;
}

/* What stands left of a panel. */
static double label_width(cairo_t *cr, const frame *f) {
  double width = 0;
  if (f->panel->strips) {
    for (size_t s = 0; s < f->panel->series_count; s++)
      if (f->panel->series[s].name) width = fmax(width, width_of(cr, f->panel->series[s].name));
    return width + gap;
  }
  for (size_t t = 0; t < f->y.tick_count; t++)
    width = fmax(width, width_of(cr, f->y.ticks[t].text));
  return width + tick_length + gap + (f->panel->y.label ? text_size + gap : 0);
}

static void lay_out(drawing *d) {
  double x_least = INFINITY, x_most = -INFINITY, legend = 0, y = edge;
  if (d->plot->title) y += title_size + gap;
  d->left = 0;
  for (size_t p = 0; p < d->plot->panel_count; p++) {
    frame *f = &d->frames[p];
    double least = INFINITY, most = -INFINITY;
    f->panel = &d->plot->panels[p];
    find_range(d, f->panel, true, &x_least, &x_most);
    find_range(d, f->panel, false, &least, &most);
    f->y = thaw_plot_scale_of(&f->panel->y, least, most);
    const double lines = f->panel->height > 0 ? f->panel->height : usual_height;
    f->height = f->panel->strips ? strip_pitch * (double)f->panel->series_count : lines;
    f->top = y + (f->panel->strips && f->panel->y.label ? text_size + gap : gap);
    y = f->top + f->height + panel_gap;
    d->left = fmax(d->left, label_width(d->cr, f));
    legend = fmax(legend, legend_width(d->cr, f->panel));
  }
  d->x = thaw_plot_scale_of(&d->plot->x, x_least, x_most);
  d->left = sharp(edge + d->left);
  d->right = sharp(d->width - fmax(legend + gap, 2.5 * edge));
  d->bottom = y - panel_gap;
  d->height = d->bottom + tick_length + 2 * text_size + 3 * gap + edge;
}

static double x_of(const drawing *d, double x) {
  return d->left + (d->right - d->left) * thaw_plot_place(&d->x, x);
}

static double y_of(const frame *f, double y) {
  return f->top + f->height * (1 - thaw_plot_place(&f->y, y));
}

/* ---- Axes ------------------------------------------------------------------------------------ */

static void draw_grid(const drawing *d, const frame *f) {
  use(d->cr, THAW_PLOT_GRID_COLOUR);
  cairo_set_line_width(d->cr, 1);
  cairo_set_dash(d->cr, NULL, 0, 0);
  for (size_t t = 0; t < d->x.tick_count; t++) {
    const double x = sharp(x_of(d, d->x.ticks[t].value));
    if (d->x.ticks[t].text[0]) line(d->cr, x, f->top, x, f->top + f->height);
  }
  for (size_t t = 0; t < f->y.tick_count && !f->panel->strips; t++) {
    const double y = sharp(y_of(f, f->y.ticks[t].value));
    if (f->y.ticks[t].text[0]) line(d->cr, d->left, y, d->right, y);
  }
}

static void draw_y_axis(const drawing *d, const frame *f) {
  cairo_t *cr = d->cr;
  char label[200];
  for (size_t t = 0; t < f->y.tick_count; t++) {
    const thaw_plot_tick *tick = &f->y.ticks[t];
    const double y = sharp(y_of(f, tick->value));
    use(cr, THAW_PLOT_INK_COLOUR);
    line(cr, d->left - (tick->text[0] ? tick_length : tick_length / 2), y, d->left, y);
    write_text(d, tick->text, d->left - tick_length - gap / 2, y + 0.36 * text_size, 1);
  }
  axis_text(&f->panel->y, &f->y, label);
  cairo_save(cr);
  cairo_translate(cr, edge + 0.5 * text_size, f->top + f->height / 2);
  cairo_rotate(cr, -acos(-1) / 2);
  write_text(d, label, 0, 0.36 * text_size, 0.5);
  cairo_restore(cr);
  use(cr, THAW_PLOT_INK_COLOUR);
  line(cr, d->left, sharp(f->top), d->left, sharp(f->top + f->height));
}

/* Ticks under every panel that has a y axis, texts under the last panel. */
static void draw_x_ticks(const drawing *d, double y, bool texts) {
  use(d->cr, THAW_PLOT_INK_COLOUR);
  cairo_set_line_width(d->cr, 1);
  cairo_set_dash(d->cr, NULL, 0, 0);
  line(d->cr, d->left, sharp(y), d->right, sharp(y));
  for (size_t t = 0; t < d->x.tick_count; t++) {
    const thaw_plot_tick *tick = &d->x.ticks[t];
    const double x = sharp(x_of(d, tick->value));
    use(d->cr, THAW_PLOT_INK_COLOUR);
    line(d->cr, x, y, x, y + (tick->text[0] ? tick_length : tick_length / 2));
    if (texts) write_text(d, tick->text, x, y + tick_length + text_size + 2, 0.5);
  }
}

static void draw_x_axis(const drawing *d) {
  char label[200];
  draw_x_ticks(d, d->bottom, true);
  axis_text(&d->plot->x, &d->x, label);
  write_text(d, label, (d->left + d->right) / 2, d->bottom + tick_length + 2 * text_size + 2 * gap,
             0.5);
}

/* ---- Panels ---------------------------------------------------------------------------------- */

static void draw_line(const drawing *d, const frame *f, size_t number) {
  const thaw_plot_series *series = &f->panel->series[number];
  bool down = false; /* is the pen on the paper? */
  use_series(d->cr, f->panel, number);
  cairo_set_line_join(d->cr, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(d->cr, CAIRO_LINE_CAP_ROUND);
  for (size_t i = 0; i < series->count; i++) {
    const double x = x_of(d, series->x[i]), y = y_of(f, series->y[i]);
    const bool there = isfinite(x) && isfinite(y);
    if (there && down) cairo_line_to(d->cr, x, y);
    if (there && !down) cairo_move_to(d->cr, x, y);
    if (there && !down) cairo_line_to(d->cr, x, y); /* a single point is a dot */
    down = there;
  }
  cairo_stroke(d->cr);
  for (size_t i = 0; f->panel->dots && i < series->count; i++) {
    const double x = x_of(d, series->x[i]), y = y_of(f, series->y[i]);
    if (!isfinite(x) || !isfinite(y)) continue;
    cairo_arc(d->cr, x, y, dot_radius, 0, 2 * acos(-1));
    cairo_fill(d->cr);
  }
}

/* From point `begin` to the one before `end`, all of which have their places. */
static void fill_band(const drawing *d, const frame *f, const thaw_plot_band *band, size_t begin,
                      size_t end) {
  for (size_t i = begin; i < end; i++)
    cairo_line_to(d->cr, x_of(d, band->x[i]), y_of(f, band->high[i]));
  for (size_t i = end; i > begin; i--)
    cairo_line_to(d->cr, x_of(d, band->x[i - 1]), y_of(f, band->low[i - 1]));
  if (end - begin == 1) { /* a single point is a bar */
    const double high = y_of(f, band->high[begin]), low = y_of(f, band->low[begin]);
    cairo_new_path(d->cr);
    cairo_rectangle(d->cr, x_of(d, band->x[begin]) - dot_radius, high, 2 * dot_radius, low - high);
  }
  cairo_fill(d->cr);
}

static bool has_place(const drawing *d, const frame *f, const thaw_plot_band *band, size_t i) {
  return isfinite(x_of(d, band->x[i])) && isfinite(y_of(f, band->low[i])) &&
         isfinite(y_of(f, band->high[i]));
}

static void draw_band(const drawing *d, const frame *f, const thaw_plot_band *band) {
  const size_t number = coloured_before(f->panel, band->series) % THAW_PLOT_LINES;
  const thaw_plot_colour *c = &thaw_plot_colours[number];
  cairo_set_source_rgba(d->cr, c->red, c->green, c->blue, 0.18);
  for (size_t i = 0, end; i < band->count; i = end + 1) {
    for (end = i; end < band->count && has_place(d, f, band, end);) end++;
    if (end > i) fill_band(d, f, band, i, end);
  }
}

/* Where a mark stands; NaN where that is outside. */
static double x_of_mark(const drawing *d, const thaw_plot_mark *mark) {
  const double x = sharp(x_of(d, mark->x));
  return x >= d->left && x <= d->right ? x : NAN;
}

static void draw_mark(const drawing *d, const frame *f, size_t number) {
  static const double dash[] = {4, 3};
  const double x = x_of_mark(d, &f->panel->marks[number]);
  if (isnan(x)) return;
  use(d->cr, THAW_PLOT_INK_COLOUR);
  cairo_set_line_width(d->cr, 1);
  cairo_set_dash(d->cr, dash, 2, 0);
  line(d->cr, x, f->top, x, f->top + f->height);
  cairo_set_dash(d->cr, NULL, 0, 0);
}

/* Each mark's text has a line of its own, and paper behind it. */
static void write_mark(const drawing *d, const frame *f, size_t number) {
  const thaw_plot_mark *mark = &f->panel->marks[number];
  const double x = x_of_mark(d, mark), width = width_of(d->cr, mark->text);
  if (isnan(x)) return;
  const bool left = x + gap + width > d->right;
  const double begin = left ? x - gap / 2 - width : x + gap / 2;
  const double top = f->top + 2 + (double)number * (text_size + 4);
  use(d->cr, THAW_PLOT_PAPER_COLOUR);
  cairo_rectangle(d->cr, begin - 1, top, width + 2, text_size + 2);
  cairo_fill(d->cr);
  write_text(d, mark->text, begin, top + text_size - 1, 0);
}

/* The last series is the uppermost, as in a panel of strips. */
static void draw_legend(const drawing *d, const frame *f) {
  double y = f->top + text_size / 2;
  for (size_t s = f->panel->series_count; s > 0; s--) {
    const char *name = f->panel->series[s - 1].name;
    if (!name) continue;
    use_series(d->cr, f->panel, s - 1);
    line(d->cr, d->right + 2 * gap, y, d->right + 2 * gap + key_length, y);
    cairo_set_dash(d->cr, NULL, 0, 0);
    write_text(d, name, d->right + 3 * gap + key_length, y + 0.36 * text_size, 0);
    y += strip_pitch;
  }
}

static void draw_lines(const drawing *d, const frame *f) {
  cairo_t *cr = d->cr;
  const double room = 2; /* for the width of lines at the edges */
  draw_grid(d, f);
  draw_y_axis(d, f);
  cairo_save(cr);
  cairo_rectangle(cr, d->left, f->top - room, d->right - d->left + room, f->height + 2 * room);
  cairo_clip(cr);
  for (size_t b = 0; b < f->panel->band_count; b++) draw_band(d, f, &f->panel->bands[b]);
  for (size_t s = 0; s < f->panel->series_count; s++)
    if (f->panel->series[s].style == THAW_PLOT_FAINT) draw_line(d, f, s);
  for (size_t s = 0; s < f->panel->series_count; s++)
    if (f->panel->series[s].style != THAW_PLOT_FAINT) draw_line(d, f, s);
  cairo_restore(cr);
  for (size_t m = 0; m < f->panel->mark_count; m++) draw_mark(d, f, m);
  for (size_t m = 0; m < f->panel->mark_count; m++) write_mark(d, f, m);
  if (has_legend(f->panel)) draw_legend(d, f);
}

/* From each point where y is above 0 to the next point. */
static void fill_strip(const drawing *d, const thaw_plot_series *series, double top) {
  for (size_t i = 0, next; i < series->count; i = next) {
    next = i + 1;
    if (!(series->y[i] > 0)) continue;
    while (next < series->count && series->y[next] > 0) next++;
    const size_t end = next < series->count ? next : series->count - 1;
    const double from = x_of(d, series->x[i]), to = x_of(d, series->x[end]);
    cairo_rectangle(d->cr, from, top, fmax(to - from, 1), strip_height);
    cairo_fill(d->cr);
  }
}

static void draw_strips(const drawing *d, const frame *f) {
  const thaw_plot_panel *panel = f->panel;
  if (panel->y.label) write_text(d, panel->y.label, d->left, f->top - gap / 2, 0);
  for (size_t s = 0; s < panel->series_count; s++) {
    const double row = (double)(panel->series_count - 1 - s);
    const double top = f->top + row * strip_pitch + (strip_pitch - strip_height) / 2;
    use(d->cr, THAW_PLOT_EMPTY_COLOUR);
    cairo_rectangle(d->cr, d->left, top, d->right - d->left, strip_height);
    cairo_fill(d->cr);
    use_series(d->cr, panel, s);
    fill_strip(d, &panel->series[s], top);
    if (panel->series[s].name)
      write_text(d, panel->series[s].name, d->left - gap, top + strip_height / 2 + 0.36 * text_size,
                 1);
  }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void set_size(drawing *d, double size) {
  cairo_set_font_size(d->cr, size);
  d->text_size = size;
}

static void draw(drawing *d) {
  use(d->cr, THAW_PLOT_PAPER_COLOUR);
  cairo_paint(d->cr);
  if (d->plot->title) {
    set_size(d, title_size);
    write_text(d, d->plot->title, d->left, edge + title_size, 0);
    set_size(d, text_size);
  }
  for (size_t p = 0; p < d->plot->panel_count; p++) {
    const frame *f = &d->frames[p];
    if (f->panel->strips) {
      draw_strips(d, f);
    } else {
      draw_lines(d, f);
      draw_x_ticks(d, f->top + f->height, false);
    }
  }
  draw_x_axis(d);
}

static void set_font(drawing *d) {
  cairo_select_font_face(d->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  set_size(d, text_size);
}

static cairo_status_t append(void *svg, const unsigned char *bytes, unsigned count) {
  return thaw_buffer_append(svg, bytes, count) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

static thaw_status check(thaw_context *ctx, cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return THAW_OK;
  return thaw_fail(ctx, THAW_FAILED, "a plot could not be drawn: %s",
                   cairo_status_to_string(status));
}

/* Texts are measured on a surface of no size before the height is known. */
static thaw_status measure(thaw_context *ctx, drawing *d) {
  cairo_surface_t *surface = cairo_svg_surface_create(NULL, 1, 1);
  d->cr = cairo_create(surface);
  set_font(d);
  lay_out(d);
  const thaw_status status = check(ctx, cairo_status(d->cr));
  cairo_destroy(d->cr);
  cairo_surface_destroy(surface);
  return status;
}

/* Puts the texts before the end of the picture. */
static bool insert_texts(thaw_buffer *svg, const text_list *texts) {
  static const char end[] = "</svg>\n";
  if (texts->failed) return false;
  svg->size -= sizeof end - 1;
  return thaw_buffer_format(svg,
                            "<g style=\"fill:rgb(13%%,13%%,13%%);\" font-family=\"sans-serif\" "
                            "font-size=\"%g\">\n",
                            text_size) &&
         thaw_buffer_append(svg, texts->elements.data, texts->elements.size) &&
         thaw_buffer_text(svg, "</g>\n") && thaw_buffer_text(svg, end);
}

/* `texts` receives those that stay text. */
static thaw_status draw_svg(thaw_context *ctx, const thaw_plot *plot, text_list *texts,
                            thaw_buffer *svg) {
  drawing d = {.plot = plot, .width = plot->width > 0 ? plot->width : usual_width};
  if (plot->panel_count > MOST_PANELS)
    return thaw_fail(ctx, THAW_INVALID, "a plot has at most %d panels, not %zu", MOST_PANELS,
                     plot->panel_count);
  thaw_status status = measure(ctx, &d);
  if (status) return status;
  if (plot->text) d.texts = texts;
  cairo_surface_t *surface = cairo_svg_surface_create_for_stream(append, svg, d.width, d.height);
  cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
  d.cr = cairo_create(surface);
  set_font(&d);
  draw(&d);
  status = check(ctx, cairo_status(d.cr));
  cairo_destroy(d.cr);
  cairo_surface_finish(surface);
  if (status == THAW_OK) status = check(ctx, cairo_surface_status(surface));
  cairo_surface_destroy(surface);
  return status;
}

thaw_status thaw_plot_write(thaw_context *ctx, const thaw_plot *plot, thaw_buffer *svg) {
  text_list texts = {0};
  thaw_status status = draw_svg(ctx, plot, &texts, svg);
  if (status == THAW_OK && (texts.elements.size > 0 || texts.failed) && !insert_texts(svg, &texts))
    status = thaw_fail_memory(ctx, texts.elements.size);
  thaw_buffer_free(&texts.elements);
  return status;
}

thaw_status thaw_plot_save(thaw_context *ctx, const thaw_plot *plot, const char *path) {
  thaw_buffer svg = {0};
  thaw_status status = thaw_plot_write(ctx, plot, &svg);
  if (status == THAW_OK) status = thaw_write_file(ctx, path, svg.data, svg.size);
  thaw_buffer_free(&svg);
  return status;
}
