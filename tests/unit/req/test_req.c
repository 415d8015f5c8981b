/* Requests from head to last byte: hit, miss, sharing, failing, with a scripted upstream and a clock moved by hand. */
#include "world.h"

#define PUBLIC "Cache-Control: max-age=60\nContent-Type: text/plain\n"

static const char plain[] = "[route /ttl/*]\nttl = 60s\n"
			    "[route /tags/*]\nttl = 60s\n"
			    "[route /off/*]\ncache = off\n"
			    "[route /small/*]\nmax_object = 1K\nttl = 60s\n";

START_TEST(a_miss_is_fetched_once_and_then_hits)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/a?x=1", "");
	ck_assert_ptr_null(req_answer(r));
	ck_assert_uint_eq(w->n_fetches, 1);
	ASSERT_STR(w->fetches[0]->target, "/a?x=1");
	world_respond(w, 0, 200, PUBLIC, "hello");
	ASSERT_ANSWER(r, 200, "hello");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=uri-miss; fwd-status=200; stored");
	world_end(&r);

	w->now_ms += 3000;
	r = world_ask(w, "GET", "/a?x=1", "");
	ASSERT_ANSWER(r, 200, "hello");
	ck_assert_int_eq(req_answer(r)->kind, ANSWER_WHOLE);
	ASSERT_STR(world_field(r, "Age"), "3");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=57");
	ASSERT_STR(world_field(r, "Content-Type"), "text/plain");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&r);

	w->now_ms += 58000;
	r = world_ask(w, "GET", "/a?x=1", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, PUBLIC, "again");
	ASSERT_ANSWER(r, 200, "again");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_hit_that_is_the_same_for_all_is_bare_at_first)
{
	static const struct {
		const char *sentence, *method, *target, *fields;
		bool is_plain;
		int status;
	} rows[] = {
	    {"a hit", "GET", "/ttl/a", "", true, 200},
	    {"HEAD", "HEAD", "/ttl/a", "", true, 200},
	    {"what the client has", "GET", "/ttl/a", "If-None-Match: \"t\"\n", true, 304},
	    {"a part", "GET", "/ttl/a", "Range: bytes=0-1\n", false, 206},
	};
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/ttl/a", "");
	world_respond(w, 0, 200, "ETag: \"t\"\n" PUBLIC, "hello");
	ck_assert(!req_answer_bare(r)->plain.is);
	world_end(&r);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		r = world_ask(w, rows[i].method, rows[i].target, rows[i].fields);
		const struct answer *a = req_answer_bare(r);
		ck_assert_msg(a->plain.is == rows[i].is_plain, "%s", rows[i].sentence);
		ck_assert_msg(a->status == rows[i].status, "%s: %d", rows[i].sentence, a->status);
		ck_assert_msg((a->headers.n == 0) == rows[i].is_plain, "%s", rows[i].sentence);
		ck_assert_msg(headers_find(&req_answer(r)->headers, STR("Age")) != NULL, "%s", rows[i].sentence);
		world_end(&r);
	}
	world_free(&w);
}
END_TEST

START_TEST(head_is_answered_from_a_stored_get)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/ttl/a", "");
	world_respond(w, 0, 200, "", "hello");
	world_end(&r);
	r = world_ask(w, "HEAD", "/ttl/a", "");
	ck_assert_ptr_nonnull(req_answer(r));
	ck_assert(req_answer(r)->bodyless);
	ck_assert_int_eq(req_answer(r)->length, 5);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&r);
	/* and goes on as HEAD when there is none */
	r = world_ask(w, "HEAD", "/ttl/b", "");
	ASSERT_STR(w->fetches[1]->method, "HEAD");
	world_head(w, 1, 200, "", 99);
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->length, 99);
	world_end(&r);
	r = world_ask(w, "GET", "/ttl/b", "");
	ck_assert_uint_eq(w->n_fetches, 3);
	world_respond(w, 2, 200, "", "body");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(what_is_not_stored_is_handed_on_whole_when_it_has_come)
{
	static const struct {
		const char *sentence, *method, *fields;
		int64_t length;
		const char *body;
		bool ended;
		enum answer_kind kind;
		int64_t answer_length;
	} rows[] = {
	    {"a page of known length", "GET", "", 4, "page", true, ANSWER_PARTS, 4},
	    {"its length is known now", "GET", "", -1, "page", true, ANSWER_PARTS, 4},
	    {"nothing at all", "GET", "", 0, "", true, ANSWER_PARTS, 0},
	    {"more is to come", "GET", "", 8, "page", false, ANSWER_STREAM, 8},
	    {"more may come", "GET", "", -1, "page", false, ANSWER_STREAM, -1},
	    {"HEAD tells the length of another", "HEAD", "", 99, "", true, ANSWER_STREAM, 99},
	    {"a part is the origin's", "GET", "Range: bytes=0-3\n", 4, "page", true, ANSWER_STREAM, 4},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		struct req *r = world_ask(w, rows[i].method, "/ttl/a", rows[i].fields);
		char out[64];
		int end;
		world_head(w, 0, 200, "Cache-Control: no-store\n", rows[i].length);
		world_say(w, 0, rows[i].body);
		if (rows[i].ended)
			world_done(w, 0, ERR_OK);
		world_deliver(w);
		const struct answer *a = req_answer(r);
		ck_assert_msg(a && a->kind == rows[i].kind && a->length == rows[i].answer_length, "%s: %lld of kind %d",
		    rows[i].sentence, (long long)a->length, a->kind);
		if (!a->bodyless)
			ASSERT_STR(world_read(r, out, sizeof out, &end), rows[i].body);
		if (!rows[i].ended) {
			world_say(w, 0, "more");
			world_done(w, 0, ERR_OK);
			ASSERT_STR(world_read(r, out, sizeof out, &end), "more");
		}
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(waiters_share_one_fetch_as_it_grows)
{
	struct world *w = world_new(plain);
	struct req *r[4];
	for (unsigned i = 0; i < 3; i++)
		r[i] = world_ask_on(w, i % 2, "GET", "/ttl/a", "");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_head(w, 0, 200, "", -1);
	world_say(w, 0, "one ");
	world_deliver(w);
	char out[64];
	int end;
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(req_answer(r[i])->kind, ANSWER_STREAM);
		ASSERT_STR(world_read(r[i], out, sizeof out, &end), "one ");
		ck_assert_int_eq(end, ERR_AGAIN);
	}
	/* one that comes later starts at the front */
	r[3] = world_ask_on(w, 1, "GET", "/ttl/a", "");
	ASSERT_STR(world_read(r[3], out, sizeof out, &end), "one ");
	unsigned resumed = w->workers[1].resumed;
	world_say(w, 0, "two");
	world_deliver(w);
	ck_assert_uint_eq(w->workers[1].resumed, resumed + 2);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	for (unsigned i = 0; i < 4; i++) {
		ASSERT_STR(world_read(r[i], out, sizeof out, &end), "two");
		ck_assert_int_eq(end, ERR_EOF);
	}
	ck_assert(str_find(world_field(r[1], "Cache-Status"), STR("collapsed")) < world_field(r[1], "Cache-Status").n);
	ck_assert_uint_eq(w->n_fetches, 1);
	for (unsigned i = 0; i < 4; i++)
		world_end(&r[i]);
	world_free(&w);
}
END_TEST

/* RFC 9111 5.2.2.5-2: what is not to be stored answers nobody else, not even who waits for it. */
START_TEST(waiters_of_an_uncacheable_page_go_together)
{
	struct world *w = world_new(plain);
	struct req *r[5];
	for (unsigned i = 0; i < 5; i++)
		r[i] = world_ask_on(w, i % 2, "GET", "/private", "");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_head(w, 0, 200, "Cache-Control: private\n", 4);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 5); /* all the others, at once */
	world_say(w, 0, "mine");
	world_done(w, 0, ERR_OK);
	for (unsigned i = 1; i < 5; i++)
		world_respond(w, i, 200, "Cache-Control: private\n", "your");
	ASSERT_ANSWER(r[0], 200, "mine");
	for (unsigned i = 1; i < 5; i++)
		ASSERT_ANSWER(r[i], 200, "your");
	for (unsigned i = 0; i < 5; i++)
		world_end(&r[i]);
	/* the key is remembered: nobody waits for anybody */
	r[0] = world_ask(w, "GET", "/private", "");
	r[1] = world_ask(w, "GET", "/private", "");
	ck_assert_uint_eq(w->n_fetches, 7);
	/* and forgotten when the page may be stored after all */
	world_respond(w, 5, 200, PUBLIC, "now");
	world_respond(w, 6, 200, PUBLIC, "now");
	world_end(&r[0]);
	world_end(&r[1]);
	r[0] = world_ask(w, "GET", "/private", "");
	ASSERT_ANSWER(r[0], 200, "now");
	ck_assert_uint_eq(w->n_fetches, 7);
	world_end(&r[0]);
	world_free(&w);
}
END_TEST

/* It may be made for the visitor who asked; only the origin knows (RFC 9111 5.2.2.4). */
START_TEST(what_is_validated_for_each_is_shared_with_none)
{
	static const char *const heads[] = {
	    "Cache-Control: no-cache\nETag: \"a\"\n",
	    "Cache-Control: max-age=60, no-cache\nETag: \"a\"\n",
	    "Cache-Control: max-age=0\nETag: \"a\"\n",
	    "ETag: \"a\"\n",
	};
	for (unsigned i = 0; i < COUNT_OF(heads); i++) {
		struct world *w = world_new(plain);
		struct req *r[3];
		for (unsigned k = 0; k < 3; k++)
			r[k] = world_ask_on(w, k % 2, "GET", "/mine", "");
		ck_assert_uint_eq(w->n_fetches, 1);
		world_head(w, 0, 200, heads[i], 4);
		world_deliver(w);
		ck_assert_msg(
		    w->n_fetches == 3, "%s: %u fetches, the others have not gone alone", heads[i], w->n_fetches);
		struct req *late = world_ask(w, "GET", "/mine", ""); /* while the body still comes */
		ck_assert_msg(w->n_fetches == 4, "%s: one that came later has joined", heads[i]);
		world_say(w, 0, "mine");
		world_done(w, 0, ERR_OK);
		for (unsigned k = 1; k < 4; k++)
			world_respond(w, k, 200, heads[i], "your");
		ASSERT_ANSWER(r[0], 200, "mine");
		ASSERT_ANSWER(r[1], 200, "your");
		ASSERT_ANSWER(r[2], 200, "your");
		ASSERT_ANSWER(late, 200, "your");
		for (unsigned k = 0; k < 3; k++)
			world_end(&r[k]);
		world_end(&late);
		/* each asks with the validator of what is stored, and waits for nobody */
		r[0] = world_ask(w, "GET", "/mine", "");
		r[1] = world_ask(w, "GET", "/mine", "");
		ck_assert_msg(w->n_fetches == 6, "%s: one waits for the other's validation", heads[i]);
		world_respond(w, 4, 304, heads[i], "");
		world_respond(w, 5, 200, heads[i], "new");
		ASSERT_ANSWER(r[0], 200, "your");
		ASSERT_ANSWER(r[1], 200, "new");
		world_end(&r[0]);
		world_end(&r[1]);
		world_free(&w);
	}
}
END_TEST

/* RFC 9111 3.5-1: nor are they answered with one another's page. */
START_TEST(requests_with_authorization_wait_for_nobody)
{
	static const struct {
		const char *what, *settings;
		unsigned fetches;
	} rows[] = {
	    {"each goes by itself", "", 3},
	    {"unless the route says that the page does not depend on it", "[route /*]\noverride = authorization\n", 1},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(rows[i].settings);
		struct req *a = world_ask(w, "GET", "/a", "Authorization: Basic eA==\n");
		struct req *b = world_ask(w, "GET", "/a", "Authorization: Basic eQ==\n");
		struct req *c = world_ask(w, "GET", "/a", "");
		ck_assert_msg(w->n_fetches == rows[i].fetches, "%s: %u fetches", rows[i].what, w->n_fetches);
		for (unsigned k = 0; k < rows[i].fetches; k++)
			world_respond(w, k, 200, PUBLIC, "x");
		ASSERT_ANSWER(a, 200, "x");
		ASSERT_ANSWER(b, 200, "x");
		ASSERT_ANSWER(c, 200, "x");
		world_end(&a);
		world_end(&b);
		world_end(&c);
		world_free(&w);
	}
}
END_TEST

START_TEST(the_memory_of_passes_ends)
{
	struct world *w = world_new("[cache]\npass_ttl = 10s\n");
	struct req *a = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "Cache-Control: private\n", "x");
	world_end(&a);
	w->now_ms += 11000;
	a = world_ask(w, "GET", "/p", "");
	struct req *b = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2); /* b waits for a again */
	world_respond(w, 1, 200, PUBLIC, "x");
	ASSERT_ANSWER(b, 200, "x");
	world_end(&a);
	world_end(&b);
	world_free(&w);
}
END_TEST

START_TEST(variants_do_not_wait_for_one_another)
{
	struct world *w = world_new(plain);
	struct req *en = world_ask(w, "GET", "/v", "Accept-Language: en\n");
	struct req *de = world_ask(w, "GET", "/v", "Accept-Language: de\n");
	struct req *fr = world_ask(w, "GET", "/v", "Accept-Language: fr\n");
	struct req *de2 = world_ask(w, "GET", "/v", "Accept-Language: de\n");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, PUBLIC "Vary: Accept-Language\n", "english");
	ASSERT_ANSWER(en, 200, "english");
	ck_assert_uint_eq(w->n_fetches, 3); /* one for de, one for fr, at the same time */
	ASSERT_STR(headers_get(w->fetches[1]->headers, STR("Accept-Language")), "de");
	ASSERT_STR(headers_get(w->fetches[2]->headers, STR("Accept-Language")), "fr");
	world_respond(w, 1, 200, PUBLIC "Vary: Accept-Language\n", "deutsch");
	world_respond(w, 2, 200, PUBLIC "Vary: Accept-Language\n", "francais");
	ASSERT_ANSWER(de, 200, "deutsch");
	ASSERT_ANSWER(de2, 200, "deutsch");
	ASSERT_ANSWER(fr, 200, "francais");
	world_end(&en);
	world_end(&de);
	world_end(&fr);
	world_end(&de2);
	/* later on each finds its own, and a new language does not wait for another new one */
	de = world_ask(w, "GET", "/v", "Accept-Language: de\n");
	ASSERT_ANSWER(de, 200, "deutsch");
	world_end(&de);
	struct req *it = world_ask(w, "GET", "/v", "Accept-Language: it\n");
	struct req *es = world_ask(w, "GET", "/v", "Accept-Language: es\n");
	ck_assert_uint_eq(w->n_fetches, 5);
	world_respond(w, 3, 200, PUBLIC "Vary: Accept-Language\n", "italiano");
	world_respond(w, 4, 200, PUBLIC "Vary: Accept-Language\n", "espanol");
	ASSERT_ANSWER(it, 200, "italiano");
	ASSERT_ANSWER(es, 200, "espanol");
	ck_assert(str_find(world_field(it, "Cache-Status"), STR("fwd=vary-miss")) < world_field(it, "Cache-Status").n);
	world_end(&it);
	world_end(&es);
	world_free(&w);
}
END_TEST

/* The origin does not get the field, so its page is the one for requests without it. */
START_TEST(a_field_that_connection_names_makes_no_variant)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/v", "Accept-Language: de\nConnection: Accept-Language, Host\n");
	ck_assert_ptr_null(headers_find(w->fetches[0]->headers, STR("Accept-Language")));
	ASSERT_STR(headers_get(w->fetches[0]->headers, STR("Host")), "example.com");
	world_respond(w, 0, 200, PUBLIC "Vary: Accept-Language\n", "english");
	world_end(&r);
	r = world_ask(w, "GET", "/v", "Accept-Language: de\n");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, PUBLIC "Vary: Accept-Language\n", "deutsch");
	ASSERT_ANSWER(r, 200, "deutsch");
	world_end(&r);
	r = world_ask(w, "GET", "/v", "");
	ASSERT_ANSWER(r, 200, "english");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(the_host_that_a_trusted_peer_tells_makes_another_page)
{
	static const struct {
		const char *what, *ini, *told;
		unsigned fetches;
	} rows[] = {
	    {"a trusted peer's", "[server]\ntrusted_proxies = 127.0.0.1\n", "shop.example", 2},
	    {"the first of several", "[server]\ntrusted_proxies = 127.0.0.1\n", "shop.example, inner", 2},
	    {"what is no host", "[server]\ntrusted_proxies = 127.0.0.1\n", "a/b", 1},
	    {"anybody's is replaced", "", "shop.example", 1},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char ini[256], fields[128];
		snprintf(ini, sizeof ini, "%s[route /h]\nttl = 60s\n", rows[i].ini);
		snprintf(fields, sizeof fields, "X-Forwarded-Host: %s\n", rows[i].told);
		struct world *w = world_new(ini);
		struct req *r = world_ask(w, "GET", "/h", "");
		world_respond(w, 0, 200, "", "page");
		world_end(&r);
		r = world_ask(w, "GET", "/h", fields);
		ck_assert_msg(w->n_fetches == rows[i].fetches, "%s: %u fetches", rows[i].what, w->n_fetches);
		if (rows[i].fetches == 2)
			world_respond(w, 1, 200, "", "shop");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(the_leader_leaves_and_the_others_get_the_page)
{
	struct world *w = world_new(plain);
	struct req *leader = world_ask(w, "GET", "/ttl/a", "");
	struct req *other = world_ask_on(w, 1, "GET", "/ttl/a", "");
	req_gone(leader);
	req_free(&leader, 0, false);
	world_respond(w, 0, 200, "", "page");
	ASSERT_ANSWER(other, 200, "page");
	world_end(&other);
	ck_assert_uint_eq(w->cancelled, 0);
	/* in the middle of the body as well, and with nobody left: what may be stored is stored */
	leader = world_ask(w, "GET", "/ttl/b", "");
	world_head(w, 1, 200, "", 4);
	world_say(w, 1, "pa");
	world_deliver(w);
	req_gone(leader);
	req_free(&leader, 2, false);
	world_say(w, 1, "ge");
	world_done(w, 1, ERR_OK);
	other = world_ask(w, "GET", "/ttl/b", "");
	ASSERT_ANSWER(other, 200, "page");
	world_end(&other);
	world_free(&w);
}
END_TEST

START_TEST(a_pass_ends_with_its_client)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/off/a", "");
	req_gone(r);
	ck_assert_uint_eq(w->cancelled, 1);
	req_free(&r, 0, false);
	r = world_ask(w, "GET", "/off/b", "");
	world_head(w, 1, 200, "", -1);
	world_say(w, 1, "some");
	world_deliver(w);
	req_gone(r);
	ck_assert_uint_eq(w->cancelled, 2);
	req_free(&r, 4, false);
	world_free(&w);
}
END_TEST

START_TEST(a_failure_answers_all_and_is_not_stored)
{
	static const struct {
		const char *what;
		int err, status;
		const char *code;
	} rows[] = {
	    {"no connection", ERR_CONNECT, 502, "detail=upstream-connect"},
	    {"no name", ERR_RESOLVE, 502, "detail=upstream-resolve"},
	    {"no answer in time", ERR_TIMEOUT, 504, "detail=upstream-timeout"},
	    {"no place", ERR_BUSY, 503, "detail=upstream-busy"},
	    {"not HTTP", ERR_PROTOCOL, 502, "detail=upstream-protocol"},
	    {"closed", ERR_RESET, 502, "detail=upstream-reset"},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		struct req *a = world_ask(w, "GET", "/ttl/a", "Accept: text/html\n"),
			   *b = world_ask_on(w, 1, "GET", "/ttl/a", "");
		world_done(w, 0, rows[i].err);
		world_deliver(w);
		ck_assert_msg(req_answer(a)->status == rows[i].status, "%s: %d", rows[i].what, req_answer(a)->status);
		ck_assert_int_eq(req_answer(b)->status, rows[i].status);
		struct str status = world_field(b, "Cache-Status");
		ck_assert_msg(
		    str_find(status, str_of(rows[i].code)) < status.n, "%s: %.*s", rows[i].what, STR_ARG(status));
		ASSERT_STR(world_field(b, "Cache-Control"), "no-store");
		ASSERT_STR(world_field(a, "Content-Type"), "text/html; charset=utf-8");
		ASSERT_STR(world_field(b, "Content-Type"), "text/plain; charset=utf-8");
		ck_assert(world_field(b, "X-Request-Id").n > 0);
		ck_assert_int_eq(world_field(b, "Retry-After").n > 0, rows[i].status == 503);
		world_end(&a);
		world_end(&b);
		a = world_ask(w, "GET", "/ttl/a", "");
		ck_assert_uint_eq(w->n_fetches, 2);
		world_respond(w, 1, 200, "", "well again");
		ASSERT_ANSWER(a, 200, "well again");
		world_end(&a);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_body_cut_short_never_ends_cleanly)
{
	struct world *w = world_new(plain);
	struct req *a = world_ask(w, "GET", "/ttl/a", ""), *b = world_ask_on(w, 1, "GET", "/ttl/a", "");
	char out[64];
	int end;
	world_head(w, 0, 200, "", 100);
	world_say(w, 0, "half");
	world_done(w, 0, ERR_SHORT);
	world_deliver(w);
	ASSERT_STR(world_read(a, out, sizeof out, &end), "half");
	ck_assert_int_eq(end, ERR_SHORT);
	ASSERT_STR(world_read(b, out, sizeof out, &end), "half");
	ck_assert_int_eq(end, ERR_SHORT);
	world_end(&a);
	world_end(&b);
	a = world_ask(w, "GET", "/ttl/a", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, "", "whole");
	world_end(&a);
	world_free(&w);
}
END_TEST

START_TEST(a_stale_page_is_served_while_one_fetch_renews_it)
{
	struct world *w = world_new("[route /s]\nttl = 10s\nstale_while_revalidate = 60s\n");
	struct req *r = world_ask(w, "GET", "/s", "");
	world_respond(w, 0, 200, "ETag: \"1\"\n", "old");
	world_end(&r);
	w->now_ms += 20000;
	for (unsigned i = 0; i < 3; i++) {
		r = world_ask_on(w, i % 2, "GET", "/s", "");
		ASSERT_ANSWER(r, 200, "old");
		ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=-10; detail=stale-while-revalidate");
		world_end(&r);
	}
	ck_assert_uint_eq(w->n_fetches, 2);
	ASSERT_STR(headers_get(w->fetches[1]->headers, STR("If-None-Match")), "\"1\"");
	world_respond(w, 1, 200, "ETag: \"2\"\n", "new");
	r = world_ask(w, "GET", "/s", "");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_304_of_the_origin_renews_what_is_stored)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/e", "");
	world_respond(w, 0, 200, PUBLIC "ETag: \"1\"\nX-Old: yes\n", "page");
	world_end(&r);
	w->now_ms += 61000;
	r = world_ask(w, "GET", "/e", "");
	struct req *other = world_ask_on(w, 1, "GET", "/e", "");
	ASSERT_STR(headers_get(w->fetches[1]->headers, STR("If-None-Match")), "\"1\"");
	world_head(w, 1, 304, "Cache-Control: max-age=100\nETag: \"1\"\n", 0);
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "page");
	ASSERT_ANSWER(other, 200, "page");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=stale; fwd-status=304; ttl=100; stored");
	ASSERT_STR(world_field(r, "X-Old"), "yes");
	ASSERT_STR(world_field(r, "Cache-Control"), "max-age=100");
	world_end(&r);
	world_end(&other);
	w->now_ms += 90000;
	r = world_ask(w, "GET", "/e", "");
	ASSERT_ANSWER(r, 200, "page");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_304_of_another_response_is_asked_again)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/e", "");
	world_respond(w, 0, 200, PUBLIC "ETag: \"1\"\n", "page");
	world_end(&r);
	w->now_ms += 61000;
	r = world_ask(w, "GET", "/e", "");
	world_head(w, 1, 304, "ETag: \"2\"\n", 0);
	world_done(w, 1, ERR_OK);
	ck_assert_uint_eq(w->n_fetches, 3);
	ck_assert_ptr_null(headers_find(w->fetches[2]->headers, STR("If-None-Match")));
	world_respond(w, 2, 200, PUBLIC "ETag: \"2\"\n", "other");
	ASSERT_ANSWER(r, 200, "other");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_while_it_is_validated_takes_the_page_away)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/e", "");
	world_respond(w, 0, 200, PUBLIC "ETag: \"1\"\n", "page");
	world_end(&r);
	w->now_ms += 61000;
	r = world_ask(w, "GET", "/e", "");
	struct req *purge = world_ask(w, "PURGE", "/e", "");
	world_end(&purge);
	world_head(w, 1, 304, "ETag: \"1\"\n" PUBLIC, 0);
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	r = world_ask(w, "GET", "/e", "");
	ck_assert_uint_eq(w->n_fetches, 3);
	world_respond(w, 2, 200, PUBLIC, "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(one_client_cannot_switch_the_cache_off)
{
	static const char *const requests[] = {"Cache-Control: no-store\n", "Authorization: Basic eA==\n"};
	for (unsigned i = 0; i < COUNT_OF(requests); i++) {
		struct world *w = world_new(plain);
		struct req *r = world_ask(w, "GET", "/a", requests[i]);
		world_respond(w, 0, 200, PUBLIC, "x");
		world_end(&r);
		struct req *a = world_ask(w, "GET", "/a", ""), *b = world_ask(w, "GET", "/a", "");
		ck_assert_uint_eq(w->n_fetches, 2); /* b waits for a */
		world_respond(w, 1, 200, PUBLIC, "y");
		ASSERT_ANSWER(b, 200, "y");
		world_end(&a);
		world_end(&b);
		world_free(&w);
	}
}
END_TEST

/* The key has the host that the trusted proxy tells; the origin may go by the other one. */
START_TEST(neither_of_two_hosts_answers_for_the_other)
{
	struct world *w = world_new("[server]\ntrusted_proxies = 127.0.0.1\n[route /ttl/*]\nttl = 60s\n");
	struct req *r = world_ask(w, "GET", "/ttl/a", "Host: other.example\nX-Forwarded-Host: shop.example\n");
	world_respond(w, 0, 200, "", "the other's");
	world_end(&r);
	r = world_ask(w, "GET", "/ttl/a", "Host: shop.example\nX-Forwarded-Host: shop.example\n");
	ck_assert_msg(w->n_fetches == 2, "the page of another Host answers for the one that was told");
	world_respond(w, 1, 200, "", "the shop's");
	world_end(&r);
	r = world_ask(w, "GET", "/ttl/a", "Host: other.example\nX-Forwarded-Host: shop.example\n");
	ASSERT_ANSWER(r, 200, "the other's");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* An origin that does not resolve dots says something else than for the path that they lead to. */
START_TEST(what_dots_brought_is_not_stored)
{
	struct world *w = world_new("[route /ttl/*]\nttl = 60s\nstale_while_revalidate = 60s\n");
	struct req *r = world_ask(w, "GET", "/x/../ttl/a", "");
	ASSERT_STR(w->fetches[0]->target, "/x/../ttl/a");
	world_respond(w, 0, 200, "", "the page of /x");
	ASSERT_ANSWER(r, 200, "the page of /x");
	world_end(&r);
	r = world_ask(w, "GET", "/ttl/a", "");
	ck_assert_msg(w->n_fetches == 2, "what came for the dots answers for the page");
	world_respond(w, 1, 200, "", "page");
	world_end(&r);
	r = world_ask(w, "GET", "/ttl/%2e/a", "");
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	w->now_ms += 61000;
	r = world_ask(w, "GET", "/ttl/./a", "");
	ASSERT_ANSWER(r, 200, "page");
	ck_assert_msg(w->n_fetches == 2, "the stale page is renewed by way of the dots");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* The page is fresh, and "no-cache" makes it be asked for anew: whatever comes, the others keep theirs. */
START_TEST(one_client_cannot_take_a_page_away)
{
	static const struct {
		const char *sentence, *request;
		int status;
	} rows[] = {
	    {"a 304 to no-store", "Cache-Control: no-cache, no-store\n", 304},
	    {"a 200 to no-store", "Cache-Control: no-cache, no-store\n", 200},
	    {"a 304 to Authorization", "Cache-Control: no-cache\nAuthorization: Basic eA==\n", 304},
	    {"a 200 to Authorization", "Cache-Control: no-cache\nAuthorization: Basic eA==\n", 200},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		struct req *r = world_ask(w, "GET", "/a", "");
		world_respond(w, 0, 200, PUBLIC "ETag: \"1\"\n", "page");
		world_end(&r);
		r = world_ask(w, "GET", "/a", rows[i].request);
		world_respond(w, 1, rows[i].status, PUBLIC "ETag: \"1\"\n", rows[i].status == 304 ? "" : "mine");
		world_end(&r);
		r = world_ask(w, "GET", "/a", "");
		ck_assert_msg(w->n_fetches == 2, "%s removes the stored page", rows[i].sentence);
		ASSERT_ANSWER(r, 200, "page");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_stale_page_stands_in_for_an_origin_that_fails)
{
	struct world *w = world_new("[route /s]\nttl = 10s\nstale_if_error = 60s\nstale_if_unreachable = 0s\n");
	struct req *r = world_ask(w, "GET", "/s", "");
	world_respond(w, 0, 200, "", "old");
	world_end(&r);
	w->now_ms += 20000;
	r = world_ask(w, "GET", "/s", "");
	world_done(w, 1, ERR_CONNECT);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "old");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=-10; detail=stale-if-error");
	world_end(&r);
	r = world_ask(w, "GET", "/s", "");
	world_head(w, 2, 500, "", 5);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "old");
	world_end(&r);
	w->now_ms += 60000;
	r = world_ask(w, "GET", "/s", "");
	world_done(w, 3, ERR_TIMEOUT);
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->status, 504);
	world_end(&r);
	world_free(&w);
}
END_TEST

/* The fetch began behind a stale answer, which has no use for the old page; those who joined it have. */
START_TEST(a_stale_page_stands_in_for_those_who_joined_a_renewal)
{
	static const char ini[] = "[route /s]\nttl = 10s\nstale_while_revalidate = 10s\nstale_if_error = 60s\n";
	for (int status = 0; status <= 500; status += 500) {
		struct world *w = world_new(ini);
		struct req *r = world_ask(w, "GET", "/s", "");
		world_respond(w, 0, 200, "", "old");
		world_end(&r);
		w->now_ms += 15000;
		r = world_ask(w, "GET", "/s", "");
		ASSERT_ANSWER(r, 200, "old");
		world_end(&r);
		w->now_ms += 10000;
		r = world_ask(w, "GET", "/s", "");
		ck_assert_uint_eq(w->n_fetches, 2);
		if (status == 0) {
			world_done(w, 1, ERR_CONNECT);
		} else {
			world_head(w, 1, status, "", 0);
			world_done(w, 1, ERR_OK);
			world_deliver(w);
			ck_assert_uint_eq(w->n_fetches, 3);
			world_head(w, 2, status, "", 0);
		}
		world_deliver(w);
		ASSERT_ANSWER(r, 200, "old");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* Another worker may come to its letter late. */
START_TEST(what_turned_out_too_large_reaches_who_is_told_at_its_end)
{
	static const char *const ranges[] = {"", "Range: bytes=0-9"};
	static char big[2000], out[2 * sizeof big];
	memset(big, 'x', sizeof big);
	for (unsigned i = 0; i < COUNT_OF(ranges); i++) {
		struct world *w = world_new(plain);
		struct req *a = world_ask(w, "GET", "/small/a", ranges[i]);
		struct req *b = world_ask_on(w, 1, "GET", "/small/a", ranges[i]);
		size_t sent;
		int end;
		world_head(w, 0, 200, "", -1);
		ck_assert_int_eq(world_body(w, 0, big, sizeof big, &sent), ERR_OK);
		world_done(w, 0, ERR_OK);
		world_deliver(w);
		ck_assert_uint_eq(world_read(a, out, sizeof out, &end).n, sizeof big);
		ck_assert_int_eq(req_answer(b)->kind, ANSWER_STREAM);
		ck_assert_uint_eq(world_read(b, out, sizeof out, &end).n, sizeof big);
		ck_assert_int_eq(end, ERR_EOF);
		world_end(&a);
		world_end(&b);
		world_free(&w);
	}
}
END_TEST

START_TEST(what_turns_out_too_large_streams_and_is_not_stored)
{
	struct world *w = world_new(plain);
	struct req *a = world_ask(w, "GET", "/small/a", ""), *b = world_ask_on(w, 1, "GET", "/small/a", "");
	static char big[1024 * 1024], out[sizeof big];
	memset(big, 'x', sizeof big);
	world_head(w, 0, 200, "", -1);
	world_deliver(w);
	size_t sent, total = 0, read_a = 0, read_b = 0;
	int err, end;
	err = world_body(w, 0, big, sizeof big, &sent);
	total = sent;
	ck_assert_int_eq(err, ERR_AGAIN); /* bounded: the readers have to follow */
	ck_assert_uint_lt(total, 600 * 1024);
	/* nobody joins any more: its front may be gone */
	struct req *c = world_ask(w, "GET", "/small/a", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	while (total < sizeof big) {
		read_a += world_read(a, out, sizeof out, &end).n;
		read_b += world_read(b, out, sizeof out, &end).n;
		world_deliver(w);
		err = world_body(w, 0, big, sizeof big - total, &sent);
		ck_assert_msg(sent > 0 || err == ERR_OK, "the window stays full although it was read");
		total += sent;
	}
	ck_assert_uint_gt(w->resumes, 0);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	read_a += world_read(a, out, sizeof out, &end).n;
	ck_assert_int_eq(end, ERR_EOF);
	read_b += world_read(b, out, sizeof out, &end).n;
	ck_assert_uint_eq(read_a, sizeof big);
	ck_assert_uint_eq(read_b, sizeof big);
	world_end(&a);
	world_end(&b);
	world_respond(w, 1, 200, "", "small now");
	ASSERT_ANSWER(c, 200, "small now");
	world_end(&c);
	world_free(&w);
}
END_TEST

START_TEST(a_known_length_over_the_limit_passes_at_once)
{
	struct world *w = world_new(plain);
	struct req *a = world_ask(w, "GET", "/small/a", ""), *b = world_ask_on(w, 1, "GET", "/small/a", "");
	world_head(w, 0, 200, "", 5000);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert(str_find(world_field(a, "Cache-Status"), STR("detail=too-large")) < world_field(a, "Cache-Status").n);
	req_gone(a);
	req_gone(b);
	req_free(&a, 0, false);
	req_free(&b, 0, false);
	ck_assert_uint_eq(w->cancelled, 2);
	world_free(&w);
}
END_TEST

START_TEST(an_upload_waits_in_a_bounded_buffer)
{
	struct world *w = world_new(plain);
	static char bytes[100 * 1024];
	struct req *r = world_ask(w, "POST", "/form", "Content-Length: 102400\n");
	ck_assert_uint_eq(w->n_fetches, 1);
	struct fetch *f = w->fetches[0];
	ck_assert(f->has_body && !f->retry);
	size_t taken = req_upload(r, bytes, sizeof bytes);
	ck_assert_uint_eq(taken, 64 * 1024);
	ck_assert_uint_eq(req_upload(r, bytes + taken, sizeof bytes - taken), 0);
	const char *p;
	size_t n;
	unsigned resumed = w->workers[0].resumed;
	ck_assert_int_eq(f->events->upload(f, &p, &n), ERR_OK);
	ck_assert_uint_eq(n, 64 * 1024);
	f->events->uploaded(f, n);
	ck_assert_uint_eq(w->workers[0].resumed, resumed + 1);
	ck_assert_int_eq(f->events->upload(f, &p, &n), ERR_AGAIN);
	ck_assert_uint_eq(req_upload(r, bytes + taken, sizeof bytes - taken), sizeof bytes - taken);
	ck_assert_int_eq(f->events->upload(f, &p, &n), ERR_OK);
	f->events->uploaded(f, n);
	req_upload_end(r);
	ck_assert_int_eq(f->events->upload(f, &p, &n), ERR_EOF);
	world_respond(w, 0, 200, PUBLIC, "thanks");
	ASSERT_ANSWER(r, 200, "thanks");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=method; fwd-status=200");
	world_end(&r);
	/* a client that leaves in the middle ends the upload */
	r = world_ask(w, "POST", "/form", "Content-Length: 10\n");
	req_gone(r);
	ck_assert_uint_eq(w->cancelled, 1);
	req_free(&r, 0, false);
	world_free(&w);
}
END_TEST

START_TEST(what_was_stored_between_lookup_and_joining_is_found)
{
	struct world *w = world_new(plain);
	struct req *a = world_ask(w, "GET", "/ttl/a", "");
	world_head(w, 0, 200, "", 4);
	world_say(w, 0, "page");
	/* done: stored and closed, but its letters are not delivered yet; the next one looks up and hits */
	world_done(w, 0, ERR_OK);
	struct req *b = world_ask_on(w, 1, "GET", "/ttl/a", "");
	ASSERT_ANSWER(b, 200, "page");
	world_deliver(w);
	ASSERT_ANSWER(a, 200, "page");
	world_end(&a);
	world_end(&b);
	world_free(&w);
}
END_TEST

START_TEST(conditions_of_the_client_are_judged_here)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/e", "If-None-Match: \"1\"\n");
	ASSERT_STR(headers_get(w->fetches[0]->headers, STR("If-None-Match")), "\"1\""); /* nothing is stored */
	world_respond(w, 0, 200, PUBLIC "ETag: \"1\"\n", "page");
	ck_assert_int_eq(req_answer(r)->status, 304);
	ck_assert(req_answer(r)->bodyless);
	world_end(&r);
	r = world_ask(w, "GET", "/e", "If-None-Match: W/\"1\"\n");
	ck_assert_int_eq(req_answer(r)->status, 304);
	ASSERT_STR(world_field(r, "ETag"), "\"1\"");
	world_end(&r);
	r = world_ask(w, "GET", "/e", "If-None-Match: \"2\"\n");
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(requests_that_are_no_page)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "OPTIONS", "*", "");
	ASSERT_STR(w->fetches[0]->target, "*");
	world_respond(w, 0, 204, "", "");
	ck_assert_int_eq(req_answer(r)->status, 204);
	world_end(&r);
	r = world_ask(w, "GET", "/", "Via: 1.1 larder, 1.1 larder, 1.1 larder\nVia: 1.0 larder, 1.1 larder\n");
	ck_assert_int_eq(req_answer(r)->status, 508);
	world_end(&r);
	r = world_ask(w, "GET", "/never", "Cache-Control: only-if-cached\n");
	ck_assert_int_eq(req_answer(r)->status, 504);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_request_keeps_the_settings_it_began_with)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/ttl/a", "");
	struct world *other = world_new("[route /ttl/*]\ncache = off\n");
	w->workers[0].env.conf = other->conf;
	world_respond(w, 0, 200, "", "page");
	ASSERT_ANSWER(r, 200, "page");
	ck_assert(str_find(world_field(r, "Cache-Status"), STR("stored")) < world_field(r, "Cache-Status").n);
	world_end(&r);
	r = world_ask(w, "GET", "/ttl/a", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, "", "page");
	world_end(&r);
	w->workers[0].env.conf = w->conf;
	world_free(&other);
	world_free(&w);
}
END_TEST

static char traced[256];

static void note_step(void *ctx, const struct req *r, const char *step)
{
	(void)ctx;
	(void)r;
	strncat(traced, step, sizeof traced - strlen(traced) - 1);
	strncat(traced, " ", sizeof traced - strlen(traced) - 1);
}

START_TEST(the_steps_can_be_traced)
{
	struct world *w = world_new(plain);
	w->workers[0].env.trace = note_step;
	traced[0] = '\0';
	struct req *r = world_ask(w, "GET", "/ttl/a", "");
	world_respond(w, 0, 200, "", "x");
	world_end(&r);
	ck_assert_str_eq(traced, "receive lookup miss join lead outcome ");
	traced[0] = '\0';
	r = world_ask(w, "GET", "/ttl/a", "");
	world_end(&r);
	ck_assert_str_eq(traced, "receive lookup judge ");
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req");
	TCase *t = tcase_create("req");
	tcase_add_test(t, a_miss_is_fetched_once_and_then_hits);
	tcase_add_test(t, a_hit_that_is_the_same_for_all_is_bare_at_first);
	tcase_add_test(t, head_is_answered_from_a_stored_get);
	tcase_add_test(t, what_is_not_stored_is_handed_on_whole_when_it_has_come);
	tcase_add_test(t, waiters_share_one_fetch_as_it_grows);
	tcase_add_test(t, waiters_of_an_uncacheable_page_go_together);
	tcase_add_test(t, what_is_validated_for_each_is_shared_with_none);
	tcase_add_test(t, requests_with_authorization_wait_for_nobody);
	tcase_add_test(t, the_memory_of_passes_ends);
	tcase_add_test(t, variants_do_not_wait_for_one_another);
	tcase_add_test(t, a_field_that_connection_names_makes_no_variant);
	tcase_add_test(t, the_host_that_a_trusted_peer_tells_makes_another_page);
	tcase_add_test(t, the_leader_leaves_and_the_others_get_the_page);
	tcase_add_test(t, a_pass_ends_with_its_client);
	tcase_add_test(t, a_failure_answers_all_and_is_not_stored);
	tcase_add_test(t, a_body_cut_short_never_ends_cleanly);
	tcase_add_test(t, a_stale_page_is_served_while_one_fetch_renews_it);
	tcase_add_test(t, a_304_of_the_origin_renews_what_is_stored);
	tcase_add_test(t, a_304_of_another_response_is_asked_again);
	tcase_add_test(t, a_purge_while_it_is_validated_takes_the_page_away);
	tcase_add_test(t, one_client_cannot_switch_the_cache_off);
	tcase_add_test(t, one_client_cannot_take_a_page_away);
	tcase_add_test(t, what_dots_brought_is_not_stored);
	tcase_add_test(t, neither_of_two_hosts_answers_for_the_other);
	tcase_add_test(t, a_stale_page_stands_in_for_an_origin_that_fails);
	tcase_add_test(t, a_stale_page_stands_in_for_those_who_joined_a_renewal);
	tcase_add_test(t, what_turned_out_too_large_reaches_who_is_told_at_its_end);
	tcase_add_test(t, what_turns_out_too_large_streams_and_is_not_stored);
	tcase_add_test(t, a_known_length_over_the_limit_passes_at_once);
	tcase_add_test(t, an_upload_waits_in_a_bounded_buffer);
	tcase_add_test(t, what_was_stored_between_lookup_and_joining_is_found);
	tcase_add_test(t, conditions_of_the_client_are_judged_here);
	tcase_add_test(t, requests_that_are_no_page);
	tcase_add_test(t, a_request_keeps_the_settings_it_began_with);
	tcase_add_test(t, the_steps_can_be_traced);
	suite_add_tcase(s, t);
	return suite_run(s);
}
