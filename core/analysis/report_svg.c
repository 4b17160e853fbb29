/* report_svg.c: cairo's SVG made fit to stand inside a page.
 *
 * Only what stands between < and > is changed: ids become the page's own, so that several pictures
 * do not share them; colours become the page's variables, which are others where it is dark;
 * properties that only repeat what is so anyway, and decimals beyond the second, are left out. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot_colours.h"
#include "analysis/report_parts.h"

/* A picture at work: what is left of it, and where it goes. */
typedef struct rewriting {
  const char *next;
  const char *prefix;
  thaw_buffer *out;
} rewriting;

/* Is `text` next? Then it is passed. */
static bool take(rewriting *r, const char *text) {
  const size_t length = strlen(text);
  if (strncmp(r->next, text, length) != 0) return false;
  r->next += length;
  return true;
}

static bool is_at(const char *place, const char *text) {
  return strncmp(place, text, strlen(text)) == 0;
}

/* Names of ids, and where they are used. */
static bool rewrite_id(rewriting *r, bool *done) {
  static const char *const before[] = {" id=\"", "url(#", "href=\"#"};
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    if (!take(r, before[i])) continue;
    *done = true;
    return thaw_buffer_text(r->out, before[i]) && thaw_buffer_text(r->out, r->prefix);
  }
  return true;
}

/* The colour that is nearest to these shares. */
static const thaw_plot_colour *nearest_colour(const double share[3]) {
  const thaw_plot_colour *nearest = NULL;
  double least = INFINITY;
  for (size_t i = 0; i < THAW_PLOT_COLOURS; i++) {
    const thaw_plot_colour *c = &thaw_plot_colours[i];
    const double distance =
        fabs(c->red - share[0]) + fabs(c->green - share[1]) + fabs(c->blue - share[2]);
    if (distance < least) nearest = c;
    if (distance < least) least = distance;
  }
  return nearest;
}

/* rgb(0%,44.7%,69.8%) */
static bool rewrite_colour(rewriting *r, bool *done) {
  double share[3];
  if (!is_at(r->next, "rgb(")) return true;
  char *end = (char *)(uintptr_t)r->next + strlen("rgb(");
  for (size_t i = 0; i < 3; i++) {
    share[i] = strtod(end, &end) / 100;
    while (*end == '%' || *end == ',' || *end == ' ') end++;
  }
  if (*end != ')') return true;
  r->next = end + 1;
  *done = true;
  return thaw_buffer_format(r->out, "var(--%s)", nearest_colour(share)->name);
}

static void skip_defaults(rewriting *r, bool *done) {
  static const char *const defaults[] = {
      "stroke-opacity:1;",    "fill-opacity:1;",        "fill-rule:nonzero;",
      "stroke-linecap:butt;", "stroke-linejoin:miter;", "stroke-miterlimit:10;",
  };
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
    *done = *done || take(r, defaults[i]);
}

/* A number's decimals: two are a hundredth of a pixel. */
static bool rewrite_decimals(rewriting *r, bool *done) {
  const char *digits = r->next + 1;
  if (*r->next != '.' || !isdigit((unsigned char)*digits)) return true;
  size_t count = strspn(digits, "0123456789");
  r->next = digits + count;
  if (count > 2) count = 2;
  *done = true;
  return thaw_buffer_text(r->out, ".") && thaw_buffer_append(r->out, digits, count);
}

static bool rewrite_tag(rewriting *r) {
  bool ok = true;
  while (ok && *r->next && *r->next != '>') {
    bool done = false;
    ok = rewrite_id(r, &done);
    if (ok && !done) ok = rewrite_colour(r, &done);
    if (ok && !done) skip_defaults(r, &done);
    if (ok && !done) ok = rewrite_decimals(r, &done);
    if (ok && !done) ok = thaw_buffer_append(r->out, r->next++, 1);
  }
  return ok;
}

/* Passes the picture's own first tag, of which the size is kept. */
static void pass_first_tag(rewriting *r, double size[2]) {
  const char *tag = strstr(r->next, "<svg");
  const char *end = tag ? strchr(tag, '>') : NULL,
             *box = tag ? strstr(tag, "viewBox=\"0 0 ") : NULL;
  size[0] = size[1] = 0;
  if (box && box < end) {
    char *next = NULL;
    size[0] = strtod(box + strlen("viewBox=\"0 0 "), &next);
    size[1] = strtod(next, NULL);
  }
  r->next = end ? end + 1 : r->next + strlen(r->next);
}

bool thaw_report_svg(const thaw_buffer *svg, const char *prefix, double size[2], thaw_buffer *out) {
  rewriting r = {svg->data ? svg->data : "", prefix, out};
  bool ok = true;
  pass_first_tag(&r, size);
  while (ok && *r.next) {
    if (*r.next == '<')
      ok = rewrite_tag(&r);
    else
      ok = thaw_buffer_append(out, r.next++, 1);
    if (ok && *r.next == '>') ok = thaw_buffer_append(out, r.next++, 1);
  }
  return ok;
}
