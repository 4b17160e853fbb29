/* tags.c: reading and adding the lines behind a run file. A line is added where the last complete
 * one ends, over whatever a crash left there. */
#include "store/tags.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unistr.h>

#include "base/context.h"
#include "base/hash.h"
#include "store/seal.h"

#define WORD "tags "
enum {
  DIGITS = THAW_HASH_TEXT - 1,
  LONGEST_TAG = 64, /* bytes */
  LONGEST_LINE = 4096,
};
static const char marks[] = "-_.:+@/"; /* that a tag may have */

/* ---- Tags ------------------------------------------------------------------------------------ */

thaw_status thaw_tag_check(thaw_context *ctx, const char *tag) {
  const size_t length = strlen(tag);
  if (length == 0 || length > LONGEST_TAG || tag[0] == '-') {
    return thaw_fail(ctx, THAW_INVALID,
                     "'%s' is no tag: expected a word of 1 to %d bytes that does not begin with -",
                     tag, LONGEST_TAG);
  }
  const uint8_t *wrong = u8_check((const uint8_t *)tag, length);
  for (const char *c = tag; *c && !wrong; c++) {
    const unsigned char byte = (unsigned char)*c;
    if (byte < 0x80 && !isalnum(byte) && !strchr(marks, *c)) wrong = (const uint8_t *)c;
  }
  if (!wrong) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "'%s' is no tag: a tag has letters, digits and %s, and no '%c' as byte %td", tag,
                   marks, isprint(*wrong) ? *wrong : '?', wrong - (const uint8_t *)tag + 1);
}

/* The length of the first tag of a list. */
static size_t first_length(const char *tags) {
  return strcspn(tags, ",");
}

bool thaw_tags_have(const char *tags, const char *tag) {
  const size_t length = strlen(tag);
  for (const char *at = tags; *at;) {
    const size_t here = first_length(at);
    if (here == length && memcmp(at, tag, length) == 0) return true;
    at += here + (at[here] == ',');
  }
  return false;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The length of the complete line at the start of the bytes, with its newline; 0: there is none. */
static size_t line_length(const char *bytes, size_t count) {
  const size_t before = strlen(WORD) + DIGITS + 1;
  const char *newline = memchr(bytes, '\n', count < LONGEST_LINE ? count : LONGEST_LINE);
  if (!newline || (size_t)(newline - bytes) < before) return 0;
  if (memcmp(bytes, WORD, strlen(WORD)) != 0 || bytes[before - 1] != ' ') return 0;
  char digits[THAW_HASH_TEXT];
  thaw_hash_bytes(bytes + before, (size_t)(newline - bytes) - before, digits);
  if (memcmp(bytes + strlen(WORD), digits, DIGITS) != 0) return 0;
  return (size_t)(newline - bytes) + 1;
}

/* Where the complete lines end; `*last` is the last of them, `end` itself when there is none. */
static size_t lines_end(const char *bytes, size_t count, size_t *last) {
  size_t end = 0;
  *last = 0;
  for (size_t length; (length = line_length(bytes + end, count - end)) > 0; end += length) {
    *last = end;
  }
  if (end == 0) *last = end;
  return end;
}

bool thaw_tags_accept(const char *bytes, size_t count) {
  size_t last;
  return count <= THAW_TAGS_MOST_BYTES && count - lines_end(bytes, count, &last) <= LONGEST_LINE;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What stands behind an open file. */
typedef struct tail {
  thaw_buffer bytes;
  size_t last, end; /* the last complete line */
  uint64_t begin;   /* in the file */
} tail;

static thaw_status read_tail(thaw_context *ctx, const char *path, int descriptor, tail *read) {
  struct stat info;
  thaw_status status = thaw_seal_length(ctx, path, descriptor, THAW_RUNFILE_FORMAT, &read->begin);
  if (status != THAW_OK) return status;
  if (fstat(descriptor, &info) != 0)
    return thaw_fail(ctx, THAW_FAILED, "cannot read %s: %s", path, strerror(errno));
  const uint64_t count = (uint64_t)info.st_size - read->begin;
  if (count > THAW_TAGS_MOST_BYTES)
    return thaw_fail(ctx, THAW_INVALID, "%s is not as thaw wrote it", path);
  if (!thaw_buffer_reserve(&read->bytes, (size_t)count))
    return thaw_fail_memory(ctx, (size_t)count);
  if (!thaw_read_at(descriptor, read->bytes.data, (size_t)count, read->begin))
    return thaw_fail(ctx, THAW_FAILED, "cannot read %s: %s", path, strerror(errno));
  read->bytes.size = (size_t)count;
  read->end = lines_end(read->bytes.data, (size_t)count, &read->last);
  return THAW_OK;
}

/* The tags of the last line, malloc'ed; NULL: no memory. */
static char *tags_of(const tail *read) {
  const size_t before = strlen(WORD) + DIGITS + 1;
  if (read->end == read->last) return strdup("");
  return strndup(read->bytes.data + read->last + before, read->end - read->last - before - 1);
}

thaw_status thaw_run_tags(thaw_context *ctx, const thaw_run_file *run, char **tags) {
  const char *path = thaw_run_path(run);
  tail read = {.end = 0};
  *tags = NULL;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return thaw_fail(ctx, THAW_INVALID, "cannot open %s: %s", path, strerror(errno));
  thaw_status status = read_tail(ctx, path, descriptor, &read);
  if (status == THAW_OK) {
    *tags = tags_of(&read);
    if (!*tags) status = thaw_fail_memory(ctx, read.bytes.size);
  }
  close(descriptor);
  thaw_buffer_free(&read.bytes);
  return status;
}

/* ---- Changing -------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `tags`, which it takes apart, with those that are added and without those that are removed. */
static thaw_status change_list(thaw_context *ctx, char *tags, const thaw_tag_change *change,
                               thaw_buffer *changed) {
  const size_t most = strlen(tags) + 1 + change->add_count;
  const char **list = calloc(most, sizeof *list);
  size_t count = 0;
  if (!list) return thaw_fail_memory(ctx, most * sizeof *list);
  for (char *tag; tags && *tags && (tag = strsep(&tags, ","));) list[count++] = tag;
  for (size_t i = 0; i < change->add_count; i++) list[count++] = change->add[i];
  qsort(list, count, sizeof *list, by_bytes);
  bool ok = thaw_buffer_text(changed, "");
  for (size_t i = 0; i < count && ok; i++) {
    bool left_out = i > 0 && strcmp(list[i], list[i - 1]) == 0;
    for (size_t k = 0; k < change->remove_count; k++)
      left_out |= strcmp(list[i], change->remove[k]) == 0;
    if (!left_out) ok = thaw_buffer_format(changed, "%s%s", changed->size ? "," : "", list[i]);
  }
  free(list);
  return ok ? THAW_OK : thaw_fail_memory(ctx, most);
}

static thaw_status add_line(thaw_context *ctx, const char *path, int descriptor, const tail *read,
                            const thaw_buffer *tags) {
  char digits[THAW_HASH_TEXT];
  thaw_buffer line = {0};
  thaw_hash_bytes(tags->data, tags->size, digits);
  thaw_status status = THAW_OK;
  const uint64_t place = read->begin + read->end;
  if (!thaw_buffer_format(&line, WORD "%s %s\n", digits, tags->data)) {
    status = thaw_fail_memory(ctx, tags->size);
  } else if (line.size > LONGEST_LINE || read->end + line.size > THAW_TAGS_MOST_BYTES) {
    status =
        thaw_fail(ctx, THAW_INVALID, "%s has too many tags, or had them changed too often", path);
  } else if (ftruncate(descriptor, (off_t)place) != 0 ||
             !thaw_write_at(descriptor, line.data, line.size, place) || fsync(descriptor) != 0) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot tag %s: %s", path, strerror(errno));
  }
  thaw_buffer_free(&line);
  return status;
}

static thaw_status tag_open(thaw_context *ctx, const char *path, int descriptor,
                            const thaw_tag_change *change) {
  tail read = {.end = 0};
  thaw_buffer changed = {0};
  thaw_status status = read_tail(ctx, path, descriptor, &read);
  char *tags = status == THAW_OK ? tags_of(&read) : NULL;
  char *before = tags ? strdup(tags) : NULL;
  if (status == THAW_OK && !before) status = thaw_fail_memory(ctx, read.bytes.size);
  if (status == THAW_OK) status = change_list(ctx, tags, change, &changed);
  if (status == THAW_OK && strcmp(before, changed.data) != 0)
    status = add_line(ctx, path, descriptor, &read, &changed);
  free(before);
  free(tags);
  thaw_buffer_free(&changed);
  thaw_buffer_free(&read.bytes);
  return status;
}

thaw_status thaw_run_tag(thaw_context *ctx, const thaw_run_file *run,
                         const thaw_tag_change *change) {
  const char *path = thaw_run_path(run);
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < change->add_count && status == THAW_OK; i++)
    status = thaw_tag_check(ctx, change->add[i]);
  if (status == THAW_OK && !thaw_run_complete(run)) {
    status = thaw_fail(ctx, THAW_INVALID,
                       "%s is not finished: a run in training writes its file anew, and the tags "
                       "would be lost",
                       path);
  }
  if (status != THAW_OK) return status;
  const int descriptor = open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0)
    return thaw_fail(ctx, THAW_FAILED, "cannot tag %s: %s", path, strerror(errno));
  /* Where a file system has no locks, two that tag one run at once may lose one's change. */
  while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR && !thaw_interrupted(ctx)) continue;
  status = tag_open(ctx, path, descriptor, change);
  if (close(descriptor) != 0 && status == THAW_OK)
    status = thaw_fail(ctx, THAW_FAILED, "cannot tag %s: %s", path, strerror(errno));
  return status;
}
