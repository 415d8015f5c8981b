/* What each tier is given of the settings. */
#include "worker/store.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "tier/file.h"
#include "tier/redis.h"
#include "tier/stack.h"

enum {
	SWEEP_ROUND = 240, /* sweeps until each entry was looked at: a minute */
	SWEEP_MIN = 500,   /* entries a sweep, at least */
	FILE_THREADS = 4,
	FILE_CLOSE_MS = 5000,	  /* who stops a service waits for about ten seconds before he kills it */
	FILE_COUNTS = 320 * 1024, /* the file of counts, and the directories that are always there */
	JOURNAL_PART = 16,	  /* of file_size, and as much for its copy */
	JOURNAL_MAX = 16 * 1024 * 1024,
	HELD_PART = 4, /* files are held open for no more than this part of the descriptors: clients need the rest */
	COPY_PART = 8, /* a body in a file is copied into memory when it takes no more than this part of it */
	COPY_SMALL =
	    32 * 1024, /* without pages in memory: what one write sends more cheaply than the kernel from a file */
};

static unsigned held_open(const struct conf_cache *c)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / HELD_PART >= c->file_open)
		return c->file_open;
	return (unsigned)(limit.rlim_cur / HELD_PART);
}

/* Without pages to keep, memory holds handles, and what is on its way. */
static struct memory_options memory_options(const struct conf_cache *c)
{
	bool keeps = c->backend & BACKEND_MEMORY;
	return (struct memory_options){.memory_size = c->memory_size,
	    .max_entries = keeps ? c->max_entries : held_open(c),
	    .max_variants = c->max_variants};
}

static struct stack_options stack_options(const struct conf_cache *c)
{
	bool keeps = c->backend & BACKEND_MEMORY;
	return (struct stack_options){
	    .keeps = keeps, .in_memory = keeps ? c->memory_size / COPY_PART : COPY_SMALL, .max_files = held_open(c)};
}

/* Nothing that an operator has set is wrong then, and what cannot be kept is a miss. One that is mounted read-only may be full as well: that is
 * not why nothing can be written there. */
static bool is_disk_full(struct str path)
{
	enum { BLOCKS_NEEDED = 128 };
	char name[4096];
	struct statvfs fs;
	snprintf(name, sizeof(name), "%.*s", STR_ARG(path));
	return statvfs(name, &fs) == 0 && !(fs.f_flag & ST_RDONLY) &&
	       (fs.f_bavail < BLOCKS_NEEDED || (fs.f_files > 0 && fs.f_favail < BLOCKS_NEEDED));
}

/* The purges that are remembered beside the pages, and their copy while they are made fewer. */
static uint64_t journal_size(const struct conf_cache *c)
{
	uint64_t size = c->file_size / JOURNAL_PART;
	return size < JOURNAL_MAX ? size : JOURNAL_MAX;
}

/* For pages and their directories: what counts them, and the journal, lie there as well. */
static uint64_t file_size(const struct conf_cache *c)
{
	return c->file_size - FILE_COUNTS - 2 * journal_size(c);
}

/* No process has kept pages there before. */
static bool is_new_directory(struct str path)
{
	char name[4096];
	snprintf(name, sizeof(name), "%.*s/pages", STR_ARG(path));
	return access(name, F_OK) != 0;
}

static int add_files(struct tier *stack, const struct conf_cache *c, uint64_t key_seed)
{
	struct file_options o = {.path = c->path,
	    .file_size = file_size(c),
	    .journal_size = journal_size(c),
	    .max_variants = c->max_variants,
	    .threads = FILE_THREADS,
	    .close_ms = FILE_CLOSE_MS,
	    .key_seed = key_seed,
	    .budget = stack->budget,
	    .purges = stack->purges,
	    .heard = stack_heard,
	    .heard_ctx = stack_next(stack),
	    .fill_late = true}; /* the first visitors have the processor and the disk for themselves */
	struct tier *files;
	const char *why;
	int err = file_tier_new(&o, &files, &why);
	if (err == ERR_OK) {
		stack_add(stack, files, NULL);
		return ERR_OK;
	}
	log_error("server", "[cache] path = %.*s: %s", STR_ARG(c->path), why);
	if (err == ERR_DENIED || !is_disk_full(c->path))
		return err;
	log_error("server", "its disk is full: until the next start pages are kept in memory, and none in files");
	stack_keep(stack);
	return ERR_OK;
}

/* Names this process in receipts: whoever reads one wants to know which machine is meant. */
static void name_instance(char *out, size_t max)
{
	char host[128] = "";
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		snprintf(host, sizeof(host), "larder");
	snprintf(out, max, "%s-%ld", host, (long)getpid());
}

static void add_redis(struct tier *stack, const struct conf_cache *c, uint64_t key_seed, bool above_is_new)
{
	char instance[192], mark[4096] = "";
	name_instance(instance, sizeof(instance));
	if (c->backend & BACKEND_FILE)
		snprintf(mark, sizeof(mark), "%.*s/pages/redis-%.*s", STR_ARG(c->path), STR_ARG(c->redis_prefix));
	struct redis_options o = {.url = c->redis,
	    .prefix = c->redis_prefix,
	    .timeout_ms = c->redis_timeout_ms,
	    .budget_ms = c->redis_budget_ms,
	    .max_object = c->redis_max_object,
	    .max_variants = c->max_variants,
	    .instance = str_of(instance),
	    .mark_path = str_of(mark),
	    .above_is_new = above_is_new,
	    .key_seed = key_seed,
	    .budget = stack->budget,
	    .purges = stack->purges,
	    .heard = stack_heard,
	    .heard_ctx = stack_next(stack)};
	struct tier *redis = redis_tier_new(&o);
	stack_add(stack, redis, redis_tier_is_in_touch);
	redis_tier_await(redis);
}

struct tier *store_open(const struct conf *conf, uint64_t key_seed)
{
	const struct conf_cache *c = &conf->cache;
	struct memory_options memory = memory_options(c);
	struct stack_options o = stack_options(c);
	struct tier *stack = stack_new(memory_tier_new(&memory), &o);
	bool is_new = (c->backend & BACKEND_FILE) && is_new_directory(c->path);
	if ((c->backend & BACKEND_FILE) && add_files(stack, c, key_seed) != ERR_OK) {
		tier_close(&stack);
		return NULL;
	}
	if (c->backend & BACKEND_REDIS)
		add_redis(stack, c, key_seed, is_new);
	return stack;
}

void store_configure(struct tier *store, const struct conf *conf)
{
	const struct conf_cache *c = &conf->cache;
	struct memory_options memory = memory_options(c);
	memory_tier_resize(tier_part(store, 0), &memory);
	struct stack_options o = stack_options(c);
	stack_configure(store, &o);
	for (unsigned i = 1; tier_part(store, i); i++) {
		struct tier *t = tier_part(store, i);
		if (str_eq(str_of(t->ops->name), STR("file")))
			file_tier_resize(t, file_size(c), journal_size(c), c->max_variants);
		else
			redis_tier_configure(t, c->redis_budget_ms, c->redis_max_object, c->max_variants);
	}
}

struct values *store_values(const struct conf *conf)
{
	const struct conf_cache *c = &conf->cache;
	struct values_options o = {.backend = c->backend & BACKEND_REDIS  ? "redis"
					      : c->backend & BACKEND_FILE ? "file"
									  : "memory",
	    .path = c->path,
	    .url = c->redis ? c->redis->text : STR_NONE,
	    .name_space = c->values_namespace,
	    .prefix = c->values_prefix,
	    .pages_prefix = c->redis_prefix,
	    .max_entries = c->values_max_entries,
	    .timeout_ms = c->redis_timeout_ms,
	    .tls_ca = c->redis_tls.ca,
	    .tls_cert = c->redis_tls.cert,
	    .tls_key = c->redis_tls.key,
	    .tls_accept_any_server = c->redis_tls.any_server};
	return values_new(&o);
}

void store_sweep(struct tier *store, int64_t now_ms)
{
	struct tier_stats stats;
	tier_stats(store, &stats);
	uint64_t share = stats.entries / SWEEP_ROUND;
	tier_sweep(store, now_ms, share > SWEEP_MIN ? (unsigned)share : SWEEP_MIN);
}

/* What is told of a tier outside the process; of memory the figures of the cache as a whole tell. */
static const struct {
	size_t offset;
	const char *name, *help;
	bool counter;
} rows[] = {
#define ROW(member, name, help, counter)                                                                               \
	{                                                                                                              \
		offsetof(struct tier_stats, member), name, help, counter                                               \
	}
    ROW(entries, "larder_tier_entries", "Entries that the tier is known to have.", false),
    ROW(bytes, "larder_tier_bytes", "Bytes that they take.", false),
    ROW(limit, "larder_tier_limit_bytes", "Bytes that they may take; 0: the tier has no bound of its own.", false),
    ROW(down, "larder_tier_down", "1: the tier does not answer at present.", false),
    ROW(hits, "larder_tier_hits_total", "Lookups that found an entry in the tier.", true),
    ROW(misses, "larder_tier_misses_total", "Lookups that found none.", true),
    ROW(stores, "larder_tier_stores_total", "Entries stored.", true),
    ROW(evicted, "larder_tier_evicted_total", "Entries dropped to make room.", true),
    ROW(refused_full, "larder_tier_refused_full_total", "Entries not stored for want of room.", true),
    ROW(refused_stale, "larder_tier_refused_stale_total", "Entries not stored because a purge overtook them.", true),
    ROW(errors, "larder_tier_errors_total", "Operations that failed.", true),
    ROW(timeouts, "larder_tier_timeouts_total", "Lookups given up because the budget was over.", true),
    ROW(skipped, "larder_tier_skipped_total", "Operations not tried: the tier is down, or too much waits.", true),
    ROW(corrupt, "larder_tier_corrupt_total", "Entries found damaged, and removed.", true),
#undef ROW
};

unsigned store_figures(struct tier *store, struct metrics_extra *out, unsigned max)
{
	unsigned n = 0;
	for (size_t row = 0; row < COUNT_OF(rows); row++) { /* those of one name stand together */
		for (unsigned i = 1; tier_part(store, i) && n < max; i++) {
			struct tier_stats stats;
			uint64_t value;
			tier_stats(tier_part(store, i), &stats);
			memcpy(&value, (const char *)&stats + rows[row].offset, sizeof(value));
			out[n++] = (struct metrics_extra){.prom_name = str_of(rows[row].name),
			    .help = str_of(rows[row].help),
			    .label_name = STR("tier"),
			    .label_value = str_of(tier_part(store, i)->ops->name),
			    .counter = rows[row].counter,
			    .value = (double)value};
		}
	}
	return n;
}

void store_describe(const struct conf *conf, struct buf *out)
{
	const struct conf_cache *c = &conf->cache;
	const char *between = "";
	if (c->backend & BACKEND_MEMORY) {
		buf_addf(out, "memory tier of %zu MiB", c->memory_size >> 20);
		between = ", ";
	}
	if (c->backend & BACKEND_FILE) {
		buf_addf(out, "%sfile tier of %zu MiB in %.*s", between, c->file_size >> 20, STR_ARG(c->path));
		between = ", ";
	}
	if (c->backend & BACKEND_REDIS)
		buf_addf(out, "%sredis tier with the prefix %.*s", between, STR_ARG(c->redis_prefix));
}
