/* reader_jsonl.c: one JSON object a line, parsed by json-c, strictly. */
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/context.h"
#include "text/reader_format.h"

typedef struct jsonl {
  json_tokener *tokener;
  json_object *object; /* of the line that was read last; the document points into it */
} jsonl;

static thaw_status open_jsonl(thaw_context *ctx, thaw_reader *reader) {
  jsonl *state = calloc(1, sizeof *state);
  reader->state = state;
  if (state) state->tokener = json_tokener_new();
  if (!state || !state->tokener) return thaw_fail_memory(ctx, sizeof *state);
  json_tokener_set_flags(state->tokener, JSON_TOKENER_STRICT);
  return THAW_OK;
}

/* Parses a line into state->object, which must be an object. */
static thaw_status parse_line(thaw_context *ctx, thaw_reader *reader, const char *line,
                              size_t bytes) {
  jsonl *state = reader->state;
  const thaw_document *document = &reader->document;
  json_object_put(state->object);
  state->object = NULL;
  while (bytes > 0 && strchr(" \t\r", line[bytes - 1])) bytes--;
  if (bytes > INT_MAX) {
    return thaw_fail_at(ctx, document->file, document->line, 0, "the line is longer than 2 GB");
  }
  json_tokener_reset(state->tokener);
  json_object *value = json_tokener_parse_ex(state->tokener, line, (int)bytes);
  enum json_tokener_error error = json_tokener_get_error(state->tokener);
  const size_t end = json_tokener_get_parse_end(state->tokener);
  if (error == json_tokener_continue) {
    /* The NUL at the end of the line tells that no more comes: 12 might have become 123. */
    value = json_tokener_parse_ex(state->tokener, "", 1);
    error = json_tokener_get_error(state->tokener);
    if (error == json_tokener_continue) error = json_tokener_error_parse_eof;
  }
  if (error != json_tokener_success) {
    const size_t column = u8_mbsnlen((const uint8_t *)line, end) + 1;
    json_object_put(value);
    if (error == json_tokener_error_parse_eof) {
      return thaw_fail_at(ctx, document->file, document->line, column,
                          "the line ends in the middle of a JSON value");
    }
    return thaw_fail_at(ctx, document->file, document->line, column, "bad JSON: %s",
                        json_tokener_error_desc(error));
  }
  if (!json_object_is_type(value, json_type_object)) {
    thaw_status status = thaw_fail_at(ctx, document->file, document->line, 1,
                                      "a JSON object was expected, this is of type %s",
                                      json_type_to_name(json_object_get_type(value)));
    json_object_put(value);
    return status;
  }
  state->object = value;
  return THAW_OK;
}

static thaw_status refuse_member(thaw_context *ctx, const thaw_reader *reader, const char *name) {
  const jsonl *state = reader->state;
  const size_t count = (size_t)json_object_object_length(state->object);
  const char **known = malloc((count ? count : 1) * sizeof *known);
  if (!known) return thaw_fail_memory(ctx, count * sizeof *known);
  size_t i = 0;
  json_object_object_foreach(state->object, key, value) {
    (void)value;
    known[i++] = key;
  }
  thaw_status status = thaw_reader_missing(ctx, reader->document.file, reader->document.line,
                                           "member", name, known, count);
  free(known);
  return status;
}

/* The member `name` as text; numbers and truth values are allowed for labels. */
static thaw_status get_member(thaw_context *ctx, const thaw_reader *reader, const char *name,
                              bool only_string, const char **text, size_t *bytes) {
  const jsonl *state = reader->state;
  const thaw_document *document = &reader->document;
  json_object *value;
  if (!json_object_object_get_ex(state->object, name, &value)) {
    return refuse_member(ctx, reader, name);
  }
  const json_type type = json_object_get_type(value);
  const bool scalar =
      type == json_type_int || type == json_type_double || type == json_type_boolean;
  if (type != json_type_string && (only_string || !scalar)) {
    return thaw_fail_at(ctx, document->file, document->line, 0,
                        "the member '%s' is of type %s, a string was expected", name,
                        json_type_to_name(type));
  }
  *text = json_object_get_string(value);
  if (!*text) return thaw_fail_memory(ctx, 1);
  *bytes = type == json_type_string ? (size_t)json_object_get_string_len(value) : strlen(*text);
  if (strlen(*text) != *bytes) {
    return thaw_fail_at(ctx, document->file, document->line, 0,
                        "the member '%s' contains a NUL character", name);
  }
  return THAW_OK;
}

static thaw_status next_jsonl(thaw_context *ctx, thaw_reader *reader, bool *found) {
  char *line;
  size_t bytes;
  thaw_document *document = &reader->document;
  thaw_status status = thaw_reader_line(ctx, reader, &line, &bytes);
  if (status != THAW_OK || !line) return status;
  status = parse_line(ctx, reader, line, bytes);
  if (status != THAW_OK) return status;
  status = get_member(ctx, reader, reader->source.text, true, &document->text, &document->bytes);
  if (status == THAW_OK && reader->source.label) {
    size_t length;
    status = get_member(ctx, reader, reader->source.label, false, &document->label, &length);
    if (status == THAW_OK && length == 0) {
      status = thaw_fail_at(ctx, document->file, document->line, 0,
                            "the label, member '%s', is empty", reader->source.label);
    }
  }
  *found = status == THAW_OK;
  return status;
}

static void close_jsonl(thaw_reader *reader) {
  jsonl *state = reader->state;
  if (!state) return;
  json_object_put(state->object);
  if (state->tokener) json_tokener_free(state->tokener);
  free(state);
}

const thaw_reader_format thaw_reader_jsonl = {
    .open = open_jsonl, .next = next_jsonl, .close = close_jsonl};
