/* Entity tags and lists of them. Input: a tag, then lines, each the value of one field of the list. */
#include "fuzz.h"

#include "http/etag.h"

#include <assert.h>

static const struct str name = STR("If-None-Match");

static bool holds(const struct headers *h, struct str needle)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_find(h->v[i].value, needle) < h->v[i].value.n)
			return true;
	}
	return false;
}

static void check_tag(struct etag tag, struct str value)
{
	assert(tag.opaque.n + (tag.weak ? 2 : 0) == value.n);
	assert(etag_same_weakly(tag, tag) == (value.n > 0));
	assert(etag_same_strongly(tag, tag) == (tag.valid && !tag.weak));
	if (tag.valid)
		assert(tag.opaque.n >= 2 && is_field_value(tag.opaque) && str_index(tag.opaque, ' ') == tag.opaque.n);
}

/* Members lie in the field one behind the other, and strong equality is a case of the weak one. */
static void check_list(struct str field, struct etag tag)
{
	struct etag member;
	const char *end = field.p;
	for (struct str rest = field; etag_next(&rest, &member);) {
		assert(member.opaque.p >= end && member.opaque.n > 0);
		end = member.opaque.p + member.opaque.n;
		assert(end <= rest.p || rest.n == 0);
		assert(!etag_same_strongly(member, tag) || (etag_same_weakly(member, tag) && !tag.weak && tag.valid));
		assert(etag_same_strongly(member, tag) == etag_same_strongly(tag, member));
	}
}

/* A tag is found in a list of its own and between others, weak or not. */
static void check_found(struct headers *h, struct etag tag, struct arena *a)
{
	static const struct str before = STR("\"x,\" , W/"), behind = STR(",y");
	char *p = arena_alloc(a, before.n + tag.opaque.n + behind.n);
	memcpy(p, before.p, before.n);
	memcpy(p + before.n, tag.opaque.p, tag.opaque.n);
	memcpy(p + before.n + tag.opaque.n, behind.p, behind.n);
	headers_add(h, a, STR("if-none-match"), tag.opaque);
	assert(etag_list_has(h, name, tag));
	h->v[h->n - 1].value = str_make(p, before.n + tag.opaque.n + behind.n);
	assert(etag_list_has(h, name, tag));
	assert(!etag_list_is_any(h, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct str in = str_make((const char *)data, size), line;
	struct headers h = {.n = 0};
	arena_init(&arena, 0);
	if (!str_cut(&in, '\n', &line))
		line = STR("");
	struct str value = str_trim(line);
	struct etag tag = etag_of(value);
	check_tag(tag, value);
	while (in.n > 0 && str_cut(&in, '\n', &line) && h.n < 32) {
		headers_add(&h, &arena, name, str_trim(line));
		check_list(h.v[h.n - 1].value, tag);
	}

	if (etag_list_has(&h, name, tag))
		assert(holds(&h, tag.opaque));
	if (etag_list_is_any(&h, name))
		assert(h.n == 1 && str_eq(h.v[0].value, STR("*")));
	if (tag.valid)
		check_found(&h, tag, &arena);
	arena_free(&arena);
	return 0;
}
