/* output.h: what commands share when they print results. */
#ifndef THAW_OUTPUT_H
#define THAW_OUTPUT_H

#include "analysis/table.h"
#include "cli/command.h"

/* The row of a table of options for --format; `type` is the settings struct and its member `format`
 * an int. */
#define THAW_FORMAT_OPTION(settings)                                                        \
  {                                                                                         \
    .name = "format", .letter = 'f', .type = THAW_OPTION_CHOICE,                            \
    .offset = offsetof(settings, format), .value_name = "FORMAT", .default_value = "table", \
    .doc = "how to print the table", .choices = thaw_table_formats                          \
  }

/* Prints a table to call->out, no wider than the terminal if it is one. */
thaw_status thaw_print_table(const thaw_call *call, const thaw_table *table, int format);

#endif
