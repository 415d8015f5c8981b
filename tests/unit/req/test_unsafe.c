/* What POST, PUT and the like change in the store, with a scripted upstream. */
#include "world.h"

static const char plain[] = "[route /off/*]\ncache = off\n"
			    "[route /own/*]\n"
			    "[route /token/*]\ntoken_cookie = t\nleak_guard = off\n"
			    "[route /*]\nttl = 60s\n";

/* Stores the page by a GET, with the body "old". */
static void fill(struct world *w, const char *target, const char *fields)
{
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, "GET", target, fields);
	ck_assert_msg(w->n_fetches == i + 1, "%s is stored already", target);
	world_respond(w, i, 200, "Cache-Control: max-age=60\nVary: Accept\n", "old");
	ASSERT_ANSWER(r, 200, "old");
	world_end(&r);
}

static bool is_stored(struct world *w, const char *target, const char *fields)
{
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, "GET", target, fields);
	bool stored = w->n_fetches == i;
	if (!stored)
		world_respond(w, i, 500, "", "not there"); /* changes nothing */
	world_end(&r);
	return stored;
}

static void change(struct world *w, const char *method, const char *target, int status, const char *fields)
{
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, method, target, "");
	ck_assert_msg(w->n_fetches == i + 1, "%s was not forwarded", method);
	world_respond(w, i, status, fields, "");
	ck_assert_int_eq(req_answer(r)->status, status);
	world_end(&r);
}

static const struct {
	const char *what, *method;
	int status;
	bool gone;
} methods[] = {
    {"RFC 9111 4.4-1: a 200 to POST invalidates", "POST", 200, true},
    {"RFC 9111 4.4-1: a 201 to PUT invalidates", "PUT", 201, true},
    {"RFC 9111 4.4-1: a 204 to DELETE invalidates", "DELETE", 204, true},
    {"RFC 9111 4.4-1: a 200 to PATCH invalidates", "PATCH", 200, true},
    {"RFC 9111 4.4-1: a method whose safety is unknown invalidates", "M-SEARCH", 200, true},
    {"RFC 9110 9.1: methods have case, so this one is unknown", "get", 200, true},
    {"RFC 9111 4.4-1: a 303 is no error", "POST", 303, true},
    {"RFC 9111 4.4-1: any 2xx is none", "POST", 299, true},
    {"RFC 9111 4.4-1: any 3xx is none", "POST", 399, true},
    {"RFC 9111 4.4-1: a 404 invalidates nothing", "DELETE", 404, false},
    {"RFC 9111 4.4-1: a 500 invalidates nothing", "POST", 500, false},
    {"RFC 9111 4.4-1: a 599 invalidates nothing", "POST", 599, false},
    {"RFC 9110 9.2.1: OPTIONS is safe", "OPTIONS", 200, false},
    {"RFC 9110 9.2.1: TRACE is safe", "TRACE", 200, false},
};

START_TEST(an_unsafe_success_invalidates_its_target)
{
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct world *w = world_new(plain);
		fill(w, "/p?x=1", "");
		fill(w, "/p?x=1", "Accept: text/html\n"); /* another variant */
		fill(w, "/p", "");
		change(w, methods[i].method, "/p?x=1", methods[i].status, "");
		ck_assert_msg(is_stored(w, "/p?x=1", "") == !methods[i].gone, "%s", methods[i].what);
		ck_assert_msg(is_stored(w, "/p?x=1", "Accept: text/html\n") == !methods[i].gone, "%s: its variant",
		    methods[i].what);
		ck_assert_msg(is_stored(w, "/p", ""), "%s: another query", methods[i].what);
		world_free(&w);
	}
}
END_TEST

static const struct {
	const char *what, *target, *fields;
	const char *page;
	bool gone;
} named[] = {
    {"RFC 9111 4.4: Location", "/form", "Location: /p\n", "/p", true},
    {"RFC 9111 4.4: Content-Location", "/form", "Content-Location: /p\n", "/p", true},
    {"RFC 9111 4.4: both", "/form", "Location: /q\nContent-Location: /p\n", "/p", true},
    {"RFC 9110 10.2.2: Location may be relative", "/a/form?x", "Location: p\n", "/a/p", true},
    {"RFC 9110 10.2.2: and go up", "/a/b/form", "Location: ../p?y=1\n", "/a/p?y=1", true},
    {"RFC 9110 10.2.2: its fragment is not part of the key", "/form", "Location: /p#new\n", "/p", true},
    {"the query counts", "/form", "Location: /p?x\n", "/p", false},
    {"RFC 9111 4.4-2: but an absolute one of the same origin", "/form", "Location: http://example.com/p\n", "/p", true},
    {"RFC 9110 4.2.3: in any spelling", "/form", "Location: HTTP://EXAMPLE.com:80/p\n", "/p", true},
    {"RFC 9111 4.4-2: not of another host", "/form", "Location: http://other.example/p\n", "/p", false},
    {"RFC 9111 4.4-2: not of another port", "/form", "Location: http://example.com:8080/p\n", "/p", false},
    {"RFC 9111 4.4-2: not of another scheme", "/form", "Location: https://example.com/p\n", "/p", false},
    {"RFC 9111 4.4: also by the route that stores nothing", "/off/form", "Location: /p\n", "/p", true},
    {"no other field", "/form", "Link: </p>\nX-Location: /p\n", "/p", false},
};

START_TEST(it_invalidates_what_it_names_on_its_origin)
{
	for (size_t i = 0; i < COUNT_OF(named); i++) {
		struct world *w = world_new(plain);
		fill(w, named[i].page, "");
		change(w, "POST", named[i].target, 500, named[i].fields);
		ck_assert_msg(is_stored(w, named[i].page, ""), "%s: by a failure", named[i].what);
		change(w, "POST", named[i].target, 201, named[i].fields);
		ck_assert_msg(is_stored(w, named[i].page, "") == !named[i].gone, "%s", named[i].what);
		world_free(&w);
	}
}
END_TEST

START_TEST(it_uses_the_keys_of_the_routes)
{
	struct world *w = world_new("[route /*]\nttl = 60s\nquery = only id\nquery_sort = on\n");
	fill(w, "/p?id=1&utm=a", "");
	change(w, "POST", "/p?utm=b&id=1", 200, "");
	ck_assert(!is_stored(w, "/p?id=1", ""));
	world_free(&w);
}
END_TEST

/* A client that has its 200 must not meet the old page again: neither from the store nor from a fetch under way. */
START_TEST(a_fetch_begun_before_it_is_neither_stored_nor_joined)
{
	struct world *w = world_new(plain);
	struct req *before = world_ask(w, "GET", "/p", "");
	struct req *post = world_ask(w, "POST", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_head(w, 1, 200, "", 2); /* the head is enough */
	struct req *after = world_ask(w, "GET", "/p", "");
	ck_assert_msg(w->n_fetches == 3, "it joined a fetch from before the POST");
	world_respond(w, 2, 200, "", "new");
	world_respond(w, 0, 200, "", "old");
	ASSERT_ANSWER(before, 200, "old"); /* it asked before */
	ASSERT_ANSWER(after, 200, "new");
	world_say(w, 1, "ok");
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(post, 200, "ok");
	struct req *later = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(later, 200, "new");
	world_end(&before);
	world_end(&post);
	world_end(&after);
	world_end(&later);
	world_free(&w);
}
END_TEST

START_TEST(a_page_being_validated_does_not_come_back)
{
	struct world *w = world_new("[route /*]\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "Cache-Control: max-age=1\nETag: \"1\"\n", "old");
	world_end(&r);
	w->now_ms += 2000;
	r = world_ask(w, "GET", "/p", ""); /* asks If-None-Match */
	change(w, "PUT", "/p", 204, "");
	world_head(w, 1, 304, "Cache-Control: max-age=60\nETag: \"1\"\n", 0);
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	world_end(&r);
	ck_assert(!is_stored(w, "/p", ""));
	world_free(&w);
}
END_TEST

START_TEST(the_memory_of_passing_ends_with_it)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/own/p", "");
	world_respond(w, 0, 200, "Cache-Control: no-store\n", "x");
	world_end(&r);
	struct req *a = world_ask(w, "GET", "/own/p", ""), *b = world_ask(w, "GET", "/own/p", "");
	ck_assert_msg(w->n_fetches == 3, "the key was not remembered as one that passes");
	world_respond(w, 1, 200, "Cache-Control: no-store\n", "x");
	world_respond(w, 2, 200, "Cache-Control: no-store\n", "x");
	world_end(&a);
	world_end(&b);
	change(w, "POST", "/own/p", 200, "");
	a = world_ask(w, "GET", "/own/p", "");
	b = world_ask(w, "GET", "/own/p", "");
	ck_assert_msg(w->n_fetches == 5, "they did not collapse");
	world_respond(w, 4, 200, "Cache-Control: max-age=60\n", "new");
	ASSERT_ANSWER(a, 200, "new");
	ASSERT_ANSWER(b, 200, "new");
	world_end(&a);
	world_end(&b);
	world_free(&w);
}
END_TEST

#define FRESH "Cache-Control: max-age=60\n"

static const struct {
	const char *what, *method, *target, *request;
	int status;
	const char *fields;
	bool stored;
} posts[] = {
    {"RFC 9110 9.3.3: explicit freshness and a Content-Location that is the target", "POST", "/own/p?x=1", "", 200,
	FRESH "Content-Location: /own/p?x=1\n", true},
    {"RFC 9110 9.3.3: Expires is explicit", "POST", "/own/p", "", 200,
	"Date: Tue, 14 Nov 2023 22:13:20 GMT\nExpires: Tue, 14 Nov 2023 23:13:20 GMT\nContent-Location: /own/p\n",
	true},
    {"RFC 9110 8.7: it may be relative", "POST", "/own/p", "", 200, FRESH "Content-Location: p\n", true},
    {"RFC 9110 8.7: or absolute", "POST", "/own/p", "", 200, FRESH "Content-Location: http://example.com/own/p\n",
	true},
    {"RFC 9110 9.3.3: without Content-Location", "POST", "/own/p", "", 200, FRESH, false},
    {"RFC 9110 9.3.3: another Content-Location", "POST", "/own/p", "", 200, FRESH "Content-Location: /own/q\n", false},
    {"RFC 9110 9.3.3: another query", "POST", "/own/p", "", 200, FRESH "Content-Location: /own/p?\n", false},
    {"RFC 9110 9.3.3: another origin", "POST", "/own/p", "", 200, FRESH "Content-Location: http://example.org/own/p\n",
	false},
    {"two of them say nothing", "POST", "/own/p", "", 200, FRESH "Content-Location: /own/p\nContent-Location: /own/p\n",
	false},
    {"RFC 9110 8.7: a fragment is not allowed", "POST", "/own/p", "", 200, FRESH "Content-Location: /own/p#a\n", false},
    {"RFC 9110 9.3.3: no explicit freshness", "POST", "/own/p", "", 200,
	"Last-Modified: Tue, 14 Nov 2000 22:13:20 GMT\nContent-Location: /own/p\n", false},
    {"RFC 9110 9.3.3: the ttl of a route is not the origin's word", "POST", "/p", "", 200, "Content-Location: /p\n",
	false},
    {"only a 200 answers later GETs", "POST", "/own/p", "", 201, FRESH "Content-Location: /own/p\n", false},
    {"RFC 9110 9.3.4: PUT is not cacheable", "PUT", "/own/p", "", 200, FRESH "Content-Location: /own/p\n", false},
    {"RFC 9110 9.3.5: nor is DELETE", "DELETE", "/own/p", "", 200, FRESH "Content-Location: /own/p\n", false},
    {"nor is what is unknown", "M-POST", "/own/p", "", 200, FRESH "Content-Location: /own/p\n", false},
    {"RFC 9111 5.2.2.7: private", "POST", "/own/p", "", 200,
	"Cache-Control: max-age=60, private\nContent-Location: /own/p\n", false},
    {"RFC 9111 5.2.2.5: no-store", "POST", "/own/p", "", 200,
	"Cache-Control: max-age=60, no-store\nContent-Location: /own/p\n", false},
    {"RFC 9111 3.5: Authorization", "POST", "/own/p", "Authorization: Basic eA==\n", 200,
	FRESH "Content-Location: /own/p\n", false},
    {"RFC 9111 5.2.1.5: no-store of the request", "POST", "/own/p", "Cache-Control: no-store\n", 200,
	FRESH "Content-Location: /own/p\n", false},
    {"a cookie", "POST", "/own/p", "", 200, FRESH "Content-Location: /own/p\nSet-Cookie: a=1\n", false},
    {"RFC 9111 4.1: Vary: *", "POST", "/own/p", "", 200, FRESH "Content-Location: /own/p\nVary: *\n", false},
    {"RFC 9111 4.1: Vary names what the GET has not", "POST", "/own/p", "X-A: 1\n", 200,
	FRESH "Content-Location: /own/p\nVary: X-A\n", false},
    {"a route with tokens: the page shows the visitor's own", "POST", "/token/p", "Cookie: t=0123456789abcdef\n", 200,
	FRESH "Content-Location: /token/p\n", false},
    {"a route that is off", "POST", "/off/p", "", 200, FRESH "Content-Location: /off/p\n", false},
};

START_TEST(the_answer_to_a_post_may_be_a_page)
{
	for (size_t i = 0; i < COUNT_OF(posts); i++) {
		struct world *w = world_new(plain);
		struct req *r = world_ask(w, posts[i].method, posts[i].target, posts[i].request);
		world_respond(w, 0, posts[i].status, posts[i].fields, "posted");
		ASSERT_ANSWER(r, posts[i].status, "posted");
		world_end(&r);
		bool found = is_stored(w, posts[i].target, "");
		ck_assert_msg(found == posts[i].stored, "%s", posts[i].what);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_post_replaces_the_page_and_is_always_forwarded)
{
	static const char fields[] = FRESH "Content-Location: /own/p\n";
	struct world *w = world_new(plain);
	fill(w, "/own/p", "");
	for (unsigned i = 1; i <= 2; i++) {
		struct req *r = world_ask(w, "POST", "/own/p", "Content-Length: 3\n");
		ck_assert_msg(w->n_fetches == i + 1, "a POST was answered from the store");
		ASSERT_STR(w->fetches[i]->method, "POST");
		ck_assert(w->fetches[i]->has_body);
		world_respond(w, i, 200, fields, i == 1 ? "first" : "second");
		ASSERT_ANSWER(r, 200, i == 1 ? "first" : "second");
		ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=method; fwd-status=200; stored");
		world_end(&r);
	}
	struct req *get = world_ask(w, "GET", "/own/p", ""), *head = world_ask(w, "HEAD", "/own/p", "");
	ASSERT_ANSWER(get, 200, "second");
	ASSERT_STR(world_field(get, "Age"), "0");
	ck_assert_ptr_nonnull(req_answer(head));
	ck_assert_uint_eq(w->n_fetches, 3);
	world_end(&get);
	world_end(&head);
	world_free(&w);
}
END_TEST

/* Two at once: the one that is answered last may have been carried out first. */
START_TEST(a_post_overtaken_by_another_change_is_not_stored)
{
	static const char fields[] = FRESH "Content-Location: /own/p\n";
	struct world *w = world_new(plain);
	struct req *slow = world_ask(w, "POST", "/own/p", "");
	change(w, "POST", "/own/p", 200, "");
	world_respond(w, 0, 200, fields, "slow");
	world_end(&slow);
	ck_assert(!is_stored(w, "/own/p", ""));
	/* nor one whose body was still coming */
	unsigned i = w->n_fetches;
	slow = world_ask(w, "POST", "/own/p", "");
	world_head(w, i, 200, fields, 4);
	change(w, "DELETE", "/own/p", 204, "");
	world_say(w, i, "slow");
	world_done(w, i, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(slow, 200, "slow");
	world_end(&slow);
	ck_assert(!is_stored(w, "/own/p", ""));
	world_free(&w);
}
END_TEST

START_TEST(a_post_cut_short_is_not_stored)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "POST", "/own/p", "");
	world_head(w, 0, 200, FRESH "Content-Location: /own/p\n", 9);
	world_say(w, 0, "half");
	world_done(w, 0, ERR_RESET);
	world_deliver(w);
	world_end(&r);
	ck_assert(!is_stored(w, "/own/p", ""));
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/unsafe");
	TCase *t = tcase_create("invalidation");
	tcase_add_test(t, an_unsafe_success_invalidates_its_target);
	tcase_add_test(t, it_invalidates_what_it_names_on_its_origin);
	tcase_add_test(t, it_uses_the_keys_of_the_routes);
	tcase_add_test(t, a_fetch_begun_before_it_is_neither_stored_nor_joined);
	tcase_add_test(t, a_page_being_validated_does_not_come_back);
	tcase_add_test(t, the_memory_of_passing_ends_with_it);
	suite_add_tcase(s, t);
	t = tcase_create("post");
	tcase_add_test(t, the_answer_to_a_post_may_be_a_page);
	tcase_add_test(t, a_post_replaces_the_page_and_is_always_forwarded);
	tcase_add_test(t, a_post_overtaken_by_another_change_is_not_stored);
	tcase_add_test(t, a_post_cut_short_is_not_stored);
	suite_add_tcase(s, t);
	return suite_run(s);
}
