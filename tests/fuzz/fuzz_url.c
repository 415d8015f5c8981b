/* URLs, targets, paths and hosts: a normal form is its own normal form, is never longer, and keeps what it must. */
#include "fuzz.h"

#include "http/url.h"

#include <assert.h>

static bool is_within(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_url(struct str in)
{
	struct url url;
	const char *why = NULL;
	int err = url_read(in, &url, &why);
	assert(err == ERR_OK || (err == ERR_INVALID && why));
	if (err < 0)
		return;
	assert(url.host.n > 0 && is_within(url.host, in));
	assert(url.path.n > 0 && url.path.p[0] == '/');
	assert((url.port == 0) == str_eq(url.scheme, STR("unix")));
}

static void check_target(struct str in)
{
	struct str path, query;
	target_split(in, &path, &query);
	assert(path.n + (query.p ? 1 + query.n : 0) == in.n);
	assert(str_index(path, '?') == path.n);
	assert(is_within(path, in) && is_within(query, in));
}

/* A segment "." or ".." */
static bool has_dot_segment(struct str path)
{
	struct str segment;
	while (str_cut(&path, '/', &segment)) {
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
	}
	return false;
}

static void check_path(struct str in, struct arena *a)
{
	struct str once = path_normalise(in, a);
	size_t used = a->used;
	struct str twice = path_normalise(once, a);
	assert(str_eq(once, twice));
	assert(once.n <= in.n || in.n == 0);
	if (in.n > 0 && in.p[0] == '/')
		assert(once.p[0] == '/' && !has_dot_segment(once));
	/* What has no malformed escape is returned as it is the second time. */
	if (once.n == in.n && str_eq(once, in) && str_index(in, '%') == in.n)
		assert(a->used == used);
}

static void check_host(struct str in, struct str scheme, struct arena *a)
{
	struct str once = host_normalise(in, scheme, a);
	assert(once.n <= in.n);
	if (!host_is_valid(in))
		return;
	assert(host_is_valid(once));
	assert(str_eq(host_normalise(once, scheme, a), once));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	struct arena arena;
	arena_init(&arena, 0);
	check_url(in);
	check_target(in);
	check_path(in, &arena);
	check_host(in, STR("http"), &arena);
	check_host(in, STR("https"), &arena);
	arena_free(&arena);
	return 0;
}
