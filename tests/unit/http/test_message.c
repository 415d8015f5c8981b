#include "suite.h"

#include "base/mem.h"
#include "http/message.h"

#define OK	 "HTTP/1.1 200 OK\r\n"
#define MAX_HEAD 2000

static const struct http_limits limits = {.max_head = MAX_HEAD, .max_headers = 20};
static struct arena arena;

static void begin(void)
{
	arena_init(&arena, 0);
}

static void end(void)
{
	arena_free(&arena);
}

START_TEST(good_heads_are_read)
{
	static const struct {
		const char *what;
		struct str in;
		int status, minor;
		const char *reason;
		unsigned fields;
		const char *value; /* of the first field */
	} rows[] = {
	    {"a plain one", STR(OK "A: b\r\n\r\n"), 200, 1, "OK", 1, "b"},
	    {"HTTP/1.0", STR("HTTP/1.0 404 Not Found\r\n\r\n"), 404, 0, "Not Found", 0, NULL},
	    {"a later minor version", STR("HTTP/1.5 200 OK\r\n\r\n"), 200, 5, "OK", 0, NULL},
	    {"an empty reason", STR("HTTP/1.1 200 \r\n\r\n"), 200, 1, "", 0, NULL},
	    {"a reason left out with its blank", STR("HTTP/1.1 200\r\n\r\n"), 200, 1, "", 0, NULL},
	    {"bytes above 127 in the reason", STR("HTTP/1.1 200 \xe9t\xe9\r\n\r\n"), 200, 1, "\xe9t\xe9", 0, NULL},
	    {"the highest status", STR("HTTP/1.1 999 x\r\n\r\n"), 999, 1, "x", 0, NULL},
	    {"an interim response", STR("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), 103, 1, "Early Hints", 1, "x"},
	    {"no blank behind the colon", STR(OK "A:b\r\n\r\n"), 200, 1, "OK", 1, "b"},
	    {"blanks around the value", STR(OK "A: \t b c \t\r\n\r\n"), 200, 1, "OK", 1, "b c"},
	    {"an empty value", STR(OK "A:\r\n\r\n"), 200, 1, "OK", 1, ""},
	    {"only blanks in the value", STR(OK "A: \t \r\n\r\n"), 200, 1, "OK", 1, ""},
	    {"bytes above 127 in a value", STR(OK "A: \xff\r\n\r\n"), 200, 1, "OK", 1, "\xff"},
	    {"bytes above 127 in a name", STR(OK "\xc3\xa9: 1\r\n\r\n"), 200, 1, "OK", 1, "1"},
	    {"a colon in the value", STR(OK "A: b:c\r\n\r\n"), 200, 1, "OK", 1, "b:c"},
	    {"names that repeat", STR(OK "A: b\r\na: c\r\nA: b\r\n\r\n"), 200, 1, "OK", 3, "b"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response r;
		struct str in = arena_printf(&arena, "%.*sbody", STR_ARG(rows[i].in));
		size_t used;
		int err = http_read_response(in, &limits, &arena, &r, &used);
		ck_assert_msg(err == 0, "%s: %s", rows[i].what, r.why);
		ck_assert_msg(used == rows[i].in.n, "%s: %zu bytes", rows[i].what, used);
		ck_assert_msg(r.status == rows[i].status && r.minor == rows[i].minor, "%s: status", rows[i].what);
		ck_assert_msg(str_eq(r.reason, str_of(rows[i].reason)), "%s: reason", rows[i].what);
		ck_assert_msg(r.headers.n == rows[i].fields, "%s: fields", rows[i].what);
		ck_assert_msg(!rows[i].value || str_eq(r.headers.v[0].value, str_of(rows[i].value)), "%s: %.*s",
		    rows[i].what, STR_ARG(r.headers.v[0].value));
		/* Cut anywhere it is not whole yet, and nothing but that. */
		for (size_t n = 0; n < rows[i].in.n; n++) {
			err = http_read_response(str_take(in, n), &limits, &arena, &r, &used);
			ck_assert_msg(err == ERR_AGAIN, "%s, cut after %zu: %s", rows[i].what, n, err_name(err));
		}
	}
}
END_TEST

START_TEST(bad_heads_are_refused)
{
	static const struct {
		const char *what;
		struct str in;
		const char *why;
	} rows[] = {
	    {"HTTP/0.9", STR("<html>hello</html>\r\n"), "not an HTTP/1"},
	    {"HTTP/2", STR("HTTP/2 200\r\n\r\n"), "not an HTTP/1"},
	    {"the preface of another protocol", STR("SSH-2.0-x\r\n"), "not an HTTP/1"},
	    {"a request", STR("GET / HTTP/1.1\r\n\r\n"), "not an HTTP/1"},
	    {"an empty line before", STR("\r\nHTTP/1.1 200 OK\r\n\r\n"), "not an HTTP/1"},
	    {"lower case", STR("http/1.1 200 OK\r\n\r\n"), "not an HTTP/1"},
	    {"no minor version", STR("HTTP/1.x 200 OK\r\n\r\n"), "version"},
	    {"two digits of minor version", STR("HTTP/1.10 200 OK\r\n\r\n"), "status line"},
	    {"two blanks before the status", STR("HTTP/1.1  200 OK\r\n\r\n"), "100 to 999"},
	    {"a tab before the status", STR("HTTP/1.1\t200 OK\r\n\r\n"), "status line"},
	    {"no status", STR("HTTP/1.1 \r\n\r\n"), "status line"},
	    {"two digits of status", STR("HTTP/1.1 20\r\n\r\n"), "status line"},
	    {"two digits and a blank", STR("HTTP/1.1 20 OK\r\n\r\n"), "100 to 999"},
	    {"four digits of status", STR("HTTP/1.1 2000 OK\r\n\r\n"), "three digits"},
	    {"a status below 100", STR("HTTP/1.1 099 OK\r\n\r\n"), "100 to 999"},
	    {"a signed status", STR("HTTP/1.1 +20 OK\r\n\r\n"), "100 to 999"},
	    {"a control in the reason", STR("HTTP/1.1 200 O\x01K\r\n\r\n"), "control"},
	    {"NUL in the reason", STR("HTTP/1.1 200 \0\r\n\r\n"), "control"},
	    {"CR in the reason", STR("HTTP/1.1 200 O\rK\r\n\r\n"), "control"},
	    {"a bare LF behind the status line", STR("HTTP/1.1 200 OK\n\r\n"), "bare LF"},
	    {"a bare LF behind a field", STR(OK "A: b\n\r\n"), "bare LF"},
	    {"a bare LF for the empty line", STR(OK "A: b\r\n\n"), "bare LF"},
	    {"a bare LF within a field", STR(OK "A: b\nC: d\r\n\r\n"), "bare LF"},
	    {"bare LFs only, not waited for", STR("HTTP/1.1 200 OK\n"), "bare LF"},
	    {"a bare CR in a value", STR(OK "A: b\rC: d\r\n\r\n"), "control"},
	    {"a bare CR before CR LF", STR(OK "A: b\r\r\n\r\n"), "control"},
	    {"a bare CR for the empty line", STR(OK "\r\r\n\r\n"), "name"},
	    {"NUL in a value", STR(OK "A: b\0c\r\n\r\n"), "control"},
	    {"NUL in a name", STR(OK "A\0: b\r\n\r\n"), "name"},
	    {"DEL in a value", STR(OK "A: \x7f\r\n\r\n"), "control"},
	    {"a folded line", STR(OK "A: b\r\n c\r\n\r\n"), "folded"},
	    {"a line folded by a tab", STR(OK "A: b\r\n\tc\r\n\r\n"), "folded"},
	    {"a blank before the first field", STR(OK " A: b\r\n\r\n"), "folded"},
	    {"a blank before the colon", STR(OK "A : b\r\n\r\n"), "before the colon"},
	    {"a tab before the colon", STR(OK "A\t: b\r\n\r\n"), "before the colon"},
	    {"no colon", STR(OK "A\r\n\r\n"), "name"},
	    {"no name", STR(OK ": b\r\n\r\n"), "name"},
	    {"a separator in the name", STR(OK "A(B): c\r\n\r\n"), "name"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response r;
		size_t used;
		int err = http_read_response(rows[i].in, &limits, &arena, &r, &used);
		ck_assert_msg(err == ERR_PROTOCOL, "%s: %s", rows[i].what, err_name(err));
		ck_assert_msg(strstr(r.why, rows[i].why), "%s: %s", rows[i].what, r.why);
	}
}
END_TEST

/* A head of exactly `size` bytes, with one long field. */
static struct str head_of_size(size_t size)
{
	int value = (int)(size - strlen(OK "A: \r\n\r\n"));
	return arena_printf(&arena, OK "A: %0*d\r\n\r\n", value, 0);
}

START_TEST(the_size_of_a_head_is_limited)
{
	struct http_response r;
	size_t used;
	struct str most = head_of_size(MAX_HEAD), more = head_of_size(MAX_HEAD + 1);
	ck_assert_int_eq(http_read_response(most, &limits, &arena, &r, &used), 0);
	ck_assert_uint_eq(used, MAX_HEAD);
	ck_assert_int_eq(http_read_response(more, &limits, &arena, &r, &used), ERR_TOO_LARGE);
	ck_assert_msg(strstr(r.why, "limit"), "%s", r.why);
	/* Told as soon as it is sure. */
	ck_assert_int_eq(http_read_response(str_take(more, MAX_HEAD - 1), &limits, &arena, &r, &used), ERR_AGAIN);
	ck_assert_int_eq(http_read_response(str_take(more, MAX_HEAD), &limits, &arena, &r, &used), ERR_TOO_LARGE);
}
END_TEST

START_TEST(the_number_of_fields_is_limited)
{
	struct http_response r;
	size_t used;
	struct str head = STR(OK);
	for (int i = 0; i < 20; i++)
		head = arena_printf(&arena, "%.*sA: b\r\n", STR_ARG(head));
	struct str most = arena_printf(&arena, "%.*s\r\n", STR_ARG(head));
	ck_assert_int_eq(http_read_response(most, &limits, &arena, &r, &used), 0);
	ck_assert_uint_eq(r.headers.n, 20);
	struct str more = arena_printf(&arena, "%.*sA: b\r\n", STR_ARG(head));
	ck_assert_int_eq(http_read_response(more, &limits, &arena, &r, &used), ERR_TOO_LARGE);
	ck_assert_msg(strstr(r.why, "too many"), "%s", r.why);
}
END_TEST

/* A response with these field lines, read. */
static struct http_response response(int minor, int status, const char *lines)
{
	struct http_response r;
	size_t used;
	struct str in = arena_printf(&arena, "HTTP/1.%d %d x\r\n%s\r\n", minor, status, lines);
	ck_assert_msg(http_read_response(in, &limits, &arena, &r, &used) == 0, "%s: %s", in.p, r.why);
	return r;
}

START_TEST(bodies_end_as_the_fields_say)
{
	static const struct {
		const char *what;
		int minor, status;
		bool head;
		const char *lines;
		enum http_body_kind kind;
		uint64_t left, length;
	} rows[] = {
	    {"Content-Length", 1, 200, false, "Content-Length: 5\r\n", BODY_LENGTH, 5, 5},
	    {"in any case", 1, 200, false, "content-LENGTH: 5\r\n", BODY_LENGTH, 5, 5},
	    {"zero", 1, 200, false, "Content-Length: 0\r\n", BODY_LENGTH, 0, 0},
	    {"leading zeros", 1, 200, false, "Content-Length: 0005\r\n", BODY_LENGTH, 5, 5},
	    {"the largest", 1, 200, false, "Content-Length: 9223372036854775807\r\n", BODY_LENGTH, INT64_MAX,
		INT64_MAX},
	    {"two equal lines", 1, 200, false, "Content-Length: 5\r\nContent-Length: 5\r\n", BODY_LENGTH, 5, 5},
	    {"a list of equal numbers", 1, 200, false, "Content-Length: 5, 5\r\n", BODY_LENGTH, 5, 5},
	    {"chunked", 1, 200, false, "Transfer-Encoding: chunked\r\n", BODY_CHUNKED, 0, UINT64_MAX},
	    {"chunked in capitals", 1, 200, false, "Transfer-Encoding: CHUNKED\r\n", BODY_CHUNKED, 0, UINT64_MAX},
	    {"chunked among empty elements", 1, 200, false, "Transfer-Encoding: , chunked,\r\n", BODY_CHUNKED, 0,
		UINT64_MAX},
	    {"RFC 9112 6.3, 4: an unknown coding", 1, 200, false, "Transfer-Encoding: foo\r\n", BODY_CLOSE, 0,
		UINT64_MAX},
	    {"RFC 9112 6.3, 4: unknown codings with parameters", 1, 200, false, "Transfer-Encoding: foo;a=b, bar\r\n",
		BODY_CLOSE, 0, UINT64_MAX},
	    {"RFC 9112 6.3, 4: unknown codings on two lines", 1, 200, false,
		"Transfer-Encoding: foo\r\nTransfer-Encoding: bar\r\n", BODY_CLOSE, 0, UINT64_MAX},
	    {"RFC 9112 6.3, 4: a name that only holds chunked", 1, 200, false, "Transfer-Encoding: xchunked\r\n",
		BODY_CLOSE, 0, UINT64_MAX},
	    {"RFC 9112 6.3, 4: identity, as once was", 1, 200, false, "Transfer-Encoding: identity\r\n", BODY_CLOSE, 0,
		UINT64_MAX},
	    {"RFC 9112 6.3, 1: 204 with an unknown coding", 1, 204, false, "Transfer-Encoding: foo\r\n", BODY_NONE, 0,
		UINT64_MAX},
	    {"nothing", 1, 200, false, "", BODY_CLOSE, 0, UINT64_MAX},
	    {"nothing in HTTP/1.0", 0, 200, false, "", BODY_CLOSE, 0, UINT64_MAX},
	    {"a length in HTTP/1.0", 0, 200, false, "Content-Length: 5\r\n", BODY_LENGTH, 5, 5},
	    {"HEAD", 1, 200, true, "Content-Length: 5\r\n", BODY_NONE, 0, 5},
	    {"HEAD of a chunked page", 1, 200, true, "Transfer-Encoding: chunked\r\n", BODY_NONE, 0, UINT64_MAX},
	    {"HEAD with nothing", 1, 200, true, "", BODY_NONE, 0, UINT64_MAX},
	    {"304 with a length", 1, 304, false, "Content-Length: 5\r\n", BODY_NONE, 0, 5},
	    {"204", 1, 204, false, "", BODY_NONE, 0, UINT64_MAX},
	    {"103", 1, 103, false, "", BODY_NONE, 0, UINT64_MAX},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response r = response(rows[i].minor, rows[i].status, rows[i].lines);
		struct http_body b;
		int err = http_body_of_response(&r, rows[i].head, &b);
		ck_assert_msg(err == 0, "%s: %s", rows[i].what, r.why);
		ck_assert_msg(b.kind == rows[i].kind, "%s: kind", rows[i].what);
		ck_assert_msg(b.left == rows[i].left && b.length == rows[i].length, "%s: length", rows[i].what);
	}
}
END_TEST

START_TEST(repeated_lengths_become_one_field)
{
	struct http_response r = response(1, 200, "Content-Length: 5 , 5\r\nA: b\r\nContent-Length: 5\r\n");
	struct http_body b;
	ck_assert_int_eq(http_body_of_response(&r, false, &b), 0);
	ck_assert_uint_eq(r.headers.n, 2);
	ck_assert(str_eq(r.headers.v[0].value, STR("5")));
	ck_assert(str_eq(r.headers.v[1].name, STR("A")));
}
END_TEST

START_TEST(ambiguous_framing_is_refused)
{
	static const struct {
		const char *what;
		int minor;
		const char *lines, *why;
	} rows[] = {
	    {"two lengths", 1, "Content-Length: 5\r\nContent-Length: 6\r\n", "twice"},
	    {"two lengths in a list", 1, "Content-Length: 5, 6\r\n", "twice"},
	    {"two lengths, one in a list", 1, "Content-Length: 5, 5\r\nContent-Length: 6\r\n", "twice"},
	    {"length and coding", 1, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "both"},
	    {"length and an unknown coding", 1, "Transfer-Encoding: foo\r\nContent-Length: 5\r\n", "both"},
	    {"length and an empty coding", 1, "Transfer-Encoding:\r\nContent-Length: 5\r\n", "both"},
	    {"an empty length", 1, "Content-Length:\r\n", "not a number"},
	    {"a length with a sign", 1, "Content-Length: +5\r\n", "not a number"},
	    {"a negative length", 1, "Content-Length: -5\r\n", "not a number"},
	    {"a hexadecimal length", 1, "Content-Length: 0x5\r\n", "not a number"},
	    {"a length with a fraction", 1, "Content-Length: 5.0\r\n", "not a number"},
	    {"a length with a blank", 1, "Content-Length: 5 5\r\n", "not a number"},
	    {"an empty element", 1, "Content-Length: 5,\r\n", "not a number"},
	    {"a length beyond 63 bits", 1, "Content-Length: 9223372036854775808\r\n", "not a number"},
	    {"a length beyond 64 bits", 1, "Content-Length: 18446744073709551621\r\n", "not a number"},
	    {"gzip under chunked", 1, "Transfer-Encoding: gzip, chunked\r\n", "under chunked"},
	    {"an unknown coding under chunked", 1, "Transfer-Encoding: foo;a=b, bar, chunked\r\n", "under chunked"},
	    {"gzip under chunked in two fields", 1, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
		"under chunked"},
	    {"chunked not last", 1, "Transfer-Encoding: chunked, foo\r\n", "not the last"},
	    {"chunked twice", 1, "Transfer-Encoding: chunked, chunked\r\n", "twice"},
	    {"chunked twice in two fields", 1, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "twice"},
	    {"chunked with a parameter", 1, "Transfer-Encoding: chunked;a=b\r\n", "parameters"},
	    {"a coding that is no token", 1, "Transfer-Encoding: \"chunked\"\r\n", "malformed"},
	    {"blanks in a coding", 1, "Transfer-Encoding: x chunked\r\n", "malformed"},
	    {"an empty coding", 1, "Transfer-Encoding:\r\n", "empty"},
	    {"a coding in HTTP/1.0", 0, "Transfer-Encoding: chunked\r\n", "HTTP/1.0"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (int head = 0; head <= 1; head++) {
			struct http_response r = response(rows[i].minor, 200, rows[i].lines);
			struct http_body b;
			int err = http_body_of_response(&r, head, &b);
			ck_assert_msg(err == ERR_PROTOCOL, "%s: %s", rows[i].what, err_name(err));
			ck_assert_msg(strstr(r.why, rows[i].why), "%s: %s", rows[i].what, r.why);
		}
	}
}
END_TEST

START_TEST(connections_are_kept_when_both_ends_agree)
{
	static const struct {
		const char *what;
		int minor, status;
		const char *lines;
		bool keeps;
	} rows[] = {
	    {"HTTP/1.1 keeps", 1, 200, "Content-Length: 5\r\n", true},
	    {"a later minor version keeps", 5, 200, "Content-Length: 5\r\n", true},
	    {"HTTP/1.1 with close", 1, 200, "Content-Length: 5\r\nConnection: x, Close\r\n", false},
	    {"close wins over keep-alive", 1, 200, "Content-Length: 5\r\nConnection: keep-alive, close\r\n", false},
	    {"HTTP/1.0 does not keep", 0, 200, "Content-Length: 5\r\n", false},
	    {"HTTP/1.0 with keep-alive", 0, 200, "Content-Length: 5\r\nConnection: Keep-Alive\r\n", true},
	    {"a body that ends with the connection", 1, 200, "Connection: keep-alive\r\n", false},
	    {"chunked keeps", 1, 200, "Transfer-Encoding: chunked\r\n", true},
	    {"304 keeps", 1, 304, "", true},
	    {"304 with a length of zero keeps", 1, 304, "Content-Length: 0\r\n", true},
	    {"304 that announces a body", 1, 304, "Content-Length: 5\r\n", false},
	    {"304 with a coding", 1, 304, "Transfer-Encoding: chunked\r\n", false},
	    {"an unknown coding ends with the connection", 1, 200, "Transfer-Encoding: foo\r\n", false},
	    {"204 keeps", 1, 204, "", true},
	    {"204 with a length of zero keeps", 1, 204, "Content-Length: 0\r\n", true},
	    {"204 that announces a body", 1, 204, "Content-Length: 5\r\n", false},
	    {"204 with a coding", 1, 204, "Transfer-Encoding: chunked\r\n", false},
	    {"101 is another protocol", 1, 101, "", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response r = response(rows[i].minor, rows[i].status, rows[i].lines);
		struct http_body b;
		ck_assert_msg(http_body_of_response(&r, false, &b) == 0, "%s: %s", rows[i].what, r.why);
		ck_assert_msg(http_keeps_alive(&r, &b) == rows[i].keeps, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(keep_alive_tells_for_how_long)
{
	static const struct {
		const char *what, *lines;
		uint64_t seconds;
	} rows[] = {
	    {"no field, no word", "", UINT64_MAX},
	    {"as servers send it", "Keep-Alive: timeout=5\r\n", 5},
	    {"with others, in any case, with blanks", "keep-alive: max=100 , TimeOut = 15\r\n", 15},
	    {"of two the shorter counts", "Keep-Alive: timeout=5\r\nKeep-Alive: timeout=3\r\n", 3},
	    {"0 is a word", "Keep-Alive: timeout=0\r\n", 0},
	    {"what is no number is none", "Keep-Alive: timeout=5s, timeout=, timeout\r\n", UINT64_MAX},
	    {"a number out of all bounds is none", "Keep-Alive: timeout=99999999999999999999\r\n", UINT64_MAX},
	    {"another parameter", "Keep-Alive: max=5\r\n", UINT64_MAX},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response r = response(1, 200, rows[i].lines);
		ck_assert_msg(http_keeps_alive_s(&r) == rows[i].seconds, "%s", rows[i].what);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/message");
	TCase *c = tcase_create("message");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, good_heads_are_read);
	tcase_add_test(c, bad_heads_are_refused);
	tcase_add_test(c, the_size_of_a_head_is_limited);
	tcase_add_test(c, the_number_of_fields_is_limited);
	tcase_add_test(c, bodies_end_as_the_fields_say);
	tcase_add_test(c, repeated_lengths_become_one_field);
	tcase_add_test(c, ambiguous_framing_is_refused);
	tcase_add_test(c, connections_are_kept_when_both_ends_agree);
	tcase_add_test(c, keep_alive_tells_for_how_long);
	return suite_run(s);
}
