/* Tokens that an answer sets: which are taken, their shape and attributes, and what a form's field is filled with. */
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

#define HEX   "0123456789abcdef"
#define HEX32 HEX HEX
#define HEX64 HEX32 HEX32

static struct str cookies[] = {STR("t"), STR("u")};
static struct str form_fields[] = {STR("csrfmiddlewaretoken")};

static struct route token_route(void)
{
	struct route route = route_of_tests();
	route.token_cookie = (struct str_list){cookies, COUNT_OF(cookies)};
	return route;
}

static enum reason judge(const struct route *route, const char *fields, struct personal *out)
{
	struct http_request request = request_of("", &arena);
	struct http_response response = response_of(200, fields, &arena);
	struct personal_in in = {route, &request, &response, NOW_MS};
	struct headers kept = {0};
	return policy_personal(&in, &arena, &kept, out);
}

START_TEST(what_is_a_token)
{
	static const struct {
		const char *what, *fields;
		enum reason reason;
		unsigned n; /* values that are left */
	} rows[] = {
	    {"the answer sets none", "Set-Cookie: other=" HEX, REASON_NONE, 0},
	    {"64 hex digits", "Set-Cookie: t=" HEX64 "; Path=/", REASON_NONE, 1},
	    {"16 characters are enough", "Set-Cookie: t=" HEX, REASON_NONE, 1},
	    {"15 are not", "Set-Cookie: t=0123456789abcde", REASON_NOT_TOKEN_SHAPE, 0},
	    {"512 are not too many", "Set-Cookie: t=" HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64, REASON_NONE, 1},
	    {"513 are", "Set-Cookie: t=" HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 "0", REASON_NOT_TOKEN_SHAPE,
		0},
	    {"base64", "Set-Cookie: t=abcdefgh+/012345678901==", REASON_NONE, 1},
	    {"a dot is of no alphabet", "Set-Cookie: t=abc." HEX, REASON_NOT_TOKEN_SHAPE, 0},
	    {"nor is a quote", "Set-Cookie: t=\"" HEX "\"", REASON_NOT_TOKEN_SHAPE, 0},
	    {"nor is markup", "Set-Cookie: t=<b>" HEX, REASON_NOT_TOKEN_SHAPE, 0},
	    {"percent-encoded base64 is none", "Set-Cookie: t=abcdefgh01234567890%3D", REASON_NOT_TOKEN_SHAPE, 0},
	    {"deleted: an empty value", "Set-Cookie: t=; Path=/", REASON_NOT_TOKEN_SHAPE, 0},
	    {"deleted: Max-Age=0", "Set-Cookie: t=" HEX "; Max-Age=0", REASON_NOT_TOKEN_SHAPE, 0},
	    {"deleted: a negative Max-Age", "Set-Cookie: t=" HEX "; Max-Age=-1", REASON_NOT_TOKEN_SHAPE, 0},
	    {"deleted: Expires in the past", "Set-Cookie: t=" HEX "; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
		REASON_NOT_TOKEN_SHAPE, 0},
	    {"RFC 6265 5.3: Max-Age comes before Expires",
		"Set-Cookie: t=" HEX "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", REASON_NONE, 1},
	    {"two tokens", "Set-Cookie: t=" HEX "\nSet-Cookie: u=" HEX32, REASON_NONE, 2},
	    {"the same twice", "Set-Cookie: t=" HEX "; Path=/\nSet-Cookie: t=" HEX "; Path=/a", REASON_NONE, 1},
	    {"twice with different values", "Set-Cookie: t=" HEX "\nSet-Cookie: t=f" HEX, REASON_NOT_TOKEN_TWICE, 1},
	    {"one that is odd does not hide the other", "Set-Cookie: t=x\nSet-Cookie: u=" HEX, REASON_NOT_TOKEN_SHAPE,
		1},
	};
	struct route route = token_route();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		enum reason why = judge(&route, rows[i].fields, &out);
		ck_assert_msg(why == rows[i].reason, "%s: %s", rows[i].what, reason_code(why));
		ck_assert_msg(out.n_values == rows[i].n, "%s: %u", rows[i].what, out.n_values);
		for (unsigned k = 0; k < out.n_values; k++)
			ck_assert_msg(out.values[k].hole.kind == HOLE_TOKEN && out.values[k].hole.cookie.n == 1 &&
					  out.values[k].hole.shape.n == out.values[k].text.n,
			    "%s", rows[i].what);
	}
}
END_TEST

START_TEST(the_attributes_are_repeated)
{
	static const struct {
		const char *what, *attributes, *repeated;
	} rows[] = {
	    {"none", "", ""},
	    {"as they came, in their order", "; Path=/; Secure; HttpOnly; SameSite=Lax",
		"; Path=/; Secure; HttpOnly; SameSite=Lax"},
	    {"whatever the blanks", ";Path=/ ;  Domain=.example.com", "; Path=/; Domain=.example.com"},
	    {"one that nobody knows", "; Partitioned; Priority=High", "; Partitioned; Priority=High"},
	    {"empty parts go", ";;  ; Path=/;", "; Path=/"},
	    {"Expires becomes the time that was left", "; Expires=Sun, 06 Nov 1994 09:49:37 GMT; Path=/",
		"; Path=/; Max-Age=3600"},
	    {"as PHP writes it", "; expires=Sun, 06-Nov-1994 09:49:37 GMT", "; Max-Age=3600"},
	    {"Max-Age comes before it (RFC 6265 5.3)", "; Max-Age=60; Expires=Sun, 06 Nov 1994 09:49:37 GMT",
		"; Max-Age=60"},
	    {"of two Max-Age the last (RFC 6265 5.3)", "; Max-Age=60; Max-Age=70", "; Max-Age=70"},
	    {"a Max-Age that is none (RFC 6265 5.2.2)", "; Max-Age=soon", ""},
	    {"a Max-Age beyond all bounds", "; Max-Age=99999999999999999999", "; Max-Age=2147483647"},
	    {"an Expires that is none (RFC 6265 5.2.1)", "; Expires=never; Path=/", "; Path=/"},
	    {"no control character", "; Path=/\tx; Secure", "; Secure"},
	};
	struct route route = token_route();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		struct str fields = arena_printf(&arena, "Set-Cookie: t=" HEX "%s", rows[i].attributes);
		ck_assert_msg(judge(&route, fields.p, &out) == REASON_NONE, "%s", rows[i].what);
		struct str got = out.values[0].hole.attributes;
		ck_assert_msg(str_eq(got, str_of(rows[i].repeated)), "%s: %.*s", rows[i].what, STR_ARG(got));
	}
}
END_TEST

START_TEST(a_life_is_counted_from_the_date_of_the_answer)
{
	struct route route = token_route();
	struct personal out;
	static const char fields[] = "Date: Sun, 06 Nov 1994 08:00:00 GMT\n"
				     "Set-Cookie: t=" HEX "; Expires=Sun, 06 Nov 1994 09:00:00 GMT";
	ck_assert_int_eq(judge(&route, fields, &out), REASON_NONE);
	ck_assert(str_eq(out.values[0].hole.attributes, STR("; Max-Age=3600")));
}
END_TEST

START_TEST(what_fills_a_field_of_a_form)
{
	static const struct {
		const char *what, *fields, *path;
		bool of_session;
		unsigned n_values, field_value;
		enum hole_kind kind;
		enum reason refused; /* a page that has the field */
	} rows[] = {
	    {"the token cookie", "Set-Cookie: t=" HEX32, "", false, 1, 0, HOLE_TOKEN, REASON_NONE},
	    {"the first of the route's token cookies", "Set-Cookie: u=" HEX32 "\nSet-Cookie: t=" HEX, "", false, 2, 1,
		HOLE_TOKEN, REASON_NONE},
	    {"no token was set", "", "", false, 1, 0, HOLE_SESSION, REASON_NOT_TOKEN_SESSION},
	    {"the token of the session", "", "/token", true, 1, 0, HOLE_SESSION, REASON_NONE},
	    {"it comes last", "Set-Cookie: t=" HEX32 "\nContent-Security-Policy: script-src 'nonce-Ab345678'", "/token",
		true, 3, 2, HOLE_SESSION, REASON_NONE},
	    {"nobody tells the token of the session", "", "", true, 1, 0, HOLE_SESSION, REASON_NOT_TOKEN_SESSION},
	};
	struct route route = token_route();
	route.token_field = (struct str_list){form_fields, COUNT_OF(form_fields)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		route.token_of_session = rows[i].of_session;
		route.token_path = str_of(rows[i].path);
		ck_assert_msg(judge(&route, rows[i].fields, &out) == REASON_NONE, "%s", rows[i].what);
		ck_assert_msg(out.fields == &route.token_field, "%s", rows[i].what);
		ck_assert_msg(out.n_values == rows[i].n_values, "%s: %u", rows[i].what, out.n_values);
		ck_assert_msg(out.field_value == rows[i].field_value, "%s: %u", rows[i].what, out.field_value);
		ck_assert_msg(out.values[out.field_value].hole.kind == rows[i].kind, "%s", rows[i].what);
		ck_assert_msg(out.field_reason == rows[i].refused, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(for_the_visitor_alone_only_tokens_count)
{
	struct route route = token_route();
	struct http_request request = request_of("Cookie: sid=" HEX, &arena);
	struct http_response response =
	    response_of(200, "Set-Cookie: t=" HEX32 "\nContent-Security-Policy: script-src 'nonce-Ab345678'", &arena);
	struct personal_in in = {&route, &request, &response, NOW_MS};
	struct personal out;
	route.leak_guard = true;
	route.token_field = (struct str_list){form_fields, COUNT_OF(form_fields)};
	policy_personal_tokens(&in, &arena, &out);
	ck_assert_uint_eq(out.n_values, 1);
	ck_assert_uint_eq(out.n_secrets, 0);
	ck_assert(out.fields && out.field_value == 0);
	response = response_of(200, "", &arena);
	policy_personal_tokens(&in, &arena, &out);
	ck_assert_msg(personal_is_empty(&out), "without a token of a cookie there is nothing that he has");
}
END_TEST

static struct storable_out store(const struct route *route, enum http_method method, int status, const char *fields)
{
	struct conf_cache cache = cache_of_tests();
	struct http_request request = request_of("", &arena);
	struct http_response response = response_of(status, fields, &arena);
	struct storable_in in = {&cache, route, &request, &response, NOW_MS, NOW_MS};
	struct storable_out out;
	request.method = method;
	policy_storable(&in, &arena, &out);
	return out;
}

#define FRESH "Cache-Control: max-age=60\n"

START_TEST(tokens_do_not_count_for_set_cookie)
{
	static const struct {
		const char *what, *fields;
		enum set_cookie_mode mode;
		enum reason reason;
		bool is_told; /* that it is stored although a cookie is set */
		const char *kept;
	} rows[] = {
	    {"a token alone", "Set-Cookie: t=" HEX, SET_COOKIE_REFUSE, REASON_STORED, false, ""},
	    {"a session beside it", "Set-Cookie: t=" HEX "\nSet-Cookie: sid=1", SET_COOKIE_REFUSE,
		REASON_NOT_SET_COOKIE, true, NULL},
	    {"both are left out", "Set-Cookie: t=" HEX "\nSet-Cookie: sid=1", SET_COOKIE_STRIP, REASON_STORED, true,
		""},
	    {"the other one is kept", "Set-Cookie: t=" HEX "\nSet-Cookie: sid=1", SET_COOKIE_KEEP, REASON_STORED, true,
		"sid=1"},
	    {"an odd token", "Set-Cookie: t=x", SET_COOKIE_STRIP, REASON_NOT_TOKEN_SHAPE, false, NULL},
	};
	struct route route = token_route();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str fields = arena_printf(&arena, FRESH "%s", rows[i].fields);
		route.set_cookie = rows[i].mode;
		struct storable_out out = store(&route, METHOD_GET, 200, fields.p);
		ck_assert_msg(out.reason == rows[i].reason, "%s: %s", rows[i].what, reason_code(out.reason));
		if (!out.store)
			continue;
		ck_assert_msg(!!(out.stored.by_route & STORED_BY_COOKIE) == rows[i].is_told, "%s", rows[i].what);
		ck_assert_msg(
		    headers_count(&out.headers, STR("Set-Cookie")) == (*rows[i].kept ? 1 : 0) &&
			(!*rows[i].kept || str_eq(headers_get(&out.headers, STR("Set-Cookie")), str_of(rows[i].kept))),
		    "%s", rows[i].what);
		ck_assert_msg(out.personal.n_values == 1, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(what_is_not_stored_tells_the_token_of_the_fetch)
{
	static const struct {
		const char *what, *fields;
		enum http_method method;
		int status;
		unsigned n;
	} rows[] = {
	    {"private", "Cache-Control: private\nSet-Cookie: t=" HEX, METHOD_GET, 200, 1},
	    {"an error", "Set-Cookie: t=" HEX, METHOD_GET, 500, 1},
	    {"another cookie", FRESH "Set-Cookie: t=" HEX "\nSet-Cookie: sid=1", METHOD_GET, 200, 1},
	    {"a HEAD went out as it came", FRESH "Set-Cookie: t=" HEX, METHOD_HEAD, 200, 0},
	    {"a POST too", FRESH "Set-Cookie: t=" HEX, METHOD_POST, 200, 0},
	};
	struct route route = token_route();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct storable_out out = store(&route, rows[i].method, rows[i].status, rows[i].fields);
		ck_assert_msg(!out.store && out.personal.n_values == rows[i].n, "%s", rows[i].what);
	}
	route = route_of_tests();
	ck_assert_uint_eq(store(&route, METHOD_GET, 200, "Set-Cookie: t=" HEX).personal.n_values, 0);
}
END_TEST

START_TEST(a_framework_is_known_by_its_cookie)
{
	static const struct {
		const char *what, *cookie;
		enum set_cookie_mode mode;
		enum reason reason;
	} rows[] = {
	    {"Asok", "asok_csrf", SET_COOKIE_REFUSE, REASON_NOT_CSRF_TOKEN},
	    {"Django", "csrftoken", SET_COOKIE_REFUSE, REASON_NOT_CSRF_TOKEN},
	    {"Laravel", "XSRF-TOKEN", SET_COOKIE_REFUSE, REASON_NOT_CSRF_TOKEN},
	    {"with a prefix (RFC 6265bis)", "__Host-csrftoken", SET_COOKIE_REFUSE, REASON_NOT_CSRF_TOKEN},
	    {"in any case", "CSRF_Token", SET_COOKIE_REFUSE, REASON_NOT_CSRF_TOKEN},
	    {"strip alone breaks the forms of all others", "csrftoken", SET_COOKIE_STRIP, REASON_NOT_CSRF_TOKEN},
	    {"keep gives one token to all", "csrftoken", SET_COOKIE_KEEP, REASON_NOT_CSRF_TOKEN},
	    {"a session", "sid", SET_COOKIE_REFUSE, REASON_NOT_SET_COOKIE},
	    {"what may stand in a page", "csrf", SET_COOKIE_STRIP, REASON_STORED},
	    {"and is refused as any other", "csrf", SET_COOKIE_REFUSE, REASON_NOT_SET_COOKIE},
	    {"a token of the route", "t", SET_COOKIE_REFUSE, REASON_STORED},
	};
	struct str allowed[] = {STR("csrf")};
	struct route route = token_route();
	route.leak_guard = true;
	route.leak_allow = (struct str_list){allowed, COUNT_OF(allowed)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str fields = arena_printf(&arena, FRESH "Set-Cookie: %s=" HEX, rows[i].cookie);
		route.set_cookie = rows[i].mode;
		enum reason why = store(&route, METHOD_GET, 200, fields.p).reason;
		ck_assert_msg(why == rows[i].reason, "%s: %s", rows[i].what, reason_code(why));
	}
	route.leak_guard = false;
	route.set_cookie = SET_COOKIE_STRIP;
	ck_assert(store(&route, METHOD_GET, 200, FRESH "Set-Cookie: csrftoken=" HEX).store);
	route.set_cookie = SET_COOKIE_REFUSE;
	ck_assert_int_eq(
	    store(&route, METHOD_GET, 200, FRESH "Set-Cookie: csrftoken=" HEX).reason, REASON_NOT_CSRF_TOKEN);
	route.token_of_session = true; /* laravel: its cookie repeats the token of the session */
	ck_assert_int_eq(
	    store(&route, METHOD_GET, 200, FRESH "Set-Cookie: XSRF-TOKEN=" HEX).reason, REASON_NOT_SET_COOKIE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/personal_token");
	TCase *t = tcase_create("personal_token");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_a_token);
	tcase_add_test(t, the_attributes_are_repeated);
	tcase_add_test(t, a_life_is_counted_from_the_date_of_the_answer);
	tcase_add_test(t, what_fills_a_field_of_a_form);
	tcase_add_test(t, for_the_visitor_alone_only_tokens_count);
	tcase_add_test(t, tokens_do_not_count_for_set_cookie);
	tcase_add_test(t, what_is_not_stored_tells_the_token_of_the_fetch);
	tcase_add_test(t, a_framework_is_known_by_its_cookie);
	suite_add_tcase(s, t);
	return suite_run(s);
}
