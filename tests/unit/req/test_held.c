/* Held flights: one visitor reads what is fetched as it comes, the others only what is known to be clean. */
#include "world.h"

#define PUBLIC "Cache-Control: max-age=60\n"

static const char plain[] = "[route /*]\nttl = 60s\nmax_object = 4K\n";

/* Every fetch of this worker is held, whatever it brings. */
static void hold(void *ctx, const struct req *r, const char *step)
{
	(void)ctx;
	if (strcmp(step, "lead") == 0)
		r->flight->held = true;
}

static struct world *held_world(void)
{
	struct world *w = world_new(plain);
	for (unsigned i = 0; i < WORLD_WORKERS; i++)
		w->workers[i].env.trace = hold;
	return w;
}

START_TEST(the_leader_reads_as_it_comes_and_the_others_the_whole)
{
	struct world *w = held_world();
	struct req *r[3];
	char out[64];
	int end;
	for (unsigned i = 0; i < 2; i++)
		r[i] = world_ask_on(w, i, "GET", "/a", "");
	world_head(w, 0, 200, PUBLIC, -1);
	world_say(w, 0, "one ");
	world_deliver(w);
	ASSERT_STR(world_read(r[0], out, sizeof out, &end), "one ");
	ck_assert_int_eq(end, ERR_AGAIN);
	ck_assert_msg(!req_answer(r[1]), "a follower gets no byte before the last one has come");
	r[2] = world_ask_on(w, 1, "GET", "/a", "");
	ck_assert_msg(!req_answer(r[2]), "nor does who comes later");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_say(w, 0, "two");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_STR(world_read(r[0], out, sizeof out, &end), "two");
	ck_assert_int_eq(end, ERR_EOF);
	for (unsigned i = 1; i < 3; i++) {
		ASSERT_ANSWER(r[i], 200, "one two");
		ck_assert_int_eq(req_answer(r[i])->kind, ANSWER_WHOLE);
	}
	for (unsigned i = 0; i < 3; i++)
		world_end(&r[i]);
	r[0] = world_ask(w, "GET", "/a", "");
	ASSERT_ANSWER(r[0], 200, "one two");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&r[0]);
	world_free(&w);
}
END_TEST

START_TEST(what_breaks_off_is_the_leaders_alone)
{
	struct world *w = held_world();
	struct req *leader = world_ask(w, "GET", "/a", ""), *follower = world_ask_on(w, 1, "GET", "/a", "");
	char out[64];
	int end;
	world_head(w, 0, 200, PUBLIC, 100);
	world_say(w, 0, "half");
	world_deliver(w);
	world_done(w, 0, ERR_SHORT);
	world_deliver(w);
	ASSERT_STR(world_read(leader, out, sizeof out, &end), "half");
	ck_assert_int_eq(end, ERR_SHORT);
	ck_assert_int_eq(req_answer(follower)->status, 502);
	world_end(&leader);
	world_end(&follower);
	world_free(&w);
}
END_TEST

START_TEST(what_grows_too_large_is_the_leaders_and_the_others_go_alone)
{
	struct world *w = held_world();
	struct req *leader = world_ask(w, "GET", "/a", ""), *follower = world_ask_on(w, 1, "GET", "/a", "");
	char big[5000], out[8192];
	int end;
	size_t sent;
	memset(big, 'x', sizeof big);
	world_head(w, 0, 200, PUBLIC, -1);
	world_deliver(w);
	ck_assert_int_eq(world_body(w, 0, big, sizeof big, &sent), ERR_OK);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_uint_eq(world_read(leader, out, sizeof out, &end).n, sizeof big);
	ck_assert_int_eq(end, ERR_AGAIN);
	world_say(w, 0, "end");
	world_done(w, 0, ERR_OK);
	world_respond(w, 1, 200, PUBLIC, "mine");
	ASSERT_STR(world_read(leader, out, sizeof out, &end), "end");
	ck_assert_int_eq(end, ERR_EOF);
	ASSERT_ANSWER(follower, 200, "mine");
	world_end(&leader);
	world_end(&follower);
	world_free(&w);
}
END_TEST

START_TEST(a_leader_that_leaves_leaves_the_page_to_the_others)
{
	struct world *w = held_world();
	struct req *leader = world_ask(w, "GET", "/a", ""), *follower = world_ask_on(w, 1, "GET", "/a", "");
	world_head(w, 0, 200, PUBLIC, -1);
	world_say(w, 0, "pa");
	world_deliver(w);
	req_gone(leader);
	world_end(&leader);
	world_say(w, 0, "ge");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(follower, 200, "page");
	world_end(&follower);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_on_the_way_keeps_it_from_the_store_only)
{
	struct world *w = held_world();
	struct req *leader = world_ask(w, "GET", "/a", ""), *follower = world_ask_on(w, 1, "GET", "/a", ""), *late;
	struct tier_purge op = {.kind = PURGE_ALL};
	world_head(w, 0, 200, PUBLIC, -1);
	world_deliver(w);
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
	late = world_ask_on(w, 1, "GET", "/a", ""); /* after the purge: not with this flight */
	ck_assert_uint_eq(w->n_fetches, 2);
	world_say(w, 0, "old");
	world_done(w, 0, ERR_OK);
	world_respond(w, 1, 200, PUBLIC, "new");
	ASSERT_ANSWER(leader, 200, "old");
	ASSERT_ANSWER(follower, 200, "old");
	ASSERT_ANSWER(late, 200, "new");
	world_end(&leader);
	world_end(&follower);
	world_end(&late);
	late = world_ask(w, "GET", "/a", "");
	ASSERT_ANSWER(late, 200, "new");
	world_end(&late);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("held");
	TCase *t = tcase_create("held");
	tcase_add_test(t, the_leader_reads_as_it_comes_and_the_others_the_whole);
	tcase_add_test(t, what_breaks_off_is_the_leaders_alone);
	tcase_add_test(t, what_grows_too_large_is_the_leaders_and_the_others_go_alone);
	tcase_add_test(t, a_leader_that_leaves_leaves_the_page_to_the_others);
	tcase_add_test(t, a_purge_on_the_way_keeps_it_from_the_store_only);
	suite_add_tcase(s, t);
	return suite_run(s);
}
