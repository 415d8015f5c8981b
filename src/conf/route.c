/* The index over patterns: groups of one host and one literal prefix, found by a tree over their keys, each knowing the
 * group whose key is the longest proper beginning of its own.
 *
 *   keys: host, newline, prefix   parent
 *   0 \n/                         -        path /blog/2024/may: the longest key that begins it is 2; that one and its
 *   1 \n/blog/                    0        parents 1 and 0 are all that can fit
 *   2 \n/blog/2024/               1
 *   3 shop.example\n/cart/        -        only for requests to that host
 *
 * Of these groups, patterns are tried as long as they belong to a route before the best one found so far, so that the
 * answer is the first match from the top whatever order they are tried in. A request asks three times: for no host, for its
 * host, for its host without the port.
 *
 * A regex that exceeds its limits is undecided. To go on as if it had not matched would let a client choose another rule for
 * a page by making its path awkward; so a twin of the route answers, with the same upstream and nothing stored. */
#include "conf/route.h"

#include <assert.h>
#include <stdlib.h>

#include "conf/route_table.h"
#include "conf/trie.h"

struct group {
	struct str key;
	unsigned first, n; /* patterns, in the order of their routes */
	int parent;	   /* -1: none */
};

struct route_table {
	struct route_pattern *patterns; /* in the order of the groups */
	unsigned n_patterns;
	struct group *groups; /* in the order of their keys */
	unsigned n_groups;
	struct trie *trie; /* finds a group by its key */
	bool hosts;	   /* some pattern has a literal host */
};

static int compare_patterns(const void *x, const void *y)
{
	const struct route_pattern *a = x, *b = y;
	int c = str_compare(a->key, b->key);
	if (c != 0)
		return c;
	return a->route->index < b->route->index ? -1 : a->route->index > b->route->index;
}

/* The parent of the group i, by way of the parents of the one before it: keys of both are nested or apart. */
static int find_parent(const struct group *groups, unsigned i)
{
	int parent = (int)i - 1;
	while (parent >= 0 && !str_starts(groups[i].key, groups[parent].key))
		parent = groups[parent].parent;
	return parent;
}

static void make_groups(struct route_table *t)
{
	for (unsigned i = 0; i < t->n_patterns; i++) {
		struct str key = t->patterns[i].key;
		struct group *last = t->n_groups > 0 ? &t->groups[t->n_groups - 1] : NULL;
		t->hosts |= t->patterns[i].host.n > 0;
		if (last && str_eq(last->key, key)) {
			last->n++;
			continue;
		}
		t->groups[t->n_groups] = (struct group){key, i, 1, -1};
		t->groups[t->n_groups].parent = find_parent(t->groups, t->n_groups);
		t->n_groups++;
	}
}

struct route_table *route_table_new(struct route_pattern *patterns, unsigned n, struct arena *a)
{
	struct route_table *t = arena_zalloc(a, sizeof(*t));
	t->patterns = patterns;
	t->n_patterns = n;
	t->groups = arena_alloc(a, (n + 1) * sizeof(*t->groups));
	for (unsigned i = 0; i < n; i++) {
		struct route_pattern *p = &patterns[i];
		p->key = arena_printf(a, "%.*s\n%.*s", STR_ARG(p->host), STR_ARG(p->prefix));
	}
	if (n > 0)
		qsort(patterns, n, sizeof(*patterns), compare_patterns);
	make_groups(t);
	struct str *keys = arena_alloc(a, (n + 1) * sizeof(*keys));
	for (unsigned i = 0; i < t->n_groups; i++)
		keys[i] = t->groups[i].key;
	t->trie = trie_new(keys, t->n_groups, a);
	return t;
}

void route_table_number(struct route_table *t)
{
	for (unsigned i = 0; i < t->n_patterns; i++)
		if (t->patterns[i].undecided)
			t->patterns[i].undecided->metrics_id = t->patterns[i].route->metrics_id;
}

void route_table_free(struct route_table **t)
{
	if (!*t)
		return;
	for (unsigned i = 0; i < (*t)->n_patterns; i++)
		pattern_free(&(*t)->patterns[i]);
	*t = NULL;
}

/* The group with the longest key that fits, or -1. */
static int find_group(const struct route_table *t, struct str host, struct str path)
{
	const struct str parts[] = {host, STR("\n"), path};
	return trie_longest(t->trie, parts, 3);
}

struct search {
	struct str host, path;
	const struct route *best;
	bool undecided; /* best stands for a regex that met its limits */
	const struct route *answer;
	unsigned *tried;
};

static void search_group(const struct route_table *t, const struct group *g, struct search *s)
{
	for (unsigned i = g->first; i < g->first + g->n; i++) {
		const struct route_pattern *p = &t->patterns[i];
		if (p->route->index >= s->best->index)
			return;
		++*s->tried;
		enum pattern_fit fit = pattern_try(p, s->host, s->path);
		if (fit == PATTERN_NO)
			continue;
		s->best = p->route;
		s->answer = fit == PATTERN_UNDECIDED ? p->undecided : p->route;
		return;
	}
}

static void search_host(const struct route_table *t, struct str host, struct search *s)
{
	for (int at = find_group(t, host, s->path); at >= 0; at = t->groups[at].parent)
		search_group(t, &t->groups[at], s);
}

const struct route *route_table_find(
    const struct route_table *t, const struct route *last, struct str host, struct str path, unsigned *tried)
{
	struct search s = {.host = host, .path = path, .best = last, .answer = last, .tried = tried};
	search_host(t, STR(""), &s);
	if (t->hosts && host.n > 0) {
		struct str bare = host_without_port(host);
		search_host(t, host, &s);
		if (bare.n != host.n)
			search_host(t, bare, &s);
	}
	return s.answer;
}

const struct route *route_find(const struct conf *c, struct str host, struct str path)
{
	unsigned tried = 0;
	assert(c->n_routes > 0);
	return route_table_find(c->table, &c->routes[c->n_routes - 1], host, path, &tried);
}

unsigned route_table_size(const struct route_table *t)
{
	return t->n_patterns;
}

const struct route_pattern *route_table_pattern(const struct route_table *t, unsigned i)
{
	return &t->patterns[i];
}

/* Both have the same literal host or q has none; the prefix of p begins with that of q. */
static bool covers(const struct route_pattern *q, const struct route_pattern *p)
{
	if (q->route->index >= p->route->index)
		return false;
	if (q->host_glob.n > 0 && !str_eq(q->host_glob, p->host_glob))
		return false;
	return q->kind == PATTERN_PREFIX ||
	       (q->kind == PATTERN_EXACT && p->kind == PATTERN_EXACT && str_eq(q->prefix, p->prefix));
}

static const struct route *covered_by_host(const struct route_table *t, struct str host, const struct route_pattern *p)
{
	for (int at = find_group(t, host, p->prefix); at >= 0; at = t->groups[at].parent) {
		const struct group *g = &t->groups[at];
		for (unsigned i = g->first; i < g->first + g->n; i++)
			if (covers(&t->patterns[i], p))
				return t->patterns[i].route;
	}
	return NULL;
}

const struct route *route_table_covers(const struct route_table *t, const struct route_pattern *p)
{
	const struct route *any = covered_by_host(t, STR(""), p);
	return any || p->host.n == 0 ? any : covered_by_host(t, p->host, p);
}

static bool fits_linear(const struct route_pattern *p, struct str host, struct str path)
{
	if (p->host.n > 0 && !str_eq(p->host, host) && !str_eq(p->host, host_without_port(host)))
		return false;
	if (p->kind != PATTERN_REGEX && !str_starts(path, p->prefix))
		return false;
	return pattern_try(p, host, path) != PATTERN_NO;
}

const struct route *route_table_find_linear(
    const struct route_table *t, const struct route *last, struct str host, struct str path)
{
	const struct route *best = last;
	for (unsigned i = 0; i < t->n_patterns; i++)
		if (t->patterns[i].route->index < best->index && fits_linear(&t->patterns[i], host, path))
			best = t->patterns[i].route;
	return best;
}
