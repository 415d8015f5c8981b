/* Header lists and the lists inside their values. Input: "name:value" lines. */
#include "fuzz.h"

#include "http/headers.h"

#include <assert.h>

static struct headers read_fields(struct str in, struct arena *a)
{
	struct headers h = {.n = 0};
	struct str line, name;
	while (str_cut(&in, '\n', &line) && h.n < 64) {
		str_cut(&line, ':', &name);
		if (name.n > 0)
			headers_add(&h, a, name, str_trim(line));
	}
	return h;
}

static void check_elements(const struct headers *h, struct str name)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, element;
	size_t bytes = 0;
	while (headers_list_next(h, name, &field, &rest, &element)) {
		assert(element.n > 0 && str_eq(str_trim(element), element));
		assert(headers_has_token(h, name, element));
		bytes += element.n;
	}
	size_t all = 0;
	for (uint32_t i = 0; i < h->n; i++)
		all += str_eq_nocase(h->v[i].name, name) ? h->v[i].value.n : 0;
	assert(bytes <= all);
}

static void check_name(struct headers h, struct str name, struct arena *a)
{
	unsigned count = headers_count(&h, name);
	assert(count > 0 && headers_find(&h, name));
	struct str joined = headers_joined(&h, a, name);
	assert(count > 1 || joined.p == headers_get(&h, name).p);
	if (is_field_value(headers_get(&h, name)) && count == 1)
		assert(is_field_value(joined));

	/* On a copy of the array, which these change. */
	struct headers copy = {.n = 0};
	for (uint32_t i = 0; i < h.n; i++)
		headers_add(&copy, a, h.v[i].name, h.v[i].value);
	headers_set(&copy, a, name, STR("x"));
	assert(copy.n == h.n - count + 1 && headers_count(&copy, name) == 1);
	assert(headers_remove(&copy, name) == 1 && !headers_find(&copy, name));
}

static void check_hop_by_hop(struct headers *h)
{
	headers_remove_hop_by_hop(h);
	uint32_t n = h->n;
	for (uint32_t i = 0; i < n; i++)
		assert(h->v[i].name.n > 0 && !header_is_hop_by_hop(h->v[i].name));
	headers_remove_hop_by_hop(h);
	assert(h->n == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	arena_init(&arena, 0);
	struct headers h = read_fields(str_make((const char *)data, size), &arena);
	for (uint32_t i = 0; i < h.n; i++) {
		check_elements(&h, h.v[i].name);
		check_name(h, h.v[i].name, &arena);
	}
	check_hop_by_hop(&h);
	arena_free(&arena);
	return 0;
}
