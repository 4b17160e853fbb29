/* disk.h: an HDF5 file driver for writing that keeps the disk's first failure to itself.
 *
 * When HDF5 1.10 cannot write a file's last bytes, the file stays open for ever and the process
 * crashes when it ends. This driver notes the failure, goes on as if nothing had happened, and
 * leaves it to the caller to look at the note once the file is closed. It takes no locks: only its
 * process knows the file. */
#ifndef THAW_DISK_H
#define THAW_DISK_H

#include <hdf5.h>

/* Makes `access`, a file access property list, use the driver. `*failure` receives errno of the
 * first failure, and stays as it is without one; it outlives the file. Negative on failure, as in
 * HDF5. */
herr_t thaw_disk_use(hid_t access, int *failure);

#endif
