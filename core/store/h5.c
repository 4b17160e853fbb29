/* h5.c: handles, errors, files, groups and their names. Values are in h5_values.c, tables in
 * h5_table.c. */
#include "store/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "store/disk.h"

/* ---- Life ----------------------------------------------------------------------------------- */

void thaw_h5_begin(thaw_h5 *h5, thaw_context *ctx, const char *path, thaw_status failure) {
  *h5 = (thaw_h5){.ctx = ctx, .path = path, .failure = failure};
  H5Eget_auto2(H5E_DEFAULT, &h5->print, &h5->print_data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

thaw_status thaw_h5_end(thaw_h5 *h5) {
  thaw_h5_close_to(h5, 0);
  free(h5->handles);
  h5->handles = NULL;
  H5Eclear2(H5E_DEFAULT);
  H5Eset_auto2(H5E_DEFAULT, h5->print, h5->print_data);
  return h5->status;
}

size_t thaw_h5_mark(const thaw_h5 *h5) {
  return h5->count;
}

void thaw_h5_close_to(thaw_h5 *h5, size_t mark) {
  while (h5->count > mark) {
    const hid_t handle = h5->handles[--h5->count];
    const bool is_file = H5Iget_type(handle) == H5I_FILE;
    /* H5Fclose flushes, which H5Idec_ref leaves to chance. */
    if ((is_file ? (int)H5Fclose(handle) : H5Idec_ref(handle)) < 0) {
      thaw_h5_fail(h5, "cannot finish", -1, NULL);
    }
  }
}

/* ---- Errors --------------------------------------------------------------------------------- */

/* Copies the description of the innermost error, the first one visited. */
static herr_t take_description(unsigned number, const H5E_error2_t *error, void *user) {
  if (number == 0 && error->desc) snprintf(user, 256, "%s", error->desc);
  return 0;
}

/* "/weights/rnn.0/w_ih", as far as HDF5 can tell. */
static void name_place(hid_t parent, const char *name, char *place, size_t size) {
  char group[256] = "";
  if (parent >= 0 && H5Iget_name(parent, group, sizeof group) <= 0) group[0] = '\0';
  if (strcmp(group, "/") == 0) group[0] = '\0';
  snprintf(place, size, "%s%s%s", group, name ? "/" : "", name ? name : "");
}

void thaw_h5_fail(thaw_h5 *h5, const char *action, hid_t parent, const char *name) {
  if (h5->status != THAW_OK) return;
  char reason[256] = "HDF5 gives no reason", place[512];
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_description, reason); /* before the next call */
  name_place(parent, name, place, sizeof place);
  h5->status = thaw_fail(h5->ctx, h5->failure, "%s: %s%s%s: %s", h5->path, action,
                         place[0] ? " " : "", place, reason);
}

void thaw_h5_fail_because(thaw_h5 *h5, hid_t parent, const char *name, const char *reason) {
  if (h5->status != THAW_OK) return;
  char place[512];
  name_place(parent, name, place, sizeof place);
  h5->status = thaw_fail(h5->ctx, h5->failure, "%s: %s %s", h5->path, place, reason);
}

void thaw_h5_fail_memory(thaw_h5 *h5, size_t bytes) {
  if (h5->status == THAW_OK) h5->status = thaw_fail_memory(h5->ctx, bytes);
}

hid_t thaw_h5_keep(thaw_h5 *h5, hid_t handle, const char *action, hid_t parent, const char *name) {
  if (handle < 0) {
    thaw_h5_fail(h5, action, parent, name);
    return -1;
  }
  if (h5->count == h5->space) {
    const size_t space = h5->space ? 2 * h5->space : 32;
    hid_t *handles = realloc(h5->handles, space * sizeof *handles);
    if (!handles) {
      H5Idec_ref(handle);
      thaw_h5_fail_memory(h5, space * sizeof *handles);
      return -1;
    }
    h5->handles = handles;
    h5->space = space;
  }
  h5->handles[h5->count++] = handle;
  return handle;
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* What every link, group and dataset is created with: UTF-8 names, the order of creation kept, no
 * times, so that equal content gives equal bytes. */
static void create_lists(thaw_h5 *h5) {
  h5->link_list = thaw_h5_keep(h5, H5Pcreate(H5P_LINK_CREATE), "cannot create", -1, NULL);
  h5->group_list = thaw_h5_keep(h5, H5Pcreate(H5P_GROUP_CREATE), "cannot create", -1, NULL);
  h5->data_list = thaw_h5_keep(h5, H5Pcreate(H5P_DATASET_CREATE), "cannot create", -1, NULL);
  if (h5->status != THAW_OK) return;
  const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
  if (H5Pset_char_encoding(h5->link_list, H5T_CSET_UTF8) < 0 ||
      H5Pset_link_creation_order(h5->group_list, order) < 0 ||
      H5Pset_obj_track_times(h5->group_list, false) < 0 ||
      H5Pset_obj_track_times(h5->data_list, false) < 0 ||
      H5Pset_layout(h5->data_list, H5D_CONTIGUOUS) < 0) {
    thaw_h5_fail(h5, "cannot create", -1, NULL);
  }
}

hid_t thaw_h5_create(thaw_h5 *h5, const char *part, size_t room, int *disk_failure) {
  create_lists(h5);
  const hid_t creation = thaw_h5_keep(h5, H5Pcreate(H5P_FILE_CREATE), "cannot create", -1, NULL);
  const hid_t access = thaw_h5_keep(h5, H5Pcreate(H5P_FILE_ACCESS), "cannot create", -1, NULL);
  if (h5->status != THAW_OK) return -1;
  /* 1.8 is the oldest format with checksums on metadata; every reader of today knows it. */
  if (H5Pset_userblock(creation, room) < 0 || H5Pset_obj_track_times(creation, false) < 0 ||
      H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) < 0 ||
      thaw_disk_use(access, disk_failure) < 0) {
    thaw_h5_fail(h5, "cannot create", -1, NULL);
    return -1;
  }
  return thaw_h5_keep(h5, H5Fcreate(part, H5F_ACC_TRUNC, creation, access), "cannot create", -1,
                      NULL);
}

hid_t thaw_h5_open(thaw_h5 *h5) {
  const hid_t access = thaw_h5_keep(h5, H5Pcreate(H5P_FILE_ACCESS), "cannot open", -1, NULL);
  if (h5->status != THAW_OK) return -1;
  /* A finished file never changes, and some file systems cannot lock. */
  if (H5Pset_file_locking(access, false, true) < 0) {
    thaw_h5_fail(h5, "cannot open", -1, NULL);
    return -1;
  }
  return thaw_h5_keep(h5, H5Fopen(h5->path, H5F_ACC_RDONLY, access), "cannot open", -1, NULL);
}

/* ---- Names ---------------------------------------------------------------------------------- */

char *thaw_h5_link(thaw_h5 *h5, const char *name) {
  thaw_buffer link = {0};
  const bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
  bool ok = thaw_buffer_text(&link, *name ? "" : "%"); /* a link's name cannot be empty */
  for (const char *c = name; ok && *c; c++) {
    if (*c == '/' || *c == '%' || dots) {
      ok = thaw_buffer_format(&link, "%%%02X", (unsigned)(unsigned char)*c);
    } else {
      ok = thaw_buffer_append(&link, c, 1);
    }
  }
  if (ok) return link.data;
  thaw_buffer_free(&link);
  thaw_h5_fail_memory(h5, strlen(name));
  return NULL;
}

/* The value of a hexadecimal digit, or −1. */
static int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The name behind a link, in place. */
static void unescape(char *text) {
  char *out = text;
  for (const char *c = text; *c; c++) {
    const int high = *c == '%' ? digit_value(c[1]) : -1;
    const int low = high >= 0 ? digit_value(c[2]) : -1;
    if (low >= 0 && (high || low)) {
      *out++ = (char)(16 * high + low);
      c += 2;
    } else if (*c != '%') {
      *out++ = *c;
    }
  }
  *out = '\0';
}

typedef struct name_list {
  char **names;
  size_t count, space;
} name_list;

static herr_t add_name(hid_t group, const char *link, const H5L_info_t *info, void *user) {
  (void)group;
  (void)info;
  name_list *list = user;
  if (list->count == list->space) {
    const size_t space = list->space ? 2 * list->space : 16;
    char **names = realloc(list->names, space * sizeof *names);
    if (!names) return 1;
    list->names = names;
    list->space = space;
  }
  char *name = strdup(link);
  if (!name) return 1;
  unescape(name);
  list->names[list->count++] = name;
  return 0;
}

void thaw_h5_names(thaw_h5 *h5, hid_t group, char ***names, size_t *count) {
  if (h5->status != THAW_OK) return;
  name_list list = {0};
  const herr_t result = H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, NULL, add_name, &list);
  if (result != 0) {
    if (result > 0) thaw_h5_fail_memory(h5, list.space * sizeof *list.names);
    thaw_h5_fail(h5, "cannot list", group, NULL);
    thaw_h5_free_texts(list.names, list.count);
    return;
  }
  *names = list.names;
  *count = list.count;
}

static herr_t add_attribute(hid_t object, const char *name, const H5A_info_t *info, void *user) {
  (void)info;
  return add_name(object, name, NULL, user);
}

void thaw_h5_attribute_names(thaw_h5 *h5, hid_t object, char ***names, size_t *count) {
  if (h5->status != THAW_OK) return;
  name_list list = {0};
  if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, &list) != 0) {
    thaw_h5_fail(h5, "cannot list", object, NULL);
    thaw_h5_free_texts(list.names, list.count);
    return;
  }
  *names = list.names;
  *count = list.count;
}

void thaw_h5_free_texts(char **texts, size_t count) {
  for (size_t i = 0; i < count; i++) free(texts[i]);
  free(texts);
}

/* ---- Groups --------------------------------------------------------------------------------- */

hid_t thaw_h5_create_group(thaw_h5 *h5, hid_t parent, const char *name) {
  char *link = h5->status == THAW_OK ? thaw_h5_link(h5, name) : NULL;
  if (!link) return -1;
  const hid_t group =
      thaw_h5_keep(h5, H5Gcreate2(parent, link, h5->link_list, h5->group_list, H5P_DEFAULT),
                   "cannot create", parent, name);
  free(link);
  return group;
}

hid_t thaw_h5_open_group(thaw_h5 *h5, hid_t parent, const char *name) {
  char *link = h5->status == THAW_OK ? thaw_h5_link(h5, name) : NULL;
  if (!link) return -1;
  const hid_t group =
      thaw_h5_keep(h5, H5Gopen2(parent, link, H5P_DEFAULT), "cannot open", parent, name);
  free(link);
  return group;
}

bool thaw_h5_has(thaw_h5 *h5, hid_t parent, const char *name) {
  char *link = h5->status == THAW_OK ? thaw_h5_link(h5, name) : NULL;
  if (!link) return false;
  const htri_t exists = H5Lexists(parent, link, H5P_DEFAULT);
  if (exists < 0) thaw_h5_fail(h5, "cannot look for", parent, name);
  free(link);
  return exists > 0;
}

bool thaw_h5_has_attribute(thaw_h5 *h5, hid_t object, const char *name) {
  if (h5->status != THAW_OK) return false;
  const htri_t exists = H5Aexists(object, name);
  if (exists < 0) thaw_h5_fail(h5, "cannot look for", object, name);
  return exists > 0;
}
