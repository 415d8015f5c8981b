/* References beside a base: the examples of RFC 3986 5.4, and what is the same origin. */
#include "suite.h"

#include "base/mem.h"
#include "http/uri.h"

static struct str text_of(const struct uri *u, struct arena *a)
{
	return arena_printf(a, "%.*s%s%s%.*s%.*s%s%.*s%s%.*s", STR_ARG(u->scheme), u->scheme.p ? ":" : "",
	    u->authority.p ? "//" : "", STR_ARG(u->authority), STR_ARG(u->path), u->query.p ? "?" : "",
	    STR_ARG(u->query), u->fragment.p ? "#" : "", STR_ARG(u->fragment));
}

/* RFC 3986 5.4: within "http://a/b/c/d;p?q". An empty path beside an authority is "/" here (RFC 3986 6.2.3). */
static const struct {
	const char *reference, *target;
} examples[] = {
    /* 5.4.1 normal */
    {"g:h", "g:h"}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"}, {"/g", "http://a/g"},
    {"//g", "http://g/"}, {"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"}, {"#s", "http://a/b/c/d;p?q#s"},
    {"g#s", "http://a/b/c/g#s"}, {"g?y#s", "http://a/b/c/g?y#s"}, {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"}, {"g;x?y#s", "http://a/b/c/g;x?y#s"}, {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"}, {"./", "http://a/b/c/"}, {"..", "http://a/b/"}, {"../", "http://a/b/"},
    {"../g", "http://a/b/g"}, {"../..", "http://a/"}, {"../../", "http://a/"}, {"../../g", "http://a/g"},
    /* 5.4.2 abnormal */
    {"../../../g", "http://a/g"}, {"../../../../g", "http://a/g"}, {"/./g", "http://a/g"}, {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."}, {".g", "http://a/b/c/.g"}, {"g..", "http://a/b/c/g.."}, {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"}, {"./g/.", "http://a/b/c/g/"}, {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"}, {"g;x=1/./y", "http://a/b/c/g;x=1/y"}, {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"}, {"g?y/../x", "http://a/b/c/g?y/../x"}, {"g#s/./x", "http://a/b/c/g#s/./x"},
    {"g#s/../x", "http://a/b/c/g#s/../x"}, {"http:g", "http:g"}, /* strict */
    /* and more */
    {"http://other:81/x?y", "http://other:81/x?y"}, {"//g?y", "http://g/?y"}, {"?", "http://a/b/c/d;p?"},
    {"g?", "http://a/b/c/g?"}, {"1:g", "http://a/b/c/1:g"}, /* no scheme begins with a digit */
    {"./a:b", "http://a/b/c/a:b"}, {"/a:b", "http://a/a:b"},
    {"%7Eg", "http://a/b/c/~g"}, /* in normal form (RFC 3986 6.2.2) */
};

START_TEST(references_are_resolved)
{
	const struct uri base = uri_split(STR("http://a/b/c/d;p?q"));
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		struct uri u = uri_resolve(&base, str_of(examples[i].reference), &a);
		struct str got = text_of(&u, &a);
		ck_assert_msg(str_eq(got, str_of(examples[i].target)), "\"%s\" (RFC 3986 5.4) is %.*s, not %s",
		    examples[i].reference, STR_ARG(got), examples[i].target);
	}
	arena_free(&a);
}
END_TEST

START_TEST(the_base_may_be_a_directory_or_the_root)
{
	static const struct {
		const char *base, *reference, *target;
	} rows[] = {
	    {"http://a/b/", "g", "http://a/b/g"},
	    {"http://a/", "g", "http://a/g"},
	    {"http://a/", "", "http://a/"},
	    {"http://a/b?q", "", "http://a/b?q"},
	    {"http://a/b?q", "g", "http://a/g"},
	};
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct uri base = uri_split(str_of(rows[i].base));
		struct uri u = uri_resolve(&base, str_of(rows[i].reference), &a);
		struct str got = text_of(&u, &a);
		ck_assert_msg(str_eq(got, str_of(rows[i].target)), "%s in %s is %.*s", rows[i].reference, rows[i].base,
		    STR_ARG(got));
	}
	arena_free(&a);
}
END_TEST

START_TEST(origins_are_told_apart)
{
	static const struct {
		const char *what, *uri;
		bool same;
	} rows[] = {
	    {"the same host", "http://example.com/x", true},
	    {"RFC 9110 4.2.3: host and scheme in any case", "HTTP://Example.COM/x", true},
	    {"RFC 9110 4.2.3: the default port said", "http://example.com:80/x", true},
	    {"an empty port is the default one", "http://example.com:/x", true},
	    {"another host", "http://example.org/x", false},
	    {"a host within it", "http://www.example.com/x", false},
	    {"a host that ends in it", "http://badexample.com/x", false},
	    {"another port", "http://example.com:8080/x", false},
	    {"another scheme", "https://example.com/x", false},
	    {"another scheme at the same port", "https://example.com:80/x", false},
	    {"a user in it: nobody writes that in good faith", "http://example.com@example.org/x", false},
	    {"a user before the same host", "http://u@example.com/x", false},
	    {"no authority", "http:/x", false},
	    {"no host", "http:///x", false},
	    {"no URI of this kind", "mailto:a@example.com", false},
	};
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct uri u = uri_split(str_of(rows[i].uri));
		ck_assert_msg(uri_has_origin(&u, STR("http"), STR("example.com"), &a) == rows[i].same, "%s: %s",
		    rows[i].what, rows[i].uri);
	}
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/uri");
	TCase *t = tcase_create("uri");
	tcase_add_test(t, references_are_resolved);
	tcase_add_test(t, the_base_may_be_a_directory_or_the_root);
	tcase_add_test(t, origins_are_told_apart);
	suite_add_tcase(s, t);
	return suite_run(s);
}
