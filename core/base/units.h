/* units.h: sizes and times as people write and read them. */
#ifndef THAW_UNITS_H
#define THAW_UNITS_H

#include "thaw/base.h"

enum { THAW_UNITS_TEXT = 32 };

/* "500M", "1.5G", "20 GiB": bytes. K, M, G, T (also as KiB, MiB …) are powers of 1024, as in du -h;
 * B is a byte; only 0 needs no unit. THAW_INVALID, saying what was expected: anything else, among
 * it kB and MB, which mean powers of 1000 to some. */
thaw_status thaw_parse_size(thaw_context *ctx, const char *text, uint64_t *bytes);
/* "30d", "1.5h": seconds. s, m (minutes), h, d, w; only 0 needs no unit. */
thaw_status thaw_parse_duration(thaw_context *ctx, const char *text, double *seconds);

/* "320 B", "1.4 GiB" */
void thaw_write_size(uint64_t bytes, char text[THAW_UNITS_TEXT]);
/* In the largest unit of which there is one at least: "12 s", "3 h", "41 d". */
void thaw_write_duration(double seconds, char text[THAW_UNITS_TEXT]);

#endif
