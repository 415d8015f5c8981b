/* Cache keys. Input: one byte that chooses how the route sees queries, then a query. */
#include "fuzz.h"

#include "policy/key.h"

#include <assert.h>

static struct str names[] = {STR("utm_*"), STR("a"), STR("fbclid")};

static struct str query_of(struct str text)
{
	size_t at = str_index(text, '?');
	return at < text.n ? str_skip(text, at + 1) : STR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct cache_key key, again, with_cruft;
	if (size == 0)
		return 0;
	arena_init(&arena, 0);
	struct route route = {
	    .query = (enum query_mode)(data[0] & 3), .query_sort = data[0] & 4, .query_names = {names, 3}};
	struct str query = str_make((const char *)data + 1, size - 1);
	const struct str prefix = STR("GET http://h/p");
	key_make(&route, STR("http"), STR("h"), STR("/p"), query, 7, &arena, &key);
	assert(str_starts(key.text, prefix) && key.text.n <= prefix.n + 1 + query.n);
	if (route.query == QUERY_ALL)
		assert(key.text.n == prefix.n + 1 + query.n);

	/* The query of a key makes the same key. */
	key_make(&route, STR("http"), STR("h"), STR("/p"), query_of(key.text), 7, &arena, &again);
	assert(str_eq(key.text, again.text) && key.hi == again.hi && key.lo == again.lo);

	/* What is filtered out makes no difference. */
	if (route.query == QUERY_WITHOUT && query.n > 0) {
		struct str cruft = arena_printf(&arena, "utm_source=x&%.*s", STR_ARG(query));
		if (cruft.n == query.n + strlen("utm_source=x&")) { /* no NUL in it */
			key_make(&route, STR("http"), STR("h"), STR("/p"), cruft, 7, &arena, &with_cruft);
			assert(str_eq(key.text, with_cruft.text));
		}
	}
	arena_free(&arena);
	return 0;
}
