/* output.c: printing tables. */
#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

/* 0: not a terminal, lines may be of any width. */
static size_t terminal_width(FILE *stream) {
  struct winsize size;
  if (!isatty(fileno(stream)) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

thaw_status thaw_print_table(const thaw_call *call, const thaw_table *table, int format) {
  thaw_buffer text = {0};
  thaw_status status = thaw_table_write(call->ctx, table, (thaw_table_format)format,
                                        terminal_width(call->out), &text);
  if (status == THAW_OK) fwrite(text.data, 1, text.size, call->out);
  thaw_buffer_free(&text);
  return status;
}
