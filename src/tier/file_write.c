/* Storing a page.
 *
 *   reserve room (evict until there is) -> tmp/<id>.body, tmp/<id>.json -> lock the leaf
 *     -> hold the journal: is it covered by a purge? -> rename the body, rename the JSON over the old one -> let go
 *     -> unlink the old body, variants that are too many -> unlock
 *
 * A crash on the way leaves the old page or the new one. Files are not flushed one by one: a process that is killed loses nothing that was
 * renamed; after a power cut the checksums make a miss of what did not reach the disk.
 *
 * The label is the journal's position when the writing begins. What is purged between that and the hold is told to the purge log before the
 * hold begins, so it refuses the page if it covers it; if it does not, the lower label is as good.
 *
 * Two pages of the same may be on their way at once, on two threads or in two processes: the one that was asked for later has the later id. Who
 * finds a later id in place gives way to it, when that page is the newer one indeed. What was found in another tier gives way to what is as new.
 *
 * The body of a page that is renewed lies in a file already: that is linked once more, so nothing is copied. */
#include "tier/file_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"
#include "tier/private.h"
#include "tier/purge_log.h"

#define EVICT_MAX  4096 /* pages that leave for one */
#define TRIES	   4	/* to be the latest */
#define LEAF_LOOKS 64	/* leaves that are looked at for somebody else's page */

struct writing {
	struct file_tier *t;
	struct entry *e;
	char sha[SHA256_HEX + 1];
	uint64_t variant, id, seq;
	uint64_t taken; /* the id of what it replaces */
	bool found;	/* as in tier_put */
	bool overtaken; /* one that was stored meanwhile stays */
	uint64_t size;	/* of the body */
	struct hash128 sum;
	struct buf json;
	uint64_t units; /* of both files */
	char tmp_body[FILE_PATH], tmp_json[FILE_PATH];
};

/* Room */

/* Where this process knows no page that could leave: one that another has stored. */
static bool evict_unknown(struct file_tier *t)
{
	uint64_t bits = 0;
	if (random_u64(&bits))
		return false;
	unsigned number = (unsigned)(bits % FILE_LEAVES);
	for (unsigned i = 0, looks = 0; i < FILE_LEAVES && looks < LEAF_LOOKS; i++) {
		number = (number + 1) % FILE_LEAVES;
		if (file_usage__of_leaf(&t->usage, number) == 0)
			continue;
		looks++;
		struct file_leaf leaf;
		const struct file_name *oldest = NULL;
		if (file_leaf__open(t, number, LEAF_LOCK, NULL, &leaf)) {
			continue;
		}
		for (size_t k = 0; k < leaf.names.n; k++) {
			const struct file_name *name = &leaf.names.v[k];
			if (name->body && (!oldest || name->id < oldest->id))
				oldest = name;
		}
		if (oldest) {
			struct file_name gone = *oldest;
			file_leaf__remove(t, &leaf, gone.sha, gone.variant, 0, true);
		}
		bool found = oldest != NULL;
		file_leaf__close(t, &leaf);
		if (found)
			return true;
	}
	return false;
}

bool file_write__make_room(struct file_tier *t)
{
	struct file_page *page = file_index__next_doomed(&t->index);
	bool evicts = page == NULL;
	if (evicts)
		page = file_index__evict(&t->index);
	if (page)
		file_store__bury(t, page);
	else if (!evict_unknown(t))
		return false;
	if (evicts)
		file__count(&t->evicted);
	return true;
}

static bool reserve(struct file_tier *t, uint64_t units)
{
	if (file_usage__is_lost(&t->usage))
		file_fill__count(t);
	for (unsigned i = 0; i < EVICT_MAX; i++) {
		if (file_usage__reserve(&t->usage, units, atomic_load(&t->limit)))
			return true;
		if (!file_write__make_room(t))
			return false;
	}
	return false;
}

/* Writing */

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return ERR_IO;
		p += put;
		n -= (size_t)put;
	}
	return ERR_OK;
}

static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int finish(int fd, int err)
{
	int error = errno;
	if (close(fd) && !err)
		return ERR_IO;
	errno = error;
	return err;
}

static struct str *segments_of(struct body *b, unsigned *n)
{
	*n = body_segments(b, NULL, 0);
	struct str *segments = mem_alloc((*n > 0 ? *n : 1) * sizeof(*segments));
	body_segments(b, segments, *n);
	return segments;
}

static int copy_file(int from, const char *path, uint64_t size)
{
	int fd = create(path);
	if (fd < 0)
		return ERR_IO;
	off_t at = 0;
	int err = ERR_OK;
	while (!err && (uint64_t)at < size) {
		ssize_t n = copy_file_range(from, &at, fd, NULL, size - (uint64_t)at, 0);
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			err = ERR_IO;
	}
	return finish(fd, err);
}

static int write_body(const struct writing *w)
{
	int from = body_file(w->e->body), err = ERR_OK;
	if (from >= 0) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", from);
		if (linkat(AT_FDCWD, path, AT_FDCWD, w->tmp_body, AT_SYMLINK_FOLLOW) == 0)
			return ERR_OK;
		return copy_file(from, w->tmp_body, w->size);
	}
	int fd = create(w->tmp_body);
	if (fd < 0)
		return ERR_IO;
	unsigned n;
	struct str *segments = segments_of(w->e->body, &n);
	for (unsigned i = 0; i < n && !err; i++)
		err = write_all(fd, segments[i].p, segments[i].n);
	free(segments);
	return finish(fd, err);
}

static int write_text(const char *path, struct str text)
{
	int fd = create(path);
	return fd < 0 ? ERR_IO : finish(fd, write_all(fd, text.p, text.n));
}

static int write_files(const struct writing *w)
{
	int err = write_body(w);
	return err ? err : write_text(w->tmp_json, buf_str(&w->json));
}

/* The sum that the page had which is renewed: what has changed on the disk since must not be taken for right. */
static int check_renewed(const struct writing *w)
{
	struct file_leaf leaf;
	struct file_form f;
	struct stat ours, theirs;
	char name[FILE_NAME];
	if (file_leaf__open(w->t, file_leaf__of(w->sha), LEAF_DIRECTORY, w->sha, &leaf))
		return ERR_OK;
	int err = file_form__read(w->t, &leaf, w->sha, w->variant, &f);
	if (!err) {
		file_leaf__body_name(w->sha, w->variant, f.id, name);
		bool same = fstatat(leaf.fd, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
			    fstat(body_file(w->e->body), &ours) == 0 && ours.st_ino == theirs.st_ino;
		const struct hash128 *sum = &f.form.more.body_sum;
		if (same && (sum->hi != w->sum.hi || sum->lo != w->sum.lo))
			err = ERR_INVALID;
	}
	file_form__free(&f);
	file_leaf__close(w->t, &leaf);
	return err == ERR_INVALID ? err : ERR_OK;
}

static int sum_body(struct writing *w)
{
	int fd = body_file(w->e->body);
	if (fd >= 0) {
		int err = file_store__sum(fd, w->size, &w->sum);
		return err ? err : check_renewed(w);
	}
	unsigned n;
	struct str *segments = segments_of(w->e->body, &n);
	w->sum = file_store__sum_segments(segments, n);
	free(segments);
	return ERR_OK;
}

static int make_json(struct writing *w)
{
	char name[FILE_NAME];
	file_leaf__body_name(w->sha, w->variant, w->id, name);
	struct form_more more = {
	    .seq = w->seq,
	    .body_size = w->size,
	    .body_sum = w->sum,
	    .body_name = str_of(name),
	    .purged = atomic_load(&w->e->purged),
	};
	struct arena a;
	struct entry_parts parts;
	arena_init(&a, 0);
	entry_open(w->e, &a, &parts);
	int err = form_write(&parts.spec, &more, &w->json);
	arena_free(&a);
	return err;
}

/* Moving into place */

/* The oldest variants of the page beyond the bound leave. */
static void bound_variants(struct writing *w, struct file_leaf *leaf)
{
	unsigned max = atomic_load(&w->t->max_variants);
	for (;;) {
		unsigned n = 0;
		uint64_t oldest = UINT64_MAX, variant = 0;
		for (size_t i = 0; i < leaf->names.n; i++) {
			const struct file_name *name = &leaf->names.v[i];
			if (name->body || strcmp(name->sha, w->sha) != 0)
				continue;
			n++;
			uint64_t id = file_leaf__body_id(leaf, w->sha, name->variant);
			if (id < oldest) {
				oldest = id;
				variant = name->variant;
			}
		}
		if (n <= max || variant == w->variant)
			return;
		file_leaf__remove(w->t, leaf, w->sha, variant, 0, true);
		file_index__drop(&w->t->index, ENTRY_KEY(w->e), variant, 0);
		file__count(&w->t->evicted);
	}
}

/* It is there; what it replaces leaves. */
static void settle(struct writing *w, struct file_leaf *leaf, uint64_t old_units, bool replaced)
{
	struct file_tier *t = w->t;
	struct entry *e = w->e;
	if (old_units > 0)
		file_usage__removed(&t->usage, leaf->number, old_units);
	struct file_name name = {.variant = w->variant};
	memcpy(name.sha, w->sha, sizeof(name.sha));
	if (!replaced)
		file_leaf__add(leaf, &name);
	name.body = true;
	name.id = w->id;
	file_leaf__add(leaf, &name);
	file_leaf__remove(t, leaf, w->sha, w->variant, w->id, false);
	if (!entry_is_partial(e)) {
		struct range run = {0, 0};
		struct stored partial = *ENTRY_STORED(e);
		partial.runs = &run;
		partial.n_runs = 1;
		uint64_t variant = file_leaf__variant(&partial);
		if (file_leaf__remove(t, leaf, w->sha, variant, 0, true)) {
			file_index__drop(&t->index, ENTRY_KEY(e), variant, 0);
			file__count(&t->replaced);
		}
	}
	bound_variants(w, leaf);
	file_index__put(&t->index, &(struct file_page_spec){
				       .key = ENTRY_KEY(e),
				       .tags = entry_tags(e),
				       .n_tags = entry_n_tags(e),
				       .stored = ENTRY_STORED(e),
				       .variant = w->variant,
				       .id = w->id,
				       .seq = w->seq,
				       .epoch = e->epoch,
				       .soft = atomic_load(&e->purged),
				   });
	if (replaced)
		file__count(&t->replaced);
	file__count(&t->stores);
}

static int rename_both(const struct writing *w, const struct file_leaf *leaf, const char *json)
{
	char body[FILE_NAME];
	file_leaf__body_name(w->sha, w->variant, w->id, body);
	file_usage__stored(&w->t->usage, leaf->number, (int64_t)w->units); /* before: never too low */
	bool moved = renameat(AT_FDCWD, w->tmp_body, leaf->fd, body) == 0;
	if (moved && renameat(AT_FDCWD, w->tmp_json, leaf->fd, json) == 0)
		return ERR_OK;
	int error = errno;
	if (moved)
		unlinkat(leaf->fd, body, 0);
	file_usage__stored(&w->t->usage, leaf->number, -(int64_t)w->units);
	errno = error;
	return ERR_IO;
}

/* Is what lies there to stay? What cannot be read is not. */
static bool is_overtaken(const struct writing *w, const struct file_leaf *leaf)
{
	struct file_form f;
	bool stays = false;
	if (w->taken < w->id && !w->found)
		return false;
	if (file_form__read(w->t, leaf, w->sha, w->variant, &f) == ERR_OK) {
		const struct stored *ours = ENTRY_STORED(w->e), *theirs = &f.form.stored;
		stays = w->found ? !entry__is_newer(ours, theirs) : entry__is_newer(theirs, ours);
	}
	file_form__free(&f);
	return stays;
}

/* ERR_STALE; or ERR_BUSY, when it has waited so long that nobody can tell: it may be in memory, and is no page that was purged. */
static int is_purged(struct file_tier *t, const struct entry *e)
{
	if (!purge_log__covers(t->tier.purges, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e)))
		return ERR_OK;
	return purge_log__forgot(t->tier.purges, e->epoch) ? ERR_BUSY : ERR_STALE;
}

/* *made: directories, which stay counted whatever comes. ERR_AGAIN: w->taken is an id that is as late as ours. ERR_BUSY: w->overtaken. */
static int commit(struct writing *w, unsigned *made)
{
	struct file_tier *t = w->t;
	struct entry *e = w->e;
	struct file_leaf leaf;
	struct journal_hold hold;
	struct stat old;
	char json[FILE_NAME];
	uint64_t seq;
	int err = file_leaf__open(t, file_leaf__of(w->sha), LEAF_MAKE, w->sha, &leaf);
	*made = leaf.made;
	if (err)
		return err;
	file_leaf__json_name(w->sha, w->variant, json);
	bool replaces = fstatat(leaf.fd, json, &old, AT_SYMLINK_NOFOLLOW) == 0;
	if (replaces && !S_ISREG(old.st_mode)) { /* nothing of ours, and no file can take its place */
		file_leaf__remove(t, &leaf, w->sha, w->variant, 0, true);
		replaces = false;
	}
	w->taken = file_leaf__body_id(&leaf, w->sha, w->variant);
	w->overtaken = replaces && is_overtaken(w, &leaf);
	if (w->overtaken)
		err = ERR_BUSY;
	else
		err = w->taken >= w->id ? ERR_AGAIN : journal_hold(t->journal, &hold, &seq);
	if (!err) {
		err = is_purged(t, e);
		if (!err)
			err = rename_both(w, &leaf, json);
		journal_let_go(t->journal, &hold);
	}
	if (!err)
		settle(w, &leaf, replaces ? file__units((uint64_t)old.st_size) : 0, replaces);
	int error = errno;
	file_leaf__close(t, &leaf);
	errno = error;
	return err;
}

/* With the JSON made: room, files, and into place. */
static int store(struct writing *w)
{
	struct file_tier *t = w->t;
	unsigned made = 0;
	w->units = file__units(w->size) + file__units(w->json.n);
	uint64_t units = w->units + 2; /* and directories */
	if (units > atomic_load(&t->limit) / FILE_UNIT / 2 || !reserve(t, units)) {
		file__count(&t->refused_full);
		return ERR_FULL;
	}
	snprintf(w->tmp_body, sizeof(w->tmp_body), "%s/tmp/%016llx.body", t->pages, (unsigned long long)w->id);
	snprintf(w->tmp_json, sizeof(w->tmp_json), "%s/tmp/%016llx.json", t->pages, (unsigned long long)w->id);
	int err = write_files(w);
	if (err && errno == ENOENT) { /* somebody has removed the directory */
		file_store__make_again(t);
		unlink(w->tmp_body);
		err = write_files(w);
	}
	if (!err)
		err = commit(w, &made);
	if (err == ERR_IO)
		err = file__failed(t, "store");
	if (err) {
		unlink(w->tmp_body);
		unlink(w->tmp_json);
	}
	file_usage__settle(&t->usage, units, made + (err ? 0 : w->units));
	/* The disk is full before the bound is reached: the cache must not stand still, nor take room from those who share the disk. */
	for (unsigned i = 0; i < 2 && err == ERR_FULL; i++)
		file_write__make_room(t);
	return err;
}

int file_write__entry(struct file_tier *t, const struct tier_put *op, uint64_t id)
{
	struct entry *e = op->entry;
	struct writing w = {.t = t, .e = e, .id = id, .found = op->found};
	int err = is_purged(t, e);
	if (err) {
		file__count(err == ERR_STALE ? &t->refused_stale : &t->skipped);
		return err;
	}
	sha256_hex(entry_key(e).text, w.sha);
	w.variant = file_leaf__variant(ENTRY_STORED(e));
	w.seq = journal_position(t->journal);
	w.size = body_size(e->body);
	buf_init(&w.json, FORM_MAX);
	err = sum_body(&w);
	if (err)
		err = err == ERR_INVALID ? err : file__failed(t, "read a body");
	/* Once more with a later id, when another process has stored the same within a millisecond, or its clock is ahead of ours. */
	bool again = !err;
	for (unsigned i = 0; i < TRIES && again; i++) {
		if (i > 0)
			w.id = file_store__new_id(t, w.taken);
		buf_reset(&w.json);
		err = make_json(&w);
		if (!err)
			err = store(&w);
		again = err == ERR_AGAIN;
	}
	buf_free(&w.json);
	err = again ? ERR_BUSY : err;
	if (!err)
		atomic_store(&e->file_id, w.id);
	if (w.overtaken)
		err = ERR_OK;
	if (err == ERR_STALE)
		file__count(&t->refused_stale);
	if (err == ERR_BUSY)
		file__count(&t->skipped);
	for (unsigned i = 0; i < 2 && atomic_load(&t->index.bytes) > FILE_INDEX_MAX; i++)
		file_write__make_room(t);
	return err;
}

int file_write__soft(struct file_tier *t, struct file_leaf *leaf, const struct file_form *f)
{
	char tmp[FILE_PATH], name[FILE_NAME];
	struct form_more more = f->form.more;
	struct buf json;
	struct stat old;
	more.purged = true;
	buf_init(&json, FORM_MAX);
	struct entry_spec spec = file_form__spec(f);
	int err = form_write(&spec, &more, &json);
	uint64_t units = file__units(json.n);
	if (!err && !file_usage__reserve(&t->usage, units, atomic_load(&t->limit)))
		err = ERR_FULL;
	if (!err) {
		snprintf(
		    tmp, sizeof(tmp), "%s/tmp/%016llx.json", t->pages, (unsigned long long)file_store__new_id(t, 0));
		file_leaf__json_name(f->sha, f->variant, name);
		file_usage__stored(&t->usage, leaf->number, (int64_t)units); /* before: never too low */
		err = write_text(tmp, buf_str(&json));
		if (!err &&
		    (fstatat(leaf->fd, name, &old, AT_SYMLINK_NOFOLLOW) || renameat(AT_FDCWD, tmp, leaf->fd, name)))
			err = ERR_IO;
		if (err) {
			err = file__failed(t, "mark a page as purged");
			unlink(tmp);
		}
		/* The old one leaves, or the new one has not come. */
		file_usage__removed(&t->usage, leaf->number, err ? units : file__units((uint64_t)old.st_size));
	}
	buf_free(&json);
	return err;
}
