/* Patterns by themselves: what fits, what is refused, and what a regex is known to begin with. */
#include "conf/pattern.h"

#include <stdio.h>

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;

static int read(const char *text, struct route_pattern *p, struct str *wrong, struct str *nearest)
{
	*wrong = *nearest = STR_NONE;
	return pattern_read(str_of(text), &arena, p, wrong, nearest);
}

static const struct row {
	const char *says, *pattern, *host, *path;
	bool fits;
} rows[] = {
    {"a path fits itself", "/a", "h", "/a", true},
    {"and nothing longer", "/a", "h", "/a/", false},
    {"a glob at the end fits what follows", "/a/*", "h", "/a/b/c", true},
    {"and nothing", "/a/*", "h", "/a/", true},
    {"but not the path without its slash", "/a/*", "h", "/a", false},
    {"a glob in the middle", "/a/*/c", "h", "/a/b/b/c", true},
    {"a glob in the middle has an end", "/a/*/c", "h", "/a/b/d", false},
    {"a star at the beginning", "/*.php", "h", "/x/y.php", true},
    {"brackets are plain", "/[a]", "h", "/[a]", true},
    {"a tilde in a path is plain", "/~joe/*", "h", "/~joe/x", true},
    {"an escape of a plain character is that character", "/%7Ejoe/*", "h", "/~joe/x", true},
    {"dot segments are resolved", "/a/../b", "h", "/b", true},
    {"a path as people read it", "/caf\xc3\xa9/*", "h", "/caf%C3%A9/x", true},
    {"case matters in a path", "/A", "h", "/a", false},
    {"a regex is found anywhere", "~ b+", "h", "/abba", true},
    {"a regex that is not found", "~ b+", "h", "/aca", false},
    {"an anchor", "~ ^/b", "h", "/a/b", false},
    {"an end", "~ b$", "h", "/a/b", true},
    {"a regex in quotes", "~ \"^/a,b\"", "h", "/a,b", true},
    {"a regex that minds no case", "~ (?i)^/ABC", "h", "/abc", true},
    {"a host without case", "Shop.Example.COM/a", "shop.example.com", "/a", true},
    {"a host fits any port", "h.x/a", "h.x:8080", "/a", true},
    {"a host with a port fits that", "h.x:8080/a", "h.x:8080", "/a", true},
    {"the default port is none", "h.x:80/a", "h.x", "/a", true},
    {"and no other", "h.x:8080/a", "h.x:81", "/a", false},
    {"another host", "h.x/a", "g.x", "/a", false},
    {"a host with a star", "*.x/a", "h.x", "/a", true},
    {"a host with a star and any port", "*.x/a", "h.x:81", "/a", true},
    {"a host with a star, another", "*.x/a", "h.y", "/a", false},
    {"an IPv6 host", "[::1]/a", "[::1]:81", "/a", true},
    {"a host and a regex", "h.x ~ ^/a+$", "h.x", "/aa", true},
    {"a host and a regex, another host", "h.x ~ ^/a+$", "g.x", "/aa", false},
    {"a host and a regex, another path", "h.x ~ ^/a+$", "h.x", "/ab", false},
};

START_TEST(fits)
{
	const struct row *r = &rows[_i];
	struct route_pattern p;
	struct str wrong, nearest, host = str_of(r->host), path = str_of(r->path);
	ck_assert_msg(read(r->pattern, &p, &wrong, &nearest) == ERR_OK, "%s: %.*s", r->says, STR_ARG(wrong));
	/* What the index of route.c does before it tries one. */
	bool may = str_starts(path, p.prefix) &&
		   (p.host.n == 0 || str_eq(p.host, host) || str_eq(p.host, host_without_port(host)));
	ck_assert_msg((may && pattern_try(&p, host, path) == PATTERN_FITS) == r->fits, "%s", r->says);
	pattern_free(&p);
}
END_TEST

static const struct bad {
	const char *says, *pattern, *wrong, *nearest;
} bad[] = {
    {"a word", "blog", "neither a path", "/blog"},
    {"a host alone", "shop.example.com", "neither a path", "shop.example.com/*"},
    {"nothing", "", "neither a path", "/"},
    {"a query", "/a?b", "query", "/a"},
    {"a fragment", "/a#b", "query", NULL},
    {"a host with a blank", "a b/c", "not a host", NULL},
    {"a URL", "http://a/b", "not a host", NULL},
    {"no regex", "~", "nothing stands", NULL},
    {"a regex that is open", "~ (a", "wrong at its byte 3", NULL},
    {"a regex with a raw byte match", "~ \\C", "wrong at its byte", NULL},
    {"a regex that turns UTF on", "~ (*UTF)a", "wrong at its byte", NULL},
};

START_TEST(refuses)
{
	struct route_pattern p;
	struct str wrong, nearest;
	ck_assert_msg(read(bad[_i].pattern, &p, &wrong, &nearest) == ERR_INVALID, "%s", bad[_i].says);
	ck_assert_msg(str_find(wrong, str_of(bad[_i].wrong)) < wrong.n, "%s: %.*s", bad[_i].says, STR_ARG(wrong));
	ck_assert_msg(bad[_i].nearest ? str_eq(nearest, str_of(bad[_i].nearest)) : !nearest.p, "%s: did you mean %.*s",
	    bad[_i].says, STR_ARG(nearest));
	pattern_free(&p);
}
END_TEST

START_TEST(a_regex_that_is_too_long_is_refused)
{
	char text[4200];
	struct route_pattern p;
	struct str wrong, nearest;
	memset(text, 'a', sizeof(text));
	text[0] = '~';
	ck_assert_int_eq(pattern_read(str_make(text, 4097), &arena, &p, &wrong, &nearest), ERR_OK);
	pattern_free(&p);
	ck_assert_int_eq(pattern_read(str_make(text, 4098), &arena, &p, &wrong, &nearest), ERR_INVALID);
}
END_TEST

START_TEST(a_regex_that_meets_its_limits_is_undecided)
{
	struct route_pattern p;
	struct str wrong, nearest;
	char path[64] = "/";
	memset(path + 1, 'a', 40);
	ck_assert_int_eq(read("~ ^/(a+)+$", &p, &wrong, &nearest), ERR_OK);
	ck_assert_int_eq(pattern_try(&p, STR("h"), str_of(path)), PATTERN_FITS);
	path[41] = 'b';
	ck_assert_int_eq(pattern_try(&p, STR("h"), str_of(path)), PATTERN_UNDECIDED);
	pattern_free(&p);
}
END_TEST

static const struct {
	const char *regex, *prefix;
} prefixes[] = {
    {"^/api/v[0-9]+/", "/api/v"},
    {"^/a", "/a"},
    {"^/a$", "/a"},
    {"/a", ""},
    {"a", ""},
    {"", ""},
    {"^", ""},
    {"^/a\\.b\\-c", "/a.b-c"},
    {"^/a\\d", "/a"},
    {"^/a\\", "/a"},
    {"^/ab?c", "/a"},
    {"^/ab*c", "/a"},
    {"^/ab+c", "/ab"},
    {"^/ab{0,2}", "/a"},
    {"^/a\\.?b", "/a"},
    {"^/a(b|c)", "/a"},
    {"^/a(b|c)|d", ""},
    {"^/a|b", ""},
    {"^/a\\|b", "/a|b"},
    {"^/a[|]b", "/a"},
    {"^/a[(]b|c", ""},
    {"^/a[]|)]b", "/a"},
    {"^/a[^]|]b|c", ""},
    {"^/a[[:alpha:]|]b", "/a"},
    {"^/a\\Qx|y\\E", ""},
    {"^/a(?#()b|c", ""},
    {"^(?i)/a", ""},
    {"(?i)^/a", ""},
    {"^/a.b", "/a"},
};

START_TEST(a_regex_has_a_literal_prefix)
{
	struct str p = pattern_regex_prefix(str_of(prefixes[_i].regex), &arena);
	ck_assert_msg(str_eq(p, str_of(prefixes[_i].prefix)), "%s: %.*s", prefixes[_i].regex, STR_ARG(p));
}
END_TEST

static uint64_t seed = 88172645463325252U;

static unsigned pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 32) % n;
}

/* Whatever a regex is made of: what it fits begins with what was found to be its prefix. */
START_TEST(what_a_regex_fits_begins_with_its_prefix)
{
	static const char *const parts[] = {"a", "b", "/", "a", "b", "/", ".", "?", "*", "+", "|", "(", ")",
	    "(?:", "[ab]", "[^a]", "[]a]", "[|(]", "{0,1}", "{2}", "\\/", "\\.", "\\w", "\\b", "$", "^", "(?i)",
	    "(?=a)", "(?!b)", "\\Q(\\E", "(?#|)", "\\x61", "(?|", "[[:alpha:]]", "\\1", "(*ACCEPT)", "#", " ", "(?x)",
	    "-"};
	unsigned compiled = 0, fitted = 0;
	for (unsigned round = 0; round < 100000; round++) {
		char regex[128] = "~ ^", path[16] = "/";
		size_t n = 3;
		for (unsigned i = pick(8); i > 0; i--)
			n += (size_t)snprintf(regex + n, sizeof(regex) - n, "%s", parts[pick(COUNT(parts))]);
		struct route_pattern p;
		struct str wrong, nearest;
		if (read(regex, &p, &wrong, &nearest) != ERR_OK)
			continue;
		compiled++;
		for (unsigned i = 0; i < 8; i++) {
			size_t length = 1 + pick(6);
			for (size_t at = 1; at < length; at++)
				path[at] = "ab/|("[pick(5)];
			struct str s = str_make(path, length);
			if (pattern_try(&p, STR("h"), s) == PATTERN_NO)
				continue;
			fitted++;
			ck_assert_msg(str_starts(s, p.prefix), "%s fits %.*s", regex, STR_ARG(s));
		}
		pattern_free(&p);
		if (round % 1000 == 0)
			arena_reset(&arena);
	}
	/* Else nothing was tested. */
	ck_assert_uint_gt(compiled, 10000);
	ck_assert_uint_gt(fitted, 10000);
}
END_TEST

static void start(void)
{
	arena_init(&arena, 0);
}

static void stop(void)
{
	arena_free(&arena);
}

int main(void)
{
	Suite *s = suite_create("conf/pattern");
	TCase *t = tcase_create("pattern");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, fits, 0, COUNT(rows));
	tcase_add_loop_test(t, refuses, 0, COUNT(bad));
	tcase_add_test(t, a_regex_that_is_too_long_is_refused);
	tcase_add_test(t, a_regex_that_meets_its_limits_is_undecided);
	tcase_add_loop_test(t, a_regex_has_a_literal_prefix, 0, COUNT(prefixes));
	tcase_add_test(t, what_a_regex_fits_begins_with_its_prefix);
	suite_add_tcase(s, t);
	return suite_run(s);
}
