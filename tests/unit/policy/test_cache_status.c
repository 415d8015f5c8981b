#include "fields.h"

#include "base/mem.h"
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
	    {"behind the caches nearer to the origin (2)", {.cache = STR("larder"), .hit = true},
		"OriginCache; hit; ttl=1100", "OriginCache; hit; ttl=1100, larder; hit"},
	    {"an empty field is none", {.cache = STR("larder"), .hit = true}, "", "larder; hit"},
	    {"a name that is no token is a string (2)", {.cache = STR("CDN \"here\" \\"), .hit = true}, NULL,
		"\"CDN \\\"here\\\" \\\\\"; hit"},
	    {"a token begins with a letter (9651 3.3.4)", {.cache = STR("1larder"), .hit = true}, NULL,
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

int main(void)
{
	Suite *s = suite_create("policy/cache_status");
	TCase *t = tcase_create("cache_status");
	tcase_add_test(t, members);
	suite_add_tcase(s, t);
	return suite_run(s);
}
