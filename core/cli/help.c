/* help.c: the texts of --help. Lines are filled up to 80 columns. */
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>
#include <uniwidth.h>

enum { LINE_WIDTH = 80, DOC_COLUMN = 28 };

static size_t width_of(const char *text, size_t bytes) {
  const int width = u8_width((const uint8_t *)text, bytes, "UTF-8");
  return width > 0 ? (size_t)width : 0;
}

/* Ends the line and starts the next at column `indent`. */
static bool new_line(thaw_buffer *out, size_t indent) {
  return thaw_buffer_format(out, "\n%*s", (int)indent, "");
}

/* Writes words from column `column` on, further lines from `indent` on. A newline in the text
 * starts a line. */
static bool fill(thaw_buffer *out, const char *text, size_t column, size_t indent) {
  bool ok = true, first = true;
  while (ok && *text) {
    if (*text == '\n') {
      ok = new_line(out, indent);
      column = indent;
      first = true;
      text++;
      continue;
    }
    const size_t bytes = strcspn(text, " \n");
    const size_t width = width_of(text, bytes);
    if (!first && column + 1 + width > LINE_WIDTH) {
      ok = new_line(out, indent);
      column = indent;
    } else if (!first) {
      ok = thaw_buffer_text(out, " ");
      column++;
    }
    ok = ok && thaw_buffer_append(out, text, bytes);
    column += width;
    first = false;
    text += bytes;
    if (*text == ' ') text++;
  }
  return ok && thaw_buffer_text(out, "\n");
}

/* "  left part        right part, filled" */
static bool entry(thaw_buffer *out, const char *left, const char *right) {
  const size_t width = 2 + width_of(left, strlen(left));
  bool ok = thaw_buffer_format(out, "  %s", left);
  if (width + 2 > DOC_COLUMN) {
    ok = ok && new_line(out, DOC_COLUMN);
  } else {
    ok = ok && thaw_buffer_format(out, "%*s", (int)(DOC_COLUMN - width), "");
  }
  return ok && fill(out, right, DOC_COLUMN, DOC_COLUMN);
}

static bool option_entry(thaw_buffer *out, const thaw_option *option) {
  thaw_buffer left = {0}, right = {0};
  bool ok = option->letter ? thaw_buffer_format(&left, "-%c, ", option->letter) : true;
  ok = ok && thaw_buffer_format(&left, "--%s", option->name);
  if (option->type != THAW_OPTION_FLAG) {
    ok = ok && thaw_buffer_format(&left, " %s", option->value_name);
  }
  ok = ok && thaw_buffer_text(&right, option->doc);
  for (size_t i = 0; ok && option->choices && option->choices[i]; i++) {
    ok = thaw_buffer_format(&right, "%s%s", i ? ", " : ": ", option->choices[i]);
  }
  if (option->type == THAW_OPTION_TEXTS || option->type == THAW_OPTION_CHOICES) {
    ok = ok && thaw_buffer_text(&right, "; may be repeated");
  }
  if (option->default_value) {
    ok = ok && thaw_buffer_format(&right, " (default: %s)", option->default_value);
  }
  ok = ok && entry(out, left.data, right.data);
  thaw_buffer_free(&left);
  thaw_buffer_free(&right);
  return ok;
}

static bool option_entries(thaw_buffer *out, const thaw_option *options) {
  bool ok = true;
  for (const thaw_option *o = options; ok && o && o->name; o++) ok = option_entry(out, o);
  return ok;
}

static bool command_entry(thaw_buffer *out, const thaw_command *command) {
  thaw_buffer left = {0};
  bool ok = thaw_buffer_format(&left, "%s %s", command->name, command->operands);
  ok = ok && entry(out, left.data, command->summary);
  thaw_buffer_free(&left);
  return ok;
}

static bool in_group(const thaw_command *command, const char *group) {
  if (!group) return true;
  const size_t length = strlen(group);
  return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

bool thaw_help_all(thaw_buffer *out, const char *group, const thaw_option *global) {
  bool ok = thaw_buffer_format(out, "Usage: thaw %s%sCOMMAND [OPTION]... [OPERAND]...\n",
                               group ? group : "", group ? " " : "");
  if (!group) {
    ok = ok && thaw_buffer_text(out,
                                "Finds out what to transfer from a language model to a text "
                                "classifier.\n");
  }
  ok = ok && thaw_buffer_text(out, "\nCommands:\n");
  for (size_t i = 0; ok && thaw_commands[i]; i++) {
    if (in_group(thaw_commands[i], group)) ok = command_entry(out, thaw_commands[i]);
  }
  ok = ok && thaw_buffer_text(out, "\nOptions of every command:\n") && option_entries(out, global);
  return ok &&
         thaw_buffer_text(out,
                          "\nResults go to standard output, progress and messages to standard "
                          "error. Exit status:\n0 done, 1 failed, 2 wrong usage or configuration, "
                          "130 interrupted.\n");
}

bool thaw_help_command(thaw_buffer *out, const thaw_command *command, const thaw_option *global) {
  bool ok =
      thaw_buffer_format(out, "Usage: thaw %s [OPTION]... %s\n", command->name, command->operands);
  ok = ok && fill(out, command->summary, 0, 0);
  if (command->description) {
    ok = ok && thaw_buffer_text(out, "\n") && fill(out, command->description, 0, 0);
  }
  if (command->options) {
    ok = ok && thaw_buffer_text(out, "\nOptions:\n") && option_entries(out, command->options);
  }
  return ok && thaw_buffer_text(out, "\nOptions of every command:\n") &&
         option_entries(out, global);
}
