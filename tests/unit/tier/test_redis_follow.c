/* Several instances on one server: what one stores the others find, what one purges the others have dropped, within 50 ms; and none trusts
 * its memory while it does not know what it has missed. */
#include "tier/redis_rig.h"

#include "tier/purge_log.h"

#define PAGE  "GET http://one.example/blog/a"
#define OTHER "GET http://two.example/x"

static int store_page(struct tier *t, const char *key, const char *body)
{
	struct recipe r = {
	    .key = key, .tags = "blog", .body = str_of(body), .lifetime_ms = 60000, .epoch = tier_epoch(t)};
	return store(t, &r);
}

/* What one was told. */
struct ears {
	pthread_mutex_t lock;
	struct tier *t;
	unsigned n, everything, invalidations;
	char last[64];
	int64_t at_us;
	bool add; /* to the log of the tier, as a stack does */
};

static void hear(void *ctx, const struct tier_heard *what)
{
	struct ears *e = ctx;
	pthread_mutex_lock(&e->lock);
	e->n++;
	e->everything += what->everything;
	e->invalidations += what->invalidates;
	snprintf(e->last, sizeof e->last, "%.*s", STR_ARG(what->purge.arg));
	e->at_us = clock_mono_us();
	pthread_mutex_unlock(&e->lock);
}

static unsigned heard(struct ears *e)
{
	pthread_mutex_lock(&e->lock);
	unsigned n = e->n;
	pthread_mutex_unlock(&e->lock);
	return n;
}

static unsigned heard_everything(struct ears *e)
{
	pthread_mutex_lock(&e->lock);
	unsigned n = e->everything;
	pthread_mutex_unlock(&e->lock);
	return n;
}

/* What it is told from then on. */
static struct tier *open_with(struct ears *e, unsigned prefix)
{
	struct tier *t = rig_open(&(struct rig){.heard = hear, .ctx = e, .prefix = prefix});
	pthread_mutex_lock(&e->lock);
	e->n = e->everything = e->invalidations = 0;
	pthread_mutex_unlock(&e->lock);
	return t;
}

static void open_two(struct tier *t[2])
{
	t[0] = rig_open(&(struct rig){.instance = "one"});
	t[1] = rig_open(&(struct rig){.instance = "two", .prefix = rig_prefixes});
}

static void close_two(struct tier *t[2])
{
	tier_close(&t[0]);
	tier_close(&t[1]);
}

START_TEST(what_one_stores_the_other_finds)
{
	struct tier *t[2];
	open_two(t);
	ck_assert_int_eq(store_page(t[0], PAGE, "from one"), ERR_OK);
	struct entry *e = find(t[1], PAGE);
	ck_assert(e && body_is(e, STR("from one")));
	entry_release(&e);
	ck_assert_int_eq(store_page(t[1], PAGE, "from two"), ERR_OK);
	e = find(t[0], PAGE);
	ck_assert(e && body_is(e, STR("from two")));
	entry_release(&e);
	close_two(t);
}
END_TEST

static const struct {
	const char *what;
	enum purge_kind kind;
	const char *arg;
	bool soft;
} purges[] = {
    {"a url", PURGE_URL, PAGE, false},
    {"a prefix", PURGE_PREFIX, "http://one.example/blog/", false},
    {"a glob", PURGE_GLOB, "/blog/*", false},
    {"a tag", PURGE_TAG, "blog", false},
    {"all", PURGE_ALL, "", false},
    {"a url softly", PURGE_URL, PAGE, true},
    {"a prefix softly", PURGE_PREFIX, "/blog/", true},
    {"a glob softly", PURGE_GLOB, "*/blog/a", true},
    {"a tag softly", PURGE_TAG, "blog", true},
    {"all softly", PURGE_ALL, "", true},
};

static void is_purged(struct tier *t, const char *what, bool soft)
{
	struct entry *e = find(t, PAGE);
	must((e != NULL) == soft, "%s: %s", what, e ? "there" : "gone");
	must(!e || atomic_load(&e->purged), "%s: not stale", what);
	entry_release(&e);
}

static void await_all(struct tier *t, uint64_t seq);

START_TEST(what_one_purges_the_other_has_dropped)
{
	struct tier *t[2];
	open_two(t);
	for (size_t i = 0; i < COUNT_OF(purges); i++) {
		ck_assert_int_eq(store_page(t[i % 2], PAGE, "x"), ERR_OK);
		ck_assert(has(t[0], PAGE) && has(t[1], PAGE));
		uint64_t began = tier_epoch(t[1]);
		struct tier_purge op = purge(t[0], purges[i].kind, purges[i].arg, purges[i].soft);
		ck_assert_msg(op.seq == i + 1, "%s: seq %d", purges[i].what, (int)op.seq);
		is_purged(t[0], purges[i].what, purges[i].soft);
		await_all(t[0], op.seq);
		is_purged(t[1], purges[i].what, purges[i].soft);
		/* A fetch of the other one that began before may not store. */
		struct recipe r = {.key = PAGE, .tags = "blog", .lifetime_ms = 60000, .epoch = began};
		ck_assert_msg(store(t[1], &r) == ERR_STALE, "%s: stored what began before", purges[i].what);
		ck_assert_int_eq(store_page(t[1], PAGE, "new"), ERR_OK);
		struct entry *e = find(t[0], PAGE);
		ck_assert_msg(
		    e && !atomic_load(&e->purged) && body_is(e, STR("new")), "%s: not renewed", purges[i].what);
		entry_release(&e);
	}
	struct tier_invalidate op = invalidate(t[0], PAGE);
	ck_assert_uint_eq(op.count, 1);
	ck_assert(!has(t[1], PAGE)); /* its keys are gone, whatever the other one knows */
	close_two(t);
}
END_TEST

START_TEST(others_are_told_and_oneself_is_not)
{
	struct ears ears[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER}, {.lock = PTHREAD_MUTEX_INITIALIZER}};
	struct tier *t[2];
	t[0] = open_with(&ears[0], 0);
	t[1] = open_with(&ears[1], rig_prefixes);
	for (size_t i = 0; i < COUNT_OF(purges); i++) {
		struct tier_purge op = purge(t[0], purges[i].kind, purges[i].arg, purges[i].soft);
		await_all(t[0], op.seq);
		ck_assert_msg(heard(&ears[1]) == i + 1, "%s: not told", purges[i].what);
		ck_assert_msg(strcmp(ears[1].last, purges[i].arg) == 0, "%s: %s", purges[i].what, ears[1].last);
	}
	invalidate(t[0], PAGE);
	rig_until(heard(&ears[1]) == COUNT_OF(purges) + 1, "an invalidation that is told");
	ck_assert_uint_eq(ears[1].invalidations, 1);
	ck_assert_uint_eq(heard(&ears[0]), 0);
	ck_assert_uint_eq(heard_everything(&ears[1]), 0);
	close_two(t);
}
END_TEST

/* A put whose label is older than a purge of that page, and comes after it: the tombstone. What is late is let through until the server has
 * the purge, and refused from then on, though this instance has not heard of it. */
START_TEST(a_late_put_is_refused_by_the_server)
{
	struct tier *t[2];
	open_two(t);
	ck_assert_int_eq(store_page(t[1], PAGE, "x"), ERR_OK);
	char key[256];
	snprintf(key, sizeof key, "%s", rig_key(PAGE, "t"));
	server_must(&rig_server, "SET %s 1 PX 60000", key); /* as if a purge with the next seq had just passed */
	ck_assert_int_eq(store_page(t[1], PAGE, "late"), ERR_STALE);
	ck_assert_uint_eq(rig_stats(t[1]).refused_stale, 1);
	struct tier_purge op = purge(t[0], PURGE_URL, PAGE, false);
	await_all(t[0], op.seq);
	ck_assert_msg(store_page(t[1], PAGE, "x") == ERR_OK, "what knows of the purge may be stored");
	close_two(t);
}
END_TEST

/* One that starts later reads what was purged before. */
START_TEST(who_comes_later_knows_what_was_purged)
{
	struct tier *first = rig_open(&(struct rig){0});
	ck_assert_int_eq(store_page(first, PAGE, "x"), ERR_OK);
	ck_assert_int_eq(store_page(first, OTHER, "x"), ERR_OK);
	for (int i = 0; i < 2500; i++) {
		char tag[16];
		snprintf(tag, sizeof tag, "t%d", i);
		purge(first, PURGE_TAG, i == 7 ? "blog" : tag, false);
	}
	struct tier *second = rig_open(&(struct rig){.prefix = rig_prefixes});
	ck_assert(!has(second, PAGE));
	ck_assert_int_eq(store_page(second, PAGE, "y"), ERR_OK);
	ck_assert(has(first, PAGE));
	tier_close(&first);
	tier_close(&second);
	/* And one that comes when nobody is there any more. */
	struct tier *third = rig_open(&(struct rig){.prefix = rig_prefixes});
	ck_assert(has(third, PAGE));
	ck_assert(!has(third, OTHER));
	tier_close(&third);
}
END_TEST

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* p99 of 300 purges, in microseconds. */
static int64_t measure(struct tier *from, struct ears *ears)
{
	enum { N = 300 };
	static int64_t took[N];
	unsigned before = heard(ears);
	for (unsigned i = 0; i < N; i++) {
		int64_t began = clock_mono_us();
		purge(from, purges[i % COUNT_OF(purges)].kind, purges[i % COUNT_OF(purges)].arg, i % 2);
		rig_until(heard(ears) == before + i + 1, "a purge that reaches the other one");
		took[i] = ears->at_us - began;
	}
	qsort(took, N, sizeof *took, compare);
	printf("purges to another instance: p50 %d us, p99 %d us, longest %d us\n", (int)took[N / 2],
	    (int)took[N * 99 / 100], (int)took[N - 1]);
	return took[N * 99 / 100];
}

/* Measured again when it fails: where many tests run at once, a process may not be scheduled for that long. */
START_TEST(purges_reach_the_others_within_50_ms)
{
	struct ears ears = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct tier *t[2];
	t[0] = rig_open(&(struct rig){0});
	t[1] = open_with(&ears, rig_prefixes);
	int64_t p99 = INT64_MAX;
	for (int i = 0; i < 3 && p99 >= 50000; i++)
		p99 = measure(t[0], &ears);
	ck_assert_msg(p99 < 50000, "p99 is %d us", (int)p99);
	close_two(t);
}
END_TEST

/* Losses */

START_TEST(a_flushed_server_begins_anew)
{
	struct ears ears[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER}, {.lock = PTHREAD_MUTEX_INITIALIZER}};
	struct tier *t[2];
	t[0] = open_with(&ears[0], 0);
	t[1] = open_with(&ears[1], rig_prefixes);
	for (int i = 0; i < 20; i++)
		await_all(t[0], purge(t[0], PURGE_ALL, "", false).seq);
	ck_assert_int_eq(store_page(t[0], PAGE, "x"), ERR_OK);
	for (int round = 0; round < 3; round++) {
		for (int k = 0; k < 2; k++)
			ears[k].everything = 0;
		server_must(&rig_server, "FLUSHALL");
		if (round == 1) /* one purges before anybody has noticed */
			purge(t[0], PURGE_TAG, "blog", false);
		ck_assert(!has(t[0], PAGE));
		rig_until(
		    heard_everything(&ears[0]) == 1 && heard_everything(&ears[1]) == 1, "everything dropped, once");
		rig_await(t[0], true);
		rig_until(store_page(t[0], PAGE, "y") == ERR_OK && has(t[0], PAGE), "a page that is found again");
		rig_until(has(t[1], PAGE), "a page that is found by the other one");
		struct tier_purge op = purge(t[1], PURGE_TAG, "blog", false);
		await_all(t[1], op.seq);
		ck_assert(!has(t[0], PAGE));
		ck_assert(!has(t[1], PAGE));
	}
	close_two(t);
}
END_TEST

/* As a failover to a replica that lacked the last purges: the id is there, the end of the order is not, or is another. */
START_TEST(a_server_that_lost_purges_begins_anew)
{
	for (int other = 0; other < 2; other++) {
		struct ears ears = {.lock = PTHREAD_MUTEX_INITIALIZER};
		struct tier *t = open_with(&ears, 0);
		unsigned p = rig_prefixes;
		purge(t, PURGE_TAG, "first", false);
		ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
		purge(t, PURGE_TAG, "blog", false);
		ck_assert(!has(t, PAGE));
		server_must(&rig_server, "XDEL t%u:{purges} 2-0", p);
		server_must(&rig_server, "SET t%u:{purges}:seq 1", p);
		server_must(&rig_server, "XTRIM t%u:{purges} MAXLEN 1", p);
		if (other) { /* the place was given anew meanwhile: only a new connection asks */
			server_must(&rig_server, "DEL t%u:{purges}", p);
			server_must(&rig_server, "XADD t%u:{purges} 1-0 kind tag arg first soft 0 by x from y", p);
			server_must(&rig_server, "XADD t%u:{purges} 2-0 kind tag arg another soft 0 by x from y", p);
			server_must(&rig_server, "SET t%u:{purges}:seq 2", p);
			server_must(&rig_server, "CLIENT KILL TYPE normal SKIPME yes");
		}
		rig_until(heard_everything(&ears) == 1, "a loss that is noticed");
		rig_await(t, true);
		rig_until(!has(t, PAGE) && store_page(t, PAGE, "y") == ERR_OK && has(t, PAGE), "pages again");
		tier_close(&t);
	}
}
END_TEST

/* More purges than the stream holds passed while one was away. */
START_TEST(a_gap_drops_everything)
{
	struct ears ears = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct tier *t = open_with(&ears, 0);
	unsigned p = rig_prefixes;
	purge(t, PURGE_TAG, "first", false);
	ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
	server_must(&rig_server, "MULTI");
	server_must(&rig_server, "SET t%u:{purges}:seq 9", p);
	server_must(&rig_server, "XADD t%u:{purges} 9-0 kind tag arg last soft 0 by x from y", p);
	server_must(&rig_server, "EXEC");
	rig_until(heard(&ears) == 2, "everything, and the one after the gap");
	ck_assert_uint_eq(ears.everything, 1);
	ck_assert_msg(!has(t, PAGE), "it may have been purged in the gap");
	ck_assert_int_eq(store_page(t, PAGE, "y"), ERR_OK);
	ck_assert(has(t, PAGE));
	ck_assert_uint_eq(purge(t, PURGE_TAG, "next", false).seq, 10);
	/* And a purge of our own that is far behind what we know: too far for its answer to bring what lies between. */
	server_must(&rig_server, "SET t%u:{purges}:seq 500", p);
	ck_assert_int_eq(store_page(t, PAGE, "y"), ERR_OK);
	ck_assert_uint_eq(purge(t, PURGE_TAG, "blog", false).seq, 501);
	ck_assert(!has(t, PAGE));
	rig_until(heard_everything(&ears) == 2, "everything again");
	rig_until(store_page(t, PAGE, "y") == ERR_OK && has(t, PAGE), "pages again");
	tier_close(&t);
}
END_TEST

/* Trust */

START_TEST(memory_is_trusted_without_redis_and_not_before_the_replay)
{
	struct ears ears = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct tier *t = open_with(&ears, 0);
	ck_assert(redis_tier_is_in_touch(t));
	server_freeze(&rig_server);
	rig_await(t, false);
	rig_until(redis_tier_is_in_touch(t), "trust, when nobody of us hears of Redis");
	server_thaw(&rig_server);
	/* Whatever happens first: once it is reached, trust comes with what was missed, or not at all. */
	server_must(&rig_server, "XADD t%u:{purges} 1-0 kind tag arg missed soft 0 by x from y", rig_prefixes);
	server_must(&rig_server, "SET t%u:{purges}:seq 1", rig_prefixes);
	rig_await(t, true);
	ck_assert(redis_tier_is_in_touch(t));
	rig_until(heard(&ears) == 1, "the purge that was missed");
	tier_close(&t);
}
END_TEST

/* It has served without Redis meanwhile, and nobody knows what was purged. */
START_TEST(who_joins_late_drops_everything)
{
	struct ears ears = {.lock = PTHREAD_MUTEX_INITIALIZER};
	rig_redis();
	server_freeze(&rig_server);
	struct tier *t = rig_new(&(struct rig){.heard = hear, .ctx = &ears, .timeout_ms = 500});
	int64_t began = clock_mono_us();
	rig_until(clock_mono_us() - began > 1200000, "a moment longer than the bound");
	ck_assert_msg(redis_tier_is_in_touch(t), "nothing is served without Redis");
	ck_assert_uint_eq(heard(&ears), 0);
	server_thaw(&rig_server);
	rig_await(t, true);
	ck_assert_uint_eq(heard_everything(&ears), 1);
	tier_close(&t);
}
END_TEST

/* One of the keys of purges was evicted: nothing is lost that the others do not tell. */
START_TEST(a_counter_that_is_gone_is_found_again)
{
	struct ears ears = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct tier *t = open_with(&ears, 0);
	purge(t, PURGE_TAG, "first", false);
	ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
	server_must(&rig_server, "DEL t%u:{purges}:seq", rig_prefixes);
	rig_until(server_says(&rig_server, "1", "GET t%u:{purges}:seq", rig_prefixes), "the counter");
	rig_await(t, true);
	ck_assert(has(t, PAGE));
	ck_assert_uint_eq(heard(&ears), 0);
	ck_assert_uint_eq(purge(t, PURGE_TAG, "blog", false).seq, 2);
	ck_assert(!has(t, PAGE));
	tier_close(&t);
}
END_TEST

/* The client reaches Redis and the follower does not: a user who may not read streams. */
START_TEST(who_reaches_redis_but_cannot_follow_is_not_trusted)
{
	char url[128];
	rig_redis();
	server_must(&rig_server, "ACL SETUSER blind on >secret ~* +@all -xread");
	snprintf(url, sizeof url, "redis://blind:secret@127.0.0.1:%u", rig_server.port);
	struct tier *t = rig_new(&(struct rig){.url = url});
	rig_until(!redis_tier_is_in_touch(t), "doubt");
	ck_assert(!has(t, PAGE));
	ck_assert_int_ne(store_page(t, PAGE, "x"), ERR_OK);
	server_must(&rig_server, "ACL SETUSER blind +xread");
	rig_until(redis_tier_is_in_touch(t) && rig_is_up(t), "trust again");
	ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
	tier_close(&t);
}
END_TEST

/* Receipts */

struct receipts {
	unsigned n, with;
	char names[256];
};

static void note(void *ctx, const struct tier_receipt *r)
{
	struct receipts *all = ctx;
	all->n++;
	all->with += r->ms >= 0;
	size_t at = strlen(all->names);
	snprintf(all->names + at, sizeof all->names - at, "%.*s ", STR_ARG(r->instance));
}

static void await_all(struct tier *t, uint64_t seq)
{
	struct receipts all = {0};
	int err = tier_await(t, seq, 10000, note, &all);
	must(err == ERR_OK && all.n == all.with && all.n >= 1, "%s, %u of %u", err_name(err), all.with, all.n);
}

START_TEST(receipts_name_all_who_carried_it_out)
{
	struct tier *t[2];
	open_two(t);
	struct tier_purge op = purge(t[0], PURGE_ALL, "", false);
	struct receipts all = {0};
	ck_assert_int_eq(tier_await(t[0], op.seq, 5000, note, &all), ERR_OK);
	ck_assert_uint_eq(all.n, 2);
	ck_assert_uint_eq(all.with, 2);
	ck_assert(strstr(all.names, "one ") && strstr(all.names, "two "));
	/* One that left properly is not waited for. */
	tier_close(&t[1]);
	op = purge(t[0], PURGE_ALL, "", false);
	all = (struct receipts){0};
	ck_assert_int_eq(tier_await(t[0], op.seq, 5000, note, &all), ERR_OK);
	ck_assert_str_eq(all.names, "one ");
	/* One that lives and does not answer is, until the time is over; one that is silent for long is not. */
	redisReply *r = server_ask(&rig_server, "TIME");
	ck_assert(r && r->elements == 2);
	server_must(&rig_server, "HSET t%u:{purges}:acks 1234 %s", rig_prefixes, "nonsense");
	server_must(&rig_server, "HSET t%u:{purges}:acks slow %b", rig_prefixes, "0 9999999999999 slow", (size_t)20);
	server_must(&rig_server, "HSET t%u:{purges}:acks dead %b", rig_prefixes, "0 1 dead", (size_t)8);
	freeReplyObject(r);
	op = purge(t[0], PURGE_ALL, "", false);
	all = (struct receipts){0};
	ck_assert_int_eq(tier_await(t[0], op.seq, 700, note, &all), ERR_TIMEOUT);
	ck_assert_uint_eq(all.n, 2);
	ck_assert_uint_eq(all.with, 1);
	r = server_ask(&rig_server, "HEXISTS t%u:{purges}:acks dead", rig_prefixes);
	ck_assert_msg(r && r->integer == 0, "the dead are kept");
	freeReplyObject(r);
	tier_close(&t[0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis_follow");
	TCase *t = tcase_create("follow");
	tcase_set_timeout(t, 50);
	tcase_add_test(t, what_one_stores_the_other_finds);
	tcase_add_test(t, what_one_purges_the_other_has_dropped);
	tcase_add_test(t, others_are_told_and_oneself_is_not);
	tcase_add_test(t, a_late_put_is_refused_by_the_server);
	tcase_add_test(t, who_comes_later_knows_what_was_purged);
	tcase_add_test(t, purges_reach_the_others_within_50_ms);
	tcase_add_test(t, a_flushed_server_begins_anew);
	tcase_add_test(t, a_server_that_lost_purges_begins_anew);
	tcase_add_test(t, a_gap_drops_everything);
	tcase_add_test(t, memory_is_trusted_without_redis_and_not_before_the_replay);
	tcase_add_test(t, who_joins_late_drops_everything);
	tcase_add_test(t, a_counter_that_is_gone_is_found_again);
	tcase_add_test(t, who_reaches_redis_but_cannot_follow_is_not_trusted);
	tcase_add_test(t, receipts_name_all_who_carried_it_out);
	suite_add_tcase(s, t);
	return suite_run(s);
}
