/* The fields that are stored: what is cut out of them, where the holes are, and what is no secret because it is cut. */
#include "fields.h"

#include "base/mem.h"
#include "policy/personal.h"
#include "policy/storable.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define TOKEN "0123456789abcdef"
#define SET   "Set-Cookie: t=" TOKEN "\n"
#define CSP   "Content-Security-Policy: "

static struct str cookies[] = {STR("t")};

static struct route route_with_token(void)
{
	struct route route = route_of_tests();
	route.token_cookie = (struct str_list){cookies, 1};
	route.leak_guard = true;
	return route;
}

static enum reason judge(const struct route *route, const char *request_fields, const char *response_fields,
    struct headers *kept, struct personal *out)
{
	struct http_request request = request_of(request_fields, &arena);
	struct http_response response = response_of(200, response_fields, &arena);
	struct personal_in in = {route, &request, &response, NOW_MS};
	*kept = fields_of(response_fields, &arena);
	(void)headers_remove(kept, STR("Set-Cookie"));
	return policy_personal(&in, &arena, kept, out);
}

/* The fields with each hole as {value} or, in another form, {value.form}. */
static const char *holes_of(const struct headers *kept, const struct personal *p)
{
	struct str text = STR("");
	unsigned k = 0;
	for (uint32_t i = 0; i < kept->n; i++) {
		size_t done = 0;
		struct str value = kept->v[i].value;
		text = arena_printf(&arena, "%.*s%.*s: ", STR_ARG(text), STR_ARG(kept->v[i].name));
		for (; k < p->n_field_holes && p->field_holes[k].field == i; k++) {
			const struct hole *h = &p->field_holes[k];
			ck_assert_uint_le(done, h->at);
			ck_assert_uint_le(h->at, value.n);
			text = arena_printf(
			    &arena, "%.*s%.*s{%u", STR_ARG(text), (int)(h->at - done), value.p + done, h->value);
			text = arena_printf(&arena, h->form ? "%.*s.%u}" : "%.*s}", STR_ARG(text), h->form);
			done = h->at;
		}
		text = arena_printf(&arena, "%.*s%.*s\n", STR_ARG(text), (int)(value.n - done), value.p + done);
	}
	ck_assert_uint_eq(k, p->n_field_holes);
	return arena_str(&arena, text).p;
}

START_TEST(values_are_cut_out_of_fields)
{
	static const struct {
		const char *what, *fields, *holes;
	} rows[] = {
	    {"nothing is there", SET "X: a", "X: a\n"},
	    {"the whole value", SET "X: " TOKEN, "X: {0}\n"},
	    {"in the midst", SET "X: <" TOKEN ">", "X: <{0}>\n"},
	    {"several, side by side", SET "X: " TOKEN TOKEN "a" TOKEN, "X: {0}{0}a{0}\n"},
	    {"in several fields", SET "X: " TOKEN "\nY: b\nZ: " TOKEN, "X: {0}\nY: b\nZ: {0}\n"},
	    {"half of it stays", SET "X: 01234567", "X: 01234567\n"},
	    {"a beginning that fails before the value", SET "X: 012301230123456789abcdef0", "X: 01230123{0}0\n"},
	    {"the nonce of the policy itself", CSP "script-src 'nonce-Ab345678' 'self'; style-src 'nonce-Ab345678'",
		CSP "script-src 'nonce-{0}' 'self'; style-src 'nonce-{0}'\n"},
	    {"and in a Link", CSP "'nonce-Ab345678'\nLink: </a.js>; nonce=\"Ab345678\"",
		CSP "'nonce-{0}'\nLink: </a.js>; nonce=\"{0}\"\n"},
	    {"token and nonce", SET CSP "'nonce-Ab345678'\nX: " TOKEN, CSP "'nonce-{1}'\nX: {0}\n"},
	    {"a value within a longer one", CSP "'nonce-Ab345678' 'nonce-Ab345678cd'\nX: Ab345678cdAb345678",
		CSP "'nonce-{0}' 'nonce-{1}'\nX: {1}{0}\n"},
	};
	struct route route = route_with_token();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		struct headers kept;
		ck_assert_msg(judge(&route, "", rows[i].fields, &kept, &out) == REASON_NONE, "%s", rows[i].what);
		const char *got = holes_of(&kept, &out);
		ck_assert_msg(strcmp(got, rows[i].holes) == 0, "%s:\n%s", rows[i].what, got);
	}
}
END_TEST

START_TEST(a_form_is_remembered_with_the_hole)
{
	struct route route = route_with_token();
	struct personal out;
	struct headers kept;
	enum reason why = judge(&route, "",
	    "Set-Cookie: t=abcd+/0123456789=\nX: /?t=abcd%2B%2F0123456789%3D\nY: abcd+/0123456789=", &kept, &out);
	ck_assert_int_eq(why, REASON_NOT_TOKEN_SHAPE); /* 17 characters are no base64 */
	why = judge(&route, "",
	    "Set-Cookie: t=abcd+/0123456789abc=\nX: /?t=abcd%2B%2F0123456789abc%3D\nY: abcd+/0123456789abc=", &kept,
	    &out);
	ck_assert_int_eq(why, REASON_NONE);
	ck_assert_str_eq(holes_of(&kept, &out), arena_printf(&arena, "X: /?t={0.%d}\nY: {0}\n", HOLE_URL).p);
}
END_TEST

START_TEST(what_is_cut_is_no_secret)
{
	static const struct {
		const char *what, *request, *response;
		enum reason reason;
		unsigned n_secrets;
	} rows[] = {
	    {"the token's own Set-Cookie", "", SET "X: " TOKEN, REASON_NONE, 0},
	    {"the client has sent the same", "Cookie: t=" TOKEN, SET "X: " TOKEN, REASON_NONE, 0},
	    {"in quotes", "Cookie: t=\"" TOKEN "\"", SET "X: " TOKEN, REASON_NONE, 0},
	    {"another cookie of the same value", "", SET "Set-Cookie: copy=" TOKEN "\nX: " TOKEN, REASON_NONE, 0},
	    {"a token that the client sent is his", "Cookie: t=fedcba9876543210", SET "X: fedcba9876543210",
		REASON_NOT_LEAK_COOKIE, 0},
	    {"and looked for in the body", "Cookie: t=fedcba9876543210", SET "X: " TOKEN, REASON_NONE, 1},
	    {"a secret that holds the token is one", "Cookie: sid=x" TOKEN, SET "X: x" TOKEN, REASON_NOT_LEAK_COOKIE,
		0},
	};
	struct route route = route_with_token();
	route.set_cookie = SET_COOKIE_STRIP;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		struct headers kept;
		enum reason why = judge(&route, rows[i].request, rows[i].response, &kept, &out);
		ck_assert_msg(why == rows[i].reason, "%s: %s", rows[i].what, reason_code(why));
		ck_assert_msg(out.n_secrets == rows[i].n_secrets, "%s: %u", rows[i].what, out.n_secrets);
		ck_assert_msg(out.n_values == 1, "%s: the token of the fetch is known all the same", rows[i].what);
	}
}
END_TEST

START_TEST(what_tells_of_the_bytes_leaves_with_them)
{
	static const char fields[] = "Content-Type: text/html\nContent-Length: 5\nContent-Encoding: gzip\n"
				     "Accept-Ranges: bytes\nETag: \"a\"\nContent-Digest: sha-256=:a:\nRepr-Digest: x\n"
				     "Digest: x\nContent-MD5: x\nVary: Accept-Encoding\n";
	struct route route = route_with_token();
	struct personal out;
	struct headers kept;
	ck_assert_int_eq(judge(&route, "", fields, &kept, &out), REASON_NONE);
	ck_assert_msg(strcmp(text_of(&kept, &arena), fields) == 0, "where nothing is cut all stay");
	struct str with = arena_printf(&arena, "%s" SET, fields);
	ck_assert_int_eq(judge(&route, "", with.p, &kept, &out), REASON_NONE);
	ck_assert_str_eq(text_of(&kept, &arena), "Content-Type: text/html\nETag: W/\"a\"\nVary: Accept-Encoding\n");
}
END_TEST

START_TEST(the_tag_that_is_remembered_is_the_one_that_is_kept)
{
	static const struct {
		const char *what, *fields, *tag;
	} rows[] = {
	    {"RFC 9110 8.8.3.3: a tag of coded bytes is weak when they are not",
		SET "ETag: \"a\"\nContent-Encoding: gzip", "W/\"a\""},
	    {"one that is weak stays", SET "ETag: W/\"a\"\nContent-Encoding: gzip", "W/\"a\""},
	    {"of bytes that were not coded", SET "ETag: \"a\"", "\"a\""},
	    {"without anything to cut", "ETag: \"a\"\nContent-Encoding: gzip", "\"a\""},
	};
	struct route route = route_with_token();
	struct conf_cache cache = cache_of_tests();
	struct http_request request = request_of("", &arena);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response response = response_of(200, rows[i].fields, &arena);
		struct storable_in in = {&cache, &route, &request, &response, NOW_MS, NOW_MS};
		struct storable_out out;
		policy_storable(&in, &arena, &out);
		ck_assert_msg(out.store, "%s", rows[i].what);
		ck_assert_msg(str_eq(out.stored.etag, str_of(rows[i].tag)), "%s", rows[i].what);
		ck_assert_msg(str_eq(headers_get(&out.headers, STR("ETag")), str_of(rows[i].tag)), "%s", rows[i].what);
	}
}
END_TEST

static const char *tokens_of(unsigned n)
{
	struct str text = STR(SET "X: ");
	char *p = arena_alloc(&arena, text.n + n * 16 + 1);
	memcpy(p, text.p, text.n);
	for (unsigned i = 0; i < n; i++)
		memcpy(p + text.n + i * 16, TOKEN, 16);
	p[text.n + n * 16] = '\0';
	return p;
}

START_TEST(as_many_holes_as_a_page_may_have)
{
	struct route route = route_with_token();
	struct personal out;
	struct headers kept;
	ck_assert_int_eq(judge(&route, "", tokens_of(HOLES_MAX), &kept, &out), REASON_NONE);
	ck_assert_uint_eq(out.n_field_holes, HOLES_MAX);
	ck_assert_uint_eq(out.field_holes[HOLES_MAX - 1].at, 0);
	ck_assert_int_eq(judge(&route, "", tokens_of(HOLES_MAX + 1), &kept, &out), REASON_NOT_HOLES);
}
END_TEST

START_TEST(as_many_values_as_a_page_may_have)
{
	struct str many[HOLE_VALUES_MAX + 1];
	struct str text = STR("");
	struct route route = route_with_token();
	struct personal out;
	struct headers kept;
	for (unsigned i = 0; i < COUNT_OF(many); i++)
		many[i] = arena_printf(&arena, "t%u", i);
	route.token_cookie.v = many;
	for (unsigned i = 0; i < COUNT_OF(many); i++) {
		text = arena_printf(&arena, "%.*sSet-Cookie: t%u=0123456789abcd%u\n", STR_ARG(text), i, 10 + i);
		route.token_cookie.n = i + 1;
		enum reason why = judge(&route, "", text.p, &kept, &out);
		ck_assert_int_eq(why, i < HOLE_VALUES_MAX ? REASON_NONE : REASON_NOT_HOLES);
	}
}
END_TEST

START_TEST(of_what_is_refused_only_tokens_are_left)
{
	static struct str names[] = {STR("csrf")};
	struct route route = route_with_token();
	struct personal out;
	struct headers kept;
	route.token_field = (struct str_list){names, 1};
	route.token_of_session = true;
	ck_assert_int_eq(judge(&route, "Cookie: sid=fedcba9876543210",
			     SET CSP "script-src 'nonce-Abcdef01'\nX: fedcba9876543210", &kept, &out),
	    REASON_NOT_LEAK_COOKIE);
	ck_assert_uint_eq(out.n_values, 1);
	ck_assert(str_eq(out.values[0].text, STR(TOKEN)));
	ck_assert_ptr_null(out.fields); /* a session's token is none of his own cookies */
	ck_assert_uint_eq(out.n_secrets, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/personal");
	TCase *t = tcase_create("personal");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, values_are_cut_out_of_fields);
	tcase_add_test(t, a_form_is_remembered_with_the_hole);
	tcase_add_test(t, what_is_cut_is_no_secret);
	tcase_add_test(t, what_tells_of_the_bytes_leaves_with_them);
	tcase_add_test(t, the_tag_that_is_remembered_is_the_one_that_is_kept);
	tcase_add_test(t, as_many_holes_as_a_page_may_have);
	tcase_add_test(t, as_many_values_as_a_page_may_have);
	tcase_add_test(t, of_what_is_refused_only_tokens_are_left);
	suite_add_tcase(s, t);
	return suite_run(s);
}
