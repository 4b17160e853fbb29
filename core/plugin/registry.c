/* registry.c: which file is the plugin of a name.
 *
 * The first folder that has the name wins. There the file NAME.so is tried first, so that a command
 * loads what it needs and nothing else. Where that is not the plugin, the folder is scanned, once:
 * every file that contains the descriptor's symbol is loaded and kept with what became of it, a
 * plugin or an error message. All files of a folder are probed in one child process; only when that
 * goes wrong, each gets its own. */
#include "plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "plugin/loader.h"
#include "plugin/settings.h"

/* A file that was loaded, or why it was not. */
typedef struct entry {
  thaw_plugin plugin; /* without a descriptor when it is no good */
  thaw_module module;
  thaw_status status;
  char *message;
  dev_t device;
  ino_t inode;
} entry;

typedef struct folder {
  char *path;
  bool given; /* by the user, not by the environment or the installation */
  bool scanned;
  entry **entries; /* sorted by file name; each keeps its address */
  size_t count;
} folder;

struct thaw_registry {
  folder *
      folders; /* in search order; the last one holds plugins named by path and is never searched */
  size_t count;
  const thaw_plugin **all; /* what thaw_registry_all gave out */
};

/* ---- Create and free ------------------------------------------------------------------------ */

static void free_entry(entry *e) {
  if (!e) return;
  thaw_module_close(&e->module);
  free(e->plugin.path);
  free(e->message);
  free(e);
}

static void drop_entries(folder *in, bool foreign_only) {
  size_t kept = 0;
  for (size_t i = 0; i < in->count; i++) {
    if (foreign_only && !in->entries[i]->module.foreign) {
      in->entries[kept++] = in->entries[i];
    } else {
      free_entry(in->entries[i]);
    }
  }
  in->count = kept;
}

void thaw_registry_free(thaw_registry *registry) {
  if (!registry) return;
  for (size_t f = 0; f < registry->count; f++) {
    folder *in = &registry->folders[f];
    drop_entries(in, false);
    free(in->entries);
    free(in->path);
  }
  free(registry->folders);
  free(registry->all);
  free(registry);
}

static bool same_file(const char *a, const char *b) {
  struct stat of_a, of_b;
  return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
         of_a.st_ino == of_b.st_ino;
}

/* Adds a folder unless it is there already under any name; false: no memory. */
static bool add_folder(thaw_registry *registry, const char *path, size_t length, bool given) {
  char *copy = strndup(path, length);
  if (!copy) return false;
  for (size_t f = 0; f < registry->count; f++) {
    const char *known = registry->folders[f].path;
    if (strcmp(copy, known) == 0 || same_file(copy, known)) {
      free(copy);
      return true;
    }
  }
  folder *folders = realloc(registry->folders, (registry->count + 1) * sizeof *folders);
  if (!folders) {
    free(copy);
    return false;
  }
  registry->folders = folders;
  folders[registry->count++] = (folder){.path = copy, .given = given};
  return true;
}

static bool add_folders(thaw_registry *registry, const char *list, bool given) {
  while (list && *list) {
    const size_t length = strcspn(list, ":");
    if (length && !add_folder(registry, list, length, given)) return false;
    list += length + (list[length] == ':');
  }
  return true;
}

thaw_registry *thaw_registry_create(const char *folders) {
  thaw_registry *registry = calloc(1, sizeof *registry);
  if (!registry) return NULL;
  char *own = thaw_users_plugin_folder(), *installed = thaw_installed_plugin_folder();
  const bool ok = installed && add_folders(registry, folders, true) &&
                  add_folders(registry, getenv("THAW_PLUGIN_PATH"), false) &&
                  (!own || add_folder(registry, own, strlen(own), false)) &&
                  add_folder(registry, installed, strlen(installed), false) &&
                  add_folder(registry, "", 0, false);
  free(own);
  free(installed);
  if (ok) return registry;
  thaw_registry_free(registry);
  return NULL;
}

static size_t searched(const thaw_registry *registry) {
  return registry->count - 1;
}

static folder *named_by_path(thaw_registry *registry) {
  return &registry->folders[registry->count - 1];
}

/* ---- Loading files -------------------------------------------------------------------------- */

/* Adds an entry for `path`, not loaded yet; NULL: no memory. */
static entry *add_entry(folder *in, const char *path) {
  entry *added = calloc(1, sizeof *added);
  char *copy = strdup(path);
  entry **entries = added && copy ? realloc(in->entries, (in->count + 1) * sizeof *entries) : NULL;
  if (!entries) {
    free(added);
    free(copy);
    return NULL;
  }
  added->plugin.path = copy;
  struct stat info;
  if (stat(path, &info) == 0) {
    added->device = info.st_dev;
    added->inode = info.st_ino;
  }
  in->entries = entries;
  entries[in->count++] = added;
  return added;
}

/* Loads one file; what is wrong with it is kept in the entry. */
static void load(thaw_context *ctx, entry *e, bool probe) {
  const char *path = e->plugin.path;
  e->status = THAW_OK;
  if (probe && !thaw_module_is_loaded(path)) {
    e->status = thaw_module_probe(ctx, &path, 1, THAW_PROBE_SECONDS);
  }
  if (e->status == THAW_OK) e->status = thaw_module_open(ctx, path, &e->module);
  if (e->status == THAW_OK) {
    e->plugin.descriptor = e->module.descriptor;
  } else {
    e->message = strdup(thaw_error(ctx));
  }
}

static bool ends_in_so(const char *name) {
  const size_t length = strlen(name);
  return length > 3 && strcmp(name + length - 3, ".so") == 0;
}

static int by_path(const void *a, const void *b) {
  return strcmp((*(entry *const *)a)->plugin.path, (*(entry *const *)b)->plugin.path);
}

static entry *find_entry(const folder *in, const char *path) {
  for (size_t i = 0; i < in->count; i++) {
    if (strcmp(in->entries[i]->plugin.path, path) == 0) return in->entries[i];
  }
  return NULL;
}

/* Lists the candidates of a folder that were not tried by their names; one that is not there or
 * cannot be read is an empty one. */
static thaw_status list_folder(thaw_context *ctx, folder *in) {
  DIR *listing = opendir(in->path);
  const struct dirent *item;
  thaw_status status = THAW_OK;
  while (listing && status == THAW_OK && (item = readdir(listing))) {
    if (!ends_in_so(item->d_name)) continue;
    char *path = thaw_path_join(in->path, item->d_name);
    if (!path) {
      status = thaw_fail_memory(ctx, strlen(item->d_name));
    } else if (!find_entry(in, path) && thaw_module_is_candidate(path) && !add_entry(in, path)) {
      status = thaw_fail_memory(ctx, sizeof(entry));
    }
    free(path);
  }
  if (listing) closedir(listing);
  if (in->count) qsort(in->entries, in->count, sizeof(entry *), by_path);
  return status;
}

/* Probes all files of a folder at once; true when each may be loaded without a probe of its own. */
static bool probe_folder(thaw_context *ctx, const folder *in) {
  const char **paths = malloc((in->count + 1) * sizeof *paths);
  if (!paths) return false;
  size_t count = 0;
  for (size_t i = 0; i < in->count; i++) {
    if (!thaw_module_is_loaded(in->entries[i]->plugin.path)) {
      paths[count++] = in->entries[i]->plugin.path;
    }
  }
  const bool ok = thaw_module_probe(ctx, paths, count, THAW_PROBE_SECONDS) == THAW_OK;
  free(paths);
  return ok;
}

static thaw_status scan(thaw_context *ctx, folder *in) {
  if (in->scanned) return THAW_OK;
  thaw_status status = list_folder(ctx, in);
  const bool safe = status == THAW_OK && probe_folder(ctx, in);
  for (size_t i = 0; i < in->count && status == THAW_OK; i++) {
    entry *e = in->entries[i];
    if (!e->plugin.descriptor && !e->message) load(ctx, e, !safe);
    if (thaw_interrupted(ctx)) {
      status =
          thaw_fail(ctx, THAW_INTERRUPTED, "interrupted while loading the plugins of %s", in->path);
    }
  }
  if (status != THAW_OK) return status;
  drop_entries(in, true); /* in a folder somebody else's libraries are no mistake */
  thaw_error_clear(ctx);
  in->scanned = true;
  return THAW_OK;
}

/* ---- Finding -------------------------------------------------------------------------------- */

static bool is_plugin(const entry *e, thaw_plugin_kind kind, const char *name) {
  const thaw_plugin_descriptor *descriptor = e->plugin.descriptor;
  return descriptor && descriptor->kind == kind && strcmp(descriptor->name, name) == 0;
}

static thaw_status wrong_kind(thaw_context *ctx, const entry *e, thaw_plugin_kind kind) {
  return thaw_fail(ctx, THAW_INVALID, "plugin %s (%s) is of the kind %s, expected: %s",
                   e->plugin.descriptor->name, e->plugin.path,
                   thaw_kind_name(e->plugin.descriptor->kind), thaw_kind_name(kind));
}

static thaw_status find_path(thaw_registry *registry, thaw_context *ctx, thaw_plugin_kind kind,
                             const char *path, const thaw_plugin **plugin) {
  folder *in = named_by_path(registry);
  struct stat info;
  if (stat(path, &info) != 0) {
    return thaw_fail(ctx, THAW_INVALID, "plugin %s cannot be opened: %s", path, strerror(errno));
  }
  entry *found = NULL;
  for (size_t i = 0; i < in->count && !found; i++) {
    entry *e = in->entries[i];
    if (e->device == info.st_dev && e->inode == info.st_ino) found = e;
  }
  if (!found) {
    found = add_entry(in, path);
    if (!found) return thaw_fail_memory(ctx, sizeof *found);
    load(ctx, found, true);
  }
  if (!found->plugin.descriptor) {
    return thaw_fail(ctx, found->status, "%s", found->message ? found->message : path);
  }
  if (found->plugin.descriptor->kind != kind) return wrong_kind(ctx, found, kind);
  *plugin = &found->plugin;
  return THAW_OK;
}

/* The file NAME.so of a folder is no good: why? THAW_OK: there is no such file. */
static thaw_status explain_broken(thaw_context *ctx, const folder *in, const char *name) {
  thaw_buffer path = {0};
  thaw_status status = THAW_OK;
  const entry *broken = NULL;
  if (!thaw_buffer_format(&path, "%s/%s.so", in->path, name)) return THAW_OK;
  for (size_t i = 0; i < in->count && !broken; i++) {
    const entry *e = in->entries[i];
    if (!e->plugin.descriptor && same_file(e->plugin.path, path.data)) broken = e;
  }
  if (broken) {
    status = thaw_fail(ctx, broken->status, "%s", broken->message ? broken->message : path.data);
  } else if (thaw_path_exists(path.data) && !thaw_module_is_candidate(path.data)) {
    status =
        thaw_fail(ctx, THAW_INVALID, "%s is no thaw plugin: it does not export the symbol '%s'",
                  path.data, THAW_PLUGIN_SYMBOL);
  }
  thaw_buffer_free(&path);
  return status;
}

static thaw_status load_file(thaw_context *ctx, folder *in, const char *path, entry **loaded) {
  *loaded = add_entry(in, path);
  if (!*loaded) return thaw_fail_memory(ctx, sizeof **loaded);
  load(ctx, *loaded, true);
  if (thaw_interrupted(ctx))
    return thaw_fail(ctx, THAW_INTERRUPTED, "interrupted while loading %s", path);
  thaw_error_clear(ctx); /* it may be another folder's name */
  return THAW_OK;
}

/* The file NAME.so, where it is the plugin; else `*plugin` stays NULL. */
static thaw_status find_by_file(thaw_context *ctx, folder *in, thaw_plugin_kind kind,
                                const char *name, const thaw_plugin **plugin) {
  thaw_buffer path = {0};
  thaw_status status = THAW_OK;
  if (!thaw_buffer_format(&path, "%s/%s.so", in->path, name)) return thaw_fail_memory(ctx, 1);
  entry *e = find_entry(in, path.data);
  if (!e && !in->scanned && thaw_module_is_candidate(path.data))
    status = load_file(ctx, in, path.data, &e);
  if (status == THAW_OK && e && is_plugin(e, kind, name)) *plugin = &e->plugin;
  thaw_buffer_free(&path);
  return status;
}

/* Searches one folder; THAW_OK with `*plugin` still NULL: go on with the next. */
static thaw_status find_in_folder(thaw_context *ctx, const folder *in, thaw_plugin_kind kind,
                                  const char *name, const thaw_plugin **plugin) {
  const entry *found = NULL;
  for (size_t i = 0; i < in->count; i++) {
    const entry *e = in->entries[i];
    if (!is_plugin(e, kind, name)) continue;
    if (found && !same_file(found->plugin.path, e->plugin.path)) {
      return thaw_fail(ctx, THAW_INVALID, "there are two %s plugins called '%s': %s and %s",
                       thaw_kind_name(kind), name, found->plugin.path, e->plugin.path);
    }
    if (!found) found = e;
  }
  if (!found) return explain_broken(ctx, in, name);
  *plugin = &found->plugin;
  return THAW_OK;
}

/* The known name of this kind nearest to `name`, or NULL. */
static const char *nearest_name(const thaw_registry *registry, thaw_plugin_kind kind,
                                const char *name) {
  thaw_buffer known = {0};
  for (size_t f = 0; f < searched(registry); f++) {
    const folder *in = &registry->folders[f];
    for (size_t i = 0; i < in->count; i++) {
      const thaw_plugin_descriptor *descriptor = in->entries[i]->plugin.descriptor;
      if (!descriptor || descriptor->kind != kind) continue;
      thaw_buffer_append(&known, &descriptor->name, sizeof descriptor->name);
    }
  }
  const char *near = known.data ? thaw_nearest(name, (const char *const *)(void *)known.data,
                                               known.size / sizeof(const char *))
                                : NULL;
  thaw_buffer_free(&known);
  return near;
}

static thaw_status not_found(const thaw_registry *registry, thaw_context *ctx,
                             thaw_plugin_kind kind, const char *name) {
  for (size_t f = 0; f < searched(registry); f++) {
    const folder *in = &registry->folders[f];
    for (size_t i = 0; i < in->count; i++) {
      const thaw_plugin_descriptor *descriptor = in->entries[i]->plugin.descriptor;
      if (descriptor && strcmp(descriptor->name, name) == 0) {
        return wrong_kind(ctx, in->entries[i], kind);
      }
    }
  }
  thaw_buffer folders = {0};
  for (size_t f = 0; f < searched(registry); f++) {
    const char *path = registry->folders[f].path;
    thaw_buffer_format(&folders, "%s%s%s", f ? ", " : "", path,
                       thaw_path_is_folder(path) ? "" : " (not there)");
  }
  const char *near = nearest_name(registry, kind, name);
  const thaw_status status =
      thaw_fail(ctx, THAW_INVALID, "there is no %s plugin called '%s'%s%s%s; searched: %s",
                thaw_kind_name(kind), name, near ? " (did you mean '" : "", near ? near : "",
                near ? "'?)" : "", folders.data ? folders.data : "nowhere");
  thaw_buffer_free(&folders);
  return status;
}

thaw_status thaw_registry_find(thaw_registry *registry, thaw_context *ctx, thaw_plugin_kind kind,
                               const char *name, const thaw_plugin **plugin) {
  *plugin = NULL;
  if (strchr(name, '/') || ends_in_so(name)) return find_path(registry, ctx, kind, name, plugin);
  for (size_t f = 0; f < searched(registry); f++) {
    folder *in = &registry->folders[f];
    thaw_status status = find_by_file(ctx, in, kind, name, plugin);
    if (status != THAW_OK || *plugin) return status;
    status = scan(ctx, in);
    if (status == THAW_OK) status = find_in_folder(ctx, in, kind, name, plugin);
    if (status != THAW_OK || *plugin) return status;
  }
  return not_found(registry, ctx, kind, name);
}

/* ---- Listing -------------------------------------------------------------------------------- */

static int by_kind_and_name(const void *a, const void *b) {
  const thaw_plugin_descriptor *x = (*(const thaw_plugin *const *)a)->descriptor;
  const thaw_plugin_descriptor *y = (*(const thaw_plugin *const *)b)->descriptor;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  return strcmp(x->name, y->name);
}

static void warn(const folder *in, thaw_context *ctx) {
  if (in->given && !thaw_path_is_folder(in->path)) {
    thaw_log(ctx, THAW_LOG_WARNING, "plugin folder %s is not there", in->path);
  }
  for (size_t i = 0; i < in->count; i++) {
    if (in->entries[i]->message) thaw_log(ctx, THAW_LOG_WARNING, "%s", in->entries[i]->message);
  }
}

/* Would a search for this plugin's kind and name find just it? Two of one name are warned of once.
 */
static bool is_reachable(thaw_registry *registry, thaw_context *ctx, const entry *e) {
  const thaw_plugin_descriptor *descriptor = e->plugin.descriptor;
  if (!descriptor) return false;
  const thaw_plugin *found;
  if (thaw_registry_find(registry, ctx, descriptor->kind, descriptor->name, &found) == THAW_OK) {
    return found == &e->plugin;
  }
  return false;
}

/* Warns of a name that two files of this folder have. */
static void warn_of_twins(const folder *in, thaw_context *ctx) {
  for (size_t i = 0; i < in->count; i++) {
    const thaw_plugin_descriptor *a = in->entries[i]->plugin.descriptor;
    for (size_t j = 0; a && j < i; j++) {
      const entry *other = in->entries[j];
      if (is_plugin(other, a->kind, a->name) &&
          !same_file(other->plugin.path, in->entries[i]->plugin.path)) {
        thaw_log(ctx, THAW_LOG_WARNING, "there are two %s plugins called '%s': %s and %s",
                 thaw_kind_name(a->kind), a->name, other->plugin.path, in->entries[i]->plugin.path);
        break;
      }
    }
  }
}

thaw_status thaw_registry_all(thaw_registry *registry, thaw_context *ctx,
                              const thaw_plugin *const **plugins, size_t *count) {
  size_t most = 0;
  *count = 0;
  for (size_t f = 0; f < searched(registry); f++) {
    const thaw_status status = scan(ctx, &registry->folders[f]);
    if (status != THAW_OK) return status;
    warn(&registry->folders[f], ctx);
    warn_of_twins(&registry->folders[f], ctx);
    most += registry->folders[f].count;
  }
  const thaw_plugin **all = calloc(most + 1, sizeof *all);
  if (!all) return thaw_fail_memory(ctx, most * sizeof *all);
  for (size_t f = 0; f < searched(registry); f++) {
    const folder *in = &registry->folders[f];
    for (size_t i = 0; i < in->count; i++) {
      if (is_reachable(registry, ctx, in->entries[i])) all[(*count)++] = &in->entries[i]->plugin;
    }
  }
  thaw_error_clear(ctx);
  qsort(all, *count, sizeof *all, by_kind_and_name);
  free(registry->all);
  registry->all = all;
  *plugins = all;
  return THAW_OK;
}
