/* Leases: one fetches, the others wait for what it stores, and nobody waits for ever. */
#include "tier/redis_rig.h"

#define PAGE "GET http://h/slow"

struct asking {
	struct tier_lease op;
	struct made_wait wait;
	struct tier *tier;
};

static void told(struct tier_lease *op, int err)
{
	made_done(&CONTAINER_OF(op, struct asking, op)->wait, err);
}

static void prepare(struct tier *t, struct asking *a, const char *signature)
{
	*a = (struct asking){
	    .op = {.key = key_of(PAGE), .signature = str_of(signature), .done = told},
	    .wait = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0},
	    .tier = t,
	};
}

static void ask(struct asking *a)
{
	int err = tier_lease(a->tier, &a->op);
	if (err != ERR_AGAIN)
		made_done(&a->wait, err);
}

static void begin(struct tier *t, struct asking *a, const char *signature)
{
	prepare(t, a, signature);
	ask(a);
}

static bool is_told(struct asking *a)
{
	pthread_mutex_lock(&a->wait.lock);
	bool done = a->wait.done;
	pthread_mutex_unlock(&a->wait.lock);
	return done;
}

static int store_page(struct tier *t, const char *body)
{
	struct recipe r = {.key = PAGE, .body = str_of(body), .lifetime_ms = 60000, .epoch = tier_epoch(t)};
	return store(t, &r);
}

static void open_two(struct tier *t[2])
{
	t[0] = rig_open(&(struct rig){0});
	t[1] = rig_open(&(struct rig){.prefix = rig_prefixes});
}

static void close_two(struct tier *t[2])
{
	tier_close(&t[0]);
	tier_close(&t[1]);
}

START_TEST(one_fetches_and_the_others_find_what_it_stored)
{
	enum { N = 20 };
	static struct asking others[N];
	struct asking first, variant;
	struct tier *t[2];
	open_two(t);
	begin(t[0], &first, "a");
	ck_assert_int_eq(made_await(&first.wait), ERR_OK);
	ck_assert(first.op.held);
	begin(t[1], &variant, "b");
	ck_assert_int_eq(made_await(&variant.wait), ERR_OK);
	ck_assert_msg(variant.op.held, "another variant has its own lease");
	for (int i = 0; i < N; i++)
		begin(t[i % 2], &others[i], "a");
	/* The server answers each tier in order: now all have asked for the lease. Who comes after the store waits for the next one. */
	ck_assert(!has(t[0], PAGE) && !has(t[1], PAGE));
	for (int i = 0; i < N; i++)
		ck_assert_msg(!is_told(&others[i]), "it does not wait");
	ck_assert_int_eq(store_page(t[0], "x"), ERR_OK);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(made_await(&others[i].wait), ERR_EOF);
		ck_assert(!others[i].op.held);
		tier_lease_end(t[i % 2], &others[i].op); /* harmless */
	}
	ck_assert(has(t[1], PAGE));
	tier_lease_end(t[0], &first.op);
	tier_lease_end(t[1], &variant.op);
	/* It is free again. */
	rig_until(
	    (begin(t[1], &first, "a"), made_await(&first.wait)) == ERR_OK && first.op.held, "a lease that is free");
	tier_lease_end(t[1], &first.op);
	close_two(t);
}
END_TEST

START_TEST(who_ends_without_storing_lets_the_others_look)
{
	struct asking first, other;
	struct tier *t[2];
	open_two(t);
	begin(t[0], &first, "a");
	ck_assert_int_eq(made_await(&first.wait), ERR_OK);
	begin(t[1], &other, "a");
	tier_lease_end(t[0], &first.op);
	int err = made_await(&other.wait);
	ck_assert_msg(err == ERR_EOF || other.op.held, "%s", err_name(err)); /* it may have come after the end */
	tier_lease_end(t[1], &other.op);
	close_two(t);
}
END_TEST

START_TEST(a_lease_is_renewed_while_it_is_held)
{
	struct asking first;
	struct tier *t = rig_open(&(struct rig){0});
	begin(t, &first, "a");
	ck_assert_int_eq(made_await(&first.wait), ERR_OK);
	char what[80], hash[SHA256_HEX + 1];
	sha256_hex(STR("a"), hash);
	snprintf(what, sizeof what, "l:%s", hash);
	const char *key = rig_key(PAGE, what);
	server_must(&rig_server, "PEXPIRE %s 6500", key); /* as if it were three seconds later */
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (long long ttl = 0; ttl < 9000;) {
		server_pause(deadline, "a renewal");
		redisReply *r = server_ask(&rig_server, "PTTL %s", key);
		ttl = r->integer;
		freeReplyObject(r);
	}
	tier_lease_end(t, &first.op);
	rig_until(server_says(&rig_server, "none", "TYPE %s", key), "the end of the lease");
	/* Of another one it does not end: it has run out meanwhile. */
	begin(t, &first, "a");
	ck_assert_int_eq(made_await(&first.wait), ERR_OK);
	server_must(&rig_server, "SET %s another", key);
	tier_lease_end(t, &first.op);
	tier_close(&t);
	ck_assert(server_says(&rig_server, "another", "GET %s", key));
}
END_TEST

/* Ended before it is told: no `done` comes, and nothing is left behind. */
START_TEST(waiting_can_be_given_up)
{
	struct asking first, other;
	struct tier *t[2];
	open_two(t);
	for (int i = 0; i < 100; i++) {
		begin(t[0], &first, "a");
		begin(t[1], &other, "a");
		tier_lease_end(t[1], &other.op);
		bool before = is_told(&other);
		made_await(&first.wait);
		tier_lease_end(t[0], &first.op);
		ck_assert(is_told(&other) == before);
	}
	close_two(t);
	ck_assert(server_says(&rig_server, "none", "TYPE %s", rig_key(PAGE, "v")));
}
END_TEST

static void end_it(struct tier_lease *op, int err)
{
	struct asking *a = CONTAINER_OF(op, struct asking, op);
	tier_lease_end(a->tier, op);
	made_done(&a->wait, err);
}

START_TEST(done_may_end_its_own_lease)
{
	struct tier *t = rig_open(&(struct rig){0});
	for (int i = 0; i < 50; i++) {
		struct asking a;
		prepare(t, &a, "a");
		a.op.done = end_it;
		ask(&a);
		int err = made_await(&a.wait); /* the one before may be on its way to its end */
		ck_assert_msg(err == ERR_OK || err == ERR_EOF, "%s", err_name(err));
	}
	tier_close(&t);
}
END_TEST

START_TEST(a_server_that_stands_still_is_not_waited_for)
{
	struct asking first, other, late;
	struct tier *t = rig_open(&(struct rig){.budget_ms = 50, .timeout_ms = 500});
	begin(t, &first, "a");
	ck_assert_int_eq(made_await(&first.wait), ERR_OK);
	begin(t, &other, "a");
	server_freeze(&rig_server);
	int64_t began = clock_mono_us();
	begin(t, &late, "a");
	ck_assert_int_eq(made_await(&late.wait), ERR_OK);
	ck_assert_int_eq(made_await(&other.wait), ERR_OK);
	ck_assert(!late.op.held && !other.op.held);
	int64_t ms = (clock_mono_us() - began) / 1000;
	ck_assert_msg(ms < 1000, "they waited %d ms", (int)ms);
	server_thaw(&rig_server);
	tier_lease_end(t, &first.op);
	tier_close(&t);
}
END_TEST

START_TEST(held_ones_may_be_left_at_the_end)
{
	struct asking first;
	struct tier *t = rig_open(&(struct rig){0});
	begin(t, &first, "a");
	ck_assert_int_eq(made_await(&first.wait), ERR_OK);
	tier_close(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis_lease");
	TCase *t = tcase_create("lease");
	tcase_set_timeout(t, 50);
	tcase_add_test(t, one_fetches_and_the_others_find_what_it_stored);
	tcase_add_test(t, who_ends_without_storing_lets_the_others_look);
	tcase_add_test(t, a_lease_is_renewed_while_it_is_held);
	tcase_add_test(t, waiting_can_be_given_up);
	tcase_add_test(t, done_may_end_its_own_lease);
	tcase_add_test(t, a_server_that_stands_still_is_not_waited_for);
	tcase_add_test(t, held_ones_may_be_left_at_the_end);
	suite_add_tcase(s, t);
	return suite_run(s);
}
