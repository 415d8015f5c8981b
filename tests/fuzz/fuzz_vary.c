/* Variants. Input: lines "name:value" of one request, an empty line, those of another. Whatever they hold, storing and matching
 * must agree: two requests match exactly when they would be stored under the same values. */
#include "fuzz.h"

#include "policy/accept.h"
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

static struct headers nominate(const struct http_request *r, struct str_list tokens, struct arena *a)
{
	struct route route = {.vary_cookie = {cookies, 2}, .token_cookie = tokens};
	struct header vary = {STR("Vary"), STR("Accept-Encoding, foo, Accept-Language, cookie, Authorization, Accept")};
	struct headers response = {.v = &vary, .n = 1, .cap = 1}, out;
	enum reason why = vary_nominate(&route, r, &response, a, &out);
	assert(why == REASON_NONE && out.n == (tokens.n > 0 ? 7 : 8));
	return out;
}

/* A list that was read is bounded, in order, each name once; written out and read again it is the same. */
static void check_list(const struct headers *h, const char *name, enum accept_kind kind, struct arena *a)
{
	struct accept list, again;
	struct str text = STR("");
	if (!accept_read(h, str_of(name), kind, &list))
		return;
	assert(list.n <= ACCEPT_MEMBERS);
	for (unsigned i = 0; i < list.n; i++) {
		unsigned weight = list.v[i].weight;
		assert(is_token(list.v[i].name) && weight <= 1000);
		assert(i == 0 || !list.by_weight || weight <= list.v[i - 1].weight);
		for (unsigned k = 0; k < i; k++)
			assert(!str_eq_nocase(list.v[i].name, list.v[k].name));
		text = arena_printf(
		    a, "%.*s, %.*s;q=%u.%03u", STR_ARG(text), STR_ARG(list.v[i].name), weight / 1000, weight % 1000);
	}
	struct header field = {str_of(name), text};
	bool read = accept_read(&(struct headers){&field, 1, 1}, str_of(name), kind, &again);
	assert(read && again.n == list.n);
	for (unsigned i = 0; i < list.n; i++)
		assert(str_eq(again.v[i].name, list.v[i].name) && again.v[i].weight == list.v[i].weight);
}

/* What a request wants first it would name first itself, and a variant in that language is given to it only where all but the
 * language is the same. */
static void check_language(const struct headers *nominated, const struct headers *request)
{
	struct str first = accept_first_language(request);
	struct header content = {STR("Content-Language"), first};
	struct headers response = {&content, first.n > 0 ? 1 : 0, 1};
	assert(first.n == 0 || (is_token(first) && !str_eq(first, STR("*"))));
	bool prefers = vary_prefers_language(nominated, request, &response);
	assert(!prefers || first.n > 0);
	if (vary_matches(nominated, request))
		assert(prefers == (first.n > 0));
}

static void check_pair(
    const struct http_request *one, const struct http_request *two, struct str_list tokens, struct arena *a)
{
	struct headers of_one = nominate(one, tokens, a), of_two = nominate(two, tokens, a);
	assert(vary_matches(&of_one, &one->headers) && vary_matches(&of_two, &two->headers));
	bool same = is_same(&of_one, &of_two);
	assert(vary_matches(&of_one, &two->headers) == same);
	assert(vary_matches(&of_two, &one->headers) == same);
	check_language(&of_one, &one->headers);
	check_language(&of_one, &two->headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct str in = str_make((const char *)data, size);
	arena_init(&arena, 0);
	struct http_request one = read_request(&in, &arena), two = read_request(&in, &arena);
	check_pair(&one, &two, (struct str_list){0}, &arena);
	check_pair(&one, &two, (struct str_list){cookies, 2}, &arena);

	check_list(&one.headers, "Accept-Encoding", ACCEPT_ENCODING, &arena);
	check_list(&one.headers, "Accept-Language", ACCEPT_LANGUAGE, &arena);

	/* The response's own Vary may be anything too. */
	struct route route = {.override = 0};
	struct headers any;
	if (vary_nominate(&route, &one, &two.headers, &arena, &any) == REASON_NONE)
		assert(vary_matches(&any, &one.headers));
	arena_free(&arena);
	return 0;
}
