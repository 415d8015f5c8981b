/* One page on disk: read, checked, removed; and the directory as a whole.
 *
 * Nothing that was read is believed. The JSON text carries a checksum and is compared with its own file's name; the body's length and
 * XXH3 are in the JSON. What does not fit is damaged: it is removed if it is still the very file that was read (inode and time of change),
 * so that what another process has put there meanwhile stays. That a file cannot be opened for want of descriptors or memory is no damage. */
#include "tier/file_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

#define ID_RANDOM_BITS 20
#define READ_PIECE     ((size_t)256 * 1024)
#define LEFT_OVER_MS   (600 * (int64_t)1000)

/* Once a second at most. */
static bool may_tell(_Atomic int64_t *told_us)
{
	int64_t now = clock_mono_us(), told = atomic_load(told_us);
	return (told == 0 || now - told >= 1000000) && atomic_compare_exchange_strong(told_us, &told, now);
}

void file__damaged(struct file_tier *t, const char *sha, uint64_t variant)
{
	char name[FILE_NAME];
	file__count(&t->corrupt);
	if (!may_tell(&t->told_damaged_us))
		return;
	file_leaf__json_name(sha, variant, name);
	log_warning("file", "%s/%.2s/%.2s/%s: this page or its body is damaged, and counts as missing", t->pages, sha,
	    sha + 2, name);
}

int file__failed(struct file_tier *t, const char *what)
{
	int error = errno;
	file__count(&t->errors);
	if (may_tell(&t->told_us))
		log_warning("file", "%s: cannot %s: %s", t->path, what, strerror(error));
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? ERR_FULL : ERR_IO;
}

/* In the order of time, as far as clocks tell: the later one of two pages has the greater id. Of one variant it has it always, see
 * file_write.c. */
uint64_t file_store__new_id(struct file_tier *t, uint64_t after)
{
	uint64_t bits = 0;
	if (random_u64(&bits))
		bits = (uint64_t)clock_mono_us(); /* O_EXCL tells whether it was taken */
	uint64_t now = (uint64_t)clock_wall_ms() << ID_RANDOM_BITS | (bits & ((1u << ID_RANDOM_BITS) - 1));
	uint64_t last = atomic_load(&t->last_id), id;
	now = now > after ? now : after + 1;
	do
		id = now > last ? now : last + 1;
	while (!atomic_compare_exchange_weak(&t->last_id, &last, id));
	return id;
}

/* Reading */

/* ERR_OK with n bytes; ERR_SHORT; ERR_IO. */
static int read_all(int fd, char *to, size_t n, uint64_t offset)
{
	while (n > 0) {
		ssize_t got = pread(fd, to, n, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? ERR_SHORT : ERR_IO;
		to += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return ERR_OK;
}

/* ERR_MISSING, ERR_INVALID (it is no file), ERR_IO. */
static int open_file(const struct file_leaf *leaf, const char *name, int *fd, struct stat *st)
{
	*fd = openat(leaf->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return errno == ENOENT ? ERR_MISSING : errno == ELOOP ? ERR_INVALID : ERR_IO;
	int err = fstat(*fd, st) ? ERR_IO : S_ISREG(st->st_mode) ? ERR_OK : ERR_INVALID;
	if (err)
		close(*fd);
	return err;
}

void file_form__free(struct file_form *f)
{
	arena_free(&f->arena);
}

void file_form__move(struct file_form *to, const struct file_form *from)
{
	*to = *from;
	to->form.spec.stored = &to->form.stored;
	to->form.spec.headers = &to->form.headers;
}

/* Is it what its name says? */
static bool is_consistent(struct file_form *f, const char *sha, uint64_t variant)
{
	char text[FILE_NAME];
	const struct form *form = &f->form;
	sha256_hex(form->spec.key.text, f->sha);
	if (strcmp(f->sha, sha) != 0 || file_leaf__variant(&form->stored) != variant)
		return false;
	struct str body = form->more.body_name;
	struct file_name name;
	if (body.n == 0 || body.n >= sizeof(text) || memchr(body.p, 0, body.n))
		return false;
	memcpy(text, body.p, body.n);
	text[body.n] = 0;
	bool same = file_name__read(text, &name) && name.body && name.variant == variant && strcmp(name.sha, sha) == 0;
	f->id = same ? name.id : 0;
	return f->id != 0;
}

int file_form__read(
    struct file_tier *t, const struct file_leaf *leaf, const char *sha, uint64_t variant, struct file_form *f)
{
	char name[FILE_NAME];
	struct stat st;
	int fd;
	*f = (struct file_form){.variant = variant};
	arena_init(&f->arena, 0);
	memcpy(f->sha, sha, SHA256_HEX + 1);
	file_leaf__json_name(sha, variant, name);
	int err = open_file(leaf, name, &fd, &st);
	if (err)
		return err;
	f->ino = st.st_ino;
	f->changed = st.st_ctim;
	if (st.st_size <= 0 || st.st_size > FORM_MAX) {
		close(fd);
		return ERR_INVALID;
	}
	size_t n = (size_t)st.st_size;
	char *text = arena_alloc(&f->arena, n);
	err = read_all(fd, text, n, 0);
	close(fd);
	if (err)
		return err == ERR_SHORT ? ERR_INVALID : err;
	if (form_read(str_make(text, n), t->key_seed, &f->arena, &f->form) || !is_consistent(f, sha, variant)) {
		memcpy(f->sha, sha, SHA256_HEX + 1);
		return ERR_INVALID;
	}
	return ERR_OK;
}

struct entry_spec file_form__spec(const struct file_form *f)
{
	struct entry_spec spec = f->form.spec;
	spec.stored = &f->form.stored;
	spec.headers = &f->form.headers;
	return spec;
}

/* Reads the bytes and tells their sum: into the body, or (NULL) only to see that they are right. That brings them into the system's memory,
 * from which they are sent next. */
static int read_body(int fd, uint64_t size, struct body *into, struct hash128 *sum)
{
	XXH3_state_t *state = XXH3_createState();
	if (!state)
		mem_exhausted();
	XXH3_128bits_reset(state);
	char *piece = into ? NULL : mem_alloc(READ_PIECE);
	int err = ERR_OK;
	for (uint64_t done = 0; done < size && !err;) {
		char *p = piece;
		size_t n = READ_PIECE;
		if (into && (err = body_space(into, &p, &n)))
			break;
		n = size - done < n ? (size_t)(size - done) : n;
		n = n < READ_PIECE ? n : READ_PIECE;
		err = read_all(fd, p, n, done);
		if (err)
			break;
		XXH3_128bits_update(state, p, n);
		if (into)
			body_filled(into, n);
		done += n;
	}
	XXH128_hash_t h = XXH3_128bits_digest(state);
	*sum = (struct hash128){.hi = h.high64, .lo = h.low64};
	free(piece);
	XXH3_freeState(state);
	return err;
}

int file_store__sum(int fd, uint64_t size, struct hash128 *sum)
{
	return read_body(fd, size, NULL, sum);
}

struct hash128 file_store__sum_segments(const struct str *segments, unsigned n)
{
	XXH3_state_t *state = XXH3_createState();
	if (!state)
		mem_exhausted();
	XXH3_128bits_reset(state);
	for (unsigned i = 0; i < n; i++)
		XXH3_128bits_update(state, segments[i].p, segments[i].n);
	XXH128_hash_t h = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	return (struct hash128){.hi = h.high64, .lo = h.low64};
}

static int check_body(const struct form_more *more, const struct hash128 *sum, int err)
{
	if (err)
		return err == ERR_SHORT ? ERR_INVALID : err;
	return sum->hi == more->body_sum.hi && sum->lo == more->body_sum.lo ? ERR_OK : ERR_INVALID;
}

static int body_into_memory(struct file_tier *t, int fd, const struct form_more *more, struct body **out)
{
	struct hash128 sum;
	struct body *b = body_new((int64_t)more->body_size, t->tier.budget, NULL, NULL);
	int err = check_body(more, &sum, read_body(fd, more->body_size, b, &sum));
	body_end(b, err);
	if (err)
		body_release(&b);
	*out = b;
	return err;
}

int file_store__body(struct file_tier *t, const struct file_form *f, const struct tier_get *op, struct body **out)
{
	const struct form_more *more = &f->form.more;
	const struct stored *s = &f->form.stored;
	struct file_leaf leaf;
	struct hash128 sum;
	struct stat st;
	int fd;
	*out = NULL;
	int err = file_leaf__open(t, file_leaf__of(f->sha), LEAF_DIRECTORY, f->sha, &leaf);
	if (err)
		return err == ERR_MISSING ? ERR_INVALID : err;
	char name[FILE_NAME];
	file_leaf__body_name(f->sha, f->variant, f->id, name);
	err = open_file(&leaf, name, &fd, &st);
	file_leaf__close(t, &leaf);
	if (err)
		return err == ERR_MISSING ? ERR_INVALID : err;
	if ((uint64_t)st.st_size != more->body_size) {
		close(fd);
		return ERR_INVALID;
	}
	if (more->body_size <= op->in_memory || stored_has_holes(s) || stored_is_partial(s)) {
		err = body_into_memory(t, fd, more, out);
		if (!err && op->with_file)
			body_copies_file(*out, fd);
		else
			close(fd);
		return err;
	}
	err = check_body(more, &sum, read_body(fd, more->body_size, NULL, &sum));
	if (err)
		close(fd);
	else
		*out = body_of_file(fd, more->body_size, more->body_sum);
	return err;
}

/* Removing */

void file_store__remove(struct file_tier *t, const char *sha, uint64_t variant, uint64_t id)
{
	struct file_leaf leaf;
	if (file_leaf__open(t, file_leaf__of(sha), LEAF_LOCK, sha, &leaf))
		return;
	for (size_t i = 0; i < leaf.names.n; i++) {
		const struct file_name *name = &leaf.names.v[i];
		if (name->body && name->variant == variant && name->id == id) {
			file_leaf__remove(t, &leaf, sha, variant, 0, true);
			break;
		}
	}
	file_leaf__close(t, &leaf);
}

bool file_store__remove_read(struct file_tier *t, const struct file_form *f)
{
	struct file_leaf leaf;
	struct stat st;
	char name[FILE_NAME];
	if (file_leaf__open(t, file_leaf__of(f->sha), LEAF_TRY, f->sha, &leaf))
		return false;
	file_leaf__json_name(f->sha, f->variant, name);
	bool same = fstatat(leaf.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (f->ino == 0 || (st.st_ino == f->ino && st.st_ctim.tv_sec == f->changed.tv_sec &&
					st.st_ctim.tv_nsec == f->changed.tv_nsec));
	if (same)
		file_leaf__remove(t, &leaf, f->sha, f->variant, 0, true);
	file_leaf__close(t, &leaf);
	return same;
}

void file_store__bury(struct file_tier *t, struct file_page *page)
{
	char sha[SHA256_HEX + 1];
	sha256_hex(file_page__key(page), sha);
	file_store__remove(t, sha, page->variant, page->id);
	file_index__buried(&t->index, page);
}

/* The directory */

static int make_directory(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return ERR_OK;
	struct stat st;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return ERR_OK;
	if (errno == EEXIST)
		errno = ENOTDIR;
	return errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED : ERR_IO;
}

int file_store__make(struct file_tier *t)
{
	char tmp[FILE_PATH];
	int err = make_directory(t->path);
	if (!err)
		err = make_directory(t->pages);
	snprintf(tmp, sizeof(tmp), "%s/tmp", t->pages);
	if (!err)
		err = make_directory(tmp);
	if (!err && access(tmp, R_OK | W_OK | X_OK))
		err = ERR_DENIED;
	return err;
}

void file_store__make_again(struct file_tier *t)
{
	char path[FILE_PATH];
	struct stat st;
	pthread_mutex_lock(&t->making);
	snprintf(path, sizeof(path), "%s/usage", t->pages);
	bool vanished = stat(path, &st) != 0 && errno == ENOENT, made = file_store__make(t) == ERR_OK;
	if (vanished && made) {
		if (file_usage__renew(&t->usage, path))
			(void)file__failed(t, "make the directory again");
		/* What is known was in the old one. */
		file_purge__foreign(t, &(struct tier_purge){.kind = PURGE_ALL, .seq = UINT64_MAX, .epoch = UINT64_MAX});
	}
	pthread_mutex_unlock(&t->making);
}

void file_store__clear_tmp(struct file_tier *t)
{
	char path[FILE_PATH];
	snprintf(path, sizeof(path), "%s/tmp", t->pages);
	DIR *dir = opendir(path);
	if (!dir)
		return;
	int64_t now_ms = clock_wall_ms();
	struct stat st;
	for (const struct dirent *d; (d = readdir(dir));) {
		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (t->usage.alone || (int64_t)st.st_mtim.tv_sec * 1000 < now_ms - LEFT_OVER_MS)
			unlinkat(dirfd(dir), d->d_name, 0);
	}
	closedir(dir);
}
