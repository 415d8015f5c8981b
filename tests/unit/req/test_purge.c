/* PURGE by method, over memory alone and where tiers below answer later. */
#include "capture.h"
#include "deep.h"

static const char plain[] = "[route /*]\nttl = 60s\n";

START_TEST(a_fetch_begun_before_a_purge_stores_nothing)
{
	struct world *w = world_new(plain);
	struct req *before = world_ask(w, "GET", "/a", "");
	struct req *purge = world_ask(w, "PURGE", "/a", "");
	ck_assert_int_eq(req_answer(purge)->status, 200);
	world_end(&purge);
	/* nor is it joined by who comes after the purge */
	struct req *after = world_ask(w, "GET", "/a", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 0, 200, "", "old");
	ASSERT_ANSWER(before, 200, "old");
	world_end(&before);
	ck_assert_ptr_null(req_answer(after));
	world_respond(w, 1, 200, "", "new");
	ASSERT_ANSWER(after, 200, "new");
	world_end(&after);
	after = world_ask(w, "GET", "/a", "");
	ASSERT_ANSWER(after, 200, "new");
	world_end(&after);
	world_free(&w);
}
END_TEST

START_TEST(purge_drops_every_variant_and_says_how_many)
{
	struct world *w = world_new(plain);
	static const char *const languages[] = {"Accept-Language: en\n", "Accept-Language: de\n"};
	for (unsigned i = 0; i < 2; i++) {
		struct req *r = world_ask(w, "GET", "/v", languages[i]);
		world_respond(w, i, 200,
		    "Cache-Control: max-age=60\n"
		    "Vary: Accept-Language\n",
		    "x");
		world_end(&r);
	}
	struct req *purge = world_ask(w, "PURGE", "/v", "");
	struct str body = req_answer(purge)->text;
	ck_assert_msg(str_starts(body, STR("{\"purged\": 2, ")), "%.*s", STR_ARG(body));
	world_end(&purge);
	struct req *r = world_ask(w, "GET", "/v", languages[0]);
	ck_assert_uint_eq(w->n_fetches, 3);
	world_respond(w, 2, 200, "Cache-Control: max-age=60\n", "x");
	world_end(&r);
	/* who may not: another address, or somebody behind a proxy that we are told of */
	purge = world_ask(w, "PURGE", "/v", "X-Forwarded-For: 10.0.0.1\n");
	ck_assert_int_eq(req_answer(purge)->status, 403);
	world_end(&purge);
	w->peer.sin_addr.s_addr = htonl(0x0a000001);
	purge = world_ask(w, "PURGE", "/v", "");
	ck_assert_int_eq(req_answer(purge)->status, 403);
	world_end(&purge);
	world_free(&w);
}
END_TEST

static struct world *purge_world(void)
{
	struct world *w = deep_world(plain);
	deep.misses_at_once = true;
	return w;
}

static void store(struct world *w, const char *target)
{
	struct req *r = world_ask(w, "GET", target, "");
	world_respond(w, w->n_fetches - 1, 200, "", "old");
	world_end(&r);
}

START_TEST(the_answer_waits_for_all_tiers)
{
	struct world *w = purge_world();
	store(w, "/p");
	struct req *purge = world_ask(w, "PURGE", "/p", "");
	ck_assert_ptr_null(req_answer(purge));
	ck_assert_uint_eq(deep.n_purges, 1);
	ck_assert_int_eq(deep.purges[0]->kind, PURGE_URL);
	ASSERT_STR(deep.purges[0]->key.text, "GET http://example.com/p");
	ASSERT_STR(deep.purges[0]->arg, "GET http://example.com/p");
	/* memory has no page any more */
	struct req *r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, "", "new");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	deep.purges[0]->count = 3;
	unsigned resumed = w->workers[0].resumed;
	deep_purged(w, 0, ERR_OK);
	ck_assert_uint_eq(w->workers[0].resumed, resumed + 1);
	ck_assert_int_eq(req_answer(purge)->status, 200);
	struct str body = req_answer(purge)->text;
	ck_assert_msg(str_starts(body, STR("{\"purged\": 3, \"id\": ")), "%.*s", STR_ARG(body));
	world_end(&purge);
	/* what was fetched after it stays */
	r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_that_a_tier_did_not_take_has_failed)
{
	static const int errs[] = {ERR_IO, ERR_TIMEOUT, ERR_RESET};
	for (size_t i = 0; i < COUNT_OF(errs); i++) {
		struct world *w = purge_world();
		struct req *purge = world_ask(w, "PURGE", "/p", "");
		capture_begin();
		deep_purged(w, 0, errs[i]);
		char *log = capture_end();
		ck_assert_msg(
		    strstr(
			log, " warning purge: url GET http://example.com/p: a tier that is shared did not take it ("),
		    "%s", log);
		free(log);
		struct str body = req_answer(purge)->text;
		ck_assert_msg(str_starts(body, STR("503 Service Unavailable\nThe purge is carried out here, but")),
		    "%.*s", STR_ARG(body));
		ck_assert_int_eq(req_answer(purge)->status, 503);
		ck_assert_int_eq(purge->reason, REASON_PURGE_FAILED);
		ck_assert_int_eq(purge->outcome, OUTCOME_ERROR);
		world_end(&purge);
		world_free(&w);
	}
}
END_TEST

START_TEST(who_may_not_purge_asks_no_tier)
{
	struct world *w = purge_world();
	struct req *purge = world_ask(w, "PURGE", "/p", "Via: 1.1 other\n");
	ck_assert_int_eq(req_answer(purge)->status, 403);
	ck_assert_uint_eq(deep.n_purges, 0);
	world_end(&purge);
	world_free(&w);
}
END_TEST

/* The tier needs the key until it is done, whoever has left. */
START_TEST(a_client_that_leaves_takes_nothing_away)
{
	static const char *const when[] = {"before the tier is done", "when the letter is on its way", "unnoticed"};
	for (size_t i = 0; i < COUNT_OF(when); i++) {
		struct world *w = purge_world();
		struct req *purge = world_ask(w, "PURGE", "/p", "");
		struct tier_purge *op = deep.purges[0];
		if (i == 1) {
			deep.purges[0] = NULL;
			op->done(op, ERR_OK);
		}
		req_gone(purge);
		if (i == 2)
			deep_purged(w, 0, ERR_OK);
		world_end(&purge);
		if (i == 0) {
			ASSERT_STR(deep.purges[0]->key.text, "GET http://example.com/p");
			ck_assert_uint_eq(w->workers[0].env.active, 1);
			deep_purged(w, 0, ERR_OK);
		}
		world_deliver(w);
		ck_assert_msg(w->workers[0].resumed == 0, "%s", when[i]);
		world_free(&w);
	}
}
END_TEST

/* A page that could not be stored may be storable now. */
START_TEST(a_purge_forgets_that_its_page_passes)
{
	static const struct {
		const char *sentence;
		bool leaves; /* before the tiers below are done */
	} rows[] = {{"who purges waits", false}, {"who purges has left", true}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = purge_world();
		struct req *r = world_ask(w, "GET", "/p", "");
		world_respond(w, 0, 200, "Cache-Control: no-store\n", "x");
		world_end(&r);
		r = world_ask(w, "GET", "/p", "");
		ck_assert_int_eq(r->fwd, REASON_PASS_REMEMBERED);
		world_respond(w, 1, 200, "Cache-Control: no-store\n", "x");
		world_end(&r);
		struct req *purge = world_ask(w, "PURGE", "/p", "");
		if (rows[i].leaves) {
			req_gone(purge);
			world_end(&purge);
		}
		deep_purged(w, 0, ERR_OK);
		if (purge)
			world_end(&purge);
		r = world_ask(w, "GET", "/p", "");
		ck_assert_msg(r->fwd == REASON_MISS, "%s: %s", rows[i].sentence, reason_code(r->fwd));
		world_respond(w, 2, 200, "", "x");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/purge");
	TCase *t = tcase_create("purge");
	suite_add_tcase(s, t);
	tcase_add_test(t, a_fetch_begun_before_a_purge_stores_nothing);
	tcase_add_test(t, purge_drops_every_variant_and_says_how_many);
	tcase_add_test(t, the_answer_waits_for_all_tiers);
	tcase_add_test(t, a_purge_that_a_tier_did_not_take_has_failed);
	tcase_add_test(t, who_may_not_purge_asks_no_tier);
	tcase_add_test(t, a_client_that_leaves_takes_nothing_away);
	tcase_add_test(t, a_purge_forgets_that_its_page_passes);
	return suite_run(s);
}
