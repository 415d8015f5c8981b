/* Makes the text of a cache key in one allocation and, but for query_sort, one pass. On the path of every hit. */
#include "policy/key.h"

struct key_text {
	char *p;
	size_t n;
};

static void put(struct key_text *t, struct str s)
{
	if (s.n > 0)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static struct str name_of(struct str parameter)
{
	return str_take(parameter, str_index(parameter, '='));
}

/* "utm_*" stands for every name that begins with utm_. */
static bool is_listed(const struct str_list *names, struct str name)
{
	for (unsigned i = 0; i < names->n; i++) {
		struct str pattern = names->v[i];
		if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*') {
			if (str_starts(name, str_take(pattern, pattern.n - 1)))
				return true;
		} else if (str_eq(name, pattern)) {
			return true;
		}
	}
	return false;
}

static bool is_in_key(const struct route *route, struct str parameter)
{
	switch (route->query) {
	case QUERY_ONLY:
		return is_listed(&route->query_names, name_of(parameter));
	case QUERY_WITHOUT:
		return !is_listed(&route->query_names, name_of(parameter));
	default:
		return true;
	}
}

static void put_parameter(struct key_text *t, bool *first, struct str parameter)
{
	put(t, *first ? STR("?") : STR("&"));
	put(t, parameter);
	*first = false;
}

static void put_in_order(struct key_text *t, const struct route *route, struct str query)
{
	struct str parameter;
	bool first = true;
	while (str_cut(&query, '&', &parameter)) {
		if (is_in_key(route, parameter))
			put_parameter(t, &first, parameter);
	}
}

/* Stable, and n log n: a client chooses how many there are. `spare` has room for n. */
static void sort_by_name(struct str *v, struct str *spare, size_t n)
{
	if (n < 2)
		return;
	size_t half = n / 2, left = 0, right = half, to = 0;
	sort_by_name(v, spare, half);
	sort_by_name(v + half, spare, n - half);
	memcpy(spare, v, n * sizeof(*v));
	while (left < half || right < n) {
		bool take_right =
		    left == half || (right < n && str_compare(name_of(spare[right]), name_of(spare[left])) < 0);
		v[to++] = spare[take_right ? right++ : left++];
	}
}

static void put_sorted(struct key_text *t, const struct route *route, struct str query, struct arena *a)
{
	struct str parameter;
	size_t n = 0, max = 1;
	for (size_t i = 0; i < query.n; i++)
		max += query.p[i] == '&';
	struct str *v = arena_alloc(a, 2 * max * sizeof(*v));
	while (str_cut(&query, '&', &parameter)) {
		if (is_in_key(route, parameter))
			v[n++] = parameter;
	}
	sort_by_name(v, v + max, n);
	bool first = true;
	for (size_t i = 0; i < n; i++)
		put_parameter(t, &first, v[i]);
}

static void put_query(struct key_text *t, const struct route *route, struct str query, struct arena *a)
{
	if (!query.p || route->query == QUERY_NONE)
		return;
	if (route->query_sort) {
		put_sorted(t, route, query, a);
	} else if (route->query == QUERY_ALL) {
		put(t, STR("?"));
		put(t, query);
	} else {
		put_in_order(t, route, query);
	}
}

void key_make(const struct route *route, struct str scheme, struct str host, struct str path, struct str query,
    uint64_t seed, struct arena *a, struct cache_key *out)
{
	const struct str method = STR("GET "), after_scheme = STR("://");
	size_t bound = method.n + scheme.n + after_scheme.n + host.n + path.n + 1 + query.n;
	struct key_text t = {.p = arena_alloc(a, bound + 1)};
	put(&t, method);
	put(&t, scheme);
	put(&t, after_scheme);
	put(&t, host);
	put(&t, path);
	put_query(&t, route, query, a);
	t.p[t.n] = '\0';
	*out = key_of_text(str_make(t.p, t.n), seed);
}
