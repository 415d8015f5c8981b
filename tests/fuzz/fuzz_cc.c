/* Cache-Control, the fields that stand for it, and what is made of them. Input: lines, each the value of one more field: of
 * CDN-Cache-Control where it begins with '>', of Surrogate-Control with '<', else of Cache-Control. */
#include "fuzz.h"

#include "policy/freshness.h"
#include "policy/targeted.h"

#include <assert.h>

#define CDN	  STR("CDN-Cache-Control")
#define SURROGATE STR("Surrogate-Control")

static bool is_seconds(int64_t v)
{
	return v == CC_ABSENT || (v >= 0 && v <= CC_FOREVER_S);
}

static bool is_shorter(int64_t a, int64_t b)
{
	return b == CC_ABSENT || (a != CC_ABSENT && a <= b);
}

static struct headers read_fields(struct str in, struct arena *a)
{
	struct headers h = {.n = 0};
	struct str line;
	while (in.n > 0 && str_cut(&in, '\n', &line) && h.n < 32) {
		char mark = line.n > 0 ? line.p[0] : '\0';
		struct str name = mark == '>' ? CDN : mark == '<' ? SURROGATE : STR("Cache-Control");
		headers_add(&h, a, name, str_trim(str_skip(line, mark == '>' || mark == '<')));
	}
	return h;
}

/* One field more can only make the verdict stricter, and is seen whatever came before. */
static void check_one_more(struct headers *h, struct arena *a)
{
	struct cc_response before, after;
	cc_read_response(h, &before);
	headers_add(h, a, STR("cache-control"), STR("No-Store, max-age=5"));
	cc_read_response(h, &after);
	assert(after.no_store && after.max_age_s >= 0 && after.max_age_s <= 5);
	assert(is_shorter(after.max_age_s, before.max_age_s) && after.s_maxage_s == before.s_maxage_s);
	assert(after.private == before.private && after.no_cache == before.no_cache && after.public == before.public);
	assert(after.has_invalid_age == before.has_invalid_age);
}

static void check_freshness(const struct headers *h, const struct cc_response *cc)
{
	struct conf_cache cache = {.heuristic_percent = 10, .heuristic_max_ms = 1000};
	struct http_response response = {.status = 200, .headers = *h};
	struct freshness_in in = {.cache = &cache, .response = &response, .cc = cc, .ttl_ms = -1, .response_ms = 5000};
	struct freshness f = freshness_of(&in);
	assert(f.lifetime_ms >= 0 && f.lifetime_ms <= CC_FOREVER_S * 1000 && f.initial_age_ms >= 0);
	if (cc->s_maxage_s != CC_ABSENT)
		assert(f.lifetime_ms == cc->s_maxage_s * 1000);
}

/* What decides is the first field of the list that can, or Cache-Control alone. */
static void check_targeted(const struct headers *h, struct arena *a)
{
	struct str names[] = {CDN, SURROGATE};
	struct conf_cache cache = {.targeted_control = {names, 2}, .surrogate = STR("larder")};
	struct cc_response cc, plain;
	targeted_read(&cache, h, a, &cc);
	cc_read_response(h, &plain);
	assert(is_seconds(cc.max_age_s) && is_seconds(cc.s_maxage_s));
	assert(is_seconds(cc.stale_while_revalidate_s) && is_seconds(cc.stale_if_error_s));
	if (cc.targeted.n == 0) {
		assert(cc.max_age_s == plain.max_age_s && cc.no_store == plain.no_store);
		assert(cc.private == plain.private && cc.has_invalid_age == plain.has_invalid_age);
	} else {
		assert(headers_joined(h, a, cc.targeted).n > 0);
		assert(!str_eq(cc.targeted, CDN) || !cc.has_invalid_age);
	}
	check_freshness(h, &cc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	arena_init(&arena, 0);
	struct headers h = read_fields(str_make((const char *)data, size), &arena);
	struct cc_response response;
	struct cc_request request;
	cc_read_response(&h, &response);
	cc_read_request(&h, &request);
	assert(is_seconds(response.max_age_s) && is_seconds(response.s_maxage_s));
	assert(is_seconds(response.stale_while_revalidate_s) && is_seconds(response.stale_if_error_s));
	assert(is_seconds(request.max_age_s) && is_seconds(request.max_stale_s));
	assert(is_seconds(request.min_fresh_s) && is_seconds(request.stale_if_error_s));
	assert(request.no_store == response.no_store && request.no_cache == response.no_cache);
	check_freshness(&h, &response);
	check_targeted(&h, &arena);
	check_one_more(&h, &arena);
	arena_free(&arena);
	return 0;
}
