/* The Redis tier by itself: what it keeps and for how long, and what it does when Redis is slow, gone, full, or has damaged data. */
#include "tier/redis_rig.h"

#define PAGE "GET http://h/page"

/* Wall clock: what is stored lives by the server's. */
static struct recipe fresh(const char *key, const char *body)
{
	return (struct recipe){
	    .key = key, .body = str_of(body), .response_ms = clock_wall_ms(), .lifetime_ms = 3600 * 1000};
}

static int store_page(struct tier *t, const char *key, const char *body)
{
	struct recipe r = fresh(key, body);
	r.epoch = tier_epoch(t);
	return store(t, &r);
}

static long long ask_number(const char *command)
{
	redisReply *r = server_ask(&rig_server, command);
	must(r && r->type == REDIS_REPLY_INTEGER, "%s", command);
	long long n = r->integer;
	freeReplyObject(r);
	return n;
}

/* The name of the only variant of a page. */
static const char *only_variant(const char *page)
{
	static char name[32];
	redisReply *r = server_ask(&rig_server, "ZRANGE %s 0 -1", rig_key(page, "v"));
	must(r && r->type == REDIS_REPLY_ARRAY && r->elements == 1, "not one variant");
	snprintf(name, sizeof name, "%s", r->element[0]->str);
	freeReplyObject(r);
	return name;
}

START_TEST(everything_expires)
{
	static const struct {
		const char *what;
		struct recipe recipe;
		int64_t ttl_ms;
	} rows[] = {
	    {"its lifetime", {.lifetime_ms = 100000}, 100000},
	    {"less the age it came with", {.lifetime_ms = 200000, .initial_age_ms = 50000}, 150000},
	    {"with its windows", {.lifetime_ms = 100000, .swr_ms = 70000}, 170000},
	    {"a minute more where it can be validated", {.lifetime_ms = 1000, .etag = STR("\"e\"")}, 61000},
	    {"a minute at least", {.lifetime_ms = 1}, 60000},
	    {"a year at most", {.lifetime_ms = (int64_t)1 << 50}, 366 * 24 * 3600 * (int64_t)1000},
	};
	struct tier *t = rig_open(&(struct rig){0});
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct recipe r = rows[i].recipe;
		r.key = PAGE;
		r.response_ms = clock_wall_ms();
		ck_assert_int_eq(store(t, &r), ERR_OK);
		char command[300];
		/* The index first: both run down while we ask. */
		snprintf(command, sizeof command, "PTTL %s", rig_key(PAGE, "v"));
		long long index_ttl = ask_number(command);
		snprintf(command, sizeof command, "PTTL %s", rig_key(PAGE, only_variant(PAGE)));
		long long ttl = ask_number(command);
		ck_assert_msg(ttl <= rows[i].ttl_ms && ttl > rows[i].ttl_ms - 10000, "%s: %lld", rows[i].what, ttl);
		ck_assert_msg(index_ttl >= ttl - 10, "%s: the index leaves before", rows[i].what);
	}
	purge(t, PURGE_URL, PAGE, false);
	static const char *const purges[] = {"", ":id", ":seq", ":acks"};
	for (size_t i = 0; i < COUNT_OF(purges); i++) {
		char command[300];
		snprintf(command, sizeof command, "PTTL t%u:{purges}%s", rig_prefixes, purges[i]);
		ck_assert_msg(ask_number(command) > 0, "purges%s lives for ever", purges[i]);
	}
	tier_close(&t);
}
END_TEST

START_TEST(large_bodies_are_not_kept)
{
	struct tier *t = rig_open(&(struct rig){.max_object = 1000});
	char *bytes = mem_zalloc(1001);
	struct recipe r = fresh(PAGE, "");
	r.body = str_make(bytes, 1001);
	ck_assert_int_eq(store(t, &r), ERR_FULL);
	ck_assert_uint_eq(rig_stats(t).refused_full, 1);
	ck_assert(!has(t, PAGE));
	r.body.n = 1000;
	ck_assert_int_eq(store(t, &r), ERR_OK);
	ck_assert(has(t, PAGE));
	redis_tier_configure(t, RIG_BUDGET_MS, 10, RIG_VARIANTS);
	ck_assert_int_eq(store(t, &r), ERR_FULL);
	free(bytes);
	tier_close(&t);
}
END_TEST

/* Large ones do not come along where there are several; they are asked for then. */
START_TEST(finds_large_bodies_among_variants)
{
	struct tier *t = rig_open(&(struct rig){0});
	char *bytes = mem_zalloc(100000);
	for (unsigned i = 0; i < 3; i++) {
		char lang[8];
		snprintf(lang, sizeof lang, "%u", i);
		struct recipe r = fresh(PAGE, "");
		r.vary[0] = (struct header){STR("l"), str_of(lang)};
		memset(bytes, (int)('a' + i), 100000);
		r.body = str_make(bytes, 100000);
		ck_assert_int_eq(store(t, &r), ERR_OK);
	}
	struct entry *e = find(t, PAGE);
	ck_assert(e && body_is(e, str_make(bytes, 100000)));
	entry_release(&e);
	ck_assert_uint_eq(rig_stats(t).hits, 1);
	free(bytes);
	tier_close(&t);
}
END_TEST

static void damage(const char *field, const char *value)
{
	server_must(&rig_server, "HSET %s %s %s", rig_key(PAGE, only_variant(PAGE)), field, value);
}

static void flip(const char *field, size_t at)
{
	redisReply *r = server_ask(&rig_server, "HGET %s %s", rig_key(PAGE, only_variant(PAGE)), field);
	must(r && r->type == REDIS_REPLY_STRING && r->len > 0, "no %s", field);
	r->str[at % r->len] ^= 4;
	server_must(&rig_server, "HSET %s %s %b", rig_key(PAGE, only_variant(PAGE)), field, r->str, r->len);
	freeReplyObject(r);
}

static const char *const damages[] = {"a body that was changed", "a body that was cut", "no body",
    "metadata of nothing", "no metadata", "no incarnation", "metadata of another page", "another type"};

static void do_damage(struct tier *t, size_t i)
{
	const char *name = only_variant(PAGE);
	switch (i) {
	case 0:
		damage("b", "Another");
		break;
	case 1:
		damage("b", "a bod");
		break;
	case 2:
		server_must(&rig_server, "HDEL %s b", rig_key(PAGE, name));
		break;
	case 3:
		damage("m", "{}");
		break;
	case 4:
		server_must(&rig_server, "HDEL %s m", rig_key(PAGE, name));
		break;
	case 5:
		server_must(&rig_server, "HDEL %s e", rig_key(PAGE, name));
		break;
	case 6: {
		ck_assert_int_eq(store_page(t, "GET http://h/other", "a body"), ERR_OK);
		redisReply *r = server_ask(&rig_server, "HGET %s m", rig_key("GET http://h/other", name));
		must(r && r->type == REDIS_REPLY_STRING, "no metadata");
		damage("m", r->str);
		freeReplyObject(r);
		break;
	}
	default:
		server_must(&rig_server, "SET %s text", rig_key(PAGE, name));
	}
}

START_TEST(damaged_pages_are_misses_and_leave)
{
	struct tier *t = rig_open(&(struct rig){0});
	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		ck_assert_int_eq(store_page(t, PAGE, "a body"), ERR_OK);
		char key[300];
		snprintf(key, sizeof key, "EXISTS %s", rig_key(PAGE, only_variant(PAGE)));
		do_damage(t, i);
		ck_assert_msg(!has(t, PAGE), "%s: found", damages[i]);
		ck_assert_msg(rig_stats(t).corrupt == i + 1, "%s: not counted", damages[i]);
		ck_assert(!has(t, PAGE));
		ck_assert_msg(ask_number(key) == 0, "%s: still there", damages[i]);
		ck_assert(rig_stats(t).corrupt == i + 1);
		ck_assert_int_eq(store_page(t, PAGE, "a body"), ERR_OK);
		ck_assert_msg(has(t, PAGE), "%s: not healed", damages[i]);
	}
	tier_close(&t);
}
END_TEST

START_TEST(a_flipped_bit_is_never_served)
{
	struct tier *t = rig_open(&(struct rig){0});
	for (size_t i = 0; i < 400; i++) {
		must(store_page(t, PAGE, "a body") == ERR_OK, "store");
		flip(i % 8 ? "m" : "b", i * 7);
		must(!has(t, PAGE), "byte %zu", i * 7);
	}
	ck_assert_uint_eq(rig_stats(t).corrupt, 400);
	tier_close(&t);
}
END_TEST

/* Time of one lookup that finds nothing. */
static int64_t time_of_miss(struct tier *t)
{
	int64_t began = clock_mono_us();
	ck_assert(!has(t, PAGE));
	return (clock_mono_us() - began) / 1000;
}

START_TEST(a_stopped_server_costs_the_budget_and_no_more)
{
	enum { N = 20, BUDGET_MS = 30, SLACK_MS = 20, BUSY_MS = 200 };
	struct tier *t = rig_open(&(struct rig){.budget_ms = BUDGET_MS});
	ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
	server_freeze(&rig_server);
	int64_t longest = 0, late = 0;
	for (int i = 0; i < N; i++) {
		int64_t ms = time_of_miss(t);
		longest = ms > longest ? ms : longest;
		late += ms > BUDGET_MS + SLACK_MS;
	}
	printf("stopped: the longest of %d lookups took %d ms\n", N, (int)longest);
	/* A machine that is busy may take its time once or twice. */
	ck_assert_msg(late <= 2 && longest <= BUDGET_MS + BUSY_MS, "%d late, one took %d ms", (int)late, (int)longest);
	struct tier_stats s = rig_stats(t);
	ck_assert_msg(s.timeouts > 0 && s.skipped > 0, "%d timeouts, %d skipped", (int)s.timeouts, (int)s.skipped);
	rig_await(t, false);
	server_thaw(&rig_server);
	rig_await(t, true);
	rig_until(has(t, PAGE), "the page, found again");
	tier_close(&t);
}
END_TEST

START_TEST(a_killed_server_is_a_miss_and_comes_back)
{
	struct tier *t = rig_open(&(struct rig){.timeout_ms = 500});
	ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
	server_stop(&rig_server);
	for (int i = 0; i < 20; i++) {
		ck_assert(!has(t, PAGE));
		ck_assert_int_ne(store_page(t, PAGE, "x"), ERR_OK);
	}
	rig_await(t, false);
	ck_assert(redis_tier_is_in_touch(t) || !rig_is_up(t));
	server_start(&rig_server, NULL);
	rig_await(t, true);
	/* What is stored before it has joined the new server anew is not found afterwards. */
	rig_until(store_page(t, PAGE, "y") == ERR_OK && has(t, PAGE), "a page that is stored again, and found");
	tier_close(&t);
}
END_TEST

START_TEST(a_tier_without_a_server_is_a_miss)
{
	char url[64];
	snprintf(url, sizeof url, "redis://127.0.0.1:%u", server_free_port());
	struct tier *t = rig_new(&(struct rig){.url = url, .timeout_ms = 300});
	ck_assert(!has(t, PAGE));
	ck_assert_int_ne(store_page(t, PAGE, "x"), ERR_OK);
	struct tier_lease lease = {.key = key_of(PAGE)};
	ck_assert_msg(tier_lease(t, &lease) == ERR_OK && !lease.held, "fetch, nobody can tell");
	ck_assert_msg(redis_tier_is_in_touch(t), "pages in memory are served without Redis");
	ck_assert_uint_eq(rig_stats(t).down, 1);
	tier_close(&t);
}
END_TEST

/* A request has one budget for all that it asks. */
START_TEST(what_was_spent_is_not_spent_again)
{
	struct tier *t = rig_open(&(struct rig){0});
	ck_assert_int_eq(store_page(t, PAGE, "x"), ERR_OK);
	struct tier_get op = {.key = key_of(PAGE), .spent_us = 1000};
	ck_assert_int_eq(make_get(t, &op), ERR_OK);
	ck_assert_int_gt(op.spent_us, 1000);
	ck_assert_int_lt(op.spent_us, RIG_BUDGET_MS * 1000);
	entry_release(&op.entry);
	uint64_t skipped = rig_stats(t).skipped;
	op = (struct tier_get){.key = key_of(PAGE), .spent_us = RIG_BUDGET_MS * 1000};
	ck_assert_int_eq(t->ops->get(t, &op), ERR_MISSING);
	ck_assert_uint_eq(rig_stats(t).skipped, skipped + 1);
	struct tier_lease lease = {.key = key_of(PAGE), .spent_us = RIG_BUDGET_MS * 1000};
	ck_assert_int_eq(tier_lease(t, &lease), ERR_OK);
	ck_assert(!lease.held);
	tier_close(&t);
}
END_TEST

START_TEST(a_full_server_refuses_and_is_told)
{
	static struct server full;
	server_start(&full, (const char *[]){"--maxmemory", "3mb", "--maxmemory-policy", "noeviction", NULL});
	struct tier *t = rig_open(&(struct rig){.url = full.url});
	char *bytes = mem_zalloc(200000), key[64];
	int err = ERR_OK, n = 0;
	for (; err == ERR_OK && n < 100; n++) {
		snprintf(key, sizeof key, "GET http://h/%d", n);
		struct recipe r = fresh(key, "");
		r.body = str_make(bytes, 200000);
		err = store(t, &r);
	}
	ck_assert_msg(err == ERR_FULL, "%s after %d", err_name(err), n);
	ck_assert_uint_ge(rig_stats(t).errors, 1);
	ck_assert_msg(has(t, "GET http://h/0"), "what is there is found");
	server_must(&full, "CONFIG SET maxmemory 100mb");
	struct recipe r = fresh(key, "x");
	rig_until(store(t, &r) == ERR_OK, "room again");
	free(bytes);
	tier_close(&t);
	server_end(&full);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis");
	TCase *t = tcase_create("redis");
	tcase_set_timeout(t, 50);
	tcase_add_test(t, everything_expires);
	tcase_add_test(t, large_bodies_are_not_kept);
	tcase_add_test(t, finds_large_bodies_among_variants);
	tcase_add_test(t, damaged_pages_are_misses_and_leave);
	tcase_add_test(t, a_flipped_bit_is_never_served);
	tcase_add_test(t, a_stopped_server_costs_the_budget_and_no_more);
	tcase_add_test(t, a_killed_server_is_a_miss_and_comes_back);
	tcase_add_test(t, a_tier_without_a_server_is_a_miss);
	tcase_add_test(t, what_was_spent_is_not_spent_again);
	tcase_add_test(t, a_full_server_refuses_and_is_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
