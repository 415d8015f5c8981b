/* Loading: values from three sources, their problems, and what is made of them. */
#include "conf/load.h"

#include "conf/route.h"
#include "suite.h"

START_TEST(loads_with_one_flag)
{
	struct conf_flag flag = {"upstream", "url", "http://127.0.0.1:8000"};
	struct conf_source source = {.flags = &flag, .n_flags = 1};
	struct conf *c;
	struct buf errors;
	buf_init(&errors, 65536);
	ck_assert_int_eq(conf_load(&source, &c, &errors), ERR_OK);
	ck_assert_uint_eq(errors.n, 0);
	ck_assert(str_eq(route_find(c, STR("h"), STR("/"))->name, STR("default")));
	ck_assert_int_eq(c->server.listen[0].sa.ss_family, AF_INET);
	ck_assert_uint_eq(c->cache.memory_size, 256 << 20);
	buf_free(&errors);
	conf_release(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/load");
	TCase *t = tcase_create("load");
	tcase_add_test(t, loads_with_one_flag);
	suite_add_tcase(s, t);
	return suite_run(s);
}
