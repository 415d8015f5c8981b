/* What the order of eviction is worth in the memory tier itself: its hit ratio beside that of GDSF with a perfect memory of order (a scan for the
 * least worth), on seeded requests; and what that means to single pages. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "tier/make.h"
#include "tier/memory.h"

enum { LIMIT = 4 << 20, OBJECTS = 20000, REQUESTS = 30000, LARGEST = 64 << 10 };

static char bytes[LARGEST];

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static double uniform(uint32_t *state)
{
	return (next_random(state) + 0.5) / 4294967296.0;
}

static struct tier *open_tier(void)
{
	return memory_tier_new(&(struct memory_options){.memory_size = LIMIT, .max_variants = 16});
}

static size_t used(struct tier *t)
{
	return atomic_load(&t->budget->used);
}

static bool has_page(struct tier *t, unsigned i)
{
	char key[64];
	snprintf(key, sizeof(key), "GET http://h/%06u", i);
	return has(t, key);
}

static void store_page(struct tier *t, unsigned i, size_t size)
{
	char key[64];
	snprintf(key, sizeof(key), "GET http://h/%06u", i);
	struct recipe r = {.key = key, .body = {bytes, size}, .epoch = tier_epoch(t)};
	int err = store(t, &r);
	must(err == ERR_OK, "%s, of %zu: %s", key, size, err_name(err));
	must(used(t) <= LIMIT, "%zu used", used(t));
}

/* The yardstick. */
struct model {
	size_t limit, used, around;
	double clock, due[OBJECTS + REQUESTS];
	unsigned asked[OBJECTS + REQUESTS], held[OBJECTS + REQUESTS], n;
};

static void drop_least(struct model *m, const size_t *sizes)
{
	unsigned least = 0;
	for (unsigned k = 1; k < m->n; k++)
		least = m->due[m->held[k]] < m->due[m->held[least]] ? k : least;
	unsigned i = m->held[least];
	m->clock = m->due[i];
	m->used -= sizes[i] + m->around;
	m->asked[i] = 0;
	m->held[least] = m->held[--m->n];
}

static bool ask_model(struct model *m, const size_t *sizes, unsigned i)
{
	size_t size = sizes[i] + m->around;
	bool hit = m->asked[i] > 0;
	while (!hit && m->used + size > m->limit)
		drop_least(m, sizes);
	if (!hit) {
		m->held[m->n++] = i;
		m->used += size;
	}
	m->due[i] = m->clock + (double)++m->asked[i] / (double)size;
	return hit;
}

static bool ask_tier(struct tier *t, const size_t *sizes, unsigned i)
{
	if (has_page(t, i))
		return true;
	store_page(t, i, sizes[i]);
	return false;
}

/* Ranks whose logarithm is about uniform: Zipf 1. Half-wonders: every second request is for what is never asked for again. */
static unsigned draw(uint32_t *random, unsigned request, bool wonders)
{
	if (wonders && uniform(random) < 0.5)
		return OBJECTS + request;
	return (unsigned)(exp(uniform(random) * log(OBJECTS + 1)) - 1);
}

static void compare(bool wonders, double more)
{
	static struct model m;
	static size_t sizes[OBJECTS + REQUESTS];
	uint32_t random = 2024;
	for (unsigned i = 0; i < OBJECTS + REQUESTS; i++)
		sizes[i] = (size_t)(500 * exp(uniform(&random) * log(LARGEST / 500)));
	struct tier *t = open_tier();
	m = (struct model){.limit = LIMIT - used(t)};
	store_page(t, OBJECTS, 1000);
	m.around = used(t) - (LIMIT - m.limit) - 1000;
	purge(t, PURGE_ALL, "", false);
	unsigned real = 0, ideal = 0;
	for (unsigned i = 0; i < REQUESTS; i++) {
		unsigned page = draw(&random, i, wonders);
		ideal += ask_model(&m, sizes, page);
		real += ask_tier(t, sizes, page);
	}
	struct tier_stats stats;
	tier_stats(t, &stats);
	printf("%s: %u of %d hits, GDSF %u; %llu evicted, %llu of them asked for once\n",
	    wonders ? "half wonders" : "Zipf", real, REQUESTS, ideal, (unsigned long long)stats.evicted,
	    (unsigned long long)stats.evicted_wonders);
	ck_assert_msg(real + REQUESTS / 100 > ideal + more * REQUESTS / 100, "%u hits, GDSF %u", real, ideal);
	ck_assert_uint_gt(stats.evicted_wonders, stats.evicted / 2);
	ck_assert_uint_lt(stats.evicted_wonders, stats.evicted);
	tier_close(&t);
}

START_TEST(hits_are_as_many_as_gdsf_has)
{
	compare(false, 1);
}
END_TEST

START_TEST(they_are_more_where_half_are_wonders)
{
	compare(true, 3);
}
END_TEST

/* As large as the wonders that stream by, which fill the memory some three times. */
static void stream(struct tier *t, unsigned *next)
{
	for (unsigned i = 0; i < 400; i++)
		store_page(t, (*next)++, 30000);
}

START_TEST(a_page_that_comes_back_is_kept)
{
	struct tier *t = open_tier();
	unsigned next = 1000;
	stream(t, &next);
	store_page(t, 1, 30000);
	stream(t, &next);
	store_page(t, 2, 30000);
	store_page(t, 1, 30000);
	stream(t, &next);
	ck_assert_msg(!has_page(t, 2), "once");
	ck_assert_msg(has_page(t, 1), "twice");
	tier_close(&t);
}
END_TEST

START_TEST(what_was_stored_is_found_in_a_full_memory)
{
	struct tier *t = open_tier();
	for (unsigned i = 0; i < 3000; i++) {
		store_page(t, i, 500);
		for (unsigned hits = 0; hits < 3; hits++)
			has_page(t, i);
	}
	for (unsigned i = 0; i < 100; i++) {
		store_page(t, 10000 + i, LARGEST);
		must(has_page(t, 10000 + i), "%u", i);
	}
	tier_close(&t);
}
END_TEST

int main(void)
{
	memset(bytes, 'x', sizeof(bytes));
	Suite *s = suite_create("tier/memory_hits");
	TCase *t = tcase_create("hits");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, hits_are_as_many_as_gdsf_has);
	tcase_add_test(t, they_are_more_where_half_are_wonders);
	tcase_add_test(t, a_page_that_comes_back_is_kept);
	tcase_add_test(t, what_was_stored_is_found_in_a_full_memory);
	suite_add_tcase(s, t);
	return suite_run(s);
}
