/* The index of routes: it finds the same as a search from the top, and tries few. */
#include "conf/route.h"

#include <pthread.h>
#include <stdio.h>

#include "conf/route_table.h"
#include "conf_fixture.h"

static const struct row {
	const char *says, *host, *path, *route;
} rows[] = {
    {"the first that fits wins over a longer one", "h", "/a/b/c", "/a/*"},
    {"an exact path before a glob", "h", "/x", "/x"},
    {"a regex before a glob", "h", "/api/v1/x", "api"},
    {"a regex that does not fit lets the next one", "h", "/api/vx/x", "/api/*"},
    {"one of several patterns", "h", "/three", "many"},
    {"a host before others", "shop.example", "/cart/1", "shop"},
    {"a host with a port", "shop.example:81", "/cart/1", "shop"},
    {"a port of its own", "shop.example:8443", "/cart/1", "port"},
    {"a host with a star", "a.wild.example", "/cart/1", "wild"},
    {"another host", "other.example", "/cart/1", "/cart/*"},
    {"no host", "", "/cart/1", "/cart/*"},
    {"nothing fits", "h", "/nothing", "default"},
    {"an empty path", "h", "", "default"},
};

START_TEST(finds_the_first_that_fits)
{
	struct conf *c = load_good(
	    UPSTREAM "[route port]\nmatch = shop.example:8443/cart/*\n"
		     "[route shop]\nmatch = shop.example/cart/*\n[route wild]\nmatch = *.wild.example/cart/*\n"
		     "[route /cart/*]\n[route /a/*]\n[route /a/b/*]\n[route /x]\n[route /x*]\n"
		     "[route api]\nmatch = ~ ^/api/v[0-9]+/\n[route /api/*]\n"
		     "[route many]\nmatch = /one, /two, /three\n");
	const struct route *r = route_find(c, str_of(rows[_i].host), str_of(rows[_i].path));
	ck_assert_msg(str_eq(r->name, str_of(rows[_i].route)), "%s: %.*s", rows[_i].says, STR_ARG(r->name));
}
END_TEST

static uint64_t seed = 88172645463325252U;

static unsigned pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 32) % n;
}

static const char *const hosts[] = {"", "h", "h:81", "g.h", "g.h:81"};

static void random_pattern(struct buf *out)
{
	static const char *const host_patterns[] = {"", "", "h", "h:81", "g.h", "*.h"};
	static const char *const regexes[] = {"^/a", "^/a/b?", "^/[ab]/", "b$", "^/b|a/$", "a.b", "^/(a|b)/a", "^/aa+"};
	const char *host = host_patterns[pick(COUNT(host_patterns))];
	(void)buf_add(out, str_of(host));
	if (pick(4) == 0) {
		(void)buf_addf(out, " ~ %s", regexes[pick(COUNT(regexes))]);
		return;
	}
	(void)buf_addc(out, '/');
	for (unsigned n = pick(5); n > 0; n--)
		(void)buf_addc(out, "aab/*"[pick(5)]);
	(void)buf_add(out, pick(2) ? STR("*") : STR(""));
}

static void random_routes(struct buf *out, unsigned n)
{
	buf_reset(out);
	(void)buf_add(out, STR(UPSTREAM));
	for (unsigned i = 0; i < n; i++) {
		(void)buf_addf(out, "[route r%u]\nmatch = ", i);
		for (unsigned more = 1 + pick(3); more > 0; more--) {
			random_pattern(out);
			(void)buf_add(out, more > 1 ? STR(", ") : STR("\n"));
		}
	}
	(void)buf_addc(out, '\0');
}

START_TEST(equals_a_search_from_the_top)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	unsigned not_default = 0;
	for (unsigned round = 0; round < 300; round++) {
		random_routes(&text, 1 + pick(40));
		struct conf *c = load_good(text.p);
		const struct route *last = &c->routes[c->n_routes - 1];
		for (unsigned i = 0; i < 200; i++) {
			char path[16] = "/";
			size_t n = 1 + pick(7);
			for (size_t at = 1; at < n; at++)
				path[at] = "aab/"[pick(4)];
			struct str host = str_of(hosts[pick(COUNT(hosts))]), p = str_make(path, n);
			const struct route *found = route_find(c, host, p);
			const struct route *expected = route_table_find_linear(c->table, last, host, p);
			ck_assert_msg(found == expected, "%.*s%.*s: %.*s instead of %.*s in:\n%s", STR_ARG(host),
			    STR_ARG(p), STR_ARG(found->name), STR_ARG(expected->name), text.p);
			not_default += found != last;
		}
	}
	ck_assert_uint_gt(not_default, 10000); /* else nothing was tested */
	buf_free(&text);
}
END_TEST

/* A route that check calls unreachable is never found. */
START_TEST(what_is_called_unreachable_is_never_found)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	unsigned called = 0;
	for (unsigned round = 0; round < 300; round++) {
		random_routes(&text, 10);
		struct conf *c = load_good(text.p);
		for (unsigned i = 0; i < c->n_routes - 1; i++) {
			char needle[64];
			(void)snprintf(needle, sizeof(needle), "[route r%u] match = ", i);
			const char *line = strstr(problems.p, needle);
			if (!line || !memmem(line, strcspn(line, "\n"), "never reached", 13))
				continue;
			called++;
			for (unsigned j = 0; j < 200; j++) {
				char path[16] = "/";
				size_t n = 1 + pick(7);
				for (size_t at = 1; at < n; at++)
					path[at] = "aab/"[pick(4)];
				const struct route *r =
				    route_find(c, str_of(hosts[pick(COUNT(hosts))]), str_make(path, n));
				ck_assert_msg(r->index != i, "r%u is found in:\n%s", i, text.p);
			}
		}
	}
	ck_assert_uint_gt(called, 100);
	buf_free(&text);
}
END_TEST

/* Shapes of a thousand routes, and how many patterns may be tried for one path. */
static const struct many {
	const char *says, *format; /* of one route, with its number */
	const char *host, *path;
	const char *route;
	unsigned tried;
} many[] = {
    {"globs", "[route /section-%u/*]\n", "h", "/section-777/page", "/section-777/*", 1},
    {"paths", "[route /page-%u]\n", "h", "/page-999", "/page-999", 3}, /* /page-9 and /page-99 begin it */
    {"regexes", "[route r%1$u]\nmatch = ~ ^/api-%1$u/v[0-9]+/\n", "h", "/api-500/v2/x", "r500", 1},
    {"hosts", "[route r%1$u]\nmatch = h%1$u.example.com/*\n", "h321.example.com", "/any", "r321", 1},
    {"hosts with a port in the request", "[route r%1$u]\nmatch = h%1$u.example.com/*\n", "h321.example.com:81", "/any",
	"r321", 1},
    {"nested globs, the first of which takes all", "[route r%1$u]\nmatch = /a/*\n", "h", "/a/b", "r0", 1},
    {"none of them", "[route /section-%u/*]\n", "h", "/other", "default", 0},
};

START_TEST(a_thousand_routes_cost_no_more_than_a_few)
{
	const struct many *m = &many[_i];
	struct buf text;
	buf_init(&text, 1 << 20);
	(void)buf_add(&text, STR(UPSTREAM));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	for (unsigned i = 0; i < 1000; i++)
		(void)buf_addf(&text, m->format, i);
#pragma GCC diagnostic pop
	(void)buf_addc(&text, '\0');
	struct conf *c = load_good(text.p);
	unsigned tried = 0;
	const struct route *r =
	    route_table_find(c->table, &c->routes[c->n_routes - 1], str_of(m->host), str_of(m->path), &tried);
	ck_assert_msg(str_eq(r->name, str_of(m->route)), "%s: %.*s", m->says, STR_ARG(r->name));
	ck_assert_msg(tried <= m->tried, "%s: %u tried", m->says, tried);
	buf_free(&text);
}
END_TEST

static unsigned number(void *ctx, struct str name)
{
	return (unsigned)name.n;
}

/* A client must not choose another rule for a page by a path that exhausts a regex. */
START_TEST(an_undecided_regex_passes_through)
{
	struct conf *c =
	    load_good(UPSTREAM "[upstream app]\nurl = http://127.0.0.1:9\n[route secret]\nmatch = ~ ^/(a+)+$\n"
			       "upstream = app\nttl = 1h\n[route /*]\nttl = 1h\n");
	conf_number_routes(c, number, NULL);
	char path[64] = "/";
	memset(path + 1, 'a', 40);
	const struct route *r = route_find(c, STR("h"), str_of(path));
	ck_assert(r == &c->routes[0] && r->cache);
	path[41] = 'b';
	r = route_find(c, STR("h"), str_of(path));
	ck_assert(!r->cache);
	ck_assert(str_eq(r->name, STR("secret")) && r->metrics_id == 6 && r->index == 0);
	ck_assert(str_eq(r->upstream->name, STR("app")));
}
END_TEST

static void *find_many(void *arg)
{
	struct conf *c = conf_ref(arg);
	for (unsigned i = 0; i < 20000; i++)
		if (!str_eq(route_find(c, STR("h"), STR("/api/v12/x"))->name, STR("api")))
			return arg;
	conf_release(&c);
	return NULL;
}

START_TEST(threads_find_at_the_same_time)
{
	struct conf *c = load_good(UPSTREAM "[route api]\nmatch = ~ ^/api/v[0-9]+/\n");
	pthread_t threads[4];
	for (unsigned i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, find_many, c), 0);
	for (unsigned i = 0; i < COUNT(threads); i++) {
		void *wrong;
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/route");
	TCase *t = tcase_create("route");
	tcase_add_checked_fixture(t, fixture_start, fixture_stop);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, finds_the_first_that_fits, 0, COUNT(rows));
	tcase_add_test(t, equals_a_search_from_the_top);
	tcase_add_test(t, what_is_called_unreachable_is_never_found);
	tcase_add_loop_test(t, a_thousand_routes_cost_no_more_than_a_few, 0, COUNT(many));
	tcase_add_test(t, an_undecided_regex_passes_through);
	tcase_add_test(t, threads_find_at_the_same_time);
	suite_add_tcase(s, t);
	return suite_run(s);
}
