/* The directories of the file tier, and the names in them.
 *
 *   path/pages/ab/cd/<sha256 of the key's text>-<variant>.json          one leaf: ab/cd
 *                    <sha256 of the key's text>-<variant>-<id>.body
 *   path/pages/tmp/<id>.json, <id>.body                                 files that are being written
 *   path/pages/usage                                                    file_usage.c
 *
 * Who changes a leaf locks it (flock on the directory) and has then all other processes and threads out of it, for some system calls:
 * reading is without a lock. Under the lock each JSON file has one body beside it, unless somebody died on the way; the next who stores or
 * removes that variant, or the background pass, clears away what he left. A leaf that has become empty is removed, so that directories do not
 * fill the disk instead of pages; who waited for its lock sees that it is no longer linked, and begins anew. */
#include "tier/file_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"

#define NAMES_MAX 65536 /* of one leaf; what is beyond is not seen */
#define TRIES	  8

static bool read_hex(const char **p, unsigned digits, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < digits; i++) {
		char c = (*p)[i];
		int digit = char_hex(c);
		if (digit < 0 || c != char_lower(c)) /* another name than the one that is made */
			return false;
		v = v << 4 | (unsigned)digit;
	}
	*p += digits;
	*out = v;
	return true;
}

unsigned file_leaf__of(const char *sha)
{
	uint64_t n = 0;
	read_hex(&sha, 4, &n);
	return (unsigned)n;
}

void file_leaf__json_name(const char *sha, uint64_t variant, char out[FILE_NAME])
{
	snprintf(out, FILE_NAME, "%.64s-%016llx.json", sha, (unsigned long long)variant);
}

void file_leaf__body_name(const char *sha, uint64_t variant, uint64_t id, char out[FILE_NAME])
{
	snprintf(
	    out, FILE_NAME, "%.64s-%016llx-%016llx.body", sha, (unsigned long long)variant, (unsigned long long)id);
}

bool file_name__read(const char *p, struct file_name *out)
{
	uint64_t ignored;
	const char *sha = p;
	for (unsigned i = 0; i < 4; i++) {
		if (!read_hex(&p, SHA256_HEX / 4, &ignored))
			return false;
	}
	*out = (struct file_name){0};
	memcpy(out->sha, sha, SHA256_HEX);
	if (*p++ != '-' || !read_hex(&p, 16, &out->variant))
		return false;
	if (strcmp(p, ".json") == 0)
		return true;
	out->body = true;
	return *p++ == '-' && read_hex(&p, 16, &out->id) && strcmp(p, ".body") == 0;
}

uint64_t file_leaf__variant(const struct stored *s)
{
	char digits[FORM_VARIANT + 1];
	const char *p = digits;
	uint64_t variant = 0;
	form_variant(s, digits);
	read_hex(&p, FORM_VARIANT, &variant);
	return variant;
}

void file_leaf__add(struct file_leaf *leaf, const struct file_name *name)
{
	struct file_names *names = &leaf->names;
	if (names->n == names->cap) {
		names->cap = names->cap ? 2 * names->cap : 16;
		names->v = mem_realloc(names->v, names->cap * sizeof(*names->v));
	}
	names->v[names->n++] = *name;
}

static void read_names(struct file_leaf *leaf, const char *sha)
{
	struct file_name name;
	for (const struct dirent *d; leaf->names.n < NAMES_MAX && (d = readdir(leaf->dir));) {
		if (sha && strncmp(d->d_name, sha, SHA256_HEX) != 0)
			continue;
		if (file_name__read(d->d_name, &name))
			file_leaf__add(leaf, &name);
	}
}

static void leaf_path(const struct file_tier *t, unsigned number, bool top, char out[FILE_PATH])
{
	snprintf(out, FILE_PATH, top ? "%s/%02x" : "%s/%02x/%02x", t->pages, number >> 8, number & 0xff);
}

/* Makes the directories of a leaf, as far as they are missing. */
static int make_leaf(struct file_tier *t, struct file_leaf *leaf)
{
	char path[FILE_PATH];
	leaf_path(t, leaf->number, true, path);
	if (file_usage__top_made(&t->usage, leaf->number >> 8)) /* before it is there: never too low */
		leaf->made++;
	if (mkdir(path, 0700) && errno != EEXIST)
		return ERR_IO;
	leaf_path(t, leaf->number, false, path);
	file_usage__stored(&t->usage, leaf->number, 1);
	if (mkdir(path, 0700) == 0) {
		leaf->made++;
		return ERR_OK;
	}
	int error = errno;
	file_usage__stored(&t->usage, leaf->number, -1);
	errno = error;
	return error == EEXIST ? ERR_OK : ERR_IO;
}

static int open_directory(const struct file_tier *t, struct file_leaf *leaf)
{
	char path[FILE_PATH];
	leaf_path(t, leaf->number, false, path);
	leaf->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (leaf->fd < 0)
		return errno == ENOENT ? ERR_MISSING : ERR_IO;
	leaf->dir = fdopendir(leaf->fd);
	if (leaf->dir)
		return ERR_OK;
	close(leaf->fd);
	return ERR_IO;
}

/* ERR_AGAIN: it was removed before we had the lock. ERR_BUSY: another one has it, and it was only tried. */
static int lock(struct file_leaf *leaf, bool tries)
{
	struct stat st;
	int rc;
	do
		rc = flock(leaf->fd, tries ? LOCK_EX | LOCK_NB : LOCK_EX);
	while (rc && errno == EINTR);
	if (rc && errno == EWOULDBLOCK)
		return ERR_BUSY;
	if (rc || fstat(leaf->fd, &st))
		return ERR_IO;
	leaf->locked = st.st_nlink > 0;
	return leaf->locked ? ERR_OK : ERR_AGAIN;
}

int file_leaf__open(
    struct file_tier *t, unsigned number, enum file_leaf_how how, const char *sha, struct file_leaf *leaf)
{
	*leaf = (struct file_leaf){.number = number};
	for (unsigned i = 0; i < TRIES; i++) {
		int err = open_directory(t, leaf);
		if (err == ERR_MISSING && how == LEAF_MAKE) {
			if (make_leaf(t, leaf) == ERR_OK)
				continue;
			if (errno != ENOENT)
				return ERR_IO;
			file_store__make_again(t);
			continue;
		}
		if (err)
			return err;
		err = how <= LEAF_READ ? ERR_OK : lock(leaf, how == LEAF_TRY);
		if (!err) {
			if (how != LEAF_DIRECTORY)
				read_names(leaf, sha);
			return ERR_OK;
		}
		closedir(leaf->dir);
		leaf->dir = NULL;
		if (err != ERR_AGAIN)
			return err;
	}
	errno = ENOENT;
	return how == LEAF_MAKE ? ERR_IO : ERR_MISSING;
}

void file_leaf__close(struct file_tier *t, struct file_leaf *leaf)
{
	if (!leaf->dir)
		return;
	/* The names may be of one page only: whether it is empty, the system knows. */
	char path[FILE_PATH];
	leaf_path(t, leaf->number, false, path);
	if (leaf->locked && leaf->names.n == 0 && rmdir(path) == 0)
		file_usage__removed(&t->usage, leaf->number, 1);
	closedir(leaf->dir);
	free(leaf->names.v);
	*leaf = (struct file_leaf){0};
}

uint64_t file_leaf__body_id(const struct file_leaf *leaf, const char *sha, uint64_t variant)
{
	uint64_t id = 0;
	for (size_t i = 0; i < leaf->names.n; i++) {
		const struct file_name *name = &leaf->names.v[i];
		if (name->body && name->variant == variant && name->id > id && strcmp(name->sha, sha) == 0)
			id = name->id;
	}
	return id;
}

uint64_t file__units(uint64_t bytes)
{
	return bytes / FILE_UNIT + (bytes % FILE_UNIT > 0);
}

static void text_of(const struct file_name *name, char out[FILE_NAME])
{
	if (name->body)
		file_leaf__body_name(name->sha, name->variant, name->id, out);
	else
		file_leaf__json_name(name->sha, name->variant, out);
}

uint64_t file_leaf__size(const struct file_leaf *leaf, const struct file_name *name)
{
	char file[FILE_NAME];
	struct stat st;
	text_of(name, file);
	return fstatat(leaf->fd, file, &st, AT_SYMLINK_NOFOLLOW) ? 0 : (uint64_t)st.st_size;
}

/* Returns what it took. */
static uint64_t unlink_name(const struct file_leaf *leaf, const struct file_name *name)
{
	char file[FILE_NAME];
	uint64_t units = file__units(file_leaf__size(leaf, name));
	text_of(name, file);
	bool gone =
	    unlinkat(leaf->fd, file, 0) == 0 || (errno == EISDIR && unlinkat(leaf->fd, file, AT_REMOVEDIR) == 0);
	return gone ? units : 0;
}

/* JSON first: a body alone is nothing, a JSON file without one is damage. */
bool file_leaf__remove(
    struct file_tier *t, struct file_leaf *leaf, const char *sha, uint64_t variant, uint64_t keep_id, bool json)
{
	uint64_t units = 0;
	bool found = false;
	for (unsigned pass = json ? 0 : 1; pass < 2; pass++) {
		size_t kept = 0;
		for (size_t i = 0; i < leaf->names.n; i++) {
			const struct file_name *name = &leaf->names.v[i];
			bool goes = name->body == (pass == 1) && name->variant == variant &&
				    (!name->body || name->id != keep_id) && strcmp(name->sha, sha) == 0;
			if (goes) {
				units += unlink_name(leaf, name);
				found = found || pass == 0;
			} else {
				leaf->names.v[kept++] = *name;
			}
		}
		leaf->names.n = kept;
	}
	if (units > 0)
		file_usage__removed(&t->usage, leaf->number, units);
	return found;
}
