/* resident.c: see resident.h. The numbers stand in files of /proc, which proc(5) describes. */
#include "base/resident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The line "NAME:   123 kB" of the process's status; 0 when there is none. */
static size_t read_status(const char *name) {
  FILE *file = fopen("/proc/self/status", "re");
  const size_t length = strlen(name);
  char line[256];
  size_t kibibytes = 0;
  if (!file) return 0;
  while (kibibytes == 0 && fgets(line, sizeof line, file)) {
    if (strncmp(line, name, length) == 0 && line[length] == ':')
      kibibytes = strtoul(line + length + 1, NULL, 10);
  }
  fclose(file);
  return kibibytes * 1024;
}

size_t thaw_resident_bytes(void) {
  return read_status("VmRSS");
}

size_t thaw_resident_peak(void) {
  const size_t bytes = read_status("VmHWM");
  struct rusage usage;
  if (bytes > 0 || getrusage(RUSAGE_SELF, &usage) != 0) return bytes;
  return (size_t)usage.ru_maxrss * 1024;
}

void thaw_resident_forget(void) {
  FILE *file = fopen("/proc/self/clear_refs", "we");
  if (!file) return;
  fputs("5\n", file);
  fclose(file);
}
