/* safetensors_header.c: json-c reads the text; then every entry is checked by itself, and all of
 * them together: sorted by their offsets they must cover the data without overlap or hole.
 *
 * json-c keeps the last of two members of one name. So members are counted in the text as well. */
#include "store/safetensors_header.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

static const char metadata_key[] = "__metadata__";

/* A header being read. */
typedef struct parsing {
  thaw_context *ctx;
  thaw_arena *arena;
  const char *path;
  uint64_t data_bytes;
  thaw_safetensors_header *header;
} parsing;

static const struct {
  const char *name;
  thaw_dtype dtype;
  size_t bytes;
} dtypes[] = {
    {"F32", THAW_F32, 4},         {"F16", THAW_F16, 2},         {"BF16", THAW_BF16, 2},
    {"F64", THAW_F64, 8},         {"I64", THAW_OTHER_DTYPE, 8}, {"U64", THAW_OTHER_DTYPE, 8},
    {"I32", THAW_OTHER_DTYPE, 4}, {"U32", THAW_OTHER_DTYPE, 4}, {"I16", THAW_OTHER_DTYPE, 2},
    {"U16", THAW_OTHER_DTYPE, 2}, {"I8", THAW_OTHER_DTYPE, 1},  {"U8", THAW_OTHER_DTYPE, 1},
    {"BOOL", THAW_OTHER_DTYPE, 1}};

static thaw_status fail(const parsing *p, const char *name, const char *what) {
  return thaw_fail(p->ctx, THAW_INVALID, "%s: tensor '%s': %s", p->path, name, what);
}

/* ---- One tensor ----------------------------------------------------------------------------- */

/* A number from 0 to 2^63 − 2: json-c gives the largest one for all that are larger. */
static bool read_number(json_object *value, uint64_t *number) {
  if (!json_object_is_type(value, json_type_int)) return false;
  const int64_t found = json_object_get_int64(value);
  *number = (uint64_t)found;
  return found >= 0 && found < INT64_MAX;
}

static thaw_status read_dtype(const parsing *p, json_object *value, thaw_safetensors_entry *entry,
                              size_t *bytes) {
  if (!json_object_is_type(value, json_type_string))
    return fail(p, entry->name, "its dtype is missing or no text");
  const char *name = json_object_get_string(value);
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
    if (strcmp(dtypes[i].name, name) != 0) continue;
    entry->dtype = dtypes[i].dtype;
    entry->dtype_name = dtypes[i].name;
    *bytes = dtypes[i].bytes;
    return THAW_OK;
  }
  return thaw_fail(p->ctx, THAW_INVALID,
                   "%s: tensor '%s': there is no dtype '%s'; thaw reads F32, F16, BF16 and F64",
                   p->path, entry->name, name);
}

static thaw_status read_shape(const parsing *p, json_object *value, thaw_safetensors_entry *entry) {
  if (!json_object_is_type(value, json_type_array))
    return fail(p, entry->name, "its shape is missing or no list");
  entry->rank = json_object_array_length(value);
  if (entry->rank > THAW_MAX_RANK) {
    return thaw_fail(p->ctx, THAW_INVALID,
                     "%s: tensor '%s' has %zu dimensions, at most %d are possible", p->path,
                     entry->name, entry->rank, THAW_MAX_RANK);
  }
  entry->count = 1;
  for (size_t i = 0; i < entry->rank; i++) {
    uint64_t number;
    if (!read_number(json_object_array_get_idx(value, i), &number))
      return fail(p, entry->name, "its shape is no list of whole numbers");
    if (number > 0 && entry->count > SIZE_MAX / 16 / number)
      return fail(p, entry->name, "its shape is larger than any memory");
    entry->shape[i] = (size_t)number;
    entry->count *= (size_t)number;
  }
  return THAW_OK;
}

static thaw_status read_offsets(const parsing *p, json_object *value, thaw_safetensors_entry *entry,
                                size_t bytes) {
  if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) != 2 ||
      !read_number(json_object_array_get_idx(value, 0), &entry->begin) ||
      !read_number(json_object_array_get_idx(value, 1), &entry->end)) {
    return fail(p, entry->name, "its data_offsets are missing or no two whole numbers");
  }
  const uint64_t wanted = (uint64_t)entry->count * bytes;
  if (entry->begin > entry->end || entry->end > p->data_bytes) {
    return thaw_fail(p->ctx, THAW_INVALID,
                     "%s: tensor '%s': its data_offsets, from %" PRIu64 " to %" PRIu64
                     ", lie outside the file's %" PRIu64 " bytes of data",
                     p->path, entry->name, entry->begin, entry->end, p->data_bytes);
  }
  if (entry->end - entry->begin != wanted) {
    return thaw_fail(p->ctx, THAW_INVALID,
                     "%s: tensor '%s' has %" PRIu64
                     " bytes of data; its shape and its dtype %s make %" PRIu64,
                     p->path, entry->name, entry->end - entry->begin, entry->dtype_name, wanted);
  }
  return THAW_OK;
}

static thaw_status read_entry(const parsing *p, const char *name, json_object *value) {
  thaw_safetensors_entry *entry = &p->header->entries[p->header->count++];
  *entry = (thaw_safetensors_entry){.name = thaw_arena_strdup(p->arena, name)};
  if (!entry->name) return thaw_fail_memory(p->ctx, strlen(name));
  if (!json_object_is_type(value, json_type_object)) return fail(p, name, "expected an object");
  size_t bytes = 0;
  thaw_status status = read_dtype(p, json_object_object_get(value, "dtype"), entry, &bytes);
  if (status == THAW_OK) status = read_shape(p, json_object_object_get(value, "shape"), entry);
  if (status == THAW_OK)
    status = read_offsets(p, json_object_object_get(value, "data_offsets"), entry, bytes);
  return status;
}

/* ---- All of them ---------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b) {
  const thaw_safetensors_entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  return strcmp(x->name, y->name);
}

static thaw_status check_cover(const parsing *p) {
  const thaw_safetensors_header *header = p->header;
  uint64_t covered = 0;
  qsort(header->entries, header->count, sizeof *header->entries, by_offset);
  for (size_t i = 0; i < header->count; i++) {
    const thaw_safetensors_entry *entry = &header->entries[i];
    if (entry->begin < covered) {
      return thaw_fail(p->ctx, THAW_INVALID,
                       "%s: tensors '%s' and '%s' overlap: one ends at byte %" PRIu64
                       ", the other begins at %" PRIu64,
                       p->path, header->entries[i - 1].name, entry->name, covered, entry->begin);
    }
    if (entry->begin > covered) break;
    covered = entry->end;
  }
  if (covered == p->data_bytes) return THAW_OK;
  return thaw_fail(p->ctx, THAW_INVALID,
                   "%s: from byte %" PRIu64
                   " of the data on there is a hole: its bytes are no tensor's",
                   p->path, covered);
}

static thaw_status read_metadata(const parsing *p, json_object *all) {
  if (!json_object_is_type(all, json_type_object)) {
    return thaw_fail(p->ctx, THAW_INVALID, "%s: its %s is no object", p->path, metadata_key);
  }
  const size_t most = (size_t)json_object_object_length(all);
  thaw_safetensors_header *header = p->header;
  header->metadata = thaw_arena_zalloc(p->arena, (most + 1) * sizeof *header->metadata);
  if (!header->metadata) return thaw_fail_memory(p->ctx, most);
  json_object_object_foreach(all, key, value) {
    if (!json_object_is_type(value, json_type_string)) {
      return thaw_fail(p->ctx, THAW_INVALID, "%s: '%s' in its %s is no text", p->path, key,
                       metadata_key);
    }
    const thaw_metadata one = {thaw_arena_strdup(p->arena, key),
                               thaw_arena_strdup(p->arena, json_object_get_string(value))};
    if (!one.key || !one.text) return thaw_fail_memory(p->ctx, strlen(key));
    header->metadata[header->metadata_count++] = one;
  }
  return THAW_OK;
}

static thaw_status read_all(const parsing *p, json_object *root) {
  const size_t most = (size_t)json_object_object_length(root);
  p->header->entries = thaw_arena_zalloc(p->arena, (most + 1) * sizeof *p->header->entries);
  if (!p->header->entries) return thaw_fail_memory(p->ctx, most * sizeof *p->header->entries);
  json_object_object_foreach(root, name, value) {
    const thaw_status status =
        strcmp(name, metadata_key) == 0 ? read_metadata(p, value) : read_entry(p, name, value);
    if (status) return status;
  }
  return check_cover(p);
}

/* ---- Names that stand there twice ------------------------------------------------------------ */

/* The end of the string that begins, behind its quote, at `text`. */
static const char *end_of_string(const char *text, const char *end) {
  while (text < end && *text != '"') text += *text == '\\' ? 2 : 1;
  return text < end ? text : end;
}

/* The next member's name of the outermost object from `*at` on, as it is written; NULL: none. */
static const char *next_name(const char **at, const char *end, size_t *depth, size_t *bytes) {
  const char *text = NULL;
  size_t length = 0;
  for (; *at < end; ++*at) {
    const char c = **at;
    if (c == '"') {
      text = *at + 1;
      *at = end_of_string(text, end);
      length = (size_t)(*at - text);
    } else if (c == '{' || c == '[') {
      ++*depth;
    } else if (c == '}' || c == ']') {
      --*depth;
    } else if (c == ':' && *depth == 1) {
      ++*at;
      *bytes = length;
      return text;
    }
  }
  return NULL;
}

typedef struct written_name {
  const char *text;
  size_t bytes;
} written_name;

static int by_text(const void *a, const void *b) {
  const written_name *x = a, *y = b;
  const size_t least = x->bytes < y->bytes ? x->bytes : y->bytes;
  const int order = memcmp(x->text, y->text, least);
  return order ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The text has `count` members, and json-c found fewer. */
static thaw_status tell_twin(const parsing *p, const char *json, size_t bytes, size_t count) {
  written_name *names = thaw_arena_alloc(p->arena, count * sizeof *names);
  if (!names) return thaw_fail_memory(p->ctx, count * sizeof *names);
  const char *at = json;
  size_t depth = 0;
  for (size_t i = 0; i < count; i++)
    names[i].text = next_name(&at, json + bytes, &depth, &names[i].bytes);
  qsort(names, count, sizeof *names, by_text);
  for (size_t i = 1; i < count; i++) {
    if (by_text(&names[i - 1], &names[i]) != 0) continue;
    const int length = names[i].bytes < INT_MAX ? (int)names[i].bytes : INT_MAX;
    return thaw_fail(p->ctx, THAW_INVALID, "%s: the name '%.*s' stands in the header twice",
                     p->path, length, names[i].text);
  }
  return thaw_fail(p->ctx, THAW_INVALID, "%s: a name stands in the header twice", p->path);
}

static thaw_status check_twins(const parsing *p, const char *json, size_t bytes, size_t found) {
  const char *at = json;
  size_t depth = 0, length, count = 0;
  while (next_name(&at, json + bytes, &depth, &length)) count++;
  if (count > found) return tell_twin(p, json, bytes, count);
  if (count == found) return THAW_OK;
  /* json-c takes single quotes for double ones. */
  return thaw_fail(p->ctx, THAW_INVALID,
                   "%s: its header is no JSON: a name lacks its double quotes", p->path);
}

/* ---- The text -------------------------------------------------------------------------------- */

static thaw_status parse_json(const parsing *p, const char *json, size_t bytes,
                              json_object **root) {
  enum { DEPTH = 8 };
  json_tokener *tokener = json_tokener_new_ex(DEPTH);
  if (!tokener) return thaw_fail_memory(p->ctx, bytes);
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  /* The arena's copy ends with a NUL, which ends a text that is cut short. */
  *root = json_tokener_parse_ex(tokener, json, (int)bytes + 1);
  const enum json_tokener_error error = json_tokener_get_error(tokener);
  const size_t end = json_tokener_get_parse_end(tokener);
  json_tokener_free(tokener);
  const bool is_object =
      error == json_tokener_success && json_object_is_type(*root, json_type_object);
  if (is_object && end >= bytes) return THAW_OK;
  const char *why = error != json_tokener_success ? json_tokener_error_desc(error)
                    : is_object                   ? "something stands behind the object"
                                                  : "expected an object";
  thaw_status status =
      thaw_fail(p->ctx, THAW_INVALID, "%s: its header is no JSON of safetensors: %s", p->path, why);
  json_object_put(*root);
  *root = NULL;
  return status;
}

thaw_status thaw_safetensors_parse(thaw_context *ctx, thaw_arena *arena, const char *path,
                                   const char *json, size_t bytes, uint64_t data_bytes,
                                   thaw_safetensors_header *header) {
  const parsing p = {ctx, arena, path, data_bytes, header};
  json_object *root = NULL;
  *header = (thaw_safetensors_header){0};
  /* The format pads with spaces. */
  size_t used = bytes;
  while (used > 0 && json[used - 1] == ' ') used--;
  char *copy = thaw_arena_strndup(arena, json, used);
  if (!copy) return thaw_fail_memory(ctx, used);
  thaw_status status = THAW_OK;
  if (strlen(copy) != used)
    status = thaw_fail(ctx, THAW_INVALID, "%s: its header is no JSON: it has a NUL byte", path);
  if (status == THAW_OK) status = parse_json(&p, copy, used, &root);
  if (status == THAW_OK)
    status = check_twins(&p, copy, used, (size_t)json_object_object_length(root));
  if (status == THAW_OK) status = read_all(&p, root);
  json_object_put(root);
  return status;
}
