/* Memory that is a file without a name (memfd_create), so that the kernel can send it from where it lies. Any thread; does not block on
 * a disk. */
#ifndef LARDER_TIER_SHMEM_H
#define LARDER_TIER_SHMEM_H

#include <stddef.h>

/* n bytes at *p, there at once and cleared; its descriptor, which belongs to the memory. -1: there are too many already (a quarter of the
 * descriptors that the process may have), or the system refuses. */
int shmem__new(size_t n, char **p);
void shmem__free(int fd, char *p, size_t n);
/* What it takes: whole pages, and what the kernel keeps of a file and a mapping. */
size_t shmem__cost(size_t n);
/* The sum of that, of all that there are. */
size_t shmem__charged(void);

#endif
