/* Files of a cache's directory: locked, replaced whole, read whole, listed. Names are relative to the directory. Every function returns a
 * status of larder.h, and has told why (lib_fail) where it is an error. Any thread, any process. */
#ifndef LARDER_LIB_FILES_H
#define LARDER_LIB_FILES_H

#include "lib/lib.h"

#include "base/sha256.h"

enum { FILES_NAME = 192 };

/* Makes the directory if only it is missing. *dir is to be closed. */
int files_open(struct str path, int *dir);
/* A directory within it; there already is fine. */
int files_make_dir(int dir, const char *name);

/* One of 256 locks, by the first two digits of the hash; between all threads and processes. Not to be nested. `*lock` is to be closed, which
 * lets go of it (also when its process dies). LARDER_MISSING, without a word: "locks/" is gone. */
int files_lock(int dir, const char hash[SHA256_HEX + 1], int *lock);

/* Replaces `name` by the parts, one behind the other, at once: a crash leaves the old or the new. `temp` is the caller's alone meanwhile. */
int files_replace(int dir, const char *temp, const char *name, const struct str *parts, int n_parts);
/* The whole file. LARDER_MISSING: there is none, or it is no file, or larger than max. */
int files_read(int dir, const char *name, size_t max, struct text *out);
/* LARDER_OK also when it was not there. */
int files_remove(int dir, const char *name);
/* When it was written (ns since 1970) and its size. LARDER_MISSING. */
int files_look(int dir, const char *name, int64_t *written_ns, size_t *size);

struct files_list {
	struct files_entry {
		int64_t written_ns; /* the owner's to fill in */
		char name[SHA256_HEX + 1];
	} * v;
	size_t n, cap;
};
/* All names of a directory that are hashes; v is to be freed. A directory that is gone is empty. */
int files_list(int dir, const char *name, struct files_list *out);

#endif
