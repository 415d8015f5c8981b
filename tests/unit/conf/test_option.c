/* The table and what is asked of it. */
#include "conf/option.h"

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct buf out;

static void start(void)
{
	buf_init(&out, 4096);
}

static void stop(void)
{
	buf_free(&out);
}

static const struct {
	int64_t ms;
	const char *text;
} times[] = {{0, "0s"}, {1, "1ms"}, {1500, "1500ms"}, {10000, "10s"}, {60000, "60s"}, {90000, "90s"}, {120000, "2m"},
    {3600000, "1h"}, {86400000, "1d"}, {90000000, "25h"}};

START_TEST(writes_times)
{
	write_time(times[_i].ms, &out);
	ck_assert_msg(
	    str_eq(buf_str(&out), str_of(times[_i].text)), "%s: %.*s", times[_i].text, STR_ARG(buf_str(&out)));
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {{0, "0"}, {1000, "1000"}, {1024, "1K"}, {1536, "1536"}, {1 << 20, "1M"}, {3145728, "3M"},
    {(uint64_t)5 << 30, "5G"}};

START_TEST(writes_sizes)
{
	write_size(sizes[_i].bytes, &out);
	ck_assert_msg(
	    str_eq(buf_str(&out), str_of(sizes[_i].text)), "%s: %.*s", sizes[_i].text, STR_ARG(buf_str(&out)));
}
END_TEST

START_TEST(names_in_environment_and_flags)
{
	const struct option *url = option_find(SECTION_UPSTREAM, STR("url"));
	option_env_name(url, STR_NONE, &out);
	(void)buf_addc(&out, ' ');
	option_env_name(url, STR("static-files.2"), &out);
	(void)buf_addc(&out, ' ');
	option_flag_name(url, &out);
	(void)buf_addc(&out, ' ');
	option_flag_name(option_find(SECTION_CACHE, STR("max_object")), &out);
	ck_assert(str_eq(buf_str(&out),
	    STR("LARDER_UPSTREAM_URL LARDER_UPSTREAM_STATIC_FILES_2_URL --upstream --cache-max-object")));
}
END_TEST

/* Two options with one variable could not both be set. */
START_TEST(no_two_options_share_a_variable)
{
	for (unsigned i = 0; i < n_options; i++) {
		struct buf a;
		buf_init(&a, 256);
		option_env_name(&options[i], STR_NONE, &a);
		for (unsigned j = 0; j < i; j++) {
			buf_reset(&out);
			option_env_name(&options[j], STR_NONE, &out);
			ck_assert_msg(!str_eq(buf_str(&a), buf_str(&out)), "%s", options[i].name);
		}
		buf_free(&a);
	}
}
END_TEST

START_TEST(finds_sections_and_options)
{
	ck_assert_ptr_eq(section_find(STR("cache")), &sections[SECTION_CACHE]);
	ck_assert_ptr_null(section_find(STR("Cache")));
	ck_assert_ptr_null(option_find(SECTION_CACHE, STR("url")));
	ck_assert_ptr_null(option_find(SECTION_CACHE, STR("")));
}
END_TEST

START_TEST(tells_what_is_allowed)
{
	static const struct {
		enum section_id section;
		const char *name, *allowed;
	} rows[] = {
	    {SECTION_UPSTREAM, "host", "client or upstream"},
	    {SECTION_LOG, "level", "error, warning, info or debug"},
	    {SECTION_ROUTE, "override", "none, or a list of private, no-store, authorization and vary"},
	    {SECTION_CACHE, "memory_size", "a number of bytes with K, M or G, such as 256M, from 1M to 1024G"},
	    {SECTION_SERVER, "header_timeout", "a number with ms, s, m, h or d, such as 30s, from 100ms to 1h"},
	    {SECTION_UPSTREAM, "queue", "a whole number, from 0 to 1000000"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		option_allowed(option_find(rows[i].section, str_of(rows[i].name)), &out);
		ck_assert_msg(
		    str_eq(buf_str(&out), str_of(rows[i].allowed)), "%s: %.*s", rows[i].name, STR_ARG(buf_str(&out)));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/option");
	TCase *t = tcase_create("option");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, writes_times, 0, COUNT(times));
	tcase_add_loop_test(t, writes_sizes, 0, COUNT(sizes));
	tcase_add_test(t, names_in_environment_and_flags);
	tcase_add_test(t, no_two_options_share_a_variable);
	tcase_add_test(t, finds_sections_and_options);
	tcase_add_test(t, tells_what_is_allowed);
	suite_add_tcase(s, t);
	return suite_run(s);
}
