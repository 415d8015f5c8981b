/* What belongs to one visitor, on its way from the origin: the guard on bodies as they come. */
#include "world.h"

#include <zlib.h>

#include "policy/key.h"

#define SECRET "0123456789abcdefABCDEF"
#define COOKIE "Cookie: sid=" SECRET "\n"
#define PUBLIC "Cache-Control: max-age=60\n"

static const char guarded[] = "[route /off/*]\nleak_guard = off\n[route /small/*]\nmax_object = 4K\n[route /*]\n";

/* The fate of what this request would get now: asks again, without any cookie. */
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

static enum reason told(struct world *w, const char *path)
{
	struct recall_note note;
	struct arena a;
	struct cache_key key;
	arena_init(&a, 0);
	key_make(&w->conf->routes[w->conf->n_routes - 1], STR("http"), STR("example.com"), str_of(path), STR_NONE, 7,
	    &a, &key);
	enum reason why = recall_read(flights_recall(w->flights), &key, &note) ? note.reason : REASON_NONE;
	arena_free(&a);
	return why;
}

static const struct {
	const char *name, *target, *request, *response;
	const char *pieces[4]; /* of the body */
	bool stored;
} bodies[] = {
    {"a page without the cookie's value is stored", "/p", COOKIE, PUBLIC, {"nothing of ", "0123456789abcdefABCDE"},
	true},
    {"one with the value is not", "/p", COOKIE, PUBLIC, {"<p>" SECRET "</p>"}, false},
    {"nor when it comes in pieces", "/p", COOKIE, PUBLIC, {"<p>0123", "456789abcdef", "ABCDEF</p>"}, false},
    {"nor when it is all that comes last", "/p", COOKIE, PUBLIC, {"x", "0123456789abcdefABCDE", "F"}, false},
    {"the value of a cookie that is set counts too", "/p", "", PUBLIC "Set-Cookie: sid=" SECRET "\n", {SECRET}, false},
    {"the guard can be switched off", "/off/p", COOKIE, PUBLIC, {SECRET}, true},
    {"an Authorization's credential counts", "/p", "Authorization: Bearer " SECRET "\n",
	"Cache-Control: public, max-age=60\n", {"x", SECRET}, false},
};

START_TEST(a_body_with_a_secret_is_the_leaders_alone)
{
	struct world *w =
	    world_new("[route /off/*]\nleak_guard = off\nset_cookie = strip\n[route /*]\nset_cookie = strip\n");
	struct req *r = world_ask(w, "GET", bodies[_i].target, bodies[_i].request);
	char out[256], all[256] = "";
	int end;
	world_head(w, 0, 200, bodies[_i].response, -1);
	for (unsigned k = 0; k < COUNT_OF(bodies[_i].pieces) && bodies[_i].pieces[k]; k++) {
		world_say(w, 0, bodies[_i].pieces[k]);
		world_deliver(w);
		ASSERT_STR(world_read(r, out, sizeof out, &end), bodies[_i].pieces[k]); /* as it comes */
	}
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_uint_eq(world_read(r, all, sizeof all, &end).n, 0);
	ck_assert_int_eq(end, ERR_EOF);
	world_end(&r);
	ck_assert_msg(is_stored(w, bodies[_i].target) == bodies[_i].stored, "%s", bodies[_i].name);
	world_free(&w);
}
END_TEST

START_TEST(who_waited_gets_nothing_of_it_and_one_leads_anew)
{
	struct world *w = world_new(guarded);
	struct req *r[4];
	char out[64];
	int end;
	r[0] = world_ask(w, "GET", "/p", COOKIE);
	for (unsigned i = 1; i < 4; i++)
		r[i] = world_ask_on(w, i % 2, "GET", "/p", "");
	world_head(w, 0, 200, PUBLIC, -1);
	world_say(w, 0, "it is " SECRET);
	world_deliver(w);
	ASSERT_STR(world_read(r[0], out, sizeof out, &end), "it is " SECRET);
	/* Found before the end: nobody waits for that. */
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_LEAK_COOKIE);
	world_respond(w, 1, 200, PUBLIC, "it is nobody");
	for (unsigned i = 1; i < 4; i++) {
		ASSERT_ANSWER(r[i], 200, "it is nobody");
		world_end(&r[i]);
	}
	world_say(w, 0, "!");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_STR(world_read(r[0], out, sizeof out, &end), "!");
	world_end(&r[0]);
	ck_assert(is_stored(w, "/p")); /* the clean one: the leak was of its own request */
	world_free(&w);
}
END_TEST

START_TEST(nobody_waits_for_it_twice)
{
	struct world *w = world_new(guarded);
	struct req *r[4];
	for (unsigned i = 0; i < 4; i++)
		r[i] = world_ask(w, "GET", "/p", COOKIE);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, PUBLIC, SECRET);
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, PUBLIC, SECRET);
	ck_assert_uint_eq(w->n_fetches, 4);
	world_respond(w, 2, 200, PUBLIC, SECRET);
	world_respond(w, 3, 200, PUBLIC, SECRET);
	for (unsigned i = 0; i < 4; i++) {
		ASSERT_ANSWER(r[i], 200, SECRET);
		world_end(&r[i]);
	}
	ck_assert(!is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

/* A leak of the request's own cookies takes nothing from others. */
START_TEST(what_is_stored_stays_when_a_renewal_leaks)
{
	struct world *w = world_new("[route /*]\nttl = 1s\nstale_if_error = 1h\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "ETag: \"1\"\n", "clean");
	world_end(&r);
	w->now_ms += 2000;
	r = world_ask(w, "GET", "/p", COOKIE);
	world_respond(w, 1, 200, "ETag: \"2\"\n", SECRET);
	ASSERT_ANSWER(r, 200, SECRET);
	world_end(&r);
	r = world_ask(w, "GET", "/p", "");
	world_head(w, 2, 500, "", 6);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "clean");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* But what the page sets for somebody says that it is not for all any more. */
START_TEST(what_is_stored_goes_when_the_page_begins_to_leak)
{
	struct world *w = world_new("[route /*]\nttl = 1s\nstale_if_error = 1h\nset_cookie = strip\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "ETag: \"1\"\n", "clean");
	world_end(&r);
	w->now_ms += 2000;
	r = world_ask(w, "GET", "/p", "");
	world_respond(w, 1, 200, "ETag: \"2\"\nSet-Cookie: sid=" SECRET "\n", SECRET);
	ASSERT_ANSWER(r, 200, SECRET);
	world_end(&r);
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_LEAK_SET_COOKIE);
	r = world_ask(w, "GET", "/p", "");
	world_respond(w, 2, 500, "", "failed");
	ASSERT_ANSWER(r, 500, "failed");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* ---- coded bodies ---- */

static size_t gzipped(const char *text, size_t n, char *out, size_t max)
{
	z_stream z = {0};
	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)max;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return max - z.avail_out;
}

static const struct {
	const char *name, *target, *coding, *text;
	size_t cut; /* bytes of the coded body that do not come */
	enum reason reason;
} coded[] = {
    {"a coded page is searched decoded", "/p", "gzip", "and " SECRET, 0, REASON_NOT_LEAK_COOKIE},
    {"and stored as it came when it is clean", "/p", "gzip", "and nobody", 0, REASON_STORED},
    {"one that ends early cannot be known to be clean", "/p", "gzip", "and nobody", 3, REASON_NOT_CODING},
    {"one in an unknown coding neither", "/p", "zstd", "and nobody", 0, REASON_NOT_CODING},
    {"one that is not what it says neither", "/p", "br", "and nobody", 0, REASON_NOT_CODING},
    {"several codings are not undone", "/p", "gzip, gzip", "and nobody", 0, REASON_NOT_CODING},
};

START_TEST(coded_bodies)
{
	struct world *w = world_new(guarded);
	struct req *r = world_ask(w, "GET", coded[_i].target, COOKIE);
	char body[512], fields[128], out[512];
	int end;
	size_t n = gzipped(coded[_i].text, strlen(coded[_i].text), body, sizeof body) - coded[_i].cut, sent;
	snprintf(fields, sizeof fields, PUBLIC "Content-Encoding: %s\n", coded[_i].coding);
	world_head(w, 0, 200, fields, (int64_t)n);
	for (size_t i = 0; i < n; i++) /* byte by byte */
		ck_assert_int_eq(world_body(w, 0, body + i, 1, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	struct str got = world_read(r, out, sizeof out, &end);
	ck_assert_msg(str_eq(got, str_make(body, n)), "%s: the leader gets what the origin sent", coded[_i].name);
	ASSERT_STR(world_field(r, "Content-Encoding"), coded[_i].coding);
	world_end(&r);
	ck_assert_msg(told(w, "/p") == coded[_i].reason, "%s: %s", coded[_i].name, reason_code(told(w, "/p")));
	world_free(&w);
}
END_TEST

START_TEST(a_coding_that_one_client_asked_for_is_no_verdict_on_the_page)
{
	struct world *w = world_new(guarded);
	struct req *odd = world_ask(w, "GET", "/p", COOKIE "Accept-Encoding: zstd\n");
	world_respond(w, 0, 200, PUBLIC "Content-Encoding: zstd\n", "coded");
	ASSERT_ANSWER(odd, 200, "coded");
	world_end(&odd);
	struct req *a = world_ask(w, "GET", "/p", ""), *b = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2); /* they go together */
	world_respond(w, 1, 200, PUBLIC, "plain");
	ASSERT_ANSWER(a, 200, "plain");
	ASSERT_ANSWER(b, 200, "plain");
	world_end(&a);
	world_end(&b);
	world_free(&w);
}
END_TEST

START_TEST(nobody_waits_for_a_page_without_end)
{
	struct world *w = world_new(guarded);
	struct req *leader = world_ask(w, "GET", "/p", COOKIE), *other = world_ask_on(w, 1, "GET", "/p", "");
	world_head(w, 0, 200, PUBLIC, -1);
	world_say(w, 0, "one ");
	world_deliver(w);
	w->now_ms += FLIGHT_HELD_MS - 1;
	world_say(w, 0, "two ");
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 1);
	w->now_ms++;
	world_say(w, 0, "three ");
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2); /* who has waited asks for himself */
	struct req *late = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 3); /* and who comes now does not begin to wait */
	world_respond(w, 1, 200, "", "his");
	ASSERT_ANSWER(other, 200, "his");
	ck_assert_int_eq(other->reason, REASON_NOT_FRESH);
	world_respond(w, 2, 200, "", "its");
	ASSERT_ANSWER(late, 200, "its");
	world_done(w, 0, ERR_OK); /* it had an end after all */
	ASSERT_ANSWER(leader, 200, "one two three ");
	world_end(&leader);
	world_end(&other);
	world_end(&late);
	ck_assert(is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

START_TEST(nobody_waits_for_a_stream_of_events)
{
	struct world *w = world_new("[route /*]\nttl = 60s\n");
	struct req *leader = world_ask(w, "GET", "/p", COOKIE), *other = world_ask(w, "GET", "/p", "");
	world_head(w, 0, 200, "Content-Type: Text/Event-Stream ; charset=utf-8\n", -1);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2);
	world_done(w, 0, ERR_OK);
	ASSERT_ANSWER(leader, 200, "");
	world_end(&leader);
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_EVENTS);
	world_respond(w, 1, 200, "", "data: 1");
	ASSERT_ANSWER(other, 200, "data: 1");
	world_end(&other);
	world_free(&w);
}
END_TEST

START_TEST(what_is_large_only_when_decoded_is_not_stored)
{
	struct world *w = world_new("[route /*]\nmax_object = 64K\n");
	struct req *r = world_ask(w, "GET", "/p", COOKIE);
	char *text = mem_zalloc(1 << 20), body[4096];
	size_t n = gzipped(text, 1 << 20, body, sizeof body), sent;
	world_head(w, 0, 200, PUBLIC "Content-Encoding: gzip\n", (int64_t)n);
	ck_assert_int_eq(world_body(w, 0, body, n, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	world_end(&r);
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_CODING);
	free(text);
	world_free(&w);
}
END_TEST

/* ---- parts and others ---- */

START_TEST(no_part_is_stored_of_what_must_be_looked_through)
{
	struct world *w = world_new(guarded);
	struct req *r = world_ask(w, "GET", "/p", COOKIE "Range: bytes=0-3\n");
	world_head(w, 0, 206, PUBLIC "ETag: \"1\"\nContent-Range: bytes 0-3/10\n", 4);
	world_say(w, 0, "part");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 206, "part");
	world_end(&r);
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_PARTIAL);
	world_free(&w);
}
END_TEST

START_TEST(no_rest_is_asked_for_by_who_has_a_secret)
{
	struct world *w = world_new(guarded);
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-3\n");
	world_head(w, 0, 206, PUBLIC "ETag: \"1\"\nContent-Range: bytes 0-3/10\n", 4);
	world_say(w, 0, "part");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	world_end(&r);
	r = world_ask(w, "GET", "/p", COOKIE);
	ck_assert(!headers_find(w->fetches[1]->headers, STR("Range")));
	world_respond(w, 1, 200, PUBLIC "ETag: \"1\"\n", "part whole");
	ASSERT_ANSWER(r, 200, "part whole");
	world_end(&r);
	r = world_ask(w, "GET", "/q", "Range: bytes=0-3\n");
	world_head(w, 2, 206, PUBLIC "ETag: \"1\"\nContent-Range: bytes 0-3/10\n", 4);
	world_say(w, 2, "part");
	world_done(w, 2, ERR_OK);
	world_deliver(w);
	world_end(&r);
	/* What the rest of the answer brings is known too late: it is asked for once more. */
	r = world_ask(w, "GET", "/q", "");
	ck_assert(headers_find(w->fetches[3]->headers, STR("Range")));
	world_head(w, 3, 206, PUBLIC "ETag: \"1\"\nContent-Range: bytes 4-9/10\nSet-Cookie: sid=" SECRET "\n", 6);
	world_deliver(w);
	world_end(&r);
	for (unsigned i = 4; i < w->n_fetches; i++)
		if (w->fetches[i])
			world_done(w, i, ERR_RESET);
	world_deliver(w);
	world_free(&w);
}
END_TEST

START_TEST(a_post_that_has_to_be_looked_through_stores_nothing)
{
	struct world *w = world_new(guarded);
	struct req *r = world_ask(w, "POST", "/p", COOKIE);
	world_respond(w, 0, 200, PUBLIC "Content-Location: /p\n", SECRET);
	world_end(&r);
	ck_assert(!is_stored(w, "/p"));
	world_free(&w);
}
END_TEST

START_TEST(a_leader_may_leave_before_it_is_found)
{
	struct world *w = world_new(guarded);
	struct req *leader = world_ask(w, "GET", "/p", COOKIE), *follower = world_ask_on(w, 1, "GET", "/p", "");
	world_head(w, 0, 200, PUBLIC, -1);
	world_say(w, 0, "0123");
	world_deliver(w);
	req_gone(leader);
	world_end(&leader);
	world_say(w, 0, "456789abcdefABCDEF");
	ck_assert_msg(!w->fetches[0], "nobody reads it and nothing is stored: it ends");
	world_deliver(w);
	world_respond(w, 1, 200, PUBLIC, "clean");
	ASSERT_ANSWER(follower, 200, "clean");
	world_end(&follower);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("personal");
	TCase *t = tcase_create("personal");
	tcase_add_loop_test(t, a_body_with_a_secret_is_the_leaders_alone, 0, COUNT_OF(bodies));
	tcase_add_test(t, who_waited_gets_nothing_of_it_and_one_leads_anew);
	tcase_add_test(t, nobody_waits_for_it_twice);
	tcase_add_test(t, what_is_stored_stays_when_a_renewal_leaks);
	tcase_add_test(t, what_is_stored_goes_when_the_page_begins_to_leak);
	tcase_add_loop_test(t, coded_bodies, 0, COUNT_OF(coded));
	tcase_add_test(t, a_coding_that_one_client_asked_for_is_no_verdict_on_the_page);
	tcase_add_test(t, nobody_waits_for_a_page_without_end);
	tcase_add_test(t, nobody_waits_for_a_stream_of_events);
	tcase_add_test(t, what_is_large_only_when_decoded_is_not_stored);
	tcase_add_test(t, no_part_is_stored_of_what_must_be_looked_through);
	tcase_add_test(t, no_rest_is_asked_for_by_who_has_a_secret);
	tcase_add_test(t, a_post_that_has_to_be_looked_through_stores_nothing);
	tcase_add_test(t, a_leader_may_leave_before_it_is_found);
	suite_add_tcase(s, t);
	return suite_run(s);
}
