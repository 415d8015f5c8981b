/* The cache behind /cache is opened when it is asked for, as often as it takes. */
#include "admin/values.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "suite.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

START_TEST(a_place_that_is_out_of_order_is_no_error_before_it_is_asked)
{
	char parent[] = "/tmp/larder-values-XXXXXX", path[64];
	ck_assert_ptr_nonnull(mkdtemp(parent));
	snprintf(path, sizeof(path), "%s/not-yet/files", parent);
	struct values_options o = {.backend = "file", .path = str_of(path), .name_space = STR("n"), .prefix = STR("p")};
	struct values *v = values_new(&o);
	const char *why = "";
	ck_assert_ptr_null(values_cache(v, &why));
	ck_assert_msg(strstr(why, "not-yet") != NULL, "%s", why);
	path[strlen(path) - strlen("/files")] = '\0';
	ck_assert_int_eq(mkdir(path, 0700), 0);
	larder_cache *cache = values_cache(v, &why);
	ck_assert_ptr_nonnull(cache);
	ck_assert_ptr_eq(values_cache(v, &why), cache);
	ck_assert(!v->is_memory);
	values_free(&v);
	nftw(parent, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

START_TEST(in_memory_there_is_nothing_to_go_wrong)
{
	struct values_options o = {.backend = "memory", .name_space = STR("n"), .prefix = STR("p"), .max_entries = 10};
	struct values *v = values_new(&o);
	const char *why = "";
	ck_assert(v->is_memory);
	ck_assert_ptr_nonnull(values_cache(v, &why));
	values_free(&v);
	values_free(&v);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("values");
	TCase *t = tcase_create("values");
	tcase_add_test(t, a_place_that_is_out_of_order_is_no_error_before_it_is_asked);
	tcase_add_test(t, in_memory_there_is_nothing_to_go_wrong);
	suite_add_tcase(s, t);
	return suite_run(s);
}
