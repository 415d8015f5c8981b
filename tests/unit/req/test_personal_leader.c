/* A page whose tokens are cut out, as the visitor gets it who caused its fetch; and what is stored of it meanwhile. */
#include "world.h"

#include <zlib.h>

#include "policy/key.h"

#define MADE   "0a1b2c3d4e5f60718293a4b5c6d7e8f9" /* by the origin, for the fetch */
#define MINE   "ffeeddccbbaa99887766554433221100"
#define YOURS  "00112233445566778899aabbccddeeff"
#define SECRET "0123456789abcdefABCDEF"
#define SETS   "Set-Cookie: csrf=" MADE "; Path=/; SameSite=Lax\nSet-Cookie: sid=1; HttpOnly\n"
#define ETAG   "ETag: \"1\"\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n"

static const char tokens[] = "[route /small/*]\nmax_object = 4K\nttl = 60s\ntoken_cookie = csrf\nset_cookie = strip\n"
			     "[route /*]\nttl = 60s\ntoken_cookie = csrf\nset_cookie = strip\n";

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

/* Says the text in pieces of n bytes; the leader reads all there is after each. */
static struct str stream(
    struct world *w, unsigned fetch, struct req *leader, const char *text, size_t n, char *out, size_t max, int *end)
{
	size_t have = 0, length = strlen(text), sent;
	for (size_t at = 0; at < length; at += n) {
		size_t piece = n < length - at ? n : length - at;
		ck_assert_int_eq(world_body(w, fetch, text + at, piece, &sent), ERR_OK);
		world_deliver(w);
		have += world_read(leader, out + have, max - have, end).n;
		ck_assert_int_eq(*end, ERR_AGAIN);
	}
	world_done(w, fetch, ERR_OK);
	world_deliver(w);
	have += world_read(leader, out + have, max - have, end).n;
	return str_make(out, have);
}

static const struct {
	const char *name, *request, *fields, *body;
	const char *leader, *next; /* bodies: his, and that of a visitor with YOURS; NULL: it is not stored */
	int64_t length;		   /* of his; -2: that of the body */
	bool sets;		   /* he gets the cookie */
	enum reason reason;
} rows[] = {
    {"who has no token gets what the origin sent, with its length", "", SETS, "<i v=" MADE "> end",
	"<i v=" MADE "> end", "<i v=" YOURS "> end", -2, true, REASON_STORED},
    {"who has one finds it in the page", "Cookie: csrf=" MINE "\n", SETS, "<i v=" MADE "> end", "<i v=" MINE "> end",
	"<i v=" YOURS "> end", -1, false, REASON_STORED},
    {"at its begin, at its end and twice in a row", "Cookie: csrf=" MINE "\n", SETS, MADE MADE "-" MADE,
	MINE MINE "-" MINE, YOURS YOURS "-" YOURS, -1, false, REASON_STORED},
    {"one of another shape is replaced by the new one", "Cookie: csrf=short\n", SETS, "v=" MADE, "v=" MADE, "v=" YOURS,
	-2, true, REASON_STORED},
    {"markup in his cookie never comes into a page", "Cookie: csrf=\"><script>alert(1)</script>1234\n", SETS, "v=" MADE,
	"v=" MADE, "v=" YOURS, -2, true, REASON_STORED},
    {"an answer that is not stored has his token all the same", "Cookie: csrf=" MINE "\n",
	"Cache-Control: no-store\n" SETS, "v=" MADE ".", "v=" MINE ".", NULL, -1, false, REASON_NOT_NO_STORE},
    {"one that is not stored is as it came where he has none", "", "Cache-Control: no-store\n" SETS, "v=" MADE,
	"v=" MADE, NULL, -2, true, REASON_NOT_NO_STORE},
    {"a page that shows his session is his alone", "Cookie: csrf=" MINE "; sid=" SECRET "\n", SETS,
	"a" MADE "b" SECRET "c" MADE "d", "a" MINE "b" SECRET "c" MINE "d", NULL, -1, false, REASON_NOT_LEAK_COOKIE},
    {"a page without the token gives the cookie to all the same", "", SETS, "plain", "plain", "plain", -2, true,
	REASON_STORED},
    {"a page that sets no token is shared as it is", "Cookie: csrf=" MINE "\n", "", "plain", "plain", "plain", -2,
	false, REASON_STORED},
};

START_TEST(the_leader_has_his_own)
{
	static const size_t pieces[] = {1, 7, 1000};
	for (unsigned k = 0; k < COUNT_OF(pieces); k++) {
		struct world *w = world_new(tokens);
		struct req *r = world_ask(w, "GET", "/p", rows[_i].request);
		char out[1024];
		int end;
		size_t length = strlen(rows[_i].body);
		world_head(w, 0, 200, rows[_i].fields, (int64_t)length);
		world_deliver(w);
		struct str got = stream(w, 0, r, rows[_i].body, pieces[k], out, sizeof out, &end);
		ck_assert_msg(str_eq(got, str_of(rows[_i].leader)), "%s: \"%.*s\"", rows[_i].name, STR_ARG(got));
		ck_assert_int_eq(end, ERR_EOF);
		int64_t expected = rows[_i].length == -2 ? (int64_t)length : rows[_i].length;
		ck_assert_msg(req_answer(r)->length == expected, "%s", rows[_i].name);
		bool sets = false;
		for (uint32_t i = 0; i < req_answer(r)->headers.n; i++)
			sets = sets || str_starts(req_answer(r)->headers.v[i].value, STR("csrf="));
		ck_assert_msg(sets == rows[_i].sets, "%s", rows[_i].name);
		world_end(&r);
		ck_assert_msg(told(w, "/p") == rows[_i].reason, "%s: %s", rows[_i].name, reason_code(told(w, "/p")));
		r = world_ask(w, "GET", "/p", "Cookie: csrf=" YOURS "\n");
		ck_assert_msg((req_answer(r) != NULL) == (rows[_i].next != NULL), "%s", rows[_i].name);
		if (rows[_i].next)
			ASSERT_ANSWER(r, 200, rows[_i].next);
		else
			world_respond(w, 1, 500, "", "");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(the_origin_makes_a_token_for_the_fetch)
{
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p",
	    "Cookie: a=1; csrf=" MINE "; b=2\nAccept-Encoding: gzip\nRange: bytes=0-3\nIf-None-Match: \"x\"\n");
	const struct headers *h = w->fetches[0]->headers;
	ASSERT_STR(headers_get(h, STR("Cookie")), "a=1; b=2");
	ASSERT_STR(headers_get(h, STR("Accept-Encoding")), "identity");
	ck_assert(!headers_find(h, STR("Range")) && !headers_find(h, STR("If-None-Match")));
	world_respond(w, 0, 200, SETS ETAG, "v=" MADE);
	ASSERT_ANSWER(r, 200, "v=" MINE);
	world_end(&r);
	/* What is never stored goes as it came. */
	r = world_ask(w, "POST", "/p", "Cookie: csrf=" MINE "\nAccept-Encoding: gzip\n");
	h = w->fetches[1]->headers;
	ASSERT_STR(headers_get(h, STR("Cookie")), "csrf=" MINE);
	ASSERT_STR(headers_get(h, STR("Accept-Encoding")), "gzip");
	world_respond(w, 1, 200, SETS, "v=" MADE);
	ASSERT_ANSWER(r, 200, "v=" MADE);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(his_fields_are_his)
{
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	world_respond(w, 0, 200, SETS ETAG "Cache-Control: max-age=60, public\nX-CSRF: <" MADE ">\n", "v=" MADE);
	ASSERT_STR(world_field(r, "X-CSRF"), "<" MINE ">");
	ASSERT_STR(world_field(r, "Set-Cookie"), "sid=1; HttpOnly");
	ASSERT_STR(world_field(r, "Cache-Control"), "private, max-age=0, must-revalidate");
	ck_assert(!world_field(r, "ETag").p && !world_field(r, "Last-Modified").p);
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Cookie: csrf=" YOURS "\n");
	ASSERT_STR(world_field(r, "X-CSRF"), "<" YOURS ">");
	ck_assert_msg(!world_field(r, "Set-Cookie").p, "the session is the leader's");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(who_waited_has_his_own_too)
{
	struct world *w = world_new(tokens);
	struct req *leader = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	struct req *follower = world_ask_on(w, 1, "GET", "/p", "Cookie: csrf=" YOURS "\n");
	world_respond(w, 0, 200, SETS, "v=" MADE ".");
	ASSERT_ANSWER(leader, 200, "v=" MINE ".");
	ASSERT_ANSWER(follower, 200, "v=" YOURS ".");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&leader);
	world_end(&follower);
	world_free(&w);
}
END_TEST

START_TEST(a_hole_wakes_the_leader_without_other_bytes)
{
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	char out[256];
	int end;
	world_head(w, 0, 200, SETS, -1);
	world_say(w, 0, "v=");
	world_deliver(w);
	ASSERT_STR(world_read(r, out, sizeof out, &end), "v=");
	unsigned resumed = w->workers[0].resumed;
	world_say(w, 0, MADE);
	world_deliver(w);
	ck_assert_uint_gt(w->workers[0].resumed, resumed);
	ASSERT_STR(world_read(r, out, 5, &end), "ffeed"); /* as much as he takes */
	ASSERT_STR(world_read(r, out, sizeof out, &end), "dccbbaa99887766554433221100");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_uint_eq(world_read(r, out, sizeof out, &end).n, 0);
	ck_assert_int_eq(end, ERR_EOF);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_page_with_too_many_holes_is_his_alone)
{
	enum { N = HOLES_MAX + 100 };
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	size_t size = N * strlen(MADE), sent;
	char *body = mem_alloc(size + 1), *out = mem_alloc(size + 1);
	int end;
	for (unsigned i = 0; i < N; i++)
		memcpy(body + i * strlen(MADE), MADE, strlen(MADE));
	world_head(w, 0, 200, SETS, (int64_t)size);
	world_deliver(w);
	ck_assert_int_eq(world_body(w, 0, body, size, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	struct str got = world_read(r, out, size + 1, &end);
	ck_assert_int_eq(end, ERR_EOF);
	ck_assert_uint_eq(got.n, size);
	for (unsigned i = 0; i < N; i++)
		ck_assert_int_eq(memcmp(out + i * strlen(MADE), MINE, strlen(MINE)), 0);
	world_end(&r);
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_HOLES);
	free(body);
	free(out);
	world_free(&w);
}
END_TEST

/* Pages that outgrow max_object, and such as are not stored: bounded, however slow he is, and whole at the end. */
static const struct {
	const char *name, *target, *fields;
} large[] = {
    {"a page that is not stored", "/p", "Cache-Control: no-store\n" SETS},
    {"a page that becomes too large", "/small/p", SETS},
};

START_TEST(a_slow_leader_holds_the_origin_up)
{
	enum { SIZE = 2 * 1024 * 1024, EVERY = 1000 };
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", large[_i].target, "Cookie: csrf=" MINE "\n");
	char *body = mem_alloc(SIZE), *out = mem_alloc(SIZE + 1);
	size_t sent = 0, n, have = 0;
	int end = ERR_AGAIN;
	memset(body, '.', SIZE);
	for (size_t i = 0; i + EVERY < SIZE; i += EVERY)
		memcpy(body + i, MADE, strlen(MADE));
	world_head(w, 0, 200, large[_i].fields, SIZE);
	world_deliver(w);
	bool stalled = false, over = false;
	while (end != ERR_EOF) {
		if (!over) {
			int err = world_body(w, 0, body + sent, SIZE - sent, &n);
			sent += n;
			ck_assert(err == ERR_OK || err == ERR_AGAIN);
			stalled = stalled || err == ERR_AGAIN;
			ck_assert_uint_le(sent - have, 1024 * 1024);
			if (sent == SIZE) { /* perhaps with bytes that have no room yet */
				world_done(w, 0, ERR_OK);
				over = true;
			}
		}
		world_deliver(w);
		size_t step = have + 50000 < SIZE ? 50000 : SIZE + 1 - have;
		have += world_read(r, out + have, step, &end).n;
		world_deliver(w);
		ck_assert(end == ERR_AGAIN || end == ERR_EOF || have <= SIZE);
	}
	ck_assert_msg(stalled, "%s", large[_i].name);
	ck_assert_uint_eq(have, SIZE);
	for (size_t i = 0; i + EVERY < SIZE; i += EVERY)
		ck_assert_msg(memcmp(out + i, MINE, strlen(MINE)) == 0, "%s: at %zu", large[_i].name, i);
	world_end(&r);
	free(body);
	free(out);
	world_free(&w);
}
END_TEST

START_TEST(a_leader_that_leaves_with_bytes_waiting_ends_it)
{
	enum { SIZE = 1024 * 1024 };
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	char *body = mem_zalloc(SIZE);
	size_t sent;
	world_head(w, 0, 200, "Cache-Control: no-store\n" SETS, SIZE);
	world_deliver(w);
	ck_assert_int_eq(world_body(w, 0, body, SIZE, &sent), ERR_AGAIN);
	world_done(w, 0, ERR_OK); /* an origin that says less than it promised would be an error; a fetch knows */
	world_deliver(w);
	ck_assert_uint_eq(w->workers[0].env.active, 1);
	req_gone(r);
	world_end(&r);
	world_deliver(w);
	ck_assert_uint_eq(w->workers[0].env.active, 0);
	free(body);
	world_free(&w);
}
END_TEST

/* ---- coded bodies ---- */

static size_t gzipped(const char *text, char *out, size_t max)
{
	z_stream z = {0};
	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = (uInt)strlen(text);
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)max;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return max - z.avail_out;
}

START_TEST(a_coding_is_undone)
{
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	char body[512];
	size_t n = gzipped("a" MADE "b", body, sizeof body), sent;
	world_head(w, 0, 200, SETS ETAG "Content-Encoding: gzip\nContent-Length: 9\nDigest: x\n", (int64_t)n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(world_body(w, 0, body + i, 1, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "a" MINE "b");
	ck_assert(!world_field(r, "Content-Encoding").p && !world_field(r, "Digest").p);
	ck_assert_int_eq(req_answer(r)->length, -1);
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Cookie: csrf=" YOURS "\n");
	ASSERT_ANSWER(r, 200, "a" YOURS "b");
	ck_assert(!world_field(r, "Content-Encoding").p && !world_field(r, "Digest").p);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_coding_that_breaks_breaks_the_page)
{
	struct world *w = world_new(tokens);
	struct req *leader = world_ask(w, "GET", "/p", ""), *follower = world_ask_on(w, 1, "GET", "/p", "");
	char body[512], out[512];
	int end;
	size_t n = gzipped("a" MADE "b", body, sizeof body) - 4, sent;
	world_head(w, 0, 200, SETS "Content-Encoding: gzip\n", (int64_t)n);
	world_deliver(w);
	ck_assert_int_eq(world_body(w, 0, body, n, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	world_read(leader, out, sizeof out, &end);
	ck_assert_int_eq(end, ERR_PROTOCOL);
	ck_assert_int_eq(req_answer(follower)->status, 502);
	world_end(&leader);
	world_end(&follower);
	world_free(&w);
}
END_TEST

START_TEST(a_coded_page_that_is_too_large_goes_by_where_nothing_is_put_in)
{
	enum { SIZE = 5000 };
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/small/p", "");
	char body[SIZE] = "no gzip at all", out[SIZE + 1];
	int end;
	size_t sent;
	world_head(w, 0, 200, SETS "Content-Encoding: gzip\n", SIZE);
	world_deliver(w);
	ASSERT_STR(world_field(r, "Content-Encoding"), "gzip");
	ck_assert_int_eq(req_answer(r)->length, SIZE);
	ck_assert_int_eq(world_body(w, 0, body, SIZE, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert(str_eq(world_read(r, out, sizeof out, &end), str_make(body, SIZE)));
	ck_assert_int_eq(end, ERR_EOF);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_coding_that_is_no_coding_goes_by)
{
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	world_respond(w, 0, 200, SETS "Content-Encoding: zstd\n", "v=" MADE);
	ASSERT_ANSWER(r, 200, "v=" MADE);
	ASSERT_STR(world_field(r, "Content-Encoding"), "zstd");
	ck_assert_int_eq(told(w, "/p"), REASON_NOT_CODING);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(what_goes_by_untouched_keeps_the_origin_s_word)
{
	struct world *w = world_new(tokens);
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "Cache-Control: no-store, max-age=5\n" SETS ETAG, "v=" MADE);
	ASSERT_ANSWER(r, 200, "v=" MADE);
	ASSERT_STR(world_field(r, "Cache-Control"), "no-store, max-age=5");
	ASSERT_STR(world_field(r, "ETag"), "\"1\"");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* ---- nonces and fields of forms ---- */

START_TEST(a_page_without_a_form_waits_for_no_token)
{
	struct world *w =
	    world_new("[route /*]\nttl = 60s\ntoken_field = csrf\ntoken_path = /token\nset_cookie = strip\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "", "no form");
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Cookie: sid=" SECRET "\n");
	ASSERT_ANSWER(r, 200, "no form");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_nonce_is_new_for_the_next)
{
	struct world *w = world_new("[route /*]\nttl = 60s\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "Content-Security-Policy: script-src 'nonce-Abcdef0123456789Ab'\n",
	    "<script nonce=Abcdef0123456789Ab>");
	ASSERT_ANSWER(r, 200, "<script nonce=Abcdef0123456789Ab>");
	ASSERT_STR(world_field(r, "Content-Security-Policy"), "script-src 'nonce-Abcdef0123456789Ab'");
	world_end(&r);
	r = world_ask(w, "GET", "/p", "");
	char out[256];
	int end;
	struct str got = world_read(r, out, sizeof out, &end);
	ck_assert_uint_eq(got.n, strlen("<script nonce=Abcdef0123456789Ab>"));
	ck_assert(str_find(got, STR("Abcdef0123456789Ab")) == got.n);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_masked_field_is_filled_with_the_cookie)
{
	struct world *w =
	    world_new("[route /*]\nttl = 60s\nset_cookie = strip\ntoken_cookie = csrf\ntoken_field = mask\n");
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	world_respond(w, 0, 200, SETS, "<input name=\"mask\" value=\"" SECRET MADE "\">");
	ASSERT_ANSWER(r, 200, "<input name=\"mask\" value=\"" MINE "\">");
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Cookie: csrf=" YOURS "\n");
	ASSERT_ANSWER(r, 200, "<input name=\"mask\" value=\"" YOURS "\">");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_field_that_nobody_can_fill_is_his_alone)
{
	static const char *const pages[] = {"<input name=\"mask\" value=\"" SECRET "\">", "no form"};
	for (unsigned i = 0; i < COUNT_OF(pages); i++) {
		struct world *w = world_new("[route /*]\nttl = 60s\ntoken_cookie = csrf\ntoken_field = mask\n");
		struct req *r = world_ask(w, "GET", "/p", "");
		world_respond(w, 0, 200, "", pages[i]);
		ASSERT_ANSWER(r, 200, pages[i]);
		world_end(&r);
		ck_assert_int_eq(told(w, "/p"), i == 0 ? REASON_NOT_TOKEN_SESSION : REASON_STORED);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_session_s_token_is_asked_for_by_the_next)
{
	struct world *w = world_new("[route /*]\nttl = 60s\ntoken = rails\ntoken_path = /tok\n");
	struct req *r = world_ask(w, "GET", "/p", "Cookie: sid=one\n");
	char out[256];
	int end;
	world_respond(w, 0, 200, "", "<input name=\"authenticity_token\" value=\"" MADE "\">");
	ASSERT_ANSWER(r, 200, "<input name=\"authenticity_token\" value=\"" MADE "\">");
	world_end(&r);
	ck_assert_int_eq(told(w, "/p"), REASON_STORED);
	r = world_ask(w, "GET", "/p", "Cookie: sid=two\n");
	ASSERT_STR(w->fetches[1]->target, "/tok");
	world_respond(w, 1, 200, "Content-Type: text/plain\n", YOURS);
	ASSERT_STR(world_read(r, out, sizeof out, &end), "<input name=\"authenticity_token\" value=\"" YOURS "\">");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* A script has it too. */
START_TEST(a_session_s_token_elsewhere_is_not_for_others)
{
#define FORM "<meta name=\"csrf-token\" content=\"" MADE "\">"
	static const struct {
		const char *name, *options, *fields, *body;
		enum reason reason;
	} pages[] = {
	    {"in the form alone", "", "", FORM FORM, REASON_STORED},
	    {"in a script behind it", "", "", FORM "<script>x = \"" MADE "\"</script>", REASON_NOT_TOKEN_ELSEWHERE},
	    {"in a link before it", "", "", "<a href=\"/?t=" MADE "\">" FORM, REASON_NOT_TOKEN_ELSEWHERE},
	    {"in a field of the head", "", "X-CSRF-Token: " MADE "\n", FORM, REASON_NOT_TOKEN_ELSEWHERE},
	    {"in a cookie, which is not stored", "set_cookie = strip\n", "Set-Cookie: c=1" MADE "\n", FORM,
		REASON_STORED},
	    {"without the guard", "leak_guard = off\n", "", FORM MADE, REASON_STORED},
	};
#undef FORM
	for (unsigned i = 0; i < COUNT_OF(pages); i++) {
		char ini[256];
		snprintf(
		    ini, sizeof ini, "[route /*]\nttl = 60s\ntoken = laravel\ntoken_path = /tok\n%s", pages[i].options);
		struct world *w = world_new(ini);
		struct req *r = world_ask(w, "GET", "/p", "Cookie: sid=one\n");
		struct req *other = world_ask(w, "GET", "/p", "Cookie: sid=two\n");
		world_respond(w, 0, 200, pages[i].fields, pages[i].body);
		ASSERT_ANSWER(r, 200, pages[i].body);
		ck_assert_msg(told(w, "/p") == pages[i].reason, "%s: %s", pages[i].name, reason_code(told(w, "/p")));
		/* Who waited asks for his token, or for the page. */
		ASSERT_STR(w->fetches[1]->target, pages[i].reason == REASON_STORED ? "/tok" : "/p");
		world_respond(w, 1, 200, "Content-Type: text/plain\n", YOURS);
		world_end(&r);
		world_end(&other);
		world_free(&w);
	}
}
END_TEST

/* There are more ways to escape than forms of holes: what is not cut must not be shared. */
START_TEST(a_token_in_an_unknown_spelling_is_not_for_others)
{
	static const struct {
		const char *name, *token, *body;
		enum reason reason;
	} pages[] = {
	    {"as it is", "abcdefghijklmnop+/Q=", "x=abcdefghijklmnop+/Q=", REASON_STORED},
	    {"in a known form", "abcdefghijklmnop+/Q=", "x=abcdefghijklmnop%2B%2FQ%3D", REASON_STORED},
	    {"in none", "abcdefghijklmnop+/Q=", "x=abcdefghijklmnop&#x2b;&#47;Q&equals;", REASON_NOT_TOKEN_ELSEWHERE},
	    {"in both",
		"abcdefghijklmnop+/Q=", "abcdefghijklmnop+/Q= abcdefghijklmnop&plus;/Q=", REASON_NOT_TOKEN_ELSEWHERE},
	    {"behind an escape", "+/abcdefghijklmnopq=", "&plus;&sol;abcdefghijklmnopq&equals;",
		REASON_NOT_TOKEN_ELSEWHERE},
	    {"too little of it to be known", "abcdefghi+jklmnopqr", "abcdefghi&plus;jklmnopqr", REASON_STORED},
	};
	for (unsigned i = 0; i < COUNT_OF(pages); i++) {
		struct world *w = world_new("[route /*]\nttl = 60s\ntoken_cookie = t\n");
		struct req *r = world_ask(w, "GET", "/p", "");
		char fields[128];
		snprintf(fields, sizeof fields, "Set-Cookie: t=%s; Path=/\n", pages[i].token);
		world_respond(w, 0, 200, fields, pages[i].body);
		ASSERT_ANSWER(r, 200, pages[i].body);
		ck_assert_msg(told(w, "/p") == pages[i].reason, "%s: %s", pages[i].name, reason_code(told(w, "/p")));
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("personal_leader");
	TCase *t = tcase_create("personal_leader");
	tcase_add_loop_test(t, the_leader_has_his_own, 0, COUNT_OF(rows));
	tcase_add_test(t, a_token_in_an_unknown_spelling_is_not_for_others);
	tcase_add_test(t, the_origin_makes_a_token_for_the_fetch);
	tcase_add_test(t, his_fields_are_his);
	tcase_add_test(t, who_waited_has_his_own_too);
	tcase_add_test(t, a_hole_wakes_the_leader_without_other_bytes);
	tcase_add_test(t, a_page_with_too_many_holes_is_his_alone);
	tcase_add_loop_test(t, a_slow_leader_holds_the_origin_up, 0, COUNT_OF(large));
	tcase_add_test(t, a_leader_that_leaves_with_bytes_waiting_ends_it);
	tcase_add_test(t, a_coding_is_undone);
	tcase_add_test(t, a_coding_that_breaks_breaks_the_page);
	tcase_add_test(t, a_coded_page_that_is_too_large_goes_by_where_nothing_is_put_in);
	tcase_add_test(t, a_coding_that_is_no_coding_goes_by);
	tcase_add_test(t, what_goes_by_untouched_keeps_the_origin_s_word);
	tcase_add_test(t, a_page_without_a_form_waits_for_no_token);
	tcase_add_test(t, a_nonce_is_new_for_the_next);
	tcase_add_test(t, a_masked_field_is_filled_with_the_cookie);
	tcase_add_test(t, a_field_that_nobody_can_fill_is_his_alone);
	tcase_add_test(t, a_session_s_token_is_asked_for_by_the_next);
	tcase_add_test(t, a_session_s_token_elsewhere_is_not_for_others);
	suite_add_tcase(s, t);
	return suite_run(s);
}
