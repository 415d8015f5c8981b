#include "suite.h"

#include "base/mem.h"
#include "http/url.h"

static struct arena arena;

static void begin(void)
{
	arena_init(&arena, 0);
}

static void end(void)
{
	arena_free(&arena);
}

START_TEST(dots_are_seen_in_the_raw_path)
{
	static const struct {
		const char *sentence, *path;
		bool dots;
	} rows[] = {
	    {"a plain path", "/a/b", false},
	    {"a single dot", "/a/./b", true},
	    {"two dots at the end", "/a/..", true},
	    {"escaped dots", "/a/%2e%2E/b", true},
	    {"one escaped dot", "/a/.%2e", true},
	    {"three dots are a name", "/a/.../b", false},
	    {"a dot file is a name", "/.well-known/x", false},
	    {"an escaped slash parts no segments", "/..%2fa", false},
	    {"a broken escape", "/%2/%2e%", false},
	    {"no path", "", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(path_has_dots(str_of(rows[i].path)) == rows[i].dots, "%s", rows[i].sentence);
}
END_TEST

START_TEST(urls_are_read)
{
	static const struct {
		const char *in, *scheme, *host;
		int port;
		const char *path;
	} rows[] = {
	    {"http://example.com", "http", "example.com", 80, "/"},
	    {"https://example.com/", "https", "example.com", 443, "/"},
	    {"HTTP://Example.com:8000/a/b?c=d", "http", "Example.com", 8000, "/a/b?c=d"},
	    {"http://127.0.0.1:65535", "http", "127.0.0.1", 65535, "/"},
	    {"http://[::1]:8080/x", "http", "::1", 8080, "/x"},
	    {"https://[2001:db8::1]", "https", "2001:db8::1", 443, "/"},
	    {"http://h/@x", "http", "h", 80, "/@x"},
	    {"http://h/\xc3\xa9", "http", "h", 80, "/\xc3\xa9"},
	    {"unix:/run/app.sock", "unix", "/run/app.sock", 0, "/"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct url url;
		const char *why = "";
		ck_assert_msg(url_read(str_of(rows[i].in), &url, &why) == 0, "%s: %s", rows[i].in, why);
		ck_assert_msg(str_eq(url.scheme, str_of(rows[i].scheme)), "%s", rows[i].in);
		ck_assert_msg(str_eq(url.host, str_of(rows[i].host)), "%s", rows[i].in);
		ck_assert_msg(url.port == rows[i].port, "%s", rows[i].in);
		ck_assert_msg(str_eq(url.path, str_of(rows[i].path)), "%s", rows[i].in);
	}
}
END_TEST

START_TEST(bad_urls_are_refused_with_the_reason)
{
	static const struct {
		struct str in;
		const char *why;
	} rows[] = {
	    {STR(""), "begins with"},
	    {STR("example.com"), "begins with"},
	    {STR("ftp://example.com"), "begins with"},
	    {STR("http:/example.com"), "begins with"},
	    {STR("http://"), "host is missing"},
	    {STR("http:///path"), "host is missing"},
	    {STR("http://:80"), "host is missing"},
	    {STR("http://user@host"), "user information"},
	    {STR("http://user:pw@host:80/"), "user information"},
	    {STR("http://host:0"), "port"},
	    {STR("http://host:"), "port"},
	    {STR("http://host:65536"), "port"},
	    {STR("http://host:8a"), "port"},
	    {STR("http://a:b:80"), "port"},
	    {STR("http://ho st"), "host is not valid"},
	    {STR("http://h\xc3\xb6st"), "host is not valid"},
	    {STR("http://a\0b"), "host is not valid"},
	    {STR("http://[::1"), "host is not valid"},
	    {STR("http://[]"), "host is not valid"},
	    {STR("http://[1.2.3.4]"), "host is not valid"},
	    {STR("http://[fe80::1%25eth0]"), "host is not valid"},
	    {STR("http://[::1]x:80"), "host is not valid"},
	    {STR("http://h/a b"), "blank"},
	    {STR("http://h/a\r\nX: y"), "blank"},
	    {STR("http://h/a#b"), "fragment"},
	    {STR("http://h#b"), "fragment"},
	    {STR("http://h?q"), "query"},
	    {STR("unix:"), "absolute path"},
	    {STR("unix:run/app.sock"), "absolute path"},
	    {STR("unix:/a\0b"), "NUL"},
	    {STR("unix:/"
		 "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
		 "1234567"),
		"107"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct url url;
		const char *why = "";
		ck_assert_msg(url_read(rows[i].in, &url, &why) == ERR_INVALID, "%.*s", STR_ARG(rows[i].in));
		ck_assert_msg(strstr(why, rows[i].why), "%.*s: %s", STR_ARG(rows[i].in), why);
	}
}
END_TEST

START_TEST(targets_are_split_at_the_first_question_mark)
{
	struct str path, query;
	target_split(STR("/a?b?c"), &path, &query);
	ck_assert(str_eq(path, STR("/a")) && str_eq(query, STR("b?c")));
	target_split(STR("/a?"), &path, &query);
	ck_assert(str_eq(path, STR("/a")) && query.p && query.n == 0);
	target_split(STR("/a"), &path, &query);
	ck_assert(str_eq(path, STR("/a")) && !query.p);
	target_split(STR(""), &path, &query);
	ck_assert(path.n == 0 && !query.p);
}
END_TEST

START_TEST(paths_are_normalised)
{
	static const struct {
		const char *what, *in, *out;
	} rows[] = {
	    {"normal already", "/blog/post-1", "/blog/post-1"},
	    {"the root", "/", "/"},
	    {"an empty path", "", "/"},
	    {"not a path", "*", "*"},
	    {"unreserved is decoded", "/%41%7a%30%2d%2E%5f%7E", "/Az0-._~"},
	    {"others become upper case", "/%3a%2f%c3%A9", "/%3A%2F%C3%A9"},
	    {"a slash stays escaped", "/a%2Fb", "/a%2Fb"},
	    {"a percent sign stays escaped", "/%2541", "/%2541"},
	    {"NUL stays escaped", "/%00", "/%00"},
	    {"bytes above 127 stay", "/\xc3\xa9", "/\xc3\xa9"},
	    {"a single dot", "/a/./b", "/a/b"},
	    {"a single dot at the end", "/a/.", "/a/"},
	    {"two dots", "/a/b/../c", "/a/c"},
	    {"two dots at the end", "/a/b/..", "/a/"},
	    {"above the root", "/../../a", "/a"},
	    {"the example of RFC 3986 5.2.4", "/a/b/c/./../../g", "/a/g"},
	    {"escaped dots are dots", "/a/%2e%2E/b", "/b"},
	    {"three dots are a name", "/a/.../b", "/a/.../b"},
	    {"a dot file is a name", "/.well-known/x", "/.well-known/x"},
	    {"dots inside a name", "/a..b/..c", "/a..b/..c"},
	    {"repeated slashes stay", "//a///b//", "//a///b//"},
	    {"two dots take one slash of several", "/a//../b", "/a/b"},
	    {"only dots", "/..", "/"},
	    {"only a dot", "/.", "/"},
	    {"a malformed escape stays, with its segment", "/%zz%41/%41", "/%zz%41/A"},
	    {"what is before it is decoded", "/%41%4", "/A%4"},
	    {"no escape arises from the pieces of others", "/%%34%31", "/%%34%31"},
	    {"a lone percent sign at the end", "/a%", "/a%"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str in = str_of(rows[i].in), got = path_normalise(in, &arena);
		ck_assert_msg(str_eq(got, str_of(rows[i].out)), "%s: %.*s", rows[i].what, STR_ARG(got));
		struct str twice = path_normalise(got, &arena);
		ck_assert_msg(str_eq(twice, got), "%s: once more gives %.*s", rows[i].what, STR_ARG(twice));
	}
}
END_TEST

START_TEST(what_is_normal_is_not_copied)
{
	static const char *const paths[] = {"/", "/blog/post-1", "/a%2Fb", "/.well-known/a..b", "/a//b/...", "*"};
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		ck_assert_ptr_eq(path_normalise(str_of(paths[i]), &arena).p, paths[i]);
	static const char *const hosts[] = {"example.com", "example.com:80", "example.com.", "[::1]:8080", "a:8080"};
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		ck_assert_ptr_eq(host_normalise(str_of(hosts[i]), STR("http"), &arena).p, hosts[i]);
	ck_assert_uint_eq(arena.used, 0);
}
END_TEST

START_TEST(hosts_are_normalised)
{
	static const struct {
		const char *what, *in, *scheme, *out;
	} rows[] = {
	    {"normal already", "example.com", "http", "example.com"},
	    {"lower case", "EXAMPLE.Com", "http", "example.com"},
	    {"the default port of http", "a:80", "http", "a"},
	    {"the default port of https", "a:443", "https", "a"},
	    {"the default port of the other", "a:443", "http", "a:443"},
	    {"of https either", "a:80", "https", "a:80"},
	    {"another port", "A:8080", "http", "a:8080"},
	    {"an empty port", "a:", "http", "a"},
	    {"a trailing dot", "a.b.", "http", "a.b"},
	    {"a trailing dot before the port", "a.:8080", "http", "a:8080"},
	    {"all at once", "A.B.:80", "http", "a.b"},
	    {"IPv6", "[2001:DB8::1]:80", "http", "[2001:db8::1]"},
	    {"IPv6 without a port", "[::80]", "http", "[::80]"},
	    {"nothing", "", "http", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str got = host_normalise(str_of(rows[i].in), str_of(rows[i].scheme), &arena);
		ck_assert_msg(str_eq(got, str_of(rows[i].out)), "%s: %.*s", rows[i].what, STR_ARG(got));
	}
}
END_TEST

START_TEST(hosts_are_validated)
{
	static const struct {
		struct str in;
		bool valid;
	} rows[] = {
	    {STR("example.com"), true},
	    {STR("example.com:8080"), true},
	    {STR("127.0.0.1:1"), true},
	    {STR("[::1]"), true},
	    {STR("[::ffff:1.2.3.4]:65535"), true},
	    {STR("[1:2:3:4:5:6:7:8]"), true},
	    {STR("[1:2:3:4:5:6:1.2.3.4]"), true},
	    {STR("[::]"), true},
	    {STR("[1::]"), true},
	    {STR("[::8]"), true},
	    {STR("[1:2:3::5:6:7:8]"), true},
	    {STR("[2001:DB8::abcd]"), true},
	    {STR("a_b~c!$&'()*+,;=%41"), true},
	    {STR(""), false},
	    {STR(":80"), false},
	    {STR("a:"), false},
	    {STR("a:0"), false},
	    {STR("a:65536"), false},
	    {STR("a:80:80"), false},
	    {STR("a b"), false},
	    {STR("a/b"), false},
	    {STR("a@b"), false},
	    {STR("a\0b"), false},
	    {STR("a\\b"), false},
	    {STR("h\xc3\xb6"), false},
	    {STR("[::1"), false},
	    {STR("::1"), false},
	    {STR("[::1]80"), false},
	    {STR("[g::1]"), false},
	    {STR("[1:2:3:4:5:6:7]"), false},
	    {STR("[1:2:3:4:5:6:7:8:9]"), false},
	    {STR("[1:2:3:4::5:6:7:8]"), false},
	    {STR("[1::2::3]"), false},
	    {STR("[:::]"), false},
	    {STR("[1:]"), false},
	    {STR("[:1]"), false},
	    {STR("[12345::]"), false},
	    {STR("[1.2.3.4::]"), false},
	    {STR("[::1.2.3]"), false},
	    {STR("[::1.2.3.256]"), false},
	    {STR("[::1.2.3.04]"), false},
	    {STR("[1:2:3:4:5:6:7:1.2.3.4]"), false},
	    {STR("[fe80::1%25eth0]"), false},
	    {STR("[]"), false},
	    {STR("[:\0:1]"), false},
	    {STR("["), false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(host_is_valid(rows[i].in) == rows[i].valid, "%.*s", STR_ARG(rows[i].in));
}
END_TEST

START_TEST(globs)
{
	static const struct {
		const char *pattern, *s;
		bool match;
	} rows[] = {
	    {"/blog/*", "/blog/", true},
	    {"/blog/*", "/blog/a/b", true},
	    {"/blog/*", "/blog", false},
	    {"/blog/*", "/Blog/a", false},
	    {"/blog", "/blog", true},
	    {"/blog", "/blog/", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"", "", true},
	    {"", "a", false},
	    {"**", "a", true},
	    {"*.css", "/a.css", true},
	    {"*.css", "/a.css.gz", false},
	    {"/*/edit", "/a/b/edit", true},
	    {"/*/edit", "/edit", false},
	    {"a*a", "a", false},
	    {"a*a", "aa", true},
	    {"*ab*ab*", "ab", false},
	    {"*ab*ab*", "xabyabz", true},
	    {"*ab*ab", "ababab", true},
	    {"a*b*c", "abbc", true},
	    {"a*bc*c", "abc", false},
	    {"/a?b", "/a?b", true},
	    {"/a?b", "/axb", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(glob_match(str_of(rows[i].pattern), str_of(rows[i].s)) == rows[i].match, "%s %s",
		    rows[i].pattern, rows[i].s);
}
END_TEST

START_TEST(a_glob_of_many_stars_is_linear)
{
	/* Backtracking would take more than the age of the universe. */
	static char pattern[2000], s[100000];
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? '*' : 'a';
	memset(s, 'a', sizeof(s));
	ck_assert(!glob_match(str_make(pattern, sizeof(pattern) - 1), str_make(s, 900)));
	s[sizeof(s) - 1] = 'b';
	ck_assert(!glob_match(str_make(pattern, sizeof(pattern) - 1), str_make(s, sizeof(s))));
	ck_assert(glob_match(str_make(pattern, sizeof(pattern)), str_make(s, sizeof(s))));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/url");
	TCase *c = tcase_create("url");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, dots_are_seen_in_the_raw_path);
	tcase_add_test(c, urls_are_read);
	tcase_add_test(c, bad_urls_are_refused_with_the_reason);
	tcase_add_test(c, targets_are_split_at_the_first_question_mark);
	tcase_add_test(c, paths_are_normalised);
	tcase_add_test(c, what_is_normal_is_not_copied);
	tcase_add_test(c, hosts_are_normalised);
	tcase_add_test(c, hosts_are_validated);
	tcase_add_test(c, globs);
	tcase_add_test(c, a_glob_of_many_stars_is_linear);
	return suite_run(s);
}
