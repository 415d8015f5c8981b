/* A day's worth of churn in a minute: stores, finds, replaces, purges and expires pages of changing sizes in a memory tier, at full speed on
 * some threads, and prints after each phase how much the process takes beside what the tier has been allowed.
 *
 *	bench-churn [MEGABYTES [THREADS [SECONDS]]]      64 2 30; SECONDS are shared among the phases
 *	bench-churn count [MEGABYTES]                    how many pages of 512 bytes fit, and what each takes
 *
 * The last column is for the worst moment of the phase: (resident - resident at the start) / allowed. It is meant for comparing allocators, so it sets nothing of
 * malloc itself: MALLOC_ARENA_MAX, GLIBC_TUNABLES, LD_PRELOAD. */
#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/mem.h"
#include "tier/memory.h"
#include "tier/tier.h"

enum { THREADS_MAX = 16, HELD = 8 };

/* What one round of a phase does; sizes are drawn between the bounds, evenly in their logarithm. */
struct phase {
	const char *name;
	unsigned smallest, largest;
	unsigned keys;	      /* how many pages there are; 0: each is new */
	int64_t lifetime_ms;  /* of the tier's clock, which runs a thousand times faster */
	unsigned purge_every; /* rounds; 0: never */
	bool is_idle;
};

static const struct phase phases[] = {
    {"small", 100, 2000, 0, 1 << 30, 0, false},
    {"large", 50000, 2000000, 0, 1 << 30, 0, false},
    {"small after large", 100, 2000, 0, 1 << 30, 0, false},
    {"mixed, replaced", 100, 500000, 20000, 1 << 30, 0, false},
    {"medium", 3000, 60000, 0, 1 << 30, 0, false},
    {"mixed, expiring", 100, 500000, 0, 200000, 0, false},
    {"purged all the time", 100, 100000, 50000, 1 << 30, 20000, false},
    {"small at the end", 300, 900, 0, 1 << 30, 0, false},
    {"idle", 0, 0, 0, 0, 0, true},
};

static struct tier *tier;
static const struct phase *current;
static atomic_bool stopping;
static _Atomic uint64_t serial, stores;
static int64_t began_us;

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;
	int n = f ? fscanf(f, "%lu %lu", &size, &pages) : 0;
	if (f)
		fclose(f);
	return n == 2 ? pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t draw_size(uint64_t *state, size_t from, size_t to)
{
	size_t size = from;
	while (size * 2 <= to && draw(state) % 8 != 0)
		size *= 2;
	size_t most = size * 2 < to ? size * 2 : to;
	return size + draw(state) % (most - size + 1);
}

static int64_t tier_ms(void)
{
	return clock_mono_us() - began_us;
}

/* As a flight does it: the head first, then the body in pieces, of a length that is told for two of three. */
static struct entry *make(struct cache_key key, size_t size, int64_t lifetime_ms, bool is_told)
{
	static struct header fields[] = {
	    {STR("Server"), STR("origin")},
	    {STR("Date"), STR("Mon, 30 Nov 2026 12:00:00 GMT")},
	    {STR("Content-Type"), STR("text/html")},
	    {STR("Cache-Control"), STR("max-age=600")},
	    {STR("ETag"), STR("\"0123456789abcdef\"")},
	    {STR("Content-Length"), STR("512")},
	    {STR("Accept-Ranges"), STR("bytes")},
	};
	static const struct headers headers = {fields, COUNT_OF(fields), COUNT_OF(fields)};
	struct stored stored = {
	    .status = 200,
	    .response_ms = tier_ms(),
	    .date_s = 1796040000,
	    .lifetime_ms = lifetime_ms,
	    .last_modified_s = -1,
	    .lifetime_source = LIFETIME_MAX_AGE,
	    .etag = fields[4].value,
	};
	struct entry_spec spec = {.key = key, .stored = &stored, .headers = &headers, .epoch = tier_epoch(tier)};
	struct body *body = body_new(is_told ? (int64_t)size : -1, tier->budget, NULL, NULL), *growing = body_ref(body);
	struct entry *e = NULL, *settled = NULL;
	int err = entry_new(&spec, &body, tier->budget, &e);
	while (err == ERR_OK && size > 0) {
		char *p;
		size_t n;
		err = body_space(growing, &p, &n);
		if (err)
			break;
		n = n < size ? n : size;
		n = n < 16384 ? n : 16384;
		memset(p, 'x', n);
		body_filled(growing, n);
		size -= n;
	}
	body_end(growing, err);
	if (err == ERR_OK)
		settled = entry_settle(e);
	entry_release(&e);
	body_release(&body);
	body_release(&growing);
	return settled;
}

static struct cache_key key_of_number(uint64_t n, char text[64])
{
	int length = snprintf(text, 64, "GET http://127.0.0.1:8080/s512/m600/%08" PRIu64, n);
	return key_of_text(str_make(text, (size_t)length), 1);
}

static bool store(uint64_t n, size_t size, int64_t lifetime_ms, bool is_told)
{
	char text[64];
	struct tier_put op = {.entry = make(key_of_number(n, text), size, lifetime_ms, is_told)};
	if (!op.entry)
		return false;
	int err = tier_put(tier, &op);
	entry_release(&op.entry);
	return err == ERR_OK;
}

static void *churn(void *arg)
{
	uint64_t state = 88172645463325252ULL + (uint64_t)(uintptr_t)arg;
	struct entry *held[HELD] = {NULL}; /* as answers under way do */
	const struct phase *p = current;
	int64_t swept_us = clock_mono_us();
	for (unsigned round = 1; !atomic_load(&stopping); round++) {
		char text[64];
		uint64_t n = p->keys > 0 ? draw(&state) % p->keys : atomic_fetch_add(&serial, 1);
		if (store(n, draw_size(&state, p->smallest, p->largest), p->lifetime_ms, n % 3 != 0))
			atomic_fetch_add_explicit(&stores, 1, memory_order_relaxed);
		struct tier_get get = {.key = key_of_number(n - draw(&state) % 100, text)};
		struct entry **place = &held[round % HELD];
		entry_release(place);
		if (tier_get(tier, &get) == ERR_OK)
			*place = get.entry;
		int64_t now_us = clock_mono_us();
		if (now_us - swept_us > 100000) { /* a hundred seconds of the tier's */
			tier_sweep(tier, tier_ms(), 4096);
			swept_us = now_us;
		}
		if (p->purge_every > 0 && round % p->purge_every == 0) {
			struct tier_purge all = {.kind = PURGE_ALL};
			(void)!tier_purge(tier, &all);
		}
	}
	for (unsigned i = 0; i < HELD; i++)
		entry_release(&held[i]);
	return NULL;
}

/* Returns the most that was resident. */
static size_t run(const struct phase *p, unsigned threads, int64_t us)
{
	pthread_t ids[THREADS_MAX];
	size_t most = 0;
	current = p;
	atomic_store(&stopping, false);
	for (unsigned i = 0; i < threads && !p->is_idle; i++)
		pthread_create(&ids[i], NULL, churn, (void *)(uintptr_t)(i + 1));
	for (int64_t end = clock_mono_us() + us; clock_mono_us() < end;) {
		usleep(20000);
		size_t now = resident();
		most = now > most ? now : most;
	}
	atomic_store(&stopping, true);
	for (unsigned i = 0; i < threads && !p->is_idle; i++)
		pthread_join(ids[i], NULL);
	return most;
}

static int count(size_t limit, size_t base)
{
	struct tier_stats stats = {0};
	for (uint64_t n = 0; stats.evicted == 0 && store(n, 512, 600000, true); n++) {
		if (n % 64 != 0)
			continue;
		stats = (struct tier_stats){0};
		tier_stats(tier, &stats);
	}
	size_t used = resident() - base;
	printf("%zu bytes allowed: %" PRIu64 " pages of 512 bytes, %" PRIu64 " charged, %zu resident\n", limit,
	    stats.entries, stats.bytes, used);
	printf("a page: %" PRIu64 " charged, %zu resident, %zu of them not its body\n", stats.bytes / stats.entries,
	    used / stats.entries, used / stats.entries - 512);
	return 0;
}

int main(int argc, char **argv)
{
	bool is_count = argc > 1 && strcmp(argv[1], "count") == 0;
	const char *words[3] = {"64", "2", "30"};
	for (int i = 0; i < 3 && i + 1 + is_count < argc; i++)
		words[i] = argv[i + 1 + is_count];
	size_t limit = (size_t)atoi(words[0]) << 20;
	unsigned threads = (unsigned)atoi(words[1]);
	int64_t us = (int64_t)atoi(words[2]) * 1000000 / (int64_t)COUNT_OF(phases);
	assert(threads > 0 && threads <= THREADS_MAX);
	if (!getenv("CHURN_PLAIN"))
		heap_setup();
	struct memory_options options = {.memory_size = limit};
	tier = memory_tier_new(&options);
	began_us = clock_mono_us();
	size_t base = resident();
	if (is_count)
		return count(limit, base);
	printf("%-20s %10s %10s %12s %12s %12s %8s\n", "phase", "stores", "entries", "charged", "resident", "most",
	    "of limit");
	for (size_t i = 0; i < COUNT_OF(phases); i++) {
		uint64_t before = atomic_load(&stores);
		size_t most = run(&phases[i], threads, us);
		struct tier_stats stats = {0};
		tier_stats(tier, &stats);
		printf("%-20s %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %12zu %12zu %8.3f\n", phases[i].name,
		    atomic_load(&stores) - before, stats.entries, stats.bytes, resident() - base, most - base,
		    (double)(most - base) / (double)limit);
		fflush(stdout);
	}
	tier_close(&tier);
	return 0;
}
