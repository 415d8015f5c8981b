#include "fields.h"

#include "base/mem.h"
#include "policy/filled.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define PRIVATE "Cache-Control: private, max-age=0, must-revalidate\n"

START_TEST(fields_of_a_page_for_one_visitor)
{
	static struct str names[] = {STR("Larder-Cache-Control"), STR("Only-Here")};
	static const struct {
		const char *what, *fields, *etag, *left;
	} rows[] = {
	    {"nothing was said", "X: 1", "", "X: 1\n" PRIVATE},
	    {"what was said to all caches", "Cache-Control: public, max-age=60, stale-while-revalidate=9\nX: 1", "",
		"X: 1\n" PRIVATE},
	    {"on several lines", "Cache-Control: public\ncache-control: s-maxage=60", "", PRIVATE},
	    {"Expires and Pragma", "Expires: Thu, 01 Dec 2033 16:00:00 GMT\nPragma: x", "", PRIVATE},
	    {"what was said to some", "Surrogate-Control: max-age=60\nEdge-Control: !no-store\nX-Accel-Expires: 60", "",
		PRIVATE},
	    {"RFC 9213: CDN-Cache-Control", "CDN-Cache-Control: max-age=60", "", PRIVATE},
	    {"RFC 9213 2.4: whatever CDN it is", "ExampleCDN-cache-control: max-age=60", "", PRIVATE},
	    {"the names of the settings", "Only-Here: max-age=60\nlarder-cache-control: max-age=60", "", PRIVATE},
	    {"a name that only begins so", "CDN-Cache-Controls: 1\n-Cache-Contro: 1", "",
		"CDN-Cache-Controls: 1\n-Cache-Contro: 1\n" PRIVATE},
	    {"no-store stays", "Cache-Control: max-age=60, no-store", "",
		"Cache-Control: private, max-age=0, must-revalidate, no-store\n"},
	    {"RFC 9110 7.7: no-transform stays", "Cache-Control: public, No-Transform", "",
		"Cache-Control: private, max-age=0, must-revalidate, no-transform\n"},
	    {"validators are of other bytes", "ETag: \"a\"\nLast-Modified: " NOW_TEXT, "", PRIVATE},
	    {"its own tag", "ETag: \"a\"", "W/\"a-1\"", PRIVATE "ETag: W/\"a-1\"\n"},
	    {"digests are of other bytes",
		"Content-MD5: a\nDigest: a\nContent-Digest: a\nRepr-Digest: a\nWant-Repr-Digest: a", "",
		"Want-Repr-Digest: a\n" PRIVATE},
	    {"ranges are not offered", "Accept-Ranges: bytes", "", PRIVATE},
	    {"what is no concern of caches",
		"Date: " NOW_TEXT "\nVary: Cookie\nSet-Cookie: a=b\nContent-Type: text/html\nAge: 3", "",
		"Date: " NOW_TEXT "\nVary: Cookie\nSet-Cookie: a=b\nContent-Type: text/html\nAge: 3\n" PRIVATE},
	};
	struct conf_cache cache = cache_of_tests();
	cache.targeted_control = (struct str_list){names, COUNT_OF(names)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(rows[i].fields, &arena);
		policy_personal_headers(&cache, str_of(rows[i].etag), &arena, &h);
		ck_assert_msg(
		    strcmp(text_of(&h, &arena), rows[i].left) == 0, "%s:\n%s", rows[i].what, text_of(&h, &arena));
	}
}
END_TEST

START_TEST(tags_of_what_was_filled_in)
{
	static const struct {
		const char *what, *etag, *tag;
	} rows[] = {
	    {"none", "", ""},
	    {"RFC 9110 8.8.1: a strong one becomes weak", "\"a\"", "W/\"a-00000000000000ff\""},
	    {"a weak one", "W/\"a\"", "W/\"a-00000000000000ff\""},
	    {"an empty one", "\"\"", "W/\"-00000000000000ff\""},
	    {"one that is no tag", "a", ""},
	    {"a quote alone", "\"", ""},
	    {"w/ in lower case", "w/\"a\"", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str tag = policy_filled_tag(str_of(rows[i].etag), 255, &arena);
		ck_assert_msg(str_eq(tag, str_of(rows[i].tag)), "%s: %.*s", rows[i].what, STR_ARG(tag));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/filled");
	TCase *t = tcase_create("filled");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, fields_of_a_page_for_one_visitor);
	tcase_add_test(t, tags_of_what_was_filled_in);
	suite_add_tcase(s, t);
	return suite_run(s);
}
