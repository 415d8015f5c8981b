/* Files of a cache's directory: locked, replaced whole, read whole, listed. Names are relative to the directory. Every function returns a
 * status of larder.h, and has told why (lib_fail, with the whole path) where it is an error. Any thread, any process. */
#ifndef LARDER_LIB_FILES_H
#define LARDER_LIB_FILES_H

#include "lib/lib.h"

#include "base/sha256.h"

enum { FILES_NAME = 192 };

struct files_dir {
	int fd;
	const char *path; /* as errors tell it */
};

/* Makes the directory if only it is missing. dir->fd is to be closed; dir->path is the one given, borrowed. */
int files_open(struct str path, struct files_dir *dir);
/* A directory within it; there already is fine. */
int files_make_dir(struct files_dir dir, const char *name);

/* Locks a file that holds no more than a line, and makes it where it is missing; between all threads and processes. `*lock` goes to
 * files_unlock; it is let go of, too, when its process dies (and the children that it forked meanwhile). LARDER_MISSING, without a word: the directory it is in is gone. */
int files_lock(struct files_dir dir, const char *name, int *lock);
void files_unlock(int lock);

/* Replaces `name` by the parts, one behind the other, at once: a crash leaves the old or the new. `temp` is the caller's alone meanwhile. */
int files_replace(struct files_dir dir, const char *temp, const char *name, const struct str *parts, int n_parts);
/* When it was written and last read, in ns since 1970, and its size. */
struct files_state {
	int64_t written_ns, used_ns;
	size_t size;
};

/* The whole file, and its state before it was read (NULL: of no interest). LARDER_MISSING: there is none, or it is no file, or larger than
 * max. */
int files_read(struct files_dir dir, const char *name, size_t max, struct text *out, struct files_state *state);
/* LARDER_OK also when it was not there. */
int files_remove(struct files_dir dir, const char *name);
/* LARDER_MISSING. */
int files_look(struct files_dir dir, const char *name, struct files_state *out);
/* As if it had been written and read at these times; 0: as it is. Fails without a word, since the owner of a file alone may do that. */
void files_stamp(struct files_dir dir, const char *name, int64_t written_ns, int64_t used_ns);

/* A number in a file that is locked. files_get_number: -1 where there is none. files_set_number: LARDER_OK or a failure, which is told of the file `name`. */
int64_t files_get_number(int lock);
int files_set_number(struct files_dir dir, const char *name, int lock, int64_t v);

struct files_list {
	struct files_entry {
		int64_t written_ns, used_ns; /* the owner's to fill in */
		char name[SHA256_HEX + 1];
	} * v;
	size_t n, cap;
};
/* All names of a directory that are hashes; v is to be freed. A directory that is gone is empty. */
int files_list(struct files_dir dir, const char *name, struct files_list *out);

#endif
