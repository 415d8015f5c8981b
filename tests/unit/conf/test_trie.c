/* The tree over keys finds what a look at each of them finds. */
#include "conf/trie.h"

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;

static void start(void)
{
	arena_init(&arena, 0);
}

static void stop(void)
{
	arena_free(&arena);
}

static int find(const struct trie *t, struct str text)
{
	return trie_longest(t, &text, 1);
}

static const struct {
	const char *says, *text;
	int key; /* of "", "/a", "/a/b/c", "/abc", "/b", "x" without the first */
} rows[] = {
    {"a key begins itself", "/a", 0},
    {"a key begins a longer text", "/ax", 0},
    {"the longer of two", "/a/b/c/d", 1},
    {"the shorter when the longer is not whole", "/a/b/", 0},
    {"neighbours that share bytes", "/abcd", 2},
    {"nothing shared", "y", -1},
    {"a part of a key is none", "/", -1},
    {"an empty text", "", -1},
};

START_TEST(finds_the_longest_key)
{
	static const struct str keys[] = {{"/a", 2}, {"/a/b/c", 6}, {"/abc", 4}, {"/b", 2}, {"x", 1}};
	struct trie *t = trie_new(keys, COUNT(keys), &arena);
	ck_assert_msg(find(t, str_of(rows[_i].text)) == rows[_i].key, "%s", rows[_i].says);
}
END_TEST

START_TEST(an_empty_key_begins_everything)
{
	static const struct str keys[] = {{"", 0}, {"a", 1}};
	struct trie *t = trie_new(keys, COUNT(keys), &arena);
	ck_assert_int_eq(find(t, STR("")), 0);
	ck_assert_int_eq(find(t, STR("b")), 0);
	ck_assert_int_eq(find(t, STR("ab")), 1);
}
END_TEST

START_TEST(no_keys_begin_nothing)
{
	struct trie *t = trie_new(NULL, 0, &arena);
	ck_assert_int_eq(find(t, STR("")), -1);
	ck_assert_int_eq(find(t, STR("a")), -1);
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

static struct str random_text(unsigned max)
{
	unsigned n = pick(max + 1);
	char *p = arena_alloc(&arena, n + 1);
	for (unsigned i = 0; i < n; i++)
		p[i] = "ab/\377\0"[pick(5)];
	return str_make(p, n);
}

static int compare(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static int find_linear(const struct str *keys, unsigned n, struct str text)
{
	int longest = -1;
	for (unsigned i = 0; i < n; i++)
		if (str_starts(text, keys[i]) && (longest < 0 || keys[i].n > keys[longest].n))
			longest = (int)i;
	return longest;
}

START_TEST(equals_a_look_at_each_key)
{
	unsigned found = 0;
	for (unsigned round = 0; round < 2000; round++) {
		struct str keys[40];
		unsigned n = 0, wanted = pick(COUNT(keys));
		for (unsigned i = 0; i < wanted; i++)
			keys[i] = random_text(6);
		qsort(keys, wanted, sizeof(keys[0]), compare);
		for (unsigned i = 0; i < wanted; i++)
			if (n == 0 || !str_eq(keys[n - 1], keys[i]))
				keys[n++] = keys[i];
		struct trie *t = trie_new(keys, n, &arena);
		for (unsigned i = 0; i < 50; i++) {
			struct str text = random_text(9);
			size_t a = pick((unsigned)text.n + 1), b = a + pick((unsigned)(text.n - a) + 1);
			const struct str parts[] = {str_take(text, a), str_make(text.p + a, b - a), str_skip(text, b)};
			int expected = find_linear(keys, n, text);
			ck_assert_int_eq(trie_longest(t, parts, 3), expected);
			found += expected >= 0;
		}
		arena_reset(&arena);
	}
	ck_assert_uint_gt(found, 10000); /* else nothing was tested */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/trie");
	TCase *t = tcase_create("trie");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, finds_the_longest_key, 0, COUNT(rows));
	tcase_add_test(t, an_empty_key_begins_everything);
	tcase_add_test(t, no_keys_begin_nothing);
	tcase_add_test(t, equals_a_look_at_each_key);
	suite_add_tcase(s, t);
	return suite_run(s);
}
