/* Variants. Input: lines "name:value" of one request, an empty line, those of another. Whatever they hold, storing and matching
 * must agree: two requests match exactly when they would be stored under the same values. */
#include "fuzz.h"

#include "policy/vary.h"

#include <assert.h>

static struct str cookies[] = {STR("lang"), STR("b")};

static struct http_request read_request(struct str *in, struct arena *a)
{
	struct http_request r = {.method = METHOD_GET, .minor = 1};
	struct str line, name;
	while (str_cut(in, '\n', &line) && line.n > 0 && r.headers.n < 64) {
		str_cut(&line, ':', &name);
		if (is_token(name))
			headers_add(&r.headers, a, name, str_trim(line.p ? line : STR("")));
	}
	return r;
}

static bool is_same(const struct headers *a, const struct headers *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		if (!a->v[i].value.p != !b->v[i].value.p || !str_eq(a->v[i].value, b->v[i].value))
			return false;
	}
	return true;
}

static struct headers nominate(const struct http_request *r, struct arena *a)
{
	struct route route = {.vary_cookie = {cookies, 2}};
	struct header vary = {STR("Vary"), STR("Accept-Encoding, foo, Accept-Language, cookie, Authorization, Accept")};
	struct headers response = {.v = &vary, .n = 1, .cap = 1}, out;
	enum reason why = vary_nominate(&route, r, &response, a, &out);
	assert(why == REASON_NONE && out.n == 8);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct str in = str_make((const char *)data, size);
	arena_init(&arena, 0);
	struct http_request one = read_request(&in, &arena), two = read_request(&in, &arena);
	struct headers of_one = nominate(&one, &arena), of_two = nominate(&two, &arena);
	assert(vary_matches(&of_one, &one.headers) && vary_matches(&of_two, &two.headers));
	bool same = is_same(&of_one, &of_two);
	assert(vary_matches(&of_one, &two.headers) == same);
	assert(vary_matches(&of_two, &one.headers) == same);

	/* The response's own Vary may be anything too. */
	struct route route = {.override = 0};
	struct headers any;
	if (vary_nominate(&route, &one, &two.headers, &arena, &any) == REASON_NONE)
		assert(vary_matches(&any, &one.headers));
	arena_free(&arena);
	return 0;
}
