/* units.c: see units.h. */
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

typedef struct unit {
  const char *name;
  double size;
} unit;

/* The number at the start of the text, and where it ends; false: there is none. Signs, exponents,
 * hexadecimal digits and the like are no numbers here. */
static bool take_number(const char *text, double *number, const char **rest) {
  const size_t digits = strspn(text, "0123456789");
  size_t length = digits;
  if (text[length] == '.') length += 1 + strspn(text + length + 1, "0123456789");
  if (digits == 0 || text[length - 1] == '.') return false;
  *number = strtod(text, NULL);
  *rest = text + length;
  return true;
}

/* The number times its unit; false: it is not written so, or is more than `most`. */
static bool parse(const char *text, const unit *units, double most, double *value) {
  const char *rest;
  if (!take_number(text, value, &rest)) return false;
  rest += strspn(rest, " ");
  if (!*rest) return *value <= 0;
  for (const unit *u = units; u->name; u++) {
    if (strcmp(u->name, rest) != 0) continue;
    *value *= u->size;
    return *value <= most;
  }
  return false;
}

static const double kibi = 1024, mebi = 1048576, gibi = 1073741824, tebi = 1099511627776;

thaw_status thaw_parse_size(thaw_context *ctx, const char *text, uint64_t *bytes) {
  const unit units[] = {{"B", 1},    {"K", kibi},   {"KiB", kibi}, {"M", mebi},   {"MiB", mebi},
                        {"G", gibi}, {"GiB", gibi}, {"T", tebi},   {"TiB", tebi}, {NULL, 0}};
  double value;
  if (!parse(text, units, 9e18, &value)) {
    return thaw_fail(
        ctx, THAW_INVALID,
        "expected a size with a unit, such as 500M or 1.5G (B, K, M, G or T, powers of "
        "1024), found '%s'",
        text);
  }
  *bytes = (uint64_t)value;
  return THAW_OK;
}

thaw_status thaw_parse_duration(thaw_context *ctx, const char *text, double *seconds) {
  static const unit units[] = {{"s", 1},     {"m", 60},     {"h", 3600},
                               {"d", 86400}, {"w", 604800}, {NULL, 0}};
  double value;
  if (!parse(text, units, 9e18, &value)) {
    return thaw_fail(ctx, THAW_INVALID,
                     "expected a time with a unit, such as 30d or 12h (s, m for minutes, h, d or "
                     "w), found '%s'",
                     text);
  }
  *seconds = value;
  return THAW_OK;
}

void thaw_write_size(uint64_t bytes, char text[THAW_UNITS_TEXT]) {
  const unit units[] = {{"KiB", kibi}, {"MiB", mebi}, {"GiB", gibi}, {"TiB", tebi}};
  const double value = (double)bytes;
  if (value < kibi) {
    snprintf(text, THAW_UNITS_TEXT, "%u B", (unsigned)bytes);
    return;
  }
  size_t u = 0;
  while (u < 3 && value >= units[u + 1].size) u++;
  snprintf(text, THAW_UNITS_TEXT, "%.1f %s", value / units[u].size, units[u].name);
}

void thaw_write_duration(double seconds, char text[THAW_UNITS_TEXT]) {
  static const unit units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
  size_t u = 0;
  while (u < 3 && seconds >= units[u + 1].size) u++;
  const int64_t whole = seconds > 0 ? (int64_t)(seconds / units[u].size) : 0;
  snprintf(text, THAW_UNITS_TEXT, "%" PRId64 " %s", whole, units[u].name);
}
