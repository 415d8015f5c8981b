/* Entity tags and If-None-Match. Input: the stored ETag, then lines, each the value of one If-None-Match field. */
#include "fuzz.h"

#include "policy/validate.h"

#include <assert.h>

static bool is_entity_tag(struct str s)
{
	if (!is_field_value(s)) /* no NUL, at which arena_printf would end */
		return false;
	if (str_starts(s, STR("W/")))
		s = str_skip(s, 2);
	return s.n >= 2 && s.p[0] == '"' && str_index(str_skip(s, 1), '"') == s.n - 2;
}

/* The quoted part. */
static struct str opaque_of(struct str tag)
{
	return str_starts(tag, STR("W/\"")) ? str_skip(tag, 2) : tag;
}

static bool holds(const struct headers *h, struct str needle)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq(h->v[i].value, STR("*")) || str_find(h->v[i].value, needle) < h->v[i].value.n)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct str in = str_make((const char *)data, size), line;
	struct http_request request = {.method = METHOD_GET, .minor = 1};
	struct headers stored_headers = {.n = 0};
	arena_init(&arena, 0);
	if (!str_cut(&in, '\n', &line))
		line = STR("");
	struct stored s = {.status = 200, .last_modified_s = -1, .etag = str_trim(line)};
	while (in.n > 0 && str_cut(&in, '\n', &line) && request.headers.n < 32)
		headers_add(&request.headers, &arena, STR("If-None-Match"), str_trim(line));

	bool not_modified = policy_not_modified(&request, &s, &stored_headers, 0);
	if (not_modified)
		assert(holds(&request.headers, opaque_of(s.etag)));
	/* A field of its own is always found, weak or not. */
	if (is_entity_tag(s.etag)) {
		headers_add(&request.headers, &arena, STR("If-None-Match"), s.etag);
		assert(policy_not_modified(&request, &s, &stored_headers, 0));
		request.headers.v[request.headers.n - 1].value =
		    arena_printf(&arena, "\"x,\" , W/%.*s,y", STR_ARG(opaque_of(s.etag)));
		assert(policy_not_modified(&request, &s, &stored_headers, 0));
	}
	/* And what we ask the origin with is what was stored. */
	policy_fetch_conditions(&request.headers, &arena, &s, &stored_headers);
	assert(request.headers.n == (s.etag.n > 0));
	assert(s.etag.n == 0 || str_eq(request.headers.v[0].value, s.etag));
	arena_free(&arena);
	return 0;
}
