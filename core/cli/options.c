/* options.c: reading a command line by tables of options. */
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "plugin/settings.h"

/* An option that was found on the command line. */
typedef struct match {
  const thaw_option *option;
  void *value; /* where it goes */
} match;

typedef struct parser {
  thaw_context *ctx;
  thaw_arena *arena;
  const thaw_option_set *sets;
  size_t set_count;
  size_t argument_count;
  const char *const *arguments;
  size_t next; /* the argument to read next */
} parser;

static void *value_of(const thaw_option_set *set, const thaw_option *option) {
  return (char *)set->settings + option->offset;
}

static match find_long(const parser *p, const char *name, size_t length) {
  for (size_t s = 0; s < p->set_count; s++) {
    for (const thaw_option *o = p->sets[s].options; o && o->name; o++) {
      if (strlen(o->name) == length && memcmp(o->name, name, length) == 0) {
        return (match){o, value_of(&p->sets[s], o)};
      }
    }
  }
  return (match){NULL, NULL};
}

static match find_short(const parser *p, char letter) {
  for (size_t s = 0; s < p->set_count; s++) {
    for (const thaw_option *o = p->sets[s].options; o && o->name; o++) {
      if (o->letter == letter) return (match){o, value_of(&p->sets[s], o)};
    }
  }
  return (match){NULL, NULL};
}

static thaw_status unknown_option(const parser *p, const char *name, size_t length) {
  size_t count = 0;
  for (size_t s = 0; s < p->set_count; s++) {
    for (const thaw_option *o = p->sets[s].options; o && o->name; o++) count++;
  }
  const char **known = thaw_arena_alloc(p->arena, (count + 1) * sizeof *known);
  const char *given = thaw_arena_strndup(p->arena, name, length);
  if (!known || !given) return thaw_fail_memory(p->ctx, count * sizeof *known);
  count = 0;
  for (size_t s = 0; s < p->set_count; s++) {
    for (const thaw_option *o = p->sets[s].options; o && o->name; o++) known[count++] = o->name;
  }
  const char *nearest = thaw_nearest(given, known, count);
  if (nearest) {
    return thaw_fail(p->ctx, THAW_INVALID, "there is no option --%s; did you mean --%s?", given,
                     nearest);
  }
  return thaw_fail(p->ctx, THAW_INVALID, "there is no option --%s", given);
}

static thaw_status set_count(thaw_context *ctx, const thaw_option *option, const char *text,
                             int64_t *value) {
  char *end;
  errno = 0;
  const intmax_t number = strtoimax(text, &end, 10);
  if (*text == '\0' || *end != '\0') {
    return thaw_fail(ctx, THAW_INVALID, "--%s: expected a whole number, found '%s'", option->name,
                     text);
  }
  if (errno == ERANGE || number < option->minimum || number > option->maximum) {
    return thaw_fail(ctx, THAW_INVALID, "--%s: %s is not between %" PRId64 " and %" PRId64,
                     option->name, text, option->minimum, option->maximum);
  }
  *value = number;
  return THAW_OK;
}

static thaw_status set_number(thaw_context *ctx, const thaw_option *option, const char *text,
                              double *value) {
  char *end;
  /* strtod would also take white space, hexadecimal digits, infinity and nan. */
  const bool plain = *text && !text[strspn(text, "0123456789+-.eE")];
  const double number = plain ? strtod(text, &end) : 0;
  if (!plain || end == text || *end != '\0') {
    return thaw_fail(ctx, THAW_INVALID, "--%s: expected a number, found '%s'", option->name, text);
  }
  if (!(number >= (double)option->minimum && number <= (double)option->maximum)) {
    return thaw_fail(ctx, THAW_INVALID, "--%s: %s is not between %" PRId64 " and %" PRId64,
                     option->name, text, option->minimum, option->maximum);
  }
  *value = number;
  return THAW_OK;
}

/* The number of the choice `text`. */
static thaw_status find_choice(thaw_context *ctx, const thaw_option *option, const char *text,
                               int *choice) {
  size_t count = 0;
  for (; option->choices[count]; count++) {
    if (strcmp(option->choices[count], text) == 0) {
      *choice = (int)count;
      return THAW_OK;
    }
  }
  thaw_buffer list = {0};
  for (size_t i = 0; i < count; i++) {
    thaw_buffer_format(&list, "%s%s", i ? ", " : "", option->choices[i]);
  }
  const char *nearest = thaw_nearest(text, option->choices, count);
  thaw_status status =
      nearest ? thaw_fail(ctx, THAW_INVALID, "--%s: there is no '%s'; did you mean '%s'?",
                          option->name, text, nearest)
              : thaw_fail(ctx, THAW_INVALID, "--%s: there is no '%s'; expected one of %s",
                          option->name, text, list.data ? list.data : "its choices");
  thaw_buffer_free(&list);
  return status;
}

/* A repeated option can occur at most once an argument: the space for all is taken the first time.
 */
static thaw_status add_word(const parser *p, thaw_words *words, const char *text) {
  const char **list = (const char **)words->words;
  if (!list) {
    list = thaw_arena_alloc(p->arena, (p->argument_count + 1) * sizeof *list);
    if (!list) return thaw_fail_memory(p->ctx, (p->argument_count + 1) * sizeof *list);
    words->words = list;
  }
  list[words->count++] = text;
  return THAW_OK;
}

static thaw_status set_value(const parser *p, match m, const char *text) {
  int choice = 0;
  thaw_status status = THAW_OK;
  switch (m.option->type) {
    case THAW_OPTION_FLAG:
      *(bool *)m.value = true;
      break;
    case THAW_OPTION_TEXT:
      *(const char **)m.value = text;
      break;
    case THAW_OPTION_TEXTS:
      status = add_word(p, m.value, text);
      break;
    case THAW_OPTION_COUNT:
      status = set_count(p->ctx, m.option, text, m.value);
      break;
    case THAW_OPTION_NUMBER:
      status = set_number(p->ctx, m.option, text, m.value);
      break;
    case THAW_OPTION_CHOICE:
      status = find_choice(p->ctx, m.option, text, &choice);
      if (status == THAW_OK) *(int *)m.value = choice;
      break;
    case THAW_OPTION_CHOICES:
      status = find_choice(p->ctx, m.option, text, &choice);
      if (status == THAW_OK) *(unsigned *)m.value |= 1u << choice;
      break;
  }
  return status;
}

thaw_status thaw_options_default(thaw_context *ctx, thaw_arena *arena, thaw_option_set set) {
  const parser p = {.ctx = ctx, .arena = arena};
  for (const thaw_option *o = set.options; o && o->name; o++) {
    if (!o->default_value) continue;
    thaw_status status = set_value(&p, (match){o, value_of(&set, o)}, o->default_value);
    if (status) return status;
  }
  return THAW_OK;
}

/* `attached` is the value that stood in the same argument, or NULL: then the next one is it. */
static thaw_status take_value(parser *p, match m, const char *attached) {
  if (m.option->type == THAW_OPTION_FLAG) {
    if (attached) {
      return thaw_fail(p->ctx, THAW_INVALID, "--%s takes no value, found '%s'", m.option->name,
                       attached);
    }
    return set_value(p, m, NULL);
  }
  if (!attached) {
    if (p->next == p->argument_count) {
      return thaw_fail(p->ctx, THAW_INVALID, "--%s needs a value: --%s %s", m.option->name,
                       m.option->name, m.option->value_name);
    }
    attached = p->arguments[p->next++];
  }
  return set_value(p, m, attached);
}

static thaw_status parse_long(parser *p, const char *argument) {
  const char *name = argument + 2;
  const char *equals = strchr(name, '=');
  const size_t length = equals ? (size_t)(equals - name) : strlen(name);
  const match m = find_long(p, name, length);
  if (!m.option) return unknown_option(p, name, length);
  return take_value(p, m, equals ? equals + 1 : NULL);
}

static thaw_status parse_short(parser *p, const char *argument) {
  for (const char *letter = argument + 1; *letter; letter++) {
    const match m = find_short(p, *letter);
    if (!m.option) {
      return thaw_fail(p->ctx, THAW_INVALID, "there is no option -%c in '%s'", *letter, argument);
    }
    if (m.option->type != THAW_OPTION_FLAG) {
      return take_value(p, m, letter[1] ? letter + 1 : NULL);
    }
    thaw_status status = take_value(p, m, NULL);
    if (status) return status;
  }
  return THAW_OK;
}

thaw_status thaw_options_parse(thaw_context *ctx, thaw_arena *arena, const thaw_option_set *sets,
                               size_t set_count, size_t argument_count,
                               const char *const *arguments, bool first_only, size_t *used,
                               thaw_words *operands) {
  parser p = {ctx, arena, sets, set_count, argument_count, arguments, 0};
  bool options_end = false;
  thaw_status status = THAW_OK;
  *operands = (thaw_words){0, NULL};
  while (status == THAW_OK && p.next < argument_count) {
    const char *argument = arguments[p.next];
    const bool operand = options_end || argument[0] != '-' || argument[1] == '\0';
    if (operand && first_only) break;
    p.next++;
    if (operand) {
      status = add_word(&p, operands, argument);
    } else if (strcmp(argument, "--") == 0) {
      options_end = true;
    } else if (argument[1] == '-') {
      status = parse_long(&p, argument);
    } else {
      status = parse_short(&p, argument);
    }
  }
  *used = p.next;
  return status;
}
