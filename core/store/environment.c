/* environment.c: asks the libraries and the system what they are. */
#include "store/environment.h"

#include <cblas.h>
#include <config.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "tensor/loops.h"

enum { PAIRS = 16 };

/* The pairs as they are collected. */
typedef struct collection {
  thaw_arena *arena;
  thaw_text_pair *pairs;
  size_t count;
  bool ok; /* false: no memory */
} collection;

static void add(collection *all, const char *key, const char *value) {
  char *copy = all->ok ? thaw_arena_strdup(all->arena, value) : NULL;
  if (copy && all->count < PAIRS) {
    all->pairs[all->count++] = (thaw_text_pair){key, copy};
  } else {
    all->ok = false;
  }
}

static void add_number(collection *all, const char *key, long number) {
  char text[32];
  snprintf(text, sizeof text, "%ld", number);
  add(all, key, text);
}

/* The processor's name as Linux knows it, else the machine's kind. */
static void add_processor(collection *all, const char *machine) {
  char line[512], name[512] = "";
  FILE *file = fopen("/proc/cpuinfo", "re");
  while (file && !name[0] && fgets(line, sizeof line, file)) {
    const char *value = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
    if (value) snprintf(name, sizeof name, "%s", value + 1 + strspn(value + 1, " \t"));
  }
  if (file) fclose(file);
  name[strcspn(name, "\n")] = '\0';
  add(all, "processor", name[0] ? name : machine);
}

static void add_libraries(collection *all) {
  unsigned major = 0, minor = 0, release = 0;
  char text[256];
  /* The core and the build of our loops decide which instructions run, and so the last bits of
   * every sum. */
  snprintf(text, sizeof text, "%s, core %s", openblas_get_config(), openblas_get_corename());
  add(all, "openblas", text);
  add(all, "loops", thaw_loops_now()->name);
  H5get_libversion(&major, &minor, &release);
  snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
  add(all, "hdf5_version", text);
}

static void add_start(collection *all) {
  char text[32] = "";
  struct tm parts;
  const time_t now = time(NULL);
  if (gmtime_r(&now, &parts)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  add(all, "started", text);
}

thaw_status thaw_environment(thaw_context *ctx, thaw_arena *arena, int threads,
                             const thaw_text_pair **pairs, size_t *count) {
  collection all = {.arena = arena, .ok = true};
  all.pairs = thaw_arena_alloc(arena, PAIRS * sizeof *all.pairs);
  if (!all.pairs) return thaw_fail_memory(ctx, PAIRS * sizeof *all.pairs);
  struct utsname system;
  char name[3 * sizeof system.sysname + 3] = "unknown";
  const bool known = uname(&system) == 0;
  if (known) {
    snprintf(name, sizeof name, "%s %s %s", system.sysname, system.release, system.machine);
  }
  add(&all, "thaw_version", PACKAGE_VERSION);
#ifdef __VERSION__
  add(&all, "compiler", __VERSION__);
#endif
  add_libraries(&all);
  add_processor(&all, known ? system.machine : "unknown");
  add_number(&all, "cores", sysconf(_SC_NPROCESSORS_ONLN));
  add_number(&all, "threads", threads);
  add(&all, "system", name);
  add_start(&all);
  if (!all.ok) return thaw_fail_memory(ctx, 256);
  *pairs = all.pairs;
  *count = all.count;
  return THAW_OK;
}
