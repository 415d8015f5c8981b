/* The memory of sessions' tokens: what is kept, how long, what takes whose place, that it never grows; from several threads at once. */
#include "suite.h"

#include <pthread.h>

#include "base/mem.h"
#include "req/session.h"
#include "must.h"

enum { NOW_MS = 1700000000 };

static struct session_key key_of(struct sessions *s, struct arena *a, const char *place, const char *cookies)
{
	struct headers request = {0};
	struct jar jar;
	headers_add(&request, a, STR("Cookie"), str_of(cookies));
	ck_assert(jar_read(&request, &jar));
	return session_key_of(s, str_of(place), &jar, a);
}

START_TEST(what_is_told_is_found_for_its_time)
{
	struct sessions *s = sessions_new();
	struct arena a;
	arena_init(&a, 0);
	struct session_key key = key_of(s, &a, "app", "sid=0123456789abcdef");
	ck_assert(key.tells);
	ck_assert_ptr_null(session_find(s, &key, NOW_MS, &a).p);
	session_remember(s, &key, STR("one"), NOW_MS, SESSION_MS);
	ck_assert(str_eq(session_find(s, &key, NOW_MS, &a), STR("one")));
	ck_assert(str_eq(session_find(s, &key, NOW_MS + SESSION_MS - 1, &a), STR("one")));
	ck_assert_ptr_null(session_find(s, &key, NOW_MS + SESSION_MS, &a).p);
	ck_assert_ptr_null(session_find(s, &key, NOW_MS - 1, &a).p); /* the clock was set back */
	session_remember(s, &key, STR("two"), NOW_MS, SESSION_MS);
	ck_assert(str_eq(session_find(s, &key, NOW_MS, &a), STR("two")));
	session_remember(s, &key, STR_NONE, NOW_MS, 1000);
	struct str in_vain = session_find(s, &key, NOW_MS + 999, &a);
	ck_assert(in_vain.p && in_vain.n == 0);
	ck_assert_ptr_null(session_find(s, &key, NOW_MS + 1000, &a).p);
	arena_free(&a);
	sessions_free(&s);
}
END_TEST

START_TEST(who_is_who)
{
	struct sessions *s = sessions_new(), *another = sessions_new();
	struct arena a;
	arena_init(&a, 0);
	struct session_key key = key_of(s, &a, "app", "sid=0123456789abcdef"), other;
	other = key_of(s, &a, "app2", "sid=0123456789abcdef");
	ck_assert_msg(other.hi != key.hi && other.lo != key.lo, "the place does not count");
	other = key_of(s, &a, "app", "sid=0123456789abcdeg");
	ck_assert_msg(other.hi != key.hi && other.lo != key.lo, "the cookies do not count");
	other = key_of(another, &a, "app", "sid=0123456789abcdef");
	ck_assert_msg(other.hi != key.hi && other.lo != key.lo, "the secret does not count");
	other = key_of(s, &a, "app", "a=short");
	ck_assert(!other.tells);
	session_remember(s, &other, STR("token"), NOW_MS, SESSION_MS);
	ck_assert_ptr_null(session_find(s, &other, NOW_MS, &a).p);
	arena_free(&a);
	sessions_free(&s);
	sessions_free(&another);
}
END_TEST

static struct session_key number(uint64_t i)
{
	return (struct session_key){.hi = i, .lo = ~i, .tells = true};
}

START_TEST(a_place_is_shared_by_four)
{
	enum { SHARDS = 64, SETS = 64 };
	struct sessions *s = sessions_new();
	struct arena a;
	arena_init(&a, 0);
	/* Five of one set: the one that ends first leaves. */
	for (unsigned i = 0; i < 5; i++) {
		struct session_key key = number((uint64_t)i * SHARDS * SETS);
		session_remember(s, &key, STR("token"), NOW_MS, SESSION_MS - (i == 2 ? 1000 : 0));
	}
	for (unsigned i = 0; i < 5; i++) {
		struct session_key key = number((uint64_t)i * SHARDS * SETS);
		ck_assert_msg((session_find(s, &key, NOW_MS, &a).p == NULL) == (i == 2), "%u", i);
	}
	arena_free(&a);
	sessions_free(&s);
}
END_TEST

static void *hammer(void *table)
{
	struct arena a;
	arena_init(&a, 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct session_key key = number(i % 97);
		session_remember(table, &key, i % 2 ? STR("0123456789abcdef") : STR("fedcba"), NOW_MS, SESSION_MS);
		struct str found = session_find(table, &key, NOW_MS, &a);
		must(str_eq(found, STR("0123456789abcdef")) || str_eq(found, STR("fedcba")), "a mixture");
		arena_reset(&a);
	}
	arena_free(&a);
	return NULL;
}

START_TEST(many_threads)
{
	struct sessions *s = sessions_new();
	pthread_t threads[4];
	for (unsigned i = 0; i < COUNT_OF(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, s), 0);
	for (unsigned i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	sessions_free(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/session");
	TCase *t = tcase_create("session");
	tcase_add_test(t, what_is_told_is_found_for_its_time);
	tcase_add_test(t, who_is_who);
	tcase_add_test(t, a_place_is_shared_by_four);
	tcase_add_test(t, many_threads);
	suite_add_tcase(s, t);
	return suite_run(s);
}
