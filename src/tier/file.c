/* The file tier: pages as files, for one process or several.
 *
 *   path/pages/ab/cd/<sha256 of the key>-<variant>.json       what is told of a page (tier/form.h), readable with jq
 *                    <sha256 of the key>-<variant>-<id>.body  its body
 *
 * Plain values of liblarder lie in `path` itself; nothing here touches them. Files have mode 0600, directories 0700.
 *
 *   file.c        operations become jobs of two small pools of threads; no loop waits for a disk
 *   file_read.c   a lookup: the directory is read, so what another process has stored is found
 *   file_write.c  a store: temporary files, moved into place under a lock
 *   file_purge.c  purges: a record in the journal (tier/journal.h), which all processes follow, then the files
 *   file_index.c  what is known in memory: for eviction, expiry and counting; never needed for a lookup
 *   file_fill.c   the background: fills the index, cleans up, unlinks what is doomed
 *   file_usage.c  how much there is on disk, of all processes together: the bound
 *   file_leaf.c   directories and names;  file_store.c  one page read, checked, removed
 *
 * Labels. A page is stored under its label: the position in the journal up to which no purge has covered it. A lookup asks the ledger what came
 * after. So a purge of a tag holds for pages that nobody has listed, and for those that an earlier process stored.
 *
 * The bound. What is written is reserved before, in a count that all processes share; where there is no room, pages leave first. What the
 * count means: the files of pages in whole blocks of 4096 bytes, and their directories. Beside it lie the journal, with a bound of its own
 * (journal_cut.c), and the count itself. A file
 * that was unlinked while somebody still sends it takes room until he is done.
 *
 * Failures. A disk that is full or fails, or a directory that cannot be written, is a count (errors) and at most a line of log a second; what was
 * half written is removed. A lookup is then a miss, a store does not happen. What is damaged is a miss, counted (corrupt), and removed. Where too
 * much waits already, lookups and stores are not tried (skipped); purges always are, and before what waits: the purge log tells the stores.
 *
 * Locks, each taken under those to its left:   leaf (flock) -> journal;   leaf -> index.   The mutex of the index and that of the pool are never
 * held across I/O; a leaf is locked for a few system calls, by threads of the pools only. Another process that is stopped with a lock in its hand
 * holds up stores and purges, but no lookup: those have a pool of their own, and wait for no lock. */
#include "tier/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "tier/file_private.h"
#include "tier/journal_line.h"
#include "tier/purge_log.h"

#define LOOKUPS	     4096 /* that wait */
#define STORES	     65536
#define STORES_PART  4			/* of the budget: what is to be written may keep no more of it */
#define STORES_BYTES ((size_t)64 << 20) /* without a budget */
#define STORE_COSTS  256  /* bytes besides those of the entry: the job, and the note of who waits for it */
#define PATH_MAX_OF  3800 /* so that every name below it fits */

static struct file_tier *file_of(struct tier *t)
{
	return CONTAINER_OF(t, struct file_tier, tier);
}

struct job {
	struct io_job io;
	struct file_tier *t;
	uint64_t id; /* of what is stored: in the order of the calls, whichever thread is first */
	union {
		struct tier_get *get;
		struct tier_put *put;
		struct tier_purge *purge;
		struct tier_invalidate *invalidate;
	} op;
};

static struct job job_take(struct io_job *io)
{
	struct job *job = CONTAINER_OF(io, struct job, io), copy = *job;
	free(job);
	return copy;
}

static struct job *job_new(struct file_tier *t, void (*fn)(struct io_job *io), size_t bytes)
{
	struct job *job = mem_zalloc(sizeof(*job));
	job->io.fn = fn;
	job->io.bytes = bytes;
	job->t = t;
	return job;
}

static int submit(struct file_tier *t, struct io_pool *pool, struct job *job)
{
	if (io_pool_add(pool, &job->io) == ERR_OK)
		return ERR_AGAIN;
	free(job);
	file__count(&t->skipped);
	return ERR_BUSY;
}

/* It is being closed, and has had its time. */
static bool is_late(struct file_tier *t)
{
	int64_t closes_us = atomic_load(&t->closes_us);
	return closes_us != 0 && clock_mono_us() >= closes_us;
}

static void run_get(struct io_job *io)
{
	struct job job = job_take(io);
	int err = is_late(job.t) ? ERR_MISSING : file_read__get(job.t, job.op.get);
	job.op.get->done(job.op.get, err);
}

static int get(struct tier *tier, struct tier_get *op)
{
	struct file_tier *t = file_of(tier);
	struct job *job = job_new(t, run_get, 0);
	job->op.get = op;
	return submit(t, t->lookups, job) == ERR_AGAIN ? ERR_AGAIN : ERR_MISSING;
}

static void run_put(struct io_job *io)
{
	struct job job = job_take(io);
	int err = ERR_BUSY;
	if (is_late(job.t))
		file__count(&job.t->skipped);
	else
		err = file_write__entry(job.t, job.op.put, job.id);
	job.op.put->done(job.op.put, err);
}

static int put(struct tier *tier, struct tier_put *op)
{
	struct file_tier *t = file_of(tier);
	struct entry *e = op->entry;
	struct body *b = e->body;
	if (purge_log__covers(tier->purges, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e))) {
		file__count(&t->refused_stale);
		return ERR_STALE;
	}
	size_t size = body_file(b) < 0 ? (size_t)body_size(b) : 0;
	struct job *job = job_new(t, run_put, e->charged + size + STORE_COSTS);
	job->op.put = op;
	job->id = file_store__new_id(t, 0);
	return submit(t, t->pool, job);
}

static void run_purge(struct io_job *io)
{
	struct job job = job_take(io);
	struct tier_purge *op = job.op.purge;
	int err = op->kind == PURGE_URL ? file_purge__url(job.t, op, false) : file_purge__many(job.t, op);
	atomic_fetch_add(&job.t->purged, op->count);
	op->done(op, err);
}

static int purge(struct tier *tier, struct tier_purge *op)
{
	struct file_tier *t = file_of(tier);
	struct job *job = job_new(t, run_purge, 0);
	job->op.purge = op;
	io_pool_add_urgent(t->pool, &job->io);
	return ERR_AGAIN;
}

static void run_invalidate(struct io_job *io)
{
	struct job job = job_take(io);
	struct tier_invalidate *op = job.op.invalidate;
	struct tier_purge as_purge = {.kind = PURGE_URL, .arg = op->key.text, .key = op->key, .epoch = op->epoch};
	int err = file_purge__url(job.t, &as_purge, true);
	op->count = as_purge.count;
	atomic_fetch_add(&job.t->invalidated, op->count);
	op->done(op, err);
}

static int invalidate(struct tier *tier, struct tier_invalidate *op)
{
	struct file_tier *t = file_of(tier);
	struct job *job = job_new(t, run_invalidate, 0);
	job->op.invalidate = op;
	io_pool_add_urgent(t->pool, &job->io);
	return ERR_AGAIN;
}

/* Which one it is tells the id that it got when it was stored or found. */
static void remove_entry(struct tier *tier, struct entry *e)
{
	struct file_tier *t = file_of(tier);
	uint64_t id = atomic_load(&e->file_id), variant = file_leaf__variant(ENTRY_STORED(e));
	if (id == 0)
		return;
	file_index__doom(&t->index, &(struct file_page_spec){
					.key = ENTRY_KEY(e),
					.tags = entry_tags(e),
					.n_tags = entry_n_tags(e),
					.stored = ENTRY_STORED(e),
					.variant = variant,
					.id = id,
				    });
	file_fill__bury_soon(t);
}

static void variants(struct tier *tier, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	file_read__variants(file_of(tier), key, fn, ctx);
}

static unsigned sweep(struct tier *tier, int64_t now_ms, unsigned max)
{
	struct file_tier *t = file_of(tier);
	file_fill__begin(t);
	unsigned dropped = file_index__sweep(&t->index, now_ms, max);
	atomic_fetch_add(&t->expired, dropped);
	file_fill__bury_soon(t);
	return dropped;
}

static void stats(struct tier *tier, struct tier_stats *out)
{
	struct file_tier *t = file_of(tier);
	*out = (struct tier_stats){
	    .entries = atomic_load(&t->index.n),
	    .bytes = file_usage__bytes(&t->usage),
	    .limit = atomic_load(&t->limit),
	    .stores = atomic_load(&t->stores),
	    .replaced = atomic_load(&t->replaced),
	    .evicted = atomic_load(&t->evicted),
	    .expired = atomic_load(&t->expired),
	    .purged = atomic_load(&t->purged),
	    .invalidated = atomic_load(&t->invalidated),
	    .refused_full = atomic_load(&t->refused_full),
	    .refused_stale = atomic_load(&t->refused_stale),
	    .hits = atomic_load(&t->hits),
	    .misses = atomic_load(&t->misses),
	    .errors = atomic_load(&t->errors),
	    .skipped = atomic_load(&t->skipped),
	    .corrupt = atomic_load(&t->corrupt),
	};
}

static int await(
    struct tier *tier, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	return journal_await(file_of(tier)->journal, seq, timeout_ms, fn, ctx);
}

/* A purge by another process: the ledger knows it already. Here the pages go that the other one does not know. */
struct foreign {
	struct io_job io;
	struct file_tier *t;
	struct tier_purge purge; /* its argument lies behind */
	char arg[];
};

static void run_foreign(struct io_job *io)
{
	struct foreign *f = CONTAINER_OF(io, struct foreign, io);
	file_purge__foreign(f->t, &f->purge);
	free(f);
}

/* What another process did, before the journal's position moves to it. Purges of URLs have removed their files themselves. Where much waits
 * already, the pages go when they are looked at, or are evicted. */
static void heard(void *ctx, const struct tier_heard *what)
{
	struct file_tier *t = ctx;
	const struct tier_purge *purge = &what->purge;
	if (t->tier.heard)
		t->tier.heard(t->tier.heard_ctx, what);
	else if (what->invalidates)
		purge_log__invalidate(t->tier.purges, &purge->key);
	else
		purge_log__add(t->tier.purges, purge);
	if (purge->kind == PURGE_URL || purge->soft)
		return;
	struct foreign *f = mem_zalloc(sizeof(*f) + purge->arg.n);
	f->io.fn = run_foreign;
	f->io.bytes = sizeof(*f) + purge->arg.n;
	f->t = t;
	f->purge = (struct tier_purge){.kind = purge->kind, .seq = purge->seq, .epoch = UINT64_MAX};
	if (what->everything) /* what is labelled before that counts as purged */
		f->purge.seq = ledger_forgotten(t->ledger);
	f->purge.arg = str_make(f->arg, purge->arg.n);
	str_put(f->arg, purge->arg);
	if (io_pool_add(t->pool, &f->io))
		free(f);
}

/* The jobs use the journal, and the journal adds jobs. */
static void free_all(struct file_tier *t)
{
	if (t->close_ms > 0)
		atomic_store(&t->closes_us, clock_mono_us() + (int64_t)t->close_ms * 1000);
	io_pool_close(&t->lookups);
	if (t->pool)
		io_pool_stop(t->pool);
	while (t->usage.file && !is_late(t)) { /* the rest is known as purged, or stale, by who comes next */
		struct file_page *page = file_index__next_doomed(&t->index);
		if (!page)
			break;
		file_store__bury(t, page);
	}
	journal_close(&t->journal);
	io_pool_close(&t->pool);
	ledger_free(&t->ledger);
	file_usage__close(&t->usage);
	file_index__free(&t->index);
	purge_log__free(t->own_purges);
	pthread_mutex_destroy(&t->making);
	free(t->path);
	free(t->pages);
	free(t);
}

static void close_tier(struct tier *tier)
{
	free_all(file_of(tier));
}

static const struct tier_ops file_ops = {
    .name = "file",
    .get = get,
    .put = put,
    .purge = purge,
    .invalidate = invalidate,
    .remove = remove_entry,
    .variants = variants,
    .sweep = sweep,
    .stats = stats,
    .await = await,
    .close = close_tier,
};

/* The directory, its count, and the journal. */
static int open_directory(struct file_tier *t, const struct file_options *o, const char **why)
{
	char path[FILE_PATH];
	int err = file_store__make(t);
	if (err) {
		*why = strerror(errno);
		return err;
	}
	snprintf(path, sizeof(path), "%s/usage", t->pages);
	err = file_usage__open(&t->usage, path, why);
	if (err)
		return err;
	file_store__clear_tmp(t);
	if (t->usage.fresh)
		file_fill__count(t);
	file_usage__share(&t->usage);
	struct journal_options journal = {
	    .path = str_of(t->pages),
	    .key_seed = t->key_seed,
	    .ledger = t->ledger,
	    .heard = heard,
	    .ctx = t,
	    .max_size = o->journal_size,
	};
	return journal_open(&journal, &t->journal, why);
}

/* They are in memory as well, so a burst of new pages waits for a slow disk rather than never to be written. */
static size_t stores_bytes(const struct file_tier *t)
{
	return t->tier.budget ? atomic_load(&t->tier.budget->limit) / STORES_PART : STORES_BYTES;
}

static void set_limits(struct file_tier *t, uint64_t file_size, unsigned max_variants)
{
	atomic_store(&t->limit, file_size);
	atomic_store(&t->max_variants, max_variants > 0 ? max_variants : 1);
}

int file_tier_new(const struct file_options *o, struct tier **out, const char **why)
{
	*out = NULL;
	*why = "the path is too long";
	if (o->path.n > PATH_MAX_OF)
		return ERR_IO;
	struct file_tier *t = mem_zalloc(sizeof(*t));
	uint64_t seed = 0;
	(void)!random_u64(&seed); /* 0 is one as well */
	size_t size = o->path.n + sizeof("/pages");
	t->own_purges = o->purges ? NULL : purge_log__new();
	t->tier = (struct tier){.ops = &file_ops,
	    .budget = o->budget,
	    .max_key = JOURNAL_ARG_MAX,
	    .purges = o->purges ? o->purges : t->own_purges,
	    .heard = o->heard,
	    .heard_ctx = o->heard_ctx};
	t->path = mem_dup(o->path.p, o->path.n);
	t->pages = mem_alloc(size);
	snprintf(t->pages, size, "%s/pages", t->path);
	t->key_seed = o->key_seed;
	t->close_ms = o->close_ms;
	t->ledger = ledger_new();
	t->fill.fn = file_fill__step;
	t->bury.fn = file_fill__bury_step;
	pthread_mutex_init(&t->making, NULL);
	file_index__init(&t->index, seed);
	set_limits(t, o->file_size, o->max_variants);
	/* Before the journal, which may tell something. */
	int err = io_pool_new(o->threads, STORES, stores_bytes(t), &t->pool);
	if (!err)
		err = io_pool_new(o->threads, LOOKUPS, SIZE_MAX, &t->lookups);
	*why = "no threads";
	if (!err)
		err = open_directory(t, o, why);
	if (err) {
		free_all(t);
		return err;
	}
	atomic_store(&t->fill_waits, true);
	if (!o->fill_late)
		file_fill__begin(t);
	*out = &t->tier;
	return ERR_OK;
}

void file_tier_resize(struct tier *tier, uint64_t file_size, uint64_t journal_size, unsigned max_variants)
{
	struct file_tier *t = file_of(tier);
	set_limits(t, file_size, max_variants);
	io_pool_resize(t->pool, stores_bytes(t));
	journal_resize(t->journal, journal_size);
	file_fill__bury_soon(t);
}
