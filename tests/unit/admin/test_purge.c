/* POST /purge: what reaches the tier, in the form that its keys have. */
#include "bench.h"
#include "capture.h"

#include <stdio.h>

START_TEST(what_the_tier_is_asked)
{
	static const struct {
		const char *sentence, *params;
		enum purge_kind kind;
		const char *arg;
		bool soft;
	} rows[] = {
	    {"a URL becomes its key", "url=http://example.com/a?b=1", PURGE_URL, "GET http://example.com/a?b=1", false},
	    {"host and path in normal form", "url=HTTP://Example.COM:80/%2561/../%7ea", PURGE_URL,
		"GET http://example.com/~a", false},
	    {"a URL without a path", "url=https://example.com", PURGE_URL, "GET https://example.com/", false},
	    {"a URL with a query alone", "url=http://example.com?a", PURGE_URL, "GET http://example.com/?a", false},
	    {"a fragment never reached a server", "url=http://h/a%23top", PURGE_URL, "GET http://h/a", false},
	    {"tracking parameters as for requests", "url=http://h/a?utm_source%3dx", PURGE_URL, "GET http://h/a",
		false},
	    {"the route decides what of the query counts", "url=http://h/plain/a?b%3d1", PURGE_URL,
		"GET http://h/plain/a", false},
	    {"a path with its host", "url=/a&host=h:8080", PURGE_URL, "GET http://h:8080/a", false},
	    {"a path with host and scheme", "url=/a&host=h:443&scheme=https", PURGE_URL, "GET https://h/a", false},
	    {"a path of any host is a glob without a star", "url=/%7ea?b%3d1%26utm_source%3dx", PURGE_GLOB, "/~a?b=1",
		false},
	    {"softly", "url=http://h/a&soft", PURGE_URL, "GET http://h/a", true},
	    {"softly with a value", "url=http://h/a&soft=true", PURGE_URL, "GET http://h/a", true},
	    {"not softly", "url=http://h/a&soft=0", PURGE_URL, "GET http://h/a", false},
	    {"a prefix of all hosts", "prefix=/blog/", PURGE_PREFIX, "/blog/", false},
	    {"a prefix of one host", "prefix=http://H/blog/", PURGE_PREFIX, "http://h/blog/", false},
	    {"a host alone is a whole host", "prefix=http://h", PURGE_PREFIX, "http://h/", false},
	    {"a prefix with host=", "prefix=/blog/&host=h", PURGE_PREFIX, "http://h/blog/", false},
	    {"a prefix covers no more than was written", "prefix=/a/.", PURGE_PREFIX, "/a/.", false},
	    {"nor with two dots", "prefix=/a/..", PURGE_PREFIX, "/a/..", false},
	    {"a prefix into the query", "prefix=/a?b%3d", PURGE_PREFIX, "/a?b=", false},
	    {"a glob", "glob=/a/*/b", PURGE_GLOB, "/a/*/b", false},
	    {"a glob over hosts", "glob=http://*.example.com/a*", PURGE_GLOB, "http://*.example.com/a*", false},
	    {"a glob over everything", "glob=*.png", PURGE_GLOB, "*.png", false},
	    {"a tag", "tag=post-1", PURGE_TAG, "post-1", false},
	    {"everything", "all", PURGE_ALL, "", false},
	    {"everything, with a value", "all=1&soft=1", PURGE_ALL, "1", true},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char line[256];
		snprintf(line, sizeof(line), "POST /purge %s", rows[i].params);
		unsigned before = b.purges;
		ck_assert_msg(
		    bench_ask(&b, line) == 200, "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
		ck_assert_msg(b.purges == before + 1, "%s: not asked", rows[i].sentence);
		ck_assert_msg(b.purge.kind == rows[i].kind, "%s: kind", rows[i].sentence);
		ck_assert_msg(strcmp(b.arg, rows[i].arg) == 0, "%s: %s", rows[i].sentence, b.arg);
		ck_assert_msg(b.purge.soft == rows[i].soft, "%s: soft", rows[i].sentence);
		ck_assert_double_eq(bench_number(&b, "purged"), 3);
		ck_assert_double_eq(bench_number(&b, "id"), (double)(i + 1));
	}
	bench_close(&b);
}
END_TEST

START_TEST(what_never_reaches_it)
{
	static const struct {
		const char *sentence, *params, *word;
	} rows[] = {
	    {"nothing named", "soft=1", "one of url="},
	    {"two kinds", "url=http://h/&tag=a", "takes one of them"},
	    {"a path with a star and no host", "url=/a*", "host="},
	    {"a scheme and no host", "url=/a&scheme=https", "needs host"},
	    {"a host without its scheme", "url=example.com/a", "does not begin with http://"},
	    {"another scheme", "url=ftp://h/a", "does not begin with http://"},
	    {"an empty URL", "url=", "does not begin with http://"},
	    {"an empty host", "url=http:///a", "host is not valid"},
	    {"a user name", "url=http://u@h/a", "host is not valid"},
	    {"a port that is none", "url=http://h:99999/", "host is not valid"},
	    {"a blank", "url=http://h/a+b", "--data-urlencode"},
	    {"a line break", "url=http://h/a%0ab", "--data-urlencode"},
	    {"a byte above 127", "url=http://h/%c3%a9", "--data-urlencode"},
	    {"host twice", "url=http://h/a&host=h", "one already"},
	    {"a scheme of another kind", "url=/a&host=h&scheme=gopher", "http or https"},
	    {"an empty prefix is not everything", "prefix=", "begins with neither"},
	    {"a prefix without slash", "prefix=blog/", "begins with neither"},
	    {"a prefix with a wild host", "prefix=http://*/a", "needs glob="},
	    {"an empty tag", "tag=", "not empty"},
	    {"a tag with a comma", "tag=a,b", "comma"},
	    {"a tag with a host", "tag=a&host=h", "only"},
	    {"all turned off", "all=0", "all is off"},
	    {"all with a riddle", "all=maybe", "give no value"},
	    {"soft with a riddle", "all&soft=maybe", "give no value"},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char line[256];
		snprintf(line, sizeof(line), "POST /purge %s", rows[i].params);
		ck_assert_msg(bench_ask(&b, line) == 400, "%s: %d", rows[i].sentence, b.answer.status);
		ck_assert_msg(
		    bench_has(&b, rows[i].word), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
	}
	ck_assert_uint_eq(b.purges, 0);
	bench_close(&b);
}
END_TEST

START_TEST(the_key_is_that_of_a_request)
{
	struct bench b;
	bench_open(&b);
	ck_assert_int_eq(bench_ask(&b, "POST /purge url=http://h/a"), 200);
	struct cache_key key = key_of_text(STR("GET http://h/a"), b.env.key_seed);
	ck_assert(key.hi == b.purge.key.hi && key.lo == b.purge.key.lo);
	bench_close(&b);
}
END_TEST

START_TEST(a_tier_that_fails_is_an_error)
{
	struct bench b;
	bench_open(&b);
	b.purge_err = ERR_IO;
	capture_begin();
	ck_assert_int_eq(bench_ask(&b, "POST /purge all"), 503);
	char *log = capture_end();
	ck_assert_msg(strstr(log, " warning purge: all: a tier that is shared did not take it ("), "%s", log);
	free(log);
	ck_assert_str_ne(bench_text(&b, "error"), "");
	bench_close(&b);
}
END_TEST

START_TEST(a_tier_that_works_behind_is_waited_for)
{
	struct bench b;
	bench_open(&b);
	b.purge_err = ERR_AGAIN;
	ck_assert_int_eq(bench_ask(&b, "POST /purge all"), 200);
	ck_assert_double_eq(bench_number(&b, "purged"), 5);
	bench_close(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("purge");
	TCase *t = tcase_create("purge");
	tcase_add_test(t, what_the_tier_is_asked);
	tcase_add_test(t, what_never_reaches_it);
	tcase_add_test(t, the_key_is_that_of_a_request);
	tcase_add_test(t, a_tier_that_fails_is_an_error);
	tcase_add_test(t, a_tier_that_works_behind_is_waited_for);
	suite_add_tcase(s, t);
	return suite_run(s);
}
