/* disk.c: the driver is registered with each property list that uses it and dies with the last of
 * them, so that nothing global remains. Bytes that could not be written read as zeros: HDF5 may
 * then refuse what it reads, which is as well, because the file is given up anyway. */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* What a property list carries to the file. */
typedef struct disk_info {
  int *failure;
} disk_info;

typedef struct disk_file {
  H5FD_t base; /* must be first */
  int descriptor;
  int *failure;
  haddr_t allocated; /* end of what HDF5 has handed out */
  haddr_t end;       /* end of what was written */
} disk_file;

static void note(const disk_file *file, int why) {
  if (!*file->failure) *file->failure = why ? why : EIO;
}

static H5FD_t *disk_open(const char *name, unsigned flags, hid_t access, haddr_t limit) {
  (void)limit;
  const disk_info *info = H5Pget_driver_info(access);
  if (!info || !(flags & H5F_ACC_TRUNC)) return NULL;
  disk_file *file = calloc(1, sizeof *file);
  if (!file) return NULL;
  file->failure = info->failure;
  file->descriptor = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file->descriptor < 0) {
    note(file, errno);
    free(file);
    return NULL;
  }
  return &file->base;
}

static herr_t disk_close(H5FD_t *base) {
  disk_file *file = (disk_file *)base;
  if (close(file->descriptor) != 0) note(file, errno);
  free(file);
  return 0;
}

static herr_t disk_query(const H5FD_t *base, unsigned long *flags) {
  (void)base;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t disk_get_eoa(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const disk_file *)base)->allocated;
}

static herr_t disk_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((disk_file *)base)->allocated = end;
  return 0;
}

static haddr_t disk_get_eof(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const disk_file *)base)->end;
}

static herr_t disk_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                        void *buffer) {
  (void)type;
  (void)transfer;
  const disk_file *file = (const disk_file *)base;
  char *bytes = buffer;
  while (size > 0) {
    const ssize_t count = pread(file->descriptor, bytes, size, (off_t)address);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) note(file, errno);
    if (count <= 0) break;
    bytes += count;
    size -= (size_t)count;
    address += (haddr_t)count;
  }
  memset(bytes, 0, size);
  return 0;
}

static herr_t disk_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                         size_t size, const void *buffer) {
  (void)type;
  (void)transfer;
  disk_file *file = (disk_file *)base;
  const char *bytes = buffer;
  if (address + size > file->end) file->end = address + size;
  while (size > 0 && !*file->failure) {
    const ssize_t count = pwrite(file->descriptor, bytes, size, (off_t)address);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      note(file, count < 0 ? errno : ENOSPC);
      break;
    }
    bytes += count;
    size -= (size_t)count;
    address += (haddr_t)count;
  }
  return 0;
}

static herr_t disk_truncate(H5FD_t *base, hid_t transfer, hbool_t closing) {
  (void)transfer;
  (void)closing;
  disk_file *file = (disk_file *)base;
  if (file->end == file->allocated) return 0;
  if (!*file->failure && ftruncate(file->descriptor, (off_t)file->allocated) != 0) {
    note(file, errno);
  }
  file->end = file->allocated;
  return 0;
}

static const H5FD_class_t disk_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)384, /* of the range for drivers that are not registered */
#endif
    .name = "thaw_disk",
    .maxaddr = ((haddr_t)1 << (8 * sizeof(off_t) - 1)) - 1,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(disk_info),
    .open = disk_open,
    .close = disk_close,
    .query = disk_query,
    .get_eoa = disk_get_eoa,
    .set_eoa = disk_set_eoa,
    .get_eof = disk_get_eof,
    .read = disk_read,
    .write = disk_write,
    .truncate = disk_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

herr_t thaw_disk_use(hid_t access, int *failure) {
  const disk_info info = {failure};
  const hid_t driver = H5FDregister(&disk_class);
  if (driver < 0) return -1;
  const herr_t set = H5Pset_driver(access, driver, &info);
  return H5FDunregister(driver) < 0 ? -1 : set;
}
