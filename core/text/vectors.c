/* vectors.c: a line is cut from its end, where the numbers are; what is left is the word. See
 * vectors.h. */
#include "text/vectors.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/input.h"

/* A file being read. */
typedef struct reading {
  thaw_context *ctx;
  const char *path;
  thaw_input *input;
  const thaw_vocabulary *vocabulary;
  size_t width;
  float *values; /* [V][width] */
  bool *found;   /* [V] */
  thaw_vectors_count *count;
  unsigned long long promised; /* lines, by the first one; 0: it is a vector itself */
} reading;

bool thaw_is_vectors(const char *path) {
  static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
  const char *dot = strrchr(path, '.');
  if (dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0)) return false;
  char begin[sizeof signature];
  FILE *file = fopen(path, "rbe");
  const bool whole = file && fread(begin, sizeof begin, 1, file) == 1;
  if (file) fclose(file);
  return !whole || memcmp(begin, signature, sizeof begin) != 0;
}

static size_t line_of(const reading *r) {
  return thaw_input_line_number(r->input);
}

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/* ---- Lines ---------------------------------------------------------------------------------- */

/* Takes spaces off the end of a text; returns its length. */
static size_t trim(const char *text, size_t bytes) {
  while (bytes > 0 && is_space(text[bytes - 1])) bytes--;
  return bytes;
}

/* Parts of the line between spaces. */
static size_t count_parts(const char *line) {
  size_t count = 0;
  while (*line) {
    while (is_space(*line)) line++;
    count += *line != '\0';
    while (*line && !is_space(*line)) line++;
  }
  return count;
}

/* Finds where the last `width` parts of the line begin; NULL: there are not so many behind a word.
 */
static char *find_numbers(char *line, size_t bytes, size_t width) {
  size_t end = bytes;
  for (size_t i = 0; i < width; i++) {
    end = trim(line, end);
    while (end > 0 && !is_space(line[end - 1])) end--;
    if (end == 0) return NULL;
  }
  return line + end;
}

static bool is_number(const char *text) {
  char *end;
  strtod(text, &end);
  return end > text && (*end == '\0' || is_space(*end));
}

static thaw_status fail_width(const reading *r, size_t width) {
  return thaw_fail_at(r->ctx, r->path, line_of(r), 0,
                      "vectors of %zu numbers, the embedding has %zu: set encoder.embedding: %zu, "
                      "or take vectors of another width",
                      width, r->width, width);
}

/* "COUNT WIDTH", in whole numbers. */
static bool read_header(const char *line, unsigned long long *count, unsigned long long *width) {
  char *end;
  if (!isdigit((unsigned char)*line)) return false;
  *count = strtoull(line, &end, 10);
  if (!is_space(*end)) return false;
  while (is_space(*end)) end++;
  if (!isdigit((unsigned char)*end)) return false;
  *width = strtoull(end, &end, 10);
  while (is_space(*end)) end++;
  return *end == '\0';
}

static thaw_status read_numbers(const reading *r, const char *text, float *values) {
  for (size_t i = 0; i < r->width; i++) {
    char *end;
    const float value = strtof(text, &end);
    if (end == text || (*end && !is_space(*end)) || !isfinite(value)) {
      while (is_space(*text)) text++;
      return thaw_fail_at(r->ctx, r->path, line_of(r), 0,
                          "number %zu of the vector is '%.*s', a finite number was expected", i + 1,
                          (int)strcspn(text, " \t"), text);
    }
    values[i] = value;
    text = end;
  }
  return THAW_OK;
}

/* Its numbers begin after a part more than they should. */
static thaw_status check_word(const reading *r, const char *word) {
  const char *space = strpbrk(word, " \t");
  if (!space || !is_number(space + 1)) return THAW_OK;
  return thaw_fail_at(r->ctx, r->path, line_of(r), 0,
                      "more than the %zu numbers of a vector stand behind the word '%.*s'",
                      r->width, (int)(space - word), word);
}

static thaw_status take_line(reading *r, char *line, size_t bytes) {
  char *numbers = find_numbers(line, bytes, r->width);
  if (!numbers) {
    const size_t parts = count_parts(line);
    return thaw_fail_at(r->ctx, r->path, line_of(r), 0,
                        "the line is too short: a word and %zu numbers were expected, found %zu "
                        "part%s",
                        r->width, parts, parts == 1 ? "" : "s");
  }
  const size_t length = trim(line, (size_t)(numbers - line));
  r->count->lines++;
  line[length] = '\0';
  const thaw_status status = check_word(r, line);
  const int32_t id = thaw_vocabulary_id(r->vocabulary, line, length);
  /* What is not there has the id of the unknown piece. */
  if (status || r->found[id] || strcmp(thaw_vocabulary_piece(r->vocabulary, id), line) != 0)
    return status;
  r->found[id] = true;
  r->count->found++;
  return read_numbers(r, numbers, r->values + (size_t)id * r->width);
}

/* The first line says the width, by itself or by its length. */
static thaw_status take_first_line(reading *r, char *line, size_t bytes) {
  unsigned long long width;
  if (read_header(line, &r->promised, &width))
    return width == r->width ? THAW_OK : fail_width(r, (size_t)width);
  r->promised = 0;
  const size_t parts = count_parts(line);
  const char *last = find_numbers(line, bytes, 1);
  if (parts == r->width + 1) return take_line(r, line, bytes);
  if (last && is_number(last)) return fail_width(r, parts - 1);
  return thaw_fail_at(r->ctx, r->path, line_of(r), 0,
                      "is neither a run file nor a file of word vectors: a word and its numbers "
                      "were expected");
}

static thaw_status read_lines(reading *r) {
  enum { LINES_BETWEEN = 4096 };
  for (;;) {
    char *line;
    size_t bytes;
    thaw_status status = thaw_input_line(r->ctx, r->input, &line, &bytes);
    if (status || !line) return status;
    if (line_of(r) == 1) {
      status = take_first_line(r, line, bytes);
    } else if (trim(line, bytes) > 0) {
      status = take_line(r, line, bytes);
    }
    if (status) return status;
    if (line_of(r) % LINES_BETWEEN == 0 && thaw_interrupted(r->ctx))
      return thaw_fail(r->ctx, THAW_INTERRUPTED, "stopped while reading %s", r->path);
  }
}

/* ---- The whole ------------------------------------------------------------------------------ */

static thaw_status check_counts(const reading *r) {
  if (r->promised > r->count->lines) {
    return thaw_fail_at(r->ctx, r->path, 0, 0,
                        "is truncated: it has %zu vectors, its first line says %llu",
                        r->count->lines, r->promised);
  }
  if (r->count->found > 0) return THAW_OK;
  return thaw_fail_at(r->ctx, r->path, 0, 0,
                      "none of its %zu words is one of the %zu that the text has: are the words of "
                      "the two cut and written (upper case, language) in the same way?",
                      r->count->lines, thaw_vocabulary_size(r->vocabulary));
}

/* In double, for there may be many. */
static thaw_status fill_others(const reading *r) {
  const size_t words = thaw_vocabulary_size(r->vocabulary);
  double *mean = calloc(r->width, sizeof *mean);
  if (!mean) return thaw_fail_memory(r->ctx, r->width * sizeof *mean);
  for (size_t v = 0; v < words; v++) {
    for (size_t d = 0; r->found[v] && d < r->width; d++)
      mean[d] += (double)r->values[v * r->width + d] / (double)r->count->found;
  }
  for (size_t v = 0; v < words; v++) {
    for (size_t d = 0; !r->found[v] && d < r->width; d++)
      r->values[v * r->width + d] = (float)mean[d];
  }
  free(mean);
  return THAW_OK;
}

thaw_status thaw_vectors_read(thaw_context *ctx, const char *path,
                              const thaw_vocabulary *vocabulary, size_t width, float *values,
                              bool *found, thaw_vectors_count *count) {
  reading r = {.ctx = ctx,
               .path = path,
               .vocabulary = vocabulary,
               .width = width,
               .values = values,
               .found = found,
               .count = count};
  *count = (thaw_vectors_count){0};
  memset(found, 0, thaw_vocabulary_size(vocabulary) * sizeof *found);
  thaw_status status = thaw_input_open(ctx, path, "utf-8", &r.input);
  if (status == THAW_OK) status = read_lines(&r);
  if (status == THAW_OK) status = check_counts(&r);
  if (status == THAW_OK) status = fill_others(&r);
  thaw_input_close(r.input);
  return status;
}
