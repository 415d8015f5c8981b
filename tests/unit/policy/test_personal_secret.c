/* The leak guard's table: what must not be found in a stored page, and how it may be written there. The rows have it in a field of
 * the response: the body is searched for the same texts by policy/cutter.c. */
#include "fields.h"

#include "base/mem.h"
#include "policy/personal.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* What policy says about that answer, when all of its fields but Set-Cookie are to be stored. */
static enum reason judge(
    const struct route *route, const char *request_fields, const char *response_fields, struct personal *out)
{
	struct http_request request = request_of(request_fields, &arena);
	struct http_response response = response_of(200, response_fields, &arena);
	struct personal_in in = {route, &request, &response, NOW_MS};
	struct headers kept = fields_of(response_fields, &arena);
	if (route->set_cookie != SET_COOKIE_KEEP)
		(void)headers_remove(&kept, STR("Set-Cookie"));
	return policy_personal(&in, &arena, &kept, out);
}

struct row {
	const char *what, *request, *response;
	enum reason reason;
	const char *name; /* what is told; NULL: nothing is found */
};

static void check_rows(const struct route *route, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct personal out;
		enum reason why = judge(route, rows[i].request, rows[i].response, &out);
		ck_assert_msg(why == rows[i].reason, "%s: %s", rows[i].what, reason_code(why));
		ck_assert_msg(!!out.found == !!rows[i].name, "%s", rows[i].what);
		if (out.found)
			ck_assert_msg(str_eq(out.found->name, str_of(rows[i].name)), "%s: %.*s", rows[i].what,
			    STR_ARG(out.found->name));
	}
}

static struct route guarded_route(void)
{
	struct route route = route_of_tests();
	route.leak_guard = true;
	return route;
}

#define ID "0123456789abcdef"

START_TEST(the_value_of_a_cookie_is_not_stored)
{
	static const struct row rows[] = {
	    {"of the request", "Cookie: sid=" ID, "X: <" ID ">", REASON_NOT_LEAK_COOKIE, "sid"},
	    {"one of several", "Cookie: a=b; sid=" ID "; c=d", "X: " ID, REASON_NOT_LEAK_COOKIE, "sid"},
	    {"in a second field", "Cookie: a=b\nCookie: sid=" ID, "X: " ID, REASON_NOT_LEAK_COOKIE, "sid"},
	    {"16 characters are enough", "Cookie: sid=0123456789abcdef", "X: " ID, REASON_NOT_LEAK_COOKIE, "sid"},
	    {"15 are not", "Cookie: sid=0123456789abcde", "X: " ID, REASON_NONE, NULL},
	    {"a part of it is not the value", "Cookie: sid=" ID "x", "X: " ID, REASON_NONE, NULL},
	    {"set by the answer", "", "Set-Cookie: sid=" ID "; Path=/\nX: " ID, REASON_NOT_LEAK_SET_COOKIE, "sid"},
	    {"in its own field, which is not stored", "", "Set-Cookie: sid=" ID "; Path=/", REASON_NONE, NULL},
	    {"attributes are no secret", "", "Set-Cookie: a=b; Path=/0123456789abcdef\nX: /" ID, REASON_NONE, NULL},
	    {"sent and set again, it is the visitor's", "Cookie: sid=" ID, "Set-Cookie: sid=" ID "\nX: " ID,
		REASON_NOT_LEAK_COOKIE, "sid"},
	    {"a cookie that may stand in a page", "Cookie: theme=" ID, "X: " ID, REASON_NONE, NULL},
	    {"set by the answer", "", "Set-Cookie: theme=" ID "\nX: " ID, REASON_NONE, NULL},
	    {"names of cookies have case", "Cookie: Theme=" ID, "X: " ID, REASON_NOT_LEAK_COOKIE, "Theme"},
	};
	struct str allowed[] = {STR("theme")};
	struct route route = guarded_route();
	route.set_cookie = SET_COOKIE_STRIP;
	route.leak_allow = (struct str_list){allowed, COUNT_OF(allowed)};
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

START_TEST(a_credential_is_not_stored)
{
	static const struct row rows[] = {
	    {"a bearer token", "Authorization: Bearer abc.def-_~", "X: (abc.def-_~)", REASON_NOT_LEAK_AUTHORIZATION,
		"Authorization"},
	    {"8 characters are enough", "Authorization: Bearer 12345678", "X: 12345678", REASON_NOT_LEAK_AUTHORIZATION,
		"Authorization"},
	    {"7 are not", "Authorization: Bearer 1234567", "X: 1234567", REASON_NONE, NULL},
	    {"the scheme is none", "Authorization: LongScheme 1234567", "X: LongScheme", REASON_NONE, NULL},
	    {"without a scheme", "Authorization: 12345678", "X: 12345678", REASON_NOT_LEAK_AUTHORIZATION,
		"Authorization"},
	    {"Basic, as it is sent (RFC 7617 2)", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
		"X: QWxhZGRpbjpvcGVuIHNlc2FtZQ==", REASON_NOT_LEAK_AUTHORIZATION, "Authorization"},
	    {"the password of Basic", "Authorization: basic dXNlcjpjb3JyZWN0IGhvcnNlIGJhdHRlcnk=",
		"X: correct horse battery", REASON_NOT_LEAK_AUTHORIZATION, "Authorization"},
	    {"a short password stands anywhere", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "X: open sesame",
		REASON_NONE, NULL},
	    {"a colon in the password (RFC 7617 2)", "Authorization: Basic dTowMTIzNDU2Nzo4OWFiY2RlZg==",
		"X: 01234567:89abcdef", REASON_NOT_LEAK_AUTHORIZATION, "Authorization"},
	    {"a field that is named", "X-Api-Key: 12345678", "X: 12345678", REASON_NOT_LEAK_FIELD, "X-Api-Key"},
	    {"in any case", "x-api-key: 12345678", "X: 12345678", REASON_NOT_LEAK_FIELD, "x-api-key"},
	    {"7 characters stand in pages by chance", "X-Api-Key: 1234567", "X: 1234567", REASON_NONE, NULL},
	    {"one of a family", "X-User-Mail: me@example.com", "X: me@example.com", REASON_NOT_LEAK_FIELD,
		"X-User-Mail"},
	    {"another field", "X-Page: me@example.com", "X: me@example.com", REASON_NONE, NULL},
	};
	struct str patterns[] = {STR("X-User-*"), STR("X-Api-Key")};
	struct route route = guarded_route();
	route.leak_patterns = (struct str_list){patterns, COUNT_OF(patterns)};
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

START_TEST(a_value_is_found_however_it_is_written)
{
	static const struct row rows[] = {
	    {"quotes around a cookie are not of its value", "Cookie: a=\"" ID "\"", "X: " ID, REASON_NOT_LEAK_COOKIE,
		"a"},
	    {"an escape of Python's cookies", "Cookie: a=\"0123456789\\054abcdef\"", "X: 0123456789,abcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"the same, as it was sent for the rest", "Cookie: a=\"0123456789\\054ab%3Dcdef\"",
		"X: 0123456789,ab%3Dcdef", REASON_NOT_LEAK_COOKIE, "a"},
	    {"an escaped quote", "Cookie: a=\"0123456789\\\"abcdef\"", "X: 0123456789\"abcdef", REASON_NOT_LEAK_COOKIE,
		"a"},
	    {"percent-encoded as it was sent", "Cookie: a=0123456789%3Dabcdef", "X: 0123456789%3Dabcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"decoded", "Cookie: a=0123456789%3Dabcdef", "X: 0123456789=abcdef", REASON_NOT_LEAK_COOKIE, "a"},
	    {"encoded otherwise", "Cookie: a=0123456789%3Dabcdef", "X: 0123456789%3dabcdef", REASON_NOT_LEAK_COOKIE,
		"a"},
	    {"encoded in the page alone", "Cookie: a=0123456789=abc/def", "X: 0123456789%3Dabc%2Fdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"but for the slash", "Cookie: a=0123456789=abc/def", "X: 0123456789%3Dabc/def", REASON_NOT_LEAK_COOKIE,
		"a"},
	    {"a percent sign of its own", "Cookie: a=0123456789%zzabcde", "X: 0123456789%zzabcde",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"decoded it is too short", "Cookie: a=%30%31%32%33%34%35", "X: 012345", REASON_NONE, NULL},
	    {"HTML: quotes and brackets", "Cookie: a={%22id%22:%22<12345>%22}",
		"X: {&quot;id&quot;:&quot;&lt;12345&gt;&quot;}", REASON_NOT_LEAK_COOKIE, "a"},
	    {"HTML: by number", "Cookie: a={%22id%22:%221234567%22}", "X: {&#34;id&#34;:&#34;1234567&#34;}",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"HTML: a single quote, as Python", "Cookie: a=0123456789'abcdef", "X: 0123456789&#x27;abcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"HTML: a single quote, as PHP", "Cookie: a=0123456789'abcdef", "X: 0123456789&#039;abcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"HTML: base64, as mustache", "Cookie: a=0123456789/abcdef==", "X: 0123456789&#x2F;abcdef&#x3D;&#x3D;",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"HTML: base64, as Go", "Cookie: a=0123456789+abcdef", "X: 0123456789&#43;abcdef", REASON_NOT_LEAK_COOKIE,
		"a"},
	    {"JSON: a quote", "Cookie: a=0123456789%22abcdef", "X: 0123456789\\\"abcdef", REASON_NOT_LEAK_COOKIE, "a"},
	    {"JSON: a slash, as PHP", "Cookie: a=0123456789/abcdef", "X: 0123456789\\/abcdef", REASON_NOT_LEAK_COOKIE,
		"a"},
	    {"JSON in scripts: brackets", "Cookie: a=0123456789<abcdef", "X: 0123456789\\u003cabcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"JSON in scripts: as .NET", "Cookie: a=0123456789+abcdef", "X: 0123456789\\u002Babcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	    {"in scripts of Django", "Cookie: a=0123-4567-89ab-cdef", "X: 0123\\u002D4567\\u002D89ab\\u002Dcdef",
		REASON_NOT_LEAK_COOKIE, "a"},
	};
	struct route route = guarded_route();
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

START_TEST(each_text_is_looked_for_once)
{
	static const struct {
		const char *what, *request;
		unsigned n;
	} rows[] = {
	    {"nothing to look for", "", 0},
	    {"letters and digits are written one way", "Cookie: a=" ID, 1},
	    {"so is a session that is signed", "Cookie: a=eyJhIjoxfQ.Zw_x.abcdef", 1},
	    {"the same value twice", "Cookie: a=" ID "; b=" ID "; c=\"" ID "\"", 1},
	};
	struct route route = guarded_route();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		ck_assert_int_eq(judge(&route, rows[i].request, "", &out), REASON_NONE);
		ck_assert_msg(out.n_secrets == rows[i].n, "%s: %u", rows[i].what, out.n_secrets);
		ck_assert_msg(personal_is_empty(&out) == (rows[i].n == 0), "%s", rows[i].what);
	}
}
END_TEST

static const char *cookies_of(unsigned n)
{
	struct str text = STR("Cookie: ");
	for (unsigned i = 0; i < n; i++)
		text = arena_printf(&arena, "%.*sc%u=0123456789abcd%u; ", STR_ARG(text), i, 1000 + i);
	return arena_str(&arena, text).p;
}

START_TEST(more_values_than_are_looked_for_refuse)
{
	struct route route = guarded_route();
	struct personal out;
	ck_assert_int_eq(judge(&route, cookies_of(PERSONAL_SECRETS_MAX), "", &out), REASON_NONE);
	ck_assert_uint_eq(out.n_secrets, PERSONAL_SECRETS_MAX);
	ck_assert_int_eq(judge(&route, cookies_of(PERSONAL_SECRETS_MAX + 1), "", &out), REASON_NOT_LEAK_MANY);
	ck_assert(reason_is_of_request(REASON_NOT_LEAK_MANY));
}
END_TEST

START_TEST(a_cookie_that_is_kept_may_have_its_own_value)
{
	static const struct row rows[] = {
	    {"its own field", "", "Set-Cookie: sid=" ID, REASON_NONE, NULL},
	    {"another field", "", "Set-Cookie: sid=" ID "\nX: " ID, REASON_NOT_LEAK_SET_COOKIE, "sid"},
	    {"another cookie", "", "Set-Cookie: sid=" ID "\nSet-Cookie: b=x" ID, REASON_NOT_LEAK_SET_COOKIE, "sid"},
	    {"what the visitor sent is not for others", "Cookie: sid=" ID, "Set-Cookie: sid=" ID,
		REASON_NOT_LEAK_COOKIE, "sid"},
	};
	struct route route = guarded_route();
	route.set_cookie = SET_COOKIE_KEEP;
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

START_TEST(without_the_guard_nothing_is_looked_for)
{
	static const struct row rows[] = {
	    {"a cookie", "Cookie: sid=" ID, "X: " ID, REASON_NONE, NULL},
	    {"a credential", "Authorization: Bearer " ID, "X: " ID, REASON_NONE, NULL},
	};
	struct route route = route_of_tests();
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

/* A client chooses how long its cookies are: that bounds what is looked for. */
START_TEST(a_long_value_is_known_by_its_beginning)
{
	static const struct {
		const char *what;
		const char *begins; /* then many letters */
		const char *written;
		int letters; /* of them in the page */
		enum reason reason;
	} rows[] = {
	    {"enough of it", "", "", PERSONAL_TEXT_MAX, REASON_NOT_LEAK_COOKIE},
	    {"a byte less", "", "", PERSONAL_TEXT_MAX - 1, REASON_NONE},
	    {"escaped", "a&b", "a&amp;b", PERSONAL_TEXT_MAX - 7, REASON_NOT_LEAK_COOKIE},
	    {"escaped, a byte less", "a&b", "a&amp;b", PERSONAL_TEXT_MAX - 8, REASON_NONE},
	};
	struct route route = guarded_route();
	char letters[3 * PERSONAL_TEXT_MAX];
	memset(letters, 's', sizeof(letters));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		struct str request =
		    arena_printf(&arena, "Cookie: a=%s%.*s", rows[i].begins, (int)sizeof(letters), letters);
		struct str response = arena_printf(&arena, "X: (%s%.*s)", rows[i].written, rows[i].letters, letters);
		enum reason why = judge(&route, request.p, response.p, &out);
		ck_assert_msg(why == rows[i].reason, "%s: %s", rows[i].what, reason_code(why));
		for (unsigned n = 0; n < out.n_secrets; n++)
			ck_assert_uint_le(out.secrets[n].text.n, PERSONAL_TEXT_MAX);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/personal_secret");
	TCase *t = tcase_create("personal_secret");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_value_of_a_cookie_is_not_stored);
	tcase_add_test(t, a_credential_is_not_stored);
	tcase_add_test(t, a_value_is_found_however_it_is_written);
	tcase_add_test(t, each_text_is_looked_for_once);
	tcase_add_test(t, more_values_than_are_looked_for_refuse);
	tcase_add_test(t, a_cookie_that_is_kept_may_have_its_own_value);
	tcase_add_test(t, without_the_guard_nothing_is_looked_for);
	tcase_add_test(t, a_long_value_is_known_by_its_beginning);
	suite_add_tcase(s, t);
	return suite_run(s);
}
