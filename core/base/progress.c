/* progress.c: how far a stage is, on one line.
 *
 * The rate and the time left are measured from the first update on: a stage that was resumed starts
 * with steps that this process did not do. */
#include "base/progress.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

enum { BAR_WIDTH = 20, WIDEST_LINE = 1000 };
static const double REDRAW_SECONDS = 0.1;
static const double PLAIN_SECONDS = 30;
static const double RECORD_SECONDS = 0.5;
static const double RATE_SECONDS = 0.5; /* a rate over less time says nothing */

struct thaw_progress {
  FILE *stream;
  char *label, *unit;
  bool terminal;
  bool drawn;   /* the bar is on the screen */
  bool updated; /* there was an update */
  size_t total, done, first_done;
  double units, first_units;
  double start_time, first_time; /* of thaw_progress_start; of the first update */
  double last_time;              /* of the last line written */
  int record;                    /* THAW_PROGRESS_FILE; −1: none */
  double record_time;            /* when it was written last */
  thaw_buffer note, line;
};

static void free_progress(thaw_progress *progress) {
  if (progress->record >= 0) close(progress->record);
  free(progress->label);
  free(progress->unit);
  thaw_buffer_free(&progress->note);
  thaw_buffer_free(&progress->line);
  free(progress);
}

thaw_progress *thaw_progress_start(FILE *stream, const char *label, size_t total,
                                   const char *unit) {
  thaw_progress *progress = calloc(1, sizeof *progress);
  if (!progress) return NULL;
  progress->record = -1;
  progress->stream = stream;
  progress->label = strdup(label);
  progress->unit = strdup(unit);
  progress->total = total;
  if (!progress->label || !progress->unit) {
    free_progress(progress);
    return NULL;
  }
  const char *record = getenv("THAW_PROGRESS_FILE");
  if (record && *record) progress->record = open(record, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  const char *type = getenv("TERM");
  progress->terminal = isatty(fileno(stream)) == 1 && type && strcmp(type, "dumb") != 0;
  progress->start_time = progress->first_time = progress->last_time = thaw_seconds_now();
  return progress;
}

static size_t terminal_width(FILE *stream) {
  struct winsize size;
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col < WIDEST_LINE ? size.ws_col : WIDEST_LINE;
}

/* "1h 05m", "3m 07s", "12s". */
static void add_duration(thaw_buffer *line, double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  if (seconds > 360000000) seconds = 360000000;
  const long whole = (long)(seconds + 0.5);
  if (whole >= 3600) {
    thaw_buffer_format(line, "%ldh %02ldm", whole / 3600, whole / 60 % 60);
  } else if (whole >= 60) {
    thaw_buffer_format(line, "%ldm %02lds", whole / 60, whole % 60);
  } else {
    thaw_buffer_format(line, "%lds", whole);
  }
}

/* "812", "12.3k", "1.25M". */
static void add_count(thaw_buffer *line, double count) {
  if (count >= 1e6) {
    thaw_buffer_format(line, "%.2fM", count / 1e6);
  } else if (count >= 1e4) {
    thaw_buffer_format(line, "%.1fk", count / 1e3);
  } else {
    thaw_buffer_format(line, count >= 10 ? "%.0f" : "%.3g", count);
  }
}

static void add_bar(thaw_buffer *line, double fraction) {
  const int filled = (int)(fraction * BAR_WIDTH);
  thaw_buffer_text(line, " [");
  for (int i = 0; i < BAR_WIDTH; i++) {
    thaw_buffer_text(line, i < filled ? "=" : i == filled ? ">" : " ");
  }
  thaw_buffer_text(line, "]");
}

/* Writes the whole line, without its newline, into progress->line. */
static void compose(thaw_progress *progress, double now, bool ended) {
  thaw_buffer *line = &progress->line;
  thaw_buffer_clear(line);
  double fraction = progress->total ? (double)progress->done / (double)progress->total : 1;
  if (fraction > 1) fraction = 1;
  thaw_buffer_text(line, progress->label);
  if (progress->terminal && !ended) add_bar(line, fraction);
  thaw_buffer_format(line, " %3.0f%%", 100 * fraction);
  const double elapsed = now - progress->first_time;
  const double units = progress->units - progress->first_units;
  if (elapsed >= RATE_SECONDS && units > 0) {
    thaw_buffer_text(line, "  ");
    add_count(line, units / elapsed);
    thaw_buffer_format(line, " %s/s", progress->unit);
  }
  const double steps = (double)progress->done - (double)progress->first_done;
  if (ended) {
    thaw_buffer_text(line, "  ");
    add_duration(line, now - progress->start_time);
  } else if (elapsed >= RATE_SECONDS && steps > 0) {
    thaw_buffer_text(line, "  ");
    add_duration(line, elapsed / steps * (double)(progress->total - progress->done));
    thaw_buffer_text(line, " left");
  }
  if (progress->note.size) thaw_buffer_format(line, "  %s", progress->note.data);
}

/* Cuts the line after `columns` characters: a bar that wraps cannot be redrawn. */
static void cut(thaw_buffer *line, size_t columns) {
  size_t seen = 0;
  for (size_t i = 0; i < line->size; i++) {
    const bool starts = ((unsigned char)line->data[i] & 0xc0) != 0x80; /* of a UTF-8 character */
    if (starts && seen++ == columns) {
      line->size = i;
      line->data[i] = '\0';
      return;
    }
  }
}

static void set_note(thaw_progress *progress, const char *note) {
  if (!note) return;
  thaw_buffer_clear(&progress->note);
  thaw_buffer_text(&progress->note, note);
}

static void draw(thaw_progress *progress, double now, bool ended) {
  compose(progress, now, ended);
  if (!progress->line.data) return;
  if (progress->terminal) {
    if (!ended) cut(&progress->line, terminal_width(progress->stream) - 1);
    fprintf(progress->stream, "\r\033[K%s%s", progress->line.data, ended ? "\n" : "");
  } else {
    fprintf(progress->stream, "%s\n", progress->line.data);
  }
  fflush(progress->stream);
  progress->drawn = progress->terminal && !ended;
  progress->last_time = now;
}

/* In one piece, so that a reader sees one line or the other. A file that cannot be written is no
 * reason to stop. */
static void write_record(thaw_progress *progress, double now) {
  char record[THAW_PROGRESS_RECORD];
  if (progress->record < 0 || now - progress->record_time < RECORD_SECONDS) return;
  progress->record_time = now;
  compose(progress, now, false);
  if (!progress->line.data) return;
  const size_t most = sizeof record - 1;
  const size_t size = progress->line.size < most ? progress->line.size : most;
  memset(record, ' ', sizeof record);
  memcpy(record, progress->line.data, size);
  record[most] = '\n';
  if (pwrite(progress->record, record, sizeof record, 0) >= 0) return;
  close(progress->record);
  progress->record = -1;
}

void thaw_progress_update(thaw_progress *progress, size_t done, double units, const char *note) {
  if (!progress) return;
  const double now = thaw_seconds_now();
  progress->done = done < progress->total ? done : progress->total;
  progress->units = units;
  set_note(progress, note);
  const bool first = !progress->updated;
  if (first) {
    progress->updated = true;
    progress->first_done = progress->done;
    progress->first_units = units;
    progress->first_time = now;
  }
  write_record(progress, now);
  const double wait = progress->terminal ? REDRAW_SECONDS : PLAIN_SECONDS;
  if ((first && progress->terminal) || now - progress->last_time >= wait) {
    draw(progress, now, false);
  }
}

void thaw_progress_end(thaw_progress *progress, const char *note) {
  if (!progress) return;
  set_note(progress, note);
  draw(progress, thaw_seconds_now(), true);
  free_progress(progress);
}

void thaw_progress_hide(thaw_progress *progress) {
  if (!progress || !progress->drawn) return;
  fputs("\r\033[K", progress->stream);
  fflush(progress->stream);
  progress->drawn = false;
  progress->last_time = 0;
}
