/* What the process takes beside what the tier may: pages of one size come in place of those of another, again and again, and it stays
 * near its size; what is small, or cannot be told, is let alone. */
#include "suite.h"

#include <sched.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/mem.h"
#include "tier/make.h"
#include "tier/memory.h"
#include "must.h"
#include "tier/private.h"
#include "tier/resident.h"
#include "tier/shmem.h"

#define SIZE	  (64 * (size_t)1024 * 1024)
#define FOR_PAGES (SIZE - SIZE / 20)

static void fill(struct tier *t, unsigned *serial, size_t bytes, size_t size)
{
	static char text[1024 * 1024];
	for (size_t all = 0; all < bytes; all += size) {
		char key[64];
		snprintf(key, sizeof(key), "GET http://h/%u", (*serial)++);
		struct recipe r = {.key = key, .body = str_make(text, size - *serial % (size / 2)), .lifetime_ms = 1};
		struct tier_put op = {0};
		if (make_entry(t, &r, &op.entry) == ERR_OK)
			(void)!tier_put(t, &op);
		entry_release(&op.entry);
	}
}

/* The thread looks soon; false: it has not come to that limit within the time. */
static bool limit_comes(struct budget *b, size_t least, size_t most)
{
	int64_t end_us = clock_mono_us() + 20 * 1000000;
	size_t limit = atomic_load(&b->limit);
	for (; (limit < least || limit > most) && clock_mono_us() < end_us; limit = atomic_load(&b->limit))
		sched_yield();
	return limit >= least && limit <= most;
}

/* How often it has looked, when it has done with what it was asked. */
static unsigned looks(struct resident *r)
{
	enum resident_asked asked = LOOK_NOW;
	unsigned n = 0;
	while (asked != LOOK_NOT) {
		sched_yield();
		pthread_mutex_lock(&r->lock);
		asked = r->asked;
		n = r->looks;
		pthread_mutex_unlock(&r->lock);
	}
	return n;
}

START_TEST(memory_stays_near_its_size)
{
	/* Before others have left holes. */
	static const size_t sizes[] = {600, 300000, 900, 20000, 1000000, 500, 5000, 700};
	heap_setup();
	struct tier *t = memory_tier_new(&(struct memory_options){.memory_size = SIZE});
	size_t before = heap_resident();
	unsigned serial = 0;
	for (unsigned round = 0; round < COUNT_OF(sizes); round++) {
		size_t size = sizes[round % COUNT_OF(sizes)];
		for (unsigned part = 0; part < 6; part++) {
			fill(t, &serial, SIZE / 4, size);
			size_t resident = heap_resident();
			must(resident < before + SIZE + SIZE * 15 / 100, "round %u of %zu bytes: %zu more than before",
			    round, size, resident - before);
		}
		struct tier_stats stats = {0};
		tier_stats(t, &stats);
		ck_assert_uint_eq(stats.limit, SIZE);
		must(stats.bytes > SIZE / 4, "round %u: only %llu bytes are used", round,
		    (unsigned long long)stats.bytes);
	}
	tier_close(&t);
}
END_TEST

START_TEST(small_sizes_are_let_alone)
{
	struct budget budget = {0};
	struct resident r;
	resident__init(&r, &budget);
	resident__set(&r, 1 << 20);
	char *p[1000];
	for (unsigned i = 0; i < COUNT_OF(p); i++)
		p[i] = mem_alloc(5000);
	for (unsigned i = 0; i < COUNT_OF(p); i += 2)
		free(p[i]);
	resident__look(&r);
	ck_assert_uint_eq(budget.limit, 1 << 20);
	resident__stored(&r, 1 << 20);
	ck_assert_uint_eq(budget.limit, 1 << 20);
	ck_assert(!r.has_thread);
	for (unsigned i = 1; i < COUNT_OF(p); i += 2)
		free(p[i]);
	resident__destroy(&r);
}
END_TEST

static void *touched(size_t n)
{
	volatile char *p = mem_alloc(n);
	for (size_t i = 0; i < n; i += 512)
		p[i] = 1;
	return (void *)(uintptr_t)p;
}

/* One small piece in each page stays, so that no page can be given back: the limit goes down, and up again when they are gone. So it does
 * where large pages, which are not in the heap, are more than what lives there. */
START_TEST(what_is_stuck_is_taken_off_the_limit)
{
	enum { PIECES = 40000 };
	size_t shared = _i > 0 ? SIZE * 3 / 2 : 0;
	char *large;
	int fd = shared > 0 ? shmem__new(shared, &large) : -1;
	static void *kept[PIECES], *gone[PIECES];
	struct budget budget = {0};
	struct resident r;
	ck_assert_int_eq(fd >= 0, shared > 0);
	atomic_init(&budget.used, shmem__charged());
	heap_trim(); /* what the test before has left */
	resident__init(&r, &budget);
	resident__set(&r, SIZE);
	for (unsigned i = 0; i < PIECES; i++) {
		kept[i] = touched(1500);
		gone[i] = touched(1500);
	}
	for (unsigned i = 0; i < PIECES; i++)
		free(gone[i]);
	resident__look(&r);
	bool can_tell = heap_resident() > 0;
	must(!can_tell || limit_comes(&budget, SIZE / 8, FOR_PAGES - 1), "%zu", budget.limit);
	for (unsigned i = 0; i < PIECES; i++)
		free(kept[i]);
	resident__stored(&r, SIZE / 16);
	must(limit_comes(&budget, FOR_PAGES, FOR_PAGES), "%zu", budget.limit);
	resident__destroy(&r);
	if (fd >= 0)
		shmem__free(fd, large, shared);
	ck_assert_uint_eq(shmem__charged(), 0);
}
END_TEST

/* A look at a heap with many holes takes long, and others wait for it. */
START_TEST(who_looks_again_and_again_has_to_wait)
{
	enum { PIECES = 40000 };
	static void *pieces[2 * PIECES];
	struct budget budget = {0};
	struct resident r;
	resident__init(&r, &budget);
	resident__set(&r, SIZE);
	for (unsigned i = 0; i < 2 * PIECES; i++)
		pieces[i] = touched(1500);
	for (unsigned i = 0; i < 2 * PIECES; i += 2)
		free(pieces[i]);
	int64_t began_us = clock_mono_us();
	for (unsigned i = 0; i < 200; i++) {
		resident__look(&r);
		looks(&r);
	}
	unsigned n = looks(&r);
	int64_t took_us = clock_mono_us() - began_us;
	must(n >= 1 && n < 20, "%u looks within %lld us", n, (long long)took_us);
	for (unsigned i = 1; i < 2 * PIECES; i += 2)
		free(pieces[i]);
	while (budget.limit < FOR_PAGES && clock_mono_us() - began_us < 20 * 1000000) {
		resident__look(&r);
		sched_yield();
	}
	ck_assert_uint_eq(budget.limit, FOR_PAGES);
	resident__destroy(&r);
}
END_TEST

struct storing {
	struct resident *r;
	pthread_t thread;
};

static void *store_much(void *arg)
{
	struct storing *s = arg;
	for (unsigned i = 0; i < 20000; i++)
		resident__stored(s->r, SIZE / 1000);
	return NULL;
}

/* Who stores what may fill what is to be given back has less until it was looked at, and nobody waits for that. */
START_TEST(the_limit_is_lower_while_a_look_is_due)
{
	struct storing all[4];
	struct budget budget = {0};
	struct resident r;
	size_t least = SIZE;
	resident__init(&r, &budget);
	resident__set(&r, SIZE);
	for (unsigned i = 0; i < 1000; i++) {
		resident__stored(&r, SIZE / 4);
		size_t limit = atomic_load(&budget.limit);
		least = limit < least ? limit : least;
	}
	must(least < FOR_PAGES && least >= SIZE / 8, "%zu", least);
	must(limit_comes(&budget, FOR_PAGES, FOR_PAGES), "%zu", budget.limit);
	for (unsigned i = 0; i < COUNT_OF(all); i++) {
		all[i].r = &r;
		ck_assert_int_eq(pthread_create(&all[i].thread, NULL, store_much, &all[i]), 0);
	}
	for (unsigned i = 0; i < COUNT_OF(all); i++)
		pthread_join(all[i].thread, NULL);
	ck_assert_uint_ge(looks(&r), 1);
	must(limit_comes(&budget, FOR_PAGES, FOR_PAGES), "%zu", budget.limit);
	resident__destroy(&r);
}
END_TEST

START_TEST(it_ends_whenever_it_was_asked)
{
	for (unsigned i = 0; i < 200; i++) {
		struct budget budget = {0};
		struct resident r;
		resident__init(&r, &budget);
		resident__set(&r, SIZE);
		for (unsigned j = 0; j < i % 3; j++)
			resident__look(&r);
		resident__destroy(&r);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/resident");
	TCase *t = tcase_create("churn");
	tcase_set_timeout(t, 100);
	if (!MEM_IS_SANITIZED) {
		tcase_add_test(t, memory_stays_near_its_size);
		tcase_add_test(t, who_looks_again_and_again_has_to_wait);
	}
	tcase_add_test(t, the_limit_is_lower_while_a_look_is_due);
	tcase_add_test(t, it_ends_whenever_it_was_asked);
	tcase_add_test(t, small_sizes_are_let_alone);
	tcase_add_loop_test(t, what_is_stuck_is_taken_off_the_limit, 0, 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
