/* What answers change in the store: validation over all variants, conditions of clients, HEAD. */
#include "world.h"

#define KEEP	"Cache-Control: max-age=60\n"
#define BRIEFLY "Cache-Control: max-age=1\n"

static const char plain[] = "";

/* The last fetch that began. */
static unsigned last(const struct world *w)
{
	ck_assert_uint_gt(w->n_fetches, 0);
	return w->n_fetches - 1;
}

static void store(struct world *w, const char *request, const char *response, const char *body)
{
	struct req *r = world_ask(w, "GET", "/p", request);
	world_respond(w, last(w), 200, response, body);
	ck_assert_int_eq(req_answer(r)->status, 200);
	world_end(&r);
}

static struct str sent(const struct world *w, const char *name)
{
	return headers_get(w->fetches[last(w)]->headers, str_of(name));
}

/* Answered from the store: that body, and a field of it. */
static void check_hit(struct world *w, const char *request, const char *body, const char *name, const char *value)
{
	unsigned before = w->n_fetches;
	struct req *r = world_ask(w, "GET", "/p", request);
	ck_assert_msg(w->n_fetches == before, "\"%s\" is a miss", request);
	ASSERT_ANSWER(r, 200, body);
	ASSERT_STR(world_field(r, name), value);
	world_end(&r);
}

static void check_miss(struct world *w, const char *request)
{
	unsigned before = w->n_fetches;
	struct req *r = world_ask(w, "GET", "/p", request);
	ck_assert_msg(w->n_fetches == before + 1, "\"%s\" is a hit", request);
	world_respond(w, before, 500, "", "");
	world_end(&r);
}

/* ---- validation over all variants ---- */

START_TEST(another_variant_is_confirmed_for_this_request)
{
	struct world *w = world_new(plain);
	store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\nX: 1\n", "page");
	struct req *r = world_ask(w, "GET", "/p", "Foo: 2\n");
	ASSERT_STR(sent(w, "If-None-Match"), "\"a\"");
	ck_assert_ptr_null(headers_find(w->fetches[1]->headers, STR("If-Modified-Since")));
	world_respond(w, 1, 304, KEEP "Vary: Foo\nETag: \"a\"\nX: 2\n", "");
	ASSERT_ANSWER(r, 200, "page");
	ASSERT_STR(world_field(r, "X"), "2");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=vary-miss; fwd-status=304; ttl=60; stored");
	world_end(&r);
	check_hit(w, "Foo: 2\n", "page", "X", "2");
	check_hit(w, "Foo: 1\n", "page", "X", "2"); /* the same strong tag (RFC 9111 4.3.4) */
	struct tier_stats stats = {0};
	tier_stats(w->tier, &stats);
	ck_assert_uint_eq(stats.entries, 2);
	world_free(&w);
}
END_TEST

START_TEST(all_tags_are_asked_about_and_the_named_one_is_taken)
{
	static const struct {
		const char *what, *answer, *body;
	} rows[] = {
	    {"RFC 9111 4.3.4-2: the own one", "ETag: \"b\"\n", "two"},
	    {"RFC 9111 4.3.4-2: another one", "ETag: \"a\"\n", "one"},
	    {"RFC 9111 4.3.4: a weak tag means what could be chosen", "ETag: W/\"b\"\n", "two"},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		char answer[128];
		store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\n", "one");
		struct req *r = world_ask(w, "GET", "/p", "Foo: 2\n");
		world_respond(
		    w, 1, 200, BRIEFLY "Vary: Foo\nETag: \"b\"\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n", "two");
		world_end(&r);
		w->now_ms += 2000;
		r = world_ask(w, "GET", "/p", "Foo: 2\n");
		ASSERT_STR(sent(w, "If-None-Match"), "\"b\", \"a\"");
		ASSERT_STR(sent(w, "If-Modified-Since"), "Sun, 06 Nov 1994 08:49:37 GMT");
		snprintf(answer, sizeof answer, KEEP "Vary: Foo\nX: 1\n%s", rows[i].answer);
		world_respond(w, 2, 304, answer, "");
		char out[64];
		int end;
		struct str body = world_read(r, out, sizeof out, &end);
		ck_assert_msg(str_eq(body, str_of(rows[i].body)), "%s: %.*s", rows[i].what, STR_ARG(body));
		world_end(&r);
		check_hit(w, "Foo: 2\n", rows[i].body, "X", "1");
		check_hit(w, "Foo: 1\n", "one", "X", i == 1 ? "1" : "");
		world_free(&w);
	}
}
END_TEST

/* RFC 9111 4.3.2-5: a 304 that confirms what is stored here confirms nothing of a client that has another page. */
START_TEST(what_is_confirmed_goes_to_who_has_it_not)
{
	struct world *w = world_new(plain);
	store(w, "", BRIEFLY "ETag: \"a\"\n", "page");
	w->now_ms += 2000;
	struct req *r = world_ask(w, "GET", "/p", "If-None-Match: \"theirs\"\n");
	ASSERT_STR(sent(w, "If-None-Match"), "\"a\"");
	world_respond(w, 1, 304, KEEP "ETag: \"a\"\nX: 1\n", "");
	ASSERT_ANSWER(r, 200, "page");
	ASSERT_STR(world_field(r, "X"), "1");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_304_of_none_of_ours_is_asked_again)
{
	static const char *const answers[] = {"ETag: \"c\"\n", "ETag: W/\"a\"\n"};
	for (unsigned i = 0; i < COUNT_OF(answers); i++) {
		struct world *w = world_new(plain);
		store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\nX: 1\n", "page");
		struct req *r = world_ask(w, "GET", "/p", "Foo: 2\n");
		world_head(w, 1, 304, answers[i], 0);
		world_done(w, 1, ERR_OK);
		ck_assert_uint_eq(w->n_fetches, 3);
		ck_assert_ptr_null(headers_find(w->fetches[2]->headers, STR("If-None-Match")));
		world_respond(w, 2, 200, KEEP "Vary: Foo\nETag: \"c\"\n", "other");
		ASSERT_ANSWER(r, 200, "other");
		world_end(&r);
		check_hit(w, "Foo: 1\n", "page", "X", "1"); /* RFC 9111 4.3.4-1: MUST NOT be updated */
		world_free(&w);
	}
}
END_TEST

START_TEST(a_304_without_a_tag_means_the_only_one)
{
	struct world *w = world_new(plain);
	store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\n", "one");
	struct req *r = world_ask(w, "GET", "/p", "Foo: 2\n");
	world_respond(w, 1, 304, "", "");
	ASSERT_ANSWER(r, 200, "one");
	world_end(&r);
	store(w, "Foo: 3\n", KEEP "Vary: Foo\nETag: \"b\"\n", "two");
	r = world_ask(w, "GET", "/p", "Foo: 4\n");
	unsigned asked = last(w);
	world_head(w, asked, 304, "", 0);
	world_done(w, asked, ERR_OK);
	ck_assert_msg(last(w) == asked + 1, "of two, it means none");
	world_respond(w, asked + 1, 200, KEEP "Vary: Foo\n", "four");
	ASSERT_ANSWER(r, 200, "four");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(many_variants_are_offered_in_bounds)
{
	struct world *w = world_new(plain);
	char text[64], tagged[128];
	for (unsigned i = 0; i < 30; i++) {
		snprintf(text, sizeof text, "Foo: %u\n", i);
		snprintf(tagged, sizeof tagged, KEEP "Vary: Foo\nETag: \"%u\"\n", i);
		store(w, text, tagged, "page");
	}
	struct req *r = world_ask(w, "GET", "/p", "Foo: new\n");
	struct str list = sent(w, "If-None-Match"), tag;
	unsigned n = 0;
	ck_assert(str_starts(list, STR("\"29\", \"28\""))); /* newest first */
	while (list_next(&list, &tag))
		n++;
	ck_assert_uint_eq(n, 16);
	world_respond(w, last(w), 200, KEEP "Vary: Foo\n", "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_meanwhile_takes_the_confirmed_one_too)
{
	struct world *w = world_new(plain);
	store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\n", "page");
	struct req *r = world_ask(w, "GET", "/p", "Foo: 2\n");
	struct tier_purge op = {.kind = PURGE_ALL};
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
	world_respond(w, 1, 304, KEEP "Vary: Foo\nETag: \"a\"\n", "");
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	check_miss(w, "Foo: 2\n");
	check_miss(w, "Foo: 1\n");
	world_free(&w);
}
END_TEST

START_TEST(a_304_that_forbids_storing_leaves_other_variants)
{
	struct world *w = world_new(plain);
	store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\nX: 1\n", "page");
	struct req *r = world_ask(w, "GET", "/p", "Foo: 2\n");
	world_respond(w, 1, 304, "Cache-Control: private\nVary: Foo\nETag: \"a\"\n", "");
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	check_hit(w, "Foo: 1\n", "page", "X", "1");
	world_free(&w);
}
END_TEST

#define ID "0123456789abcdef"

START_TEST(a_304_for_one_visitor_is_asked_again)
{
	static const struct {
		const char *what, *request, *answer;
	} rows[] = {
	    {"it sets a token", "", "Set-Cookie: t=" ID "\n"},
	    {"it has a nonce", "", "Content-Security-Policy: script-src 'nonce-Ab345678'\n"},
	    {"it sets a cookie", "", "Set-Cookie: sid=1\n"},
	    {"it holds what the visitor sent", "Cookie: sid=" ID "\n", "X: " ID "\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("[route /*]\ntoken_cookie = t\n");
		char fields[256];
		store(w, "", BRIEFLY "ETag: \"a\"\n", "page");
		w->now_ms += 2000;
		struct req *r = world_ask(w, "GET", "/p", rows[i].request), *other = world_ask(w, "GET", "/p", "");
		snprintf(fields, sizeof fields, KEEP "ETag: \"a\"\n%s", rows[i].answer);
		world_respond(w, 1, 304, fields, "");
		ck_assert_msg(w->n_fetches == 3, "%s: not asked again", rows[i].what);
		ck_assert_ptr_null(headers_find(w->fetches[2]->headers, STR("If-None-Match")));
		world_respond(w, 2, 200, KEEP "X: new\n", "whole");
		ASSERT_ANSWER(r, 200, "whole");
		ASSERT_ANSWER(other, 200, "whole");
		ck_assert_msg(!world_field(other, "Set-Cookie").p, "%s: the other visitor has it", rows[i].what);
		world_end(&r);
		world_end(&other);
		world_free(&w);
	}
}
END_TEST

START_TEST(tags_of_a_renewed_page_are_those_of_its_fields)
{
	struct world *w = world_new(plain);
	store(w, "", BRIEFLY "ETag: \"a\"\nCache-Tag: old\n", "page");
	w->now_ms += 2000;
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 1, 304, KEEP "ETag: \"a\"\nCache-Tag: new\n", "");
	world_end(&r);
	struct tier_purge op = {.kind = PURGE_TAG, .arg = STR("old")};
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
	ck_assert_uint_eq(op.count, 0);
	op = (struct tier_purge){.kind = PURGE_TAG, .arg = STR("new")};
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
	ck_assert_uint_eq(op.count, 1);
	world_free(&w);
}
END_TEST

/* RFC 9111 4.3.3-1: none of what is stored fits any more. */
START_TEST(a_whole_answer_to_a_validation_replaces)
{
	static const struct {
		const char *what;
		int status;
		const char *fields, *body;
		bool hit;
	} rows[] = {
	    {"another page", 200, KEEP "ETag: \"b\"\n", "new", true},
	    {"gone, to be kept", 410, KEEP, "gone", true},
	    {"not found, not to be kept", 404, "Cache-Control: no-store\n", "none", false},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("[cache]\npass_ttl = 0s\n");
		store(w, "", BRIEFLY "ETag: \"a\"\n", "page");
		w->now_ms += 2000;
		struct req *r = world_ask(w, "GET", "/p", "");
		world_respond(w, 1, rows[i].status, rows[i].fields, rows[i].body);
		ASSERT_ANSWER(r, rows[i].status, rows[i].body);
		world_end(&r);
		r = world_ask(w, "GET", "/p", "");
		ck_assert_msg((w->n_fetches == 2) == rows[i].hit, "%s", rows[i].what);
		if (rows[i].hit) {
			ASSERT_ANSWER(r, rows[i].status, rows[i].body);
		} else {
			ck_assert_ptr_null(headers_find(w->fetches[2]->headers, STR("If-None-Match")));
			world_respond(w, 2, 200, KEEP, "");
		}
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* ---- conditions of clients where nothing is stored ---- */

START_TEST(a_clients_condition_goes_on_and_its_304_comes_back)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/p", "If-None-Match: \"a\"\nIf-Modified-Since: x\n");
	ASSERT_STR(sent(w, "If-None-Match"), "\"a\"");
	ASSERT_STR(sent(w, "If-Modified-Since"), "x");
	world_respond(w, 0, 304, KEEP "ETag: \"a\"\n", "");
	ck_assert_int_eq(req_answer(r)->status, 304);
	ck_assert(req_answer(r)->bodyless);
	ASSERT_STR(world_field(r, "ETag"), "\"a\"");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=uri-miss; fwd-status=304; detail=not-modified");
	world_end(&r);
	struct tier_stats stats = {0};
	tier_stats(w->tier, &stats);
	ck_assert_uint_eq(stats.entries, 0);
	/* it does not pass from now on: the next one is fetched whole, and stored */
	r = world_ask(w, "GET", "/p", "If-None-Match: \"a\"\n");
	ck_assert_ptr_null(headers_find(w->fetches[1]->headers, STR("If-None-Match")));
	world_respond(w, 1, 200, KEEP "ETag: \"a\"\n", "page");
	ck_assert_int_eq(req_answer(r)->status, 304); /* judged here */
	world_end(&r);
	check_hit(w, "", "page", "ETag", "\"a\"");
	world_free(&w);
}
END_TEST

START_TEST(now_and_then_a_condition_may_go_on_again)
{
	struct world *w = world_new(plain);
	for (unsigned i = 0; i < 3; i++) {
		struct req *r = world_ask(w, "GET", "/p", "If-None-Match: \"a\"\n");
		ASSERT_STR(sent(w, "If-None-Match"), "\"a\"");
		world_respond(w, i, 304, "ETag: \"a\"\n", "");
		ck_assert_int_eq(req_answer(r)->status, 304);
		world_end(&r);
		w->now_ms += 61000;
	}
	world_free(&w);
}
END_TEST

START_TEST(a_condition_that_does_not_hold_brings_a_page_to_store)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/p", "If-None-Match: \"old\"\n");
	world_respond(w, 0, 200, KEEP "ETag: \"a\"\n", "page");
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	check_hit(w, "", "page", "ETag", "\"a\"");
	world_free(&w);
}
END_TEST

START_TEST(an_error_for_a_clients_condition_is_not_the_page)
{
	static const struct {
		int status;
		bool stored;
	} rows[] = {{400, false}, {403, false}, {412, false}, {503, false}, {404, true}, {410, true}};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		struct req *r = world_ask(w, "GET", "/p", "If-None-Match: rubbish\n"),
			   *b = world_ask(w, "GET", "/p", "");
		world_respond(w, 0, rows[i].status, KEEP, "error");
		ASSERT_ANSWER(r, rows[i].status, "error");
		if (!rows[i].stored) {
			ASSERT_STR(headers_get(w->fetches[1]->headers, STR("If-None-Match")), "");
			struct req *c = world_ask(w, "GET", "/p", ""); /* it waits for the other */
			ck_assert_msg(w->n_fetches == 2, "%d is remembered", rows[i].status);
			world_respond(w, 1, 200, KEEP, "page");
			ASSERT_ANSWER(c, 200, "page");
			world_end(&c);
		}
		ASSERT_ANSWER(b, rows[i].stored ? rows[i].status : 200, rows[i].stored ? "error" : "page");
		world_end(&r);
		world_end(&b);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_herd_of_conditions_costs_two_fetches)
{
	enum { HERD = 100 };
	struct world *w = world_new(plain);
	struct req *r[HERD + 1];
	for (unsigned i = 0; i < HERD; i++)
		r[i] = world_ask_on(w, i % 2, "GET", "/p", i % 3 == 2 ? "" : "If-None-Match: \"a\"\n");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_head(w, 0, 304, "ETag: \"a\"\n", 0);
	/* one more comes before those who wait have heard of it */
	r[HERD] = world_ask_on(w, 1, "GET", "/p", "If-None-Match: \"a\"\n");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_ptr_null(headers_find(w->fetches[1]->headers, STR("If-None-Match")));
	ck_assert_int_eq(req_answer(r[0])->status, 304);
	world_respond(w, 1, 200, KEEP "ETag: \"a\"\n", "page");
	for (unsigned i = 1; i <= HERD; i++) {
		ck_assert_msg(req_answer(r[i]), "%u has no answer", i);
		ck_assert_int_eq(req_answer(r[i])->status, i < HERD && i % 3 == 2 ? 200 : 304);
	}
	for (unsigned i = 0; i <= HERD; i++)
		world_end(&r[i]);
	ck_assert_uint_eq(w->n_fetches, 2);
	world_free(&w);
}
END_TEST

START_TEST(the_herd_goes_on_when_its_leader_leaves)
{
	struct world *w = world_new(plain);
	struct req *first = world_ask(w, "GET", "/p", "If-None-Match: \"a\"\n");
	struct req *second = world_ask(w, "GET", "/p", "");
	req_free(&first, 0, false);
	world_respond(w, 0, 304, "ETag: \"a\"\n", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, KEEP, "page");
	ASSERT_ANSWER(second, 200, "page");
	world_end(&second);
	world_free(&w);
}
END_TEST

/* ---- HEAD ---- */

static void head(struct world *w, const char *request, int status, const char *response)
{
	struct req *r = world_ask(w, "HEAD", "/p", request);
	ASSERT_STR(w->fetches[last(w)]->method, "HEAD");
	world_head(w, last(w), status, response, -1);
	world_done(w, last(w), ERR_OK);
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->status, status);
	world_end(&r);
}

START_TEST(a_head_tells_of_the_stored_page)
{
	static const struct {
		const char *what, *stored;
		int status;
		const char *head;
		bool fresh;
		const char *x;
	} rows[] = {
	    {"RFC 9111 4.3.5-1, 4.3.5-4: the same page is freshened", "ETag: \"a\"\n", 200, KEEP "ETag: \"a\"\nX: 2\n",
		true, "2"},
	    {"RFC 9111 4.3.5-4: what it omits stays", "ETag: \"a\"\nX: 1\n", 200, KEEP "ETag: \"a\"\n", true, "1"},
	    {"RFC 9111 4.3.5: without a validator too", "X: 1\n", 200, KEEP "X: 2\nContent-Length: 4\n", true, "2"},
	    {"RFC 9111 4.3.5-3: another page", "ETag: \"a\"\n", 200, KEEP "ETag: \"b\"\n", false, ""},
	    {"RFC 9111 4.3.5-3: another length", "X: 1\n", 200, KEEP "Content-Length: 5\n", false, ""},
	    {"RFC 9111 4.3.5-1: of a 200 only", "X: 1\n", 410, KEEP "X: 2\n", false, ""},
	    {"not to be stored any more", "X: 1\n", 200, "Cache-Control: no-store\n", false, ""},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		char fields[128];
		snprintf(fields, sizeof fields, BRIEFLY "%s", rows[i].stored);
		store(w, "", fields, "page");
		w->now_ms += 2000;
		head(w, "", rows[i].status, rows[i].head);
		if (rows[i].fresh)
			check_hit(w, "", "page", "X", rows[i].x);
		else
			check_miss(w, "");
		world_free(&w);
	}
}
END_TEST

START_TEST(a_head_makes_a_fresh_page_stale)
{
	struct world *w = world_new(plain);
	store(w, "", KEEP "ETag: \"a\"\n", "page");
	head(w, "Cache-Control: no-cache\n", 200, KEEP "ETag: \"b\"\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	ASSERT_STR(sent(w, "If-None-Match"), "\"a\""); /* it can still be confirmed */
	world_respond(w, 2, 304, KEEP "ETag: \"a\"\n", "");
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	check_hit(w, "", "page", "ETag", "\"a\"");
	world_free(&w);
}
END_TEST

START_TEST(a_head_concerns_its_own_variant)
{
	struct world *w = world_new(plain);
	store(w, "Foo: 1\n", KEEP "Vary: Foo\nETag: \"a\"\n", "one");
	store(w, "Foo: 2\n", KEEP "Vary: Foo\nETag: \"b\"\n", "two");
	head(w, "Foo: 1\nCache-Control: no-cache\n", 200, KEEP "Vary: Foo\nETag: \"c\"\n");
	check_hit(w, "Foo: 2\n", "two", "ETag", "\"b\"");
	check_miss(w, "Foo: 1\n");
	world_free(&w);
}
END_TEST

START_TEST(a_head_for_one_visitor_freshens_nothing)
{
	static const struct {
		const char *what, *fields;
		bool stays;
	} rows[] = {
	    {"it sets a token", KEEP "ETag: \"a\"\nSet-Cookie: t=" ID "\n", true},
	    {"it has a nonce", KEEP "ETag: \"a\"\nContent-Security-Policy: 'nonce-Ab345678'\n", true},
	    {"but it tells of another page", KEEP "ETag: \"b\"\nSet-Cookie: t=" ID "\n", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("[route /*]\ntoken_cookie = t\n");
		store(w, "", KEEP "ETag: \"a\"\nX: 1\n", "page");
		head(w, "Cache-Control: no-cache\n", 200, rows[i].fields);
		if (rows[i].stays)
			check_hit(w, "", "page", "X", "1");
		else
			check_miss(w, "");
		world_free(&w);
	}
}
END_TEST

START_TEST(a_head_proves_nothing_against_a_purge)
{
	static const struct {
		const char *what, *fields;
		bool fresh;
	} rows[] = {{"no validator", KEEP, false}, {"a validator", KEEP "ETag: \"a\"\n", true}};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		struct tier_purge op = {.kind = PURGE_ALL, .soft = true};
		store(w, "", KEEP "ETag: \"a\"\n", "page");
		ck_assert_int_eq(tier_purge(w->tier, &op), ERR_OK);
		head(w, "", 200, rows[i].fields);
		if (rows[i].fresh)
			check_hit(w, "", "page", "ETag", "\"a\"");
		else
			check_miss(w, "");
		world_free(&w);
	}
}
END_TEST

START_TEST(a_head_of_one_visitor_changes_nothing)
{
	struct world *w = world_new(plain);
	store(w, "", KEEP "ETag: \"a\"\n", "page");
	head(w, "Authorization: x\nCache-Control: no-cache\n", 200, KEEP "ETag: \"mine\"\n");
	check_hit(w, "", "page", "ETag", "\"a\"");
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/update");
	TCase *t = tcase_create("update");
	tcase_add_test(t, another_variant_is_confirmed_for_this_request);
	tcase_add_test(t, all_tags_are_asked_about_and_the_named_one_is_taken);
	tcase_add_test(t, what_is_confirmed_goes_to_who_has_it_not);
	tcase_add_test(t, a_304_of_none_of_ours_is_asked_again);
	tcase_add_test(t, a_304_without_a_tag_means_the_only_one);
	tcase_add_test(t, many_variants_are_offered_in_bounds);
	tcase_add_test(t, a_purge_meanwhile_takes_the_confirmed_one_too);
	tcase_add_test(t, a_304_that_forbids_storing_leaves_other_variants);
	tcase_add_test(t, a_304_for_one_visitor_is_asked_again);
	tcase_add_test(t, a_head_for_one_visitor_freshens_nothing);
	tcase_add_test(t, tags_of_a_renewed_page_are_those_of_its_fields);
	tcase_add_test(t, a_whole_answer_to_a_validation_replaces);
	tcase_add_test(t, a_clients_condition_goes_on_and_its_304_comes_back);
	tcase_add_test(t, now_and_then_a_condition_may_go_on_again);
	tcase_add_test(t, a_condition_that_does_not_hold_brings_a_page_to_store);
	tcase_add_test(t, an_error_for_a_clients_condition_is_not_the_page);
	tcase_add_test(t, a_herd_of_conditions_costs_two_fetches);
	tcase_add_test(t, the_herd_goes_on_when_its_leader_leaves);
	tcase_add_test(t, a_head_tells_of_the_stored_page);
	tcase_add_test(t, a_head_makes_a_fresh_page_stale);
	tcase_add_test(t, a_head_concerns_its_own_variant);
	tcase_add_test(t, a_head_proves_nothing_against_a_purge);
	tcase_add_test(t, a_head_of_one_visitor_changes_nothing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
