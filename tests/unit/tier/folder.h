/* Temporary directories for the tests of what lies on disk. */
#ifndef LARDER_TESTS_TIER_FOLDER_H
#define LARDER_TESTS_TIER_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "must.h"

struct folder {
	char path[64];
};

static inline void folder_make(struct folder *f)
{
	/* Memory where there is some: 100,000 files are quicker there. */
	snprintf(f->path, sizeof(f->path), "%s/larder-test-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	must(mkdtemp(f->path) != NULL, "no temporary directory");
}

static inline int folder_unlink(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static inline void folder_remove(struct folder *f)
{
	if (f->path[0])
		nftw(f->path, folder_unlink, 16, FTW_DEPTH | FTW_PHYS);
	f->path[0] = 0;
}

#endif
