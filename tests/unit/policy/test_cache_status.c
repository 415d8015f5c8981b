#include "fields.h"

#include "base/mem.h"
#include "http/sf.h"
#include "policy/cache_status.h"

START_TEST(members)
{
	static const struct {
		const char *what;
		struct cache_status s;
		const char *upstream, *text;
	} rows[] = {
	    {"a hit (RFC 9211 2.1, 2.4)", {.cache = STR("larder"), .hit = true, .has_ttl = true, .ttl_s = 57}, NULL,
		"larder; hit; ttl=57"},
	    {"a stale hit has negative freshness (2.4)",
		{.cache = STR("larder"), .hit = true, .has_ttl = true, .ttl_s = -412}, NULL, "larder; hit; ttl=-412"},
	    {"the detail of a stale hit (2.8)",
		{.cache = STR("larder"), .hit = true, .has_ttl = true, .ttl_s = -2, .detail = REASON_HIT_STALE}, NULL,
		"larder; hit; ttl=-2; detail=stale-while-revalidate"},
	    {"a plain hit needs no detail", {.cache = STR("larder"), .hit = true, .detail = REASON_HIT}, NULL,
		"larder; hit"},
	    {"a miss that was stored (2.2, 2.3, 2.5)",
		{.cache = STR("larder"), .fwd = "uri-miss", .fwd_status = 200, .stored = true, .detail = REASON_STORED},
		NULL, "larder; fwd=uri-miss; fwd-status=200; stored"},
	    {"a detail that repeats fwd is left out",
		{.cache = STR("larder"), .fwd = "uri-miss", .detail = REASON_MISS}, NULL, "larder; fwd=uri-miss"},
	    {"why it was not stored (2.8)",
		{.cache = STR("larder"), .fwd = "uri-miss", .fwd_status = 200, .detail = REASON_NOT_PRIVATE}, NULL,
		"larder; fwd=uri-miss; fwd-status=200; detail=private"},
	    {"a validation (3)",
		{.cache = STR("larder"),
		    .fwd = "stale",
		    .fwd_status = 304,
		    .has_ttl = true,
		    .ttl_s = 60,
		    .stored = true},
		NULL, "larder; fwd=stale; fwd-status=304; ttl=60; stored"},
	    {"collapsed (2.6)",
		{.cache = STR("larder"), .fwd = "uri-miss", .collapsed = true, .detail = REASON_COLLAPSED}, NULL,
		"larder; fwd=uri-miss; collapsed"},
	    {"hit excludes fwd and what goes with it (2.1)",
		{.cache = STR("larder"),
		    .hit = true,
		    .fwd = "stale",
		    .fwd_status = 200,
		    .stored = true,
		    .collapsed = true},
		NULL, "larder; hit"},
	    {"RFC 9211 2-2: behind the caches nearer to the origin", {.cache = STR("larder"), .hit = true},
		"OriginCache; hit; ttl=1100", "OriginCache; hit; ttl=1100, larder; hit"},
	    {"an empty field is none", {.cache = STR("larder"), .hit = true}, "", "larder; hit"},
	    {"RFC 9211 2-3: a name that is no token is a string", {.cache = STR("CDN \"here\" \\"), .hit = true}, NULL,
		"\"CDN \\\"here\\\" \\\\\"; hit"},
	    {"RFC 9211 2-3: a token begins with a letter", {.cache = STR("1larder"), .hit = true}, NULL,
		"\"1larder\"; hit"},
	    {"a string is ASCII (9651 3.3.3)", {.cache = STR("caf\xc3\xa9\x01"), .hit = true}, NULL, "\"caf???\"; hit"},
	    {"the first letter may be any", {.cache = STR("a"), .hit = true}, "z; hit", "z; hit, a; hit"},
	    {"to the last of the alphabet", {.cache = STR("z"), .hit = true}, NULL, "z; hit"},
	    {"in upper case too", {.cache = STR("A"), .hit = true}, NULL, "A; hit"},
	    {"to the last of it", {.cache = STR("Z"), .hit = true}, NULL, "Z; hit"},
	    {"a stored response keeps another detail",
		{.cache = STR("larder"), .fwd = "stale", .stored = true, .detail = REASON_MISS_NO_CACHE}, NULL,
		"larder; fwd=stale; stored; detail=no-cache"},
	    {"an empty name", {.hit = true}, NULL, "\"\"; hit"},
	    {"RFC 9211 2.7: the key is a string",
		{.cache = STR("larder"), .hit = true, .has_ttl = true, .ttl_s = 5, .key = STR("GET http://h/p?x=1")},
		NULL, "larder; hit; ttl=5; key=\"GET http://h/p?x=1\""},
	    {"RFC 9651 3.3.3: with quotes and backslashes escaped, and nothing but ASCII",
		{.cache = STR("larder"),
		    .fwd = "stale",
		    .key = STR("GET http://h/\"\\\xc3\xa9\x7f"),
		    .detail = REASON_NOT_PRIVATE},
		NULL, "larder; fwd=stale; key=\"GET http://h/\\\"\\\\???\"; detail=private"},
	    {"RFC 9211 2.1: the detail of a hit by max-stale",
		{.cache = STR("larder"), .hit = true, .has_ttl = true, .ttl_s = -3, .detail = REASON_HIT_MAX_STALE},
		NULL, "larder; hit; ttl=-3; detail=max-stale"},
	};
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str text = cache_status_write(&rows[i].s, str_of(rows[i].upstream), &a);
		ck_assert_msg(str_eq(text, str_of(rows[i].text)), "%s: %.*s", rows[i].what, STR_ARG(text));
	}
	arena_free(&a);
}
END_TEST

START_TEST(what_is_written_is_a_structured_field)
{
	static char bytes[2000];
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (int reason = 0; reason < REASON_COUNT; reason++) {
		struct cache_status s = {.cache = str_make(bytes + reason, 20),
		    .fwd = "request",
		    .fwd_status = 599,
		    .has_ttl = true,
		    .ttl_s = -1,
		    .stored = true,
		    .collapsed = true,
		    .key = str_make(bytes + reason, sizeof(bytes) - reason),
		    .detail = (enum reason)reason};
		struct str text = cache_status_write(&s, STR("Origin;hit"), &a);
		struct sf_list list;
		ck_assert_msg(sf_list_read(text, &a, &list) == ERR_OK, "RFC 9211 2: %.*s", STR_ARG(text));
		ck_assert_uint_eq(list.n, 2);
		const struct sf_bare *key = sf_parameter_find(&list.v[1].parameters, STR("key"));
		ck_assert(key && key->type == SF_STRING && key->text.n == 512);
		ck_assert_ptr_null(sf_parameter_find(&list.v[1].parameters, STR("hit")));
	}
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/cache_status");
	TCase *t = tcase_create("cache_status");
	tcase_add_test(t, members);
	tcase_add_test(t, what_is_written_is_a_structured_field);
	suite_add_tcase(s, t);
	return suite_run(s);
}
