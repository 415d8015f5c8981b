/* Every allocation fails in turn, and all that follow it: a call either does its work or says LARDER_NO_MEMORY, nothing is lost, nothing ends the
 * process, and with memory again everything works. Twice: by the hook of base/alloc.h, which sanitizers can watch; and, without sanitizers, by a
 * malloc of this program's own, which also meets what the C library and others allocate. */
#include "lib/place.h"

#include <malloc.h>
#include <stdatomic.h>

#include "base/alloc.h"

#define OWN_MALLOC (!MEM_IS_SANITIZED)

static atomic_long left = -1; /* of own mallocs that work; below 0: all */
static atomic_ulong refused;

#if OWN_MALLOC
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static bool may(void)
{
	long n = atomic_load(&left);
	if (n < 0)
		return true;
	if (n > 0)
		atomic_store(&left, n - 1);
	else
		atomic_fetch_add(&refused, 1);
	errno = ENOMEM;
	return n > 0;
}

void *malloc(size_t n)
{
	return may() ? __libc_malloc(n) : NULL;
}

void *calloc(size_t n, size_t size)
{
	return may() ? __libc_calloc(n, size) : NULL;
}

void *realloc(void *p, size_t n)
{
	return may() ? __libc_realloc(p, n) : NULL;
}
#endif

static int compute(void *context, larder_result *result)
{
	return larder_result_set(result, "made", 4);
}

/* Which calls did not do their work; none may end in another way. */
struct tally {
	unsigned without_memory, wrong;
	const char *what;
	int status;
};

static void judge(struct tally *t, const char *what, int status)
{
	if (status == LARDER_NO_MEMORY) {
		t->without_memory++;
	} else if (status != LARDER_OK && status != LARDER_MISSING && status != 1) {
		t->wrong++;
		t->what = what;
		t->status = status;
	}
}

/* No checks of Check's here: they allocate. */
static void use_all(const larder_options *o, struct tally *t)
{
	static const char *const tags[] = {"a", "b"};
	larder_cache *c;
	void *value;
	char *json;
	judge(t, "open", larder_open(o, &c));
	if (!c)
		return;
	judge(t, "set", larder_set(c, "k", "value", 5, 60));
	judge(t, "set tagged", larder_set_tagged(c, "t", "\xff", 1, 60, tags, 2));
	judge(t, "set json", larder_set_json_tagged(c, "j", "[1]", 3, 0, tags, 1));
	judge(t, "get", larder_get(c, "k", &value, NULL));
	larder_free(value);
	judge(t, "get json", larder_get_json(c, "j", &json, NULL));
	larder_free(json);
	judge(t, "get or", larder_get_or(c, "none", "x", 1, &value, NULL));
	larder_free(value);
	judge(t, "has", larder_has(c, "k"));
	judge(t, "incr", larder_incr(c, "n", 1, 60, NULL));
	judge(t, "remember", larder_remember(c, "r", 60, compute, NULL, &value, NULL));
	larder_free(value);
	judge(t, "forget", larder_forget(c, "t"));
	judge(t, "forget tag", larder_forget_tag(c, "a"));
	judge(t, "flush", larder_flush(c));
	larder_close(c);
}

static void expect_works(int backend)
{
	void *value;
	larder_cache *c = place_open(backend, "oom");
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_OK);
	ck_assert_int_eq(larder_get(c, "k", &value, NULL), LARDER_OK);
	ck_assert_str_eq(value, "v");
	larder_free(value);
	ck_assert_int_eq(larder_flush(c), LARDER_OK);
	larder_close(c);
}

START_TEST(our_own_allocations_fail_in_turn)
{
	larder_options o = place_options(_i, "oom");
	unsigned without_memory = 1;
	for (long n = 0; without_memory > 0; n++) {
		struct tally t = {.wrong = 0};
		ck_assert_int_lt(n, 2000);
		alloc_fail_after(n);
		use_all(&o, &t);
		alloc_fail_after(-1);
		ck_assert_msg(t.wrong == 0, "%s, %ld: %s: %d", place_names[_i], n, t.what, t.status);
		without_memory = t.without_memory;
	}
	expect_works(_i);
}
END_TEST

START_TEST(allocations_of_anybody_fail_in_turn)
{
	if (!OWN_MALLOC)
		return;
	larder_options o = place_options(_i, "oom");
	unsigned long more = 1;
	for (long n = 0; more > 0; n++) {
		struct tally t = {.wrong = 0};
		ck_assert_int_lt(n, 5000);
		atomic_store(&refused, 0);
		atomic_store(&left, n);
		use_all(&o, &t);
		atomic_store(&left, -1);
		more = atomic_load(&refused);
		ck_assert_msg(t.wrong == 0, "%s, %ld: %s: %d", place_names[_i], n, t.what, t.status);
	}
	expect_works(_i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/memory_out");
	TCase *c = tcase_create("memory");
	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, place_make, place_remove);
	tcase_add_loop_test(c, our_own_allocations_fail_in_turn, 0, PLACES);
	tcase_add_loop_test(c, allocations_of_anybody_fail_in_turn, 0, PLACES);
	suite_add_tcase(s, c);
	return suite_run(s);
}
