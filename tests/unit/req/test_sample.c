/* leak_sample: a new page is fetched once more as a stranger would, before others may have it. */
#include "world.h"

#include "policy/key.h"

#define ALL  "leak_sample = 100%\n"
#define WHO  "Cookie: sid=1\nAuthorization: Basic YTpi\nAccept: */*\n"
#define HTML "Content-Type: text/html\n"

static const char sampled[] = "[route /*]\nttl = 60s\noverride = authorization\n" ALL;

static struct recall_note told(struct world *w, const char *path)
{
	struct recall_note note = {.reason = REASON_NONE};
	struct arena a;
	struct cache_key key;
	arena_init(&a, 0);
	key_make(&w->conf->routes[w->conf->n_routes - 1], STR("http"), STR("example.com"), str_of(path), STR_NONE, 7,
	    &a, &key);
	(void)!recall_read(flights_recall(w->flights), &key, &note);
	arena_free(&a);
	return note;
}

static bool is_stored(struct world *w, const char *target)
{
	unsigned fetches = w->n_fetches;
	struct req *r = world_ask(w, "GET", target, "");
	bool is_there = req_answer(r) != NULL;
	if (!is_there)
		world_respond(w, fetches, 500, "", "");
	world_end(&r);
	return is_there;
}

static bool asks_with(struct world *w, unsigned i, const char *field)
{
	return headers_find(w->fetches[i]->headers, str_of(field)) != NULL;
}

/* A response whose reader may give it up on its way. */
static void respond(struct world *w, unsigned i, int status, const char *fields, const char *body, int err)
{
	size_t sent;
	if (status > 0)
		world_head(w, i, status, fields, -1);
	ck_assert_int_eq(world_body(w, i, body, strlen(body), &sent), ERR_OK);
	if (w->fetches[i])
		world_done(w, i, err);
	world_deliver(w);
}

START_TEST(a_page_that_is_the_same_for_a_stranger_is_stored)
{
	struct world *w = world_new(sampled);
	struct req *r = world_ask(w, "GET", "/p?a=1", WHO "If-None-Match: \"x\"\nX-Other: 1\n");
	world_respond(w, 0, 200, HTML "Date: Tue, 14 Nov 2023 22:13:20 GMT\n", "for all");
	ASSERT_ANSWER(r, 200, "for all"); /* the leader waits for nothing */
	ck_assert_uint_eq(w->n_fetches, 2);
	ASSERT_STR(w->fetches[1]->target, "/p?a=1");
	ASSERT_STR(w->fetches[1]->method, "GET");
	ck_assert(!asks_with(w, 1, "Cookie") && !asks_with(w, 1, "Authorization") && !asks_with(w, 1, "If-None-Match"));
	ck_assert(asks_with(w, 1, "Accept") && asks_with(w, 1, "X-Other") && asks_with(w, 1, "Via"));
	world_respond(w, 1, 200, HTML "Set-Cookie: sid=2\n", "for all");
	world_end(&r);
	ck_assert(is_stored(w, "/p?a=1"));
	ck_assert_uint_eq(w->n_fetches, 2);
	world_free(&w);
}
END_TEST

START_TEST(others_wait_for_the_second)
{
	struct world *w = world_new(sampled);
	struct req *r[4];
	r[0] = world_ask(w, "GET", "/p", WHO);
	r[1] = world_ask_on(w, 1, "GET", "/p", "");
	world_respond(w, 0, 200, HTML, "for all");
	ASSERT_ANSWER(r[0], 200, "for all");
	world_end(&r[0]);
	r[2] = world_ask(w, "GET", "/p", "Cookie: sid=2\n"); /* joins meanwhile */
	world_head(w, 1, 200, HTML, 7);
	world_say(w, 1, "for ");
	world_say(w, 1, "all");
	world_deliver(w);
	ck_assert(!req_answer(r[1]) && !req_answer(r[2]));
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	r[3] = world_ask(w, "GET", "/p", "");
	for (unsigned i = 1; i < 4; i++) {
		ASSERT_ANSWER(r[i], 200, "for all");
		world_end(&r[i]);
	}
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_int_eq(told(w, "/p").reason, REASON_STORED);
	world_free(&w);
}
END_TEST

static const struct {
	const char *name;
	int status; /* 0: no head at all */
	const char *fields, *body;
	int err; /* that ends it */
	const char *cause;
	bool passes; /* the key, from then on */
} others[] = {
    {"another page", 200, HTML, "for Bob", ERR_OK, "the second one differs at byte 4, behind \"for \"", true},
    {"a longer one", 200, HTML, "for all of us", ERR_OK, "the second one goes on at byte 7, behind \"for all\"", true},
    {"a shorter one", 200, HTML, "for", ERR_OK, "the second one ends at byte 3, behind \"for\"", true},
    {"another status", 403, HTML, "for all", ERR_OK, "the second one has status 403", true},
    {"one that sends to log in", 302, "Location: /login\n", "", ERR_OK, "the second one has status 302", true},
    {"another type", 200, "Content-Type: text/plain\n", "for all", ERR_OK, "the second one differs in Content-Type",
	true},
    {"one that is not modified", 304, HTML, "", ERR_OK, "the second one has status 304", true},
    {"one that breaks off", 200, HTML, "for all", ERR_SHORT, "the second fetch failed", false},
    {"none", 0, "", "", ERR_CONNECT, "the second fetch failed", false},
    {"one that is cut off, as the worker ends", 200, HTML, "for", ERR_CANCELLED, "the second fetch failed", false},
};

START_TEST(another_page_is_kept_back)
{
	struct world *w = world_new(sampled);
	struct req *r[3];
	for (unsigned i = 0; i < 3; i++)
		r[i] = world_ask_on(w, i % 2, "GET", "/p", i == 0 ? WHO : "");
	world_respond(w, 0, 200, HTML, "for all");
	ASSERT_ANSWER(r[0], 200, "for all");
	ck_assert_uint_eq(w->n_fetches, 2);
	respond(w, 1, others[_i].status, others[_i].fields, others[_i].body, others[_i].err);
	struct recall_note note = told(w, "/p");
	ck_assert_msg(note.reason == REASON_NOT_LEAK_SAMPLE, "%s: %s", others[_i].name, reason_code(note.reason));
	ck_assert_msg(strcmp(note.cause, others[_i].cause) == 0, "%s: %s", others[_i].name, note.cause);
	ck_assert_msg((note.pass_until_ms > w->now_ms) == others[_i].passes, "%s", others[_i].name);
	/* All go on their own, none behind another. */
	ck_assert_uint_eq(w->n_fetches, 4);
	world_respond(w, 2, 500, "", "mine");
	world_respond(w, 3, 500, "", "mine");
	for (unsigned i = 1; i < 3; i++) {
		ASSERT_ANSWER(r[i], 500, "mine");
		world_end(&r[i]);
	}
	world_end(&r[0]);
	ck_assert_msg(!is_stored(w, "/p"), "%s", others[_i].name);
	world_free(&w);
}
END_TEST

START_TEST(at_the_first_difference_it_is_given_up)
{
	struct world *w = world_new(sampled);
	struct req *r = world_ask(w, "GET", "/p", WHO);
	size_t sent;
	world_respond(w, 0, 200, HTML, "for Ann, and so on");
	world_head(w, 1, 200, HTML, 1 << 20);
	ck_assert_int_eq(world_body(w, 1, "for Bob", 7, &sent), ERR_OK);
	ck_assert_uint_eq(w->cancelled, 1);
	ck_assert_uint_eq(w->workers[0].env.active, 0);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(tokens_and_nonces_are_no_difference)
{
#define T1 "0123456789abcdef0123456789abcdef"
#define T2 "fedcba9876543210fedcba9876543210"
#define N1 "bm9uY2VhYWFhYWFhYWE="
#define N2 "bm9uY2ViYmJiYmJiYmI="
	struct world *w = world_new("[route /*]\nttl = 60s\ntoken_cookie = csrf\n" ALL);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=aaaabbbbccccddddaaaabbbbccccdddd; lang=de\n");
	ck_assert(asks_with(w, 0, "Cookie"));
	world_respond(w, 0, 200,
	    HTML "Set-Cookie: csrf=" T1 "; Path=/\nContent-Security-Policy: script-src 'nonce-" N1 "'\n",
	    "<input value=" T1 "><script nonce=\"" N1 "\">");
	ASSERT_STR(headers_get(w->fetches[1]->headers, STR("Accept-Encoding")), "identity");
	ck_assert(!asks_with(w, 1, "Cookie"));
	world_respond(w, 1, 200,
	    HTML "Set-Cookie: csrf=" T2 "; Path=/\nContent-Security-Policy: script-src 'nonce-" N2 "'\n",
	    "<input value=" T2 "><script nonce=\"" N2 "\">");
	world_end(&r);
	ck_assert_int_eq(told(w, "/p").reason, REASON_STORED);
	ck_assert(is_stored(w, "/p"));

	r = world_ask(w, "GET", "/q", "");
	world_respond(w, 2, 200, HTML "Set-Cookie: csrf=" T1 "\n", "<input value=" T1 ">Ann");
	respond(w, 3, 200, HTML "Set-Cookie: csrf=" T2 "\n", "<input value=" T2 ">Bob", ERR_OK);
	world_end(&r);
	ck_assert_int_eq(told(w, "/q").reason, REASON_NOT_LEAK_SAMPLE);
	world_free(&w);
}
END_TEST

START_TEST(a_second_one_that_would_be_refused_is_another_page)
{
	struct world *w = world_new("[route /*]\nttl = 60s\ntoken_cookie = csrf\n" ALL);
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, HTML "Set-Cookie: csrf=" T1 "\n", "<p>");
	respond(w, 1, 200, HTML "Set-Cookie: csrf=short\n", "<p>", ERR_OK);
	world_end(&r);
	ck_assert_str_eq(told(w, "/p").cause, "the second one: token-shape");
	world_free(&w);
}
END_TEST

START_TEST(what_leaks_is_not_asked_for_again)
{
	struct world *w = world_new(sampled);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: sid=0123456789abcdef\n");
	world_respond(w, 0, 200, HTML, "it is 0123456789abcdef");
	ck_assert_uint_eq(w->n_fetches, 1);
	ck_assert_int_eq(told(w, "/p").reason, REASON_NOT_LEAK_COOKIE);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_meanwhile_keeps_it_from_the_store)
{
	struct world *w = world_new(sampled);
	struct tier_purge op = {.kind = PURGE_ALL};
	struct req *r[3];
	r[0] = world_ask(w, "GET", "/p", "");
	r[1] = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, HTML, "old");
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
	r[2] = world_ask(w, "GET", "/p", ""); /* came after it */
	ck_assert_uint_eq(w->n_fetches, 3);
	world_respond(w, 1, 200, HTML, "old");
	world_respond(w, 2, 200, HTML, "new");
	world_respond(w, 3, 200, HTML, "new");
	ASSERT_ANSWER(r[0], 200, "old");
	ASSERT_ANSWER(r[1], 200, "old");
	ASSERT_ANSWER(r[2], 200, "new");
	for (unsigned i = 0; i < 3; i++)
		world_end(&r[i]);
	r[0] = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r[0], 200, "new");
	world_end(&r[0]);
	world_free(&w);
}
END_TEST

START_TEST(it_goes_on_without_its_leader)
{
	struct world *w = world_new(sampled);
	struct req *r = world_ask(w, "GET", "/p", WHO);
	world_head(w, 0, 200, HTML, 4);
	world_say(w, 0, "page");
	req_gone(r);
	world_end(&r);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_uint_eq(w->workers[0].env.active, 1);
	world_respond(w, 1, 200, HTML, "page");
	ck_assert(is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
	struct world *w = world_new(sampled);
	struct req *r[2] = {world_ask(w, "GET", "/p", WHO), world_ask(w, "GET", "/p", "")};
	w->now_ms += 2000;
	world_respond(w, 0, 200, HTML, "a page");
	world_head(w, 1, 200, HTML, -1);
	w->now_ms += 2000 + 30000; /* as long as the first, and first_byte_timeout */
	world_say(w, 1, "a ");
	world_deliver(w);
	ck_assert(!req_answer(r[1]));
	w->now_ms++;
	world_say(w, 1, "p");
	world_deliver(w);
	ck_assert_uint_eq(w->cancelled, 1);
	ck_assert_str_eq(told(w, "/p").cause, "the second fetch took too long");
	ck_assert_int_eq(told(w, "/p").pass_until_ms, 0);
	world_respond(w, 2, 500, "", "mine");
	ASSERT_ANSWER(r[1], 500, "mine");
	world_end(&r[0]);
	world_end(&r[1]);
	world_free(&w);
}
END_TEST

START_TEST(what_is_stored_leaves_when_its_renewal_differs)
{
	struct world *w = world_new("[route /*]\nttl = 1s\nstale_while_revalidate = 1h\n" ALL);
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, HTML, "a page");
	world_respond(w, 1, 200, HTML, "a page");
	world_end(&r);
	w->now_ms += 2000;
	r = world_ask(w, "GET", "/p", "Cookie: sid=1\n"); /* renewed behind it */
	ASSERT_ANSWER(r, 200, "a page");
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 3);
	world_respond(w, 2, 200, HTML, "for Ann");
	respond(w, 3, 200, HTML, "for Bob", ERR_OK);
	ck_assert(!is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

/* Ann's page differs from a stranger's. From then on it takes a visitor's page that does not. */
START_TEST(what_strangers_get_proves_nothing_for_visitors)
{
	struct world *w = world_new("[cache]\npass_ttl = 1m\n[route /*]\nttl = 60s\ntoken_cookie = csrf\n" ALL);
	const char *visitor = "Cookie: sid=1\n", *stranger = "Cookie: csrf=1\n"; /* tokens tell nothing */
	struct req *r = world_ask(w, "GET", "/p", visitor);
	world_respond(w, 0, 200, HTML, "for Ann");
	respond(w, 1, 200, HTML, "log in", ERR_OK);
	world_end(&r);
	for (unsigned i = 0; i < 2; i++) { /* as long as it passes: whoever asks, once */
		r = world_ask(w, "GET", "/p", i == 0 ? visitor : stranger);
		world_respond(w, 2 + i, 200, HTML, "page");
		world_end(&r);
		ck_assert_uint_eq(w->n_fetches, 3 + i);
	}
	int64_t until = told(w, "/p").pass_until_ms;
	ck_assert_int_eq(until, w->now_ms + 60000); /* they did not put it off */
	w->now_ms = until;
	r = world_ask(w, "GET", "/p", stranger);
	world_respond(w, 4, 200, HTML, "log in");
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 5);
	ck_assert_int_eq(told(w, "/p").reason, REASON_NOT_LEAK_SAMPLE);
	r = world_ask(w, "GET", "/p", visitor);
	world_respond(w, 5, 200, HTML, "page");
	world_respond(w, 6, 200, HTML, "page");
	world_end(&r);
	ck_assert(is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

/* Nobody's page: it changes by itself, or did so until it was mended. */
START_TEST(what_strangers_get_can_prove_it_for_strangers)
{
	struct world *w = world_new("[cache]\npass_ttl = 1m\n[route /*]\nttl = 60s\nleak_sample = 100%\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, HTML, "at 12:00");
	respond(w, 1, 200, HTML, "at 12:01", ERR_OK);
	world_end(&r);
	w->now_ms += 60000;
	r = world_ask(w, "GET", "/p", "");
	world_respond(w, 2, 200, HTML, "page");
	world_respond(w, 3, 200, HTML, "page");
	world_end(&r);
	ck_assert(is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

START_TEST(a_purge_ends_what_is_known)
{
	struct world *w = world_new("[route /*]\nttl = 60s\n" ALL);
	struct tier_purge op = {.kind = PURGE_ALL};
	struct req *r = world_ask(w, "GET", "/p", "Cookie: sid=1\n");
	world_respond(w, 0, 200, HTML, "for Ann");
	respond(w, 1, 200, HTML, "log in", ERR_OK);
	world_end(&r);
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
	r = world_ask(w, "GET", "/p", "");
	world_respond(w, 2, 200, HTML, "page");
	world_respond(w, 3, 200, HTML, "page");
	world_end(&r);
	ck_assert(is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

/* Of 100 it would take one: but once they were different, it takes all. */
START_TEST(what_differed_is_drawn_again)
{
	struct world *w = world_new("[cache]\npass_ttl = 1m\n[route /*]\nttl = 60s\nleak_sample = 0.01%\n");
	struct recall_note note = {.at_ms = w->now_ms, .reason = REASON_NOT_LEAK_SAMPLE, .cause = "x"};
	struct req *r = world_ask(w, "GET", "/p", "");
	recall_write(flights_recall(w->flights), &r->key, &note);
	world_respond(w, 0, 200, HTML, "page");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, HTML, "page");
	world_end(&r);
	ck_assert_int_eq(told(w, "/p").reason, REASON_STORED);
	world_free(&w);
}
END_TEST

static const struct {
	const char *name, *ini, *method, *request;
	int status;
	const char *fields;
} once[] = {
    {"leak_sample is 0%", "[route /*]\nttl = 60s\n", "GET", "Cookie: sid=1\n", 200, ""},
    {"the origin says the lifetime", "[route /*]\n" ALL, "GET", "", 200, "Cache-Control: max-age=60\n"},
    {"a status that ttl does not speak of", "[route /*]\nttl = 60s\n" ALL, "GET", "", 404,
	"Cache-Control: max-age=60\n"},
    {"it is not stored", "[route /*]\nttl = 60s\n" ALL, "GET", "", 200, "Cache-Control: no-store\n"},
    {"it answers a POST", "[route /*]\nttl = 60s\n" ALL, "POST", "", 200,
	"Content-Location: http://example.com/p\nCache-Control: max-age=60\n"},
    {"it answers a HEAD", "[route /*]\nttl = 60s\n" ALL, "HEAD", "", 200, ""},
    {"it varies by the cookies that were sent", "[route /*]\nttl = 60s\n" ALL, "GET", "Cookie: sid=1\n", 200,
	"Vary: Cookie\n"},
    {"it is a part", "[route /*]\nttl = 60s\n" ALL, "GET", "Range: bytes=0-3\n", 206,
	"Content-Range: bytes 0-3/9\nETag: \"1\"\n"},
};

START_TEST(one_fetch_suffices)
{
	struct world *w = world_new(once[_i].ini);
	struct req *r = world_ask(w, once[_i].method, "/p", once[_i].request);
	bool has_body = strcmp(once[_i].method, "HEAD") != 0;
	world_head(w, 0, once[_i].status, once[_i].fields, 4);
	if (has_body)
		world_say(w, 0, "page");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_msg(w->n_fetches == 1, "%s", once[_i].name);
	world_end(&r);
	world_free(&w);
}
END_TEST

/* What was a part could not be compared with anything. */
START_TEST(no_part_is_stored)
{
	struct world *w = world_new(sampled);
	for (unsigned i = 0; i < 2; i++) {
		struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-3\n");
		ck_assert_uint_eq(w->n_fetches, i + 1);
		world_respond(w, i, 206, "Content-Range: bytes 0-3/9\nETag: \"1\"\n", "page");
		world_end(&r);
	}
	world_free(&w);
}
END_TEST

/* That none or all of 24 are drawn: one in 2^23. */
START_TEST(chance_draws_them)
{
	enum { N = 24 };
	struct world *w = world_new("[route /*]\nttl = 60s\nleak_sample = 50%\n");
	for (unsigned i = 0; i < N; i++) {
		char target[16];
		snprintf(target, sizeof target, "/%u", i);
		struct req *r = world_ask(w, "GET", target, "");
		for (unsigned k = w->n_fetches - 1; k < w->n_fetches; k++)
			world_respond(w, k, 200, HTML, "page");
		world_end(&r);
	}
	ck_assert_uint_gt(w->n_fetches, N);
	ck_assert_uint_lt(w->n_fetches, 2 * N);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/sample");
	TCase *c = tcase_create("sample");
	suite_add_tcase(s, c);
	tcase_add_test(c, a_page_that_is_the_same_for_a_stranger_is_stored);
	tcase_add_test(c, others_wait_for_the_second);
	tcase_add_loop_test(c, another_page_is_kept_back, 0, COUNT_OF(others));
	tcase_add_test(c, at_the_first_difference_it_is_given_up);
	tcase_add_test(c, tokens_and_nonces_are_no_difference);
	tcase_add_test(c, a_second_one_that_would_be_refused_is_another_page);
	tcase_add_test(c, what_leaks_is_not_asked_for_again);
	tcase_add_test(c, a_purge_meanwhile_keeps_it_from_the_store);
	tcase_add_test(c, it_goes_on_without_its_leader);
	tcase_add_test(c, nobody_waits_for_ever);
	tcase_add_test(c, what_is_stored_leaves_when_its_renewal_differs);
	tcase_add_test(c, what_strangers_get_proves_nothing_for_visitors);
	tcase_add_test(c, what_strangers_get_can_prove_it_for_strangers);
	tcase_add_test(c, a_purge_ends_what_is_known);
	tcase_add_test(c, what_differed_is_drawn_again);
	tcase_add_loop_test(c, one_fetch_suffices, 0, COUNT_OF(once));
	tcase_add_test(c, no_part_is_stored);
	tcase_add_test(c, chance_draws_them);
	return suite_run(s);
}
