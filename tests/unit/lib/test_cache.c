/* The contract of larder.h over every backend. */
#include "lib/place.h"

#include <glob.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/mem.h"

static larder_cache *cache;
static int backend;

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		int status_ = (call);                                                                                  \
		ck_assert_msg(                                                                                         \
		    status_ == LARDER_OK, "%s: %s: %d %s", place_names[backend], #call, status_, larder_last_error()); \
	} while (0)
#define IS(call, want)                                                                                                 \
	do {                                                                                                           \
		int status_ = (call);                                                                                  \
		ck_assert_msg(status_ == (want), "%s: %s: %d, not %d (%s)", place_names[backend], #call, status_,      \
		    (int)(want), larder_last_error());                                                                 \
	} while (0)

/* What a get gives is this, or nothing (NULL). */
static void expect_n(const char *key, const char *want, size_t n_want)
{
	void *value = &backend;
	size_t n = 1;
	int status = larder_get(cache, key, &value, &n);
	if (!want) {
		ck_assert_msg(status == LARDER_MISSING, "%s: %s: %d", place_names[backend], key, status);
		ck_assert_ptr_null(value);
		ck_assert_uint_eq(n, 0);
		return;
	}
	ck_assert_msg(status == LARDER_OK, "%s: %s: %d %s", place_names[backend], key, status, larder_last_error());
	ck_assert_msg(n == n_want && memcmp(value, want, n) == 0, "%s: %s: '%s', not '%s'", place_names[backend], key,
	    (char *)value, want);
	ck_assert_int_eq(((char *)value)[n], '\0');
	larder_free(value);
}

static void expect(const char *key, const char *want)
{
	expect_n(key, want, want ? strlen(want) : 0);
}

static void begin(int which, const char *name)
{
	backend = which;
	cache = place_open(which, name);
}

static void end(void)
{
	larder_close(cache);
	cache = NULL;
}

START_TEST(values_come_back_byte_for_byte)
{
	static const struct {
		const char *name, *value;
		size_t n;
	} rows[] = {
	    {"text", "hello", 5},
	    {"nothing", "", 0},
	    {"quotes, backslashes, controls", "a\"b\\c\n\t\x01\x1f\x7f", 10},
	    {"a NUL", "a\0b", 3},
	    {"UTF-8", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\x9e", 15},
	    {"no UTF-8", "\xff\xfe\x00\x80", 4},
	    {"no UTF-8, two", "\xc3", 1},
	    {"looks like JSON", "{\"a\": 1}", 8},
	    {"a surrogate", "\xed\xa0\x80", 3},
	};
	begin(_i, "bytes");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		OK(larder_set(cache, rows[i].name, rows[i].value, rows[i].n, 60));
		expect_n(rows[i].name, rows[i].value, rows[i].n);
		IS(larder_has(cache, rows[i].name), 1);
	}
	expect("not there", NULL);
	IS(larder_has(cache, "not there"), 0);
	end();
}
END_TEST

START_TEST(large_values_and_keys)
{
	size_t n = 5 * 1024 * 1024;
	char *big = malloc(n), key[LARDER_KEY_MAX + 2];
	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 7 + i / 251);
	memset(key, 'k', sizeof(key));
	key[LARDER_KEY_MAX] = '\0';
	begin(_i, "large");
	OK(larder_set(cache, key, big, n, 0));
	expect_n(key, big, n);
	key[LARDER_KEY_MAX] = 'k';
	key[LARDER_KEY_MAX + 1] = '\0';
	IS(larder_set(cache, key, "", 0, 0), LARDER_INVALID);
	IS(larder_set(cache, "k", big, LARDER_VALUE_MAX + (size_t)1, 0), LARDER_TOO_LARGE);
	free(big);
	end();
}
END_TEST

START_TEST(json_is_kept_as_it_is)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
	    {"{\"a\": [1, 2.50, null], \"b\": \"x\"}", NULL},
	    {"12345678901234567890123", NULL},
	    {"-0.5e-3", NULL},
	    {"true", NULL},
	    {"\"a\\u00e9\\n\\ud83c\\udf5e\\/\"", "a\xc3\xa9\n\xf0\x9f\x8d\x9e/"},
	    {"{\"base64\": \"/w==\"}", "\xff"},
	    {"{\"base64\": \"no!\"}", NULL},
	    {"{\"base64\": \"AAAAno!!\"}", NULL},
	    {"{\"base64\": \"/w==\", \"b\": 1}", NULL},
	    {"[]", NULL},
	};
	static const char *const bad[] = {"", " ", "{", "[1,]", "{\"a\"}", "01", "1.", "+1", "\"a", "\"\\x\"",
	    "\"\\ud800\"", "nul", "1 2", "\"\xff\"", "\"\n\"", "NaN", "{a: 1}"};
	begin(_i, "json");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char padded[128], *json;
		snprintf(padded, sizeof(padded), " \n%s\t", rows[i].json);
		OK(larder_set_json(cache, "k", padded, strlen(padded), 0));
		OK(larder_get_json(cache, "k", &json, NULL));
		ck_assert_str_eq(json, rows[i].json);
		larder_free(json);
		expect("k", rows[i].text ? rows[i].text : rows[i].json);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		IS(larder_set_json(cache, "bad", bad[i], strlen(bad[i]), 0), LARDER_INVALID);
	expect("bad", NULL);
	end();
}
END_TEST

START_TEST(a_default_is_copied)
{
	void *value;
	size_t n;
	begin(_i, "default");
	OK(larder_get_or(cache, "k", "else", 4, &value, &n));
	ck_assert_str_eq(value, "else");
	ck_assert_uint_eq(n, 4);
	larder_free(value);
	OK(larder_set(cache, "k", "v", 1, 0));
	OK(larder_get_or(cache, "k", "else", 4, &value, NULL));
	ck_assert_str_eq(value, "v");
	larder_free(value);
	OK(larder_get_or(cache, "none", NULL, 0, &value, &n));
	ck_assert_str_eq(value, "");
	larder_free(value);
	end();
}
END_TEST

START_TEST(forget_and_replace)
{
	begin(_i, "forget");
	IS(larder_forget(cache, "k"), LARDER_MISSING);
	OK(larder_set(cache, "k", "one", 3, 0));
	OK(larder_set(cache, "k", "two", 3, 0));
	expect("k", "two");
	OK(larder_forget(cache, "k"));
	expect("k", NULL);
	IS(larder_forget(cache, "k"), LARDER_MISSING);
	end();
}
END_TEST

START_TEST(what_is_not_valid_is_refused)
{
	const char *tags[LARDER_TAGS_MAX + 1], *empty[] = {""};
	for (size_t i = 0; i < LARDER_TAGS_MAX + 1; i++)
		tags[i] = "t";
	begin(_i, "invalid");
	IS(larder_set(cache, "", "v", 1, 0), LARDER_INVALID);
	IS(larder_set(cache, NULL, "v", 1, 0), LARDER_INVALID);
	IS(larder_set(cache, "k", "v", 1, -1), LARDER_INVALID);
	IS(larder_set(cache, "k", "v", 1, LARDER_TTL_MAX * 2), LARDER_INVALID);
	IS(larder_set(cache, "k", "v", 1, 0.0 / 0.0), LARDER_INVALID);
	IS(larder_set_tagged(cache, "k", "v", 1, 0, tags, LARDER_TAGS_MAX + 1), LARDER_INVALID);
	IS(larder_set_tagged(cache, "k", "v", 1, 0, empty, 1), LARDER_INVALID);
	IS(larder_incr(cache, "k", 1, -1, NULL), LARDER_INVALID);
	IS(larder_forget_tag(cache, ""), LARDER_INVALID);
	IS(larder_forget(cache, NULL), LARDER_INVALID);
	IS(larder_has(cache, ""), LARDER_INVALID);
	expect("k", NULL);
	ck_assert_str_ne(larder_last_error(), "");
	end();
}
END_TEST

START_TEST(counting)
{
	int64_t n = -1;
	begin(_i, "incr");
	OK(larder_incr(cache, "n", 5, 60, &n));
	ck_assert_int_eq(n, 5);
	OK(larder_incr(cache, "n", -7, 0, &n));
	ck_assert_int_eq(n, -2);
	OK(larder_incr(cache, "n", 0, 0, NULL));
	expect("n", "-2");
	OK(larder_set_json(cache, "n", "9223372036854775806", 19, 0));
	OK(larder_incr(cache, "n", 1, 0, &n));
	ck_assert_int_eq(n, INT64_MAX);
	n = 3;
	IS(larder_incr(cache, "n", 1, 0, &n), LARDER_NOT_INTEGER);
	ck_assert_int_eq(n, 3);
	expect("n", "9223372036854775807");
	OK(larder_set_json(cache, "n", "-9223372036854775808", 20, 0));
	IS(larder_incr(cache, "n", -1, 0, &n), LARDER_NOT_INTEGER);
	OK(larder_set(cache, "text", "5", 1, 0));
	IS(larder_incr(cache, "text", 1, 0, &n), LARDER_NOT_INTEGER);
	ck_assert_msg(
	    strncmp(larder_last_error(), "incr: the value is no integer", 29) == 0, "%s", larder_last_error());
	OK(larder_set_json(cache, "f", "1.0", 3, 0));
	IS(larder_incr(cache, "f", 1, 0, &n), LARDER_NOT_INTEGER);
	expect("f", "1.0");
	end();
}
END_TEST

/* Redis has a clock of its own. */
START_TEST(a_ttl_is_kept_to_the_millisecond)
{
	if (_i == PLACE_REDIS)
		return;
	place_now_ms = 1700000000123;
	lib_set_clock(place_clock);
	begin(_i, "ttl");
	OK(larder_set(cache, "k", "v", 1, 1.5));
	OK(larder_set(cache, "ever", "v", 1, 0));
	OK(larder_set(cache, "short", "v", 1, 0.0001));
	OK(larder_incr(cache, "n", 1, 2, NULL));
	place_now_ms += 1;
	expect("short", NULL);
	place_now_ms += 1498;
	expect("k", "v");
	OK(larder_incr(cache, "n", 1, 100, NULL));
	place_now_ms += 1;
	expect("k", NULL);
	IS(larder_has(cache, "k"), 0);
	IS(larder_forget(cache, "k"), LARDER_MISSING);
	expect("n", "2");
	place_now_ms += 500;
	expect("n", NULL);
	OK(larder_incr(cache, "n", 1, 0, NULL));
	place_now_ms += (int64_t)1 << 40;
	expect("n", "1");
	expect("ever", "v");
	end();
	lib_set_clock(NULL);
}
END_TEST

START_TEST(flush_keeps_other_namespaces_and_prefixes)
{
	larder_cache *others[3];
	larder_options o = place_options(_i, "flush");
	begin(_i, "flush");
	o.prefix = "p2";
	OK(larder_open(&o, &others[0]));
	o.prefix = "";
	OK(larder_open(&o, &others[1]));
	o.name_space = "flus?";
	o.prefix = "p";
	OK(larder_open(&o, &others[2]));
	for (int i = 0; i < 3; i++)
		OK(larder_set(others[i], "k", "theirs", 6, 0));
	OK(larder_set(cache, "k", "ours", 4, 0));
	OK(larder_set(cache, "k:2", "ours", 4, 0));
	OK(larder_flush(others[2]));
	expect("k", "ours");
	OK(larder_flush(cache));
	expect("k", NULL);
	expect("k:2", NULL);
	for (int i = 0; i < 3; i++) {
		IS(larder_has(others[i], "k"), i < 2);
		larder_close(others[i]);
	}
	OK(larder_flush(cache));
	end();
}
END_TEST

START_TEST(tags)
{
	static const char *const ab[] = {"a", "b"}, *const b[] = {"b"}, *const odd[] = {"a \"q\" {x} \xff"};
	begin(_i, "tags");
	OK(larder_set_tagged(cache, "1", "v", 1, 60, ab, 2));
	OK(larder_set_tagged(cache, "2", "v", 1, 0, b, 1));
	OK(larder_set_json_tagged(cache, "3", "{}", 2, 60, odd, 1));
	OK(larder_set(cache, "4", "v", 1, 0));
	OK(larder_forget_tag(cache, "none"));
	OK(larder_forget_tag(cache, "a"));
	expect("1", NULL);
	expect("2", "v");
	OK(larder_forget_tag(cache, odd[0]));
	expect("3", NULL);

	/* A value that was stored anew carries the new tags only. */
	OK(larder_set_tagged(cache, "1", "v", 1, 60, ab, 1));
	OK(larder_set(cache, "1", "w", 1, 0));
	OK(larder_set_tagged(cache, "2", "w", 1, 0, ab, 1));
	OK(larder_forget_tag(cache, "b"));
	expect("1", "w");
	expect("2", "w");
	OK(larder_forget_tag(cache, "a"));
	expect("1", "w");
	expect("2", NULL);

	/* Counting keeps tags; forgetting ends them. */
	OK(larder_set_json_tagged(cache, "n", "1", 1, 0, ab, 1));
	OK(larder_incr(cache, "n", 1, 0, NULL));
	OK(larder_forget_tag(cache, "a"));
	expect("n", NULL);
	OK(larder_set_json_tagged(cache, "n", "1", 1, 0, ab, 1));
	OK(larder_forget(cache, "n"));
	OK(larder_incr(cache, "n", 1, 0, NULL));
	OK(larder_forget_tag(cache, "a"));
	expect("n", "1");
	expect("4", "v");
	end();
}
END_TEST

START_TEST(many_of_one_tag)
{
	static const char *const t[] = {"t"};
	char key[32];
	begin(_i, "many");
	for (int i = 0; i < 1200; i++) {
		snprintf(key, sizeof(key), "%d", i);
		OK(larder_set_tagged(cache, key, key, strlen(key), i % 2 ? 0 : 60, t, i % 3 != 0));
	}
	OK(larder_forget_tag(cache, "t"));
	for (int i = 0; i < 1200; i++) {
		snprintf(key, sizeof(key), "%d", i);
		expect(key, i % 3 != 0 ? NULL : key);
	}
	end();
}
END_TEST

START_TEST(two_thousand_keys_are_flushed)
{
	char key[32];
	begin(_i, "flush2000");
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		OK(larder_set(cache, key, "v", 1, 60));
	}
	OK(larder_flush(cache));
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		IS(larder_has(cache, key), 0);
	}
	end();
}
END_TEST

START_TEST(odd_keys_are_keys)
{
	static const char *const keys[] = {
	    "a:b", ":", "a b\r\n", "{x}y", "a}b", "a{}b", "*", "../../x", "\xff\xfe", "tag:x", "gr\xc3\xbc"};
	static const char *const t[] = {"x"};
	begin(_i, "odd");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		OK(larder_set_tagged(cache, keys[i], keys[i], strlen(keys[i]), 60, t, i % 2));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect(keys[i], keys[i]);
	OK(larder_forget_tag(cache, "x"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect(keys[i], i % 2 ? NULL : keys[i]);
	OK(larder_flush(cache));
	end();
}
END_TEST

static int there_of(int n)
{
	char key[32];
	int there = 0;
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%d", i);
		there += larder_has(cache, key);
	}
	return there;
}

/* Without reading them, which file systems note. */
static size_t files_of(const char *path)
{
	char pattern[128];
	glob_t found;
	snprintf(pattern, sizeof(pattern), "%s/*.json", path);
	(void)!glob(pattern, 0, NULL, &found);
	size_t n = found.gl_pathc;
	globfree(&found);
	return n;
}

START_TEST(the_least_valuable_leave)
{
	larder_options o = place_options(_i, "entries");
	char key[32], path[96];
	backend = _i;
	snprintf(path, sizeof(path), "%s/entries", place_dir);
	o.path = path;
	o.max_entries = 100;
	if (_i == PLACE_REDIS) {
		place_now_ms = lib_now_ms();
		lib_set_clock(place_clock);
	}
	OK(larder_open(&o, &cache));
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		OK(larder_set(cache, key, key, strlen(key), i % 2 ? 1e6 : 0));
		expect("0", "0");			       /* asked for again and again */
		place_now_ms += _i == PLACE_REDIS ? 61000 : 0; /* Redis is told of it once a minute */
		if (_i == PLACE_FILE)
			ck_assert_uint_le(files_of(path), 100);
		else if (i % 100 == 99)
			ck_assert_int_le(there_of(i + 1), 100);
	}
	int there = there_of(1000);
	ck_assert_int_le(there, 100);
	ck_assert_int_ge(there, 90);
	expect("999", "999");
	expect("1", NULL);

	/* Counters count as well, and what is replaced counts once. */
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%d", 1000 + i);
		OK(larder_incr(cache, key, 0, i % 2 ? 60 : 0, NULL));
		OK(larder_set(cache, "same", "v", 1, 0));
	}
	there = there_of(1200) + larder_has(cache, "same");
	ck_assert_int_le(there, 100);
	ck_assert_int_ge(there, 90);
	lib_set_clock(NULL);
	end();
}
END_TEST

/* What leaves by another way makes room. */
START_TEST(what_is_forgotten_is_not_counted)
{
	static const char *const t[] = {"t"};
	larder_options o = place_options(_i, "forgotten");
	char key[32];
	backend = _i;
	o.max_entries = 60;
	OK(larder_open(&o, &cache));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 50; i++) {
			snprintf(key, sizeof(key), "%d", i);
			OK(larder_set_tagged(cache, key, "v", 1, 0, t, 1));
		}
		if (round == 0)
			OK(larder_flush(cache));
		else if (round == 1)
			OK(larder_forget_tag(cache, "t"));
		for (int i = 0; i < 50 && round == 2; i++) {
			snprintf(key, sizeof(key), "%d", i);
			OK(larder_forget(cache, key));
		}
		OK(larder_set(cache, "stays", "v", 1, 0));
	}
	for (int i = 0; i < 59; i++) {
		snprintf(key, sizeof(key), "%d", i);
		OK(larder_set(cache, key, "v", 1, 0));
	}
	ck_assert_int_eq(there_of(100), 59);
	expect("stays", "v");
	end();
}
END_TEST

static int three(void *context, larder_result *result)
{
	return larder_result_set_json(result, "3", 1);
}

static int ask_set(larder_cache *c)
{
	return larder_set(c, "k", "v", 1, 0);
}

static int ask_incr(larder_cache *c)
{
	return larder_incr(c, "k", 1, 0, NULL);
}

static int ask_remember(larder_cache *c)
{
	void *value;
	int status = larder_remember(c, "k", 0, three, NULL, &value, NULL);
	larder_free(value);
	return status;
}

/* Files of this process may have no bytes: as if the disk were full. */
START_TEST(an_error_of_files_names_operation_path_and_reason)
{
	static const struct {
		const char *says;
		int (*ask)(larder_cache *c);
		int status;
	} rows[] = {
	    {"set: ", ask_set, LARDER_IO},
	    {"incr: ", ask_incr, LARDER_IO},
	    {"remember: ", ask_remember, LARDER_OK},
	};
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	struct rlimit before;
	char path[260];
	int n = snprintf(path, sizeof(path), "%s/deep", place_dir);
	memset(path + n, 'x', sizeof(path) - (size_t)n - 1);
	path[sizeof(path) - 1] = '\0';
	larder_options o = place_options(PLACE_FILE, "errors");
	o.path = path;
	larder_cache *c;
	OK(larder_open(&o, &c));
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		setrlimit(RLIMIT_FSIZE, &none);
		int status = rows[i].ask(c);
		setrlimit(RLIMIT_FSIZE, &before);
		const char *says = larder_last_error(), *end = "/count: File too large";
		ck_assert_msg(status == rows[i].status, "%s%d %s", rows[i].says, status, says);
		ck_assert_msg(strncmp(says, rows[i].says, strlen(rows[i].says)) == 0, "%s: %s", rows[i].says, says);
		ck_assert_msg(strstr(says, ": cannot write /tmp/larder-lib-"), "%s", says);
		ck_assert_msg(strstr(says, "..."), "%s", says);
		ck_assert_msg(strcmp(says + strlen(says) - strlen(end), end) == 0, "%s", says);
	}
	ck_assert_int_eq(larder_set(c, "", "v", 1, 0), LARDER_INVALID);
	ck_assert_str_eq(larder_last_error(), "set: an empty key");
	larder_close(c);
}
END_TEST

START_TEST(what_cannot_be_opened_says_why)
{
	static const struct {
		const char *name, *backend, *path, *url;
		int status;
		const char *says;
	} rows[] = {
	    {"an unknown backend", "disk", "x", "x", LARDER_INVALID, "disk"},
	    {"a list", "memory, redis", "x", "x", LARDER_UNSUPPORTED, "list"},
	    {"no path", "file", NULL, NULL, LARDER_INVALID, "path"},
	    {"no url", "redis", NULL, NULL, LARDER_INVALID, "url"},
	    {"no parent", "file", "/nonexistent/a/b", NULL, LARDER_IO, "/nonexistent/a/b"},
	    {"a file", "file", "/dev/null", NULL, LARDER_IO, "/dev/null"},
	    {"no redis url", "redis", NULL, "http://localhost", LARDER_INVALID, "redis"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		larder_options o;
		larder_cache *c = (larder_cache *)1;
		larder_options_init(&o);
		o.backend = rows[i].backend;
		o.path = rows[i].path;
		o.url = rows[i].url;
		int status = larder_open(&o, &c);
		ck_assert_msg(status == rows[i].status, "%s: %d %s", rows[i].name, status, larder_last_error());
		ck_assert_msg(strstr(larder_last_error(), rows[i].says), "%s: %s", rows[i].name, larder_last_error());
		ck_assert_ptr_null(c);
	}
	larder_options o = {.size = 3};
	larder_cache *c;
	ck_assert_int_eq(larder_open(&o, &c), LARDER_INVALID);
	ck_assert_int_eq(larder_open(NULL, &c), LARDER_OK);
	larder_close(c);
	larder_close(NULL);
	ck_assert_str_eq(larder_strerror(LARDER_MISSING), "there is no such value");
	ck_assert_ptr_nonnull(larder_strerror(-1000));
	ck_assert_ptr_nonnull(larder_strerror(7));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/cache");
	TCase *c = tcase_create("contract");
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, place_make, place_remove);
	tcase_add_loop_test(c, values_come_back_byte_for_byte, 0, PLACES);
	tcase_add_loop_test(c, large_values_and_keys, 0, PLACES);
	tcase_add_loop_test(c, json_is_kept_as_it_is, 0, PLACES);
	tcase_add_loop_test(c, a_default_is_copied, 0, PLACES);
	tcase_add_loop_test(c, forget_and_replace, 0, PLACES);
	tcase_add_loop_test(c, what_is_not_valid_is_refused, 0, PLACES);
	tcase_add_loop_test(c, counting, 0, PLACES);
	tcase_add_loop_test(c, a_ttl_is_kept_to_the_millisecond, 0, PLACES);
	tcase_add_loop_test(c, flush_keeps_other_namespaces_and_prefixes, 0, PLACES);
	tcase_add_loop_test(c, tags, 0, PLACES);
	tcase_add_loop_test(c, many_of_one_tag, 0, PLACES);
	tcase_add_loop_test(c, two_thousand_keys_are_flushed, 0, PLACES);
	tcase_add_loop_test(c, odd_keys_are_keys, 0, PLACES);
	tcase_add_loop_test(c, the_least_valuable_leave, 0, PLACES);
	tcase_add_loop_test(c, what_is_forgotten_is_not_counted, 0, PLACES);
	tcase_add_test(c, an_error_of_files_names_operation_path_and_reason);
	tcase_add_test(c, what_cannot_be_opened_says_why);
	suite_add_tcase(s, c);
	return suite_run(s);
}
