/* Where options were set, as explanations tell it: the source that counts, never a secret. */
#include "conf_fixture.h"

static const char ini[] = "[upstream]\n"
			  "url = http://127.0.0.1:8000\n"
			  "[cache]\n"
			  "max_object = 2M\n"
			  "[route /a]\n"
			  "ttl = 60s\n"
			  "cache = on\n"
			  "request_header_set = Authorization: SECRET\n"
			  "[route b]\n"
			  "match = /b\n"
			  "max_object = 1M\n";

static struct conf *load_all(void)
{
	static const char *const environment[] = {"LARDER_ROUTE_B_TTL=5s", NULL};
	static const struct conf_flag flags[] = {{"route b", "cache", "off"}, {"route /a", "ttl", "7s"}};
	int err = load_from("t.ini", ini, environment, flags, COUNT(flags));
	ck_assert_msg(err == ERR_OK, "%s", problems.p);
	return loaded;
}

static const struct route *route_named(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->n_routes; i++) {
		if (str_eq(c->routes[i].name, str_of(name)))
			return &c->routes[i];
	}
	ck_abort_msg("no route %s", name);
	return NULL;
}

START_TEST(where_an_option_was_set)
{
	static const struct {
		const char *sentence, *route, *name, *value, *source; /* source NULL: not set */
	} rows[] = {
	    {"in the file", "/a", "cache", "on", "t.ini:7"},
	    {"a flag is stronger than the file", "/a", "ttl", "7s", "--"},
	    {"in the environment", "b", "ttl", "5s", "LARDER_ROUTE_B_TTL"},
	    {"by a flag", "b", "cache", "off", "--"},
	    {"in the route, not in [cache]", "b", "max_object", "1M", "t.ini:11"},
	    {"in [cache] where the route has none", "/a", "max_object", "2M", "t.ini:4"},
	    {"nowhere", "/a", "set_cookie", NULL, NULL},
	    {"what writes fields may hold a secret", "/a", "request_header_set", NULL, NULL},
	    {"the built-in route", "default", "ttl", NULL, NULL},
	    {"no option", "/a", NULL, NULL, NULL},
	};
	const struct conf *c = load_all();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_setting s = conf_setting_of(c, route_named(c, rows[i].route), rows[i].name);
		ck_assert_msg((s.name != NULL) == (rows[i].source != NULL), "%s", rows[i].sentence);
		if (!s.name)
			continue;
		ck_assert_str_eq(s.name, rows[i].name);
		ck_assert_msg(str_eq(s.value, str_of(rows[i].value)), "%s: %.*s", rows[i].sentence, STR_ARG(s.value));
		ck_assert_msg(str_starts_nocase(s.source, str_of(rows[i].source)), "%s: %.*s", rows[i].sentence,
		    STR_ARG(s.source));
	}
}
END_TEST

START_TEST(all_that_were_set)
{
	const struct route *b = route_named(load_all(), "b");
	static const char *const names[] = {"match", "max_object", "ttl", "cache"};
	for (unsigned i = 0; i < COUNT(names); i++)
		ck_assert_str_eq(conf_route_setting_at(b, i).name, names[i]);
	ck_assert_ptr_null(conf_route_setting_at(b, COUNT(names)).name);
	ck_assert_ptr_null(conf_route_setting(b, "set_cookie").name);
}
END_TEST

START_TEST(the_name_with_its_place)
{
	const struct conf *c = load_all();
	struct buf out;
	buf_init(&out, 1000);
	conf_route_write_name(route_named(c, "/a"), &out);
	buf_add(&out, STR(" "));
	conf_route_write_name(route_named(c, "default"), &out);
	ck_assert_msg(
	    str_eq(buf_str(&out), STR("[route /a] (t.ini:5) [route default]")), "%.*s", STR_ARG(buf_str(&out)));
	buf_free(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/setting");
	TCase *t = tcase_create("setting");
	tcase_add_checked_fixture(t, fixture_start, fixture_stop);
	tcase_add_test(t, where_an_option_was_set);
	tcase_add_test(t, all_that_were_set);
	tcase_add_test(t, the_name_with_its_place);
	suite_add_tcase(s, t);
	return suite_run(s);
}
