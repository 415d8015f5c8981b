#include "fields.h"

#include "base/mem.h"
#include "policy/key.h"

#include <stdio.h>

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

static struct str tracking[] = {STR("utm_*"), STR("fbclid")};
static struct str only[] = {STR("a"), STR("b"), STR("x_*")};

static struct cache_key key_for(enum query_mode mode, bool sort, const char *query, uint64_t seed)
{
	struct route route = {.query = mode, .query_sort = sort};
	if (mode == QUERY_WITHOUT)
		route.query_names = (struct str_list){tracking, COUNT_OF(tracking)};
	else if (mode == QUERY_ONLY)
		route.query_names = (struct str_list){only, COUNT_OF(only)};
	struct cache_key key;
	key_make(&route, STR("http"), STR("h"), STR("/p"), str_of(query), seed, &arena, &key);
	return key;
}

START_TEST(texts)
{
	static const struct {
		const char *what;
		enum query_mode mode;
		bool sort;
		const char *query, *text;
	} rows[] = {
	    {"no query", QUERY_ALL, false, NULL, "GET http://h/p"},
	    {"a query, byte by byte", QUERY_ALL, false, "b=%7e&a=1&&c", "GET http://h/p?b=%7e&a=1&&c"},
	    {"a bare ? is another target (RFC 3986 6.2.3)", QUERY_ALL, false, "", "GET http://h/p?"},
	    {"none", QUERY_NONE, false, "a=1", "GET http://h/p"},
	    {"none, and a bare ?", QUERY_NONE, false, "", "GET http://h/p"},
	    {"only some", QUERY_ONLY, false, "c=3&b=2&a=1&d", "GET http://h/p?b=2&a=1"},
	    {"only some: a prefix", QUERY_ONLY, false, "x_1=1&x=2&x_=3", "GET http://h/p?x_1=1&x_=3"},
	    {"only some: of which there is none", QUERY_ONLY, false, "c=3", "GET http://h/p"},
	    {"only some: a bare ?", QUERY_ONLY, false, "", "GET http://h/p"},
	    {"only some: one without a value", QUERY_ONLY, false, "a&b=", "GET http://h/p?a&b="},
	    {"only some: each of a name that repeats", QUERY_ONLY, false, "a=1&c=2&a=3", "GET http://h/p?a=1&a=3"},
	    {"without some", QUERY_WITHOUT, false, "utm_source=x&a=1&fbclid=y", "GET http://h/p?a=1"},
	    {"without some: nothing is left", QUERY_WITHOUT, false, "utm_source=x&fbclid", "GET http://h/p"},
	    {"without some: a bare ?", QUERY_WITHOUT, false, "", "GET http://h/p?"},
	    {"without some: empty ones stay", QUERY_WITHOUT, false, "a&&b&", "GET http://h/p?a&&b&"},
	    {"without some: names are compared raw", QUERY_WITHOUT, false, "utm%5Fsource=x",
		"GET http://h/p?utm%5Fsource=x"},
	    {"without some: and in their own case", QUERY_WITHOUT, false, "FBCLID=x", "GET http://h/p?FBCLID=x"},
	    {"without some: a whole name is no prefix", QUERY_WITHOUT, false, "fbclid2=x", "GET http://h/p?fbclid2=x"},
	    {"a prefix needs its last letter", QUERY_WITHOUT, false, "utm=1&utm_=2", "GET http://h/p?utm=1"},
	    {"a value may hold = and ?", QUERY_WITHOUT, false, "a=b=c?d", "GET http://h/p?a=b=c?d"},
	    {"sorted by name", QUERY_ALL, true, "c=1&a=2&b=3", "GET http://h/p?a=2&b=3&c=1"},
	    {"sorted: one name keeps its order", QUERY_ALL, true, "b=9&a=2&b=1&a=1", "GET http://h/p?a=2&a=1&b=9&b=1"},
	    {"sorted: by name, not by text", QUERY_ALL, true, "a-b=1&a=2", "GET http://h/p?a=2&a-b=1"},
	    {"sorted and filtered", QUERY_WITHOUT, true, "b=1&utm_x=2&a=3", "GET http://h/p?a=3&b=1"},
	    {"sorted: nothing is left", QUERY_WITHOUT, true, "utm_x=2", "GET http://h/p"},
	    {"sorted: a bare ?", QUERY_ALL, true, "", "GET http://h/p?"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cache_key key = key_for(rows[i].mode, rows[i].sort, rows[i].query, 0);
		ck_assert_msg(str_eq(key.text, str_of(rows[i].text)), "%s: %.*s", rows[i].what, STR_ARG(key.text));
	}
}
END_TEST

/* RFC 9111 4-1: what is stored for one target URI answers for no other. */
START_TEST(all_parts_tell_keys_apart)
{
	static const struct {
		const char *scheme, *host, *path, *query;
	} rows[] = {
	    {"http", "h", "/p", NULL},
	    {"https", "h", "/p", NULL},
	    {"http", "h:81", "/p", NULL},
	    {"http", "h", "/p/", NULL},
	    {"http", "h", "/p", ""},
	    {"http", "h", "/p", "a"},
	    {"http", "h", "/p", "A"},
	    {"http", "h", "/P", NULL},
	};
	struct route route = {.query = QUERY_ALL};
	struct cache_key keys[COUNT_OF(rows)];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		key_make(&route, str_of(rows[i].scheme), str_of(rows[i].host), str_of(rows[i].path),
		    str_of(rows[i].query), 1, &arena, &keys[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert(!str_eq(keys[i].text, keys[j].text) && keys[i].lo != keys[j].lo);
	}
}
END_TEST

START_TEST(hash_depends_on_text_and_seed)
{
	struct cache_key one = key_for(QUERY_ALL, false, "a=1", 1), two = key_for(QUERY_ALL, false, "a=1", 2);
	ck_assert(one.lo != two.lo && one.hi != two.hi);
	struct cache_key again = key_of_text(STR("GET http://h/p?a=1"), 1);
	ck_assert(again.lo == one.lo && again.hi == one.hi);
	ck_assert(str_eq(cache_key_url(&again), STR("http://h/p?a=1")));
}
END_TEST

/* A client chooses how many parameters there are: sorting them must not take the square of that. */
START_TEST(thousands_of_parameters_are_sorted)
{
	enum { N = 20000, EACH = 6 }; /* "19999&" */
	char *query = mem_alloc(N * EACH + 1);
	for (int i = 0; i < N; i++)
		snprintf(query + i * EACH, EACH + 1, "%05d&", N - 1 - i);
	query[N * EACH - 1] = '\0';
	struct cache_key key = key_for(QUERY_ALL, true, query, 0);
	struct str rest = str_skip(key.text, strlen("GET http://h/p?")), parameter;
	for (uint64_t i = 0; i < N; i++) {
		uint64_t v;
		ck_assert(str_cut(&rest, '&', &parameter));
		ck_assert_int_eq(str_to_u64(parameter, N, &v), 0);
		ck_assert_uint_eq(v, i);
	}
	free(query);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/key");
	TCase *t = tcase_create("key");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, texts);
	tcase_add_test(t, all_parts_tell_keys_apart);
	tcase_add_test(t, hash_depends_on_text_and_seed);
	tcase_add_test(t, thousands_of_parameters_are_sorted);
	suite_add_tcase(s, t);
	return suite_run(s);
}
