/* host.c: see host.h. */
#include "base/host.h"

#include <config.h>
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

void thaw_host_name(char name[THAW_HOST_TEXT]) {
  name[0] = '\0';
  if (gethostname(name, THAW_HOST_TEXT) != 0 || !name[0])
    snprintf(name, THAW_HOST_TEXT, "localhost");
  name[THAW_HOST_TEXT - 1] = '\0';
  for (char *c = name; *c; c++) {
    if (!isalnum((unsigned char)*c)) *c = '_';
  }
}
