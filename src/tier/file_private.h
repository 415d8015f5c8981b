/* What the files of the file tier share: the count of what is used, the directories and names, the index. Each part is told in the head
 * of its source. */
#ifndef LARDER_TIER_FILE_PRIVATE_H
#define LARDER_TIER_FILE_PRIVATE_H

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "tier/sieve.h"
#include "tier/file.h"
#include "tier/form.h"
#include "tier/io_pool.h"
#include "tier/journal.h"
#include "tier/table.h"

/* Directories of the second level, numbered by the first two bytes of the names in them; and of the first. */
enum { FILE_LEAVES = 65536, FILE_TOPS = 256 };
#define FILE_INDEX_MAX ((size_t)64 << 20) /* memory of the index; pages are evicted beyond */
enum { FILE_UNIT = 4096 };		  /* what is used is counted in these; a directory counts as one */

/* file_usage.c: what is used on disk, shared by processes. */

struct file_usage {
	struct file_usage_file *_Atomic file;
	bool alone; /* when it was opened nobody else had it */
	bool fresh; /* the counts were not there, or not valid: nothing is known */
};

/* ERR_OK or ERR_IO with *why. Blocks for a moment. While `alone`, others who open it wait until it is shared. */
int file_usage__open(struct file_usage *u, const char *path, const char **why) MUST_CHECK;
void file_usage__share(struct file_usage *u);
void file_usage__close(struct file_usage *u);
/* The directory is another one now: counts in the file there, in place of the old one. */
int file_usage__renew(struct file_usage *u, const char *path) MUST_CHECK;
/* The counts were cut or overwritten while they were in use: whoever is told so, one of all processes, counts anew. */
bool file_usage__is_lost(struct file_usage *u);
uint64_t file_usage__bytes(const struct file_usage *u);
/* Before a write; false when it would pass the limit. */
bool file_usage__reserve(struct file_usage *u, uint64_t units, uint64_t limit_bytes);
void file_usage__give_back(struct file_usage *u, uint64_t units);
/* Of what was reserved so much stays counted; that may be more. */
void file_usage__settle(struct file_usage *u, uint64_t reserved, uint64_t used);
/* What was reserved has come to lie in that leaf / has left it. The leaf is locked, except for the unit of its directory. */
void file_usage__stored(struct file_usage *u, unsigned leaf, int64_t units);
void file_usage__removed(struct file_usage *u, unsigned leaf, uint64_t units);
/* So much lies there in truth. The leaf is locked. */
void file_usage__recount(struct file_usage *u, unsigned leaf, uint64_t units);
/* A directory of the first level is about to be made, and stays: true when it is counted anew, by what was reserved. */
bool file_usage__top_made(struct file_usage *u, unsigned top);
uint64_t file_usage__of_leaf(const struct file_usage *u, unsigned leaf);
/* The first leaf from that one on that has something in it; FILE_LEAVES: none. */
unsigned file_usage__next_leaf(const struct file_usage *u, unsigned leaf);

/* file_index.c: what is known of the pages, in memory. */

struct file_page {
	struct table_node node; /* hash: key.lo */
	struct sieve_node evict;
	struct file_page *next_doomed;
	uint64_t hi, variant, id;
	uint64_t seq;	/* up to here no purge has covered it */
	uint64_t epoch; /* of the entry, when this process stored it; else 0 */
	int64_t useless_ms;
	bool soft, doomed;
	uint32_t n_tags, key_n;
	uint64_t tags[]; /* hashes; the key's text behind them */
};

struct file_index {
	pthread_mutex_t lock;
	struct table pages;
	struct sieve evict;
	struct sieve_node *sweep; /* the next to be looked at by a sweep; NULL: from the oldest */
	struct file_page *doomed;
	uint64_t seed;
	unsigned generation;	/* moves when buckets do */
	atomic_size_t n, bytes; /* pages that are not doomed; memory of all */
};

struct file_page_spec {
	const struct cache_key *key;
	const struct str *tags;
	unsigned n_tags;
	const struct stored *stored;
	uint64_t variant, id, seq, epoch;
	bool soft;
};

struct file_walk {
	size_t bucket;
	unsigned generation;
};

void file_index__init(struct file_index *ix, uint64_t seed);
void file_index__free(struct file_index *ix); /* and all pages */
/* Adds it, in place of an older one of the same key and variant; leaves a newer one. */
void file_index__put(struct file_index *ix, const struct file_page_spec *spec);
/* Is it there? Then raises *seq to its own label and says what it knows; counts as a hit. */
struct file_page_state {
	uint64_t seq, epoch;
	bool known, soft, doomed;
};
struct file_page_state file_index__look(
    struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id);
/* It has left the disk (id 0: whichever it was). */
void file_index__drop(struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id);
/* From now on nobody finds it; it leaves the disk when it is buried. */
void file_index__doom(struct file_index *ix, const struct file_page_spec *spec);
/* Untouched up to `seq`; softly purged. */
void file_index__mark(
    struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id, uint64_t seq, bool soft);
unsigned file_index__sweep(struct file_index *ix, int64_t now_ms, unsigned max);
/* One step of a walk for a purge of many, whose place is `seq`. True at the end. */
bool file_index__purge(struct file_index *ix, struct tier_purge *op, uint64_t seq, struct file_walk *w);
/* One that was doomed and is to be taken from the disk now / the next to be evicted, doomed. NULL: none. Given back by _buried. */
struct file_page *file_index__next_doomed(struct file_index *ix);
struct file_page *file_index__evict(struct file_index *ix);
void file_index__buried(struct file_index *ix, struct file_page *page);
struct str file_page__key(const struct file_page *page);

/* The tier. */

struct file_tier {
	struct tier tier;
	struct purge_log *own_purges;
	char *path;  /* as configured */
	char *pages; /* path/pages */
	uint64_t key_seed;
	unsigned close_ms;
	_Atomic uint64_t limit;
	atomic_uint max_variants;
	struct io_pool *lookups; /* of their own, which wait for nobody's lock */
	struct io_pool *pool;	 /* of all else */
	struct ledger *ledger;
	struct journal *journal;
	struct file_usage usage;
	struct file_index index;
	struct io_job fill, bury;
	unsigned fill_leaf;
	atomic_bool fill_waits, filled, bury_waits;
	pthread_mutex_t making; /* the directory, when it has vanished */
	_Atomic uint64_t last_id;
	_Atomic int64_t told_us;	 /* when the last failure was logged */
	_Atomic int64_t told_damaged_us; /* and the last page that was damaged */
	_Atomic int64_t closes_us;	 /* what waits is let go from then on; 0: it is open */
	_Atomic uint64_t stores, replaced, evicted, expired, purged, invalidated, refused_full, refused_stale;
	_Atomic uint64_t hits, misses, errors, skipped, corrupt;
};

static inline void file__count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}
/* Counts a failure of the disk, and logs it unless one was logged within the last second. Call it while errno still tells. Returns ERR_FULL where
 * there is no room, else ERR_IO. */
int file__failed(struct file_tier *t, const char *what);
/* The same of a page that is damaged. `sha` as in its files' names. */
void file__damaged(struct file_tier *t, const char *sha, uint64_t variant);

/* file_store.c: directories, names, and what is done with one page on disk. */

enum { FILE_NAME = 128, FILE_PATH = 4096 };

/* "<sha>-<variant>.json", or "<sha>-<variant>-<id>.body". */
struct file_name {
	char sha[SHA256_HEX + 1];
	uint64_t variant, id;
	bool body;
};

/* False: it is no such name. Any text. */
bool file_name__read(const char *text, struct file_name *out);

struct file_names {
	struct file_name *v;
	size_t n, cap;
};

struct file_leaf {
	DIR *dir;
	int fd;
	unsigned number;
	unsigned made; /* directories: units of what was reserved */
	bool locked;
	struct file_names names;
};

unsigned file_leaf__of(const char *sha);
/* Opens the directory and reads its names, those of one page or (sha NULL) all. `lock`: excludes all others who change it until it is
 * closed. ERR_MISSING: there is none (and `make` is not set); ERR_IO. */
enum file_leaf_how {
	LEAF_DIRECTORY,
	/* its names are not read */ LEAF_READ,
	LEAF_TRY,
	/* as the next, but ERR_BUSY where somebody has it */ LEAF_LOCK,
	LEAF_MAKE
};
int file_leaf__open(
    struct file_tier *t, unsigned number, enum file_leaf_how how, const char *sha, struct file_leaf *out) MUST_CHECK;
/* A locked leaf that is empty goes. */
void file_leaf__close(struct file_tier *t, struct file_leaf *leaf);
/* Adds a name to those that were read. */
void file_leaf__add(struct file_leaf *leaf, const struct file_name *name);
uint64_t file_leaf__variant(const struct stored *s);
void file_leaf__json_name(const char *sha, uint64_t variant, char out[FILE_NAME]);
void file_leaf__body_name(const char *sha, uint64_t variant, uint64_t id, char out[FILE_NAME]);
/* The newest body of the variant by name; 0: none. */
uint64_t file_leaf__body_id(const struct file_leaf *leaf, const char *sha, uint64_t variant);
/* Bytes of a file; 0 when it is not there. */
uint64_t file_leaf__size(const struct file_leaf *leaf, const struct file_name *name);
uint64_t file__units(uint64_t bytes);

/* A page as it was read; strings lie in `arena`. */
struct file_form {
	struct arena arena;
	struct form form;
	uint64_t variant, id;
	char sha[SHA256_HEX + 1];
	ino_t ino; /* of the JSON file, with its time of change: which one was read */
	struct timespec changed;
};
/* ERR_OK; ERR_MISSING; ERR_INVALID: damaged (ino is set); ERR_IO: not known. Frees nothing, also not what was read before. */
int file_form__read(struct file_tier *t, const struct file_leaf *leaf, const char *sha, uint64_t variant,
    struct file_form *f) MUST_CHECK;
void file_form__free(struct file_form *f);
void file_form__move(struct file_form *to, const struct file_form *from);
/* The entry without body; all of it is borrowed from f. */
struct entry_spec file_form__spec(const struct file_form *f);

/* Removes from a locked leaf the files of a variant but the body keep_id (0: none is kept), and `json`: its JSON file too; the leaf's names
 * follow. True when there was a JSON file. */
bool file_leaf__remove(
    struct file_tier *t, struct file_leaf *leaf, const char *sha, uint64_t variant, uint64_t keep_id, bool json);
/* Locks, and removes the variant if its body has this id. */
void file_store__remove(struct file_tier *t, const char *sha, uint64_t variant, uint64_t id);
/* Locks, unless somebody else has the lock, and removes the variant if its JSON file is still the one that was read. True when it was. */
bool file_store__remove_read(struct file_tier *t, const struct file_form *f);
/* The checked body: ERR_OK; ERR_INVALID: damaged or not there; ERR_FULL: no room in memory; ERR_IO. */
int file_store__body(
    struct file_tier *t, const struct file_form *f, const struct tier_get *op, struct body **out) MUST_CHECK;
/* The sum of a file. */
int file_store__sum(int fd, uint64_t size, struct hash128 *sum) MUST_CHECK;
struct hash128 file_store__sum_segments(const struct str *segments, unsigned n);
/* Stores an entry; `id` is the one that it got when that was asked for. ERR_OK (also when a newer one was there already), ERR_STALE, ERR_FULL,
 * ERR_IO, ERR_TOO_LARGE. */
int file_write__entry(struct file_tier *t, const struct tier_put *op, uint64_t id) MUST_CHECK;
/* Writes the JSON of a page of a locked leaf anew, marked as softly purged. */
int file_write__soft(struct file_tier *t, struct file_leaf *leaf, const struct file_form *f) MUST_CHECK;
/* One page less on disk: one that was doomed, or one that is evicted. False when none could be found. */
bool file_write__make_room(struct file_tier *t);
/* Takes a page from disk that was doomed, and forgets it. */
void file_store__bury(struct file_tier *t, struct file_page *page);
/* Makes the directories. ERR_OK, ERR_IO, ERR_DENIED. */
int file_store__make(struct file_tier *t) MUST_CHECK;
/* They have vanished: makes them again. */
void file_store__make_again(struct file_tier *t);
/* Removes what the dead have left in tmp/. When it is opened, before the first write. */
void file_store__clear_tmp(struct file_tier *t);
uint64_t file_store__new_id(struct file_tier *t, uint64_t after);

/* file_read.c: lookups. They block, as those of file_purge.c. */

int file_read__get(struct file_tier *t, struct tier_get *op) MUST_CHECK;
void file_read__variants(
    struct file_tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx);
/* What became of a page with this label. */
enum ledger_verdict file_read__judge(struct file_tier *t, uint64_t seq, const struct form *form);
/* As the index keeps it. */
struct file_page_spec file_read__spec(const struct file_form *f);

/* file_purge.c */

int file_purge__url(struct file_tier *t, struct tier_purge *op, bool invalidates) MUST_CHECK;
int file_purge__many(struct file_tier *t, struct tier_purge *op) MUST_CHECK;
/* One of many by another process, whose place is op->seq: it is in the journal already. */
void file_purge__foreign(struct file_tier *t, struct tier_purge *op);

/* file_fill.c: what is done in the background. */

/* Begins to fill the index; once, what comes then does nothing. */
void file_fill__begin(struct file_tier *t);
/* The steps of the two jobs, `fill` and `bury`. */
void file_fill__step(struct io_job *job);
void file_fill__bury_step(struct io_job *job);
/* Counts all that is there: when the counts are lost. Blocks long. */
void file_fill__count(struct file_tier *t);
/* There may be doomed pages, or more than there should be: sees to it soon. */
void file_fill__bury_soon(struct file_tier *t);

#endif
