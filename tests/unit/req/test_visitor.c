/* The token of a visitor's session: who is asked for it, how often, whose it is; and what becomes of the page. The page lies in the store
 * from the start, with one hole of a session. */
#include "deep.h"

#include "policy/key.h"
#include "req/session.h"
#include "req/token.h"
#include "req/visitor.h"
#include "req/why.h"

static const char ini[] = "[route /other/*]\nttl = 60s\ntoken = laravel\ntoken_path = /csrf-token\n"
			  "[route /tenant/*]\nttl = 60s\ntoken = laravel\ntoken_path = /csrf-token\n"
			  "request_header_set = X-Tenant: b\n"
			  "[route /without/*]\nttl = 60s\n"
			  "[route /*]\nttl = 60s\ntoken = laravel\ntoken_path = /csrf-token\n";

#define T1  "Token0123456789abcdef-one"
#define T2  "Token0123456789abcdef-two"
#define OLD "session=0123456789abcdef0123456789abcdef"
#define NEW "session=fedcba9876543210fedcba9876543210"

#define TEXT "Content-Type: text/plain; charset=utf-8\n"

/* Puts "<input value=|>" under the path, with a hole at the bar. */
static void store(struct world *w, const char *path, int64_t lifetime_ms, int64_t swr_ms)
{
	static const struct hole_value value = {
	    .kind = HOLE_SESSION, .shape = {.n = 40, .alphabet = HOLE_ALNUM}, .cookie = STR(""), .attributes = STR("")};
	static const struct hole hole = {.at = 13};
	static const struct holes holes = {.values = &value, .body = &hole, .n_values = 1, .n_body = 1};
	struct arena a;
	struct headers headers = {0};
	struct body *body = body_new(14, w->tier->budget, NULL, NULL);
	char *to;
	size_t room;
	ck_assert_int_eq(body_space(body, &to, &room), ERR_OK);
	ck_assert_uint_ge(room, 14);
	memcpy(to, "<input value=>", 14);
	body_filled(body, 14);
	body_end(body, ERR_OK);
	arena_init(&a, 0);
	world_fields("Content-Type: text/html\n", &a, &headers);
	struct stored stored = {.status = 200,
	    .response_ms = w->now_ms,
	    .date_s = w->now_ms / 1000,
	    .lifetime_ms = lifetime_ms,
	    .swr_ms = swr_ms,
	    .unreachable_ms = 60000,
	    .last_modified_s = -1,
	    .lifetime_source = "ttl",
	    .complete = -1,
	    .holes = &holes};
	struct str text = arena_printf(&a, "GET http://example.com%s", path);
	struct entry_spec spec = {
	    .key = key_of_text(text, 7), .stored = &stored, .headers = &headers, .epoch = tier_epoch(w->tier)};
	struct tier_put put = {0};
	ck_assert_int_eq(entry_new(&spec, &body, w->tier->budget, &put.entry), ERR_OK);
	ck_assert_int_eq(tier_put(w->tier, &put), ERR_OK);
	entry_release(&put.entry);
	arena_free(&a);
}

static struct world *stored_world(void)
{
	struct world *w = world_new(ini);
	store(w, "/p", 60000, 0);
	return w;
}

static struct str sent(const struct world *w, unsigned i, const char *name)
{
	return headers_get(w->fetches[i]->headers, str_of(name));
}

/* Asked on the way, the token is `token`. */
static void check_page(struct req *r, const char *what, const char *token)
{
	ck_assert_msg(req_answer(r), "%s: no answer", what);
	ck_assert_msg(req_answer(r)->status == 200, "%s: %d", what, req_answer(r)->status);
	ck_assert_msg(
	    str_eq(r->visitor.token, str_of(token)), "%s: the token \"%.*s\"", what, STR_ARG(r->visitor.token));
	ck_assert_msg(r->reason == REASON_HIT, "%s: %s", what, reason_code(r->reason));
	struct arena a;
	char body[256];
	int end;
	arena_init(&a, 0);
	struct str page = arena_printf(&a, "<input value=%s>", token);
	ck_assert_msg(req_answer(r)->bodyless || str_eq(world_read(r, body, sizeof(body), &end), page), "%s", what);
	arena_free(&a);
}

/* A visit that the application is asked for a token in, which it tells with these fields. */
static void visit_asking(struct world *w, const char *cookie, const char *fields, const char *token)
{
	struct arena a;
	arena_init(&a, 0);
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, "GET", "/p", arena_printf(&a, "Cookie: %s\n", cookie).p);
	ck_assert_msg(w->n_fetches == i + 1, "%s: %u asks", cookie, w->n_fetches - i);
	world_respond(w, i, 200, arena_printf(&a, TEXT "%s", fields).p, token);
	check_page(r, cookie, token);
	world_end(&r);
	arena_free(&a);
}

static void visit_knowing(struct world *w, const char *path, const char *cookie, const char *token)
{
	struct arena a;
	arena_init(&a, 0);
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, "GET", path, arena_printf(&a, "Cookie: %s\n", cookie).p);
	ck_assert_msg(w->n_fetches == i, "%s: asked once more", cookie);
	check_page(r, cookie, token);
	ck_assert_ptr_null(world_field(r, "Set-Cookie").p);
	world_end(&r);
	arena_free(&a);
}

START_TEST(the_application_is_asked_as_the_visitor)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p",
	    "Cookie: " OLD "\nUser-Agent: U\nAccept: text/html\nAccept-Language: de\nAccept-Encoding: gzip\n"
	    "If-None-Match: \"1\"\nRange: bytes=0-1\nX-Forwarded-For: 6.6.6.6\nCache-Control: max-stale\nX-Evil: 1\n");
	ck_assert_ptr_null(req_answer(r));
	ASSERT_STR(w->fetches[0]->method, "GET");
	ASSERT_STR(w->fetches[0]->target, "/csrf-token");
	ASSERT_STR(sent(w, 0, "Host"), "example.com");
	ASSERT_STR(sent(w, 0, "Cookie"), OLD);
	ASSERT_STR(sent(w, 0, "User-Agent"), "U");
	ASSERT_STR(sent(w, 0, "Accept-Language"), "de");
	ASSERT_STR(sent(w, 0, "Accept"), "text/plain, application/json");
	ASSERT_STR(sent(w, 0, "X-Forwarded-For"), "127.0.0.1");
	ASSERT_STR(sent(w, 0, "X-Forwarded-Host"), "example.com");
	ck_assert(str_eq(sent(w, 0, "X-Request-Id"), r->id));
	static const char *const not_sent[] = {
	    "Accept-Encoding", "If-None-Match", "Range", "Cache-Control", "X-Evil", "Content-Length"};
	for (size_t i = 0; i < COUNT_OF(not_sent); i++)
		ck_assert_msg(!sent(w, 0, not_sent[i]).p, "%s goes on", not_sent[i]);
	ck_assert(w->fetches[0]->retry && !w->fetches[0]->has_body);
	world_respond(w, 0, 200, TEXT "Set-Cookie: a=1; Path=/\nset-cookie: " NEW "; HttpOnly\nX-Other: 1\n", T1 "\n");
	ck_assert_uint_eq(w->workers[0].resumed, 1);
	check_page(r, "told", T1);
	/* What it sets goes to him, each field by itself, and nothing else of it. */
	ck_assert_uint_eq(headers_count(&req_answer(r)->headers, STR("Set-Cookie")), 2);
	ASSERT_STR(world_field(r, "Set-Cookie"), "a=1; Path=/");
	ck_assert_ptr_null(world_field(r, "X-Other").p);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(whose_token_is_remembered_for_whom)
{
	static const struct {
		const char *what, *first, *fields; /* cookies of the first visit, and what its ask sets */
		const char *knows, *asks;	   /* who is known then, and who is not; NULL: nobody of interest */
	} rows[] = {
	    {"nothing is set: the same cookies", OLD, "", OLD, NEW},
	    {"their order does not count", OLD "; a=1", "", "a=1; " OLD, OLD},
	    {"nor do measuring scripts", OLD "; _ga=GA1.1.1", "", OLD "; _ga=GA1.1.2; _gid=3", NULL},
	    {"a session is renewed: the new one", OLD, "Set-Cookie: " NEW "; Path=/\n", NEW, NULL},
	    {"and what he sent before he had it", OLD, "Set-Cookie: " NEW "; Path=/\n", OLD, NULL},
	    {"another cookie stays", "a=1; " OLD, "Set-Cookie: " NEW "\n", NEW "; a=1", NEW},
	    {"a session begins", "a=1", "Set-Cookie: " NEW "\n", NEW "; a=1", "a=1"},
	    {"nobody is told by what many have", "consent=yes", "", NULL, "consent=yes"},
	    {"not by what many are given either", "consent=yes", "Set-Cookie: theme=dark\n", NULL,
		"consent=yes; theme=dark"},
	    {"nor when that stands beside a session", OLD, "Set-Cookie: theme=dark\n", NULL, OLD "; theme=dark"},
	    {"a session that ends leaves nobody", OLD, "Set-Cookie: session=x; Max-Age=0\n", NULL, OLD},
	    {"two values of one cookie", OLD "; " NEW, "", NULL, OLD "; " NEW},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = stored_world();
		visit_asking(w, rows[i].first, rows[i].fields, T1);
		if (rows[i].knows)
			visit_knowing(w, "/p", rows[i].knows, T1);
		if (rows[i].asks)
			visit_asking(w, rows[i].asks, "", T2);
		world_free(&w);
	}
}
END_TEST

START_TEST(the_old_cookies_of_a_renewed_session_count_for_a_moment)
{
	struct world *w = stored_world();
	visit_asking(w, OLD, "Set-Cookie: " NEW "\n", T1);
	w->now_ms += 9999;
	visit_knowing(w, "/p", OLD, T1);
	w->now_ms += 1;
	visit_asking(w, OLD, "", T2);
	visit_knowing(w, "/p", NEW, T1);
	world_free(&w);
}
END_TEST

START_TEST(a_visitor_without_cookies_gets_a_session_of_his_own)
{
	struct world *w = stored_world();
	struct req *first = world_ask(w, "GET", "/p", ""), *second = world_ask_on(w, 1, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_ptr_null(sent(w, 0, "Cookie").p);
	world_respond(w, 1, 200, TEXT "Set-Cookie: " NEW "\n", T2);
	world_respond(w, 0, 200, TEXT "Set-Cookie: " OLD "\n", T1);
	check_page(first, "first", T1);
	check_page(second, "second", T2);
	ASSERT_STR(world_field(first, "Set-Cookie"), OLD);
	ASSERT_STR(world_field(second, "Set-Cookie"), NEW);
	world_end(&first);
	world_end(&second);
	visit_knowing(w, "/p", OLD, T1);
	visit_knowing(w, "/p", NEW, T2);
	world_free(&w);
}
END_TEST

START_TEST(a_minute)
{
	struct world *w = world_new(ini);
	store(w, "/p", 600000, 0);
	visit_asking(w, OLD, "", T1);
	w->now_ms += SESSION_MS - 1;
	visit_knowing(w, "/p", OLD, T1);
	w->now_ms += 1;
	visit_asking(w, OLD, "", T2);
	visit_knowing(w, "/p", OLD, T2);
	w->now_ms -= 5 * 60000; /* the clock was set back */
	visit_asking(w, OLD, "", T1);
	world_free(&w);
}
END_TEST

START_TEST(who_shares_what_is_remembered)
{
	struct world *w = stored_world();
	store(w, "/other/p", 60000, 0);
	store(w, "/tenant/p", 60000, 0);
	visit_asking(w, OLD, "", T1);
	visit_knowing(w, "/other/p", OLD, T1); /* the same question to the same application */
	struct req *r = world_ask(w, "GET", "/tenant/p", "Cookie: " OLD "\n"); /* another: the route adds a field */
	ck_assert_uint_eq(w->n_fetches, 2);
	ASSERT_STR(sent(w, 1, "X-Tenant"), "b");
	world_respond(w, 1, 200, TEXT, T2);
	check_page(r, "another tenant", T2);
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Cookie: " OLD "\nAuthorization: Basic eDp5\n"); /* of another user, maybe */
	ck_assert_uint_eq(w->n_fetches, 3);
	ASSERT_STR(sent(w, 2, "Authorization"), "Basic eDp5");
	world_respond(w, 2, 200, TEXT, T2);
	check_page(r, "with a credential", T2);
	world_end(&r);
	world_free(&w);
}
END_TEST

/* Three of one visitor at once, two of them on another worker. */
static void ask_three(struct world *w, struct req *r[3])
{
	for (unsigned i = 0; i < 3; i++)
		r[i] = world_ask_on(w, i > 0, "GET", "/p", "Cookie: " OLD "\n");
	ck_assert_uint_eq(w->n_fetches, 1);
}

START_TEST(requests_of_one_visitor_ask_once)
{
	static const char *const set[] = {"", "Set-Cookie: " NEW "; Path=/; HttpOnly\n"};
	for (size_t k = 0; k < COUNT_OF(set); k++) {
		struct world *w = stored_world();
		struct req *r[3];
		struct arena a;
		arena_init(&a, 0);
		ask_three(w, r);
		world_respond(w, 0, 200, arena_printf(&a, TEXT "%s", set[k]).p, T1);
		for (unsigned i = 0; i < 3; i++) {
			check_page(r[i], "one of three", T1);
			ck_assert_uint_eq(headers_count(&req_answer(r[i])->headers, STR("Set-Cookie")), k);
			world_end(&r[i]);
		}
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_session_that_begins_is_for_one)
{
	static const char *const set[] = {"Set-Cookie: other=0123456789abcdef\n",
	    "Set-Cookie: " NEW "\nSet-Cookie: id=1\n", "Set-Cookie: session=; Max-Age=0\n"};
	for (size_t k = 0; k < COUNT_OF(set); k++) {
		struct world *w = stored_world();
		struct req *r[3];
		struct arena a;
		arena_init(&a, 0);
		ask_three(w, r);
		world_respond(w, 0, 200, arena_printf(&a, TEXT "%s", set[k]).p, T1);
		check_page(r[0], set[k], T1);
		ck_assert_msg(w->n_fetches == 3, "%s: the others ask for themselves", set[k]);
		for (unsigned i = 1; i < 3; i++)
			ck_assert_ptr_null(req_answer(r[i]));
		for (unsigned i = 1; i < 3; i++)
			world_respond(w, i, 200, TEXT "Set-Cookie: " OLD "\nSet-Cookie: k=1\n", T2);
		for (unsigned i = 1; i < 3; i++) {
			check_page(r[i], set[k], T2);
			ASSERT_STR(world_field(r[i], "Set-Cookie"), OLD);
		}
		for (unsigned i = 0; i < 3; i++)
			world_end(&r[i]);
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

START_TEST(without_a_token_the_page_passes)
{
	static const struct {
		const char *what;
		int err, status;
		const char *fields, *body;
	} rows[] = {
	    {"no connection", ERR_CONNECT, 0, NULL, NULL},
	    {"no answer in time", ERR_TIMEOUT, 0, NULL, NULL},
	    {"an error", 0, 500, TEXT, T1},
	    {"not found", 0, 404, TEXT, T1},
	    {"to be logged in", 0, 302, "Location: /login\n", ""},
	    {"a page", 0, 200, "Content-Type: text/html\n", T1},
	    {"coded", 0, 200, TEXT "Content-Encoding: gzip\n", T1},
	    {"nothing", 0, 200, TEXT, ""},
	    {"markup", 0, 200, TEXT, "\"><script>alert(1)</script>"},
	    {"too short", 0, 200, TEXT, "short"},
	    {"no JSON", 0, 200, "Content-Type: application/json\n", "{\"token\": "},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = stored_world();
		struct req *r =
		    world_ask(w, "GET", "/p", "Cookie: " OLD "\nIf-None-Match: \"1\"\nAccept-Encoding: gzip\n");
		if (rows[i].err) {
			world_done(w, 0, rows[i].err);
		} else {
			world_head(w, 0, rows[i].status, rows[i].fields, (int64_t)strlen(rows[i].body));
			if (w->fetches[0]) {
				world_say(w, 0, rows[i].body);
				world_done(w, 0, ERR_OK);
			}
		}
		world_deliver(w);
		ck_assert_msg(w->n_fetches == 2, "%s: no pass", rows[i].what);
		ASSERT_STR(w->fetches[1]->target, "/p");
		ASSERT_STR(sent(w, 1, "If-None-Match"), "\"1\""); /* as it came */
		ASSERT_STR(sent(w, 1, "Accept-Encoding"), "gzip");
		world_respond(w, 1, 200, "Set-Cookie: " NEW "\n", "made for him");
		ASSERT_ANSWER(r, 200, "made for him");
		ck_assert_msg(r->reason == REASON_PASS_TOKEN_SESSION, "%s: %s", rows[i].what, reason_code(r->reason));
		ck_assert_int_eq(r->outcome, OUTCOME_PASS);
		ASSERT_STR(world_field(r, "Set-Cookie"), NEW);
		world_end(&r);
		/* He is not made to wait for it again at once; nor is what is stored taken away. */
		r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
		ck_assert_uint_eq(w->n_fetches, 3);
		ASSERT_STR(w->fetches[2]->target, "/p");
		world_respond(w, 2, 200, "", "made for him");
		world_end(&r);
		w->now_ms += VISITOR_RETRY_MS;
		visit_asking(w, OLD, "", T1);
		world_free(&w);
	}
}
END_TEST

/* Bytes of a body that has no end. */
static int say_much(struct world *w, unsigned i, size_t n)
{
	static char bytes[TOKEN_BODY_MAX + 100];
	size_t got;
	memset(bytes, ' ', sizeof(bytes));
	return world_body(w, i, bytes, n, &got);
}

START_TEST(bytes_and_time_are_bounded)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
	world_head(w, 0, 200, TEXT, -1);
	world_say(w, 0, T1);
	ck_assert_int_eq(say_much(w, 0, TOKEN_BODY_MAX - strlen(T1)), ERR_OK); /* just fits */
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	check_page(r, "blanks", T1);
	world_end(&r);

	r = world_ask(w, "GET", "/p", "Cookie: " NEW "\n");
	world_head(w, 1, 200, TEXT, -1);
	ck_assert_int_eq(say_much(w, 1, TOKEN_BODY_MAX + 2), ERR_TOO_LARGE);
	world_done(w, 1, ERR_TOO_LARGE);
	world_deliver(w);
	world_respond(w, 2, 200, "", "passed");
	ck_assert_int_eq(r->reason, REASON_PASS_TOKEN_SESSION);
	world_end(&r);

	r = world_ask(w, "GET", "/p", "Cookie: a=0123456789abcdef\n");
	world_head(w, 3, 200, TEXT, TOKEN_BODY_MAX + 1); /* known before it comes */
	world_deliver(w);
	ck_assert_ptr_null(w->fetches[3]);
	world_respond(w, 4, 200, "", "passed");
	world_end(&r);

	r = world_ask(w, "GET", "/p", "Cookie: b=0123456789abcdef\n");
	world_head(w, 5, 200, TEXT, -1);
	ck_assert_int_eq(say_much(w, 5, 1), ERR_OK);
	w->now_ms += w->conf->upstreams[0].first_byte_timeout_ms;
	ck_assert_int_eq(say_much(w, 5, 1), ERR_OK);
	w->now_ms += 1;
	ck_assert_int_eq(say_much(w, 5, 1), ERR_TIMEOUT);
	world_done(w, 5, ERR_TIMEOUT);
	world_deliver(w);
	store(w, "/p", 60000, 0);
	world_respond(w, 6, 200, "", "passed");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(clients_leave)
{
	struct world *w = stored_world();
	struct req *r[3];
	ask_three(w, r);
	req_gone(r[0]); /* who asked */
	world_end(&r[0]);
	req_gone(r[1]);
	world_end(&r[1]);
	world_respond(w, 0, 200, TEXT, T1);
	check_page(r[2], "who waits still", T1);
	world_end(&r[2]);

	/* All have left: what was asked is remembered. */
	r[0] = world_ask(w, "GET", "/p", "Cookie: " NEW "\n");
	req_gone(r[0]);
	world_end(&r[0]);
	ck_assert_uint_eq(w->workers[0].env.active, 1);
	world_respond(w, 1, 200, TEXT, T2);
	visit_knowing(w, "/p", NEW, T2);

	/* Told, and gone before the letter comes. */
	r[0] = world_ask(w, "GET", "/p", "Cookie: a=0123456789abcdef\n");
	world_head(w, 2, 200, TEXT, -1);
	world_say(w, 2, T1);
	world_done(w, 2, ERR_OK);
	req_gone(r[0]);
	world_end(&r[0]);
	world_deliver(w);
	world_free(&w);
}
END_TEST

START_TEST(an_end_of_the_worker_ends_it)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
	world_done(w, 0, ERR_CANCELLED);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 2); /* the pass, which is cancelled as well */
	world_done(w, 1, ERR_CANCELLED);
	world_deliver(w);
	ck_assert(req_answer(r));
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_in_between)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
	struct tier_purge purge = {.kind = PURGE_ALL};
	ck_assert_int_eq(tier_purge(w->tier, &purge), ERR_OK);
	world_respond(w, 0, 200, TEXT, T1);
	ck_assert_ptr_null(req_answer(r)); /* not what was purged */
	ck_assert_uint_eq(w->n_fetches, 2);
	ASSERT_STR(w->fetches[1]->target, "/p");
	world_respond(w, 1, 200, "Cache-Control: no-store\n", "new");
	ASSERT_ANSWER(r, 200, "new");
	ck_assert_int_eq(r->reason, REASON_NOT_NO_STORE);
	world_end(&r);
	world_free(&w);
}
END_TEST

static void on_purged(struct tier_purge *op, int err)
{
}

START_TEST(after_a_purge_it_is_looked_for_below)
{
	static const struct deep_page below = {.body = "below", .lifetime_ms = 60000};
	for (int found = 0; found < 2; found++) {
		struct world *w = deep_world(ini);
		struct tier_purge purge = {.kind = PURGE_ALL, .done = on_purged};
		store(w, "/p", 60000, 0);
		struct req *r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
		ck_assert_int_eq(tier_purge(w->tier, &purge), ERR_AGAIN);
		deep_purged(w, 0, ERR_OK);
		world_respond(w, 0, 200, TEXT, T1);
		ck_assert_ptr_null(req_answer(r));
		ck_assert_uint_eq(deep.n_gets, 1);
		ck_assert_uint_eq(w->n_fetches, 1);
		deep_find(w, 0, found ? &below : NULL);
		if (!found)
			world_respond(w, 1, 200, "Cache-Control: no-store\n", "new");
		ASSERT_ANSWER(r, 200, found ? "below" : "new");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(it_becomes_old_in_between)
{
	struct world *w = world_new(ini);
	store(w, "/p", 1000, 0);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
	w->now_ms += 2000;
	world_respond(w, 0, 200, TEXT, T1);
	ck_assert_ptr_null(req_answer(r)); /* it is judged again, and fetched */
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, "Cache-Control: no-store\n", "new");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(each_answer_from_the_store_has_its_token)
{
	/* stale-while-revalidate: the page is renewed behind while its visitor's token is asked for */
	struct world *w = world_new(ini);
	store(w, "/p", 1000, 60000);
	w->now_ms += 2000;
	struct req *r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
	ck_assert_ptr_null(req_answer(r));
	ck_assert_uint_eq(w->n_fetches, 2);
	unsigned token = str_eq(w->fetches[0]->target, STR("/csrf-token")) ? 0 : 1;
	world_respond(w, token, 200, TEXT, T1);
	ck_assert(req_answer(r));
	ck_assert_int_eq(r->outcome, OUTCOME_STALE);
	ck_assert_int_eq(r->reason, REASON_HIT_STALE);
	ASSERT_STR(r->visitor.token, T1);
	world_end(&r);
	world_done(w, 1 - token, ERR_RESET);

	/* the origin fails: what is stored stands in, if the token is known or told */
	store(w, "/p", 1000, 0);
	w->now_ms += 2000;
	r = world_ask(w, "GET", "/p", "Cookie: " OLD "\n");
	ck_assert_uint_eq(w->n_fetches, 3);
	world_done(w, 2, ERR_CONNECT);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 3);
	ck_assert_int_eq(r->reason, REASON_HIT_STALE_UNREACHABLE);
	ASSERT_STR(r->visitor.token, T1);
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Cookie: " NEW "\n");
	world_done(w, 3, ERR_CONNECT);
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 5);
	world_done(w, 4, ERR_CONNECT); /* the token */
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 6);
	world_done(w, 5, ERR_CONNECT); /* the pass: there is nothing that could stand in */
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->status, 502);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_head_asks_as_well)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "HEAD", "/p", "Cookie: " OLD "\n");
	ASSERT_STR(w->fetches[0]->method, "GET");
	world_respond(w, 0, 200, TEXT, T1);
	check_page(r, "HEAD", T1);
	ck_assert(req_answer(r)->bodyless);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_route_that_does_not_say_whom_to_ask)
{
	struct world *w = world_new(ini);
	store(w, "/without/p", 60000, 0); /* stored before the settings changed */
	struct req *r = world_ask(w, "GET", "/without/p", "Cookie: " OLD "\n");
	ck_assert_uint_eq(w->n_fetches, 1);
	ASSERT_STR(w->fetches[0]->target, "/without/p");
	world_respond(w, 0, 200, "", "made for him");
	ASSERT_ANSWER(r, 200, "made for him");
	ck_assert_int_eq(r->reason, REASON_PASS_TOKEN_SESSION);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(the_path_itself_is_never_stored)
{
	struct world *w = world_new(ini);
	static const char *const targets[] = {"/csrf-token", "/csrf-token?x=1", "/%63srf-token", "/other/../csrf-token",
	    "//csrf-token/", "/csrf-token.css"};
	for (unsigned i = 0; i < COUNT_OF(targets); i++) {
		struct req *r = world_ask(w, "GET", targets[i], "");
		ck_assert_uint_eq(w->n_fetches, i + 1);
		world_respond(w, i, 200, TEXT "Cache-Control: public, max-age=60\n", T1);
		ASSERT_ANSWER(r, 200, T1);
		ck_assert_msg(r->reason == REASON_PASS_TOKEN_PATH, "%s: %s", targets[i], reason_code(r->reason));
		world_end(&r);
	}
	world_free(&w);
}
END_TEST

START_TEST(who_wants_only_what_is_stored)
{
	static const char only[] = "Cookie: " OLD "\nCache-Control: only-if-cached\n";
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p", only);
	ck_assert_msg(w->n_fetches == 0, "RFC 9111 5.2.1.7: the origin is asked");
	ck_assert_int_eq(req_answer(r)->status, 504);
	ck_assert_int_eq(r->reason, REASON_ERROR_ONLY_IF_CACHED);
	world_end(&r);
	visit_asking(w, OLD, "", T1);
	r = world_ask(w, "GET", "/p", only);
	check_page(r, "the token is remembered", T1);
	world_end(&r);
	world_free(&w);
}
END_TEST

static void ask_why(struct world *w, const char *target, const char *fields, struct why *out)
{
	struct why_env env = {w->tier, w->flights, w->workers[0].env.key_seed, 0};
	struct why_ask ask = {.conf = w->conf,
	    .method = STR("GET"),
	    .scheme = STR("http"),
	    .host = STR("example.com"),
	    .target = str_of(target),
	    .now_ms = w->now_ms};
	struct arena a;
	arena_init(&a, 0);
	world_fields(fields, &a, &ask.headers);
	why_find(&env, &ask, &a, out);
	arena_free(&a);
}

START_TEST(what_would_be_asked_is_told)
{
	struct world *w = stored_world();
	struct why why;
	store(w, "/old", 1000, 600000);
	store(w, "/without/p", 60000, 0);
	w->now_ms += 2000;
	unsigned before = w->n_fetches;
	ask_why(w, "/p", "Cookie: " OLD "\n", &why);
	ck_assert(why.kind == WHY_STORED && why.reason == REASON_HIT && why.asks_token && why.status == 200);
	ask_why(w, "/old", "Cookie: " OLD "\n", &why);
	ck_assert(why.kind == WHY_STORED_OLD && why.reason == REASON_HIT_STALE && why.asks_token);
	ask_why(w, "/without/p", "Cookie: " OLD "\n", &why);
	ck_assert(why.kind == WHY_PASS && why.reason == REASON_PASS_TOKEN_SESSION && !why.asks_token);
	ask_why(w, "/csrf-token", "Cookie: " OLD "\n", &why);
	ck_assert(why.kind == WHY_PASS && why.reason == REASON_PASS_TOKEN_PATH && !why.asks_token);
	ck_assert_uint_eq(w->n_fetches, before);
	visit_asking(w, OLD, "", T1);
	ask_why(w, "/p", "Cookie: " OLD "\n", &why);
	ck_assert(why.kind == WHY_STORED && why.reason == REASON_HIT && !why.asks_token);
	/* Told in vain a moment ago: he passes. */
	struct req *r = world_ask(w, "GET", "/p", "Cookie: " NEW "\n");
	world_done(w, before + 1, ERR_CONNECT);
	world_deliver(w);
	world_respond(w, before + 2, 200, "", "passed");
	world_end(&r);
	ask_why(w, "/p", "Cookie: " NEW "\n", &why);
	ck_assert(why.kind == WHY_PASS && why.reason == REASON_PASS_TOKEN_SESSION);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/visitor");
	TCase *t = tcase_create("visitor");
	tcase_add_test(t, the_application_is_asked_as_the_visitor);
	tcase_add_test(t, whose_token_is_remembered_for_whom);
	tcase_add_test(t, the_old_cookies_of_a_renewed_session_count_for_a_moment);
	tcase_add_test(t, a_visitor_without_cookies_gets_a_session_of_his_own);
	tcase_add_test(t, a_minute);
	tcase_add_test(t, who_shares_what_is_remembered);
	tcase_add_test(t, requests_of_one_visitor_ask_once);
	tcase_add_test(t, a_session_that_begins_is_for_one);
	tcase_add_test(t, without_a_token_the_page_passes);
	tcase_add_test(t, bytes_and_time_are_bounded);
	tcase_add_test(t, clients_leave);
	tcase_add_test(t, an_end_of_the_worker_ends_it);
	tcase_add_test(t, a_purge_in_between);
	tcase_add_test(t, after_a_purge_it_is_looked_for_below);
	tcase_add_test(t, it_becomes_old_in_between);
	tcase_add_test(t, each_answer_from_the_store_has_its_token);
	tcase_add_test(t, a_head_asks_as_well);
	tcase_add_test(t, a_route_that_does_not_say_whom_to_ask);
	tcase_add_test(t, the_path_itself_is_never_stored);
	tcase_add_test(t, who_wants_only_what_is_stored);
	tcase_add_test(t, what_would_be_asked_is_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
