/* Pages with holes, filled in for each visitor. */
#include "holes.h"

#define T0    "0123456789abcdef0123456789abcdef"
#define MINE  "ffffffffffffffffffffffffffffffff"
#define YOURS "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define HTML  "Content-Type: text/html\n"

static const char plain[] = "";

static const struct hole_value token_value[] = {
    {HOLE_TOKEN, {32, HOLE_HEX_LOWER, 0}, STR("csrf"), STR("; Path=/; SameSite=Lax")},
};
static const struct hole_value nonce_value[] = {
    {HOLE_NONCE, {24, HOLE_BASE64, 2}, STR_NONE, STR_NONE},
};
static const struct hole_value both_values[] = {
    {HOLE_TOKEN, {32, HOLE_HEX_LOWER, 0}, STR("csrf"), STR("; Path=/; SameSite=Lax")},
    {HOLE_NONCE, {24, HOLE_BASE64, 2}, STR_NONE, STR_NONE},
};

static const struct holes_page form = {
    .target = "/form",
    .fields = HTML "ETag: \"v1\"\nX-CSRF-Token: {0}\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n"
		   "Accept-Ranges: bytes\nCache-Control: public, max-age=60\n",
    .body = "<meta content=\"{0}\"><input value='{0}'>",
    .values = token_value,
    .n_values = 1,
};

static struct str body_of_answer(struct req *r, char *out, size_t max)
{
	int end;
	struct str body = world_read(r, out, max, &end);
	ck_assert_int_eq(end, ERR_EOF);
	ck_assert_int_eq(req_answer(r)->length, (int64_t)body.n);
	return body;
}

/* The value of the Set-Cookie that gives the visitor a token; behind it stand these attributes. */
static struct str given_token(struct req *r, const char *name, const char *attributes)
{
	struct str field = world_field(r, "Set-Cookie");
	struct str before = arena_printf(req_arena(r), "%s=", name);
	ck_assert_msg(str_starts(field, before), "\"%.*s\"", STR_ARG(field));
	size_t end = str_index(field, ';');
	ASSERT_STR(str_skip(field, end), attributes);
	return str_skip(str_take(field, end), before.n);
}

/* ---- values ---- */

START_TEST(a_visitor_gets_his_own_token)
{
	struct world *w = world_new(plain);
	holes_store(w, &form);
	struct req *r = world_ask(w, "GET", "/form", "Cookie: a=b; csrf=" MINE "\n");
	ASSERT_ANSWER(r, 200, "<meta content=\"" MINE "\"><input value='" MINE "'>");
	ASSERT_STR(world_field(r, "X-CSRF-Token"), MINE);
	ck_assert_ptr_null(world_field(r, "Set-Cookie").p);
	ck_assert_int_eq(req_answer(r)->kind, ANSWER_PARTS);
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=60");
	ASSERT_STR(world_field(r, "Age"), "0");
	world_end(&r);
	r = world_ask(w, "GET", "/form", "Cookie: csrf=" YOURS "\n");
	ASSERT_ANSWER(r, 200, "<meta content=\"" YOURS "\"><input value='" YOURS "'>");
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 0);
	world_free(&w);
}
END_TEST

START_TEST(who_has_none_gets_a_fresh_one)
{
	static const struct {
		const char *what, *cookies;
	} rows[] = {
	    {"no cookie", ""},
	    {"another cookie", "Cookie: sid=" MINE "\n"},
	    {"too short", "Cookie: csrf=ffff\n"},
	    {"too long", "Cookie: csrf=" MINE "f\n"},
	    {"other letters", "Cookie: csrf=FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\n"},
	    {"markup", "Cookie: csrf='><script>alert(1)</script>eeeee\n"},
	    {"a quote", "Cookie: csrf=\"ffffffffffffffffffffffffffffff\"\n"},
	    {"nothing", "Cookie: csrf=\n"},
	};
	struct world *w = world_new(plain);
	struct str last = STR("");
	struct arena a;
	arena_init(&a, 0);
	holes_store(w, &form);
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct req *r = world_ask(w, "GET", "/form", rows[i].cookies);
		struct str token = given_token(r, "csrf", "; Path=/; SameSite=Lax");
		ck_assert_msg(hole_shape_fits(&token_value[0].shape, token), "%s: %.*s", rows[i].what, STR_ARG(token));
		ck_assert_msg(!str_eq(token, last), "%s: the same again", rows[i].what);
		ck_assert_uint_eq(headers_count(&req_answer(r)->headers, STR("Set-Cookie")), 1);
		char out[256];
		struct str want =
		    arena_printf(&a, "<meta content=\"%.*s\"><input value='%.*s'>", STR_ARG(token), STR_ARG(token));
		ck_assert_msg(str_eq(body_of_answer(r, out, sizeof out), want), "%s: %s", rows[i].what, out);
		ck_assert_msg(str_eq(world_field(r, "X-CSRF-Token"), token), "%s", rows[i].what);
		last = arena_str(&a, token);
		world_end(&r);
	}
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(fillings_and_fresh_tokens_are_counted)
{
	struct world *w = world_new(plain);
	holes_store(w, &form);
	static const char *const cookies[] = {"", "Cookie: csrf=" MINE "\n", "Cookie: csrf=ffff\n"};
	for (unsigned i = 0; i < COUNT_OF(cookies); i++) {
		struct req *r = world_ask(w, "GET", "/form", cookies[i]);
		world_end(&r);
	}
	ck_assert_uint_eq(world_counted(w, "larder_filled_responses_total"), 3);
	ck_assert_uint_eq(world_counted(w, "larder_tokens_made_total"), 2);
	world_free(&w);
}
END_TEST

START_TEST(nonces_are_fresh_for_each_answer)
{
	static const struct holes_page page = {
	    .target = "/n",
	    .fields = HTML "Content-Security-Policy: script-src 'nonce-{0}' 'self'; style-src 'nonce-{0}'\n",
	    .body = "<script nonce=\"{0}\">",
	    .values = nonce_value,
	    .n_values = 1,
	};
	struct world *w = world_new(plain);
	char before[64] = "", out[64];
	holes_store(w, &page);
	for (unsigned i = 0; i < 5; i++) {
		struct req *r = world_ask(w, "GET", "/n", "");
		struct str policy = world_field(r, "Content-Security-Policy");
		struct str nonce = str_take(str_skip(policy, strlen("script-src 'nonce-")), 24);
		ck_assert(hole_shape_fits(&nonce_value[0].shape, nonce));
		ck_assert_msg(!str_eq(nonce, str_of(before)), "the same again: %s", before);
		snprintf(before, sizeof before, "%.*s", STR_ARG(nonce));
		struct str want =
		    arena_printf(req_arena(r), "script-src 'nonce-%s' 'self'; style-src 'nonce-%s'", before, before);
		ck_assert(str_eq(policy, want));
		want = arena_printf(req_arena(r), "<script nonce=\"%s\">", before);
		ck_assert(str_eq(body_of_answer(r, out, sizeof out), want));
		ck_assert_ptr_null(world_field(r, "Set-Cookie").p);
		world_end(&r);
	}
	world_free(&w);
}
END_TEST

START_TEST(values_are_written_in_the_form_of_their_place)
{
	static const struct hole_value value[] = {{HOLE_TOKEN, {20, HOLE_BASE64, 1}, STR("t"), STR("")}};
	static const struct holes_page page = {.target = "/forms",
	    .fields = HTML "Link: </?t={0:1}>\n",
	    .body = "{0}|{0:1}|{0:2}|{0:8}|{0:1}",
	    .values = value,
	    .n_values = 1};
	struct world *w = world_new(plain);
	holes_store(w, &page);
	struct req *r = world_ask(w, "GET", "/forms", "Cookie: t=abcdefgh+/+/ijklmno=\n");
	ASSERT_ANSWER(r, 200,
	    "abcdefgh+/+/ijklmno=|abcdefgh%2B%2F%2B%2Fijklmno%3D|abcdefgh%2b%2f%2b%2fijklmno%3d|"
	    "abcdefgh+\\/+\\/ijklmno=|abcdefgh%2B%2F%2B%2Fijklmno%3D");
	ASSERT_STR(world_field(r, "Link"), "</?t=abcdefgh%2B%2F%2B%2Fijklmno%3D>");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(the_token_of_a_session_is_given)
{
	static const struct hole_value value[] = {{HOLE_SESSION, {40, HOLE_ALNUM, 0}, STR_NONE, STR_NONE}};
	static const struct holes_page page = {.target = "/s",
	    .fields = HTML "ETag: \"v1\"\n",
	    .body = "<input value=\"{0}\">",
	    .values = value,
	    .n_values = 1};
	struct world *w = world_new(plain);
	struct req_client client = {(const struct sockaddr *)&w->peer, STR("127.0.0.1"), STR("127.0.0.1:8080")};
	holes_store(w, &page);
	struct req *r = req_new(&w->workers[0].env, &client, NULL);
	*req_message(r) = (struct http_request){.method = METHOD_GET,
	    .method_name = STR("GET"),
	    .target = STR("/s"),
	    .host = STR("example.com"),
	    .minor = 1};
	r->visitor.token = STR("theSessionsOwn");
	ck_assert(req_begin(r));
	ASSERT_ANSWER(r, 200, "<input value=\"theSessionsOwn\">");
	ck_assert_ptr_null(world_field(r, "Set-Cookie").p);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_token_without_places_is_given_all_the_same)
{
	static const struct holes_page page = {
	    .target = "/js", .fields = HTML, .body = "<script src=app.js>", .values = token_value, .n_values = 1};
	struct world *w = world_new(plain);
	holes_store(w, &page);
	struct req *r = world_ask(w, "GET", "/js", "");
	ck_assert(hole_shape_fits(&token_value[0].shape, given_token(r, "csrf", "; Path=/; SameSite=Lax")));
	ASSERT_ANSWER(r, 200, "<script src=app.js>");
	ck_assert_int_eq(req_answer(r)->kind, ANSWER_WHOLE);
	world_end(&r);
	world_free(&w);
}
END_TEST

/* ---- places ---- */

START_TEST(holes_anywhere)
{
	static const struct {
		const char *what, *fields, *body, *field, *want;
	} rows[] = {
	    {"at the start", "X: {0}b\n", "{0}b", MINE "b", MINE "b"},
	    {"at the end", "X: a{0}\n", "a{0}", "a" MINE, "a" MINE},
	    {"nothing else", "X: {0}\n", "{0}", MINE, MINE},
	    {"side by side", "X: a{0}{0}b\n", "a{0}{0}{0}b", "a" MINE MINE "b", "a" MINE MINE MINE "b"},
	    {"in the fields only", "X: a{0}\n", "page", "a" MINE, "page"},
	    {"of an empty page", "X: a{0}\n", "", "a" MINE, ""},
	    {"in the body only", "X: a\n", "b{0}c", "a", "b" MINE "c"},
	    {"in one of many fields", "A: a\nX: x{0}y{0}z\nB: {0}\n", "", "x" MINE "y" MINE "z", ""},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		char out[256];
		holes_store(w, &(struct holes_page){.target = "/p",
				   .fields = rows[i].fields,
				   .body = rows[i].body,
				   .values = token_value,
				   .n_values = 1});
		struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
		ck_assert_msg(str_eq(world_field(r, "X"), str_of(rows[i].field)), "%s: the field", rows[i].what);
		ck_assert_msg(str_eq(body_of_answer(r, out, sizeof out), str_of(rows[i].want)), "%s", rows[i].what);
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* As many as there may be, over several segments. */
START_TEST(a_thousand_holes)
{
	enum { LINE = 20 };
	struct world *w = world_new(plain);
	char *marked = mem_alloc(HOLES_MAX * (LINE + 4) + 1), *want = mem_alloc(HOLES_MAX * (LINE + 33) + 1);
	char *out = mem_alloc(HOLES_MAX * (LINE + 33) + 1);
	size_t n = 0, m = 0;
	for (unsigned i = 0; i < HOLES_MAX; i++) {
		n += (size_t)snprintf(marked + n, LINE + 5, "%0*u{0}", LINE, i);
		m += (size_t)snprintf(want + m, LINE + 34, "%0*u" MINE, LINE, i);
	}
	holes_store(
	    w, &(struct holes_page){
		   .target = "/p", .fields = HTML, .body = marked, .values = token_value, .n_values = 1, .pieces = 3});
	struct req *r = world_ask(w, "GET", "/p", "Cookie: csrf=" MINE "\n");
	ck_assert(str_eq(body_of_answer(r, out, HOLES_MAX * (LINE + 33) + 1), str_make(want, m)));
	world_end(&r);
	free(marked);
	free(want);
	free(out);
	world_free(&w);
}
END_TEST

/* ---- fields, conditions ---- */

START_TEST(a_filled_page_is_private)
{
	/* Whatever the settings say. */
	struct world *w =
	    world_new("[route form]\nmatch = /form\nresponse_header_set = Expires: Thu, 01 Dec 2033 16:00:00 GMT\n");
	holes_store(w, &form);
	struct req *r = world_ask(w, "GET", "/form", "Cookie: csrf=" MINE "\n");
	const struct headers *h = &req_answer(r)->headers;
	ASSERT_STR(world_field(r, "Cache-Control"), "private, max-age=0, must-revalidate");
	ck_assert_uint_eq(headers_count(h, STR("Cache-Control")), 1);
	ck_assert_ptr_null(headers_find(h, STR("Expires")));
	ck_assert_ptr_null(headers_find(h, STR("Last-Modified")));
	ck_assert_ptr_null(headers_find(h, STR("Accept-Ranges")));
	ASSERT_STR(world_field(r, "Content-Type"), "text/html");
	world_end(&r);
	world_free(&w);
}
END_TEST

static struct str tag_for(struct world *w, const char *target, const char *cookies, struct arena *a)
{
	struct req *r = world_ask(w, "GET", target, cookies);
	struct str tag = arena_str(a, world_field(r, "ETag"));
	world_end(&r);
	return tag;
}

START_TEST(entity_tags_differ_by_what_was_filled_in)
{
	struct world *w = world_new(plain);
	struct arena a;
	arena_init(&a, 0);
	struct holes_page other = form;
	other.target = "/other";
	other.fields = "ETag: W/\"v2\"\n";
	holes_store(w, &form);
	holes_store(w, &other);
	struct str mine = tag_for(w, "/form", "Cookie: csrf=" MINE "\n", &a);
	ck_assert_msg(
	    str_starts(mine, STR("W/\"v1-")) && mine.n == strlen("W/\"v1-0123456789abcdef\""), "%.*s", STR_ARG(mine));
	ck_assert(str_eq(tag_for(w, "/form", "Cookie: csrf=" MINE "\n", &a), mine));
	ck_assert(!str_eq(tag_for(w, "/form", "Cookie: csrf=" YOURS "\n", &a), mine));
	ck_assert(!str_eq(tag_for(w, "/form", "", &a), tag_for(w, "/form", "", &a)));
	/* The same token is not to be seen in the tags of two pages. */
	struct str there = tag_for(w, "/other", "Cookie: csrf=" MINE "\n", &a);
	ck_assert(str_starts(there, STR("W/\"v2-")));
	ck_assert(!str_eq(str_skip(there, 6), str_skip(mine, 6)));
	/* Nobody who does not know the key can tell it from the token. */
	w->workers[0].env.tag_key.k0 ^= 1;
	ck_assert(!str_eq(tag_for(w, "/form", "Cookie: csrf=" MINE "\n", &a), mine));
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(without_a_tag_of_the_origin_there_is_none)
{
	static const char *const fields[] = {HTML, "ETag: v1\n", "ETag: \"v1\n"};
	for (unsigned i = 0; i < COUNT_OF(fields); i++) {
		struct world *w = world_new(plain);
		struct holes_page page = form;
		page.fields = fields[i];
		holes_store(w, &page);
		struct req *r = world_ask(w, "GET", "/form", "Cookie: csrf=" MINE "\nIf-None-Match: v1\n");
		ck_assert_int_eq(req_answer(r)->status, 200);
		ck_assert_ptr_null(world_field(r, "ETag").p);
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* "%s" is the tag that a visitor with the token MINE was given. */
START_TEST(conditions_are_judged_by_the_filled_tag)
{
	static const struct {
		const char *what, *request;
		int status;
	} rows[] = {
	    {"RFC 9111 4.3.2-1: the page that he has", "Cookie: csrf=" MINE "\nIf-None-Match: %s\n", 304},
	    {"among others", "Cookie: csrf=" MINE "\nIf-None-Match: \"x\", %s\n", 304},
	    {"any page of his", "Cookie: csrf=" MINE "\nIf-None-Match: *\n", 304},
	    {"the tag of the origin", "Cookie: csrf=" MINE "\nIf-None-Match: \"v1\"\n", 200},
	    {"since then he has another token", "Cookie: csrf=" YOURS "\nIf-None-Match: %s\n", 200},
	    {"since then he lost his token", "If-None-Match: %s\n", 200},
	    {"a 304 would leave him without the token that it sets", "If-None-Match: *\n", 200},
	    {"the date is of no page of his",
		"Cookie: csrf=" MINE "\nIf-Modified-Since: Tue, 14 Nov 2028 22:13:20 GMT\n", 200},
	    {"a part is the whole", "Cookie: csrf=" MINE "\nRange: bytes=0-1\n", 200},
	    {"and of no length", "Cookie: csrf=" MINE "\nRange: bytes=9999-\n", 200},
	    {"a part on condition", "Cookie: csrf=" MINE "\nRange: bytes=0-1\nIf-Range: %s\n", 200},
	};
	struct world *w = world_new(plain);
	struct arena a;
	arena_init(&a, 0);
	holes_store(w, &form);
	struct str mine = tag_for(w, "/form", "Cookie: csrf=" MINE "\n", &a);
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char fields[256];
		const char *mark = strstr(rows[i].request, "%s");
		size_t before = mark ? (size_t)(mark - rows[i].request) : strlen(rows[i].request);
		snprintf(fields, sizeof fields, "%.*s%.*s%s", (int)before, rows[i].request, mark ? (int)mine.n : 0,
		    mine.p, mark ? mark + 2 : "");
		struct req *r = world_ask(w, "GET", "/form", fields);
		ck_assert_msg(req_answer(r)->status == rows[i].status, "%s: %d", rows[i].what, req_answer(r)->status);
		ck_assert_msg(req_answer(r)->bodyless == (rows[i].status == 304), "%s", rows[i].what);
		if (rows[i].status == 304) {
			/* RFC 9110 15.4.5: what a 200 would have had */
			ck_assert(str_eq(world_field(r, "ETag"), mine));
			ASSERT_STR(world_field(r, "Cache-Control"), "private, max-age=0, must-revalidate");
			ASSERT_STR(world_field(r, "X-CSRF-Token"), MINE);
			ck_assert_ptr_null(world_field(r, "Content-Type").p);
			ck_assert_ptr_null(world_field(r, "Set-Cookie").p);
		}
		world_end(&r);
	}
	ck_assert_uint_eq(w->n_fetches, 0);
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(a_page_with_a_nonce_is_always_sent)
{
	static const char *const conditions[] = {
	    "If-None-Match: %s\n", "If-None-Match: *\n", "If-None-Match: \"v1\"\n"};
	struct world *w = world_new(plain);
	struct arena a;
	arena_init(&a, 0);
	holes_store(
	    w, &(struct holes_page){
		   .target = "/n", .fields = "ETag: \"v1\"\n", .body = "{0}{1}", .values = both_values, .n_values = 2});
	for (unsigned i = 0; i < COUNT_OF(conditions); i++) {
		char fields[256];
		struct str tag = tag_for(w, "/n", "Cookie: csrf=" MINE "\n", &a);
		int n = snprintf(fields, sizeof fields, "Cookie: csrf=" MINE "\n");
		if (i == 0)
			snprintf(fields + n, sizeof fields - (size_t)n, "If-None-Match: %.*s\n", STR_ARG(tag));
		else
			snprintf(fields + n, sizeof fields - (size_t)n, "%s", conditions[i]);
		struct req *r = world_ask(w, "GET", "/n", fields);
		ck_assert_msg(req_answer(r)->status == 200, "%s", conditions[i]);
		ck_assert(str_starts(world_field(r, "ETag"), STR("W/\"v1-")));
		world_end(&r);
	}
	arena_free(&a);
	world_free(&w);
}
END_TEST

/* ---- other answers ---- */

START_TEST(head_has_the_fields_of_get)
{
	struct world *w = world_new(plain);
	holes_store(w, &form);
	struct req *get = world_ask(w, "GET", "/form", "Cookie: csrf=" MINE "\n");
	struct req *head = world_ask(w, "HEAD", "/form", "Cookie: csrf=" MINE "\n");
	ck_assert(req_answer(head)->bodyless);
	ck_assert_int_eq(req_answer(head)->length, req_answer(get)->length);
	ck_assert_uint_eq(req_answer(head)->headers.n, req_answer(get)->headers.n);
	for (uint32_t i = 0; i < req_answer(get)->headers.n; i++)
		ck_assert(str_eq(req_answer(get)->headers.v[i].value, req_answer(head)->headers.v[i].value));
	world_end(&head);
	head = world_ask(w, "HEAD", "/form", "");
	ck_assert_uint_eq(given_token(head, "csrf", "; Path=/; SameSite=Lax").n, 32);
	world_end(&head);
	world_end(&get);
	world_free(&w);
}
END_TEST

START_TEST(other_statuses_are_filled_too)
{
	static const int statuses[] = {203, 204, 301, 404, 410};
	for (unsigned i = 0; i < COUNT_OF(statuses); i++) {
		struct world *w = world_new(plain);
		struct holes_page page = form;
		page.status = statuses[i];
		if (statuses[i] == 204)
			page.body = "";
		holes_store(w, &page);
		struct req *r = world_ask(w, "GET", "/form", "Cookie: csrf=" MINE "\nIf-None-Match: *\n");
		ck_assert_int_eq(req_answer(r)->status, statuses[i]);
		ck_assert_int_eq(req_answer(r)->bodyless, statuses[i] == 204);
		ASSERT_STR(world_field(r, "X-CSRF-Token"), MINE);
		ASSERT_STR(world_field(r, "Cache-Control"), "private, max-age=0, must-revalidate");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_stale_page_is_filled_and_fetched_anew_without_conditions)
{
	struct world *w = world_new(plain);
	holes_store(w, &form);
	w->now_ms += 61000;
	struct req *r = world_ask(w, "GET", "/form", "Cookie: csrf=" MINE "\n");
	ASSERT_ANSWER(r, 200, "<meta content=\"" MINE "\"><input value='" MINE "'>");
	ASSERT_STR(world_field(r, "Cache-Control"), "private, max-age=0, must-revalidate");
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 1);
	ck_assert_ptr_null(headers_find(w->fetches[0]->headers, STR("If-None-Match")));
	ck_assert_ptr_null(headers_find(w->fetches[0]->headers, STR("If-Modified-Since")));
	world_respond(w, 0, 200, "Cache-Control: max-age=60\n", "plain");
	r = world_ask(w, "GET", "/form", "");
	ASSERT_ANSWER(r, 200, "plain");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_page_that_stands_in_is_filled)
{
	struct world *w = world_new(plain);
	holes_store(w, &form);
	struct req *r = world_ask(w, "GET", "/form", "Cache-Control: no-cache\nCookie: csrf=" MINE "\n");
	ck_assert_ptr_null(req_answer(r));
	ck_assert_ptr_null(headers_find(w->fetches[0]->headers, STR("If-None-Match")));
	world_head(w, 0, 503, "", 4);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "<meta content=\"" MINE "\"><input value='" MINE "'>");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(an_answer_to_head_leaves_the_page_alone)
{
	static const char *const answers[] = {
	    "Cache-Control: max-age=60\nETag: \"v1\"\nX: 1\n",
	    "Cache-Control: max-age=60\nETag: \"v2\"\n",
	    "Cache-Control: max-age=60\nContent-Length: 1\n",
	    "Cache-Control: no-store\n",
	};
	for (unsigned i = 0; i < COUNT_OF(answers); i++) {
		struct world *w = world_new(plain);
		holes_store(w, &form);
		struct req *r = world_ask(w, "HEAD", "/form", "Cache-Control: no-cache\n");
		world_head(w, 0, 200, answers[i], -1);
		world_done(w, 0, ERR_OK);
		world_deliver(w);
		world_end(&r);
		r = world_ask(w, "GET", "/form", "Cookie: csrf=" MINE "\n");
		ASSERT_ANSWER(r, 200, "<meta content=\"" MINE "\"><input value='" MINE "'>");
		ck_assert_ptr_null(world_field(r, "X").p);
		ck_assert_uint_eq(w->n_fetches, 1);
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/fillin");
	TCase *t = tcase_create("fillin");
	tcase_add_test(t, a_visitor_gets_his_own_token);
	tcase_add_test(t, who_has_none_gets_a_fresh_one);
	tcase_add_test(t, fillings_and_fresh_tokens_are_counted);
	tcase_add_test(t, nonces_are_fresh_for_each_answer);
	tcase_add_test(t, values_are_written_in_the_form_of_their_place);
	tcase_add_test(t, the_token_of_a_session_is_given);
	tcase_add_test(t, a_token_without_places_is_given_all_the_same);
	tcase_add_test(t, holes_anywhere);
	tcase_add_test(t, a_thousand_holes);
	tcase_add_test(t, a_filled_page_is_private);
	tcase_add_test(t, entity_tags_differ_by_what_was_filled_in);
	tcase_add_test(t, without_a_tag_of_the_origin_there_is_none);
	tcase_add_test(t, conditions_are_judged_by_the_filled_tag);
	tcase_add_test(t, a_page_with_a_nonce_is_always_sent);
	tcase_add_test(t, head_has_the_fields_of_get);
	tcase_add_test(t, other_statuses_are_filled_too);
	tcase_add_test(t, a_stale_page_is_filled_and_fetched_anew_without_conditions);
	tcase_add_test(t, a_page_that_stands_in_is_filled);
	tcase_add_test(t, an_answer_to_head_leaves_the_page_alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
