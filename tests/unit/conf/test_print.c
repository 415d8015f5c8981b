/* What check and GET /config show. */
#include "conf/load.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "conf_fixture.h"

static struct buf out;

static const char *print(const struct conf *c)
{
	buf_reset(&out);
	conf_print(c, &out);
	(void)buf_addc(&out, '\0');
	return out.p;
}

static const char rich[] =
    UPSTREAM "queue = 5\n[upstream api]\nurl = unix:/run/api.sock\n"
	     "[cache]\nmemory_size = 8M\n"
	     "[route /blog/*]\nttl = 60s\nttl_status = 404 10s\nset_cookie = strip\n"
	     "response_header_remove = Server\nresponse_header_add = \"X-A: a ; b\"\nresponse_header_remove = X-B\n"
	     "[route api]\nmatch = \"~ ^/api/[a-z ;]+\", h.example/*\ncache = off\nupstream = api\n";

START_TEST(shows_each_value_with_its_place)
{
	const char *const environment[] = {"LARDER_LOG_LEVEL=debug", "LARDER_ADMIN_TOKEN=0123456789abcdef", NULL};
	struct conf_flag flag = {"server", "listen", "127.0.0.1:0"};
	ck_assert_int_eq(load_from("t.ini", rich, environment, &flag, 1), ERR_OK);
	const char *text = print(loaded);
	static const char *const expected[] = {
	    "; Effective settings of t.ini\n",
	    "\nlisten = 127.0.0.1:0                    ; --listen\n",
	    "\nlevel = debug                           ; LARDER_LOG_LEVEL\n",
	    "\nqueue = 5                               ; t.ini:3\n",
	    "\nmax_idle = 64                           ; default\n",
	    "\nmax_object = 8M                         ; default, bounded by memory_size\n",
	    "\n[upstream]\n",
	    "\n[upstream api]\nurl = unix:/run/api.sock                ; t.ini:5\n",
	    "\n; token = (not shown)                   ; LARDER_ADMIN_TOKEN\n",
	    "\n; Routes, in the order they are tried: the first match wins.\n"
	    ";   1  /blog/*: cached, ttl 60s, 404 10s, Set-Cookie stripped, upstream default  [t.ini:8]\n"
	    ";   2  api  (~ ^/api/[a-z ;]+, h.example/*): passed through, upstream api  [t.ini:15]\n"
	    ";   3  default  (everything else): cached, the origin's headers decide, upstream default  [built in]\n",
	};
	for (size_t i = 0; i < COUNT(expected); i++)
		ck_assert_msg(strstr(text, expected[i]), "%s is not in:\n%s", expected[i], text);
	ck_assert_ptr_nonnull(strstr(text, " here\n")); /* workers = auto: how many that is */
	ck_assert_ptr_null(strstr(text, "0123456789abcdef"));
}
END_TEST

/* A copy without the places, which differ, and without the table of routes, which tells them too. */
static char *without_places(const char *text)
{
	struct str rest = str_make(text, (size_t)(strstr(text, "; Routes") - text)), line;
	struct buf copy;
	buf_init(&copy, 1 << 20);
	while (rest.p && str_cut(&rest, '\n', &line)) {
		size_t place = str_find(line, STR(" ; t.ini:"));
		if (place == line.n)
			place = str_find(line, STR(" ; default"));
		(void)buf_addf(&copy, "%.*s\n", STR_ARG(str_take(line, place)));
	}
	(void)buf_addc(&copy, '\0');
	return copy.p;
}

START_TEST(what_is_shown_loads_to_the_same)
{
	char *first = without_places(print(load_good(rich)));
	struct conf *again = load_good(out.p);
	ck_assert_str_eq(problems.p, "");
	char *second = without_places(print(again));
	ck_assert_ptr_nonnull(strstr(first, "\nresponse_header_add = \"X-A: a ; b\""));
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
}
END_TEST

START_TEST(json_is_valid_and_hides_secrets)
{
	buf_reset(&out);
	const char *const environment[] = {"LARDER_ADMIN_TOKEN=0123456789abcdef", NULL};
	ck_assert_int_eq(load_from("t.ini", rich, environment, NULL, 0), ERR_OK);
	conf_print_json(loaded, &out);
	(void)buf_addc(&out, '\0');
	cJSON *json = cJSON_Parse(out.p);
	ck_assert_msg(json, "%s", out.p);
	const cJSON *cache = cJSON_GetObjectItemCaseSensitive(json, "cache");
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(cache, "memory_size");
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(size, "value")), "8M");
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(size, "source")), "t.ini:7");
	const cJSON *upstreams = cJSON_GetObjectItemCaseSensitive(json, "upstreams");
	ck_assert_ptr_nonnull(cJSON_GetObjectItemCaseSensitive(upstreams, "default"));
	ck_assert_ptr_nonnull(cJSON_GetObjectItemCaseSensitive(upstreams, "api"));
	const cJSON *routes = cJSON_GetObjectItemCaseSensitive(json, "routes");
	ck_assert_int_eq(cJSON_GetArraySize(routes), 3);
	const cJSON *blog = cJSON_GetArrayItem(routes, 0);
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(blog, "name")), "/blog/*");
	const cJSON *blog_options = cJSON_GetObjectItemCaseSensitive(blog, "options");
	ck_assert_int_eq(
	    cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(blog_options, "response_header_remove")), 2);
	ck_assert_int_eq(
	    cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(routes, 1), "match")), 2);
	ck_assert_ptr_null(strstr(out.p, "0123456789abcdef"));
	cJSON_Delete(json);
}
END_TEST

START_TEST(shows_what_a_preset_comes_to)
{
	const char *text = print(load_good(
	    UPSTREAM "[route /a]\nttl = 1s\ntoken = django\ntoken_cookie = mine\nleak_guard = off\n"
		     "[route /b]\ntoken = rails\ntoken_path = /t\nset_cookie = strip\n[route /c]\ntoken = laravel\n"));
	static const char *const expected[] = {
	    ": cached, ttl 1s, token cookies csrftoken mine, token fields csrfmiddlewaretoken, leak guard off, ",
	    ", Set-Cookie stripped, token fields authenticity_token csrf-token from /t, upstream",
	    ", token fields _token csrf-token (a page with one is not stored: no token_path), upstream",
	};
	for (size_t i = 0; i < COUNT(expected); i++)
		ck_assert_msg(strstr(text, expected[i]), "%s is not in:\n%s", expected[i], text);
	buf_reset(&out);
	conf_print_json(loaded, &out);
	(void)buf_addc(&out, '\0');
	cJSON *json = cJSON_Parse(out.p);
	const cJSON *route = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "routes"), 0);
	const cJSON *cookies = cJSON_GetObjectItemCaseSensitive(route, "token_cookies");
	ck_assert_int_eq(cJSON_GetArraySize(cookies), 2);
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(cookies, 0)), "csrftoken");
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(route, "token_fields")), 1);
	cJSON_Delete(json);
}
END_TEST

START_TEST(tells_what_needs_a_restart)
{
	struct conf *old = conf_ref(load_good(UPSTREAM "[cache]\nmemory_size = 8M\n"));
	buf_reset(&out);
	conf_restart_needed(old, load_good(UPSTREAM "[cache]\nmemory_size = 9M\n[route /a]\n"), &out);
	ck_assert_uint_eq(out.n, 0);
	conf_restart_needed(old, load_good(UPSTREAM "[server]\nworkers = 3\nvia = x\n[admin]\nlisten = off\n"), &out);
	(void)buf_addc(&out, '\0');
	ck_assert_str_eq(out.p, "[server] workers = 3 takes effect after a restart; until then it is auto\n"
				"[admin] listen = off takes effect after a restart; until then it is 127.0.0.1:8081\n");
	conf_release(&old);
}
END_TEST

static void start(void)
{
	fixture_start();
	buf_init(&out, 1 << 20);
}

static void stop(void)
{
	fixture_stop();
	buf_free(&out);
}

int main(void)
{
	Suite *s = suite_create("conf/print");
	TCase *t = tcase_create("print");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, shows_each_value_with_its_place);
	tcase_add_test(t, what_is_shown_loads_to_the_same);
	tcase_add_test(t, json_is_valid_and_hides_secrets);
	tcase_add_test(t, shows_what_a_preset_comes_to);
	tcase_add_test(t, tells_what_needs_a_restart);
	suite_add_tcase(s, t);
	return suite_run(s);
}
