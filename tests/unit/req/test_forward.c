/* The request as it goes to the upstream. */
#include "suite.h"

#include "base/mem.h"
#include "req/forward.h"

static struct url upstream_url = {.scheme = {"http", 4}, .host = {"app", 3}, .port = 8000, .path = {"/", 1}};

struct row {
	const char *what;
	const char *fields; /* of the client, "Name: value\n" */
	bool trusted;
	enum conf_host host;
	const char *name;
	const char *expected; /* NULL: the field does not go on */
};

static const struct row rows[] = {
    {"Host goes on as the client sent it", "", false, HOST_CLIENT, "Host", "shop.example"},
    {"Host of the upstream's URL, with its port", "", false, HOST_UPSTREAM, "Host", "app:8000"},
    {"Connection stays (RFC 9110 7.6.1)", "Connection: close\n", false, HOST_CLIENT, "Connection", NULL},
    {"what Connection names stays", "Connection: X-Hop\nX-Hop: 1\n", false, HOST_CLIENT, "X-Hop", NULL},
    {"Keep-Alive stays", "Keep-Alive: 5\n", false, HOST_CLIENT, "Keep-Alive", NULL},
    {"TE stays", "TE: trailers\n", false, HOST_CLIENT, "TE", NULL},
    {"Upgrade stays", "Upgrade: websocket\n", false, HOST_CLIENT, "Upgrade", NULL},
    {"Proxy-Authorization stays", "Proxy-Authorization: x\n", false, HOST_CLIENT, "Proxy-Authorization", NULL},
    {"Transfer-Encoding stays: framing is made anew", "Transfer-Encoding: chunked\n", false, HOST_CLIENT,
	"Transfer-Encoding", NULL},
    {"Content-Length stays: framing is made anew", "Content-Length: 5\n", false, HOST_CLIENT, "Content-Length", NULL},
    {"Expect stays: the body is read here", "Expect: 100-continue\n", false, HOST_CLIENT, "Expect", NULL},
    {"Authorization goes on", "Authorization: Basic eA==\n", false, HOST_CLIENT, "Authorization", "Basic eA=="},
    {"RFC 9111 5.2-1: Cache-Control goes on", "Cache-Control: max-age=0, x-unknown=\"1\", no-transform\n", false,
	HOST_CLIENT, "Cache-Control", "max-age=0, x-unknown=\"1\", no-transform"},
    {"Cookie goes on", "Cookie: a=b\n", false, HOST_CLIENT, "Cookie", "a=b"},
    {"Via is added (RFC 9110 7.6.3)", "", false, HOST_CLIENT, "Via", "1.1 larder (0000beef)"},
    {"Via is appended to", "Via: 1.0 edge\n", false, HOST_CLIENT, "Via", "1.0 edge, 1.1 larder (0000beef)"},
    {"X-Forwarded-For of a stranger is replaced", "X-Forwarded-For: 9.9.9.9\n", false, HOST_CLIENT, "X-Forwarded-For",
	"10.1.2.3"},
    {"X-Forwarded-For of a trusted peer is continued", "X-Forwarded-For: 9.9.9.9\n", true, HOST_CLIENT,
	"X-Forwarded-For", "9.9.9.9, 10.1.2.3"},
    {"X-Forwarded-Proto of a stranger is replaced", "X-Forwarded-Proto: https\n", false, HOST_CLIENT,
	"X-Forwarded-Proto", "http"},
    {"X-Forwarded-Proto of a trusted peer is kept", "X-Forwarded-Proto: https\n", true, HOST_CLIENT,
	"X-Forwarded-Proto", "https"},
    {"X-Forwarded-Host is the client's Host", "X-Forwarded-Host: evil\n", false, HOST_UPSTREAM, "X-Forwarded-Host",
	"shop.example"},
    {"Forwarded of a stranger is replaced (RFC 7239)", "Forwarded: for=9.9.9.9\n", false, HOST_CLIENT, "Forwarded",
	"for=10.1.2.3;host=\"shop.example\";proto=http"},
    {"Forwarded of a trusted peer is continued", "Forwarded: for=9.9.9.9\n", true, HOST_CLIENT, "Forwarded",
	"for=9.9.9.9, for=10.1.2.3;host=\"shop.example\";proto=http"},
    {"no X-Forwarded field of a stranger goes on", "x-forwarded-prefix: /evil\nX-Forwarded-Port: 1\n", false,
	HOST_CLIENT, "X-Forwarded-Prefix", NULL},
    {"nor the one behind it", "x-forwarded-prefix: /evil\nX-Forwarded-Port: 1\n", false, HOST_CLIENT,
	"X-Forwarded-Port", NULL},
    {"X-Forwarded-Port of a trusted peer goes on", "X-Forwarded-Port: 443\n", true, HOST_CLIENT, "X-Forwarded-Port",
	"443"},
    {"X-Original-URL of a stranger stays", "X-Original-URL: /admin\n", false, HOST_CLIENT, "X-Original-URL", NULL},
    {"X-Rewrite-URL of a stranger stays", "X-Rewrite-URL: /admin\n", false, HOST_CLIENT, "X-Rewrite-URL", NULL},
    {"X-Real-IP of a stranger stays", "X-Real-IP: 1.2.3.4\n", false, HOST_CLIENT, "X-Real-IP", NULL},
    {"the request id goes on", "X-Request-Id: not this\n", false, HOST_CLIENT, "X-Request-Id", "id-1"},
};

static void fields_of(const char *lines, struct arena *a, struct headers *out)
{
	struct str rest = str_of(lines), line;
	while (str_cut(&rest, '\n', &line))
		if (line.n > 0) {
			size_t colon = str_index(line, ':');
			headers_add(out, a, str_take(line, colon), str_trim(str_skip(line, colon + 1)));
		}
}

START_TEST(each_field_goes_on_or_stays)
{
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct arena a;
		arena_init(&a, 0);
		struct conf conf = {.server.via = STR("larder")};
		struct conf_upstream upstream = {.url = upstream_url, .host = row->host};
		struct route route = {.upstream = &upstream};
		struct http_request request = {.scheme = STR("http"), .host = STR("shop.example"), .minor = 1};
		headers_add(&request.headers, &a, STR("Host"), request.host);
		fields_of(row->fields, &a, &request.headers);
		if (!row->trusted)
			forward_strip(&request.headers);
		struct forward_in in = {0xbeef, &conf, &route, &request, STR("10.1.2.3"), STR("id-1")};
		struct headers out;
		forward_headers(&in, &a, &out);
		struct str got = headers_get(&out, str_of(row->name));
		ck_assert_msg(row->expected ? str_eq(got, str_of(row->expected)) : got.p == NULL, "%s: \"%.*s\"",
		    row->what, STR_ARG(got));
		ck_assert_msg(!row->expected || headers_count(&out, str_of(row->name)) == 1, "%s: once", row->what);
		arena_free(&a);
	}
}
END_TEST

START_TEST(peers_without_a_plain_address)
{
	struct arena a;
	arena_init(&a, 0);
	struct conf conf = {.server.via = STR("larder")};
	struct conf_upstream upstream = {.url = upstream_url};
	struct route route = {.upstream = &upstream};
	struct http_request request = {.scheme = STR("http"), .minor = 0};
	struct forward_in in = {0xbeef, &conf, &route, &request, STR("2001:db8::1"), STR("id")};
	struct headers out;
	forward_headers(&in, &a, &out);
	ck_assert(str_eq(headers_get(&out, STR("Forwarded")), STR("for=\"[2001:db8::1]\";proto=http")));
	ck_assert(str_eq(headers_get(&out, STR("Host")), STR("app:8000"))); /* HTTP/1.0 without Host */
	ck_assert(str_eq(headers_get(&out, STR("Via")), STR("1.0 larder (0000beef)")));
	in.client = STR("unix");
	headers_add(&request.headers, &a, STR("X-Forwarded-For"), STR("1.2.3.4"));
	forward_strip(&request.headers);
	forward_headers(&in, &a, &out);
	ck_assert(str_eq(headers_get(&out, STR("Forwarded")), STR("for=unknown;proto=http")));
	ck_assert_ptr_null(headers_find(&out, STR("X-Forwarded-For")));
	arena_free(&a);
}
END_TEST

START_TEST(a_loop_is_noticed)
{
	static const struct {
		const char *what, *via;
		bool loop;
	} cases[] = {
	    {"no Via", "", false},
	    {"another proxy", "Via: 1.1 edge (0000beef)\n", false},
	    {"another process of that name", "Via: 1.1 larder (00000001)\n", false},
	    {"this process", "Via: 1.1 larder (0000beef)\n", true},
	    {"this process, behind others", "Via: 1.0 edge\nVia: 1.1 Larder (0000beef), 1.1 other\n", true},
	    {"four of that name are a chain", "Via: 1.1 larder, 1.1 larder, 1.1 larder, 1.1 larder\n", false},
	    {"five are not", "Via: 1.1 larder, 1.1 larder, 1.1 larder\nVia: 1.1 larder, 1.1 larder\n", true},
	};
	struct arena a;
	arena_init(&a, 0);
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct headers h = {0};
		fields_of(cases[i].via, &a, &h);
		ck_assert_msg(forward_is_loop(&h, STR("larder"), 0xbeef) == cases[i].loop, "%s", cases[i].what);
	}
	arena_free(&a);
}
END_TEST

START_TEST(hops_are_counted_down)
{
	static const struct {
		const char *what, *fields;
		bool goes_on;
		const char *expected;
	} cases[] = {
	    {"RFC 9110 7.6.2: without the field it goes on", "", true, NULL},
	    {"RFC 9110 7.6.2: 0 goes no further", "Max-Forwards: 0\n", false, "0"},
	    {"RFC 9110 7.6.2: one less", "Max-Forwards: 10\n", true, "9"},
	    {"the last hop", "max-forwards: 1\n", true, "0"},
	    {"what is no number stays", "Max-Forwards: -1\n", true, "-1"},
	    {"what is too large stays", "Max-Forwards: 99999999999999999999\n", true, "99999999999999999999"},
	};
	struct arena a;
	arena_init(&a, 0);
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct headers h = {0};
		fields_of(cases[i].fields, &a, &h);
		ck_assert_msg(forward_takes_hop(&h, &a) == cases[i].goes_on, "%s", cases[i].what);
		struct str left = headers_get(&h, STR("Max-Forwards"));
		ck_assert_msg(cases[i].expected ? str_eq(left, str_of(cases[i].expected)) : !left.p, "%s: %.*s",
		    cases[i].what, STR_ARG(left));
	}
	arena_free(&a);
}
END_TEST

START_TEST(a_path_of_the_upstream_url_comes_first)
{
	static const struct {
		const char *what, *path, *target, *expected;
	} cases[] = {
	    {"none", "/", "/a?b", "/a?b"},
	    {"a path", "/app", "/a?b", "/app/a?b"},
	    {"a path that ends in a slash", "/app/", "/a", "/app/a"},
	};
	struct arena a;
	arena_init(&a, 0);
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct conf_upstream u = {.url = upstream_url};
		u.url.path = str_of(cases[i].path);
		struct str got = forward_target(&u, str_of(cases[i].target), &a);
		ck_assert_msg(str_eq(got, str_of(cases[i].expected)), "%s: %.*s", cases[i].what, STR_ARG(got));
	}
	arena_free(&a);
}
END_TEST

START_TEST(fields_of_a_rule_are_added_set_and_removed)
{
	struct arena a;
	arena_init(&a, 0);
	struct header_op list[] = {{HEADER_ADD, STR("X-A"), STR("2")}, {HEADER_SET, STR("X-B"), STR("new")},
	    {HEADER_REMOVE, STR("Server"), STR_NONE}};
	struct header_ops ops = {list, COUNT_OF(list)};
	struct headers h = {0};
	headers_add(&h, &a, STR("X-A"), STR("1"));
	headers_add(&h, &a, STR("X-B"), STR("old"));
	headers_add(&h, &a, STR("Server"), STR("app/1"));
	header_ops_apply(&ops, &a, &h);
	ck_assert_uint_eq(headers_count(&h, STR("X-A")), 2);
	ck_assert(str_eq(headers_get(&h, STR("X-B")), STR("new")));
	ck_assert_ptr_null(headers_find(&h, STR("Server")));
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("forward");
	TCase *t = tcase_create("forward");
	tcase_add_test(t, each_field_goes_on_or_stays);
	tcase_add_test(t, peers_without_a_plain_address);
	tcase_add_test(t, a_loop_is_noticed);
	tcase_add_test(t, hops_are_counted_down);
	tcase_add_test(t, a_path_of_the_upstream_url_comes_first);
	tcase_add_test(t, fields_of_a_rule_are_added_set_and_removed);
	suite_add_tcase(s, t);
	return suite_run(s);
}
