/* Stale answers when the origin fails, by the scripted upstream. Windows and directives are policy's (test_reuse.c). */
#include "world.h"

#include "req/stale.h"

/* A world with "/p" stored as "old", and stale for ten seconds. */
static struct world *stale_world(const char *ini, const char *fields)
{
	struct world *w = world_new(ini);
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, fields, "old");
	world_end(&r);
	w->now_ms += 20000;
	return w;
}

static const struct {
	const char *what, *fields, *request;
	int err;      /* before a head; 0: there is one */
	int status;   /* of the origin's answer */
	int answered; /* with this */
	const char *detail;
} rows[] = {
    {"RFC 9111 4.2.4-2: no connection", "Cache-Control: max-age=10\n", "", ERR_CONNECT, 0, 200, "stale-if-unreachable"},
    {"RFC 9111 4.2.4: no address", "Cache-Control: max-age=10\n", "", ERR_RESOLVE, 0, 200, "stale-if-unreachable"},
    {"RFC 9111 4.2.4: no TLS", "Cache-Control: max-age=10\n", "", ERR_TLS, 0, 200, "stale-if-unreachable"},
    {"RFC 9111 4.2.4: no answer in time", "Cache-Control: max-age=10\n", "", ERR_TIMEOUT, 0, 200,
	"stale-if-unreachable"},
    {"RFC 9111 4.2.4: closed before a head", "Cache-Control: max-age=10\n", "", ERR_RESET, 0, 200,
	"stale-if-unreachable"},
    {"RFC 9111 4.2.4: closed within the head", "Cache-Control: max-age=10\n", "", ERR_SHORT, 0, 200,
	"stale-if-unreachable"},
    {"no place at it", "Cache-Control: max-age=10\n", "", ERR_BUSY, 0, 200, "stale-if-unreachable"},
    {"an answer that breaks HTTP is an answer", "Cache-Control: max-age=10\n", "", ERR_PROTOCOL, 0, 502, NULL},
    {"RFC 9111 4.2.4-2, 4.3.3-1: a 503 goes on", "Cache-Control: max-age=10\n", "", 0, 503, 503, NULL},
    {"RFC 9111 5.2.2.2-1, 5.2.2.2-3, 5.2.2.2-4: must-revalidate",
	"Cache-Control: max-age=10, must-revalidate\nETag: \"1\"\n", "", ERR_TIMEOUT, 0, 504, NULL},
    {"RFC 9111 5.2.2.8-1: proxy-revalidate", "Cache-Control: max-age=10, proxy-revalidate\nETag: \"1\"\n", "",
	ERR_CONNECT, 0, 504, NULL},
    {"RFC 9111 5.2.2.10-1: s-maxage", "Cache-Control: s-maxage=10\nETag: \"1\"\n", "", ERR_CONNECT, 0, 504, NULL},
    {"RFC 9111 4.2.4-1: no-cache", "Cache-Control: max-age=10, no-cache\nETag: \"1\"\n", "", ERR_CONNECT, 0, 502, NULL},
    {"RFC 9111 5.2.2.2: must-revalidate over stale-if-error",
	"Cache-Control: max-age=10, must-revalidate, stale-if-error=60\nETag: \"1\"\n", "", 0, 503, 503, NULL},
    {"RFC 5861 4: no connection", "Cache-Control: max-age=10, stale-if-error=60\n", "", ERR_CONNECT, 0, 200,
	"stale-if-error"},
    {"RFC 5861 4: what would be a 502 of ours", "Cache-Control: max-age=10, stale-if-error=60\n", "", ERR_PROTOCOL, 0,
	200, "stale-if-error"},
    {"RFC 5861 4: 500", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 500, 200, "stale-if-error"},
    {"RFC 5861 4: 502", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 502, 200, "stale-if-error"},
    {"RFC 5861 4: 503", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 503, 200, "stale-if-error"},
    {"RFC 5861 4: 504", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 504, 200, "stale-if-error"},
    {"RFC 5861 4: 501 is none of them", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 501, 501, NULL},
    {"RFC 5861 4: nor is 599", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 599, 599, NULL},
    {"RFC 5861 4: nor is 404", "Cache-Control: max-age=10, stale-if-error=60\n", "", 0, 404, 404, NULL},
    {"RFC 5861 4-1: its window is over", "Cache-Control: max-age=10, stale-if-error=5\n", "", 0, 500, 500, NULL},
    {"RFC 5861 4: the request's own", "Cache-Control: max-age=10\n", "Cache-Control: stale-if-error=60\n", 0, 500, 200,
	"stale-if-error"},
};

START_TEST(a_stale_page_stands_in_where_it_may)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (int head = 0; head < 2; head++) {
			struct world *w = stale_world("", rows[i].fields);
			struct req *r = world_ask(w, head ? "HEAD" : "GET", "/p", rows[i].request);
			ck_assert_msg(w->n_fetches == 2, "%s: not asked", rows[i].what);
			if (rows[i].err) {
				world_done(w, 1, rows[i].err);
			} else {
				world_head(w, 1, rows[i].status, "Warning: 199 - \"origin's\"\n", 0);
				if (w->fetches[1])
					world_done(w, 1, ERR_OK);
			}
			world_deliver(w);
			ck_assert_msg(req_answer(r), "%s: no answer", rows[i].what);
			ck_assert_msg(
			    req_answer(r)->status == rows[i].answered, "%s: %d", rows[i].what, req_answer(r)->status);
			struct str status = world_field(r, "Cache-Status");
			bool is_stale = rows[i].detail != NULL;
			ck_assert_msg(!is_stale || str_find(status, str_of(rows[i].detail)) < status.n, "%s: %.*s",
			    rows[i].what, STR_ARG(status));
			/* RFC 5861 4-2, RFC 9111 5.1: Age on what is stored, and on nothing of ours or of the origin's. */
			ck_assert_msg((world_field(r, "Age").p != NULL) == is_stale, "%s: Age", rows[i].what);
			/* An error made here has nothing of the stored fields; RFC 9111 5.5: no Warning is made. */
			ck_assert_msg(is_stale || !world_field(r, "ETag").p, "%s: ETag", rows[i].what);
			ck_assert_msg((world_field(r, "Warning").p != NULL) == (!is_stale && !rows[i].err),
			    "%s: Warning", rows[i].what);
			world_end(&r);
			world_free(&w);
		}
	}
}
END_TEST

START_TEST(what_hides_an_error_is_no_hit)
{
	struct world *w = stale_world("", "Cache-Control: max-age=10, stale-if-error=60\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_head(w, 1, 503, "", 0);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "old");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=stale; fwd-status=503; ttl=-10; detail=stale-if-error");
	world_end(&r);
	r = world_ask(w, "GET", "/p", "");
	world_done(w, 2, ERR_CONNECT);
	world_deliver(w);
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=-10; detail=stale-if-error");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* One leads, three wait; what the leader may have decides nothing for the others. */
START_TEST(each_who_waited_is_judged_by_his_own_request)
{
	static const char asks[] = "Cache-Control: stale-if-error=60\n";
	for (int leader_asks = 0; leader_asks < 2; leader_asks++) {
		struct world *w = stale_world("", "Cache-Control: max-age=10\n");
		struct req *with, *without;
		if (leader_asks) {
			with = world_ask(w, "GET", "/p", asks);
			without = world_ask_on(w, 1, "GET", "/p", "");
		} else {
			without = world_ask(w, "GET", "/p", "");
			with = world_ask_on(w, 1, "GET", "/p", asks);
		}
		ck_assert_uint_eq(w->n_fetches, 2);
		world_head(w, 1, 503, "", 0);
		if (w->fetches[1])
			world_done(w, 1, ERR_OK);
		world_deliver(w);
		ck_assert_msg(w->n_fetches == 3, "the other one did not ask for itself");
		world_head(w, 2, 503, "", 0);
		if (w->fetches[2])
			world_done(w, 2, ERR_OK);
		world_deliver(w);
		ASSERT_ANSWER(with, 200, "old");
		ASSERT_ANSWER(without, 503, "");
		world_end(&with);
		world_end(&without);
		world_free(&w);
	}
}
END_TEST

START_TEST(nothing_stands_in_that_was_taken_away_meanwhile)
{
	for (int how = 0; how < 2; how++) {
		struct world *w = stale_world("", "Cache-Control: max-age=10\n");
		struct req *r = world_ask(w, "GET", "/p", ""), *change;
		change = world_ask(w, how ? "PURGE" : "DELETE", "/p", "");
		if (how == 0)
			world_respond(w, 2, 204, "", "");
		world_done(w, 1, ERR_CONNECT);
		world_deliver(w);
		ck_assert_int_eq(req_answer(r)->status, 502);
		world_end(&r);
		world_end(&change);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_body_that_breaks_off_is_no_case_for_it)
{
	struct world *w = stale_world("", "Cache-Control: max-age=10, stale-if-error=60\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_head(w, 1, 200, "Cache-Control: max-age=10\n", 10);
	world_say(w, 1, "half");
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->kind, ANSWER_STREAM);
	world_done(w, 1, ERR_RESET);
	world_deliver(w);
	char out[64];
	int end;
	ASSERT_STR(world_read(r, out, sizeof(out), &end), "half");
	ck_assert_int_eq(end, ERR_RESET);
	world_end(&r);
	world_free(&w);
}
END_TEST

/* The origin swallows requests: who comes later is not to wait for a timeout too. */
START_TEST(after_a_slow_failure_nobody_waits)
{
	struct world *w = stale_world("", "Cache-Control: max-age=10\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	w->now_ms += 5000;
	world_done(w, 1, ERR_TIMEOUT);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "old");
	world_end(&r);

	for (unsigned i = 0; i < 3; i++) { /* within a second nobody asks again */
		r = world_ask(w, "GET", "/p", "");
		ASSERT_ANSWER(r, 200, "old");
		world_end(&r);
	}
	ck_assert_uint_eq(w->n_fetches, 2);
	w->now_ms += 1000;
	for (unsigned i = 0; i < 3; i++) { /* then one does, behind the answers */
		r = world_ask(w, "GET", "/p", "");
		ASSERT_ANSWER(r, 200, "old");
		ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=-16; detail=stale-if-unreachable");
		world_end(&r);
	}
	ck_assert_uint_eq(w->n_fetches, 3);
	w->now_ms += 5000;
	world_done(w, 2, ERR_TIMEOUT);
	world_deliver(w);

	/* Who wants to be sure waits (RFC 9111 5.2.1.4). */
	struct req *sure = world_ask(w, "GET", "/p", "Cache-Control: no-cache\n");
	ck_assert_uint_eq(w->n_fetches, 4);
	world_done(w, 3, ERR_CONNECT);
	world_deliver(w);
	ck_assert_ptr_nonnull(req_answer(sure));
	world_end(&sure);

	/* It is back: the first answer takes the note away. */
	w->now_ms += 1000;
	r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "old");
	world_end(&r);
	world_respond(w, 4, 200, "Cache-Control: max-age=10\n", "new");
	r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	w->now_ms += 20000;
	r = world_ask(w, "GET", "/p", "");
	ck_assert_msg(!req_answer(r), "served stale by a note of another response");
	world_respond(w, 5, 200, "", "newer");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(the_note_of_a_failure_ends)
{
	struct world *w = stale_world("", "Cache-Control: max-age=10\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	w->now_ms += 5000;
	world_done(w, 1, ERR_TIMEOUT);
	world_deliver(w);
	world_end(&r);
	w->now_ms += 60000;
	r = world_ask(w, "GET", "/p", "");
	ck_assert_ptr_null(req_answer(r));
	world_respond(w, 2, 200, "Cache-Control: max-age=10\n", "new");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_failure_told_at_once_is_not_remembered)
{
	struct world *w = stale_world("", "Cache-Control: max-age=10\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_done(w, 1, ERR_CONNECT);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "old");
	world_end(&r);
	r = world_ask(w, "GET", "/p", "");
	world_respond(w, 2, 200, "Cache-Control: max-age=10\n", "new");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/stale");
	TCase *t = tcase_create("stale");
	tcase_add_test(t, a_stale_page_stands_in_where_it_may);
	tcase_add_test(t, what_hides_an_error_is_no_hit);
	tcase_add_test(t, each_who_waited_is_judged_by_his_own_request);
	tcase_add_test(t, nothing_stands_in_that_was_taken_away_meanwhile);
	tcase_add_test(t, a_body_that_breaks_off_is_no_case_for_it);
	tcase_add_test(t, after_a_slow_failure_nobody_waits);
	tcase_add_test(t, the_note_of_a_failure_ends);
	tcase_add_test(t, a_failure_told_at_once_is_not_remembered);
	suite_add_tcase(s, t);
	return suite_run(s);
}
