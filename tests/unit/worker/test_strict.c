/* Every form that two parties could read differently, over a real socket; and the good ones next to them. */
#include "client_rig.h"

#include "worker/strict.h"

#define REQUEST(text)                                                                                                  \
	{                                                                                                              \
		(text), sizeof(text) - 1                                                                               \
	}

static const struct bad {
	const char *sentence;
	struct str request;
	const char *why; /* NULL: the library refuses it by itself */
} bad[] = {
    {"Content-Length with Transfer-Encoding",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	"both Content-Length and Transfer-Encoding"},
    {"Transfer-Encoding with Content-Length",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
	"both Content-Length and Transfer-Encoding"},
    {"two Content-Lengths that differ",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
	"more than one Content-Length field"},
    {"two equal Content-Lengths",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
	"more than one Content-Length field"},
    {"a list of Content-Lengths", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc"), NULL},
    {"a Content-Length of 2^64-1",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n"),
	"a Content-Length that is no number"},
    {"a Content-Length of 2^63", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n"),
	"a Content-Length that is no number"},
    {"a Content-Length beyond 2^64",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"), NULL},
    {"a signed Content-Length", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc"), NULL},
    {"a negative Content-Length", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc"), NULL},
    {"gzip, chunked", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	"a transfer coding other than chunked"},
    {"chunked, chunked", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
	"a transfer coding other than chunked"},
    {"identity", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n"),
	"a transfer coding other than chunked"},
    {"two Transfer-Encodings",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
	"more than one Transfer-Encoding field"},
    {"chunked followed by a vertical tab",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\v\r\n\r\n0\r\n\r\n"),
	"a field value holds control bytes"},
    {"a transfer coding in HTTP/1.0",
	REQUEST("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	"a transfer coding in HTTP/1.0"},
    {"two Hosts", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), "more than one Host field"},
    {"two equal Hosts", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n"), "more than one Host field"},
    {"no Host", REQUEST("GET / HTTP/1.1\r\nAccept: x\r\n\r\n"), "no Host field"},
    {"no field at all", REQUEST("GET / HTTP/1.1\r\n\r\n"), "no Host field"},
    {"an empty Host", REQUEST("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "the Host field is not valid"},
    {"a Host with a path", REQUEST("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"), "the Host field is not valid"},
    {"a Host with a user", REQUEST("GET / HTTP/1.1\r\nHost: a@x\r\n\r\n"), "the Host field is not valid"},
    {"a Host of two words", REQUEST("GET / HTTP/1.1\r\nHost: x y\r\n\r\n"), "the Host field is not valid"},
    {"a bare LF after the request line", REQUEST("GET / HTTP/1.1\nHost: x\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a bare LF between fields", REQUEST("GET / HTTP/1.1\r\nHost: x\nFoo: y\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a bare LF after the last field", REQUEST("GET / HTTP/1.1\r\nHost: x\n\r\n"),
	"the head ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a bare LF as the empty line", REQUEST("GET / HTTP/1.1\r\nHost: x\r\n\n"),
	"the head ends in a bare LF or CR, is folded, or holds a NUL"},
    {"bare LFs throughout", REQUEST("GET / HTTP/1.1\nHost: x\n\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a bare CR in a value", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\rBar: b\r\n\r\n"),
	"a field value holds control bytes"},
    {"a CR before the CRLF", REQUEST("GET / HTTP/1.1\r\nHost: x\r\r\n\r\n"), "a field value holds control bytes"},
    {"a bare CR in the target", REQUEST("GET /a\rb HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target holds a byte that no URI has"},
    {"a space before the colon", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo : y\r\n\r\n"),
	"a field name is not a token, or blanks precede its colon"},
    {"a tab before the colon", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo\t: y\r\n\r\n"),
	"a field name is not a token, or blanks precede its colon"},
    {"a space before the colon of a length", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc"),
	"a field name is not a token, or blanks precede its colon"},
    {"a blank before the first field", REQUEST("GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
	"a field name is not a token, or blanks precede its colon"},
    {"a line without a colon", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo\r\n\r\n"), NULL},
    {"an empty field name", REQUEST("GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n"),
	"the head ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a field name with a bracket", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo[]: y\r\n\r\n"),
	"a field name is not a token, or blanks precede its colon"},
    {"a control byte in a value", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\001b\r\n\r\n"),
	"a field value holds control bytes"},
    {"DEL in a value", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\177b\r\n\r\n"),
	"a field value holds control bytes"},
    {"a control byte in a name", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFo\001o: ab\r\n\r\n"),
	"a field name is not a token, or blanks precede its colon"},
    {"a NUL in a value", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\0b\r\nBar: c\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a NUL in the last value", REQUEST("GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n"),
	"the head ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a NUL in a name", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFo\0o: y\r\n\r\n"), NULL},
    {"a NUL in the target", REQUEST("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request line has more than two single blanks, or holds a NUL"},
    {"a NUL in the query", REQUEST("GET /a?b\0c HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request line has more than two single blanks, or holds a NUL"},
    {"a NUL behind the question mark", REQUEST("GET /a?\0c HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request line has more than two single blanks, or holds a NUL"},
    {"a NUL in the method", REQUEST("G\0ET / HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request line has more than two single blanks, or holds a NUL"},
    {"a NUL behind the version", REQUEST("GET / HTTP/1.1\0x\r\nHost: x\r\n\r\n"), NULL},
    {"a folded line", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\r\n b\r\nBar: c\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a folded last line", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\r\n b\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a line folded with a tab", REQUEST("GET / HTTP/1.1\r\nHost: x\r\n\ty\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a folded empty value", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo:\r\n b\r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a fold that turns Content-Lengt into Content-Length",
	REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Lengt: 3\r\n h\r\n\r\nabc"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"a fold of nothing but a blank", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: a\r\n \r\n\r\n"),
	"a line ends in a bare LF or CR, is folded, or holds a NUL"},
    {"HTTP/1.5", REQUEST("GET / HTTP/1.5\r\nHost: x\r\n\r\n"), "the version is neither HTTP/1.1 nor HTTP/1.0"},
    {"HTTP/2.0", REQUEST("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), NULL},
    {"HTTP/0.9", REQUEST("GET /\r\n\r\n"), NULL},
    {"http/1.1 in small letters", REQUEST("GET / http/1.1\r\nHost: x\r\n\r\n"), NULL},
    {"two blanks before the target", REQUEST("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request line has more than two single blanks, or holds a NUL"},
    {"two blanks behind the target", REQUEST("GET /  HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target holds a byte that no URI has"},
    {"a blank in the target", REQUEST("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target holds a byte that no URI has"},
    {"a control byte in the target", REQUEST("GET /a\001b HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target holds a byte that no URI has"},
    {"a byte above 127 in the target", REQUEST("GET /a\303\244b HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target holds a byte that no URI has"},
    {"a fragment", REQUEST("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"), "the request target holds a byte that no URI has"},
    {"a target without a slash", REQUEST("GET a HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target is neither a path nor an http URL"},
    {"* with GET", REQUEST("GET * HTTP/1.1\r\nHost: x\r\n\r\n"), "the target * is for OPTIONS"},
    {"CONNECT", REQUEST("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"), "CONNECT is not for a cache"},
    {"an https URL on a plain connection", REQUEST("GET https://y/ HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the request target is neither a path nor an http URL"},
    {"a URL with a user", REQUEST("GET http://a@y/ HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the authority of the request target is not valid"},
    {"a URL without a host", REQUEST("GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n"),
	"the authority of the request target is not valid"},
    {"a URL with a bad Host beside it", REQUEST("GET http://y/ HTTP/1.1\r\nHost: x y\r\n\r\n"),
	"the Host field is not valid"},
    {"a method that is no token", REQUEST("GE(T / HTTP/1.1\r\nHost: x\r\n\r\n"), "the method is not a token"},
};

START_TEST(ambiguous_requests_are_refused_and_the_connection_closed)
{
	const struct bad *b = &bad[_i];
	rig_up();
	const char *got = rig_exchange(b->request, NULL);
	/* The library answers what it refuses itself with 400, 413, 505 or nothing at all. */
	if (b->why)
		ck_assert_msg(strncmp(got, "HTTP/1.1 400 ", 13) == 0, "%s: got %s", b->sentence, got);
	else
		ck_assert_msg(
		    *got == '\0' || strncmp(got, "HTTP/1.1 4", 10) == 0 || strncmp(got, "HTTP/1.1 505", 12) == 0,
		    "%s: got %s", b->sentence, got);
	ck_assert_msg(rig.begun == 0, "%s: was taken as %s", b->sentence, rig.seen);
	ck_assert_msg(
	    strcmp(rig.last_why, b->why ? b->why : "") == 0, "%s: refused because: %s", b->sentence, rig.last_why);
	if (b->why)
		ck_assert_ptr_nonnull(strstr(got, "Connection: close\r\n"));
	rig_down();
}
END_TEST

static const struct good {
	const char *sentence;
	struct str request;
	const char *seen;
} good[] = {
    {"a plain GET", REQUEST("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/|x|Host=x"},
    {"the raw target with its escapes and query", REQUEST("GET /a%2Fb%20c?d=%26&&e=f+g HTTP/1.1\r\nHost: x\r\n\r\n"),
	"GET|/a%2Fb%20c?d=%26&&e=f+g|x|Host=x"},
    {"an empty query", REQUEST("GET /a? HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/a?|x|Host=x"},
    {"two question marks", REQUEST("GET /a?b?c HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/a?b?c|x|Host=x"},
    {"a one-letter query", REQUEST("GET /?b HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/?b|x|Host=x"},
    {"blanks around values", REQUEST("GET / HTTP/1.1\r\nHost:   x \t \r\nFoo:a\t b \r\nEmpty:\r\nBlank: \r\n\r\n"),
	"GET|/|x|Host=x|Foo=a\t b|Empty=|Blank="},
    {"fields in order, with repetitions and their spelling",
	REQUEST("GET / HTTP/1.1\r\nhOST: x\r\nB: 1\r\nA: 2\r\nb: 3\r\n\r\n"), "GET|/|x|hOST=x|B=1|A=2|b=3"},
    {"bytes above 127 in a value", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nFoo: \303\244\r\n\r\n"),
	"GET|/|x|Host=x|Foo=\303\244"},
    {"cookies", REQUEST("GET / HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=\"d e\"\r\nCookie: f\r\n\r\n"),
	"GET|/|x|Host=x|Cookie=a=b; c=\"d e\"|Cookie=f"},
    {"an unknown method", REQUEST("FROB / HTTP/1.1\r\nHost: x\r\n\r\n"), "FROB|/|x|Host=x"},
    {"an absolute target wins over Host", REQUEST("GET http://y:81/a?b HTTP/1.1\r\nHost: x\r\n\r\n"),
	"GET|/a?b|y:81|Host=x"},
    {"an absolute target without a path", REQUEST("GET HTTP://y HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/|y|Host=x"},
    {"an absolute target with a query only", REQUEST("GET http://y?b HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/?b|y|Host=x"},
    {"OPTIONS *", REQUEST("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), "OPTIONS|*|x|Host=x"},
    {"OPTIONS of a whole server by URL", REQUEST("OPTIONS http://y HTTP/1.1\r\nHost: x\r\n\r\n"), "OPTIONS|*|y|Host=x"},
    {"HTTP/1.0 without Host", REQUEST("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
	"GET|/||Connection=keep-alive"},
    {"HTTP/1.0 without any field", REQUEST("GET / HTTP/1.0\r\n\r\n"), "GET|/|"},
    {"a Host with a port", REQUEST("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), "GET|/|[::1]:8080|Host=[::1]:8080"},
    {"an empty line before the request", REQUEST("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), "GET|/|x|Host=x"},
    {"a length", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
	"POST|/|x|Host=x|Content-Length=3"},
    {"a length of nothing", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
	"POST|/|x|Host=x|Content-Length=0"},
    {"chunks", REQUEST("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
	"POST|/|x|Host=x|Transfer-Encoding=Chunked"},
};

START_TEST(good_requests_come_through_as_they_were_sent)
{
	const struct good *g = &good[_i];
	rig_up();
	const char *got = rig_exchange(g->request, "hello");
	ck_assert_msg(strncmp(got, "HTTP/1.1 200 ", 13) == 0, "%s: got %s", g->sentence, got);
	ck_assert_msg(strcmp(rig.seen, g->seen) == 0, "%s: seen %s", g->sentence, rig.seen);
	ck_assert_uint_eq(rig.whole, 1);
	rig_down();
}
END_TEST

START_TEST(a_head_that_comes_byte_by_byte_is_read_the_same)
{
	rig_up();
	struct str request = STR("GET /a?b=c HTTP/1.1\r\nHost: x\r\nFoo: bar\r\n\r\n");
	int fd = rig_connect();
	for (size_t i = 0; i < request.n; i++) {
		rig_send(fd, str_make(request.p + i, 1));
		turn_once();
	}
	TURN_UNTIL(received(fd, "hello"));
	ck_assert_str_eq(rig.seen, "GET|/a?b=c|x|Host=x|Foo=bar");
	close(fd);
	rig_down();
}
END_TEST

START_TEST(the_version_of_the_library_decides)
{
	static const struct {
		const char *version;
		enum strict_mode mode;
	} rows[] = {{"0.9.74", STRICT_UNSUPPORTED}, {"0.9.75", STRICT_GAPS}, {"0.9.77", STRICT_GAPS},
	    {"0.9.77-dev", STRICT_GAPS}, {"0.9.78", STRICT_UNSUPPORTED}, {"0.10.75", STRICT_UNSUPPORTED},
	    {"1.0.1", STRICT_LIBRARY}, {"2.0.0", STRICT_UNSUPPORTED}, {"", STRICT_UNSUPPORTED},
	    {"x", STRICT_UNSUPPORTED}, {"0.9", STRICT_UNSUPPORTED}};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(strict_probe(rows[i].version) == rows[i].mode, "version %s", rows[i].version);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("strict");
	TCase *t = tcase_create("strict");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, ambiguous_requests_are_refused_and_the_connection_closed, 0, COUNT_OF(bad));
	tcase_add_loop_test(t, good_requests_come_through_as_they_were_sent, 0, COUNT_OF(good));
	tcase_add_test(t, a_head_that_comes_byte_by_byte_is_read_the_same);
	tcase_add_test(t, the_version_of_the_library_decides);
	suite_add_tcase(s, t);
	return suite_run(s);
}
